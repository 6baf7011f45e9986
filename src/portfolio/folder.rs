//! The snapshots of a data folder: written so that a crash at any moment leaves a whole one, read newest first.

use super::Portfolio;
use super::snapshot::{self, SnapshotError, SnapshotFacts};
use crate::vault::DataKey;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Snapshots kept: the newest, and one to fall back on.
const KEPT: usize = 2;
/// A snapshot being written.
const UNFINISHED: &str = "unfinished.tmp";

/// What stops a snapshot from being written.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn folder(data: &Path) -> PathBuf {
    data.join("snapshot")
}

/// Writes a snapshot of everything up to `floor` (and perhaps later records, if the switch is deciding), waits with
/// `durable` until the journal holds all that may be in it, and only then puts it in place. Older ones go.
pub fn write(
    portfolio: &Portfolio,
    key: &DataKey,
    data: &Path,
    floor: u64,
    time_us: i64,
    durable: impl FnOnce() -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let folder = folder(data);
    fs::create_dir_all(&folder)?;
    let unfinished = folder.join(UNFINISHED);
    snapshot::write(portfolio, key, &unfinished, floor, time_us)?;
    durable()?;
    let path = folder.join(format!("{floor:020}.snap"));
    fs::rename(&unfinished, &path)?;
    File::open(&folder)?.sync_all()?;
    for old in list(data)?.iter().skip(KEPT) {
        fs::remove_file(old)?;
    }
    Ok(path)
}

/// The snapshots of a data folder, newest first.
pub fn list(data: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    match fs::read_dir(folder(data)) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "snap") {
                    found.push(path);
                }
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// A portfolio read from a snapshot.
pub struct Loaded {
    /// The portfolio as of the snapshot.
    pub portfolio: Portfolio,
    /// What the snapshot holds.
    pub facts: SnapshotFacts,
    /// Newer snapshots that could not be read: the journal's longer tail makes up for them.
    pub passed_over: Vec<SnapshotError>,
}

/// Reads the newest snapshot that is whole, into a portfolio made by `empty`. `None` when there is none at all.
///
/// # Errors
/// All are damaged, or the newest cannot be read for a reason that an older one would share.
pub fn load(
    data: &Path,
    key: &DataKey,
    empty: impl Fn() -> Portfolio,
) -> Result<Option<Loaded>, SnapshotError> {
    let system = |error| SnapshotError::System { path: folder(data), error };
    let mut passed_over = Vec::new();
    for path in list(data).map_err(system)? {
        let mut portfolio = empty();
        match snapshot::read(&mut portfolio, key, &path) {
            Ok(facts) => return Ok(Some(Loaded { portfolio, facts, passed_over })),
            Err(error @ SnapshotError::Damaged { .. }) => passed_over.push(error),
            Err(error) => return Err(error),
        }
    }
    match passed_over.pop() {
        Some(error) => Err(error),
        None => Ok(None),
    }
}
