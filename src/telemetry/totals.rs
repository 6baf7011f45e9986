//! Everything recorded since the start, merged from the workers' intervals by the tick.
//! Must not be touched by a worker: its lock is held for as long as a scrape takes to encode.

use super::cells::{self, Cells};
use super::labels::{Counter, MTI_SLOTS, Outcome, Stage};
use super::recorder::Interval;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The upper bounds of the Prometheus buckets, in nanoseconds: six steps a decade from 0.5 us to 1 s, so that a
/// quantile interpolated between two of them is off by a quarter at most.
pub const BUCKET_BOUNDS_NS: [u64; 39] = {
    let mut bounds = [0; 39];
    let steps = [10, 15, 20, 30, 50, 70];
    let (mut decade, mut step, mut at) = (10, 4, 0);
    while at < bounds.len() {
        bounds[at] = steps[step] * decade;
        at += 1;
        step += 1;
        if step == steps.len() {
            step = 0;
            decade *= 10;
        }
    }
    bounds
};

/// The recent past, for rates and percentiles on the status page: the last whole window and the running one.
const WINDOW: Duration = Duration::from_secs(10);

/// A Prometheus histogram: counts by bucket (not cumulative, the last is +Inf), exact sum.
#[derive(Clone)]
pub(super) struct Series {
    pub(super) buckets: [u64; BUCKET_BOUNDS_NS.len() + 1],
    pub(super) count: u64,
    pub(super) sum_ns: u64,
}

impl Series {
    fn new() -> Series {
        Series { buckets: [0; BUCKET_BOUNDS_NS.len() + 1], count: 0, sum_ns: 0 }
    }

    /// Adds an interval. A cell belongs to the bucket of its smallest value, so a bound is met to within the
    /// cells' width: exactly below 2,048 ns, one part in a thousand above.
    fn add(&mut self, cells: &Cells) {
        let mut bucket = 0;
        for (value_ns, count) in cells.iter() {
            while bucket < BUCKET_BOUNDS_NS.len() && value_ns > BUCKET_BOUNDS_NS[bucket] {
                bucket += 1;
            }
            self.buckets[bucket] += u64::from(count);
        }
        self.count += cells.total();
        self.sum_ns = self.sum_ns.saturating_add(cells.sum_ns());
    }
}

/// The histograms kept of one link's total or stage, or of the time to durable.
pub(super) struct Track {
    pub(super) series: Series,
    pub(super) since_start: Histogram<u64>,
    windows: [Histogram<u64>; 2],
    /// Since the last `.hlog` interval.
    interval: Histogram<u64>,
}

impl Track {
    fn new() -> Track {
        Track {
            series: Series::new(),
            since_start: cells::histogram(),
            windows: [cells::histogram(), cells::histogram()],
            interval: cells::histogram(),
        }
    }

    fn add(&mut self, cells: &Cells) {
        self.series.add(cells);
        self.add_values(cells);
    }

    fn add_values(&mut self, cells: &Cells) {
        for (value_ns, count) in cells.iter() {
            for histogram in [&mut self.since_start, &mut self.windows[0], &mut self.interval] {
                histogram.saturating_record_n(value_ns, u64::from(count));
            }
        }
    }

    fn rotate(&mut self) {
        self.windows.swap(0, 1);
        self.windows[0].reset();
    }

    /// Adds the recent past, ten to twenty seconds, to `into`.
    pub(super) fn add_recent_to(&self, into: &mut Histogram<u64>) {
        for window in &self.windows {
            add(into, window);
        }
    }
}

/// Adds one histogram to another of the same layout.
pub(super) fn add(into: &mut Histogram<u64>, from: &Histogram<u64>) {
    // Both come from `cells::histogram`, so no value of one is out of the other's range.
    into.add(from).expect("histograms of one layout add up");
}

/// One message type and outcome on one link.
pub(super) struct Combination {
    pub(super) series: Series,
    pub(super) since_start: Histogram<u64>,
}

/// Outcomes of one link in the two windows.
pub(super) struct LinkWindows {
    windows: [[u64; Outcome::ALL.len()]; 2],
}

/// The place of a link's total among its tracks; the stages follow.
pub(super) const TOTAL: usize = 0;
/// Tracks a link: its total and its stages.
pub(super) const TRACKS: usize = 1 + Stage::ALL.len();

/// All totals. Vectors are indexed like the workers' intervals, a link `unknown` being the last.
pub(super) struct Totals {
    pub(super) combinations: Vec<Option<Box<Combination>>>,
    /// By link, [`TRACKS`] each; the last one of all is the time to durable.
    pub(super) tracks: Vec<Option<Box<Track>>>,
    /// Those that were given, by link, refusal and code.
    pub(super) answers: BTreeMap<usize, u64>,
    pub(super) counters: Vec<u64>,
    links: Vec<LinkWindows>,
    window_starts: [Instant; 2],
    /// Empty histograms, ready to be swapped in for the workers' full ones.
    spares: Vec<Cells>,
    messages_out: Vec<(usize, Cells)>,
    stages_out: Vec<(usize, Cells)>,
}

impl Totals {
    pub(super) fn new(links: usize, now: Instant) -> Totals {
        let slots = links + 1;
        Totals {
            combinations: (0..slots * MTI_SLOTS * Outcome::ALL.len()).map(|_| None).collect(),
            tracks: (0..slots * TRACKS + 1).map(|_| None).collect(),
            answers: BTreeMap::new(),
            counters: vec![0; slots * Counter::ALL.len()],
            links: (0..slots).map(|_| LinkWindows { windows: [[0; Outcome::ALL.len()]; 2] }).collect(),
            window_starts: [now; 2],
            spares: Vec::new(),
            messages_out: Vec::new(),
            stages_out: Vec::new(),
        }
    }

    /// Takes what a worker recorded since the last time. Its lock is held for pointer swaps only.
    pub(super) fn collect(&mut self, worker: &Mutex<Interval>) {
        let wanted = {
            let interval = worker.lock();
            interval.messages.touched() + interval.stages.touched()
        };
        self.reserve_spares(wanted);
        {
            let mut interval = worker.lock();
            interval.messages.swap_out(&mut self.spares, &mut self.messages_out);
            interval.stages.swap_out(&mut self.spares, &mut self.stages_out);
            let (answers, counters) = (&mut self.answers, &mut self.counters);
            interval.answers.drain(|slot, count| *answers.entry(slot).or_default() += count);
            interval.counters.drain(|slot, count| counters[slot] += count);
        }
        while let Some((slot, mut cells)) = self.messages_out.pop() {
            self.add_message(slot, &cells);
            cells.reset();
            self.spares.push(cells);
        }
        while let Some((slot, mut cells)) = self.stages_out.pop() {
            let (link, stage) = (slot / Stage::ALL.len(), slot % Stage::ALL.len());
            self.track(link * TRACKS + TOTAL + 1 + stage).add(&cells);
            cells.reset();
            self.spares.push(cells);
        }
    }

    /// Takes the times to durable recorded since the last time.
    pub(super) fn collect_durable(&mut self, durable: &Mutex<Cells>) {
        self.reserve_spares(1);
        let Some(spare) = self.spares.pop() else { return };
        let mut cells = std::mem::replace(&mut *durable.lock(), spare);
        if !cells.is_empty() {
            let slot = self.tracks.len() - 1;
            self.track(slot).add(&cells);
            cells.reset();
        }
        self.spares.push(cells);
    }

    fn reserve_spares(&mut self, wanted: usize) {
        while self.spares.len() < wanted {
            self.spares.push(Cells::new());
        }
    }

    fn track(&mut self, slot: usize) -> &mut Track {
        self.tracks[slot].get_or_insert_with(|| Box::new(Track::new()))
    }

    fn add_message(&mut self, slot: usize, cells: &Cells) {
        let combination = self.combinations[slot].get_or_insert_with(|| {
            Box::new(Combination { series: Series::new(), since_start: cells::histogram() })
        });
        combination.series.add(cells);
        for (value_ns, count) in cells.iter() {
            combination.since_start.saturating_record_n(value_ns, u64::from(count));
        }
        let (link, outcome) = (slot / (MTI_SLOTS * Outcome::ALL.len()), slot % Outcome::ALL.len());
        self.links[link].windows[0][outcome] += cells.total();
        // The link's total has no Prometheus series of its own: it is the sum over its message types.
        self.track(link * TRACKS + TOTAL).add_values(cells);
    }

    /// Starts a new window if the running one is full. Call it after collecting.
    pub(super) fn rotate_windows(&mut self, now: Instant) {
        if now.saturating_duration_since(self.window_starts[0]) < WINDOW {
            return;
        }
        self.window_starts = [now, self.window_starts[0]];
        for track in self.tracks.iter_mut().flatten() {
            track.rotate();
        }
        for link in &mut self.links {
            link.windows = [[0; Outcome::ALL.len()], link.windows[0]];
        }
    }

    /// A link's outcomes in the recent past, by [`Outcome`]'s index, and the seconds they span.
    pub(super) fn recent_outcomes(&self, link: usize, now: Instant) -> ([u64; Outcome::ALL.len()], f64) {
        let windows = &self.links[link].windows;
        let span = now.saturating_duration_since(self.window_starts[1]).as_secs_f64();
        (std::array::from_fn(|outcome| windows[0][outcome] + windows[1][outcome]), span)
    }

    /// Moves the `.hlog` interval of every track into `pending`, which has a histogram for each track.
    pub(super) fn take_interval(&mut self, pending: &mut [Option<Histogram<u64>>]) {
        for (track, pending) in self.tracks.iter_mut().zip(pending) {
            if let Some(track) = track.as_mut().filter(|track| !track.interval.is_empty()) {
                add(pending.get_or_insert_with(cells::histogram), &track.interval);
                track.interval.reset();
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bounds_run_from_half_a_microsecond_to_a_second() {
        assert_eq!(BUCKET_BOUNDS_NS[..8], [500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000]);
        assert_eq!(BUCKET_BOUNDS_NS.last(), Some(&1_000_000_000));
        assert!(BUCKET_BOUNDS_NS.is_sorted_by(|low, high| low < high));
    }

    #[test]
    fn a_value_on_a_bound_is_below_it() {
        for (bucket, bound_ns) in BUCKET_BOUNDS_NS.into_iter().enumerate() {
            let (mut cells, mut series) = (Cells::new(), Series::new());
            cells.record(bound_ns);
            // The next value that the cells tell apart from the bound.
            cells.record(cells::histogram().next_non_equivalent(bound_ns));
            series.add(&cells);
            assert_eq!((series.buckets[bucket], series.buckets[bucket + 1]), (1, 1), "{bound_ns} ns");
        }
    }

    #[test]
    fn windows_hold_ten_to_twenty_seconds() {
        let start = Instant::now();
        let worker = Mutex::new(Interval::new(1, 2));
        let mut totals = Totals::new(1, start);
        let mut seen = Vec::new();
        for second in 1..=35 {
            let slot = super::super::recorder::combination(0, 0, Outcome::Approved);
            worker.lock().messages.record(slot, 1_000);
            totals.collect(&worker);
            let now = start + Duration::from_secs(second);
            totals.rotate_windows(now);
            let (outcomes, span) = totals.recent_outcomes(0, now);
            assert_eq!(outcomes[0] as f64, span, "one message a second, at {second} s");
            let mut recent = cells::histogram();
            totals.tracks[TOTAL].as_ref().unwrap().add_recent_to(&mut recent);
            assert_eq!(recent.len(), outcomes[0]);
            seen.push(span);
        }
        assert!(seen[20..].iter().all(|span| (10.0..20.0).contains(span)), "{seen:?}");
    }

    #[test]
    fn ticks_reuse_the_histograms_of_the_first() {
        let worker = Mutex::new(Interval::new(1, 2));
        let mut totals = Totals::new(1, Instant::now());
        let mut seen = Vec::new();
        for _ in 0..10 {
            for slot in 0..20 {
                worker.lock().messages.record(slot, 1_000);
                worker.lock().stages.record(slot % 10, 100);
            }
            totals.collect(&worker);
            let interval = worker.lock();
            let at_work = interval.messages.histograms().chain(interval.stages.histograms());
            let mut places: Vec<_> = at_work.chain(&totals.spares).map(Cells::place).collect();
            places.sort_unstable();
            seen.push(places);
        }
        assert_eq!(seen[0].len(), 60, "one at work and one spare for each that was used");
        assert!(seen.iter().all(|places| *places == seen[0]));
    }
}
