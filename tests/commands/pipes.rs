//! Every command's output into a pipe that nobody reads: it ends quietly, with the exit code that it has otherwise.

use super::{journal_of, printed, run, stdout};
use crate::harness::{binary, wait_for};
use authswitch::traffic::echo::EchoServer;
use authswitch::wire::frame::Framing;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// The commands below `path`, by the program's own list.
fn commands(path: &[&str]) -> Vec<String> {
    let help = stdout(&run(Path::new("."), &[path, &["--help"]].concat()));
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return vec![] };
    // A name stands two places in, its description further in.
    let names = list.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Every command that does something, e.g. `journal dump`.
fn leaves() -> BTreeSet<String> {
    let mut leaves = BTreeSet::new();
    let mut open: Vec<Vec<String>> = commands(&[]).into_iter().map(|name| vec![name]).collect();
    while let Some(path) = open.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let below = commands(&words);
        if below.is_empty() {
            leaves.insert(path.join(" "));
        }
        open.extend(below.into_iter().map(|name| [path.clone(), vec![name]].concat()));
    }
    leaves
}

/// A way to call each command that prints something and ends; `DATA`, `REPO` and `ECHO` are filled in.
const CALLS: &[&str] = &[
    "cards import --example",
    "cards import cards.csv --data CARDS",
    "cards import wrong.csv --data CARDS --json",
    "cards remove --program demo --data CARDS",
    "decode REPO/tests/data/none",
    "decode 0800822000000000000004000000000000001122093315000001301",
    "decode --all-dialects 0800822000000000000004000000000000001122093315000001301",
    "demo --seconds 1 --rate 200",
    "explain --record 1 --data DATA",
    "explain --record 1 --data DATA --json",
    "journal dump --data DATA",
    "journal dump --data DATA --csv",
    "journal stand-in --data DATA --csv",
    "journal tail --data DATA --from 1",
    "journal verify --data DATA",
    "journal verify --data DATA --json",
    "replay small.jsonl --to ECHO --rate 2000 --json",
    "rules attributes",
    "rules attributes --json",
    "rules backtest REPO/config/rules.toml --data DATA",
    "rules check REPO/config/rules.toml --budget-ns 10000000",
    "rules check wrong.csv",
    "rules lint REPO/config/rules.toml",
    "rules show REPO/config/rules.toml",
    "serve --check --data DATA",
    "serve --check --data NOWHERE",
    "serve --print-config",
    "serve --print-config --set log.level=warn",
    "serve --set no.such=key",
    "specs check REPO/specs/iso87-ascii.toml",
    "specs export REPO/specs/iso87-ascii.toml",
    "specs import moov.json",
    "specs list",
    "specs show iso87-ascii",
    "specs show iso87-ascii --source",
    "trace export small.jsonl --dialect iso87-ascii",
    "trace generate --count 2000 --out -",
    "trace generate --count 20 --out made.jsonl",
    "trace import trace.hex --out imported.jsonl",
    "trace show small.jsonl",
];

/// Commands that run until a signal: a closed pipe does not end them.
const SERVERS: &[&str] = &["serve", "echo"];

/// Where standard output and standard error go: to nobody's pipe, or nowhere.
#[derive(Clone, Copy, Debug)]
enum Streams {
    Open,
    OutClosed,
    BothClosed,
}

fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn status(folder: &Path, args: &[String], streams: Streams) -> ExitStatus {
    let mut command = Command::new(binary());
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match streams {
        Streams::Open => &mut command,
        Streams::OutClosed => command.stdout(closed()),
        Streams::BothClosed => command.stdout(closed()).stderr(closed()),
    };
    command.status().unwrap()
}

#[test]
fn every_command_ends_quietly_where_the_pipe_is_closed() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    journal_of(&folder.join("data"), &[("acquirer-ascii", 1, 1, 1_000)], &[]);
    std::fs::write(folder.join("cards.csv"), stdout(&run(folder, &["cards", "import", "--example"])))
        .unwrap();
    std::fs::write(folder.join("wrong.csv"), "pan,nonsense\n1,2\n").unwrap();
    let spec =
        run(folder, &["specs", "export", &format!("{}/specs/iso87-ascii.toml", env!("CARGO_MANIFEST_DIR"))]);
    std::fs::write(folder.join("moov.json"), spec.stdout).unwrap();
    // Long enough that it does not fit into a pipe.
    printed(folder, &["trace", "generate", "--count", "200", "--out", "small.jsonl"]);
    std::fs::write(folder.join("trace.hex"), "0800822000000000000004000000000000001122093315000001301\n")
        .unwrap();
    let echo = EchoServer::start(SocketAddr::from(([127, 0, 0, 1], 0)), 1, Framing::LENGTH2_BE).unwrap();
    let filled = |call: &str| -> Vec<String> {
        let fill = |word: &str| match word {
            "DATA" => folder.join("data").display().to_string(),
            "ECHO" => echo.address().to_string(),
            word => word.replace("REPO", env!("CARGO_MANIFEST_DIR")),
        };
        call.split(' ').map(fill).collect()
    };
    let named = |leaf: &&String| CALLS.iter().chain(SERVERS).any(|call| call.starts_with(leaf.as_str()));
    let leaves = leaves();
    assert!(leaves.len() > 20, "{leaves:?}");
    let missing: Vec<_> = leaves.iter().filter(|leaf| !named(leaf)).collect();
    assert!(missing.is_empty(), "commands that no call tries: {missing:?}");
    for call in CALLS {
        let args = filled(call);
        // Whether these find all as it should be is for the machine to say, and they take their time: once is enough.
        if call.starts_with("demo") || call.starts_with("replay") {
            let found = status(folder, &args, Streams::BothClosed);
            assert!(matches!(found.code(), Some(0 | 1)), "{call}: {found}");
            continue;
        }
        // Only a closed pipe ends an endless command.
        let endless = call.starts_with("journal tail");
        let usual = if endless { Some(0) } else { status(folder, &args, Streams::Open).code() };
        assert!(usual.is_some_and(|code| code <= 2), "{call}: {usual:?}");
        for streams in [Streams::OutClosed, Streams::BothClosed] {
            let found = status(folder, &args, streams);
            assert_eq!(found.code(), usual, "{call}: {streams:?}: {found}");
        }
    }
    for leaf in leaves {
        let args: Vec<String> = leaf.split(' ').chain(["--help"]).map(str::to_owned).collect();
        assert_eq!(status(folder, &args, Streams::BothClosed).code(), Some(0), "{leaf} --help");
    }
}

/// Whether the process has a handler for SIGTERM by now.
fn handles_termination(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> 14 & 1 == 1)
}

#[test]
fn a_server_runs_on_where_nobody_reads_what_it_says() {
    let place = tempfile::tempdir().unwrap();
    let mut serve = vec!["serve", "--demo", "--data", "data"];
    let ports = ["links.acquirer-ascii.listen", "links.acquirer-bcd.listen", "admin.listen"];
    let ports = ports.map(|key| format!("{key}=127.0.0.1:0"));
    ports.iter().for_each(|set| serve.extend(["--set", set]));
    for args in [vec!["echo", "--listen", "127.0.0.1:0"], serve] {
        let mut child = Command::new(binary())
            .args(&args)
            .current_dir(&place)
            .stdin(Stdio::null())
            .stdout(closed())
            .stderr(closed())
            .spawn()
            .unwrap();
        wait_for("a handler for the signal", || {
            assert!(child.try_wait().unwrap().is_none(), "{args:?} ended");
            handles_termination(child.id()).then_some(())
        });
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

#[test]
fn what_cannot_be_written_is_no_success() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [&["specs", "list"][..], &["rules", "attributes"], &["specs", "show", "iso87-ascii"]] {
        let output = Command::new(binary()).args(args).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("standard output: "), "{args:?}");
    }
}
