//! A condition's text -> a compiled condition, or what is wrong and where: types, names, and the proof that nothing can
//! fail. Must not know files.

use super::bounds::{self, Bounds, Known};
use super::condition::{Arithmetic, Number, Order, Part, Phrase, Test, can_be};
use super::facts::Sort;
use super::list::{Group, List, Of, country};
use super::problem::nearest;
use super::sets::{Ranges, Words};
use super::syntax::{MOST_DEEP, Mistake, parse};
use super::{Attribute, Text};
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use std::ops::Range;
use std::sync::Arc;

/// Said of what CEL has and conditions have not.
const SUPPORTED: &str = "conditions know whole numbers, true, false, texts, attributes, lists.NAME and groups.NAME; \
    && || ! == != < <= > >= + - * / % ?: in; startsWith, endsWith, contains and size";

/// What names in conditions can stand for, beside attributes.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) lists: Vec<Arc<List>>,
    pub(super) groups: Vec<Group>,
}

/// Reads a condition.
pub(super) fn condition(text: &str, names: &Names) -> Result<Test, Mistake> {
    let (tree, places) = parse(text)?;
    let checker = Checker { text, places, names };
    checker.test(&tree, &Known::default(), 0)
}

/// Reads an expression of a whole number, and says how large it can get.
pub(super) fn number(text: &str, names: &Names) -> Result<(Number, Bounds), Mistake> {
    let (tree, places) = parse(text)?;
    let checker = Checker { text, places, names };
    checker.number(&tree, &Known::default(), 0)
}

/// What an expression is.
enum Typed {
    Test(Test),
    Number(Number, Bounds),
    Phrase(Phrase),
    Numbers(Ranges),
    Words(Words),
    List(Arc<List>),
    Card,
}

impl Typed {
    fn kind(&self) -> &'static str {
        match self {
            Typed::Test(_) => "bool",
            Typed::Number(..) => "int",
            Typed::Phrase(_) => "string",
            Typed::Numbers(_) => "list of ints",
            Typed::Words(_) => "list of strings",
            Typed::List(_) => "list",
            Typed::Card => "card number",
        }
    }
}

struct Checker<'a> {
    text: &'a str,
    places: SourceInfo,
    names: &'a Names,
}

impl Checker<'_> {
    fn wrong<T>(&self, at: &IdedExpr, reason: impl Into<String>) -> Result<T, Mistake> {
        Err((self.place(at), reason.into(), None))
    }

    /// The token that stands for the expression; of a name, all of it.
    fn place(&self, tree: &IdedExpr) -> Range<usize> {
        let token = |tree: &IdedExpr| {
            let (start, stop) = self.places.offset_for(tree.id).unwrap_or_default();
            let start = (start as usize).min(self.text.len());
            start..(stop as usize + 1).clamp(start, self.text.len())
        };
        match &tree.expr {
            Expr::Select(select) => {
                let start = self.place(&select.operand).start;
                start..(token(tree).start + 1 + select.field.len()).clamp(start, self.text.len())
            }
            _ => token(tree),
        }
    }

    fn test(&self, tree: &IdedExpr, known: &Known, deep: usize) -> Result<Test, Mistake> {
        match self.typed(tree, known, deep)? {
            Typed::Test(test) => Ok(test),
            other => self.wrong(tree, format!("expected a condition (bool), found {}", other.kind())),
        }
    }

    fn number(&self, tree: &IdedExpr, known: &Known, deep: usize) -> Result<(Number, Bounds), Mistake> {
        match self.typed(tree, known, deep)? {
            Typed::Number(number, bounds) => Ok((number, bounds)),
            other => self.wrong(tree, format!("expected a whole number (int), found {}", other.kind())),
        }
    }

    fn phrase(&self, tree: &IdedExpr, known: &Known, deep: usize) -> Result<Phrase, Mistake> {
        match self.typed(tree, known, deep)? {
            Typed::Phrase(phrase) => Ok(phrase),
            other => self.wrong(tree, format!("expected a text (string), found {}", other.kind())),
        }
    }

    fn typed(&self, tree: &IdedExpr, known: &Known, deep: usize) -> Result<Typed, Mistake> {
        if deep > MOST_DEEP {
            return self.wrong(tree, format!("nested deeper than {MOST_DEEP}"));
        }
        match &tree.expr {
            Expr::Literal(literal) => self.literal(tree, literal),
            Expr::Ident(_) | Expr::Select(_) => self.name(tree, known),
            Expr::List(list) => self.list(tree, &list.elements, known, deep),
            Expr::Call(call) => self.call(tree, call, known, deep),
            _ => self.wrong(tree, format!("not supported: {SUPPORTED}")),
        }
    }

    fn literal(&self, tree: &IdedExpr, literal: &LiteralValue) -> Result<Typed, Mistake> {
        match literal {
            LiteralValue::Boolean(value) => Ok(Typed::Test(Test::Always(*value.inner()))),
            LiteralValue::Int(value) => {
                let value = *value.inner();
                Ok(Typed::Number(Number::Constant(value), (value, value)))
            }
            LiteralValue::String(text) => match Text::of_rule(text.inner()) {
                Ok(text) => Ok(Typed::Phrase(Phrase::Constant(text))),
                Err(reason) => self.wrong(tree, reason),
            },
            _ => self.wrong(tree, format!("not supported: {SUPPORTED}")),
        }
    }

    /// `merchant.category`, `lists.bad_merchants`.
    fn name(&self, tree: &IdedExpr, known: &Known) -> Result<Typed, Mistake> {
        let mut parts = Vec::new();
        let mut at = &tree.expr;
        loop {
            match at {
                Expr::Select(select) if !select.test => {
                    parts.push(select.field.as_str());
                    at = &select.operand.expr;
                }
                Expr::Ident(name) => break parts.push(name),
                _ => return self.wrong(tree, format!("not supported: {SUPPORTED}")),
            }
        }
        parts.reverse();
        let name = parts.join(".");
        let (lists, groups) = (&self.names.lists, &self.names.groups);
        match parts[..] {
            ["lists", name] => match lists.iter().find(|list| list.name() == name) {
                Some(list) => Ok(Typed::List(Arc::clone(list))),
                None => self.unknown(tree, "list", name, lists.iter().map(|list| list.name())),
            },
            ["groups", name] => match groups.iter().find(|group| group.name == name) {
                Some(group) => Ok(Typed::Numbers(group.categories.clone())),
                None => self.unknown(tree, "group", name, groups.iter().map(|group| group.name.as_str())),
            },
            _ => match Attribute::named(&name) {
                Some(attribute) => Ok(attribute_of(attribute, known)),
                None => {
                    let all = Attribute::ALL.iter().map(|attribute| attribute.name());
                    self.unknown(tree, "attribute", &name, all)
                }
            },
        }
    }

    fn unknown<'n>(
        &self,
        tree: &IdedExpr,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str>,
    ) -> Result<Typed, Mistake> {
        let shown: String = name.chars().take(60).collect();
        let known: Vec<&str> = known.collect();
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => Some(format!("did you mean {near}?")),
            None if what == "attribute" => Some("`authswitch rules attributes` lists them".to_owned()),
            None => None,
        };
        Err((self.place(tree), format!("unknown {what} {shown:?}"), help))
    }

    /// A list of constants.
    fn list(&self, tree: &IdedExpr, all: &[IdedExpr], known: &Known, deep: usize) -> Result<Typed, Mistake> {
        let (mut numbers, mut words) = (Vec::new(), Vec::new());
        for element in all {
            match self.typed(element, known, deep + 1)? {
                Typed::Number(Number::Constant(value), _) => numbers.push((value, value)),
                Typed::Phrase(Phrase::Constant(text)) => words.push(text),
                other => {
                    let reason = format!("lists hold constants, ints or strings, not this {}", other.kind());
                    return self.wrong(element, reason);
                }
            }
            if !numbers.is_empty() && !words.is_empty() {
                return self.wrong(element, "a list holds ints or strings, not both");
            }
        }
        match (numbers.is_empty(), words.is_empty()) {
            (true, true) => self.wrong(tree, "nothing is in an empty list"),
            (true, false) => Ok(Typed::Words(Words::of(words))),
            _ => Ok(Typed::Numbers(Ranges::of(numbers))),
        }
    }

    fn call(&self, tree: &IdedExpr, call: &CallExpr, known: &Known, deep: usize) -> Result<Typed, Mistake> {
        let (name, deep) = (call.func_name.as_str(), deep + 1);
        match (name, call.target.as_deref(), &call.args[..]) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, None, [left, right]) => {
                // The library balances long chains; their depth says nothing.
                let holds = name == operators::LOGICAL_AND;
                let left = self.test(left, known, deep)?;
                let right = self.test(right, &known.given(&left, holds), deep)?;
                Ok(Typed::Test(if holds { left.and(right) } else { left.or(right) }))
            }
            (operators::LOGICAL_NOT, None, [of]) => Ok(Typed::Test(self.test(of, known, deep)?.negated())),
            (operators::NEGATE, None, [of]) => {
                let (number, bounds) = self.number(of, known, deep)?;
                let bounds = bounds::negative(bounds).or_else(|reason| self.wrong(tree, reason))?;
                Ok(folded(Number::Negative(Box::new(number)), bounds))
            }
            (operators::CONDITIONAL, None, [when, then, other]) => {
                let when = self.test(when, known, deep)?;
                let (then_known, other_known) = (known.given(&when, true), known.given(&when, false));
                let then_typed = self.typed(then, &then_known, deep)?;
                self.branch(other, when, then_typed, self.typed(other, &other_known, deep)?)
            }
            (operators::IN, None, [what, list]) => self.within(tree, what, list, known, deep),
            ("size", None, [of]) | ("size", Some(of), []) => Ok(match self.phrase(of, known, deep)? {
                Phrase::Constant(text) => {
                    let length = text.as_bytes().len() as i64;
                    Typed::Number(Number::Constant(length), (length, length))
                }
                phrase => Typed::Number(Number::Size(phrase), (0, Text::LONGEST as i64)),
            }),
            ("startsWith" | "endsWith" | "contains", Some(text), [part]) => {
                let pair = (self.phrase(text, known, deep)?, self.phrase(part, known, deep)?);
                let part = match name {
                    "startsWith" => Part::Start,
                    "endsWith" => Part::End,
                    _ => Part::Anywhere,
                };
                Ok(Typed::Test(Test::Has(part, Box::new(pair))))
            }
            (_, None, [left, right]) => self.binary(tree, name, (left, right), known, deep),
            _ => self.wrong(tree, format!("not supported: {SUPPORTED}")),
        }
    }

    fn branch(&self, at: &IdedExpr, when: Test, then: Typed, other: Typed) -> Result<Typed, Mistake> {
        match (then, other) {
            (Typed::Test(then), Typed::Test(other)) => {
                Ok(Typed::Test(Test::If(Box::new((when, then, other)))))
            }
            (Typed::Number(then, a), Typed::Number(other, b)) => {
                let bounds = (a.0.min(b.0), a.1.max(b.1));
                Ok(Typed::Number(Number::If(Box::new((when, then, other))), bounds))
            }
            (Typed::Phrase(then), Typed::Phrase(other)) => {
                Ok(Typed::Phrase(Phrase::If(Box::new((when, then, other)))))
            }
            (then, other) => {
                let (then, other) = (then.kind(), other.kind());
                self.wrong(at, format!("one branch is {then}, the other {other}"))
            }
        }
    }

    fn binary(
        &self,
        tree: &IdedExpr,
        name: &str,
        (left, right): (&IdedExpr, &IdedExpr),
        known: &Known,
        deep: usize,
    ) -> Result<Typed, Mistake> {
        let operation = match name {
            operators::ADD => Some(Arithmetic::Add),
            operators::SUBSTRACT => Some(Arithmetic::Subtract),
            operators::MULTIPLY => Some(Arithmetic::Multiply),
            operators::DIVIDE => Some(Arithmetic::Divide),
            operators::MODULO => Some(Arithmetic::Remainder),
            _ => None,
        };
        if let Some(operation) = operation {
            let (left, right) = (self.number(left, known, deep)?, self.number(right, known, deep)?);
            let bounds = bounds::combine(operation, left.1, right.1);
            let bounds = bounds.or_else(|reason| self.wrong(tree, reason))?;
            return Ok(folded(Number::Combine(operation, Box::new((left.0, right.0))), bounds));
        }
        // a > b is b < a; a >= b is b <= a.
        let (order, turned, opposite) = match name {
            operators::EQUALS => (Order::Equal, false, false),
            operators::NOT_EQUALS => (Order::Equal, false, true),
            operators::LESS => (Order::Below, false, false),
            operators::GREATER => (Order::Below, true, false),
            operators::LESS_EQUALS => (Order::AtMost, false, false),
            operators::GREATER_EQUALS => (Order::AtMost, true, false),
            _ => return self.wrong(tree, format!("not supported: {SUPPORTED}")),
        };
        let (first, second) = (self.typed(left, known, deep)?, self.typed(right, known, deep)?);
        let (a, b) = if turned { (second, first) } else { (first, second) };
        let test = match (a, b) {
            (Typed::Number(a, _), Typed::Number(b, _)) => compare(order, a, b),
            (Typed::Phrase(a), Typed::Phrase(b)) => {
                let (a, b) = if order == Order::Equal { self.countries(right, a, b)? } else { (a, b) };
                self.possible(right, order, &a, &b)?;
                compare_texts(order, a, b)
            }
            (Typed::Test(a), Typed::Test(b)) if order == Order::Equal => same(a, b),
            (Typed::Card, _) | (_, Typed::Card) => return self.wrong(tree, CARDS),
            (a, b) => {
                let (a, b) = if turned { (b, a) } else { (a, b) };
                return self.wrong(tree, format!("cannot compare {} with {}", a.kind(), b.kind()));
            }
        };
        Ok(Typed::Test(if opposite { test.negated() } else { test }))
    }

    /// A constant that a country is compared with is one too, whichever code it is written in.
    fn countries(&self, at: &IdedExpr, a: Phrase, b: Phrase) -> Result<(Phrase, Phrase), Mistake> {
        let named = |text: Text| match country(text.as_str()) {
            Ok(country) => Ok(Phrase::Constant(country)),
            Err(reason) => self.wrong(at, reason),
        };
        match (a, b) {
            (Phrase::Of(of), Phrase::Constant(text)) if of.is_country() => Ok((Phrase::Of(of), named(text)?)),
            (Phrase::Constant(text), Phrase::Of(of)) if of.is_country() => Ok((named(text)?, Phrase::Of(of))),
            pair => Ok(pair),
        }
    }

    /// Refuses the comparison of an attribute with what it never is: a misspelling would be never true.
    fn possible(&self, at: &IdedExpr, order: Order, a: &Phrase, b: &Phrase) -> Result<(), Mistake> {
        match (a, b) {
            (Phrase::Of(of), Phrase::Constant(text)) | (Phrase::Constant(text), Phrase::Of(of))
                if order == Order::Equal =>
            {
                can_be(*of, text).or_else(|reason| self.wrong(at, reason))
            }
            _ => Ok(()),
        }
    }

    fn within(
        &self,
        tree: &IdedExpr,
        what: &IdedExpr,
        list: &IdedExpr,
        known: &Known,
        deep: usize,
    ) -> Result<Typed, Mistake> {
        let test = match (self.typed(what, known, deep)?, self.typed(list, known, deep)?) {
            (Typed::Number(number, _), Typed::Numbers(ranges)) => Test::InRanges(number, ranges),
            (Typed::Number(number, _), Typed::List(list)) if list.of() == Of::Number => {
                Test::InNumbers(number, list)
            }
            (Typed::Phrase(Phrase::Of(of)), Typed::Words(words)) if of.is_country() => {
                let named: Result<_, _> = words.named().iter().map(|word| country(word.as_str())).collect();
                Test::InWords(Phrase::Of(of), Words::of(named.or_else(|reason| self.wrong(list, reason))?))
            }
            (Typed::Phrase(Phrase::Of(of)), Typed::List(list)) if of.is_country() => {
                let countries = match list.of() {
                    Of::Country => list,
                    Of::Text => Arc::new(
                        list.of_countries()
                            .or_else(|reason| self.wrong(tree, format!("lists.{}: {reason}", list.name())))?,
                    ),
                    other => {
                        let (name, of) = (list.name(), other.name());
                        return self.wrong(tree, format!("lists.{name} is of {of:?}, and this is a country"));
                    }
                };
                Test::InTexts(Phrase::Of(of), countries)
            }
            (Typed::Phrase(phrase), Typed::Words(words)) => {
                if let Phrase::Of(of) = phrase {
                    let wrong = words.named().iter().find_map(|word| can_be(of, word).err());
                    wrong.map_or(Ok(()), |reason| self.wrong(list, reason))?;
                }
                Test::InWords(phrase, words)
            }
            (Typed::Phrase(phrase), Typed::List(list)) if list.of() == Of::Text => {
                Test::InTexts(phrase, list)
            }
            (Typed::Card, Typed::List(list)) if list.of() == Of::Card => Test::InCards(list),
            (Typed::Card, _) => return self.wrong(tree, CARDS),
            (what, Typed::List(list)) => {
                let of = list.of().name();
                let reason = format!("lists.{} is of {of:?}, and this is {}", list.name(), what.kind());
                return self.wrong(tree, reason);
            }
            (what, list) => {
                return self.wrong(tree, format!("cannot look up {} in {}", what.kind(), list.kind()));
            }
        };
        Ok(Typed::Test(test))
    }
}

const CARDS: &str = "a card number can only be looked up in a list of cards: card.number in lists.NAME";

fn attribute_of(attribute: Attribute, known: &Known) -> Typed {
    match attribute.sort() {
        Sort::Number(_) => Typed::Number(Number::Of(attribute), known.of(attribute)),
        Sort::Flag => Typed::Test(Test::Flag(attribute)),
        Sort::Text(_) => Typed::Phrase(Phrase::Of(attribute)),
        Sort::Card => Typed::Card,
    }
}

/// A number that has one value only is that value.
fn folded(number: Number, bounds: Bounds) -> Typed {
    match bounds.0 == bounds.1 {
        true => Typed::Number(Number::Constant(bounds.0), bounds),
        false => Typed::Number(number, bounds),
    }
}

/// An attribute against a constant becomes a range, which the index and lint understand.
fn compare(order: Order, a: Number, b: Number) -> Test {
    match (order, a, b) {
        (order, Number::Constant(a), Number::Constant(b)) => Test::Always(order.holds(a.cmp(&b))),
        (Order::Equal, Number::Of(of), Number::Constant(value))
        | (Order::Equal, Number::Constant(value), Number::Of(of)) => Test::Within(of, value, value),
        (Order::Below, Number::Of(of), Number::Constant(value)) => match value.checked_sub(1) {
            Some(last) => Test::Within(of, i64::MIN, last),
            None => Test::Always(false),
        },
        (Order::AtMost, Number::Of(of), Number::Constant(value)) => Test::Within(of, i64::MIN, value),
        (Order::Below, Number::Constant(value), Number::Of(of)) => match value.checked_add(1) {
            Some(first) => Test::Within(of, first, i64::MAX),
            None => Test::Always(false),
        },
        (Order::AtMost, Number::Constant(value), Number::Of(of)) => Test::Within(of, value, i64::MAX),
        (order, a, b) => Test::Compare(order, Box::new((a, b))),
    }
}

fn compare_texts(order: Order, a: Phrase, b: Phrase) -> Test {
    match (order, a, b) {
        (order, Phrase::Constant(a), Phrase::Constant(b)) => Test::Always(order.holds(a.cmp(&b))),
        (Order::Equal, Phrase::Of(of), Phrase::Constant(text))
        | (Order::Equal, Phrase::Constant(text), Phrase::Of(of)) => Test::Is(of, text),
        (order, a, b) => Test::CompareTexts(order, Box::new((a, b))),
    }
}

fn same(a: Test, b: Test) -> Test {
    match (a, b) {
        (Test::Always(true), test) | (test, Test::Always(true)) => test,
        (Test::Always(false), test) | (test, Test::Always(false)) => test.negated(),
        (a, b) => Test::Same(Box::new((a, b))),
    }
}
