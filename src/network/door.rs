//! Who is let in at a link: by address, and how many from one. Counts whom it turned away, by reason. Knows addresses and
//! numbers; no socket, no clock.

use super::Link;
use crate::settings::AddressRange;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Why a connection was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// Its address is none of `allow`.
    NotAllowed,
    /// Its address has `max_connections_per_address` open.
    AddressFull,
    /// The link has `max_connections` open.
    LinkFull,
    /// The process may not open more files without taking those that the journal needs.
    NoDescriptors,
    /// Its worker has too many waiting.
    WorkerFull,
    /// The system did not set its socket up.
    NotSetUp,
}

impl TurnedAway {
    /// All reasons.
    pub const ALL: [TurnedAway; 6] = [
        TurnedAway::NotAllowed,
        TurnedAway::AddressFull,
        TurnedAway::LinkFull,
        TurnedAway::NoDescriptors,
        TurnedAway::WorkerFull,
        TurnedAway::NotSetUp,
    ];

    /// The reason as a label: `not-allowed`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TurnedAway::NotAllowed => "not-allowed",
            TurnedAway::AddressFull => "address-full",
            TurnedAway::LinkFull => "link-full",
            TurnedAway::NoDescriptors => "no-descriptors",
            TurnedAway::WorkerFull => "worker-full",
            TurnedAway::NotSetUp => "not-set-up",
        }
    }

    /// The reason in words, for the log.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            TurnedAway::NotAllowed => "its address is none of the link's `allow`",
            TurnedAway::AddressFull => "its address has its share, `max_connections_per_address`",
            TurnedAway::LinkFull => "the link has its full number, `max_connections`",
            TurnedAway::NoDescriptors => {
                "the limit on open files leaves none for it: see the line about them at the start"
            }
            TurnedAway::WorkerFull => "the worker is full",
            TurnedAway::NotSetUp => "the socket cannot be set up",
        }
    }
}

/// Of one reason: how many, and who was the last.
#[derive(Debug, Default)]
struct Told {
    count: AtomicU64,
    last: Mutex<Option<(i64, SocketAddr)>>,
}

/// The door of one link.
#[derive(Debug)]
pub struct Door {
    allow: Vec<AddressRange>,
    /// The most from one address; 0 = no bound.
    share: usize,
    /// Open connections by address. No more entries than there are connections.
    open: Mutex<HashMap<IpAddr, usize>>,
    turned_away: [Told; TurnedAway::ALL.len()],
    /// How often the system gave no connection although one waits: out of descriptors or memory.
    pub not_accepted: AtomicU64,
}

impl Door {
    /// Lets in those of `allow` (empty: everybody), at most `share` from one address (0: as many as come).
    #[must_use]
    pub fn new(allow: Vec<AddressRange>, share: usize) -> Door {
        Door {
            allow,
            share,
            open: Mutex::default(),
            turned_away: Default::default(),
            not_accepted: AtomicU64::new(0),
        }
    }

    /// Whether this address may connect at all.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|range| range.contains(address))
    }

    /// Counts one more connection of this address, if it has not its share yet; to be given back with [`Door::leave`].
    #[must_use]
    pub fn enter(&self, address: IpAddr) -> bool {
        let mut open = self.open.lock();
        let count = open.entry(holder(address)).or_insert(0);
        let free = self.share == 0 || *count < self.share;
        *count += usize::from(free);
        free
    }

    /// A connection of this address has ended.
    pub fn leave(&self, address: IpAddr) {
        let mut open = self.open.lock();
        let holder = holder(address);
        if let Some(count) = open.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                open.remove(&holder);
            }
        }
    }

    /// Counts one that was turned away at `time_us`, microseconds since 1970 UTC.
    pub fn turn_away(&self, why: TurnedAway, peer: SocketAddr, time_us: i64) {
        let told = &self.turned_away[why as usize];
        told.count.fetch_add(1, Ordering::Relaxed);
        *told.last.lock() = Some((time_us, peer));
    }

    /// How many were turned away for this reason since the start.
    #[must_use]
    pub fn turned_away(&self, why: TurnedAway) -> u64 {
        self.turned_away[why as usize].count.load(Ordering::Relaxed)
    }

    /// When the last was turned away for this reason, and who it was.
    #[must_use]
    pub fn last_turned_away(&self, why: TurnedAway) -> Option<(i64, SocketAddr)> {
        *self.turned_away[why as usize].last.lock()
    }
}

/// Who shares: an IPv4 address, or the /64 of an IPv6 one, which is what a host gets.
fn holder(address: IpAddr) -> IpAddr {
    const SUBNET: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & SUBNET).into(),
        address => address,
    }
}

/// The places of one connection: at its link's door, and among all that the process may have. Dropping it gives them back.
#[derive(Debug)]
pub struct Seat {
    link: Arc<Link>,
    address: IpAddr,
    all: Arc<AtomicUsize>,
}

impl Seat {
    /// A place for a connection of this address, where `all` counts those of the process, at most `most`.
    pub(super) fn take(
        link: &Arc<Link>,
        address: IpAddr,
        all: &Arc<AtomicUsize>,
        most: usize,
    ) -> Result<Seat, TurnedAway> {
        if !link.door.enter(address) {
            return Err(TurnedAway::AddressFull);
        }
        let before = all.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { link: Arc::clone(link), address, all: Arc::clone(all) };
        if before >= most { Err(TurnedAway::NoDescriptors) } else { Ok(seat) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.link.door.leave(self.address);
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_may_connect_is_told_by_the_whole_address() {
        let allow = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.0/120"];
        let door = Door::new(allow.iter().map(|range| range.parse().unwrap()).collect(), 0);
        let rows = [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("::ffff:10.1.2.3", true),
            ("::10.1.2.3", false),
            ("192.0.2.7", true),
            ("192.0.2.6", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("198.51.100.255", true),
            ("198.51.101.0", false),
            ("127.0.0.1", false),
            ("::1", false),
        ];
        for (address, allowed) in rows {
            assert_eq!(door.allows(ip(address)), allowed, "{address}");
        }
        assert!(Door::new(vec![], 0).allows(ip("11.0.0.0")), "an empty list is no list");
        let everybody = Door::new(vec!["0.0.0.0/0".parse().unwrap()], 0);
        assert!(everybody.allows(ip("203.0.113.1")) && !everybody.allows(ip("2001:db8::1")));
    }

    #[test]
    fn an_address_has_its_share_and_no_more() {
        let door = Door::new(vec![], 2);
        let rows = [
            ("192.0.2.1", true),
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8:0:1::1", true),
            ("2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::3", false),
            ("2001:db8:0:2::1", true),
        ];
        for (address, taken) in rows {
            assert_eq!(door.enter(ip(address)), taken, "{address}");
        }
        door.leave(ip("192.0.2.1"));
        assert!(door.enter(ip("192.0.2.1")) && !door.enter(ip("192.0.2.1")));
        for address in
            ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8:0:1::9", "2001:db8:0:1::9", "2001:db8:0:2::1"]
        {
            door.leave(ip(address));
        }
        assert!(door.open.lock().is_empty(), "who has gone leaves nothing behind");
    }
}
