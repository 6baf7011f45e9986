//! What a journal promises in fair weather: records come back in order, across segments and restarts.
#![allow(clippy::unwrap_used)]

#[path = "journal/rows.rs"]
mod rows;

use authswitch::journal::{
    AppendError, Journal, JournalError, MAX_BODY_BYTES, Options, Seq, Status, Tail, follow, scan, verify,
};
use rows::{fill, open, read, row, rows, segments, small, stalled};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[test]
fn records_come_back_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = 0;
    for more in [1, 2000, 0, 500, 3000] {
        let journal = open(dir.path());
        assert_eq!((journal.appended(), journal.durable()), (last, last));
        last += more;
        fill(&journal, last);
        assert_eq!(journal.close().unwrap(), last);
        assert_eq!(journal.durable(), last);
        assert_eq!(read(dir.path(), 1).0, rows(1, last));
    }
    assert!(segments(dir.path()).len() > 5, "{:?}", segments(dir.path()));
    let report = verify(dir.path()).unwrap();
    assert_eq!((report.first, report.last, report.records), (1, last, last));
    assert_eq!(report.segments, segments(dir.path()).len() as u64);
    assert_eq!(report.bytes, (1..=last).map(|s| row(s).3.len() as u64).sum::<u64>());
    assert_eq!(report.torn, None);
}

#[test]
fn a_scan_begins_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 3000);
    journal.close().unwrap();
    let (_, whole) = read(dir.path(), 1);
    let mut chains = vec![whole.before];
    scan(dir.path(), 1, &mut |entry| {
        chains.push(Some(entry.chain));
        Ok::<(), Infallible>(())
    })
    .unwrap();
    for from in [0, 1, 2, 600, 1500, 2999, 3000, 3001] {
        let (found, mut tail) = read(dir.path(), from);
        assert_eq!(found, rows(from.max(1), 3000), "from {from}");
        assert_eq!(tail.before, chains[from.max(1) as usize - 1], "from {from}");
        tail.before = whole.before;
        assert_eq!(tail, whole);
    }
    let beyond = scan(dir.path(), 3002, &mut |_| Ok::<(), Infallible>(())).unwrap_err();
    assert!(matches!(beyond, JournalError::Absent { wanted: 3002, first: 1, last: 3000, .. }), "{beyond}");
}

#[test]
fn segments_before_the_asked_record_need_not_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 3000);
    journal.close().unwrap();
    let names = segments(dir.path());
    std::fs::remove_file(&names[0]).unwrap();
    let first: Seq = names[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(read(dir.path(), first + 3).0, rows(first + 3, 3000));
    assert_eq!(verify(dir.path()).unwrap().first, first);
    let gone = scan(dir.path(), first - 1, &mut |_| Ok::<(), Infallible>(())).unwrap_err();
    assert!(matches!(gone, JournalError::Absent { .. }), "{gone}");
}

#[test]
fn an_empty_folder_is_an_empty_journal() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("a/b");
    assert_eq!(read(&missing, 1), (Vec::new(), Tail::default()));
    assert!(verify(&missing).is_err());
    let journal = Journal::open(&missing, Tail::default(), small()).unwrap();
    assert_eq!(journal.close().unwrap(), 0);
    assert_eq!(verify(&missing).unwrap().records, 0);
    let beyond = scan(&missing, 2, &mut |_| Ok::<(), Infallible>(())).unwrap_err();
    assert!(matches!(beyond, JournalError::Absent { wanted: 2, last: 0, .. }), "{beyond}");
}

#[test]
fn a_folder_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let second = Journal::open(dir.path(), read(dir.path(), 1).1, small()).unwrap_err();
    assert!(matches!(second, JournalError::Locked { .. }), "{second}");
    assert!(second.to_string().contains(&format!("(process {})", std::process::id())), "{second}");
    journal.close().unwrap();
    open(dir.path()).close().unwrap();
}

#[test]
fn a_tail_that_is_no_longer_true_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tails: Vec<Tail> = [1, 2, 3000]
        .map(|last| {
            let (_, tail) = read(dir.path(), 1);
            let journal = open(dir.path());
            fill(&journal, last);
            journal.close().unwrap();
            tail
        })
        .into();
    for tail in tails {
        let error = Journal::open(dir.path(), tail, small()).unwrap_err();
        assert!(matches!(error, JournalError::Changed { .. }), "{error}");
    }
}

#[test]
fn durability_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let (tell, told) = mpsc::channel();
    let on_durable =
        Some(Box::new(move |age_us: u64| tell.send(age_us).unwrap()) as Box<dyn Fn(u64) + Send + Sync>);
    let journal = Journal::open(dir.path(), Tail::default(), Options { on_durable, ..small() }).unwrap();
    let mut watch = journal.watch();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..3 {
        let seq = journal.append(1, b"x", 0).unwrap();
        runtime.block_on(watch.wait_for(|&durable| durable >= seq)).unwrap();
        assert!(journal.durable() >= seq);
        assert!(told.recv().unwrap() > 0u64);
        let begin = Instant::now();
        while (journal.exposure().records, journal.exposure().age_us) != (0, 0) {
            assert!(begin.elapsed() < Duration::from_secs(120), "still exposed");
            std::thread::yield_now();
        }
        // As a rule the thread sleeps by now, and the next record wakes it; where it does not, nothing is judged.
        std::thread::sleep(Duration::from_millis(120));
    }
    journal.close().unwrap();
    assert!(runtime.block_on(watch.wait_for(|&durable| durable > 3)).is_err(), "closed");
}

#[test]
fn too_many_exposed_records_cross_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, go_on) = stalled(dir.path(), Options { exposure_max_records: 3, ..small() });
    for (records, exposed) in [(1, false), (2, false), (3, false), (4, true)] {
        journal.append(1, b"x", 0).unwrap();
        assert_eq!((journal.exposure().records, journal.exposed()), (records, exposed));
    }
    drop(go_on);
    journal.close().unwrap();
    assert!(!journal.exposed());
}

#[test]
fn too_old_exposed_records_cross_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { exposure_max_age: Duration::from_millis(30), ..small() };
    let (journal, go_on) = stalled(dir.path(), options);
    assert!(!journal.exposed());
    journal.append(1, b"x", 0).unwrap();
    let begin = Instant::now();
    while !journal.exposed() {
        assert!(begin.elapsed() < Duration::from_secs(120), "the bound is not crossed");
        std::thread::yield_now();
    }
    assert!(journal.exposure().age_us > 30_000);
    drop(go_on);
    journal.close().unwrap();
    assert!(!journal.exposed());
}

#[test]
fn closing_is_final_and_repeatable() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 10);
    for _ in 0..2 {
        assert_eq!(journal.close().unwrap(), 10);
    }
    assert_eq!(journal.append(1, b"", 0), Err(AppendError::Closed));
    assert_eq!((journal.accepting(), journal.status()), (false, Status::Closed));
    assert_eq!(segments(dir.path()).len(), 1);
    let left = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(left.filter(|path| path.extension().is_some_and(|end| end == "tmp")).count(), 0);
}

#[test]
fn dropping_the_last_clone_makes_all_durable() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let clone = journal.clone();
    drop(journal);
    fill(&clone, 100);
    drop(clone);
    assert_eq!(read(dir.path(), 1).0, rows(1, 100));
}

#[test]
fn bodies_have_a_longest_length() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let longest = vec![7; MAX_BODY_BYTES];
    assert_eq!(journal.append(1, &longest, 0), Ok(1));
    assert_eq!(
        journal.append(1, &vec![7; MAX_BODY_BYTES + 1], 0),
        Err(AppendError::TooLong { bytes: MAX_BODY_BYTES + 1 })
    );
    journal.close().unwrap();
    assert_eq!(read(dir.path(), 1).0, [(1, 1, 0, longest)]);
}

#[test]
fn a_full_buffer_refuses_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let body = [9; 60_000];
    let mut refused = 0;
    let mut taken = 0;
    while taken < 50 {
        match journal.append(1, &body, 0) {
            Ok(_) => taken += 1,
            Err(e) => {
                assert_eq!(e, AppendError::Busy);
                refused += 1;
                std::thread::yield_now();
            }
        }
    }
    assert!(refused > 0);
    assert_eq!(journal.close().unwrap(), 50);
    assert_eq!(verify(dir.path()).unwrap().records, 50);
}

#[test]
fn options_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    for options in [Options { segment_bytes: 4096, ..small() }, Options { buffer_bytes: 0, ..small() }] {
        let error = Journal::open(dir.path(), Tail::default(), options).unwrap_err();
        assert!(matches!(error, JournalError::Setting { .. }), "{error}");
    }
}

#[test]
fn many_threads_share_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), Tail::default(), Options::default()).unwrap();
    std::thread::scope(|scope| {
        for kind in 0..4u8 {
            let journal = journal.clone();
            scope.spawn(move || {
                for n in 0..5000u64 {
                    journal.append(kind, &n.to_le_bytes(), 0).unwrap();
                }
            });
        }
    });
    journal.close().unwrap();
    let mut next = [0u64; 4];
    for (_, kind, _, body) in read(dir.path(), 1).0 {
        assert_eq!(u64::from_le_bytes(body.try_into().unwrap()), next[kind as usize]);
        next[kind as usize] += 1;
    }
    assert_eq!(next, [5000; 4]);
}

#[test]
fn a_follower_sees_what_a_writer_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_path_buf();
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(AtomicU64::new(0));
    let follower = std::thread::spawn({
        let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
        move || {
            let mut found = Vec::new();
            let last = follow(
                &path,
                400,
                &mut |e| {
                    found.push((e.seq, e.kind, e.time_us, e.body.to_vec()));
                    seen.store(e.seq, Ordering::Release);
                    Ok::<(), Infallible>(())
                },
                &stop,
            );
            (last.unwrap(), found)
        }
    });
    let journal = open(dir.path());
    fill(&journal, 300);
    std::thread::sleep(Duration::from_millis(100));
    fill(&journal, 4000);
    journal.close().unwrap();
    let journal = open(dir.path());
    fill(&journal, 5000);
    let begin = Instant::now();
    while seen.load(Ordering::Acquire) < 5000 {
        assert!(begin.elapsed() < Duration::from_secs(120), "the follower is stuck");
        std::thread::sleep(Duration::from_millis(5));
    }
    stop.store(true, Ordering::Release);
    assert_eq!(follower.join().unwrap(), (5000, rows(400, 5000)));
}
