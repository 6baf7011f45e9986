//! What became of every message, counted as they pass. Numbers only.

use std::sync::atomic::{AtomicU64, Ordering};

/// The figures of the receipt, kept as the messages pass.
#[derive(Debug, Default)]
pub struct Counts {
    pub received: AtomicU64,
    pub answered: AtomicU64,
    pub late: AtomicU64,
    pub dropped: AtomicU64,
}

/// What became of every message, as the drain ends: received = answered + late + dropped + undelivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Receipt {
    /// Complete frames read.
    pub received: u64,
    /// Answers handed to the kernel.
    pub answered: u64,
    /// Stored approvals of repeats that were withheld because the budget was spent.
    pub late: u64,
    /// Frames that got no answer: unreadable, unsolicited, with a wrong header, or read after the stop.
    pub dropped: u64,
    /// Answers whose connection was gone.
    pub undelivered: u64,
}

impl Counts {
    /// The receipt, once nothing passes any more: what was read and is not accounted for was not delivered.
    pub fn receipt(&self) -> Receipt {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (received, answered) = (read(&self.received), read(&self.answered));
        let (late, dropped) = (read(&self.late), read(&self.dropped));
        let undelivered = received.saturating_sub(answered + late + dropped);
        Receipt { received, answered, late, dropped, undelivered }
    }
}
