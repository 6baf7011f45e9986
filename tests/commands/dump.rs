//! `journal dump` and `tail`: which records are shown, by what they are called, and in what form.

use super::{journal_of, printed, run, stderr};
use crate::harness::{Purchase, Switch, binary, pan};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const RULES: &str = "[[rule]]\nname = \"no-gambling\"\nwhen = 'merchant.category == 7995'\ndecline = \"57\"\n\
    [[limit]]\nname = \"small\"\nscope = \"card\"\nwindow = \"transaction\"\namount = 50000\ndecline_amount = \"61\"\n";

/// Six records: two links, two cards, two message types, a rule's decline and a limit's.
fn journal(folder: &Path) {
    std::fs::write(folder.join("rules.toml"), RULES).unwrap();
    let rules = format!("rules.file={}", folder.join("rules.toml").display());
    let switch = Switch::start(&folder.join("data"), &[&rules]);
    let ask = |link: &str, mti: &str, purchase: Purchase| {
        switch.connect(link).ask(mti, &purchase.fields()).code().to_owned()
    };
    let purchase = |card, stan, amount| Purchase::new(&pan("411111", card), stan, amount);
    assert_eq!(ask("acquirer-ascii", "0100", purchase(1, 1, 1_000)), "00");
    assert_eq!(ask("acquirer-bcd", "0100", purchase(2, 2, 1_000)), "00");
    assert_eq!(ask("acquirer-ascii", "0200", purchase(1, 3, 1_000)), "00");
    assert_eq!(ask("acquirer-ascii", "0100", purchase(1, 4, 1_000).set(18, "7995")), "57");
    assert_eq!(ask("acquirer-bcd", "0100", purchase(2, 5, 60_000)), "61");
    assert_eq!(ask("acquirer-bcd", "0100", Purchase::new(&pan("411119", 1), 6, 1_000)), "14");
    assert!(switch.terminate().0.success());
}

fn dumped(folder: &Path, args: &[&str]) -> Vec<Value> {
    let all = [&["journal", "dump", "--data", "data", "--json"], args].concat();
    printed(folder, &all).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn seqs(folder: &Path, args: &[&str]) -> Vec<u64> {
    dumped(folder, args).iter().map(|record| record["seq"].as_u64().unwrap()).collect()
}

#[test]
fn records_are_chosen_by_what_they_say() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    journal(folder);
    let cards = [1, 2].map(|number| pan("411111", number)).map(|pan| format!("411111******{}", &pan[12..]));
    let rows: [(&[&str], &[u64]); 18] = [
        (&[], &[1, 2, 3, 4, 5, 6]),
        (&["--from", "3"], &[3, 4, 5, 6]),
        (&["--to", "2"], &[1, 2]),
        (&["--from", "2", "--to", "4"], &[2, 3, 4]),
        (&["--rrn", "632609000003"], &[3]),
        (&["--rrn", "632609000003", "--rrn", "632609000006"], &[3, 6]),
        (&["--stan", "5"], &[5]),
        (&["--stan", "000005"], &[5]),
        (&["--card", &cards[0]], &[1, 3, 4]),
        (&["--card", &cards[1]], &[2, 5]),
        (&["--card", "411119*"], &[6]),
        (&["--code", "57", "--code", "61"], &[4, 5]),
        (&["--mti", "0200"], &[3]),
        (&["--link", "acquirer-bcd"], &[2, 5, 6]),
        (&["--link", "0"], &[1, 3, 4]),
        (&["--rule", "no-gambling"], &[4]),
        (&["--rule", "small"], &[5]),
        (&["--link", "acquirer-bcd", "--code", "00"], &[2]),
    ];
    for (args, expected) in rows {
        assert_eq!(seqs(folder, args), expected, "{args:?}");
    }
    for (args, reason) in [
        (&["--card", "4111110000000013"][..], "masked form"),
        (&["--mti", "100"], "four digits"),
        (&["--from", "yesterday"], "neither the number of a record nor a time"),
    ] {
        let output = run(folder, &[&["journal", "dump", "--data", "data"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(reason), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_name_that_nothing_has_or_had_is_an_error_that_lists_those_there_are() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    journal(folder);
    // Later versions, whose names count beside the earlier ones.
    std::fs::write(folder.join("rules.toml"), RULES.replace("no-gambling", "no-lotteries")).unwrap();
    std::fs::write(
        folder.join("links.toml"),
        "[links.branch]\nlisten = \"127.0.0.1:0\"\ndialect = \"iso87-ascii\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
    )
    .unwrap();
    let rules = format!("rules.file={}", folder.join("rules.toml").display());
    let switch = Switch::start_with(&folder.join("data"), &[&rules], |command| {
        command.arg("--config").arg(folder.join("links.toml"));
    });
    assert!(switch.terminate().0.success());
    for command in ["dump", "tail", "stand-in"] {
        let all = [command, "--data", "data", "--from", "1", "--to", "2020-01-01"];
        for (option, name, reason) in [
            (
                "--link",
                "nosuch",
                &["no link is or was called \"nosuch\": ", "acquirer-ascii", "acquirer-bcd", "branch"][..],
            ),
            ("--link", "3", &["no link is or was called \"3\": "]),
            (
                "--rule",
                "nosuch",
                &["no rule or limit is or was called \"nosuch\": ", "no-gambling", "no-lotteries", "small"],
            ),
            ("--rule", "0", &["no rule or limit is or was called \"0\": "]),
        ] {
            let output = run(folder, &[&["journal"][..], &all, &[option, name]].concat());
            assert_eq!(output.status.code(), Some(2), "{command} {option} {name}: {}", stderr(&output));
            let said = stderr(&output);
            assert!(reason.iter().all(|words| said.contains(words)), "{said}");
        }
        for (option, name) in [
            ("--link", "branch"),
            ("--link", "acquirer-bcd"),
            ("--rule", "no-lotteries"),
            ("--rule", "no-gambling"),
        ] {
            printed(folder, &[&["journal"][..], &all, &[option, name]].concat());
        }
    }
    let data = folder.join("without-rules");
    journal_of(&data, &[("acquirer-ascii", 1, 1, 100)], &[]);
    let output = run(folder, &["journal", "dump", "--data", "without-rules", "--rule", "small"]);
    assert!(
        output.status.code() == Some(2) && stderr(&output).contains("there is none"),
        "{}",
        stderr(&output)
    );
    // Without the key of the rules their numbers are left.
    std::fs::rename(folder.join("data/keys/data.key"), folder.join("away")).unwrap();
    let output = run(folder, &["journal", "dump", "--data", "data", "--rule", "small"]);
    assert!(
        output.status.code() == Some(2) && stderr(&output).contains("give its number"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn links_and_rules_have_names_in_every_form() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    journal(folder);
    let records = dumped(folder, &["--from", "4", "--to", "5"]);
    let names = |record: &Value| {
        [&record["link_name"], &record["ruled"]["rule_name"], &record["ruled"]["limit_name"]]
            .map(Value::clone)
    };
    assert_eq!(names(&records[0]), ["acquirer-ascii".into(), "no-gambling".into(), Value::Null]);
    assert_eq!(names(&records[1]), ["acquirer-bcd".into(), Value::Null, "small".into()]);
    assert_eq!((&records[0]["link"], &records[0]["ruled"]["rule"]), (&0.into(), &1.into()));
    let lines = printed(folder, &["journal", "dump", "--data", "data", "--stan", "4"]);
    assert!(lines.trim_end().ends_with("link acquirer-ascii  rule no-gambling"), "{lines}");
    let csv = printed(folder, &["journal", "dump", "--data", "data", "--csv", "--from", "4"]);
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let heads = rows.headers().unwrap().clone();
    let of = |row: &csv::StringRecord, name: &str| {
        row[heads.iter().position(|head| head == name).unwrap()].to_owned()
    };
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    let some = rows
        .iter()
        .map(|row| ["seq", "link", "mti", "stan", "code", "rule", "limit"].map(|name| of(row, name)));
    assert_eq!(
        some.collect::<Vec<_>>(),
        [
            ["4", "acquirer-ascii", "0100", "000004", "57", "no-gambling", ""],
            ["5", "acquirer-bcd", "0100", "000005", "61", "", "small"],
            ["6", "acquirer-bcd", "0100", "000006", "14", "", ""],
        ]
    );
    // Without the key of the rules there are numbers; links need none.
    std::fs::rename(folder.join("data/keys/data.key"), folder.join("away")).unwrap();
    let records = dumped(folder, &["--from", "4", "--to", "4"]);
    assert_eq!(names(&records[0]), ["acquirer-ascii".into(), Value::Null, Value::Null]);
    assert_eq!(seqs(folder, &["--rule", "1", "--link", "acquirer-ascii"]), [4]);
    assert!(!folder.join("data/keys/data.key").exists(), "a reader made a key");
}

/// The time of each record.
fn times(folder: &Path) -> Vec<String> {
    dumped(folder, &[]).iter().map(|record| record["time"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_stretch_of_time_is_shown_in_full() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    journal(folder);
    let times = times(folder);
    let day = |time: &str| time[..10].to_owned();
    let (first, last) = (day(&times[0]), day(&times[5]));
    let rows: [(&[&str], &[u64]); 7] = [
        (&["--from", &times[2]], &[3, 4, 5, 6]),
        (&["--to", &times[2]], &[1, 2]),
        (&["--from", &times[1], "--to", &times[3]], &[2, 3]),
        (&["--from", &first, "--to", &last], &[1, 2, 3, 4, 5, 6]),
        (&["--to", "2020-01-01"], &[]),
        (&["--from", "-400d"], &[1, 2, 3, 4, 5, 6]),
        (&["--from", "2100-01-01T00:00"], &[]),
    ];
    for (args, expected) in rows {
        assert_eq!(seqs(folder, args), expected, "{args:?}");
    }
}

#[test]
fn tail_follows_what_is_asked_for_and_says_where_there_is_nothing_to_follow() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let output = run(folder, &["journal", "tail", "--data", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nowhere: not a data folder"), "{}", stderr(&output));
    let data = folder.join("data");
    journal_of(&data, &[("acquirer-ascii", 1, 1, 100), ("acquirer-ascii", 2, 2, 100)], &[]);
    let switch = Switch::start(&data, &[]);
    let mut tail = Command::new(binary())
        .args([
            "journal",
            "tail",
            "--data",
            "data",
            "--from",
            "1",
            "--to",
            "6",
            "--link",
            "acquirer-bcd",
            "--json",
        ])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    for (link, stan) in
        [("acquirer-ascii", 3), ("acquirer-bcd", 4), ("acquirer-ascii", 5), ("acquirer-bcd", 6)]
    {
        switch.connect(link).ask("0100", &Purchase::new(&pan("411111", 3), stan, 100).fields());
        if link == "acquirer-bcd" {
            let record: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            assert_eq!((&record["seq"], &record["link_name"]), (&stan.into(), &link.into()));
        }
    }
    // The last record that is asked for is the end.
    assert!(lines.next().is_none() && tail.wait().unwrap().success());
    assert!(switch.terminate().0.success());
    let ended = printed(folder, &["journal", "tail", "--data", "data", "--from", "1", "--to", "2020-01-01"]);
    assert_eq!(ended, "");
}
