//! Many threads, the same and other counters: nobody waits for ever, and nothing is lost.

use super::{Chance, named};
use authswitch::portfolio::{Counters, Counts, Window};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

const THREADS: u64 = 8;
const TURNS: u64 = 20_000;
const NAMES: u64 = 40;

#[test]
fn sums_are_exact_and_no_two_lockers_wait_for_each_other() {
    let counters = Counters::new(1_000);
    let sequence = AtomicU64::new(0);
    let sums: Vec<(AtomicU64, AtomicI64)> = (0..NAMES).map(|_| Default::default()).collect();
    let windows = [Window::Lifetime, Window::Trailing { seconds: 1_000 }];
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (counters, sequence, sums, windows) = (&counters, &sequence, &sums, &windows);
            scope.spawn(move || {
                let mut chance = Chance(thread);
                for turn in 0..TURNS {
                    // Between 1 and 16 counters, in any order, some of them twice.
                    let picked: Vec<u64> =
                        (0..=chance.below(16).min(15)).map(|_| chance.below(NAMES)).collect();
                    let mut locked = counters.lock(picked.iter().map(|number| named(*number)));
                    let mut counts = Counts::NONE;
                    for number in &picked {
                        let place = windows[*number as usize % 2].at(1_700_000_000_000_000);
                        counts.push(locked.count(named(*number), place, turn as i64, false)).unwrap();
                        sums[*number as usize].0.fetch_add(1, Ordering::Relaxed);
                        sums[*number as usize].1.fetch_add(turn as i64, Ordering::Relaxed);
                    }
                    // Taken under the locks, as the journal's are: rises for each part.
                    let own = sequence.fetch_add(1, Ordering::SeqCst) + 1;
                    locked.apply(&counts, own);
                }
            });
        }
    });
    for number in 0..NAMES {
        let window = &windows[number as usize % 2];
        let counter = counters.read(named(number), number % 2 == 1).unwrap();
        let (count, sum) = counter.used(window.at(1_700_000_000_000_000));
        let expected = &sums[number as usize];
        let expected = (expected.0.load(Ordering::Relaxed), expected.1.load(Ordering::Relaxed));
        assert_eq!((u64::from(count), sum), expected, "{number}");
    }
}
