//! The reference's judgement of a request: the column of refusals, and how much of it can be approved. Written from the
//! rules, with fractions where the desk has whole numbers.

use crate::counts::{Scope, calendar, too_many, too_much};
use crate::ledger::Ledger;
use crate::support::CardPlan;
use authswitch::message::{Kind, Marks, Operation, Request};
use authswitch::portfolio::CardStatus;

/// An amount in the account's currency, and the cash of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    pub all: i64,
    pub cash: i64,
}

/// An approval: DE39, what of DE4, and its worth.
#[derive(Clone, Copy, Debug)]
pub struct Granted {
    pub code: &'static str,
    pub of_de4: i64,
    pub sum: Sum,
}

/// The nearest whole number to `part` x `above` / `below`, halves away from zero.
pub fn share(part: i64, above: i64, below: i64) -> i64 {
    if below == 0 {
        return 0;
    }
    let exact = i128::from(part) * i128::from(above);
    let (twice, below) = (2 * exact.abs(), i128::from(below));
    let size = (twice + below) / (2 * below);
    (size * exact.signum()) as i64
}

/// Whether it says that it adds to another.
pub fn is_increment(message: &Request) -> bool {
    let kind = [Kind::Authorization, Kind::AuthorizationAdvice].contains(&message.kind);
    kind && message.operation == Operation::Purchase && message.marks.has(Marks::INCREMENTAL)
}

impl Ledger {
    /// What the message asks in the currency of the card's account, or why that cannot be said.
    pub fn worth(&self, request: &Request, card: u32) -> Result<Sum, &'static str> {
        let home = self.plan.accounts[self.account_of(card) as usize].0;
        let amount = request.amount_minor;
        let base = match (request.billing_currency, request.currency) {
            (billing, _) if billing == home => request.billing_minor,
            (_, currency) if currency == home => amount,
            (0, 0) => amount,
            // Pounds: 1.27 dollars, and a euro is 1.08 of them.
            (_, 826) if home == 840 => share(amount, 127, 100),
            (_, 826) => share(amount, 127, 108),
            _ => return Err("57"),
        };
        let fee = if base > 0 { share(request.surcharge_minor, base, amount) } else { 0 };
        let fee = if request.operation == Operation::Credit { -fee } else { fee };
        match base + fee {
            all if all >= 0 => Ok(Sum { all, cash: share(request.cashback_minor, base, amount) }),
            _ => Err("13"),
        }
    }

    /// The column of refusals, or what is approved. `adds`: to an open authorization.
    pub fn judges(&self, request: &Request, now_us: i64, adds: bool) -> Result<Granted, &'static str> {
        let number = self.card_of(request).ok_or("14")?;
        let CardPlan { status, expiry, .. } = self.plan.cards[number as usize];
        let refund = request.operation == Operation::Credit;
        match status {
            CardStatus::Lost => return Err("41"),
            CardStatus::Stolen => return Err("43"),
            CardStatus::Fraud => return Err("59"),
            CardStatus::Blocked | CardStatus::Closed | CardStatus::Inactive => return Err("62"),
            CardStatus::DoNotHonor => return Err("05"),
            CardStatus::Active | CardStatus::PinBlocked => {}
        }
        let last_month = (2000 + expiry / 100) * 12 + expiry % 100 - 1;
        if !refund && (calendar(now_us).month > last_month || request.expiry != expiry) {
            return Err("54");
        }
        if !refund && status == CardStatus::PinBlocked {
            return Err("75");
        }
        if request.operation == Operation::Unsupported {
            return Err("12");
        }
        let granted = |code, of_de4, sum| Granted { code, of_de4, sum };
        if [Operation::Inquiry, Operation::Verification].contains(&request.operation) {
            return Ok(granted("00", request.amount_minor, Sum::default()));
        }
        let sum = self.worth(request, number)?;
        if sum.all == 0 && !adds {
            return Err("13");
        }
        if adds && sum.cash > 0 {
            return Err("12");
        }
        let all = granted("00", request.amount_minor, sum);
        if refund || sum.all == 0 {
            return Ok(all);
        }
        let refusal = match self.affords(number, now_us, request.operation, sum, adds) {
            Ok(()) => return Ok(all),
            Err(refusal) => refusal,
        };
        let available = self.available(self.account_of(number));
        let goods = Sum { all: sum.all - sum.cash, cash: 0 };
        let without_cash = request.marks.has(Marks::PURCHASE_ONLY) && sum.cash > 0 && goods.all > 0;
        if adds {
            return Err(refusal);
        }
        if without_cash && self.affords(number, now_us, request.operation, goods, false).is_ok() {
            return Ok(granted("87", request.amount_minor - request.cashback_minor, goods));
        }
        let part = share(available, request.amount_minor, sum.all).min(request.amount_minor - 1);
        let in_part = request.marks.has(Marks::PARTIAL)
            && refusal == "51"
            && (request.operation, sum.cash) == (Operation::Purchase, 0)
            && !request.preauthorization;
        if in_part && available > 0 && part > 0 {
            return Ok(granted("10", part, Sum { all: available, cash: 0 }));
        }
        Err(refusal)
    }

    /// Limits, then funds.
    fn affords(
        &self,
        number: u32,
        now_us: i64,
        operation: Operation,
        sum: Sum,
        adds: bool,
    ) -> Result<(), &'static str> {
        let CardPlan { program, limits, account, .. } = self.plan.cards[number as usize];
        let program = &self.plan.programs[program as usize];
        let card_limits = limits.unwrap_or(program.card_limits);
        let today = calendar(now_us);
        let of_card = self.counts.at(Scope::Card(number), today);
        let of_account = self.counts.at(Scope::Account(account), today);
        let cash = if operation == Operation::Cash { sum.all } else { sum.cash };
        let (many, much) = (
            |limits, used| !adds && too_many(limits, used, cash > 0),
            |limits, used| too_much(limits, used, sum.all, cash),
        );
        if many(&card_limits, &of_card) || many(&program.account_limits, &of_account) {
            return Err("65");
        }
        if much(&card_limits, &of_card) || much(&program.account_limits, &of_account) {
            return Err("61");
        }
        if sum.all > self.available(account) { Err("51") } else { Ok(()) }
    }
}
