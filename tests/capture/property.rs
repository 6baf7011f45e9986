//! Whatever a network does to a stream within its window, the stream comes out.

use super::wiretap::{self, ACK, Captured, FIN, LITTLE, PSH, SYN, V4};
use super::{read, shape};
use authswitch::traffic::capture::{Begins, Direction};
use proptest::collection::vec;
use proptest::prelude::*;

/// A stream, where it is cut, in what order the segments come, and what comes again: from where and how much.
#[derive(Clone, Debug)]
struct Case {
    stream: Vec<u8>,
    first: u32,
    cuts: Vec<usize>,
    order: Vec<u32>,
    again: Vec<(usize, usize)>,
    syn: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let first = prop_oneof![any::<u32>(), u32::MAX - 2000..=u32::MAX, (1u32 << 31) - 2000..(1 << 31) + 10];
    (vec(any::<u8>(), 1..3000), first, vec(any::<prop::sample::Index>(), 0..40), vec(any::<u32>(), 60))
        .prop_flat_map(|(stream, first, cuts, order)| {
            let length = stream.len();
            let again = vec((0..length, 0..length.min(1400)), 0..20);
            let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(length)).collect();
            (Just(stream), Just(first), Just(cuts), Just(order), again, any::<bool>())
        })
        .prop_map(|(stream, first, cuts, order, again, syn)| Case { stream, first, cuts, order, again, syn })
}

/// The segments as (place in the stream, bytes).
fn segments(case: &Case) -> Vec<(usize, Vec<u8>)> {
    let mut cuts = case.cuts.clone();
    cuts.extend([0, case.stream.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    let mut segments: Vec<_> =
        cuts.windows(2).map(|pair| (pair[0], case.stream[pair[0]..pair[1]].to_vec())).collect();
    for (from, length) in &case.again {
        let to = (from + length).min(case.stream.len());
        segments.push((*from, case.stream[*from..to].to_vec()));
    }
    let mut keyed: Vec<_> = segments
        .into_iter()
        .enumerate()
        .map(|(index, segment)| (case.order[index % case.order.len()], segment))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, segment)| segment).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_segmentation_order_and_repetition(case in cases()) {
        let seq = |at: usize| case.first.wrapping_add(1).wrapping_add(at as u32);
        let packet = |at: u32, flags, bytes: &[u8]| {
            wiretap::ethernet(&wiretap::tcp(V4.client, V4.server, at, flags, bytes), &[])
        };
        let mut packets: Vec<Vec<u8>> =
            segments(&case).iter().map(|(at, bytes)| packet(seq(*at), ACK | PSH, bytes)).collect();
        if case.syn {
            // Anywhere: a capture of several interfaces mixes packets.
            let place = case.order[0] as usize % (packets.len() + 1);
            packets.insert(place, packet(case.first, SYN, b""));
            packets.push(packet(seq(case.stream.len()), FIN | ACK, b""));
        }
        let file = wiretap::pcap(LITTLE, false, 1, &wiretap::paced(packets));
        let (pieces, remarks) = read(&file);
        let begins = if case.syn { Begins::AtStart } else { Begins::MidStream };
        prop_assert_eq!(shape(&pieces), [(Direction::ToServer, begins, case.stream.as_slice())], "{:?}", remarks);
        prop_assert!(!remarks.iter().any(|remark| remark.contains("differ")), "{:?}", remarks);
    }

    /// What is lost is a gap of the right length, and nothing else is.
    #[test]
    fn any_loss_is_a_gap(case in cases(), lost in vec(any::<bool>(), 60)) {
        let whole = Case { again: Vec::new(), ..case };
        let mut kept: Vec<_> = segments(&whole);
        let mut index = 0;
        kept.retain(|_| { index += 1; !lost[(index - 1) % lost.len()] });
        let packet = |at: u32, flags, bytes: &[u8]| Captured {
            at_ns: 0,
            bytes: wiretap::ethernet(&wiretap::tcp(V4.client, V4.server, at, flags, bytes), &[]),
            original: None,
        };
        let mut packets = vec![packet(whole.first, SYN, b"")];
        let seq = |at: usize| whole.first.wrapping_add(1).wrapping_add(at as u32);
        packets.extend(kept.iter().map(|(at, bytes)| packet(seq(*at), ACK, bytes)));
        let (pieces, _) = read(&wiretap::pcap(LITTLE, false, 1, &packets));
        kept.sort();
        let mut expected: Vec<(u64, Vec<u8>)> = Vec::new();
        for (at, bytes) in kept {
            match expected.last_mut() {
                Some((start, run)) if *start + run.len() as u64 == at as u64 => run.extend(bytes),
                _ => expected.push((at as u64, bytes)),
            }
        }
        let found: Vec<_> = pieces.iter().map(|piece| (piece.offset, piece.bytes.clone())).collect();
        prop_assert_eq!(found, expected);
        let mut end = 0;
        for piece in &pieces {
            let missing = piece.offset - end;
            let begins = if missing == 0 { Begins::AtStart } else { Begins::AfterGap(missing) };
            prop_assert_eq!(piece.begins, begins);
            end = piece.offset + piece.bytes.len() as u64;
        }
    }
}
