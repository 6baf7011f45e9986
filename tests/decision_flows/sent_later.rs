//! What is sent again later has a DE7 of its own, as DE7 is when a message is sent: the stored answer and one effect all the
//! same, and DE90 still finds the original by its DE7.

use crate::storage::copy;
use crate::support::*;
use authswitch::decision::{Desk, Lateness, Standing};
use authswitch::message::{Marks, Operation, Original, Refusal, Request};
use authswitch::portfolio::{Differs, State};
use std::sync::Arc;

/// Every class of message, and what one of it leaves: (held, posted).
fn classes() -> [(&'static str, Request, (i64, i64)); 6] {
    let refund = Request { operation: Operation::Credit, processing_code: REFUND, ..sale(1) };
    [
        ("0100", purchase(1), (1_000, 0)),
        ("0120", advice_of(&purchase(1), b"00"), (1_000, 0)),
        ("0200", sale(1), (0, 1_000)),
        ("0220", advice_of(&sale(1), b"00"), (0, 1_000)),
        ("0200 of a refund", refund, (0, -1_000)),
        ("0220 of a refund", advice_of(&refund, b"00"), (0, -1_000)),
    ]
}

#[test]
fn a_repeat_that_is_sent_later_gets_the_stored_answer_in_both_orders() {
    for (what, first, (held, posted)) in classes() {
        let again = sent_later(&first);
        for [one, other] in [[first, again], [again, first], [again, later(&again)]] {
            let world = World::default();
            let decided = world.decide(&one);
            assert_eq!((decided.code.as_str(), decided.repeat), ("00", false), "{what}");
            let (after, records) = (world.state_hash(), world.sink.records().len());
            for message in [other, one, other, later(&later(&again))] {
                let answer = world.decide(&message);
                assert_eq!((answer.code, answer.approval), (decided.code, decided.approval), "{what}");
                assert!(answer.repeat, "{what} {} {}", message.mti, message.transmission);
                assert_eq!(answer.key, decided.key, "{what}");
            }
            assert_eq!((world.state_hash(), world.sink.records().len()), (after, records), "{what}");
            world.leaves(held, posted).replays();
        }
    }
}

#[test]
fn fields_that_a_sender_leaves_out_tell_nothing() {
    let without = |request: &Request, des: &[u8]| {
        des.iter().fold(*request, |request, de| match de {
            12 => Request { local_time: 0, local_date: 0, ..request },
            32 => Request { acquirer: 0, ..request },
            37 => Request { retrieval_reference: [b' '; 12], ..request },
            _ => Request { terminal: [b' '; 8], ..request },
        })
    };
    for (what, first, (held, posted)) in classes() {
        for gaps in
            [&[37u8][..], &[12], &[32], &[41], &[12, 32, 41], &[37, 32, 41], &[12, 37], &[12, 32, 37, 41]]
        {
            // Left out of both, of the first or of the second alone. DE32 is part of the key, not only of what tells.
            let (all, part) = (sent_later(&first), without(&first, gaps));
            for [one, other] in [[part, sent_later(&part)], [part, all], [first, sent_later(&part)]] {
                let world = World::default();
                world.gets(&one, "00");
                let answer = world.decide(&other);
                assert!(answer.repeat && answer.code.as_str() == "00", "{what} without {gaps:?}");
                world.leaves(held, posted).replays();
            }
        }
    }
}

#[test]
fn another_time_place_or_reference_is_another_transaction() {
    for (what, first, (held, posted)) in classes() {
        for (field, other) in [
            ("DE12", Request { local_time: 120_100, ..first }),
            ("DE13", Request { local_date: 1_123, ..first }),
            ("DE32", Request { acquirer: 9, ..first }),
            ("DE37", Request { retrieval_reference: *b"OTHER0000001", ..first }),
            ("DE41", Request { terminal: *b"TERM0002", ..first }),
            ("DE11", Request { stan: 2, ..first }),
            ("DE2", Request { pan: Some(pan(1)), ..first }),
        ] {
            let world = World::default();
            let answer = world.gets(&first, "00").decide(&sent_later(&other));
            assert!(!answer.repeat && answer.code.as_str() == "00", "{what}: {field}");
            world.leaves(2 * held, 2 * posted).replays();
        }
    }
}

#[test]
fn without_a_time_or_a_reference_a_trace_number_lasts_for_a_day() {
    let bare = Request { local_time: 0, local_date: 0, retrieval_reference: [b' '; 12], ..purchase(1) };
    for (after_us, held) in [(DAY_US, 1_000), (DAY_US + 1, 2_000)] {
        let world = World::default();
        world.gets(&bare, "00").later(after_us).gets(&sent_later(&bare), "00").leaves(held, 0);
        // With either it lasts as long as it is remembered.
        for told in
            [Request { retrieval_reference: *b"RRN000000001", ..bare }, Request { local_date: 1_122, ..bare }]
        {
            let world = World::default();
            world.gets(&told, "00").later(after_us).gets(&sent_later(&told), "00").leaves(1_000, 0);
        }
    }
}

#[test]
fn two_originals_stay_two_transactions() {
    for (what, first, (held, posted)) in classes() {
        let world = World::default();
        world.gets(&first, "00").gets(&later(&first), "00").leaves(2 * held, 2 * posted).replays();
        // What is sent again then is one of them.
        let repeat = world.decide(&later(&sent_later(&first)));
        assert!(repeat.repeat, "{what}");
        world.leaves(2 * held, 2 * posted);
    }
}

#[test]
fn a_repeat_sent_later_with_other_content_gets_94() {
    for (what, other) in [
        ("DE4", Request { amount_minor: 999, ..purchase(1) }),
        ("DE42", Request { merchant: *b"MERCHANT0000002", ..purchase(1) }),
        ("DE49", Request { currency: 978, ..purchase(1) }),
    ] {
        for [one, two] in [[purchase(1), sent_later(&other)], [sent_later(&purchase(1)), other]] {
            let world = World::default();
            let answer = world.gets(&one, "00").decide(&two);
            assert_eq!((answer.code.as_str(), answer.refusal), ("94", Refusal::DuplicateKey), "{what}");
            world.leaves(1_000, 0).replays();
        }
    }
}

#[test]
fn whatever_became_of_it_meanwhile_the_answer_is_the_stored_one() {
    let repeat = sent_later(&purchase(1));
    let reversed = || {
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&reversal_of(&purchase(1), 2), "00");
        (world, "00", (0, 0))
    };
    let completed = || {
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&completion_of(&purchase(1), 2, 700), "00");
        (world, "00", (0, 700))
    };
    let ran_out = || {
        let world = World::default();
        world.gets(&purchase(1), "00").later(AUTHORIZATION_DAYS * DAY_US).expire();
        (world, "00", (0, 0))
    };
    let undone = || {
        let world = World::default();
        let decided = world.decide(&purchase(1));
        assert!(world.desk.undo(decided.key, NOON, &world.sink));
        (world, "91", (0, 0))
    };
    let declined = || {
        let world = World::default();
        world.decide_at(&purchase(1), Lateness::TooLate);
        (world, "91", (0, 0))
    };
    for (world, code, (held, posted)) in [reversed(), completed(), ran_out(), undone(), declined()] {
        for lateness in [Lateness::InTime, Lateness::TooLate] {
            let answer = world.decide_at(&repeat, lateness);
            assert_eq!((answer.code.as_str(), answer.repeat), (code, true));
        }
        world.leaves(held, posted).replays();
    }
}

#[test]
fn de90_finds_the_original_by_the_time_of_any_of_its_messages() {
    for (what, first, _) in classes().into_iter().filter(|(_, first, _)| first.operation.is_debit()) {
        let again = sent_later(&first);
        for order in [vec![first, again], vec![again, first], vec![again]] {
            for named in [first, again] {
                for mti in [first.mti, again.mti] {
                    let world = World::default();
                    world.gets_all(&order, "00");
                    let reversal = later(&reversal_of(&Request { mti, ..named }, 9));
                    world
                        .gets(&Request { response: None, approval: [b' '; 6], ..reversal }, "00")
                        .leaves(0, 0);
                    assert_eq!(
                        world.sink.records().last().unwrap().discrepancy.differs,
                        Differs::Nothing,
                        "{what}"
                    );
                    world.replays();
                }
            }
        }
    }
}

#[test]
fn a_stand_in_advice_with_a_time_of_its_own_replaces_our_answer() {
    for (request, posts) in [(purchase(1), false), (sale(1), true)] {
        let leaves = |minor| if posts { (0, minor) } else { (minor, 0) };
        let (advice, declined) = (later(&advice_of(&request, b"00")), later(&advice_of(&request, b"05")));
        let smaller = Request { amount_minor: 700, ..advice };
        for (one, minor) in [(advice, 1_000), (smaller, 700), (declined, 0), (sent_later(&advice), 1_000)] {
            let (held, posted) = leaves(minor);
            let world = World::default();
            world.gets(&request, "00").gets(&one, "00").leaves(held, posted);
            world.gets(&sent_later(&one), "00").gets(&one, "00").leaves(held, posted).replays();
            // Answered late here, decided there.
            let world = World::default();
            world.decide_at(&request, Lateness::TooLate);
            world.gets(&one, "00").leaves(held, posted).replays();
        }
        // The advice first: the request gets its answer.
        for answered in [(advice, "00"), (declined, "05"), (Request { amount_minor: 999, ..advice }, "94")] {
            let world = World::default();
            world.gets(&answered.0, "00").gets(&request, answered.1).gets(&request, answered.1);
            assert_eq!(world.spent_by(0).day_count, u32::from(answered.1 != "05"));
            world.replays();
        }
    }
}

#[test]
fn de90_says_which_of_two_a_stand_in_advice_is_of() {
    let [first, second] = [purchase(1), later(&purchase(1))];
    for named in [first, second] {
        let world = World::default();
        let decided = [world.decide(&first), world.decide(&second)];
        let advice = later(&later(&advice_of(&named, b"05")));
        let original = reversal_of(&named, 9).original;
        world.gets(&Request { original, ..advice }, "00").leaves(1_000, 0);
        let states = decided.map(|decided| world.state(&decided));
        let expected = if named.transmission == first.transmission {
            [State::Declined, State::Held]
        } else {
            [State::Held, State::Declined]
        };
        assert_eq!(states, expected);
        world.replays();
    }
}

#[test]
fn a_completion_is_one_however_often_and_when_it_is_sent() {
    let with_key = Request { original: None, ..completion_of(&purchase(1), 1, 800) };
    for completion in [
        completion_of(&purchase(1), 2, 800),
        // Found by its reference, and by the trace number of its authorization.
        Request { original: None, ..completion_of(&purchase(1), 2, 800) },
        later(&with_key),
        Request { retrieval_reference: [b' '; 12], ..later(&with_key) },
    ] {
        let completion = Request { retrieval_reference: purchase(1).retrieval_reference, ..completion };
        for order in [[completion, sent_later(&completion)], [sent_later(&completion), completion]] {
            let world = World::default();
            world.gets(&purchase(1), "00").gets_all(&order, "00").leaves(0, 800).replays();
        }
    }
}

#[test]
fn an_increment_sent_later_adds_once() {
    let marks = Marks::INCREMENTAL;
    let original = reversal_of(&purchase(1), 9).original;
    let increment = Request { marks, original, amount_minor: 300, ..purchase(2) };
    for order in [[increment, sent_later(&increment)], [sent_later(&increment), increment]] {
        let world = World::default();
        world.gets(&purchase(1), "00").gets_all(&order, "00").leaves(1_300, 0);
        let reversal = reversal_of(&increment, 10);
        world.gets(&reversal, "00").leaves(1_000, 0).replays();
    }
}

#[test]
fn a_reversal_that_came_first_refuses_what_is_sent_later_too() {
    for (what, first, _) in classes().into_iter().filter(|(_, first, _)| first.kind.may_be_declined()) {
        let reversal = reversal_of(&first, 9);
        for original in
            [reversal.original, reversal.original.map(|known| Original { transmission: 0, ..known })]
        {
            // Its own times, or the original's.
            for reversal in [reversal, Request { local_time: 120_500, ..reversal }] {
                let world = World::default();
                world.gets(&later(&Request { original, ..reversal }), "00");
                for message in [sent_later(&first), first] {
                    let answer = world.decide(&message);
                    assert_eq!(
                        (answer.code.as_str(), answer.refusal),
                        ("94", Refusal::AlreadyReversed),
                        "{what}"
                    );
                }
                world.gets(&sent_later(&advice_of(&first, b"00")), "00").leaves(0, 0).replays();
            }
        }
    }
}

#[test]
fn names_outlive_a_restart_from_the_records_and_from_a_snapshot() {
    for (what, first, (held, posted)) in classes() {
        for (one, other) in [(first, sent_later(&first)), (sent_later(&first), first)] {
            let world = World::default();
            world.gets(&one, "00");
            let replayed = world.plan.build();
            world.sink.replay_into(&replayed, 0);
            for portfolio in [replayed, copy(&world)] {
                let desk = Desk::new(Arc::new(portfolio), Standing::plain(policy(), 1));
                let world = World { desk, ..World::default() };
                assert!(world.decide(&other).repeat, "{what}");
                world.leaves(held, posted);
            }
        }
    }
}

#[test]
fn a_link_with_a_key_without_de7_is_as_before() {
    let world = World::default().keyed_by(&[2, 11, 12, 13, 32]);
    world.gets(&purchase(1), "00").gets(&sent_later(&purchase(1)), "00").gets(&later(&purchase(1)), "00");
    world.leaves(1_000, 0);
    world.gets(&later(&reversal_of(&purchase(1), 9)), "00").leaves(0, 0).replays();
}

#[test]
fn a_completion_with_the_key_of_its_authorization_is_booked_once_however_it_is_sent_again() {
    for amount_minor in [1_000, 700] {
        let completion = Request { amount_minor, ..advice_of(&sale(1), b"00") };
        let again = sent_later(&completion);
        for [one, other] in [[completion, again], [again, completion], [repeat_of(&completion), again]] {
            let world = World::default();
            world.gets(&purchase(1), "00").gets(&one, "00").leaves(0, amount_minor);
            for message in [other, one, other, later(&again)] {
                world.gets(&message, "00").leaves(0, amount_minor);
            }
            world.replays();
        }
    }
    // What was given back stays given back.
    let (world, completion) = (World::default(), advice_of(&sale(1), b"00"));
    world.gets(&purchase(1), "00").gets(&completion, "00").gets(&reversal_of(&sale(1), 2), "00");
    world.leaves(0, 0).gets(&sent_later(&completion), "00").leaves(0, 0).replays();
}
