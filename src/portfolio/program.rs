//! A card program: which merchant categories and countries its cards may be used in, and their usual limits.

use super::Limits;

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
    /// Countries are ISO 3166 numbers; 0 stands for one that cannot be told.
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

    /// Whether a merchant's country is allowed: not denied, and allowed where there is an allow list. One that cannot be told
    /// (0) passes a deny list and not an allow list, unless the list itself names it.
    pub fn allows_country(&self, country: u16) -> bool {
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
    pub country_allow: &'a [u16],
    /// Countries denied.
    pub country_deny: &'a [u16],
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

/// One bit a number of ISO 3166; bit 0 is a country that cannot be told.
#[derive(Clone, Debug)]
struct CountrySet {
    is_empty: bool,
    numbers: Box<[u64; 16]>,
}

impl CountrySet {
    fn new(countries: &[u16]) -> CountrySet {
        let mut numbers = Box::new([0; 16]);
        for number in countries.iter().filter(|number| **number <= 999) {
            numbers[usize::from(number / 64)] |= 1 << (number % 64);
        }
        CountrySet { is_empty: countries.is_empty(), numbers }
    }

    fn contains(&self, country: u16) -> bool {
        self.numbers.get(usize::from(country / 64)).is_some_and(|word| word >> (country % 64) & 1 == 1)
    }
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
    fn a_country_that_cannot_be_told_is_an_entry_like_any_other() {
        let deny = program(&Lists { country_deny: &[643, 408], ..Lists::default() });
        assert_eq!(
            [840, 0, 643, 408, 999].map(|country| deny.allows_country(country)),
            [true, true, false, false, true]
        );
        let strict = program(&Lists { country_deny: &[643, 0], ..Lists::default() });
        assert_eq!([840, 0, 643].map(|country| strict.allows_country(country)), [true, false, false]);
        let allow = program(&Lists { country_allow: &[840], ..Lists::default() });
        assert_eq!(
            [840, 0, 276, 1840].map(|country| allow.allows_country(country)),
            [true, false, false, false]
        );
        let lenient = program(&Lists { country_allow: &[840, 0], ..Lists::default() });
        assert_eq!([840, 0, 276].map(|country| lenient.allows_country(country)), [true, true, false]);
    }
}
