//! Where settings come from and what is refused, by the line that an operator reads.
#![allow(clippy::unwrap_used)]

#[path = "settings/door.rs"]
mod door;

use authswitch::settings::{
    Country, Days, Hours, Limits, LogFormat, Mebibytes, Micros, Millis, Program, Seconds, Settings,
    SettingsError,
};
use proptest::prelude::*;
use std::time::Duration;

fn read(file: &str, overrides: &[&str]) -> Result<Settings, SettingsError> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    Settings::from_text("site.toml", file, &overrides)
}

/// `file` with `overrides` is refused with exactly these lines.
fn refused(file: &str, overrides: &[&str], lines: &[&str]) {
    let error = read(file, overrides).map(drop).expect_err(file).to_string();
    assert_eq!(error.lines().collect::<Vec<_>>(), lines, "\nfile:\n{file}\n--set {overrides:?}");
}

const LINK: &str = "[links.one]\nlisten = \"127.0.0.1:7001\"\ndialect = \"iso87-ascii\"\n";

/// `LINK` and more lines in its table; the first of them is line 4.
fn link(more: &str) -> String {
    format!("{LINK}{more}\n")
}

#[test]
fn a_key_absent_in_the_file_keeps_its_default() {
    let settings = read("[server]\nworkers = 3\n", &[]).unwrap();
    assert_eq!(settings.server.workers, 3);
    assert_eq!(settings.server.drain_timeout_ms, Settings::default().server.drain_timeout_ms);
    assert_eq!(settings.links, Settings::default().links);
}

#[test]
fn the_files_links_are_the_whole_set_and_take_what_they_leave_out_from_the_template() {
    let settings = read(&link("budget_ms = 20"), &[]).unwrap();
    assert_eq!(settings.links.keys().collect::<Vec<_>>(), ["one"]);
    let mut expected = Settings::default().links["acquirer-ascii"].clone();
    expected.listen = "127.0.0.1:7001".parse().unwrap();
    expected.budget_ms = Millis(20);
    assert_eq!(settings.links["one"], expected);
}

#[test]
fn a_built_in_links_name_in_the_file_keeps_its_own_address_and_dialect() {
    let settings = read("[links.acquirer-bcd]\nbudget_ms = 20\n", &[]).unwrap();
    let mut expected = Settings::default().links["acquirer-bcd"].clone();
    expected.budget_ms = Millis(20);
    assert_eq!(settings.links.into_iter().collect::<Vec<_>>(), [("acquirer-bcd".to_owned(), expected)]);
}

#[test]
fn the_files_programs_are_the_whole_set_and_inherit_no_limit() {
    let file = "[programs.standard]\ncountry_deny = [\"us\", \"643\"]\n[programs.standard.card_limits]\ncount_per_day = 4\n";
    let settings = read(file, &[]).unwrap();
    let expected = Program {
        country_deny: ["USA", "RU"].map(|code| code.parse::<Country>().unwrap()).to_vec(),
        card_limits: Limits { count_per_day: Some(4), ..Limits::default() },
        ..Program::default()
    };
    assert_eq!(settings.programs.into_iter().collect::<Vec<_>>(), [("standard".to_owned(), expected)]);
}

#[test]
fn a_table_of_links_that_names_none_leaves_the_built_in_ones() {
    assert_eq!(read("[links]\n[programs]\n", &[]).unwrap(), Settings::default());
}

#[test]
fn overrides_win_over_the_file_in_order() {
    let settings = read("[server]\nworkers = 1\n", &["server.workers=2", "server.workers=3"]).unwrap();
    assert_eq!(settings.server.workers, 3);
}

#[test]
fn an_override_is_toml_or_else_plain_text() {
    let overrides = [
        "log.format=text",
        "vault.key_file=/run/secrets/data.key",
        "admin.listen = [::1]:9000",
        "links.acquirer-ascii.listen=127.0.0.1:0",
        "links.acquirer-ascii.duplicate_key=[11, 37]",
        "links.acquirer-ascii.dialect=\"iso87-bcd\"",
        "programs.standard.card_limits={count_per_day = 7}",
    ];
    let settings = Settings::load(None, &overrides.map(str::to_owned)).unwrap();
    assert_eq!(settings.log.format, LogFormat::Text);
    assert_eq!(settings.vault.key_file.to_str(), Some("/run/secrets/data.key"));
    assert_eq!(settings.admin.listen.to_string(), "[::1]:9000");
    let link = &settings.links["acquirer-ascii"];
    assert_eq!(
        (link.listen.port(), &link.duplicate_key[..], link.dialect.as_str()),
        (0, &[11, 37][..], "iso87-bcd")
    );
    let limits = settings.programs["standard"].card_limits;
    assert_eq!(limits.count_per_day, Some(7));
    assert_eq!(limits.amount_per_day, Settings::default().programs["standard"].card_limits.amount_per_day);
}

#[test]
fn an_override_adds_a_link_or_gives_the_whole_set() {
    let one = ["links.one.listen=127.0.0.1:7001", "links.one.dialect=iso87-bcd"];
    assert_eq!(Settings::load(None, &one.map(str::to_owned)).unwrap().links.len(), 3);
    let all = ["links={one={listen='127.0.0.1:7001', dialect='iso87-bcd'}}"];
    assert_eq!(Settings::load(None, &all.map(str::to_owned)).unwrap().links.len(), 1);
}

#[test]
fn a_missing_file_is_named() {
    let error = Settings::load(Some("no/such.toml".as_ref()), &[]).unwrap_err();
    assert!(error.to_string().starts_with("no/such.toml: "), "{error}");
    assert!(error.report().starts_with("no/such.toml: "), "{}", error.report());
}

#[test]
fn a_file_on_disk_is_read_and_named_in_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    std::fs::write(&file, "[server]\nworkers = 2\n").unwrap();
    assert_eq!(Settings::load(Some(&file), &[]).unwrap().server.workers, 2);
    std::fs::write(&file, "[server]\nworkers = -2\n").unwrap();
    let error = Settings::load(Some(&file), &[]).unwrap_err();
    let place = format!("{}:2:11: server.workers: must be 0 to 256, not -2", file.display());
    assert_eq!(error.to_string(), place);
    let problem = &error.problems()[0];
    assert_eq!((problem.line(), problem.column(), problem.key()), (2, 11, "server.workers"));
}

#[test]
fn unknown_and_missing_keys_are_refused() {
    let rows: [(&str, &str); 8] = [
        ("[server]\nworker = 3\n", "site.toml:2:1: server.worker: unknown key (did you mean `workers`?)"),
        ("[sever]\nworkers = 3\n", "site.toml:1:2: sever: unknown key (did you mean `server`?)"),
        (
            "workers = 3\n",
            "site.toml:1:1: workers: unknown key (known here: server, admin, log, telemetry, \
          journal, snapshot, clock, vault, transactions, counters, holds, rules, completion, approvals, rates, \
             verification, programs, links)",
        ),
        (
            "[log]\n\n# Ünïcode above\nlevels = \"info\"\n",
            "site.toml:4:1: log.levels: unknown key (did you mean `level`?)",
        ),
        ("log.Level = \"info\"\n", "site.toml:1:5: log.Level: unknown key (did you mean `level`?)"),
        (
            "[programs.a.card_limits]\namount_per_dya = 1\n",
            "site.toml:2:1: programs.a.card_limits.amount_per_dya: unknown key (did you mean `amount_per_day`?)",
        ),
        (
            "[links.one]\ndialect = \"iso87-bcd\"\n",
            "site.toml:1:8: links.one: lacks the key `listen`, which has no default",
        ),
        (
            "[links.one]\nlisten = \"127.0.0.1:1\"\n",
            "site.toml:1:8: links.one: lacks the key `dialect`, which has no default",
        ),
    ];
    for (file, line) in rows {
        refused(file, &[], &[line]);
    }
}

#[test]
fn values_of_another_type_are_refused() {
    let rows: [(&str, &str); 12] = [
        ("server = 3\n", "site.toml:1:10: server: must be a table, not the number 3"),
        ("server.workers = \"3\"\n", "site.toml:1:18: server.workers: must be 0 to 256, not the text \"3\""),
        ("server.workers = 1.5\n", "site.toml:1:18: server.workers: must be 0 to 256, not a fraction"),
        (
            "holds.authorization_days = 2026-01-01\n",
            "site.toml:1:28: holds.authorization_days: must be 1 to 365 days, not a date",
        ),
        (
            "log.level = true\n",
            "site.toml:1:13: log.level: must be one of \"error\", \"warn\", \"info\", \"debug\", \
          \"trace\"",
        ),
        (
            "log.level = \"inof\"\n",
            "site.toml:1:13: log.level: must be one of \"error\", \"warn\", \"info\", \
          \"debug\", \"trace\", not \"inof\" (did you mean \"info\"?)",
        ),
        ("vault.key_file = 7\n", "site.toml:1:18: vault.key_file: must be text in quotes, not the number 7"),
        (
            "links.acquirer-bcd.require_sign_on = \"yes\"\n",
            "site.toml:1:38: links.acquirer-bcd.require_sign_on: must be true or false, not the text \"yes\"",
        ),
        (
            "links.acquirer-bcd.echo = \"2\"\n",
            "site.toml:1:27: links.acquirer-bcd.echo: must be a table of lists by kind of message, e.g. { 0810 = [7, 11, 41, \
             70] } for `echo` or { 0800 = [11] } for `mandatory`, since one list would change all kinds, not the text \"2\"",
        ),
        (
            "links.acquirer-bcd.echo.0110 = [\"2\"]\n",
            "site.toml:1:33: links.acquirer-bcd.echo.0110: must be 2 to 127, not the text \"2\"",
        ),
        ("links = 7\n", "site.toml:1:9: links: must be a table, not the number 7"),
        ("[[links]]\n", "site.toml:1:1: links: must be a table, not a list"),
    ];
    for (file, line) in rows {
        refused(file, &[], &[line]);
    }
}

#[test]
fn text_that_is_not_toml_is_refused_at_its_line() {
    for (file, place) in [
        ("[server\n", "site.toml:1:"),
        ("[log]\nlevel = \n", "site.toml:2:9: "),
        ("a=1\na=2\n", "site.toml:2:1: "),
    ] {
        let error = read(file, &[]).unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}");
    }
}

#[test]
fn addresses_are_refused_where_malformed_or_taken() {
    let second =
        |listen: &str| format!("{LINK}[links.two]\ndialect = \"iso87-bcd\"\nlisten = \"{listen}\"\n");
    let malformed = "is not an address: IP:PORT, e.g. \"127.0.0.1:8583\" or \"[::1]:8583\"";
    for listen in ["localhost:8583", "127.0.0.1", "127.0.0.1:65536", ""] {
        refused(
            &second(listen),
            &[],
            &[&format!("site.toml:6:10: links.two.listen: {listen:?} {malformed}")],
        );
    }
    for listen in ["127.0.0.1:7001", "0.0.0.0:7001", "[::]:7001"] {
        let line = format!(
            "site.toml:6:10: links.two.listen: {listen} is taken: links.one.listen is 127.0.0.1:7001"
        );
        refused(&format!("{}allow = [\"10.0.0.0/8\"]\n", second(listen)), &[], &[&line]);
    }
    let line = "site.toml:6:10: links.two.listen: 127.0.0.1:9583 is taken: admin.listen is 127.0.0.1:9583";
    refused(&second("127.0.0.1:9583"), &[], &[line]);
    for listen in ["127.0.0.2:7001", "[::1]:7001", "127.0.0.1:7002"] {
        assert!(read(&second(listen), &[]).is_ok(), "{listen}");
    }
    assert!(read(&second("127.0.0.1:0"), &["links.one.listen=127.0.0.1:0"]).is_ok());
}

#[test]
fn links_that_contradict_themselves_are_refused() {
    let only = "can be in a key: only 2, 7, 11, 12, 13, 32, 37, 41, 42 can";
    let only = only.replace("can be", "cannot be");
    let rows: [(&str, &[&str]); 9] = [
        ("duplicate_key = [2, 4, 11]", &[&format!("site.toml:4:21: links.one.duplicate_key: DE 4 {only}")]),
        ("duplicate_key = [2, 11, 2]", &["site.toml:4:25: links.one.duplicate_key: 2 stands here twice"]),
        (
            "duplicate_key = []",
            &["site.toml:4:17: links.one.duplicate_key: must contain 11, the trace number that \
           each transaction has anew"],
        ),
        ("duplicate_key = [129]", &["site.toml:4:18: links.one.duplicate_key: must be 2 to 128, not 129"]),
        ("echo.0810 = [11, 35]", &["site.toml:4:18: links.one.echo.0810: DE 35 is never echoed"]),
        (
            "echo = [11, 35]",
            &[
                "site.toml:4:8: links.one.echo: must be a table of lists by kind of message, e.g. { 0810 = [7, 11, 41, 70] } \
               for `echo` or { 0800 = [11] } for `mandatory`, since one list would change all kinds, not a list",
            ],
        ),
        (
            "mandatory = { 0200 = [11, 3, 11] }",
            &["site.toml:4:30: links.one.mandatory.0200: 11 stands here twice"],
        ),
        (
            "echo.0110 = [11, 64, 11]",
            &[
                "site.toml:4:18: links.one.echo.0110: DE 64 is never echoed",
                "site.toml:4:22: links.one.echo.0110: 11 stands here twice",
            ],
        ),
        (
            "max_frame_bytes = 0\nbudget_ms = 0",
            &[
                "site.toml:4:19: links.one.max_frame_bytes: must be 1 to 65535 bytes, not 0",
                "site.toml:5:13: links.one.budget_ms: must be 1 to 60000 milliseconds, not 0",
            ],
        ),
    ];
    for (more, lines) in rows {
        refused(&link(more), &[], lines);
    }
    refused(
        "[links.one]\nlisten = \"127.0.0.1:1\"\ndialect = \"\"\n",
        &[],
        &["site.toml:3:11: links.one.dialect: must not be empty"],
    );
}

#[test]
fn names_that_could_not_be_metric_labels_are_refused() {
    let reason = "a name must be 1 to 32 of the characters a-z, 0-9 and hyphen";
    for name in ["Visa", "a_b", "a.b", "", "ü", &"x".repeat(33)] {
        let quoted = LINK.replace("one", &format!("{name:?}"));
        refused(&quoted, &[], &[&format!("site.toml:1:8: links.{name}: {reason}")]);
        refused(
            &format!("[programs.{name:?}]\n"),
            &[],
            &[&format!("site.toml:1:11: programs.{name}: {reason}")],
        );
    }
    assert!(read(&LINK.replace("one", &"x".repeat(32)), &[]).is_ok());
}

#[test]
fn the_number_of_links_is_bounded() {
    let links = |count: usize| -> String {
        (0..count)
            .map(|n| LINK.replace("one", &format!("n{n}")).replace("7001", &(7001 + n).to_string()))
            .collect()
    };
    assert!(read(&links(64), &[]).is_ok());
    let error = read(&links(65), &[]).unwrap_err().to_string();
    assert!(error.ends_with("links: at most 64 links, not 65"), "{error}");
    refused("", &["links={}"], &["--set links={}:1:7: links: there must be at least one link"]);
}

#[test]
fn program_lists_are_checked() {
    let rows: [(&str, &str); 7] = [
        (
            "mcc_deny = [\"799\"]",
            "site.toml:2:13: programs.a.mcc_deny: \"799\" is not a merchant category code: \
          four digits, e.g. \"5411\"",
        ),
        (
            "mcc_deny = [\"+799\"]",
            "site.toml:2:13: programs.a.mcc_deny: \"+799\" is not a merchant category code: \
          four digits, e.g. \"5411\"",
        ),
        (
            "mcc_allow = [7995]",
            "site.toml:2:14: programs.a.mcc_allow: must be text in quotes, not the number 7995",
        ),
        (
            "country_deny = [\"UKR\", \"UK\"]",
            "site.toml:2:24: programs.a.country_deny: \"UK\" is not a country of ISO 3166: two letters (\"US\"), three \
          letters (\"USA\"), three digits (\"840\"), or \"unknown\"",
        ),
        (
            "country_allow = [\"US\", \"us\"]",
            "site.toml:2:24: programs.a.country_allow: US stands here twice",
        ),
        (
            "country_allow = [\"US\", \"unknown\"]\ncountry_deny = [\"840\"]",
            "site.toml:3:17: programs.a.country_deny: US is in programs.a.country_allow too",
        ),
        (
            "mcc_allow = [\"5411\"]\nmcc_deny = [\"7995\", \"5411\"]",
            "site.toml:3:21: programs.a.mcc_deny: 5411 is in programs.a.mcc_allow too",
        ),
    ];
    for (list, line) in rows {
        refused(&format!("[programs.a]\n{list}\n"), &[], &[line]);
    }
    let settings =
        read("[programs.a]\nmcc_deny = [\"0742\"]\ncountry_deny = [\"036\", \"unknown\"]\n", &[]).unwrap();
    let program = &settings.programs["a"];
    let countries: Vec<u16> = program.country_deny.iter().map(|country| country.number()).collect();
    assert_eq!((program.mcc_deny[0].number(), countries), (742, vec![36, 0]));
    assert_eq!(program.mcc_deny[0].to_string(), "0742");
}

#[test]
fn a_bad_override_is_named_as_it_was_given() {
    let malformed = "must be KEY=VALUE, e.g. links.acquirer-ascii.listen=127.0.0.1:0";
    let rows: [(&str, String); 8] = [
        (
            "server.workers=257",
            "--set server.workers=257:1:16: server.workers: must be 0 to 256, not 257".into(),
        ),
        (
            "server.worker=2",
            "--set server.worker=2:1:8: server.worker: unknown key (did you mean `workers`?)".into(),
        ),
        (
            "log.level=loud",
            "--set log.level=loud:1:11: log.level: must be one of \"error\", \"warn\", \"info\", \
          \"debug\", \"trace\", not \"loud\""
                .into(),
        ),
        ("server.workers", format!("--set server.workers:1:1: {malformed}")),
        ("=3", format!("--set =3:1:1: {malformed}")),
        ("a b=c", format!("--set a b=c:1:1: {malformed}")),
        ("# x=1", format!("--set # x=1:1:1: {malformed}")),
        (
            "links.one.budget_ms=5",
            "--set links.one.budget_ms=5:1:7: links.one: lacks the key `listen`, which has \
          no default"
                .into(),
        ),
    ];
    for (argument, line) in rows {
        refused("", &[argument], &[&line]);
    }
}

#[test]
fn problems_in_several_texts_are_reported_together() {
    refused(
        "[server]\nworkers = 999\n[holds]\nauthorization_days = 0\n",
        &["journal.segment_mib=0"],
        &[
            "site.toml:2:11: server.workers: must be 0 to 256, not 999",
            "site.toml:4:22: holds.authorization_days: must be 1 to 365 days, not 0",
            "--set journal.segment_mib=0:1:21: journal.segment_mib: must be 1 to 4096 mebibytes, not 0",
        ],
    );
}

#[test]
fn the_report_shows_the_line_with_a_caret_and_help() {
    let report = read("[server]\nworker = 3\n", &[]).unwrap_err().report();
    for part in
        ["server.worker: unknown key", "site.toml:2:1", "worker = 3", "^^^^^^", "did you mean `workers`?"]
    {
        // A terminal gets other strokes for the caret; a test has none.
        assert!(report.contains(part), "{part:?} is not in\n{report}");
    }
}

#[test]
fn the_fingerprint_is_of_the_meaning_not_of_the_spelling() {
    let a = read("[server]\nworkers = 2\n[snapshot]\nevery_records = 5_000\n[programs.a]\n", &[]).unwrap();
    let b = "# the same\nsnapshot = { every_records = 0x1388 }\nprograms.a.mcc_deny = []\n";
    let b = read(b, &["server.workers=2"]).unwrap();
    assert_eq!(a.canonical(), b.canonical());
    assert_eq!(a.fingerprint(), b.fingerprint());
    let c = read("[log]\nlevel = \"warn\"\n", &[]).unwrap();
    assert_ne!(c.fingerprint(), Settings::default().fingerprint());
}

#[test]
fn units_convert() {
    assert_eq!(Micros(200).duration(), Duration::from_micros(200));
    assert_eq!(Millis(50).duration(), Duration::from_millis(50));
    assert_eq!(Seconds(300).duration(), Duration::from_secs(300));
    assert_eq!(Duration::from(Hours(72)), Duration::from_secs(259_200));
    assert_eq!(Duration::from(Days(7)), Duration::from_secs(604_800));
    assert_eq!(Mebibytes(128).bytes(), 134_217_728);
    assert_eq!(Days(u64::MAX).duration(), Duration::from_secs(u64::MAX));
}

/// The manual with a few bytes cut out or put in, so that most keys are still right and something is wrong.
fn damaged_manual() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..12usize, "[\\PC\n=\\[\\]\"{}.]{0,6}");
    prop::collection::vec(edit, 1..4).prop_map(|edits| {
        let mut text: Vec<char> = authswitch::settings::MANUAL.chars().collect();
        for (at, cut, put) in edits {
            let start = at.index(text.len());
            let end = (start + cut).min(text.len());
            text.splice(start..end, put.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn no_file_and_no_override_panics_and_every_problem_has_a_place(
        file in damaged_manual(),
        argument in "(links\\.a\\.|server\\.|)[a-z_.]{0,9}[= ]?\\PC{0,12}",
    ) {
        for result in [Settings::from_text("site.toml", &file, &[]), Settings::load(None, std::slice::from_ref(&argument))] {
            let Err(error) = result else { continue };
            prop_assert!(!error.problems().is_empty());
            for problem in error.problems() {
                let lines = if problem.origin() == "site.toml" { file.matches('\n').count() + 1 } else { 1000 };
                prop_assert!((1..=lines).contains(&problem.line()), "{}", problem.located());
            }
            prop_assert!(!error.report().is_empty());
        }
    }
}
