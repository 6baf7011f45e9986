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
