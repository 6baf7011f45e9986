//! What can be wrong with a message, in words that name the place and never its content.

use super::field::{Class, Encoding};
use std::fmt;
use thiserror::Error;

/// The first thing wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}, offset {offset}: {reason}", Place(*de))]
pub struct ParseError {
    /// Data element; 0 is the MTI, 1 the bit maps.
    pub de: u8,
    /// Bytes from the start of the message (the MTI's first byte) to what is wrong.
    pub offset: u32,
    /// Expected and found.
    pub reason: Reason,
    /// Whether MTI and bit maps could be read, so that an answer can be made of the fields that are right.
    pub readable: bool,
}

struct Place(u8);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("MTI"),
            1 => f.write_str("bit map"),
            de => write!(f, "DE {de}"),
        }
    }
}

/// Why a message is refused. Says what was expected and what kind of thing was found, never a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// The message ends inside this element.
    #[error("expected {expected} bytes, found {found}")]
    Truncated {
        /// Bytes the element, or its length, takes.
        expected: u32,
        /// Bytes left in the message.
        found: u32,
    },
    /// An MTI that is not four decimal digits.
    #[error("expected four decimal digits, found {0}")]
    Mti(Found),
    /// An MTI of another version of the standard, whose fields have other formats.
    #[error("expected version digit {expected}, found {found}")]
    Version {
        /// First MTI digit of the dialect.
        expected: u8,
        /// First MTI digit of the message.
        found: u8,
    },
    /// A bit map in hexadecimal characters with something else in it.
    #[error("expected a hexadecimal character, found {0}")]
    Hex(Found),
    /// A hexadecimal character in lower case, where the dialect does not accept it.
    #[error("expected hexadecimal characters in upper case, found a lower-case one")]
    LowerCase,
    /// Bit 65, where the dialect has neither a third bit map nor a field 65.
    #[error("the dialect has no third bit map (bit 65)")]
    ThirdBitmap,
    /// A bit is set for a field that the dialect does not define.
    #[error("the dialect does not define this field")]
    Undefined,
    /// A length that is not decimal digits.
    #[error("expected decimal digits as length, found {0}")]
    LengthDigit(Found),
    /// A length over the field's maximum.
    #[error("expected a length of at most {max}, found {found}")]
    TooLong {
        /// The dialect's maximum in the field's unit.
        max: u16,
        /// The length on the wire.
        found: u16,
    },
    /// A length that counts itself and is less than that.
    #[error("expected a length of at least {min}, which counts itself, found {found}")]
    TooShort {
        /// Bytes of the length.
        min: u16,
        /// The length on the wire.
        found: u16,
    },
    /// A length in hexadecimal characters that ends within a byte.
    #[error("expected an even number of hexadecimal characters")]
    OddLength,
    /// A character that the field's class does not have.
    #[error("expected {expected}, found {found}")]
    Character {
        /// The field's class.
        expected: Class,
        /// The kind of character at the offset.
        found: Found,
    },
    /// A signed amount without its C or D.
    #[error("expected the sign C or D, found {0}")]
    Sign(Found),
    /// The half byte that fills up an odd number of packed digits.
    #[error("expected the pad nibble {0:X}, found another one")]
    Pad(u8),
    /// Bytes behind the last field.
    #[error("expected the end of the message, found {0} more bytes")]
    Trailing(u32),
    /// Messages are at most 65,535 bytes long.
    #[error("expected a message of at most 65535 bytes, found {0}")]
    Oversized(u32),
}

/// The kind of thing found where something else was expected; never the thing itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// 0 to 9.
    Digit,
    /// A to Z, a to z.
    Letter,
    /// The space.
    Space,
    /// Another printable character.
    Special,
    /// 00 to 1F and 7F.
    Control,
    /// 80 to FF in ASCII.
    NonAscii,
    /// A byte that stands for no printable character in EBCDIC.
    Unprintable,
    /// A nibble A to F among packed decimals.
    Nibble,
}

impl Found {
    /// What a byte is in ASCII.
    pub(super) fn ascii(byte: u8) -> Found {
        Found::byte(Encoding::Ascii, byte)
    }

    /// What a byte is in an encoding.
    pub(super) fn byte(encoding: Encoding, byte: u8) -> Found {
        match encoding.character(byte) {
            b'0'..=b'9' => Found::Digit,
            b'A'..=b'Z' | b'a'..=b'z' => Found::Letter,
            b' ' => Found::Space,
            0x21..=0x7E => Found::Special,
            _ if matches!(encoding, Encoding::Ebcdic(_) | Encoding::EbcdicHex) => Found::Unprintable,
            0x00..=0x1F | 0x7F => Found::Control,
            0x80..=0xFF => Found::NonAscii,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Found::Digit => "a digit",
            Found::Letter => "a letter",
            Found::Space => "a space",
            Found::Special => "a special character",
            Found::Control => "a control character",
            Found::NonAscii => "a byte over 7F",
            Found::Unprintable => "an unprintable byte",
            Found::Nibble => "a nibble A to F",
        })
    }
}

/// Why a message could not be built: a mistake of the caller or of its data, nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}: {reason}", Place(*de))]
pub struct BuildError {
    /// Data element; 0 is the message as a whole.
    pub de: u8,
    /// Expected and found.
    pub reason: BuildReason,
}

/// What is wrong with a value to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BuildReason {
    /// The dialect has no such field (DE 1 and DE 65, the bit maps, are never given by the caller).
    #[error("the dialect does not define this field")]
    Undefined,
    /// More digits, characters or bytes than the field takes.
    #[error("expected at most {max}, found {found}")]
    TooLong {
        /// The dialect's maximum in the field's unit.
        max: u16,
        /// The value's length.
        found: usize,
    },
    /// A binary field of fixed length takes exactly that many bytes.
    #[error("expected exactly {expected} bytes, found {found}")]
    Length {
        /// The field's length.
        expected: u16,
        /// The value's length.
        found: usize,
    },
    /// An odd number of packed digits whose length on the wire counts bytes: the pad would be read as a digit.
    #[error("expected an even number of digits, since the length counts bytes and the pad is a digit")]
    OddDigits,
    /// A character that the field's class does not have.
    #[error("expected {expected}, found {found}")]
    Character {
        /// The field's class.
        expected: Class,
        /// The kind of character.
        found: Found,
    },
    /// Text for a binary field, bytes for a character field, or a bare number for a signed one.
    #[error("this kind of value does not go into a field of {0}")]
    Kind(Class),
    /// The caller's own fields must be sorted ascending, each once.
    #[error("the fields to write are not in ascending order")]
    Order,
    /// The message type is of another version of the standard.
    #[error("expected version digit {expected}, found {found}")]
    Version {
        /// First MTI digit of the dialect.
        expected: u8,
        /// First MTI digit given.
        found: u8,
    },
    /// Raw bytes can only be echoed within one dialect.
    #[error("the request was read in another dialect")]
    OtherDialect,
}
