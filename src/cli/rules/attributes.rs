//! `rules attributes`: what conditions can ask, with types, values and meaning.

use super::to_json;
use crate::rules::{Attribute, Sort};
use serde::Serialize;
use std::process::ExitCode;

/// Lists what conditions can ask
#[derive(clap::Args)]
pub(super) struct Args {
    /// One JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    values: String,
    meaning: &'static str,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    let mut all: Vec<Attribute> = Attribute::ALL.to_vec();
    all.sort_by_key(|attribute| attribute.name());
    let listed: Vec<Listed> = all.into_iter().map(listed).collect();
    if args.json {
        outln!("{}", to_json(&listed)?);
        return Ok(ExitCode::SUCCESS);
    }
    for row in &listed {
        let values = if row.values.is_empty() { String::new() } else { format!(" ({})", row.values) };
        outln!("{:<26}  {:<6}  {}{values}", row.name, row.kind, row.meaning);
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(attribute: Attribute) -> Listed {
    let sort = attribute.sort();
    let values = match &sort {
        Sort::Number(range) => format!("{} to {}", range.start(), range.end()),
        Sort::Text(words) => words.join(", "),
        Sort::Flag | Sort::Card => String::new(),
    };
    Listed { name: attribute.name(), kind: sort.name(), values, meaning: attribute.meaning() }
}
