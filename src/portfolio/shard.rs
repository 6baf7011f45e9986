//! One part of the table of transactions: slots that are used again, found by key, threaded on one queue for each
//! [`Keeping`], oldest first. What it forgets follows from what was put into it alone. Must not know its siblings.

use super::counts::CounterChange;
use super::due::Due;
use super::keeping::{Keeping, Rooms};
use super::queue::{NONE, Queue, Slot};
use super::touch::{touch_list, touch_table};
use super::traits::Traits;
use super::transaction::{Transaction, TransactionKey};
use super::uses::Uses;
use hashbrown::HashTable;

mod bites;
pub use bites::ShardCopy;

/// One part of the table. Its lock is held while a transaction of it is decided, so that a repeat waits.
#[derive(Debug)]
pub struct Shard {
    slots: Vec<Slot>,
    /// What made the transaction in the same slot said of itself.
    traits: Vec<Traits>,
    /// The counters of limits of the transaction in the same slot, as far as any has had one: where there are no limits, not
    /// a page of it is touched.
    uses: Vec<Uses>,
    /// First of the slots to use again, chained by `newer`.
    unused: u32,
    index: HashTable<u32>,
    /// By [`Keeping`].
    queues: [Queue; Keeping::ALL.len()],
    due: Due,
    rooms: Rooms,
    window_us: i64,
    /// The last journal record that changed it.
    sequence: u64,
}

impl Shard {
    /// A shard with these rooms. All of it is set aside, so that it never grows while serving.
    pub(super) fn new(rooms: Rooms, window_us: i64) -> Shard {
        let room = rooms.slots();
        Shard {
            slots: Vec::with_capacity(room),
            traits: Vec::with_capacity(room),
            uses: Vec::with_capacity(room),
            unused: NONE,
            index: HashTable::with_capacity(room),
            queues: [Queue::EMPTY; Keeping::ALL.len()],
            due: Due::new(room),
            rooms,
            window_us,
            sequence: 0,
        }
    }

    /// Touches what is set aside; where there are limits, what keeps their counters too.
    pub(super) fn touch(&mut self, with_limits: bool) {
        let blank = Slot::new(&Transaction::BLANK);
        touch_list(&mut self.slots, blank);
        touch_list(&mut self.traits, Traits::default());
        touch_table(&mut self.index, NONE);
        self.due.touch();
        if with_limits {
            touch_list(&mut self.uses, Uses::EMPTY);
        }
    }

    fn find(&self, key: TransactionKey) -> Option<u32> {
        self.index.find(key.low(), |slot| self.slots[*slot as usize].transaction.key == key).copied()
    }

    /// The whole key of the transaction with this low half of it.
    pub(super) fn find_low(&self, low: u64) -> Option<TransactionKey> {
        let key = |slot: &u32| self.slots[*slot as usize].transaction.key;
        self.index.find(low, |slot| key(slot).low() == low).map(key)
    }

    /// The transaction with this key.
    pub fn get(&self, key: TransactionKey) -> Option<&Transaction> {
        self.find(key).map(|slot| &self.slots[slot as usize].transaction)
    }

    /// What made the transaction with this key said of itself; nothing where there is no such transaction.
    pub fn traits(&self, key: TransactionKey) -> Traits {
        self.find(key).map_or_else(Traits::default, |slot| self.traits[slot as usize])
    }

    /// The counters of limits that the transaction with this key counts in.
    pub fn uses(&self, key: TransactionKey) -> &Uses {
        // Without limits not even its slot is looked for.
        let slot = if self.uses.is_empty() { None } else { self.find(key) };
        slot.and_then(|slot| self.uses.get(slot as usize)).unwrap_or(&Uses::EMPTY)
    }

    /// Keeps which counters a transaction that is there counts in: those of `counts` that count it anew besides those it has
    /// had; none when it counts in no limit.
    pub(super) fn keep_uses(&mut self, transaction: &Transaction, counts: &[CounterChange]) {
        let limited = transaction.limited_minor();
        if self.uses.is_empty() && (limited.is_none() || counts.is_empty()) {
            return;
        }
        let Some(slot) = self.find(transaction.key) else { return };
        match limited {
            None => self.free_uses(slot),
            Some(counted_minor) => {
                for change in counts.iter().filter(|change| change.count > 0) {
                    self.uses_of(slot).add(change, counted_minor);
                }
            }
        }
    }

    fn free_uses(&mut self, slot: u32) {
        if let Some(uses) = self.uses.get_mut(slot as usize).filter(|uses| !uses.is_empty()) {
            *uses = Uses::EMPTY;
        }
    }

    /// Those of a slot, with room made up to it: never beyond what was set aside.
    fn uses_of(&mut self, slot: u32) -> &mut Uses {
        let slot = slot as usize;
        if self.uses.len() <= slot {
            self.uses.resize(slot + 1, Uses::EMPTY);
        }
        &mut self.uses[slot]
    }

    /// Transactions in it, and how many of them are open.
    pub fn len(&self) -> (usize, usize) {
        let all = self.queues.iter().map(Queue::len).sum::<u32>();
        (all as usize, self.length(Keeping::Open) as usize)
    }

    fn length(&self, keeping: Keeping) -> u32 {
        self.queues[keeping as usize].len()
    }

    /// How many of its transactions must be kept: those that hold, moved or vouch for money.
    pub(super) fn kept(&self) -> usize {
        (self.length(Keeping::Open) + self.length(Keeping::Booked)) as usize
    }

    /// How the transaction with this key is kept, if it is there.
    pub fn keeping(&self, key: TransactionKey) -> Option<Keeping> {
        self.get(key).map(Keeping::of)
    }

    /// Whether one more that must be kept has a place here: for a request, or for what cannot be declined.
    pub(super) fn has_place(&self, for_advice: bool) -> bool {
        self.kept() < if for_advice { self.rooms.advised } else { self.rooms.requested } as usize
    }

    /// When the booked one that changed longest ago did so, seconds since 1970.
    pub(super) fn oldest_booked_s(&self) -> Option<u32> {
        let oldest = self.queues[Keeping::Booked as usize].oldest();
        self.traits.get(oldest as usize).map(|traits| traits.changed_s)
    }

    /// Slots that are or were in use.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The last journal record that changed it.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// All transactions, by how they are kept in the order of [`Keeping::ALL`]; of each kind the one that changed longest ago first.
    pub fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.queues.iter().flat_map(|queue| queue.iter(&self.slots))
    }

    /// The one whose hold runs out first, if it has by `now_s`, seconds since 1970.
    pub fn first_due(&self, now_s: u32) -> Option<&Transaction> {
        let (slot, _) = self.due.first().filter(|(_, expires_s)| *expires_s <= now_s)?;
        Some(&self.slots[slot as usize].transaction)
    }

    /// Sets a known transaction, changed by the record of this sequence and time, and returns it as it was. It becomes the
    /// newest of its queue.
    pub(super) fn replace(
        &mut self,
        transaction: &Transaction,
        sequence: u64,
        changed_s: u32,
    ) -> Option<Transaction> {
        self.sequence = sequence;
        let slot = self.find(transaction.key)?;
        let known = std::mem::replace(&mut self.slots[slot as usize].transaction, *transaction);
        self.traits[slot as usize].changed_s = changed_s;
        self.queues[Keeping::of(&known) as usize].remove(&mut self.slots, slot);
        self.queues[Keeping::of(transaction) as usize].push(&mut self.slots, slot);
        self.due.set(slot, transaction.runs_out_s());
        Some(known)
    }

    /// Adds a transaction that is not there yet, as the newest of its queue.
    pub(super) fn insert(&mut self, transaction: &Transaction, traits: Traits) {
        let new = Slot::new(transaction);
        let slot = match self.unused {
            NONE => {
                self.slots.push(new);
                self.traits.push(traits);
                self.slots.len() as u32 - 1
            }
            slot => {
                self.unused = self.slots[slot as usize].newer;
                self.slots[slot as usize] = new;
                self.traits[slot as usize] = traits;
                self.free_uses(slot);
                slot
            }
        };
        let slots = &self.slots;
        let low = |slot: &u32| slots[*slot as usize].transaction.key.low();
        self.index.insert_unique(low(&slot), slot, low);
        self.queues[Keeping::of(transaction) as usize].push(&mut self.slots, slot);
        self.due.set(slot, transaction.runs_out_s());
    }

    /// Makes room for one more, kept like that: forgets what the rooms do not hold beside it or what last changed before the
    /// window that ends at `now_us`, and shows each. A few at a time keep up with one arrival at a time, and nobody waits long
    /// for the lock.
    pub(super) fn forget(&mut self, new: Keeping, now_us: i64, mut show: impl FnMut(&Transaction, &Traits)) {
        let before_s = seconds(now_us.saturating_sub(self.window_us));
        for _ in 0..4 {
            let Some(keeping) = self.forgettable(new, before_s) else { return };
            let slot = self.queues[keeping as usize].oldest();
            let oldest = &self.slots[slot as usize].transaction;
            show(oldest, &self.traits[slot as usize]);
            let key = oldest.key;
            self.queues[keeping as usize].remove(&mut self.slots, slot);
            if let Ok(entry) = self.index.find_entry(key.low(), |known| *known == slot) {
                entry.remove();
            }
            self.due.set(slot, 0);
            self.slots[slot as usize].newer = self.unused;
            self.unused = slot;
        }
    }

    /// Of which queue the oldest goes next. What is booked goes by its age alone, what is open never.
    fn forgettable(&self, new: Keeping, before_s: u32) -> Option<Keeping> {
        let more = |keeping: Keeping| u32::from(new == keeping);
        let strangers = self.length(Keeping::Stranger) + more(Keeping::Stranger);
        if strangers > self.rooms.strangers {
            return Some(Keeping::Stranger);
        }
        let known = self.length(Keeping::Idle);
        let full = self.len().0 as u32 >= self.rooms.share;
        if full && known > 0 && strangers + known + more(Keeping::Idle) > self.rooms.idle {
            return Some(Keeping::Idle);
        }
        let is_past = |keeping: &Keeping| {
            let oldest = self.queues[*keeping as usize].oldest();
            self.traits.get(oldest as usize).is_some_and(|traits| traits.changed_s < before_s)
        };
        [Keeping::Booked, Keeping::Idle, Keeping::Stranger].into_iter().find(is_past)
    }

    /// Fills an empty shard with what a snapshot holds of it, in the order of [`Shard::iter`], as of `sequence`.
    pub(super) fn restore(
        &mut self,
        transactions: impl Iterator<Item = (Transaction, Traits)>,
        sequence: u64,
    ) {
        for (transaction, traits) in transactions {
            self.insert(&transaction, traits);
        }
        self.sequence = sequence;
    }

    /// The same for the counters of one of them, after all of them.
    pub(super) fn restore_uses(&mut self, key: TransactionKey, uses: Uses) {
        if let Some(slot) = self.find(key) {
            *self.uses_of(slot) = uses;
        }
    }
}

/// Whole seconds of a time; 0 before 1970.
pub(super) fn seconds(time_us: i64) -> u32 {
    u32::try_from((time_us / 1_000_000).max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::card::NOBODY;
    use super::super::transaction::{REQUEST_SEEN, State};
    use super::*;
    use crate::message::{Operation, Refusal, ResponseCode};

    pub(super) fn transaction(number: u64, time_us: i64, held_minor: i64) -> Transaction {
        Transaction {
            key: TransactionKey(u128::from(number)),
            fingerprint: 0,
            reference: 0,
            last_reversal: 0,
            time_us,
            card: 0,
            account: 0,
            operation: Operation::Purchase,
            state: State::Held,
            flags: 0,
            refusal: Refusal::None,
            code: ResponseCode::APPROVED,
            approval: [b' '; 6],
            requested_minor: 0,
            amount_minor: 0,
            held_minor,
            posted_minor: 0,
            extra: [0; 2],
            expires_s: 1 + time_us as u32 % 50,
        }
    }

    /// Of no card of ours, declined, posted, or held.
    fn kept_as(number: u64, time_us: i64, keeping: Keeping) -> Transaction {
        let held = transaction(number, time_us, i64::from(keeping == Keeping::Open));
        let flags = REQUEST_SEEN;
        match keeping {
            Keeping::Stranger => {
                let (card, account, refusal) = (NOBODY, NOBODY, Refusal::UnknownCard);
                Transaction { card, account, refusal, flags, state: State::Declined, ..held }
            }
            Keeping::Idle => Transaction { flags, state: State::Declined, ..held },
            Keeping::Booked => Transaction { flags, state: State::Posted, ..held },
            Keeping::Open => held,
        }
    }

    /// The same rules without slots, links and index.
    #[derive(Default)]
    struct Model {
        lists: [Vec<(Transaction, i64)>; 4],
    }

    impl Model {
        fn put(&mut self, new: Transaction, now_s: i64, rooms: Rooms, window_s: i64) {
            let into = Keeping::of(&new);
            let known = self.all().any(|known| known.key == new.key);
            self.lists.iter_mut().for_each(|list| list.retain(|(known, _)| known.key != new.key));
            for _ in 0..if known { 0 } else { 4 } {
                let length =
                    |keeping: Keeping| self.lists[keeping as usize].len() + usize::from(keeping == into);
                let (strangers, idle) = (length(Keeping::Stranger), length(Keeping::Idle));
                let full = self.lists.iter().map(Vec::len).sum::<usize>() >= rooms.share as usize;
                let is_past = |keeping: &&Keeping| {
                    let first = self.lists[**keeping as usize].first();
                    first.is_some_and(|(_, changed_s)| *changed_s < now_s - window_s)
                };
                let goes = if strangers > rooms.strangers as usize {
                    Some(&Keeping::Stranger)
                } else if full && !self.lists[1].is_empty() && strangers + idle > rooms.idle as usize {
                    Some(&Keeping::Idle)
                } else {
                    [Keeping::Booked, Keeping::Idle, Keeping::Stranger].iter().find(is_past)
                };
                if let Some(goes) = goes {
                    self.lists[*goes as usize].remove(0);
                }
            }
            self.lists[into as usize].push((new, now_s));
        }

        fn all(&self) -> impl Iterator<Item = &Transaction> {
            self.lists.iter().flatten().map(|(known, _)| known)
        }
    }

    #[test]
    fn behaves_as_plain_lists_do() {
        const WINDOW_S: i64 = 40;
        let rooms = Rooms { share: 12, requested: 12, advised: 15, idle: 4, strangers: 2 };
        let (mut shard, mut model) = (Shard::new(rooms, WINDOW_S * 1_000_000), Model::default());
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        for turn in 1..20_000i64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few keys, so that known ones come again, of each kind as many.
            let (number, kind) = ((random >> 33) % 30, (random >> 40) as usize % 4);
            let (now_s, window_s) = (turn + 100, WINDOW_S);
            let new = kept_as(number, now_s * 1_000_000, Keeping::ALL[kind]);
            model.put(new, now_s, rooms, window_s);
            if shard.replace(&new, turn as u64, now_s as u32).is_none() {
                shard.forget(Keeping::of(&new), new.time_us, |_, _| {});
                shard.insert(&new, Traits { changed_s: now_s as u32, ..Traits::default() });
            }
            assert!(shard.iter().eq(model.all()), "turn {turn}");
            let first = model.lists[3].iter().map(|(open, _)| open.expires_s).min();
            assert_eq!(shard.first_due(u32::MAX).map(|due| due.expires_s), first, "turn {turn}");
            assert_eq!(shard.len(), (model.all().count(), model.lists[3].len()));
            assert_eq!(shard.kept(), model.lists[2].len() + model.lists[3].len());
            let oldest = model.lists[2].first().map(|(_, changed_s)| *changed_s as u32);
            assert_eq!(shard.oldest_booked_s(), oldest);
        }
        for number in 0..30 {
            let known = model.all().find(|known| { known.key.0 } == number);
            assert_eq!(shard.get(TransactionKey(number)), known);
        }
        assert!(shard.slots.len() <= 31, "slots are used again");
    }

    #[test]
    fn a_new_transaction_counts_nowhere_where_a_forgotten_one_did() {
        let rooms = Rooms { share: 12, requested: 12, advised: 15, idle: 4, strangers: 2 };
        let mut shard = Shard::new(rooms, 1_000_000);
        let [old, new] = [(1, 0), (2, 10)]
            .map(|(number, time_s): (u64, i64)| kept_as(number, time_s * 1_000_000, Keeping::Booked));
        let mut uses = Uses::EMPTY;
        let change = CounterChange {
            counter: 7,
            ordinal: 1,
            until_s: 9,
            ring: false,
            scaled: false,
            count: 1,
            amount_minor: 5,
        };
        uses.add(&change, 5);
        shard.insert(&old, Traits::default());
        shard.restore_uses(old.key, uses);
        assert!(!shard.uses(old.key).is_empty());
        shard.forget(Keeping::Booked, new.time_us, |_, _| {});
        shard.insert(&new, Traits::default());
        assert_eq!((shard.get(old.key), shard.slots.len()), (None, 1), "its slot is used again");
        assert!(shard.uses(new.key).is_empty());
    }
}
