//! The texts that settings come from, merged into one tree whose every value still knows where it stands.
//! Must not know which keys exist, save that links and programs are sets.

use super::MANUAL;
use super::problem::{Origin, Problem, SettingsError, Source};
use std::{collections::BTreeMap, ops::Range, sync::Arc};
use toml::de::{DeTable, DeValue};

/// The tables whose entries have names of the user's own.
pub(super) const SETS: [&str; 2] = ["links", "programs"];
/// The link whose keys stand in for those that another link leaves out.
const LINK_TEMPLATE: &str = "acquirer-ascii";
/// The keys of a link for which no other link's value can stand in.
const LINK_OWN_KEYS: [&str; 2] = ["listen", "dialect"];

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Table(Table),
    List(Vec<Node>),
    Integer(i64),
    Text(String),
    Flag(bool),
    /// What no setting is: a fraction, a date, a number beyond 64 bits; by its name in errors.
    Foreign(&'static str),
}

pub(super) type Table = BTreeMap<String, Node>;

impl Node {
    pub(super) fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    fn table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The node at `path`, or the last one on the way to it.
    pub(super) fn nearest(&self, path: &[&str]) -> &Node {
        match path.split_first().and_then(|(key, rest)| Some((self.table()?.get(*key)?, rest))) {
            Some((child, rest)) => child.nearest(rest),
            None => self,
        }
    }
}

/// The texts so far, merged.
pub(super) struct Layers {
    tree: Node,
    defaults: Node,
    /// How many there are.
    count: usize,
}

impl Layers {
    /// The manual alone.
    pub(super) fn defaults() -> Result<Layers, SettingsError> {
        let defaults = parse(Source { rank: 0, name: "the built-in defaults".into(), text: MANUAL.into() })?;
        Ok(Layers { tree: defaults.clone(), defaults, count: 1 })
    }

    /// A file: the links and programs that it names are the whole set.
    pub(super) fn add_file(&mut self, name: String, text: String) -> Result<(), SettingsError> {
        let mut file = parse(self.source(name, text))?;
        for set in SETS {
            let Some(entries) = file.table().and_then(|tables| tables.get(set)) else { continue };
            let names_none = entries.table().is_some_and(Table::is_empty);
            let tree = if names_none { &mut file } else { &mut self.tree };
            tree.table_mut().map(|tables| tables.remove(set));
        }
        overlay(&mut self.tree, file);
        Ok(())
    }

    /// One `KEY=VALUE`. The whole is TOML, or else the value is plain text. A link or program given whole
    /// (`links={...}`) is the whole set, a key of one (`links.NAME.KEY=...`) changes or adds that one.
    pub(super) fn add_override(&mut self, argument: &str) -> Result<(), SettingsError> {
        let source = self.source(format!("--set {argument}"), argument.to_owned());
        let Some((key, _)) = argument.split_once('=') else { return Err(malformed(&source).into()) };
        let layer = parse(source.clone()).or_else(|_| plain_text(source.clone(), key))?;
        if layer.table().is_none_or(Table::is_empty) {
            return Err(malformed(&source).into());
        }
        if SETS.contains(&key.trim()) {
            self.tree.table_mut().map(|tables| tables.remove(key.trim()));
        }
        overlay(&mut self.tree, layer);
        Ok(())
    }

    fn source(&mut self, name: String, text: String) -> Source {
        self.count += 1;
        Source { rank: self.count, name, text }
    }

    /// The merged tree. A link's missing keys are those of the built-in link of its name, then the template's.
    pub(super) fn finish(mut self) -> Node {
        let built_in = self.defaults.nearest(&["links"]);
        let mut template = self.defaults.nearest(&["links", LINK_TEMPLATE]).clone();
        if let Some(keys) = template.table_mut() {
            keys.retain(|key, _| !LINK_OWN_KEYS.contains(&key.as_str()));
        }
        let links =
            self.tree.table_mut().and_then(|tables| tables.get_mut("links")).and_then(Node::table_mut);
        for (name, link) in links.into_iter().flatten() {
            if let Some(same) = built_in.table().and_then(|links| links.get(name)) {
                fill(link, same);
            }
            fill(link, &template);
        }
        self.tree
    }
}

/// Gives `node` the keys of `from` that it lacks, and its tables those of the tables there.
fn fill(node: &mut Node, from: &Node) {
    if let (Some(table), Some(from)) = (node.table_mut(), from.table()) {
        for (key, value) in from {
            match table.get_mut(key) {
                Some(own) => fill(own, value),
                None => drop(table.insert(key.clone(), value.clone())),
            }
        }
    }
}

/// `over` wins, key by key; a table's place becomes that of `over`, where a missing key is missed.
fn overlay(base: &mut Node, over: Node) {
    let Node { origin, value } = over;
    match (&mut base.value, value) {
        (Value::Table(base), Value::Table(over)) => {
            for (key, node) in over {
                match base.get_mut(&key) {
                    Some(below) => overlay(below, node),
                    None => drop(base.insert(key, node)),
                }
            }
        }
        (below, value) => *below = value,
    }
    base.origin = origin;
}

fn parse(source: Source) -> Result<Node, SettingsError> {
    let source = Arc::new(source);
    match DeTable::parse(&source.text) {
        Ok(table) => {
            let whole = table.span();
            Ok(node(&source, 0..0, whole, &DeValue::Table(table.into_inner())))
        }
        Err(error) => {
            let span = error.span().unwrap_or_default();
            Err(Problem::new(&source, span, String::new(), error.message().to_owned()).into())
        }
    }
}

fn node(source: &Arc<Source>, key: Range<usize>, span: Range<usize>, value: &DeValue<'_>) -> Node {
    let value = match value {
        DeValue::Table(table) => Value::Table(
            table
                .iter()
                .map(|(key, value)| {
                    (key.get_ref().to_string(), node(source, key.span(), value.span(), value.get_ref()))
                })
                .collect(),
        ),
        DeValue::Array(items) => Value::List(
            items.iter().map(|item| node(source, item.span(), item.span(), item.get_ref())).collect(),
        ),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Foreign("a number beyond 64 bits"), Value::Integer),
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Float(_) => Value::Foreign("a fraction"),
        DeValue::Datetime(_) => Value::Foreign("a date"),
    };
    Node { origin: Origin { source: Arc::clone(source), key, value: span }, value }
}

/// A `KEY=VALUE` with all behind its first `=` as plain text.
fn plain_text(source: Source, key: &str) -> Result<Node, SettingsError> {
    let bare = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let parts: Vec<&str> = key.split('.').map(str::trim).collect();
    if !parts.iter().all(|part| bare(part)) {
        return Err(malformed(&source).into());
    }
    let value = key.len() + 1..source.text.len();
    let text = source.text[value.clone()].trim().to_owned();
    let origin = Origin { source: Arc::new(source), key: 0..key.len(), value };
    let leaf = Node { origin: origin.clone(), value: Value::Text(text) };
    Ok(parts.iter().rev().fold(leaf, |inner, part| Node {
        origin: origin.clone(),
        value: Value::Table(Table::from([((*part).to_owned(), inner)])),
    }))
}

fn malformed(source: &Source) -> Problem {
    let reason = "must be KEY=VALUE, e.g. links.acquirer-ascii.listen=127.0.0.1:0";
    Problem::new(source, 0..source.text.len(), String::new(), reason.to_owned())
}
