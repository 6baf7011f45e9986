//! The walk that can say what is wrong: field by field, byte by byte, in plain code. It is the definition of
//! what a message must look like; the fast walk of `parse` accepts exactly the same messages.

use super::dialect::Dialect;
use super::error::{Found, ParseError, Reason};
use super::field::{Class, Encoding, Format, Length, Prefix, Side};
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
        into.end = at as u16;
        let mut report =
            |de, (offset, reason)| report(ParseError { de, offset: offset as u32, reason, readable: true });
        for de in present {
            last = de;
            let Some(field) = self.field(de) else {
                let reason = if de == 65 { Reason::ThirdBitmap } else { Reason::Undefined };
                if !self.accept.undefined {
                    report(de, (at, reason));
                }
                return;
            };
            let span = match measure(&field.format, frame, at) {
                Ok(span) => span,
                Err(wrong) => return report(de, wrong),
            };
            // Frames of more than 65,535 bytes were refused above.
            into.starts[usize::from(de) - 1] = span.start as u16;
            into.end = span.end as u16;
            into.placed.insert(de);
            match check_content(&field.format, frame, span) {
                Ok(()) => into.bitmap.insert(de),
                Err(wrong) => report(de, wrong),
            }
            at = span.end;
        }
        if at < frame.len() && !self.accept.trailing {
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
        const MORE: u64 = 1 << 63;
        let mut maps = [0; 3];
        let bitmap = |at| self.examine_bitmap(frame, at).map_err(|wrong| (1, wrong));
        let (primary, mut at) = bitmap(at)?;
        maps[0] = primary & !MORE;
        into.more = (primary >> 63) as u8;
        if into.more != 0 || self.fixed_bitmaps {
            (maps[1], at) = bitmap(at)?;
        }
        if self.third_bitmap && maps[1] & MORE != 0 {
            maps[1] &= !MORE;
            (maps[2], at) = bitmap(at)?;
            into.more |= 2;
        }
        Ok((Bitmap::from_wire(maps), at))
    }

    fn examine_mti(&self, frame: &[u8]) -> Result<(Mti, usize), Wrong> {
        let bytes = self.mti_encoding.bytes(4);
        let found = frame.get(..bytes).ok_or_else(|| truncated(frame, 0, bytes))?;
        let mut bcd = 0;
        for (at, byte) in found.iter().enumerate() {
            let character = self.mti_encoding.character(*byte);
            let digits = match self.mti_encoding {
                Encoding::Bcd => [byte >> 4, byte & 15],
                _ if character.is_ascii_digit() => [0, character & 15],
                encoding => return Err((at, Reason::Mti(Found::byte(encoding, *byte)))),
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
                Encoding::Binary => bits << 8 | u64::from(*byte),
                encoding => bits << 4 | hex_nibble(encoding, *byte, self.accept.lower_case_hex, at + i)?,
            };
        }
        Ok((bits, at + bytes))
    }
}

/// The value of a hexadecimal character.
fn hex_nibble(encoding: Encoding, byte: u8, lower_case: bool, at: usize) -> Result<u64, Wrong> {
    let character = encoding.character(byte);
    match char::from(character).to_digit(16) {
        Some(_) if character.is_ascii_lowercase() && !lower_case => Err((at, Reason::LowerCase)),
        Some(nibble) => Ok(u64::from(nibble)),
        None => Err((at, Reason::Hex(Found::byte(encoding, byte)))),
    }
}

fn truncated(frame: &[u8], at: usize, expected: usize) -> Wrong {
    let found = frame.len().saturating_sub(at) as u32;
    (at, Reason::Truncated { expected: expected as u32, found })
}

/// Where a field ends and how long it is, from its length prefix or its fixed length.
pub(super) fn measure(format: &Format, frame: &[u8], start: usize) -> Result<Span, Wrong> {
    let (units, bytes, data) = match format.length {
        Length::Fixed(units) => {
            let units = usize::from(units);
            (units, format.wire_bytes(units), start)
        }
        Length::Variable { prefix, max } => {
            let data = start + prefix.bytes();
            let found = frame.get(start..data).ok_or_else(|| truncated(frame, start, prefix.bytes()))?;
            let said = read_length(prefix, found, start)?;
            let least = if prefix.inclusive { prefix.bytes() } else { 0 };
            let short = Reason::TooShort { min: least as u16, found: said as u16 };
            let counted = said.checked_sub(least).ok_or((start, short))?;
            let (units, bytes) = if prefix.counts_wire() {
                (units_of(format, frame, data, counted, start)?, counted)
            } else {
                (counted, format.wire_bytes(counted))
            };
            if units > usize::from(max) {
                return Err((start, Reason::TooLong { max, found: units.min(usize::from(u16::MAX)) as u16 }));
            }
            (units, bytes, data)
        }
        Length::Rest { max } => {
            let bytes = frame.len().saturating_sub(start);
            let units = units_of(format, frame, start, bytes, start)?;
            if units > usize::from(max) {
                return Err((start, Reason::TooLong { max, found: units.min(usize::from(u16::MAX)) as u16 }));
            }
            (units, bytes, start)
        }
    };
    let end = data + bytes;
    if end > frame.len() {
        return Err(truncated(frame, data, bytes));
    }
    Ok(Span { start, data, end, units })
}

/// The units in so many bytes on the wire. Of packed digits there may be one less than there is room for: where
/// the pad is no digit, it tells; else a value of the longest odd length is taken to be padded.
fn units_of(format: &Format, frame: &[u8], data: usize, bytes: usize, start: usize) -> Result<usize, Wrong> {
    match format.encoding.bytes(2) {
        1 => {
            let max = usize::from(format.max_length());
            let at = if format.pad.side == Side::Left { data } else { (data + bytes).saturating_sub(1) };
            let edge = if bytes == 0 { None } else { frame.get(at) };
            let nibble = edge.map(|byte| if format.pad.side == Side::Left { byte >> 4 } else { byte & 15 });
            let padded = format.pad.nibble > 9 && nibble == Some(format.pad.nibble)
                || max % 2 == 1 && bytes * 2 == max + 1;
            Ok(bytes * 2 - usize::from(padded))
        }
        4 if bytes % 2 == 1 => Err((start, Reason::OddLength)),
        4 => Ok(bytes / 2),
        _ => Ok(bytes),
    }
}

fn read_length(prefix: Prefix, bytes: &[u8], start: usize) -> Result<usize, Wrong> {
    let mut length = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let at = start + i;
        let character = prefix.encoding.character(*byte);
        // At most six decimal or hexadecimal digits or three bytes: never over 24 bits.
        length = match prefix.encoding {
            Encoding::Binary => length << 8 | usize::from(*byte),
            Encoding::Bcd if byte >> 4 > 9 || byte & 15 > 9 => {
                return Err((at, Reason::LengthDigit(Found::Nibble)));
            }
            Encoding::Bcd => length * 100 + usize::from(byte >> 4) * 10 + usize::from(byte & 15),
            Encoding::Hex => length << 4 | hex_nibble(prefix.encoding, *byte, true, at)? as usize,
            _ if character.is_ascii_digit() => length * 10 + usize::from(character & 15),
            encoding => return Err((at, Reason::LengthDigit(Found::byte(encoding, *byte)))),
        };
    }
    Ok(length)
}

/// Holds every byte of a value against the field's class, encoding and pad.
pub(super) fn check_content(format: &Format, frame: &[u8], span: Span) -> Result<(), Wrong> {
    let at = span.data;
    let data = frame.get(at..span.end).ok_or_else(|| truncated(frame, at, 1))?;
    match (format.class, format.encoding) {
        (Class::B, Encoding::Hex | Encoding::EbcdicHex) => {
            for (i, byte) in data.iter().enumerate() {
                hex_nibble(format.encoding, *byte, format.accept.lower_case_hex, at + i)?;
            }
            Ok(())
        }
        (Class::B, _) => Ok(()),
        (Class::Xn, encoding) => {
            let Some((sign, digits)) = data.split_first() else { return Ok(()) };
            if !matches!(encoding.character(*sign), b'C' | b'D') {
                return Err((at, Reason::Sign(Found::byte(encoding, *sign))));
            }
            match encoding {
                Encoding::Bcd => check_packed(format, digits, at + 1, span.units.saturating_sub(1)),
                _ => check_characters(format, digits, at + 1),
            }
        }
        (_, Encoding::Bcd) => check_packed(format, data, at, span.units),
        _ => check_characters(format, data, at),
    }
}

fn check_characters(format: &Format, data: &[u8], at: usize) -> Result<(), Wrong> {
    let (class, encoding) = (format.class, format.encoding);
    if format.accept.characters {
        return Ok(());
    }
    match data.iter().position(|c| !class.allows(encoding.character(*c))) {
        Some(i) => {
            let found = Found::byte(encoding, data[i]);
            Err((at + i, Reason::Character { expected: class, found }))
        }
        None => Ok(()),
    }
}

fn check_packed(format: &Format, data: &[u8], at: usize, digits: usize) -> Result<(), Wrong> {
    let accept = format.accept;
    let pad = match (digits % 2, format.pad.side) {
        (0, _) => None,
        (_, Side::Left) => Some(0),
        (_, Side::Right) => Some(digits),
    };
    for nibble_at in 0..data.len() * 2 {
        let byte = data[nibble_at / 2];
        let nibble = if nibble_at % 2 == 0 { byte >> 4 } else { byte & 15 };
        let wrong = if pad == Some(nibble_at) {
            (nibble != format.pad.nibble && !accept.pad).then_some(Reason::Pad(format.pad.nibble))
        } else {
            let allowed = nibble <= 9 || (nibble == 13 && format.class == Class::Z) || accept.characters;
            (!allowed).then_some(Reason::Character { expected: format.class, found: Found::Nibble })
        };
        if let Some(reason) = wrong {
            return Err((at + nibble_at / 2, reason));
        }
    }
    Ok(())
}
