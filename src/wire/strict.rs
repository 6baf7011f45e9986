//! The walk that can say what is wrong: field by field, byte by byte, in plain code. It is the definition of
//! what a message must look like; the fast walk of `parse` accepts exactly the same messages.

use super::dialect::Dialect;
use super::error::{Found, ParseError, Reason};
use super::field::{Class, Encoding, FieldInfo, Length, Side};
use super::message::{Message, Span};
use super::{Bitmap, Mti};

/// A reason and the offset it holds for.
type Wrong = (usize, Reason);

impl Dialect {
    /// Reads a message and reports everything wrong with it, in order.
    ///
    /// `into` has the fields that are right: a field with wrong characters is reported and left out, and the
    /// walk goes on; where the next field's place is no longer known (a bad length, a missing byte, a field
    /// the dialect does not define) the walk ends. Reports nothing exactly when [`Dialect::parse`] succeeds.
    pub fn examine(&self, frame: &[u8], into: &mut Message, report: &mut dyn FnMut(ParseError)) {
        into.bitmap = Bitmap::EMPTY;
        into.placed = Bitmap::EMPTY;
        let (present, at) = match self.examine_header(frame, into) {
            Ok(header) => header,
            Err((de, (offset, reason))) => {
                report(ParseError { de, offset: offset as u32, reason, readable: false });
                return;
            }
        };
        let mut at = at;
        let mut last = 1;
        into.bitmap = present & Bitmap::of(&[1]);
        let mut report =
            |de, (offset, reason)| report(ParseError { de, offset: offset as u32, reason, readable: true });
        for de in present - Bitmap::of(&[1]) {
            last = de;
            let Some(field) = self.field(de) else {
                let reason = if de == 65 { Reason::ThirdBitmap } else { Reason::Undefined };
                return report(de, (at, reason));
            };
            let span = match measure(field, frame, at) {
                Ok(span) => span,
                Err(wrong) => return report(de, wrong),
            };
            // Frames of more than 65,535 bytes were refused above.
            into.starts[usize::from(de) - 1] = span.start as u16;
            into.end = span.end as u16;
            into.placed.insert(de);
            match check_content(field, frame, span) {
                Ok(()) => into.bitmap.insert(de),
                Err(wrong) => report(de, wrong),
            }
            at = span.end;
        }
        if at < frame.len() {
            report(last, (at, Reason::Trailing((frame.len() - at) as u32)));
        }
    }

    /// MTI and bit maps: the fields announced and where the first one starts.
    fn examine_header(&self, frame: &[u8], into: &mut Message) -> Result<(Bitmap, usize), (u8, Wrong)> {
        if frame.len() > usize::from(u16::MAX) {
            return Err((0, (0, Reason::Oversized(u32::try_from(frame.len()).unwrap_or(u32::MAX)))));
        }
        let (mti, at) = self.examine_mti(frame).map_err(|wrong| (0, wrong))?;
        into.mti = mti;
        if mti.version() != self.version {
            let reason = Reason::Version { expected: self.version, found: mti.version() };
            return Err((0, (0, reason)));
        }
        let (primary, at) = self.examine_bitmap(frame, at).map_err(|wrong| (1, wrong))?;
        if primary >> 63 == 0 {
            return Ok((Bitmap::from_wire(primary, 0), at));
        }
        let (secondary, at) = self.examine_bitmap(frame, at).map_err(|wrong| (1, wrong))?;
        Ok((Bitmap::from_wire(primary, secondary), at))
    }

    fn examine_mti(&self, frame: &[u8]) -> Result<(Mti, usize), Wrong> {
        let bytes = self.mti_encoding.bytes(4);
        let found = frame.get(..bytes).ok_or_else(|| truncated(frame, 0, bytes))?;
        let mut bcd = 0;
        for (at, byte) in found.iter().enumerate() {
            let digits = match self.mti_encoding {
                Encoding::Bcd => [byte >> 4, byte & 15],
                _ if byte.is_ascii_digit() => [0, byte & 15],
                _ => return Err((at, Reason::Mti(Found::byte(*byte)))),
            };
            if digits.iter().any(|digit| *digit > 9) {
                return Err((at, Reason::Mti(Found::Nibble)));
            }
            let width = if self.mti_encoding == Encoding::Bcd { 8 } else { 4 };
            bcd = bcd << width | u16::from(digits[0]) << 4 | u16::from(digits[1]);
        }
        let mti = Mti::new(bcd).ok_or((0, Reason::Mti(Found::Nibble)))?;
        Ok((mti, bytes))
    }

    fn examine_bitmap(&self, frame: &[u8], at: usize) -> Result<(u64, usize), Wrong> {
        let bytes = self.bitmap_encoding.bytes(8);
        let found = frame.get(at..at + bytes).ok_or_else(|| truncated(frame, at, bytes))?;
        let mut bits = 0u64;
        for (i, byte) in found.iter().enumerate() {
            bits = match self.bitmap_encoding {
                Encoding::Hex => match char::from(*byte).to_digit(16) {
                    Some(nibble) => bits << 4 | u64::from(nibble),
                    None => return Err((at + i, Reason::Hex(Found::byte(*byte)))),
                },
                _ => bits << 8 | u64::from(*byte),
            };
        }
        Ok((bits, at + bytes))
    }
}

fn truncated(frame: &[u8], at: usize, expected: usize) -> Wrong {
    let found = frame.len().saturating_sub(at) as u32;
    (at, Reason::Truncated { expected: expected as u32, found })
}

/// Where a field ends and how long it is, from its length prefix or its fixed length.
pub(super) fn measure(field: &FieldInfo, frame: &[u8], start: usize) -> Result<Span, Wrong> {
    let prefix = field.prefix_bytes();
    let units = match field.length {
        Length::Fixed(units) => units,
        Length::Variable { max, .. } => {
            let bytes = frame.get(start..start + prefix).ok_or_else(|| truncated(frame, start, prefix))?;
            let found = read_length(field.length_encoding, bytes, start)?;
            if found > max {
                return Err((start, Reason::TooLong { max, found }));
            }
            found
        }
    };
    let data = start + prefix;
    let bytes = field.wire_bytes(usize::from(units));
    let end = data + bytes;
    if end > frame.len() {
        return Err(truncated(frame, data, bytes));
    }
    Ok(Span { start, data, end, units: usize::from(units) })
}

fn read_length(encoding: Encoding, bytes: &[u8], start: usize) -> Result<u16, Wrong> {
    let mut length = 0u16;
    for (i, byte) in bytes.iter().enumerate() {
        let wrong = |found| (start + i, Reason::LengthDigit(found));
        // At most four decimal digits or two bytes: never over 65,535.
        length = match encoding {
            Encoding::Binary => length << 8 | u16::from(*byte),
            Encoding::Bcd if byte >> 4 > 9 || byte & 15 > 9 => return Err(wrong(Found::Nibble)),
            Encoding::Bcd => length * 100 + u16::from(byte >> 4) * 10 + u16::from(byte & 15),
            _ if byte.is_ascii_digit() => length * 10 + u16::from(byte & 15),
            _ => return Err(wrong(Found::byte(*byte))),
        };
    }
    Ok(length)
}

/// Holds every byte of a value against the field's class, encoding and pad.
pub(super) fn check_content(field: &FieldInfo, frame: &[u8], span: Span) -> Result<(), Wrong> {
    let at = span.data;
    let data = frame.get(at..span.end).ok_or_else(|| truncated(frame, at, 1))?;
    match (field.class, field.encoding) {
        (Class::Xn, encoding) => {
            let Some((sign, digits)) = data.split_first() else { return Ok(()) };
            if !matches!(sign, b'C' | b'D') {
                return Err((at, Reason::Sign(Found::byte(*sign))));
            }
            match encoding {
                Encoding::Bcd => check_packed(field, digits, at + 1, span.units.saturating_sub(1)),
                _ => check_characters(Class::Xn, digits, at + 1),
            }
        }
        (_, Encoding::Bcd) => check_packed(field, data, at, span.units),
        (Class::B, Encoding::Hex) => match data.iter().position(|c| !c.is_ascii_hexdigit()) {
            Some(i) => Err((at + i, Reason::Hex(Found::byte(data[i])))),
            None => Ok(()),
        },
        (Class::B, _) => Ok(()),
        (class, _) => check_characters(class, data, at),
    }
}

fn check_characters(class: Class, data: &[u8], at: usize) -> Result<(), Wrong> {
    match data.iter().position(|c| !class.allows(*c)) {
        Some(i) => Err((at + i, Reason::Character { expected: class, found: Found::byte(data[i]) })),
        None => Ok(()),
    }
}

fn check_packed(field: &FieldInfo, data: &[u8], at: usize, digits: usize) -> Result<(), Wrong> {
    let pad = match (digits % 2, field.pad.side) {
        (0, _) => None,
        (_, Side::Left) => Some(0),
        (_, Side::Right) => Some(digits),
    };
    for nibble_at in 0..data.len() * 2 {
        let byte = data[nibble_at / 2];
        let nibble = if nibble_at % 2 == 0 { byte >> 4 } else { byte & 15 };
        let wrong = if pad == Some(nibble_at) {
            (nibble != field.pad.nibble).then_some(Reason::Pad(field.pad.nibble))
        } else {
            let allowed = nibble <= 9 || (nibble == 13 && field.class == Class::Z);
            (!allowed).then_some(Reason::Character { expected: field.class, found: Found::Nibble })
        };
        if let Some(reason) = wrong {
            return Err((at + nibble_at / 2, reason));
        }
    }
    Ok(())
}
