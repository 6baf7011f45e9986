//! Reading beside a writer: what was being written when it was read is no damage, and damage is found all the same.

use super::{byte, write};
use crate::rows::{Row, SEGMENT_BYTES, fill, open, places, row, rows, segments, settle};
use authswitch::journal::{Damage, Entry, JournalError, Lock, Seq, Tail, follow, read, seek, verify};
use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells the other threads to end, however this one does.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What is read, with a hook that plays the writer: called with each record that is shown.
fn read_while(dir: &Path, mut writes: impl FnMut(Seq)) -> (Vec<Row>, Result<Tail, JournalError>) {
    let mut rows = Vec::new();
    let tail = read(dir, 1, &mut |e: Entry<'_>| {
        rows.push((e.seq, e.kind, e.time_us, e.body.to_vec()));
        writes(e.seq);
        Ok::<(), Infallible>(())
    });
    (rows, tail)
}

/// A journal of a few writes in one segment: its file as it is at the end.
fn whole(dir: &Path, last: Seq) -> Vec<u8> {
    let journal = open(dir);
    for step in (0..=last).step_by(10) {
        fill(&journal, step.max(1));
        settle(&journal);
    }
    journal.close().unwrap();
    fs::read(&segments(dir)[0]).unwrap()
}

#[test]
fn what_is_written_while_it_is_read_is_read_or_left_and_never_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = whole(dir.path(), 60);
    let path = segments(dir.path())[0].clone();
    let places = places(dir.path());
    // The writer is so far when the reading begins: at the end of a record, in its head, in its body.
    for at in [20usize, 21, 29, 30, 45] {
        for within in [0, 1, 7, 12, 28, 40] {
            let reached = places[at].1 as usize + within;
            let mut part = bytes.clone();
            part[reached..].fill(0);
            let held = Lock::take(dir.path()).unwrap();
            fs::write(&path, &part).unwrap();
            // And writes all the rest while the last record before is looked at.
            let (shown, tail) = read_while(dir.path(), |seq| {
                if seq == at as Seq {
                    fs::write(&path, &bytes).unwrap();
                }
            });
            let tail = tail.unwrap();
            assert_eq!(shown, rows(1, 60), "record {at}, byte {within}");
            assert_eq!((tail.last, tail.torn, tail.unfinished), (60, None, 0));
            // If it goes no further, the rest is its own affair as long as it lives, and a torn tail after.
            fs::write(&path, &part).unwrap();
            let (shown, tail) = read_while(dir.path(), |_| {});
            let tail = tail.unwrap();
            assert_eq!((shown, tail.torn), (rows(1, at as Seq), None), "record {at}, byte {within}");
            let unfinished = part[places[at].1 as usize..].iter().any(|byte| *byte != 0);
            assert_eq!(tail.unfinished > 0, unfinished, "record {at}, byte {within}");
            drop(held);
            let tail = read_while(dir.path(), |_| {}).1.unwrap();
            assert_eq!((tail.torn.is_some(), tail.unfinished), (unfinished, 0), "record {at}, byte {within}");
        }
    }
}

#[test]
fn a_segment_that_begins_while_the_one_before_is_read_is_left_for_another_reading() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 50);
    settle(&journal);
    let last = SEGMENT_BYTES / 100;
    let (shown, tail) = read_while(dir.path(), |seq| {
        if seq == 50 {
            fill(&journal, last);
            settle(&journal);
        }
    });
    let tail = tail.unwrap();
    assert!(segments(dir.path()).len() > 1, "no second segment");
    assert!(shown.len() >= 50 && tail.torn.is_none(), "{tail:?}");
    assert_eq!(shown, rows(1, tail.last));
    assert_eq!(verify(dir.path()).unwrap().last, last);
}

#[test]
fn damage_behind_which_something_was_written_is_found_beside_a_writer_too() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    for last in [10, 20, 30] {
        fill(&journal, last);
        settle(&journal);
    }
    let (path, places) = (segments(dir.path())[0].clone(), places(dir.path()));
    for at in [0usize, 9, 14, 19] {
        let offset = places[at].1 + 30;
        let good = byte(&path, offset);
        write(&path, offset, &[good ^ 4]);
        match read_while(dir.path(), |_| {}) {
            (shown, Err(JournalError::Corrupt { offset, damage: Damage::Checksum { seq }, .. })) => {
                assert_eq!((shown.len(), offset, seq), (at, places[at].1, at as Seq + 1));
            }
            (_, other) => panic!("record {at}: {other:?}"),
        }
        write(&path, offset, &[good]);
    }
    assert_eq!(verify(dir.path()).unwrap().records, 30);
    journal.close().unwrap();
}

/// As long as the readers take, a writer writes as fast as the disk lets it.
#[test]
fn many_readings_beside_a_writer_find_it_sound() {
    const ROUNDS: u64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 1);
    settle(&journal);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                // A few records at a time, so that writes are many and the disk stays empty enough.
                fill(&journal, journal.appended() + 7);
                settle(&journal);
            }
        });
        let _ends = Ends(&ended);
        for round in 0..ROUNDS {
            let (first, durable) = (journal.durable(), round % 3 == 0);
            let report = verify(dir.path()).unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert!(report.torn.is_none() && report.last >= first, "round {round}: {report:?}, {first}");
            let (shown, tail) = read_while(dir.path(), |_| {});
            let tail = tail.unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert!(tail.torn.is_none() && tail.last >= first, "round {round}: {tail:?}");
            assert!(shown.iter().eq(rows(1, tail.last).iter()), "round {round}: other records");
            if durable {
                let (stop, until) = (AtomicBool::new(false), tail.last + 50);
                let followed = follow(
                    dir.path(),
                    tail.last,
                    &mut |e: Entry<'_>| {
                        assert_eq!((e.seq, e.kind, e.time_us, e.body.to_vec()), row(e.seq));
                        stop.store(e.seq >= until, Ordering::Relaxed);
                        Ok::<(), Infallible>(())
                    },
                    &stop,
                );
                assert!(followed.is_ok_and(|last| last >= until), "round {round}");
            }
        }
    });
    journal.close().unwrap();
}

#[test]
fn whoever_asks_does_not_keep_a_switch_from_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!Lock::is_held(dir.path()), "there is no lock");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    Lock::is_held(dir.path());
                    std::thread::yield_now();
                }
            });
        }
        let _ends = Ends(&ended);
        for _ in 0..30 {
            let held = Lock::take(dir.path()).unwrap();
            assert!(Lock::is_held(dir.path()));
            drop(held);
        }
    });
    assert!(!Lock::is_held(dir.path()));
}

#[test]
fn a_time_is_looked_for_by_the_first_records_of_segments_alone() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(seek(dir.path(), 5).unwrap(), 1);
    let journal = open(dir.path());
    fill(&journal, 3 * SEGMENT_BYTES / 150);
    settle(&journal);
    let paths = segments(dir.path());
    let first = |path: &Path| path.file_stem().unwrap().to_str().unwrap().parse::<Seq>().unwrap();
    let firsts: Vec<Seq> = paths.iter().map(|path| first(path)).collect();
    assert!(firsts.len() >= 3, "{firsts:?}");
    // The time of record N is N - 5.
    let time = |seq: Seq| seq as i64 - 5;
    for (time_us, expected) in [
        (i64::MIN, firsts[0]),
        (time(firsts[1]), firsts[0]),
        (time(firsts[1]) + 1, firsts[1]),
        (time(firsts[2]) + 1, firsts[2]),
        (i64::MAX, *firsts.last().unwrap()),
    ] {
        assert_eq!(seek(dir.path(), time_us).unwrap(), expected, "{time_us}");
    }
    // What lies before is not read: not even where it cannot be.
    write(&paths[0], 4_096 + 40, &[0xFF; 64]);
    let from = seek(dir.path(), time(firsts[1]) + 1).unwrap();
    read(dir.path(), from, &mut |_: Entry<'_>| Ok::<(), Infallible>(())).unwrap();
    journal.close().unwrap();
}
