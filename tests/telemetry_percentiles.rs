//! Percentiles are those of a plain sort, to the histogram's three significant digits.
#![allow(clippy::unwrap_used)]

use authswitch::telemetry::{HIGHEST_NS, NO_CODE, Options, Outcome, Percentiles, Sample, Telemetry};
use proptest::prelude::*;
use std::time::Instant;

fn naive(sorted: &[u64], quantile: f64) -> u64 {
    let rank = ((quantile * sorted.len() as f64).ceil() as usize).max(1);
    sorted[rank - 1]
}

fn check(found: &Percentiles, values: &mut [u64]) {
    values.sort_unstable();
    assert_eq!(found.count, values.len() as u64);
    for (name, quantile, found_ns) in [
        ("p50", 0.5, found.p50_ns),
        ("p90", 0.9, found.p90_ns),
        ("p99", 0.99, found.p99_ns),
        ("p99.9", 0.999, found.p99_9_ns),
        ("p99.99", 0.9999, found.p99_99_ns),
        ("max", 1.0, found.max_ns),
    ] {
        let exact = naive(values, quantile).min(HIGHEST_NS);
        // A cell's width is under a thousandth of its value; the histogram reports the cell's upper end.
        assert!(
            found_ns >= exact && found_ns - exact <= exact / 1_000,
            "{name}: {found_ns} ns, {exact} ns by sorting"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn percentiles_equal_a_sort(
        seconds in prop::collection::vec(prop::collection::vec((0_u32..36, any::<u64>()), 1..400), 1..4)
    ) {
        let telemetry = Telemetry::new(Options { links: vec!["a".to_owned()], workers: 2, ..Options::default() });
        let (mut totals, mut decides) = (Vec::new(), Vec::new());
        for second in &seconds {
            for (at, (bits, noise)) in second.iter().enumerate() {
                let total_ns = (1 << bits) + noise % (1 << bits);
                let decide_ns = (total_ns / 3).max(1);
                telemetry.recorder(at).batch().message(&Sample {
                    link: 0, mti: 0x0100, outcome: Outcome::Approved, code: NO_CODE, refusal: 0, total_ns,
                    stage_ns: [0, 0, decide_ns, 0, 0, 0, 0],
                });
                totals.push(total_ns);
                decides.push(decide_ns);
            }
            telemetry.tick(Instant::now());
        }
        let table = telemetry.latency_table();
        check(&table.rows[7].percentiles, &mut totals);
        check(&table.rows[2].percentiles, &mut decides);
        let overview = telemetry.overview();
        check(&overview.messages[0].since_start, &mut totals);
        check(&overview.links[0].recent, &mut totals);
        for curve in [&overview.curve_since_start, &overview.curve_recent] {
            prop_assert!(curve.is_sorted_by(|a, b| a.quantile < b.quantile && a.value_ns <= b.value_ns));
            for point in curve {
                let exact = naive(&totals, point.quantile).min(HIGHEST_NS);
                prop_assert!(point.quantile == 0.0 || point.value_ns >= exact && point.value_ns - exact <= exact / 1_000);
            }
        }
    }
}

#[test]
fn nothing_recorded_is_all_zero() {
    let telemetry = Telemetry::new(Options { links: vec!["a".to_owned()], ..Options::default() });
    let table = telemetry.latency_table();
    assert!(table.rows.iter().all(|row| row.percentiles == Percentiles::default()));
    assert!(telemetry.overview().curve_recent.is_empty());
}
