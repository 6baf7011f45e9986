//! 0400 and 0420: undo in full or down to DE95; always acknowledged, in whatever order and however often they come.

use crate::support::*;
use authswitch::message::{Kind, Operation, Refusal, Request};
use authswitch::portfolio::State;

/// A reversal with the STAN and DE7 of its original, and nothing else to find it by.
fn with_same_stan(request: &Request, remains: Option<i64>) -> Request {
    Request { original: None, replacement_minor: remains, ..reversal_of(request, request.stan) }
}

#[test]
fn a_full_reversal_gives_all_back() {
    let credit = Request { operation: Operation::Credit, processing_code: REFUND, ..sale(1) };
    for (request, held, posted) in [(purchase(1), 1_000, 0), (sale(1), 0, 1_000), (credit, 0, -1_000)] {
        for remains in [None, Some(0)] {
            for digits in [0x0400, 0x0420] {
                let world = World::default();
                let first = world.decide(&request);
                world.leaves(held, posted);
                let reversal =
                    Request { mti: mti(digits), replacement_minor: remains, ..reversal_of(&request, 2) };
                world.gets(&reversal, "00").leaves(0, 0);
                assert_eq!(world.state(&first), State::Reversed);
                assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (0, 0));
                world.replays();
            }
        }
    }
}

#[test]
fn a_partial_reversal_leaves_what_de95_says() {
    let credit = Request { operation: Operation::Credit, processing_code: REFUND, ..sale(1) };
    for (request, held, posted) in [(purchase(1), 600, 0), (sale(1), 0, 600), (credit, 0, -600)] {
        let world = World::default();
        world.gets(&request, "00").gets(&partial_reversal_of(&request, 2, 600), "00").leaves(held, posted);
        let debit = request.operation.is_debit();
        assert_eq!(world.spent_by(0).day_minor, if debit { 600 } else { 0 });
        assert_eq!(world.spent_by(0).day_count, u32::from(debit));
        // What remains can be reversed as well.
        world.gets(&reversal_of(&request, 3), "00").leaves(0, 0);
        assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (0, 0));
        world.replays();
    }
}

#[test]
fn a_replacement_in_a_foreign_currency_is_taken_in_proportion() {
    // 1,000 there are 1,100 here: down to 333 there are 366 here (366.3), 335 are 369 (368.5).
    for (remains, held) in [(500, 550), (333, 366), (335, 369), (1_000, 1_100), (1, 1), (2_000, 1_100)] {
        let world = World::default();
        let request = Request { currency: 978, billing_currency: 840, billing_minor: 1_100, ..purchase(1) };
        world.gets(&request, "00").leaves(1_100, 0);
        world.gets(&partial_reversal_of(&request, 2, remains), "00").leaves(held, 0);
    }
}

#[test]
fn the_proportion_is_that_of_the_message_that_moved_the_money() {
    // Authorized 1,000, completed with 800, in one currency: what remains is what DE95 says.
    let world = World::default();
    let completion = Request { original: None, ..completion_of(&purchase(1), 1, 800) };
    world.gets(&purchase(1), "00").gets(&completion, "00").leaves(0, 800);
    world.gets(&partial_reversal_of(&purchase(1), 2, 500), "00").leaves(0, 500);
}

#[test]
fn a_reversal_again_has_no_second_effect() {
    for remains in [None, Some(600)] {
        let world = World::default();
        let reversal = Request { replacement_minor: remains, ..reversal_of(&purchase(1), 2) };
        world.gets(&purchase(1), "00").gets(&purchase(5), "00").gets(&reversal, "00");
        let after = world.state_hash();
        for again in [reversal, repeat_of(&reversal), Request { mti: mti(0x0421), ..reversal }] {
            assert!(world.decide(&again).repeat);
            assert_eq!(world.state_hash(), after);
        }
        // Nor when another terminal sends it with a STAN of its own.
        let (held, counted) = (world.account(0).held_minor, world.spent_by(0));
        world.gets(&Request { stan: 9, ..reversal }, "00").leaves(held, 0);
        assert_eq!(world.spent_by(0), counted);
        world.replays();
    }
}

#[test]
fn an_older_partial_reversal_does_not_give_back_what_a_newer_took() {
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&partial_reversal_of(&purchase(1), 3, 200), "00");
    world.gets(&partial_reversal_of(&purchase(1), 2, 600), "00").leaves(200, 0);
    world.gets(&reversal_of(&purchase(1), 4), "00");
    world.gets(&partial_reversal_of(&purchase(1), 5, 100), "00").leaves(0, 0).replays();
}

#[test]
fn partial_and_full_reversals_may_share_the_originals_stan() {
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&with_same_stan(&purchase(1), Some(600)), "00").leaves(600, 0);
    world.gets(&with_same_stan(&purchase(1), Some(300)), "00").leaves(300, 0);
    world.gets(&with_same_stan(&purchase(1), None), "00").leaves(0, 0).replays();
}

#[test]
fn a_reversal_before_its_original_refuses_it() {
    for request in [purchase(1), sale(1)] {
        for remains in [None, Some(600)] {
            let world = World::default();
            let reversal = Request { replacement_minor: remains, ..reversal_of(&request, 2) };
            let first = world.decide(&reversal);
            assert_eq!((first.code.as_str(), world.state(&first)), ("00", State::Tombstone));
            for late in [request, repeat_of(&request)] {
                let answer = world.decide(&late);
                assert_eq!((answer.code.as_str(), answer.refusal), ("94", Refusal::AlreadyReversed));
            }
            world.gets(&repeat_of(&reversal), "00").leaves(0, 0);
            assert_eq!(world.spent_by(0).day_count, 0);
            world.replays();
        }
    }
}

/// Every order of the messages of one transaction that was reversed in full ends without money.
#[test]
fn whatever_the_order_a_reversed_transaction_moves_no_money() {
    for request in [purchase(1), sale(1)] {
        let reversal = with_same_stan(&request, None);
        let (stood_in, declined) = (advice_of(&request, b"00"), advice_of(&request, b"05"));
        let completion = Request { original: None, ..completion_of(&request, 1, 700) };
        for messages in [
            vec![request, reversal],
            vec![stood_in, reversal],
            vec![request, stood_in, reversal],
            vec![request, declined, reversal],
            vec![request, completion, reversal],
            vec![request, stood_in, completion, reversal],
        ] {
            for order in orders(messages.len()) {
                let world = World::default();
                for index in &order {
                    let answer = world.decide(&messages[*index]);
                    let reversed = order.iter().position(|other| messages[*other].kind == Kind::Reversal);
                    let place = order.iter().position(|other| other == index);
                    if *index == 0 && messages[0].kind == request.kind && reversed < place {
                        assert_eq!(answer.code.as_str(), "94", "{order:?}: reversed before it came");
                    }
                }
                world.leaves(0, 0);
                assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (0, 0), "{order:?}");
                world.replays();
            }
        }
    }
}

/// All orders of 0..count.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let shorter = orders(count - 1);
    (0..count)
        .flat_map(|place| {
            shorter.iter().map(move |order| {
                let mut order = order.clone();
                order.insert(place, count - 1);
                order
            })
        })
        .collect()
}

#[test]
fn a_reversed_decline_stays_without_money_when_the_stand_in_advice_comes() {
    let world = World::default();
    let request = Request { amount_minor: FUNDS + 1, ..purchase(1) };
    world.gets(&request, "51").gets(&reversal_of(&request, 2), "00").leaves(0, 0);
    world.gets(&advice_of(&request, b"00"), "00").leaves(0, 0).gets(&repeat_of(&request), "51").replays();
}

#[test]
fn a_stand_in_advice_does_not_take_back_a_partial_reversal() {
    let refund = Request { operation: Operation::Credit, processing_code: REFUND, ..sale(1) };
    for (request, held, posted) in [(purchase(1), 600, 0), (sale(1), 0, 600), (refund, 0, -600)] {
        let (advice, reversal) = (advice_of(&request, b"00"), partial_reversal_of(&request, 2, 600));
        for order in [[advice, reversal], [reversal, advice]] {
            let world = World::default();
            world.gets(&request, "00").gets_all(&order, "00").leaves(held, posted).replays();
            assert_eq!(world.spent_by(0).day_minor, (held + posted).max(0));
        }
    }
}

#[test]
fn a_completion_says_the_final_amount_whatever_was_reversed_before() {
    let world = World::default();
    let completion = Request { original: None, ..completion_of(&purchase(1), 1, 900) };
    world.gets(&purchase(1), "00").gets(&partial_reversal_of(&purchase(1), 2, 600), "00");
    world.gets(&completion, "00").leaves(0, 900);
    assert_eq!((world.spent_by(0).day_count, world.spent_by(0).day_minor), (1, 900));
}

#[test]
fn a_reversal_of_what_was_declined_or_asked_moves_nothing() {
    let inquiry = Request { operation: Operation::Inquiry, amount_minor: 0, ..purchase(1) };
    for request in [Request { amount_minor: FUNDS + 1, ..purchase(1) }, inquiry] {
        let world = World::default();
        let answer = world.decide(&request).code;
        world
            .gets(&reversal_of(&request, 2), "00")
            .gets(&partial_reversal_of(&request, 3, 5), "00")
            .leaves(0, 0);
        assert_eq!(world.decide(&repeat_of(&request)).code, answer);
        world.leaves(0, 0).replays();
    }
}

#[test]
fn a_reversal_of_a_completion_takes_the_posting_back_not_the_hold() {
    let world = World::default();
    let completion = completion_of(&purchase(1), 2, 800);
    world.gets(&purchase(1), "00").gets(&completion, "00").leaves(0, 800);
    // Of the pre-authorization: it holds nothing any more.
    world.gets(&reversal_of(&purchase(1), 3), "00").leaves(0, 800);
    world.gets(&partial_reversal_of(&completion, 4, 300), "00").leaves(0, 300);
    world.gets(&reversal_of(&completion, 5), "00").leaves(0, 0).replays();
}

#[test]
fn a_reversed_authorization_takes_no_second_completion_in_either_order() {
    let completion = Request { original: None, ..completion_of(&purchase(1), 1, 300) };
    let reversal = reversal_of(&purchase(1), 3);
    for order in [[completion, reversal], [reversal, completion]] {
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&completion_of(&purchase(1), 2, 800), "00");
        world.gets_all(&order, "00").leaves(0, 800).replays();
    }
}

#[test]
fn a_rest_that_rounds_to_nothing_here_is_none() {
    let request = Request { currency: 392, billing_currency: 840, billing_minor: 10, ..purchase(1) };
    let world = World::default();
    let held = world.decide(&request);
    world.gets(&partial_reversal_of(&request, 2, 49), "00").leaves(0, 0);
    assert_eq!((world.state(&held), world.spent_by(0).day_count), (State::Reversed, 0));
}

#[test]
fn a_partial_reversal_of_what_has_no_money_ends_nothing() {
    let declined = Request { amount_minor: FUNDS + 1, ..purchase(1) };
    let world = World::default();
    let first = world.decide(&declined);
    world.gets(&partial_reversal_of(&declined, 2, 49), "00").leaves(0, 0);
    assert_eq!(world.state(&first), State::Declined);
}

#[test]
fn a_reversal_after_the_hold_ran_out_moves_nothing() {
    let world = World::default();
    world.gets(&purchase(1), "00").later(AUTHORIZATION_DAYS * DAY_US);
    assert_eq!(world.expire(), 1);
    // The month of the purchase is still open: it was none.
    assert_eq!((world.spent_by(0).month_count, world.spent_by(0).month_minor), (1, 1_000));
    world.gets(&reversal_of(&purchase(1), 2), "00").leaves(0, 0).replays();
    assert_eq!((world.spent_by(0).month_count, world.spent_by(0).month_minor), (0, 0));
}

#[test]
fn a_reversal_never_raises_what_is_held() {
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&partial_reversal_of(&purchase(1), 2, 5_000), "00").leaves(1_000, 0);
}

#[test]
fn without_de90_card_reference_and_approval_code_lead_to_the_original() {
    let world = World::default();
    let approval = world.decide(&purchase(1)).approval.unwrap();
    let reversal = Request {
        original: None,
        approval,
        retrieval_reference: purchase(1).retrieval_reference,
        ..reversal_of(&purchase(1), 2)
    };
    // Another approval code means another transaction; another card too.
    world.gets(&Request { approval: *b"OTHER1", stan: 3, ..reversal }, "00").leaves(1_000, 0);
    world.gets(&Request { pan: Some(pan(1)), stan: 4, ..reversal }, "00").leaves(1_000, 0);
    world.gets(&reversal, "00").leaves(0, 0).gets(&repeat_of(&reversal), "00").leaves(0, 0).replays();
}

#[test]
fn without_an_approval_code_card_and_reference_lead_to_the_only_open_one() {
    // A sender that had no answer has no DE38. Acquirers use DE37 again: what is closed is not meant.
    let world = World::default();
    let reversal = Request { original: None, ..reversal_of(&purchase(1), 2) };
    world.gets(&purchase(1), "00").gets(&reversal, "00").leaves(0, 0).replays();
    let world = World::default();
    let other = Request { retrieval_reference: purchase(1).retrieval_reference, ..purchase(3) };
    world.gets(&purchase(1), "00").gets(&reversal_of(&purchase(1), 2), "00");
    world.gets(&Request { stan: 4, ..reversal }, "00").gets(&other, "94").leaves(0, 0).replays();
}

#[test]
fn a_reused_reference_does_not_lose_the_reversal_that_comes_first() {
    // The acquirer tries again with the same DE37; the reversal of the second attempt comes before it.
    let world = World::default();
    let first = Request { amount_minor: FUNDS + 1, ..purchase(1) };
    let second = Request { retrieval_reference: first.retrieval_reference, ..purchase(2) };
    world.gets(&first, "51").gets(&with_same_stan(&second, None), "00");
    world.gets(&second, "94").leaves(0, 0);
}

#[test]
fn an_unknown_acquirer_in_de90_is_the_messages_own() {
    let world = World::default();
    let mut reversal = reversal_of(&purchase(1), 2);
    reversal.original.as_mut().unwrap().acquirer = 0;
    world.gets(&purchase(1), "00").gets(&reversal, "00").leaves(0, 0);
}
