//! What the operators' pages say of a running switch.

use super::clock::SwitchClock;
use super::fill::{Fill, Told};
use super::snapshots::Snapshots;
use crate::admin::{self, Facts, Readiness, State};
use crate::decision::Desk;
use crate::journal::{Journal, Newest, Status as JournalStatus};
use crate::network::{Door, Link, Monitor, OpenConnection, Pulse, Refused, Ticks, TurnedAway, mti_text};
use crate::portfolio::Portfolio;
use crate::settings::{Settings, WhenFull};
use crate::telemetry::Telemetry;
use crate::vault::DataKey;
use parking_lot::{Mutex, MutexGuard};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Whose cards a data folder has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holdings {
    pub cards: usize,
    /// Accounts that a card spends from.
    pub accounts: usize,
    /// Cards of the demo, which no real folder has.
    pub demo_cards: usize,
}

/// What the upkeep and the status page look at.
pub(super) struct Parts {
    pub holdings: Holdings,
    pub portfolio: Arc<Portfolio>,
    pub desk: Arc<Desk>,
    pub journal: Journal,
    pub clock: SwitchClock,
    pub telemetry: Telemetry,
    pub key: DataKey,
    pub data: PathBuf,
    pub snapshot_every: u64,
    /// Bytes that a snapshot leaves free on the disk.
    pub leave_free_bytes: u64,
    pub snapshots: Snapshots,
    pub draining: Arc<AtomicBool>,
    /// Reloads that were taken, and refused.
    pub reloads: [AtomicU64; 2],
    pub fills: Fills,
    /// Somebody has taken the journal's newest file out of the folder, and not put it back.
    pub journal_gone: Mutex<Option<Newest>>,
}

/// How full the tables are that have a bound.
pub(super) struct Fills {
    transactions: Mutex<Fill>,
    counters: Mutex<Fill>,
    on_full: WhenFull,
}

impl Fills {
    pub(super) fn of(settings: &Settings) -> Fills {
        let of = |max| Mutex::new(Fill::new(max));
        let Settings { transactions, counters, .. } = settings;
        let on_full = transactions.on_full;
        Fills { transactions: of(transactions.max), counters: of(counters.max), on_full }
    }

    pub(super) fn transactions(&self) -> MutexGuard<'_, Fill> {
        self.transactions.lock()
    }

    pub(super) fn counters(&self) -> MutexGuard<'_, Fill> {
        self.counters.lock()
    }

    /// Looks at them, to be called twice a second, `now` after the start; says in the log what is to be told.
    pub(super) fn observe(&self, now: Duration, portfolio: &Portfolio) {
        let (table, counters) = (&portfolio.table, &portfolio.counters);
        let at_bound = "new authorizations are answered 91 (transactions-full); advices and reversals have a quarter more";
        tell("transactions.max", at_bound, &mut self.transactions(), now, table.kept());
        let at_bound = "requests that need a new counter are answered 91 (limits-full)";
        tell("counters.max", at_bound, &mut self.counters(), now, counters.len());
    }
}

fn tell(setting: &str, at_bound: &str, fill: &mut Fill, now: Duration, count: usize) {
    let told = fill.observe(now, count);
    let (percent, full) = (fill.percent(), fill.forecast());
    match told {
        None => {}
        Some(Told::Filling) => {
            tracing::warn!(
                setting,
                count,
                percent,
                full,
                "filling up; where it is full {at_bound}: raise it"
            );
        }
        Some(Told::Full) => tracing::warn!(setting, count, percent, "full: {at_bound}: raise it"),
        Some(Told::Eased) => tracing::info!(setting, count, percent, "has room again"),
    }
}

/// Where the switch stands in its life.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    Draining,
}

impl Parts {
    /// Sees whether what is written can be found again, and says where that has changed.
    pub(super) fn look_for_journal(&self) {
        let (journal, data) = (self.data.join("journal"), self.data.display());
        let before = *self.journal_gone.lock();
        // What went first must come back, whatever has been begun since.
        let gone = [before, Some(self.journal.newest())]
            .into_iter()
            .flatten()
            .find(|newest| newest.is_gone(&journal));
        *self.journal_gone.lock() = gone;
        match (before.is_some(), gone.is_some()) {
            (false, true) => tracing::error!(
                %data,
                "the newest file of the journal is gone from the folder, or a copy stands in its place: what is stored from now on is lost at the next start, \
                 unless it is put back"
            ),
            (true, false) => tracing::warn!(
                %data,
                "the newest file of the journal is back in the folder, with what was stored meanwhile"
            ),
            _ => {}
        }
    }

    pub(super) fn phase(&self) -> Phase {
        if self.draining.load(Ordering::Relaxed) { Phase::Draining } else { Phase::Serving }
    }
}

/// The switch as the admin server sees it.
pub(super) struct SwitchStatus {
    pub parts: Arc<Parts>,
    pub links: Vec<(Arc<Link>, SocketAddr)>,
    pub monitor: Arc<Monitor>,
    pub pulse: Pulse,
    pub ticks: Ticks,
    pub max_records: u64,
    pub max_age_us: u64,
}

impl admin::Status for SwitchStatus {
    fn alive(&self) -> Result<(), String> {
        match self.parts.journal.status() {
            JournalStatus::Failed => {
                Err("the journal has failed; nothing can be stored until a restart".into())
            }
            _ => match self.standing(LIFELESS) {
                Some(words) => Err(format!("{words}: only a new start helps")),
                None => Ok(()),
            },
        }
    }

    fn beat(&self) {
        self.pulse.beat(self.ticks.now_ns());
    }

    fn readiness(&self) -> Readiness {
        let degraded = |reason| Readiness { state: State::Degraded, reason };
        if let Some(words) = self.standing(UNREADY) {
            return degraded(format!("{words}: what it serves waits"));
        }
        if self.parts.journal_gone.lock().is_some() {
            return degraded("the newest file of the journal is gone from the data folder: what is stored is lost at the next start".into());
        }
        let waited = Duration::from_micros(self.parts.journal.exposure().age_us);
        if waited >= LAGGING && self.parts.phase() == Phase::Serving && self.parts.journal.accepting() {
            return degraded(format!(
                "the disk has not taken the oldest record for {} s: advices and reversals wait for it",
                waited.as_secs()
            ));
        }
        let (state, reason) = match (self.parts.phase(), self.parts.journal.status()) {
            (Phase::Draining, _) => {
                (State::Draining, "draining: what was read is answered, nothing new is read")
            }
            (_, JournalStatus::Accepting) if self.parts.journal.exposed() => {
                (State::Degraded, "the disk lags behind: authorizations too are answered only when durable")
            }
            (_, JournalStatus::Accepting) if self.parts.fills.transactions().is_full() => {
                let state = match self.parts.fills.on_full {
                    WhenFull::Decline => State::Ready,
                    WhenFull::NotReady => State::Degraded,
                };
                (
                    state,
                    "transactions.max is reached: new authorizations are answered 91, so that nothing booked is forgotten",
                )
            }
            (_, JournalStatus::Accepting) => (State::Ready, "answering"),
            (_, JournalStatus::Full) => (
                State::Degraded,
                "the journal has no room (the disk is full, or a limit of the process is reached; the log says which): \
                     requests are answered with 96",
            ),
            (_, JournalStatus::Closed | JournalStatus::Failed) => {
                (State::Degraded, "the journal takes no records: requests are answered with 96")
            }
        };
        let trouble = self.parts.snapshots.trouble().filter(|_| state == State::Ready);
        let trouble = trouble.map_or_else(String::new, |trouble| {
            format!("; the last snapshot was not written, the journal alone recovers all: {trouble}")
        });
        // By the time that is believed it decides right, so that it is ready all the same.
        let doubt = self.parts.clock.in_words().map_or_else(String::new, |doubt| format!("; {doubt}"));
        Readiness { state, reason: format!("{reason}{trouble}{doubt}") }
    }

    fn facts(&self) -> Facts {
        let parts = &self.parts;
        let (exposure, status) = (parts.journal.exposure(), parts.journal.status());
        let state = match status {
            JournalStatus::Accepting => "writing",
            JournalStatus::Full => "disk full, trying again each second",
            JournalStatus::Closed => "closed",
            JournalStatus::Failed => "failed",
        };
        let (transactions, open) = parts.portfolio.table.len();
        Facts {
            links: self.links.iter().map(|(link, address)| self.link_facts(link, *address)).collect(),
            exposure: admin::Exposure {
                records: exposure.records,
                age_us: exposure.age_us,
                max_records: self.max_records,
                max_age_us: self.max_age_us,
            },
            journal: admin::Journal {
                state: state.into(),
                healthy: status == JournalStatus::Accepting,
                appended: parts.journal.appended(),
                durable: parts.journal.durable(),
            },
            more: [
                Some(("cards", parts.holdings.cards.to_string())),
                Some(parts.holdings.demo_cards).filter(|cards| *cards > 0).map(|cards| {
                    ("DEMO FOLDER: of them demo cards, approved on every link", cards.to_string())
                }),
                Some(("accounts", parts.holdings.accounts.to_string())),
                Some(("transactions remembered", transactions.to_string())),
                Some(("of them holding money", open.to_string())),
                Some(("of transactions.max in use", in_use(&parts.fills.transactions()))),
                Some(("of counters.max in use", in_use(&parts.fills.counters()))),
            ]
            .into_iter()
            .flatten()
            .map(|(name, text)| (name.to_owned(), text))
            .collect(),
        }
    }
    fn connections(&self) -> Vec<admin::Connection> {
        let open = self.monitor.connections.open(self.monitor.now());
        open.iter().map(|open| self.connection(open)).collect()
    }

    fn refusals(&self) -> admin::Refusals {
        let refusals = self.monitor.refused().iter().map(|refused| self.refusal(refused)).collect();
        admin::Refusals { refusals, not_kept: self.monitor.refusals.missed() }
    }
}

/// A thread that has stood still for so long makes the switch unready.
const UNREADY: Duration = Duration::from_secs(2);
/// So does a disk that has taken no record for so long, whatever the bounds of the exposure are.
const LAGGING: Duration = Duration::from_secs(10);
/// A thread that has stood still for so long will not come back.
const LIFELESS: Duration = Duration::from_secs(10);

fn in_use(fill: &Fill) -> String {
    format!("{} %, full {}", fill.percent(), fill.forecast())
}

impl SwitchStatus {
    /// The thread that has stood still for so long, in words. In a drain they end one by one.
    fn standing(&self, least: Duration) -> Option<String> {
        if self.parts.phase() == Phase::Draining {
            return None;
        }
        let (thread, stood) = self.pulse.standing(self.ticks.now_ns(), least)?;
        Some(format!("thread {thread} has made no turn for {} s", stood.as_secs()))
    }

    fn link_facts(&self, link: &Link, address: SocketAddr) -> admin::Link {
        let suspicion = self.monitor.suspicion(link.index).map(|suspicion| admin::Suspicion {
            time_us: suspicion.time_us,
            peer: suspicion.peer.to_string(),
            likely: suspicion.likely,
        });
        admin::Link {
            name: link.options.name.clone(),
            address: address.to_string(),
            dialect: link.options.dialect.name().to_owned(),
            connections: link.connections.load(Ordering::Relaxed) as u64,
            max_connections: link.options.max_connections as u64,
            suspicion,
            turned_away: TurnedAway::ALL.into_iter().filter_map(|why| turned_away(&link.door, why)).collect(),
        }
    }

    fn link_name(&self, link: u8) -> String {
        self.links.get(usize::from(link)).map_or_else(String::new, |(link, _)| link.options.name.clone())
    }

    fn connection(&self, open: &OpenConnection) -> admin::Connection {
        admin::Connection {
            connection: open.id,
            link: self.link_name(open.link),
            peer: open.peer.to_string(),
            since_us: open.since_us,
            signed_on_us: open.signed_on_us,
            last_message_us: open.last_message_us,
            last_mti: mti_text(open.last_mti),
            messages: open.messages,
            answers: open.answers,
            refused: open.refused,
            received_bytes: open.bytes_in,
            sent_bytes: open.bytes_out,
            messages_per_s_10s: open.rate_10s,
            messages_per_s_60s: open.rate_60s,
            last_refusal: open.last_refused.map(|refused| self.refusal(&refused)),
        }
    }

    fn refusal(&self, refused: &Refused) -> admin::Refusal {
        admin::Refusal {
            time_us: refused.time_us,
            link: self.link_name(refused.link),
            connection: refused.connection,
            peer: refused.peer.to_string(),
            told: refused.unserved.told(),
        }
    }
}

/// Whom a link turned away for this reason, if there was anybody.
fn turned_away(door: &Door, why: TurnedAway) -> Option<admin::TurnedAway> {
    let (last_us, last) = door.last_turned_away(why)?;
    let (reason, connections) = (why.name(), door.turned_away(why));
    Some(admin::TurnedAway { reason, connections, last_peer: last.to_string(), last_us })
}
