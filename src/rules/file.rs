//! A rule file: TOML text -> everything in it, checked; every mistake with its place. Must not know files: lists that
//! stand in files of their own come through a closure.

mod entries;

use super::bounds::grouped;
use super::check::{self, Names};
use super::condition::Test;
use super::limit::{Limit, categories, group};
use super::list::{Group, List, MOST_ENTRIES, Of};
use super::problem::{Blame, nearest};
use super::rule::Rule;
use super::syntax::Mistake;
use super::{MOST_FILE_BYTES, MOST_LIMITS, MOST_RULES, On, StandInMode};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

type Key<'a, 'b> = &'a Spanned<Cow<'b, str>>;
type Node<'a, 'b> = &'a Spanned<DeValue<'b>>;
/// Gives the content of a list file by the name in the rule file, or why not.
pub(super) type ListFiles<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// Everything that a rule file says.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) currency: u16,
    pub(super) names: Names,
    pub(super) tags: Vec<String>,
    pub(super) rules: Vec<Rule>,
    pub(super) limits: Vec<Limit>,
    pub(super) stand_in_mode: StandInMode,
    pub(super) stand_in_on: Vec<On>,
    pub(super) stand_in_rules: Vec<Rule>,
    pub(super) stand_in_limits: Vec<Limit>,
    pub(super) version: u32,
}

const FILE_KEYS: [&str; 6] = ["currency", "lists", "groups", "rule", "limit", "stand_in"];
const LIST_KEYS: [&str; 3] = ["of", "file", "values"];
const GROUP_KEYS: [&str; 1] = ["categories"];
const STAND_IN_KEYS: [&str; 4] = ["mode", "on", "rule", "limit"];
/// Bytes of one list file.
const MOST_LIST_BYTES: usize = 160 << 20;
/// Problems reported of one list.
const MOST_OF_A_LIST: usize = 20;

/// Reads a rule file.
pub(super) fn read(text: &str, lists: ListFiles<'_>) -> Result<Draft, Blame> {
    let mut reader = Reader {
        text,
        blame: Blame::default(),
        draft: Draft::default(),
        names_taken: BTreeSet::new(),
        entries: 0,
        digest: Sha256::new(),
    };
    reader.read(lists);
    if reader.blame.is_empty() { Ok(reader.draft) } else { Err(reader.blame) }
}

struct Reader<'t> {
    text: &'t str,
    blame: Blame,
    draft: Draft,
    /// Of rules and limits, with what they are names of.
    names_taken: BTreeSet<(&'static str, String)>,
    entries: usize,
    digest: Sha256,
}

impl Reader<'_> {
    fn read(&mut self, lists: ListFiles<'_>) {
        if self.text.len() > MOST_FILE_BYTES {
            let reason = format!("a rule file has at most {MOST_FILE_BYTES} bytes, not {}", self.text.len());
            return self.blame.at(0..0, reason);
        }
        self.digest.update((self.text.len() as u64).to_be_bytes());
        self.digest.update(self.text);
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.blame.at(error.span().unwrap_or(0..0), error.message());
        }
        if !errors.is_empty() {
            return;
        }
        let table = table.get_ref();
        for (key, _) in table {
            self.known(key, &FILE_KEYS);
        }
        if let Some(value) = table.get("currency") {
            self.currency(value);
        }
        if let Some(value) = table.get("lists") {
            self.lists(value, lists);
        }
        if let Some(value) = table.get("groups") {
            self.groups(value);
        }
        self.draft.rules = self.rules(table.get("rule"), false);
        self.draft.limits = self.limits(table.get("limit"));
        if let Some((key, value)) = table.get_key_value("stand_in") {
            self.stand_in(key, value);
        }
        let digest = self.digest.clone().finalize();
        let version = digest.iter().take(4).fold(0_u32, |version, byte| version << 8 | u32::from(*byte));
        // 0 is the version of no rules.
        self.draft.version = version.max(1);
    }

    fn currency(&mut self, value: Node) {
        let Some(code) = self.string(value) else { return };
        let all = crate::message::meaning::currencies();
        match all.iter().find(|row| row.code == code) {
            Some(row) => self.draft.currency = row.number.parse().unwrap_or_default(),
            None => {
                self.blame.at(value.span(), "expected a currency of ISO 4217 by its letters, e.g. \"USD\"")
            }
        }
    }

    fn lists(&mut self, value: Node, files: ListFiles<'_>) {
        for (key, value) in self.in_order(value) {
            self.name_in_conditions(key);
            let name = key.get_ref();
            let (mut of, mut source) = (None, None);
            for (key, value) in self.in_order(value) {
                match self.known(key, &LIST_KEYS) {
                    Some("of") => of = self.one_of(value, &Of::ALL),
                    Some(_) if source.is_some() => {
                        self.blame.at(key.span(), "either file or values, not both")
                    }
                    Some(word) => source = Some((word, key.span(), value)),
                    None => {}
                }
            }
            let missing = [("of", of.is_none()), ("file or values", source.is_none())];
            for (what, _) in missing.into_iter().filter(|(_, missing)| *missing) {
                if !value.get_ref().as_table().is_some_and(|table| table.contains_key(what)) {
                    self.blame.at(key.span(), format!("the list needs {what}"));
                }
            }
            let (Some(of), Some((word, at, source))) = (of, source) else {
                // Its name is known all the same, so that conditions are not blamed too.
                self.draft.names.lists.push(Arc::new(List::new(name, Of::Text)));
                continue;
            };
            let mut list = List::new(name, of);
            match word {
                "values" if of == Of::Card => {
                    self.blame.at(at, "card numbers stand in a file of their own, not in the rule file");
                }
                "values" => self.values(source, &mut list),
                _ => self.list_file(source, &mut list, files),
            }
            self.draft.names.lists.push(Arc::new(list));
        }
    }

    fn values(&mut self, value: Node, list: &mut List) {
        for item in self.array(value) {
            let entry = match (list.of(), item.get_ref()) {
                (Of::Number, DeValue::Integer(_)) => self.integer(item).map(|number| number.to_string()),
                (Of::Text | Of::Country, DeValue::String(text)) => Some(text.to_string()),
                (of, _) => {
                    let expected = if of == Of::Number { "a whole number" } else { "a text" };
                    self.blame.at(item.span(), format!("expected {expected}"));
                    None
                }
            };
            let Some(entry) = entry else { continue };
            if let Err(reason) = self.entry(list, &entry) {
                self.blame.at(item.span(), reason);
            }
        }
    }

    fn entry(&mut self, list: &mut List, entry: &str) -> Result<(), String> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Err(format!("the lists have more than {MOST_ENTRIES} entries together"));
        }
        list.add(entry)
    }

    fn list_file(&mut self, value: Node, list: &mut List, files: ListFiles<'_>) {
        let Some(file) = self.string(value) else { return };
        let content = match files(&file) {
            Ok(content) => content,
            Err(reason) => return self.blame.at(value.span(), reason),
        };
        if content.len() > MOST_LIST_BYTES {
            let reason = format!("a list file has at most {MOST_LIST_BYTES} bytes, not {}", content.len());
            return self.blame.at(value.span(), reason);
        }
        self.digest.update((content.len() as u64).to_be_bytes());
        self.digest.update(&content);
        let mut wrong = 0;
        for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
            let line = match std::str::from_utf8(line) {
                Ok(line) => Ok(without_comment(line)),
                Err(_) => Err("expected ASCII".to_owned()),
            };
            if line == Ok("") {
                continue;
            }
            if let Err(reason) = line.and_then(|line| self.entry(list, line)) {
                self.blame.at(value.span(), format!("{file}, line {}: {reason}", index + 1));
                wrong += 1;
                if wrong == MOST_OF_A_LIST || self.entries > MOST_ENTRIES {
                    return;
                }
            }
        }
    }

    fn groups(&mut self, value: Node) {
        for (key, value) in self.in_order(value) {
            self.name_in_conditions(key);
            let mut ranges = Vec::new();
            let mut said = false;
            for (key, value) in self.table(value) {
                if self.known(key, &GROUP_KEYS).is_none() {
                    continue;
                }
                said = true;
                for item in self.array(value) {
                    let Some(text) = self.string(item) else { continue };
                    match categories(&text) {
                        Some(range) => ranges.push(range),
                        None => {
                            let reason = "expected a merchant category of four digits, or a range: \"4511\", \
                                \"3000-3999\"";
                            self.blame.at(item.span(), reason);
                        }
                    }
                }
            }
            if !said {
                self.blame.at(key.span(), "the group needs categories");
            }
            self.draft.names.groups.push(group(key.get_ref(), ranges));
        }
    }

    fn stand_in(&mut self, key: Key, value: Node) {
        let before = self.blame.count();
        let mut said = None;
        for (key, value) in self.table(value) {
            match self.known(key, &STAND_IN_KEYS) {
                Some("mode") => {
                    self.draft.stand_in_mode = self.one_of(value, &StandInMode::ALL).unwrap_or_default();
                }
                Some("on") => {
                    let mut on = Vec::new();
                    for item in self.array(value) {
                        on.extend(self.one_of(item, &On::ALL));
                    }
                    said = Some(on);
                }
                Some("rule") => self.draft.stand_in_rules = self.rules(Some(value), true),
                Some("limit") => self.draft.stand_in_limits = self.limits(Some(value)),
                _ => {}
            }
        }
        self.draft.stand_in_on = said.unwrap_or_else(|| On::ALL.map(|(_, on)| on).to_vec());
        let empty = self.draft.stand_in_rules.is_empty() && self.draft.stand_in_limits.is_empty();
        if empty && self.draft.stand_in_mode != StandInMode::Off && self.blame.count() == before {
            let reason = "a stand-in set without rules and limits would approve everything: write some, or mode = \"off\"";
            self.blame.at(key.span(), reason);
        }
    }

    fn rules(&mut self, value: Option<Node>, in_stand_in: bool) -> Vec<Rule> {
        let items = value.map(|value| self.tables(value, MOST_RULES, "rules")).unwrap_or_default();
        let mut rules: Vec<Rule> = items.iter().filter_map(|item| self.rule(item, in_stand_in)).collect();
        // A stable sort: those of one priority stay in the order of the file.
        rules.sort_by_key(|rule| rule.priority);
        rules
    }

    fn limits(&mut self, value: Option<Node>) -> Vec<Limit> {
        let items = value.map(|value| self.tables(value, MOST_LIMITS, "limits")).unwrap_or_default();
        items.iter().filter_map(|item| self.limit(item)).collect()
    }

    /// A condition, checked; its text too.
    fn condition(&mut self, value: Node) -> Option<(String, Test)> {
        let text = self.string(value)?;
        match check::condition(&text, &self.draft.names) {
            Ok(test) => Some((text, test)),
            Err(mistake) => {
                self.mistake(value, &text, mistake);
                None
            }
        }
    }

    /// Places a mistake inside a condition where the file has the condition as it is, else at its beginning.
    fn mistake(&mut self, value: Node, text: &str, (at, reason, help): Mistake) {
        let span = value.span();
        let inside = self.text.get(span.clone()).and_then(|raw| raw.find(text));
        let place = match inside {
            Some(start) => span.start + start + at.start..span.start + start + at.end,
            None => span,
        };
        self.blame.with_help(place, reason, help);
    }

    fn name_in_conditions(&mut self, key: Key) {
        let name = key.get_ref();
        let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        let first = name.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
        if !first || name.len() > 64 || !name.bytes().all(legal) || RESERVED.contains(&name.as_ref()) {
            let reason =
                "conditions use this name: 1 to 64 of a-z, 0-9 and _, a letter first, and no word of CEL";
            self.blame.at(key.span(), reason);
        }
    }

    // What a value is.

    fn string(&mut self, value: Node) -> Option<String> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.blame.at(value.span(), "expected a text in quotes");
        }
        text.map(str::to_owned)
    }

    fn integer(&mut self, value: Node) -> Option<i64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.blame.at(value.span(), "expected a whole number of at most 64 bits");
        }
        number
    }

    fn integer_within(&mut self, value: Node, least: i64, most: i64) -> Option<i64> {
        let grouped = |number: i64| grouped(number.into());
        let number = self.integer(value)?;
        if !(least..=most).contains(&number) {
            self.blame.at(
                value.span(),
                format!("must be {} to {}, not {}", grouped(least), grouped(most), grouped(number)),
            );
            return None;
        }
        Some(number)
    }

    fn one_of<T: Copy>(&mut self, value: Node, all: &[(&'static str, T)]) -> Option<T> {
        let word = self.string(value)?;
        let found = all.iter().find(|(name, _)| *name == word).map(|(_, it)| *it);
        if found.is_none() {
            let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            let help = nearest(&word, names.iter().copied()).map(|near| format!("did you mean {near}?"));
            self.blame.with_help(value.span(), format!("expected one of {}", names.join(", ")), help);
        }
        found
    }

    fn known(&mut self, key: Key, keys: &[&'static str]) -> Option<&'static str> {
        let found = keys.iter().find(|known| **known == key.get_ref()).copied();
        if found.is_none() {
            let near = nearest(key.get_ref(), keys.iter().copied());
            let help = near.map(|near| format!("did you mean {near}?"));
            let shown: String = key.get_ref().chars().take(60).collect();
            let reason = format!("unknown key {shown:?}: expected one of {}", keys.join(", "));
            self.blame.with_help(key.span(), reason, help);
        }
        found
    }

    fn table<'a, 'b>(&mut self, value: Node<'a, 'b>) -> Vec<(Key<'a, 'b>, Node<'a, 'b>)> {
        match value.get_ref().as_table() {
            Some(table) => table.iter().collect(),
            None => {
                self.blame.at(value.span(), "expected a table");
                Vec::new()
            }
        }
    }

    /// A table's entries in the order of the file.
    fn in_order<'a, 'b>(&mut self, value: Node<'a, 'b>) -> Vec<(Key<'a, 'b>, Node<'a, 'b>)> {
        let mut entries = self.table(value);
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    fn array<'a, 'b>(&mut self, value: Node<'a, 'b>) -> &'a [Spanned<DeValue<'b>>] {
        match value.get_ref().as_array() {
            Some(items) => items,
            None => {
                self.blame.at(value.span(), "expected a list in brackets");
                &[]
            }
        }
    }

    /// An array of tables, `[[rule]]`, of at most so many.
    fn tables<'a, 'b>(&mut self, value: Node<'a, 'b>, most: usize, what: &str) -> Vec<Node<'a, 'b>> {
        let items = self.array(value);
        if let Some(beyond) = items.get(most) {
            self.blame.at(beyond.span(), format!("at most {most} {what}, not {}", items.len()));
        }
        items.iter().take(most).collect()
    }
}

/// Words that the grammar of CEL keeps for itself.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// What a line of a list file says: without spaces around, and without what follows `#` at its start or behind a space.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    let comment = line.char_indices().find(|(_, c)| {
        let starts = *c == '#' && before.is_whitespace();
        before = *c;
        starts
    });
    line[..comment.map_or(line.len(), |(at, _)| at)].trim()
}

/// The line of a place, from 1.
fn line_of(text: &str, at: &Range<usize>) -> usize {
    memchr::memchr_iter(b'\n', text.get(..at.start).unwrap_or(text).as_bytes()).count() + 1
}

impl Draft {
    /// The groups, for limits of category groups.
    fn groups(&self) -> &[Group] {
        &self.names.groups
    }
}
