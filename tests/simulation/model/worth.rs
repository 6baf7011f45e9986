//! What amounts are worth on paper, in the currency of an account.

use super::super::law::{DOLLARS, EUROS, RATE};
use super::Model;
use authswitch::message::{Operation, Request};

/// An amount in the account's currency, and the cash of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    pub all: i64,
    pub cash: i64,
}

/// The nearest whole number to `part` x `above` / `below`, halves up.
pub fn share(part: i64, above: i64, below: i64) -> i64 {
    if below == 0 {
        return 0;
    }
    let (whole, below) = (i128::from(part) * i128::from(above), i128::from(below));
    ((2 * whole + below) / (2 * below)) as i64
}

pub fn takes_money(operation: Operation) -> bool {
    [Operation::Purchase, Operation::Cash].contains(&operation)
}

impl Model {
    /// What the message asks in the currency of the card's account.
    pub(super) fn worth(&self, request: &Request, card: u32) -> Option<Sum> {
        let home = self.plan.accounts[self.account_of(card) as usize].0;
        let [dollars, euros] = RATE;
        let asked = request.amount_minor;
        let all = match (request.billing_currency, request.currency) {
            (billing, _) if billing == home => request.billing_minor,
            (_, currency) if currency == home => asked,
            (0, 0) => asked,
            (_, EUROS) if home == DOLLARS => share(asked, dollars, euros),
            (_, DOLLARS) if home == EUROS => share(asked, euros, dollars),
            _ => return None,
        };
        Some(Sum { all, cash: share(request.cashback_minor, all, request.amount_minor) })
    }
}
