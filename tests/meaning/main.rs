//! Values in words: each table against facts written down apart from it, whole messages, and no input that panics,
//! leaves its line or shows card data.

#![allow(clippy::unwrap_used)]

mod answers;

mod entry;

mod emv;

mod fields;

mod networks;

mod any_input;

mod judged;

mod messages;

use authswitch::message::meaning::{Edition, Scheme, of};

const VISA: Option<Scheme> = Some(Scheme::Visa);
const MASTERCARD: Option<Scheme> = Some(Scheme::Mastercard);

/// A value's words; empty where it has none.
fn say(version: u8, scheme: Option<Scheme>, de: u8, path: &[&str], value: &str) -> String {
    of(Edition { version, scheme }, de, path, value).unwrap_or_default().into_owned()
}

/// Each code's words hold the word that tells it from the others.
fn each_tells(version: u8, de: u8, codes: &[(&str, &str)]) {
    for (code, word) in codes {
        let words = say(version, None, de, &[], code);
        assert!(words.contains(word), "DE{de} {code}: {words:?} does not tell {word:?}");
    }
}
