//! A rule set in the decision: what its rules and limits do to answers, money and records, and that shadows do nothing.

#![allow(clippy::unwrap_used)]

mod support;

use authswitch::decision::{Lateness, Missing, Policy, Rate, Rates, Standing};
use authswitch::message::{Marks, Operation, Refusal, Request};
use authswitch::portfolio::{Record, Ruled};
use authswitch::rules::RuleSet;
use support::*;

const HOUR_US: i64 = 3_600_000_000;

fn ruled(rules: &str) -> World {
    World::trusting().ruled(rules)
}

fn last(world: &World) -> Record {
    *world.sink.records().last().unwrap()
}

/// The rule set's part of the last record.
fn said(world: &World) -> Ruled {
    last(world).ruled
}

#[test]
fn rules_decline_with_their_code_in_the_order_of_their_priority() {
    let world = ruled(
        r#"
        [[rule]]
        name = "later"
        when = "request.amount > 500"
        decline = "05"
        priority = 20
        [[rule]]
        name = "gambling"
        when = 'merchant.category in [7995, 7800] && merchant.country != "DE"'
        decline = "57"
        priority = 10
        [[rule]]
        name = "chip"
        when = "merchant.category == 5944"
        require = "pos.chip && pos.pin"
        decline = "59"
        priority = 5
        "#,
    );
    let at = |stan, category| Request { merchant_category: category, ..purchase(stan) };
    let small = |stan| Request { amount_minor: 500, ..purchase(stan) };
    world.gets(&at(1, 7995), "57").gets(&repeat_of(&at(1, 7995)), "57").gets(&at(2, 5411), "05");
    world.gets(&small(3), "00");
    world.gets(&Request { merchant_category: 5944, ..small(4) }, "59");
    world.gets(&Request { merchant_category: 5944, marks: Marks::PIN, ..small(5) }, "00");
    world.gets(&Request { merchant_country: 276, merchant_category: 7995, ..small(6) }, "00");
    let records = world.sink.records();
    let of = |index: usize| (records[index].ruled.rule, records[index].refusal, records[index].rules);
    let version = world.desk.standing().rules.version();
    assert_eq!([of(0), of(1)], [(2, Refusal::Rule, version), (3, Refusal::Rule, version)]);
    assert_ne!(version, 0);
    world.leaves(1_500, 0).replays();
}

#[test]
fn approve_up_to_gives_a_part_to_those_who_take_it() {
    let world = ruled(
        r#"
        [[rule]]
        name = "half"
        when = 'request.type != "cash"'
        approve_up_to = "account.available / 20"
        [[rule]]
        name = "most"
        when = "true"
        approve_up_to = 800
        "#,
    );
    let asks = |stan, marks| Request { marks, ..purchase(stan) };
    world.gets(&asks(1, Marks::default()), "61");
    let decision = world.decide(&asks(2, Marks::PARTIAL));
    assert_eq!((decision.code.as_str(), decision.part.unwrap().amount_minor), ("10", 500));
    assert_eq!(said(&world).rule, 1);
    world.leaves(500, 0).gets(&Request { amount_minor: 400, ..purchase(3) }, "00");
    // Never a part of cash, and the other rule allows it 8.00.
    let cash = |stan, amount_minor| Request {
        operation: Operation::Cash,
        amount_minor,
        ..asks(stan, Marks::PARTIAL)
    };
    world.gets(&cash(4, 801), "61").gets(&cash(5, 800), "00").replays();
    assert_eq!(last(&world).ruled.rule, 0);
}

#[test]
fn tags_and_shadows_are_recorded_and_change_nothing() {
    let rules = r#"
        [[rule]]
        name = "mark"
        when = "request.amount >= 1000"
        tag = "large"
        [[rule]]
        name = "trial"
        when = "request.amount >= 1000"
        decline = "59"
        mode = "shadow"
        [[rule]]
        name = "out"
        when = "true"
        decline = "59"
        mode = "off"
        [[limit]]
        name = "one"
        scope = "card"
        window = "day"
        count = 1
        mode = "shadow"
    "#;
    let (plain, world) = (World::default(), ruled(rules));
    for world in [&plain, &world] {
        world
            .gets(&purchase(1), "00")
            .gets(&purchase(2), "00")
            .gets(&Request { amount_minor: 10, ..sale(3) }, "00");
    }
    assert_eq!(world.account(0), plain.account(0));
    let records = world.sink.records();
    let of = |index: usize| {
        let Ruled { rule, tags, shadows, shadow_limits, .. } = records[index].ruled;
        (rule, tags, shadows[0], shadow_limits)
    };
    assert_eq!([of(0), of(1), of(2)], [(0, 1, 2, 0), (0, 1, 2, 1), (0, 0, 0, 1)]);
    let standing = world.desk.standing();
    let counted: Vec<_> = standing
        .effects()
        .iter()
        .map(|effects| (effects.name, effects.mode, effects.tally.get()))
        .collect::<Vec<_>>();
    let counted: Vec<(String, &str, u64)> =
        counted.into_iter().map(|(name, mode, count)| (name.to_owned(), mode, count)).collect();
    let expected = [("mark", "active", 2), ("trial", "shadow", 2), ("out", "off", 0), ("one", "shadow", 2)];
    assert_eq!(counted, expected.map(|(name, mode, count)| (name.to_owned(), mode, count)));
}

const LIMITS: &str = r#"
    currency = "USD"
    [[limit]]
    name = "card-hour"
    scope = "card"
    window = "1h"
    count = 2
    amount = 2500
    [[limit]]
    name = "shop-day"
    scope = "merchant"
    window = "day"
    count = 3
    decline_count = "59"
    [[limit]]
    name = "each"
    scope = "global"
    window = "transaction"
    amount = 2000
"#;

#[test]
fn limits_count_what_is_approved_and_give_back_what_is_reversed() {
    let world = ruled(LIMITS);
    world.gets(&purchase(1), "00").gets(&purchase(2), "00").gets(&purchase(3), "65");
    assert_eq!((said(&world).limit, last(&world).refusal), (1, Refusal::LimitCount));
    assert_eq!(world.desk.standing().effects()[0].tally.get(), 1);
    let usage = world.desk.usage(&purchase(0), &world.terms, NOON);
    let left: Vec<_> = usage
        .iter()
        .map(|usage| (&*usage.limit, usage.used_count, usage.left_count, usage.left_minor))
        .collect();
    assert_eq!(left, [("card-hour", 2, Some(0), Some(500)), ("shop-day", 2, Some(1), None)]);
    // Repeats and what is declined count nothing; a reversal gives back count and amount.
    world.gets(&repeat_of(&purchase(2)), "00").gets(&reversal_of(&purchase(2), 4), "00");
    world.gets(&Request { amount_minor: 1_600, ..purchase(5) }, "61");
    world.gets(&Request { amount_minor: 1_500, ..purchase(6) }, "00");
    // A partial reversal gives back its part alone; the count stays.
    world.gets(&reversal_of(&purchase(1), 7), "00");
    world.gets(&partial_reversal_of(&Request { amount_minor: 1_500, ..purchase(6) }, 8, 600), "00");
    world.gets(&Request { amount_minor: 1_950, ..purchase(9) }, "61");
    world.gets(&Request { amount_minor: 1_900, ..purchase(10) }, "00").gets(&purchase(11), "65");
    // Another card of the same shop: two are counted there by now, one more fits.
    let other = |stan| Request { pan: Some(pan(2)), ..purchase(stan) };
    world
        .gets(&Request { amount_minor: 2_001, ..other(12) }, "61")
        .gets(&other(13), "00")
        .gets(&other(14), "59");
    world.gets(&Request { merchant: *b"MERCHANT0000002", ..other(15) }, "00");
    world.replays();
    // Of the hour nothing is left an hour and a sixteenth later; the day goes on.
    world.later(HOUR_US + HOUR_US / 16 + 1_000_000).gets(&purchase(16), "59");
    world.gets(&Request { merchant: *b"MERCHANT0000002", ..purchase(17) }, "00").replays();
}

#[test]
fn a_hold_that_runs_out_gives_its_limits_back_and_a_completion_keeps_them() {
    let rules =
        "[[limit]]\nname = \"life\"\nscope = \"account\"\nwindow = \"lifetime\"\ncount = 2\namount = 2000\n";
    let world = ruled(rules);
    world.gets(&purchase(1), "00").gets(&purchase(2), "00").gets(&purchase(3), "65");
    world.gets(&completion_of(&purchase(2), 4, 1_000), "00").gets(&purchase(5), "65");
    world.later((AUTHORIZATION_DAYS + 1) * DAY_US);
    assert_eq!(world.expire(), 1);
    world.gets(&purchase(6), "00").gets(&purchase(7), "65").leaves(1_000, 1_000).replays();
}

#[test]
fn every_scope_counts_its_own() {
    let scoped = |scope: &str, more: &str| {
        format!("{more}\n[[limit]]\nname = \"l\"\nscope = \"{scope}\"\nwindow = \"day\"\ncount = 1\n")
    };
    let bins = "[[limit]]\nname = \"l\"\nscope = \"bin\"\nwindow = \"day\"\ncount = 1\nbins = [\"411111\", \"42000000-42999999\"]\n";
    let group = "[groups.food]\ncategories = [\"5400-5499\"]\n[groups.travel]\ncategories = [\"4511\"]\n";
    let currency = "currency = \"USD\"\n";
    let other_card = Request { pan: Some(pan(1)), ..purchase(2) };
    let other_account = Request { pan: Some(pan(2)), ..purchase(2) };
    let shop = Request { merchant: *b"MERCHANT0000002", ..purchase(2) };
    let till = Request { terminal: *b"TERM0002", ..purchase(2) };
    let flight = Request { merchant_category: 4511, ..purchase(2) };
    let doctor = Request { merchant_category: 8011, ..purchase(2) };
    let abroad = Request { merchant_country: 250, ..purchase(2) };
    for (rules, same, other) in [
        (scoped("card", ""), purchase(2), Some(other_card)),
        (scoped("account", ""), other_card, Some(other_account)),
        (scoped("merchant", ""), other_account, Some(shop)),
        (scoped("terminal", ""), shop, Some(till)),
        (scoped("category-group", group), other_account, Some(flight)),
        (scoped("category-group", group), shop, Some(doctor)),
        (scoped("country", ""), flight, Some(abroad)),
        (scoped("program", ""), other_account, None),
        (scoped("global", currency), abroad, None),
        (bins.to_owned(), other_account, None),
    ] {
        let world = ruled(&rules);
        world.gets(&purchase(1), "00").gets(&same, "65");
        if let Some(other) = other {
            world.gets(&Request { stan: 3, ..other }, "00");
        }
        world.replays();
    }
}

#[test]
fn limits_across_accounts_count_in_one_currency() {
    let rates = Rates::new(840, &[(978, Rate::new("1.25").unwrap())]).unwrap();
    let plan = Plan { accounts: vec![(840, FUNDS), (978, FUNDS), (392, FUNDS)], ..Plan::default() };
    let cards = [0, 1, 2].map(CardPlan::of).to_vec();
    let world = World::with(Plan { cards, ..plan }, Policy { rates, ..policy() }, Default::default());
    world.rule_by(
        "currency = \"USD\"\n[[limit]]\nname = \"shop\"\nscope = \"merchant\"\nwindow = \"day\"\namount = 3000\n",
    );
    let euros =
        |stan, amount_minor| Request { pan: Some(pan(1)), currency: 978, amount_minor, ..purchase(stan) };
    // 10.00 USD and 16.00 EUR are 30.00 USD.
    world.gets(&purchase(1), "00").gets(&euros(2, 1_601), "61").gets(&euros(3, 1_600), "00");
    world.gets(&Request { amount_minor: 1, ..purchase(4) }, "61");
    // What 5.35 EUR less are is given back to the cent, and all of it in the end.
    world.gets(&partial_reversal_of(&euros(3, 1_600), 5, 1_065), "00");
    world
        .gets(&Request { amount_minor: 670, ..purchase(6) }, "61")
        .gets(&Request { amount_minor: 669, ..purchase(7) }, "00");
    world.gets(&reversal_of(&euros(3, 1_600), 8), "00").gets(&reversal_of(&purchase(1), 9), "00");
    world
        .gets(&Request { amount_minor: 2_331, ..purchase(10) }, "00")
        .gets(&Request { amount_minor: 1, ..purchase(11) }, "61");
    // What nobody said the worth of cannot be counted, and is not approved.
    let yen = Request { pan: Some(pan(2)), currency: 392, ..purchase(12) };
    world.gets(&yen, "57").replays();
}

#[test]
fn what_another_decided_counts_and_is_never_declined() {
    let rules = "[[limit]]\nname = \"l\"\nscope = \"card\"\nwindow = \"day\"\ncount = 1\n";
    let world = ruled(rules);
    world.gets(&advice_of(&purchase(1), b"00"), "00").gets(&advice_of(&purchase(2), b"00"), "00");
    world.gets(&purchase(3), "65").gets(&reversal_of(&purchase(1), 4), "00").gets(&purchase(5), "65");
    world.gets(&reversal_of(&purchase(2), 6), "00").gets(&purchase(7), "00").replays();
    // The request that the advice speaks of counts once.
    let world = ruled(rules);
    world.gets(&purchase(1), "00").gets(&advice_of(&purchase(1), b"00"), "00");
    world.gets(&reversal_of(&purchase(1), 2), "00").gets(&purchase(3), "00").replays();
}

#[test]
fn an_increment_counts_where_its_authorization_counts() {
    let world =
        ruled("[[limit]]\nname = \"l\"\nscope = \"card\"\nwindow = \"day\"\ncount = 1\namount = 2000\n");
    let adds = |stan, amount_minor| Request {
        marks: Marks::INCREMENTAL,
        amount_minor,
        original: reversal_of(&purchase(1), 0).original,
        ..purchase(stan)
    };
    world.gets(&purchase(1), "00").gets(&adds(2, 1_001), "61").gets(&adds(3, 600), "00");
    world.gets(&adds(4, 401), "61").gets(&adds(5, 400), "00").leaves(2_000, 0);
    world.gets(&reversal_of(&adds(5, 400), 6), "00").gets(&adds(7, 400), "00").gets(&adds(8, 1), "61");
    world
        .gets(&reversal_of(&purchase(1), 9), "00")
        .gets(&Request { amount_minor: 2_000, ..purchase(10) }, "00");
    world.replays();
}

#[test]
fn the_stand_in_set_decides_where_it_is_switched_on_asked_for_or_the_budget_is_spent() {
    let rules = |mode: &str| {
        format!(
            r#"
            [[rule]]
            name = "host"
            when = "pos.pin"
            stand_in = true
            [[limit]]
            name = "usual"
            scope = "card"
            window = "day"
            count = 1
            [stand_in]
            mode = "{mode}"
            on = ["rule", "budget"]
            [[stand_in.rule]]
            name = "small"
            when = "request.amount > 1000"
            decline = "91"
            [[stand_in.limit]]
            name = "little"
            scope = "card"
            window = "day"
            amount = 2000
            "#
        )
    };
    let pin = |stan, amount_minor| Request { marks: Marks::PIN, amount_minor, ..purchase(stan) };
    let world = ruled(&rules("auto"));
    world.gets(&pin(1, 1_001), "91").gets(&pin(2, 1_000), "00");
    assert_eq!(Missing::from_number(said(&world).stand_in), Some(Missing::Rule));
    let late = |stan| world.decide_at(&purchase(stan), Lateness::BudgetSpent).code;
    assert_eq!(late(3).as_str(), "00");
    assert_eq!((said(&world).stand_in, said(&world).rule), (Missing::Budget as u8, 0));
    assert_eq!(late(4).as_str(), "61");
    assert_eq!((last(&world).refusal, said(&world).limit), (Refusal::LimitAmount, 1));
    // The usual set is as it was.
    world.gets(&purchase(5), "00").gets(&purchase(6), "65");
    assert_eq!(said(&world).stand_in, 0);
    world.rule_by(&rules("on")).gets(&purchase(7), "61").rule_by(&rules("off"));
    assert_eq!(Missing::from_number(said(&world).stand_in), Some(Missing::Switched));
    world.gets(&pin(8, 2_000), "65");
    assert_eq!(late(9).as_str(), "91");
    let counts = world.desk.standing().stand_ins().map(|(missing, tally)| (missing.name(), tally.get()));
    assert_eq!(counts, [("switched", 1), ("rule", 2), ("budget", 2), ("verification", 0)]);
    world.replays();
}

#[test]
fn exchanging_the_rules_keeps_the_counters_of_what_stays() {
    let limit = |name: &str, window: &str, count| {
        format!("[[limit]]\nname = \"{name}\"\nscope = \"card\"\nwindow = \"{window}\"\ncount = {count}\n")
    };
    let world = ruled(&limit("l", "day", 1));
    world.gets(&purchase(1), "00").gets(&purchase(2), "65");
    // More of the same window, another place in the file, another window, and back.
    world
        .rule_by(&(limit("first", "year", 9) + &limit("l", "day", 2)))
        .gets(&purchase(3), "00")
        .gets(&purchase(4), "65");
    world
        .rule_by(&limit("l", "week", 2))
        .gets(&purchase(5), "00")
        .gets(&purchase(6), "00")
        .gets(&purchase(7), "65");
    world.rule_by(&limit("l", "day", 3)).gets(&purchase(8), "00").gets(&purchase(9), "65");
    // Reversals give back to the counters in which a purchase counted, whatever is in force by then.
    world.gets(&reversal_of(&purchase(5), 10), "00").gets(&purchase(11), "65");
    world.rule_by(&limit("l", "week", 2)).gets(&purchase(12), "00").gets(&purchase(13), "65").replays();
}

#[test]
fn evaluating_changes_nothing_and_says_what_would_be_answered_and_why() {
    let world = ruled(LIMITS);
    world.gets(&purchase(1), "00").gets(&purchase(2), "00");
    let (hash, records) = (world.state_hash(), world.sink.records().len());
    let tried = world.desk.evaluate(&purchase(3), &world.terms, NOON);
    assert_eq!((tried.decision.code.as_str(), tried.decision.refusal), ("65", Refusal::LimitCount));
    assert_eq!(tried.record.unwrap().ruled.limit, 1);
    let (last, passed) = tried.checks.split_last().unwrap();
    assert_eq!((last.name, last.which.as_str(), last.refusal), ("limit", "card-hour", Refusal::LimitCount));
    assert!(passed.iter().all(|check| check.refusal == Refusal::None), "{passed:?}");
    let shown: Vec<_> = last.inputs.iter().map(|(name, value)| format!("{name} {value}")).collect();
    assert_eq!(
        shown,
        [
            "mode active",
            "scope card",
            "window 1h",
            "used 2",
            "more 1",
            "limit 2",
            "used amount 2000",
            "more amount 1000",
            "limit amount 2500"
        ]
    );
    let other = world.desk.evaluate(&Request { pan: Some(pan(2)), ..sale(4) }, &world.terms, NOON);
    assert_eq!((other.decision.code.as_str(), other.decision.approval.is_some()), ("00", true));
    assert_eq!(other.checks.last().unwrap().name, "funds");
    let again = world.desk.evaluate(&repeat_of(&purchase(1)), &world.terms, NOON);
    assert!(again.decision.repeat && again.record.is_none());
    for (message, code) in [
        (reversal_of(&purchase(1), 5), "00"),
        (advice_of(&purchase(6), b"00"), "00"),
        (Request { pan: None, ..purchase(7) }, "14"),
        (Request { expiry: 2001, ..purchase(8) }, "54"),
        (Request { amount_minor: 1_999, pan: Some(pan(2)), currency: 978, ..purchase(9) }, "57"),
    ] {
        let tried = world.desk.evaluate(&message, &world.terms, NOON);
        assert_eq!(tried.decision.code.as_str(), code);
    }
    assert_eq!((world.state_hash(), world.sink.records().len()), (hash, records));
    // What was tried is then done, with the same result.
    world.gets(&purchase(3), "65");
}

#[test]
fn a_zone_that_does_not_exist_is_named_with_its_limit() {
    let rules =
        "[[limit]]\nname = \"l\"\nscope = \"card\"\nwindow = \"day\"\ntime_zone = \"Mars/Base\"\ncount = 1\n";
    let set = RuleSet::from_toml(rules, "rules.toml", &mut |_| Err(String::new())).unwrap();
    let world = World::default();
    let error = Standing::new(policy(), set, 1, &[], &world.desk.portfolio).unwrap_err();
    assert!(error.contains("limit \"l\"") && error.contains("Mars/Base"), "{error}");
}

#[test]
fn many_threads_share_a_limit_to_the_last_one() {
    const THREADS: u32 = 8;
    const EACH: u32 = 200;
    let cards = (0..THREADS).map(CardPlan::of).collect::<Vec<_>>();
    let plan = Plan { accounts: vec![(840, 100 * FUNDS); THREADS as usize], cards, ..Plan::default() };
    let world = World::new(plan).ruled(
        "currency = \"USD\"\n[[limit]]\nname = \"all\"\nscope = \"global\"\nwindow = \"lifetime\"\ncount = 301\namount = 250000\n\
         [[limit]]\nname = \"own\"\nscope = \"account\"\nwindow = \"1h\"\ncount = 100\n",
    );
    let (desk, sink, terms) = (&world.desk, &world.sink, &world.terms);
    let approved: u32 = std::thread::scope(|scope| {
        let workers = (0..THREADS).map(|thread| {
            scope.spawn(move || {
                let mut approved = 0;
                for number in 0..EACH {
                    let stan = thread * EACH + number + 1;
                    let asked = Request { pan: Some(pan(thread.into())), ..purchase(stan) };
                    let code = desk.decide(&asked, terms, NOON, Lateness::InTime, sink).code;
                    approved += u32::from(code.is_approval());
                    // Every fifth is given back, and leaves room for somebody else's.
                    if code.is_approval() && number % 5 == 0 {
                        desk.decide(
                            &reversal_of(&asked, 100_000 + stan),
                            terms,
                            NOON,
                            Lateness::InTime,
                            sink,
                        );
                        approved -= 1;
                    }
                }
                approved
            })
        });
        workers.collect::<Vec<_>>().into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    // 10.00 each: the amount is used up before the count.
    let usage = desk.usage(&purchase(0), terms, NOON);
    assert_eq!((usage[0].used_count, usage[0].used_minor), (approved, i64::from(approved) * 1_000));
    assert_eq!((usage[0].left_minor, approved), (Some(0), 250));
    world.replays();
}

#[test]
fn a_shadow_limit_in_a_currency_without_a_rate_declines_nothing() {
    let limit = |mode: &str| {
        format!(
            "currency = \"EUR\"\n[[limit]]\nname = \"all\"\nscope = \"global\"\nwindow = \"day\"\ncount = 1\nmode = \"{mode}\"\n"
        )
    };
    let world = ruled(&limit("shadow"));
    world.gets_all(&[purchase(1), purchase(2)], "00");
    assert!(last(&world).counts.is_empty());
    world.replays();
    ruled(&limit("active")).gets(&purchase(1), "57");
}
