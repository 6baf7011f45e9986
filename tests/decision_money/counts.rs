//! Velocity by recount: a list of what was counted where, and sums over it. No running counters.

use authswitch::portfolio::{Limits, Period, Velocity};

/// A card or an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scope {
    Card(u32),
    Account(u32),
}

/// One purchase in one scope. The window it counts in is that of its own day (month), or of the latest day (month) the scope
/// has counted in, when the clock had gone back.
#[derive(Clone, Copy, Debug)]
struct Tick {
    scope: Scope,
    /// Which purchase; `None` once it can no longer be given back.
    purchase: Option<u64>,
    own: Period,
    window: Period,
    amount_minor: i64,
    /// The cash of it, and whether it counts as a withdrawal.
    cash_minor: i64,
    cash: bool,
    /// Whether it still counts in the day and in the month.
    in_day: bool,
    in_month: bool,
    day_minor: i64,
    day_cash_minor: i64,
    month_minor: i64,
}

/// Everything that was counted.
#[derive(Clone, Debug, Default)]
pub struct Counts(Vec<Tick>);

impl Counts {
    /// The latest day and month a scope has counted in.
    fn latest(&self, scope: Scope) -> Period {
        let mine = self.0.iter().filter(|tick| tick.scope == scope);
        mine.fold(Period::default(), |latest, tick| later(latest, tick.window))
    }

    /// Counts a purchase in its card and account, with the cash of it.
    pub fn add(
        &mut self,
        purchase: u64,
        scopes: [Scope; 2],
        time_us: i64,
        amount_minor: i64,
        cash_minor: i64,
    ) {
        for scope in scopes {
            let own = calendar(time_us);
            let window = later(self.latest(scope), own);
            self.0.push(Tick {
                scope,
                purchase: Some(purchase),
                own,
                window,
                amount_minor,
                cash_minor,
                cash: cash_minor > 0,
                in_day: true,
                in_month: true,
                day_minor: amount_minor,
                day_cash_minor: cash_minor,
                month_minor: amount_minor,
            });
        }
    }

    /// The purchase is now of another amount, and `cash` says whether it is one with cash (`None`: as before): in the windows
    /// of its own day and month.
    pub fn change(&mut self, purchase: u64, amount_minor: i64, cash_minor: i64, cash: Option<bool>) {
        for tick in self.0.iter_mut().filter(|tick| tick.purchase == Some(purchase)) {
            let by = amount_minor - tick.amount_minor;
            let cash_by = cash_minor - tick.cash_minor;
            (tick.amount_minor, tick.cash_minor) = (amount_minor, cash_minor);
            if tick.own.day == tick.window.day {
                tick.day_minor += by;
                tick.day_cash_minor += cash_by;
                tick.cash = cash.unwrap_or(tick.cash);
            }
            if tick.own.month == tick.window.month {
                tick.month_minor += by;
            }
        }
    }

    /// The purchase was none: given back in the windows of its own day and month. One that was counted later, because
    /// the clock had gone back, stays counted.
    pub fn remove(&mut self, purchase: u64) {
        self.change(purchase, 0, 0, None);
        for tick in self.0.iter_mut().filter(|tick| tick.purchase == Some(purchase)) {
            tick.purchase = None;
            tick.in_day &= tick.own.day != tick.window.day;
            tick.in_month &= tick.own.month != tick.window.month;
        }
    }

    /// The counters of a scope as seen at `now`, in its latest windows.
    pub fn at(&self, scope: Scope, now: Period) -> Velocity {
        let period = later(self.latest(scope), now);
        let mut velocity = Velocity { period, ..Velocity::default() };
        for tick in self.0.iter().filter(|tick| tick.scope == scope) {
            if tick.window.day == period.day {
                velocity.day_count += u32::from(tick.in_day);
                velocity.day_minor += tick.day_minor;
                velocity.day_cash_count += u32::from(tick.in_day && tick.cash);
                velocity.day_cash_minor += tick.day_cash_minor;
            }
            if tick.window.month == period.month {
                velocity.month_count += u32::from(tick.in_month);
                velocity.month_minor += tick.month_minor;
            }
        }
        velocity
    }

    /// The counters as the scope must show them.
    pub fn shown(&self, scope: Scope) -> Velocity {
        self.at(scope, Period::default())
    }
}

/// The day and month of a time, by another calendar than the counters'.
pub fn calendar(time_us: i64) -> Period {
    let date = jiff::Timestamp::from_microsecond(time_us).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = (date - jiff::civil::date(1970, 1, 1)).get_days();
    Period { day: day as u16, month: date.year() as u16 * 12 + date.month() as u16 - 1 }
}

fn later(one: Period, other: Period) -> Period {
    Period { day: one.day.max(other.day), month: one.month.max(other.month) }
}

/// Whether one more purchase passes a number, with cash or without.
pub fn too_many(limits: &Limits, used: &Velocity, cash: bool) -> bool {
    let full = |count: u32, limit: i64| i64::from(count) >= limit;
    full(used.day_count, limits.count_per_day)
        || full(used.month_count, limits.count_per_month)
        || cash && full(used.day_cash_count, limits.cash_count_per_day)
}

/// Whether an amount, and the cash of it, passes one.
pub fn too_much(limits: &Limits, used: &Velocity, amount_minor: i64, cash_minor: i64) -> bool {
    let over = |sum: i64, limit: i64| i128::from(sum) + i128::from(amount_minor) > i128::from(limit);
    let cash_over = |sum: i64, limit: i64| i128::from(sum) + i128::from(cash_minor) > i128::from(limit);
    let goods = over(0, limits.amount_per_transaction)
        || over(used.day_minor, limits.amount_per_day)
        || over(used.month_minor, limits.amount_per_month);
    let at_machines = cash_over(0, limits.cash_amount_per_transaction)
        || cash_over(used.day_cash_minor, limits.cash_amount_per_day);
    goods || cash_minor > 0 && at_machines
}
