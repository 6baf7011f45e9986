//! How a card and its holder met the terminal: DE22 (1987), DE22 (1993), DE25 and DE26 (1987), Mastercard's DE61
//! and Visa's DE60. Knows no other field.

use super::table::{ALL, MASTERCARD, Rows, Scheme, SchemeRows, VISA, Words, choose, join, say};

/// DE22 of ISO 8583:1987: PAN entry mode (1) and PIN entry capability (2). Visa writes four digits, the last a filler.
pub(super) fn mode(scheme: Option<Scheme>, path: &[&str], value: &str) -> Words {
    match path {
        ["1"] => choose(MODES, scheme, value),
        ["2"] => choose(PIN_ENTRY, scheme, value),
        [] => {
            let digits = match value.len() {
                3 => value,
                // Elsewhere four digits may as well be three behind a zero.
                4 if scheme == VISA => value.strip_suffix('0')?,
                _ => return None,
            };
            let (mode, pin) = digits.split_at(2);
            match (choose(MODES, scheme, mode), choose(PIN_ENTRY, scheme, pin)) {
                (Some(mode), Some(pin)) => Some(format!("{mode}; {pin}").into()),
                (mode, pin) => mode.or(pin),
            }
        }
        _ => None,
    }
}

/// The entry mode alone, as tag 9F39 carries it.
pub(super) fn pan_entry(scheme: Option<Scheme>, value: &str) -> Words {
    choose(MODES, scheme, value)
}

const MODES: &SchemeRows = &[
    ("00", ALL, "entry mode unknown"),
    ("01", ALL, "keyed in by hand"),
    ("02", ALL, "magnetic stripe (CVV check may be unreliable)"),
    ("03", ALL, "bar code or QR code"),
    ("04", ALL, "read optically (OCR)"),
    ("05", ALL, "chip"),
    ("06", ALL, "differs by network"),
    ("06", VISA, "reserved"),
    ("06", MASTERCARD, "chip, contactless mapping applied"),
    ("07", ALL, "contactless chip"),
    ("09", MASTERCARD, "remote chip data (e-commerce with cryptogram)"),
    ("10", ALL, "credential on file"),
    ("79", MASTERCARD, "keyed in after a failed read at a chip terminal"),
    ("80", ALL, "magnetic stripe, as fallback at a chip terminal"),
    ("81", MASTERCARD, "electronic commerce"),
    ("82", MASTERCARD, "entered by a server"),
    ("90", ALL, "magnetic stripe, whole track (CVV check possible)"),
    ("91", ALL, "contactless, magnetic stripe rules"),
    ("95", VISA, "chip (CVV check may be unreliable)"),
];

const PIN_ENTRY: &SchemeRows = &[
    ("0", ALL, "PIN entry unknown"),
    ("1", ALL, "terminal can take a PIN"),
    ("2", ALL, "terminal cannot take a PIN"),
    ("3", ALL, "PIN entry in software"),
    ("8", ALL, "PIN pad out of order"),
    ("9", ALL, "PIN verified by the terminal"),
    ("9", VISA, "may be reserved"),
];

/// DE22 of ISO 8583:1993: twelve positions, each with its name; whole, what matters most of them.
pub(super) fn data_code(path: &[&str], value: &str) -> Words {
    let position = |number: usize, value: &str| {
        let (name, rows) = POSITIONS.get(number.checked_sub(1)?)?;
        Some((*name, say(rows, value)?))
    };
    match path {
        [number] => {
            let (name, words) = position(number.parse().ok()?, value)?;
            Some(format!("{name}: {words}").into())
        }
        [] if value.len() == 12 => {
            let at = |number: usize| position(number, value.get(number - 1..number)?);
            let named = |number| at(number).map(|(name, words)| format!("{name}: {words}"));
            // Presences speak for themselves.
            let bare = |number| at(number).map(|(_, words)| words.into_owned());
            let said: Vec<_> = [named(7), bare(5), bare(6), named(8)].into_iter().flatten().collect();
            join(&said)
        }
        _ => None,
    }
}

const POSITIONS: [(&str, &Rows); 12] = [
    (
        "card data input capability",
        &[
            ("0", "unknown"),
            ("1", "by hand, no terminal"),
            ("2", "magnetic stripe"),
            ("3", "bar code"),
            ("4", "OCR"),
            ("5", "chip"),
            ("6", "key entry"),
            ("7", "magnetic stripe and key entry"),
            ("8", "magnetic stripe, key entry and chip"),
            ("9", "contactless or chip only (private value)"),
            ("A", "contactless magnetic stripe (private value)"),
            ("B", "contactless magnetic stripe (private value)"),
            ("F", "data on file (private value)"),
            ("M", "contact and contactless chip (private value)"),
            ("S", "software reader (private value)"),
        ],
    ),
    (
        "cardholder authentication capability",
        &[
            ("0", "none"),
            ("1", "PIN"),
            ("2", "electronic signature"),
            ("3", "biometrics"),
            ("4", "biographic data"),
            ("5", "inoperative (electronic authentication on some networks)"),
            ("6", "other"),
        ],
    ),
    ("card capture capability", &[("0", "none"), ("1", "can keep the card")]),
    (
        "operating environment",
        &[
            ("0", "no terminal"),
            ("1", "attended, at the merchant"),
            ("2", "unattended, at the merchant"),
            ("3", "attended, away from the merchant"),
            ("4", "unattended, away from the merchant"),
            ("5", "unattended, at the cardholder"),
            ("9", "unknown"),
        ],
    ),
    (
        "cardholder presence",
        &[
            ("0", "cardholder present"),
            ("1", "cardholder not present"),
            ("2", "mail order"),
            ("3", "telephone order"),
            ("4", "standing order or recurring"),
            ("5", "electronic order"),
        ],
    ),
    ("card presence", &[("0", "card not present"), ("1", "card present")]),
    (
        "card data input",
        &[
            ("0", "unspecified"),
            ("1", "by hand"),
            ("2", "magnetic stripe"),
            ("3", "bar code"),
            ("4", "OCR"),
            ("5", "chip"),
            ("6", "keyed in"),
            ("7", "contactless chip (private value)"),
            ("A", "contactless magnetic stripe (private value)"),
            ("F", "credential on file (private value)"),
            ("M", "contactless chip (private value)"),
            ("S", "electronic commerce (private value)"),
            ("T", "electronic commerce (private value)"),
            ("U", "electronic commerce (private value)"),
            ("V", "electronic commerce (private value)"),
        ],
    ),
    (
        "cardholder authentication",
        &[
            ("0", "none"),
            ("1", "PIN"),
            ("2", "electronic signature"),
            ("3", "biometrics"),
            ("4", "biographic data"),
            ("5", "signature by hand"),
            ("6", "another, by hand"),
        ],
    ),
    (
        "authenticated by",
        &[
            ("0", "nobody"),
            ("1", "the chip"),
            ("2", "the terminal"),
            ("3", "the authorizing agent"),
            ("4", "the merchant"),
            ("5", "another"),
        ],
    ),
    (
        "card data output capability",
        &[("0", "unknown"), ("1", "none"), ("2", "writes a magnetic stripe"), ("3", "writes a chip")],
    ),
    (
        "terminal output capability",
        &[("0", "unknown"), ("1", "none"), ("2", "prints"), ("3", "displays"), ("4", "prints and displays")],
    ),
    (
        "PIN capture capability",
        &[
            ("0", "none"),
            ("1", "unknown"),
            ("4", "up to 4 digits"),
            ("5", "up to 5 digits"),
            ("6", "up to 6 digits"),
            ("7", "up to 7 digits"),
            ("8", "up to 8 digits"),
            ("9", "up to 9 digits"),
            ("A", "up to 10 digits"),
            ("B", "up to 11 digits"),
            ("C", "up to 12 digits"),
        ],
    ),
];

/// DE25 of ISO 8583:1987.
pub(super) fn condition(scheme: Option<Scheme>, value: &str) -> Words {
    choose(CONDITIONS, scheme, value).or_else(|| {
        match value.parse::<u8>().ok().filter(|_| value.len() == 2)? {
            28..=39 => Some("reserved for ISO".into()),
            41..=50 => Some("reserved for national use".into()),
            _ => None,
        }
    })
}

const CONDITIONS: &SchemeRows = &[
    ("00", ALL, "normal presentment"),
    ("01", ALL, "customer not present"),
    ("02", ALL, "unattended terminal that can keep the card"),
    ("03", ALL, "merchant suspicious"),
    ("04", ALL, "electronic cash register"),
    ("05", ALL, "customer present, card not present"),
    ("06", ALL, "pre-authorization"),
    ("07", ALL, "telephone device"),
    ("08", ALL, "mail or telephone order"),
    ("09", ALL, "point of service security alert"),
    ("10", ALL, "customer's identity verified"),
    ("11", ALL, "suspected fraud"),
    ("12", ALL, "security reasons"),
    ("13", ALL, "representment of an item"),
    ("14", ALL, "public utility terminal"),
    ("15", ALL, "customer's own terminal"),
    ("16", ALL, "administrative terminal"),
    ("17", ALL, "returned item"),
    ("18", ALL, "no cheque in the envelope, returned"),
    ("19", ALL, "deposit out of balance, returned"),
    ("20", ALL, "payment out of balance, returned"),
    ("21", ALL, "manual reversal"),
    ("22", ALL, "terminal error, counted"),
    ("23", ALL, "terminal error, not counted"),
    ("24", ALL, "deposit out of balance, contents applied"),
    ("25", ALL, "payment out of balance, contents applied"),
    ("26", ALL, "withdrawal had an error, reversed"),
    ("27", ALL, "unattended terminal that cannot keep the card"),
    ("40", VISA, "standing order or recurring, cardholder not present"),
    ("51", VISA, "verification without authorization (zero amount)"),
    ("59", VISA, "may be electronic commerce"),
    ("71", VISA, "card present, magnetic stripe not readable (keyed in)"),
];

/// DE26 of ISO 8583:1987: the most PIN digits the terminal takes, 4 to 12.
pub(super) fn pin_capture(value: &str) -> Words {
    let digits = two_digits(value).filter(|digits| (4..=12).contains(digits))?;
    Some(format!("takes PINs of up to {digits} digits").into())
}

/// A number below 100 in two digits; a sign is none.
fn two_digits(value: &str) -> Option<u8> {
    let digits = value.len() == 2 && value.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| value.parse().ok()).flatten()
}

/// Mastercard's DE61 by subfield; whole, what matters most of it. Subfields 13 and 14 are for other rooms.
pub(super) fn mastercard_data(path: &[&str], value: &str) -> Words {
    let subfield = |number: usize, value: &str| {
        let index = SUBFIELDS.binary_search_by(|row| row.0.cmp(&number)).ok()?;
        say(SUBFIELDS[index].1, value)
    };
    match path {
        ["12"] => match two_digits(value)? {
            0 => Some("authorization life cycle not stated".into()),
            days => Some(format!("authorization life cycle {days} days").into()),
        },
        [number] => subfield(number.parse().ok()?, value),
        [] if value.len() >= 11 => {
            // Up to the eleventh, position and number are one. A terminal that is none of ten's is not worth a word.
            let piece = |number: usize| value.get(number - 1..number).filter(|v| (number, *v) != (10, "0"));
            let at = |number: usize| subfield(number, piece(number)?);
            let said: Vec<_> = [7, 1, 4, 5, 10, 11].into_iter().filter_map(at).collect();
            join(&said)
        }
        _ => None,
    }
}

const SUBFIELDS: [(usize, &Rows); 9] = [
    (1, &[("0", "attended"), ("1", "unattended"), ("2", "no terminal")]),
    (
        3,
        &[
            ("0", "at the merchant"),
            ("1", "away from the merchant"),
            ("2", "away from the merchant, on the cardholder's device"),
            ("3", "no terminal"),
            ("4", "at the merchant, on the cardholder's device"),
        ],
    ),
    (
        4,
        &[
            ("0", "cardholder present"),
            ("1", "cardholder not present"),
            ("2", "mail order"),
            ("3", "telephone order"),
            ("4", "standing order or recurring"),
            ("5", "electronic order"),
        ],
    ),
    (5, &[("0", "card present"), ("1", "card not present")]),
    (6, &[("0", "cannot keep the card"), ("1", "can keep the card")]),
    (
        7,
        &[
            ("0", "normal request"),
            ("2", "SecureCode telephone order"),
            ("3", "may be an ATM installment"),
            ("4", "pre-authorization"),
            ("5", "may be time based"),
            ("6", "may be an ATM installment"),
            ("8", "account status inquiry"),
        ],
    ),
    (8, &[("0", "no security concern"), ("1", "suspected fraud"), ("2", "identity verified")]),
    (
        10,
        &[
            ("0", "no cardholder-activated terminal"),
            ("1", "automated dispenser with PIN"),
            ("2", "self-service terminal"),
            ("3", "limited amount terminal"),
            ("4", "in-flight terminal"),
            ("6", "electronic commerce"),
            ("7", "transponder"),
            ("8", "initiated by mobile device"),
            ("9", "mobile point of sale"),
        ],
    ),
    (
        11,
        &[
            ("0", "reads: unspecified"),
            ("1", "no terminal"),
            ("2", "reads magnetic stripe"),
            ("3", "reads contactless chip"),
            ("4", "reads contactless magnetic stripe only"),
            ("5", "reads chip and magnetic stripe"),
            ("6", "key entry only"),
            ("7", "reads magnetic stripe, key entry"),
            ("8", "reads magnetic stripe and chip, key entry"),
            ("9", "reads chip only"),
        ],
    ),
];

/// Visa's DE60 by subfield, as far as the values are public.
pub(super) fn visa_data(path: &[&str], value: &str) -> Words {
    let rows: &Rows = match path {
        ["2"] => &[
            ("0", "terminal's entry capability unknown"),
            ("2", "terminal reads magnetic stripe"),
            ("5", "terminal reads chip"),
            ("8", "terminal reads contactless only"),
            ("9", "terminal has no entry capability"),
        ],
        ["3"] => &[("1", "last chip read worked"), ("2", "last chip read failed")],
        ["8"] => &[
            ("01", "mail or telephone order"),
            ("02", "mail or telephone order"),
            ("03", "mail or telephone order"),
            ("04", "mail or telephone order"),
            ("05", "electronic commerce, fully authenticated"),
            ("06", "electronic commerce, authentication attempted"),
            ("07", "electronic commerce, not authenticated"),
        ],
        _ => return None,
    };
    say(rows, value)
}

#[cfg(test)]
mod tests {
    use super::super::table::{check, check_schemes};
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        [MODES, PIN_ENTRY, CONDITIONS].into_iter().for_each(check_schemes);
        POSITIONS.iter().for_each(|(_, rows)| check(rows));
        SUBFIELDS.iter().for_each(|(_, rows)| check(rows));
        assert!(SUBFIELDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
