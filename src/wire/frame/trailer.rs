//! The marks around a message: STX before it, ETX, a check byte and fixed bytes behind it. Knows neither lengths nor
//! headers.

use super::super::Found;
use super::FrameError;

pub(super) const STX: u8 = 0x02;
pub(super) const ETX: u8 = 0x03;

/// Which marks stand around a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrailerPart {
    pub(super) stx: bool,
    pub(super) etx: bool,
    /// Behind ETX: all bytes before it, ETX included, added without carry.
    pub(super) lrc: bool,
    /// Whether the length counts the marks.
    pub(super) counted: bool,
}

impl TrailerPart {
    pub(super) const NONE: TrailerPart = TrailerPart { stx: false, etx: false, lrc: false, counted: true };

    /// Bytes before the header.
    pub(super) const fn front(&self) -> usize {
        self.stx as usize
    }

    /// Bytes behind the message.
    pub(super) const fn back(&self) -> usize {
        self.etx as usize + self.lrc as usize
    }

    /// Checks the marks of `body`, which is a frame without its length and at least as long as they are.
    ///
    /// # Errors
    /// A mark that is not in its place: the stream is not cut where it should be.
    #[inline]
    pub(super) fn check(&self, body: &[u8], offset: usize) -> Result<(), FrameError> {
        let end = body.len() - self.back();
        for (present, at, expected, mark) in
            [(self.stx, 0, "STX (02)", STX), (self.etx, end, "ETX (03)", ETX)]
        {
            if present && body[at] != mark {
                return Err(FrameError::Mark {
                    expected,
                    offset: offset + at,
                    found: Found::ascii(body[at]),
                });
            }
        }
        Ok(())
    }

    /// Appends the marks behind the message, the check byte still zero.
    pub(super) fn finish(&self, out: &mut Vec<u8>) {
        if self.etx {
            out.push(ETX);
        }
        if self.lrc {
            out.push(0);
        }
    }
}

/// The longest fixed trailer, bytes.
pub(super) const MAX_TAIL: usize = 8;

/// The same bytes behind everything else of each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TailPart {
    size: u8,
    /// `..size`, the rest is zero.
    own: [u8; MAX_TAIL],
    /// Whether the length counts it.
    pub(super) counted: bool,
}

impl TailPart {
    pub(super) const NONE: TailPart = TailPart { size: 0, own: [0; MAX_TAIL], counted: true };

    /// `None` of more than [`MAX_TAIL`] bytes, or of none.
    pub(super) fn new(bytes: &[u8]) -> Option<TailPart> {
        let mut tail = TailPart { size: bytes.len() as u8, ..TailPart::NONE };
        tail.own.get_mut(..bytes.len())?.copy_from_slice(bytes);
        (!bytes.is_empty()).then_some(tail)
    }

    /// The same, counted by the length or not.
    pub(super) const fn with_counted(self, counted: bool) -> TailPart {
        TailPart { counted, ..self }
    }

    pub(super) const fn size(&self) -> usize {
        self.size as usize
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.own.get(..self.size()).unwrap_or_default()
    }

    /// Checks the end of `body`, which is a frame without its length, and takes it off.
    ///
    /// # Errors
    /// Other bytes: the stream is not cut where it should be.
    #[inline]
    pub(super) fn check<'b>(&self, body: &'b [u8], offset: usize) -> Result<&'b [u8], FrameError> {
        let end = body.len().saturating_sub(self.size());
        let (rest, found) = body.split_at(end);
        match found.iter().zip(self.bytes()).position(|(found, own)| found != own) {
            None => Ok(rest),
            Some(at) => Err(FrameError::Mark {
                expected: "the link's trailer",
                offset: offset + end + at,
                found: Found::ascii(found[at]),
            }),
        }
    }
}

pub(super) fn lrc(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}
