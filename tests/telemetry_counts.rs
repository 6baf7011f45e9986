//! Whatever workers record while ticks and scrapes run beside them is counted exactly once.
#![allow(clippy::unwrap_used)]

use authswitch::telemetry::{Counter, Options, Outcome, Sample, Telemetry};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const WORKERS: usize = 3;
const BATCHES: u64 = 4_000;
const BATCH: u64 = 8;

fn record(telemetry: &Telemetry, worker: usize) {
    let recorder = telemetry.recorder(worker);
    let mtis = [0x0100, 0x0420, 0x0800, 0x9999];
    for batch in 0..BATCHES {
        let mut open = recorder.batch();
        for message in 0..BATCH {
            let number = batch * BATCH + message;
            open.message(&Sample {
                link: (number % 2) as u8,
                mti: mtis[(number / 2 % 4) as usize],
                outcome: Outcome::ALL[(number / 8 % 9) as usize],
                code: *b"00",
                refusal: 0,
                total_ns: 1_000 + number * 37 % 5_000_000,
                stage_ns: [30, 100, 0, 50, 70, 0, 900],
            });
        }
        open.count(1, Counter::FramesIn, BATCH);
        drop(open);
        telemetry.observe_durable(batch);
    }
}

#[test]
fn counts_are_conserved_across_concurrent_ticks_and_scrapes() {
    let links = vec!["a".to_owned(), "b".to_owned()];
    let telemetry = Telemetry::new(Options { links, workers: WORKERS, ..Options::default() });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let observers = [
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    telemetry.tick(Instant::now());
                    std::thread::sleep(Duration::from_micros(300));
                }
            }),
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    assert!(telemetry.render().ends_with("# EOF\n"));
                    std::thread::sleep(Duration::from_millis(2));
                }
            }),
        ];
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                scope.spawn({
                    let telemetry = &telemetry;
                    move || record(telemetry, worker)
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        done.store(true, Ordering::Release);
        observers.into_iter().for_each(|observer| observer.join().unwrap());
    });

    let messages = WORKERS as u64 * BATCHES * BATCH;
    let text = telemetry.render();
    let sum = |name: &str| -> u64 {
        let lines = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    assert_eq!(sum("authswitch_message_duration_seconds_count"), messages);
    // The decision and the wait for the disk were 0, that is, not passed.
    assert_eq!(sum("authswitch_stage_duration_seconds_count"), 5 * messages);
    assert_eq!(sum("authswitch_answers_total"), messages);
    assert_eq!(sum("authswitch_received_frames_total"), messages);
    assert_eq!(sum("authswitch_time_to_durable_seconds_count"), WORKERS as u64 * BATCHES);

    let table = telemetry.latency_table();
    assert_eq!(table.rows.last().unwrap().percentiles.count, messages);
    assert_eq!(table.rows[2].percentiles.count, 0, "decide");
    let overview = telemetry.overview();
    let by_link: u64 = overview.links.iter().flat_map(|link| &link.outcomes).map(|(_, count)| count).sum();
    assert_eq!(by_link, messages);
    assert_eq!(overview.messages.iter().map(|row| row.since_start.count).sum::<u64>(), messages);
}

#[test]
fn labels_stay_bounded_whatever_is_recorded() {
    let (links, refusals) = (vec!["a".to_owned()], vec!["none", "format-error"]);
    let telemetry = Telemetry::new(Options { links, refusals, ..Options::default() });
    let recorder = telemetry.recorder(0);
    for number in 0..20_000_u32 {
        recorder.batch().message(&Sample {
            link: (number % 256) as u8,
            mti: (number * 3) as u16,
            outcome: Outcome::Accepted,
            code: ((number % 65_536) as u16).to_be_bytes(),
            refusal: (number / 7 % 256) as u8,
            total_ns: u64::from(number),
            stage_ns: [0; 7],
        });
    }
    let text = telemetry.render();
    let counts: Vec<_> =
        text.lines().filter(|line| line.starts_with("authswitch_message_duration_seconds_count")).collect();
    assert!(counts.len() <= 2 * 16, "{counts:?}");
    assert!(counts.iter().any(|line| line.contains(r#"link="unknown",mti="other""#)), "{counts:?}");
    let answers: Vec<_> = text.lines().filter(|line| line.starts_with("authswitch_answers_total")).collect();
    assert!(answers.len() <= 2 * 3 * 1_297, "{}", answers.len());
    let known = |line: &&str| {
        ["none", "format-error", "other"].iter().any(|name| line.contains(&format!("refusal=\"{name}\"}}")))
    };
    assert!(answers.iter().all(known), "{answers:?}");
}

#[test]
fn more_workers_than_announced_share_recorders() {
    let telemetry = Telemetry::new(Options { links: vec!["a".to_owned()], workers: 2, ..Options::default() });
    for worker in 0..5 {
        telemetry.recorder(worker).batch().count(0, Counter::Dropped, 1);
    }
    assert!(telemetry.render().contains("authswitch_dropped_frames_total{link=\"a\"} 5\n"));
}
