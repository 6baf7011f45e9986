//! The message type indicator in words: class, function, origin, version. Knows no field.

use crate::wire::Mti;

/// A message type in one plain phrase: `authorization request, from the acquirer (ISO 8583:1987)`.
///
/// The last digit tells who began the exchange, so that an answer says whom it is for. It is left out where it says
/// nothing: either side sends reconciliation, administrative and network management messages with an acquirer's
/// digit, and advices come from a network that stood in as well as from an acquirer.
pub fn mti(mti: Mti) -> String {
    let class = class(mti);
    let function = match mti.function() {
        0 => "request",
        1 => "response",
        2 => "advice",
        3 => "advice response",
        4 => "notification",
        5 => "notification acknowledgement",
        6 => "instruction",
        7 => "instruction acknowledgement",
        8 => "positive acknowledgement",
        _ => "negative acknowledgement",
    };
    let repeat = if mti.is_repeat() && mti.origin() < 6 { ", repeat" } else { "" };
    let party = party(mti);
    let direction = match (party, mti.function()) {
        ("", _) | (_, 8 | 9) => String::new(),
        (_, function) if function % 2 == 1 => format!(", to {party}"),
        _ => format!(", from {party}"),
    };
    let version = match mti.version() {
        0 => "ISO 8583:1987",
        1 => "ISO 8583:1993",
        2 => "ISO 8583:2003",
        8 => "national version",
        9 => "private version",
        _ => "reserved version",
    };
    format!("{class} {function}{repeat}{direction} ({version})")
}

fn class(mti: Mti) -> &'static str {
    match (mti.class(), mti.version(), mti.origin()) {
        (1, _, _) => "authorization",
        (2, _, _) => "financial",
        (3, _, _) => "file action",
        // The class of 1993 holds both; issuers charge back.
        (4, 1, 2 | 3) => "chargeback",
        (4, _, _) => "reversal",
        (5, _, _) => "reconciliation",
        (6, _, _) => "administrative",
        (7, _, _) => "fee collection",
        (8, _, _) => "network management",
        _ => "reserved class,",
    }
}

fn party(mti: Mti) -> &'static str {
    let either_sends = matches!(mti.class(), 5 | 6 | 8);
    match mti.origin() {
        0 | 1 if either_sends => "",
        0 | 1 if matches!((mti.class(), mti.function()), (1 | 2 | 4, 2..=5)) => "the acquirer or a network",
        0 | 1 => "the acquirer",
        2 | 3 => "the issuer",
        // Where neither side is acquirer or issuer, this is the usual digit.
        4 | 5 if either_sends || mti.class() == 3 => "",
        4 | 5 => "another party",
        _ => "a reserved origin",
    }
}

/// Four digits, as an original message's type stands in DE90 and DE56.
pub(super) fn of_digits(value: &str) -> Option<String> {
    let digits = value.len() == 4 && value.bytes().all(|c| c.is_ascii_digit());
    let bcd = u16::from_str_radix(value, 16).ok().filter(|_| digits)?;
    Some(mti(Mti::new(bcd)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn message_types_in_words() {
        for (digits, words) in [
            ("0100", "authorization request, from the acquirer (ISO 8583:1987)"),
            ("0101", "authorization request, repeat, from the acquirer (ISO 8583:1987)"),
            ("0110", "authorization response, to the acquirer (ISO 8583:1987)"),
            ("0120", "authorization advice, from the acquirer or a network (ISO 8583:1987)"),
            ("0130", "authorization advice response, to the acquirer or a network (ISO 8583:1987)"),
            ("0180", "authorization positive acknowledgement (ISO 8583:1987)"),
            ("0290", "financial negative acknowledgement (ISO 8583:1987)"),
            ("0302", "file action request, from the issuer (ISO 8583:1987)"),
            ("0312", "file action response, to the issuer (ISO 8583:1987)"),
            ("0400", "reversal request, from the acquirer (ISO 8583:1987)"),
            ("0421", "reversal advice, repeat, from the acquirer or a network (ISO 8583:1987)"),
            ("0500", "reconciliation request (ISO 8583:1987)"),
            ("0620", "administrative advice (ISO 8583:1987)"),
            ("0800", "network management request (ISO 8583:1987)"),
            ("0810", "network management response (ISO 8583:1987)"),
            ("1304", "file action request (ISO 8583:1993)"),
            ("1420", "reversal advice, from the acquirer or a network (ISO 8583:1993)"),
            ("1422", "chargeback advice, from the issuer (ISO 8583:1993)"),
            ("1804", "network management request (ISO 8583:1993)"),
            ("1814", "network management response (ISO 8583:1993)"),
            ("2260", "financial instruction, from the acquirer (ISO 8583:2003)"),
            ("9100", "authorization request, from the acquirer (private version)"),
            ("0107", "authorization request, from a reserved origin (ISO 8583:1987)"),
            ("3900", "reserved class, request, from the acquirer (reserved version)"),
        ] {
            assert_eq!(of_digits(digits).as_deref(), Some(words), "{digits}");
        }
        for digits in ["", "010", "01000", "010A", "+100"] {
            assert_eq!(of_digits(digits), None, "{digits}");
        }
    }

    #[test]
    fn every_message_type_has_its_one_line() {
        let all = (0..=u16::MAX).filter_map(Mti::new);
        assert!(all.map(mti).all(|words| words.len() <= super::super::LONGEST && !words.contains("  ")));
    }
}
