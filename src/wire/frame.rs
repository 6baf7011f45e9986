//! Cutting a byte stream into messages, and putting a length before one. Knows nothing of what is in them.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// How a message's length stands before it.
///
/// A value of this type is plain data: other framings are other rows of the table behind
/// [`Framing::from_name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    name: &'static str,
    /// Bytes of the length, at most 8.
    width: usize,
    /// Whether the length counts its own bytes.
    counts_itself: bool,
}

const FRAMINGS: [Framing; 1] = [Framing { name: "length2-be", width: 2, counts_itself: false }];

/// Where a message stands in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// First byte of the message.
    pub start: usize,
    /// One past its last byte; the next frame starts here. Equal to `start` for a keep-alive.
    pub end: usize,
}

/// A stream that cannot be cut any further: the connection is to be closed.
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
    /// A message to be sent does not fit the length's bytes.
    #[error("expected a message of at most {max} bytes, found {found}")]
    Unsendable {
        /// The highest length that fits.
        max: usize,
        /// The message's length.
        found: usize,
    },
}

/// Where a frame was begun, for [`Framing::finish`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a frame that is begun must be finished, or its length stays zero"]
pub struct Mark(usize);

impl Framing {
    /// The two-byte big-endian length that does not count itself.
    pub const LENGTH2_BE: Framing = FRAMINGS[0];

    /// A framing by the name it has in settings: `length2-be`.
    pub fn from_name(name: &str) -> Option<Framing> {
        FRAMINGS.into_iter().find(|framing| framing.name == name)
    }

    /// Every name that [`Framing::from_name`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FRAMINGS.iter().map(|framing| framing.name)
    }

    /// The name in settings.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Bytes that stand before each message.
    pub const fn overhead(&self) -> usize {
        self.width
    }

    /// The first message of `buffer`; `None` while it is incomplete. An empty message is a keep-alive.
    ///
    /// # Errors
    /// A length over `max_frame` (bytes of the message), as soon as the length is there.
    #[inline]
    pub fn next(&self, buffer: &[u8], max_frame: usize) -> Result<Option<Cut>, FrameError> {
        let Some(prefix) = buffer.get(..self.width) else { return Ok(None) };
        let said = prefix.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let length = match (self.counts_itself, said) {
            (false, _) | (true, 0) => said,
            (true, _) => {
                said.checked_sub(self.width).ok_or(FrameError::TooShort { min: self.width, found: said })?
            }
        };
        if length > max_frame {
            return Err(FrameError::TooLong { max: max_frame, found: length });
        }
        let (start, end) = (self.width, self.width + length);
        Ok((end <= buffer.len()).then_some(Cut { start, end }))
    }

    /// Leaves room for the length; the message is to be appended behind it, and then [`Framing::finish`]ed.
    #[inline]
    pub fn begin(&self, out: &mut Vec<u8>) -> Mark {
        let mark = Mark(out.len());
        out.extend_from_slice(&[0; 8][..self.width]);
        mark
    }

    /// Writes the length of what was appended since [`Framing::begin`].
    ///
    /// # Errors
    /// The message is too long for the length's bytes: the whole frame is taken out of `out` again.
    #[inline]
    pub fn finish(&self, out: &mut Vec<u8>, mark: Mark) -> Result<(), FrameError> {
        let length = out.len().saturating_sub(mark.0 + self.width);
        let said = if self.counts_itself { length + self.width } else { length };
        let max = (1usize << (8 * self.width)) - 1;
        match out.get_mut(mark.0..mark.0 + self.width) {
            Some(prefix) if said <= max => {
                prefix.copy_from_slice(&said.to_be_bytes()[size_of::<usize>() - self.width..]);
                Ok(())
            }
            _ => {
                out.truncate(mark.0);
                Err(FrameError::Unsendable { max, found: length })
            }
        }
    }
}

/// The framing of one connection as a tokio-util codec: items are messages without their length.
#[derive(Clone, Copy, Debug)]
pub struct FrameCodec {
    /// How lengths stand on the wire.
    pub framing: Framing,
    /// Longest message taken, in bytes.
    pub max_frame: usize,
}

/// What ends a framed connection.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The stream cannot be cut.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl tokio_util::codec::Decoder for FrameCodec {
    type Item = Bytes;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Bytes>, CodecError> {
        let Some(cut) = self.framing.next(source, self.max_frame)? else { return Ok(None) };
        source.advance(cut.start);
        Ok(Some(source.split_to(cut.end - cut.start).freeze()))
    }
}

impl tokio_util::codec::Encoder<&[u8]> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, message: &[u8], out: &mut BytesMut) -> Result<(), CodecError> {
        let framing = self.framing;
        let max = ((1usize << (8 * framing.width)) - 1).min(self.max_frame);
        let said = if framing.counts_itself { message.len() + framing.width } else { message.len() };
        if said > max {
            return Err(FrameError::Unsendable { max, found: message.len() }.into());
        }
        out.reserve(framing.width + message.len());
        out.put_uint(said as u64, framing.width);
        out.put_slice(message);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio_util::codec::{Decoder, Encoder};

    const FRAMING: Framing = Framing::LENGTH2_BE;

    #[test]
    fn names_are_found() {
        assert_eq!(Framing::from_name("length2-be"), Some(FRAMING));
        assert_eq!(Framing::from_name("length2"), None);
        assert!(Framing::names().eq(["length2-be"]));
    }

    #[test]
    fn cuts_as_soon_as_whole() {
        let stream = [0, 3, b'a', b'b', b'c', 0, 1];
        for end in 0..5 {
            assert_eq!(FRAMING.next(&stream[..end], 10), Ok(None), "{end} bytes");
        }
        assert_eq!(FRAMING.next(&stream, 10), Ok(Some(Cut { start: 2, end: 5 })));
        assert_eq!(FRAMING.next(&stream[5..], 10), Ok(None));
    }

    #[test]
    fn zero_length_is_a_keep_alive() {
        assert_eq!(FRAMING.next(&[0, 0, 9], 10), Ok(Some(Cut { start: 2, end: 2 })));
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_the_message_comes() {
        let error = FrameError::TooLong { max: 255, found: 256 };
        assert_eq!(FRAMING.next(&[1, 0], 255), Err(error));
        assert_eq!(FRAMING.next(&[1, 0], 256), Ok(None));
    }

    #[test]
    fn a_length_that_counts_itself() {
        let inclusive = Framing { name: "", width: 2, counts_itself: true };
        assert_eq!(inclusive.next(&[0, 4, 1, 2], 10), Ok(Some(Cut { start: 2, end: 4 })));
        assert_eq!(inclusive.next(&[0, 0], 10), Ok(Some(Cut { start: 2, end: 2 })));
        assert_eq!(inclusive.next(&[0, 1], 10), Err(FrameError::TooShort { min: 2, found: 1 }));
        let mut out = Vec::new();
        let mark = inclusive.begin(&mut out);
        out.extend([1, 2]);
        inclusive.finish(&mut out, mark).unwrap();
        assert_eq!(out, [0, 4, 1, 2]);
    }

    #[test]
    fn writes_the_length_behind_other_frames() {
        let mut out = vec![0xAA];
        for message in [&b"abc"[..], b"", &[7; 300]] {
            let mark = FRAMING.begin(&mut out);
            out.extend_from_slice(message);
            FRAMING.finish(&mut out, mark).unwrap();
        }
        assert_eq!(&out[..10], [0xAA, 0, 3, b'a', b'b', b'c', 0, 0, 1, 44]);
        assert_eq!(out.len(), 10 + 300);
    }

    #[test]
    fn a_message_too_long_to_send_leaves_no_trace() {
        let mut out = vec![1, 2, 3];
        let mark = FRAMING.begin(&mut out);
        out.resize(out.len() + 65_536, 0);
        let error = FrameError::Unsendable { max: 65_535, found: 65_536 };
        assert_eq!(FRAMING.finish(&mut out, mark), Err(error));
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn the_codec_gives_back_what_it_took() {
        let mut codec = FrameCodec { framing: FRAMING, max_frame: 1000 };
        let mut stream = BytesMut::new();
        let messages = [&b"0800"[..], b"", &[1; 1000]];
        for message in messages {
            codec.encode(message, &mut stream).unwrap();
        }
        assert!(codec.encode(&[1; 1001], &mut stream).is_err());
        for message in messages {
            assert_eq!(codec.decode(&mut stream).unwrap().unwrap(), message);
        }
        assert!(codec.decode(&mut stream).unwrap().is_none() && stream.is_empty());
    }
}
