//! One process a folder: locks on the folders and segments that are written themselves. Must not know what lies in them.

use super::JournalError;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often the lock is tried, and how long between: whoever only asks lets go sooner.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// The file that says who holds the folder. It is no lock: removing it lets nobody in.
const HOLDER: &str = "lock";

/// Holds folders for this process until it and its clones are dropped. The kernel lets go of them when the process ends,
/// however it ends. What is locked is the folder itself, by whatever path it was reached: no file in it can be removed to let
/// a second process in. [`super::Journal::open`] takes it itself; a tool that changes the data of a stopped switch takes it
/// alone.
#[derive(Clone, Debug)]
pub struct Lock {
    _held: Arc<[File]>,
}

impl Lock {
    /// Locks the journal's folder `dir`, which must exist.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process (or another open journal of this one) has it.
    pub fn take(dir: &Path) -> Result<Lock, JournalError> {
        Lock::take_with(dir, &[])
    }

    /// As [`Lock::take`], and locks `others` with it: folders that are written by whoever writes the journal.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub fn take_with(dir: &Path, others: &[&Path]) -> Result<Lock, JournalError> {
        let holder = dir.join(HOLDER);
        let mut held = Vec::with_capacity(1 + others.len());
        for dir in [&[dir], others].concat() {
            let file = File::open(dir).map_err(JournalError::io("open", dir))?;
            lock(&file, dir, &holder)?;
            held.push(file);
        }
        // A folder that cannot be written to is told here; on a full disk the lock holds without the number.
        let file = File::options().write(true).create(true).truncate(true).open(&holder);
        let mut file = file.map_err(JournalError::io("write to", &holder))?;
        let _ = file.write_all(std::process::id().to_string().as_bytes());
        Ok(Lock { _held: held.into() })
    }

    /// Whether somebody holds `dir`, this process included. Where it cannot be told, as if somebody did.
    pub fn is_held(dir: &Path) -> bool {
        match File::open(dir) {
            // Shared, and let go of at once: those who ask do not disturb each other, and who takes the lock tries again.
            Ok(file) => file.try_lock_shared().is_err(),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }
}

/// Locks an open file or folder until it is closed. `holder` is the file that may say who has it.
pub(super) fn lock(file: &File, path: &Path, holder: &Path) -> Result<(), JournalError> {
    let mut tries = 1;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            // Somebody may only be asking, see `is_held`.
            Err(TryLockError::WouldBlock) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(TRY_AGAIN);
            }
            Err(TryLockError::WouldBlock) => return Err(locked(path.into(), holder)),
            Err(TryLockError::Error(source)) => {
                return Err(JournalError::Unlockable { path: path.into(), source });
            }
        }
    }
}

fn locked(path: PathBuf, holder: &Path) -> JournalError {
    let id = fs::read_to_string(holder).ok().and_then(|text| text.trim().parse::<u32>().ok());
    JournalError::Locked { path, holder: id.map_or_else(String::new, |id| format!(" (process {id})")) }
}
