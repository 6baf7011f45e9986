//! What the kernel knows of a socket beyond what the standard library asks: when bytes came, how full its buffer is.
//! Knows sockets and their options; must not know connections, messages or what is done with the answers.

use nix::libc;
use nix::sys::socket::sockopt::{GetStruct, RcvBuf, ReceiveTimestampns};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, getsockopt, recvmsg, setsockopt};
use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};
use std::io::{IoSliceMut, Result};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// The words of SO_MEMINFO, as `linux/sock_diag.h` numbers them.
const MEMINFO_WORDS: usize = 9;
const RMEM_ALLOC: usize = 0;
const RCVBUF: usize = 1;

sockopt_impl!(
    /// The memory a socket uses.
    MemInfo,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_MEMINFO,
    [u32; MEMINFO_WORDS],
    GetStruct<[u32; MEMINFO_WORDS]>
);

/// The words of TCP_INFO up to `tcpi_bytes_acked`, as `linux/tcp.h` has them, and where that begins.
const TCP_INFO_WORDS: usize = 32;
const BYTES_ACKED: usize = 30;

sockopt_impl!(
    /// What the kernel knows of a TCP connection.
    TcpInfo,
    GetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    [u32; TCP_INFO_WORDS],
    GetStruct<[u32; TCP_INFO_WORDS]>
);

sockopt_impl!(
    /// Bytes that may wait unsent before the socket counts as full.
    NotSentLowat,
    Both,
    libc::IPPROTO_TCP,
    libc::TCP_NOTSENT_LOWAT,
    usize
);

/// Room for the one control message that is asked for, aligned as its header must be.
#[repr(align(8))]
struct Control([u8; 64]);

/// What one read returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Bytes; 0 = the peer has shut its sending side.
    pub length: usize,
    /// When the last segment they came in arrived, in nanoseconds since 1970 by the wall clock; none where the kernel did
    /// not note it.
    pub stamp_ns: Option<i64>,
}

/// Reads what is there, without waiting.
pub fn receive(socket: &impl AsRawFd, into: &mut [u8]) -> Result<Received> {
    let mut control = Control([0; 64]);
    let mut slices = [IoSliceMut::new(into)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let received = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut control.0), flags)?;
    let stamp_ns = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(stamp) => {
            Some(stamp.tv_sec().wrapping_mul(1_000_000_000).wrapping_add(stamp.tv_nsec()))
        }
        _ => None,
    });
    Ok(Received { length: received.bytes, stamp_ns })
}

/// Bytes that wait in the socket to be read.
pub fn waiting(socket: &impl AsFd) -> Result<usize> {
    Ok(usize::try_from(rustix::io::ioctl_fionread(socket)?).unwrap_or(usize::MAX))
}

/// Whether the receive buffer is so full that the peer's sending may have been held back: more than half of it is used,
/// the bookkeeping of the segments included.
pub fn may_hold_back(socket: &impl AsFd) -> Result<bool> {
    let words = getsockopt(socket, MemInfo)?;
    Ok(words[RMEM_ALLOC] > words[RCVBUF] / 2)
}

/// Bytes of what was written to the socket that its peer has acknowledged.
pub fn acknowledged(socket: &impl AsFd) -> Result<u64> {
    let words = getsockopt(socket, TcpInfo)?;
    let halves = [words[BYTES_ACKED], words[BYTES_ACKED + 1]].map(u32::to_ne_bytes);
    let mut bytes = [0; 8];
    bytes.as_chunks_mut::<4>().0.copy_from_slice(&halves);
    Ok(u64::from_ne_bytes(bytes))
}

/// Ends a connection so that the kernel keeps nothing of it: what its peer sees is a reset.
pub fn reset(socket: impl AsFd) {
    // Without it the connection ends as any other.
    let _ = rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO));
}

/// Bytes of answers that may wait unsent in the kernel, beside one segment: what it took can no longer be undone.
const UNSENT_BYTES: usize = 16 << 10;

/// Prepares a listener, whose connections inherit it: arrivals are stamped, so many bytes may wait unread, and few unsent.
/// Returns how many bytes unread the kernel grants.
pub fn prepare_listener(socket: &impl AsFd, receive_bytes: usize) -> Result<usize> {
    setsockopt(socket, ReceiveTimestampns, &true)?;
    setsockopt(socket, RcvBuf, &receive_bytes)?;
    setsockopt(socket, NotSentLowat, &UNSENT_BYTES)?;
    // The kernel doubles what it is asked for, to have room for its bookkeeping.
    Ok(getsockopt(socket, RcvBuf)? / 2)
}
