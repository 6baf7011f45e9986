//! Which records are shown: where the stretch of the journal begins and ends, and what a record must be like. Must not
//! know how records are shown.

use super::super::bound::Bound;
use super::super::data::Failure;
use super::names::{Named, Names};
use crate::journal::{self, Seq};
use crate::portfolio::Record;
use std::path::Path;
use std::str::FromStr;

/// By how much a wall clock may have been set back: so much earlier reading begins, and later it ends, than a time says.
const CLOCK_SLACK_US: i64 = 3_600_000_000;

/// Of several values of one option any one fits; of several options all must.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// The first record: its number or a time.
    #[arg(long, allow_hyphen_values = true, value_name = "RECORD or TIME")]
    pub from: Option<Bound>,
    /// The last record: its number or a time.
    #[arg(long, allow_hyphen_values = true, value_name = "RECORD or TIME")]
    pub to: Option<Bound>,
    /// Retrieval reference number (DE37); may be repeated, as all that follow.
    #[arg(long)]
    pub rrn: Vec<String>,
    /// System trace audit number (DE11).
    #[arg(long)]
    pub stan: Vec<u32>,
    /// Card as the journal has it, e.g. 411111******0001, 411111* or *0001.
    #[arg(long, value_name = "MASKED")]
    pub card: Vec<Masked>,
    /// Answer (DE39), e.g. 51.
    #[arg(long)]
    pub code: Vec<String>,
    /// Message type, e.g. 0100.
    #[arg(long, value_parser = mti)]
    pub mti: Vec<u16>,
    /// Link, by its name or its number in the record.
    #[arg(long, value_name = "NAME")]
    pub link: Vec<String>,
    /// Rule or limit that decided or, as a shadow, would have: by its name or its number in the record.
    #[arg(long, value_name = "NAME")]
    pub rule: Vec<String>,
}

/// A name that nothing has or had.
#[derive(Debug, thiserror::Error)]
#[error("no {what} is or was called {name:?}: {known}")]
pub(super) struct UnknownName {
    what: &'static str,
    name: String,
    /// The names that there are.
    known: String,
}

impl Filter {
    /// Whether everything that is named is known to the data folder, now or before.
    pub(super) fn check(&self, names: &mut Names) -> Result<(), UnknownName> {
        let links = if self.link.is_empty() { None } else { names.links() };
        known("link", 0, &self.link, links)?;
        let rules = if self.rule.is_empty() { None } else { names.rules_and_limits() };
        known("rule or limit", 1, &self.rule, rules)
    }

    /// The record at which reading begins, so that none that is wanted lies before it.
    pub(super) fn start(&self, folder: &Path) -> Result<Seq, Failure> {
        match self.from.map(Bound::begin) {
            None => Ok(1),
            Some((Some(seq), _)) => Ok(seq),
            Some((_, time)) => {
                Ok(journal::seek(folder, time.unwrap_or(i64::MIN).saturating_sub(CLOCK_SLACK_US))?)
            }
        }
    }

    /// Whether none that is wanted comes behind this record.
    pub(super) fn is_past(&self, seq: Seq, time_us: i64) -> bool {
        match self.to.map(Bound::end) {
            None => false,
            Some((last, until)) => {
                last.is_some_and(|last| seq > last)
                    || until.is_some_and(|until| time_us >= until.saturating_add(CLOCK_SLACK_US))
            }
        }
    }

    /// Whether the record is wanted.
    pub(super) fn wants(&self, seq: Seq, record: &Record, named: &Named) -> bool {
        let asked = &record.asked;
        let (first, since) = self.from.map_or((None, None), Bound::begin);
        let (last, until) = self.to.map_or((None, None), Bound::end);
        let (rule, limit) = (record.ruled.rule, u16::from(record.ruled.limit));
        let rules = [named.rule.as_ref(), named.limit.as_ref()].into_iter().flatten();
        let rules = rules.chain(&named.shadow_rules).chain(&named.shadow_limits);
        let is_message = asked.mti != 0;
        first.is_none_or(|first| seq >= first)
            && last.is_none_or(|last| seq <= last)
            && since.is_none_or(|since| record.time_us >= since)
            && until.is_none_or(|until| record.time_us < until)
            && any(&self.rrn, |rrn| {
                rrn.trim_end().as_bytes() == asked.retrieval_reference.trim_ascii_end() && is_message
            })
            && any(&self.stan, |stan| *stan == asked.stan && is_message)
            && any(&self.card, |card| card.fits(asked.bin, asked.last_four))
            && any(&self.code, |code| code.as_bytes() == record.code.as_str().as_bytes())
            && any(&self.mti, |mti| *mti == asked.mti)
            && any(&self.link, |link| is_message && is(link, named.link.as_ref(), asked.link))
            && any(&self.rule, |wanted| {
                let unnamed =
                    |name: &Option<String>, number: u16| number != 0 && is(wanted, name.as_ref(), number);
                rules.clone().any(|name| name == wanted)
                    || unnamed(&named.rule, rule)
                    || unnamed(&named.limit, limit)
            })
    }
}

/// `first` is the number of the first of them.
fn known(
    what: &'static str,
    first: usize,
    wanted: &[String],
    names: Option<Vec<String>>,
) -> Result<(), UnknownName> {
    let is_known = |name: &String| match (&names, name.parse::<u16>()) {
        (Some(names), _) if names.contains(name) => true,
        // No version had more of them than all have names.
        (Some(names), Ok(number)) => (first..first + names.len()).contains(&number.into()),
        (None, number) => number.is_ok(),
        (Some(_), Err(_)) => false,
    };
    let Some(name) = wanted.iter().find(|name| !is_known(name)) else { return Ok(()) };
    let known = match names {
        None => "their names cannot be told without the data key and the folder's versions; give its number"
            .to_owned(),
        Some(names) if names.is_empty() => "there is none".to_owned(),
        Some(names) => names.join(", "),
    };
    Err(UnknownName { what, name: name.clone(), known })
}

/// No option given, or one of its values fits.
fn any<T>(wanted: &[T], fits: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(fits)
}

/// The name or, as digits, the number.
fn is(wanted: &str, name: Option<&String>, number: u16) -> bool {
    name.is_some_and(|name| name == wanted) || wanted.parse() == Ok(number)
}

fn mti(text: &str) -> Result<u16, String> {
    let wrong = || format!("{text:?} is not a message type: four digits, e.g. 0100");
    if text.len() != 4 || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    u16::from_str_radix(text, 16).map_err(|_| wrong())
}

/// What may be known of a card number: its first six digits, its last four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Masked {
    bin: Option<u32>,
    last_four: Option<u16>,
}

impl Masked {
    fn fits(self, bin: u32, last_four: u16) -> bool {
        (bin, last_four) != (0, 0)
            && self.bin.is_none_or(|own| own == bin)
            && self.last_four.is_none_or(|own| own == last_four)
    }
}

impl FromStr for Masked {
    type Err = String;

    fn from_str(text: &str) -> Result<Masked, String> {
        let wrong = || {
            "the masked form, e.g. 411111******0001: a card's whole number is nowhere in the journal"
                .to_owned()
        };
        let digits = |part: &str, count: usize| {
            part.is_empty() || part.len() == count && part.bytes().all(|digit| digit.is_ascii_digit())
        };
        let (bin, rest) = text.split_once('*').ok_or_else(wrong)?;
        let last_four = rest.trim_start_matches('*');
        if !digits(bin, 6) || !digits(last_four, 4) || bin.is_empty() && last_four.is_empty() {
            return Err(wrong());
        }
        Ok(Masked { bin: bin.parse().ok(), last_four: last_four.parse().ok() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_named_by_its_ends_alone() {
        let rows = [
            ("411111******0001", [true, false, false]),
            ("411111*", [true, true, false]),
            ("*0001", [true, false, true]),
        ];
        for (text, expected) in rows {
            let masked: Masked = text.parse().unwrap();
            let cards = [(411_111, 1), (411_111, 2), (411_112, 1)];
            assert_eq!(cards.map(|(bin, last)| masked.fits(bin, last)), expected, "{text}");
            assert!(!masked.fits(0, 0), "{text}: a record without a card");
        }
        for text in ["4111110000000013", "*", "41111*", "411111*1", "", "4111110*", "411111xxxxxx0001"] {
            let refused = text.parse::<Masked>().unwrap_err();
            assert!(!refused.contains("4111110000000013"), "{refused}");
        }
    }
}
