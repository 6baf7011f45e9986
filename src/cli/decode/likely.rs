//! What a link may be speaking instead, when nothing of a connection could be read: the framings and dialects that fit
//! the first bytes better than the link's own. Says names and counts, never content.

use super::lead::Lead;
use super::rank::Ranker;
use crate::traffic::capture::framing::{Guess, cut, detect, guess};
use crate::traffic::capture::message_start;
use crate::wire::frame::Framing;
use crate::wire::{Dialect, Message};

/// Names framing and dialect of a connection's first bytes, where they are not the link's; `None` where nothing fits
/// better than what the link has.
pub(in crate::cli) fn likely(sample: &[u8], framing: &Framing, dialect: &Dialect) -> Option<String> {
    // A header that the link's framing does not know of is none of its dialect's.
    let has_no_other_header = |guess: &Guess| guess.start.is_some_and(|start| start.header == 0);
    let own = Some(guess(*framing, sample, false));
    let own = own.filter(|guess| guess.is_clean() && has_no_other_header(guess));
    let best = own.or_else(|| detect(sample, false).into_iter().find(|guess| guess.is_clean()));
    let (message, found) = match &best {
        Some(best) => {
            let first = cut(best.framing, sample, false).into_iter().next()?;
            (&sample[first], Some(best.framing))
        }
        None => (sample, None),
    };
    let start = message_start(message)?;
    let own_framing = found == Some(*framing);
    let in_own = dialect.parse(message, &mut Message::new()).is_ok();
    if own_framing && in_own {
        return None;
    }
    let framing = match found {
        Some(found) if own_framing => format!("framing {found} as set"),
        Some(found) => format!("framing {found}"),
        None => "no length before the message".to_owned(),
    };
    let dialect = if in_own {
        Some(format!("dialect {} as set", dialect.name()))
    } else {
        named(message, start.header)
    };
    match dialect {
        // The framing is right, and no dialect reads it better: nothing to say.
        None if own_framing => None,
        None => Some(framing),
        Some(dialect) => Some(format!("{framing}, {dialect}")),
    }
}

/// The dialect that reads a message, behind a header of so many bytes, without an error.
fn named(message: &[u8], header: usize) -> Option<String> {
    let names = Dialect::builtin_names().iter();
    let ranker = Ranker::new(names.filter_map(|name| Dialect::builtin(name)).collect());
    let lead = Lead { header, ..Lead::NONE };
    let best = ranker.all(message, &[lead]).into_iter().next().filter(|best| best.is_right())?;
    let header = if header > 0 { format!(" behind a header of {header} bytes") } else { String::new() };
    Some(format!("dialect {}{header} ({})", best.dialect, best.reason))
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
        ] {
            let (set, dialect) = ("length2-be".parse().unwrap(), Dialect::builtin("iso87-ascii").unwrap());
            for sample in [framed(spoken, message), framed(spoken, message).repeat(3)] {
                let said = likely(&sample, &set, &dialect).unwrap_or_default();
                assert!(words.iter().all(|word| said.contains(word)), "{spoken}: {said:?}");
            }
        }
    }

    #[test]
    fn nothing_is_said_of_what_the_link_reads_or_nobody_does() {
        let (set, dialect) = ("length2-be".parse().unwrap(), Dialect::builtin("iso87-ascii").unwrap());
        let mut wrong = framed("length2-be", ECHO);
        wrong[30] = b'x';
        let samples = [
            framed("length2-be", ECHO),
            wrong,
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            vec![0xFF; 4_096],
            vec![],
        ];
        for sample in samples {
            assert_eq!(likely(&sample, &set, &dialect), None, "{sample:?}");
        }
    }
}
