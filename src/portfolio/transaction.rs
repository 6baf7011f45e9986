//! One transaction's life: what was answered, what it still holds, what it posted. All messages of that life
//! (request, repeat, advice, completion, reversal) meet at its key.

use super::card::{AccountId, CardId, NOBODY};
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
    /// An increment: its amount is part of another's hold.
    Added = 8, "added";
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
/// An increment of another authorization.
pub const INCREMENT: u8 = 128;

/// One transaction. Amounts in minor units of the account's currency, debits positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its name.
    pub key: TransactionKey,
    /// Hash of what was asked, which a repeat of a request that came behind its own advice must have too: DE2, 3, 4, 37, 41, 42,
    /// 49 and the MTI's class. Where the request came first, what it said tells.
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
    /// DE4 of the message that moved the money last, in its own currency (after a partial approval what was approved of
    /// it): DE95 is a part of it.
    pub requested_minor: i64,
    /// The same in the account's currency, fees that come on top included.
    pub amount_minor: i64,
    /// What it still holds.
    pub held_minor: i64,
    /// What it posted: debits positive, credits negative.
    pub posted_minor: i64,
    /// Two numbers that mean another thing to each kind of transaction: see [`Transaction::balances_minor`],
    /// [`Transaction::adds_to`], [`Transaction::settled_minor`] and [`Transaction::cash_minor`]. One room for all of them
    /// keeps a transaction and its neighbours within a pair of cache lines.
    pub extra: [i64; 2],
    /// When its hold runs out, seconds since 1970; 0 for never.
    pub expires_s: u32,
}

impl Transaction {
    /// Of nobody: what a place holds that is not used.
    pub(super) const BLANK: Transaction = Transaction {
        key: TransactionKey(0),
        fingerprint: 0,
        reference: 0,
        last_reversal: 0,
        time_us: 0,
        card: NOBODY,
        account: NOBODY,
        operation: Operation::Unsupported,
        state: State::Declined,
        flags: 0,
        refusal: Refusal::None,
        code: ResponseCode::APPROVED,
        approval: [b' '; 6],
        requested_minor: 0,
        amount_minor: 0,
        held_minor: 0,
        posted_minor: 0,
        extra: [0; 2],
        expires_s: 0,
    };

    /// Whether it may be forgotten: it holds nothing.
    pub fn is_closed(&self) -> bool {
        self.held_minor == 0
    }

    /// When its hold runs out, seconds since 1970; 0 for never, or where nothing is held.
    pub fn runs_out_s(&self) -> u32 {
        if self.state == State::Held && !self.is_closed() { self.expires_s } else { 0 }
    }

    /// Ledger and available balance as answered to an inquiry; zeros for anything else.
    pub fn balances_minor(&self) -> [i64; 2] {
        if self.operation == Operation::Inquiry { self.extra } else { [0; 2] }
    }

    /// The authorization that an increment is part of.
    pub fn adds_to(&self) -> Option<TransactionKey> {
        let [low, high] = self.extra.map(|half| u128::from(half as u64));
        self.is_increment().then_some(TransactionKey(high << 64 | low))
    }

    /// An increment of the authorization with this key.
    pub fn added_to(self, key: TransactionKey) -> Transaction {
        let extra = [key.0 as i64, (key.0 >> 64) as i64];
        Transaction { state: State::Added, extra, ..self }
    }

    /// Whether it is an increment, reversed or not.
    pub fn is_increment(&self) -> bool {
        self.has(INCREMENT)
    }

    /// What of an authorization is no longer held but was spent: its completions so far, and once it has run out or is
    /// completed all it held before.
    pub fn settled_minor(&self) -> i64 {
        if self.shares_money() { self.extra[0] } else { 0 }
    }

    /// The part of it that is cash: all of a withdrawal, or what a purchase gave out in cash.
    pub fn cash_minor(&self) -> i64 {
        match self.operation {
            Operation::Cash => self.counted_minor(),
            _ => self.cash_part_minor().min(self.counted_minor()),
        }
    }

    /// What a purchase gave out in cash when it was decided; 0 for anything else.
    pub fn cash_part_minor(&self) -> i64 {
        if self.shares_money() && self.operation == Operation::Purchase { self.extra[1] } else { 0 }
    }

    fn shares_money(&self) -> bool {
        self.operation.is_debit() && !self.is_increment()
    }

    /// All that an authorization allows to be spent: what it holds and what of it was spent.
    pub fn authorized_minor(&self) -> i64 {
        self.held_minor.saturating_add(self.settled_minor())
    }

    /// What the velocity counters count of it: what it holds, what of it was spent, and what it posted; of a hold that ran
    /// out what it held, since the purchase was made.
    pub fn counted_minor(&self) -> i64 {
        if self.has(COUNTED) { self.authorized_minor().saturating_add(self.posted_minor) } else { 0 }
    }

    /// What the counters of limits count of it, `None` where they do not: as [`Transaction::counted_minor`], but a hold
    /// that ran out has given back what it counted.
    pub fn limited_minor(&self) -> Option<i64> {
        (self.has(COUNTED) && self.state != State::Expired).then(|| self.counted_minor())
    }

    /// The same after its hold has ended: nothing is held, and what was counts as spent.
    pub fn ended(self, state: State) -> Transaction {
        let mut extra = self.extra;
        if self.shares_money() {
            extra[0] = self.authorized_minor();
        }
        Transaction { state, held_minor: 0, expires_s: 0, extra, ..self }
    }

    /// The same without what it still holds; what was spent of it stays.
    pub fn released(self, state: State) -> Transaction {
        Transaction { state, held_minor: 0, expires_s: 0, ..self }
    }

    /// Whether this flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}
