//! How full a bounded table is, when it will be, and when an operator is told. Told the time and the count: reads no clock, and
//! knows no table.

use std::collections::VecDeque;
use std::time::Duration;

/// From here on it is told.
const TOLD_FROM: usize = 70;
/// Below this it is told again when it comes back.
const EASED_BELOW: usize = 65;
/// Told again after this, and at the bound.
const AGAIN: Duration = Duration::from_secs(600);
const AGAIN_AT_BOUND: Duration = Duration::from_secs(60);
/// The growth of the last five minutes is what the forecast goes by.
const SAMPLE: Duration = Duration::from_secs(10);
const SAMPLES: usize = 31;
/// A forecast beyond this is none.
pub(super) const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A table with a bound.
#[derive(Debug)]
pub(super) struct Fill {
    max: usize,
    count: usize,
    now: Duration,
    samples: VecDeque<(Duration, usize)>,
    /// How full it was when that was told last, and when.
    told: Option<(usize, Duration)>,
    full: bool,
}

/// What an operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is filling.
    Filling,
    /// It is at its bound.
    Full,
    /// It is far from it again.
    Eased,
}

impl Fill {
    pub(super) fn new(max: usize) -> Fill {
        let (samples, now) = (VecDeque::with_capacity(SAMPLES), Duration::ZERO);
        Fill { max, count: 0, now, samples, told: None, full: false }
    }

    /// What there is by now; `now` is any clock that does not go back. Returns what is to be told.
    pub(super) fn observe(&mut self, now: Duration, count: usize) -> Option<Told> {
        (self.now, self.count) = (now, count);
        if self.samples.back().is_none_or(|(last, _)| now.saturating_sub(*last) >= SAMPLE) {
            if self.samples.len() == SAMPLES {
                self.samples.pop_front();
            }
            self.samples.push_back((now, count));
        }
        // What is at its bound makes and takes places in turns.
        self.full = self.max > 0 && count >= if self.full { self.max - self.max / 100 } else { self.max };
        let percent = self.percent();
        let due = match self.told {
            Some(_) if percent < EASED_BELOW => {
                self.told = None;
                return Some(Told::Eased);
            }
            _ if percent < TOLD_FROM => false,
            None => true,
            Some((told, at)) => {
                let again = if self.full { AGAIN_AT_BOUND } else { AGAIN };
                percent / 10 > told / 10 || now.saturating_sub(at) >= again
            }
        };
        if !due {
            return None;
        }
        self.told = Some((percent, now));
        Some(if self.full { Told::Full } else { Told::Filling })
    }

    /// How full it is, in whole percent; 0 where nothing has room.
    pub(super) fn percent(&self) -> usize {
        (self.ratio() * 100.0) as usize
    }

    /// The same from 0 to 1, and beyond where more has room than may come from requests.
    pub(super) fn ratio(&self) -> f64 {
        if self.max == 0 { 0.0 } else { self.count as f64 / self.max as f64 }
    }

    /// It was at its bound when last looked at, or is hardly below it since.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// When it is full at the growth of the last minutes; `None` where it does not grow, or not within a year.
    pub(super) fn full_in(&self) -> Option<Duration> {
        if self.full {
            return Some(Duration::ZERO);
        }
        let (since, before) = *self.samples.front()?;
        let (span, grown) = (self.now.saturating_sub(since), self.count.checked_sub(before)?);
        if span < SAMPLE || grown == 0 {
            return None;
        }
        let left = self.max.saturating_sub(self.count);
        Some(span.mul_f64(left as f64 / grown as f64)).filter(|left| *left < YEAR)
    }

    /// The forecast in words.
    pub(super) fn forecast(&self) -> String {
        match self.full_in() {
            Some(Duration::ZERO) => "now".into(),
            Some(left) if left < Duration::from_secs(90) => format!("in about {} s", left.as_secs()),
            Some(left) if left < Duration::from_secs(5_400) => {
                format!("in about {} min", left.as_secs().div_ceil(60))
            }
            Some(left) => format!("in about {} h", (left.as_secs() + 1_800) / 3_600),
            None => "not at the growth of the last minutes".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What is told while it grows by so many a second from 0, with the seconds and percents at which it is.
    fn told(fill: &mut Fill, growth: usize, seconds: u64) -> Vec<(u64, usize, Told)> {
        let told = |now| {
            let told = fill.observe(at(now), (now as usize * growth).min(fill.max));
            told.map(|told| (now, fill.percent(), told))
        };
        (0..=seconds).filter_map(told).collect()
    }

    #[test]
    fn it_is_told_at_each_tenth_from_seventy_on_and_each_minute_at_the_bound() {
        let mut fill = Fill::new(1_000);
        let expected = [
            (70, 70, Told::Filling),
            (80, 80, Told::Filling),
            (90, 90, Told::Filling),
            (100, 100, Told::Full),
            (160, 100, Told::Full),
        ];
        assert_eq!(told(&mut fill, 10, 200), expected);
        assert!(fill.is_full());
        // Hardly below is full still; then it is filling, and at last far from it.
        assert_eq!((fill.observe(at(201), 991), fill.is_full()), (None, true));
        assert_eq!((fill.observe(at(202), 989), fill.is_full()), (None, false));
        assert_eq!(fill.observe(at(203), 650), None);
        assert_eq!(fill.observe(at(204), 649), Some(Told::Eased));
        assert_eq!(fill.observe(at(205), 500), None);
        assert_eq!(fill.observe(at(206), 700), Some(Told::Filling));
    }

    #[test]
    fn what_stays_full_is_told_every_ten_minutes() {
        let mut fill = Fill::new(1_000);
        let told: Vec<u64> = (0..2_000).filter(|now| fill.observe(at(*now), 750).is_some()).collect();
        assert_eq!(told, [0, 600, 1_200, 1_800]);
    }

    #[test]
    fn the_forecast_goes_by_the_growth_of_the_last_five_minutes() {
        let mut fill = Fill::new(1_000_000);
        fill.observe(at(0), 100_000);
        assert_eq!(
            (fill.full_in(), fill.forecast().as_str()),
            (None, "not at the growth of the last minutes")
        );
        // 20,000 a second: a load test is told after ten.
        fill.observe(at(10), 300_000);
        assert_eq!((fill.full_in(), fill.forecast().as_str()), (Some(at(35)), "in about 35 s"));
        // Ten a second for five minutes: what was before does not count.
        for turn in 2..=40 {
            fill.observe(at(turn * 10), 300_000 + turn as usize * 100);
        }
        assert_eq!(fill.forecast(), "in about 19 h");
        let left = fill.full_in().map(|left| left.as_secs());
        assert_eq!(left, Some((1_000_000 - 304_000) / 10));
        // It shrinks, or stands still.
        fill.observe(at(401), 200_000);
        assert_eq!(fill.full_in(), None);
        fill.observe(at(402), 1_000_000);
        assert_eq!(fill.forecast(), "now");
    }

    #[test]
    fn where_nothing_has_room_nothing_is_told() {
        let mut fill = Fill::new(0);
        assert_eq!((fill.observe(at(0), 0), fill.is_full(), fill.percent()), (None, false, 0));
    }
}
