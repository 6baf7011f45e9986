//! Which transaction a reversal speaks of: DE90's, or as much of it as is known. What it cannot tell apart it leaves
//! alone. Moves nothing.

use super::names::{disagree, is_borne_out, is_elsewhere, is_same};
use super::{Case, Desk, LinkTerms};
use crate::portfolio::{COMPLETION_SEEN, Differs, State, Traits, Transaction, TransactionKey};

/// What a reversal was found to speak of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoken {
    /// The transaction; where none was found, the key of the tombstone.
    pub key: TransactionKey,
    /// What it adds to, where it is an increment.
    pub adds_to: Option<TransactionKey>,
    /// Why none was found.
    pub differs: Differs,
}

impl Spoken {
    fn of(known: &Transaction) -> Spoken {
        Spoken { key: known.key, adds_to: known.adds_to(), differs: Differs::Nothing }
    }
}

/// How a transaction fits what a reversal says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Not,
    /// By card and reference, and all that both say.
    Referred,
    /// By its trace number or its approval code too.
    Named,
}

impl Desk {
    /// In this order: the key that DE90 gives, its unknown parts taken from the message (without DE90: the message's own);
    /// the reversal itself, sent again; then what has DE90's trace number, or the card and the reference, and agrees in all
    /// that both say. Acquirers use both again, and the reversal may have come before its original: more than one
    /// open transaction that fits, or none, leaves all of them alone.
    pub(super) fn spoken_of(&self, case: &Case<'_>, identity: u64) -> Spoken {
        let table = &self.portfolio.table;
        let key = match case.request.original {
            Some(original) => self.original_key(case, original),
            None => self.own_key(case),
        };
        // Where the type in DE90 is of another class, the key is of one that shares it.
        let class = (case.request.original.unwrap_or_default().mti >> 8 & 0xf) as u8;
        let by_key =
            self.known(key).map(|(known, kept)| (Spoken::of(&known), is_of_class(class, &known, &kept)));
        if let Some((spoken, true)) = by_key {
            return spoken;
        }
        let (named, referred) = (table.named(case.name), table.referred(case.reference));
        let said = self.said(case);
        let mut search = Search::default();
        for (known, kept) in table.look(&named) {
            if known.last_reversal == identity && is_same(&said, &kept, known.time_us, case.now_us) {
                return Spoken::of(&known);
            }
            // Its own trace number may be the original's, or be its own.
            let may_be_it = case.request.original.is_some_and(|original| original.stan != 0);
            search.meets(&known, fit(case, &said, &known, &kept), may_be_it);
        }
        for (known, kept) in table.look(&referred) {
            // Where it waits for another name, it is another.
            let found = known.state != State::Tombstone && known.last_reversal == identity;
            if found && !is_elsewhere(&said, &kept) {
                return Spoken::of(&known);
            }
            if kept.name != case.name {
                search.meets(&known, fit(case, &said, &known, &kept), true);
            }
        }
        let by_key = by_key.map(|(spoken, _)| spoken);
        search.found().or(by_key).unwrap_or(Spoken { key, adds_to: None, differs: search.differs() })
    }
}

impl Desk {
    /// Whether a reversal that finds nothing would find a transaction if it had come by a line of another network. Only said:
    /// who is at one link must not give back what was approved at another's.
    pub(super) fn is_of_another_network(&self, case: &Case<'_>, identity: u64) -> bool {
        let is_known = case.request.pan.is_some_and(|pan| self.portfolio.owner(pan).is_some());
        let mut others = case.policy.networks.iter().filter(|network| **network != case.terms.network);
        is_known
            && others.any(|network| {
                let terms = LinkTerms { network: *network, ..*case.terms };
                let spoken = self.spoken_of(&self.named(&Case { terms: &terms, ..*case }), identity);
                let known = || self.known(spoken.key);
                spoken.differs == Differs::Nothing
                    && known().is_some_and(|(known, _)| known.state != State::Tombstone)
            })
    }
}

/// What a search has met so far.
#[derive(Default)]
struct Search {
    /// One of the open ones that fit by name, and by reference alone, and how many there are.
    named: (Option<Spoken>, u32),
    referred: (Option<Spoken>, u32),
    /// The same of those that fit by name and hold nothing any more.
    closed: (Option<Spoken>, u32),
    /// There was one that it may speak of.
    met: bool,
}

impl Search {
    fn meets(&mut self, known: &Transaction, fit: Fit, may_be_it: bool) {
        if known.state == State::Tombstone {
            return;
        }
        self.met |= may_be_it || fit != Fit::Not;
        let open = known.held_minor != 0 || known.posted_minor != 0 || known.state == State::Added;
        let spoken = Spoken::of(known);
        match fit {
            Fit::Not => {}
            Fit::Named if open => self.named = (Some(spoken), self.named.1 + 1),
            Fit::Referred if open => self.referred = (Some(spoken), self.referred.1 + 1),
            Fit::Named => self.closed = (Some(spoken), self.closed.1 + 1),
            // A reference alone leads to what can be given back, or nowhere.
            Fit::Referred => {}
        }
    }

    fn found(&self) -> Option<Spoken> {
        match (self.named, self.referred, self.closed) {
            ((found, 1), ..) | ((_, 0), (found, 1), _) | ((_, 0), (_, 0), (found, 1)) => found,
            _ => None,
        }
    }

    fn differs(&self) -> Differs {
        if self.met { Differs::ReversalAmbiguous } else { Differs::ReversalNoOriginal }
    }
}

/// Whether a transaction has a message of the class that DE90 says: a completion may have come with its authorization's key.
fn is_of_class(class: u8, known: &Transaction, kept: &Traits) -> bool {
    known.state == State::Tombstone
        || !disagree(class, kept.class)
        || class == 2 && known.has(COMPLETION_SEEN)
}

/// Whether the reversal may speak of a transaction: in nothing that both say do they differ.
fn fit(case: &Case<'_>, said: &Traits, known: &Transaction, kept: &Traits) -> Fit {
    let request = case.request;
    let [ours, theirs] = [known.approval, request.approval];
    let codes = [ours, theirs].iter().all(|code| *code != [b' '; 6]);
    let original = request.original.unwrap_or_default();
    // With what increments have added to it, where no rate or fee lies between.
    let [all_minor, held_minor] = match known.requested_minor == known.amount_minor {
        true if !known.is_increment() => [known.authorized_minor(), known.held_minor],
        _ => [known.requested_minor; 2],
    };
    let amounts = [kept.amount_minor, known.requested_minor, all_minor, held_minor];
    // What kind of transaction it is of; of the purchase, 00, it may be that nothing was said.
    let kind = |traits: &Traits| traits.processing_code / 10_000;
    let amount_minor = if said.amount_minor != 0 { said.amount_minor } else { known.requested_minor };
    let remains_minor = request.replacement_minor.unwrap_or(0);
    let differs = codes && ours != theirs
        || said.amount_minor != 0 && !amounts.contains(&said.amount_minor)
        || remains_minor != 0 && remains_minor >= amount_minor
        || !is_of_class(said.class, known, kept)
        || kind(said) != 0 && kind(said) != kind(kept)
        || disagree(said.currency, kept.currency)
        || disagree(said.merchant, kept.merchant)
        || is_elsewhere(said, kept);
    if differs {
        return Fit::Not;
    }
    if codes && known.reference == case.reference {
        return Fit::Named;
    }
    let is_named = kept.name == said.name;
    if original.stan != 0 && !is_named {
        return Fit::Not;
    }
    // Of a transaction that was sent again DE90 may give the time of either message.
    let sent_again = kept.is_repeat() || original.mti & 1 == 1 || is_named && is_borne_out(said, kept);
    if disagree(original.transmission, kept.transmission) && !sent_again {
        return Fit::Not;
    }
    if is_named && is_same(said, kept, known.time_us, case.now_us) {
        return Fit::Named;
    }
    if known.reference == case.reference && case.reference != 0 { Fit::Referred } else { Fit::Not }
}
