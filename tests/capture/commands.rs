//! `authswitch decode --streams` and `authswitch trace import` as scripts see them.

use super::wiretap::{self, LITTLE, Talk, V4};
use super::{answer, framed, hex, keep, sale};
use authswitch::traffic::trace::Trace;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn authswitch(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_authswitch")).current_dir(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Sign-on from the server's side, three sales of the client, their answers; one is answered late, one not.
fn link(dialect: &str) -> Talk {
    let mut talk = Talk::open(V4, [u32::MAX - 100, 5]);
    let sign_on = super::message(dialect, 0x0800, &[(7, "0115123400"), (11, "000099"), (70, "001")]);
    talk.data(false, &framed(&sign_on), 1000);
    for stan in ["000001", "000002", "000003"] {
        talk.data(true, &framed(&sale(dialect, stan)), 33);
        if stan != "000003" {
            talk.data(false, &framed(&answer(dialect, stan, if stan == "000001" { "00" } else { "51" })), 20);
        }
    }
    talk
}

#[test]
fn streams_are_shown_without_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let file = wiretap::pcap(LITTLE, false, 1, &link("iso87-ascii").captured());
    keep("link.pcap", &file);
    std::fs::write(folder.path().join("link.pcap"), &file).unwrap();
    let shown = authswitch(folder.path(), &["decode", "--streams", "link.pcap", "--json"]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let lines: Vec<Value> =
        text(&shown.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["origin"], "10.0.0.1:40000 -> 10.0.0.2:8583");
    assert_eq!((&lines[0]["direction"], &lines[1]["direction"]), (&"to server".into(), &"to client".into()));
    let asked: usize = ["000001", "000002", "000003"].iter().map(|s| sale("iso87-ascii", s).len() + 2).sum();
    assert_eq!((&lines[0]["bytes"], &lines[0]["begins"]), (&asked.into(), &"start".into()));
    assert_eq!(lines[0]["framings"][0]["name"], "length2-be");
    assert_eq!(lines[0]["framings"][0]["clean"], true);
    assert_eq!(lines[2]["kind"], "pcap");
    assert_eq!(lines[2]["connections"], 1);
    let words = authswitch(folder.path(), &["decode", "--streams", "link.pcap"]);
    let words = text(&words.stdout);
    assert!(words.contains("3 of 3 frames begin like a message (ASCII), to the last byte"), "{words}");
    for shown in [text(&shown.stdout), words] {
        assert!(!shown.contains("4111110000000013") && !shown.contains(&hex(b"4111110000000013")));
    }
}

#[test]
fn a_capture_becomes_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    for dialect in ["iso87-ascii", "iso87-bcd"] {
        let mut talk = link(dialect);
        // A request that went the other way too.
        talk.data(false, &framed(&sale(dialect, "000077")), 1000);
        talk.data(true, &framed(&answer(dialect, "000077", "62")), 1000);
        let file = wiretap::pcapng(LITTLE, 1, &talk.captured());
        std::fs::write(folder.path().join("link.pcapng"), &file).unwrap();
        let arguments =
            ["trace", "import", "link.pcapng", "--dialect", dialect, "--link", "north", "--out", "day.jsonl"];
        let imported = authswitch(folder.path(), &arguments);
        assert!(imported.status.success(), "{}", text(&imported.stderr));
        let trace = Trace::open(&folder.path().join("day.jsonl")).unwrap();
        let entries: Vec<_> = trace
            .entries
            .iter()
            .map(|entry| (entry.at_us, entry.field(11).unwrap(), entry.expect.to_string()))
            .collect();
        let at = |index: usize| entries[index].1;
        assert_eq!([at(0), at(1), at(2)], ["000001", "000002", "000003"]);
        assert_eq!(entries.iter().map(|entry| entry.2.as_str()).collect::<Vec<_>>(), ["00", "51", ""]);
        // The trace begins with the first message of the capture, which is the sign-on of the other side.
        assert_eq!(entries[0].0, 1000);
        let said = text(&imported.stderr);
        assert!(said.contains("2 requests that went the other way (--direction to-client)"), "{said}");
        assert!(
            said.contains("day.jsonl holds CARD DATA IN CLEAR: 3 of 3 messages carry a card number"),
            "{said}"
        );
        assert!(!said.contains("4111110000000013"));
        let mode = std::fs::metadata(folder.path().join("day.jsonl")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_file(folder.path().join("day.jsonl")).unwrap();
        let both = [&arguments[..], &["--direction", "both", "--json"]].concat();
        let imported = authswitch(folder.path(), &both);
        let made: Value = serde_json::from_slice(&imported.stdout).unwrap();
        assert_eq!(
            (&made["messages"], &made["answers"], &made["input"]),
            (&5.into(), &3.into(), &"pcapng".into())
        );
        assert_eq!(made["with_card_data"], 4);
        let trace = Trace::open(&folder.path().join("day.jsonl")).unwrap();
        let codes: Vec<_> = trace.entries.iter().map(|entry| entry.expect.to_string()).collect();
        assert_eq!(codes, ["", "00", "51", "", "62"]);
    }
}

#[test]
fn a_gap_costs_the_messages_that_it_tears_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::open(V4, [1, 1]);
    for stan in 1..=20 {
        talk.data(true, &framed(&sale("iso87-bcd", &format!("{stan:06}"))), 25);
    }
    let mut packets = talk.captured();
    packets.remove(10);
    std::fs::write(folder.path().join("gap.pcap"), wiretap::pcap(LITTLE, false, 1, &packets)).unwrap();
    let arguments = ["trace", "import", "gap.pcap", "--dialect", "iso87-bcd", "--out", "gap.jsonl"];
    let imported = authswitch(folder.path(), &arguments);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    assert!(text(&imported.stderr).contains("13 bytes before this one are not in the capture"));
    let trace = Trace::open(&folder.path().join("gap.jsonl")).unwrap();
    assert!((18..20).contains(&trace.entries.len()), "{}", trace.entries.len());
}

#[test]
fn logs_become_traces_and_what_has_no_message_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = [
        format!("2026-01-15T12:34:56.000Z in {}", hex(&sale("iso87-bcd", "000001"))),
        "2026-01-15T12:34:56.100Z something else".to_owned(),
        format!("2026-01-15T12:34:56.250Z out {}", hex(&answer("iso87-bcd", "000001", "05"))),
        format!("2026-01-15T12:34:57.000Z in {}", hex(&sale("iso87-bcd", "000002"))),
    ];
    std::fs::write(folder.path().join("day.log"), log.join("\n")).unwrap();
    let arguments = ["trace", "import", "day.log", "--dialect", "iso87-bcd", "--out", "log.jsonl"];
    let imported = authswitch(folder.path(), &arguments);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let trace = Trace::open(&folder.path().join("log.jsonl")).unwrap();
    let entries: Vec<_> = trace.entries.iter().map(|entry| (entry.at_us, entry.expect.to_string())).collect();
    assert_eq!(entries, [(0, "05".to_owned()), (1_000_000, String::new())]);
    std::fs::write(folder.path().join("empty.log"), "nothing\nat all\n").unwrap();
    let refused = authswitch(folder.path(), &["trace", "import", "empty.log", "--out", "none.jsonl"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("empty.log: expected requests or advices"),
        "{}",
        text(&refused.stderr)
    );
    assert!(!folder.path().join("none.jsonl").exists());
    let refused = authswitch(folder.path(), &["decode", "--streams", "none.pcap"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("none.pcap: "));
}

const PARTS: &str = r#"
name = "parts"
extends = "iso87-ascii"
[layouts.private]
kind = "bitmap"
bitmap = "b 8"
parts = [
    { key = "2", format = "ans..32", name = "Switch key" },
    { key = "25", format = "b....9999", encoding = "binary", name = "Chip", layout = "chip" },
    { key = "26", format = "n 4", name = "Number" },
]
[layouts.chip]
kind = "bitmap"
bitmap = "b 8"
parts = [{ key = "2", format = "n 12", name = "Amount" }, { key = "4", format = "ans..9", name = "Text" }]
[layouts.sets]
kind = "tagged"
tag = "n 2"
value = "ans..99"
parts = [{ key = "42", format = "n to 7", name = "Indicators" }]
[fields]
48 = { format = "ans...999", layout = "sets" }
127 = { format = "b...999", encoding = "binary", layout = "private" }
"#;

#[test]
fn a_field_that_the_dialect_does_not_know_costs_no_message() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("parts.toml"), PARTS).unwrap();
    // Fields of each message beside its usual ones, what of them is left out and why, and the length of what is kept.
    let known = r#"<field id="2" value="key"/>"#;
    let cases = [
        (
            format!(r#"<isomsg id="127">{known}<field id="99" value="new"/></isomsg>"#),
            "127.99: the layout has no such part",
            127,
        ),
        (
            format!(
                r#"<isomsg id="127">{known}<isomsg id="25"><field id="2" value="150"/><field id="3" value="9"/></isomsg></isomsg>"#
            ),
            "127.25.3: the layout has no such part",
            127,
        ),
        (
            format!(r#"<isomsg id="127">{known}<isomsg id="30"><field id="1" value="x"/></isomsg></isomsg>"#),
            "127.30: the layout has no such part",
            127,
        ),
        // Known, and not as the dialect has it.
        (
            format!(r#"<isomsg id="127">{known}<field id="26" value="12x4"/></isomsg>"#),
            "127.26: expected digits",
            127,
        ),
        (
            format!(
                r#"<isomsg id="127">{known}<isomsg id="25"><field id="2" value="150"/><field id="4" value="{}"/></isomsg></isomsg>"#,
                "x".repeat(20)
            ),
            "127.25.4: expected at most 9, found 20",
            127,
        ),
        (
            format!(r#"<isomsg id="127">{known}<isomsg id="2"><field id="1" value="x"/></isomsg></isomsg>"#),
            "127.2: ",
            127,
        ),
        // Of a tagged layout an unknown part is kept as it is.
        (
            r#"<isomsg id="48"><field tag="42" value="1"/><field tag="77" value="as it is"/></isomsg>"#
                .to_owned(),
            "",
            48,
        ),
        (
            r#"<isomsg id="126"><field id="1" value="x"/></isomsg>"#.to_owned(),
            "126: nothing is known inside",
            0,
        ),
        (r#"<field id="193" value="x"/>"#.to_owned(), "193: parts has no such field", 0),
        (r#"<field id="a.b" value="x"/>"#.to_owned(), "?: parts has no such field", 0),
        (r#"<field value="x"/>"#.to_owned(), "?: parts has no such field", 0),
        (r#"<field id="35" value="4111________0013=[WIPED]"/>"#.to_owned(), "35: hidden in the log", 0),
    ];
    let mut log = String::new();
    for (index, (fields, ..)) in cases.iter().enumerate() {
        let usual = format!(
            r#"<field id="0" value="0100"/><field id="3" value="000000"/><field id="11" value="{:06}"/>"#,
            index + 1
        );
        log.push_str(&format!("<isomsg>{usual}{fields}</isomsg>\n"));
    }
    std::fs::write(folder.path().join("q2.log"), &log).unwrap();
    let arguments = ["trace", "import", "q2.log", "--dialect", "parts.toml", "--out", "q2.jsonl", "--json"];
    let imported = authswitch(folder.path(), &arguments);
    let said = text(&imported.stderr);
    assert!(imported.status.success(), "{said}");
    let trace = Trace::open(&folder.path().join("q2.jsonl")).unwrap();
    assert_eq!(trace.entries.len(), cases.len(), "{said}");
    for (index, ((fields, reason, kept), entry)) in cases.iter().zip(&trace.entries).enumerate() {
        let line = format!("left out: q2.log: line {}, character 1: field {reason}", index + 1);
        assert!(reason.is_empty() || said.contains(&line), "{line}\n{said}");
        assert_eq!(entry.field(11), Some(format!("{:06}", index + 1).as_str()));
        let others = [35, 48, 126, 127].into_iter().filter(|de| entry.field(*de).is_some());
        assert!(others.eq((*kept != 0).then_some(*kept)), "{fields}");
    }
    assert!(trace.entries[6].field(48).unwrap().contains("as it is"));
    // What is known of the field is there: the first part.
    assert!(trace.entries[0].field(127).unwrap().contains(&hex(b"03key").to_uppercase()), "{said}");
    assert!(said.contains("left out: 11 fields of 11 messages, which dialect parts cannot write"), "{said}");
    let made: Value = serde_json::from_slice(&imported.stdout).unwrap();
    assert_eq!((&made["left_out_fields"], &made["unreadable"]), (&11.into(), &0.into()));
    assert!(!said.contains("12x4") && !said.contains("4111"), "{said}");
}
