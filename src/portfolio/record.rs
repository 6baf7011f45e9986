//! One change of the portfolio, as the journal keeps it: what was asked, what was decided, and its effects in full,
//! so that applying it again needs no rule, no clock and no setting. Carries no clear card number and no track.

use super::asked::Asked;
use super::card::{AccountId, CardId, CardStatus};
use super::counts::{CounterChange, Counts, MOST_COUNTED};
use super::discrepancy::{Differs, Discrepancy};
use super::layout::{Fixed, layout, numbered};
use super::ruled::Ruled;
use super::transaction::{State, Transaction, TransactionKey};
use super::velocity::{Period, Velocity, VelocityChange};
use crate::message::{Evidence, Operation, Refusal, ResponseCode};

numbered! { Operation Refusal State CardStatus Event Differs }

impl Fixed for ResponseCode {
    const WIDTH: usize = 2;
    fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
        self.0.put(into)
    }
    fn get(from: &mut &[u8]) -> Option<Self> {
        Some(ResponseCode(Fixed::get(from)?))
    }
}

impl Fixed for Evidence {
    const WIDTH: usize = 2;
    fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
        self.bits().put(into)
    }
    fn get(from: &mut &[u8]) -> Option<Self> {
        Some(Evidence::from_bits(Fixed::get(from)?))
    }
}

impl Fixed for TransactionKey {
    const WIDTH: usize = 16;
    fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
        { self.0 }.put(into)
    }
    fn get(from: &mut &[u8]) -> Option<Self> {
        Some(TransactionKey(Fixed::get(from)?))
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Event {
    /// A request was decided.
    Request = 1,
    /// An advice was recorded.
    Advice = 2,
    /// A reversal was recorded.
    Reversal = 3,
    /// A hold ran out.
    HoldExpired = 4,
    /// Our own approval could not be answered in time and was undone.
    Undone = 5,
    /// Counters of limits that no longer matter were forgotten.
    CountersSwept = 6,
}

impl Event {
    /// The event with this stored number.
    pub fn from_number(number: u8) -> Option<Event> {
        use Event::{Advice, CountersSwept, HoldExpired, Request, Reversal, Undone};
        let events = [Request, Advice, Reversal, HoldExpired, Undone, CountersSwept];
        events.into_iter().find(|event| *event as u8 == number)
    }

    /// The name in dumps.
    pub fn name(self) -> &'static str {
        match self {
            Event::Request => "request",
            Event::Advice => "advice",
            Event::Reversal => "reversal",
            Event::HoldExpired => "hold-expired",
            Event::Undone => "undone",
            Event::CountersSwept => "counters-swept",
        }
    }
}

layout! { Transaction {
    key: TransactionKey, fingerprint: u64, reference: u64, last_reversal: u64, time_us: i64, card: CardId,
    account: AccountId, operation: Operation, state: State, flags: u8, refusal: Refusal, code: ResponseCode,
    approval: [u8; 6], requested_minor: i64, amount_minor: i64, held_minor: i64, posted_minor: i64,
    extra: [i64; 2], expires_s: u32,
} }

layout! { Discrepancy { differs: Differs, ours_minor: i64, theirs_minor: i64 } }
layout! { Period { day: u16, month: u16 } }
layout! { VelocityChange { period: Period, count: i8, amount_minor: i64, cash_count: i8, cash_minor: i64 } }
layout! { Velocity {
    period: Period, day_count: u32, month_count: u32, day_cash_count: u32, day_minor: i64, month_minor: i64,
    day_cash_minor: i64,
} }

/// What [`Event::CountersSwept`] forgot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The part of the counters.
    pub shard: u16,
    /// What matters only until then, seconds since 1970.
    pub before_s: u32,
}
layout! { Swept { shard: u16, before_s: u32 } }

/// One change of the portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What happened.
    pub event: Event,
    /// When, microseconds since 1970.
    pub time_us: i64,
    /// The key of the message itself, whatever transaction it changed; of what the switch did on its own that transaction's.
    pub key: TransactionKey,
    /// Keyed hash of DE2 and DE11, the second name of its transaction; of a reversal that of the original it names. 0 where
    /// nobody asked.
    pub name: u64,
    /// Keyed hash of DE2 and DE37, or of the network's own reference; 0 for none.
    pub reference: u64,
    /// Fingerprint of the settings it was decided under.
    pub config: u32,
    /// Version of the rule set it was decided under; 0 for none.
    pub rules: u32,
    /// What that had to do with it.
    pub ruled: Ruled,
    /// What was asked; zeros where nobody asked.
    pub asked: Asked,
    /// What it brought to prove that it is genuine, and what became of that.
    pub evidence: Evidence,
    /// Why it was refused.
    pub refusal: Refusal,
    /// The DE39 answered.
    pub code: ResponseCode,
    /// The card whose counters change, or [`super::NOBODY`].
    pub card: CardId,
    /// The account whose figures change, or [`super::NOBODY`].
    pub account: AccountId,
    /// Change of the account's holds.
    pub held_change_minor: i64,
    /// Change of what is posted.
    pub posted_change_minor: i64,
    /// Change of the card's and the account's counters.
    pub velocity: VelocityChange,
    /// How what an advice says differs from what was decided here.
    pub discrepancy: Discrepancy,
    /// Changes of the counters of limits. Where one counts anew, it is for `transaction`.
    pub counts: Counts,
    /// Which of them were forgotten.
    pub swept: Option<Swept>,
    /// The transaction of this message, as it stands after it.
    pub transaction: Option<Transaction>,
    /// The other transaction it changed: the pre-authorization of a completion.
    pub related: Option<Transaction>,
}

/// What a record is of: see [`Record::glance`].
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// What happened.
    pub event: Event,
    /// The card whose counters change, or [`super::NOBODY`].
    pub card: CardId,
    /// The account whose figures change, or [`super::NOBODY`].
    pub account: AccountId,
    /// DE11; 0 where nobody asked.
    pub stan: u32,
    /// DE37; zeros where nobody asked.
    pub retrieval_reference: [u8; 12],
    /// The message's key and those of the transactions that change; the first again where there are fewer.
    pub keys: [TransactionKey; 3],
    /// The counters of limits that change; 0 where there are fewer.
    pub counters: [u64; MOST_COUNTED],
}

/// The stored part before the transactions; a byte of flags says which of the two follow, and whether a sweep does. The
/// changes of counters come last.
struct Head {
    event: Event,
    has: u8,
    counted: u8,
    key: TransactionKey,
    name: u64,
    reference: u64,
    config: u32,
    refusal: Refusal,
    code: ResponseCode,
    time_us: i64,
    rules: u32,
    ruled: Ruled,
    card: CardId,
    account: AccountId,
    held_change_minor: i64,
    posted_change_minor: i64,
    velocity: VelocityChange,
    discrepancy: Discrepancy,
    evidence: Evidence,
    asked: Asked,
}

layout! { Head {
    event: Event, has: u8, counted: u8, key: TransactionKey, name: u64, reference: u64, config: u32, refusal: Refusal,
    code: ResponseCode, time_us: i64, rules: u32, ruled: Ruled, card: CardId, account: AccountId, held_change_minor: i64, posted_change_minor: i64,
    velocity: VelocityChange, discrepancy: Discrepancy, evidence: Evidence, asked: Asked,
} }

/// A stored record that this version cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record body of {length} bytes is not one of format {FORMAT}")]
pub struct UnreadableRecord {
    /// Length of the body.
    pub length: usize,
}

/// The version of this layout, kept with each record in the journal.
pub const FORMAT: u8 = 4;

impl Record {
    /// The longest a record can be, bytes.
    pub const LONGEST: usize =
        Head::WIDTH + 2 * Transaction::WIDTH + Swept::WIDTH + MOST_COUNTED * CounterChange::WIDTH;

    /// Writes the record and returns the part of `into` that holds it.
    pub fn encode<'a>(&self, into: &'a mut [u8; Record::LONGEST]) -> &'a [u8] {
        let head = Head {
            event: self.event,
            has: u8::from(self.transaction.is_some())
                | u8::from(self.related.is_some()) << 1
                | u8::from(self.swept.is_some()) << 2,
            // At most 16.
            counted: self.counts.len() as u8,
            key: self.key,
            name: self.name,
            reference: self.reference,
            config: self.config,
            refusal: self.refusal,
            code: self.code,
            time_us: self.time_us,
            rules: self.rules,
            ruled: self.ruled,
            card: self.card,
            account: self.account,
            held_change_minor: self.held_change_minor,
            posted_change_minor: self.posted_change_minor,
            velocity: self.velocity,
            discrepancy: self.discrepancy,
            evidence: self.evidence,
            asked: self.asked,
        };
        let mut rest = head.put(&mut into[..]);
        for transaction in self.transactions() {
            rest = transaction.put(rest);
        }
        if let Some(swept) = self.swept {
            rest = swept.put(rest);
        }
        for change in self.counts.iter() {
            rest = change.put(rest);
        }
        let unused = rest.len();
        &into[..Record::LONGEST - unused]
    }

    /// What a stored record is of, without reading all of it. `None` for what [`Record::decode`] does not read either.
    pub fn glance(body: &[u8]) -> Option<Glance> {
        let mut rest = body;
        let head = Head::get(&mut rest)?;
        let mut keys = [head.key; 3];
        for (place, bit) in [(1, 1), (2, 2)] {
            if head.has & bit != 0 {
                // A transaction's key comes first.
                keys[place] = TransactionKey::get(&mut &*rest)?;
                rest = rest.get(Transaction::WIDTH..)?;
            }
        }
        if head.has & 4 != 0 {
            rest = rest.get(Swept::WIDTH..)?;
        }
        let mut counters = [0; MOST_COUNTED];
        for counter in counters.iter_mut().take(usize::from(head.counted)) {
            *counter = CounterChange::get(&mut rest)?.counter;
        }
        let Head { event, card, account, .. } = head;
        let (stan, retrieval_reference) = (head.asked.stan, head.asked.retrieval_reference);
        Some(Glance { event, card, account, stan, retrieval_reference, keys, counters })
    }

    /// Reads what [`Record::encode`] wrote.
    pub fn decode(body: &[u8]) -> Result<Record, UnreadableRecord> {
        Record::read(body).ok_or(UnreadableRecord { length: body.len() })
    }

    fn read(mut body: &[u8]) -> Option<Record> {
        let head = Head::get(&mut body)?;
        let transaction = if head.has & 1 != 0 { Some(Transaction::get(&mut body)?) } else { None };
        let related = if head.has & 2 != 0 { Some(Transaction::get(&mut body)?) } else { None };
        let swept = if head.has & 4 != 0 { Some(Swept::get(&mut body)?) } else { None };
        let mut counts = Counts::NONE;
        for _ in 0..head.counted {
            counts.push(CounterChange::get(&mut body)?).ok()?;
        }
        (body.is_empty() && head.has < 8).then_some(Record {
            event: head.event,
            time_us: head.time_us,
            key: head.key,
            name: head.name,
            reference: head.reference,
            config: head.config,
            rules: head.rules,
            ruled: head.ruled,
            asked: head.asked,
            evidence: head.evidence,
            refusal: head.refusal,
            code: head.code,
            card: head.card,
            account: head.account,
            held_change_minor: head.held_change_minor,
            posted_change_minor: head.posted_change_minor,
            velocity: head.velocity,
            discrepancy: head.discrepancy,
            counts,
            swept,
            transaction,
            related,
        })
    }

    /// The transactions it sets, the message's own first.
    pub fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.transaction.iter().chain(self.related.iter())
    }
}
