//! Traces, their generator, the open-loop load client, the bare echo server, reports. Must not know the switch's insides.
//!
//! [`trace`] is the file format, [`generator`] makes traces, [`replay::run`] plays one, and what came of it goes into
//! a [`summary`] or an HTML [`report`]. [`echo`] is the floor that latencies are compared with.

pub mod trace;

mod calendar;
pub mod capture;
mod chip;
pub mod framings;
pub mod generator;
pub mod import;
pub mod logged;
pub mod numbers;
mod population;
mod random;
mod scenario;

mod chart;
mod client;
mod connection;
mod flights;
mod hlog;
mod incoming;
mod lane;
pub mod listing;
mod matching;
mod pace;
mod relations;
pub mod replay;
pub mod report;
mod score;
pub mod summary;
mod tally;
mod unmatched;

pub mod echo;

/// The shipped trace, part of the program: `authswitch trace generate --seed 1 --count 20000` makes it.
///
/// # Errors
/// None: the trace is read by a test.
pub fn demo_trace() -> Result<trace::Trace, trace::TraceError> {
    let packed: &[u8] = include_bytes!("../../config/demo-trace.jsonl.gz");
    trace::Trace::read(packed, "demo-trace.jsonl.gz")
}

pub use calendar::day_from_text;
pub use matching::Matching;
pub use pace::{Rate, duration_from_text};
pub use score::{Endpoint, Family};
pub use tally::{Mismatch, UnmatchedReason, latency_histogram};
