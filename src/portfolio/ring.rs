//! What was counted in the parts of a trailing window. Must not know what is counted, nor how long a part lasts.

use super::layout::layout;

/// Parts that are kept: one that is being filled and the 16 before it.
pub(super) const PARTS: usize = 17;

/// The parts up to the newest, each at its ordinal's place; what is not in use is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    pub amounts_minor: [i64; PARTS],
    pub counts: [u32; PARTS],
}

layout! { Ring { amounts_minor: [i64; PARTS], counts: [u32; PARTS] } }

impl Ring {
    pub const EMPTY: Ring = Ring { amounts_minor: [0; PARTS], counts: [0; PARTS] };

    /// Where a part lies.
    pub fn part(ordinal: u32) -> usize {
        ordinal as usize % PARTS
    }

    /// Moves on from one newest part to a later one: what lies between is empty.
    pub fn advance(&mut self, newest: u32, to: u32) {
        let new = (to - newest).min(PARTS as u32);
        for ordinal in to - new + 1..=to {
            let part = Ring::part(ordinal);
            (self.amounts_minor[part], self.counts[part]) = (0, 0);
        }
    }

    /// The sum of as many parts up to `ordinal` (at least the newest) as a window has.
    pub fn sum(&self, newest: u32, ordinal: u32, parts: u8) -> (u32, i64) {
        let oldest = u64::from(ordinal) + 1 - u64::from(parts).min(u64::from(ordinal) + 1);
        let kept = u64::from(newest) + 1 - (PARTS as u64).min(u64::from(newest) + 1);
        let (mut count, mut amount) = (0u32, 0i64);
        for ordinal in oldest.max(kept)..=u64::from(newest) {
            let part = Ring::part(ordinal as u32);
            count = count.saturating_add(self.counts[part]);
            amount = amount.saturating_add(self.amounts_minor[part]);
        }
        (count, amount)
    }
}
