//! One connection: it waits until there is something to do, and does it in a slice of its worker's time. Owns the socket,
//! the buffers and the deadlines; knows nothing of what messages mean.

mod delivery;
mod intake;

use super::batch::{Deferred, Outgoing};
use super::clock::Turns;
use super::deadline::{Deadlines, Overdue, Progress, RefusedRate};
use super::fair::FairQueue;
use super::inlet::Inlet;
use super::receipt::Counts;
use super::system;
use super::{CloseReason, Corridor, Left, Link, Observer, Session, Ticks};
use crate::journal::{Journal, Seq};
use crate::telemetry::{Counter, Recorder};
use crate::wire::frame::Cutter;
use std::io::ErrorKind;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use zeroize::zeroize_stack;

/// What one read takes at most, unless a frame is larger.
const READ_BYTES: usize = 32 << 10;
/// After the last answer the peer gets this long to close, so that a reset does not overtake the answer.
const LINGER: Duration = Duration::from_millis(250);
/// What passing messages leaves on the stack, generously.
const STAINED: usize = 32 << 10;

/// What a worker gives to each of its connections.
pub struct Shared {
    pub recorder: Recorder,
    pub turns: Arc<Turns>,
    pub ticks: Ticks,
    pub counts: Arc<Counts>,
    pub journal: Journal,
    pub fair: FairQueue,
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
    /// Bytes read and not yet cut: `begin..filled`.
    input: Box<[u8]>,
    begin: usize,
    filled: usize,
    /// There may be whole frames among them: the last slice ended before they were cut.
    has_backlog: bool,
    outgoing: Outgoing,
    deferred: Deferred,
    durable: watch::Receiver<Seq>,
    last_read: Instant,
    deadlines: Deadlines,
    refused_rate: RefusedRate,
    observer: Observer,
    /// What the messages of one slice are counted as; empty between slices.
    counted: Vec<Counter>,
    /// The work of one slice, in messages; 0 between slices.
    work: u64,
}

/// What there is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// The socket may be read.
    Readable,
    /// Bytes that were read are not cut yet, or answers may leave.
    Ready,
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
        let now = Instant::now();
        Connection {
            stream,
            inlet: Inlet::new(Arc::clone(&shared.turns), shared.ticks.clone(), since_ns),
            is_half_closed: false,
            corridor,
            session: Session::default(),
            cutter: Cutter::new(options.framing, options.max_frame_bytes),
            input: vec![0; room].into_boxed_slice(),
            begin: 0,
            filled: 0,
            has_backlog: false,
            outgoing: Outgoing::default(),
            deferred: Deferred::default(),
            durable: shared.journal.watch(),
            last_read: now,
            deadlines: Deadlines::new(options.idle_timeout, options.frame_timeout, now),
            refused_rate: RefusedRate::new(options.max_refused_per_s, now),
            observer,
            counted: Vec::new(),
            work: 0,
            shared,
            link,
        }
    }

    /// Serves until the peer closes, breaks a rule, or the switch stops.
    pub async fn serve(mut self, mut stop: watch::Receiver<bool>) {
        self.observer.opened();
        let end = self.run(&mut stop).await;
        if end == CloseReason::Stop {
            self.finish().await;
        }
        if self.session.signed_on {
            self.link.signed_on.fetch_sub(1, Ordering::Relaxed);
        }
        self.link.connections.fetch_sub(1, Ordering::Relaxed);
        self.count(Counter::ConnectionsClosed, 1);
        if let Some(counter) = end.counter() {
            self.count(counter, 1);
        }
        let left = self.left(end);
        self.observer.closed(end, left, &self.input[self.begin..self.filled]);
    }

    /// What is left behind at the end.
    fn left(&self, end: CloseReason) -> Left {
        // What cannot be cut is no half frame.
        let have = if end == CloseReason::FrameError { 0 } else { self.filled - self.begin };
        let announced = self.link.options.framing.announced(&self.input[self.begin..self.begin + have]);
        let (unsent_answers, unsent_bytes) = self.outgoing.unsent();
        Left {
            unfinished_bytes: have,
            missing_bytes: announced.map(|all| all.saturating_sub(have)),
            unfinished: self.deadlines.begun().map_or(Duration::ZERO, |since| since.elapsed()),
            unsent_answers: unsent_answers + self.deferred.len(),
            unsent_bytes,
        }
    }

    async fn run(&mut self, stop: &mut watch::Receiver<bool>) -> CloseReason {
        let shared = Rc::clone(&self.shared);
        let mut timer = pin!(sleep_until(self.next_due()));
        loop {
            let wake = if *stop.borrow() {
                return CloseReason::Stop;
            } else if self.has_backlog && self.may_take() {
                Wake::Ready
            } else {
                let (waits, may_read) = (self.deferred.len() > 0, !self.is_half_closed && self.may_take());
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return CloseReason::Stop,
                    _ = self.durable.changed(), if waits => Wake::Ready,
                    ready = self.inlet.readable(&self.stream), if may_read => match ready {
                        Ok(()) => Wake::Readable,
                        Err(error) => return broken(&error),
                    },
                    _ = self.stream.ready(Interest::ERROR), if self.is_half_closed => {
                        return CloseReason::Broken(ErrorKind::ConnectionReset);
                    }
                    () = &mut timer => match self.overdue() {
                        Some(end) => return end,
                        None => Wake::Ready,
                    },
                }
            };
            if let Err(end) = self.work(&shared, wake).await {
                return end;
            }
            if self.is_half_closed && self.deferred.len() == 0 && !self.has_backlog {
                return CloseReason::Peer;
            }
            // Armed again when it has run out, or something is due before it: not at each read.
            let due = self.next_due();
            if due < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(due);
            }
        }
    }

    /// Does what there is to do, in a slice of the worker's time, and waits until the peer has taken all answers.
    async fn work(&mut self, shared: &Shared, wake: Wake) -> Result<(), CloseReason> {
        let slice = shared.fair.slice(self.link.index).await;
        let taken = match wake {
            Wake::Readable => self.read(),
            Wake::Ready if self.has_backlog && self.may_take() => self.take(0),
            Wake::Ready => Ok(()),
        };
        self.release();
        let written = self.write();
        zeroize_stack::<STAINED>();
        slice.end(std::mem::take(&mut self.work)).await;
        let written = match written {
            Ok(false) => self.flush(shared).await,
            other => other.map(|_| ()),
        };
        // What was answered before a fault still went out.
        taken.and(written)
    }

    /// Whether one more message may be in flight: read and not yet answered.
    fn may_take(&self) -> bool {
        self.deferred.len() + self.outgoing.answers.len() < self.link.options.max_in_flight
    }

    /// When something may be overdue next: what is missing from the peer, or an approval that waits for the disk.
    fn next_due(&self) -> Instant {
        let now = Instant::now();
        let due = self.deadlines.next(now);
        let Some(arrived_ns) = self.deferred.first_with_deadline() else { return due };
        let late_ns = arrived_ns.saturating_add(self.link.deadline_ns + 1);
        due.min(now + Duration::from_nanos(late_ns.saturating_sub(self.shared.ticks.now_ns())))
    }

    /// The timer has run out: whether the connection ends by that.
    fn overdue(&mut self) -> Option<CloseReason> {
        let now = Instant::now();
        if !self.may_take() {
            self.deadlines.not_read(now);
        }
        self.deadlines.overdue(now, self.deferred.len() > 0).map(|overdue| match overdue {
            Overdue::Idle => CloseReason::Idle,
            Overdue::Frame => CloseReason::FrameTimeout,
        })
    }

    /// The peer reads slower than we answer: nothing more is read from it until it has caught up.
    async fn flush(&mut self, shared: &Shared) -> Result<(), CloseReason> {
        let acknowledged = |stream: &TcpStream| system::acknowledged(stream).map_err(|error| broken(&error));
        let patience = self.link.options.write_timeout;
        let mut progress = Progress::new(patience, Instant::now(), acknowledged(&self.stream)?);
        loop {
            if let Ok(ready) = timeout_at(progress.next(Instant::now()), self.stream.writable()).await {
                ready.map_err(|error| broken(&error))?;
            }
            let slice = shared.fair.slice(self.link.index).await;
            let written = self.write();
            zeroize_stack::<STAINED>();
            let written = written?;
            slice.end(0).await;
            let now = Instant::now();
            if written {
                self.deadlines.not_read(now);
                return Ok(());
            }
            if progress.stalled(now, acknowledged(&self.stream)?) {
                return Err(CloseReason::SlowReader);
            }
        }
    }

    /// The switch stops: what was read is answered, durable first where that was promised; then the peer is told.
    async fn finish(&mut self) {
        let shared = Rc::clone(&self.shared);
        loop {
            if self.work(&shared, Wake::Ready).await.is_err() {
                return;
            }
            if self.has_backlog && self.may_take() {
                continue;
            }
            if self.deferred.len() == 0 {
                break;
            }
            // At their time approvals that wait are answered 91.
            let changed = timeout_at(self.next_due(), self.durable.changed()).await;
            if changed.is_ok_and(|changed| changed.is_err()) {
                return;
            }
        }
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let deadline = Instant::now() + LINGER;
        loop {
            match timeout_at(deadline, self.stream.read(&mut self.input[self.filled..])).await {
                Ok(Ok(length)) if length > 0 => self.discard(length),
                _ => return,
            }
        }
    }

    fn count(&self, counter: Counter, count: u64) {
        self.shared.recorder.batch().count(self.link.index, counter, count);
    }
}

fn broken(error: &std::io::Error) -> CloseReason {
    CloseReason::Broken(error.kind())
}
