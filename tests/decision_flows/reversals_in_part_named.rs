//! Reversals whose sender never had an answer: DE90 in part or not at all, no DE38. What agrees in all that both say and is the
//! only open one is released; else nothing is, and the record says so.

use crate::support::*;
use authswitch::message::{Marks, Original, Refusal, Request};
use authswitch::portfolio::{Differs, State};

/// A time-out reversal: DE7 and DE11 of its own, the DE37 and all else of the original; DE90 as known.
fn timeout_of(request: &Request, original: Option<Original>) -> Request {
    let reversal = reversal_of(request, 90);
    let transmission = request.transmission + 60;
    Request { original, transmission, response: None, approval: [b' '; 6], ..reversal }
}

fn mti_alone(request: &Request) -> Option<Original> {
    Some(Original { mti: request.mti.bcd(), ..Original::default() })
}

/// Every way to know only a part of the original.
fn parts_of(request: &Request) -> [Option<Original>; 6] {
    let whole = reversal_of(request, 90).original;
    let part = |part: fn(Original) -> Original| whole.map(part);
    [
        None,
        mti_alone(request),
        part(|whole| Original { transmission: 0, acquirer: 0, ..whole }),
        part(|whole| Original { transmission: 0, mti: 0, ..whole }),
        part(|whole| Original { stan: 0, acquirer: 0, ..whole }),
        part(|whole| Original { mti: 0, acquirer: 0, ..whole }),
    ]
}

#[track_caller]
fn says(world: &World) -> Differs {
    world.sink.records().last().unwrap().discrepancy.differs
}

#[test]
fn what_agrees_in_all_and_is_the_only_open_one_is_released() {
    for request in [purchase(1), sale(1)] {
        for original in parts_of(&request) {
            let whole = timeout_of(&request, original);
            let none = [b' '; 12];
            for reversal in [
                whole,
                Request { local_time: 0, local_date: 0, ..whole },
                Request { amount_minor: 0, currency: 0, processing_code: 0, ..whole },
                Request { terminal: [b' '; 8], merchant: [b' '; 15], acquirer: 0, ..whole },
            ] {
                let world = World::default();
                let decided = world.decide(&request);
                let answer = world.decide(&reversal);
                assert_eq!((answer.code.as_str(), answer.differs), ("00", Differs::Nothing), "{original:?}");
                world.leaves(0, 0);
                assert_eq!(world.state(&decided), State::Reversed);
                // Its repeats find the same.
                let records = world.sink.records().len();
                let later = Request { transmission: reversal.transmission + 60, ..repeat_of(&reversal) };
                for again in [reversal, repeat_of(&reversal), later] {
                    assert!(world.decide(&again).repeat, "{original:?}");
                }
                assert_eq!(world.sink.records().len(), records);
                world.replays();
            }
            // The network's own reference instead of DE37.
            let trace = *b"NETWORK REF 0001";
            let world = World::default();
            world.gets(&Request { trace, ..request }, "00");
            world.gets(&Request { trace, retrieval_reference: none, ..whole }, "00").leaves(0, 0).replays();
        }
    }
}

#[test]
fn a_partial_one_leaves_what_de95_says_if_that_is_less() {
    for (remains, held) in [(600, 600), (999, 999), (1_000, 1_000), (2_000, 1_000)] {
        let world = World::default();
        let reversal = timeout_of(&purchase(1), mti_alone(&purchase(1)));
        world.gets(&purchase(1), "00").gets(&Request { replacement_minor: Some(remains), ..reversal }, "00");
        world.leaves(held, 0);
        assert_eq!(says(&world), if remains < 1_000 { Differs::Nothing } else { Differs::ReversalAmbiguous });
    }
}

#[test]
fn one_disagreement_releases_nothing_and_is_told() {
    let whole = timeout_of(&purchase(1), mti_alone(&purchase(1)));
    for (field, reversal) in [
        ("DE4", Request { amount_minor: 999, ..whole }),
        ("DE12", Request { local_time: 120_500, ..whole }),
        ("DE13", Request { local_date: 1_123, ..whole }),
        ("DE32", Request { acquirer: 9, ..whole }),
        ("DE38", Request { approval: *b"OTHER1", ..whole }),
        ("DE41", Request { terminal: *b"TERM0002", ..whole }),
        ("DE42", Request { merchant: *b"MERCHANT0000002", ..whole }),
        ("DE49", Request { currency: 978, ..whole }),
        ("DE90: MTI", Request { original: mti_alone(&sale(1)), ..whole }),
        ("DE90: DE11", Request { original: parts_of(&purchase(2))[2], ..whole }),
        (
            "DE90: DE7",
            Request {
                original: Some(Original { transmission: 1_101_000_000, ..Original::default() }),
                ..whole
            },
        ),
        (
            "DE90: DE32",
            Request { original: mti_alone(&purchase(1)).map(|mti| Original { acquirer: 9, ..mti }), ..whole },
        ),
    ] {
        let world = World::default();
        let answer = world.gets(&purchase(1), "00").decide(&reversal);
        assert_eq!(answer.code.as_str(), "00", "{field}");
        assert_eq!(
            (answer.differs, says(&world)),
            (Differs::ReversalAmbiguous, Differs::ReversalAmbiguous),
            "{field}"
        );
        assert_eq!(world.state(&answer), State::Tombstone, "{field}");
        world.leaves(1_000, 0);
        // Told once.
        let records = world.sink.records().len();
        let later = Request { transmission: reversal.transmission + 60, ..repeat_of(&reversal) };
        for again in [reversal, repeat_of(&reversal), later] {
            let answer = world.decide(&again);
            assert_eq!((answer.differs, answer.repeat), (Differs::Nothing, true), "{field}");
        }
        assert_eq!(world.sink.records().len(), records, "{field}");
        world.leaves(1_000, 0).replays();
    }
}

#[test]
fn an_approval_code_is_evidence_that_must_agree_too() {
    let world = World::default();
    let approval = world.decide(&purchase(1)).approval.unwrap();
    let reversal = Request { approval, ..timeout_of(&purchase(1), None) };
    world.gets(&Request { terminal: *b"TERM0002", stan: 91, ..reversal }, "00").leaves(1_000, 0);
    assert_eq!(says(&world), Differs::ReversalAmbiguous);
    world.gets(&reversal, "00").leaves(0, 0).replays();
}

#[test]
fn of_two_that_agree_none_is_released() {
    let reference = purchase(1).retrieval_reference;
    let second = Request { retrieval_reference: reference, ..purchase(2) };
    for original in [None, mti_alone(&second)] {
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&second, "00");
        world.gets(&timeout_of(&second, original), "00").leaves(2_000, 0);
        assert_eq!(says(&world), Differs::ReversalAmbiguous);
        // What tells them apart releases the right one.
        for part in [2, 5] {
            let named = Request { stan: 91, ..timeout_of(&second, parts_of(&second)[part]) };
            world.gets(&named, "00").leaves(1_000, 0);
        }
        world.gets(&reversal_of(&purchase(1), 93), "00").leaves(0, 0).replays();
    }
}

#[test]
fn a_reference_used_again_for_another_purchase_releases_the_one_that_agrees() {
    let reference = purchase(1).retrieval_reference;
    for second in [
        Request { amount_minor: 700, ..purchase(2) },
        Request { local_time: 130_000, ..purchase(2) },
        Request { terminal: *b"TERM0002", ..purchase(2) },
    ] {
        let second = Request { retrieval_reference: reference, ..second };
        for (meant, left) in [(purchase(1), second.amount_minor), (second, 1_000)] {
            let world = World::default();
            world
                .gets(&purchase(1), "00")
                .gets(&second, "00")
                .gets(&timeout_of(&meant, mti_alone(&meant)), "00");
            world.leaves(left, 0).replays();
            assert_eq!(says(&world), Differs::Nothing);
        }
        // One that is closed is none of two.
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&second, "00").gets(&reversal_of(&purchase(1), 80), "00");
        world.gets(&timeout_of(&second, None), "00").leaves(0, 0).replays();
    }
}

#[test]
fn one_ahead_of_its_original_leaves_an_older_purchase_alone_and_refuses_the_late_one() {
    let older = purchase(1);
    for late in [
        Request { amount_minor: 700, ..purchase(2) },
        Request { local_time: 130_000, ..purchase(2) },
        Request { terminal: *b"TERM0002", ..purchase(2) },
    ] {
        let late = Request { retrieval_reference: older.retrieval_reference, ..late };
        for original in parts_of(&late) {
            for before in [Some(older), None] {
                let world = World::default();
                let held = before.map_or(0, |older| world.gets(&older, "00").account(0).held_minor);
                let reversal = timeout_of(&late, original);
                let answer = world.decide(&reversal);
                let expected = match before {
                    Some(_) => Differs::ReversalAmbiguous,
                    None => Differs::ReversalNoOriginal,
                };
                assert_eq!((answer.code.as_str(), answer.differs), ("00", expected), "{original:?}");
                world.leaves(held, 0);
                let refused = world.decide(&late);
                assert_eq!(
                    (refused.code.as_str(), refused.refusal),
                    ("94", Refusal::AlreadyReversed),
                    "{original:?}"
                );
                let later = Request { transmission: late.transmission + 60, ..repeat_of(&late) };
                world.gets(&later, "94").gets(&repeat_of(&late), "94").leaves(held, 0).replays();
                // Another purchase of the card is none of it.
                world.gets(&purchase(7), "00").leaves(held + 1_000, 0);
            }
        }
    }
}

#[test]
fn a_reversal_of_what_was_never_seen_is_told_once() {
    for reversal in [
        reversal_of(&purchase(1), 2),
        timeout_of(&purchase(1), mti_alone(&purchase(1))),
        Request { pan: Some(pan(9)), ..timeout_of(&purchase(1), None) },
    ] {
        let world = World::default();
        let answer = world.decide(&reversal);
        assert_eq!((answer.code.as_str(), answer.differs), ("00", Differs::ReversalNoOriginal));
        let record = *world.sink.records().last().unwrap();
        let known = reversal.pan == Some(pan(0));
        assert_eq!(
            (record.discrepancy.ours_minor, record.discrepancy.theirs_minor),
            (0, if known { 1_000 } else { 0 })
        );
        let later = Request { transmission: reversal.transmission + 60, ..repeat_of(&reversal) };
        for again in [reversal, repeat_of(&reversal), later, Request { mti: mti(0x0421), ..later }] {
            let answer = world.decide(&again);
            assert_eq!((answer.differs, answer.repeat), (Differs::Nothing, true));
        }
        assert_eq!(world.sink.records().len(), 1);
        world.leaves(0, 0).replays();
    }
}

#[test]
fn of_a_hold_of_several_messages_the_amount_says_which_is_meant() {
    let root = Request { preauthorization: true, ..purchase(1) };
    let original = reversal_of(&root, 9).original;
    let reference = root.retrieval_reference;
    let shared = |request| Request { retrieval_reference: reference, ..request };
    let increment = shared(Request { marks: Marks::INCREMENTAL, original, amount_minor: 300, ..purchase(2) });
    let part = shared(Request { marks: Marks::SEVERAL, ..completion_of(&root, 3, 400) });
    let world = World::default();
    world.gets(&root, "00").gets(&increment, "00").leaves(1_300, 0);
    // Without an amount it may be either.
    world.gets(&Request { amount_minor: 0, stan: 91, ..timeout_of(&root, None) }, "00").leaves(1_300, 0);
    assert_eq!(says(&world), Differs::ReversalAmbiguous);
    world.gets(&timeout_of(&increment, None), "00").leaves(1_000, 0);
    world.gets(&part, "00").leaves(600, 400);
    // The rest of the authorization, then what was completed of it.
    world.gets(&Request { stan: 92, ..timeout_of(&root, mti_alone(&root)) }, "00").leaves(0, 400);
    let of_part =
        Request { stan: 94, ..timeout_of(&part, Some(Original { mti: 0x0220, ..Original::default() })) };
    world.gets(&of_part, "00").leaves(0, 0).replays();
}
