//! A process that is killed loses nothing that it called durable (I10, I12): at any time, and at every single call.
#![allow(clippy::unwrap_used)]

mod faults;
#[path = "journal/rows.rs"]
mod rows;
#[path = "journal/writer.rs"]
mod writer;

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, SystemTime};
use writer::{Writer, check_recovery, command};

const SIGKILL: i32 = 9;

#[test]
#[ignore = "the process that the other tests start"]
fn writer() {
    writer::run();
}

#[test]
fn a_process_killed_at_any_time_loses_nothing_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {random}");
    let mut durable = 0;
    for round in 0..20 {
        let mut writer = Writer::start(command(dir.path(), u64::MAX));
        assert!(writer.read_until(|line| line.starts_with("durable")), "{:?}", writer.end());
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        std::thread::sleep(Duration::from_micros((random >> 33) % 60_000));
        writer.process.kill().unwrap();
        assert_eq!(writer.end().0.signal(), Some(SIGKILL));
        assert!(writer.durable > durable, "round {round}: nothing became durable");
        durable = writer.durable;
        check_recovery(dir.path(), durable);
    }
}

/// Kills a fresh writer at the n-th call for every n until it gets through, and again and again on one folder.
fn kill_at_every(call: &str, action: &str, most: u32) {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut durable = 0;
    let mut kills = 0;
    for nth in 1..=most {
        let folder = dir.path().join("journal");
        let mut command = command(&folder, durable + 700);
        faults::inject(&mut command, &format!("call={call} path=/journal nth={nth} do={action}"), &log);
        let mut writer = Writer::start(command);
        let (status, stderr) = writer.end();
        assert!(status.success() || status.signal() == Some(SIGKILL), "{call} {nth}: {status} {stderr}");
        kills += u32::from(!status.success());
        durable = durable.max(writer.durable);
        durable = check_recovery(&folder, durable);
    }
    assert!(kills > 0, "no {call} was ever made");
}

#[test]
fn a_process_killed_at_a_call_loses_nothing_durable() {
    for (call, action, most) in [
        ("pwrite", "kill", 25),
        ("pwrite", "torn", 25),
        ("fdatasync", "kill", 25),
        ("fdatasync", "killed", 10),
        ("fallocate", "kill", 5),
        ("fallocate", "killed", 5),
        ("rename", "kill", 4),
        ("rename", "killed", 4),
        ("fsync", "kill", 4),
    ] {
        kill_at_every(call, action, most);
    }
}

#[test]
fn a_write_torn_while_a_tail_is_cut_is_cut_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let folder = dir.path().join("journal");
    let mut durable = 0;
    for (call, action) in [
        ("pwrite", "torn"),
        ("ftruncate", "kill"),
        ("ftruncate", "killed"),
        ("fallocate", "kill"),
        ("fallocate", "killed"),
        ("fdatasync", "kill"),
        ("fdatasync", "killed"),
        ("pwrite", "kill"),
    ] {
        // A torn write first, then a start that is killed while it repairs.
        for (call, action, nth) in [("pwrite", "torn", 8), (call, action, 1)] {
            let mut command = command(&folder, durable + 400);
            faults::inject(&mut command, &format!("call={call} path=.seg nth={nth} do={action}"), &log);
            let mut writer = Writer::start(command);
            let (status, stderr) = writer.end();
            assert!(status.success() || status.signal() == Some(SIGKILL), "{call} {nth}: {status} {stderr}");
            durable = check_recovery(&folder, durable.max(writer.durable));
        }
    }
    let mut writer = Writer::start(command(&folder, durable + 100));
    assert!(writer.end().0.success());
    assert_eq!(check_recovery(&folder, durable), durable + 100);
}
