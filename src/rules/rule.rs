//! A named rule: when it matches, and what then. Must not know other rules.

use super::condition::{Mention, Number, Test};
use super::{Attribute, Facts};
use crate::message::ResponseCode;
use std::collections::BTreeSet;

/// Whether a rule or a limit has an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It has.
    #[default]
    Active,
    /// It is asked and counted, and has none.
    Shadow,
    /// It is not asked.
    Off,
}

impl Mode {
    pub(super) const ALL: [(&'static str, Mode); 3] =
        [("active", Mode::Active), ("shadow", Mode::Shadow), ("off", Mode::Off)];

    /// As the file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Mode::ALL.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| *name)
    }
}

/// What a rule does with a request that it matches.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Refuses it with this DE39.
    Decline(ResponseCode),
    /// Refuses it with this DE39 where the rule's `require` does not hold.
    Require(ResponseCode),
    /// Approves at most an amount.
    ApproveUpTo(UpTo),
    /// Marks it: an index of [`RuleSet::tags`](super::RuleSet::tags).
    Tag(u8),
    /// Lets the stand-in set decide.
    StandIn,
}

/// The amount of `approve_up_to`, minor units of the account's currency.
#[derive(Clone, Debug, PartialEq)]
pub struct UpTo(pub(super) Number);

impl UpTo {
    /// The amount, never below 0.
    pub(super) fn minor(&self, facts: &Facts) -> i64 {
        self.0.value(facts).max(0)
    }
}

/// A rule of a rule file.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) priority: i64,
    pub(super) effect: Effect,
    /// As the file has it.
    pub(super) when: String,
    /// `when`, and for `require` that what is required does not hold.
    pub(super) test: Test,
    /// Where its name stands in the file, from 1.
    pub(super) line: usize,
}

impl Rule {
    /// The name, of all rules of the file this one's alone.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has an effect.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Lower is asked first.
    #[must_use]
    pub fn priority(&self) -> i64 {
        self.priority
    }

    /// What it does.
    #[must_use]
    pub fn effect(&self) -> &Effect {
        &self.effect
    }

    /// Its condition as the file has it.
    #[must_use]
    pub fn when(&self) -> &str {
        &self.when
    }

    /// The line of the file where its name stands.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether it takes effect on these facts, were it active: for `require`, whether what is required does not hold.
    #[must_use]
    pub fn matches(&self, facts: &Facts) -> bool {
        self.test.holds(facts)
    }

    /// The attributes that it asks, each once.
    #[must_use]
    pub fn reads(&self) -> Vec<Attribute> {
        let mut read = BTreeSet::new();
        let mut visit = |mention: Mention<'_>| {
            if let Mention::Asked(attribute) = mention {
                read.insert(attribute);
            }
        };
        self.test.mentions(&mut visit);
        if let Effect::ApproveUpTo(up_to) = &self.effect {
            up_to.0.mentions(&mut visit);
        }
        read.into_iter().collect()
    }
}
