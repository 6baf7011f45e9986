//! The status page: one self-contained HTML document for the person on call, made anew for each request.

mod connections;

use super::chart;
use super::connections::{Connection, Refusals};
use super::format::{Escaped, count, rate, share, uptime};
use super::routes::Snapshot;
use super::status::State;
use crate::telemetry::{LatencyTable, LinkFigures, Percentiles, duration_text};
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Renders the page; `nonce` is what its content security policy allows style and script by.
pub(super) fn render(
    snapshot: &Snapshot,
    connections: &[Connection],
    refusals: &Refusals,
    nonce: &str,
) -> String {
    let state = snapshot.readiness.state;
    let color = match state {
        State::Ready => "%231a9f53",
        State::Starting | State::Draining => "%23d99a1c",
        State::Degraded => "%23d23b3b",
    };
    let mut out = String::with_capacity(32 << 10);
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{} · authswitch</title>\
         <link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
         %3Ccircle cx='8' cy='8' r='7' fill='{color}'/%3E%3C/svg%3E\">\
         <noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\
         <style nonce=\"{nonce}\">{STYLE}</style></head><body><div id=\"silent\" role=\"alert\"></div><main>",
        state.name()
    );
    write_head(&mut out, snapshot);
    write_tiles(&mut out, snapshot);
    write_links(&mut out, snapshot);
    let now_us = jiff::Timestamp::now().as_microsecond();
    connections::write_connections(&mut out, connections, now_us);
    connections::write_refusals(&mut out, refusals, now_us);
    write_latency(&mut out, snapshot);
    out.push_str("<div class=\"columns\">");
    write_answers(&mut out, &snapshot.figures.links);
    write_journal(&mut out, snapshot);
    out.push_str("</div>");
    write_messages(&mut out, snapshot);
    let _ = write!(
        out,
        "</main><footer><a href=\"metrics\">metrics</a><a href=\"status.json\">status.json</a>\
         <a href=\"connections.json\">connections.json</a><a href=\"refusals.json\">refusals.json</a>\
         <a href=\"healthz\">healthz</a><a href=\"readyz\">readyz</a></footer>\
         <script nonce=\"{nonce}\">{SCRIPT}</script></body></html>"
    );
    out
}

fn write_head(out: &mut String, snapshot: &Snapshot) {
    let readiness = &snapshot.readiness;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC");
    let _ = write!(
        out,
        "<header class=\"top\"><h1>authswitch <small>{}</small></h1>\
         <span class=\"meta\">up {} · {now}</span></header>\
         <section class=\"state {state}\"><strong>{state}</strong><span>{}</span></section>",
        Escaped(snapshot.version),
        uptime(snapshot.figures.uptime),
        Escaped(&readiness.reason),
        state = readiness.state.name(),
    );
}

fn write_tiles(out: &mut String, snapshot: &Snapshot) {
    let figures = &snapshot.figures;
    let per_s: f64 = figures.links.iter().map(|link| link.messages_per_s).sum();
    let whole = figures.recent.rows.last().map(|row| row.percentiles).unwrap_or_default();
    let exposure = &snapshot.facts.exposure;
    out.push_str("<div class=\"tiles\">");
    for (value, name) in [
        (rate(per_s), "messages a second"),
        (approval(&figures.links), "approved"),
        (if_any(whole.count, whole.p50_ns), "median"),
        (if_any(whole.count, whole.p99_ns), "99 %"),
        (if_any(whole.count, whole.p99_9_ns), "99.9 %"),
        (count(exposure.records), "not yet durable"),
    ] {
        let _ = write!(out, "<div class=\"tile\"><b>{}</b><span>{name}</span></div>", Escaped(value));
    }
    out.push_str("</div>");
}

/// The approved share over all links.
fn approval(links: &[LinkFigures]) -> String {
    let approved: u64 = links.iter().map(|link| link.recent_approved).sum();
    let judged: u64 = links.iter().map(|link| link.recent_judged).sum();
    if judged > 0 { share(approved as f64 / judged as f64) } else { "–".to_owned() }
}

fn if_any(total: u64, ns: u64) -> String {
    if total > 0 { duration_text(ns) } else { "–".to_owned() }
}

/// A table cell: its text, and its class (`n` for numbers).
struct Cell(String, &'static str);

fn text(text: impl Into<String>) -> Cell {
    Cell(text.into(), "")
}

fn number(text: impl Into<String>) -> Cell {
    Cell(text.into(), "n")
}

fn percentile_cells(percentiles: &Percentiles, which: &[fn(&Percentiles) -> u64]) -> Vec<Cell> {
    which.iter().map(|read| number(if_any(percentiles.count, read(percentiles)))).collect()
}

fn write_table(out: &mut String, heads: &[(&str, &str)], rows: &[Vec<Cell>]) {
    out.push_str("<table>");
    if heads.iter().any(|(head, _)| !head.is_empty()) {
        out.push_str("<thead><tr>");
        for (head, class) in heads {
            let _ = write!(out, "<th class=\"{class}\">{}</th>", Escaped(head));
        }
        out.push_str("</tr></thead>");
    }
    out.push_str("<tbody>");
    for row in rows {
        let last = row.first().is_some_and(|cell| cell.0 == "end to end");
        out.push_str(if last { "<tr class=\"sum\">" } else { "<tr>" });
        for Cell(cell, class) in row {
            // A drawn bar is ours and not text; everything else is escaped.
            match *class {
                "drawn" => {
                    let _ = write!(out, "<td>{cell}</td>");
                }
                class => {
                    let _ = write!(out, "<td class=\"{class}\">{}</td>", Escaped(cell));
                }
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn write_links(out: &mut String, snapshot: &Snapshot) {
    out.push_str(
        "<section class=\"card\"><h2>Links <small>rates and latencies of the last 10 to 20 s</small></h2>",
    );
    let heads = [
        ("link", ""),
        ("listens on", ""),
        ("dialect", ""),
        ("connections", "n"),
        ("messages/s", "n"),
        ("approved", "n"),
        ("median", "n"),
        ("99 %", "n"),
        ("99.9 %", "n"),
        ("messages since start", "n"),
    ];
    let figures = &snapshot.figures.links;
    let mut rows = Vec::new();
    for link in figures {
        let known = snapshot.facts.links.iter().find(|known| known.name == link.name);
        let of = |read: fn(&super::status::Link) -> String| known.map_or_else(|| "–".to_owned(), read);
        let full = known.is_some_and(|known| known.connections >= known.max_connections);
        let connections =
            of(|known| format!("{} of {}", count(known.connections), count(known.max_connections)));
        let mut row = vec![
            text(&link.name),
            text(of(|known| known.address.clone())),
            text(of(|known| known.dialect.clone())),
            Cell(connections, if full { "n bad" } else { "n" }),
            number(rate(link.messages_per_s)),
            number(link.approval_ratio.map_or_else(|| "–".to_owned(), share)),
        ];
        row.extend(percentile_cells(&link.recent, &[|p| p.p50_ns, |p| p.p99_ns, |p| p.p99_9_ns]));
        row.push(number(count(link.since_start.count)));
        rows.push(row);
    }
    write_table(out, &heads, &rows);
    write_trouble(out, figures);
    for link in &snapshot.facts.links {
        connections::write_turned_away(out, link);
        if let Some(suspicion) = &link.suspicion {
            let _ = write!(
                out,
                "<p class=\"warn\">{}: nothing that came from {} at {} was as the link has it; likely {}.</p>",
                Escaped(&link.name),
                Escaped(&suspicion.peer),
                connections::clock(suspicion.time_us),
                Escaped(&suspicion.likely)
            );
        }
    }
    out.push_str("</section>");
}

/// Counters that a healthy link does not move.
const TROUBLE: [(&str, &str); 16] = [
    ("dropped_frames", "dropped"),
    ("unreadable_frames", "unreadable"),
    ("frame_errors", "that could not be cut"),
    ("wrong_frames", "with a wrong header"),
    ("rejects", "rejected by the network"),
    ("budget_spent_requests", "budget spent before the decision (91)"),
    ("shed_requests", "shed in overload, not remembered (91)"),
    ("undone_approvals", "approvals undone, too late to send (91)"),
    ("withheld_repeats", "repeats withheld, too late to send"),
    ("not_stored_requests", "not stored"),
    ("overload_requests", "refused in overload"),
    ("unsolicited_responses", "unsolicited responses"),
    ("connections_refused", "connections refused"),
    ("connections_slow_reader_closed", "slow readers closed"),
    ("connections_frame_timeout_closed", "connections closed over an unfinished frame"),
    ("connections_refused_messages_closed", "connections closed over refused messages"),
];

/// Refusals of messages that nothing was decided about, and their words.
const REFUSED: [(&str, &str); 5] = [
    ("format-error", "with a format error"),
    ("unsupported-type", "of a type that is not served"),
    ("unknown-network-code", "with an unknown network code"),
    ("not-signed-on", "before a sign-on"),
    ("mac-not-verified", "whose MAC was not verified"),
];

fn write_trouble(out: &mut String, links: &[LinkFigures]) {
    let mut found = Vec::new();
    for link in links {
        let counted = |name: &str| {
            link.counters.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count)
        };
        let refused = |name: &str| {
            link.answers.iter().filter(|answer| answer.refusal == name).map(|answer| answer.count).sum()
        };
        let moved = TROUBLE.iter().map(|(name, words)| (*words, counted(name)));
        let moved = moved.chain(REFUSED.iter().map(|(name, words)| (*words, refused(name))));
        let moved = moved.filter(|(_, number): &(_, u64)| *number > 0);
        let words: Vec<_> = moved.map(|(words, number)| format!("{} {words}", count(number))).collect();
        if !words.is_empty() {
            found.push(format!("{}: {}", link.name, words.join(", ")));
        }
    }
    if found.is_empty() {
        out.push_str("<p class=\"soft\">Since the start nothing was dropped, unreadable, too late, refused or not stored.</p>");
    }
    for line in found {
        let _ = write!(out, "<p class=\"warn\">Since the start, {}</p>", Escaped(line));
    }
}

fn write_latency(out: &mut String, snapshot: &Snapshot) {
    let figures = &snapshot.figures;
    out.push_str("<section class=\"card\"><h2>Latency <small>arrival of a frame's first byte to its answer handed to the kernel</small></h2>");
    let _ = write!(
        out,
        "<div class=\"legend\"><span><svg width=\"22\" height=\"8\"><path class=\"recent\" d=\"M0 4H22\"/></svg>\
         last 10 to 20 s</span><span><svg width=\"22\" height=\"8\"><path class=\"start\" d=\"M0 4H22\"/></svg>\
         since the start</span></div>{}",
        chart::percentile_curve(&figures.curve_recent, &figures.curve_since_start)
    );
    out.push_str("</section><section class=\"card\"><h2>Where the time goes <small>share: of the mean message of the last 10 to 20 s; the rest: of those that pass the stage</small></h2>");
    out.push_str(&chart::split(&split_of(&figures.recent)));
    out.push_str("<div class=\"columns\"><div>");
    write_stages(out, "last 10 to 20 s", &figures.recent);
    out.push_str("</div><div>");
    write_stages(out, "since the start", &figures.since_start);
    out.push_str("</div></div></section>");
}

/// The stages' shares of the mean message: they add up to it.
fn split_of(table: &LatencyTable) -> Vec<(&str, u64)> {
    let stages = &table.rows[..table.rows.len().saturating_sub(1)];
    stages.iter().map(|row| (row.name, row.share_ns)).collect()
}

fn write_stages(out: &mut String, span: &str, table: &LatencyTable) {
    let heads = [
        (span, ""),
        ("share", "n"),
        ("median", "n"),
        ("90 %", "n"),
        ("99 %", "n"),
        ("99.9 %", "n"),
        ("99.99 %", "n"),
        ("max", "n"),
    ];
    let rows: Vec<Vec<Cell>> = table
        .rows
        .iter()
        .map(|row| {
            let p = &row.percentiles;
            let share = number(if_any(p.count, row.share_ns));
            let mut cells = vec![text(row.name.replace('_', " ")), share];
            cells.extend(percentile_cells(
                p,
                &[|p| p.p50_ns, |p| p.p90_ns, |p| p.p99_ns, |p| p.p99_9_ns, |p| p.p99_99_ns, |p| p.max_ns],
            ));
            cells
        })
        .collect();
    write_table(out, &heads, &rows);
}

fn write_answers(out: &mut String, links: &[LinkFigures]) {
    let mut answers = std::collections::BTreeMap::<(&str, &str), u64>::new();
    for answer in links.iter().flat_map(|link| &link.answers) {
        *answers.entry((&answer.code, answer.refusal)).or_default() += answer.count;
    }
    let sum: u64 = answers.values().sum();
    let mut rows: Vec<_> = answers.into_iter().collect();
    rows.sort_by_key(|(answer, number)| (std::cmp::Reverse(*number), *answer));
    let share_of = |number: u64| number as f64 / sum.max(1) as f64;
    let cells = |((code, refusal), number): &((&str, &str), u64)| {
        vec![
            text(*code),
            text(*refusal),
            number_of(*number),
            number_share(share_of(*number)),
            Cell(chart::bar(share_of(*number)), "drawn"),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    out.push_str(
        "<section class=\"card\"><h2>Answers <small>by code (DE39) and refusal, since the start</small></h2>",
    );
    match rows.is_empty() {
        true => out.push_str("<p class=\"soft\">None yet.</p>"),
        false => write_table(
            out,
            &[("code", ""), ("refusal", ""), ("answers", "n"), ("share", "n"), ("", "")],
            &rows,
        ),
    }
    out.push_str("</section>");
}

fn number_of(value: u64) -> Cell {
    number(count(value))
}

fn number_share(ratio: f64) -> Cell {
    number(share(ratio))
}

fn write_journal(out: &mut String, snapshot: &Snapshot) {
    let (facts, figures) = (&snapshot.facts, &snapshot.figures);
    let (journal, exposure) = (&facts.journal, &facts.exposure);
    let near = exposure.records * 2 > exposure.max_records || exposure.age_us * 2 > exposure.max_age_us;
    let of_bound = |value: String, bound: String| format!("{value} of {bound}");
    let mut rows = vec![
        vec![text("state"), Cell(journal.state.clone(), if journal.healthy { "n good" } else { "n bad" })],
        vec![text("last record"), number_of(journal.appended)],
        vec![text("last durable record"), number_of(journal.durable)],
        vec![
            text("answered, not yet durable"),
            Cell(
                of_bound(count(exposure.records), count(exposure.max_records)),
                if near { "n warn" } else { "n" },
            ),
        ],
        vec![
            text("oldest of these"),
            Cell(
                of_bound(
                    duration_text(exposure.age_us.saturating_mul(1_000)),
                    duration_text(exposure.max_age_us.saturating_mul(1_000)),
                ),
                if near { "n warn" } else { "n" },
            ),
        ],
    ];
    let p = &figures.durable_recent;
    for (name, ns) in [("time to durable, median", p.p50_ns), ("99 %", p.p99_ns), ("longest", p.max_ns)] {
        rows.push(vec![text(name), number(if_any(p.count, ns))]);
    }
    rows.extend(facts.more.iter().map(|(name, value)| vec![text(name), number(value)]));
    out.push_str("<section class=\"card\"><h2>Journal and holdings</h2>");
    write_table(out, &[("", ""), ("", "n")], &rows);
    out.push_str("</section>");
}

fn write_messages(out: &mut String, snapshot: &Snapshot) {
    let heads = [
        ("link", ""),
        ("MTI", ""),
        ("outcome", ""),
        ("messages", "n"),
        ("median", "n"),
        ("99 %", "n"),
        ("99.9 %", "n"),
        ("99.99 %", "n"),
        ("max", "n"),
    ];
    let mut rows = Vec::new();
    for message in &snapshot.figures.messages {
        let mut row = vec![text(&message.link), text(&message.mti), text(message.outcome)];
        row.push(number_of(message.since_start.count));
        row.extend(percentile_cells(
            &message.since_start,
            &[|p| p.p50_ns, |p| p.p99_ns, |p| p.p99_9_ns, |p| p.p99_99_ns, |p| p.max_ns],
        ));
        rows.push(row);
    }
    if !rows.is_empty() {
        out.push_str("<section class=\"card\"><h2>Messages <small>since the start</small></h2>");
        write_table(out, &heads, &rows);
        out.push_str("</section>");
    }
}
