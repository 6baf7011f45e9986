//! The first thing a newcomer runs.

#![allow(clippy::unwrap_used)]

mod harness;
use harness::binary;
use std::path::Path;
use std::process::Command;

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
