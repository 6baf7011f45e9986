//! The text of a rule file and, behind a zero byte, its list files. No text makes the compiler panic or run away; its
//! problems have places in the text and show no card number; what compiles never fails, and its index loses no rule.
#![no_main]

use authswitch::rules::{Attribute, Facts, RuleSet, Samples, Verdict, lint};
use authswitch_fuzz::Input;
use libfuzzer_sys::fuzz_target;

/// Messages that each rule set is asked about.
const MESSAGES: usize = 16;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let Ok(text) = std::str::from_utf8(input.until(0)) else { return };
    let list = input.rest();
    let set = match RuleSet::from_toml(text, "fuzzed.toml", &mut |_| Ok(list.to_vec())) {
        Ok(set) => set,
        Err(problems) => {
            assert!(!problems.list().is_empty());
            for problem in problems.list() {
                is_placed(text, problem.line, problem.column, &problem.reason);
            }
            assert!(!shows_a_card(&problems.report()), "{problems}");
            return;
        }
    };
    assert_ne!(set.version(), 0);
    let rules: Vec<_> = set.rules().iter().chain(set.stand_in().rules().list()).collect();
    let mut samples = Samples::of(&rules);
    let (mut fast, mut plain) = (Verdict::default(), Verdict::default());
    for _ in 0..MESSAGES {
        let facts = samples.draw();
        is_bounded(&facts);
        for rules in [set.asked(), set.stand_in().rules()] {
            rules.evaluate(&facts, &mut fast);
            rules.evaluate_each(&facts, &mut plain);
            assert_eq!(fast, plain);
            assert!(rules.explain(&facts).len() <= rules.list().len());
        }
        for limit in set.limits().iter().chain(set.stand_in().limits()) {
            let _ = (limit.applies(&facts), limit.scope_value(&facts));
        }
    }
    if rules.len() < 20 {
        let _ = lint(set.asked(), 64, &mut |_| ());
    }
});

/// Lines and characters count from 1; a place may be the end of the text.
fn is_placed(text: &str, line: usize, column: usize, reason: &str) {
    assert!(!reason.is_empty());
    let there = text.split('\n').nth(line.wrapping_sub(1));
    let characters = there.map(|line| line.chars().count());
    assert!(
        characters.is_some_and(|characters| (1..=characters + 1).contains(&column)),
        "{line}:{column} is not in the text: {reason}"
    );
}

/// Thirteen digits in a row or more.
fn shows_a_card(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 13)
}

/// What is sampled is what conditions were checked for.
fn is_bounded(facts: &Facts) {
    let bounded = facts.bounded();
    for attribute in Attribute::ALL {
        assert_eq!(facts.shown(*attribute), bounded.shown(*attribute));
    }
}
