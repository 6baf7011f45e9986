//! The windows of time in which limits count. Must not read a clock, and at run time neither allocates nor waits.

use super::civil;
use super::zone::{FROM_MONDAY, Zone};
use std::fmt;

/// The longest trailing window: 400 days.
const LONGEST_S: u32 = 400 * 86_400;
/// Parts of a trailing window, besides the one that is being filled.
const PARTS: u32 = 16;
/// Microseconds in a second.
const SECOND_US: u64 = 1_000_000;

/// A window of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// One transaction: nothing is counted.
    Transaction,
    /// The time that has just passed, 1 second to 400 days. It is kept in constant memory, as 16 parts and the one being
    /// filled: what happened within `seconds` is always counted, what is older by a sixteenth of the window, or by one
    /// second for windows below 16 seconds, never is.
    Trailing {
        /// Its length.
        seconds: u32,
    },
    /// A part of the calendar.
    Calendar {
        /// Which.
        unit: Unit,
        /// Whose clocks.
        zone: Zone,
    },
    /// All time.
    Lifetime,
}

/// A part of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Midnight to midnight.
    Day,
    /// Monday to Sunday (ISO 8601).
    Week,
    /// The first day to the last.
    Month,
    /// January to December.
    Year,
}

/// Where in a window a time lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which day, week, part and so on: rises with time.
    pub ordinal: u32,
    /// When what is counted here no longer matters, seconds since 1970; `u32::MAX` for never.
    pub until_s: u32,
    /// How many ordinals up to this one are counted together, 2 to 17; 0 where this one stands alone.
    pub parts: u8,
}

impl Window {
    /// Reads a window: `transaction`, a length such as `30s`, `15m`, `24h` or `400d`, one of `day`, `week`, `month` and
    /// `year` by the clocks of an IANA zone such as `Europe/Prague`, or `lifetime`. The zone is looked at for parts of the
    /// calendar alone.
    ///
    /// # Errors
    /// What was found and what is allowed, in words.
    pub fn parse(window: &str, zone: &str) -> Result<Window, String> {
        let unit = match window {
            "transaction" => return Ok(Window::Transaction),
            "lifetime" => return Ok(Window::Lifetime),
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "year" => Unit::Year,
            length => return trailing(length),
        };
        Ok(Window::Calendar { unit, zone: Zone::load(zone)? })
    }

    /// Where a time lies, microseconds since 1970; times before 1970 and after 2105 are taken as the first and the last
    /// that can be told.
    #[inline]
    pub fn at(&self, time_us: i64) -> Place {
        let time_us = time_us.clamp(0, i64::from(u32::MAX - 1) * SECOND_US as i64) as u64;
        match self {
            Window::Transaction => Place::default(),
            Window::Lifetime => Place { ordinal: 0, until_s: u32::MAX, parts: 0 },
            Window::Trailing { seconds } => trailing_place(*seconds, time_us),
            Window::Calendar { unit, zone } => unit.place(zone, (time_us / SECOND_US) as u32),
        }
    }
}

/// A part of a trailing window lasts a sixteenth of it, and at least one second.
fn trailing_place(seconds: u32, time_us: u64) -> Place {
    let whole_us = u64::from(seconds) * SECOND_US;
    let part_us = (whole_us / u64::from(PARTS)).max(SECOND_US);
    let parts = whole_us.div_ceil(part_us) + 1;
    let ordinal = time_us / part_us;
    // When the last of it has left the window, in whole seconds.
    let until_s = ((ordinal + parts) * part_us).div_ceil(SECOND_US);
    let until_s = u32::try_from(until_s).unwrap_or(u32::MAX);
    Place { ordinal: ordinal as u32, until_s, parts: parts as u8 }
}

impl Unit {
    fn place(self, zone: &Zone, time_s: u32) -> Place {
        let (day, span) = zone.day(time_s);
        let civil_day = i64::from(day) - FROM_MONDAY;
        let first_of = |month: i64| (civil::first_day(month) + FROM_MONDAY) as u32;
        let (ordinal, next) = match self {
            Unit::Day => (day, day + 1),
            Unit::Week => (day / 7, (day / 7 + 1) * 7),
            Unit::Month => {
                let month = civil::month_of(civil_day);
                (month as u32, first_of(month + 1))
            }
            Unit::Year => {
                let year = civil::month_of(civil_day) / 12;
                (year as u32, first_of((year + 1) * 12))
            }
        };
        Place { ordinal, until_s: zone.first_second(next, span), parts: 0 }
    }
}

fn trailing(length: &str) -> Result<Window, String> {
    let expected = "expected transaction, day, week, month, year, lifetime, or a length of 1s to 400d such as 30s, \
         15m, 24h, 7d";
    let units = [('s', 1u32), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let found = units.iter().find_map(|(unit, each)| Some((length.strip_suffix(*unit)?, *each)));
    let number = found.filter(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds = number.and_then(|(digits, each)| digits.parse::<u32>().ok()?.checked_mul(each));
    match seconds {
        Some(seconds @ 1..=LONGEST_S) => Ok(Window::Trailing { seconds }),
        _ => Err(format!("\"{length}\" is no window; {expected}")),
    }
}

impl fmt::Display for Window {
    /// As [`Window::parse`] reads it, without the zone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Transaction => f.write_str("transaction"),
            Window::Lifetime => f.write_str("lifetime"),
            Window::Calendar { unit, .. } => f.write_str(match unit {
                Unit::Day => "day",
                Unit::Week => "week",
                Unit::Month => "month",
                Unit::Year => "year",
            }),
            Window::Trailing { seconds } => {
                let units = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
                let whole = units.iter().find(|(_, each)| seconds % each == 0);
                whole.map_or(Ok(()), |(unit, each)| write!(f, "{}{unit}", seconds / each))
            }
        }
    }
}
