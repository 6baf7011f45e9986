//! Reference (card and DE37) -> the transaction that it finds, for completions and reversals without DE90.
//! Must not lock transactions: it is changed while their locks are held.

use super::transaction::{State, Transaction};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::Mutex;

/// Parts, each with a lock of its own; a power of two. So few that each is some megabytes, which huge pages can
/// hold; a lock is held for one look-up alone.
const PARTS: usize = 16;

/// The index of references.
#[derive(Debug)]
pub(super) struct References(Box<[Mutex<HashTable<Found>>]>);

/// The transaction that a reference finds: of those that have it the one approved last, else the one declined first.
/// A restart from a snapshot knows the order by their times.
#[derive(Debug)]
struct Found {
    reference: u64,
    rank: i64,
    /// The low half of its key, which is enough to find it.
    low: u64,
}

/// Approved ones before declined ones; of the approved the latest, of the declined the first. What an approved one
/// becomes later does not change its rank.
fn rank(transaction: &Transaction) -> i64 {
    match transaction.state {
        State::Declined => -transaction.time_us.max(0),
        _ => transaction.time_us.max(0) + 1,
    }
}

impl References {
    /// An index with room for as many references as transactions.
    pub(super) fn new(transactions: usize) -> References {
        // Some parts get more than their share.
        let each = transactions.div_ceil(PARTS) * 5 / 4 + 4;
        References((0..PARTS).map(|_| Mutex::new(HashTable::with_capacity(each))).collect())
    }

    /// From bits that the part's own table looks at least: references are keyed hashes.
    fn part(&self, reference: u64) -> &Mutex<HashTable<Found>> {
        &self.0[(reference >> 40) as usize % PARTS]
    }

    /// The low half of the found transaction's key.
    pub(super) fn find(&self, reference: u64) -> Option<u64> {
        if reference == 0 {
            return None;
        }
        let part = self.part(reference).lock();
        part.find(reference, |found| found.reference == reference).map(|found| found.low)
    }

    /// Makes a transaction the one its reference finds: an approved one always, a declined one where there is none.
    pub(super) fn link(&self, transaction: &Transaction) {
        self.put(transaction, |_| transaction.state != State::Declined);
    }

    /// The same for one of many that come in no order, from a snapshot: the one of highest rank, then of highest key.
    pub(super) fn restore(&self, transaction: &Transaction) {
        let mine = (rank(transaction), transaction.key.low());
        self.put(transaction, |known| (known.rank, known.low) < mine);
    }

    fn put(&self, transaction: &Transaction, wins: impl FnOnce(&Found) -> bool) {
        let (reference, rank, low) = (transaction.reference, rank(transaction), transaction.key.low());
        if reference == 0 {
            return;
        }
        let mut part = self.part(reference).lock();
        match part.entry(reference, |found| found.reference == reference, |found| found.reference) {
            Entry::Vacant(vacant) => drop(vacant.insert(Found { reference, rank, low })),
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                if known.low == low || wins(known) {
                    (known.rank, known.low) = (rank, low);
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
        let is_it = |found: &Found| found.reference == reference && found.low == low;
        if let Ok(entry) = part.find_entry(reference, is_it) {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::transaction::TransactionKey;
    use super::*;
    use crate::message::{Operation, Refusal, ResponseCode};

    fn transaction(number: u128, time_us: i64, state: State) -> Transaction {
        Transaction {
            key: TransactionKey(number),
            fingerprint: 0,
            reference: 77,
            last_reversal: 0,
            time_us,
            card: 0,
            account: 0,
            operation: Operation::Purchase,
            state,
            flags: 0,
            refusal: Refusal::None,
            code: ResponseCode::APPROVED,
            approval: [b' '; 6],
            requested_minor: 0,
            amount_minor: 0,
            held_minor: 0,
            posted_minor: 0,
            extra: [0; 2],
            expires_s: 0,
        }
    }

    #[test]
    fn finds_the_latest_approved_one_also_after_a_restart() {
        let declined = [transaction(1, 10, State::Declined), transaction(2, 20, State::Declined)];
        let approved = [transaction(3, 30, State::Held), transaction(4, 40, State::Posted)];
        for (all, found) in [
            (vec![declined[0], declined[1]], 1),
            (vec![declined[0], approved[0]], 3),
            (vec![approved[0], approved[1]], 4),
            (vec![declined[0], approved[0], declined[1], approved[1]], 4),
        ] {
            let (forth, back) = (References::new(10), References::new(10));
            all.iter().for_each(|transaction| forth.link(transaction));
            all.iter().rev().for_each(|transaction| back.restore(transaction));
            assert_eq!((forth.find(77), back.find(77)), (Some(found), Some(found)));
        }
    }

    #[test]
    fn forgets_only_the_one_it_would_find() {
        let references = References::new(10);
        let (first, second) = (transaction(1, 10, State::Held), transaction(2, 20, State::Held));
        references.link(&first);
        references.link(&second);
        references.unlink(&first);
        assert_eq!(references.find(77), Some(2));
        references.unlink(&second);
        assert_eq!((references.find(77), references.find(0)), (None, None));
    }
}
