//! Who takes part: cards on shared accounts, links that name transactions by other fields, and the particulars of every
//! transaction that may come. The same seed gives the same cast.

use super::dice::Dice;
use super::steps::{By, Code, Target, Variant};
use super::support::{
    CardPlan, DAY_US, Plan, advice_of, completion_of, later, message, pan, repeat_of, reversal_of, with_code,
};
use authswitch::decision::{KeyFields, LinkTerms};
use authswitch::message::{Marks, Operation, Original, Request};
use authswitch::portfolio::{CardStatus, Limits, Lists, Program, TableOptions};

/// So many transactions are going on at a time.
pub const SLOTS_OPEN: u64 = 14;
/// Merchant category and country that no card may be used in.
pub const DENIED_CATEGORY: u16 = 7995;
pub const DENIED_COUNTRY: u16 = 643;
/// The fields that name a transaction, by link.
pub const LINKS: [&[u8]; 4] =
    [&[2, 7, 11, 32], &[2, 7, 11, 32], &[7, 11, 12, 13, 32, 41], &[2, 11, 32, 37, 42]];

/// The network that each is a line of.
pub const NETWORKS: [u64; 4] = [7, 8, 8, 7];

const NO_CODE: [u8; 6] = [b' '; 6];

/// In which currency a transaction asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asks {
    Local,
    /// In another, with a billing amount of so many percent.
    Billed(u8),
    /// In another, without a billing amount.
    Foreign,
    /// Without any currency.
    Unsaid,
}

/// A transaction to be.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub number: u32,
    pub card: u32,
    pub link: usize,
    /// 0200 and 0220, else 0100 and 0120.
    pub financial: bool,
    pub operation: Operation,
    pub amount_minor: i64,
    pub asks: Asks,
    pub preauthorization: bool,
    /// The part of a purchase that is cash.
    pub cash_percent: i64,
    /// Whether parts may be approved.
    pub marks: Marks,
    /// 0: a retrieval reference of its own, else one that others have too.
    pub reference: u8,
    pub wrong: Wrong,
    pub unsaid: Unsaid,
}

/// What the messages of a transaction leave out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unsaid {
    Nothing,
    /// DE12 and 13.
    Time,
    /// DE37.
    Reference,
    /// Both, and DE41.
    All,
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wrong {
    Nothing,
    Expiry,
    Track,
    Category,
    Country,
}

/// A world's people and places.
pub struct Cast {
    pub seed: u64,
    pub plan: Plan,
    pub links: Vec<LinkTerms>,
}

impl Cast {
    /// `steps` bounds how many transactions there can be. Worlds with a small table forget.
    pub fn new(seed: u64, steps: usize, forgets: bool) -> Cast {
        let links = LINKS.iter().zip(0..).map(|(fields, link)| LinkTerms {
            link,
            network: NETWORKS[usize::from(link)],
            // Fields that can be part of a key, as the list above has them.
            key: KeyFields::new(fields).expect("fields of a key"),
            ..LinkTerms::default()
        });
        Cast { seed, plan: plan(&mut Dice::of(seed, 2), steps, forgets), links: links.collect() }
    }

    pub fn slot(&self, number: u32) -> Slot {
        let mut dice = Dice::of(self.seed, 1_000 + u64::from(number));
        let operation = dice.pick(&[
            (20, Operation::Purchase),
            (7, Operation::Cash),
            (4, Operation::Credit),
            (2, Operation::Inquiry),
            (1, Operation::Verification),
            (1, Operation::Unsupported),
        ]);
        let (low, high) = dice.pick(&[(1, (0, 1)), (4, (1, 100)), (16, (100, 4_000))]);
        let billed = Asks::Billed(dice.between(1, 250) as u8);
        Slot {
            number,
            card: dice.below(self.plan.cards.len() as u64 + 1) as u32,
            link: dice.below(LINKS.len() as u64) as usize,
            financial: dice.percent(40),
            operation,
            amount_minor: dice.between(low, high),
            asks: dice.pick(&[(20, Asks::Local), (6, billed), (1, Asks::Foreign), (1, Asks::Unsaid)]),
            preauthorization: dice.percent(30),
            cash_percent: dice.pick(&[(8, 0), (1, 10), (1, 50)]),
            marks: dice.pick(&[
                (6, Marks::default()),
                (2, Marks::PARTIAL),
                (1, Marks::PURCHASE_ONLY),
                (1, Marks::PARTIAL.with(Marks::PURCHASE_ONLY)),
            ]),
            reference: dice.pick(&[(6, 0), (1, 1), (1, 2), (1, 3)]),
            wrong: dice.pick(&[
                (60, Wrong::Nothing),
                (1, Wrong::Expiry),
                (1, Wrong::Track),
                (1, Wrong::Category),
                (1, Wrong::Country),
            ]),
            unsaid: dice.pick(&[
                (7, Unsaid::Nothing),
                (1, Unsaid::Time),
                (1, Unsaid::Reference),
                (1, Unsaid::All),
            ]),
        }
    }

    /// The currency of the slot's account.
    fn home(&self, slot: &Slot) -> u16 {
        let card = self.plan.cards.get(slot.card as usize);
        card.map_or(840, |card| self.plan.accounts[card.account as usize].0)
    }

    /// The slot's request, and the link it comes on.
    pub fn request(&self, slot: &Slot, variant: Variant) -> (Request, usize) {
        let base = message(if slot.financial { 0x0200 } else { 0x0100 }, slot.number * 100 + 1);
        let home = self.home(slot);
        let (currency, billing_currency, billing_minor) = match slot.asks {
            Asks::Local => (home, 0, 0),
            Asks::Billed(percent) => (392, home, slot.amount_minor * i64::from(percent) / 100),
            Asks::Foreign => (392, 0, 0),
            Asks::Unsaid => (0, 0, 0),
        };
        let request = Request {
            pan: Some(pan(u64::from(slot.card))),
            operation: slot.operation,
            amount_minor: slot.amount_minor,
            currency,
            billing_currency,
            billing_minor,
            preauthorization: slot.preauthorization,
            cashback_minor: match slot.operation {
                Operation::Purchase => slot.amount_minor * slot.cash_percent / 100,
                _ => 0,
            },
            marks: slot.marks,
            retrieval_reference: match slot.reference {
                0 => base.retrieval_reference,
                group => [b'0' + group; 12],
            },
            expiry: if slot.wrong == Wrong::Expiry { 2911 } else { base.expiry },
            pan_mismatch: slot.wrong == Wrong::Track,
            merchant_category: if slot.wrong == Wrong::Category { DENIED_CATEGORY } else { 5411 },
            merchant_country: if slot.wrong == Wrong::Country {
                DENIED_COUNTRY
            } else {
                base.merchant_country
            },
            ..base
        };
        let request = unsaid(request, slot.unsaid);
        let request = match variant {
            Variant::Same | Variant::OtherLink | Variant::Edge(_) => request,
            Variant::Repeat => repeat_of(&request),
            Variant::Later => later(&repeat_of(&request)),
            Variant::OtherAmount => Request { amount_minor: slot.amount_minor + 1, ..request },
            Variant::OtherTerminal => Request { terminal: *b"TERM0002", ..request },
            Variant::OtherTime => Request { local_time: 235_959, ..request },
            Variant::OtherPurpose => {
                later(&repeat_of(&Request { processing_code: request.processing_code + 10, ..request }))
            }
            Variant::OtherCard => Request { pan: Some(pan(u64::from(slot.card) + 1)), ..request },
        };
        (request, if variant == Variant::OtherLink { (slot.link + 1) % LINKS.len() } else { slot.link })
    }

    pub fn stand_in(&self, slot: &Slot, approved: bool, percent: u8) -> Request {
        scaled(&advice_of(&self.request(slot, Variant::Same).0, code(approved)), percent)
    }

    /// A completion; `approval` is the DE38 that its pre-authorization got.
    pub fn completion(
        &self,
        slot: &Slot,
        number: u8,
        by: By,
        (approved, percent): (bool, u8),
        approval: Option<[u8; 6]>,
    ) -> Request {
        let request = self.request(slot, Variant::Same).0;
        let stan = slot.number * 100 + 10 + u32::from(number);
        let base = completion_of(&request, stan, request.amount_minor);
        let base = Request { approval: approval.unwrap_or(NO_CODE), ..base };
        let named = Request { stan: if by == By::Key { request.stan } else { stan }, ..base };
        with_code(&scaled(&naming(&named, by), percent), code(approved))
    }

    /// A purchase with a name of its own that adds to the slot's.
    pub fn increment(&self, slot: &Slot, number: u8, by_original: bool, percent: u8) -> Request {
        let request = self.request(slot, Variant::Same).0;
        let stan = slot.number * 100 + 5 + u32::from(number);
        let original = completion_of(&request, stan, 0).original.filter(|_| by_original);
        let marks = request.marks.with(Marks::INCREMENTAL);
        let cashback_minor = if percent == 7 { request.cashback_minor } else { 0 };
        scaled(&Request { stan, original, marks, cashback_minor, ..request }, percent)
    }

    pub fn target(&self, slot: &Slot, target: Target) -> Request {
        match target {
            Target::Request => self.request(slot, Variant::Same).0,
            Target::Completion(number) => self.completion(slot, number, By::Original, (true, 100), None),
            Target::Increment(number) => self.increment(slot, number, true, 100),
        }
    }

    /// A reversal of a target; `approval` is the DE38 that this got.
    pub fn reversal(
        &self,
        slot: &Slot,
        target: Target,
        by: By,
        (percent, id): (Option<u8>, u8),
        approval: Option<[u8; 6]>,
    ) -> Request {
        let of = self.target(slot, target);
        let place = match target {
            Target::Request => 0,
            Target::Completion(number) => 10 * (u32::from(number) + 1),
            Target::Increment(number) => 10 * (u32::from(number) + 3),
        };
        let stan = slot.number * 100 + 20 + place + u32::from(id);
        let approval = match by {
            By::Reference(Code::Right) => approval.unwrap_or(NO_CODE),
            By::Reference(Code::Wrong) => *b"WRONG1",
            _ => NO_CODE,
        };
        let reversal = Request {
            response: None,
            approval,
            replacement_minor: percent.map(|percent| of.amount_minor * i64::from(percent) / 100),
            ..reversal_of(&of, stan)
        };
        naming(&Request { stan: if by == By::Key { of.stan } else { stan }, ..reversal }, by)
    }
}

fn unsaid(request: Request, unsaid: Unsaid) -> Request {
    let timeless = Request { local_time: 0, local_date: 0, ..request };
    let retrieval_reference = [b' '; 12];
    match unsaid {
        Unsaid::Nothing => request,
        Unsaid::Time => timeless,
        Unsaid::Reference => Request { retrieval_reference, ..request },
        Unsaid::All => Request { retrieval_reference, terminal: [b' '; 8], ..timeless },
    }
}

/// DE90 as the way of naming says.
fn naming(request: &Request, by: By) -> Request {
    let original = match by {
        By::Original => request.original,
        By::Nameless => request.original.map(|original| Original { acquirer: 0, ..original }),
        By::Type => request.original.map(|Original { mti, .. }| Original { mti, ..Original::default() }),
        By::Trace => request.original.map(|original| Original { transmission: 0, acquirer: 0, ..original }),
        By::Time => request.original.map(|original| Original { stan: 0, acquirer: 0, ..original }),
        By::Key | By::Reference(_) => None,
    };
    Request { original, ..*request }
}

pub fn code(approved: bool) -> &'static [u8; 2] {
    if approved { b"00" } else { b"05" }
}

/// So many percent of the amounts.
fn scaled(request: &Request, percent: u8) -> Request {
    let part = |minor: i64| minor * i64::from(percent) / 100;
    let (amount_minor, billing_minor) = (part(request.amount_minor), part(request.billing_minor));
    Request { amount_minor, billing_minor, cashback_minor: part(request.cashback_minor), ..*request }
}

/// Two dozen cards on five accounts, tight enough that every limit is met.
fn plan(dice: &mut Dice, steps: usize, forgets: bool) -> Plan {
    let none = Limits::NONE;
    let card = Limits {
        amount_per_transaction: 3_500,
        amount_per_day: 9_000,
        count_per_day: 6,
        cash_count_per_day: 2,
        cash_amount_per_transaction: 2_000,
        ..none
    };
    let account = Limits {
        amount_per_month: 60_000,
        count_per_month: 60,
        count_per_day: 9,
        cash_amount_per_day: 4_500,
        ..none
    };
    let own = Limits { amount_per_month: 30_000, cash_count_per_day: 2, count_per_month: 25, ..none };
    let country = [DENIED_COUNTRY];
    let lists = Lists { mcc_deny: &[DENIED_CATEGORY], country_deny: &country, ..Lists::default() };
    let programs =
        vec![Program::new("open", none, none, &lists), Program::new("tight", card, account, &lists)];
    let accounts: Vec<(u16, i64)> =
        (0..5).map(|_| (dice.pick(&[(3, 840), (1, 978)]), dice.between(5_000, 60_000))).collect();
    let odd = [
        CardStatus::Lost,
        CardStatus::Stolen,
        CardStatus::Fraud,
        CardStatus::Blocked,
        CardStatus::Closed,
        CardStatus::Inactive,
        CardStatus::DoNotHonor,
    ];
    let cards = (0..24).map(|number| {
        let usual = CardPlan {
            program: dice.below(2) as u16,
            limits: if dice.percent(30) { Some(own) } else { None },
            ..CardPlan::of(dice.below(accounts.len() as u64) as u32)
        };
        match number {
            0..20 => usual,
            20 | 21 => CardPlan { status: odd[dice.below(odd.len() as u64) as usize], ..usual },
            22 => CardPlan { expiry: 2001, ..usual },
            _ => CardPlan { status: CardStatus::PinBlocked, ..usual },
        }
    });
    let cards = cards.collect();
    let table = if forgets {
        TableOptions { max: 24, window_us: 2 * DAY_US }
    } else {
        // Room and time enough that nothing is forgotten.
        TableOptions { max: (24 + steps / 50) * 1_024, window_us: 100 * 366 * DAY_US }
    };
    Plan { programs, accounts, cards, table }
}
