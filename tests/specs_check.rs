//! `authswitch specs check`: what is legal in a dialect file and suspicious is told with line, column and
//! caret, and what is not suspicious is not.

#![allow(clippy::unwrap_used)]

use authswitch::wire::Dialect;
use std::process::{Command, Output};

fn check(text: &str, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_authswitch"));
    command.current_dir(folder.path()).args(["specs", "check", "mine.toml"]).args(args);
    command.output().unwrap()
}

const OWN: &str = r#"name = "mine"
version = 0
[encoding]
mti = "ascii"
bitmap = "hex"
length = "ascii"
n = "ascii"
[fields]
2 = { format = "n..19", name = "PAN", mask = "pan" }
3 = { format = "n 6", name = "Code" }
"#;

const EXTENDS: &str = "name = \"mine\"\nextends = \"iso87-bcd\"\n";

/// Each warning of a file as `line:column: reason`; the file is right.
fn warnings(text: &str) -> Vec<String> {
    let dialect = Dialect::from_toml(text, "mine.toml").unwrap_or_else(|error| panic!("{error}\n{text}"));
    let found = dialect.warnings(text, "mine.toml");
    found.iter().map(|warning| warning.to_string().strip_prefix("mine.toml:").unwrap().to_owned()).collect()
}

#[test]
fn each_suspicion_has_its_place() {
    let own = |rest: &str| format!("{OWN}{rest}");
    let extends = |rest: &str| format!("{EXTENDS}{rest}");
    let table: [(String, &str); 30] = [
        (
            extends("[messages]\nmerchant_country = [\"43.country=alpha-2\"]\n"),
            "4:1: changes nothing: it is so without it",
        ),
        (extends("[messages.mandatory]\n0100 = [11]\n"), ""),
        (OWN.replace(", mask = \"pan\"", ""), "9:1: DE 2: the card number is shown"),
        (extends("[fields]\n52 = { mask = \"none\" }\n").replace("mask = \"none\"", "format = \"b 16\""), ""),
        (own("35 = { format = \"n..37\", name = \"Track\" }\n"), "11:1: DE 35: track data is shown"),
        (own("53 = { format = \"n 16\", name = \"Keys\" }\n"), "11:1: DE 53: key material is shown"),
        (
            own("55 = { format = \"n...200\", name = \"Chip\" }\n"),
            "11:1: DE 55: the card number and track of EMV data",
        ),
        (
            own("32 = { format = \"n..12\", name = \"A\" }\n"),
            "11:8: DE 32: takes up to 12, and up to 11 in ISO 8583:1987",
        ),
        (
            own("32 = { format = \"n...11\", name = \"A\" }\n"),
            "11:8: DE 32: has a length of 3 digits, more than 11",
        ),
        (extends("[fields]\n48 = { format = \"ans....9999\" }\n"), "4:8: DE 48: takes up to 10001 bytes"),
        (own("65 = { format = \"n 1\", name = \"A\" }\n"), "11:1: DE 65: bit 65 tells of a third bit map"),
        (own("64 = { format = \"n 16\", name = \"A\" }\n"), "11:8: DE 64: is a message authentication code"),
        (extends("[fields]\n128 = { format = \"b 4\" }\n"), "4:9: DE 128: is a message authentication code"),
        (
            extends("[length]\ncounts = \"wire\"\n"),
            "4:1: DE 2, 32, 33, 35, 36, 99, 100: the length counts bytes and the pad is a digit",
        ),
        (extends("[fields]\n2 = { length = { counts = \"wire\" } }\n"), "4:7: DE 2: the length counts bytes"),
        (extends("[accept]\ncharacters = true\n"), "4:1: hides errors: characters"),
        (extends("[accept]\npad = true\n"), "4:1: hides errors: wrong pads"),
        (extends("[accept]\ntrailing = true\n"), "4:1: hides errors: bytes behind the last field"),
        (extends("[accept]\nundefined = true\n"), "4:1: hides errors: all fields from the first"),
        (extends("[accept]\npad = false\n"), "4:1: changes nothing"),
        (OWN.replace("[fields]", "z = \"bcd\"\n[fields]"), "8:1: nothing in the dialect uses this"),
        (
            OWN.replace("[fields]", "[pad]\nfixed = \"right F\"\n[fields]"),
            "9:1: nothing in the dialect uses this",
        ),
        (
            OWN.replace("[fields]", "[length]\ncounts = \"value\"\n[fields]"),
            "9:1: nothing in the dialect uses this",
        ),
        (extends("version = 0\n"), "3:1: changes nothing"),
        (extends("third_bitmap = false\n"), "3:1: changes nothing"),
        (
            extends("[fields]\n3 = { format = \"n 6\" }\n"),
            "4:1: is the same in the dialect that this one extends",
        ),
        (extends("[fields]\n3 = { format = \"n 6\", name = \"Other\" }\n"), "4:7: changes nothing"),
        (own("4 = { format = \"n 12\", name = \"A\", encoding = \"ascii\" }\n"), "11:36: changes nothing"),
        (
            extends("[layouts.unused]\nkind = \"list\"\nparts = [{ key = \"a\", format = \"n 2\" }]\n"),
            "3:10: no field uses this layout",
        ),
        (
            extends("[fields]\n3 = { layout = \"processing-code\", mask = \"secret\" }\n"),
            "4:7: changes nothing",
        ),
    ];
    for (text, expected) in table {
        let found = warnings(&text);
        let names_changed = text.contains("name = \"Other\"");
        match expected {
            "" => assert!(found.iter().all(|warning| !warning.contains("shown")), "{text}\n{found:?}"),
            _ => {
                // A length over the standard's is over a frame too, and takes more than its name.
                let told: Vec<_> = found.iter().filter(|warning| warning.starts_with(expected)).collect();
                assert_eq!(told.len(), 1, "{text}\n{found:#?}");
                let others = usize::from(expected.contains("9999") || expected.contains("10001"));
                assert!(found.len() <= 1 + others + usize::from(names_changed), "{text}\n{found:#?}");
            }
        }
    }
}

#[test]
fn what_is_meant_is_not_suspicious() {
    let table = [
        OWN.to_owned(),
        EXTENDS.to_owned(),
        // A mask of "none" says that it is no oversight.
        format!("{EXTENDS}[fields]\n52 = {{ mask = \"none\" }}\n"),
        OWN.replace("mask = \"pan\"", "mask = \"none\""),
        format!(
            "{EXTENDS}[fields]\n35 = {{ pad = \"right F\" }}\n48 = {{ format = \"b...255\", encoding = \"hex\" }}\n"
        ),
        // One width for all lengths is wider than some need.
        format!("{EXTENDS}[length]\ndigits = 3\n"),
        // F is no digit: it tells odd numbers from even ones.
        format!("{EXTENDS}[length]\ncounts = \"wire\"\n[pad]\nvariable = \"right F\"\n"),
        format!("{EXTENDS}[accept]\nlower_case_hex = true\n"),
        format!("{EXTENDS}[fields]\n3 = {{ layout = \"none\" }}\n"),
        format!(
            "{EXTENDS}[layouts.own]\nkind = \"list\"\nparts = [{{ key = \"a\", format = \"n 2\" }}]\n\
             [fields]\n60 = {{ layout = \"own\" }}\n"
        ),
    ];
    for text in table {
        assert_eq!(warnings(&text), Vec::<String>::new(), "{text}");
    }
    for name in Dialect::builtin_names() {
        // What networks do otherwise than the standard is meant there, and suspicious in a file of somebody's own.
        let meant: &[&str] = match *name {
            "visa-base1" => &["takes up to 4, and up to 3", "the pad is a digit"],
            "mastercard-cis" => &["has a length of 3 digits"],
            _ => &[],
        };
        let mut found = warnings(Dialect::builtin_source(name).unwrap());
        found.retain(|warning| !meant.iter().any(|meant| warning.contains(meant)));
        assert_eq!(found, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn warnings_are_shown_with_a_caret_and_fail_only_when_strict() {
    let text = OWN.replace(", mask = \"pan\"", "");
    let output = check(&text, &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in ["mine.toml:9:1", "DE 2: the card number is shown", "2 = { format", "here", "─"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        String::from_utf8(output.stdout).unwrap().contains("right: dialect mine with 2 fields, 1 warning")
    );
    assert_eq!(check(&text, &["--strict"]).status.code(), Some(1));
    assert_eq!(check(OWN, &["--strict"]).status.code(), Some(0));

    let output = check(&text, &["--json"]);
    assert_eq!(output.status.code(), Some(0));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&object["ok"], &object["errors"]), (&true.into(), &serde_json::json!([])));
    assert_eq!((&object["warnings"][0]["line"], &object["warnings"][0]["column"]), (&9.into(), &1.into()));
    let strict = check(&text, &["--json", "--strict"]);
    assert_eq!(strict.status.code(), Some(1));
    let object: serde_json::Value = serde_json::from_slice(&strict.stdout).unwrap();
    assert_eq!(object["ok"], false);
}

#[test]
fn a_file_with_mistakes_has_no_warnings_beside_them() {
    let output = check(&OWN.replace(", mask = \"pan\"", "").replace("n 6", "n six"), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["errors"].as_array().unwrap().len(), 1);
    assert_eq!(object["warnings"], serde_json::json!([]));
}

#[test]
fn a_frame_is_as_long_as_a_link_takes_by_default() {
    let settings = include_str!("../config/authswitch.toml");
    assert!(settings.contains("\nmax_frame_bytes = 8192"), "the warning on long fields counts on it");
}
