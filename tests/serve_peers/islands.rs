//! What one link's connections send waits where another link wants its turn: told by the order of the journal.

use super::echo;
use super::harness::*;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The STANs of all records, in their order.
fn stans(data: &Path) -> Vec<u32> {
    let out =
        Command::new(binary()).args(["journal", "dump", "--json", "--data"]).arg(data).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let lines = String::from_utf8(out.stdout).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter_map(|record| record["stan"].as_str()?.parse().ok()).collect()
}

fn purchase(peer: &Peer, stan: u32) -> Vec<u8> {
    peer.frame("0100", &Purchase::new(&pan("411111", stan % 500), stan, 100).fields())
}

/// What a connection of the flood sends, number by number.
type Flood = fn(&Peer, u32) -> Vec<u8>;

#[test]
fn what_one_link_sends_waits_for_its_turn_and_another_links_request_does_not() {
    const FLOODERS: u32 = 16;
    // Each ends with a purchase, so that the journal says how far it had been read. Before its first look at the sockets, within
    // 50 us, the worker may know of one connection alone: what that sends takes many times longer.
    let rows: [(&str, Flood, usize); 5] = [
        ("zero-length frames", |_, _| vec![0; 2 * 100_000], 0),
        ("frames of garbage", |_, _| [&[0, 64][..], &[0xff; 64]].concat().repeat(10_000), 0),
        (
            "messages without DE4",
            |peer, number| {
                let bad = Purchase::new(&pan("411111", 1), number, 100).without(4);
                peer.frame("0100", &bad.fields()).repeat(1_000)
            },
            0,
        ),
        (
            "echo tests",
            |peer, _| peer.frame("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]).repeat(2_000),
            0,
        ),
        // One slice may have begun before it was seen that another link has something, and one more may follow.
        (
            "purchases",
            |peer, number| (0..200).flat_map(|at| purchase(peer, 100_000 + number * 1_000 + at)).collect(),
            64,
        ),
    ];
    for (name, flood, most) in rows {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let set = ["server.workers=1", "links.acquirer-ascii.max_refused_per_s=0"];
        let switch = Switch::start(&data, &set);
        let mut flooders: Vec<Peer> = (0..FLOODERS).map(|_| switch.connect("acquirer-ascii")).collect();
        let mut good: Vec<Peer> = (0..4).map(|_| switch.connect("acquirer-bcd")).collect();
        flooders.iter_mut().chain(&mut good).for_each(|peer| echo(peer, 999_999));
        // All of it is there when the switch goes on.
        switch.stand_still();
        for (number, peer) in flooders.iter_mut().enumerate() {
            let number = number as u32;
            peer.send_raw(&[flood(peer, number), purchase(peer, 900_000 + number)].concat());
        }
        for (number, peer) in good.iter_mut().enumerate() {
            peer.send_raw(&purchase(peer, 1 + number as u32));
            peer.has_arrived();
        }
        switch.signal("CONT");
        for peer in &mut good {
            assert_eq!(peer.receive().unwrap().code(), "00", "{name}");
        }
        for (number, peer) in flooders.iter_mut().enumerate() {
            let stan = (900_000 + number).to_string();
            while peer.receive().unwrap().fields[&11] != stan {}
        }
        assert!(switch.terminate().0.success());
        let stans = stans(&data);
        let last = stans.iter().rposition(|stan| (1..=4).contains(stan)).unwrap();
        let before = stans[..last].iter().filter(|stan| **stan > 4).count();
        assert_eq!(stans.iter().filter(|stan| **stan >= 900_000).count() as u32, FLOODERS, "{name}");
        assert!(
            before <= most,
            "{name}: {before} messages of the flood were decided before the other link's"
        );
    }
}
