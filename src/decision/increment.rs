//! Increments: a message that adds its amount to the hold of another, so that completion, expiry and reversal find one
//! hold. The purchase stays one: the counters take the sum in the window of its first message, and no second count.

use super::request::{Checked, approval_code, stored_answer};
use super::{Case, Decision, Desk, Shards, Sink, States, fits, velocity_change};
use crate::message::Refusal;
use crate::portfolio::{CASH, COUNTED, INCREMENT, PREAUTHORIZATION, Record, State, Transaction};

impl Desk {
    /// Decides an increment of an open authorization.
    pub(super) fn add_to(
        &self,
        case: &Case<'_>,
        original: Transaction,
        Checked { card, account, worth }: Checked<'_>,
        (mut new, mut record): (Transaction, Record),
        shards: &mut Shards<'_>,
        sink: &impl Sink,
    ) -> Decision {
        let mut card_state = card.state.lock();
        let mut account_state = account.state.lock();
        let states = States { card: &mut card_state, account: &mut account_state };
        let amount_minor = worth.total_minor;
        if worth.cash_minor > 0 {
            // Cash is given once, with the purchase.
            return self.decline(Refusal::InvalidTransaction, new, record, shards, sink);
        }
        if amount_minor > 0
            && let Err(refusal) = self.check_money(case, card, &states, (0, amount_minor, 0))
        {
            return self.decline(refusal, new, record, shards, sink);
        }
        let original_after = extended(case, &original, amount_minor);
        if !fits(states.account, amount_minor, 0) {
            return self.decline(Refusal::InvalidAmount, new, record, shards, sink);
        }
        new.flags |= INCREMENT;
        new.approval = approval_code(new.key.0);
        new.amount_minor = amount_minor;
        new = new.added_to(original.key);
        record.held_change_minor = amount_minor;
        record.velocity = velocity_change(&original, &original_after);
        (record.transaction, record.related) = (Some(new), Some(original_after));
        match self.commit(&record, shards, Some(states), sink) {
            Some(sequence) => Decision { repeat: false, ..stored_answer(&new, self, sequence) },
            None => Decision::refused(Refusal::NotStored, new.key),
        }
    }
}

/// The authorization with so much more, and the life that the policy gives it then.
pub(super) fn extended(case: &Case<'_>, original: &Transaction, amount_minor: i64) -> Transaction {
    let extends = case.policy.increments_extend || amount_minor == 0;
    let end = if extends { case.hold_end(original.has(PREAUTHORIZATION)) } else { 0 };
    Transaction {
        held_minor: original.held_minor + amount_minor,
        expires_s: original.expires_s.max(end),
        ..*original
    }
}

/// The authorization with less of its hold: what an increment gave is given back, as far as it is still held.
pub(super) fn reduced(original: &Transaction, by_minor: i64) -> Transaction {
    if original.state != State::Held {
        return *original;
    }
    let held_minor = (original.held_minor - by_minor).max(0);
    match held_minor {
        0 => closed(original),
        _ => Transaction { held_minor, ..*original },
    }
}

/// The authorization when nothing of it is held any more, though it has not run out: completed where something of it was
/// spent, else as if reversed.
pub(super) fn closed(original: &Transaction) -> Transaction {
    if original.settled_minor() > 0 {
        return original.released(State::Completed);
    }
    let after = original.released(State::Reversed);
    Transaction { flags: after.flags & !(COUNTED | CASH), ..after }
}
