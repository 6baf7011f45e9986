//! Where the merchant is: the dialect's or the link's places, in order, as one ISO 3166 number. Must not know who asks.

use super::meaning::country_number;
use crate::wire::{CountryForm, CountryPlace, LONGEST_PLACE, View};

/// The country that the first place names that names one; 0 where none does.
pub(super) fn merchant_country(view: &View<'_>, places: &[CountryPlace]) -> u16 {
    places.iter().find_map(|place| at(view, place)).unwrap_or(0)
}

fn at(view: &View<'_>, place: &CountryPlace) -> Option<u16> {
    if !view.has(place.path.de()) {
        return None;
    }
    let (mut room, mut buffer) = ([0; LONGEST_PLACE], [0; LONGEST_PLACE]);
    let text = view.sub(&place.path, &mut room)?.text(&mut buffer)?;
    let text = match &place.characters {
        Some(characters) => text.get(characters.clone())?,
        None => text,
    };
    country(text, place.form)
}

/// A country in its form. What is only nearly one is none: a city that runs into the place, a state where a country
/// is meant.
fn country(text: &[u8], form: CountryForm) -> Option<u16> {
    let letters = |count: usize| text.len() == count && text.iter().all(u8::is_ascii_uppercase);
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    match form {
        CountryForm::Alpha2 if letters(2) => country_number(text),
        CountryForm::Alpha3 | CountryForm::StateOrAlpha3 if letters(3) => country_number(text),
        CountryForm::Numeric if digits(text) => match text {
            // Packed dialects send three digits behind a 0.
            [b'0', three @ ..] if three.len() == 3 => country_number(three),
            three if three.len() == 3 => country_number(three),
            _ => None,
        },
        CountryForm::StateOrAlpha3 => match text {
            [first, second] | [first, second, b' '] => country_of_state([*first, *second]),
            _ => None,
        },
        _ => None,
    }
}

/// States of the USA with its capital and the addresses of its forces; provinces of Canada. No code is of both.
const STATES: &[u8] = b"AAAEAKALAPARAZCACOCTDCDEFLGAHIIAIDILINKSKYLAMAMDMEMIMNMOMSMTNCNDNENHNJNMNVNYOHOKORPARISCSDTNTXUTVAVTWAWIWVWY";
const PROVINCES: &[u8] = b"ABBCMBNBNLNSNTNUONPEQCSKYT";
/// Sent as states, and countries of their own in ISO 3166.
const TERRITORIES: &[u8] = b"ASGUMPPRVI";

fn country_of_state(code: [u8; 2]) -> Option<u16> {
    let is_of = |table: &[u8]| table.as_chunks::<2>().0.contains(&code);
    if is_of(STATES) {
        country_number(b"US")
    } else if is_of(PROVINCES) {
        country_number(b"CA")
    } else if is_of(TERRITORIES) {
        country_number(&code)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CountryForm::{Alpha2, Alpha3, Numeric, StateOrAlpha3};

    #[test]
    fn each_form_names_a_country_or_nothing() {
        for (text, form, number) in [
            ("US", Alpha2, 840),
            ("us", Alpha2, 0),
            ("XX", Alpha2, 0),
            ("N ", Alpha2, 0),
            ("USA", Alpha2, 0),
            ("84", Alpha2, 0),
            ("DEU", Alpha3, 276),
            ("DE ", Alpha3, 0),
            ("840", Alpha3, 0),
            ("840", Numeric, 840),
            ("0840", Numeric, 840),
            ("1840", Numeric, 0),
            ("000", Numeric, 0),
            ("USA", Numeric, 0),
            ("DEU", StateOrAlpha3, 276),
            // Delaware, not Germany; California, not Canada; Indiana, not India.
            ("DE ", StateOrAlpha3, 840),
            ("CA ", StateOrAlpha3, 840),
            ("IN", StateOrAlpha3, 840),
            ("ON ", StateOrAlpha3, 124),
            ("PR ", StateOrAlpha3, 630),
            // No state: Great Britain is written with three letters there.
            ("GB ", StateOrAlpha3, 0),
            ("   ", StateOrAlpha3, 0),
            ("", StateOrAlpha3, 0),
        ] {
            assert_eq!(country(text.as_bytes(), form).unwrap_or(0), number, "{text:?} as {}", form.name());
        }
    }

    #[test]
    fn states_and_provinces_are_told_apart() {
        let pairs = |table: &'static [u8]| table.as_chunks::<2>().0;
        assert_eq!((pairs(STATES).len(), pairs(PROVINCES).len()), (54, 13));
        assert!(pairs(STATES).windows(2).all(|pair| pair[0] < pair[1]));
        let all = [STATES, PROVINCES, TERRITORIES].concat();
        let all = all.as_chunks::<2>().0;
        assert!(all.iter().all(|code| all.iter().filter(|other| *other == code).count() == 1));
    }
}
