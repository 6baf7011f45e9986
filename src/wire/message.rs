//! The reusable result of a parse: a bit map and spans into the frame; and the view that reads fields through
//! it. Knows no meaning of any field but what its dialect says of class and encoding.

use super::dialect::Dialect;
use super::field::Class;
use super::parse::read_length;
use super::plan::{FieldPlan, PrefixPlan, Run, Step};
use super::strict::measure;
use super::value::{Field, ascii_number, packed_number};
use super::{Bitmap, Mti};
use std::fmt;
use std::ops::Range;

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
/// which starts count). About 450 bytes; holds offsets only, nothing of the message's content but the MTI.
#[derive(Clone)]
pub struct Message {
    pub(super) mti: Mti,
    /// The fields that are right.
    pub(super) bitmap: Bitmap,
    /// What says that another bit map follows: 1 for bit 1, 2 for bit 65.
    pub(super) more: u8,
    /// The fields whose place is known: after a failed parse, also those that are wrong.
    pub(super) placed: Bitmap,
    /// Where the last placed field ends.
    pub(super) end: u16,
    /// Offset of each placed field, by DE less one; its end follows from its plan and its length prefix.
    pub(super) starts: [u16; 192],
}

impl Message {
    /// An empty message, MTI 0000.
    pub const fn new() -> Message {
        Message {
            mti: Mti::ZERO,
            bitmap: Bitmap::EMPTY,
            more: 0,
            placed: Bitmap::EMPTY,
            end: 0,
            starts: [0; 192],
        }
    }

    /// MTI of the message last parsed.
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// The data elements present; after a failed parse, those that were right. The bits that only say that
    /// another bit map follows are not among them.
    pub fn bitmap(&self) -> Bitmap {
        self.bitmap
    }

    #[inline]
    pub(super) fn start(&self, de: u8) -> Option<usize> {
        if self.bitmap.contains(de) {
            self.starts.get(usize::from(de) - 1).map(|start| usize::from(*start))
        } else {
            None
        }
    }
}

impl Dialect {
    /// The plan and the place of the field that starts at `start`; `None` where its length cannot be read.
    #[inline]
    pub(super) fn place(&self, index: usize, frame: &[u8], start: usize) -> Option<(&FieldPlan, Span)> {
        let plan = self.plans.get(index)?;
        if plan.step == Step::Careful {
            let field = self.fields.get(index)?.as_ref()?;
            return Some((plan, measure(&field.format, frame, start).ok()?));
        }
        if plan.prefix == PrefixPlan::None {
            let end = start + usize::from(plan.bytes);
            return Some((plan, Span { start, data: start, end, units: usize::from(plan.units) }));
        }
        let units = read_length(plan.prefix, frame, start)?;
        let data = start + usize::from(plan.prefix_bytes);
        let end = data + (units * usize::from(plan.half_bytes)).div_ceil(2);
        Some((plan, Span { start, data, end, units }))
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

    /// The data elements present.
    pub fn bitmap(self) -> Bitmap {
        self.message.bitmap()
    }

    /// Whether the data element is present.
    pub fn has(self, de: u8) -> bool {
        self.message.bitmap.contains(de)
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

    /// Where a field stands that is wrong although its place is known. After a failed [`Dialect::examine`] only.
    pub fn wrong(self, de: u8) -> Option<Range<usize>> {
        let Message { bitmap, placed, starts, .. } = self.message;
        let start = starts.get(usize::from(de).checked_sub(1)?)?;
        if !placed.contains(de) || bitmap.contains(de) {
            return None;
        }
        let span = measure(&self.dialect.field(de)?.format, self.frame, usize::from(*start)).ok()?;
        Some(span.start..span.end)
    }

    /// What is behind the last field whose place is known; empty where the whole message is read.
    pub fn unread(self) -> Range<usize> {
        usize::from(self.message.end).min(self.frame.len())..self.frame.len()
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
        self.dialect.place(usize::from(de) - 1, self.frame, start)
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

    /// The value with the format that reads it.
    pub fn field(self, de: u8) -> Option<Field<'a>> {
        let span = self.span(de)?;
        let format = &self.dialect.field(de)?.format;
        Some(Field { format, data: self.frame.get(span.data..span.end)?, units: span.units })
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
            Run::Packed if plan.prefix == PrefixPlan::None || span.units % 2 == 0 => packed_number(data),
            Run::Packed => {
                let (last, whole) = data.split_last()?;
                packed_number(whole)?.checked_mul(10)?.checked_add(u64::from(last >> 4))
            }
            // The low half of a digit is its value in EBCDIC too.
            Run::EbcdicDigits => ascii_number(data),
            Run::Alnum | Run::Printable if data.iter().all(u8::is_ascii_digit) => ascii_number(data),
            Run::Alnum | Run::Printable | Run::Track | Run::PackedTrack => None,
            _ => self.field(de)?.number(),
        }
    }

    /// A numeric or track field as ASCII digits without pad, the track separator as `=`, in the front of
    /// `buffer`. `None` too where `buffer` is shorter than [`View::units`].
    #[inline]
    pub fn digits(self, de: u8, buffer: &mut [u8]) -> Option<&[u8]> {
        let field = self.field(de)?;
        if matches!(field.format.class, Class::N | Class::Z) { field.text(buffer) } else { None }
    }

    /// [`Field::text`] of a data element.
    #[inline]
    pub fn text(self, de: u8, buffer: &mut [u8]) -> Option<&[u8]> {
        self.field(de)?.text(buffer)
    }

    /// [`Field::bytes`] of a data element.
    pub fn bytes(self, de: u8, buffer: &mut [u8]) -> Option<&[u8]> {
        self.field(de)?.bytes(buffer)
    }
}

/// Shows which fields there are, nothing of what is in them.
impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.message, f)
    }
}
