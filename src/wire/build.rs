//! Writing a message: the request's fields copied as the bytes they are, own fields encoded.
//! Knows no meaning.

use super::dialect::Dialect;
use super::error::{BuildError, BuildReason, Found};
use super::field::{Class, Encoding, FieldInfo, Length, Side};
use super::message::{Message, View};
use super::{Bitmap, Mti, scan};

/// A value to be written into a field.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// ASCII digits or characters. In fixed fields a shorter number is zero-filled on the left, shorter text
    /// space-filled on the right; of a signed amount the digits behind the sign are zero-filled.
    Text(&'a [u8]),
    /// A number, as its decimal digits; zero-filled on the left in a fixed field.
    Number(u64),
    /// The bytes of a binary field; exactly as many as a fixed field has.
    Bytes(&'a [u8]),
}

/// Shows the kind of value, never the value.
impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Text(text) => write!(f, "Text({} characters)", text.len()),
            Value::Number(_) => f.write_str("Number"),
            Value::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}

impl Dialect {
    /// Appends a message (no framing) to `out`: `echo`'s fields as far as the request has them, as the bytes
    /// they are, and `own`'s, sorted ascending by data element; an own field wins over an echoed one.
    ///
    /// With DE 1 in `echo`, a secondary bit map that the request carried empty is carried on.
    ///
    /// # Errors
    /// A value that does not fit its field, or a wrong call; `out` is then as it was.
    #[inline]
    pub fn build(
        &self,
        out: &mut Vec<u8>,
        mti: Mti,
        request: Option<View<'_>>,
        echo: Bitmap,
        own: &[(u8, Value<'_>)],
    ) -> Result<(), BuildError> {
        let mark = out.len();
        let result = self.write(out, mti, request, echo, own);
        if result.is_err() {
            out.truncate(mark);
        }
        result
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        mti: Mti,
        request: Option<View<'_>>,
        echo: Bitmap,
        own: &[(u8, Value<'_>)],
    ) -> Result<(), BuildError> {
        let mut mine = Bitmap::EMPTY;
        let mut last = 0;
        for (de, _) in own {
            if *de <= last {
                return Err(BuildError { de: *de, reason: BuildReason::Order });
            }
            if self.field(*de).is_none() {
                return Err(BuildError { de: *de, reason: BuildReason::Undefined });
            }
            mine.insert(*de);
            last = *de;
        }
        if mti.version() != self.version {
            let reason = BuildReason::Version { expected: self.version, found: mti.version() };
            return Err(BuildError { de: 0, reason });
        }
        let mut echoed = Bitmap::EMPTY;
        if let Some(request) = request {
            if !std::ptr::eq(self, request.dialect) {
                return Err(BuildError { de: 0, reason: BuildReason::OtherDialect });
            }
            echoed = (request.message.bitmap & echo) - mine;
        }
        self.write_header(out, mti, echoed | mine);

        let mut own = own.iter();
        let placed = request.map_or(Bitmap::EMPTY, |request| request.message.placed);
        let stops = (placed - echoed) | mine;
        let mut left = (echoed | mine) - Bitmap::of(&[1]);
        while let Some(de) = left.first() {
            let this = left.lowest();
            if !(this & mine).is_empty() {
                left = left - this;
                if let (Some((_, value)), Some(field)) = (own.next(), self.field(de)) {
                    encode(out, field, *value).map_err(|reason| BuildError { de, reason })?;
                }
                continue;
            }
            let Some(request) = request else { break };
            // Fields that follow each other both there and here go as one stretch: up to the next one that is
            // in the request alone, or an own one.
            let rest = (stops & this.and_above()).lowest().and_above();
            let Message { starts, end, .. } = request.message;
            let start = |de: u8| starts[usize::from(de) - 1];
            let end = (placed & rest).first().map_or(*end, start);
            let stretch = request.frame.get(usize::from(start(de))..usize::from(end));
            out.extend_from_slice(stretch.unwrap_or_default());
            left = left & rest;
        }
        Ok(())
    }

    fn write_header(&self, out: &mut Vec<u8>, mti: Mti, present: Bitmap) {
        match self.mti_encoding {
            Encoding::Bcd => out.extend_from_slice(&mti.bcd().to_be_bytes()),
            _ => out.extend_from_slice(&mti.digits()),
        }
        let (mut primary, secondary) = present.to_wire();
        if secondary != 0 {
            primary |= 1 << 63;
        }
        self.write_bitmap(out, primary);
        if primary >> 63 != 0 {
            self.write_bitmap(out, secondary);
        }
    }

    fn write_bitmap(&self, out: &mut Vec<u8>, bits: u64) {
        match self.bitmap_encoding {
            Encoding::Hex => out.extend_from_slice(&scan::hex_characters(bits)),
            _ => out.extend_from_slice(&bits.to_be_bytes()),
        }
    }
}

/// Appends one field: length prefix, fill, value.
fn encode(out: &mut Vec<u8>, field: &FieldInfo, value: Value<'_>) -> Result<(), BuildReason> {
    let mut buffer = [0; 20];
    match (field.class, value) {
        (Class::B, Value::Bytes(bytes)) => encode_bytes(out, field, bytes),
        (Class::N, Value::Text(digits)) => encode_digits(out, field, digits),
        (Class::N, Value::Number(number)) => encode_digits(out, field, decimal(number, &mut buffer)),
        (Class::Z, Value::Text(track)) => encode_track(out, field, track),
        (Class::Xn, Value::Text(amount)) => encode_signed(out, field, amount),
        (class, Value::Text(text)) if class.is_text() => encode_text(out, field, text),
        (class, Value::Number(number)) if class.is_text() => {
            let digits = decimal(number, &mut buffer);
            let fill = match field.length {
                Length::Fixed(units) => usize::from(units).saturating_sub(digits.len()),
                Length::Variable { .. } => 0,
            };
            check(field, digits, digits.len())?;
            push_prefix(out, field, digits.len());
            push_fill(out, b'0', fill);
            out.extend_from_slice(digits);
            Ok(())
        }
        (class, _) => Err(BuildReason::Kind(class)),
    }
}

fn decimal(mut number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    for place in buffer.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        at -= 1;
        if number == 0 {
            break;
        }
    }
    &buffer[at..]
}

fn check(field: &FieldInfo, text: &[u8], units: usize) -> Result<(), BuildReason> {
    let max = field.max_length();
    if units > usize::from(max) {
        return Err(BuildReason::TooLong { max, found: units });
    }
    match text.iter().find(|c| !field.class.has(**c)) {
        Some(c) => Err(BuildReason::Character { expected: field.class, found: Found::byte(*c) }),
        None => Ok(()),
    }
}

fn push_fill(out: &mut Vec<u8>, with: u8, count: usize) {
    out.resize(out.len() + count, with);
}

fn encode_text(out: &mut Vec<u8>, field: &FieldInfo, text: &[u8]) -> Result<(), BuildReason> {
    check(field, text, text.len())?;
    push_prefix(out, field, text.len());
    out.extend_from_slice(text);
    if let Length::Fixed(units) = field.length {
        push_fill(out, b' ', usize::from(units) - text.len());
    }
    Ok(())
}

fn encode_digits(out: &mut Vec<u8>, field: &FieldInfo, digits: &[u8]) -> Result<(), BuildReason> {
    check(field, digits, digits.len())?;
    push_prefix(out, field, digits.len());
    let zeros = match field.length {
        Length::Fixed(units) => usize::from(units) - digits.len(),
        Length::Variable { .. } => 0,
    };
    match field.encoding {
        Encoding::Bcd => push_packed(out, field, zeros, digits),
        _ => {
            push_fill(out, b'0', zeros);
            out.extend_from_slice(digits);
        }
    }
    Ok(())
}

fn encode_track(out: &mut Vec<u8>, field: &FieldInfo, track: &[u8]) -> Result<(), BuildReason> {
    check(field, track, track.len())?;
    if let Length::Fixed(expected) = field.length
        && track.len() != usize::from(expected)
    {
        return Err(BuildReason::Length { expected, found: track.len() });
    }
    push_prefix(out, field, track.len());
    match field.encoding {
        Encoding::Bcd => push_packed(out, field, 0, track),
        _ => out.extend(track.iter().map(|c| if *c == b'D' { b'=' } else { *c })),
    }
    Ok(())
}

fn encode_signed(out: &mut Vec<u8>, field: &FieldInfo, amount: &[u8]) -> Result<(), BuildReason> {
    let wrong = |found| BuildReason::Character { expected: field.class, found };
    let Some((sign, digits)) = amount.split_first() else { return Err(BuildReason::Kind(field.class)) };
    if !matches!(sign, b'C' | b'D') {
        return Err(wrong(Found::byte(*sign)));
    }
    check(field, digits, amount.len())?;
    push_prefix(out, field, amount.len());
    out.push(*sign);
    let zeros = match field.length {
        Length::Fixed(units) => usize::from(units) - amount.len(),
        Length::Variable { .. } => 0,
    };
    match field.encoding {
        Encoding::Bcd => push_packed(out, field, zeros, digits),
        _ => {
            push_fill(out, b'0', zeros);
            out.extend_from_slice(digits);
        }
    }
    Ok(())
}

fn encode_bytes(out: &mut Vec<u8>, field: &FieldInfo, bytes: &[u8]) -> Result<(), BuildReason> {
    match field.length {
        Length::Fixed(expected) if bytes.len() != usize::from(expected) => {
            return Err(BuildReason::Length { expected, found: bytes.len() });
        }
        Length::Variable { max, .. } if bytes.len() > usize::from(max) => {
            return Err(BuildReason::TooLong { max, found: bytes.len() });
        }
        _ => push_prefix(out, field, bytes.len()),
    }
    match field.encoding {
        Encoding::Hex => push_hex(out, bytes),
        _ => out.extend_from_slice(bytes),
    }
    Ok(())
}

/// The length of a variable field; its digits are enough for the field's maximum, which holds already.
fn push_prefix(out: &mut Vec<u8>, field: &FieldInfo, units: usize) {
    let Length::Variable { digits, .. } = field.length else { return };
    match field.length_encoding {
        Encoding::Binary => {
            let bytes = (units as u16).to_be_bytes();
            out.extend_from_slice(if field.prefix_bytes() == 1 { &bytes[1..] } else { &bytes });
        }
        Encoding::Bcd => {
            let pack = |n: usize| ((n / 10 % 10) << 4 | (n % 10)) as u8;
            if digits > 2 {
                out.push(pack(units / 100));
            }
            out.push(pack(units));
        }
        _ => {
            let characters = [1000, 100, 10, 1].map(|place| b'0' + (units / place % 10) as u8);
            out.extend_from_slice(&characters[4 - usize::from(digits)..]);
        }
    }
}

/// `zeros` zero digits and then `digits`, two a byte, an odd number padded as the field says.
fn push_packed(out: &mut Vec<u8>, field: &FieldInfo, zeros: usize, digits: &[u8]) {
    let odd = (zeros + digits.len()) % 2 == 1;
    let pad = Some(field.pad.nibble);
    let left = if odd && field.pad.side == Side::Left { pad } else { None };
    let right = if odd && field.pad.side == Side::Right { pad } else { None };
    let nibbles = left
        .into_iter()
        .chain(std::iter::repeat_n(0, zeros))
        .chain(digits.iter().map(|c| if c.is_ascii_digit() { c & 15 } else { 13 }))
        .chain(right);
    let mut high = None;
    for nibble in nibbles {
        match high.take() {
            None => high = Some(nibble << 4),
            Some(high) => out.push(high | nibble),
        }
    }
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}
