//! 0120 and 0220: another has decided. Always recorded and acknowledged; the money follows what it says.

use super::{Decision, Desk, LinkTerms, Shards, Sink, States, amount_in, first_seen, fits};
use crate::message::{Kind, Operation, Refusal, Request, ResponseCode};
use crate::portfolio::{
    ADVICE_SEEN, CASH, COUNTED, Card, Event, PREAUTHORIZATION, Period, REQUEST_SEEN, Record, STAND_IN, State,
    Transaction, TransactionKey, VelocityChange,
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
        if known.is_some_and(|known| known.has(ADVICE_SEEN)) {
            return acknowledged(key, sink.appended(), true);
        }
        let related = match &other {
            Some(shard) => shard.get(completes),
            None => own.get(completes),
        };
        let related = related.copied().filter(|related| completes != key && related.state == State::Held);
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
        new.flags |= ADVICE_SEEN;
        let mut shards = Shards { own_key: key, own: &mut own, other: other.as_deref_mut() };
        let card = self.card_of(request, known.as_ref());
        let Some(card) = card.filter(|_| !is_dead(&new)) else {
            // Unknown card, or its reversal came first: kept for reconciliation, no money.
            record.transaction = Some(new);
            return self.acknowledge(&record, &mut shards, None, key, sink);
        };
        let account = self.portfolio.account_of(card);
        (new.card, new.account) = (card.id, account.id);
        (record.card, record.account) = (card.id, account.id);
        let mut card_state = card.state.lock();
        let mut account_state = account.state.lock();
        let amount_minor = amount_in(request, account.currency).unwrap_or(request.amount_minor);
        self.set_money(request, &mut new, &mut record, amount_minor, related.as_ref());
        if let Some(related) = related {
            record.held_change_minor -= related.held_minor;
            record.related =
                Some(Transaction { state: State::Completed, held_minor: 0, expires_s: 0, ..related });
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
        record.velocity = velocity_after(new, &before, record.time_us, completes.is_some());
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

    fn card_of(&self, request: &Request, known: Option<&Transaction>) -> Option<&Card> {
        known
            .and_then(|known| self.portfolio.card_by_id(known.card))
            .or_else(|| request.pan.and_then(|pan| self.portfolio.card(pan)))
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

/// Reversed, or its reversal came first: an advice of it moves no money any more.
fn is_dead(transaction: &Transaction) -> bool {
    matches!(transaction.state, State::Reversed | State::Tombstone)
}

/// The counters count a debit once: at its request, or at the advice that came instead. The completion of a
/// counted pre-authorization counts nothing.
fn velocity_after(
    new: &mut Transaction,
    before: &Transaction,
    now_us: i64,
    completes: bool,
) -> VelocityChange {
    let debit = new.operation.is_debit();
    let (was, is) = (before.held_minor + before.posted_minor, new.held_minor + new.posted_minor);
    let cash = new.operation == Operation::Cash;
    match (before.has(COUNTED), is > 0) {
        (false, true) if debit && !completes => {
            new.flags |= COUNTED | if cash { CASH } else { 0 };
            // A reversal gives back to the window in which it was counted.
            new.time_us = now_us;
            VelocityChange { period: Period::of(now_us), count: 1, amount_minor: is, cash }
        }
        (true, true) => {
            VelocityChange { period: Period::of(before.time_us), count: 0, amount_minor: is - was, cash }
        }
        (true, false) => {
            new.flags &= !(COUNTED | CASH);
            VelocityChange { period: Period::of(before.time_us), count: -1, amount_minor: -was, cash }
        }
        _ => VelocityChange::default(),
    }
}
