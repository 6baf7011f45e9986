//! Writing one value: length prefix, fill, pad. Knows its format, no message.

use super::build::Value;
use super::error::{BuildReason, Found};
use super::field::{Class, Encoding, Format, Length, Prefix, Side};

type Written = Result<(), BuildReason>;

/// Appends one value: length prefix, fill, value. On an error `out` may have a part of it.
pub(super) fn encode(out: &mut Vec<u8>, format: &Format, value: Value<'_>) -> Written {
    let mut buffer = [0; 20];
    match (format.class, value) {
        (Class::B, Value::Bytes(bytes)) => encode_bytes(out, format, bytes),
        (Class::N, Value::Text(digits)) => encode_digits(out, format, digits),
        (Class::N, Value::Number(number)) => encode_digits(out, format, decimal(number, &mut buffer)),
        (Class::Z, Value::Text(track)) => encode_track(out, format, track),
        (Class::Xn, Value::Text(amount)) => encode_signed(out, format, amount),
        (class, Value::Text(text)) if class.is_text() => encode_text(out, format, text),
        (class, Value::Number(number)) if class.is_text() => {
            let digits = decimal(number, &mut buffer);
            check(format, digits, digits.len())?;
            push_prefix(out, format, digits.len())?;
            push_zeros(out, format, digits.len());
            push_characters(out, format, digits);
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

fn check(format: &Format, text: &[u8], units: usize) -> Written {
    let max = format.max_length();
    if units > usize::from(max) {
        return Err(BuildReason::TooLong { max, found: units });
    }
    match text.iter().find(|c| !format.class.has(**c)) {
        Some(c) => Err(BuildReason::Character { expected: format.class, found: Found::ascii(*c) }),
        None => Ok(()),
    }
}

/// Units that a fixed field has over those of the value.
fn missing(format: &Format, units: usize) -> usize {
    match format.length {
        Length::Fixed(length) => usize::from(length).saturating_sub(units),
        Length::Variable { .. } | Length::Rest { .. } => 0,
    }
}

fn push_zeros(out: &mut Vec<u8>, format: &Format, units: usize) {
    out.resize(out.len() + missing(format, units), format.encoding.byte(b'0'));
}

fn push_characters(out: &mut Vec<u8>, format: &Format, text: &[u8]) {
    match format.encoding {
        Encoding::Ascii => out.extend_from_slice(text),
        encoding => out.extend(text.iter().map(|c| encoding.byte(*c))),
    }
}

fn encode_text(out: &mut Vec<u8>, format: &Format, text: &[u8]) -> Written {
    check(format, text, text.len())?;
    push_prefix(out, format, text.len())?;
    let fill = missing(format, text.len());
    let with = format.encoding.byte(format.fill.character);
    if format.fill.side == Side::Left {
        out.resize(out.len() + fill, with);
    }
    push_characters(out, format, text);
    if format.fill.side == Side::Right {
        out.resize(out.len() + fill, with);
    }
    Ok(())
}

fn encode_digits(out: &mut Vec<u8>, format: &Format, digits: &[u8]) -> Written {
    check(format, digits, digits.len())?;
    push_prefix(out, format, digits.len())?;
    push_digits(out, format, missing(format, digits.len()), digits);
    Ok(())
}

fn push_digits(out: &mut Vec<u8>, format: &Format, zeros: usize, digits: &[u8]) {
    if format.encoding == Encoding::Bcd {
        push_packed(out, format, zeros, digits);
    } else {
        out.resize(out.len() + zeros, format.encoding.byte(b'0'));
        push_characters(out, format, digits);
    }
}

fn encode_track(out: &mut Vec<u8>, format: &Format, track: &[u8]) -> Written {
    check(format, track, track.len())?;
    if let Length::Fixed(expected) = format.length
        && track.len() != usize::from(expected)
    {
        return Err(BuildReason::Length { expected, found: track.len() });
    }
    push_prefix(out, format, track.len())?;
    match format.encoding {
        Encoding::Bcd => push_packed(out, format, 0, track),
        encoding => out.extend(track.iter().map(|c| encoding.byte(if *c == b'D' { b'=' } else { *c }))),
    }
    Ok(())
}

fn encode_signed(out: &mut Vec<u8>, format: &Format, amount: &[u8]) -> Written {
    let Some((sign, digits)) = amount.split_first() else { return Err(BuildReason::Kind(format.class)) };
    if !matches!(sign, b'C' | b'D') {
        let found = Found::ascii(*sign);
        return Err(BuildReason::Character { expected: format.class, found });
    }
    check(format, digits, amount.len())?;
    push_prefix(out, format, amount.len())?;
    out.push(format.encoding.byte(*sign));
    push_digits(out, format, missing(format, amount.len()), digits);
    Ok(())
}

fn encode_bytes(out: &mut Vec<u8>, format: &Format, bytes: &[u8]) -> Written {
    match format.length {
        Length::Fixed(expected) if bytes.len() != usize::from(expected) => {
            return Err(BuildReason::Length { expected, found: bytes.len() });
        }
        Length::Variable { max, .. } | Length::Rest { max } if bytes.len() > usize::from(max) => {
            return Err(BuildReason::TooLong { max, found: bytes.len() });
        }
        _ => push_prefix(out, format, bytes.len())?,
    }
    match format.encoding {
        Encoding::Binary => out.extend_from_slice(bytes),
        encoding => {
            let digit = |nibble: u8| encoding.byte(b"0123456789ABCDEF"[usize::from(nibble)]);
            out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        }
    }
    Ok(())
}

/// The length of a variable field whose value has so many units, at most the field's maximum.
pub(super) fn push_prefix(out: &mut Vec<u8>, format: &Format, units: usize) -> Written {
    let (prefix, max) = match format.length {
        Length::Fixed(_) => return Ok(()),
        Length::Variable { prefix, max } => (Some(prefix), max),
        Length::Rest { max } => (None, max),
    };
    let bytes = format.wire_bytes(units);
    let on_wire = prefix.is_none_or(Prefix::counts_wire);
    // A length in bytes does not say whether the last of an even number of digits is a pad, unless that is no digit
    // or the value is the longest there is.
    if on_wire
        && format.encoding == Encoding::Bcd
        && units % 2 == 1
        && format.pad.nibble <= 9
        && units != usize::from(max)
    {
        return Err(BuildReason::OddDigits);
    }
    let Some(prefix) = prefix else { return Ok(()) };
    let said = if on_wire { bytes } else { units } + if prefix.inclusive { prefix.bytes() } else { 0 };
    if said > usize::from(prefix.most()) {
        return Err(BuildReason::TooLong { max: prefix.most(), found: said });
    }
    match prefix.encoding {
        Encoding::Binary => {
            // At most 65,535, in one to three bytes.
            let bytes = (said as u32).to_be_bytes();
            out.extend_from_slice(&bytes[bytes.len() - prefix.bytes()..]);
        }
        Encoding::Bcd => {
            let pack = |n: usize| ((n / 10 % 10) << 4 | (n % 10)) as u8;
            if prefix.digits > 4 {
                out.push(pack(said / 10_000));
            }
            if prefix.digits > 2 {
                out.push(pack(said / 100));
            }
            out.push(pack(said));
        }
        encoding => {
            let base = if encoding == Encoding::Hex { 16 } else { 10 };
            let mut rest = said;
            let mut characters = [0; 6];
            for place in characters.iter_mut().rev() {
                *place = encoding.byte(b"0123456789ABCDEF"[rest % base]);
                rest /= base;
            }
            out.extend_from_slice(&characters[6 - usize::from(prefix.digits)..]);
        }
    }
    Ok(())
}

/// `zeros` zero digits and then `digits`, two a byte, an odd number padded as the field says.
fn push_packed(out: &mut Vec<u8>, format: &Format, zeros: usize, digits: &[u8]) {
    let odd = (zeros + digits.len()) % 2 == 1;
    let pad = Some(format.pad.nibble);
    let left = if odd && format.pad.side == Side::Left { pad } else { None };
    let right = if odd && format.pad.side == Side::Right { pad } else { None };
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
