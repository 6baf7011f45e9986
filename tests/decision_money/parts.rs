//! The reference's holds of several messages: increments, which add to one, and completions, which use it up.

use crate::finds::says_yes;
use crate::judge::is_increment;
use crate::ledger::{Entry, Ledger, Name, Stands, name_of, original_name, takes_money};
use crate::support::{AUTHORIZATION_DAYS, PREAUTHORIZATION_DAYS};
use authswitch::message::{Kind, Marks, Operation, Request};

impl Ledger {
    /// The authorization that an increment names, by DE90 or by what is known of the increment (true), else by card and
    /// DE37 (false).
    pub fn added_to(&self, message: &Request, known: Option<&Entry>) -> Option<(Name, bool)> {
        // What was answered as an increment is one.
        if let Some(original) = known.and_then(|known| known.adds_to) {
            return Some((original, true));
        }
        if !is_increment(message) {
            return None;
        }
        let by_name = original_name(message).filter(|name| self.entries.contains_key(name));
        let found = match by_name {
            Some(name) => Some((self.root(name), true)),
            None => self.by_reference(message).map(|name| (self.root(name), false)),
        };
        found.filter(|(name, _)| *name != name_of(message))
    }

    /// Whether a message of this card may add to it.
    pub fn is_open_for(&self, name: Name, card: Option<u32>) -> bool {
        let entry = &self.entries[&name];
        (entry.stands, entry.operation) == (Stands::Held, Operation::Purchase) && entry.card == card
    }

    /// When the hold runs out after an increment, which begins its life again.
    pub fn ends(&self, name: Name, now_us: i64) -> i64 {
        let entry = &self.entries[&name];
        entry.ends_s.max(end_of_hold(entry.preauthorization, now_us))
    }

    /// The hold becomes larger or smaller.
    pub fn hold_changes(&mut self, name: Name, by_minor: i64, ends_s: i64) {
        let mut entry = self.entries[&name].clone();
        if entry.stands != Stands::Held {
            return;
        }
        entry.held_minor = (entry.held_minor + by_minor).max(0);
        entry.ends_s = ends_s;
        if entry.held_minor > 0 {
            self.recount(&entry);
        } else if entry.settled_minor > 0 {
            entry.stands = Stands::Completed;
            self.recount(&entry);
        } else {
            entry.stands = Stands::Reversed;
            self.uncount(&mut entry);
        }
        self.entries.insert(name, entry);
    }

    /// An increment is given back, or all of it but a part.
    pub fn shrinks(&mut self, entry: &mut Entry, of_de4: i64, remains: i64) {
        let remains = remains.min(entry.worth_minor);
        // Proven: only an increment stands as one.
        let original = entry.adds_to.unwrap();
        let ends_s = self.entries[&original].ends_s;
        self.hold_changes(original, remains - entry.worth_minor, ends_s);
        (entry.amount_minor, entry.worth_minor) = (entry.amount_minor.min(of_de4), remains);
        if remains == 0 {
            entry.stands = Stands::Reversed;
        }
    }

    /// The authorization whose increment an advice speaks of: one that is open, or that our own increment adds to.
    pub fn advised_original(&self, advice: &Request, entry: &Entry, fresh: bool) -> Option<Name> {
        if advice.kind != Kind::AuthorizationAdvice || !takes_money(advice.operation) {
            return None;
        }
        let known = (!fresh).then_some(entry);
        let (original, named) = self.added_to(advice, known)?;
        let ours = fresh || [Stands::Added, Stands::Declined].contains(&entry.stands);
        let meant = named || fresh;
        let may = self.is_open_for(original, entry.card) || entry.adds_to.is_some();
        (ours && meant && may).then_some(original)
    }

    /// The hold follows what the advice says of the increment, instead of what we said.
    pub fn advises_increment(
        &mut self,
        entry: &mut Entry,
        advice: &Request,
        worth: i64,
        original: Name,
        now_us: i64,
    ) {
        let had = if entry.stands == Stands::Added { entry.worth_minor } else { 0 };
        let (yes, held) = (says_yes(advice), self.entries[&original].held_minor);
        let rest = (held - had).max(0) + if yes { worth } else { 0 };
        let ends_s = if yes { self.ends(original, now_us) } else { self.entries[&original].ends_s };
        self.hold_changes(original, rest - held, ends_s);
        entry.adds_to = Some(original);
        entry.stands = if yes { Stands::Added } else { Stands::Declined };
        if yes {
            (entry.amount_minor, entry.worth_minor) = (advice.amount_minor, worth);
        }
    }

    /// What a completion leaves of the authorization it speaks of: nothing, or the rest, for those that follow.
    pub fn completes(&mut self, name: Name, completion: &Request, posted_minor: i64) {
        let mut entry = self.entries[&name].clone();
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
            _ => {}
        }
        self.entries.insert(name, entry);
    }
}

pub fn end_of_hold(preauthorization: bool, now_us: i64) -> i64 {
    let days = if preauthorization { PREAUTHORIZATION_DAYS } else { AUTHORIZATION_DAYS };
    now_us.div_euclid(1_000_000) + days * 86_400
}
