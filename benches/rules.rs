//! What asking rules costs: one condition beside the `cel` interpreter, sets of 10, 100 and 1,000 rules, a list of a
//! million entries; and that none of it touches the heap.

#![allow(clippy::unwrap_used, unsafe_code)]

use authswitch::rules::{Facts, RuleSet, Samples, Text, Verdict};
use cel::{Context, Program, Value};
use criterion::{Criterion, criterion_group, criterion_main};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CONDITION: &str =
    "request.amount > 50000 && merchant.category in [5411, 5541, 5812, 7995] && merchant.country != \"US\"";

fn set(text: &str) -> RuleSet {
    RuleSet::from_toml(text, "bench", &mut |_| Ok(million())).unwrap_or_else(|problems| panic!("{problems}"))
}

fn million() -> Vec<u8> {
    (0..1_000_000).map(|n| format!("SHOP {n}\n")).collect::<String>().into_bytes()
}

fn facts() -> Facts {
    Facts {
        request_amount: 90_000,
        request_type: Text::of_field(b"purchase"),
        merchant_category: 7_995,
        merchant_country: Text::of_field(b"FR"),
        merchant_country_code: 250,
        merchant_id: Text::of_field(b"SHOP 777777"),
        card_bin: 411_111,
        pos_entry: 51,
        ..Facts::default()
    }
}

/// Rules as a bank has them: each for some categories, countries, card ranges or amounts.
fn rules(count: usize) -> String {
    let countries = ["US", "DE", "FR", "GB", "IT", "ES", "PL", "NL", "SE", "AT"];
    (0..count)
        .map(|n| {
            let when = match n % 5 {
                0 => format!(
                    "merchant.category in [{}, {}] && request.amount > {}",
                    n % 9_999,
                    n * 7 % 9_999,
                    n * 100
                ),
                1 => {
                    format!("merchant.country == '{}' && card.bin == {}", countries[n % 10], 400_000 + n * 37)
                }
                2 => format!("request.type == 'cash' && request.amount > {} && !pos.chip", n * 1_000),
                3 => format!(
                    "card.bin in [{}, {}] && request.amount * 3 > account.available",
                    411_111 + n,
                    500_000 + n
                ),
                _ => format!("pos.entry_mode == {} && merchant.country_code == {}", n % 99, n % 899),
            };
            format!("[[rule]]\nname = \"r{n}\"\nwhen = \"{when}\"\ndecline = \"57\"\n")
        })
        .collect()
}

fn one_condition(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one condition");
    let compiled = set(&format!("[[rule]]\nname = \"r\"\nwhen = '''{CONDITION}'''\ndecline = \"57\"\n"));
    let (rule, facts) = (&compiled.rules()[0], facts());
    assert!(rule.matches(&facts));
    group.bench_function("compiled", |bencher| bencher.iter(|| rule.matches(black_box(&facts))));
    let program = Program::compile(CONDITION).unwrap();
    let map = |pairs: &[(&str, Value)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect::<HashMap<String, Value>>()
    };
    let mut context = Context::default();
    context.add_variable_from_value("request", map(&[("amount", Value::from(90_000_i64))]));
    let merchant = [("category", Value::from(7_995_i64)), ("country", Value::from("FR"))];
    context.add_variable_from_value("merchant", map(&merchant));
    assert_eq!(program.execute(&context), Ok(Value::Bool(true)));
    group.bench_function("cel interpreter", |bencher| bencher.iter(|| program.execute(black_box(&context))));
    group.finish();
}

fn sets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("set");
    for count in [10, 100, 1_000] {
        let set = set(&rules(count));
        let all: Vec<_> = set.rules().iter().collect();
        let mut samples = Samples::of(&all);
        let facts: Vec<Facts> = (0..256).map(|_| samples.draw()).collect();
        let (mut verdict, mut next) = (Verdict::default(), 0);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        facts.iter().for_each(|facts| set.evaluate(facts, &mut verdict));
        assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before, "evaluating allocates");
        group.bench_function(format!("{count} rules"), |bencher| {
            bencher.iter(|| {
                next = (next + 1) % facts.len();
                set.evaluate(black_box(&facts[next]), &mut verdict);
                verdict.active.declined
            });
        });
        group.bench_function(format!("{count} rules without the index"), |bencher| {
            bencher.iter(|| {
                next = (next + 1) % facts.len();
                set.asked().evaluate_each(black_box(&facts[next]), &mut verdict);
                verdict.active.declined
            });
        });
    }
    group.finish();
    criterion.bench_function("loading 1000 rules", |bencher| {
        let text = rules(1_000);
        bencher.iter(|| set(&text));
    });
}

fn list(criterion: &mut Criterion) {
    let text = "[lists.shops]\nof = \"text\"\nfile = \"shops\"\n[[rule]]\nname = \"r\"\n\
        when = \"merchant.id in lists.shops\"\ndecline = \"59\"\n";
    let (set, mut facts, mut next) = (set(text), facts(), 0_u64);
    let ids: Vec<Text> = (0..4_096).map(|n| Text::of_field(format!("SHOP {}", n * 397).as_bytes())).collect();
    criterion.bench_function("list of a million texts", |bencher| {
        bencher.iter(|| {
            next = next.wrapping_add(1);
            facts.merchant_id = ids[next as usize % ids.len()];
            set.rules()[0].matches(black_box(&facts))
        });
    });
}

criterion_group!(benches, one_condition, sets, list);
criterion_main!(benches);
