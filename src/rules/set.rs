//! A rule set as it is used: the rules in their order behind an index, the limits, the stand-in set.
//! Must not know files, nor what becomes of a verdict.

use super::file::{self, Draft};
use super::index::Index;
use super::list::{Group, List};
use super::problem::{Blame, Problems};
use super::rule::Effect;
use super::verdict::Findings;
use super::{Attribute, Facts, Limit, Mode, Rule, Verdict};
use std::ops::Range;
use std::sync::Arc;

/// Rules in the order in which they are asked: by priority, and of one priority as in the file.
#[derive(Debug, Default)]
pub struct Rules {
    list: Vec<Rule>,
    index: Index,
}

impl Rules {
    fn new(list: Vec<Rule>) -> Rules {
        let index = Index::new(list.iter().map(|rule| (&rule.test, rule.mode != Mode::Off)));
        Rules { list, index }
    }

    /// The rules, in their order; those that are off too.
    #[must_use]
    pub fn list(&self) -> &[Rule] {
        &self.list
    }

    /// Asks every rule that can match, and leaves in `verdict` what they found; touches no heap.
    pub fn evaluate(&self, facts: &Facts, verdict: &mut Verdict) {
        verdict.clear();
        self.index.candidates(facts, |index| {
            if let Some(rule) = self.list.get(index) {
                // There are at most 4,096 rules.
                ask(rule, index as u16, facts, verdict);
            }
        });
    }

    /// The same without the index: what [`Rules::evaluate`] must agree with.
    pub fn evaluate_each(&self, facts: &Facts, verdict: &mut Verdict) {
        verdict.clear();
        for (index, rule) in self.list.iter().enumerate().filter(|(_, rule)| rule.mode != Mode::Off) {
            ask(rule, index as u16, facts, verdict);
        }
    }

    /// Every rule that is not off with what it made of these facts, for people.
    #[must_use]
    pub fn explain(&self, facts: &Facts) -> Vec<Explained> {
        let asked = self.list.iter().enumerate().filter(|(_, rule)| rule.mode != Mode::Off);
        let explained = asked.map(|(index, rule)| Explained {
            rule: index,
            name: rule.name.clone(),
            matched: rule.matches(facts),
            read: rule.reads().into_iter().map(|attribute| (attribute, facts.shown(attribute))).collect(),
        });
        explained.collect()
    }
}

/// What one rule made of a request.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Its index.
    pub rule: usize,
    /// Its name.
    pub name: String,
    /// Whether it matched: for `require`, whether what is required did not hold.
    pub matched: bool,
    /// What it asked, with the values.
    pub read: Vec<(Attribute, String)>,
}

#[inline]
fn ask(rule: &Rule, index: u16, facts: &Facts, verdict: &mut Verdict) {
    let active = rule.mode == Mode::Active;
    let declines = matches!(rule.effect, Effect::Decline(_) | Effect::Require(_));
    // The first decline stands; what a shadow rule would do is counted all the same.
    if active && declines && verdict.active.declined.is_some() {
        return;
    }
    if !rule.test.holds(facts) {
        return;
    }
    let findings: &mut Findings = if active { &mut verdict.active } else { &mut verdict.shadow };
    match &rule.effect {
        Effect::Decline(code) | Effect::Require(code) => {
            findings.declined = findings.declined.or(Some((index, *code)));
        }
        Effect::ApproveUpTo(up_to) => {
            let minor = up_to.minor(facts);
            if findings.up_to.is_none_or(|(_, least)| minor < least) {
                findings.up_to = Some((index, minor));
            }
        }
        Effect::Tag(tag) => findings.tags |= 1 << tag,
        Effect::StandIn => findings.stand_in = findings.stand_in.or(Some(index)),
    }
    match (active, &rule.effect) {
        (false, _) => verdict.count_shadow(index),
        (true, Effect::Tag(_)) => verdict.count_tagging(index),
        (true, _) => {}
    }
}

/// When the stand-in set decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StandInMode {
    /// For what [`StandIn::covers`].
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl StandInMode {
    pub(super) const ALL: [(&'static str, StandInMode); 3] =
        [("auto", StandInMode::Auto), ("on", StandInMode::On), ("off", StandInMode::Off)];

    /// As the file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        StandInMode::ALL.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| *name)
    }
}

/// Why a request is not decided in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The budget is spent.
    Budget,
    /// Something that decides failed.
    Error,
    /// Something that decides did not answer in time.
    Timeout,
    /// A rule says so.
    Rule,
}

impl On {
    pub(super) const ALL: [(&'static str, On); 4] =
        [("budget", On::Budget), ("error", On::Error), ("timeout", On::Timeout), ("rule", On::Rule)];

    /// As the file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        On::ALL.iter().find(|(_, on)| *on == self).map_or("", |(name, _)| *name)
    }
}

/// The small set that decides where the full one cannot.
#[derive(Debug, Default)]
pub struct StandIn {
    mode: StandInMode,
    on: Vec<On>,
    rules: Rules,
    limits: Vec<Limit>,
}

impl StandIn {
    /// When it decides.
    #[must_use]
    pub fn mode(&self) -> StandInMode {
        self.mode
    }

    /// Whether it decides where this is missing: as `on` says in mode auto, always or never in the others.
    #[must_use]
    pub fn covers(&self, on: On) -> bool {
        match self.mode {
            StandInMode::Auto => self.on.contains(&on),
            StandInMode::On => true,
            StandInMode::Off => false,
        }
    }

    /// Whether there is such a set, and it decides anything at all.
    #[must_use]
    pub fn is_there(&self) -> bool {
        match self.mode {
            StandInMode::Auto => !self.on.is_empty(),
            StandInMode::On => true,
            StandInMode::Off => false,
        }
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }
}

/// A checked rule file.
#[derive(Debug, Default)]
pub struct RuleSet {
    version: u32,
    currency: u16,
    lists: Vec<Arc<List>>,
    groups: Vec<Group>,
    tags: Vec<String>,
    rules: Rules,
    limits: Vec<Limit>,
    stand_in: StandIn,
}

impl RuleSet {
    /// No rule, no limit, no stand-in; version 0.
    #[must_use]
    pub fn empty() -> RuleSet {
        let stand_in = StandIn { mode: StandInMode::Off, ..StandIn::default() };
        RuleSet { stand_in, ..RuleSet::default() }
    }

    /// Reads a rule file. `name` is what errors call it; `lists` gives the content of a list file by the name in
    /// the rule file (relative to it, for whoever opens files), or why it cannot.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn from_toml(
        text: &str,
        name: &str,
        lists: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<RuleSet, Problems> {
        // A text that is too long is not copied into the errors.
        let shown = if text.len() > super::MOST_FILE_BYTES { "" } else { text };
        let draft = file::read(text, lists).map_err(|blame| blame.problems(shown, name))?;
        Ok(RuleSet::of(draft))
    }

    fn of(draft: Draft) -> RuleSet {
        RuleSet {
            version: draft.version,
            currency: draft.currency,
            lists: draft.names.lists,
            groups: draft.names.groups,
            tags: draft.tags,
            rules: Rules::new(draft.rules),
            limits: draft.limits,
            stand_in: StandIn {
                mode: draft.stand_in_mode,
                on: draft.stand_in_on,
                rules: Rules::new(draft.stand_in_rules),
                limits: draft.stand_in_limits,
            },
        }
    }

    /// The first 32 bits of a SHA-256 over the file and its list files; 0 only for [`RuleSet::empty`].
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The currency of amounts in limits that cross accounts, ISO 4217 number; 0 where none is said.
    #[must_use]
    pub fn currency(&self) -> u16 {
        self.currency
    }

    /// The lists, in the order of the file.
    pub fn lists(&self) -> impl Iterator<Item = &List> {
        self.lists.iter().map(|list| &**list)
    }

    /// The groups of merchant categories, in the order of the file.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The names of the tags, by their bits in [`Findings::tags`].
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The rules in the order in which they are asked.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules.list
    }

    /// The rules with their index.
    #[must_use]
    pub fn asked(&self) -> &Rules {
        &self.rules
    }

    /// The limits, in the order of the file.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The stand-in set.
    #[must_use]
    pub fn stand_in(&self) -> &StandIn {
        &self.stand_in
    }

    /// Asks every rule that can match, and leaves in `verdict` what they found; touches no heap.
    pub fn evaluate(&self, facts: &Facts, verdict: &mut Verdict) {
        self.rules.evaluate(facts, verdict);
    }

    /// Every rule with what it made of these facts, for people.
    #[must_use]
    pub fn explain(&self, facts: &Facts) -> Vec<Explained> {
        self.rules.explain(facts)
    }
}

/// Problems of a rule file that another room found, each at bytes of its text: a time zone that does not exist.
#[must_use]
pub fn problems_at(text: &str, name: &str, found: Vec<(Range<usize>, String)>) -> Problems {
    let mut blame = Blame::default();
    found.into_iter().for_each(|(at, reason)| blame.at(at, reason));
    blame.problems(text, name)
}
