//! Several messages of one purchase, or of two, that share what names them: a completion with its authorization's key or trace
//! number, increments with it, references that merchants use alike. Each is booked once, and each reversal finds its own.

use crate::support::*;
use authswitch::message::{Marks, Operation, Original, Request};
use authswitch::portfolio::Differs;

fn last_differs(world: &World) -> Differs {
    world.sink.records().last().unwrap().discrepancy.differs
}

/// A completion of purchase 1 with its STAN, and its key unless sent later.
fn by_key(amount_minor: i64) -> Request {
    Request { amount_minor, original: None, ..completion_of(&purchase(1), 1, amount_minor) }
}

fn several(message: &Request) -> Request {
    Request { marks: message.marks.with(Marks::SEVERAL), ..*message }
}

/// DE90 as far as it is known.
fn names(mti: u16, stan: u32) -> Option<Original> {
    Some(Original { mti, stan, transmission: 0, acquirer: 0 })
}

fn reversal(stan: u32, amount_minor: i64, original: Option<Original>) -> Request {
    let reference = purchase(1).retrieval_reference;
    Request {
        amount_minor,
        original,
        retrieval_reference: reference,
        ..later(&reversal_of(&purchase(1), stan))
    }
}

#[test]
fn a_completion_of_what_was_approved_in_part_is_posted_once() {
    let partial = Request { marks: Marks::PARTIAL, amount_minor: FUNDS + 5_000, ..purchase(1) };
    for amount_minor in [FUNDS, 2_500] {
        for own_time in [false, true] {
            let again = sent_later(&by_key(amount_minor));
            let again = if own_time { Request { local_time: 180_000, ..again } } else { again };
            let world = World::default();
            world.gets(&partial, "10").gets(&by_key(amount_minor), "00").leaves(0, amount_minor);
            world.gets(&again, "00").gets(&later(&again), "00").leaves(0, amount_minor);
            assert_eq!(last_differs(&world), Differs::Nothing);
            world.replays();
        }
    }
}

#[test]
fn one_of_several_completions_is_posted_once_in_both_orders() {
    for amount_minor in [400, 1_000] {
        let (first, again) = (several(&by_key(amount_minor)), sent_later(&several(&by_key(amount_minor))));
        // What comes with the authorization's key ends its hold: the rest needs a key of its own.
        for (order, held) in [([first, again], 0), ([again, first], 1_000 - amount_minor)] {
            let world = World::default();
            world.gets(&purchase(1), "00").gets_all(&order, "00").leaves(held, amount_minor);
            world.gets(&again, "00").gets(&first, "00").leaves(held, amount_minor).replays();
        }
    }
}

#[test]
fn several_completions_with_one_trace_number_are_told_by_their_amounts() {
    let (one, other) = (several(&by_key(600)), later(&several(&by_key(400))));
    for order in [
        // The second's first sending was lost, or the first's.
        vec![one, sent_later(&other)],
        vec![sent_later(&one), later(&other)],
        vec![sent_later(&one), later(&other), later(&sent_later(&other)), one],
    ] {
        let world = World::default();
        world.gets(&purchase(1), "00").gets_all(&order, "00").leaves(0, 1_000).replays();
    }
}

#[test]
fn an_increment_with_its_authorizations_trace_number_adds() {
    let add = |request: Request, amount_minor: i64| Request {
        marks: Marks::INCREMENTAL,
        amount_minor,
        transmission: request.transmission + 5_000,
        ..request
    };
    let original = reversal_of(&purchase(1), 9).original;
    for own_time in [false, true] {
        for named in [None, original] {
            for amount_minor in [500, 1_000] {
                let timed = |request: Request| match own_time {
                    true => Request { original: named, local_time: 130_000, ..request },
                    false => Request { original: named, ..request },
                };
                let request = timed(add(purchase(1), amount_minor));
                let advice = advice_of(&request, b"00");
                for order in [
                    vec![request],
                    vec![sent_later(&request)],
                    vec![request, sent_later(&request)],
                    vec![sent_later(&request), request],
                    vec![advice],
                    vec![advice, sent_later(&advice)],
                    vec![request, advice],
                ] {
                    for first in [purchase(1), sent_later(&later(&purchase(1)))] {
                        let world = World::default();
                        world.gets(&first, "00").gets_all(&order, "00");
                        let differs = format!("{own_time} {named:?} {amount_minor} {order:?}");
                        assert_eq!(world.account(0).held_minor, 1_000 + amount_minor, "{differs}");
                        world.gets(&sent_later(&purchase(1)), "00");
                        world.leaves(1_000 + amount_minor, 0).replays();
                    }
                }
            }
        }
    }
}

#[test]
fn de90s_type_says_which_of_two_with_one_key_is_reversed() {
    let completion = by_key(800);
    let of_completion = reversal_of(&Request { amount_minor: 800, ..sale(1) }, 9);
    let of_completion = Request {
        original: of_completion.original.map(|known| Original { mti: 0x0220, ..known }),
        amount_minor: 800,
        ..of_completion
    };
    // The completion has another key, since its first sending was lost.
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&sent_later(&completion), "00").gets(&of_completion, "00");
    world.leaves(0, 0).gets(&sent_later(&of_completion), "00").leaves(0, 0).replays();
    // The authorization has.
    for remains in [0, 700] {
        let of_authorization = Request {
            replacement_minor: Some(remains).filter(|remains| *remains > 0),
            ..reversal_of(&purchase(1), 9)
        };
        let world = World::default();
        world.gets(&sent_later(&purchase(1)), "00").gets(&completion, "00").leaves(0, 800);
        world.gets(&of_authorization, "00").leaves(0, 800).replays();
        let world = World::default();
        world.gets(&sent_later(&purchase(1)), "00").gets(&of_authorization, "00").gets(&completion, "00");
        let posted = world.account(0).posted_minor;
        world.gets(&sent_later(&of_authorization), "00");
        assert_eq!((world.account(0).posted_minor, posted), (800, 800), "a repeat moves nothing");
        world.replays();
    }
}

#[test]
fn a_completion_with_its_authorizations_key_is_reversed_by_as_much_as_de90_knows() {
    let completion = by_key(800);
    for sent_twice in [false, true] {
        for original in [
            names(0x0220, 0),
            names(0x0220, 1),
            names(0x0220, 1).map(|known| Original { transmission: later(&completion).transmission, ..known }),
        ] {
            let world = World::default();
            world.gets(&purchase(1), "00").gets(&completion, "00");
            if sent_twice {
                world.gets(&sent_later(&completion), "00");
            }
            world.gets(&reversal(9, 800, original), "00").leaves(0, 0).replays();
        }
    }
}

#[test]
fn two_reversals_with_one_trace_number_are_two() {
    let increment = Request { marks: Marks::INCREMENTAL, amount_minor: 500, ..later(&purchase(1)) };
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&increment, "00").leaves(1_500, 0);
    world.gets(&reversal(9, 500, names(0x0100, 0)), "00").leaves(1_000, 0);
    world.gets(&sent_later(&reversal(9, 500, names(0x0100, 0))), "00").leaves(1_000, 0);
    world.gets(&reversal(9, 1_000, names(0x0100, 0)), "00").leaves(0, 0).replays();
    // Of the authorization, then of a completion that came after it.
    let completion = Request { amount_minor: 700, ..later(&by_key(700)) };
    for original in [names(0x0220, 1), names(0x0220, 0)] {
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&reversal(9, 1_000, names(0x0100, 1)), "00").leaves(0, 0);
        world.gets(&completion, "00").leaves(0, 700);
        world.gets(&reversal(9, 700, original), "00").leaves(0, 0).replays();
    }
}

#[test]
fn a_reference_leads_to_no_other_merchant_or_acquirer() {
    let reference = purchase(1).retrieval_reference;
    for (field, elsewhere) in [
        ("DE42", Request { merchant: *b"MERCHANT0000002", ..purchase(1) }),
        ("DE32", Request { acquirer: 9, ..purchase(1) }),
    ] {
        let completion = Request {
            original: None,
            retrieval_reference: reference,
            terminal: *b"TERM0002",
            ..completion_of(&elsewhere, 5, 500)
        };
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&completion, "00").leaves(1_000, 500);
        assert_eq!(last_differs(&world), Differs::NoOriginal, "{field}");
        let increment = Request {
            marks: Marks::INCREMENTAL,
            amount_minor: 300,
            retrieval_reference: reference,
            ..Request { stan: 6, ..elsewhere }
        };
        world.gets(&increment, "00").gets(&reversal_of(&purchase(1), 9), "00").leaves(300, 500).replays();
    }
    // Zeros are no reference.
    let zeros = |request: Request| Request { retrieval_reference: *b"000000000000", ..request };
    let completion = Request { original: None, ..zeros(completion_of(&purchase(1), 5, 500)) };
    let world = World::default();
    world.gets(&zeros(purchase(1)), "00").gets(&completion, "00").leaves(1_000, 500).replays();
}

#[test]
fn a_completion_with_the_key_of_a_reversed_authorization_is_told_and_its_repeat_is_as_it() {
    for amount_minor in [800, 1_000] {
        let completion = by_key(amount_minor);
        let world = World::default();
        world.gets(&purchase(1), "00").gets(&reversal_of(&purchase(1), 9), "00");
        world.gets(&completion, "00").leaves(0, 0);
        let discrepancy = world.sink.records().last().unwrap().discrepancy;
        let told = (discrepancy.differs, discrepancy.ours_minor, discrepancy.theirs_minor);
        assert_eq!(told, (Differs::ApprovedThere, 0, amount_minor));
        for again in [repeat_of(&completion), sent_later(&completion)] {
            world.gets(&again, "00").leaves(0, 0);
        }
        world.replays();
    }
}

#[test]
fn a_request_that_its_advice_told_otherwise_gets_94() {
    let refund = Request { operation: Operation::Credit, processing_code: REFUND, ..sale(1) };
    for first in [purchase(1), sale(1)] {
        for (field, other) in [
            ("DE3", Request { processing_code: first.processing_code + 10, ..first }),
            ("DE12", Request { local_time: 120_100, ..first }),
            ("DE13", Request { local_date: 1_123, ..first }),
            ("DE41", Request { terminal: *b"TERM0002", ..first }),
            ("DE49", Request { currency: 978, ..first }),
        ] {
            let advice = advice_of(&first, b"00");
            let world = World::default();
            world.gets(&advice, "00").gets(&other, "94").gets(&first, "00").gets(&other, "94");
            let money = world.account(0);
            assert_eq!(money.held_minor + money.posted_minor, 1_000, "{field}");
            world.gets(&repeat_of(&first), "00").replays();
        }
    }
    let world = World::default();
    world.gets(&advice_of(&refund, b"00"), "00").gets(&sale(1), "94").leaves(0, -1_000).replays();
}

#[test]
fn a_late_original_finds_its_repeat_though_the_completion_has_its_key() {
    for amount_minor in [800, 1_000] {
        let world = World::default();
        let first = world.decide(&sent_later(&purchase(1)));
        world.gets(&by_key(amount_minor), "00").leaves(0, amount_minor);
        for late in [purchase(1), repeat_of(&purchase(1))] {
            let answer = world.decide(&late);
            assert_eq!((answer.code, answer.approval, answer.repeat), (first.code, first.approval, true));
        }
        world.leaves(0, amount_minor).replays();
    }
}

#[test]
fn a_completion_with_an_increments_key_is_posted_once() {
    let original = reversal_of(&purchase(1), 9).original;
    let increment = Request { marks: Marks::INCREMENTAL, amount_minor: 500, original, ..purchase(2) };
    let completion = Request { amount_minor: 1_500, original: None, ..completion_of(&increment, 2, 1_500) };
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&increment, "00").gets(&completion, "00").leaves(0, 1_500);
    for again in [repeat_of(&completion), sent_later(&completion)] {
        world.gets(&again, "00").leaves(0, 1_500);
    }
    world.replays();
}

#[test]
fn a_reversal_by_reference_releases_what_is_of_its_kind_and_amount() {
    let reference = purchase(1).retrieval_reference;
    let refund = Request {
        operation: Operation::Credit,
        processing_code: REFUND,
        retrieval_reference: reference,
        ..sale(2)
    };
    let of_refund = Request { processing_code: REFUND, ..reversal(9, 1_000, names(0x0200, 0)) };
    let world = World::default();
    world.gets(&sale(1), "00").gets(&of_refund, "00").leaves(0, 1_000);
    assert_eq!(last_differs(&world), Differs::ReversalAmbiguous);
    let world = World::default();
    world.gets(&sale(1), "00").gets(&refund, "00").gets(&of_refund, "00").leaves(0, 1_000).replays();
    // What a completion left of it.
    let completion = several(&Request {
        original: reversal_of(&purchase(1), 9).original,
        ..completion_of(&purchase(1), 5, 300)
    });
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&completion, "00").leaves(700, 300);
    world.gets(&reversal(9, 700, names(0x0100, 0)), "00").leaves(0, 300).replays();
}
