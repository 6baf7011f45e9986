//! A rule file and its list files from the disk, checked as far as a machine can: time zones too.
//! Must not know commands.

use crate::portfolio::Zone;
use crate::rules::{MOST_FILE_BYTES, Problems, RuleSet, problems_at};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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

/// A rule set and the texts it is made of.
pub(in crate::cli) struct Loaded {
    pub set: RuleSet,
    pub texts: Texts,
}

/// All that a rule set says: its file, and the files that it names.
#[derive(Default, Serialize, Deserialize)]
pub(in crate::cli) struct Texts {
    pub name: String,
    pub rules: String,
    pub lists: BTreeMap<String, String>,
}

/// Reads a rule file; the names of list files are relative to its folder.
pub(in crate::cli) fn read(file: &Path) -> Result<Loaded, Refused> {
    let name = file.display().to_string();
    let rules = bounded(file, MOST_FILE_BYTES as u64)
        .map_err(|reason| Refused::Unreadable(format!("{name}: {reason}")))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut texts = Texts { name, rules, lists: BTreeMap::new() };
    let lists = &mut texts.lists;
    let set = RuleSet::from_toml(&texts.rules, &texts.name, &mut |list| {
        let path = folder.join(list);
        let text =
            bounded(&path, MOST_LIST_BYTES).map_err(|reason| format!("{}: {reason}", path.display()))?;
        let bytes = text.clone().into_bytes();
        lists.insert(list.to_owned(), text);
        Ok(bytes)
    })
    .map_err(Refused::Wrong)?;
    let limits = set.limits().iter().chain(set.stand_in().limits());
    let unknown =
        limits.filter_map(|limit| Some((limit.time_zone_at(), Zone::load(limit.time_zone()).err()?)));
    let found: Vec<_> = unknown.collect();
    if !found.is_empty() {
        return Err(Refused::Wrong(problems_at(&texts.rules, &texts.name, found)));
    }
    Ok(Loaded { set, texts })
}

/// A file of at most so many bytes: a larger one is not read at all.
fn bounded(path: &Path, most: u64) -> Result<String, String> {
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
    String::from_utf8(bytes)
        .map_err(|error| format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
}
