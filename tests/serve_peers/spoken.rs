//! What a link may be speaking instead, told where nothing of a connection could be read: another framing, another dialect,
//! another protocol.

use super::harness::*;
use super::start;
use super::told::{address, json, line_of, told};
use serde_json::Value;
use std::net::Shutdown;

const ASCII: &str = "acquirer-ascii";

#[test]
fn a_link_that_is_spoken_otherwise_is_told_how() {
    for (dialect, framing, likely) in [
        ("iso87-ascii", "length2-be-inclusive", &["framing length2-be-inclusive", "iso87-ascii as set"][..]),
        ("iso87-ascii", "length4-ascii", &["framing length4-ascii", "iso87-ascii as set"]),
        ("iso87-bcd", "length2-be", &["framing length2-be as set", "dialect iso87-bcd"]),
        ("iso87-bcd", "length2-be+tpdu", &["framing length2-be+tpdu", "dialect iso87-bcd"]),
        ("iso87-ascii", "trailer:0D0A", &["framing trailer:0D0A", "iso87-ascii as set"]),
    ] {
        let (_folder, switch) = start(&[]);
        let mut peer = Peer::connect_framed(switch.addresses[ASCII], dialect, framing);
        let card = pan("411111", 1);
        peer.send("0100", &Purchase::new(&card, 1, 1_000).fields());
        let from = address(&peer);
        // What is half a frame for the link shows when nothing more comes.
        peer.stream.shutdown(Shutdown::Write).unwrap();
        let line = line_of(&switch, "nothing that came was as the link has it", &from);
        let said = line["likely"].as_str().unwrap();
        assert!(likely.iter().all(|words| said.contains(words)), "{dialect} {framing}: {said}");
        let status = wait_for("the suspicion", || {
            Some(json(&switch, "/status.json")["facts"]["links"][0]["suspicion"].clone())
                .filter(Value::is_object)
        });
        assert_eq!((&status["likely"], &status["peer"]), (&said.into(), &from.as_str().into()));
        assert!(switch.get("/").1.contains("likely framing"));
        assert!(!switch.log_text().contains(&card));
        // The same is told once, however many say it.
        for _ in 0..5 {
            Peer::connect_framed(switch.addresses[ASCII], dialect, framing).send("0100", &[(11, "000001")]);
        }
        assert_eq!(told(&switch, "nothing that came").len(), 1);
    }
}

#[test]
fn what_was_sent_at_once_and_what_is_no_message_is_told() {
    let echo = b"0800822000000000000004000000000000001122093315000001301";
    let inclusive = [&[0, 57][..], echo].concat();
    let hello = [&b"\x16\x03\x01\x00\xC8\x01\x00\x00\xC4\x03\x03"[..], &[0xAB; 193]].concat();
    for (sent, likely) in [
        (inclusive.repeat(2), "framing length2-be-inclusive, dialect iso87-ascii as set"),
        (inclusive.repeat(5), "framing length2-be-inclusive, dialect iso87-ascii as set"),
        (hello, "TLS (a ClientHello), which this link does not speak"),
        (b"GET /healthz HTTP/1.1\r\n\r\n".to_vec(), "HTTP, which this link does not speak"),
    ] {
        let (_folder, switch) = start(&[]);
        let mut stream = std::net::TcpStream::connect(switch.addresses[ASCII]).unwrap();
        let from = stream.local_addr().unwrap().to_string();
        std::io::Write::write_all(&mut stream, &sent).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let line = line_of(&switch, "nothing that came was as the link has it", &from);
        assert_eq!(line["likely"], likely);
    }
}
