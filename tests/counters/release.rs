//! What changes a transaction's money changes exactly the counters that it counted in.

use super::support::{
    DAY_US, World, advice_of, completion_of, partial_reversal_of, purchase, reversal_of, sale,
};
use super::{Chance, named};
use authswitch::decision::Sink;
use authswitch::message::Request;
use authswitch::portfolio::{Event, Record, State, Transaction, Uses, Window};

/// A counter, its window, and whether its amounts are in another currency.
pub type Counted = (u64, Window, bool);

/// A day's, a month's and a trailing one, the last in another currency.
pub fn limits() -> [Counted; 3] {
    let window = |text| Window::parse(text, "Europe/Prague").unwrap();
    [(named(1), window("day"), false), (named(2), window("month"), false), (named(3), window("24h"), true)]
}

/// Approves a request and counts it: the record is the desk's own, with counts put into it by hand.
pub fn count(world: &World, request: &Request, limits: &[Counted], base_minor: i64) -> Record {
    let scratch = World::new(world.plan.clone());
    scratch.now_us.set(world.now_us.get());
    assert!(scratch.decide(request).code.is_approval());
    let mut record = scratch.sink.records()[0];
    let amount_minor = record.transaction.unwrap().counted_minor();
    let portfolio = &world.desk.portfolio;
    for (counter, window, scaled) in limits {
        let place = window.at(world.now_us.get());
        let amount_minor = if *scaled { base_minor } else { amount_minor };
        let locked = portfolio.counters.lock([*counter].into_iter());
        record.counts.push(locked.count(*counter, place, amount_minor, *scaled)).unwrap();
    }
    let sequence = world.sink.append(record.encode(&mut [0; Record::LONGEST]), record.time_us).unwrap();
    portfolio.apply(&record, sequence);
    record
}

/// What the counters of [`limits`] hold now.
fn used(world: &World) -> [(u32, i64); 3] {
    limits().map(|(counter, window, _)| {
        let place = window.at(world.now_us.get());
        let counter = world.desk.portfolio.counters.read(counter, place.parts > 0);
        counter.map_or((0, 0), |counter| counter.used(place))
    })
}

#[track_caller]
fn uses(world: &World, record: &Record) -> usize {
    world.desk.portfolio.table.lock(record.key).uses(record.key).len()
}

#[test]
fn a_full_reversal_gives_back_the_count_and_all_of_the_amount() {
    let world = World::default();
    let bought = purchase(1);
    let record = count(&world, &bought, &limits(), 900);
    assert_eq!((used(&world), uses(&world, &record)), ([(1, 1_000), (1, 1_000), (1, 900)], 3));
    world.gets(&reversal_of(&bought, 2), "00");
    assert_eq!((used(&world), uses(&world, &record)), ([(0, 0); 3], 0));
    let reversal = world.sink.records()[1];
    assert!(reversal.key != record.key && reversal.transaction.unwrap().key == record.key);
    // Idempotent: the same again, and another reversal of the same.
    world.gets(&reversal_of(&bought, 2), "00").gets(&reversal_of(&bought, 3), "00");
    assert_eq!(used(&world), [(0, 0); 3]);
    world.replays();
}

#[test]
fn a_partial_reversal_gives_back_the_difference_at_the_first_rate() {
    let world = World::default();
    let bought = sale(1);
    count(&world, &bought, &limits(), 333);
    // A third of 1,000 at the rate of 333 to 1,000.
    world.gets(&partial_reversal_of(&bought, 2, 500), "00");
    assert_eq!(used(&world), [(1, 500), (1, 500), (1, 167)]);
    world.gets(&partial_reversal_of(&bought, 3, 1), "00");
    assert_eq!(used(&world), [(1, 1), (1, 1), (1, 0)]);
    world.gets(&reversal_of(&bought, 4), "00");
    assert_eq!(used(&world), [(0, 0); 3]);
    world.replays();
}

#[test]
fn a_window_that_has_passed_gets_nothing_back() {
    let world = World::default();
    let (yesterdays, todays) = (purchase(1), purchase(2));
    count(&world, &yesterdays, &limits(), 900);
    world.later(DAY_US * 3 / 2);
    count(&world, &todays, &limits(), 900);
    assert_eq!(used(&world), [(1, 1_000), (2, 2_000), (1, 900)]);
    world.gets(&reversal_of(&yesterdays, 3), "00");
    assert_eq!(used(&world), [(1, 1_000), (1, 1_000), (1, 900)]);
    world.replays();
}

#[test]
fn an_expired_hold_gives_back_to_limits_but_stays_in_the_velocity_of_the_card() {
    let world = World::default();
    let record = count(&world, &purchase(1), &limits()[1..2], 0);
    world.later(7 * DAY_US);
    assert_eq!((world.expire(), used(&world)[1]), (1, (0, 0)));
    assert_eq!((world.spent_by(0).month_count, uses(&world, &record)), (1, 0));
    let expiry = world.sink.records()[1];
    assert_eq!(
        (expiry.event, expiry.counts[0].count, expiry.counts[0].amount_minor),
        (Event::HoldExpired, -1, -1_000)
    );
    // What is over is not given back twice.
    world.gets(&reversal_of(&purchase(1), 2), "00");
    assert_eq!(used(&world)[1], (0, 0));
    world.replays();
}

#[test]
fn an_undone_approval_gives_back_and_its_stand_in_advice_counts_in_no_limit_by_itself() {
    let world = World::default();
    let bought = purchase(1);
    let record = count(&world, &bought, &limits(), 900);
    assert!(world.desk.undo(record.key, world.now_us.get(), &world.sink));
    assert_eq!((used(&world), uses(&world, &record)), ([(0, 0); 3], 0));
    world.gets(&advice_of(&bought, b"00"), "00");
    assert_eq!(used(&world), [(0, 0); 3]);
    world.replays();
}

#[test]
fn an_advice_of_another_amount_changes_the_counters_by_the_difference() {
    let world = World::default();
    let bought = purchase(1);
    count(&world, &bought, &limits(), 900);
    world.gets(&Request { amount_minor: 1_500, ..advice_of(&bought, b"00") }, "00");
    assert_eq!(used(&world), [(1, 1_500), (1, 1_500), (1, 1_350)]);
    world.replays();
}

#[test]
fn a_completed_authorization_stays_counted_once() {
    let world = World::default();
    let bought = purchase(1);
    let record = count(&world, &bought, &limits(), 900);
    world.gets(&completion_of(&bought, 2, 1_000), "00");
    assert_eq!((used(&world), uses(&world, &record)), ([(1, 1_000), (1, 1_000), (1, 900)], 3));
    world.replays();
}

#[test]
fn a_slot_used_again_has_no_counters_of_the_one_before() {
    let mut plan = super::support::Plan::default();
    plan.table.max = 1;
    let world = World::new(plan);
    // Of so small a table each part has 4 places: among some thousand keys every part comes round.
    count(&world, &sale(1), &limits(), 900);
    let records: Vec<Record> = (2..6_000).map(|stan| scratch_sale(&world, stan)).collect();
    let known =
        records.iter().filter(|record| world.desk.portfolio.table.lock(record.key).get(record.key).is_some());
    assert!(known.clone().count() > 1_000);
    assert!(known.clone().all(|record| uses(&world, record) == 0));
    world.replays();
}

fn scratch_sale(world: &World, stan: u32) -> Record {
    world.decide(&Request { amount_minor: 1, ..sale(stan) });
    *world.sink.records_from(stan as usize - 1).last().unwrap()
}

/// What is given back in any steps is together what was counted, at any rate.
#[test]
fn steps_of_any_size_give_back_exactly_what_was_counted() {
    let mut chance = Chance(3);
    for _ in 0..300 {
        let world = World::default();
        let bought = Request { amount_minor: 1 + chance.below(9_999) as i64, ..purchase(1) };
        let bits = chance.below(31);
        let base = chance.below(1 << bits) as i64;
        let record = count(&world, &bought, &limits(), base);
        let key = record.key;
        let uses: Uses = *world.desk.portfolio.table.lock(key).uses(key);
        let mut before: Transaction = record.transaction.unwrap();
        let mut sums = [(1i64, before.held_minor), (1, before.held_minor), (1, base)];
        for step in 0..=chance.below(12) {
            // Up and down, for ever larger numbers too; the last step ends it.
            let bits = chance.below(31);
            let held_minor = chance.below(1 << bits) as i64;
            let after = Transaction { held_minor, ..before };
            for change in uses.release(&before, &after).iter() {
                let at = limits().iter().position(|(counter, ..)| *counter == change.counter).unwrap();
                assert_eq!(change.count, 0, "{step}");
                sums[at].1 += change.amount_minor;
            }
            assert_eq!([sums[0].1, sums[1].1], [held_minor; 2]);
            before = after;
        }
        let ended = Transaction { held_minor: 0, flags: 0, state: State::Reversed, ..before };
        for change in uses.release(&before, &ended).iter() {
            let at = limits().iter().position(|(counter, ..)| *counter == change.counter).unwrap();
            sums[at].0 += i64::from(change.count);
            sums[at].1 += change.amount_minor;
        }
        assert_eq!(sums, [(0, 0); 3]);
    }
}
