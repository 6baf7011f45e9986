//! Days and months of the Gregorian calendar as plain numbers. Must not know zones, clocks or windows.

/// Days from 1 March of year 0 to 1970-01-01.
const EPOCH: i64 = 719_468;
/// Days in 400 years.
const ERA: i64 = 146_097;

/// The month (year × 12 + month − 1) of a day since 1970-01-01, for days from year 0 on.
pub(super) fn month_of(day: i64) -> i64 {
    // Howard Hinnant's days-to-civil arithmetic: eras of 400 years beginning on 1 March.
    let shifted = day + EPOCH;
    let era = shifted.div_euclid(ERA);
    let of_era = shifted.rem_euclid(ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    year * 12 + month - 1
}

/// The first day, since 1970-01-01, of such a month.
pub(super) fn first_day(month: i64) -> i64 {
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5;
    era * ERA + of_era - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_lies_in_its_month_and_months_join() {
        for month in 1969 * 12..2110 * 12 {
            let (first, next) = (first_day(month), first_day(month + 1));
            assert!((28..=31).contains(&(next - first)), "{month}");
            assert!((first..next).all(|day| month_of(day) == month), "{month}");
        }
        assert_eq!((first_day(1970 * 12), first_day(2000 * 12 + 2)), (0, 11_017));
    }
}
