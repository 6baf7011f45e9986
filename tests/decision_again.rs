//! What was decided is decided again from its records, to the bit: on the state before each, by the same rules.

#![allow(clippy::unwrap_used)]

mod support;

use authswitch::decision::{Desk, Lateness, Recall, Sink, Standing};
use authswitch::message::{Marks, Operation, Request};
use authswitch::portfolio::Record;
use authswitch::rules::RuleSet;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use support::*;

const RULES: &str = r#"
    currency = "USD"
    [[rule]]
    name = "small"
    when = "merchant.category == 5999"
    approve_up_to = "account.available / 10"
    [[rule]]
    name = "host"
    when = "pos.pin"
    stand_in = true
    [[limit]]
    name = "hour"
    scope = "card"
    window = "1h"
    count = 4
    [[limit]]
    name = "shop"
    scope = "merchant"
    window = "day"
    time_zone = "America/New_York"
    amount = 9000
    [stand_in]
    on = ["rule", "budget"]
    [[stand_in.limit]]
    name = "little"
    scope = "card"
    window = "day"
    count = 1
"#;

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

/// A day of everything.
fn played() -> World {
    let world = World::default().ruled(RULES);
    let pin = |stan| Request { marks: Marks::PIN, ..purchase(stan) };
    let part = Request { merchant_category: 5999, marks: Marks::PARTIAL, ..purchase(3) };
    let unknown = |stan| Request { pan: Some(pan(77)), ..purchase(stan) };
    let adds = Request {
        marks: Marks::INCREMENTAL,
        amount_minor: 300,
        original: reversal_of(&purchase(1), 0).original,
        ..purchase(30)
    };
    let inquiry =
        Request { operation: Operation::Inquiry, processing_code: 310_000, amount_minor: 0, ..sale(31) };
    let steps = [
        purchase(1),
        repeat_of(&purchase(1)),
        Request { amount_minor: 999, ..purchase(1) },
        pin(2),
        pin(4),
        part,
        adds,
        completion_of(&purchase(1), 5, 900),
        unknown(6),
        unknown(6),
        reversal_of(&unknown(6), 7),
        // Reversals before their originals, of a card that is known and of one that is not.
        reversal_of(&purchase(8), 9),
        purchase(8),
        reversal_of(&unknown(10), 11),
        unknown(10),
        advice_of(&purchase(12), b"00"),
        purchase(12),
        advice_of(&unknown(13), b"00"),
        partial_reversal_of(&purchase(12), 14, 500),
        sale(15),
        reversal_of(&sale(15), 16),
        inquiry,
        Request { operation: Operation::Credit, processing_code: REFUND, ..sale(17) },
        Request { expiry: 2001, ..purchase(18) },
        Request { pan: Some(pan(2)), ..purchase(19) },
    ];
    for step in &steps {
        world.later(60_000_000).decide(step);
    }
    let late = purchase(20);
    world.decide_at(&late, Lateness::TooLate);
    let undone = world.decide(&Request { pan: Some(pan(2)), ..purchase(21) });
    assert!(world.desk.undo(undone.key, world.now_us.get(), &world.sink));
    world.later((AUTHORIZATION_DAYS + 1) * DAY_US);
    assert!(world.expire() > 0);
    assert!(world.desk.sweep_counters(world.now_us.get(), &world.sink) > 0);
    for stan in 40..47 {
        world.decide(&purchase(stan));
    }
    world
}

fn desk_of(world: &World) -> Desk {
    let set = RuleSet::from_toml(RULES, "rules.toml", &mut |_| Err(String::new())).unwrap();
    let portfolio = Arc::new(world.plan.build());
    let standing = Standing::new(policy(), set, 1, &["north"], &portfolio).unwrap();
    Desk::new(portfolio, standing)
}

#[test]
fn the_records_are_the_same_again_and_so_is_the_state() {
    let world = played();
    let again = desk_of(&world);
    let numbers = again.portfolio.numbers();
    let recall = Recall { terms: &[world.terms], numbers: &numbers };
    let beside = Beside::default();
    let records = world.sink.records();
    assert!(records.len() > 30);
    for (sequence, record) in (1..).zip(&records) {
        beside.sequence.set(sequence);
        again.again(record, &recall, &beside);
        let found = beside
            .records
            .borrow_mut()
            .drain(..)
            .map(|body| Record::decode(&body).unwrap())
            .collect::<Vec<_>>();
        assert_eq!(found, [*record], "record {sequence}");
    }
    assert_eq!(again.portfolio.state_hash(), world.state_hash());
}

#[test]
fn each_is_explained_on_the_state_before_it_and_nothing_changes() {
    let world = played();
    let again = desk_of(&world);
    let numbers = again.portfolio.numbers();
    let recall = Recall { terms: &[world.terms], numbers: &numbers };
    for (sequence, record) in (1..).zip(&world.sink.records()) {
        let before = again.portfolio.state_hash();
        let explained = again.explain(record, &recall);
        assert_eq!(again.portfolio.state_hash(), before, "record {sequence}");
        if let Some(explained) = explained {
            assert_eq!(explained.record, Some(*record), "record {sequence}");
            assert_eq!(explained.decision.code, record.code, "record {sequence}");
            let refused = explained.checks.iter().filter(|check| check.refusal == record.refusal).count();
            let asked = explained.checks.len() > 1;
            assert!(
                !asked || record.refusal == authswitch::message::Refusal::None || refused >= 1,
                "{record:?}"
            );
        }
        again.portfolio.apply(record, sequence);
    }
    assert_eq!(again.portfolio.state_hash(), world.state_hash());
}
