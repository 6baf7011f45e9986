//! The same message again: the stored answer, no second effect; the same key with other content: 94.

use crate::support::*;
use authswitch::decision::{KeyFields, Lateness, Sink};
use authswitch::message::{Operation, Refusal, Request, ResponseCode};
use authswitch::portfolio::Limits;

/// What the sender sees of a decision.
macro_rules! seen {
    ($decision:expr) => {{
        let decision = $decision;
        (decision.code, decision.approval, decision.balances)
    }};
}

#[test]
fn a_repeat_gets_the_same_answer_and_moves_nothing() {
    let refund = Request { operation: Operation::Credit, processing_code: REFUND, ..sale(1) };
    let inquiry = Request { operation: Operation::Inquiry, amount_minor: 0, ..purchase(1) };
    let too_much = Request { amount_minor: FUNDS + 1, ..purchase(1) };
    for (request, code) in
        [(purchase(1), "00"), (sale(1), "00"), (refund, "00"), (inquiry, "00"), (too_much, "51")]
    {
        let world = World::default();
        let first = world.decide(&request);
        assert_eq!((first.code.as_str(), first.repeat), (code, false));
        let after = world.state_hash();
        // With the repeat digit and without it, whatever the clock says.
        for again in [repeat_of(&request), request] {
            let answer = world.later(DAY_US).decide(&again);
            assert_eq!((seen!(answer), answer.repeat), (seen!(first), true));
        }
        assert_eq!(world.state_hash(), after);
        world.replays();
    }
}

#[test]
fn a_decline_stays_one_when_its_reason_has_gone() {
    let world = World::default();
    world.gets(&Request { amount_minor: FUNDS, ..purchase(1) }, "00").gets(&purchase(2), "51");
    world.gets(&reversal_of(&Request { amount_minor: FUNDS, ..purchase(1) }, 3), "00");
    world.gets(&repeat_of(&purchase(2)), "51").gets(&purchase(4), "00").leaves(1_000, 0);
}

#[test]
fn an_approval_stays_one_when_its_money_has_gone() {
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&reversal_of(&purchase(1), 2), "00").leaves(0, 0);
    world.gets(&repeat_of(&purchase(1)), "00").leaves(0, 0).replays();
}

#[test]
fn a_repeat_without_its_original_is_decided() {
    World::default().gets(&repeat_of(&purchase(1)), "00").leaves(1_000, 0);
}

#[test]
fn the_same_key_with_other_content_gets_94_and_moves_nothing() {
    let base = purchase(1);
    for (what, other) in [
        ("DE3", Request { processing_code: 90_000, ..base }),
        ("DE4", Request { amount_minor: 999, ..base }),
        ("DE37", Request { retrieval_reference: *b"OTHER0000001", ..base }),
        ("DE41", Request { terminal: *b"TERM0002", ..base }),
        ("DE42", Request { merchant: *b"MERCHANT0000002", ..base }),
        ("DE49", Request { currency: 978, ..base }),
        ("message class", sale(1)),
    ] {
        let world = World::default();
        world.gets(&base, "00");
        let after = world.state_hash();
        let answer = world.decide(&other);
        assert_eq!((answer.code.as_str(), answer.refusal), ("94", Refusal::DuplicateKey), "{what}");
        assert_eq!(answer.approval, None);
        // The refusal is repeated too, and the original still has its answer.
        world.gets(&repeat_of(&other), "94").gets(&repeat_of(&base), "00").leaves(1_000, 0);
        assert_eq!(world.state_hash(), after, "{what}");
        world.replays();
    }
}

#[test]
fn each_part_of_the_key_makes_another_transaction() {
    let base = purchase(1);
    for other in [
        Request { stan: 2, ..base },
        Request { transmission: base.transmission + 1, ..base },
        Request { acquirer: 1, ..base },
        Request { pan: Some(pan(1)), ..base },
    ] {
        World::default().gets(&base, "00").gets(&other, "00").leaves(2_000, 0);
    }
}

#[test]
fn a_link_may_have_a_key_of_its_own() {
    let world = World::default().keyed_by(&[11, 12, 13, 32, 41]);
    let (base, refreshed) = (purchase(1), Request { transmission: 1_122_120_030, ..purchase(1) });
    world.gets(&base, "00").gets(&refreshed, "00").leaves(1_000, 0);
    world.gets(&Request { terminal: *b"TERM0002", ..base }, "00").leaves(2_000, 0);
    assert_eq!(KeyFields::new(&[2, 39]).unwrap_err().0, 39);
}

#[test]
fn repeats_count_once() {
    let world = World::new(Plan::limited(Limits { count_per_day: 2, ..Limits::NONE }, Limits::NONE));
    world.gets(&purchase(1), "00").gets(&repeat_of(&purchase(1)), "00").gets(&purchase(1), "00");
    world.gets(&purchase(2), "00").gets(&purchase(3), "65").gets(&repeat_of(&purchase(2)), "00");
    assert_eq!(world.spent_by(0).day_count, 2);
}

#[test]
fn what_came_too_late_to_be_decided_stays_declined() {
    let world = World::default();
    let late = world.decide_at(&purchase(1), Lateness::TooLate);
    assert_eq!((late.code.as_str(), late.repeat), ("91", false));
    world.gets(&repeat_of(&purchase(1)), "91").leaves(0, 0);
    // A decided one keeps its answer even when its repeat is late.
    world.gets(&purchase(2), "00");
    let again = world.decide_at(&repeat_of(&purchase(2)), Lateness::TooLate);
    assert_eq!((again.code.as_str(), again.repeat), ("00", true));
    world.leaves(1_000, 0).replays();
}

/// Takes no record.
struct Nothing;

impl Sink for Nothing {
    const TAKES: bool = false;

    fn append(&self, _body: &[u8], _time_us: i64) -> Option<u64> {
        None
    }
}

#[test]
fn what_is_shed_leaves_nothing_and_what_is_known_is_answered_as_before() {
    let world = World::default();
    world.gets(&purchase(1), "00");
    world.decide_at(&purchase(2), Lateness::TooLate);
    let (state, records) = (world.desk.portfolio.state_hash(), world.sink.records().len());
    let shed = |request: &Request| {
        let decision = world.desk.decide(request, &world.terms, NOON, Lateness::TooLate, &Nothing);
        (decision.refusal, decision.code, decision.repeat, decision.sequence > 0)
    };
    let approved = (Refusal::None, ResponseCode::APPROVED, true, true);
    let remembered = (Refusal::BudgetSpent, Refusal::BudgetSpent.code(), true, true);
    let new = (Refusal::BudgetSpent, Refusal::BudgetSpent.code(), false, false);
    for (request, answer) in [(purchase(1), approved), (purchase(2), remembered), (purchase(3), new)] {
        assert_eq!(shed(&request), answer, "{}", request.stan);
        assert_eq!(shed(&repeat_of(&request)), answer, "the repeat of {}", request.stan);
    }
    assert_eq!((world.desk.portfolio.state_hash(), world.sink.records().len()), (state, records));
    // It is decided by its own time when it comes again.
    world.gets(&repeat_of(&purchase(3)), "00").leaves(2_000, 0).replays();
}
