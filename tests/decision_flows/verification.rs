//! What is not verified: PIN, verification value, cryptogram and MAC, by what the settings ask of each.

use super::support::*;
use authswitch::decision::{
    Demand, Lateness, LinkTerms, Policy, Recall, Require, Verification, WhenUnverified,
};
use authswitch::message::{Finding, Operation, Proof, Refusal, Request, ResponseCode};
use authswitch::portfolio::{NOBODY, Record, State};

use Require::{Ignored, Required, WhenPresent};
use WhenUnverified::{Approve, Decline, StandIn};

/// A world that asks this of one proof and nothing of the others.
fn asking(proof: Proof, require: Require, when_unverified: WhenUnverified) -> World {
    let mut demands = [Demand { require: Ignored, when_unverified: Approve }; 4];
    demands[proof as usize] = Demand { require, when_unverified };
    World::with(
        Plan::default(),
        Policy { verification: Verification(demands), ..policy() },
        LinkTerms::default(),
    )
}

fn with(proof: Proof, request: Request) -> Request {
    Request { marks: request.marks.with(proof.mark()), ..request }
}

fn last(world: &World) -> Record {
    *world.sink.records().last().unwrap()
}

const SMALL: &str = r#"
    [stand_in]
    [[stand_in.rule]]
    name = "small"
    when = "request.amount > 1000"
    decline = "05"
"#;

#[test]
fn each_proof_is_asked_as_the_settings_say() {
    for proof in Proof::ALL {
        let code = if proof == Proof::Mac { "96" } else { "86" };
        // What is asked, what then, the answer where it came, where it did not.
        for (require, then, came, absent) in [
            (Ignored, Decline, "00", "00"),
            (WhenPresent, Approve, "00", "00"),
            (WhenPresent, Decline, code, "00"),
            (WhenPresent, StandIn, code, "00"),
            (Required, Approve, "00", "00"),
            (Required, Decline, code, code),
            (Required, StandIn, code, code),
        ] {
            let world = asking(proof, require, then);
            world
                .gets(&with(proof, purchase(1)), came)
                .gets(&purchase(2), absent)
                .gets(&with(proof, sale(3)), came);
            let again = Request { kind: purchase(1).kind, ..repeat_of(&with(proof, purchase(1))) };
            world.gets(&again, came).replays();
        }
    }
}

#[test]
fn the_defaults_decline_a_pin_and_approve_what_else_came() {
    let world = World::default();
    let codes =
        Proof::ALL.map(|proof| world.decide(&with(proof, purchase(proof as u32))).code.as_str().to_owned());
    assert_eq!(codes, ["86", "00", "00", "00"]);
}

#[test]
fn a_decline_moves_nothing_takes_no_try_and_its_evidence_is_in_the_record() {
    let world = World::default();
    for stan in 1..=5 {
        let decision = world.decide(&with(Proof::Cryptogram, with(Proof::Pin, purchase(stan))));
        assert_eq!((decision.refusal, world.state(&decision)), (Refusal::PinNotVerified, State::Declined));
        let record = last(&world);
        let evidence = Proof::ALL.map(|proof| record.evidence.of(proof));
        assert_eq!(evidence, [Finding::Unverified, Finding::Absent, Finding::Unverified, Finding::Absent]);
        assert_eq!((record.refusal, record.code.as_str()), (Refusal::PinNotVerified, "86"));
    }
    // Five of them, and the card is as good as before.
    world.leaves(0, 0).gets(&purchase(6), "00").leaves(1_000, 0).replays();
    assert_eq!(last(&world).evidence.bits(), 0);
}

#[test]
fn the_dialect_says_the_code_and_the_first_in_the_order_of_the_table_is_named() {
    let codes = [b"81", b"N7", b"88", b"98"].map(|code| ResponseCode(*code));
    let demand = Demand { require: WhenPresent, when_unverified: Decline };
    let policy = Policy { verification: Verification([demand; 4]), ..policy() };
    let terms = LinkTerms { cannot_verify: codes, ..LinkTerms::default() };
    let world = World::with(Plan::default(), policy, terms);
    for (index, proof) in Proof::ALL.into_iter().enumerate() {
        world.gets(&with(proof, purchase(index as u32)), codes[index].as_str());
    }
    let all = Proof::ALL.into_iter().fold(purchase(9), |request, proof| with(proof, request));
    world.gets(&all, "98");
    world.gets(&with(Proof::Cvv, with(Proof::Pin, purchase(10))), "81");
}

#[test]
fn card_and_rules_are_asked_before_and_money_behind() {
    let mut plan = Plan::default();
    plan.accounts[0].1 = 400;
    let world = World::with(plan, policy(), LinkTerms::default());
    world.gets(&with(Proof::Pin, Request { expiry: 2901, ..purchase(1) }), "54");
    world
        .gets(&with(Proof::Pin, Request { amount_minor: 100_000, ..purchase(2) }), "86")
        .gets(&purchase(3), "51");
    // A refund needs no PIN, an inquiry tells nothing to who has none.
    let refund = Request { operation: Operation::Credit, processing_code: REFUND, ..sale(4) };
    world.gets(&with(Proof::Pin, refund), "00");
    let inquiry = Request { operation: Operation::Inquiry, processing_code: 300_000, ..sale(5) };
    world.gets(&with(Proof::Pin, inquiry), "86").gets(&Request { stan: 6, ..inquiry }, "00");
}

#[test]
fn a_rule_that_asks_about_it_comes_first() {
    let rule = |effect: &str| format!("[[rule]]\nname = \"pin\"\nwhen = \"pos.pin\"\n{effect}\n{SMALL}");
    let pin = |stan, amount_minor| with(Proof::Pin, Request { amount_minor, ..purchase(stan) });
    for (effect, small, large) in [
        ("decline = \"57\"", "57", "57"),
        ("stand_in = true", "00", "05"),
        ("approve_up_to = 1500", "00", "61"),
        // These say nothing of whether it is right.
        ("tag = \"pin\"", "86", "86"),
        ("require = \"pos.pin\"\ndecline = \"57\"", "86", "86"),
        ("mode = \"shadow\"\ndecline = \"57\"", "86", "86"),
    ] {
        let world = World::default().ruled(&rule(effect));
        world.gets(&pin(1, 1_000), small).gets(&pin(2, 2_000), large).replays();
    }
    // A rule about something else approves no PIN, and hands none over.
    for effect in ["approve_up_to = 1500", "stand_in = true"] {
        let other = rule(effect).replace("pos.pin", "merchant.category == 5411");
        World::default().ruled(&other).gets(&pin(1, 1_000), "86");
    }
}

#[test]
fn the_stand_in_set_decides_where_it_is_told_to_and_there_is_one() {
    for proof in Proof::ALL {
        let code = if proof == Proof::Mac { "96" } else { "86" };
        let of = |stan, amount_minor| with(proof, Request { amount_minor, ..purchase(stan) });
        let world = asking(proof, WhenPresent, StandIn).ruled(SMALL);
        world
            .gets(&of(1, 1_000), "00")
            .gets(&of(2, 2_000), "05")
            .gets(&Request { amount_minor: 2_000, ..purchase(3) }, "00");
        let stood_in: Vec<u8> = world.sink.records().iter().map(|record| record.ruled.stand_in).collect();
        assert_eq!(stood_in, [4, 4, 0], "{}", proof.name());
        world.rule_by(&SMALL.replace("[stand_in]", "[stand_in]\nmode = \"off\"")).gets(&of(4, 1_000), code);
        world
            .rule_by("[[rule]]\nname = \"x\"\nwhen = \"false || request.amount > 5000\"\ndecline = \"05\"")
            .gets(&of(5, 1_000), code);
        world.replays();
    }
}

#[test]
fn a_message_refused_for_its_mac_leaves_nothing() {
    let world = asking(Proof::Mac, Required, Decline);
    let before = world.state_hash();
    let messages = [purchase(1), sale(2), message(0x0120, 3), message(0x0220, 4), message(0x0420, 5)];
    for request in messages {
        for request in [request, with(Proof::Mac, request)] {
            let decision = world.decide(&request);
            assert_eq!((decision.code.as_str(), decision.refusal), ("96", Refusal::MacNotVerified));
            assert_eq!(decision.sequence, 0);
            let late = world.decide_at(&request, Lateness::TooLate);
            assert_eq!(late.refusal, Refusal::MacNotVerified);
        }
    }
    assert_eq!((world.sink.records().len(), world.state_hash()), (0, before));
    // Stand-in has nothing to say of what happened already.
    let world = asking(Proof::Mac, WhenPresent, StandIn).ruled(SMALL);
    for request in [message(0x0120, 3), message(0x0220, 4), message(0x0420, 5)] {
        world.gets(&with(Proof::Mac, request), "96");
    }
    assert!(world.sink.records().is_empty());
    // A PIN of an advice is no matter of ours: another has decided.
    let world = asking(Proof::Pin, Required, Decline);
    world.gets_all(&[message(0x0120, 3), message(0x0220, 4), message(0x0420, 5)], "00");
}

#[test]
fn what_was_not_verified_is_counted_by_link_and_kind_and_explained() {
    let world = World::default().ruled("");
    world
        .gets(&with(Proof::Pin, purchase(1)), "86")
        .gets(&with(Proof::Cvv, purchase(2)), "00")
        .gets(&purchase(3), "00");
    world.gets(&with(Proof::Pin, purchase(1)), "86");
    let counts: Vec<(String, &str, u64)> = {
        let standing = world.desk.standing();
        standing
            .unverified()
            .map(|(link, proof, tally)| (link.to_owned(), proof.name(), tally.get()))
            .collect()
    };
    let north = |kind, count| ("north".to_owned(), kind, count);
    assert_eq!(counts, [north("pin", 1), north("cvv", 1), north("cryptogram", 0), north("mac", 0)]);
    let shown = |request: &Request| {
        let evaluation = world.desk.evaluate(request, &world.terms, NOON);
        let checks = evaluation.checks.into_iter().filter(|check| check.name.ends_with("not verified"));
        checks.map(|check| (check.name, check.refusal)).collect::<Vec<_>>()
    };
    let both = with(Proof::Cryptogram, with(Proof::Cvv, purchase(4)));
    assert_eq!(
        shown(&both),
        [("CVV not verified", Refusal::None), ("cryptogram not verified", Refusal::None)]
    );
    assert_eq!(shown(&with(Proof::Pin, both)), [("PIN not verified", Refusal::PinNotVerified)]);
    assert!(shown(&purchase(5)).is_empty());
    // Decided again from its record, each is what it was.
    let numbers = world.desk.portfolio.numbers();
    let terms = [world.terms];
    for (floor, record) in world.sink.records().into_iter().enumerate() {
        let before = World::default().ruled("");
        for (sequence, earlier) in world.sink.records()[..floor].iter().enumerate() {
            before.desk.portfolio.apply(earlier, sequence as u64 + 1);
        }
        let explained = before.desk.explain(&record, &Recall { terms: &terms, numbers: &numbers }).unwrap();
        assert_ne!(record.card, NOBODY);
        assert_eq!(explained.record, Some(record));
    }
}
