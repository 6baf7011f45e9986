//! When each message is due: pure arithmetic on the position in the trace. Knows no clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How fast a trace is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// So many messages a second, evenly spaced.
    PerSecond(f64),
    /// The recorded times, divided by this; 1 is the recorded pace.
    Recorded(f64),
    /// As fast as answers come: each connection keeps a number of messages in flight.
    Max,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let positive = |text: &str| text.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate > 0.0);
        match text {
            "recorded" => Some(Rate::Recorded(1.0)),
            "max" => Some(Rate::Max),
            _ => match text.strip_prefix('x') {
                Some(factor) => positive(factor).map(Rate::Recorded),
                None => positive(text).filter(|rate| *rate <= 10_000_000.0).map(Rate::PerSecond),
            },
        }
        .ok_or_else(|| {
            "expected messages a second (5000), `recorded`, a factor of it (x4), or `max`".to_owned()
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::PerSecond(rate) => write!(f, "{rate}/s"),
            Rate::Recorded(1.0) => f.write_str("recorded pace"),
            Rate::Recorded(factor) => write!(f, "{factor} times the recorded pace"),
            Rate::Max => f.write_str("as fast as answers come"),
        }
    }
}

/// Parts of time that two targets take turns in, so that the machine's noise meets both alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turns {
    /// Length of a turn in nanoseconds.
    pub(super) slice_ns: u64,
    /// Silence after each turn, in which the last answers come in.
    pub(super) pause_ns: u64,
    /// This target's place, from 0.
    pub(super) place: u64,
    /// How many targets there are.
    pub(super) count: u64,
}

impl Turns {
    /// The only target: one endless turn.
    pub(super) const ALONE: Turns = Turns { slice_ns: u64::MAX, pause_ns: 0, place: 0, count: 1 };

    /// When a point of the target's own time comes in common time, both in nanoseconds since the start, and the turn it is in.
    pub(super) fn common(&self, own_ns: u64) -> (u64, u64) {
        let slice = own_ns / self.slice_ns;
        if self.count == 1 {
            return (own_ns, 0);
        }
        let turn = self.slice_ns + self.pause_ns;
        ((slice * self.count + self.place) * turn + own_ns % self.slice_ns, slice)
    }

    /// The point of the target's own time, and its turn, if it is the target's turn at a point of common time.
    pub(super) fn own(&self, common_ns: u64) -> Option<(u64, u64)> {
        if self.count == 1 {
            return Some((common_ns, 0));
        }
        let turn = self.slice_ns + self.pause_ns;
        let (slice, place) = (common_ns / turn / self.count, common_ns / turn % self.count);
        let within = common_ns % turn;
        (place == self.place && within < self.slice_ns).then_some((slice * self.slice_ns + within, slice))
    }

    /// When the target's next turn starts, at or after a point of common time that is not in its turn.
    pub(super) fn next(&self, common_ns: u64) -> u64 {
        let turn = self.slice_ns + self.pause_ns;
        let number = common_ns / turn;
        let mut next = number / self.count * self.count + self.place;
        if next <= number {
            next += self.count;
        }
        next * turn
    }
}

/// Nanoseconds after the target's start at which a message is due, for the `index`th message of pass `pass`
/// (from 0) through a trace of `count`, recorded at `at_us`. `span_us` is the trace's length. `None` for
/// [`Rate::Max`], where a message is due when there is room for it.
pub(super) fn due_ns(rate: Rate, pass: u64, index: u64, count: u64, at_us: u64, span_us: u64) -> Option<u64> {
    match rate {
        Rate::PerSecond(rate) => Some(((pass * count + index) as f64 * (1e9 / rate)) as u64),
        Rate::Recorded(factor) => Some(((pass * span_us + at_us) as f64 * (1000.0 / factor)) as u64),
        Rate::Max => None,
    }
}

/// A length of time in words: `30s`, `500ms`, `2m`, `1h`; a bare number is seconds.
pub fn duration_from_text(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let seconds = digits.parse::<f64>().ok().map(|number| number * seconds);
    seconds
        .filter(|seconds| (0.0..=1e7).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected a length of time such as 30s, 500ms, 2m or 1h".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let table = [
            ("5000", Some(Rate::PerSecond(5000.0))),
            ("0.5", Some(Rate::PerSecond(0.5))),
            ("recorded", Some(Rate::Recorded(1.0))),
            ("x4", Some(Rate::Recorded(4.0))),
            ("max", Some(Rate::Max)),
            ("0", None),
            ("-1", None),
            ("x0", None),
            ("inf", None),
            ("NaN", None),
            ("fast", None),
            ("", None),
        ];
        for (text, rate) in table {
            assert_eq!(text.parse::<Rate>().ok(), rate, "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        let table = [
            ("30s", Some(30_000)),
            ("500ms", Some(500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("7", Some(7_000)),
            ("0.5s", Some(500)),
            ("-1s", None),
            ("s", None),
            ("5d", None),
            ("", None),
        ];
        for (text, millis) in table {
            assert_eq!(duration_from_text(text).ok().map(|d| d.as_millis()), millis, "{text}");
        }
    }

    #[test]
    fn due_times_follow_the_rate() {
        assert_eq!(due_ns(Rate::PerSecond(10_000.0), 0, 7, 100, 5, 999), Some(700_000));
        assert_eq!(due_ns(Rate::PerSecond(10_000.0), 2, 7, 100, 5, 999), Some(20_700_000));
        assert_eq!(due_ns(Rate::Recorded(1.0), 0, 7, 100, 5, 999), Some(5_000));
        assert_eq!(due_ns(Rate::Recorded(4.0), 1, 7, 100, 1, 999), Some(250_000));
        assert_eq!(due_ns(Rate::Max, 0, 7, 100, 5, 999), None);
    }

    #[test]
    fn two_targets_take_turns() {
        let first = Turns { slice_ns: 100, pause_ns: 10, place: 0, count: 2 };
        let second = Turns { place: 1, ..first };
        // Own time 0..100 is turn 0, 100..200 turn 1.
        let table = [(0, (0, 0)), (99, (99, 0)), (100, (220, 1)), (250, (490, 2))];
        for (own, common) in table {
            assert_eq!(first.common(own), common, "{own}");
            assert_eq!(second.common(own), (common.0 + 110, common.1), "{own}");
        }
        for common in 0..2_000 {
            let turns = [first.own(common), second.own(common)];
            // Never both, and whoever's turn it is finds the way back.
            assert!(turns.iter().flatten().count() <= 1, "{common}");
            for (target, own) in [first, second].iter().zip(turns) {
                match own {
                    Some((own, slice)) => assert_eq!(target.common(own), (common, slice)),
                    None => {
                        let next = target.next(common);
                        assert!(
                            next > common && target.own(next).is_some() && target.own(next - 1).is_none()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_single_target_has_all_the_time() {
        assert_eq!(Turns::ALONE.common(12_345), (12_345, 0));
        assert_eq!(Turns::ALONE.own(12_345), Some((12_345, 0)));
    }
}
