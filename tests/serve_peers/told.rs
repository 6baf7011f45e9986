//! What the switch tells of its peers: why a message was refused, why a connection ended, who is connected, and what a
//! link of which nothing can be read may be speaking.

use super::harness::*;
use super::{counter, echo, start};
use serde_json::Value;
use std::io::Write;
use std::net::Shutdown;
use std::process::Command;
use std::time::Instant;

const ASCII: &str = "acquirer-ascii";

/// The log's lines so far, those that are whole.
fn log(switch: &Switch) -> Vec<Value> {
    switch.log_text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The lines whose message begins with `message`.
pub fn told(switch: &Switch, message: &str) -> Vec<Value> {
    let begins = |line: &Value| line["message"].as_str().is_some_and(|text| text.starts_with(message));
    log(switch).into_iter().filter(begins).collect()
}

/// Waits for a line whose message begins with `message` and that is of this peer.
pub fn line_of(switch: &Switch, message: &str, peer: &str) -> Value {
    wait_for(message, || told(switch, message).into_iter().find(|line| line["peer"] == peer))
}

pub fn address(peer: &Peer) -> String {
    peer.stream.local_addr().unwrap().to_string()
}

pub fn json(switch: &Switch, page: &str) -> Value {
    let (code, text) = switch.get(page);
    assert_eq!(code, 200, "{page}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn connections(switch: &Switch) -> Vec<Value> {
    json(switch, "/connections.json")["connections"].as_array().unwrap().clone()
}

pub fn connection(switch: &Switch, peer: &str) -> Option<Value> {
    connections(switch).into_iter().find(|open| open["peer"] == peer)
}

pub fn refusals(switch: &Switch) -> Vec<Value> {
    json(switch, "/refusals.json")["refusals"].as_array().unwrap().clone()
}

/// A frame with one byte changed, `at` from the message's start.
fn damaged(mut frame: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    frame[2 + at] = byte;
    frame
}

/// What a refused message is, and what is told of it: kind, message type, STAN, field, offset, expected, found, code.
type Case = (Vec<u8>, [&'static str; 8]);

fn cases(peer: &Peer, card: &str) -> Vec<Case> {
    let purchase = |stan| Purchase::new(card, stan, 1_000);
    let network = |mti, code| peer.frame(mti, &[(7, "1122093315"), (11, "000005"), (70, code)]);
    // The MTI, the bit map, the length and digits of DE2, and DE3: then 12 digits of DE4.
    let amount = 4 + 16 + 2 + card.len() + 6;
    let frame = |stan| peer.frame("0100", &purchase(stan).fields());
    vec![
        (
            damaged(frame(1), amount + 3, b'x'),
            ["format-error", "0100", "000001", "DE4", "47", "digits", "a letter", "30"],
        ),
        (
            peer.frame("0100", &purchase(2).without(4).fields()),
            ["format-error", "0100", "000002", "DE4", "", "a value", "none", "30"],
        ),
        (
            network("0600", "301"),
            ["unsupported-type", "0600", "000005", "MTI", "", "a message type", "another", "12"],
        ),
        (
            network("0800", "999"),
            ["unknown-network-code", "0800", "000005", "DE70", "52", "a sign-on, sign-off", "another", "12"],
        ),
        (network("0810", "301"), ["unsolicited", "0810", "000005", "MTI", "", "a request", "a response", ""]),
        (
            damaged(frame(3), 0, b'A'),
            ["unreadable", "", "", "MTI", "0", "four decimal digits", "a letter", ""],
        ),
        (
            damaged(frame(4), 7, b'#'),
            ["unreadable", "", "", "bit map", "7", "a hexadecimal character", "a special character", ""],
        ),
    ]
}

#[test]
fn why_a_message_was_refused_is_told_without_its_content() {
    let (_folder, switch) = start(&[]);
    let card = pan("411111", 1);
    let probe = switch.connect(ASCII);
    for (frame, [kind, mti, stan, field, offset, expected, found, code]) in cases(&probe, &card) {
        // Each on a connection of its own: a kind is told once a connection.
        let mut peer = switch.connect(ASCII);
        echo(&mut peer, 9);
        peer.send_raw(&frame);
        let from = address(&peer);
        let said = |line: &Value, key: &str| match &line[key] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let refused =
            wait_for(kind, || refusals(&switch).into_iter().find(|refused| refused["peer"] == from));
        let message = if code.is_empty() { "message dropped" } else { "message refused" };
        let line = line_of(&switch, message, &from);
        assert_eq!(line["level"], "WARN");
        for told in [&refused, &line] {
            assert_eq!((said(told, "link"), said(told, "kind")), (ASCII.into(), kind.into()), "{told}");
            assert_eq!((said(told, "mti"), said(told, "stan")), (mti.into(), stan.into()), "{told}");
            assert_eq!((said(told, "field"), said(told, "offset")), (field.into(), offset.into()), "{told}");
            assert!(said(told, "expected").starts_with(expected) && said(told, "found") == found, "{told}");
            assert_eq!(said(told, "code"), code, "{told}");
        }
        // A read is counted behind its messages.
        let counted = |open: &Value| open["refused"] == 1 && open["messages"] == 2;
        let open = wait_for("its numbers", || connection(&switch, &from).filter(counted));
        assert_eq!(open["last_refusal"]["kind"], kind, "{open}");
        if !code.is_empty() {
            assert_eq!(peer.receive().unwrap().code(), code);
        }
    }
    let page = switch.get("/").1;
    assert!(page.contains("unknown-network-code") && page.contains("DE70, byte 52"));
    for text in [switch.log_text(), page, switch.get("/refusals.json").1] {
        assert!(!text.contains(&card) && !text.contains(&card[6..12]), "{text}");
    }
}

#[test]
fn a_message_that_no_record_has_is_explained_by_the_running_switch() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let switch = Switch::start(&data, &[]);
    let admin = switch.addresses["admin"].to_string();
    let mut peer = switch.connect(ASCII);
    let purchase = Purchase::new(&pan("411111", 1), 77, 1_000).without(4);
    assert_eq!(peer.ask("0100", &purchase.fields()).code(), "30");
    wait_for("the refusal", || refusals(&switch).pop());
    let explain = |args: &[&str]| {
        let mut command = Command::new(binary());
        command.args(["explain", "--data"]).arg(&data).args(["--admin", &admin]).args(args);
        let output = command.current_dir(folder.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&output.stdout), text(&output.stderr), output.status.code())
    };
    for which in [["--stan", "77"], ["--rrn", "632609000077"]] {
        let (text, said, code) = explain(&which);
        assert_eq!(code, Some(0), "{said}");
        for expected in ["in no record", &address(&peer), "0100  STAN 000077", "DE4", "answer 30"] {
            assert!(text.contains(expected), "{expected}:\n{text}");
        }
        let (text, ..) = explain(&[&which[..], &["--json"]].concat());
        let explained: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&explained["record"], &explained["refusals"][0]["field"]), (&Value::Null, &"DE4".into()));
    }
    let (_, said, code) = explain(&["--stan", "78"]);
    assert!(code == Some(1) && said.contains("nor of the 1 messages that the switch refused last"), "{said}");
    assert!(switch.terminate().0.success());
    let (_, said, code) = explain(&["--stan", "77"]);
    assert!(code == Some(1) && said.contains("no switch answers at"), "{said}");
}

#[test]
fn a_flood_of_wrong_messages_is_counted_and_not_one_of_the_log() {
    const FLOOD: u64 = 2_000;
    let (_folder, switch) = start(&["links.acquirer-ascii.max_refused_per_s=0"]);
    let mut peer = switch.connect(ASCII);
    let frame = peer.frame("0100", &Purchase::new(&pan("411111", 1), 1, 1_000).without(4).fields());
    for _ in 0..FLOOD {
        peer.send_raw(&frame);
        assert_eq!(peer.receive().unwrap().code(), "30");
    }
    let from = address(&peer);
    let all = |open: Value| (open["refused"] == FLOOD).then_some(());
    wait_for("all refusals", || connection(&switch, &from).and_then(all));
    let lines = told(&switch, "message refused");
    // Once at the beginning, and every ten seconds with how many there were.
    let more: u64 = lines.iter().map(|line| 1 + line["more"].as_u64().unwrap_or(0)).sum();
    assert!(lines.len() < 20 && more <= FLOOD, "{} lines", lines.len());
    let metric = "authswitch_answers_total{link=\"acquirer-ascii\",code=\"30\",refusal=\"format-error\"}";
    wait_for("the count", || (switch.metric(metric) == Some(FLOOD as f64)).then_some(()));
    drop(peer);
    assert_eq!(line_of(&switch, "connection closed", &from)["refused"], FLOOD);
}

#[test]
fn a_storm_of_connections_writes_so_many_lines_a_second_and_hides_no_other_link() {
    const STORM: u64 = 400;
    const PER_S: u64 = 5;
    let (_folder, switch) = start(&[
        "log.lines_per_second=5",
        "links.acquirer-ascii.max_connections=10000",
        "links.acquirer-ascii.max_connections_per_address=0",
    ]);
    let begun = Instant::now();
    // In the middle of it another link has a connection that signs on, is refused a message, and ends.
    let mut quiet = None;
    for number in 0..STORM {
        let peer = switch.connect(ASCII);
        peer.stream.shutdown(Shutdown::Both).unwrap();
        if number == STORM / 2 {
            let mut peer = switch.connect("acquirer-bcd");
            let sign_on = peer.ask("0800", &[(7, "1122093315"), (11, "000001"), (70, "001")]);
            assert_eq!(sign_on.code(), "00");
            assert_eq!(peer.ask("0800", &[(7, "1122093315"), (11, "000002"), (70, "999")]).code(), "12");
            quiet = Some(address(&peer));
        }
    }
    for said in ["connection opened", "signed on", "message refused", "connection closed"] {
        assert_eq!(line_of(&switch, said, quiet.as_ref().unwrap())["link"], "acquirer-bcd");
    }
    // Each opens and closes: written, or left out and told.
    let of_link = |line: &Value| line["link"] == ASCII && !line["peer"].is_null();
    let lines = wait_for("every line to be told of", || {
        let lines: Vec<_> = log(&switch).into_iter().filter(of_link).collect();
        let gaps = told(&switch, "lines left out");
        let left_out: u64 = lines.iter().chain(&gaps).filter_map(|line| line["left_out"].as_u64()).sum();
        (lines.len() as u64 + left_out == 2 * STORM).then_some(lines)
    });
    // Two kinds, and the switch's seconds do not begin with ours.
    let seconds = begun.elapsed().as_secs() + 2;
    assert!(lines.len() as u64 <= 2 * PER_S * seconds, "{} lines in {seconds} s", lines.len());
    for gap in told(&switch, "lines left out") {
        let which = gap["which"].as_str().unwrap();
        assert!(which.starts_with("acquirer-ascii: ") && !which.contains("acquirer-bcd"), "{gap}");
        assert!(which.contains("opened ") || which.contains("closed "), "{gap}");
    }
    assert_eq!(connections(&switch).len(), 0);
}

/// The log says that this peer did not read, and how much it never got.
pub fn never_got_its_answers(switch: &Switch, peer: &Peer) {
    let line = line_of(switch, "connection closed", &address(peer));
    assert_eq!((&line["reason"], &line["level"]), (&"slow-reader".into(), &"WARN".into()), "{line}");
    assert!(line["unsent_answers"].as_u64() > Some(0) && line["unsent_bytes"].as_u64() > Some(0), "{line}");
    assert!(line["message"].as_str().unwrap().contains("answers never reached it"), "{line}");
}

/// Numbers that stand in the line of a connection's end.
type Values = &'static [(&'static str, u64)];

fn ended(line: &Value, reason: &str, level: &str, values: Values) {
    assert_eq!((&line["reason"], &line["level"]), (&reason.into(), &level.into()), "{line}");
    for (key, value) in values {
        assert_eq!(line[key], *value, "{key}: {line}");
    }
    if let Some((_, missing)) = values.iter().find(|(key, _)| *key == "missing_bytes") {
        let text = line["message"].as_str().unwrap();
        assert!(text.contains(&format!("{missing} bytes of a frame are missing")), "{text}");
        assert!(line["unfinished_ms"].is_u64(), "{line}");
    }
}

fn echo_test(peer: &Peer) -> Vec<u8> {
    peer.frame("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")])
}

#[test]
fn why_a_silent_connection_ended_is_told() {
    let (_folder, switch) = start(&["links.acquirer-ascii.idle_timeout_s=1"]);
    let mut longer = echo_test(&switch.connect(ASCII));
    // A length that counts what is not there.
    longer[1] += 4;
    let table: [(&[u8], &str, Values); 3] = [
        (b"", "INFO", &[]),
        (&[0, 0x80, b'0', b'1', b'0', b'0'], "WARN", &[("unfinished_bytes", 6), ("missing_bytes", 124)]),
        (&longer, "WARN", &[("missing_bytes", 4)]),
    ];
    for (sent, level, values) in table {
        let line = wait_for("a connection that sent before it was closed", || {
            let mut peer = switch.connect(ASCII);
            let from = address(&peer);
            // On a busy machine it may be closed before: then another.
            let _ = peer.stream.write_all(sent);
            let line = line_of(&switch, "connection closed", &from);
            (line["unfinished_bytes"].is_null() == sent.is_empty()).then_some(line)
        });
        ended(&line, "idle", level, values);
    }
}

#[test]
fn why_a_connection_ended_is_told() {
    let (_folder, switch) = start(&[
        "links.acquirer-ascii.max_frame_bytes=300",
        "links.acquirer-ascii.max_connections=3",
        "links.acquirer-bcd.on_unreadable=close",
    ]);
    let half = echo_test(&switch.connect(ASCII))[..20].to_vec();
    // What is sent, whether the client closes then, and what stands in the line.
    let table: [(&[u8], bool, &str, &str, Values); 3] = [
        (b"", true, "peer", "INFO", &[]),
        (&half, true, "peer", "WARN", &[("unfinished_bytes", 20), ("missing_bytes", 37)]),
        (&[0x7F, 0xFF], false, "frame-error", "WARN", &[("refused", 1)]),
    ];
    for (sent, closes, reason, level, values) in table {
        let mut peer = switch.connect(ASCII);
        let from = address(&peer);
        echo(&mut peer, 1);
        peer.send_raw(sent);
        if closes {
            drop(peer);
        }
        let line = line_of(&switch, "connection closed", &from);
        ended(&line, reason, level, values);
        assert_eq!(line["answers"], 1, "{line}");
    }
    let mut unreadable = switch.connect("acquirer-bcd");
    unreadable.send_raw(b"\x00\x04\xff\xff\xff\xff");
    ended(
        &line_of(&switch, "connection closed", &address(&unreadable)),
        "unreadable",
        "WARN",
        &[("refused", 1)],
    );
    let kept: Vec<_> = (0..3)
        .map(|stan| {
            let mut peer = switch.connect(ASCII);
            echo(&mut peer, stan);
            peer
        })
        .collect();
    let mut refused = switch.connect(ASCII);
    let from = address(&refused);
    assert!(refused.is_closed());
    assert_eq!(
        line_of(&switch, "connection refused", &from)["reason"],
        "the link has its full number, `max_connections`"
    );
    let (from, log_file) = (address(&kept[2]), switch.log.clone());
    assert!(switch.terminate().0.success());
    let text = std::fs::read_to_string(log_file).unwrap();
    let is_last = |line: &Value| line["peer"] == from && line["message"].as_str().unwrap().contains("closed");
    let last = text.lines().filter_map(|line| serde_json::from_str(line).ok()).find(is_last).unwrap();
    ended(&last, "stop", "INFO", &[("answers", 1)]);
}

#[test]
fn who_is_connected_stands_on_the_admin_port() {
    let (_folder, switch) = start(&[]);
    let (mut one, two) = (switch.connect(ASCII), switch.connect("acquirer-bcd"));
    let (from, other) = (address(&one), address(&two));
    let open = wait_for("both", || {
        let open = connections(&switch);
        (open.len() == 2).then_some(open)
    });
    assert_eq!(
        open.iter().map(|open| open["link"].as_str().unwrap()).collect::<Vec<_>>(),
        [ASCII, "acquirer-bcd"]
    );
    assert_eq!((&open[0]["peer"], &open[1]["peer"]), (&from.as_str().into(), &other.as_str().into()));
    assert_eq!((&open[0]["last_message"], &open[0]["signed_on_since"]), (&Value::Null, &Value::Null));
    let mut sign = |code: &str| {
        let answer = one.ask("0800", &[(7, "1122093315"), (11, "000001"), (70, code)]);
        assert_eq!(answer.code(), "00");
        wait_for("the sign-on or sign-off", || {
            // A write is counted behind it.
            let has =
                |open: &Value| open["signed_on_since"].is_null() != (code == "001") && open["answers"] != 0;
            connection(&switch, &from).filter(has)
        })
    };
    let signed_on = sign("001");
    assert_eq!((&signed_on["last_mti"], &signed_on["messages"]), (&"0800".into(), &1.into()));
    assert!(signed_on["received_bytes"].as_u64() > Some(50) && signed_on["sent_bytes"].as_u64() > Some(50));
    sign("002");
    for said in ["signed on", "signed off", "connection opened"] {
        assert_eq!(line_of(&switch, said, &from)["link"], ASCII);
    }
    assert_eq!(one.ask("0100", &Purchase::new(&pan("411111", 1), 2, 100).fields()).code(), "00");
    let last =
        wait_for("the purchase", || connection(&switch, &from).filter(|open| open["last_mti"] == "0100"));
    assert!(last["messages_per_s_10s"].as_f64() > Some(0.0), "{last}");
    assert!(switch.get("/").1.contains(&from));
    drop(one);
    wait_for("the end of one", || connection(&switch, &from).is_none().then_some(()));
    assert!(connection(&switch, &other).is_some());
    assert_eq!(counter(&switch, "connections_closed"), 1.0);
}

#[test]
fn a_hang_up_changes_the_logs_level() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    let level = |level: &str| std::fs::write(&file, format!("[log]\nlevel = \"{level}\"\n")).unwrap();
    level("info");
    let switch = Switch::start_with(&folder.path().join("data"), &[], |command| {
        command.arg("--config").arg(&file).env_remove("AUTHSWITCH_LOG");
    });
    let opened = |switch: &Switch| {
        let mut peer = switch.connect(ASCII);
        echo(&mut peer, 1);
        (address(&peer), peer)
    };
    let (first, _first) = opened(&switch);
    line_of(&switch, "connection opened", &first);
    level("warn");
    switch.signal("HUP");
    let changed = wait_for("the change", || told(&switch, "log level changed").pop());
    assert_eq!((&changed["level"], &changed["before"]), (&"warn".into(), &"info".into()), "{changed}");
    let (second, _second) = opened(&switch);
    level("info");
    switch.signal("HUP");
    wait_for("the change back", || (told(&switch, "log level changed").len() == 2).then_some(()));
    let (third, _third) = opened(&switch);
    line_of(&switch, "connection opened", &third);
    assert!(
        told(&switch, "connection opened").iter().all(|line| line["peer"] != second),
        "a line below the level"
    );
}

#[test]
fn the_lines_of_a_reload_are_written_where_the_old_level_or_the_new_lets_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    let settings = |level: &str, days: u32| {
        let text = format!("[log]\nlevel = \"{level}\"\n[holds]\nauthorization_days = {days}\n");
        std::fs::write(&file, text).unwrap();
    };
    settings("error", 10);
    let switch = Switch::start_with(&folder.path().join("data"), &[], |command| {
        command.arg("--config").arg(&file).env_remove("AUTHSWITCH_LOG");
    });
    // From the level before to this one: whether its INFO lines are seen, and the WARN line that the level has changed.
    let levels = [
        ("info", true, true),
        ("error", true, true),
        ("warn", false, true),
        ("error", false, true),
        ("debug", true, true),
        ("info", true, true),
        ("info", true, false),
    ];
    for (days, (level, info, warn)) in (11..).zip(levels) {
        let counts = || ["setting changed", "log level changed"].map(|said| told(&switch, said).len());
        let before = counts();
        settings(level, days);
        switch.signal("HUP");
        // The line of the level comes behind those of the settings.
        let is_told = || (counts()[usize::from(warn)] > before[usize::from(warn)]).then_some(());
        wait_for("the reload", is_told);
        let more = [0, 1].map(|at| counts()[at] > before[at]);
        assert_eq!(more, [info, warn], "to {level}");
    }
    // What does not hold is told, and leaves the level as it was.
    std::fs::write(&file, "[log]\nlevel = \"error\"\n[holds]\nauthorization_days = 1000\n").unwrap();
    switch.signal("HUP");
    wait_for("the refusal", || told(&switch, "not reloaded").pop());
    let mut peer = switch.connect(ASCII);
    echo(&mut peer, 1);
    line_of(&switch, "connection opened", &address(&peer));
}
