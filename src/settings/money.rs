//! Values about money, written as `WHAT=VALUE` in lists: lives of holds, tolerances, what currencies are worth.
//! Must not know which setting they belong to, nor what currencies there are.

use super::Mcc;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The longest life of a hold, hours: a year.
const MOST_HOURS: u32 = 8_760;
/// The largest tolerance, percent.
const MOST_PERCENT: u16 = 1_000;
/// The largest tolerance on top, minor units.
const MOST_MINOR: u64 = 999_999_999_999;
/// Most digits of a rate, and of them behind the point.
const MOST_DIGITS: usize = 10;
const MOST_DECIMALS: usize = 9;

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<$name, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )*};
}
as_text!(HoldClass Tolerance Worth);

/// Merchant categories from one to another: `5812-5814`, or one alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categories(RangeInclusive<u16>);

impl Categories {
    /// As numbers.
    #[must_use]
    pub fn numbers(&self) -> RangeInclusive<u16> {
        self.0.clone()
    }
}

impl FromStr for Categories {
    type Err = String;

    fn from_str(text: &str) -> Result<Categories, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.parse::<Mcc>()?.number(), last.parse::<Mcc>()?.number());
        if first > last {
            return Err(format!("{text:?} is not a range of merchant categories: it goes backwards"));
        }
        Ok(Categories(first..=last))
    }
}

impl fmt::Display for Categories {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.start(), self.0.end()) {
            (first, last) if first == last => write!(out, "{first:04}"),
            (first, last) => write!(out, "{first:04}-{last:04}"),
        }
    }
}

/// A life of holds: `MCC[-MCC][/present|/absent]=HOURS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HoldClass {
    /// Of these merchants.
    pub categories: Categories,
    /// Only with the card present, only without it, or both.
    pub card_present: Option<bool>,
    /// So long.
    pub hours: u32,
}

impl FromStr for HoldClass {
    type Err = String;

    fn from_str(text: &str) -> Result<HoldClass, String> {
        let wrong = || {
            format!(
                "{text:?} is not a life of holds: MCC=HOURS of 1 to {MOST_HOURS}, e.g. \"7011=720\", \
                 \"0000-9999/present=120\" or \"0000-9999/absent=240\""
            )
        };
        let (what, hours) = text.split_once('=').ok_or_else(wrong)?;
        let hours = number(hours).filter(|hours| (1..=u64::from(MOST_HOURS)).contains(hours));
        let (categories, card_present) = match what.split_once('/') {
            None => (what, None),
            Some((categories, "present")) => (categories, Some(true)),
            Some((categories, "absent")) => (categories, Some(false)),
            Some(_) => return Err(wrong()),
        };
        let hours = hours.ok_or_else(wrong)? as u32;
        Ok(HoldClass { categories: categories.parse()?, card_present, hours })
    }
}

impl fmt::Display for HoldClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let card = match self.card_present {
            None => "",
            Some(true) => "/present",
            Some(false) => "/absent",
        };
        write!(out, "{}{card}={}", self.categories, self.hours)
    }
}

/// By how much completions may be more than was authorized: `MCC[-MCC]=PERCENT[+MINOR]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tolerance {
    /// Of these merchants.
    pub categories: Categories,
    /// Percent of the authorized amount.
    pub percent: u16,
    /// On top, minor units of the account's currency.
    pub fixed_minor: u64,
}

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Tolerance, String> {
        let wrong = || {
            format!(
                "{text:?} is not a tolerance: MCC=PERCENT of 0 to {MOST_PERCENT}, and perhaps + minor units, e.g. \
                 \"5812-5814=20\" or \"5542=0+15000\""
            )
        };
        let (categories, much) = text.split_once('=').ok_or_else(wrong)?;
        let (percent, fixed) = much.split_once('+').unwrap_or((much, "0"));
        let percent = number(percent).filter(|percent| *percent <= u64::from(MOST_PERCENT));
        let fixed = number(fixed).filter(|fixed| *fixed <= MOST_MINOR);
        Ok(Tolerance {
            categories: categories.parse()?,
            percent: percent.ok_or_else(wrong)? as u16,
            fixed_minor: fixed.ok_or_else(wrong)?,
        })
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.categories, self.percent)?;
        if self.fixed_minor > 0 { write!(out, "+{}", self.fixed_minor) } else { Ok(()) }
    }
}

/// What one unit of a currency is worth in the base currency: `EUR=1.0850`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Worth {
    /// Three letters or three digits of ISO 4217.
    pub currency: String,
    /// A decimal number above zero, as written: at most 10 digits, 9 behind the point.
    pub rate: String,
}

impl FromStr for Worth {
    type Err = String;

    fn from_str(text: &str) -> Result<Worth, String> {
        let wrong = || {
            format!(
                "{text:?} is not what a currency is worth: CODE=NUMBER above zero of at most {MOST_DIGITS} digits, \
                 {MOST_DECIMALS} behind the point, e.g. \"EUR=1.0850\""
            )
        };
        let (currency, rate) = text.split_once('=').ok_or_else(wrong)?;
        let (whole, decimals) = rate.split_once('.').unwrap_or((rate, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let fits =
            rate.len() <= MOST_DIGITS + usize::from(rate.contains('.')) && decimals.len() <= MOST_DECIMALS;
        let is_zero = rate.bytes().all(|byte| matches!(byte, b'0' | b'.'));
        if currency.len() != 3 || !digits(whole) || !digits(decimals) || !fits || is_zero {
            return Err(wrong());
        }
        Ok(Worth { currency: currency.to_owned(), rate: rate.to_owned() })
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.currency, self.rate)
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fmt::{Debug, Display};

    fn reads<T: FromStr<Err = String> + Display + Debug>(right: &[&str], wrong: &[&str]) {
        for text in right {
            assert_eq!(text.parse::<T>().unwrap().to_string(), *text);
        }
        for text in wrong {
            let error = text.parse::<T>().map(|value| value.to_string()).unwrap_err();
            assert!(error.contains("is not a") || error.contains("is not what"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        reads::<HoldClass>(
            &["7011=720", "3351-3500=720", "0000-9999/present=120", "0000-9999/absent=8760"],
            &["7011", "7011=0", "7011=8761", "7011/there=5", "5814-5812=5", "70=5", "7011=5h", ""],
        );
        reads::<Tolerance>(
            &["5812-5814=20", "5542=0+15000", "7011=1000"],
            &["5812", "5812=", "5812=-1", "5812=1001", "5812=20+", "5812=20+x", "58=20", "5812=20%"],
        );
        reads::<Worth>(
            &["EUR=1.0850", "392=0.0067", "KWD=3", "IDR=0.000060123"],
            &["EUR", "EURO=1", "EUR=", "EUR=0.00", "EUR=-1", "EUR=1.", "EUR=12345678901", "EUR=0.0000000001"],
        );
    }
}
