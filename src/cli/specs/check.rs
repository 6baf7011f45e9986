//! `specs check`: the mistakes of a dialect file, and what is legal in it and suspicious.

use super::to_json;
use crate::wire::{Dialect, Mistake, Warning};
use serde::Serialize;
use std::process::ExitCode;

/// Reads a dialect file and reports its mistakes, and what is legal and suspicious
#[derive(clap::Args)]
pub(super) struct Args {
    /// TOML file
    file: String,
    /// Exit code 1 on warnings too
    #[arg(long)]
    strict: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Checked<'a> {
    file: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    errors: Vec<Found<'a>>,
    warnings: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    line: usize,
    column: usize,
    reason: &'a str,
}

impl Found<'_> {
    fn of(mistake: &Mistake) -> Found<'_> {
        Found { line: mistake.line, column: mistake.column, reason: &mistake.reason }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    let file = args.file.as_str();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let result = Dialect::from_toml(&text, file);
    let mistakes = result.as_ref().err().map_or(&[][..], |error| error.mistakes());
    let warnings = result.as_ref().map(|dialect| dialect.warnings(&text, file)).unwrap_or_default();
    let wrong = !mistakes.is_empty() || (args.strict && !warnings.is_empty());
    if args.json {
        let name = result.as_ref().ok().map(Dialect::name);
        let errors = mistakes.iter().map(Found::of).collect();
        let warnings = warnings.iter().map(|Warning(mistake)| Found::of(mistake)).collect();
        outln!("{}", to_json(&Checked { file, ok: !wrong, name, errors, warnings })?);
    } else {
        mistakes.iter().for_each(|mistake| errln!("{:?}", miette::Report::new(mistake.clone())));
        warnings.iter().for_each(|warning| errln!("{:?}", miette::Report::new(warning.clone())));
        if let Ok(dialect) = &result {
            let suspicious = match warnings.len() {
                0 => String::new(),
                1 => ", 1 warning".to_owned(),
                several => format!(", {several} warnings"),
            };
            let (name, fields) = (dialect.name(), dialect.fields().count());
            outln!("{file}: right: dialect {name} with {fields} fields{suspicious}");
        }
    }
    Ok(if wrong { ExitCode::from(crate::cli::FAILED) } else { ExitCode::SUCCESS })
}
