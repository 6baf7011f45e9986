//! Who is let in at a link, and who is turned away before a byte of him is read.

use super::harness::*;
use super::{counter, echo, start, told};
use serde_json::Value;
use std::net::TcpListener;

const ASCII: &str = "acquirer-ascii";

/// How many were turned away for this reason, by the metrics and by the status page.
fn turned_away(switch: &Switch, reason: &str) -> (f64, Value) {
    let name = format!("authswitch_connections_turned_away_total{{link=\"{ASCII}\",reason=\"{reason}\"}}");
    let page = told::json(switch, "/status.json");
    let links = page["facts"]["links"].as_array().unwrap();
    let link = links.iter().find(|link| link["name"] == ASCII).unwrap();
    let told = link["turned_away"].as_array().unwrap().iter().find(|told| told["reason"] == reason);
    (switch.metric(&name).unwrap(), told.cloned().unwrap_or_default())
}

/// Connects from there and says whether it is served.
fn is_served(switch: &Switch, source: &str) -> bool {
    // Whoever is reset at once may see it while it still connects, or while it sends.
    let Ok(mut peer) = Peer::connect_from(source, switch.addresses[ASCII]) else { return false };
    let frame = peer.frame("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    let sent = std::io::Write::write_all(&mut peer.stream, &frame);
    sent.is_ok() && !peer.is_closed()
}

#[test]
fn who_is_not_on_the_list_is_turned_away_at_once_and_told() {
    let (_folder, switch) =
        start(&["links.acquirer-ascii.allow=[\"127.0.0.2\", \"127.0.1.0/24\", \"10.0.0.0/8\"]"]);
    for (source, served) in [
        ("127.0.0.1", false),
        ("127.0.0.2", true),
        ("127.0.0.3", false),
        ("127.0.1.255", true),
        ("127.0.2.0", false),
    ] {
        assert_eq!(is_served(&switch, source), served, "{source}");
    }
    echo(&mut switch.connect("acquirer-bcd"), 1);
    let (counted, told) = turned_away(&switch, "not-allowed");
    assert_eq!((counted, counter(&switch, "connections_refused")), (3.0, 3.0));
    assert_eq!(told["connections"], 3, "{told}");
    assert!(told["last_peer"].as_str().unwrap().starts_with("127.0.2.0:"), "{told}");
    let lines = wait_for("a line for each", || {
        Some(told::told(&switch, "connection refused")).filter(|lines| lines.len() == 3)
    });
    for (line, source) in lines.iter().zip(["127.0.0.1:", "127.0.0.3:", "127.0.2.0:"]) {
        assert!(line["peer"].as_str().unwrap().starts_with(source), "{line}");
        assert!(line["reason"].as_str().unwrap().contains("`allow`"), "{line}");
    }
}

#[test]
fn one_address_has_its_share_and_the_others_have_theirs() {
    let set =
        ["links.acquirer-ascii.max_connections_per_address=2", "links.acquirer-ascii.max_connections=5"];
    let (_folder, switch) = start(&set);
    let connect = |source| {
        let mut peer = Peer::connect_from(source, switch.addresses[ASCII]).unwrap();
        echo(&mut peer, 1);
        peer
    };
    let kept: Vec<Peer> = ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"].map(connect).into();
    for source in ["127.0.0.1", "127.0.0.2"] {
        assert!(!is_served(&switch, source), "{source} has its share");
    }
    assert_eq!(turned_away(&switch, "address-full").0, 2.0);
    let last = connect("127.0.0.3");
    assert!(!is_served(&switch, "127.0.0.4"), "the link is full");
    assert_eq!(turned_away(&switch, "link-full").0, 1.0);
    assert_eq!(counter(&switch, "connections_refused"), 3.0);
    drop((kept, last));
    // Nothing of those who have gone is left.
    for source in ["127.0.0.1", "127.0.0.2", "127.0.0.4"] {
        wait_for("a free place", || is_served(&switch, source).then_some(()));
    }
}

#[test]
fn an_ipv4_peer_of_an_ipv6_listener_is_known_by_its_own_address() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // This machine has no IPv6.
    }
    let (_folder, mut switch) =
        start(&["links.acquirer-ascii.listen=[::]:0", "links.acquirer-ascii.allow=[\"127.0.0.2\"]"]);
    let port = switch.addresses[ASCII].port();
    switch.addresses.insert(ASCII.into(), ([127, 0, 0, 1], port).into());
    assert!(is_served(&switch, "127.0.0.2"));
    assert!(!is_served(&switch, "127.0.0.1"));
}

#[test]
fn money_from_a_connection_that_never_signed_on_leaves_no_trace() {
    let (_folder, switch) = start(&["links.acquirer-ascii.require_sign_on=true"]);
    let mut peer = switch.connect(ASCII);
    let number = pan("411111", 3);
    let post = |stan| Purchase::new(&number, stan, 10_000_000_000);
    let original = post(1).as_original("0100");
    let money = [
        ("0100", post(1)),
        ("0101", post(1)),
        ("0200", post(2)),
        ("0220", post(3).set(38, "A1B2C3").set(39, "00")),
        ("0221", post(3).set(38, "A1B2C3").set(39, "00")),
        ("0120", post(4).set(39, "00")),
        ("0400", post(5).set(90, &original)),
        ("0420", post(6).set(90, &original)),
        ("0421", post(6).set(90, &original)),
    ];
    let records = || switch.metric("authswitch_journal_records").unwrap();
    let before = records();
    for (mti, message) in &money {
        assert_eq!(peer.ask(mti, &message.fields()).code(), "91", "{mti}");
    }
    assert_eq!((records(), switch.metric("authswitch_transactions")), (before, Some(0.0)));
    peer.ask("0800", &[(7, "1122093315"), (11, "000010"), (70, "001")]);
    // The sender has kept its copies: none is taken for a repeat of what was refused.
    assert_eq!(peer.ask("0220", &money[3].1.fields()).code(), "00");
    assert_eq!(switch.metric("authswitch_transactions"), Some(1.0));
}
