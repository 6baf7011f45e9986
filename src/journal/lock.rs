//! One process a folder: the lock file. Must not know what lies in the folder.

use super::JournalError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the lock is tried, and how long between: whoever only asks lets go sooner.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// Holds a journal's folder for this process until dropped. The kernel lets go of it when the process ends, however it
/// ends. [`super::Journal::open`] takes it itself; a tool that changes the data of a stopped switch takes it alone.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks `dir` (which must exist) by the file `lock` in it.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process (or another open journal of this one) has it.
    pub fn take(dir: &Path) -> Result<Lock, JournalError> {
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(JournalError::io("open the lock file", &path))?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Somebody may only be asking, see `is_held`.
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(TRY_AGAIN);
                }
                Err(TryLockError::WouldBlock) => return Err(locked(path, &mut file)),
                Err(TryLockError::Error(source)) => {
                    return Err(JournalError::Io { doing: "lock", path, source });
                }
            }
        }
        // The number serves the message of whoever comes second; the lock holds without it, on a full disk too.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Lock { _file: file })
    }
}

impl Lock {
    /// Whether somebody holds `dir`, this process included. Where it cannot be told, as if somebody did.
    pub fn is_held(dir: &Path) -> bool {
        match File::open(dir.join("lock")) {
            // Shared, and let go of at once: those who ask do not disturb each other, and who takes the lock tries again.
            Ok(file) => file.try_lock_shared().is_err(),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }
}

fn locked(path: PathBuf, file: &mut File) -> JournalError {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(20).read_to_string(&mut text));
    let holder = match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(id)) => format!(" (process {id})"),
        _ => String::new(),
    };
    JournalError::Locked { path, holder }
}
