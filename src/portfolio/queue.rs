//! The slots of a part of the table, threaded on queues without a list of their own. Must not know what a queue is for.

use super::transaction::Transaction;

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// One pair of cache lines, which the hardware fetches together: a transaction and its neighbours in its queue.
#[derive(Clone, Copy, Debug)]
#[repr(align(128))]
pub(super) struct Slot {
    pub transaction: Transaction,
    older: u32,
    /// Of a slot that is not used the next of them.
    pub newer: u32,
}

impl Slot {
    /// In no queue yet.
    pub(super) fn new(transaction: &Transaction) -> Slot {
        Slot { transaction: *transaction, older: NONE, newer: NONE }
    }
}

const _: () = assert!(size_of::<Slot>() == 128);

/// Slots in an order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
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
    pub(super) const EMPTY: Queue = Queue { oldest: NONE, newest: NONE, length: 0 };

    /// How many slots are in it.
    pub(super) fn len(&self) -> u32 {
        self.length
    }

    /// Its first slot, or [`NONE`].
    pub(super) fn oldest(&self) -> u32 {
        self.oldest
    }

    /// Appends a slot that is in no queue.
    pub(super) fn push(&mut self, slots: &mut [Slot], slot: u32) {
        (slots[slot as usize].older, slots[slot as usize].newer) = (self.newest, NONE);
        match self.newest {
            NONE => self.oldest = slot,
            before => slots[before as usize].newer = slot,
        }
        self.newest = slot;
        self.length += 1;
    }

    /// Takes a slot of this queue out of it.
    pub(super) fn remove(&mut self, slots: &mut [Slot], slot: u32) {
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

    /// Its transactions, oldest first.
    pub(super) fn iter<'a>(&self, slots: &'a [Slot]) -> impl Iterator<Item = &'a Transaction> + use<'a> {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let slot = slots.get(next as usize)?;
            next = slot.newer;
            Some(&slot.transaction)
        })
    }
}
