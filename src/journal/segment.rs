//! The files of a journal: their names, their preparation, writing and syncing. Must not know buffers or threads.

use super::Seq;
use super::error::JournalError;
use super::format::{self, HEADER_BYTES};
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the names of segments end with that are not begun.
const PREPARED: &str = "next.tmp";
const ZERO_STEP_BYTES: u64 = 4 << 20;

/// The file of the segment that begins with record `first`.
pub(super) fn path(dir: &Path, first: Seq) -> PathBuf {
    dir.join(format!("{first:020}.seg"))
}

/// The first records of the segments in `dir`, ascending; none when there is no such folder.
///
/// # Errors
/// The folder cannot be read.
pub fn list(dir: &Path) -> Result<Vec<Seq>, JournalError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(JournalError::Io { doing: "read", path: dir.into(), source }),
    };
    let mut firsts = Vec::new();
    for entry in entries {
        let name = entry.map_err(JournalError::io("read", dir))?.file_name();
        let digits = name.to_str().and_then(|n| n.strip_suffix(".seg")).filter(|n| n.len() == 20);
        firsts.extend(digits.and_then(|d| d.parse::<Seq>().ok()));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Makes the names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), JournalError> {
    sync_folder(&open_dir(dir)?, dir)
}

/// The folder itself, for [`sync_folder`].
pub(super) fn open_dir(dir: &Path) -> Result<File, JournalError> {
    File::open(dir).map_err(JournalError::io("open", dir))
}

fn sync_folder(folder: &File, dir: &Path) -> Result<(), JournalError> {
    folder.sync_all().map_err(|source| JournalError::Sync { segment: dir.into(), source })
}

/// Removes the segments that an earlier run had prepared and not begun.
///
/// # Errors
/// The system's.
pub fn remove_unfinished(dir: &Path) -> Result<(), JournalError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(JournalError::Io { doing: "read", path: dir.into(), source }),
    };
    for entry in entries {
        let path = entry.map_err(JournalError::io("read", dir))?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Why a preparation got no further.
#[derive(Debug)]
pub(super) enum Unprepared {
    /// Nothing is lost: it can be tried again.
    Refused(io::Error),
    /// A sync failed, which ends the process.
    Fatal(JournalError),
}

/// The next segment while it is made: named and given a header only when its first record is known. Removed when
/// dropped unfinished.
#[derive(Debug)]
pub(super) struct Preparation {
    file: Arc<File>,
    path: PathBuf,
    bytes: u64,
    filled: u64,
    synced: bool,
    named: bool,
}

impl Preparation {
    /// Creates the file and asks the file system for its blocks; where that is unsupported, zeros must be written
    /// step by step. `number` tells it from others that are ready at the same time.
    pub(super) fn begin(dir: &Path, number: u64, bytes: u64) -> Result<Preparation, Unprepared> {
        let path = dir.join(format!("{number}.{PREPARED}"));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = Arc::new(file.map_err(Unprepared::Refused)?);
        // Nobody else knows it yet: this keeps who opens a copy of the folder by links out of it.
        let _ = file.try_lock();
        let mut preparation = Preparation { file, path, bytes, filled: 0, synced: false, named: false };
        if allocate(&preparation.file, 0, bytes).map_err(Unprepared::Refused)? {
            preparation.filled = bytes;
        }
        Ok(preparation)
    }

    /// Does a part of the work.
    pub(super) fn advance(&mut self) -> Result<(), Unprepared> {
        if self.filled < self.bytes {
            let step = ZERO_STEP_BYTES.min(self.bytes - self.filled);
            write_zeros(&self.file, self.filled, step).map_err(Unprepared::Refused)?;
            self.filled += step;
        }
        self.file
            .sync_data()
            .map_err(|source| Unprepared::Fatal(JournalError::Sync { segment: self.path.clone(), source }))?;
        self.synced = self.filled == self.bytes;
        Ok(())
    }

    /// Whether the blocks of the whole file are on the disk.
    pub(super) fn is_done(&self) -> bool {
        self.synced
    }

    /// Puts the header, and then the name, on the disk. May be called again after an error that lacks space. Opens nothing:
    /// records wait for it, and there may be no descriptor left. `folder` is `dir`, open.
    pub(super) fn finish(
        &mut self,
        dir: &Path,
        folder: &File,
        first: Seq,
        chain: u32,
    ) -> Result<Segment, JournalError> {
        let path = path(dir, first);
        let failed = |source| JournalError::Write { segment: self.path.clone(), offset: 0, source };
        write_all(&self.file, &format::header(first, chain), 0).map_err(|(_, source)| failed(source))?;
        self.file.sync_data().map_err(|source| JournalError::Sync { segment: self.path.clone(), source })?;
        fs::rename(&self.path, &path).map_err(failed)?;
        self.named = true;
        sync_folder(folder, dir)?;
        Ok(Segment {
            first,
            file: Arc::clone(&self.file),
            path,
            offset: HEADER_BYTES as u64,
            bytes: self.bytes,
        })
    }
}

impl Drop for Preparation {
    fn drop(&mut self) {
        if !self.named {
            // An unfinished file holds nothing; left behind it is removed by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Asks for the blocks of `len` bytes from `from`; false when the file system cannot do that.
fn allocate(file: &File, from: u64, len: u64) -> io::Result<bool> {
    loop {
        match fallocate(file, FallocateFlags::empty(), from, len) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => {
                let e = io::Error::from(e);
                return if e.kind() == io::ErrorKind::Unsupported { Ok(false) } else { Err(e) };
            }
        }
    }
}

fn write_zeros(file: &File, from: u64, len: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut at = from;
    while at < from + len {
        let step = (ZEROS.len() as u64).min(from + len - at) as usize;
        write_all(file, &ZEROS[..step], at).map_err(|(_, e)| e)?;
        at += step as u64;
    }
    Ok(())
}

/// Writes all of `bytes` at `offset`, through short writes and interrupts; on an error says how many were written.
fn write_all(file: &File, bytes: &[u8], offset: u64) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write_at(&bytes[written..], offset + written as u64) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err((written, e)),
        }
    }
    Ok(())
}

/// The file of the segment that is written to, as the folder knows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Newest {
    /// The segment's first record.
    pub(super) first: Seq,
    /// Its device and its number there.
    file: Option<(u64, u64)>,
}

impl Newest {
    /// Whether it does not stand in `dir` now: it was removed or moved away, or another file stands in its place. What is written
    /// to it is lost at the next start, if that stays so. One that another is begun behind stays.
    pub fn is_gone(&self, dir: &Path) -> bool {
        match fs::metadata(path(dir, self.first)) {
            Ok(found) => self.file.is_some_and(|file| file != identity(&found)),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

fn identity(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Segment {
    first: Seq,
    file: Arc<File>,
    path: PathBuf,
    offset: u64,
    bytes: u64,
}

impl Segment {
    /// Creates the first segment of an empty journal.
    pub(super) fn create(dir: &Path, bytes: u64, chain: u32) -> Result<Segment, JournalError> {
        let failed = |unprepared| match unprepared {
            Unprepared::Refused(source) => JournalError::Full { dir: dir.into(), source },
            Unprepared::Fatal(error) => error,
        };
        let mut preparation = Preparation::begin(dir, 0, bytes).map_err(failed)?;
        while !preparation.is_done() {
            preparation.advance().map_err(failed)?;
        }
        preparation.finish(dir, &open_dir(dir)?, 1, chain)
    }

    /// Opens the last segment to continue at `offset`, where its records end.
    pub(super) fn resume(dir: &Path, first: Seq, offset: u64) -> Result<Segment, JournalError> {
        let path = path(dir, first);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = Arc::new(file.map_err(JournalError::io("open", &path))?);
        // The folder may be a copy by links: then the file is another process's too.
        super::lock::lock(&file, &path, &dir.join("lock"))?;
        let bytes = file.metadata().map_err(JournalError::io("read the size of", &path))?.len();
        Ok(Segment { first, file, path, offset, bytes })
    }

    /// Cuts off a torn tail, so that nothing of it can ever read as a record again, and gives the segment its size
    /// back. Rewrites the header of a segment cut within it.
    pub(super) fn cut(&mut self, size: u64, first: Seq, chain: u32) -> Result<(), JournalError> {
        let failed = |source| JournalError::Write { segment: self.path.clone(), offset: self.offset, source };
        self.file.set_len(self.offset).map_err(failed)?;
        if self.offset < HEADER_BYTES as u64 {
            write_all(&self.file, &format::header(first, chain), 0).map_err(|(_, e)| failed(e))?;
            self.offset = HEADER_BYTES as u64;
        }
        self.bytes = self.offset;
        let size = size.max(self.offset);
        let wanted = size - self.offset;
        // Without the blocks (a full disk, a file system that cannot) the segment just ends here.
        if wanted > 0 && matches!(allocate(&self.file, self.offset, wanted), Ok(true)) {
            self.bytes = size;
        }
        self.sync()
    }

    /// Writes the last batch again. The process before may have ended on a failed sync: then the cache shows records
    /// that never reached the disk, marked clean, and only a new write makes them durable.
    pub(super) fn settle(&mut self, from: u64) -> Result<(), JournalError> {
        let mut bytes = vec![0; self.offset.saturating_sub(from) as usize];
        self.file.read_exact_at(&mut bytes, from).map_err(JournalError::io("read", &self.path))?;
        write_all(&self.file, &bytes, from).map_err(|(_, source)| JournalError::Write {
            segment: self.path.clone(),
            offset: from,
            source,
        })?;
        self.sync()
    }

    /// What its file is known by from outside.
    pub(super) fn newest(&self) -> Newest {
        // Where the system does not tell, any file of the name is taken for it.
        Newest { first: self.first, file: self.file.metadata().ok().map(|found| identity(&found)) }
    }

    /// Bytes left for records.
    pub(super) fn room(&self) -> u64 {
        self.bytes - self.offset
    }

    /// Writes `bytes` behind what is there. After an error that lacks space the written part is taken off `bytes`.
    pub(super) fn write(&mut self, bytes: &mut &[u8]) -> Result<(), JournalError> {
        let result = write_all(&self.file, bytes, self.offset);
        let written = result.as_ref().map_or_else(|(written, _)| *written, |()| bytes.len());
        self.offset += written as u64;
        *bytes = &bytes[written..];
        result.map_err(|(_, source)| JournalError::Write {
            segment: self.path.clone(),
            offset: self.offset,
            source,
        })
    }

    pub(super) fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|source| JournalError::Sync { segment: self.path.clone(), source })
    }
}
