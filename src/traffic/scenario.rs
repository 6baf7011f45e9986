//! What happens at a till: each scenario is one to three messages that belong together, with their distance in
//! time, what they refer to, and the answer each must get. Gives no trace numbers and knows no order among scenarios.

use super::calendar::Moment;
use super::chip::{ChipInput, chip_data};
use super::population::{Card, Counter, Population, SPECIAL_STATES, Till};
use super::random::{Random, Weighted};
use super::trace::{Expect, Field};

/// A message before it has its trace number.
pub(super) struct Draft {
    /// When it is sent, microseconds since the trace's start.
    pub(super) at_us: u64,
    /// When its sender made it (DE7, DE12, DE13), at or before `at_us`.
    pub(super) made_us: u64,
    pub(super) link: usize,
    /// BCD, 0x0100.
    pub(super) mti: u16,
    /// Ascending; without DE7, 11, 12, 13, 37 and 90.
    pub(super) fields: Vec<Field>,
    /// It carries the key (DE7, DE11, DE37 …) of this draft of the same scenario.
    pub(super) same_key_as: Option<usize>,
    /// Its DE90 names this draft of the same scenario, whose DE37 it shares.
    pub(super) refers_to: Option<usize>,
    pub(super) expect: Expect,
}

/// What people do, with how often (per mille of scenarios).
#[derive(Clone, Copy)]
enum Kind {
    Sale,
    RepeatedSale,
    ReversedSale,
    PartlyReversedSale,
    RepeatedReversal,
    ReversalFirst,
    ReusedKey,
    Preauthorization,
    Cash,
    Balance,
    Verification,
    Refund,
    Advice,
    SpecialCard,
    UnknownCard,
}

const KINDS: [(Kind, u64); 15] = [
    (Kind::Sale, 614),
    (Kind::RepeatedSale, 22),
    (Kind::ReversedSale, 28),
    (Kind::PartlyReversedSale, 12),
    (Kind::RepeatedReversal, 5),
    (Kind::ReversalFirst, 2),
    (Kind::ReusedKey, 2),
    (Kind::Preauthorization, 60),
    (Kind::Cash, 75),
    (Kind::Balance, 30),
    (Kind::Verification, 20),
    (Kind::Refund, 25),
    (Kind::Advice, 25),
    (Kind::SpecialCard, 70),
    (Kind::UnknownCard, 10),
];

const AUTHORIZATION: u16 = 0x0100;
const FINANCIAL: u16 = 0x0200;
/// A dependent message comes at least this much after the one it depends on.
const LEAST_GAP_US: u64 = 50_000;

/// Draws scenarios for one population of cards and tills.
pub(super) struct Theatre {
    population: Population,
    kinds: Weighted,
    /// DE32 of each link's acquirer.
    acquirers: Vec<String>,
    /// Unix seconds of the trace's start.
    start: u64,
    span_us: u64,
}

impl Theatre {
    /// `links`: how many links the tills are spread over; `start` in Unix seconds.
    pub(super) fn new(links: usize, start: u64, span_us: u64) -> Theatre {
        Theatre {
            population: Population::new(links),
            kinds: Weighted::new(KINDS.iter().map(|kind| kind.1)),
            acquirers: (0..links).map(|link| format!("{}", 400_001 + link)).collect(),
            start,
            span_us,
        }
    }

    /// The moment of a point in the trace.
    pub(super) fn moment(&self, at_us: u64) -> Moment {
        Moment::from_unix(self.start + at_us / 1_000_000)
    }

    /// One scenario that starts at `at_us`, of at most `room` messages (at least 1).
    pub(super) fn draw(&self, at_us: u64, room: usize, random: &mut Random) -> Vec<Draft> {
        let kind = KINDS[self.kinds.pick(random)].0;
        let drafts = self.play(kind, at_us, random);
        if drafts.len() <= room { drafts } else { vec![self.sale(at_us, random)] }
    }

    /// A network management message of a link.
    pub(super) fn network_message(&self, at_us: u64, link: usize, code: &str) -> Draft {
        Draft {
            at_us,
            made_us: at_us,
            link,
            mti: 0x0800,
            fields: vec![(70, code.to_owned())],
            same_key_as: None,
            refers_to: None,
            expect: Expect::any_of(&[b"00"]),
        }
    }

    fn play(&self, kind: Kind, at_us: u64, random: &mut Random) -> Vec<Draft> {
        match kind {
            Kind::Sale => vec![self.sale(at_us, random)],
            Kind::RepeatedSale => {
                let sale = self.sale(at_us, random);
                let repeat = self.repeat(&sale, 0, random);
                vec![sale, repeat]
            }
            Kind::ReversedSale => {
                let sale = self.sale(at_us, random);
                let reversal = self.reversal(&sale, None, random);
                vec![sale, reversal]
            }
            Kind::PartlyReversedSale => {
                let sale = self.sale(at_us, random);
                let remains = amount_of(&sale) * random.between(10, 90) / 100;
                let reversal = self.reversal(&sale, Some(remains), random);
                vec![sale, reversal]
            }
            Kind::RepeatedReversal => {
                let sale = self.sale(at_us, random);
                let reversal = self.reversal(&sale, None, random);
                let repeat = self.repeat(&reversal, 1, random);
                vec![sale, reversal, repeat]
            }
            Kind::ReversalFirst => self.reversal_first(at_us, random),
            Kind::ReusedKey => {
                let sale = self.sale(at_us, random);
                let mut other = self.repeat(&sale, 0, random);
                other.mti = sale.mti;
                put(&mut other.fields, 4, amount_text(amount_of(&sale) + 100));
                other.expect = Expect::any_of(&[b"94"]);
                vec![sale, other]
            }
            Kind::Preauthorization => self.preauthorization(at_us, random),
            Kind::Cash => self.cash(at_us, random),
            Kind::Balance => vec![self.balance(at_us, random)],
            Kind::Verification => vec![self.verification(at_us, random)],
            Kind::Refund => {
                let mut refund = self.sale(at_us, random);
                put(&mut refund.fields, 3, "200000".to_owned());
                drop_fields(&mut refund.fields, &[26, 52, 55]);
                vec![refund]
            }
            Kind::Advice => self.advice(at_us, random),
            Kind::SpecialCard => {
                let state = &SPECIAL_STATES[random.below(SPECIAL_STATES.len() as u64) as usize];
                let card = state.card(random);
                let till = self.population.draw_till(random);
                let amount = random.between(state.amount_minor.0, state.amount_minor.1);
                let mut sale = self.purchase(at_us, &card, &till, amount, random);
                sale.expect = state.expectation();
                vec![sale]
            }
            Kind::UnknownCard => {
                let card = Card::unknown(random);
                let till = self.population.draw_till(random);
                let amount = till.draw_amount(random);
                let mut sale = self.purchase(at_us, &card, &till, amount, random);
                sale.expect = Expect::any_of(&[b"14"]);
                vec![sale]
            }
        }
    }

    fn sale(&self, at_us: u64, random: &mut Random) -> Draft {
        let card = self.population.draw_card(random);
        let till = self.population.draw_till(random);
        let amount = till.draw_amount(random);
        self.purchase(at_us, &card, &till, amount, random)
    }

    fn purchase(&self, at_us: u64, card: &Card, till: &Till, amount: u64, random: &mut Random) -> Draft {
        // Card-not-present and estimated sales travel as authorizations, the till's own mostly as one message.
        let single = till.counter != Counter::Remote && random.chance(650);
        let mti = if single { FINANCIAL } else { AUTHORIZATION };
        self.request(at_us, mti, "00", card, till, amount, random)
    }

    /// Any request that a till sends, approved unless the caller says otherwise.
    #[allow(clippy::too_many_arguments)]
    fn request(
        &self,
        at_us: u64,
        mti: u16,
        kind: &str,
        card: &Card,
        till: &Till,
        amount: u64,
        random: &mut Random,
    ) -> Draft {
        let entry = Entry::draw(till.counter, mti == FINANCIAL, random);
        let pan = String::from_utf8_lossy(&card.pan).into_owned();
        let expiry = String::from_utf8_lossy(&card.expiry).into_owned();
        let mut fields = vec![
            (2, pan.clone()),
            (3, format!("{kind}0000")),
            (4, amount_text(amount)),
            (14, expiry.clone()),
            (18, format!("{:04}", till.mcc)),
            (19, "840".to_owned()),
            (22, entry.mode.to_owned()),
        ];
        if entry.chip {
            fields.push((23, "001".to_owned()));
        }
        fields.push((25, entry.condition.to_owned()));
        if entry.pin {
            fields.push((26, "12".to_owned()));
        }
        fields.push((32, self.acquirers[till.acquirer].clone()));
        if entry.track {
            let discretionary = random.below(10_000_000_000_000);
            fields.push((35, format!("{pan}={expiry}201{discretionary:013}")));
        }
        fields.push((41, till.terminal.clone()));
        fields.push((42, till.merchant.clone()));
        fields.push((43, till.place.clone()));
        fields.push((49, "840".to_owned()));
        if entry.pin {
            fields.push((52, format!("{:016X}", random.next())));
        }
        if entry.chip {
            let contactless = entry.mode.starts_with("07");
            let input = ChipInput { amount_minor: amount, kind, moment: self.moment(at_us), contactless };
            fields.push((55, chip_data(&input, random)));
        }
        Draft {
            at_us,
            made_us: at_us,
            link: till.acquirer,
            mti,
            fields,
            same_key_as: None,
            refers_to: None,
            expect: Expect::any_of(&[b"00"]),
        }
    }

    /// The same message again, some time later; `of` is its place in the scenario.
    fn repeat(&self, original: &Draft, of: usize, random: &mut Random) -> Draft {
        Draft {
            at_us: original.at_us + self.gap(60_000, 800_000, random),
            made_us: original.made_us,
            link: original.link,
            mti: original.mti | 1,
            fields: original.fields.clone(),
            same_key_as: Some(of),
            refers_to: original.refers_to,
            expect: original.expect.clone(),
        }
    }

    /// A reversal of the scenario's first message; `remains` is the amount left by a partial one.
    fn reversal(&self, original: &Draft, remains: Option<u64>, random: &mut Random) -> Draft {
        let mut draft = self.follow_up(original, random);
        draft.mti = if random.chance(300) { 0x0400 } else { 0x0420 };
        let reason = match remains {
            Some(_) => "32",
            None if random.chance(500) => "17",
            None => "68",
        };
        put(&mut draft.fields, 39, reason.to_owned());
        if let Some(remains) = remains {
            put(&mut draft.fields, 95, format!("{remains:012}{:030}", 0));
        }
        draft
    }

    /// What a later message of the same transaction has in common with its first.
    fn follow_up(&self, original: &Draft, random: &mut Random) -> Draft {
        let kept = [2, 3, 4, 14, 18, 19, 22, 25, 32, 41, 42, 43, 49];
        let at_us = original.at_us + self.gap(120_000, 3_000_000, random);
        Draft {
            at_us,
            made_us: at_us,
            link: original.link,
            mti: original.mti,
            fields: original.fields.iter().filter(|field| kept.contains(&field.0)).cloned().collect(),
            same_key_as: None,
            refers_to: Some(0),
            expect: Expect::any_of(&[b"00"]),
        }
    }

    /// The acquirer gave up waiting, and its reversal overtook the request.
    fn reversal_first(&self, at_us: u64, random: &mut Random) -> Vec<Draft> {
        let mut sale = self.sale(at_us, random);
        let mut reversal = self.reversal(&sale, None, random);
        reversal.made_us = at_us;
        std::mem::swap(&mut sale.at_us, &mut reversal.at_us);
        sale.expect = Expect::any_of(&[b"94"]);
        vec![sale, reversal]
    }

    fn preauthorization(&self, at_us: u64, random: &mut Random) -> Vec<Draft> {
        let card = self.population.draw_card(random);
        let till = self.population.draw_estimating_till(random);
        let spent = till.draw_amount(random);
        // A pump asks for a fixed sum before it knows; a hotel asks for its guess.
        let pump = till.counter == Counter::Unattended;
        let asked = if pump { 12_500 } else { spent * random.between(90, 130) / 100 };
        let spent = if pump { spent.min(asked) } else { spent };
        let mut estimate = self.request(at_us, AUTHORIZATION, "00", &card, &till, asked, random);
        put(&mut estimate.fields, 25, "06".to_owned());
        let mut completion = self.follow_up(&estimate, random);
        completion.mti = 0x0220;
        put(&mut completion.fields, 4, amount_text(spent));
        if random.chance(60) {
            let again = self.repeat(&completion, 1, random);
            return vec![estimate, completion, again];
        }
        vec![estimate, completion]
    }

    fn cash(&self, at_us: u64, random: &mut Random) -> Vec<Draft> {
        let card = self.population.draw_card(random);
        let till = self.population.draw_cash_machine(random);
        let amount = till.draw_amount(random);
        let cash = self.request(at_us, FINANCIAL, "01", &card, &till, amount, random);
        if random.chance(40) {
            // The machine could not pay out.
            let mut reversal = self.reversal(&cash, None, random);
            put(&mut reversal.fields, 39, "22".to_owned());
            return vec![cash, reversal];
        }
        vec![cash]
    }

    fn balance(&self, at_us: u64, random: &mut Random) -> Draft {
        let card = self.population.draw_card(random);
        let till = self.population.draw_cash_machine(random);
        let mti = if random.chance(500) { FINANCIAL } else { AUTHORIZATION };
        self.request(at_us, mti, "31", &card, &till, 0, random)
    }

    fn verification(&self, at_us: u64, random: &mut Random) -> Draft {
        let card = self.population.draw_card(random);
        let mut till = self.population.draw_till(random);
        till.counter = Counter::Remote;
        let mut draft = self.request(at_us, AUTHORIZATION, "00", &card, &till, 0, random);
        put(&mut draft.fields, 25, "51".to_owned());
        draft.expect = Expect::any_of(&[b"00", b"85"]);
        draft
    }

    /// The network decided in the issuer's place and tells it so. A PIN is never in an advice.
    fn advice(&self, at_us: u64, random: &mut Random) -> Vec<Draft> {
        let mut advice = self.sale(at_us, random);
        advice.mti = 0x0120;
        drop_fields(&mut advice.fields, &[26, 52]);
        let declined = random.chance(120);
        if !declined {
            put(&mut advice.fields, 38, format!("{:06}", random.below(1_000_000)));
        }
        put(&mut advice.fields, 39, if declined { "05" } else { "00" }.to_owned());
        if random.chance(100) {
            let repeat = self.repeat(&advice, 0, random);
            return vec![advice, repeat];
        }
        vec![advice]
    }

    /// A distance in time, shortened where the whole trace is short, never under [`LEAST_GAP_US`].
    fn gap(&self, low_us: u64, high_us: u64, random: &mut Random) -> u64 {
        let most = (self.span_us / 4).max(LEAST_GAP_US);
        random.between(low_us.min(most).max(LEAST_GAP_US), high_us.min(most).max(LEAST_GAP_US))
    }
}

/// How the card was read.
struct Entry {
    /// DE22.
    mode: &'static str,
    /// DE25.
    condition: &'static str,
    chip: bool,
    track: bool,
    pin: bool,
}

impl Entry {
    fn draw(counter: Counter, single: bool, random: &mut Random) -> Entry {
        let (mode, condition) = match (counter, random.below(100)) {
            (Counter::Attended, 0..50) => ("071", "00"),
            (Counter::Attended, 50..88) => ("051", "00"),
            (Counter::Attended, 88..95) => ("901", "00"),
            (Counter::Attended, 95..97) => ("801", "00"),
            (Counter::Attended, _) => ("012", "00"),
            (Counter::Unattended, 0..70) => ("072", "27"),
            (Counter::Unattended, 70..94) => ("051", "27"),
            (Counter::Unattended, _) => ("902", "27"),
            (Counter::CashMachine, 0..94) => ("051", "02"),
            (Counter::CashMachine, _) => ("901", "02"),
            (Counter::Remote, 0..65) => ("810", "59"),
            (Counter::Remote, 65..90) => ("100", "40"),
            (Counter::Remote, _) => ("012", "08"),
        };
        let chip = mode.starts_with("05") || mode.starts_with("07");
        let stripe = mode.starts_with('9') || mode.starts_with("80");
        let pin = match counter {
            Counter::CashMachine => true,
            Counter::Attended => single && mode.starts_with("051") && random.chance(600),
            Counter::Unattended | Counter::Remote => false,
        };
        Entry { mode, condition, chip, track: stripe || (chip && random.chance(500)), pin }
    }
}

fn amount_text(amount_minor: u64) -> String {
    format!("{amount_minor:012}")
}

fn amount_of(draft: &Draft) -> u64 {
    draft.fields.iter().find(|field| field.0 == 4).and_then(|field| field.1.parse().ok()).unwrap_or(0)
}

/// Sets a data element, in its place.
pub(super) fn put(fields: &mut Vec<Field>, de: u8, text: String) {
    match fields.binary_search_by_key(&de, |field| field.0) {
        Ok(index) => fields[index].1 = text,
        Err(index) => fields.insert(index, (de, text)),
    }
}

fn drop_fields(fields: &mut Vec<Field>, dropped: &[u8]) {
    fields.retain(|field| !dropped.contains(&field.0));
}
