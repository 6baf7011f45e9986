//! Generated traffic: the same seed gives the same trace, the shipped trace is one of them, and the mix is as documented.
#![allow(clippy::unwrap_used)]

use authswitch::traffic::generator::{Options, generate};
use authswitch::traffic::trace::{Body, Entry, Trace};
use authswitch::wire::tlv::Tlvs;
use authswitch::wire::{Bitmap, Class, Dialect, Message, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

fn text(trace: &Trace) -> String {
    let mut text = Vec::new();
    trace.write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn made(seed: u64, count: usize) -> Trace {
    generate(&Options { seed, count, ..Options::default() })
}

fn mti(entry: &Entry) -> u16 {
    entry.mti().unwrap().bcd()
}

fn amount(entry: &Entry) -> u64 {
    entry.field(4).unwrap().parse().unwrap()
}

fn share(trace: &Trace, matches: impl Fn(&Entry) -> bool) -> f64 {
    let count = trace.entries.iter().filter(|entry| matches(entry)).count();
    100.0 * count as f64 / trace.entries.len() as f64
}

#[test]
fn a_seed_makes_a_trace_and_another_seed_another() {
    assert_eq!(text(&made(7, 3_000)), text(&made(7, 3_000)));
    assert_ne!(text(&made(7, 3_000)), text(&made(8, 3_000)));
}

#[test]
fn the_shipped_trace_is_what_the_documented_command_makes() {
    // authswitch trace generate --seed 1 --count 20000 --out config/demo-trace.jsonl.gz
    let shipped = text(&authswitch::traffic::demo_trace().unwrap());
    let made = text(&generate(&Options::default()));
    assert_eq!(shipped.lines().count(), 20_000);
    let differing = shipped.lines().zip(made.lines()).position(|(shipped, made)| shipped != made);
    assert!(shipped == made, "from line {:?} on", differing.map(|line| line + 1));
}

#[test]
fn any_count_is_met_exactly() {
    for count in [1, 2, 3, 10, 999] {
        assert_eq!(made(3, count).entries.len(), count);
    }
    let one = generate(&Options { links: vec!["only".to_owned()], count: 500, ..Options::default() });
    assert_eq!((one.links.as_slice(), one.entries.len()), (&["only".to_owned()][..], 500));
}

#[test]
fn every_message_fits_both_dialects() {
    let trace = made(11, 4_000);
    for name in ["iso87-ascii", "iso87-bcd"] {
        let dialect = Dialect::builtin(name).unwrap();
        let mut message = Message::new();
        for entry in &trace.entries {
            let Body::Fields { mti, fields } = &entry.body else { panic!("fields expected") };
            let bytes: Vec<_> = fields.iter().map(|field| from_hex(&field.1)).collect();
            let own = fields.iter().zip(&bytes).map(|((de, text), bytes)| {
                let binary = dialect.field(*de).unwrap().format.class == Class::B;
                (*de, if binary { Value::Bytes(bytes) } else { Value::Text(text.as_bytes()) })
            });
            let own: Vec<_> = own.collect();
            let mut frame = Vec::new();
            dialect.build(&mut frame, *mti, None, Bitmap::default(), &own).unwrap();
            dialect.parse(&frame, &mut message).unwrap();
            let view = dialect.view(&frame, &message);
            // Chip data is whole TLVs.
            view.data(55).into_iter().flat_map(Tlvs::new).for_each(|tlv| assert!(tlv.is_ok()));
        }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap_or(0)).collect()
}

#[test]
fn the_mix_is_as_documented() {
    let trace = made(1, 20_000);
    let kind = |entry: &Entry| entry.field(3).map_or("", |code| &code[..2]).to_owned();
    type Share<'a> = (&'a str, f64, f64, &'a dyn Fn(&Entry) -> bool);
    let table: [Share; 16] = [
        ("authorizations", 30.0, 50.0, &|entry| mti(entry) == 0x0100),
        ("financial requests", 40.0, 60.0, &|entry| mti(entry) == 0x0200),
        ("cash", 5.0, 8.0, &|entry| kind(entry) == "01" && mti(entry) == 0x0200),
        ("balance inquiries", 2.0, 3.5, &|entry| kind(entry) == "31"),
        ("refunds", 1.5, 3.0, &|entry| kind(entry) == "20"),
        ("verifications", 1.2, 2.5, &|entry| entry.field(25) == Some("51")),
        ("pre-authorizations", 4.0, 7.0, &|entry| mti(entry) == 0x0100 && entry.field(25) == Some("06")),
        ("completions", 4.0, 7.0, &|entry| mti(entry) & 0xFFF0 == 0x0220),
        ("reversals", 3.5, 6.0, &|entry| mti(entry) & 0xFF00 == 0x0400),
        ("partial reversals", 0.7, 1.5, &|entry| entry.field(95).is_some()),
        ("advices", 1.5, 3.0, &|entry| mti(entry) & 0xFFF0 == 0x0120),
        ("repeats", 2.0, 4.0, &|entry| mti(entry) & 1 == 1),
        ("declines", 6.0, 9.0, &|entry| !entry.expect.allows(*b"00")),
        ("chip", 50.0, 80.0, &|entry| entry.field(55).is_some()),
        ("track 2", 25.0, 60.0, &|entry| entry.field(35).is_some()),
        ("PIN", 10.0, 25.0, &|entry| entry.field(52).is_some()),
    ];
    for (name, low, high, matches) in table {
        let share = share(&trace, matches);
        assert!((low..=high).contains(&share), "{name}: {share:.2} %");
    }
    let sign_ons = trace.entries.iter().take(2).filter(|entry| entry.field(70) == Some("001")).count();
    assert_eq!(sign_ons, 2);
    assert!(trace.entries.iter().filter(|entry| entry.field(70) == Some("301")).count() >= 10);
}

#[test]
fn every_special_card_answer_is_asked_for() {
    let trace = made(1, 20_000);
    let special =
        trace.entries.iter().filter(|entry| entry.field(2).is_some_and(|pan| pan.starts_with("411112")));
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    special.for_each(|entry| {
        codes.entry(entry.expect.to_string()).or_default().insert(entry.field(2).unwrap()[12..15].to_owned());
    });
    let found: Vec<_> = codes.keys().map(String::as_str).collect();
    assert_eq!(found, ["41", "43", "51", "54", "57", "59", "61", "62", "65|00"]);
    assert_eq!(codes.values().map(BTreeSet::len).sum::<usize>(), 51, "every one of the 51 cards is used");
}

#[test]
fn cards_are_popular_by_zipf_and_amounts_spread_by_merchant() {
    let trace = made(2, 40_000);
    let mut cards: HashMap<&str, u32> = HashMap::new();
    let good =
        trace.entries.iter().filter_map(|entry| entry.field(2)).filter(|pan| pan.starts_with("4111110000"));
    good.for_each(|pan| *cards.entry(pan).or_default() += 1);
    let mut counts: Vec<_> = cards.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let all: u32 = counts.iter().sum();
    // Exponent 1 over 10,000 cards: the first has 10.2 %, the first hundred half of all.
    assert!((8..=12).contains(&(100 * counts[0] / all)), "first {} of {all}", counts[0]);
    let hundred: u32 = counts.iter().take(100).sum();
    assert!((48..=58).contains(&(100 * hundred / all)), "first hundred {hundred} of {all}");

    let median = |mcc: &str| {
        let sales =
            trace.entries.iter().filter(|entry| entry.field(18) == Some(mcc) && entry.field(90).is_none());
        let mut amounts: Vec<_> = sales.map(amount).filter(|amount| *amount > 0).collect();
        amounts.sort_unstable();
        amounts[amounts.len() / 2]
    };
    assert!((3_600..4_800).contains(&median("5411")), "grocery {}", median("5411"));
    assert!((250..330).contains(&median("4111")), "transit {}", median("4111"));
}

#[test]
fn the_day_has_its_night_and_its_evening() {
    let trace = made(3, 20_000);
    // The trace is a day laid over 50 s: hours 2 to 5 are quiet, hours 17 to 20 busy.
    let between = |from: u64, to: u64| {
        let hour_us = 50_000_000 / 24;
        trace.entries.iter().filter(|entry| (from * hour_us..to * hour_us).contains(&entry.at_us)).count()
    };
    assert!(between(17, 20) > 6 * between(2, 5), "{} against {}", between(17, 20), between(2, 5));
}

#[test]
fn what_depends_comes_after_and_refers_rightly() {
    let trace = made(4, 20_000);
    let mut firsts: HashMap<[&str; 4], &Entry> = HashMap::new();
    let mut by_reference: HashMap<[&str; 3], &Entry> = HashMap::new();
    for entry in trace.entries.iter().filter(|entry| entry.field(2).is_some()) {
        let field = |de: u8| entry.field(de).unwrap_or("");
        by_reference.entry([field(11), field(7), field(32)]).or_insert(entry);
        let key = [field(2), field(7), field(11), field(32)];
        if let Some(original) = firsts.get(&key) {
            assert!(
                entry.at_us >= original.at_us + 50_000,
                "line {}: a repeat after less than 50 ms",
                entry.line
            );
            assert_eq!(entry.link, original.link);
        } else {
            assert_eq!(mti(entry) & 1, 0, "line {}: a repeat without its original", entry.line);
            firsts.insert(key, entry);
        }
    }
    let mut crossed = 0;
    for entry in trace.entries.iter().filter(|entry| entry.field(90).is_some() && mti(entry) & 1 == 0) {
        let named = entry.field(90).unwrap();
        assert_eq!(named.len(), 42);
        let acquirer = named[20..31].trim_start_matches('0');
        let original = by_reference[&[&named[4..10], &named[10..20], acquirer]];
        assert_eq!(named[..4], format!("{:04x}", mti(original)));
        for de in [2, 12, 13, 32, 37, 41, 42, 49] {
            assert_eq!(entry.field(de), original.field(de), "line {}: DE {de}", entry.line);
        }
        assert!(entry.at_us.abs_diff(original.at_us) >= 50_000, "line {}", entry.line);
        if entry.at_us < original.at_us {
            crossed += 1;
            assert!(
                original.expect.allows(*b"94") && !original.expect.allows(*b"00"),
                "line {}",
                original.line
            );
        }
        if let Some(remains) = entry.field(95) {
            let remains: u64 = remains[..12].parse().unwrap();
            assert!(remains > 0 && remains < amount(original), "line {}", entry.line);
        }
    }
    assert!(crossed >= 5, "{crossed} reversals came before their original");
}

#[test]
fn trace_numbers_are_unique_and_in_order_on_each_link() {
    let trace = made(5, 5_000);
    for link in 0..2 {
        let fresh = trace.entries.iter().filter(|entry| entry.link == link && mti(entry) & 1 == 0);
        let stans: BTreeSet<u32> = fresh.map(|entry| entry.field(11).unwrap().parse().unwrap()).collect();
        assert_eq!((stans.first(), stans.last()), (Some(&1), Some(&(stans.len() as u32))));
    }
}
