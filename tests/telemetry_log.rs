//! The process's log: one JSON object a line on stderr, at the level asked for.
#![allow(clippy::unwrap_used)]

use authswitch::telemetry::log::{self, LEVEL_VARIABLE, LogError, Options};
use std::process::Command;

const FORMAT: &str = "TELEMETRY_LOG_TEST_FORMAT";
/// The level that it is changed to while it runs.
const LATER: &str = "TELEMETRY_LOG_TEST_LATER";
/// A thread of it panics.
const PANICS: &str = "TELEMETRY_LOG_TEST_PANICS";

/// Runs in a process of its own, because a process has one log.
#[test]
#[ignore = "run by the other tests in a process of its own"]
fn log_two_lines() {
    let format = std::env::var(FORMAT).unwrap().parse().unwrap();
    let options = Options { level: "info".to_owned(), format };
    log::init(&options).unwrap();
    assert!(matches!(log::init(&options), Err(LogError::Twice)));
    tracing::info!(link = "acquirer-ascii", connections = 3, "listening\nhere");
    tracing::debug!("details");
    if let Ok(level) = std::env::var(LATER) {
        log::set_level(&level).unwrap();
        println!("changed {}", !log::is_fixed());
        tracing::info!("after the change");
        tracing::debug!("details after the change");
        assert!(log::set_level("a=b=c").is_err() || std::env::var(LEVEL_VARIABLE).is_ok());
    }
    if std::env::var_os(PANICS).is_some() {
        let thread = std::thread::Builder::new().name("worker-7".into());
        thread.spawn(|| panic!("a mistake")).unwrap().join().unwrap_err();
    }
    log::flush();
}

/// The lines of the child's stderr that the log wrote.
fn lines(format: &str, level: Option<&str>) -> Vec<String> {
    lines_changed(format, level, None)
}

/// As [`lines`]; the level is changed to `later` behind the first lines.
fn lines_changed(format: &str, level: Option<&str>, later: Option<&str>) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "log_two_lines", "--ignored", "--nocapture"]).env(FORMAT, format);
    child.env_remove(LEVEL_VARIABLE);
    if let Some(level) = level {
        child.env(LEVEL_VARIABLE, level);
    }
    if let Some(later) = later {
        child.env(LATER, later);
    }
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_json_line_carries_its_fields() {
    let lines = lines("json", None);
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "listening\nhere");
    assert_eq!((line["link"].as_str(), line["connections"].as_u64()), (Some("acquirer-ascii"), Some(3)));
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn the_environment_raises_the_level() {
    assert_eq!(lines("json", Some("debug")).len(), 2);
    assert_eq!(lines("json", Some("error")).len(), 0);
}

#[test]
fn text_is_for_people() {
    let lines = lines("text", None);
    assert!(
        lines[0].contains(" INFO ") && lines[1].ends_with("here link=\"acquirer-ascii\" connections=3"),
        "{lines:?}"
    );
}

#[test]
fn the_level_changes_while_it_runs_unless_the_environment_names_one() {
    for format in ["json", "text"] {
        for (level, later, expected) in [
            (None, "debug", &["listening", "after", "details after"][..]),
            (None, "warn", &["listening"]),
            (Some("info"), "debug", &["listening", "after"]),
        ] {
            let mut lines = lines_changed(format, level, Some(later));
            // The text form breaks the line where the message does.
            lines.retain(|line| line.contains("telemetry_log"));
            let as_expected = lines.len() == expected.len()
                && lines.iter().zip(expected).all(|(line, words)| line.contains(words));
            assert!(as_expected, "{format} {level:?} {later}: {lines:?}");
        }
    }
}

#[test]
fn a_panic_is_told_behind_the_lines_before_it() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "log_two_lines", "--ignored", "--nocapture"]);
    let child = child.env(FORMAT, "json").env(PANICS, "").env_remove(LEVEL_VARIABLE);
    let output = child.env_remove("RUST_BACKTRACE").output().unwrap();
    let lines = String::from_utf8(output.stderr).unwrap();
    let (before, panic) = lines.split_once("thread 'worker-7' panicked at ").unwrap();
    assert!(before.contains("acquirer-ascii") && panic.contains("a mistake"), "{lines}");
}
