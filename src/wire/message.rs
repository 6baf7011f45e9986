//! The reusable result of a parse: a bit map and spans into the frame; and the view that reads fields through
//! it. Knows no meaning of any field but what its dialect says of class and encoding.

use super::dialect::Dialect;
use super::field::{Class, Encoding, FieldInfo, FieldPlan, Prefix, Run, Side};
use super::parse::read_length;
use super::tlv::Tlvs;
use super::{Bitmap, Mti, scan};
use std::fmt;

/// Where a field stands in its frame.
#[derive(Clone, Copy)]
pub(super) struct Span {
    /// First byte, of the length prefix if there is one.
    pub start: usize,
    /// First byte of the value.
    pub data: usize,
    /// One past the last byte.
    pub end: usize,
    /// Digits, characters or bytes of the value.
    pub units: usize,
}

/// What [`Dialect::parse`] found: reused from message to message without being cleared (the bit map says
/// which starts count). About 280 bytes; holds offsets only, nothing of the message's content but the MTI.
#[derive(Clone)]
pub struct Message {
    pub(super) mti: Mti,
    /// The fields that are right, and bit 1 as on the wire.
    pub(super) bitmap: Bitmap,
    /// The fields whose place is known: after a failed parse, also those that are wrong.
    pub(super) placed: Bitmap,
    /// Where the last placed field ends.
    pub(super) end: u16,
    /// Offset of each placed field, by DE less one; its end follows from its plan and its length prefix.
    pub(super) starts: [u16; 128],
}

impl Message {
    /// An empty message, MTI 0000.
    pub const fn new() -> Message {
        Message { mti: Mti::ZERO, bitmap: Bitmap::EMPTY, placed: Bitmap::EMPTY, end: 0, starts: [0; 128] }
    }

    /// MTI of the message last parsed.
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// The data elements present, 2 to 128; after a failed parse, those that were right.
    pub fn bitmap(&self) -> Bitmap {
        Bitmap(self.bitmap.0 & !1)
    }

    #[inline]
    pub(super) fn start(&self, de: u8) -> Option<usize> {
        let present = self.bitmap.contains(de) && de > 1;
        if present { self.starts.get(usize::from(de) - 1).map(|start| usize::from(*start)) } else { None }
    }
}

impl Default for Message {
    fn default() -> Message {
        Message::new()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("mti", &self.mti).field("bitmap", &self.bitmap()).finish()
    }
}

/// Reads the fields of a parsed message. All accessors answer `None` for an absent field and for one of a
/// kind they do not read.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) frame: &'a [u8],
    pub(super) message: &'a Message,
}

impl<'a> View<'a> {
    /// The message type.
    pub fn mti(self) -> Mti {
        self.message.mti
    }

    /// The data elements present, 2 to 128.
    pub fn bitmap(self) -> Bitmap {
        self.message.bitmap()
    }

    /// Whether the data element is present.
    pub fn has(self, de: u8) -> bool {
        de > 1 && self.message.bitmap.contains(de)
    }

    /// The dialect that the message was read in.
    pub fn dialect(self) -> &'a Dialect {
        self.dialect
    }

    /// The whole message as on the wire, without framing.
    pub fn frame(self) -> &'a [u8] {
        self.frame
    }

    /// Offset of the field (of its length prefix, if it has one) from the start of the message.
    pub fn offset(self, de: u8) -> Option<usize> {
        self.message.start(de)
    }

    /// The field as on the wire, its length prefix included.
    #[inline]
    pub fn raw(self, de: u8) -> Option<&'a [u8]> {
        let span = self.span(de)?;
        self.frame.get(span.start..span.end)
    }

    /// The value as on the wire, without its length prefix.
    #[inline]
    pub fn data(self, de: u8) -> Option<&'a [u8]> {
        let span = self.span(de)?;
        self.frame.get(span.data..span.end)
    }

    /// The field's plan and place; `None` too where the view's frame is not the one that was parsed.
    #[inline]
    fn place(self, de: u8) -> Option<(&'a FieldPlan, Span)> {
        let start = self.message.start(de)?;
        let plan = self.dialect.plans.get(usize::from(de) - 1)?;
        if plan.prefix == Prefix::None {
            let end = start + usize::from(plan.bytes);
            return Some((plan, Span { start, data: start, end, units: usize::from(plan.units) }));
        }
        let units = read_length(plan.prefix, self.frame, start)?;
        let data = start + usize::from(plan.prefix_bytes);
        let end = data + (units * usize::from(plan.half_bytes)).div_ceil(2);
        Some((plan, Span { start, data, end, units }))
    }

    #[inline]
    fn span(self, de: u8) -> Option<Span> {
        self.place(de).map(|(_, span)| span)
    }

    /// Digits, characters or bytes of the value; 0 for an absent field.
    #[inline]
    pub fn units(self, de: u8) -> usize {
        self.span(de).map_or(0, |span| span.units)
    }

    /// The value as a number: 1 to 19 digits, in a numeric field or a text field of digits alone.
    #[inline]
    pub fn number(self, de: u8) -> Option<u64> {
        let (plan, span) = self.place(de)?;
        let data = self.frame.get(span.data..span.end)?;
        if !matches!(span.units, 1..=19) {
            return None;
        }
        match plan.run {
            Run::Digits => ascii_number(data),
            // An odd number is padded on the left where it is fixed, on the right where it is variable: any
            // other way of padding has no run of its own.
            Run::Packed if plan.prefix == Prefix::None || span.units % 2 == 0 => packed_number(data),
            Run::Packed => {
                let (last, whole) = data.split_last()?;
                packed_number(whole)?.checked_mul(10)?.checked_add(u64::from(last >> 4))
            }
            Run::Alnum | Run::Printable if data.iter().all(u8::is_ascii_digit) => ascii_number(data),
            Run::Raw => self.rare_number(de),
            _ => None,
        }
    }

    fn rare_number(self, de: u8) -> Option<u64> {
        let mut buffer = [0; 19];
        let text = self.text(de, &mut buffer)?;
        if text.iter().all(u8::is_ascii_digit) { ascii_number(text) } else { None }
    }

    /// A numeric or track field as ASCII digits without pad, the track separator as `=`, in the front of
    /// `buffer`. `None` too where `buffer` is shorter than [`View::units`].
    #[inline]
    pub fn digits(self, de: u8, buffer: &mut [u8]) -> Option<&[u8]> {
        let field = self.dialect.field(de)?;
        if matches!(field.class, Class::N | Class::Z) { self.text(de, buffer) } else { None }
    }

    /// Any field but a binary one as ASCII characters, in the front of `buffer`; trailing fill is kept.
    /// `None` too where `buffer` is shorter than [`View::units`].
    #[inline]
    pub fn text(self, de: u8, buffer: &mut [u8]) -> Option<&[u8]> {
        let field = self.dialect.field(de)?;
        let data = self.data(de)?;
        let units = self.units(de);
        let out = buffer.get_mut(..units)?;
        match (field.class, field.encoding) {
            (Class::B, _) => return None,
            (Class::Xn, Encoding::Bcd) => {
                let (sign, packed) = data.split_first()?;
                let (first, rest) = out.split_first_mut()?;
                *first = *sign;
                unpack(field, packed, rest)?;
            }
            (_, Encoding::Bcd) => unpack(field, data, out)?,
            (Class::Z, _) => {
                for (to, from) in out.iter_mut().zip(data) {
                    *to = if *from == b'D' { b'=' } else { *from };
                }
            }
            _ => out.copy_from_slice(data.get(..units)?),
        }
        Some(out)
    }

    /// A binary field's bytes in the front of `buffer`, decoded where the dialect carries hexadecimal
    /// characters. `None` too where `buffer` is shorter than [`View::units`].
    pub fn bytes(self, de: u8, buffer: &mut [u8]) -> Option<&[u8]> {
        let field = self.dialect.field(de)?;
        let data = self.data(de)?;
        let out = buffer.get_mut(..self.units(de))?;
        match (field.class, field.encoding) {
            (Class::B, Encoding::Binary) => out.copy_from_slice(data.get(..out.len())?),
            (Class::B, Encoding::Hex) => {
                let (pairs, _) = data.as_chunks::<2>();
                for (to, [high, low]) in out.iter_mut().zip(pairs) {
                    *to = hex_digit(*high) << 4 | hex_digit(*low);
                }
            }
            _ => return None,
        }
        Some(out)
    }

    /// The EMV data of DE 55, element by element, where the dialect carries it as bytes.
    pub fn emv(self) -> Option<Tlvs<'a>> {
        let field = self.dialect.field(55)?;
        match (field.class, field.encoding) {
            (Class::B, Encoding::Binary) => Some(Tlvs::new(self.data(55)?)),
            _ => None,
        }
    }
}

/// Shows which fields there are, nothing of what is in them.
impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.message, f)
    }
}

fn ascii_number(data: &[u8]) -> Option<u64> {
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
fn packed_number(data: &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for pair in data {
        let pair = u64::from(*pair);
        number = number.checked_mul(100)?.checked_add(pair - (pair >> 4) * 6)?;
    }
    Some(number)
}

/// Spreads packed digits over `out`, one ASCII character a digit; nibble D is `=`.
fn unpack(field: &FieldInfo, data: &[u8], out: &mut [u8]) -> Option<()> {
    let left = out.len() % 2 == 1 && field.pad.side == Side::Left;
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
    if nibble == 13 { b'=' } else { b'0' + nibble }
}

fn hex_digit(character: u8) -> u8 {
    (character & 15) + (character >> 6) * 9
}
