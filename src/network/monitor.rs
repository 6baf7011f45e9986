//! What the server tells of its connections and of what it could not serve: who is connected, the last refused messages,
//! lines of the log at a bounded pace, and what a link that reads nothing right may be speaking instead.
//! Must not decide anything, nor keep content of messages.

use super::Link;
use super::connections::{ConnectionCell, Connections};
use super::pace::Pace;
use super::refused::{Refusals, Refused};
use super::wall_us;
use crate::wire::Dialect;
use crate::wire::frame::Framing;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Says of the first bytes of a connection what framing and dialect they are in, where that is not the link's.
pub type Likely = fn(&[u8], &Framing, &Arc<Dialect>) -> Option<String>;

/// Bytes of a connection's beginning that are looked at.
const SAMPLE: usize = 4 << 10;
/// How often a link is looked at, seconds: a peer that sends garbage must not keep a processor busy.
const LOOK_S: u64 = 10;
/// How often the same is told of a link, microseconds.
const TELL_US: i64 = 600_000_000;

/// What a link's messages seem to be written in, when none of them could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// When it was looked at, microseconds since 1970 UTC.
    pub time_us: i64,
    /// Who sent the bytes.
    pub peer: SocketAddr,
    /// Likely framing and dialect, with the reason.
    pub likely: String,
}

#[derive(Debug, Default)]
struct LinkState {
    /// When it was last looked at, seconds since the start and one more; 0 never.
    looked_s: AtomicU64,
    suspicion: Mutex<Option<Suspicion>>,
}

/// What all connections share to tell of themselves.
#[derive(Debug)]
pub struct Monitor {
    /// Who is connected.
    pub connections: Connections,
    /// The last messages that were not decided.
    pub refusals: Refusals,
    started: Instant,
    links: Box<[LinkState]>,
    connection_lines: Pace,
    refusal_lines: Pace,
    likely: Option<Likely>,
    /// One look at a time.
    looking: AtomicBool,
}

impl Monitor {
    /// For so many links; at most `lines_per_s` lines a second about connections, and as many about messages.
    pub fn new(links: usize, lines_per_s: u32, likely: Option<Likely>) -> Monitor {
        Monitor {
            connections: Connections::default(),
            refusals: Refusals::default(),
            started: Instant::now(),
            links: (0..links).map(|_| LinkState::default()).collect(),
            connection_lines: Pace::new(lines_per_s),
            refusal_lines: Pace::new(lines_per_s),
            likely,
            looking: AtomicBool::new(false),
        }
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Enters a connection that was accepted.
    pub(super) fn enter(&self, link: &Link, peer: SocketAddr) -> Arc<ConnectionCell> {
        self.connections.enter(link.index, peer, wall_us(), self.now())
    }

    /// Whether a line about connections may be written now; then how many were left out before it, if any.
    pub(super) fn connection_line(&self) -> Option<Option<u64>> {
        admit(&self.connection_lines, self.now())
    }

    /// The same for lines about refused messages.
    pub(super) fn refusal_line(&self) -> Option<Option<u64>> {
        admit(&self.refusal_lines, self.now())
    }

    /// Tells that a connection was not taken.
    pub(super) fn turned_away(&self, link: &Link, peer: SocketAddr, reason: &str) {
        let Some(left_out) = self.connection_line() else { return };
        tracing::warn!(link = link.options.name, %peer, reason, left_out, "connection refused");
    }

    /// Tells that the system gave no connection.
    pub(super) fn not_accepted(&self, link: &Link, error: &std::io::Error) {
        let Some(left_out) = self.connection_line() else { return };
        tracing::warn!(link = link.options.name, %error, left_out, "accept failed");
    }

    /// The refused messages that are kept by now, newest first.
    pub fn refused(&self) -> Vec<Refused> {
        self.collect();
        self.refusals.last()
    }

    /// What a link's messages seem to be written in, when none of a connection's could be read.
    pub fn suspicion(&self, link: u8) -> Option<Suspicion> {
        self.links.get(usize::from(link))?.suspicion.lock().clone()
    }

    /// Keeps what was refused, notes the rates, tells what the log left out; to be called each second.
    pub(super) fn tick(&self) {
        self.collect();
        let now = self.now();
        self.connections.sample(now);
        let (connections, refusals) = (&self.connection_lines, &self.refusal_lines);
        tell_left_out(connections.untold(seconds(now)), refusals.untold(seconds(now)));
    }

    /// Tells what the log left out, at the end of all connections.
    pub(super) fn finish(&self) {
        let rest = |pace: &Pace| Some(pace.rest()).filter(|left_out| *left_out > 0);
        tell_left_out(rest(&self.connection_lines), rest(&self.refusal_lines));
    }

    fn collect(&self) {
        self.refusals.collect(|refused| self.connections.note(refused));
    }

    /// Looks, on a thread of its own, at what a connection of which nothing could be read may be speaking. The sample is
    /// overwritten afterwards. Returns whether it looks: not where the link was looked at a moment ago.
    pub(super) fn look(self: &Arc<Monitor>, link: &Arc<Link>, peer: SocketAddr, sample: &[u8]) -> bool {
        let (Some(likely), Some(state)) = (self.likely, self.links.get(usize::from(link.index))) else {
            return true;
        };
        let now_s = self.now().as_secs() + 1;
        let looked_s = state.looked_s.load(Ordering::Relaxed);
        if sample.is_empty() || looked_s != 0 && now_s - looked_s < LOOK_S {
            return false;
        }
        if self.looking.swap(true, Ordering::Relaxed) {
            return false;
        }
        state.looked_s.store(now_s, Ordering::Relaxed);
        let sample = Zeroizing::new(sample[..sample.len().min(SAMPLE)].to_vec());
        let (monitor, link) = (Arc::clone(self), Arc::clone(link));
        let looks = std::thread::Builder::new().name("look".into()).spawn(move || {
            let options = &link.options;
            if let Some(likely) = likely(&sample, &options.framing, &options.dialect) {
                monitor.suspect(&link, peer, likely);
            }
            monitor.looking.store(false, Ordering::Relaxed);
        });
        if looks.is_err() {
            self.looking.store(false, Ordering::Relaxed);
        }
        looks.is_ok()
    }

    fn suspect(&self, link: &Link, peer: SocketAddr, likely: String) {
        let Some(state) = self.links.get(usize::from(link.index)) else { return };
        let mut suspicion = state.suspicion.lock();
        let time_us = wall_us();
        let is_known = suspicion
            .as_ref()
            .is_some_and(|known| known.likely == likely && time_us.saturating_sub(known.time_us) < TELL_US);
        if is_known {
            return;
        }
        let options = &link.options;
        tracing::warn!(
            link = options.name,
            %peer,
            framing = %options.framing,
            dialect = options.dialect.name(),
            likely,
            "nothing that came was as the link has it: its framing or dialect seems to be another"
        );
        *suspicion = Some(Suspicion { time_us, peer, likely });
    }
}

fn tell_left_out(connections: Option<u64>, refusals: Option<u64>) {
    if let Some(left_out) = connections {
        tracing::warn!(left_out, "lines about connections left out");
    }
    if let Some(left_out) = refusals {
        tracing::warn!(left_out, "lines about refused messages left out");
    }
}

fn admit(pace: &Pace, now: Duration) -> Option<Option<u64>> {
    pace.admit(seconds(now)).map(|left_out| Some(left_out).filter(|left_out| *left_out > 0))
}

fn seconds(now: Duration) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}
