//! Every composition of length, header and trailer gives back what it took, however the stream is split; and no bytes
//! make it panic, hang, or read past what is there.

#![allow(clippy::unwrap_used)]

use authswitch::wire::frame::{Cutter, Framing, Kind, Lead};
use proptest::prelude::*;
use proptest::sample::select;

const HEADERS: [&str; 10] = [
    "",
    "tpdu",
    "tpdu:6812345678",
    "tpdu-unionpay",
    "base24",
    "visa-header",
    "fixed:0203AA",
    "opaque1",
    "opaque32",
    "opaque3:020302",
];
const TRAILERS: [&str; 5] = ["", "etx", "etx-lrc", "stx-etx", "stx-etx-lrc"];

fn lengths() -> Vec<String> {
    let mut all = vec![String::new(), "visa-stream".to_owned(), "rbp".to_owned()];
    for (encoding, widths) in
        [("be", 1..=4), ("le", 1..=4), ("bcd", 1..=4), ("ascii", 1..=6), ("hex", 1..=6), ("ebcdic", 1..=6)]
    {
        for width in widths {
            let plain = format!("length{width}-{encoding}");
            all.extend([
                plain.clone(),
                format!("{plain}-inclusive"),
                format!("{plain}-zero2"),
                format!("zero2-{plain}"),
                format!("zero1-{plain}-zero4-inclusive"),
            ]);
        }
    }
    all
}

/// Every composition there is, by its notation.
fn compositions() -> Vec<String> {
    let mut all = Vec::new();
    for length in &lengths() {
        for header in HEADERS {
            for trailer in TRAILERS {
                for uncounted in [(false, false), (true, false), (false, true), (true, true)] {
                    let none = length.is_empty()
                        || (uncounted.0 && header.is_empty())
                        || (uncounted.1 && trailer.is_empty());
                    if none && uncounted != (false, false) || (length.is_empty() && trailer.is_empty()) {
                        continue;
                    }
                    let mark = |word: &str, uncounted: bool| match (uncounted, word.split_once(':')) {
                        (false, _) => word.to_owned(),
                        (true, None) => format!("{word}-uncounted"),
                        (true, Some((name, value))) => format!("{name}-uncounted:{value}"),
                    };
                    let parts = [length.clone(), mark(header, uncounted.0), mark(trailer, uncounted.1)];
                    let parts: Vec<&str> =
                        parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
                    all.push(parts.join("+"));
                }
            }
        }
    }
    all
}

/// The same with a header before the length, and fixed bytes behind everything: each with every length and, of headers
/// behind the length and marks, some.
fn ordered() -> Vec<String> {
    let mut all = Vec::new();
    for length in &lengths() {
        for front in ["", "fixed:49534F", "fixed-uncounted:49534F", "tpdu", "base24", "opaque3:020302"] {
            for (back, marks) in [("", ""), ("opaque9", ""), ("tpdu", "etx-lrc"), ("", "stx-etx-lrc")] {
                for tail in ["", "trailer:0D0A", "trailer-uncounted:030303"] {
                    if length.is_empty() || front.is_empty() && tail.is_empty() {
                        continue;
                    }
                    let parts = [front, length.as_str(), back, marks, tail];
                    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                    all.push(parts.join("+"));
                }
            }
        }
    }
    all.extend(
        ["trailer:0D0A", "tpdu+trailer:3030303030303031", "stx-etx-lrc+trailer:0D"].map(str::to_owned),
    );
    all
}

fn frame(framing: &Framing, lead: Lead<'_>, message: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mark = framing.begin(&mut out, lead);
    out.extend_from_slice(message);
    framing.finish(&mut out, mark).ok().map(|()| out)
}

/// Cuts `stream`, of which `more` bytes come at a time, as a connection would: what is cut is taken off the front.
fn cut(framing: Framing, stream: &[u8], more: usize) -> Vec<(Kind, Vec<u8>, Vec<u8>)> {
    let (mut cutter, mut at, mut found) = (Cutter::new(framing, 4096), 0, Vec::new());
    for end in (0..stream.len()).step_by(more).chain([stream.len()]) {
        while let Some(cut) = cutter.next(&stream[at..end]).unwrap() {
            let frame = &stream[at..at + cut.next];
            found.push((cut.kind, frame[..cut.start].to_vec(), frame[cut.start..cut.end].to_vec()));
            at += cut.next;
        }
    }
    assert_eq!(at, stream.len());
    found
}

#[test]
fn every_composition_gives_back_message_and_header_at_every_split() {
    let all = [compositions(), ordered()].concat();
    assert!(all.len() > 19_000, "{}", all.len());
    for text in &all {
        let framing: Framing = text.parse().unwrap();
        assert_eq!(framing.to_string().parse::<Framing>().unwrap(), framing, "{text}");
        // Long enough to count, short enough for a length of one decimal digit where there is no header.
        let messages: [&[u8]; 3] = [b"0", b"0800", b"1234567"];
        let mut stream = Vec::new();
        let mut sent = Vec::new();
        for message in messages {
            let Some(own) = frame(&framing, Lead::Own, message) else { continue };
            let mut lead = Vec::new();
            let _ = framing.begin(&mut lead, Lead::Own);
            let start = lead.len();
            let lead = &own[..start];
            let answer = frame(&framing, Lead::Answer { request: lead, wrong_de: 0 }, message).unwrap();
            let copy = frame(&framing, Lead::Same(&answer[..start]), message).unwrap();
            assert_eq!(copy, answer, "{text}");
            for frame in [own, answer] {
                sent.push((Kind::Message, frame[..start].to_vec(), message.to_vec()));
                stream.extend(frame);
            }
        }
        for more in [1, 2, 7, stream.len().max(1)] {
            assert_eq!(cut(framing, &stream, more), sent, "{text}, {more} at a time");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn messages_of_any_content_come_back(
        text in select([compositions(), ordered()].concat()),
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..5),
        more in 1usize..700,
    ) {
        let framing: Framing = text.parse().unwrap();
        let (mut stream, mut sent) = (Vec::new(), Vec::new());
        for message in &messages {
            // What does not fit the length, or has an ETX that would end the frame, cannot be sent.
            let Some(frame) = frame(&framing, Lead::Own, message) else {
                let narrow = frame(&framing, Lead::Own, &[b'0'; 300]).is_none();
                prop_assert!(narrow || framing.is_delimited(), "{}", text);
                let end: &[u8] = if text.contains("etx") { &[3] } else { b"\r\n" };
                let has_end = [message, &end[..end.len() - 1]].concat().windows(end.len()).any(|part| part == end);
                prop_assert!(narrow || has_end || text.contains("303030"), "{}", text);
                continue;
            };
            stream.extend(frame);
            sent.push(message.clone());
        }
        let found = cut(framing, &stream, more);
        prop_assert!(found.iter().all(|(kind, ..)| *kind == Kind::Message), "{}", text);
        prop_assert_eq!(found.into_iter().map(|(.., message)| message).collect::<Vec<_>>(), sent);
    }

    #[test]
    fn no_bytes_make_it_panic_or_stand_still(
        text in select([compositions(), ordered()].concat()),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), select(vec![0, 2, 3, b'0', 0x60, 0x16, 0x1A, 0xF0, 0xD0, 0x4A])], 0..200),
        valid in any::<bool>(),
        max_frame in 0usize..300,
    ) {
        let framing: Framing = text.parse().unwrap();
        // A valid beginning leads further in.
        let mut stream = if valid { frame(&framing, Lead::Own, b"0800").unwrap_or_default() } else { Vec::new() };
        stream.extend(&bytes);
        let (mut cutter, mut at) = (Cutter::new(framing, max_frame), 0);
        while let Ok(Some(cut)) = cutter.next(&stream[at..]) {
            prop_assert!(cut.header <= cut.start && cut.start <= cut.end && cut.end <= cut.next, "{} {:?}", text, cut);
            prop_assert!(cut.next > 0 && at + cut.next <= stream.len());
            prop_assert!(cut.next <= framing.room(max_frame), "{} {:?}", text, cut);
            // Whatever it was, an answer to it can be framed.
            let lead = Lead::Answer { request: &stream[at..at + cut.start], wrong_de: 255 };
            let _ = frame(&framing, lead, b"0810");
            at += cut.next;
        }
        let mut changed = stream.clone();
        framing.reseal(&mut changed);
    }
}
