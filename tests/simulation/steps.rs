//! What may happen in a world, made of a seed alone. A step names its transaction by number (a slot), whose particulars
//! follow from the seed too, so that any steps may be left out when a failure is shrunk.

use super::cast::SLOTS_OPEN;
use super::dice::Dice;
use super::support::{DAY_US, later, repeat_of};
use authswitch::message::{Marks, Request};

/// How a message names another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// DE90.
    Original,
    /// DE90 of a sender that does not know DE32.
    Nameless,
    /// The same fields as the original's.
    Key,
    /// DE90 of a message type alone.
    Type,
    /// DE90 of a message type and DE11.
    Trace,
    /// DE90 of a message type and DE7.
    Time,
    /// DE37, and for a reversal DE38: the right one, none or another.
    Reference(Code),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code {
    Right,
    Missing,
    Wrong,
}

/// How a request differs from the slot's first one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Variant {
    Same,
    /// The repeat digit is set.
    Repeat,
    /// The same sent later: with a DE7 of its own.
    Later,
    OtherAmount,
    OtherTerminal,
    /// Made at another time, by its DE12.
    OtherTime,
    /// Sent later, with another DE3.
    OtherPurpose,
    /// The same numbers with another card.
    OtherCard,
    /// The same message on the link behind the slot's.
    OtherLink,
    /// From now on the slot's amount is what is just left, or one more.
    Edge(Edge),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    pub of: EdgeOf,
    pub over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EdgeOf {
    Funds,
    Limits,
}

/// How a message that is no request is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sent {
    First,
    /// The repeat digit is set.
    Again,
    /// The same, later: with a DE7 of its own.
    Later,
    /// The first time, but with a DE7 of its own.
    Apart,
}

impl Sent {
    pub fn message(self, first: Request) -> Request {
        match self {
            Sent::First => first,
            Sent::Again => repeat_of(&first),
            Sent::Later => later(&repeat_of(&first)),
            Sent::Apart => later(&first),
        }
    }
}

/// What a message is about: the slot's request, or one of its completions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    Request,
    Completion(u8),
    Increment(u8),
}

/// Whether a completion is one of several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum More {
    Unsaid,
    Follow,
    Last,
}

impl More {
    pub fn mark(self, completion: Request) -> Request {
        let marks = match self {
            More::Unsaid => return completion,
            More::Follow => Marks::SEVERAL,
            More::Last => Marks::SEVERAL.with(Marks::LAST),
        };
        Request { marks: completion.marks.with(marks), ..completion }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Request {
        slot: u32,
        variant: Variant,
    },
    /// The request comes when its budget is spent.
    Late {
        slot: u32,
    },
    /// Its approval could not be answered in time.
    Undo {
        slot: u32,
    },
    StandIn {
        slot: u32,
        approved: bool,
        percent: u8,
        sent: Sent,
    },
    Completion {
        slot: u32,
        number: u8,
        by: By,
        approved: bool,
        percent: u8,
        more: More,
        sent: Sent,
    },
    /// `percent` is what remains; `id` tells the reversals of one target apart; it comes by the link so many behind the slot's.
    Reversal {
        slot: u32,
        target: Target,
        by: By,
        percent: Option<u8>,
        id: u8,
        sent: Sent,
        line: u8,
    },
    /// More of the slot's purchase; `stand_in`: an advice of it, approved or not.
    Increment {
        slot: u32,
        number: u8,
        by_original: bool,
        percent: u8,
        stand_in: Option<bool>,
    },
    /// Ends the holds that have run out.
    Tick,
    Clock {
        by_us: i64,
    },
    /// From now on the journal takes nothing, or takes records again.
    Disk {
        full: bool,
    },
    /// What was appended becomes durable, up to so many percent of it.
    Sync {
        percent: u8,
    },
    /// One more part of a snapshot is taken while the switch decides.
    Snapshot,
    /// The rules are read anew: later records say so.
    Reload,
    /// Everything stops; of the bytes that are not durable so many in 65,536 reached the disk.
    Crash {
        part: u16,
        from_snapshot: bool,
    },
}

impl Step {
    /// The slot it names.
    pub fn slot(&self) -> Option<u32> {
        match *self {
            Step::Request { slot, .. }
            | Step::Late { slot }
            | Step::Undo { slot }
            | Step::StandIn { slot, .. }
            | Step::Completion { slot, .. }
            | Step::Increment { slot, .. }
            | Step::Reversal { slot, .. } => Some(slot),
            _ => None,
        }
    }
}

/// The steps of a world.
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut dice = Dice::of(seed, 1);
    let mut opened = 0;
    (0..count).map(|_| step(&mut dice, &mut opened)).collect()
}

/// A slot of those lately opened, so that the messages of a life meet and cross those of others; sometimes an old one.
fn known_slot(dice: &mut Dice, opened: &mut u32) -> u32 {
    if dice.percent(8) || *opened == 0 {
        *opened += 1;
    }
    let back = if dice.percent(5) { u64::from(*opened) } else { SLOTS_OPEN.min(u64::from(*opened)) };
    *opened - 1 - dice.below(back) as u32
}

fn step(dice: &mut Dice, opened: &mut u32) -> Step {
    let kind = dice.below(1000);
    if kind >= 880 {
        return happening(dice, kind);
    }
    if kind < 150 {
        *opened += 1;
        let of = if dice.percent(50) { EdgeOf::Funds } else { EdgeOf::Limits };
        let edge = Edge { of, over: dice.percent(50) };
        let variant = if dice.percent(4) { Variant::Edge(edge) } else { Variant::Same };
        return Step::Request { slot: *opened - 1, variant };
    }
    let slot = known_slot(dice, opened);
    match kind {
        150..320 => Step::Request { slot, variant: variant(dice) },
        320..340 => Step::Late { slot },
        340..375 => Step::Undo { slot },
        375..485 => {
            Step::StandIn { slot, approved: dice.percent(80), percent: percent(dice), sent: sent(dice) }
        }
        485..575 => Step::Increment {
            slot,
            number: dice.below(2) as u8,
            by_original: dice.percent(70),
            percent: if dice.percent(20) { 0 } else { percent(dice) },
            stand_in: if dice.percent(50) { None } else { Some(dice.percent(70)) },
        },
        575..700 => Step::Completion {
            slot,
            number: dice.below(2) as u8,
            by: by(dice),
            approved: dice.percent(85),
            percent: percent(dice),
            more: dice.pick(&[(4, More::Unsaid), (3, More::Follow), (1, More::Last)]),
            sent: sent(dice),
        },
        _ => {
            let (target, by) = (target(dice), by(dice));
            let percent = if dice.percent(55) { None } else { Some(dice.below(150) as u8) };
            let (id, sent) = (dice.below(3) as u8, sent(dice));
            // Dice of its own: what else happens stays what it was.
            let mut lines =
                Dice::of(u64::from(slot), 3 + u64::from(id) + 10 * u64::from(percent.unwrap_or(200)));
            let line = lines.pick(&[(12, 0), (1, 1), (1, 2)]);
            Step::Reversal { slot, target, by, percent, id, sent, line }
        }
    }
}

/// What comes from no peer.
fn happening(dice: &mut Dice, kind: u64) -> Step {
    match kind {
        880..905 => Step::Tick,
        905..925 => Step::Clock { by_us: clock(dice) },
        925..928 => Step::Disk { full: true },
        928..940 => Step::Disk { full: false },
        940..960 => Step::Sync { percent: if dice.percent(50) { 100 } else { dice.below(101) as u8 } },
        960..994 => Step::Snapshot,
        994..996 => Step::Reload,
        _ => Step::Crash { part: dice.below(65_536) as u16, from_snapshot: dice.percent(70) },
    }
}

fn target(dice: &mut Dice) -> Target {
    let number = dice.below(2) as u8;
    dice.pick(&[(8, Target::Request), (2, Target::Completion(number)), (2, Target::Increment(number))])
}

fn variant(dice: &mut Dice) -> Variant {
    dice.pick(&[
        (4, Variant::Same),
        (4, Variant::Repeat),
        (3, Variant::Later),
        (1, Variant::OtherAmount),
        (1, Variant::OtherTerminal),
        (1, Variant::OtherTime),
        (1, Variant::OtherPurpose),
        (1, Variant::OtherCard),
        (2, Variant::OtherLink),
    ])
}

fn by(dice: &mut Dice) -> By {
    dice.pick(&[
        (8, By::Original),
        (1, By::Nameless),
        (1, By::Type),
        (1, By::Trace),
        (1, By::Time),
        (6, By::Key),
        (3, By::Reference(Code::Right)),
        (1, By::Reference(Code::Missing)),
        (1, By::Reference(Code::Wrong)),
    ])
}

fn sent(dice: &mut Dice) -> Sent {
    dice.pick(&[(14, Sent::First), (3, Sent::Again), (3, Sent::Later), (2, Sent::Apart)])
}

fn percent(dice: &mut Dice) -> u8 {
    if dice.percent(70) { 100 } else { dice.between(1, 200) as u8 }
}

/// Mostly forward, by seconds to a month; sometimes back.
fn clock(dice: &mut Dice) -> i64 {
    const HOUR_US: i64 = DAY_US / 24;
    let (low, high) = dice.pick(&[
        (6, (0, HOUR_US)),
        (4, (0, DAY_US)),
        (2, (DAY_US, DAY_US + 1)),
        (1, (6 * DAY_US, 9 * DAY_US)),
        (1, (28 * DAY_US, 32 * DAY_US)),
        (2, (-HOUR_US, 0)),
        (1, (-2 * DAY_US, 0)),
    ]);
    dice.between(low, high)
}
