//! What books money is never pushed out by what does not, however much of that comes, from whomever.

use crate::storage::{of_card_in_one_shard, with_room_for};
use crate::support::*;
use authswitch::decision::Lateness;
use authswitch::message::{Operation, Refusal, Request};
use authswitch::portfolio::State;

/// What books nothing: of cards that are not ours, and of one that is.
fn flood(world: &World, known: &[Request], unknown: &[Request]) {
    for request in unknown {
        let advice = Request { stan: request.stan, ..advice_of(request, b"00") };
        world.gets(request, "14").gets(&advice, "00").gets(&reversal_of(request, 9), "00");
    }
    for (turn, request) in known.iter().enumerate() {
        let (operation, processing_code) = (Operation::Inquiry, 310_000);
        match turn % 3 {
            0 => world.gets(&Request { amount_minor: FUNDS + 1, ..*request }, "51"),
            1 => world.gets(&Request { operation, processing_code, amount_minor: 0, ..*request }, "00"),
            _ => {
                assert_eq!(world.decide_at(request, Lateness::TooLate).refusal, Refusal::BudgetSpent);
                world
            }
        };
    }
}

#[test]
fn no_flood_makes_it_forget_what_booked() {
    // All in one part of the table, which holds some dozen of what does not book.
    let mine = of_card_in_one_shard(0, 1, 6);
    let known = of_card_in_one_shard(1, 1, 120);
    let unknown = of_card_in_one_shard(99, 1, 60);
    let [sold, held, early, undone, ran_out, advised] = std::array::from_fn(|at| mine[at]);
    let sold = Request { mti: mti(0x0200), kind: sale(1).kind, ..sold };
    let (posted, own_key) =
        (advice_of(&Request { mti: mti(0x0200), ..advised }, b"00"), completion_of(&held, held.stan, 1));
    let world = with_room_for(64);
    let ran_out_by = world.decide(&ran_out);
    world.later(8 * DAY_US);
    assert_eq!(world.expire(), 1);
    world.gets(&sold, "00").gets(&held, "00").gets(&own_key, "00").gets(&reversal_of(&early, 9), "00");
    let late = world.decide(&undone);
    assert!(world.desk.undo(late.key, NOON, &world.sink));
    world.gets(&posted, "00");
    let before = world.account(0);
    flood(&world, &known, &unknown);
    let records = world.sink.records().len();
    // Repeats find what was answered and book nothing.
    for (repeat, code) in
        [(&repeat_of(&posted), "00"), (&repeat_of(&own_key), "00"), (&undone, "91"), (&early, "94")]
    {
        assert_eq!(world.decide(repeat).code.as_str(), code, "{}", repeat.mti);
    }
    assert_eq!(world.state(&ran_out_by), State::Expired);
    assert_eq!(
        (world.account(0).posted_minor, world.account(0).held_minor),
        (before.posted_minor, before.held_minor)
    );
    assert_eq!(world.sink.records().len() - records, 1, "the late original alone leaves a record");
    // And the sale is given back.
    world.gets(&reversal_of(&sold, 9), "00");
    assert_eq!(world.account(0).posted_minor, before.posted_minor - 1);
    world.replays();
}

#[test]
fn strangers_do_not_push_out_what_cards_of_ours_were_told() {
    let known = of_card_in_one_shard(0, 1, 5);
    let unknown = of_card_in_one_shard(99, 1, 60);
    let world = with_room_for(64);
    let declined: Vec<_> =
        known.iter().map(|request| Request { amount_minor: FUNDS + 1, ..*request }).collect();
    world.gets_all(&declined, "51");
    flood(&world, &[], &unknown);
    let records = world.sink.records().len();
    for request in &declined {
        assert!(world.decide(&repeat_of(request)).repeat);
    }
    assert_eq!(world.sink.records().len(), records);
    world.replays();
}

#[test]
fn a_reversal_without_a_card_number_is_kept_where_the_key_has_none() {
    let world = with_room_for(64).keyed_by(&[7, 11, 32]);
    let sale = sale(1);
    world.gets(&Request { pan: None, ..reversal_of(&sale, 9) }, "00");
    assert_eq!(world.desk.portfolio.table.kept(), 1);
    world.gets(&sale, "94").replays();
    // With one that is not ours it vouches for nothing, and takes no place.
    let world = with_room_for(64).keyed_by(&[7, 11, 32]);
    world.gets(&Request { pan: Some(pan(99)), ..reversal_of(&sale, 9) }, "00");
    assert_eq!(world.desk.portfolio.table.kept(), 0);
}
