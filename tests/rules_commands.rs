//! `authswitch rules`: check, lint, attributes and show, as people and scripts meet them.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Runs `authswitch rules` in a folder with these files.
fn rules(files: &[(&str, &str)], args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    run_in(folder.path(), args)
}

fn run_in(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authswitch"));
    command.current_dir(folder).arg("rules").args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn manual() -> &'static str {
    authswitch::rules::MANUAL
}

#[test]
fn check_measures_each_rule_of_a_right_file() {
    // The cost is measured: no budget that a busy machine could go over.
    let output = rules(&[("r.toml", manual())], &["check", "r.toml", "--budget-ns", "10000000"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    for words in
        ["no-gambling-abroad", "decline 57", "stand-in-small", "all together, at worst", "r.toml: right"]
    {
        assert!(out(&output).contains(words), "{words}: {}", out(&output));
    }
    let output = rules(&[("r.toml", manual())], &["check", "r.toml", "--json", "--budget-ns", "1"]);
    assert_eq!(output.status.code(), Some(1), "over the budget");
    let json: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((json["ok"].as_bool(), json["set"]["budget_ns"].as_u64()), (Some(false), Some(1)));
    let costs = json["set"]["rules"].as_array().unwrap();
    assert!(costs.len() == 7 && costs.iter().all(|rule| rule["cost_ns"].as_f64().unwrap() > 0.0));
}

#[test]
fn check_shows_every_mistake_with_a_caret() {
    let text = "[[rule]]\nname = \"a\"\nwhen = 'request.amont > 5'\ndecline = \"00\"\n\
        [[limit]]\nname = \"l\"\nscope = \"card\"\nwindow = \"day\"\ncount = 1\n";
    let output = rules(&[("r.toml", text)], &["check", "r.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let report = err(&output);
    for words in ["r.toml:3:9", "request.amont", "did you mean request.amount?", "r.toml:4:11", "00 approves"]
    {
        assert!(report.contains(words), "{words}: {report}");
    }
    let output = rules(&[("r.toml", text)], &["check", "r.toml", "--json"]);
    let json: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(
        (json["errors"][0]["line"].as_u64(), json["errors"][0]["column"].as_u64()),
        (Some(3), Some(9))
    );
    let zone = "[[limit]]\nname = \"l\"\nscope = \"card\"\nwindow = \"day\"\ntime_zone = \"Europe/Berlim\"\ncount = 1\n";
    let output = rules(&[("r.toml", zone)], &["check", "r.toml"]);
    assert!(
        err(&output).contains(
            "r.toml:5:13: there is no time zone \"Europe/Berlim\"; the nearest is \"Europe/Berlin\""
        ),
        "{}",
        err(&output)
    );
}

#[test]
fn list_files_stand_beside_the_rule_file_and_cards_are_not_shown() {
    let text = "[lists.cards]\nof = \"card\"\nfile = \"cards.txt\"\n[[rule]]\nname = \"a\"\n\
        when = 'card.number in lists.cards'\ndecline = \"04\"\n";
    let good = rules(&[("r.toml", text), ("cards.txt", "4111110000000013\n")], &["show", "r.toml"]);
    assert_eq!(good.status.code(), Some(0), "{}", err(&good));
    assert!(out(&good).contains("cards: 1 entries, card") && !out(&good).contains("41111100"));
    let bad = rules(&[("r.toml", text), ("cards.txt", "4111110000000013x\n")], &["check", "r.toml"]);
    assert!(err(&bad).contains("cards.txt, line 1: expected a card number"), "{}", err(&bad));
    assert!(!err(&bad).contains("41111100"));
    let missing = rules(&[("r.toml", text)], &["check", "r.toml"]);
    assert!(err(&missing).contains("r.toml:3:8: cards.txt: No such file"), "{}", err(&missing));
    let none = rules(&[], &["check", "r.toml"]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn a_file_of_ten_megabytes_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("r.toml"), vec![b'#'; 10 << 20]).unwrap();
    let output = run_in(folder.path(), &["check", "r.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("r.toml: at most 1048576 bytes are read, not 10485760"));
}

/// Conditions and effects of a file's rules, and what lint says of them; empty: nothing.
const LINTED: &[(&[&str], &str)] = &[
    (&["when='request.amount > 5'\ndecline='57'"], ""),
    (&["when='true'\ndecline='57'"], ""),
    (&["when='request.amount > 5 && request.amount < 3'\ndecline='57'"], "never matches [proved]"),
    (&["when='merchant.category == 12345'\ndecline='57'"], "never matches [proved]"),
    (&["when='request.amount >= 0'\ndecline='57'"], "always matches [proved]"),
    (
        &["when='request.amount + 1 < request.amount'\ndecline='57'"],
        "never matches [not proved: no witness in 4096",
    ),
    (
        &["when='request.amount > 5'\ndecline='57'", "when='request.amount > 7 && pos.chip'\ndecline='05'"],
        "has no effect: declined before by r0 (decline 57, line 2) [proved]",
    ),
    (
        &[
            "when='request.amount > 5'\ndecline='57'\nmode='shadow'",
            "when='request.amount > 7'\ndecline='05'",
        ],
        "",
    ),
    (&["when='request.amount > 7'\ndecline='57'", "when='request.amount > 5'\ndecline='05'"], ""),
    (
        &[
            "when='pos.chip'\ndecline='57'",
            "when='!pos.chip'\ndecline='05'",
            "when='request.amount > 5'\ndecline='61'",
        ],
        "r2 has no effect: declined before by r",
    ),
    (
        &[
            "when='merchant.country in [\"US\", \"DE\"]'\ntag='a'",
            "when='merchant.country == \"US\"'\ntag='b'",
        ],
        "",
    ),
    (
        &[
            "when='merchant.category in [1, 2]'\napprove_up_to=5",
            "when='merchant.category == 2 || merchant.category == 1'\napprove_up_to=7",
        ],
        "contradicts r0 (approve up to, line 2): the same messages, another effect [proved]",
    ),
    (&["when='card.bin == 411111'\ndecline='57'", "when='card.bin in [411111, 411112]'\nstand_in=true"], ""),
    (&["when='size(merchant.id) > 31'\ndecline='57'"], "never matches [not proved"),
];

#[test]
fn lint_finds_what_looks_wrong_and_nothing_else() {
    let mut wrong: Vec<String> = Vec::new();
    for (bodies, expected) in LINTED {
        let entries = bodies.iter().enumerate();
        let text: String = entries.map(|(n, body)| format!("[[rule]]\nname='r{n}'\n{body}\n")).collect();
        let output = rules(&[("r.toml", &text)], &["lint", "r.toml"]);
        let said = out(&output);
        let right = match *expected {
            "" => output.status.code() == Some(0) && said.contains("nothing looks wrong"),
            words => output.status.code() == Some(1) && said.contains(words) && said.contains("1 finding"),
        };
        if !right {
            wrong.push(format!("{text}\n expected {expected:?}, found {said}{}", err(&output)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_witness_shows_the_values_that_both_rules_read() {
    let text = "[[rule]]\nname='a'\nwhen='merchant.category == 7995'\ndecline='57'\n\
        [[rule]]\nname='b'\nwhen='merchant.category == 7995 && pos.chip'\ndecline='05'\n";
    let said = out(&rules(&[("r.toml", text)], &["lint", "r.toml"]));
    assert!(said.contains("for example: merchant.category = 7995, pos.chip = true"), "{said}");
}

#[test]
fn attributes_are_listed() {
    let output = rules(&[], &["attributes", "--json"]);
    let json: Value = serde_json::from_str(&out(&output)).unwrap();
    let all = json.as_array().unwrap();
    assert!(all.len() >= 60, "{}", all.len());
    let amount = all.iter().find(|row| row["name"] == "request.amount").unwrap();
    assert_eq!(
        (amount["type"].as_str(), amount["values"].as_str()),
        (Some("int"), Some("0 to 999999999999999"))
    );
    let plain = out(&rules(&[], &["attributes"]));
    assert!(plain.lines().count() == all.len() && plain.contains("request.type"));
}
