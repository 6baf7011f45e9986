//! Which hold of a shard runs out first: a heap that knows where each slot stands in it, so that a hold that closes
//! leaves it at once. As many places as slots, whatever the lives; no clock and no wheel that a clock could leave behind.

use super::touch::touch_list;

/// Not in the heap.
const NOWHERE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    expires_s: u32,
    slot: u32,
}

/// Slots by the time at which their holds run out.
#[derive(Debug)]
pub(super) struct Due {
    /// Each runs out no sooner than the one at half its place.
    heap: Vec<Entry>,
    /// Slot -> place in the heap.
    places: Vec<u32>,
}

impl Due {
    /// Room for so many slots.
    pub(super) fn new(room: usize) -> Due {
        Due { heap: Vec::with_capacity(room), places: Vec::with_capacity(room) }
    }

    /// Touches what is set aside.
    pub(super) fn touch(&mut self) {
        touch_list(&mut self.heap, Entry { expires_s: 0, slot: 0 });
        touch_list(&mut self.places, NOWHERE);
    }

    /// The slot whose hold runs out first, and when.
    pub(super) fn first(&self) -> Option<(u32, u32)> {
        self.heap.first().map(|entry| (entry.slot, entry.expires_s))
    }

    /// The slot's hold runs out then; 0 for never, or no hold.
    pub(super) fn set(&mut self, slot: u32, expires_s: u32) {
        if self.places.len() <= slot as usize {
            self.places.resize(slot as usize + 1, NOWHERE);
        }
        let place = self.places[slot as usize];
        match (place, expires_s) {
            (NOWHERE, 0) => {}
            (NOWHERE, _) => {
                self.heap.push(Entry { expires_s, slot });
                self.settle(self.heap.len() - 1);
            }
            (place, 0) => {
                self.heap.swap_remove(place as usize);
                self.places[slot as usize] = NOWHERE;
                if (place as usize) < self.heap.len() {
                    self.settle(place as usize);
                }
            }
            (place, _) => {
                self.heap[place as usize].expires_s = expires_s;
                self.settle(place as usize);
            }
        }
    }

    /// Moves the entry at `place` up or down to where it belongs.
    fn settle(&mut self, mut place: usize) {
        let entry = self.heap[place];
        while place > 0 && entry.expires_s < self.heap[(place - 1) / 2].expires_s {
            self.put((place - 1) / 2, place);
            place = (place - 1) / 2;
        }
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let sooner = match (self.heap.get(left), self.heap.get(right)) {
                (Some(a), Some(b)) if b.expires_s < a.expires_s => right,
                (Some(_), _) => left,
                (None, _) => break,
            };
            if entry.expires_s <= self.heap[sooner].expires_s {
                break;
            }
            self.put(sooner, place);
            place = sooner;
        }
        self.heap[place] = entry;
        self.places[entry.slot as usize] = place as u32;
    }

    fn put(&mut self, from: usize, to: usize) {
        self.heap[to] = self.heap[from];
        self.places[self.heap[to].slot as usize] = to as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn tells_the_first_as_a_sorted_list_does() {
        let (mut due, mut plain) = (Due::new(8), BTreeMap::new());
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..50_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few slots and few times, so that many are equal, moved and removed.
            let (slot, expires_s) = ((random >> 33) as u32 % 40, (random >> 50) as u32 % 20);
            due.set(slot, expires_s);
            if expires_s == 0 {
                plain.remove(&slot)
            } else {
                plain.insert(slot, expires_s)
            };
            let first = due.first();
            assert_eq!(first.map(|(_, expires_s)| expires_s), plain.values().min().copied());
            assert!(first.is_none_or(|(slot, expires_s)| plain.get(&slot) == Some(&expires_s)));
        }
        let mut order = Vec::new();
        while let Some((slot, expires_s)) = due.first() {
            order.push(expires_s);
            due.set(slot, 0);
        }
        assert!(order.is_sorted() && order.len() == plain.len());
    }
}
