//! What is legal in a rule set and looks wrong: rules that never match, always match, or never get their turn, and rules
//! that contradict each other. "Proved" is said only of what holds for every message there can be.

use super::bounds::{admitted, is_of_one};
use super::condition::Test;
use super::rule::{Effect, Mode, Rule};
use super::samples::Samples;
use super::{Attribute, Facts, Rules};

/// How a finding is known.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// It holds for every message; where one shows it, the attribute values of that message.
    Proved(Option<Vec<(Attribute, String)>>),
    /// No message against it among so many that were made to meet the rules.
    NoWitness(usize),
}

/// What looks wrong.
#[derive(Clone, Debug)]
pub enum Suspicion {
    /// The rule matches no message.
    NeverMatches,
    /// The rule matches every message.
    AlwaysMatches,
    /// An earlier rule, by its index, declines everything that this one would decline, limit or hand over.
    Unreachable(usize),
    /// An earlier rule, by its index, matches the same messages and does something else.
    Contradicts(usize),
}

/// One thing that looks wrong about one rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule's index.
    pub rule: usize,
    /// What looks wrong.
    pub suspicion: Suspicion,
    /// How it is known.
    pub evidence: Evidence,
}

/// Looks at every rule that is not off, with `samples` messages for each where nothing is proved. `progress` hears the
/// index of each rule before it is looked at.
#[must_use]
pub fn lint(rules: &Rules, samples: usize, progress: &mut dyn FnMut(usize)) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, rule) in rules.list().iter().enumerate().filter(|(_, rule)| rule.mode != Mode::Off) {
        progress(index);
        let mut add = |suspicion, evidence| found.push(Finding { rule: index, suspicion, evidence });
        if admits_nothing(&rule.test, true) {
            add(Suspicion::NeverMatches, Evidence::Proved(None));
            continue;
        }
        let mut row = Samples::of(&[rule]);
        let matching = (0..samples).map(|_| row.draw()).filter(|facts| rule.matches(facts));
        let matching: Vec<Facts> = matching.take(64).collect();
        if matching.is_empty() {
            add(Suspicion::NeverMatches, Evidence::NoWitness(samples));
            continue;
        }
        // `true` is written by those who mean it.
        if rule.test != Test::Always(true) && admits_nothing(&rule.test, false) {
            add(Suspicion::AlwaysMatches, Evidence::Proved(None));
        }
        if let Some((earlier, evidence)) = unreachable(rules, index, &matching) {
            add(Suspicion::Unreachable(earlier), evidence);
        }
        if let Some(earlier) = contradicted(rules, index) {
            let witness = matching.first().map(|facts| witness(facts, &[rule, &rules.list()[earlier]]));
            add(Suspicion::Contradicts(earlier), Evidence::Proved(witness));
        }
    }
    found
}

/// Whether the test cannot come out as `holds`: for one attribute no value is left.
fn admits_nothing(test: &Test, holds: bool) -> bool {
    let mut none = matches!(test, Test::Always(value) if *value != holds);
    test.mentions(&mut |mention| {
        if let super::condition::Mention::Asked(attribute) = mention {
            none = none || admitted(test, holds, attribute).is_some_and(|values| values.is_empty());
        }
    });
    none
}

/// Whether every message that satisfies `narrow` satisfies `wide`: each conjunct of `wide` stands in `narrow` too, or
/// speaks of one attribute of which `narrow` admits nothing else.
fn implies(narrow: &Test, wide: &Test) -> bool {
    wide.conjuncts().iter().all(|part| {
        let same = *part == Test::Always(true) || narrow.conjuncts().contains(part);
        same || is_of_one(part).is_some_and(|of| {
            match (admitted(part, true, of), admitted(narrow, true, of)) {
                (Some(wide), Some(narrow)) => wide.covers(&narrow),
                _ => false,
            }
        })
    })
}

/// Whether an earlier decline leaves nothing for the rule to do. A tag counts beside a decline, so it is always reached.
fn unreachable(rules: &Rules, index: usize, matching: &[Facts]) -> Option<(usize, Evidence)> {
    let rule = &rules.list()[index];
    if rule.mode != Mode::Active || matches!(rule.effect, Effect::Tag(_)) {
        return None;
    }
    let before = || {
        let earlier = rules.list().iter().enumerate().take(index);
        earlier.filter(|(_, rule)| rule.mode == Mode::Active && declines(rule))
    };
    if let Some((earlier, by)) = before().find(|(_, by)| implies(&rule.test, &by.test)) {
        let shown = matching.first().map(|facts| witness(facts, &[rule, by]));
        return Some((earlier, Evidence::Proved(shown)));
    }
    // Not one alone, but perhaps several together.
    let taken = |facts: &Facts| before().find(|(_, by)| by.matches(facts)).map(|(earlier, _)| earlier);
    let first = taken(matching.first()?)?;
    let all = matching.len() >= 8 && matching.iter().all(|facts| taken(facts).is_some());
    all.then_some((first, Evidence::NoWitness(matching.len())))
}

fn declines(rule: &Rule) -> bool {
    matches!(rule.effect, Effect::Decline(_) | Effect::Require(_))
}

/// An earlier rule of the same mode that matches exactly the same messages with another effect. Tags contradict nothing.
fn contradicted(rules: &Rules, index: usize) -> Option<usize> {
    let rule = &rules.list()[index];
    let differs = |by: &Rule| {
        let tags = matches!(rule.effect, Effect::Tag(_)) || matches!(by.effect, Effect::Tag(_));
        by.mode == rule.mode && !tags && by.effect != rule.effect
    };
    let earlier = rules.list().iter().enumerate().take(index).filter(|(_, by)| differs(by));
    let mut same = earlier.filter(|(_, by)| implies(&rule.test, &by.test) && implies(&by.test, &rule.test));
    same.next().map(|(earlier, _)| earlier)
}

/// What the rules read of a message.
fn witness(facts: &Facts, rules: &[&Rule]) -> Vec<(Attribute, String)> {
    let mut read: Vec<Attribute> = rules.iter().flat_map(|rule| rule.reads()).collect();
    read.sort_unstable();
    read.dedup();
    read.into_iter().map(|attribute| (attribute, facts.shown(attribute))).collect()
}
