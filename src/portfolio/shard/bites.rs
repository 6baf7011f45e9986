//! A copy of a shard for a snapshot, taken in bites: nobody waits for the shard's lock longer than a bite takes, however many
//! transactions it holds. Must not know what becomes of it.

use super::{Keeping, NONE, Queue, Shard, Slot, Traits, Transaction, Uses};

/// The content of a shard as of one record. Used again for the next shard: its memory stays.
#[derive(Debug, Default)]
pub struct ShardCopy {
    slots: Vec<Slot>,
    traits: Vec<Traits>,
    uses: Vec<Uses>,
    queues: [Queue; Keeping::ALL.len()],
    sequence: u64,
}

impl ShardCopy {
    /// Begins to copy a shard that has so many slots and was last changed by this record.
    pub(in crate::portfolio) fn begin(&mut self, slots: usize, sequence: u64) {
        self.slots.clear();
        self.traits.clear();
        self.uses.clear();
        // Not while somebody waits for the lock.
        self.slots.reserve(slots);
        self.traits.reserve(slots);
        self.sequence = sequence;
    }

    /// Copies so many slots more. None when the shard has changed since the copy was begun: what was copied is of no use;
    /// true when it is whole.
    pub(in crate::portfolio) fn bite(&mut self, shard: &Shard, slots: usize) -> Option<bool> {
        if shard.sequence != self.sequence {
            return None;
        }
        let (from, to) = (self.slots.len(), shard.slots.len().min(self.slots.len().saturating_add(slots)));
        self.slots.extend_from_slice(&shard.slots[from..to]);
        self.traits.extend_from_slice(&shard.traits[from..to]);
        self.uses.extend_from_slice(&shard.uses[from.min(shard.uses.len())..to.min(shard.uses.len())]);
        self.queues = shard.queues;
        Some(to == shard.slots.len())
    }

    /// The last journal record that changed the shard.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// All transactions in the order of [`Shard::iter`], with what made each and which counters it counts in.
    pub fn iter(&self) -> impl Iterator<Item = (&Transaction, &Traits, &Uses)> {
        self.queues.iter().flat_map(move |queue| {
            let mut next = queue.oldest();
            std::iter::from_fn(move || {
                let place = (next != NONE).then_some(next as usize)?;
                let slot = self.slots.get(place)?;
                next = slot.newer;
                Some((
                    &slot.transaction,
                    self.traits.get(place)?,
                    self.uses.get(place).unwrap_or(&Uses::EMPTY),
                ))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rooms;
    use super::super::tests::transaction;
    use super::*;

    #[test]
    fn a_copy_is_of_one_record_or_none() {
        let mut shard = Shard::new(Rooms::of(64, 1), 1_000);
        let put = |shard: &mut Shard, number: u64| {
            shard.insert(&transaction(number, 0, i64::from(number.is_multiple_of(3))), Traits::default());
            shard.sequence = number;
        };
        (1..=9).for_each(|number| put(&mut shard, number));
        let mut copy = ShardCopy::default();
        copy.begin(shard.slots(), shard.sequence());
        assert_eq!(copy.bite(&shard, 4), Some(false));
        // It changes between two bites, where it was copied already and where it was not.
        put(&mut shard, 10);
        assert_eq!(copy.bite(&shard, 4), None);
        // Begun anew it holds all, in order, in bites or at once.
        for bites in [vec![4, 4, 4], vec![10], vec![usize::MAX], vec![1; 10]] {
            copy.begin(shard.slots(), shard.sequence());
            let (last, before) = bites.split_last().unwrap_or((&0, &[]));
            assert!(before.iter().all(|bite| copy.bite(&shard, *bite) == Some(false)), "{bites:?}");
            assert_eq!(copy.bite(&shard, *last), Some(true), "{bites:?}");
            assert_eq!(copy.sequence(), 10);
            assert!(copy.iter().map(|(copied, ..)| copied).eq(shard.iter()), "{bites:?}");
        }
    }
}
