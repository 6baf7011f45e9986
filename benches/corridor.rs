//! The way of a message without its sockets: parse, read, decide, append, build, record; in batches of sixteen, as a
//! busy connection's reads bring them, each message new, cards at random.
//!
//! `cargo bench --bench corridor -- [CARDS] [THREADS] [ROUNDS]`; 10,000 cards, one thread and 60 rounds of 32,768
//! messages where nothing is said.

use authswitch::clock::wall_us;
use authswitch::decision::{Desk, LinkTerms, Policy, Standing};
use authswitch::journal::{Journal, Options, Tail};
use authswitch::message::{Pan, Reading};
use authswitch::network::{Corridor, Link, LinkOptions, Session, Ticks, Way};
use authswitch::portfolio::{
    AccountState, CardState, CardStatus, Limits, Lists, NewAccount, NewCard, Portfolio, Program, TableOptions,
};
use authswitch::telemetry::Telemetry;
use authswitch::wire::{Dialect, Message, Value, frame::Framing};
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::time::Duration;

#[path = "../src/allocator.rs"]
mod allocator;

#[global_allocator]
static ALLOCATOR: allocator::HugePages = allocator::HugePages;

const BATCH: usize = 16;
const FRAMES: usize = 1 << 15;

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let cards = numbers.first().copied().unwrap_or(10_000);
    let threads = numbers.get(1).copied().unwrap_or(1);
    let rounds = numbers.get(2).copied().unwrap_or(60);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = Options { buffer_bytes: 16 << 20, ..Options::default() };
    let journal = Journal::open(folder.path(), Tail::default(), options).expect("a journal");
    let desk = desk(cards);
    let links = vec!["a".to_owned()];
    let telemetry = Telemetry::new(authswitch::telemetry::Options {
        links,
        workers: threads as usize,
        ..Default::default()
    });
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (desk, journal, telemetry) = (&desk, &journal, &telemetry);
            scope.spawn(move || run(thread, cards, rounds, desk, journal, telemetry));
        }
    });
}

fn run(thread: u64, cards: u64, rounds: u64, desk: &Arc<Desk>, journal: &Journal, telemetry: &Telemetry) {
    let options = link("iso87-bcd");
    let dialect = Arc::clone(&options.dialect);
    let recorder = telemetry.recorder(thread as usize);
    let link = Arc::new(Link::new(0, options));
    let mut corridor = Corridor::new(Arc::clone(desk), link, journal.clone(), Ticks::new());
    let mut session = Session::default();
    let mut out = Vec::with_capacity(64 << 10);
    let mut samples = Vec::with_capacity(BATCH);
    let clock = quanta::Clock::new();
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3).expect("three digits");
    let (mut best, mut refused) = (f64::MAX, 0u64);
    for round in 0..rounds {
        let frames = frames(&dialect, thread, round, cards);
        let mut sum = Duration::ZERO;
        for batch in frames.chunks(BATCH) {
            while journal.exposure().records > 8_192 {
                std::thread::sleep(Duration::from_micros(200));
            }
            let from = clock.raw();
            out.clear();
            let wall = wall_us();
            for frame in batch {
                let passed = corridor.pass(&[0; 2], frame, &mut session, u64::MAX, wall, &mut out);
                refused += u64::from(passed.way != Way::Now || passed.sample.code != *b"00");
                samples.push(passed.sample);
            }
            let mut recording = recorder.batch();
            samples.drain(..).for_each(|sample| recording.message(&sample));
            drop(recording);
            let took = clock.delta(from, clock.raw());
            sum += took;
            histogram.saturating_record(took.as_nanos() as u64 / BATCH as u64);
        }
        best = best.min(sum.as_nanos() as f64 / FRAMES as f64);
    }
    println!(
        "thread {thread}: a message: best round {best:.0} ns, p10 {} ns, p50 {} ns, p90 {} ns, p99 {} ns; {refused} not approved",
        histogram.value_at_quantile(0.1),
        histogram.value_at_quantile(0.5),
        histogram.value_at_quantile(0.9),
        histogram.value_at_quantile(0.99),
    );
}

fn link(dialect: &str) -> LinkOptions {
    LinkOptions {
        name: dialect.into(),
        reading: Reading::standard(&Dialect::builtin(dialect).expect("a built-in dialect")).expect("DE25"),
        listen: ([127, 0, 0, 1], 0).into(),
        dialect: Dialect::builtin(dialect).expect("a built-in dialect"),
        framing: Framing::LENGTH2_BE,
        max_frame_bytes: 8192,
        receive_buffer_bytes: 65_536,
        budget: Duration::from_secs(3600),
        stand_in: Duration::ZERO,
        allow: Vec::new(),
        max_connections: 1,
        max_connections_per_address: 0,
        max_in_flight: 1,
        echo_keep_alives: false,
        idle_timeout: Duration::from_secs(1),
        frame_timeout: Duration::from_secs(60),
        write_timeout: Duration::from_secs(1),
        max_refused_per_s: 0,
        terms: LinkTerms::default(),
        echo: Default::default(),
        close_on_unreadable: false,
        require_sign_on: false,
        reply_after_durable: false,
    }
}

fn number(counter: u64) -> u64 {
    4_111_110_000_000_000 + counter * 10
}

fn desk(cards: u64) -> Arc<Desk> {
    let limits = Limits { amount_per_transaction: 1_000_000_000, ..Limits::NONE };
    let program = Program::new("test", limits, limits, &Lists::default());
    let table = TableOptions { max: 1_000_000, window_us: 72 * 3_600_000_000 };
    let mut portfolio = Portfolio::new(vec![program], table, [1; 16]);
    portfolio.reserve(cards as usize, cards as usize);
    for counter in 0..cards {
        let state = AccountState { funds_minor: 1_000_000_000_000, ..AccountState::default() };
        let account = portfolio.add_account(NewAccount { currency: 840, name: 0, state });
        let (status, state) = (CardStatus::Active, CardState::default());
        let card = NewCard { expiry: 3012, status, program: 0, limits: None, account, state };
        let pan = Pan::from_parts(number(counter), 16).expect("sixteen digits");
        portfolio.add_card(pan, card).expect("no limits of its own");
    }
    Arc::new(Desk::new(Arc::new(portfolio), Standing::plain(Policy::default(), 0)))
}

/// 0200s with other cards, STANs, times and references each time.
fn frames(dialect: &Dialect, thread: u64, round: u64, cards: u64) -> Vec<Vec<u8>> {
    let vectors = include_str!("../tests/vectors/auth-0100.txt");
    let line = vectors.lines().find(|line| line.starts_with(dialect.name())).expect("a vector");
    let hex = line.split_whitespace().nth(1).expect("its bytes");
    let frame: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
        .collect();
    let mut message = Message::new();
    dialect.parse(&frame, &mut message).expect("a message that is right");
    let view = dialect.view(&frame, &message);
    let mut all = view.bitmap();
    all.remove(35);
    let mti = authswitch::wire::Mti::new(0x0200).expect("four digits");
    let mut random = 0x9e37_79b9_7f4a_7c15u64 ^ (round << 32 | thread << 20 | 1);
    (0..FRAMES as u64)
        .map(|index| {
            random ^= random >> 12;
            random ^= random << 25;
            random ^= random >> 27;
            let card = (random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % cards;
            let mut out = Vec::new();
            let digits = number(card).to_string();
            let rrn = format!("{:012}", (round * 64 + thread) * FRAMES as u64 + index);
            let time = 1_122_000_000 + thread * 10_000 + round / 60 * 100 + round % 60;
            let own = [
                (2, Value::Text(digits.as_bytes())),
                (7, Value::Number(time)),
                (11, Value::Number(index + 1)),
                (37, Value::Text(rrn.as_bytes())),
            ];
            dialect.build(&mut out, mti, Some(view), all, &own).expect("a message that is right");
            out
        })
        .collect()
}
