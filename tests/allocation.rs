//! From the frame to the framed answer no heap is touched after warm-up, journal append and recording included.

#![allow(clippy::unwrap_used, unsafe_code)]

use authswitch::clock::wall_us;
use authswitch::decision::{Desk, LinkTerms, Policy, Standing};
use authswitch::journal::{Journal, Options, Tail};
use authswitch::message::{Marked, Pan, Reading};
use authswitch::network::{Corridor, Link, LinkOptions, Session, Ticks, Way};
use authswitch::portfolio::{
    AccountState, CardState, CardStatus, Counters, Counts, Limits, Lists, NewAccount, NewCard, Portfolio,
    Program, TableOptions, Window,
};
use authswitch::rules::RuleSet;
use authswitch::telemetry::Telemetry;
use authswitch::wire::frame::{Framing, Lead};
use authswitch::wire::{Dialect, Message, Value};
use parking_lot::Mutex;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn link(dialect: &str, framing: &str) -> LinkOptions {
    let name = dialect.to_owned();
    let dialect = Dialect::builtin(dialect).unwrap();
    // Marks at places too: whole fields, a position in one, a part of one.
    let marked = |text| Marked::new(text, &dialect).unwrap();
    let reading = Reading {
        partial: marked("60@10=1|2"),
        incremental: marked("3=999999"),
        several: marked("54.1.type=40"),
        ..Reading::standard(&dialect).unwrap()
    };
    LinkOptions {
        name,
        listen: ([127, 0, 0, 1], 0).into(),
        dialect,
        reading,
        framing: framing.parse().unwrap(),
        echo_keep_alives: false,
        max_frame_bytes: 8192,
        receive_buffer_bytes: 65_536,
        budget: Duration::from_secs(3600),
        stand_in: Duration::ZERO,
        allow: Vec::new(),
        max_connections: 1,
        max_connections_per_address: 0,
        max_in_flight: 1,
        idle_timeout: Duration::from_secs(1),
        frame_timeout: Duration::from_secs(60),
        write_timeout: Duration::from_secs(1),
        max_refused_per_s: 0,
        terms: LinkTerms { fees_on_top: true, ..LinkTerms::default() },
        echo: Default::default(),
        close_on_unreadable: false,
        require_sign_on: false,
        reply_after_durable: false,
    }
}

fn desk(rules: &str) -> Arc<Desk> {
    let program = Program::new("test", Limits::NONE, Limits::NONE, &Lists::default());
    let table = TableOptions { max: 100_000, window_us: 3_600_000_000 };
    let mut portfolio = Portfolio::new(vec![program], table, [1; 16]);
    let state = AccountState { funds_minor: 1_000_000_000_000, ..AccountState::default() };
    let account = portfolio.add_account(NewAccount { currency: 840, name: 1, state });
    let card = NewCard {
        expiry: 3012,
        status: CardStatus::Active,
        program: 0,
        limits: None,
        account,
        state: CardState::default(),
    };
    portfolio.add_card(Pan::from_digits(b"4111110000000013").unwrap(), card).unwrap();
    let portfolio = Arc::new(portfolio.with_counters(1_024));
    let rules = RuleSet::from_toml(rules, "rules.toml", &mut |_| Err(String::new())).unwrap();
    let standing = Standing::new(Policy::default(), rules, 0, &["a"], &portfolio).unwrap();
    Arc::new(Desk::new(portfolio, standing))
}

/// Rules and limits that let everything pass.
const RULES: &str = r#"
currency = "USD"
[[rule]]
name = "category"
when = "merchant.category in [7995, 7800] && merchant.country != 'US' || request.amount > 900000000"
decline = "57"
[[rule]]
name = "tag"
when = "pos.chip && card.bin == 411111 && merchant.id.startsWith('M')"
tag = "chip"
[[rule]]
name = "shadow"
when = "account.available / 2 > request.amount"
decline = "59"
mode = "shadow"
[[rule]]
name = "most"
when = "true"
approve_up_to = "account.available"
[[limit]]
name = "hour"
scope = "card"
window = "1h"
count = 1000000
amount = 100000000000
[[limit]]
name = "day"
scope = "merchant"
window = "day"
time_zone = "America/New_York"
count = 1000000
[[limit]]
name = "terminal"
scope = "terminal"
window = "90d"
amount = 100000000000
[[limit]]
name = "each"
scope = "country"
window = "transaction"
amount = 900000000
"#;

/// What stands before a request's message.
fn lead(framing: &Framing) -> Vec<u8> {
    let mut out = Vec::new();
    let _ = framing.begin(&mut out, Lead::Own);
    out
}

/// The 25-field request of the dialect, with another STAN each time.
fn requests(dialect: &Dialect, count: u32) -> Vec<Vec<u8>> {
    let name = dialect.name();
    let line = include_str!("vectors/auth-0100.txt").lines().find(|line| line.starts_with(name)).unwrap();
    let hex = line.split_whitespace().nth(1).unwrap();
    let frame: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let mut message = Message::new();
    let frame = &frame[..];
    dialect.parse(frame, &mut message).unwrap();
    let view = dialect.view(frame, &message);
    let all = view.bitmap();
    (0..count)
        .map(|stan| {
            let mut out = Vec::new();
            let own = [(11, Value::Number(u64::from(stan) + 1))];
            dialect.build(&mut out, view.mti(), Some(view), all, &own).unwrap();
            out
        })
        .collect()
}

/// The first time that a thread has to wait for a lock, it gets its place in the queue of waiters from the heap. That
/// is warm-up too, and comes by chance: here it is made to happen.
fn wait_for_a_lock() {
    let (lock, is_held, waits) = (Mutex::new(()), AtomicBool::new(false), AtomicBool::new(false));
    let stat = format!("/proc/self/task/{}/stat", rustix::thread::gettid().as_raw_nonzero());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _held = lock.lock();
            is_held.store(true, Ordering::SeqCst);
            // Until the other sleeps for the lock: there is nothing else that it could sleep for.
            let sleeps =
                || std::fs::read_to_string(&stat).unwrap().rsplit(')').next().unwrap().starts_with(" S");
            while !(waits.load(Ordering::SeqCst) && sleeps()) {
                std::thread::yield_now();
            }
        });
        while !is_held.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        waits.store(true, Ordering::SeqCst);
        drop(lock.lock());
    });
}

/// Messages behind which the journal is waited for: far fewer than its buffer holds, and a segment lasts for so many of
/// these waits that the next one is prepared in good time, however slow the disk is.
const SETTLED_AFTER: usize = 64;

#[test]
fn a_message_passes_without_allocating() {
    wait_for_a_lock();
    let folder = tempfile::tempdir().unwrap();
    let hour = Duration::from_secs(3600);
    let options = Options { segment_bytes: 4 << 20, exposure_max_age: hour, ..Options::default() };
    let journal = Journal::open(folder.path(), Tail::default(), options).unwrap();
    let telemetry =
        Telemetry::new(authswitch::telemetry::Options { links: vec!["a".into()], ..Default::default() });
    let recorder = telemetry.recorder(0);
    let links = [
        ("iso87-ascii", "length2-be", ""),
        ("iso87-ascii", "length2-be", RULES),
        ("iso87-bcd", "length2-be", ""),
        ("iso87-bcd", "visa-stream+visa-header", ""),
        ("iso87-bcd", "length2-bcd+tpdu", ""),
        ("iso87-ascii", "base24+stx-etx-lrc", ""),
    ];
    for (name, framing, rules) in links {
        let options = link(name, framing);
        let lead = lead(&options.framing);
        let requests = requests(&options.dialect, 3_000);
        let link = Arc::new(Link::new(0, options));
        let mut corridor = Corridor::new(desk(rules), link, journal.clone(), Ticks::new());
        let mut session = Session::default();
        let mut out = Vec::with_capacity(64 << 10);
        let mut passed_by = 0;
        let mut pass = |request: &Vec<u8>| {
            passed_by += 1;
            while passed_by % SETTLED_AFTER == 0 && journal.durable() < journal.appended() {
                std::thread::yield_now();
            }
            out.clear();
            let passed = corridor.pass(&lead, request, &mut session, u64::MAX, wall_us(), &mut out);
            let mut batch = recorder.batch();
            batch.message(&passed.sample);
            assert_eq!((passed.way, passed.sample.code), (Way::Now, *b"00"), "{name}");
            assert!(out.len() > 100);
        };
        let (warm_up, measured) = requests.split_at(1_000);
        // Each kind of outcome gets its histogram when it is first seen.
        warm_up.iter().for_each(&mut pass);
        warm_up.iter().for_each(&mut pass);
        let before = ALLOCATIONS.with(Cell::get);
        measured.iter().for_each(&mut pass);
        // Repeats too: the stored answer.
        measured.iter().for_each(&mut pass);
        assert_eq!(
            ALLOCATIONS.with(Cell::get) - before,
            0,
            "{name}, {framing}: allocations in 4,000 messages"
        );
    }
}

#[test]
fn limits_are_counted_without_allocating() {
    wait_for_a_lock();
    let counters = Counters::new(4_096);
    let windows = ["day", "month", "24h", "15m", "lifetime", "week"];
    let windows = windows.map(|window| Window::parse(window, "Europe/Prague").unwrap());
    let before = ALLOCATIONS.with(Cell::get);
    for turn in 0..4_000u64 {
        // New counters with each turn, up to the bound; the clock goes on by an hour.
        let name = |limit: u64| (turn * 6 + limit + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut counts = Counts::NONE;
        let mut locked = counters.lock((0..6).map(name));
        for (window, limit) in windows.iter().zip(0..) {
            let place = window.at(1_795_348_800_000_000 + turn as i64 * 3_600_000_000);
            if locked.find(name(limit), place, &mut 0).1 {
                counts.push(locked.count(name(limit), place, 5, false)).unwrap();
            }
        }
        locked.apply(&counts, turn + 1);
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert!((4_096..4_096 + 6).contains(&counters.len()), "{} counters fill the table", counters.len());
}

#[test]
fn parts_are_read_without_allocating() {
    let table = [
        ("iso87-ascii", ["3.type", "22.pan", "35.service", "55.9F26"]),
        ("iso87-bcd", ["3.type", "22.pan", "35.service", "55.9F26"]),
    ];
    for (name, addresses) in table {
        let dialect = Dialect::builtin(name).unwrap();
        let frame = requests(&dialect, 1).remove(0);
        let paths = addresses.map(|address| dialect.path(address).unwrap());
        let mut room = vec![0; paths.iter().map(|path| path.room()).max().unwrap()];
        let mut message = Message::new();
        let before = ALLOCATIONS.with(Cell::get);
        dialect.parse(&frame, &mut message).unwrap();
        let view = dialect.view(&frame, &message);
        let found = paths.iter().filter(|path| view.sub(path, &mut room).is_some()).count();
        assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0, "{name}");
        assert_eq!(found, paths.len(), "{name}");
    }
}
