//! What is worth saying about a capture: where, and what, in numbers. A remark cannot hold content.

use std::fmt;
use std::mem::{Discriminant, discriminant};

/// Remarks of one kind that are kept; the others are counted.
pub const KEPT_OF_A_KIND: u64 = 20;

/// Where in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Of a capture file; the first packet is 1, as in Wireshark.
    Packet(u64),
    /// Of a text; the first line is 1.
    Line(u64),
}

/// What is unusual, and what was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Anomaly {
    /// The file ends within a packet.
    FileCutShort,
    /// The file cannot be read any further.
    FileDamaged,
    /// A packet's or block's length is over [`super::MAX_BLOCK`]; the file is read no further.
    BlockTooLong,
    /// The obsolete packet block of pcapng.
    ObsoleteBlock,
    /// A packet of an interface that the file does not describe.
    UnknownInterface,
    /// A link type that is not read, by its number in the registry of link types.
    UnknownLink(i32),
    /// The packet is too short or too damaged for its headers.
    BadHeader,
    /// A piece of a fragmented IP packet.
    Fragment,
    /// The capture kept only the beginning of a packet: so many bytes of TCP payload are missing.
    Truncated(u64),
    /// A segment ahead of one that comes later in the capture.
    OutOfOrder,
    /// So many bytes again.
    Retransmission(u64),
    /// So many bytes again, but others.
    Differs(u64),
    /// So many bytes that were sent are not in the capture.
    Gap(u64),
    /// No SYN: the capture begins within the connection.
    MidStream,
    /// So many bytes before the connection's first or beyond its last: not taken.
    OutOfStream(u64),
    /// A new connection between the ports of an earlier one.
    PortReused,
    /// The connection was reset.
    Reset,
    /// More than [`super::MAX_AHEAD`] waits behind a gap: what is missing is given up.
    TooFarAhead,
    /// More than [`super::MAX_FLOWS`] connections at once: this one is not followed.
    TooManyFlows,
    /// More than [`super::MAX_BYTES`]: the input is read no further.
    TooMuch,
    /// A line of more than [`super::MAX_LINE`]: passed over.
    LineTooLong,
    /// Hexadecimal with a digit missing: passed over.
    OddDigits,
    /// So many bytes in hexadecimal that do not begin like a message, within other text: passed over.
    UnlikeMessage(u64),
    /// A message told by its fields that has no end, no message type, or is nested too deep: passed over.
    UnreadableLog,
    /// A row of a dump that does not follow the row before it: a new piece begins.
    DumpGap,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Packet(number) => write!(f, "packet {number}"),
            Place::Line(number) => write!(f, "line {number}"),
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Anomaly::FileCutShort => "the file ends within a packet",
            Anomaly::FileDamaged => "expected a packet, found damage; the file is read no further",
            Anomaly::BlockTooLong => "a length beyond any packet's; the file is read no further",
            Anomaly::ObsoleteBlock => "an obsolete packet block; passed over",
            Anomaly::UnknownInterface => "an interface that the file does not describe; passed over",
            Anomaly::UnknownLink(number) => return write!(f, "link type {number} is not read; passed over"),
            Anomaly::BadHeader => "headers that are cut or damaged; passed over",
            Anomaly::Fragment => "an IP fragment; fragments are not put together",
            Anomaly::Truncated(bytes) => {
                return write!(f, "{bytes} bytes of payload were not captured (snapshot length)");
            }
            Anomaly::OutOfOrder => "out of order; put in its place",
            Anomaly::Retransmission(bytes) => return write!(f, "{bytes} bytes sent again"),
            Anomaly::Differs(bytes) => {
                return write!(f, "{bytes} bytes sent again differ; the first copy counts");
            }
            Anomaly::Gap(bytes) => return write!(f, "{bytes} bytes before this one are not in the capture"),
            Anomaly::MidStream => "the connection began before the capture",
            Anomaly::OutOfStream(bytes) => {
                return write!(
                    f,
                    "{bytes} bytes before the connection's beginning or after its end; not taken"
                );
            }
            Anomaly::PortReused => "a new connection between the same ports",
            Anomaly::Reset => "the connection was reset",
            Anomaly::TooFarAhead => "too much waits behind missing bytes; they are given up",
            Anomaly::TooManyFlows => "too many connections; this one is not followed",
            Anomaly::TooMuch => "more than is held in memory; the input is read no further",
            Anomaly::LineTooLong => "the line is too long; passed over",
            Anomaly::OddDigits => "an odd number of hexadecimal digits; passed over",
            Anomaly::UnlikeMessage(bytes) => {
                return write!(f, "{bytes} bytes in hexadecimal do not begin like a message; passed over");
            }
            Anomaly::UnreadableLog => "an <isomsg> that is no whole message; passed over",
            Anomaly::DumpGap => "the dump's row does not follow the one before; a new piece begins",
        };
        f.write_str(text)
    }
}

/// One thing worth saying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where.
    pub place: Place,
    /// What.
    pub anomaly: Anomaly,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.anomaly)
    }
}

/// The remarks on one input, bounded: the first [`KEPT_OF_A_KIND`] of each kind, and how many there were.
#[derive(Debug, Default)]
pub struct Remarks {
    kept: Vec<Remark>,
    counts: Vec<(Discriminant<Anomaly>, u64)>,
}

impl Remarks {
    pub(super) fn add(&mut self, place: Place, anomaly: Anomaly) {
        let kind = discriminant(&anomaly);
        let index = self.counts.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.counts.push((kind, 0));
            self.counts.len() - 1
        });
        let count = &mut self.counts[index].1;
        *count += 1;
        if *count <= KEPT_OF_A_KIND {
            self.kept.push(Remark { place, anomaly });
        }
    }

    /// Those that were kept, in the order they were found.
    pub fn kept(&self) -> &[Remark] {
        &self.kept
    }

    /// How many there were of the kind of `anomaly`, whatever its number.
    pub fn count(&self, anomaly: Anomaly) -> u64 {
        let kind = discriminant(&anomaly);
        self.counts.iter().find(|(known, _)| *known == kind).map_or(0, |(_, count)| *count)
    }

    /// How many are not among those kept.
    pub fn left_out(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count.saturating_sub(KEPT_OF_A_KIND)).sum()
    }
}
