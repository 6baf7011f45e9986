//! Rule files that are wrong: every mistake is listed, with line, column and words; and files that are right.

#![allow(clippy::unwrap_used)]

use authswitch::rules::{Effect, Facts, MANUAL, Mode, On, RuleSet, Scope, StandInMode, Window};

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
    ("merchant.country in [\"USA\", \"UK\"]", 21, "\"UK\" is not a country of ISO 3166"),
    ("acquirer.country == \"Germany\"", 21, "is not a country of ISO 3166"),
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
        let placed = found[0].starts_with(&place) || *column == 0 && found[0].starts_with(whole);
        if !placed || !found[0].contains(words) {
            wrong.push(format!("{when}: expected {place}{words}, found {}", found[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A file, and how each of its mistakes is shown, in order.
const WRONG_FILES: &[(&str, &[&str])] = &[
    ("name = 1\n", &["f:1:1: unknown key \"name\": expected one of currency, lists"]),
    ("[[rule]\n", &["f:1:8: "]),
    ("currency = \"US\"\n", &["f:1:12: expected a currency of ISO 4217"]),
    ("currency = 840\n", &["f:1:12: expected a text in quotes"]),
    ("[rule]\nname = \"a\"\n", &["f:1:1: expected a list in brackets"]),
    (
        "[[rule]]\nwhen = \"true\"\n[[rule]]\nname = \"a\"\n",
        &[
            "f:1:1: the rule needs a name",
            "f:1:1: the rule needs an effect",
            "f:4:8: the rule needs when",
            "f:4:8: the rule needs an effect",
        ],
    ),
    (
        "[[rule]]\nname = \"A b\"\nwhen = \"true\"\ndecline = \"5\"\nmode = \"of\"\npriority = 9999999\n",
        &[
            "f:2:8: a name must be 1 to 64",
            "f:4:11: expected a DE39",
            "f:5:8: expected one of active, shadow, off",
            "f:6:12: must be -1,000,000 to 1,000,000, not 9,999,999",
        ],
    ),
    (
        "[[rule]]\nname = \"a\"\nwhen = \"true\"\ntag = \"x\"\n[[rule]]\nname = \"a\"\nwhen = \"true\"\ntag = \"x\"\n",
        &["f:6:8: there is a rule \"a\" before this one"],
    ),
    (
        "[[rule]]\nname = \"a\"\nwhen = \"true\"\ntag = \"x\"\ndecline = \"05\"\n",
        &["f:5:1: a rule has one effect, and this is one more"],
    ),
    ("[[rule]]\nname = \"a\"\nwhen = \"true\"\nrequire = \"true\"\n", &["f:2:8: require needs decline"]),
    ("[[rule]]\nname = \"a\"\nwhen = \"true\"\ndecline = \"00\"\n", &["f:4:11: 00 approves"]),
    ("[[rule]]\nname = \"a\"\nwhen = \"true\"\nstand_in = false\n", &["f:4:12: expected true"]),
    (
        "[[rule]]\nname = \"a\"\nwhen = \"true\"\napprove_up_to = \"pos.chip\"\n",
        &["f:4:18: expected a whole number (int), found bool"],
    ),
    ("[[rule]]\nname = \"a\"\nwhen = \"true\"\napprove_up_to = -1\n", &["f:4:17: must be 0 to"]),
    (
        "[[stand_in.rule]]\nname = \"a\"\nwhen = \"true\"\nstand_in = true\n",
        &["f:4:1: the stand-in set cannot hand over to itself"],
    ),
    (
        "[stand_in]\nmode = \"auto\"\n",
        &["f:1:2: a stand-in set without rules and limits would approve everything"],
    ),
    ("[stand_in]\nmode = \"off\"\n", &[]),
    (
        "[stand_in]\nmode = \"maybe\"\non = [\"budget\", \"rain\"]\n",
        &["f:2:8: expected one of auto, on, off", "f:3:17: expected one of budget"],
    ),
    (
        "[lists.bad-name]\nof = \"text\"\nvalues = [1]\n[lists.in]\nof = \"numbr\"\n",
        &[
            "f:1:8: conditions use this name",
            "f:3:11: expected a text",
            "f:4:8: conditions use this name",
            "f:4:8: the list needs file or values",
            "f:5:6: expected one of number",
        ],
    ),
    ("[lists.a]\nof = \"text\"\nvalues = []\nfile = \"x\"\n", &["f:4:1: either file or values"]),
    ("[lists.a]\nof = \"text\"\nfile = \"x\"\n", &["f:3:8: x: there are no files here"]),
    (
        "[lists.a]\nof = \"card\"\nvalues = [\"4111110000000013\"]\n",
        &["f:3:1: card numbers stand in a file of their own"],
    ),
    (
        "[groups.a]\ncategories = [\"1\", \"4000-3000\", 7995]\n[groups.b]\n",
        &[
            "f:2:15: expected a merchant category",
            "f:2:20: expected a merchant",
            "f:2:33: expected a text",
            "f:3:9: the group needs categories",
        ],
    ),
];

#[test]
fn a_country_is_the_same_in_two_letters_three_letters_and_digits() {
    let file = |when: &str| {
        format!(
            "[lists.watched]\nof = \"country\"\nvalues = [\"IRN\", \"408\", \"SY\"]\n[lists.texts]\nof = \"text\"\n\
             values = [\"IRN\", \"408\"]\n[[rule]]\nname = \"a\"\nwhen = '{when}'\ndecline = \"57\"\n"
        )
    };
    let holds = |when: &str, merchant: u16, acquirer: u16| {
        let set = RuleSet::from_toml(&file(when), "f", &mut |_| Err("none".into()));
        let set = set.unwrap_or_else(|problems| panic!("{}", problems.report()));
        let mut facts = Facts::default();
        facts.set_countries(merchant, acquirer);
        set.rules()[0].matches(&facts)
    };
    const UNKNOWN: u16 = 0;
    for (when, yes, no) in [
        ("merchant.country == \"USA\"", 840, 276),
        ("merchant.country == \"840\"", 840, 276),
        ("\"US\" == merchant.country", 840, 276),
        ("merchant.country != \"DEU\"", 840, 276),
        ("merchant.country in [\"DEU\", \"040\", \"FR\"]", 40, 840),
        ("!(merchant.country in [\"DEU\", \"840\"])", 250, 840),
        ("merchant.country in lists.watched", 364, 840),
        ("merchant.country in lists.watched", 408, UNKNOWN),
        ("merchant.country in lists.texts", 408, 760),
        ("merchant.country in [\"unknown\", \"US\"]", UNKNOWN, 276),
        ("merchant.country == \"\"", UNKNOWN, 276),
        ("merchant.country_code == 840", 840, 276),
    ] {
        assert!(holds(when, yes, no) && !holds(when, no, yes), "{when}");
        // The acquirer's country is an attribute of its own.
        let acquirer = when.replace("merchant.country", "acquirer.country");
        assert!(holds(&acquirer, no, yes) && !holds(&acquirer, yes, no), "{acquirer}");
    }
    assert!(holds("merchant.country == acquirer.country", 840, 840));
    let no_text = file("merchant.country in lists.texts").replace("\"IRN\", \"408\"]", "\"shop\"]");
    for (text, found) in [
        (file("true").replace("\"SY\"", "\"UK\""), "f:3:25: \"UK\" is not a country of ISO 3166"),
        (no_text, "lists.texts: \"shop\" is not a country of ISO 3166"),
        (file("merchant.id in lists.watched"), "lists.watched is of \"country\", and this is string"),
    ] {
        let shown = mistakes(&text).join("; ");
        assert!(shown.contains(found), "{found} in {shown}");
    }
}

#[test]
fn every_mistake_of_a_file_is_listed() {
    let mut wrong: Vec<String> = Vec::new();
    for (text, expected) in WRONG_FILES {
        let found = mistakes(text);
        let alike =
            found.len() == expected.len() && found.iter().zip(*expected).all(|(f, e)| f.starts_with(e));
        if !alike {
            wrong.push(format!("{text}\n  expected {expected:#?}\n  found {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn entries_of_list_files_are_named_by_line_and_not_shown() {
    let text =
        "[lists.cards]\nof = \"card\"\nfile = \"cards.txt\"\n[lists.n]\nof = \"number\"\nfile = \"n.txt\"\n";
    let mut files = |name: &str| {
        Ok(match name {
            "cards.txt" => b"# mine\n4111110000000013 # good\n\n41111100000000130000\n".to_vec(),
            _ => b"5\nx5\n\xFF\n".to_vec(),
        })
    };
    let problems = RuleSet::from_toml(text, "f", &mut files).unwrap_err();
    let found: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
    let expected = [
        "f:3:8: cards.txt, line 4: expected a card number of 8 to 19 digits",
        "f:6:8: n.txt, line 2: expected a whole number",
        "f:6:8: n.txt, line 3: expected ASCII",
    ];
    assert_eq!(found, expected);
    assert!(!problems.report().contains("41111"));
}

#[test]
fn too_many_are_refused() {
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let rule = |n: usize| format!("[[rule]]\nname=\"r{n}\"\nwhen=\"true\"\ntag=\"t{}\"\n", n % 64);
    assert_eq!(mistakes(&many(4_096, &rule)), Vec::<String>::new());
    assert!(mistakes(&many(4_097, &rule))[0].contains("at most 4096 rules, not 4097"));
    let limit = |n: usize| format!("[[limit]]\nname=\"l{n}\"\nscope=\"card\"\nwindow=\"day\"\ncount=1\n");
    assert_eq!(mistakes(&many(32, &limit)), Vec::<String>::new());
    assert!(mistakes(&many(33, &limit))[0].contains("at most 32 limits, not 33"));
    let tag = |n: usize| format!("[[rule]]\nname=\"r{n}\"\nwhen=\"true\"\ntag=\"t{n}\"\n");
    assert!(mistakes(&many(65, &tag))[0].contains("at most 64 different tags"));
    let list = |entries: usize| {
        let text = "[lists.n]\nof = \"number\"\nfile = \"n\"\n";
        let content = "7\n".repeat(entries).into_bytes();
        let result = RuleSet::from_toml(text, "f", &mut |_| Ok(content.clone()));
        result.err().map_or(String::new(), |problems| problems.to_string())
    };
    assert!(list(4_000_001).contains("n, line 4000001: the lists have more than 4000000 entries together"));
}
