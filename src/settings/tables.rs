//! One struct per table of the configuration, with its names. What a setting does stands in
//! `config/authswitch.toml`; here only its type. Must not know where values come from.

use super::messages::{Echo, Mandatory, Verification, by_kind};
use super::money::{HoldClass, Tolerance, Worth};
use super::values::{AddressRange, Country, Days, Hours, Mcc, Mebibytes, Micros, Millis, Seconds};
use crate::wire::frame::Framing;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// Every setting, checked: ranges, names and contradictions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "tables")]
pub struct Settings {
    /// Threads and the stop.
    pub server: Server,
    /// HTTP for operators.
    pub admin: Admin,
    /// Diagnostic output.
    pub log: Log,
    /// Measurement.
    pub telemetry: Telemetry,
    /// The record of decisions on the disk.
    pub journal: Journal,
    /// The copy of the state that shortens a restart.
    pub snapshot: Snapshot,
    /// The wall clock.
    pub clock: Clock,
    /// Keys.
    pub vault: Vault,
    /// What is remembered of past transactions.
    pub transactions: Transactions,
    /// The counters of limits.
    pub counters: Counters,
    /// How long reserved money stays reserved.
    pub holds: Holds,
    /// Conditions and limits beyond those of programs and cards.
    pub rules: Rules,
    /// What completions may be.
    pub completion: Completion,
    /// What approvals may be.
    pub approvals: Approvals,
    /// What currencies are worth.
    pub rates: Rates,
    /// What is asked about PIN, verification value, cryptogram and MAC.
    pub verification: Verification,
    /// What cards may do, by program name.
    pub programs: BTreeMap<String, Program>,
    /// The listeners, by link name; at least one. The order of names is the order of link numbers.
    pub links: BTreeMap<String, Link>,
}

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Server {
    /// Worker threads; 0 = one per core.
    pub workers: usize,
    /// How long a stop waits for answers in flight.
    pub drain_timeout_ms: Millis,
    /// Core files are written, and debuggers of the same user may read the memory.
    pub dumpable: bool,
}

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Admin {
    /// Where HTTP for operators listens.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Names under which it is asked, beside addresses and localhost; in lower case.
    pub hosts: Vec<String>,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Log {
    /// The least severe level that is written.
    pub level: LogLevel,
    /// For collectors or for eyes.
    pub format: LogFormat,
    /// The most lines a second about one link and kind of line; about all four times as many.
    pub lines_per_second: u32,
}

/// `log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The name as it stands in the file, e.g. `info`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// `log.format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One object a line.
    Json,
    /// For eyes.
    Text,
}

/// `[telemetry]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Telemetry {
    /// The length of one interval in the `.hlog` files.
    pub hlog_interval_s: Seconds,
}

/// `[journal]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Journal {
    /// Size of one preallocated file.
    pub segment_mib: Mebibytes,
    /// How long records gather before one sync.
    pub commit_interval_us: Micros,
    /// Size of each of the two buffers on the way to the disk.
    pub buffer_mib: Mebibytes,
    /// The most answers out whose record is not yet durable.
    pub exposure_max_records: u64,
    /// The longest that an answer is out while its record is not yet durable.
    pub exposure_max_ms: Millis,
    /// What a full disk means.
    pub on_full: OnFull,
}

/// `journal.on_full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFull {
    /// Approve no more, keep answering.
    Decline,
    /// End the process.
    Stop,
}

/// `[snapshot]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Snapshot {
    /// Journal records from one snapshot to the next; 0 = only at a clean stop.
    pub every_records: u64,
}

/// `[clock]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Clock {
    /// The step of the wall clock that is believed.
    pub max_step_s: Seconds,
    /// The longest stop that is believed after another boot of the machine.
    pub max_gap_hours: Hours,
}

/// `[vault]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Vault {
    /// File of the data key in hex; empty = the data folder's own.
    pub key_file: PathBuf,
}

/// `[transactions]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Transactions {
    /// The most that must be kept at a time.
    pub max: usize,
    /// How long one is remembered after its last change.
    pub window_hours: Hours,
    /// What `/readyz` says at the most.
    pub on_full: WhenFull,
}

/// `transactions.on_full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// Ready: what needs no place is answered.
    Decline,
    /// Not ready: somebody else shall be asked.
    NotReady,
}

/// `[counters]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Counters {
    /// The most that are kept.
    pub max: usize,
}

/// `[holds]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Holds {
    /// Life of an authorization's hold.
    pub authorization_days: Days,
    /// Life of a pre-authorization's hold.
    pub preauthorization_days: Days,
    /// Other lives, the first that fits.
    pub classes: Vec<HoldClass>,
    /// Whether an increment lets a hold begin its life again.
    pub increments_extend: bool,
}

/// `[completion]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Completion {
    /// By how much completions may be more than was authorized; the first that fits.
    pub tolerance: Vec<Tolerance>,
}

/// `[approvals]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Approvals {
    /// Whether a part is approved where funds are short.
    pub partial: bool,
    /// The same for pre-authorizations.
    pub partial_preauthorizations: bool,
}

/// `[rates]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Rates {
    /// The currency that the others are measured in.
    pub base: String,
    /// What the others are worth.
    pub worth: Vec<Worth>,
}

/// `[rules]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Rules {
    /// The rule set's file; empty = none.
    pub file: PathBuf,
    /// The most that the rules may cost a request, in nanoseconds.
    pub budget_ns: u32,
}

/// `[programs.NAME]`: an empty allow list allows all; an absent limit is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Program {
    /// If not empty, the only merchant categories allowed.
    pub mcc_allow: Vec<Mcc>,
    /// Merchant categories refused.
    pub mcc_deny: Vec<Mcc>,
    /// If not empty, the only countries allowed.
    pub country_allow: Vec<Country>,
    /// Countries refused.
    pub country_deny: Vec<Country>,
    /// For each card alone.
    pub card_limits: Limits,
    /// For all cards of an account together.
    pub account_limits: Limits,
}

/// `[programs.NAME.card_limits]` and `account_limits`. Amounts in minor units of the account's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Limits {
    /// The largest single transaction.
    pub amount_per_transaction: Option<u64>,
    /// The sum of a day.
    pub amount_per_day: Option<u64>,
    /// The sum of a month.
    pub amount_per_month: Option<u64>,
    /// The number of transactions in a day.
    pub count_per_day: Option<u32>,
    /// The number of transactions in a month.
    pub count_per_month: Option<u32>,
    /// The largest single cash withdrawal.
    pub cash_amount_per_transaction: Option<u64>,
    /// The cash of a day.
    pub cash_amount_per_day: Option<u64>,
    /// The number of cash withdrawals in a day.
    pub cash_count_per_day: Option<u32>,
}

/// `[links.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Link {
    /// Where the link listens.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Name of the dialect; not empty, resolved by the caller.
    pub dialect: String,
    /// How messages are told apart, and what stands around each.
    pub framing: Framing,
    /// What becomes of a frame of zero length.
    pub keep_alive: KeepAlive,
    /// The longest frame, without its length.
    pub max_frame_bytes: usize,
    /// Kibibytes that may wait unread on each connection.
    pub receive_buffer_kib: usize,
    /// From the arrival of a request's first byte to its decision.
    pub budget_ms: Millis,
    /// How long beyond the budget stand-in may still decide.
    pub stand_in_ms: Millis,
    /// Who may connect, by address; empty = everybody.
    pub allow: Vec<AddressRange>,
    /// The most connections at a time.
    pub max_connections: usize,
    /// The most connections at a time from one address; 0 = as many as there may be at all.
    pub max_connections_per_address: usize,
    /// The most requests read and not yet answered, per connection.
    pub max_in_flight: usize,
    /// How long a connection may send no whole frame.
    pub idle_timeout_s: Seconds,
    /// How long a frame may take, from its first byte to its last.
    pub frame_timeout_ms: Millis,
    /// How long a connection may take none of its answers.
    pub write_timeout_ms: Millis,
    /// The network it is a line of; empty = one of its own.
    pub network: String,
    /// How many of a connection's messages may be refused in a second, where they are most of them; 0 = any number.
    pub max_refused_per_s: u32,
    /// The data elements that tell one transaction from every other; 11 is among them.
    pub duplicate_key: Vec<u8>,
    /// The data elements that answers echo, by kind of answer.
    #[serde(deserialize_with = "by_kind")]
    pub echo: Echo,
    /// The data elements that messages must have, by kind of message.
    #[serde(deserialize_with = "by_kind")]
    pub mandatory: Mandatory,
    /// Where the merchant's country stands, `PLACE=FORM` in order; empty = where the dialect has it. Resolved by the caller,
    /// who knows the dialect.
    pub merchant_country: Vec<String>,
    /// Whether fees come on top of the amount.
    pub fees: Fees,
    /// The answer to whether a card is good.
    pub verified: Verified,
    /// Where messages say what ISO 8583 has no field for.
    pub marks: Marks,
    /// What to do with a message whose MTI or bitmap cannot be read.
    pub on_unreadable: OnUnreadable,
    /// Whether financial messages need a sign-on before them.
    pub require_sign_on: bool,
    /// When an authorization is answered.
    pub reply_after: ReplyAfter,
}

impl Link {
    /// The network that a link of this name is a line of.
    #[must_use]
    pub fn network_name<'a>(&'a self, name: &'a str) -> &'a str {
        if self.network.is_empty() { name } else { &self.network }
    }

    /// The fields of its key, in the order of their numbers: how they are listed makes no other key.
    #[must_use]
    pub fn key_fields(&self) -> Vec<u8> {
        let mut fields = self.duplicate_key.clone();
        fields.sort_unstable();
        fields
    }

    /// Whether it can be reached from other machines, and everybody there may connect.
    #[must_use]
    pub fn is_open_to_strangers(&self) -> bool {
        let everybody = self.allow.is_empty() || self.allow.iter().any(AddressRange::is_everybody);
        everybody && !self.listen.ip().to_canonical().is_loopback()
    }
}

/// `[links.NAME.marks]`: each `never`, `always` or `PLACE=VALUE`; the last two are places. Resolved by the caller, who
/// knows the dialect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Marks {
    /// An estimated amount.
    pub preauthorization: String,
    /// Adds to an open authorization.
    pub incremental: String,
    /// Partial approval is understood.
    pub partial: String,
    /// Approval without the cash is understood.
    pub purchase_only: String,
    /// One of several completions.
    pub several: String,
    /// The last of several.
    pub last: String,
    /// One of a series.
    pub recurring: String,
    /// Place of the cash part; empty = DE54.
    pub cashback: String,
    /// Place of the network's reference; empty = DE37.
    pub reference: String,
}

/// `links.NAME.fees`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fees {
    /// Part of the amount.
    Included,
    /// Added to it.
    OnTop,
}

/// `links.NAME.verified`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// 00.
    Approved,
    /// 85.
    NoReasonToDecline,
}

/// `links.NAME.keep_alive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepAlive {
    /// Count it.
    Ignore,
    /// Count it and send the same bytes back.
    Echo,
}

/// `links.NAME.on_unreadable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnreadable {
    /// Count it and read on.
    Drop,
    /// Close the connection.
    Close,
}

/// `links.NAME.reply_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyAfter {
    /// At once; the record is durable a moment later.
    Decision,
    /// When the record is durable.
    Durable,
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is not an address: IP:PORT, e.g. \"127.0.0.1:8583\" or \"[::1]:8583\""
        ))
    })
}
