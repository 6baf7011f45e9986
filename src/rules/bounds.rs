//! What is known of a condition without a message: how large its numbers can get, and which values of one attribute it
//! admits. Must not know the text of a condition.

use super::Attribute;
use super::condition::{Arithmetic, Number, Phrase, Test};
use super::facts::Sort;
use super::sets::{Ranges, Values, Words};
use super::text::Text;

/// The least and the greatest value of a number.
pub(super) type Bounds = (i64, i64);

/// The bounds of a result, or why there are none.
pub(super) fn combine(operation: Arithmetic, left: Bounds, right: Bounds) -> Result<Bounds, String> {
    let ends = |apply: fn(i128, i128) -> i128| {
        let corners = [(left.0, right.0), (left.0, right.1), (left.1, right.0), (left.1, right.1)];
        let corners = corners.map(|(a, b)| apply(i128::from(a), i128::from(b)));
        corners.into_iter().fold((i128::MAX, i128::MIN), |(low, high), n| (low.min(n), high.max(n)))
    };
    if matches!(operation, Arithmetic::Divide | Arithmetic::Remainder) && right.0 <= 0 && right.1 >= 0 {
        let (low, high) = (grouped(right.0.into()), grouped(right.1.into()));
        return Err(format!("may divide by zero: the divisor is {low} to {high}"));
    }
    let (low, high) = match operation {
        Arithmetic::Add => ends(|a, b| a + b),
        Arithmetic::Subtract => ends(|a, b| a - b),
        Arithmetic::Multiply => ends(|a, b| a * b),
        // Towards zero, and so monotone in each operand while the divisor keeps its sign.
        Arithmetic::Divide => ends(|a, b| a / b),
        Arithmetic::Remainder => {
            let most = i128::from(right.0).abs().max(i128::from(right.1).abs()) - 1;
            (i128::from(left.0.min(0)).max(-most), i128::from(left.1.max(0)).min(most))
        }
    };
    fit(low, high)
}

/// The bounds of the opposite.
pub(super) fn negative(of: Bounds) -> Result<Bounds, String> {
    fit(-i128::from(of.1), -i128::from(of.0))
}

fn fit(low: i128, high: i128) -> Result<Bounds, String> {
    match (i64::try_from(low), i64::try_from(high)) {
        (Ok(low), Ok(high)) => Ok((low, high)),
        _ => {
            Err(format!("may overflow: the result is {} to {}, beyond 64 bits", grouped(low), grouped(high)))
        }
    }
}

/// A number in groups of three digits: for reading, and so that none looks like a card number, which errors hide.
pub(super) fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What is known of attributes at one place of a condition, beyond their ranges: behind `x > 0 &&`, x is above 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Vec<(Attribute, Bounds)>);

impl Known {
    pub(super) fn of(&self, attribute: Attribute) -> Bounds {
        let known = self.0.iter().rev().find(|(known, _)| *known == attribute);
        known.map_or_else(|| attribute.range(), |(_, bounds)| *bounds)
    }

    /// The same where `test` came out as `holds`.
    pub(super) fn given(&self, test: &Test, holds: bool) -> Known {
        let mut known = self.clone();
        known.learn(test, holds);
        known
    }

    fn learn(&mut self, test: &Test, holds: bool) {
        match (test, holds) {
            (Test::Not(test), _) => self.learn(test, !holds),
            (Test::All(tests), true) | (Test::Any(tests), false) => {
                tests.iter().for_each(|test| self.learn(test, holds));
            }
            (Test::Within(attribute, low, high), true) => self.narrow(*attribute, *low, *high),
            (Test::Within(attribute, low, high), false) => {
                let (least, greatest) = self.of(*attribute);
                if *low <= least && *high < greatest {
                    self.narrow(*attribute, high + 1, greatest);
                } else if *high >= greatest && *low > least {
                    self.narrow(*attribute, least, low - 1);
                }
            }
            (Test::InRanges(Number::Of(attribute), ranges), true) => {
                if let (Some(first), Some(last)) = (ranges.as_slice().first(), ranges.as_slice().last()) {
                    self.narrow(*attribute, first.0, last.1);
                }
            }
            _ => {}
        }
    }

    fn narrow(&mut self, attribute: Attribute, low: i64, high: i64) {
        let (least, greatest) = self.of(attribute);
        let (low, high) = (low.max(least), high.min(greatest));
        // What nothing satisfies is never reached: what was known before stays true enough.
        if low <= high {
            self.0.push((attribute, (low, high)));
        }
    }
}

/// All values of the attribute; `None` for what no set is kept of.
pub(super) fn everything(attribute: Attribute) -> Option<Values> {
    match attribute.sort() {
        Sort::Number(_) | Sort::Flag => {
            Some(Values::numbers(Ranges::of(vec![attribute.range()]), attribute.range()))
        }
        Sort::Text([]) => Some(Values::Texts(Words::of(vec![])).complement()),
        Sort::Text(words) => {
            let all = words.iter().chain(&[""]).map(|word| Text::of_field(word.as_bytes()));
            Some(Values::Texts(Words::of(all.collect())))
        }
        Sort::Card => None,
    }
}

/// The values of `attribute` without which the test cannot come out as `holds`: never too few. They are exact where
/// [`is_of_one`] holds, since all the rest is sets of one attribute.
pub(super) fn admitted(test: &Test, holds: bool, attribute: Attribute) -> Option<Values> {
    let all = everything(attribute)?;
    let found = match test {
        Test::Always(value) if *value == holds => return Some(all),
        Test::Always(_) => all.clone().complement(),
        Test::Not(test) => return admitted(test, !holds, attribute),
        Test::All(tests) | Test::Any(tests) => {
            let every = matches!(test, Test::All(_)) == holds;
            let mut parts = tests.iter().filter_map(|test| admitted(test, holds, attribute));
            let first = parts.next()?;
            return Some(parts.fold(first, |so_far, part| match every {
                true => so_far.intersect(&part),
                false => so_far.union(&part),
            }));
        }
        Test::If(parts) => {
            let when = admitted(&parts.0, true, attribute)?.intersect(&admitted(&parts.1, holds, attribute)?);
            let other =
                admitted(&parts.0, false, attribute)?.intersect(&admitted(&parts.2, holds, attribute)?);
            return Some(when.union(&other));
        }
        _ => match atom(test) {
            Some((of, values)) if of == attribute => values,
            _ => return Some(all),
        },
    };
    let found = if holds { found } else { found.complement() };
    Some(all.intersect(&found))
}

/// A test of one attribute against constants, and the values for which it holds.
fn atom(test: &Test) -> Option<(Attribute, Values)> {
    let numbers = |of: Attribute, ranges: Ranges| (of, Values::numbers(ranges, of.range()));
    match test {
        Test::Flag(of) => Some(numbers(*of, Ranges::of(vec![(1, 1)]))),
        Test::Within(of, low, high) => Some(numbers(*of, Ranges::of(vec![(*low, *high)]))),
        Test::InRanges(Number::Of(of), ranges) => Some(numbers(*of, ranges.clone())),
        Test::Is(of, text) => Some((*of, Values::Texts(Words::of(vec![*text])))),
        Test::InWords(Phrase::Of(of), words) => Some((*of, Values::Texts(words.clone()))),
        _ => None,
    }
}

/// The one attribute that a test speaks of, if [`admitted`] says exactly what the test does.
pub(super) fn is_of_one(test: &Test) -> Option<Attribute> {
    match test {
        Test::Not(test) => is_of_one(test),
        Test::All(tests) | Test::Any(tests) => {
            let first = is_of_one(tests.first()?)?;
            tests.iter().all(|test| is_of_one(test) == Some(first)).then_some(first)
        }
        Test::If(parts) => {
            let of = is_of_one(&parts.0)?;
            [&parts.1, &parts.2].into_iter().all(|test| is_of_one(test) == Some(of)).then_some(of)
        }
        test => atom(test).map(|(of, _)| of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATIONS: [Arithmetic; 5] = [
        Arithmetic::Add,
        Arithmetic::Subtract,
        Arithmetic::Multiply,
        Arithmetic::Divide,
        Arithmetic::Remainder,
    ];

    /// Every pair of numbers of every pair of small ranges lies within the bounds, and the bounds of all but remainders
    /// are reached.
    #[test]
    fn bounds_hold_for_every_pair() {
        let ranges: Vec<Bounds> = (-5..=5).flat_map(|low| (low..=5).map(move |high| (low, high))).collect();
        for operation in OPERATIONS {
            for left in &ranges {
                for right in &ranges {
                    let bounds = combine(operation, *left, *right);
                    let divides = matches!(operation, Arithmetic::Divide | Arithmetic::Remainder);
                    assert_eq!(bounds.is_err(), divides && (right.0..=right.1).contains(&0));
                    let Ok((low, high)) = bounds else { continue };
                    let pairs = (left.0..=left.1).flat_map(|a| (right.0..=right.1).map(move |b| (a, b)));
                    let results: Vec<i64> = pairs.map(|(a, b)| operation.apply(a, b)).collect();
                    let found = (results.iter().min().copied(), results.iter().max().copied());
                    if operation == Arithmetic::Remainder {
                        assert!(found.0 >= Some(low) && found.1 <= Some(high), "{left:?} % {right:?}");
                    } else {
                        assert_eq!(found, (Some(low), Some(high)), "{left:?} {operation:?} {right:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_may_leave_64_bits_is_refused() {
        let (least, most) = (i64::MIN, i64::MAX);
        assert!(combine(Arithmetic::Add, (0, most), (0, 1)).is_err());
        assert!(combine(Arithmetic::Subtract, (least, 0), (0, 1)).is_err());
        assert!(combine(Arithmetic::Multiply, (least, 0), (-1, -1)).is_err());
        assert!(combine(Arithmetic::Divide, (least, 0), (-1, -1)).is_err());
        assert!(combine(Arithmetic::Remainder, (least, 0), (-1, -1)) == Ok((0, 0)));
        assert!(negative((least, 0)).is_err() && negative((-most, most)) == Ok((-most, most)));
        assert_eq!(combine(Arithmetic::Add, (0, most - 1), (0, 1)), Ok((0, most)));
    }
}
