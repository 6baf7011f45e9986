//! Why a request is decided as it is: the checks in their order, with what each looked at. Nobody asks on the path
//! of messages, and nothing of this costs anything there.

use super::amount::Worth;
use super::facts::facts;
use super::meter::{Usage, Whose, usage};
use super::{Case, Decision, Desk, Lateness, LinkTerms, Sink, States};
use crate::message::meaning::country_numbered;
use crate::message::{Refusal, Request};
use crate::portfolio::{
    Account, AccountState, Card, Differs, Limits, Record, Transaction, UNLIMITED, Velocity,
};
use std::cell::RefCell;
use std::fmt;

/// One question of the column and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was asked: `card-status`, `rule`, `limit`, `funds`.
    pub name: &'static str,
    /// Which rule or limit, where there are several.
    pub which: String,
    /// Why it refused; `None` where it passed.
    pub refusal: Refusal,
    /// What it looked at, by name, as it was then.
    pub inputs: Vec<(&'static str, Input)>,
}

/// A value that a check looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A count or a plain number.
    Number(i64),
    /// Minor units.
    Minor(i64),
    /// Words.
    Text(String),
    /// A time, microseconds since 1970.
    Time(i64),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Number(number) | Input::Minor(number) | Input::Time(number) => write!(f, "{number}"),
            Input::Text(text) => f.write_str(text),
        }
    }
}

/// A decision that was not made: what would be answered, recorded and why.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The answer.
    pub decision: Decision,
    /// The record that would be written; `None` for a repeat, which gets its stored answer without one.
    pub record: Option<Record>,
    /// The checks in their order, up to the one that refused.
    pub checks: Vec<Check>,
}

impl Desk {
    /// Decides a request on the live state without any effect: the record is taken by nobody, and what is not
    /// taken has not happened.
    pub fn evaluate(&self, request: &Request, terms: &LinkTerms, now_us: i64) -> Evaluation {
        let observer = Observer::default();
        let decision = self.decide(request, terms, now_us, Lateness::InTime, &observer);
        observer.evaluation(decision)
    }
}

impl Desk {
    /// What the limits of the rule set that a request would meet have counted by now, and what they leave. Does not make
    /// messages wait. Empty for a card that is not known.
    pub fn usage(&self, request: &Request, terms: &LinkTerms, now_us: i64) -> Vec<Usage> {
        let standing = self.standing.load();
        let case = Case::new(request, terms, &standing, now_us);
        let Some((card, account)) = request.pan.and_then(|pan| self.portfolio.owner(pan)) else {
            return Vec::new();
        };
        let (mut card_state, mut account_state) = (*card.state.lock(), *account.state.lock());
        let states = States { card: &mut card_state, account: &mut account_state };
        let facts = facts(&case, (card, account), &states, Worth::default());
        usage(&self.portfolio, &Whose::of(&case, &facts, false, account.currency))
    }
}

/// Takes no record, but looks at it, and at every check.
#[derive(Debug, Default)]
pub(super) struct Observer {
    checks: RefCell<Vec<Check>>,
    record: RefCell<Option<Record>>,
}

impl Observer {
    /// What was seen. The path says "not stored" of what nobody took; the record says what would be answered.
    pub(super) fn evaluation(self, decision: Decision) -> Evaluation {
        let record = self.record.into_inner();
        let decision = match &record {
            Some(record) if decision.refusal == Refusal::NotStored => answer_of(record),
            _ => decision,
        };
        Evaluation { decision, record, checks: self.checks.into_inner() }
    }
}

impl Sink for Observer {
    const ASKS_WHY: bool = true;

    fn append(&self, body: &[u8], _: i64) -> Option<u64> {
        *self.record.borrow_mut() = Record::decode(body).ok();
        None
    }

    fn saw(&self, check: impl FnOnce() -> Check) {
        self.checks.borrow_mut().push(check());
    }
}

/// The answer that a record speaks of.
fn answer_of(record: &Record) -> Decision {
    let approval = record.transaction.map(|transaction| transaction.approval);
    let approved = record.code.is_approval() && record.refusal == Refusal::None;
    Decision {
        code: record.code,
        refusal: record.refusal,
        approval: approval.filter(|approval| approved && *approval != [b' '; 6]),
        balances: None,
        part: None,
        differs: Differs::Nothing,
        rules: record.rules,
        repeat: false,
        sequence: 0,
        key: record.key,
    }
}

/// A check without inputs of several kinds.
fn check(name: &'static str, refusal: Option<Refusal>, inputs: Vec<(&'static str, Input)>) -> Check {
    Check { name, which: String::new(), refusal: refusal.unwrap_or(Refusal::None), inputs }
}

fn text(text: impl Into<String>) -> Input {
    Input::Text(text.into())
}

/// The questions about the card, in the order in which `check_card` asks them, and which refusals are each one's.
const OF_THE_CARD: [(&str, &[Refusal]); 8] = [
    ("card numbers agree", &[Refusal::PanMismatch]),
    (
        "card status",
        &[Refusal::Lost, Refusal::Stolen, Refusal::Fraud, Refusal::Restricted, Refusal::DoNotHonor],
    ),
    ("expiry", &[Refusal::Expired]),
    ("PIN tries", &[Refusal::PinTries]),
    ("transaction type", &[Refusal::InvalidTransaction]),
    ("merchant category", &[Refusal::MerchantCategory]),
    ("country", &[Refusal::Country]),
    ("amount and currency", &[Refusal::Currency, Refusal::InvalidAmount]),
];

/// Shows the checks of a card up to the one that refused.
pub(super) fn saw_card<S: Sink>(
    case: &Case<'_>,
    owner: Option<(&Card, &Account)>,
    refused: Option<Refusal>,
    sink: &S,
) {
    if !S::ASKS_WHY {
        return;
    }
    sink.saw(|| check("card known", refused.filter(|_| owner.is_none()), Vec::new()));
    let Some((card, account)) = owner else { return };
    for (name, refusals) in OF_THE_CARD {
        let own = refused.filter(|refused| refusals.contains(refused));
        sink.saw(|| check(name, own, card_inputs(name, case, card, account)));
        if own.is_some() {
            return;
        }
    }
}

fn card_inputs(name: &str, case: &Case<'_>, card: &Card, account: &Account) -> Vec<(&'static str, Input)> {
    let request = case.request;
    match name {
        "card status" | "PIN tries" => vec![("status", text(card.status.name()))],
        "expiry" => vec![
            ("card", text(format!("{:04}", card.expiry))),
            (
                "message",
                text(if request.expiry == 0 { "-".into() } else { format!("{:04}", request.expiry) }),
            ),
        ],
        "transaction type" => vec![("processing code", text(format!("{:06}", request.processing_code)))],
        "merchant category" => vec![("category", text(format!("{:04}", request.merchant_category)))],
        "country" => vec![
            ("merchant", text(country(request.merchant_country))),
            ("acquirer", text(country(request.acquirer_country))),
        ],
        "amount and currency" => vec![
            ("DE4", Input::Minor(request.amount_minor)),
            ("DE49", Input::Number(request.currency.into())),
            ("DE6", Input::Minor(request.billing_minor)),
            ("DE51", Input::Number(request.billing_currency.into())),
            ("account's currency", Input::Number(account.currency.into())),
        ],
        _ => Vec::new(),
    }
}

/// A country's letters.
fn country(number: u16) -> &'static str {
    country_numbered(number).map_or("unknown", |country| country.alpha2)
}

/// Shows a check of the card's or the account's own limits, each bound by itself.
pub(super) fn saw_limits<S: Sink>(
    whose: &'static str,
    limits: &Limits,
    used: &Velocity,
    (count, amount_minor, cash_minor): (i64, i64, i64),
    refusals: [Refusal; 2],
    sink: &S,
) {
    if !S::ASKS_WHY {
        return;
    }
    let (counts, amounts) = (i64::from(used.day_count), used.day_minor);
    let cash = if cash_minor > 0 { count } else { 0 };
    let rows = [
        ("count per day", counts, count, limits.count_per_day, 0),
        ("count per month", used.month_count.into(), count, limits.count_per_month, 0),
        ("cash count per day", used.day_cash_count.into(), cash, limits.cash_count_per_day, 0),
        ("amount per transaction", 0, amount_minor, limits.amount_per_transaction, 1),
        ("amount per day", amounts, amount_minor, limits.amount_per_day, 1),
        ("amount per month", used.month_minor, amount_minor, limits.amount_per_month, 1),
        ("cash amount per transaction", 0, cash_minor, limits.cash_amount_per_transaction, 1),
        ("cash amount per day", used.day_cash_minor, cash_minor, limits.cash_amount_per_day, 1),
    ];
    for (which, used, more, limit, kind) in rows.into_iter().filter(|row| row.3 != UNLIMITED && row.2 != 0) {
        let passed = used.saturating_add(more) <= limit;
        let value = |number| if kind == 0 { Input::Number(number) } else { Input::Minor(number) };
        sink.saw(|| Check {
            name: whose,
            which: which.to_owned(),
            refusal: if passed { Refusal::None } else { refusals[kind] },
            inputs: vec![("used", value(used)), ("more", value(more)), ("limit", value(limit))],
        });
    }
}

/// Shows the check of the funds.
pub(super) fn saw_funds<S: Sink>(state: &AccountState, amount_minor: i64, sink: &S) {
    if S::ASKS_WHY {
        let passed = amount_minor <= state.available_minor();
        let inputs = vec![
            ("available", Input::Minor(state.available_minor())),
            ("ledger", Input::Minor(state.ledger_minor())),
            ("held", Input::Minor(state.held_minor)),
            ("needed", Input::Minor(amount_minor)),
        ];
        sink.saw(|| check("funds", (!passed).then_some(Refusal::Funds), inputs));
    }
}

/// Shows whether the same was asked before, and what became of that.
pub(super) fn saw_known<S: Sink>(known: Option<&Transaction>, refused: Option<Refusal>, sink: &S) {
    if S::ASKS_WHY {
        let inputs = known.map(|known| {
            vec![
                ("state", text(known.state.name())),
                ("answered", text(known.code.as_str())),
                ("first seen", Input::Time(known.time_us)),
            ]
        });
        sink.saw(|| check("asked before", refused, inputs.unwrap_or_else(|| vec![("state", text("no"))])));
    }
}
