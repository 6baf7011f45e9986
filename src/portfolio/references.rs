//! Reference (card and DE37) -> the transaction that it finds, for completions and reversals without DE90.
//! Must not lock transactions: it is changed while their locks are held.

use super::transaction::{State, Transaction};
use hashbrown::HashTable;
use parking_lot::Mutex;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Parts, each with a lock of its own; a power of two. So few that each is some megabytes, which huge pages can
/// hold; a lock is held for one look-up alone.
const PARTS: usize = 16;
/// Most transactions that are known by one reference, so that a sender that never changes it costs no more than this
/// many looks: those of highest rank. One that is beyond them is not found later either, also after a restart.
const MOST_ALIKE: usize = 32;

/// The index of references. Of the remembered transactions that have a reference it finds the one of highest rank, whatever
/// order they were linked in: threads that link out of the journal's order, a replay and a restart from a snapshot agree.
#[derive(Debug)]
pub(super) struct References(Box<[Mutex<HashTable<Linked>>]>);

/// All that have a reference are kept: when the one that is found is forgotten, the next is found.
#[derive(Debug)]
struct Linked {
    reference: u64,
    rank: u64,
    /// The low half of its key, which is enough to find it.
    low: u64,
}

/// Approved ones before declined ones; of the approved the latest, of the declined the first, by the record that made
/// them so. What an approved one becomes later does not change its rank. Never 0.
fn rank(state: State, sequence: u64) -> u64 {
    const APPROVED: u64 = 1 << 63;
    match state {
        State::Declined => (APPROVED - 1).saturating_sub(sequence).max(1),
        _ => APPROVED | sequence,
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
    fn part(&self, reference: u64) -> &Mutex<HashTable<Linked>> {
        &self.0[(reference >> 40) as usize % PARTS]
    }

    /// The low half of the found transaction's key.
    pub(super) fn find(&self, reference: u64) -> Option<u64> {
        if reference == 0 {
            return None;
        }
        let part = self.part(reference).lock();
        let alike = part.iter_hash(reference).filter(|linked| linked.reference == reference);
        alike.max_by_key(|linked| linked.rank).map(|linked| linked.low)
    }

    /// Lets a transaction be found that is new, or was declined and is now approved, by the record of this sequence.
    pub(super) fn link(&self, transaction: &Transaction, sequence: u64) {
        self.set(transaction, rank(transaction.state, sequence));
    }

    /// The rank to restore it with; 0 when it is not linked.
    pub(super) fn rank_of(&self, transaction: &Transaction) -> u64 {
        let (reference, low) = (transaction.reference, transaction.key.low());
        let part = self.part(reference).lock();
        let linked = part.find(reference, |linked| linked.reference == reference && linked.low == low);
        linked.map_or(0, |linked| linked.rank)
    }

    /// Links one of a snapshot again.
    pub(super) fn restore(&self, transaction: &Transaction, rank: u64) {
        if rank != 0 {
            self.set(transaction, rank);
        }
    }

    fn set(&self, transaction: &Transaction, rank: u64) {
        let (reference, low) = (transaction.reference, transaction.key.low());
        if reference == 0 {
            return;
        }
        let mut part = self.part(reference).lock();
        let (mut alike, mut lowest) = (0, None::<&mut Linked>);
        for linked in part.iter_hash_mut(reference).filter(|linked| linked.reference == reference) {
            if linked.low == low {
                linked.rank = rank;
                return;
            }
            alike += 1;
            if lowest.as_ref().is_none_or(|lowest| linked.rank < lowest.rank) {
                lowest = Some(linked);
            }
        }
        let new = Linked { reference, rank, low };
        match lowest.filter(|_| alike >= MOST_ALIKE) {
            Some(lowest) if lowest.rank < rank => *lowest = new,
            Some(_) => {}
            None => drop(part.insert_unique(reference, new, |linked| linked.reference)),
        }
    }

    /// Forgets a transaction.
    pub(super) fn unlink(&self, transaction: &Transaction) {
        let (reference, low) = (transaction.reference, transaction.key.low());
        if reference == 0 {
            return;
        }
        let mut part = self.part(reference).lock();
        let is_it = |linked: &Linked| linked.reference == reference && linked.low == low;
        if let Ok(entry) = part.find_entry(reference, is_it) {
            entry.remove();
        }
    }

    /// Sum of hashes of all that is linked, in whatever order it was.
    pub(super) fn hash(&self) -> u64 {
        let hash = |linked: &Linked| {
            let mut hasher = SipHasher13::new();
            hasher.write_u64(linked.reference);
            hasher.write_u64(linked.low);
            hasher.write_u64(linked.rank);
            hasher.finish()
        };
        let sum = |part: &Mutex<HashTable<Linked>>| part.lock().iter().map(hash).fold(0, u64::wrapping_add);
        self.0.iter().map(sum).fold(0, u64::wrapping_add)
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

    /// What is left is linked in any order and finds the same.
    fn finds(references: &References, left: &[Transaction]) -> Option<u64> {
        let (found, hash) = (references.find(77), references.hash());
        for turn in 0..left.len() {
            let again = References::new(10);
            let (late, early) = left.split_at(turn);
            early.iter().chain(late).for_each(|known| again.restore(known, references.rank_of(known)));
            assert_eq!((again.find(77), again.hash()), (found, hash), "from {turn}");
        }
        found
    }

    #[test]
    fn finds_the_latest_approved_one_whatever_it_became_else_the_first_declined_one() {
        // Times go back: they do not matter.
        let [declined, other] = [1, 2].map(|number| transaction(number, 90, State::Declined));
        let [approved, later] = [3, 4].map(|number| transaction(number, -(number as i64), State::Held));
        let undone = Transaction { state: State::Declined, ..later };
        for (linked, left, found) in [
            (vec![declined, other], vec![declined, other], 1),
            (vec![approved, declined], vec![approved, declined], 3),
            (vec![declined, approved, later, other], vec![declined, approved, later, other], 4),
            (vec![declined, approved, later], vec![declined, approved, undone], 4),
            // The stand-in approved what was declined here.
            (vec![other, approved, Transaction { state: State::Posted, ..other }], vec![other, approved], 2),
        ] {
            let references = References::new(10);
            (1..).zip(&linked).for_each(|(sequence, transaction)| references.link(transaction, sequence));
            assert_eq!(finds(&references, &left), Some(found));
        }
    }

    #[test]
    fn finds_the_next_one_when_one_is_forgotten() {
        let references = References::new(10);
        let all = [1, 2, 3].map(|number| transaction(number, 10, State::Held));
        (1..).zip(&all).for_each(|(sequence, transaction)| references.link(transaction, sequence));
        references.unlink(&all[2]);
        assert_eq!(finds(&references, &all), Some(2));
        references.unlink(&all[0]);
        assert_eq!(finds(&references, &all), Some(2));
        // Found again, it is a new one.
        references.link(&all[0], 9);
        assert_eq!(finds(&references, &all), Some(1));
        all.iter().for_each(|transaction| references.unlink(transaction));
        assert_eq!((references.find(77), references.find(0), references.hash()), (None, None, 0));
    }

    #[test]
    fn a_reference_that_never_changes_keeps_those_of_highest_rank() {
        let references = References::new(10);
        let most = MOST_ALIKE as u64;
        for (sequence, number) in (1..).zip((1..=3 * most).rev()) {
            references.link(&transaction(u128::from(number), 10, State::Held), sequence);
            references.link(&transaction(u128::from(1_000 + number), 10, State::Declined), sequence);
        }
        let kept = references.part(77).lock().len();
        assert_eq!((kept, references.find(77)), (MOST_ALIKE, Some(1)));
        let (first, last) =
            (transaction(1, 10, State::Held), transaction(u128::from(3 * most), 10, State::Held));
        assert!(references.rank_of(&first) > 0 && references.rank_of(&last) == 0);
    }
}
