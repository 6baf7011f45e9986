//! Whom a card and its DE37 lead to on paper: many transactions may share them.

use super::finds::Says;
use super::names::{Party, party, reference_of};
use super::{Arrival, Entry, Model, Name, Stands};

/// How what has a reference came to be, the one that is looked at last first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// By its reversal.
    Reversed,
    Declined,
    Approved,
}

impl Model {
    /// Makes it one that a reference may find, or one that was approved after all.
    pub(super) fn refer(&mut self, record: u64, name: Name, was: Option<Stands>, entry: &Entry) {
        let Some(reference) = entry.reference else { return };
        let approved = [Stands::Held, Stands::Posted, Stands::Answered].contains(&entry.stands);
        let alike = self.references.entry(reference).or_default();
        if was == Some(Stands::Declined) && approved {
            alike.retain(|(known, ..)| *known != name);
        } else if was.is_some() {
            return;
        }
        let came = match entry.stands {
            Stands::ReversedBefore => Came::Reversed,
            Stands::Declined => Came::Declined,
            _ => Came::Approved,
        };
        alike.push((name, came, record));
    }

    /// Of those with a message's reference, and of its merchant and acquirer, the open authorization approved last; else the one
    /// approved last, else the one declined first. Never a reversal that came first.
    pub(super) fn referred(&self, arrival: &Arrival) -> Option<Name> {
        let says = Says::of(arrival);
        let mut alike = self.alike(arrival);
        alike.reverse();
        alike.retain(|(_, entry)| entry.stands != Stands::ReversedBefore && says.may_complete(&entry.made));
        let is_open = |(_, entry): &&(Name, &Entry)| matches!(entry.stands, Stands::Held | Stands::Added);
        alike.iter().find(is_open).or(alike.first()).map(|(name, _)| *name)
    }

    /// All with a message's reference, the one that is looked at first last.
    pub(super) fn alike(&self, arrival: &Arrival) -> Vec<(Name, &Entry)> {
        let reference = reference_of(&arrival.request, arrival.network);
        let alike = reference.and_then(|reference| self.references.get(&reference));
        let mut alike: Vec<_> = alike.into_iter().flatten().collect();
        let order = |record: u64, came: Came| match came {
            Came::Declined => (came, u64::MAX - record),
            _ => (came, record),
        };
        alike.sort_by_key(|(_, came, record)| order(*record, *came));
        alike.into_iter().filter_map(|(name, ..)| Some((*name, self.get(name)?))).collect()
    }

    pub(super) fn original_trace(&self, arrival: &Arrival) -> (Party, u32) {
        let stan = arrival.request.original.map_or(0, |original| original.stan);
        (party(&arrival.request, arrival.network), stan)
    }
}
