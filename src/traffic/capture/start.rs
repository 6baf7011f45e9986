//! Whether bytes begin like an ISO 8583 message: a plausible message type and a bit map that fits. Knows no dialect.

use crate::wire::Mti;

/// How a message type is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Four ASCII digits.
    Ascii,
    /// Two bytes of packed digits.
    Bcd,
    /// Four EBCDIC digits.
    Ebcdic,
}

impl Coding {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Ascii => "ASCII",
            Coding::Bcd => "BCD",
            Coding::Ebcdic => "EBCDIC",
        }
    }
}

/// How a message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Bytes of a header before the message type: 0, or a TPDU, a `ISO…` header, a 22-byte header.
    pub header: usize,
    /// The message type.
    pub mti: Mti,
    /// How it is written.
    pub coding: Coding,
}

/// How `message` (one message, whole, without its length) begins; `None` if it does not look like one.
///
/// It looks like one where a message type stands at its beginning, or behind a known header, with a bit map
/// behind it that is not empty and announces no more data elements than there are bytes.
pub fn message_start(message: &[u8]) -> Option<Start> {
    // A 22-byte header begins like a message type of its own: the longer explanation is tried first.
    header(message).into_iter().chain([0]).find_map(|header| {
        let body = message.get(header..)?;
        let (mti, coding, rest) = mti(body)?;
        (is_plausible(mti) && bitmap_fits(rest, coding)).then_some(Start { header, mti, coding })
    })
}

/// Whether `part`, the beginning of something, begins with a message type: less than [`message_start`] asks for.
pub(super) fn begins_with_mti(part: &[u8]) -> bool {
    let at = |header: usize| part.get(header..).and_then(mti).is_some_and(|(mti, ..)| is_plausible(mti));
    header(part).into_iter().chain([0]).any(at)
}

/// The length of the header that `message` seems to begin with.
fn header(message: &[u8]) -> Option<usize> {
    match message {
        [0x60 | 0x68, ..] => Some(5),
        [b'I', b'S', b'O', rest @ ..] if rest.first_chunk::<9>()?.iter().all(u8::is_ascii_digit) => Some(12),
        [22, 1 | 0x81, ..] => Some(22),
        _ => None,
    }
}

fn mti(body: &[u8]) -> Option<(Mti, Coding, &[u8])> {
    let digits = |four: &[u8; 4], zero: u8| {
        four.iter().try_fold(0u16, |bcd, byte| {
            let digit = byte.checked_sub(zero).filter(|digit| *digit < 10)?;
            Some(bcd << 4 | u16::from(digit))
        })
    };
    if let Some((four, rest)) = body.split_first_chunk::<4>() {
        for (zero, coding) in [(b'0', Coding::Ascii), (0xF0, Coding::Ebcdic)] {
            if let Some(mti) = digits(four, zero).and_then(Mti::new) {
                return Some((mti, coding, rest));
            }
        }
    }
    let (two, rest) = body.split_first_chunk::<2>()?;
    Some((Mti::new(u16::from_be_bytes(*two))?, Coding::Bcd, rest))
}

/// The versions, classes, functions and origins that the three editions of the standard define.
fn is_plausible(mti: Mti) -> bool {
    mti.version() <= 2 && (1..=8).contains(&mti.class()) && mti.function() <= 4 && mti.origin() <= 5
}

fn bitmap_fits(rest: &[u8], coding: Coding) -> bool {
    let hex = match coding {
        Coding::Bcd => None,
        Coding::Ascii => hex_bitmap(rest, |byte| byte),
        // The EBCDIC letters and digits that hexadecimal needs, as ASCII.
        Coding::Ebcdic => hex_bitmap(rest, |byte| match byte {
            0xF0..=0xF9 => byte - 0xF0 + b'0',
            0xC1..=0xC6 => byte - 0xC1 + b'A',
            0x81..=0x86 => byte - 0x81 + b'a',
            _ => 0,
        }),
    };
    let (bitmap, width) = match (hex, rest.first_chunk::<8>()) {
        (Some(bitmap), _) => (bitmap, 16),
        (None, Some(bytes)) => (u64::from_be_bytes(*bytes), 8),
        (None, None) => return false,
    };
    // A second bit map is as long as the first; each data element has a byte at least.
    let has_second = bitmap >> 63 == 1;
    let elements = (bitmap & !(1 << 63)).count_ones() as usize;
    let needed = width + if has_second { width } else { 0 } + elements;
    (elements > 0 || has_second) && rest.len() >= needed
}

fn hex_bitmap(rest: &[u8], ascii: impl Fn(u8) -> u8) -> Option<u64> {
    rest.first_chunk::<16>()?
        .iter()
        .try_fold(0u64, |bitmap, byte| Some(bitmap << 4 | u64::from(char::from(ascii(*byte)).to_digit(16)?)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Bytes, and header and coding of the message that they are.
    type Case = (Vec<u8>, Option<(usize, Coding)>);

    #[test]
    fn messages_are_told_from_other_bytes() {
        let ascii = b"0800822000000000000004000000000000001122093315000001301";
        let mut bcd = vec![0x08, 0x00, 0x82, 0x20, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];
        bcd.extend([0x11, 0x22, 0x09, 0x33, 0x15, 0, 0, 1, 3, 1]);
        let ebcdic: Vec<u8> = ascii[..4]
            .iter()
            .map(|digit| digit - b'0' + 0xF0)
            .chain([0x22, 0x20, 0, 0, 0, 0, 0, 0])
            .chain([0xF1; 20])
            .collect();
        let with = |header: &[u8], message: &[u8]| [header, message].concat();
        let mut long = [0u8; 22];
        long[..3].copy_from_slice(&[22, 1, 2]);
        let table: [Case; 12] = [
            (ascii.to_vec(), Some((0, Coding::Ascii))),
            (bcd.clone(), Some((0, Coding::Bcd))),
            (ebcdic, Some((0, Coding::Ebcdic))),
            (with(&[0x60, 0, 3, 0, 0], &bcd), Some((5, Coding::Bcd))),
            (with(b"ISO026000050", ascii), Some((12, Coding::Ascii))),
            (with(&long, &bcd), Some((22, Coding::Bcd))),
            (with(&[0, 55], ascii), None),
            (b"".to_vec(), None),
            (b"0800".to_vec(), None),
            (b"08000000000000000000 an empty bit map".to_vec(), None),
            (b"0800FFFFFFFFFFFFFFFFtoo short".to_vec(), None),
            (b"0900822000000000000004000000000000001122093315000001301".to_vec(), None),
        ];
        for (index, (bytes, expected)) in table.into_iter().enumerate() {
            let found = message_start(&bytes).map(|start| (start.header, start.coding));
            assert_eq!(found, expected, "row {index}");
        }
        assert_eq!(message_start(ascii).unwrap().mti.bcd(), 0x0800);
    }
}
