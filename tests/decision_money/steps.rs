//! What may happen in a play. A play is a list of transactions to be (slots) and of steps that name them by number, so
//! that any message of a transaction may come at any time, or never, and shrinking drops steps one by one.

use crate::support::DAY_US;
use authswitch::message::{Marks, Operation};
use proptest::collection::vec;
use proptest::prelude::*;

pub const SLOTS: usize = 10;
/// Cards of the play; the last number is of no card.
pub const CARDS: u8 = 9;

/// In which currency a transaction asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asks {
    /// In the account's.
    Local,
    /// In another, with a billing amount of so many percent.
    Billed(u8),
    /// In another, without a billing amount.
    Foreign,
    /// In another that the policy has a rate for.
    Converted,
}

/// A transaction to be.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub card: u8,
    /// 0200 and 0220, else 0100 and 0120.
    pub financial: bool,
    pub operation: Operation,
    pub amount_minor: i64,
    pub asks: Asks,
    pub preauthorization: bool,
    /// The part of a purchase that is cash.
    pub cash_percent: u8,
    /// DE28.
    pub surcharge_minor: i64,
    /// Whether parts may be approved.
    pub marks: Marks,
    /// 0: a retrieval reference of its own, else one that others have too.
    pub reference: u8,
}

/// How a message names another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// DE90.
    Original,
    /// The same DE7, DE11 and DE32.
    Key,
    /// DE37, and for a reversal DE38: the right one, none or another.
    Reference(Code),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code {
    Right,
    Missing,
    Wrong,
}

/// What of a slot is reversed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Of {
    Request,
    Completion(u8),
    Increment(u8),
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// 0: as it is, 1: repeat digit, 2: other amount, 3: other terminal.
    Request {
        slot: usize,
        variant: u8,
    },
    /// The request comes when its budget is spent.
    Late {
        slot: usize,
    },
    /// Its approval could not be answered in time.
    Undo {
        slot: usize,
    },
    StandIn {
        slot: usize,
        approved: bool,
        percent: u8,
        repeat: bool,
    },
    Completion {
        slot: usize,
        number: u8,
        by: By,
        approved: bool,
        percent: u8,
        /// 0: more will follow, 1: the last of several, 2: the only one.
        more: u8,
        repeat: bool,
    },
    /// Adds to the slot's authorization; `stand_in`: another decided, and how.
    Increment {
        slot: usize,
        number: u8,
        by_original: bool,
        percent: u8,
        stand_in: Option<bool>,
    },
    /// `percent` is what remains.
    Reversal {
        slot: usize,
        of: Of,
        by: By,
        percent: Option<u8>,
        id: u8,
        repeat: bool,
    },
    Clock {
        by_us: i64,
    },
    Expire,
    /// The journal does not take what the next step has to store.
    Refuse,
    /// One part after the other is copied, as a snapshot does while the switch decides.
    Copy,
}

#[derive(Clone)]
pub struct Play {
    pub slots: Vec<Slot>,
    pub steps: Vec<Step>,
    /// Whether it ends with restarts, which take longer than the steps.
    pub restarts: bool,
}

/// One line a step, and one for each transaction that a step names.
impl std::fmt::Debug for Play {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = |slot: usize| self.steps.iter().any(|step| slot_of(*step) == Some(slot));
        for (slot, of) in self.slots.iter().enumerate().filter(|(slot, _)| named(*slot)) {
            write!(f, "\n  slot {slot}: {of:?}")?;
        }
        let steps = self.steps.iter().enumerate();
        steps.into_iter().try_for_each(|(index, step)| write!(f, "\n  step {index}: {step:?}"))?;
        if self.restarts { write!(f, "\n  restarts") } else { Ok(()) }
    }
}

fn slot_of(mut step: Step) -> Option<usize> {
    slot_in(&mut step).copied()
}

fn slot_in(step: &mut Step) -> Option<&mut usize> {
    match step {
        Step::Request { slot, .. }
        | Step::Late { slot }
        | Step::Undo { slot }
        | Step::StandIn { slot, .. }
        | Step::Completion { slot, .. }
        | Step::Increment { slot, .. }
        | Step::Reversal { slot, .. } => Some(slot),
        Step::Clock { .. } | Step::Expire | Step::Refuse | Step::Copy => None,
    }
}

/// Plays of up to so many steps.
pub fn plays(steps: usize) -> impl Strategy<Value = Play> {
    // In one of four all is about two transactions, so that much happens to them.
    let about_two = || vec(step().prop_map(about_few), 1..steps).boxed();
    let steps = prop_oneof![3 => vec(step(), 1..steps).boxed(), 1 => about_two()];
    (vec(slot(), SLOTS), steps, restarts()).prop_map(|(slots, steps, restarts)| Play {
        slots,
        steps,
        restarts,
    })
}

/// Plays in which slot 0 meets its request and its full reversal among all else.
pub fn reversed_plays() -> impl Strategy<Value = Play> {
    let request = Step::Request { slot: 0, variant: 0 };
    let reversal = (any::<bool>(), 0..3u8).prop_map(|(by_key, id)| Step::Reversal {
        slot: 0,
        of: Of::Request,
        by: if by_key { By::Key } else { By::Original },
        percent: None,
        id,
        repeat: false,
    });
    let others = || vec(step().prop_map(about_few), 0..12);
    (vec(slot(), SLOTS), others(), reversal, others(), others(), any::<bool>(), restarts()).prop_map(
        move |(slots, mut steps, reversal, between, after, request_first, restarts)| {
            let (first, second) = if request_first { (request, reversal) } else { (reversal, request) };
            steps.push(first);
            steps.extend(between);
            steps.push(second);
            steps.extend(after);
            Play { slots, steps, restarts }
        },
    )
}

fn restarts() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.25)
}

/// The same step about one of the first two slots, so that many meet one transaction.
fn about_few(mut step: Step) -> Step {
    if let Some(slot) = slot_in(&mut step) {
        *slot %= 2;
    }
    step
}

fn slot() -> impl Strategy<Value = Slot> {
    let operation = prop_oneof![
        10 => Just(Operation::Purchase),
        4 => Just(Operation::Cash),
        2 => Just(Operation::Credit),
        1 => Just(Operation::Inquiry),
        1 => Just(Operation::Verification),
        1 => Just(Operation::Unsupported),
    ];
    let asks = prop_oneof![
        12 => Just(Asks::Local),
        4 => (1..250u8).prop_map(Asks::Billed),
        1 => Just(Asks::Foreign),
        2 => Just(Asks::Converted),
    ];
    let amount = prop_oneof![1 => Just(0), 4 => 1..100i64, 12 => 100..5_000i64];
    let reference = prop_oneof![3 => Just(0u8), 1 => 1..3u8];
    let cash = prop_oneof![4 => Just(0u8), 1 => 1..101u8];
    let surcharge = prop_oneof![4 => Just(0i64), 1 => -30..120i64];
    let marks = prop::sample::select(vec![
        Marks::default(),
        Marks::PARTIAL,
        Marks::PURCHASE_ONLY,
        Marks::PARTIAL.with(Marks::PURCHASE_ONLY),
    ]);
    let asked = (operation, amount, asks, cash, surcharge, marks);
    (0..CARDS, any::<bool>(), asked, any::<bool>(), reference).prop_map(
        |(card, financial, asked, preauthorization, reference)| {
            let (operation, amount_minor, asks, cash_percent, surcharge_minor, marks) = asked;
            Slot {
                card,
                financial,
                operation,
                amount_minor,
                asks,
                preauthorization,
                cash_percent,
                surcharge_minor,
                marks,
                reference,
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let percent = || prop_oneof![3 => Just(100u8), 1 => 1..200u8];
    let mostly = || prop::bool::weighted(0.8);
    let rarely = || prop::bool::weighted(0.2);
    let remains = prop_oneof![2 => Just(None), 2 => (0..150u8).prop_map(Some)];
    let of = prop_oneof![
        3 => Just(Of::Request),
        1 => (0..2u8).prop_map(Of::Completion),
        1 => (0..2u8).prop_map(Of::Increment),
    ];
    let more = prop_oneof![2 => Just(0u8), 1 => Just(1u8), 3 => Just(2u8)];
    let added = prop_oneof![1 => Just(0u8), 4 => 1..120u8];
    let stand_in = prop_oneof![4 => Just(None), 2 => Just(Some(true)), 1 => Just(Some(false))];
    prop_oneof![
        14 => (0..SLOTS, prop_oneof![6 => Just(0u8), 3 => Just(1u8), 1 => 2..4u8])
            .prop_map(|(slot, variant)| Step::Request { slot, variant }),
        1 => (0..SLOTS).prop_map(|slot| Step::Late { slot }),
        1 => (0..SLOTS).prop_map(|slot| Step::Undo { slot }),
        6 => (0..SLOTS, mostly(), percent(), rarely())
            .prop_map(|(slot, approved, percent, repeat)| Step::StandIn { slot, approved, percent, repeat }),
        6 => (0..SLOTS, 0..2u8, by(), mostly(), percent(), more, rarely()).prop_map(
            |(slot, number, by, approved, percent, more, repeat)| Step::Completion {
                slot, number, by, approved, percent, more, repeat
            }
        ),
        6 => (0..SLOTS, 0..2u8, mostly(), added, stand_in).prop_map(
            |(slot, number, by_original, percent, stand_in)| Step::Increment {
                slot, number, by_original, percent, stand_in
            }
        ),
        10 => (0..SLOTS, of, by(), remains, 0..3u8, rarely()).prop_map(
            |(slot, of, by, percent, id, repeat)| Step::Reversal {
                slot, of, by, percent, id, repeat
            }
        ),
        3 => clock().prop_map(|by_us| Step::Clock { by_us }),
        2 => Just(Step::Expire),
        2 => Just(Step::Refuse),
        2 => Just(Step::Copy),
    ]
}

fn by() -> impl Strategy<Value = By> {
    let code = prop_oneof![3 => Just(Code::Right), 1 => Just(Code::Missing), 1 => Just(Code::Wrong)];
    prop_oneof![4 => Just(By::Original), 3 => Just(By::Key), 2 => code.prop_map(By::Reference)]
}

/// Mostly forward, by seconds to months; sometimes back.
fn clock() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..DAY_US,
        2 => Just(DAY_US),
        2 => 6 * DAY_US..9 * DAY_US,
        1 => 28 * DAY_US..32 * DAY_US,
        2 => -DAY_US..0,
        1 => -40 * DAY_US..0,
    ]
}
