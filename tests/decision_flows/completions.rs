//! 0220 of a pre-authorization: posts the final amount and releases the hold, found by DE90, by DE37 or by its key.

use crate::support::*;
use authswitch::decision::Lateness;
use authswitch::message::{Operation, Request};
use authswitch::portfolio::{Limits, State};

fn preauthorization(stan: u32) -> Request {
    Request { condition: 6, preauthorization: true, ..purchase(stan) }
}

/// A completion with a STAN of its own and no DE90: only card and DE37 lead to the original.
fn by_reference(request: &Request, stan: u32, amount_minor: i64) -> Request {
    Request {
        retrieval_reference: request.retrieval_reference,
        original: None,
        ..completion_of(request, stan, amount_minor)
    }
}

fn by_key(request: &Request, amount_minor: i64) -> Request {
    Request { original: None, ..completion_of(request, request.stan, amount_minor) }
}

#[test]
fn a_completion_posts_its_amount_and_releases_the_rest() {
    type Completion = fn(&Request, i64) -> Request;
    let ways: [(&str, Completion); 3] = [
        ("DE90", |request, amount| completion_of(request, 2, amount)),
        ("DE37", |request, amount| by_reference(request, 2, amount)),
        ("key", by_key),
    ];
    for (way, completion) in ways {
        // Less than, as much as, and more than was authorized: clearing is always posted.
        for amount in [1, 1_000, 1_500, FUNDS * 2] {
            let world = World::default();
            world.gets(&preauthorization(1), "00").leaves(1_000, 0);
            let completion = completion(&preauthorization(1), amount);
            world.gets(&completion, "00").leaves(0, amount);
            let after = world.state_hash();
            world.gets(&repeat_of(&completion), "00").gets(&completion, "00").leaves(0, amount);
            assert_eq!(world.state_hash(), after, "{way} {amount}");
            assert_eq!(world.spent_by(0).day_count, 1, "{way}: one purchase");
            world.gets(&repeat_of(&preauthorization(1)), "00").leaves(0, amount).replays();
        }
    }
}

#[test]
fn a_completion_leaves_other_holds_alone() {
    let world = World::default();
    world.gets(&preauthorization(1), "00").gets(&preauthorization(2), "00");
    world.gets(&completion_of(&preauthorization(1), 3, 400), "00").leaves(1_000, 400);
    world.gets(&by_reference(&preauthorization(2), 4, 300), "00").leaves(0, 700);
}

#[test]
fn a_completion_without_an_original_is_posted() {
    let world = World::default();
    world.gets(&completion_of(&purchase(9), 1, 400), "00").leaves(0, 400);
    assert_eq!(world.spent_by(0).day_count, 1);
    world.gets(&by_reference(&purchase(8), 2, 400), "00").leaves(0, 800).replays();
}

#[test]
fn a_second_completion_is_posted_too() {
    let world = World::default();
    world.gets(&preauthorization(1), "00").gets(&completion_of(&preauthorization(1), 2, 600), "00");
    world.gets(&completion_of(&preauthorization(1), 3, 500), "00").leaves(0, 1_100);
    assert_eq!(world.spent_by(0).day_count, 1);
}

#[test]
fn a_completion_after_the_hold_ran_out_is_posted_and_counted_once() {
    let completions = [
        completion_of(&preauthorization(1), 2, 700),
        by_reference(&preauthorization(1), 2, 700),
        by_key(&preauthorization(1), 700),
    ];
    for completion in completions {
        let world = World::default();
        world.gets(&preauthorization(1), "00").later(PREAUTHORIZATION_DAYS * DAY_US);
        assert_eq!(world.expire(), 1);
        // The clock goes back so that the window of the count is still open.
        world.later(-PREAUTHORIZATION_DAYS * DAY_US).leaves(0, 0);
        world.gets(&completion, "00").leaves(0, 700);
        assert_eq!(world.spent_by(0).day_count, 1);
        assert!([700, 1_000].contains(&world.spent_by(0).day_minor), "{}", world.spent_by(0).day_minor);
        // Nothing else may suffer when it is reversed.
        world.gets(&purchase(5), "00").gets(&reversal_of(&completion, 6), "00").leaves(1_000, 0);
        assert!(world.spent_by(0).day_count >= 1 && world.spent_by(0).day_minor >= 1_000);
        world.replays();
    }
}

#[test]
fn a_declined_completion_posts_nothing_and_touches_no_hold_but_its_own() {
    let world = World::default();
    world
        .gets(&preauthorization(1), "00")
        .gets(&with_code(&completion_of(&purchase(1), 2, 1_000), b"05"), "00");
    world.leaves(1_000, 0);
    world.gets(&with_code(&by_key(&preauthorization(1), 1_000), b"05"), "00").leaves(0, 0);
}

#[test]
fn a_refund_with_the_reference_of_a_purchase_does_not_release_it() {
    let world = World::default();
    let refund = Request {
        operation: Operation::Credit,
        processing_code: REFUND,
        ..by_reference(&purchase(1), 2, 300)
    };
    world.gets(&purchase(1), "00").gets(&refund, "00").leaves(1_000, -300);
}

#[test]
fn the_stand_in_advice_of_a_sale_is_no_completion_of_another() {
    // The acquirer reuses its reference: the sale's own key says what its advice is about.
    let world = World::default();
    let sale = sale(1);
    let other = Request { retrieval_reference: sale.retrieval_reference, ..purchase(2) };
    world.gets(&sale, "00").gets(&other, "00").leaves(1_000, 1_000);
    world.gets(&advice_of(&sale, b"00"), "00").leaves(1_000, 1_000).replays();
}

#[test]
fn a_declined_attempt_does_not_hide_the_hold_of_its_reference() {
    let world = World::default();
    let attempt =
        Request { amount_minor: FUNDS, retrieval_reference: purchase(1).retrieval_reference, ..purchase(2) };
    world.gets(&purchase(1), "00").gets(&attempt, "51");
    world.gets(&by_reference(&purchase(1), 3, 800), "00").leaves(0, 800);
}

#[test]
fn a_completion_follows_the_stand_in_advice_of_its_key_in_either_order() {
    let (advice, completion) = (advice_of(&preauthorization(1), b"00"), by_key(&preauthorization(1), 800));
    for order in [[advice, completion], [completion, advice]] {
        for with_request in [false, true] {
            let world = World::default();
            if with_request {
                world.gets(&preauthorization(1), "00");
            }
            world.gets_all(&order, "00");
            world.leaves(0, 800);
            assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 800));
            world.gets_all(&order.map(|message| repeat_of(&message)), "00");
            world.leaves(0, 800).replays();
        }
    }
}

#[test]
fn a_stand_in_advice_that_comes_after_the_completion_does_not_hold_again() {
    for (undone, late) in [(false, false), (true, false), (false, true)] {
        let world = World::default();
        let request = if late {
            world.decide_at(&preauthorization(1), Lateness::TooLate)
        } else {
            world.decide(&preauthorization(1))
        };
        assert_eq!(undone, undone && world.desk.undo(request.key, NOON, &world.sink));
        world.gets(&completion_of(&preauthorization(1), 2, 800), "00").leaves(0, 800);
        assert_eq!(world.state(&request), State::Completed);
        world.gets(&advice_of(&preauthorization(1), b"00"), "00").leaves(0, 800).replays();
    }
}

#[test]
fn a_completion_counts_nothing_new_and_its_reversal_gives_nothing_of_others_back() {
    let world = World::new(Plan::limited(Limits { count_per_day: 3, ..Limits::NONE }, Limits::NONE));
    world.gets(&preauthorization(1), "00").gets(&purchase(2), "00");
    let completion = completion_of(&preauthorization(1), 3, 1_500);
    world.gets(&completion, "00").gets(&purchase(4), "00").gets(&purchase(5), "65");
    world.gets(&reversal_of(&completion, 6), "00").leaves(2_000, 0);
    assert!(world.spent_by(0).day_count >= 2 && world.spent_by(0).day_minor >= 2_000);
    world.replays();
}

#[test]
fn a_completion_of_a_reversed_hold_is_posted_in_either_order() {
    let (reversal, completion) =
        (reversal_of(&preauthorization(1), 2), completion_of(&preauthorization(1), 3, 900));
    for order in [[reversal, completion], [completion, reversal]] {
        let world = World::default();
        world.gets(&preauthorization(1), "00");
        world.gets_all(&order, "00");
        world.leaves(0, 900).replays();
    }
}

#[test]
fn a_completion_that_was_reversed_releases_its_hold_in_either_order() {
    for completion in
        [completion_of(&preauthorization(1), 2, 900), by_reference(&preauthorization(1), 2, 900)]
    {
        let reversal = Request { original: None, ..reversal_of(&completion, 2) };
        for order in [[completion, reversal], [reversal, completion]] {
            let world = World::default();
            world.gets(&preauthorization(1), "00").gets_all(&order, "00").leaves(0, 0).replays();
        }
    }
}

#[test]
fn a_completion_does_not_reach_into_another_account() {
    // A key without the card number: DE90 may name another card's transaction.
    let world = World::default().keyed_by(&[7, 11, 32]);
    let other = Request { pan: Some(pan(2)), ..preauthorization(1) };
    world.gets(&other, "00").gets(&completion_of(&preauthorization(1), 2, 400), "00").leaves(0, 400);
    assert_eq!(world.account(1).held_minor, 1_000);
    world.replays();
}
