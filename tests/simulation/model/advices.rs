//! 0120 and 0220 on paper: recorded whatever they say, and the money follows what they say.

use super::finds::Says;
use super::parts::is_increment;
use super::{Arrival, Entry, Model, Name, Outcome, Stands, Sum, end_of_hold, takes_money};
use authswitch::message::{Kind, Operation, Request, ResponseCode};
use authswitch::portfolio::Differs;

fn says_yes(advice: &Request) -> bool {
    advice.response.is_none_or(|code| ["00", "08", "10", "11", "16", "85", "87"].contains(&code.as_str()))
}

impl Model {
    pub(super) fn advises(&self, arrival: &Arrival) -> Outcome {
        let advice = &arrival.request;
        let (name, _) = self.known_as(arrival);
        let settles = advice.kind == Kind::FinancialAdvice;
        let known = self.get(&name);
        if let Some(seen) = known.filter(|entry| if settles { entry.settled } else { entry.stood_in }) {
            let stored = seen.was_advised_otherwise(&Says::of(arrival), says_yes(advice));
            let differs = if stored { Differs::AdviceRepeat } else { Differs::Nothing };
            let (repeat, needs) = (true, seen.record);
            return Outcome { stored, repeat, needs, differs, ..Outcome::stored(ResponseCode::APPROVED) };
        }
        let card = known.and_then(|entry| entry.card).or(self.card_of(advice));
        let over = known.is_some_and(|entry| match entry.stands {
            Stands::Reversed | Stands::ReversedBefore => true,
            // Senders keep no order between their stored advices and live traffic.
            Stands::Completed | Stands::RanOut => !settles,
            _ => !settles && entry.settled,
        });
        let mut entry = known.cloned().unwrap_or_else(|| Entry {
            code: advice.response.unwrap_or(ResponseCode::APPROVED),
            approval: advice.approval,
            ..self.blank(arrival)
        });
        entry.settled |= settles;
        entry.stood_in |= !settles;
        let related = self.related(arrival, known, card);
        if let Some(card) = card.filter(|_| !over || related.is_some()) {
            entry.card = Some(card);
        }
        let (mut sum, mut other) = (Sum::default(), None);
        if let Some(card) = card.filter(|_| !over) {
            let moves = says_yes(advice)
                && (takes_money(advice.operation) || settles && advice.operation == Operation::Credit);
            match self.worth(advice, card) {
                None if moves => {
                    return Outcome { stored: false, ..Outcome::stored(ResponseCode::FORMAT_ERROR) };
                }
                worth => sum = worth.unwrap_or_default(),
            }
            match related.filter(|name| self.adds_by_advice(arrival, name, &entry, known.is_none())) {
                Some(original) => other = self.advises_increment(&mut entry, arrival, sum.all, original),
                None => self.books(&mut entry, arrival, sum, related.filter(|_| settles)),
            }
        }
        if settles {
            other = related.and_then(|name| self.completed(name, advice, sum.all));
        }
        let needs = |was: Option<&Entry>, is: &Entry| is.must_keep() && !was.is_some_and(Entry::must_keep);
        let needs_place = needs(known, &entry)
            || other.as_ref().is_some_and(|(name, other): &(Name, Entry)| needs(self.get(name), other));
        if arrival.crowded && needs_place {
            // It is not declined: its sender repeats it.
            return Outcome { stored: false, ..Outcome::stored(ResponseCode::MALFUNCTION) };
        }
        Outcome { own: Some((name, entry)), other, ..Outcome::stored(ResponseCode::APPROVED) }
    }

    /// The money follows what the advice says.
    fn books(&self, entry: &mut Entry, arrival: &Arrival, sum: Sum, completed: Option<Name>) {
        let advice = &arrival.request;
        let settles = advice.kind == Kind::FinancialAdvice;
        let (before, yes) = (entry.clone(), says_yes(advice));
        let (mut held, mut posted) = match (yes, settles) {
            (true, false) if takes_money(advice.operation) => (sum.all, 0),
            (true, true) if takes_money(advice.operation) => (0, sum.all),
            (true, true) if advice.operation == Operation::Credit => (0, -sum.all),
            _ => (0, 0),
        };
        // A partial reversal of the same money is not taken back; a completion says the final amount.
        let partly_reversed = before.last_reversal.is_some();
        if partly_reversed && before.stands == Stands::Held && !settles {
            held = held.min(before.held_minor);
        }
        if partly_reversed && before.stands == Stands::Posted {
            let was = before.posted_minor;
            posted = if was < 0 { posted.max(was) } else { posted.min(was) };
        }
        // What was completed of it is held no more.
        entry.settled_minor = if before.stands == Stands::Held { before.settled_minor } else { 0 };
        (entry.held_minor, entry.posted_minor) = ((held - entry.settled_minor).max(0), posted);
        entry.stands = match (yes, settles) {
            (false, _) => Stands::Declined,
            (true, true) => Stands::Posted,
            (true, false) if entry.held_minor != 0 => Stands::Held,
            (true, false) => Stands::Answered,
        };
        // A partial approval was answered with its amounts, and is answered with them again.
        let in_part = ["10", "87"].contains(&before.code.as_str());
        if before.asked.is_none() || !in_part {
            (entry.amount_minor, entry.worth_minor) = (advice.amount_minor, sum.all);
        }
        entry.preauthorization |= advice.preauthorization;
        entry.ends_s = end_of_hold(entry.preauthorization, arrival.now_us);
        if sum.cash > 0 && entry.operation == Operation::Purchase {
            entry.cash_minor = sum.cash;
        }
        let completed = completed.and_then(|name| self.get(&name));
        let counted_there = completed.is_some_and(|completed| completed.counted.is_some());
        entry.counted = match entry.counted {
            _ if !takes_money(entry.operation) || entry.spent() <= 0 => None,
            Some(time_us) => Some(time_us),
            None if counted_there => None,
            None => Some(arrival.now_us),
        };
        // A purchase from now on.
        if before.counted.is_none() && entry.counted.is_some() {
            entry.made_us = arrival.now_us;
        }
    }

    /// The authorization that a completion or the advice of an increment speaks of: by DE90, or by what is known of the
    /// increment; else by card and DE37, when its own name is not known. It must be of the same account.
    fn related(&self, arrival: &Arrival, known: Option<&Entry>, card: Option<u32>) -> Option<Name> {
        let advice = &arrival.request;
        let settles = advice.kind == Kind::FinancialAdvice;
        let completes = settles && says_yes(advice) && takes_money(advice.operation);
        let authorizes = !settles && takes_money(advice.operation);
        // What was answered as an increment is one, marked as such or not.
        let added = known.and_then(|known| known.adds_to).filter(|_| completes || authorizes);
        let (name, named) = match added {
            Some(original) => (original, true),
            None if completes || is_increment(advice) => self.original_of(arrival)?,
            None => return None,
        };
        let is_meant = named || known.is_none_or(|known| known.stands == Stands::ReversedBefore);
        let owner = self.get(&name).and_then(|entry| entry.card).map(|card| self.account_of(card));
        let is_ours = owner.is_some() && owner == card.map(|card| self.account_of(card));
        Some(name).filter(|_| is_meant && is_ours)
    }

    /// Whether it is the advice of an increment: of one that is open, or that our own increment adds to.
    fn adds_by_advice(&self, arrival: &Arrival, original: &Name, entry: &Entry, fresh: bool) -> bool {
        let ours = fresh || [Stands::Added, Stands::Declined].contains(&entry.stands);
        let open = is_increment(&arrival.request) && self.is_open_for(original, entry.card);
        let authorizes = arrival.request.kind == Kind::AuthorizationAdvice;
        authorizes && ours && (entry.adds_to.is_some() || open)
    }

    /// The hold follows what the advice says of the increment, instead of what we said.
    fn advises_increment(
        &self,
        entry: &mut Entry,
        arrival: &Arrival,
        worth: i64,
        original: Name,
    ) -> Option<(Name, Entry)> {
        let had = if entry.stands == Stands::Added { entry.worth_minor } else { 0 };
        let (yes, held) = (says_yes(&arrival.request), self.get(&original)?.held_minor);
        let rest = (held - had).max(0) + if yes { worth } else { 0 };
        entry.adds_to = Some(original);
        entry.stands = if yes { Stands::Added } else { Stands::Declined };
        if yes {
            (entry.amount_minor, entry.worth_minor) = (arrival.request.amount_minor, worth);
        }
        self.with_more(original, rest - held, yes.then_some(arrival.now_us))
    }
}
