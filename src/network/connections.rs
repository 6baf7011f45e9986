//! Who is connected: one cell of numbers a connection, which its worker writes and the operators' pages read. No
//! worker waits for a reader. Must not know sockets or the content of messages.

use super::refused::Refused;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Seconds that a connection's rates look back at the most.
const LOOK_BACK: usize = 60;

/// The numbers of one connection. Written by its worker alone, once a read or write.
#[derive(Debug)]
pub struct ConnectionCell {
    /// Its number, from 1 in the order of opening.
    pub id: u64,
    /// Its link's number.
    pub link: u8,
    /// Who is at the other end.
    pub peer: SocketAddr,
    /// When it was opened, microseconds since 1970 UTC.
    pub since_us: i64,
    pub(super) signed_on_us: AtomicI64,
    pub(super) last_message_us: AtomicI64,
    pub(super) last_mti: AtomicU16,
    pub(super) messages: AtomicU64,
    pub(super) answers: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    /// What those who look keep; no worker touches it.
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When it was looked at, and how many messages there were by then: oldest first.
    samples: arrayvec::ArrayVec<(Duration, u64), { LOOK_BACK + 1 }>,
    last_refused: Option<Refused>,
}

/// A connection as it stands at one moment.
#[derive(Clone, Copy, Debug)]
pub struct OpenConnection {
    /// Its number.
    pub id: u64,
    /// Its link's number.
    pub link: u8,
    /// Who is at the other end.
    pub peer: SocketAddr,
    /// When it was opened, microseconds since 1970 UTC.
    pub since_us: i64,
    /// When it signed on, if it has and has not signed off.
    pub signed_on_us: Option<i64>,
    /// When its last message came, if any.
    pub last_message_us: Option<i64>,
    /// That message's type as four BCD digits; 0 where it could not be read.
    pub last_mti: u16,
    /// Frames read that are owed an answer or a count.
    pub messages: u64,
    /// Answers handed to the kernel.
    pub answers: u64,
    /// Messages that were not decided.
    pub refused: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes handed to the kernel.
    pub bytes_out: u64,
    /// Messages a second over the last ten seconds, or its life if that is shorter.
    pub rate_10s: f64,
    /// Messages a second over the last minute, or its life if that is shorter.
    pub rate_60s: f64,
    /// The last of its messages that was not decided.
    pub last_refused: Option<Refused>,
}

impl ConnectionCell {
    fn sample(&self, now: Duration) {
        let mut seen = self.seen.lock();
        if seen.samples.is_full() {
            seen.samples.remove(0);
        }
        seen.samples.push((now, self.messages.load(Relaxed)));
    }

    fn open(&self, now: Duration) -> OpenConnection {
        let seen = self.seen.lock();
        let messages = self.messages.load(Relaxed);
        let rate = |seconds: u64| {
            let from = now.saturating_sub(Duration::from_secs(seconds));
            // The first sample of a connection is of its opening.
            let since = seen.samples.iter().rev().find(|(at, _)| *at <= from).or(seen.samples.first());
            since.map_or(0.0, |(at, before)| {
                let span_s = now.saturating_sub(*at).as_secs_f64();
                if span_s > 0.0 { messages.saturating_sub(*before) as f64 / span_s } else { 0.0 }
            })
        };
        let time = |time: &AtomicI64| Some(time.load(Relaxed)).filter(|time_us| *time_us != 0);
        OpenConnection {
            id: self.id,
            link: self.link,
            peer: self.peer,
            since_us: self.since_us,
            signed_on_us: time(&self.signed_on_us),
            last_message_us: time(&self.last_message_us),
            last_mti: self.last_mti.load(Relaxed),
            messages,
            answers: self.answers.load(Relaxed),
            refused: self.refused.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            rate_10s: rate(10),
            rate_60s: rate(60),
            last_refused: seen.last_refused,
        }
    }
}

/// The open connections. A connection is open as long as its worker keeps the cell; the lock is taken by the acceptor
/// and by those who look.
#[derive(Debug, Default)]
pub struct Connections {
    opened: AtomicU64,
    open: Mutex<Vec<Weak<ConnectionCell>>>,
}

impl Connections {
    /// Enters a connection, opened `now` after the start.
    pub fn enter(&self, link: u8, peer: SocketAddr, since_us: i64, now: Duration) -> Arc<ConnectionCell> {
        let cell = Arc::new(ConnectionCell {
            id: self.opened.fetch_add(1, Relaxed) + 1,
            link,
            peer,
            since_us,
            signed_on_us: AtomicI64::new(0),
            last_message_us: AtomicI64::new(0),
            last_mti: AtomicU16::new(0),
            messages: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            seen: Mutex::default(),
        });
        cell.sample(now);
        let mut open = self.open.lock();
        // Those that have closed make room, when there is none left: a storm of connections leaves nothing behind.
        if open.len() == open.capacity() {
            open.retain(|cell| cell.strong_count() > 0);
        }
        open.push(Arc::downgrade(&cell));
        cell
    }

    /// Notes how many messages there were by `now`, for the rates; to be called each second.
    pub fn sample(&self, now: Duration) {
        self.open.lock().retain(|cell| {
            cell.upgrade().is_some_and(|cell| {
                cell.sample(now);
                true
            })
        });
    }

    /// Notes a message that was not decided as its connection's last.
    pub(super) fn note(&self, refused: &Refused) {
        let open = self.open.lock();
        // In the order of opening, so of their numbers; what has closed in between cannot be asked for its own.
        let cell = open.iter().rev().filter_map(Weak::upgrade).find(|cell| cell.id == refused.connection);
        if let Some(cell) = cell {
            cell.seen.lock().last_refused = Some(*refused);
        }
    }

    /// All that are open at `now`, in the order of opening.
    pub fn open(&self, now: Duration) -> Vec<OpenConnection> {
        let cells: Vec<_> = self.open.lock().iter().filter_map(Weak::upgrade).collect();
        cells.iter().map(|cell| cell.open(now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn what_is_closed_is_gone() {
        let connections = Connections::default();
        let cells: Vec<_> =
            (0..1_000).map(|port| connections.enter(0, peer(port), 1, Duration::ZERO)).collect();
        assert_eq!(connections.open(Duration::ZERO).len(), 1_000);
        let kept = cells.into_iter().nth(500);
        let open = connections.open(Duration::ZERO);
        assert_eq!(open.iter().map(|open| (open.id, open.peer)).collect::<Vec<_>>(), [(501, peer(500))]);
        drop(kept);
        // A storm of connections that close at once costs no memory.
        (0..100_000).for_each(|_| drop(connections.enter(0, peer(1), 1, Duration::ZERO)));
        assert!(connections.open.lock().capacity() <= 4_096);
    }

    #[test]
    fn rates_look_back_ten_seconds_and_a_minute() {
        let connections = Connections::default();
        let cell = connections.enter(0, peer(1), 1, Duration::ZERO);
        let rates = |now_s: u64| {
            let open = connections.open(Duration::from_secs(now_s));
            open.first().map(|open| (open.rate_10s, open.rate_60s))
        };
        assert_eq!(rates(0), Some((0.0, 0.0)));
        for now_s in 1..=120 {
            // 100 a second, and none for the last five.
            cell.messages.fetch_add(if now_s > 115 { 0 } else { 100 }, Relaxed);
            connections.sample(Duration::from_secs(now_s));
            match now_s {
                4 => assert_eq!(rates(4), Some((100.0, 100.0)), "of its life"),
                30 => assert_eq!(rates(30), Some((100.0, 100.0))),
                120 => assert_eq!(rates(120), Some((50.0, 5_500.0 / 60.0))),
                _ => {}
            }
        }
    }
}
