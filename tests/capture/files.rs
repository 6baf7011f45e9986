//! Every file format and link layer gives the same bytes, places and times.

use super::wiretap::{BIG, Captured, Interface, LITTLE, NOON, Order, SYN, Talk, V4};
use super::{keep, read, shape, wiretap};
use authswitch::traffic::capture::{Begins, Capture, Direction, Kind, Options, Origin};

const ASKED: &[u8] = b"what the client sends, in several segments";
const ANSWERED: &[u8] = b"what the server answers";

fn talk(pair: wiretap::Pair) -> Talk {
    let mut talk = Talk::open(pair, [1000, 2000]);
    talk.data(true, ASKED, 10).data(false, ANSWERED, 7).close();
    talk
}

fn check(name: &str, file: &[u8], kind: Kind) {
    keep(name, file);
    assert_eq!(Capture::open(file, Options::default()).unwrap().kind(), kind, "{name}");
    let (pieces, remarks) = read(file);
    assert_eq!(
        shape(&pieces),
        [(Direction::ToServer, Begins::AtStart, ASKED), (Direction::ToClient, Begins::AtStart, ANSWERED)],
        "{name}: {remarks:?}"
    );
    assert!(remarks.is_empty(), "{name}: {remarks:?}");
}

#[test]
fn byte_orders_and_resolutions() {
    let packets = talk(V4).captured();
    for (order, word) in [(LITTLE, "little"), (BIG, "big")] {
        for (nanoseconds, unit) in [(false, "us"), (true, "ns")] {
            let file = wiretap::pcap(order, nanoseconds, 1, &packets);
            check(&format!("{word}-{unit}.pcap"), &file, Kind::Pcap);
            let (pieces, _) = read(&file);
            // The handshake has three packets, one millisecond each.
            assert_eq!(pieces[0].at_us(0), Some(NOON * 1_000_000 + 3000));
            assert_eq!(pieces[0].at_us(10), Some(NOON * 1_000_000 + 4000));
            assert_eq!(
                (pieces[0].packet(0), pieces[0].packet(19), pieces[0].packet(20)),
                (Some(4), Some(5), Some(6))
            );
            assert_eq!(pieces[0].place(0), "packet 4, 10.0.0.1:40000 -> 10.0.0.2:8583");
            assert_eq!(pieces[1].place(0), "packet 9, 10.0.0.2:8583 -> 10.0.0.1:40000");
        }
        check(&format!("{word}.pcapng"), &wiretap::pcapng(order, 1, &packets), Kind::PcapNg);
    }
}

#[test]
fn link_layers() {
    for link in [0, 1, 101, 108, 113, 228, 276] {
        let packets = wiretap::paced(talk(V4).packets.iter().map(|ip| wiretap::framed(link, ip)));
        check(&format!("link-{link}.pcap"), &wiretap::pcap(LITTLE, false, link.into(), &packets), Kind::Pcap);
    }
    for link in [0, 1, 101, 108, 113, 229, 276] {
        let packets = wiretap::paced(talk(wiretap::v6()).packets.iter().map(|ip| wiretap::framed(link, ip)));
        check(&format!("link-{link}-v6.pcap"), &wiretap::pcap(BIG, true, link.into(), &packets), Kind::Pcap);
    }
    for (tags, name) in [(&[7][..], "vlan"), (&[7, 8], "qinq")] {
        let packets = wiretap::paced(talk(V4).packets.iter().map(|ip| wiretap::ethernet(ip, tags)));
        check(&format!("{name}.pcap"), &wiretap::pcap(LITTLE, false, 1, &packets), Kind::Pcap);
    }
}

#[test]
fn extension_headers_of_ipv6() {
    let pair = wiretap::v6();
    let packets = wiretap::paced([
        wiretap::ethernet(&wiretap::tcp_behind_extensions(pair, 99, SYN, b""), &[]),
        wiretap::ethernet(&wiretap::tcp_behind_extensions(pair, 100, wiretap::ACK, ASKED), &[]),
    ]);
    let file = wiretap::pcap(LITTLE, false, 1, &packets);
    keep("extensions.pcap", &file);
    let (pieces, remarks) = read(&file);
    assert_eq!(shape(&pieces), [(Direction::ToServer, Begins::AtStart, ASKED)], "{remarks:?}");
}

#[test]
fn several_interfaces_sections_and_block_kinds() {
    // One of Ethernet in the default microseconds, one raw in 2^-10 s with an offset, one in nanoseconds.
    let ten = Interface { resolution: Some(0x8A), offset_s: NOON.cast_signed(), ..Interface::plain(101) };
    let nine = Interface { resolution: Some(9), ..Interface::plain(1) };
    for order in [LITTLE, BIG] {
        let talk = talk(V4);
        let mut file = wiretap::section(order, &[Interface::plain(1), ten, nine]);
        for (index, ip) in talk.packets.iter().enumerate() {
            let raw = Captured { at_ns: 0, bytes: ip.clone(), original: None };
            let framed = Captured { bytes: wiretap::ethernet(ip, &[]), ..raw.clone() };
            file.extend(match index % 3 {
                0 => wiretap::enhanced(order, 0, NOON * 1_000_000 + 3000, &framed),
                1 => wiretap::enhanced(order, 1, 512, &raw),
                _ => wiretap::enhanced(order, 2, NOON * 1_000_000_000 + 5_000_999, &framed),
            });
        }
        let name = if order.big { "interfaces-big.pcapng" } else { "interfaces.pcapng" };
        check(name, &file, Kind::PcapNg);
        let (pieces, _) = read(&file);
        let at = |offset| pieces[0].at_us(offset).unwrap() - NOON * 1_000_000;
        assert_eq!([at(0), at(10), at(20)], [3000, 500_000, 5000]);
    }
    // A section of the other byte order, whose packets have no time.
    let packets = talk(V4).captured();
    let mut file = wiretap::section(LITTLE, &[Interface::plain(1)]);
    packets[..6]
        .iter()
        .for_each(|packet| file.extend(wiretap::enhanced(LITTLE, 0, packet.at_ns / 1000, packet)));
    file.extend(wiretap::section(BIG, &[Interface::plain(1)]));
    packets[6..].iter().for_each(|packet| file.extend(wiretap::simple(BIG, packet)));
    check("sections.pcapng", &file, Kind::PcapNg);
    let (pieces, _) = read(&file);
    assert_eq!((pieces[0].at_us(20).is_some(), pieces[0].at_us(40), pieces[1].at_us(0)), (true, None, None));
}

#[test]
fn a_packed_file_is_unpacked() {
    let file = wiretap::pcap(LITTLE, false, 1, &talk(V4).captured());
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, &file).unwrap();
    let (pieces, remarks) = read(&packer.finish().unwrap());
    assert_eq!((pieces.len(), remarks.len()), (2, 0));
}

#[test]
fn what_cannot_be_read_is_said_with_its_packet() {
    let order: Order = LITTLE;
    let whole = talk(V4).captured();
    let with = |index: usize, bytes: Vec<u8>| {
        let mut packets = whole.clone();
        packets.insert(index, Captured { bytes, ..packets[0].clone() });
        wiretap::pcap(order, false, 1, &packets)
    };
    let std::net::IpAddr::V4(host) = V4.client.ip() else { unreachable!() };
    let fragment = wiretap::ethernet(&wiretap::ipv4(host, host, 0x2000, &[0; 40]), &[]);
    let mut cut = wiretap::pcap(order, false, 1, &whole);
    cut.truncate(cut.len() - 5);
    let mut damaged = wiretap::pcapng(order, 1, &whole);
    damaged.extend([6, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    damaged.extend([0; 40]);
    let mut long = wiretap::pcap(order, false, 1, &whole);
    long.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 1, 0, 0, 0]);
    long.resize(long.len() + (20 << 20), 0);
    let mut elsewhere = wiretap::pcapng(order, 1, &whole);
    elsewhere.extend(wiretap::enhanced(order, 9, 0, &whole[0]));
    let mut obsolete = wiretap::pcapng(order, 1, &whole);
    obsolete.extend([2, 0, 0, 0, 32, 0, 0, 0]);
    obsolete.extend([0; 20]);
    obsolete.extend([32, 0, 0, 0]);
    let last = whole.len() + 1;
    let table = [
        (with(4, fragment), "packet 5: an IP fragment; fragments are not put together".to_owned()),
        (with(4, vec![2; 9]), "packet 5: headers that are cut or damaged; passed over".to_owned()),
        (with(4, wiretap::ethernet(&whole[0].bytes[14..40], &[])), {
            "packet 5: headers that are cut or damaged; passed over".to_owned()
        }),
        (cut, format!("packet {}: the file ends within a packet", last - 1)),
        (damaged, format!("packet {last}: expected a packet, found damage; the file is read no further")),
        (long, format!("packet {last}: a length beyond any packet's; the file is read no further")),
        (elsewhere, format!("packet {last}: an interface that the file does not describe; passed over")),
        (obsolete, format!("packet {last}: an obsolete packet block; passed over")),
        (wiretap::pcap(order, false, 147, &whole[..1]), {
            "packet 1: link type 147 is not read; passed over".to_owned()
        }),
    ];
    for (file, expected) in table {
        let (pieces, remarks) = read(&file);
        assert_eq!(remarks, std::slice::from_ref(&expected));
        assert_eq!(pieces.len(), if expected.contains("147") { 0 } else { 2 }, "{expected}");
    }
}

#[test]
fn other_protocols_are_no_remark() {
    let mut udp = wiretap::tcp(V4.client, V4.server, 1, 0, b"x");
    udp[9] = 17;
    let mut arp = wiretap::ethernet(&[0, 1, 8, 0, 6, 4, 0, 1], &[]);
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    let llc = [&[2; 12][..], &[0, 38], &[0x42; 46]].concat();
    let packets = wiretap::paced([wiretap::ethernet(&udp, &[]), arp, llc]);
    let (pieces, remarks) = read(&wiretap::pcap(LITTLE, false, 1, &packets));
    assert!(pieces.is_empty() && remarks.is_empty(), "{remarks:?}");
}

#[test]
fn origins_tell_who_opened_the_connection() {
    // The side with the higher port listens.
    let pair = wiretap::Pair { client: V4.server, server: V4.client };
    let mut opened = Talk::open(pair, [1, 1]);
    opened.data(false, b"x", 1);
    let mut answered = Talk { pair, seq: [1, 1], packets: Vec::new() };
    answered.send(false, wiretap::SYN | wiretap::ACK, b"").data(false, b"x", 1);
    let mut midst = Talk { pair, seq: [1, 1], packets: Vec::new() };
    midst.data(false, b"x", 1);
    for (talk, client, guessed) in
        [(opened, pair.client, false), (answered, pair.client, false), (midst, pair.server, true)]
    {
        let (pieces, _) = read(&wiretap::pcap(LITTLE, false, 1, &talk.captured()));
        let Origin::Flow(flow, direction) = pieces[0].origin else { panic!("no connection") };
        assert_eq!((flow.client, flow.guessed), (client, guessed));
        assert_eq!(direction, if guessed { Direction::ToServer } else { Direction::ToClient });
    }
}
