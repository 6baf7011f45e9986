//! Reference (card and DE37) -> the latest transaction that has it, for completions and reversals without DE90.
//! Must not lock transactions: it is changed while their locks are held.

use super::transaction::Transaction;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::Mutex;

/// Parts, each with a lock of its own; a power of two.
const PARTS: usize = 1024;

/// The index of references.
#[derive(Debug)]
pub(super) struct References(Box<[Mutex<HashTable<Latest>>]>);

/// The transaction that a reference finds: the latest of those that have it, by time and then by key. That depends
/// on what is remembered alone, not on the order in which it came, so that a restart finds the same one.
#[derive(Debug)]
struct Latest {
    reference: u64,
    time_us: i64,
    /// The low half of its key, which is enough to find it.
    low: u64,
}

impl References {
    /// An index with room for as many references as transactions.
    pub(super) fn new(transactions: usize) -> References {
        // Some parts get more than their share.
        let each = transactions.div_ceil(PARTS) * 5 / 4 + 4;
        References((0..PARTS).map(|_| Mutex::new(HashTable::with_capacity(each))).collect())
    }

    /// From bits that the part's own table looks at least: references are keyed hashes.
    fn part(&self, reference: u64) -> &Mutex<HashTable<Latest>> {
        &self.0[(reference >> 40) as usize % PARTS]
    }

    /// The low half of the latest transaction's key.
    pub(super) fn find(&self, reference: u64) -> Option<u64> {
        if reference == 0 {
            return None;
        }
        let part = self.part(reference).lock();
        part.find(reference, |latest| latest.reference == reference).map(|latest| latest.low)
    }

    /// Makes a transaction the one its reference finds, unless that finds a later one.
    pub(super) fn link(&self, transaction: &Transaction) {
        let (reference, time_us, low) = (transaction.reference, transaction.time_us, transaction.key.low());
        if reference == 0 {
            return;
        }
        let mut part = self.part(reference).lock();
        match part.entry(reference, |latest| latest.reference == reference, |latest| latest.reference) {
            Entry::Vacant(vacant) => drop(vacant.insert(Latest { reference, time_us, low })),
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                if known.low == low || (known.time_us, known.low) < (time_us, low) {
                    (known.time_us, known.low) = (time_us, low);
                }
            }
        }
    }

    /// Forgets a transaction.
    pub(super) fn unlink(&self, transaction: &Transaction) {
        let (reference, low) = (transaction.reference, transaction.key.low());
        if reference == 0 {
            return;
        }
        let mut part = self.part(reference).lock();
        let is_it = |latest: &Latest| latest.reference == reference && latest.low == low;
        if let Ok(entry) = part.find_entry(reference, is_it) {
            entry.remove();
        }
    }
}
