//! The framing of one connection as a tokio-util codec, for clients of their own.

use super::{Cutter, FrameError, Framing, Kind, Lead};
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

/// Cuts frames, and frames messages.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    cutter: Cutter,
    max_frame: usize,
    /// A frame that is being made.
    frame: Vec<u8>,
}

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// What stands before the message, for [`Lead::Answer`].
    pub lead: Bytes,
    /// The message; empty in a keep-alive.
    pub message: Bytes,
}

/// What ends a framed connection.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The stream cannot be cut, or a message not be framed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl FrameCodec {
    /// A codec for one connection; `max_frame` is the most bytes of a frame behind its length, in both directions.
    pub const fn new(framing: Framing, max_frame: usize) -> FrameCodec {
        FrameCodec { cutter: Cutter::new(framing, max_frame), max_frame, frame: Vec::new() }
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        let Some(cut) = self.cutter.next(source)? else { return Ok(None) };
        let mut frame = source.split_to(cut.next).freeze();
        frame.truncate(cut.end);
        let message = frame.split_off(cut.start);
        Ok(Some(Frame { kind: cut.kind, lead: frame, message }))
    }
}

impl Encoder<(Lead<'_>, &[u8])> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, (lead, message): (Lead<'_>, &[u8]), out: &mut BytesMut) -> Result<(), CodecError> {
        let framing = *self.cutter.framing();
        self.frame.clear();
        let mark = framing.begin(&mut self.frame, lead);
        self.frame.extend_from_slice(message);
        framing.finish(&mut self.frame, mark)?;
        let max = framing.room(self.max_frame);
        if self.frame.len() > max {
            let around = self.frame.len() - message.len();
            return Err(
                FrameError::Unsendable { max: max.saturating_sub(around), found: message.len() }.into()
            );
        }
        out.extend_from_slice(&self.frame);
        Ok(())
    }
}

impl Encoder<&[u8]> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, message: &[u8], out: &mut BytesMut) -> Result<(), CodecError> {
        self.encode((Lead::Own, message), out)
    }
}
