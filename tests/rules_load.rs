//! Rule files that are wrong: every mistake is listed, with line, column and words; and files that are right.

#![allow(clippy::unwrap_used)]

use authswitch::rules::{Effect, MANUAL, Mode, On, RuleSet, Scope, StandInMode, Window};

fn no_files(name: &str) -> Result<Vec<u8>, String> {
    Err(format!("{name}: there are no files here"))
}

fn mistakes(text: &str) -> Vec<String> {
    let problems = RuleSet::from_toml(text, "f", &mut no_files).err();
    problems.map_or(vec![], |problems| problems.list().iter().map(ToString::to_string).collect())
}

/// A rule whose condition is this.
fn rule(when: &str) -> String {
    format!("[[rule]]\nname = \"r\"\ndecline = \"05\"\nwhen = '{when}'\n")
}

#[test]
fn the_manual_is_a_rule_file_with_everything() {
    let set = RuleSet::from_toml(MANUAL, "rules.toml", &mut no_files).unwrap_or_else(|all| panic!("{all}"));
    let names: Vec<&str> = set.rules().iter().map(|rule| rule.name()).collect();
    // By priority, then as in the file.
    assert_eq!(names[0], "large-cash-needs-chip");
    assert_eq!(names.last(), Some(&"no-gambling-abroad"));
    assert_eq!(set.currency(), 840);
    assert_eq!(set.tags(), ["travel"]);
    assert!(set.rules().iter().any(|rule| matches!(rule.effect(), Effect::StandIn)));
    assert!(set.rules().iter().any(|rule| rule.mode() == Mode::Shadow));
    let limit = &set.limits()[0];
    assert_eq!(
        (limit.scope(), limit.window(), limit.time_zone()),
        (Scope::Card, Window::Day, "Europe/Berlin")
    );
    assert_eq!(&MANUAL[limit.time_zone_at()], "\"Europe/Berlin\"");
    assert_eq!(set.stand_in().mode(), StandInMode::Auto);
    assert!(set.stand_in().covers(On::Rule) && !set.stand_in().covers(On::Error));
    assert_eq!(set.stand_in().rules().list().len() + set.stand_in().limits().len(), 2);
    assert_ne!(set.version(), RuleSet::empty().version());
}

/// Condition, column of the mistake within it (from 1), what the message must say.
const WRONG_CONDITIONS: &[(&str, usize, &str)] = &[
    ("request.amont > 5", 1, "unknown attribute \"request.amont\""),
    ("amount > 5", 1, "unknown attribute \"amount\""),
    ("merchant.category in lists.nothing", 22, "unknown list \"nothing\""),
    ("merchant.category in groups.nothing", 22, "unknown group \"nothing\""),
    ("request.amount", 1, "expected a condition (bool), found int"),
    ("request.amount > \"5\"", 16, "cannot compare int with string"),
    ("request.amount && true", 1, "expected a condition (bool), found int"),
    ("pos.chip > pos.pin", 10, "cannot compare bool with bool"),
    ("request.amount > 5.0", 18, "not supported"),
    ("request.amount > 5u", 18, "not supported"),
    ("b\"x\" == b\"x\"", 1, "not supported"),
    ("{1: 2} == {1: 2}", 1, "not supported"),
    ("[1, 2].exists(x, x == request.amount)", 14, "not supported"),
    ("timestamp(\"2020-01-01T00:00:00Z\") == 1", 10, "not supported"),
    ("request.amount in [1, \"a\"]", 23, "not both"),
    ("request.amount in [1, request.stan]", 23, "lists hold constants"),
    ("request.amount in []", 19, "empty list"),
    ("merchant.id in [1]", 13, "cannot look up string in list of ints"),
    ("card.number == 1", 13, "only be looked up"),
    ("card.number in [1]", 13, "only be looked up"),
    (
        "account.available * 1000 > 5",
        19,
        "may overflow: the result is -9,999,999,999,999,999,000 to 9,999,999,999,999,999,000",
    ),
    ("request.amount / account.held > 5", 16, "may divide by zero: the divisor is -9,999,999,999,999,999"),
    ("request.amount % request.fee == 5", 16, "may divide by zero"),
    ("-(-9223372036854775807 - 1) == 0", 1, "may overflow"),
    ("request.type == \"purchse\"", 17, "is never \"purchse\": it is one of purchase"),
    ("merchant.country in [\"USA\"]", 21, "two capital letters"),
    ("merchant.id == \"0123456789012345678901234567890x\"", 16, "at most 31 characters, not 32"),
    ("merchant.id == \"x \"", 16, "ends in a space"),
    ("merchant.id == \"\\u00e9\"", 16, "printable ASCII"),
    ("request.amount > 99999999999999999999", 18, "not a condition of CEL"),
    ("request.amount > ", 18, "not a condition of CEL"),
    ("request.amount > 5)", 19, "not a condition of CEL"),
    ("", 0, "a condition is missing"),
    ("request.amount > 5 // é", 23, "a condition is ASCII"),
    ("pos.chip ? 1 : true", 16, "one branch is int, the other bool"),
    ("merchant.id.matches(\"x\")", 20, "not supported"),
    ("has(merchant.id)", 5, "not supported"),
    ("merchant.id + \"x\" == \"x\"", 1, "expected a whole number (int), found string"),
];

#[test]
fn every_wrong_condition_is_shown_at_its_place() {
    let mut wrong: Vec<String> = Vec::new();
    for (when, column, words) in WRONG_CONDITIONS {
        let found = mistakes(&rule(when));
        assert_eq!(found.len(), 1, "{when}: {found:?}");
        // `when = '` takes eight columns; what is said of all the condition stands at the quote.
        let place = format!("f:4:{}: ", column + 8);
        let whole = "f:4:8: ";
        assert!(found[0].contains(words), "{when}: {}", found[0]);
        assert!(
            found[0].starts_with(&place) || *column == 0 && found[0].starts_with(whole),
            "{when}: {}",
            found[0]
        );
    }
}
