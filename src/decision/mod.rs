//! (request, now, portfolio) -> decision + record. PURE: no sockets, files, clock or randomness.
//!
//! Each path locks what it touches in one order (transaction shards by place, card, account, journal), decides,
//! hands its record to the journal while the locks are held, so that the journal's order is a true serialization,
//! and only then changes memory: what was not taken by the journal has not happened.

mod key;
pub use key::{KeyFields, UnknownKeyField};

mod policy;
pub use policy::{HoldClass, Policy, Rate, Rates, Tolerance, WrongCurrency};

mod amount;

mod request;

mod offer;

mod increment;

mod advice;

mod completion;

mod reversal;

mod upkeep;

use crate::message::{Balances, Kind, Marks, Operation, Refusal, Request, ResponseCode};
use crate::portfolio::{
    AccountState, Asked, CASH, COUNTED, CardState, Differs, Discrepancy, Event, LARGEST_MINOR, NOBODY,
    Period, Portfolio, Record, Shard, Transaction, TransactionKey, VelocityChange,
};
use std::sync::Arc;

/// Takes records, in order. Called while the money's locks are held: must not block.
pub trait Sink {
    /// Takes a record's body and returns its sequence, or `None` when it cannot be stored.
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64>;
    /// The sequence of the last record taken.
    fn appended(&self) -> u64;
}

/// What a link's settings say about deciding its messages.
#[derive(Clone, Copy, Debug)]
pub struct LinkTerms {
    /// The link's number, in the order of the settings.
    pub link: u16,
    /// The fields that name a transaction.
    pub key: KeyFields,
    /// Whether the fees of DE28 and DE8 come on top of the amount; else they are part of it.
    pub fees_on_top: bool,
    /// The DE39 of a good card that was only asked about: 00 or 85.
    pub verified: ResponseCode,
}

impl Default for LinkTerms {
    /// Link 0, the standard key, fees within the amount, 00.
    fn default() -> LinkTerms {
        LinkTerms { link: 0, key: KeyFields::default(), fees_on_top: false, verified: ResponseCode::APPROVED }
    }
}

/// What was approved of a request, where that is less than it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// DE4 of the answer, in the request's currency.
    pub amount_minor: i64,
    /// DE6 of the answer where the request was billed, in the account's currency.
    pub billing_minor: i64,
    /// The account's currency, ISO 4217 numeric.
    pub billing_currency: u16,
}

/// The answer to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// DE39.
    pub code: ResponseCode,
    /// Why, when it is not an approval.
    pub refusal: Refusal,
    /// DE38 to set; `None` where there is none or the request's is echoed.
    pub approval: Option<[u8; 6]>,
    /// DE54 of an inquiry.
    pub balances: Option<Balances>,
    /// The amounts of a partial approval (10, 87).
    pub part: Option<Part>,
    /// How an advice differs from what was decided here.
    pub differs: Differs,
    /// The same message had been decided before: this is the stored answer.
    pub repeat: bool,
    /// The journal record that must be durable before an answer that promises so; 0 for none.
    pub sequence: u64,
    /// The transaction, for [`Desk::undo`].
    pub key: TransactionKey,
}

impl Decision {
    fn refused(refusal: Refusal, key: TransactionKey) -> Decision {
        Decision {
            code: refusal.code(),
            refusal,
            approval: None,
            balances: None,
            part: None,
            differs: Differs::Nothing,
            repeat: false,
            sequence: 0,
            key,
        }
    }
}

/// One message, and what it is decided by: everything about it is read from here, so that a policy that is exchanged
/// meanwhile counts from the next message on.
#[derive(Clone, Copy)]
struct Case<'a> {
    request: &'a Request,
    terms: &'a LinkTerms,
    policy: &'a Policy,
    now_us: i64,
}

impl Case<'_> {
    /// When a hold placed now runs out, seconds since 1970.
    fn hold_end(&self, preauthorization: bool) -> u32 {
        seconds(self.now_us).saturating_add(self.policy.hold_life_s(self.request, preauthorization))
    }

    /// Whether it says that it adds to an open authorization of a purchase.
    fn adds(&self) -> bool {
        let kind = matches!(self.request.kind, Kind::Authorization | Kind::AuthorizationAdvice);
        kind && self.request.operation == Operation::Purchase && self.request.marks.has(Marks::INCREMENTAL)
    }
}

fn seconds(time_us: i64) -> u32 {
    u32::try_from((time_us / 1_000_000).max(0)).unwrap_or(u32::MAX)
}

/// Decides. One for the process, shared by all workers.
#[derive(Debug)]
pub struct Desk {
    /// What it decides about.
    pub portfolio: Arc<Portfolio>,
    policy: Arc<Policy>,
    rules: u32,
}

impl Desk {
    /// `rules` is the fingerprint of the settings, carried by every record.
    pub fn new(portfolio: Arc<Portfolio>, policy: Arc<Policy>, rules: u32) -> Desk {
        Desk { portfolio, policy, rules }
    }

    /// Decides one request, advice or reversal. `now_us` is the wall clock, microseconds since 1970.
    pub fn decide(&self, request: &Request, terms: &LinkTerms, now_us: i64, sink: &impl Sink) -> Decision {
        let case = Case { request, terms, policy: &self.policy, now_us };
        match request.kind {
            Kind::Authorization | Kind::Financial => self.decide_request(&case, sink),
            Kind::AuthorizationAdvice | Kind::FinancialAdvice => self.record_advice(&case, sink),
            Kind::Reversal => self.record_reversal(&case, sink),
            // Sessions belong to the links; nothing of them is decided here.
            Kind::NetworkManagement => Decision::refused(Refusal::UnsupportedType, TransactionKey::default()),
        }
    }

    /// A record of what was asked, without effects.
    fn record(&self, event: Event, case: &Case<'_>) -> Record {
        Record { asked: Asked::of(case.request, case.terms.link), ..self.blank(event, case.now_us) }
    }

    fn blank(&self, event: Event, now_us: i64) -> Record {
        Record {
            event,
            time_us: now_us,
            rules: self.rules,
            asked: Asked::default(),
            refusal: Refusal::None,
            code: ResponseCode::APPROVED,
            card: NOBODY,
            account: NOBODY,
            held_change_minor: 0,
            posted_change_minor: 0,
            velocity: VelocityChange::default(),
            discrepancy: Discrepancy::default(),
            transaction: None,
            related: None,
        }
    }

    /// Hands the record to the journal and, once taken, applies it to what is locked. `None`: not stored, and
    /// nothing changed.
    fn commit(
        &self,
        record: &Record,
        shards: &mut Shards<'_>,
        states: Option<States<'_>>,
        sink: &impl Sink,
    ) -> Option<u64> {
        let mut room = [0; Record::LONGEST];
        let sequence = sink.append(record.encode(&mut room), record.time_us)?;
        for transaction in record.transactions() {
            let shard = shards.of(transaction.key);
            self.portfolio.table.put(shard, transaction, sequence);
        }
        if let Some(states) = states.filter(|_| record.moves()) {
            record.apply_to_card(states.card, sequence);
            record.apply_to_account(states.account, sequence);
        }
        Some(sequence)
    }
}

/// The locked shards of a decision.
struct Shards<'a> {
    own_key: TransactionKey,
    own: &'a mut Shard,
    other: Option<&'a mut Shard>,
}

impl<'a> Shards<'a> {
    fn one(own_key: TransactionKey, own: &'a mut Shard) -> Shards<'a> {
        Shards { own_key, own, other: None }
    }

    fn of(&mut self, key: TransactionKey) -> &mut Shard {
        match &mut self.other {
            Some(other) if key != self.own_key => other,
            _ => self.own,
        }
    }
}

/// The locked states of a decision's card and account.
struct States<'a> {
    card: &'a mut CardState,
    account: &'a mut AccountState,
}

/// Whether the account's figures stay within bounds after these changes.
fn fits(state: &AccountState, held_change: i64, posted_change: i64) -> bool {
    let bound = i128::from(LARGEST_MINOR);
    let held = i128::from(state.held_minor) + i128::from(held_change);
    let posted = i128::from(state.posted_minor) + i128::from(posted_change);
    let ledger = i128::from(state.funds_minor) - posted;
    held.abs() <= bound && posted.abs() <= bound && (ledger - held).abs() <= 2 * bound
}

/// How the counters change when a transaction becomes another: always by exactly what they count of it, in the
/// period in which they counted it.
fn velocity_change(before: &Transaction, after: &Transaction) -> VelocityChange {
    let (was, is) = (before.has(COUNTED), after.has(COUNTED));
    let (cash_was, cash_is) = (was && before.has(CASH), is && after.has(CASH));
    let change = VelocityChange {
        period: Period::of(if was { before.time_us } else { after.time_us }),
        count: i8::from(is) - i8::from(was),
        amount_minor: after.counted_minor() - before.counted_minor(),
        cash_count: i8::from(cash_is) - i8::from(cash_was),
        cash_minor: after.cash_minor() - before.cash_minor(),
    };
    let moves =
        [change.amount_minor, change.cash_minor, i64::from(change.count), i64::from(change.cash_count)];
    let changes = moves.iter().any(|moved| *moved != 0);
    if changes { change } else { VelocityChange::default() }
}

/// A transaction as first seen: no money, nothing seen.
fn first_seen(request: &Request, key: TransactionKey, desk: &Desk, now_us: i64) -> Transaction {
    Transaction {
        key,
        fingerprint: desk.fingerprint(request),
        reference: desk.reference(request),
        last_reversal: 0,
        time_us: now_us,
        card: NOBODY,
        account: NOBODY,
        operation: request.operation,
        state: crate::portfolio::State::Declined,
        flags: 0,
        refusal: Refusal::None,
        code: ResponseCode::APPROVED,
        approval: [b' '; 6],
        requested_minor: request.amount_minor,
        amount_minor: 0,
        held_minor: 0,
        posted_minor: 0,
        extra: [0; 2],
        expires_s: 0,
    }
}
