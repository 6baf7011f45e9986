//! The journal as the decision sees it: takes records, and the time that takes. Must not know what is in them.

use super::Ticks;
use crate::decision::Sink;
use crate::journal::Journal;
use crate::portfolio::FORMAT;
use std::cell::Cell;

/// The journal as the decision sees it, with the time its appends take.
#[derive(Debug)]
pub struct JournalSink {
    journal: Journal,
    ticks: Ticks,
    append_ns: Cell<u64>,
}

impl JournalSink {
    /// A sink into this journal; one per thread.
    pub fn new(journal: Journal, ticks: Ticks) -> JournalSink {
        JournalSink { journal, ticks, append_ns: Cell::new(0) }
    }

    /// Nanoseconds spent appending since the last call.
    pub(super) fn take_append_ns(&self) -> u64 {
        self.append_ns.replace(0)
    }
}

/// Takes no record: what is known is found, and what is new leaves nothing.
pub struct NoRecord;

impl Sink for NoRecord {
    const TAKES: bool = false;

    fn append(&self, _body: &[u8], _time_us: i64) -> Option<u64> {
        None
    }
}

impl Sink for JournalSink {
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64> {
        let from = self.ticks.now_ns();
        let appended = self.journal.append(FORMAT, body, time_us);
        self.append_ns.set(self.append_ns.get() + self.ticks.now_ns() - from);
        appended.ok()
    }
}
