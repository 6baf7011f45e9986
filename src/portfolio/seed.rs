//! The demo program: ten thousand good cards, and a few in every other state. One table says which and what they
//! answer; the README's table and a test are made from it.

use super::{AccountState, CardState, CardStatus, Limits, NewAccount, NewCard, Portfolio, TooManyLimits};
use crate::message::Pan;

/// The name of the program.
pub const PROGRAM: &str = "demo";
/// Good cards, BIN 411111, numbers from 000000000.
pub const GOOD_CARDS: u32 = 10_000;
const GOOD_BIN: u64 = 411_111;
const SPECIAL_BIN: u64 = 411_112;
/// 1,000,000,000.00
const PLENTY_MINOR: i64 = 100_000_000_000;
/// December 2030.
const GOOD_EXPIRY: u16 = 3012;
const US_DOLLAR: u16 = 840;
const EURO: u16 = 978;

/// Cards of BIN 411112 in one state.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The first card's number (the nine digits behind the BIN).
    pub first: u32,
    /// The last one's.
    pub last: u32,
    /// What is special about them.
    pub what: &'static str,
    /// The DE39 they answer, and when.
    pub answer: &'static str,
    status: CardStatus,
    expiry: u16,
    currency: u16,
    funds_minor: i64,
    limits: Limits,
}

const GOOD: Row = Row {
    first: 0,
    last: 0,
    what: "",
    answer: "",
    status: CardStatus::Active,
    expiry: GOOD_EXPIRY,
    currency: US_DOLLAR,
    funds_minor: PLENTY_MINOR,
    limits: Limits::NONE,
};

const THREE_A_DAY: Limits = Limits { count_per_day: 3, ..Limits::NONE };
const FIFTY_EACH: Limits = Limits { amount_per_transaction: 5_000, ..Limits::NONE };

const TABLE: [Row; 13] = [
    Row { first: 0, last: 4, what: "blocked", answer: "62", status: CardStatus::Blocked, ..GOOD },
    Row { first: 5, last: 9, what: "lost", answer: "41", status: CardStatus::Lost, ..GOOD },
    Row { first: 10, last: 14, what: "stolen", answer: "43", status: CardStatus::Stolen, ..GOOD },
    Row { first: 15, last: 19, what: "expired in January 2020", answer: "54", expiry: 2001, ..GOOD },
    Row { first: 20, last: 24, what: "10.00 available", answer: "51 for more", funds_minor: 1_000, ..GOOD },
    Row {
        first: 25,
        last: 29,
        what: "3 debits a day",
        answer: "65 from the fourth",
        limits: THREE_A_DAY,
        ..GOOD
    },
    Row {
        first: 30,
        last: 34,
        what: "50.00 a transaction",
        answer: "61 for more",
        limits: FIFTY_EACH,
        ..GOOD
    },
    Row {
        first: 35,
        last: 39,
        what: "account in EUR (978)",
        answer: "57 in USD without DE6 and DE51",
        currency: EURO,
        ..GOOD
    },
    Row { first: 40, last: 44, what: "closed", answer: "62", status: CardStatus::Closed, ..GOOD },
    Row { first: 45, last: 47, what: "suspected fraud", answer: "59", status: CardStatus::Fraud, ..GOOD },
    Row {
        first: 48,
        last: 50,
        what: "not yet activated",
        answer: "62",
        status: CardStatus::Inactive,
        ..GOOD
    },
    Row {
        first: 51,
        last: 52,
        what: "PIN tries exceeded",
        answer: "75",
        status: CardStatus::PinBlocked,
        ..GOOD
    },
    Row { first: 53, last: 54, what: "do not honor", answer: "05", status: CardStatus::DoNotHonor, ..GOOD },
];

/// The special cards.
pub fn table() -> &'static [Row] {
    &TABLE
}

/// Adds the demo program's cards, each with an account of its own, to an empty portfolio. `program` is its index.
pub fn demo(portfolio: &mut Portfolio, program: u16) -> Result<(), TooManyLimits> {
    for (pan, row) in cards() {
        let state = AccountState { funds_minor: row.funds_minor, ..AccountState::default() };
        let account = portfolio.add_account(NewAccount { currency: row.currency, name: 0, state });
        let limits = (row.limits != Limits::NONE).then_some(row.limits);
        let (expiry, status, state) = (row.expiry, row.status, CardState::default());
        portfolio.add_card(pan, NewCard { expiry, status, program, limits, account, state })?;
    }
    Ok(())
}

fn cards() -> impl Iterator<Item = (Pan, &'static Row)> {
    let good =
        std::iter::repeat_n(&GOOD, GOOD_CARDS as usize).zip(0..).map(|(row, number)| (GOOD_BIN, number, row));
    let special =
        TABLE.iter().flat_map(|row| (row.first..=row.last).map(move |number| (SPECIAL_BIN, number, row)));
    good.chain(special).filter_map(|(bin, number, row)| Some((pan(bin, number)?, row)))
}

/// How many of the demo's cards are in a portfolio, under the demo's program.
pub fn count(portfolio: &Portfolio) -> usize {
    let is_there = |pan: Pan| portfolio.card(pan).is_some_and(|card| portfolio.program(card).name == PROGRAM);
    cards().filter(|(pan, _)| is_there(*pan)).count()
}

/// A 16-digit PAN: BIN, nine digits, check digit.
fn pan(bin: u64, number: u32) -> Option<Pan> {
    let body = (bin * 1_000_000_000 + u64::from(number)) * 10;
    (0..10).filter_map(|check| Pan::from_parts(body + check, 16)).find(|pan| pan.luhn_holds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_this_table() {
        let readme = include_str!("../../README.md");
        for row in table() {
            let line = format!("| {:09} to {:09} | {} | {} |", row.first, row.last, row.what, row.answer);
            assert!(readme.contains(&line), "README.md lacks: {line}");
        }
    }

    #[test]
    fn numbers_do_not_overlap_and_check() {
        let numbers: Vec<u32> = table().iter().flat_map(|row| row.first..=row.last).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        assert_eq!(pan(GOOD_BIN, 1).map(Pan::parts), Some((4_111_110_000_000_013, 16)));
    }
}
