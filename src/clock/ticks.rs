//! The clock that threads carry with them: monotonic time for stages and deadlines, and the guarded wall clock.

use super::wall::{WallClock, wall_ns};
use std::sync::Arc;
use std::time::Instant;

/// Nanoseconds of a monotonic clock that costs some ten nanoseconds to read, and the time of day.
#[derive(Clone, Debug)]
pub struct Ticks {
    clock: quanta::Clock,
    origin: u64,
    system: Instant,
    wall: Arc<WallClock>,
}

impl Ticks {
    /// A clock that begins about now and believes the wall clock.
    pub fn new() -> Ticks {
        Ticks::with(Arc::new(WallClock::believing()))
    }

    /// A clock that begins about now, with this time of day.
    pub fn with(wall: Arc<WallClock>) -> Ticks {
        let clock = quanta::Clock::new();
        let origin = clock.raw();
        Ticks { clock, origin, system: Instant::now(), wall }
    }

    /// Nanoseconds since the clock began.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.clock.delta_as_nanos(self.origin, self.clock.raw())
    }

    /// The time of day that is believed, microseconds since 1970: for messages, records and all that hangs on them.
    #[inline]
    pub fn wall_us(&self) -> i64 {
        self.wall.now_us()
    }

    /// The wall clock as it is, which the kernel stamps by, and how far it is ahead of the system's own monotonic clock, in
    /// nanoseconds: both are slewed alike, so that this changes only when the wall clock is set.
    pub fn wall(&self) -> (i64, i64) {
        let wall_ns = wall_ns();
        (wall_ns, wall_ns.saturating_sub(self.system.elapsed().as_nanos() as i64))
    }
}

impl Default for Ticks {
    fn default() -> Ticks {
        Ticks::new()
    }
}
