//! Bytes of unknown framing: one with which all of them are read comes before whatever fits, and where nothing is read no
//! odd one is named but what was tried.

use super::{decode, hex, json};
use serde_json::Value;

const ECHO: &str = "0800822000000000000004000000000000001005123456000001301";

/// What is found of bytes that nobody said anything of, as an argument and as a file.
fn found(bytes: &[u8]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream.bin");
    std::fs::write(&path, bytes).unwrap();
    let (_, in_argument, _) = decode(&["--json", &hex(bytes)]);
    let (_, in_file, _) = decode(&["--json", path.to_str().unwrap()]);
    let told = |out: &str| -> Vec<Value> {
        let all = json(out).into_iter();
        all.map(|message| {
            serde_json::json!([message["mti"], message["framing"], message["header"], message["errors"]])
        })
        .collect()
    };
    assert_eq!(told(&in_argument), told(&in_file), "{}", String::from_utf8_lossy(bytes));
    json(&in_file)
}

#[test]
fn a_framing_with_which_all_is_read_comes_before_whatever_fits() {
    // A length within a header, and behind it digits that are a message type and a bit map here and there.
    let purchase = "01002000000000000000003000";
    for message in [ECHO, purchase] {
        for digits in [
            "0120024001",
            "200002001100",
            "02000100",
            "02000020011",
            "0800822000000000",
            "01008000",
            "10203040506070809010",
        ] {
            let total = 7 + digits.len() + message.len();
            let frame = format!("ISO{total:04}{digits}{message}");
            let framing = format!("fixed:49534F+length4-ascii-inclusive+opaque{}", digits.len());
            for count in [1, 2, 5] {
                let all = found(frame.repeat(count).as_bytes());
                assert_eq!(all.len(), count, "{frame}");
                for one in all {
                    assert_eq!(
                        (&one["mti"], &one["framing"], &one["errors"]),
                        (&message[..4].into(), &framing.as_str().into(), &serde_json::json!([])),
                        "{frame} x {count}"
                    );
                }
            }
        }
    }
    // Lengths that begin like message types, and ends that belong to no message.
    let long = format!("01000000000000010000208{}", "x".repeat(208));
    for (framing, frame) in [
        ("length4-ascii", format!("{:04}{long}", long.len())),
        ("trailer:0D0A", format!("{ECHO}\r\n")),
        ("trailer:0A", format!("{ECHO}\n")),
        ("length2-be-inclusive", format!("\0\u{39}{ECHO}")),
        ("length2-be+trailer:0D0A", format!("\0\u{39}{ECHO}\r\n")),
        ("length4-ascii+trailer-uncounted:0D0A", format!("0055{ECHO}\r\n")),
    ] {
        for count in [1, 2, 5] {
            let (_, out, _) = decode(&["--json", &hex(frame.repeat(count).as_bytes())]);
            let all = json(&out);
            let framings: Vec<&Value> = all.iter().map(|one| &one["framing"]).collect();
            assert_eq!(framings, vec![framing; count], "{out}");
            assert!(all.iter().all(|one| one["errors"] == serde_json::json!([])), "{out}");
        }
    }
}

#[test]
fn a_damaged_message_type_changes_no_framing() {
    let framed = |message: &[u8]| [&[0, message.len() as u8][..], message].concat();
    let good = framed(ECHO.as_bytes());
    for mti in [&[b'X'; 4][..], b"0X00", b"MTI0", b"\0\0\0\0", b"\xFF\xFF\xFF\xFF", b"9999", b"0J00"] {
        let message = [mti, &ECHO.as_bytes()[4..]].concat();
        let tpdu = [&[0x60, 0, 3, 0, 0][..], &message].concat();
        let ascii = [b"0055", &message[..]].concat();
        for (framing, frame) in
            [("length2-be", framed(&message)), ("length2-be+tpdu", framed(&tpdu)), ("length4-ascii", ascii)]
        {
            let one = found(&frame).remove(0);
            assert_eq!(one["framing"], framing, "{one}");
            assert!(one["errors"][0]["de"].as_u64().is_some(), "{one}");
            let tried = &one["tried"];
            assert!(
                tried["divisions"].as_u64() >= Some(1) && tried["dialects"].as_u64() >= Some(10),
                "{one}"
            );
            assert!(tried["reason"].as_str().is_some_and(|reason| reason.contains("expected")), "{one}");
            assert!(!one["framing"].as_str().unwrap().contains("opaque"), "{one}");
        }
        // Without a length, and among others of a stream.
        let one = found(&message).remove(0);
        assert_eq!((&one["framing"], &one["header"]), (&Value::Null, &Value::Null), "{one}");
        let bad = framed(&message);
        let all = found(&bad.repeat(3));
        assert!(all.len() == 3 && all.iter().all(|one| one["framing"] == "length2-be"), "{all:?}");
        for stream in [[&good[..], &bad, &good], [&bad, &good, &good], [&good, &good, &bad]] {
            let all = found(&stream.concat());
            let framings: Vec<&Value> = all.iter().map(|one| &one["framing"]).collect();
            assert_eq!(framings, ["length2-be"; 3], "{all:?}");
            let wrong = all.iter().filter(|one| one["errors"] != serde_json::json!([])).count();
            assert_eq!(wrong, 1, "{all:?}");
        }
    }
    let (code, out, _) = decode(&[&hex(&framed(&[&[b'X'; 4][..], &ECHO.as_bytes()[4..]].concat()))]);
    assert_eq!(code, 1);
    let said = "nothing reads this to its end: tried ";
    let line = out.lines().find(|line| line.starts_with(said)).unwrap_or_else(|| panic!("{out}"));
    assert!(
        line.ends_with(
            " dialects; the furthest stops at byte 2, iso87-ascii framed length2-be: MTI, offset 0: expected four decimal \
             digits, found a letter"
        ),
        "{line}"
    );
}

#[test]
fn where_nothing_is_read_it_is_said_how_far_anything_came() {
    // A field that is wrong, behind a length and without.
    let wrong = ECHO.replace("0001301", "00x1301");
    for (bytes, offset, framing) in [
        (wrong.clone().into_bytes(), 50, Value::Null),
        ([&[0, 55], wrong.as_bytes()].concat(), 52, "length2-be".into()),
    ] {
        let tried = &found(&bytes)[0]["tried"];
        assert_eq!((&tried["offset"], &tried["framing"]), (&offset.into(), &framing), "{tried}");
    }
    // Who says how it is framed is not told what else was tried.
    let (code, out, _) =
        decode(&["--json", "--framing", "length2-be", &hex(&[&[0, 55], wrong.as_bytes()].concat())]);
    assert_eq!((code, &json(&out)[0]["tried"]), (1, &Value::Null));
    for (bytes, protocol) in [
        ("16030100c8010000c40303".to_owned() + &"ab".repeat(100), "TLS (a ClientHello)"),
        (hex(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP"),
    ] {
        let (code, out, _) = decode(&["--json", &bytes]);
        assert_eq!((code, &json(&out)[0]["tried"]["protocol"]), (1, &protocol.into()), "{out}");
        let (_, out, _) = decode(&[&bytes]);
        assert!(out.contains(&format!("this begins as {protocol} does, not as a message")), "{out}");
    }
}
