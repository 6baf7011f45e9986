//! The directory: card number -> card, and everything by its id. Filled before the switch serves; after that only
//! the states behind the small locks change. Cards and accounts lie side by side in two lists, without a pointer or
//! a header of their own: that halves the memory of a million, and saves a decision two trips to it.

mod removal;
pub use removal::Removed;

use super::table::hash_of;
use super::{
    Account, AccountId, AccountState, Asked, Card, CardId, CardState, CardStatus, Counters, Limits, Program,
    Record, Swept, Table, TableOptions, Traits, TransactionKey, VelocityChange, Written,
};
use crate::message::Pan;
use dashmap::DashMap;
use parking_lot::Mutex;
use siphasher::sip::SipHasher13;
use siphasher::sip128::SipHasher13 as SipHasher128;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use zeroize::Zeroizing;

/// Spreads the digits of a card number over 64 bits. Nobody but the operator adds cards, so that a fast mix is
/// enough: a flood of made-up numbers only looks up.
#[derive(Clone, Copy, Debug, Default)]
pub struct PanHasher(u64);

impl Hasher for PanHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// Parts of the directory, each with a lock of its own: so many that workers rarely meet at one.
const DIRECTORY_SHARDS: usize = 256;

/// Stands for the number of a card that was taken out: no card number is packed like that.
pub(super) const NO_NUMBER: u64 = u64::MAX;

/// Cards, accounts, transactions and programs.
#[derive(Debug)]
pub struct Portfolio {
    numbers: DashMap<Pan, Owner, BuildHasherDefault<PanHasher>>,
    cards: Vec<Card>,
    accounts: Vec<Account>,
    programs: Vec<Program>,
    limits: Vec<Limits>,
    limits_index: HashMap<Limits, u16>,
    /// The remembered transactions.
    pub table: Table,
    /// The counters of limits.
    pub counters: Counters,
    secret: [u8; 16],
}

/// Whose number it is. With the account beside the card, memory is asked for both at once.
#[derive(Clone, Copy, Debug)]
struct Owner {
    card: CardId,
    account: AccountId,
}

/// An account to add.
#[derive(Clone, Copy, Debug)]
pub struct NewAccount {
    /// ISO 4217 numeric.
    pub currency: u16,
    /// Keyed hash of the name it has in CSV files.
    pub name: u64,
    /// Its figures; all but the funds zero for a new one.
    pub state: AccountState,
}

/// A card to add.
#[derive(Clone, Copy, Debug)]
pub struct NewCard {
    /// Last month it is good for, YYMM.
    pub expiry: u16,
    /// May it be used?
    pub status: CardStatus,
    /// Index of its program.
    pub program: u16,
    /// Its own limits, if any.
    pub limits: Option<Limits>,
    /// The account it spends from.
    pub account: AccountId,
    /// Its counters; all zero for a new one.
    pub state: CardState,
}

/// Sums over all accounts, for reports and checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Funds when loaded.
    pub funds_minor: i128,
    /// What may still be spent.
    pub available_minor: i128,
    /// Held by open authorizations.
    pub held_minor: i128,
    /// Posted.
    pub posted_minor: i128,
}

/// More than 65,534 different sets of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than 65,534 different sets of limits: put common ones into programs")]
pub struct TooManyLimits;

impl Portfolio {
    /// An empty portfolio. `secret` keys the hashes that name transactions; it must stay the same for one data
    /// folder.
    pub fn new(programs: Vec<Program>, table: TableOptions, secret: [u8; 16]) -> Portfolio {
        Portfolio {
            numbers: DashMap::with_hasher_and_shard_amount(BuildHasherDefault::default(), DIRECTORY_SHARDS),
            cards: Vec::new(),
            accounts: Vec::new(),
            programs,
            // Number 0 means "the program's"; its content is never read.
            limits: vec![Limits::NONE],
            limits_index: HashMap::new(),
            table: Table::new(table),
            counters: Counters::new(0),
            secret,
        }
    }

    /// The same with room for about this many counters of limits.
    pub fn with_counters(self, max: usize) -> Portfolio {
        Portfolio { counters: Counters::new(max), ..self }
    }

    /// Touches the memory that transactions and counters of limits (`with_limits`) will use, on so many threads: to be called
    /// before the first message, which would wait for it under a lock. Changes nothing.
    pub fn touch(&self, with_limits: bool, threads: usize) {
        let counters = self.counters.touches().filter(|_| with_limits);
        let touches = Mutex::new(self.table.touches(with_limits).into_iter().chain(counters));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    // One after the other is taken, so that nobody is left with the large ones.
                    let next = || touches.lock().next();
                    while let Some(touch) = next() {
                        touch();
                    }
                });
            }
        });
    }

    fn intern(&mut self, limits: Option<Limits>) -> Result<u16, TooManyLimits> {
        let Some(limits) = limits else { return Ok(0) };
        if let Some(index) = self.limits_index.get(&limits) {
            return Ok(*index);
        }
        let index = u16::try_from(self.limits.len()).map_err(|_| TooManyLimits)?;
        self.limits.push(limits);
        self.limits_index.insert(limits, index);
        Ok(index)
    }

    /// Makes room for this many more cards and accounts.
    pub fn reserve(&mut self, cards: usize, accounts: usize) {
        self.cards.reserve_exact(cards);
        self.accounts.reserve_exact(accounts);
    }

    /// Adds an account and returns its id.
    pub fn add_account(&mut self, new: NewAccount) -> AccountId {
        let id = self.accounts.len() as AccountId;
        let state = Mutex::new(new.state);
        self.accounts.push(Account { id, currency: new.currency, name: new.name, customer: 0, state });
        id
    }

    /// Says whose an account is: the keyed hash of its customer ([`Portfolio::customer_of`]), 0 for nobody's.
    pub fn set_customer(&mut self, account: AccountId, customer: u64) {
        if let Some(account) = self.accounts.get_mut(account as usize) {
            account.customer = customer;
        }
    }

    /// Adds a card and returns its id; a card with the same number is replaced and keeps its id.
    ///
    /// # Panics
    /// When the account is not one this portfolio gave out.
    pub fn add_card(&mut self, pan: Pan, new: NewCard) -> Result<CardId, TooManyLimits> {
        assert!((new.account as usize) < self.accounts.len(), "the card's account must be there");
        let known = self.numbers.get(&pan).map(|owner| owner.card);
        let id = known.unwrap_or(self.cards.len() as CardId);
        let card = Card {
            id,
            expiry: new.expiry,
            status: new.status,
            program: new.program,
            limits: self.intern(new.limits)?,
            account: new.account,
            state: Mutex::new(new.state),
        };
        match known {
            Some(id) => self.cards[id as usize] = card,
            None => self.cards.push(card),
        }
        self.numbers.insert(pan, Owner { card: id, account: new.account });
        Ok(id)
    }

    /// The card with this number.
    pub fn card(&self, pan: Pan) -> Option<&Card> {
        self.owner(pan).map(|(card, _)| card)
    }

    /// The card with this number, and the account it spends from.
    pub fn owner(&self, pan: Pan) -> Option<(&Card, &Account)> {
        let owner = *self.numbers.get(&pan)?;
        Some((self.cards.get(owner.card as usize)?, self.accounts.get(owner.account as usize)?))
    }

    /// The card with this id.
    pub fn card_by_id(&self, id: CardId) -> Option<&Card> {
        self.cards.get(id as usize)
    }

    /// The account with this id.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id as usize)
    }

    /// The account a card of this portfolio spends from.
    pub fn account_of(&self, card: &Card) -> &Account {
        &self.accounts[card.account as usize]
    }

    /// All accounts, by id.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// All cards, by id, those that were taken out among them.
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The number of every card as [`Pan::packed`], by the card's id, and what none is packed
    /// as where it was taken out. Clear card numbers: wiped when dropped.
    pub fn numbers(&self) -> Zeroizing<Vec<u64>> {
        let mut numbers = Zeroizing::new(vec![NO_NUMBER; self.cards.len()]);
        for entry in &self.numbers {
            numbers[entry.value().card as usize] = entry.key().packed();
        }
        numbers
    }

    /// A card's program.
    pub fn program(&self, card: &Card) -> &Program {
        &self.programs[usize::from(card.program)]
    }

    /// All programs, in the order of their indexes.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The limits a card is held to: its own, else its program's.
    pub fn card_limits(&self, card: &Card) -> &Limits {
        match card.limits {
            0 => &self.program(card).card_limits,
            own => &self.limits[usize::from(own)],
        }
    }

    /// The limits its account is held to: the card's program's.
    pub fn account_limits(&self, card: &Card) -> &Limits {
        &self.program(card).account_limits
    }

    /// A card's own limits by their index; `None` for the program's.
    pub fn own_limits(&self, index: u16) -> Option<Limits> {
        if index == 0 { None } else { self.limits.get(usize::from(index)).copied() }
    }

    /// The name of the transaction identified by these numbers: a hash keyed by the folder's secret.
    pub fn transaction_key<const N: usize>(&self, parts: &[u64; N]) -> TransactionKey {
        // All bytes at once: half the work of one number after the other.
        let bytes = parts.map(u64::to_le_bytes);
        TransactionKey(SipHasher128::new_with_key(&self.secret).hash(bytes.as_flattened()).as_u128())
    }

    /// A keyed 64-bit hash, never 0.
    pub fn keyed_hash<const N: usize>(&self, parts: &[u64; N]) -> u64 {
        self.keyed_hash_of(parts.map(u64::to_le_bytes).as_flattened())
    }

    /// A keyed 64-bit hash of bytes, never 0.
    pub(super) fn keyed_hash_of(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_key(&self.secret).hash(bytes).max(1)
    }

    /// The keyed hash that stands for an account's label; never 0.
    pub fn name_of(&self, label: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        hasher.write(b"account ");
        hasher.write(label);
        hasher.finish().max(1)
    }

    /// The keyed hash that stands for a customer's label; never 0.
    pub fn customer_of(&self, label: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        hasher.write(b"customer ");
        hasher.write(label);
        hasher.finish().max(1)
    }

    /// What a message with this second name said of itself, for the transaction that it makes or belongs to.
    pub fn traits_of(&self, asked: &Asked, name: u64) -> Traits {
        Traits::of(asked, name, |bytes| self.keyed_hash_of(bytes))
    }

    /// Applies a record read back from the journal. Parts that already hold it (a snapshot taken while running)
    /// are left alone.
    pub fn apply(&self, record: &Record, sequence: u64) {
        if let Some(own) = &record.transaction {
            let related = record.related.as_ref();
            let (mut shard, mut other) = self.table.lock_both(own.key, related.unwrap_or(own).key);
            // Asked before the first is set: both may live in one shard.
            let lacks = sequence > shard.sequence();
            let other_lacks = other.as_ref().is_some_and(|other| sequence > other.sequence());
            let written = Written { sequence, time_us: record.time_us, counts: &[] };
            // In the order in which the decision set them: a new one makes room in its shard, maybe that of the other.
            match (related, &mut other) {
                (Some(related), None) if lacks => {
                    self.table.put(&mut shard, related, written, Traits::default);
                }
                (Some(related), Some(other)) if other_lacks => {
                    self.table.put(other, related, written, Traits::default);
                }
                _ => {}
            }
            if lacks {
                let written = Written { counts: &record.counts, ..written };
                self.table.put(&mut shard, own, written, || self.traits_of(&record.asked, record.name));
            }
        }
        if !record.counts.is_empty() {
            let mut locked = self.counters.lock(record.counts.iter().map(|change| change.counter));
            locked.apply(&record.counts, sequence);
        }
        if let Some(Swept { shard, before_s }) = record.swept {
            self.counters.apply_sweep(usize::from(shard), before_s, sequence);
        }
        if !record.moves() {
            return;
        }
        if let Some(card) = self.card_by_id(record.card) {
            let mut state = card.state.lock();
            if sequence > state.sequence {
                record.apply_to_card(&mut state, sequence);
            }
        }
        if let Some(account) = self.account(record.account) {
            let mut state = account.state.lock();
            if sequence > state.sequence {
                record.apply_to_account(&mut state, sequence);
            }
        }
    }

    /// Sums over all accounts. Exact only while nothing is decided.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for account in &self.accounts {
            let state = account.state.lock();
            totals.funds_minor += i128::from(state.funds_minor);
            totals.available_minor += i128::from(state.available_minor());
            totals.held_minor += i128::from(state.held_minor);
            totals.posted_minor += i128::from(state.posted_minor);
        }
        totals
    }

    /// One number for the whole state: equal states have equal hashes. Exact only while nothing is decided.
    pub fn state_hash(&self) -> u64 {
        let mut sum = self.table.hash().wrapping_add(self.counters.hash());
        for card in &self.cards {
            let state = card.state.lock();
            let parts = (u64::from(card.id), hash_of(&state.velocity));
            sum = sum.wrapping_add(mix(parts.0 << 1, parts.1));
        }
        for account in &self.accounts {
            let state = account.state.lock();
            let money =
                mix(mix(state.funds_minor as u64, state.posted_minor as u64), state.held_minor as u64);
            sum = sum.wrapping_add(mix(u64::from(account.id) << 1 | 1, mix(money, hash_of(&state.velocity))));
        }
        sum
    }
}

fn mix(a: u64, b: u64) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write_u64(a);
    hasher.write_u64(b);
    hasher.finish()
}

impl Record {
    /// Whether it changes any figure of the card or the account.
    pub fn moves(&self) -> bool {
        self.held_change_minor != 0
            || self.posted_change_minor != 0
            || self.velocity != VelocityChange::default()
    }

    /// Applies the record's effects to its card.
    pub fn apply_to_card(&self, state: &mut CardState, sequence: u64) {
        state.velocity.apply(self.velocity);
        state.sequence = sequence;
    }

    /// Applies the record's effects to its account.
    pub fn apply_to_account(&self, state: &mut AccountState, sequence: u64) {
        state.held_minor += self.held_change_minor;
        state.posted_minor += self.posted_change_minor;
        state.velocity.apply(self.velocity);
        state.sequence = sequence;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use siphasher::sip128::Hasher128;

    const SECRET: [u8; 16] = *b"a folder's salt.";

    fn portfolio() -> Portfolio {
        Portfolio::new(vec![], TableOptions { max: 1, window_us: 1 }, SECRET)
    }

    /// Data folders hold names that were made number by number.
    #[test]
    fn names_are_the_hashes_of_their_numbers_one_after_the_other() {
        let (portfolio, numbers) = (portfolio(), [1, u64::MAX, 0, 4_111_110_000_000_013]);
        let (mut short, mut long) = (SipHasher13::new_with_key(&SECRET), SipHasher128::new_with_key(&SECRET));
        for number in numbers {
            short.write_u64(number);
            long.write_u64(number);
        }
        assert_eq!(portfolio.keyed_hash(&numbers), short.finish());
        assert_eq!({ portfolio.transaction_key(&numbers).0 }, long.finish128().as_u128());
    }

    #[test]
    fn a_replaced_card_keeps_its_id_and_spends_from_its_new_account() {
        let mut portfolio = portfolio();
        let pan = Pan::from_digits(b"4111110000000013").unwrap();
        let mut ids = Vec::new();
        for currency in [840, 978] {
            let account =
                portfolio.add_account(NewAccount { currency, name: 0, state: AccountState::default() });
            let card = NewCard {
                expiry: 3012,
                status: CardStatus::Active,
                program: 0,
                limits: None,
                account,
                state: CardState::default(),
            };
            ids.push(portfolio.add_card(pan, card).unwrap());
            let (card, account) = portfolio.owner(pan).unwrap();
            assert_eq!((account.currency, portfolio.account_of(card).currency), (currency, currency));
        }
        assert_eq!((ids[0], portfolio.cards().len()), (ids[1], 1));
        assert_eq!(portfolio.numbers()[..], [pan.packed()]);
    }
}
