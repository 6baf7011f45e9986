//! How many lines a second the log gets: a storm of connections or of wrong messages must not become one of the log, nor
//! hide what another link does. What is left out is counted and told, by link and kind. Numbers only: must not know what
//! the lines say, nor read a clock.

use std::sync::atomic::{AtomicU64, Ordering};

/// All links and kinds together may write so many times what one may.
const TOGETHER: u32 = 4;

/// At most so many lines in each second about one link and kind, and four times as many about all; but the first of a link
/// and kind in a second is always written. Its memory is links by kinds. Never waits.
#[derive(Debug)]
pub struct Pace {
    per_s: u32,
    kinds: Box<[&'static str]>,
    /// By link, one for each kind and one for what has another name.
    cells: Box<[Cell]>,
    together: Second,
}

#[derive(Debug, Default)]
struct Cell {
    second: Second,
    left_out: AtomicU64,
}

/// A second in the high half, the lines written in it in the low.
#[derive(Debug, Default)]
struct Second(AtomicU64);

/// Lines that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The link's number.
    pub link: u8,
    /// Which lines.
    pub kind: &'static str,
    /// How many.
    pub lines: u64,
}

impl Pace {
    /// At most `per_s` lines in each second about one of so many links and one of these kinds.
    pub fn new(per_s: u32, links: usize, kinds: impl IntoIterator<Item = &'static str>) -> Pace {
        let kinds: Box<[_]> = kinds.into_iter().chain(["other"]).collect();
        let cells = (0..links.max(1) * kinds.len()).map(|_| Cell::default()).collect();
        Pace { per_s, kinds, cells, together: Second::default() }
    }

    /// Whether a line about this link and kind may be written in second `now_s` of the caller's clock; then, how many of
    /// them were left out before it and not told yet.
    pub fn admit(&self, link: u8, kind: &str, now_s: u32) -> Option<u64> {
        let kinds = self.kinds.len();
        let kind = self.kinds.iter().position(|known| *known == kind).unwrap_or(kinds - 1);
        let cell = self.cells.get(usize::from(link) * kinds + kind)?;
        let written = cell.second.take(now_s, self.per_s);
        let fits = || self.together.take(now_s, self.per_s.saturating_mul(TOGETHER)).is_some();
        // The first counts among all too, and is written all the same.
        if written.is_some_and(|written| fits() || written == 0) {
            return Some(cell.left_out.swap(0, Ordering::Relaxed));
        }
        cell.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// What was left out and not told yet of links and kinds about which no line was written in second `now_s`: their
    /// storm is over. From then on it counts as told.
    pub fn untold(&self, now_s: u32) -> Vec<LeftOut> {
        self.take_left_out(|cell| cell.second.number() < now_s)
    }

    /// What was left out and not told yet, at the end of all lines.
    pub fn rest(&self) -> Vec<LeftOut> {
        self.take_left_out(|_| true)
    }

    fn take_left_out(&self, which: impl Fn(&Cell) -> bool) -> Vec<LeftOut> {
        let kinds = self.kinds.len();
        let cells = self.cells.iter().enumerate().filter(|(_, cell)| which(cell));
        let told = cells.map(|(at, cell)| LeftOut {
            link: (at / kinds) as u8,
            kind: self.kinds[at % kinds],
            lines: cell.left_out.swap(0, Ordering::Relaxed),
        });
        told.filter(|left_out| left_out.lines > 0).collect()
    }
}

impl Second {
    /// Takes one of at most `most` lines of a second; returns how many were written in it before.
    fn take(&self, now_s: u32, most: u32) -> Option<u32> {
        let parts = |state: u64| {
            let (second, written) = ((state >> 32) as u32, state as u32);
            // Threads read the clock apart: one that is behind counts in the later second.
            if now_s > second { (now_s, 0) } else { (second, written) }
        };
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
            let (second, written) = parts(state);
            (written < most).then(|| u64::from(second) << 32 | u64::from(written + 1))
        });
        taken.ok().map(|before| parts(before).1)
    }

    fn number(&self) -> u32 {
        (self.0.load(Ordering::Relaxed) >> 32) as u32
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

    fn pace(per_s: u32, links: usize) -> Pace {
        Pace::new(per_s, links, ["opened", "closed"])
    }

    #[test]
    fn a_second_has_so_many_lines_and_the_rest_is_told() {
        let pace = pace(3, 1);
        let written = |now_s| (0..1_000).filter(|_| pace.admit(0, "opened", now_s).is_some()).count();
        assert_eq!((written(0), written(1)), (3, 3), "the first of second 1 tells of second 0");
        assert_eq!(pace.untold(1), [], "the storm goes on: its next line tells");
        assert_eq!(pace.untold(2), [LeftOut { link: 0, kind: "opened", lines: 997 }]);
        assert_eq!(pace.untold(2), []);
        assert_eq!(pace.admit(0, "opened", 2), Some(0));
        assert_eq!(written(1), 2, "a clock that is behind counts in the later second");
    }

    #[test]
    fn a_storm_on_one_link_hides_no_other_link_and_no_other_kind() {
        let pace = pace(5, 200);
        let storm = |now_s| {
            let kinds = ["opened", "closed", "new-here"].into_iter().cycle();
            kinds.take(3_000).filter(|kind| pace.admit(7, kind, now_s).is_some()).count()
        };
        for now_s in 1..=10 {
            assert_eq!(storm(now_s), 15, "three kinds of one link");
            // All together may write five more. Then each link still has the first of a kind.
            let quiet: Vec<_> = (0..7).map(|link| pace.admit(link, "closed", now_s)).collect();
            let before = u64::from(now_s > 1);
            assert_eq!(quiet, [before, 0, 0, 0, 0, 0, 0].map(Some));
            assert_eq!(pace.admit(0, "closed", now_s), None);
        }
        let expected = |link, kind, lines| LeftOut { link, kind, lines };
        assert_eq!(
            pace.untold(11),
            [
                // Those of the last second: of each second before, the first line of the next has told.
                expected(0, "closed", 1),
                expected(7, "opened", 995),
                expected(7, "closed", 995),
                expected(7, "other", 995)
            ]
        );
    }

    #[test]
    fn however_many_links_storm_the_lines_are_bounded() {
        let pace = pace(5, 200);
        let lines = |now_s| {
            let all = (0..200u8).flat_map(|link| ["opened", "closed"].map(|kind| (link, kind)));
            let storm = std::iter::repeat_n(all, 100).flatten();
            storm.filter(|(link, kind)| pace.admit(*link, kind, now_s).is_some()).count()
        };
        // The first of each, which take the twenty of all with them.
        assert_eq!((lines(1), lines(2)), (400, 400));
        assert_eq!(pace.rest().len(), 400);
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let pace = pace(5, 2);
        let told = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (pace, told) = (&pace, &told);
                scope.spawn(move || {
                    for now_s in (0..10).flat_map(|now_s| [now_s; 500]) {
                        if let Some(left_out) = pace.admit(thread % 2, "opened", now_s) {
                            told.fetch_add(1 + left_out, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let rest: u64 = pace.rest().iter().map(|left_out| left_out.lines).sum();
        assert_eq!(told.into_inner() + rest, 4 * 10 * 500);
        assert_eq!(pace.rest(), []);
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
