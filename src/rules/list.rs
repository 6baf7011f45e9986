//! Named lists and groups of a rule file, in memory: a look-up costs the same however long a list is.
//! Must not know where their entries come from.

use super::sets::Ranges;
use super::{Facts, Text};
use crate::message::Pan;
use crate::message::meaning::country_of;
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Entries of all lists of a rule file together.
pub(super) const MOST_ENTRIES: usize = 4_000_000;

/// For tables of trusted entries alone: another program may hash otherwise.
fn hash(of: impl Hash) -> u64 {
    let mut hasher = SipHasher13::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// A plain value of some bytes, the same in every process and version: for names of counters, which are hashed again,
/// with a key, where they are kept.
pub(super) fn plain(parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write(&(part.len() as u64).to_be_bytes());
        hasher.write(part);
    }
    hasher.finish()
}

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Whole numbers.
    Number,
    /// Texts of at most 31 characters.
    Text,
    /// Countries, by any code of ISO 3166.
    Country,
    /// Card numbers, which are never shown.
    Card,
}

impl Of {
    pub(super) const ALL: [(&'static str, Of); 4] =
        [("number", Of::Number), ("text", Of::Text), ("country", Of::Country), ("card", Of::Card)];

    /// As the file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Of::ALL.iter().find(|(_, of)| *of == self).map_or("", |(name, _)| *name)
    }
}

/// A list that conditions look something up in.
pub struct List {
    name: String,
    of: Of,
    entries: Entries,
}

enum Entries {
    Numbers(HashTable<i64>),
    /// Each text behind its length; the table has where they begin.
    Texts {
        all: Vec<u8>,
        starts: HashTable<u32>,
    },
    Cards(HashTable<Pan>),
}

impl List {
    pub(super) fn new(name: &str, of: Of) -> List {
        let entries = match of {
            Of::Number => Entries::Numbers(HashTable::new()),
            Of::Text | Of::Country => Entries::Texts { all: Vec::new(), starts: HashTable::new() },
            Of::Card => Entries::Cards(HashTable::new()),
        };
        List { name: name.to_owned(), of, entries }
    }

    /// Adds an entry as it is written; an entry that is there already stays once.
    ///
    /// # Errors
    /// Why it cannot be one, without its content.
    pub(super) fn add(&mut self, entry: &str) -> Result<(), String> {
        match &mut self.entries {
            Entries::Numbers(table) => {
                let number: i64 = entry.parse().map_err(|_| "expected a whole number".to_owned())?;
                table.entry(hash(number), |known| *known == number, |known| hash(known)).or_insert(number);
            }
            Entries::Texts { all, starts } => {
                let text = match self.of {
                    Of::Country => country(entry)?,
                    _ => Text::of_rule(entry)?,
                };
                text.can_be_whole()?;
                let rehash = |start: &u32| hash(text_at(all, *start));
                let same = |start: &u32| text_at(all, *start) == text.as_bytes();
                let start =
                    u32::try_from(all.len()).map_err(|_| "too many characters in a list".to_owned())?;
                if starts.find(hash(text.as_bytes()), same).is_none() {
                    starts.insert_unique(hash(text.as_bytes()), start, rehash);
                    all.push(text.as_bytes().len() as u8);
                    all.extend(text.as_bytes());
                }
            }
            Entries::Cards(table) => {
                let card = Pan::from_digits(entry.as_bytes());
                let card = card.ok_or_else(|| "expected a card number of 8 to 19 digits".to_owned())?;
                table
                    .entry(hash(card.packed()), |known| *known == card, |known| hash(known.packed()))
                    .or_insert(card);
            }
        }
        Ok(())
    }

    /// The same list with its texts as countries.
    ///
    /// # Errors
    /// A text that names none.
    pub(super) fn of_countries(&self) -> Result<List, String> {
        let mut countries = List::new(&self.name, Of::Country);
        if let Entries::Texts { all, starts } = &self.entries {
            for start in starts {
                countries.add(Text::of_field(text_at(all, *start)).as_str())?;
            }
        }
        Ok(countries)
    }

    /// The name in conditions, behind `lists.`
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    #[must_use]
    pub fn of(&self) -> Of {
        self.of
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Numbers(table) => table.len(),
            Entries::Texts { starts, .. } => starts.len(),
            Entries::Cards(table) => table.len(),
        }
    }

    /// Whether it has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn has_number(&self, number: i64) -> bool {
        match &self.entries {
            Entries::Numbers(table) => table.find(hash(number), |known| *known == number).is_some(),
            _ => false,
        }
    }

    pub(super) fn has_text(&self, text: &Text) -> bool {
        match &self.entries {
            Entries::Texts { all, starts } => {
                let same = |start: &u32| text_at(all, *start) == text.as_bytes();
                starts.find(hash(text.as_bytes()), same).is_some()
            }
            _ => false,
        }
    }

    pub(super) fn has_card(&self, facts: &Facts) -> bool {
        match (&self.entries, facts.card_number) {
            (Entries::Cards(table), Some(card)) => {
                table.find(hash(card.packed()), |known| *known == card).is_some()
            }
            _ => false,
        }
    }

    /// Some entries, for messages that are made to meet the list.
    pub(super) fn some(&self, most: usize) -> (Vec<i64>, Vec<Text>, Vec<Pan>) {
        match &self.entries {
            Entries::Numbers(table) => (table.iter().take(most).copied().collect(), vec![], vec![]),
            Entries::Texts { all, starts } => {
                let texts = starts.iter().take(most).map(|start| Text::of_field(text_at(all, *start)));
                (vec![], texts.collect(), vec![])
            }
            Entries::Cards(table) => (vec![], vec![], table.iter().take(most).copied().collect()),
        }
    }
}

/// A country as attributes have it, two letters: from any code of ISO 3166; empty for `unknown`, and for nothing.
///
/// # Errors
/// The text names no country.
pub(super) fn country(text: &str) -> Result<Text, String> {
    match country_of(text.as_bytes()) {
        Some(country) => Ok(Text::of_field(country.alpha2.as_bytes())),
        None if matches!(text, "" | "unknown") => Ok(Text::EMPTY),
        None => Err(format!(
            "{text:?} is not a country of ISO 3166: two or three capital letters or three digits (\"US\", \"USA\", \"840\"), \
             or \"unknown\""
        )),
    }
}

fn text_at(all: &[u8], start: u32) -> &[u8] {
    let rest = all.get(start as usize..).unwrap_or_default();
    rest.split_first().and_then(|(length, rest)| rest.get(..usize::from(*length))).unwrap_or_default()
}

impl PartialEq for List {
    /// Names are unique in a rule file, and lists of two files are not compared.
    fn eq(&self, other: &List) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lists.{} ({} entries)", self.name, self.len())
    }
}

/// Merchant category codes under one name.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) name: String,
    pub(super) categories: Ranges,
    /// The same whatever groups stand beside it.
    pub(super) hash: u64,
}

impl Group {
    /// The name in conditions, behind `groups.`
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the category is of the group.
    #[must_use]
    pub fn has(&self, category: i64) -> bool {
        self.categories.contains(category)
    }
}
