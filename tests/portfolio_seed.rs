//! The demo program: every card of its table answers what the table says.

#![allow(clippy::unwrap_used)]

mod support;

use authswitch::decision::{Desk, Lateness, LinkTerms, Policy, Standing};
use authswitch::message::{Pan, Request};
use authswitch::portfolio::{Limits, Lists, Portfolio, Program, TableOptions, seed};
use std::sync::Arc;
use support::*;

fn demo() -> Desk {
    let programs = vec![Program::new("demo", Limits::NONE, Limits::NONE, &Lists::default())];
    let table = TableOptions { max: 16_384, window_us: 3 * DAY_US };
    let mut portfolio = Portfolio::new(programs, table, [7; 16]);
    seed::demo(&mut portfolio, 0).unwrap();
    Desk::new(Arc::new(portfolio), Standing::plain(Policy::default(), 1))
}

/// The card with this BIN and number: the check digit by trial.
fn card(bin: u32, number: u32) -> Pan {
    let digits = (0..10).map(|check| format!("{bin}{number:09}{check}"));
    digits.map(|digits| Pan::from_digits(digits.as_bytes()).unwrap()).find(|pan| pan.luhn_holds()).unwrap()
}

/// Answers to three purchases of 5.00 and one of 50.01.
fn answers(desk: &Desk, pan: Pan, sink: &MemorySink) -> [String; 4] {
    let terms = LinkTerms::default();
    let mut stan = 0;
    [500, 500, 500, 5_001].map(|amount_minor| {
        stan += 1;
        let request = Request { pan: Some(pan), amount_minor, expiry: 0, ..purchase(stan) };
        desk.decide(&request, &terms, NOON, Lateness::InTime, sink).code.to_string()
    })
}

#[test]
fn every_special_card_answers_as_the_table_says() {
    let (desk, sink) = (demo(), MemorySink::default());
    for row in seed::table() {
        let (code, when) = row.answer.split_at(2);
        for number in row.first..=row.last {
            let answers = answers(&desk, card(411_112, number), &sink);
            assert_eq!(answers[3], code, "{number}: {}", row.what);
            // Without a condition the first is refused too.
            let at_once = !when.contains("more") && !when.contains("fourth");
            assert_eq!(answers[0], if at_once { code } else { "00" }, "{number}: {}", row.what);
        }
    }
}

#[test]
fn ten_thousand_good_cards_may_spend_a_billion_each() {
    let (desk, sink) = (demo(), MemorySink::default());
    let special: u32 = seed::table().iter().map(|row| row.last - row.first + 1).sum();
    assert_eq!(desk.portfolio.cards().len(), (10_000 + special) as usize);
    for number in [0, 1, 4_999, 9_999] {
        let pan = card(411_111, number);
        let of = desk.portfolio.card(pan).unwrap();
        let account = desk.portfolio.account_of(of);
        assert_eq!((of.expiry, account.currency), (3012, 840));
        assert_eq!(account.state.lock().available_minor(), 100_000_000_000);
        assert_eq!(answers(&desk, pan, &sink), ["00"; 4]);
    }
    assert!(desk.portfolio.card(card(411_111, 10_000)).is_none());
    assert_ne!(
        desk.portfolio.card(card(411_111, 0)).unwrap().account,
        desk.portfolio.card(card(411_111, 1)).unwrap().account
    );
}
