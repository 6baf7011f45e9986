//! The limit on an account's life by recount: what was counted, how much of it still counts, and sums over that. No running
//! counters. Unlike velocity it gives back what runs out.

/// One purchase.
#[derive(Clone, Copy, Debug)]
struct Tick {
    account: u32,
    minor: i64,
    counts: bool,
    /// What becomes of the purchase still changes what counts.
    open: bool,
}

/// Every purchase that was counted, in the order of their numbers from 1.
#[derive(Default)]
pub struct Life {
    ticks: Vec<Tick>,
}

impl Life {
    /// Counts the next purchase.
    pub fn add(&mut self, account: u32, minor: i64) {
        self.ticks.push(Tick { account, minor, counts: true, open: true });
    }

    fn open(&mut self, purchase: u64) -> Option<&mut Tick> {
        let place = (purchase as usize).checked_sub(1)?;
        self.ticks.get_mut(place).filter(|tick| tick.open)
    }

    /// The purchase is now of another amount.
    pub fn change(&mut self, purchase: u64, minor: i64) {
        if let Some(tick) = self.open(purchase) {
            tick.minor = minor;
        }
    }

    /// The purchase was none.
    pub fn remove(&mut self, purchase: u64) {
        self.ends(purchase, 0);
    }

    /// Its hold has run out: what completions had spent of it counts for good, and what is nothing counts as none.
    pub fn ends(&mut self, purchase: u64, spent: i64) {
        if let Some(tick) = self.open(purchase) {
            *tick = Tick { minor: spent, counts: spent > 0, open: false, ..*tick };
        }
    }

    /// The purchase stays counted for good.
    pub fn keep(&mut self, purchase: u64) {
        if let Some(tick) = self.open(purchase) {
            tick.open = false;
        }
    }

    /// How many count for an account, and how much.
    pub fn of(&self, account: u32) -> (u32, i64) {
        let mine = self.ticks.iter().filter(|tick| tick.account == account && tick.counts);
        mine.fold((0, 0), |(count, minor), tick| (count + 1, minor + tick.minor))
    }
}
