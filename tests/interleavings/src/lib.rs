//! Tasks that decide, complete, reverse, expire and copy at once, in thousands of orders of locking that shuttle chooses: none
//! of them waits for ever, money is conserved, and the journal's order tells the same story (I6, I8, I9).

#![cfg(test)]
#![allow(clippy::unwrap_used)]

#[path = "../../support/mod.rs"]
mod support;

mod world;

use authswitch::message::{Original, Request};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};
use world::World;

/// Orders tried of each scene, for each of the two ways to choose them.
const ORDERS: usize = 300;

fn orders() -> usize {
    std::env::var("INTERLEAVINGS").map_or(ORDERS, |text| text.parse().unwrap())
}

/// Plays a scene in many orders, by chance and by few changes of priority (which finds rarer ones).
fn explore(scene: fn(&World)) {
    let run = |scheduler: Box<dyn Scheduler + Send>| {
        let mut config = Config::new();
        // A copy looks at a thousand shards, each a place to switch.
        config.max_steps = shuttle::MaxSteps::FailAfter(10_000_000);
        config.stack_size = 1 << 20;
        Runner::new(scheduler, config).run(move || {
            let world = World::new();
            scene(&world);
            world.judge();
        });
    };
    run(Box::new(RandomScheduler::new(orders())));
    run(Box::new(PctScheduler::new(3, orders())));
}

/// Two completions that name each other want the same two shards in both orders.
#[test]
fn completions_that_name_each_other_do_not_wait_for_each_other() {
    explore(|world| {
        let [first, second] = [1, 2].map(|stan| world.open(0, stan));
        let tasks = [
            world.sends(&[support::completion_of(&second, first.stan, 40)]),
            world.sends(&[support::completion_of(&first, second.stan, 40)]),
            world.sends(&[support::reversal_of(&first, 901), support::reversal_of(&second, 902)]),
        ];
        world.finish(tasks);
    });
}

/// One transaction meets its repeat, its completion, its reversal and the end of its hold.
#[test]
fn all_messages_of_a_life_at_once() {
    explore(|world| {
        let request = world.open(0, 1);
        let tasks = [
            world.sends(&[support::repeat_of(&request), support::advice_of(&request, b"00")]),
            world.sends(&[support::completion_of(&request, 11, 40)]),
            world
                .sends(&[support::partial_reversal_of(&request, 21, 30), support::reversal_of(&request, 22)]),
            world.expires(),
        ];
        world.finish(tasks);
    });
}

/// Messages that are sent again have keys of their own; the reversal knows the type of its original alone.
#[test]
fn a_message_what_is_sent_again_of_it_and_its_reversal_at_once() {
    explore(|world| {
        let request = world.purchase(0, 1, 50);
        let later = |request: &Request, by| Request { transmission: request.transmission + by, ..*request };
        let again = later(&support::repeat_of(&request), 60);
        let mti_alone = Some(Original { mti: 0x0100, ..Original::default() });
        let reversal = Request { original: mti_alone, ..later(&support::reversal_of(&request, 9), 90) };
        let sale = Request { pan: request.pan, amount_minor: 40, ..support::sale(21) };
        let tasks = [
            world.sends(&[request, sale]),
            world.sends(&[again, later(&support::repeat_of(&sale), 60)]),
            world.sends(&[reversal, later(&support::repeat_of(&reversal), 30)]),
            world.expires(),
        ];
        world.finish(tasks);
        assert_eq!(world.account(0), (0, 40), "one sale, and of the purchase nothing");
    });
}

/// Two cards spend the last funds of one account while a third of another account does.
#[test]
fn the_last_funds_are_spent_once() {
    explore(|world| {
        let spends = |card, from: u32| {
            let debit = |stan| world.purchase(card, stan, 3_000);
            world.sends(&[debit(from), debit(from + 1)])
        };
        world.finish([spends(0, 1), spends(1, 11), spends(2, 21)]);
    });
}

/// A snapshot is written and holds end while all of it changes; it and the records after it lead to the live state.
#[test]
fn a_snapshot_taken_meanwhile_leads_to_the_same_state() {
    explore(|world| {
        let opened: Vec<_> = (0..6).map(|stan| world.open(u64::from(stan) % 3, stan * 10 + 1)).collect();
        let completions: Vec<_> =
            opened.iter().map(|request| support::completion_of(request, request.stan + 1, 40)).collect();
        let reversals: Vec<_> =
            opened.iter().map(|request| support::reversal_of(request, request.stan + 2)).collect();
        let news: Vec<_> = (0..6).map(|stan| world.purchase(stan % 3, 500 + stan as u32, 50)).collect();
        let tasks = [
            world.snapshots(),
            world.sends(&completions),
            world.sends(&reversals),
            world.sends(&news),
            world.expires(),
        ];
        world.finish(tasks);
    });
}
