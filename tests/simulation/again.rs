//! Decides again what the journal of a world tells, by the rules in force at each record: a fresh desk must come to the
//! same records, and to the same state. What left no record (the journal was full, a repeat) has changed nothing, and
//! is not asked for.

use super::world::{Fault, World};
use authswitch::decision::{Desk, Recall, Sink};
use authswitch::message::Pan;
use authswitch::portfolio::{Event, Record};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

const JUDGE: &str = "I9 decided again";

/// Holds what is decided again beside what was decided.
#[derive(Default)]
struct Beside {
    sequence: Cell<u64>,
    records: RefCell<Vec<Vec<u8>>>,
}

impl Sink for Beside {
    fn append(&self, body: &[u8], _: i64) -> Option<u64> {
        self.records.borrow_mut().push(body.to_vec());
        Some(self.sequence.get())
    }
}

/// Where a link's key leaves DE2 out, an advice or a reversal may bear another number than the transaction it speaks of. The
/// record keeps the transaction's card and not that number: it cannot be decided again, and stands as it is.
fn is_of_its_card(record: &Record, numbers: &[u64]) -> bool {
    let pan = numbers.get(record.card as usize).and_then(|number| Pan::from_packed(*number));
    let of_message = ![Event::HoldExpired, Event::Undone, Event::CountersSwept].contains(&record.event);
    pan.is_none_or(|pan| !of_message || pan.last_four() == record.asked.last_four)
}

pub fn decides_alike(world: &World) -> Result<(), Fault> {
    let portfolio = Arc::new(world.cast.plan.build());
    let numbers = portfolio.numbers();
    let recall = Recall { terms: &world.cast.links, numbers: &numbers };
    let beside = Beside::default();
    let mut config = 1;
    let standing = world.law.standing(config, &portfolio);
    let desk = Desk::new(portfolio, standing);
    for sequence in 1..=world.disk.appended() {
        let record = world.disk.record(sequence)?;
        if record.config != config {
            config = record.config;
            desk.exchange(world.law.standing(config, &desk.portfolio));
        }
        if !is_of_its_card(&record, &numbers) {
            desk.portfolio.apply(&record, sequence);
            continue;
        }
        beside.sequence.set(sequence);
        desk.again(&record, &recall, &beside);
        let found =
            beside.records.borrow_mut().drain(..).map(|body| Record::decode(&body)).collect::<Vec<_>>();
        let same = found == [Ok(record)];
        if !same {
            let text = format!("record {sequence}: {found:?}, expected {record:?}");
            return Err(Fault::new(JUDGE, text));
        }
    }
    Fault::unless(JUDGE, "the state", desk.portfolio.state_hash(), world.portfolio().state_hash())
}
