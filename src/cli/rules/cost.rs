//! What rules cost on this machine: the worst of many messages that were made to meet them. Must not know commands.

use super::Progress;
use crate::rules::{Facts, Rule, Rules, Samples, Verdict};
use std::hint::black_box;
use std::time::Instant;

/// Messages tried of each rule.
const MESSAGES: usize = 48;
/// Times that a message is asked in one measurement, and measurements, of which the least counts: what else runs on
/// the machine only ever adds.
const TURNS: u32 = 64;
const MEASUREMENTS: usize = 5;
/// Messages tried of a whole set.
const OF_SET: usize = 2_048;

/// The cost of each rule and of asking the whole set, in nanoseconds.
pub(super) struct Costs {
    pub(super) rules: Vec<f64>,
    pub(super) set: f64,
}

pub(super) fn measure(rules: &Rules) -> Costs {
    let progress = Progress::new("measuring", rules.list().len());
    let mut costs = Vec::with_capacity(rules.list().len());
    for rule in rules.list() {
        progress.step();
        costs.push(worst(&[rule], MESSAGES, |facts| u64::from(rule.matches(facts))));
    }
    Costs { rules: costs, set: of_set(rules) }
}

/// The cost of asking the whole set, in nanoseconds.
pub(super) fn of_set(rules: &Rules) -> f64 {
    let all: Vec<&Rule> = rules.list().iter().collect();
    if all.is_empty() {
        return 0.0;
    }
    let mut verdict = Verdict::default();
    worst(&all, OF_SET, |facts| {
        rules.evaluate(facts, &mut verdict);
        verdict.active.tags
    })
}

fn worst(rules: &[&Rule], messages: usize, mut ask: impl FnMut(&Facts) -> u64) -> f64 {
    let mut samples = Samples::of(rules);
    let mut worst = 0.0_f64;
    for _ in 0..messages {
        let facts = samples.draw();
        let mut least = f64::MAX;
        for _ in 0..MEASUREMENTS {
            let began = Instant::now();
            for _ in 0..TURNS {
                black_box(ask(black_box(&facts)));
            }
            least = least.min(began.elapsed().as_nanos() as f64 / f64::from(TURNS));
        }
        worst = worst.max(least);
    }
    worst
}
