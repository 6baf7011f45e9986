//! What a dialect's file says of its messages beyond how they are written: which fields a kind of message must have, where
//! the merchant's country stands and in which code. Carried for `message`, which knows what it means; here it is only
//! held against the dialect's own fields.

use super::bitmap::Bitmap;
use super::dialect::Dialect;
use super::field::Mask;
use super::layout::{Path, PathError};
use std::fmt;
use thiserror::Error;

/// The requests and advices that tables by kind of message speak of. A repeat is as what it repeats; `0400` speaks of
/// 0420 and `0800` of 0820 too.
pub const MESSAGE_KINDS: [&str; 6] = ["0100", "0120", "0200", "0220", "0400", "0800"];

/// The codes of `[cannot_verify]`, by what cannot be verified.
pub const VERIFIED_DATA: [&str; 4] = ["pin", "cvv", "cryptogram", "mac"];

/// What DE 3 of a network management message without DE 70 may stand for, and the DE 70 that says the same.
pub const NETWORK_WORDS: [(&str, u16); 3] = [("sign-on", 1), ("sign-off", 2), ("echo", 301)];

/// What a dialect's file says beyond how fields are written.
#[derive(Clone, Debug)]
pub struct Conventions {
    /// By [`MESSAGE_KINDS`]: the fields without which a message is answered 30.
    pub mandatory: [Bitmap; 6],
    /// Where the merchant's country stands; the first place that has one counts.
    pub merchant_country: Vec<CountryPlace>,
    /// Where a card verification value stands that is typed (CVV2, CVC2).
    pub card_verification: Vec<Path>,
    /// What DE 3 of a network management message without DE 70 stands for, by its first digits.
    pub network_codes: Vec<NetworkCode>,
    /// By [`VERIFIED_DATA`]: DE 39 where it came and cannot be verified.
    pub cannot_verify: [[u8; 2]; 4],
}

impl Default for Conventions {
    /// Nothing is mandatory, nothing has a place; 86, and 96 for a MAC.
    fn default() -> Conventions {
        Conventions {
            mandatory: [Bitmap::EMPTY; 6],
            merchant_country: Vec::new(),
            card_verification: Vec::new(),
            network_codes: Vec::new(),
            cannot_verify: [*b"86", *b"86", *b"86", *b"96"],
        }
    }
}

/// A network management code that stands in DE 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkCode {
    /// The first digits of DE 3.
    pub digits: String,
    /// The DE 70 that says the same.
    pub code: u16,
}

/// How a country is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountryForm {
    /// Two letters of ISO 3166.
    Alpha2,
    /// Three letters of ISO 3166.
    Alpha3,
    /// Three digits of ISO 3166, or four with a 0 before them.
    Numeric,
    /// Three letters of ISO 3166, or of a merchant in the USA or Canada a state or province of two letters and a blank.
    StateOrAlpha3,
}

impl CountryForm {
    const ALL: [(&str, CountryForm); 4] = [
        ("alpha-2", CountryForm::Alpha2),
        ("alpha-3", CountryForm::Alpha3),
        ("numeric", CountryForm::Numeric),
        ("state-or-alpha-3", CountryForm::StateOrAlpha3),
    ];

    /// The word in dialect files and settings.
    pub fn name(self) -> &'static str {
        CountryForm::ALL.iter().find(|(_, form)| *form == self).map_or("", |(name, _)| *name)
    }

    /// Characters of it behind a position.
    fn width(self) -> usize {
        if self == CountryForm::Alpha2 { 2 } else { 3 }
    }
}

/// A place of a country and its form: `43.country=alpha-2`, `61@14=numeric`.
#[derive(Clone, Debug)]
pub struct CountryPlace {
    /// The field or the part.
    pub path: Path,
    /// The characters of it that are the country; `None` for all of them.
    pub characters: Option<std::ops::Range<usize>>,
    /// In which code.
    pub form: CountryForm,
}

impl fmt::Display for CountryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(characters) = &self.characters {
            write!(f, "@{}", characters.start + 1)?;
        }
        write!(f, "={}", self.form.name())
    }
}

/// Why a text is no place of a country.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WrongCountryPlace {
    /// Not of the notation.
    #[error(
        "{0:?} is not a place of a country: expected PLACE=FORM, or PLACE@N=FORM from the N-th character on, e.g. \
         \"43.country=alpha-2\" or \"61@14=numeric\"; forms are alpha-2, alpha-3, numeric and state-or-alpha-3"
    )]
    Words(String),
    /// The dialect has no such place.
    #[error(transparent)]
    Place(#[from] PathError),
    /// What stands there is not looked at.
    #[error("{0}: DE {1} is card data and is not read for this")]
    Sensitive(String, u8),
    /// More than the room for it.
    #[error("{0}: the place is longer than {LONGEST} bytes")]
    Long(String),
}

/// Bytes that a place may need to be decoded into.
pub const LONGEST: usize = 256;

impl CountryPlace {
    /// Reads `PLACE=FORM` or `PLACE@N=FORM`.
    ///
    /// # Errors
    /// What is wrong, and what is expected.
    pub fn new(text: &str, dialect: &Dialect) -> Result<CountryPlace, WrongCountryPlace> {
        let wrong = || WrongCountryPlace::Words(text.to_owned());
        let (place, form) = text.split_once('=').ok_or_else(wrong)?;
        let form = CountryForm::ALL.iter().find(|(name, _)| *name == form).ok_or_else(wrong)?.1;
        let (place, first) = match place.split_once('@') {
            None => (place, None),
            Some((place, first)) => {
                let first = first.parse().ok().filter(|first: &usize| (1..=999).contains(first));
                (place, Some(first.ok_or_else(wrong)?))
            }
        };
        let path = dialect.path(place)?;
        if dialect.field(path.de()).is_some_and(|info| info.mask != Mask::Open) {
            return Err(WrongCountryPlace::Sensitive(text.to_owned(), path.de()));
        }
        if path.room() > LONGEST {
            return Err(WrongCountryPlace::Long(text.to_owned()));
        }
        let characters = first.map(|first| first - 1..first - 1 + form.width());
        Ok(CountryPlace { path, characters, form })
    }
}
