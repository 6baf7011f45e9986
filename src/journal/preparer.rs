//! The thread that has the next segments ready before they are needed: as many as the rate of growth asks for. Must not know
//! what is written into them.

use super::front::Shared;
use super::segment::{Preparation, Unprepared};
use super::{JournalError, OnFull};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long after a refusal for lack of space the next attempt is made.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Fewest and most segments that are kept ready.
const FEWEST: usize = 2;
pub(super) const MOST: usize = 8;
/// For so long the segments that are ready suffice at the rate at which the last ones were filled.
const COVERED: Duration = Duration::from_secs(10);

pub(super) struct Preparer {
    pub shared: Arc<Shared>,
    pub dir: PathBuf,
    pub segment_bytes: u64,
    pub on_full: OnFull,
}

impl Preparer {
    /// Runs until the journal is closed, or an error that cannot be survived is left to the committer.
    pub(super) fn run(self) {
        let mut pace = Pace::new(Instant::now());
        let mut number = 0;
        while !self.shared.is_ending() {
            let (ready, taken) = self.shared.spares();
            if ready >= pace.wanted(taken, Instant::now()) {
                thread::park();
                continue;
            }
            number += 1;
            match self.prepare(number) {
                Ok(segment) => {
                    if self.shared.give_spare(segment) {
                        tracing::info!(dir = %self.dir.display(), "journal accepts records again");
                    }
                }
                Err(Unprepared::Fatal(error)) => return self.shared.fail(error),
                Err(Unprepared::Refused(source)) => {
                    let error = JournalError::Full { dir: self.dir.clone(), source };
                    if self.on_full == OnFull::Stop {
                        return self.shared.fail(error);
                    }
                    // As long as one is ready, a record has a place.
                    if self.shared.spares().0 == 0 && self.shared.refuse() {
                        tracing::error!(dir = %self.dir.display(), reason = %error, "journal full: no more records until there is room; tried again each second");
                    }
                    thread::park_timeout(RETRY_AFTER);
                }
            }
        }
    }

    fn prepare(&self, number: u64) -> Result<Preparation, Unprepared> {
        let mut segment = Preparation::begin(&self.dir, number, self.segment_bytes)?;
        while !segment.is_done() {
            segment.advance()?;
        }
        Ok(segment)
    }
}

/// How fast segments are filled.
struct Pace {
    taken: u64,
    /// When the last one was taken.
    at: Instant,
    wanted: usize,
}

impl Pace {
    fn new(now: Instant) -> Pace {
        Pace { taken: 0, at: now, wanted: FEWEST }
    }

    /// How many are to be ready, when so many have been taken by now.
    fn wanted(&mut self, taken: u64, now: Instant) -> usize {
        let new = u32::try_from(taken - self.taken).unwrap_or(u32::MAX);
        if new > 0 {
            let each = now.saturating_duration_since(self.at) / new;
            let covering = COVERED.as_micros() / each.as_micros().max(1) + 1;
            self.wanted = usize::try_from(covering).unwrap_or(MOST).clamp(FEWEST, MOST);
            (self.taken, self.at) = (taken, now);
        }
        self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_rate_asks_for_within_bounds() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.wanted(0, start), 2);
        let rows = [
            (60, 1, 2),
            (66, 2, 2),
            (70, 3, 3),
            (71, 3, 3),
            (72, 4, 6),
            (73, 7, 8),
            (73, 7, 8),
            (3_600, 8, 2),
        ];
        for (second, taken, wanted) in rows {
            let now = start + Duration::from_secs(second);
            assert_eq!(pace.wanted(taken, now), wanted, "second {second}");
        }
        // All at once.
        assert_eq!(pace.wanted(20, start), MOST);
    }
}
