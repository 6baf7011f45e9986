//! Files beside the journal that are replaced as a whole: a crash leaves the old one or the new one, a full disk nothing
//! unfinished. Must not know what is in them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Puts a file in place for good. Only one process writes it, and one thread at a time.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let written = File::create(&unfinished)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        // It would take the journal's room.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
