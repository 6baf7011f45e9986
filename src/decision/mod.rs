//! (request, now, portfolio) -> decision + record. PURE: no sockets, files, clock or randomness.
//!
//! Each path locks what it touches in one order (transaction shards by place, card, account, journal), decides,
//! hands its record to the journal while the locks are held, so that the journal's order is a true serialization,
//! and only then changes memory: what was not taken by the journal has not happened.

mod names;
mod reversed;
mod turns;
use turns::Turns;

mod effects;
use effects::{fits, velocity_change};

mod key;
pub use key::{KeyFields, UnknownKeyField};

mod policy;
pub use policy::{HoldClass, Policy, Rate, Rates, Tolerance, WrongCurrency};

mod standing;
pub use standing::{Effects, Missing, Standing, Tally};

mod why;
pub use why::{Check, Evaluation, Input};

mod amount;

mod facts;

mod judge;

mod meter;
pub use meter::Usage;

mod request;

mod offer;

mod increment;

mod advice;

mod completion;

mod reversal;

mod upkeep;

mod verification;
pub use verification::{Demand, Require, Verification, WhenUnverified};

mod again;
pub use again::Recall;

use crate::message::{Balances, Evidence, Kind, Refusal, Request, ResponseCode};
use crate::portfolio::{
    AccountState, Asked, CardState, Counts, Differs, Discrepancy, Event, Locked, NOBODY, Portfolio, Record,
    Ruled, Shard, Transaction, TransactionKey, VelocityChange, Written,
};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// Takes records, in order. Called while the money's locks are held: must not block.
pub trait Sink {
    /// Whether it wants to see the checks. Such a sink takes no records: what is decided with it is not done.
    const ASKS_WHY: bool = false;
    /// Whether it ever takes a record. With one that does not, a late request that is new is 91 and leaves nothing.
    const TAKES: bool = true;

    /// Takes a record's body and returns its sequence, or `None` when it cannot be stored.
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64>;
    /// Sees a check, where it asks why.
    #[inline]
    fn saw(&self, _check: impl FnOnce() -> Check) {}
}

/// What a link's settings say about deciding its messages.
#[derive(Clone, Copy, Debug)]
pub struct LinkTerms {
    /// The link's number, in the order of the settings.
    pub link: u16,
    /// The network it is a line of: only what the same network sent is found by its messages' names.
    pub network: u64,
    /// The fields that name a transaction.
    pub key: KeyFields,
    /// Whether the fees of DE28 and DE8 come on top of the amount; else they are part of it.
    pub fees_on_top: bool,
    /// The DE39 of a good card that was only asked about: 00 or 85.
    pub verified: ResponseCode,
    /// By [`crate::message::Proof`]: the DE39 where it came, or had to come, and was not verified.
    pub cannot_verify: [ResponseCode; 4],
}

impl Default for LinkTerms {
    /// Link 0 of network 0, the standard key, fees within the amount, 00; 86, and 96 for a MAC.
    fn default() -> LinkTerms {
        LinkTerms {
            link: 0,
            network: 0,
            key: KeyFields::default(),
            fees_on_top: false,
            verified: ResponseCode::APPROVED,
            cannot_verify: [b"86", b"86", b"86", b"96"].map(|code| ResponseCode(*code)),
        }
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
    /// The version of the rule set in force; 0 for none.
    pub rules: u32,
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
            rules: 0,
            repeat: false,
            sequence: 0,
            key,
        }
    }
}

/// Why a request is declined: the refusal, the DE39 that a rule or limit chose, and the number of that one.
#[derive(Clone, Copy, Debug)]
struct Denial {
    refusal: Refusal,
    code: ResponseCode,
    /// From 1 in the order of the rule set; 0 where none declined.
    rule: u16,
    limit: u8,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Denial {
        Denial { refusal, code: refusal.code(), rule: 0, limit: 0 }
    }
}

/// How much of its time a request had left when its decision began. An advice or a reversal is never too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// Within the link's budget.
    InTime,
    /// The budget is spent, but an answer of the stand-in set would still be in time.
    BudgetSpent,
    /// Any answer but 91 would come too late.
    TooLate,
}

/// One message, and what it is decided by: everything about it is read from here, so that what is exchanged meanwhile
/// counts from the next message on.
#[derive(Clone, Copy)]
struct Case<'a> {
    request: &'a Request,
    terms: &'a LinkTerms,
    standing: &'a Standing,
    policy: &'a Policy,
    now_us: i64,
    /// What its way found missing to decide it as usual.
    missing: Option<Missing>,
    /// Its time is up: nothing is decided but 91.
    late: bool,
    /// The second name and the reference of its transaction, as keyed hashes; 0 for none.
    name: u64,
    reference: u64,
    /// The record of the same message, where it is decided again and its card, which is not known, has left no number: it
    /// has what the number would be needed for.
    of: Option<&'a Record>,
}

impl<'a> Case<'a> {
    fn new(request: &'a Request, terms: &'a LinkTerms, standing: &'a Standing, now_us: i64) -> Case<'a> {
        Case {
            request,
            terms,
            standing,
            policy: &standing.policy,
            now_us,
            missing: None,
            late: false,
            name: 0,
            reference: 0,
            of: None,
        }
    }

    /// When a hold placed now runs out, seconds since 1970.
    fn hold_end(&self, preauthorization: bool) -> u32 {
        seconds(self.now_us).saturating_add(self.policy.hold_life_s(self.request, preauthorization))
    }

    /// Whether it says that it adds to an open authorization of a purchase.
    fn adds(&self) -> bool {
        self.request.marks.adds(self.request.kind, self.request.operation)
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
    standing: ArcSwap<Standing>,
    turns: Turns,
}

impl Desk {
    /// Decides about this portfolio, by this policy and rule set.
    pub fn new(portfolio: Arc<Portfolio>, standing: Standing) -> Desk {
        Desk { portfolio, standing: ArcSwap::from_pointee(standing), turns: Turns::new() }
    }

    /// What it decides by now.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// Decides by another policy and rule set from the next message on. Counters of limits of the same name, scope and
    /// window go on, and so do the counts of rules of the same name.
    pub fn exchange(&self, mut standing: Standing) {
        standing.inherit(&self.standing.load());
        self.standing.store(Arc::new(standing));
    }

    /// Decides one request, advice or reversal. `now_us` is the wall clock, microseconds since 1970. A request whose budget
    /// is spent is decided by the stand-in set where that covers it, else answered 91, which is remembered.
    ///
    /// The policy and the rule set are loaded once, here: an exchange meanwhile counts from the next message on.
    pub fn decide(
        &self,
        request: &Request,
        terms: &LinkTerms,
        now_us: i64,
        lateness: Lateness,
        sink: &impl Sink,
    ) -> Decision {
        let standing = self.standing.load();
        let stands_in = lateness == Lateness::BudgetSpent && standing.stands_in_for_budget();
        let case = Case {
            missing: stands_in.then_some(Missing::Budget),
            late: lateness != Lateness::InTime && !stands_in,
            ..Case::new(request, terms, &standing, now_us)
        };
        Decision { rules: standing.rules.version(), ..self.decide_case(&case, sink) }
    }

    fn decide_case(&self, case: &Case<'_>, sink: &impl Sink) -> Decision {
        if let Some(refused) = case.refused_mac(sink) {
            return refused;
        }
        let case = &self.named(case);
        let _turn = self.turns.of(case.request.pan);
        match case.request.kind {
            Kind::Authorization | Kind::Financial if case.late => self.decline_late(case, sink),
            Kind::Authorization | Kind::Financial => self.decide_request(case, sink),
            Kind::AuthorizationAdvice | Kind::FinancialAdvice => self.record_advice(case, sink),
            Kind::Reversal => self.record_reversal(case, sink),
            // Sessions belong to the links; nothing of them is decided here.
            Kind::NetworkManagement => Decision::refused(Refusal::UnsupportedType, TransactionKey::default()),
        }
    }

    /// A record of what was asked, without effects. `key` is the message's own.
    fn record(&self, event: Event, case: &Case<'_>, key: TransactionKey) -> Record {
        let asked = case.of.map_or_else(|| Asked::of(case.request, case.terms.link), |record| record.asked);
        let evidence =
            case.of.map_or_else(|| Evidence::unverified(case.request.marks), |record| record.evidence);
        let (name, reference) = (case.name, case.reference);
        Record { asked, evidence, name, reference, ..blank(case.standing, event, key, case.now_us) }
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

    /// The same where all counters that can change are locked already.
    fn commit_within(
        &self,
        record: &Record,
        shards: &mut Shards<'_>,
        states: Option<States<'_>>,
        counters: &mut Locked<'_>,
        sink: &impl Sink,
    ) -> Option<u64> {
        let completed = released(record, shards).map(|counts| Record { counts, ..*record });
        self.commit_counted(completed.as_ref().unwrap_or(record), shards, states, Some(counters), sink)
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
        // The other one first: its own may push it out of their shard, and must not have it set again without its traits.
        for transaction in record.related.iter().chain(&record.transaction) {
            let shard = shards.of(transaction.key);
            let is_own = record.transaction.as_ref().is_some_and(|own| own.key == transaction.key);
            let counts = if is_own { &record.counts[..] } else { &[] };
            let traits = || self.portfolio.traits_of(&record.asked, record.name);
            let written = Written { sequence, time_us: record.time_us, counts };
            self.portfolio.table.put(shard, transaction, written, traits);
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

/// A record of an event that changes nothing yet.
fn blank(standing: &Standing, event: Event, key: TransactionKey, now_us: i64) -> Record {
    Record {
        event,
        time_us: now_us,
        key,
        name: 0,
        reference: 0,
        config: standing.config,
        rules: standing.rules.version(),
        ruled: Ruled::default(),
        asked: Asked::default(),
        evidence: Evidence::default(),
        refusal: Refusal::None,
        code: ResponseCode::APPROVED,
        card: NOBODY,
        account: NOBODY,
        held_change_minor: 0,
        posted_change_minor: 0,
        velocity: VelocityChange::default(),
        discrepancy: Discrepancy::default(),
        counts: Counts::NONE,
        swept: None,
        transaction: None,
        related: None,
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

/// A transaction as first seen: no money, nothing seen.
fn first_seen(case: &Case<'_>, key: TransactionKey, desk: &Desk) -> Transaction {
    let request = case.request;
    let kept = case.of.and_then(|record| record.transaction);
    Transaction {
        key,
        fingerprint: kept.map_or_else(|| desk.fingerprint(request), |kept| kept.fingerprint),
        reference: case.reference,
        last_reversal: 0,
        time_us: case.now_us,
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
