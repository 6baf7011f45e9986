//! Writes capture files and packets byte by byte, sharing no code with what reads them.

use std::net::{IpAddr, SocketAddr};

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

/// 2026-01-15T12:34:56Z.
pub const NOON: u64 = 1_768_480_496;

/// A packet as a file has it.
#[derive(Clone)]
pub struct Captured {
    pub at_ns: u64,
    pub bytes: Vec<u8>,
    /// Bytes on the wire, where the capture kept fewer.
    pub original: Option<usize>,
}

/// Packets one millisecond after the other.
pub fn paced(packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<Captured> {
    let timed = packets.into_iter().enumerate();
    timed
        .map(|(index, bytes)| Captured {
            at_ns: NOON * 1_000_000_000 + index as u64 * 1_000_000,
            bytes,
            original: None,
        })
        .collect()
}

/// Numbers in one byte order.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub big: bool,
}

pub const LITTLE: Order = Order { big: false };
pub const BIG: Order = Order { big: true };

impl Order {
    fn two(self, number: u16) -> [u8; 2] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn four(self, number: u32) -> [u8; 4] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }
}

/// A pcap file.
pub fn pcap(order: Order, nanoseconds: bool, link: u32, packets: &[Captured]) -> Vec<u8> {
    let magic = if nanoseconds { 0xA1B2_3C4D } else { 0xA1B2_C3D4 };
    let mut file = order.four(magic).to_vec();
    file.extend([order.two(2), order.two(4)].concat());
    file.extend([0, 0, 262_144, link].map(|number| order.four(number)).concat());
    for packet in packets {
        let fraction = packet.at_ns % 1_000_000_000 / if nanoseconds { 1 } else { 1000 };
        let original = packet.original.unwrap_or(packet.bytes.len());
        let numbers = [packet.at_ns / 1_000_000_000, fraction, packet.bytes.len() as u64, original as u64];
        file.extend(numbers.map(|number| order.four(number as u32)).concat());
        file.extend(&packet.bytes);
    }
    file
}

/// An interface of a pcapng file.
#[derive(Clone, Copy)]
pub struct Interface {
    pub link: u16,
    pub snaplen: u32,
    pub resolution: Option<u8>,
    pub offset_s: i64,
}

impl Interface {
    pub fn plain(link: u16) -> Interface {
        Interface { link, snaplen: 0, resolution: None, offset_s: 0 }
    }
}

fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().wrapping_neg() % 4];
    let length = order.four((12 + body.len() + padding.len()) as u32);
    [&order.four(kind), &length, body, &padding, &length].concat()
}

/// The beginning of a pcapng file or section.
pub fn section(order: Order, interfaces: &[Interface]) -> Vec<u8> {
    let mut body = order.four(0x1A2B_3C4D).to_vec();
    body.extend([order.two(1), order.two(0)].concat());
    body.extend([0xFF; 8]);
    let mut file = block(order, 0x0A0D_0D0A, &body);
    for interface in interfaces {
        let mut body = [order.two(interface.link), order.two(0)].concat();
        body.extend(order.four(interface.snaplen));
        if let Some(resolution) = interface.resolution {
            body.extend([order.two(9), order.two(1)].concat());
            body.extend([resolution, 0, 0, 0]);
        }
        if interface.offset_s != 0 {
            body.extend([order.two(14), order.two(8)].concat());
            let offset = interface.offset_s;
            body.extend(if order.big { offset.to_be_bytes() } else { offset.to_le_bytes() });
        }
        body.extend([0; 4]);
        file.extend(block(order, 1, &body));
    }
    file
}

/// An enhanced packet block; `units` is its time as the interface counts it.
pub fn enhanced(order: Order, interface: u32, units: u64, packet: &Captured) -> Vec<u8> {
    let original = packet.original.unwrap_or(packet.bytes.len());
    let numbers = [interface, (units >> 32) as u32, units as u32, packet.bytes.len() as u32, original as u32];
    let body = [numbers.map(|number| order.four(number)).concat(), packet.bytes.clone()].concat();
    // The padding is the packet's, not the block's: a block without options ends with it.
    block(order, 6, &body)
}

pub fn simple(order: Order, packet: &Captured) -> Vec<u8> {
    let original = packet.original.unwrap_or(packet.bytes.len());
    block(order, 3, &[&order.four(original as u32)[..], &packet.bytes].concat())
}

/// A pcapng file of one interface of microseconds.
pub fn pcapng(order: Order, link: u16, packets: &[Captured]) -> Vec<u8> {
    let mut file = section(order, &[Interface::plain(link)]);
    for packet in packets {
        file.extend(enhanced(order, 0, packet.at_ns / 1000, packet));
    }
    file
}

/// Two hosts.
#[derive(Clone, Copy)]
pub struct Pair {
    pub client: SocketAddr,
    pub server: SocketAddr,
}

pub const V4: Pair = Pair { client: address([10, 0, 0, 1], 40_000), server: address([10, 0, 0, 2], 8583) };

const fn address(ip: [u8; 4], port: u16) -> SocketAddr {
    let ip = std::net::Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]);
    SocketAddr::V4(std::net::SocketAddrV4::new(ip, port))
}

pub fn v6() -> Pair {
    Pair { client: "[fd00::1]:40000".parse().unwrap(), server: "[fd00::2]:8583".parse().unwrap() }
}

fn tcp_header(from: SocketAddr, to: SocketAddr, seq: u32, ack: u32, flags: u8) -> Vec<u8> {
    let mut tcp = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    tcp.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    // Eight words: three of options, as Linux sends them.
    tcp.extend([8 << 4, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    tcp.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1]);
    tcp
}

pub fn ipv4(from: std::net::Ipv4Addr, to: std::net::Ipv4Addr, fragment: u16, body: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x45, 0];
    ip.extend((20 + body.len() as u16).to_be_bytes());
    ip.extend([0, 7]);
    ip.extend(fragment.to_be_bytes());
    ip.extend([64, 6, 0, 0]);
    ip.extend(from.octets());
    ip.extend(to.octets());
    let sum: u32 = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let sum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    ip.extend(body);
    ip
}

fn ipv6(from: std::net::Ipv6Addr, to: std::net::Ipv6Addr, next: u8, body: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x60, 0, 0, 0];
    ip.extend((body.len() as u16).to_be_bytes());
    ip.extend([next, 64]);
    ip.extend(from.octets());
    ip.extend(to.octets());
    ip.extend(body);
    ip
}

/// An IP packet with a TCP segment.
pub fn tcp(from: SocketAddr, to: SocketAddr, seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let body =
        [tcp_header(from, to, seq, if flags & ACK != 0 { 1 } else { 0 }, flags), payload.to_vec()].concat();
    match (from.ip(), to.ip()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => ipv4(a, b, 0x4000, &body),
        (IpAddr::V6(a), IpAddr::V6(b)) => ipv6(a, b, 6, &body),
        _ => unreachable!("both of one family"),
    }
}

/// A segment that only says that everything before `ack` has come.
pub fn acknowledgement(pair: Pair, ack: u32) -> Vec<u8> {
    let mut ip = tcp(pair.server, pair.client, 1, ACK, b"");
    ip[28..32].copy_from_slice(&ack.to_be_bytes());
    ip
}

/// As [`tcp`] over IPv6, behind hop-by-hop and destination options.
pub fn tcp_behind_extensions(pair: Pair, seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let segment = [tcp_header(pair.client, pair.server, seq, 0, flags), payload.to_vec()].concat();
    let hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let destination = [6, 0, 1, 4, 0, 0, 0, 0];
    let (IpAddr::V6(a), IpAddr::V6(b)) = (pair.client.ip(), pair.server.ip()) else { unreachable!() };
    ipv6(a, b, 0, &[&hop[..], &destination, &segment].concat())
}

fn ether_type(ip: &[u8]) -> [u8; 2] {
    if ip[0] >> 4 == 6 { [0x86, 0xDD] } else { [0x08, 0x00] }
}

/// An Ethernet frame, behind these VLAN tags; as short ones are, padded to 60 bytes.
pub fn ethernet(ip: &[u8], tags: &[u16]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (index, tag) in tags.iter().enumerate() {
        let outer = index + 1 < tags.len();
        frame.extend(if outer { [0x88, 0xA8] } else { [0x81, 0x00] });
        frame.extend(tag.to_be_bytes());
    }
    frame.extend(ether_type(ip));
    frame.extend(ip);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// What comes before an IP packet on each link type, by its number.
pub fn framed(link: u16, ip: &[u8]) -> Vec<u8> {
    let family: u32 = if ip[0] >> 4 == 6 { 30 } else { 2 };
    let header: Vec<u8> = match link {
        1 => return ethernet(ip, &[]),
        0 => family.to_le_bytes().to_vec(),
        108 => family.to_be_bytes().to_vec(),
        113 => [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &ether_type(ip)].concat(),
        276 => [&ether_type(ip)[..], &[0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]].concat(),
        101 | 228 | 229 => Vec::new(),
        _ => unreachable!("no such link"),
    };
    [header, ip.to_vec()].concat()
}

/// The packets of a connection that are sent one after the other.
pub struct Talk {
    pub pair: Pair,
    /// The next sequence number of each side.
    pub seq: [u32; 2],
    pub packets: Vec<Vec<u8>>,
}

impl Talk {
    /// With the handshake. The sides begin with these sequence numbers.
    pub fn open(pair: Pair, seq: [u32; 2]) -> Talk {
        let mut talk = Talk { pair, seq, packets: Vec::new() };
        talk.send(true, SYN, b"");
        talk.send(false, SYN | ACK, b"");
        talk.send(true, ACK, b"");
        talk
    }

    /// One segment.
    pub fn send(&mut self, to_server: bool, flags: u8, payload: &[u8]) -> &mut Talk {
        let Pair { client, server } = self.pair;
        let (from, to) = if to_server { (client, server) } else { (server, client) };
        let seq = &mut self.seq[usize::from(!to_server)];
        self.packets.push(tcp(from, to, *seq, flags, payload));
        let sent = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        *seq = seq.wrapping_add(sent);
        self
    }

    /// Data in segments of these lengths, the last of which may be short.
    pub fn data(&mut self, to_server: bool, bytes: &[u8], segment: usize) -> &mut Talk {
        for part in bytes.chunks(segment) {
            self.send(to_server, ACK | PSH, part);
        }
        self
    }

    pub fn close(&mut self) -> &mut Talk {
        self.send(true, FIN | ACK, b"").send(false, FIN | ACK, b"").send(true, ACK, b"")
    }

    /// The packets as Ethernet frames, one millisecond after the other.
    pub fn captured(&self) -> Vec<Captured> {
        paced(self.packets.iter().map(|ip| ethernet(ip, &[])))
    }
}
