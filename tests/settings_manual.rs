//! `config/authswitch.toml` is the manual: what it says of each key is what the program does.
#![allow(clippy::unwrap_used)]

use authswitch::settings::{MANUAL, Require, Settings, WhenUnverified};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A key as the manual shows it.
struct Entry {
    /// Where it stands, e.g. `links.acquirer-ascii.budget_ms`.
    path: String,
    /// The comment right above it, in one line; empty if there is none.
    comment: String,
    value: String,
}

/// Reads the manual as text: table headers, comments, `key = value`.
fn entries() -> Vec<Entry> {
    let (mut table, mut comment, mut found) = (String::new(), String::new(), Vec::new());
    for line in MANUAL.lines() {
        if let Some(words) = line.strip_prefix('#') {
            comment.push_str(words);
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']').to_owned();
        } else if let Some((key, value)) = line.split_once(" = ") {
            let (path, value) = (format!("{table}.{key}"), value.to_owned());
            found.push(Entry { path, comment: comment.clone(), value });
        }
        comment.clear();
    }
    found
}

/// The path with names of links and programs replaced by `*`.
fn pattern(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('.').collect();
    if matches!(parts[0], "links" | "programs") {
        parts[1] = "*";
    }
    parts.join(".")
}

/// The paths of all leaves of the settings as they are in memory; an absent limit is a leaf too.
fn leaves(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, into);
            }
        }
        _ => drop(into.insert(pattern(path))),
    }
}

fn with(path: &str, value: impl std::fmt::Display) -> Result<Settings, String> {
    Settings::load(None, &[format!("{path}={value}")]).map_err(|error| error.to_string())
}

/// The first `A to B` of a comment.
fn range_of(comment: &str) -> Option<(i64, i64)> {
    let words: Vec<&str> = comment.split_whitespace().map(|word| word.trim_matches(['.', ','])).collect();
    words.windows(3).find_map(|three| match three {
        [low, "to", high] => Some((low.parse().ok()?, high.parse().ok()?)),
        _ => None,
    })
}

#[test]
fn every_key_is_in_the_manual_under_a_comment_and_every_key_of_the_manual_exists() {
    let mut in_memory = BTreeSet::new();
    let canonical: Value = serde_json::from_str(&Settings::default().canonical()).unwrap();
    leaves(&canonical, "", &mut in_memory);
    let explained: BTreeSet<String> = entries()
        .iter()
        .filter(|entry| !entry.comment.is_empty())
        .map(|entry| pattern(&entry.path))
        .collect();
    assert_eq!(explained, in_memory);
}

#[test]
fn the_defaults_are_what_the_manual_shows() {
    let canonical: Value = serde_json::from_str(&Settings::default().canonical()).unwrap();
    for Entry { path, value, .. } in entries() {
        let shown: Value = serde_json::from_str(&value).unwrap();
        let in_force = path.split('.').fold(&canonical, |value, key| &value[key]);
        assert_eq!(in_force, &shown, "{path}");
    }
}

#[test]
fn the_range_in_each_numbers_comment_is_the_range_in_force() {
    let mut checked = 0;
    for Entry { path, comment, value } in entries().iter().filter(|entry| entry.value.parse::<i64>().is_ok())
    {
        let (low, high) = range_of(comment).unwrap_or_else(|| panic!("{path}: no `A to B` in {comment:?}"));
        for legal in [low, high] {
            with(path, legal).unwrap_or_else(|error| panic!("{error}"));
        }
        for illegal in [low - 1, high + 1] {
            let error = with(path, illegal).map(drop).expect_err(path);
            assert!(error.contains(&format!("must be {low} to {high}")), "{error}");
        }
        assert!(with(path, "abc").is_err() && with(path, "1.5").is_err(), "{path}");
        assert!((low..=high).contains(&value.parse().unwrap()));
        checked += 1;
    }
    assert!(checked > 25, "only {checked} numbers: did the manual change its shape?");
}

#[test]
fn the_words_in_a_choices_comment_are_the_choices() {
    let quoted = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut choices = BTreeMap::new();
    for Entry { path, comment, value } in entries() {
        let words = quoted(&comment);
        if words.len() > 1 && words.contains(&value.trim_matches('"').to_owned()) {
            choices.insert(path, words);
        }
    }
    let names: Vec<&str> = choices.keys().map(String::as_str).collect();
    let expected = [
        "journal.on_full",
        "links.acquirer-ascii.fees",
        "links.acquirer-ascii.keep_alive",
        "links.acquirer-ascii.on_unreadable",
        "links.acquirer-ascii.reply_after",
        "links.acquirer-ascii.verified",
        "log.format",
        "log.level",
        "transactions.on_full",
        "verification.cryptogram.require",
        "verification.cryptogram.when_unverified",
        "verification.cvv.require",
        "verification.cvv.when_unverified",
        "verification.mac.require",
        "verification.mac.when_unverified",
        "verification.pin.require",
        "verification.pin.when_unverified",
    ];
    assert_eq!(names, expected);
    for (path, words) in &choices {
        for word in words {
            with(path, word).unwrap_or_else(|error| panic!("{error}"));
        }
        let error = with(path, "nonsense").map(drop).unwrap_err();
        let named = quoted(error.split("must be").nth(1).unwrap());
        assert_eq!(named[..words.len()], words[..], "{error}");
    }
}

#[test]
fn every_number_changes_the_fingerprint() {
    let default = Settings::default().fingerprint();
    for Entry { path, comment, value } in entries() {
        let Ok(number) = value.parse::<i64>() else { continue };
        let other = if number == range_of(&comment).unwrap().0 { number + 1 } else { number - 1 };
        assert_ne!(with(&path, other).unwrap().fingerprint(), default, "{path}");
        assert_eq!(with(&path, number).unwrap().fingerprint(), default, "{path}");
    }
}

#[test]
fn the_demo_asks_no_proof_unless_a_file_or_an_override_does() {
    let require = |settings: &Settings| {
        let asked = settings.verification;
        [asked.pin, asked.cvv, asked.cryptogram, asked.mac].map(|demand| demand.require)
    };
    let demo = |set: &[&str]| {
        let set: Vec<String> = set.iter().map(|set| (*set).to_owned()).collect();
        Settings::load_for_demo(None, &set).unwrap()
    };
    assert_eq!(require(&Settings::default()), [Require::WhenPresent; 4]);
    assert_eq!(require(&demo(&[])), [Require::Ignored; 4]);
    assert_eq!(require(&demo(&["verification.pin.require=required"]))[0], Require::Required);
    // Nothing else is otherwise.
    let same = Settings { verification: Settings::default().verification, ..demo(&[]) };
    assert_eq!(same, Settings::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    std::fs::write(&file, "[verification.pin]\nrequire = \"when-present\"\nwhen_unverified = \"stand-in\"\n")
        .unwrap();
    let own = Settings::load_for_demo(Some(&file), &[]).unwrap().verification;
    assert_eq!((own.pin.require, own.pin.when_unverified), (Require::WhenPresent, WhenUnverified::StandIn));
    assert_eq!(own.mac.require, Require::Ignored);
}
