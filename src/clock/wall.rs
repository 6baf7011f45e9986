//! The wall clock and the boot clock of this machine, behind the guard.

use super::guard::{Guard, Reading};
use rustix::time::{ClockId, clock_gettime};
use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01 UTC by the wall clock, believed or not: for tools that look on. Before 1970 it is negative.
pub fn wall_us() -> i64 {
    wall_ns() / 1_000
}

/// The same in nanoseconds.
pub(super) fn wall_ns() -> i64 {
    let whole = |nanoseconds: u128| i64::try_from(nanoseconds).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since.as_nanos()),
        Err(before) => -whole(before.duration().as_nanos()),
    }
}

fn boot_us() -> i64 {
    let passed = clock_gettime(ClockId::Boottime);
    passed.tv_sec * 1_000_000 + passed.tv_nsec / 1_000
}

/// How often both clocks are read anew where something came between.
const TRIES: u32 = 8;
/// Between two readings of the boot clock, with the wall clock in the middle.
const AT_ONCE_US: i64 = 1_000;

/// The time by which the switch decides, gives back and forgets.
#[derive(Debug)]
pub struct WallClock {
    guard: Guard,
}

impl WallClock {
    /// Goes by this guard.
    pub fn new(guard: Guard) -> WallClock {
        WallClock { guard }
    }

    /// Believes the wall clock as it is now: where there is nothing that it could be compared with.
    pub fn believing() -> WallClock {
        WallClock::new(Guard::new(WallClock::read(), i64::MAX / 2))
    }

    /// Both clocks now, in one moment as far as this thread is let run.
    pub fn read() -> Reading {
        for _ in 0..TRIES {
            let (before_us, wall_us, after_us) = (boot_us(), wall_us(), boot_us());
            if after_us - before_us <= AT_ONCE_US {
                return Reading { wall_us, boot_us: after_us };
            }
        }
        Reading { wall_us: wall_us(), boot_us: boot_us() }
    }

    /// Microseconds since 1970: see [`Guard::time_us`].
    #[inline]
    pub fn now_us(&self) -> i64 {
        // What comes between the two makes the wall clock look wrong, for this once: the time that is told is right then too.
        self.guard.time_us(Reading { wall_us: wall_us(), boot_us: boot_us() })
    }

    /// Its guard.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }
}
