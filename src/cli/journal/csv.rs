//! A record as a row of CSV: what a spreadsheet or a database asks for first. Must not know which records are shown.

use super::names::Named;
use super::{text, time, truncated};
use crate::journal::Seq;
use crate::portfolio::{Differs, Record};

/// The columns, as the header line names them; those of a message are empty where the switch acted on its own.
pub(super) const COLUMNS: [&str; 23] = [
    "seq",
    "time",
    "event",
    "link",
    "mti",
    "pan",
    "processing_code",
    "amount_minor",
    "currency",
    "stan",
    "rrn",
    "terminal",
    "merchant",
    "mcc",
    "acquirer",
    "code",
    "refusal",
    "rule",
    "limit",
    "held_change_minor",
    "posted_change_minor",
    "discrepancy",
    "key",
];

/// The values, in the order of [`COLUMNS`].
pub(super) fn row(seq: Seq, record: &Record, named: &Named) -> [String; COLUMNS.len()] {
    let (asked, differs) = (&record.asked, record.discrepancy.differs);
    let is_message = asked.mti != 0;
    let of_message = |text: String| if is_message { text } else { String::new() };
    // Without a name the number, as everywhere.
    let numbered = |name: &Option<String>, number: u16| match name {
        Some(name) => name.clone(),
        None if number == 0 => String::new(),
        None => number.to_string(),
    };
    [
        seq.to_string(),
        time(record.time_us),
        record.event.name().to_owned(),
        of_message(named.link.clone().unwrap_or_else(|| asked.link.to_string())),
        of_message(format!("{:04X}", asked.mti)),
        of_message(truncated(record)),
        of_message(format!("{:06}", asked.processing_code)),
        of_message(asked.amount_minor.to_string()),
        of_message(format!("{:03}", asked.currency)),
        of_message(format!("{:06}", asked.stan)),
        of_message(text(&asked.retrieval_reference)),
        of_message(text(&asked.terminal)),
        of_message(text(&asked.merchant)),
        of_message(format!("{:04}", asked.merchant_category)),
        of_message(asked.acquirer.to_string()),
        record.code.as_str().to_string(),
        record.refusal.name().to_owned(),
        numbered(&named.rule, record.ruled.rule),
        numbered(&named.limit, record.ruled.limit.into()),
        record.held_change_minor.to_string(),
        record.posted_change_minor.to_string(),
        if differs == Differs::Nothing { String::new() } else { differs.name().to_owned() },
        format!("{:032x}", { record.key.0 }),
    ]
}
