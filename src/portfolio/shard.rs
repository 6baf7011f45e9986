//! One part of the table of transactions: slots that are used again, found by key, threaded on two queues: the
//! closed ones, oldest first, may be forgotten; the open ones hold money and may not. Must not know its siblings.

use super::counts::CounterChange;
use super::due::Due;
use super::traits::Traits;
use super::transaction::{Transaction, TransactionKey};
use super::uses::Uses;
use hashbrown::HashTable;

mod bites;
pub use bites::ShardCopy;

/// No slot.
const NONE: u32 = u32::MAX;

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
    closed: Queue,
    open: Queue,
    due: Due,
    capacity: u32,
    window_us: i64,
    /// The last journal record that changed it.
    sequence: u64,
}

/// One pair of cache lines, which the hardware fetches together: a transaction and its neighbours in its queue.
#[derive(Clone, Copy, Debug)]
#[repr(align(128))]
struct Slot {
    transaction: Transaction,
    older: u32,
    newer: u32,
}

const _: () = assert!(size_of::<Slot>() == 128);

#[derive(Clone, Copy, Debug)]
struct Queue {
    oldest: u32,
    newest: u32,
    length: u32,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue::EMPTY
    }
}

impl Queue {
    const EMPTY: Queue = Queue { oldest: NONE, newest: NONE, length: 0 };

    fn push(&mut self, slots: &mut [Slot], slot: u32) {
        (slots[slot as usize].older, slots[slot as usize].newer) = (self.newest, NONE);
        match self.newest {
            NONE => self.oldest = slot,
            before => slots[before as usize].newer = slot,
        }
        self.newest = slot;
        self.length += 1;
    }

    fn remove(&mut self, slots: &mut [Slot], slot: u32) {
        let Slot { older, newer, .. } = slots[slot as usize];
        match older {
            NONE => self.oldest = newer,
            older => slots[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => slots[newer as usize].older = older,
        }
        self.length -= 1;
    }

    fn iter<'a>(&self, slots: &'a [Slot]) -> impl Iterator<Item = &'a Transaction> + use<'a> {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let slot = slots.get(next as usize)?;
            next = slot.newer;
            Some(&slot.transaction)
        })
    }
}

impl Shard {
    /// A shard for this many transactions. Room is set aside for a half more: open ones of advices, which cannot
    /// be declined, and the closed ones that are kept beside a shard full of open ones.
    pub(super) fn new(capacity: usize, window_us: i64) -> Shard {
        let room = capacity + capacity / 2 + 1;
        Shard {
            slots: Vec::with_capacity(room),
            traits: Vec::with_capacity(room),
            uses: Vec::with_capacity(room),
            unused: NONE,
            index: HashTable::with_capacity(room),
            closed: Queue::EMPTY,
            open: Queue::EMPTY,
            due: Due::new(room),
            capacity: u32::try_from(capacity).unwrap_or(NONE / 2),
            window_us,
            sequence: 0,
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
        ((self.closed.length + self.open.length) as usize, self.open.length as usize)
    }

    /// Whether one more open transaction fits: for a request, or for an advice that cannot be declined.
    pub fn has_room(&self, for_advice: bool) -> bool {
        self.open.length < self.capacity + if for_advice { self.capacity / 4 } else { 0 }
    }

    /// Slots that are or were in use.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The last journal record that changed it.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// All transactions: the closed ones, oldest first, then the open ones, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.closed.iter(&self.slots).chain(self.open.iter(&self.slots))
    }

    /// The one whose hold runs out first, if it has by `now_s`, seconds since 1970.
    pub fn first_due(&self, now_s: u32) -> Option<&Transaction> {
        let (slot, _) = self.due.first().filter(|(_, expires_s)| *expires_s <= now_s)?;
        Some(&self.slots[slot as usize].transaction)
    }

    /// Sets a known transaction and returns it as it was. One that opens or closes becomes the newest of its queue.
    pub(super) fn replace(&mut self, transaction: &Transaction, sequence: u64) -> Option<Transaction> {
        self.sequence = sequence;
        let slot = self.find(transaction.key)?;
        let known = std::mem::replace(&mut self.slots[slot as usize].transaction, *transaction);
        let (was_closed, is_closed) = (known.is_closed(), transaction.is_closed());
        if was_closed != is_closed {
            self.queue(was_closed).remove_from(slot);
            self.queue(is_closed).push_to(slot);
        }
        self.due.set(slot, transaction.runs_out_s());
        Some(known)
    }

    /// Adds a transaction that is not there yet, as the newest of its queue.
    pub(super) fn insert(&mut self, transaction: &Transaction, traits: Traits) {
        let new = Slot { transaction: *transaction, older: NONE, newer: NONE };
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
        self.queue(transaction.is_closed()).push_to(slot);
        self.due.set(slot, transaction.runs_out_s());
    }

    fn queue(&mut self, closed: bool) -> QueueOf<'_> {
        QueueOf { queue: if closed { &mut self.closed } else { &mut self.open }, slots: &mut self.slots }
    }

    /// Makes room for one more: forgets closed ones beyond the count, or from before the window that ends at `now_us`,
    /// and shows each. A quarter of the count stays for closed ones however many are open. A few at a time keep up
    /// with one arrival at a time, and nobody waits long for the lock.
    pub(super) fn forget(&mut self, now_us: i64, mut show: impl FnMut(&Transaction, &Traits)) {
        let before_us = now_us.saturating_sub(self.window_us);
        for _ in 0..4 {
            let slot = self.closed.oldest;
            let Some(Slot { transaction: oldest, .. }) = self.slots.get(slot as usize) else { return };
            let too_many = self.closed.length + self.open.length >= self.capacity
                && self.closed.length >= self.capacity / 4;
            if !too_many && oldest.time_us >= before_us {
                return;
            }
            show(oldest, &self.traits[slot as usize]);
            let key = oldest.key;
            self.queue(true).remove_from(slot);
            if let Ok(entry) = self.index.find_entry(key.low(), |known| *known == slot) {
                entry.remove();
            }
            self.slots[slot as usize].newer = self.unused;
            self.unused = slot;
        }
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

/// A queue together with the slots it is threaded through.
struct QueueOf<'a> {
    queue: &'a mut Queue,
    slots: &'a mut [Slot],
}

impl QueueOf<'_> {
    fn push_to(self, slot: u32) {
        self.queue.push(self.slots, slot);
    }

    fn remove_from(self, slot: u32) {
        self.queue.remove(self.slots, slot);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::transaction::State;
    use super::*;
    use crate::message::{Operation, Refusal, ResponseCode};

    fn transaction(number: u64, time_us: i64, held_minor: i64) -> Transaction {
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

    /// The same rules without slots, links and index.
    #[derive(Default)]
    struct Model {
        closed: Vec<Transaction>,
        open: Vec<Transaction>,
    }

    impl Model {
        fn put(&mut self, new: Transaction, capacity: usize, window_us: i64) {
            let place = |list: &[Transaction]| list.iter().position(|known| known.key == new.key);
            match (place(&self.closed), place(&self.open), new.is_closed()) {
                (Some(at), _, true) => self.closed[at] = new,
                (_, Some(at), false) => self.open[at] = new,
                (Some(at), ..) => {
                    self.closed.remove(at);
                    self.open.push(new);
                }
                (_, Some(at), _) => {
                    self.open.remove(at);
                    self.closed.push(new);
                }
                (None, None, _) => {
                    for _ in 0..4 {
                        let full = self.closed.len() + self.open.len() >= capacity
                            && self.closed.len() >= capacity / 4;
                        if self
                            .closed
                            .first()
                            .is_some_and(|old| full || old.time_us < new.time_us - window_us)
                        {
                            self.closed.remove(0);
                        }
                    }
                    if new.is_closed() { self.closed.push(new) } else { self.open.push(new) }
                }
            }
        }
    }

    #[test]
    fn behaves_as_two_plain_lists_do() {
        const CAPACITY: usize = 12;
        const WINDOW_US: i64 = 40;
        let (mut shard, mut model) = (Shard::new(CAPACITY, WINDOW_US), Model::default());
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        for turn in 0..20_000i64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few keys, so that known ones come again, and a third of them open: sometimes more than fit.
            let (number, held) = ((random >> 33) % 30, i64::from((random >> 40).is_multiple_of(3)));
            let new = transaction(number, turn, held);
            model.put(new, CAPACITY, WINDOW_US);
            if shard.replace(&new, turn as u64).is_none() {
                shard.forget(new.time_us, |_, _| {});
                shard.insert(&new, Traits::default());
            }
            assert!(shard.iter().eq(model.closed.iter().chain(&model.open)), "turn {turn}");
            let first = model.open.iter().map(|open| open.expires_s).min();
            assert_eq!(shard.first_due(u32::MAX).map(|due| due.expires_s), first, "turn {turn}");
            assert_eq!(shard.len(), (model.closed.len() + model.open.len(), model.open.len()));
        }
        for number in 0..30 {
            let known = model.closed.iter().chain(&model.open).find(|known| { known.key.0 } == number);
            assert_eq!(shard.get(TransactionKey(number)), known);
        }
        assert!(shard.slots.len() <= 31, "slots are used again");
    }
}
