//! Peers that misbehave: garbage, slowness, floods, lies about lengths. Others are served on.

#![allow(clippy::unwrap_used)]

mod deadlines;
mod door;
#[path = "../harness/mod.rs"]
mod harness;
mod islands;
mod spoken;
mod told;
mod unread;
mod unrecorded;

use harness::*;
use std::io::{Read, Write};
use std::time::Duration;

fn start(set: &[&str]) -> (tempfile::TempDir, Switch) {
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("data"), set);
    (folder, switch)
}

fn echo(peer: &mut Peer, stan: u32) {
    let answer = peer.ask("0800", &[(7, "1122093315"), (11, &format!("{stan:06}")), (70, "301")]);
    assert_eq!(answer.fields[&11], format!("{stan:06}"));
}

fn counter(switch: &Switch, name: &str) -> f64 {
    let name = format!("authswitch_{name}_total{{link=\"acquirer-ascii\"}}");
    switch.metric(&name).unwrap_or_else(|| panic!("no {name} in\n{}", switch.get("/metrics").1))
}

#[test]
fn a_message_that_cannot_be_read_is_dropped_and_counted() {
    let (_folder, switch) = start(&[]);
    let mut peer = switch.connect("acquirer-ascii");
    for garbage in [
        &b"\x00\x01x"[..],
        b"\x00\x0401x0",
        b"\x00\x080100ZZZZ",
        b"\x00\x14\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        peer.send_raw(garbage);
    }
    echo(&mut peer, 1);
    assert_eq!(counter(&switch, "unreadable_frames"), 4.0);
}

#[test]
fn a_link_may_close_on_what_cannot_be_read() {
    let (_folder, switch) = start(&["links.acquirer-ascii.on_unreadable=close"]);
    let mut peer = switch.connect("acquirer-ascii");
    peer.send("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    peer.send_raw(b"\x00\x04\xff\xff\xff\xff");
    assert_eq!(peer.receive().unwrap().fields[&11], "000001", "what came before is answered");
    assert!(peer.is_closed());
    assert_eq!(counter(&switch, "unreadable_frames"), 1.0);
}

#[test]
fn content_that_is_wrong_on_the_wire_gets_30_with_the_fields_read_so_far() {
    let (_folder, switch) = start(&[]);
    let mut peer = switch.connect("acquirer-ascii");
    let purchase = Purchase::new(&pan("411111", 1), 77, 1_000);
    let mut frame = peer.frame("0100", &purchase.fields());
    // DE49, the last field, is cut by a character.
    frame.truncate(frame.len() - 1);
    let length = (frame.len() - 2) as u16;
    frame[..2].copy_from_slice(&length.to_be_bytes());
    peer.send_raw(&frame);
    let answer = peer.receive().unwrap();
    assert_eq!((answer.mti.as_str(), answer.code(), answer.fields[&11].as_str()), ("0110", "30", "000077"));
    echo(&mut peer, 2);
}

#[test]
fn a_frame_over_the_limit_closes_the_connection_and_only_that() {
    let (_folder, switch) = start(&["links.acquirer-ascii.max_frame_bytes=300"]);
    let (mut good, mut bad) = (switch.connect("acquirer-ascii"), switch.connect("acquirer-ascii"));
    bad.send_raw(&[0x01, 0x2d]);
    assert!(bad.is_closed());
    assert_eq!(counter(&switch, "frame_errors"), 1.0);
    echo(&mut good, 3);
}

#[test]
fn bytes_may_come_one_by_one_and_frames_many_at_once() {
    let (_folder, switch) = start(&[]);
    let mut peer = switch.connect("acquirer-ascii");
    let frame = peer.frame("0100", &Purchase::new(&pan("411111", 1), 1, 100).fields());
    for byte in &frame {
        peer.send_raw(std::slice::from_ref(byte));
    }
    assert_eq!(peer.receive().unwrap().code(), "00");
    let many: Vec<u8> = (2..502)
        .flat_map(|stan| peer.frame("0100", &Purchase::new(&pan("411111", 1), stan, 100).fields()))
        .collect();
    peer.send_raw(&many);
    for stan in 2..502 {
        let answer = peer.receive().unwrap();
        assert_eq!((answer.code(), answer.fields[&11].as_str()), ("00", format!("{stan:06}").as_str()));
    }
}

#[test]
fn a_request_that_dribbles_in_past_its_budget_gets_91_and_keeps_it() {
    let budget = Duration::from_millis(500);
    let (_folder, switch) = start(&["links.acquirer-ascii.budget_ms=500"]);
    let mut peer = switch.connect("acquirer-ascii");
    let from = told::address(&peer);
    let purchase = Purchase::new(&pan("411111", 1), 1, 100);
    let frame = peer.frame("0100", &purchase.fields());
    peer.send_raw(&frame[..40]);
    let is_read = |open: &serde_json::Value| open["received_bytes"] == 40;
    wait_for("its beginning to be read", || told::connection(&switch, &from).filter(is_read));
    switch.let_pass(budget);
    peer.send_raw(&frame[40..]);
    assert_eq!(peer.receive().unwrap().code(), "91");
    assert_eq!(peer.ask("0101", &purchase.fields()).code(), "91", "a repeat gets the same answer");
    // What comes whole is decided; on a busy machine not every time within this budget.
    let mut stans = 2..;
    wait_for("a request within its budget", || {
        let purchase = Purchase::new(&pan("411111", 1), stans.next()?, 100);
        (peer.ask("0100", &purchase.fields()).code() == "00").then_some(())
    });
}

#[test]
fn zero_lengths_keep_alive_and_silence_closes() {
    let idle = Duration::from_secs(1);
    let (_folder, switch) =
        start(&["links.acquirer-ascii.idle_timeout_s=1", "links.acquirer-ascii.keep_alive=echo"]);
    // The switch stands still for the whole idle time, so that what is there when it goes on says who was silent.
    let (mut alive, mut silent) = wait_for("two connections that are open when it stands still", || {
        let (mut alive, mut silent) = (switch.connect("acquirer-ascii"), switch.connect("acquirer-ascii"));
        for (peer, stan) in [(&mut alive, 1), (&mut silent, 2)] {
            peer.send("0800", &[(7, "1122093315"), (11, &format!("{stan:06}")), (70, "301")]);
            peer.receive()?;
        }
        switch.stand_still();
        let is_open = |peer: &Peer| {
            peer.stream.set_nonblocking(true).unwrap();
            let seen = peer.stream.peek(&mut [0]);
            peer.stream.set_nonblocking(false).unwrap();
            seen.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        };
        if is_open(&alive) && is_open(&silent) {
            return Some((alive, silent));
        }
        switch.signal("CONT");
        None
    });
    alive.send_raw(&[0, 0]);
    alive.has_arrived();
    outlast(std::time::Instant::now(), idle);
    switch.signal("CONT");
    let mut echoed = [9; 2];
    alive.stream.read_exact(&mut echoed).unwrap();
    assert_eq!(echoed, [0, 0], "what came in time is found, however long the switch stood still");
    assert!(silent.is_closed());
    assert_eq!(told::line_of(&switch, "connection closed", &told::address(&silent))["reason"], "idle");
    assert_eq!(counter(&switch, "keep_alives"), 1.0);
}

#[test]
fn one_connection_too_many_is_refused() {
    let (_folder, switch) = start(&["links.acquirer-ascii.max_connections=2"]);
    let (mut first, mut second) = (switch.connect("acquirer-ascii"), switch.connect("acquirer-ascii"));
    echo(&mut first, 1);
    echo(&mut second, 2);
    assert!(switch.connect("acquirer-ascii").is_closed());
    drop(first);
    wait_for("a free place", || {
        let mut third = switch.connect("acquirer-ascii");
        third.send("0800", &[(7, "1122093315"), (11, "000003"), (70, "301")]);
        third.receive()
    });
    assert!(counter(&switch, "connections_refused") >= 1.0);
}

#[test]
fn a_peer_that_reads_nothing_is_closed_and_costs_no_memory() {
    let (_folder, switch) = start(&["links.acquirer-ascii.write_timeout_ms=500"]);
    let mut good = switch.connect("acquirer-ascii");
    let mut slow = switch.connect("acquirer-ascii");
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", switch.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    echo(&mut good, 1);
    let before = resident();
    let frame = slow.frame("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    let flood = frame.repeat(1_000);
    slow.stream.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
    let mut sent = 0;
    // Until the switch stops reading and closes; 1 GiB at the most.
    for _ in 0..16_384 {
        match slow.stream.write(&flood) {
            Ok(length) => sent += length,
            Err(_) => break,
        }
    }
    wait_for("the slow reader to be closed", || {
        (counter(&switch, "connections_slow_reader_closed") == 1.0).then_some(())
    });
    told::never_got_its_answers(&switch, &slow);
    echo(&mut good, 2);
    assert!(sent < 512 << 20, "{sent} bytes were taken from a peer that reads nothing");
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more resident memory");
    let _ = slow.stream.read(&mut [0; 16]);
}

#[test]
fn a_half_closed_peer_gets_its_answers_before_the_end() {
    let (_folder, switch) = start(&[]);
    for (round, mtis) in [&["0220"][..], &["0100"], &["0120", "0100", "0220"], &[]].into_iter().enumerate() {
        let mut peer = switch.connect("acquirer-ascii");
        for (at, mti) in mtis.iter().enumerate() {
            let stan = (round * 10 + at) as u32;
            peer.send(mti, &Purchase::new(&pan("411111", 7), stan, 100).fields());
        }
        // Half a message behind them is nothing that could be answered.
        peer.send_raw(&[0, 100, b'0']);
        peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answers: Vec<_> = std::iter::from_fn(|| peer.receive()).map(|answer| answer.mti).collect();
        answers.sort();
        let mut expected: Vec<_> = mtis.iter().map(|mti| to_mti(mti).response().to_string()).collect();
        expected.sort();
        assert_eq!(answers, expected);
    }
    let (status, said) = switch.terminate();
    assert!(status.success() && said.contains("received=5 answered=5"), "{said}");
}
