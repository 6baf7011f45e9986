//! One account from many threads: never overspent, one effect a key, no deadlock, and the journal's order is a true
//! serialization (I3, I6, I8, I9).

#![allow(clippy::unwrap_used)]

mod support;

use authswitch::decision::{Decision, Desk, Lateness, LinkTerms, Missing, Sink, Standing, Tally};
use authswitch::message::{Marks, Original, Refusal, Request};
use authswitch::portfolio::{Event, Portfolio, Record, TableOptions};
use authswitch::rules::RuleSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use support::*;

/// Longer than any of these tests takes on a busy machine: what is not done by then hangs.
const PATIENCE: Duration = Duration::from_secs(600);
const THREADS: u32 = 8;

/// A sink that lets others run while it is called, with the money's locks held.
#[derive(Default)]
struct SlowSink(MemorySink);

impl Sink for SlowSink {
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64> {
        std::thread::yield_now();
        let sequence = self.0.append(body, time_us);
        std::thread::yield_now();
        sequence
    }
}

/// A desk that threads share.
struct Shared {
    plan: Plan,
    desk: Desk,
    sink: SlowSink,
    terms: LinkTerms,
}

impl Shared {
    fn new() -> Arc<Shared> {
        // Room for all, so that nothing is forgotten.
        let table = TableOptions { max: 32 * 1_024, ..Plan::default().table };
        let plan = Plan { table, ..Plan::default() };
        let desk = Desk::new(Arc::new(plan.build()), Standing::plain(policy(), 1));
        let terms = LinkTerms::default();
        Arc::new(Shared { plan, desk, sink: SlowSink::default(), terms })
    }

    fn decide(&self, request: &Request) -> Decision {
        self.desk.decide(request, &self.terms, NOON, Lateness::InTime, &self.sink)
    }

    fn code(&self, request: &Request) -> String {
        self.decide(request).code.as_str().to_owned()
    }

    fn portfolio(&self) -> &Portfolio {
        &self.desk.portfolio
    }

    /// (held, posted) of the first account, after checking that it adds up and that the records alone lead there.
    #[track_caller]
    fn settled(&self) -> (i64, i64) {
        let mut sums = vec![(0, 0); self.plan.accounts.len()];
        self.portfolio().table.visit(|shard| {
            for found in shard.iter() {
                if let Some(sum) = sums.get_mut(found.account as usize) {
                    *sum = (sum.0 + found.held_minor, sum.1 + found.posted_minor);
                }
            }
        });
        for (account, sum) in self.portfolio().accounts().iter().zip(&sums) {
            let state = *account.state.lock();
            assert_eq!((state.held_minor, state.posted_minor), *sum, "account {}", account.id);
            assert_eq!(state.available_minor() + sum.0 + sum.1, state.funds_minor);
        }
        let replayed = self.plan.build();
        self.sink.0.replay_into(&replayed, 0);
        assert_eq!(replayed.state_hash(), self.portfolio().state_hash(), "replay in the journal's order");
        sums[0]
    }
}

/// Runs the work of all threads at once and returns what each gave. Fails when they hang.
#[track_caller]
fn race<T: Send + 'static>(works: Vec<Box<dyn FnOnce() -> T + Send>>) -> Vec<T> {
    let (start, (done, results)) = (Arc::new(Barrier::new(works.len())), channel());
    let count = works.len();
    for (place, work) in works.into_iter().enumerate() {
        let (start, done) = (start.clone(), done.clone());
        std::thread::spawn(move || {
            start.wait();
            // The receiver is gone only when the test has failed already.
            let _ = done.send((place, work()));
        });
    }
    drop(done);
    let mut gave: Vec<_> = (0..count)
        .map(|_| match results.recv_timeout(PATIENCE) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => panic!("no thread came to an end in {PATIENCE:?}: a deadlock"),
            Err(RecvTimeoutError::Disconnected) => panic!("a thread panicked"),
        })
        .collect();
    gave.sort_by_key(|(place, _)| *place);
    gave.into_iter().map(|(_, result)| result).collect()
}

/// One thread's work at a shared desk.
fn work<T>(
    shared: &Arc<Shared>,
    act: impl FnOnce(&Shared) -> T + Send + 'static,
) -> Box<dyn FnOnce() -> T + Send> {
    let shared = shared.clone();
    Box::new(move || act(&shared))
}

/// Sends messages all at once, one a thread, and returns their answers.
#[track_caller]
fn send_at_once(shared: &Arc<Shared>, messages: &[Request]) -> Vec<Decision> {
    race(messages.iter().copied().map(|message| work(shared, move |at| at.decide(&message))).collect())
}

#[test]
fn the_last_funds_are_spent_once() {
    for cards in [1, 2] {
        let shared = Shared::new();
        let watching = Arc::new(AtomicBool::new(true));
        let mut works: Vec<_> = (0..THREADS)
            .map(|thread| {
                let pan = Some(pan(u64::from(thread) % cards));
                work(&shared, move |at| {
                    let debits = (0..50).map(|turn| Request {
                        pan,
                        amount_minor: 300,
                        ..purchase(thread * 100 + turn)
                    });
                    debits.filter(|debit| at.code(debit) == "00").count() as i64
                })
            })
            .collect();
        let still = watching.clone();
        works.push(work(&shared, move |at| {
            // Nobody ever sees it overspent.
            while still.load(Ordering::SeqCst) {
                assert!(at.portfolio().account(0).unwrap().state.lock().available_minor() >= 0);
                std::thread::yield_now();
                if at.sink.0.records().len() as u32 >= THREADS * 50 {
                    still.store(false, Ordering::SeqCst);
                }
            }
            0
        }));
        let approved: i64 = race(works).into_iter().sum();
        assert_eq!(approved, FUNDS / 300, "as many as the funds cover, no fewer");
        assert_eq!(shared.settled(), (approved * 300, 0));
    }
}

#[test]
fn a_key_sent_by_many_threads_has_one_effect_and_one_answer() {
    let shared = Shared::new();
    for stan in 1..=200 {
        let request = Request { amount_minor: 70, ..purchase(stan) };
        let messages: Vec<_> =
            (0..THREADS).map(|thread| if thread % 2 == 0 { request } else { repeat_of(&request) }).collect();
        let answers = send_at_once(&shared, &messages);
        assert_eq!(answers.iter().filter(|answer| !answer.repeat).count(), 1, "decided once");
        assert!(
            answers
                .iter()
                .all(|answer| (answer.code, answer.approval) == (answers[0].code, answers[0].approval))
        );
        assert_eq!(shared.sink.0.records().len() as u32, stan, "one record a key");
    }
    // 142 of them fit into the funds.
    assert_eq!(shared.settled(), (FUNDS / 70 * 70, 0));
}

#[test]
fn an_advice_sent_by_many_threads_has_one_effect() {
    let shared = Shared::new();
    for stan in 1..=100 {
        let advice = advice_of(&sale(stan), b"00");
        let answers = send_at_once(&shared, &[advice; 4]);
        assert_eq!(answers.iter().filter(|answer| !answer.repeat).count(), 1);
    }
    assert_eq!(shared.settled(), (0, 100_000));
}

#[test]
fn a_reversal_racing_its_original_leaves_nothing() {
    let shared = Shared::new();
    for turn in 0..200 {
        let stan = turn * 10 + 1;
        let request = if turn % 2 == 0 { purchase(stan) } else { sale(stan) };
        let mut messages = vec![request, reversal_of(&request, stan + 1)];
        match turn % 5 {
            1 => messages.push(repeat_of(&request)),
            2 => messages.push(advice_of(&request, b"00")),
            3 => messages.push(reversal_of(&request, stan + 2)),
            4 => messages.push(partial_reversal_of(&request, stan + 3, 400)),
            _ => {}
        }
        let answers = send_at_once(&shared, &messages);
        assert!(["00", "94"].contains(&answers[0].code.as_str()), "{}", answers[0].code);
        assert!(answers[1].code.is_approval());
        assert_eq!(shared.settled(), (0, 0), "turn {turn}");
    }
    assert_eq!(shared.portfolio().card_by_id(0).unwrap().state.lock().velocity.day_count, 0);
}

/// What is sent again has a DE7 and so a key of its own: neither holds the other's lock, and yet there is one effect.
#[test]
fn a_message_and_what_is_sent_again_of_it_at_once_have_one_effect() {
    let later = |request: &Request, by| Request { transmission: request.transmission + by, ..*request };
    let shared = Shared::new();
    let (mut held, mut posted) = (0, 0);
    for turn in 0..200 {
        let (card, stan) = (u64::from(turn) % 2, turn * 10 + 1);
        let on = |request| Request { pan: Some(pan(card)), amount_minor: 10, ..request };
        let first = match turn % 4 {
            0 => on(purchase(stan)),
            1 => on(sale(stan)),
            2 => advice_of(&on(purchase(stan)), b"00"),
            _ => advice_of(&on(sale(stan)), b"00"),
        };
        let again = later(&repeat_of(&first), 60);
        let answers = send_at_once(&shared, &[first, again, later(&again, 60), later(&again, 120)]);
        assert_eq!(answers.iter().filter(|answer| !answer.repeat).count(), 1, "turn {turn}");
        assert!(answers.iter().all(|answer| answer.key == answers[0].key && answer.code.as_str() == "00"));
        assert!(answers.iter().all(|answer| answer.approval == answers[0].approval));
        if turn % 2 == 0 {
            held += 10
        } else {
            posted += 10
        }
        assert_eq!(shared.settled(), (held, posted), "turn {turn}");
    }
}

/// The time-out reversal of a sender that had no answer crosses its original: released, or refused.
#[test]
fn a_reversal_that_knows_a_part_of_its_original_racing_it_leaves_nothing() {
    let shared = Shared::new();
    for turn in 0..200 {
        let request = Request { amount_minor: 10, ..purchase(turn * 10 + 1) };
        let again = Request { transmission: request.transmission + 60, ..repeat_of(&request) };
        let reversal = reversal_of(&request, turn * 10 + 2);
        let original = match turn % 3 {
            0 => None,
            1 => Some(Original { mti: 0x0100, ..Original::default() }),
            _ => reversal.original.map(|known| Original { transmission: 0, ..known }),
        };
        let transmission = request.transmission + 90;
        let reversal = Request { original, transmission, ..reversal };
        send_at_once(&shared, &[request, again, reversal, repeat_of(&reversal)]);
        assert_eq!(shared.settled(), (0, 0), "turn {turn}");
    }
}

#[test]
fn a_completion_racing_a_reversal_or_a_repeat_posts_once() {
    let shared = Shared::new();
    let mut posted = 0;
    for turn in 0..150 {
        let stan = turn * 10 + 1;
        let request = Request { preauthorization: true, amount_minor: 50, ..purchase(stan) };
        assert_eq!(shared.code(&request), "00");
        let by_name = completion_of(&request, stan + 1, 40);
        let by_key = Request { original: None, ..completion_of(&request, stan, 40) };
        match turn % 3 {
            // The completion has a name of its own: posted, whoever comes first.
            0 => {
                send_at_once(&shared, &[by_name, reversal_of(&request, stan + 2), repeat_of(&by_name)]);
                posted += 40;
            }
            // The same name: reversed, whoever comes first.
            1 => drop(send_at_once(&shared, &[by_key, reversal_of(&request, stan + 2), repeat_of(&by_key)])),
            // A completion and its own reversal: nothing remains, neither posting nor hold.
            _ => {
                drop(send_at_once(&shared, &[by_name, reversal_of(&by_name, stan + 3), repeat_of(&request)]))
            }
        }
        assert_eq!(shared.settled(), (0, posted), "turn {turn}");
    }
}

/// Two transactions that each complete the other: their locks are wanted in both orders at once.
#[test]
fn messages_that_want_each_others_locks_do_not_wait_for_each_other() {
    let shared = Shared::new();
    for turn in 0..300 {
        let (a, b) = (turn * 10 + 1, turn * 10 + 2);
        let on = |card: u64, request: Request| Request { pan: Some(pan(card)), amount_minor: 1, ..request };
        let messages: Vec<_> = [0, 1]
            .into_iter()
            .flat_map(|card| {
                let (first, second) = (on(card, purchase(a)), on(card, purchase(b)));
                let crossing = [completion_of(&second, a, 1), completion_of(&first, b, 1)];
                [first, second, crossing[0], crossing[1]].map(|message| on(card, message))
            })
            .collect();
        send_at_once(&shared, &messages);
    }
    shared.settled();
}

/// A small generator, so that every thread goes its own way and the same way again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A random message about one of a few transactions on three cards of two accounts.
fn any_message(dice: &mut Dice) -> Request {
    let stan = dice.roll(40) as u32 * 10;
    let request = Request {
        pan: Some(pan(u64::from(stan / 10) % 3)),
        amount_minor: 100 + 10 * i64::from(stan % 70),
        ..if stan.is_multiple_of(40) { sale(stan) } else { purchase(stan) }
    };
    let id = dice.roll(3) as u32;
    let marked = |message: Request, marks| Request { marks, ..message };
    match dice.roll(13) {
        // More of it, with a name of its own; one of several completions.
        10 => marked(
            Request { stan: stan + 8, original: completion_of(&request, 0, 0).original, ..request },
            Marks::INCREMENTAL,
        ),
        11 => reversal_of(&Request { stan: stan + 8, ..request }, stan + 9),
        12 => marked(completion_of(&request, stan + 1 + id, 30), Marks::SEVERAL),
        0..3 => request,
        3 => repeat_of(&request),
        4 => advice_of(&request, if id == 0 { b"05" } else { b"00" }),
        5 => completion_of(&request, stan + 1 + id, 70),
        6 => Request { original: None, ..completion_of(&request, stan, 70) },
        7 => partial_reversal_of(&request, stan + 4 + id, 50),
        8 => reversal_of(&completion_of(&request, stan + 1 + id, 70), stan + 7),
        _ => reversal_of(&request, stan + 4 + id),
    }
}

#[test]
fn whatever_many_threads_send_the_journal_tells_the_same_story() {
    for seed in 0..12 {
        let shared = Shared::new();
        let mut works: Vec<_> = (0..u64::from(THREADS))
            .map(|thread| {
                work(&shared, move |at| {
                    let mut dice = Dice(seed * 100 + thread);
                    for _ in 0..150 {
                        let decision = at.decide(&any_message(&mut dice));
                        if dice.roll(12) == 0 {
                            at.desk.undo(decision.key, NOON, &at.sink);
                        }
                    }
                })
            })
            .collect();
        works.push(work(&shared, |at| {
            for day in 0..30 {
                at.desk.expire_holds(NOON + (day % 10) * DAY_US, &at.sink);
                std::thread::yield_now();
            }
        }));
        race(works);
        shared.settled();
        // Each transaction was decided once.
        let decided = |record: &Record| record.event == Event::Request && record.moves();
        let mut keys: Vec<_> = shared
            .sink
            .0
            .records()
            .iter()
            .filter(|record| decided(record))
            .map(|record| record.transaction.unwrap().key)
            .collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count, "a key moved money twice by its request");
    }
}

/// A rule set whose limits decline every purchase, the usual one and that of the stand-in set, which covers a spent budget
/// or does not.
fn counting(limit: &str, stands_in: bool) -> String {
    let on = if stands_in { "on = [\"budget\"]" } else { "on = [\"rule\"]" };
    let limits = |table: &str, name: &str| {
        format!("[[{table}]]\nname = \"{name}\"\nscope = \"card\"\nwindow = \"day\"\namount = 1\n")
    };
    let instead = limits("stand_in.limit", &format!("{limit}-instead"));
    format!("{}[stand_in]\nmode = \"auto\"\n{on}\n{instead}", limits("limit", limit))
}

/// While two rule sets are exchanged for each other without a pause, every message is decided by one of them from the first
/// question to the count of what declined it: version, limit, stand-in and refusal in its record belong together.
#[test]
fn an_exchange_meanwhile_never_mixes_two_rule_sets_in_one_message() {
    let shared = Shared::new();
    let standing = |limit: &str, stands_in| {
        let set = RuleSet::from_toml(&counting(limit, stands_in), "rules.toml", &mut |_| Err("none".into()));
        let set = set.unwrap_or_else(|problems| panic!("{}", problems.report()));
        Standing::new(policy(), set, 1, &["north"], &shared.desk.portfolio).unwrap()
    };
    let [with, without] = [("with", true), ("without", false)]
        .map(|(limit, stands_in)| standing(limit, stands_in).rules.version());
    let exchanges = 400;
    let (standings, tallies): (Vec<_>, Vec<_>) = (0..exchanges)
        .map(|turn| {
            let next = if turn % 2 == 0 { standing("with", true) } else { standing("without", false) };
            let tallies: Vec<_> = next.effects().iter().map(|effect| effect.tally.clone()).collect();
            (next, (next_name(turn), tallies))
        })
        .unzip();
    let first = standing("with", true);
    let mut all = vec![("with", first.effects().iter().map(|effect| effect.tally.clone()).collect())];
    all.extend(tallies);
    shared.desk.exchange(first);
    let mut works: Vec<_> = (0..4u32)
        .map(|thread| {
            work(&shared, move |at| {
                for turn in 0..300 {
                    let request = purchase(thread * 1_000 + turn + 1);
                    let lateness = if turn % 2 == 0 { Lateness::InTime } else { Lateness::BudgetSpent };
                    at.desk.decide(&request, &at.terms, NOON, lateness, &at.sink);
                }
            })
        })
        .collect();
    works.push(work(&shared, move |at| {
        for next in standings {
            at.desk.exchange(next);
            std::thread::yield_now();
        }
    }));
    race(works);
    let mut declined = [("with", 0), ("without", 0)];
    for (place, record) in shared.sink.0.records().iter().enumerate() {
        let late = record.asked.stan % 1_000 % 2 == 0;
        let said = (record.refusal, record.ruled.limit, record.ruled.stand_in);
        let limit = Refusal::LimitAmount;
        let expected = match late {
            false => (limit, 1, 0),
            true if record.rules == with => (limit, 1, Missing::Budget as u8),
            true => (Refusal::BudgetSpent, 0, 0),
        };
        assert!([with, without].contains(&record.rules));
        assert_eq!(said, expected, "record {place} of version {}", record.rules);
        let of_limit = usize::from(record.rules == without);
        declined[of_limit].1 += u64::from(record.refusal == limit);
    }
    for (name, expected) in declined {
        let tallies = all.iter().filter(|(of, _)| *of == name).flat_map(|(_, tallies)| tallies);
        assert_eq!(tallies.map(Tally::get).sum::<u64>(), expected, "counted by the limit {name}");
    }
}

fn next_name(turn: u32) -> &'static str {
    if turn.is_multiple_of(2) { "with" } else { "without" }
}
