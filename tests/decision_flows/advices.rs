//! 0120 and 0220 of another that stood in: always acknowledged, before, after or instead of the request.

use crate::support::*;
use authswitch::message::{Operation, Refusal, Request, ResponseCode};
use authswitch::portfolio::{CardStatus, STAND_IN, State};

#[test]
fn a_stand_in_approval_moves_money_even_beyond_the_funds() {
    for (request, held, posted) in [(purchase(1), FUNDS + 1, 0), (sale(1), 0, FUNDS + 1)] {
        let world = World::default();
        let request = Request { amount_minor: FUNDS + 1, ..request };
        let answer = world.decide(&advice_of(&request, b"00"));
        assert_eq!((answer.code, answer.approval), (ResponseCode::APPROVED, None));
        world.leaves(held, posted).replays();
        assert_eq!(world.account(0).available_minor(), -1);
        // A further request finds no funds.
        world.gets(&Request { amount_minor: 1, ..purchase(2) }, "51");
    }
}

#[test]
fn a_stand_in_approval_is_marked_as_one() {
    let world = World::default();
    let advice = world.decide(&advice_of(&purchase(1), b"00"));
    assert!(world.transaction(&advice).has(STAND_IN));
    let own = world.decide(&purchase(2));
    assert!(!world.transaction(&own).has(STAND_IN));
}

#[test]
fn a_stand_in_decline_is_recorded_only() {
    let world = World::default();
    let advice = world.decide(&advice_of(&purchase(1), b"05"));
    assert_eq!((advice.code.as_str(), world.state(&advice)), ("00", State::Declined));
    world.leaves(0, 0);
    assert_eq!(world.spent_by(0).day_count, 0);
}

#[test]
fn an_advice_is_taken_whatever_the_card() {
    for spoil in [CardStatus::Lost, CardStatus::Closed] {
        let mut plan = Plan::default();
        (plan.cards[0].status, plan.cards[0].expiry) = (spoil, 2001);
        World::new(plan).gets(&advice_of(&purchase(1), b"00"), "00").leaves(1_000, 0);
    }
    let world = World::default();
    let unknown = Request { pan: Some(pan(99)), ..purchase(1) };
    world.gets(&advice_of(&unknown, b"00"), "00").leaves(0, 0);
    world.gets(&repeat_of(&advice_of(&unknown, b"00")), "00").replays();
}

#[test]
fn a_repeated_advice_counts_once() {
    for request in [purchase(1), sale(1)] {
        let world = World::default();
        let advice = advice_of(&request, b"00");
        world.gets(&advice, "00");
        let after = world.state_hash();
        for again in [repeat_of(&advice), advice, Request { amount_minor: 77, ..repeat_of(&advice) }] {
            let answer = world.decide(&again);
            assert_eq!((answer.code.as_str(), answer.repeat), ("00", true));
        }
        assert_eq!(world.state_hash(), after);
        assert_eq!(world.spent_by(0).day_count, 1);
        world.replays();
    }
}

#[test]
fn an_advice_after_our_approval_does_not_hold_twice() {
    for (request, held, posted) in [(purchase(1), 1_000, 0), (sale(1), 0, 1_000)] {
        let world = World::default();
        world.gets(&request, "00").gets(&advice_of(&request, b"00"), "00").leaves(held, posted);
        assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 1_000));
        world.gets(&repeat_of(&request), "00").leaves(held, posted).replays();
    }
}

#[test]
fn a_stand_in_decline_releases_our_late_approval() {
    for request in [purchase(1), sale(1)] {
        let world = World::default();
        world.gets(&request, "00").gets(&advice_of(&request, b"05"), "00").leaves(0, 0);
        assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (0, 0));
        world.replays();
    }
}

#[test]
fn a_stand_in_approval_overrides_our_decline() {
    let world = World::default();
    let request = Request { amount_minor: FUNDS + 5, ..purchase(1) };
    world.gets(&request, "51").gets(&advice_of(&request, b"00"), "00").leaves(FUNDS + 5, 0);
    // What was answered is still the answer to a repeat.
    world.gets(&repeat_of(&request), "51").leaves(FUNDS + 5, 0).replays();
}

#[test]
fn a_request_after_its_advice_gets_the_stand_in_answer_and_moves_nothing() {
    for code in [b"00", b"05", b"51"] {
        let world = World::default();
        let advice = advice_of(&purchase(1), code);
        world.gets(&advice, "00");
        let held = world.account(0).held_minor;
        let answer = world.decide(&purchase(1));
        assert_eq!(answer.code, ResponseCode(*code));
        let approved = answer.code.is_approval();
        assert_eq!(answer.approval, approved.then_some(*b"STND01"));
        world.leaves(held, 0).gets(&repeat_of(&purchase(1)), std::str::from_utf8(code).unwrap());
        world.leaves(held, 0).gets(&repeat_of(&advice), "00").leaves(held, 0).replays();
    }
}

#[test]
fn a_request_after_its_advice_with_another_amount_is_refused() {
    let world = World::default();
    world.gets(&advice_of(&purchase(1), b"00"), "00");
    let other = Request { amount_minor: 9_000, ..purchase(1) };
    assert_eq!(world.decide(&other).refusal, Refusal::DuplicateKey);
    world.leaves(1_000, 0).gets(&purchase(1), "00").leaves(1_000, 0);
}

#[test]
fn a_request_for_an_unknown_card_is_refused_whatever_stood_in() {
    let world = World::default();
    let unknown = Request { pan: Some(pan(99)), ..purchase(1) };
    world.gets(&advice_of(&unknown, b"00"), "00").gets(&unknown, "14").gets(&repeat_of(&unknown), "14");
}

#[test]
fn an_advice_without_an_answer_says_approved() {
    let world = World::default();
    let advice = Request { response: None, ..advice_of(&purchase(1), b"00") };
    world.gets(&advice, "00").leaves(1_000, 0);
}

#[test]
fn an_advice_may_name_another_amount_than_was_asked() {
    let world = World::default();
    world.gets(&purchase(1), "00");
    world.gets(&Request { amount_minor: 700, ..advice_of(&purchase(1), b"10") }, "00").leaves(700, 0);
    assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 700));
}

#[test]
fn a_refund_by_advice_is_credited_once_when_it_is_financial() {
    let refund = |request| Request { operation: Operation::Credit, processing_code: REFUND, ..request };
    let world = World::default();
    world.gets(&advice_of(&refund(purchase(1)), b"00"), "00").leaves(0, 0);
    world.gets(&advice_of(&refund(sale(2)), b"00"), "00").leaves(0, -1_000);
    world.gets(&repeat_of(&advice_of(&refund(sale(2)), b"00")), "00").leaves(0, -1_000);
    assert_eq!(world.spent_by(0).day_count, 0);
    world.replays();
}

#[test]
fn an_amount_that_cannot_be_booked_is_not_acknowledged() {
    // Yen on a dollar account, without a billing amount: 30, so that the sender does not delete its copy.
    let world = World::default();
    let before = world.state_hash();
    world.gets(&Request { currency: 392, ..advice_of(&purchase(1), b"00") }, "30");
    assert_eq!(world.state_hash(), before);
    // One that moves no money needs no currency.
    world.gets(&Request { currency: 392, ..advice_of(&purchase(2), b"05") }, "00");
    let billed = Request { currency: 392, billing_currency: 840, billing_minor: 7, ..purchase(3) };
    world.gets(&advice_of(&billed, b"00"), "00").leaves(7, 0);
}
