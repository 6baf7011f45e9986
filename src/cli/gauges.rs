//! The gauges of a running switch: what is read when somebody asks for its metrics.

use super::fill::{Fill, YEAR};
use super::status::Parts;
use crate::network::{Server, TurnedAway};
use crate::telemetry::{Telemetry, log};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Reads a gauge's value.
type Read = fn(&Parts) -> f64;

/// How full the tables are that have a bound.
const TABLES: [(&str, &str, Read); 8] = [
    ("counters_limit", "The most that counters.max lets be kept.", |parts| {
        parts.portfolio.counters.max() as f64
    }),
    ("counters_fill_ratio", "Counters, of counters.max.", |parts| parts.fills.counters().ratio()),
    (
        "counters_full_in_seconds",
        "When counters.max is reached at the growth of the last minutes; a year where it does not grow.",
        |parts| full_in_s(&parts.fills.counters()),
    ),
    (
        "transactions_booked",
        "Transactions that hold, moved or vouch for money: these count against transactions.max.",
        |parts| parts.portfolio.table.kept() as f64,
    ),
    (
        "transactions_limit",
        "The transactions.max of the settings; advices and reversals have a quarter more.",
        |parts| parts.portfolio.table.max() as f64,
    ),
    ("transactions_fill_ratio", "Those that count, of transactions.max.", |parts| {
        parts.portfolio.table.kept() as f64 / parts.portfolio.table.max() as f64
    }),
    (
        "transactions_full_in_seconds",
        "When transactions.max is reached at the growth of the last minutes; a year where it does not grow.",
        |parts| full_in_s(&parts.fills.transactions()),
    ),
    (
        "transactions_oldest_seconds",
        "Since when the booked one that changed longest ago has been as it is: how far back memory reaches.",
        oldest_s,
    ),
];

/// Registers all of them.
pub(super) fn register(parts: &Arc<Parts>, server: &Server) {
    let telemetry = &parts.telemetry;
    let of = |read: Read| {
        let parts = Arc::downgrade(parts);
        move || parts.upgrade().map_or(0.0, |parts| read(&parts))
    };
    let gauges: [(&str, &str, Read); 11] = [
        ("exposure_records", "Answers given whose record is not yet durable.", |parts| {
            parts.journal.exposure().records as f64
        }),
        ("exposure_seconds", "Age of the oldest record that is not yet durable.", |parts| {
            parts.journal.exposure().age_us as f64 / 1e6
        }),
        (
            "journal_accepting",
            "1 while the journal takes records; 0 when the disk is full or it has failed.",
            |parts| f64::from(u8::from(parts.journal.accepting())),
        ),
        ("journal_records", "Sequence of the last record.", |parts| parts.journal.appended() as f64),
        ("clock_believed", "1 while the wall clock is believed.", |parts| {
            f64::from(u8::from(parts.clock.standing().is_believed))
        }),
        ("clock_offset_seconds", "How far the wall clock is ahead of the time that is believed.", |parts| {
            parts.clock.standing().ahead_s()
        }),
        ("cards", "Cards in memory.", |parts| parts.holdings.cards as f64),
        ("accounts", "Accounts in memory.", |parts| parts.holdings.accounts as f64),
        ("counters", "Counters of the rule set's limits.", |parts| parts.portfolio.counters.len() as f64),
        ("transactions", "Transactions remembered.", |parts| parts.portfolio.table.len().0 as f64),
        ("transactions_open", "Transactions that hold money.", |parts| parts.portfolio.table.len().1 as f64),
    ];
    for (name, help, read) in gauges.into_iter().chain(TABLES) {
        telemetry.gauge(name, help, &[], of(read));
    }
    let help = "Lines of the log dropped because stderr took none.";
    telemetry.total("log_lines_dropped", help, &[], || log::dropped() as f64);
    let help = "Bytes of the log that stderr has not taken yet.";
    telemetry.gauge("log_waiting_bytes", help, &[], || log::waiting() as f64);
    for (index, result) in ["taken", "refused"].into_iter().enumerate() {
        let parts = Arc::downgrade(parts);
        telemetry.total("reloads", "Reloads of settings and rules.", &[("result", result)], move || {
            parts.upgrade().map_or(0.0, |parts| parts.reloads[index].load(Ordering::Relaxed) as f64)
        });
    }
    register_link_gauges(telemetry, server);
}

fn register_link_gauges(telemetry: &Telemetry, server: &Server) {
    for (link, _) in server.listening() {
        let labels = [("link", link.options.name.as_str())];
        let (open, signed_on) = (Arc::downgrade(link), Arc::downgrade(link));
        telemetry.gauge("connections", "Open connections.", &labels, move || {
            open.upgrade().map_or(0.0, |link| link.connections.load(Ordering::Relaxed) as f64)
        });
        telemetry.gauge(
            "connections_signed_on",
            "Open connections that have signed on.",
            &labels,
            move || signed_on.upgrade().map_or(0.0, |link| link.signed_on.load(Ordering::Relaxed) as f64),
        );
        let refused = Arc::downgrade(link);
        let help =
            "How often the system gave no connection although one waited: out of descriptors or memory.";
        telemetry.total("accept_failures", help, &labels, move || {
            refused.upgrade().map_or(0.0, |link| link.door.not_accepted.load(Ordering::Relaxed) as f64)
        });
        for why in TurnedAway::ALL {
            let link = Arc::downgrade(link);
            let labels = [labels[0], ("reason", why.name())];
            telemetry.total(
                "connections_turned_away",
                "Connections refused, by reason.",
                &labels,
                move || link.upgrade().map_or(0.0, |link| link.door.turned_away(why) as f64),
            );
        }
    }
}

fn full_in_s(fill: &Fill) -> f64 {
    fill.full_in().unwrap_or(YEAR).as_secs_f64()
}

fn oldest_s(parts: &Parts) -> f64 {
    let oldest = parts.portfolio.table.oldest_booked_s();
    oldest.map_or(0.0, |changed_s| (parts.clock.now_us() / 1_000_000 - i64::from(changed_s)).max(0) as f64)
}
