//! What the admin server asks of the running switch. Small on purpose: whoever assembles the switch implements it.

use super::connections::{Connection, Refusals, Suspicion, TurnedAway};
use serde::Serialize;

/// Whether messages should be sent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Recovering or not yet listening.
    Starting,
    /// Answering.
    Ready,
    /// Answering, but not as it should: for example no approvals, because nothing can be stored.
    Degraded,
    /// Stopping: nothing new is read, what is in flight is answered.
    Draining,
}

impl State {
    /// The state as a word: `ready`.
    pub const fn name(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Ready => "ready",
            State::Degraded => "degraded",
            State::Draining => "draining",
        }
    }
}

/// The state and, in plain words, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Only [`State::Ready`] answers `/readyz` with 200.
    pub state: State,
    /// For a person on call: `the journal's disk is full; requests are answered with 96`.
    pub reason: String,
}

/// A link as configured and connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The name in the settings and in the telemetry.
    pub name: String,
    /// The address it listens on.
    pub address: String,
    /// The dialect spoken.
    pub dialect: String,
    /// Connections open.
    pub connections: u64,
    /// Connections allowed.
    pub max_connections: u64,
    /// What its messages seem to be written in, when nothing of a connection could be read.
    pub suspicion: Option<Suspicion>,
    /// Connections that were not taken, by reason; those of which there are any.
    pub turned_away: Vec<TurnedAway>,
}

/// What was answered and is not yet durable, and the bounds after which no more is approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// Records appended and not yet durable.
    pub records: u64,
    /// The age of the oldest of them, in microseconds.
    pub age_us: u64,
    /// The bound on records.
    pub max_records: u64,
    /// The bound on the age, in microseconds.
    pub max_age_us: u64,
}

/// The journal in words and numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Journal {
    /// `writing`, `disk full, retrying`, `closed`.
    pub state: String,
    /// Whether the state is as it should be.
    pub healthy: bool,
    /// The last record appended.
    pub appended: u64,
    /// The last record that is durable.
    pub durable: u64,
}

/// Everything the status page shows besides the telemetry's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The links in the settings' order.
    pub links: Vec<Link>,
    /// The exposure.
    pub exposure: Exposure,
    /// The journal.
    pub journal: Journal,
    /// Further lines as name and value: `cards`, `10,000`. Never card data.
    pub more: Vec<(String, String)>,
}

/// The running switch as the admin server sees it. Called on the admin thread, for each request: answer at once,
/// from memory, and hold no lock that a worker waits for.
pub trait Status: Send + Sync + 'static {
    /// Whether the process works at all; an error is why it should be killed and started anew (`/healthz`).
    ///
    /// # Errors
    /// The reason, in plain words.
    fn alive(&self) -> Result<(), String> {
        Ok(())
    }

    /// A sign of life of the admin thread, several times a second: what it sees while it stands itself says nothing.
    fn beat(&self) {}

    /// Whether messages should be sent here (`/readyz`).
    fn readiness(&self) -> Readiness;

    /// The facts of the status page.
    fn facts(&self) -> Facts;

    /// Who is connected.
    fn connections(&self) -> Vec<Connection> {
        Vec::new()
    }

    /// The last messages that were not decided.
    fn refusals(&self) -> Refusals {
        Refusals::default()
    }
}
