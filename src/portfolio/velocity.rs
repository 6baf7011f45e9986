//! Counters of what was approved per day and month, and the limits they are held against.
//! Calendar windows in UTC. Must not read a clock: the day and month are arguments.

use super::civil;

/// A calendar day and month in UTC, as the counters keep them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// Days since 1970-01-01.
    pub day: u16,
    /// Months since year 0: year × 12 + (month − 1).
    pub month: u16,
}

impl Period {
    /// The period of a time in microseconds since 1970-01-01 UTC; times outside 1970 to 2149 are clamped.
    pub fn of(time_us: i64) -> Period {
        const DAY_US: i64 = 86_400_000_000;
        let day = (time_us.div_euclid(DAY_US)).clamp(0, i64::from(u16::MAX));
        Period { day: day as u16, month: civil::month_of(day) as u16 }
    }
}

/// What was approved in the current day and month of one card or account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Velocity {
    /// The day and month the counters belong to; they never go back.
    pub period: Period,
    /// Approved debits in the day.
    pub day_count: u32,
    /// Approved debits in the month.
    pub month_count: u32,
    /// Approved cash withdrawals in the day.
    pub day_cash_count: u32,
    /// Their sums, in minor units of the account's currency.
    pub day_minor: i64,
    /// Sum of the month's debits.
    pub month_minor: i64,
    /// Sum of the day's cash.
    pub day_cash_minor: i64,
}

/// A change of the counters: an approval adds, its reversal takes away from the windows that are still open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VelocityChange {
    /// The period of the approval.
    pub period: Period,
    /// +1 for an approval, −1 for its full reversal, 0 for a change of amount.
    pub count: i8,
    /// Change of the sums, in minor units.
    pub amount_minor: i64,
    /// The same as `count` for the cash counters.
    pub cash_count: i8,
    /// The part of `amount_minor` that is cash.
    pub cash_minor: i64,
}

impl Velocity {
    /// The counters as seen at `period`: zero in windows that have passed. A clock that went back stays in
    /// the later window, so that going back never opens a limit again.
    pub fn at(mut self, period: Period) -> Velocity {
        if period.month > self.period.month {
            self.month_count = 0;
            self.month_minor = 0;
            self.period.month = period.month;
        }
        if period.day > self.period.day {
            self.day_count = 0;
            self.day_minor = 0;
            self.day_cash_count = 0;
            self.day_cash_minor = 0;
            self.period.day = period.day;
        }
        self
    }

    /// Applies a change. An approval opens a new window when its period is later; a reversal whose window has
    /// passed leaves the counters alone.
    pub fn apply(&mut self, change: VelocityChange) {
        if change == VelocityChange::default() {
            return;
        }
        if change.count > 0 {
            *self = self.at(change.period);
        }
        let add = |counter: &mut u32, count: i8| *counter = counter.saturating_add_signed(i32::from(count));
        let sum = |minor: &mut i64, by: i64| *minor = minor.saturating_add(by).max(0);
        if change.count > 0 || change.period.month == self.period.month {
            add(&mut self.month_count, change.count);
            sum(&mut self.month_minor, change.amount_minor);
        }
        if change.count > 0 || change.period.day == self.period.day {
            add(&mut self.day_count, change.count);
            sum(&mut self.day_minor, change.amount_minor);
            add(&mut self.day_cash_count, change.cash_count);
            sum(&mut self.day_cash_minor, change.cash_minor);
        }
    }
}

/// The largest count or amount that is no limit.
pub const UNLIMITED: i64 = i64::MAX;

/// Limits of a card or an account; amounts in minor units of the account's currency, [`UNLIMITED`] for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Largest single debit.
    pub amount_per_transaction: i64,
    /// Sum of debits per day.
    pub amount_per_day: i64,
    /// Sum of debits per month.
    pub amount_per_month: i64,
    /// Debits per day.
    pub count_per_day: i64,
    /// Debits per month.
    pub count_per_month: i64,
    /// Largest single cash withdrawal.
    pub cash_amount_per_transaction: i64,
    /// Sum of cash per day.
    pub cash_amount_per_day: i64,
    /// Cash withdrawals per day.
    pub cash_count_per_day: i64,
}

/// Which limit a debit would pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// A number of transactions.
    Count,
    /// An amount.
    Amount,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Limits = Limits {
        amount_per_transaction: UNLIMITED,
        amount_per_day: UNLIMITED,
        amount_per_month: UNLIMITED,
        count_per_day: UNLIMITED,
        count_per_month: UNLIMITED,
        cash_amount_per_transaction: UNLIMITED,
        cash_amount_per_day: UNLIMITED,
        cash_count_per_day: UNLIMITED,
    };

    /// The first limit that a debit would pass: `count` more (0 for what adds to one that was counted) of `amount_minor`,
    /// of which `cash_minor` is cash. Counts before amounts.
    pub fn exceeded_by(
        &self,
        used: &Velocity,
        count: i64,
        amount_minor: i64,
        cash_minor: i64,
    ) -> Option<Exceeded> {
        let cash = cash_minor > 0;
        let one_more = |used: u32, limit: i64| count > 0 && i64::from(used) + count > limit;
        let more = |sum: i64, by: i64, limit: i64| sum.saturating_add(by) > limit;
        if one_more(used.day_count, self.count_per_day)
            || one_more(used.month_count, self.count_per_month)
            || cash && one_more(used.day_cash_count, self.cash_count_per_day)
        {
            return Some(Exceeded::Count);
        }
        let passed = amount_minor > self.amount_per_transaction
            || more(used.day_minor, amount_minor, self.amount_per_day)
            || more(used.month_minor, amount_minor, self.amount_per_month)
            || cash && cash_minor > self.cash_amount_per_transaction
            || cash && more(used.day_cash_minor, cash_minor, self.cash_amount_per_day);
        passed.then_some(Exceeded::Amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approve(period: Period, amount_minor: i64, cash: bool) -> VelocityChange {
        let (cash_count, cash_minor) = if cash { (1, amount_minor) } else { (0, 0) };
        VelocityChange { period, count: 1, amount_minor, cash_count, cash_minor }
    }

    #[test]
    fn periods_follow_the_calendar() {
        for (unix_s, day, year, month) in [
            (0, 0, 1970, 1),
            (951_782_400, 11_016, 2000, 2), // 29 February 2000
            (951_868_799, 11_016, 2000, 2), // its last second
            (951_868_800, 11_017, 2000, 3),
            (1_798_761_599, 20_818, 2026, 12), // 31 December 2026, 23:59:59
            (1_798_761_600, 20_819, 2027, 1),
        ] {
            assert_eq!(
                Period::of(unix_s * 1_000_000),
                Period { day, month: year * 12 + month - 1 },
                "{unix_s}"
            );
        }
    }

    #[test]
    fn counts_once_and_releases_in_the_open_window_only() {
        let (today, tomorrow) = (Period { day: 10, month: 3 }, Period { day: 11, month: 3 });
        let mut velocity = Velocity::default();
        velocity.apply(approve(today, 100, true));
        velocity.apply(approve(today, 50, false));
        assert_eq!((velocity.day_count, velocity.day_minor, velocity.day_cash_minor), (2, 150, 100));
        velocity.apply(approve(tomorrow, 7, false));
        assert_eq!((velocity.day_count, velocity.day_minor, velocity.month_minor), (1, 7, 157));
        // The reversal of yesterday's cash gives back the month, not the day.
        velocity.apply(VelocityChange {
            period: today,
            count: -1,
            amount_minor: -100,
            cash_count: -1,
            cash_minor: -100,
        });
        assert_eq!((velocity.day_count, velocity.day_minor), (1, 7));
        assert_eq!((velocity.month_count, velocity.month_minor), (2, 57));
    }

    #[test]
    fn a_clock_going_back_opens_no_window() {
        let mut velocity = Velocity::default();
        velocity.apply(approve(Period { day: 10, month: 3 }, 100, false));
        velocity.apply(approve(Period { day: 9, month: 2 }, 1, false));
        assert_eq!((velocity.period.day, velocity.day_count, velocity.month_minor), (10, 2, 101));
    }

    #[test]
    fn limits_name_the_first_one_passed() {
        let limits = Limits {
            amount_per_transaction: 50,
            count_per_day: 2,
            amount_per_day: 60,
            cash_amount_per_day: 30,
            ..Limits::NONE
        };
        let used = Velocity { day_count: 1, day_minor: 20, day_cash_minor: 20, ..Velocity::default() };
        let full = Velocity { day_count: 2, ..used };
        assert_eq!(limits.exceeded_by(&used, 1, 40, 0), None);
        assert_eq!(limits.exceeded_by(&used, 1, 41, 0), Some(Exceeded::Amount));
        assert_eq!(limits.exceeded_by(&Velocity::default(), 1, 51, 0), Some(Exceeded::Amount));
        assert_eq!(limits.exceeded_by(&used, 1, 11, 11), Some(Exceeded::Amount));
        assert_eq!(limits.exceeded_by(&full, 1, 1, 0), Some(Exceeded::Count));
    }
}
