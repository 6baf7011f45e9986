//! What a data element is: class, length, encoding, padding, each independent of the others. Knows no bytes of
//! any message.

use super::charset::CodePage;
use super::layout::Layout;
use std::fmt;
use std::sync::Arc;

/// The characters a field may hold, in the standard's notation.
///
/// Space counts as fill in `a` and `an` (fixed fields are space-filled on the right); `s` is every printable
/// ASCII character that is neither letter nor digit, the space included. Control characters and bytes over
/// 7F are refused everywhere but in `b`. Characters in EBCDIC are held against the same classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Digits.
    N,
    /// Letters and space.
    A,
    /// Letters, digits and space.
    An,
    /// Digits and special characters.
    Ns,
    /// Letters and special characters.
    As,
    /// Every printable ASCII character, 20 to 7E.
    Ans,
    /// Track data: digits and the separator (`=` or `D`).
    Z,
    /// A sign, C or D, then digits.
    Xn,
    /// Bytes.
    B,
}

impl Class {
    /// Every class with its name in the standard's notation.
    pub const ALL: [(Class, &'static str); 9] = [
        (Class::N, "n"),
        (Class::A, "a"),
        (Class::An, "an"),
        (Class::Ns, "ns"),
        (Class::As, "as"),
        (Class::Ans, "ans"),
        (Class::Z, "z"),
        (Class::Xn, "x+n"),
        (Class::B, "b"),
    ];

    /// The standard's notation: `n`, `an`, `x+n` …
    pub fn notation(self) -> &'static str {
        Class::ALL.iter().find(|(class, _)| *class == self).map_or("", |(_, name)| name)
    }

    /// Whether a character belongs to the class; the sign of `x+n` is not asked here.
    pub const fn allows(self, c: u8) -> bool {
        let special = matches!(c, 0x20..=0x7E) && !c.is_ascii_alphanumeric();
        match self {
            Class::N | Class::Xn => c.is_ascii_digit(),
            Class::A => c.is_ascii_alphabetic() || c == b' ',
            Class::An => c.is_ascii_alphanumeric() || c == b' ',
            Class::Ns => c.is_ascii_digit() || special,
            Class::As => c.is_ascii_alphabetic() || special,
            Class::Ans => matches!(c, 0x20..=0x7E),
            Class::Z => c.is_ascii_digit() || c == b'=' || c == b'D',
            Class::B => true,
        }
    }

    /// [`Class::allows`] as a look-up.
    #[inline]
    pub(super) const fn has(self, c: u8) -> bool {
        MEMBERS[c as usize] & (1 << self as u16) != 0
    }

    /// Whether the field holds characters that are neither numbers nor track data nor bytes.
    pub const fn is_text(self) -> bool {
        matches!(self, Class::A | Class::An | Class::Ns | Class::As | Class::Ans)
    }

    /// What a length of this class counts: `digits`, `characters` or `bytes`.
    pub const fn unit(self) -> &'static str {
        match self {
            Class::N | Class::Z => "digits",
            Class::B => "bytes",
            _ => "characters",
        }
    }
}

/// For each byte, the classes that have it.
static MEMBERS: [u16; 256] = {
    let mut table = [0; 256];
    let mut c = 0;
    while c < 256 {
        let mut i = 0;
        while i < Class::ALL.len() {
            let class = Class::ALL[i].0;
            table[c] |= (class.allows(c as u8) as u16) << class as u16;
            i += 1;
        }
        c += 1;
    }
    table
};

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::N | Class::Xn => "digits",
            Class::A => "letters",
            Class::An => "letters or digits",
            Class::Ns => "digits or special characters",
            Class::As => "letters or special characters",
            Class::Ans => "printable ASCII characters",
            Class::Z => "digits or a track separator",
            Class::B => "bytes",
        })
    }
}

/// How characters, digits, bytes or a length stand on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One ASCII character each.
    Ascii,
    /// One EBCDIC character each.
    Ebcdic(CodePage),
    /// Packed decimal, two digits a byte; the separator of track data is the nibble D.
    Bcd,
    /// Bytes as they are; a length as a big-endian number.
    Binary,
    /// Bytes as two hexadecimal characters each, written in upper case; a length as a hexadecimal number.
    Hex,
    /// The same in EBCDIC characters.
    EbcdicHex,
}

impl Encoding {
    /// Every encoding with its name in dialect files.
    pub const ALL: [(Encoding, &'static str); 8] = [
        (Encoding::Ascii, "ascii"),
        (Encoding::Ebcdic(CodePage::Cp037), "ebcdic-037"),
        (Encoding::Ebcdic(CodePage::Cp500), "ebcdic-500"),
        (Encoding::Ebcdic(CodePage::Cp1047), "ebcdic-1047"),
        (Encoding::Bcd, "bcd"),
        (Encoding::Binary, "binary"),
        (Encoding::Hex, "hex"),
        (Encoding::EbcdicHex, "ebcdic-hex"),
    ];

    /// The name in dialect files.
    pub fn name(self) -> &'static str {
        Encoding::ALL.iter().find(|(encoding, _)| *encoding == self).map_or("", |(_, name)| name)
    }

    /// Bytes that `units` digits, characters or bytes take on the wire.
    pub const fn bytes(self, units: usize) -> usize {
        match self {
            Encoding::Ascii | Encoding::Ebcdic(_) | Encoding::Binary => units,
            Encoding::Bcd => units.div_ceil(2),
            Encoding::Hex | Encoding::EbcdicHex => units * 2,
        }
    }

    /// Whether characters or digits take a byte each.
    pub const fn is_text(self) -> bool {
        matches!(self, Encoding::Ascii | Encoding::Ebcdic(_))
    }

    /// The ASCII character of a byte on the wire; over 7F where it stands for none.
    #[inline]
    pub fn character(self, byte: u8) -> u8 {
        match self {
            Encoding::Ebcdic(page) => page.to_ascii(byte),
            // Hexadecimal characters and digits are the same in every page.
            Encoding::EbcdicHex => CodePage::Cp037.to_ascii(byte),
            _ => byte,
        }
    }

    /// The byte on the wire of a printable ASCII character.
    #[inline]
    pub fn byte(self, character: u8) -> u8 {
        match self {
            Encoding::Ebcdic(page) => page.from_ascii(character),
            Encoding::EbcdicHex => CodePage::Cp037.from_ascii(character),
            _ => character,
        }
    }
}

/// Length of a field in its unit: digits, characters (the sign of `x+n` among them) or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Always this long.
    Fixed(u16),
    /// Preceded by its length.
    Variable {
        /// How the length stands there.
        prefix: Prefix,
        /// The longest allowed.
        max: u16,
    },
    /// As long as what holds it leaves it: for parts inside a field, never for a field.
    Rest {
        /// The longest allowed.
        max: u16,
    },
}

/// The length before a variable field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Digits of the length, 1 to 6: 2 for LLVAR, 3 for LLLVAR. A binary length of one or two digits is one
    /// byte, of three or four two bytes, of more three.
    pub digits: u8,
    /// How they stand on the wire: `ascii`, `ebcdic-…`, `bcd`, `binary` or `hex`.
    pub encoding: Encoding,
    /// What is counted.
    pub counts: Counts,
    /// Whether the length counts its own bytes too; then it counts bytes on the wire.
    pub inclusive: bool,
}

/// What a length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Counts {
    /// The value's own unit: digits, characters or bytes.
    #[default]
    Value,
    /// Bytes on the wire: half the digits of a packed field, twice the bytes of a hexadecimal one.
    Wire,
}

impl Prefix {
    /// Bytes it takes on the wire.
    pub const fn bytes(self) -> usize {
        match self.encoding {
            Encoding::Bcd => (self.digits as usize).div_ceil(2),
            Encoding::Binary => (self.digits as usize).div_ceil(2),
            _ => self.digits as usize,
        }
    }

    /// Whether it counts bytes on the wire.
    pub const fn counts_wire(self) -> bool {
        matches!(self.counts, Counts::Wire) || self.inclusive
    }

    /// The highest number that it can say, as far as it means anything: no message is longer than 65,535 bytes.
    pub const fn most(self) -> u16 {
        bounded(self.highest())
    }

    /// The most units of a value in this encoding that it can say, in the same bound.
    pub const fn most_units(self, value: Encoding) -> u16 {
        bounded(self.highest_units(value))
    }

    /// The highest number that it can say.
    const fn highest(self) -> u32 {
        match self.encoding {
            Encoding::Binary => 256u32.pow(self.bytes() as u32) - 1,
            Encoding::Hex => 16u32.pow(self.digits as u32) - 1,
            _ => 10u32.pow(self.digits as u32) - 1,
        }
    }

    /// The most units of a value in this encoding that it can say.
    pub(super) const fn highest_units(self, value: Encoding) -> u32 {
        if !self.counts_wire() {
            return self.highest();
        }
        let bytes = self.highest() - if self.inclusive { self.bytes() as u32 } else { 0 };
        bytes * 2 / value.bytes(2) as u32
    }
}

const fn bounded(number: u32) -> u16 {
    if number > u16::MAX as u32 { u16::MAX } else { number as u16 }
}

/// Which end of a value is filled up: of an odd number of packed digits to a whole byte, of a short text to its
/// fixed length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The front.
    Left,
    /// The end.
    Right,
}

/// The pad of an odd number of packed digits; any other nibble in its place is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad {
    /// Where it stands.
    pub side: Side,
    /// 0 to 15.
    pub nibble: u8,
}

/// What fills a text of fixed length when it is written; what is read is kept as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The end that is filled.
    pub side: Side,
    /// A printable ASCII character.
    pub character: u8,
}

impl Fill {
    /// Text stands on the left.
    pub const SPACES: Fill = Fill { side: Side::Right, character: b' ' };
}

/// What a dialect takes although it is wrong. Nothing, unless its file says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Accept {
    /// Characters that a field's class does not have, and nibbles A to F among packed digits.
    pub characters: bool,
    /// Another nibble than the pad.
    pub pad: bool,
    /// Hexadecimal characters in lower case, in bit maps and binary fields.
    pub lower_case_hex: bool,
    /// Bytes behind the last field.
    pub trailing: bool,
    /// A bit for a field that the dialect does not define: what is behind it is not read.
    pub undefined: bool,
}

/// How one value stands on the wire: the parts that compose, for data elements and for what is inside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Characters allowed.
    pub class: Class,
    /// Fixed, or variable with a maximum.
    pub length: Length,
    /// How the value stands there.
    pub encoding: Encoding,
    /// Fill of an odd number of packed digits.
    pub pad: Pad,
    /// Fill of a short text.
    pub fill: Fill,
    /// What is taken although it is wrong.
    pub accept: Accept,
}

impl Format {
    /// The longest value, in the field's unit.
    pub fn max_length(&self) -> u16 {
        match self.length {
            Length::Fixed(length) => length,
            Length::Variable { max, .. } | Length::Rest { max } => max,
        }
    }

    /// The length before the value, if there is one.
    pub fn prefix(&self) -> Option<Prefix> {
        match self.length {
            Length::Fixed(_) | Length::Rest { .. } => None,
            Length::Variable { prefix, .. } => Some(prefix),
        }
    }

    /// Bytes of the length prefix on the wire; 0 for a fixed field.
    pub fn prefix_bytes(&self) -> usize {
        self.prefix().map_or(0, Prefix::bytes)
    }

    /// The standard's notation: `n 6`, `n..19`, `ans...999`, `x+n 8`, `b 8` (bytes, not bits); `n to 19` where what
    /// holds the value says how long it is.
    pub fn notation(&self) -> String {
        let class = self.class.notation();
        match self.length {
            Length::Fixed(length) if self.class == Class::Xn => format!("{class} {}", length - 1),
            Length::Fixed(length) => format!("{class} {length}"),
            Length::Variable { prefix, max } => {
                format!("{class}{}{max}", ".".repeat(usize::from(prefix.digits)))
            }
            Length::Rest { max } => format!("{class} to {max}"),
        }
    }

    /// Bytes that a value of so many units takes on the wire, its length prefix aside.
    pub fn wire_bytes(&self, units: usize) -> usize {
        match (self.class, self.encoding) {
            // The sign stays a character of its own before the packed digits.
            (Class::Xn, Encoding::Bcd) => 1 + Encoding::Bcd.bytes(units.saturating_sub(1)),
            (_, encoding) => encoding.bytes(units),
        }
    }
}

/// What of a field may be shown to people who have no need to see card data; the stricter, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mask {
    /// Everything.
    #[default]
    Open,
    /// The first six and last four digits.
    Pan,
    /// Nothing.
    Secret,
}

/// One data element of a dialect, as written in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Data element number, 2 to 192.
    pub de: u8,
    /// Name in plain English.
    pub name: String,
    /// How the value stands on the wire.
    pub format: Format,
    /// What may be shown.
    pub mask: Mask,
    /// What is inside; `None` where the field is one value.
    pub layout: Option<Arc<Layout>>,
}

impl FieldInfo {
    /// The strictest mask of the field and of everything inside it.
    pub fn strictest_mask(&self) -> Mask {
        self.layout.as_ref().map_or(self.mask, |layout| self.mask.max(layout.strictest_mask()))
    }
}
