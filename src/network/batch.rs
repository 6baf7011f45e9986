//! The answers that leave in one write, and those that wait for the disk. Bytes and measures only: no socket.

use super::Passed;
use std::collections::VecDeque;
use std::ops::Range;

/// An answer standing in a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// What the corridor said of it.
    pub passed: Passed,
    /// When the first byte of its request was read.
    pub arrived_ns: u64,
    /// Its length in bytes.
    pub length: usize,
}

impl Answer {
    /// Whether it comes too late to be sent.
    pub fn is_late(&self, now_ns: u64, budget_ns: u64) -> bool {
        self.passed.has_deadline && now_ns.saturating_sub(self.arrived_ns) > budget_ns
    }
}

/// Answers in the order they leave, their bytes one after the other.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// The bytes to write.
    pub bytes: Vec<u8>,
    /// What they are.
    pub answers: Vec<Answer>,
}

impl Outgoing {
    /// Takes out what comes too late and calls `withheld` for each.
    pub fn withhold_late(&mut self, now_ns: u64, budget_ns: u64, mut withheld: impl FnMut(&Answer)) {
        if !self.answers.iter().any(|answer| answer.is_late(now_ns, budget_ns)) {
            return;
        }
        let (mut from, mut to) = (0, 0);
        let bytes = &mut self.bytes;
        self.answers.retain(|answer| {
            let range = from..from + answer.length;
            from = range.end;
            let keep = !answer.is_late(now_ns, budget_ns);
            if keep {
                bytes.copy_within(range, to);
                to += answer.length;
            } else {
                withheld(answer);
            }
            keep
        });
        bytes.truncate(to);
    }

    /// Forgets everything, keeping the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.answers.clear();
    }
}

/// Answers that wait until their record is durable, first come first.
#[derive(Debug, Default)]
pub struct Deferred {
    bytes: VecDeque<u8>,
    answers: VecDeque<(u64, Answer)>,
}

impl Deferred {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Moves the bytes of one answer here, to wait for `sequence`.
    pub fn push(&mut self, sequence: u64, answer: Answer, from: &mut Vec<u8>, range: Range<usize>) {
        self.bytes.extend(from.drain(range));
        self.answers.push_back((sequence, answer));
    }

    /// Moves what is durable by now to the answers that leave.
    pub fn release(&mut self, durable: u64, outgoing: &mut Outgoing) {
        while let Some((_, answer)) = self.answers.pop_front_if(|(sequence, _)| *sequence <= durable) {
            outgoing.bytes.extend(self.bytes.drain(..answer.length));
            outgoing.answers.push(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Way;
    use super::*;
    use crate::telemetry::{NO_CODE, Outcome, Sample};

    fn answer(arrived_ns: u64, length: usize, has_deadline: bool) -> Answer {
        let sample = Sample {
            link: 0,
            mti: 0x0100,
            outcome: Outcome::Approved,
            code: NO_CODE,
            total_ns: 0,
            stage_ns: [0; 5],
        };
        Answer { passed: Passed { way: Way::Now, sample, undo: None, has_deadline, built_ns: 0 }, arrived_ns, length }
    }

    #[test]
    fn withholds_what_is_late_and_keeps_the_rest_in_order() {
        let mut outgoing = Outgoing {
            bytes: b"aabbbcd".to_vec(),
            answers: vec![answer(0, 2, true), answer(50, 3, true), answer(0, 1, false), answer(1, 1, true)],
        };
        let mut withheld = Vec::new();
        outgoing.withhold_late(100, 60, |answer| withheld.push(answer.length));
        assert_eq!((outgoing.bytes.as_slice(), outgoing.answers.len()), (&b"bbbc"[..], 2));
        assert_eq!(withheld, [2, 1]);
        outgoing.withhold_late(100, 60, |_| panic!("nothing is late any more"));
    }

    #[test]
    fn releases_what_is_durable_in_order() {
        let (mut deferred, mut outgoing) = (Deferred::default(), Outgoing::default());
        let mut built = b"now-first--second".to_vec();
        deferred.push(7, answer(0, 7, false), &mut built, 4..11);
        deferred.push(9, answer(0, 6, false), &mut built, 4..10);
        assert_eq!(built, b"now-");
        deferred.release(6, &mut outgoing);
        assert_eq!((deferred.len(), outgoing.bytes.len()), (2, 0));
        deferred.release(8, &mut outgoing);
        assert_eq!((deferred.len(), outgoing.bytes.as_slice()), (1, &b"first--"[..]));
        deferred.release(9, &mut outgoing);
        assert_eq!((deferred.len(), outgoing.bytes.as_slice()), (0, &b"first--second"[..]));
    }
}
