//! How long one decision takes with a million cards loaded and the table of transactions full.
//!
//! `cargo bench --bench decision` prints criterion's means and the percentiles of single decisions;
//! `cargo bench --bench decision -- --figures` prints resident memory and how long a restart takes to load.

use authswitch::decision::{Desk, Lateness, LinkTerms, Policy, Sink, Standing};
use authswitch::journal::{Journal, Options, Tail};
use authswitch::message::{Kind, Marks, Operation, Pan, Request};
use authswitch::portfolio::{
    AccountState, CardState, CardStatus, FORMAT, Limits, Lists, NewAccount, NewCard, Portfolio, Program,
    TableOptions, snapshot,
};
use authswitch::rules::RuleSet;
use authswitch::vault::DataKey;
use authswitch::wire::Mti;
use criterion::{Criterion, Throughput};
use hdrhistogram::Histogram;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[path = "../src/allocator.rs"]
mod allocator;

#[global_allocator]
static ALLOCATOR: allocator::HugePages = allocator::HugePages;

const CARDS: u64 = 1_000_000;
/// The default of `transactions.max`.
const REMEMBERED: usize = 1_000_000;
const CHUNK: usize = 1024;
/// Authorizations that are open before the oldest is completed: three seconds' worth.
const DELAY: usize = 30_000;
/// How long a closed transaction is remembered at the least. At 10,000 messages a second the table is full of those, and gives
/// up one for each new one; with the hours of a switch that serves it would refuse new ones instead.
const WINDOW_US: i64 = 120_000_000;
const TERMS: fn() -> LinkTerms = LinkTerms::default;
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--figures" || argument == "--load") {
        Some(at) if arguments[at] == "--load" => load_and_print(Path::new(&arguments[at + 1])),
        Some(_) => print_figures(),
        None => measure_decisions(),
    }
}

fn measure_decisions() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::new(Arc::new(portfolio()), Standing::plain(Policy::default(), 0));
    let mut traffic = Traffic::new(Spread::Zipf);
    let memory = MemorySink::default();
    measure(&mut criterion, "memory", &desk, &mut traffic, &memory);
    let journal = JournalSink(open_journal(&folder.path().join("journal")));
    measure(&mut criterion, "journal", &desk, &mut traffic, &journal);
    // Until the table is full: what a switch that has run for a while pays.
    run(&desk, &mut traffic, &memory, 1_200_000, &mut Latencies::new());
    measure(&mut criterion, "journal, table full", &desk, &mut traffic, &journal);
    let ruled =
        Standing::new(Policy::default(), rules(), 0, &["a"], &desk.portfolio).expect("windows that exist");
    desk.exchange(ruled);
    run(&desk, &mut traffic, &memory, 200_000, &mut Latencies::new());
    measure(&mut criterion, "journal, table full, 100 rules and 6 limits", &desk, &mut traffic, &journal);
    desk.exchange(Standing::plain(Policy::default(), 0));
    traffic.spread = Spread::Even;
    measure(&mut criterion, "journal, table full, cards at random", &desk, &mut traffic, &journal);
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, name: &str, desk: &Desk, traffic: &mut Traffic, sink: &impl Paced) {
    let mut latencies = Latencies::new();
    let mut group = criterion.benchmark_group("decision");
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| run(desk, traffic, sink, count, &mut latencies));
    });
    group.finish();
    if latencies.0["all"].is_empty() {
        // Left out by the command line's filter.
        return;
    }
    println!("decision/{name}, single decisions, ns:");
    for (kind, histogram) in &latencies.0 {
        let at = |quantile| histogram.value_at_quantile(quantile);
        println!(
            "  {kind:<5} p50 {:>5}  p90 {:>5}  p99 {:>5}  p99.9 {:>6}  max {:>9}  of {}",
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            histogram.max(),
            histogram.len()
        );
    }
    println!("{}", traffic.counts());
}

/// Of all decisions, and of each message type.
struct Latencies(BTreeMap<String, Histogram<u64>>);

impl Latencies {
    fn new() -> Latencies {
        let of = |kind: &str| {
            let bounds = Histogram::new_with_bounds(1, 60_000_000_000, 3);
            (kind.to_owned(), bounds.expect("bounds that make sense"))
        };
        Latencies(["0100", "0101", "0200", "0220", "0420", "all"].map(of).into())
    }

    fn record(&mut self, mti: Mti, ns: u64) {
        for kind in [&mti.to_string(), "all"] {
            if let Some(histogram) = self.0.get_mut(kind) {
                histogram.saturating_record(ns);
            }
        }
    }
}

/// Decides `count` requests and returns the time that the decisions took; making requests and waiting for the disk
/// are not in it. Each decision is timed alone; a reading of the clock (about 10 ns) is in each figure.
fn run(
    desk: &Desk,
    traffic: &mut Traffic,
    sink: &impl Paced,
    count: u64,
    latencies: &mut Latencies,
) -> Duration {
    let clock = quanta::Clock::new();
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut times = Vec::with_capacity(CHUNK);
    let (mut total, mut left) = (Duration::ZERO, count);
    while left > 0 {
        chunk.clear();
        traffic.fill(&mut chunk, left.min(CHUNK as u64) as usize);
        left -= chunk.len() as u64;
        times.clear();
        let first = clock.raw();
        let mut before = first;
        for (request, now_us) in &chunk {
            let decision = desk.decide(black_box(request), &TERMS(), *now_us, Lateness::InTime, sink);
            let after = clock.raw();
            times.push((clock.delta_as_nanos(before, after), decision.code.0));
            before = after;
        }
        total += clock.delta(first, before);
        for ((request, _), (ns, code)) in chunk.iter().zip(&times) {
            latencies.record(request.mti, *ns);
            traffic.note(*code);
        }
        sink.pace();
    }
    total
}

/// Which cards are used how often.
#[derive(Clone, Copy)]
enum Spread {
    /// The n-th busiest card is used 1/n times as often as the busiest, as in real traffic.
    Zipf,
    /// All alike: the hardest for the caches.
    Even,
}

/// Messages as an issuer sees them.
struct Traffic {
    spread: Spread,
    random: u64,
    stan: u32,
    now_us: i64,
    open: VecDeque<Request>,
    codes: BTreeMap<[u8; 2], u64>,
}

impl Traffic {
    fn new(spread: Spread) -> Traffic {
        Traffic {
            spread,
            random: 0x2545_f491_4f6c_dd1d,
            stan: 0,
            now_us: 1_790_000_000_000_000,
            open: VecDeque::new(),
            codes: BTreeMap::new(),
        }
    }

    /// xorshift64*.
    fn next(&mut self, below: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }

    fn card(&mut self) -> u64 {
        match self.spread {
            Spread::Even => self.next(CARDS),
            // The inverse of the distribution function ln(n)/ln(N), and busy cards spread over the memory.
            Spread::Zipf => {
                let uniform = self.next(1 << 30) as f64 / (1 << 30) as f64;
                let rank = (CARDS as f64).powf(uniform) as u64;
                rank.wrapping_mul(611_953) % CARDS
            }
        }
    }

    fn note(&mut self, code: [u8; 2]) {
        *self.codes.entry(code).or_default() += 1;
    }

    fn counts(&self) -> String {
        let each =
            self.codes.iter().map(|(code, count)| format!("{}: {count}", String::from_utf8_lossy(code)));
        format!("answers so far: {}", each.collect::<Vec<_>>().join(", "))
    }

    /// Sales, most of them authorized now and completed a few seconds later, so that about as many open as close:
    /// the table is full and in balance.
    fn fill(&mut self, chunk: &mut Vec<(Request, i64)>, count: usize) {
        for _ in 0..count {
            // 10,000 a second.
            self.now_us += 100;
            let request = match self.next(1000) {
                0..420 => self.new_request(0x0100, Operation::Purchase),
                420..550 => self.new_request(0x0200, Operation::Purchase),
                550..580 => self.new_request(0x0200, Operation::Cash),
                580..600 => self.new_request(0x0100, Operation::Inquiry),
                600..960 => self.follow(0x0220),
                960..985 => self.follow(0x0420),
                _ => self.repeat(),
            };
            let opens = request.kind == Kind::Authorization && request.operation == Operation::Purchase;
            if opens && !request.mti.is_repeat() {
                self.open.push_back(request);
            }
            chunk.push((request, self.now_us));
        }
    }

    /// The completion or reversal of the oldest open authorization, once there are some.
    fn follow(&mut self, mti: u16) -> Request {
        match self.open.len() {
            ..DELAY => self.new_request(0x0100, Operation::Purchase),
            _ => match self.open.pop_front() {
                Some(first) => as_type(mti, first),
                None => self.new_request(0x0100, Operation::Purchase),
            },
        }
    }

    /// The repeat of one of the last authorizations.
    fn repeat(&mut self) -> Request {
        let back = self.next(100) as usize + 1;
        match self.open.len().checked_sub(back) {
            Some(at) => as_type(0x0101, self.open[at]),
            None => self.new_request(0x0100, Operation::Purchase),
        }
    }

    fn new_request(&mut self, mti: u16, operation: Operation) -> Request {
        let mti = Mti::new(mti).expect("four decimal digits");
        self.stan = (self.stan + 1) % 1_000_000;
        let unknown = self.next(200) == 0;
        let card = if unknown { CARDS + 7 } else { self.card() };
        let seconds = self.now_us / 1_000_000 % 86_400;
        let mut reference = *b"629000000000";
        let mut rest = self.now_us as u64 / 100;
        for slot in reference[3..].iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        Request {
            mti,
            kind: Kind::of(mti).expect("a kind this switch serves"),
            operation,
            pan: Some(pan(card)),
            pan_mismatch: false,
            processing_code: 0,
            amount_minor: 100 + self.next(20_000) as i64,
            currency: 840,
            billing_minor: 0,
            billing_currency: 0,
            cashback_minor: 0,
            surcharge_minor: 0,
            billing_fee_minor: 0,
            transmission: 921_000_000
                + (seconds / 3600 * 10_000 + seconds / 60 % 60 * 100 + seconds % 60) as u32,
            stan: self.stan,
            local_time: 120_000,
            local_date: 921,
            expiry: 3012,
            merchant_category: 5411,
            merchant_country: 840,
            acquirer_country: 840,
            entry_mode: 51,
            condition: 0,
            preauthorization: false,
            marks: Marks::default(),
            acquirer: 12345,
            retrieval_reference: reference,
            trace: [b' '; 16],
            approval: [b' '; 6],
            response: None,
            terminal: *b"TERM0001",
            merchant: *b"MERCHANT0000001",
            network_code: 0,
            original: None,
            replacement_minor: None,
        }
    }
}

fn as_type(mti: u16, first: Request) -> Request {
    let mti = Mti::new(mti).expect("four decimal digits");
    Request { mti, kind: Kind::of(mti).expect("a kind this switch serves"), ..first }
}

fn pan(counter: u64) -> Pan {
    // The check digit plays no part in a decision.
    Pan::from_parts(4_111_110_000_000_000 + counter * 10, 16).expect("sixteen digits")
}

fn empty() -> Portfolio {
    let limits = Limits { amount_per_transaction: 1_000_000_000, count_per_day: 100_000, ..Limits::NONE };
    let program = Program::new("demo", limits, limits, &Lists::default());
    let table = TableOptions { max: REMEMBERED, window_us: WINDOW_US };
    let key = DataKey::from_hex(KEY).expect("64 digits");
    Portfolio::new(vec![program], table, key.hashing()).with_counters(4_000_000)
}

fn portfolio() -> Portfolio {
    let mut portfolio = empty();
    portfolio.reserve(CARDS as usize, CARDS as usize);
    for counter in 0..CARDS {
        let state = AccountState { funds_minor: 100_000_000_000, ..AccountState::default() };
        let account = portfolio.add_account(NewAccount { currency: 840, name: 0, state });
        let (status, state) = (CardStatus::Active, CardState::default());
        let card = NewCard { expiry: 3012, status, program: 0, limits: None, account, state };
        portfolio.add_card(pan(counter), card).expect("no limits of its own");
    }
    portfolio
}

/// A sink that lets the bench wait for it between chunks.
trait Paced: Sink {
    fn pace(&self) {}
}

/// Copies records into a ring of 32 MiB.
struct MemorySink(RefCell<(Vec<u8>, usize, u64)>);

impl Default for MemorySink {
    fn default() -> MemorySink {
        MemorySink(RefCell::new((vec![0; 32 << 20], 0, 0)))
    }
}

impl Sink for MemorySink {
    fn append(&self, body: &[u8], _: i64) -> Option<u64> {
        let mut sink = self.0.borrow_mut();
        let (room, at, sequence) = &mut *sink;
        if *at + body.len() > room.len() {
            *at = 0;
        }
        room[*at..*at + body.len()].copy_from_slice(body);
        *at += body.len();
        *sequence += 1;
        Some(*sequence)
    }
}

impl Paced for MemorySink {}

struct JournalSink(Journal);

impl Sink for JournalSink {
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64> {
        self.0.append(FORMAT, body, time_us).ok()
    }
}

impl Paced for JournalSink {
    /// The disk is slower than one thread that does nothing but decide.
    fn pace(&self) {
        while self.0.exposure().records > 8 * CHUNK as u64 {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// A hundred active rules as a bank has them, of which few match, and six limits that all count.
fn rules() -> RuleSet {
    let mut text = String::from("currency = \"USD\"\n");
    for number in 0..100 {
        let condition = match number % 5 {
            0 => format!(
                "merchant.category in [{}, {}] && request.amount > {}",
                4_000 + number,
                7_000 + number,
                90_000 + number
            ),
            1 => format!("merchant.country in ['KP', 'IR'] && pos.entry_mode == {}", number % 10),
            2 => format!("card.bin == {} && !pos.chip", 420_000 + number),
            3 => format!("request.amount > {} && clock.hour < 5 && pos.magstripe", 1_000_000 + number),
            _ => format!("card.day_count > {} && merchant.id.startsWith('X{number}')", 50 + number),
        };
        text += &format!("[[rule]]\nname = \"r{number}\"\nwhen = \"{condition}\"\ndecline = \"59\"\n");
    }
    for (scope, window) in [
        ("card", "1h"),
        ("card", "day"),
        ("account", "30d"),
        ("merchant", "day"),
        ("terminal", "24h"),
        ("country", "month"),
    ] {
        text += &format!(
            "[[limit]]\nname = \"{scope}-{window}\"\nscope = \"{scope}\"\nwindow = \"{window}\"\n\
             count = 100000000\namount = 100000000000000\n"
        );
    }
    RuleSet::from_toml(&text, "bench", &mut |_| Err(String::new())).expect("rules that hold")
}

fn open_journal(folder: &Path) -> Journal {
    Journal::open(folder, Tail::default(), Options::default()).expect("a journal in a temporary folder")
}

/// Writes a snapshot of a million cards and a full table, and lets a fresh process load it.
fn print_figures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = DataKey::from_hex(KEY).expect("64 digits");
    let path = folder.path().join("snapshot");
    let desk = Desk::new(Arc::new(portfolio()), Standing::plain(Policy::default(), 0));
    println!("a million cards made: {}", resident());
    let mut traffic = Traffic::new(Spread::Zipf);
    for (name, decisions) in [("no transactions", 0), ("a full table of transactions", 1_200_000)] {
        run(&desk, &mut traffic, &MemorySink::default(), decisions, &mut Latencies::new());
        let began = Instant::now();
        snapshot::write(&desk.portfolio, &key, &path, decisions, 0).expect("space for a snapshot");
        let bytes = std::fs::metadata(&path).expect("the snapshot").len();
        println!("{name}: snapshot of {} MiB written in {:.2?}", bytes >> 20, began.elapsed());
        let program = std::env::current_exe().expect("this program");
        let status = std::process::Command::new(program).arg("--load").arg(folder.path()).status();
        assert!(status.expect("a process").success());
    }
}

fn load_and_print(folder: &Path) {
    println!("  before: {}", resident());
    let key = DataKey::from_hex(KEY).expect("64 digits");
    let mut portfolio = empty();
    let began = Instant::now();
    let facts =
        snapshot::read(&mut portfolio, &key, &folder.join("snapshot")).expect("the snapshot just written");
    println!(
        "  {} cards and {} transactions loaded in {:.2?}: {}",
        facts.cards,
        facts.transactions,
        began.elapsed(),
        resident()
    );
    let desk = Desk::new(Arc::new(portfolio), Standing::plain(Policy::default(), 0));
    let mut traffic = Traffic::new(Spread::Zipf);
    traffic.now_us += 200_000_000;
    let journal = JournalSink(open_journal(&folder.join(format!("journal-{}", std::process::id()))));
    for decisions in [200_000, 1_000_000] {
        run(&desk, &mut traffic, &journal, decisions, &mut Latencies::new());
        println!("  and the journal open, {decisions} more decisions: {}", resident());
    }
}

/// Resident memory of this process, and its peak.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap_or(0) / 1024
    };
    format!("{} MiB resident, {} MiB at most", of("VmRSS:"), of("VmHWM:"))
}
