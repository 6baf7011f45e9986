//! Increments: a message that adds its amount to the hold of another, so that completion, expiry and reversal find one
//! hold. The purchase stays one: the counters take the sum in the window of its first message, and no second count.

use super::judge::judged;
use super::meter::{Meters, Whose};
use super::offer::Bounds;
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
        (mut new, record): (Transaction, &mut Record),
        shards: &mut Shards<'_>,
        sink: &impl Sink,
    ) -> Decision {
        let mut card_state = card.state.lock();
        let mut account_state = account.state.lock();
        let states = States { card: &mut card_state, account: &mut account_state };
        let amount_minor = worth.total_minor;
        if worth.cash_minor > 0 {
            // Cash is given once, with the purchase.
            return self.decline(case, Refusal::InvalidTransaction, new, record, shards, sink);
        }
        let (facts, judged) = judged(case, (card, account), &states, worth, sink);
        record.ruled = judged.ruled;
        if let Some(denial) = judged.denial {
            return self.decline(case, denial, new, record, shards, sink);
        }
        // It counts where the authorization counts, and nowhere anew.
        let uses = *shards.of(original.key).uses(original.key);
        let mut meters = match &facts {
            Some(facts) => {
                let whose = Whose::of(case, facts, judged.missing.is_some(), account.currency);
                match Meters::lock(&self.portfolio, &whose, Some(&uses)) {
                    Ok(meters) => Some(meters),
                    Err(refusal) => return self.decline(case, refusal, new, record, shards, sink),
                }
            }
            None => None,
        };
        let bounds = Bounds { up_to: judged.up_to, meters: meters.as_ref() };
        let asked = (0, amount_minor, 0);
        if amount_minor > 0
            && let Err(denial) = self.check_money(case, card, &states, asked, &bounds, sink)
        {
            drop(meters);
            return self.decline(case, denial, new, record, shards, sink);
        }
        if !self.portfolio.table.has_room(shards.own, false, 1) {
            drop(meters);
            return self.decline(case, Refusal::TableFull, new, record, shards, sink);
        }
        let original_after = extended(case, &original, amount_minor);
        if !fits(states.account, amount_minor, 0) {
            drop(meters);
            return self.decline(case, Refusal::InvalidAmount, new, record, shards, sink);
        }
        new.flags |= INCREMENT;
        new.approval = approval_code(new.key.0);
        new.amount_minor = amount_minor;
        new = new.added_to(original.key);
        record.held_change_minor = amount_minor;
        record.velocity = velocity_change(&original, &original_after);
        (record.transaction, record.related) = (Some(new), Some(original_after));
        if let Some(meters) = &meters {
            record.ruled.shadow_limits = meters.shadows(0, amount_minor, sink);
        }
        let stored = match &mut meters {
            Some(meters) => self.commit_within(record, shards, Some(states), meters.locked(), sink),
            None => self.commit(record, shards, Some(states), sink),
        };
        match stored {
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
