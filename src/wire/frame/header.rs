//! The network header before a message or before its length: what is checked of it, and how an answer's is made from its
//! request's. Knows neither lengths on the wire nor messages.

use super::super::Found;
use super::{Kind, Lead, WrongFrame, visa};

/// The longest header, bytes.
pub(super) const MAX_HEADER: usize = 32;
/// Bytes of a TPDU: protocol id, destination, source.
const TPDU: usize = 5;
/// Where a BASE24 header has its status, originator and responder.
const BASE24_STATUS: std::ops::Range<usize> = 7..10;
const BASE24_ORIGINATOR: usize = 10;
const BASE24_RESPONDER: usize = 11;

/// Whose header it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    None,
    /// Five bytes, addresses swapped in answers.
    Tpdu,
    /// A TPDU and six bytes that are given back.
    UnionPay,
    /// `ISO` and nine digits.
    Base24,
    /// 22 bytes, stations swapped in answers.
    Visa,
    /// The same bytes before each message.
    Fixed,
    /// Bytes of any content that are given back.
    Opaque,
}

/// A header and what a sender puts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderPart {
    pub(super) style: Style,
    size: u8,
    /// What a sender writes: `..size`, the rest is zero.
    own: [u8; MAX_HEADER],
    /// Whether the length counts the header.
    pub(super) counted: bool,
}

impl HeaderPart {
    pub(super) const NONE: HeaderPart = HeaderPart::new(Style::None, &[]);

    /// A header that is counted; `own` is at most [`MAX_HEADER`] bytes long.
    pub(super) const fn new(style: Style, own: &[u8]) -> HeaderPart {
        let mut kept = [0; MAX_HEADER];
        let mut at = 0;
        while at < own.len() && at < MAX_HEADER {
            kept[at] = own[at];
            at += 1;
        }
        HeaderPart { style, size: at as u8, own: kept, counted: true }
    }

    /// The same, counted by the length or not.
    pub(super) const fn with_counted(self, counted: bool) -> HeaderPart {
        HeaderPart { counted, ..self }
    }

    pub(super) const fn size(&self) -> usize {
        self.size as usize
    }

    /// What a sender writes.
    pub(super) fn own(&self) -> &[u8] {
        &self.own[..self.size()]
    }

    /// What a frame is by its header. `bytes` are header and message, at least one byte more than the header.
    ///
    /// # Errors
    /// What is wrong with the header.
    #[inline]
    pub(super) fn check(&self, bytes: &[u8]) -> Result<Kind, WrongFrame> {
        match self.style {
            Style::None | Style::Opaque => {}
            Style::Tpdu | Style::UnionPay => {
                expect(bytes, 0, "the protocol id 60 or 68", |byte| matches!(byte, 0x60 | 0x68))?;
            }
            Style::Base24 => {
                for (offset, letter) in b"ISO".iter().enumerate() {
                    expect(bytes, offset, "the letters ISO", |byte| byte == *letter)?;
                }
                for offset in 3..self.size() {
                    expect(bytes, offset, "a digit", |byte| byte.is_ascii_digit())?;
                }
            }
            Style::Visa => return visa::check(bytes),
            Style::Fixed => {
                for (offset, own) in self.own().iter().enumerate() {
                    expect(bytes, offset, "the link's fixed header", |byte| byte == *own)?;
                }
            }
        }
        Ok(Kind::Message)
    }

    /// Appends a frame's header; `other` is that of the frame that `lead` speaks of.
    #[inline]
    pub(super) fn begin(&self, out: &mut Vec<u8>, lead: Lead<'_>, other: &[u8]) {
        match lead {
            Lead::Answer { wrong_de, .. } => self.answer(other, wrong_de, out),
            Lead::Same(_) if other.len() == self.size() => out.extend_from_slice(other),
            Lead::Same(_) | Lead::Own => out.extend_from_slice(self.own()),
        }
    }

    /// Appends the header of an answer. `wrong_de` is the data element at fault in a message that cannot be read, 0
    /// for none. A request's header of another size is nobody's: the sender's own stands in.
    fn answer(&self, request: &[u8], wrong_de: u8, out: &mut Vec<u8>) {
        let start = out.len();
        if request.len() != self.size() {
            out.extend_from_slice(self.own());
            return;
        }
        out.extend_from_slice(request);
        let header = &mut out[start..];
        match self.style {
            Style::None | Style::Fixed | Style::Opaque => {}
            Style::Tpdu | Style::UnionPay => {
                let (destination, source) = header[1..TPDU].split_at_mut(2);
                destination.swap_with_slice(source);
            }
            Style::Base24 => {
                header[BASE24_RESPONDER] = self.own[BASE24_ORIGINATOR];
                let digits = [wrong_de / 100, wrong_de / 10 % 10, wrong_de % 10].map(|digit| b'0' + digit);
                header[BASE24_STATUS].copy_from_slice(&digits);
            }
            Style::Visa => visa::answer(header),
        }
    }

    /// Sets what depends on the message; `bytes` are header and message.
    ///
    /// # Errors
    /// The most bytes of header and message that fit.
    pub(super) fn finish(&self, bytes: &mut [u8]) -> Result<(), usize> {
        match self.style {
            Style::Visa => visa::finish(bytes),
            _ => Ok(()),
        }
    }
}

/// Checks one byte of a header. A byte that is not there is the caller's to have refused.
pub(super) fn expect(
    bytes: &[u8],
    offset: usize,
    expected: &'static str,
    is: impl FnOnce(u8) -> bool,
) -> Result<(), WrongFrame> {
    match bytes.get(offset) {
        Some(byte) if !is(*byte) => {
            Err(WrongFrame::Header { offset: offset as u8, expected, found: Found::ascii(*byte) })
        }
        _ => Ok(()),
    }
}
