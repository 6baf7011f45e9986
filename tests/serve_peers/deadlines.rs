//! What a connection may not take its time for, and what is refused too often: each ends it, and is told.

use super::harness::*;
use super::{counter, echo, start, told};
use rustix::net::{AddressFamily, SocketType};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// The connection of this peer has ended for this reason, and is counted.
fn ended(switch: &Switch, peer: &Peer, reason: &str, metric: &str) {
    let line = told::line_of(switch, "connection closed", &told::address(peer));
    assert_eq!((line["reason"].as_str().unwrap(), counter(switch, metric)), (reason, 1.0), "{line}");
}

#[test]
fn a_frame_that_is_begun_has_its_time_however_often_a_byte_of_it_comes() {
    let (_folder, switch) = start(&["links.acquirer-ascii.frame_timeout_ms=500"]);
    let (mut good, mut dribbles) = (switch.connect("acquirer-ascii"), switch.connect("acquirer-ascii"));
    echo(&mut dribbles, 1);
    let frame = dribbles.frame("0100", &Purchase::new(&pan("411111", 1), 1, 100).fields());
    // Never the last byte.
    for byte in frame[..frame.len() - 1].iter().cycle() {
        if dribbles.stream.write_all(std::slice::from_ref(byte)).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    ended(&switch, &dribbles, "frame-timeout", "connections_frame_timeout_closed");
    // Who is silent between frames has the idle time.
    echo(&mut good, 2);
}

#[test]
fn bytes_that_are_no_frame_are_silence() {
    let set = ["links.acquirer-ascii.idle_timeout_s=1", "links.acquirer-ascii.frame_timeout_ms=600000"];
    let (_folder, switch) = start(&set);
    let mut peer = switch.connect("acquirer-ascii");
    // Of a frame of 8,000 bytes.
    peer.send_raw(&[31, 64]);
    for _ in 0..7_000 {
        if peer.stream.write_all(b"0").is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    ended(&switch, &peer, "idle", "connections_idle_closed");
}

#[test]
fn a_flood_of_refused_messages_ends_its_connection_and_a_bad_field_in_every_third_does_not() {
    let (_folder, switch) = start(&["links.acquirer-ascii.max_refused_per_s=100"]);
    let mut network = switch.connect("acquirer-ascii");
    let purchase = |peer: &Peer, stan: u32| {
        let purchase = Purchase::new(&pan("411111", 1), stan, 100);
        let bad = stan.is_multiple_of(3);
        peer.frame("0100", &if bad { purchase.without(4) } else { purchase }.fields())
    };
    network.send_raw(&(1..=1_500).flat_map(|stan| purchase(&network, stan)).collect::<Vec<_>>());
    for stan in 1..=1_500_u32 {
        let code = if stan.is_multiple_of(3) { "30" } else { "00" };
        assert_eq!(network.receive().unwrap().code(), code, "{stan}");
    }
    let mut flood = switch.connect("acquirer-ascii");
    let garbage = [&[0, 64][..], &[0xff; 64]].concat().repeat(200);
    let address = told::address(&flood);
    // Whatever the machine's speed: until so many come within a second.
    wait_for("the flood to be cut off", || {
        let _ = flood.stream.write_all(&garbage);
        told::connection(&switch, &address).is_none().then_some(())
    });
    ended(&switch, &flood, "refused", "connections_refused_messages_closed");
    echo(&mut network, 2);
}

#[test]
fn a_peer_that_reads_slowly_gets_all_its_answers() {
    let patience = Duration::from_secs(2);
    let (_folder, switch) = start(&["links.acquirer-bcd.write_timeout_ms=2000"]);
    const ASKED: usize = 20_000;
    let frame =
        switch.connect("acquirer-bcd").frame("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    // Its kernel acknowledges little at a time too: else it would take all of this at once, and then for long nothing.
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 10).unwrap();
    rustix::net::connect(&socket, &switch.addresses["acquirer-bcd"]).unwrap();
    let mut peer = std::net::TcpStream::from(socket);
    peer.write_all(&frame.repeat(ASKED)).unwrap();
    // A little at a time, for three times as long as it may take nothing at all.
    let mut room = [0; 2_048];
    let mut read = 0;
    for _ in 0..12 {
        switch.let_pass(patience / 4);
        read += peer.read(&mut room).unwrap();
    }
    let answer = frame.len() + 2;
    assert!(read < 20_000 * answer / 2, "the switch was never behind");
    while read < ASKED * answer {
        let length = peer.read(&mut [0; 64 << 10]).unwrap();
        assert!(length > 0, "closed after {read} bytes");
        read += length;
    }
    assert_eq!(read, ASKED * answer);
    let metric = "authswitch_connections_slow_reader_closed_total{link=\"acquirer-bcd\"}";
    assert_eq!(switch.metric(metric), Some(0.0));
}

#[test]
fn late_requests_beyond_those_that_are_remembered_are_91_too_and_contradict_no_answer_that_was_given() {
    const LATE: u32 = 14_000;
    let (_folder, switch) = start(&["links.acquirer-ascii.budget_ms=1000"]);
    let mut peer = switch.connect("acquirer-ascii");
    let purchase = |stan: u32| Purchase::new(&pan("411111", stan % 500), stan, 100);
    let mut first = 0;
    wait_for("an approval", || {
        first += 1;
        (peer.ask("0100", &purchase(first).fields()).code() == "00").then_some(())
    });
    switch.stand_still();
    let late: Vec<u8> =
        (1_000..1_000 + LATE).flat_map(|stan| peer.frame("0100", &purchase(stan).fields())).collect();
    let mut reader = peer.again();
    let answers = std::thread::spawn(move || {
        (0..LATE)
            .map(|_| reader.receive().unwrap())
            .map(|answer| answer.code().to_owned())
            .collect::<Vec<_>>()
    });
    peer.send_raw(&late);
    // What was approved is repeated among them, where nothing new is remembered any more.
    peer.send("0101", &purchase(first).fields());
    outlast(Instant::now(), Duration::from_millis(1_500));
    switch.signal("CONT");
    assert!(answers.join().unwrap().iter().all(|code| code == "91"));
    let counted = |name: &str| counter(&switch, name);
    wait_for("the repeat to be withheld", || (counted("withheld_repeats") == 1.0).then_some(()));
    // How many are shed depends on how long the rest takes; those at once are remembered in any case.
    let (remembered, shed) = (counted("budget_spent_requests"), counted("shed_requests"));
    assert!(remembered >= 10_000.0 && remembered + shed >= f64::from(LATE), "{remembered} {shed}");
    // Remembered: 91 again. Approved: the stored approval again.
    assert_eq!(peer.ask("0101", &purchase(1_000).fields()).code(), "91");
    wait_for("the stored approval in time", || {
        peer.send("0101", &purchase(first).fields());
        peer.send("0800", &[(7, "1122093315"), (11, "999999"), (70, "301")]);
        let answer = peer.receive().unwrap();
        let found = (answer.code() == "00" && answer.mti == "0110").then_some(());
        if found.is_some() {
            assert_eq!(peer.receive().unwrap().mti, "0810");
        }
        found
    });
}
