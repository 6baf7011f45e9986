//! A stream that nobody need read: lines wait in a bounded buffer for a thread of their own, which alone waits for the
//! reader. What finds no room is dropped and counted. Must not know what the lines say.

use rustix::event::{PollFd, PollFlags, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that wait at most, beside as many that are being written.
const ROOM: usize = 1 << 20;

/// What is done about what happens to the lines, by the outlet's own thread.
pub struct Told {
    /// The stream took lines again after so many were dropped, or could not be written, since it last did.
    pub dropped: fn(u64),
    /// The stream refused lines.
    pub failed: fn(&io::Error),
}

/// One stream. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Outlet {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Bytes that were taken in, and those of them that have left or are lost.
    taken: u64,
    done: u64,
    dropped: u64,
}

impl Outlet {
    /// Starts the thread that writes to `stream`.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(name: &str, stream: OwnedFd, told: Told) -> io::Result<Outlet> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let its = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || its.write_on(&mut File::from(stream), &told))?;
        Ok(Outlet { shared })
    }

    /// Takes in whole lines, or drops them where there is no room. Never waits for the stream.
    pub fn push(&self, lines: &[u8]) {
        let mut state = self.shared.lock();
        if state.waiting.len() + lines.len() > ROOM {
            state.dropped += count(lines);
            return;
        }
        state.waiting.extend_from_slice(lines);
        state.taken += lines.len() as u64;
        self.shared.changed.notify_all();
    }

    /// Waits until all that was taken in by now has left, but no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut state = self.shared.lock();
        let taken = state.taken;
        while state.done < taken {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.shared.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Bytes that were taken in and have neither left nor been lost.
    pub fn waiting(&self) -> u64 {
        let state = self.shared.lock();
        state.taken - state.done
    }

    /// Lines that were dropped or could not be written so far.
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }
}

impl Shared {
    /// Who panics here tells it by way of this very outlet.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_on(&self, stream: &mut File, told: &Told) {
        let (mut batch, mut known, mut flows) = (Vec::new(), 0, false);
        loop {
            let dropped = {
                let idle = |state: &mut State| state.waiting.is_empty();
                let woken = self.changed.wait_while(self.lock(), idle);
                let mut state = woken.unwrap_or_else(PoisonError::into_inner);
                batch.clear();
                std::mem::swap(&mut batch, &mut state.waiting);
                state.dropped
            };
            // It comes right behind this batch, whose last line is the last before the gap.
            if flows && dropped > known {
                (told.dropped)(dropped - known);
                known = dropped;
            }
            let written = write_all(stream, &batch);
            flows = written.is_ok();
            let mut state = self.lock();
            state.done += batch.len() as u64;
            if let Err((error, left)) = written {
                state.dropped += count(&batch[batch.len() - left..]);
                drop(state);
                (told.failed)(&error);
            }
            self.changed.notify_all();
        }
    }
}

/// Writes all of it, however long that takes; else the error and the count of bytes that are left.
fn write_all(stream: &mut File, bytes: &[u8]) -> Result<(), (io::Error, usize)> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(0) => return Err((ErrorKind::WriteZero.into(), rest.len())),
            Ok(length) => rest = &rest[length..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Whoever started us, and shares the stream, may have set it so.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = poll(&mut [PollFd::new(&*stream, PollFlags::OUT)], None);
            }
            Err(error) => return Err((error, rest.len())),
        }
    }
    Ok(())
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count().max(1) as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};
    use std::sync::atomic::{AtomicU64, Ordering};

    static DROPPED: AtomicU64 = AtomicU64::new(0);

    /// Long enough on a busy machine; only a hang waits for it.
    const LONG: Duration = Duration::from_secs(120);

    fn outlet(stream: OwnedFd) -> Outlet {
        let dropped = |lines| _ = DROPPED.fetch_add(lines, Ordering::Relaxed);
        Outlet::start("outlet", stream, Told { dropped, failed: |_| {} }).unwrap()
    }

    #[test]
    fn nobody_waits_for_a_stream_that_nobody_reads_and_what_is_dropped_is_told() {
        let (reader, writer) = io::pipe().unwrap();
        let outlet = outlet(writer.into());
        let line = [&[b'x'; 99][..], b"\n"].concat();
        let lines = 4 * ROOM / line.len();
        for _ in 0..lines {
            outlet.push(&line);
        }
        let dropped = outlet.dropped();
        assert!(dropped > 0 && dropped < lines as u64 && outlet.waiting() > ROOM as u64 / 2);
        // Nobody reads: it does not wait for long.
        outlet.flush(Duration::from_millis(1));
        assert_eq!(DROPPED.load(Ordering::Relaxed), 0);
        let mut reader = BufReader::new(reader);
        let mut read = String::new();
        for _ in 0..lines as u64 - dropped {
            read.clear();
            reader.read_line(&mut read).unwrap();
            assert_eq!(read.as_bytes(), line);
        }
        outlet.push(&line);
        outlet.flush(LONG);
        assert_eq!(DROPPED.load(Ordering::Relaxed), dropped);
        assert_eq!((outlet.dropped(), outlet.waiting()), (dropped, 0));
    }

    #[test]
    fn a_stream_whose_reader_has_gone_loses_lines_and_stops_nobody() {
        let (reader, writer) = io::pipe().unwrap();
        let outlet = outlet(writer.into());
        drop(reader);
        for lines in 1..4 {
            outlet.push(b"a line\n");
            outlet.flush(LONG);
            assert_eq!(outlet.dropped(), lines);
        }
    }

    #[test]
    fn a_stream_that_others_have_set_to_block_nobody_gets_every_line() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let outlet = outlet(writer.into());
        let lines = vec![b'\n'; ROOM / 2];
        outlet.push(&lines);
        let mut read = vec![0; lines.len()];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(read, lines);
    }
}
