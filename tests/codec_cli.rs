//! `authswitch decode` and `authswitch specs` as scripts see them: JSON, exit codes, masking.

#![allow(clippy::unwrap_used)]

use authswitch::wire::{Bitmap, Dialect, Mti};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_authswitch"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

fn json(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sample(dialect: &str) -> &'static str {
    let text = include_str!("vectors/auth-0100.txt");
    text.lines().find_map(|line| line.strip_prefix(dialect)?.strip_prefix(' ')).unwrap()
}

fn field(message: &Value, de: u64) -> &Value {
    message["fields"].as_array().unwrap().iter().find(|field| field["de"] == de).unwrap()
}

#[test]
fn a_batch_gives_one_object_a_line() {
    let input = format!("{}\n# a comment\n\n{}\n", sample("iso87-ascii"), sample("iso87-bcd"));
    let output = run(&["decode", "--json", "-"], &input);
    assert_eq!(output.status.code(), Some(0));
    let messages = json(&output);
    assert_eq!(messages.len(), 2);
    for (message, (dialect, offset, length)) in
        messages.iter().zip([("iso87-ascii", 20, 18), ("iso87-bcd", 10, 9)])
    {
        assert_eq!((&message["mti"], &message["dialect"]), (&Value::from("0100"), &Value::from(dialect)));
        assert_eq!(message["errors"], Value::Array(Vec::new()));
        let pan = field(message, 2);
        assert_eq!(pan["name"], "Primary account number");
        assert_eq!(pan["value"], "411111******0013");
        assert_eq!((&pan["offset"], &pan["length"]), (&Value::from(offset), &Value::from(length)));
        assert_eq!(field(message, 3)["fields"][0]["sub"], 1);
        let cryptogram = &field(message, 55)["fields"][0];
        assert_eq!((&cryptogram["tag"], &cryptogram["value"]), (&"9F26".into(), &"A1B2C3D4E5F60708".into()));
    }
}

#[test]
fn unmasked_values_are_exact() {
    for dialect in ["iso87-ascii", "iso87-bcd"] {
        let output = run(&["decode", "--json", "--unmask", "--dialect", dialect, sample(dialect)], "");
        let message = &json(&output)[0];
        assert_eq!(field(message, 2)["value"], "4111110000000013");
        assert_eq!(field(message, 35)["value"], "4111110000000013=30122011000000000000");
    }
}

#[test]
fn nothing_sensitive_is_shown_without_being_asked_for() {
    let fields: [(u8, &[u8]); 7] = [
        (2, b"4111111111111111"),
        (35, b"4111111111111111=3012201000001230000"),
        (45, b"B4111111111111111^DOE/J^30122010000"),
        (48, b"CARD 4111111111111111, T9203976"),
        (52, &[0xC0, 0xFF, 0xEE, 0xC0, 0xFF, 0xEE, 0xC0, 0xFF]),
        (55, b"\x5A\x08\x41\x11\x11\x11\x11\x11\x11\x11\x57\x07\x41\x11\x11\x11\x11\x11\xD3"),
        (126, b"CVV 976"),
    ];
    let value = |(de, bytes): (u8, &'static [u8])| match de {
        52 | 55 => (de, authswitch::wire::Value::Bytes(bytes)),
        _ => (de, authswitch::wire::Value::Text(bytes)),
    };
    let mut frame = Vec::new();
    let mti = Mti::new(0x0100).unwrap();
    let ascii = Dialect::builtin("iso87-ascii").unwrap();
    ascii.build(&mut frame, mti, None, Bitmap::EMPTY, &fields.map(value)).unwrap();
    let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    let open = run(&["decode", "--json", "--unmask", &hex], "");
    let masked = run(&["decode", "--json", &hex], "");
    let text = run(&["decode", &hex], "");
    assert_eq!(open.status.code(), Some(0), "{}", String::from_utf8_lossy(&open.stdout));
    for secret in ["411111111111", "3012201", "DOE", "C0FFEE", "D3", "976"] {
        assert!(String::from_utf8_lossy(&open.stdout).contains(secret), "{secret} is not in the message");
        for output in [&masked, &text] {
            assert!(!String::from_utf8_lossy(&output.stdout).contains(secret), "{secret} is shown");
        }
    }
}

#[test]
fn an_invalid_message_shows_what_was_read_and_exits_1() {
    let ascii = sample("iso87-ascii");
    let broken = format!("{}58{}", &ascii[..92], &ascii[94..]);
    let output = run(&["decode", "--json", &broken], "");
    assert_eq!(output.status.code(), Some(1));
    let message = &json(&output)[0];
    assert_eq!(message["errors"].as_array().unwrap().len(), 1);
    assert_eq!((&message["errors"][0]["de"], &message["errors"][0]["offset"]), (&4.into(), &46.into()));
    assert_eq!(message["errors"][0]["reason"], "expected digits, found a letter");
    assert_eq!(message["fields"].as_array().unwrap().len(), 24);
}

#[test]
fn a_length_before_the_message_is_taken_off_and_named() {
    let hex = sample("iso87-bcd");
    let output = run(&["decode", "--json", &format!("{:04x}{hex}", hex.len() / 2)], "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(json(&output)[0]["framing"], "length2-be");
}

#[test]
fn wrong_usage_exits_2() {
    for args in [
        &["decode", "xyz"][..],
        &["decode", "010"],
        &["decode", "--dialect", "none", "0100"],
        &["decode", "--dialect", "none.toml", "0100"],
        &["decode", ""],
        &["specs", "show", "none"],
        &["specs", "check", "none.toml"],
    ] {
        let output = run(args, "");
        let empty = args == ["decode", ""];
        assert_eq!(output.status.code(), Some(if empty { 0 } else { 2 }), "{args:?}");
        assert_eq!(output.stderr.is_empty(), empty, "{args:?}");
    }
}

#[test]
fn specs_are_listed_shown_and_checked() {
    let list = json(&run(&["specs", "list", "--json"], ""));
    assert_eq!(list[0][1]["name"], "iso87-bcd");
    let show = json(&run(&["specs", "show", "iso87-bcd", "--json"], ""));
    let pan = &show[0]["fields"][0];
    assert_eq!((&pan["de"], &pan["format"], &pan["encoding"]), (&2.into(), &"n..19".into(), &"bcd".into()));
    let prefix = serde_json::json!({"bytes": 1, "counts": "value", "inclusive": false});
    assert_eq!((&pan["length"], &pan["prefix"], &pan["pad"]), (&"bcd".into(), &prefix, &"right 0".into()));
    assert_eq!((&show[0]["fixed_bitmaps"], &show[0]["third_bitmap"]), (&false.into(), &false.into()));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let path = file.to_str().unwrap();
    // What the dialect says of messages is no code of ours: it is shown with the rest.
    let terminal = json(&run(&["specs", "show", "terminal", "--json"], ""));
    let (standard, terminal) = (&show[0]["messages"], &terminal[0]["messages"]);
    let of = |messages: &Value, kind: &str| messages["mandatory"][kind].clone();
    for (kind, usual, terminals) in [
        ("0100", vec![3, 7, 11], vec![3, 11]),
        ("0200", vec![3, 7, 11], vec![3, 11]),
        ("0400", vec![7, 11], vec![11]),
        ("0800", vec![7, 11, 70], vec![11]),
    ] {
        assert_eq!((of(standard, kind), of(terminal, kind)), (usual.into(), terminals.into()), "{kind}");
    }
    assert_eq!(standard["merchant_country"], serde_json::json!(["43.country=alpha-2"]));
    assert_eq!(terminal["network_codes"], serde_json::json!({ "92": "001", "99": "001" }));
    assert_eq!(standard["cannot_verify"]["mac"], "96");
    let text = run(&["specs", "show", "mastercard-cis"], "");
    let text = String::from_utf8(text.stdout).unwrap();
    for line in ["  0800  7  11  70", "61.13=numeric  43.country=state-or-alpha-3", "pin 86", "48.92"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let source = run(&["specs", "show", "iso87-bcd", "--source"], "");
    std::fs::write(&file, &source.stdout).unwrap();
    assert_eq!(run(&["specs", "check", path], "").status.code(), Some(0));
    assert_eq!(run(&["decode", "--dialect", path, sample("iso87-bcd")], "").status.code(), Some(0));

    let wrong = String::from_utf8(source.stdout).unwrap().replace("\"bcd\"]", "\"packed\"]");
    std::fs::write(&file, wrong).unwrap();
    let check = run(&["specs", "check", path, "--json"], "");
    assert_eq!(check.status.code(), Some(1));
    assert_eq!((&json(&check)[0]["ok"], &json(&check)[0]["errors"][0]["line"]), (&false.into(), &5.into()));
    let said = run(&["specs", "check", path], "");
    assert!(String::from_utf8_lossy(&said.stderr).contains("mine.toml:5:21"));
    assert_eq!(run(&["decode", "--dialect", path, "0100"], "").status.code(), Some(2));
}
