//! Who is connected and what was refused, as the pages show it. Plain values: whoever assembles the switch fills them.
//! Never content of messages.

use crate::network::Told;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// One open connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Connection {
    /// Its number, from 1 in the order of opening; lines of the log carry it.
    pub connection: u64,
    /// The link's name.
    pub link: String,
    /// Address and port of the other end.
    pub peer: String,
    /// When it was opened, microseconds since 1970 UTC.
    #[serde(rename = "since", serialize_with = "time")]
    pub since_us: i64,
    /// When it signed on, if it has and has not signed off.
    #[serde(rename = "signed_on_since", serialize_with = "time_if_any")]
    pub signed_on_us: Option<i64>,
    /// When its last message came.
    #[serde(rename = "last_message", serialize_with = "time_if_any")]
    pub last_message_us: Option<i64>,
    /// That message's type, if it could be read.
    pub last_mti: Option<String>,
    /// Messages read.
    pub messages: u64,
    /// Answers sent.
    pub answers: u64,
    /// Messages that were not decided.
    pub refused: u64,
    /// Bytes read.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Messages a second over the last ten seconds, or its life if that is shorter.
    pub messages_per_s_10s: f64,
    /// The same over the last minute.
    pub messages_per_s_60s: f64,
    /// The last of its messages that was not decided.
    pub last_refusal: Option<Refusal>,
}

/// One message of which no record tells why it was answered so, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Refusal {
    /// When it was read, microseconds since 1970 UTC.
    #[serde(rename = "time", serialize_with = "time")]
    pub time_us: i64,
    /// The link's name.
    pub link: String,
    /// The connection's number.
    pub connection: u64,
    /// Address and port of the other end.
    pub peer: String,
    /// What is told of it.
    #[serde(flatten)]
    pub told: Told,
}

/// The messages that no record tells of.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Refusals {
    /// The last of them, newest first.
    pub refusals: Vec<Refusal>,
    /// How many since the start were counted and not kept, because too many came at a time.
    pub not_kept: u64,
}

/// What a link's messages seem to be written in, when nothing of a connection could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suspicion {
    /// When it was looked at, microseconds since 1970 UTC.
    #[serde(rename = "time", serialize_with = "time")]
    pub time_us: i64,
    /// Who sent the bytes.
    pub peer: String,
    /// Likely framing and dialect.
    pub likely: String,
}

/// Connections of a link that were not taken, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TurnedAway {
    /// Why, in a word: `not-allowed`.
    pub reason: &'static str,
    /// How many since the start.
    pub connections: u64,
    /// Address and port of the last.
    pub last_peer: String,
    /// When it came, microseconds since 1970 UTC.
    #[serde(rename = "last", serialize_with = "time")]
    pub last_us: i64,
}

/// A time as JSON and pages have it: `2026-11-30T09:33:15.123456Z`.
pub(super) fn timestamp(time_us: i64) -> String {
    jiff::Timestamp::from_microsecond(time_us)
        .map_or_else(|_| time_us.to_string(), |time| format!("{time:.6}"))
}

/// How long ago a time is by the wall clock; nothing if it lies ahead.
pub(super) fn ago(time_us: i64, now_us: i64) -> Duration {
    Duration::from_micros(u64::try_from(now_us.saturating_sub(time_us)).unwrap_or(0))
}

// Serde hands over references.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn time<S: Serializer>(time_us: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&timestamp(*time_us))
}

fn time_if_any<S: Serializer>(time_us: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
    time_us.map(timestamp).serialize(to)
}
