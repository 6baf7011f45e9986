//! Latency histograms, counters, Prometheus text, `.hlog` files, logs. Takes numbers, knows nobody.
//!
//! Workers record into intervals of their own ([`Recorder`]); a tick a second swaps those out and merges them into
//! the totals, from which scrapes, the status page and the `.hlog` files are served.
//!
//! Memory at most: 108 KiB for each label combination (links x 16 x 9) and stage a worker used, as much again in spares,
//! 216 KiB for each combination in the totals, and 864 KiB for each link's total and each of its stages and for the journal.

mod cells;
mod figures;
mod gauges;
mod labels;
mod outlet;
mod process;
mod prometheus;
mod recorder;
mod ticker;
mod totals;

pub mod hlog;
pub mod log;

pub use cells::{DIGITS, HIGHEST_NS, LOWEST_NS};
pub use figures::{
    AnswerFigures, CurvePoint, LatencyRow, LatencyTable, LinkFigures, MessageFigures, Overview, Percentiles,
    curve, duration_text,
};
pub use labels::{Counter, KNOWN_MTIS, NO_CODE, Outcome, Stage};
pub use outlet::{Outlet, Told};
pub use prometheus::{CLASSIC_TYPE, OPENMETRICS_TYPE, classic};
pub use recorder::{Batch, Recorder, Sample};
pub use ticker::Ticker;
pub use totals::BUCKET_BOUNDS_NS;

use cells::Cells;
use figures::Span;
use gauges::{Gauges, Kind};
use parking_lot::Mutex;
use recorder::Interval;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use totals::Totals;

/// What every metric's name begins with.
const PREFIX: &str = "authswitch_";

/// What the telemetry is made from.
#[derive(Clone, Debug)]
pub struct Options {
    /// The links' names; a sample names its link by the index here. At most 255 count, the rest is `unknown`.
    pub links: Vec<String>,
    /// The names of refusals; a sample names its refusal by the index here, the first being none. At most 255 count, the
    /// rest is `other`.
    pub refusals: Vec<&'static str>,
    /// Worker threads that will record.
    pub workers: usize,
    /// Where `.hlog` files go; none: none are written.
    pub hlog_dir: Option<PathBuf>,
    /// How long an `.hlog` interval is.
    pub hlog_interval: Duration,
    /// `.hlog` files kept, the current one included; the oldest beyond are deleted.
    pub hlog_keep_files: usize,
    /// Bytes of `.hlog` files kept; the oldest beyond are deleted. A single file ends at an eighth of this.
    pub hlog_keep_bytes: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            links: Vec::new(),
            refusals: vec!["none"],
            workers: 1,
            hlog_dir: None,
            hlog_interval: Duration::from_secs(60),
            hlog_keep_files: 100,
            hlog_keep_bytes: 512 << 20,
        }
    }
}

/// All numbers of one process. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

struct Inner {
    /// The links' names and, last, `unknown`.
    links: Vec<String>,
    /// The refusals' names and, last, `other`.
    refusals: Vec<&'static str>,
    started: Instant,
    started_wall: SystemTime,
    workers: Vec<Recorder>,
    durable: Mutex<Cells>,
    totals: Arc<Mutex<Totals>>,
    gauges: Gauges,
    hlog: Option<Mutex<hlog::Log>>,
    hlog_interval: Duration,
    /// Copies of the log's counts, readable while a slow disk holds its lock.
    hlog_counts: Mutex<(u64, u64)>,
}

impl Telemetry {
    /// Makes the telemetry of a process. Touches no file yet.
    pub fn new(options: Options) -> Telemetry {
        let now = Instant::now();
        let mut links = options.links;
        let known = links.len().min(usize::from(u8::MAX));
        links.truncate(known);
        links.push("unknown".to_owned());
        let place = options.hlog_dir.map(|dir| hlog::Place {
            dir,
            file_bytes: options.hlog_keep_bytes / 8,
            keep_files: options.hlog_keep_files,
            keep_bytes: options.hlog_keep_bytes,
        });
        let mut refusals = options.refusals;
        refusals.truncate(usize::from(u8::MAX));
        refusals.push("other");
        let answers = refusals.len();
        let recorder = |_| Recorder { interval: Arc::new(Mutex::new(Interval::new(known, answers))) };
        let inner = Inner {
            hlog: place.map(|place| Mutex::new(hlog::Log::new(place, tags(&links), now))),
            links,
            refusals,
            started: now,
            started_wall: SystemTime::now(),
            workers: (0..options.workers.max(1)).map(recorder).collect(),
            durable: Mutex::new(Cells::new()),
            totals: Arc::new(Mutex::new(Totals::new(known, now))),
            gauges: Gauges::default(),
            hlog_interval: options.hlog_interval,
            hlog_counts: Mutex::new((0, 0)),
        };
        Telemetry { inner: Arc::new(inner) }
    }

    /// The recorder of one worker thread; beyond the known number of workers, they share recorders.
    pub fn recorder(&self, worker: usize) -> Recorder {
        self.inner.workers[worker % self.inner.workers.len()].clone()
    }

    /// Records how long one record took from its append to the sync that made it durable, in microseconds.
    pub fn observe_durable(&self, age_us: u64) {
        self.inner.durable.lock().record(age_us.saturating_mul(1_000));
    }

    /// Registers a value that a scrape reads by calling `read`, which must be quick and must not record messages.
    /// The name is without prefix, units last: `exposure_records`. The same name and labels again replace `read`.
    pub fn gauge(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.inner.gauges.register(Kind::Gauge, name, help, labels, Arc::new(read));
    }

    /// As [`Telemetry::gauge`], for a count that never falls while the process runs; shown with `_total`.
    pub fn total(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.inner.gauges.register(Kind::Total, name, help, labels, Arc::new(read));
    }

    /// Once a second, by the telemetry's own thread: merges what the workers recorded, and writes the `.hlog`
    /// interval if it is due.
    pub fn tick(&self, now: Instant) {
        self.collect(now);
        if let Some(log) = &self.inner.hlog {
            let due = now.saturating_duration_since(log.lock().pending_since) >= self.inner.hlog_interval;
            if due {
                self.write_interval(log, now);
            }
        }
    }

    /// At the end: a last tick, and the last `.hlog` interval however short.
    pub fn finish(&self, now: Instant) {
        self.collect(now);
        if let Some(log) = &self.inner.hlog {
            self.write_interval(log, now);
        }
    }

    /// Starts the thread that ticks each second until the [`Ticker`] is stopped or dropped.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start_ticker(&self) -> std::io::Result<Ticker> {
        Ticker::start(self.clone(), Duration::from_secs(1))
    }

    /// Merges what the workers recorded since the last time, without touching a file.
    fn collect(&self, now: Instant) {
        let mut totals = self.inner.totals.lock();
        for worker in &self.inner.workers {
            totals.collect(&worker.interval);
        }
        totals.collect_durable(&self.inner.durable);
        totals.rotate_windows(now);
    }

    fn write_interval(&self, log: &Mutex<hlog::Log>, now: Instant) {
        let mut log = log.lock();
        self.inner.totals.lock().take_interval(&mut log.pending);
        log.write(now, self.inner.started_wall + now.saturating_duration_since(self.inner.started));
        *self.inner.hlog_counts.lock() = (log.errors, log.bytes);
    }

    /// Everything up to this moment as OpenMetrics text, content type [`OPENMETRICS_TYPE`].
    pub fn render(&self) -> String {
        self.collect(Instant::now());
        let (hlog_errors, hlog_bytes) = *self.inner.hlog_counts.lock();
        let start = self.inner.started_wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let scrape = prometheus::Scrape {
            links: self.inner.links.clone(),
            refusals: self.inner.refusals.clone(),
            start_s: start.as_secs_f64(),
            process: process::read(),
            hlog_errors,
            hlog_bytes,
            gauges: self.inner.gauges.families(),
        };
        prometheus::openmetrics(scrape, self.inner.totals.clone())
    }

    /// Percentiles by stage and end to end since the start, all links together.
    pub fn latency_table(&self) -> LatencyTable {
        self.collect(Instant::now());
        self.inner.totals.lock().latency_table(Span::SinceStart)
    }

    /// All numbers of the status page at this moment.
    pub fn overview(&self) -> Overview {
        let now = Instant::now();
        self.collect(now);
        let names = (&self.inner.links[..], &self.inner.refusals[..]);
        self.inner.totals.lock().overview(names, self.inner.started, now)
    }

    /// The `.hlog` file being written, if any was opened yet.
    pub fn hlog_path(&self) -> Option<PathBuf> {
        self.inner.hlog.as_ref()?.lock().path().map(PathBuf::from)
    }
}

/// The `.hlog` tags in the order of the totals' tracks.
fn tags(links: &[String]) -> Vec<String> {
    let stages = || std::iter::once("total").chain(Stage::ALL.into_iter().map(Stage::name));
    let tags = links.iter().flat_map(|link| stages().map(move |stage| format!("{link}/{stage}")));
    tags.chain(["journal/durable".to_owned()]).collect()
}

#[cfg(test)]
mod tests;
