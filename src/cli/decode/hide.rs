//! What of a message is not to be shown: card numbers wherever they stand, and what a dialect calls sensitive. Works on
//! half bytes, so that values and the bytes they came from are hidden alike. Knows no dialect and no output.

use crate::message::{lengths, passes};
use crate::wire::Mask;
use std::ops::Range;

/// Digits of the shortest and of the longest card number.
const SHORTEST: usize = 13;
const LONGEST: usize = 19;
/// Characters that may follow the separator behind a card number: of track 2, of track 1.
const TRACK_2: usize = 24;
const TRACK_1: usize = 63;
/// A digit's place that holds none.
const NONE: u8 = 255;

/// How bytes may hold digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A character each, ASCII or EBCDIC.
    Characters,
    /// Two a byte.
    Packed,
    /// Nobody knows.
    Any,
}

/// Finds what may be a card number in a text: a word of 13 to 19 digits that passes the check of card numbers, and
/// anywhere in longer rows of digits, or with single spaces or hyphens between, what also has a network's prefix and the
/// length that goes with it.
pub(super) fn in_text(text: &str, found: &mut dyn FnMut(Range<usize>)) {
    if text.len() < SHORTEST {
        return;
    }
    let digits: Vec<u8> = text.bytes().map(|c| digit(c, b'0')).collect();
    let found = &mut |run: Range<usize>| {
        found(run.start..(run.end + ASCII.track(text.as_bytes(), run.end)).min(text.len()))
    };
    runs(&digits, found);
    let is_gap = |at: usize| {
        let at_digit = |at: usize| digits.get(at).is_some_and(|digit| *digit != NONE);
        matches!(text.as_bytes()[at], b' ' | b'-') && at > 0 && at_digit(at - 1) && at_digit(at + 1)
    };
    let count = digits.iter().filter(|digit| **digit != NONE).count();
    if count < SHORTEST || !(0..text.len()).any(is_gap) {
        return;
    }
    let places: Vec<usize> = (0..text.len()).filter(|at| !is_gap(*at)).collect();
    let joined: Vec<u8> = places.iter().map(|at| digits[*at]).collect();
    every_window(&joined, &mut |window| found(places[window.start]..places[window.end - 1] + 1));
}

/// Characters that digits and the separators of tracks are.
struct Characters {
    zero: u8,
    track_2: [u8; 2],
    track_1: u8,
}

const ASCII: Characters = Characters { zero: b'0', track_2: *b"=D", track_1: b'^' };
const EBCDIC: Characters = Characters { zero: 0xF0, track_2: [0x7E, 0xC4], track_1: 0x5F };

impl Characters {
    /// How many characters behind a card number are the rest of a track.
    fn track(&self, bytes: &[u8], end: usize) -> usize {
        match bytes.get(end) {
            Some(byte) if self.track_2.contains(byte) => TRACK_2,
            Some(byte) if *byte == self.track_1 => TRACK_1,
            _ => 0,
        }
    }
}

/// The same in bytes; reports half bytes.
pub(super) fn in_bytes(bytes: &[u8], reading: Reading, found: &mut dyn FnMut(Range<usize>)) {
    if reading != Reading::Packed && bytes.len() >= SHORTEST {
        for characters in [ASCII, EBCDIC] {
            let digits: Vec<u8> = bytes.iter().map(|byte| digit(*byte, characters.zero)).collect();
            runs(&digits, &mut |run| {
                let end = (run.end + characters.track(bytes, run.end)).min(bytes.len());
                found(run.start * 2..end * 2);
            });
        }
    }
    if reading != Reading::Characters && bytes.len() * 2 >= SHORTEST {
        let halves: Vec<u8> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
        let digits: Vec<u8> = halves.iter().map(|half| digit(*half, 0)).collect();
        runs(&digits, &mut |run| {
            // Digits in ASCII are no packed ones, though each looks like a 3 and a digit.
            let whole = run.start.div_ceil(2)..run.end / 2;
            let as_ascii = bytes.get(whole).is_some_and(|bytes| bytes.iter().all(u8::is_ascii_digit));
            if reading == Reading::Packed || !as_ascii {
                let end = if halves.get(run.end) == Some(&13) { run.end + TRACK_2 } else { run.end };
                found(run.start..end.min(halves.len()));
            }
        });
    }
}

/// The same in a text, in what of it is bytes in hexadecimal; reports characters of it.
pub(super) fn in_hexadecimal(text: &str, found: &mut dyn FnMut(Range<usize>)) {
    let half = |c: &u8| char::from(*c).to_digit(16).map(|half| half as u8);
    let mut start = 0;
    for word in text.as_bytes().split_inclusive(|c| half(c).is_none()) {
        let halves: Vec<u8> = word.iter().filter_map(half).collect();
        let bytes = |halves: &[u8]| -> Vec<u8> {
            halves.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
        };
        in_bytes(&bytes(&halves), Reading::Any, &mut |run| found(start + run.start..start + run.end));
        // Sent as such characters, one too few or too many shifts all by half a byte.
        let shifted = bytes(halves.get(1..).unwrap_or_default());
        in_bytes(&shifted, Reading::Characters, &mut |run| found(start + run.start + 1..start + run.end + 1));
        start += word.len();
    }
}

/// Card numbers with what stands before or behind them where a message carries them: their length, or a track's
/// separator. Found across the fields of a message that cannot be read, whose fields may not be what they seem. Reports
/// half bytes, perhaps beyond the end.
pub(super) fn misplaced(bytes: &[u8], found: &mut dyn FnMut(Range<usize>)) {
    for characters in [ASCII, EBCDIC] {
        let digits: Vec<u8> = bytes.iter().map(|byte| digit(*byte, characters.zero)).collect();
        every_window(&digits, &mut |window| {
            let before = window.start.checked_sub(2).and_then(|at| digits.get(at..window.start));
            let is_length = before == Some(&[window.len() as u8 / 10, window.len() as u8 % 10]);
            let behind = characters.track(bytes, window.end);
            if is_length || behind > 0 {
                found(window.start * 2..(window.end + behind) * 2);
            }
        });
    }
    let halves: Vec<u8> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let digits: Vec<u8> = halves.iter().map(|half| digit(*half, 0)).collect();
    every_window(&digits, &mut |window| {
        let length = window.len() as u8;
        // A length is a byte of its own; an odd number of digits may have a pad in front.
        let byte = (window.start / 2).checked_sub(1).and_then(|at| bytes.get(at));
        let is_length = byte.is_some_and(|byte| [length, length / 10 * 16 + length % 10].contains(byte));
        let behind = if halves.get(window.end) == Some(&13) { TRACK_2 } else { 0 };
        if is_length || behind > 0 {
            found(window.start..window.end + behind);
        }
    });
}

fn every_window(digits: &[u8], found: &mut dyn FnMut(Range<usize>)) {
    runs_of(digits).for_each(|run| windows(digits, run, found));
}

fn digit(byte: u8, zero: u8) -> u8 {
    match byte.wrapping_sub(zero) {
        digit @ 0..=9 => digit,
        _ => NONE,
    }
}

/// The rows of digits that are long enough to hold a card number.
fn runs_of(digits: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < digits.len() {
            let start = at;
            while digits.get(at).is_some_and(|digit| *digit != NONE) {
                at += 1;
            }
            let run = start..at;
            at += 1;
            if run.len() >= SHORTEST {
                return Some(run);
            }
        }
        None
    })
}

fn runs(digits: &[u8], found: &mut dyn FnMut(Range<usize>)) {
    for run in runs_of(digits) {
        if run.len() <= LONGEST && digits[run.start] != 0 && passes(&digits[run.clone()]) {
            found(run);
        } else {
            windows(digits, run, found);
        }
    }
}

/// What within a row of digits has a network's prefix, a length that goes with it, and passes the check.
fn windows(digits: &[u8], run: Range<usize>, found: &mut dyn FnMut(Range<usize>)) {
    for start in run.clone() {
        let rest = &digits[start..run.end];
        for length in lengths(rest) {
            if let Some(number) = rest.get(..*length).filter(|number| passes(number)) {
                found(start..start + number.len());
            }
        }
    }
}

/// Which characters of a value are not to be shown, by its mask alone; `free` is text in which anything may stand.
pub(super) fn characters(value: &str, mask: Mask, free: bool) -> Vec<bool> {
    let length = value.len();
    match mask {
        Mask::Secret => vec![true; length],
        Mask::Pan => {
            // The first six and last four of 15 and more characters, else the last four.
            let head = if length >= 15 { 6 } else { 0 };
            let tail = if length > 4 { length - 4 } else { length };
            (0..length).map(|at| at >= head && at < tail).collect()
        }
        Mask::Open => {
            let mut hidden = vec![false; length];
            if free {
                free_text(value, &mut hidden);
            }
            in_text(value, &mut |run| hidden[run].fill(true));
            hidden
        }
    }
}

/// Free text may carry card numbers and verification codes in layouts nobody here knows: of 13 and more digits in a row
/// nothing is shown, and nothing of the digits behind `9203`, which is how a card verification code travels among the
/// subelements of DE 48.
fn free_text(text: &str, hidden: &mut [bool]) {
    let mut at = 0;
    for run in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        let code = digits.find("9203").map_or(digits.len(), |at| at + 4);
        let shown = if digits.len() >= SHORTEST { 0 } else { code };
        hidden[at + shown..at + digits.len()].fill(true);
        at += run.len();
    }
}

/// A text with stars for what is hidden.
pub(super) fn starred(text: &str, hidden: impl Iterator<Item = bool>) -> String {
    text.chars()
        .zip(hidden.chain(std::iter::repeat(true)))
        .map(|(c, hidden)| if hidden { '*' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, mask: Mask, free: bool) -> String {
        starred(text, characters(text, mask, free).into_iter())
    }

    #[test]
    fn a_number_shows_its_ends() {
        for (pan, expected) in [
            ("4111111111110001", "411111******0001"),
            ("4111111111110001999", "411111*********1999"),
            ("371449635398431", "371449*****8431"),
            ("36227206271667", "**********1667"),
            ("12345", "*2345"),
            ("1234", "****"),
            ("", ""),
        ] {
            assert_eq!(shown(pan, Mask::Pan, false), expected);
        }
        assert_eq!(shown("123", Mask::Secret, false), "***");
    }

    #[test]
    fn free_text_hides_long_numbers_and_verification_codes() {
        for (text, expected) in [
            ("R0801M", "R0801M"),
            ("123456789012", "123456789012"),
            ("PAN 4111111111110002 END", "PAN **************** END"),
            ("T9203123", "T9203***"),
            ("T4201079203123X", "T*************X"),
            ("T92039203123X", "T9203*******X"),
            ("", ""),
        ] {
            assert_eq!(shown(text, Mask::Open, true), expected);
        }
    }

    #[test]
    fn card_numbers_are_found_in_any_text() {
        for (text, expected) in [
            ("4111111111111111", "****************"),
            ("4111111111111112", "4111111111111112"),
            ("0100004111111111111111000", "010000****************000"),
            ("SHOP 4111 1111 1111 1111 X", "SHOP ******************* X"),
            ("5555-5555-5555-4444", "*******************"),
            ("378282246310005", "***************"),
            ("1234567890123452", "****************"),
            ("840200000001000", "840200000001000"),
            ("4111  1111 1111 1111", "4111  1111 1111 1111"),
            ("- 1 - ", "- 1 - "),
            ("4111111111111111=3012201", "************************"),
            ("B4111111111111111^DOE/J^3012", "B***************************"),
        ] {
            assert_eq!(shown(text, Mask::Open, false), expected);
        }
    }

    #[test]
    fn card_numbers_are_found_in_bytes() {
        let find = |bytes: &[u8], reading| {
            let mut all = Vec::new();
            in_bytes(bytes, reading, &mut |run| all.push((run.start, run.end)));
            all
        };
        let packed = b"\xAA\x41\x11\x11\x11\x11\x11\x11\x11\xFF";
        assert_eq!(find(packed, Reading::Packed), [(2, 18)]);
        assert_eq!(find(packed, Reading::Any), [(2, 18)]);
        assert_eq!(find(b"\x41\x11\x11\x11\x11\x11\x11\x11\xD3\x01\x2F", Reading::Any), [(0, 22)]);
        assert_eq!(find(packed, Reading::Characters), Vec::<(usize, usize)>::new());
        assert_eq!(find(b"\xA4\x11\x11\x11\x11\x11\x11\x11\x1F", Reading::Any), [(1, 17)]);
        assert_eq!(find(b" 4111111111111111", Reading::Any), [(2, 34)]);
        assert_eq!(find(&b"4111111111111111".map(|c| c + 0xC0), Reading::Any), [(0, 32)]);
        assert_eq!(find(b"4000000000", Reading::Any), Vec::<(usize, usize)>::new());
    }

    #[test]
    fn misplaced_numbers_are_known_by_what_is_around_them() {
        let find = |bytes: &[u8]| {
            let mut all = Vec::new();
            misplaced(bytes, &mut |run| all.push((run.start, run.end)));
            all
        };
        assert_eq!(find(b"01164111111111111111000000"), [(8, 40)]);
        assert_eq!(find(b"01994111111111111111000000"), Vec::<(usize, usize)>::new());
        assert_eq!(find(b"4111111111111111=3012"), [(0, 80)]);
        assert_eq!(find(b"\x16\x41\x11\x11\x11\x11\x11\x11\x11\x00"), [(2, 18)]);
        assert_eq!(find(b"\x10\x41\x11\x11\x11\x11\x11\x11\x11\x00"), [(2, 18)]);
        assert_eq!(find(b"\x99\x41\x11\x11\x11\x11\x11\x11\x11\xD3"), [(2, 42)]);
        // Fifteen digits behind a pad.
        assert_eq!(find(b"\x15\x03\x78\x28\x22\x46\x31\x00\x05"), [(3, 18)]);
    }
}
