//! Taking cards out of the directory of a stopped switch, and counting who is in it. Must not know files.

use super::{Card, NewCard, Portfolio};
use crate::portfolio::{AccountId, CardId, CardStatus};
use parking_lot::Mutex;
use std::collections::HashSet;

/// What [`Portfolio::remove_program`] took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Cards.
    pub cards: usize,
    /// Accounts that none but they spent from.
    pub accounts: usize,
    /// Open authorizations of theirs, which end as they would have.
    pub holds: usize,
}

impl Portfolio {
    /// Adds the place of a card that was taken out: what records say of it still has a place, its number is nobody's.
    pub(in crate::portfolio) fn add_removed(&mut self, new: NewCard) {
        let id = self.cards.len() as CardId;
        let NewCard { expiry, status, program, account, state, .. } = new;
        self.cards.push(Card { id, expiry, status, program, limits: 0, account, state: Mutex::new(state) });
    }

    /// Takes out the cards of a program (by its index): from now on their numbers are unknown. Records name cards and
    /// accounts by their places, so these stay, and what is still open of them ends as it would have; an account's
    /// labels go with the last of its cards.
    pub fn remove_program(&mut self, program: u16) -> Removed {
        let mut gone = vec![false; self.cards.len()];
        self.numbers.retain(|_, owner| {
            let is_gone = self.cards[owner.card as usize].program == program;
            gone[owner.card as usize] = is_gone;
            !is_gone
        });
        let in_use: HashSet<AccountId> = self.numbers.iter().map(|entry| entry.value().account).collect();
        let mut accounts = HashSet::new();
        for card in self.cards.iter_mut().filter(|card| gone[card.id as usize]) {
            (card.status, card.limits) = (CardStatus::Closed, 0);
            if !in_use.contains(&card.account) && accounts.insert(card.account) {
                let account = &mut self.accounts[card.account as usize];
                (account.name, account.customer) = (0, 0);
            }
        }
        let mut removed = Removed {
            cards: gone.iter().filter(|is_gone| **is_gone).count(),
            accounts: accounts.len(),
            holds: 0,
        };
        self.table.visit(|shard| {
            let open = shard.iter().filter(|transaction| !transaction.is_closed());
            removed.holds += open.filter(|open| gone.get(open.card as usize) == Some(&true)).count();
        });
        removed
    }

    /// Cards that have a number, and the accounts that they spend from.
    pub fn count(&self) -> (usize, usize) {
        let mut accounts = vec![false; self.accounts.len()];
        self.numbers.iter().for_each(|owner| accounts[owner.account as usize] = true);
        (self.numbers.len(), accounts.iter().filter(|counts| **counts).count())
    }
}
