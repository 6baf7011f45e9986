//! A real journal and real snapshots in a folder that goes with the world. Cut and damaged as disks do it, and read back by
//! the real recovery (I12).

use super::disk::HEAD_BYTES;
use super::world::Fault;
use authswitch::journal::{AppendError, Entry, Journal, JournalError, Options, Tail, scan};
use authswitch::portfolio::{Portfolio, snapshot};
use authswitch::vault::DataKey;
use std::cell::RefCell;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub struct Files {
    /// Before the folder: a journal that is still open when its folder goes ends the process.
    journal: RefCell<Option<Journal>>,
    folder: TempDir,
    key: DataKey,
}

/// Where a record begins.
#[derive(Clone)]
struct Place {
    segment: PathBuf,
    offset: u64,
}

fn failed(error: impl ToString) -> Fault {
    Fault::new("I12 journal", error.to_string())
}

impl Files {
    /// In memory where the system has a folder of it: a world waits for no disk.
    pub fn new() -> Files {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        // A test without a folder for its files cannot go on.
        let folder = folder.expect("a folder for a world's files");
        let journal = open(folder.path(), Tail::default()).expect("a new journal");
        let key = DataKey::from_hex(&"5a".repeat(32)).expect("64 digits");
        Files { journal: RefCell::new(Some(journal)), folder, key }
    }

    pub fn append(&self, kind: u8, body: &[u8], time_us: i64) {
        let journal = self.journal.borrow();
        let journal = journal.as_ref().expect("open between crashes");
        // A segment that is not prepared yet is only a matter of time.
        while let Err(error) = journal.append(kind, body, time_us) {
            assert_eq!(error, AppendError::Busy);
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Cuts the files `into` bytes behind record `last` of `all` and recovers: gives the last record that is left.
    pub fn crash(&self, last: u64, into: u64, all: u64, body: impl Fn(u64) -> Vec<u8>) -> Result<u64, Fault> {
        self.close()?;
        let places = self.read(&body)?.0;
        Fault::unless("I12 journal", "records in the files", places.len() as u64, all)?;
        if let Some(place) = places.get(last as usize) {
            let file = OpenOptions::new().write(true).open(&place.segment).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            file.set_len(place.offset + into).map_err(failed)?;
            if into.is_multiple_of(2) {
                // Preallocated blocks read as zeros.
                file.set_len(size).map_err(failed)?;
            }
            let mut later: Vec<_> = places.iter().map(|place| &place.segment).collect();
            later.retain(|segment| **segment > place.segment);
            later.dedup();
            later.into_iter().try_for_each(std::fs::remove_file).map_err(failed)?;
        }
        let (found, tail) = self.read(&body)?;
        let found = found.len() as u64;
        // The end of a record may be zeros: then a cut there takes nothing away.
        let is_zero = |found: u64| {
            let bytes = body(found).iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1);
            into.is_multiple_of(2) && into >= HEAD_BYTES + bytes
        };
        if found != last + 1 || !is_zero(found) {
            Fault::unless("I12 journal", "records after a cut", found, last)?;
        }
        *self.journal.borrow_mut() = Some(open(self.folder.path(), tail).map_err(failed)?);
        Ok(found)
    }

    /// Changes a byte behind the headers and reads: nothing but what was written may come, up to the change at most.
    pub fn damage(&self, part: u16, body: impl Fn(u64) -> Vec<u8>) -> Result<(), Fault> {
        self.close()?;
        let places = self.read(&body)?.0;
        if places.is_empty() {
            return Ok(());
        }
        let index = places.len() * usize::from(part) / 65_536;
        let place = &places[index];
        let file = OpenOptions::new().read(true).write(true).open(&place.segment).map_err(failed)?;
        let at = place.offset + u64::from(part) % 60;
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).map_err(failed)?;
        file.write_all_at(&[byte[0] ^ (1 << (part % 8))], at).map_err(failed)?;
        match self.read(&body) {
            // Only the last record can be a torn tail: behind any other stand records that were written later.
            Ok((found, tail)) if index + 1 == places.len() && tail.torn.is_some() => {
                Fault::unless("I12 journal", "records before a change", found.len(), index)
            }
            Ok(_) => Err(failed(format!("a changed byte {at} of record {} goes unnoticed", index + 1))),
            Err(_) => Ok(()),
        }
    }

    fn close(&self) -> Result<(), Fault> {
        let journal = self.journal.borrow_mut().take();
        journal.map_or(Ok(()), |journal| journal.close().map(drop).map_err(failed))
    }

    /// Reads all records; each must be what was appended there.
    fn read(&self, body: impl Fn(u64) -> Vec<u8>) -> Result<(Vec<Place>, Tail), Fault> {
        let mut places = Vec::new();
        let tail = scan(&self.folder.path().join("journal"), 1, &mut |entry: Entry<'_>| {
            places.push(Place { segment: entry.segment.to_owned(), offset: entry.offset });
            let same = entry.seq == places.len() as u64 && entry.body == body(entry.seq);
            if same { Ok(()) } else { Err("not the record that was appended") }
        })
        .map_err(failed)?;
        Fault::unless("I12 journal", "the journal's last record", tail.last, places.len() as u64)?;
        Ok((places, tail))
    }

    /// Writes a real snapshot; gives the last record that is in it.
    pub fn write_snapshot(&self, portfolio: &Portfolio, floor: u64, now_us: i64) -> Result<u64, Fault> {
        let path = self.folder.path().join("world.snap");
        snapshot::write(portfolio, &self.key, &path, floor, now_us).map_err(failed)
    }

    /// Reads it into an empty portfolio.
    pub fn read_snapshot(&self, portfolio: &mut Portfolio) -> Result<(), Fault> {
        let path = self.folder.path().join("world.snap");
        snapshot::read(portfolio, &self.key, &path).map(drop).map_err(failed)
    }
}

fn open(folder: &Path, tail: Tail) -> Result<Journal, JournalError> {
    let options = Options {
        segment_bytes: 128 << 10,
        buffer_bytes: 256 << 10,
        commit_interval: Duration::from_micros(100),
        ..Options::default()
    };
    Journal::open(&folder.join("journal"), tail, options)
}
