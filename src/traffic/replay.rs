//! Plays a trace at a switch, and, slice by slice in turn, at a bare echo; gathers what came of it.

use super::client::{self, IntervalRecord, Live, Wires};
use super::hlog::HlogWriter;
use super::lane::{Lane, Manner};
use super::matching::Matching;
use super::pace::{Rate, Turns};
use super::score::{Endpoint, Family, Score};
use super::tally::{Mismatch, Tally, UnmatchedReason, latency_histogram};
use super::trace::{Trace, TraceError};
use hdrhistogram::Histogram;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a trace is played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How fast.
    pub rate: Rate,
    /// Connections to each target, shared among its endpoints; at least one each.
    pub connections: usize,
    /// Messages each connection keeps in flight under [`Rate::Max`]; at least 1.
    pub in_flight: usize,
    /// How long; the trace starts over with fresh keys when it ends. `None`: once through the trace.
    pub duration: Option<Duration>,
    /// Latencies of messages due before this are left out; their answers are checked all the same.
    pub warmup: Duration,
    /// A message unanswered for so long is lost.
    pub timeout: Duration,
    /// With two targets: how long each is played to before it is the other's turn.
    pub slice: Duration,
    /// By which fields answers are recognized.
    pub matching: Matching,
    /// Each connection opens a session before anything else: 0800 with DE70 001, which must be answered 00.
    pub sign_on: bool,
    /// An answer with another code than the trace expects is reported and no failure.
    pub ignore_codes: bool,
    /// Where the latencies of every second are written as an HdrHistogram log.
    pub hlog: Option<PathBuf>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            rate: Rate::PerSecond(5000.0),
            connections: 8,
            in_flight: 16,
            duration: None,
            warmup: Duration::ZERO,
            timeout: Duration::from_secs(5),
            slice: Duration::from_millis(250),
            matching: Matching::default(),
            sign_on: false,
            ignore_codes: false,
            hlog: None,
        }
    }
}

/// Somebody to play to.
#[derive(Clone)]
pub struct Target {
    /// `switch`, `echo`.
    pub name: String,
    /// Where each link of the trace goes.
    pub endpoints: Vec<Endpoint>,
    /// It sends each message back as it is: nothing but the latency is looked at.
    pub echo: bool,
}

/// Why a replay did not take place.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A message cannot be written for its target.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A target cannot be reached.
    #[error("cannot connect to {target} at {address}: {source}")]
    Connect {
        /// Its name.
        target: String,
        /// Its address.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// A session was not opened.
    #[error("cannot sign on to {target} at {address}: {reason}")]
    SignOn {
        /// Its name.
        target: String,
        /// Its address.
        address: String,
        /// What came instead of the answer.
        reason: String,
    },
    /// The log of latencies cannot be written.
    #[error("{path}: {source}")]
    Hlog {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The machine refused the client something.
    #[error("the load client failed: {0}")]
    Client(#[from] io::Error),
}

/// What a replay has done so far, over all targets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// Expected length of the whole replay, where it is known before.
    pub planned: Option<Duration>,
    /// Messages sent.
    pub sent: u64,
    /// Messages answered.
    pub answered: u64,
    /// Messages given up.
    pub lost: u64,
}

/// Latencies of one second or so.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Since the start of the replay.
    pub from: Duration,
    /// How long it was.
    pub length: Duration,
    /// Answers in it.
    pub count: u64,
    /// Median in nanoseconds.
    pub p50_ns: u64,
    /// 99th percentile in nanoseconds.
    pub p99_ns: u64,
    /// Longest in nanoseconds.
    pub max_ns: u64,
}

/// Answers that carried one response code.
#[derive(Clone, Debug)]
pub struct CodeCount {
    /// DE39; `--` where it was missing.
    pub code: String,
    /// Answers.
    pub count: u64,
    /// Answers by family, those without left out.
    pub families: Vec<(Family, u64)>,
}

/// What came of one target.
pub struct TargetOutcome {
    /// As in [`Target`].
    pub name: String,
    /// As in [`Target`].
    pub echo: bool,
    /// Connections it was played over.
    pub connections: usize,
    /// Messages sent.
    pub sent: u64,
    /// Messages answered.
    pub answered: u64,
    /// Messages without an answer in time.
    pub lost: u64,
    /// Answers that came after their message was given up.
    pub late: u64,
    /// Second answers to one message.
    pub duplicates: u64,
    /// Answers to nothing that was asked.
    pub unmatched: u64,
    /// Why, of the first few of those.
    pub unmatched_reasons: Vec<UnmatchedReason>,
    /// Messages that the target, which should be a host, sent back as they were.
    pub sent_back: u64,
    /// Network management messages of the host's own (0800, 0820) that were answered.
    pub host_answered: u64,
    /// Sessions opened, before the play and after a connection was lost.
    pub sign_ons: u64,
    /// Sessions that could not be opened again after a connection was lost, by reason.
    pub sign_on_failures: Vec<(String, u64)>,
    /// Answers that their dialect cannot read.
    pub unreadable: u64,
    /// Connections lost on the way.
    pub disconnects: u64,
    /// Answers whose code was compared with the trace.
    pub checked: u64,
    /// Of those, the ones with another code.
    pub differing: u64,
    /// As in [`Plan`].
    pub ignore_codes: bool,
    /// How long it was played to, from the first message due to the last answer, pauses left out.
    pub busy: Duration,
    /// Answers by code, the most frequent first.
    pub codes: Vec<CodeCount>,
    /// What differed, the most frequent first.
    pub mismatches: Vec<Mismatch>,
    /// All latencies: due to answered, nanoseconds.
    pub latencies: Histogram<u64>,
    /// The same by family, empty ones left out.
    pub families: Vec<(Family, Histogram<u64>)>,
    /// Due to handed to the kernel: the client's own part of the latency.
    pub lags: Histogram<u64>,
    /// Latency over time.
    pub intervals: Vec<Interval>,
}

impl TargetOutcome {
    /// Answers a second while the target was played to.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.busy.as_secs_f64().max(1e-9)
    }

    /// Every message was answered once, in time, readably, and with a code the trace expects, where codes matter.
    pub fn holds(&self) -> bool {
        let faults = self.lost + self.late + self.duplicates + self.unmatched + self.unreadable;
        let differing = if self.ignore_codes { 0 } else { self.differing };
        faults + differing + self.sent_back + self.disconnects == 0
    }
}

/// What came of a replay.
pub struct Outcome {
    /// The trace's name.
    pub trace: String,
    /// Messages in the trace.
    pub messages: usize,
    /// When it started.
    pub started: SystemTime,
    /// How long it took.
    pub elapsed: Duration,
    /// CPU time of the load client for each message sent, in nanoseconds, both directions and the kernel's part in it.
    pub client_ns_per_message: u64,
    /// By target, in the order given.
    pub targets: Vec<TargetOutcome>,
}

impl Outcome {
    /// Whether every target did what was expected of it.
    pub fn holds(&self) -> bool {
        self.targets.iter().all(TargetOutcome::holds)
    }
}

/// Plays a trace. `progress` is called about ten times a second; setting `stop` ends the play early, and what is
/// under way is still waited for.
///
/// # Errors
/// Nothing was played: the trace does not suit the targets, or one of them cannot be reached.
pub fn run(
    trace: &Trace,
    plan: &Plan,
    targets: &[Target],
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Outcome, ReplayError> {
    let score = |target: &Target| Score::new(trace, &target.endpoints, plan.matching.clone());
    let scores = targets.iter().map(score).collect::<Result<Vec<_>, _>>()?;
    let started = SystemTime::now();
    let mut hlog = match &plan.hlog {
        Some(path) => Some(open_hlog(path, trace, started)?),
        None => None,
    };
    let wall = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut lanes = Vec::new();
    for (place, (target, score)) in targets.iter().zip(&scores).enumerate() {
        let manner = manner(plan, target, place, targets.len(), wall);
        // Two replays within one second must not give the same keys: the clock's fraction decides where STANs start.
        let first_stan = wall.subsec_micros();
        let lane = Lane::open(score, &target.endpoints, manner, plan.connections, first_stan);
        let failed =
            |(address, source)| ReplayError::Connect { target: target.name.clone(), address, source };
        let mut lane = lane.map_err(failed)?;
        let refused =
            |(address, reason)| ReplayError::SignOn { target: target.name.clone(), address, reason };
        lane.sign_on().map_err(refused)?;
        lanes.push(lane);
    }
    let mut series = vec![Vec::new(); lanes.len()];
    let planned = planned(plan, trace, lanes.len());
    let live: Vec<Live> = lanes.iter().map(|_| Live::default()).collect();
    let (interval_sender, intervals) = mpsc::channel();
    let (empty_sender, emptied) = mpsc::channel();
    let wires = Wires { live: &live, stop, intervals: interval_sender, emptied };
    let (played, mut lanes) = std::thread::scope(|scope| {
        let client = std::thread::Builder::new().name("load-client".to_owned());
        let client = client.spawn_scoped(scope, move || {
            let played = client::play(&mut lanes, &wires);
            (played, lanes)
        })?;
        let begun = std::time::Instant::now();
        loop {
            match intervals.recv_timeout(Duration::from_millis(100)) {
                Ok(record) => keep(record, targets, &mut series, hlog.as_mut(), &empty_sender),
                Err(RecvTimeoutError::Timeout) => progress(&snapshot(&live, begun.elapsed(), planned)),
                // The client's thread has ended, and its end of the channel with it.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        client.join().map_err(|_| io::Error::other("the client's thread panicked"))
    })?;
    let (elapsed_ns, cpu_ns) = played?;
    if let (Some(hlog), Some(path)) = (hlog, &plan.hlog) {
        hlog.finish().map_err(|source| ReplayError::Hlog { path: path.clone(), source })?;
    }
    let sent: u64 = lanes.iter().map(|lane| lane.tally.sent).sum();
    let parts = lanes.drain(..).zip(targets).zip(scores.iter().zip(series));
    Ok(Outcome {
        trace: trace.origin.clone(),
        messages: trace.entries.len(),
        started,
        elapsed: Duration::from_nanos(elapsed_ns),
        client_ns_per_message: cpu_ns / sent.max(1),
        targets: parts
            .map(|((lane, target), (score, intervals))| outcome(lane, plan, target, (score, intervals)))
            .collect(),
    })
}

fn manner(plan: &Plan, target: &Target, place: usize, count: usize, wall: Duration) -> Manner {
    let nanos = |duration: Duration| duration.as_nanos() as u64;
    let turns = match count {
        1 => Turns::ALONE,
        // A pause lets the other's last answers in before its successor is measured.
        _ => Turns {
            slice_ns: nanos(plan.slice).max(1_000_000),
            pause_ns: 5_000_000,
            place: place as u64,
            count: count as u64,
        },
    };
    Manner {
        rate: plan.rate,
        turns,
        duration_ns: plan.duration.map(nanos),
        warmup_ns: nanos(plan.warmup),
        timeout_ns: nanos(plan.timeout),
        in_flight: plan.in_flight.max(1),
        echo: target.echo,
        // An echo has no sessions.
        sign_on: plan.sign_on && !target.echo,
        wall_start_ns: nanos(wall),
    }
}

fn open_hlog(path: &Path, trace: &Trace, started: SystemTime) -> Result<HlogWriter, ReplayError> {
    let comment = format!("authswitch replay of {}; latencies in nanoseconds, by target", trace.origin);
    HlogWriter::create(path, &comment, started)
        .map_err(|source| ReplayError::Hlog { path: path.to_owned(), source })
}

/// How long the play will take; unknown under [`Rate::Max`] without a duration.
fn planned(plan: &Plan, trace: &Trace, targets: usize) -> Option<Duration> {
    let last = trace.entries.last().map_or(0, |entry| entry.at_us);
    let own = match (plan.duration, plan.rate) {
        (Some(duration), _) => duration,
        (None, Rate::PerSecond(rate)) => Duration::from_secs_f64(trace.entries.len() as f64 / rate),
        (None, Rate::Recorded(factor)) => Duration::from_secs_f64(last as f64 / 1e6 / factor),
        (None, Rate::Max) => return None,
    };
    Some(own * targets as u32)
}

fn snapshot(live: &[Live], elapsed: Duration, planned: Option<Duration>) -> Progress {
    let sum = |count: fn(&Live) -> u64| live.iter().map(count).sum();
    Progress {
        elapsed,
        planned,
        sent: sum(|live| live.sent.load(Ordering::Relaxed)),
        answered: sum(|live| live.answered.load(Ordering::Relaxed)),
        lost: sum(|live| live.lost.load(Ordering::Relaxed)),
    }
}

/// Writes an interval down, and gives its histogram back to be used again.
fn keep(
    mut record: IntervalRecord,
    targets: &[Target],
    series: &mut [Vec<Interval>],
    hlog: Option<&mut HlogWriter>,
    emptied: &mpsc::Sender<Histogram<u64>>,
) {
    let (from, length) = (Duration::from_nanos(record.from_ns), Duration::from_nanos(record.length_ns));
    let latencies = &record.latencies;
    series[record.lane].push(Interval {
        from,
        length,
        count: latencies.len(),
        p50_ns: latencies.value_at_quantile(0.5),
        p99_ns: latencies.value_at_quantile(0.99),
        max_ns: latencies.max(),
    });
    if let Some(hlog) = hlog {
        hlog.write(&targets[record.lane].name, from, length, latencies);
    }
    record.latencies.reset();
    // The client's thread may have ended by now.
    let _ = emptied.send(record.latencies);
}

fn outcome(
    lane: Lane<'_>,
    plan: &Plan,
    target: &Target,
    (score, intervals): (&Score, Vec<Interval>),
) -> TargetOutcome {
    let connections = lane.connections.len();
    let tally = lane.tally;
    let mut latencies = latency_histogram();
    for family in &tally.latencies {
        // All histograms have the same bounds, so that adding cannot fail.
        let _ = latencies.add(family);
    }
    let families =
        Family::ALL.into_iter().zip(&tally.latencies).filter(|(_, latencies)| !latencies.is_empty());
    TargetOutcome {
        name: target.name.clone(),
        echo: target.echo,
        connections,
        sent: tally.sent,
        answered: tally.answered,
        lost: tally.lost,
        late: tally.late,
        duplicates: tally.duplicates,
        unmatched: tally.unmatched,
        unmatched_reasons: tally.unmatched_reasons(),
        sent_back: tally.sent_back,
        host_answered: tally.host_answered,
        sign_ons: tally.sign_ons,
        sign_on_failures: tally.sign_on_failures.iter().map(|(reason, n)| (reason.clone(), *n)).collect(),
        unreadable: tally.unreadable,
        disconnects: tally.disconnects,
        checked: tally.checked,
        differing: tally.differing,
        ignore_codes: plan.ignore_codes,
        busy: tally.busy(),
        codes: codes(&tally),
        mismatches: mismatches(&tally, target, score),
        families: families.map(|(family, latencies)| (family, latencies.clone())).collect(),
        latencies,
        lags: tally.lags,
        intervals,
    }
}

fn codes(tally: &Tally) -> Vec<CodeCount> {
    let mut codes: Vec<_> = tally
        .codes
        .iter()
        .map(|(code, counts)| CodeCount {
            code: String::from_utf8_lossy(code).into_owned(),
            count: counts.iter().sum(),
            families: Family::ALL.into_iter().zip(*counts).filter(|(_, count)| *count > 0).collect(),
        })
        .collect();
    codes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.code.cmp(&b.code)));
    codes
}

fn mismatches(tally: &Tally, target: &Target, score: &Score) -> Vec<Mismatch> {
    let groups = tally.mismatches.iter();
    let mut mismatches: Vec<_> = groups
        .map(|((kind, expected, actual), &(count, index))| {
            let note = &score.notes[index as usize];
            Mismatch {
                kind: score.kinds[usize::from(*kind)].clone(),
                expected: expected.clone(),
                actual: actual.clone(),
                count,
                line: note.line,
                card: score.masked_pan(index, &target.endpoints[note.endpoint]),
            }
        })
        .collect();
    mismatches.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.line.cmp(&b.line)));
    mismatches
}
