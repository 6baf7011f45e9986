//! The tables of connections and of refused messages, on the page and as JSON.

use super::{EVIL, get, server};
use authswitch::admin::{Connection, Refusal, Refusals, State, TurnedAway};
use authswitch::network::Told;

/// A refused message; what a peer chose is hostile.
fn refusal(number: u64) -> Refusal {
    Refusal {
        time_us: 1_795_945_995_123_456,
        link: "acquirer-ascii".to_owned(),
        connection: 57,
        peer: "127.0.0.1:50057".to_owned(),
        told: Told {
            kind: "format-error",
            mti: Some("0100".to_owned()),
            stan: Some(format!("{number:06}")),
            rrn: Some(EVIL.to_owned()),
            field: Some("DE4".to_owned()),
            offset: Some(58),
            expected: Some("digits".to_owned()),
            found: "a letter".to_owned(),
            code: Some("30".to_owned()),
        },
    }
}

/// Sixty connections of two links.
pub fn all() -> Vec<Connection> {
    let connection = |number: u64| Connection {
        connection: number,
        link: ["acquirer-ascii", "acquirer-bcd"][(number % 2) as usize].to_owned(),
        peer: format!("127.0.0.1:{}", 50_000 + number),
        since_us: 1_795_945_995_123_456 - if number == 45 { 0 } else { 60_000_000 * number as i64 },
        signed_on_us: number.is_multiple_of(3).then_some(1_795_945_990_000_000),
        last_message_us: (number != 45).then_some(1_795_945_995_000_000 + number as i64),
        last_mti: (number != 44).then(|| "0100".to_owned()),
        messages: 1_234 * number,
        answers: 1_233 * number,
        refused: u64::from(number == 57) * 3,
        received_bytes: 1 << 20,
        sent_bytes: 1 << 19,
        messages_per_s_10s: 120.0,
        messages_per_s_60s: 99.5,
        last_refusal: (number == 57).then(|| refusal(1)),
    };
    (1..=60).map(connection).collect()
}

/// Connections that a link with so many open ones has turned away.
pub fn turned_away(open: u64) -> Vec<TurnedAway> {
    let (reason, last_peer) = ("not-allowed", "203.0.113.9:40001".to_owned());
    let told = TurnedAway { reason, connections: 1_234, last_peer, last_us: 1_795_945_995_123_456 };
    if open == 6 { vec![told] } else { Vec::new() }
}

/// Forty refused messages, and some that were only counted.
pub fn refusals() -> Refusals {
    Refusals { refusals: (1..=40).map(refusal).collect(), not_kept: 17 }
}

#[test]
fn connections_and_refused_messages_stand_on_the_page_and_in_json() {
    let (server, _, _) = server(State::Ready, "answering");
    let page = get(server.address(), "/").body;
    for expected in [
        "127.0.0.1:50057",
        "acquirer-ascii: 1,234 connections turned away, not-allowed; the last of 203.0.113.9:40001 at ",
        "format-error DE4, ",
        "The first 50 of 60: <a href=\"connections.json\">",
        "DE4, byte 58: expected digits, found a letter",
        "11-29 09:53:15.123",
        "The first 25 of 40: <a href=\"refusals.json\">",
        "17 more were counted and not kept",
        "likely framing length2-be+tpdu, dialect terminal &lt;script",
        "unreadable, ",
        "none yet",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    // Who said something last comes first; who never did counts from its opening.
    let place = |peer: &str| page.find(peer).unwrap();
    assert!(place("127.0.0.1:50045") < place("127.0.0.1:50060"));
    assert!(place("127.0.0.1:50060") < place("127.0.0.1:50030"));
    let connections = get(server.address(), "/connections.json").json();
    let connections = connections["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 60);
    let refused = &connections[56];
    assert_eq!(refused["peer"], "127.0.0.1:50057");
    assert_eq!(
        (&refused["since"], &refused["signed_on_since"]),
        (&"2026-11-29T08:56:15.123456Z".into(), &"2026-11-29T09:53:10.000000Z".into())
    );
    assert_eq!((&refused["last_refusal"]["field"], &refused["refused"]), (&"DE4".into(), &3.into()));
    let refusals = get(server.address(), "/refusals.json").json();
    assert_eq!((refusals["refusals"].as_array().unwrap().len(), &refusals["not_kept"]), (40, &17.into()));
    let expected = serde_json::json!({
        "time": "2026-11-29T09:53:15.123456Z", "link": "acquirer-ascii", "connection": 57, "peer": "127.0.0.1:50057",
        "kind": "format-error", "mti": "0100", "stan": "000001", "rrn": EVIL, "field": "DE4", "offset": 58,
        "expected": "digits", "found": "a letter", "code": "30",
    });
    assert_eq!(refusals["refusals"][0], expected);
}
