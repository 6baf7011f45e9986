//! What came of a replay as one self-contained HTML page: no script, nothing fetched, light and dark.

use super::chart;
use super::pace::Rate;
use super::replay::{Outcome, Plan, TargetOutcome};
use super::summary::{PERCENTILES, count_text, headline, latency_text, reasons, remarks};
use std::fmt::Write;

const STYLE: &str = include_str!("report.css");

/// The page.
pub fn html(outcome: &Outcome, plan: &Plan) -> String {
    let mut page = String::with_capacity(64 * 1024);
    let started = jiff::Timestamp::try_from(outcome.started)
        .map_or(String::new(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let (verdict, class) = if outcome.holds() { ("as expected", "good") } else { ("not as expected", "bad") };
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>authswitch replay, {started}</title><style>{STYLE}</style><main>\
         <header><h1>Replay</h1><span class=\"verdict {class}\">{verdict}</span></header><p>{}; {started}</p>",
        escape(&headline(outcome, plan))
    );
    let Some(main) = outcome.targets.first() else { return page };
    let echo = outcome.targets.get(1);
    tiles(&mut page, main, echo);
    let _ = write!(
        page,
        "<section><h2>Latency by percentile</h2><p>From the moment a message was {} to the moment its answer was \
         read. Every nine gets the same room.</p>{}</section>",
        if plan.rate == Rate::Max { "sent" } else { "due" },
        chart::percentiles(&outcome.targets)
    );
    let _ = write!(
        page,
        "<section><h2>Latency over time</h2><p>Median, 99th percentile and longest of every second.</p>{}</section>",
        chart::over_time(&outcome.targets, outcome.elapsed)
    );
    percentiles(&mut page, outcome);
    families(&mut page, main, echo);
    if !main.echo {
        codes(&mut page, main);
        differences(&mut page, main);
    }
    conditions(&mut page, outcome, plan);
    page.push_str("</main></html>\n");
    page
}

fn tiles(page: &mut String, main: &TargetOutcome, echo: Option<&TargetOutcome>) {
    page.push_str("<div class=\"tiles\">");
    let mut tile = |value: String, name: &str, beside: Option<String>| {
        let beside = beside.map_or(String::new(), |beside| format!("<em>{beside}</em>"));
        let _ = write!(page, "<div class=\"tile\"><b>{value}</b><span>{name}</span>{beside}</div>");
    };
    let against =
        |of: f64, to: f64| if to > 0.0 { format!("{:.2} × echo", of / to) } else { "-".to_owned() };
    let rate = main.rate();
    tile(count_text(rate.round() as u64), "answers a second", echo.map(|echo| against(rate, echo.rate())));
    for (name, quantile) in [PERCENTILES[0], PERCENTILES[2], PERCENTILES[3]] {
        let ns = main.latencies.value_at_quantile(quantile);
        let beside = echo.map(|echo| against(ns as f64, echo.latencies.value_at_quantile(quantile) as f64));
        tile(latency_text(ns), name, beside);
    }
    tile(count_text(main.lost), "answers lost", None);
    if !main.echo {
        tile(count_text(main.differing), "answers that differ", None);
    }
    page.push_str("</div>");
}

fn percentiles(page: &mut String, outcome: &Outcome) {
    page.push_str("<section><h2>Percentiles</h2><p>The client's lag is its own part: from due to handed to the kernel.</p><table><tr><th>");
    for target in &outcome.targets {
        let _ = write!(page, "<th>{}", escape(&target.name));
    }
    let two = outcome.targets.len() == 2;
    page.push_str(if two { "<th>ratio<th>client's lag</tr>" } else { "<th>client's lag</tr>" });
    for (name, quantile) in PERCENTILES {
        let values: Vec<_> =
            outcome.targets.iter().map(|target| target.latencies.value_at_quantile(quantile)).collect();
        let _ = write!(page, "<tr><td>{name}");
        values.iter().for_each(|ns| {
            let _ = write!(page, "<td>{}", latency_text(*ns));
        });
        if let [first, second] = values[..] {
            let _ = write!(page, "<td>{:.2}", first as f64 / (second as f64).max(1.0));
        }
        let lag = outcome.targets.first().map_or(0, |target| target.lags.value_at_quantile(quantile));
        let _ = write!(page, "<td>{}</tr>", latency_text(lag));
    }
    page.push_str("</table></section>");
}

fn codes(page: &mut String, target: &TargetOutcome) {
    page.push_str(
        "<section><h2>Response codes</h2><p>DE39 of the answers, and what this switch means by it.</p>\
         <table><tr><th>code<th class=\"left\">reasons<th class=\"left\"><th>answers<th>share</tr>",
    );
    let most = target.codes.iter().map(|code| code.count).max().unwrap_or(1).max(1) as f64;
    for code in &target.codes {
        let _ = write!(
            page,
            "<tr><td>{}<td class=\"left soft\">{}<td class=\"bar left\"><i style=\"width:{:.1}%\"></i><td>{}<td>{:.2} %</tr>",
            escape(&code.code),
            escape(&reasons(&code.code)),
            100.0 * code.count as f64 / most,
            count_text(code.count),
            100.0 * code.count as f64 / target.answered.max(1) as f64
        );
    }
    page.push_str("</table></section>");
}

fn families(page: &mut String, main: &TargetOutcome, echo: Option<&TargetOutcome>) {
    page.push_str("<section><h2>By kind of message</h2>");
    if echo.is_some() {
        page.push_str("<p>Beside it, in how many times the bare echo's time for the same messages.</p>");
    }
    page.push_str("<table><tr><th><th>measured");
    for (name, _) in PERCENTILES {
        let _ = write!(page, "<th>{name}");
        page.push_str(if echo.is_some() { "<th>" } else { "" });
    }
    page.push_str("</tr>");
    for (family, latencies) in &main.families {
        let _ = write!(page, "<tr><td>{family}<td>{}", count_text(latencies.len()));
        let beside = echo.and_then(|echo| echo.families.iter().find(|known| known.0 == *family));
        for (_, quantile) in PERCENTILES {
            let ns = latencies.value_at_quantile(quantile);
            let _ = write!(page, "<td>{}", latency_text(ns));
            if let Some((_, floor)) = beside {
                let floor = floor.value_at_quantile(quantile).max(1);
                let _ = write!(page, "<td class=\"soft ratio\">{:.2} ×", ns as f64 / floor as f64);
            }
        }
        page.push_str("</tr>");
    }
    page.push_str("</table></section>");
}

fn differences(page: &mut String, target: &TargetOutcome) {
    let _ = write!(
        page,
        "<section><h2>Answers against expectations</h2><p>{} of {} answers with an expectation differ from it; {} \
         lost, {} overdue, {} answered twice, {} answers to nothing asked, {} unreadable, {} sent back, {} connections lost.{}</p>",
        count_text(target.differing),
        count_text(target.checked),
        count_text(target.lost),
        count_text(target.late),
        count_text(target.duplicates),
        count_text(target.unmatched),
        count_text(target.unreadable),
        count_text(target.sent_back),
        count_text(target.disconnects),
        if target.ignore_codes { " Differing codes are no failure here." } else { "" }
    );
    for remark in remarks(target) {
        let _ = write!(page, "<p>{}</p>", escape(&remark));
    }
    if !target.mismatches.is_empty() {
        page.push_str(
            "<table><tr><th>message<th class=\"left\">expected<th class=\"left\">got<th>times<th>first at line\
             <th class=\"left\">card</tr>",
        );
        for mismatch in &target.mismatches {
            let expected = if mismatch.expected.is_empty() { "any" } else { &mismatch.expected };
            let _ = write!(
                page,
                "<tr><td>{}<td class=\"left\">{}<td class=\"left\">{}<td>{}<td>{}<td class=\"left\">{}</tr>",
                escape(&mismatch.kind),
                escape(expected),
                escape(&mismatch.actual),
                count_text(mismatch.count),
                mismatch.line,
                escape(&mismatch.card)
            );
        }
        page.push_str("</table>");
    }
    page.push_str("</section>");
}

fn conditions(page: &mut String, outcome: &Outcome, plan: &Plan) {
    let _ = write!(
        page,
        "<footer>An answer counts as lost after {} s. The client spent {} of CPU time a message, the kernel's part \
         for both directions in it.",
        plan.timeout.as_secs_f64(),
        latency_text(outcome.client_ns_per_message)
    );
    if !plan.warmup.is_zero() {
        let _ = write!(page, " Latencies of the first {} s are left out.", plan.warmup.as_secs_f64());
    }
    if outcome.targets.len() == 2 {
        let _ = write!(
            page,
            " Switch and bare echo were played the same frames in turns of {} ms, so that the machine's noise met \
             both alike.",
            plan.slice.as_millis()
        );
    }
    page.push_str("</footer>");
}

/// Text for between tags and inside attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
