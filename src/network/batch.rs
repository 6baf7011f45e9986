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
    pub fn is_late(&self, now_ns: u64, deadline_ns: u64) -> bool {
        self.passed.has_deadline && now_ns.saturating_sub(self.arrived_ns) > deadline_ns
    }
}

/// Answers in the order they leave, their bytes one after the other.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// The bytes to write.
    pub bytes: Vec<u8>,
    /// What they are.
    pub answers: Vec<Answer>,
    /// Keep-alives to send back; they leave behind the answers.
    pub keep_alives: Vec<u8>,
}

impl Outgoing {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.keep_alives.is_empty()
    }

    /// All that leaves now. From here on the answers can no longer be replaced.
    pub fn seal(&mut self) -> &[u8] {
        self.bytes.append(&mut self.keep_alives);
        &self.bytes
    }

    /// Whether anything comes too late by now.
    pub fn has_late(&self, now_ns: u64, deadline_ns: u64) -> bool {
        self.answers.iter().any(|answer| answer.is_late(now_ns, deadline_ns))
    }

    /// Gives each answer that comes too late to `replace`, with its bytes: it may append other bytes instead and
    /// change what is recorded, or append none to withhold it.
    pub fn replace_late(
        &mut self,
        now_ns: u64,
        deadline_ns: u64,
        mut replace: impl FnMut(&mut Answer, &[u8], &mut Vec<u8>),
    ) {
        let before = std::mem::take(&mut self.bytes);
        let after = &mut self.bytes;
        let mut from = 0;
        self.answers.retain_mut(|answer| {
            let bytes = &before[from..from + answer.length];
            from += answer.length;
            if answer.is_late(now_ns, deadline_ns) {
                let start = after.len();
                replace(answer, bytes, after);
                answer.length = after.len() - start;
            } else {
                after.extend_from_slice(bytes);
            }
            answer.length > 0
        });
    }

    /// Forgets everything, keeping the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.answers.clear();
        self.keep_alives.clear();
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
        while self.answers.front().is_some_and(|(sequence, _)| *sequence <= durable)
            && let Some((_, answer)) = self.answers.pop_front()
        {
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
            refusal: 0,
            total_ns: 0,
            stage_ns: [0; 5],
        };
        Answer {
            passed: Passed { way: Way::Now, sample, undo: None, has_deadline, counts_as: None, built_ns: 0 },
            arrived_ns,
            length,
        }
    }

    #[test]
    fn replaces_or_withholds_what_is_late_and_keeps_the_rest_in_order() {
        let mut outgoing = Outgoing {
            bytes: b"aabbbcd".to_vec(),
            answers: vec![answer(0, 2, true), answer(50, 3, true), answer(0, 1, false), answer(1, 1, true)],
            keep_alives: b"00".to_vec(),
        };
        assert!(outgoing.has_late(100, 60) && !outgoing.has_late(60, 60));
        let mut late = Vec::new();
        outgoing.replace_late(100, 60, |answer, bytes, out| {
            late.push(bytes.to_vec());
            if answer.length == 2 {
                out.extend_from_slice(b"91");
                answer.passed.has_deadline = false;
            }
        });
        assert_eq!((outgoing.bytes.as_slice(), outgoing.answers.len()), (&b"91bbbc"[..], 3));
        assert_eq!(late, [b"aa".to_vec(), b"d".to_vec()]);
        assert!(!outgoing.has_late(100, 60));
        assert_eq!(outgoing.seal(), b"91bbbc00");
        outgoing.clear();
        assert!(outgoing.is_empty());
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
