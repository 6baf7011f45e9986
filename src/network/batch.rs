//! The answers that leave in one write, and those that wait for the disk. Bytes and measures only: no socket.

use super::Passed;
use std::collections::VecDeque;
use std::ops::Range;
use zeroize::Zeroize;

/// An answer standing in a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// What the corridor said of it.
    pub passed: Passed,
    /// Since when its request had waited when it was read.
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

/// Answers in the order they leave, their bytes one after the other. What the kernel took of them is gone; the rest can
/// still be replaced, a whole answer at a time.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// The bytes, those that are gone included.
    pub bytes: Vec<u8>,
    /// What they are.
    pub answers: Vec<Answer>,
    /// Keep-alives to send back; they leave behind the answers.
    pub keep_alives: Vec<u8>,
    /// Bytes that are gone.
    gone: usize,
    /// Answers that are gone to their last byte, and where they end.
    done: usize,
    done_bytes: usize,
}

impl Outgoing {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == self.gone && self.keep_alives.is_empty()
    }

    /// What is still to be written, keep-alives included.
    pub fn rest(&mut self) -> &[u8] {
        self.bytes.append(&mut self.keep_alives);
        &self.bytes[self.gone..]
    }

    /// The kernel took so many bytes more. Returns the answers that are gone by that, for their measures.
    pub fn took(&mut self, bytes: usize) -> &mut [Answer] {
        self.gone += bytes;
        let first = self.done;
        while let Some(answer) = self.answers.get(self.done)
            && self.done_bytes + answer.length <= self.gone
        {
            self.done_bytes += answer.length;
            self.done += 1;
        }
        &mut self.answers[first..self.done]
    }

    /// The first answer of which nothing is gone, and where it begins: what has begun must be finished.
    fn first_whole(&self) -> (usize, usize) {
        match self.answers.get(self.done) {
            Some(begun) if self.gone > self.done_bytes => (self.done + 1, self.done_bytes + begun.length),
            _ => (self.done, self.done_bytes),
        }
    }

    /// Whether anything that can still be replaced comes too late by now.
    pub fn has_late(&self, now_ns: u64, deadline_ns: u64) -> bool {
        self.answers[self.first_whole().0..].iter().any(|answer| answer.is_late(now_ns, deadline_ns))
    }

    /// Gives each answer that comes too late and is not begun to `replace`, with its bytes: it may append other bytes
    /// instead and change what is recorded, or append none to withhold it.
    pub fn replace_late(
        &mut self,
        now_ns: u64,
        deadline_ns: u64,
        mut replace: impl FnMut(&mut Answer, &[u8], &mut Vec<u8>),
    ) {
        let (first, mut from) = self.first_whole();
        let mut before = std::mem::take(&mut self.bytes);
        let after = &mut self.bytes;
        after.extend_from_slice(&before[..from]);
        let mut index = 0;
        self.answers.retain_mut(|answer| {
            index += 1;
            if index <= first {
                return true;
            }
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
        after.extend_from_slice(&before[from..]);
        before.zeroize();
    }

    /// How many answers and bytes are not gone.
    pub fn unsent(&self) -> (usize, usize) {
        (self.answers.len() - self.done, self.bytes.len() - self.gone)
    }

    /// Forgets everything, keeping the room: wiped, as answers name cards.
    pub fn clear(&mut self) {
        self.bytes.as_mut_slice().zeroize();
        self.bytes.clear();
        self.answers.clear();
        self.keep_alives.clear();
        (self.gone, self.done, self.done_bytes) = (0, 0, 0);
    }
}

/// Answers that wait until their record is durable, first come first.
#[derive(Debug, Default)]
struct Line {
    /// Those that have left are wiped: `left..` wait. No ring: growing, one leaves copies behind.
    bytes: Vec<u8>,
    left: usize,
    answers: VecDeque<(u64, Answer)>,
}

impl Line {
    fn push(&mut self, sequence: u64, answer: Answer, bytes: &[u8]) {
        if self.left > self.bytes.len() / 2 {
            let waiting = self.bytes.len() - self.left;
            self.bytes.copy_within(self.left.., 0);
            self.bytes[waiting..].zeroize();
            self.bytes.truncate(waiting);
            self.left = 0;
        }
        self.bytes.extend_from_slice(bytes);
        self.answers.push_back((sequence, answer));
    }

    /// Moves the first ones to those that leave, as long as `goes` says so.
    fn release(&mut self, now_ns: u64, outgoing: &mut Outgoing, goes: impl Fn(u64, &Answer) -> bool) {
        while self.answers.front().is_some_and(|(sequence, answer)| goes(*sequence, answer))
            && let Some((_, mut answer)) = self.answers.pop_front()
        {
            answer.passed.is_durable(now_ns);
            let bytes = &mut self.bytes[self.left..][..answer.length];
            outgoing.bytes.extend_from_slice(bytes);
            bytes.zeroize();
            self.left += answer.length;
            outgoing.answers.push(answer);
        }
    }
}

/// Answers that wait for the disk: approvals until their time is up, acknowledgements however long it takes.
#[derive(Debug, Default)]
pub struct Deferred {
    approvals: Line,
    acknowledgements: Line,
}

impl Deferred {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.approvals.answers.len() + self.acknowledgements.answers.len()
    }

    /// Since when the request of the approval that is late first has waited.
    pub fn first_with_deadline(&self) -> Option<u64> {
        self.approvals.answers.front().map(|(_, answer)| answer.arrived_ns)
    }

    /// Moves the bytes of one answer here, to wait for `sequence`.
    pub fn push(&mut self, sequence: u64, answer: Answer, from: &mut Vec<u8>, range: Range<usize>) {
        let line = if answer.passed.has_deadline { &mut self.approvals } else { &mut self.acknowledgements };
        line.push(sequence, answer, &from[range.clone()]);
        from[range.clone()].zeroize();
        from.drain(range);
    }

    /// Moves what is durable by now to the answers that leave, and what is too late by now: there it is replaced, durable or
    /// not.
    pub fn release(&mut self, durable: u64, now_ns: u64, deadline_ns: u64, outgoing: &mut Outgoing) {
        let is_durable = |sequence: u64, _: &Answer| sequence <= durable;
        self.acknowledgements.release(now_ns, outgoing, is_durable);
        self.approvals.release(now_ns, outgoing, |sequence, answer| {
            is_durable(sequence, answer) || answer.is_late(now_ns, deadline_ns)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Way;
    use super::*;
    use crate::telemetry::{NO_CODE, Outcome, Sample, Stage};

    fn answer(arrived_ns: u64, length: usize, has_deadline: bool) -> Answer {
        let sample = Sample {
            link: 0,
            mti: 0x0100,
            outcome: Outcome::Approved,
            code: NO_CODE,
            refusal: 0,
            total_ns: 0,
            stage_ns: [5, 10, 20, 4, 1, 0, 0],
        };
        let passed = Passed {
            way: Way::Now,
            sample,
            undo: None,
            has_deadline,
            counts_as: None,
            ready_ns: arrived_ns + 40,
        };
        Answer { passed, arrived_ns, length }
    }

    fn outgoing(bytes: &[u8], answers: &[Answer]) -> Outgoing {
        Outgoing {
            bytes: bytes.to_vec(),
            answers: answers.to_vec(),
            keep_alives: b"00".to_vec(),
            ..Outgoing::default()
        }
    }

    #[test]
    fn replaces_or_withholds_what_is_late_and_keeps_the_rest_in_order() {
        let answers = [answer(0, 2, true), answer(50, 3, true), answer(0, 1, false), answer(1, 1, true)];
        let mut outgoing = outgoing(b"aabbbcd", &answers);
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
        assert_eq!(outgoing.rest(), b"91bbbc00");
        outgoing.clear();
        assert!(outgoing.is_empty());
    }

    #[test]
    fn what_waits_for_the_socket_is_late_later_but_for_what_has_begun() {
        let answers = [answer(0, 2, true), answer(0, 3, true), answer(0, 3, true), answer(70, 1, true)];
        let mut outgoing = outgoing(b"aabbbcccd", &answers);
        assert!(!outgoing.has_late(50, 60));
        assert_eq!(outgoing.rest().len(), 11);
        // The first is gone, the second has begun; then the socket takes nothing until all are late but the last.
        assert_eq!(outgoing.took(3).len(), 1);
        assert!(outgoing.has_late(100, 60));
        let mut late = Vec::new();
        outgoing.replace_late(100, 60, |answer, bytes, out| {
            late.push(bytes.to_vec());
            out.extend_from_slice(b"91+");
            answer.passed.has_deadline = false;
        });
        assert_eq!(late, [b"ccc".to_vec()]);
        assert!(!outgoing.has_late(100, 60));
        assert_eq!(outgoing.rest(), b"bb91+d00");
        assert_eq!(outgoing.took(2).len(), 1);
        // Exactly between two answers, the next one has not begun.
        assert!(outgoing.has_late(200, 60));
        outgoing.replace_late(200, 60, |_, _, _| {});
        assert_eq!(outgoing.rest(), b"91+00");
        assert_eq!(outgoing.took(4).len(), 1);
        assert!(!outgoing.is_empty());
        assert_eq!(outgoing.took(1).len(), 0);
        assert!(outgoing.is_empty());
    }

    #[test]
    fn releases_what_is_durable_in_order_and_an_approval_at_its_time() {
        let (mut deferred, mut outgoing) = (Deferred::default(), Outgoing::default());
        let mut built = b"now-first--secondthird-fourth".to_vec();
        deferred.push(7, answer(0, 7, false), &mut built, 4..11);
        deferred.push(9, answer(0, 6, false), &mut built, 4..10);
        deferred.push(10, answer(0, 6, true), &mut built, 4..10);
        deferred.push(11, answer(5, 6, true), &mut built, 4..10);
        assert_eq!((built.as_slice(), deferred.first_with_deadline()), (&b"now-"[..], Some(0)));
        deferred.release(6, 50, 100, &mut outgoing);
        assert_eq!((deferred.len(), outgoing.bytes.len()), (4, 0));
        deferred.release(8, 60, 100, &mut outgoing);
        assert_eq!((deferred.len(), outgoing.bytes.as_slice()), (3, &b"first--"[..]));
        // Not durable, and its time is up: it leaves, to be replaced. The acknowledgement goes on waiting.
        deferred.release(8, 101, 100, &mut outgoing);
        assert_eq!((deferred.len(), outgoing.bytes.as_slice()), (2, &b"first--third-"[..]));
        assert_eq!(deferred.first_with_deadline(), Some(5));
        assert!(outgoing.has_late(101, 100));
        deferred.release(11, 102, 100, &mut outgoing);
        assert_eq!((deferred.len(), outgoing.bytes.as_slice()), (0, &b"first--third-secondfourth"[..]));
        assert_eq!(deferred.first_with_deadline(), None);
    }

    #[test]
    fn what_has_left_is_wiped_and_its_room_is_used_again() {
        let (mut deferred, mut outgoing) = (Deferred::default(), Outgoing::default());
        for sequence in 1..1_000 {
            let mut built = b"cardholder".to_vec();
            deferred.push(sequence, answer(0, 10, false), &mut built, 0..10);
            // A few always wait, so that it is never empty.
            deferred.release(sequence.saturating_sub(3), 50, 100, &mut outgoing);
            let line = &deferred.acknowledgements;
            let room = &line.bytes;
            assert!(room[..line.left].iter().all(|byte| *byte == 0));
            assert!(room.len() <= 100 && room[line.left..].chunks(10).all(|bytes| bytes == b"cardholder"));
        }
        assert_eq!((outgoing.bytes.len(), deferred.len()), (9_960, 3));
    }

    #[test]
    fn the_stages_of_an_answer_add_up_to_the_whole() {
        let sum = |sample: &Sample| sample.stage_ns.iter().sum::<u64>();
        let mut answer = answer(1_000, 7, true);
        let sample = answer.passed.finish(1_100);
        assert_eq!((sample.total_ns, sum(&sample)), (100, 100));
        assert_eq!(
            (sample.stage_ns[Stage::DurableWait as usize], sample.stage_ns[Stage::Write as usize]),
            (0, 60)
        );
        answer.passed.is_durable(1_500);
        let sample = answer.passed.finish(1_600);
        assert_eq!((sample.total_ns, sum(&sample)), (600, 600));
        assert_eq!(
            (sample.stage_ns[Stage::DurableWait as usize], sample.stage_ns[Stage::Write as usize]),
            (460, 100)
        );
        // Longer than 32 bits of nanoseconds hold.
        let sample = answer.passed.finish(60_000_001_000);
        assert_eq!((sample.total_ns, sum(&sample)), (60_000_000_000, 60_000_000_000));
    }
}
