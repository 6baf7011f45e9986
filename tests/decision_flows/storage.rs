//! What the journal does not take has not happened; a full table refuses; records alone lead to the same state.

use crate::support::*;
use authswitch::message::{Refusal, Request};
use authswitch::portfolio::{Portfolio, Remembered, Table, TableOptions};

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
    with_room_for(4)
}

/// A table with room for so many transactions a shard.
fn with_room_for(places: usize) -> World {
    World::new(Plan { table: TableOptions { max: places * 1_024, window_us: DAY_US }, ..Plan::default() })
}

/// Requests whose transactions live in one shard.
fn in_one_shard(count: usize) -> Vec<Request> {
    let world = tight();
    let keyed = (1..).map(|stan| {
        let request = Request { amount_minor: 1, ..purchase(stan) };
        (Table::shard_of(world.decide(&Request { amount_minor: 0, ..request }).key), request)
    });
    keyed.filter(|(shard, _)| *shard == 7).map(|(_, request)| request).take(count).collect()
}

#[test]
fn a_full_table_declines_requests_and_lets_some_advices_in() {
    let world = tight();
    let requests = in_one_shard(8);
    world.gets_all(&requests[..4], "00");
    let full = world.decide(&requests[4]);
    assert_eq!((full.code.as_str(), full.refusal), ("91", Refusal::TableFull));
    world.leaves(4, 0).gets(&advice_of(&requests[5], b"00"), "00").leaves(5, 0);
    // An advice is never refused with 91: its sender is to repeat it.
    world.gets(&advice_of(&requests[6], b"00"), "96").gets(&reversal_of(&requests[7], 9), "96").leaves(5, 0);
    // A reversal makes room.
    world.gets(&reversal_of(&requests[0], 9), "00").gets(&reversal_of(&requests[1], 9), "00");
    world.gets(&requests[6], "00").leaves(4, 0).replays();
}

#[test]
fn a_refusal_of_a_full_table_is_repeated_when_there_is_room_again() {
    let world = with_room_for(16);
    let requests = in_one_shard(17);
    world.gets_all(&requests[..16], "00").gets(&requests[16], "91");
    world
        .gets(&reversal_of(&requests[0], 9), "00")
        .gets(&repeat_of(&requests[16]), "91")
        .leaves(15, 0)
        .replays();
}

#[test]
fn advices_of_what_we_declined_do_not_overfill_the_table() {
    let world = tight();
    for request in in_one_shard(40) {
        world.decide(&Request { amount_minor: FUNDS + 1, ..request });
        world.decide(&advice_of(&Request { amount_minor: FUNDS + 1, ..request }, b"00"));
    }
    let (_, open) = world.desk.portfolio.table.len();
    assert!(open <= 5, "{open} open ones where five may be");
    world.replays();
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

/// Copies everything, as a snapshot does that is written while the switch decides.
pub fn copy(from: &World) -> Portfolio {
    let to = from.plan.build();
    for (new, old) in to.accounts().iter().zip(from.desk.portfolio.accounts()) {
        *new.state.lock() = *old.state.lock();
    }
    for (new, old) in to.cards().iter().zip(from.desk.portfolio.cards()) {
        *new.state.lock() = *old.state.lock();
    }
    for index in 0..to.table.shards() {
        let mut held: (Vec<Remembered>, u64) = (Vec::new(), 0);
        from.desk.portfolio.table.visit_one(index, |shard| {
            held = (from.desk.portfolio.table.remembered(shard).collect(), shard.sequence());
        });
        to.table.restore(index, &held.0, held.1);
    }
    to
}

#[test]
fn records_that_a_copy_already_holds_change_nothing() {
    // The table forgets at every turn, so that one turn too many shows.
    let world = tight();
    let requests = in_one_shard(30);
    for (turn, request) in requests.iter().enumerate() {
        let request = Request { amount_minor: if turn % 3 == 0 { 1 } else { FUNDS + 1 }, ..*request };
        world.decide(&request);
        if turn % 6 == 0 {
            world.gets(&completion_of(&request, 500 + turn as u32, 2), "00");
        }
        let copy = copy(&world);
        for floor in 0..world.sink.records().len() as u64 {
            world.sink.replay_into(&copy, floor);
            assert_eq!(copy.state_hash(), world.state_hash(), "turn {turn}, from record {floor}");
        }
    }
}
