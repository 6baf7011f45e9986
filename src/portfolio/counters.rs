//! The counters of limits: how often and how much, each in one window. Must not know limits, nor who is counted: a counter
//! is a keyed hash. Bounded as a whole; nothing is forgotten but by [`Counters::sweep`], which the journal holds.

use super::counts::{CounterChange, Counts, MOST_COUNTED};
use super::keeping::largest_share;
use super::layout::layout;
use super::ring::Ring;
use super::shared_count::SharedCount;
use super::table::hash_of;
use super::touch::{touch_list, touch_table};
use super::window::Place;
use hashbrown::HashTable;
use parking_lot::{Mutex, MutexGuard};

/// Parts of the counters, each with a lock of its own.
const SHARDS: usize = 256;
/// No ring.
const NONE: u32 = u32::MAX;

/// All counters.
#[derive(Debug)]
pub struct Counters {
    shards: Box<[Mutex<Shard>]>,
    max: usize,
    /// How many there are.
    count: SharedCount,
}

/// One part of the counters.
#[derive(Debug)]
struct Shard {
    heads: HashTable<Head>,
    rings: Vec<Ring>,
    /// Rings to use again.
    unused: Vec<u32>,
    /// Counters from which on there is no room.
    bound: usize,
    /// The last journal record that changed it.
    sequence: u64,
}

/// One counter. A million of them must stay small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    counter: u64,
    /// Of a window that is one place; zero for a ring.
    amount_minor: i64,
    count: u32,
    /// The latest place in which it counted.
    ordinal: u32,
    until_s: u32,
    /// Where its ring lies, or [`NONE`].
    ring: u32,
}

const _: () = assert!(size_of::<Head>() == 32);

/// A counter as a snapshot has it; a ring's parts follow it.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    pub counter: u64,
    pub amount_minor: i64,
    pub count: u32,
    pub ordinal: u32,
    pub until_s: u32,
    pub ring: bool,
}
layout! { Stored { counter: u64, amount_minor: i64, count: u32, ordinal: u32, until_s: u32, ring: bool } }

/// A copy of one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    head: Head,
    ring: Option<Ring>,
}

impl Counter {
    /// How often and how much it has counted, seen from this place of its window.
    pub fn used(&self, place: Place) -> (u32, i64) {
        used(&self.head, self.ring.as_ref(), place)
    }

    /// The latest place in which it counted, and until when that matters.
    pub fn place(&self) -> (u32, u32) {
        (self.head.ordinal, self.head.until_s)
    }
}

fn used(head: &Head, ring: Option<&Ring>, place: Place) -> (u32, i64) {
    match ring {
        // A clock that went back stays in the later part, so that going back opens no limit.
        Some(ring) => ring.sum(head.ordinal, place.ordinal.max(head.ordinal), place.parts),
        None if place.ordinal > head.ordinal => (0, 0),
        None => (head.count, head.amount_minor),
    }
}

impl Counters {
    /// At most so many counters. Each of 256 parts has room for as much as a share of them gets, set aside and not touched, but
    /// for one byte a counter: it never grows while serving.
    pub fn new(max: usize) -> Counters {
        let bound = if max == 0 { 0 } else { largest_share(max, SHARDS) };
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::new(bound))).collect();
        Counters { shards, max, count: SharedCount::default() }
    }

    /// What touches the memory that is set aside, part by part.
    pub(super) fn touches(&self) -> impl Iterator<Item = Box<dyn FnOnce() + Send + '_>> {
        self.shards.iter().map(|shard| {
            Box::new(move || {
                let mut shard = shard.lock();
                touch_table(&mut shard.heads, Head::BLANK);
                touch_list(&mut shard.rings, Ring::EMPTY);
                touch_list(&mut shard.unused, NONE);
            }) as Box<dyn FnOnce() + Send + '_>
        })
    }

    /// The most there may be.
    pub fn max(&self) -> usize {
        self.max
    }

    /// From bits that a part's own table looks at least.
    fn shard_of(counter: u64) -> usize {
        (counter >> 40) as usize % SHARDS
    }

    /// Locks the parts of these counters, at most [`MOST_COUNTED`], in one order for all, so that no two lockers wait for
    /// each other. To be locked after the account and before the journal.
    pub fn lock(&self, counters: impl Iterator<Item = u64>) -> Locked<'_> {
        let mut wanted = [0u64; SHARDS / 64];
        for counter in counters {
            let shard = Self::shard_of(counter);
            wanted[shard / 64] |= 1 << (shard % 64);
        }
        let (guards, places) = ([const { None }; MOST_COUNTED], [0; MOST_COUNTED]);
        let mut locked = Locked { whole: self, guards, places };
        let mut free = locked.guards.iter_mut().zip(&mut locked.places);
        for (word, mut bits) in (0..).zip(wanted) {
            while bits != 0 {
                let place = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let Some((guard, own)) = free.next() else { break };
                *guard = Some(self.shards[place].lock());
                *own = place as u8;
            }
        }
        locked
    }

    /// A copy of a counter, of a trailing window or not, under its part's lock alone; `None` where nothing was counted.
    pub fn read(&self, counter: u64, ring: bool) -> Option<Counter> {
        let shard = self.shards[Self::shard_of(counter)].lock();
        let head = *shard.find(counter, ring)?;
        Some(Counter { head, ring: shard.ring(&head).copied() })
    }

    /// How many counters there are.
    pub fn len(&self) -> usize {
        self.count.get()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many parts there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Forgets the counters of one part that matter only until `before_s`, seconds since 1970, and returns how many those
    /// are. `commit` is asked first, under the part's lock and only where there are any: it stores the sweep and returns its
    /// record's sequence, or `None`, and nothing is forgotten.
    pub fn sweep(&self, shard: usize, before_s: u32, commit: impl FnOnce() -> Option<u64>) -> usize {
        let mut shard = self.shards[shard].lock();
        let due = shard.heads.iter().filter(|head| head.is_over(before_s)).count();
        match if due == 0 { None } else { commit() } {
            Some(sequence) => self.sweep_part(&mut shard, before_s, sequence),
            None => return 0,
        }
        due
    }

    fn sweep_part(&self, shard: &mut Shard, before_s: u32, sequence: u64) {
        let before = shard.heads.len();
        shard.sweep(before_s, sequence);
        self.count.change(before, shard.heads.len());
    }

    /// The same from the journal; a part that already holds it is left alone.
    pub(super) fn apply_sweep(&self, shard: usize, before_s: u32, sequence: u64) {
        let Some(shard) = self.shards.get(shard) else { return };
        let mut shard = shard.lock();
        if sequence > shard.sequence {
            self.sweep_part(&mut shard, before_s, sequence);
        }
    }

    /// Sum of hashes of all counters: the same for the same content.
    pub fn hash(&self) -> u64 {
        let mut sum = 0u64;
        for shard in &self.shards {
            let shard = shard.lock();
            for head in &shard.heads {
                let ring = shard.ring(head).map_or(0, |ring| hash_of(ring).rotate_left(1));
                sum = sum.wrapping_add(hash_of(&Stored::from(head)) ^ ring);
            }
        }
        sum
    }

    /// Shows the counters of one part, under its lock, and the last record that changed it.
    pub(super) fn visit(&self, shard: usize, mut show: impl FnMut(&Stored, Option<&Ring>)) -> u64 {
        let shard = self.shards[shard].lock();
        for head in &shard.heads {
            show(&Stored::from(head), shard.ring(head));
        }
        shard.sequence
    }

    /// Fills an empty part with what the same part of others holds by now, and returns the last record that changed it: a
    /// snapshot in memory, taken while they count.
    pub fn copy_part(&self, part: usize, from: &Counters) -> u64 {
        let sequence = from.visit(part, |stored, ring| self.restore(stored, ring.copied()));
        self.restore_sequence(part, sequence);
        sequence
    }

    /// Sets a counter of a part as a snapshot holds it, as of `sequence`.
    pub(super) fn restore(&self, stored: &Stored, ring: Option<Ring>) {
        self.shards[Self::shard_of(stored.counter)].lock().insert(stored, ring);
        self.count.change(0, 1);
    }

    /// Sets the last record that changed a part.
    pub(super) fn restore_sequence(&self, shard: usize, sequence: u64) {
        if let Some(shard) = self.shards.get(shard) {
            shard.lock().sequence = sequence;
        }
    }
}

impl From<&Head> for Stored {
    fn from(head: &Head) -> Stored {
        let Head { counter, amount_minor, count, ordinal, until_s, ring } = *head;
        Stored { counter, amount_minor, count, ordinal, until_s, ring: ring != NONE }
    }
}

impl Head {
    const BLANK: Head = Head { counter: 0, amount_minor: 0, count: 0, ordinal: 0, until_s: 0, ring: NONE };

    fn is_over(&self, before_s: u32) -> bool {
        self.until_s <= before_s && self.until_s != u32::MAX
    }
}

impl Shard {
    fn new(bound: usize) -> Shard {
        // What one decision adds at the bound still fits.
        let room = if bound == 0 { 0 } else { bound + MOST_COUNTED };
        Shard {
            heads: HashTable::with_capacity(room),
            rings: Vec::with_capacity(room),
            unused: Vec::with_capacity(room),
            bound,
            sequence: 0,
        }
    }

    fn find(&self, counter: u64, ring: bool) -> Option<&Head> {
        self.heads.find(counter, |head| head.counter == counter && (head.ring != NONE) == ring)
    }

    fn ring(&self, head: &Head) -> Option<&Ring> {
        self.rings.get(head.ring as usize)
    }

    fn insert(&mut self, stored: &Stored, ring: Option<Ring>) {
        let place = ring.map_or(NONE, |ring| self.keep(ring));
        let Stored { counter, amount_minor, count, ordinal, until_s, .. } = *stored;
        let head = Head { counter, amount_minor, count, ordinal, until_s, ring: place };
        self.heads.insert_unique(counter, head, |head| head.counter);
    }

    fn keep(&mut self, ring: Ring) -> u32 {
        match self.unused.pop() {
            Some(place) => {
                self.rings[place as usize] = ring;
                place
            }
            None => {
                self.rings.push(ring);
                self.rings.len() as u32 - 1
            }
        }
    }

    /// Applies a change. What counts anew opens a later place; what is given back changes the place in which it was
    /// counted, where that is still kept.
    fn apply(&mut self, change: &CounterChange) {
        let CounterChange { counter, ordinal, until_s, ring, .. } = *change;
        let is_it = |head: &Head| head.counter == counter && (head.ring != NONE) == ring;
        if change.count > 0 && self.find(counter, ring).is_none() {
            let stored = Stored { counter, amount_minor: 0, count: 0, ordinal, until_s, ring };
            self.insert(&stored, ring.then_some(Ring::EMPTY));
        }
        let Shard { heads, rings, .. } = self;
        let Some(head) = heads.find_mut(counter, is_it) else { return };
        let later = change.count > 0 && ordinal > head.ordinal;
        let (count, amount) = if let Some(ring) = rings.get_mut(head.ring as usize) {
            if later {
                ring.advance(head.ordinal, ordinal);
            }
            let newest = if later { ordinal } else { head.ordinal };
            if ordinal > newest || (newest - ordinal) as usize >= super::ring::PARTS {
                return;
            }
            let part = Ring::part(ordinal);
            (&mut ring.counts[part], &mut ring.amounts_minor[part])
        } else {
            if later {
                (head.count, head.amount_minor) = (0, 0);
            } else if ordinal != head.ordinal && change.count <= 0 {
                return;
            }
            (&mut head.count, &mut head.amount_minor)
        };
        *count = count.saturating_add_signed(i32::from(change.count));
        // The bound was asked for before (`Locked::fits`), and no more is given back than was counted.
        *amount = amount.saturating_add(change.amount_minor).max(0);
        if later {
            (head.ordinal, head.until_s) = (ordinal, until_s);
        }
    }

    fn sweep(&mut self, before_s: u32, sequence: u64) {
        let Shard { heads, rings: _, unused, .. } = self;
        heads.retain(|head| {
            let over = head.is_over(before_s);
            if over && head.ring != NONE {
                unused.push(head.ring);
            }
            !over
        });
        self.sequence = sequence;
        // What was forgotten may leave marks in the table that take up its room; a growing table would make a message wait.
        if self.heads.capacity() < self.bound + MOST_COUNTED {
            let mut fresh = HashTable::with_capacity(self.bound + MOST_COUNTED);
            for head in &self.heads {
                fresh.insert_unique(head.counter, *head, |head: &Head| head.counter);
            }
            self.heads = fresh;
        }
    }
}

/// The locked parts of some counters.
#[derive(Debug)]
pub struct Locked<'a> {
    whole: &'a Counters,
    guards: [Option<MutexGuard<'a, Shard>>; MOST_COUNTED],
    places: [u8; MOST_COUNTED],
}

impl Locked<'_> {
    fn of(&self, counter: u64) -> Option<&Shard> {
        let place = Counters::shard_of(counter) as u8;
        let guards =
            self.guards.iter().zip(&self.places).map_while(|(guard, own)| Some((guard.as_ref()?, own)));
        guards.into_iter().find(|(_, own)| **own == place).map(|(guard, _)| &**guard)
    }

    /// How often and how much a counter has counted, seen from this place of its window. Of a counter that is not among the
    /// locked: all there can be, so that nobody takes it for unused.
    pub fn used(&self, counter: u64, place: Place) -> (u32, i64) {
        let Some(shard) = self.of(counter) else { return (u32::MAX, i64::MAX) };
        let head = shard.find(counter, place.parts > 0);
        head.map_or((0, 0), |head| used(head, shard.ring(head), place))
    }

    /// [`Locked::used`], and whether the counter is there or there is room for it. `new` counts those that are not there. Exact
    /// but for what other threads are adding in the same moment.
    pub fn find(&self, counter: u64, place: Place, new: &mut usize) -> ((u32, i64), bool) {
        let Some(shard) = self.of(counter) else { return ((u32::MAX, i64::MAX), false) };
        match shard.find(counter, place.parts > 0) {
            Some(head) => (used(head, shard.ring(head), place), true),
            None => {
                *new += 1;
                let has_room = self.whole.len() + *new <= self.whole.max && shard.heads.len() < shard.bound;
                ((0, 0), has_room)
            }
        }
    }

    /// The change that counts `amount_minor` once more in this place of its window; where the counter has counted in a
    /// later one already, in that. `scaled`: the amount is in another currency than the account's.
    pub fn count(&self, counter: u64, place: Place, amount_minor: i64, scaled: bool) -> CounterChange {
        let ring = place.parts > 0;
        let later = self
            .of(counter)
            .and_then(|shard| shard.find(counter, ring))
            .filter(|head| head.ordinal > place.ordinal)
            .map(|head| (head.ordinal, head.until_s));
        let (ordinal, until_s) = later.unwrap_or((place.ordinal, place.until_s));
        CounterChange { counter, ordinal, until_s, ring, scaled, count: 1, amount_minor }
    }

    /// Applies the changes of a record of this sequence. A part that already holds the record is left alone.
    pub fn apply(&mut self, counts: &Counts, sequence: u64) {
        for (guard, place) in self.guards.iter_mut().zip(&self.places) {
            let Some(shard) = guard.as_mut().filter(|shard| sequence > shard.sequence) else { continue };
            let before = shard.heads.len();
            for change in counts.iter().filter(|change| Counters::shard_of(change.counter) as u8 == *place) {
                shard.apply(change);
                shard.sequence = sequence;
            }
            self.whole.count.change(before, shard.heads.len());
        }
    }
}
