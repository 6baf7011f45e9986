//! 0120 and 0220: another has decided. Always recorded and acknowledged; the money follows what it says.

use super::{Decision, Desk, LinkTerms, Shards, Sink, States, amount_in, first_seen, fits, velocity_change};
use crate::message::{Kind, Operation, Refusal, Request, ResponseCode};
use crate::portfolio::{
    ADVICE_SEEN, CASH, COMPLETION_SEEN, COUNTED, Card, Event, PREAUTHORIZATION, REQUEST_SEEN, Record,
    STAND_IN, State, Transaction, TransactionKey,
};

impl Desk {
    pub(super) fn record_advice(
        &self,
        request: &Request,
        terms: &LinkTerms,
        now_us: i64,
        sink: &impl Sink,
    ) -> Decision {
        let key = self.own_key(request, terms);
        let completes = self.completed_key(request, key, terms).unwrap_or(key);
        let (mut own, mut other) = self.portfolio.table.lock_both(key, completes);
        let known = own.get(key).copied();
        let seen = match request.kind {
            Kind::FinancialAdvice => COMPLETION_SEEN,
            _ => ADVICE_SEEN,
        };
        if known.is_some_and(|known| known.has(seen)) {
            return acknowledged(key, sink.appended(), true);
        }
        let related = match &other {
            Some(shard) => shard.get(completes),
            None => own.get(completes),
        };
        let related = related.copied().filter(|_| completes != key);
        if known.is_none() && !own.has_room(true) {
            return Decision::refused(Refusal::TableFull, key);
        }
        let mut record = self.record(Event::Advice, request, terms, now_us);
        // The answer given here is the advice's own; what stood before stays the answer to a repeated request.
        let mut new = known.unwrap_or(Transaction {
            code: request.response.unwrap_or(ResponseCode::APPROVED),
            approval: request.approval,
            ..first_seen(request, key, self, now_us)
        });
        let over = is_over(&new, request.kind);
        new.flags |= seen;
        let mut shards = Shards { own_key: key, own: &mut own, other: other.as_deref_mut() };
        let card = self.card_of(request, known.as_ref());
        let Some(card) = card.filter(|_| !over) else {
            // Unknown card, or what ends the transaction came first: kept for reconciliation, no money.
            record.transaction = Some(new);
            return self.acknowledge(&record, &mut shards, None, key, sink);
        };
        (new.card, new.account) = (card.id, card.account.id);
        (record.card, record.account) = (card.id, card.account.id);
        let mut card_state = card.state.lock();
        let mut account_state = card.account.state.lock();
        let amount_minor = amount_in(request, card.account.currency).unwrap_or(request.amount_minor);
        self.set_money(request, &mut new, &mut record, amount_minor, related.as_ref());
        if let Some(related) = related.filter(|related| related.state == State::Held) {
            record.held_change_minor -= related.held_minor;
            record.related = Some(Transaction {
                state: State::Completed,
                amount_minor: related.held_minor,
                held_minor: 0,
                expires_s: 0,
                ..related
            });
        }
        if !fits(&account_state, record.held_change_minor, record.posted_change_minor) {
            return Decision::refused(Refusal::Format, key);
        }
        record.transaction = Some(new);
        let states = States { card: &mut card_state, account: &mut account_state };
        self.acknowledge(&record, &mut shards, Some(states), key, sink)
    }

    /// What the transaction holds and has posted after the advice, and the change that is.
    fn set_money(
        &self,
        request: &Request,
        new: &mut Transaction,
        record: &mut Record,
        amount_minor: i64,
        completes: Option<&Transaction>,
    ) {
        let before = *new;
        let approved = request.response.is_none_or(|code| code.is_approval());
        let posts = request.kind == Kind::FinancialAdvice;
        let (held, posted) = match (approved, request.operation) {
            (true, Operation::Purchase | Operation::Cash) if posts => (0, amount_minor),
            (true, Operation::Purchase | Operation::Cash) => (amount_minor, 0),
            (true, Operation::Credit) if posts => (0, -amount_minor),
            _ => (0, 0),
        };
        new.held_minor = held;
        new.posted_minor = posted;
        new.amount_minor = amount_minor;
        new.flags |= if request.preauthorization { PREAUTHORIZATION } else { 0 };
        new.flags |= if before.has(REQUEST_SEEN) || posts { 0 } else { STAND_IN };
        new.expires_s = if held != 0 { self.hold_end(new.has(PREAUTHORIZATION), record.time_us) } else { 0 };
        new.state = match (approved, posts) {
            (false, _) => State::Declined,
            (true, true) => State::Posted,
            (true, false) if held != 0 => State::Held,
            (true, false) => State::Approved,
        };
        record.held_change_minor = held - before.held_minor;
        record.posted_change_minor = posted - before.posted_minor;
        // A debit is counted once: at its request, or at the advice that came instead. The completion of a counted
        // pre-authorization counts nothing.
        let counts = new.operation.is_debit() && held + posted > 0;
        if !counts {
            new.flags &= !(COUNTED | CASH);
        } else if !before.has(COUNTED) && !completes.is_some_and(|completed| completed.has(COUNTED)) {
            new.flags |= COUNTED | if new.operation == Operation::Cash { CASH } else { 0 };
            // A reversal gives back to the window in which it was counted.
            new.time_us = record.time_us;
        }
        record.velocity = velocity_change(&before, new);
    }

    /// The pre-authorization a completion speaks of: by DE90, else by card and DE37.
    fn completed_key(
        &self,
        request: &Request,
        own: TransactionKey,
        terms: &LinkTerms,
    ) -> Option<TransactionKey> {
        if request.kind != Kind::FinancialAdvice {
            return None;
        }
        let table = &self.portfolio.table;
        let by_original = request
            .original
            .map(|original| self.original_key(request, original, terms))
            .filter(|key| table.lock(*key).get(*key).is_some());
        by_original.or_else(|| table.find_reference(self.reference(request))).filter(|key| *key != own)
    }

    fn card_of(&self, request: &Request, known: Option<&Transaction>) -> Option<std::sync::Arc<Card>> {
        match known.and_then(|known| self.portfolio.card_by_id(known.card)) {
            Some(card) => Some(card.clone()),
            None => request.pan.and_then(|pan| self.portfolio.card(pan)),
        }
    }

    pub(super) fn acknowledge(
        &self,
        record: &Record,
        shards: &mut Shards<'_>,
        states: Option<States<'_>>,
        key: TransactionKey,
        sink: &impl Sink,
    ) -> Decision {
        match self.commit(record, shards, states, sink) {
            Some(sequence) => acknowledged(key, sequence, false),
            None => Decision::refused(Refusal::NotStored, key),
        }
    }
}

/// 00: recorded.
pub(super) fn acknowledged(key: TransactionKey, sequence: u64, repeat: bool) -> Decision {
    Decision {
        code: ResponseCode::APPROVED,
        refusal: Refusal::None,
        approval: None,
        balances: None,
        repeat,
        sequence,
        key,
    }
}

/// Whether what came before leaves an advice of this kind no money to move: the transaction is reversed, or its
/// reversal came first. The advice of an authorization comes too late also for what was completed or has run out;
/// senders keep no order between their stored advices and live traffic.
fn is_over(known: &Transaction, kind: Kind) -> bool {
    match known.state {
        State::Reversed | State::Tombstone => true,
        State::Completed | State::Expired => kind == Kind::AuthorizationAdvice,
        _ => kind == Kind::AuthorizationAdvice && known.has(COMPLETION_SEEN),
    }
}
