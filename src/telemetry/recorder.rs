//! What a worker holds to record: its own interval of histograms and counts behind a lock of its own.
//!
//! The lock is taken once per batch and contended only while the tick swaps pointers, so recording a message
//! costs tens of nanoseconds. Must not know what is done with the numbers afterwards.

use super::cells::Cells;
use super::labels::{CODE_SLOTS, Counter, MTI_SLOTS, NO_CODE, Outcome, Stage, code_slot, mti_slot};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;

/// The measured way of one message.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The link's index in [`Options::links`](super::Options::links); an index beyond counts as the link `unknown`.
    pub link: u8,
    /// The request's message type as four BCD digits, `0x0100`.
    pub mti: u16,
    /// What became of the message.
    pub outcome: Outcome,
    /// DE39 of the answer, or [`NO_CODE`].
    pub code: [u8; 2],
    /// Why it was not approved, as the index in [`Options::refusals`](super::Options::refusals); 0 where it was.
    pub refusal: u8,
    /// From the arrival of the frame's first byte to the answer handed to the kernel, in nanoseconds: the sum of the stages.
    pub total_ns: u64,
    /// Each stage in nanoseconds, in the order of [`Stage::ALL`]; 0 = the message did not pass this stage.
    pub stage_ns: [u64; Stage::ALL.len()],
}

/// One worker's way to record. Cheap to clone; all clones share the worker's interval.
#[derive(Clone)]
pub struct Recorder {
    pub(super) interval: Arc<Mutex<Interval>>,
}

impl Recorder {
    /// Opens a batch. Hold it for the messages of one read and not across an await.
    pub fn batch(&self) -> Batch<'_> {
        Batch { interval: self.interval.lock() }
    }
}

/// Exclusive access to a worker's interval; dropping it ends the batch.
pub struct Batch<'a> {
    interval: MutexGuard<'a, Interval>,
}

impl Batch<'_> {
    /// Records one message: its total by link, message type and outcome, its stages by link, its code by link.
    #[inline]
    pub fn message(&mut self, sample: &Sample) {
        let interval = &mut *self.interval;
        let link = interval.slot_of(sample.link);
        let combination = combination(link, mti_slot(sample.mti), sample.outcome);
        interval.messages.record(combination, sample.total_ns);
        let stages = link * Stage::ALL.len();
        for (stage, &stage_ns) in sample.stage_ns.iter().enumerate() {
            if stage_ns != 0 {
                interval.stages.record(stages + stage, stage_ns);
            }
        }
        if sample.code != NO_CODE {
            let refusal = usize::from(sample.refusal).min(interval.other_refusal);
            interval.answers.add(answer(interval.other_refusal, link, refusal, sample.code), 1);
        }
    }

    /// Adds `count` to a link's counter.
    #[inline]
    pub fn count(&mut self, link: u8, counter: Counter, count: u64) {
        let interval = &mut *self.interval;
        let link = interval.slot_of(link);
        interval.counters.add(link * Counter::ALL.len() + counter as usize, count);
    }
}

/// The index of a label combination among one worker's message histograms.
pub(super) fn combination(link: usize, mti_slot: usize, outcome: Outcome) -> usize {
    (link * MTI_SLOTS + mti_slot) * Outcome::ALL.len() + outcome as usize
}

/// The index of an answer among one worker's counts; `other` is the last refusal's index.
fn answer(other: usize, link: usize, refusal: usize, code: [u8; 2]) -> usize {
    (link * (other + 1) + refusal) * CODE_SLOTS + code_slot(code)
}

/// One worker's recordings since the last tick.
pub(super) struct Interval {
    /// The slot of samples with a link index beyond the known ones.
    unknown_link: usize,
    /// The slot of samples with a refusal beyond the known ones.
    other_refusal: usize,
    pub(super) messages: Shelf,
    pub(super) stages: Shelf,
    /// By link, refusal and code. A page of it is in memory once an answer of it was given.
    pub(super) answers: Tally,
    pub(super) counters: Tally,
}

impl Interval {
    /// An empty interval for `links` known links and `refusals` names of refusals, the last being `other`.
    pub(super) fn new(links: usize, refusals: usize) -> Interval {
        let slots = links + 1;
        Interval {
            unknown_link: links,
            other_refusal: refusals - 1,
            messages: Shelf::new(slots * MTI_SLOTS * Outcome::ALL.len()),
            stages: Shelf::new(slots * Stage::ALL.len()),
            answers: Tally::new(slots * refusals * CODE_SLOTS),
            counters: Tally::new(slots * Counter::ALL.len()),
        }
    }

    fn slot_of(&self, link: u8) -> usize {
        usize::from(link).min(self.unknown_link)
    }
}

/// Histograms by index, allocated on first use, and which of them this interval touched.
pub(super) struct Shelf {
    slots: Box<[Option<Cells>]>,
    /// Has room for every slot from the start, so that pushing never allocates.
    touched: Vec<u32>,
}

impl Shelf {
    pub(super) fn new(slots: usize) -> Shelf {
        Shelf { slots: (0..slots).map(|_| None).collect(), touched: Vec::with_capacity(slots) }
    }

    #[inline]
    pub(super) fn record(&mut self, slot: usize, value_ns: u64) {
        let cells = match &mut self.slots[slot] {
            Some(cells) => cells,
            empty => first_use(empty),
        };
        if cells.is_empty() {
            // At most once per slot and interval, and the list was made with room for all slots.
            self.touched.push(slot as u32);
        }
        cells.record(value_ns);
    }

    #[cfg(test)]
    pub(super) fn histograms(&self) -> impl Iterator<Item = &Cells> {
        self.slots.iter().flatten()
    }

    pub(super) fn touched(&self) -> usize {
        self.touched.len()
    }

    /// Swaps every touched histogram for an empty one of `spares`, as long as they last; the rest waits for the
    /// next tick. Moves pointers only.
    pub(super) fn swap_out(&mut self, spares: &mut Vec<Cells>, into: &mut Vec<(usize, Cells)>) {
        while !spares.is_empty() {
            let Some(slot) = self.touched.pop() else { return };
            let slot = slot as usize;
            if let (Some(cells), Some(spare)) = (&mut self.slots[slot], spares.pop()) {
                into.push((slot, std::mem::replace(cells, spare)));
            }
        }
    }
}

#[cold]
fn first_use(slot: &mut Option<Cells>) -> &mut Cells {
    slot.insert(Cells::new())
}

/// Counts by index, and which of them this interval touched, so that a tick does not walk the zeros.
pub(super) struct Tally {
    counts: Box<[u64]>,
    touched: Vec<u32>,
}

impl Tally {
    pub(super) fn new(slots: usize) -> Tally {
        Tally { counts: vec![0; slots].into_boxed_slice(), touched: Vec::with_capacity(slots) }
    }

    #[inline]
    pub(super) fn add(&mut self, slot: usize, count: u64) {
        if self.counts[slot] == 0 && count != 0 {
            self.touched.push(slot as u32);
        }
        self.counts[slot] += count;
    }

    /// Gives this interval's counts, by their indexes, to `add`.
    pub(super) fn drain(&mut self, mut add: impl FnMut(usize, u64)) {
        for slot in self.touched.drain(..) {
            let slot = slot as usize;
            add(slot, std::mem::take(&mut self.counts[slot]));
        }
    }
}
