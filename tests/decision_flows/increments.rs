//! Increments: they add to one hold, which completion, reversal and expiry find as one.

use crate::support::*;
use authswitch::decision::{LinkTerms, Policy};
use authswitch::message::{Marks, Operation, Request};
use authswitch::portfolio::{Limits, State};

fn preauthorization(stan: u32) -> Request {
    Request { preauthorization: true, ..purchase(stan) }
}

/// Names request 1 in DE90.
fn increment(stan: u32, amount_minor: i64) -> Request {
    let original = completion_of(&preauthorization(1), 0, 0).original;
    let marks = Marks::INCREMENTAL;
    Request { amount_minor, original, marks, retrieval_reference: *b"ANOTHER00000", ..preauthorization(stan) }
}

/// Names it by DE37 alone.
fn by_reference(stan: u32, amount_minor: i64) -> Request {
    let retrieval_reference = preauthorization(1).retrieval_reference;
    Request { original: None, retrieval_reference, ..increment(stan, amount_minor) }
}

#[test]
fn an_increment_adds_to_the_hold_and_a_repeat_does_not() {
    for increment in [increment(2, 500), by_reference(2, 500)] {
        let world = World::default();
        world.gets(&preauthorization(1), "00").gets(&increment, "00").leaves(1_500, 0);
        world
            .gets(&repeat_of(&increment), "00")
            .gets(&repeat_of(&preauthorization(1)), "00")
            .leaves(1_500, 0);
        // One purchase, of the sum.
        assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 1_500));
        assert_eq!(world.desk.portfolio.table.len(), (2, 1));
        world.gets(&completion_of(&preauthorization(1), 9, 1_400), "00").leaves(0, 1_400).replays();
    }
}

#[test]
fn a_completion_that_names_an_increment_completes_all() {
    let world = World::default();
    world.gets_all(&[preauthorization(1), increment(2, 500), increment(3, 200)], "00").leaves(1_700, 0);
    world.gets(&completion_of(&increment(3, 200), 9, 1_650), "00").leaves(0, 1_650).replays();
}

#[test]
fn a_completion_with_the_key_of_an_increment_completes_all() {
    let world = World::default();
    let by_key = Request { original: None, ..completion_of(&increment(2, 500), 2, 1_450) };
    world.gets_all(&[preauthorization(1), increment(2, 500), by_key], "00").leaves(0, 1_450).replays();
}

#[test]
fn the_advice_of_an_increment_need_not_be_marked() {
    let world = World::default();
    let advice =
        Request { marks: Marks::default(), amount_minor: 300, ..advice_of(&increment(2, 500), b"00") };
    world.gets_all(&[preauthorization(1), increment(2, 500), advice], "00").leaves(1_300, 0).replays();
}

#[test]
fn an_increment_is_held_against_funds_and_limits_but_is_no_other_purchase() {
    let limits = Limits { count_per_day: 1, amount_per_day: 3_000, ..Limits::NONE };
    let world = World::new(Plan::limited(limits, Limits::NONE));
    world.gets(&preauthorization(1), "00").gets(&increment(2, 2_001), "61").gets(&increment(3, 2_000), "00");
    world.leaves(3_000, 0);
    let world = World::default();
    world.gets(&preauthorization(1), "00").gets(&increment(2, FUNDS - 999), "51").leaves(1_000, 0);
    world.gets(&increment(3, FUNDS - 1_000), "00").leaves(FUNDS, 0).replays();
}

#[test]
fn an_increment_begins_the_life_of_the_hold_again_where_the_policy_says_so_and_one_of_nothing_always() {
    for (increments_extend, amount, later_ends) in [(true, 500, true), (false, 500, false), (false, 0, true)]
    {
        let policy = Policy { increments_extend, ..policy() };
        let world = World::with(Plan::default(), policy, LinkTerms::default());
        world.gets(&preauthorization(1), "00").later(20 * DAY_US).gets(&increment(2, amount), "00");
        world.leaves(1_000 + amount, 0).later(10 * DAY_US);
        assert_eq!(world.expire(), usize::from(!later_ends));
        assert_eq!(world.later(20 * DAY_US).expire(), usize::from(later_ends));
        world.leaves(0, 0).replays();
    }
}

#[test]
fn an_increment_of_what_is_gone_is_an_authorization_of_its_own() {
    let reversed = |world: &World| _ = world.gets(&reversal_of(&preauthorization(1), 8), "00");
    let completed = |world: &World| _ = world.gets(&completion_of(&preauthorization(1), 8, 1_000), "00");
    let expired = |world: &World| _ = world.later(PREAUTHORIZATION_DAYS * DAY_US).expire();
    type End = fn(&World);
    let gone: [(&str, End); 3] = [("reversed", reversed), ("completed", completed), ("expired", expired)];
    for (what, end) in gone {
        let world = World::default();
        world.gets(&preauthorization(1), "00");
        end(&world);
        let before = world.account(0).held_minor;
        let decision = world.decide(&increment(2, 700));
        assert_eq!((decision.code.as_str(), world.state(&decision)), ("00", State::Held), "{what}");
        assert_eq!((before, world.account(0).held_minor), (0, 700), "{what}");
        world.gets(&increment(3, 0), "13").replays();
    }
    // Never seen, of another card, and of no purchase.
    let world = World::default();
    world.gets(&increment(2, 700), "00").leaves(700, 0);
    let other = Request { pan: Some(pan(1)), ..by_reference(3, 100) };
    world.gets(&preauthorization(1), "00").gets(&other, "00").leaves(1_800, 0);
    assert_eq!(world.desk.portfolio.table.len(), (3, 3));
    world.gets(&Request { operation: Operation::Cash, ..increment(4, 100) }, "00").leaves(1_900, 0);
    assert_eq!(world.desk.portfolio.table.len(), (4, 4));
}

#[test]
fn cash_is_not_added() {
    let world = World::default();
    world.gets(&preauthorization(1), "00").gets(&Request { cashback_minor: 1, ..increment(2, 500) }, "12");
    world.leaves(1_000, 0);
}

#[test]
fn the_reversal_of_an_increment_gives_that_one_back_in_any_order() {
    let (one, other) = (increment(2, 500), increment(3, 200));
    let back = reversal_of(&one, 4);
    for steps in [[one, other, back], [one, back, other], [other, one, back]] {
        let world = World::default();
        world.gets(&preauthorization(1), "00").gets_all(&steps, "00").leaves(1_200, 0);
        world.gets(&repeat_of(&back), "00").gets(&Request { stan: 5, ..back }, "00").leaves(1_200, 0);
        assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 1_200));
        world.replays();
    }
    // First of all: the increment that comes late is refused.
    let world = World::default();
    world.gets(&preauthorization(1), "00").gets(&back, "00").gets(&one, "94").leaves(1_000, 0);
}

#[test]
fn an_increment_is_given_back_in_part() {
    let world = World::default();
    let back = partial_reversal_of(&increment(2, 500), 4, 120);
    world.gets_all(&[preauthorization(1), increment(2, 500), back], "00").leaves(1_120, 0);
    world.gets(&partial_reversal_of(&increment(2, 500), 5, 300), "00").leaves(1_120, 0);
    world.gets(&reversal_of(&increment(2, 500), 6), "00").leaves(1_000, 0).replays();
}

#[test]
fn the_reversal_of_the_original_gives_all_back_and_its_increments_nothing_more() {
    let (all, one) = (reversal_of(&preauthorization(1), 4), reversal_of(&increment(2, 500), 5));
    for order in [[all, one], [one, all]] {
        let world = World::default();
        world.gets_all(&[preauthorization(1), increment(2, 500)], "00").gets_all(&order, "00").leaves(0, 0);
        assert_eq!(world.spent_by(0).day_count, 0);
        world.replays();
    }
}

#[test]
fn reversals_of_increments_and_completions_commute() {
    let (back, completion) =
        (reversal_of(&increment(2, 500), 4), completion_of(&preauthorization(1), 5, 300));
    let some = Request { marks: Marks::SEVERAL, ..completion };
    for (completion, left) in [(completion, 0), (some, 700)] {
        for order in [[back, completion], [completion, back]] {
            let world = World::default();
            world.gets_all(&[preauthorization(1), increment(2, 500)], "00").gets_all(&order, "00");
            world.leaves(left, 300).replays();
        }
    }
}

#[test]
fn an_increment_that_was_answered_too_late_is_undone_alone() {
    let world = World::default();
    world.gets(&preauthorization(1), "00");
    let late = world.decide(&increment(2, 500));
    assert!(world.desk.undo(late.key, NOON, &world.sink) && !world.desk.undo(late.key, NOON, &world.sink));
    world.leaves(1_000, 0).gets(&repeat_of(&increment(2, 500)), "91").leaves(1_000, 0).replays();
}

#[test]
fn who_stood_in_for_an_increment_adds_to_the_same_hold() {
    // Alone, after our approval of another amount, after our decline, and as a decline of what we approved.
    let advice = |amount, code: &[u8; 2]| advice_of(&increment(2, amount), code);
    let none = Request { amount_minor: 0, ..preauthorization(9) };
    for (what, ours, code, advice, held) in [
        ("alone", none, "13", advice(500, b"00"), 1_500),
        ("other amount", increment(2, 500), "00", advice(300, b"00"), 1_300),
        ("declined here", increment(2, FUNDS), "51", advice(FUNDS, b"00"), FUNDS + 1_000),
        ("declined there", increment(2, 500), "00", advice(500, b"05"), 1_000),
    ] {
        let world = World::default();
        world.gets(&preauthorization(1), "00").gets(&ours, code).gets(&advice, "00");
        assert_eq!(world.account(0).held_minor, held, "{what}");
        assert_eq!(world.spent_by(0).day_minor, held, "{what}");
        world.gets(&repeat_of(&advice), "00").leaves(held, 0);
        world.gets(&completion_of(&preauthorization(1), 7, 900), "00").leaves(0, 900).replays();
    }
}
