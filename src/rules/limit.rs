//! A limit's definition: what it counts, over which time, of which messages. Must not know any count.

use super::condition::Test;
use super::list::{Group, plain};
use super::sets::Ranges;
use super::{Facts, Mode, Text};
use crate::message::ResponseCode;
use std::fmt;
use std::ops::Range;

/// Of what a limit counts each separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each card.
    Card,
    /// Each account.
    Account,
    /// Each customer.
    Customer,
    /// Each range of [`Limit::bins`].
    Bin,
    /// Each card program.
    Program,
    /// Each merchant of each acquirer.
    Merchant,
    /// Each group of merchant categories; of several with the category, the first in the file.
    CategoryGroup,
    /// Each terminal of each acquirer.
    Terminal,
    /// Each country of merchants.
    Country,
    /// All together.
    Global,
}

impl Scope {
    pub(super) const ALL: [(&'static str, Scope); 10] = [
        ("card", Scope::Card),
        ("account", Scope::Account),
        ("customer", Scope::Customer),
        ("bin", Scope::Bin),
        ("program", Scope::Program),
        ("merchant", Scope::Merchant),
        ("category-group", Scope::CategoryGroup),
        ("terminal", Scope::Terminal),
        ("country", Scope::Country),
        ("global", Scope::Global),
    ];

    /// As the file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Scope::ALL.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| *name)
    }

    /// Whether one counter can meet accounts of several currencies.
    #[must_use]
    pub fn crosses_accounts(self) -> bool {
        !matches!(self, Scope::Card | Scope::Account)
    }
}

/// The time over which a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// So many seconds before now, 30 to 400 days.
    Trailing(u32),
    /// The day, in the limit's time zone.
    Day,
    /// The week from Monday on.
    Week,
    /// The calendar month.
    Month,
    /// The calendar year.
    Year,
    /// Each transaction by itself.
    Transaction,
    /// From the beginning.
    Lifetime,
}

impl Window {
    const NAMED: [(&'static str, Window); 6] = [
        ("day", Window::Day),
        ("week", Window::Week),
        ("month", Window::Month),
        ("year", Window::Year),
        ("transaction", Window::Transaction),
        ("lifetime", Window::Lifetime),
    ];

    pub(super) fn named(text: &str) -> Result<Window, String> {
        if let Some((_, window)) = Window::NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(*window);
        }
        let units = [('s', 1_u32), ('m', 60), ('h', 3_600), ('d', 86_400)];
        let found = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, seconds)));
        let digits =
            found.filter(|(digits, _)| digits.len() <= 8 && digits.bytes().all(|c| c.is_ascii_digit()));
        let seconds = digits.and_then(|(digits, seconds)| digits.parse::<u32>().ok()?.checked_mul(*seconds));
        match seconds {
            Some(seconds @ 30..=34_560_000) => Ok(Window::Trailing(seconds)),
            _ => Err("expected a time of 30s to 400d (s, m, h or d), or one of day, week, month, year, transaction, \
                lifetime"
                .to_owned()),
        }
    }

    /// Whether it begins and ends by the calendar, so that a time zone says when.
    #[must_use]
    pub fn is_calendar(self) -> bool {
        matches!(self, Window::Day | Window::Week | Window::Month | Window::Year)
    }
}

impl fmt::Display for Window {
    /// As the file has it, a time in the largest unit that it fills.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Window::Trailing(seconds) = self {
            let units = [('d', 86_400), ('h', 3_600), ('m', 60)];
            let (unit, of) = units.into_iter().find(|(_, of)| seconds % of == 0).unwrap_or(('s', 1));
            return write!(f, "{}{unit}", seconds / of);
        }
        f.write_str(Window::NAMED.iter().find(|(_, window)| window == self).map_or("", |(name, _)| name))
    }
}

/// A limit of a rule file.
#[derive(Clone, Debug)]
pub struct Limit {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) scope: Scope,
    pub(super) window: Window,
    pub(super) time_zone: String,
    pub(super) time_zone_at: Range<usize>,
    pub(super) count: Option<u32>,
    pub(super) amount: Option<i64>,
    pub(super) code_of_count: ResponseCode,
    pub(super) code_of_amount: ResponseCode,
    pub(super) bins: Vec<Bins>,
    pub(super) groups: Vec<Group>,
    pub(super) when: String,
    pub(super) test: Test,
    pub(super) line: usize,
}

/// A range of card numbers by their first six or eight digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bins {
    /// 6 or 8.
    pub digits: u8,
    /// The first.
    pub from: u32,
    /// The last.
    pub to: u32,
}

impl Limit {
    /// The name, of all limits of the file this one's alone.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has an effect.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Of what it counts each separately.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Over which time it counts.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// The IANA name of the zone in which a calendar window begins and ends, `UTC` if none is said. Whether the zone
    /// exists is for whoever has a table of zones: see [`Limit::time_zone_at`].
    #[must_use]
    pub fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// The bytes of the file where the zone stands, for [`problems_at`](super::problems_at); where none is said, the
    /// limit's name.
    #[must_use]
    pub fn time_zone_at(&self) -> Range<usize> {
        self.time_zone_at.clone()
    }

    /// How many transactions, at most.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        self.count
    }

    /// How much, at most: minor units of the account's currency, or of [`RuleSet::currency`](super::RuleSet::currency)
    /// where the scope crosses accounts.
    #[must_use]
    pub fn amount(&self) -> Option<i64> {
        self.amount
    }

    /// DE39 where there would be more transactions than [`Limit::count`].
    #[must_use]
    pub fn code_of_count(&self) -> ResponseCode {
        self.code_of_count
    }

    /// DE39 where it would be more than [`Limit::amount`].
    #[must_use]
    pub fn code_of_amount(&self) -> ResponseCode {
        self.code_of_amount
    }

    /// Its filter as the file has it; empty where it counts everything.
    #[must_use]
    pub fn when(&self) -> &str {
        &self.when
    }

    /// The ranges of scope `bin`.
    #[must_use]
    pub fn bins(&self) -> &[Bins] {
        &self.bins
    }

    /// The line of the file where its name stands.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether its filter lets these facts count.
    #[must_use]
    pub fn applies(&self, facts: &Facts) -> bool {
        self.test.holds(facts)
    }

    /// Which of the scope's counters these facts meet: a plain value that stays the same while the file changes around
    /// the limit, to be hashed with a key together with [`Limit::name`]. `None` where the message does not say.
    #[must_use]
    pub fn scope_value(&self, facts: &Facts) -> Option<u64> {
        let of_text = |text: &Text| (!text.is_empty()).then(|| plain(&[text.as_bytes()]));
        // The acquirer gives these their numbers: another's may be the same.
        let of_acquirer = |text: &Text| {
            let acquirer = facts.request_acquirer.to_be_bytes();
            (!text.is_empty()).then(|| plain(&[&acquirer, text.as_bytes()]))
        };
        match self.scope {
            Scope::Card => facts.card_id,
            Scope::Account => facts.account_id,
            Scope::Customer => facts.customer,
            Scope::Bin => self.bins.iter().find(|bins| bins.has(facts)).map(|bins| bins.plain()),
            Scope::Program => of_text(&facts.card_program),
            Scope::Merchant => of_acquirer(&facts.merchant_id),
            Scope::Terminal => of_acquirer(&facts.merchant_terminal),
            Scope::CategoryGroup => {
                self.groups.iter().find(|group| group.has(facts.merchant_category)).map(|group| group.hash)
            }
            Scope::Country => of_text(&facts.merchant_country),
            Scope::Global => Some(0),
        }
    }
}

impl Bins {
    fn plain(self) -> u64 {
        plain(&[&[self.digits], &self.from.to_be_bytes(), &self.to.to_be_bytes()])
    }

    fn has(self, facts: &Facts) -> bool {
        let bin = if self.digits == 8 { facts.card_bin8 } else { facts.card_bin };
        facts.card_number.is_some() && (i64::from(self.from)..=i64::from(self.to)).contains(&bin)
    }

    /// `411111`, `41111100`, `411111-411199`; six or eight digits on both sides.
    pub(super) fn named(text: &str) -> Option<Bins> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let legal = |part: &str| matches!(part.len(), 6 | 8) && part.bytes().all(|c| c.is_ascii_digit());
        if !legal(from) || !legal(to) || from.len() != to.len() {
            return None;
        }
        let bins = Bins { digits: from.len() as u8, from: from.parse().ok()?, to: to.parse().ok()? };
        (bins.from <= bins.to).then_some(bins)
    }
}

/// `4511`, `3000-3999`.
pub(super) fn categories(text: &str) -> Option<(i64, i64)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let number = |part: &str| {
        (part.len() == 4 && part.bytes().all(|c| c.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (from, to): (i64, i64) = (number(from)?, number(to)?);
    (from <= to).then_some((from, to))
}

/// Ranges of categories as one set.
pub(super) fn group(name: &str, ranges: Vec<(i64, i64)>) -> Group {
    Group { name: name.to_owned(), categories: Ranges::of(ranges), hash: plain(&[name.as_bytes()]) }
}
