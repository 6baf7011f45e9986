//! `authswitch trace`.

use super::print;
use super::replay::usage;
use crate::traffic::capture::Direction;
use crate::traffic::generator::{self, generate};
use crate::traffic::import::{self, Imported};
use crate::traffic::trace::Trace;
use crate::traffic::{day_from_text, listing};
use crate::wire::frame::Framing;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Makes, converts and prints traces.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Generate(GenerateArgs),
    Import(ImportArgs),
    Export(ExportArgs),
    Show(ShowArgs),
}

/// Makes realistic traffic for the demo program's cards; the same options give the same trace.
#[derive(clap::Args)]
#[command(after_help = "Example (the shipped trace):
  authswitch trace generate --seed 1 --count 20000 --out config/demo-trace.jsonl.gz")]
struct GenerateArgs {
    /// Any number; each gives another trace.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Messages.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    count: u64,
    /// Mean messages a second at the recorded pace.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,
    /// Names of the links that the messages come over.
    #[arg(long, value_delimiter = ',', default_value = "acquirer-ascii,acquirer-bcd")]
    links: Vec<String>,
    /// Day of the trace, YYYY-MM-DD; it starts at midnight UTC.
    #[arg(long, value_parser = parse_day, default_value = "2026-01-15")]
    date: u64,
    /// Where to; packed where the name ends in .gz; `-` is standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Print what was made as JSON (not with standard output).
    #[arg(long)]
    json: bool,
}

/// Makes a trace of captured messages.
///
/// Takes a capture (pcap, pcapng), a log or dump with hexadecimal in it, raw bytes, or a file of one message a line in
/// hexadecimal, optionally after its time in microseconds and a space, where lines that start with # are passed over.
/// Requests and advices are played, at the times of the capture. Answers (0110 and so on) are not: their response
/// code becomes what their request expects. Card data is not replaced: the trace of real traffic is card data.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  authswitch trace import day.hex --dialect iso87-bcd --link acquirer-bcd --out day.jsonl.gz
  authswitch trace import link.pcap --out day.jsonl
  authswitch decode --streams link.pcap        # what is in it")]
struct ImportArgs {
    /// The capture or file of messages; `-` is standard input.
    file: PathBuf,
    /// Layout of the messages.
    #[arg(long, default_value = "iso87-ascii")]
    dialect: String,
    /// How messages stand in a stream, or in each line; without it, the likeliest for each. --help lists the words
    #[arg(long, value_parser = Framing::alone, long_help = framing_help())]
    framing: Option<Framing>,
    /// Link that the trace's messages are put on.
    #[arg(long, default_value = "acquirer-ascii")]
    link: String,
    /// Messages a second, where the file tells no times.
    #[arg(long, default_value_t = 100.0, value_parser = parse_rate)]
    rate: f64,
    /// Of a connection, which way the requests to be played went.
    #[arg(long, value_enum, default_value_t = Way::ToServer)]
    direction: Way,
    /// Where to; packed where the name ends in .gz; `-` is standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Print what was made as JSON (not with standard output).
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Way {
    /// To the side that listened.
    ToServer,
    /// To the side that opened the connection.
    ToClient,
    Both,
}

/// Prints a trace's messages in hexadecimal, one a line, without framing: what `trace import` and `decode` read.
///
/// Nothing is masked. A message that the trace has as bytes is printed as it is.
#[derive(clap::Args)]
#[command(after_help = "Example:
  authswitch trace export config/demo-trace.jsonl.gz --dialect iso87-ebcdic > day.hex")]
struct ExportArgs {
    /// The trace; `-` is standard input.
    file: PathBuf,
    /// Layout of the messages, by name or TOML file.
    #[arg(long, default_value = "iso87-ascii")]
    dialect: String,
}

/// Prints a trace, card data masked.
#[derive(clap::Args)]
#[command(after_help = "Example:
  authswitch trace show config/demo-trace.jsonl.gz --limit 20")]
struct ShowArgs {
    /// The trace; `-` is standard input.
    file: PathBuf,
    /// At most so many messages.
    #[arg(long)]
    limit: Option<usize>,
    /// Layout of messages that the trace has as bytes.
    #[arg(long, default_value = "iso87-ascii")]
    dialect: String,
    /// One JSON object a message.
    #[arg(long)]
    json: bool,
}

fn framing_help() -> String {
    let which = "How messages stand in a stream, or in each line; without it, the likeliest for each.";
    format!("{which}\n{}", super::framing::help_alone())
}

fn parse_day(text: &str) -> Result<u64, String> {
    day_from_text(text).ok_or_else(|| "expected a day as 2026-01-15".to_owned())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1e-3..=1e7).contains(rate));
    rate.ok_or_else(|| "expected messages a second, 0.001 to 10000000".to_owned())
}

pub(super) fn run(args: Args) -> ExitCode {
    let done = match args.command {
        Command::Generate(args) => make(args),
        Command::Import(args) => import(&args),
        Command::Export(args) => export(&args),
        Command::Show(args) => show(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => usage(&reason),
    }
}

fn make(args: GenerateArgs) -> Result<(), String> {
    if args.links.is_empty() || args.links.iter().any(String::is_empty) {
        return Err("--links: a link's name is empty".to_owned());
    }
    let options = generator::Options {
        seed: args.seed,
        count: args.count as usize,
        rate: args.rate,
        links: args.links,
        start: args.date,
    };
    write(&generate(&options), &args.out, None, args.json)
}

fn import(args: &ImportArgs) -> Result<(), String> {
    let dialect = super::specs::find(&args.dialect)?;
    let direction = match args.direction {
        Way::ToServer => Some(Direction::ToServer),
        Way::ToClient => Some(Direction::ToClient),
        Way::Both => None,
    };
    let options = import::Options {
        dialect: &dialect,
        link: args.link.clone(),
        rate: args.rate,
        framing: args.framing,
        direction,
    };
    let imported = if args.file == Path::new("-") {
        import::import(io::stdin().lock(), "standard input", &options)
    } else {
        let file = File::open(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
        import::import(BufReader::new(file), &args.file.display().to_string(), &options)
    };
    let imported = imported.map_err(|error| error.to_string())?;
    tell(&imported, args.direction, dialect.name());
    if imported.trace.entries.is_empty() {
        return Err(format!(
            "{}: expected requests or advices in dialect {}, found none (what is in it: authswitch decode \
             --streams)",
            args.file.display(),
            dialect.name()
        ));
    }
    write(&imported.trace, &args.out, Some(&imported), args.json)?;
    if imported.with_cards > 0 {
        let out =
            if args.out == Path::new("-") { "the trace".into() } else { args.out.display().to_string() };
        errln!(
            "warning: {out} holds CARD DATA IN CLEAR: {} of {} messages carry a card number. A trace is to hold test \
             cards alone: unless these are, keep it as you keep card data",
            imported.with_cards,
            imported.trace.entries.len()
        );
    }
    Ok(())
}

/// Says what did not get into the trace.
fn tell(imported: &Imported, way: Way, dialect: &str) {
    let file = &imported.trace.origin;
    let first = |what: &Option<String>| what.as_deref().unwrap_or_default().to_owned();
    let (unreadable, unframed) = (&imported.unreadable, &imported.unframed);
    if unreadable.0 > 0 {
        errln!(
            "left out: {} messages that cannot be read, first {file}: {}",
            unreadable.0,
            first(&unreadable.1)
        );
    }
    for field in &imported.left_out.1 {
        errln!("left out: {file}: {field}");
    }
    if imported.left_out.0 > 0 {
        let (fields, messages) = (imported.left_out.0, imported.without_fields);
        errln!("left out: {fields} fields of {messages} messages, which dialect {dialect} cannot write");
    }
    if unframed.0 > 0 {
        errln!("left out: {} pieces without a message, first {}", unframed.0, first(&unframed.1));
    }
    if imported.other_functions > 0 {
        errln!("left out: {} messages that ask for no answer", imported.other_functions);
    }
    if imported.other_way > 0 {
        let other = if matches!(way, Way::ToClient) { "to-server" } else { "to-client" };
        errln!("left out: {} requests that went the other way (--direction {other})", imported.other_way);
    }
    let (remarks, more) = &imported.remarks;
    for remark in remarks.iter().take(REMARKS) {
        errln!("{remark}");
    }
    let more = more + remarks.len().saturating_sub(REMARKS) as u64;
    if more > 0 {
        errln!("... and {more} more such remarks (authswitch decode --streams shows them)");
    }
}

/// Remarks on a capture that an import shows.
const REMARKS: usize = 10;

fn write(trace: &Trace, path: &Path, imported: Option<&Imported>, as_json: bool) -> Result<(), String> {
    if path == Path::new("-") {
        return quietly(trace.write(&mut print::stream()));
    }
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut opening = File::options();
    opening.write(true).create(true).truncate(true);
    if imported.is_some_and(|imported| imported.with_cards > 0) {
        // Card data is for who made the file alone.
        opening.mode(0o600);
    }
    let mut out = BufWriter::new(opening.open(path).map_err(failed)?);
    if path.extension().is_some_and(|extension| extension == "gz") {
        trace.write_packed(&mut out).map_err(failed)?;
    } else {
        trace.write(&mut out).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    let (messages, seconds) =
        (trace.entries.len(), trace.entries.last().map_or(0.0, |entry| entry.at_us as f64 / 1e6));
    if as_json {
        let mut made = json!({"file": path, "messages": messages, "links": trace.links, "length_s": seconds});
        if let (Some(imported), Some(map)) = (imported, made.as_object_mut()) {
            map.insert("input".to_owned(), imported.kind.to_string().into());
            map.insert("with_card_data".to_owned(), imported.with_cards.into());
            map.insert("answers".to_owned(), imported.answers.into());
            map.insert("unreadable".to_owned(), imported.unreadable.0.into());
            map.insert("left_out_fields".to_owned(), imported.left_out.0.into());
        }
        outln!("{made}");
    } else {
        outln!("{}: {messages} messages over {} in {seconds:.1} s", path.display(), trace.links.join(", "));
    }
    Ok(())
}

fn export(args: &ExportArgs) -> Result<(), String> {
    let trace = Trace::open(&args.file).map_err(|error| error.to_string())?;
    let dialect = super::specs::find(&args.dialect)?;
    let mut out = print::stream();
    for entry in &trace.entries {
        let hex = listing::hex(entry, &trace, &dialect).map_err(|error| error.to_string())?;
        quietly(writeln!(out, "{hex}"))?;
    }
    quietly(out.flush())
}

fn show(args: &ShowArgs) -> Result<(), String> {
    let trace = Trace::open(&args.file).map_err(|error| error.to_string())?;
    let dialect = super::specs::find(&args.dialect)?;
    let mut out = print::stream();
    if !args.json {
        quietly(writeln!(out, "{}", listing::HEAD))?;
    }
    for entry in trace.entries.iter().take(args.limit.unwrap_or(usize::MAX)) {
        let line = match args.json {
            true => listing::json(entry, &trace, &dialect).map(|json| json.to_string()),
            false => listing::line(entry, &trace, &dialect),
        };
        quietly(writeln!(out, "{}", line.map_err(|error| error.to_string())?))?;
    }
    quietly(out.flush())
}

/// A reader that has seen enough (`| head`) is no error.
fn quietly(written: io::Result<()>) -> Result<(), String> {
    match written {
        Err(error) if print::is_closed(&error) => std::process::exit(0),
        other => other.map_err(|error| format!("standard output: {error}")),
    }
}
