//! A trailing window in constant memory against the list of all that happened.

use super::named;
use authswitch::portfolio::{Counters, Counts, Window};
use proptest::prelude::*;

const SECOND_US: i64 = 1_000_000;

proptest! {
    #[test]
    fn counts_all_within_the_window_and_nothing_older_by_more_than_a_part(
        seconds in prop_oneof![1u32..40, 40u32..100_000, 100_000u32..=34_560_000],
        // Steps in thousandths of the window.
        steps in prop::collection::vec((0i64..400, 1i64..1_000), 1..120),
    ) {
        let window = Window::Trailing { seconds };
        let length_us = i64::from(seconds) * SECOND_US;
        let part_us = (length_us / 16).max(SECOND_US);
        let counters = Counters::new(100);
        let (mut now_us, mut all) = (1_700_000_000 * SECOND_US, Vec::new());
        for (number, (step, amount)) in steps.into_iter().enumerate() {
            now_us += length_us / 1_000 * step;
            let place = window.at(now_us);
            let mut locked = counters.lock([named(1)].into_iter());
            let (count, sum) = locked.used(named(1), place);
            let within = |reach_us: i64| {
                let those = all.iter().filter(|(at, _)| *at > now_us - reach_us);
                those.fold((0u32, 0i64), |(count, sum), (_, amount)| (count + 1, sum + amount))
            };
            let (least, most) = (within(length_us), within(length_us + part_us));
            prop_assert!(least.0 <= count && count <= most.0, "{least:?} {count} {most:?}");
            prop_assert!(least.1 <= sum && sum <= most.1, "{least:?} {sum} {most:?}");
            let mut counts = Counts::NONE;
            counts.push(locked.count(named(1), place, amount, false)).unwrap();
            locked.apply(&counts, number as u64 + 1);
            all.push((now_us, amount));
            // When the counter no longer matters, nothing of the window is left.
            prop_assert!(i64::from(place.until_s) * SECOND_US > now_us + length_us);
            prop_assert!(i64::from(place.until_s) * SECOND_US <= now_us + length_us + part_us + SECOND_US);
        }
    }
}
