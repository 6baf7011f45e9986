//! Where messages come from: arguments, files of every kind, captures, logs, standard input.

use super::{bytes, decode, decode_with, frame, hex, json};
use std::fmt::Write;

const ECHO: &str = "0800822000000000000004000000000000001005123456000001301";

/// A capture file of one connection: who sends (the client is true), microseconds, payload.
fn pcap(packets: &[(bool, u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xA1B2_C3D4u32, 0x0004_0002, 0, 0, 65_535, 101] {
        out.extend(word.to_le_bytes());
    }
    let mut next = [1u32, 1];
    for (from_client, at_us, payload) in packets {
        let side = usize::from(!from_client);
        let (ports, hosts) = if *from_client { ([5000u16, 8583], [1u8, 2]) } else { ([8583, 5000], [2, 1]) };
        let mut packet = vec![0x45, 0];
        packet.extend((40 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, hosts[0], 10, 0, 0, hosts[1]]);
        ports.iter().for_each(|port| packet.extend(port.to_be_bytes()));
        packet.extend(next[side].to_be_bytes());
        packet.extend([0, 0, 0, 0, 0x50, if payload.is_empty() { 2 } else { 0x18 }, 0xFF, 0xFF, 0, 0, 0, 0]);
        packet.extend(payload);
        next[side] += if payload.is_empty() { 1 } else { payload.len() as u32 };
        for word in [1_768_480_496, *at_us, packet.len() as u32, packet.len() as u32] {
            out.extend(word.to_le_bytes());
        }
        out.extend(packet);
    }
    out
}

fn mtis(out: &str) -> Vec<String> {
    json(out).iter().map(|message| message["mti"].as_str().unwrap_or("none").to_owned()).collect()
}

#[test]
fn an_argument_is_hexadecimal_in_any_dress() {
    let plain = hex(ECHO.as_bytes());
    let pairs: Vec<&str> = (0..plain.len()).step_by(2).map(|at| &plain[at..at + 2]).collect();
    for text in [
        plain.to_uppercase(),
        pairs.join(" "),
        pairs.join(":"),
        format!("0x{}", pairs.join(", 0x")),
        format!("0x{plain}"),
        format!("2026-01-15T12:34:56Z INFO received {plain} from 10.0.0.1"),
    ] {
        let (code, out, err) = decode(&["--json", &text]);
        assert_eq!((code, mtis(&out)), (0, vec!["0800".to_owned()]), "{text}: {err}");
    }
    let (first, second) = plain.split_at(8);
    assert_eq!(mtis(&decode(&["--json", first, second]).1), ["0800"]);
}

#[test]
fn files_are_known_by_what_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let echo = ECHO.as_bytes();
    let line = hex(echo);
    let stream = [&bytes(frame("M1"))[..], &bytes(frame("M2"))].concat();
    let mut dump = String::new();
    for (row, bytes) in echo.chunks(16).enumerate() {
        let cells: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(dump, "{:08x}  {}", row * 16, cells.join(" ")).unwrap();
    }
    for (name, content, expected) in [
        ("lines", format!("# two\n{line}\n\n{line}\n").into_bytes(), &["0800", "0800"][..]),
        ("message", bytes(&frame("M1")[8..]), &["0100"]),
        ("frame", bytes(frame("M10a")), &["0800"]),
        ("frames", stream, &["0100", "0110"]),
        ("packed", bytes(frame("M4")), &["0210"]),
        ("log", format!("12:00 starting\n12:01 in {line}\n12:02 idle\n").into_bytes(), &["0800"]),
        ("dump", dump.into_bytes(), &["0800"]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let (code, out, err) = decode(&["--json", path.to_str().unwrap()]);
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert_eq!(mtis(&out), expected, "{name}");
    }
}

#[test]
fn a_connection_is_read_in_the_order_in_which_it_was_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("link.pcap");
    let (request, answer) = (bytes(frame("M3")), bytes(frame("M4")));
    // The request comes in two segments.
    let (head, tail) = request.split_at(100);
    let packets = [
        (true, 0, Vec::new()),
        (false, 1, Vec::new()),
        (true, 10, head.to_vec()),
        (true, 20, tail.to_vec()),
        (false, 30, answer.clone()),
        (true, 40, request.clone()),
        (false, 50, answer),
    ];
    std::fs::write(&path, pcap(&packets)).unwrap();
    let (code, out, err) = decode(&["--json", path.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(mtis(&out), ["0200", "0210", "0200", "0210"]);
    let messages = json(&out);
    let second = &messages[1];
    assert_eq!(second["origin"], "packet 5, 10.0.0.2:8583 -> 10.0.0.1:5000");
    assert_eq!(second["time"], "2026-01-15T12:34:56.000030Z");
    assert_eq!((&second["framing"], &second["header"]), (&"length2-be+tpdu".into(), &"6000000003".into()));
    assert!(messages.iter().all(|message| message["dialect"] == "terminal"));
    let (_, tree, _) = decode(&[path.to_str().unwrap()]);
    assert!(
        tree.contains("2026-01-15T12:34:56.000030Z  packet 5, 10.0.0.2:8583 -> 10.0.0.1:5000\n0210 "),
        "{tree}"
    );
}

#[test]
fn a_framing_that_is_said_is_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.bin");
    let message = &bytes(frame("M10a"))[4..];
    let framed = [&[0, 0, message.len() as u8][..], message, &[0, 0, message.len() as u8], message].concat();
    std::fs::write(&path, framed).unwrap();
    let (code, out, _) = decode(&["--json", "--framing", "length3-be", path.to_str().unwrap()]);
    assert_eq!((code, mtis(&out)), (0, vec!["0800".to_owned(), "0800".to_owned()]));
    assert_eq!(json(&out)[0]["framing"], "length3-be");
}

#[test]
fn standard_input_is_lines() {
    let line = hex(ECHO.as_bytes());
    let input = format!("{line}\nan idle line\n{line}\n");
    let (code, out, err) = decode_with(&["--json", "-"], input.as_bytes());
    assert_eq!((code, mtis(&out), err.as_str()), (0, vec!["0800".to_owned(), "0800".to_owned()], ""));
    assert_eq!(json(&out)[1]["origin"], "line 3");
    // A digit is missing: what should be a message is none.
    let (code, out, err) = decode_with(&["--json", "-"], format!("{line}\n{line}0\n").as_bytes());
    assert_eq!((code, mtis(&out).len()), (1, 1));
    assert_eq!(err, "authswitch decode: line 2: an odd number of hexadecimal digits; passed over\n");
}
