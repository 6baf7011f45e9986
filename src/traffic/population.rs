//! Who takes part in generated traffic: the demo program's cards, and merchants by category.
//! Must not know how a message looks.

use super::random::{Random, Weighted};
use super::trace::Expect;

/// Cards of the demo program that are good for everything.
pub(super) const GOOD_CARDS: u64 = 10_000;
/// BIN of the good cards.
const GOOD_BIN: u64 = 411_111;
/// BIN of the cards in every other state.
const SPECIAL_BIN: u64 = 411_112;

/// A card as an acquirer sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Card {
    /// 16 digits: BIN, nine-digit counter, Luhn digit.
    pub(super) pan: [u8; 16],
    /// YYMM.
    pub(super) expiry: [u8; 4],
}

impl Card {
    fn new(bin: u64, counter: u64, expiry: &[u8; 4]) -> Card {
        let mut pan = [b'0'; 16];
        let mut rest = bin * 1_000_000_000 + counter;
        for digit in pan[..15].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        pan[15] = luhn_digit(&pan[..15]);
        Card { pan, expiry: *expiry }
    }

    /// One of the good cards; `counter` < [`GOOD_CARDS`].
    pub(super) fn good(counter: u64) -> Card {
        Card::new(GOOD_BIN, counter, b"3012")
    }

    /// A well-formed number that no seeded card has.
    pub(super) fn unknown(random: &mut Random) -> Card {
        Card::new(GOOD_BIN, random.between(500_000_000, 999_999_999), b"3012")
    }
}

/// The check digit for the digits before it (ISO/IEC 7812-1, annex B).
fn luhn_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0');
            if place % 2 > 0 {
                value
            } else if value > 4 {
                value * 2 - 9
            } else {
                value * 2
            }
        })
        .sum();
    b'0' + ((10 - sum % 10) % 10) as u8
}

/// One state of the cards in BIN 411112: which counters have it, and what a sale on such a card must give.
pub(super) struct SpecialState {
    first: u64,
    last: u64,
    expiry: &'static [u8; 4],
    /// Range of the sale's amount in minor units that brings the answer about.
    pub(super) amount_minor: (u64, u64),
    /// Response codes that are right; the first is the one the state is for.
    pub(super) codes: &'static [&'static [u8; 2]],
}

/// The cards in BIN 411112, as the README's table of demo cards lists them.
pub(super) const SPECIAL_STATES: [SpecialState; 11] = [
    special(0, 4, (500, 20_000), &[b"62"]),   // blocked
    special(5, 9, (500, 20_000), &[b"41"]),   // lost
    special(10, 14, (500, 20_000), &[b"43"]), // stolen
    SpecialState { expiry: b"2001", ..special(15, 19, (500, 20_000), &[b"54"]) }, // expired
    special(20, 24, (1_500, 20_000), &[b"51"]), // 10.00 available
    special(25, 29, (100, 400), &[b"65", b"00"]), // three a day: the first three pass
    special(30, 34, (6_000, 20_000), &[b"61"]), // 50.00 a transaction
    special(35, 39, (500, 20_000), &[b"57"]), // account in 978, request in 840 alone
    special(40, 44, (500, 20_000), &[b"62"]), // closed
    special(45, 47, (500, 20_000), &[b"59"]), // suspected fraud
    special(48, 50, (500, 20_000), &[b"62"]), // not yet activated
];

const fn special(
    first: u64,
    last: u64,
    amount_minor: (u64, u64),
    codes: &'static [&'static [u8; 2]],
) -> SpecialState {
    SpecialState { first, last, expiry: b"3012", amount_minor, codes }
}

impl SpecialState {
    pub(super) fn card(&self, random: &mut Random) -> Card {
        Card::new(SPECIAL_BIN, random.between(self.first, self.last), self.expiry)
    }

    pub(super) fn expectation(&self) -> Expect {
        Expect::any_of(self.codes)
    }
}

/// How a merchant's terminals take cards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    /// Card and holder present.
    Attended,
    /// Card present, nobody there to look: pumps, machines.
    Unattended,
    /// Card not present: shops on the network, subscriptions.
    Remote,
    /// Cash machine.
    CashMachine,
}

/// A merchant category with the tills it is drawn from.
struct Category {
    mcc: u16,
    name: &'static str,
    /// Share of all sales, per mille.
    weight: u64,
    median_minor: f64,
    sigma: f64,
    counter: Counter,
    /// Takes an estimated amount first and the true one later.
    estimates: bool,
}

const fn shop(mcc: u16, name: &'static str, weight: u64, median_minor: f64, sigma: f64) -> Category {
    Category { mcc, name, weight, median_minor, sigma, counter: Counter::Attended, estimates: false }
}

/// Medians and spreads are the author's guess at a North American debit and credit mix, not a measurement.
const CATEGORIES: [Category; 24] = [
    shop(5411, "GREENFIELD GROCERY", 190, 4_200.0, 0.80),
    shop(5814, "QUICK BITE", 150, 1_150.0, 0.50),
    shop(5812, "BLUE TABLE", 95, 3_800.0, 0.65),
    shop(5912, "CORNER PHARMACY", 45, 2_100.0, 0.75),
    shop(5310, "VALUE BARN", 55, 3_600.0, 0.80),
    shop(5311, "HARBOR STORES", 30, 6_200.0, 0.80),
    shop(5651, "COTTON LANE", 25, 5_900.0, 0.75),
    shop(5732, "VOLT ELECTRONICS", 12, 16_500.0, 1.00),
    shop(5942, "PAPER MOON BOOKS", 12, 2_400.0, 0.60),
    shop(5999, "ODDS AND ENDS", 30, 2_800.0, 0.90),
    shop(5251, "IRON NAIL HARDWARE", 25, 4_400.0, 0.95),
    shop(7230, "SHEAR DELIGHT", 15, 4_500.0, 0.45),
    shop(7832, "GRAND CINEMA", 10, 2_600.0, 0.45),
    shop(8011, "RIVERSIDE CLINIC", 12, 8_000.0, 0.80),
    Category { counter: Counter::Unattended, ..shop(4111, "METRO TRANSIT", 60, 290.0, 0.40) },
    Category { counter: Counter::Unattended, ..shop(4121, "CITY CABS", 25, 1_900.0, 0.55) },
    Category { counter: Counter::Unattended, estimates: true, ..shop(5542, "FUEL POINT", 60, 4_600.0, 0.40) },
    Category { counter: Counter::Remote, ..shop(5818, "PIXEL GAMES", 30, 999.0, 0.70) },
    Category { counter: Counter::Remote, ..shop(4899, "STREAMLINE TV", 35, 1_599.0, 0.25) },
    Category { counter: Counter::Remote, ..shop(5969, "PARCEL HOUSE", 60, 3_300.0, 0.95) },
    Category { counter: Counter::Remote, ..shop(4814, "TELE NORTH", 10, 5_500.0, 0.40) },
    Category { counter: Counter::Remote, ..shop(4511, "MERIDIAN AIR", 6, 31_000.0, 0.70) },
    Category { estimates: true, ..shop(7011, "LANTERN HOTEL", 6, 22_000.0, 0.60) },
    Category { estimates: true, ..shop(7512, "OPEN ROAD RENTALS", 2, 26_000.0, 0.50) },
];

const CITIES: [&str; 12] = [
    "SPRINGFIELD",
    "RIVERTON",
    "FAIRVIEW",
    "LAKEWOOD",
    "GEORGETOWN",
    "ASHLAND",
    "CLINTON",
    "MILTON",
    "OXFORD",
    "DAYTON",
    "SALEM",
    "NEWPORT",
];

/// Merchants of each category, and cash machines.
const TILLS_PER_CATEGORY: u64 = 20;

/// A terminal of a merchant.
#[derive(Clone)]
pub(super) struct Till {
    pub(super) mcc: u16,
    pub(super) counter: Counter,
    /// DE41, 8 characters.
    pub(super) terminal: String,
    /// DE42, 15 characters.
    pub(super) merchant: String,
    /// DE43, 40 characters: name 25, city 13, country 2.
    pub(super) place: String,
    /// Which link its acquirer uses, by order.
    pub(super) acquirer: usize,
    median_minor: f64,
    sigma: f64,
}

impl Till {
    /// An amount in minor units, at least 1.00.
    pub(super) fn draw_amount(&self, random: &mut Random) -> u64 {
        if self.counter == Counter::CashMachine {
            // Machines give twenties.
            return 2_000 * (random.log_normal(4.0, 0.7) as u64).clamp(1, 40);
        }
        (random.log_normal(self.median_minor, self.sigma) as u64).clamp(100, 900_000)
    }
}

/// The cards and tills of a trace, each drawn by its own popularity.
pub(super) struct Population {
    cards: Weighted,
    categories: Weighted,
    estimating: Weighted,
    tills: Weighted,
    acquirers: usize,
}

impl Population {
    /// `acquirers`: how many links the tills are spread over.
    pub(super) fn new(acquirers: usize) -> Population {
        Population {
            cards: Weighted::zipf(GOOD_CARDS),
            categories: Weighted::new(CATEGORIES.iter().map(|category| category.weight)),
            estimating: Weighted::new(
                CATEGORIES.iter().map(|category| if category.estimates { category.weight } else { 0 }),
            ),
            tills: Weighted::zipf(TILLS_PER_CATEGORY),
            acquirers,
        }
    }

    /// A good card, the popular ones more often. Ranks are scattered over the counters.
    pub(super) fn draw_card(&self, random: &mut Random) -> Card {
        // 7919 is prime and shares no factor with the number of cards: a permutation.
        Card::good(self.cards.pick(random) as u64 * 7919 % GOOD_CARDS)
    }

    /// A shop, pump or web shop.
    pub(super) fn draw_till(&self, random: &mut Random) -> Till {
        let category = self.categories.pick(random);
        self.till(&CATEGORIES[category], category, random)
    }

    /// A till that asks for an estimate first.
    pub(super) fn draw_estimating_till(&self, random: &mut Random) -> Till {
        let category = self.estimating.pick(random);
        self.till(&CATEGORIES[category], category, random)
    }

    /// A cash machine (MCC 6011).
    pub(super) fn draw_cash_machine(&self, random: &mut Random) -> Till {
        let machine = Category { counter: Counter::CashMachine, ..shop(6011, "FIRST CASH ATM", 0, 0.0, 0.0) };
        self.till(&machine, CATEGORIES.len(), random)
    }

    fn till(&self, category: &Category, index: usize, random: &mut Random) -> Till {
        let number = self.tills.pick(random);
        let id = index * TILLS_PER_CATEGORY as usize + number;
        let name = format!("{} {:03}", category.name, number + 1);
        Till {
            mcc: category.mcc,
            counter: category.counter,
            terminal: format!("T{id:05}{:02}", random.between(1, 4)),
            merchant: format!("M{:04}{id:010}", category.mcc),
            place: format!("{name:<25}{:<13}US", CITIES[(id * 5 + index) % CITIES.len()]),
            // The most popular till of each category goes to another acquirer than that of the one before.
            acquirer: (index + number) % self.acquirers,
            median_minor: category.median_minor,
            sigma: category.sigma,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_bin_counter_and_check_digit() {
        // 4111 1111 1111 1111 is the well-known test number: its check digit is 1.
        assert_eq!(luhn_digit(b"411111111111111"), b'1');
        assert_eq!(&Card::good(0).pan, b"4111110000000005");
        assert_eq!(&Card::good(9_999).pan[..15], b"411111000009999");
        let blocked = SPECIAL_STATES[0].card(&mut Random::new(1));
        assert_eq!(&blocked.pan[..14], b"41111200000000");
        assert_eq!(SPECIAL_STATES[3].card(&mut Random::new(1)).expiry, *b"2001");
    }

    #[test]
    fn special_states_cover_counters_0_to_50_without_gap() {
        let mut next = 0;
        for state in &SPECIAL_STATES {
            assert_eq!(state.first, next);
            next = state.last + 1;
        }
        assert_eq!(next, 51);
    }

    #[test]
    fn a_till_fills_its_fields_exactly() {
        let population = Population::new(2);
        let mut random = Random::new(9);
        for _ in 0..2_000 {
            for till in [population.draw_till(&mut random), population.draw_cash_machine(&mut random)] {
                assert_eq!((till.terminal.len(), till.merchant.len(), till.place.len()), (8, 15, 40));
                assert!(till.acquirer < 2);
                assert!((100..=900_000).contains(&till.draw_amount(&mut random)));
            }
        }
        let mcc = population.draw_estimating_till(&mut random).mcc;
        assert!([5542, 7011, 7512].contains(&mcc), "{mcc}");
    }
}
