//! A rule file and its list files from the disk, checked as far as a machine can: time zones too.
//! Must not know commands.

use crate::rules::{MOST_FILE_BYTES, Problems, RuleSet, problems_at};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes of a list file: four million entries of the longest kind.
const MOST_LIST_BYTES: u64 = 160 << 20;

/// Why a rule file is not taken.
pub(in crate::cli) enum Refused {
    /// It cannot be read.
    Unreadable(String),
    /// What is wrong in it.
    Wrong(Problems),
}

/// Reads a rule file; the names of list files are relative to its folder.
pub(in crate::cli) fn read(file: &str) -> Result<RuleSet, Refused> {
    let bytes = bounded(Path::new(file), MOST_FILE_BYTES as u64)
        .map_err(|reason| Refused::Unreadable(format!("{file}: {reason}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Refused::Unreadable(format!("{file}: byte {at} is not UTF-8"))
    })?;
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut lists = |name: &str| {
        let path = folder.join(name);
        bounded(&path, MOST_LIST_BYTES).map_err(|reason| format!("{}: {reason}", path.display()))
    };
    let set = RuleSet::from_toml(&text, file, &mut lists).map_err(Refused::Wrong)?;
    let limits = set.limits().iter().chain(set.stand_in().limits());
    let unknown = limits.filter(|limit| jiff::tz::TimeZone::get(limit.time_zone()).is_err());
    let found: Vec<_> = unknown
        .map(|limit| (limit.time_zone_at(), format!("no time zone {:?} is known", limit.time_zone())))
        .collect();
    if found.is_empty() { Ok(set) } else { Err(Refused::Wrong(problems_at(&text, file, found))) }
}

/// A file of at most so many bytes: a larger one is not read at all.
fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length > most {
        return Err(format!("at most {most} bytes are read, not {length}"));
    }
    let mut bytes = Vec::new();
    // What grows meanwhile, and what has no length, ends here.
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("at most {most} bytes are read, and there are more"));
    }
    Ok(bytes)
}
