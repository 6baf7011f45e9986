//! A restart in its forms: records from the first, a copy taken while the switch decided and the records after it.

use crate::play::policy_of_plays;
use crate::play::same;
use crate::support::{MemorySink, World};
use authswitch::decision::{Decision, Desk, Lateness, Standing};
use authswitch::message::Request;
use authswitch::portfolio::{Portfolio, Record, Remembered, ShardCopy};
use std::sync::Arc;

/// A copy made part by part while the desk decides, as a snapshot is.
#[derive(Default)]
pub struct Copied {
    portfolio: Option<Portfolio>,
    parts: usize,
    floor: u64,
}

/// Accounts, cards, the lower half of the table, the upper half.
const PARTS: usize = 4;

impl Copied {
    /// Copies the next part, if any is left.
    pub fn next_part(&mut self, from: &World) {
        let (old, new) = (&from.desk.portfolio, self.portfolio.get_or_insert_with(|| from.plan.build()));
        let half = old.table.shards() / 2;
        match self.parts {
            0 => {
                self.floor = from.sink.records().len() as u64;
                for (new, old) in new.accounts().iter().zip(old.accounts()) {
                    *new.state.lock() = *old.state.lock();
                }
            }
            1 => {
                for (new, old) in new.cards().iter().zip(old.cards()) {
                    *new.state.lock() = *old.state.lock();
                }
            }
            2 => copy_shards(old, new, 0..half),
            3 => copy_shards(old, new, half..old.table.shards()),
            _ => return,
        }
        self.parts += 1;
    }
}

fn copy_shards(from: &Portfolio, to: &Portfolio, range: std::ops::Range<usize>) {
    let mut held = ShardCopy::default();
    for index in range {
        from.table.copy_one(index, &mut held);
        let remembered: Vec<Remembered> = from.table.remembered(&held).collect();
        to.table.restore(index, &remembered, held.sequence());
    }
}

/// Every restart leads to the live state (I9), and repeats of these requests get the live answers (I3).
pub fn restarts(live: &World, mut copied: Copied, requests: &[Request]) -> Result<(), String> {
    let records = live.sink.records();
    for record in &records {
        let mut room = [0; Record::LONGEST];
        same("a record read back", Record::decode(record.encode(&mut room)), Ok(*record))?;
    }
    let replayed = live.plan.build();
    live.sink.replay_into(&replayed, 0);
    same_state("replayed from the first record", &replayed, live)?;
    // A stop in the middle, then a start that reads the journal from its first record again: what is in is skipped.
    let stopped = live.plan.build();
    for (index, record) in records.iter().enumerate().take(records.len() / 2) {
        stopped.apply(record, index as u64 + 1);
    }
    live.sink.replay_into(&stopped, 0);
    same_state("stopped half way and replayed", &stopped, live)?;
    while copied.parts < PARTS {
        copied.next_part(live);
    }
    let copy = copied.portfolio.unwrap();
    live.sink.replay_into(&copy, copied.floor);
    same_state("copied while running and replayed", &copy, live)?;
    live.sink.replay_into(&copy, 0);
    same_state("replayed twice", &copy, live)?;
    for portfolio in [replayed, copy] {
        answers_alike(live, portfolio, requests)?;
    }
    Ok(())
}

/// The requests again, in the same order: known ones are answered as before, new ones decided alike.
fn answers_alike(live: &World, portfolio: Portfolio, requests: &[Request]) -> Result<(), String> {
    let desk = Desk::new(Arc::new(portfolio), Standing::plain(policy_of_plays(), 1));
    let sink = MemorySink::default();
    for request in requests {
        let here = live.decide(request);
        let there = desk.decide(request, &live.terms, live.now_us.get(), Lateness::InTime, &sink);
        let seen =
            |decision: Decision| (decision.code, decision.refusal, decision.approval, decision.balances);
        same("the answer after a restart", seen(there), seen(here))?;
    }
    Ok(())
}

fn same_state(what: &str, found: &Portfolio, live: &World) -> Result<(), String> {
    let expected = &live.desk.portfolio;
    for (found, expected) in found.accounts().iter().zip(expected.accounts()) {
        same(what, *found.state.lock(), *expected.state.lock())?;
    }
    for (found, expected) in found.cards().iter().zip(expected.cards()) {
        same(what, *found.state.lock(), *expected.state.lock())?;
    }
    same(what, found.table.len(), expected.table.len())?;
    same(what, found.state_hash(), expected.state_hash())
}
