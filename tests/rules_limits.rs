//! Definitions of limits: which counter a message meets, what counts, and what is refused.

#![allow(clippy::unwrap_used)]

use authswitch::message::Pan;
use authswitch::rules::{Facts, Limit, RuleSet, Text, Window};

fn read(limit: &str) -> Result<Limit, String> {
    let text = format!(
        "currency = \"USD\"\n[groups.travel]\ncategories = [\"3000-3999\"]\n[groups.air]\ncategories = [\"3000\", \"4511\"]\n\
         [[limit]]\nname = \"l\"\n{limit}\n"
    );
    let set = RuleSet::from_toml(&text, "f", &mut |_| Ok(vec![])).map_err(|problems| problems.to_string())?;
    Ok(set.limits()[0].clone())
}

fn facts() -> Facts {
    let mut facts = Facts {
        card_id: Some(1),
        account_id: Some(2),
        customer: Some(3),
        card_program: Text::of_field(b"gold"),
        merchant_id: Text::of_field(b"SHOP"),
        merchant_terminal: Text::of_field(b"T1"),
        merchant_category: 3_000,
        request_acquirer: 9,
        ..Facts::default()
    };
    facts.set_card(Pan::from_digits(b"4111110000000013").unwrap());
    facts.set_countries(276, 0);
    facts
}

#[test]
fn each_scope_tells_apart_what_it_counts() {
    type Change = fn(&mut Facts);
    // Scope, a change that meets another counter, one that meets the same, one that meets none.
    let table: [(&str, Change, Change, Change); 9] = [
        ("card", |f| f.card_id = Some(7), |f| f.account_id = Some(7), |f| f.card_id = None),
        ("account", |f| f.account_id = Some(7), |f| f.card_id = Some(7), |f| f.account_id = None),
        ("customer", |f| f.customer = Some(7), |f| f.card_id = Some(7), |f| f.customer = None),
        (
            "bin\"\nbins = [\"411111\", \"42000000-42999999\"]#",
            |f| f.set_card(Pan::from_digits(b"4299999900000013").unwrap()),
            |f| f.set_card(Pan::from_digits(b"4111119900000013").unwrap()),
            |f| f.set_card(Pan::from_digits(b"4300000000000013").unwrap()),
        ),
        ("program", |f| f.card_program = Text::of_field(b"blue"), |_| (), |f| f.card_program = Text::EMPTY),
        (
            "merchant",
            |f| f.request_acquirer = 8,
            |f| f.merchant_category = 1,
            |f| f.merchant_id = Text::EMPTY,
        ),
        (
            "terminal",
            |f| f.merchant_terminal = Text::of_field(b"T2"),
            |f| f.merchant_id = Text::EMPTY,
            |f| f.merchant_terminal = Text::EMPTY,
        ),
        (
            "category-group",
            |f| f.merchant_category = 4_511,
            |f| f.merchant_category = 3_500,
            |f| f.merchant_category = 1,
        ),
        (
            "country",
            |f| f.set_countries(250, 276),
            |f| f.set_countries(276, 250),
            |f| f.set_countries(0, 276),
        ),
    ];
    for (scope, other, same, none) in table {
        let limit = read(&format!("scope = \"{scope}\"\nwindow = \"day\"\ncount = 1")).unwrap();
        let value = |change: Change| {
            let mut facts = facts();
            change(&mut facts);
            limit.scope_value(&facts)
        };
        let base = value(|_| ());
        assert!(base.is_some(), "{scope}");
        assert!(value(other).is_some() && value(other) != base, "{scope}");
        assert_eq!(value(same), base, "{scope}");
        assert_eq!(value(none), None, "{scope}");
    }
    let global = read("scope = \"global\"\nwindow = \"day\"\ncount = 1").unwrap();
    assert_eq!(global.scope_value(&Facts::default()), Some(0));
}

#[test]
fn counters_keep_their_names_between_versions() {
    // Kept counts are found by these values: a change here loses every count.
    let expected = [
        ("merchant", 819_726_159_129_669_241),
        ("country", 9_570_746_627_894_484_610),
        ("category-group", 8_516_307_679_825_396_128),
    ];
    let found = expected.map(|(scope, _)| {
        let limit = read(&format!("scope = \"{scope}\"\nwindow = \"day\"\ncount = 1")).unwrap();
        (scope, limit.scope_value(&facts()).unwrap())
    });
    assert_eq!(found, expected);
}

#[test]
fn the_merchants_and_the_acquirers_country_are_two() {
    let mut facts = Facts::default();
    for (merchant, acquirer, letters) in
        [(840, 250, ["US", "FR"]), (0, 840, ["", "US"]), (8, 0, ["AL", ""]), (999, 10, ["", "AQ"])]
    {
        facts.set_countries(merchant, acquirer);
        assert_eq!([facts.merchant_country.as_str(), facts.acquirer_country.as_str()], letters);
        let codes = (facts.merchant_country_code, facts.acquirer_country_code);
        assert_eq!(codes, (merchant.into(), acquirer.into()));
    }
}

#[test]
fn windows_are_times_and_parts_of_the_calendar() {
    let table = [
        ("30s", Window::Trailing(30)),
        ("90m", Window::Trailing(5_400)),
        ("24h", Window::Trailing(86_400)),
        ("400d", Window::Trailing(34_560_000)),
        ("week", Window::Week),
        ("lifetime", Window::Lifetime),
    ];
    for (text, window) in table {
        let limit = read(&format!("scope = \"card\"\nwindow = \"{text}\"\ncount = 1")).unwrap();
        assert_eq!(limit.window(), window);
        assert_eq!(limit.window().to_string(), text.replace("24h", "1d"));
    }
    for wrong in ["29s", "401d", "1w", "d", "-1d", "1.5h", "", "9999999999d", "1 d"] {
        let problem = read(&format!("scope = \"card\"\nwindow = \"{wrong}\"\ncount = 1")).unwrap_err();
        assert!(problem.contains("f:9:10: expected a time of 30s to 400d"), "{problem}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let table = [
        ("scope = \"card\"\nwindow = \"day\"", "needs count, amount or both"),
        ("scope = \"card\"\nwindow = \"transaction\"\ncount = 1", "has no count"),
        ("scope = \"card\"\nwindow = \"1h\"\ncount = 1\ntime_zone = \"UTC\"", "time_zone is for the windows"),
        ("scope = \"bin\"\nwindow = \"1h\"\ncount = 1", "scope bin needs bins"),
        ("scope = \"card\"\nwindow = \"1h\"\ncount = 1\nbins = [\"411111\"]", "other scopes have none"),
        ("scope = \"bin\"\nwindow = \"1h\"\ncount = 1\nbins = [\"4111\"]", "six or eight digits"),
        ("scope = \"bin\"\nwindow = \"1h\"\ncount = 1\nbins = [\"411111-41111199\"]", "six or eight digits"),
        ("scope = \"crad\"\nwindow = \"1h\"\ncount = 1", "expected one of card, account"),
        ("scope = \"card\"\ncount = 1", "the limit needs window"),
        ("scope = \"card\"\nwindow = \"1h\"\ncount = 0", "must be 1 to 1,000,000,000, not 0"),
        ("scope = \"card\"\nwindow = \"1h\"\namount = -5", "must be 1 to 999,999,999,999,999, not -5"),
        ("scope = \"card\"\nwindow = \"1h\"\ncount = 1\ndecline_count = \"00\"", "00 approves"),
        ("scope = \"card\"\nwindow = \"day\"\ncount = 1\ntime_zone = \"a b\"", "by its IANA name"),
        ("scope = \"card\"\nwindow = \"day\"\ncount = 1\nwhen = \"1\"", "expected a condition"),
    ];
    for (limit, words) in table {
        let problem = read(limit).unwrap_err();
        assert!(problem.contains(words), "{limit}: {problem}");
    }
    let alone = "[[limit]]\nname = \"l\"\nscope = \"global\"\nwindow = \"day\"\namount = 5\n";
    let problems = RuleSet::from_toml(alone, "f", &mut |_| Ok(vec![])).unwrap_err();
    assert!(problems.to_string().contains("f:2:8: an amount across accounts needs the currency"));
}
