//! The journal of a world: bodies in memory with the sizes they have on a disk, how far they are durable, and what is left
//! of them after a crash. Some worlds write a real journal beside it. Must not know what a body means.

use super::files::Files;
use super::world::Fault;
use authswitch::decision::Sink;
use authswitch::portfolio::{FORMAT, Portfolio, Record};
use std::cell::{Cell, RefCell};

/// One body: where it ends in memory, where its record would end in a file, and its time.
#[derive(Clone, Copy, Debug)]
struct Mark {
    end: usize,
    filed: u64,
    time_us: i64,
}

/// Bytes of a record in a file before its body, and what its length is rounded up to.
pub const HEAD_BYTES: u64 = 28;
const ALIGNMENT: u64 = 8;

#[derive(Default)]
pub struct Disk {
    bytes: RefCell<Vec<u8>>,
    marks: RefCell<Vec<Mark>>,
    pub full: Cell<bool>,
    durable: Cell<u64>,
    files: Option<Files>,
}

impl Sink for Disk {
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64> {
        if self.full.get() {
            return None;
        }
        let (mut bytes, mut marks) = (self.bytes.borrow_mut(), self.marks.borrow_mut());
        bytes.extend_from_slice(body);
        let size = (HEAD_BYTES + body.len() as u64).next_multiple_of(ALIGNMENT);
        let filed = marks.last().map_or(0, |mark| mark.filed) + size;
        marks.push(Mark { end: bytes.len(), filed, time_us });
        if let Some(files) = &self.files {
            files.append(FORMAT, body, time_us);
        }
        Some(marks.len() as u64)
    }
}

impl Disk {
    /// With a real journal beside it, or without.
    pub fn new(files: Option<Files>) -> Disk {
        Disk { files, ..Disk::default() }
    }

    pub fn appended(&self) -> u64 {
        self.marks.borrow().len() as u64
    }

    pub fn durable(&self) -> u64 {
        self.durable.get()
    }

    pub fn files(&self) -> Option<&Files> {
        self.files.as_ref()
    }

    /// So many percent of what is not yet durable becomes it.
    pub fn sync(&self, percent: u8) {
        let waiting = self.appended() - self.durable.get();
        self.durable.set(self.durable.get() + waiting * u64::from(percent) / 100);
    }

    /// The record with this sequence.
    pub fn record(&self, sequence: u64) -> Result<Record, Fault> {
        self.visit(sequence, |body, time_us| {
            let record =
                Record::decode(body).map_err(|error| Fault::new("I12 journal", error.to_string()))?;
            Fault::unless("I12 journal", "the time of a record", record.time_us, time_us)?;
            Ok(record)
        })
    }

    fn visit<T>(&self, sequence: u64, visit: impl FnOnce(&[u8], i64) -> T) -> T {
        let (bytes, marks) = (self.bytes.borrow(), self.marks.borrow());
        let start = if sequence < 2 { 0 } else { marks[sequence as usize - 2].end };
        let mark = marks[sequence as usize - 1];
        visit(&bytes[start..mark.end], mark.time_us)
    }

    /// Applies the records after `floor` to a portfolio, as a restart does.
    pub fn replay_into(&self, portfolio: &Portfolio, floor: u64) -> Result<(), Fault> {
        for sequence in floor + 1..=self.appended() {
            portfolio.apply(&self.record(sequence)?, sequence);
        }
        Ok(())
    }

    /// Everything stops at some byte behind what is durable: only whole records before it are left. Gives the last one.
    pub fn crash(&self, part: u16) -> Result<u64, Fault> {
        let mut marks = self.marks.borrow_mut();
        let filed = |sequence: u64| if sequence == 0 { 0 } else { marks[sequence as usize - 1].filed };
        let (durable, end) = (filed(self.durable.get()), marks.last().map_or(0, |mark| mark.filed));
        let cut = durable + (end - durable) * u64::from(part) / 65_536;
        let mut last = marks.iter().filter(|mark| mark.filed <= cut).count() as u64;
        if let Some(files) = &self.files {
            let body = |sequence: u64| self.body_of(&marks, sequence);
            last = files.crash(last, cut - filed(last), marks.len() as u64, body)?;
        }
        marks.truncate(last as usize);
        self.bytes.borrow_mut().truncate(marks.last().map_or(0, |mark| mark.end));
        self.durable.set(last);
        self.full.set(false);
        Ok(last)
    }

    fn body_of(&self, marks: &[Mark], sequence: u64) -> Vec<u8> {
        let start = if sequence < 2 { 0 } else { marks[sequence as usize - 2].end };
        self.bytes.borrow()[start..marks[sequence as usize - 1].end].to_vec()
    }

    /// At the end: what a changed byte in the real journal does.
    pub fn damage(&self, part: u16) -> Result<(), Fault> {
        let marks = self.marks.borrow();
        match &self.files {
            Some(files) => files.damage(part, |sequence| self.body_of(&marks, sequence)),
            None => Ok(()),
        }
    }
}
