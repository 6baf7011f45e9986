//! 0400 and 0420: undo, fully or down to DE95. Always acknowledged; a reversal that comes before its original leaves
//! a tombstone that refuses the late original.

use super::{Decision, Desk, LinkTerms, Shards, Sink, States, first_seen, velocity_change};
use crate::decision::advice::acknowledged;
use crate::message::{Refusal, Request};
use crate::portfolio::{CASH, COUNTED, Event, Record, State, Transaction, TransactionKey};

impl Desk {
    pub(super) fn record_reversal(
        &self,
        request: &Request,
        terms: &LinkTerms,
        now_us: i64,
        sink: &impl Sink,
    ) -> Decision {
        let key = self.reversed_key(request, terms);
        let mut shard = self.portfolio.table.lock(key);
        let identity = self.reversal_identity(request);
        let own = self.own_key(request, terms);
        let mut record = self.record(Event::Reversal, request, own, terms, now_us);
        let Some(known) = shard.get(key).copied() else {
            if !shard.has_room(true) {
                // A reversal is not declined: 96 lets its sender repeat it.
                return Decision::refused(Refusal::NotStored, key);
            }
            // The reference names the reversal here, not an original that a completion could look for.
            let blank = first_seen(request, key, self, now_us);
            let tombstone =
                Transaction { state: State::Tombstone, last_reversal: identity, reference: 0, ..blank };
            record.transaction = Some(tombstone);
            return self.acknowledge(&record, &mut Shards::one(key, &mut shard), None, key, sink);
        };
        if known.last_reversal == identity {
            return acknowledged(key, sink.appended(), true);
        }
        (record.card, record.account) = (known.card, known.account);
        let after = Transaction { last_reversal: identity, ..reverse(&known, request) };
        record.held_change_minor = after.held_minor - known.held_minor;
        record.posted_change_minor = after.posted_minor - known.posted_minor;
        record.velocity = velocity_change(&known, &after);
        record.transaction = Some(after);
        self.commit_release(&record, &mut Shards::one(key, &mut shard), key, sink)
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

    /// Which transaction is meant: DE90's, or without it the one with the reversal's own key; else the one with its
    /// card and DE37 and the same DE38. Acquirers use DE37 again: alone it would release another purchase, or take
    /// the reversal away from an original that is still to come. What is not found keeps the first of these names
    /// for its tombstone.
    fn reversed_key(&self, request: &Request, terms: &LinkTerms) -> TransactionKey {
        let table = &self.portfolio.table;
        let named = match request.original {
            Some(original) => self.original_key(request, original, terms),
            None => self.own_key(request, terms),
        };
        if table.lock(named).get(named).is_some() {
            return named;
        }
        let by_reference = table.find_reference(self.reference(request)).filter(|key| {
            let shard = table.lock(*key);
            let found = shard.get(*key).map(|found| found.approval);
            request.approval != [b' '; 6] && found == Some(request.approval)
        });
        by_reference.unwrap_or(named)
    }
}

/// The transaction after the reversal. Only what is still held or posted can be given back, and only downwards,
/// so that the same reversal twice, or an old partial one after a newer, changes nothing.
fn reverse(known: &Transaction, request: &Request) -> Transaction {
    let remains = match request.replacement_minor {
        None | Some(0) => 0,
        Some(replacement) => in_account_currency(known, replacement),
    };
    let mut after = *known;
    match known.state {
        State::Held => after.held_minor = known.held_minor.min(remains),
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
    if ends {
        after.state = State::Reversed;
        // Completed by a message of its own, the purchase stays one.
        after.flags &= if known.state == State::Completed { !0 } else { !(COUNTED | CASH) };
        after.expires_s = 0;
    }
    after
}

fn has_money(transaction: &Transaction) -> bool {
    transaction.held_minor != 0 || transaction.posted_minor != 0
}

/// DE95 is in the currency of DE4. What was decided in another is reduced in the same proportion, at the
/// original's rate, rounded to the nearest.
fn in_account_currency(known: &Transaction, replacement: i64) -> i64 {
    if known.amount_minor == known.requested_minor || known.requested_minor == 0 {
        return replacement;
    }
    let scaled = i128::from(replacement) * i128::from(known.amount_minor);
    let asked = i128::from(known.requested_minor);
    i64::try_from((2 * scaled + asked) / (2 * asked)).unwrap_or(i64::MAX)
}
