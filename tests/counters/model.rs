//! The counters against a plain model: any order of counting, giving back and sweeping, with a clock that goes back too.

use super::{Chance, named};
use authswitch::portfolio::{CounterChange, Counters, Counts, Place, Window};
use std::collections::{BTreeMap, HashMap};

const SECOND_US: i64 = 1_000_000;
/// 22 November 2026, noon.
const NOON_S: i64 = 1_795_348_800;

/// One counter: what was counted in each place.
#[derive(Default)]
struct Plain {
    places: BTreeMap<u32, (u32, i64)>,
    newest: u32,
    until_s: u32,
}

#[derive(Default)]
struct Model(HashMap<u64, Plain>);

impl Model {
    fn used(&self, counter: u64, place: Place) -> (u32, i64) {
        let Some(plain) = self.0.get(&counter) else { return (0, 0) };
        let at = place.ordinal.max(plain.newest);
        let oldest = (at + 1).saturating_sub(u32::from(place.parts.max(1)));
        let those = plain.places.range(oldest..=at);
        those.fold((0, 0), |(count, sum), (_, (more, amount))| (count + more, sum + amount))
    }

    fn count(&mut self, counter: u64, place: Place, amount: i64) -> u32 {
        let plain = self.0.entry(counter).or_default();
        if place.ordinal > plain.newest || plain.places.is_empty() {
            (plain.newest, plain.until_s) = (place.ordinal, place.until_s);
        }
        let kept = plain.places.entry(plain.newest).or_default();
        *kept = (kept.0 + 1, kept.1 + amount);
        plain.newest
    }

    fn change(&mut self, counter: u64, ordinal: u32, parts: u8, count: i8, amount: i64) {
        let Some(plain) = self.0.get_mut(&counter) else { return };
        let kept = if parts == 0 { 1 } else { 17 };
        if ordinal > plain.newest || plain.newest - ordinal >= kept {
            return;
        }
        let place = plain.places.entry(ordinal).or_default();
        *place = (place.0.saturating_add_signed(count.into()), (place.1 + amount).max(0));
    }

    fn sweep(&mut self, before_s: u32) {
        self.0.retain(|_, plain| plain.until_s > before_s || plain.until_s == u32::MAX);
    }
}

fn apply(counters: &Counters, change: CounterChange, sequence: u64) {
    let mut counts = Counts::NONE;
    counts.push(change).unwrap();
    counters.lock([change.counter].into_iter()).apply(&counts, sequence);
}

/// Counts an amount, under no lock of the caller's.
fn count(counters: &Counters, counter: u64, place: Place, amount_minor: i64, sequence: u64) {
    let change = counters.lock([counter].into_iter()).count(counter, place, amount_minor, false);
    apply(counters, change, sequence);
}

fn sweep(counters: &Counters, before_s: u32, sequence: &mut u64) -> usize {
    let sweep = |shard| {
        counters.sweep(shard, before_s, || {
            *sequence += 1;
            Some(*sequence)
        })
    };
    (0..counters.shards()).map(sweep).sum()
}

#[test]
fn behave_as_a_plain_model_does() {
    let windows = ["day", "week", "month", "lifetime", "10s", "15m", "24h"]
        .map(|text| Window::parse(text, "Europe/Prague").unwrap());
    let (counters, mut model, mut chance) = (Counters::new(1_000), Model::default(), Chance(5));
    let (mut now_us, mut sequence) = (NOON_S * SECOND_US, 0);
    let mut counted: Vec<(u64, u32, u8, i64)> = Vec::new();
    let mut swept = 0;
    for turn in 0..60_000u64 {
        let number = chance.below(60);
        let (counter, window) = (named(number), &windows[number as usize % windows.len()]);
        let place = window.at(now_us);
        assert_eq!(
            counters.lock([counter].into_iter()).used(counter, place),
            model.used(counter, place),
            "{turn}"
        );
        let read = counters.read(counter, place.parts > 0).map_or((0, 0), |counter| counter.used(place));
        assert_eq!(read, model.used(counter, place), "{turn}");
        sequence += 1;
        match chance.below(100) {
            0..60 => {
                let amount = chance.below(1_000) as i64;
                let change = counters.lock([counter].into_iter()).count(counter, place, amount, false);
                let ordinal = model.count(counter, place, amount);
                assert_eq!((change.ordinal, change.count), (ordinal, 1), "{turn}");
                apply(&counters, change, sequence);
                counted.push((counter, ordinal, place.parts, amount));
            }
            60..85 if !counted.is_empty() => {
                // A full release, or a change of the amount up or down; of what may have been swept long ago.
                let at = chance.below(counted.len() as u64) as usize;
                let (counter, ordinal, parts, amount) = counted[at];
                let (count, amount) = match chance.below(3) {
                    0 => (0, chance.below(50) as i64),
                    1 => (0, -(chance.below(amount as u64 + 1) as i64)),
                    _ => (-1, -amount),
                };
                counted.swap_remove(at);
                let ring = parts > 0;
                let change = CounterChange {
                    counter,
                    ordinal,
                    ring,
                    count,
                    amount_minor: amount,
                    ..CounterChange::default()
                };
                apply(&counters, change, sequence);
                model.change(counter, ordinal, parts, count, amount);
            }
            85..97 => {
                let steps = [1, 60, 3_600, 86_400];
                now_us += steps[chance.below(4) as usize] * SECOND_US * chance.below(4) as i64;
            }
            // The clock goes back.
            97 => now_us -= chance.below(200_000) as i64 * SECOND_US,
            _ => {
                let before_s = (now_us / SECOND_US) as u32 - 3_600;
                let before = model.0.len();
                model.sweep(before_s);
                let gone = sweep(&counters, before_s, &mut sequence);
                assert_eq!(gone, before - model.0.len(), "{turn}");
                swept += gone;
            }
        }
        assert_eq!(counters.len(), model.0.len(), "{turn}");
    }
    assert!(swept > 500 && model.0.len() > 20, "{swept} swept, {} left", model.0.len());
}

#[test]
fn a_clock_that_goes_back_opens_no_limit() {
    for text in ["day", "15m"] {
        let (window, counters) = (Window::parse(text, "UTC").unwrap(), Counters::new(10));
        let (now, before) = (window.at(NOON_S * SECOND_US), window.at((NOON_S - 90_000) * SECOND_US));
        count(&counters, 1, now, 70, 1);
        let locked = counters.lock([1].into_iter());
        assert_eq!(locked.used(1, before), (1, 70), "{text}");
        let change = locked.count(1, before, 5, false);
        assert_eq!((change.ordinal, change.until_s), (now.ordinal, now.until_s), "{text}");
        drop(locked);
        apply(&counters, change, 2);
        assert_eq!(counters.read(1, text != "day").unwrap().used(now), (2, 75), "{text}");
    }
}

#[test]
fn the_whole_is_full_at_exactly_its_most_and_a_counter_that_is_there_still_counts() {
    const MAX: usize = 3_000;
    let (counters, place) = (Counters::new(MAX), Window::Lifetime.at(0));
    let name = |number: u64| (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // Where two are needed and one has room, the second has none.
    let fit = |number: u64| {
        let (locked, mut new) = (counters.lock([name(number), name(number + 1)].into_iter()), 0);
        [number, number + 1].map(|number| locked.find(name(number), place, &mut new).1)
    };
    for number in 0..MAX as u64 {
        assert_eq!(fit(number), [true, number + 1 < MAX as u64], "{number}");
        count(&counters, name(number), place, 1, number + 1);
    }
    let most = MAX as u64;
    assert_eq!((fit(most), fit(most - 1), counters.len()), ([false; 2], [true, false], MAX));
    let locked = counters.lock([name(0)].into_iter());
    let ring = Window::Trailing { seconds: 5 }.at(0);
    assert!(!locked.find(name(0), ring, &mut 0).1, "the same name as a ring is another counter");
    // What is not locked is never taken for unused.
    assert!(!locked.find(2 << 40, place, &mut 0).1);
    assert_eq!(locked.used(2 << 40, place), (u32::MAX, i64::MAX));
    drop(locked);
    // What a sweep takes leaves room.
    let calendar = Window::parse("day", "UTC").unwrap();
    let swept = Counters::new(1);
    count(&swept, 9, calendar.at(NOON_S * 1_000_000), 1, 1);
    let gone: usize = (0..swept.shards()).map(|part| swept.sweep(part, u32::MAX - 1, || Some(2))).sum();
    assert_eq!((gone, swept.len(), swept.lock([7].into_iter()).find(7, place, &mut 0).1), (1, 0, true));
    assert!(!Counters::new(0).lock([7].into_iter()).find(7, place, &mut 0).1);
}
