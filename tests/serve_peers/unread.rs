//! Standard output and stderr that nobody reads hold up neither the start nor the service nor the stop.

use super::harness::*;
use std::io::{ErrorKind, PipeReader, PipeWriter, Write};
use std::process::{Command, Stdio};

/// A pipe that takes nothing more.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    fill(&mut writer);
    (reader, writer)
}

fn fill(writer: &mut PipeWriter) {
    rustix::io::ioctl_fionbio(&*writer, true).unwrap();
    let full = loop {
        if let Err(error) = writer.write(b"something of somebody else\n") {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    rustix::io::ioctl_fionbio(&*writer, false).unwrap();
}

#[test]
fn a_log_that_nobody_reads_holds_up_nobody_and_counts_what_it_drops() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (reader, writer) = full_pipe();
    let command = Switch::command(&data, &["log.level=trace", "log.lines_per_second=100000"]);
    let log = data.with_extension("log");
    let switch = Switch::spawn_with(command, &log, writer.into()).unwrap();
    let dropped = || switch.metric("authswitch_log_lines_dropped_total").unwrap();
    assert_eq!(dropped(), 0.0);
    wait_for("lines that find no room", || {
        for _ in 0..200 {
            // Opened, refused, closed: a line each.
            let mut stranger = switch.connect("acquirer-ascii");
            stranger.send_raw(b"\0\x04????");
            stranger.ask("0800", &[(7, "1122093315"), (11, "999999"), (70, "301")]);
        }
        (dropped() > 100.0).then_some(())
    });
    let mut peer = switch.connect("acquirer-bcd");
    for stan in 1..20 {
        let purchase = Purchase::new(&pan("411111", 21), stan, 100);
        assert_eq!(peer.ask("0100", &purchase.fields()).code(), "00");
    }
    assert_eq!(switch.get("/readyz").0, 200);
    let (status, rest) = switch.terminate();
    assert!(status.success() && rest.contains("answered"), "{status} {rest}");
    drop(reader);
}

#[test]
fn what_the_log_dropped_is_told_where_it_is_missing_once_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (mut reader, writer) = full_pipe();
    let command = Switch::command(&data, &["log.lines_per_second=100000"]);
    let switch = Switch::spawn_with(command, &data.with_extension("log"), writer.into()).unwrap();
    wait_for("lines that find no room", || {
        (0..200).for_each(|_| drop(switch.connect("acquirer-ascii")));
        (switch.metric("authswitch_log_lines_dropped_total") > Some(0.0)).then_some(())
    });
    let read = std::thread::spawn(move || std::io::read_to_string(&mut reader).unwrap());
    // Behind what was dropped, and the last thing before the end.
    let (status, _) = switch.terminate();
    assert!(status.success(), "{status}");
    let read = read.join().unwrap();
    let told: Vec<serde_json::Value> =
        read.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let at = |words: &str| told.iter().position(|line| line["message"].as_str().unwrap().starts_with(words));
    let gap = at("lines of the log dropped").unwrap();
    assert!(told[gap]["lines"].as_u64().unwrap() > 0 && told[gap]["level"] == "WARN", "{}", told[gap]);
    assert!(gap > at("ready").unwrap() && gap < at("drained").unwrap());
}

#[test]
fn a_standard_output_that_nobody_reads_holds_up_neither_the_start_nor_the_stop() {
    for is_full_at_the_start in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let log = data.with_extension("log");
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut command = Switch::command(&data, &[]);
        if is_full_at_the_start {
            fill(&mut writer);
        }
        command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap());
        let mut child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
        wait_for("the switch", || std::fs::read_to_string(&log).unwrap().contains("ready").then_some(()));
        if !is_full_at_the_start {
            fill(&mut writer);
        }
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        let log = std::fs::read_to_string(&log).unwrap();
        assert!(status.success() && log.contains("\"drained\""), "{status} {log}");
        drop(reader);
    }
}

#[test]
fn a_standard_output_that_refuses_what_is_printed_changes_no_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = data.with_extension("log");
    let mut command = Switch::command(&data, &[]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    command.stdin(Stdio::null()).stdout(full).stderr(std::fs::File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let said = || std::fs::read_to_string(&log).unwrap();
    wait_for("the switch", || said().contains("ready").then_some(()));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() && said().contains("standard output: "), "{status} {}", said());
}

#[test]
fn a_start_that_fails_ends_though_nobody_reads_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.toml");
    std::fs::write(&wrong, "[links.a]\nlisten = 1\n").unwrap();
    let wrong = wrong.to_str().unwrap();
    let data = folder.path().join("data");
    let none = data.to_str().unwrap();
    for arguments in [
        &["serve", "--data", none, "--set", "nope=1"][..],
        &["serve", "--data", none, "--config", wrong],
        &["serve", "--data", none, "--config", wrong, "--check"],
        &["serve", "--print-config", "--config", wrong],
        &["serve", "--dta", none],
        &["serve", "--data", none, "--set", "rules.file=none.toml"],
        &["serve", "--data", none, "--set", "log.level=warn", "--set", "links.acquirer-ascii.dialect=iso99"],
        &["sevre"],
    ] {
        let (reader, writer) = full_pipe();
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(folder.path()).env_remove("AUTHSWITCH_LOG").stdin(Stdio::null());
        let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
        let status = wait_for("its end", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(2), "{arguments:?}");
        drop(reader);
    }
    assert!(!data.exists());
}
