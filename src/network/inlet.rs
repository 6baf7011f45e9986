//! The reading side of a connection: waits for its socket, reads it, and keeps what is known of when bytes came.
//! Knows sockets and clocks; must not know frames.

use super::Ticks;
use super::arrival::{Arrivals, Read};
use super::clock::{Turns, Watched};
use super::system;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::unconstrained;

/// What is read at once where bytes have waited long: each read has a stamp of its own, and small ones tell their ages apart.
const STALE_READ_BYTES: usize = 4 << 10;

/// The reading side of one connection.
pub struct Inlet {
    watched: Watched,
    ticks: Ticks,
    /// When bytes came.
    pub arrivals: Arrivals,
    /// Whether the last read left something in the socket.
    pub has_more: bool,
}

impl Inlet {
    /// Of a connection in this loop, whose first byte comes after `since_ns`.
    pub fn new(turns: Arc<Turns>, ticks: Ticks, since_ns: u64) -> Inlet {
        Inlet { watched: Watched::new(turns), ticks, arrivals: Arrivals::new(since_ns), has_more: false }
    }

    /// Waits until there is something to read, or the end.
    pub async fn readable(&mut self, stream: &TcpStream) -> Result<()> {
        // A task whose budget is spent would be told "pending" of a socket that is not empty.
        unconstrained(poll_fn(|cx| {
            let (polled, nothing_ns) = self.watched.poll(cx, |cx| stream.poll_read_ready(cx));
            if let Some(at_ns) = nothing_ns {
                self.arrivals.found_empty(at_ns);
            }
            polled
        }))
        .await
    }

    /// Reads what is there. `None` = nothing; 0 bytes = the peer has shut its sending side.
    pub fn receive(&mut self, stream: &TcpStream, into: &mut [u8]) -> Result<Option<usize>> {
        let now_ns = self.ticks.now_ns();
        let (wall_ns, ahead_ns) = self.ticks.wall();
        let mut asked = into.len();
        if self.arrivals.is_behind(now_ns) {
            if system::may_hold_back(stream)? {
                self.arrivals.hold_back(now_ns);
            }
            asked = asked.min(STALE_READ_BYTES);
        }
        let mut received = None;
        let tried = stream.try_io(Interest::READABLE, || {
            let got = system::receive(stream, &mut into[..asked])?;
            received = Some(got);
            // The socket is empty: said like this, the runtime tells us of what comes next.
            if got.length < asked { Err(Error::from(ErrorKind::WouldBlock)) } else { Ok(()) }
        });
        self.has_more = false;
        let Some(got) = received else {
            return match tried {
                Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
                _ => {
                    self.arrivals.found_empty(now_ns);
                    Ok(None)
                }
            };
        };
        if got.length > 0 {
            let left = if got.length < asked { 0 } else { system::waiting(stream)? };
            self.has_more = left > 0;
            let (length, stamp_ns) = (got.length, got.stamp_ns);
            self.arrivals.read(&Read { now_ns, wall_ns, ahead_ns, length, stamp_ns, left });
        }
        Ok(Some(got.length))
    }
}
