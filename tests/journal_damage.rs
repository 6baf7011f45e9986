//! Recovery gives back a prefix or refuses: cuts, flipped bytes, lost sectors, missing and foreign segments (I12).
#![allow(clippy::unwrap_used)]

#[path = "journal/beside.rs"]
mod beside;
#[path = "journal/rows.rs"]
mod rows;

use authswitch::journal::{Damage, Journal, JournalError, Seq, Tail, verify};
use proptest::prelude::*;
use rows::{Row, fill, open, places, read, row, rows, segments, settle, small, stalled, try_read};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

fn write(path: &Path, offset: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, offset).unwrap();
}

fn byte(path: &Path, offset: u64) -> u8 {
    let mut byte = [0];
    fs::File::open(path).unwrap().read_exact_at(&mut byte, offset).unwrap();
    byte[0]
}

/// Where the damage is said to be.
fn corrupt(result: Result<Tail, JournalError>) -> (std::path::PathBuf, u64, Damage) {
    match result {
        Err(JournalError::Corrupt { segment, offset, damage }) => (segment, offset, damage),
        other => panic!("not called corrupt: {other:?}"),
    }
}

/// A journal with these bodies, each batch made durable before the next.
fn make(dir: &Path, batches: &[Vec<Vec<u8>>]) -> Vec<Row> {
    let journal = open(dir);
    let mut made = Vec::new();
    for body in batches.iter().inspect(|_| settle(&journal)).flatten() {
        let seq = loop {
            if let Ok(seq) = journal.append(3, body, 9) {
                break seq;
            }
            settle(&journal);
        };
        made.push((seq, 3, 9, body.clone()));
    }
    journal.close().unwrap();
    made
}

fn bodies() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let body = prop_oneof![8 => prop::collection::vec(any::<u8>(), 0..400), 1 => Just(vec![0; 3000])];
    // Now and then long ones, so that the journal has several segments.
    let long = prop::collection::vec(any::<u8>(), 40_000..65_000);
    let batch = prop_oneof![6 => prop::collection::vec(body, 1..12), 1 => prop::collection::vec(long, 1..4)];
    prop::collection::vec(batch, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_anywhere_in_the_last_segment_leaves_a_prefix(
        batches in bodies(),
        cut in any::<prop::sample::Index>(),
        shorter in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let made = make(dir.path(), &batches);
        let places = places(dir.path());
        let last = segments(dir.path()).pop().unwrap();
        let end = places.iter().rfind(|p| p.0 == last).map_or(4096, |p| p.2);
        // Zeroed from there, the header stays: nothing ever writes it again.
        let cut = if shorter { cut.index(end as usize + 1) as u64 } else { 4096 + cut.index(end as usize - 4095) as u64 };
        let file = OpenOptions::new().write(true).open(&last).unwrap();
        let size = file.metadata().unwrap().len();
        file.set_len(cut).unwrap();
        if !shorter {
            file.set_len(size).unwrap();
        }
        let whole = places.iter().filter(|p| p.0 != last || p.2 <= cut).count();
        let (found, tail) = read(dir.path(), 1);
        // A record whose cut part is zeros anyway is whole, unless the file itself is too short for it.
        let zeros = found.len() - whole;
        prop_assert!(if shorter { zeros == 0 } else { zeros <= 1 }, "{zeros} more than {whole}");
        prop_assert_eq!(&found, &made[..found.len()]);
        prop_assert_eq!(tail.last, found.len() as u64);
        if let Some(torn) = &tail.torn {
            prop_assert_eq!(&torn.segment, &last);
            prop_assert!(torn.offset + torn.bytes <= cut);
        }
        // What is appended then follows the prefix, and nothing of the torn tail comes back.
        let journal = Journal::open(dir.path(), tail, small()).unwrap();
        let mut expected = found;
        for seq in expected.len() as u64 + 1..expected.len() as u64 + 20 {
            let (_, kind, time_us, body) = row(seq);
            while journal.append(kind, &body, time_us).is_err() {}
            expected.push((seq, kind, time_us, body));
        }
        journal.close().unwrap();
        let (found, tail) = read(dir.path(), 1);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(tail.torn, None);
    }

    #[test]
    fn a_flipped_byte_before_the_last_record_is_named(
        batches in bodies(),
        record in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        mask in 1..=255u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let made = make(dir.path(), &batches);
        prop_assume!(made.len() > 1);
        let places = places(dir.path());
        let record = record.index(made.len() - 1);
        let (segment, begin, end) = &places[record];
        let at = begin + at.index((end - begin) as usize) as u64;
        write(segment, at, &[byte(segment, at) ^ mask]);
        let (found, result) = try_read(dir.path(), 1);
        prop_assert_eq!(found, &made[..record]);
        // A body of thousands of zeros in the last batch looks like sectors that were never written.
        let lost = result.as_ref().is_ok_and(|tail| tail.torn.is_some()) && made[record].3 == vec![0; 3000];
        if !lost {
            let (named, offset, _) = corrupt(result);
            prop_assert_eq!((&named, offset), (segment, *begin));
        }
    }
}

/// Flips bytes of a journal of about 1 MiB, one at a time: none goes unnoticed, and no record is read wrong. By default
/// it takes every 1021st byte; `JOURNAL_FLIP_STRIDE=1` takes all of them.
#[test]
fn every_flipped_byte_is_noticed() {
    let stride = std::env::var("JOURNAL_FLIP_STRIDE").map_or(1021, |s| s.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 4400);
    journal.close().unwrap();
    let segments = segments(dir.path());
    let bytes: u64 = segments.iter().map(|s| s.metadata().unwrap().len()).sum();
    assert!(bytes >= 1 << 20, "{bytes}");
    let mut skip = 0;
    for segment in &segments {
        let first: Seq = segment.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let size = segment.metadata().unwrap().len();
        let mut at = skip;
        while at < size {
            let good = byte(segment, at);
            write(segment, at, &[good ^ (1 << (at % 8))]);
            // From this segment on: those before it are not touched.
            let (found, result) = try_read(dir.path(), first);
            assert_eq!(found, rows(first, first + found.len() as u64 - 1), "byte {at} of {segment:?}");
            match result {
                Err(JournalError::Corrupt { segment: named, .. }) => assert_eq!(&named, segment),
                Ok(Tail { torn: Some(torn), .. }) => assert_eq!(&torn.segment, segment),
                other => panic!("byte {at} of {segment:?}: {other:?}"),
            }
            write(segment, at, &[good]);
            at += stride;
        }
        skip = at - size;
    }
    assert_eq!(read(dir.path(), 1).0, rows(1, 4400));
}

/// Records 2 to 101 are one batch, record 1 and those behind 101 are their own.
fn batches(dir: &Path, last: Seq) {
    let (journal, go_on) = stalled(dir, small());
    fill(&journal, 101);
    drop(go_on);
    for seq in 102..=last {
        settle(&journal);
        fill(&journal, seq);
    }
    journal.close().unwrap();
}

/// The sector that holds the byte in the middle of record `seq`.
fn sector(dir: &Path, seq: Seq) -> (std::path::PathBuf, u64) {
    let (segment, begin, end) = places(dir).swap_remove(seq as usize - 1);
    (segment, (begin + end) / 2 / 512 * 512)
}

#[test]
fn sectors_written_out_of_order_at_a_power_cut_are_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    batches(dir.path(), 101);
    let (segment, at) = sector(dir.path(), 40);
    write(&segment, at, &[0; 512]);
    let (found, tail) = read(dir.path(), 1);
    assert!((30..=40).contains(&found.len()), "{}", found.len());
    assert_eq!(found, rows(1, found.len() as u64));
    assert_eq!(tail.torn.as_ref().map(|t| &t.segment), Some(&segment));

    // The records behind the hole are still valid by their bytes; appending the very same record must not revive them.
    let last = tail.last;
    let journal = Journal::open(dir.path(), tail, small()).unwrap();
    fill(&journal, last + 1);
    assert_eq!(journal.close().unwrap(), last + 1);
    let (found, tail) = read(dir.path(), 1);
    assert_eq!((found, tail.torn), (rows(1, last + 1), None));
}

#[test]
fn a_sector_lost_before_a_later_batch_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    batches(dir.path(), 102);
    let (segment, at) = sector(dir.path(), 40);
    write(&segment, at, &[0; 512]);
    assert_eq!(corrupt(try_read(dir.path(), 1).1).0, segment);
}

#[test]
fn a_flip_within_the_last_batch_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    batches(dir.path(), 101);
    let (segment, begin, _) = places(dir.path()).swap_remove(39);
    for at in begin..begin + 40 {
        let good = byte(&segment, at);
        write(&segment, at, &[good ^ 0x10]);
        let (named, offset, _) = corrupt(try_read(dir.path(), 1).1);
        assert_eq!((&named, offset), (&segment, begin), "byte {at}");
        write(&segment, at, &[good]);
    }
}

#[test]
fn the_last_record_alone_can_be_torn() {
    let dir = tempfile::tempdir().unwrap();
    batches(dir.path(), 110);
    let (segment, begin, end) = places(dir.path()).pop().unwrap();
    write(&segment, end - 9, &[byte(&segment, end - 9) ^ 1]);
    let (found, tail) = read(dir.path(), 1);
    assert_eq!(found, rows(1, 109));
    let torn = tail.torn.clone().unwrap();
    assert_eq!((&torn.segment, torn.offset), (&segment, begin));
    assert!(torn.bytes <= end - begin && torn.bytes > 28);
    assert_eq!(verify(dir.path()).unwrap().torn, tail.torn);
}

/// Changes the journal's files, then looks at what the scan says of it.
fn check(name: &str, change: impl Fn(&Path, &[std::path::PathBuf]), expected: (usize, Damage)) {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 3000);
    journal.close().unwrap();
    let before = segments(dir.path());
    assert!(before.len() > 4);
    change(dir.path(), &before);
    let (segment, _, damage) = corrupt(try_read(dir.path(), 1).1);
    assert_eq!((&segment, damage), (&segments(dir.path())[expected.0], expected.1), "{name}");
    assert!(verify(dir.path()).is_err(), "{name}");
}

/// The first record of a segment of the journal that [`check`] makes.
fn first(segment: usize) -> Seq {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 3000);
    journal.close().unwrap();
    segments(dir.path())[segment].file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

#[test]
fn a_journal_with_wrong_files_is_refused() {
    let (second, third) = (first(1), first(2));
    check(
        "a segment is missing",
        |_, s| fs::remove_file(&s[1]).unwrap(),
        (1, Damage::Gap { found: third, last: second - 1 }),
    );
    check(
        "a segment has another's name",
        |_, s| fs::rename(&s[1], s[1].with_file_name(format!("{:020}.seg", second + 1))).unwrap(),
        (1, Damage::Gap { found: second + 1, last: second - 1 }),
    );
    check(
        "a segment has another's content",
        |_, s| assert!(fs::copy(&s[2], &s[1]).unwrap() > 0),
        (1, Damage::HeaderSequence { found: third, named: second }),
    );
    check("not a segment", |_, s| write(&s[0], 0, b"x"), (0, Damage::Magic));
    check("another version", |_, s| write(&s[1], 8, &[9]), (1, Damage::FormatVersion { found: 9, known: 1 }));
    check("a damaged header", |_, s| write(&s[1], 2000, &[9]), (1, Damage::HeaderChecksum));
    check(
        "cut within a header in the middle",
        |_, s| OpenOptions::new().write(true).open(&s[1]).unwrap().set_len(100).unwrap(),
        (1, Damage::HeaderCut),
    );
    check(
        "a sealed segment without its last records",
        |dir, s| {
            let at = places(dir).into_iter().rfind(|p| p.0 == s[0]).unwrap().1;
            let file = OpenOptions::new().write(true).open(&s[0]).unwrap();
            let size = file.metadata().unwrap().len();
            file.set_len(at).unwrap();
            file.set_len(size).unwrap();
        },
        (1, Damage::Gap { found: second, last: second - 2 }),
    );
    check(
        "something behind the records of a sealed segment",
        |_, s| write(&s[1], s[1].metadata().unwrap().len() - 1, &[1]),
        (1, Damage::Residue { last: third - 1 }),
    );
    check(
        "a sealed segment that ends within a record",
        |dir, s| {
            let at = places(dir).into_iter().rfind(|p| p.0 == s[1]).unwrap().2;
            OpenOptions::new().write(true).open(&s[1]).unwrap().set_len(at - 1).unwrap();
        },
        (1, Damage::Cut { seq: third - 1 }),
    );
}

#[test]
fn a_segment_of_another_journal_does_not_fit() {
    let [one, other] = [7, 8].map(|kind| {
        let dir = tempfile::tempdir().unwrap();
        let journal = open(dir.path());
        let mut seq = 0;
        while seq < 1000 {
            match journal.append(kind, &[kind; 400], 0) {
                Ok(given) => seq = given,
                Err(_) => settle(&journal),
            }
        }
        journal.close().unwrap();
        dir
    });
    let (from, to) = (segments(other.path()), segments(one.path()));
    assert_eq!(from[2].file_name(), to[2].file_name());
    fs::copy(&from[2], &to[2]).unwrap();
    let (segment, offset, damage) = corrupt(try_read(one.path(), 1).1);
    assert_eq!((&segment, offset), (&to[2], 0));
    assert!(matches!(damage, Damage::HeaderChain { .. }), "{damage}");
}
