//! Cutting a byte stream into messages, and putting messages into it. Knows nothing of what is in them.
//!
//! A [`Framing`] is composed of parts that know nothing of each other: a length, a network header before or behind it,
//! and marks around the message; its notation (`length2-be+tpdu`) is that of [`words`]. On the wire they stand as
//! `header length STX header message ETX LRC trailer`, any of them absent.

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
use trailer::{ETX, STX, TailPart, TrailerPart};

/// How messages are told apart on a link, and what stands around each. Plain data; made by parsing its notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Before the length; counted only by a length that counts itself.
    front: HeaderPart,
    length: LengthPart,
    header: HeaderPart,
    trailer: TrailerPart,
    tail: TailPart,
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
    pub const LENGTH2_BE: Framing =
        Framing { length: LengthPart::plain(Encoding::BigEndian, 2), ..Framing::NONE };
    const NONE: Framing = Framing {
        front: HeaderPart::NONE,
        length: LengthPart::NONE,
        header: HeaderPart::NONE,
        trailer: TrailerPart::NONE,
        tail: TailPart::NONE,
    };

    /// Whether frames end at ETX or a trailer alone, so that a message must not have these bytes in it.
    pub const fn is_delimited(&self) -> bool {
        self.length.width == 0 && !self.is_alone()
    }

    /// Whether nothing says where a frame ends: bytes are one message to the last, as [`Framing::alone`] has it.
    pub const fn is_alone(&self) -> bool {
        self.length.width == 0 && !self.trailer.etx && self.tail.size() == 0
    }

    /// Bytes of the network header before each message, behind the length.
    pub const fn header_size(&self) -> usize {
        self.header.size()
    }

    /// Bytes whose values are known, around each message and in each header before it.
    pub const fn marks(&self) -> usize {
        let header = if let Style::Fixed = self.header.style { self.header.size() } else { 0 };
        let front = if let Style::Fixed = self.front.style { self.front.size() } else { 0 };
        front + header + self.trailer.front() + self.back()
    }

    /// Bytes before the part that the length is about: a header, and the length itself.
    const fn prefix_size(&self) -> usize {
        self.front.size() + self.length.size()
    }

    /// Bytes behind the message.
    const fn back(&self) -> usize {
        self.trailer.back() + self.tail.size()
    }

    /// Bytes of the header before the length, where the length counts them.
    const fn counted_front(&self) -> usize {
        if self.front.counted { self.front.size() } else { 0 }
    }

    /// The most bytes of one frame whose part behind the length has `max_frame` bytes.
    pub const fn room(&self, max_frame: usize) -> usize {
        self.prefix_size().saturating_add(max_frame)
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
        if self.length.width == 0 {
            return self.next_delimited(buffer, max_frame, searched);
        }
        let from = self.prefix_size();
        let Some((front, part)) =
            buffer.get(..from).and_then(|part| part.split_at_checked(self.front.size()))
        else {
            return Ok(None);
        };
        // Behind a header that is wrong there is no length.
        self.front.check(front).map_err(FrameError::of_front)?;
        let said = self.length.read(part, self.counted_front())?;
        let empty = said.length == 0;
        let body = if empty { 0 } else { said.length.saturating_add(self.uncounted()) };
        if body > max_frame {
            return Err(FrameError::TooLong { max: max_frame, found: body });
        }
        let next = from.saturating_add(body);
        let Some(frame) = buffer.get(..next) else { return Ok(None) };
        let kind = match said.of {
            Of::Message if empty => Kind::KeepAlive,
            Of::Message => return self.cut(frame, from),
            Of::Control => Kind::Control,
            Of::Unknown => Kind::Wrong(WrongFrame::StreamKind),
        };
        Ok(Some(Cut { header: from, start: from, end: next, next, kind }))
    }

    /// How many bytes the unfinished frame at the front of `buffer` has in all, as its length says; `None` where that is
    /// not known yet, or only its end tells.
    pub fn announced(&self, buffer: &[u8]) -> Option<usize> {
        if self.length.width == 0 {
            return None;
        }
        let size = self.prefix_size();
        let part = buffer.get(self.front.size()..size)?;
        let length = self.length.read(part, self.counted_front()).ok()?.length;
        let uncounted = if length == 0 { 0 } else { self.uncounted() };
        Some(size.saturating_add(length).saturating_add(uncounted))
    }

    /// Bytes of a frame that its length does not count, itself aside.
    #[inline]
    fn uncounted(&self) -> usize {
        let header = if self.header.counted { 0 } else { self.header.size() };
        let trailer = if self.trailer.counted { 0 } else { self.trailer.front() + self.trailer.back() };
        let tail = if self.tail.counted { 0 } else { self.tail.size() };
        header + trailer + tail
    }

    /// The parts of a frame, whose body has bytes and begins at `from`.
    #[inline]
    fn cut(&self, frame: &[u8], from: usize) -> Result<Option<Cut>, FrameError> {
        let (body, next) = (frame.get(from..).unwrap_or_default(), frame.len());
        let header = from + self.trailer.front();
        let start = header + self.header.size();
        let min = start + self.back() + 1 - from;
        if body.len() < min {
            let kind = Kind::Wrong(WrongFrame::Short { min, found: body.len() });
            return Ok(Some(Cut { header: from, start: from, end: next, next, kind }));
        }
        let marked = self.tail.check(body, from)?;
        self.trailer.check(marked, from)?;
        let bytes = &body[header - from..body.len() - self.back()];
        let checked = self.header.check(bytes).and_then(|kind| self.check_lrc(frame).map(|()| kind));
        let kind = checked.unwrap_or_else(Kind::Wrong);
        let start = if let Kind::Reject { .. } = kind { header + visa::REJECT_SIZE } else { start };
        Ok(Some(Cut { header, start, end: next - self.back(), next, kind }))
    }

    fn check_lrc(&self, frame: &[u8]) -> Result<(), WrongFrame> {
        match self.lrc(frame) {
            Some((check, at)) if frame.get(at) != Some(&check) => Err(WrongFrame::Lrc),
            _ => Ok(()),
        }
    }

    /// The check byte of a whole frame and where it stands. It goes over all behind STX; without STX, over all behind the
    /// length, or behind a header that stands before the length.
    #[inline]
    fn lrc(&self, frame: &[u8]) -> Option<(u8, usize)> {
        if !self.trailer.lrc {
            return None;
        }
        let (front, body) = (self.front.size(), self.prefix_size());
        let at = frame.len().checked_sub(self.tail.size() + 1)?;
        let length = if front > 0 { trailer::lrc(frame.get(front..body)?) } else { 0 };
        Some((length ^ trailer::lrc(frame.get(body + self.trailer.front()..at)?), at))
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
        if self.is_alone() {
            let (max, found) = (max_frame, buffer.len());
            return if found > max { Err(FrameError::TooLong { max, found }) } else { self.cut(buffer, 0) };
        }
        // A header may have the bytes of the end in it, and always has its length.
        let lead = self.trailer.front() + self.header.size();
        let from = lead.max(*searched).min(buffer.len());
        let limit = max_frame.min(buffer.len());
        let end = buffer.get(from..limit).and_then(|rest| self.find_end(rest)).map(|at| from + at);
        let endless = FrameError::Endless { mark: self.end_name(), max: max_frame };
        let Some(end) = end else {
            // An end of several bytes may have begun.
            *searched = buffer.len() - (self.end_size() - 1).min(buffer.len());
            return if buffer.len() >= max_frame { Err(endless) } else { Ok(None) };
        };
        let next = end + self.back();
        if next > max_frame {
            return Err(endless);
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

    /// Where a frame without a length ends in these bytes.
    #[inline]
    fn find_end(&self, bytes: &[u8]) -> Option<usize> {
        if self.trailer.etx {
            memchr::memchr(ETX, bytes)
        } else {
            memchr::memmem::find(bytes, self.tail.bytes())
        }
    }

    const fn end_size(&self) -> usize {
        if self.trailer.etx { 1 } else { self.tail.size() }
    }

    const fn end_name(&self) -> &'static str {
        if self.trailer.etx { "ETX (03)" } else { "the link's trailer" }
    }

    /// Begins a frame: leaves room for the length and writes the header. The message is to be appended behind it, and
    /// then [`Framing::finish`]ed.
    #[inline]
    pub fn begin(&self, out: &mut Vec<u8>, lead: Lead<'_>) -> Mark {
        let mark = Mark(out.len());
        let (front, size) = (self.front.size(), self.length.size());
        let other = match lead {
            Lead::Own => &[],
            Lead::Answer { request, .. } => request,
            Lead::Same(lead) => lead,
        };
        if front > 0 {
            let whole = self.prefix_size() + self.trailer.front() + self.header.size();
            let header = other.get(..front).filter(|_| other.len() == whole);
            self.front.begin(out, lead, header.unwrap_or_default());
        }
        if size > 0 {
            self.length.begin(out, self.length.platform(other.get(front..front + size).unwrap_or_default()));
        }
        if self.trailer.stx {
            out.push(STX);
        }
        if self.header.size() > 0 {
            let header = other.get(front + size + self.trailer.front()..).unwrap_or_default();
            self.header.begin(out, lead, header);
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
        let body = begun + self.prefix_size();
        let header = body + self.trailer.front();
        let message = header + self.header.size();
        let found = out.len().saturating_sub(message);
        if found == 0 {
            return self.close_empty(out, begun);
        }
        let unsendable =
            |fits: usize, more: usize| FrameError::Unsendable { max: fits.saturating_sub(more), found };
        let bytes = out.get_mut(header..).unwrap_or_default();
        self.header.finish(bytes).map_err(|fits| unsendable(fits, message - header))?;
        self.trailer.finish(out);
        out.extend_from_slice(self.tail.bytes());
        if self.is_delimited() {
            // Found only where it was put, an end is one.
            let behind = out.get(message..).unwrap_or_default();
            if let Some(offset) = self.find_end(behind).filter(|offset| *offset < found) {
                return Err(FrameError::Ambiguous { mark: self.end_name(), offset });
            }
        }
        if self.length.width > 0 {
            let counted = out.len() - body - self.uncounted();
            let part = out.get_mut(begun + self.front.size()..body).unwrap_or_default();
            self.length
                .finish(part, counted, self.counted_front())
                .map_err(|fits| unsendable(fits, counted - found))?;
        }
        self.reseal(out.get_mut(begun..).unwrap_or_default());
        Ok(())
    }

    /// A keep-alive: the length alone, with the header before it, or the marks alone.
    fn close_empty(&self, out: &mut Vec<u8>, begun: usize) -> Result<(), FrameError> {
        if self.length.width > 0 {
            out.truncate(begun + self.prefix_size());
            let part = out.get_mut(begun + self.front.size()..).unwrap_or_default();
            return self.length.finish(part, 0, 0).map_err(|max| FrameError::Unsendable { max, found: 0 });
        }
        if self.header.style != Style::None || self.is_alone() {
            return Err(FrameError::Empty);
        }
        self.trailer.finish(out);
        out.extend_from_slice(self.tail.bytes());
        self.reseal(out.get_mut(begun..).unwrap_or_default());
        Ok(())
    }

    /// Sets the check byte anew of a whole frame whose message was changed in place. Other framings have none.
    #[inline]
    pub fn reseal(&self, frame: &mut [u8]) {
        if let Some((check, at)) = self.lrc(frame)
            && let Some(place) = frame.get_mut(at)
        {
            *place = check;
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
