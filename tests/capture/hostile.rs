//! No input makes the reader panic, spin or take memory without bound.

use super::wiretap::{self, ACK, BIG, Captured, LITTLE, Order, Pair, SYN, Talk, V4};
use super::{read, read_with};
use authswitch::traffic::capture::{Capture, MAX_AHEAD, MAX_FLOWS, Options, framing};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::SocketAddr;

fn good() -> Vec<Vec<u8>> {
    let mut talk = Talk::open(V4, [u32::MAX - 5, 9]);
    talk.data(true, b"0123456789", 3).data(false, b"answer", 2).close();
    let mut six = Talk::open(wiretap::v6(), [5, 9]);
    six.data(true, b"0123456789", 3);
    let packets =
        wiretap::paced(talk.packets.iter().chain(&six.packets).map(|ip| wiretap::ethernet(ip, &[1, 2])));
    let text = "00000000: 3031 3032 01\n*\n00000020: 30 0\n2026-01-15T00:00:00Z 0800822000 30:31\n12 0800\n";
    let files = |order: Order| [wiretap::pcap(order, true, 1, &packets), wiretap::pcapng(order, 1, &packets)];
    [files(LITTLE), files(BIG)].concat().into_iter().chain([text.as_bytes().to_vec()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_changed_file(
        which in 0usize..5,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut file = good().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if cut {
            file.truncate(end.index(file.len()));
        }
        let (pieces, _) = read(&file);
        let held: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        // Rows that a dump leaves out are the only bytes that are not in the file.
        prop_assert!(which == 4 || held <= file.len());
        for piece in pieces {
            framing::detect(&piece.bytes[..piece.bytes.len().min(4096)], true);
        }
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300), anywhere in any::<bool>()) {
        // What looks packed and is not cannot be read: the one error there is.
        prop_assume!(!bytes.starts_with(&[0x1F, 0x8B, 8]));
        read(&bytes);
        framing::detect(&bytes, anywhere);
    }

    #[test]
    fn any_text(text in "[0-9a-f x:,\\\\|*\n\tTZ-]{0,300}", one_a_line in any::<bool>()) {
        read_with(text.as_bytes(), Options { one_a_line, timed: one_a_line });
    }

    #[test]
    fn any_packets(packets in vec(vec(any::<u8>(), 0..120), 0..8), link in prop::sample::select(vec![0u32, 1, 101, 108, 113, 276])) {
        read(&wiretap::pcap(LITTLE, false, link, &wiretap::paced(packets)));
    }
}

#[test]
fn what_waits_behind_a_gap_is_bounded() {
    let mut talk = Talk::open(V4, [1, 1]);
    talk.seq[0] += 1;
    talk.data(true, &vec![b'a'; 3 * MAX_AHEAD], 60_000);
    let (pieces, remarks) = read(&wiretap::pcap(LITTLE, false, 101, &wiretap::paced(talk.packets)));
    assert_eq!(pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>(), 3 * MAX_AHEAD);
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    assert!(remarks[0].ends_with("too much waits behind missing bytes; they are given up"), "{remarks:?}");
    assert!(remarks[1].ends_with("1 bytes before this one are not in the capture"), "{remarks:?}");
}

#[test]
fn a_long_connection_from_its_midst_is_no_gap() {
    let mut talk = Talk { pair: V4, seq: [1, 1], packets: Vec::new() };
    talk.data(true, &vec![b'a'; 3 * MAX_AHEAD], 60_000);
    let (pieces, remarks) = read(&wiretap::pcap(LITTLE, false, 101, &wiretap::paced(talk.packets)));
    assert_eq!(pieces.iter().map(|piece| piece.bytes.len()).collect::<Vec<_>>(), [3 * MAX_AHEAD]);
    assert_eq!(remarks, ["packet 1: the connection began before the capture"]);
}

#[test]
fn what_only_looks_packed_is_an_error() {
    let input = [&[0x1F, 0x8B, 8, 0][..], &[7; 100]].concat();
    let mut capture = Capture::open(input.as_slice(), Options::default());
    assert!(capture.is_err() || capture.as_mut().is_ok_and(|capture| capture.next_piece().is_err()));
}

/// A connection for each number.
fn pair(number: usize) -> Pair {
    let client = format!("10.{}.{}.{}:40000", 1 + (number >> 16), number >> 8 & 255, number & 255);
    Pair { client: client.parse::<SocketAddr>().unwrap(), ..V4 }
}

#[test]
fn connections_are_bounded_and_ended_ones_make_room() {
    let asked = |pair: Pair| {
        let packet = |seq, flags, bytes: &[u8]| Captured {
            at_ns: 0,
            bytes: wiretap::tcp(pair.client, pair.server, seq, flags, bytes),
            original: None,
        };
        [packet(0, SYN, b""), packet(1, ACK, b"x")]
    };
    let open: Vec<Captured> = (0..MAX_FLOWS - 100).flat_map(|number| asked(pair(number))).collect();
    let more: Vec<Captured> = (0..MAX_FLOWS + 3).flat_map(|number| asked(pair(number))).collect();
    let (pieces, remarks) = read(&wiretap::pcap(LITTLE, false, 101, &more));
    assert_eq!(pieces.len(), MAX_FLOWS);
    // The data's packets are refused like the SYN's.
    assert_eq!(remarks.len(), 6, "{remarks:?}");
    assert!(remarks[0].ends_with("too many connections; this one is not followed"), "{remarks:?}");
    let resets = open.iter().step_by(2).map(|syn| {
        let mut reset = syn.clone();
        reset.bytes[33] = wiretap::RST;
        reset
    });
    let again = (0..200).flat_map(|number| asked(pair(MAX_FLOWS + number)));
    let packets: Vec<Captured> = open.iter().cloned().chain(resets).chain(again).collect();
    let (pieces, remarks) = read(&wiretap::pcap(LITTLE, false, 101, &packets));
    assert_eq!(pieces.len(), MAX_FLOWS - 100 + 200);
    assert!(!remarks.iter().any(|remark| remark.contains("too many")), "{remarks:?}");
}

#[test]
fn a_line_without_an_end_is_passed_over() {
    let mut text = vec![b'3'; (32 << 20) + 7];
    text.extend(b"\n3031\n");
    let (pieces, remarks) = read(&text);
    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].place(0), "line 2");
    assert_eq!(remarks, ["line 1: the line is too long; passed over"]);
}
