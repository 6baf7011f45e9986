//! What the journal does not take has not happened; a full table refuses what books; records alone lead to the same state.

use crate::support::*;
use authswitch::message::{Marks, Operation, Refusal, Request};
use authswitch::portfolio::{Portfolio, Remembered, ShardCopy, Table, TableOptions};

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

/// A table with room for four transactions, five with advices.
fn tight() -> World {
    with_room_for(4)
}

/// A table with room for so many transactions that must be kept, for a day.
pub fn with_room_for(max: usize) -> World {
    World::new(Plan { table: TableOptions { max, window_us: DAY_US }, ..Plan::default() })
}

/// Requests whose transactions live in one shard.
fn in_one_shard(count: usize) -> Vec<Request> {
    of_card_in_one_shard(0, 1, count)
}

/// The same of a card, with trace numbers from `first` on.
pub fn of_card_in_one_shard(card: u64, first: u32, count: usize) -> Vec<Request> {
    let world = tight();
    let keyed = (first..).map(|stan| {
        let request = Request { pan: Some(pan(card)), amount_minor: 1, ..purchase(stan) };
        (Table::shard_of(world.decide(&Request { amount_minor: 0, ..request }).key), request)
    });
    keyed.filter(|(shard, _)| *shard == 7).map(|(_, request)| request).take(count).collect()
}

#[test]
fn a_full_table_declines_requests_and_lets_some_advices_in() {
    let world = tight();
    let requests = in_one_shard(10);
    world.gets_all(&requests[..4], "00");
    let full = world.decide(&requests[4]);
    assert_eq!((full.code.as_str(), full.refusal), ("91", Refusal::TableFull));
    world.leaves(4, 0).gets(&advice_of(&requests[5], b"00"), "00").leaves(5, 0);
    // An advice is never refused with 91: its sender is to repeat it. So is one of what was stored for its answer alone.
    let kept = [advice_of(&requests[6], b"00"), advice_of(&requests[4], b"00"), reversal_of(&requests[7], 9)];
    for message in kept.iter().chain([&reversal_of(&requests[4], 9)]) {
        let answer = world.decide(message);
        assert_eq!((answer.code.as_str(), answer.refusal), ("96", Refusal::NoRoom), "{}", message.mti);
    }
    // What is told and not kept goes on; so do reversals, which leave what they reversed to be vouched for.
    let declined = [Request { amount_minor: FUNDS + 1, ..requests[8] }, inquiry(&requests[9])];
    world.leaves(5, 0).gets(&declined[0], "51").gets(&declined[1], "00");
    world.gets(&reversal_of(&requests[0], 9), "00").gets(&reversal_of(&requests[1], 9), "00");
    world.gets(&requests[6], "91").leaves(3, 0);
    // A day later they have gone, and there is room.
    world.later(2 * DAY_US).gets(&requests[7], "91").gets(&later(&requests[6]), "00").leaves(4, 0).replays();
}

fn inquiry(request: &Request) -> Request {
    let (operation, processing_code) = (Operation::Inquiry, 310_000);
    Request { operation, processing_code, amount_minor: 0, ..*request }
}

#[test]
fn a_full_table_refuses_all_that_books_and_nothing_else() {
    let refund = |stan| Request { operation: Operation::Credit, processing_code: REFUND, ..sale(stan) };
    let adds = Marks::default().with(Marks::INCREMENTAL);
    let rows = [
        ("a purchase", purchase(50), "91"),
        ("a sale", sale(51), "91"),
        ("a refund", refund(52), "91"),
        (
            "an increment",
            Request { marks: adds, original: reversal_of(&purchase(1), 9).original, ..purchase(53) },
            "91",
        ),
        (
            "the authorization of a refund",
            Request { operation: Operation::Credit, processing_code: REFUND, ..purchase(54) },
            "00",
        ),
        ("an inquiry", inquiry(&purchase(55)), "00"),
        ("a card that is not ours", Request { pan: Some(pan(99)), ..purchase(56) }, "14"),
        ("an advice of such", advice_of(&Request { pan: Some(pan(99)), ..purchase(57) }, b"00"), "00"),
        ("a reversal of such", reversal_of(&Request { pan: Some(pan(99)), ..purchase(58) }, 9), "00"),
        ("a repeat", repeat_of(&purchase(1)), "00"),
        ("the advice of what is kept", advice_of(&purchase(2), b"00"), "00"),
        ("the reversal of what is kept", reversal_of(&purchase(3), 9), "00"),
    ];
    for (what, message, code) in rows {
        let world = with_room_for(4);
        world.gets_all(&[purchase(1), purchase(2), purchase(3), sale(4)], "00");
        assert_eq!(world.decide(&message).code.as_str(), code, "{what}");
        world.replays();
    }
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
    let kept = world.desk.portfolio.table.kept();
    assert_eq!(kept, 5, "where five may be kept");
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
    let (table, mut held) = (&from.desk.portfolio.table, ShardCopy::default());
    for index in 0..to.table.shards() {
        table.copy_one(index, &mut held);
        let remembered: Vec<Remembered> = table.remembered(&held).collect();
        to.table.restore(index, &remembered, held.sequence());
    }
    to
}

#[test]
fn records_that_a_copy_already_holds_change_nothing() {
    // The table forgets at every turn, so that one turn too many shows.
    let world = with_room_for(24);
    let requests = in_one_shard(30);
    for (turn, request) in requests.iter().enumerate() {
        let request = Request { amount_minor: if turn % 3 == 0 { 1 } else { FUNDS + 1 }, ..*request };
        world.decide(&request);
        if turn % 6 == 0 {
            world.gets(&completion_of(&request, 500 + turn as u32, 2), "00");
        }
        world.later(DAY_US / 8);
        let copy = copy(&world);
        for floor in 0..world.sink.records().len() as u64 {
            world.sink.replay_into(&copy, floor);
            assert_eq!(copy.state_hash(), world.state_hash(), "turn {turn}, from record {floor}");
        }
    }
}
