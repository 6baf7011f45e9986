//! What a capture yields: runs of bytes, each with where it comes from. Knows no file format.

use super::isomsg::Logged;
use std::fmt;
use std::net::SocketAddr;

/// Which way bytes of a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the side that opened the connection.
    ToServer,
    /// From the side that listened.
    ToClient,
}

impl Direction {
    /// The other one.
    pub fn reversed(self) -> Direction {
        match self {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::ToServer => "to server",
            Direction::ToClient => "to client",
        })
    }
}

/// One TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Its number in the capture, from 0, in the order of first packets. Connections between the same ports
    /// have numbers of their own.
    pub number: u32,
    /// The side that opened it.
    pub client: SocketAddr,
    /// The side that listened.
    pub server: SocketAddr,
    /// Neither side's SYN was captured: the side with the lower port is taken for the server.
    pub guessed: bool,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.client, self.server)
    }
}

/// Where a piece comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One message in hexadecimal, the whole of a line, or of this line and those that it was wrapped onto.
    Line(u64),
    /// One message in hexadecimal within a line of other text, such as a log: line and character, both from 1.
    Within {
        /// Of the input.
        line: u64,
        /// Of the line; where the hexadecimal begins.
        column: u64,
    },
    /// A dump of rows with offsets; its first row's line.
    Dump(u64),
    /// A run of one direction of a TCP connection: any number of messages, framed.
    Flow(Flow, Direction),
    /// The whole input as it is: a message or any number of them, framed or not.
    Input,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Line(line) => write!(f, "line {line}"),
            Origin::Within { line, column } => write!(f, "line {line}, character {column}"),
            Origin::Dump(line) => write!(f, "dump at line {line}"),
            Origin::Flow(flow, Direction::ToServer) => write!(f, "{} -> {}", flow.client, flow.server),
            Origin::Flow(flow, Direction::ToClient) => write!(f, "{} -> {}", flow.server, flow.client),
            Origin::Input => f.write_str("input"),
        }
    }
}

/// What is before a piece's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// Nothing: the first byte begins a frame or a message.
    AtStart,
    /// The connection is older than the capture: the first byte may be anywhere in a frame.
    MidStream,
    /// So many bytes are missing between the piece before and this one: the first byte may be anywhere in a frame.
    AfterGap(u64),
}

impl Begins {
    /// Whether the reader must look for the first frame: see [`super::framing::detect`].
    pub fn must_synchronise(self) -> bool {
        self != Begins::AtStart
    }
}

/// From where on the bytes of a run came in this packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// In the piece.
    pub offset: usize,
    /// From 1.
    pub packet: u64,
    /// Microseconds since 1970 in UTC.
    pub at_us: Option<u64>,
}

/// Bytes without a hole. Its `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it comes from.
    pub origin: Origin,
    /// What is before its first byte.
    pub begins: Begins,
    /// Of a flow: the first byte's place in its direction's stream, from 0. Otherwise 0.
    pub offset: u64,
    /// The bytes. They may hold card data.
    pub bytes: Vec<u8>,
    /// Of a text: the line as it stands, where that may be the message, and not the bytes that it is in hexadecimal.
    pub as_text: Option<Vec<u8>>,
    /// Of a log that tells a message by its fields: these, and no bytes.
    pub logged: Option<Box<Logged>>,
    /// By rising offset; the first is at 0, if there is one.
    pub(super) marks: Vec<Mark>,
    /// Of a text: the time that stands in the line.
    pub(super) at_us: Option<u64>,
}

impl Piece {
    pub(super) fn new(origin: Origin, bytes: Vec<u8>) -> Piece {
        Piece {
            origin,
            begins: Begins::AtStart,
            offset: 0,
            bytes,
            as_text: None,
            logged: None,
            marks: Vec::new(),
            at_us: None,
        }
    }

    /// The same with the line as it stands for its bytes.
    pub fn told_as_text(&self) -> Option<Piece> {
        let bytes = self.as_text.clone()?;
        Some(Piece { at_us: self.at_us, ..Piece::new(self.origin, bytes) })
    }

    fn mark(&self, offset: usize) -> Option<&Mark> {
        self.marks[..self.marks.partition_point(|mark| mark.offset <= offset)].last()
    }

    /// When the byte at `offset` was seen, in microseconds; since 1970 in UTC, or since what the file counts from
    /// where its lines begin with a bare number. `None` where the input does not tell.
    pub fn at_us(&self, offset: usize) -> Option<u64> {
        self.mark(offset).map_or(self.at_us, |mark| mark.at_us)
    }

    /// The packet that the byte at `offset` came in, from 1; `None` for what is not of a capture file.
    pub fn packet(&self, offset: usize) -> Option<u64> {
        self.mark(offset).map(|mark| mark.packet)
    }

    /// How many packets it came in.
    pub fn packets(&self) -> usize {
        self.marks.len()
    }

    /// Where the byte at `offset` comes from, in words: `packet 17, 10.0.0.1:5000 -> 10.0.0.2:8583`.
    pub fn place(&self, offset: usize) -> String {
        match self.packet(offset) {
            Some(packet) => format!("packet {packet}, {}", self.origin),
            None if offset > 0 => format!("{}, byte {offset}", self.origin),
            None => self.origin.to_string(),
        }
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The bytes may be card data: none may reach a log through `{:?}`.
        let Piece { origin, begins, offset, bytes, .. } = self;
        write!(f, "Piece {{ {origin}, {begins:?}, {} bytes from {offset} }}", bytes.len())
    }
}
