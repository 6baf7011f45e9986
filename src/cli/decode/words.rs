//! From a field's place in a dialect to its place in the standard, and from there to what its value says. Knows no output
//! and hides nothing: what is asked here never repeats card data.

use crate::message::meaning::{self, CurrencyAt, Edition, Scheme};
use crate::message::passes;
use crate::traffic::numbers::{of_element, of_track};
use crate::wire::{Class, Dialect, Field, View};

/// Whose codes a dialect's messages carry. A network is known by the dialect's name.
pub(super) fn edition(dialect: &Dialect) -> Edition {
    let name = dialect.name();
    let scheme = [("visa", Scheme::Visa), ("mastercard", Scheme::Mastercard)];
    let scheme = scheme.into_iter().find(|(begin, _)| name.starts_with(begin)).map(|(_, scheme)| scheme);
    Edition { version: dialect.version(), scheme }
}

/// Exactly what a field holds: digits, characters, or upper-case hexadecimal of bytes.
pub(super) fn exact(field: Field<'_>) -> String {
    let mut buffer = vec![0; field.units()];
    match field.format().class {
        Class::B => hex(field.bytes(&mut buffer).unwrap_or_default()),
        _ => String::from_utf8_lossy(field.text(&mut buffer).unwrap_or_default()).into_owned(),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half & 15)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(*byte));
    }
    text
}

/// The card number in a data element that is one or a track, or in a tag of DE 55 that is.
pub(super) fn card_number<'v>(de: u8, tag: Option<&str>, value: &'v str) -> Option<&'v str> {
    match tag {
        None => of_element(de, value),
        Some("5A") => Some(value),
        Some("57") => of_track(value),
        Some(_) => None,
    }
}

/// Whether a card number makes sense; `None` where the value has none.
pub(super) fn is_card_number(de: u8, value: &str) -> Option<bool> {
    let number = card_number(de, None, value)?;
    let digits: Vec<u8> = number.bytes().map(|c| c & 15).collect();
    Some(number.len() >= 12 && !number.starts_with('0') && passes(&digits))
}

/// Whether a card number has the right check digit and begins with 0, as none does: a zero in front is a pad, and changes
/// no check digit.
pub(super) fn is_padded(de: u8, tag: Option<&str>, value: &str) -> bool {
    card_number(de, tag, value).is_some_and(|number| {
        let digits: Vec<u8> = number.bytes().map(|c| c & 15).collect();
        number.len() >= 12
            && number.starts_with('0')
            && digits.iter().any(|digit| *digit != 0)
            && passes(&digits)
    })
}

/// What a data element says, or a part of it; `path` as [`meaning::of`] takes it, `value` as [`exact`] gives it, but for
/// tags of DE 55, whose bytes in hexadecimal it is. `sibling` gives the value beside it that has a tag.
pub(super) fn words(
    view: View<'_>,
    de: u8,
    path: &[&str],
    value: &str,
    sibling: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let edition = edition(view.dialect());
    if let Some(at) = meaning::currency_of(edition, de, path) {
        let currency = match at {
            CurrencyAt::Tag(tag) => sibling(tag),
            CurrencyAt::Element(element) => {
                let transaction = || view.field(49);
                // The cardholder's currency may be left out where it is the transaction's.
                let field = view.field(element).or_else(|| transaction().filter(|_| element == 51));
                field.map(exact)
            }
        };
        let currency = currency?;
        return meaning::amount(value, standard(edition, 49, &currency));
    }
    meaning::of(edition, de, path, standard(edition, de, value)).map(Into::into)
}

/// A code as the standard has it: Visa packs three digits into two bytes, and so sends four.
fn standard(edition: Edition, de: u8, value: &str) -> &str {
    let packed = edition.scheme == Some(Scheme::Visa) && matches!(de, 19..=21 | 49..=51 | 70);
    match value.strip_prefix('0') {
        Some(three) if packed && value.len() == 4 => three,
        _ => value,
    }
}
