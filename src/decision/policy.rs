//! What the settings say about money beside cards and links: lives of holds, tolerance of completions, rates, partial
//! approval. Plain data, shared and exchanged whole. Must not know a link or a message's place on the wire.

use super::verification::Verification;
use crate::message::Request;
use crate::message::meaning::minor_units;
use std::ops::RangeInclusive;

/// Seconds of a day.
const DAY_S: u32 = 86_400;

/// A policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long an ordinary authorization holds, seconds.
    pub authorization_s: u32,
    /// How long a pre-authorization holds, seconds.
    pub preauthorization_s: u32,
    /// Other lives of ordinary authorizations; the first that fits counts.
    pub classes: Vec<HoldClass>,
    /// Whether an increment lets the hold begin its life again. One of no amount always does.
    pub increments_extend: bool,
    /// By how much completions may be more than was authorized; the first that fits counts.
    pub tolerances: Vec<Tolerance>,
    /// What currencies are worth.
    pub rates: Rates,
    /// Whether less than the amount is approved where funds are short and the sender understands it.
    pub partial: bool,
    /// The same for pre-authorizations.
    pub partial_preauthorizations: bool,
    /// What is asked about PIN, verification value, cryptogram and MAC.
    pub verification: Verification,
    /// The networks of all links, as [`super::LinkTerms::network`].
    pub networks: Vec<u64>,
}

impl Default for Policy {
    /// 7 and 30 days, no other classes, no tolerance, no rates, partial approvals but of pre-authorizations, and a PIN that
    /// comes is not approved unseen.
    fn default() -> Policy {
        Policy {
            authorization_s: 7 * DAY_S,
            preauthorization_s: 30 * DAY_S,
            classes: Vec::new(),
            increments_extend: true,
            tolerances: Vec::new(),
            rates: Rates::default(),
            partial: true,
            partial_preauthorizations: false,
            verification: Verification::default(),
            networks: Vec::new(),
        }
    }
}

/// A life of its own for the holds of some merchants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldClass {
    /// Merchant categories (DE18).
    pub categories: RangeInclusive<u16>,
    /// Only with the card present (true), only without it (false), or both.
    pub card_present: Option<bool>,
    /// Seconds.
    pub life_s: u32,
}

/// By how much the completions of an authorization may be more than it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// Merchant categories (DE18).
    pub categories: RangeInclusive<u16>,
    /// Part of the authorized amount, percent.
    pub percent: u16,
    /// And so much on top, minor units of the account's currency.
    pub fixed_minor: i64,
}

impl Policy {
    /// How long a hold of this request lives, seconds.
    pub fn hold_life_s(&self, request: &Request, preauthorization: bool) -> u32 {
        if preauthorization {
            return self.preauthorization_s;
        }
        let present = is_card_present(request.entry_mode);
        let fits = |class: &&HoldClass| {
            class.categories.contains(&request.merchant_category)
                && class.card_present.is_none_or(|wanted| wanted == present)
        };
        self.classes.iter().find(fits).map_or(self.authorization_s, |class| class.life_s)
    }

    /// The most that completions may come to where so much was authorized, minor units.
    pub fn most_completed(&self, authorized_minor: i64, category: u16) -> i64 {
        let fits = |tolerance: &&Tolerance| tolerance.categories.contains(&category);
        let Some(tolerance) = self.tolerances.iter().find(fits) else { return authorized_minor };
        let part = i128::from(authorized_minor) * i128::from(tolerance.percent) / 100;
        let most = i128::from(authorized_minor) + part + i128::from(tolerance.fixed_minor);
        i64::try_from(most).unwrap_or(i64::MAX)
    }
}

/// Whether DE22 positions 1-2 say that the card itself was read: stripe, chip or contactless. Typed, stored, from the
/// internet or not said is not present.
fn is_card_present(entry_mode: u16) -> bool {
    matches!(entry_mode / 10, 2..=5 | 7 | 80 | 90 | 91 | 95)
}

/// What one unit of a currency is worth in the base currency, exactly as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    digits: u64,
    /// Digits behind the point.
    scale: u8,
}

/// Most digits of a rate, and most behind its point: with amounts of 15 digits all products stay within 128 bits.
const MOST_DIGITS: usize = 10;
const MOST_DECIMALS: usize = 9;

impl Rate {
    /// A decimal number above zero of at most 10 digits, 9 behind the point: `1.0850`. `None` for anything else.
    pub fn new(text: &str) -> Option<Rate> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = whole.len() + decimals.len() <= MOST_DIGITS && decimals.len() <= MOST_DECIMALS;
        if whole.is_empty() || text.ends_with('.') || !fits || !are_digits(whole) || !are_digits(decimals) {
            return None;
        }
        let digits = format!("{whole}{decimals}").parse().ok().filter(|digits| *digits > 0)?;
        Some(Rate { digits, scale: decimals.len() as u8 })
    }
}

/// Rates between all currencies that have one, by way of a base currency.
#[derive(Clone, Debug, Default)]
pub struct Rates(Vec<Row>);

#[derive(Clone, Copy, Debug)]
struct Row {
    currency: u16,
    minor: u8,
    rate: Rate,
}

/// A currency of which ISO 4217 does not say how many minor units it has, or that stands there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the currency {0:03} has no minor units in ISO 4217, or has a rate already")]
pub struct WrongCurrency(pub u16);

impl Rates {
    /// What one unit of each of these currencies (ISO 4217 numeric) is worth in the base currency.
    ///
    /// # Errors
    /// A currency that cannot have a rate.
    pub fn new(base: u16, worth: &[(u16, Rate)]) -> Result<Rates, WrongCurrency> {
        let mut rows: Vec<Row> = Vec::new();
        for (currency, rate) in [(base, Rate { digits: 1, scale: 0 })].iter().chain(worth) {
            let minor = minor_units(*currency).ok_or(WrongCurrency(*currency))?;
            if rows.iter().any(|row| row.currency == *currency) {
                return Err(WrongCurrency(*currency));
            }
            rows.push(Row { currency: *currency, minor, rate: *rate });
        }
        rows.sort_by_key(|row| row.currency);
        Ok(Rates(rows))
    }

    fn row(&self, currency: u16) -> Option<&Row> {
        let place = self.0.binary_search_by_key(&currency, |row| row.currency).ok()?;
        self.0.get(place)
    }

    /// An amount in minor units of one currency as minor units of another, halves rounded away from zero. `None`
    /// without a rate for both, or beyond 64 bits.
    pub fn convert(&self, amount_minor: i64, from: u16, to: u16) -> Option<i64> {
        let (from, to) = (self.row(from)?, self.row(to)?);
        // amount / 10^from.minor x from.rate / to.rate x 10^to.minor, as one fraction of whole numbers.
        let ten = |places: u8| 10i128.pow(u32::from(places));
        let above = i128::from(amount_minor)
            .checked_mul(i128::from(from.rate.digits))?
            .checked_mul(ten(to.rate.scale))?
            .checked_mul(ten(to.minor))?;
        let below =
            i128::from(to.rate.digits).checked_mul(ten(from.rate.scale))?.checked_mul(ten(from.minor))?;
        rounded(above, below)
    }
}

/// The nearest whole number, halves away from zero. `None` for a division by zero or beyond 64 bits.
pub(super) fn rounded(above: i128, below: i128) -> Option<i64> {
    let (whole, rest) = (above.checked_div(below)?, above.checked_rem(below)?);
    let up = rest.unsigned_abs().checked_mul(2)? >= below.unsigned_abs();
    let sign = if (above < 0) == (below < 0) { 1 } else { -1 };
    i64::try_from(whole + if up { sign } else { 0 }).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (above, below, expected) in [
            (5, 2, Some(3)),
            (-5, 2, Some(-3)),
            (4, 3, Some(1)),
            (-4, 3, Some(-1)),
            (7, -2, Some(-4)),
            (0, 9, Some(0)),
            (1, 0, None),
            (i128::from(i64::MAX) + 1, 1, None),
        ] {
            assert_eq!(rounded(above, below), expected, "{above} / {below}");
        }
    }

    #[test]
    fn rates_are_exact_decimals() {
        for text in ["1", "1.0850", "0.000067123", "1234567890"] {
            assert!(Rate::new(text).is_some(), "{text}");
        }
        for text in
            ["", "0", "0.0", "-1", "+1", "1.", ".5", "1e3", "1,5", "12345678901", "0.0000000001", " 1"]
        {
            assert_eq!(Rate::new(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_change_currency_at_the_minor_units_of_both() {
        let rate = |text| Rate::new(text).unwrap();
        // Base: US dollar. Euro, yen (no decimals), Kuwaiti dinar (three).
        let worth = [(978, rate("1.0850")), (392, rate("0.0067")), (414, rate("3.25"))];
        let rates = Rates::new(840, &worth).unwrap();
        for (amount, from, to, expected) in [
            (1_000, 978, 840, Some(1_085)),
            (1_085, 840, 978, Some(1_000)),
            (1_000, 392, 840, Some(670)),
            (1, 392, 840, Some(1)), // 0.67 cents
            (1_000, 414, 840, Some(325)),
            (1_000, 840, 414, Some(3_077)), // 3.0769 dinars
            (1_000, 978, 392, Some(1_619)), // 1619.40 yen
            (-150, 840, 392, Some(-224)),   // 223.88
            (1_000, 840, 840, Some(1_000)),
            (1_000, 826, 840, None),
            (999_999_999_999_999, 414, 392, Some(485_074_626_865_671)),
            (i64::MAX, 978, 392, None),
        ] {
            assert_eq!(rates.convert(amount, from, to), expected, "{amount} {from} -> {to}");
        }
        assert_eq!(Rates::new(840, &[(840, rate("1"))]).unwrap_err(), WrongCurrency(840));
        assert_eq!(Rates::new(840, &[(960, rate("1"))]).unwrap_err(), WrongCurrency(960));
    }

    #[test]
    fn tolerance_is_a_part_and_a_sum_of_the_first_range_that_fits() {
        let of = |categories, percent, fixed_minor| Tolerance { categories, percent, fixed_minor };
        let tolerances = vec![of(5812..=5814, 20, 0), of(5541..=5542, 0, 15_000), of(0..=9999, 1, 1)];
        let policy = Policy { tolerances, ..Policy::default() };
        for (category, most) in [(5812, 1_200), (5814, 1_200), (5542, 16_000), (5411, 1_011), (0, 1_011)] {
            assert_eq!(policy.most_completed(1_000, category), most, "{category}");
        }
        assert_eq!(Policy::default().most_completed(1_000, 5812), 1_000);
    }
}
