//! Messages of one card are decided one after the other: what is sent again has a key of its own, so that the lock of its
//! first message's shard would not hold it back. Must not know what is decided.

use crate::message::Pan;
use parking_lot::{Mutex, MutexGuard};

/// Cards share them; a power of two. So many that threads seldom wait for a card that is not theirs.
const TURNS: usize = 1024;

/// Locks by card, taken before all others and held over the decision.
#[derive(Debug)]
pub(super) struct Turns(Box<[Turn]>);

/// A cache line each: neighbours are taken by other threads.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Turn(Mutex<()>);

impl Turns {
    pub(super) fn new() -> Turns {
        Turns((0..TURNS).map(|_| Turn::default()).collect())
    }

    /// The turn of a card; that of any for a message without one.
    pub(super) fn of(&self, pan: Option<Pan>) -> MutexGuard<'_, ()> {
        let (digits, _) = pan.map_or((0, 0), |pan| pan.parts());
        // Fibonacci hashing: numbers that follow each other spread evenly.
        let spread = digits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
        self.0[spread as usize % TURNS].0.lock()
    }
}
