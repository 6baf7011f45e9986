//! What an answer carries: the standard list of echoed fields, and DE54. Must not know how fields are encoded.

use super::{Kind, Operation};
use crate::wire::Bitmap;

/// Data elements echoed in every answer to a money message.
const COMMON: &[u8] = &[
    2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 24, 25, 32, 33, 37, 41, 42, 49, 50, 51, 58, 59, 62, 63, 100,
    102, 103,
];
/// Also echoed to advices and reversals: DE38 as it was given, DE90 and DE95.
const ADVICE: &[u8] = &[38];
const REVERSAL: &[u8] = &[38, 90, 95];
/// A client of a terminal matches by DE11 and DE41, and networks look for what names themselves.
const NETWORK: &[u8] = &[2, 3, 7, 11, 12, 13, 24, 32, 33, 37, 41, 42, 63, 70];

/// Never echoed, whatever a link's list says: sensitive authentication data, and the request's own chip data.
const NEVER: &[u8] = &[35, 36, 45, 52, 53, 55, 64, 128];

/// The fields of the request that its answer repeats (ISO 8583 practice; a link may override the list).
pub fn standard_echo(kind: Kind) -> Bitmap {
    match kind {
        Kind::Authorization | Kind::Financial => set(COMMON),
        Kind::AuthorizationAdvice | Kind::FinancialAdvice => set(COMMON) | set(ADVICE),
        Kind::Reversal => set(COMMON) | set(REVERSAL),
        Kind::NetworkManagement => set(NETWORK),
    }
}

/// The link's own list, without what must never be echoed.
pub fn permitted_echo(list: &[u8]) -> Bitmap {
    set(list) & !set(NEVER)
}

fn set(list: &[u8]) -> Bitmap {
    let mut bitmap = Bitmap::default();
    for de in list {
        bitmap.insert(*de);
    }
    bitmap
}

/// The two amounts of a balance inquiry's DE54, in minor units of the account's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    /// Ledger balance: funds less what is posted (amount type 01).
    pub ledger_minor: i64,
    /// Available balance: the ledger less open holds (amount type 02).
    pub available_minor: i64,
    /// ISO 4217 numeric.
    pub currency: u16,
}

/// The largest amount that DE54 has room for: 12 digits.
const LARGEST: u64 = 999_999_999_999;

impl Balances {
    /// Whether DE54 has room for both amounts.
    pub fn fit(&self) -> bool {
        [self.ledger_minor, self.available_minor].iter().all(|amount| amount.unsigned_abs() <= LARGEST)
    }
}

/// Length of the DE54 this switch writes: two groups of 20 characters.
pub const ADDITIONAL_AMOUNTS: usize = 40;

/// Writes DE54: ledger and available balance, account type from DE3 positions 3-4. Of an amount that has more than 12 digits
/// the largest that has so many: never one that says less than that by its last digits alone.
pub fn write_additional_amounts(
    balances: Balances,
    processing_code: u32,
    into: &mut [u8; ADDITIONAL_AMOUNTS],
) {
    let account = processing_code / 100 % 100;
    for (group, (kind, amount)) in
        into.chunks_exact_mut(20).zip([(1, balances.ledger_minor), (2, balances.available_minor)])
    {
        put(&mut group[0..2], u64::from(account));
        put(&mut group[2..4], kind);
        put(&mut group[4..7], u64::from(balances.currency));
        group[7] = if amount < 0 { b'D' } else { b'C' };
        put(&mut group[8..20], amount.unsigned_abs().min(LARGEST));
    }
}

fn put(into: &mut [u8], mut number: u64) {
    for slot in into.iter_mut().rev() {
        *slot = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Whether an approval of this operation carries balances in DE54.
pub fn carries_balances(operation: Operation) -> bool {
    operation == Operation::Inquiry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_additional_amounts_of_an_inquiry() {
        for (ledger_minor, available_minor, fits, expected) in [
            (-12_345, 487_655, true, "3001978D0000000123453002978C000000487655"),
            (999_999_999_999, -999_999_999_999, true, "3001978C9999999999993002978D999999999999"),
            (1_000_000_000_000, 0, false, "3001978C9999999999993002978C000000000000"),
            (5, -1_000_000_000_007, false, "3001978C0000000000053002978D999999999999"),
            (i64::MAX, i64::MIN, false, "3001978C9999999999993002978D999999999999"),
        ] {
            let balances = Balances { ledger_minor, available_minor, currency: 978 };
            let mut text = [0; ADDITIONAL_AMOUNTS];
            write_additional_amounts(balances, 303_000, &mut text);
            assert_eq!((std::str::from_utf8(&text), balances.fit()), (Ok(expected), fits));
        }
    }

    #[test]
    fn never_echoes_sensitive_fields() {
        let echo = permitted_echo(&[2, 35, 36, 39, 45, 52, 53, 55, 64, 90, 128]);
        assert_eq!(echo.iter().collect::<Vec<_>>(), [2, 39, 90]);
        for kind in [Kind::Authorization, Kind::AuthorizationAdvice, Kind::Reversal, Kind::NetworkManagement]
        {
            assert!((standard_echo(kind) & set(NEVER)).is_empty());
        }
    }
}
