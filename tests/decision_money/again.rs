//! What a record keeps of a message is all that decides it: decided again from the records alone, with the card's number,
//! each gives the same record.

use crate::play::{Game, policy_of_plays, same};
use crate::support::{World, pan};
use authswitch::decision::Lateness;
use authswitch::message::{Pan, Refusal};
use authswitch::portfolio::{Asked, Event, Record};

impl Game<'_> {
    /// All steps; then every record again, in a world that knows only the records before it.
    pub fn decide_again(mut self) -> Result<(), String> {
        self.run_steps(true)?;
        let again = World::with(self.world.plan.clone(), policy_of_plays(), self.world.terms);
        for (index, record) in self.world.sink.records().iter().enumerate() {
            let decided = decide(&again, record)?;
            let what = format!("record {} decided again", index + 1);
            same(&what, decided.as_ref(), Some(record))?;
        }
        same("the state hash", again.state_hash(), self.world.state_hash())
    }
}

fn decide(world: &World, record: &Record) -> Result<Option<Record>, String> {
    let (desk, now_us, sink) = (&world.desk, record.time_us, &world.sink);
    match record.event {
        Event::HoldExpired => drop(expire(world, record)?),
        Event::Undone => {
            let key = record.transaction.ok_or("undone, but what?")?.key;
            same("whether it is undone", desk.undo(key, now_us, sink), true)?;
        }
        _ => {
            let asked = &record.asked;
            let request = asked.request(number_of(asked)).ok_or("a message that cannot be read again")?;
            same("what it asked", &Asked::of(&request, asked.link), asked)?;
            let late = record.refusal == Refusal::BudgetSpent && record.event == Event::Request;
            let lateness = if late { Lateness::TooLate } else { Lateness::InTime };
            desk.decide(&request, &world.terms, now_us, lateness, sink);
        }
    }
    Ok(sink.records().last().copied())
}

/// One hold at a time, as its record says: more may have run out by then.
fn expire(world: &World, record: &Record) -> Result<(), String> {
    let number = world.sink.records().len() as u64 + 1;
    let mut room = [0; Record::LONGEST];
    let body = record.encode(&mut room);
    let sequence = authswitch::decision::Sink::append(&world.sink, body, record.time_us);
    same("its number", sequence, Some(number))?;
    world.desk.portfolio.apply(record, number);
    Ok(())
}

/// The card whose number a record truncates.
fn number_of(asked: &Asked) -> Option<Pan> {
    let is = |number: &Pan| (number.prefix(6), number.last_four()) == (asked.bin, asked.last_four);
    (0..u64::from(crate::steps::CARDS)).map(pan).find(is)
}
