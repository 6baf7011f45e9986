//! Modes of a data folder: for its owner alone. Must not know what lies in its files.

use super::contents;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// From here on this process makes files and folders for its owner alone, whatever mask it was started with. Before the first
/// thread: the mask is the process's.
pub(super) fn make_private() {
    let _ = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Takes from others what they may do in a data folder: its own folders and the files in them. Says what was changed, and
/// what could not be.
pub(super) fn tighten(data: &Path) -> Vec<String> {
    let mut said = Vec::new();
    let own = rustix::process::geteuid().as_raw();
    if let Some(owner) = fs::metadata(data).ok().map(|found| found.uid()).filter(|owner| *owner != own) {
        said.push(format!("{} belongs to user {owner}, and this process runs as user {own}", data.display()));
    }
    let mut looser = Vec::new();
    for folder in contents::folders(data) {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        looser.extend(files.map(|entry| entry.path()).filter(|path| is_loose(path)));
        looser.extend(Some(folder).filter(|path| is_loose(path)));
    }
    let (mut changed, mut failed) = (Vec::new(), Vec::new());
    for path in looser {
        // A key that others could read is an error of its own, and a folder like /tmp is everybody's.
        if path.extension().is_some_and(|extension| extension == "key") {
            continue;
        }
        match set_private(&path) {
            Ok(()) => changed.push(path),
            Err(error) => failed.push(format!("{}: {error}", path.display())),
        }
    }
    said.extend(
        list(&changed)
            .map(|what| format!("others had rights in the data folder, taken from them now: {what}")),
    );
    said.extend(failed.into_iter().map(|error| format!("others have rights in the data folder: {error}")));
    said
}

fn is_loose(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0)
}

fn set_private(path: &Path) -> std::io::Result<()> {
    let found = fs::metadata(path)?;
    if found.mode() & 0o1000 != 0 {
        return Err(std::io::Error::other("a folder of everybody's (sticky), left as it is"));
    }
    let mode = if found.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// The first few of these, and how many there are.
fn list(paths: &[PathBuf]) -> Option<String> {
    let first = paths.first()?.display();
    Some(match paths.len() - 1 {
        0 => first.to_string(),
        more => format!("{first} and {more} more"),
    })
}
