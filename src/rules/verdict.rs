//! What the rules found of one request: a fixed size, to be reused. Must not know conditions.

use crate::message::ResponseCode;

/// Shadow rules that are named of one request.
const MOST_SHADOWS: usize = 64;
/// Rules that tag that are named of one request.
const MOST_TAGGING: usize = 16;

/// What some rules found together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The first rule that declines, and its DE39.
    pub declined: Option<(u16, ResponseCode)>,
    /// The rule that approves the least, and that amount in minor units of the account's currency.
    pub up_to: Option<(u16, i64)>,
    /// The tags that were given, as bits: [`RuleSet::tags`](super::RuleSet::tags) has their names.
    pub tags: u64,
    /// The first rule that hands over to the stand-in set.
    pub stand_in: Option<u16>,
}

/// What the rules found of one request. Rules are named by their index in [`RuleSet::rules`](super::RuleSet::rules).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What active rules found.
    pub active: Findings,
    /// What shadow rules would have done.
    pub shadow: Findings,
    shadows: [u16; MOST_SHADOWS],
    shadow_count: u16,
    tagging: [u16; MOST_TAGGING],
    tagging_count: u16,
}

impl Default for Verdict {
    fn default() -> Verdict {
        Verdict {
            active: Findings::default(),
            shadow: Findings::default(),
            shadows: [0; MOST_SHADOWS],
            shadow_count: 0,
            tagging: [0; MOST_TAGGING],
            tagging_count: 0,
        }
    }
}

impl Verdict {
    /// The first 64 shadow rules that matched, in order.
    #[must_use]
    pub fn shadow_rules(&self) -> &[u16] {
        &self.shadows[..usize::from(self.shadow_count).min(MOST_SHADOWS)]
    }

    /// How many shadow rules matched.
    #[must_use]
    pub fn shadow_count(&self) -> u16 {
        self.shadow_count
    }

    /// The first 16 active rules that gave a tag, in order.
    #[must_use]
    pub fn tagging_rules(&self) -> &[u16] {
        &self.tagging[..usize::from(self.tagging_count)]
    }

    pub(super) fn clear(&mut self) {
        (self.active, self.shadow) = (Findings::default(), Findings::default());
        (self.shadow_count, self.tagging_count) = (0, 0);
    }

    pub(super) fn count_tagging(&mut self, rule: u16) {
        if let Some(slot) = self.tagging.get_mut(usize::from(self.tagging_count)) {
            *slot = rule;
            self.tagging_count += 1;
        }
    }

    pub(super) fn count_shadow(&mut self, rule: u16) {
        if let Some(slot) = self.shadows.get_mut(usize::from(self.shadow_count)) {
            *slot = rule;
        }
        self.shadow_count += 1;
    }
}
