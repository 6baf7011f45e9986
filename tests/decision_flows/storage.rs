//! What the journal does not take has not happened; a full table refuses; records alone lead to the same state.

use crate::support::*;
use authswitch::message::{Refusal, Request};
use authswitch::portfolio::{TableOptions, TransactionKey};

#[test]
fn what_is_not_stored_is_answered_96_and_changes_nothing() {
    let known = purchase(1);
    let messages = [
        purchase(2),
        sale(2),
        Request { amount_minor: FUNDS + 1, ..purchase(2) },
        Request { pan: Some(pan(99)), ..purchase(2) },
        Request { amount_minor: 5, ..known },
        advice_of(&known, b"00"),
        advice_of(&known, b"05"),
        advice_of(&purchase(3), b"00"),
        completion_of(&known, 4, 900),
        Request { original: None, ..completion_of(&known, 1, 900) },
        reversal_of(&known, 4),
        partial_reversal_of(&known, 4, 1),
        reversal_of(&purchase(5), 4),
    ];
    for message in messages {
        let world = World::default();
        let first = world.decide(&known);
        let before = world.state_hash();
        world.sink.refuse(true);
        let answer = world.decide(&message);
        assert_eq!((answer.code.as_str(), answer.refusal), ("96", Refusal::NotStored), "{}", message.mti);
        assert!(!world.desk.undo(first.key, NOON, &world.sink));
        assert_eq!(world.state_hash(), before, "{}", message.mti);
        world.leaves(1_000, 0).gets(&repeat_of(&known), "00");
        // Once the journal takes records again the message is decided as if it came for the first time.
        world.sink.refuse(false);
        assert_ne!(world.decide(&repeat_of(&message)).refusal, Refusal::NotStored);
        world.replays();
    }
}

/// A table with room for four transactions a shard, five with advices.
fn tight() -> World {
    World::new(Plan { table: TableOptions { max: 1, window_us: DAY_US }, ..Plan::default() })
}

/// Requests whose transactions live in one shard.
fn in_one_shard(count: usize) -> Vec<Request> {
    let world = tight();
    let shard = |key: TransactionKey| (key.0 >> 64) as usize % world.desk.portfolio.table.shards();
    let keyed = (1..).map(|stan| {
        let request = Request { amount_minor: 1, ..purchase(stan) };
        (shard(world.decide(&Request { amount_minor: 0, ..request }).key), request)
    });
    keyed.filter(|(shard, _)| *shard == 7).map(|(_, request)| request).take(count).collect()
}

#[test]
fn nothing_open_is_ever_forgotten() {
    let world = tight();
    let requests = in_one_shard(30);
    let (open, others) = requests.split_at(3);
    world.gets_all(open, "00");
    for request in others {
        world.gets(&Request { amount_minor: FUNDS + 1, ..*request }, "51").later(DAY_US);
    }
    world.gets_all(&open.iter().map(|request| reversal_of(request, 9)).collect::<Vec<_>>(), "00");
    world.leaves(0, 0).replays();
}
