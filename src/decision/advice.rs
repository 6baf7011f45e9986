//! 0120 and 0220: another has decided. Always recorded and acknowledged; the money follows what it says.

use super::{Decision, Desk, LinkTerms, Shards, Sink, States, amount_in, first_seen, fits, velocity_change};
use crate::message::{Kind, Operation, Refusal, Request, ResponseCode};
use crate::portfolio::{
    ADVICE_SEEN, CASH, COMPLETION_SEEN, COUNTED, Card, Event, PREAUTHORIZATION, REQUEST_SEEN, Record,
    STAND_IN, State, Transaction, TransactionKey,
};

/// An advice and what it meets.
struct Met<'a> {
    request: &'a Request,
    /// The transaction of its own key before it.
    known: Option<Transaction>,
    /// The authorization it completes.
    related: Option<Transaction>,
    /// What came before leaves it no money to move.
    over: bool,
    /// One more open transaction fits.
    has_room: bool,
}

impl Desk {
    pub(super) fn record_advice(
        &self,
        request: &Request,
        terms: &LinkTerms,
        now_us: i64,
        sink: &impl Sink,
    ) -> Decision {
        let key = self.own_key(request, terms);
        let (completes, named) = self.completed_key(request, key, terms).unwrap_or((key, false));
        let (mut own, mut other) = self.portfolio.table.lock_both(key, completes);
        let known = own.get(key).copied();
        let seen = match request.kind {
            Kind::FinancialAdvice => COMPLETION_SEEN,
            _ => ADVICE_SEEN,
        };
        if known.is_some_and(|known| known.has(seen)) {
            return acknowledged(key, sink.appended(), true);
        }
        let card = self.card_of(request, known.as_ref());
        let related =
            other.as_ref().map_or_else(|| own.get(completes), |shard| shard.get(completes)).copied();
        let related = related.filter(|related| {
            // What is known by its own key is not looked for by its reference, which acquirers use again.
            let is_meant = named || known.is_none_or(|known| known.state == State::Tombstone);
            // Where the key holds no card number, DE90 may name another's.
            let is_ours = card.as_ref().is_some_and(|card| card.account == related.account);
            completes != key && is_meant && is_ours
        });
        // The answer given here is the advice's own; what stood before stays the answer to a repeated request.
        let mut new = known.unwrap_or(Transaction {
            code: request.response.unwrap_or(ResponseCode::APPROVED),
            approval: request.approval,
            ..first_seen(request, key, self, now_us)
        });
        new.flags |= seen;
        let over = known.is_some_and(|known| is_over(&known, request.kind));
        let met = Met { request, known, related, over, has_room: own.has_room(true) };
        if known.is_none() && !met.has_room {
            // An advice is not declined: 96 lets its sender repeat it.
            return Decision::refused(Refusal::NotStored, key);
        }
        let mut record = self.record(Event::Advice, request, key, terms, now_us);
        let mut shards = Shards { own_key: key, own: &mut own, other: other.as_deref_mut() };
        match card {
            Some(card) if !over || related.is_some() => {
                self.book_advice(&met, card, new, record, &mut shards, sink)
            }
            // Unknown card, or what ends the transaction came first: kept for reconciliation, no money.
            _ => {
                record.transaction = Some(new);
                self.acknowledge(&record, &mut shards, None, key, sink)
            }
        }
    }

    /// Moves the money as the advice says, under the card's and the account's locks.
    fn book_advice(
        &self,
        met: &Met<'_>,
        card: &Card,
        mut new: Transaction,
        mut record: Record,
        shards: &mut Shards<'_>,
        sink: &impl Sink,
    ) -> Decision {
        let account = self.portfolio.account_of(card);
        (new.card, new.account) = (card.id, account.id);
        (record.card, record.account) = (card.id, account.id);
        let mut card_state = card.state.lock();
        let mut account_state = account.state.lock();
        let amount_minor = amount_in(met.request, account.currency);
        if !met.over && moves_money(met.request) && amount_minor.is_none() {
            // Another currency and no billing amount: what it is worth here nobody said.
            return Decision::refused(Refusal::Format, new.key);
        }
        if !met.over {
            self.set_money(met, &mut new, &mut record, amount_minor.unwrap_or(0));
        }
        // What was stored for its answer alone takes a place among the open ones.
        if !met.has_room && !new.is_closed() && met.known.is_some_and(|known| known.is_closed()) {
            return Decision::refused(Refusal::NotStored, new.key);
        }
        record.related = met.related.and_then(|related| completed(&related));
        if let (Some(before), Some(after)) = (met.related, record.related) {
            record.held_change_minor += after.held_minor - before.held_minor;
        }
        if !fits(&account_state, record.held_change_minor, record.posted_change_minor) {
            return Decision::refused(Refusal::Format, new.key);
        }
        record.transaction = Some(new);
        let states = States { card: &mut card_state, account: &mut account_state };
        self.acknowledge(&record, shards, Some(states), new.key, sink)
    }

    /// What the transaction holds and has posted after the advice, and the change that is.
    fn set_money(&self, met: &Met<'_>, new: &mut Transaction, record: &mut Record, amount_minor: i64) {
        let (before, request) = (*new, met.request);
        let approved = says_approved(request);
        let posts = request.kind == Kind::FinancialAdvice;
        let (held, posted) = advised_money(request, &before, amount_minor);
        new.held_minor = held;
        new.posted_minor = posted;
        (new.amount_minor, new.requested_minor) = (amount_minor, request.amount_minor);
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
        } else if !before.has(COUNTED) && !met.related.is_some_and(|completed| completed.has(COUNTED)) {
            new.flags |= COUNTED | if new.operation == Operation::Cash { CASH } else { 0 };
            // A reversal gives back to the window in which it was counted.
            new.time_us = record.time_us;
        }
        record.velocity = velocity_change(&before, new);
    }

    /// The authorization a completion speaks of, by DE90 (true), else by card and DE37 (false). Only what is posted
    /// to the holder completes: a decline is recorded, a refund with its purchase's reference is no completion of it.
    fn completed_key(
        &self,
        request: &Request,
        own: TransactionKey,
        terms: &LinkTerms,
    ) -> Option<(TransactionKey, bool)> {
        if request.kind != Kind::FinancialAdvice || !request.operation.is_debit() || !says_approved(request) {
            return None;
        }
        let table = &self.portfolio.table;
        let by_original = request
            .original
            .map(|original| self.original_key(request, original, terms))
            .filter(|key| table.lock(*key).get(*key).is_some());
        let by_reference = || table.find_reference(self.reference(request));
        by_original
            .map(|key| (key, true))
            .or_else(|| by_reference().map(|key| (key, false)))
            .filter(|(key, _)| *key != own)
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

/// What an advice makes a transaction hold and post.
fn advised_money(request: &Request, before: &Transaction, amount_minor: i64) -> (i64, i64) {
    let posts = request.kind == Kind::FinancialAdvice;
    let (held, posted) = match (says_approved(request), request.operation) {
        (true, Operation::Purchase | Operation::Cash) if posts => (0, amount_minor),
        (true, Operation::Purchase | Operation::Cash) => (amount_minor, 0),
        (true, Operation::Credit) if posts => (0, -amount_minor),
        _ => (0, 0),
    };
    // What stood in for the same request does not take back its partial reversal.
    match before.state {
        _ if before.last_reversal == 0 => (held, posted),
        State::Held if !posts => (held.min(before.held_minor), posted),
        State::Posted if before.posted_minor >= 0 => (held, posted.min(before.posted_minor)),
        State::Posted => (held, posted.max(before.posted_minor)),
        _ => (held, posted),
    }
}

/// Whether an advice moves any money: an approved debit, or a refund that posts.
fn moves_money(advice: &Request) -> bool {
    let refunds = advice.operation == Operation::Credit && advice.kind == Kind::FinancialAdvice;
    says_approved(advice) && (advice.operation.is_debit() || refunds)
}

/// An advice without DE39 says that it was approved.
fn says_approved(advice: &Request) -> bool {
    advice.response.is_none_or(|code| code.is_approval())
}

/// The authorization after its completion. What we had declined or what has run out is completed too, so that a
/// stand-in advice of it that comes later does not hold it again.
fn completed(known: &Transaction) -> Option<Transaction> {
    let after = Transaction { state: State::Completed, held_minor: 0, expires_s: 0, ..*known };
    match known.state {
        State::Held => Some(Transaction { amount_minor: known.held_minor, ..after }),
        State::Declined | State::Expired => Some(after),
        _ => None,
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
