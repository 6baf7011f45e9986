//! A link as the settings describe it, ready to serve. Must not know sockets.

use super::door::Door;
use crate::decision::LinkTerms;
use crate::message::{Kind, Reading, permitted_echo, standard_echo};
use crate::settings::AddressRange;
use crate::wire::frame::Framing;
use crate::wire::{Bitmap, Dialect};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
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
    /// Most answers of one connection waiting to be durable; beyond it the connection is not read.
    pub max_in_flight: usize,
    /// A connection without any byte for this long is closed.
    pub idle_timeout: Duration,
    /// A connection whose peer takes no answer for this long is closed.
    pub write_timeout: Duration,
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
    echo: [Bitmap; 6],
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
            door: Door::new(options.allow.clone(), options.max_connections_per_address),
            terms: LinkTerms { link: u16::from(index), ..options.terms },
            budget_ns: options.budget.as_nanos() as u64,
            deadline_ns: (options.budget + options.stand_in).as_nanos() as u64,
            echo: lists,
            options,
        }
    }

    /// The fields an answer to this kind of message echoes.
    pub(super) fn echo(&self, kind: Kind) -> Bitmap {
        self.echo[kind as usize - 1]
    }
}
