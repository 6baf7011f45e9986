//! The transactions that are remembered: answers for repeats, open authorizations for reversals and completions.
//! Bounded by count and age; an open authorization is never forgotten. Must not decide anything.

use super::alike::{Alike, Candidates};
use super::counts::CounterChange;
use super::layout::{Fixed, layout};
use super::shard::{Shard, ShardCopy};
use super::traits::{FOUND, Traits, precedes, rank};
use super::transaction::{State, Transaction, TransactionKey};
use super::uses::Uses;
use parking_lot::{Mutex, MutexGuard};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// Most transactions at a time.
    pub max: usize,
    /// How long a closed one is remembered.
    pub window_us: i64,
}

/// Shards of the table; a power of two. Enough that a lock held for a decision, or a sweep of one shard, is
/// rarely waited for.
const SHARDS: usize = 1024;

/// Slots that are copied under one hold of a shard's lock: some ten microseconds.
const BITE: usize = 512;
/// How often the copy of a shard is begun anew because it changed meanwhile, before it is copied under one hold.
const COPIES: usize = 16;

/// All remembered transactions.
#[derive(Debug)]
pub struct Table {
    shards: Box<[Mutex<Shard>]>,
    /// Card and DE37, or the network's own reference.
    references: Alike,
    /// Card and DE11.
    names: Alike,
}

/// A transaction as a snapshot keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Remembered {
    /// Itself.
    pub transaction: Transaction,
    /// Its rank among those of its reference, so that this finds the same after a restart; 0 when it is not found by it.
    pub rank: u64,
    /// What made it.
    pub traits: Traits,
}

layout! { Remembered { transaction: Transaction, rank: u64, traits: Traits } }

impl Table {
    /// An empty table with room set aside, so that it never grows while serving.
    pub fn new(options: TableOptions) -> Table {
        let capacity = options.max.div_ceil(SHARDS).max(4);
        Table {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(capacity, options.window_us))).collect(),
            references: Alike::new(options.max),
            names: Alike::new(options.max),
        }
    }

    /// The place of a key's shard.
    pub fn shard_of(key: TransactionKey) -> usize {
        Table::index(key.low())
    }

    /// From bits that the shard's own index looks at least.
    fn index(low: u64) -> usize {
        (low >> 40) as usize % SHARDS
    }

    /// Locks the shard of a key.
    pub fn lock(&self, key: TransactionKey) -> MutexGuard<'_, Shard> {
        self.shards[Self::index(key.low())].lock()
    }

    /// Locks the shards of two keys, always in the order of their place so that two lockers cannot wait for each
    /// other. The second is `None` when both keys live in one shard.
    pub fn lock_both(
        &self,
        first: TransactionKey,
        second: TransactionKey,
    ) -> (MutexGuard<'_, Shard>, Option<MutexGuard<'_, Shard>>) {
        let (a, b) = (Self::index(first.low()), Self::index(second.low()));
        match a.cmp(&b) {
            std::cmp::Ordering::Equal => (self.shards[a].lock(), None),
            std::cmp::Ordering::Less => {
                let guard = self.shards[a].lock();
                (guard, Some(self.shards[b].lock()))
            }
            std::cmp::Ordering::Greater => {
                let other = self.shards[b].lock();
                (self.shards[a].lock(), Some(other))
            }
        }
    }

    /// The remembered transactions with this reference (card and DE37), by the order of the journal: those approved last first,
    /// then those declined first, then reversals that came before their originals.
    pub fn referred(&self, reference: u64) -> Option<Candidates> {
        self.references.candidates(reference, |_| true)
    }

    /// Of those the reversals that came before their originals.
    pub fn reversed_first(&self, reference: u64) -> Option<Candidates> {
        self.references.candidates(reference, |rank| rank < FOUND)
    }

    /// The transactions of a second name (card and DE11), the latest first.
    pub fn named(&self, name: u64) -> Option<Candidates> {
        self.names.candidates(name, |_| true)
    }

    /// Of those what may have come before its original request: made by a repeat, an advice or a reversal.
    pub fn named_first(&self, name: u64) -> Option<Candidates> {
        self.names.candidates(name, precedes)
    }

    /// The transactions that a name led to, in order, and what made each. Locks their shards one at a time: for callers that
    /// hold none.
    pub fn look<'a>(
        &'a self,
        candidates: &'a Option<Candidates>,
    ) -> impl Iterator<Item = (Transaction, Traits)> + use<'a> {
        candidates.iter().flat_map(Candidates::lows).filter_map(|low| {
            let shard = self.shards[Self::index(low)].lock();
            let key = shard.find_low(low)?;
            Some((*shard.get(key)?, shard.traits(key)))
        })
    }

    /// Sets a transaction in its locked shard and forgets what the bounds no longer cover. `sequence` is the
    /// record's, and `counts` its changes of counters where they are for this transaction; `traits` says what makes it,
    /// where it is new. The same puts in the same order forget the same transactions.
    pub fn put(
        &self,
        shard: &mut Shard,
        transaction: &Transaction,
        counts: &[CounterChange],
        sequence: u64,
        traits: impl FnOnce() -> Traits,
    ) {
        let (reference, low) = (transaction.reference, transaction.key.low());
        match shard.replace(transaction, sequence) {
            Some(known) if known.state == State::Declined && is_approved(transaction) => {
                self.references.link(reference, low, rank(transaction, sequence));
            }
            Some(_) => {}
            None => {
                // First, so that the new one takes a slot that has just been touched.
                shard.forget(transaction.time_us, |forgotten, traits| {
                    self.references.unlink(forgotten.reference, forgotten.key.low());
                    self.names.unlink(traits.name, forgotten.key.low());
                });
                let traits = Traits { made: sequence, ..traits() };
                shard.insert(transaction, traits);
                self.references.link(reference, low, rank(transaction, sequence));
                self.names.link(traits.name, low, traits.rank());
            }
        }
        shard.keep_uses(transaction, counts);
    }

    /// What a snapshot keeps of a locked shard, in the order of [`Shard::iter`]: for [`Table::restore`].
    pub fn remembered<'a>(&'a self, shard: &'a Shard) -> impl Iterator<Item = Remembered> + use<'a> {
        shard.iter().map(|transaction| Remembered {
            transaction: *transaction,
            rank: self.references.rank_of(transaction.reference, transaction.key.low()),
            traits: shard.traits(transaction.key),
        })
    }

    /// Copies one shard, in bites: as of one record, because a copy during which it changed is begun anew.
    pub fn copy_one(&self, index: usize, copy: &mut ShardCopy) {
        let shard = || self.shards[index].lock();
        for _ in 0..COPIES {
            let (slots, sequence) = {
                let shard = shard();
                (shard.slots(), shard.sequence())
            };
            copy.begin(slots, sequence);
            let mut whole = Some(false);
            while whole == Some(false) {
                whole = copy.bite(&shard(), BITE);
            }
            if whole.is_some() {
                return;
            }
        }
        let shard = shard();
        copy.begin(shard.slots(), shard.sequence());
        let _ = copy.bite(&shard, usize::MAX);
    }

    /// What a snapshot keeps of a copied transaction. Where it is found has perhaps changed since it was copied, by records that
    /// are replayed on it.
    pub fn remember(&self, transaction: &Transaction, traits: &Traits) -> Remembered {
        let rank = self.references.rank_of(transaction.reference, transaction.key.low());
        Remembered { transaction: *transaction, rank, traits: *traits }
    }

    /// Fills an empty shard with what a snapshot holds of it as of `sequence`.
    pub fn restore(&self, index: usize, remembered: &[Remembered], sequence: u64) {
        let transactions = remembered.iter().map(|known| (known.transaction, known.traits));
        self.shards[index].lock().restore(transactions, sequence);
        for Remembered { transaction, rank, traits } in remembered {
            let low = transaction.key.low();
            self.references.link(transaction.reference, low, *rank);
            self.names.link(traits.name, low, traits.rank());
        }
    }

    /// The same for the counters that a restored transaction counts in.
    pub fn restore_uses(&self, index: usize, key: TransactionKey, uses: Uses) {
        self.shards[index].lock().restore_uses(key, uses);
    }

    /// Transactions remembered, and how many of them are open.
    pub fn len(&self) -> (usize, usize) {
        self.shards
            .iter()
            .map(|shard| shard.lock().len())
            .fold((0, 0), |(all, open), shard| (all + shard.0, open + shard.1))
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Visits one shard under its lock.
    pub fn visit_one(&self, index: usize, visit: impl FnOnce(&mut Shard)) {
        visit(&mut self.shards[index].lock());
    }

    /// Visits the shards one after the other, each locked for the visit only.
    pub fn visit(&self, mut visit: impl FnMut(&mut Shard)) {
        for shard in &self.shards {
            visit(&mut shard.lock());
        }
    }

    /// Sum of hashes of all transactions, of what made them and of what their names find: the same for the same content, in whatever
    /// order it is stored.
    pub fn hash(&self) -> u64 {
        let mut sum = self.references.hash().wrapping_add(self.names.hash().rotate_left(1));
        self.visit(|shard| {
            for transaction in shard.iter() {
                let uses = shard.uses(transaction.key);
                let uses = if uses.is_empty() { 0 } else { hash_of(uses).rotate_left(1) };
                let made = hash_of(&shard.traits(transaction.key)).rotate_left(2);
                sum = sum.wrapping_add(hash_of(transaction) ^ uses ^ made);
            }
        });
        sum
    }
}

/// Approved by now, whatever came before.
fn is_approved(transaction: &Transaction) -> bool {
    matches!(transaction.state, State::Held | State::Posted | State::Approved)
}

/// A hash of a value's stored bytes.
pub(super) fn hash_of<T: Fixed>(value: &T) -> u64 {
    let mut room = [0; 256];
    let unused = value.put(&mut room).len();
    let mut hasher = SipHasher13::new();
    hasher.write(&room[..256 - unused]);
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::transaction::State;
    use super::*;
    use crate::message::{Operation, Refusal, ResponseCode};

    fn transaction(number: u64, time_us: i64, held_minor: i64) -> Transaction {
        Transaction {
            // All in shard 0.
            key: TransactionKey(u128::from(number)),
            fingerprint: 0,
            reference: number,
            last_reversal: 0,
            time_us,
            card: 0,
            account: 0,
            operation: Operation::Purchase,
            state: State::Held,
            flags: 0,
            refusal: Refusal::None,
            code: ResponseCode::APPROVED,
            approval: *b"A1B2C3",
            requested_minor: held_minor,
            amount_minor: held_minor,
            held_minor,
            posted_minor: 0,
            extra: [0; 2],
            expires_s: 0,
        }
    }

    fn keys(table: &Table) -> Vec<u128> {
        let mut keys = Vec::new();
        table.visit(|shard| keys.extend(shard.iter().map(|transaction| transaction.key.0)));
        keys
    }

    #[test]
    fn forgets_the_oldest_closed_one_beyond_the_count() {
        let table = Table::new(TableOptions { max: 4 * SHARDS, window_us: 1_000 });
        let mut shard = table.lock(TransactionKey(0));
        for (number, held) in [(1, 0), (2, 70), (3, 0), (4, 0), (5, 0), (6, 0)] {
            table.put(&mut shard, &transaction(number, 0, held), &[], number, Traits::default);
        }
        drop(shard);
        // 1 and 3 went; 2 still holds money.
        assert_eq!(keys(&table), [4, 5, 6, 2]);
        let found = |reference| table.referred(reference).and_then(|found| found.lows().next());
        assert_eq!((found(1), found(2)), (None, Some(2)));
        assert_eq!(table.len(), (4, 1));
    }

    #[test]
    fn forgets_what_is_older_than_the_window() {
        let table = Table::new(TableOptions { max: 4 * SHARDS, window_us: 1_000 });
        let mut shard = table.lock(TransactionKey(0));
        for (number, time_us, held) in [(1, 0, 0), (2, 500, 9), (3, 900, 0), (4, 1_600, 0)] {
            table.put(&mut shard, &transaction(number, time_us, held), &[], number, Traits::default);
        }
        drop(shard);
        assert_eq!(keys(&table), [3, 4, 2]);
    }

    #[test]
    fn a_table_full_of_open_ones_says_so_and_advices_get_a_quarter_more() {
        let table = Table::new(TableOptions { max: 4 * SHARDS, window_us: 1_000 });
        let mut shard = table.lock(TransactionKey(0));
        let mut fits = |number| {
            let room = (shard.has_room(false), shard.has_room(true));
            table.put(&mut shard, &transaction(number, 0, 1), &[], number, Traits::default);
            room
        };
        assert_eq!(
            (1..=6).map(&mut fits).collect::<Vec<_>>()[3..],
            [(true, true), (false, true), (false, false)]
        );
    }

    #[test]
    fn two_lockers_of_the_same_pair_do_not_wait_for_each_other() {
        let table = Table::new(TableOptions { max: 1, window_us: 1 });
        let (a, b) = (TransactionKey(1 << 40), TransactionKey(2 << 40));
        std::thread::scope(|scope| {
            for (first, second) in [(a, b), (b, a)] {
                let table = &table;
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        drop(table.lock_both(first, second));
                    }
                });
            }
        });
        let (own, other) = table.lock_both(b, a);
        assert_eq!((own.sequence(), other.map(|shard| shard.sequence())), (0, Some(0)));
        assert!(table.lock_both(a, TransactionKey((1 << 40) | 5)).1.is_none());
    }
}
