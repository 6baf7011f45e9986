//! `authswitch explain` of a message that was refused or not answered without a record: the running switch is asked, which
//! keeps the last of them. Reads what the admin page `/refusals.json` says.

use super::super::running;
use super::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The words of a refused message, in their order on the screen.
const WORDS: [(&str, &str); 5] =
    [("kind", "why"), ("field", "field"), ("offset", "offset"), ("expected", "expected"), ("found", "found")];

/// Shows the refused messages that are meant, the newest first.
pub(super) fn run(args: &Args) -> ExitCode {
    let failed = |reason: String| {
        errln!("authswitch explain: no record of a message is like that{reason}");
        ExitCode::from(super::super::FAILED)
    };
    // A refused message has no record, so no number of one.
    if args.which.record.is_some() {
        return failed(String::new());
    }
    let refusals = match running::json(args.admin, "/refusals.json") {
        Ok(page) => page["refusals"].as_array().cloned().unwrap_or_default(),
        Err(error) => {
            return failed(format!(
                ", and no switch answers at {} that could have refused it (--admin; {error})",
                args.admin
            ));
        }
    };
    let stan = args.which.stan.map(|stan| format!("{stan:06}"));
    let rrn = args.which.rrn.as_deref().map(str::trim_end);
    let meant = |refused: &&Value| match rrn {
        Some(rrn) => refused["rrn"] == rrn,
        None => stan.as_deref().is_some_and(|stan| refused["stan"] == stan),
    };
    let found: Vec<&Value> = refusals.iter().filter(meant).collect();
    if found.is_empty() {
        return failed(format!(", nor of the {} messages that the switch refused last", refusals.len()));
    }
    match args.json {
        true => outln!("{}", json!({ "record": null, "refusals": found })),
        false => found.into_iter().for_each(print),
    }
    ExitCode::SUCCESS
}

fn print(refused: &Value) {
    let text = |key: &str| match &refused[key] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    outln!(
        "in no record, told by the running switch  {}  link {}  peer {}  connection {}",
        text("time"),
        text("link"),
        text("peer"),
        text("connection")
    );
    outln!("{}  STAN {}  RRN {}", text("mti"), text("stan"), text("rrn"));
    for (key, word) in WORDS.into_iter().filter(|(key, _)| !refused[*key].is_null()) {
        outln!("  {word:<9} {}", text(key));
    }
    match refused["code"].is_null() {
        true => outln!("answer none"),
        false => outln!("answer {}", text("code")),
    }
}
