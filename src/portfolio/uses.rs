//! Which counters of limits a transaction counts in: kept beside it, so that what gives its money back gives back to
//! exactly those, whatever limits there are by then. Must not know the counters.

use super::account::LARGEST_MINOR;
use super::counts::{CounterChange, Counts, MOST_COUNTED};
use super::layout::Fixed;
use super::transaction::{State, Transaction};

/// The counters of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    counters: [u64; MOST_COUNTED],
    ordinals: [u32; MOST_COUNTED],
    /// One bit a counter: of a trailing window.
    ring: u16,
    /// One bit a counter: in another currency than the account's.
    scaled: u16,
    length: u8,
    /// What was counted at first in the account's currency, and in that of the scaled counters: their rate.
    rate_minor: [i64; 2],
}

impl Uses {
    /// None.
    pub const EMPTY: Uses = Uses {
        counters: [0; MOST_COUNTED],
        ordinals: [0; MOST_COUNTED],
        ring: 0,
        scaled: 0,
        length: 0,
        rate_minor: [0; 2],
    };

    /// Whether the transaction counts nowhere.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many counters it counts in.
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// The counters.
    pub fn counters(&self) -> &[u64] {
        &self.counters[..self.len()]
    }

    /// Takes a counter up in which the transaction counts from now on. `counted_minor` is what is counted of it in the
    /// account's currency. Beyond [`MOST_COUNTED`] none is taken; no record holds more.
    pub(super) fn add(&mut self, change: &CounterChange, counted_minor: i64) {
        let at = self.len();
        if at == MOST_COUNTED {
            return;
        }
        (self.counters[at], self.ordinals[at]) = (change.counter, change.ordinal);
        self.ring |= u16::from(change.ring) << at;
        if change.scaled {
            self.scaled |= 1 << at;
            self.rate_minor = [counted_minor, change.amount_minor];
        }
        self.length += 1;
    }

    /// How its counters change when the transaction becomes another: where it no longer counts, by −1 and all that was
    /// counted of it; else by the difference, up or down. In another currency a part is worth what it was worth of the
    /// first amount, rounded to the nearest, so that what is given back in steps is together what was counted.
    pub fn release(&self, before: &Transaction, after: &Transaction) -> Counts {
        let mut counts = Counts::NONE;
        let Some(was) = before.limited_minor().filter(|_| !self.is_empty()) else { return counts };
        let left = match after.state {
            // Of a hold that runs out, what its completions have spent by then goes on counting.
            State::Expired => Some(before.settled_minor()).filter(|settled| *settled > 0),
            _ => after.limited_minor(),
        };
        let (count, is) = match left {
            Some(is) => (0, is),
            None => (-1, 0),
        };
        if count == 0 && is == was {
            return counts;
        }
        let scaled_minor = self.scale(is) - self.scale(was);
        for at in 0..self.len() {
            let scaled = self.scaled >> at & 1 == 1;
            let change = CounterChange {
                counter: self.counters[at],
                ordinal: self.ordinals[at],
                until_s: 0,
                ring: self.ring >> at & 1 == 1,
                scaled,
                count,
                amount_minor: if scaled { scaled_minor } else { is - was },
            };
            if change.count == 0 && change.amount_minor == 0 {
                continue;
            }
            // There are no more uses than changes fit.
            let _ = counts.push(change);
        }
        counts
    }

    /// What an amount in the account's currency is in that of the scaled counters.
    fn scale(&self, counted_minor: i64) -> i64 {
        let [account, other] = self.rate_minor.map(i128::from);
        if account == 0 {
            return 0;
        }
        let twice = 2 * i128::from(counted_minor) * other + account;
        twice.div_euclid(2 * account).clamp(-i128::from(LARGEST_MINOR), i128::from(LARGEST_MINOR)) as i64
    }
}

/// Stored whole, as it is kept.
impl Fixed for Uses {
    const WIDTH: usize = 12 * MOST_COUNTED + 2 + 2 + 1 + 16;

    fn put<'a>(&self, mut into: &'a mut [u8]) -> &'a mut [u8] {
        for at in 0..MOST_COUNTED {
            into = self.counters[at].put(into);
            into = self.ordinals[at].put(into);
        }
        into = self.ring.put(into);
        into = self.scaled.put(into);
        into = self.length.put(into);
        self.rate_minor.put(into)
    }

    fn get(from: &mut &[u8]) -> Option<Uses> {
        let mut uses = Uses::EMPTY;
        for at in 0..MOST_COUNTED {
            (uses.counters[at], uses.ordinals[at]) = (u64::get(from)?, u32::get(from)?);
        }
        (uses.ring, uses.scaled, uses.length) = (u16::get(from)?, u16::get(from)?, u8::get(from)?);
        uses.rate_minor = Fixed::get(from)?;
        (uses.len() <= MOST_COUNTED).then_some(uses)
    }
}
