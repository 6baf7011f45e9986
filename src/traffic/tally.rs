//! What a replay counts for one target: answers by code, what differs from what was expected, latencies.

use super::incoming::EXPLAINED;
use super::matching::Matching;
use super::score::{Family, Note};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// Shortest latency told apart, in nanoseconds; shorter ones count as this.
const LOWEST_NS: u64 = 64;
/// Longest latency told apart, in nanoseconds; longer ones count as this.
const HIGHEST_NS: u64 = 60_000_000_000;

/// An empty latency histogram: nanoseconds, 64 ns to 60 s, three significant digits.
pub fn latency_histogram() -> Histogram<u64> {
    // The bounds are constants that satisfy the constructor's rules: low >= 1, high >= 2 * low, digits <= 5.
    Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, 3).expect("constant bounds are valid")
}

/// Answers that carried a code other than the expected, grouped by kind of message and codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// `0200 purchase`.
    pub kind: String,
    /// What was right: `00`, `00|85`.
    pub expected: String,
    /// What came, or why it could not be read.
    pub actual: String,
    /// How often.
    pub count: u64,
    /// The first such message's line in the trace.
    pub line: u32,
    /// The first such message's card, masked.
    pub card: String,
}

/// Why answers found no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedReason {
    /// In words, without what fields hold.
    pub reason: String,
    /// What [`super::Matching`] would have found it, as it is written: `mti,11`; `None` where nothing would.
    pub matching: Option<String>,
    /// How many of the answers that were looked into.
    pub count: u64,
}

/// Counts of one target, as the client's thread keeps them.
pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) answered: u64,
    pub(super) lost: u64,
    pub(super) late: u64,
    pub(super) duplicates: u64,
    pub(super) unmatched: u64,
    /// Messages of ours that the peer sent back as they were.
    pub(super) sent_back: u64,
    /// Messages of the host's network management that were answered.
    pub(super) host_answered: u64,
    /// Sessions opened.
    pub(super) sign_ons: u64,
    /// Sessions that were not opened, by reason.
    pub(super) sign_on_failures: BTreeMap<String, u64>,
    /// Why answers found no message, and the fields by which they would have; of the first few.
    unmatched_reasons: BTreeMap<(String, Option<String>), u64>,
    pub(super) unreadable: u64,
    pub(super) disconnects: u64,
    pub(super) checked: u64,
    pub(super) differing: u64,
    /// Answers by DE39 and family.
    pub(super) codes: Vec<([u8; 2], [u64; Family::ALL.len()])>,
    /// By kind, expected and actual: how often, and the first one's number in the score.
    pub(super) mismatches: BTreeMap<(u16, String, String), (u64, u32)>,
    /// By family; from the moment a message was due to the moment its answer was read.
    pub(super) latencies: Vec<Histogram<u64>>,
    /// From the moment a message was due to the moment it was handed to the kernel: the client's own part.
    pub(super) lags: Histogram<u64>,
    /// Latencies since the last interval ended.
    pub(super) interval: Histogram<u64>,
    busy_ns: u64,
    stretch: Option<Stretch>,
}

/// A time in which the target was played to without a break.
struct Stretch {
    slice: u64,
    from_ns: u64,
    to_ns: u64,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally {
            sent: 0,
            answered: 0,
            lost: 0,
            late: 0,
            duplicates: 0,
            unmatched: 0,
            sent_back: 0,
            host_answered: 0,
            sign_ons: 0,
            sign_on_failures: BTreeMap::new(),
            unmatched_reasons: BTreeMap::new(),
            unreadable: 0,
            disconnects: 0,
            checked: 0,
            differing: 0,
            codes: Vec::new(),
            mismatches: BTreeMap::new(),
            latencies: Family::ALL.iter().map(|_| latency_histogram()).collect(),
            lags: latency_histogram(),
            interval: latency_histogram(),
            busy_ns: 0,
            stretch: None,
        }
    }

    /// A message of a slice of time was due at `due_ns` and was written to its connection's buffer.
    pub(super) fn depart(&mut self, slice: u64, due_ns: u64) {
        self.sent += 1;
        match &self.stretch {
            Some(stretch) if stretch.slice == slice => {}
            _ => {
                self.busy_ns += self.stretch.take().map_or(0, |stretch| stretch.to_ns - stretch.from_ns);
                self.stretch = Some(Stretch { slice, from_ns: due_ns, to_ns: due_ns });
            }
        }
    }

    /// An answer to a message that waited for it; `code` is `None` where there is nothing to check (an echo).
    pub(super) fn arrive(&mut self, index: u32, note: &Note, code: Option<[u8; 2]>, now_ns: u64) {
        self.answered += 1;
        if let Some(stretch) = &mut self.stretch {
            stretch.to_ns = stretch.to_ns.max(now_ns);
        }
        let Some(code) = code else { return };
        let family = note.family as usize;
        match self.codes.iter_mut().find(|known| known.0 == code) {
            Some(known) => known.1[family] += 1,
            None => {
                let mut counts = [0; Family::ALL.len()];
                counts[family] = 1;
                self.codes.push((code, counts));
            }
        }
        if note.expect.is_checked() {
            self.checked += 1;
            if !note.expect.allows(code) {
                self.differing += 1;
                self.differ(index, note, String::from_utf8_lossy(&code).into_owned());
            }
        }
    }

    /// An answer was wrong in itself, or differed from what was expected.
    pub(super) fn differ(&mut self, index: u32, note: &Note, actual: String) {
        let group = (note.kind, note.expect.to_string(), actual);
        self.mismatches.entry(group).or_insert((0, index)).0 += 1;
    }

    /// An answer found no message: why, and the fields by which it would have.
    pub(super) fn explain(&mut self, reason: String, matching: Option<Matching>) {
        if self.explained() < EXPLAINED {
            let matching = matching.map(|matching| matching.to_string());
            *self.unmatched_reasons.entry((reason, matching)).or_insert(0) += 1;
        }
    }

    /// Answers that were looked into.
    pub(super) fn explained(&self) -> u64 {
        self.unmatched_reasons.values().sum()
    }

    /// Why answers found no message, the most frequent reason first.
    pub(super) fn unmatched_reasons(&self) -> Vec<UnmatchedReason> {
        let reasons = self.unmatched_reasons.iter();
        let mut reasons: Vec<_> = reasons
            .map(|((reason, matching), &count)| UnmatchedReason {
                reason: reason.clone(),
                matching: matching.clone(),
                count,
            })
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
        reasons
    }

    /// Records a latency; saturates at the histogram's ends.
    pub(super) fn measure(&mut self, family: Family, latency_ns: u64) {
        self.latencies[family as usize].saturating_record(latency_ns);
        self.interval.saturating_record(latency_ns);
    }

    /// Nanoseconds in which the target was played to, pauses between slices left out.
    pub(super) fn busy(&self) -> Duration {
        let open = self.stretch.as_ref().map_or(0, |stretch| stretch.to_ns - stretch.from_ns);
        Duration::from_nanos(self.busy_ns + open)
    }
}
