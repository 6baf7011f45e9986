//! A small portfolio, written down so that it can be built again and again: live, for a replay, for a copy.

use authswitch::message::Pan;
use authswitch::portfolio::{
    AccountState, CardState, CardStatus, Limits, Lists, NewAccount, NewCard, Portfolio, Program, TableOptions,
};

/// What every account of [`Plan::default`] has, in minor units.
pub const FUNDS: i64 = 10_000;

/// Room for counters of limits.
pub const COUNTERS: usize = 4_096;

/// Keys the hashes of a plan's portfolio.
pub const SECRET: [u8; 16] = [7; 16];

/// The number of the n-th card.
pub fn pan(card: u64) -> Pan {
    Pan::from_parts(4_111_110_000_000_000 + card * 10, 16).unwrap()
}

/// A card to be.
#[derive(Clone, Copy)]
pub struct CardPlan {
    pub account: u32,
    pub status: CardStatus,
    pub expiry: u16,
    pub program: u16,
    pub limits: Option<Limits>,
}

impl CardPlan {
    /// A card in use, without limits of its own.
    pub fn of(account: u32) -> CardPlan {
        CardPlan { account, status: CardStatus::Active, expiry: 3012, program: 0, limits: None }
    }
}

/// A portfolio to be. Card n has the number [`pan`] (n).
#[derive(Clone)]
pub struct Plan {
    pub programs: Vec<Program>,
    /// Currency and funds.
    pub accounts: Vec<(u16, i64)>,
    pub cards: Vec<CardPlan>,
    pub table: TableOptions,
}

impl Default for Plan {
    /// Two accounts in US dollars; cards 0 and 1 spend from the first, card 2 from the second. No limits.
    fn default() -> Plan {
        Plan {
            programs: vec![Program::new("open", Limits::NONE, Limits::NONE, &Lists::default())],
            accounts: vec![(840, FUNDS), (840, FUNDS)],
            cards: [0, 0, 1].map(CardPlan::of).to_vec(),
            table: TableOptions { max: 4_096, window_us: 3 * super::DAY_US },
        }
    }
}

impl Plan {
    /// The default with these limits of each card and each account.
    pub fn limited(card: Limits, account: Limits) -> Plan {
        let programs = vec![Program::new("limited", card, account, &Lists::default())];
        Plan { programs, ..Plan::default() }
    }

    /// A fresh portfolio.
    pub fn build(&self) -> Portfolio {
        let portfolio = Portfolio::new(self.programs.clone(), self.table, SECRET);
        let mut portfolio = portfolio.with_counters(COUNTERS);
        for (currency, funds_minor) in &self.accounts {
            let state = AccountState { funds_minor: *funds_minor, ..AccountState::default() };
            portfolio.add_account(NewAccount { currency: *currency, name: 0, state });
        }
        for (number, card) in self.cards.iter().enumerate() {
            let CardPlan { account, status, expiry, program, limits } = *card;
            let new = NewCard { expiry, status, program, limits, account, state: CardState::default() };
            portfolio.add_card(pan(number as u64), new).unwrap();
        }
        portfolio
    }
}
