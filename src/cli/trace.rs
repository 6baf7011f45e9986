//! `authswitch trace`.

use super::replay::{unknown_dialect, usage};
use crate::traffic::generator::{self, generate};
use crate::traffic::import::{self, import_hex};
use crate::traffic::trace::Trace;
use crate::traffic::{day_from_text, listing};
use crate::wire::Dialect;
use crate::wire::frame::Framing;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

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
/// One message a line in hexadecimal, without its length (or with it, see --framing), optionally after its time in microseconds and a space;
/// lines that start with # are passed over. Answers (0110 and so on) are not played: their response code becomes
/// what their request expects. A capture of real traffic holds card data: treat the trace as such.
#[derive(clap::Args)]
#[command(after_help = "Example:
  authswitch trace import day.hex --dialect iso87-bcd --link acquirer-bcd --out day.jsonl.gz")]
struct ImportArgs {
    /// The file of messages; `-` is standard input.
    file: PathBuf,
    /// Layout of the messages.
    #[arg(long, default_value = "iso87-ascii")]
    dialect: String,
    /// The lines are whole frames, which are told apart like this: their headers are taken off, and those that carry
    /// no message are passed over. --help lists the words
    #[arg(long, long_help = framing_help())]
    framing: Option<Framing>,
    /// Link that the trace's messages are put on.
    #[arg(long, default_value = "acquirer-ascii")]
    link: String,
    /// Messages a second, where the file tells no times.
    #[arg(long, default_value_t = 100.0, value_parser = parse_rate)]
    rate: f64,
    /// Where to; packed where the name ends in .gz; `-` is standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Print what was made as JSON (not with standard output).
    #[arg(long)]
    json: bool,
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
    let which =
        "The lines are whole frames: their headers are taken off, those without a message are passed over.";
    format!("{which}\n{}", super::framing::help())
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
    write(&generate(&options), &args.out, args.json)
}

fn import(args: &ImportArgs) -> Result<(), String> {
    let dialect = dialect(&args.dialect)?;
    let options = import::Options {
        dialect: &dialect,
        framing: args.framing,
        link: args.link.clone(),
        rate: args.rate,
    };
    let trace = if args.file == Path::new("-") {
        import_hex(io::stdin().lock(), "standard input", &options)
    } else {
        let file = File::open(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
        import_hex(BufReader::new(file), &args.file.display().to_string(), &options)
    };
    write(&trace.map_err(|error| error.to_string())?, &args.out, args.json)
}

fn write(trace: &Trace, path: &Path, as_json: bool) -> Result<(), String> {
    if path == Path::new("-") {
        return quietly(trace.write(&mut BufWriter::new(io::stdout().lock())));
    }
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    if path.extension().is_some_and(|extension| extension == "gz") {
        trace.write_packed(&mut out).map_err(failed)?;
    } else {
        trace.write(&mut out).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    let (messages, seconds) =
        (trace.entries.len(), trace.entries.last().map_or(0.0, |entry| entry.at_us as f64 / 1e6));
    if as_json {
        let links = &trace.links;
        println!("{}", json!({"file": path, "messages": messages, "links": links, "length_s": seconds}));
    } else {
        println!("{}: {messages} messages over {} in {seconds:.1} s", path.display(), trace.links.join(", "));
    }
    Ok(())
}

fn show(args: &ShowArgs) -> Result<(), String> {
    let trace = Trace::open(&args.file).map_err(|error| error.to_string())?;
    let dialect = dialect(&args.dialect)?;
    let mut out = BufWriter::new(io::stdout().lock());
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

fn dialect(name: &str) -> Result<Arc<Dialect>, String> {
    Dialect::builtin(name).ok_or_else(|| unknown_dialect(name))
}

/// A reader that has seen enough (`| head`) is no error.
fn quietly(written: io::Result<()>) -> Result<(), String> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|error| format!("standard output: {error}")),
    }
}
