//! The length part of a frame: a number in one of six encodings, and what else stands beside it. Knows neither
//! headers nor messages.

use super::super::Found;
use super::FrameError;

/// How the number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    BigEndian,
    LittleEndian,
    Bcd,
    Ascii,
    Hex,
    Ebcdic,
}

/// What stands beside the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Zero bytes, or nothing.
    Zeros,
    /// A zero byte, and a byte whose high nibble tells messages from session control; its low nibble is the platform.
    Visa,
    /// A protocol id before, and behind it whether more parts of the message follow.
    Rbp,
}

/// The protocol id before an RBP length.
const RBP_ID: [u8; 2] = [0xD0, 0x4A];

/// Where the length stands and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LengthPart {
    pub(super) encoding: Encoding,
    /// Bytes of the number; 0 where there is no length.
    pub(super) width: u8,
    /// Bytes before and behind the number.
    pub(super) before: u8,
    pub(super) after: u8,
    pub(super) beside: Beside,
    /// Whether the number counts the bytes of this part.
    pub(super) counts_itself: bool,
}

/// What a length part says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) length: usize,
    pub(super) of: Of,
}

/// What follows the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Message,
    Control,
    Unknown,
}

impl LengthPart {
    pub(super) const NONE: LengthPart = LengthPart {
        encoding: Encoding::BigEndian,
        width: 0,
        before: 0,
        after: 0,
        beside: Beside::Zeros,
        counts_itself: false,
    };
    /// A number that does not count itself, with nothing beside it.
    pub(super) const fn plain(encoding: Encoding, width: u8) -> LengthPart {
        LengthPart { encoding, width, ..LengthPart::NONE }
    }
    pub(super) const VISA: LengthPart =
        LengthPart { width: 2, after: 2, beside: Beside::Visa, ..LengthPart::NONE };
    pub(super) const RBP: LengthPart =
        LengthPart { width: 2, before: 2, after: 2, beside: Beside::Rbp, ..LengthPart::NONE };

    /// Bytes of the whole part.
    pub(super) const fn size(&self) -> usize {
        self.before as usize + self.width as usize + self.after as usize
    }

    /// The highest number that fits.
    pub(super) fn max(&self) -> usize {
        let (base, digits) = match self.encoding {
            Encoding::BigEndian | Encoding::LittleEndian => (256u64, self.width),
            Encoding::Bcd => (100, self.width),
            Encoding::Ascii | Encoding::Ebcdic => (10, self.width),
            Encoding::Hex => (16, self.width),
        };
        usize::try_from(base.pow(u32::from(digits)) - 1).unwrap_or(usize::MAX)
    }

    /// Reads the part; `part` is as long as [`LengthPart::size`] says. The length is what follows the part, by the
    /// number alone; `front` bytes before the part are counted by a number that counts itself.
    #[inline]
    pub(super) fn read(&self, part: &[u8], front: usize) -> Result<Said, FrameError> {
        let (before, rest) = part.split_at(usize::from(self.before));
        let (number, after) = rest.split_at(usize::from(self.width));
        let of = match self.beside {
            Beside::Zeros => {
                zeros(before, 0)?;
                zeros(after, part.len() - after.len())?;
                Of::Message
            }
            Beside::Visa => visa(after)?,
            Beside::Rbp => {
                rbp(before, after)?;
                Of::Message
            }
        };
        let number = self.number(number)?;
        let length = match (self.counts_itself, number) {
            (false, _) | (true, 0) => number,
            (true, _) => number
                .checked_sub(front + part.len())
                .ok_or(FrameError::TooShort { min: front + part.len(), found: number })?,
        };
        Ok(Said { length, of })
    }

    #[inline]
    fn number(&self, bytes: &[u8]) -> Result<usize, FrameError> {
        let wrong = |at: usize, expected, found: u8| FrameError::LengthDigit {
            offset: usize::from(self.before) + at,
            expected,
            found: Found::ascii(found),
        };
        let mut number = 0;
        match self.encoding {
            Encoding::BigEndian => bytes.iter().for_each(|byte| number = number << 8 | usize::from(*byte)),
            Encoding::LittleEndian => {
                bytes.iter().rev().for_each(|byte| number = number << 8 | usize::from(*byte));
            }
            Encoding::Bcd => {
                for (at, byte) in bytes.iter().enumerate() {
                    let (high, low) = (byte >> 4, byte & 15);
                    if high > 9 || low > 9 {
                        return Err(FrameError::LengthDigit {
                            offset: usize::from(self.before) + at,
                            expected: "two packed decimal digits",
                            found: Found::Nibble,
                        });
                    }
                    number = number * 100 + usize::from(high) * 10 + usize::from(low);
                }
            }
            Encoding::Ascii | Encoding::Ebcdic => {
                let (zero, expected) = match self.encoding {
                    Encoding::Ascii => (b'0', "a decimal digit"),
                    _ => (0xF0, "an EBCDIC decimal digit"),
                };
                for (at, byte) in bytes.iter().enumerate() {
                    let digit = byte.wrapping_sub(zero);
                    if digit > 9 {
                        return Err(wrong(at, expected, *byte));
                    }
                    number = number * 10 + usize::from(digit);
                }
            }
            Encoding::Hex => {
                for (at, byte) in bytes.iter().enumerate() {
                    let digit = char::from(*byte).to_digit(16);
                    let digit = digit.ok_or_else(|| wrong(at, "a hexadecimal digit", *byte))?;
                    number = number << 4 | digit as usize;
                }
            }
        }
        Ok(number)
    }

    /// Puts the part, its number still zero, at the end of `out`. `platform` is the low nibble of Visa's fourth byte.
    pub(super) fn begin(&self, out: &mut Vec<u8>, platform: u8) {
        let start = out.len();
        out.extend_from_slice(&[0; 16][..self.size()]);
        match self.beside {
            Beside::Zeros => {}
            Beside::Visa => out[start + 3] = platform & 15,
            Beside::Rbp => out[start..start + 2].copy_from_slice(&RBP_ID),
        }
    }

    /// Writes the number of a message whose body, as far as it counts, has `length` bytes, into the part. `front` is as
    /// in [`LengthPart::read`].
    ///
    /// # Errors
    /// The most that fits, where it does not.
    pub(super) fn finish(&self, part: &mut [u8], length: usize, front: usize) -> Result<(), usize> {
        let own = if self.counts_itself && length > 0 { front + self.size() } else { 0 };
        let (said, max) = (length.saturating_add(own), self.max());
        if said > max {
            return Err(max.saturating_sub(own));
        }
        let from = usize::from(self.before);
        // Gone where the caller has taken the beginning of its frame away.
        let Some(number) = part.get_mut(from..from + usize::from(self.width)) else { return Err(0) };
        let mut rest = said;
        let mut digit = |base: usize| {
            let digit = rest % base;
            rest /= base;
            digit as u8
        };
        match self.encoding {
            Encoding::BigEndian => number.iter_mut().rev().for_each(|byte| *byte = digit(256)),
            Encoding::LittleEndian => number.iter_mut().for_each(|byte| *byte = digit(256)),
            Encoding::Bcd => number.iter_mut().rev().for_each(|byte| *byte = digit(10) | digit(10) << 4),
            Encoding::Ascii => number.iter_mut().rev().for_each(|byte| *byte = b'0' + digit(10)),
            Encoding::Ebcdic => number.iter_mut().rev().for_each(|byte| *byte = 0xF0 + digit(10)),
            Encoding::Hex => {
                number.iter_mut().rev().for_each(|byte| *byte = b"0123456789ABCDEF"[usize::from(digit(16))]);
            }
        }
        Ok(())
    }

    /// Visa's platform, of a length part that was read.
    pub(super) fn platform(&self, part: &[u8]) -> u8 {
        match (self.beside, part) {
            (Beside::Visa, [_, _, _, kind]) => kind & 15,
            _ => 0,
        }
    }
}

fn zeros(bytes: &[u8], from: usize) -> Result<(), FrameError> {
    match bytes.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(at) => Err(FrameError::Beside { expected: "a zero byte", offset: from + at }),
    }
}

fn visa(after: &[u8]) -> Result<Of, FrameError> {
    let &[zero, kind] = after else { return Ok(Of::Message) };
    if zero != 0 {
        return Err(FrameError::Beside { expected: "a zero byte", offset: 2 });
    }
    Ok(match kind >> 4 {
        0 => Of::Message,
        2 => Of::Control,
        _ => Of::Unknown,
    })
}

fn rbp(before: &[u8], after: &[u8]) -> Result<(), FrameError> {
    if let Some(offset) = (0..2).find(|&at| before.get(at) != RBP_ID.get(at)) {
        return Err(FrameError::Beside { expected: "the protocol id D0 4A", offset });
    }
    match after {
        [0, 0] => Ok(()),
        [1, 0] => Err(FrameError::Parted),
        _ => Err(FrameError::Beside { expected: "the last-part flag 00 00", offset: 4 }),
    }
}
