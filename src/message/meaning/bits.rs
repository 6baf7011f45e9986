//! EMV values made of bits: which are set, in words. Names are those of EMV Book 3 annex C and Book 4 annex A, in
//! short. Knows no other tag.

use super::table::{Words, join, unhex};

/// Byte (from 1), the bit as a mask, what it says when set. In the order in which the book tells them.
type Bits = [(usize, u8, &'static str)];

/// What the set bits of a tag's value say, each by itself, in the order of EMV; for a line of bounded length see
/// [`super::of`]. `value` is hexadecimal. Empty for other tags, other lengths, and where no named bit is set.
pub fn bits(tag: &str, value: &str) -> Vec<&'static str> {
    let Some((_, bytes, rows)) = TAGS.iter().find(|row| row.0 == tag) else { return Vec::new() };
    let Some(data) = unhex(value).filter(|data| data.len() == *bytes) else { return Vec::new() };
    let set = |row: &&(usize, u8, &'static str)| data.get(row.0 - 1).is_some_and(|byte| byte & row.1 != 0);
    rows.iter().filter(set).map(|row| row.2).collect()
}

/// [`bits`] in one line; says so where none is set.
pub(super) fn line(tag: &str, value: &str) -> Words {
    let (_, bytes, rows) = TAGS.iter().find(|row| row.0 == tag)?;
    let data = unhex(value).filter(|data| data.len() == *bytes)?;
    if data.iter().all(|byte| *byte == 0) {
        return Some("no bit set".into());
    }
    let known = |index: usize| rows.iter().filter(|row| row.0 == index + 1).fold(0, |all, row| all | row.1);
    let unknown = data.iter().enumerate().any(|(index, byte)| byte & !known(index) != 0);
    let mut said: Vec<String> = bits(tag, value).into_iter().map(str::to_owned).collect();
    if unknown {
        said.push("other bits".to_owned());
    }
    if let (Some(first), "9B") = (said.first_mut(), tag) {
        first.insert_str(0, "performed: ");
    }
    join(&said)
}

/// Tag, bytes of its value, bits.
const TAGS: &[(&str, usize, &Bits)] = &[
    ("82", 2, INTERCHANGE_PROFILE),
    ("95", 5, VERIFICATION_RESULTS),
    ("9B", 2, STATUS_INFORMATION),
    ("9F33", 3, TERMINAL_CAPABILITIES),
    ("9F66", 4, TERMINAL_QUALIFIERS),
];

const INTERCHANGE_PROFILE: &Bits = &[
    (1, 0x40, "SDA"),
    (1, 0x20, "DDA"),
    (1, 0x10, "cardholder verification"),
    (1, 0x08, "terminal risk management required"),
    (1, 0x04, "issuer authentication"),
    (1, 0x02, "on-device cardholder verification"),
    (1, 0x01, "CDA"),
];

const VERIFICATION_RESULTS: &Bits = &[
    (1, 0x80, "offline data authentication not performed"),
    (1, 0x40, "SDA failed"),
    (1, 0x20, "chip data missing"),
    (1, 0x10, "card on the terminal's exception file"),
    (1, 0x08, "DDA failed"),
    (1, 0x04, "CDA failed"),
    (1, 0x02, "SDA selected"),
    (2, 0x80, "chip and terminal have different application versions"),
    (2, 0x40, "expired application"),
    (2, 0x20, "application not yet effective"),
    (2, 0x10, "service not allowed for the card"),
    (2, 0x08, "new card"),
    (3, 0x80, "cardholder verification failed"),
    (3, 0x40, "unrecognised CVM"),
    (3, 0x20, "PIN tries exceeded"),
    (3, 0x10, "PIN required, PIN pad missing or not working"),
    (3, 0x08, "PIN required but not entered"),
    (3, 0x04, "online PIN entered"),
    (4, 0x80, "over the floor limit"),
    (4, 0x40, "lower consecutive offline limit exceeded"),
    (4, 0x20, "upper consecutive offline limit exceeded"),
    (4, 0x10, "selected at random for online"),
    (4, 0x08, "merchant forced it online"),
    (5, 0x80, "default TDOL used"),
    (5, 0x40, "issuer authentication failed"),
    (5, 0x20, "script failed before the final cryptogram"),
    (5, 0x10, "script failed after the final cryptogram"),
];

const STATUS_INFORMATION: &Bits = &[
    (1, 0x80, "offline data authentication"),
    (1, 0x40, "cardholder verification"),
    (1, 0x20, "card risk management"),
    (1, 0x10, "issuer authentication"),
    (1, 0x08, "terminal risk management"),
    (1, 0x04, "script processing"),
];

const TERMINAL_CAPABILITIES: &Bits = &[
    (1, 0x80, "keyed"),
    (1, 0x40, "stripe"),
    (1, 0x20, "chip"),
    (2, 0x80, "plain PIN to chip"),
    (2, 0x40, "online PIN"),
    (2, 0x20, "signature"),
    (2, 0x10, "enciphered PIN to chip"),
    (2, 0x08, "no CVM"),
    (3, 0x80, "SDA"),
    (3, 0x40, "DDA"),
    (3, 0x20, "captures"),
    (3, 0x08, "CDA"),
];

/// Of Visa and those that took it over.
const TERMINAL_QUALIFIERS: &Bits = &[
    (1, 0x80, "magnetic stripe mode"),
    (1, 0x20, "EMV mode"),
    (1, 0x10, "contact chip"),
    (1, 0x08, "offline-only reader"),
    (1, 0x04, "online PIN"),
    (1, 0x02, "signature"),
    (1, 0x01, "offline authentication for online"),
    (2, 0x80, "cryptogram required"),
    (2, 0x40, "CVM required"),
    (2, 0x20, "offline PIN (contact chip)"),
    (3, 0x80, "issuer update"),
    (3, 0x40, "device CVM"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_stands_once_and_in_order() {
        assert!(TAGS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (tag, bytes, rows) in TAGS {
            let order = |row: &(usize, u8, &str)| (row.0, 255 - row.1);
            assert!(rows.windows(2).all(|pair| order(&pair[0]) < order(&pair[1])), "{tag}");
            let sound = |row: &(usize, u8, &str)| row.1.count_ones() == 1 && (1..=*bytes).contains(&row.0);
            assert!(rows.iter().all(|row| sound(row) && !row.2.is_empty()), "{tag}");
        }
    }
}
