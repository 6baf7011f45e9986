//! Velocity: per card and account, per transaction, day and month; each approval once, given back in its window.

use crate::support::*;
use authswitch::message::{Operation, Request};
use authswitch::portfolio::Limits;

fn of_amount(stan: u32, amount_minor: i64) -> Request {
    Request { amount_minor, ..purchase(stan) }
}

/// The same limits on the card, then on the account.
fn each_place(limits: Limits, check: impl Fn(World)) {
    check(World::new(Plan::limited(limits, Limits::NONE)));
    check(World::new(Plan::limited(Limits::NONE, limits)));
}

#[test]
fn each_limit_may_be_reached_and_not_passed() {
    each_place(Limits { amount_per_transaction: 500, ..Limits::NONE }, |world| {
        world.gets(&of_amount(1, 501), "61").gets(&of_amount(2, 500), "00").gets(&of_amount(3, 500), "00");
    });
    each_place(Limits { amount_per_day: 500, ..Limits::NONE }, |world| {
        world.gets(&of_amount(1, 300), "00").gets(&of_amount(2, 201), "61").gets(&of_amount(3, 200), "00");
        world.gets(&of_amount(4, 1), "61").later(DAY_US).gets(&of_amount(5, 500), "00");
    });
    each_place(Limits { amount_per_month: 500, ..Limits::NONE }, |world| {
        world.gets(&of_amount(1, 300), "00").later(DAY_US).gets(&of_amount(2, 201), "61");
        world.gets(&of_amount(3, 200), "00").later(9 * DAY_US).gets(&of_amount(4, 500), "00");
    });
    each_place(Limits { count_per_day: 2, ..Limits::NONE }, |world| {
        world.gets(&of_amount(1, 1), "00").gets(&of_amount(2, 1), "00").gets(&of_amount(3, 1), "65");
        world.later(DAY_US).gets(&of_amount(4, 1), "00").replays();
    });
    each_place(Limits { count_per_month: 2, ..Limits::NONE }, |world| {
        world.gets(&of_amount(1, 1), "00").later(DAY_US).gets(&of_amount(2, 1), "00");
        world.later(DAY_US).gets(&of_amount(3, 1), "65").later(7 * DAY_US).gets(&of_amount(4, 1), "00");
    });
}

#[test]
fn days_and_months_end_at_midnight_utc() {
    let limits = Limits { count_per_day: 1, count_per_month: 2, ..Limits::NONE };
    each_place(limits, |world| {
        // 30 November 2026, the last microsecond but one of the day before it, and so on.
        world.now_us.set(20_787 * DAY_US - 1);
        world.gets(&purchase(1), "00").gets(&purchase(2), "65").later(1);
        world.gets(&purchase(3), "00").gets(&purchase(4), "65");
        world.now_us.set(20_788 * DAY_US - 1);
        world.gets(&purchase(5), "65").later(1).gets(&purchase(6), "00").gets(&purchase(7), "65");
    });
}

#[test]
fn a_card_counts_for_itself_and_its_account_for_all_its_cards() {
    let on_second = |stan| Request { pan: Some(pan(1)), ..purchase(stan) };
    let per_card = World::new(Plan::limited(Limits { count_per_day: 1, ..Limits::NONE }, Limits::NONE));
    per_card.gets(&purchase(1), "00").gets(&purchase(2), "65").gets(&on_second(3), "00");
    let per_account = World::new(Plan::limited(Limits::NONE, Limits { count_per_day: 1, ..Limits::NONE }));
    per_account.gets(&purchase(1), "00").gets(&on_second(2), "65");
    assert_eq!(per_account.account(0).velocity.day_count, 1);
    assert_eq!(per_account.spent_by(1).day_count, 0);
}

#[test]
fn a_cards_own_limits_stand_in_place_of_its_programs() {
    let mut plan = Plan::limited(Limits { count_per_day: 0, ..Limits::NONE }, Limits::NONE);
    plan.cards[0].limits = Some(Limits { count_per_day: 1, ..Limits::NONE });
    World::new(plan)
        .gets(&purchase(1), "00")
        .gets(&purchase(2), "65")
        .gets(&Request { pan: Some(pan(1)), ..purchase(3) }, "65");
}

#[test]
fn what_is_declined_or_moves_no_money_is_not_counted() {
    let world = World::default();
    world.gets(&of_amount(1, FUNDS + 1), "51");
    world.gets(&Request { operation: Operation::Inquiry, ..purchase(2) }, "00");
    world.gets(&Request { operation: Operation::Credit, ..sale(3) }, "00");
    assert_eq!((world.spent_by(0), world.account(0).velocity), Default::default());
}

#[test]
fn a_reversal_gives_back_to_the_windows_that_are_still_open() {
    // Counted at noon of 22 November; reversed the same day, the next day, the next month.
    for (days, day, month) in [(0, (1, 100), (1, 100)), (1, (1, 100), (1, 100)), (9, (1, 100), (1, 100))] {
        let world = World::default();
        world.gets(&of_amount(1, 700), "00").later(days * DAY_US).gets(&of_amount(2, 100), "00");
        world.gets(&reversal_of(&of_amount(1, 700), 3), "00").leaves(100, 0);
        for velocity in [world.spent_by(0), world.account(0).velocity] {
            assert_eq!((velocity.day_count, velocity.day_minor), day, "after {days} days");
            assert_eq!((velocity.month_count, velocity.month_minor), month, "after {days} days");
        }
        world.replays();
    }
}

#[test]
fn a_reversal_of_cash_gives_cash_back() {
    let limits = Limits { cash_count_per_day: 1, cash_amount_per_day: 400, ..Limits::NONE };
    let world = World::new(Plan::limited(limits, Limits::NONE));
    let cash = |stan| Request { operation: Operation::Cash, processing_code: 10_000, ..of_amount(stan, 400) };
    world
        .gets(&cash(1), "00")
        .gets(&cash(2), "65")
        .gets(&reversal_of(&cash(1), 3), "00")
        .gets(&cash(4), "00");
    // A reversed purchase gives no cash back.
    world.gets(&purchase(5), "00").gets(&reversal_of(&purchase(5), 6), "00").gets(&cash(7), "65");
}

#[test]
fn a_stand_in_approval_is_counted_and_may_pass_the_limits() {
    let world = World::new(Plan::limited(Limits { count_per_day: 1, ..Limits::NONE }, Limits::NONE));
    world.gets(&advice_of(&purchase(1), b"00"), "00").gets(&advice_of(&purchase(2), b"00"), "00");
    assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (2, 2_000));
    world.gets(&purchase(3), "65").gets(&reversal_of(&purchase(1), 4), "00").gets(&purchase(5), "65");
    world.gets(&reversal_of(&purchase(2), 6), "00").gets(&purchase(7), "00").replays();
}

#[test]
fn a_clock_that_went_back_opens_no_limit_again() {
    let world = World::new(Plan::limited(Limits { count_per_day: 1, ..Limits::NONE }, Limits::NONE));
    world.gets(&purchase(1), "00").later(-DAY_US).gets(&purchase(2), "65");
    world.later(2 * DAY_US).gets(&purchase(3), "00").replays();
}
