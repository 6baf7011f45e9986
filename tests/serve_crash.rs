//! The plug is pulled again and again: the real binary under load, killed with SIGKILL and started on what is left.

#![allow(clippy::unwrap_used)]

mod harness;
use harness::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Rounds of load and kill; more with the environment variable, for long runs.
fn rounds() -> u32 {
    std::env::var("AUTHSWITCH_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

/// What the peers were told, over all rounds.
#[derive(Default)]
struct Told {
    /// STAN of each acknowledged advice and reversal -> message type sent.
    acknowledged: BTreeMap<u32, &'static str>,
    /// Approved debits of the card with 10.00, on the link that answers only what is durable.
    approved_minor: i64,
    /// A durable approval and its answer's bytes, by STAN.
    durable: BTreeMap<u32, Vec<u8>>,
}

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

/// Sends until the connection dies; notes only what was answered.
fn load(switch: &Switch, stans: &AtomicU32, told: &Mutex<Told>, killed: &AtomicBool) {
    let (mut plain, mut sure) = (switch.connect("acquirer-ascii"), switch.connect("acquirer-bcd"));
    let rich = pan("411111", 42);
    let poor = pan("411112", 20);
    while !killed.load(Ordering::Relaxed) {
        let stan = stans.fetch_add(3, Ordering::Relaxed);
        let sale = Purchase::new(&rich, stan, 100);
        let reversal = Purchase::new(&rich, stan + 1, 100).set(90, &sale.as_original("0100"));
        let advice = Purchase::new(&rich, stan + 2, 7);
        let debit = Purchase::new(&poor, stan, 10);
        let send = |peer: &mut Peer, mti, message: &Purchase| {
            let frame = peer.frame(mti, &message.fields());
            std::io::Write::write_all(&mut peer.stream, &frame).ok()?;
            peer.receive()
        };
        if send(&mut plain, "0100", &sale).is_none() {
            return;
        }
        for (mti, message, stan) in [("0420", &reversal, stan + 1), ("0120", &advice, stan + 2)] {
            let Some(answer) = send(&mut plain, mti, message) else { return };
            // 96: the disk was slower than the load, and nothing was stored.
            assert!(["00", "96"].contains(&answer.code()), "{answer:?}");
            if answer.code() == "00" {
                told.lock().unwrap().acknowledged.insert(stan, mti);
            }
        }
        let Some(answer) = send(&mut sure, "0200", &debit) else { return };
        assert!(["00", "51", "96"].contains(&answer.code()), "{answer:?}");
        let mut told = told.lock().unwrap();
        if answer.code() == "00" {
            told.approved_minor += 10;
            told.durable.insert(stan, answer.raw);
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_spent_twice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let set =
        ["links.acquirer-bcd.reply_after=durable", "journal.segment_mib=1", "snapshot.every_records=500"];
    let (stans, told) = (AtomicU32::new(1), Mutex::new(Told::default()));
    for round in 0..rounds() {
        let switch = Switch::start(&data, &set);
        let killed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (stans, told, killed) = (&stans, &told, &killed);
            let loads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn({
                        let switch = &switch;
                        move || load(switch, stans, told, killed)
                    })
                })
                .collect();
            // Not the same moment each time: early, in the middle of a segment, around a snapshot.
            let goal = told.lock().unwrap().acknowledged.len() + 8 + (round as usize * 137) % 200;
            wait_for("the load", || (told.lock().unwrap().acknowledged.len() >= goal).then_some(()));
            switch.signal("KILL");
            killed.store(true, Ordering::Relaxed);
            for load in loads {
                load.join().unwrap();
            }
        });
        drop(switch);
        check(&data, &told.lock().unwrap(), &set);
    }
}

fn check(data: &Path, told: &Told, set: &[&str]) {
    let records = dump(data);
    let key = |record: &serde_json::Value| -> u32 { record["stan"].as_str().unwrap().parse().unwrap() };
    let kept: BTreeSet<(u32, String)> =
        records.iter().map(|record| (key(record), record["mti"].as_str().unwrap().to_owned())).collect();
    for (stan, mti) in &told.acknowledged {
        assert!(
            kept.contains(&(*stan, (*mti).to_owned())),
            "acknowledged {mti} {stan} is not in the journal"
        );
    }
    let switch = Switch::start(data, set);
    let (mut plain, mut sure) = (switch.connect("acquirer-ascii"), switch.connect("acquirer-bcd"));
    // Repeats of what was answered: the same bytes, no second effect.
    let before = switch.metric("authswitch_journal_records");
    for (stan, raw) in told.durable.iter().rev().take(50) {
        let again = sure.ask("0201", &Purchase::new(&pan("411112", 20), *stan, 10).fields());
        assert_eq!(again.raw, *raw, "repeat of {stan}");
    }
    for (stan, mti) in told.acknowledged.iter().rev().filter(|(_, mti)| **mti == "0120").take(50) {
        let again = plain.ask("0121", &Purchase::new(&pan("411111", 42), *stan, 7).fields());
        assert_eq!((again.mti.as_str(), again.code()), ("0130", "00"), "repeat of {mti} {stan}");
    }
    assert_eq!(switch.metric("authswitch_journal_records"), before, "a repeat leaves no record");
    // The card with 10.00 is never overspent, neither in what was said nor in what is held.
    assert!(told.approved_minor <= 1_000, "{} approved of 1000", told.approved_minor);
    let stan = 900_000;
    assert!(available(&mut sure, &pan("411112", 20), stan) >= 0);
    // The rich card's balance is what its records say.
    let rich = |record: &&serde_json::Value| record["pan"].as_str() == Some(&masked(42));
    let moved: i64 = records
        .iter()
        .filter(rich)
        .map(|record| {
            record["held_change_minor"].as_i64().unwrap() + record["posted_change_minor"].as_i64().unwrap()
        })
        .sum();
    assert_eq!(available(&mut plain, &pan("411111", 42), stan + 1), 100_000_000_000 - moved);
    switch.kill();
}

fn masked(number: u32) -> String {
    let pan = pan("411111", number);
    format!("{}******{}", &pan[..6], &pan[12..])
}

fn available(peer: &mut Peer, pan: &str, stan: u32) -> i64 {
    // Another time than the load's, so that asking again in a later round is another transaction.
    let second =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() % 86_400_000;
    let time = format!("{:02}{:02}{:02}", second / 3_600_000, second / 60_000 % 60, second / 1000 % 60);
    let inquiry =
        Purchase::new(pan, stan + (second % 1000) as u32, 0).set(3, "310000").set(7, &format!("1231{time}"));
    let answer = peer.ask("0100", &inquiry.fields());
    answer.fields[&54][28..40].parse().unwrap()
}

#[test]
fn a_newer_and_an_older_snapshot_recover_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let set = ["log.level=info"];
    let talk = |switch: &Switch, from: u32| {
        let mut peer = switch.connect("acquirer-ascii");
        for stan in from..from + 300 {
            let purchase = Purchase::new(&pan("411111", stan % 40), stan, 100);
            peer.ask("0100", &purchase.fields());
            if stan % 3 == 0 {
                let reversal = Purchase::new(&pan("411111", stan % 40), stan + 10_000, 100)
                    .set(90, &purchase.as_original("0100"));
                peer.ask("0420", &reversal.fields());
            }
        }
    };
    let first = Switch::start(&data, &set);
    talk(&first, 1);
    // A clean stop writes a snapshot; then more, and a kill, so that there is a tail.
    assert!(first.terminate().0.success());
    let second = Switch::start(&data, &set);
    talk(&second, 1_000);
    second.kill();
    let hash = |data: &Path| {
        let switch = Switch::start(data, &set);
        let line =
            switch.log_text().lines().rev().find(|line| line.contains("state_hash")).unwrap().to_owned();
        switch.kill();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        (line["state_hash"].as_str().unwrap().to_owned(), line["replayed"].as_u64().unwrap())
    };
    let newer = hash(&data);
    let mut snapshots = authswitch::portfolio::folder::list(&data).unwrap();
    assert!(snapshots.len() >= 2, "{snapshots:?}");
    std::fs::remove_file(snapshots.remove(0)).unwrap();
    let older = hash(&data);
    assert_eq!(newer.0, older.0);
    assert!(newer.1 > 0 && older.1 > newer.1, "{} and {} records replayed", newer.1, older.1);
}
