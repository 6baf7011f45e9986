//! What a message's amounts are worth in the account's currency. Must not know what they are for.

use super::policy::rounded;
use super::{LinkTerms, Policy};
use crate::message::{Operation, Refusal, Request};

/// The largest amount a message can be about: fifteen digits, far beyond DE4's twelve, and far from 64 bits.
const LARGEST: i64 = 999_999_999_999_999;

/// An amount in minor units of the account's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Worth {
    /// All of it, with the fees that come on top.
    pub total_minor: i64,
    /// The part that is given out in cash with a purchase.
    pub cash_minor: i64,
}

/// The worth of a message's amounts: DE6 when DE51 is the account's currency, else DE4 when DE49 is (or is absent), else
/// DE4 at the policy's rate; never DE4 compared with DE6. Fees on top (DE28 at the same rate, DE8) are added to what the
/// holder pays and taken from what is given back.
///
/// Refused: another currency without billing amount and rate (`Currency`); an amount below zero or beyond fifteen digits,
/// and a cash part larger than the whole (`InvalidAmount`).
pub(super) fn worth(
    request: &Request,
    terms: &LinkTerms,
    policy: &Policy,
    currency: u16,
) -> Result<Worth, Refusal> {
    let amount = in_range(request.amount_minor)?;
    let billed = request.billing_currency == currency;
    let base = if billed {
        in_range(request.billing_minor)?
    } else if request.currency == currency || request.currency == 0 && request.billing_currency == 0 {
        amount
    } else {
        let converted = policy.rates.convert(amount, request.currency, currency);
        in_range(converted.ok_or(Refusal::Currency)?)?
    };
    let mut fees = 0;
    // What asks for nothing costs nothing.
    if terms.fees_on_top && base > 0 {
        fees = part_of(request.surcharge_minor, amount, base).ok_or(Refusal::InvalidAmount)?;
        if billed || request.billing_currency == 0 {
            fees = fees.checked_add(request.billing_fee_minor).ok_or(Refusal::InvalidAmount)?;
        }
    }
    let fees = if request.operation == Operation::Credit { fees.checked_neg() } else { Some(fees) };
    let total_minor = fees.and_then(|fees| base.checked_add(fees)).ok_or(Refusal::InvalidAmount)?;
    if !(0..=amount).contains(&request.cashback_minor) {
        return Err(Refusal::InvalidAmount);
    }
    let cash_minor = part_of(request.cashback_minor, amount, base).ok_or(Refusal::InvalidAmount)?;
    Ok(Worth { total_minor: in_range(total_minor)?, cash_minor })
}

fn in_range(amount: i64) -> Result<i64, Refusal> {
    if (0..=LARGEST).contains(&amount) { Ok(amount) } else { Err(Refusal::InvalidAmount) }
}

/// `part` of an amount, where the whole of it is worth `worth`: in proportion, halves away from zero. Nothing of nothing is
/// nothing. `None` beyond 64 bits.
pub(super) fn part_of(part: i64, whole: i64, worth: i64) -> Option<i64> {
    if whole == worth || part == 0 {
        return Some(part);
    }
    if whole == 0 {
        return Some(0);
    }
    rounded(i128::from(part) * i128::from(worth), i128::from(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Kind, Marks};
    use crate::wire::Mti;

    fn request(amount_minor: i64, currency: u16) -> Request {
        // Proven: four decimal digits.
        #[allow(clippy::unwrap_used)]
        let mti = Mti::new(0x0100).unwrap();
        Request {
            mti,
            kind: Kind::Authorization,
            operation: Operation::Purchase,
            pan: None,
            pan_mismatch: false,
            processing_code: 0,
            amount_minor,
            currency,
            billing_minor: 0,
            billing_currency: 0,
            cashback_minor: 0,
            surcharge_minor: 0,
            billing_fee_minor: 0,
            transmission: 0,
            stan: 0,
            local_time: 0,
            local_date: 0,
            expiry: 0,
            merchant_category: 0,
            merchant_country: 0,
            acquirer_country: 0,
            entry_mode: 0,
            condition: 0,
            preauthorization: false,
            marks: Marks::default(),
            acquirer: 0,
            retrieval_reference: [b' '; 12],
            trace: [b' '; 16],
            approval: [b' '; 6],
            response: None,
            terminal: [b' '; 8],
            merchant: [b' '; 15],
            network_code: 0,
            original: None,
            replacement_minor: None,
        }
    }

    #[test]
    fn the_worth_is_of_the_account_with_fees_on_top_and_within_bounds() {
        let policy = Policy::default();
        let top = LinkTerms { fees_on_top: true, ..LinkTerms::default() };
        let (within, local) = (LinkTerms::default(), request(1_000, 840));
        let billed = Request { billing_minor: 900, billing_currency: 840, ..request(1_000, 978) };
        let ok = |total_minor, cash_minor| Ok(Worth { total_minor, cash_minor });
        let (large, currency) = (Err(Refusal::InvalidAmount), Err(Refusal::Currency));
        let rows: [(&str, Request, &LinkTerms, _); 15] = [
            ("local", local, &within, ok(1_000, 0)),
            ("no currency", Request { currency: 0, ..local }, &within, ok(1_000, 0)),
            ("billed", billed, &within, ok(900, 0)),
            ("foreign", request(1_000, 978), &within, currency),
            ("fee within", Request { surcharge_minor: 50, ..local }, &within, ok(1_000, 0)),
            ("fee on top", Request { surcharge_minor: 50, ..local }, &top, ok(1_050, 0)),
            ("fee credited", Request { surcharge_minor: -50, ..local }, &top, ok(950, 0)),
            ("fee of a billed one", Request { surcharge_minor: 55, ..billed }, &top, ok(950, 0)),
            ("both fees", Request { surcharge_minor: 10, billing_fee_minor: 5, ..billed }, &top, ok(914, 0)),
            (
                "refund",
                Request { operation: Operation::Credit, surcharge_minor: 50, ..local },
                &top,
                ok(950, 0),
            ),
            ("cash", Request { cashback_minor: 500, ..billed }, &within, ok(900, 450)),
            ("cash over all", Request { cashback_minor: 1_001, ..local }, &within, large),
            ("below zero", request(-1, 840), &within, large),
            ("fee eats all", Request { surcharge_minor: -1_001, ..local }, &top, large),
            ("beyond fifteen digits", request(1_000_000_000_000_000, 840), &within, large),
        ];
        for (what, request, terms, expected) in rows {
            assert_eq!(worth(&request, terms, &policy, 840), expected, "{what}");
        }
    }
}
