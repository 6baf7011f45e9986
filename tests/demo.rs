//! The first thing a newcomer runs.

#![allow(clippy::unwrap_used)]

mod harness;
use harness::{binary, wait_for};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_demo_shows_what_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("demo");
        // Its temporary files go here; its working directory has no settings file.
        // No budget to be late for, however busy the machine is.
        for link in ["acquirer-ascii", "acquirer-bcd"] {
            command.arg("--set").arg(format!("links.{link}.budget_ms=60000"));
        }
        command.args(arguments).env("TMPDIR", folder.path()).current_dir(folder.path());
        let out = command.output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
        text
    };
    let text = demo(&["--seconds", "3", "--rate", "500"]);
    // The counts of a stage are of those that pass it, and so are its mean and percentiles; the shares are of all.
    assert!(text.contains("stage            share   messages       mean"), "{text}");
    for word in [
        "bare echo",
        "p99.9",
        "response code",
        "arrival",
        "parse",
        "decide",
        "append",
        "build",
        "durable wait",
        "write",
        "end to end",
    ] {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
    assert!(text.contains("0 of 1,500 answers with an expectation differ"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&demo(&["--seconds", "2", "--rate", "500", "--json"])).unwrap();
    let receipt = &json["receipt"];
    assert_eq!((&receipt["received"], &receipt["answered"]), (&1_000.into(), &1_000.into()));
    assert_eq!(json["holds"], true, "{json}");
    let report = Path::new(json["report"].as_str().unwrap());
    let page = std::fs::read_to_string(report).unwrap();
    assert!(
        page.contains("<svg") && !page.contains("http://") && !page.contains("src=\"http"),
        "{}",
        report.display()
    );
    let judged = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hlog");
    std::fs::create_dir_all(&judged).unwrap();
    std::fs::copy(report.with_file_name("replay.hlog"), judged.join("replay.hlog")).unwrap();
    assert!(!report.with_file_name("data").exists(), "the demo leaves its data behind");
}

/// What would run for two days ends when its first line has been read.
#[test]
fn the_demo_ends_where_nobody_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Command::new(binary())
        .args(["demo", "--seconds", "86400", "--rate", "200"])
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(demo.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("switch"), "{line}");
    let ended = wait_for("the end of the demo", || demo.try_wait().unwrap());
    // On a machine too busy for the budgets some answers are not as the trace has them.
    assert!(matches!(ended.code(), Some(0 | 1)), "{ended}");
    let left = std::fs::read_dir(folder.path()).unwrap().flatten().flat_map(|place| place.path().read_dir());
    assert!(
        left.flatten().flatten().all(|place| place.file_name() != "data"),
        "the demo leaves its data behind"
    );
}
