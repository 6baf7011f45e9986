//! Less than all: partial approval, and a purchase without its cash. Only to a sender that understands it.

use crate::support::*;
use authswitch::decision::{LinkTerms, Part, Policy};
use authswitch::message::{Marks, Operation, Request, ResponseCode};
use authswitch::portfolio::Limits;

fn asks(amount_minor: i64, marks: Marks) -> Request {
    Request { amount_minor, marks, ..purchase(1) }
}

fn part(amount_minor: i64, billing_minor: i64) -> Option<Part> {
    Some(Part { amount_minor, billing_minor, billing_currency: 840 })
}

#[test]
fn a_part_is_approved_where_funds_are_short_and_the_sender_understands_it() {
    let larger = asks(FUNDS + 1, Marks::PARTIAL);
    let cash = Request { operation: Operation::Cash, processing_code: 10_000, ..larger };
    let preauthorization = Request { preauthorization: true, ..larger };
    let billed = Request { currency: 392, billing_currency: 840, billing_minor: 2 * FUNDS, ..larger };
    for (what, request, code, held, expected) in [
        ("understood", larger, "10", FUNDS, part(FUNDS, FUNDS)),
        ("not understood", asks(FUNDS + 1, Marks::default()), "51", 0, None),
        ("enough", asks(FUNDS, Marks::PARTIAL), "00", FUNDS, None),
        ("cash", cash, "51", 0, None),
        ("pre-authorization", preauthorization, "51", 0, None),
        ("billed", billed, "10", FUNDS, part(5_001, FUNDS)),
        ("with cash", Request { cashback_minor: 100, ..larger }, "51", 0, None),
        (
            "an increment of nothing open",
            asks(FUNDS + 1, Marks::INCREMENTAL.with(Marks::PARTIAL)),
            "10",
            FUNDS,
            part(FUNDS, FUNDS),
        ),
    ] {
        let world = World::default();
        let decision = world.decide(&request);
        assert_eq!((decision.code.as_str(), decision.part), (code, expected), "{what}");
        world.leaves(held, 0);
        // The answer to a repeat is the same, whatever has become of it.
        world.later(AUTHORIZATION_DAYS * DAY_US).expire();
        let again = world.decide(&repeat_of(&request));
        assert_eq!(
            (again.code.as_str(), again.part, again.approval),
            (code, expected, decision.approval),
            "{what}"
        );
        world.replays();
    }
}

#[test]
fn the_policy_may_allow_no_parts_or_those_of_preauthorizations_too() {
    let request = asks(FUNDS + 1, Marks::PARTIAL);
    let preauthorization = Request { preauthorization: true, ..request };
    let with = |policy| World::with(Plan::default(), policy, LinkTerms::default());
    with(Policy { partial: false, ..policy() }).gets(&request, "51");
    with(Policy { partial_preauthorizations: true, ..policy() })
        .gets(&preauthorization, "10")
        .leaves(FUNDS, 0);
}

#[test]
fn nothing_is_no_part() {
    let world = World::default();
    world.gets(&Request { amount_minor: FUNDS, ..sale(9) }, "00").gets(&asks(1, Marks::PARTIAL), "51");
}

#[test]
fn a_reversal_of_a_part_counts_from_what_was_approved() {
    for (remains, left) in [(None, 0), (Some(FUNDS), FUNDS), (Some(4_000), 4_000), (Some(FUNDS + 500), FUNDS)]
    {
        let world = World::default();
        let request = asks(FUNDS + 1_000, Marks::PARTIAL);
        world.gets(&request, "10");
        world.gets(&Request { replacement_minor: remains, ..reversal_of(&request, 2) }, "00");
        world.leaves(left, 0).replays();
    }
}

#[test]
fn a_purchase_with_cash_is_approved_whole_without_its_cash_or_not_at_all() {
    let cash_limits = Limits { cash_amount_per_transaction: 300, cash_count_per_day: 1, ..Limits::NONE };
    let both = Marks::PURCHASE_ONLY.with(Marks::PARTIAL);
    for (what, amount, cash, marks, code, held) in [
        ("whole", 1_000, 300, Marks::default(), "00", 1_000),
        ("too much cash", 1_000, 301, Marks::default(), "61", 0),
        ("too much cash, understood", 1_000, 301, both, "87", 699),
        ("too little funds", FUNDS + 200, 300, Marks::default(), "51", 0),
        ("too little funds, understood", FUNDS + 200, 300, both, "87", FUNDS - 100),
        ("too little funds even so", FUNDS + 301, 300, both, "51", 0),
        ("nothing but cash", 301, 301, both, "61", 0),
        ("more cash than all", 300, 301, both, "13", 0),
        ("less than no cash", 300, -1, both, "13", 0),
    ] {
        let world = World::new(Plan::limited(cash_limits, Limits::NONE));
        let request = Request { cashback_minor: cash, ..asks(amount, marks) };
        let decision = world.decide(&request);
        assert_eq!(decision.code.as_str(), code, "{what}");
        let expected = if code == "87" { part(amount - cash, amount - cash) } else { None };
        assert_eq!(decision.part, expected, "{what}");
        world.leaves(held, 0).replays();
    }
}

#[test]
fn the_cash_of_a_purchase_counts_as_cash_and_is_given_back_with_it() {
    let world = World::new(Plan::limited(Limits { cash_amount_per_day: 500, ..Limits::NONE }, Limits::NONE));
    let request = Request { cashback_minor: 300, ..purchase(1) };
    let cash = Request { operation: Operation::Cash, amount_minor: 201, ..purchase(2) };
    world.gets(&request, "00");
    let spent = world.spent_by(0);
    assert_eq!(
        (spent.day_count, spent.day_cash_count, spent.day_minor, spent.day_cash_minor),
        (1, 1, 1_000, 300)
    );
    world.gets(&cash, "61").gets(&reversal_of(&request, 3), "00");
    let spent = world.spent_by(0);
    assert_eq!((spent.day_count, spent.day_cash_count, spent.day_minor, spent.day_cash_minor), (0, 0, 0, 0));
    world.gets(&Request { stan: 4, ..cash }, "00").replays();
}

#[test]
fn a_good_card_is_told_as_the_link_wants_it() {
    let asked = Request { operation: Operation::Verification, amount_minor: 0, ..purchase(1) };
    for (verified, code) in [(ResponseCode::APPROVED, "00"), (ResponseCode::VERIFIED, "85")] {
        let terms = LinkTerms { verified, ..LinkTerms::default() };
        let world = World::with(Plan::default(), policy(), terms);
        world.gets(&asked, code).gets(&repeat_of(&asked), code).leaves(0, 0).replays();
        world.gets(&Request { expiry: 2001, stan: 2, ..asked }, "54");
    }
}
