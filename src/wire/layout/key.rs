//! What a part is called: the names in addresses. Knows no values.

use std::fmt;

/// A tag as text: digits or letters, or bytes in upper-case hexadecimal; at most eight characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    text: [u8; Tag::MOST],
    length: u8,
}

impl Tag {
    /// The most characters of a tag.
    pub const MOST: usize = 8;

    /// Of printable ASCII characters; `None` where there are none, or too many.
    pub(in super::super) fn from_text(characters: &[u8]) -> Option<Tag> {
        let mut text = [0; Tag::MOST];
        text.get_mut(..characters.len())?.copy_from_slice(characters);
        let printable = characters.iter().all(|c| matches!(c, 0x20..=0x7E));
        (printable && !characters.is_empty()).then_some(Tag { text, length: characters.len() as u8 })
    }

    /// Of one to four bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Tag> {
        let mut text = [0; Tag::MOST];
        let length = bytes.len() * 2;
        let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble & 15)];
        for (pair, byte) in text.get_mut(..length)?.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(*byte)]);
        }
        (length > 0).then_some(Tag { text, length: length as u8 })
    }

    /// Of a BER-TLV tag as a number, 0x9F26 for 9F26.
    pub(super) fn from_number(tag: u32) -> Tag {
        let bytes = tag.to_be_bytes();
        let from = (tag.leading_zeros() / 8).min(3) as usize;
        // Proven: one to four bytes are always a tag.
        Tag::from_bytes(&bytes[from..]).unwrap_or(Tag { text: [0; Tag::MOST], length: 0 })
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        self.text
            .get(..usize::from(self.length))
            .and_then(|text| std::str::from_utf8(text).ok())
            .unwrap_or("")
    }

    /// The bytes of a tag in hexadecimal, in the front of `buffer`.
    pub(super) fn bytes<'b>(&self, buffer: &'b mut [u8; 4]) -> Option<&'b [u8]> {
        let pairs = self.text.get(..usize::from(self.length))?.chunks_exact(2);
        let count = pairs.len();
        for (to, pair) in buffer.iter_mut().zip(pairs) {
            *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        buffer.get(..count)
    }

    /// Whether a BER-TLV tag's value is itself a series of elements (bit 6 of its first byte).
    pub(super) fn is_constructed(&self) -> bool {
        self.bytes(&mut [0; 4]).and_then(|bytes| bytes.first()).is_some_and(|first| first & 0x20 != 0)
    }

    /// Whether this is a whole BER-TLV tag that an element can begin with.
    pub(in super::super) fn is_ber(&self) -> bool {
        let mut buffer = [0; 4];
        let even = self.length.is_multiple_of(2);
        match self.bytes(&mut buffer) {
            Some([0x00 | 0xFF, ..]) | None => false,
            Some([first]) => even && first & 0x1F != 0x1F,
            Some([first, more @ .., last]) => {
                even && first & 0x1F == 0x1F && more.iter().all(|byte| byte & 0x80 != 0) && last & 0x80 == 0
            }
            Some([]) => false,
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a piece of a value is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// By the dialect file, or by the number of its bit.
    Part(&'a str),
    /// By the tag on the wire, known or not.
    Tag(Tag),
    /// By its place in a list, counted from 1.
    Row(u16),
    /// The bit map before the parts.
    Bitmap,
    /// Bytes 00 and FF between elements of BER-TLV.
    Padding,
    /// What fits nothing.
    Rest,
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Part(key) => f.pad(key),
            Key::Tag(tag) => f.pad(tag.as_str()),
            Key::Row(number) => fmt::Display::fmt(number, f),
            Key::Bitmap => f.pad("bitmap"),
            Key::Padding => f.pad("padding"),
            Key::Rest => f.pad("rest"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_numbers_bytes_and_text() {
        let table =
            [(0x95, "95"), (0x9F26, "9F26"), (0xDF_8101, "DF8101"), (0, "00"), (0x1F81_8101, "1F818101")];
        for (number, text) in table {
            assert_eq!(Tag::from_number(number).as_str(), text);
        }
        assert_eq!(Tag::from_bytes(&[0x57]).unwrap().as_str(), "57");
        assert_eq!(Tag::from_bytes(&[]), None);
        assert_eq!(Tag::from_bytes(&[1; 5]), None);
        assert_eq!(Tag::from_text(b"0023").unwrap().as_str(), "0023");
        assert!(
            Tag::from_text(b"").is_none()
                && Tag::from_text(&[1]).is_none()
                && Tag::from_text(&[b'1'; 9]).is_none()
        );
    }

    #[test]
    fn whole_tags_are_told_from_pieces_of_them() {
        let is = |text: &str| Tag::from_text(text.as_bytes()).unwrap().is_ber();
        for tag in ["95", "9F26", "DF8101", "1F818101", "71", "5F2A"] {
            assert!(is(tag), "{tag}");
        }
        for tag in ["9F", "9F2", "9F81", "9526", "00", "FF", "FF01", "9F2601", "XY", "9f"] {
            assert!(!is(tag), "{tag}");
        }
        assert!(Tag::from_number(0x71).is_constructed() && Tag::from_number(0xBF0C).is_constructed());
        assert!(!Tag::from_number(0x9F26).is_constructed());
    }
}
