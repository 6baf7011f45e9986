//! Which rules a message can match at all: for some attributes, a bit set of rules for each value, intersected before any
//! condition is asked. May name too many rules and never too few. Must not know what rules do.

use super::bounds::{admitted, everything};
use super::condition::Test;
#[cfg(test)]
use super::sets::Ranges;
use super::sets::Values;
use super::{Attribute, Facts, Text};
use std::collections::HashMap;

/// The attributes that tell rules apart most often.
const INDEXED: [Attribute; 7] = [
    Attribute::MerchantCategory,
    Attribute::MerchantCountry,
    Attribute::MerchantCountryCode,
    Attribute::CardBin,
    Attribute::PosEntryMode,
    Attribute::RequestAmount,
    Attribute::RequestType,
];
/// Pieces into which the values of one attribute are cut: a bound on memory, 8 MiB with the most rules.
const MOST_PIECES: usize = 16_384;
/// Values up to which a table by value is kept: four digits.
const MOST_DIRECT: i64 = 10_000;

/// The index over some tests.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Words of a bit set.
    words: usize,
    /// The tests that are asked at all.
    asked: Vec<u64>,
    by_attribute: Vec<ByAttribute>,
}

#[derive(Debug)]
struct ByAttribute {
    attribute: Attribute,
    find: Find,
    /// Bit sets, one behind the other; each once.
    rows: Vec<u64>,
}

/// From a value to its row.
#[derive(Debug)]
enum Find {
    /// By value, from 0.
    Direct(Vec<u16>),
    /// By the last start that is not above the value; the first is the least number.
    Search(Vec<i64>, Vec<u16>),
    /// By text, sorted; behind them the row of all other texts.
    Texts(Vec<Text>, Vec<u16>),
}

impl Index {
    /// Indexes the tests; those not `asked` are never named.
    pub(super) fn new<'a>(tests: impl Iterator<Item = (&'a Test, bool)>) -> Index {
        let tests: Vec<(&Test, bool)> = tests.collect();
        let words = tests.len().div_ceil(64);
        let mut asked = vec![0; words];
        for (rule, _) in tests.iter().enumerate().filter(|(_, (_, asked))| *asked) {
            asked[rule / 64] |= 1 << (rule % 64);
        }
        let by_attribute = INDEXED.into_iter().filter_map(|attribute| by_attribute(attribute, &tests, words));
        Index { words, asked, by_attribute: by_attribute.collect() }
    }

    /// Calls `ask` with each test that these facts may satisfy, in order.
    #[inline]
    pub(super) fn candidates(&self, facts: &Facts, mut ask: impl FnMut(usize)) {
        let mut rows: [&[u64]; INDEXED.len()] = [&[]; INDEXED.len()];
        let count = self.by_attribute.len().min(rows.len());
        for (row, by) in rows.iter_mut().zip(&self.by_attribute) {
            *row = by.row(facts, self.words);
        }
        for (word, asked) in self.asked.iter().enumerate() {
            let mut bits = *asked;
            for row in rows.iter().take(count) {
                bits &= row.get(word).copied().unwrap_or(u64::MAX);
            }
            while bits != 0 {
                ask(word * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }
}

impl ByAttribute {
    #[inline]
    fn row(&self, facts: &Facts, words: usize) -> &[u64] {
        let row = match &self.find {
            Find::Direct(rows) => {
                let value = usize::try_from(facts.number(self.attribute)).unwrap_or(0);
                rows.get(value.min(rows.len() - 1))
            }
            Find::Search(starts, rows) => {
                let value = facts.number(self.attribute);
                rows.get(starts.partition_point(|start| *start <= value).saturating_sub(1))
            }
            Find::Texts(texts, rows) => {
                let found = texts.binary_search(facts.text(self.attribute));
                rows.get(found.unwrap_or(texts.len()))
            }
        };
        let start = row.map_or(0, |row| usize::from(*row)) * words;
        self.rows.get(start..start + words).unwrap_or_default()
    }
}

/// Bit sets that are kept once each.
#[derive(Default)]
struct Rows {
    all: Vec<u64>,
    known: HashMap<Vec<u64>, u16>,
}

impl Rows {
    fn add(&mut self, row: Vec<u64>) -> u16 {
        // There are at most as many as pieces.
        let next = self.known.len() as u16;
        match self.known.get(&row) {
            Some(known) => *known,
            None => {
                self.all.extend(&row);
                self.known.insert(row, next);
                next
            }
        }
    }
}

/// `None` where the attribute tells no tests apart.
fn by_attribute(attribute: Attribute, tests: &[(&Test, bool)], words: usize) -> Option<ByAttribute> {
    let all = everything(attribute)?;
    let values: Vec<Values> = tests
        .iter()
        .map(|(test, _)| admitted(test, true, attribute).unwrap_or_else(|| all.clone()))
        .collect();
    if values.iter().all(|value| *value == all) {
        return None;
    }
    let mut rows = Rows::default();
    let find = match &all {
        Values::Numbers { within, .. } => by_number(&values, *within, words, &mut rows),
        Values::Texts(_) => by_text(&values, words, &mut rows),
    };
    Some(ByAttribute { attribute, find, rows: rows.all })
}

fn by_text(values: &[Values], words: usize, rows: &mut Rows) -> Find {
    let mut texts: Vec<Text> = Vec::new();
    for value in values {
        if let Values::Texts(words) = value {
            texts.extend(words.named());
        }
    }
    texts.sort_unstable();
    texts.dedup();
    texts.truncate(MOST_PIECES - 1);
    // A text that none of the sets names stands for all others: no field brings a line feed.
    let mut of_texts: Vec<Option<Text>> = texts.iter().copied().map(Some).collect();
    of_texts.push(None);
    let found = of_texts.into_iter().map(|text| {
        let mut row = vec![0; words];
        for (rule, value) in values.iter().enumerate() {
            let may = match (value, &text) {
                (Values::Texts(words), Some(text)) => words.contains(text),
                // Where the texts were too many to tell apart, the others may be any.
                (Values::Texts(words), None) => words.has_others() || texts.len() + 1 == MOST_PIECES,
                _ => true,
            };
            row[rule / 64] |= u64::from(may) << (rule % 64);
        }
        rows.add(row)
    });
    let found = found.collect();
    Find::Texts(texts, found)
}

fn by_number(values: &[Values], within: (i64, i64), words: usize, rows: &mut Rows) -> Find {
    // Where the pieces would be too many, sets of several ranges are taken as one range around them.
    let (ranges, starts) = [usize::MAX, 8, 1]
        .into_iter()
        .map(|most| cut(values, within, most))
        .find(|(_, starts)| starts.len() <= MOST_PIECES)
        .unwrap_or_default();
    let mut bits = vec![vec![0_u64; words]; starts.len()];
    for (rule, ranges) in ranges.iter().enumerate() {
        for (low, high) in ranges {
            let first = starts.partition_point(|start| start < low);
            let last = starts.partition_point(|start| start <= high);
            for row in bits.get_mut(first..last).unwrap_or_default() {
                row[rule / 64] |= 1 << (rule % 64);
            }
        }
    }
    let found: Vec<u16> = bits.into_iter().map(|row| rows.add(row)).collect();
    if within.0 == 0 && within.1 < MOST_DIRECT {
        let row = |value: i64| found[starts.partition_point(|start| *start <= value) - 1];
        return Find::Direct((0..=within.1).map(row).collect());
    }
    Find::Search(starts, found)
}

type Pieces = (Vec<Vec<(i64, i64)>>, Vec<i64>);

/// The ranges of each test, and where a piece begins in which all values are alike. Ranges that reach the end of what
/// the attribute can be go on for ever, so that a value beyond it is not lost.
fn cut(values: &[Values], within: (i64, i64), most: usize) -> Pieces {
    let widen = |(low, high): (i64, i64)| {
        (if low == within.0 { i64::MIN } else { low }, if high == within.1 { i64::MAX } else { high })
    };
    let mut starts = vec![i64::MIN];
    let ranges: Vec<Vec<(i64, i64)>> = values
        .iter()
        .map(|value| {
            let Values::Numbers { ranges, .. } = value else { return vec![(i64::MIN, i64::MAX)] };
            let ranges = ranges.as_slice();
            match (ranges.first(), ranges.last()) {
                (Some(first), Some(last)) if ranges.len() > most => vec![widen((first.0, last.1))],
                _ => ranges.iter().copied().map(widen).collect(),
            }
        })
        .collect();
    for (low, high) in ranges.iter().flatten() {
        starts.push(*low);
        starts.extend(high.checked_add(1));
    }
    starts.sort_unstable();
    starts.dedup();
    (ranges, starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More values than there can be pieces: the index names too many rules, and none too few.
    #[test]
    fn too_many_pieces_lose_no_rule() {
        let ranges = |first: i64| Ranges::of((0..20_000).map(|n| (first + n * 4, first + n * 4)).collect());
        let number = super::super::condition::Number::Of(Attribute::RequestAmount);
        let tests = [Test::InRanges(number.clone(), ranges(1)), Test::InRanges(number, ranges(100_000))];
        let index = Index::new(tests.iter().map(|test| (test, true)));
        for amount in [0, 1, 5, 79_997, 80_001, 100_000, 179_996, 179_997, 1 << 40] {
            let facts = Facts { request_amount: amount, ..Facts::default() };
            let mut named = Vec::new();
            index.candidates(&facts, |rule| named.push(rule));
            for (rule, test) in tests.iter().enumerate() {
                assert!(!test.holds(&facts) || named.contains(&rule), "{amount}");
            }
        }
    }
}
