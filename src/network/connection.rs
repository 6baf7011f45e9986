//! One connection: read, cut, pass each message through the corridor, write all answers of a read in one write.
//! Owns the socket, the buffers and the deadlines; knows nothing of what messages mean.

use super::batch::{Answer, Deferred, Outgoing};
use super::clock::Turns;
use super::inlet::Inlet;
use super::receipt::Counts;
use super::{CloseReason, Corridor, Left, Link, Observer, Session, Ticks, Unserved, Way, Why};
use crate::journal::{Journal, Seq};
use crate::message::Refusal;
use crate::telemetry::{Batch, Counter, NO_CODE, Outcome, Recorder};
use crate::wire::frame::{Cut, Cutter, Kind};
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use zeroize::{Zeroize, zeroize_stack};

/// What one read takes at most, unless a frame is larger.
const READ_BYTES: usize = 32 << 10;
/// After the last answer the peer gets this long to close, so that a reset does not overtake the answer.
const LINGER: Duration = Duration::from_millis(250);
/// What passing messages leaves on the stack, generously.
const STAINED: usize = 32 << 10;
/// After so many reads that left something in the socket, others have their turn.
const READS_A_TURN: u32 = 8;

/// What a worker gives to each of its connections.
pub struct Shared {
    pub recorder: Recorder,
    pub turns: Arc<Turns>,
    pub ticks: Ticks,
    pub counts: Arc<Counts>,
    pub journal: Journal,
}

/// What one read brought.
#[derive(Default)]
struct Taken {
    /// Since when the first byte of the frame at hand has waited.
    arrived_ns: u64,
    wall_us: i64,
    /// Frames that are owed an answer or a count.
    frames: u64,
    /// The last message's type.
    mti: u16,
    /// Why the connection is to end.
    end: Option<CloseReason>,
}

pub struct Connection {
    stream: TcpStream,
    inlet: Inlet,
    /// The peer has shut its sending side: what it is owed still goes out.
    is_half_closed: bool,
    link: Arc<Link>,
    shared: Rc<Shared>,
    corridor: Corridor,
    session: Session,
    cutter: Cutter,
    /// Bytes read and not yet cut: `..filled`.
    input: Box<[u8]>,
    filled: usize,
    outgoing: Outgoing,
    deferred: Deferred,
    /// Messages were looked at since the stack was wiped.
    is_stained: bool,
    durable: watch::Receiver<Seq>,
    last_read: Instant,
    /// When the first byte of the unfinished frame at the front was read.
    unfinished: Option<Instant>,
    observer: Observer,
    /// What the messages of one read are counted as; empty between reads.
    counted: Vec<Counter>,
}

impl Connection {
    /// A connection of a link, whose first byte comes after `since_ns`.
    pub fn new(
        stream: TcpStream,
        link: Arc<Link>,
        shared: Rc<Shared>,
        corridor: Corridor,
        observer: Observer,
        since_ns: u64,
    ) -> Connection {
        let options = &link.options;
        let room = READ_BYTES.max(options.framing.room(options.max_frame_bytes));
        let cutter = Cutter::new(options.framing, options.max_frame_bytes);
        Connection {
            stream,
            inlet: Inlet::new(Arc::clone(&shared.turns), shared.ticks.clone(), since_ns),
            is_half_closed: false,
            shared: Rc::clone(&shared),
            corridor,
            session: Session::default(),
            cutter,
            input: vec![0; room].into_boxed_slice(),
            filled: 0,
            outgoing: Outgoing::default(),
            deferred: Deferred::default(),
            is_stained: false,
            durable: shared.journal.watch(),
            last_read: Instant::now(),
            unfinished: None,
            observer,
            counted: Vec::new(),
            link,
        }
    }

    /// Serves until the peer closes, breaks a rule, or the switch stops.
    pub async fn serve(mut self, mut stop: watch::Receiver<bool>) {
        self.observer.opened();
        let end = self.run(&mut stop).await;
        zeroize_stack::<STAINED>();
        if end == CloseReason::Stop {
            self.finish().await;
        }
        if self.session.signed_on {
            self.link.signed_on.fetch_sub(1, Ordering::Relaxed);
        }
        self.link.connections.fetch_sub(1, Ordering::Relaxed);
        self.count(Counter::ConnectionsClosed, 1);
        let left = self.left(end);
        self.observer.closed(end, left, &self.input[..self.filled]);
    }

    /// What is left behind at the end.
    fn left(&self, end: CloseReason) -> Left {
        // What cannot be cut is no half frame.
        let have = if end == CloseReason::FrameError { 0 } else { self.filled };
        let announced = self.link.options.framing.announced(&self.input[..have]);
        let (unsent_answers, unsent_bytes) = self.outgoing.unsent();
        Left {
            unfinished_bytes: have,
            missing_bytes: announced.map(|all| all.saturating_sub(have)),
            unfinished: self.unfinished.map_or(Duration::ZERO, |since| since.elapsed()),
            unsent_answers: unsent_answers + self.deferred.len(),
            unsent_bytes,
        }
    }

    async fn run(&mut self, stop: &mut watch::Receiver<bool>) -> CloseReason {
        let idle = self.link.options.idle_timeout;
        let idle_timer = sleep_until(self.last_read + idle);
        tokio::pin!(idle_timer);
        let mut idle_since = None;
        let mut reads = 0;
        loop {
            let may_read = !self.is_half_closed && self.deferred.len() < self.link.options.max_in_flight;
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return CloseReason::Stop,
                _ = self.durable.changed(), if self.deferred.len() > 0 => {}
                ready = self.inlet.readable(&self.stream), if may_read => {
                    if let Err(end) = ready.map_err(|error| broken(&error)).and_then(|()| self.read()) {
                        // What was answered before the fault still goes out.
                        let _ = self.write().await;
                        return end;
                    }
                }
                _ = self.stream.ready(Interest::ERROR), if self.is_half_closed => return CloseReason::Broken(ErrorKind::ConnectionReset),
                () = &mut idle_timer => {
                    // Armed once per idle time, not per read: reads only note when they were.
                    let due = self.last_read + idle;
                    if due <= Instant::now() && self.deferred.len() == 0 {
                        // A loop that stood still may not have looked at the socket yet: it has by the second time.
                        if idle_since.replace(self.last_read) == Some(self.last_read) {
                            self.count(Counter::IdleClosed, 1);
                            return CloseReason::Idle;
                        }
                    }
                    idle_timer.as_mut().reset(due.max(Instant::now() + Duration::from_millis(10)));
                }
            }
            self.release();
            if let Err(end) = self.write().await {
                return end;
            }
            if std::mem::take(&mut self.is_stained) {
                zeroize_stack::<STAINED>();
            }
            if self.is_half_closed && self.deferred.len() == 0 {
                return CloseReason::Peer;
            }
            reads = if self.inlet.has_more { reads + 1 } else { 0 };
            if reads % READS_A_TURN == READS_A_TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Reads once, and passes what that completes.
    fn read(&mut self) -> Result<(), CloseReason> {
        match self.inlet.receive(&self.stream, &mut self.input[self.filled..]) {
            Ok(None) => Ok(()),
            Ok(Some(0)) => {
                self.is_half_closed = true;
                Ok(())
            }
            Ok(Some(length)) => self.take(length),
            Err(error) => Err(broken(&error)),
        }
    }

    /// Moves the answers whose records are durable by now to those that leave.
    fn release(&mut self) {
        if self.deferred.len() > 0 {
            let (durable, now_ns) = (self.shared.journal.durable(), self.shared.ticks.now_ns());
            self.deferred.release(durable, now_ns, &mut self.outgoing);
        }
    }

    /// Cuts and passes what the last read completed. What that leaves on the stack lies below this frame, to be wiped.
    #[inline(never)]
    fn take(&mut self, length: usize) -> Result<(), CloseReason> {
        self.filled += length;
        self.is_stained = true;
        self.last_read = Instant::now();
        let mut taken = Taken { wall_us: self.shared.ticks.wall_us(), ..Taken::default() };
        let mut at = 0;
        loop {
            match self.cutter.next(&self.input[at..self.filled]) {
                Ok(Some(cut)) => {
                    taken.arrived_ns = self.inlet.arrivals.next_frame();
                    self.sort(at, cut, &mut taken);
                    at += cut.next;
                }
                Ok(None) => break,
                Err(error) => {
                    self.refused(Unserved::unread(Why::Frame(error)), taken.wall_us);
                    self.counted.push(Counter::FrameErrors);
                    taken.end = Some(CloseReason::FrameError);
                }
            }
            if taken.end.is_some() {
                break;
            }
        }
        self.forget(at);
        let goes_on = self.unfinished.filter(|_| at == 0).unwrap_or(self.last_read);
        self.unfinished = (self.filled > 0).then_some(goes_on);
        self.inlet.arrivals.keep(self.filled);
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
                Some(Counter::KeepAlives)
            }
            Kind::Control => Some(Counter::ControlFrames),
            Kind::Reject { code } => {
                taken.frames += 1;
                self.refused(Unserved::unread(Why::Reject(code)), taken.wall_us);
                self.dropped(Counter::Rejects)
            }
            Kind::Wrong(wrong) => {
                taken.frames += 1;
                self.refused(Unserved::unread(Why::WrongFrame(wrong)), taken.wall_us);
                if self.link.options.close_on_unreadable {
                    taken.end = Some(CloseReason::Unreadable);
                }
                self.dropped(Counter::WrongFrames)
            }
        };
        self.counted.extend(counter);
    }

    /// Moves what is not yet cut to the front of the buffer, and wipes what is cut.
    fn forget(&mut self, cut: usize) {
        if cut > 0 {
            self.input.copy_within(cut..self.filled, 0);
            self.input[self.filled - cut..self.filled].zeroize();
            self.filled -= cut;
        }
    }

    /// Tells of a message that no record tells of.
    fn refused(&mut self, unserved: Unserved, wall_us: i64) {
        self.observer.refused(unserved, &self.input[..self.filled], wall_us);
    }

    /// Counts what one read brought.
    fn account(&mut self, length: usize, taken: &Taken) {
        self.observer.read(length, taken.frames, taken.mti, taken.wall_us);
        self.shared.counts.received.fetch_add(taken.frames, Ordering::Relaxed);
        let mut batch = self.shared.recorder.batch();
        batch.count(self.link.index, Counter::BytesIn, length as u64);
        batch.count(self.link.index, Counter::FramesIn, taken.frames);
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
            self.observer.refused(unserved, &self.input[..self.filled], wall_us);
        }
        let answer = Answer { passed, arrived_ns, length };
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
        if passed.counts_as == Some(Counter::BudgetSpent) {
            self.shared.counts.budget_spent.fetch_add(1, Ordering::Relaxed);
        }
        passed.counts_as
    }

    fn dropped(&self, counter: Counter) -> Option<Counter> {
        self.shared.counts.dropped.fetch_add(1, Ordering::Relaxed);
        Some(counter)
    }

    /// Writes all answers that are ready, in one write where the socket takes them all. Each time it takes more, what
    /// comes too late by then is replaced first: what the kernel has is sent, what it has not can still be undone.
    async fn write(&mut self) -> Result<(), CloseReason> {
        let mut progress = None;
        while !self.outgoing.is_empty() {
            self.withhold_late();
            match self.stream.try_write(self.outgoing.rest()) {
                Ok(0) => break,
                Ok(taken) => {
                    self.record(taken);
                    progress = None;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // The peer reads slower than we answer: nothing more is read from it until it has caught up.
                    let since = *progress.get_or_insert_with(Instant::now);
                    match timeout_at(since + self.link.options.write_timeout, self.stream.writable()).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return Err(broken(&error)),
                        Err(_) => {
                            self.count(Counter::SlowReaderClosed, 1);
                            return Err(CloseReason::SlowReader);
                        }
                    }
                }
                Err(error) => return Err(broken(&error)),
            }
        }
        self.outgoing.clear();
        Ok(())
    }

    /// An approval whose budget is spent by now does not go out: it is undone and answered with 91 instead. The
    /// stored approval of a repeat is withheld: its first answer stands.
    fn withhold_late(&mut self) {
        let (now_ns, deadline_ns) = (self.shared.ticks.now_ns(), self.link.deadline_ns);
        if !self.outgoing.has_late(now_ns, deadline_ns) {
            return;
        }
        self.is_stained = true;
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

    /// The switch stops: what was read is answered, durable first where that was promised; then the peer is told.
    async fn finish(&mut self) {
        while self.deferred.len() > 0 {
            self.release();
            if self.write().await.is_err() {
                return;
            }
            if self.deferred.len() > 0 && self.durable.changed().await.is_err() {
                return;
            }
        }
        let _ = self.write().await;
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let deadline = Instant::now() + LINGER;
        loop {
            match tokio::time::timeout_at(deadline, self.stream.read(&mut self.input[self.filled..])).await {
                Ok(Ok(length)) if length > 0 => self.discard(length),
                _ => return,
            }
        }
    }

    /// Counts what came after the stop and is not answered.
    fn discard(&mut self, length: usize) {
        self.filled += length;
        let (mut at, mut frames) = (0, 0);
        while let Ok(Some(cut)) = self.cutter.next(&self.input[at..self.filled]) {
            at += cut.next;
            frames += u64::from(!matches!(cut.kind, Kind::KeepAlive | Kind::Control));
        }
        self.forget(at);
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

    fn count(&self, counter: Counter, count: u64) {
        self.shared.recorder.batch().count(self.link.index, counter, count);
    }
}

fn broken(error: &std::io::Error) -> CloseReason {
    CloseReason::Broken(error.kind())
}
