//! Hash of a name that several transactions may bear -> those transactions: by card and DE37 for completions and reversals,
//! by card and DE11 for what is sent again. Must not lock transactions: it is changed while their locks are held.

use super::keeping::largest_share;
use super::touch::touch_table;
use hashbrown::HashTable;
use parking_lot::Mutex;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Parts at the least, each with a lock of its own that is held for one look-up alone; a power of two.
const FEWEST_PARTS: usize = 16;
/// Transactions a part has room for, about: some megabytes, which huge pages can hold. And no more, since a snapshot looks each
/// transaction up: who decides seldom meets it at one of many locks.
const A_PART: usize = 65_536;
/// Most transactions that are known by one name, so that a sender that never changes it costs no more than this
/// many looks: those of highest rank. One that is beyond them is not found later either, also after a restart.
const MOST_ALIKE: usize = 32;

/// An index of names. What it finds depends on the ranks alone, whatever order the transactions were linked in: threads that
/// link out of the journal's order, a replay and a restart from a snapshot agree.
#[derive(Debug)]
pub(super) struct Alike(Box<[Mutex<HashTable<Linked>>]>);

/// All that bear a name are kept: when the one that is found is forgotten, the next is found.
#[derive(Clone, Copy, Debug, Default)]
struct Linked {
    name: u64,
    /// Never 0.
    rank: u64,
    /// The low half of its key, which is enough to find it.
    low: u64,
}

/// The low halves of the keys that a name leads to, that of highest rank first.
#[derive(Clone, Copy, Debug)]
pub struct Candidates {
    linked: [Linked; MOST_ALIKE],
    length: usize,
}

impl Candidates {
    /// The low halves, in order.
    pub fn lows(&self) -> impl Iterator<Item = u64> + '_ {
        self.linked[..self.length].iter().map(|linked| linked.low)
    }
}

impl Alike {
    /// An index with room for as many names as transactions.
    pub(super) fn new(transactions: usize) -> Alike {
        let parts = (transactions / A_PART).next_power_of_two().max(FEWEST_PARTS);
        let each = largest_share(transactions, parts);
        Alike((0..parts).map(|_| Mutex::new(HashTable::with_capacity(each))).collect())
    }

    /// The parts, to be touched each by itself.
    pub(super) fn touches(&self) -> impl Iterator<Item = impl FnOnce() + Send + '_> {
        self.0.iter().map(|part| move || touch_table(&mut part.lock(), Linked::default()))
    }

    /// From bits that the part's own table looks at least: names are keyed hashes.
    fn part(&self, name: u64) -> &Mutex<HashTable<Linked>> {
        &self.0[(name >> 40) as usize & (self.0.len() - 1)]
    }

    /// All whose rank is wanted; `None` where there is none, which is what nearly every message finds.
    pub(super) fn candidates(&self, name: u64, wanted: impl Fn(u64) -> bool) -> Option<Candidates> {
        if name == 0 {
            return None;
        }
        let mut found = None;
        let part = self.part(name).lock();
        // No more than fit bear one name.
        for linked in part.iter_hash(name).filter(|linked| linked.name == name && wanted(linked.rank)) {
            let none = || Candidates { linked: [Linked::default(); MOST_ALIKE], length: 0 };
            let Candidates { linked: room, length } = found.get_or_insert_with(none);
            room[*length] = *linked;
            *length += 1;
        }
        drop(part);
        if let Some(Candidates { linked, length }) = &mut found {
            linked[..*length].sort_unstable_by_key(|linked| std::cmp::Reverse(linked.rank));
        }
        found
    }

    /// The rank that a transaction bears a name with; 0 when it is not linked.
    pub(super) fn rank_of(&self, name: u64, low: u64) -> u64 {
        let part = self.part(name).lock();
        let linked = part.find(name, |linked| linked.name == name && linked.low == low);
        linked.map_or(0, |linked| linked.rank)
    }

    /// Lets a transaction be found, or gives it another rank. Nothing for a name or rank of 0.
    pub(super) fn link(&self, name: u64, low: u64, rank: u64) {
        if name == 0 || rank == 0 {
            return;
        }
        let mut part = self.part(name).lock();
        let (mut alike, mut lowest) = (0, None::<&mut Linked>);
        for linked in part.iter_hash_mut(name).filter(|linked| linked.name == name) {
            if linked.low == low {
                linked.rank = rank;
                return;
            }
            alike += 1;
            if lowest.as_ref().is_none_or(|lowest| linked.rank < lowest.rank) {
                lowest = Some(linked);
            }
        }
        let new = Linked { name, rank, low };
        match lowest.filter(|_| alike >= MOST_ALIKE) {
            Some(lowest) if lowest.rank < rank => *lowest = new,
            Some(_) => {}
            None => drop(part.insert_unique(name, new, |linked| linked.name)),
        }
    }

    /// Forgets a transaction.
    pub(super) fn unlink(&self, name: u64, low: u64) {
        if name == 0 {
            return;
        }
        let mut part = self.part(name).lock();
        let is_it = |linked: &Linked| linked.name == name && linked.low == low;
        if let Ok(entry) = part.find_entry(name, is_it) {
            entry.remove();
        }
    }

    /// Sum of hashes of all that is linked, in whatever order it was.
    pub(super) fn hash(&self) -> u64 {
        let hash = |linked: &Linked| {
            let mut hasher = SipHasher13::new();
            hasher.write_u64(linked.name);
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
    use super::*;

    fn of(alike: &Alike, wanted: impl Fn(u64) -> bool) -> Vec<u64> {
        alike.candidates(77, wanted).iter().flat_map(Candidates::lows).collect()
    }

    fn all(alike: &Alike) -> Vec<u64> {
        of(alike, |_| true)
    }

    /// What is left is linked in any order and finds the same.
    fn finds(alike: &Alike, left: &[u64]) -> Vec<u64> {
        let (found, hash) = (all(alike), alike.hash());
        for turn in 0..left.len() {
            let again = Alike::new(10);
            let (late, early) = left.split_at(turn);
            early.iter().chain(late).for_each(|low| again.link(77, *low, alike.rank_of(77, *low)));
            assert_eq!((all(&again), again.hash()), (found.clone(), hash), "from {turn}");
        }
        found
    }

    #[test]
    fn finds_those_of_a_name_by_rank_and_the_next_when_one_is_forgotten() {
        let alike = Alike::new(10);
        for (low, rank) in [(1, 5), (2, 9), (3, 7)] {
            alike.link(77, low, rank);
        }
        assert_eq!(finds(&alike, &[1, 2, 3]), [2, 3, 1]);
        assert_eq!(of(&alike, |rank| rank < 9), [3, 1]);
        assert_eq!((of(&alike, |rank| rank >= 9), of(&alike, |rank| rank >= 10)), (vec![2], vec![]));
        alike.unlink(77, 2);
        // Another rank for one that is known.
        alike.link(77, 1, 8);
        assert_eq!(finds(&alike, &[1, 3]), [1, 3]);
        [1, 3].iter().for_each(|low| alike.unlink(77, *low));
        // Another name's is none of it.
        alike.link(78, 4, 99);
        assert!(all(&alike).is_empty());
        alike.unlink(78, 4);
        assert!(alike.candidates(0, |_| true).is_none());
        assert_eq!((all(&alike), alike.hash()), (vec![], 0));
    }

    #[test]
    fn a_name_that_never_changes_keeps_those_of_highest_rank() {
        let alike = Alike::new(10);
        let most = MOST_ALIKE as u64;
        for low in (1..=3 * most).rev() {
            alike.link(77, low, 1_000 - low);
        }
        assert_eq!((all(&alike).len(), all(&alike)[0]), (MOST_ALIKE, 1));
        assert!(alike.rank_of(77, 1) > 0 && alike.rank_of(77, 3 * most) == 0);
    }
}
