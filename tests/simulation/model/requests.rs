//! 0100 and 0200 on paper: the same name again, the column of refusals, the approval.

use super::super::cast::{DENIED_CATEGORY, DENIED_COUNTRY};
use super::super::support::CardPlan;
use super::counts::{Scope, calendar, too_many, too_much};
use super::finds::Says;
use super::parts::is_increment;
use super::{Arrival, Content, Entry, Model, Outcome, Stands, Sum, digits, end_of_hold, share, takes_money};
use authswitch::message::{Kind, Marks, Operation, Request, ResponseCode};
use authswitch::portfolio::CardStatus;

/// An approval: DE39, what of DE4, and its worth.
struct Granted {
    code: ResponseCode,
    of_de4: i64,
    sum: Sum,
}

const fn told(code: &[u8; 2]) -> ResponseCode {
    ResponseCode(*code)
}

impl Model {
    pub(super) fn asks(&self, arrival: &Arrival) -> Outcome {
        let request = &arrival.request;
        let ((name, other), content) = (self.known_as(arrival), content_of(request));
        if let Some(entry) = self.get(&name) {
            let (says, made) = (Says::of(arrival), &entry.made);
            let by_name = match (made.asks(), entry.asked) {
                (true, _) => says.is_another(made),
                (false, Some(asked)) => asked != content || says.is_elsewhere_in_class(made),
                // Another told of it first: its amount, and where that was no completion all else.
                (false, None) => {
                    entry.amount_minor != request.amount_minor || says.is_of_class_and_other(made)
                }
            };
            return again(entry, content, other, by_name, name);
        }
        let mut entry = Entry { card: self.card_of(request), asked: Some(content), ..self.blank(arrival) };
        let original = self.original_of(arrival).filter(|_| !arrival.late && is_increment(request));
        let adds_to = original.map(|(name, _)| name).filter(|name| self.is_open_for(name, entry.card));
        let judged = if arrival.late { Err(told(b"91")) } else { self.judges(arrival, adds_to.is_some()) };
        let mut outcome = Outcome::stored(ResponseCode::APPROVED);
        match judged {
            Err(code) => (outcome.code, entry.code) = (code, code),
            Ok(granted) => {
                (outcome.code, entry.code) = (granted.code, granted.code);
                (entry.amount_minor, entry.worth_minor) = (granted.of_de4, granted.sum.all);
                match adds_to {
                    Some(original) => {
                        (entry.stands, entry.adds_to) = (Stands::Added, Some(original));
                        outcome.other = self.with_more(original, granted.sum.all, Some(arrival.now_us));
                    }
                    None => approve(&mut entry, arrival, granted.sum),
                }
                if request.operation == Operation::Inquiry {
                    let account = entry.card.map(|card| self.account_of(card));
                    outcome.balances = account.map(|account| [self.ledger(account), self.available(account)]);
                }
            }
        }
        outcome.own = Some((name, entry));
        outcome
    }

    /// The column of refusals, or what is approved. `adds`: to an open authorization.
    fn judges(&self, arrival: &Arrival, adds: bool) -> Result<Granted, ResponseCode> {
        let request = &arrival.request;
        let number = self.card_of(request).ok_or(told(b"14"))?;
        let CardPlan { status, expiry, account, .. } = self.plan.cards[number as usize];
        let refund = request.operation == Operation::Credit;
        if request.pan_mismatch {
            return Err(told(b"14"));
        }
        match status {
            CardStatus::Lost => return Err(told(b"41")),
            CardStatus::Stolen => return Err(told(b"43")),
            CardStatus::Fraud => return Err(told(b"59")),
            CardStatus::Blocked | CardStatus::Closed | CardStatus::Inactive => return Err(told(b"62")),
            CardStatus::DoNotHonor => return Err(told(b"05")),
            CardStatus::Active | CardStatus::PinBlocked => {}
        }
        let today = calendar(arrival.now_us);
        let last_month = (2000 + expiry / 100) * 12 + expiry % 100 - 1;
        if !refund && (today.month > last_month || request.expiry != expiry) {
            return Err(told(b"54"));
        }
        if !refund && status == CardStatus::PinBlocked {
            return Err(told(b"75"));
        }
        if request.operation == Operation::Unsupported {
            return Err(told(b"12"));
        }
        if !refund && request.merchant_category == DENIED_CATEGORY {
            return Err(told(b"57"));
        }
        if !refund && request.merchant_country == DENIED_COUNTRY {
            return Err(told(b"62"));
        }
        let granted = |code: &[u8; 2], of_de4, sum| Granted { code: told(code), of_de4, sum };
        if [Operation::Inquiry, Operation::Verification].contains(&request.operation) {
            return Ok(granted(b"00", request.amount_minor, Sum::default()));
        }
        let sum = self.worth(request, number).ok_or(told(b"57"))?;
        if sum.all == 0 && !adds {
            return Err(told(b"13"));
        }
        if adds && sum.cash > 0 {
            return Err(told(b"12"));
        }
        let all = granted(b"00", request.amount_minor, sum);
        if refund || sum.all == 0 {
            return self.finds_room(arrival, adds, all);
        }
        let afforded = self.affords(arrival, number, sum, adds);
        let refusal = match afforded {
            Ok(()) => return self.finds_room(arrival, adds, all),
            Err(refusal) => refusal,
        };
        if adds {
            return Err(refusal);
        }
        let goods = Sum { all: sum.all - sum.cash, cash: 0 };
        let may = request.marks.has(Marks::PURCHASE_ONLY) && sum.cash > 0 && goods.all > 0;
        if may && self.affords(arrival, number, goods, false).is_ok() {
            let of_de4 = request.amount_minor - request.cashback_minor;
            return self.finds_room(arrival, adds, granted(b"87", of_de4, goods));
        }
        let available = self.available(account);
        let part = share(available, request.amount_minor, sum.all).min(request.amount_minor - 1);
        let in_part = request.marks.has(Marks::PARTIAL)
            && refusal == told(b"51")
            && (request.operation, sum.cash) == (Operation::Purchase, 0)
            && !request.preauthorization;
        if in_part && available > 0 && part > 0 {
            return self.finds_room(arrival, adds, granted(b"10", part, Sum { all: available, cash: 0 }));
        }
        Err(refusal)
    }

    /// What holds, adds or posts money needs a place among those that are kept.
    fn finds_room(&self, arrival: &Arrival, adds: bool, granted: Granted) -> Result<Granted, ResponseCode> {
        let refunds = arrival.request.operation == Operation::Credit;
        let needs = adds || !refunds || arrival.request.kind == Kind::Financial;
        if arrival.crowded && needs { Err(told(b"91")) } else { Ok(granted) }
    }

    /// Limits, then funds.
    fn affords(&self, arrival: &Arrival, number: u32, sum: Sum, adds: bool) -> Result<(), ResponseCode> {
        let CardPlan { program, limits, account, .. } = self.plan.cards[number as usize];
        let program = &self.plan.programs[program as usize];
        let card_limits = limits.unwrap_or(program.card_limits);
        let today = calendar(arrival.now_us);
        let of_card = self.counts.at(Scope::Card(number), today);
        let of_account = self.counts.at(Scope::Account(account), today);
        let cash = if arrival.request.operation == Operation::Cash { sum.all } else { sum.cash };
        // An increment is no purchase of its own.
        let many = |limits, used| !adds && too_many(limits, used, cash > 0);
        if many(&card_limits, &of_card) || many(&program.account_limits, &of_account) {
            return Err(told(b"65"));
        }
        if too_much(&card_limits, &of_card, sum.all, cash)
            || too_much(&program.account_limits, &of_account, sum.all, cash)
        {
            return Err(told(b"61"));
        }
        let few = self.law.few().is_some_and(|most| self.life(account).0 >= most);
        if few && !adds {
            return Err(told(b"65"));
        }
        if sum.all > self.available(account) { Err(told(b"51")) } else { Ok(()) }
    }
}

fn approve(entry: &mut Entry, arrival: &Arrival, sum: Sum) {
    let request = &arrival.request;
    entry.stands = Stands::Answered;
    let posts = request.kind == Kind::Financial;
    if takes_money(request.operation) {
        (entry.counted, entry.cash_minor) = (Some(arrival.now_us), sum.cash);
    }
    if takes_money(request.operation) && posts {
        (entry.stands, entry.posted_minor) = (Stands::Posted, sum.all);
    } else if takes_money(request.operation) {
        (entry.stands, entry.held_minor) = (Stands::Held, sum.all);
        entry.preauthorization = request.preauthorization;
        entry.ends_s = end_of_hold(request.preauthorization, arrival.now_us);
    } else if request.operation == Operation::Credit && posts {
        (entry.stands, entry.posted_minor) = (Stands::Posted, -sum.all);
    }
}

/// The name has come before.
fn again(entry: &Entry, content: Content, other: Option<bool>, by_name: bool, name: super::Name) -> Outcome {
    let reversed = [Stands::Reversed, Stands::ReversedBefore].contains(&entry.stands);
    let refused = match &entry.asked {
        _ if entry.stands == Stands::ReversedBefore => Some(told(b"94")),
        Some(_) if !other.unwrap_or(by_name) => None,
        Some(_) => Some(told(b"94")),
        // Its reversal came before it.
        None if reversed => Some(told(b"94")),
        None if entry.card.is_none() => Some(told(b"14")),
        None if by_name => Some(told(b"94")),
        // Another stood in for us: its answer is the answer.
        None => None,
    };
    if let Some(code) = refused {
        return Outcome { known: true, ..Outcome::stored(code) };
    }
    let first = entry.asked.is_none();
    let own = first.then(|| (name, Entry { asked: Some(content), ..entry.clone() }));
    let needs = entry.record;
    Outcome { own, stored: first, repeat: true, known: true, needs, ..Outcome::stored(entry.code) }
}

fn content_of(request: &Request) -> Content {
    (
        request.mti.class(),
        digits(request),
        request.processing_code,
        request.amount_minor,
        request.retrieval_reference,
        request.terminal,
        request.merchant,
        request.currency,
    )
}
