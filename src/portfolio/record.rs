//! One change of the portfolio, as the journal keeps it: what was asked, what was decided, and its effects in full,
//! so that applying it again needs no rule, no clock and no setting. Carries no clear card number and no track.

use super::card::{AccountId, CardId, CardStatus};
use super::counts::{CounterChange, Counts, MOST_COUNTED};
use super::layout::{Fixed, layout, numbered};
use super::transaction::{State, Transaction, TransactionKey};
use super::velocity::{Period, Velocity, VelocityChange};
use crate::message::{Operation, Refusal, ResponseCode};

numbered! { Operation Refusal State CardStatus Event }

impl Fixed for ResponseCode {
    const WIDTH: usize = 2;
    fn put<'a>(&self, into: &'a mut [u8]) -> &'a mut [u8] {
        self.0.put(into)
    }
    fn get(from: &mut &[u8]) -> Option<Self> {
        Some(ResponseCode(Fixed::get(from)?))
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

/// What was asked, without sensitive data: the card number is truncated to BIN and last four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Number of the link, in the order of the settings.
    pub link: u16,
    /// The message type, four BCD digits.
    pub mti: u16,
    /// First six digits of the PAN.
    pub bin: u32,
    /// Last four digits of the PAN.
    pub last_four: u16,
    /// DE3.
    pub processing_code: u32,
    /// DE4.
    pub amount_minor: i64,
    /// DE49; 0 when absent.
    pub currency: u16,
    /// DE6.
    pub billing_minor: i64,
    /// DE51; 0 when absent.
    pub billing_currency: u16,
    /// DE7.
    pub transmission: u32,
    /// DE11.
    pub stan: u32,
    /// DE12.
    pub local_time: u32,
    /// DE13.
    pub local_date: u16,
    /// DE18.
    pub merchant_category: u16,
    /// DE19.
    pub country: u16,
    /// Last two of DE43.
    pub country_alpha: [u8; 2],
    /// DE22.
    pub entry_mode: u16,
    /// DE25.
    pub condition: u8,
    /// DE32.
    pub acquirer: u64,
    /// DE37.
    pub retrieval_reference: [u8; 12],
    /// DE39 of an advice or reversal; zeros when absent.
    pub response: [u8; 2],
    /// DE41.
    pub terminal: [u8; 8],
    /// DE42.
    pub merchant: [u8; 15],
    /// DE90's message type, STAN and time; zeros when absent.
    pub original_mti: u16,
    /// DE90's STAN.
    pub original_stan: u32,
    /// DE90's DE7.
    pub original_transmission: u32,
    /// DE95's first amount; −1 when absent.
    pub replacement_minor: i64,
}

layout! { Asked {
    link: u16, mti: u16, bin: u32, last_four: u16, processing_code: u32, amount_minor: i64, currency: u16,
    billing_minor: i64, billing_currency: u16, transmission: u32, stan: u32, local_time: u32, local_date: u16,
    merchant_category: u16, country: u16, country_alpha: [u8; 2], entry_mode: u16, condition: u8, acquirer: u64,
    retrieval_reference: [u8; 12], response: [u8; 2], terminal: [u8; 8], merchant: [u8; 15],
    original_mti: u16, original_stan: u32, original_transmission: u32, replacement_minor: i64,
} }

layout! { Transaction {
    key: TransactionKey, fingerprint: u64, reference: u64, last_reversal: u64, time_us: i64, card: CardId,
    account: AccountId, operation: Operation, state: State, flags: u8, refusal: Refusal, code: ResponseCode,
    approval: [u8; 6], requested_minor: i64, amount_minor: i64, held_minor: i64, posted_minor: i64,
    balances_minor: [i64; 2], expires_s: u32,
} }

layout! { Period { day: u16, month: u16 } }
layout! { VelocityChange { period: Period, count: i8, amount_minor: i64, cash: bool } }
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
    /// Fingerprint of the settings it was decided under.
    pub config: u32,
    /// Fingerprint of the rule set it was decided under; 0 for none.
    pub rules: u32,
    /// What was asked; zeros where nobody asked.
    pub asked: Asked,
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
    /// Changes of the counters of limits. Where one counts anew, it is for `transaction`.
    pub counts: Counts,
    /// Which of them were forgotten.
    pub swept: Option<Swept>,
    /// The transaction of this message, as it stands after it.
    pub transaction: Option<Transaction>,
    /// The other transaction it changed: the pre-authorization of a completion.
    pub related: Option<Transaction>,
}

/// The stored part before the transactions; a byte of flags says which of the two follow, and whether a sweep does. The
/// changes of counters come last.
struct Head {
    event: Event,
    has: u8,
    counted: u8,
    key: TransactionKey,
    config: u32,
    refusal: Refusal,
    code: ResponseCode,
    time_us: i64,
    rules: u32,
    card: CardId,
    account: AccountId,
    held_change_minor: i64,
    posted_change_minor: i64,
    velocity: VelocityChange,
    asked: Asked,
}

layout! { Head {
    event: Event, has: u8, counted: u8, key: TransactionKey, config: u32, refusal: Refusal, code: ResponseCode,
    time_us: i64, rules: u32, card: CardId, account: AccountId, held_change_minor: i64, posted_change_minor: i64, velocity: VelocityChange, asked: Asked,
} }

/// A stored record that this version cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record body of {length} bytes is not one of format {FORMAT}")]
pub struct UnreadableRecord {
    /// Length of the body.
    pub length: usize,
}

/// The version of this layout, kept with each record in the journal.
pub const FORMAT: u8 = 2;

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
            config: self.config,
            refusal: self.refusal,
            code: self.code,
            time_us: self.time_us,
            rules: self.rules,
            card: self.card,
            account: self.account,
            held_change_minor: self.held_change_minor,
            posted_change_minor: self.posted_change_minor,
            velocity: self.velocity,
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
            config: head.config,
            rules: head.rules,
            asked: head.asked,
            refusal: head.refusal,
            code: head.code,
            card: head.card,
            account: head.account,
            held_change_minor: head.held_change_minor,
            posted_change_minor: head.posted_change_minor,
            velocity: head.velocity,
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
