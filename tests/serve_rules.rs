//! A rule file in the running switch: what it declines, how it is exchanged, and what is said of it afterwards.

#![allow(clippy::unwrap_used)]

mod harness;

use harness::*;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const RULES: &str = r#"
currency = "USD"
[[rule]]
name = "gambling"
when = "merchant.category == 7995"
decline = "57"
[[rule]]
name = "watch"
when = "request.amount >= 5000"
decline = "59"
mode = "shadow"
[[limit]]
name = "hour"
scope = "card"
window = "1h"
count = 2
"#;

/// Starts a switch that decides by `rules.toml` of its folder.
fn start(folder: &Path, rules: &str, set: &[&str]) -> Switch {
    let file = folder.join("rules.toml");
    std::fs::write(&file, rules).unwrap();
    let setting = format!("rules.file={}", file.display());
    let all: Vec<&str> = [setting.as_str()].into_iter().chain(set.iter().copied()).collect();
    Switch::start(&folder.join("data"), &all)
}

/// Runs a command of the program; what it said, and its exit code.
fn run(args: &[&str]) -> (String, String, i32) {
    let output = Command::new(binary()).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

fn json(args: &[&str]) -> (Value, i32) {
    let (out, err, code) = run(args);
    (serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}{err}")), code)
}

fn purchase(stan: u32, amount: u64) -> Purchase {
    Purchase::new(&pan("411111", 1), stan, amount)
}

fn effects(switch: &Switch, kind: &str, name: &str, mode: &str) -> Option<f64> {
    switch.metric(&format!(
        "authswitch_rule_effects_total{{set=\"usual\",kind=\"{kind}\",name=\"{name}\",mode=\"{mode}\"}}"
    ))
}

#[test]
fn rules_and_limits_answer_count_and_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let switch = start(folder.path(), RULES, &[]);
    let mut peer = switch.connect("acquirer-ascii");
    for (stan, amount, category, code) in [
        (1, 1_000, "7995", "57"),
        (2, 5_000, "5411", "00"),
        (3, 1_000, "5411", "00"),
        (4, 1_000, "5411", "65"),
    ] {
        let asked = purchase(stan, amount).set(18, category);
        assert_eq!(peer.ask("0100", &asked.fields()).code(), code, "STAN {stan}");
    }
    assert_eq!(effects(&switch, "rule", "gambling", "active"), Some(1.0));
    assert_eq!(effects(&switch, "rule", "watch", "shadow"), Some(1.0));
    assert_eq!(effects(&switch, "limit", "hour", "active"), Some(1.0));
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    // Also while the switch runs.
    let explained = wait_for("the record", || {
        let (out, _, _) = run(&["explain", "--data", data, "--stan", "4", "--json"]);
        serde_json::from_str::<Value>(&out).ok()
    });
    assert_eq!((&explained["limit"], &explained["again"]["same"]), (&"hour".into(), &true.into()));
    let last = explained["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["which"], &last["inputs"]["used"], &last["inputs"]["limit"]),
        (&"hour".into(), &2.into(), &2.into())
    );
    drop(peer);
    assert!(switch.terminate().0.success());
    // After the stop, with the snapshot of the end: the way to each record begins at an origin.
    for record in 1..=4 {
        let (explained, code) = json(&["explain", "--data", data, "--record", &record.to_string(), "--json"]);
        assert_eq!((&explained["again"]["same"], code), (&true.into(), 0), "record {record}");
        let stan = format!("{record:06}");
        let (text, _, _) = run(&["explain", "--data", data, "--stan", &stan]);
        assert!(text.contains("decided again it is the same"), "{text}");
        assert!(!text.contains(&pan("411111", 1)), "a clear card number:\n{text}");
    }
    let (_, said, code) = run(&["explain", "--data", data, "--rrn", "no-such-rrn"]);
    assert!(code == 1 && said.contains("no record"), "{said}");
    let (_, said, code) = run(&["explain", "--data", "/nonexistent", "--record", "1"]);
    assert!(code == 2 && said.contains("not a data folder"), "{said}");
}

#[test]
fn a_hang_up_exchanges_the_rules_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let switch = start(folder.path(), RULES, &[]);
    let mut peer = switch.connect("acquirer-bcd");
    let reloads = |result: &str| switch.metric(&format!("authswitch_reloads_total{{result=\"{result}\"}}"));
    let mut stan = 0;
    let mut asks = |peer: &mut Peer, category: &str| {
        stan += 1;
        let asked = Purchase::new(&pan("411111", 100 + stan), stan, 5_000).set(18, category);
        peer.ask("0100", &asked.fields()).code().to_owned()
    };
    assert_eq!([asks(&mut peer, "7995"), asks(&mut peer, "5411")], ["57", "00"]);
    let file = folder.path().join("rules.toml");
    // A file that does not hold changes nothing, and the log says where it is wrong.
    std::fs::write(&file, RULES.replace("5000", "5000 + merchant.name")).unwrap();
    switch.signal("HUP");
    wait_for("the refusal", || (reloads("refused") == Some(1.0)).then_some(()));
    // It is counted before it is told.
    wait_for("the reason", || switch.log_text().contains("merchant.name").then_some(()));
    assert_eq!([asks(&mut peer, "7995"), asks(&mut peer, "5411")], ["57", "00"]);
    // Another takes effect from the next message on; what was in force is told by its version.
    let before = switch.get("/metrics").1;
    let version = |text: &str| {
        let in_force = |line: &&str| line.starts_with("authswitch_rules_in_force{") && line.ends_with(" 1.0");
        text.lines().find(in_force).unwrap().to_owned()
    };
    std::fs::write(&file, RULES.replace("7995", "5999").replace("mode = \"shadow\"", "")).unwrap();
    switch.signal("HUP");
    wait_for("the exchange", || (reloads("taken") == Some(1.0)).then_some(()));
    assert_eq!(
        [asks(&mut peer, "7995"), asks(&mut peer, "5411"), asks(&mut peer, "5999")],
        ["59", "59", "57"]
    );
    assert_ne!(version(&before), version(&switch.get("/metrics").1));
    // Counts of rules go on under their names.
    assert_eq!(effects(&switch, "rule", "gambling", "active"), Some(3.0));
    drop(peer);
    assert!(switch.terminate().0.success());
}

#[test]
fn a_switch_does_not_start_with_rules_that_do_not_hold_or_cost_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("rules.toml"));
    let refused = |rules: &str, more: &[&str]| {
        std::fs::write(&file, rules).unwrap();
        let (data, setting) = (data.display().to_string(), format!("rules.file={}", file.display()));
        let mut args = vec!["serve", "--data", &data, "--set", &setting];
        more.iter().for_each(|set| args.extend(["--set", set]));
        let (_, said, code) = run(&args);
        assert_eq!(code, 2, "{said}");
        said
    };
    let said = refused("[[rule]]\nname = \"a\"\nwhen = \"request.amount > 'x'\"\ndecline = \"05\"\n", &[]);
    assert!(said.contains("rules.toml:3:"), "{said}");
    let long: String = (0..200)
        .map(|n| {
            format!("[[rule]]\nname = \"r{n}\"\nwhen = \"merchant.id.contains('{n}x')\"\ndecline = \"05\"\n")
        })
        .collect();
    let said = refused(&long, &["rules.budget_ns=100"]);
    assert!(said.contains("rules.budget_ns"), "{said}");
    std::fs::remove_file(&file).unwrap();
    let (data, setting) = (data.display().to_string(), format!("rules.file={}", file.display()));
    let (_, said, code) = run(&["serve", "--data", &data, "--set", &setting]);
    assert!(code == 2 && said.contains("rules.file"), "{said}");
}

#[test]
fn the_journal_is_decided_again_by_other_rules() {
    let folder = tempfile::tempdir().unwrap();
    let switch = start(folder.path(), RULES, &[]);
    let mut peer = switch.connect("acquirer-ascii");
    for stan in 1..=6 {
        let asked = purchase(stan, u64::from(stan) * 1_000);
        peer.ask("0100", &asked.fields());
        if stan == 2 {
            let reversal = asked.set(90, &asked_original(&purchase(2, 2_000)));
            peer.ask("0420", &reversal.fields());
        }
    }
    drop(peer);
    assert!(switch.terminate().0.success());
    let data = folder.path().join("data");
    let (data, same) = (data.to_str().unwrap(), folder.path().join("rules.toml"));
    let backtest = |file: &Path, more: &[&str]| {
        let mut args = vec!["rules", "backtest", file.to_str().unwrap(), "--data", data, "--json"];
        args.extend(more);
        json(&args)
    };
    let (report, code) = backtest(&same, &["--most-changed", "0"]);
    assert_eq!((&report["changed"], &report["requests"], code), (&0.into(), &6.into(), 0), "{report}");
    // Two fit; the reversal of the second makes room for the third. Without the limit all fit.
    assert_eq!(report["approved_before"], 3);
    let other = folder.path().join("other.toml");
    let without = &RULES[..RULES.find("[[limit]]").unwrap()];
    std::fs::write(&other, without).unwrap();
    let (report, code) = backtest(&other, &["--most-declined", "0"]);
    assert_eq!(
        (&report["changed"], &report["newly_approved"]["count"], code),
        (&3.into(), &3.into(), 0),
        "{report}"
    );
    assert_eq!(report["deciders"]["no longer limit hour"]["examples"].as_array().unwrap().len(), 3);
    assert_eq!(report["newly_approved"]["minor"]["840"], "15000");
    assert_eq!(report["shadows"]["usual rule watch"], 2);
    // A limit that the journal does not know has counted what came before --from.
    let limit = "[[limit]]\nname = \"new\"\nscope = \"card\"\nwindow = \"day\"\ncount = 3\n";
    std::fs::write(&other, format!("{without}{limit}")).unwrap();
    let (report, _) = backtest(&other, &["--from", "6"]);
    assert_eq!((&report["requests"], &report["newly_approved"]["count"]), (&2.into(), &1.into()), "{report}");
    std::fs::write(&other, format!("{without}{}", limit.replace('3', "1"))).unwrap();
    let (report, code) = backtest(&other, &["--most-declined", "10"]);
    // The first, and the third once the second's reversal would have found nothing.
    assert_eq!((&report["newly_declined"]["count"], code), (&2.into(), 1), "{report}");
    std::fs::write(&other, "[[rule]]\nname = 5\n").unwrap();
    let (_, said, code) = run(&["rules", "backtest", other.to_str().unwrap(), "--data", data]);
    assert!(code == 1 && said.contains("other.toml:2:"), "{said}");
    let (_, said, code) = run(&["rules", "backtest", same.to_str().unwrap(), "--data", data, "--from", "99"]);
    assert!(code == 2 && said.contains("ends with 7"), "{said}");
}

fn asked_original(purchase: &Purchase) -> String {
    purchase.as_original("0100")
}

#[test]
fn stand_in_decides_what_the_budget_leaves_undecided() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "[stand_in]\non = [\"budget\"]\n[[stand_in.rule]]\nname = \"small\"\nwhen = \"request.amount > 2000\"\ndecline = \"91\"\n";
    let set = ["links.acquirer-ascii.budget_ms=1", "links.acquirer-ascii.stand_in_ms=60000"];
    let switch = start(folder.path(), rules, &set);
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(peer.ask("0100", &purchase(1, 1_000).fields()).code(), "00");
    // A switch that stood still has spent the budget of what came meanwhile.
    switch.stand_still();
    let ask = |stan, amount| Purchase::new(&pan("411111", stan), stan, amount);
    peer.send("0100", &ask(2, 1_000).fields());
    peer.send("0100", &ask(3, 3_000).fields());
    peer.has_arrived();
    outlast(std::time::Instant::now(), std::time::Duration::from_millis(100));
    switch.signal("CONT");
    assert_eq!([0; 2].map(|_| peer.receive().unwrap().code().to_owned()), ["00", "91"]);
    let counted = switch.metric("authswitch_stand_in_decisions_total{missing=\"budget\"}");
    assert!(counted >= Some(2.0), "{counted:?}");
    drop(peer);
    assert!(switch.terminate().0.success());
    let data = folder.path().join("data");
    let (listed, _, _) = run(&["journal", "stand-in", "--data", data.to_str().unwrap(), "--json"]);
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<_> = listed
        .iter()
        .map(|record| (&record["stan"], &record["code"], &record["ruled"]["stand_in"]))
        .collect();
    let (first, second) = ("000002".into(), "000003".into());
    let expected = [(&first, &"00".into(), &"budget".into()), (&second, &"91".into(), &"budget".into())];
    assert!(said.ends_with(&expected), "{said:?}");
}

#[test]
fn a_pin_that_nobody_verified_is_declined_counted_explained_and_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let set = ["verification.pin.require=when-present", "verification.cvv.require=when-present"];
    let switch = start(folder.path(), RULES, &set);
    // For each link what is not verified, and what becomes of it.
    let log = switch.log_text();
    for link in ["acquirer-ascii", "acquirer-bcd"] {
        let line =
            log.lines().find(|line| line.contains("verified") && line.contains(link)).unwrap_or_default();
        for said in [
            "WARN",
            "when-present: declined with 86",
            "when-present: decided as if it were right",
            "ignored: ",
        ] {
            assert!(line.contains(said), "{link}: {said} in {line:?} of {log}");
        }
    }
    let mut peer = switch.connect("acquirer-ascii");
    let cash = purchase(1, 2_000).set(3, "010000").set(18, "6011").set(52, "0123456789ABCDEF");
    let answer = peer.ask("0200", &cash.fields());
    assert_eq!(answer.code(), "86");
    assert_eq!(peer.ask("0201", &cash.fields()), Answer { mti: "0210".into(), ..answer });
    // A rule about something else comes before it, the same without a PIN is approved.
    assert_eq!(
        peer.ask("0200", &purchase(2, 100).set(18, "7995").set(52, "0123456789ABCDEF").fields()).code(),
        "57"
    );
    assert_eq!(peer.ask("0200", &purchase(3, 100).fields()).code(), "00");
    let unverified = |kind: &str| {
        switch.metric(&format!("authswitch_unverified_total{{link=\"acquirer-ascii\",kind=\"{kind}\"}}"))
    };
    assert_eq!([unverified("pin"), unverified("cvv"), unverified("mac")], [Some(1.0), Some(0.0), Some(0.0)]);
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    wait_for("the record", || (run(&["explain", "--stan", "000003", "--data", data]).2 == 0).then_some(()));
    let (why, code) = json(&["explain", "--stan", "000001", "--data", data, "--json"]);
    assert_eq!(code, 0, "{why}");
    let refused = why["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&refused["check"], &refused["refusal"]),
        (&"PIN not verified".into(), &"pin-not-verified".into())
    );
    assert_eq!(why["record"]["evidence"], serde_json::json!({ "pin": "unverified" }));
    let (text, _, code) = run(&["explain", "--stan", "000001", "--data", data]);
    assert!(
        code == 0 && text.contains("REFUSED  PIN not verified") && text.contains("86 (declined"),
        "{text}"
    );
    assert!(!text.contains("0123456789ABCDEF") && !switch.log_text().contains("0123456789ABCDEF"));
}

/// What `explain` says of the record with this STAN, once it is there.
fn explained(data: &str, stan: &str) -> String {
    wait_for("the record", || {
        let (text, _, code) = run(&["explain", "--stan", stan, "--data", data]);
        (code == 0).then_some(text)
    })
}

#[test]
fn what_was_not_verified_has_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let set: Vec<String> = ["pin", "cvv", "cryptogram"]
        .iter()
        .flat_map(|proof| {
            [("require", "when-present"), ("when_unverified", "decline")]
                .map(|(key, word)| format!("verification.{proof}.{key}={word}"))
        })
        .collect();
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let switch = start(folder.path(), RULES, &set);
    let mut peer = switch.connect("acquirer-ascii");
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let stripe = format!("{}=30122010000012300000", pan("411111", 1));
    let chip = "9F26080123456789ABCDEF";
    for (stan, purchase, words) in [
        ("000001", purchase(1, 100).set(52, "0123456789ABCDEF"), "unable to verify PIN)"),
        ("000002", purchase(2, 100).set(22, "901").set(35, &stripe), "unable to verify CVV)"),
        ("000003", purchase(3, 100).set(22, "051").set(55, chip), "unable to verify cryptogram)"),
    ] {
        assert_eq!(peer.ask("0100", &purchase.fields()).code(), "86", "{stan}");
        let text = explained(data, stan);
        let answer = text.lines().find(|line| line.starts_with("answer 86 (declined, ")).unwrap_or(&text);
        assert!(answer.contains(words), "{text}");
    }
}

#[test]
fn what_differs_from_what_was_decided_here_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let switch = start(folder.path(), "", &[]);
    let mut peer = switch.connect("acquirer-ascii");
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let of_type = format!("0100{}", "0".repeat(38));
    let shared = |stan, amount| purchase(stan, amount).set(37, "REFERENCE001");
    assert_eq!(peer.ask("0100", &shared(1, 1_000).fields()).code(), "00");
    let completed = purchase(5, 1_000);
    assert_eq!(peer.ask("0100", &completed.fields()).code(), "00");
    for (mti, message, differs) in [
        (
            "0420",
            shared(2, 999).set(90, &of_type),
            "differs reversal-ambiguous: ours 0.00 USD, theirs 9.99 USD",
        ),
        (
            "0420",
            purchase(3, 500).set(90, &of_type),
            "differs reversal-without-original: ours 0.00 USD, theirs 5.00 USD",
        ),
        ("0220", purchase(4, 700), "differs no-original: ours 0.00 USD, theirs 7.00 USD"),
        (
            "0220",
            purchase(6, 4_000).set(90, &completed.as_original("0100")),
            "differs completion-over-tolerance: ours 10.00 USD, theirs 40.00 USD",
        ),
    ] {
        let stan = message.fields().iter().find(|(de, _)| *de == 11).unwrap().1.to_owned();
        assert_eq!(peer.ask(mti, &message.fields()).code(), "00", "{stan}");
        let text = explained(data, &stan);
        assert!(text.lines().any(|line| line == differs), "{differs}: {text}");
    }
    assert!(!explained(data, "000001").contains("differs"));
}
