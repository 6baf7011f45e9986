//! The guard on the wall clock, arithmetic only: it is told what two clocks say, and says what time it is. Tested in virtual
//! time; knows no clock.
//!
//! The boot clock counts what passes since the machine started, suspended or not, and cannot be set. So the wall clock is
//! believed as long as it stands where it was once believed, plus what has passed since by the boot clock.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// One look at both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock, microseconds since 1970-01-01 UTC.
    pub wall_us: i64,
    /// The boot clock, microseconds since the machine started.
    pub boot_us: i64,
}

impl Reading {
    /// How far the wall clock is ahead of the boot clock, in microseconds: changes only when the wall clock is set.
    fn ahead_us(self) -> i64 {
        self.wall_us.saturating_sub(self.boot_us)
    }
}

/// What two clocks may part by for each microsecond that passes: a thousandth, far more than any quartz.
const DRIFT: i64 = 1_000;
/// Two clocks cannot be read in one moment: by less than this what is kept need not be exact.
const CLOSE_US: i64 = 1_000;

/// Says what time it is. Shared by all threads; asking costs no lock.
#[derive(Debug)]
pub struct Guard {
    /// Where the wall clock was believed last by a start or by word: by how much it was ahead of the boot clock, and when.
    /// Small steps do not move it, so that many of them together lead no further than one.
    anchor_ahead_us: AtomicI64,
    anchored_us: AtomicI64,
    /// By how much it was ahead when it was last believed: time goes on from there where it is not.
    ahead_us: AtomicI64,
    max_step_us: i64,
}

impl Guard {
    /// Believes that at `anchor` the wall clock was right; steps of `max_step_us` are believed too.
    pub fn new(anchor: Reading, max_step_us: i64) -> Guard {
        Guard {
            anchor_ahead_us: anchor.ahead_us().into(),
            anchored_us: anchor.boot_us.into(),
            ahead_us: anchor.ahead_us().into(),
            max_step_us,
        }
    }

    /// The time, in microseconds since 1970: the wall clock's where it is believed, else the last that was believed and
    /// what has passed since.
    #[inline]
    pub fn time_us(&self, now: Reading) -> i64 {
        let kept_us = self.ahead_us.load(Relaxed);
        if !self.believes(now) {
            return now.boot_us.saturating_add(kept_us);
        }
        // Seldom written, so that the threads do not take its cache line from each other.
        if now.ahead_us().abs_diff(kept_us) > CLOSE_US as u64 {
            self.ahead_us.store(now.ahead_us(), Relaxed);
        }
        now.wall_us
    }

    /// Whether the wall clock is believed.
    #[inline]
    pub fn believes(&self, now: Reading) -> bool {
        let passed_us = now.boot_us.saturating_sub(self.anchored_us.load(Relaxed)).max(0);
        let may_us = self.max_step_us.saturating_add(passed_us / DRIFT);
        now.ahead_us().abs_diff(self.anchor_ahead_us.load(Relaxed)) <= may_us.unsigned_abs()
    }

    /// Somebody says that the wall clock is right.
    pub fn trust(&self, now: Reading) {
        self.anchored_us.store(now.boot_us, Relaxed);
        self.anchor_ahead_us.store(now.ahead_us(), Relaxed);
        self.ahead_us.store(now.ahead_us(), Relaxed);
    }

    /// Where it believes the wall clock to have been right: good until the machine starts anew.
    pub fn anchor(&self) -> Reading {
        let boot_us = self.anchored_us.load(Relaxed);
        Reading { wall_us: boot_us.saturating_add(self.anchor_ahead_us.load(Relaxed)), boot_us }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * S;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    const MAX_STEP: i64 = 60 * S;
    /// 2026-11-30 16:00 UTC.
    const START: i64 = 1_796_054_400 * S;
    const BOOT: i64 = 5_000 * S;

    fn guard() -> Guard {
        Guard::new(Reading { wall_us: START, boot_us: BOOT }, MAX_STEP)
    }

    /// So long after the start, with the wall clock off by so much.
    fn after(passed_us: i64, off_us: i64) -> Reading {
        Reading { wall_us: START + passed_us + off_us, boot_us: BOOT + passed_us }
    }

    #[test]
    fn a_clock_that_is_set_is_not_believed_in_either_direction() {
        for off_us in [120 * S, HOUR, DAY, 4 * DAY, 8 * DAY, YEAR, 10 * YEAR, START] {
            for off_us in [off_us, -off_us] {
                let guard = guard();
                assert_eq!(guard.time_us(after(10 * S, 0)), START + 10 * S);
                for passed_us in [11 * S, HOUR, DAY] {
                    let now = after(passed_us, off_us);
                    assert!(!guard.believes(now) || off_us.abs() <= passed_us / DRIFT + MAX_STEP, "{off_us}");
                    if !guard.believes(now) {
                        assert_eq!(
                            guard.time_us(now),
                            START + passed_us,
                            "off by {off_us} after {passed_us}"
                        );
                    }
                }
                // Set right again, it is believed again.
                let now = after(2 * DAY, 0);
                assert_eq!((guard.believes(now), guard.time_us(now)), (true, now.wall_us));
            }
        }
    }

    #[test]
    fn extremes_of_either_clock_overflow_nothing() {
        for wall_us in [i64::MIN, -1, 0, i64::MAX] {
            for boot_us in [i64::MIN, -1, 0, i64::MAX] {
                let now = Reading { wall_us, boot_us };
                for guard in [guard(), Guard::new(now, MAX_STEP), Guard::new(now, i64::MAX)] {
                    guard.time_us(now);
                    guard.time_us(after(0, 0));
                    guard.trust(now);
                    guard.anchor();
                }
            }
        }
    }

    #[test]
    fn what_corrects_a_clock_is_believed_and_many_small_steps_lead_nowhere() {
        let guard = guard();
        for (passed_us, off_us) in [(S, S), (2 * S, -S), (3 * S, 60 * S), (4 * S, -60 * S), (DAY, 146 * S)] {
            let now = after(passed_us, off_us);
            assert_eq!((guard.believes(now), guard.time_us(now)), (true, now.wall_us), "{off_us}");
        }
        let mut off_us = 0;
        let mut believed_us = 0;
        for second in 1..=1_000 {
            off_us += 50 * S;
            let now = after(DAY + second * S, off_us);
            if guard.believes(now) {
                believed_us = off_us;
            }
        }
        assert_eq!(believed_us, 100 * S, "the step and a day's drift, and no more");
        let time_us = guard.time_us(after(2 * DAY, off_us));
        assert_eq!(time_us, START + 2 * DAY + 146 * S, "goes on from the last that was believed");
    }

    #[test]
    fn time_never_goes_back_by_more_than_two_small_steps() {
        let guard = guard();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let (mut passed_us, mut latest_us) = (0, START);
        for _ in 0..100_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            passed_us += (random >> 40) as i64 % S;
            let size_us = [0, S, 50 * S, 70 * S, HOUR, 4 * DAY, 10 * YEAR][(random >> 33) as usize % 7];
            let off_us = if random >> 63 == 0 { size_us } else { -size_us };
            let time_us = guard.time_us(after(passed_us, off_us));
            let may_us = 2 * (MAX_STEP + passed_us / DRIFT);
            assert!((time_us - START - passed_us).abs() <= may_us / 2, "off by {off_us} at {passed_us}");
            assert!(time_us >= latest_us - may_us);
            latest_us = latest_us.max(time_us);
        }
    }

    #[test]
    fn the_calendar_does_not_matter() {
        // The last microsecond before, in UTC: a leap day and its end, New Year, a leap second, clocks that are set by an
        // hour in Europe and America in both directions; over each of them 2 s pass.
        for date_s in [
            1_709_164_800, // 2024-02-29
            1_709_251_200, // 2024-03-01
            1_830_297_600, // 2028-01-01
            1_835_395_200, // 2028-02-29
            1_483_228_800, // 2017-01-01, behind a leap second
            1_743_296_400, // 2025-03-30 01:00, Berlin forward
            1_761_440_400, // 2025-10-26 01:00, Berlin back
            1_741_503_600, // 2025-03-09 07:00, New York forward
            1_762_063_200, // 2025-11-02 06:00, New York back
            4_107_542_400, // 2100-03-01, no leap year
        ] {
            let before = Reading { wall_us: date_s * S - 1, boot_us: BOOT };
            let guard = Guard::new(before, MAX_STEP);
            // Where the leap second is stepped, the wall clock is a second behind.
            for leap_us in [0, -S] {
                let now = Reading { wall_us: before.wall_us + 2 * S + leap_us, boot_us: BOOT + 2 * S };
                assert_eq!((guard.believes(now), guard.time_us(now)), (true, now.wall_us), "{date_s}");
            }
            // Local time where UTC belongs, as of a machine that keeps its hardware clock so.
            for hours in [-5, 1, 2, 14] {
                let now = Reading { wall_us: before.wall_us + hours * HOUR, boot_us: BOOT + 2 * S };
                assert!(!guard.believes(now), "{date_s} and {hours} h");
            }
        }
    }

    #[test]
    fn is_right_when_somebody_says_so() {
        let guard = guard();
        for off_us in [4 * DAY, -4 * DAY] {
            let now = after(HOUR, off_us);
            assert!(!guard.believes(now));
            guard.trust(now);
            assert_eq!((guard.believes(now), guard.time_us(now), guard.anchor()), (true, now.wall_us, now));
            let later = after(2 * HOUR, off_us);
            assert_eq!(guard.time_us(later), later.wall_us);
        }
    }
}
