//! One nonblocking connection of the load client: bytes out, bytes in, and coming back after it was lost.
//! Knows no messages beyond where their frames end, and which of them opens a session.

use super::flights::Flights;
use crate::wire::frame::{Cutter, FrameError, Framing, Kind};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Room for one read.
const INBOX_BYTES: usize = 128 * 1024;
/// Longest answer taken, in bytes.
const MAX_FRAME_BYTES: usize = 65_535;
/// What a connection that takes nothing may pile up; messages beyond it are counted lost unsent.
const MAX_BACKLOG_BYTES: usize = 64 * 1024 * 1024;
/// Pause before a lost connection is opened again.
const RETRY_NS: u64 = 100_000_000;
/// How long the first attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

enum Socket {
    Open(TcpStream),
    Opening(TcpStream),
    Down { retry_ns: u64 },
}

/// The message that opens a session, until it is answered.
pub(super) struct SignOn {
    /// The message, without its framing.
    pub(super) message: Vec<u8>,
    since_ns: u64,
}

/// A message in the inbox, and what it may concern.
pub(super) struct Arrival<'a> {
    pub(super) message: &'a [u8],
    /// What stands before it in its frame.
    pub(super) lead: &'a [u8],
    pub(super) flights: &'a mut Flights,
    /// What opens the session, while that waits for its answer.
    pub(super) sign_on: Option<&'a SignOn>,
    /// For an answer to the message.
    pub(super) outbox: &'a mut Vec<u8>,
}

/// What was found in the inbox.
pub(super) enum Found<'a> {
    /// A message.
    Message(Arrival<'a>),
    /// A frame whose header or check byte is wrong, or that rejects a message of ours.
    Unreadable,
}

/// A connection to one endpoint of a target.
pub(super) struct Connection {
    /// Index of the endpoint.
    pub(super) endpoint: usize,
    pub(super) flights: Flights,
    address: SocketAddr,
    socket: Socket,
    outbox: Vec<u8>,
    written: usize,
    /// The kernel did not take all: the socket is to be watched for room.
    blocked: bool,
    /// Due times of the messages that wait in the outbox since it was last empty.
    unsent: Vec<u64>,
    cutter: Cutter,
    inbox: Vec<u8>,
    /// Unread bytes of the inbox: from, to.
    filled: (usize, usize),
    /// Set while a session is being opened: the outbox waits until it is.
    sign_on: Option<SignOn>,
    /// What is sent while the session is being opened.
    opening: Vec<u8>,
    /// When the connection was lost, until messages travel again.
    down_since_ns: u64,
}

impl Connection {
    /// Connects, waiting at most five seconds.
    pub(super) fn open(endpoint: usize, address: SocketAddr, framing: Framing) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Connection {
            endpoint,
            flights: Flights::default(),
            address,
            socket: Socket::Open(stream),
            outbox: Vec::new(),
            written: 0,
            blocked: false,
            unsent: Vec::new(),
            cutter: Cutter::new(framing, MAX_FRAME_BYTES),
            inbox: vec![0; INBOX_BYTES],
            filled: (0, 0),
            sign_on: None,
            opening: Vec::new(),
            down_since_ns: 0,
        })
    }

    /// Where it goes.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket to wait on, while there is one.
    pub(super) fn socket(&self) -> Option<&TcpStream> {
        match &self.socket {
            Socket::Open(stream) | Socket::Opening(stream) => Some(stream),
            Socket::Down { .. } => None,
        }
    }

    /// Whether messages travel: the connection is open, and its session too where it needs one.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.socket, Socket::Open(_)) && self.sign_on.is_none()
    }

    /// How long no messages have travelled, in nanoseconds; 0 while they do.
    pub(super) fn down_ns(&self, now_ns: u64) -> u64 {
        if self.is_ready() { 0 } else { now_ns.saturating_sub(self.down_since_ns) }
    }

    /// Begins a session with `frame`, which is `message` in its framing: it leaves with the next
    /// [`Connection::flush`]; the outbox waits until [`Connection::signed_on`].
    pub(super) fn open_session(&mut self, frame: &[u8], message: Vec<u8>, now_ns: u64) {
        self.sign_on = Some(SignOn { message, since_ns: now_ns });
        self.opening.extend_from_slice(frame);
    }

    /// The session is open.
    pub(super) fn signed_on(&mut self) {
        self.sign_on = None;
    }

    /// How long the answer to what opens the session has been awaited, in nanoseconds; `None`: it is not.
    pub(super) fn signing_on_ns(&self, now_ns: u64) -> Option<u64> {
        self.sign_on.as_ref().map(|sign_on| now_ns.saturating_sub(sign_on.since_ns))
    }

    /// Whether messages wait in the outbox.
    pub(super) fn is_waiting(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Where to append a frame that was due at `due_ns`; `None` where too much waits already.
    pub(super) fn outbox(&mut self, due_ns: u64) -> Option<&mut Vec<u8>> {
        if self.outbox.len() > MAX_BACKLOG_BYTES {
            return None;
        }
        self.unsent.push(due_ns);
        Some(&mut self.outbox)
    }

    /// Whether the socket is to be watched for room: the kernel did not take all, or the connection is opening.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked || matches!(self.socket, Socket::Opening(_))
    }

    /// Hands the outbox to the kernel; `sent` gets the due time of each message once all of it is handed over.
    pub(super) fn flush(&mut self, sent: impl FnOnce(&[u64])) -> io::Result<()> {
        // Also what was answered in the same read as the sign-on: it stands before all of the outbox.
        self.flush_opening()?;
        if self.sign_on.is_some() {
            return Ok(());
        }
        let Socket::Open(stream) = &mut self.socket else { return Ok(()) };
        while self.written < self.outbox.len() {
            match stream.write(&self.outbox[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        self.written = 0;
        self.blocked = false;
        sent(&self.unsent);
        self.unsent.clear();
        Ok(())
    }

    fn flush_opening(&mut self) -> io::Result<()> {
        if let Socket::Open(stream) = &mut self.socket {
            // A fresh socket has room for it.
            stream.write_all(&self.opening)?;
            self.opening.clear();
        }
        Ok(())
    }

    /// Reads once. `Ok(false)` where nothing was there.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        let Socket::Open(stream) = &mut self.socket else { return Ok(false) };
        if self.filled.0 > 0 {
            self.inbox.copy_within(self.filled.0..self.filled.1, 0);
            self.filled = (0, self.filled.1 - self.filled.0);
        }
        match stream.read(&mut self.inbox[self.filled.1..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => {
                self.filled.1 += bytes;
                Ok(true)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The next whole frame of the inbox. Keep-alives are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Found<'_>>, FrameError> {
        loop {
            let (from, to) = self.filled;
            let Some(cut) = self.cutter.next(&self.inbox[from..to])? else { return Ok(None) };
            self.filled.0 += cut.next;
            match cut.kind {
                Kind::KeepAlive | Kind::Control => {}
                Kind::Message => {
                    let outbox = if self.sign_on.is_some() { &mut self.opening } else { &mut self.outbox };
                    return Ok(Some(Found::Message(Arrival {
                        message: &self.inbox[from + cut.start..from + cut.end],
                        lead: &self.inbox[from..from + cut.start],
                        flights: &mut self.flights,
                        sign_on: self.sign_on.as_ref(),
                        outbox,
                    })));
                }
                Kind::Wrong(_) | Kind::Reject { .. } => return Ok(Some(Found::Unreadable)),
            }
        }
    }

    /// Gives the connection up for now: what waits to be written is dropped, a new attempt comes after a pause.
    pub(super) fn lose(&mut self, now_ns: u64) {
        if self.is_ready() {
            self.down_since_ns = now_ns;
        }
        self.sign_on = None;
        self.opening.clear();
        self.socket = Socket::Down { retry_ns: now_ns + RETRY_NS };
        self.outbox.clear();
        self.written = 0;
        self.blocked = false;
        self.unsent.clear();
        self.filled = (0, 0);
        self.cutter.restart();
    }

    /// Starts a new attempt if one is due; `Ok(true)`: there is a new socket to watch for room.
    pub(super) fn retry(&mut self, now_ns: u64) -> io::Result<bool> {
        match self.socket {
            Socket::Down { retry_ns } if retry_ns <= now_ns => {}
            _ => return Ok(false),
        }
        let family = if self.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&socket, &self.address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {
                self.socket = Socket::Opening(TcpStream::from(socket));
                Ok(true)
            }
            Err(_) => {
                self.lose(now_ns);
                Ok(false)
            }
        }
    }

    /// An attempt has ended, well or not: the socket became writable or failed.
    /// `Ok(true)`: it is open since now.
    pub(super) fn settle(&mut self, now_ns: u64) -> io::Result<bool> {
        let Socket::Opening(stream) = &self.socket else { return Ok(false) };
        if !matches!(sockopt::socket_error(stream), Ok(Ok(()))) {
            self.lose(now_ns);
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        stream.set_nodelay(true)?;
        if let Socket::Opening(stream) =
            std::mem::replace(&mut self.socket, Socket::Down { retry_ns: now_ns })
        {
            self.socket = Socket::Open(stream);
        }
        Ok(true)
    }
}
