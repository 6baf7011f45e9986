//! How many lines a second the log gets: a storm of connections or of wrong messages must not become one of the log.
//! What is left out is counted and told. Numbers only: must not know what the lines say, nor read a clock.

use std::sync::atomic::{AtomicU64, Ordering};

/// At most so many lines in each second, over all threads. Never waits.
#[derive(Debug)]
pub struct Pace {
    per_s: u32,
    /// The second in the high half, the lines written in it in the low.
    second: AtomicU64,
    left_out: AtomicU64,
}

impl Pace {
    /// At most `per_s` lines in each second.
    pub fn new(per_s: u32) -> Pace {
        Pace { per_s, second: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Whether a line may be written in second `now_s` of the caller's clock; then, how many were left out before it
    /// and not told yet.
    pub fn admit(&self, now_s: u32) -> Option<u64> {
        if self.take(now_s) {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// How many lines were left out and not told yet, when the storm is over: in second `now_s` a line fits again.
    pub fn untold(&self, now_s: u32) -> Option<u64> {
        let is_left = self.left_out.load(Ordering::Relaxed) > 0;
        (is_left && self.take(now_s)).then(|| self.left_out.swap(0, Ordering::Relaxed))
    }

    /// How many lines were left out and not told yet, at the end of all lines.
    pub fn rest(&self) -> u64 {
        self.left_out.swap(0, Ordering::Relaxed)
    }

    fn take(&self, now_s: u32) -> bool {
        let taken = self.second.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
            let (second, written) = ((state >> 32) as u32, state as u32);
            // Threads read the clock apart: one that is behind counts in the later second.
            let (second, written) = if now_s > second { (now_s, 0) } else { (second, written) };
            (written < self.per_s).then(|| u64::from(second) << 32 | u64::from(written + 1))
        });
        taken.is_ok()
    }
}

/// How often one connection is told of one kind of refusal, nanoseconds.
const AGAIN_NS: u64 = 10_000_000_000;
/// Kinds that are told apart on one connection.
const MOST_KINDS: usize = 8;

/// What one connection's refusals were told of: each kind at once, then every ten seconds with how many there were.
#[derive(Debug, Default)]
pub struct Kinds {
    kinds: arrayvec::ArrayVec<Kind, MOST_KINDS>,
}

/// A kind of refusal, by the caller's name for it.
#[derive(Clone, Copy, Debug)]
struct Kind {
    name: (&'static str, u8),
    told_ns: u64,
    left_out: u64,
}

impl Kinds {
    /// Whether a refusal of this kind (its word and data element) is to be told at `now_ns`; then, how many of it were
    /// not told since the last.
    pub fn admit(&mut self, name: (&'static str, u8), now_ns: u64) -> Option<u64> {
        if let Some(kind) = self.kinds.iter_mut().find(|kind| kind.name == name) {
            if now_ns.saturating_sub(kind.told_ns) < AGAIN_NS {
                kind.left_out += 1;
                return None;
            }
            kind.told_ns = now_ns;
            return Some(std::mem::take(&mut kind.left_out));
        }
        if self.kinds.is_full() {
            // A peer that is wrong in ever other ways: the kind that was told longest ago makes room, if that is long ago.
            let oldest = (0..MOST_KINDS).min_by_key(|at| self.kinds[*at].told_ns)?;
            if now_ns.saturating_sub(self.kinds[oldest].told_ns) < AGAIN_NS {
                return None;
            }
            self.kinds.swap_remove(oldest);
        }
        self.kinds.push(Kind { name, told_ns: now_ns, left_out: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines_and_the_rest_is_told() {
        let pace = Pace::new(3);
        let written = |now_s| (0..1_000).filter(|_| pace.admit(now_s).is_some()).count();
        assert_eq!((written(0), written(1)), (3, 3), "the first of second 1 tells of second 0");
        assert_eq!(pace.untold(1), None, "no line fits any more");
        assert_eq!(pace.untold(2), Some(997));
        assert_eq!(pace.untold(2), None);
        assert_eq!(pace.admit(2), Some(0));
        assert_eq!(written(1), 1, "a clock that is behind counts in the later second");
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let pace = Pace::new(5);
        let told = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for now_s in (0..10).flat_map(|now_s| [now_s; 500]) {
                        if let Some(left_out) = pace.admit(now_s) {
                            told.fetch_add(1 + left_out, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(told.into_inner() + pace.rest(), 4 * 10 * 500);
        assert_eq!(pace.rest(), 0);
    }

    #[test]
    fn a_kind_is_told_at_once_and_then_now_and_again() {
        const S: u64 = 1_000_000_000;
        let mut told = Kinds::default();
        let lines: Vec<_> = (0..2_500).filter_map(|at| told.admit(("format", 4), S + at * S / 100)).collect();
        assert_eq!(lines, [0, 999, 999]);
        assert_eq!(told.admit(("format", 22), 2 * S), Some(0), "another field is another kind");
        assert_eq!(told.admit(("unreadable", 4), 2 * S), Some(0));
        // Ever other kinds: no more than there is room for within the time.
        let others = (30..130).filter(|de| told.admit(("format", *de), 3 * S).is_some()).count();
        assert_eq!(others, MOST_KINDS - 3);
        assert_eq!(told.admit(("format", 200), 20 * S), Some(0));
    }
}
