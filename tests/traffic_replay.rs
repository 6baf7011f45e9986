//! The load client against a switch made for tests: open loop, correlation, rewriting, what it counts.
#![allow(clippy::unwrap_used)]

#[path = "traffic/switch.rs"]
mod switch;

use authswitch::traffic::generator::{Options, generate};
use authswitch::traffic::replay::{Outcome, Plan, Target, TargetOutcome, run};
use authswitch::traffic::trace::Trace;
use authswitch::traffic::{Rate, echo::EchoServer};
use authswitch::wire::frame::Framing;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use switch::{FakeSwitch, Received, Reply};

fn trace(seed: u64, count: usize) -> Trace {
    generate(&Options { seed, count, ..Options::default() })
}

/// Plain sales, so that every answer's code is up to the switch alone.
fn sales(count: usize) -> Trace {
    let line = |number: usize| {
        format!(
            "{{\"at_us\":{},\"link\":\"a\",\"mti\":\"0100\",\"fields\":{{\"2\":\"4111110000000013\",\"3\":\"000000\",\
             \"4\":\"000000000100\",\"7\":\"0115000000\",\"11\":\"{:06}\",\"37\":\"601500000001\"}},\"expect\":\"00\"}}\n",
            number * 1000,
            number + 1
        )
    };
    let text: String = (0..count).map(line).collect();
    Trace::read(text.as_bytes(), "sales").unwrap()
}

/// An answer is lost only where a test keeps it back: what rests on the timeout is tested in virtual time, in
/// `src/traffic/lane/tests.rs`.
fn plan(rate: f64) -> Plan {
    Plan { rate: Rate::PerSecond(rate), connections: 4, timeout: Duration::from_secs(300), ..Plan::default() }
}

fn play(trace: &Trace, plan: &Plan, targets: &[Target]) -> Outcome {
    run(trace, plan, targets, &AtomicBool::new(false), &mut |_| {}).unwrap()
}

fn play_at(switch: &FakeSwitch, trace: &Trace, plan: &Plan) -> TargetOutcome {
    play(trace, plan, &[switch.target()]).targets.pop().unwrap()
}

#[test]
fn every_message_is_answered_once_in_both_dialects() {
    for dialect in ["iso87-ascii", "iso87-bcd"] {
        let switch = FakeSwitch::approving(dialect);
        let outcome = play_at(&switch, &trace(3, 2_000), &plan(4_000.0));
        assert_eq!((outcome.sent, outcome.answered, outcome.lost), (2_000, 2_000, 0), "{dialect}");
        assert_eq!((outcome.duplicates, outcome.unmatched, outcome.unreadable), (0, 0, 0), "{dialect}");
        assert_eq!(outcome.latencies.len(), 2_000);
        assert_eq!(outcome.codes.len(), 1);
        assert_eq!((outcome.codes[0].code.as_str(), outcome.codes[0].count), ("00", 2_000));
    }
}

#[test]
fn answers_that_never_come_are_lost() {
    let switch = FakeSwitch::start("iso87-ascii", |_, _| Reply::Nothing);
    let plan = Plan { timeout: Duration::from_millis(50), ..plan(2_000.0) };
    let outcome = play_at(&switch, &sales(100), &plan);
    assert_eq!((outcome.sent, outcome.answered, outcome.lost), (100, 0, 100));
    assert!(!outcome.holds());
}

#[test]
fn second_answers_and_foreign_answers_are_told_apart() {
    let foreign = FakeSwitch::start("iso87-ascii", |number, view| {
        let mut frame = view.frame().to_vec();
        // Another STAN: the answer to something nobody asked. DE11 comes after MTI, bit map, DE2, 3, 4 and 7.
        frame[..4].copy_from_slice(b"0110");
        let at = view.offset(11).unwrap();
        frame[at..at + 6].copy_from_slice(b"000000");
        // The end of the connection is the end of all that it owes.
        if number < 99 { Reply::Messages(vec![frame]) } else { Reply::Parting(vec![frame]) }
    });
    let plan = Plan { connections: 1, ..plan(2_000.0) };
    let outcome = play_at(&foreign, &sales(100), &plan);
    assert_eq!((outcome.answered, outcome.unmatched, outcome.lost), (0, 100, 100));

    // Nothing comes behind the last answer, with which the play ends.
    let twice = FakeSwitch::start("iso87-ascii", |number, _| match number {
        0..99 => Reply::Twice(*b"00"),
        _ => Reply::Code(*b"00"),
    });
    let outcome = play_at(&twice, &sales(100), &plan);
    let counts = (outcome.answered, outcome.duplicates, outcome.unmatched, outcome.lost);
    assert_eq!(counts, (100, 99, 0, 0));
    assert!(!outcome.holds());
}

#[test]
fn a_stalled_switch_cannot_hide() {
    let stall = Duration::from_millis(400);
    let switch = FakeSwitch::start("iso87-ascii", move |number, _| match number {
        300 => Reply::Stall(stall, *b"00"),
        _ => Reply::Code(*b"00"),
    });
    // One connection: everything due in the stall has to wait for its end.
    let plan = Plan { connections: 1, ..plan(1_000.0) };
    let outcome = play_at(&switch, &sales(1_000), &plan);
    assert_eq!(outcome.answered, 1_000);
    // About 400 messages were due in the stall, waiting 400 ms to 0; a client that waits for answers would see one.
    let slow = outcome.latencies.iter_recorded().filter(|step| step.value_iterated_to() >= 200_000_000);
    let slow: u64 = slow.map(|step| step.count_at_value()).sum();
    assert!(slow >= 150, "only {slow} latencies of 200 ms and more");
    assert!(outcome.latencies.max() >= 380_000_000, "max {}", outcome.latencies.max());
}

/// What arrived, checked against what the trace's relations promise.
fn check_keys(received: &[Received], passes: usize) {
    let mut seen: HashMap<(String, [String; 4]), &Received> = HashMap::new();
    let mut traces = HashSet::new();
    let originals: HashMap<_, _> = received
        .iter()
        .map(|message| ((message.text(11), message.text(7), message.text(32)), message))
        .collect();
    let (mut repeats, mut referring) = (0, 0);
    for message in received {
        let kind = format!("{}{}", &message.mti[..3], message.text(39));
        let first = seen.entry((kind, message.key())).or_insert(message);
        if !std::ptr::eq(*first, message) {
            repeats += 1;
            // A repeat is its original again but for the MTI; a reused key differs in the amount alone.
            let differing: Vec<_> =
                message.fields.iter().filter(|(de, text)| first.text(**de) != *text).collect();
            assert!(differing.iter().all(|(de, _)| **de == 4), "{differing:?}");
            assert!(message.mti.ends_with('1') || !differing.is_empty(), "{} is no repeat", message.mti);
            continue;
        }
        assert!(!message.mti.ends_with('1'), "a repeat without its original");
        assert!(traces.insert((message.text(11), message.text(7))), "STAN and DE7 given twice");
        let named = message.text(90);
        if !named.is_empty() {
            referring += 1;
            let acquirer = named[20..31].trim_start_matches('0');
            let original =
                originals.get(&(&named[4..10], &named[10..20], acquirer)).expect("DE90 names a message");
            assert_eq!(original.mti[..3], named[..3]);
            assert_eq!(original.text(2), message.text(2));
            assert_eq!(original.text(37), message.text(37));
            assert_eq!(original.text(12), message.text(12));
        }
    }
    assert!(repeats >= 20 * passes && referring >= 100 * passes, "{repeats} repeats, {referring} references");
}

#[test]
fn rewriting_keeps_repeats_and_references_tied_and_never_gives_a_key_twice() {
    let trace = trace(5, 2_000);
    for (dialect, connections) in [("iso87-ascii", 1), ("iso87-bcd", 8)] {
        let switch = FakeSwitch::approving(dialect);
        // Three passes through the trace.
        let duration = Some(Duration::from_millis(1_500));
        let plan = Plan { duration, connections, ..plan(4_000.0) };
        let outcome = play_at(&switch, &trace, &plan);
        assert_eq!(outcome.sent, 6_000);
        let received = switch.received.lock().unwrap();
        assert_eq!(received.len(), 6_000);
        check_keys(&received, 3);
        // Not the trace's own times: the replay is of today.
        assert!(received.iter().filter(|message| message.text(7).starts_with("0115000")).count() < 100);
    }
}

#[test]
fn two_replays_in_a_row_share_no_key() {
    let switch = FakeSwitch::approving("iso87-ascii");
    let trace = sales(200);
    (0..3).for_each(|_| assert_eq!(play_at(&switch, &trace, &plan(20_000.0)).answered, 200));
    let received = switch.received.lock().unwrap();
    let keys: HashSet<_> = received.iter().map(Received::key).collect();
    assert_eq!((received.len(), keys.len()), (600, 600));
}

#[test]
fn codes_that_differ_are_grouped_with_line_and_masked_card() {
    let switch = FakeSwitch::start("iso87-bcd", |number, _| match number {
        10 | 20 => Reply::Code(*b"05"),
        _ => Reply::Code(*b"00"),
    });
    let outcome = play_at(&switch, &sales(50), &Plan { connections: 1, ..plan(2_000.0) });
    assert_eq!((outcome.checked, outcome.differing), (50, 2));
    let [mismatch] = &outcome.mismatches[..] else { panic!("{:?}", outcome.mismatches) };
    assert_eq!((mismatch.kind.as_str(), mismatch.count, mismatch.line), ("0100 purchase", 2, 11));
    assert_eq!((mismatch.expected.as_str(), mismatch.actual.as_str()), ("00", "05"));
    assert_eq!(mismatch.card, "411111******0013");
    assert!(!outcome.holds());
}

#[test]
fn an_unreadable_answer_is_counted_and_explained() {
    let switch = FakeSwitch::start("iso87-ascii", |number, view| {
        let mut frame = view.frame().to_vec();
        frame[..4].copy_from_slice(b"0110");
        if number == 7 {
            // DE37 is the last field: a character that it cannot hold.
            let last = frame.len() - 1;
            frame[last] = 0x07;
            return Reply::Messages(vec![frame]);
        }
        Reply::Code(*b"00")
    });
    let outcome = play_at(&switch, &sales(20), &Plan { connections: 1, ..plan(2_000.0) });
    assert_eq!((outcome.answered, outcome.unreadable, outcome.lost), (20, 1, 0));
    assert!(outcome.mismatches[0].actual.starts_with("unreadable: "), "{:?}", outcome.mismatches);
    assert!(!outcome.holds());
}

#[test]
fn a_lost_connection_is_counted_and_comes_back() {
    let switch = FakeSwitch::start("iso87-ascii", |number, _| match number {
        100 => Reply::Parting(Vec::new()),
        _ => Reply::Code(*b"00"),
    });
    // One is under way when the connection ends.
    let plan = Plan { rate: Rate::Max, in_flight: 1, connections: 1, ..plan(1.0) };
    let outcome = play_at(&switch, &sales(1_000), &plan);
    assert_eq!((outcome.disconnects, outcome.lost, outcome.answered), (1, 1, 999));
    assert!(!outcome.holds());
}

#[test]
fn saturation_plays_every_message_once() {
    let switch = FakeSwitch::approving("iso87-bcd");
    let plan = Plan { rate: Rate::Max, connections: 4, in_flight: 5, ..plan(1.0) };
    let outcome = play_at(&switch, &trace(9, 3_000), &plan);
    assert_eq!((outcome.sent, outcome.answered, outcome.lost), (3_000, 3_000, 0));
}

#[test]
fn the_recorded_pace_is_never_overtaken() {
    let switch = FakeSwitch::approving("iso87-ascii");
    // 300 messages, one a millisecond.
    for (rate, seconds) in [(Rate::Recorded(1.0), 0.3), (Rate::Recorded(3.0), 0.1)] {
        let outcome = play_at(&switch, &sales(300), &Plan { rate, ..plan(1.0) });
        let busy = outcome.busy.as_secs_f64();
        assert!(busy >= seconds * 0.98, "{rate}: {busy} s");
    }
}

#[test]
fn warm_up_is_left_out_of_the_latencies_only() {
    let switch = FakeSwitch::approving("iso87-ascii");
    let outcome =
        play_at(&switch, &sales(400), &Plan { warmup: Duration::from_millis(100), ..plan(1_000.0) });
    assert_eq!((outcome.answered, outcome.checked), (400, 400));
    assert_eq!(outcome.latencies.len(), 300);
}

#[test]
fn the_same_frames_go_to_the_echo_in_turns() {
    let switch = FakeSwitch::approving("iso87-bcd");
    let server = EchoServer::start("127.0.0.1:0".parse().unwrap(), 2, Framing::LENGTH2_BE).unwrap();
    let mut echo = switch.target();
    echo.endpoints[0].address = server.address();
    let echo = Target { name: "echo".to_owned(), echo: true, ..echo };
    let slice = Duration::from_millis(50);
    for rate in [Rate::PerSecond(4_000.0), Rate::Recorded(10.0), Rate::Max] {
        let plan = Plan { rate, slice, ..plan(1.0) };
        let outcome = play(&trace(4, 1_500), &plan, &[switch.target(), echo.clone()]);
        for target in &outcome.targets {
            assert_eq!(
                (target.sent, target.answered, target.lost),
                (1_500, 1_500, 0),
                "{rate} {}",
                target.name
            );
            assert_eq!((target.unmatched, target.duplicates), (0, 0), "{rate} {}", target.name);
        }
        // An echo has no response codes to compare.
        assert_eq!(outcome.targets[1].checked, 0);
        assert!(outcome.targets[0].checked > 0);
    }
}

#[test]
fn a_play_can_be_stopped_and_is_reported_as_far_as_it_came() {
    let switch = FakeSwitch::approving("iso87-ascii");
    let stop = AtomicBool::new(false);
    let plan = Plan { duration: Some(Duration::from_secs(600)), ..plan(500.0) };
    let outcome = run(&sales(100), &plan, &[switch.target()], &stop, &mut |progress| {
        if progress.sent > 20 {
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let target = outcome.unwrap().targets.pop().unwrap();
    assert!(target.sent > 20 && target.sent < 100_000);
    assert_eq!(target.answered, target.sent);
}

#[test]
fn what_cannot_be_played_is_refused_with_its_line() {
    let switch = FakeSwitch::approving("iso87-ascii");
    let table = [
        (r#""mti":"0110","fields":{"11":"000001"}"#, "t:1: 0110 is an answer, not a request"),
        (r#""mti":"0100","fields":{"7":"0115000000"}"#, "t:1: DE 11 is missing"),
        (r#""mti":"0100","fields":{"4":"12x","11":"000001"}"#, "t:1: in dialect iso87-ascii: DE 4"),
        (r#""mti":"0100","fields":{"11":"000001","52":"XY"}"#, "t:1: DE 52 must be hexadecimal"),
        (r#""hex":"0100""#, "t:1: in dialect iso87-ascii: "),
    ];
    for (message, reason) in table {
        let text = format!("{{\"at_us\":0,\"link\":\"a\",{message}}}");
        let trace = Trace::read(text.as_bytes(), "t").unwrap();
        let refused = run(&trace, &plan(1.0), &[switch.target()], &AtomicBool::new(false), &mut |_| {});
        let error = refused.err().unwrap().to_string();
        assert!(error.starts_with(reason), "{error}");
    }
    let trace = sales(1);
    let mut target = switch.target();
    target.endpoints[0].link = "other".to_owned();
    let error =
        run(&trace, &plan(1.0), &[target], &AtomicBool::new(false), &mut |_| {}).err().unwrap().to_string();
    assert_eq!(error, "sales:1: no address is given for link a");
}
