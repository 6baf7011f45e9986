//! HTTP for operators: health, readiness, metrics, the status page. Must not be on the path of a message.
//!
//! One thread with a runtime of its own; it reads the telemetry and asks a [`Status`], and changes nothing.

mod chart;
mod connections;
mod format;
mod hosts;
mod page;
mod routes;
mod server;
mod status;

pub use connections::{Connection, Refusal, Refusals, Suspicion, TurnedAway};
pub use server::{Limits, Server};
pub use status::{Exposure, Facts, Journal, Link, Readiness, State, Status};
