//! What rules and limits can ask about a request, filled once for each request that meets a rule set. Decides nothing.

use super::amount::Worth;
use super::{Case, States};
use crate::message::{Kind, Marks};
use crate::portfolio::{Account, Card, Period, Velocity};
use crate::rules::{Facts, Text};

/// The facts of a request and of what it meets, under the locks of its card and account.
pub(super) fn facts(
    case: &Case<'_>,
    (card, account): (&Card, &Account),
    states: &States<'_>,
    worth: Worth,
) -> Facts {
    let (request, standing) = (case.request, case.standing);
    let mut facts = Facts {
        request_amount: worth.total_minor,
        request_transaction_amount: request.amount_minor,
        request_currency: request.currency.into(),
        request_processing_code: request.processing_code.into(),
        request_cashback: worth.cash_minor,
        request_fee: request.surcharge_minor,
        request_acquirer: i64::try_from(request.acquirer).unwrap_or(i64::MAX),
        request_stan: request.stan.into(),
        request_preauthorization: request.preauthorization,
        request_incremental: case.adds(),
        request_recurring: request.marks.has(Marks::RECURRING),
        request_partial_ok: request.marks.has(Marks::PARTIAL),
        request_kind: match request.kind {
            Kind::Financial | Kind::FinancialAdvice => Text::of_field(b"financial"),
            _ => Text::of_field(b"authorization"),
        },
        link_name: standing.links.get(usize::from(case.terms.link)).copied().unwrap_or(Text::EMPTY),
        pos_entry: request.entry_mode,
        pos_condition: request.condition.into(),
        pos_pin: request.marks.has(Marks::PIN),
        pos_cvv: request.marks.has(Marks::CVV),
        pos_cryptogram: request.marks.has(Marks::CRYPTOGRAM),
        card_expiry: card.expiry.into(),
        card_program: standing.programs.get(usize::from(card.program)).copied().unwrap_or(Text::EMPTY),
        card_id: Some(card.id.into()),
        account_id: Some(account.id.into()),
        customer: Some(account.customer).filter(|customer| *customer != 0),
        account_available: states.account.available_minor(),
        account_ledger: states.account.ledger_minor(),
        account_held: states.account.held_minor,
        account_currency: account.currency.into(),
        merchant_category: request.merchant_category.into(),
        merchant_id: Text::of_field(&request.merchant),
        merchant_terminal: Text::of_field(&request.terminal),
        clock_unix: case.now_us.div_euclid(1_000_000),
        clock_local_hour: i64::from(request.local_time / 10_000),
        ..Facts::default()
    };
    facts.set_operation(request.operation);
    facts.set_countries(request.merchant_country, request.acquirer_country);
    if let Some(pan) = request.pan {
        facts.set_card(pan);
    }
    count(&mut facts, case, states);
    // Conditions were checked for values within the attributes' ranges.
    facts.bounded()
}

fn count(facts: &mut Facts, case: &Case<'_>, states: &States<'_>) {
    let period = Period::of(case.now_us);
    let card: Velocity = states.card.velocity.at(period);
    facts.card_day_count = card.day_count.into();
    facts.card_day_amount = card.day_minor;
    facts.card_month_count = card.month_count.into();
    facts.card_month_amount = card.month_minor;
    facts.card_day_cash_count = card.day_cash_count.into();
    facts.card_day_cash_amount = card.day_cash_minor;
    let account: Velocity = states.account.velocity.at(period);
    facts.account_day_count = account.day_count.into();
    facts.account_day_amount = account.day_minor;
    facts.account_month_count = account.month_count.into();
    facts.account_month_amount = account.month_minor;
    facts.account_day_cash_count = account.day_cash_count.into();
    facts.account_day_cash_amount = account.day_cash_minor;
}
