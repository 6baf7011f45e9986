//! What came of a replay, as a table for a terminal and as JSON for a script.

use super::UnmatchedReason;
use super::incoming::ECHO;
use super::replay::{Outcome, Plan, TargetOutcome};
use crate::message::Refusal;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::UNIX_EPOCH;

/// The percentiles every summary shows, as name and quantile.
pub const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

/// Kinds of differing answers that a terminal is shown.
const SHOWN: usize = 20;

/// A latency for people: `61.2 us`, `3.41 ms`, `1.20 s`.
pub fn latency_text(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

/// A count for people, thousands apart: `1,234,567`.
pub fn count_text(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Why this switch gives a response code: the names of its refusals that carry it; empty for a code it does not give.
pub fn reasons(code: &str) -> String {
    let name = |refusal: &Refusal| if *refusal == Refusal::None { "approved" } else { refusal.name() };
    let names: Vec<_> =
        Refusal::ALL.iter().filter(|refusal| refusal.code().as_str() == code).map(name).collect();
    names.join(", ")
}

/// One line on what was played and how.
pub fn headline(outcome: &Outcome, plan: &Plan) -> String {
    let connections = outcome.targets.first().map_or(0, |target| target.connections);
    let flight = if plan.rate == super::Rate::Max {
        format!(", {} in flight each", plan.in_flight)
    } else {
        String::new()
    };
    format!(
        "{}: {} messages, {} over {connections} connections{flight}, {:.1} s",
        outcome.trace,
        count_text(outcome.messages as u64),
        plan.rate,
        outcome.elapsed.as_secs_f64(),
    )
}

/// The whole outcome as lines of text.
pub fn text(outcome: &Outcome, plan: &Plan) -> String {
    let mut out = headline(outcome, plan);
    out.push_str("\n\n");
    let targets = &outcome.targets;
    let ratio = targets.len() == 2;
    let names: Vec<_> = targets.iter().map(|target| target.name.clone()).collect();
    row(&mut out, "", &names, ratio.then(|| "ratio".to_owned()));
    let count = |out: &mut String, name: &str, get: fn(&TargetOutcome) -> u64| {
        let counts: Vec<_> = targets.iter().map(|target| count_text(get(target))).collect();
        row(out, name, &counts, None);
    };
    count(&mut out, "sent", |target| target.sent);
    count(&mut out, "answered", |target| target.answered);
    count(&mut out, "lost", |target| target.lost);
    let rates: Vec<_> = targets.iter().map(|target| count_text(target.rate().round() as u64)).collect();
    row(
        &mut out,
        "answers a second",
        &rates,
        ratio.then(|| ratio_text(targets[0].rate(), targets[1].rate())),
    );
    out.push_str("latency, due to answered\n");
    for (name, quantile) in PERCENTILES {
        let values: Vec<_> =
            targets.iter().map(|target| target.latencies.value_at_quantile(quantile)).collect();
        let texts: Vec<_> = values.iter().map(|ns| latency_text(*ns)).collect();
        let ratio = ratio.then(|| ratio_text(values[0] as f64, values[1] as f64));
        row(&mut out, &format!("  {name}"), &texts, ratio);
    }
    out.push_str("of it the client's own, due to sent\n");
    for (name, quantile) in [PERCENTILES[0], PERCENTILES[2]] {
        let texts: Vec<_> =
            targets.iter().map(|target| latency_text(target.lags.value_at_quantile(quantile))).collect();
        row(&mut out, &format!("  {name}"), &texts, None);
    }
    let _ = writeln!(out, "client's CPU a message  {}", latency_text(outcome.client_ns_per_message));
    for target in targets.iter().filter(|target| !target.echo) {
        families(&mut out, target);
        codes(&mut out, target);
        faults(&mut out, target);
    }
    out
}

fn row(out: &mut String, name: &str, values: &[String], ratio: Option<String>) {
    // Writing to a String cannot fail, here and below.
    let _ = write!(out, "{name:<20}");
    values.iter().for_each(|value| {
        let _ = write!(out, "{value:>14}");
    });
    if let Some(ratio) = ratio {
        let _ = write!(out, "{ratio:>9}");
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

fn ratio_text(of: f64, to: f64) -> String {
    if to > 0.0 { format!("{:.2}x", of / to) } else { "-".to_owned() }
}

fn families(out: &mut String, target: &TargetOutcome) {
    let _ = writeln!(
        out,
        "\n{:<16}{:>12}{:>12}{:>12}{:>12}{:>12}",
        target.name, "measured", "p50", "p99", "p99.9", "max"
    );
    for (family, latencies) in &target.families {
        let _ = write!(out, "  {:<14}{:>12}", family.name(), count_text(latencies.len()));
        for quantile in [0.5, 0.99, 0.999, 1.0] {
            let _ = write!(out, "{:>12}", latency_text(latencies.value_at_quantile(quantile)));
        }
        out.push('\n');
    }
}

fn codes(out: &mut String, target: &TargetOutcome) {
    let _ = writeln!(out, "\n{:<16}{:>12}{:>12}", "response code", "answers", "share");
    for code in &target.codes {
        let share = 100.0 * code.count as f64 / target.answered.max(1) as f64;
        let (count, reasons) = (count_text(code.count), reasons(&code.code));
        let _ = writeln!(out, "  {:<14}{count:>12}{share:>10.2} %  {reasons}", code.code);
    }
}

fn faults(out: &mut String, target: &TargetOutcome) {
    let _ = writeln!(
        out,
        "\n{} of {} answers with an expectation differ from it{}",
        count_text(target.differing),
        count_text(target.checked),
        if target.ignore_codes { ", which is no failure here (--ignore-codes)" } else { "" }
    );
    for mismatch in target.mismatches.iter().take(SHOWN) {
        let card = if mismatch.card.is_empty() { String::new() } else { format!(", card {}", mismatch.card) };
        let expected = if mismatch.expected.is_empty() { "any" } else { &mismatch.expected };
        let _ = writeln!(
            out,
            "  {:>8}  {:<26} expected {expected}, got {} (first: line {}{card})",
            count_text(mismatch.count),
            mismatch.kind,
            mismatch.actual,
            mismatch.line
        );
    }
    if let Some(more) = target.mismatches.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(out, "            and {more} more kinds (--json has them all)");
    }
    let faults = [
        ("lost (no answer in time)", target.lost),
        ("overdue (answered after being given up)", target.late),
        ("answered twice", target.duplicates),
        ("answers to nothing asked", target.unmatched),
        ("unreadable answers", target.unreadable),
        ("messages sent back as they were", target.sent_back),
        ("connections lost", target.disconnects),
    ];
    for (name, count) in faults.iter().filter(|fault| fault.1 > 0) {
        let _ = writeln!(out, "  {:>8}  {name}", count_text(*count));
    }
    for line in remarks(target) {
        let _ = writeln!(out, "{line}");
    }
}

/// What a number alone does not tell: who the peer is, what it asked of its own, why answers found no message.
pub fn remarks(target: &TargetOutcome) -> Vec<String> {
    let mut lines = Vec::new();
    if target.sent_back > 0 {
        lines.push(format!("{ECHO} (--to-echo measures one)"));
    }
    if target.host_answered > 0 {
        let count = count_text(target.host_answered);
        lines.push(format!("network management messages of the host's own, answered: {count}"));
    }
    if target.sign_ons > 0 {
        lines.push(format!("sign-ons answered 00: {}", count_text(target.sign_ons)));
    }
    for (reason, count) in &target.sign_on_failures {
        lines.push(format!(
            "sign-ons that failed after a connection was lost: {}: {reason}",
            count_text(*count)
        ));
    }
    let examined: u64 = target.unmatched_reasons.iter().map(|reason| reason.count).sum();
    for UnmatchedReason { reason, matching, count } in &target.unmatched_reasons {
        let remedy = matching.as_ref().map_or(String::new(), |fields| format!("; --match {fields} finds it"));
        lines.push(format!("{count} of the first {examined} answers to nothing asked: {reason}{remedy}"));
    }
    lines
}

/// The whole outcome as JSON. Latencies are in nanoseconds.
pub fn json(outcome: &Outcome, plan: &Plan) -> Value {
    let started = outcome.started.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({
        "trace": outcome.trace,
        "messages": outcome.messages,
        "rate": plan.rate.to_string(),
        "match": plan.matching.to_string(),
        "started_unix_ms": started.as_millis() as u64,
        "elapsed_s": outcome.elapsed.as_secs_f64(),
        "client_cpu_ns_per_message": outcome.client_ns_per_message,
        "holds": outcome.holds(),
        "targets": outcome.targets.iter().map(target_json).collect::<Vec<_>>(),
    })
}

fn target_json(target: &TargetOutcome) -> Value {
    let families = target
        .families
        .iter()
        .map(|(family, latencies)| (family.name().to_owned(), latencies_json(latencies)));
    json!({
        "name": target.name,
        "connections": target.connections,
        "sent": target.sent,
        "answered": target.answered,
        "lost": target.lost,
        "overdue": target.late,
        "duplicates": target.duplicates,
        "unmatched": target.unmatched,
        "unmatched_reasons": target.unmatched_reasons.iter().map(|reason| json!({
            "reason": reason.reason,
            "match": reason.matching,
            "count": reason.count,
        })).collect::<Vec<_>>(),
        "sent_back": target.sent_back,
        "host_answered": target.host_answered,
        "sign_ons": target.sign_ons,
        "sign_on_failures": target.sign_on_failures.iter().map(|(reason, count)| (reason.clone(), (*count).into())).collect::<serde_json::Map<_, _>>(),
        "unreadable": target.unreadable,
        "disconnects": target.disconnects,
        "checked": target.checked,
        "differing": target.differing,
        "ignore_codes": target.ignore_codes,
        "busy_s": target.busy.as_secs_f64(),
        "answers_per_s": target.rate(),
        "latency_ns": latencies_json(&target.latencies),
        "client_lag_ns": latencies_json(&target.lags),
        "families": families.collect::<serde_json::Map<_, _>>(),
        "codes": target.codes.iter().map(|code| (code.code.clone(), code.count.into())).collect::<serde_json::Map<_, _>>(),
        "mismatches": target.mismatches.iter().map(|mismatch| json!({
            "kind": mismatch.kind,
            "expected": mismatch.expected,
            "actual": mismatch.actual,
            "count": mismatch.count,
            "first_line": mismatch.line,
            "card": mismatch.card,
        })).collect::<Vec<_>>(),
    })
}

fn latencies_json(latencies: &Histogram<u64>) -> Value {
    let mut map = serde_json::Map::new();
    map.insert("count".to_owned(), latencies.len().into());
    for (name, quantile) in PERCENTILES {
        map.insert(name.to_owned(), latencies.value_at_quantile(quantile).into());
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        let table = [(0, "0.0 us"), (61_234, "61.2 us"), (3_410_000, "3.41 ms"), (1_200_000_000, "1.20 s")];
        for (ns, text) in table {
            assert_eq!(latency_text(ns), text);
        }
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count_text(count), text);
        }
    }
}
