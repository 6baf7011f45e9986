//! `authswitch specs`: lists, shows and checks dialects, and reads and writes those of other products.

mod export;
mod foreign;
mod import;
mod jpos;
mod jpos_class;
mod json;
mod moov;
mod toml;
mod xml;

use crate::wire::{Dialect, FieldInfo, Mask};
use serde::Serialize;
use std::path::Path;
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
    /// Reads a dialect file and reports its mistakes
    Check {
        /// TOML file
        file: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    Import(import::Args),
    Export(export::Args),
}

pub(super) fn run(args: Args) -> ExitCode {
    let result = match args.command {
        Command::List { json } => list(json),
        Command::Show { name, source: true, .. } => show_source(&name),
        Command::Show { name, json, .. } => show(&name, json),
        Command::Check { file, json } => check(&file, json),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
    };
    result.unwrap_or_else(|reason| {
        eprintln!("authswitch specs: {reason}");
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
        println!("{}", to_json(&listed)?);
    } else {
        listed.iter().for_each(|dialect| println!("{:<12}  {}", dialect.name, dialect.title));
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct ShownDialect<'a> {
    name: &'a str,
    title: &'a str,
    version: u8,
    mti: &'static str,
    bitmap: &'static str,
    fields: Vec<ShownField<'a>>,
}

#[derive(Serialize)]
struct ShownField<'a> {
    de: u8,
    format: String,
    name: &'a str,
    encoding: &'static str,
    /// Absent for a fixed field.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<&'static str>,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<&'static str>,
}

fn shown(field: &FieldInfo) -> ShownField<'_> {
    ShownField {
        de: field.de,
        format: field.format.notation(),
        name: &field.name,
        encoding: field.format.encoding.name(),
        length: field.format.prefix().map(|prefix| prefix.encoding.name()),
        unit: field.format.class.unit(),
        mask: match field.mask {
            Mask::Open => None,
            Mask::Pan => Some("pan"),
            Mask::Secret => Some("secret"),
        },
    }
}

fn show(name: &str, json: bool) -> Result<ExitCode, String> {
    let dialect = find(name)?;
    let (mti, bitmap) = (dialect.mti_encoding().name(), dialect.bitmap_encoding().name());
    let fields: Vec<_> = dialect.fields().map(shown).collect();
    if json {
        let (name, title, version) = (dialect.name(), dialect.title(), dialect.version());
        println!("{}", to_json(&ShownDialect { name, title, version, mti, bitmap, fields })?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}: {}\nMTI {mti}, bit maps {bitmap}\n", dialect.name(), dialect.title());
    println!("   DE  {:<10}  {:<8}  {:<8}  name", "format", "encoding", "length");
    for field in fields {
        let length = field.length.unwrap_or("");
        println!(
            "  {:>3}  {:<10}  {:<8}  {length:<8}  {}",
            field.de, field.format, field.encoding, field.name
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn show_source(name: &str) -> Result<ExitCode, String> {
    match Dialect::builtin_source(name) {
        Some(text) => print!("{text}"),
        None if Path::new(name).is_file() => {
            print!("{}", std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?);
        }
        None => {
            let known = Dialect::builtin_names().join(", ");
            return Err(format!("no dialect {name:?}: expected one of {known}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Checked<'a> {
    file: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    errors: Vec<CheckedError<'a>>,
}

#[derive(Serialize)]
struct CheckedError<'a> {
    line: usize,
    column: usize,
    reason: &'a str,
}

fn check(file: &str, json: bool) -> Result<ExitCode, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let result = Dialect::from_toml(&text, file);
    let mistakes = result.as_ref().err().map_or(&[][..], |error| error.mistakes());
    if json {
        let errors = mistakes
            .iter()
            .map(|mistake| CheckedError {
                line: mistake.line,
                column: mistake.column,
                reason: &mistake.reason,
            })
            .collect();
        let name = result.as_ref().ok().map(|dialect| dialect.name().to_owned());
        println!("{}", to_json(&Checked { file, ok: mistakes.is_empty(), name, errors })?);
    } else if let Ok(dialect) = &result {
        println!("{file}: right: dialect {} with {} fields", dialect.name(), dialect.fields().count());
    } else {
        mistakes.iter().for_each(|mistake| eprintln!("{:?}", miette::Report::new(mistake.clone())));
    }
    Ok(if mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(super::FAILED) })
}

fn to_json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}
