//! What a connection may not take its time for, and what is refused too often: each ends it, and is told.

use super::harness::*;
use super::{counter, echo, start, told};
use rustix::net::{AddressFamily, SocketType};
use std::io::{Read, Write};
use std::time::Duration;

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
