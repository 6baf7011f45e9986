//! Velocity by recount: lists of what was counted, and sums over them. No running counters.

use authswitch::portfolio::{Limits, Period, Velocity};

/// A card or an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scope {
    Card(u32),
    Account(u32),
}

/// One purchase in one scope. The window it counts in is that of its own day (month), or of the latest day (month) the
/// scope has counted in, when the clock had gone back.
#[derive(Clone, Copy, Debug)]
struct Tick {
    /// Which purchase; 0 once it can no longer be given back.
    purchase: u64,
    own: Period,
    window: Period,
    amount_minor: i64,
    /// The cash of it, and whether it counts as a withdrawal.
    cash_minor: i64,
    cash: bool,
    day_cash_minor: i64,
    /// What it still counts as in its day, in its month.
    day: Part,
    month: Part,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    counts: bool,
    minor: i64,
}

/// Everything that was counted, by card and by account.
pub struct Counts {
    cards: Vec<Vec<Tick>>,
    accounts: Vec<Vec<Tick>>,
}

impl Counts {
    pub fn new(cards: usize, accounts: usize) -> Counts {
        Counts { cards: vec![Vec::new(); cards], accounts: vec![Vec::new(); accounts] }
    }

    fn ticks(&self, scope: Scope) -> &Vec<Tick> {
        match scope {
            Scope::Card(card) => &self.cards[card as usize],
            Scope::Account(account) => &self.accounts[account as usize],
        }
    }

    /// The latest day and month a scope has counted in.
    fn latest(&self, scope: Scope) -> Period {
        self.ticks(scope).iter().fold(Period::default(), |latest, tick| later(latest, tick.window))
    }

    /// Counts a purchase in its card and account.
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
            let part = Part { counts: true, minor: amount_minor };
            let tick = Tick {
                purchase,
                own,
                window,
                amount_minor,
                cash_minor,
                cash: cash_minor > 0,
                day_cash_minor: cash_minor,
                day: part,
                month: part,
            };
            match scope {
                Scope::Card(card) => self.cards[card as usize].push(tick),
                Scope::Account(account) => self.accounts[account as usize].push(tick),
            }
        }
    }

    fn of_purchase(&mut self, purchase: u64) -> impl Iterator<Item = &mut Tick> {
        let all = self.cards.iter_mut().chain(&mut self.accounts).flatten();
        all.filter(move |tick| tick.purchase == purchase)
    }

    /// The purchase is now of another amount, and `cash` says whether it is one with cash (`None`: as before): in the windows
    /// of its own day and month.
    pub fn change(&mut self, purchase: u64, amount_minor: i64, cash_minor: i64, cash: Option<bool>) {
        for tick in self.of_purchase(purchase) {
            let by = amount_minor - tick.amount_minor;
            let cash_by = cash_minor - tick.cash_minor;
            (tick.amount_minor, tick.cash_minor) = (amount_minor, cash_minor);
            if tick.own.day == tick.window.day {
                tick.day.minor += by;
                tick.day_cash_minor += cash_by;
                tick.cash = cash.unwrap_or(tick.cash);
            }
            tick.month.minor += if tick.own.month == tick.window.month { by } else { 0 };
        }
    }

    /// The purchase was none: given back in the windows of its own day and month. One that was counted later, because
    /// the clock had gone back, stays counted.
    pub fn remove(&mut self, purchase: u64) {
        self.change(purchase, 0, 0, None);
        for tick in self.of_purchase(purchase) {
            tick.purchase = 0;
            tick.day.counts &= tick.own.day != tick.window.day;
            tick.month.counts &= tick.own.month != tick.window.month;
        }
    }

    /// The purchase stays counted for good.
    pub fn keep(&mut self, purchase: u64) {
        if purchase != 0 {
            self.of_purchase(purchase).for_each(|tick| tick.purchase = 0);
        }
    }

    /// The counters of a scope as seen at `now`, in its latest windows.
    pub fn at(&self, scope: Scope, now: Period) -> Velocity {
        let period = later(self.latest(scope), now);
        let mut velocity = Velocity { period, ..Velocity::default() };
        for tick in self.ticks(scope) {
            if tick.window.day == period.day {
                velocity.day_count += u32::from(tick.day.counts);
                velocity.day_minor += tick.day.minor;
                velocity.day_cash_count += u32::from(tick.day.counts && tick.cash);
                velocity.day_cash_minor += tick.day_cash_minor;
            }
            if tick.window.month == period.month {
                velocity.month_count += u32::from(tick.month.counts);
                velocity.month_minor += tick.month.minor;
            }
        }
        velocity
    }

    /// The counters as the scope must show them.
    pub fn shown(&self, scope: Scope) -> Velocity {
        self.at(scope, Period::default())
    }
}

/// The day and month of a time, counted year by year and month by month.
pub fn calendar(time_us: i64) -> Period {
    let day = time_us.div_euclid(86_400_000_000);
    // A year that began before the day; the worlds play in this century.
    let (mut year, mut left) = (2000, day - 10_957);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    for length in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    Period { day: day as u16, month: (year * 12 + month) as u16 }
}

fn later(one: Period, other: Period) -> Period {
    Period { day: one.day.max(other.day), month: one.month.max(other.month) }
}

/// Whether one more purchase passes a number.
pub fn too_many(limits: &Limits, used: &Velocity, cash: bool) -> bool {
    let full = |count: u32, limit: i64| i64::from(count) >= limit;
    full(used.day_count, limits.count_per_day)
        || full(used.month_count, limits.count_per_month)
        || cash && full(used.day_cash_count, limits.cash_count_per_day)
}

/// Whether one more purchase passes an amount.
pub fn too_much(limits: &Limits, used: &Velocity, amount_minor: i64, cash_minor: i64) -> bool {
    let cash_over = |sum: i64, limit: i64| i128::from(sum) + i128::from(cash_minor) > i128::from(limit);
    let over = |sum: i64, limit: i64| i128::from(sum) + i128::from(amount_minor) > i128::from(limit);
    let goods = over(0, limits.amount_per_transaction)
        || over(used.day_minor, limits.amount_per_day)
        || over(used.month_minor, limits.amount_per_month);
    let at_machines = cash_over(0, limits.cash_amount_per_transaction)
        || cash_over(used.day_cash_minor, limits.cash_amount_per_day);
    goods || cash_minor > 0 && at_machines
}
