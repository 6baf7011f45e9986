//! Holds of several messages on paper: increments add to one, completions use it up.

use super::{Arrival, Entry, Model, Name, Stands, end_of_hold, original_name};
use authswitch::message::{Kind, Marks, Operation, Request};

/// Whether it says that it adds to another.
pub fn is_increment(message: &Request) -> bool {
    let kind = [Kind::Authorization, Kind::AuthorizationAdvice].contains(&message.kind);
    kind && message.operation == Operation::Purchase && message.marks.has(Marks::INCREMENTAL)
}

impl Model {
    /// The authorization itself, where a name is of an increment.
    fn root(&self, name: Name) -> Name {
        self.get(&name).and_then(|entry| entry.adds_to).unwrap_or(name)
    }

    /// The authorization that a message speaks of beside its own: by DE90 (true), else by card and DE37.
    pub(super) fn original_of(&self, arrival: &Arrival) -> Option<(Name, bool)> {
        let message = &arrival.request;
        let known = message.original.is_some_and(|original| (original.stan, original.transmission) != (0, 0));
        let named = original_name(arrival).filter(|name| known && self.get(name).is_some());
        let found = match named.or_else(|| self.traced_original(arrival)) {
            Some(name) => (self.root(name), true),
            None => (self.root(self.referred(arrival)?), false),
        };
        Some(found).filter(|(name, _)| *name != self.known_as(arrival).0)
    }

    /// Whether a message of this card may add to it.
    pub(super) fn is_open_for(&self, name: &Name, card: Option<u32>) -> bool {
        let open = |entry: &Entry| (entry.stands, entry.operation) == (Stands::Held, Operation::Purchase);
        self.get(name).is_some_and(|entry| open(entry) && entry.card == card)
    }

    /// An open authorization with so much more (or less) held. An addition begins its life again.
    pub(super) fn with_more(
        &self,
        name: Name,
        by_minor: i64,
        renewed_us: Option<i64>,
    ) -> Option<(Name, Entry)> {
        let mut entry = self.get(&name)?.clone();
        if entry.stands != Stands::Held {
            return Some((name, entry));
        }
        entry.held_minor = (entry.held_minor + by_minor).max(0);
        if let Some(now_us) = renewed_us {
            entry.ends_s = entry.ends_s.max(end_of_hold(entry.preauthorization, now_us));
        }
        if entry.held_minor == 0 && entry.settled_minor > 0 {
            entry.stands = Stands::Completed;
        } else if entry.held_minor == 0 {
            (entry.stands, entry.counted) = (Stands::Reversed, None);
        }
        Some((name, entry))
    }

    /// An increment is given back, or all of it but a part: what that makes of what it added to.
    pub(super) fn shrinks(&self, entry: &mut Entry, of_de4: i64, remains: i64) -> Option<(Name, Entry)> {
        let remains = remains.min(entry.worth_minor);
        let original = self.with_more(entry.adds_to?, remains - entry.worth_minor, None);
        if original.is_none() {
            // What it added to is long closed and forgotten.
            entry.stands = if of_de4 == 0 { Stands::Reversed } else { entry.stands };
            return None;
        }
        (entry.amount_minor, entry.worth_minor) = (entry.amount_minor.min(of_de4), remains);
        if remains == 0 {
            entry.stands = Stands::Reversed;
        }
        original
    }

    /// What a completion leaves of the authorization it speaks of: nothing, or the rest, for those that follow.
    pub(super) fn completed(
        &self,
        name: Name,
        completion: &Request,
        posted_minor: i64,
    ) -> Option<(Name, Entry)> {
        let mut entry = self.get(&name)?.clone();
        let more = completion.marks.has(Marks::SEVERAL) && !completion.marks.has(Marks::LAST);
        match entry.stands {
            Stands::Held if more && posted_minor < entry.held_minor => {
                entry.held_minor -= posted_minor;
                entry.settled_minor += posted_minor;
            }
            Stands::Held | Stands::RanOut | Stands::Declined => {
                entry.settled_minor += entry.held_minor;
                (entry.stands, entry.held_minor) = (Stands::Completed, 0);
            }
            _ => return None,
        }
        Some((name, entry))
    }
}
