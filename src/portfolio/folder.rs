//! The snapshots of a data folder: written so that a crash at any moment leaves a whole one, read newest first.

use super::Portfolio;
use super::snapshot::{self, SnapshotError, SnapshotFacts, WriteOptions};
use crate::vault::DataKey;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Snapshots kept: the newest, and one to fall back on.
const KEPT: usize = 2;
/// A snapshot being written. What ends with `.tmp` is unfinished.
const UNFINISHED: &str = "unfinished.tmp";

/// Where the snapshots lie that the journal cannot lead to: of a new folder, and after each change from outside.
const ORIGINS: &str = "origins";

/// What stops a snapshot from being written.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn folder(data: &Path) -> PathBuf {
    data.join("snapshot")
}

/// Writes a snapshot of everything up to `floor` (and perhaps later records, if the switch is deciding), waits with
/// `durable` until the journal holds for good the last record that is in it, and only then puts it in place: a crash
/// before leaves the older ones, and no effect of a record that was lost. Of the older ones all but the last go. What
/// was written of one that does not get so far is removed: on a full disk it would take the journal's room.
pub fn write(
    portfolio: &Portfolio,
    key: &DataKey,
    data: &Path,
    at: (u64, i64),
    options: WriteOptions<'_>,
    durable: impl FnOnce(u64) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    write_then(portfolio, key, data, at, options, |highest, _| durable(highest))
}

/// Writes a snapshot of the record and time `at`, puts it in place when `then` has agreed, which is told the last record in it
/// and where it lies until then, and removes what there are too many of.
fn write_then(
    portfolio: &Portfolio,
    key: &DataKey,
    data: &Path,
    (floor, time_us): (u64, i64),
    options: WriteOptions<'_>,
    then: impl FnOnce(u64, &Path) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let folder = folder(data);
    fs::create_dir_all(&folder)?;
    let unfinished = folder.join(UNFINISHED);
    let path = folder.join(format!("{floor:020}.snap"));
    let written = snapshot::write_as(portfolio, key, &unfinished, floor, time_us, options)
        .map_err(Failure::from)
        .and_then(|highest| then(highest, &unfinished))
        .and_then(|()| Ok(fs::rename(&unfinished, &path)?));
    if let Err(error) = written {
        remove_unfinished(data)?;
        return Err(error);
    }
    File::open(&folder)?.sync_all()?;
    keep_newest(data, KEPT)?;
    Ok(path)
}

/// Removes what earlier runs left unfinished among the snapshots and origins of a data folder that nobody else writes.
pub fn remove_unfinished(data: &Path) -> std::io::Result<()> {
    let folder = folder(data);
    for folder in [folder.join(ORIGINS), folder] {
        for path in files(&folder, "tmp")? {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Writes the first snapshot of a new folder, and keeps it as an origin.
pub fn write_first(
    portfolio: &Portfolio,
    key: &DataKey,
    data: &Path,
    time_us: i64,
    options: WriteOptions<'_>,
) -> Result<(), Failure> {
    let path = write(portfolio, key, data, (0, time_us), options, |_| Ok(()))?;
    keep_origin(data, &path, time_us)
}

/// A second name for a snapshot: from the origins and the journal every state that the folder ever had can be
/// reached, however many snapshots have come and gone. One of the same record as before replaces it.
fn keep_origin(data: &Path, snapshot: &Path, time_us: i64) -> Result<(), Failure> {
    let origins = folder(data).join(ORIGINS);
    fs::create_dir_all(&origins)?;
    let name = snapshot.file_name().ok_or("a snapshot without a name")?;
    let unfinished = origins.join(format!("{time_us}.tmp"));
    fs::hard_link(snapshot, &unfinished)?;
    fs::rename(&unfinished, origins.join(name))?;
    File::open(&origins)?.sync_all()?;
    Ok(File::open(folder(data))?.sync_all()?)
}

/// Writes a snapshot of a stopped switch after a change that the journal does not hold (an import of cards), and a copy
/// beside it to fall back on: no start may go back behind it, an older one and the journal would not lead to the
/// same state.
pub fn write_changed(
    portfolio: &Portfolio,
    key: &DataKey,
    data: &Path,
    (floor, time_us): (u64, i64),
    options: WriteOptions<'_>,
) -> Result<(), Failure> {
    let newest = write_then(portfolio, key, data, (floor, time_us), options, |_, written| {
        // The copy first: on a full disk either both are there or neither. It sorts behind the newest and before all
        // that is older.
        let copy = folder(data).join(format!("{floor:020}.again.snap"));
        let unfinished = copy.with_extension("tmp");
        fs::copy(written, &unfinished)?;
        File::open(&unfinished)?.sync_all()?;
        Ok(fs::rename(&unfinished, &copy)?)
    })?;
    keep_origin(data, &newest, time_us)
}

fn keep_newest(data: &Path, count: usize) -> std::io::Result<()> {
    for old in list(data)?.iter().skip(count) {
        fs::remove_file(old)?;
    }
    File::open(folder(data))?.sync_all()
}

/// The snapshots of a data folder, newest first.
pub fn list(data: &Path) -> std::io::Result<Vec<PathBuf>> {
    snapshots(&folder(data))
}

fn snapshots(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = files(folder, "snap")?;
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// The files of a folder with this extension; none where there is no such folder.
fn files(folder: &Path, wanted: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == wanted) {
                    found.push(path);
                }
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
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

/// The records after which the cards were changed from outside (0 where the folder began), in order: no state before one
/// of them leads to one after it.
pub fn origins(data: &Path) -> std::io::Result<Vec<u64>> {
    let mut floors: Vec<u64> =
        snapshots(&folder(data).join(ORIGINS))?.iter().filter_map(|path| floor_of(path)).collect();
    floors.sort_unstable();
    Ok(floors)
}

/// The last record before a snapshot was begun, as its name says.
pub fn floor_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.split('.').next()?.parse().ok()
}

/// Reads the newest snapshot that knows nothing of the record `before` and of none after it: where the way to the
/// state before that record is shortest. `None` when there is none: the cards have been changed since, or the
/// folder is older than its origins.
///
/// # Errors
/// The first that cannot be read for another reason than damage.
pub fn load_before(
    data: &Path,
    key: &DataKey,
    before: u64,
    empty: impl Fn() -> Portfolio,
) -> Result<Option<Loaded>, SnapshotError> {
    let origins = folder(data).join(ORIGINS);
    let system = |error| SnapshotError::System { path: folder(data), error };
    let mut paths = list(data).map_err(system)?;
    paths.extend(snapshots(&origins).map_err(system)?);
    let mut passed_over = Vec::new();
    paths.retain(|path| floor_of(path).is_some_and(|floor| floor < before));
    paths.sort_by_key(|path| std::cmp::Reverse(floor_of(path)));
    for path in paths {
        let mut portfolio = empty();
        match snapshot::read(&mut portfolio, key, &path) {
            Ok(facts) if facts.highest < before => {
                return Ok(Some(Loaded { portfolio, facts, passed_over }));
            }
            Ok(_) => {}
            Err(error @ SnapshotError::Damaged { .. }) => passed_over.push(error),
            // A switch that runs has written a newer one, and the oldest went.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn is_gone(error: &SnapshotError) -> bool {
    matches!(error, SnapshotError::System { error, .. } if error.kind() == std::io::ErrorKind::NotFound)
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
    let mut paths = list(data).map_err(system)?;
    // From the end, which is the newest then.
    paths.reverse();
    while let Some(path) = paths.pop() {
        let mut portfolio = empty();
        match snapshot::read(&mut portfolio, key, &path) {
            Ok(facts) => return Ok(Some(Loaded { portfolio, facts, passed_over })),
            Err(error @ SnapshotError::Damaged { .. }) => passed_over.push(error),
            // A switch that runs wrote newer ones meanwhile.
            Err(error) if is_gone(&error) => {
                (paths, passed_over) = (list(data).map_err(system)?, Vec::new());
                paths.reverse();
            }
            Err(error) => return Err(error),
        }
    }
    match passed_over.pop() {
        Some(error) => Err(error),
        None => Ok(None),
    }
}
