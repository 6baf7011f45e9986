//! Values in words: what a field, a piece of it or a tag says, for people who read a decoded message.
//! PURE; must not know how a dialect writes a field, nor the message around a value.
//! Says only what is certain, or says "may"; never says card data: PAN, tracks, PIN blocks, verification values.

mod table;
pub use table::{LONGEST, Scheme};

mod kind;
pub use kind::mti;

mod currency;
pub use currency::{Currency, amount, currencies, currency_number, minor_units};

mod country;
pub use country::{Country, countries, country_number, country_numbered, country_of};

mod merchant;
pub use merchant::merchant_categories;

mod bits;
pub use bits::bits;

mod emv;
mod entry;
mod function;
mod pieces;
mod private;
mod processing;
mod response;
mod time;

use std::borrow::Cow;
use table::Words;

/// Whose codes a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// The standard's version, as the first digit of the message type: 0 is 1987, 1 is 1993, 2 is 2003. Others have
    /// no words.
    pub version: u8,
    /// The network, where it is known. Else a code on which networks differ says so: `Visa: …; Mastercard: …`.
    pub scheme: Option<Scheme>,
}

/// What the value of data element `de` says, or of a piece of it, in one line of at most [`LONGEST`] printable ASCII
/// characters. `None` where it says nothing beyond itself, where nothing is certain, and for card data.
///
/// `value` is the decoded text, or hexadecimal for bytes. `path` is empty for the whole element, else it names a piece:
/// a position or subfield counted from 1 (`["1"]` of DE3 is the transaction type, of DE22 of 1993 its first
/// character, of DE54 one group), a Mastercard subelement of DE48 (`["61"]`, `["61", "1"]`, `["TCC"]`), the tag in
/// DE55 (`["9F27"]`; of a path through templates the last counts).
///
/// Amounts need the message's currency: see [`currency_of`] and [`amount`].
pub fn of(edition: Edition, de: u8, path: &[&str], value: &str) -> Option<Cow<'static, str>> {
    if !value.is_ascii() || edition.version > 2 {
        return None;
    }
    if path.is_empty()
        && let Some(words) = simple(edition, de, value)
    {
        return Some(words);
    }
    let Edition { version, scheme } = edition;
    match (version, de) {
        (_, 3) => processing::code(version, scheme, path, value),
        (0, 22) => entry::mode(scheme, path, value),
        // In 2003 it is 16 bytes, of which derived specifications disagree; some carry the characters of 1993.
        (_, 22) => entry::data_code(path, value),
        (2, 30) => pieces::original_amounts_2003(path, value),
        (0, 44) => private::response_data(scheme, path, value),
        (0, 48) if scheme == Some(Scheme::Mastercard) => private::additional_data(path, value),
        (_, 54) => pieces::additional_amounts(version, path, value),
        (_, 55) => emv::tag(scheme, path.last()?, value),
        (0, 60) if scheme == Some(Scheme::Visa) => entry::visa_data(path, value),
        (0, 61) if scheme == Some(Scheme::Mastercard) => match path {
            ["13"] => country::country(value),
            _ => entry::mastercard_data(path, value),
        },
        (0, 63) if scheme == Some(Scheme::Visa) => function::visa_network_data(path, value),
        (0, 90) | (1 | 2, 56) => pieces::original(version, path, value),
        (0, 95) => pieces::replacement(path, value),
        _ => None,
    }
}

/// Elements that are one thing.
fn simple(Edition { version, scheme }: Edition, de: u8, value: &str) -> Words {
    match (version, de) {
        (2, 4..=6 | 8) => currency::amount_2003(value).map(Cow::Owned),
        (_, 7) => time::time("MDhms", value, " UTC"),
        (_, 9 | 10) => time::rate(value),
        (0, 12) => time::time("hms", value, ""),
        (1, 12) => time::time("YMDhms", value, ""),
        (2, 12) => time::time("CYMDhms", value, ""),
        (0, 13 | 15 | 16 | 17) | (_, 16 | 17) => time::time("MD", value, ""),
        (1, 13) | (_, 14) => time::time("YM", value, ""),
        (2, 13) => time::time("CYM", value, ""),
        (1, 15 | 28 | 73) | (0, 73) => time::time("YMD", value, ""),
        (2, 15 | 28 | 73) => time::time("CYMD", value, ""),
        (0 | 1, 18) | (1 | 2, 26) => merchant::category(value),
        (_, 19 | 20) | (0 | 1, 21 | 68 | 69) | (1, 70 | 91 | 92) => country::country(value),
        (1 | 2, 24) => function::function(value),
        (0, 25) => entry::condition(scheme, value),
        (1 | 2, 25) => function::reason(value),
        (0, 26) => entry::pin_capture(value),
        (_, 38) => pieces::approval(value),
        (0, 39) => response::response(scheme, value),
        (1, 39) if value.len() == 3 => response::action(value),
        (2, 39) if value.len() == 4 => response::action(value),
        (_, 40) => pieces::service(value),
        (0, 43) => country::of_acceptor(value),
        (1, 43) => pieces::acceptor_1993(value),
        (0 | 1, 49..=51) => currency::currency(value),
        (0, 53) => private::security(scheme, value),
        (0, 66) => pieces::settlement(value),
        (0, 70) => function::network_management(scheme, value),
        (0, 91) => pieces::file_update(value),
        _ => None,
    }
}

/// Where in the same message the currency of an amount stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrencyAt {
    /// A data element: 49, 50 or 51.
    Element(u8),
    /// A tag of DE55, in upper-case hexadecimal, on the amount's own level.
    Tag(&'static str),
}

/// Whether a value is an amount in minor units, and where its currency stands: [`amount`] makes words of the two.
///
/// `path` as for [`of`]. `None` for what is no amount, or holds its own currency (DE54, amounts of 2003). DE51
/// may be absent where the cardholder's currency is the transaction's; then DE49 tells it.
pub fn currency_of(edition: Edition, de: u8, path: &[&str]) -> Option<CurrencyAt> {
    const TRANSACTION: u8 = 49;
    const SETTLEMENT: u8 = 50;
    const BILLING: u8 = 51;
    let Edition { version, scheme } = edition;
    let at = match (version, de, path) {
        (0..=2, 55, [.., "9F02" | "9F03"]) => return Some(CurrencyAt::Tag("5F2A")),
        (0 | 1, 4, []) | (0, 28 | 30, []) | (1, 30, ["1"]) => TRANSACTION,
        (0 | 1, 5, []) | (0, 29 | 31 | 82..=89, []) | (1, 30, ["2"]) | (1, 86..=89 | 105 | 106, []) => {
            SETTLEMENT
        }
        (0 | 1, 97, []) => SETTLEMENT,
        (0 | 1, 6 | 8, []) => BILLING,
        (0, 95, ["1"]) => TRANSACTION,
        (0, 95, ["2"]) => SETTLEMENT,
        (0, 95, ["3"]) if scheme == Some(Scheme::Mastercard) => BILLING,
        (0, 95, ["3"]) if scheme.is_none() => TRANSACTION,
        (0, 95, ["4"]) if scheme.is_none() => SETTLEMENT,
        (0, 61, ["1"]) if scheme == Some(Scheme::Visa) => TRANSACTION,
        (0, 61, ["2" | "3"]) if scheme == Some(Scheme::Visa) => BILLING,
        _ => return None,
    };
    Some(CurrencyAt::Element(at))
}
