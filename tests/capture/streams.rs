//! Reassembly: order, repeats, overlaps, gaps, ends of connections.

use super::wiretap::{ACK, Captured, FIN, LITTLE, PSH, Pair, RST, SYN, Talk, V4};
use super::{keep, read, shape, wiretap};
use authswitch::traffic::capture::{Begins, Direction};

use Begins::{AfterGap, AtStart, MidStream};

const FIRST: u32 = 1000;

/// A packet of the client: where its payload begins in the stream, flags, payload.
type Sent<'a> = (i64, u8, &'a [u8]);

/// What goes to the server: pieces and remarks.
type Expected<'a> = (&'a [(Begins, &'a [u8])], &'a [&'a str]);

fn captured(sent: &[Sent<'_>], first: u32) -> Vec<u8> {
    let packets = sent.iter().map(|(offset, flags, payload)| {
        let seq = first.wrapping_add(1).wrapping_add(*offset as u32);
        wiretap::ethernet(&wiretap::tcp(V4.client, V4.server, seq, *flags, payload), &[])
    });
    // What is missing in the capture came all the same: without that, tshark goes on waiting.
    let end = sent.iter().map(|(offset, _, payload)| offset + payload.len() as i64).max().unwrap_or(0);
    let ack = wiretap::acknowledgement(V4, first.wrapping_add(1).wrapping_add(end as u32));
    let packets = packets.chain([wiretap::ethernet(&ack, &[])]);
    wiretap::pcap(LITTLE, false, 1, &wiretap::paced(packets))
}

/// Packets are numbered from 1; where there is a SYN, that is packet 1.
#[test]
fn one_direction() {
    const DATA: u8 = ACK | PSH;
    let syn: Sent<'_> = (-1, SYN, b"");
    let table: [(&str, &[Sent<'_>], Expected<'_>); 19] = [
        ("in-order", &[syn, (0, DATA, b"abc"), (3, DATA, b"def")], (&[(AtStart, b"abcdef")], &[])),
        (
            "out-of-order",
            &[syn, (3, DATA, b"def"), (6, DATA, b"ghi"), (0, DATA, b"abc")],
            (&[(AtStart, b"abcdefghi")], &["packet 4: out of order; put in its place"]),
        ),
        (
            "retransmission",
            &[syn, (0, DATA, b"abc"), (0, DATA, b"abc"), (3, DATA, b"d")],
            (&[(AtStart, b"abcd")], &["packet 3: 3 bytes sent again"]),
        ),
        (
            "longer-retransmission",
            &[syn, (0, DATA, b"abc"), (0, DATA, b"abcdef")],
            (&[(AtStart, b"abcdef")], &["packet 3: 3 bytes sent again"]),
        ),
        (
            "overlap-that-differs",
            &[syn, (0, DATA, b"abc"), (1, DATA, b"XYdef")],
            (
                &[(AtStart, b"abcdef")],
                &[
                    "packet 3: 2 bytes sent again",
                    "packet 3: 2 bytes sent again differ; the first copy counts",
                ],
            ),
        ),
        (
            "overlap-ahead",
            &[syn, (4, DATA, b"ef"), (2, DATA, b"cdXXg"), (0, DATA, b"ab")],
            (
                &[(AtStart, b"abcdefg")],
                &[
                    "packet 3: out of order; put in its place",
                    "packet 3: 2 bytes sent again",
                    "packet 3: 2 bytes sent again differ; the first copy counts",
                    "packet 4: out of order; put in its place",
                ],
            ),
        ),
        (
            "gap",
            &[syn, (0, DATA, b"abc"), (5, DATA, b"fg")],
            (
                &[(AtStart, b"abc"), (AfterGap(2), b"fg")],
                &["packet 3: 2 bytes before this one are not in the capture"],
            ),
        ),
        (
            "gap-at-start",
            &[syn, (5, DATA, b"fg")],
            (&[(AfterGap(5), b"fg")], &["packet 2: 5 bytes before this one are not in the capture"]),
        ),
        (
            "gap-before-end",
            &[syn, (0, DATA, b"ab"), (5, FIN | ACK, b"")],
            (&[(AtStart, b"ab")], &["packet 3: 3 bytes before this one are not in the capture"]),
        ),
        (
            "mid-stream",
            &[(50, DATA, b"abc"), (53, DATA, b"def")],
            (&[(MidStream, b"abcdef")], &["packet 1: the connection began before the capture"]),
        ),
        (
            "mid-stream-out-of-order",
            &[(53, DATA, b"def"), (50, DATA, b"abc")],
            (
                &[(MidStream, b"abcdef")],
                &[
                    "packet 2: out of order; put in its place",
                    "packet 2: the connection began before the capture",
                ],
            ),
        ),
        (
            "late-syn",
            &[(3, DATA, b"def"), (0, DATA, b"abc"), syn],
            (&[(AtStart, b"abcdef")], &["packet 2: out of order; put in its place"]),
        ),
        ("syn-again", &[syn, syn, (0, DATA, b"abc"), syn], (&[(AtStart, b"abc")], &[])),
        ("data-in-syn", &[(-1, SYN, b"abc"), (3, DATA, b"d")], (&[(AtStart, b"abcd")], &[])),
        (
            "keep-alive",
            &[syn, (0, DATA, b"abc"), (2, ACK, b"\0"), (3, DATA, b"d")],
            (&[(AtStart, b"abcd")], &[]),
        ),
        (
            "before-the-beginning",
            &[syn, (0, DATA, b"abc"), (-9, DATA, b"xyz")],
            (
                &[(AtStart, b"abc")],
                &["packet 3: 3 bytes before the connection's beginning or after its end; not taken"],
            ),
        ),
        (
            "behind-the-end",
            &[syn, (0, DATA | FIN, b"abc"), (3, DATA, b"xyz")],
            (
                &[(AtStart, b"abc")],
                &["packet 3: 3 bytes before the connection's beginning or after its end; not taken"],
            ),
        ),
        ("early-end", &[syn, (3, FIN | ACK, b""), (0, DATA, b"abc")], (&[(AtStart, b"abc")], &[])),
        (
            "reset",
            &[syn, (0, DATA, b"abc"), (3, RST, b"go away")],
            (&[(AtStart, b"abc")], &["packet 3: the connection was reset"]),
        ),
    ];
    for (name, sent, (pieces, remarks)) in table {
        let expected: Vec<_> =
            pieces.iter().map(|(begins, bytes)| (Direction::ToServer, *begins, *bytes)).collect();
        // Also where the sequence numbers begin anew.
        for first in [FIRST, u32::MAX - 3, u32::MAX, (1 << 31) - 4] {
            let file = captured(sent, first);
            if first == FIRST || first == u32::MAX - 3 {
                keep(&format!("stream-{name}-{first}.pcap"), &file);
            }
            let (found, said) = read(&file);
            assert_eq!(shape(&found), expected, "{name} from {first}: {said:?}");
            assert_eq!(said, *remarks, "{name} from {first}");
        }
    }
}

#[test]
fn a_capture_that_keeps_the_beginning_of_packets_only() {
    let mut talk = Talk::open(V4, [1, 1]);
    talk.data(true, &[b'a'; 100], 100).data(true, b"behind", 6);
    let mut packets = talk.captured();
    for packet in &mut packets {
        packet.original = Some(packet.bytes.len());
        packet.bytes.truncate(96);
    }
    let file = wiretap::pcap(LITTLE, false, 1, &packets);
    let (pieces, remarks) = read(&file);
    let kept = 96 - 14 - 20 - 32;
    assert_eq!(
        shape(&pieces),
        [
            (Direction::ToServer, AtStart, &[b'a'; 100][..kept]),
            (Direction::ToServer, AfterGap(100 - kept as u64), b"behind"),
        ]
    );
    assert_eq!(
        remarks[0],
        format!("packet 4: {} bytes of payload were not captured (snapshot length)", 100 - kept)
    );
    assert_eq!(pieces[1].offset, 100);
    // A packet whose length the network card was to fill in is measured by the file.
    for packet in &mut packets {
        packet.bytes[16..18].copy_from_slice(&[0, 0]);
    }
    let (pieces, _) = read(&wiretap::pcap(LITTLE, false, 1, &packets[..4]));
    assert_eq!(pieces[0].bytes.len(), kept);
    let Captured { bytes, .. } = &packets[3];
    assert_eq!(bytes.len(), 96);
}

#[test]
fn a_missing_end_is_filled_by_a_later_copy() {
    let mut talk = Talk::open(V4, [1, 1]);
    talk.data(true, b"0123456789", 10);
    let mut packets = talk.captured();
    let whole = packets[3].clone();
    packets[3].original = Some(whole.bytes.len());
    packets[3].bytes.truncate(whole.bytes.len() - 4);
    packets.push(whole);
    let (pieces, remarks) = read(&wiretap::pcap(LITTLE, false, 1, &packets));
    assert_eq!(shape(&pieces), [(Direction::ToServer, AtStart, &b"0123456789"[..])], "{remarks:?}");
}

#[test]
fn ports_are_used_again() {
    let mut talk = Talk::open(V4, [1, 1]);
    talk.data(true, b"first", 9).data(false, b"one", 9).close();
    let mut second = Talk::open(V4, [900_000, 800_000]);
    second.data(true, b"second", 9).data(false, b"two", 9).send(true, RST, b"");
    let mut third = Talk::open(V4, [70_000, 60_000]);
    third.data(true, b"third", 9);
    let packets = [talk.packets, second.packets, third.packets].concat();
    let file =
        wiretap::pcap(LITTLE, false, 1, &wiretap::paced(packets.iter().map(|ip| wiretap::ethernet(ip, &[]))));
    keep("ports-used-again.pcap", &file);
    let (pieces, remarks) = read(&file);
    let bytes: Vec<_> = pieces.iter().map(|piece| piece.bytes.as_slice()).collect();
    assert_eq!(bytes, [&b"first"[..], b"one", b"second", b"two", b"third"], "{remarks:?}");
    assert_eq!(
        remarks,
        [
            "packet 9: a new connection between the same ports",
            "packet 14: the connection was reset",
            "packet 15: a new connection between the same ports",
        ]
    );
}

#[test]
fn connections_are_kept_apart() {
    let pairs: Vec<Pair> = (0..50)
        .map(|number| Pair { client: std::net::SocketAddr::new(V4.client.ip(), 40_000 + number), ..V4 })
        .collect();
    let mut talks: Vec<Talk> = pairs.iter().map(|pair| Talk::open(*pair, [7, 7])).collect();
    for (number, talk) in talks.iter_mut().enumerate() {
        talk.data(true, format!("asked {number}").as_bytes(), 3);
        talk.data(false, format!("answered {number}").as_bytes(), 4);
    }
    let longest = talks.iter().map(|talk| talk.packets.len()).max().unwrap();
    let interleaved =
        (0..longest).flat_map(|index| talks.iter().filter_map(move |talk| talk.packets.get(index)));
    let file =
        wiretap::pcap(LITTLE, false, 1, &wiretap::paced(interleaved.map(|ip| wiretap::ethernet(ip, &[]))));
    keep("interleaved.pcap", &file);
    let (pieces, remarks) = read(&file);
    assert!(remarks.is_empty() && pieces.len() == 100, "{remarks:?}");
    for (number, pair) in pieces.chunks(2).enumerate() {
        assert_eq!(pair[0].bytes, format!("asked {number}").as_bytes());
        assert_eq!(pair[1].bytes, format!("answered {number}").as_bytes());
    }
}
