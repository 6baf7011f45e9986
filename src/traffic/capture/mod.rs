//! Reads what an operator has of a link: a capture file, a dump, a log, hexadecimal, raw bytes. Yields pieces of bytes
//! with where they come from. Must not know dialects: what a piece means is its reader's affair.
//!
//! ```text
//!   input -> kind -> files -> packet -> flows -> stream  -+-> Piece, Remark
//!                 -> text  -> hex, dump, isomsg ^  -------+
//!                 -> (bytes as they are) -----------------+
//!                           framing, notations, start, other: what the bytes of a piece look like
//! ```
//!
//! [`Capture::open`] recognises the input by its first bytes, [`Capture::next_piece`] yields the pieces, and
//! [`Capture::remarks`] what was unusual on the way. All memory is bounded by the constants here: whatever the input,
//! nothing is taken beyond them and nothing panics.

mod clock;
mod dump;
mod files;
mod flows;
pub mod framing;
mod hex;
mod isomsg;
mod notations;
mod other;
mod packet;
mod piece;
mod remark;
mod start;
mod stream;
mod text;

pub use isomsg::{Logged, LoggedField, LoggedValue};
pub use notations::further_on;
pub use other::other_protocol;
pub use piece::{Begins, Direction, Flow, Origin, Piece};
pub use remark::{Anomaly, KEPT_OF_A_KIND, Place, Remark, Remarks};
pub use start::{Coding, Start, message_start};

use flows::Flows;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use text::Text;

/// Bytes held in all: payloads of all connections, or an input that is neither capture nor text.
pub const MAX_BYTES: usize = 512 << 20;
/// Connections held at once; those that have ended make room.
pub const MAX_FLOWS: usize = 1 << 16;
/// Bytes of one direction of a connection that wait for missing ones before them.
pub const MAX_AHEAD: usize = 4 << 20;
/// Bytes of one packet, or of one block of a capture file.
pub const MAX_BLOCK: usize = 16 << 20;
/// Bytes of one line of a text.
pub const MAX_LINE: usize = 16 << 20;

/// Bytes by which the input is recognised.
const SAMPLE: usize = 4096;

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A capture file as tcpdump writes it, in any byte order, of micro- or nanoseconds.
    Pcap,
    /// A capture file as Wireshark writes it.
    PcapNg,
    /// Lines: hexadecimal, dumps with offsets, logs with hexadecimal in them, in any mixture.
    Text,
    /// Anything else: bytes as they stood on a link.
    Bytes,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Pcap => "pcap",
            Kind::PcapNg => "pcapng",
            Kind::Text => "text",
            Kind::Bytes => "bytes",
        })
    }
}

/// How texts are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Every line of hexadecimal is a message of its own.
    pub one_a_line: bool,
    /// A line of a bare decimal number, a space and hexadecimal is a time in microseconds and a message, even where
    /// the number could be a message's first digits.
    pub timed: bool,
}

/// An input that is being read.
pub struct Capture<'a> {
    kind: Kind,
    state: State<'a>,
    remarks: Remarks,
    packets: u64,
    flows: u32,
}

enum State<'a> {
    Text(Box<Text<'a>>),
    /// Not read yet.
    Whole(Box<dyn BufRead + 'a>),
    Read(VecDeque<Piece>),
}

impl<'a> Capture<'a> {
    /// Recognises an input; one that is packed with gzip is unpacked on the way. A text is then read line by line, so
    /// that one that grows can be followed; everything else is read whole at the first [`Capture::next_piece`].
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn open(input: impl BufRead + 'a, options: Options) -> io::Result<Capture<'a>> {
        let (sample, mut input) = sampled(Box::new(input))?;
        let (sample, input): (_, Box<dyn BufRead + 'a>) = if sample.starts_with(&[0x1F, 0x8B, 8]) {
            input = Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(input)));
            sampled(input)?
        } else {
            (sample, input)
        };
        let kind = kind(&sample);
        let state = match kind {
            Kind::Text => State::Text(Box::new(Text::new(input, options))),
            Kind::Pcap | Kind::PcapNg | Kind::Bytes => State::Whole(input),
        };
        Ok(Capture { kind, state, remarks: Remarks::default(), packets: 0, flows: 0 })
    }

    /// What the input is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The next piece; `None` at the end. Of a text in the order of lines (connections found in dumps of packets come
    /// last), of a capture by connection: all of what went to the server, then all of what went to the client.
    ///
    /// # Errors
    /// The input cannot be read any further.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            match &mut self.state {
                State::Text(text) => match text.next_piece(&mut self.remarks)? {
                    Some(piece) => return Ok(Some(piece)),
                    None => {
                        let (mut flows, packets) = text.take_flows();
                        (self.packets, self.flows) = (packets, flows.count());
                        self.state = State::Read(flows.finish(&mut self.remarks).into());
                    }
                },
                State::Whole(input) => {
                    let pieces = match self.kind {
                        Kind::Pcap | Kind::PcapNg => {
                            let is_pcapng = self.kind == Kind::PcapNg;
                            let mut flows = Flows::default();
                            self.packets = read_flows(input, is_pcapng, &mut flows, &mut self.remarks)?;
                            self.flows = flows.count();
                            flows.finish(&mut self.remarks)
                        }
                        Kind::Text | Kind::Bytes => read_bytes(input, &mut self.remarks)?,
                    };
                    self.state = State::Read(pieces.into());
                }
                State::Read(pieces) => return Ok(pieces.pop_front()),
            }
        }
    }

    /// What was unusual so far; complete once [`Capture::next_piece`] gave `None`.
    pub fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    /// Packets read so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// TCP connections met so far, with data or without.
    pub fn flows(&self) -> u32 {
        self.flows
    }
}

/// The first bytes of an input, at most [`SAMPLE`] and at least to the end of a line where there is one, and the
/// input from its beginning on.
fn sampled<'a>(mut input: Box<dyn BufRead + 'a>) -> io::Result<(Vec<u8>, Box<dyn BufRead + 'a>)> {
    let mut sample: Vec<u8> = Vec::new();
    loop {
        let here = match input.fill_buf() {
            Ok(here) => here,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let taken = here.len().min(SAMPLE - sample.len());
        sample.extend_from_slice(&here[..taken]);
        input.consume(taken);
        if taken == 0 || (sample.len() >= 4 && sample.contains(&b'\n')) {
            break;
        }
    }
    let again = io::Cursor::new(sample.clone()).chain(input);
    Ok((sample, Box::new(again)))
}

fn kind(sample: &[u8]) -> Kind {
    match sample.first_chunk::<4>() {
        Some([0xD4, 0xC3, 0xB2, 0xA1] | [0xA1, 0xB2, 0xC3, 0xD4]) => return Kind::Pcap,
        Some([0x4D, 0x3C, 0xB2, 0xA1] | [0xA1, 0xB2, 0x3C, 0x4D]) => return Kind::Pcap,
        Some([0x34, 0xCD, 0xB2, 0xA1]) => return Kind::Pcap,
        Some([0x0A, 0x0D, 0x0D, 0x0A]) => return Kind::PcapNg,
        _ => {}
    }
    let is_text = match std::str::from_utf8(sample) {
        Ok(_) => true,
        // The sample may end within a character.
        Err(error) => error.error_len().is_none(),
    };
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B);
    if !is_text || sample.iter().any(control) {
        return Kind::Bytes;
    }
    // A message in ASCII is a text too; behind it, or behind four digits of a length, is no line of hexadecimal.
    let line = sample.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_hex = match hex::whole(&String::from_utf8_lossy(line)) {
        // All digits, and one too many for hexadecimal: no line, if there is no other.
        Some(hex::Whole::Odd) => sample.contains(&b'\n'),
        whole => whole.is_some(),
    };
    let starts = |from: usize| {
        let start = sample.get(from..).and_then(message_start);
        start.is_some_and(|start| start.coding == Coding::Ascii)
    };
    let has_length = sample.get(..4).is_some_and(|length| length.iter().all(u8::is_ascii_digit));
    // Behind a word of a header: more than one is a log, where hexadecimal is more likely.
    let is_word = |at: usize| sample[..at].iter().all(|byte| byte.is_ascii_alphanumeric());
    let is_headed = || further_on(sample).iter().any(|(at, is_text)| *is_text && is_word(*at));
    let is_message =
        !is_hex && (starts(0) || has_length && starts(4) || !sample.contains(&b'\n') && is_headed());
    if is_message && !text::is_one_a_line(sample) { Kind::Bytes } else { Kind::Text }
}

fn read_flows(
    input: &mut dyn BufRead,
    is_pcapng: bool,
    flows: &mut Flows,
    remarks: &mut Remarks,
) -> io::Result<u64> {
    let mut packets = 0;
    files::read_packets(input, is_pcapng, remarks, &mut |found, remarks| {
        packets = found.number;
        match packet::read(found.link, found.data, found.original) {
            packet::Seen::Tcp(segment) => flows.take(&segment, found.number, found.at_us, remarks),
            packet::Seen::Other => true,
            packet::Seen::Odd(anomaly) => {
                remarks.add(Place::Packet(found.number), anomaly);
                true
            }
        }
    })?;
    Ok(packets)
}

fn read_bytes(input: &mut dyn BufRead, remarks: &mut Remarks) -> io::Result<Vec<Piece>> {
    let mut bytes = Vec::new();
    input.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        bytes.truncate(MAX_BYTES);
        remarks.add(Place::Line(1), Anomaly::TooMuch);
    }
    Ok(if bytes.is_empty() { Vec::new() } else { vec![Piece::new(Origin::Input, bytes)] })
}
