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
/// Rounds of every command; `AUTHSWITCH_ROUNDS` for more of them.
const ROUNDS: usize = 12;

/// A load client that plays until it is dropped.
struct Load(Child);

impl Load {
    fn on(switch: &Switch) -> Load {
        let trace = format!("{}/config/demo-trace.jsonl.gz", env!("CARGO_MANIFEST_DIR"));
        let to = |link: &str| format!("{link}={}", switch.addresses[link]);
        let mut command = Command::new(binary());
        command.args(["replay", &trace, "--rate", RATE, "--duration", "3600s"]);
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
    // Small files and few records between snapshots, so that both change while they are read.
    let switch = Switch::start(&data, &["journal.segment_mib=1", "snapshot.every_records=1500"]);
    let load = Load::on(&switch);
    wait_for("the first records", || (records(&switch) > 500).then_some(()));
    std::fs::write(folder.join("rules.toml"), "").unwrap();
    let rounds = std::env::var("AUTHSWITCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    for round in 0..rounds {
        let before = records(&switch);
        let verified: serde_json::Value =
            serde_json::from_str(&printed(folder, &["journal", "verify", "--data", "data", "--json"]))
                .unwrap();
        assert!(verified["torn"].is_null() && verified["first"] == 1, "round {round}: {verified}");
        // What was on the disk before is there; what was answered a moment ago may not be.
        assert!(
            verified["records"].as_u64().unwrap() + 3_000 > before,
            "round {round}: {verified}, {before}"
        );
        let from = (before.saturating_sub(200)).max(1).to_string();
        let dumped = printed(folder, &["journal", "dump", "--data", "data", "--from", &from]);
        let seqs = dumped.lines().map(|line| line.split_whitespace().next().unwrap().parse::<u64>().unwrap());
        assert!(
            seqs.zip(from.parse::<u64>().unwrap()..).all(|(found, expected)| found == expected),
            "{dumped}"
        );
        let record = (before / 2).max(1).to_string();
        let explained = run(folder, &["explain", "--record", &record, "--data", "data"]);
        assert!(!stderr(&explained).contains("damaged"), "round {round}: {}", stderr(&explained));
        let tested = run(folder, &["rules", "backtest", "rules.toml", "--data", "data", "--to", &record]);
        assert!(tested.status.success(), "round {round}: {}{}", stdout(&tested), stderr(&tested));
        let checked = run(folder, &["serve", "--check", "--data", "data"]);
        assert!(checked.status.success(), "round {round}: {}{}", stdout(&checked), stderr(&checked));
        tail_a_while(folder, round);
    }
    drop(load);
    assert!(switch.terminate().0.success());
}

/// Follows until a few hundred records have come, over the end of a segment if there is one.
fn tail_a_while(folder: &Path, round: usize) {
    let mut tail = Command::new(binary())
        .args(["journal", "tail", "--data", "data", "--csv"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let shown = lines.take(300).count();
    // Its pipe is closed by now.
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
