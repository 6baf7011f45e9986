//! The metrics text has the structure both formats demand, whatever names it is given.
#![allow(clippy::unwrap_used)]

use authswitch::telemetry::{BUCKET_BOUNDS_NS, Counter, Options, Outcome, Sample, Telemetry, classic};
use std::collections::{BTreeMap, BTreeSet};

const ODD: &str = "quote \" back\\slash\nline";

fn filled() -> Telemetry {
    let links = vec!["acquirer-ascii".to_owned(), ODD.to_owned()];
    let refusals = vec!["none", "insufficient-funds"];
    let telemetry = Telemetry::new(Options { links, refusals, ..Options::default() });
    let recorder = telemetry.recorder(0);
    for number in 0..2_000_u64 {
        let mut batch = recorder.batch();
        batch.message(&Sample {
            link: (number % 2) as u8,
            mti: [0x0100, 0x0800, 0x1234][(number % 3) as usize],
            outcome: Outcome::ALL[(number % 7) as usize],
            code: [*b"00", *b"51", *b"\"\n"][(number % 3) as usize],
            refusal: (number % 3) as u8,
            total_ns: 300 << (number % 24),
            stage_ns: [50, 150, 800, 80, 120, 0, 4_000],
        });
        batch.count(0, Counter::BytesIn, 412);
    }
    telemetry.observe_durable(180);
    telemetry.gauge("exposure_records", "Answered,\nnot yet durable \\ at risk", &[], || 12.0);
    telemetry.gauge("authswitch_connections", "Connections open.", &[("link", ODD)], || 3.0);
    telemetry.gauge("connections", "ignored", &[("link", "b")], || 4.0);
    telemetry.gauge("odd-näme.x", "A name to be mended.", &[], || f64::NAN);
    telemetry.total("journal_records_total", "Records appended.", &[], || 77.0);
    telemetry
}

/// The families in their order: kind, and the samples as (name, labels, value).
type Families = BTreeMap<String, (String, Vec<(String, String, f64)>)>;

/// A strict reader of what we write: HELP, then TYPE, perhaps UNIT, then nothing but samples of that family.
fn read(text: &str) -> Families {
    let mut families = Families::new();
    let mut current = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.trim().is_empty(), "{line}");
            let (typed, kind) =
                lines.next().unwrap().strip_prefix("# TYPE ").unwrap().split_once(' ').unwrap();
            assert_eq!(typed, name);
            current = name.to_owned();
            assert!(
                families.insert(current.clone(), (kind.to_owned(), Vec::new())).is_none(),
                "{name} twice"
            );
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').unwrap();
            assert!(name == current && name.ends_with(unit), "{line}");
        } else if line != "# EOF" {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = name
                .split_once('{')
                .map_or((name, ""), |(name, rest)| (name, rest.strip_suffix('}').unwrap()));
            assert!(name.starts_with(&current), "{line} in {current}");
            families.get_mut(&current).unwrap().1.push((
                name.to_owned(),
                labels.to_owned(),
                value.parse().unwrap(),
            ));
        }
    }
    families
}

#[test]
fn openmetrics_has_its_structure() {
    let text = filled().render();
    assert!(text.ends_with("\n# EOF\n"));
    for (name, (kind, samples)) in read(&text) {
        assert!(name.starts_with("authswitch_") || name.starts_with("process_"), "{name}");
        let unique: BTreeSet<_> = samples.iter().map(|(name, labels, _)| (name, labels)).collect();
        assert_eq!(unique.len(), samples.len(), "{name}");
        let suffixes: &[&str] = match kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => panic!("{kind}"),
        };
        for (sample, _, _) in &samples {
            assert!(suffixes.contains(&&sample[name.len()..]), "{sample} of {kind} {name}");
        }
    }
}

#[test]
fn buckets_are_monotone_and_end_at_the_count() {
    for text in [filled().render(), classic(&filled().render())] {
        let families = read(&text);
        let mut series = 0;
        for (_, samples) in families.values().filter(|(kind, _)| kind == "histogram") {
            for (_, labels, count) in samples.iter().filter(|(name, _, _)| name.ends_with("_count")) {
                let of_series = |(name, of, value): &(String, String, f64)| {
                    let rest = of.strip_prefix("le=\"")?;
                    let (bound, rest) = rest.split_once('"')?;
                    let same = name.ends_with("_bucket") && rest.strip_prefix(',').unwrap_or("") == labels;
                    same.then(|| (bound.replace("+Inf", "inf").parse::<f64>().unwrap(), *value))
                };
                let buckets: Vec<_> = samples.iter().filter_map(of_series).collect();
                assert_eq!(buckets.len(), BUCKET_BOUNDS_NS.len() + 1, "{labels}");
                assert!(buckets.is_sorted_by(|low, high| low.0 < high.0 && low.1 <= high.1), "{buckets:?}");
                assert_eq!(buckets.last().unwrap(), &(f64::INFINITY, *count));
                assert_eq!(buckets[0].0, 0.5e-6);
                assert_eq!(buckets[BUCKET_BOUNDS_NS.len() - 1].0, 1.0);
                series += 1;
            }
        }
        assert!(series > 20, "{series}");
    }
}

#[test]
fn odd_names_are_escaped_or_mended() {
    let text = filled().render();
    let escaped = r#"link="quote \" back\\slash\nline""#;
    for expected in [
        format!("authswitch_connections{{{escaped}}} 3.0"),
        "authswitch_connections{link=\"b\"} 4.0".to_owned(),
        format!("authswitch_received_frames_total{{{escaped}}} 0"),
        r"# HELP authswitch_exposure_records Answered,\nnot yet durable \\ at risk".to_owned(),
        "authswitch_odd_n_me_x NaN".to_owned(),
        "authswitch_journal_records_total 77.0".to_owned(),
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected}\n{text}");
    }
    assert!(text.contains(r#",code="other",refusal="other"}"#) && text.contains(r#",mti="other","#));
}

#[test]
fn the_older_format_names_counters_by_their_samples() {
    let text = classic(&filled().render());
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
    let families = read(&text);
    for (name, (kind, samples)) in &families {
        assert!(["counter", "gauge", "histogram"].contains(&kind.as_str()), "{name} {kind}");
        if kind != "histogram" {
            assert!(samples.iter().all(|(sample, _, _)| sample == name), "{name}");
        }
    }
    assert_eq!(families["authswitch_received_bytes_total"].0, "counter");
    assert_eq!(families["authswitch_build_info"].0, "gauge");
}

#[test]
fn a_gauge_registered_anew_replaces_its_closure() {
    let telemetry = Telemetry::new(Options::default());
    telemetry.gauge("queue_depth", "Waiting.", &[("queue", "a")], || 1.0);
    telemetry.gauge("queue_depth", "Waiting.", &[("queue", "a")], || 2.0);
    let text = telemetry.render();
    assert!(text.contains("authswitch_queue_depth{queue=\"a\"} 2.0\n"));
    assert!(!text.contains("authswitch_queue_depth{queue=\"a\"} 1.0\n"));
}

#[test]
fn a_gauge_may_use_the_telemetry() {
    let telemetry = Telemetry::new(Options { links: vec!["a".to_owned()], ..Options::default() });
    let inside = telemetry.clone();
    telemetry.gauge("rows", "Rows of the table.", &[], move || inside.latency_table().rows.len() as f64);
    assert!(telemetry.render().contains("authswitch_rows 8.0\n"));
}

/// Leaves a text for the independent parser (`tests/metrics_independent.py`).
#[test]
fn a_sample_is_left_for_the_independent_parser() {
    let text = filled().render();
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(dir.join("metrics.openmetrics"), &text).unwrap();
    std::fs::write(dir.join("metrics.txt"), classic(&text)).unwrap();
    assert!(text.len() > 10_000);
}
