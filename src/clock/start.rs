//! Whether the wall clock is believed at a start, by what the data folder knows. Arithmetic only: tested in virtual time.
//!
//! On the same boot of the machine what has passed is known to the microsecond, however long the stop. On another one there
//! is a floor alone, the last time that was believed: how long the machine was off nobody can tell but the wall clock itself.

use super::evidence::Evidence;
use super::guard::Reading;

/// What the journal says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Its last record; 0 for none: nothing is held or remembered that a wrong clock could give back or forget.
    pub sequence: u64,
    /// When that was written, microseconds since 1970; 0 where it is not known.
    pub time_us: i64,
}

/// What is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The step that is believed, in microseconds.
    pub max_step_us: i64,
    /// The longest stop that is believed after another boot of the machine.
    pub max_gap_us: i64,
}

/// Why the wall clock is not believed at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is not where the time since the last run has led, on this boot of the machine.
    NotPassed,
    /// It is before the last record.
    BeforeLast,
    /// It is later than the last record by more than is believed without a word.
    LongAfterLast,
}

impl Doubt {
    /// In words.
    pub fn reason(self) -> &'static str {
        match self {
            Doubt::NotPassed => "since the last run of the switch another time has passed on this machine",
            Doubt::BeforeLast => "it is earlier than the last record of the journal",
            Doubt::LongAfterLast => {
                "the machine was started anew, and it is later than the last record of the journal by more than \
                 clock.max_gap_hours"
            }
        }
    }
}

/// How the clock begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Where the wall clock is believed to be right.
    pub anchor: Reading,
    /// Why it is not now.
    pub doubt: Option<Doubt>,
}

/// Judges the wall clock at a start. `boot` is this boot of the machine ([`super::boot_id`]).
pub fn start(
    evidence: Option<&Evidence>,
    recorded: Recorded,
    boot: &str,
    now: Reading,
    bounds: Bounds,
) -> Start {
    let believed = Start { anchor: now, doubt: None };
    if recorded.sequence == 0 {
        return believed;
    }
    // The later of the two, in the order in which they were written: a clock that was wrong may have been ahead.
    let last_us = match evidence {
        Some(evidence) if evidence.sequence >= recorded.sequence || recorded.time_us == 0 => evidence.time_us,
        _ => recorded.time_us,
    };
    let is_earlier = |time_us: i64| time_us < last_us.saturating_sub(bounds.max_step_us);
    let passed = evidence.and_then(|evidence| {
        let is_this_boot = !boot.is_empty() && evidence.boot == boot && now.boot_us >= evidence.boot_us;
        let passed_us = now.boot_us.saturating_sub(evidence.anchor_boot_us);
        let time_us = evidence.anchor_wall_us.saturating_add(passed_us);
        // What leads behind the last record is no evidence: a copy from before, or a clock that is not of this boot. Nor is
        // what does not lead to the time at which it was written itself.
        let written = Reading { wall_us: evidence.time_us, boot_us: evidence.boot_us };
        let is_one = super::Guard::new(evidence.anchor(), bounds.max_step_us).believes(written);
        (is_this_boot && is_one && passed_us >= 0 && !is_earlier(time_us)).then(|| evidence.anchor())
    });
    if let Some(anchor) = passed {
        let is_believed = super::Guard::new(anchor, bounds.max_step_us).believes(now);
        return Start { anchor, doubt: (!is_believed).then_some(Doubt::NotPassed) };
    }
    let goes_on = |doubt| Start { anchor: Reading { wall_us: last_us, ..now }, doubt: Some(doubt) };
    if last_us == 0 {
        believed
    } else if is_earlier(now.wall_us) {
        goes_on(Doubt::BeforeLast)
    } else if now.wall_us > last_us.saturating_add(bounds.max_gap_us) {
        goes_on(Doubt::LongAfterLast)
    } else {
        believed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * S;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    const BOUNDS: Bounds = Bounds { max_step_us: 60 * S, max_gap_us: DAY };
    /// When the last record was written, an hour after the first start.
    const LAST: i64 = 1_796_054_400 * S;
    const RECORDED: Recorded = Recorded { sequence: 9, time_us: LAST };

    fn evidence() -> Evidence {
        Evidence {
            boot: "this".into(),
            anchor_wall_us: LAST - HOUR,
            anchor_boot_us: 500 * S,
            time_us: LAST,
            boot_us: 500 * S + HOUR,
            sequence: 9,
        }
    }

    /// So long after the last record, with the wall clock off by so much.
    fn later(passed_us: i64, off_us: i64) -> Reading {
        Reading { wall_us: LAST + passed_us + off_us, boot_us: 500 * S + HOUR + passed_us }
    }

    #[test]
    fn on_the_same_boot_what_has_passed_is_known() {
        for stop_us in [0, S, HOUR, 3 * DAY, 8 * DAY, YEAR] {
            for off_us in [0, 30 * S, -30 * S] {
                let now = later(stop_us, off_us);
                let found = start(Some(&evidence()), RECORDED, "this", now, BOUNDS);
                assert_eq!(found, Start { anchor: evidence().anchor(), doubt: None }, "{stop_us} {off_us}");
            }
            for off_us in [HOUR, 20 * HOUR, 8 * DAY, YEAR, 10 * YEAR] {
                for off_us in [off_us, -off_us] {
                    let may_us = BOUNDS.max_step_us + (HOUR + stop_us) / 1_000;
                    let now = later(stop_us, off_us);
                    let found = start(Some(&evidence()), RECORDED, "this", now, BOUNDS);
                    let doubt = (off_us.abs() > may_us).then_some(Doubt::NotPassed);
                    assert_eq!(found, Start { anchor: evidence().anchor(), doubt }, "{stop_us} {off_us}");
                }
            }
        }
    }

    #[test]
    fn on_another_boot_the_last_record_is_the_floor() {
        let other = Evidence { boot: "other".into(), ..evidence() };
        let shifted = Evidence { boot_us: 900 * DAY, ..evidence() };
        let before = Evidence { anchor_wall_us: LAST - 90 * DAY, ..evidence() };
        // Without a boot id, with a boot clock that went back, and one that leads behind the last record, likewise.
        let cases = [
            (None, "this"),
            (Some(&other), "this"),
            (Some(&evidence()), ""),
            (Some(&shifted), "this"),
            (Some(&before), "this"),
        ]
        .map(|(evidence, boot)| (evidence.cloned(), boot));
        for (evidence, boot) in &cases {
            for (off_us, doubt) in [
                (-10 * YEAR, Some(Doubt::BeforeLast)),
                (-8 * DAY, Some(Doubt::BeforeLast)),
                (-HOUR, Some(Doubt::BeforeLast)),
                (-30 * S, None),
                (0, None),
                (20 * HOUR, None),
                (25 * HOUR, Some(Doubt::LongAfterLast)),
                (8 * DAY, Some(Doubt::LongAfterLast)),
                (10 * YEAR, Some(Doubt::LongAfterLast)),
            ] {
                let now = Reading { wall_us: LAST + off_us, boot_us: 500 * S + HOUR };
                let found = start(evidence.as_ref(), RECORDED, boot, now, BOUNDS);
                let goes_on = Reading { wall_us: LAST, ..now };
                let anchor = if doubt.is_some() { goes_on } else { now };
                assert_eq!(found, Start { anchor, doubt }, "{off_us} {evidence:?}");
            }
        }
    }

    #[test]
    fn without_a_record_there_is_nothing_to_lose() {
        for evidence in [None, Some(&evidence())] {
            let now = later(0, 10 * YEAR);
            let found = start(evidence, Recorded::default(), "this", now, BOUNDS);
            assert_eq!(found, Start { anchor: now, doubt: None });
        }
    }

    #[test]
    fn what_was_written_last_is_the_floor() {
        // Somebody said that a clock was right which was behind the journal's: the word came later.
        let said = Evidence { boot: "other".into(), time_us: LAST - 8 * DAY, ..evidence() };
        let now = later(0, -8 * DAY + HOUR);
        assert_eq!(start(Some(&said), RECORDED, "this", now, BOUNDS).doubt, None);
        // A record came after it.
        let later_record = Recorded { sequence: 10, time_us: LAST };
        assert_eq!(start(Some(&said), later_record, "this", now, BOUNDS).doubt, Some(Doubt::BeforeLast));
        // A record whose time is not known.
        let unknown = Recorded { sequence: 10, time_us: 0 };
        assert_eq!(start(Some(&said), unknown, "this", now, BOUNDS).doubt, None);
    }
}
