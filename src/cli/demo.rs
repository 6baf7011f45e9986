//! `authswitch demo`: a real switch, the shipped trace over real sockets, and how fast it was, beside a bare echo.

use super::data::{self, WhenNew};
use super::print;
use super::replay::{progress_bar, show};
use super::switch::{Drained, Failure, Switch};
use crate::settings::Settings;
use crate::telemetry::{LatencyTable, duration_text, log};
use crate::traffic::echo::EchoServer;
use crate::traffic::replay::{Outcome, Plan, Target};
use crate::traffic::trace::Trace;
use crate::traffic::{self, Endpoint, Rate, report, summary};
use crate::wire::Dialect;
use crate::wire::frame::Framing;
use std::fmt::Write;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Starts a switch, replays the shipped trace against it, prints the latency table.
///
/// The switch runs with the default settings on free loopback ports and a temporary data folder, seeded with the demo
/// program. The trace is played at a steady rate over eight connections, open loop, in turns with a bare echo server
/// that gets the same frames: the echo is what this machine can do at all.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  authswitch demo\n  authswitch demo --seconds 60 --rate 10000")]
pub(super) struct Args {
    /// How long to play to the switch; the echo takes as long again.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Messages a second.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Overrides one setting, e.g. links.acquirer-ascii.budget_ms=20. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// The trace that `demo` plays. Made by `authswitch trace generate`, see the README.
static TRACE: &[u8] = include_bytes!("../../config/demo-trace.jsonl.gz");

/// What differs from the defaults: any free port, small journal files, nothing but warnings on the terminal.
const SET: [&str; 6] = [
    "links.acquirer-ascii.listen=127.0.0.1:0",
    "links.acquirer-bcd.listen=127.0.0.1:0",
    "admin.listen=127.0.0.1:0",
    "journal.segment_mib=16",
    "log.level=warn",
    "log.format=text",
];

pub(super) fn run(args: Args) -> ExitCode {
    match show_all(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(super::FAILED),
        Err(error) => {
            errln!("authswitch demo: {error}");
            ExitCode::from(super::USAGE)
        }
    }
}

fn show_all(args: &Args) -> Result<bool, Failure> {
    let set: Vec<String> = SET.map(String::from).into_iter().chain(args.set.iter().cloned()).collect();
    let settings = Settings::load_for_demo(None, &set)?;
    log::init(&log::Options { level: "warn".into(), format: log::Format::Text })?;
    let folder = std::env::temp_dir().join(format!("authswitch-demo-{}", std::process::id()));
    let data = folder.join("data");
    std::fs::create_dir_all(&folder)?;
    std::fs::DirBuilder::new().mode(0o700).create(&data)?;
    let trace = Trace::read(TRACE, "the shipped trace")?;
    let switch = Switch::start(&settings, &data, false, || data::open(&settings, &data, WhenNew::Demo))?;
    if !args.json {
        outln!("A switch with 10,000 demo cards listens:");
        for listening in switch.listening() {
            outln!("  {:<16} {}  {}", listening.link, listening.address, listening.dialect);
        }
        outln!("  {:<16} http://{}/  (status page while this runs)\n", "operators", switch.admin_address());
    }
    let plan = Plan {
        rate: Rate::PerSecond(args.rate.into()),
        duration: Some(Duration::from_secs(args.seconds)),
        warmup: Duration::from_secs(1).min(Duration::from_secs(args.seconds) / 4),
        // Nothing is lost here but to a switch that does not answer: on a busy machine an answer takes long.
        timeout: Duration::from_secs(60),
        hlog: Some(folder.join("replay.hlog")),
        ..Plan::default()
    };
    let outcome = play(&trace, &plan, &switch)?;
    let stages = switch.telemetry().latency_table();
    let Drained { receipt, troubles } = switch.drain(settings.server.drain_timeout_ms.into())?;
    if let Some(trouble) = troubles.into_iter().next() {
        return Err(trouble.into());
    }
    let page = folder.join("report.html");
    std::fs::write(&page, report::html(&outcome, &plan))?;
    std::fs::remove_dir_all(&data)?;
    if args.json {
        let mut json = summary::json(&outcome, &plan);
        json["receipt"] = serde_json::to_value(receipt)?;
        json["report"] = page.display().to_string().into();
        outln!("{json:#}");
    } else {
        out!("{}", summary::text(&outcome, &plan));
        outln!(
            "\ninside the switch: share, of the mean of all messages; the rest, of those that pass the stage\n{}",
            stage_lines(&stages)
        );
        outln!("drained: {receipt}");
        outln!("report page: {}", shown(&page));
    }
    Ok(as_expected(&outcome))
}

fn play(trace: &Trace, plan: &Plan, switch: &Switch) -> Result<Outcome, Failure> {
    let framing = Framing::LENGTH2_BE;
    let endpoint = |link: &str, address: SocketAddr, dialect: &str| -> Result<Endpoint, Failure> {
        let dialect = Dialect::builtin(dialect).ok_or("a default dialect is gone")?;
        Ok(Endpoint { link: link.to_owned(), address, dialect, framing })
    };
    let switch_endpoints = switch
        .listening()
        .iter()
        .map(|listening| endpoint(&listening.link, listening.address, &listening.dialect))
        .collect::<Result<Vec<_>, _>>()?;
    let echo = EchoServer::start(SocketAddr::from(([127, 0, 0, 1], 0)), 0, framing)?;
    let mut echo_endpoints = switch_endpoints.clone();
    echo_endpoints.iter_mut().for_each(|endpoint| endpoint.address = echo.address());
    let targets = [
        Target { name: "switch".into(), endpoints: switch_endpoints, echo: false },
        Target { name: "bare echo".into(), endpoints: echo_endpoints, echo: true },
    ];
    let bar = progress_bar();
    let stop = AtomicBool::new(false);
    let outcome = traffic::replay::run(trace, plan, &targets, &stop, &mut |progress| {
        show(&bar, progress);
        // Whoever closed the pipe (`| head`) has seen enough.
        stop.fetch_or(print::is_unread(), Ordering::Relaxed);
    });
    bar.finish_and_clear();
    Ok(outcome?)
}

/// 91 is what a switch answers on a machine too busy for its budget: told in the table, no fault of the demo.
fn as_expected(outcome: &Outcome) -> bool {
    outcome.targets.iter().all(|target| {
        target.lost == 0
            && target.mismatches.iter().all(|mismatch| mismatch.actual == "91" || mismatch.expected == "91")
    })
}

/// For each stage how many messages pass it, their mean and percentiles; and what of the mean message it makes, which
/// adds up to the whole.
fn stage_lines(table: &LatencyTable) -> String {
    let mut text = format!(
        "{:<12}{:>10}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}\n",
        "stage", "share", "messages", "mean", "p50", "p90", "p99", "p99.9", "max"
    );
    for row in &table.rows {
        let of = &row.percentiles;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<12}{:>10}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}",
            row.name.replace('_', " "),
            duration_text(row.share_ns),
            summary::count_text(of.count),
            duration_text(of.mean_ns),
            duration_text(of.p50_ns),
            duration_text(of.p90_ns),
            duration_text(of.p99_ns),
            duration_text(of.p99_9_ns),
            duration_text(of.max_ns),
        );
    }
    text
}

fn shown(path: &Path) -> String {
    let path: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    format!("file://{}", path.display())
}
