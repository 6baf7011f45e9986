//! What a rule set finds: order, first decline, lowest amount, tags, shadow rules; with the index as without it.

#![allow(clippy::unwrap_used)]

#[path = "rules/random.rs"]
mod random;

use authswitch::message::{Pan, ResponseCode};
use authswitch::rules::{Facts, RuleSet, Samples, Text, Verdict};
use random::Random;

fn set(text: &str) -> RuleSet {
    RuleSet::from_toml(text, "f", &mut |_| Ok(vec![])).unwrap_or_else(|problems| panic!("{problems}"))
}

fn name(set: &RuleSet, rule: u16) -> &str {
    set.rules()[usize::from(rule)].name()
}

const RULES: &str = r#"
[[rule]]
name = "late"
priority = 5
when = "request.amount > 100"
decline = "61"
[[rule]]
name = "early"
priority = -5
when = "request.amount > 200"
decline = "57"
[[rule]]
name = "half"
when = "request.amount > 10"
approve_up_to = "account.available / 2"
[[rule]]
name = "fifty"
when = "request.amount > 10"
approve_up_to = 50
[[rule]]
name = "needs-chip"
when = "request.type == 'cash'"
require = "pos.chip"
decline = "05"
[[rule]]
name = "one"
when = "pos.chip"
tag = "chip"
[[rule]]
name = "two"
when = "request.amount > 100"
tag = "large"
[[rule]]
name = "away"
when = "link.name == 'x'"
stand_in = true
[[rule]]
name = "would"
mode = "shadow"
when = "request.amount > 50"
decline = "59"
[[rule]]
name = "not-asked"
mode = "off"
when = "true"
decline = "96"
"#;

#[test]
fn effects_are_found_in_order() {
    let set = set(RULES);
    let facts = |amount: i64, kind: &str, entry: u16| Facts {
        request_amount: amount,
        account_available: 80,
        request_type: Text::of_field(kind.as_bytes()),
        pos_entry: entry,
        ..Facts::default()
    };
    let mut verdict = Verdict::default();
    // Amount, type, DE22; the decline, the amount, tags, and shadow rules expected.
    let table = [
        (5, "purchase", 0, None, None, 0, 0),
        (20, "purchase", 51, None, Some(("half", 40)), 1, 0),
        (60, "purchase", 0, None, Some(("half", 40)), 0, 1),
        (150, "purchase", 0, Some(("late", "61")), Some(("half", 40)), 2, 1),
        (250, "purchase", 51, Some(("early", "57")), Some(("half", 40)), 3, 1),
        (5, "cash", 0, Some(("needs-chip", "05")), None, 0, 0),
        (5, "cash", 51, None, None, 1, 0),
        (150, "cash", 0, Some(("needs-chip", "05")), Some(("half", 40)), 2, 1),
    ];
    for (amount, kind, entry, declined, up_to, tags, shadows) in table {
        set.evaluate(&facts(amount, kind, entry), &mut verdict);
        let found = verdict.active.declined.map(|(rule, code)| (name(&set, rule), code));
        let expected = declined.map(|(name, code)| (name, ResponseCode(code.as_bytes().try_into().unwrap())));
        assert_eq!(found, expected, "{amount} {kind} {entry}");
        let found = verdict.active.up_to.map(|(rule, minor)| (name(&set, rule), minor));
        assert_eq!((found, verdict.active.tags), (up_to, tags), "{amount} {kind} {entry}");
        assert_eq!(verdict.shadow_rules().len(), shadows);
        assert_eq!(verdict.shadow.declined.is_some(), shadows == 1, "a shadow rule would have declined");
    }
    // What cannot be below zero.
    let poor = Facts { request_amount: 20, account_available: -500, ..Facts::default() };
    set.evaluate(&poor, &mut verdict);
    assert_eq!(verdict.active.up_to.map(|(_, minor)| minor), Some(0));
    let away = Facts { link_name: Text::of_field(b"x"), ..Facts::default() };
    set.evaluate(&away, &mut verdict);
    assert_eq!(verdict.active.stand_in.map(|rule| name(&set, rule)), Some("away"));
    let explained = set.explain(&poor);
    let half = explained.iter().find(|rule| rule.name == "half").unwrap();
    assert!(half.matched && explained.iter().all(|rule| rule.name != "not-asked"));
    let read: Vec<_> =
        half.read.iter().map(|(attribute, value)| (attribute.name(), value.as_str())).collect();
    assert_eq!(read, [("request.amount", "20"), ("account.available", "-500")]);
}

#[test]
fn more_shadow_rules_than_are_named_are_counted() {
    let text: String = (0..100)
        .map(|n| format!("[[rule]]\nname = \"s{n}\"\nwhen = \"true\"\ntag = \"t\"\nmode = \"shadow\"\n"))
        .collect();
    let mut verdict = Verdict::default();
    set(&text).evaluate(&Facts::default(), &mut verdict);
    assert_eq!((verdict.shadow_count(), verdict.shadow_rules().len()), (100, 64));
    assert_eq!((verdict.shadow.tags, verdict.active.tags), (1, 0));
}

/// A condition on some of the attributes that the index knows, or any other, under every operator that it sees through.
fn condition(random: &mut Random) -> String {
    let [a, b, c] = [(); 3].map(|()| joined(random));
    match random.below(8) {
        0 => format!("!({a} && {b})"),
        1 => format!("!({a} || {b})"),
        2 => format!("(({a}) ? ({b}) : ({c}))"),
        3 => format!("!(({a}) ? ({b}) : ({c}))"),
        _ => a,
    }
}

fn joined(random: &mut Random) -> String {
    let number = |random: &mut Random, most: usize| random.below(most + 1).to_string();
    let mut parts = Vec::new();
    for _ in 0..=random.below(3) {
        let part = match random.below(9) {
            0 => format!("merchant.category in [{}, {}]", number(random, 9_999), number(random, 9_999)),
            1 => format!("merchant.country != \"{}\"", random.pick(&["US", "DE", "FR"])),
            2 => format!("merchant.country in [\"{}\", \"DE\"]", random.pick(&["US", "GB", "FR"])),
            3 => format!("merchant.country_code >= {}", number(random, 999)),
            4 => format!("!(card.bin > {})", number(random, 999_999)),
            5 => format!("pos.entry_mode in [5, {}]", number(random, 99)),
            6 => format!("(request.amount < {} || pos.chip)", number(random, 100_000)),
            7 => format!("request.type == \"{}\"", random.pick(&["purchase", "cash", "credit"])),
            _ => format!("({})", random.condition(2)),
        };
        parts.push(part);
    }
    parts.join(random.pick(&[" && ", " && ", " || "]))
}

#[test]
fn the_index_loses_no_rule_and_adds_none() {
    let mut random = Random::new(7);
    let mut matches = 0;
    for round in 0..15 {
        let count = [1, 3, 64, 65, 200][round % 5];
        let header = String::from(
            "[lists.numbers]\nof = \"number\"\nvalues = [1, 840]\n[lists.texts]\nof = \"text\"\nvalues = [\"US\"]\n\
             [groups.travel]\ncategories = [\"3000-3999\"]\n",
        );
        let (mut text, mut made) = (header.clone(), 0);
        while made < count {
            let when = condition(&mut random);
            let effect =
                random.pick(&["decline = \"05\"", "tag = \"t\"", "approve_up_to = 5", "stand_in = true"]);
            let mode = random.pick(&["active", "active", "shadow", "off"]);
            let rule = format!(
                "[[rule]]\nname = \"r{made}\"\nwhen = '''{when}'''\n{effect}\nmode = \"{mode}\"\npriority = {}\n",
                random.below(3)
            );
            let alone = format!("{header}{rule}");
            if RuleSet::from_toml(&alone, "f", &mut |_| Ok(vec![])).is_ok() {
                text.push_str(&rule);
                made += 1;
            }
        }
        let set = set(&text);
        let rules: Vec<_> = set.rules().iter().collect();
        let mut samples = Samples::of(&rules);
        let (mut fast, mut plain) = (Verdict::default(), Verdict::default());
        for _ in 0..200 {
            let facts = samples.draw();
            set.evaluate(&facts, &mut fast);
            set.asked().evaluate_each(&facts, &mut plain);
            assert_eq!(fast, plain, "{facts:?}\n{text}");
            matches += usize::from(plain.active.declined.is_some());
        }
    }
    assert!(matches > 1_000, "{matches}");
}

#[test]
fn a_list_of_a_million_is_looked_up() {
    let cards: String = (0..1_000_000_u64).map(|n| format!("{}\n", 4_000_000_000_000_000 + n * 7)).collect();
    let texts: String = (0..1_000_000).map(|n| format!("SHOP {n} # comment\n")).collect();
    let text = "[lists.cards]\nof = \"card\"\nfile = \"cards\"\n[lists.shops]\nof = \"text\"\nfile = \"shops\"\n\
        [[rule]]\nname = \"c\"\nwhen = \"card.number in lists.cards\"\ntag = \"c\"\n\
        [[rule]]\nname = \"s\"\nwhen = \"merchant.id in lists.shops\"\ntag = \"s\"\n";
    let mut files = |name: &str| Ok(if name == "cards" { cards.clone() } else { texts.clone() }.into_bytes());
    let set = RuleSet::from_toml(text, "f", &mut files).unwrap();
    assert_eq!(set.lists().map(|list| list.len()).collect::<Vec<_>>(), [1_000_000, 1_000_000]);
    let mut verdict = Verdict::default();
    for n in (0..7_000_000_u64).step_by(9_973) {
        let mut facts = Facts::default();
        facts.set_card(Pan::from_digits((4_000_000_000_000_000 + n).to_string().as_bytes()).unwrap());
        facts.merchant_id = Text::of_field(format!("SHOP {}   ", n / 4).as_bytes());
        set.evaluate(&facts, &mut verdict);
        let expected = u64::from(n % 7 == 0) | u64::from(n / 4 < 1_000_000) << 1;
        assert_eq!(verdict.active.tags, expected, "{n}");
    }
    // Another entry is another version.
    let mut other =
        |name: &str| Ok(if name == "cards" { cards.clone() } else { "SHOP 1".into() }.into_bytes());
    assert_ne!(RuleSet::from_toml(text, "f", &mut other).unwrap().version(), set.version());
}
