//! `.hlog` files: whole, decodable, complete, bounded, and never in the way.
#![allow(clippy::unwrap_used)]

use authswitch::telemetry::{NO_CODE, Options, Outcome, Sample, Telemetry};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn telemetry(dir: &Path) -> Telemetry {
    Telemetry::new(options(dir))
}

fn options(dir: &Path) -> Options {
    Options {
        links: vec!["acquirer-ascii".to_owned(), "odd, name".to_owned()],
        workers: 2,
        hlog_dir: Some(dir.to_owned()),
        hlog_interval: Duration::from_secs(10),
        ..Options::default()
    }
}

fn record(telemetry: &Telemetry, link: u8, count: u64) {
    let recorder = telemetry.recorder(0);
    let mut batch = recorder.batch();
    for number in 0..count {
        batch.message(&Sample {
            link,
            mti: 0x0100,
            outcome: Outcome::Approved,
            code: NO_CODE,
            refusal: 0,
            total_ns: 20_000 + number * 1_000,
            stage_ns: [60, 200, 900, 90, 150, 70, 3_000],
        });
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// By tag: intervals, and values summed over them, as the crate's own reader decodes them.
fn decode(path: &Path) -> BTreeMap<String, (u64, Histogram<u64>)> {
    let text = std::fs::read(path).unwrap();
    let mut tags = BTreeMap::new();
    for entry in IntervalLogIterator::new(&text) {
        let LogEntry::Interval(interval) = entry.unwrap() else { continue };
        let bytes = base64(interval.encoded_histogram());
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        assert_eq!(histogram.max() as f64, interval.max());
        let tag = interval.tag().unwrap().as_str().to_owned();
        let (intervals, sum) =
            tags.entry(tag).or_insert_with(|| (0, Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap()));
        *intervals += 1;
        sum.add(histogram).unwrap();
    }
    tags
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|d| *d == byte)
    };
    let bits: Vec<u8> = text
        .bytes()
        .filter_map(digit)
        .flat_map(|d| (0..6).rev().map(move |bit| (d >> bit) as u8 & 1))
        .collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect()
}

#[test]
fn every_interval_and_the_last_one_are_written() {
    // Kept where a script can decode it again with an implementation that shares no code with this one.
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hlog");
    let _ = std::fs::remove_dir_all(&dir);
    let telemetry = telemetry(&dir);
    let start = Instant::now();
    for second in 1..=25 {
        record(&telemetry, 0, 100);
        record(&telemetry, 1, 1);
        telemetry.observe_durable(250);
        telemetry.tick(start + Duration::from_secs(second));
    }
    telemetry.finish(start + Duration::from_secs(26));

    let [path] = &files(&dir)[..] else { panic!("one file expected") };
    assert_eq!(telemetry.hlog_path().as_ref(), Some(path));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.starts_with("#[Logged by authswitch "), "{text}");
    assert!(
        text.contains("#[StartTime: ") && text.contains("\n\"StartTimestamp\",\"Interval_Length\""),
        "{text}"
    );
    let tags = decode(path);
    for stage in ["total", "arrival", "parse", "decide", "append", "build", "durable_wait", "write"] {
        let (intervals, sum) = &tags[&format!("acquirer-ascii/{stage}")];
        assert_eq!((*intervals, sum.len()), (3, 2_500), "{stage}");
        assert_eq!(tags[&format!("odd__name/{stage}")].1.len(), 25, "{stage}");
    }
    assert_eq!(tags["acquirer-ascii/parse"].1.value_at_quantile(0.5), 200);
    assert_eq!(tags["journal/durable"].1.len(), 25);
    assert!((119_000..119_100).contains(&tags["acquirer-ascii/total"].1.max()));
}

#[test]
fn an_idle_switch_writes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = telemetry(dir.path());
    let start = Instant::now();
    (1..60).for_each(|second| telemetry.tick(start + Duration::from_secs(second)));
    telemetry.finish(start + Duration::from_secs(60));
    assert!(files(dir.path()).is_empty());
}

#[test]
fn what_the_disk_refuses_is_counted_and_written_later() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("latency");
    std::fs::write(&dir, "a file where the folder should be").unwrap();
    let telemetry = telemetry(&dir);
    let start = Instant::now();
    record(&telemetry, 0, 7);
    telemetry.tick(start + Duration::from_secs(10));
    assert!(telemetry.render().contains("authswitch_hlog_errors_total 1\n"));
    std::fs::remove_file(&dir).unwrap();
    record(&telemetry, 0, 5);
    telemetry.tick(start + Duration::from_secs(20));
    let tags = decode(&files(&dir)[0]);
    assert_eq!((tags["acquirer-ascii/total"].0, tags["acquirer-ascii/total"].1.len()), (1, 12));
}

#[test]
fn the_oldest_files_of_ours_make_room() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine.hlog"), "of a load test").unwrap();
    for day in 10..15 {
        std::fs::write(dir.path().join(format!("authswitch-202601{day}T000000.000000Z-1.hlog")), "old")
            .unwrap();
    }
    let telemetry = Telemetry::new(Options { hlog_keep_files: 3, ..options(dir.path()) });
    record(&telemetry, 0, 1);
    telemetry.finish(Instant::now());
    let names: Vec<_> =
        files(dir.path()).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(
        names[0].starts_with("authswitch-20260113") && names[1].starts_with("authswitch-20260114"),
        "{names:?}"
    );
}

#[test]
fn the_ticker_writes_the_last_interval_when_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = telemetry(dir.path());
    let ticker = telemetry.start_ticker().unwrap();
    record(&telemetry, 0, 42);
    ticker.stop();
    let tags = decode(&files(dir.path())[0]);
    assert_eq!(tags["acquirer-ascii/total"].1.len(), 42);
}
