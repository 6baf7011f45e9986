//! The time by which holds run out: the wall clock, but never ahead of what has really passed since the start, so that a
//! clock that jumps a year ahead by mistake ends no hold early. What it jumps back delays them for as long.

use std::time::{Duration, Instant};

/// A jump ahead that is worth a warning.
const JUMP: Duration = Duration::from_secs(60);

/// The time of holds.
#[derive(Debug)]
pub(super) struct HoldClock {
    start_us: i64,
    start: Instant,
    warned: bool,
}

impl HoldClock {
    /// Begins at this time of the wall clock, which is trusted.
    pub(super) fn new(wall_us: i64, now: Instant) -> HoldClock {
        HoldClock { start_us: wall_us, start: now, warned: false }
    }

    /// Microseconds since 1970, for [`crate::decision::Desk::expire_holds`].
    pub(super) fn now_us(&mut self, wall_us: i64, now: Instant) -> i64 {
        let passed = i64::try_from(now.duration_since(self.start).as_micros()).unwrap_or(i64::MAX);
        let steady_us = self.start_us.saturating_add(passed);
        let ahead_us = wall_us.saturating_sub(steady_us);
        let jumped = ahead_us > JUMP.as_micros() as i64;
        if jumped && !self.warned {
            let seconds = ahead_us / 1_000_000;
            tracing::warn!(
                seconds,
                "the wall clock has jumped ahead: holds run out by the time passed until a restart"
            );
        }
        self.warned = jumped;
        wall_us.min(steady_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_wall_clock_back_but_not_ahead_of_the_time_passed() {
        const SECOND: i64 = 1_000_000;
        const YEAR: i64 = 365 * 86_400 * SECOND;
        let (start_us, start) = (1_000 * SECOND, Instant::now());
        let mut clock = HoldClock::new(start_us, start);
        for (passed_s, wall_us, expected_us) in [
            (0, start_us, start_us),
            (10, start_us + 10 * SECOND, start_us + 10 * SECOND),
            (20, start_us + YEAR, start_us + 20 * SECOND),
            (30, start_us - 500 * SECOND, start_us - 500 * SECOND),
            (40, start_us + 40 * SECOND, start_us + 40 * SECOND),
        ] {
            let now = start + Duration::from_secs(passed_s);
            assert_eq!(clock.now_us(wall_us, now), expected_us, "after {passed_s} s");
        }
    }
}
