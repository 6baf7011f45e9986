//! One `[[rule]]` or `[[limit]]` of a rule file: its keys, what they exclude and what is missing.
//! Must not know the tables around it.

use super::{Node, Reader, check, line_of};
use crate::message::ResponseCode;
use crate::rules::condition::{Number, Test};
use crate::rules::facts::MOST_AMOUNT;
use crate::rules::limit::{Bins, Limit, Scope, Window};
use crate::rules::rule::{Effect, Mode, Rule, UpTo};
use std::ops::Range;
use toml::de::DeValue;

const RULE_KEYS: [&str; 9] =
    ["name", "when", "decline", "priority", "mode", "approve_up_to", "require", "tag", "stand_in"];
const LIMIT_KEYS: [&str; 11] = [
    "name",
    "scope",
    "window",
    "time_zone",
    "count",
    "amount",
    "when",
    "mode",
    "bins",
    "decline_count",
    "decline_amount",
];
/// Different tags of one file: a set of them is 64 bits.
const MOST_TAGS: usize = 64;
/// Ranges of one limit of scope bin.
const MOST_BINS: usize = 256;
/// Where one rule stands among others.
const PRIORITIES: (i64, i64) = (-1_000_000, 1_000_000);

/// What a rule says, before it is put together.
#[derive(Default)]
struct RuleKeys {
    name: Option<(String, Range<usize>)>,
    when: Option<(String, Test)>,
    has_when: bool,
    priority: i64,
    mode: Mode,
    decline: Option<ResponseCode>,
    up_to: Option<Number>,
    require: Option<Test>,
    tag: Option<u8>,
    /// Effects that are written, rightly or not.
    effects: Vec<(&'static str, Range<usize>)>,
}

impl Reader<'_> {
    pub(super) fn rule(&mut self, item: Node, in_stand_in: bool) -> Option<Rule> {
        let before = self.blame.count();
        let mut keys = RuleKeys::default();
        for (key, value) in self.table(item) {
            let Some(word) = self.known(key, &RULE_KEYS) else { continue };
            if matches!(word, "decline" | "approve_up_to" | "require" | "tag" | "stand_in") {
                keys.effects.push((word, key.span()));
            }
            match word {
                "name" => keys.name = self.entry_name(value, "rule"),
                "when" => {
                    keys.has_when = true;
                    keys.when = self.condition(value);
                }
                "priority" => {
                    keys.priority =
                        self.integer_within(value, PRIORITIES.0, PRIORITIES.1).unwrap_or_default();
                }
                "mode" => keys.mode = self.one_of(value, &Mode::ALL).unwrap_or_default(),
                "decline" => keys.decline = self.code(value),
                "approve_up_to" => keys.up_to = self.up_to(value),
                "require" => keys.require = self.condition(value).map(|(_, test)| test),
                "tag" => keys.tag = self.tag(value),
                _ if value.get_ref().as_bool() != Some(true) => {
                    self.blame.at(value.span(), "expected true: leave the key out otherwise");
                }
                _ if in_stand_in => {
                    self.blame.at(key.span(), "the stand-in set cannot hand over to itself");
                }
                _ => {}
            }
        }
        let head = keys.name.as_ref().map_or_else(|| head(item.span(), "[[rule]]"), |(_, at)| at.clone());
        if !item.get_ref().as_table().is_some_and(|table| table.contains_key("name")) {
            self.blame.at(head.clone(), "the rule needs a name");
        }
        if !keys.has_when {
            self.blame.at(head.clone(), "the rule needs when; `when = \"true\"` matches everything");
        }
        let effect = self.effect(&keys, head);
        if self.blame.count() != before {
            return None;
        }
        let ((name, at), (when, test), effect) = (keys.name?, keys.when?, effect?);
        let test = match keys.require {
            Some(required) => test.and(required.negated()),
            None => test,
        };
        let line = line_of(self.text, &at);
        Some(Rule { name, mode: keys.mode, priority: keys.priority, effect, when, test, line })
    }

    /// The one effect; `require` is one together with `decline`.
    fn effect(&mut self, keys: &RuleKeys, head: Range<usize>) -> Option<Effect> {
        let has = |word| keys.effects.iter().any(|(effect, _)| *effect == word);
        let count = keys.effects.len() - usize::from(has("require") && has("decline"));
        match count {
            0 => self.blame.at(
                head,
                "the rule needs an effect: decline, approve_up_to, require with decline, tag or stand_in",
            ),
            1 if has("require") && !has("decline") => {
                self.blame.at(head, "require needs decline: the code where what is required does not hold");
            }
            1 => {}
            _ => {
                let at =
                    keys.effects.iter().max_by_key(|(_, at)| at.start).map_or(head, |(_, at)| at.clone());
                self.blame.at(at, "a rule has one effect, and this is one more");
            }
        }
        if has("require") {
            return keys.decline.map(Effect::Require);
        }
        let effect = keys.decline.map(Effect::Decline);
        let effect = effect.or_else(|| keys.up_to.clone().map(|number| Effect::ApproveUpTo(UpTo(number))));
        effect.or_else(|| keys.tag.map(Effect::Tag)).or_else(|| has("stand_in").then_some(Effect::StandIn))
    }

    /// A name of a rule or a limit, not yet taken.
    fn entry_name(&mut self, value: Node, what: &'static str) -> Option<(String, Range<usize>)> {
        let name = self.string(value)?;
        let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
            let reason = "a name must be 1 to 64 of the characters a-z, 0-9 and hyphen";
            self.blame.at(value.span(), reason);
            return None;
        }
        if !self.names_taken.insert((what, name.clone())) {
            self.blame.at(value.span(), format!("there is a {what} {name:?} before this one"));
            return None;
        }
        Some((name, value.span()))
    }

    fn code(&mut self, value: Node) -> Option<ResponseCode> {
        let text = self.string(value)?;
        let code = <[u8; 2]>::try_from(text.as_bytes()).ok().map(ResponseCode);
        let legal = |code: &ResponseCode| code.0.iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let code = code.filter(legal);
        match code {
            None => {
                self.blame.at(value.span(), "expected a DE39 of two digits or capital letters, e.g. \"57\"")
            }
            Some(code) if code.is_approval() => {
                self.blame.at(value.span(), format!("{code} approves: a decline needs another DE39"));
                return None;
            }
            _ => {}
        }
        code
    }

    fn up_to(&mut self, value: Node) -> Option<Number> {
        if matches!(value.get_ref(), DeValue::Integer(_)) {
            return self.integer_within(value, 0, MOST_AMOUNT).map(Number::Constant);
        }
        let text = self.string(value)?;
        match check::number(&text, &self.draft.names) {
            Ok((number, _)) => Some(number),
            Err(mistake) => {
                self.mistake(value, &text, mistake);
                None
            }
        }
    }

    fn tag(&mut self, value: Node) -> Option<u8> {
        let name = self.string(value)?;
        let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
            self.blame.at(value.span(), "a tag must be 1 to 64 of the characters a-z, 0-9 and hyphen");
            return None;
        }
        let tags = &mut self.draft.tags;
        let index = tags.iter().position(|tag| *tag == name).unwrap_or_else(|| {
            tags.push(name);
            tags.len() - 1
        });
        if index >= MOST_TAGS {
            self.blame.at(value.span(), format!("at most {MOST_TAGS} different tags"));
            return None;
        }
        Some(index as u8)
    }

    pub(super) fn limit(&mut self, item: Node) -> Option<Limit> {
        let before = self.blame.count();
        let (mut name, mut scope, mut window, mut zone) = (None, None, None, None);
        let mut limit = blank();
        for (key, value) in self.table(item) {
            match self.known(key, &LIMIT_KEYS) {
                Some("name") => name = self.entry_name(value, "limit"),
                Some("scope") => scope = self.one_of(value, &Scope::ALL),
                Some("window") => window = self.window(value),
                Some("time_zone") => zone = self.zone(value),
                Some("count") => {
                    let count = self.integer_within(value, 1, 1_000_000_000);
                    limit.count = count.and_then(|count| u32::try_from(count).ok());
                }
                Some("amount") => limit.amount = self.integer_within(value, 1, MOST_AMOUNT),
                Some("when") => {
                    (limit.when, limit.test) =
                        self.condition(value).unwrap_or((String::new(), Test::Always(true)));
                }
                Some("mode") => limit.mode = self.one_of(value, &Mode::ALL).unwrap_or_default(),
                Some("bins") => limit.bins = self.bins(value),
                Some("decline_count") => {
                    limit.code_of_count = self.code(value).unwrap_or(limit.code_of_count)
                }
                Some("decline_amount") => {
                    limit.code_of_amount = self.code(value).unwrap_or(limit.code_of_amount)
                }
                _ => {}
            }
        }
        let head = name.as_ref().map_or_else(|| head(item.span(), "[[limit]]"), |(_, at)| at.clone());
        let table = item.get_ref().as_table();
        for needed in ["name", "scope", "window"] {
            if table.is_some_and(|table| !table.contains_key(needed)) {
                self.blame.at(head.clone(), format!("the limit needs {needed}"));
            }
        }
        if self.blame.count() != before {
            return None;
        }
        (limit.name, limit.time_zone_at) = name?;
        (limit.scope, limit.window) = (scope?, window?);
        limit.line = line_of(self.text, &limit.time_zone_at);
        let says_zone = zone.is_some();
        if let Some((text, at)) = zone {
            (limit.time_zone, limit.time_zone_at) = (text, at);
        }
        for reason in self.contradictions(&limit, says_zone) {
            self.blame.at(head.clone(), reason);
        }
        if limit.scope == Scope::CategoryGroup {
            limit.groups = self.draft.groups().to_vec();
        }
        (self.blame.count() == before).then_some(limit)
    }

    /// What does not fit together in a limit whose every key is right.
    fn contradictions(&self, limit: &Limit, says_zone: bool) -> Vec<&'static str> {
        let mut found = Vec::new();
        if limit.count.is_none() && limit.amount.is_none() {
            found.push("the limit needs count, amount or both");
        }
        if limit.window == Window::Transaction && limit.count.is_some() {
            found.push("one transaction is always one: window transaction has no count");
        }
        if says_zone && !limit.window.is_calendar() {
            found.push("time_zone is for the windows day, week, month and year");
        }
        if (limit.scope == Scope::Bin) == limit.bins.is_empty() {
            found.push("scope bin needs bins, and other scopes have none");
        }
        if limit.scope == Scope::CategoryGroup && self.draft.groups().is_empty() {
            found.push("scope category-group needs [groups.NAME] tables");
        }
        if limit.scope.crosses_accounts() && limit.amount.is_some() && self.draft.currency == 0 {
            found.push(
                "an amount across accounts needs the currency it is in: `currency` at the top of the file",
            );
        }
        found
    }

    fn window(&mut self, value: Node) -> Option<Window> {
        let text = self.string(value)?;
        Window::named(&text).map_err(|reason| self.blame.at(value.span(), reason)).ok()
    }

    fn zone(&mut self, value: Node) -> Option<(String, Range<usize>)> {
        let text = self.string(value)?;
        let legal = |c: u8| c.is_ascii_alphanumeric() || b"/_+-".contains(&c);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(legal) {
            self.blame.at(value.span(), "expected a time zone by its IANA name, e.g. \"Europe/Berlin\"");
            return None;
        }
        Some((text, value.span()))
    }

    fn bins(&mut self, value: Node) -> Vec<Bins> {
        let mut bins = Vec::new();
        for item in self.array(value) {
            let Some(text) = self.string(item) else { continue };
            match Bins::named(&text) {
                _ if bins.len() == MOST_BINS => {
                    self.blame.at(item.span(), format!("at most {MOST_BINS} ranges"));
                    break;
                }
                Some(range) => bins.push(range),
                None => {
                    let reason = "expected six or eight digits, or a range of them: \"411111\", \
                        \"42000000-42999999\"";
                    self.blame.at(item.span(), reason);
                }
            }
        }
        bins
    }
}

/// A limit before its keys are read: their defaults.
fn blank() -> Limit {
    Limit {
        name: String::new(),
        mode: Mode::Active,
        scope: Scope::Global,
        window: Window::Day,
        time_zone: "UTC".to_owned(),
        time_zone_at: 0..0,
        count: None,
        amount: None,
        code_of_count: ResponseCode(*b"65"),
        code_of_amount: ResponseCode(*b"61"),
        bins: Vec::new(),
        groups: Vec::new(),
        when: String::new(),
        test: Test::Always(true),
        line: 0,
    }
}

/// Where an entry without a name begins: its header alone, not all its lines.
fn head(span: Range<usize>, header: &str) -> Range<usize> {
    span.start..(span.start + header.len()).min(span.end)
}
