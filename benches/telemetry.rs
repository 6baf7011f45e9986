//! What recording costs the worker, and what a tick costs the machine.
//!
//! `tick/…` runs beside the workers once a second, so its time is what a single-core machine would add to the
//! slowest messages; `crate/…` is the same merge done with hdrhistogram's own histograms.

use authswitch::telemetry::{
    Counter, DIGITS, HIGHEST_NS, KNOWN_MTIS, LOWEST_NS, Options, Outcome, Sample, Telemetry,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hdrhistogram::Histogram;
use std::time::Instant;

fn telemetry() -> Telemetry {
    let links = vec!["acquirer-ascii".to_owned(), "acquirer-bcd".to_owned()];
    Telemetry::new(Options { links, workers: 2, ..Options::default() })
}

/// A sample with durations as a running switch has them: a body, a tail, and neither constant nor sorted.
fn sample(number: u64) -> Sample {
    let noise = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let tail = if number.is_multiple_of(100) { 400_000 } else { 0 };
    Sample {
        link: (number % 2) as u8,
        mti: KNOWN_MTIS[(noise % 6) as usize * 2],
        outcome: Outcome::ALL[(noise % 2) as usize],
        code: *b"00",
        refusal: 0,
        total_ns: 15_000 + noise % 9_000 + tail,
        stage_ns: [
            3_000 + noise % 900,
            150 + noise % 60,
            600 + noise % 500,
            80 + noise % 40,
            100 + noise % 50,
            if number.is_multiple_of(8) { 300_000 } else { 0 },
            2_500 + noise % 2_000,
        ],
    }
}

fn recording(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    for messages in [1_u64, 16] {
        let (telemetry, mut number) = (telemetry(), 0);
        let recorder = telemetry.recorder(0);
        let samples: Vec<_> = (0..4_096).map(sample).collect();
        group.throughput(Throughput::Elements(messages));
        group.bench_function(format!("batch of {messages}"), |bencher| {
            bencher.iter(|| {
                let mut batch = recorder.batch();
                for _ in 0..messages {
                    batch.message(&samples[number % samples.len()]);
                    number += 1;
                }
                batch.count(0, Counter::FramesIn, messages);
            });
        });
    }
    group.finish();
}

fn fill(telemetry: &Telemetry, all: bool, messages: u64) {
    for worker in 0..2 {
        let recorder = telemetry.recorder(worker);
        for number in 0..messages {
            let mut sample = sample(number);
            if all {
                sample.mti = *KNOWN_MTIS.get(number as usize / 2 % 16).unwrap_or(&0x9999);
                sample.outcome = Outcome::ALL[number as usize / 32 % 7];
            }
            recorder.batch().message(&sample);
        }
    }
}

fn ticking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tick");
    for (name, all, messages) in [
        ("24 combinations, 5,000 messages a worker", false, 5_000),
        ("all 224 combinations, 22,400 messages a worker", true, 22_400),
    ] {
        let telemetry = telemetry();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || fill(&telemetry, all, messages),
                |()| telemetry.tick(Instant::now()),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("render, {name}"), |bencher| bencher.iter(|| telemetry.render()));
    }
    group.finish();
}

fn merging_with_the_crate(criterion: &mut Criterion) {
    // As constructed by the telemetry itself: the bounds are valid.
    let new = || Histogram::<u64>::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS).expect("valid bounds");
    let (mut total, mut interval) = (new(), new());
    criterion.bench_function("crate/merge and reset one histogram of 100 messages", |bencher| {
        bencher.iter_batched(
            || (),
            |()| {
                for number in 0..100 {
                    interval.saturating_record(sample(number).total_ns);
                }
                total.add(&interval).expect("same bounds");
                interval.reset();
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, recording, ticking, merging_with_the_crate);
criterion_main!(benches);
