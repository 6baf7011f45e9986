//! What stands in a data folder before anything in it is opened or made: nothing of a switch, all of it, or parts whose rest
//! is missing, which is an error that touches nothing. A volume that is not mounted looks like one of these.

use super::data::Failure;
use super::high_water::HighWater;
use crate::journal::{self, Seq};
use crate::portfolio::folder;
use crate::settings::Settings;
use crate::vault::KEY_VARIABLE;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What is wrong with a journal alone.
pub(super) const NO_SNAPSHOT: &str =
    "a journal, but no snapshot that says which cards it speaks of; restore one";

/// Files that are read whole.
const LINES: [&str; 3] = ["high-water", "clock.json", "keys/data.key"];
const LONGEST_LINE: u64 = 64 << 10;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// Nothing of a switch, or no folder at all.
    New,
    /// A data folder, with what its second place says of its journal.
    Whole(Option<HighWater>),
}

/// Looks at the data folder. Changes nothing; a switch may be running on it.
///
/// # Errors
/// It is no folder, cannot be read, or lacks a part that another one needs; in words.
pub(super) fn look(settings: &Settings, data: &Path) -> Result<Contents, Failure> {
    folders(data).iter().try_for_each(|folder| check_folder(folder))?;
    check_files(data)?;
    let high_water = HighWater::read(data);
    let segments = journal::segments(&data.join("journal"))?;
    let snapshots =
        folder::list(data).map_err(|error| format!("{}: {error}", data.join("snapshot").display()))?;
    let newest = snapshots.first().and_then(|path| folder::floor_of(path)).unwrap_or(0);
    let known = newest.max(high_water.map_or(0, HighWater::record));
    let sealed = !snapshots.is_empty() || has_versions(data);
    if !sealed && segments.is_empty() && high_water.is_none() {
        return Ok(Contents::New);
    }
    let lacks = lacks(&Parts { segments: &segments, snapshots: &snapshots, known, high_water });
    match lacks.or_else(|| lacks_key(settings, data)) {
        Some(lack) => Err(format!("{}: {lack}; nothing was changed", data.display()).into()),
        None => Ok(Contents::Whole(high_water)),
    }
}

/// A data folder and those in it, an outer one before what is in it.
pub(super) fn folders(data: &Path) -> [PathBuf; 7] {
    let inner = |name| data.join(name);
    [
        data.to_owned(),
        inner("journal"),
        inner("keys"),
        inner("snapshot"),
        inner("snapshot/origins"),
        inner("versions"),
        inner("hlog"),
    ]
}

struct Parts<'a> {
    segments: &'a [Seq],
    snapshots: &'a [PathBuf],
    /// The last record that something beside the journal speaks of.
    known: Seq,
    high_water: Option<HighWater>,
}

/// Which of the parts that need each other is not there.
fn lacks(parts: &Parts<'_>) -> Option<String> {
    let Parts { segments, snapshots, known, high_water } = *parts;
    if segments.is_empty() && (known > 0 || snapshots.is_empty()) {
        return Some(format!(
            "a part of a data folder, without its journal (up to record {known} at least): is its volume mounted? \
             Restore journal/"
        ));
    }
    if snapshots.is_empty() {
        return Some(NO_SNAPSHOT.into());
    }
    let missing = high_water.and_then(|high_water| high_water.missing_segment(segments));
    missing.map(|missing| format!("{missing}: records are missing; restore it"))
}

/// A key made now would open nothing of what is there.
fn lacks_key(settings: &Settings, data: &Path) -> Option<String> {
    let path = data.join("keys").join("data.key");
    let elsewhere =
        std::env::var_os(KEY_VARIABLE).is_some() || !settings.vault.key_file.as_os_str().is_empty();
    let missing =
        !elsewhere && matches!(fs::metadata(&path), Err(error) if error.kind() == ErrorKind::NotFound);
    missing.then(|| {
        format!(
            "the data key keys/data.key is missing, and what is here is sealed with it: restore it, or name it by \
             vault.key_file or {KEY_VARIABLE}"
        )
    })
}

/// What stands where a folder belongs must be one, or nothing.
///
/// # Errors
/// It is something else, or cannot be looked at; in words.
pub(super) fn check_folder(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(format!("{shown}: a file, where a folder belongs").into()),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{shown}: {error}").into()),
        Err(_) if fs::symlink_metadata(folder).is_ok() => {
            Err(format!("{shown}: a link to a folder that is not there (is its volume mounted?)").into())
        }
        Err(_) => Ok(()),
    }
}

/// What would be opened without an end: a pipe waits for a writer, a device goes on for ever, and so does what should be a line
/// and is gigabytes.
fn check_files(data: &Path) -> Result<(), Failure> {
    for folder in ["", "journal", "snapshot", "keys"] {
        for entry in fs::read_dir(data.join(folder)).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(found) = fs::metadata(&path) else { continue };
            if !found.is_file() && !found.is_dir() {
                return Err(format!("{}: neither a file nor a folder", path.display()).into());
            }
            let is_line = LINES.iter().any(|line| path == data.join(line));
            if is_line && found.len() > LONGEST_LINE {
                return Err(format!("{}: {} bytes, where a line belongs", path.display(), found.len()).into());
            }
        }
    }
    Ok(())
}

/// Whether it has seen settings or rule sets.
fn has_versions(data: &Path) -> bool {
    super::versions::kept(data).iter().any(|versions| !versions.is_empty())
}
