//! What a reversal without DE90 speaks of, by card and DE37, and which late request one spoke of that came before it.

use crate::judge::is_increment;
use crate::ledger::{Content, Entry, Ledger, NONE, Name, Stands, name_of, original_name};
use authswitch::message::{Kind, Request};

/// Which reversal it is, whenever it is sent.
pub fn identity_of(reversal: &Request) -> Identity {
    let original = reversal.original.unwrap_or_default();
    let of = (reversal.amount_minor, original.mti / 0x100, original.stan);
    (reversal.stan, reversal.acquirer, reversal.replacement_minor.unwrap_or(0), of)
}

/// DE11, 32, what it leaves, and what it is of: DE4, DE90's class and trace number.
pub type Identity = (u32, u64, i64, (i64, u16, u32));

fn is_open(entry: &Entry) -> bool {
    entry.money() != (0, 0) || entry.stands == Stands::Added
}

pub fn says_yes(advice: &Request) -> bool {
    advice.response.is_none_or(|code| ["00", "08", "10", "11", "16", "85", "87"].contains(&code.as_str()))
}

/// A currency of 0 is not said.
fn agree_on_currency(one: &Request, other: &Request) -> bool {
    let currencies = [one.currency, other.currency];
    currencies[0] == currencies[1] || currencies.contains(&0)
}

/// Whether two messages of a card and reference may be of one purchase.
fn agree(one: &Request, other: &Request) -> bool {
    one.terminal == other.terminal && agree_on_currency(one, other)
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

    /// What a request or an advice that comes for the first time was reversed by before it came, where that reversal did not
    /// know its name: the latest.
    fn reversed_first(&self, message: &Request) -> Option<Name> {
        let reference = Some(reference_of(message));
        let spoke_of = |(_, entry): &(&Name, &Entry)| {
            entry.stands == Stands::ReversedBefore
                && entry.reference == reference
                && entry.made.amount_minor == message.amount_minor
                && agree(&entry.made, message)
        };
        let may_be = !is_increment(message) && message.amount_minor != 0;
        let found = self.entries.iter().filter(spoke_of).max_by_key(|(_, entry)| entry.turn);
        found.filter(|_| may_be).map(|(name, _)| *name)
    }

    pub fn was_reversed(&self, request: &Request) -> bool {
        self.reversed_first(request).is_some()
    }

    /// The name under which an advice is known. A completion is money although its authorization was reversed.
    pub fn advised_as(&self, advice: &Request) -> Name {
        let name = name_of(advice);
        let is_new = !self.entries.contains_key(&name) && advice.kind == Kind::AuthorizationAdvice;
        let reversed = is_new.then(|| self.reversed_first(advice)).flatten();
        reversed.unwrap_or(name)
    }

    /// Of those with the message's reference and merchant the latest open authorization; else the latest approved, else the
    /// first declined.
    pub fn by_reference(&self, message: &Request) -> Option<Name> {
        let alike = self.entries.iter().filter(|(_, entry)| {
            entry.stands != Stands::ReversedBefore
                && entry.reference == Some(reference_of(message))
                && entry.made.merchant == message.merchant
        });
        let rank = |entry: &Entry| match entry.stands {
            Stands::Held | Stands::Added => (3, entry.turn),
            _ if entry.was_approved => (2, entry.turn),
            _ => (1, usize::MAX - entry.turn),
        };
        alike.max_by_key(|(_, entry)| rank(entry)).map(|(name, _)| *name)
    }

    pub fn next_turn(&self) -> usize {
        self.entries.values().map(|entry| entry.turn).max().unwrap_or(0) + 1
    }
}

impl Entry {
    /// Whether a request asks another thing than the advice told that came before it; that of its completion told the amount.
    pub fn was_told_otherwise(&self, request: &Request) -> bool {
        let made = &self.made;
        let [told, asked] = [made, request].map(|message| {
            let of = (message.processing_code, message.amount_minor, message.merchant);
            (of, message.retrieval_reference, message.terminal)
        });
        self.amount_minor != request.amount_minor
            || made.mti.class() == request.mti.class() && (told != asked || !agree_on_currency(made, request))
    }

    /// Whether an advice that came before says something else now.
    pub fn was_advised_otherwise(&self, advice: &Request) -> bool {
        let yes_then = match self.stands {
            Stands::Declined => Some(false),
            Stands::Held | Stands::Posted | Stands::Answered => Some(true),
            _ => None,
        };
        if yes_then == Some(!says_yes(advice)) {
            return true;
        }
        let made = &self.made;
        if made.kind == advice.kind {
            return made.amount_minor != advice.amount_minor
                || made.processing_code != advice.processing_code
                || made.merchant != advice.merchant
                || !agree_on_currency(made, advice);
        }
        let kept_its_amount = match self.stands {
            Stands::Added => self.last_reversal.is_none(),
            _ => yes_then.is_some() && self.adds_to.is_none(),
        };
        let in_part = self.asked.is_some() && ["10", "87"].contains(&self.code.as_str());
        let superseded = advice.kind == Kind::AuthorizationAdvice && self.settled;
        let taken_over = self.card.is_some() && !in_part && !superseded;
        kept_its_amount && taken_over && advice.amount_minor != self.amount_minor
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
