//! What the rule set says of a request: whether the stand-in decides, which rule declines, what is approved at most.
//! Looks at facts alone: limits and funds come after.

use super::amount::Worth;
use super::facts::facts;
use super::standing::{Half, Missing};
use super::verification::Proofs;
use super::why::{Check, Input};
use super::{Case, Denial, Sink, States};
use crate::message::{Refusal, ResponseCode};
use crate::portfolio::{Account, Card, NAMED_SHADOWS, Ruled};
use crate::rules::{Effect, Facts, Findings, Mode, On, Rules, StandInMode, Verdict};

/// What the rules made of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judged {
    /// Why the stand-in set decides, if it does.
    pub missing: Option<Missing>,
    /// The rule that declines.
    pub denial: Option<Denial>,
    /// The most that may be approved, minor units of the account's currency, and the number of the rule.
    pub up_to: Option<(u16, i64)>,
    /// For the record.
    pub ruled: Ruled,
}

/// DE39 where a rule approves less than was asked and the sender does not take less.
const OVER_AMOUNT: ResponseCode = ResponseCode(*b"61");

impl Judged {
    /// The denial of more than the rule allows.
    pub(super) fn over(rule: u16) -> Denial {
        Denial { refusal: Refusal::Rule, code: OVER_AMOUNT, rule, limit: 0 }
    }
}

/// Asks the rules about a request, under the locks of its card and account, and then what was not verified of it; without
/// a rule set there are no facts, and no rule finds anything.
pub(super) fn judged<S: Sink>(
    case: &Case<'_>,
    parties: (&Card, &Account),
    states: &States<'_>,
    worth: Worth,
    sink: &S,
) -> (Option<Facts>, Judged) {
    let facts = case.standing.asks().then(|| facts(case, parties, states, worth));
    let (mut judged, settled) =
        facts.as_ref().map_or_else(Default::default, |facts| judge(case, facts, sink));
    if judged.denial.is_none() {
        judged.denial = case.unverified(settled, sink);
    }
    (facts, judged)
}

/// What the rules say, and the proofs that they have decided about.
fn judge<S: Sink>(case: &Case<'_>, facts: &Facts, sink: &S) -> (Judged, Proofs) {
    let standing = case.standing;
    let (mut verdict, mut settled) = (Verdict::default(), 0);
    let stand_in = standing.rules.stand_in();
    let switched = (stand_in.mode() == StandInMode::On).then_some(Missing::Switched);
    let mut missing = case.missing.or(switched);
    if missing.is_none() {
        ask(standing.rules.asked(), &standing.usual, facts, &mut verdict, sink);
        let declined = verdict.active.declined.map(|(rule, _)| rule);
        let hands_over = verdict.active.stand_in.filter(|_| stand_in.covers(On::Rule));
        // The rule that is asked first wins.
        if let Some(rule) = hands_over.filter(|rule| declined.is_none_or(|declined| *rule < declined)) {
            missing = Some(Missing::Rule);
            settled |= standing.usual.settles(rule);
        }
        settled |= verdict.active.up_to.map_or(0, |(rule, _)| standing.usual.settles(rule));
        if missing.is_none() && declined.is_none() && case.hands_over_unverified(settled) {
            missing = Some(Missing::Verification);
        }
    }
    if missing.is_some() {
        ask(stand_in.rules(), &standing.stand_in, facts, &mut verdict, sink);
        settled |= verdict.active.up_to.map_or(0, |(rule, _)| standing.stand_in.settles(rule));
    }
    if let Some(missing) = missing {
        standing.stand_ins[missing as usize - 1].count(sink);
    }
    let Findings { declined, up_to, tags, .. } = verdict.active;
    let mut ruled = Ruled { stand_in: missing.map_or(0, |missing| missing as u8), tags, ..Ruled::default() };
    for (named, rule) in ruled.shadows.iter_mut().zip(verdict.shadow_rules()).take(NAMED_SHADOWS) {
        *named = rule + 1;
    }
    let judged = Judged {
        missing,
        denial: declined.map(|(rule, code)| Denial {
            refusal: Refusal::Rule,
            code,
            rule: rule + 1,
            limit: 0,
        }),
        up_to: up_to.map(|(rule, minor)| (rule + 1, minor)),
        ruled,
    };
    (judged, settled)
}

fn ask<S: Sink>(rules: &Rules, half: &Half, facts: &Facts, verdict: &mut Verdict, sink: &S) {
    rules.evaluate(facts, verdict);
    let Findings { declined, up_to, stand_in, .. } = verdict.active;
    let active = [declined.map(|(rule, _)| rule), up_to.map(|(rule, _)| rule), stand_in];
    let counted = verdict.tagging_rules().iter().chain(verdict.shadow_rules()).copied();
    for rule in active.into_iter().flatten().chain(counted) {
        half.rules[usize::from(rule)].count(sink);
    }
    if S::ASKS_WHY {
        explain(rules, facts, declined.map(|(rule, _)| rule), sink);
    }
}

/// Shows every rule up to the one that declined.
fn explain(rules: &Rules, facts: &Facts, declined: Option<u16>, sink: &impl Sink) {
    for explained in rules.explain(facts) {
        let rule = &rules.list()[explained.rule];
        let declines = declined == Some(explained.rule as u16);
        sink.saw(|| {
            let read = explained
                .read
                .iter()
                .map(|(attribute, value)| (attribute.name(), Input::Text(value.clone())));
            let said = match (explained.matched, rule.mode() == Mode::Shadow) {
                (false, _) => "does not match",
                (true, true) => "would take effect, but is a shadow",
                (true, false) => effect(rule.effect()),
            };
            let mut inputs = vec![("said", Input::Text(said.to_owned()))];
            inputs.extend(read);
            let refusal = if declines { Refusal::Rule } else { Refusal::None };
            Check { name: "rule", which: explained.name.clone(), refusal, inputs }
        });
        if declines {
            return;
        }
    }
}

fn effect(effect: &Effect) -> &'static str {
    match effect {
        Effect::Decline(_) => "declines",
        Effect::Require(_) => "declines: what it requires does not hold",
        Effect::ApproveUpTo(_) => "approves at most an amount",
        Effect::Tag(_) => "tags",
        Effect::StandIn => "hands over to stand-in",
    }
}
