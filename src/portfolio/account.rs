//! An account: funds, what is posted, what is held. All amounts in minor units of its one currency.

use super::Velocity;
use super::card::AccountId;
use parking_lot::Mutex;

/// An account as the directory holds it. Everything but `state` is fixed while the switch runs.
#[derive(Debug)]
pub struct Account {
    /// Its name in records.
    pub id: AccountId,
    /// ISO 4217 numeric.
    pub currency: u16,
    /// Keyed hash of the label it has in CSV files; 0 for the account of one card alone.
    pub name: u64,
    /// Keyed hash of the customer whose accounts are limited together; 0 for none.
    pub customer: u64,
    /// What changes.
    pub state: Mutex<AccountState>,
}

/// With a lock of one byte, not with those of the tests that choose who gets it.
const _: () = assert!(size_of::<Mutex<()>>() != 1 || size_of::<Account>() == 104);

/// What changes about an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// Funds as loaded: balance plus credit line.
    pub funds_minor: i64,
    /// Posted debits less posted credits.
    pub posted_minor: i64,
    /// Sum of what open authorizations still hold.
    pub held_minor: i64,
    /// What it has spent.
    pub velocity: Velocity,
    /// The last journal record that changed it.
    pub sequence: u64,
}

/// The largest sum an account may hold in any of its figures: far from the edge of 64 bits, so that no sum of
/// two figures and a DE4 can overflow.
pub const LARGEST_MINOR: i64 = 1_000_000_000_000_000_000;

impl AccountState {
    /// Ledger balance: funds less what is posted.
    pub fn ledger_minor(&self) -> i64 {
        self.funds_minor.saturating_sub(self.posted_minor)
    }

    /// What may still be spent: the ledger less what is held. Negative after forced posts.
    pub fn available_minor(&self) -> i64 {
        self.ledger_minor().saturating_sub(self.held_minor)
    }
}
