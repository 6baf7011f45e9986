//! Random interleaved flows of few cards and accounts, judged after every step by a naive ledger written from the rules
//! (I1, I3, I6 to I9). A failure is shrunk to few steps and printed with the seed that finds it again.
//!
//! `DECISION_CASES=1000000 DECISION_SEED=7 cargo test --release --test decision_money` runs longer or runs again.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

/// The reference: what every message of a transaction's life does, as the facts say it.
mod finds;
mod ledger;

/// Reference counters: recounted from the list of what was counted.
mod counts;

/// The reference's column of refusals.
mod judge;

/// The reference's increments and completions.
mod parts;

/// What may happen, and how it shrinks.
mod steps;

/// The messages of the steps.
mod messages;

/// Runs the steps against the desk and the reference.
mod play;

/// Decides again from the records.
mod again;

/// Restarts from the records and from copies.
mod restart;

use play::Game;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Cases of each property without `DECISION_CASES`: less than a minute of an unoptimized build.
const CASES: u32 = 2_000;

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// A property over generated plays. Fails with the smallest play found and the seed of the run.
fn check<S: Strategy>(plays: S, run: impl Fn(&S::Value) -> Result<(), String>) {
    let cases = number_from("DECISION_CASES").map_or(CASES, |cases| cases as u32);
    let seed = number_from("DECISION_SEED").unwrap_or_else(|| {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).unwrap();
        u64::from_le_bytes(seed)
    });
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 50_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let outcome =
        TestRunner::new_with_rng(config, rng).run(&plays, |play| run(&play).map_err(TestCaseError::fail));
    if let Err(failure) = outcome {
        panic!("DECISION_SEED={seed} DECISION_CASES={cases}\n{failure}");
    }
}

/// Random plays that never come to a flow would judge nothing about it.
#[test]
fn the_plays_reach_every_flow() {
    let mut runner = TestRunner::deterministic();
    let mut reached = play::Reached::new();
    for _ in 0..1_200 {
        let play = steps::plays(80).new_tree(&mut runner).unwrap().current();
        reached.extend(Game::new(&play).explore());
    }
    let missed: Vec<_> = FLOWS.lines().map(str::trim).filter(|flow| !reached.contains(*flow)).collect();
    assert!(missed.is_empty(), "never reached: {missed:#?}\nreached: {reached:#?}");
}

/// What the plays must come to: answers, and what becomes of a transaction by which message.
const FLOWS: &str = "\
    Authorization: 00
    Authorization: 10
    Authorization: 12
    Authorization: 13
    Authorization: 14
    Authorization: 41
    Authorization: 51
    Authorization: 54
    Authorization: 57
    Authorization: 61
    Authorization: 65
    Authorization: 75
    Authorization: 87
    Authorization: 91
    Authorization: 94
    Authorization: Held changed
    Authorization: nothing -> Added
    Authorization: nothing -> Answered
    Authorization: nothing -> Declined
    Authorization: nothing -> Held
    AuthorizationAdvice: 30
    AuthorizationAdvice: Added -> Declined
    AuthorizationAdvice: Declined -> Added
    AuthorizationAdvice: Declined -> Held
    AuthorizationAdvice: Held -> Declined
    AuthorizationAdvice: Held changed
    AuthorizationAdvice: nothing -> Added
    AuthorizationAdvice: nothing -> Declined
    AuthorizationAdvice: nothing -> Held
    Financial: 00
    Financial: 10
    Financial: 87
    Financial: 51
    Financial: 61
    Financial: 65
    Financial: 91
    Financial: 94
    Financial: nothing -> Posted
    FinancialAdvice: 30
    FinancialAdvice: Completed -> Posted
    FinancialAdvice: Declined -> Completed
    FinancialAdvice: Declined -> Posted
    FinancialAdvice: Held -> Completed
    FinancialAdvice: Held -> Declined
    FinancialAdvice: Held -> Posted
    FinancialAdvice: Held changed
    FinancialAdvice: Posted -> Declined
    FinancialAdvice: Posted changed
    FinancialAdvice: RanOut -> Completed
    FinancialAdvice: RanOut -> Posted
    FinancialAdvice: nothing -> Declined
    FinancialAdvice: nothing -> Posted
    Reversal: Added -> Reversed
    Reversal: Completed -> Reversed
    Reversal: Declined -> Reversed
    Reversal: Held -> Reversed
    Reversal: Held changed
    Reversal: Held -> Completed
    Reversal: Posted -> Reversed
    Reversal: Posted changed
    Reversal: RanOut -> Reversed
    Reversal: nothing -> ReversedBefore";

/// Every answer and every figure is what the reference says, whatever comes in whatever order, and the records alone
/// lead to the same state.
#[test]
fn the_desk_agrees_with_a_naive_ledger() {
    check(steps::plays(80), |play| Game::new(play).run());
}

/// A record carries everything of its message that a decision looks at (I19): rules can be tried on what was asked.
#[test]
fn every_message_can_be_decided_again_from_its_record() {
    check(steps::plays(40), |play| Game::new(play).decide_again());
}

/// Whatever else happens to it before, between and after: once a transaction's request and its full reversal have come, in
/// either order, it holds and has posted nothing, and stays so.
#[test]
fn a_reversed_transaction_ends_without_money() {
    check(steps::reversed_plays(), |play| Game::new(play).run_to_nothing());
}

/// A table at its bound forgets, but nothing open, and no record's effect; copies taken meanwhile lead to the same state.
#[test]
fn a_full_table_forgets_no_money() {
    check(steps::plays(120), |play| Game::crowded(play).run_crowded());
}
