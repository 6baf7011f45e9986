//! What the rule set says of a request: whether the stand-in decides, which rule declines, what is approved at most.
//! Looks at facts alone: limits and funds come after.

use super::amount::Worth;
use super::facts::facts;
use super::standing::{Half, Missing, Standing};
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

/// Asks the rules about a request, under the locks of its card and account; without a rule set there are no facts, and
/// nothing is found.
pub(super) fn judged<S: Sink>(
    case: &Case<'_>,
    parties: (&Card, &Account),
    states: &States<'_>,
    worth: Worth,
    sink: &S,
) -> (Option<Facts>, Judged) {
    let facts = case.standing.asks().then(|| facts(case, parties, states, worth));
    let judge = |facts| judge(case.standing, facts, case.missing, sink);
    let judged = facts.as_ref().map_or_else(Judged::default, judge);
    (facts, judged)
}

/// `missing`: what the message's way found missing before.
fn judge<S: Sink>(standing: &Standing, facts: &Facts, missing: Option<Missing>, sink: &S) -> Judged {
    let mut verdict = Verdict::default();
    let stand_in = standing.rules.stand_in();
    let switched = (stand_in.mode() == StandInMode::On).then_some(Missing::Switched);
    let mut missing = missing.or(switched);
    if missing.is_none() {
        ask(standing.rules.asked(), &standing.usual, facts, &mut verdict, sink);
        let declined = verdict.active.declined.map(|(rule, _)| rule);
        let hands_over = verdict.active.stand_in.filter(|_| stand_in.covers(On::Rule));
        // The rule that is asked first wins.
        if hands_over.is_some_and(|rule| declined.is_none_or(|declined| rule < declined)) {
            missing = Some(Missing::Rule);
        }
    }
    if missing.is_some() {
        ask(stand_in.rules(), &standing.stand_in, facts, &mut verdict, sink);
    }
    if let Some(missing) = missing {
        standing.stand_ins[missing as usize - 1].count(sink);
    }
    let Findings { declined, up_to, tags, .. } = verdict.active;
    let mut ruled = Ruled { stand_in: missing.map_or(0, |missing| missing as u8), tags, ..Ruled::default() };
    for (named, rule) in ruled.shadows.iter_mut().zip(verdict.shadow_rules()).take(NAMED_SHADOWS) {
        *named = rule + 1;
    }
    Judged {
        missing,
        denial: declined.map(|(rule, code)| Denial {
            refusal: Refusal::Rule,
            code,
            rule: rule + 1,
            limit: 0,
        }),
        up_to: up_to.map(|(rule, minor)| (rule + 1, minor)),
        ruled,
    }
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
