//! What can be wrong inside a value, in words that name the kind of thing and never the thing. Knows no place.

use super::super::error::Reason;
use super::super::tlv::TlvError;
use thiserror::Error;

/// Why a part is not as its layout says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PartReason {
    /// The part's own format: length, characters, pad.
    #[error(transparent)]
    Value(#[from] Reason),
    /// The value is longer than its format says.
    #[error("expected {expected} bytes, found {found}")]
    Length {
        /// Bytes the format takes.
        expected: u32,
        /// Bytes there are.
        found: u32,
    },
    /// A part without the character that ends it.
    #[error("expected the separator {0:?}, found the end")]
    Separator(char),
    /// A row of a list that ends before its last part.
    #[error("expected the parts of a whole row, found the end")]
    Row,
    /// A bit is set for a part that the layout does not have.
    #[error("the layout has no part for bit {0}")]
    Bit(u16),
    /// Bit maps that go on and on.
    #[error("expected bit maps of at most {0} bytes")]
    BitMaps(usize),
    /// A tag of more than four bytes.
    #[error("expected a tag of at most four bytes")]
    LongTag,
    /// The data ends inside a tag.
    #[error("expected more bytes of a tag, found the end")]
    Tag,
    /// The data ends inside a length, or the length's form is another than DER's first three.
    #[error("expected a length in short, 81 or 82 form")]
    TlvLength,
    /// Bytes behind the last part.
    #[error("expected the end, found {0} more bytes")]
    Behind(u32),
    /// Parts in parts, over the bound.
    #[error("expected parts at most {0} deep")]
    Deep(usize),
}

/// The reason and the offset it holds for.
pub(super) fn of_tlv(error: TlvError) -> (usize, PartReason) {
    match error {
        TlvError::Tag { offset } => (offset, PartReason::Tag),
        TlvError::LongTag { offset } => (offset, PartReason::LongTag),
        TlvError::Length { offset } => (offset, PartReason::TlvLength),
        TlvError::Value { offset, expected, found } => {
            let (expected, found) = (expected as u32, found as u32);
            (offset, Reason::Truncated { expected, found }.into())
        }
    }
}
