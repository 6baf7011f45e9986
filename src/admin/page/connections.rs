//! The page's tables of connections and of refused messages.

use super::super::connections::{Connection, Refusal, Refusals, ago, timestamp};
use super::super::format::{Escaped, count, rate, uptime};
use super::super::status::Link;
use super::{Cell, number, number_of, text, write_table};
use std::fmt::Write;

/// Connections that are shown; the JSON has all.
const CONNECTIONS: usize = 50;
/// Refused messages that are shown.
const REFUSALS: usize = 25;

/// Who is connected: those that said something last come first.
pub(super) fn write_connections(out: &mut String, connections: &[Connection], now_us: i64) {
    out.push_str("<section class=\"card\"><h2>Connections <small>open now</small></h2>");
    let mut open: Vec<_> = connections.iter().collect();
    open.sort_by_key(|connection| {
        std::cmp::Reverse(connection.last_message_us.unwrap_or(connection.since_us))
    });
    let rows: Vec<_> = open.iter().take(CONNECTIONS).map(|connection| row(connection, now_us)).collect();
    match rows.is_empty() {
        true => out.push_str("<p class=\"soft\">Nobody is connected.</p>"),
        false => write_table(
            out,
            &[
                ("link", ""),
                ("peer", ""),
                ("no.", "n"),
                ("open for", "n"),
                ("signed on", ""),
                ("last message", ""),
                ("per s, 10 s", "n"),
                ("60 s", "n"),
                ("messages", "n"),
                ("answers", "n"),
                ("refused", "n"),
                ("last refusal", ""),
            ],
            &rows,
        ),
    }
    write_rest(out, open.len(), CONNECTIONS, "connections.json");
    out.push_str("</section>");
}

fn row(connection: &Connection, now_us: i64) -> Vec<Cell> {
    let last = connection.last_message_us.map_or_else(
        || "none yet".to_owned(),
        |at| format!("{}, {} ago", or_unread(&connection.last_mti), uptime(ago(at, now_us))),
    );
    let signed = match connection.signed_on_us {
        Some(at) => Cell(format!("for {}", uptime(ago(at, now_us))), "good"),
        None => Cell("no".to_owned(), "soft"),
    };
    let refused = Cell(count(connection.refused), if connection.refused > 0 { "n warn" } else { "n" });
    vec![
        text(&connection.link),
        text(&connection.peer),
        number_of(connection.connection),
        number(uptime(ago(connection.since_us, now_us))),
        signed,
        text(last),
        number(rate(connection.messages_per_s_10s)),
        number(rate(connection.messages_per_s_60s)),
        number_of(connection.messages),
        number_of(connection.answers),
        refused,
        Cell(last_refusal(connection, now_us), "words"),
    ]
}

fn last_refusal(connection: &Connection, now_us: i64) -> String {
    let Some(refusal) = &connection.last_refusal else { return String::new() };
    let place = refusal.told.field.as_deref().map_or_else(String::new, |field| format!(" {field}"));
    format!("{}{place}, {} ago", refusal.told.kind, uptime(ago(refusal.time_us, now_us)))
}

/// Whom a link did not let in.
pub(super) fn write_turned_away(out: &mut String, link: &Link) {
    for turned_away in &link.turned_away {
        let _ = write!(
            out,
            "<p class=\"warn\">{}: {} connections turned away, {}; the last of {} at {}.</p>",
            Escaped(&link.name),
            count(turned_away.connections),
            turned_away.reason,
            Escaped(&turned_away.last_peer),
            clock(turned_away.last_us)
        );
    }
}

/// The last messages that no record tells of, and why.
pub(super) fn write_refusals(out: &mut String, refusals: &Refusals, now_us: i64) {
    let list = &refusals.refusals;
    out.push_str(
        "<section class=\"card\"><h2>Refused messages <small>in no record, newest first</small></h2>",
    );
    let rows: Vec<_> = list.iter().take(REFUSALS).map(|refusal| refusal_row(refusal, now_us)).collect();
    match rows.is_empty() {
        true => out.push_str("<p class=\"soft\">None since the start.</p>"),
        false => write_table(
            out,
            &[
                ("time (UTC)", ""),
                ("link", ""),
                ("peer", ""),
                ("MTI", ""),
                ("STAN", ""),
                ("RRN", ""),
                ("why", ""),
                ("where and what", ""),
                ("answer", ""),
            ],
            &rows,
        ),
    }
    write_rest(out, list.len(), REFUSALS, "refusals.json");
    if refusals.not_kept > 0 {
        let _ = write!(
            out,
            "<p class=\"warn\">{} more were counted and not kept: too many came at a time.</p>",
            count(refusals.not_kept)
        );
    }
    out.push_str("</section>");
}

fn refusal_row(refusal: &Refusal, now_us: i64) -> Vec<Cell> {
    let told = &refusal.told;
    // Today's go without the day.
    let (when, today) = (clock(refusal.time_us), clock(now_us));
    let when = if when.get(..5) == today.get(..5) { when.get(6..).unwrap_or(&when) } else { &when };
    let blank = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        text(when),
        text(&refusal.link),
        text(&refusal.peer),
        text(blank(&told.mti)),
        text(blank(&told.stan)),
        text(blank(&told.rrn)),
        Cell(told.kind.to_owned(), "warn"),
        Cell(told.to_string(), "words"),
        text(told.code.as_deref().unwrap_or("none")),
    ]
}

/// Day and time to the millisecond: `11-30 09:33:15.123`.
pub(super) fn clock(time_us: i64) -> String {
    let time = timestamp(time_us);
    time.get(5..23).map_or(time.clone(), |short| short.replace('T', " "))
}

fn or_unread(mti: &Option<String>) -> &str {
    mti.as_deref().unwrap_or("unreadable")
}

fn write_rest(out: &mut String, all: usize, shown: usize, page: &str) {
    if all > shown {
        let _ = write!(
            out,
            "<p class=\"soft\">The first {shown} of {}: <a href=\"{}\">{}</a> has all.</p>",
            count(all as u64),
            Escaped(page),
            Escaped(page)
        );
    }
}
