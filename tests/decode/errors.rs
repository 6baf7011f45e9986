//! What is wrong with a message: every error with its place, what was expected and found; what could be read all the same;
//! and the same for what is inside fields.

use super::{bytes, decode, field, frame, hex, json};
use serde_json::json as object;

#[test]
fn all_errors_are_listed_and_reading_goes_on() {
    // A letter in the amount, a control character in the terminal's name.
    let mut message = bytes(frame("M1"));
    message[4 + 46] = b'X';
    message[4 + 115] = 7;
    let (code, out, _) = decode(&["--json", &hex(&message)]);
    let found = &json(&out)[0];
    assert_eq!(code, 1);
    let errors = object!([
        {"de": 4, "offset": 46, "reason": "expected digits, found a letter", "name": "Amount, transaction",
            "raw": "303058303030303130303030"},
        {"de": 41, "offset": 115, "reason": "expected printable ASCII characters, found a control character",
            "name": "Card acceptor terminal identification", "raw": "0745524D30303031"},
    ]);
    assert_eq!(found["errors"], errors);
    assert_eq!(found["fields"].as_array().unwrap().len(), 15);
    assert_eq!(field(found, "49").unwrap()["value"], "978");
    let (_, tree, _) = decode(&[&hex(&message)]);
    assert!(tree.contains("error: DE 4, offset 46: expected digits, found a letter\n"), "{tree}");
    let row = tree.lines().find(|line| line.starts_with("4 ")).unwrap();
    assert!(
        row.contains("3030583030303031..") && row.ends_with("wrong: expected digits, found a letter"),
        "{row}"
    );
}

#[test]
fn what_is_not_read_is_counted_and_shown_on_demand_only() {
    let mut message = bytes(frame("M1"));
    message.truncate(4 + 140);
    let (code, out, _) = decode(&["--json", "--dialect", "iso87-ascii", &hex(&message[4..])]);
    let found = &json(&out)[0];
    assert_eq!(code, 1);
    assert_eq!(found["unread"], object!({"offset": 138, "length": 2}));
    assert_eq!(found["errors"][0]["reason"], "expected 40 bytes, found 2");
    let (_, open, _) = decode(&["--json", "--unmask", "--dialect", "iso87-ascii", &hex(&message[4..])]);
    assert_eq!(json(&open)[0]["unread"]["raw"], "434F");
}

#[test]
fn a_frame_that_was_cut_short_says_by_how_much() {
    for (name, framing) in [("M1", "length4-ascii"), ("M3", "length2-be")] {
        let whole = bytes(frame(name));
        let (code, out, _) = decode(&["--json", &hex(&whole[..whole.len() - 30])]);
        let found = &json(&out)[0];
        assert_eq!((code, &found["framing"], &found["missing"]), (1, &framing.into(), &30.into()), "{name}");
        assert_eq!(found["errors"].as_array().unwrap().len(), 1, "{name}: {out}");
    }
}

#[test]
fn what_is_wrong_inside_a_field_has_its_address_and_leaves_the_message_right() {
    // Tag 91 says that it has eleven bytes, of ten.
    let mut message = bytes(frame("M4"));
    let at = message.windows(2).position(|two| two == [0x91, 0x0A]).unwrap();
    message[at + 1] = 0x0B;
    let (code, out, _) = decode(&["--json", &hex(&message)]);
    let found = &json(&out)[0];
    let warnings =
        object!([{"de": 55, "key": "55.rest", "offset": 89, "reason": "expected 11 bytes, found 10"}]);
    assert_eq!((code, &found["errors"], &found["warnings"]), (0, &object!([]), &warnings));
    let (_, tree, _) = decode(&[&hex(&message)]);
    assert!(tree.contains("warning: 55.rest, offset 89: expected 11 bytes, found 10\n"), "{tree}");
}

#[test]
fn sensitive_fields_that_are_wrong_show_nothing() {
    let mut message = bytes(frame("M3"));
    // The pad of track 2.
    message[7 + 71] = 0x01;
    let (code, out, _) = decode(&["--dialect", "terminal", &hex(&message)]);
    assert_eq!(code, 1);
    assert!(out.contains("error: DE 35, offset"), "{out}");
    for secret in ["4111111111111111", "D2912", "29122010000012300"] {
        assert!(!out.contains(secret), "{secret}\n{out}");
    }
}

#[test]
fn wrong_usage_exits_2_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words.txt");
    std::fs::write(&file, "no message here\n").unwrap();
    let file = file.to_str().unwrap();
    for (args, reason) in [
        (&["xyz"][..], "expected hexadecimal, or a file that exists"),
        (&["010"], "expected an even number of hexadecimal digits, found 3"),
        (&["--dialect", "none", "0100"], "none"),
        (&["--framing", "length9", "0100"], "length9"),
        (&[file], "expected a message, found none"),
        (&["--diff", "0100", file], "expected one message a side, found 0"),
    ] {
        let (code, out, err) = decode(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(reason), "{args:?}: {err}");
    }
}
