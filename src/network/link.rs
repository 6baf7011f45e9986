//! A link as the settings describe it, ready to serve. Must not know sockets.

use super::door::Door;
use crate::decision::LinkTerms;
use crate::message::{Kind, Reading, permitted_echo, standard_echo};
use crate::settings::AddressRange;
use crate::wire::frame::Framing;
use crate::wire::{Bitmap, Dialect};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

/// What a link is made from.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// Its name, the label of its metrics.
    pub name: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// How its messages are written.
    pub dialect: Arc<Dialect>,
    /// How they are framed.
    pub framing: Framing,
    /// The longest frame taken, bytes without its length; a longer one closes the connection.
    pub max_frame_bytes: usize,
    /// Whether a keep-alive is answered with the same bytes; else it is only counted.
    pub echo_keep_alives: bool,
    /// Bytes that may wait unread in the kernel on each connection before the peer's sending is held back.
    pub receive_buffer_bytes: usize,
    /// From the first byte's arrival to the decision; what takes longer is answered with 91.
    pub budget: Duration,
    /// How long beyond the budget the stand-in set may still decide.
    pub stand_in: Duration,
    /// Who may connect; empty = everybody.
    pub allow: Vec<AddressRange>,
    /// Most connections at a time; more are refused.
    pub max_connections: usize,
    /// Most connections at a time from one address; 0 = no bound of its own.
    pub max_connections_per_address: usize,
    /// Most messages of one connection read and not yet answered; beyond it the connection is not read.
    pub max_in_flight: usize,
    /// A connection without a whole frame for this long is closed.
    pub idle_timeout: Duration,
    /// A frame that is not all there so long after its first byte closes its connection.
    pub frame_timeout: Duration,
    /// A connection whose peer acknowledges nothing of what it is owed for this long is closed.
    pub write_timeout: Duration,
    /// A connection of whose messages more than so many in a second, and more than half, are refused is closed; 0 = never.
    pub max_refused_per_s: u32,
    /// How its messages are decided; the link's number in it is set when it serves.
    pub terms: LinkTerms,
    /// How its messages say what ISO 8583 has no field for.
    pub reading: Reading,
    /// Fields echoed in answers instead of the standard list, by kind in the order of their numbers; empty for the
    /// standard list.
    pub echo: [Vec<u8>; 6],
    /// Whether a message that cannot be read at all closes its connection; else it is dropped.
    pub close_on_unreadable: bool,
    /// Whether money messages need a sign-on first.
    pub require_sign_on: bool,
    /// Whether authorizations too are answered only when they are durable.
    pub reply_after_durable: bool,
}

/// A link that serves.
#[derive(Debug)]
pub struct Link {
    /// What it was made from.
    pub options: LinkOptions,
    /// Its number, in the order of the settings.
    pub index: u8,
    /// Its open connections.
    pub connections: AtomicUsize,
    /// Those of them that have signed on.
    pub signed_on: AtomicUsize,
    /// Who is let in, and who was not.
    pub door: Door,
    pub(super) terms: LinkTerms,
    pub(super) budget_ns: u64,
    /// No approval leaves later than this after its request's first byte.
    pub(super) deadline_ns: u64,
    remembered: Remembered,
    echo: [Bitmap; 6],
}

/// Requests whose budget is spent are remembered, for their repeats: one in so long,
const REMEMBERED_EACH_NS: u64 = 500_000;
/// and so many at once, which is what waits after a stall. In an overload there are more, and what each costs makes more late.
const REMEMBERED_AT_ONCE: u64 = 10_000;

/// How many late requests of a link are remembered.
#[derive(Debug, Default)]
struct Remembered {
    /// Up to when those so far would last at [`REMEMBERED_EACH_NS`] each.
    until_ns: AtomicU64,
}

impl Remembered {
    /// Whether one more is.
    fn takes(&self, now_ns: u64) -> bool {
        let most_ns = now_ns + REMEMBERED_AT_ONCE * REMEMBERED_EACH_NS;
        let next = |until_ns: u64| {
            Some(until_ns.max(now_ns) + REMEMBERED_EACH_NS).filter(|until_ns| *until_ns <= most_ns)
        };
        self.until_ns.fetch_update(Relaxed, Relaxed, next).is_ok()
    }
}

impl Link {
    /// A link ready to serve.
    pub fn new(index: u8, options: LinkOptions) -> Link {
        // What an answer to network management answers: without it, it means nothing.
        const ALWAYS: Bitmap = Bitmap::of(&[11, 70]);
        let echo = |kind: Kind| match options.echo[kind as usize - 1].as_slice() {
            [] => standard_echo(kind),
            list if kind == Kind::NetworkManagement => permitted_echo(list) | ALWAYS,
            list => permitted_echo(list),
        };
        let kinds = (1..=6).filter_map(Kind::from_number);
        let mut lists = [Bitmap::EMPTY; 6];
        for (list, kind) in lists.iter_mut().zip(kinds) {
            *list = echo(kind);
        }
        Link {
            index,
            connections: AtomicUsize::new(0),
            signed_on: AtomicUsize::new(0),
            remembered: Remembered::default(),
            door: Door::new(options.allow.clone(), options.max_connections_per_address),
            terms: LinkTerms { link: u16::from(index), ..options.terms },
            budget_ns: options.budget.as_nanos() as u64,
            deadline_ns: (options.budget + options.stand_in).as_nanos() as u64,
            echo: lists,
            options,
        }
    }

    /// Whether one more request whose budget is spent is to be remembered.
    pub(super) fn remembers_late(&self, now_ns: u64) -> bool {
        self.remembered.takes(now_ns)
    }

    /// The fields an answer to this kind of message echoes.
    pub(super) fn echo(&self, kind: Kind) -> Bitmap {
        self.echo[kind as usize - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_late_requests_are_remembered_at_once_and_then_one_each_so_often() {
        let remembered = Remembered::default();
        let taken = |now_ns: u64, asked: u64| (0..asked).filter(|_| remembered.takes(now_ns)).count() as u64;
        assert_eq!(taken(1_000, 20_000), REMEMBERED_AT_ONCE);
        assert_eq!(taken(1_000 + 10 * REMEMBERED_EACH_NS, 1_000), 10);
        let second_ns = 1_000_000_000;
        assert_eq!(taken(1_000 + second_ns, 20_000), second_ns / REMEMBERED_EACH_NS - 10);
        assert_eq!(taken(3_600 * second_ns, 20_000), REMEMBERED_AT_ONCE, "after a long time as at first");
    }
}
