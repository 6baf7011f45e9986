//! What looks like a card number, whosever it is: by the networks' published ranges, the lengths that go with them, and the
//! check digit. Must not know where it stands.

/// Digits of the shortest and of the longest number that is looked for.
const SHORTEST: usize = 13;
const LONGEST: usize = 19;

/// How long a number that begins with these digits (0 to 9 each) may be, by the networks' published ranges.
pub fn lengths(number: &[u8]) -> &'static [usize] {
    let [a, b, c, d, ..] = number else { return &[] };
    let four = [a, b, c, d].iter().fold(0u32, |all, digit| all * 10 + u32::from(**digit));
    match four {
        4000..=4999 => &[13, 16, 19],
        2200..=2204 => &[16, 19],
        2221..=2720 | 5100..=5599 | 8100..=8299 | 9792 => &[16],
        3400..=3499 | 3700..=3799 => &[15],
        3000..=3099 | 3600..=3699 | 3800..=3999 => &[14, 16],
        3500..=3599 => &[16],
        5000..=5099 | 5600..=5999 | 6000..=6999 => &[16, 17, 18, 19],
        _ => &[],
    }
}

/// The check of card numbers (Luhn), of digits 0 to 9.
pub fn passes(number: &[u8]) -> bool {
    let weigh = |(place, digit): (usize, &u8)| match digit << (place % 2) {
        two @ 10.. => two - 9,
        one => one,
    };
    number.iter().rev().enumerate().map(weigh).map(u32::from).sum::<u32>().is_multiple_of(10)
}

/// The places that the masked form of a number of so many digits, eight at least, hides.
pub(super) fn hidden(length: usize) -> std::ops::Range<usize> {
    if length >= 15 { 6..length - 4 } else { 0..length - 4 }
}

/// Masks in a text of ASCII every row of digits that is a card number as a whole, zeros before it or none, also with single
/// blanks or hyphens between its digits: the first six and last four stay of 15 digits and more, else the last four. A
/// number inside a longer row is left: one merchant number in thirty holds one by chance, one in five hundred is one. What
/// is masked once stays as it is.
pub fn hide_card_numbers(text: &mut [u8]) {
    let count = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    if count < SHORTEST {
        return;
    }
    let mut at = 0;
    while at < text.len() {
        let end = at + row(&text[at..], true);
        if end == at {
            at += 1;
            continue;
        }
        if !hide_row(&mut text[at..end]) {
            // Not all of it together, but a part between two gaps may be.
            while at < end {
                let length = row(&text[at..end], false);
                hide_row(&mut text[at..at + length]);
                at += length.max(1);
            }
        }
        at = end;
    }
}

/// The length of the row of digits that a text begins with, single gaps between two digits included or not.
fn row(text: &[u8], with_gaps: bool) -> usize {
    let mut length = 0;
    loop {
        match text.get(length..) {
            Some([digit, ..]) if digit.is_ascii_digit() => length += 1,
            Some([b' ' | b'-', digit, ..]) if with_gaps && length > 0 && digit.is_ascii_digit() => {
                length += 2
            }
            _ => return length,
        }
    }
}

/// Masks a row of digits and gaps if it is a card number. Returns whether it is.
fn hide_row(row: &mut [u8]) -> bool {
    let significant = row.iter().position(|byte| matches!(byte, b'1'..=b'9')).unwrap_or(row.len());
    let row = &mut row[significant..];
    let mut digits = zeroize::Zeroizing::new([0; LONGEST]);
    let mut length = 0;
    for byte in row.iter().filter(|byte| byte.is_ascii_digit()) {
        let Some(slot) = digits.get_mut(length) else { return false };
        *slot = byte - b'0';
        length += 1;
    }
    let digits = &digits[..length];
    if !lengths(digits).contains(&length) || !passes(digits) {
        return false;
    }
    let hidden = hidden(length);
    let places = row.iter_mut().filter(|byte| byte.is_ascii_digit()).enumerate();
    places.filter(|(place, _)| hidden.contains(place)).for_each(|(_, byte)| *byte = b'*');
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_masked_wherever_a_row_of_digits_is_one() {
        for (text, masked) in [
            ("371449635398431", "371449*****8431"),
            ("4222222222222", "*********2222"),
            ("30569309025904", "**********5904"),
            ("5555555555554444", "555555******4444"),
            ("6304000000000000000", "630400*********0000"),
            // Padded, in a word, with gaps, twice.
            ("004222222222222", "00*********2222"),
            ("ID4222222222222X", "ID*********2222X"),
            ("4222-222222222 ", "****-*****2222 "),
            ("3714 496353 98431", "3714 49**** *8431"),
            ("7 4222222222222 7", "7 *********2222 7"),
            ("4222222222222,4222222222222", "*********2222,*********2222"),
            // Another check digit, length or range; part of a longer row; too little.
            ("371449635398432", "371449635398432"),
            ("4222222222222222", "4222222222222222"),
            ("123456789012347", "123456789012347"),
            ("99371449635398431", "99371449635398431"),
            ("4222222222222  2", "*********2222  2"),
            ("42222222222220000000000000", "42222222222220000000000000"),
            ("MERCHANT0000001", "MERCHANT0000001"),
            ("000000000000000", "000000000000000"),
            ("               ", "               "),
            ("", ""),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..2 {
                hide_card_numbers(&mut bytes);
                assert_eq!(String::from_utf8_lossy(&bytes), masked, "{text}");
            }
        }
    }
}
