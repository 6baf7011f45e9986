//! The snapshots of a data folder: the newest whole one counts, and a crash leaves one.

#![allow(clippy::unwrap_used)]

mod support;

use authswitch::portfolio::Portfolio;
use authswitch::portfolio::folder::{self, Failure};
use authswitch::portfolio::snapshot::WriteOptions;
use authswitch::vault::DataKey;
use std::path::{Path, PathBuf};
use support::*;

fn key() -> DataKey {
    DataKey::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap()
}

fn empty() -> Portfolio {
    Plan { accounts: Vec::new(), cards: Vec::new(), ..Plan::default() }.build()
}

fn write(world: &World, data: &Path) -> PathBuf {
    let floor = world.sink.records().len() as u64;
    folder::write(&world.desk.portfolio, &key(), data, (floor, NOON), WriteOptions::default(), |_| Ok(()))
        .unwrap()
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_empty_folder_has_none() {
    let data = tempfile::tempdir().unwrap();
    assert!(folder::load(data.path(), &key(), empty).unwrap().is_none());
}

#[test]
fn the_newest_two_stay_and_the_newest_counts() {
    let data = tempfile::tempdir().unwrap();
    let world = World::default();
    let paths = (1..=3).map(|stan| {
        world.gets(&purchase(stan), "00");
        write(&world, data.path())
    });
    let paths: Vec<PathBuf> = paths.collect();
    assert_eq!(folder::list(data.path()).unwrap(), [paths[2].clone(), paths[1].clone()]);
    let loaded = folder::load(data.path(), &key(), empty).unwrap().unwrap();
    assert_eq!((loaded.facts.floor, loaded.passed_over.len()), (3, 0));
    assert_eq!(loaded.portfolio.state_hash(), world.state_hash());
    // After a change that the journal does not hold, nothing older may be fallen back on, but a copy.
    folder::write_changed(&world.desk.portfolio, &key(), data.path(), (3, NOON), WriteOptions::default())
        .unwrap();
    let copy = paths[2].with_extension("again.snap");
    assert_eq!(folder::list(data.path()).unwrap(), [paths[2].clone(), copy.clone()]);
    damage(&paths[2]);
    let loaded = folder::load(data.path(), &key(), empty).unwrap().unwrap();
    assert_eq!((loaded.portfolio.state_hash(), loaded.passed_over.len()), (world.state_hash(), 1));
}

#[test]
fn a_damaged_one_is_passed_over_and_the_longer_tail_makes_up_for_it() {
    let data = tempfile::tempdir().unwrap();
    let world = World::default();
    world.gets(&purchase(1), "00");
    write(&world, data.path());
    world.gets(&purchase(2), "00").gets(&reversal_of(&purchase(1), 3), "00");
    let newest = write(&world, data.path());
    world.gets(&sale(4), "00");
    damage(&newest);
    let loaded = folder::load(data.path(), &key(), empty).unwrap().unwrap();
    assert_eq!(loaded.facts.floor, 1);
    assert!(loaded.passed_over[0].to_string().contains("00000000000000000003.snap"));
    world.sink.replay_into(&loaded.portfolio, loaded.facts.floor);
    assert_eq!(loaded.portfolio.state_hash(), world.state_hash());
}

#[test]
fn only_damaged_ones_are_an_error_not_an_empty_portfolio() {
    let data = tempfile::tempdir().unwrap();
    damage(&write(&World::default(), data.path()));
    assert!(folder::load(data.path(), &key(), empty).is_err());
}

#[test]
fn another_key_is_an_error_that_no_older_one_cures() {
    let data = tempfile::tempdir().unwrap();
    write(&World::default(), data.path());
    let other = DataKey::from_hex(&"5a".repeat(32)).unwrap();
    let Err(error) = folder::load(data.path(), &other, empty) else { panic!("opened with another key") };
    assert!(error.to_string().contains("another data key"), "{error}");
}

#[test]
fn one_whose_records_do_not_become_durable_never_counts() {
    let data = tempfile::tempdir().unwrap();
    let world = World::default();
    let before = write(&world, data.path());
    world.gets(&purchase(1), "00").gets(&purchase(2), "00");
    let mut waited_for = 0;
    let result = folder::write(
        &world.desk.portfolio,
        &key(),
        data.path(),
        (1, NOON),
        WriteOptions::default(),
        |last| {
            waited_for = last;
            Err::<(), Failure>("the journal has failed".into())
        },
    );
    assert_eq!(result.unwrap_err().to_string(), "the journal has failed");
    // Not the floor: the last record whose effect is in it.
    assert_eq!(waited_for, 2);
    assert_eq!(folder::list(data.path()).unwrap(), [before]);
    // What was left over does not disturb the next one.
    let after = write(&world, data.path());
    assert_eq!(folder::list(data.path()).unwrap()[0], after);
}

#[test]
fn every_earlier_state_can_be_reached_from_an_origin() {
    let data = tempfile::tempdir().unwrap();
    let world = World::default();
    folder::write_first(&world.desk.portfolio, &key(), data.path(), NOON, WriteOptions::default()).unwrap();
    let mut hashes = vec![world.state_hash()];
    for stan in 1..=9 {
        world.gets(&purchase(stan), "00");
        hashes.push(world.state_hash());
        if stan == 5 {
            // As after an import of cards: what is older can only be reached from its own origin.
            folder::write_changed(
                &world.desk.portfolio,
                &key(),
                data.path(),
                (5, NOON),
                WriteOptions::default(),
            )
            .unwrap();
        } else {
            write(&world, data.path());
        }
    }
    for (before, floor) in [(1, 0), (4, 0), (5, 0), (6, 5), (7, 5), (8, 5), (9, 8), (10, 9)] {
        let loaded = folder::load_before(data.path(), &key(), before, empty).unwrap().unwrap();
        assert_eq!(loaded.facts.floor, floor, "before {before}");
        for (at, body) in (1..).zip(world.sink.records()).filter(|(at, _)| (floor + 1..before).contains(at)) {
            loaded.portfolio.apply(&body, at);
        }
        assert_eq!(loaded.portfolio.state_hash(), hashes[before as usize - 1], "before {before}");
    }
    assert!(folder::load_before(data.path(), &key(), 0, empty).unwrap().is_none());
}

#[test]
fn one_that_would_take_the_room_of_others_is_given_up_and_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let world = World::default();
    let before = write(&world, data.path());
    world.gets(&purchase(1), "00");
    let left = |folder: &str| {
        let entries = std::fs::read_dir(data.path().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).collect::<Vec<_>>()
    };
    let options = WriteOptions { leave_free_bytes: 1 << 60, ..WriteOptions::default() };
    let result = folder::write(&world.desk.portfolio, &key(), data.path(), (1, NOON), options, |_| Ok(()));
    let said = result.unwrap_err().to_string();
    assert!(said.contains("not enough room") && said.contains("stay free for the journal"), "{said}");
    assert_eq!(left("snapshot"), std::slice::from_ref(&before));
    assert!(folder::write_changed(&world.desk.portfolio, &key(), data.path(), (1, NOON), options).is_err());
    assert_eq!((left("snapshot"), folder::list(data.path()).unwrap()), (vec![before.clone()], vec![before]));
}
