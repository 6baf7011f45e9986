//! What becomes of a message that has passed the corridor, and its measures. Numbers only: no bytes, no socket.

use crate::portfolio::TransactionKey;
use crate::telemetry::{Counter, NO_CODE, Outcome, Sample, Stage};

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its answer goes out with the next write.
    Now,
    /// Its answer waits until this record is durable.
    AfterDurable(u64),
    /// It gets no answer, and is counted.
    Dropped(Counter),
    /// It gets no answer, is counted, and closes the connection.
    Close(Counter),
}

/// An approval to undo should its answer come too late.
#[derive(Clone, Copy, Debug)]
pub struct Undo {
    pub(super) key: TransactionKey,
    /// DE4 and DE6 as asked, where the approval says others: the decline echoes them again.
    pub(super) asked: [Option<i64>; 2],
}

/// A message that has passed the corridor. Its answer, if any, stands framed at the end of the output.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// What becomes of it.
    pub way: Way,
    /// Its measures so far; [`Passed::finish`] completes them.
    pub sample: Sample,
    /// The approval to undo should its answer come too late; `None` for what may be answered at any time.
    pub undo: Option<Undo>,
    /// Whether its answer must not go out after the budget.
    pub has_deadline: bool,
    /// What else it counts as.
    pub counts_as: Option<Counter>,
    /// Since when the answer is ready to leave: built, and durable where it waited for that.
    pub ready_ns: u64,
}

impl Passed {
    pub(super) fn new(link: u8, arrived_ns: u64, began_ns: u64) -> Passed {
        let sample = Sample {
            link,
            mti: 0,
            outcome: Outcome::FormatError,
            code: NO_CODE,
            refusal: 0,
            total_ns: 0,
            stage_ns: [0; Stage::ALL.len()],
        };
        let (undo, counts_as) = (None, None);
        let mut passed =
            Passed { way: Way::Now, sample, undo, has_deadline: false, counts_as, ready_ns: arrived_ns };
        passed.stage(Stage::Arrival, began_ns);
        passed
    }

    /// What has passed since the stage before is this one's.
    pub(super) fn stage(&mut self, stage: Stage, now_ns: u64) {
        self.sample.stage_ns[stage as usize] += now_ns.saturating_sub(self.ready_ns);
        self.ready_ns = self.ready_ns.max(now_ns);
    }

    /// So much of the decision was the journal's append.
    pub(super) fn appended(&mut self, append_ns: u64) {
        let stages = &mut self.sample.stage_ns;
        let append_ns = append_ns.min(stages[Stage::Decide as usize]);
        stages[Stage::Decide as usize] -= append_ns;
        stages[Stage::Append as usize] += append_ns;
    }

    /// Its record is durable.
    pub fn is_durable(&mut self, now_ns: u64) {
        self.stage(Stage::DurableWait, now_ns);
    }

    /// Its measures, as its answer is handed to the kernel or withheld: the stages add up to the whole.
    pub fn finish(mut self, now_ns: u64) -> Sample {
        self.stage(Stage::Write, now_ns);
        self.sample.total_ns = self.sample.stage_ns.iter().sum();
        self.sample
    }
}
