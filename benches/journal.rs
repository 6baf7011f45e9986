//! What an append costs the worker, how fast records become durable, and how fast a journal is read back.
//!
//! `cargo bench --bench journal` prints a table, then Criterion's figures. The folder is on the temporary directory's
//! disk (`TMPDIR` moves it); throughput stands beside a plain loop of writes and syncs of the same bytes in the same
//! run, because disks differ more than programs do.
#![allow(missing_docs, clippy::unwrap_used)]

use authswitch::journal::{AppendError, Journal, Options, Seq, Tail, scan, verify};
use criterion::Criterion;
use std::convert::Infallible;
use std::fs::OpenOptions;
use std::hint::{black_box, spin_loop};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const BODY: [u8; 200] = [0x5A; 200];
const RECORD_BYTES: usize = 232;

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let quick = std::env::args().any(|argument| argument == "--test");
    let records = if quick { 10_000 } else { 2_000_000 };
    append_costs(records.min(1_000_000));
    paced_costs(if quick { 200 } else { 60_000 });
    throughput(records);
    reading(records);
    let mut criterion = Criterion::default().configure_from_args();
    append(&mut criterion);
    criterion.final_summary();
}

fn open(dir: &Path, options: Options) -> Journal {
    Journal::open(dir, Tail::default(), options).unwrap()
}

/// Appends, waiting while the journal is busy: how often it was.
fn append_patiently(journal: &Journal, now_us: i64) -> u64 {
    let mut busy = 0;
    loop {
        match journal.append(1, &BODY, now_us) {
            Ok(_) => return busy,
            Err(AppendError::Busy) => {
                busy += 1;
                std::thread::yield_now();
            }
            Err(e) => panic!("{e}"),
        }
    }
}

fn settle(journal: &Journal) {
    while journal.durable() < journal.appended() {
        std::thread::sleep(Duration::from_micros(50));
    }
}

fn percentiles(name: &str, unit: &str, values: &mut [u64]) {
    values.sort_unstable();
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
    println!(
        "{name:<44} p50 {:>6} {unit}  p99 {:>6} {unit}  p99.9 {:>6} {unit}  max {:>8} {unit}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

/// The time of each single append, the clock's own cost taken off.
fn append_costs(records: u64) {
    let clock = quanta::Clock::new();
    let mut own: Vec<u64> = (0..10_000).map(|_| clock.delta_as_nanos(clock.raw(), clock.raw())).collect();
    own.sort_unstable();
    let own = own[own.len() / 2];
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options::default());
    let mut costs = Vec::with_capacity(records as usize);
    for chunk in 0..records / 100 {
        for n in 0..100 {
            let begin = clock.raw();
            let appended = journal.append(1, black_box(&BODY), (chunk * 100 + n) as i64);
            let end = clock.raw();
            appended.unwrap();
            costs.push(clock.delta_as_nanos(begin, end).saturating_sub(own));
        }
        // 100 records each 100 us: a million a second in bursts, with the committer at work beside.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_micros(90) {
            spin_loop();
        }
    }
    percentiles("append, 200 B, 1,000,000/s in bursts", "ns", &mut costs);
    journal.close().unwrap();
}

/// The same at 20,000/s, one by one; and the age of each batch's oldest record when it became durable.
fn paced_costs(records: u64) {
    let clock = quanta::Clock::new();
    let ages = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&ages);
    let on_durable =
        Some(Box::new(move |age_us| told.lock().unwrap().push(age_us)) as Box<dyn Fn(u64) + Send + Sync>);
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options { on_durable, ..Options::default() });
    let mut costs = Vec::with_capacity(records as usize);
    let begin = Instant::now();
    for n in 0..records {
        while begin.elapsed() < Duration::from_micros(50 * n) {
            spin_loop();
        }
        let start = clock.raw();
        journal.append(1, black_box(&BODY), n as i64).unwrap();
        costs.push(clock.delta_as_nanos(start, clock.raw()));
    }
    journal.close().unwrap();
    percentiles("append, 200 B, 20,000/s, clock included", "ns", &mut costs);
    percentiles("time to durable at 20,000/s, oldest of a batch", "us", &mut ages.lock().unwrap());
}

/// Records durable a second at full speed, beside a loop that only writes and syncs.
fn throughput(records: u64) {
    for round in 0..3 {
        let batches = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&batches);
        let on_durable = Some(Box::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        }) as Box<dyn Fn(u64) + Send + Sync>);
        let dir = tempfile::tempdir().unwrap();
        let journal = open(dir.path(), Options { on_durable, ..Options::default() });
        let begin = Instant::now();
        let busy: u64 = (0..records).map(|n| append_patiently(&journal, n as i64)).sum();
        settle(&journal);
        let ours = records as f64 / begin.elapsed().as_secs_f64();
        journal.close().unwrap();
        let batches = batches.load(Ordering::Relaxed);
        let plain = plain_loop(records, batches);
        println!(
            "durable at full speed, round {round}: {:>9.0}/s in {batches} batches ({busy} times busy); plain loop of as many \
             writes {plain:>9.0}/s; ratio {:.2}",
            ours,
            ours / plain
        );
    }
}

/// Records a second of a program that writes the same bytes in as many equal parts to preallocated files.
fn plain_loop(records: u64, batches: u64) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let total = records * RECORD_BYTES as u64;
    let file = OpenOptions::new().write(true).create_new(true).open(dir.path().join("plain")).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, total).unwrap();
    file.sync_all().unwrap();
    let part = total.div_ceil(batches);
    let bytes = vec![0x5A; part as usize];
    let begin = Instant::now();
    let mut at = 0;
    while at < total {
        let length = part.min(total - at);
        file.write_all_at(&bytes[..length as usize], at).unwrap();
        file.sync_data().unwrap();
        at += length;
    }
    records as f64 / begin.elapsed().as_secs_f64()
}

/// Reading back what is in the page cache.
fn reading(records: u64) {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options::default());
    for n in 0..records {
        append_patiently(&journal, n as i64);
    }
    journal.close().unwrap();
    let begin = Instant::now();
    let mut last: Seq = 0;
    let tail = scan(dir.path(), 1, &mut |entry| {
        last = entry.seq;
        Ok::<(), Infallible>(())
    });
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!((tail.unwrap().last, last), (records, records));
    assert_eq!(verify(dir.path()).unwrap().records, records);
    let bytes = (records * RECORD_BYTES as u64) as f64;
    println!(
        "scan of {records} records: {:.0} ms, {:.0} MB/s, {:.1} million/s",
        seconds * 1e3,
        bytes / seconds / 1e6,
        records as f64 / seconds / 1e6
    );
}

fn append(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options::default());
    criterion.bench_function("journal/append 200 B", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            let mut left = iterations;
            while left > 0 {
                // Short enough that the buffer never fills; what is durable is waited for outside the measurement.
                let burst = left.min(1000);
                let begin = Instant::now();
                for n in 0..burst {
                    black_box(journal.append(1, black_box(&BODY), n as i64)).unwrap();
                }
                spent += begin.elapsed();
                settle(&journal);
                left -= burst;
            }
            spent
        });
    });
    journal.close().unwrap();
}
