//! The primary account number: a number that cannot print itself in clear.

use super::card_shape;
use std::fmt;

/// A PAN of 8 to 19 digits (ISO 8583 DE2, ISO/IEC 7812). `Debug` and `Display` show it masked: the first
/// six and last four digits from 15 digits on, else the last four only (PCI DSS 3.4.1, FAQ 1091).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pan {
    /// The number, behind all possible numbers of fewer digits: 8 bytes tell length and leading zeros too, which
    /// halves the directory of a million cards.
    packed: u64,
}

/// Fewer digits cannot hold an issuer identification number and an account.
const SHORTEST: usize = 8;
const LONGEST: usize = 19;
/// Digits that a masked number shows at the most: the first six and the last four.
const SHOWN: usize = 10;

/// How many numbers have at least [`SHORTEST`] digits and fewer than `length`. At most 1.2e18; with the 1e19
/// numbers of 19 digits behind it, it stays below 2^64.
const fn shorter(length: usize) -> u64 {
    let (mut sum, mut of_length, mut each) = (0, SHORTEST, 10u64.pow(SHORTEST as u32));
    while of_length < length {
        sum += each;
        of_length += 1;
        each = each.saturating_mul(10);
    }
    sum
}

/// [`shorter`] for each length from [`SHORTEST`] on.
const SHORTER: [u64; LONGEST - SHORTEST + 1] = {
    let mut counts = [0; LONGEST - SHORTEST + 1];
    let mut index = 0;
    while index < counts.len() {
        counts[index] = shorter(SHORTEST + index);
        index += 1;
    }
    counts
};

/// The value of 19 ASCII digits at most.
fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

impl Pan {
    /// Reads ASCII digits; `None` when there are fewer than 8 or more than 19 or another character.
    pub fn from_digits(text: &[u8]) -> Option<Pan> {
        if text.len() < SHORTEST || text.len() > LONGEST {
            return None;
        }
        number(text).map(|digits| Pan { packed: digits + SHORTER[text.len() - SHORTEST] })
    }

    /// A PAN from its number and count of digits, as [`Pan::parts`] gives them.
    pub fn from_parts(digits: u64, length: u8) -> Option<Pan> {
        let fits =
            (SHORTEST..=LONGEST).contains(&usize::from(length)) && digits < 10u64.pow(u32::from(length));
        fits.then(|| Pan { packed: digits + SHORTER[usize::from(length) - SHORTEST] })
    }

    /// All of it in 8 bytes. This is the clear PAN: for hashing and encryption only.
    pub fn packed(self) -> u64 {
        self.packed
    }

    /// The PAN that [`Pan::packed`] gave.
    pub fn from_packed(packed: u64) -> Option<Pan> {
        let end = SHORTER[LONGEST - SHORTEST] + 10u64.pow(LONGEST as u32);
        (packed < end).then_some(Pan { packed })
    }

    /// The number and the count of digits. This is the clear PAN: for hashing and encryption only.
    pub fn parts(self) -> (u64, u8) {
        // From the longest down: most have sixteen digits.
        let longer = SHORTER.iter().rposition(|count| self.packed >= *count).unwrap_or(0);
        (self.packed - SHORTER[longer], (SHORTEST + longer) as u8)
    }

    /// The clear digits, for building a message. Never for logs, errors or files.
    pub fn clear(self, into: &mut [u8; LONGEST]) -> &[u8] {
        let (mut rest, length) = self.parts();
        let length = usize::from(length);
        for slot in into[..length].iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &into[..length]
    }

    /// Whether the check digit is right (ISO/IEC 7812-1 annex B, Luhn).
    pub fn luhn_holds(self) -> bool {
        let (mut rest, mut sum, mut double) = (self.parts().0, 0, false);
        while rest > 0 {
            let digit = rest % 10;
            sum += match (double, digit * 2) {
                (false, _) => digit,
                (true, twice) => twice / 10 + twice % 10,
            };
            double = !double;
            rest /= 10;
        }
        sum % 10 == 0
    }

    /// The leading `count` digits, as a number: the issuer identification number (BIN) for 6 or 8.
    pub fn prefix(self, count: u8) -> u32 {
        let (digits, length) = self.parts();
        let drop = u32::from(length.saturating_sub(count));
        (digits / 10u64.pow(drop)) as u32
    }

    /// The place in the number of what its masked form hides.
    fn hidden(self) -> std::ops::Range<usize> {
        card_shape::hidden(usize::from(self.parts().1))
    }

    /// Masks what a text has of this number in a row, where that is all of it or more digits than a masked number shows.
    /// What is masked once stays as it is.
    pub fn hide_in(self, text: &mut [u8]) {
        let (digits, length) = self.parts();
        let least = usize::from(length).min(SHOWN + 1);
        if text.len() < least {
            return;
        }
        // So many digits in a row, wherever they begin, go through the middle: what that says spares most texts the long look.
        if let Some(middle) = text.get(text.len() - least..least).filter(|middle| !middle.is_empty()) {
            let Some(said) = number(middle) else { return };
            let each = 10u64.pow(middle.len() as u32);
            let windows = std::iter::successors(Some(digits), |rest| Some(rest / 10));
            if !windows.take(usize::from(length) - middle.len() + 1).any(|rest| rest % each == said) {
                return;
            }
        }
        let mut room = zeroize::Zeroizing::new([0; LONGEST]);
        let (digits, hidden) = (self.clear(&mut room), self.hidden());
        for at in 0..=text.len() - least {
            let in_a_row = |start: usize| {
                text[at..].iter().zip(&digits[start..]).take_while(|(one, other)| one == other).count()
            };
            let longest = (0..=digits.len() - least).map(|start| (in_a_row(start), start)).max();
            let Some((length, start)) = longest.filter(|(length, _)| *length >= least) else { continue };
            let end = start + length;
            for place in hidden.start.max(start)..hidden.end.min(end) {
                text[at + place - start] = b'*';
            }
        }
    }

    /// The last four digits.
    pub fn last_four(self) -> u16 {
        (self.parts().0 % 10_000) as u16
    }
}

impl fmt::Display for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.hidden();
        if hidden.start > 0 {
            write!(f, "{:06}", self.prefix(6))?;
        }
        for _ in hidden {
            f.write_str("*")?;
        }
        write!(f, "{:04}", self.last_four())
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shows_itself_masked_only() {
        for (clear, masked) in [
            ("4111110000000013", "411111******0013"),
            ("341111000000001", "341111*****0001"),
            ("4111110000000000013", "411111*********0013"),
            ("41111100000013", "**********0013"),
            ("0011110000000013", "001111******0013"),
        ] {
            let pan = Pan::from_digits(clear.as_bytes()).unwrap();
            assert_eq!((pan.to_string(), format!("{pan:?}")), (masked.into(), masked.into()));
            assert_eq!(pan.clear(&mut [0; 19]), clear.as_bytes());
        }
    }

    #[test]
    fn hides_itself_in_a_text() {
        const CARD: &str = "4111110000000013";
        for (pan, text, hidden) in [
            (CARD, "4111110000000013", "411111******0013"),
            (CARD, "X4111110000000013Y", "X411111******0013Y"),
            // All but one of its digits give the last away.
            (CARD, "411111000000001", "411111******001"),
            (CARD, "111110000000013", "11111******0013"),
            (CARD, "110000000013", "11******0013"),
            (CARD, "X10000000013", "X1******0013"),
            // No more than the masked form shows, or another number.
            (CARD, "X0000000013", "X0000000013"),
            (CARD, "632609000077", "632609000077"),
            (CARD, "MERCHANT0000001", "MERCHANT0000001"),
            (CARD, "4111110000000014", "411111******0014"),
            (CARD, "               ", "               "),
            (CARD, "", ""),
            ("371449635398431", "371449635398431", "371449*****8431"),
            ("41111100000013", "41111100000013 ", "**********0013 "),
            ("41110013", "41110013", "****0013"),
            ("41110013", "4111001", "4111001"),
            ("41110013", "41110013  41110013", "****0013  ****0013"),
            // One that goes over into itself.
            ("00130013", "001300130013", "********0013"),
        ] {
            let pan = Pan::from_digits(pan.as_bytes()).unwrap();
            let mut masked = text.as_bytes().to_vec();
            for _ in 0..2 {
                pan.hide_in(&mut masked);
                assert_eq!(String::from_utf8_lossy(&masked), hidden, "{text}");
            }
        }
    }

    #[test]
    fn keeps_digits_and_length_of_every_possible_number() {
        for length in SHORTEST..=LONGEST {
            let most = 10u64.saturating_pow(length as u32) - 1;
            for digits in [0, 1, most / 9, most] {
                let pan = Pan::from_parts(digits, length as u8).unwrap();
                assert_eq!(pan.parts(), (digits, length as u8));
                assert_eq!(Pan::from_packed(pan.packed()), Some(pan));
                assert_eq!(Pan::from_digits(pan.clear(&mut [0; 19])), Some(pan));
            }
        }
        assert_ne!(Pan::from_digits(b"00000000"), Pan::from_digits(b"000000000"));
    }

    #[test]
    fn knows_its_check_digit_and_prefix() {
        let pan = Pan::from_digits(b"4111110000000013").unwrap();
        assert!(pan.luhn_holds() && !Pan::from_digits(b"4111110000000014").unwrap().luhn_holds());
        assert_eq!((pan.prefix(6), pan.prefix(8), pan.last_four()), (411111, 41111100, 13));
    }

    #[test]
    fn refuses_what_is_no_pan() {
        for text in ["", "1234567", "41111111111111111111", "4111 1100 0000 0013"] {
            assert_eq!(Pan::from_digits(text.as_bytes()), None, "{text}");
        }
        assert!(Pan::from_digits(b"9999999999999999999").is_some());
        assert_eq!(Pan::from_parts(123456789, 8), None);
        assert_eq!(Pan::from_packed(Pan::from_digits(&[b'9'; 19]).unwrap().packed() + 1), None);
    }
}
