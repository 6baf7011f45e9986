//! What the server tells of its connections and of what it could not serve: who is connected, the last refused messages,
//! lines of the log at a bounded pace, and what a link that reads nothing right may be speaking instead.
//! Must not decide anything, nor keep content of messages.

use super::connections::{ConnectionCell, Connections};
use super::pace::{LeftOut, Pace};
use super::refused::{Refusals, Refused, Why};
use super::{Link, TurnedAway};
use crate::clock::WallClock;
use crate::journal::limit_in_words;
use crate::wire::Dialect;
use crate::wire::frame::Framing;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zeroize::{Zeroizing, zeroize_stack};

/// Says of the first bytes of a connection what framing and dialect they are in, where that is not the link's.
pub type Likely = fn(&[u8], &Framing, &Arc<Dialect>) -> Option<String>;

/// Bytes of a connection's beginning that are looked at.
const SAMPLE: usize = 4 << 10;
/// What looking leaves on the stack, generously.
const LOOKED: usize = 256 << 10;
/// How often a link is looked at, seconds: a peer that sends garbage must not keep a processor busy.
const LOOK_S: u64 = 10;
/// How often the same is told of a link, microseconds.
const TELL_US: i64 = 600_000_000;

/// The kinds of lines about a connection that was taken. Those about others are the names of [`TurnedAway`], those about
/// refused messages [`Why::NAMES`].
pub(super) mod line {
    pub const OPENED: &str = "opened";
    pub const SIGNED_ON: &str = "signed-on";
    pub const SIGNED_OFF: &str = "signed-off";
    pub const CLOSED: &str = "closed";
    pub const CLOSED_IN_TROUBLE: &str = "closed-in-trouble";
    pub const NOT_ACCEPTED: &str = "not-accepted";
    pub const ALL: [&str; 6] = [OPENED, SIGNED_ON, SIGNED_OFF, CLOSED, CLOSED_IN_TROUBLE, NOT_ACCEPTED];
}

/// So many links and kinds are named in the line that tells what was left out.
const NAMED: usize = 24;

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

#[derive(Debug)]
struct LinkState {
    name: String,
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
    clock: Arc<WallClock>,
    links: Box<[LinkState]>,
    pace: Pace,
    likely: Option<Likely>,
    /// One look at a time.
    looking: AtomicBool,
}

impl Monitor {
    /// For links of these names, with about so many lines a second as [`Pace`] has it.
    pub fn new(
        links: Vec<String>,
        lines_per_s: u32,
        likely: Option<Likely>,
        clock: Arc<WallClock>,
    ) -> Monitor {
        let turned_away = TurnedAway::ALL.map(TurnedAway::name);
        let kinds = line::ALL.into_iter().chain(turned_away).chain(Why::NAMES);
        let pace = Pace::new(lines_per_s, links.len(), kinds);
        let state = |name| LinkState { name, looked_s: AtomicU64::new(0), suspicion: Mutex::default() };
        Monitor {
            connections: Connections::default(),
            refusals: Refusals::default(),
            started: Instant::now(),
            clock,
            links: links.into_iter().map(state).collect(),
            pace,
            likely,
            looking: AtomicBool::new(false),
        }
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Microseconds since 1970.
    pub(super) fn wall_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// Enters a connection that was accepted.
    pub(super) fn enter(&self, link: &Link, peer: SocketAddr) -> Arc<ConnectionCell> {
        self.connections.enter(link.index, peer, self.wall_us(), self.now())
    }

    /// Whether a line about this link and kind may be written now; then how many of them were left out before it, if any.
    pub(super) fn admit_line(&self, link: u8, kind: &str) -> Option<Option<u64>> {
        let left_out = self.pace.admit(link, kind, seconds(self.now()))?;
        Some(Some(left_out).filter(|left_out| *left_out > 0))
    }

    /// Tells that a connection was not taken.
    pub(super) fn turned_away(&self, link: &Link, peer: SocketAddr, why: TurnedAway) {
        let Some(left_out) = self.admit_line(link.index, why.name()) else { return };
        tracing::warn!(link = link.options.name, %peer, reason = why.words(), left_out, "connection refused");
    }

    /// Tells that the system gave no connection.
    pub(super) fn not_accepted(&self, link: &Link, error: &std::io::Error) {
        let Some(left_out) = self.admit_line(link.index, line::NOT_ACCEPTED) else { return };
        let limit = limit_in_words(error);
        tracing::warn!(
            link = link.options.name,
            %error,
            limit,
            left_out,
            "no connection taken: those that come wait in the kernel, those that are open go on"
        );
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
        self.tell_left_out(self.pace.untold(seconds(now)));
    }

    /// Tells what the log left out, at the end of all connections.
    pub(super) fn finish(&self) {
        self.tell_left_out(self.pace.rest());
    }

    fn tell_left_out(&self, left_out: Vec<LeftOut>) {
        if left_out.is_empty() {
            return;
        }
        let lines: u64 = left_out.iter().map(|left_out| left_out.lines).sum();
        let which = in_words(left_out, |link| &self.links[usize::from(link)].name);
        tracing::warn!(left_out = lines, which, "lines left out");
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
            let said = likely(&sample, &options.framing, &options.dialect);
            // The stack stays mapped for the next thread.
            zeroize_stack::<LOOKED>();
            drop(sample);
            if let Some(likely) = said {
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
        let time_us = self.wall_us();
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

/// `acquirer-ascii: opened 380, closed 378; acquirer-bcd: signed-on 3`, those with most lines first where not all have
/// room.
fn in_words<'a>(mut left_out: Vec<LeftOut>, name: impl Fn(u8) -> &'a str) -> String {
    left_out.sort_by_key(|left_out| std::cmp::Reverse(left_out.lines));
    let others = left_out.split_off(left_out.len().min(NAMED));
    left_out.sort_by_key(|left_out| left_out.link);
    let of_link = |kinds: &[LeftOut]| {
        let counts: Vec<_> = kinds.iter().map(|of| format!("{} {}", of.kind, of.lines)).collect();
        format!("{}: {}", name(kinds[0].link), counts.join(", "))
    };
    let mut which: Vec<_> = left_out.chunk_by(|one, next| one.link == next.link).map(of_link).collect();
    let rest: u64 = others.iter().map(|left_out| left_out.lines).sum();
    if rest > 0 {
        which.push(format!("others: {rest}"));
    }
    which.join("; ")
}

fn seconds(now: Duration) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_told_by_link_and_kind() {
        let of = |link, kind, lines| LeftOut { link, kind, lines };
        let name = |link: u8| ["north", "south"][usize::from(link) % 2];
        let told = in_words(vec![of(0, "opened", 380), of(0, "closed", 378), of(1, "signed-on", 3)], name);
        assert_eq!(told, "north: opened 380, closed 378; south: signed-on 3");
        let many = (0..60).map(|link| of(link, "opened", 100 + u64::from(link))).collect();
        let told = in_words(many, name);
        assert!(told.starts_with("north: opened 136; south: opened 137; "), "{told}");
        let rest: u64 = (100..136).sum();
        assert!(told.ends_with(&format!("; south: opened 159; others: {rest}")), "{told}");
    }
}
