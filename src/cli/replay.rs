//! `authswitch replay`.

use super::framing;
use crate::traffic::echo::EchoServer;
use crate::traffic::replay::{Outcome, Plan, Progress, Target};
use crate::traffic::trace::Trace;
use crate::traffic::{self, Endpoint, Matching, Rate, duration_from_text, report, summary};
use crate::wire::Dialect;
use crate::wire::frame::Framing;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Plays a trace at a switch, open loop, and reports latencies and answers.
///
/// A message's latency counts from the moment it was due, whether or not earlier ones are answered, so that a
/// switch that stalls cannot hide it. STAN, RRN and times are rewritten: a replay is no duplicate of the trace.
/// Exits with 1 when an answer was lost, came twice, or carried another code than the trace expects.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  authswitch replay day.jsonl --to acquirer-ascii=127.0.0.1:8583 --to acquirer-bcd=127.0.0.1:8584
  authswitch replay day.jsonl --to 127.0.0.1:8583 --rate 10000 --duration 30s --report out.html
  authswitch replay day.jsonl --to 127.0.0.1:8583 --rate max --connections 8 --in-flight 16
  authswitch replay day.jsonl --to 10.0.0.7:5000 --sign-on --match 11,41 --ignore-codes")]
pub(super) struct Args {
    /// The trace: JSON Lines, plain or gzip; `-` is standard input.
    trace: PathBuf,
    /// Where to: one address for all links, or LINK=ADDR for each.
    #[arg(long, value_name = "[LINK=]ADDR", required = true)]
    to: Vec<String>,
    /// Messages a second, `recorded`, a factor of the recorded pace such as `x4`, or `max`.
    #[arg(long, default_value = "recorded")]
    rate: Rate,
    /// Connections, shared among the links.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// With `--rate max`: messages in flight on each connection.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    in_flight: u16,
    /// How long to play, e.g. 30s; the trace starts over when it ends. Default: once through.
    #[arg(long, value_parser = duration_from_text)]
    duration: Option<Duration>,
    /// Leave latencies of this first while out, e.g. 2s.
    #[arg(long, value_parser = duration_from_text, default_value = "0s")]
    warmup: Duration,
    /// An answer that takes longer than this is lost.
    #[arg(long, value_parser = duration_from_text, default_value = "5s")]
    timeout: Duration,
    /// By which fields an answer is recognized: `mti` and data elements. An answer without the DE7 of its message, or with
    /// one of its own, is found by `mti,11` or `11,41`. When nothing matches, the report says what would have.
    #[arg(long = "match", value_name = "FIELDS", default_value_t)]
    matching: Matching,
    /// Sign on over every connection before its first message (0800 with DE70 001), also after it was lost.
    #[arg(long)]
    sign_on: bool,
    /// Report answers with another code than the trace expects, but do not fail for them.
    #[arg(long)]
    ignore_codes: bool,
    /// Layout of the messages: one for all links, or LINK=NAME for each. Default: by the link's name, else iso87-ascii.
    #[arg(long, value_name = "[LINK=]NAME")]
    dialect: Vec<String>,
    /// How messages are told apart: one for all links, or LINK=FRAMING for each. --help lists the words
    #[arg(long, value_name = "[LINK=]FRAMING", long_help = long_help())]
    framing: Vec<String>,
    /// Play the same frames, slice by slice in turn, at a bare echo server in this process, and print both. The
    /// play takes twice as long.
    #[arg(long)]
    beside_echo: bool,
    /// Length of a slice with --beside-echo.
    #[arg(long, value_parser = duration_from_text, default_value = "250ms")]
    slice: Duration,
    /// What listens there is `authswitch echo`: only latencies are looked at.
    #[arg(long, conflicts_with = "beside_echo")]
    to_echo: bool,
    /// Write a page with the percentile curve, latency over time and the codes.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write every second's latencies as an HdrHistogram log.
    #[arg(long, value_name = "FILE.hlog")]
    hlog: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

fn long_help() -> String {
    let which = "One for all links, or LINK=FRAMING for each. Default: length2-be.";
    format!("{}\n{which}", super::framing::help())
}

pub(super) fn run(args: Args) -> ExitCode {
    match play(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(super::FAILED),
        Err(reason) => usage(&reason),
    }
}

/// Whether everything was as the trace expects; an error is wrong usage or configuration.
fn play(args: &Args) -> Result<bool, String> {
    let trace = Trace::open(&args.trace).map_err(|error| error.to_string())?;
    let plan = Plan {
        rate: args.rate,
        connections: args.connections.into(),
        in_flight: args.in_flight.into(),
        duration: args.duration,
        warmup: args.warmup,
        timeout: args.timeout,
        slice: args.slice,
        matching: args.matching.clone(),
        sign_on: args.sign_on,
        ignore_codes: args.ignore_codes,
        hlog: args.hlog.clone(),
    };
    let endpoints = endpoints(args, &trace)?;
    let name = if args.to_echo { "echo" } else { "switch" };
    let mut targets = vec![Target { name: name.to_owned(), endpoints, echo: args.to_echo }];
    let echo = match args.beside_echo {
        true => Some(beside(&mut targets)?),
        false => None,
    };
    // The report is refused before the play, not after it.
    if let Some(path) = &args.report {
        std::fs::write(path, "").map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let stop = stop_on_signal();
    let bar = progress_bar();
    let outcome = traffic::replay::run(&trace, &plan, &targets, &stop, &mut |progress| show(&bar, progress));
    bar.finish_and_clear();
    drop(echo);
    let outcome = outcome.map_err(|error| error.to_string())?;
    print(&outcome, &plan, args.json);
    if let Some(path) = &args.report {
        std::fs::write(path, report::html(&outcome, &plan))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        errln!("report: {}", path.display());
    }
    Ok(outcome.holds())
}

fn print(outcome: &Outcome, plan: &Plan, as_json: bool) {
    let text =
        if as_json { format!("{:#}\n", summary::json(outcome, plan)) } else { summary::text(outcome, plan) };
    out!("{text}");
}

/// Starts bare echo servers, one for each framing, and adds them to the targets: the same links, dialects and
/// framings, other addresses.
fn beside(targets: &mut Vec<Target>) -> Result<Vec<(Framing, EchoServer)>, String> {
    let mut endpoints = targets[0].endpoints.clone();
    let mut servers: Vec<(Framing, EchoServer)> = Vec::new();
    for endpoint in &mut endpoints {
        let framing = endpoint.framing;
        let known = servers.iter().find(|(known, _)| *known == framing).map(|(_, server)| server.address());
        endpoint.address = match known {
            Some(address) => address,
            None => {
                let server = EchoServer::start(SocketAddr::from(([127, 0, 0, 1], 0)), 0, framing)
                    .map_err(|error| format!("cannot start the echo: {error}"))?;
                let address = server.address();
                servers.push((framing, server));
                address
            }
        };
    }
    targets.push(Target { name: "echo".to_owned(), endpoints, echo: true });
    Ok(servers)
}

fn endpoints(args: &Args, trace: &Trace) -> Result<Vec<Endpoint>, String> {
    let links: Vec<&str> = args.to.iter().filter_map(|to| to.split_once('=')).map(|(link, _)| link).collect();
    let framings = framing::Given::parse(&args.framing, &links)?;
    let mut endpoints = Vec::new();
    for to in &args.to {
        let (link, address) = to.split_once('=').unwrap_or(("", to));
        if !link.is_empty() && !trace.links.iter().any(|known| known == link) {
            return Err(format!(
                "--to {to}: the trace has no link {link} (it has: {})",
                trace.links.join(", ")
            ));
        }
        let resolved = address.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
        let address =
            resolved.ok_or_else(|| format!("--to {to}: `{address}` is not an address, as 127.0.0.1:8583"))?;
        let dialect = dialect(&args.dialect, link)?;
        let framing = framings.of(link);
        framing::check(&framing, &dialect).map_err(|reason| format!("--framing: {reason}"))?;
        endpoints.push(Endpoint { link: link.to_owned(), address, dialect, framing });
    }
    Ok(endpoints)
}

/// The dialect of a link: its own `--dialect`, the one for all, or the one that the default links have.
fn dialect(given: &[String], link: &str) -> Result<Arc<Dialect>, String> {
    let own = given
        .iter()
        .find_map(|text| text.split_once('=').filter(|(name, _)| *name == link).map(|pair| pair.1));
    let all = given.iter().find(|text| !text.contains('=')).map(String::as_str);
    let default = if link == "acquirer-bcd" { "iso87-bcd" } else { "iso87-ascii" };
    let name = own.or(all).unwrap_or(default);
    super::specs::find(name)
}

/// Prints what is wrong with the call.
pub(super) fn usage(reason: &str) -> ExitCode {
    errln!("authswitch: {reason}");
    ExitCode::from(super::USAGE)
}

/// A bar on a terminal's stderr, nothing elsewhere.
pub(super) fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {msg}");
    ProgressBar::new(1000).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Draws how far a play has come.
pub(super) fn show(bar: &ProgressBar, progress: &Progress) {
    let elapsed = progress.elapsed.as_secs_f64();
    if let Some(planned) = progress.planned {
        bar.set_position((1000.0 * elapsed / planned.as_secs_f64().max(0.001)) as u64);
    }
    let planned =
        progress.planned.map_or(String::new(), |planned| format!(" of {:.0}", planned.as_secs_f64()));
    bar.set_message(format!(
        "{elapsed:.0}{planned} s, {} sent, {} answered, {} lost",
        summary::count_text(progress.sent),
        summary::count_text(progress.answered),
        summary::count_text(progress.lost)
    ));
}

/// A flag that the first SIGINT or SIGTERM sets: the play ends early and is reported as far as it came.
pub(super) fn stop_on_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    // The thread lives as long as the process; without it a signal ends the process as usual.
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if wait_for_signal().is_ok() {
            flag.store(true, Ordering::Relaxed);
        }
    });
    stop
}

/// Returns when the process gets SIGINT or SIGTERM.
pub(super) fn wait_for_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        Ok(())
    })
}
