//! `serve --check` and `--print-config`, and what SIGHUP says of each setting that changed.

use super::{printed, run, stderr, stdout};
use crate::harness::{Purchase, Switch, binary, pan, wait_for};
use authswitch::settings::Settings;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const SETTINGS: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n[links.bank]\nlisten = \"127.0.0.1:0\"\n\
    dialect = \"iso87-ascii\"\n";

fn write(folder: &Path, settings: &str) {
    std::fs::write(folder.join("my.toml"), settings).unwrap();
}

fn check(folder: &Path, more: &[&str]) -> (Option<i32>, String) {
    let args = [&["serve", "--check", "--config", "my.toml", "--data", "data"], more].concat();
    let output = run(folder, &args);
    (output.status.code(), stdout(&output) + &stderr(&output))
}

/// Every file below a folder with its content.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(content(&entry.path()));
        } else {
            found.insert(entry.path().display().to_string(), std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn serve(folder: &Path, flags: &[&str]) -> Switch {
    let mut command = Command::new(binary());
    command.args(["serve", "--config", "my.toml", "--data", "data"]).args(flags).current_dir(folder);
    Switch::spawn(command, &folder.join("switch.log"))
        .unwrap_or_else(|(status, log)| panic!("{status}: {log}"))
}

#[test]
fn a_check_says_what_a_start_would_do_and_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    write(folder, SETTINGS);
    let (code, said) = check(folder, &[]);
    assert!(code == Some(2) && said.contains("serve --init") && said.contains("would not start"), "{said}");
    for (flag, cards) in [("--init", "with 0 cards"), ("--demo", "with 10055 cards")] {
        let (code, said) = check(folder, &[flag]);
        assert!(code == Some(0) && said.contains(cards) && said.contains("ready to start"), "{said}");
    }
    assert!(!folder.join("data").exists(), "a folder was made");
    let switch = serve(folder, &["--demo", "--set", "journal.segment_mib=1"]);
    for stan in 1..=7 {
        // Each is on the disk when it is answered.
        let advice = Purchase::new(&pan("411111", 3), stan, 100).set(39, "00");
        switch.connect("bank").ask("0120", &advice.fields());
    }
    let (code, said) = check(folder, &[]);
    assert!(code == Some(0), "{said}");
    for expected in [
        "link bank listens on 127.0.0.1:0, dialect iso87-ascii, framing length2-be",
        "rules: none",
        "10055 cards, 10055 accounts",
        "snapshot of record 0 from ",
        "then 7 records to replay, up to 7",
        "a demo folder: 10055 cards",
        "a switch runs on this folder",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    switch.kill();
    let before = content(&folder.join("data"));
    let (code, said) = check(folder, &[]);
    assert!(code == Some(0) && said.contains("then 7 records to replay"), "{said}");
    assert!(!said.contains("a switch runs"), "{said}");
    assert!(before == content(&folder.join("data")), "the check has changed the folder");
}

#[test]
fn a_check_names_all_that_would_stop_the_start() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    write(
        folder,
        &format!(
            "[admin]\nlisten = \"127.0.0.1:0\"\n[links.one]\nlisten = \"{address}\"\ndialect = \"iso87-ascii\"\n\
            [links.two]\nlisten = \"127.0.0.1:0\"\ndialect = \"iso93-bcd\"\n[rules]\nfile = \"none.toml\"\n"
        ),
    );
    let (code, said) = check(folder, &["--init"]);
    assert_eq!(code, Some(2), "{said}");
    for expected in [
        "links.two.dialect: ",
        &format!("links.one.listen: cannot listen on {address}"),
        "rules.file: ",
        "would not start: 3 problems",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    for (settings, expected) in
        [("[log]\nlevel = \"loud\"\n", "my.toml:2"), ("nonsense = 1\n", "unknown key")]
    {
        write(folder, settings);
        let (code, said) = check(folder, &["--init"]);
        assert!(code == Some(2) && said.contains(expected), "{said}");
    }
    write(folder, SETTINGS);
    std::fs::write(
        folder.join("rules.toml"),
        "[[rule]]\nname = \"a\"\nwhen = \"nothing\"\ndecline = \"05\"\n",
    )
    .unwrap();
    let (code, said) = check(folder, &["--init", "--set", "rules.file=rules.toml"]);
    assert!(code == Some(2) && said.contains("rules.toml:3"), "{said}");
    // The folder's own faults.
    std::fs::create_dir_all(folder.join("data/journal")).unwrap();
    std::fs::write(folder.join(format!("data/journal/{:020}.seg", 1)), "x").unwrap();
    let (code, said) = check(folder, &[]);
    assert!(
        code == Some(2)
            && said.contains("no such file") | said.contains("No such file") | said.contains("no snapshot"),
        "{said}"
    );
}

#[test]
fn the_settings_in_force_are_printed_as_a_file_that_means_the_same() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    assert_eq!(printed(folder, &["serve", "--print-config"]), authswitch::settings::MANUAL);
    write(folder, &format!("{SETTINGS}budget_ms = 70\n[links.bank.marks]\npartial = \"always\"\n"));
    let set = [
        "holds.classes=[\"7011=720\"]",
        "programs.gold.card_limits.amount_per_day=5",
        "rates.worth=[\"EUR=1.1\"]",
    ];
    let sets: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    let text = printed(folder, &[&["serve", "--print-config", "--config", "my.toml"], &sets[..]].concat());
    let overrides = set.map(str::to_owned);
    let in_force = Settings::load(Some(&folder.join("my.toml")), &overrides).unwrap();
    assert_eq!(Settings::from_text("printed", &text, &[]).unwrap(), in_force, "{text}");
    assert!(text.contains("budget_ms = 70"), "{text}");
    let defaults = printed(folder, &["serve", "--print-config", "--set", "log.level=info"]);
    assert_eq!(Settings::from_text("printed", &defaults, &[]).unwrap(), Settings::default());
    let wrong = run(folder, &["serve", "--print-config", "--set", "log.level=loud"]);
    assert!(wrong.status.code() == Some(2) && stderr(&wrong).contains("log.level"), "{}", stderr(&wrong));
}

/// The log's lines of one kind of change: key, old and new value.
fn told(log: &str, takes_effect: &str) -> Vec<[String; 3]> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let changes = lines.filter(|line| line["takes_effect"] == takes_effect);
    changes.map(|line| ["key", "from", "to"].map(|name| line[name].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_reload_says_of_each_setting_what_changed_and_from_when_on() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    write(folder, SETTINGS);
    let switch = serve(folder, &["--init"]);
    let taken = |count: f64| {
        wait_for("the reload", || {
            (switch.metric("authswitch_reloads_total{result=\"taken\"}") == Some(count)).then_some(())
        });
    };
    switch.signal("HUP");
    taken(1.0);
    assert!(switch.log_text().contains("no setting has changed"), "{}", switch.log_text());
    let changed = format!(
        "{SETTINGS}budget_ms = 70\nduplicate_key = [2, 11]\n[links.second]\nlisten = \"127.0.0.1:0\"\n\
        dialect = \"iso87-bcd\"\n[holds]\nauthorization_days = 9\n[log]\nlevel = \"debug\"\n[rates]\nworth = [\"EUR=1.1\"]\n"
    );
    write(folder, &changed);
    // What waits is told at each reload, what is in force only once.
    for (count, now) in [(2.0, 3), (3.0, 3)] {
        switch.signal("HUP");
        taken(count);
        let log = switch.log_text();
        let row = |key: &str, from: &str, to: &str| [key, from, to].map(str::to_owned);
        assert_eq!(
            told(&log, "now"),
            [
                row("holds.authorization_days", "7", "9"),
                row("log.level", "\"info\"", "\"debug\""),
                row("rates.worth", "[]", "[\"EUR=1.1\"]")
            ]
        );
        assert_eq!(now, told(&log, "now").len());
        let later = told(&log, "at the next start");
        assert_eq!(later.len(), 3 * (count as usize - 1), "{later:?}");
        assert_eq!(
            later[..2],
            [
                row("links.bank.budget_ms", "50", "70"),
                row("links.bank.duplicate_key", "[2,7,11,32]", "[2,11]")
            ]
        );
        assert_eq!((later[2][0].as_str(), later[2][1].as_str()), ("links.second", "absent"));
    }
    // What does not hold changes nothing, and is told as that alone.
    write(folder, &changed.replace("authorization_days = 9", "authorization_days = 0"));
    switch.signal("HUP");
    wait_for("the refusal", || switch.log_text().contains("not reloaded").then_some(()));
    assert_eq!(told(&switch.log_text(), "now").len(), 3);
    assert!(switch.terminate().0.success());
}
