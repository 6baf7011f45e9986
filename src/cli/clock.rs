//! The clock of a running switch: judged at the start, watched while it runs, kept for the next start; and what is said of
//! it. What is believed is decided in [`crate::clock`].

use crate::clock::{self, Bounds, Evidence, Guard, Reading, Recorded, WallClock};
use crate::settings;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is said again that the wall clock is not believed.
const SAID_EVERY: Duration = Duration::from_secs(600);
/// How often the time that is believed is kept for a start on another boot of the machine.
const KEPT_EVERY: Duration = Duration::from_secs(3_600);

const SET: &str = "it was set while the switch ran";

/// The switch's clock.
#[derive(Debug)]
pub(super) struct SwitchClock {
    wall: Arc<WallClock>,
    boot: String,
    data: PathBuf,
    watch: Mutex<Watch>,
}

#[derive(Debug)]
struct Watch {
    /// Why the wall clock is not believed, and when that was said last.
    doubt: Option<(&'static str, Instant)>,
    kept: Instant,
}

/// How the two times stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub is_believed: bool,
    /// What the wall clock says.
    wall_us: i64,
    /// What the switch goes by.
    time_us: i64,
}

impl Standing {
    /// How far the wall clock is ahead of the time that is believed, in seconds.
    pub(super) fn ahead_s(&self) -> f64 {
        self.wall_us.saturating_sub(self.time_us) as f64 / 1e6
    }
}

impl SwitchClock {
    /// Judges the wall clock by what the folder and its journal know; with `is_right` by the operator's word.
    pub(super) fn begin(
        settings: &settings::Clock,
        data: &Path,
        recorded: Recorded,
        is_right: bool,
    ) -> SwitchClock {
        let (boot, now) = (clock::boot_id(), WallClock::read());
        let bounds = Bounds {
            max_step_us: Duration::from(settings.max_step_s).as_micros() as i64,
            max_gap_us: Duration::from(settings.max_gap_hours).as_micros() as i64,
        };
        let evidence = Evidence::read(data).unwrap_or_else(|error| {
            tracing::warn!(error, "what was kept of the clock cannot be read: the journal alone is asked");
            None
        });
        // By the operator's word there is nothing to compare it with.
        let known = if is_right { Recorded::default() } else { recorded };
        let start = clock::start(evidence.as_ref(), known, &boot, now, bounds);
        let guard = Guard::new(start.anchor, bounds.max_step_us);
        let switch = SwitchClock {
            wall: Arc::new(WallClock::new(guard)),
            boot,
            data: data.to_owned(),
            watch: Mutex::new(Watch { doubt: None, kept: Instant::now() }),
        };
        if is_right {
            tracing::info!(wall = shown(now.wall_us), "the wall clock is believed: --clock-is-right");
        }
        if let Some(doubt) = start.doubt {
            switch.doubt(doubt.reason());
        }
        switch.keep(recorded.sequence);
        switch
    }

    /// The time for all that decides, gives back or forgets.
    pub(super) fn wall(&self) -> &Arc<WallClock> {
        &self.wall
    }

    /// Microseconds since 1970 by the time that is believed.
    pub(super) fn now_us(&self) -> i64 {
        self.wall.now_us()
    }

    /// How the wall clock stands now.
    pub(super) fn standing(&self) -> Standing {
        let now = WallClock::read();
        let guard = self.wall.guard();
        Standing { is_believed: guard.believes(now), wall_us: now.wall_us, time_us: guard.time_us(now) }
    }

    /// That the wall clock is not believed, in words; `None` while it is.
    pub(super) fn in_words(&self) -> Option<String> {
        let standing = self.standing();
        let reason = self.watch.lock().doubt.map_or(SET, |(reason, _)| reason);
        (!standing.is_believed).then(|| {
            format!(
                "the wall clock is not believed: it says {}, the switch goes by {} and what passes: {reason}; if the wall \
                 clock is right: {}",
                shown(standing.wall_us),
                shown(standing.time_us),
                remedy()
            )
        })
    }

    /// Looks at the wall clock, says what has changed, and keeps the time now and then; to be called twice a second or so.
    pub(super) fn look(&self, sequence: u64) {
        let standing = self.standing();
        let doubt = self.watch.lock().doubt;
        match (standing.is_believed, doubt) {
            (false, None) => self.doubt(SET),
            (false, Some((reason, said))) if said.elapsed() >= SAID_EVERY => self.doubt(reason),
            (true, Some(_)) => {
                self.watch.lock().doubt = None;
                tracing::info!(
                    wall = shown(standing.wall_us),
                    "the wall clock agrees again, and is believed"
                );
            }
            _ => {}
        }
        if self.watch.lock().kept.elapsed() >= KEPT_EVERY {
            self.keep(sequence);
        }
    }

    fn doubt(&self, reason: &'static str) {
        self.watch.lock().doubt = Some((reason, Instant::now()));
        let standing = self.standing();
        tracing::warn!(
            wall = shown(standing.wall_us),
            going_by = shown(standing.time_us),
            seconds = standing.ahead_s().round() as i64,
            reason,
            "the wall clock is not believed: until it agrees, time goes on by what passes, for messages, holds, counters and \
             what is remembered; set it right, or if it is right: {}",
            remedy()
        );
    }

    /// SIGUSR1: the operator says that the wall clock is right.
    pub(super) fn believe(&self, sequence: u64) {
        let now = WallClock::read();
        let before_us = self.wall.guard().time_us(now);
        self.wall.guard().trust(now);
        self.watch.lock().doubt = None;
        tracing::warn!(
            wall = shown(now.wall_us),
            went_by = shown(before_us),
            seconds = (now.wall_us.saturating_sub(before_us)) / 1_000_000,
            "the wall clock is believed: SIGUSR1"
        );
        self.keep(sequence);
    }

    /// Keeps the time that is believed, for the next start. `sequence` is the journal's last record.
    pub(super) fn keep(&self, sequence: u64) {
        self.watch.lock().kept = Instant::now();
        let now = WallClock::read();
        let Reading { wall_us: anchor_wall_us, boot_us: anchor_boot_us } = self.wall.guard().anchor();
        let (boot, time_us) = (self.boot.clone(), self.wall.guard().time_us(now));
        let evidence =
            Evidence { boot, anchor_wall_us, anchor_boot_us, time_us, boot_us: now.boot_us, sequence };
        if let Err(error) = evidence.write(&self.data) {
            tracing::warn!(%error, "the time is not kept: the next start has the journal alone to compare the clock with");
        }
    }
}

/// What says that the wall clock is right.
fn remedy() -> String {
    format!("kill -USR1 {}, or start with --clock-is-right", std::process::id())
}

fn shown(time_us: i64) -> String {
    match Timestamp::from_microsecond(time_us) {
        Ok(time) => format!("{time:.0}"),
        Err(_) => format!("{time_us} us since 1970"),
    }
}
