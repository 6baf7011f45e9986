//! A link of each dialect of ISO 8583:1987, and of one's own: the load client plays generated traffic in it, and every answer
//! is the one expected.

#![allow(clippy::unwrap_used)]

mod harness;
use harness::*;
use std::path::Path;
use std::process::Command;

/// Dialect and framing.
const LINKS: [(&str, &str); 7] = [
    ("iso87-ascii", "length4-ascii"),
    ("iso87-bcd", "length2-be"),
    ("iso87-ebcdic", "length4-ebcdic"),
    ("visa-base1", "visa-stream+visa-header"),
    ("mastercard-cis", "length2-be"),
    ("base24", "length2-be+base24:ISO026000050"),
    ("terminal", "length2-bcd+tpdu"),
];

const OWN: &str = "name = \"own\"\nextends = \"iso87-bcd\"\n[fields]\n35 = { pad = \"right F\" }\n\
                   48 = { format = \"ans..99\", length = { encoding = \"binary\", counts = \"wire\" } }\n";

fn generate(folder: &Path) -> String {
    let trace = folder.join("trace.jsonl");
    let made = Command::new(binary())
        .args(["trace", "generate", "--seed", "7", "--count", "1500", "--out"])
        .arg(&trace)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    trace.to_str().unwrap().to_owned()
}

/// Plays the whole trace at one link, of the dialect and framing given.
fn play(trace: &str, address: &str, dialect: &str, framing: &str) -> serde_json::Value {
    let mut replay = Command::new(binary());
    replay.args(["replay", trace, "--to", address, "--dialect", dialect, "--framing", framing, "--json"]);
    replay.args(["--rate", "max", "--in-flight", "4", "--connections", "2"]);
    let output = replay.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{dialect}: {said}\n{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn traffic_in_each_dialect_is_decided_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.toml");
    std::fs::write(&own, OWN).unwrap();
    let own = own.to_str().unwrap();
    let links: Vec<(&str, &str)> = LINKS.into_iter().chain([(own, "length2-be")]).collect();
    let trace = generate(folder.path());
    for (number, (dialect, framing)) in links.iter().enumerate() {
        // A switch of its own: limits that one play has used up would decline the next.
        let set =
            [("listen", "127.0.0.1:0"), ("dialect", dialect), ("framing", framing), ("budget_ms", "60000")]
                .map(|(key, value)| format!("links.only.{key}={value}"));
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let switch = Switch::start(&folder.path().join(number.to_string()), &set);
        let report = play(&trace, &switch.addresses["only"].to_string(), dialect, framing);
        let target = &report["targets"][0];
        let count = |key: &str| target[key].as_u64().unwrap();
        assert_eq!(
            (count("answered"), count("differing"), count("unreadable")),
            (1500, 0, 0),
            "{dialect}: {report}"
        );
        assert!(target["codes"]["00"].as_u64().unwrap() > 1000, "{dialect}: {report}");
    }
}

#[test]
fn a_dialect_that_the_switch_cannot_decide_is_refused() {
    for (dialect, reason) in [
        ("iso93-bcd", "decides those of ISO 8583:1987"),
        ("iso87", "expected one of iso87-ascii"),
        ("missing.toml", "missing.toml: "),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(binary())
            .args(["serve", "--data"])
            .arg(folder.path().join("data"))
            .args(["--set", &format!("links.acquirer-ascii.dialect={dialect}")])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{dialect}: {said}");
        assert!(said.contains("links.acquirer-ascii.dialect") && said.contains(reason), "{dialect}: {said}");
    }
}

#[test]
fn a_links_table_that_its_dialect_cannot_have_is_refused() {
    for (setting, reason) in [
        ("mandatory.0100=[11, 150]", "mandatory.0100: the dialect iso87-ascii does not define DE 150"),
        ("merchant_country=[\"43.land=alpha-2\"]", "merchant_country: 43.land: no \"land\" in 43"),
        ("merchant_country=[\"43\"]", "merchant_country: \"43\" is not a place of a country"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let set = format!("links.acquirer-ascii.{setting}");
        let Err((status, said)) = Switch::try_start(&folder.path().join("data"), &[&set], |_| {}) else {
            panic!("{setting} was taken")
        };
        assert!(status.code() == Some(2) && said.contains(reason), "{setting}: {said}");
    }
}

/// The list of a program, and where each link says that the merchant is.
#[test]
fn a_programs_countries_are_held_against_the_merchants_and_never_the_acquirers() {
    let folder = tempfile::tempdir().unwrap();
    let set = [
        "programs.demo.country_deny=[\"USA\", \"unknown\"]",
        "links.acquirer-bcd.merchant_country=[\"19=numeric\"]",
        "links.acquirer-bcd.mandatory={0100=[7, 11, 41]}",
    ];
    let switch = Switch::start(&folder.path().join("data"), &set);
    let place = |country: &str| format!("{:<38}{country}", "CORNER SHOP              SOMEWHERE");
    let mut stan = 0;
    for (link, de43, de19, code) in [
        ("acquirer-ascii", "DE", "840", "00"),
        ("acquirer-ascii", "US", "276", "62"),
        ("acquirer-ascii", "XX", "276", "62"),
        ("acquirer-bcd", "US", "276", "00"),
        ("acquirer-bcd", "DE", "840", "62"),
    ] {
        stan += 1;
        let asked = Purchase::new(&pan("411111", stan), stan, 100).set(43, &place(de43)).set(19, de19);
        assert_eq!(switch.connect(link).ask("0100", &asked.fields()).code(), code, "{link} {de43} {de19}");
    }
    let asked = Purchase::new(&pan("411111", 9), 9, 100).set(19, "276").without(41);
    for (link, code) in [("acquirer-bcd", "30"), ("acquirer-ascii", "62")] {
        assert_eq!(switch.connect(link).ask("0100", &asked.fields()).code(), code, "{link} without DE 41");
    }
}
