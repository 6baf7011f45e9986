//! What comes again and says something else: another time or place, another amount, another purpose. Nothing is booked a second
//! time, and nobody is told that it was.

use crate::support::*;
use authswitch::message::{Marks, Original, Refusal, Request};
use authswitch::portfolio::{Differs, State};

fn last_differs(world: &World) -> (Differs, i64, i64) {
    let discrepancy = world.sink.records().last().unwrap().discrepancy;
    (discrepancy.differs, discrepancy.ours_minor, discrepancy.theirs_minor)
}

#[test]
fn a_known_key_with_anything_else_gets_94() {
    for (first, left) in [(purchase(1), (1_000, 0)), (sale(1), (0, 1_000))] {
        for (field, other) in [
            ("DE3", Request { processing_code: first.processing_code + 10, ..first }),
            ("DE4", Request { amount_minor: 999, ..first }),
            ("DE12", Request { local_time: 120_100, ..first }),
            ("DE13", Request { local_date: 1_123, ..first }),
            ("DE37", Request { retrieval_reference: *b"OTHER0000001", ..first }),
            ("DE41", Request { terminal: *b"TERM0002", ..first }),
            ("DE42", Request { merchant: *b"MERCHANT0000002", ..first }),
            ("DE49", Request { currency: 978, ..first }),
        ] {
            for other in [other, repeat_of(&other)] {
                let world = World::default();
                let answer = world.gets(&first, "00").decide(&other);
                let said = (answer.code.as_str(), answer.refusal, answer.repeat);
                assert_eq!(said, ("94", Refusal::DuplicateKey, false), "{field}");
                assert_eq!(world.sink.records().last().unwrap().refusal, Refusal::DuplicateKey, "{field}");
                world.leaves(left.0, left.1).gets(&repeat_of(&first), "00").leaves(left.0, left.1).replays();
            }
        }
    }
}

#[test]
fn a_known_key_that_leaves_something_out_gets_the_stored_answer() {
    for (field, part) in [
        ("DE12, 13", Request { local_time: 0, local_date: 0, ..purchase(1) }),
        ("DE37", Request { retrieval_reference: [b' '; 12], ..purchase(1) }),
        ("DE41", Request { terminal: [b' '; 8], ..purchase(1) }),
        ("DE42", Request { merchant: [b' '; 15], ..purchase(1) }),
    ] {
        for [one, other] in [[purchase(1), part], [part, purchase(1)]] {
            let world = World::default();
            let first = world.decide(&one);
            let again = world.decide(&repeat_of(&other));
            assert!(again.repeat, "{field}");
            assert_eq!((again.code, again.approval), (first.code, first.approval), "{field}");
            world.leaves(1_000, 0).replays();
        }
    }
}

/// Terminals send no DE7.
fn of_terminal(request: &Request) -> Request {
    Request { transmission: 0, acquirer: 0, ..*request }
}

#[test]
fn without_de7_time_and_terminal_name_a_transaction() {
    for (first, left) in [(purchase(1), (1_000, 0)), (sale(1), (0, 1_000))] {
        let first = of_terminal(&first);
        let reversal = of_terminal(&reversal_of(&first, first.stan));
        for other in [
            Request { local_time: 120_100, ..first },
            Request { local_date: 1_123, ..first },
            Request { terminal: *b"TERM0002", ..first },
        ] {
            let world = World::default();
            let decided = [world.decide(&first), world.decide(&other)];
            assert!(decided.iter().all(|decided| decided.code.as_str() == "00" && !decided.repeat));
            world.leaves(2 * left.0, 2 * left.1);
            for again in [first, repeat_of(&first), other, repeat_of(&other)] {
                assert!(world.decide(&again).repeat);
            }
            // The reversal says which of them.
            world.gets(&Request { original: None, ..reversal }, "00").leaves(left.0, left.1).replays();
            assert_eq!(world.state(&decided[0]), State::Reversed);
        }
        // As much of DE90 as a terminal knows, or nothing.
        for original in [
            None,
            Some(Original { mti: first.mti.bcd(), stan: first.stan, transmission: 0, acquirer: 0 }),
            Some(Original { mti: first.mti.bcd(), stan: 0, transmission: 0, acquirer: 0 }),
        ] {
            let world = World::default();
            let reversal = Request { original, approval: [b' '; 6], ..reversal };
            world.gets(&first, "00").gets(&reversal, "00").leaves(0, 0);
            world.gets(&repeat_of(&reversal), "00").gets(&repeat_of(&first), "00").leaves(0, 0).replays();
        }
    }
}

#[test]
fn an_advice_that_says_something_else_the_second_time_is_recorded_and_books_nothing() {
    for (advice, left) in
        [(advice_of(&purchase(1), b"00"), (1_000, 0)), (advice_of(&sale(1), b"00"), (0, 1_000))]
    {
        for with_request in [false, true] {
            for (what, other, theirs) in [
                ("amount", Request { amount_minor: 700, ..advice }, 700),
                ("declined", with_code(&advice, b"05"), 1_000),
            ] {
                for other in [other, repeat_of(&other), later(&repeat_of(&other))] {
                    let world = World::default();
                    if with_request {
                        let mti = mti(advice.mti.bcd() & 0xff0f);
                        let request = if mti.class() == 1 { purchase(1) } else { sale(1) };
                        world.gets(&request, "00");
                    }
                    world.gets(&advice, "00").leaves(left.0, left.1);
                    let answer = world.decide(&other);
                    assert_eq!(
                        (answer.code.as_str(), answer.differs),
                        ("00", Differs::AdviceRepeat),
                        "{what}"
                    );
                    assert_eq!(last_differs(&world), (Differs::AdviceRepeat, 1_000, theirs), "{what}");
                    let records = world.sink.records().len();
                    world.gets(&advice, "00").gets(&later(&repeat_of(&advice)), "00");
                    assert_eq!(world.sink.records().len(), records, "{what}: as it was said first");
                    world.leaves(left.0, left.1).replays();
                }
            }
        }
    }
}

#[test]
fn a_completion_repeated_with_another_amount_is_recorded() {
    let by_key = Request { original: None, ..completion_of(&purchase(1), 1, 800) };
    for completion in [completion_of(&purchase(1), 2, 800), by_key] {
        let other = repeat_of(&Request { amount_minor: 900, ..completion });
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&completion, "00").gets(&repeat_of(&completion), "00");
        assert_eq!(last_differs(&world).0, Differs::Nothing);
        world.gets(&other, "00").leaves(0, 800);
        assert_eq!(last_differs(&world), (Differs::AdviceRepeat, 800, 900));
        world.gets(&later(&other), "00").leaves(0, 800);
        assert_eq!(last_differs(&world), (Differs::AdviceRepeat, 800, 900));
        world.replays();
    }
}

#[test]
fn what_became_of_an_advised_transaction_meanwhile_is_no_other_content() {
    let advice = advice_of(&purchase(1), b"00");
    let undone = |world: &World| {
        world.gets(&reversal_of(&purchase(1), 2), "00");
    };
    let in_part = |world: &World| {
        world.gets(&partial_reversal_of(&purchase(1), 2, 400), "00");
    };
    let completed = |world: &World| {
        world.gets(&completion_of(&purchase(1), 2, 600), "00");
    };
    let by_key = |world: &World| {
        world.gets(&Request { original: None, ..completion_of(&purchase(1), 1, 600) }, "00");
    };
    let ran_out = |world: &World| {
        world.later(AUTHORIZATION_DAYS * DAY_US).expire();
    };
    let ways: [&dyn Fn(&World); 5] = [&undone, &in_part, &completed, &by_key, &ran_out];
    for (number, way) in ways.iter().enumerate() {
        for with_request in [false, true] {
            let world = World::default();
            if with_request {
                world.gets(&purchase(1), "00");
            }
            world.gets(&advice, "00");
            way(&world);
            for again in [advice, repeat_of(&advice), later(&repeat_of(&advice))] {
                assert_eq!(world.decide(&again).differs, Differs::Nothing, "way {number}, {with_request}");
            }
            world.replays();
        }
    }
}

#[test]
fn each_of_several_completions_finds_the_rest_of_the_authorization_by_its_reference() {
    let authorization = Request { preauthorization: true, ..purchase(1) };
    let completion = |stan: u32, amount_minor: i64, marks: Marks| Request {
        marks,
        original: None,
        retrieval_reference: authorization.retrieval_reference,
        ..completion_of(&authorization, stan, amount_minor)
    };
    let several = Marks::SEVERAL;
    let world = World::default();
    let hold = world.decide(&authorization);
    for (stan, amount, marks, (held, posted)) in [
        (2, 300, several, (700, 300)),
        (3, 200, several, (500, 500)),
        (4, 100, several.with(Marks::LAST), (0, 600)),
    ] {
        world.gets(&completion(stan, amount, marks), "00").leaves(held, posted);
        world.gets(&later(&repeat_of(&completion(stan, amount, marks))), "00").leaves(held, posted);
        assert_eq!(last_differs(&world).0, Differs::Nothing, "{stan}");
    }
    assert_eq!(world.state(&hold), State::Completed);
    // After the last one nothing is authorized.
    world.gets(&completion(5, 50, several), "00").leaves(0, 650);
    assert_eq!(last_differs(&world), (Differs::OverTolerance, 0, 50));
    world.replays();
}

#[test]
fn a_completion_by_reference_leaves_another_merchants_hold_alone() {
    let other = Request {
        retrieval_reference: purchase(1).retrieval_reference,
        merchant: *b"MERCHANT0000002",
        ..purchase(2)
    };
    let completion = Request {
        original: None,
        retrieval_reference: purchase(1).retrieval_reference,
        ..completion_of(&purchase(1), 3, 1_000)
    };
    let world = World::default();
    world.gets(&other, "00").gets(&purchase(1), "00").gets(&completion, "00").leaves(1_000, 1_000);
    world.gets(&Request { stan: 4, ..completion }, "00").leaves(1_000, 2_000).replays();
}

#[test]
fn a_repeat_of_another_purpose_gets_94_where_time_or_reference_tell_that_it_is_the_same() {
    for (first, left) in [(purchase(1), (1_000, 0)), (sale(1), (0, 1_000))] {
        let other = later(&repeat_of(&Request { processing_code: first.processing_code + 10, ..first }));
        let bare = |request: &Request| Request {
            local_time: 0,
            local_date: 0,
            retrieval_reference: [b' '; 12],
            ..*request
        };
        let timed = |request: &Request| Request { retrieval_reference: [b' '; 12], ..*request };
        for [one, two] in [[first, other], [timed(&first), timed(&other)]] {
            let world = World::default();
            let answer = world.gets(&one, "00").decide(&two);
            assert_eq!((answer.code.as_str(), answer.refusal), ("94", Refusal::DuplicateKey));
            world.leaves(left.0, left.1).replays();
        }
        let world = World::default();
        world.gets(&bare(&first), "00").gets(&bare(&other), "00").leaves(2 * left.0, 2 * left.1).replays();
    }
}

#[test]
fn of_two_with_one_trace_number_the_one_of_equal_content_is_meant() {
    let bare = |request: Request| Request {
        local_time: 0,
        local_date: 0,
        retrieval_reference: [b' '; 12],
        ..request
    };
    for (field, other) in [
        ("DE4", Request { amount_minor: 300, ..purchase(1) }),
        ("DE42", Request { merchant: *b"MERCHANT0000002", ..purchase(1) }),
        ("DE49", Request { currency: 826, ..purchase(1) }),
    ] {
        let [one, two] = [bare(purchase(1)), later(&bare(other))];
        for order in [[one, two], [two, one]] {
            let world = World::trusting();
            let decided = order.map(|request| world.decide(&request));
            for (request, first) in order.iter().zip(&decided) {
                let again = world.decide(&later(&later(&repeat_of(request))));
                assert_eq!((again.code, again.key, again.repeat), (first.code, first.key, true), "{field}");
            }
            world.replays();
        }
    }
}

#[test]
fn a_reversal_that_knew_its_original_by_reference_alone_stops_the_stand_in_advice_too() {
    for (request, code) in [(purchase(1), b"00"), (sale(1), b"00"), (purchase(1), b"05")] {
        let zeros = Original { mti: request.mti.bcd(), stan: 0, transmission: 0, acquirer: 0 };
        let reversal = Request {
            original: Some(zeros),
            approval: [b' '; 6],
            retrieval_reference: request.retrieval_reference,
            ..reversal_of(&request, 9)
        };
        let advice = advice_of(&request, code);
        for advice in [advice, later(&advice), later(&repeat_of(&advice))] {
            let world = World::default();
            world.gets(&reversal, "00").gets(&advice, "00").leaves(0, 0);
            world.gets(&later(&repeat_of(&advice)), "00").leaves(0, 0);
            world.gets(&request, "94").leaves(0, 0).replays();
        }
        // Of another amount or another place it is another.
        for other in [Request { amount_minor: 700, ..advice }, Request { terminal: *b"TERM0002", ..advice }] {
            let world = World::default();
            world.gets(&reversal, "00").gets(&other, "00");
            let money = (world.account(0).held_minor, world.account(0).posted_minor);
            assert_eq!(money != (0, 0), code == b"00");
            world.replays();
        }
    }
}

#[test]
fn a_completion_is_money_although_its_authorization_was_reversed_before() {
    let zeros = Original { mti: 0x0100, stan: 0, transmission: 0, acquirer: 0 };
    for original in [None, Some(zeros)] {
        let reversal = Request {
            original,
            approval: [b' '; 6],
            retrieval_reference: purchase(1).retrieval_reference,
            ..reversal_of(&purchase(1), 9)
        };
        let completion = Request { original: None, ..completion_of(&purchase(1), 3, 1_000) };
        let completion = Request { retrieval_reference: purchase(1).retrieval_reference, ..completion };
        let world = World::default();
        world.gets(&reversal, "00").gets(&completion, "00").leaves(0, 1_000).replays();
    }
}

#[test]
fn a_completion_with_the_key_of_its_authorization_and_a_time_of_its_own_is_booked_once() {
    let completion =
        Request { amount_minor: 700, local_time: 180_000, local_date: 1_123, ..advice_of(&sale(1), b"00") };
    let again = later(&repeat_of(&completion));
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&completion, "00").leaves(0, 700);
    for message in [again, repeat_of(&completion), later(&again)] {
        world.gets(&message, "00").leaves(0, 700);
    }
    world.replays();
}

#[test]
fn a_reversal_by_reference_may_give_the_sum_of_an_authorization_and_its_increments() {
    let marks = Marks::INCREMENTAL;
    let reference = purchase(1).retrieval_reference;
    let increment = |stan: u32, amount_minor: i64| Request {
        marks,
        amount_minor,
        retrieval_reference: reference,
        original: reversal_of(&purchase(1), 9).original,
        ..purchase(stan)
    };
    let zeros = Original { mti: 0x0100, stan: 0, transmission: 0, acquirer: 0 };
    let reversal = |amount_minor: i64| Request {
        amount_minor,
        original: Some(zeros),
        approval: [b' '; 6],
        retrieval_reference: reference,
        ..reversal_of(&purchase(1), 9)
    };
    for (amount_minor, held) in [(1_800, 0), (300, 1_500), (500, 1_300)] {
        let world = World::default();
        world.gets_all(&[purchase(1), increment(2, 300), increment(3, 500)], "00").leaves(1_800, 0);
        world.gets(&reversal(amount_minor), "00").leaves(held, 0).replays();
    }
}

#[test]
fn an_advice_of_another_class_with_a_known_key_is_one_however_it_is_sent_again() {
    let advice = advice_of(&purchase(1), b"00");
    let world = World::default();
    world.gets(&sale(1), "00").gets(&advice, "00");
    let money = (world.account(0).held_minor, world.account(0).posted_minor);
    assert_eq!(money.0 + money.1, 1_000);
    for again in [repeat_of(&advice), later(&repeat_of(&advice))] {
        world.gets(&again, "00").leaves(money.0, money.1);
    }
    world.replays();
}
