//! Why a stream cannot be cut, and what is wrong with one frame of it. Says what was expected and what kind of thing
//! was found, never content.

use super::super::Found;
use thiserror::Error;

/// A stream that cannot be cut any further, so that the connection is to be closed; or a message that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The peer announces more than the link allows.
    #[error("expected a frame of at most {max} bytes, found a length of {found}")]
    TooLong {
        /// The link's limit.
        max: usize,
        /// What the length says.
        found: usize,
    },
    /// The peer's length, which counts itself, is less than its own size.
    #[error("expected a length of at least {min}, found {found}")]
    TooShort {
        /// Bytes of the length itself.
        min: usize,
        /// What the length says.
        found: usize,
    },
    /// A length that is not written in digits.
    #[error("expected {expected} at byte {offset} of the length, found {found}")]
    LengthDigit {
        /// Byte within the frame, from 0.
        offset: usize,
        /// The digits of the framing.
        expected: &'static str,
        /// The kind of byte.
        found: Found,
    },
    /// A byte beside the length that is not what it always is.
    #[error("expected {expected} at byte {offset} of the length, found another")]
    Beside {
        /// What always stands there.
        expected: &'static str,
        /// Byte within the frame, from 0.
        offset: usize,
    },
    /// RBP: a message in several parts.
    #[error("expected a message in one part (flag 00 00), found one that goes on in the next frame (01 00)")]
    Parted,
    /// STX or ETX is not where it should be.
    #[error("expected {expected} at byte {offset} of the frame, found {found}")]
    Mark {
        /// The mark.
        expected: &'static str,
        /// Byte within the frame, from 0.
        offset: usize,
        /// The kind of byte.
        found: Found,
    },
    /// No ETX or trailer within the link's limit.
    #[error("expected {mark} within {max} bytes, found none")]
    Endless {
        /// What ends a frame.
        mark: &'static str,
        /// The link's limit.
        max: usize,
    },
    /// A message to be sent does not fit the length's bytes.
    #[error("expected a message of at most {max} bytes, found {found}")]
    Unsendable {
        /// The longest message that fits.
        max: usize,
        /// The message's length.
        found: usize,
    },
    /// A message to be sent has in it what would end its frame.
    #[error("expected a message without {mark}, which ends the frame, found one at byte {offset}")]
    Ambiguous {
        /// What ends a frame.
        mark: &'static str,
        /// Byte within the message, from 0.
        offset: usize,
    },
    /// Nothing to be sent, where a keep-alive has no form.
    #[error("expected a message, found none: this framing has no keep-alive")]
    Empty,
}

impl FrameError {
    /// A wrong header before the length: what follows it is no length.
    pub(super) fn of_front(wrong: WrongFrame) -> FrameError {
        match wrong {
            WrongFrame::Header { offset, expected, found } => {
                FrameError::Mark { expected, offset: offset.into(), found }
            }
            // Only a header that counts its message has another fault, and none such stands before a length.
            _ => FrameError::Beside { expected: "the header before the length", offset: 0 },
        }
    }
}

/// What is wrong with one frame. Its end is known, so that the stream can go on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WrongFrame {
    /// Less than header and marks and one byte.
    #[error("expected at least {min} bytes behind the length, found {found}")]
    Short {
        /// Header, marks and one byte of a message.
        min: usize,
        /// Bytes of the frame without its length.
        found: usize,
    },
    /// A byte of the header.
    #[error("expected {expected} at byte {offset} of the header, found {found}")]
    Header {
        /// Byte within the header, from 0.
        offset: u8,
        /// What is allowed there.
        expected: &'static str,
        /// The kind of byte.
        found: Found,
    },
    /// The total length in a Visa header.
    #[error("expected a total length of {expected} in the header, found {found}")]
    Total {
        /// Bytes of header and message.
        expected: usize,
        /// What the header says.
        found: usize,
    },
    /// Visa's fourth byte tells neither a message nor session control.
    #[error("expected 0 (message) or 2 (session control) as high digit at byte 3, found another")]
    StreamKind,
    /// The check byte behind ETX.
    #[error("expected the check byte (LRC) of the frame behind ETX, found another")]
    Lrc,
}
