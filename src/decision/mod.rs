//! (request, now, portfolio) -> decision + record. PURE: no sockets, files, clock or randomness.
//!
//! Each path locks what it touches in one order (transaction shards by place, card, account, journal), decides,
//! hands its record to the journal while the locks are held, so that the journal's order is a true serialization,
//! and only then changes memory: what was not taken by the journal has not happened.

mod key;
pub use key::{KeyFields, UnknownKeyField};

mod request;

mod advice;

mod reversal;

mod upkeep;

use crate::message::{Balances, Kind, Refusal, Request, ResponseCode};
use crate::portfolio::{
    AccountState, Asked, CASH, COUNTED, CardState, Counts, Event, LARGEST_MINOR, Locked, NOBODY, Period,
    Portfolio, Record, Shard, Transaction, TransactionKey, VelocityChange,
};
use std::sync::Arc;

/// Takes records, in order. Called while the money's locks are held: must not block.
pub trait Sink {
    /// Takes a record's body and returns its sequence, or `None` when it cannot be stored.
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64>;
    /// The sequence of the last record taken.
    fn appended(&self) -> u64;
}

/// How long an open authorization holds money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldLives {
    /// An ordinary authorization, seconds.
    pub authorization_s: u32,
    /// A pre-authorization, seconds.
    pub preauthorization_s: u32,
}

/// What a link's settings say about deciding its messages.
#[derive(Clone, Copy, Debug)]
pub struct LinkTerms {
    /// The link's number, in the order of the settings.
    pub link: u16,
    /// The fields that name a transaction.
    pub key: KeyFields,
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
            repeat: false,
            sequence: 0,
            key,
        }
    }
}

/// Decides. One for the process, shared by all workers.
#[derive(Debug)]
pub struct Desk {
    /// What it decides about.
    pub portfolio: Arc<Portfolio>,
    holds: HoldLives,
    config: u32,
}

impl Desk {
    /// `config` is the fingerprint of the settings, carried by every record.
    pub fn new(portfolio: Arc<Portfolio>, holds: HoldLives, config: u32) -> Desk {
        Desk { portfolio, holds, config }
    }

    /// Decides one request, advice or reversal. `now_us` is the wall clock, microseconds since 1970.
    pub fn decide(&self, request: &Request, terms: &LinkTerms, now_us: i64, sink: &impl Sink) -> Decision {
        match request.kind {
            Kind::Authorization | Kind::Financial => self.decide_request(request, terms, now_us, sink),
            Kind::AuthorizationAdvice | Kind::FinancialAdvice => {
                self.record_advice(request, terms, now_us, sink)
            }
            Kind::Reversal => self.record_reversal(request, terms, now_us, sink),
            // Sessions belong to the links; nothing of them is decided here.
            Kind::NetworkManagement => Decision::refused(Refusal::UnsupportedType, TransactionKey::default()),
        }
    }

    /// A record of what was asked, without effects. `key` is the message's own.
    fn record(
        &self,
        event: Event,
        request: &Request,
        key: TransactionKey,
        terms: &LinkTerms,
        now_us: i64,
    ) -> Record {
        Record { asked: asked(request, terms), ..self.blank(event, key, now_us) }
    }

    fn blank(&self, event: Event, key: TransactionKey, now_us: i64) -> Record {
        Record {
            event,
            time_us: now_us,
            key,
            config: self.config,
            rules: 0,
            asked: Asked::default(),
            refusal: Refusal::None,
            code: ResponseCode::APPROVED,
            card: NOBODY,
            account: NOBODY,
            held_change_minor: 0,
            posted_change_minor: 0,
            velocity: VelocityChange::default(),
            counts: Counts::NONE,
            swept: None,
            transaction: None,
            related: None,
        }
    }

    /// Completes the record by what the transactions it changes give back to the counters of limits, hands it to the
    /// journal and, once taken, applies it to what is locked. `None`: not stored, and nothing changed.
    fn commit(
        &self,
        record: &Record,
        shards: &mut Shards<'_>,
        states: Option<States<'_>>,
        sink: &impl Sink,
    ) -> Option<u64> {
        let completed = released(record, shards).map(|counts| Record { counts, ..*record });
        let record = completed.as_ref().unwrap_or(record);
        if record.counts.is_empty() {
            return self.commit_counted(record, shards, states, None, sink);
        }
        let counters = record.counts.iter().map(|change| change.counter);
        let mut locked = self.portfolio.counters.lock(counters);
        self.commit_counted(record, shards, states, Some(&mut locked), sink)
    }

    /// The same with the record complete, and the counters it changes locked.
    fn commit_counted(
        &self,
        record: &Record,
        shards: &mut Shards<'_>,
        states: Option<States<'_>>,
        counters: Option<&mut Locked<'_>>,
        sink: &impl Sink,
    ) -> Option<u64> {
        let mut room = [0; Record::LONGEST];
        let sequence = sink.append(record.encode(&mut room), record.time_us)?;
        for transaction in record.transactions() {
            let shard = shards.of(transaction.key);
            let is_own = record.transaction.as_ref().is_some_and(|own| own.key == transaction.key);
            let counts = if is_own { &record.counts[..] } else { &[] };
            self.portfolio.table.put(shard, transaction, counts, sequence);
        }
        if let Some(counters) = counters {
            counters.apply(&record.counts, sequence);
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

/// The record's changes of counters together with what its transactions, as they were and as they will be, give back to
/// the limits; `None` when they give back nothing.
fn released(record: &Record, shards: &mut Shards<'_>) -> Option<Counts> {
    let mut counts = None;
    for after in record.transactions() {
        let shard = shards.of(after.key);
        let uses = shard.uses(after.key);
        if uses.is_empty() {
            continue;
        }
        let Some(before) = shard.get(after.key) else { continue };
        for change in uses.release(before, after).iter() {
            // More than fit would be those of two transactions of many limits each: what is left out stays counted until its
            // window ends, which opens no limit.
            let _ = counts.get_or_insert(record.counts).push(*change);
        }
    }
    counts
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
    let amount_minor = after.counted_minor() - before.counted_minor();
    if was == is && amount_minor == 0 {
        return VelocityChange::default();
    }
    VelocityChange {
        period: Period::of(if was { before.time_us } else { after.time_us }),
        count: i8::from(is) - i8::from(was),
        amount_minor,
        cash: before.has(CASH) || after.has(CASH),
    }
}

/// The amount in the account's currency: DE6 when DE51 is that currency, else DE4 when DE49 is (or is absent).
fn amount_in(request: &Request, currency: u16) -> Option<i64> {
    if request.billing_currency == currency {
        Some(request.billing_minor)
    } else if request.currency == currency || request.currency == 0 && request.billing_currency == 0 {
        Some(request.amount_minor)
    } else {
        None
    }
}

fn asked(request: &Request, terms: &LinkTerms) -> Asked {
    let original = request.original;
    Asked {
        link: terms.link,
        mti: request.mti.bcd(),
        bin: request.pan.map_or(0, |pan| pan.prefix(6)),
        last_four: request.pan.map_or(0, |pan| pan.last_four()),
        processing_code: request.processing_code,
        amount_minor: request.amount_minor,
        currency: request.currency,
        billing_minor: request.billing_minor,
        billing_currency: request.billing_currency,
        transmission: request.transmission,
        stan: request.stan,
        local_time: request.local_time,
        local_date: request.local_date,
        merchant_category: request.merchant_category,
        country: request.country.numeric,
        country_alpha: request.country.alpha,
        entry_mode: request.entry_mode,
        condition: request.condition,
        acquirer: request.acquirer,
        retrieval_reference: request.retrieval_reference,
        response: request.response.map_or([0; 2], |code| code.0),
        terminal: request.terminal,
        merchant: request.merchant,
        original_mti: original.map_or(0, |original| original.mti),
        original_stan: original.map_or(0, |original| original.stan),
        original_transmission: original.map_or(0, |original| original.transmission),
        replacement_minor: request.replacement_minor.unwrap_or(-1),
    }
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
        balances_minor: [0; 2],
        expires_s: 0,
    }
}
