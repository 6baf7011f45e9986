//! Records that are known by their sequence, for tests that must tell whether the right ones came back.
#![allow(dead_code, clippy::unwrap_used)]

use authswitch::journal::{AppendError, Journal, JournalError, Options, Seq, Tail, scan};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};

/// The smallest segments there are, so that a test has many.
pub const SEGMENT_BYTES: u64 = 128 << 10;

pub fn small() -> Options {
    Options { segment_bytes: SEGMENT_BYTES, buffer_bytes: 128 << 10, ..Options::default() }
}

/// Sequence, kind, time, body.
pub type Row = (Seq, u8, i64, Vec<u8>);

/// What record `seq` holds.
pub fn row(seq: Seq) -> Row {
    let body = (0..(seq * 37 % 400)).map(|i| (seq + i) as u8).collect();
    (seq, (seq % 7) as u8, -5 + seq as i64, body)
}

pub fn rows(from: Seq, to: Seq) -> Vec<Row> {
    (from..=to).map(row).collect()
}

/// Reads from record `from` on: what came before the end or the error, and where it was.
pub fn try_read(dir: &Path, from: Seq) -> (Vec<Row>, Result<Tail, JournalError>) {
    let mut rows = Vec::new();
    let tail = scan(dir, from, &mut |e| {
        rows.push((e.seq, e.kind, e.time_us, e.body.to_vec()));
        Ok::<(), Infallible>(())
    });
    (rows, tail)
}

pub fn read(dir: &Path, from: Seq) -> (Vec<Row>, Tail) {
    let (rows, tail) = try_read(dir, from);
    (rows, tail.unwrap())
}

/// Opens the journal behind what is there.
pub fn open(dir: &Path) -> Journal {
    Journal::open(dir, read(dir, 1).1, small()).unwrap()
}

/// Appends known records up to `last`, waiting while the journal is busy.
pub fn fill(journal: &Journal, last: Seq) {
    while journal.appended() < last {
        let (seq, kind, time_us, body) = row(journal.appended() + 1);
        match journal.append(kind, &body, time_us) {
            Ok(given) => assert_eq!(given, seq),
            Err(AppendError::Busy) => std::thread::yield_now(),
            Err(e) => panic!("{e}"),
        }
    }
}

/// Waits until everything appended is durable.
pub fn settle(journal: &Journal) {
    while journal.durable() < journal.appended() {
        std::thread::sleep(std::time::Duration::from_micros(50));
    }
}

/// A journal whose thread stops behind its next batch until the sender is dropped; that batch is record 1. What is
/// appended until then stays exposed and is written as one batch.
pub fn stalled(dir: &Path, options: Options) -> (Journal, mpsc::Sender<()>) {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let on_durable =
        Some(Box::new(move |_| wait.lock().unwrap().recv().unwrap_or_default())
            as Box<dyn Fn(u64) + Send + Sync>);
    let journal = Journal::open(dir, Tail::default(), Options { on_durable, ..options }).unwrap();
    fill(&journal, 1);
    while journal.durable() == 0 {
        std::thread::yield_now();
    }
    (journal, go_on)
}

/// The segments' files in order.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = dir.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "seg"));
    paths.sort();
    paths
}

/// Every record's place: the segment's file, where it begins, where it ends (padding included).
pub fn places(dir: &Path) -> Vec<(PathBuf, u64, u64)> {
    let mut places = Vec::new();
    scan(dir, 1, &mut |e| {
        let end = e.offset + (28 + e.body.len() as u64).next_multiple_of(8);
        places.push((e.segment.to_path_buf(), e.offset, end));
        Ok::<(), Infallible>(())
    })
    .unwrap();
    places
}
