//! The records alone, a snapshot alone, and a snapshot with the records behind it lead to the same state.

use super::release::{count, limits};
use super::support::{DAY_US, World, partial_reversal_of, purchase, reversal_of, sale};
use super::{Chance, named};
use authswitch::portfolio::{Event, Portfolio, Record, Window, snapshot};
use authswitch::vault::DataKey;
use std::path::Path;

fn key() -> DataKey {
    DataKey::from_hex(&"a5".repeat(32)).unwrap()
}

/// Purchases that count in limits, some reversed, some expired, sweeps in between: some thousand records.
fn busy(path: &Path) -> (World, u64) {
    let world = World::default();
    let mut chance = Chance(11);
    let mut floor = 0;
    for stan in 1..=1_200u32 {
        let bought = if stan % 2 == 0 { purchase(stan) } else { sale(stan) };
        let bought = authswitch::message::Request { amount_minor: 1 + chance.below(8) as i64, ..bought };
        let mut limits = limits().to_vec();
        let window = ["day", "10s", "15m", "lifetime"][chance.below(4) as usize];
        limits.push((
            named(100 + chance.below(300)),
            Window::parse(window, "Asia/Kathmandu").unwrap(),
            false,
        ));
        count(&world, &bought, &limits, chance.below(1_000) as i64);
        match chance.below(6) {
            0 => drop(world.gets(&reversal_of(&bought, stan + 500_000), "00")),
            1 => drop(world.gets(&partial_reversal_of(&bought, stan + 600_000, 1), "00")),
            2 => drop(world.later(chance.below(DAY_US as u64) as i64)),
            3 => drop(world.desk.sweep_counters(world.now_us.get(), &world.sink)),
            _ => drop(world.expire()),
        }
        if stan == 700 {
            floor = world.sink.records().len() as u64;
            snapshot::write(&world.desk.portfolio, &key(), path, floor, 0).unwrap();
        }
    }
    (world, floor)
}

fn load(world: &World, path: &Path) -> Portfolio {
    let mut portfolio =
        Portfolio::new(world.plan.programs.clone(), world.plan.table, [7; 16]).with_counters(4_096);
    snapshot::read(&mut portfolio, &key(), path).unwrap();
    portfolio
}

#[test]
fn records_snapshot_and_both_lead_to_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let (early, late) = (folder.path().join("early.snap"), folder.path().join("late.snap"));
    let (world, floor) = busy(&early);
    let records = world.sink.records();
    let swept = records.iter().filter(|record| record.event == Event::CountersSwept).count();
    assert!(swept > 50, "{swept} sweeps");
    assert!(world.desk.portfolio.counters.len() > 20);
    world.replays();
    // A snapshot of the end.
    let end = records.len() as u64;
    snapshot::write(&world.desk.portfolio, &key(), &late, end, 0).unwrap();
    assert_eq!(load(&world, &late).state_hash(), world.state_hash(), "snapshot");
    // The records after a snapshot; and, as after one that was taken while the switch decided, some that are in it.
    for from in [floor, floor / 2, 0] {
        let restarted = load(&world, &early);
        world.sink.replay_into(&restarted, from);
        assert_eq!(restarted.state_hash(), world.state_hash(), "snapshot and records from {from}");
    }
}

#[test]
fn each_part_of_the_state_is_in_its_hash() {
    let world = World::default();
    let record = count(&world, &purchase(1), &limits(), 900);
    let hash = world.state_hash();
    let changed = |change: &dyn Fn(&mut Record)| {
        let (mut record, again) = (record, world.plan.build());
        change(&mut record);
        again.apply(&record, 1);
        again.state_hash()
    };
    assert_eq!(changed(&|_| {}), hash);
    let without = |record: &mut Record| {
        let mut counts = authswitch::portfolio::Counts::NONE;
        record.counts[1..].iter().for_each(|change| counts.push(*change).unwrap());
        record.counts = counts;
    };
    assert_ne!(changed(&without), hash, "a counter");
    let amount = |record: &mut Record| {
        let mut counts = authswitch::portfolio::Counts::NONE;
        for change in record.counts.iter() {
            let amount_minor = change.amount_minor + i64::from(change.ring);
            counts.push(authswitch::portfolio::CounterChange { amount_minor, ..*change }).unwrap();
        }
        record.counts = counts;
    };
    assert_ne!(changed(&amount), hash, "an amount in a ring");
}

#[test]
fn a_record_keeps_all_its_changes_and_one_too_many_is_refused() {
    let world = World::default();
    let many: Vec<_> = (0..16).map(|number| (named(number), Window::Lifetime, number % 2 == 0)).collect();
    let record = count(&world, &purchase(1), &many, 77);
    assert_eq!(
        (record.counts.len(), Record::decode(record.encode(&mut [0; Record::LONGEST])).unwrap()),
        (16, record)
    );
    let mut counts = record.counts;
    assert!(counts.push(record.counts[0]).is_err());
    world.gets(&reversal_of(&purchase(1), 2), "00");
    assert!(world.sink.records()[1].counts.iter().all(|change| change.count == -1));
    assert_eq!(world.sink.records()[1].counts.len(), 16);
    world.replays();
}

#[test]
fn a_sweep_that_the_journal_does_not_take_forgets_nothing() {
    let world = World::default();
    count(&world, &purchase(1), &limits(), 900);
    let sweep = || world.desk.sweep_counters(world.now_us.get(), &world.sink);
    assert_eq!(sweep(), 0);
    // An hour longer than the windows: 24 hours and a sixteenth, and what is left of the day and the month.
    world.later(9 * DAY_US);
    world.sink.refuse(true);
    assert_eq!((sweep(), world.desk.portfolio.counters.len()), (0, 3));
    world.sink.refuse(false);
    assert_eq!((sweep(), world.desk.portfolio.counters.len()), (3, 0));
    world.replays();
}
