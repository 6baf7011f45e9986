//! What became of every message, counted as they pass. Numbers only.

use std::sync::atomic::{AtomicU64, Ordering};

/// The figures of the receipt, kept as the messages pass.
#[derive(Debug, Default)]
pub struct Counts {
    pub received: AtomicU64,
    pub answered: AtomicU64,
    pub undone: AtomicU64,
    pub withheld: AtomicU64,
    pub budget_spent: AtomicU64,
    pub dropped: AtomicU64,
}

/// What became of every message, as the drain ends: received = answered + withheld + dropped + undelivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Receipt {
    /// Complete frames read.
    pub received: u64,
    /// Answers handed to the kernel.
    pub answered: u64,
    /// Of the messages, those whose budget was spent before the decision: answered with 91.
    pub budget_spent: u64,
    /// Of the messages, those approved in time whose answer could not leave in time: undone, and answered with 91.
    pub undone: u64,
    /// Stored approvals of repeats, past the repeat's budget: not answered.
    pub withheld: u64,
    /// Frames that got no answer: unreadable, unsolicited, with a wrong header, or read after the stop.
    pub dropped: u64,
    /// Answers whose connection was gone.
    pub undelivered: u64,
}

impl std::fmt::Display for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Receipt { received, answered, budget_spent, undone, withheld, dropped, undelivered } = self;
        write!(f, "received={received} answered={answered} budget_spent={budget_spent} undone={undone} ")?;
        write!(f, "withheld={withheld} dropped={dropped} undelivered={undelivered}")
    }
}

impl Counts {
    /// The receipt, once nothing passes any more: what was read and is not accounted for was not delivered.
    pub fn receipt(&self) -> Receipt {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (received, answered) = (read(&self.received), read(&self.answered));
        let (withheld, dropped) = (read(&self.withheld), read(&self.dropped));
        let undelivered = received.saturating_sub(answered + withheld + dropped);
        let (budget_spent, undone) = (read(&self.budget_spent), read(&self.undone));
        Receipt { received, answered, budget_spent, undone, withheld, dropped, undelivered }
    }
}
