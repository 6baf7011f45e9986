//! The disk fails under the running switch: it is full, a sync fails, a sync stalls.

#![allow(clippy::unwrap_used)]

mod faults;
mod harness;
#[path = "serve_disk/limits.rs"]
mod limits;
#[path = "serve_disk/pulse.rs"]
mod pulse;
use harness::*;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn dump(data: &Path) -> Vec<serde_json::Value> {
    let out =
        Command::new(binary()).args(["journal", "dump", "--json", "--data"]).arg(data).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// Whether the switch tells of a message among those that no record tells of.
fn told(switch: &Switch, kind: &str, stan: &str, code: &str) -> Option<()> {
    let page: serde_json::Value = serde_json::from_str(&switch.get("/refusals.json").1).unwrap();
    let is_told = |refused: &serde_json::Value| {
        refused["kind"] == kind && refused["stan"] == stan && refused["code"] == code
    };
    page["refusals"].as_array().unwrap().iter().any(is_told).then_some(())
}

/// Sends purchases until one is refused because the disk is full; returns its STAN and that of the last one approved.
/// A disk that is slow refuses too, while its next segment is not prepared: that passes.
fn until_refused(switch: &Switch, peer: &mut Peer, from: u32) -> (u32, u32) {
    // The one before was.
    let mut approved = from - 1;
    for stan in from..from + 100_000 {
        match peer.ask("0100", &Purchase::new(&pan("411111", stan % 50), stan, 100).fields()).code() {
            "00" => approved = stan,
            "96" if switch.metric("authswitch_journal_accepting") == Some(0.0) => return (stan, approved),
            "96" => {}
            other => panic!("{other}"),
        }
    }
    panic!("the disk never filled")
}

#[test]
fn a_full_disk_stops_approvals_and_nothing_else_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let (data, full) = (folder.path().join("data"), folder.path().join("full"));
    let faults = format!("call=fallocate path=journal do=ENOSPC while={}", full.display());
    let switch = Switch::start_with(&data, &["journal.segment_mib=1"], |command| {
        faults::inject(command, &faults, &folder.path().join("calls"));
    });
    let mut peer = switch.connect("acquirer-ascii");
    // One is approved before the disk fills, so that a stored answer exists however early the next segment,
    // which is prepared beside the traffic, is found to have no room.
    assert_eq!(peer.ask("0100", &Purchase::new(&pan("411111", 1), 1, 100).fields()).code(), "00");
    std::fs::write(&full, "").unwrap();
    let (refused, approved) = until_refused(&switch, &mut peer, 2);
    // Everything is still answered; what would have to be stored gets 96, and says so to its operators.
    assert_eq!(peer.ask("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]).code(), "00");
    assert_eq!(peer.ask("0120", &Purchase::new(&pan("411111", 1), 900_000, 100).fields()).code(), "96");
    let reversal = Purchase::new(&pan("411111", 1), 900_001, 100)
        .set(90, &Purchase::new(&pan("411111", 1), 1, 100).as_original("0100"));
    assert_eq!(peer.ask("0420", &reversal.fields()).code(), "96");
    wait_for("the refused reversal among those that no record tells of", || {
        told(&switch, "not-stored", "900001", "96")
    });
    let stored = Purchase::new(&pan("411111", approved % 50), approved, 100);
    assert_eq!(
        peer.ask("0101", &stored.fields()).code(),
        "00",
        "the stored answer of a repeat needs no disk"
    );
    let (status, body) = switch.get("/readyz");
    assert!(status == 503 && body.contains("full"), "{status} {body}");
    assert_eq!(switch.get("/healthz").0, 200, "it lives: a restart would not help");
    assert_eq!(switch.metric("authswitch_journal_accepting"), Some(0.0));
    std::fs::remove_file(&full).unwrap();
    wait_for("room", || (switch.metric("authswitch_journal_accepting") == Some(1.0)).then_some(()));
    // The refused ones were not stored: the same again is decided anew.
    let again = Purchase::new(&pan("411111", refused % 50), refused, 100);
    assert_eq!(peer.ask("0101", &again.fields()).code(), "00");
    assert_eq!(peer.ask("0421", &reversal.fields()).code(), "00");
    assert_eq!(switch.get("/readyz").0, 200);
    let (status, _) = switch.terminate();
    assert!(status.success());
    let records = dump(&data);
    assert!(
        records.iter().all(|record| record["stan"] != "900000"),
        "an advice answered with 96 is not stored"
    );
    assert!(records.iter().any(|record| record["stan"] == "900001" && record["event"] == "reversal"));
}

#[test]
fn a_failed_sync_ends_the_process_and_the_restart_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("calls");
    let mut switch = Switch::start_with(&data, &[], |command| {
        faults::inject(command, "call=fdatasync path=journal nth=40 do=EIO", &log);
    });
    let mut peer = switch.connect("acquirer-ascii");
    let mut acknowledged = Vec::new();
    for stan in 1.. {
        let advice = Purchase::new(&pan("411111", stan % 50), stan, 100);
        let frame = peer.frame("0120", &advice.fields());
        if std::io::Write::write_all(&mut peer.stream, &frame).is_err() {
            break;
        }
        match peer.receive() {
            Some(answer) => acknowledged.push((stan, answer.code().to_owned())),
            None => break,
        }
        assert!(stan < 10_000, "the sync never failed");
    }
    let (status, _) = switch.wait();
    assert_eq!(status.code(), Some(1));
    let said = switch.log_text();
    assert!(said.contains(".seg") && said.contains("restart recovers"), "{said}");
    let syncs: Vec<_> = faults::calls(&log).into_iter().filter(|call| call.name == "fdatasync").collect();
    let failed = syncs.iter().position(|call| call.result != 0).unwrap();
    assert_eq!(failed, syncs.len() - 1, "a failed sync must never be tried again: {syncs:?}");
    assert!(acknowledged.len() > 5 && acknowledged.iter().all(|(_, code)| code == "00"), "{acknowledged:?}");
    let records = dump(&data);
    for (stan, _) in &acknowledged {
        let stan = format!("{stan:06}");
        assert!(
            records.iter().any(|record| record["stan"] == stan.as_str()),
            "advice {stan} was acknowledged"
        );
    }
    let switch = Switch::start(&data, &[]);
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(peer.ask("0121", &Purchase::new(&pan("411111", 1), 1, 100).fields()).code(), "00");
}

#[test]
fn a_half_closed_peer_waits_for_the_disk_and_one_that_resets_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let stalled = folder.path().join("stalled");
    let faults = format!("call=fdatasync path=journal do=hold while={}", stalled.display());
    let switch = Switch::start_with(&data, &[], |command| {
        faults::inject(command, &faults, &folder.path().join("calls"));
    });
    let counted =
        |name: &str| switch.metric(&format!("authswitch_{name}_total{{link=\"acquirer-ascii\"}}")).unwrap();
    std::fs::write(&stalled, "").unwrap();
    // Held until the process ends.
    let [mut waits, resets] = [1, 2].map(|stan| {
        let mut peer = switch.connect("acquirer-ascii");
        peer.send("0220", &Purchase::new(&pan("411111", stan), stan, 100).fields());
        peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
        wait_for("the advice to be read", || (counted("received_frames") == f64::from(stan)).then_some(()));
        peer
    });
    rustix::net::sockopt::set_socket_linger(&resets.stream, Some(Duration::ZERO)).unwrap();
    drop(resets);
    wait_for("its connection to be gone", || (counted("connections_closed") == 1.0).then_some(()));
    // The other is owed an answer still, and nothing has been said to it.
    waits.stream.set_nonblocking(true).unwrap();
    let nothing = std::io::Read::read(&mut waits.stream, &mut [0; 16]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(counted("connections_closed"), 1.0);
    switch.kill();
}

#[test]
fn a_stalled_disk_crosses_the_exposure_and_turns_late_approvals_into_91() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let stalled = folder.path().join("stalled");
    let faults = format!("call=fdatasync path=journal do=hold while={}", stalled.display());
    let budget = Duration::from_secs(3);
    let set = [
        "journal.exposure_max_records=1",
        &format!("links.acquirer-ascii.budget_ms={}", budget.as_millis()),
        "links.acquirer-ascii.marks.partial=always",
    ];
    let switch = Switch::start_with(&data, &set, |command| {
        faults::inject(command, &faults, &folder.path().join("calls"));
    });
    let exposed = |records: f64| {
        let what = format!("{records} records to be exposed");
        wait_for(&what, || (switch.metric("authswitch_exposure_records") == Some(records)).then_some(()));
    };
    // What is not to be late comes over a link without a budget to speak of.
    let (mut peer, mut unhurried) = (switch.connect("acquirer-ascii"), switch.connect("acquirer-bcd"));
    let card = pan("411111", 9);
    assert_eq!(unhurried.ask("0100", &Purchase::new(&card, 1, 100).fields()).code(), "00");
    exposed(0.0);
    std::fs::write(&stalled, "").unwrap();
    // Still within the bound: answered at once, its record behind it.
    assert_eq!(unhurried.ask("0100", &Purchase::new(&card, 2, 100).fields()).code(), "00");
    exposed(1.0);
    // Beyond it: the approval waits for the disk, is late then, and is undone.
    let late = Purchase::new(&card, 3, 5_000);
    peer.send("0100", &late.fields());
    // So is that of a part, and the decline says again what was asked.
    let late_part = Purchase::new(&pan("411112", 20), 5, 5_000);
    peer.send("0100", &late_part.fields());
    exposed(3.0);
    // One of which the network says meanwhile that it stood in: that stands, and so does the approval.
    let advised = Purchase::new(&pan("411111", 10), 6, 5_000);
    peer.send("0100", &advised.fields());
    exposed(4.0);
    unhurried.send("0120", &advised.set(39, "00").fields());
    exposed(5.0);
    assert_eq!(switch.get("/readyz").0, 503);
    // All have come: from here on their budget runs out, because the disk is held for so long.
    switch.let_pass(budget);
    let age_s = switch.metric("authswitch_exposure_seconds").unwrap();
    assert!(age_s >= budget.as_secs_f64(), "{age_s}");
    // At its time each is answered, and what moves no money at once: the disk is held still.
    assert_eq!(peer.receive().unwrap().code(), "91");
    let declined = peer.receive().unwrap();
    assert_eq!((declined.code(), declined.fields[&4].as_str()), ("91", "000000005000"));
    assert_eq!(peer.receive().unwrap().code(), "91");
    let unknown = Purchase::new(&pan("411113", 1), 7, 100);
    assert_eq!(peer.ask("0100", &unknown.fields()).code(), "14");
    let inquiry = Purchase::new(&card, 8, 0).set(3, "310000");
    assert_eq!(peer.ask("0100", &inquiry.fields()).code(), "00");
    assert!(switch.metric("authswitch_exposure_records").unwrap() >= 5.0);
    std::fs::remove_file(&stalled).unwrap();
    assert_eq!(unhurried.receive().unwrap().code(), "00");
    wait_for("the approval that stands among those that no record tells of", || {
        told(&switch, "not-undone", "000006", "91")
    });
    assert_eq!(peer.ask("0101", &late_part.fields()).raw, declined.raw);
    assert_eq!(peer.ask("0101", &late.fields()).code(), "91", "a repeat gets the same");
    let inquiry = Purchase::new(&card, 4, 0).set(3, "310000");
    let answer = unhurried.ask("0100", &inquiry.fields());
    assert_eq!(answer.code(), "00");
    assert_eq!(answer.fields[&54][28..40].parse::<i64>().unwrap(), 100_000_000_000 - 200);
    assert_eq!(switch.metric("authswitch_undone_approvals_total{link=\"acquirer-ascii\"}"), Some(3.0));
    let (status, _) = switch.terminate();
    assert!(status.success());
    assert_eq!(dump(&data).iter().filter(|record| record["event"] == "undone").count(), 2);
}

#[test]
fn a_snapshot_without_room_leaves_nothing_behind_and_is_tried_again_and_the_receipt_always_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (data, full) = (folder.path().join("data"), folder.path().join("full"));
    let unfinished = data.join("snapshot/unfinished.tmp");
    let start = |faults: &str| {
        let set = ["journal.segment_mib=1", "snapshot.every_records=5"];
        Switch::start_with(&data, &set, |command| {
            faults::inject(command, faults, &folder.path().join("calls"));
        })
    };
    let fault = format!("call=write path=unfinished.tmp do=ENOSPC while={}", full.display());
    let switch = start(&fault);
    let mut peer = switch.connect("acquirer-ascii");
    let mut stan = 0;
    let mut approve = |peer: &mut Peer, count: u32| {
        for _ in 0..count {
            stan += 1;
            assert_eq!(peer.ask("0100", &Purchase::new(&pan("411111", 1), stan, 100).fields()).code(), "00");
        }
    };
    std::fs::write(&full, "").unwrap();
    approve(&mut peer, 10);
    let failed = "authswitch_snapshots_total{result=\"failed\"}";
    let written = "authswitch_snapshots_total{result=\"written\"}";
    wait_for("a snapshot that fails", || switch.metric(failed).filter(|failed| *failed >= 1.0));
    assert!(!unfinished.exists(), "what was written of it takes the journal's room");
    // Approvals go on, ready, with the reason said.
    approve(&mut peer, 10);
    let (status, body) = switch.get("/readyz");
    assert!(status == 200 && body.contains("snapshot was not written"), "{status} {body}");
    assert!(switch.log_text().contains("snapshot not written"), "{}", switch.log_text());
    std::fs::remove_file(&full).unwrap();
    wait_for("it to be tried again", || switch.metric(written).filter(|written| *written >= 1.0));
    assert!(!switch.get("/readyz").1.contains("snapshot"));
    // A stop with the disk full: all is in the journal, which is said beside the receipt.
    std::fs::write(&full, "").unwrap();
    let log = switch.log.clone();
    let (status, said) = switch.terminate();
    assert!(said.contains("drained received=20 answered=20"), "{said}");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        status.code() == Some(1) && log.contains("no snapshot, the journal alone recovers all"),
        "{status} {log}"
    );
    assert!(!unfinished.exists());
    // What a killed process left of one is gone with the next start, wherever it was being written.
    let leftovers = [
        "snapshot/unfinished.tmp",
        "snapshot/origins/7.tmp",
        "versions/unfinished.tmp",
        "journal/next.tmp",
        "high-water.tmp",
    ];
    for leftover in leftovers {
        std::fs::write(data.join(leftover), vec![7; 100_000]).unwrap();
    }
    let switch = start(&fault);
    approve(&mut switch.connect("acquirer-ascii"), 10);
    for leftover in leftovers {
        assert!(!data.join(leftover).exists(), "{leftover} is still there");
    }
    std::fs::remove_file(&full).unwrap();
    let (status, said) = switch.terminate();
    assert!(status.success() && said.contains("drained received=10 answered=10"), "{status} {said}");
}
