//! What an amount is worth in the account: rates, fees, and what is none.

use crate::support::*;
use authswitch::decision::{HoldClass, LinkTerms, Policy, Rate, Rates};
use authswitch::message::{Operation, Request};

/// Euros and yen have rates; fees come on top.
fn world() -> World {
    let rate = |text| Rate::new(text).unwrap();
    let rates = Rates::new(840, &[(978, rate("1.0850")), (392, rate("0.0067"))]).unwrap();
    let terms = LinkTerms { fees_on_top: true, ..LinkTerms::default() };
    World::with(Plan::default(), Policy { rates, ..policy() }, terms)
}

#[test]
fn amounts_are_billed_converted_or_refused() {
    let billed =
        |minor, currency| Request { billing_minor: minor, billing_currency: currency, ..purchase(1) };
    for (what, request, code, held) in [
        ("own currency", purchase(1), "00", 1_000),
        ("billed", Request { currency: 978, ..billed(1_100, 840) }, "00", 1_100),
        ("a rate", Request { currency: 978, ..purchase(1) }, "00", 1_085),
        ("billed in another, a rate", Request { currency: 978, ..billed(77, 826) }, "00", 1_085),
        ("yen", Request { currency: 392, ..purchase(1) }, "00", 670),
        ("no rate", Request { currency: 826, ..purchase(1) }, "57", 0),
        ("below zero", Request { amount_minor: -1, ..purchase(1) }, "13", 0),
        ("beyond fifteen digits", Request { amount_minor: i64::MAX, ..purchase(1) }, "13", 0),
        ("billed below zero", Request { currency: 978, ..billed(-5, 840) }, "13", 0),
        ("worth nothing here", Request { currency: 392, amount_minor: 0, ..purchase(1) }, "13", 0),
    ] {
        let world = world();
        let decision = world.decide(&request);
        assert_eq!((decision.code.as_str(), world.account(0).held_minor), (code, held), "{what}");
        world.replays();
    }
}

#[test]
fn fees_are_held_posted_and_given_back_with_the_amount() {
    let request = |request| Request { surcharge_minor: 60, billing_fee_minor: 40, ..request };
    let world = world();
    world.gets(&request(purchase(1)), "00").leaves(1_100, 0);
    // Half remains: half of the fees too.
    world.gets(&partial_reversal_of(&request(purchase(1)), 2, 500), "00").leaves(550, 0);
    world.gets(&reversal_of(&request(purchase(1)), 3), "00").leaves(0, 0);
    world.gets(&request(sale(4)), "00").leaves(0, 1_100);
    world.gets(&partial_reversal_of(&request(sale(4)), 5, 900), "00").leaves(0, 990);
    world.gets(&reversal_of(&request(sale(4)), 6), "00").leaves(0, 0);
    let refund = |request| Request { operation: Operation::Credit, processing_code: REFUND, ..request };
    world.gets(&refund(request(sale(7))), "00").leaves(0, -900).replays();
}

#[test]
fn fees_that_are_part_of_the_amount_change_nothing() {
    let world = World::default();
    world.gets(&Request { surcharge_minor: 60, ..purchase(1) }, "00").leaves(1_000, 0);
}

#[test]
fn a_fee_counts_against_the_funds() {
    let request = |fee| Request { amount_minor: FUNDS - 100, surcharge_minor: fee, ..purchase(1) };
    world().gets(&request(100), "00").leaves(FUNDS, 0);
    world().gets(&request(101), "51");
}

#[test]
fn holds_live_as_their_class_says() {
    let class = |categories, card_present, days: i64| HoldClass {
        categories,
        card_present,
        life_s: days as u32 * 86_400,
    };
    let classes =
        vec![class(7011..=7011, None, 20), class(0..=9999, Some(true), 5), class(0..=9999, Some(false), 10)];
    for (what, merchant_category, entry_mode, days) in [
        ("lodging", 7011, 51, 20),
        ("chip", 5411, 51, 5),
        ("contactless", 5411, 71, 5),
        ("internet", 5411, 812, 10),
        ("not said", 5411, 0, 10),
    ] {
        let policy = Policy { classes: classes.clone(), ..policy() };
        let world = World::with(Plan::default(), policy, LinkTerms::default());
        world.gets(&Request { merchant_category, entry_mode, ..purchase(1) }, "00");
        assert_eq!(world.later(days * DAY_US - 1_000_000).expire(), 0, "{what}");
        assert_eq!(world.later(1_000_000).expire(), 1, "{what}");
    }
}

#[test]
fn no_hold_is_lost_or_ended_early_by_a_clock_that_goes_back() {
    let world = World::default();
    for stan in 1..=5 {
        world.gets(&purchase(stan), "00").later(DAY_US);
    }
    // Back by a month: nothing ends, and new holds are placed in the past.
    assert_eq!(world.later(-30 * DAY_US).expire(), 0);
    world.gets(&purchase(6), "00").leaves(6_000, 0);
    assert_eq!(world.later(AUTHORIZATION_DAYS * DAY_US).expire(), 1);
    // Each in its turn afterwards, and none is left.
    assert_eq!(world.later(-world.now_us.get() + NOON + AUTHORIZATION_DAYS * DAY_US).expire(), 1);
    assert_eq!(world.later(2 * DAY_US).expire(), 2);
    assert_eq!(world.later(366 * DAY_US).expire(), 2);
    assert_eq!(world.leaves(0, 0).expire(), 0);
    world.replays();
}
