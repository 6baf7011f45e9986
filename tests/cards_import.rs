//! `cards import` end to end: what it takes, what it refuses, and what the switch then answers.

#![allow(clippy::unwrap_used)]

mod harness;
use harness::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const HEADER: &str = "pan,expiry,status,account,currency,available,program";

/// A data folder, a CSV file beside it, and STANs that do not come twice.
struct Place {
    folder: tempfile::TempDir,
    stan: u32,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), stan: 0 }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn import_with(&self, csv: impl AsRef<[u8]>, further: &[&str]) -> Output {
        std::fs::write(self.folder.path().join("cards.csv"), csv).unwrap();
        let mut command = Command::new(binary());
        // No file of the working directory may matter.
        command.current_dir(self.folder.path()).args(["cards", "import", "cards.csv", "--data", "data"]);
        command.args(further).output().unwrap()
    }

    fn import(&self, rows: &[String]) -> Output {
        self.import_with(format!("{HEADER}\n{}\n", rows.join("\n")), &[])
    }

    fn imported(&self, rows: &[String]) -> String {
        let out = self.import(rows);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        text(&out.stdout)
    }

    fn start(&self) -> Switch {
        Switch::start(&self.data(), &[])
    }

    fn purchase(&mut self, pan: &str, amount: u64) -> Purchase {
        self.stan += 1;
        Purchase::new(pan, self.stan, amount)
    }

    fn code(&mut self, peer: &mut Peer, pan: &str, amount: u64) -> String {
        let purchase = self.purchase(pan, amount);
        peer.ask("0100", &purchase.fields()).code().to_owned()
    }

    fn available(&mut self, peer: &mut Peer, pan: &str) -> i64 {
        let inquiry = self.purchase(pan, 0).set(3, "310000");
        let amounts = peer.ask("0100", &inquiry.fields()).fields[&54].clone();
        assert_eq!(&amounts[22..24], "02");
        let amount: i64 = amounts[28..40].parse().unwrap();
        if &amounts[27..28] == "D" { -amount } else { amount }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A card of a BIN that the demo program does not have.
fn card(number: u32) -> String {
    pan("411113", number)
}

fn row(number: u32, account: &str, available: i64) -> String {
    format!("{},3012,active,{account},840,{available},demo", card(number))
}

/// Every file below `folder`.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

fn example() -> Vec<u8> {
    let out = Command::new(binary()).args(["cards", "import", "--example"]).output().unwrap();
    assert!(out.status.success());
    out.stdout
}

#[test]
fn the_example_imports_and_its_cards_answer_as_their_rows_say() {
    let mut place = Place::new();
    let out = place.import_with(example(), &[]);
    assert_eq!(text(&out.stdout), "imported 6 cards (6 new, 0 updated), 5 accounts into data\n", "{out:?}");
    let switch = place.start();
    assert_eq!(switch.metric("authswitch_cards"), Some(6.0), "the demo program is not seeded beside it");
    let mut peer = switch.connect("acquirer-bcd");
    for (number, amount, code) in [
        (0, 250_001, "51"),
        (0, 250_000, "00"),
        (0, 1, "51"),
        (1, 60_000, "00"),
        (2, 40_001, "54"), // its expiry is another
        (3, 100, "41"),
        (4, 5_001, "61"),
        (4, 5_000, "00"),
        (4, 5_000, "00"),
        (4, 5_000, "00"),
        (4, 5_000, "65"),
        (5, 100, "57"), // its account is in euro
        (6, 100, "14"),
    ] {
        assert_eq!(place.code(&mut peer, &card(number), amount), code, "card {number} amount {amount}");
    }
    // The second card of the household has what the first one left.
    for (amount, code) in [(40_001, "51"), (40_000, "00"), (1, "51")] {
        let purchase = place.purchase(&card(2), amount).set(14, "2911");
        assert_eq!(peer.ask("0100", &purchase.fields()).code(), code, "{amount}");
    }
    // No limit of the program `standard` holds the euro card, which is under `demo`.
    let euro = place.purchase(&card(5), 900_000_000).set(49, "978");
    assert_eq!(peer.ask("0100", &euro.fields()).code(), "00");
}

#[test]
fn each_status_answers_its_code_and_limits_fall_back_on_the_programs() {
    let mut place = Place::new();
    let rows = [
        ("active", "00"),
        ("", "00"),
        ("inactive", "62"),
        ("blocked", "62"),
        ("lost", "41"),
        ("stolen", "43"),
        ("fraud", "59"),
        ("closed", "62"),
        ("pin-blocked", "75"),
        ("do-not-honor", "05"),
    ];
    // Another order of the columns, CRLF, a byte order mark, spaces around, quotes, an empty line, no last line feed.
    let mut csv = "\u{feff}program, status,available,currency,account ,expiry,count_per_day,pan".to_owned();
    for ((status, _), number) in rows.iter().zip(0..) {
        csv += &format!("\r\n standard,\"{status}\",10000000,840,, 3012,,{}", card(number));
    }
    csv += &format!("\r\n\r\n,,10000000,840,,3012,2,{}", card(50));
    let out = place.import_with(csv, &["--json"]);
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap(),
        serde_json::json!({"cards": 11, "new": 11, "updated": 0, "accounts": 11, "data": "data"})
    );
    let switch = place.start();
    let mut peer = switch.connect("acquirer-ascii");
    for ((status, code), number) in rows.iter().zip(0..) {
        assert_eq!(place.code(&mut peer, &card(number), 100), *code, "{status}");
    }
    // 500,000 is the largest transaction of `standard`: for a card without limits, and for one with others.
    for (number, amount, code) in
        [(0, 500_001, "61"), (50, 500_001, "61"), (50, 500_000, "00"), (50, 1, "00"), (50, 1, "65")]
    {
        assert_eq!(place.code(&mut peer, &card(number), amount), code, "card {number} amount {amount}");
    }
}

#[test]
fn a_bad_row_names_line_column_and_reason_and_nothing_is_loaded() {
    let good = row(1, "", 100);
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut cells: Vec<String> = row(2, "", 100).split(',').map(str::to_owned).collect();
        change(&mut cells);
        cells.join(",")
    };
    let cell = |at: usize, value: &str| with(&|cells| cells[at] = value.to_owned());
    let wrong_luhn = format!("{}{}", &card(2)[..15], (card(2).as_bytes()[15] - b'0' + 1) % 10);
    let long = "x".repeat(35);
    let last = |row: String| format!("{HEADER}\n{good}\n{row}\n");
    let limit = |value: &str| format!("{HEADER},count_per_day\n{good},\n{},{value}\n", row(2, "", 1));
    let table = [
        (last(cell(0, &wrong_luhn)), "line 3, column pan: the check digit (Luhn) is wrong"),
        (last(cell(0, "41111300018")), "line 3, column pan: not a card number of 12 to 19 digits"),
        (last(cell(0, "41111300000000000018")), "line 3, column pan: not a card number"),
        (last(cell(0, "4111 1300 0000 0011")), "line 3, column pan: not a card number"),
        (last(cell(0, "")), "line 3, column pan: not a card number"),
        (last(good.clone()), "line 3, column pan: the same number stands in line 2"),
        (last(cell(1, "3013")), "line 3, column expiry: not a month as YYMM"),
        (last(cell(1, "12/30")), "line 3, column expiry: not a month"),
        (last(cell(1, "")), "line 3, column expiry: not a month"),
        (last(cell(2, "Active")), "line 3, column status: not a status; there are active, inactive,"),
        (last(cell(3, &long)), "line 3, column account: 35 characters; at most 34"),
        (last(cell(4, "USD")), "line 3, column currency: not an ISO 4217 code of three digits"),
        (last(cell(4, "84")), "line 3, column currency: not an ISO 4217 code"),
        (last(cell(4, "000")), "line 3, column currency: not an ISO 4217 code"),
        (last(cell(5, "-1")), "line 3, column available: not an amount in minor units"),
        (last(cell(5, "1.00")), "line 3, column available: not an amount"),
        (last(cell(5, "1000000000000000001")), "line 3, column available: not an amount"),
        (last(cell(5, "")), "line 3, column available: not an amount"),
        (
            last(cell(6, "gold")),
            "line 3, column program: not a program of the settings; there are demo, standard",
        ),
        (limit("-1"), "line 3, column count_per_day: not a whole number, 0 to 1000000"),
        (limit("1000001"), "line 3, column count_per_day: not a whole number"),
        (last(row(2, "", 1) + ",1"), "line 3: 8 cells instead of the header line's 7"),
        (last(card(2)), "line 3: 1 cells instead of the header line's 7"),
        (
            format!("{HEADER}\n{}\n\n\n{}\n", row(2, "a", 1), row(3, "a", 2)),
            "line 5, column available: not the same as in line 2",
        ),
        (
            last(row(2, "a", 1)) + &row(3, "a", 1).replace("840", "978"),
            "line 4, column currency: not the same as in line 3",
        ),
        (format!("{HEADER}\r\n{good}\r\n\r\n{}", cell(1, "9999")), "line 4, column expiry: not a month"),
        (last(cell(3, "\"two\nlines\"")), "line 3: a quoted cell goes on over the end of the line"),
        (last(cell(3, "\"never closed")), "line 3: a quoted cell goes on over the end of the line"),
        (
            format!("{HEADER},colour\n{good},red\n"),
            "line 1, column colour: there is no such column; there are pan, expiry",
        ),
        (format!("{HEADER},pan\n{good},1\n"), "line 1, column pan: stands there twice"),
        (HEADER.replace(",currency", ""), "line 1, column currency: is missing"),
        (good.clone(), "line 1: cell 1 is no column's name"),
        (String::new(), "line 1, column pan: is missing"),
    ];
    let place = Place::new();
    for (csv, message) in &table {
        let out = place.import_with(csv, &[]);
        let said = text(&out.stderr);
        assert_eq!((out.status.code(), out.stdout.len()), (Some(1), 0), "{message}\n{said}");
        assert!(said.lines().any(|line| line.starts_with(message)), "{message}\n{said}");
        for pan in [1, 2, 3].map(card) {
            assert!(!said.contains(&pan[..12]), "a card number in: {said}");
        }
    }
    assert!(!place.data().exists(), "a wrong file leaves no folder");
    // In a folder that has cards: the good rows of a wrong file are not loaded either.
    let mut place = place;
    assert_eq!(
        place.imported(&[row(9, "", 100)]),
        "imported 1 card (1 new, 0 updated), 1 account into data\n"
    );
    let before = files(&place.data().join("snapshot"));
    for (csv, _) in &table {
        assert_eq!(place.import_with(csv, &[]).status.code(), Some(1));
    }
    assert_eq!(files(&place.data().join("snapshot")), before);
    let switch = place.start();
    let mut peer = switch.connect("acquirer-ascii");
    for (number, code) in [(1, "14"), (2, "14"), (3, "14"), (9, "00")] {
        assert_eq!(place.code(&mut peer, &card(number), 1), code, "card {number}");
    }
}

#[test]
fn twenty_problems_are_told_and_the_rest_counted() {
    let place = Place::new();
    let rows: Vec<String> = (0..30).map(|number| row(number, "", 1).replace("3012", "3000")).collect();
    let out = place.import(&rows);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(said.matches("column expiry").count(), 20, "{said}");
    assert!(
        said.contains("line 21, column expiry") && said.contains("\n10 more lines were not looked at\n"),
        "{said}"
    );
    let json = place.import_with(format!("{HEADER}\n{}", rows[..21].join("\n")), &["--json"]);
    let told: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (json.status.code(), told["problems"].as_array().unwrap().len(), &told["unread_lines"]),
        (Some(1), 20, &serde_json::json!(1))
    );
    assert_eq!(told["problems"][0]["line"], 2);
    assert_eq!(told["problems"][0]["column"], "expiry");
}

#[test]
fn wrong_usage_and_settings_exit_with_2() {
    let place = Place::new();
    let csv = format!("{HEADER}\n{}\n", row(1, "", 1));
    let said = |out: Output, words: &str| {
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        assert!(text(&out.stderr).contains(words), "{words}: {}", text(&out.stderr));
    };
    said(place.import_with(&csv, &["--set", "journal.segment_mib=0"]), "segment_mib");
    said(place.import_with(&csv, &["--config", "absent.toml"]), "absent.toml");
    said(place.import_with(&csv, &["--no-such-option"]), "--no-such-option");
    let run =
        |args: &[&str]| Command::new(binary()).current_dir(place.folder.path()).args(args).output().unwrap();
    said(run(&["cards", "import", "absent.csv", "--data", "data"]), "absent.csv");
    said(run(&["cards", "import"]), "FILE");
    assert!(!place.data().exists());
    let help = text(&run(&["cards", "import", "--help"]).stdout);
    for column in text(&example()).lines().next().unwrap().split(',') {
        assert!(help.contains(&format!("\n  {column} ")), "--help lacks {column}:\n{help}");
    }
}

#[test]
fn no_card_number_in_clear_in_any_output_or_file() {
    let mut place = Place::new();
    let pans = [card(71), card(72)];
    // In their own column and in every wrong one, the header line among them.
    let mut outputs = vec![place.import(&[row(71, "", 100), row(72, &card(72), 100)])];
    for at in 0..7 {
        let mut cells: Vec<String> = row(73, "", 100).split(',').map(str::to_owned).collect();
        cells[at] = card(71);
        outputs.push(place.import(&[cells.join(","), cells.join(",")]));
        outputs.push(place.import_with(format!("{}\n", cells.join(",")), &["--json"]));
    }
    outputs.push(place.import(&[row(71, "elsewhere", 100)]));
    let switch = place.start();
    for pan in &pans {
        assert_eq!(place.code(&mut switch.connect("acquirer-ascii"), pan, 1), "00");
    }
    assert!(switch.terminate().0.success());
    let mut written = files(&place.data());
    assert!(written.keys().any(|path| path.extension().is_some_and(|extension| extension == "snap")));
    for (index, out) in outputs.into_iter().enumerate() {
        written.insert(format!("output {index}").into(), [out.stdout, out.stderr].concat());
    }
    for (place, bytes) in &written {
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for pan in &pans {
            let number: u64 = pan.parse().unwrap();
            let bcd: Vec<u8> =
                (0..8).map(|at| u8::from_str_radix(&pan[2 * at..2 * at + 2], 16).unwrap()).collect();
            for form in [pan.as_bytes(), &bcd, &number.to_le_bytes(), &number.to_be_bytes()] {
                let found = bytes[..end].windows(form.len()).any(|window| window == form);
                assert!(!found, "a card number in {}", place.display());
            }
        }
    }
}

#[test]
fn importing_again_keeps_what_is_held_and_counted_and_sets_what_is_available() {
    let mut place = Place::new();
    let with_limit = |available: i64, limit: &str| {
        format!(
            "{HEADER},count_per_day\n{},{limit}\n{},\n",
            row(1, "shared", available),
            row(2, "shared", available)
        )
    };
    assert!(place.import_with(with_limit(10_000, ""), &[]).status.success());
    let switch = place.start();
    let mut peer = switch.connect("acquirer-ascii");
    let held = place.purchase(&card(1), 3_000);
    assert_eq!(peer.ask("0100", &held.fields()).code(), "00");
    let posted = place.purchase(&card(2), 500);
    assert_eq!(peer.ask("0200", &posted.fields()).code(), "00");
    assert!(switch.terminate().0.success());

    let out = place.import_with(with_limit(20_000, "2"), &[]);
    assert_eq!(text(&out.stdout), "imported 2 cards (0 new, 2 updated), 1 account into data\n");
    let switch = place.start();
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(place.available(&mut peer, &card(2)), 20_000);
    // Still counted: of two debits a day one is used up.
    assert_eq!(place.code(&mut peer, &card(1), 100), "00");
    assert_eq!(place.code(&mut peer, &card(1), 100), "65");
    // Still held: the reversal gives it back. And remembered: a repeat gets the stored answer.
    assert_eq!(peer.ask("0101", &held.fields()).code(), "00");
    let reversal = place.purchase(&card(1), 3_000).set(90, &held.as_original("0100"));
    assert_eq!(peer.ask("0420", &reversal.fields()).code(), "00");
    assert_eq!(place.available(&mut peer, &card(1)), 20_000 - 100 + 3_000);
    assert!(switch.terminate().0.success());

    // What a row must not change, and what it may.
    for (rows, message) in [
        (vec![row(1, "other", 1)], "line 2, column account: the card is there already, with another account"),
        (vec![row(3, "", 1), row(1, "", 1)], "line 3, column account: the card is there already"),
        (
            vec![row(1, "shared", 1).replace("840", "978")],
            "line 2, column currency: the account is there already, in 840",
        ),
        (
            vec![row(4, "shared", 1).replace("840", "978")],
            "line 2, column currency: the account is there already",
        ),
    ] {
        let out = place.import(&rows);
        assert_eq!(out.status.code(), Some(1));
        assert!(text(&out.stderr).starts_with(message), "{}", text(&out.stderr));
    }
    // A new card finds the known account by its label; a known one gets its new status and expiry.
    let said = place.imported(&[
        row(5, "shared", 700),
        row(1, "shared", 700).replace("active", "stolen"),
        row(2, "shared", 700).replace("3012", "3101"),
    ]);
    assert_eq!(said, "imported 3 cards (1 new, 2 updated), 1 account into data\n");
    let switch = place.start();
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(switch.metric("authswitch_accounts"), Some(1.0));
    for (number, code) in [(1, "43"), (2, "54"), (3, "14"), (4, "14"), (5, "00")] {
        assert_eq!(place.code(&mut peer, &card(number), 700), code, "card {number}");
    }
    let renewed = place.purchase(&card(2), 1).set(14, "3101");
    assert_eq!(peer.ask("0100", &renewed.fields()).code(), "51", "the new card has spent all of it");
}

#[test]
fn a_running_switch_refuses_an_import_and_nothing_changes() {
    let mut place = Place::new();
    place.imported(&[row(1, "", 100)]);
    let switch = place.start();
    let before = files(&place.data().join("snapshot"));
    for rows in [[row(2, "", 100)], [row(1, "", 999)], ["not a row".to_owned()]] {
        let out = place.import(&rows);
        assert_eq!(out.status.code(), Some(2));
        let said = text(&out.stderr);
        let process = format!("(process {})", switch.child.id());
        assert!(said.contains("a switch runs on this data folder") && said.contains(&process), "{said}");
    }
    assert_eq!(files(&place.data().join("snapshot")), before);
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(place.code(&mut peer, &card(2), 1), "14");
    drop(peer);
    assert!(switch.terminate().0.success());
    let switch = place.start();
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(place.code(&mut peer, &card(2), 1), "14");
    assert_eq!(place.available(&mut peer, &card(1)), 100);
}

#[test]
fn what_a_killed_switch_left_in_the_journal_stays_in_force() {
    let mut place = Place::new();
    place.imported(&[row(1, "", 10_000), row(2, "", 10_000)]);
    let switch = Switch::start(&place.data(), &["links.acquirer-ascii.reply_after=durable"]);
    let mut peer = switch.connect("acquirer-ascii");
    let held = place.purchase(&card(1), 4_000);
    let answer = peer.ask("0100", &held.fields());
    let untouched = place.purchase(&card(2), 2_500);
    assert_eq!((answer.code(), peer.ask("0200", &untouched.fields()).code()), ("00", "00"));
    let last = switch.metric("authswitch_journal_records");
    switch.kill();
    // One card of the two, and a new one.
    let said = place.imported(&[row(1, "", 10_000), row(3, "", 50)]);
    assert_eq!(said, "imported 2 cards (1 new, 1 updated), 2 accounts into data\n");
    let check = |place: &mut Place, spent: i64| {
        let switch = place.start();
        assert!(!switch.log_text().contains("torn"), "{}", switch.log_text());
        let mut peer = switch.connect("acquirer-ascii");
        assert_eq!(
            place.available(&mut peer, &card(2)),
            7_500,
            "posted before the kill, not replayed on top"
        );
        assert_eq!(place.available(&mut peer, &card(3)), 50);
        assert_eq!(place.available(&mut peer, &card(1)), 10_000 - spent);
        (switch, peer)
    };
    let (switch, mut peer) = check(&mut place, 0);
    assert!(switch.metric("authswitch_journal_records") >= last, "the journal goes on");
    // The hold is known by its name: a repeat gets the same answer, the reversal gives it back.
    assert_eq!(peer.ask("0101", &held.fields()).raw, answer.raw);
    let reversal = place.purchase(&card(1), 4_000).set(90, &held.as_original("0100"));
    assert_eq!(peer.ask("0420", &reversal.fields()).code(), "00");
    drop(peer);
    switch.kill();
    // And the journal behind the import is replayed as ever.
    let (switch, _peer) = check(&mut place, -4_000);
    switch.kill();
}

#[test]
fn a_damaged_snapshot_does_not_take_the_import_back() {
    let mut place = Place::new();
    place.imported(&[row(1, "", 100)]);
    let switch = place.start();
    assert_eq!(place.code(&mut switch.connect("acquirer-ascii"), &card(1), 40), "00");
    assert!(switch.terminate().0.success());
    place.imported(&[row(1, "", 500), row(2, "", 700)]);
    let newest = files(&place.data().join("snapshot")).into_keys().next_back().unwrap();
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    let switch = place.start();
    assert!(switch.log_text().contains("passed over"), "{}", switch.log_text());
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(place.available(&mut peer, &card(1)), 500);
    assert_eq!(place.available(&mut peer, &card(2)), 700);
}
