//! The file of a snapshot while it is written: in steps, each of which leaves room on the disk and is synced before the
//! next, so that nobody else's sync stands behind gigabytes of it. Must not know what is in it.

use std::fs::File;
use std::io::{self, Write};

/// Bytes between two looks at the room, syncs and pauses.
const STEP_BYTES: u64 = 1 << 20;
const MIB: u64 = 1 << 20;

/// What a snapshot says of its journal, and what its writing leaves to others.
#[derive(Clone, Copy, Default)]
pub struct WriteOptions<'a> {
    /// The journal's chain value behind the last record before the writing began, by which the snapshot knows its journal.
    pub journal: u32,
    /// Bytes of the file system that stay free: the snapshot is given up before it takes them.
    pub leave_free_bytes: u64,
    /// Called after each step with the bytes written in it; may take its time. False gives the snapshot up.
    pub pause: Option<&'a dyn Fn(u64) -> bool>,
}

/// Why it goes no further.
pub(super) enum Stop {
    System(io::Error),
    NoRoom { free_mib: u64, needs_mib: u64, leave_mib: u64 },
    GivenUp,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::System(error)
    }
}

/// A file that is written from its begin to its end.
pub(super) struct Paced<'a> {
    file: File,
    options: WriteOptions<'a>,
    /// About how long the file becomes.
    expected: u64,
    written: u64,
    /// Of them in this step.
    in_step: u64,
}

impl Paced<'_> {
    /// Begins, where there is room for `expected` bytes.
    pub(super) fn begin(file: File, expected: u64, options: WriteOptions<'_>) -> Result<Paced<'_>, Stop> {
        let paced = Paced { file, options, expected, written: 0, in_step: 0 };
        paced.look_for_room()?;
        Ok(paced)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        self.in_step += bytes.len() as u64;
        if self.in_step < STEP_BYTES {
            return Ok(());
        }
        self.file.sync_data()?;
        let step = std::mem::take(&mut self.in_step);
        if self.options.pause.is_some_and(|pause| !pause(step)) {
            return Err(Stop::GivenUp);
        }
        self.look_for_room()
    }

    /// Makes all of it durable.
    pub(super) fn finish(self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn look_for_room(&self) -> Result<(), Stop> {
        let leave = self.options.leave_free_bytes;
        if leave == 0 {
            return Ok(());
        }
        let system = rustix::fs::fstatvfs(&self.file).map_err(io::Error::from)?;
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        let needs = self.expected.saturating_sub(self.written).max(STEP_BYTES);
        if free >= leave.saturating_add(needs) {
            return Ok(());
        }
        Err(Stop::NoRoom {
            free_mib: free / MIB,
            needs_mib: needs.div_ceil(MIB),
            leave_mib: leave.div_ceil(MIB),
        })
    }
}
