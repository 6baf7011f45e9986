//! 0400 and 0420: undo, fully or down to DE95. Always acknowledged; a reversal that comes before its original leaves
//! a tombstone that refuses the late original.

use super::advice::acknowledged;
use super::amount::{part_of, worth};
use super::increment::{closed, reduced};
use super::reversed::Spoken;
use super::why::saw_known;
use super::{Case, Decision, Desk, Shards, Sink, States, first_seen, velocity_change};
use crate::message::{Refusal, Request};
use crate::portfolio::{CASH, COUNTED, Differs, Event, Record, State, Transaction, TransactionKey};

impl Desk {
    pub(super) fn record_reversal(&self, case: &Case<'_>, sink: &impl Sink) -> Decision {
        let request = case.request;
        let identity = self.reversal_identity(request);
        let Spoken { key, adds_to, mut differs } = self.spoken_of(case, identity);
        if differs == Differs::ReversalNoOriginal && self.is_of_another_network(case, identity) {
            differs = Differs::ReversalElsewhere;
        }
        let (mut own, mut other) = match adds_to {
            Some(original) => self.portfolio.table.lock_both(key, original),
            None => (self.portfolio.table.lock(key), None),
        };
        let mut record = self.record(Event::Reversal, case, self.own_key(case));
        saw_known(own.get(key), None, sink);
        let Some(known) = own.get(key).copied() else {
            // Where the original's trace number is known, no other of the same reference is meant.
            let named = request.original.is_some_and(|original| original.stan != 0);
            let reference = if named { 0 } else { case.reference };
            let blank = first_seen(case, key, self);
            let mut tombstone =
                Transaction { state: State::Tombstone, last_reversal: identity, reference, ..blank };
            // How much it speaks of, where its card is known.
            if let Some((card, account)) = request.pan.and_then(|pan| self.portfolio.owner(pan)) {
                (record.card, record.account) = (card.id, account.id);
                (tombstone.card, tombstone.account) = (card.id, account.id);
                let worth = worth(request, case.terms, case.policy, account.currency).unwrap_or_default();
                record.discrepancy.theirs_minor = worth.total_minor;
            } else if case.name != 0 || case.terms.key.has(2) {
                // It names a card, or must, and no message of one of ours can be meant: it vouches for nothing.
                tombstone.refusal = Refusal::UnknownCard;
            }
            record.transaction = Some(tombstone);
            record.discrepancy.differs = differs;
            return self.acknowledge(&record, &mut Shards::one(key, &mut own), None, key, sink);
        };
        if known.last_reversal == identity {
            return acknowledged(key, own.sequence(), true);
        }
        (record.card, record.account) = (known.card, known.account);
        let mut shards = Shards { own_key: key, own: &mut own, other: other.as_deref_mut() };
        let mut after = reverse(&known, request);
        if let Some(original) = adds_to.and_then(|original| shards.of(original).get(original).copied())
            && known.state == State::Added
        {
            let remains = remains_of(&known, request);
            after = shrunk(&known, &original, remains, &mut record);
            after.requested_minor = request.replacement_minor.unwrap_or(0).min(known.requested_minor);
        } else {
            record.held_change_minor = after.held_minor - known.held_minor;
            record.posted_change_minor = after.posted_minor - known.posted_minor;
            record.velocity = velocity_change(&known, &after);
        }
        record.transaction = Some(Transaction { last_reversal: identity, ..after });
        self.commit_release(&record, &mut shards, key, sink)
    }

    /// Commits a record that gives money back, under the locks of the card and account it names.
    pub(super) fn commit_release(
        &self,
        record: &Record,
        shards: &mut Shards<'_>,
        key: TransactionKey,
        sink: &impl Sink,
    ) -> Decision {
        let parties = (self.portfolio.card_by_id(record.card), self.portfolio.account(record.account));
        let (Some(card), Some(account)) = parties else {
            return self.acknowledge(record, shards, None, key, sink);
        };
        let mut card_state = card.state.lock();
        let mut account_state = account.state.lock();
        let states = States { card: &mut card_state, account: &mut account_state };
        self.acknowledge(record, shards, Some(states), key, sink)
    }
}

/// What of the transaction remains after the reversal, in the account's currency: DE95 at the original's own rate.
fn remains_of(known: &Transaction, request: &Request) -> i64 {
    let remains = request.replacement_minor.unwrap_or(0);
    part_of(remains, known.requested_minor, known.amount_minor).unwrap_or(i64::MAX)
}

/// An increment after so much of it remains, and in the record what that makes of the authorization it added to.
pub(super) fn shrunk(
    known: &Transaction,
    original: &Transaction,
    remains_minor: i64,
    record: &mut Record,
) -> Transaction {
    let remains_minor = known.amount_minor.min(remains_minor);
    let original_after = reduced(original, known.amount_minor - remains_minor);
    record.held_change_minor = original_after.held_minor - original.held_minor;
    record.velocity = velocity_change(original, &original_after);
    record.related = Some(original_after);
    let state = if remains_minor == 0 { State::Reversed } else { State::Added };
    Transaction { amount_minor: remains_minor, state, ..*known }
}

/// The transaction after the reversal. Only what is still held or posted can be given back, and only downwards,
/// so that the same reversal twice, or an old partial one after a newer, changes nothing. Fees that came on top go with
/// the amount: all of them with all of it, else in proportion.
fn reverse(known: &Transaction, request: &Request) -> Transaction {
    let remains = remains_of(known, request);
    let mut after = *known;
    match known.state {
        // What completions have posted of it remains too.
        State::Held => {
            after.held_minor = known.held_minor.min((remains - known.settled_minor()).max(0));
        }
        State::Posted if known.posted_minor >= 0 => after.posted_minor = known.posted_minor.min(remains),
        // A posted refund: it is taken back, or reduced.
        State::Posted => after.posted_minor = known.posted_minor.max(-remains),
        // Nothing to give back: declined, expired, completed by a message of its own, or reversed before.
        _ => {}
    }
    let full = request.replacement_minor.unwrap_or(0) == 0;
    let ends = match known.state {
        State::Tombstone => false,
        // A rest that rounds to nothing here is none.
        State::Held | State::Posted if has_money(known) => full || !has_money(&after),
        // What we had declined, or what is completed, is reversed too: no advice that comes later may revive it.
        _ => full,
    };
    match known.state {
        _ if !ends => after,
        // Completed by messages of their own, the purchase stays one.
        State::Completed => after.released(State::Reversed),
        State::Held if known.settled_minor() > 0 && !full => closed(&after),
        State::Held if known.settled_minor() > 0 => after.released(State::Reversed),
        _ => {
            after.flags &= !(COUNTED | CASH);
            after.released(State::Reversed)
        }
    }
}

fn has_money(transaction: &Transaction) -> bool {
    transaction.held_minor != 0 || transaction.posted_minor != 0
}
