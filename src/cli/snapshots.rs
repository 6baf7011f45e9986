//! Writes snapshots while the switch decides, on a thread of their own: paced by the journal's delay, given up rather than
//! taking the journal's room, and tried again. Must not know what a snapshot holds.

use super::data::Failure;
use super::status::{Parts, Phase};
use crate::journal::{self, Mark};
use crate::portfolio::folder;
use crate::portfolio::snapshot::WriteOptions;
use crate::settings::Settings;
use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_millis(500);
/// How long after one that failed it is tried again: at first, and at most; each time twice as long.
const TRY_AGAIN: Duration = Duration::from_secs(5);
const TRY_AGAIN_AT_MOST: Duration = Duration::from_secs(600);
/// Segments for which the disk keeps room beside a snapshot.
const SEGMENTS_LEFT: u64 = 2;
/// Bytes a second at most: half a gigabyte takes sixteen seconds.
const BYTES_PER_S: u64 = 32 << 20;
/// While the oldest record waits for the disk longer than this, in microseconds, a snapshot waits too...
const LAG_US: u64 = 20_000;
/// ...for so long after each step: a disk that is slow for other reasons stops no snapshot for good.
const LAG_AT_MOST: Duration = Duration::from_millis(500);

/// The lowest priority of a thread of its class: whoever is woken to answer has the processor at once.
const NICE: i32 = 19;

/// What has become of the snapshots since the start.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    written: AtomicU64,
    failed: AtomicU64,
    /// Why the last one was not written.
    trouble: Mutex<Option<String>>,
}

impl Snapshots {
    /// Why the last one was not written; none where it was.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Registers the counters.
    pub(super) fn register(parts: &Arc<Parts>) {
        type Read = fn(&Snapshots) -> &AtomicU64;
        let results: [(&str, Read); 2] =
            [("written", |snapshots| &snapshots.written), ("failed", |snapshots| &snapshots.failed)];
        for (result, read) in results {
            let weak = Arc::downgrade(parts);
            parts.telemetry.total(
                "snapshots",
                "Snapshots tried while serving.",
                &[("result", result)],
                move || {
                    weak.upgrade().map_or(0.0, |parts| read(&parts.snapshots).load(Ordering::Relaxed) as f64)
                },
            );
        }
    }
}

/// Bytes that a snapshot leaves free on the disk.
pub(super) fn leave_free_bytes(settings: &Settings) -> u64 {
    SEGMENTS_LEFT * settings.journal.segment_mib.bytes()
}

/// Writes one each time the journal has grown by enough records since `floor`, until the switch drains.
pub(super) fn run(parts: &Parts, mut floor: u64) {
    // Of this thread alone.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "snapshots are written at the priority of all");
    }
    let (mut wait, mut not_before) = (TRY_AGAIN, Instant::now());
    while parts.phase() == Phase::Serving {
        thread::park_timeout(LOOK);
        let mark = parts.journal.mark();
        let appended = mark.seq;
        let due = parts.snapshot_every > 0 && appended - floor >= parts.snapshot_every;
        if !due || Instant::now() < not_before {
            continue;
        }
        let written = write(parts, mark);
        // Given up for the one that is written at the end.
        if parts.phase() != Phase::Serving {
            return;
        }
        let snapshots = &parts.snapshots;
        match written {
            Ok(()) => {
                (floor, wait) = (appended, TRY_AGAIN);
                snapshots.written.fetch_add(1, Ordering::Relaxed);
                *snapshots.trouble.lock() = None;
                tracing::info!(floor, "snapshot written");
            }
            Err(error) => {
                not_before = Instant::now() + wait;
                let again_s = wait.as_secs();
                wait = (2 * wait).min(TRY_AGAIN_AT_MOST);
                snapshots.failed.fetch_add(1, Ordering::Relaxed);
                *snapshots.trouble.lock() = Some(error.to_string());
                tracing::warn!(%error, again_s, "snapshot not written; the journal alone still recovers all");
            }
        }
    }
}

/// Writes one while messages are decided: it counts only once the journal holds all that is in it.
fn write(parts: &Parts, floor: Mark) -> Result<(), Failure> {
    let journal = &parts.journal;
    let (began, bytes) = (Instant::now(), Cell::new(0));
    let pause = |step: u64| {
        bytes.set(bytes.get() + step);
        pause(parts, began + Duration::from_millis(bytes.get() * 1000 / BYTES_PER_S))
    };
    let options =
        WriteOptions { journal: floor.chain, leave_free_bytes: parts.leave_free_bytes, pause: Some(&pause) };
    folder::write(
        &parts.portfolio,
        &parts.key,
        &parts.data,
        (floor.seq, parts.clock.now_us()),
        options,
        |last| {
            // By now later records may have changed by what names a transaction that is in it is found.
            let last = last.max(journal.appended());
            while journal.durable() < last {
                if matches!(journal.status(), journal::Status::Failed) {
                    return Err("the journal has failed".into());
                }
                // Its last records may never get there.
                if parts.phase() != Phase::Serving {
                    return Err("the switch drains".into());
                }
                thread::sleep(Duration::from_millis(2));
            }
            Ok(())
        },
    )?;
    Ok(())
}

/// Waits until `until`, and while the journal lags behind. False when the switch drains.
fn pause(parts: &Parts, until: Instant) -> bool {
    let lag_ends = Instant::now() + LAG_AT_MOST;
    loop {
        let now = Instant::now();
        let lags = now < lag_ends && parts.journal.exposure().age_us > LAG_US;
        if parts.phase() != Phase::Serving {
            return false;
        }
        if now >= until && !lags {
            return true;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}
