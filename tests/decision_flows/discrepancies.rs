//! Several completions, and what a record says where another decided otherwise than we did.

use crate::support::*;
use authswitch::decision::{Lateness, LinkTerms, Policy, Tolerance};
use authswitch::message::{Marks, Operation, Request};
use authswitch::portfolio::{Differs, Discrepancy, State};

fn preauthorization(stan: u32) -> Request {
    Request { preauthorization: true, ..purchase(stan) }
}

fn completion(stan: u32, amount_minor: i64, marks: Marks) -> Request {
    Request { marks, ..completion_of(&preauthorization(1), stan, amount_minor) }
}

/// What the last record says.
fn says(world: &World) -> (Differs, i64, i64) {
    let Discrepancy { differs, ours_minor, theirs_minor } = world.sink.records().last().unwrap().discrepancy;
    (differs, ours_minor, theirs_minor)
}

#[test]
fn one_of_several_completions_leaves_the_rest_for_the_others() {
    let last = Marks::SEVERAL.with(Marks::LAST);
    let world = World::default();
    let hold = world.decide(&preauthorization(1));
    world.gets(&completion(2, 300, Marks::SEVERAL), "00").leaves(700, 300);
    world.gets(&repeat_of(&completion(2, 300, Marks::SEVERAL)), "00").leaves(700, 300);
    world.gets(&completion(3, 200, Marks::SEVERAL), "00").leaves(500, 500);
    assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 1_000));
    world.gets(&completion(4, 100, last), "00").leaves(0, 600);
    assert_eq!(world.state(&hold), State::Completed);
    world.gets(&repeat_of(&preauthorization(1)), "00").leaves(0, 600).replays();
}

#[test]
fn what_uses_up_the_hold_closes_it_and_what_is_left_runs_out() {
    for (amount, state, held) in
        [(1_000, State::Completed, 0), (1_200, State::Completed, 0), (999, State::Held, 1)]
    {
        let world = World::default();
        let hold = world.decide(&preauthorization(1));
        world.gets(&completion(2, amount, Marks::SEVERAL), "00").leaves(held, amount);
        assert_eq!(world.state(&hold), state);
        assert_eq!(world.later(PREAUTHORIZATION_DAYS * DAY_US).expire(), held as usize);
        world.leaves(0, amount).replays();
    }
}

#[test]
fn a_reversal_gives_back_what_the_completions_have_left() {
    let some = completion(2, 300, Marks::SEVERAL);
    for (remains, held) in [(None, 0), (Some(500), 200), (Some(300), 0), (Some(900), 600)] {
        let world = World::default();
        let back = Request { replacement_minor: remains, ..reversal_of(&preauthorization(1), 3) };
        world.gets_all(&[preauthorization(1), some, back], "00").leaves(held, 300).replays();
    }
    // In the other order too, where all is given back.
    let world = World::default();
    world.gets_all(&[preauthorization(1), reversal_of(&preauthorization(1), 3), some], "00").leaves(0, 300);
}

#[test]
fn a_completion_over_the_tolerance_is_posted_and_recorded() {
    let tolerances = vec![Tolerance { categories: 5411..=5411, percent: 20, fixed_minor: 5 }];
    let several = Marks::SEVERAL;
    let none = (Differs::Nothing, 0, 0);
    let over = |ours, theirs| (Differs::OverTolerance, ours, theirs);
    let world = || {
        let policy = Policy { tolerances: tolerances.clone(), ..policy() };
        World::with(Plan::default(), policy, LinkTerms::default())
    };
    for (completions, expected) in [
        (vec![(1_000, Marks::default())], none),
        (vec![(1_205, Marks::default())], none),
        (vec![(1_206, Marks::default())], over(1_000, 1_206)),
        (vec![(600, several), (605, several)], none),
        (vec![(600, several), (606, several)], over(1_000, 1_206)),
        (vec![(400, several), (400, several), (500, several)], over(1_000, 1_300)),
        // After the last one nothing is authorized.
        (vec![(600, Marks::default()), (100, Marks::default())], over(0, 100)),
    ] {
        let world = world();
        world.gets(&preauthorization(1), "00");
        let sum: i64 = completions.iter().map(|(amount, _)| amount).sum();
        for (stan, (amount, marks)) in (2..).zip(&completions) {
            world.gets(&completion(stan, *amount, *marks), "00");
        }
        assert_eq!(says(&world), expected, "{completions:?}");
        world.leaves(0, sum).replays();
    }
    // By its own key, and after it has run out.
    let world = world();
    let by_key = Request { original: None, ..completion(1, 1_300, Marks::default()) };
    world.gets_all(&[preauthorization(1), by_key], "00");
    assert_eq!(says(&world), over(1_000, 1_300));
    let late = completion_of(&purchase(5), 6, 1_300);
    world.gets(&purchase(5), "00").later(AUTHORIZATION_DAYS * DAY_US).expire();
    world.gets(&late, "00");
    assert_eq!(says(&world), over(1_000, 1_300));
}

#[test]
fn a_stand_in_that_decided_otherwise_is_recorded_with_both_amounts() {
    let large = |request| Request { amount_minor: FUNDS + 1, ..request };
    let refund = |request| Request { operation: Operation::Credit, processing_code: REFUND, ..request };
    for (what, request, advice, expected) in [
        ("the same", Some(purchase(1)), advice_of(&purchase(1), b"00"), (Differs::Nothing, 0, 0)),
        (
            "both declined",
            Some(large(purchase(1))),
            advice_of(&large(purchase(1)), b"05"),
            (Differs::Nothing, 0, 0),
        ),
        (
            "declined there",
            Some(purchase(1)),
            advice_of(&purchase(1), b"05"),
            (Differs::DeclinedThere, 1_000, 0),
        ),
        (
            "declined here",
            Some(large(purchase(1))),
            advice_of(&large(purchase(1)), b"00"),
            (Differs::ApprovedThere, 0, FUNDS + 1),
        ),
        (
            "another amount",
            Some(sale(1)),
            Request { amount_minor: 700, ..advice_of(&sale(1), b"00") },
            (Differs::Amount, 1_000, 700),
        ),
        ("lost", None, advice_of(&purchase(1), b"00"), (Differs::NoOriginal, 0, 1_000)),
        ("lost and declined", None, advice_of(&purchase(1), b"05"), (Differs::Nothing, 0, 0)),
        ("a force post", None, completion_of(&purchase(9), 1, 400), (Differs::NoOriginal, 0, 400)),
        ("a refund needs none", None, advice_of(&refund(sale(1)), b"00"), (Differs::Nothing, 0, 0)),
    ] {
        let world = World::default();
        if let Some(request) = request {
            world.decide(&request);
        }
        let decision = world.decide(&advice);
        assert_eq!(says(&world), expected, "{what}");
        assert_eq!(decision.differs, expected.0, "{what}");
        assert_eq!(world.decide(&repeat_of(&advice)).differs, Differs::Nothing, "{what}: counted once");
        world.replays();
    }
}

#[test]
fn what_we_could_not_decide_in_time_was_theirs_to_decide() {
    let world = World::default();
    world.decide_at(&purchase(1), Lateness::TooLate);
    world.gets(&advice_of(&purchase(1), b"00"), "00").leaves(1_000, 0);
    assert_eq!(says(&world).0, Differs::Nothing);
}
