//! How the counters of limits change, as records carry it. Must not know the counters, nor what they are for.

use super::layout::layout;

/// Most counters that one transaction counts in, and so most changes of one record.
pub const MOST_COUNTED: usize = 16;

/// A change of one counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterChange {
    /// The counter's name: a keyed hash of what it counts and for whom.
    pub counter: u64,
    /// Where in its window ([`super::Place`]) it counted or counts.
    pub ordinal: u32,
    /// When the counter no longer matters, seconds since 1970, `u32::MAX` for never; 0 where nothing is counted anew.
    pub until_s: u32,
    /// A trailing window's.
    pub ring: bool,
    /// Its amounts are in another currency than the account's.
    pub scaled: bool,
    /// +1 where a transaction counts from now on, −1 where it no longer does, 0 for a change of its amount.
    pub count: i8,
    /// The change of the amount, in minor units of the counter's currency.
    pub amount_minor: i64,
}

layout! { CounterChange {
    counter: u64, ordinal: u32, until_s: u32, ring: bool, scaled: bool, count: i8, amount_minor: i64,
} }

/// The changes of one record: at most [`MOST_COUNTED`]. Derefs to a slice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    // What is not used stays zero, so that equal ones are equal.
    changes: [CounterChange; MOST_COUNTED],
    length: u8,
}

/// There are [`MOST_COUNTED`] changes already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MOST_COUNTED} counters change at once")]
pub struct TooManyCounts;

impl Counts {
    /// No change.
    pub const NONE: Counts = Counts {
        changes: [CounterChange {
            counter: 0,
            ordinal: 0,
            until_s: 0,
            ring: false,
            scaled: false,
            count: 0,
            amount_minor: 0,
        }; MOST_COUNTED],
        length: 0,
    };

    /// Adds a change.
    pub fn push(&mut self, change: CounterChange) -> Result<(), TooManyCounts> {
        let place = self.changes.get_mut(usize::from(self.length)).ok_or(TooManyCounts)?;
        *place = change;
        self.length += 1;
        Ok(())
    }
}

impl Default for Counts {
    fn default() -> Counts {
        Counts::NONE
    }
}

impl std::ops::Deref for Counts {
    type Target = [CounterChange];

    fn deref(&self) -> &[CounterChange] {
        &self.changes[..usize::from(self.length)]
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
