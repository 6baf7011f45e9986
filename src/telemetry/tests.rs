//! The room as its callers see it: record, tick, read.
#![allow(clippy::unwrap_used)]

use super::*;

pub(super) fn sample(link: u8, mti: u16, outcome: Outcome, total_ns: u64) -> Sample {
    Sample {
        link,
        mti,
        outcome,
        code: *b"00",
        refusal: 0,
        total_ns,
        stage_ns: [total_ns - 3_050, 150, 700, 90, 110, 0, 2_000],
    }
}

fn telemetry(workers: usize) -> Telemetry {
    let links = vec!["acquirer-ascii".to_owned(), "acquirer-bcd".to_owned()];
    Telemetry::new(Options { links, workers, ..Options::default() })
}

/// The value of the sample whose line begins with `start`, of the text as rendered.
fn value(text: &str, start: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(start)).map(|rest| rest.trim().parse().unwrap())
}

#[test]
fn a_message_shows_in_every_metric_of_its_labels() {
    let telemetry = telemetry(1);
    let recorder = telemetry.recorder(0);
    {
        let mut batch = recorder.batch();
        batch.message(&sample(0, 0x0100, Outcome::Approved, 12_345));
        batch.message(&Sample {
            code: *b"51",
            refusal: 1,
            ..sample(1, 0x0200, Outcome::Declined, 2_000_000)
        });
        batch.count(0, Counter::BytesIn, 300);
    }
    telemetry.observe_durable(200);
    let text = telemetry.render();
    let labels = r#"{link="acquirer-ascii",mti="0100",outcome="approved"}"#;
    for (start, expected) in [
        (format!("authswitch_message_duration_seconds_count{labels}"), 1.0),
        (format!("authswitch_message_duration_seconds_sum{labels}"), 12_345e-9),
        (r#"authswitch_stage_duration_seconds_count{link="acquirer-ascii",stage="decide"}"#.to_owned(), 1.0),
        (r#"authswitch_answers_total{link="acquirer-bcd",code="51",refusal="other"}"#.to_owned(), 1.0),
        (r#"authswitch_received_bytes_total{link="acquirer-ascii"}"#.to_owned(), 300.0),
        (r#"authswitch_received_bytes_total{link="acquirer-bcd"}"#.to_owned(), 0.0),
        ("authswitch_time_to_durable_seconds_sum".to_owned(), 200e-6),
    ] {
        assert_eq!(value(&text, &start), Some(expected), "{start}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_share_is_of_all_messages_and_a_mean_of_those_that_pass_the_stage() {
    let telemetry = telemetry(1);
    let wait = Stage::DurableWait as usize;
    for wait_ns in [0, 0, 0, 8_000] {
        let mut sample = sample(0, 0x0100, Outcome::Approved, 10_000 + wait_ns);
        sample.stage_ns[wait] = wait_ns;
        telemetry.recorder(0).batch().message(&sample);
    }
    let row = telemetry.latency_table().rows[wait];
    let near = |ns: u64, expected: u64| ns.abs_diff(expected) <= expected / 100;
    assert_eq!(row.percentiles.count, 1);
    assert!(near(row.percentiles.mean_ns, 8_000) && near(row.percentiles.p50_ns, 8_000), "{row:?}");
    assert!(near(row.share_ns, 2_000), "{row:?}");
}

#[test]
fn the_table_has_the_stages_and_the_whole() {
    let telemetry = telemetry(2);
    for worker in 0..2 {
        telemetry.recorder(worker).batch().message(&sample(0, 0x0100, Outcome::Approved, 10_000));
    }
    let table = telemetry.latency_table();
    let names: Vec<_> = table.rows.iter().map(|row| row.name).collect();
    assert_eq!(
        names,
        ["arrival", "parse", "decide", "append", "build", "durable_wait", "write", "end to end"]
    );
    let counts: Vec<_> = table.rows.iter().map(|row| row.percentiles.count).collect();
    assert_eq!(counts, [2, 2, 2, 2, 2, 0, 2, 2], "none waited for the disk");
    assert_eq!(table.rows[1].percentiles.p50_ns, 150);
    let whole = table.rows[7];
    assert!((10_000..10_008).contains(&whole.percentiles.p99_ns));
    let shares: u64 = table.rows[..7].iter().map(|row| row.share_ns).sum();
    assert!(shares.abs_diff(whole.share_ns) < 20, "the stages add up: {shares} of {}", whole.share_ns);
}
