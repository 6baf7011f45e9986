//! One captured packet -> its TCP segment, through link layer, VLAN tags, IP and its extension headers.

use super::remark::Anomaly;
use etherparse::{EtherType, IpNumber, LaxNetSlice, LaxSlicedPacket, LenSource, TransportSlice};
use std::net::{IpAddr, SocketAddr};

/// Numbers of the registry of link types.
pub(super) mod link {
    pub const NULL: i32 = 0;
    pub const ETHERNET: i32 = 1;
    pub const RAW_BSD: i32 = 12;
    pub const RAW_OPENBSD: i32 = 14;
    pub const RAW: i32 = 101;
    pub const LOOP: i32 = 108;
    pub const LINUX_SLL: i32 = 113;
    pub const IPV4: i32 = 228;
    pub const IPV6: i32 = 229;
    pub const LINUX_SLL2: i32 = 276;
}

/// What of a TCP segment counts for reassembly.
pub(super) struct Segment<'a> {
    pub source: SocketAddr,
    pub target: SocketAddr,
    pub seq: u32,
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
    pub payload: &'a [u8],
    /// Bytes of payload that were sent and not captured.
    pub missing: u64,
}

/// What a packet turned out to be.
pub(super) enum Seen<'a> {
    Tcp(Segment<'a>),
    /// Another protocol.
    Other,
    Odd(Anomaly),
}

/// Reads a packet of this link type; `original` is its length on the wire.
pub(super) fn read(link: i32, data: &[u8], original: u64) -> Seen<'_> {
    let Some(sliced) = slice(link, data) else {
        return Seen::Odd(match link {
            link::NULL..=link::ETHERNET
            | link::RAW_BSD
            | link::RAW_OPENBSD
            | link::RAW
            | link::LOOP
            | link::LINUX_SLL
            | link::IPV4
            | link::IPV6
            | link::LINUX_SLL2 => Anomaly::BadHeader,
            unknown => Anomaly::UnknownLink(unknown),
        });
    };
    let Some((from, to, length, payload)) = sliced.net.as_ref().and_then(addresses) else {
        return if sliced.stop_err.is_some() { Seen::Odd(Anomaly::BadHeader) } else { Seen::Other };
    };
    if payload.fragmented {
        return if payload.ip_number == IpNumber::TCP { Seen::Odd(Anomaly::Fragment) } else { Seen::Other };
    }
    let tcp = match (&sliced.transport, payload.ip_number) {
        (Some(TransportSlice::Tcp(tcp)), _) => tcp,
        (_, IpNumber::TCP) => return Seen::Odd(Anomaly::BadHeader),
        _ => return Seen::Other,
    };
    let captured = payload.payload.len() as u64;
    let missing = match (payload.incomplete, payload.len_source) {
        (true, _) => length.saturating_sub(captured),
        // The sender's network card was to fill in the length: only the file tells what was sent.
        (false, LenSource::Slice) => original.saturating_sub(data.len() as u64),
        _ => 0,
    };
    Seen::Tcp(Segment {
        source: SocketAddr::new(from, tcp.source_port()),
        target: SocketAddr::new(to, tcp.destination_port()),
        seq: tcp.sequence_number(),
        syn: tcp.syn(),
        ack: tcp.ack(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload(),
        missing,
    })
}

fn slice(link: i32, data: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    let ip = |data| LaxSlicedPacket::from_ip(data).ok();
    let cooked = |kind: usize, header: usize| {
        let kind = data.get(kind..)?.first_chunk::<2>()?;
        Some(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes(*kind)), data.get(header..)?))
    };
    match link {
        link::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok(),
        link::RAW | link::RAW_BSD | link::RAW_OPENBSD | link::IPV4 | link::IPV6 => ip(data),
        // Four bytes of address family, whose numbers differ by system: the packet itself tells its version.
        link::NULL | link::LOOP => ip(data.get(4..)?),
        link::LINUX_SLL => cooked(14, 16),
        link::LINUX_SLL2 => cooked(0, 20),
        _ => None,
    }
}

/// Source, target, the length that the header announces for what follows all IP headers, and that.
fn addresses<'a, 'p>(
    net: &'p LaxNetSlice<'a>,
) -> Option<(IpAddr, IpAddr, u64, &'p etherparse::LaxIpPayloadSlice<'a>)> {
    match net {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let auth = ip.extensions().auth.as_ref().map_or(0, |auth| auth.slice().len());
            let length = usize::from(header.total_len()).saturating_sub(header.slice().len() + auth);
            Some((header.source_addr().into(), header.destination_addr().into(), length as u64, ip.payload()))
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let length = usize::from(header.payload_length()).saturating_sub(ip.extensions().slice().len());
            Some((header.source_addr().into(), header.destination_addr().into(), length as u64, ip.payload()))
        }
        LaxNetSlice::Arp(_) => None,
    }
}

/// Whether bytes of a dump are an IP packet, or an Ethernet frame with one, and which link type reads them.
pub(super) fn link_of_dump(bytes: &[u8]) -> Option<i32> {
    let ip = |bytes: &[u8]| match bytes {
        [first, _, high, low, ..] if (0x45..=0x4F).contains(first) && bytes.len() >= 40 => {
            usize::from(u16::from_be_bytes([*high, *low])) >= bytes.len() && bytes[9] == 6
        }
        [first, _, _, _, high, low, next, ..] if first >> 4 == 6 && bytes.len() >= 60 => {
            usize::from(u16::from_be_bytes([*high, *low])) + 40 >= bytes.len() && *next == 6
        }
        _ => false,
    };
    match (ip(bytes), bytes.get(12..14), bytes.get(14..)) {
        (true, ..) => Some(link::RAW),
        (_, Some([0x08, 0x00] | [0x86, 0xDD]), Some(inner)) if ip(inner) => Some(link::ETHERNET),
        _ => None,
    }
}
