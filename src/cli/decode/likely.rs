//! What a link may be speaking instead, when nothing of a connection could be read: another protocol, or the framing and
//! dialect that read all of the first bytes. Says names and counts, never content.

use super::lead::Lead;
use super::rank::Ranker;
use crate::traffic::capture::framing::cut;
use crate::traffic::capture::other_protocol;
use crate::traffic::framings::{Reading, reads};
use crate::wire::frame::{Framing, Kind};
use crate::wire::{Dialect, Message};
use std::sync::Arc;

/// A sample of so many bytes or more may end within a message.
const LONG: usize = 4 << 10;

/// Names what a connection's first bytes are, where that is not what the link has; `None` unless they begin as another
/// protocol, or something reads all of them as whole messages.
pub(in crate::cli) fn likely(sample: &[u8], framing: &Framing, dialect: &Arc<Dialect>) -> Option<String> {
    if let Some(protocol) = other_protocol(sample) {
        return Some(format!("{protocol}, which this link does not speak"));
    }
    if let Some(messages) = whole_messages(sample, *framing) {
        if all(&messages, dialect) {
            return None;
        }
        if let Some(other) = named(&messages) {
            return Some(format!("framing {framing} as set, {other}"));
        }
    }
    // The link's own first: it is not among the others where it is a file.
    let own = std::iter::once(Arc::clone(dialect));
    let ranker = Ranker::new(own.chain(builtin()).collect());
    let is_whole = |reading: &Reading| {
        let has_other_header = reading.guess.start.is_some_and(|start| start.header > 0);
        let ends_within = reading.guess.rest > 0 && sample.len() < LONG;
        reading.is_read() && !has_other_header && !ends_within
    };
    let (words, messages) = match ranker.framings(sample, false).into_iter().find(is_whole) {
        Some(best) => {
            let frames = cut(best.guess.framing, sample, false);
            let messages = frames.into_iter().filter_map(|frame| sample.get(frame)).collect();
            (format!("framing {}", best.guess.framing), messages)
        }
        None => ("no length before the message".to_owned(), vec![sample]),
    };
    let dialect = match all(&messages, dialect) {
        true => format!("dialect {} as set", dialect.name()),
        false => named(&messages)?,
    };
    Some(format!("{words}, {dialect}"))
}

/// The messages, where the sample is whole frames to its last byte, or to one that goes on behind a long sample.
fn whole_messages(sample: &[u8], framing: Framing) -> Option<Vec<&[u8]>> {
    let (mut messages, mut rest) = (Vec::new(), sample);
    while !rest.is_empty() {
        match framing.next(rest, sample.len()) {
            Ok(Some(cut)) if cut.next > 0 => {
                match cut.kind {
                    Kind::Message => messages.push(rest.get(cut.start..cut.end)?),
                    Kind::KeepAlive | Kind::Control => {}
                    Kind::Reject { .. } | Kind::Wrong(_) => return None,
                }
                rest = rest.get(cut.next..)?;
            }
            Ok(None) if sample.len() >= LONG => break,
            _ => return None,
        }
    }
    Some(messages).filter(|messages| !messages.is_empty())
}

fn all(messages: &[&[u8]], dialect: &Dialect) -> bool {
    let mut room = Message::new();
    !messages.is_empty() && messages.iter().all(|message| reads(dialect, message, &mut room))
}

fn builtin() -> impl Iterator<Item = Arc<Dialect>> {
    Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name))
}

/// The dialect that reads all messages to their ends, and why it and not another.
fn named(messages: &[&[u8]]) -> Option<String> {
    let ranker = Ranker::new(builtin().filter(|dialect| all(messages, dialect)).collect());
    let best = ranker.all(messages.first()?, &[Lead::NONE]).into_iter().next()?;
    Some(format!("dialect {} ({})", best.dialect, best.reason))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::wire::frame::Lead as Header;

    const ECHO: &[u8] = b"0800822000000000000004000000000000001122093315000001301";
    const BCD: [u8; 28] = [
        0x08, 0, 0x82, 0x20, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x22, 0x09, 0x33, 0x15, 0, 0, 1,
        3, 1,
    ];

    fn framed(framing: &str, message: &[u8]) -> Vec<u8> {
        let framing: Framing = framing.parse().unwrap();
        let mut out = Vec::new();
        let mark = framing.begin(&mut out, Header::Own);
        out.extend_from_slice(message);
        framing.finish(&mut out, mark).unwrap();
        out
    }

    #[test]
    fn what_another_framing_or_dialect_reads_is_named() {
        for (spoken, message, words) in [
            (
                "length2-be-inclusive",
                ECHO,
                &["framing length2-be-inclusive", "dialect iso87-ascii as set"][..],
            ),
            ("length4-ascii", ECHO, &["framing length4-ascii", "dialect iso87-ascii as set"]),
            ("length2-be", &BCD, &["framing length2-be as set", "dialect iso87-bcd (reads to the end"]),
            ("length2-be+tpdu", &BCD, &["framing length2-be+tpdu", "dialect iso87-bcd"]),
            ("length2-bcd", &BCD, &["framing length2-bcd", "dialect iso87-bcd"]),
            ("length2-le", ECHO, &["framing length2-le", "dialect iso87-ascii as set"]),
            ("trailer:0D0A", ECHO, &["framing trailer:0D0A", "dialect iso87-ascii as set"]),
            ("trailer:0A", ECHO, &["framing trailer:0A", "dialect iso87-ascii as set"]),
            ("length2-be+trailer:0D0A", ECHO, &["framing length2-be+trailer:0D0A", "iso87-ascii as set"]),
            (
                "length4-ascii+trailer-uncounted:0D0A",
                ECHO,
                &["framing length4-ascii+trailer-uncounted:0D0A", "iso87-ascii as set"],
            ),
            (
                "fixed:49534F+length4-ascii+opaque11:3032303030303230303131",
                ECHO,
                &["framing fixed:49534F+length4-ascii+opaque11,", "iso87-ascii as set"],
            ),
        ] {
            let (set, dialect) = ("length2-be".parse().unwrap(), Dialect::builtin("iso87-ascii").unwrap());
            for count in [1, 2, 3, 200] {
                let sample = framed(spoken, message).repeat(count);
                // As much as is looked at may end within a message.
                let sample = &sample[..sample.len().min(4_096)];
                let said = likely(sample, &set, &dialect).unwrap_or_default();
                assert!(words.iter().all(|word| said.contains(word)), "{spoken} x {count}: {said:?}");
            }
        }
    }

    #[test]
    fn other_protocols_are_named() {
        let (set, dialect) = ("length2-be".parse().unwrap(), Dialect::builtin("iso87-ascii").unwrap());
        for (sample, word) in [
            (&b"\x16\x03\x01\x00\xC8\x01\x00\x00\xC4\x03\x03\x11\x22"[..], "TLS (a ClientHello), which"),
            (b"GET / HTTP/1.1\r\n\r\n", "HTTP, which"),
        ] {
            let said = likely(sample, &set, &dialect).unwrap_or_default();
            assert!(said.starts_with(word), "{said:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_the_link_reads_or_nobody_does() {
        let (set, dialect) = ("length2-be".parse().unwrap(), Dialect::builtin("iso87-ascii").unwrap());
        let framed = |message: &[u8]| framed("length2-be", message);
        let mut wrong = framed(ECHO);
        wrong[30] = b'x';
        let typed = |mti: &[u8]| framed(&[mti, &ECHO[4..]].concat());
        let purchase = b"0100C000000000000000000000000000000016411111000000001300000001000000".repeat(2);
        let inclusive = super::tests::framed("length2-be-inclusive", ECHO);
        let samples = [
            framed(ECHO),
            wrong,
            // Message types that are none, before text that begins like messages here and there.
            typed(&[b'X'; 4]),
            typed(b"X0X0").repeat(3),
            typed(b"9999"),
            typed(b"0X00"),
            typed(b"\0\0\0\0"),
            typed(b"    "),
            [b"XYZ0", &purchase[..]].concat(),
            framed(&[b"XYZ0", &purchase[..]].concat()),
            // Something before or behind what could be read.
            [&inclusive[..], &inclusive, b"\x00"].concat(),
            [&inclusive[..], &inclusive, b"0800"].concat(),
            [&inclusive[..], &inclusive, &typed(&[b'X'; 4])].concat(),
            [ECHO, b"!"].concat(),
            vec![0xFF; 4_096],
            vec![],
        ];
        for sample in samples {
            assert_eq!(likely(&sample, &set, &dialect), None, "{}", String::from_utf8_lossy(&sample));
        }
    }
}
