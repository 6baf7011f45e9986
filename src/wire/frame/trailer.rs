//! The marks around a message: STX before it, ETX and a check byte behind it. Knows neither lengths nor headers.

use super::super::Found;
use super::{FrameError, WrongFrame};

pub(super) const STX: u8 = 0x02;
pub(super) const ETX: u8 = 0x03;

/// Which marks stand around a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrailerPart {
    pub(super) stx: bool,
    pub(super) etx: bool,
    /// Behind ETX: all bytes behind STX, ETX included, added without carry.
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

    /// Checks the check byte of a body whose marks are right.
    #[inline]
    pub(super) fn check_lrc(&self, body: &[u8]) -> Result<(), WrongFrame> {
        match body.split_last() {
            Some((found, rest)) if self.lrc && lrc(&rest[self.front()..]) != *found => Err(WrongFrame::Lrc),
            _ => Ok(()),
        }
    }

    /// Appends the marks behind the message. `front` is where the frame's body begins in `out`.
    pub(super) fn finish(&self, out: &mut Vec<u8>, front: usize) {
        if self.etx {
            out.push(ETX);
        }
        if self.lrc {
            out.push(lrc(&out[front + self.front()..]));
        }
    }
}

pub(super) fn lrc(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}
