//! What decisions are made by: the settings' policy and the rule set, exchanged whole while messages are decided. Must not
//! know files.

use super::Policy;
use super::Sink;
use super::meter::Meter;
use super::verification::{Proofs, bit};
use crate::message::Proof;
use crate::portfolio::Portfolio;
use crate::rules::{Attribute, Limit, On, Rule, RuleSet, StandInMode, Text};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Policy, rules and limits. What is decided with one is recorded with its versions.
#[derive(Debug)]
pub struct Standing {
    /// Lives of holds, tolerances, rates.
    pub policy: Policy,
    /// Fingerprint of the settings.
    pub config: u32,
    /// The rule set.
    pub rules: RuleSet,
    pub(super) usual: Half,
    pub(super) stand_in: Half,
    /// Answers of the stand-in set, by [`Missing`] less one.
    pub(super) stand_ins: [Tally; 4],
    /// Requests with a proof that was not verified, by link and [`Proof`].
    pub(super) unverified: Vec<[Tally; 4]>,
    pub(super) links: Vec<Text>,
    pub(super) programs: Vec<Text>,
}

/// The rules and limits of one of the two ways to decide, and how often each took effect.
#[derive(Debug, Default)]
pub(super) struct Half {
    pub meters: Vec<Meter>,
    pub rules: Vec<Tally>,
    pub limits: Vec<Tally>,
    /// The proofs that each rule asks about: what it says of them stands.
    pub settles: Vec<Proofs>,
}

impl Half {
    /// The proofs that a rule asks about.
    pub(super) fn settles(&self, rule: u16) -> Proofs {
        self.settles.get(usize::from(rule)).copied().unwrap_or_default()
    }
}

fn settled_by(rule: &Rule) -> Proofs {
    let proofs = rule.reads().into_iter().filter_map(|attribute| match attribute {
        Attribute::PosPin => Some(Proof::Pin),
        Attribute::PosCvv => Some(Proof::Cvv),
        Attribute::PosCryptogram => Some(Proof::Cryptogram),
        _ => None,
    });
    proofs.fold(0, |settled, proof| settled | bit(proof))
}

/// How often a rule or limit took effect, or would have where it is a shadow. Goes on counting when its rule set is
/// exchanged for one that has the same name.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<AtomicU64>);

impl Tally {
    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts what is done; a decision that is only tried has no effect, not even here.
    pub(super) fn count<S: Sink>(&self, _: &S) {
        if !S::ASKS_WHY {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What is missing to decide as usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Missing {
    /// Nothing: the operator has switched stand-in on.
    Switched = 1,
    /// A rule says so.
    Rule = 2,
    /// Time: the link's budget is spent.
    Budget = 3,
    /// A PIN, verification value, cryptogram or MAC was not verified, and the settings leave that to stand-in.
    Verification = 4,
}

impl Missing {
    /// What this stored number says; `None` for 0, a usual decision.
    pub fn from_number(number: u8) -> Option<Missing> {
        [Missing::Switched, Missing::Rule, Missing::Budget, Missing::Verification]
            .into_iter()
            .find(|missing| *missing as u8 == number)
    }

    /// The name in dumps.
    pub fn name(self) -> &'static str {
        match self {
            Missing::Switched => "switched",
            Missing::Rule => "rule",
            Missing::Budget => "budget",
            Missing::Verification => "verification",
        }
    }
}

impl Standing {
    /// Everything ready to decide by. `links` are the names in the order of their numbers.
    ///
    /// # Errors
    /// A limit whose window or zone does not exist, by its name.
    pub fn new(
        policy: Policy,
        rules: RuleSet,
        config: u32,
        links: &[&str],
        portfolio: &Portfolio,
    ) -> Result<Standing, String> {
        let name = |name: &str| Text::of_field(name.as_bytes());
        let half = |rules: &[Rule], limits: &[Limit]| -> Result<Half, String> {
            let meters =
                limits.iter().map(|limit| Meter::new(limit, portfolio)).collect::<Result<Vec<_>, _>>()?;
            let tallies = |count| (0..count).map(|_| Tally::default()).collect();
            let settles = rules.iter().map(settled_by).collect();
            Ok(Half { meters, rules: tallies(rules.len()), limits: tallies(limits.len()), settles })
        };
        let stand_in = rules.stand_in();
        Ok(Standing {
            usual: half(rules.rules(), rules.limits())?,
            stand_in: half(stand_in.rules().list(), stand_in.limits())?,
            links: links.iter().map(|link| name(link)).collect(),
            programs: portfolio.programs().iter().map(|program| name(&program.name)).collect(),
            stand_ins: Default::default(),
            unverified: links.iter().map(|_| Default::default()).collect(),
            policy,
            config,
            rules,
        })
    }

    /// The settings' policy alone, without any rule: what a switch without a rule file decides by.
    pub fn plain(policy: Policy, config: u32) -> Standing {
        Standing {
            policy,
            config,
            rules: RuleSet::empty(),
            usual: Half::default(),
            stand_in: Half::default(),
            stand_ins: Default::default(),
            unverified: Vec::new(),
            links: Vec::new(),
            programs: Vec::new(),
        }
    }

    /// Whether the stand-in set decides a request whose budget is spent.
    pub fn stands_in_for_budget(&self) -> bool {
        self.rules.stand_in().covers(On::Budget)
    }

    /// Counts a limit that declined, by its number in a record.
    pub(super) fn count_limit<S: Sink>(&self, stand_in: bool, number: u8, sink: &S) {
        let half = if stand_in { &self.stand_in } else { &self.usual };
        if let Some(tally) = usize::from(number).checked_sub(1).and_then(|index| half.limits.get(index)) {
            tally.count(sink);
        }
    }

    /// Whether there is anything that asks for facts.
    pub(super) fn asks(&self) -> bool {
        let counts = [&self.usual, &self.stand_in].map(|half| half.rules.len() + half.limits.len());
        counts != [0, 0] || self.rules.stand_in().mode() == StandInMode::On
    }

    /// How often each rule and limit took effect since the start.
    pub fn effects(&self) -> Vec<Effects<'_>> {
        let stand_in = self.rules.stand_in();
        let halves = [
            ("usual", &self.usual, self.rules.rules(), self.rules.limits()),
            ("stand-in", &self.stand_in, stand_in.rules().list(), stand_in.limits()),
        ];
        let mut effects = Vec::new();
        for (set, half, rules, limits) in halves {
            let of = |kind, name, mode: crate::rules::Mode, tally: &Tally| Effects {
                set,
                kind,
                name,
                mode: mode.name(),
                tally: tally.clone(),
            };
            effects.extend(
                rules
                    .iter()
                    .zip(&half.rules)
                    .map(|(rule, tally): (&Rule, _)| of("rule", rule.name(), rule.mode(), tally)),
            );
            effects.extend(
                limits
                    .iter()
                    .zip(&half.limits)
                    .map(|(limit, tally)| of("limit", limit.name(), limit.mode(), tally)),
            );
        }
        effects
    }

    /// How often the stand-in set decided since the start, by what was missing.
    pub fn stand_ins(&self) -> [(Missing, &Tally); 4] {
        let [switched, rule, budget, verification] = &self.stand_ins;
        [
            (Missing::Switched, switched),
            (Missing::Rule, rule),
            (Missing::Budget, budget),
            (Missing::Verification, verification),
        ]
    }

    /// How many requests brought, or should have brought, each [`Proof`] and were decided without its being verified, since
    /// the start: by link, in the order of their numbers.
    pub fn unverified(&self) -> impl Iterator<Item = (&str, Proof, &Tally)> {
        let links = self.links.iter().zip(&self.unverified);
        links.flat_map(|(link, tallies)| {
            Proof::ALL.into_iter().zip(tallies).map(|(proof, tally)| (link.as_str(), proof, tally))
        })
    }

    /// Goes on with the counts of an older one's rules and limits of the same set, kind and name.
    pub(super) fn inherit(&mut self, older: &Standing) {
        let known = older.effects();
        let same = |new: &Effects<'_>| {
            let is_it = |old: &&Effects<'_>| (old.set, old.kind, old.name) == (new.set, new.kind, new.name);
            known.iter().find(is_it).map(|old| old.tally.clone())
        };
        let tallies: Vec<Tally> =
            self.effects().iter().map(|new| same(new).unwrap_or_else(|| new.tally.clone())).collect();
        let mut tallies = tallies.into_iter();
        for half in [&mut self.usual, &mut self.stand_in] {
            for (tally, kept) in half.rules.iter_mut().chain(&mut half.limits).zip(&mut tallies) {
                *tally = kept;
            }
        }
        self.stand_ins = older.stand_ins.clone();
        if self.unverified.len() == older.unverified.len() {
            self.unverified = older.unverified.clone();
        }
    }
}

/// How often a rule or limit took effect.
#[derive(Clone, Debug)]
pub struct Effects<'a> {
    /// `usual` or `stand-in`.
    pub set: &'static str,
    /// `rule` or `limit`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'a str,
    /// `active`, `shadow` or `off`.
    pub mode: &'static str,
    /// The count, which goes on.
    pub tally: Tally,
}
