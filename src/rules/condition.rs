//! A compiled condition: a tree of tests whose every operation is known to succeed, walked without touching the heap.
//! Must not know the text it comes from.

use super::facts::Sort;
use super::list::List;
use super::sets::{Ranges, Words};
use super::{Attribute, Facts, Text};
use std::cmp::Ordering;
use std::sync::Arc;

/// An order of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Below,
    AtMost,
}

impl Order {
    #[inline]
    pub(super) fn holds(self, found: Ordering) -> bool {
        match self {
            Order::Equal => found == Ordering::Equal,
            Order::Below => found == Ordering::Less,
            Order::AtMost => found != Ordering::Greater,
        }
    }
}

/// How one text stands in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Start,
    End,
    Anywhere,
}

/// True or false.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Always(bool),
    Flag(Attribute),
    /// The number is at least the first and at most the second.
    Within(Attribute, i64, i64),
    Compare(Order, Box<(Number, Number)>),
    InRanges(Number, Ranges),
    InNumbers(Number, Arc<List>),
    Is(Attribute, Text),
    CompareTexts(Order, Box<(Phrase, Phrase)>),
    InWords(Phrase, Words),
    InTexts(Phrase, Arc<List>),
    InCards(Arc<List>),
    Has(Part, Box<(Phrase, Phrase)>),
    Same(Box<(Test, Test)>),
    Not(Box<Test>),
    /// At least two.
    All(Vec<Test>),
    /// At least two.
    Any(Vec<Test>),
    If(Box<(Test, Test, Test)>),
}

/// A whole number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    Constant(i64),
    Of(Attribute),
    Size(Phrase),
    Negative(Box<Number>),
    Combine(Arithmetic, Box<(Number, Number)>),
    If(Box<(Test, Number, Number)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phrase {
    Constant(Text),
    Of(Attribute),
    If(Box<(Test, Phrase, Phrase)>),
}

impl Test {
    /// Whether it holds.
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        match self {
            Test::Always(value) => *value,
            Test::Flag(attribute) => facts.number(*attribute) != 0,
            Test::Within(attribute, low, high) => (*low..=*high).contains(&facts.number(*attribute)),
            Test::Compare(order, pair) => order.holds(pair.0.value(facts).cmp(&pair.1.value(facts))),
            Test::InRanges(number, ranges) => ranges.contains(number.value(facts)),
            Test::InNumbers(number, list) => list.has_number(number.value(facts)),
            Test::Is(attribute, text) => facts.text(*attribute) == text,
            Test::CompareTexts(order, pair) => order.holds(pair.0.value(facts).cmp(pair.1.value(facts))),
            Test::InWords(phrase, words) => words.contains(phrase.value(facts)),
            Test::InTexts(phrase, list) => list.has_text(phrase.value(facts)),
            Test::InCards(list) => list.has_card(facts),
            Test::Has(part, pair) => {
                part.holds(pair.0.value(facts).as_bytes(), pair.1.value(facts).as_bytes())
            }
            Test::Same(pair) => pair.0.holds(facts) == pair.1.holds(facts),
            Test::Not(test) => !test.holds(facts),
            Test::All(tests) => tests.iter().all(|test| test.holds(facts)),
            Test::Any(tests) => tests.iter().any(|test| test.holds(facts)),
            Test::If(parts) => {
                if parts.0.holds(facts) {
                    parts.1.holds(facts)
                } else {
                    parts.2.holds(facts)
                }
            }
        }
    }

    /// The opposite, without two negations in a row.
    pub(super) fn negated(self) -> Test {
        match self {
            Test::Always(value) => Test::Always(!value),
            Test::Not(test) => *test,
            test => Test::Not(Box::new(test)),
        }
    }

    /// All of both, flat.
    pub(super) fn and(self, other: Test) -> Test {
        match (self, other) {
            (Test::Always(false), _) | (_, Test::Always(false)) => Test::Always(false),
            (Test::Always(true), test) | (test, Test::Always(true)) => test,
            (Test::All(mut tests), Test::All(more)) => {
                tests.extend(more);
                Test::All(tests)
            }
            (Test::All(mut tests), test) => {
                tests.push(test);
                Test::All(tests)
            }
            (test, Test::All(mut tests)) => {
                tests.insert(0, test);
                Test::All(tests)
            }
            (one, other) => Test::All(vec![one, other]),
        }
    }

    /// Any of both, flat.
    pub(super) fn or(self, other: Test) -> Test {
        match (self, other) {
            (Test::Always(true), _) | (_, Test::Always(true)) => Test::Always(true),
            (Test::Always(false), test) | (test, Test::Always(false)) => test,
            (Test::Any(mut tests), Test::Any(more)) => {
                tests.extend(more);
                Test::Any(tests)
            }
            (Test::Any(mut tests), test) => {
                tests.push(test);
                Test::Any(tests)
            }
            (test, Test::Any(mut tests)) => {
                tests.insert(0, test);
                Test::Any(tests)
            }
            (one, other) => Test::Any(vec![one, other]),
        }
    }

    /// What must all hold.
    pub(super) fn conjuncts(&self) -> &[Test] {
        match self {
            Test::All(tests) => tests,
            test => std::slice::from_ref(test),
        }
    }
}

impl Part {
    fn holds(self, text: &[u8], part: &[u8]) -> bool {
        match self {
            Part::Start => text.starts_with(part),
            Part::End => text.ends_with(part),
            Part::Anywhere => part.is_empty() || text.windows(part.len()).any(|window| window == part),
        }
    }
}

impl Number {
    /// The value. What a rule file's checks exclude wraps, or is 0 where it is divided by 0.
    pub(super) fn value(&self, facts: &Facts) -> i64 {
        match self {
            Number::Constant(value) => *value,
            Number::Of(attribute) => facts.number(*attribute),
            Number::Size(phrase) => phrase.value(facts).as_bytes().len() as i64,
            Number::Negative(number) => number.value(facts).wrapping_neg(),
            Number::Combine(operation, pair) => operation.apply(pair.0.value(facts), pair.1.value(facts)),
            Number::If(parts) => {
                if parts.0.holds(facts) {
                    parts.1.value(facts)
                } else {
                    parts.2.value(facts)
                }
            }
        }
    }
}

impl Arithmetic {
    pub(super) fn apply(self, left: i64, right: i64) -> i64 {
        match self {
            Arithmetic::Add => left.wrapping_add(right),
            Arithmetic::Subtract => left.wrapping_sub(right),
            Arithmetic::Multiply => left.wrapping_mul(right),
            Arithmetic::Divide if right == 0 => 0,
            Arithmetic::Divide => left.wrapping_div(right),
            Arithmetic::Remainder if right == 0 => 0,
            Arithmetic::Remainder => left.wrapping_rem(right),
        }
    }
}

impl Phrase {
    fn value<'a>(&'a self, facts: &'a Facts) -> &'a Text {
        match self {
            Phrase::Constant(text) => text,
            Phrase::Of(attribute) => facts.text(*attribute),
            Phrase::If(parts) => {
                if parts.0.holds(facts) {
                    parts.1.value(facts)
                } else {
                    parts.2.value(facts)
                }
            }
        }
    }
}

/// One thing that a condition mentions.
pub(super) enum Mention<'a> {
    Asked(Attribute),
    Number(i64),
    Text(&'a Text),
    List(&'a List),
}

impl Test {
    /// Visits every attribute, constant and list.
    pub(super) fn mentions<'a>(&'a self, visit: &mut dyn FnMut(Mention<'a>)) {
        match self {
            Test::Always(_) => {}
            Test::Flag(attribute) => visit(Mention::Asked(*attribute)),
            Test::Within(attribute, low, high) => {
                visit(Mention::Asked(*attribute));
                visit(Mention::Number(*low));
                visit(Mention::Number(*high));
            }
            Test::Compare(_, pair) => {
                pair.0.mentions(visit);
                pair.1.mentions(visit);
            }
            Test::InRanges(number, ranges) => {
                number.mentions(visit);
                for (low, high) in ranges.as_slice() {
                    visit(Mention::Number(*low));
                    visit(Mention::Number(*high));
                }
            }
            Test::InNumbers(number, list) => {
                number.mentions(visit);
                visit(Mention::List(list));
            }
            Test::Is(attribute, text) => {
                visit(Mention::Asked(*attribute));
                visit(Mention::Text(text));
            }
            Test::CompareTexts(_, pair) | Test::Has(_, pair) => {
                pair.0.mentions(visit);
                pair.1.mentions(visit);
            }
            Test::InWords(phrase, words) => {
                phrase.mentions(visit);
                words.named().iter().for_each(|word| visit(Mention::Text(word)));
            }
            Test::InTexts(phrase, list) => {
                phrase.mentions(visit);
                visit(Mention::List(list));
            }
            Test::InCards(list) => {
                visit(Mention::Asked(Attribute::CardNumber));
                visit(Mention::List(list));
            }
            Test::Same(pair) => {
                pair.0.mentions(visit);
                pair.1.mentions(visit);
            }
            Test::Not(test) => test.mentions(visit),
            Test::All(tests) | Test::Any(tests) => tests.iter().for_each(|test| test.mentions(visit)),
            Test::If(parts) => {
                parts.0.mentions(visit);
                parts.1.mentions(visit);
                parts.2.mentions(visit);
            }
        }
    }
}

impl Number {
    pub(super) fn mentions<'a>(&'a self, visit: &mut dyn FnMut(Mention<'a>)) {
        match self {
            Number::Constant(value) => visit(Mention::Number(*value)),
            Number::Of(attribute) => visit(Mention::Asked(*attribute)),
            Number::Size(phrase) => phrase.mentions(visit),
            Number::Negative(number) => number.mentions(visit),
            Number::Combine(_, pair) => {
                pair.0.mentions(visit);
                pair.1.mentions(visit);
            }
            Number::If(parts) => {
                parts.0.mentions(visit);
                parts.1.mentions(visit);
                parts.2.mentions(visit);
            }
        }
    }
}

impl Phrase {
    fn mentions<'a>(&'a self, visit: &mut dyn FnMut(Mention<'a>)) {
        match self {
            Phrase::Constant(text) => visit(Mention::Text(text)),
            Phrase::Of(attribute) => visit(Mention::Asked(*attribute)),
            Phrase::If(parts) => {
                parts.0.mentions(visit);
                parts.1.mentions(visit);
                parts.2.mentions(visit);
            }
        }
    }
}

/// Whether a message can bring this text for the attribute, or why not: a condition that asks for another is a mistake.
pub(super) fn can_be(attribute: Attribute, text: &Text) -> Result<(), String> {
    text.can_be_whole()?;
    let Sort::Text(words) = attribute.sort() else { return Ok(()) };
    let name = attribute.name();
    if text.is_empty() {
        return Ok(());
    }
    if !words.is_empty() && !words.contains(&text.as_str()) {
        let known = words.join(", ");
        return Err(format!("{name} is never {text:?}: it is one of {known}, or empty"));
    }
    Ok(())
}
