//! 0400 and 0420 on paper: always accepted, money only ever goes back.

use super::super::cast::NETWORKS;
use super::{Arrival, Entry, Identity, Model, Name, Outcome, Stands, share};
use authswitch::message::{Request, ResponseCode};
use authswitch::portfolio::Differs;

impl Model {
    pub(super) fn reverses(&self, arrival: &Arrival) -> Outcome {
        let reversal = &arrival.request;
        let remains = reversal.replacement_minor.unwrap_or(0);
        let identity = identity_of(reversal);
        let (name, found) = self.reversed_by(arrival);
        let accepted = Outcome::stored(ResponseCode::APPROVED);
        let known = match found {
            Ok(known) => known,
            Err(Differs::ReversalNoOriginal) if self.is_of_another_network(arrival) => {
                return self.comes_first(arrival, name, Differs::ReversalElsewhere);
            }
            Err(differs) => return self.comes_first(arrival, name, differs),
        };
        if known.last_reversal == Some(identity) {
            return Outcome { stored: false, repeat: true, needs: known.record, ..accepted };
        }
        let mut entry = Entry { last_reversal: Some(identity), ..known.clone() };
        let mut other = None;
        if entry.stands == Stands::Added {
            let rest = share(remains, entry.worth_minor, entry.amount_minor);
            other = self.shrinks(&mut entry, remains, rest);
        } else {
            entry = reversed(entry, remains);
        }
        if arrival.crowded && entry.must_keep() && !known.must_keep() {
            return Outcome { stored: false, ..Outcome::stored(ResponseCode::MALFUNCTION) };
        }
        Outcome { own: Some((name, entry)), other, ..accepted }
    }
}

/// Which reversal it is, whenever it is sent.
pub(super) fn identity_of(reversal: &Request) -> Identity {
    let original = reversal.original.unwrap_or_default();
    let of = (reversal.amount_minor, original.mti / 0x100, original.stan);
    (reversal.stan, reversal.acquirer, reversal.replacement_minor.unwrap_or(0), of)
}

impl Model {
    /// Whether it would find something had it come by a line of another network.
    fn is_of_another_network(&self, arrival: &Arrival) -> bool {
        let found = |network: &u64| match self.reversed_by(&Arrival { network: *network, ..*arrival }) {
            (_, Ok(known)) => known.stands != Stands::ReversedBefore,
            (_, Err(_)) => false,
        };
        let others = NETWORKS.iter().filter(|network| **network != arrival.network);
        self.card_of(&arrival.request).is_some() && others.into_iter().any(found)
    }

    /// A reversal that has nothing to reverse waits for its original.
    fn comes_first(&self, arrival: &Arrival, name: Name, differs: Differs) -> Outcome {
        let accepted = Outcome::stored(ResponseCode::APPROVED);
        let blank = self.blank(arrival);
        let knows_trace = arrival.request.original.is_some_and(|original| original.stan != 0);
        let early = Entry {
            stands: Stands::ReversedBefore,
            card: self.card_of(&arrival.request),
            last_reversal: Some(identity_of(&arrival.request)),
            // With its trace number no other of the same reference is meant.
            reference: blank.reference.filter(|_| !knows_trace),
            ..blank
        };
        if arrival.crowded && early.must_keep() {
            return Outcome { stored: false, ..Outcome::stored(ResponseCode::MALFUNCTION) };
        }
        Outcome { own: Some((name, early)), differs, ..accepted }
    }
}

/// The transaction after a reversal down to `remains` of its own currency.
fn reversed(mut entry: Entry, remains: i64) -> Entry {
    let has_money = entry.held_minor != 0 || entry.posted_minor != 0;
    let rest = share(remains, entry.worth_minor, entry.amount_minor);
    // What completions have posted of it remains too.
    let left = (rest - entry.settled_minor).max(0);
    let nothing = if entry.stands == Stands::Held { left == 0 } else { rest == 0 };
    let full = remains == 0 || has_money && nothing;
    match entry.stands {
        Stands::ReversedBefore => {}
        // The completion has a name of its own and stays, and so does the purchase; this one is over.
        Stands::Completed if full => entry.stands = Stands::Reversed,
        Stands::Held if full && entry.settled_minor > 0 => {
            entry.stands = if remains == 0 { Stands::Reversed } else { Stands::Completed };
            entry.held_minor = 0;
        }
        _ if full => {
            (entry.stands, entry.held_minor, entry.posted_minor) = (Stands::Reversed, 0, 0);
            entry.counted = None;
        }
        Stands::Held => entry.held_minor = entry.held_minor.min(left),
        Stands::Posted => entry.posted_minor = entry.posted_minor.clamp(-rest, rest),
        _ => {}
    }
    entry
}
