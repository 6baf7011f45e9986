//! What reads a data folder while a switch writes it under load: never a word of damage on a sound journal, and damage
//! is found all the same.

use super::{printed, run, stderr, stdout};
use crate::harness::{Purchase, Switch, binary, pan, wait_for};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Messages a second.
const RATE: &str = "3000";
/// How long each round's load plays: a bound on what the readers have to read, however slow the machine is.
const LOAD: &str = "2s";
/// Rounds of every command; `AUTHSWITCH_ROUNDS` for more of them.
const ROUNDS: usize = 8;

/// A load client that plays for a while, ended when it is dropped.
struct Load(Child);

impl Load {
    fn on(switch: &Switch, trace: &Path) -> Load {
        let to = |link: &str| format!("{link}={}", switch.addresses[link]);
        let mut command = Command::new(binary());
        command.arg("replay").arg(trace).args(["--rate", RATE, "--duration", LOAD]);
        command.args(["--to", &to("acquirer-ascii"), "--to", &to("acquirer-bcd")]);
        Load(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn records(switch: &Switch) -> u64 {
    switch.metric("authswitch_journal_records").unwrap() as u64
}

#[test]
fn a_sound_journal_is_called_sound_while_it_is_written() {
    let place = tempfile::tempdir().unwrap();
    let (folder, data) = (place.path(), place.path().join("data"));
    // Short, so that it is read at once.
    printed(folder, &["trace", "generate", "--count", "500", "--out", "trace.jsonl"]);
    std::fs::write(folder.join("rules.toml"), "").unwrap();
    // Small files and few records between snapshots, so that both change while they are read.
    let switch = Switch::start(&data, &["journal.segment_mib=1", "snapshot.every_records=1500"]);
    let rounds = std::env::var("AUTHSWITCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    for round in 0..rounds {
        let before = wait_for("all records to be on the disk", || {
            (switch.metric("authswitch_exposure_records") == Some(0.0)).then(|| records(&switch))
        });
        let load = Load::on(&switch, &folder.join("trace.jsonl"));
        wait_for("the round's first records", || (records(&switch) > before + 50).then_some(()));
        read_all(folder, before, round);
        drop(load);
    }
    assert!(switch.terminate().0.success());
}

/// Every command that reads a journal, once. So many records were there before the load began.
fn read_all(folder: &Path, before: u64, round: usize) {
    let verified = printed(folder, &["journal", "verify", "--data", "data", "--json"]);
    let verified: serde_json::Value = serde_json::from_str(&verified).unwrap();
    let sound =
        verified["torn"].is_null() && verified["first"] == 1 && verified["records"] == verified["last"];
    assert!(sound && verified["last"].as_u64() >= Some(before), "round {round}: {verified}, before {before}");
    let from = before.max(1);
    let dumped = printed(folder, &["journal", "dump", "--data", "data", "--from", &from.to_string()]);
    let seqs = dumped.lines().map(|line| line.split_whitespace().next().unwrap().parse::<u64>().unwrap());
    assert!(seqs.zip(from..).all(|(found, expected)| found == expected), "round {round}: {dumped}");
    let record = (before + 20).to_string();
    let explained = run(folder, &["explain", "--record", &record, "--data", "data"]);
    assert!(!stderr(&explained).contains("damaged"), "round {round}: {}", stderr(&explained));
    for args in [
        &["rules", "backtest", "rules.toml", "--data", "data", "--to", &record][..],
        &["rules", "backtest", "rules.toml", "--data", "data"],
        &["serve", "--check", "--data", "data"],
    ] {
        let read = run(folder, args);
        assert!(read.status.success(), "round {round}: {args:?}: {}{}", stdout(&read), stderr(&read));
    }
    follow(folder, before, round);
}

/// Follows from before the load until a few hundred of its records have come: its pipe is closed then.
fn follow(folder: &Path, before: u64, round: usize) {
    let mut tail = Command::new(binary())
        .args(["journal", "tail", "--data", "data", "--from", &(before + 1).to_string()])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let shown = BufReader::new(tail.stdout.take().unwrap()).lines().take(300).count();
    let ended = tail.wait_with_output().unwrap();
    assert!(shown == 300 && ended.status.success(), "round {round}: {shown}: {}", stderr(&ended));
}

#[test]
fn damage_is_found_while_a_switch_runs() {
    let place = tempfile::tempdir().unwrap();
    let (folder, data) = (place.path(), place.path().join("data"));
    let switch = Switch::start(&data, &[]);
    let mut peer = switch.connect("acquirer-ascii");
    // One at a time, and an advice each, whose answer waits for the disk: each is a write of its own.
    for stan in 1..=20 {
        peer.ask("0120", &Purchase::new(&pan("411111", 7), stan, 100).set(39, "00").fields());
    }
    printed(folder, &["journal", "verify", "--data", "data"]);
    let segment = data.join("journal").join(format!("{:020}.seg", 1));
    let file = OpenOptions::new().read(true).write(true).open(segment).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 4_096 + 100).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 4_096 + 100).unwrap();
    for args in [
        &["journal", "verify", "--data", "data"][..],
        &["journal", "dump", "--data", "data"],
        &["explain", "--record", "15", "--data", "data"],
        &["serve", "--check", "--data", "data"],
    ] {
        let output = run(folder, args);
        assert!(!output.status.success(), "{args:?}: {}", stdout(&output));
        assert!((stderr(&output)).contains("is damaged at byte 4096"), "{args:?}: {}", stderr(&output));
    }
    file.write_all_at(&byte, 4_096 + 100).unwrap();
    printed(folder, &["journal", "verify", "--data", "data"]);
    drop(peer);
    assert!(switch.terminate().0.success());
}
