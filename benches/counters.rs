//! How long a decision's limits take with a million counters there: six counters locked, read and changed.
//!
//! `cargo bench --bench counters` prints criterion's means, and resident memory before and after the million.

use authswitch::portfolio::{Counters, Counts, Window};
use criterion::Criterion;
use std::hint::black_box;
use std::time::Duration;

#[path = "../src/allocator.rs"]
mod allocator;

#[global_allocator]
static ALLOCATOR: allocator::HugePages = allocator::HugePages;

const COUNTERS: u64 = 1_000_000;
/// 22 November 2026, noon.
const NOON_US: i64 = 1_795_348_800_000_000;
/// Counters that a decision changes.
const LIMITS: u64 = 6;

fn main() {
    let mut criterion = Criterion::default().measurement_time(Duration::from_secs(3)).configure_from_args();
    println!("before: {} MiB resident", resident());
    for (name, windows) in [("day and month", ["day", "month"]), ("24h and 30d", ["24h", "30d"])] {
        let windows = windows.map(|window| Window::parse(window, "Europe/Prague").expect("a window"));
        let counters = Counters::new(COUNTERS as usize);
        println!("{name}, set aside: {} MiB resident", resident());
        for number in 0..COUNTERS {
            count(&counters, &windows, number..number + 1, NOON_US, number + 1);
        }
        println!("{name}, {} counters: {} MiB resident", counters.len(), resident());
        measure(&mut criterion, name, &counters, &windows);
    }
    let mut group = criterion.benchmark_group("windows");
    for text in ["24h", "day", "month"] {
        let window = Window::parse(text, "Europe/Prague").expect("a window");
        let mut now_us = NOON_US;
        group.bench_function(text, |bencher| {
            bencher.iter(|| {
                now_us += 1_000;
                black_box(window.at(black_box(now_us)))
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, name: &str, counters: &Counters, windows: &[Window; 2]) {
    let mut group = criterion.benchmark_group("counters");
    let (mut random, mut sequence, mut now_us) = (1u64, COUNTERS, NOON_US);
    group.bench_function(format!("six locked, read and changed; {name}"), |bencher| {
        bencher.iter(|| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let first = (random >> 20) % (COUNTERS - LIMITS);
            (sequence, now_us) = (sequence + 1, now_us + 10_000);
            count(counters, windows, first..first + LIMITS, now_us, sequence);
        });
    });
    group.finish();
}

/// As a keyed hash has it.
fn name(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Counts once in each of these.
fn count(
    counters: &Counters,
    windows: &[Window; 2],
    numbers: std::ops::Range<u64>,
    now_us: i64,
    sequence: u64,
) {
    let mut counts = Counts::NONE;
    let mut locked = counters.lock(numbers.clone().map(name));
    for number in numbers {
        let place = windows[number as usize % 2].at(now_us);
        if locked.find(name(number), place, &mut 0).1 {
            counts.push(locked.count(name(number), place, 10, false)).expect("few");
        }
    }
    locked.apply(black_box(&counts), sequence);
}

/// Resident memory of this process, MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap_or(0) / 1024
}
