//! Cutting a byte stream into messages, and putting messages into it. Knows nothing of what is in them.
//!
//! A [`Framing`] is composed of three parts that know nothing of each other: a length, a network header, and marks
//! around the message; its notation (`length2-be+tpdu`) is that of [`words`]. On the wire they stand as
//! `length STX header message ETX LRC`, any of them absent.

mod codec;
mod error;
mod header;
mod length;
mod notation;
mod trailer;
mod visa;

pub use codec::{CodecError, Frame, FrameCodec};
pub use error::{FrameError, WrongFrame};
pub use notation::{NotationError, Place, Word, words};

use header::{HeaderPart, Style};
use length::{Encoding, LengthPart, Of};
use trailer::{ETX, STX, TrailerPart};

/// How messages are told apart on a link, and what stands around each. Plain data; made by parsing its notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    length: LengthPart,
    header: HeaderPart,
    trailer: TrailerPart,
}

/// Where a frame's parts stand in a buffer that begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// First byte of the network header.
    pub header: usize,
    /// First byte of the message, one past the header's last: what stands before it is the frame's lead.
    pub start: usize,
    /// One past the message's last byte.
    pub end: usize,
    /// One past the frame's last byte: the next frame starts here.
    pub next: usize,
    /// What the frame is.
    pub kind: Kind,
}

/// What a frame is. Only the text of a message is to be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It carries a message.
    Message,
    /// It carries nothing: it keeps the connection open.
    KeepAlive,
    /// Session control of a Visa stream: discarded.
    Control,
    /// A Visa reject: the network could not read a message of ours. Never answered.
    Reject {
        /// Four decimal digits, where the reject has them.
        code: Option<u16>,
    },
    /// A frame whose end is known but whose header or check byte is wrong.
    Wrong(WrongFrame),
}

/// Where the header of a frame that is written comes from.
#[derive(Clone, Copy, Debug)]
pub enum Lead<'a> {
    /// From the framing: the frame is a request of ours.
    Own,
    /// From the request that the frame answers.
    Answer {
        /// What stood before the request's message, `..start` of its [`Cut`].
        request: &'a [u8],
        /// The data element at fault in a request that could not be read; 0 for none.
        wrong_de: u8,
    },
    /// From another frame with the same header: `..start` of its [`Cut`].
    Same(&'a [u8]),
}

/// Where a frame was begun, for [`Framing::finish`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a frame that is begun must be finished, or its length stays zero"]
pub struct Mark(usize);

impl Framing {
    /// The two-byte big-endian length that does not count itself: `length2-be`.
    pub const LENGTH2_BE: Framing = Framing {
        length: LengthPart::plain(Encoding::BigEndian, 2),
        header: HeaderPart::NONE,
        trailer: TrailerPart::NONE,
    };

    /// Whether frames end at ETX alone, so that a message must not have that byte in it.
    pub const fn is_delimited(&self) -> bool {
        self.length.width == 0
    }

    /// Bytes of the network header before each message.
    pub const fn header_size(&self) -> usize {
        self.header.size()
    }

    /// The most bytes of one frame whose part behind the length has `max_frame` bytes.
    pub const fn room(&self, max_frame: usize) -> usize {
        self.length.size().saturating_add(max_frame)
    }

    /// The first frame of `buffer`; `None` while it is incomplete. For a stream that grows, see [`Cutter`].
    ///
    /// # Errors
    /// A frame of more than `max_frame` bytes behind its length, as soon as that is known; a length or a mark that is
    /// not one.
    #[inline]
    pub fn next(&self, buffer: &[u8], max_frame: usize) -> Result<Option<Cut>, FrameError> {
        self.next_behind(buffer, max_frame, &mut 0)
    }

    /// As [`Framing::next`]; the first `searched` bytes are known to have no end in them, of the next frame when this
    /// one is cut.
    #[inline]
    fn next_behind(
        &self,
        buffer: &[u8],
        max_frame: usize,
        searched: &mut usize,
    ) -> Result<Option<Cut>, FrameError> {
        if self.is_delimited() {
            return self.next_delimited(buffer, max_frame, searched);
        }
        let from = self.length.size();
        let Some(part) = buffer.get(..from) else { return Ok(None) };
        let said = self.length.read(part)?;
        let empty = said.length == 0;
        let body = if empty { 0 } else { said.length.saturating_add(self.uncounted()) };
        if body > max_frame {
            return Err(FrameError::TooLong { max: max_frame, found: body });
        }
        let next = from.saturating_add(body);
        let Some(bytes) = buffer.get(from..next) else { return Ok(None) };
        let kind = match said.of {
            Of::Message if empty => Kind::KeepAlive,
            Of::Message => return self.cut(bytes, from),
            Of::Control => Kind::Control,
            Of::Unknown => Kind::Wrong(WrongFrame::StreamKind),
        };
        Ok(Some(Cut { header: from, start: from, end: next, next, kind }))
    }

    /// How many bytes the unfinished frame at the front of `buffer` has in all, as its length says; `None` where that is
    /// not known yet, or only its end tells.
    pub fn announced(&self, buffer: &[u8]) -> Option<usize> {
        if self.is_delimited() {
            return None;
        }
        let size = self.length.size();
        let length = self.length.read(buffer.get(..size)?).ok()?.length;
        let uncounted = if length == 0 { 0 } else { self.uncounted() };
        Some(size.saturating_add(length).saturating_add(uncounted))
    }

    /// Bytes of a frame that its length does not count, itself aside.
    #[inline]
    fn uncounted(&self) -> usize {
        let header = if self.header.counted { 0 } else { self.header.size() };
        let trailer = if self.trailer.counted { 0 } else { self.trailer.front() + self.trailer.back() };
        header + trailer
    }

    /// The parts of a frame's body, which has bytes and begins `from` bytes behind the frame's start.
    #[inline]
    fn cut(&self, body: &[u8], from: usize) -> Result<Option<Cut>, FrameError> {
        let (header, next) = (from + self.trailer.front(), from + body.len());
        let start = header + self.header.size();
        let min = start + self.trailer.back() + 1 - from;
        if body.len() < min {
            let kind = Kind::Wrong(WrongFrame::Short { min, found: body.len() });
            return Ok(Some(Cut { header: from, start: from, end: next, next, kind }));
        }
        self.trailer.check(body, from)?;
        let bytes = &body[header - from..body.len() - self.trailer.back()];
        let checked = self.header.check(bytes).and_then(|kind| self.trailer.check_lrc(body).map(|()| kind));
        let kind = checked.unwrap_or_else(Kind::Wrong);
        let start = if let Kind::Reject { .. } = kind { header + visa::REJECT_SIZE } else { start };
        Ok(Some(Cut { header, start, end: next - self.trailer.back(), next, kind }))
    }

    fn next_delimited(
        &self,
        buffer: &[u8],
        max_frame: usize,
        searched: &mut usize,
    ) -> Result<Option<Cut>, FrameError> {
        let Some(first) = buffer.first() else { return Ok(None) };
        if self.trailer.stx && *first != STX {
            return Err(FrameError::Mark {
                expected: "STX (02)",
                offset: 0,
                found: super::Found::ascii(*first),
            });
        }
        // A header may have the byte of ETX in it, and always has its length.
        let lead = self.trailer.front() + self.header.size();
        let from = lead.max(*searched).min(buffer.len());
        let limit = max_frame.min(buffer.len());
        let end = buffer.get(from..limit).and_then(|rest| memchr::memchr(ETX, rest)).map(|at| from + at);
        let Some(end) = end else {
            *searched = buffer.len();
            let endless = buffer.len() >= max_frame;
            return if endless { Err(FrameError::Endless { max: max_frame }) } else { Ok(None) };
        };
        let next = end + self.trailer.back();
        if next > max_frame {
            return Err(FrameError::Endless { max: max_frame });
        }
        let Some(body) = buffer.get(..next) else {
            *searched = end;
            return Ok(None);
        };
        *searched = 0;
        if end == lead && self.header.style == Style::None {
            return Ok(Some(Cut { header: lead, start: lead, end, next, kind: Kind::KeepAlive }));
        }
        self.cut(body, 0)
    }

    /// Begins a frame: leaves room for the length and writes the header. The message is to be appended behind it, and
    /// then [`Framing::finish`]ed.
    #[inline]
    pub fn begin(&self, out: &mut Vec<u8>, lead: Lead<'_>) -> Mark {
        let mark = Mark(out.len());
        let size = self.length.size();
        let other = match lead {
            Lead::Own => &[],
            Lead::Answer { request, .. } => request,
            Lead::Same(lead) => lead,
        };
        if size > 0 {
            self.length.begin(out, self.length.platform(other.get(..size).unwrap_or_default()));
        }
        if self.trailer.stx {
            out.push(STX);
        }
        if self.header.size() > 0 {
            let header = other.get(size + self.trailer.front()..).unwrap_or_default();
            match lead {
                Lead::Answer { wrong_de, .. } => self.header.answer(header, wrong_de, out),
                Lead::Same(_) if header.len() == self.header.size() => out.extend_from_slice(header),
                Lead::Same(_) | Lead::Own => out.extend_from_slice(self.header.own()),
            }
        }
        mark
    }

    /// Writes the length of what was appended since [`Framing::begin`], and the marks behind it. A message of no
    /// bytes becomes a keep-alive, which has no header.
    ///
    /// # Errors
    /// The message cannot be sent: the whole frame is taken out of `out` again.
    #[inline]
    pub fn finish(&self, out: &mut Vec<u8>, mark: Mark) -> Result<(), FrameError> {
        let finished = self.close(out, mark.0);
        if finished.is_err() {
            out.truncate(mark.0);
        }
        finished
    }

    fn close(&self, out: &mut Vec<u8>, begun: usize) -> Result<(), FrameError> {
        let front = begun + self.length.size();
        let header = front + self.trailer.front();
        let message = header + self.header.size();
        let found = out.len().saturating_sub(message);
        if found == 0 {
            return self.close_empty(out, front);
        }
        if self.is_delimited()
            && let Some(offset) = memchr::memchr(ETX, out.get(message..).unwrap_or_default())
        {
            return Err(FrameError::Ambiguous { offset });
        }
        let unsendable =
            |fits: usize, more: usize| FrameError::Unsendable { max: fits.saturating_sub(more), found };
        let bytes = out.get_mut(header..).unwrap_or_default();
        self.header.finish(bytes).map_err(|fits| unsendable(fits, message - header))?;
        self.trailer.finish(out, front);
        if !self.is_delimited() {
            let counted = out.len() - front - self.uncounted();
            let part = out.get_mut(begun..front).unwrap_or_default();
            self.length.finish(part, counted).map_err(|fits| unsendable(fits, counted - found))?;
        }
        Ok(())
    }

    /// A keep-alive: the length alone, or the marks alone.
    fn close_empty(&self, out: &mut Vec<u8>, front: usize) -> Result<(), FrameError> {
        if !self.is_delimited() {
            out.truncate(front);
            let part = front - self.length.size();
            return self
                .length
                .finish(out.get_mut(part..).unwrap_or_default(), 0)
                .map_err(|max| FrameError::Unsendable { max, found: 0 });
        }
        if self.header.style != Style::None {
            return Err(FrameError::Empty);
        }
        self.trailer.finish(out, front);
        Ok(())
    }

    /// Sets the check byte anew of a whole frame whose message was changed in place. Other framings have none.
    pub fn reseal(&self, frame: &mut [u8]) {
        let front = self.length.size() + self.trailer.front();
        if self.trailer.lrc
            && let Some((check, rest)) = frame.split_last_mut()
        {
            *check = trailer::lrc(rest.get(front..).unwrap_or_default());
        }
    }
}

/// Cuts one stream: remembers how far an unfinished frame was searched for its end, so that a peer that sends a byte
/// at a time costs no more than one that sends all at once.
#[derive(Clone, Copy, Debug)]
pub struct Cutter {
    framing: Framing,
    max_frame: usize,
    searched: usize,
}

impl Cutter {
    /// A cutter at the start of a frame. `max_frame` is the most bytes of a frame behind its length.
    pub const fn new(framing: Framing, max_frame: usize) -> Cutter {
        Cutter { framing, max_frame, searched: 0 }
    }

    /// How it cuts.
    pub const fn framing(&self) -> &Framing {
        &self.framing
    }

    /// The first frame of `unread`: the bytes of the stream behind the last frame that was cut, of which there may
    /// only be more each time. `None` while it is incomplete.
    ///
    /// # Errors
    /// As [`Framing::next`]. The stream is lost then.
    #[inline]
    pub fn next(&mut self, unread: &[u8]) -> Result<Option<Cut>, FrameError> {
        self.framing.next_behind(unread, self.max_frame, &mut self.searched)
    }

    /// Forgets the unfinished frame: what is cut next begins a frame.
    pub fn restart(&mut self) {
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests;
