//! The snapshot: what was written comes back, or a reason why not; no card number in clear; exact while running.

#![allow(clippy::unwrap_used)]

mod support;

use authswitch::decision::Lateness;
use authswitch::message::{Pan, Request};
use authswitch::portfolio::snapshot::{self, SnapshotError, SnapshotFacts};
use authswitch::portfolio::{
    AccountState, CardState, CardStatus, Limits, Lists, NewAccount, NewCard, Portfolio, Program, TableOptions,
};
use authswitch::vault::DataKey;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use support::*;

fn key() -> DataKey {
    DataKey::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap()
}

/// Empty, with the programs and table of a plan.
fn empty(plan: &Plan) -> Portfolio {
    Plan { accounts: Vec::new(), cards: Vec::new(), ..plan.clone() }.build()
}

fn read(plan: &Plan, path: &Path) -> Result<(Portfolio, SnapshotFacts), SnapshotError> {
    let mut portfolio = empty(plan);
    snapshot::read(&mut portfolio, &key(), path).map(|facts| (portfolio, facts))
}

/// Three cards, two accounts and some of everything that happens to them.
fn busy_world() -> World {
    let world = World::default();
    world.gets(&purchase(1), "00").gets(&sale(2), "00").gets(&reversal_of(&purchase(1), 3), "00");
    world.gets(&Request { pan: Some(pan(2)), ..purchase(4) }, "00");
    world.gets(&Request { amount_minor: FUNDS + 1, ..purchase(5) }, "51");
    world
}

fn take(world: &World, path: &Path) -> u64 {
    let floor = world.sink.records().len() as u64;
    snapshot::write(&world.desk.portfolio, &key(), path, floor, NOON).unwrap()
}

#[test]
fn the_whole_portfolio_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    let world = busy_world();
    assert_eq!(take(&world, &path), 5);
    let (portfolio, facts) = read(&world.plan, &path).unwrap();
    let expected = SnapshotFacts {
        floor: 5,
        highest: 5,
        time_us: NOON,
        journal: 0,
        cards: 3,
        accounts: 2,
        transactions: 4,
        counters: 0,
    };
    assert_eq!(facts, expected);
    assert_eq!(portfolio.state_hash(), world.state_hash());
    assert_eq!(portfolio.totals(), world.desk.portfolio.totals());
    assert_eq!(portfolio.table.len(), world.desk.portfolio.table.len());
}

#[test]
fn what_is_fixed_about_cards_and_accounts_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    let own = Limits { count_per_day: 3, ..Limits::NONE };
    let program = |name| Program::new(name, Limits::NONE, Limits::NONE, &Lists::default());
    let table = TableOptions { max: 16, window_us: DAY_US };
    let mut portfolio = Portfolio::new(vec![program("first"), program("second")], table, [7; 16]);
    let state = AccountState { funds_minor: -5, ..AccountState::default() };
    let account = portfolio.add_account(NewAccount { currency: 978, name: 42, state });
    portfolio.set_customer(account, 77);
    let new = NewCard {
        expiry: 2912,
        status: CardStatus::Lost,
        program: 1,
        limits: Some(own),
        account,
        state: CardState::default(),
    };
    let numbers = ["411111000000", "4111110000000013", "0011110000000000013"];
    let pans = numbers.map(|digits| Pan::from_digits(digits.as_bytes()).unwrap());
    for pan in pans {
        portfolio.add_card(pan, new).unwrap();
    }
    snapshot::write(&portfolio, &key(), &path, 0, 0).unwrap();
    // The settings may list programs in another order, and others, by the time it is read.
    let programs = vec![program("second"), program("third"), program("first")];
    let mut back = Portfolio::new(programs, table, [7; 16]);
    snapshot::read(&mut back, &key(), &path).unwrap();
    for (id, pan) in pans.into_iter().enumerate() {
        let card = back.card(pan).unwrap();
        assert_eq!((card.id, card.expiry, card.status), (id as u32, 2912, CardStatus::Lost));
        assert_eq!((back.program(card).name.as_str(), back.card_limits(card)), ("second", &own));
        let account = back.account_of(card);
        assert_eq!((account.currency, account.name, account.customer), (978, 42, 77));
        assert_eq!(account.state.lock().funds_minor, -5);
    }
}

/// A reference finds the one approved last by the order of the journal, whatever became of it and whatever the clock said.
#[test]
fn what_a_reference_finds_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    let alike = |stan| Request { retrieval_reference: *b"SAMEREFERENC", ..purchase(stan) };
    let declined = |stan| Request { amount_minor: FUNDS + 1, ..alike(stan) };
    let undo = |world: &World, request: &Request| {
        let key = world.decide(request).key;
        assert!(world.desk.undo(key, world.now_us.get(), &world.sink));
    };
    type Life<'a> = &'a dyn Fn(&World);
    // What happens, and the STAN of what is found then.
    let lives: [(&str, Life<'_>, u32); 5] = [
        ("an undone approval after a decline", &|world| undo(world.gets(&declined(1), "51"), &alike(2)), 2),
        ("an undone approval after another", &|world| undo(world.gets(&alike(1), "00"), &alike(2)), 2),
        (
            "an undone approval, then a declined completion by the same reference, by a clock that went back",
            &|world| {
                undo(world.later(9), &alike(1));
                let completion = completion_of(&alike(1), 2, 1);
                world.later(-9).gets(&Request { original: None, ..with_code(&completion, b"05") }, "00");
            },
            1,
        ),
        (
            "an approval by a clock that went back",
            &|world| {
                world.later(9).gets(&alike(1), "00").later(-9).gets(&alike(2), "00");
            },
            2,
        ),
        (
            "a decline by a clock that went back",
            &|world| {
                world.later(9).gets(&declined(1), "51").later(-9).gets(&declined(2), "51");
            },
            1,
        ),
    ];
    for (what, live, stan) in lives {
        let world = World::default();
        live(&world);
        let first = world.sink.records().iter().find(|record| record.asked.stan == stan).unwrap().transaction;
        let (key, reference) = first.map(|found| (found.key, found.reference)).unwrap();
        take(&world, &path);
        let (portfolio, _) = read(&world.plan, &path).unwrap();
        let first =
            |portfolio: &Portfolio| portfolio.table.referred(reference).and_then(|found| found.lows().next());
        let found = [first(&world.desk.portfolio), first(&portfolio)];
        assert_eq!(found, [Some(key.low()); 2], "{what}: live, and after a restart");
        assert_eq!(portfolio.state_hash(), world.state_hash(), "{what}");
        world.replays();
    }
}

#[test]
fn a_program_that_the_settings_lack_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    take(&World::default(), &path);
    let programs = vec![Program::new("other", Limits::NONE, Limits::NONE, &Lists::default())];
    let error = read(&Plan { programs, ..Plan::default() }, &path).unwrap_err();
    assert!(matches!(&error, SnapshotError::UnknownProgram { program, .. } if program == "open"), "{error}");
}

#[test]
fn every_changed_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (path, changed) = (folder.path().join("a.snap"), folder.path().join("changed.snap"));
    let world = busy_world();
    take(&world, &path);
    let bytes = std::fs::read(&path).unwrap();
    for (place, bits) in (0..bytes.len()).flat_map(|place| [(place, 0x01), (place, 0xff)]) {
        let mut copy = bytes.clone();
        copy[place] ^= bits;
        std::fs::write(&changed, copy).unwrap();
        assert!(read(&world.plan, &changed).is_err(), "byte {place} of {} with {bits:02x}", bytes.len());
    }
}

#[test]
fn every_cut_and_every_addition_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (path, changed) = (folder.path().join("a.snap"), folder.path().join("changed.snap"));
    let world = busy_world();
    take(&world, &path);
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        std::fs::write(&changed, &bytes[..length]).unwrap();
        let error = read(&world.plan, &changed).unwrap_err();
        assert!(matches!(error, SnapshotError::Damaged { .. }), "{length} of {}: {error}", bytes.len());
    }
    for more in [vec![0], bytes.clone()] {
        std::fs::write(&changed, [&bytes[..], &more].concat()).unwrap();
        let error = read(&world.plan, &changed).unwrap_err();
        assert!(error.to_string().contains("does not end at its end"), "{error}");
    }
}

#[test]
fn another_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    take(&busy_world(), &path);
    let other = DataKey::from_hex(&"5a".repeat(32)).unwrap();
    let error = snapshot::read(&mut empty(&Plan::default()), &other, &path).unwrap_err();
    assert!(matches!(error, SnapshotError::OtherKey { .. }), "{error}");
}

/// A number of decimal digits as packed bytes, from its first digit or with a zero before it.
fn packed(digits: &str) -> [Vec<u8>; 2] {
    let bytes = |text: &str| {
        let pairs = text.as_bytes().chunks_exact(2);
        pairs.map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0')).collect::<Vec<u8>>()
    };
    [bytes(digits), bytes(&format!("0{digits}"))[1..].to_vec()]
}

#[test]
fn no_card_number_stands_in_it_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.snap");
    let world = busy_world();
    take(&world, &path);
    let bytes = std::fs::read(&path).unwrap();
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    // The search itself finds what is there.
    assert!(holds(b"ASWSNAP5") && holds(b"open"));
    for pan in (0..3).map(pan) {
        let digits = String::from_utf8(pan.clear(&mut [0; 19]).to_vec()).unwrap();
        let number = pan.parts().0;
        let binary = [number, pan.packed()].map(|number| [number.to_le_bytes(), number.to_be_bytes()]);
        assert!(!holds(digits.as_bytes()), "digits");
        assert!(binary.iter().flatten().all(|form| !holds(form)), "binary");
        assert!(packed(&digits).iter().all(|form| !holds(form)), "packed decimals");
        // Nor the part that masking hides.
        assert!(!holds(&digits.as_bytes()[6..12]), "middle digits");
    }
}

/// Decides for ever, with its own cards' requests, completions and reversals, so that parts of the table fill and
/// forget while snapshots are taken.
fn traffic(world: &SharedWorld<'_>, thread: u32, stop: &AtomicBool) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) && number > 500 {
            return;
        }
        let stan = thread * 300_000 + number;
        let card = pan(u64::from(number % 3));
        let request = Request { pan: Some(card), amount_minor: 1, ..purchase(stan) };
        world.decide(&request);
        match number % 4 {
            0 => world.decide(&completion_of(&request, stan + 100_000, 1)),
            1 => world.decide(&reversal_of(&request, stan + 200_000)),
            2 => world.decide(&repeat_of(&request)),
            _ => world.decide(&Request { stan: stan + 100_000, ..sale(stan) }),
        }
    }
}

/// What threads may share of a world.
struct SharedWorld<'a> {
    desk: &'a authswitch::decision::Desk,
    sink: &'a MemorySink,
    terms: &'a authswitch::decision::LinkTerms,
}

impl SharedWorld<'_> {
    fn decide(&self, request: &Request) {
        self.desk.decide(request, self.terms, NOON, Lateness::InTime, self.sink);
    }
}

#[test]
fn one_taken_while_deciding_and_the_records_after_it_make_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    // Small parts, so that they forget all the time.
    let world = World::new(Plan { table: TableOptions { max: 4096, window_us: DAY_US }, ..Plan::default() });
    let shared = SharedWorld { desk: &world.desk, sink: &world.sink, terms: &world.terms };
    let stop = AtomicBool::new(false);
    let mut taken = Vec::new();
    std::thread::scope(|scope| {
        for thread in 1..=2 {
            let (shared, stop) = (&shared, &stop);
            scope.spawn(move || traffic(shared, thread, stop));
        }
        // At least twelve, and on until one was taken while something was decided; a busy machine may need more.
        let caught = |taken: &[(PathBuf, u64, u64)]| taken.iter().any(|(_, floor, highest)| highest > floor);
        for number in 0..1_000 {
            if number >= 12 && caught(&taken) {
                break;
            }
            std::thread::yield_now();
            let path = folder.path().join(format!("{number}.snap"));
            let floor = world.sink.records().len() as u64;
            let highest = snapshot::write(&world.desk.portfolio, &key(), &path, floor, NOON).unwrap();
            assert!(floor <= highest && highest <= world.sink.records().len() as u64);
            taken.push((path, floor, highest));
            if taken.len() > 12 && highest == floor {
                taken.pop();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    // Otherwise nothing happened meanwhile, and the test shows nothing.
    assert!(taken.iter().any(|(_, floor, highest)| highest > floor), "{taken:?}");
    for (path, floor, highest) in taken {
        let (portfolio, facts) = read(&world.plan, &path).unwrap();
        assert_eq!((facts.floor, facts.highest), (floor, highest));
        world.sink.replay_into(&portfolio, floor);
        assert_eq!(portfolio.state_hash(), world.state_hash(), "{}", path.display());
        assert_eq!(portfolio.totals(), world.desk.portfolio.totals());
    }
}
