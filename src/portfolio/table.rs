//! The transactions that are remembered: answers for repeats, open authorizations for reversals and completions.
//! Bounded by count and age; what holds money is never forgotten, what moved it only by age. Must not decide anything.

use super::alike::{Alike, Candidates};
use super::counts::CounterChange;
use super::keeping::{Keeping, Rooms};
use super::layout::{Fixed, layout};
use super::shard::{Shard, ShardCopy, seconds};
use super::shared_count::SharedCount;
use super::traits::{FOUND, Traits, precedes, rank};
use super::transaction::{State, Transaction, TransactionKey};
use super::uses::Uses;
use parking_lot::{Mutex, MutexGuard};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// Most transactions that must be kept at a time; advices and reversals have a quarter more.
    pub max: usize,
    /// How long one is remembered after its last change, once it holds nothing.
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
    max: usize,
    /// How many transactions must be kept, in all shards.
    kept: SharedCount,
}

/// What of a record stands beside the transactions it sets.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// Its sequence.
    pub sequence: u64,
    /// Its time, microseconds since 1970.
    pub time_us: i64,
    /// Its changes of counters, where they are for this transaction.
    pub counts: &'a [CounterChange],
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
        let rooms = Rooms::of(options.max, SHARDS);
        // Those that are kept, the advices' quarter among them, and the idle ones.
        let most = options.max + options.max / 4 + options.max / 8;
        Table {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(rooms, options.window_us))).collect(),
            references: Alike::new(most),
            names: Alike::new(most),
            max: options.max,
            kept: SharedCount::default(),
        }
    }

    /// Most transactions that must be kept at a time.
    pub fn max(&self) -> usize {
        self.max
    }

    /// How many transactions must be kept by now: those that hold, moved or vouch for money.
    pub fn kept(&self) -> usize {
        self.kept.get()
    }

    /// Whether so many more that must be kept find a place, one of them in this locked shard: for a request, or for an advice or
    /// a reversal, which cannot be declined. Exact but for what other threads are deciding in the same moment.
    pub fn has_room(&self, shard: &Shard, for_advice: bool, more: usize) -> bool {
        let most = self.max + if for_advice { self.max / 4 } else { 0 };
        self.kept() + more <= most && shard.has_place(for_advice)
    }

    /// What touches the memory that is set aside, part by part: see [`Portfolio::touch`](super::Portfolio::touch).
    pub(super) fn touches(&self, with_limits: bool) -> Vec<Box<dyn FnOnce() + Send + '_>> {
        let shards = self.shards.iter().map(move |shard| {
            Box::new(move || shard.lock().touch(with_limits)) as Box<dyn FnOnce() + Send + '_>
        });
        let names = self.references.touches().chain(self.names.touches());
        names.map(|touch| Box::new(touch) as Box<dyn FnOnce() + Send + '_>).chain(shards).collect()
    }

    /// When the booked one that changed longest ago did so, seconds since 1970: how far back memory reaches.
    pub fn oldest_booked_s(&self) -> Option<u32> {
        self.shards.iter().filter_map(|shard| shard.lock().oldest_booked_s()).min()
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

    /// Sets a transaction in its locked shard and forgets what the bounds no longer cover. `traits` says what makes it, where it
    /// is new. The same puts in the same order forget the same transactions.
    pub fn put(
        &self,
        shard: &mut Shard,
        transaction: &Transaction,
        written: Written<'_>,
        traits: impl FnOnce() -> Traits,
    ) {
        let Written { sequence, time_us, counts } = written;
        let (reference, low) = (transaction.reference, transaction.key.low());
        let (before, changed_s) = (shard.kept(), seconds(time_us));
        match shard.replace(transaction, sequence, changed_s) {
            Some(known) if known.state == State::Declined && is_approved(transaction) => {
                self.references.link(reference, low, rank(transaction, sequence));
            }
            Some(_) => {}
            None => {
                // First, so that the new one takes a slot that has just been touched.
                shard.forget(Keeping::of(transaction), time_us, |forgotten, traits| {
                    self.references.unlink(forgotten.reference, forgotten.key.low());
                    self.names.unlink(traits.name, forgotten.key.low());
                });
                let traits = Traits { made: sequence, changed_s, ..traits() };
                shard.insert(transaction, traits);
                self.references.link(reference, low, rank(transaction, sequence));
                self.names.link(traits.name, low, traits.rank());
            }
        }
        shard.keep_uses(transaction, counts);
        self.kept.change(before, shard.kept());
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

    /// What a snapshot keeps of a copied shard, in the order of [`Shard::iter`]: for [`Table::restore`]. Where a transaction is
    /// found has perhaps changed since it was copied, by records that are replayed on it.
    pub fn remembered<'a>(&'a self, copy: &'a ShardCopy) -> impl Iterator<Item = Remembered> + use<'a> {
        copy.iter().map(|(transaction, traits, _)| Remembered {
            transaction: *transaction,
            rank: self.references.rank_of(transaction.reference, transaction.key.low()),
            traits: *traits,
        })
    }

    /// Fills an empty shard with what a snapshot holds of it as of `sequence`.
    pub fn restore(&self, index: usize, remembered: &[Remembered], sequence: u64) {
        let transactions = remembered.iter().map(|known| (known.transaction, known.traits));
        let mut shard = self.shards[index].lock();
        shard.restore(transactions, sequence);
        self.kept.change(0, shard.kept());
        drop(shard);
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
    use super::super::card::NOBODY;
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

    const SECOND_US: i64 = 1_000_000;

    fn declined(number: u64, time_s: i64) -> Transaction {
        Transaction { state: State::Declined, ..transaction(number, time_s * SECOND_US, 0) }
    }

    fn posted(number: u64, time_s: i64) -> Transaction {
        Transaction { state: State::Posted, ..transaction(number, time_s * SECOND_US, 0) }
    }

    fn put_all(table: &Table, all: &[Transaction]) {
        let mut shard = table.lock(TransactionKey(0));
        for (sequence, transaction) in (1..).zip(all) {
            let written = Written { sequence, time_us: transaction.time_us, counts: &[] };
            table.put(&mut shard, transaction, written, Traits::default);
        }
    }

    #[test]
    fn what_was_only_answered_goes_and_what_books_stays() {
        let table = Table::new(TableOptions { max: 4 * SHARDS, window_us: 1_000 * SECOND_US });
        let mut all = vec![transaction(1, 0, 70), posted(2, 0)];
        all.extend((3..90).map(|number| declined(number, 0)));
        put_all(&table, &all);
        // Eight have room, however many come; what moved and what holds money are there.
        assert_eq!(keys(&table), [82, 83, 84, 85, 86, 87, 88, 89, 2, 1]);
        let found = |reference| table.referred(reference).and_then(|found| found.lows().next());
        assert_eq!((found(3), found(1), found(2)), (None, Some(1), Some(2)));
        assert_eq!((table.len(), table.kept()), ((10, 1), 2));
    }

    #[test]
    fn strangers_push_out_none_but_strangers() {
        let table = Table::new(TableOptions { max: 4 * SHARDS, window_us: 1_000 * SECOND_US });
        let mut all: Vec<_> = (1..=6).map(|number| declined(number, 0)).collect();
        let refusal = Refusal::UnknownCard;
        let flags = super::super::transaction::REQUEST_SEEN;
        all.extend((10..90).map(|number| Transaction {
            card: NOBODY,
            refusal,
            flags,
            ..declined(number, 0)
        }));
        put_all(&table, &all);
        assert_eq!(keys(&table), [88, 89, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn the_window_is_counted_from_the_last_change() {
        let table = Table::new(TableOptions { max: 4 * SHARDS, window_us: 1_000 * SECOND_US });
        let held = transaction(1, 0, 9);
        let completed = Transaction { held_minor: 0, state: State::Completed, ..held };
        put_all(&table, &[held, posted(2, 500), posted(3, 900)]);
        let mut shard = table.lock(TransactionKey(0));
        let written = Written { sequence: 9, time_us: 5_000 * SECOND_US, counts: &[] };
        table.put(&mut shard, &completed, written, Traits::default);
        assert_eq!(shard.oldest_booked_s(), Some(500));
        let put = |shard: &mut Shard, new: Transaction| {
            table.put(shard, &new, Written { time_us: new.time_us, ..written }, Traits::default);
        };
        put(&mut shard, posted(4, 6_000));
        assert_eq!(shard.iter().map(|known| { known.key.0 }).collect::<Vec<_>>(), [1, 4]);
        put(&mut shard, posted(5, 6_001));
        assert_eq!(shard.iter().map(|known| { known.key.0 }).collect::<Vec<_>>(), [4, 5]);
    }

    #[test]
    fn a_full_table_says_so_at_exactly_its_most_and_advices_get_a_quarter_more() {
        const MAX: usize = 8_000;
        let table = Table::new(TableOptions { max: MAX, window_us: 1_000 * SECOND_US });
        let mut random = 0x9e37_79b9_7f4a_7c15u128;
        let mut put = || {
            random =
                random.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1_442_695_041);
            let key = TransactionKey(random >> 32);
            let mut shard = table.lock(key);
            let room = (table.has_room(&shard, false, 1), table.has_room(&shard, true, 1));
            if room.1 {
                let written = Written { sequence: 1, time_us: 0, counts: &[] };
                table.put(&mut shard, &Transaction { key, ..posted(0, 0) }, written, Traits::default);
            }
            room
        };
        let rooms: Vec<_> = (0..=MAX + MAX / 4).map(|_| put()).collect();
        assert_eq!(rooms.iter().position(|(request, _)| !request), Some(MAX));
        assert_eq!(rooms.iter().position(|(_, advice)| !advice), Some(MAX + MAX / 4));
        assert_eq!(table.kept(), MAX + MAX / 4);
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
