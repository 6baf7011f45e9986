//! What a connection hands to the kernel: answers in whole frames, none of them an approval that is too late.

use super::super::{CloseReason, Why};
use super::{Connection, broken};
use crate::message::Refusal;
use crate::telemetry::{Batch, Counter, NO_CODE, Outcome};
use std::io::ErrorKind;
use std::sync::atomic::Ordering;

impl Connection {
    /// Moves the answers whose records are durable by now to those that leave, and approvals that have waited too long:
    /// these become 91 before they do.
    pub(super) fn release(&mut self) {
        if self.deferred.len() > 0 {
            let (durable, now_ns) = (self.shared.journal.durable(), self.shared.ticks.now_ns());
            self.deferred.release(durable, now_ns, self.link.deadline_ns, &mut self.outgoing);
        }
    }

    /// Writes all answers that are ready, in one write where the socket takes them all. Each time it takes more, what
    /// comes too late by then is replaced first: what the kernel has is sent, what it has not can still be undone.
    /// Returns whether all is written: else the socket is full.
    pub(super) fn write(&mut self) -> Result<bool, CloseReason> {
        while !self.outgoing.is_empty() {
            self.withhold_late();
            match self.stream.try_write(self.outgoing.rest()) {
                Ok(0) => break,
                Ok(taken) => self.record(taken),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(broken(&error)),
            }
        }
        self.outgoing.clear();
        Ok(true)
    }

    /// An approval whose budget is spent by now does not go out: it is undone and answered with 91 instead. The
    /// stored approval of a repeat is withheld: its first answer stands.
    fn withhold_late(&mut self) {
        let (now_ns, deadline_ns) = (self.shared.ticks.now_ns(), self.link.deadline_ns);
        if !self.outgoing.has_late(now_ns, deadline_ns) {
            return;
        }
        let (corridor, shared, link) = (&mut self.corridor, &self.shared, &self.link);
        let observer = &mut self.observer;
        let wall_us = shared.ticks.wall_us();
        self.outgoing.replace_late(now_ns, deadline_ns, |answer, bytes, out| {
            let passed = &mut answer.passed;
            passed.has_deadline = false;
            let (counter, count) = match passed.undo.take() {
                Some(undo) => {
                    passed.sample.outcome = Outcome::Undone;
                    let (code, unserved) = corridor.undo(undo, passed.sample.mti, wall_us, bytes, out);
                    passed.sample.code = code;
                    if let Some(unserved) = unserved {
                        observer.refused(unserved, &[], wall_us);
                    }
                    passed.sample.refusal = Refusal::BudgetSpent as u8;
                    (Counter::Undone, &shared.counts.undone)
                }
                None => {
                    passed.sample.outcome = Outcome::Withheld;
                    passed.sample.code = NO_CODE;
                    shared.recorder.batch().message(&passed.finish(now_ns));
                    let unserved = corridor.unserved_by(Why::Withheld, passed.sample.mti, bytes);
                    observer.refused(unserved, &[], wall_us);
                    (Counter::Withheld, &shared.counts.withheld)
                }
            };
            count.fetch_add(1, Ordering::Relaxed);
            shared.recorder.batch().count(link.index, counter, 1);
        });
    }

    /// The kernel took so many bytes: records the answers that have gone out by that.
    fn record(&mut self, bytes: usize) {
        let done_ns = self.shared.ticks.now_ns();
        let gone = self.outgoing.took(bytes);
        let answers = gone.len() as u64;
        self.shared.counts.answered.fetch_add(answers, Ordering::Relaxed);
        self.observer.wrote(answers, bytes as u64);
        let mut batch: Batch<'_> = self.shared.recorder.batch();
        for answer in gone {
            batch.message(&answer.passed.finish(done_ns));
        }
        batch.count(self.link.index, Counter::AnswersOut, answers);
        batch.count(self.link.index, Counter::BytesOut, bytes as u64);
    }
}
