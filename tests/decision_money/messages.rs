//! The messages of a play's steps.

use crate::ledger::name_of;
use crate::play::Game;
use crate::steps::{Asks, By, Code, Of, Step};
use crate::support::*;
use authswitch::message::{Marks, Operation, Request};

impl Game<'_> {
    pub fn request(&self, slot: usize, variant: u8) -> Request {
        let of = self.play.slots[slot];
        let home = self
            .world
            .plan
            .cards
            .get(usize::from(of.card))
            .map_or(840, |card| self.world.plan.accounts[card.account as usize].0);
        let base = message(if of.financial { 0x0200 } else { 0x0100 }, self.stans[slot]);
        let billing_minor = |percent: u8| of.amount_minor * i64::from(percent) / 100;
        let (currency, billing_currency, billing_minor) = match of.asks {
            Asks::Local => (home, 0, 0),
            Asks::Billed(percent) => (392, home, billing_minor(percent)),
            Asks::Foreign => (392, 0, 0),
            Asks::Converted => (826, 0, 0),
        };
        let retrieval_reference = match of.reference {
            0 => base.retrieval_reference,
            group => [b'0' + group; 12],
        };
        let request = Request {
            pan: Some(pan(u64::from(of.card))),
            operation: of.operation,
            amount_minor: of.amount_minor,
            currency,
            billing_currency,
            billing_minor,
            preauthorization: of.preauthorization,
            cashback_minor: match of.operation {
                Operation::Purchase => of.amount_minor * i64::from(of.cash_percent) / 100,
                _ => 0,
            },
            surcharge_minor: of.surcharge_minor,
            marks: of.marks,
            retrieval_reference,
            ..base
        };
        match variant {
            0 => request,
            1 => repeat_of(&request),
            2 => Request { amount_minor: of.amount_minor + 1, ..request },
            _ => Request { terminal: *b"TERM0002", ..request },
        }
    }

    /// A purchase of its own name that adds to the slot's.
    fn increment(&self, slot: usize, number: u8, by_original: bool, percent: u8) -> Request {
        let request = self.request(slot, 0);
        let stan = 3_000_000 + slot as u32 * 10 + u32::from(number);
        let original = completion_of(&request, stan, 0).original.filter(|_| by_original);
        let marks = request.marks.with(Marks::INCREMENTAL);
        let cashback_minor = if percent == 7 { request.cashback_minor } else { 0 };
        scaled(&Request { stan, original, marks, cashback_minor, ..request }, percent)
    }

    fn completion(&self, slot: usize, number: u8, by: By, percent: u8) -> Request {
        let request = self.request(slot, 0);
        let stan = 1_000_000 + slot as u32 * 10 + u32::from(number);
        let approval = self.approvals.get(&name_of(&request)).copied().unwrap_or([b' '; 6]);
        let completion = Request { approval, ..completion_of(&request, stan, request.amount_minor) };
        let completion = scaled(&completion, percent);
        match by {
            By::Original => completion,
            By::Key => Request { stan: request.stan, original: None, ..completion },
            By::Reference(_) => Request { original: None, ..completion },
        }
    }

    fn reversal(&self, slot: usize, of: Of, by: By, percent: Option<u8>, id: u8) -> Request {
        let (target, place) = match of {
            Of::Request => (self.request(slot, 0), 0),
            Of::Completion(number) => (self.completion(slot, number, By::Original, 100), 1 + number),
            Of::Increment(number) => (self.increment(slot, number, true, 100), 4 + number),
        };
        let stan = 2_000_000 + slot as u32 * 100 + 10 * u32::from(place) + u32::from(id);
        let reversal = Request {
            response: None,
            approval: [b' '; 6],
            replacement_minor: percent.map(|percent| target.amount_minor * i64::from(percent) / 100),
            ..reversal_of(&target, stan)
        };
        let known = self.approvals.get(&name_of(&target)).copied().unwrap_or([b' '; 6]);
        match by {
            By::Original => reversal,
            By::Key => Request { stan: target.stan, original: None, ..reversal },
            By::Reference(code) => {
                let approval = match code {
                    Code::Right => known,
                    Code::Missing => [b' '; 6],
                    Code::Wrong => *b"WRONG1",
                };
                Request { approval, original: None, ..reversal }
            }
        }
    }

    /// The message of a step, and whether it comes when its budget is spent.
    pub fn message(&self, step: &Step) -> Option<(Request, bool)> {
        let repeated = |message, repeat: bool| if repeat { repeat_of(&message) } else { message };
        let code = |approved: bool| if approved { b"00" } else { b"05" };
        Some(match *step {
            Step::Request { slot, variant } => (self.request(slot, variant), false),
            Step::Late { slot } => (self.request(slot, 0), true),
            Step::StandIn { slot, approved, percent, repeat } => {
                let advice = scaled(&advice_of(&self.request(slot, 0), code(approved)), percent);
                (repeated(advice, repeat), false)
            }
            Step::Increment { slot, number, by_original, percent, stand_in } => {
                let increment = self.increment(slot, number, by_original, percent);
                let advice = |approved| advice_of(&increment, code(approved));
                (stand_in.map_or(increment, advice), false)
            }
            Step::Completion { slot, number, by, approved, percent, more, repeat } => {
                let mut completion = with_code(&self.completion(slot, number, by, percent), code(approved));
                let marks = [Marks::SEVERAL, Marks::SEVERAL.with(Marks::LAST)];
                if let Some(more) = marks.get(usize::from(more)) {
                    completion.marks = completion.marks.with(*more);
                }
                (repeated(completion, repeat), false)
            }
            Step::Reversal { slot, of, by, percent, id, repeat } => {
                (repeated(self.reversal(slot, of, by, percent, id), repeat), false)
            }
            _ => return None,
        })
    }
}

/// So many percent of the amounts.
fn scaled(message: &Request, percent: u8) -> Request {
    let part = |minor: i64| minor * i64::from(percent) / 100;
    Request {
        amount_minor: part(message.amount_minor),
        billing_minor: part(message.billing_minor),
        cashback_minor: part(message.cashback_minor),
        ..*message
    }
}
