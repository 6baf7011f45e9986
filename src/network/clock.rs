//! One monotonic clock for stages and deadlines, one wall clock for decisions, and the beat that notices when the
//! process itself stood still.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01 UTC by the wall clock.
pub fn wall_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// Nanoseconds of a monotonic clock that costs some ten nanoseconds to read.
#[derive(Clone, Debug)]
pub struct Ticks {
    clock: quanta::Clock,
    origin: u64,
}

impl Ticks {
    /// A clock that begins about now.
    pub fn new() -> Ticks {
        let clock = quanta::Clock::new();
        let origin = clock.raw();
        Ticks { clock, origin }
    }

    /// Nanoseconds since the clock began.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.clock.delta_as_nanos(self.origin, self.clock.raw())
    }
}

impl Default for Ticks {
    fn default() -> Ticks {
        Ticks::new()
    }
}

/// How often a worker's beat is due.
pub const BEAT: Duration = Duration::from_millis(5);
/// A beat later than this means that the worker stood still: it was stopped, starved or moved.
const STILL_NS: u64 = 20_000_000;
/// What is read this soon after standing still may have waited all that time in the kernel.
const AFTERMATH_NS: u64 = 2_000_000;

/// Notices when a worker stood still, so that what waited meanwhile is not taken for fresh: the kernel does not tell
/// when bytes arrived.
#[derive(Debug, Default)]
pub struct Beat {
    last_ns: Cell<u64>,
    still_from_ns: Cell<u64>,
    still_until_ns: Cell<u64>,
}

impl Beat {
    /// The regular sign of life.
    pub fn beat(&self, now_ns: u64) {
        self.notice(now_ns);
        self.last_ns.set(now_ns);
    }

    fn notice(&self, now_ns: u64) {
        let last_ns = self.last_ns.get();
        if last_ns != 0 && now_ns.saturating_sub(last_ns) > STILL_NS {
            self.still_from_ns.set(last_ns);
            self.still_until_ns.set(now_ns);
            self.last_ns.set(now_ns);
        }
    }

    /// Since when bytes that were read now may have been waiting: now, or the moment the worker began to stand still.
    pub fn arrived_ns(&self, now_ns: u64) -> u64 {
        self.notice(now_ns);
        if now_ns.saturating_sub(self.still_until_ns.get()) < AFTERMATH_NS && self.still_until_ns.get() != 0 {
            self.still_from_ns.get()
        } else {
            now_ns
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn what_waited_while_the_worker_stood_still_is_old() {
        let beat = Beat::default();
        assert_eq!(beat.arrived_ns(MS), MS);
        beat.beat(5 * MS);
        assert_eq!(beat.arrived_ns(9 * MS), 9 * MS);
        beat.beat(10 * MS);
        // Stopped for 90 ms; whichever of the beat and the read comes first notices.
        assert_eq!(beat.arrived_ns(100 * MS), 10 * MS);
        beat.beat(100 * MS + 1);
        assert_eq!(beat.arrived_ns(101 * MS), 10 * MS);
        beat.beat(105 * MS);
        assert_eq!(beat.arrived_ns(105 * MS), 105 * MS);
    }
}
