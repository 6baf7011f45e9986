//! Reading one value: its bytes on the wire as text, number or bytes. Knows its format, no message.

use super::field::{Class, Encoding, Format, Side};
use super::scan;
use std::fmt;

/// One value as it stands on the wire, and the format that says how to read it. All accessors answer `None` for a
/// value of a kind they do not read.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub(super) format: &'a Format,
    pub(super) data: &'a [u8],
    pub(super) units: usize,
}

impl<'a> Field<'a> {
    /// How the value stands on the wire.
    pub fn format(self) -> &'a Format {
        self.format
    }

    /// The value as on the wire, without its length prefix.
    pub fn data(self) -> &'a [u8] {
        self.data
    }

    /// Digits, characters or bytes of the value.
    pub fn units(self) -> usize {
        self.units
    }

    /// The value as a number: 1 to 19 digits, in a numeric field or a text field of digits alone.
    pub fn number(self) -> Option<u64> {
        let mut buffer = [0; 19];
        if self.units == 0 || self.format.class == Class::Z {
            return None;
        }
        let text = self.text(&mut buffer)?;
        if text.iter().all(u8::is_ascii_digit) { ascii_number(text) } else { None }
    }

    /// Any value but a binary one as ASCII characters, in the front of `buffer`; the track separator is `=`,
    /// trailing fill is kept, and what stands for no printable character (where the dialect accepts such) is
    /// `?`. `None` too where `buffer` is shorter than [`Field::units`].
    pub fn text(self, buffer: &mut [u8]) -> Option<&[u8]> {
        let out = buffer.get_mut(..self.units)?;
        let encoding = self.format.encoding;
        match (self.format.class, encoding) {
            (Class::B, _) => return None,
            (Class::Xn, Encoding::Bcd) => {
                let (sign, packed) = self.data.split_first()?;
                let (first, rest) = out.split_first_mut()?;
                *first = *sign;
                unpack(self.format, packed, rest)?;
            }
            (_, Encoding::Bcd) => unpack(self.format, self.data, out)?,
            (Class::Z, _) => {
                for (to, from) in out.iter_mut().zip(self.data) {
                    let character = encoding.character(*from);
                    *to = if character == b'D' { b'=' } else { printable(character) };
                }
            }
            (_, Encoding::Ascii) if !self.format.accept.characters => {
                out.copy_from_slice(self.data.get(..self.units)?);
            }
            _ => {
                for (to, from) in out.iter_mut().zip(self.data) {
                    *to = printable(encoding.character(*from));
                }
            }
        }
        Some(out)
    }

    /// A binary value's bytes in the front of `buffer`, decoded where they stand as hexadecimal characters. `None`
    /// too where `buffer` is shorter than [`Field::units`].
    pub fn bytes(self, buffer: &mut [u8]) -> Option<&[u8]> {
        let out = buffer.get_mut(..self.units)?;
        match (self.format.class, self.format.encoding) {
            (Class::B, Encoding::Binary) => out.copy_from_slice(self.data.get(..out.len())?),
            (Class::B, encoding) => {
                let (pairs, _) = self.data.as_chunks::<2>();
                for (to, pair) in out.iter_mut().zip(pairs) {
                    let [high, low] = pair.map(|byte| hex_digit(encoding.character(byte)));
                    *to = high << 4 | low;
                }
            }
            _ => return None,
        }
        Some(out)
    }
}

/// Shows the format and the length, never the value.
impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({}, {} {})", self.format.notation(), self.units, self.format.class.unit())
    }
}

fn printable(character: u8) -> u8 {
    if matches!(character, 0x20..=0x7E) { character } else { b'?' }
}

/// At most 19 ASCII digits.
pub(super) fn ascii_number(data: &[u8]) -> Option<u64> {
    let (words, rest) = data.as_chunks::<8>();
    let mut number = 0u64;
    for word in words {
        number = number * 100_000_000 + scan::decimal(*word);
    }
    // At most 19 digits in all: under 10^19, which fits.
    for digit in rest {
        number = number.checked_mul(10)?.checked_add(u64::from(digit & 15))?;
    }
    Some(number)
}

/// All nibbles as one number; a pad on the left is 0.
pub(super) fn packed_number(data: &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for pair in data {
        let pair = u64::from(*pair);
        number = number.checked_mul(100)?.checked_add(pair - (pair >> 4) * 6)?;
    }
    Some(number)
}

/// Spreads packed digits over `out`, one ASCII character a digit; nibble D is `=`.
fn unpack(format: &Format, data: &[u8], out: &mut [u8]) -> Option<()> {
    let left = out.len() % 2 == 1 && format.pad.side == Side::Left;
    let (data, out) = if left {
        let (first, rest) = data.split_first()?;
        let (to, out) = out.split_first_mut()?;
        *to = nibble_character(first & 15);
        (rest, out)
    } else {
        (data, out)
    };
    let (pairs, odd) = out.as_chunks_mut::<2>();
    for ([high, low], byte) in pairs.iter_mut().zip(data) {
        *high = nibble_character(byte >> 4);
        *low = nibble_character(byte & 15);
    }
    if let [last] = odd {
        *last = nibble_character(data.last()? >> 4);
    }
    Some(())
}

fn nibble_character(nibble: u8) -> u8 {
    b"0123456789ABC=EF"[usize::from(nibble & 15)]
}

fn hex_digit(character: u8) -> u8 {
    (character & 15) + (character >> 6) * 9
}
