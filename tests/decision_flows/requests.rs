//! 0100 and 0200: what is approved, what is refused, and which of two reasons is named.

use crate::support::*;
use authswitch::message::{Balances, Operation, Request};
use authswitch::portfolio::{CardStatus, Limits, Lists, Program, State};

#[test]
fn an_authorization_holds_and_a_sale_posts() {
    let world = World::default();
    let held = world.decide(&purchase(1));
    assert_eq!((held.code.as_str(), held.repeat), ("00", false));
    world.leaves(1_000, 0).gets(&sale(2), "00").leaves(1_000, 1_000);
    assert_eq!(world.state(&held), State::Held);
    world.replays();
}

#[test]
fn an_approval_has_a_code_of_six_letters_or_digits_and_a_decline_has_none() {
    let world = World::default();
    let approval = world.decide(&purchase(1)).approval.unwrap();
    assert!(approval.iter().all(u8::is_ascii_alphanumeric));
    assert_ne!(world.decide(&purchase(2)).approval, Some(approval));
    assert_eq!(world.decide(&Request { amount_minor: 0, ..purchase(3) }).approval, None);
}

#[test]
fn the_last_cent_may_be_spent_and_no_more() {
    let world = World::default();
    let all_but_one = Request { amount_minor: FUNDS - 1, ..purchase(1) };
    world.gets(&all_but_one, "00").gets(&Request { amount_minor: 2, ..purchase(2) }, "51");
    world.gets(&Request { amount_minor: 1, ..sale(3) }, "00").leaves(FUNDS - 1, 1);
    world.gets(&Request { amount_minor: 1, ..purchase(4) }, "51").replays();
}

#[test]
fn cards_of_one_account_share_its_funds() {
    let world = World::default();
    world.gets(&Request { amount_minor: 6_000, ..purchase(1) }, "00");
    let other_card = Request { pan: Some(pan(1)), amount_minor: 6_000, ..purchase(2) };
    world.gets(&other_card, "51").gets(&Request { pan: Some(pan(2)), ..other_card }, "00");
    world.leaves(6_000, 0);
}

#[test]
fn a_card_answers_as_its_status_says() {
    for (status, goods, refund) in [
        (CardStatus::Active, "00", "00"),
        (CardStatus::Inactive, "62", "62"),
        (CardStatus::Blocked, "62", "62"),
        (CardStatus::Lost, "41", "41"),
        (CardStatus::Stolen, "43", "43"),
        (CardStatus::Fraud, "59", "59"),
        (CardStatus::Closed, "62", "62"),
        // A refund needs no PIN.
        (CardStatus::PinBlocked, "75", "00"),
        (CardStatus::DoNotHonor, "05", "05"),
    ] {
        let mut plan = Plan::default();
        plan.cards[0].status = status;
        let world = World::new(plan);
        world.gets(&purchase(1), goods).gets(&sale(2), goods);
        let credit = Request { operation: Operation::Credit, processing_code: REFUND, ..purchase(3) };
        world.gets(&credit, refund).replays();
    }
}

/// Program whose cards may not shop at 5999 nor in Russia, and limits of one count and one amount.
fn strict() -> Plan {
    let lists = Lists { mcc_deny: &[5999], country_deny: &[643], ..Lists::default() };
    let limits = Limits { amount_per_transaction: 5_000, count_per_day: 1, ..Limits::NONE };
    let mut plan = Plan { programs: vec![Program::new("strict", limits, limits, &lists)], ..Plan::default() };
    plan.accounts[0].1 = 400;
    plan
}

/// Each fault of the list, alone, gets its code; together with any later one, the earlier is named.
#[test]
fn the_first_fault_in_the_order_of_the_facts_is_named() {
    type Spoil = fn(&mut Request, &mut Plan);
    let faults: [(&str, Spoil); 11] = [
        ("14", |request, _| request.pan = Some(pan(99))),
        ("14", |request, _| request.pan_mismatch = true),
        ("43", |_, plan| plan.cards[0].status = CardStatus::Stolen),
        ("54", |request, _| request.expiry = 3011),
        ("12", |request, _| request.operation = Operation::Unsupported),
        ("57", |request, _| request.merchant_category = 5999),
        ("62", |request, _| request.merchant_country = 643),
        ("57", |request, _| request.currency = 978),
        ("65", |_, plan| {
            plan.programs[0].card_limits.count_per_day = 0;
        }),
        ("61", |request, _| request.amount_minor = 6_000),
        ("51", |_, plan| plan.accounts[0].1 = 99),
    ];
    let answer = |spoils: &[Spoil]| {
        let (mut request, mut plan) = (Request { amount_minor: 100, ..purchase(1) }, strict());
        spoils.iter().for_each(|spoil| spoil(&mut request, &mut plan));
        World::new(plan).decide(&request).code.as_str().to_owned()
    };
    assert_eq!(answer(&[]), "00");
    for (index, (code, spoil)) in faults.iter().enumerate() {
        assert_eq!(answer(&[*spoil]), *code, "fault {index}");
        for (later, (_, other)) in faults.iter().enumerate().skip(index + 1) {
            assert_eq!(answer(&[*spoil, *other]), *code, "fault {index} with {later}");
        }
    }
}

#[test]
fn an_expired_card_is_named_before_its_pin_tries() {
    let mut plan = Plan::default();
    (plan.cards[0].status, plan.cards[0].expiry) = (CardStatus::PinBlocked, 2610);
    World::new(plan).gets(&Request { expiry: 2610, ..purchase(1) }, "54");
}

#[test]
fn counts_of_card_and_account_are_named_before_amounts() {
    let card = Limits { amount_per_day: 500, ..Limits::NONE };
    let account = Limits { count_per_day: 0, ..Limits::NONE };
    World::new(Plan::limited(card, account)).gets(&purchase(1), "65");
}

#[test]
fn a_card_is_good_to_the_last_day_of_its_month() {
    let mut plan = Plan::default();
    plan.cards[0].expiry = 2611;
    let world = World::new(plan);
    let request = |stan| Request { expiry: 2611, ..purchase(stan) };
    world.gets(&request(1), "00");
    // 30 November 23:59:59.999999, and the next microsecond.
    world.now_us.set(20_788 * DAY_US - 1);
    world.gets(&request(2), "00").later(1).gets(&request(3), "54");
    // Without an expiry in the message the card's own still counts.
    world.gets(&Request { expiry: 0, ..purchase(4) }, "54");
}

#[test]
fn a_refund_asks_neither_date_nor_place_nor_funds() {
    let mut plan = strict();
    (plan.cards[0].expiry, plan.accounts[0].1) = (2001, 0);
    let world = World::new(plan);
    let refund = Request {
        operation: Operation::Credit,
        processing_code: REFUND,
        merchant_category: 5999,
        merchant_country: 643,
        amount_minor: 9_000,
        ..sale(1)
    };
    // A financial refund is credited at once, its authorization moves nothing.
    world.gets(&refund, "00").leaves(0, -9_000);
    let authorization = Request { mti: mti(0x0100), kind: purchase(2).kind, stan: 2, ..refund };
    world.gets(&authorization, "00").leaves(0, -9_000);
    world.gets(&Request { stan: 3, amount_minor: 0, ..refund }, "13").replays();
}

#[test]
fn the_billing_amount_counts_where_the_currency_is_foreign() {
    for (currency, amount, billing_currency, billing, code, held) in [
        (840, 100, 0, 0, "00", 100),
        (0, 100, 0, 0, "00", 100),
        (978, 100, 840, 110, "00", 110),
        (840, 100, 840, 120, "00", 120),
        (978, 100, 0, 0, "57", 0),
        (978, 100, 978, 100, "57", 0),
        (0, 100, 978, 100, "57", 0),
        (978, 0, 840, 110, "00", 110),
        (978, 100, 840, 0, "13", 0),
        (840, 0, 0, 0, "13", 0),
    ] {
        let world = World::default();
        let request = Request {
            currency,
            amount_minor: amount,
            billing_currency,
            billing_minor: billing,
            ..purchase(1)
        };
        world.gets(&request, code).leaves(held, 0);
    }
}

#[test]
fn an_inquiry_tells_ledger_and_available_and_moves_nothing() {
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&Request { amount_minor: 300, ..sale(2) }, "00");
    let inquiry = Request { operation: Operation::Inquiry, amount_minor: 0, ..purchase(3) };
    let answer = world.decide(&inquiry);
    let balances = Balances { ledger_minor: FUNDS - 300, available_minor: FUNDS - 1_300, currency: 840 };
    assert_eq!((answer.code.as_str(), answer.balances), ("00", Some(balances)));
    world.leaves(1_000, 300);
    // The repeat tells the same, although more has been spent since.
    world.gets(&purchase(4), "00");
    let again = world.decide(&repeat_of(&inquiry));
    assert_eq!((again.balances, again.approval, again.repeat), (answer.balances, answer.approval, true));
    world.replays();
}

#[test]
fn a_verification_asks_about_the_card_only() {
    let mut plan = Plan::limited(Limits { count_per_day: 0, ..Limits::NONE }, Limits::NONE);
    plan.accounts[0].1 = 0;
    let world = World::new(plan);
    let verification = Request { operation: Operation::Verification, amount_minor: 0, ..purchase(1) };
    world.gets(&verification, "00").leaves(0, 0);
    assert_eq!(world.spent_by(0).day_count, 0);
    world.gets(&Request { stan: 2, expiry: 2512, ..verification }, "54");
}

#[test]
fn cash_has_limits_of_its_own() {
    let limits = Limits {
        cash_amount_per_transaction: 500,
        cash_amount_per_day: 900,
        cash_count_per_day: 3,
        ..Limits::NONE
    };
    for plan in [Plan::limited(limits, Limits::NONE), Plan::limited(Limits::NONE, limits)] {
        let world = World::new(plan);
        let cash =
            |stan, amount_minor| Request { operation: Operation::Cash, amount_minor, ..purchase(stan) };
        world.gets(&purchase(1), "00").gets(&cash(2, 501), "61").gets(&cash(3, 500), "00");
        world.gets(&cash(4, 401), "61").gets(&cash(5, 399), "00").gets(&cash(6, 1), "00");
        world.gets(&cash(7, 0), "13").gets(&cash(8, 1), "65").gets(&purchase(9), "00").leaves(2_900, 0);
    }
}
