//! The load client, the echo and the import of captures on links of every kind of framing.
#![allow(clippy::unwrap_used)]

#[path = "traffic/switch.rs"]
mod switch;

use authswitch::traffic::Rate;
use authswitch::traffic::generator::{Options, generate};
use authswitch::traffic::replay::{Plan, run};
use authswitch::traffic::trace::Trace;
use authswitch::wire::frame::{Framing, Lead};
use authswitch::wire::{Bitmap, Dialect, Mti, Value};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use switch::{FakeSwitch, Reply};

fn authswitch(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_authswitch")).args(arguments).current_dir(folder).output().unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_trace_is_played_in_every_framing() {
    // What is rewritten at each sending (STAN, times, references) keeps lengths and check bytes right: the switch
    // of the test takes no frame that is wrong.
    for (dialect, framing) in [
        ("iso87-bcd", "length2-bcd+tpdu"),
        ("iso87-bcd", "visa-stream+visa-header"),
        ("iso87-ascii", "length2-be+base24"),
        ("iso87-ascii", "length4-ascii+etx"),
        ("iso87-bcd", "length2-be+stx-etx-lrc"),
        ("iso87-ascii-binary", "fixed:49534F+length4-ascii-inclusive+opaque9"),
        ("iso87-bcd", "tpdu+length2-be+etx-lrc+trailer:0D0A"),
    ] {
        let trace = generate(&Options { seed: 5, count: 400, ..Options::default() });
        let switch = FakeSwitch::start_framed(dialect, framing.parse().unwrap(), |_, _| Reply::Code(*b"00"));
        let plan = Plan {
            rate: Rate::PerSecond(4_000.0),
            connections: 2,
            timeout: Duration::from_secs(300),
            ..Plan::default()
        };
        let outcome = run(&trace, &plan, &[switch.target()], &AtomicBool::new(false), &mut |_| {}).unwrap();
        let outcome = &outcome.targets[0];
        assert_eq!((outcome.answered, outcome.lost, outcome.unreadable), (400, 0, 0), "{dialect} {framing}");
    }
}

/// Sales that have no chip data: DE55 is bytes, which frames that end at ETX cannot carry.
fn sales(folder: &Path, links: &[&str]) {
    let line = |number: usize| {
        format!(
            "{{\"at_us\":{},\"link\":\"{}\",\"mti\":\"0100\",\"fields\":{{\"2\":\"4111110000000013\",\"3\":\"000000\",\
             \"4\":\"000000000100\",\"7\":\"0115000000\",\"11\":\"{:06}\"}},\"expect\":\"00\"}}\n",
            number * 1000,
            links[number % links.len()],
            number + 1
        )
    };
    std::fs::write(folder.join("sales.jsonl"), (0..200).map(line).collect::<String>()).unwrap();
}

#[test]
fn each_link_is_played_in_its_own_framing_beside_an_echo() {
    let folder = tempfile::tempdir().unwrap();
    sales(folder.path(), &["pos", "serial"]);
    let start = |dialect, framing: &str| {
        FakeSwitch::start_framed(dialect, framing.parse().unwrap(), |_, _| Reply::Code(*b"00"))
    };
    let (pos, serial) = (start("iso87-bcd", "length2-bcd+tpdu"), start("iso87-ascii", "stx-etx-lrc"));
    let (to_pos, to_serial) = (format!("pos={}", pos.address), format!("serial={}", serial.address));
    let arguments = [
        &["replay", "sales.jsonl", "--to", &to_pos, "--to", &to_serial, "--beside-echo", "--json"][..],
        &["--framing", "pos=length2-bcd+tpdu", "--framing", "stx-etx-lrc", "--dialect", "pos=iso87-bcd"],
        &["--rate", "2000", "--connections", "2", "--slice", "50ms", "--timeout", "300s"],
    ];
    let played = authswitch(folder.path(), &arguments.concat());
    assert_eq!(played.status.code(), Some(0), "{}", err(&played));
    let outcome: serde_json::Value = serde_json::from_slice(&played.stdout).unwrap();
    for target in outcome["targets"].as_array().unwrap() {
        assert_eq!((&target["answered"], &target["lost"]), (&200.into(), &0.into()), "{target}");
    }
    assert_eq!((pos.received.lock().unwrap().len(), serial.received.lock().unwrap().len()), (100, 100));
}

#[test]
fn frames_as_captured_become_a_trace_without_their_headers() {
    let folder = tempfile::tempdir().unwrap();
    let (framing, dialect) = ("visa-stream+visa-header", Dialect::builtin("iso87-bcd").unwrap());
    let parsed: Framing = framing.parse().unwrap();
    let frame = |mti: u16, fields: &[(u8, &str)]| {
        let own: Vec<_> = fields.iter().map(|(de, text)| (*de, Value::Text(text.as_bytes()))).collect();
        let mut out = Vec::new();
        let mark = parsed.begin(&mut out, Lead::Own);
        dialect.build(&mut out, Mti::new(mti).unwrap(), None, Bitmap::default(), &own).unwrap();
        parsed.finish(&mut out, mark).unwrap();
        out.iter().map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    let sale =
        [(2, "4111110000000013"), (3, "000000"), (4, "000000001000"), (7, "0115123456"), (11, "000007")];
    let request = frame(0x0100, &sale);
    let answer = frame(0x0110, &[(7, "0115123456"), (11, "000007"), (39, "51")]);
    let import = |lines: &str| {
        std::fs::write(folder.path().join("day.hex"), lines).unwrap();
        let arguments = ["trace", "import", "day.hex", "--dialect", "iso87-bcd", "--framing", framing];
        authswitch(folder.path(), &[&arguments[..], &["--out", "day.jsonl"]].concat())
    };
    // A poll and session control are no messages.
    let imported = import(&format!("0 {request}\n10 00000000\n20 00000020\n30 {answer}\n"));
    assert!(imported.status.success(), "{}", err(&imported));
    let trace = Trace::open(&folder.path().join("day.jsonl")).unwrap();
    assert_eq!((trace.entries.len(), trace.entries[0].expect.to_string()), (1, "51".to_owned()));
    for (de, text) in sale {
        assert_eq!(trace.entries[0].field(de), Some(text));
    }
    for (line, reason) in [
        (&request[..40], "day.hex:1: expected a whole frame in visa-stream+visa-header, found the beginning"),
        (
            &format!("{request}00"),
            "day.hex:1: expected one frame in visa-stream+visa-header, found 1 more bytes",
        ),
        (
            &request.replacen("1601", "1501", 1),
            "day.hex:1: expected the header length 16 (22) or 1A (26) at byte 0",
        ),
        ("00010100", "day.hex:1: expected a zero byte at byte 2 of the length"),
    ] {
        let refused = import(line);
        assert!(refused.status.code() == Some(2) && err(&refused).contains(reason), "{}", err(&refused));
        assert!(!err(&refused).contains("4111110000000013"));
    }
}

#[test]
fn wrong_framings_end_with_2_and_say_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    sales(folder.path(), &["pos"]);
    let rows: [(&[&str], &str); 4] = [
        (
            &["--framing", "length2"],
            "--framing: \"length2\" is not a framing: at character 1, expected one of length2-be",
        ),
        (&["--framing", "tdpu+etx"], "\"tdpu\" is no word; known: lengthN-be, "),
        (&["--framing", "sop=etx"], "--framing sop=etx: no --to names the link sop"),
        (
            &["--framing", "stx-etx", "--dialect", "iso87-bcd"],
            "--framing: stx-etx ends a frame at bytes that messages in iso87-bcd may have inside",
        ),
    ];
    for (arguments, reason) in rows {
        let ended = authswitch(
            folder.path(),
            &[&["replay", "sales.jsonl", "--to", "127.0.0.1:1"], arguments].concat(),
        );
        assert_eq!(ended.status.code(), Some(2), "{}", err(&ended));
        assert!(err(&ended).contains(reason), "{}", err(&ended));
    }
}

#[test]
fn help_lists_every_word() {
    for command in [&["echo"][..], &["replay"], &["trace", "import"]] {
        let help = authswitch(Path::new("."), &[command, &["--help"]].concat());
        let help = String::from_utf8(help.stdout).unwrap();
        for word in authswitch::wire::frame::words() {
            assert!(help.contains(word.form), "{command:?}: {}\n{help}", word.form);
        }
    }
}
