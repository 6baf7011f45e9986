//! One interval's histogram: HdrHistogram's cells (1 ns to 60 s, three significant digits) with 32-bit counts.
//!
//! The crate's own histogram clears and merges all its 27,648 cells each time; this one only those between the
//! smallest and the largest value of the interval, which keeps the once-a-second tick out of the tail latencies.

use hdrhistogram::Histogram;

/// The shortest duration told apart from zero, in nanoseconds.
pub const LOWEST_NS: u64 = 1;
/// The longest duration told apart, in nanoseconds (60 s); longer ones count as this.
pub const HIGHEST_NS: u64 = 60_000_000_000;
/// Significant decimal digits kept of each duration.
pub const DIGITS: u8 = 3;

/// Cells per doubling: HdrHistogram's half sub-bucket count for three digits (2 * 10^3 rounded up to 2^11, halved).
const HALF_BITS: u32 = 10;
const HALF: usize = 1 << HALF_BITS;
/// The first doubling has both halves.
const CELLS: usize = cell_of(HIGHEST_NS) / HALF * HALF + HALF;

/// An empty histogram of the crate's with this layout, to merge cells into.
///
/// # Panics
/// Never: the bounds are constants that the crate accepts, held by a test.
pub(super) fn histogram() -> Histogram<u64> {
    // The three constants are valid: 1 <= low, high >= 2 * low, digits <= 5.
    Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS).expect("constant bounds are valid")
}

/// The cell of a value: its magnitude above 2^11 picks the doubling, its top eleven bits the cell in it.
const fn cell_of(value: u64) -> usize {
    let doubling = (u64::BITS - HALF_BITS - 1) - (value | ((2 << HALF_BITS) - 1)).leading_zeros();
    (doubling as usize * HALF) + (value >> doubling) as usize
}

/// The smallest value of a cell.
const fn value_of(cell: usize) -> u64 {
    if cell < 2 * HALF {
        return cell as u64;
    }
    let doubling = cell / HALF - 1;
    ((cell - doubling * HALF) as u64) << doubling
}

/// One interval's durations of one label combination.
pub(super) struct Cells {
    counts: Box<[u32]>,
    /// The cells in use are `first..=last`; `first > last` when empty.
    first: usize,
    last: usize,
    total: u64,
    sum_ns: u64,
}

impl Cells {
    /// Empty cells. Allocates about 108 KiB, of which only touched pages become resident.
    pub(super) fn new() -> Cells {
        Cells { counts: vec![0; CELLS].into_boxed_slice(), first: CELLS, last: 0, total: 0, sum_ns: 0 }
    }

    /// Records one duration; one over [`HIGHEST_NS`] is recorded as that.
    #[inline]
    pub(super) fn record(&mut self, value_ns: u64) {
        self.record_many(value_ns, 1);
    }

    /// Records the same duration `count` times.
    #[inline]
    pub(super) fn record_many(&mut self, value_ns: u64, count: u32) {
        let value_ns = value_ns.min(HIGHEST_NS);
        let cell = cell_of(value_ns);
        self.counts[cell] = self.counts[cell].saturating_add(count);
        self.first = self.first.min(cell);
        self.last = self.last.max(cell);
        self.total += u64::from(count);
        self.sum_ns = self.sum_ns.saturating_add(value_ns * u64::from(count));
    }

    /// Where the counts lie in memory.
    #[cfg(test)]
    pub(super) fn place(&self) -> usize {
        self.counts.as_ptr() as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The exact sum of the recorded durations, in nanoseconds.
    pub(super) fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// The cells in use, ascending: smallest value of the cell in nanoseconds, and count.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let used = self.counts.get(self.first..=self.last).unwrap_or(&[]);
        let cells = used.iter().enumerate().filter(|(_, count)| **count != 0);
        cells.map(|(offset, count)| (value_of(self.first + offset), *count))
    }

    /// Empties the cells for their next interval, without giving memory back.
    pub(super) fn reset(&mut self) {
        if let Some(used) = self.counts.get_mut(self.first..=self.last) {
            used.fill(0);
        }
        (self.first, self.last, self.total, self.sum_ns) = (CELLS, 0, 0, 0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_crates() {
        let reference = histogram();
        assert_eq!(reference.distinct_values(), CELLS);
        for (cell, step) in reference.iter_all().enumerate() {
            let value = value_of(cell);
            assert_eq!(reference.highest_equivalent(value), step.value_iterated_to(), "cell {cell}");
            assert_eq!(reference.lowest_equivalent(value), value, "cell {cell}");
            assert_eq!(cell_of(value), cell);
            assert_eq!(cell_of(reference.highest_equivalent(value)), cell);
        }
    }

    #[test]
    fn values_outside_the_range_are_clamped() {
        let mut cells = Cells::new();
        for value in [0, u64::MAX, HIGHEST_NS, HIGHEST_NS + 1] {
            cells.record(value);
        }
        let seen: Vec<_> = cells.iter().collect();
        assert_eq!(seen, [(0, 1), (value_of(cell_of(HIGHEST_NS)), 3)]);
        assert_eq!((cells.total(), cells.sum_ns()), (4, 3 * HIGHEST_NS));
    }

    #[test]
    fn reset_empties_everything() {
        let mut cells = Cells::new();
        cells.record_many(1_000, 5);
        cells.record(2_000_000);
        cells.reset();
        assert!(cells.is_empty() && cells.iter().next().is_none() && cells.sum_ns() == 0);
        assert!(cells.counts.iter().all(|count| *count == 0));
        cells.record(7);
        assert_eq!(cells.iter().collect::<Vec<_>>(), [(7, 1)]);
    }
}
