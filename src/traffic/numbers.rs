//! The card numbers that a message itself tells, found again elsewhere in it: in text, in bytes, whatever stands around
//! them. A number that passes no check and has no network's prefix is found too. Knows no dialect and no output.

use std::ops::Range;

/// Digits of the shortest number that is looked for: what is shorter stands everywhere by chance.
const SHORTEST: usize = 8;

/// Card numbers of one message.
#[derive(Clone, Default)]
pub struct Numbers(Vec<Vec<u8>>);

/// The card number in a data element that is one or a track.
pub fn of_element(de: u8, value: &str) -> Option<&str> {
    match de {
        2 | 34 => Some(value),
        35 | 45 => of_track(value),
        _ => None,
    }
}

/// The card number in a track, before its separator.
pub fn of_track(value: &str) -> Option<&str> {
    let number = value.trim_start_matches(|c: char| !c.is_ascii_digit());
    number.find(|c: char| !c.is_ascii_digit()).and_then(|end| number.get(..end))
}

impl Numbers {
    /// Adds one, if it is digits and long enough to be looked for.
    pub fn add(&mut self, number: &str) {
        let digits: Option<Vec<u8>> = number.bytes().map(|c| c.is_ascii_digit().then_some(c & 15)).collect();
        let Some(digits) = digits else { return };
        let is_one = digits.len() >= SHORTEST && digits.iter().any(|digit| *digit != 0);
        if is_one && !self.0.contains(&digits) {
            self.0.push(digits);
        }
    }

    /// Finds them in a text, also with single blanks or hyphens between the digits; reports bytes of it.
    pub fn in_text(&self, text: &str, found: &mut dyn FnMut(Range<usize>)) {
        self.in_characters(text.as_bytes(), b'0', found);
    }

    /// Finds them in bytes written in hexadecimal, as [`Numbers::in_bytes`] does; reports digits of it.
    pub fn in_hexadecimal(&self, text: &str, found: &mut dyn FnMut(Range<usize>)) {
        if self.0.is_empty() {
            return;
        }
        let half = |c: u8| char::from(c).to_digit(16).map_or(0, |digit| digit as u8);
        let bytes: Vec<u8> = text
            .as_bytes()
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[high, low]| half(*high) << 4 | half(*low))
            .collect();
        self.in_bytes(&bytes, found);
    }

    /// Finds them in bytes: in ASCII or EBCDIC, or two digits a byte; reports half bytes.
    pub fn in_bytes(&self, bytes: &[u8], found: &mut dyn FnMut(Range<usize>)) {
        for zero in [b'0', 0xF0] {
            self.in_characters(bytes, zero, &mut |run| found(run.start * 2..run.end * 2));
        }
        if self.0.is_empty() {
            return;
        }
        let halves: Vec<u8> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
        for number in &self.0 {
            for (at, window) in halves.windows(number.len()).enumerate() {
                if window == number {
                    found(at..at + number.len());
                }
            }
        }
    }

    fn in_characters(&self, bytes: &[u8], zero: u8, found: &mut dyn FnMut(Range<usize>)) {
        let gaps = if zero == b'0' { [b' ', b'-'] } else { [0x40, 0x60] };
        for number in &self.0 {
            for start in 0..bytes.len() {
                if let Some(end) = ends(bytes, start, number, zero, gaps) {
                    found(start..end);
                }
            }
        }
    }
}

/// Where a number ends that begins at `start`, with at most one gap between two digits.
fn ends(bytes: &[u8], start: usize, number: &[u8], zero: u8, gaps: [u8; 2]) -> Option<usize> {
    let mut at = start;
    for (index, digit) in number.iter().enumerate() {
        if index > 0 && bytes.get(at).is_some_and(|byte| gaps.contains(byte)) {
            at += 1;
        }
        if *bytes.get(at)? != zero + digit {
            return None;
        }
        at += 1;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_stands() {
        let mut numbers = Numbers::default();
        for number in ["123456789012", "0000000000000", "1234567", "12345678901x", "123456789012"] {
            numbers.add(number);
        }
        assert_eq!(numbers.0.len(), 1);
        let in_text = |text: &str| {
            let mut all = Vec::new();
            numbers.in_text(text, &mut |run| all.push((run.start, run.end)));
            all
        };
        for (text, expected) in [
            ("123456789012", vec![(0, 12)]),
            ("SHOP 99123456789012345", vec![(7, 19)]),
            ("1234 5678-9012", vec![(0, 14)]),
            ("1234  56789012", vec![]),
            ("123456789013", vec![]),
            ("123456789012123456789012", vec![(0, 12), (12, 24)]),
        ] {
            assert_eq!(in_text(text), expected, "{text}");
        }
        let in_bytes = |bytes: &[u8]| {
            let mut all = Vec::new();
            numbers.in_bytes(bytes, &mut |run| all.push((run.start, run.end)));
            all
        };
        assert_eq!(in_bytes(b"\xFF\x12\x34\x56\x78\x90\x12"), [(2, 14)]);
        assert_eq!(in_bytes(b"\x01\x23\x45\x67\x89\x01\x2F"), [(1, 13)]);
        assert_eq!(in_bytes(b"X123456789012"), [(2, 26)]);
        assert_eq!(in_bytes(&b"123456789012".map(|c| c + 0xC0)), [(0, 24)]);
        let mut all = Vec::new();
        numbers.in_hexadecimal("FF123456789012", &mut |run| all.push((run.start, run.end)));
        assert_eq!(all, [(2, 14)]);
    }

    #[test]
    fn a_track_has_its_number_before_the_separator() {
        for (de, value, expected) in [
            (2, "4111", Some("4111")),
            (35, "4111111111111111=3012", Some("4111111111111111")),
            (35, "4111", None),
            (45, "B4111111111111111^DOE/J^3012", Some("4111111111111111")),
            (42, "4111111111111111", None),
        ] {
            assert_eq!(of_element(de, value), expected, "{value}");
        }
    }
}
