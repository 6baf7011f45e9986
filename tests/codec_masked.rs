//! `authswitch decode` shows no card number of any message collected elsewhere, right or broken, those among them that
//! made other decoders show one; and it ends as it should on each.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

/// What `decode` prints for messages, one a line.
fn decode(options: &[&str], messages: &[String]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_authswitch"))
        .arg("decode")
        .args(options)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = messages.join("\n");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)) && complaint.is_empty(), "{options:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

fn passes_luhn(digits: &[u8]) -> bool {
    let weigh = |(i, c): (usize, &u8)| match u32::from(c & 15) << (i % 2) {
        ten @ 10.. => ten - 9,
        other => other,
    };
    digits.iter().rev().enumerate().map(weigh).sum::<u32>().is_multiple_of(10)
}

/// Words of 13 to 19 digits in a text that pass the check of card numbers, those of one repeated digit aside. Digits within
/// hexadecimal characters are no word.
fn card_numbers(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let runs =
        words.filter(|word| (13..=19).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_digit()));
    let numbers =
        runs.filter(|run| passes_luhn(run.as_bytes()) && run.bytes().any(|c| c != run.as_bytes()[0]));
    numbers.map(str::to_owned).collect()
}

/// The card numbers among all values of a message's JSON; DE 2 holds one whether it passes the check or not.
fn card_numbers_of(message: &Value, into: &mut BTreeSet<String>) {
    for field in message["fields"].as_array().into_iter().flatten() {
        let value = field["value"].as_str().unwrap();
        into.extend(card_numbers(value));
        // The digits that some test data counts up in all its fields are shown where they are no card number.
        let counted = "1234567890123456789".starts_with(value);
        if field["de"] == 2
            && value.len() >= 13
            && !counted
            && value.bytes().any(|c| c != value.as_bytes()[0])
        {
            into.insert(value.to_owned());
        }
        card_numbers_of(field, into);
    }
}

/// Messages in hexadecimal, by the TOML of a dialect or the name of one that comes with the program.
fn collected() -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in include_str!("vectors/messages.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let Some(hex) = case["hex"].as_str().filter(|hex| !hex.is_empty()) else { continue };
        let name = case["dialect"].as_str().unwrap();
        let file = format!("{}/tests/vectors/dialects/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file);
        let dialect = text.map_or(name.to_owned(), |text| text + case["plus"].as_str().unwrap_or(""));
        all.entry(dialect).or_default().push(hex.to_owned());
    }
    all
}

#[test]
fn no_card_number_of_any_collected_message_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut all: Vec<(Option<String>, Vec<String>)> =
        collected().into_iter().map(|(dialect, messages)| (Some(dialect), messages)).collect();
    // And as a message of no dialect known before.
    all.push((None, all.iter().flat_map(|(_, messages)| messages.clone()).collect()));
    let mut seen = BTreeSet::new();
    for (dialect, messages) in all {
        let mut options = Vec::new();
        let file = folder.path().join("dialect.toml");
        let file = file.to_str().unwrap();
        if let Some(dialect) = &dialect {
            std::fs::write(file, dialect).unwrap();
            options.extend(["--dialect", if dialect.contains('=') { file } else { dialect }]);
        }
        let open = decode(&[&options[..], &["--json", "--unmask"]].concat(), &messages);
        let mut numbers = BTreeSet::new();
        for line in open.lines() {
            card_numbers_of(&serde_json::from_str(line).unwrap(), &mut numbers);
        }
        assert_eq!(open.lines().count(), messages.len(), "{dialect:?}");
        let json = decode(&[&options[..], &["--json"]].concat(), &messages);
        let text = decode(&options, &messages);
        for number in &numbers {
            assert!(!json.contains(number) && !text.contains(number), "{number} is shown, {dialect:?}");
        }
        seen.extend(numbers);
    }
    // The messages did hold some.
    for number in ["4111111111111111", "5555555555554444", "4242424242424242", "5432101234567898"] {
        assert!(seen.contains(number), "{number} of {seen:?}");
    }
}
