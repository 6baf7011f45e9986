//! What worlds with a small table may forget, and when they may say that there is no room. Must not know how the desk's table
//! keeps anything.

use super::model::Name;
use super::world::{Fault, Reached, World};
use authswitch::decision::Decision;
use authswitch::message::Refusal;

impl World {
    /// Whether the desk may say that there is no room.
    pub fn is_crowded(&self, decision: &Decision) -> bool {
        let max = self.cast.plan.table.max;
        match decision.refusal {
            Refusal::TableFull => self.kept() >= max,
            // A completion may need a place for what it completes too.
            Refusal::NoRoom => self.kept() + 2 > max + max / 4,
            _ => false,
        }
    }

    /// How many of the transactions that the desk still knows must be kept.
    fn kept(&self) -> usize {
        let known = |name: &&Name| self.transaction(name).is_some();
        let entries = self.model.names().filter(known).filter_map(|name| self.model.get(name));
        entries.filter(|entry| entry.must_keep()).count()
    }

    /// These have changed just now.
    pub fn note_changed(&mut self, names: &[Name]) {
        self.changed.extend(names.iter().map(|name| (*name, self.now_us)));
    }

    /// A small table forgets: never what holds money (I6), and what moved or vouches for it only behind the window (I8).
    pub fn notice_forgotten(&mut self, name: Name) -> Result<(), Fault> {
        // A part of a larger one may have more messages of no card of ours than it has room for.
        if self.model.get(&name).is_none_or(|entry| !self.forgets && entry.must_keep()) {
            return Ok(());
        }
        let Some(key) = self.keys.get(&name).copied() else { return Ok(()) };
        if self.portfolio().table.lock(key).get(key).is_some() {
            return Ok(());
        }
        let held = self.model.get(&name).map_or(0, |entry| entry.held_minor);
        Fault::unless("I6 open ones are kept", "held by what was forgotten", held, 0)?;
        let must_keep = self.model.get(&name).is_some_and(|entry| entry.must_keep());
        let age_us = self.latest_us - self.changed.get(&name).copied().unwrap_or(i64::MIN / 2);
        let too_soon = must_keep && age_us <= self.cast.plan.table.window_us;
        Fault::unless(
            "I8 booked ones are kept",
            "whether it was forgotten within the window",
            too_soon,
            false,
        )?;
        self.model.forget(self.disk.appended(), name);
        self.reached.insert(Reached::Forgot);
        self.answers.retain(|(of, _), _| *of != name);
        Ok(())
    }
}
