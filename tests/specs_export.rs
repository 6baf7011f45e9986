//! `authswitch specs export` as its users run it: a dialect becomes moov's JSON, and what that cannot say is told.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_authswitch")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_dialect_that_moov_can_say_is_exported_whole() {
    let output = run(&["specs", "export", "iso87-ascii"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let spec: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let field = |de: &str| spec["fields"][de].clone();
    assert_eq!(spec["fields"].as_object().unwrap().len(), 128);
    assert_eq!((&field("1")["enc"], &field("1")["length"]), (&"HexToASCII".into(), &8.into()));
    assert_eq!((&field("2")["prefix"], &field("2")["length"]), (&"ASCII.LL".into(), &19.into()));
    assert_eq!(field("4")["padding"], serde_json::json!({ "type": "Left", "pad": "0" }));
    assert_eq!(field("41")["padding"], serde_json::json!({ "type": "Right", "pad": " " }));
    // With the prefix Hex.Fixed moov reads such a field and cannot write it.
    assert_eq!((&field("52")["enc"], &field("52")["prefix"]), (&"HexToASCII".into(), &"ASCII.Fixed".into()));
    assert_eq!((&field("55")["enc"], &field("55")["prefix"]), (&"Binary".into(), &"ASCII.LLL".into()));
    let said = text(&output.stdout);
    let order: Vec<_> =
        ["\"0\"", "\"2\"", "\"10\"", "\"128\""].iter().map(|key| said.find(key).unwrap()).collect();
    assert!(order.is_sorted(), "fields stand in the order of their numbers");
}

#[test]
fn an_export_tells_what_moov_cannot_say() {
    let toml = r#"
name = "mine"
version = 0
[encoding]
mti = "ebcdic-037"
bitmap = "ebcdic-hex"
length = "ascii"
n = "bcd"
z = "bcd"
"x+n" = "bcd"
text = "ebcdic-037"
b = "binary"
[pad]
fixed = "left 0"
variable = "right F"
[fields]
2 = { format = "n..19", name = "Pad F", mask = "pan" }
3 = { format = "n 6", name = "Even" }
28 = { format = "x+n 8", name = "Packed sign" }
35 = { format = "z..36", name = "Separator", mask = "secret", pad = "right 0" }
48 = { format = "ans...99", name = "Page" }
60 = { format = "b...99", name = "Inclusive", length = { inclusive = true } }
61 = { format = "b...99", name = "Three hexadecimal digits", length = "hex" }
62 = { format = "b...99", name = "Bytes" }
"#;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, toml).unwrap();
    let path = file.to_str().unwrap();
    let output = run(&["specs", "export", "--format", "moov", "--json", path]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let lost: Vec<_> =
        object["remarks"].as_array().unwrap().iter().filter(|remark| remark["lost"] == true).collect();
    let lost: Vec<_> = lost.iter().map(|remark| remark["field"].as_str().unwrap()).collect();
    assert_eq!(lost, ["1", "2", "28", "35", "48", "60", "61"]);
    let fields = object["spec"]["fields"].as_object().unwrap();
    assert!(!fields.contains_key("60") && !fields.contains_key("61") && fields.contains_key("62"));
    assert_eq!(run(&["specs", "export", "--lenient", path]).status.code(), Some(0));
    assert_eq!(run(&["specs", "export", "none"]).status.code(), Some(2));
    assert_eq!(run(&["specs", "export", "--format", "jpos", path]).status.code(), Some(2));
}

#[test]
fn subfields_become_composites_where_moov_can_say_them() {
    let toml = r#"
name = "mine"
extends = "iso87-ascii"
[layouts.tags]
kind = "tagged"
tag = "n 2"
value = "ans..99"
parts = [{ key = "01", format = "ans to 20", name = "Name" }]
[layouts.bits]
kind = "bitmap"
bitmap = "b 8"
parts = [
    { key = "1", format = "n 2", name = "First", encoding = "ascii" },
    { key = "25", format = "b..99", name = "Nested", length = "binary", layout = "inner" },
]
[layouts.inner]
kind = "positional"
parts = [{ key = "word", format = "ans..9", name = "Word", length = "binary" }]
[fields]
48 = { layout = "tags" }
62 = { format = "b...255", encoding = "binary", layout = "bits" }
"#;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, toml).unwrap();
    let output = run(&["specs", "export", "--json", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let field = |de: &str| object["spec"]["fields"][de].clone();
    let original = field("90");
    assert_eq!(
        (&original["type"], &original["length"], &original["enc"]),
        (&"Composite".into(), &42.into(), &().into())
    );
    assert_eq!(original["subfields"]["2"]["length"], 6);
    assert_eq!(
        field("48")["tag"],
        serde_json::json!({ "length": 2, "enc": "ASCII", "sort": "StringsByInt" })
    );
    let name = &field("48")["subfields"]["01"];
    assert_eq!((&name["prefix"], &name["length"]), (&"ASCII.LL".into(), &20.into()));
    let bits = field("62");
    assert_eq!((&bits["bitmap"]["length"], &bits["bitmap"]["disableautoexpand"]), (&8.into(), &true.into()));
    let word = &bits["subfields"]["25"]["subfields"]["1"];
    assert_eq!((&word["prefix"], &word["enc"]), (&"Binary.L".into(), &"ASCII".into()));

    // What ends with a character, repeats or is EMV's stays one value, and is told.
    let remarks = object["remarks"].as_array().unwrap();
    for (de, reason) in [
        ("35", "not bytes of their own"),
        ("45", "ends with a character"),
        ("54", "rows"),
        ("55", "moov refuses"),
    ] {
        let told = remarks.iter().any(|remark| {
            remark["field"] == de
                && remark["lost"] == false
                && remark["what"].as_str().unwrap().contains(reason)
        });
        assert!(told, "DE {de} {reason}: {remarks:#?}");
    }

    // And back: the same parts at the same places.
    let json = folder.path().join("spec.json");
    std::fs::write(&json, object["spec"].to_string()).unwrap();
    let back = run(&["specs", "import", json.to_str().unwrap()]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back.stderr));
    let dialect = authswitch::wire::Dialect::from_toml(&text(&back.stdout), "back").unwrap();
    for address in ["3.2", "48.01", "62.1", "62.25.1", "90.5", "55.9F26"] {
        assert!(dialect.path(address).is_ok(), "{address}");
    }
}
