//! What a data element is: class, length, encoding, padding, each independent of the others, and the
//! small flat form of it that the parser walks. Knows no bytes of any message.

use std::fmt;

/// The characters a field may hold, in the standard's notation.
///
/// Space counts as fill in `a` and `an` (fixed fields are space-filled on the right); `s` is every printable
/// ASCII character that is neither letter nor digit, the space included. Control characters and bytes over
/// 7F are refused everywhere but in `b`.
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
    /// Packed decimal, two digits a byte; the separator of track data is the nibble D.
    Bcd,
    /// Bytes as they are; a length as a big-endian number.
    Binary,
    /// Bytes as two hexadecimal characters each, written in upper case, read in either.
    Hex,
}

impl Encoding {
    /// Every encoding with its name in dialect files.
    pub const ALL: [(Encoding, &'static str); 4] = [
        (Encoding::Ascii, "ascii"),
        (Encoding::Bcd, "bcd"),
        (Encoding::Binary, "binary"),
        (Encoding::Hex, "hex"),
    ];

    /// The name in dialect files.
    pub fn name(self) -> &'static str {
        Encoding::ALL.iter().find(|(encoding, _)| *encoding == self).map_or("", |(_, name)| name)
    }

    /// Bytes that `units` digits, characters or bytes take on the wire.
    pub const fn bytes(self, units: usize) -> usize {
        match self {
            Encoding::Ascii | Encoding::Binary => units,
            Encoding::Bcd => units.div_ceil(2),
            Encoding::Hex => units * 2,
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
        /// Decimal digits of the length: 2 for LLVAR, 3 for LLLVAR, 4 for LLLLVAR.
        digits: u8,
        /// The longest allowed.
        max: u16,
    },
}

/// Which end of an odd number of packed digits is filled up to a whole byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first nibble is the pad.
    Left,
    /// The last nibble is the pad.
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

/// What of a field may be shown to people who have no need to see card data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mask {
    /// Everything.
    #[default]
    Open,
    /// The first six and last four digits.
    Pan,
    /// Nothing.
    Secret,
}

/// What is inside a field, beyond its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Content {
    /// Nothing more is known.
    #[default]
    Plain,
    /// EMV data in BER-TLV.
    BerTlv,
}

/// A fixed piece of a field: so many characters, and their name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Length in the field's unit.
    pub units: u16,
    /// What it holds.
    pub name: String,
}

/// One data element of a dialect, as written in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Data element number, 2 to 128.
    pub de: u8,
    /// Name in plain English.
    pub name: String,
    /// Characters allowed.
    pub class: Class,
    /// Fixed, or variable with a maximum.
    pub length: Length,
    /// How the value stands on the wire.
    pub encoding: Encoding,
    /// How the length of a variable field stands on the wire.
    pub length_encoding: Encoding,
    /// Fill of an odd number of packed digits.
    pub pad: Pad,
    /// What may be shown.
    pub mask: Mask,
    /// What is inside.
    pub content: Content,
    /// Pieces by position; empty where the field is one value.
    pub parts: Vec<Part>,
}

impl FieldInfo {
    /// The longest value, in the field's unit.
    pub fn max_length(&self) -> u16 {
        match self.length {
            Length::Fixed(length) => length,
            Length::Variable { max, .. } => max,
        }
    }

    /// Whether the field is preceded by its length.
    pub fn is_variable(&self) -> bool {
        matches!(self.length, Length::Variable { .. })
    }

    /// The standard's notation: `n 6`, `n..19`, `ans...999`, `x+n 8`, `b 8` (bytes, not bits).
    pub fn format(&self) -> String {
        let class = self.class.notation();
        match self.length {
            Length::Fixed(length) if self.class == Class::Xn => format!("{class} {}", length - 1),
            Length::Fixed(length) => format!("{class} {length}"),
            Length::Variable { digits, max } => format!("{class}{}{max}", ".".repeat(usize::from(digits))),
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

    /// Bytes of the length prefix on the wire; 0 for a fixed field.
    pub fn prefix_bytes(&self) -> usize {
        match self.length {
            Length::Fixed(_) => 0,
            Length::Variable { digits, .. } => match self.length_encoding {
                Encoding::Ascii | Encoding::Hex => usize::from(digits),
                Encoding::Bcd => usize::from(digits).div_ceil(2),
                // One byte for LL, two (counting to 65535) for LLL and LLLL.
                Encoding::Binary => usize::from(digits.clamp(2, 3)) - 1,
            },
        }
    }
}

/// Which check a stretch of bytes gets on the fast path. Fields of the same run that follow each other are
/// checked as one stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Not defined by the dialect.
    Absent,
    /// Any bytes.
    Raw,
    /// ASCII digits.
    Digits,
    /// Packed decimal.
    Packed,
    /// ASCII digits and track separators.
    Track,
    /// Packed decimal and the nibble D.
    PackedTrack,
    /// Letters, digits, space.
    Alnum,
    /// 20 to 7E.
    Printable,
    /// Hexadecimal characters.
    Hex,
}

/// How the fast walk goes over a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Fixed length.
    Fixed,
    /// Fixed length, an odd number of packed digits whose first nibble must be 0.
    FixedPadded,
    /// Variable length.
    Variable,
    /// Variable length, packed, the last nibble of an odd number of digits must be 0.
    VariablePadded,
    /// By the strict check of the field itself.
    Careful,
    /// Not defined by the dialect.
    Absent,
}

/// How a length prefix is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    None,
    Ascii2,
    Ascii3,
    Ascii4,
    Bcd1,
    Bcd2,
    Binary1,
    Binary2,
}

/// The flat form of a field: all the fast walk needs, in a few bytes.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(super) struct FieldPlan {
    /// The stretch that may simply go on over this field: its own run for a field of fixed length without
    /// anything special, else `Absent`, which is no stretch.
    pub glide: Run,
    pub run: Run,
    pub step: Step,
    pub prefix: Prefix,
    pub prefix_bytes: u8,
    /// Bytes between the field's start and the start of a new stretch: 0 where the prefix's own characters
    /// pass the run's check, so that one stretch may go over prefix and value.
    pub skip: u8,
    /// Bytes a unit takes, doubled: 1 packed, 2 plain, 4 hex.
    pub half_bytes: u8,
    /// Units of a fixed field, most units of a variable one.
    pub units: u16,
    /// Bytes of a fixed field.
    pub bytes: u16,
}

impl FieldPlan {
    pub const ABSENT: FieldPlan = FieldPlan {
        glide: Run::Absent,
        run: Run::Absent,
        step: Step::Absent,
        prefix: Prefix::None,
        prefix_bytes: 0,
        skip: 0,
        half_bytes: 0,
        units: 0,
        bytes: 0,
    };

    /// Flattens a checked field.
    pub fn new(field: &FieldInfo) -> FieldPlan {
        let run = Run::new(field.class, field.encoding);
        let (units, prefix) = match field.length {
            Length::Fixed(units) => (units, Prefix::None),
            Length::Variable { digits, max } => (max, Prefix::new(field.length_encoding, digits)),
        };
        let prefix_bytes = field.prefix_bytes() as u8;
        let packed = matches!(run, Run::Packed | Run::PackedTrack);
        let odd = units % 2 == 1;
        let step = match (field.length, field.pad) {
            _ if run == Run::Raw && field.class != Class::B => Step::Careful,
            (Length::Fixed(_), _) if !packed || !odd => Step::Fixed,
            (Length::Fixed(_), Pad { side: Side::Left, nibble: 0 }) => Step::FixedPadded,
            (Length::Variable { .. }, _) if !packed => Step::Variable,
            (Length::Variable { .. }, Pad { side: Side::Right, nibble: 0 }) => Step::VariablePadded,
            _ => Step::Careful,
        };
        FieldPlan {
            glide: if step == Step::Fixed { run } else { Run::Absent },
            run: if step == Step::Careful { Run::Raw } else { run },
            step,
            prefix,
            prefix_bytes,
            skip: if prefix.passes(run) { 0 } else { prefix_bytes },
            half_bytes: field.encoding.bytes(2) as u8,
            units,
            bytes: field.wire_bytes(usize::from(units)) as u16,
        }
    }
}

impl Run {
    fn new(class: Class, encoding: Encoding) -> Run {
        match (class, encoding) {
            (Class::N, Encoding::Ascii) => Run::Digits,
            (Class::N, Encoding::Bcd) => Run::Packed,
            (Class::Z, Encoding::Ascii) => Run::Track,
            (Class::Z, Encoding::Bcd) => Run::PackedTrack,
            (Class::An, Encoding::Ascii) => Run::Alnum,
            (Class::Ans, Encoding::Ascii) => Run::Printable,
            (Class::B, Encoding::Hex) => Run::Hex,
            // Any bytes, or a class too rare to have a run: those are checked one by one.
            _ => Run::Raw,
        }
    }
}

impl Prefix {
    fn new(encoding: Encoding, digits: u8) -> Prefix {
        match (encoding, digits) {
            (Encoding::Ascii, 2) => Prefix::Ascii2,
            (Encoding::Ascii, 3) => Prefix::Ascii3,
            (Encoding::Ascii, _) => Prefix::Ascii4,
            (Encoding::Binary, 2) => Prefix::Binary1,
            (Encoding::Binary, _) => Prefix::Binary2,
            (_, 2) => Prefix::Bcd1,
            (_, _) => Prefix::Bcd2,
        }
    }

    /// Whether a decimal length in this form passes the run's check (it is also checked on its own).
    fn passes(self, run: Run) -> bool {
        match self {
            Prefix::None => true,
            Prefix::Ascii2 | Prefix::Ascii3 | Prefix::Ascii4 => {
                matches!(run, Run::Digits | Run::Track | Run::Alnum | Run::Printable | Run::Hex)
            }
            Prefix::Bcd1 | Prefix::Bcd2 => matches!(run, Run::Packed | Run::PackedTrack),
            Prefix::Binary1 | Prefix::Binary2 => false,
        }
    }
}
