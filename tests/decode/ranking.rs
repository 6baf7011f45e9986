//! Which dialect a message is in, and with which others it is one: worked samples whole with their framing, and the
//! collected vectors.

use super::{decode, decode_with, frame, frames, json};
use authswitch::wire::Dialect;
use std::collections::BTreeMap;

fn dialects(message: &serde_json::Value) -> String {
    let also = message["also"].as_array().into_iter().flatten();
    let all = std::iter::once(&message["dialect"]).chain(also);
    all.map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(",")
}

#[test]
fn every_worked_sample_is_known_with_its_framing() {
    for [name, expected, framing, hex] in frames() {
        let (code, out, err) = decode(&["--json", hex]);
        let message = &json(&out)[0];
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert_eq!((dialects(message).as_str(), &message["framing"]), (expected, &framing.into()), "{name}");
        assert_eq!(message["errors"], serde_json::json!([]), "{name}");
    }
}

#[test]
fn every_right_vector_is_known_in_its_dialect_or_one_that_is_said_to_be_as_good() {
    let cases = include_str!("../vectors/messages.jsonl").lines().map(|line| json(line).remove(0));
    let right: Vec<_> = cases
        .filter(|case| case["fields"].is_object())
        .filter(|case| Dialect::builtin_names().contains(&case["dialect"].as_str().unwrap()))
        .collect();
    let lines: String = right.iter().map(|case| format!("{}\n", case["hex"].as_str().unwrap())).collect();
    let (_, out, _) = decode_with(&["--json", "-"], lines.as_bytes());
    let found = json(&out);
    assert_eq!(found.len(), right.len());
    let mut missed = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (case, message) in right.iter().zip(&found) {
        let (expected, all) = (case["dialect"].as_str().unwrap(), dialects(message));
        *counts.entry(expected.to_owned()).or_default() += 1;
        if !all.split(',').any(|name| name == expected) {
            missed.push(format!("{}: {all} instead of {expected}", case["id"]));
        }
    }
    assert_eq!(missed, [""; 0]);
    assert!(counts.len() >= 3, "{counts:?}");
}

#[test]
fn the_ranking_gives_reasons() {
    let (code, out, _) = decode(&["--all-dialects", frame("M3")]);
    assert_eq!(code, 0);
    let lines: Vec<String> = out.lines().map(squeezed).collect();
    assert_eq!(lines[0], "239 bytes");
    let best = "reads to the end, 19 fields; 10 of 10 values checked make sense; its own header is before it";
    assert_eq!(lines[1], format!("terminal {best}"));
    assert!(lines[2].starts_with("iso87-bcd DE 35, offset 71: expected the pad nibble 0, found another one"));
    assert!(squeezed(&out).contains(" iso93-bcd MTI, offset 0: expected version digit 1, found 0"));
    assert_eq!(lines.len(), 2 + Dialect::builtin_names().len());
}

/// Columns with single spaces between.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn equals_are_said_to_be_equal() {
    let (_, out, _) = decode(&["--all-dialects", "--json", frame("M1")]);
    let candidates = json(&out)[0]["candidates"].as_array().unwrap().clone();
    let equal: Vec<_> =
        candidates.iter().filter(|one| one["equal"] == true).map(|one| &one["dialect"]).collect();
    assert_eq!(equal, ["iso87-ascii", "base24"]);
    let (_, tree, _) = decode(&[frame("M1")]);
    assert!(tree.contains("iso87-ascii (or base24: nothing in it tells them apart), 181 bytes"), "{tree}");
}

#[test]
fn a_header_tells_equals_apart() {
    let message = hex_of("0800822000000000000004000000000000001005123456000001301");
    for (header, expected) in [("", "iso87-ascii,base24"), ("ISO026000050", "base24")] {
        let (_, out, _) = decode(&["--json", &format!("{}{message}", hex_of(header))]);
        assert_eq!(dialects(&json(&out)[0]), expected);
        let header =
            if header.is_empty() { serde_json::Value::Null } else { hex_of(header).to_uppercase().into() };
        assert_eq!(json(&out)[0]["header"], header);
    }
}

fn hex_of(text: &str) -> String {
    super::hex(text.as_bytes())
}

#[test]
fn where_none_fits_the_closest_are_named() {
    let mut broken = frame("M1").to_owned();
    broken.replace_range(104..106, "58");
    let (code, out, _) = decode(&[&broken]);
    assert_eq!(code, 1);
    let (_, closest) = out.split_once("no dialect reads it without an error; the closest:\n").unwrap();
    assert!(
        squeezed(closest).starts_with("iso87-ascii DE 4, offset 48: expected digits, found a letter"),
        "{closest}"
    );
    let (_, out, _) = decode(&["--dialect", "iso87-ascii", &broken]);
    assert!(!out.contains("closest"), "who names a dialect wants no other");
}
