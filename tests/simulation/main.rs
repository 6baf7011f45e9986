//! Seeded worlds over the decision and the portfolio, judged after every step by a naive ledger; each judge is named by
//! the invariant it holds the desk to, I1 to I19. A few worlds in every run of the tests; for many:
//! `cargo bench --bench simulation -- --seeds 0..10000 --steps 1000`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "worlds.rs"]
mod worlds;

use authswitch::message::{Kind, ResponseCode};
use authswitch::portfolio::Differs;
use std::collections::HashSet;
use worlds::model::Stands;
use worlds::run::{Plan, run, tell};
use worlds::steps::steps;
use worlds::world::{Reached, World};

#[test]
fn worlds_hold_what_must_hold() {
    let plan = Plan { seeds: 0..16, steps: 500, threads: 2, shrinks: true };
    if let Some(failure) = run(&plan) {
        panic!("{}", tell(&plan, &failure));
    }
}

/// Worlds that never came to a flow would judge nothing about it.
#[test]
fn worlds_come_to_everything() {
    let mut reached = HashSet::new();
    for seed in 0..200 {
        let mut world = World::new(seed, 500);
        for step in steps(seed, 500) {
            world.step(&step).unwrap();
        }
        reached.extend(world.reached);
    }
    let answers = |kind, codes: &[&[u8; 2]]| -> Vec<Reached> {
        codes.iter().map(|code| Reached::Answer(kind, ResponseCode(**code))).collect()
    };
    let mut all = answers(
        Kind::Authorization,
        &[
            b"00", b"10", b"12", b"13", b"14", b"51", b"54", b"57", b"61", b"62", b"65", b"75", b"87", b"91",
            b"94", b"96",
        ],
    );
    all.extend(answers(Kind::Financial, &[b"00", b"10", b"51", b"61", b"65", b"87", b"91", b"94", b"96"]));
    all.extend(answers(Kind::AuthorizationAdvice, &[b"00", b"30", b"96"]));
    all.extend(answers(Kind::FinancialAdvice, &[b"00", b"30", b"96"]));
    all.extend(answers(Kind::Reversal, &[b"00", b"96"]));
    use Stands::{Added, Answered, Completed, Declined, Held, Posted, RanOut, Reversed, ReversedBefore};
    let becomes = |from: &[Option<Stands>], to| -> Vec<Reached> {
        from.iter().map(|from| Reached::Becomes(*from, to)).collect()
    };
    all.extend(becomes(&[None, Some(Held), Some(Posted), Some(Added)], Declined));
    all.extend(becomes(&[None], Answered));
    all.extend(becomes(&[None, Some(Declined), Some(Held)], Held));
    all.extend(becomes(
        &[None, Some(Declined), Some(Held), Some(RanOut), Some(Completed), Some(Posted)],
        Posted,
    ));
    all.extend(becomes(&[Some(Declined), Some(Held), Some(RanOut)], Completed));
    all.extend(becomes(
        &[Some(Declined), Some(Held), Some(Posted), Some(RanOut), Some(Completed), Some(Added)],
        Reversed,
    ));
    all.extend(becomes(&[None, Some(ReversedBefore)], ReversedBefore));
    all.extend(becomes(&[None, Some(Added), Some(Declined)], Added));
    for (from_snapshot, lost) in [(false, false), (false, true), (true, false), (true, true)] {
        all.push(Reached::Start { from_snapshot, lost });
    }
    all.extend(
        [
            Differs::ReversalAmbiguous,
            Differs::ReversalNoOriginal,
            Differs::ReversalElsewhere,
            Differs::AdviceRepeat,
        ]
        .map(Reached::Told),
    );
    use Kind::{Authorization, AuthorizationAdvice, Financial, FinancialAdvice};
    let renamed = [Authorization, AuthorizationAdvice, Financial, FinancialAdvice];
    all.extend(renamed.map(Reached::Renamed));
    all.extend([Reached::Forgot, Reached::Undid, Reached::Swept, Reached::Shadow, Reached::Limit]);
    let missed = all.iter().filter(|one| !reached.contains(one)).map(|one| format!("{one:?}"));
    let missed: Vec<String> = missed.collect();
    assert!(missed.is_empty(), "never reached: {missed:#?}");
}
