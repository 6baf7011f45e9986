//! The transactions that are remembered: answers for repeats, open authorizations for reversals and completions.
//! Bounded by count and age; an open authorization is never forgotten. Must not decide anything.

use super::layout::Fixed;
use super::transaction::{State, Transaction, TransactionKey};
use dashmap::DashMap;
use parking_lot::{Mutex, MutexGuard};
use siphasher::sip::SipHasher13;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// Most transactions at a time.
    pub max: usize,
    /// How long a closed one is remembered.
    pub window_us: i64,
}

/// Keys are keyed hashes already: their low bits serve as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
    fn write_u128(&mut self, number: u128) {
        self.0 = number as u64;
    }
}

type ReadyState = BuildHasherDefault<Ready>;

/// Shards of the table; a power of two. Enough that a lock held for a decision, or a sweep of one shard, is
/// rarely waited for.
const SHARDS: usize = 1024;

/// Advices and reversals may fill a shard this much further (in quarters) than requests: they cannot be declined.
const ADVICE_QUARTERS: usize = 1;

/// All remembered transactions.
#[derive(Debug)]
pub struct Table {
    shards: Box<[Mutex<Shard>]>,
    references: DashMap<u64, TransactionKey, ReadyState>,
}

/// One part of the table. Its lock is held while a transaction of it is decided, so that a repeat waits.
#[derive(Debug)]
pub struct Shard {
    transactions: HashMap<TransactionKey, Transaction, ReadyState>,
    /// Oldest first; an open one found at the front goes to the back.
    order: VecDeque<TransactionKey>,
    open: usize,
    capacity: usize,
    window_us: i64,
    /// The last journal record that changed it.
    sequence: u64,
}

impl Table {
    /// An empty table with room set aside, so that it never grows while serving.
    pub fn new(options: TableOptions) -> Table {
        let capacity = options.max.div_ceil(SHARDS).max(4);
        let shard = || {
            Mutex::new(Shard {
                transactions: HashMap::with_capacity_and_hasher(
                    capacity + capacity / 4 + 1,
                    ReadyState::default(),
                ),
                order: VecDeque::with_capacity(capacity + capacity / 4 + 1),
                open: 0,
                capacity,
                window_us: options.window_us,
                sequence: 0,
            })
        };
        Table {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            references: DashMap::with_capacity_and_hasher(options.max, ReadyState::default()),
        }
    }

    fn index(key: TransactionKey) -> usize {
        (key.0 >> 64) as usize % SHARDS
    }

    /// Locks the shard of a key.
    pub fn lock(&self, key: TransactionKey) -> MutexGuard<'_, Shard> {
        self.shards[Self::index(key)].lock()
    }

    /// Locks the shards of two keys, always in the order of their place so that two lockers cannot wait for each
    /// other. The second is `None` when both keys live in one shard.
    pub fn lock_both(
        &self,
        first: TransactionKey,
        second: TransactionKey,
    ) -> (MutexGuard<'_, Shard>, Option<MutexGuard<'_, Shard>>) {
        let (a, b) = (Self::index(first), Self::index(second));
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

    /// The latest approved transaction with this reference (card and DE37), else the first declined one.
    pub fn find_reference(&self, reference: u64) -> Option<TransactionKey> {
        if reference == 0 { None } else { self.references.get(&reference).map(|key| *key) }
    }

    /// Sets a transaction in its locked shard and forgets what the bounds no longer cover. `sequence` is the
    /// record's. The same puts in the same order forget the same transactions.
    pub fn put(&self, shard: &mut Shard, transaction: &Transaction, sequence: u64) {
        shard.sequence = sequence;
        shard.open += usize::from(!transaction.is_closed());
        let before = shard.transactions.insert(transaction.key, *transaction);
        match before {
            Some(before) => shard.open -= usize::from(!before.is_closed()),
            None => shard.order.push_back(transaction.key),
        }
        // What changes later, by a reversal or the end of its hold, does not become the latest; a late approval does.
        let approved = matches!(transaction.state, State::Held | State::Posted | State::Approved);
        if before.is_none_or(|before| before.state == State::Declined && approved) {
            self.link_reference(transaction);
        }
        self.forget(shard, transaction.time_us.saturating_sub(shard.window_us));
    }

    fn forget(&self, shard: &mut Shard, before_us: i64) {
        // A few steps a put keep up with one arrival a put; open ones met on the way go to the back.
        for _ in 0..4 {
            let Some(oldest) = shard.order.front().and_then(|key| shard.transactions.get(key)) else {
                return;
            };
            if shard.transactions.len() <= shard.capacity && oldest.time_us >= before_us {
                return;
            }
            let (key, closed, reference) = (oldest.key, oldest.is_closed(), oldest.reference);
            shard.order.pop_front();
            if closed {
                shard.transactions.remove(&key);
                self.references.remove_if(&reference, |_, latest| *latest == key);
            } else {
                shard.order.push_back(key);
            }
        }
    }

    /// Transactions remembered, and how many of them are open.
    pub fn len(&self) -> (usize, usize) {
        self.shards
            .iter()
            .map(|shard| shard.lock())
            .fold((0, 0), |(all, open), shard| (all + shard.transactions.len(), open + shard.open))
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Visits one shard under its lock.
    pub fn visit_one(&self, index: usize, visit: impl FnOnce(&mut Shard)) {
        visit(&mut self.shards[index].lock());
    }

    /// Makes a transaction the one its reference finds. A declined one does not hide one that was approved.
    pub fn link_reference(&self, transaction: &Transaction) {
        match (transaction.reference, transaction.state) {
            (0, _) => {}
            (reference, State::Declined) => {
                self.references.entry(reference).or_insert(transaction.key);
            }
            (reference, _) => {
                self.references.insert(reference, transaction.key);
            }
        }
    }

    /// Visits the shards one after the other, each locked for the visit only.
    pub fn visit(&self, mut visit: impl FnMut(&mut Shard)) {
        for shard in &self.shards {
            visit(&mut shard.lock());
        }
    }

    /// Sum of hashes of all transactions: the same for the same content, in whatever order it is stored.
    pub fn hash(&self) -> u64 {
        let mut sum = 0u64;
        self.visit(|shard| {
            for transaction in shard.transactions.values() {
                sum = sum.wrapping_add(hash_of(transaction));
            }
        });
        sum
    }
}

/// A hash of a value's stored bytes.
pub(super) fn hash_of<T: Fixed>(value: &T) -> u64 {
    let mut room = [0; 256];
    let unused = value.put(&mut room).len();
    let mut hasher = SipHasher13::new();
    hasher.write(&room[..256 - unused]);
    hasher.finish()
}

impl Shard {
    /// The transaction with this key.
    pub fn get(&self, key: TransactionKey) -> Option<&Transaction> {
        self.transactions.get(&key)
    }

    /// Whether one more open transaction fits: for a request, or for an advice that cannot be declined.
    pub fn has_room(&self, for_advice: bool) -> bool {
        self.open < self.capacity + if for_advice { self.capacity / 4 * ADVICE_QUARTERS } else { 0 }
    }

    /// The last journal record that changed it.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// All transactions, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.order.iter().filter_map(|key| self.transactions.get(key))
    }

    /// Fills an empty shard with what a snapshot holds of it: `transactions` oldest first, as of `sequence`.
    pub fn restore(&mut self, transactions: &[Transaction], sequence: u64) {
        for transaction in transactions {
            self.open += usize::from(!transaction.is_closed());
            self.order.push_back(transaction.key);
            self.transactions.insert(transaction.key, *transaction);
        }
        self.sequence = sequence;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
            balances_minor: [0; 2],
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
            table.put(&mut shard, &transaction(number, 0, held), number);
        }
        drop(shard);
        // 1 and 3 went; 2 still holds money.
        assert_eq!(keys(&table), [4, 5, 6, 2]);
        assert_eq!((table.find_reference(1), table.find_reference(2)), (None, Some(TransactionKey(2))));
        assert_eq!(table.len(), (4, 1));
    }

    #[test]
    fn forgets_what_is_older_than_the_window() {
        let table = Table::new(TableOptions { max: 4 * SHARDS, window_us: 1_000 });
        let mut shard = table.lock(TransactionKey(0));
        for (number, time_us, held) in [(1, 0, 0), (2, 500, 9), (3, 900, 0), (4, 1_600, 0)] {
            table.put(&mut shard, &transaction(number, time_us, held), number);
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
            table.put(&mut shard, &transaction(number, 0, 1), number);
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
        let (a, b) = (TransactionKey(1 << 64), TransactionKey(2 << 64));
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
        assert!(table.lock_both(a, TransactionKey((1 << 64) | 5)).1.is_none());
    }
}
