//! What a connection does with the bytes it reads: it cuts them into frames and passes each message, a slice at a time.

use super::super::batch::Answer;
use super::super::{CloseReason, Unserved, Way, Why};
use super::{Connection, broken};
use crate::telemetry::{Batch, Counter};
use crate::wire::frame::{Cut, Kind};
use std::sync::atomic::Ordering;
use tokio::time::Instant;
use zeroize::Zeroize;

/// The work of one slice: so many messages,
const SLICE_MESSAGES: u32 = 32;
/// or so many times as many frames of which nothing comes but a count.
const CHEAP_FRAMES_A_MESSAGE: u32 = 16;

/// What one slice brought.
#[derive(Default)]
struct Taken {
    /// Since when the first byte of the frame at hand has waited.
    arrived_ns: u64,
    wall_us: i64,
    /// Frames of any kind.
    cut: u32,
    /// Frames that are owed an answer or a count.
    frames: u64,
    /// Those of them that the sender made so that they cannot be used.
    refused: u64,
    keep_alives: u64,
    /// The last message's type.
    mti: u16,
    /// Why the connection is to end.
    end: Option<CloseReason>,
}

impl Taken {
    /// Whether the slice has room for one more frame.
    fn may_go_on(&self) -> bool {
        self.end.is_none() && self.work() < SLICE_MESSAGES
    }

    /// Its work so far, in messages.
    fn work(&self) -> u32 {
        let messages = self.frames as u32;
        messages + (self.cut - messages) / CHEAP_FRAMES_A_MESSAGE
    }
}

impl Connection {
    /// Reads once, and passes what that completes, or the first of it.
    pub(super) fn read(&mut self) -> Result<(), CloseReason> {
        match self.inlet.receive(&self.stream, &mut self.input[self.filled..]) {
            Ok(None) => Ok(()),
            Ok(Some(0)) => {
                self.is_half_closed = true;
                Ok(())
            }
            Ok(Some(length)) => {
                self.filled += length;
                self.last_read = Instant::now();
                self.take(length)
            }
            Err(error) => Err(broken(&error)),
        }
    }

    /// Cuts and passes what is read, as much as one slice holds; `length` bytes of it are new. What that leaves on the stack
    /// lies below this frame, to be wiped.
    #[inline(never)]
    pub(super) fn take(&mut self, length: usize) -> Result<(), CloseReason> {
        let mut taken = Taken { wall_us: self.shared.ticks.wall_us(), ..Taken::default() };
        let mut at = self.begin;
        self.has_backlog = true;
        while taken.may_go_on() && self.may_take() {
            match self.cutter.next(&self.input[at..self.filled]) {
                Ok(Some(cut)) => {
                    taken.arrived_ns = self.inlet.arrivals.next_frame();
                    taken.cut += 1;
                    self.sort(at, cut, &mut taken);
                    at += cut.next;
                }
                Ok(None) => {
                    self.has_backlog = false;
                    break;
                }
                Err(error) => {
                    self.refused(Unserved::unread(Why::Frame(error)), &mut taken);
                    self.counted.push(Counter::FrameErrors);
                    taken.end = Some(CloseReason::FrameError);
                }
            }
        }
        self.begin = at;
        if !self.has_backlog {
            self.forget();
            self.inlet.arrivals.keep(self.filled);
        }
        let unfinished = !self.has_backlog && self.filled > 0;
        self.deadlines.cut(self.last_read, taken.cut > 0, unfinished);
        if self.refused_rate.add(self.last_read, u64::from(taken.cut), taken.refused) {
            taken.end.get_or_insert(CloseReason::Refused);
        }
        self.work += u64::from(taken.work());
        self.account(length, &taken);
        taken.end.map_or(Ok(()), Err)
    }

    /// Does with a frame, which begins at `at`, what its kind asks for.
    fn sort(&mut self, at: usize, cut: Cut, taken: &mut Taken) {
        let counter = match cut.kind {
            Kind::Message => {
                taken.frames += 1;
                self.pass(at, cut, taken)
            }
            Kind::KeepAlive => {
                if self.link.options.echo_keep_alives {
                    self.outgoing.keep_alives.extend_from_slice(&self.input[at..at + cut.next]);
                }
                taken.keep_alives += 1;
                None
            }
            Kind::Control => Some(Counter::ControlFrames),
            Kind::Reject { code } => {
                taken.frames += 1;
                self.refused(Unserved::unread(Why::Reject(code)), taken);
                self.dropped(Counter::Rejects)
            }
            Kind::Wrong(wrong) => {
                taken.frames += 1;
                self.refused(Unserved::unread(Why::WrongFrame(wrong)), taken);
                if self.link.options.close_on_unreadable {
                    taken.end = Some(CloseReason::Unreadable);
                }
                self.dropped(Counter::WrongFrames)
            }
        };
        self.counted.extend(counter);
    }

    /// Moves what is not yet cut to the front of the buffer, and wipes what is cut.
    fn forget(&mut self) {
        if self.begin > 0 {
            self.input.copy_within(self.begin..self.filled, 0);
            self.input[self.filled - self.begin..self.filled].zeroize();
            self.filled -= self.begin;
            self.begin = 0;
        }
    }

    /// Tells of a message that no record tells of.
    fn refused(&mut self, unserved: Unserved, taken: &mut Taken) {
        taken.refused += u64::from(unserved.why.is_unusable());
        self.observer.refused(unserved, &self.input[self.begin..self.filled], taken.wall_us);
    }

    /// Counts what one slice brought.
    fn account(&mut self, length: usize, taken: &Taken) {
        self.observer.read(length, taken.frames, taken.mti, taken.wall_us);
        self.shared.counts.received.fetch_add(taken.frames, Ordering::Relaxed);
        let mut batch: Batch<'_> = self.shared.recorder.batch();
        batch.count(self.link.index, Counter::BytesIn, length as u64);
        batch.count(self.link.index, Counter::FramesIn, taken.frames);
        batch.count(self.link.index, Counter::KeepAlives, taken.keep_alives);
        for counter in self.counted.drain(..) {
            batch.count(self.link.index, counter, 1);
        }
    }

    /// Passes one message. Returns what else it counts as.
    fn pass(&mut self, at: usize, cut: Cut, taken: &mut Taken) -> Option<Counter> {
        let (lead, message) = (&self.input[at..at + cut.start], &self.input[at + cut.start..at + cut.end]);
        let Taken { arrived_ns, wall_us, .. } = *taken;
        let out = &mut self.outgoing.bytes;
        let from = out.len();
        let signed_on = self.session.signed_on;
        let passed = self.corridor.pass(lead, message, &mut self.session, arrived_ns, wall_us, out);
        let length = out.len() - from;
        taken.mti = passed.sample.mti;
        if self.session.signed_on != signed_on {
            self.observer.signed(self.session.signed_on);
        }
        if let Some(unserved) = self.corridor.take_unserved() {
            self.refused(unserved, taken);
        }
        let answer = Answer { passed, arrived_ns, length };
        let out = &mut self.outgoing.bytes;
        match passed.way {
            Way::Now if length > 0 => self.outgoing.answers.push(answer),
            Way::AfterDurable(sequence) if length > 0 => {
                self.deferred.push(sequence, answer, out, from..from + length);
            }
            Way::Now | Way::AfterDurable(_) => return self.dropped(Counter::Dropped),
            Way::Dropped(counter) => return self.dropped(counter),
            Way::Close(counter) => {
                taken.end = Some(CloseReason::Unreadable);
                return self.dropped(counter);
            }
        }
        if matches!(passed.counts_as, Some(Counter::BudgetSpent | Counter::Shed)) {
            self.shared.counts.budget_spent.fetch_add(1, Ordering::Relaxed);
        }
        passed.counts_as
    }

    fn dropped(&self, counter: Counter) -> Option<Counter> {
        self.shared.counts.dropped.fetch_add(1, Ordering::Relaxed);
        Some(counter)
    }

    /// Counts what came after the stop and is not answered.
    pub(super) fn discard(&mut self, length: usize) {
        self.filled += length;
        let (mut at, mut frames) = (self.begin, 0);
        while let Ok(Some(cut)) = self.cutter.next(&self.input[at..self.filled]) {
            at += cut.next;
            frames += u64::from(!matches!(cut.kind, Kind::KeepAlive | Kind::Control));
        }
        self.begin = at;
        self.forget();
        if self.filled == self.input.len() {
            self.filled = 0;
            self.cutter.restart();
        }
        self.shared.counts.received.fetch_add(frames, Ordering::Relaxed);
        self.shared.counts.dropped.fetch_add(frames, Ordering::Relaxed);
        let mut batch = self.shared.recorder.batch();
        batch.count(self.link.index, Counter::FramesIn, frames);
        batch.count(self.link.index, Counter::Dropped, frames);
    }
}
