//! The load client against hosts as they are met: answers without DE7 or with their own, sign-ons, messages of the host's
//! own, other codes, and peers that only send back.

use super::switch::{FakeSwitch, Received, Reply, answer_of, message};
use super::{authswitch, err, out};
use authswitch::traffic::echo::EchoServer;
use authswitch::wire::frame::Framing;
use authswitch::wire::{Mti, View};
use serde_json::Value as Json;
use std::sync::Mutex;

const COUNT: u64 = 17;

/// A folder with a trace of sales that are expected to be approved.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let line = |number: u64| {
        format!(
            "{{\"at_us\":{number}000,\"link\":\"a\",\"mti\":\"0100\",\"fields\":{{\"2\":\"4111110000000013\",\"3\":\"000000\",\
             \"4\":\"000000000100\",\"7\":\"0115000000\",\"11\":\"{number:06}\",\"37\":\"601500000001\",\"41\":\"TERM0001\"}},\
             \"expect\":\"00\"}}\n"
        )
    };
    std::fs::write(folder.path().join("t.jsonl"), (1..=COUNT).map(line).collect::<String>()).unwrap();
    folder
}

/// Plays the sales over one connection: exit code, standard output, standard error.
fn replay(host: &FakeSwitch, more: &[&str]) -> (Option<i32>, String, String) {
    let (folder, to) = (folder(), host.address.to_string());
    let (framing, dialect) = (host.framing.to_string(), host.dialect.name());
    let arguments = ["replay", "t.jsonl", "--to", &to, "--dialect", dialect, "--framing", &framing];
    let plan = [["--rate", "2000"], ["--connections", "1"], ["--timeout", "120s"]];
    let plan = plan.into_iter().filter(|[option, _]| !more.contains(option)).flatten().collect::<Vec<_>>();
    let ended = authswitch(folder.path(), &[&arguments[..], &plan, more].concat());
    (ended.status.code(), out(&ended), err(&ended))
}

fn replay_json(host: &FakeSwitch, more: &[&str]) -> (Option<i32>, Json) {
    let (code, out, err) = replay(host, &[&["--json"][..], more].concat());
    let json: Json = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code:?} {out}{err}"));
    (code, json["targets"][0].clone())
}

/// A host that answers each message so; with the last one it closes, so that what was not recognized is lost at once.
fn host(dialect: &str, answer: impl Fn(View<'_>) -> Vec<u8> + Send + Sync + 'static) -> FakeSwitch {
    FakeSwitch::start(dialect, move |number, view| match number {
        0..16 => Reply::Messages(vec![answer(view)]),
        _ => Reply::Parting(vec![answer(view)]),
    })
}

type Answers = fn(View<'_>) -> Vec<u8>;

/// Ways to answer, why no answer is recognized, what would have, and other choices that do.
const HABITS: [(Answers, &str, &str, &[&str]); 6] = [
    (
        |view| answer_of(view, view.mti().response(), &[11], &[(39, "00")]),
        "it has no DE 7",
        "mti,11",
        &["11"],
    ),
    (
        |view| answer_of(view, view.mti().response(), &[11, 41], &[(7, "0101010101"), (39, "00")]),
        "its DE 7 is another",
        "mti,11",
        &["11,41", "mti,11,41"],
    ),
    (
        |view| answer_of(view, view.mti().response(), &[7, 37], &[(11, "999999"), (39, "00")]),
        "its DE 11 is another",
        "mti,7,37",
        &["37", "mti,37"],
    ),
    (
        |view| answer_of(view, view.mti().response(), &[37, 41], &[(39, "00")]),
        "it has no DE 7, it has no DE 11",
        "mti,37",
        &["37,41"],
    ),
    (
        |view| answer_of(view, Mti::new(0x0210).unwrap(), &[7, 11], &[(39, "00")]),
        "its MTI is 0210 and not 0110",
        "7,11",
        &["11"],
    ),
    (
        |view| answer_of(view, Mti::new(0x0210).unwrap(), &[11, 41], &[(39, "00")]),
        "its MTI is 0210 and not 0110, it has no DE 7",
        "11",
        &["11,41"],
    ),
];

#[test]
fn what_is_not_recognized_is_explained_and_recognized_where_asked() {
    for dialect in ["iso87-ascii", "iso87-bcd"] {
        for (answer, reason, remedy, others) in HABITS {
            let case = format!("{dialect}: {reason}");
            let (code, told, _) = replay(&host(dialect, answer), &[]);
            assert_eq!(code, Some(1), "{case}");
            let line =
                format!("16 of the first 16 answers to nothing asked: {reason}; --match {remedy} finds it");
            assert!(told.contains(&line), "{case}\n{told}");
            let (_, target) = replay_json(&host(dialect, answer), &[]);
            assert_eq!((&target["unmatched"], &target["lost"]), (&COUNT.into(), &COUNT.into()), "{case}");
            assert_eq!(target["unmatched_reasons"][0]["match"], *remedy, "{case}");
            for fields in [&[remedy][..], others].concat() {
                // The last answer is recognized too, so that its connection owes nothing when it is closed.
                let (code, target) = replay_json(&host(dialect, answer), &["--match", fields]);
                assert_eq!(code, Some(0), "{case}, --match {fields}: {target}");
                assert_eq!(target["answered"], COUNT, "{case}, --match {fields}");
            }
        }
    }
}

#[test]
fn an_answer_like_none_of_the_messages_is_said_to_be_so() {
    let foreign = host("iso87-ascii", |view| {
        answer_of(view, view.mti().response(), &[7, 41], &[(11, "000000"), (37, "000000000000"), (39, "00")])
    });
    let (code, target) = replay_json(&foreign, &[]);
    let reason = &target["unmatched_reasons"][0];
    assert_eq!((code, &reason["match"]), (Some(1), &Json::Null));
    assert_eq!(reason["reason"], "no message under way on its connection has its DE 11 or its DE 37");
}

#[test]
fn fields_that_cannot_be_compared_are_wrong_usage() {
    let nobody = FakeSwitch::approving("iso87-ascii");
    for fields in ["", "mti", "11,11", "39", "200", "stan"] {
        let (code, _, said) = replay(&nobody, &["--match", fields]);
        assert!(code == Some(2) && said.contains("expected `mti` and data elements"), "{fields}: {said}");
    }
    let (code, _, said) = replay(&nobody, &["--match", "mti,42"]);
    assert!(code == Some(2) && said.contains("t.jsonl:1: DE 42 is missing"), "{said}");
}

/// A host that asks something of its own and answers nothing until it has its answer.
fn curious(dialect: &str, framing: &str, mti: u16) -> FakeSwitch {
    let held = Mutex::new(Vec::new());
    FakeSwitch::start_framed(dialect, framing.parse().unwrap(), move |number, view| {
        let mut held = held.lock().unwrap();
        match number {
            5 => held.push(answer_of(view, view.mti().response(), &[7, 11], &[(39, "00")])),
            _ if view.mti().class() == 8 => return Reply::Messages(held.drain(..).collect()),
            _ if held.is_empty() => return Reply::Code(*b"00"),
            _ => held.push(answer_of(view, view.mti().response(), &[7, 11], &[(39, "00")])),
        }
        let own = [(7, "0101020304"), (11, "000777"), (33, "12345"), (70, "301")];
        Reply::Messages(if number == 5 { vec![message(view, mti, &own)] } else { Vec::new() })
    })
}

#[test]
fn network_management_of_the_host_is_answered_and_no_failure() {
    for (dialect, framing, mti, answer) in [
        ("iso87-ascii", "length2-be", 0x0800, "0810"),
        ("iso87-bcd", "length2-bcd+tpdu", 0x0801, "0810"),
        ("iso87-ascii", "length2-be+base24", 0x0820, "0830"),
    ] {
        let host = curious(dialect, framing, mti);
        let (code, target) = replay_json(&host, &[]);
        assert_eq!(code, Some(0), "{dialect} {framing}: {target}");
        let counts = ["answered", "host_answered", "unmatched", "lost"].map(|name| target[name].as_u64());
        assert_eq!(counts, [COUNT, 1, 0, 0].map(Some), "{dialect} {framing}");
        let received = host.received.lock().unwrap();
        let answered: Vec<&Received> = received.iter().filter(|one| one.mti.starts_with("08")).collect();
        let [answered] = answered[..] else { panic!("{answered:?}") };
        let fields = [7, 11, 33, 39, 70].map(|de| answered.text(de));
        assert_eq!((answered.mti.as_str(), fields), (answer, ["0101020304", "000777", "12345", "00", "301"]));
    }
    let (_, told, _) = replay(&curious("iso87-ascii", "length2-be", 0x0800), &[]);
    assert!(told.contains("network management messages of the host's own, answered: 1"), "{told}");
}

#[test]
fn other_requests_of_the_host_are_named_and_not_answered() {
    let host = FakeSwitch::start("iso87-ascii", |number, view| match number {
        3 => Reply::Messages(vec![
            message(view, 0x0420, &[(7, "0101020304"), (11, "000777")]),
            answer_of(view, view.mti().response(), &[7, 11], &[(39, "00")]),
        ]),
        _ => Reply::Code(*b"00"),
    });
    let (code, target) = replay_json(&host, &[]);
    assert_eq!(
        (code, target["answered"].as_u64(), target["unmatched"].as_u64()),
        (Some(1), Some(COUNT), Some(1))
    );
    assert_eq!(target["unmatched_reasons"][0]["reason"], "0420 is a request of the host's own");
}

/// Each connection's first message is a sign-on, and it has no second.
fn check_sign_ons(host: &FakeSwitch, connections: u64) {
    let received = host.received.lock().unwrap();
    for connection in 0..connections {
        let mut own = received.iter().filter(|one| one.connection == connection);
        let first = own.next().unwrap();
        assert_eq!((first.mti.as_str(), first.text(70)), ("0800", "001"));
        assert!(own.all(|one| one.mti == "0100"));
    }
    assert!(received.iter().all(|one| one.connection < connections));
}

#[test]
fn every_connection_signs_on_first_and_again_after_it_was_lost() {
    for (dialect, framing) in [("iso87-ascii", "length2-be"), ("iso87-bcd", "length2-bcd+tpdu")] {
        let start = |end: u64| {
            FakeSwitch::start_framed(dialect, framing.parse().unwrap(), move |number, _| match number {
                number if number == end => Reply::Parting(Vec::new()),
                _ => Reply::Code(*b"00"),
            })
        };
        let host = start(u64::MAX);
        let (code, target) = replay_json(&host, &["--sign-on", "--connections", "4"]);
        assert_eq!((code, &target["sign_ons"]), (Some(0), &4.into()), "{target}");
        check_sign_ons(&host, 4);
        // The tenth message ends its connection and is lost, alone: no other is under way. Lost is a failure.
        let host = start(9);
        let (code, target) = replay_json(&host, &["--sign-on", "--rate", "max", "--in-flight", "1"]);
        let counts = ["disconnects", "sign_ons", "lost", "answered"].map(|name| target[name].as_u64());
        assert_eq!((code, counts), (Some(1), [1, 2, 1, COUNT - 1].map(Some)), "{target}");
        check_sign_ons(&host, 2);
    }
    let (code, told, _) = replay(&FakeSwitch::approving("iso87-ascii"), &["--sign-on"]);
    assert!(code == Some(0) && told.contains("sign-ons answered 00: 1"), "{told}");
}

#[test]
fn a_sign_on_that_fails_is_named_before_anything_is_played() {
    let table: [(Answers, &str); 4] = [
        (
            |view| answer_of(view, view.mti().response(), &[7, 11, 70], &[(39, "91")]),
            "the host answered the sign-on with DE39 = 91",
        ),
        (
            |view| answer_of(view, view.mti().response(), &[7, 11, 70], &[]),
            "the answer to the sign-on has no DE 39",
        ),
        (|view| view.frame().to_vec(), "the peer sends back what it gets: an echo, not a host"),
        (|_| b"0810ZZZZ".to_vec(), "the answer to the sign-on is unreadable: "),
    ];
    for (answer, reason) in table {
        let host = FakeSwitch::start("iso87-ascii", move |_, view| Reply::Messages(vec![answer(view)]));
        let (code, _, said) = replay(&host, &["--sign-on"]);
        let whole = format!("cannot sign on to switch at {}: {reason}", host.address);
        assert!(code == Some(2) && said.contains(&whole), "{reason}: {said}");
        assert_eq!(host.received.lock().unwrap().len(), 1, "{reason}");
    }
    let leaving = FakeSwitch::start("iso87-ascii", |_, _| Reply::Parting(Vec::new()));
    let (code, _, said) = replay(&leaving, &["--sign-on"]);
    assert!(code == Some(2) && said.contains("ended before the sign-on was answered"), "{said}");
    let silent = FakeSwitch::start("iso87-ascii", |_, _| Reply::Nothing);
    let (code, _, said) = replay(&silent, &["--sign-on", "--timeout", "50ms"]);
    assert!(code == Some(2) && said.contains("no answer to the sign-on within 50ms"), "{said}");
}

#[test]
fn a_host_that_asks_before_it_answers_the_sign_on_gets_its_answer() {
    let held = Mutex::new(Vec::new());
    let host = FakeSwitch::start("iso87-ascii", move |number, view| match number {
        0 => {
            held.lock().unwrap().push(answer_of(view, view.mti().response(), &[11, 70], &[(39, "00")]));
            let own = [(7, "0101020304"), (11, "000777"), (70, "001")];
            Reply::Messages(vec![message(view, 0x0800, &own)])
        }
        1 => Reply::Messages(held.lock().unwrap().drain(..).collect()),
        _ => Reply::Code(*b"00"),
    });
    let (code, target) = replay_json(&host, &["--sign-on"]);
    assert_eq!(
        (code, target["host_answered"].as_u64(), target["sign_ons"].as_u64()),
        (Some(0), Some(1), Some(1))
    );
    let received = host.received.lock().unwrap();
    assert_eq!(
        received.iter().take(3).map(|one| one.mti.as_str()).collect::<Vec<_>>(),
        ["0800", "0810", "0100"]
    );
}

#[test]
fn a_host_that_asks_and_answers_the_sign_on_at_once_gets_its_answer() {
    let host = FakeSwitch::start("iso87-ascii", |number, view| match number {
        0 => {
            let own = [(7, "0101020304"), (11, "000777"), (70, "301")];
            let answer = answer_of(view, view.mti().response(), &[11, 70], &[(39, "00")]);
            Reply::Messages(vec![message(view, 0x0800, &own), answer])
        }
        _ if view.mti().is_response() => Reply::Messages(Vec::new()),
        _ => Reply::Code(*b"00"),
    });
    let (code, target) = replay_json(&host, &["--sign-on"]);
    assert_eq!((code, target["host_answered"].as_u64()), (Some(0), Some(1)));
    let received = host.received.lock().unwrap();
    assert_eq!(received.iter().filter(|one| one.mti == "0810").count(), 1);
}

#[test]
fn other_codes_are_no_failure_where_they_are_to_be_ignored() {
    let host = FakeSwitch::start("iso87-ascii", |number, _| match number {
        0..3 => Reply::Code(*b"51"),
        _ => Reply::Code(*b"00"),
    });
    let (code, told, _) = replay(&host, &["--ignore-codes", "--report", "r.html"]);
    let line =
        "3 of 17 answers with an expectation differ from it, which is no failure here (--ignore-codes)";
    assert!(code == Some(0) && told.contains(line) && told.contains("expected 00, got 51"), "{told}");
    // Whatever else is wrong is a failure still.
    let host = host_twice();
    let (code, target) = replay_json(&host, &["--ignore-codes"]);
    assert_eq!(
        (code, target["differing"].as_u64(), target["duplicates"].as_u64()),
        (Some(1), Some(17), Some(16))
    );
}

/// Declines every message twice, but the last one once: nothing comes behind the end of the play.
fn host_twice() -> FakeSwitch {
    FakeSwitch::start("iso87-ascii", |number, _| match number {
        0..16 => Reply::Twice(*b"05"),
        _ => Reply::Code(*b"05"),
    })
}

#[test]
fn an_echo_is_recognized_and_said() {
    let folder = folder();
    for (dialect, framing) in [("iso87-ascii", "length2-be"), ("iso87-bcd", "length2-bcd+tpdu")] {
        let echo = EchoServer::start("127.0.0.1:0".parse().unwrap(), 1, framing.parse::<Framing>().unwrap());
        let to = echo.as_ref().unwrap().address().to_string();
        let arguments = ["replay", "t.jsonl", "--to", &to, "--dialect", dialect, "--framing", framing];
        let plan = ["--rate", "2000", "--connections", "2", "--timeout", "120s"];
        let ended = authswitch(folder.path(), &[&arguments[..], &plan, &["--report", "r.html"]].concat());
        let told = out(&ended);
        assert_eq!(ended.status.code(), Some(1), "{told}{}", err(&ended));
        let words = "the peer sends back what it gets: an echo, not a host";
        assert!(told.contains("17  messages sent back as they were") && told.contains(words), "{told}");
        let page = std::fs::read_to_string(folder.path().join("r.html")).unwrap();
        assert!(page.contains(words) && page.contains("17 sent back"));
        let ended = authswitch(folder.path(), &[&arguments[..], &plan, &["--json"]].concat());
        let json: Json = serde_json::from_slice(&ended.stdout).unwrap();
        let target = &json["targets"][0];
        let counts = ["sent_back", "answered", "lost", "unmatched"].map(|name| target[name].as_u64());
        assert_eq!(counts, [17, 0, 0, 0].map(Some), "{dialect}");
        let ended = authswitch(folder.path(), &[&arguments[..], &plan, &["--to-echo"]].concat());
        assert_eq!(ended.status.code(), Some(0), "{}", out(&ended));
    }
}
