//! A card program: which merchant categories and countries its cards may be used in, and their usual limits.

use super::Limits;
use crate::message::Country;

/// The lists and usual limits of a program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name in settings and CSV files.
    pub name: String,
    /// Limits of a card that has none of its own.
    pub card_limits: Limits,
    /// Limits of an account that has none of its own.
    pub account_limits: Limits,
    categories: Categories,
    countries: Countries,
}

impl Program {
    /// A program; an empty allow list allows all, a deny list wins over an allow list.
    /// Countries are ISO 3166 numeric ("840") or alpha-2 ("US") codes, as the messages carry them.
    pub fn new(name: &str, card_limits: Limits, account_limits: Limits, lists: &Lists<'_>) -> Program {
        Program {
            name: name.to_owned(),
            card_limits,
            account_limits,
            categories: Categories::new(lists.mcc_allow, lists.mcc_deny),
            countries: Countries {
                allow: CountrySet::new(lists.country_allow),
                deny: CountrySet::new(lists.country_deny),
            },
        }
    }

    /// Whether a merchant category (DE18) is allowed. An absent one (0) is not checked.
    pub fn allows_category(&self, category: u16) -> bool {
        category == 0 || self.categories.allows(category)
    }

    /// Whether a country is allowed: neither of its codes denied, and one of them allowed where there is an
    /// allow list. A message without any country passes a deny list, not an allow list.
    pub fn allows_country(&self, country: Country) -> bool {
        !self.countries.deny.contains(country)
            && (self.countries.allow.is_empty || self.countries.allow.contains(country))
    }
}

/// The lists of a program as the settings give them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lists<'a> {
    /// Merchant categories allowed; empty for all.
    pub mcc_allow: &'a [u16],
    /// Merchant categories denied.
    pub mcc_deny: &'a [u16],
    /// Countries allowed; empty for all.
    pub country_allow: &'a [String],
    /// Countries denied.
    pub country_deny: &'a [String],
}

/// One bit a merchant category, 0000 to 9999.
#[derive(Clone, Debug)]
struct Categories(Box<[u64; 157]>);

impl Categories {
    fn new(allow: &[u16], deny: &[u16]) -> Categories {
        let mut bits = Box::new([if allow.is_empty() { u64::MAX } else { 0 }; 157]);
        for category in allow.iter().filter(|category| **category <= 9999) {
            bits[usize::from(category / 64)] |= 1 << (category % 64);
        }
        for category in deny.iter().filter(|category| **category <= 9999) {
            bits[usize::from(category / 64)] &= !(1 << (category % 64));
        }
        Categories(bits)
    }

    fn allows(&self, category: u16) -> bool {
        self.0.get(usize::from(category / 64)).is_some_and(|word| word >> (category % 64) & 1 == 1)
    }
}

#[derive(Clone, Debug)]
struct Countries {
    allow: CountrySet,
    deny: CountrySet,
}

/// One bit a numeric code and one bit a pair of letters.
#[derive(Clone, Debug)]
struct CountrySet {
    is_empty: bool,
    numeric: Box<[u64; 16]>,
    alpha: Box<[u64; 11]>,
}

impl CountrySet {
    fn new(codes: &[String]) -> CountrySet {
        let mut set =
            CountrySet { is_empty: codes.is_empty(), numeric: Box::new([0; 16]), alpha: Box::new([0; 11]) };
        for code in codes {
            match (code.parse::<u16>(), code.as_bytes()) {
                (Ok(number), _) if number < 1000 => {
                    set.numeric[usize::from(number / 64)] |= 1 << (number % 64)
                }
                (_, [first, second]) => {
                    if let Some(index) = letters([*first, *second]) {
                        set.alpha[usize::from(index / 64)] |= 1 << (index % 64);
                    }
                }
                _ => {}
            }
        }
        set
    }

    fn contains(&self, country: Country) -> bool {
        let number = country.numeric;
        let by_number = number != 0
            && self.numeric.get(usize::from(number / 64)).is_some_and(|word| word >> (number % 64) & 1 == 1);
        let by_letters = letters(country.alpha)
            .is_some_and(|index| self.alpha[usize::from(index / 64)] >> (index % 64) & 1 == 1);
        by_number || by_letters
    }
}

/// 0 to 675 for two capital letters.
fn letters(pair: [u8; 2]) -> Option<u16> {
    let place = |letter: u8| letter.is_ascii_uppercase().then(|| u16::from(letter - b'A'));
    Some(place(pair[0])? * 26 + place(pair[1])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(lists: &Lists<'_>) -> Program {
        Program::new("test", Limits::NONE, Limits::NONE, lists)
    }

    #[test]
    fn categories_allow_and_deny() {
        let all = program(&Lists::default());
        assert!(all.allows_category(0) && all.allows_category(5411) && all.allows_category(9999));
        let some = program(&Lists { mcc_allow: &[5411, 6011], mcc_deny: &[6011], ..Lists::default() });
        assert_eq!(
            [5411, 6011, 5412, 0].map(|category| some.allows_category(category)),
            [true, false, false, true]
        );
    }

    #[test]
    fn countries_match_by_either_code() {
        let at = |numeric: u16, alpha: &[u8; 2]| Country { numeric, alpha: *alpha };
        let deny = program(&Lists { country_deny: &["643".into(), "KP".into()], ..Lists::default() });
        assert!(deny.allows_country(at(840, b"US")) && deny.allows_country(at(0, &[0; 2])));
        assert!(!deny.allows_country(at(643, b"RU")) && !deny.allows_country(at(0, b"KP")));
        let allow = program(&Lists { country_allow: &["840".into(), "US".into()], ..Lists::default() });
        assert!(allow.allows_country(at(840, &[0; 2])) && allow.allows_country(at(0, b"US")));
        assert!(!allow.allows_country(at(276, b"DE")) && !allow.allows_country(at(0, &[0; 2])));
    }
}
