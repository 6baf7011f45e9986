//! 0400 and 0420 on paper: always accepted, money only ever goes back.

use super::{
    Arrival, Entry, Model, NO_CODE, Name, Outcome, Stands, name_of, original_name, reference_of, share,
};
use authswitch::message::ResponseCode;

impl Model {
    pub(super) fn reverses(&self, arrival: &Arrival) -> Outcome {
        let reversal = &arrival.request;
        let remains = reversal.replacement_minor.unwrap_or(0);
        let identity = (reversal.transmission, reversal.stan, reversal.acquirer, remains);
        let (name, found) = self.reversed_by(arrival);
        let accepted = Outcome::stored(ResponseCode::APPROVED);
        let Some(known) = found else {
            if arrival.crowded {
                return Outcome { stored: false, ..Outcome::stored(ResponseCode::MALFUNCTION) };
            }
            let early = Entry {
                stands: Stands::ReversedBefore,
                last_reversal: Some(identity),
                // DE37 here is the reversal's: it leads nobody to the original.
                reference: None,
                ..self.blank(reversal)
            };
            return Outcome { own: Some((name, early)), ..accepted };
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
        Outcome { own: Some((name, entry)), other, ..accepted }
    }

    /// What a reversal speaks of: by DE90, else by its own fields; else by card and DE37 with the same DE38.
    pub(super) fn reversed_by(&self, arrival: &Arrival) -> (Name, Option<&Entry>) {
        let reversal = &arrival.request;
        let named = original_name(reversal, arrival.link).unwrap_or_else(|| name_of(reversal, arrival.link));
        if let Some(entry) = self.get(&named) {
            return (named, Some(entry));
        }
        let by_reference = self.referred(&reference_of(reversal));
        let found = by_reference.and_then(|name| Some((name, self.get(&name)?)));
        match found {
            Some((name, entry)) if reversal.approval != NO_CODE && entry.approval == reversal.approval => {
                (name, Some(entry))
            }
            _ => (named, None),
        }
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
