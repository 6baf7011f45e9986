//! 0120 and 0220: another has decided. Always recorded and acknowledged; the money follows what it says.

use super::amount::{Worth, worth};
use super::completion::{against_own, completed, is_otherwise, over_tolerance};
use super::facts::facts;
use super::increment::{closed, extended};
use super::meter::{Meters, Whose};
use super::request::{counted_as, is_open_for};
use super::why::saw_known;
use super::{Case, Decision, Desk, Shards, Sink, States, first_seen, fits, velocity_change};
use crate::message::{Kind, Operation, Refusal, Request, ResponseCode};
use crate::portfolio::{
    ADVICE_SEEN, Account, CASH, COMPLETION_SEEN, COUNTED, Card, Counts, Differs, Discrepancy, Event,
    INCREMENT, Keeping, PREAUTHORIZATION, REQUEST_SEEN, Record, STAND_IN, Shard, State, Transaction,
    TransactionKey,
};

/// An advice and what it meets.
struct Met<'a> {
    case: &'a Case<'a>,
    /// The transaction of its own key before it.
    known: Option<Transaction>,
    /// The authorization it completes or adds to.
    related: Option<Transaction>,
    /// What came before leaves it no money to move.
    over: bool,
}

impl Desk {
    pub(super) fn record_advice(&self, case: &Case<'_>, sink: &impl Sink) -> Decision {
        let request = case.request;
        let own_key = self.own_key(case);
        let mut meant = self.meant(case, own_key);
        let (original, named) = self.advised_original(case, meant.key).unwrap_or((meant.key, false));
        let (mut own, mut other) = self.lock_meant(&mut meant, own_key, Some(original));
        let key = meant.key;
        let known = own.get(key).copied();
        let seen = match request.kind {
            Kind::FinancialAdvice => COMPLETION_SEEN,
            _ => ADVICE_SEEN,
        };
        if let Some(known) = known.filter(|known| known.has(seen)) {
            let mut record = self.record(Event::Advice, case, own_key);
            return self.acknowledge_again(case, &known, &mut record, &mut own, sink);
        }
        saw_known(known.as_ref(), None, sink);
        let card = self.card_of(request, known.as_ref());
        let related = other.as_ref().map_or_else(|| own.get(original), |shard| shard.get(original)).copied();
        let related = related.filter(|related| {
            // What is known by its own key is not looked for by its reference, which acquirers use again.
            let is_meant = named || known.is_none_or(|known| known.state == State::Tombstone);
            // Where the key holds no card number, DE90 may name another's.
            let is_ours = card.as_ref().is_some_and(|card| card.account == related.account);
            original != key && is_meant && is_ours
        });
        // The answer given here is the advice's own; what stood before stays the answer to a repeated request.
        let mut new = known.unwrap_or(Transaction {
            code: request.response.unwrap_or(ResponseCode::APPROVED),
            approval: request.approval,
            ..first_seen(case, key, self)
        });
        new.flags |= seen;
        let over = known.is_some_and(|known| is_over(&known, request.kind));
        let met = Met { case, known, related, over };
        let mut record = self.record(Event::Advice, case, own_key);
        let mut shards = Shards { own_key: key, own: &mut own, other: other.as_deref_mut() };
        match card {
            Some(card) if !over || related.is_some() => {
                self.book_advice(&met, card, new, &mut record, &mut shards, sink)
            }
            // Unknown card, or what ends the transaction came first: kept for reconciliation, no money.
            _ => {
                if known.is_none() {
                    new.refusal = Refusal::UnknownCard;
                }
                record.transaction = Some(new);
                record.discrepancy = self.completes_reversed(case, known.as_ref(), card);
                self.acknowledge(&record, &mut shards, None, key, sink)
            }
        }
    }

    /// A completion with the key of an authorization that was reversed: whether both were meant, or the authorization alone, it
    /// does not tell. It moves nothing, and is told.
    fn completes_reversed(
        &self,
        case: &Case<'_>,
        known: Option<&Transaction>,
        card: Option<&Card>,
    ) -> Discrepancy {
        let reversed = known.is_some_and(|known| known.state == State::Reversed && known.has(REQUEST_SEEN));
        let completes = case.request.kind == Kind::FinancialAdvice && moves_money(case.request);
        let Some(card) = card.filter(|_| reversed && completes) else { return Discrepancy::default() };
        let currency = self.portfolio.account_of(card).currency;
        let worth = worth(case.request, case.terms, case.policy, currency).unwrap_or_default();
        Discrepancy { differs: Differs::ApprovedThere, ours_minor: 0, theirs_minor: worth.total_minor }
    }

    /// The advice has come before: nothing moves again. That it says something else now is recorded.
    fn acknowledge_again(
        &self,
        case: &Case<'_>,
        known: &Transaction,
        record: &mut Record,
        own: &mut Shard,
        sink: &impl Sink,
    ) -> Decision {
        if !is_otherwise(case, known, &self.said(case), &own.traits(known.key)) {
            return acknowledged(known.key, own.sequence(), true);
        }
        (record.card, record.account) = (known.card, known.account);
        let account = self.portfolio.account(known.account);
        let worth =
            account.and_then(|account| worth(case.request, case.terms, case.policy, account.currency).ok());
        record.discrepancy = Discrepancy {
            differs: Differs::AdviceRepeat,
            ours_minor: known.amount_minor,
            theirs_minor: worth.unwrap_or_default().total_minor,
        };
        let answer = self.acknowledge(record, &mut Shards::one(known.key, own), None, known.key, sink);
        Decision { repeat: answer.code.is_approval(), ..answer }
    }

    /// Moves the money as the advice says, under the card's and the account's locks.
    fn book_advice(
        &self,
        met: &Met<'_>,
        card: &Card,
        mut new: Transaction,
        record: &mut Record,
        shards: &mut Shards<'_>,
        sink: &impl Sink,
    ) -> Decision {
        let (case, request) = (met.case, met.case.request);
        let account = self.portfolio.account_of(card);
        (new.card, new.account) = (card.id, account.id);
        (record.card, record.account) = (card.id, account.id);
        let mut card_state = card.state.lock();
        let mut account_state = account.state.lock();
        let worth = match worth(request, case.terms, case.policy, account.currency) {
            Ok(worth) => worth,
            // What it is worth here nobody said: 30, so that its sender does not delete its copy.
            Err(_) if !met.over && moves_money(request) => {
                return Decision::refused(Refusal::Format, new.key);
            }
            Err(_) => Worth::default(),
        };
        let adds_to = met.related.filter(|related| met.adds(related, &new));
        if let Some(original) = adds_to {
            met.add(&original, &mut new, record, worth.total_minor);
        } else {
            if !met.over {
                set_money(met, &mut new, record, worth);
            }
            let completes = met.related.filter(|_| request.kind == Kind::FinancialAdvice);
            let posted_minor = if met.over { 0 } else { worth.total_minor };
            record.related = completes.and_then(|known| completed(case, &known, posted_minor));
            record.discrepancy = met.discrepancy(worth.total_minor);
        }
        if new.has(COUNTED) && !met.known.is_some_and(|known| known.has(COUNTED)) {
            let states = States { card: &mut card_state, account: &mut account_state };
            record.counts = self.limited(case, (card, account), &states, &new);
        }
        if let (Some(before), Some(after)) = (met.related, record.related) {
            record.held_change_minor += after.held_minor - before.held_minor;
        }
        if !fits(&account_state, record.held_change_minor, record.posted_change_minor) {
            return Decision::refused(Refusal::Format, new.key);
        }
        record.transaction = Some(new);
        let states = States { card: &mut card_state, account: &mut account_state };
        self.acknowledge(record, shards, Some(states), new.key, sink)
    }

    /// How the counters of limits change by what was spent elsewhere: it counts like anything, and is never declined.
    pub(super) fn limited(
        &self,
        case: &Case<'_>,
        (card, account): (&Card, &Account),
        states: &States<'_>,
        new: &Transaction,
    ) -> Counts {
        if !case.standing.asks() {
            return Counts::NONE;
        }
        let counted_minor = new.counted_minor();
        let worth = Worth { total_minor: counted_minor, cash_minor: new.cash_minor() };
        let facts = facts(case, (card, account), states, worth);
        let whose = Whose::of(case, &facts, false, account.currency);
        let meters = Meters::lock(&self.portfolio, &whose, None);
        meters.map_or(Counts::NONE, |meters| meters.counts(counted_minor))
    }

    /// The authorization that a completion or the advice of an increment speaks of, by DE90 (true) or what is known of it,
    /// else by its reference (false). Only what is posted to the holder completes: a decline is recorded, a refund with
    /// its purchase's reference is no completion of it.
    fn advised_original(&self, case: &Case<'_>, own: TransactionKey) -> Option<(TransactionKey, bool)> {
        let request = case.request;
        let completes =
            request.kind == Kind::FinancialAdvice && request.operation.is_debit() && says_approved(request);
        if !request.operation.is_debit() {
            return None;
        }
        // What was answered as an increment is one, marked as such or not.
        let added = self.portfolio.table.lock(own).get(own).and_then(Transaction::adds_to);
        let added = added.filter(|_| completes || request.kind == Kind::AuthorizationAdvice);
        match added {
            Some(original) => Some((original, true)),
            None if completes || case.adds() => self.original_of(case, own),
            None => None,
        }
    }

    fn card_of(&self, request: &Request, known: Option<&Transaction>) -> Option<&Card> {
        known
            .and_then(|known| self.portfolio.card_by_id(known.card))
            .or_else(|| request.pan.and_then(|pan| self.portfolio.card(pan)))
    }

    /// Whether its transactions are kept already, need not be, or find a place.
    fn has_room_for(&self, record: &Record, shards: &mut Shards<'_>) -> bool {
        let mut more = 0;
        record.transactions().filter(|after| Keeping::of(after).is_kept()).all(|after| {
            let shard = shards.of(after.key);
            let known = shard.keeping(after.key).is_some_and(Keeping::is_kept);
            more += usize::from(!known);
            known || self.portfolio.table.has_room(shard, true, more)
        })
    }

    /// Stores what an advice or a reversal has changed. Neither is declined: where there is no room to remember it or to
    /// store it, 96 lets its sender repeat it.
    pub(super) fn acknowledge(
        &self,
        record: &Record,
        shards: &mut Shards<'_>,
        states: Option<States<'_>>,
        key: TransactionKey,
        sink: &impl Sink,
    ) -> Decision {
        if !self.has_room_for(record, shards) {
            return Decision::refused(Refusal::NoRoom, key);
        }
        match self.commit(record, shards, states, sink) {
            Some(sequence) => {
                Decision { differs: record.discrepancy.differs, ..acknowledged(key, sequence, false) }
            }
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
        part: None,
        differs: Differs::Nothing,
        rules: 0,
        repeat,
        sequence,
        key,
    }
}

/// What the transaction holds and has posted after the advice, and the change that is.
fn set_money(met: &Met<'_>, new: &mut Transaction, record: &mut Record, worth: Worth) {
    let (before, case, request) = (*new, met.case, met.case.request);
    let approved = says_approved(request);
    let posts = request.kind == Kind::FinancialAdvice;
    let (mut held, posted) = advised_money(request, &before, worth.total_minor);
    // What completions with names of their own have posted of it is held no more.
    let settled = if before.state == State::Held { before.settled_minor() } else { 0 };
    held = (held - settled).max(0);
    new.held_minor = held;
    new.posted_minor = posted;
    // What we approved a part of was answered with these amounts, and a repeat gets them again.
    if !(before.has(REQUEST_SEEN) && is_part(before.code)) {
        (new.amount_minor, new.requested_minor) = (worth.total_minor, request.amount_minor);
    }
    new.flags |= if request.preauthorization { PREAUTHORIZATION } else { 0 };
    new.flags |= if before.has(REQUEST_SEEN) || posts { 0 } else { STAND_IN };
    new.expires_s = if held != 0 { case.hold_end(new.has(PREAUTHORIZATION)) } else { 0 };
    new.state = match (approved, posts) {
        (false, _) => State::Declined,
        (true, true) => State::Posted,
        (true, false) if held != 0 => State::Held,
        (true, false) => State::Approved,
    };
    record.held_change_minor = held - before.held_minor;
    record.posted_change_minor = posted - before.posted_minor;
    // An advice that says nothing of cash changes nothing of it.
    let cash = if worth.cash_minor > 0 { worth.cash_minor } else { before.cash_part_minor() };
    if new.operation != Operation::Inquiry && !new.is_increment() {
        new.extra = [settled, if new.operation == Operation::Purchase { cash } else { 0 }];
    }
    // A debit is counted once: at its request, or at the advice that came instead. The completion of a counted
    // pre-authorization counts nothing.
    let completed = met.related.filter(|_| posts);
    let counts = new.operation.is_debit() && held + posted + settled > 0;
    if !counts {
        new.flags &= !(COUNTED | CASH);
    } else if before.has(COUNTED) {
        new.flags = new.flags & !CASH | counted_as(new.operation, new.cash_part_minor());
    } else if !completed.is_some_and(|completed| completed.has(COUNTED)) {
        new.flags |= counted_as(new.operation, new.cash_part_minor());
        // A reversal gives back to the window in which it was counted.
        new.time_us = record.time_us;
    }
    record.velocity = velocity_change(&before, new);
}

pub(super) fn is_part(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::PARTIAL | ResponseCode::PURCHASE_ONLY)
}

impl Met<'_> {
    /// Whether it is the advice of an increment of this authorization: one that is still open, of which our own record is
    /// an increment too, or a decline, or none.
    fn adds(&self, related: &Transaction, new: &Transaction) -> bool {
        let own = self.known.is_none_or(|known| match known.state {
            State::Added => known.adds_to() == Some(related.key),
            State::Declined => true,
            _ => false,
        });
        let authorizes = self.case.request.kind == Kind::AuthorizationAdvice;
        authorizes && own && (new.is_increment() || self.case.adds() && is_open_for(related, new))
    }

    /// Adds to the authorization what the advice says, instead of what our own answer to the increment added.
    fn add(&self, original: &Transaction, new: &mut Transaction, record: &mut Record, amount_minor: i64) {
        let request = self.case.request;
        let approved = says_approved(request);
        let had = self.known.filter(|known| known.state == State::Added);
        let rest = (original.held_minor - had.map_or(0, |known| known.amount_minor)).max(0);
        let gives = if approved { amount_minor } else { 0 };
        let after = match rest + gives {
            _ if original.state != State::Held => *original,
            0 => closed(original),
            held_minor => {
                let longer = if approved { extended(self.case, original, gives) } else { *original };
                Transaction { held_minor, ..longer }
            }
        };
        new.flags |= INCREMENT | if new.has(REQUEST_SEEN) { 0 } else { STAND_IN };
        *new = new.added_to(original.key);
        if approved {
            (new.amount_minor, new.requested_minor) = (amount_minor, request.amount_minor);
        } else {
            new.state = State::Declined;
        }
        record.velocity = velocity_change(original, &after);
        record.related = Some(after);
        record.discrepancy = against_own(self.case, self.known.as_ref(), approved.then_some(amount_minor));
    }

    /// How what it says differs from what was decided here.
    fn discrepancy(&self, amount_minor: i64) -> Discrepancy {
        let request = self.case.request;
        if self.over || !request.operation.is_debit() {
            return Discrepancy::default();
        }
        let advised = says_approved(request).then_some(amount_minor);
        match (self.related.filter(|_| request.kind == Kind::FinancialAdvice), advised) {
            (Some(related), Some(posted)) => over_tolerance(self.case, &related, posted),
            _ => against_own(self.case, self.known.as_ref(), advised),
        }
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
pub(super) fn says_approved(advice: &Request) -> bool {
    advice.response.is_none_or(|code| code.is_approval())
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
