//! Messages made to meet conditions: values from what they admit and from next to their constants, always the same.
//! For lint, for measuring and for tests. Must not know what becomes of them.

use super::bounds::admitted;
use super::condition::{Mention, Test};
use super::facts::Sort;
use super::sets::Values;
use super::{Attribute, Facts, Rule, Text};
use crate::message::Pan;
use std::collections::BTreeSet;

/// Values kept of the constants and the lists of some rules.
const MOST_POOL: usize = 4_096;
/// Entries taken of one list.
const MOST_OF_A_LIST: usize = 64;
/// Entry modes and PIN capabilities that mean something.
const ENTRIES: [u16; 18] = [0, 11, 12, 21, 31, 51, 52, 71, 72, 91, 100, 792, 801, 810, 820, 901, 911, 951];

/// An endless row of facts.
pub struct Samples {
    /// What each rule admits of each attribute that it asks.
    toward: Vec<Vec<(Attribute, Values)>>,
    numbers: Vec<i64>,
    texts: Vec<Text>,
    cards: Vec<Pan>,
    state: u64,
}

impl Samples {
    /// Facts that meet these rules as often as possible, each in its turn.
    #[must_use]
    pub fn of(rules: &[&Rule]) -> Samples {
        Samples::of_tests(rules.iter().map(|rule| &rule.test))
    }

    pub(super) fn of_tests<'a>(tests: impl Iterator<Item = &'a Test>) -> Samples {
        let (mut numbers, mut texts, mut cards) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut toward = Vec::new();
        for test in tests {
            let mut asked = BTreeSet::new();
            test.mentions(&mut |mention| match mention {
                Mention::Asked(attribute) => drop(asked.insert(attribute)),
                Mention::Number(number) if numbers.len() < MOST_POOL => {
                    numbers.extend([number.saturating_sub(1), number, number.saturating_add(1)]);
                }
                Mention::Text(text) if texts.len() < MOST_POOL => drop(texts.insert(*text)),
                Mention::List(list) => {
                    let (some_numbers, some_texts, some_cards) = list.some(MOST_OF_A_LIST);
                    numbers.extend(some_numbers);
                    texts.extend(some_texts);
                    cards.extend(some_cards);
                }
                _ => {}
            });
            let admits = asked.into_iter().filter_map(|of| Some((of, admitted(test, true, of)?)));
            toward.push(admits.filter(|(_, values)| !values.is_empty()).collect());
        }
        Samples {
            toward,
            numbers: numbers.into_iter().collect(),
            texts: texts.into_iter().collect(),
            cards: cards.into_iter().collect(),
            state: 0x9E37_79B9_7F4A_7C15,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        // A linear step and a mix of its high bits: the same row on every machine, which chance would not give.
        self.state = self.state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        let mixed = (self.state ^ (self.state >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 16;
        (mixed % end.max(1) as u64) as usize
    }

    /// The next facts, always within what attributes can be.
    #[must_use]
    pub fn draw(&mut self) -> Facts {
        let mut facts = Facts { pos_entry: ENTRIES[self.below(ENTRIES.len())], ..Facts::default() };
        for attribute in Attribute::ALL {
            match attribute.sort() {
                Sort::Number(range) => {
                    let value = self.number(*range.start(), *range.end());
                    facts.set_number(*attribute, value);
                }
                Sort::Flag => {
                    let value = self.below(2) as i64;
                    facts.set_number(*attribute, value);
                }
                Sort::Text(words) => {
                    let text = self.text(words);
                    facts.set_text(*attribute, text);
                }
                Sort::Card => {}
            }
        }
        let card = match self.cards.len() {
            // Any number will do.
            count if count == 0 || self.below(2) == 0 => Pan::from_parts(4_111_110_000_000_013, 16),
            count => {
                let index = self.below(count);
                self.cards.get(index).copied()
            }
        };
        card.into_iter().for_each(|card| facts.set_card(card));
        facts.card_id = Some(self.below(1_000) as u64);
        facts.account_id = Some(self.below(1_000) as u64);
        self.aim(&mut facts);
        facts.bounded()
    }

    /// Moves what one of the rules asks into what it admits.
    fn aim(&mut self, facts: &mut Facts) {
        let turn = self.below(self.toward.len());
        let Some(row) = self.toward.get(turn).map(Vec::len) else { return };
        for index in 0..row {
            if self.below(8) == 0 {
                continue;
            }
            let chance = self.below(usize::MAX);
            let Some((attribute, values)) = self.toward.get(turn).and_then(|row| row.get(index)) else {
                return;
            };
            match values {
                Values::Numbers { ranges, .. } => {
                    let ranges = ranges.as_slice();
                    let Some((low, high)) = ranges.get(chance % ranges.len().max(1)) else { continue };
                    let value = match chance / 4_096 % 3 {
                        0 => *low,
                        1 => *high,
                        _ => low + (high - low) / 2,
                    };
                    put(facts, *attribute, value, chance);
                }
                Values::Texts(words) => {
                    let named = words.named();
                    let other = || Text::of_field(format!("Q{}", chance % 100).as_bytes());
                    let text = match named.get(chance % named.len().max(1)) {
                        Some(text) if !words.has_others() => *text,
                        _ if attribute.is_country() => {
                            let letters = [b'Q', b'A' + (chance % 26) as u8];
                            Text::of_field(&letters)
                        }
                        _ => other(),
                    };
                    facts.set_text(*attribute, text);
                }
            }
        }
    }

    fn number(&mut self, low: i64, high: i64) -> i64 {
        match self.below(8) {
            0 => 0.clamp(low, high),
            1 => low,
            2 => high,
            3 => low + self.below((high - low) as usize + 1) as i64,
            4 => (self.below(1_000) as i64).clamp(low, high),
            _ if self.numbers.is_empty() => (self.below(100_000) as i64).clamp(low, high),
            _ => {
                let index = self.below(self.numbers.len());
                self.numbers[index].clamp(low, high)
            }
        }
    }

    fn text(&mut self, words: &[&str]) -> Text {
        if !words.is_empty() {
            let word = self.below(words.len() + 1);
            return Text::of_field(words.get(word).copied().unwrap_or_default().as_bytes());
        }
        match self.below(4) {
            0 => Text::EMPTY,
            1 => Text::of_field(["US", "DE", "SHOP 1", "a"][self.below(4)].as_bytes()),
            _ => {
                let index = self.below(self.texts.len());
                self.texts.get(index).copied().unwrap_or_default()
            }
        }
    }
}

/// Sets an attribute, a derived one through what it is derived from.
fn put(facts: &mut Facts, attribute: Attribute, value: i64, chance: usize) {
    let (day, hour, minute) = (86_400, 3_600, 60);
    let now = facts.clock_unix;
    let of_entry = |wanted: fn(&Facts) -> bool| {
        let start = chance % ENTRIES.len();
        let turned = ENTRIES.iter().cycle().skip(start).take(ENTRIES.len()).copied();
        turned.into_iter().find(|entry| wanted(&Facts { pos_entry: *entry, ..Facts::default() }))
    };
    let found = match (attribute, value != 0) {
        (Attribute::CardBin, _) => {
            facts.card_bin8 = value * 100 + (chance % 100) as i64;
            facts.card_bin = value;
            return;
        }
        (Attribute::CardBin8, _) => {
            (facts.card_bin8, facts.card_bin) = (value, value / 100);
            return;
        }
        (Attribute::PosEntryMode, _) => u16::try_from(value * 10 + 1).ok(),
        (Attribute::PosPinCapability, _) => u16::try_from(i64::from(facts.pos_entry / 10) * 10 + value).ok(),
        (Attribute::PosChip, true) => of_entry(|facts| facts.number(Attribute::PosChip) != 0),
        (Attribute::PosContactless, true) => of_entry(|facts| facts.number(Attribute::PosContactless) != 0),
        (Attribute::PosMagstripe, true) => of_entry(|facts| facts.number(Attribute::PosMagstripe) != 0),
        (Attribute::PosManual, true) => of_entry(|facts| facts.number(Attribute::PosManual) != 0),
        (Attribute::PosEcommerce, true) => of_entry(|facts| facts.number(Attribute::PosEcommerce) != 0),
        (Attribute::PosCardPresent, true) => of_entry(|facts| facts.number(Attribute::PosCardPresent) != 0),
        (Attribute::ClockHour, _) => {
            facts.clock_unix = now - now % day + value * hour + now % hour;
            None
        }
        (Attribute::ClockMinute, _) => {
            facts.clock_unix = now - now % hour + value * minute + now % minute;
            None
        }
        (Attribute::ClockWeekday, _) => {
            // 1970-01-04 was a Sunday.
            facts.clock_unix = now % day + (3 + value) * day + (chance % 1_000) as i64 * 7 * day;
            None
        }
        (Attribute::ClockDay, _) => {
            facts.clock_unix = now % day + (value - 1) * day;
            None
        }
        _ => {
            facts.set_number(attribute, value);
            None
        }
    };
    facts.pos_entry = found.unwrap_or(facts.pos_entry);
}
