//! What one connection tells of itself: its numbers, its opening, sign-on and end, and what it sent that could not be
//! served. Must not know sockets, nor what messages mean.

use super::Link;
use super::connections::ConnectionCell;
use super::monitor::{Monitor, line};
use super::pace::Kinds;
use super::refused::{Refused, Unserved, Why};
use crate::telemetry::{Counter, NO_CODE};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed.
    Peer,
    /// The connection broke: it was reset, or the system gave it up.
    Broken(std::io::ErrorKind),
    /// The switch stops: what is in flight is answered first.
    Stop,
    /// Nothing came for the link's idle time.
    Idle,
    /// The peer took no answer for the link's write time.
    SlowReader,
    /// A frame was begun and not finished within the link's time for one.
    FrameTimeout,
    /// Its bytes cannot be cut into frames.
    FrameError,
    /// It sent what cannot be read, and the link closes then.
    Unreadable,
    /// Most of what it sent was refused, and more than the link takes of that in a second.
    Refused,
}

impl CloseReason {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            CloseReason::Peer => "peer",
            CloseReason::Broken(std::io::ErrorKind::ConnectionReset) => "reset",
            CloseReason::Broken(_) => "broken",
            CloseReason::Stop => "stop",
            CloseReason::Idle => "idle",
            CloseReason::SlowReader => "slow-reader",
            CloseReason::FrameTimeout => "frame-timeout",
            CloseReason::FrameError => "frame-error",
            CloseReason::Unreadable => "unreadable",
            CloseReason::Refused => "refused",
        }
    }

    /// The counter of connections that end so, where there is one.
    pub fn counter(self) -> Option<Counter> {
        match self {
            CloseReason::Idle => Some(Counter::IdleClosed),
            CloseReason::SlowReader => Some(Counter::SlowReaderClosed),
            CloseReason::FrameTimeout => Some(Counter::FrameTimeoutClosed),
            CloseReason::Refused => Some(Counter::RefusedClosed),
            _ => None,
        }
    }

    /// Whether somebody should look at it.
    fn is_trouble(self) -> bool {
        !matches!(self, CloseReason::Peer | CloseReason::Stop | CloseReason::Idle)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Peer => f.write_str("the peer closed"),
            CloseReason::Broken(kind) => write!(f, "the connection broke: {kind}"),
            CloseReason::Stop => f.write_str("the switch stops"),
            CloseReason::Idle => f.write_str("nothing came for the idle time"),
            CloseReason::SlowReader => f.write_str("the peer did not read its answers"),
            CloseReason::FrameTimeout => f.write_str("a frame was begun and not finished in time"),
            CloseReason::FrameError => f.write_str("its bytes cannot be cut into frames"),
            CloseReason::Unreadable => f.write_str("a message that cannot be read"),
            CloseReason::Refused => {
                f.write_str("most of what it sent was refused, and too much of that in a second")
            }
        }
    }
}

/// What a connection leaves behind when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Bytes of a frame that is not all there.
    pub unfinished_bytes: usize,
    /// How many more its length says there are; `None` where that is not known.
    pub missing_bytes: Option<usize>,
    /// How long ago its first byte came.
    pub unfinished: Duration,
    /// Answers that the peer never got.
    pub unsent_answers: usize,
    /// Their bytes, as far as they were ready to be sent.
    pub unsent_bytes: usize,
}

/// The one who tells of a connection. Owned by it.
#[derive(Debug)]
pub struct Observer {
    monitor: Arc<Monitor>,
    link: Arc<Link>,
    cell: Arc<ConnectionCell>,
    kinds: Kinds,
    /// It was looked at what the connection may be speaking.
    looked: bool,
    opened: Duration,
}

impl Observer {
    /// Of a connection that was accepted.
    pub(super) fn new(monitor: Arc<Monitor>, link: Arc<Link>, cell: Arc<ConnectionCell>) -> Observer {
        let opened = monitor.now();
        Observer { monitor, link, cell, kinds: Kinds::default(), looked: false, opened }
    }

    /// The connection is served from now on.
    pub fn opened(&self) {
        let Some(left_out) = self.info_line(line::OPENED) else { return };
        let (peer, connection) = (self.cell.peer, self.cell.id);
        tracing::info!(link = self.link.options.name, %peer, connection, left_out, "connection opened");
    }

    /// Whether a line that is no trouble may be written now: one that the log's level hides takes nobody's place.
    fn info_line(&self, kind: &str) -> Option<Option<u64>> {
        tracing::enabled!(tracing::Level::INFO).then(|| self.monitor.admit_line(self.link.index, kind))?
    }

    /// The peer has signed on, or off.
    pub fn signed(&self, on: bool) {
        self.cell.signed_on_us.store(if on { self.monitor.wall_us() } else { 0 }, Relaxed);
        let kind = if on { line::SIGNED_ON } else { line::SIGNED_OFF };
        let Some(left_out) = self.info_line(kind) else { return };
        let (peer, connection) = (self.cell.peer, self.cell.id);
        let (link, said) = (&self.link.options.name, if on { "signed on" } else { "signed off" });
        tracing::info!(link, %peer, connection, left_out, "{said}");
    }

    /// A read brought bytes, and frames that are owed an answer or a count; `mti` is that of the last.
    pub fn read(&self, bytes: usize, frames: u64, mti: u16, time_us: i64) {
        self.cell.bytes_in.fetch_add(bytes as u64, Relaxed);
        if frames > 0 {
            self.cell.messages.fetch_add(frames, Relaxed);
            self.cell.last_mti.store(mti, Relaxed);
            self.cell.last_message_us.store(time_us, Relaxed);
        }
    }

    /// The kernel took answers.
    pub fn wrote(&self, answers: u64, bytes: u64) {
        self.cell.answers.fetch_add(answers, Relaxed);
        self.cell.bytes_out.fetch_add(bytes, Relaxed);
    }

    /// No record tells of a message. `unread` is what of the connection was not cut before the read that brought it.
    pub fn refused(&mut self, unserved: Unserved, unread: &[u8], time_us: i64) {
        let (link, connection, peer) = (self.link.index, self.cell.id, self.cell.peer);
        self.cell.refused.fetch_add(1, Relaxed);
        self.monitor.refusals.add(Refused { time_us, link, connection, peer, unserved });
        self.tell(&unserved);
        if matches!(unserved.why, Why::Parse(_) | Why::Frame(_) | Why::WrongFrame(_)) {
            self.look(unread);
        }
    }

    fn tell(&mut self, unserved: &Unserved) {
        let kind = (unserved.why.name(), unserved.why.de().unwrap_or(u8::MAX));
        let now_ns = u64::try_from(self.monitor.now().as_nanos()).unwrap_or(u64::MAX);
        let Some(more) = self.kinds.admit(kind, now_ns) else { return };
        let Some(left_out) = self.monitor.admit_line(self.link.index, kind.0) else { return };
        let told = unserved.told();
        tracing::warn!(
            link = self.link.options.name,
            peer = %self.cell.peer,
            connection = self.cell.id,
            kind = told.kind,
            mti = told.mti,
            stan = told.stan,
            rrn = told.rrn,
            field = told.field.as_deref(),
            offset = told.offset,
            expected = told.expected.as_deref(),
            found = told.found,
            code = told.code.as_deref(),
            // Of this kind on this connection, since the last line about it.
            more = Some(more).filter(|more| *more > 0),
            left_out,
            "{}: {told}",
            unserved.why.line(unserved.code != NO_CODE)
        );
    }

    /// Looks once at what the connection may be speaking, if none of its messages could be read.
    fn look(&mut self, unread: &[u8]) {
        let served = self.cell.messages.load(Relaxed).saturating_sub(self.cell.refused.load(Relaxed));
        if served == 0 && !self.looked {
            self.looked = self.monitor.look(&self.link, self.cell.peer, unread);
        }
    }

    /// The connection has ended. `unread` is what was not cut of it.
    pub fn closed(&mut self, reason: CloseReason, left: Left, unread: &[u8]) {
        if left.unfinished_bytes > 0 {
            self.look(unread);
        }
        let is_trouble = reason.is_trouble() || left != Left::default();
        let left_out = match is_trouble {
            true => self.monitor.admit_line(self.link.index, line::CLOSED_IN_TROUBLE),
            false => self.info_line(line::CLOSED),
        };
        let Some(left_out) = left_out else { return };
        let unfinished = (left.unfinished_bytes > 0).then_some(left.unfinished_bytes);
        let unsent = (left.unsent_answers > 0).then_some(left.unsent_answers);
        let seconds = self.monitor.now().saturating_sub(self.opened).as_secs_f64();
        // One call for each level: the level of an event is fixed where it stands.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    link = self.link.options.name,
                    peer = %self.cell.peer,
                    connection = self.cell.id,
                    reason = reason.name(),
                    seconds = (seconds * 1e3).round() / 1e3,
                    messages = self.cell.messages.load(Relaxed),
                    answers = self.cell.answers.load(Relaxed),
                    refused = self.cell.refused.load(Relaxed),
                    unfinished_bytes = unfinished,
                    missing_bytes = left.missing_bytes,
                    unfinished_ms = unfinished.map(|_| left.unfinished.as_millis() as u64),
                    unsent_answers = unsent,
                    unsent_bytes = unsent.map(|_| left.unsent_bytes),
                    left_out,
                    "connection closed: {reason}{}",
                    Leaves(left)
                )
            };
        }
        if is_trouble { line!(warn) } else { line!(info) }
    }
}

/// What is left behind, for people.
struct Leaves(Left);

impl fmt::Display for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = &self.0;
        let (have, since) = (left.unfinished_bytes, left.unfinished.as_secs_f64());
        match left.missing_bytes {
            _ if have == 0 => {}
            Some(missing) => {
                write!(
                    f,
                    "; {missing} bytes of a frame are missing: {have} came, the first {since:.1} s ago"
                )?;
            }
            None => {
                write!(f, "; the end of a frame is missing: {have} bytes came, the first {since:.1} s ago")?
            }
        }
        match left.unsent_answers {
            0 => Ok(()),
            answers => write!(f, "; {answers} answers never reached it"),
        }
    }
}
