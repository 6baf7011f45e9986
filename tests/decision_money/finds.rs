//! What a reversal without DE90 speaks of, by card and DE37, and which late request one spoke of that came before it.

use crate::judge::is_increment;
use crate::ledger::{Content, Entry, Ledger, NONE, Name, Stands, original_name};
use authswitch::message::Request;

/// Which reversal it is, whenever it is sent.
pub fn identity_of(reversal: &Request) -> (u32, u64, i64) {
    (reversal.stan, reversal.acquirer, reversal.replacement_minor.unwrap_or(0))
}

fn is_open(entry: &Entry) -> bool {
    entry.money() != (0, 0) || entry.stands == Stands::Added
}

/// Whether two messages of a card and reference may be of one purchase; a currency of 0 is not said.
fn agree(one: &Request, other: &Request) -> bool {
    let currencies = [one.currency, other.currency];
    one.terminal == other.terminal && (currencies[0] == currencies[1] || currencies.contains(&0))
}

impl Ledger {
    /// The transaction that a reversal speaks of.
    pub fn reversed_by(&self, reversal: &Request, named: Name) -> Option<Name> {
        if self.entries.contains_key(&named) {
            return Some(named);
        }
        let reference = reference_of(reversal);
        let alike: Vec<_> =
            self.entries.iter().filter(|(_, entry)| entry.reference == Some(reference)).collect();
        let same = |entry: &Entry| {
            entry.stands != Stands::ReversedBefore
                && entry.last_reversal == Some(identity_of(reversal))
                && entry.made.terminal == reversal.terminal
        };
        if let Some((name, _)) = alike.iter().find(|(_, entry)| same(entry)) {
            return Some(**name);
        }
        let coded = |entry: &Entry| reversal.approval != NONE && entry.approval != NONE;
        let fits = |entry: &Entry| {
            let whole = if reversal.amount_minor == 0 { entry.amount_minor } else { reversal.amount_minor };
            let remains = reversal.replacement_minor.unwrap_or(0);
            let of_amount = [0, entry.made.amount_minor, entry.amount_minor].contains(&reversal.amount_minor);
            entry.stands != Stands::ReversedBefore
                && (!coded(entry) || entry.approval == reversal.approval)
                && of_amount
                && (remains == 0 || remains < whole)
                && agree(&entry.made, reversal)
                && (coded(entry) || original_name(reversal).is_none())
        };
        let all = |code: bool, open: bool| -> Vec<Name> {
            let wanted = |entry: &Entry| fits(entry) && coded(entry) == code && is_open(entry) == open;
            alike.iter().filter(|(_, entry)| wanted(entry)).map(|(name, _)| **name).collect()
        };
        match (&all(true, true)[..], &all(false, true)[..], &all(true, false)[..]) {
            ([name], ..) | ([], [name], _) | ([], [], [name]) => Some(*name),
            _ => None,
        }
    }

    /// Whether a request that comes for the first time was reversed before it came, by a reversal that did not know its name.
    pub fn was_reversed(&self, request: &Request) -> bool {
        let reference = Some(reference_of(request));
        let spoke_of = |entry: &Entry| {
            entry.stands == Stands::ReversedBefore
                && entry.reference == reference
                && entry.made.amount_minor == request.amount_minor
                && agree(&entry.made, request)
        };
        !is_increment(request) && request.amount_minor != 0 && self.entries.values().any(spoke_of)
    }
}

pub fn reference_of(request: &Request) -> (u64, [u8; 12]) {
    (request.pan.unwrap().parts().0, request.retrieval_reference)
}

pub fn content_of(request: &Request) -> Content {
    (
        request.mti.class(),
        request.pan.unwrap().parts().0,
        request.processing_code,
        request.amount_minor,
        request.retrieval_reference,
        request.terminal,
        request.merchant,
        request.currency,
    )
}
