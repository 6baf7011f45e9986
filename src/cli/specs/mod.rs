//! `authswitch specs`: lists, shows and checks dialects, and reads and writes those of other products.

mod check;
mod export;
mod foreign;
mod import;
mod inside;
mod jpos;
mod jpos_class;
mod json;
mod moov;
mod show;
mod toml;
mod xml;

use crate::wire::Dialect;
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;

/// Lists, shows, checks, imports and exports dialects.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  authswitch specs list
  authswitch specs show iso87-bcd
  authswitch specs show iso87-bcd --source > mine.toml
  authswitch specs check mine.toml
  authswitch specs import packager.xml > mine.toml
  authswitch specs export mine.toml > mine.json")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// The dialects that come with the program
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// A dialect's fields, as the program reads and writes them
    Show {
        /// Dialect, by name or TOML file
        name: String,
        /// One JSON object
        #[arg(long, conflicts_with = "source")]
        json: bool,
        /// The TOML file itself, to start an own one from
        #[arg(long)]
        source: bool,
    },
    Check(check::Args),
    Import(import::Args),
    Export(export::Args),
}

pub(super) fn run(args: Args) -> ExitCode {
    let result = match args.command {
        Command::List { json } => list(json),
        Command::Show { name, source: true, .. } => show::show_source(&name),
        Command::Show { name, json, .. } => show::show(&name, json),
        Command::Check(args) => check::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
    };
    result.unwrap_or_else(|reason| {
        errln!("authswitch specs: {reason}");
        ExitCode::from(super::USAGE)
    })
}

/// A dialect by name, or from a file whose name ends in `.toml`.
///
/// # Errors
/// What is wrong, in words for the terminal.
pub(super) fn find(name: &str) -> Result<Arc<Dialect>, String> {
    if let Some(dialect) = Dialect::builtin(name) {
        return Ok(dialect);
    }
    if !name.ends_with(".toml") {
        let known = Dialect::builtin_names().join(", ");
        return Err(format!("no dialect {name:?}: expected one of {known}, or a file ending in .toml"));
    }
    let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
    Dialect::from_toml(&text, name).map(Arc::new).map_err(|error| error.to_string())
}

/// The dialect file that another product's file comes to, if it can be read; for the fuzz targets.
#[cfg(fuzzing)]
pub fn imported(text: &str) -> Option<String> {
    import::translate(text, None, "imported").ok().map(|(_, _, written)| written)
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    title: &'a str,
    fields: usize,
}

fn list(json: bool) -> Result<ExitCode, String> {
    let dialects: Vec<_> =
        Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect();
    let listed: Vec<_> = dialects
        .iter()
        .map(|dialect| Listed {
            name: dialect.name(),
            title: dialect.title(),
            fields: dialect.fields().count(),
        })
        .collect();
    if json {
        outln!("{}", to_json(&listed)?);
    } else {
        listed.iter().for_each(|dialect| outln!("{:<14}  {}", dialect.name, dialect.title));
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}
