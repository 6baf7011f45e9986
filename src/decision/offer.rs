//! What of a request can be approved: all, the purchase without its cash, a part, or nothing and why.
//! Looks at counters and funds; changes none.

use super::amount::{Worth, part_of};
use super::judge::Judged;
use super::meter::Meters;
use super::why::{saw_funds, saw_limits};
use super::{Case, Denial, Desk, Sink, States};
use crate::message::{Marks, Operation, Refusal, ResponseCode};
use crate::portfolio::{Card, Exceeded, Period};

/// An approval to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub code: ResponseCode,
    /// What of DE4, in its currency.
    pub requested_minor: i64,
    /// The same in the account's currency.
    pub worth: Worth,
}

/// What the rule set allows.
#[derive(Clone, Copy, Default)]
pub(super) struct Bounds<'a> {
    /// The most that a rule allows, minor units of the account's currency, and the rule's number.
    pub up_to: Option<(u16, i64)>,
    /// The limits that the request meets.
    pub meters: Option<&'a Meters<'a>>,
}

impl Bounds<'_> {
    fn check(&self, count: i64, amount_minor: i64, sink: &impl Sink) -> Result<(), Denial> {
        if let Some((rule, most)) = self.up_to
            && amount_minor > most
        {
            return Err(Judged::over(rule));
        }
        self.meters.map_or(Ok(()), |meters| meters.check(count, amount_minor, sink))
    }
}

impl Desk {
    /// The most that may be approved of a request.
    pub(super) fn offer(
        &self,
        case: &Case<'_>,
        card: &Card,
        states: &States<'_>,
        worth: Worth,
        bounds: &Bounds<'_>,
        sink: &impl Sink,
    ) -> Result<Offer, Denial> {
        let request = case.request;
        let all = Offer { code: ResponseCode::APPROVED, requested_minor: request.amount_minor, worth };
        if request.operation == Operation::Verification {
            return Ok(Offer { code: case.terms.verified, ..all });
        }
        if !request.operation.is_debit() {
            return Ok(all);
        }
        let cash_minor = match request.operation {
            Operation::Cash => worth.total_minor,
            _ => worth.cash_minor,
        };
        let asked = (1, worth.total_minor, cash_minor);
        let Err(denial) = self.check_money(case, card, states, asked, bounds, sink) else {
            return Ok(all);
        };
        let less = if worth.cash_minor > 0 {
            // With cash: all, the purchase alone, or nothing; never a part (10).
            self.purchase_only(case, card, states, worth, bounds, sink)
        } else if matches!(denial.refusal, Refusal::Funds | Refusal::Rule) {
            self.partial(case, card, states, worth, bounds, sink)
        } else {
            None
        };
        less.ok_or(denial)
    }

    /// The purchase without its cash, where the sender understands that (87).
    fn purchase_only(
        &self,
        case: &Case<'_>,
        card: &Card,
        states: &States<'_>,
        worth: Worth,
        bounds: &Bounds<'_>,
        sink: &impl Sink,
    ) -> Option<Offer> {
        let total_minor = worth.total_minor - worth.cash_minor;
        let may = case.request.marks.has(Marks::PURCHASE_ONLY) && total_minor > 0;
        if !may || self.check_money(case, card, states, (1, total_minor, 0), bounds, sink).is_err() {
            return None;
        }
        Some(Offer {
            code: ResponseCode::PURCHASE_ONLY,
            requested_minor: case.request.amount_minor - case.request.cashback_minor,
            worth: Worth { total_minor, cash_minor: 0 },
        })
    }

    /// As much as funds and rules allow, where the sender and the policy do (10). Never of cash.
    fn partial(
        &self,
        case: &Case<'_>,
        card: &Card,
        states: &States<'_>,
        worth: Worth,
        bounds: &Bounds<'_>,
        sink: &impl Sink,
    ) -> Option<Offer> {
        let (request, policy) = (case.request, case.policy);
        let may = policy.partial
            && request.marks.has(Marks::PARTIAL)
            && request.operation == Operation::Purchase
            && (!request.preauthorization || policy.partial_preauthorizations);
        let most = bounds.up_to.map_or(i64::MAX, |(_, most)| most);
        let total_minor = states.account.available_minor().min(most);
        if !may
            || total_minor <= 0
            || self.check_money(case, card, states, (1, total_minor, 0), bounds, sink).is_err()
        {
            return None;
        }
        // At the request's own rate, its fees in proportion; never more than was asked.
        let requested_minor = part_of(total_minor, worth.total_minor, request.amount_minor)?;
        let requested_minor = requested_minor.min(request.amount_minor - 1);
        (requested_minor > 0).then_some(Offer {
            code: ResponseCode::PARTIAL,
            requested_minor,
            worth: Worth { total_minor, cash_minor: 0 },
        })
    }

    /// Limits and funds for a debit of so many (0 for what adds to a counted one), so much, and so much of it cash.
    pub(super) fn check_money<S: Sink>(
        &self,
        case: &Case<'_>,
        card: &Card,
        states: &States<'_>,
        more: (i64, i64, i64),
        bounds: &Bounds<'_>,
        sink: &S,
    ) -> Result<(), Denial> {
        let (count, amount_minor, cash_minor) = more;
        let period = Period::of(case.now_us);
        let of_card = states.card.velocity.at(period);
        let of_account = states.account.velocity.at(period);
        let card_limits = self.portfolio.card_limits(card);
        let account_limits = self.portfolio.account_limits(card);
        if S::ASKS_WHY {
            let card = [Refusal::CardCount, Refusal::CardAmount];
            let account = [Refusal::AccountCount, Refusal::AccountAmount];
            saw_limits("card limit", card_limits, &of_card, more, card, sink);
            saw_limits("account limit", account_limits, &of_account, more, account, sink);
        }
        let of_card = card_limits.exceeded_by(&of_card, count, amount_minor, cash_minor);
        let of_account = account_limits.exceeded_by(&of_account, count, amount_minor, cash_minor);
        match (of_card, of_account) {
            (Some(Exceeded::Count), _) => return Err(Refusal::CardCount.into()),
            (_, Some(Exceeded::Count)) => return Err(Refusal::AccountCount.into()),
            (Some(Exceeded::Amount), _) => return Err(Refusal::CardAmount.into()),
            (_, Some(Exceeded::Amount)) => return Err(Refusal::AccountAmount.into()),
            (None, None) => {}
        }
        bounds.check(count, amount_minor, sink)?;
        saw_funds(states.account, amount_minor, sink);
        if amount_minor > states.account.available_minor() { Err(Refusal::Funds.into()) } else { Ok(()) }
    }
}
