//! One transaction's life: what was answered, what it still holds, what it posted. All messages of that life
//! (request, repeat, advice, completion, reversal) meet at its key.

use super::card::{AccountId, CardId};
use crate::message::{Operation, Refusal, ResponseCode};

/// Names a transaction: a keyed hash of the fields the link identifies it by (usually DE2, 7, 11 and 32), so that
/// no clear card number is kept. Aligned like its neighbours in [`Transaction`], which saves 8 bytes of 128.
#[repr(Rust, packed(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionKey(pub u128);

impl TransactionKey {
    /// Half of it: a hash of its own, for tables.
    pub fn low(self) -> u64 {
        self.0 as u64
    }
}

/// Declares [`State`]: variant, stored number, name.
macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Where a transaction stands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum State { $($(#[$doc])* $variant = $number,)* }

        impl State {
            /// The name in dumps.
            pub fn name(self) -> &'static str {
                match self { $(State::$variant => $name,)* }
            }

            /// The state with this stored number.
            pub fn from_number(number: u8) -> Option<State> {
                match number { $($number => Some(State::$variant),)* _ => None }
            }
        }
    };
}

states! {
    /// Declined, by us or by who stood in for us: no money.
    Declined = 0, "declined";
    /// Approved without money: inquiry, verification, authorization of a refund.
    Approved = 1, "approved";
    /// An open authorization.
    Held = 2, "held";
    /// Posted: a financial request, an advice, a completion.
    Posted = 3, "posted";
    /// An authorization whose completion has come; it holds nothing any more.
    Completed = 4, "completed";
    /// Reversed in full.
    Reversed = 5, "reversed";
    /// An authorization whose hold has run out.
    Expired = 6, "expired";
    /// Its reversal came first: whatever comes of it now is refused.
    Tombstone = 7, "tombstone";
}

/// The request has been answered.
pub const REQUEST_SEEN: u8 = 1;
/// The advice of an authorization (0120) has been recorded.
pub const ADVICE_SEEN: u8 = 2;
/// A pre-authorization: the long hold.
pub const PREAUTHORIZATION: u8 = 4;
/// Counted in the velocity counters; with [`CASH`] in those of cash.
pub const COUNTED: u8 = 8;
/// Cash.
pub const CASH: u8 = 16;
/// Another stood in for us.
pub const STAND_IN: u8 = 32;
/// A financial advice (0220) has been recorded: a completion, or what stood in for a 0200.
pub const COMPLETION_SEEN: u8 = 64;

/// One transaction. Amounts in minor units of the account's currency, debits positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its name.
    pub key: TransactionKey,
    /// Hash of the content that a repeat must have too: DE2, 3, 4, 37, 41, 42, 49 and the MTI's class.
    pub fingerprint: u64,
    /// Hash of DE2 and DE37, by which a completion without DE90 finds it; 0 for none.
    pub reference: u64,
    /// Hash of the last reversal's DE7, 11, 32 and 95; 0 for none. The same again is a repeat.
    pub last_reversal: u64,
    /// When it was first seen, microseconds since 1970.
    pub time_us: i64,
    /// The card, or [`super::NOBODY`].
    pub card: CardId,
    /// The account, or [`super::NOBODY`].
    pub account: AccountId,
    /// What it asked.
    pub operation: Operation,
    /// Where it stands.
    pub state: State,
    /// [`REQUEST_SEEN`] and the like.
    pub flags: u8,
    /// Why it was refused.
    pub refusal: Refusal,
    /// The DE39 answered.
    pub code: ResponseCode,
    /// The DE38 answered; spaces for none.
    pub approval: [u8; 6],
    /// DE4 of the message that moved the money last, in its own currency: DE95 is a part of it.
    pub requested_minor: i64,
    /// The amount decided about; of a hold that ran out or was completed, what it held then.
    pub amount_minor: i64,
    /// What it still holds.
    pub held_minor: i64,
    /// What it posted: debits positive, credits negative.
    pub posted_minor: i64,
    /// Ledger and available balance as answered to an inquiry.
    pub balances_minor: [i64; 2],
    /// When its hold runs out, seconds since 1970; 0 for never.
    pub expires_s: u32,
}

impl Transaction {
    /// Whether it may be forgotten: it holds nothing.
    pub fn is_closed(&self) -> bool {
        self.held_minor == 0
    }

    /// What the velocity counters count of it: what it holds or posted; of a hold that ran out or was completed what
    /// it held then, since the purchase was made.
    pub fn counted_minor(&self) -> i64 {
        match (self.has(COUNTED), self.state) {
            (false, _) => 0,
            (true, State::Expired | State::Completed | State::Reversed) => self.amount_minor,
            (true, _) => self.held_minor + self.posted_minor,
        }
    }

    /// What the counters of limits count of it, `None` where they do not: as [`Transaction::counted_minor`], but a hold
    /// that ran out gives back what it counted.
    pub fn limited_minor(&self) -> Option<i64> {
        (self.has(COUNTED) && self.state != State::Expired).then(|| self.counted_minor())
    }

    /// Whether this flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}
