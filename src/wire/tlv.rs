//! BER-TLV as EMV uses it: a walk over the elements of one level. Knows no tags.

use thiserror::Error;

/// One element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag's bytes as a number, 0x9F26 for 9F26.
    pub tag: u32,
    /// The value.
    pub value: &'a [u8],
    /// Bytes from the start of the walked data to the tag.
    pub offset: usize,
    /// Bytes of tag, length and value together.
    pub length: usize,
}

impl Tlv<'_> {
    /// Whether the value is itself a series of elements (bit 6 of the tag's first byte).
    pub fn is_constructed(&self) -> bool {
        let bytes = self.tag.to_be_bytes();
        bytes.iter().find(|byte| **byte != 0).is_some_and(|first| first & 0x20 != 0)
    }
}

/// Shows tag and length, never the value.
impl std::fmt::Debug for Tlv<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tlv({:X}, {} bytes at {})", self.tag, self.value.len(), self.offset)
    }
}

/// Why the walk stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TlvError {
    /// The data ends inside a tag.
    #[error("expected more bytes of a tag at offset {offset}, found the end")]
    Tag {
        /// Where the tag starts.
        offset: usize,
    },
    /// Tags have at most four bytes here (EMV uses three).
    #[error("expected a tag of at most four bytes at offset {offset}")]
    LongTag {
        /// Where the tag starts.
        offset: usize,
    },
    /// The data ends inside a length, or the length's form is not one of DER's: short, 81 or 82.
    #[error("expected a length (short, 81 or 82 form) at offset {offset}")]
    Length {
        /// Where the length starts.
        offset: usize,
    },
    /// The value is longer than the data.
    #[error("expected {expected} bytes of value at offset {offset}, found {found}")]
    Value {
        /// Where the value starts.
        offset: usize,
        /// What the length says.
        expected: usize,
        /// What is left.
        found: usize,
    },
}

/// Walks the elements of one level; 00 and FF between elements are padding. Stops at the first error.
#[derive(Clone)]
pub struct Tlvs<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Tlvs<'a> {
    /// A walk over `data` from its start.
    pub fn new(data: &'a [u8]) -> Tlvs<'a> {
        Tlvs { data, at: 0 }
    }

    /// The value of the first element with this tag on this level; `None` too if the walk fails before it.
    pub fn find(self, tag: u32) -> Option<&'a [u8]> {
        self.map_while(Result::ok).find(|tlv| tlv.tag == tag).map(|tlv| tlv.value)
    }

    fn element(&mut self) -> Result<Tlv<'a>, TlvError> {
        let offset = self.at;
        let mut at = offset;
        let mut next = || {
            let byte = self.data.get(at).copied();
            at += 1;
            byte
        };
        let first = next().ok_or(TlvError::Tag { offset })?;
        let mut tag = u32::from(first);
        if first & 0x1F == 0x1F {
            loop {
                let byte = next().ok_or(TlvError::Tag { offset })?;
                if tag > 0x00FF_FFFF {
                    return Err(TlvError::LongTag { offset });
                }
                tag = tag << 8 | u32::from(byte);
                if byte & 0x80 == 0 {
                    break;
                }
            }
        }
        let length_at = at;
        let mut next = || {
            let byte = self.data.get(at).copied().map(usize::from);
            at += 1;
            byte.ok_or(TlvError::Length { offset: length_at })
        };
        let length = match next()? {
            short @ 0..=0x7F => short,
            0x81 => next()?,
            0x82 => next()? << 8 | next()?,
            _ => return Err(TlvError::Length { offset: length_at }),
        };
        let left = self.data.get(at..).unwrap_or_default();
        let Some(value) = left.get(..length) else {
            return Err(TlvError::Value { offset: at, expected: length, found: left.len() });
        };
        self.at = at + length;
        Ok(Tlv { tag, value, offset, length: self.at - offset })
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        while matches!(self.data.get(self.at), Some(0x00 | 0xFF)) {
            self.at += 1;
        }
        if self.at >= self.data.len() {
            return None;
        }
        let element = self.element();
        if element.is_err() {
            self.at = self.data.len();
        }
        Some(element)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    type Walked = Result<(u32, Vec<u8>, usize), TlvError>;

    fn walk(data: &[u8]) -> Vec<Walked> {
        Tlvs::new(data).map(|item| item.map(|tlv| (tlv.tag, tlv.value.to_vec(), tlv.offset))).collect()
    }

    #[test]
    fn tags_and_lengths_of_each_size() {
        let mut data = vec![0x95, 1, 7, 0x9F, 0x26, 2, 1, 2, 0xDF, 0x81, 0x01, 0, 0x82, 0x81, 0x80];
        data.extend([9; 0x80]);
        data.extend([0x84, 0x82, 0x01, 0x00]);
        data.extend([8; 0x100]);
        let found = walk(&data);
        assert_eq!(found[0], Ok((0x95, vec![7], 0)));
        assert_eq!(found[1], Ok((0x9F26, vec![1, 2], 3)));
        assert_eq!(found[2], Ok((0xDF_8101, vec![], 8)));
        assert_eq!(found[3], Ok((0x82, vec![9; 0x80], 12)));
        assert_eq!(found[4], Ok((0x84, vec![8; 0x100], 143)));
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn padding_between_elements_is_skipped() {
        assert_eq!(walk(&[0, 0xFF, 0x5A, 1, 1, 0, 0]), [Ok((0x5A, vec![1], 2))]);
        assert_eq!(walk(&[]), []);
        assert_eq!(walk(&[0xFF, 0]), []);
    }

    #[test]
    fn damage_is_an_error_and_the_last_item() {
        let table: [(&[u8], TlvError); 9] = [
            (&[0x9F], TlvError::Tag { offset: 0 }),
            (&[0x9F, 0x81], TlvError::Tag { offset: 0 }),
            (&[0x9F, 0x81, 0x81, 0x81, 0x01, 0], TlvError::LongTag { offset: 0 }),
            (&[0x95], TlvError::Length { offset: 1 }),
            (&[0x95, 0x80], TlvError::Length { offset: 1 }),
            (&[0x95, 0x81], TlvError::Length { offset: 1 }),
            (&[0x95, 0x82, 1], TlvError::Length { offset: 1 }),
            (&[0x95, 0x83, 0, 0, 1, 5], TlvError::Length { offset: 1 }),
            (&[0x95, 5, 1, 2], TlvError::Value { offset: 2, expected: 5, found: 2 }),
        ];
        for (data, error) in table {
            assert_eq!(walk(data), [Err(error)], "{data:02x?}");
        }
    }

    #[test]
    fn templates_are_told_from_values() {
        let constructed = |tag| Tlv { tag, value: &[], offset: 0, length: 2 }.is_constructed();
        assert!(constructed(0x70) && constructed(0x71) && constructed(0xBF0C) && constructed(0x3F01));
        assert!(!constructed(0x95) && !constructed(0x9F26) && !constructed(0x5F2A));
    }

    #[test]
    fn finds_a_tag_of_this_level() {
        let data = [0x95, 1, 7, 0x9F, 0x36, 2, 0, 5];
        assert_eq!(Tlvs::new(&data).find(0x9F36), Some(&[0u8, 5][..]));
        assert_eq!(Tlvs::new(&data).find(0x9F37), None);
    }
}
