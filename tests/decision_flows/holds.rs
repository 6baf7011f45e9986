//! Holds that run out, and approvals undone because they could not be answered in time.

use crate::support::*;
use authswitch::message::Request;
use authswitch::portfolio::{Event, State};

fn preauthorization(stan: u32) -> Request {
    Request { condition: 6, preauthorization: true, ..purchase(stan) }
}

#[test]
fn a_hold_ends_after_its_days() {
    for (request, days) in [
        (purchase(1), AUTHORIZATION_DAYS),
        (preauthorization(1), PREAUTHORIZATION_DAYS),
        (advice_of(&purchase(1), b"00"), AUTHORIZATION_DAYS),
        (advice_of(&preauthorization(1), b"00"), PREAUTHORIZATION_DAYS),
    ] {
        let world = World::default();
        let held = world.decide(&request);
        world.later(days * DAY_US - 1_000_000);
        assert_eq!(world.expire(), 0);
        world.leaves(1_000, 0).later(1_000_000);
        assert_eq!((world.expire(), world.expire()), (1, 0));
        world.leaves(0, 0);
        assert_eq!((world.state(&held), world.sink.records()[1].event), (State::Expired, Event::HoldExpired));
        world.replays();
    }
}

#[test]
fn only_the_hold_that_is_left_ends() {
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&partial_reversal_of(&purchase(1), 2, 300), "00");
    world.gets(&sale(3), "00").gets(&purchase(4), "00").gets(&reversal_of(&purchase(4), 5), "00");
    world.later(AUTHORIZATION_DAYS * DAY_US).gets(&purchase(6), "00");
    assert_eq!(world.expire(), 1);
    world.leaves(1_000, 1_000).replays();
}

#[test]
fn an_expired_hold_is_no_longer_counted_on_and_its_answer_stays() {
    let world = World::default();
    world.gets(&Request { amount_minor: FUNDS, ..purchase(1) }, "00").later(AUTHORIZATION_DAYS * DAY_US);
    world.expire();
    world.gets(&Request { amount_minor: FUNDS, ..purchase(2) }, "00");
    world.gets(&repeat_of(&Request { amount_minor: FUNDS, ..purchase(1) }), "00").leaves(FUNDS, 0).replays();
}

#[test]
fn a_stand_in_advice_after_the_hold_ran_out_does_not_hold_again() {
    let world = World::default();
    world.gets(&purchase(1), "00").later(AUTHORIZATION_DAYS * DAY_US).expire();
    world.gets(&advice_of(&purchase(1), b"00"), "00").leaves(0, 0).replays();
}

#[test]
fn more_holds_than_one_sweep_takes_end_in_the_end() {
    let world = World::default();
    for stan in 0..300 {
        world.gets(&Request { amount_minor: 1, ..purchase(stan) }, "00");
    }
    world.later(AUTHORIZATION_DAYS * DAY_US);
    while world.expire() > 0 {}
    world.leaves(0, 0).replays();
}

#[test]
fn what_cannot_be_stored_is_ended_later() {
    let world = World::default();
    world.gets(&purchase(1), "00").later(AUTHORIZATION_DAYS * DAY_US).sink.refuse(true);
    let before = world.state_hash();
    assert_eq!((world.expire(), world.state_hash()), (0, before));
    world.sink.refuse(false);
    assert_eq!(world.expire(), 1);
    world.leaves(0, 0).replays();
}

#[test]
fn an_approval_undone_is_gone_and_its_repeat_gets_91() {
    for request in [purchase(1), sale(1)] {
        let world = World::default();
        let late = world.decide(&request);
        assert!(world.desk.undo(late.key, NOON, &world.sink));
        world.leaves(0, 0);
        assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (0, 0));
        world.gets(&repeat_of(&request), "91").leaves(0, 0);
        assert!(!world.desk.undo(late.key, NOON, &world.sink), "once only");
        world.leaves(0, 0).replays();
    }
}

#[test]
fn after_an_undo_the_stand_in_counts() {
    let world = World::default();
    let late = world.decide(&purchase(1));
    assert!(world.desk.undo(late.key, NOON, &world.sink));
    world.gets(&advice_of(&purchase(1), b"00"), "00").leaves(1_000, 0);
    assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 1_000));
    world.gets(&repeat_of(&purchase(1)), "91").leaves(1_000, 0);
    world.gets(&reversal_of(&purchase(1), 2), "00").leaves(0, 0).replays();
}

#[test]
fn an_undo_does_not_touch_what_the_stand_in_approved() {
    // The advice overtakes the undo, or even the request.
    let (request, advice) = (purchase(1), advice_of(&purchase(1), b"00"));
    for order in [[request, advice], [advice, request]] {
        let world = World::default();
        let late = order.map(|message| world.decide(&message))[0];
        world.desk.undo(late.key, NOON, &world.sink);
        world.leaves(1_000, 0);
        assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 1_000));
        world.replays();
    }
}

#[test]
fn an_undo_after_a_reversal_gives_nothing_back_twice() {
    let world = World::default();
    let late = world.decide(&purchase(1));
    world.gets(&purchase(2), "00").gets(&reversal_of(&purchase(1), 3), "00");
    world.desk.undo(late.key, NOON, &world.sink);
    world.leaves(1_000, 0);
    assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 1_000));
    // And what was reversed stays so.
    world.gets(&advice_of(&purchase(1), b"00"), "00").leaves(1_000, 0).replays();
}

#[test]
fn an_undo_after_a_completion_leaves_the_posting() {
    let by_own_key = Request { original: None, ..completion_of(&purchase(1), 1, 800) };
    for completion in [completion_of(&purchase(1), 2, 800), by_own_key] {
        let world = World::default();
        let late = world.decide(&purchase(1));
        world.gets(&completion, "00");
        world.desk.undo(late.key, NOON, &world.sink);
        world.leaves(0, 800).replays();
    }
}

#[test]
fn there_is_nothing_to_undo_of_a_decline() {
    let world = World::default();
    let declined = world.decide(&Request { amount_minor: FUNDS + 1, ..purchase(1) });
    let before = world.state_hash();
    assert!(!world.desk.undo(declined.key, NOON, &world.sink));
    assert!(!world.desk.undo(Default::default(), NOON, &world.sink));
    assert_eq!(world.state_hash(), before);
}
