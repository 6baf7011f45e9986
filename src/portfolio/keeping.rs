//! Which transactions must be kept and which may be forgotten, and how many of each a part of the table has room for. What
//! books money is never pushed out by what does not. Must not know slots and queues.

use super::card::NOBODY;
use super::transaction::{ADVICE_SEEN, COMPLETION_SEEN, REQUEST_SEEN, State, Transaction};
use crate::message::Refusal;

/// How a transaction is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is of no card of ours: whoever reaches a link can make any number of them.
    Stranger = 0,
    /// It was answered and nothing else: forgotten, a repeat of it is decided anew.
    Idle = 1,
    /// It moved money or vouches for it: forgotten, a repeat, a reversal or a late original of it would book wrongly.
    Booked = 2,
    /// It holds money.
    Open = 3,
}

impl Keeping {
    /// All of them, in the order in which a snapshot has them.
    pub const ALL: [Keeping; 4] = [Keeping::Stranger, Keeping::Idle, Keeping::Booked, Keeping::Open];

    /// How this transaction is kept.
    pub fn of(transaction: &Transaction) -> Keeping {
        if !transaction.is_closed() {
            return Keeping::Open;
        }
        // What was approved and then undone must not be approved again: another has stood in by now.
        let undone = transaction.refusal == Refusal::BudgetSpent && transaction.amount_minor != 0;
        let only_answered = matches!(transaction.state, State::Declined | State::Approved)
            && !transaction.has(ADVICE_SEEN | COMPLETION_SEEN)
            && transaction.last_reversal == 0
            && !transaction.is_increment()
            && !undone;
        // Of a card that was not known nothing was approved. A reversal that named no card, where the key has none either,
        // may be of any.
        let unknown = transaction.has(REQUEST_SEEN) || transaction.refusal == Refusal::UnknownCard;
        match transaction.card == NOBODY {
            true if unknown => Keeping::Stranger,
            false if only_answered => Keeping::Idle,
            _ => Keeping::Booked,
        }
    }

    /// Whether it counts against the most that are remembered.
    pub fn is_kept(self) -> bool {
        matches!(self, Keeping::Booked | Keeping::Open)
    }
}

/// How many transactions a part of the table has room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rooms {
    /// How many it has of a table that holds its most. Up to that, idle ones may have what room is free.
    pub share: u32,
    /// Those that must be kept, where a request brings one more.
    pub requested: u32,
    /// The same for an advice or a reversal, which cannot be declined.
    pub advised: u32,
    /// Idle ones, strangers among them, however many are kept.
    pub idle: u32,
    /// Strangers.
    pub strangers: u32,
}

/// A share of so many, as large as it gets where a keyed hash deals them out: six standard deviations above the mean.
pub(super) fn largest_share(all: usize, parts: usize) -> usize {
    let mean = all.div_ceil(parts);
    mean + 6 * mean.isqrt() + 16
}

impl Rooms {
    /// Those of one of so many parts of a table for `max` transactions.
    pub(super) fn of(max: usize, parts: usize) -> Rooms {
        let number = |room: usize| u32::try_from(room).unwrap_or(u32::MAX / 4);
        let share = max.div_ceil(parts).max(4);
        let idle = (share / 8).max(8);
        Rooms {
            share: number(share),
            requested: number(largest_share(max, parts)),
            advised: number(largest_share(max + max / 4, parts)),
            idle: number(idle),
            strangers: number((idle / 8).max(2)),
        }
    }

    /// Slots for all of them, and one that comes before the one it takes the place of goes.
    pub(super) fn slots(&self) -> usize {
        (self.advised + self.idle) as usize + 1
    }
}
