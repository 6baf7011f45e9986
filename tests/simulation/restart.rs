//! A restart: the records from the first, or a snapshot taken while the switch decided and the records after it. However it
//! was done, the same state must come of it (I9).

use super::disk::Disk;
use super::support::{COUNTERS, Plan};
use super::world::Fault;
use authswitch::portfolio::{Portfolio, Remembered, ShardCopy, Transaction};

const JUDGE: &str = "I9 rebuilt state";
/// Parts a snapshot in memory is taken in: accounts, cards, the table in pieces, the counters of limits in pieces.
const PARTS: usize = 8;
const PIECES: usize = 4;
const COUNTED_IN: usize = PARTS - 2 - PIECES;

/// A snapshot that is being taken, or is.
pub struct Snapshot {
    copy: Portfolio,
    parts: usize,
    floor: u64,
    /// The last record that is in it: good only when this is durable.
    highest: u64,
    /// Written by the product itself into the world's folder.
    real: bool,
}

impl Snapshot {
    /// Begins one: what comes from now on may be in it already, or not.
    pub fn begin(plan: &Plan, disk: &Disk) -> Snapshot {
        let floor = disk.appended();
        Snapshot { copy: plan.build(), parts: 0, floor, highest: floor, real: false }
    }

    pub fn is_whole(&self) -> bool {
        self.parts >= PARTS
    }

    /// Copies the next part of what is live now. In a world with files the product writes all of it at once.
    pub fn next_part(&mut self, live: &Portfolio, disk: &Disk, now_us: i64) -> Result<(), Fault> {
        if let Some(files) = disk.files() {
            self.highest = files.write_snapshot(live, self.floor, now_us)?;
            (self.parts, self.real) = (PARTS, true);
        } else {
            self.copy_part(live);
        }
        Ok(())
    }

    fn copy_part(&mut self, live: &Portfolio) {
        match self.parts {
            0 => {
                for (new, old) in self.copy.accounts().iter().zip(live.accounts()) {
                    *new.state.lock() = *old.state.lock();
                    self.highest = self.highest.max(old.state.lock().sequence);
                }
            }
            1 => {
                for (new, old) in self.copy.cards().iter().zip(live.cards()) {
                    *new.state.lock() = *old.state.lock();
                    self.highest = self.highest.max(old.state.lock().sequence);
                }
            }
            part if part < 2 + PIECES => {
                let shards = live.table.shards() / PIECES;
                for index in (part - 2) * shards..(part - 1) * shards {
                    self.copy_shard(live, index);
                }
            }
            part if part < PARTS => {
                let (piece, counters) = (part - 2 - PIECES, &self.copy.counters);
                let shards = counters.shards() / COUNTED_IN;
                for index in piece * shards..(piece + 1) * shards {
                    self.highest = self.highest.max(counters.copy_part(index, &live.counters));
                }
            }
            _ => return,
        }
        self.parts += 1;
    }

    fn copy_shard(&mut self, live: &Portfolio, index: usize) {
        let mut held = ShardCopy::default();
        live.table.copy_one(index, &mut held);
        self.highest = self.highest.max(held.sequence());
        if held.sequence() > 0 {
            let remembered: Vec<Remembered> = live.table.remembered(&held).collect();
            self.copy.table.restore(index, &remembered, held.sequence());
            for (transaction, _, uses) in held.iter().filter(|(_, _, uses)| !uses.is_empty()) {
                self.copy.table.restore_uses(index, transaction.key, *uses);
            }
        }
    }

    /// Whether a restart may begin with it.
    pub fn is_good(&self, durable: u64) -> bool {
        self.is_whole() && self.highest <= durable
    }

    /// The state that it and the records after it lead to.
    pub fn rebuild(self, plan: &Plan, disk: &Disk) -> Result<Portfolio, Fault> {
        let portfolio = match disk.files().filter(|_| self.real) {
            Some(files) => {
                let table = plan.table;
                let read = Portfolio::new(plan.programs.clone(), table, super::support::SECRET);
                let mut read = read.with_counters(COUNTERS);
                files.read_snapshot(&mut read)?;
                read
            }
            None => self.copy,
        };
        disk.replay_into(&portfolio, self.floor)?;
        Ok(portfolio)
    }
}

/// The state that the records alone lead to.
pub fn rebuild(plan: &Plan, disk: &Disk) -> Result<Portfolio, Fault> {
    let portfolio = plan.build();
    disk.replay_into(&portfolio, 0)?;
    Ok(portfolio)
}

/// Both are the same to the last bit: figures, and transactions in their order.
pub fn same(what: &str, found: &Portfolio, expected: &Portfolio) -> Result<(), Fault> {
    let unless = |part: &str, same: bool| Fault::unless(JUDGE, &format!("{what}: {part}"), same, true);
    for (found, expected) in found.accounts().iter().zip(expected.accounts()) {
        Fault::unless(JUDGE, what, *found.state.lock(), *expected.state.lock())?;
    }
    for (found, expected) in found.cards().iter().zip(expected.cards()) {
        Fault::unless(JUDGE, what, *found.state.lock(), *expected.state.lock())?;
    }
    for index in 0..expected.table.shards() {
        let mut held: (Vec<Transaction>, u64) = (Vec::new(), 0);
        expected.table.visit_one(index, |shard| held = (shard.iter().copied().collect(), shard.sequence()));
        let mut alike = true;
        found.table.visit_one(index, |shard| {
            alike = shard.sequence() == held.1 && shard.iter().eq(&held.0);
        });
        unless("the transactions of a shard", alike)?;
        let finds = |of: &Portfolio, one: &Transaction| -> Vec<u64> {
            of.table.referred(one.reference).iter().flat_map(|found| found.lows()).collect()
        };
        let alike = held.0.iter().all(|one| finds(found, one) == finds(expected, one));
        unless("what a reference finds", alike)?;
    }
    Fault::unless(JUDGE, what, found.state_hash(), expected.state_hash())
}
