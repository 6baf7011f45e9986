//! The commands `trace`, `replay` and `echo` as scripts use them: exit codes, output, files.
#![allow(clippy::unwrap_used)]

#[path = "traffic/hosts.rs"]
mod hosts;
#[path = "traffic/switch.rs"]
mod switch;

use authswitch::traffic::trace::Trace;
use authswitch::wire::{Bitmap, Dialect, Mti, Value};
use rustix::net::{AddressFamily, SocketType};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use switch::{FakeSwitch, Reply};

fn authswitch(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_authswitch")).args(arguments).current_dir(folder).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn is_clear_pan(text: &str) -> bool {
    text.contains("4111110000") || text.contains("4111120000")
}

#[test]
fn a_trace_is_made_packed_and_shown_masked() {
    let folder = tempfile::tempdir().unwrap();
    let made = authswitch(
        folder.path(),
        &["trace", "generate", "--seed", "9", "--count", "400", "--out", "t.jsonl.gz"],
    );
    assert!(made.status.success(), "{}", err(&made));
    assert!(out(&made).starts_with("t.jsonl.gz: 400 messages over acquirer-ascii, acquirer-bcd in "));
    let plain = authswitch(folder.path(), &["trace", "generate", "--seed", "9", "--count", "400"]);
    let packed = Trace::open(&folder.path().join("t.jsonl.gz")).unwrap();
    let mut unpacked = Vec::new();
    packed.write(&mut unpacked).unwrap();
    assert_eq!(out(&plain), String::from_utf8(unpacked).unwrap());

    let table = authswitch(folder.path(), &["trace", "show", "t.jsonl.gz"]);
    assert_eq!(out(&table).lines().count(), 401);
    assert!(out(&table).contains("0200 purchase") && out(&table).contains("411111******"), "{}", out(&table));
    let limited = authswitch(folder.path(), &["trace", "show", "t.jsonl.gz", "--limit", "5"]);
    assert_eq!(out(&limited).lines().count(), 6);
    let json = authswitch(folder.path(), &["trace", "show", "t.jsonl.gz", "--json"]);
    let lines: Vec<serde_json::Value> =
        out(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 400);
    assert!(lines.iter().any(|line| line["fields"]["35"] == "*".repeat(37)));
    assert!(lines.iter().any(|line| line["fields"]["52"] == "*".repeat(16)));
    assert!(!is_clear_pan(&out(&table)) && !is_clear_pan(&out(&json)));
}

#[test]
fn a_traces_card_numbers_are_masked_in_every_field() {
    let folder = tempfile::tempdir().unwrap();
    // In DE 2 or a track; of no network and with a wrong check digit, too.
    let mut lines = String::new();
    for number in ["4111110000000013", "9998887776665552", "123456789012"] {
        let short = &number[..number.len().min(15)];
        for own in [format!("\"2\":\"{number}\""), format!("\"35\":\"{number}=3012\"")] {
            lines.push_str(&format!(
                "{{\"at_us\":0,\"link\":\"a\",\"mti\":\"0100\",\"fields\":{{{own},\"11\":\"000123\",\"42\":\"{short:<15}\",\
                 \"48\":\"77{number}88\",\"62\":\"{} {}\"}}}}\n",
                &number[..4],
                &number[4..],
            ));
        }
    }
    std::fs::write(folder.path().join("t.jsonl"), lines).unwrap();
    let shown = authswitch(folder.path(), &["trace", "show", "t.jsonl", "--json"]);
    assert!(shown.status.success(), "{}", err(&shown));
    let text = out(&shown);
    for number in ["4111110000000013", "9998887776665552", "123456789012"] {
        assert!(!text.contains(number) && !text.replace(' ', "").contains(number), "{text}");
    }
    assert_eq!(text.matches("\"11\":\"000123\"").count(), 6, "{text}");
    assert_eq!(text.matches("\"48\":\"77*").count(), 6, "{text}");
}

/// A message in hexadecimal.
fn hex(dialect: &str, mti: u16, fields: &[(u8, &str)]) -> String {
    let own: Vec<_> = fields.iter().map(|(de, text)| (*de, Value::Text(text.as_bytes()))).collect();
    let mut bytes = Vec::new();
    let dialect = Dialect::builtin(dialect).unwrap();
    dialect.build(&mut bytes, Mti::new(mti).unwrap(), None, Bitmap::default(), &own).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn captured_messages_become_a_trace_and_answers_its_expectations() {
    let folder = tempfile::tempdir().unwrap();
    for dialect in ["iso87-ascii", "iso87-bcd"] {
        let sale =
            [(2, "4111110000000013"), (3, "000000"), (4, "000000001000"), (7, "0115123456"), (11, "000007")];
        let answer = [(7, "0115123456"), (11, "000007"), (39, "51")];
        let lines = [
            "# a capture".to_owned(),
            format!("0 {}", hex(dialect, 0x0800, &[(7, "0115123400"), (11, "000001"), (70, "001")])),
            String::new(),
            format!("2500 {}", hex(dialect, 0x0100, &sale)),
            format!("2700 {}", hex(dialect, 0x0110, &answer)),
        ];
        std::fs::write(folder.path().join("day.hex"), lines.join("\n")).unwrap();
        let arguments =
            ["trace", "import", "day.hex", "--dialect", dialect, "--link", "north", "--out", "day.jsonl"];
        let imported = authswitch(folder.path(), &arguments);
        assert!(imported.status.success(), "{}", err(&imported));
        let trace = Trace::open(&folder.path().join("day.jsonl")).unwrap();
        assert_eq!(trace.links, ["north"]);
        assert_eq!(trace.entries.len(), 2, "{dialect}");
        assert_eq!((trace.entries[1].at_us, trace.entries[1].expect.to_string()), (2500, "51".to_owned()));
        assert!(!trace.entries[0].expect.is_checked());
        for (de, text) in sale {
            assert_eq!(trace.entries[1].field(de), Some(text));
        }
        let exported = authswitch(folder.path(), &["trace", "export", "day.jsonl", "--dialect", dialect]);
        assert!(exported.status.success(), "{}", err(&exported));
        let requests = [&lines[1], &lines[3]].map(|line| line.split_once(' ').unwrap().1.to_uppercase());
        assert_eq!(String::from_utf8_lossy(&exported.stdout), format!("{}\n", requests.join("\n")));
    }
}

#[test]
fn wrong_input_ends_with_2_and_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("bad.jsonl"),
        "{\"at_us\":0,\"link\":\"a\",\"hex\":\"00\"}\n{\"at_us\":1}\n",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("letters.jsonl"),
        "{\"at_us\":0,\"link\":\"a\",\"mti\":\"0100\",\"fields\":{\"2\":\"4111110000000013\",\"4\":\"x\"}}\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("bad.hex"), "# fine\n4111110000000013\n").unwrap();
    let table: [(&[&str], &str); 11] = [
        (&["trace", "show", "bad.jsonl"], "bad.jsonl:2: `link` must be the name of a link"),
        (&["trace", "import", "bad.hex"], "bad.hex:2: in dialect iso87-ascii: "),
        (&["trace", "import", "none.hex"], "none.hex: "),
        (
            &["trace", "export", "letters.jsonl"],
            "letters.jsonl:1: in dialect iso87-ascii: DE 4: expected digits, found a letter",
        ),
        (
            &["trace", "import", "bad.hex", "--dialect", "x"],
            "no dialect \"x\": expected one of iso87-ascii, iso87-bcd",
        ),
        (&["trace", "generate", "--date", "yesterday"], "expected a day as 2026-01-15"),
        (&["replay", "bad.jsonl", "--to", "127.0.0.1:1"], "bad.jsonl:2: "),
        (&["replay", "none.jsonl", "--to", "127.0.0.1:1"], "none.jsonl: "),
        (&["replay", "bad.jsonl"], "--to"),
        (&["replay", "bad.jsonl", "--to", "127.0.0.1:1", "--rate", "fast"], "expected messages a second"),
        (&["echo", "--listen", "127.0.0.1:0", "--framing", "x"], "\"x\" is no word; known: lengthN-be, "),
    ];
    for (arguments, reason) in table {
        let ended = authswitch(folder.path(), arguments);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {}", err(&ended));
        assert!(err(&ended).contains(reason), "{arguments:?}: {}", err(&ended));
        assert!(!err(&ended).contains("4111110000000013"));
    }
}

#[test]
fn a_switch_that_is_not_there_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    authswitch(folder.path(), &["trace", "generate", "--count", "10", "--out", "t.jsonl"]);
    // Bound and not listening: nobody else can take the port.
    let held = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&held, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let free = SocketAddr::try_from(rustix::net::getsockname(&held).unwrap()).unwrap();
    let ended = authswitch(folder.path(), &["replay", "t.jsonl", "--to", &free.to_string()]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(err(&ended).contains(&format!("cannot connect to switch at {free}: ")), "{}", err(&ended));
    let to = format!("elsewhere={free}");
    let ended = authswitch(folder.path(), &["replay", "t.jsonl", "--to", &to]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(err(&ended).contains("the trace has no link elsewhere (it has: acquirer-ascii, acquirer-bcd)"));
}

#[test]
fn a_replay_ends_with_0_or_1_and_leaves_report_log_and_json() {
    let folder = tempfile::tempdir().unwrap();
    let line = |number: u32| {
        format!(
            "{{\"at_us\":{number}000,\"link\":\"a\",\"mti\":\"0100\",\"fields\":{{\"2\":\"4111110000000013\",\"3\":\"000000\",\
             \"4\":\"000000000100\",\"7\":\"0115000000\",\"11\":\"{number:06}\"}},\"expect\":\"00\"}}\n"
        )
    };
    std::fs::write(folder.path().join("t.jsonl"), (1..=300).map(line).collect::<String>()).unwrap();
    let good = FakeSwitch::approving("iso87-bcd");
    let to = format!("a={}", good.address);
    let arguments = [
        "replay",
        "t.jsonl",
        "--to",
        &to,
        "--dialect",
        "a=iso87-bcd",
        "--rate",
        "2000",
        "--timeout",
        "300s",
        "--beside-echo",
        "--report",
        "r.html",
        "--hlog",
        "r.hlog",
        "--json",
    ];
    let played = authswitch(folder.path(), &arguments);
    assert_eq!(played.status.code(), Some(0), "{}{}", out(&played), err(&played));
    let json: serde_json::Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!(json["holds"], true);
    assert_eq!(json["targets"][0]["name"], "switch");
    assert_eq!(json["targets"][0]["codes"]["00"], 300);
    assert_eq!(json["targets"][1]["name"], "echo");
    for target in json["targets"].as_array().unwrap() {
        assert_eq!((target["sent"].as_u64(), target["answered"].as_u64()), (Some(300), Some(300)));
        assert!(target["latency_ns"]["p99.99"].as_u64().unwrap() > 0);
    }
    check_report(&std::fs::read_to_string(folder.path().join("r.html")).unwrap());
    let hlog = std::fs::read_to_string(folder.path().join("r.hlog")).unwrap();
    assert!(
        hlog.contains("Tag=switch,") && hlog.contains("Tag=echo,") && hlog.contains("HISTFAAA"),
        "{hlog}"
    );

    let bad =
        FakeSwitch::start("iso87-bcd", |number, _| Reply::Code(if number == 5 { *b"96" } else { *b"00" }));
    let to = format!("a={}", bad.address);
    let arguments =
        ["replay", "t.jsonl", "--to", &to, "--dialect", "iso87-bcd", "--rate", "5000", "--report", "r.html"];
    let played = authswitch(folder.path(), &[&arguments[..], &["--timeout", "300s"]].concat());
    assert_eq!(played.status.code(), Some(1), "{}{}", out(&played), err(&played));
    let text = out(&played);
    assert!(text.contains("1 of 300 answers with an expectation differ from it"), "{text}");
    assert!(text.contains("0100 purchase") && text.contains("expected 00, got 96"), "{text}");
    let page = std::fs::read_to_string(folder.path().join("r.html")).unwrap();
    assert!(page.contains("not as expected") && page.contains("411111******0013"));
    assert!(!is_clear_pan(&text) && !is_clear_pan(&page));
}

/// The page stands alone, has both drawings, and closes what it opens.
fn check_report(page: &str) {
    for foreign in ["http://", "https://", "src=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<svg").count(), 2);
    for tag in ["svg", "section", "table", "div", "path", "h2"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        let closed = page.matches(&format!("</{tag}>")).count();
        let alone = page.matches(&format!("<{tag} ")).count();
        assert!(
            opened > 0 && (opened == closed || tag == "path" && alone == opened),
            "{tag}: {opened} and {closed}"
        );
    }
    for word in ["NaN", "inf ", "Infinity"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("99 %") && page.contains("× echo"));
}

#[test]
fn the_echo_server_sends_frames_back_as_they_are() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_authswitch"))
        .args(["echo", "--listen", "127.0.0.1:0", "--workers", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening addr=").unwrap().to_owned();
    // Two connections at once, a frame in pieces, several in one write, a keep-alive, the longest there is.
    let mut streams: Vec<_> = (0..2).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for stream in &mut streams {
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let mut longest = vec![0xFF, 0x00];
        longest.resize(2 + 0xFF00, 0x5A);
        for pieces in [
            &[&b"\x00\x03abc"[..]][..],
            &[b"\x00", b"\x05he", b"llo\x00\x01x\x00\x00\x00\x02yz"],
            &[&longest],
        ] {
            for piece in pieces {
                stream.write_all(piece).unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
            let sent = pieces.concat();
            let mut got = vec![0; sent.len()];
            stream.read_exact(&mut got).unwrap();
            assert!(got == sent);
        }
    }
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(child.wait().unwrap().success());
}
