//! 0100 and 0200: a column of named refusals, then the approval and its effects.

use super::{Decision, Desk, LinkTerms, Shards, Sink, States, amount_in, first_seen, fits};
use crate::message::{Balances, Kind, Operation, Refusal, Request, carries_balances};
use crate::portfolio::{
    Account, AccountState, CASH, COUNTED, Card, CardState, CardStatus, Event, Exceeded, NOBODY,
    PREAUTHORIZATION, Period, REQUEST_SEEN, Record, Shard, State, Transaction, VelocityChange,
};

impl Desk {
    pub(super) fn decide_request(
        &self,
        request: &Request,
        terms: &LinkTerms,
        now_us: i64,
        sink: &impl Sink,
    ) -> Decision {
        // The card comes first: it is the longest way into memory, and the hash below is made meanwhile. No lock
        // is needed for it, since nothing looked at here changes while the switch runs.
        let owner = request.pan.and_then(|pan| self.portfolio.owner(pan));
        let key = self.own_key(request, terms);
        let checked = match owner {
            None => Err(Refusal::UnknownCard),
            Some((card, account)) => self
                .check_card(request, card, account.currency, now_us)
                .map(|amount_minor| (card, account, amount_minor)),
        };
        let mut new = first_seen(request, key, self, now_us);
        new.flags = REQUEST_SEEN;
        let mut record = self.record(Event::Request, request, key, terms, now_us);
        let mut shard = self.portfolio.table.lock(key);
        if let Some(known) = shard.get(key).copied() {
            return self.answer_again(&known, &new, &mut shard, record, sink);
        }
        if let Some((card, account)) = owner {
            (new.card, new.account) = (card.id, account.id);
            (record.card, record.account) = (card.id, account.id);
        }
        let mut shards = Shards::one(key, &mut shard);
        match checked {
            Err(refusal) => self.decline(refusal, new, record, &mut shards, sink),
            Ok((card, account, amount_minor)) => {
                new.amount_minor = amount_minor;
                self.decide_money(request, (card, account), new, record, &mut shards, sink)
            }
        }
    }

    /// Answers 91 to a request whose budget was spent before it was decided, and remembers that answer.
    pub fn decline_late(
        &self,
        request: &Request,
        terms: &LinkTerms,
        now_us: i64,
        sink: &impl Sink,
    ) -> Decision {
        let key = self.own_key(request, terms);
        let mut shard = self.portfolio.table.lock(key);
        let mut new = first_seen(request, key, self, now_us);
        new.flags = REQUEST_SEEN;
        let mut record = self.record(Event::Request, request, key, terms, now_us);
        if let Some(card) = request.pan.and_then(|pan| self.portfolio.card(pan)) {
            (new.card, new.account) = (card.id, card.account);
            (record.card, record.account) = (card.id, card.account);
        }
        match shard.get(key).copied() {
            Some(known) => self.answer_again(&known, &new, &mut shard, record, sink),
            None => self.decline(Refusal::BudgetSpent, new, record, &mut Shards::one(key, &mut shard), sink),
        }
    }

    /// The key has been seen: the stored answer again, without a second effect, or 94.
    fn answer_again(
        &self,
        known: &Transaction,
        new: &Transaction,
        shard: &mut Shard,
        mut record: Record,
        sink: &impl Sink,
    ) -> Decision {
        let refusal = match known.state {
            State::Tombstone => Some(Refusal::AlreadyReversed),
            State::Reversed if !known.has(REQUEST_SEEN) => Some(Refusal::AlreadyReversed),
            _ if known.has(REQUEST_SEEN) && known.fingerprint != new.fingerprint => {
                Some(Refusal::DuplicateKey)
            }
            // The advice came first. Its answer is none for a card we do not have, nor for another amount.
            _ if !known.has(REQUEST_SEEN) && known.card == NOBODY => Some(Refusal::UnknownCard),
            _ if !known.has(REQUEST_SEEN) && known.requested_minor != new.requested_minor => {
                Some(Refusal::DuplicateKey)
            }
            _ => None,
        };
        if let Some(refusal) = refusal {
            (record.refusal, record.code) = (refusal, refusal.code());
            let sequence = self.commit(&record, &mut Shards::one(known.key, shard), None, sink);
            return match sequence {
                Some(sequence) => Decision { sequence, ..Decision::refused(refusal, known.key) },
                None => Decision::refused(Refusal::NotStored, known.key),
            };
        }
        let stored = stored_answer(known, self, sink.appended());
        if known.has(REQUEST_SEEN) {
            return stored;
        }
        // Another stood in for us before the request arrived: its answer is the answer, and the money has moved.
        (record.refusal, record.code) = (known.refusal, known.code);
        let seen = Transaction { flags: known.flags | REQUEST_SEEN, fingerprint: new.fingerprint, ..*known };
        record.transaction = Some(seen);
        match self.commit(&record, &mut Shards::one(known.key, shard), None, sink) {
            Some(sequence) => Decision { sequence, ..stored },
            None => Decision::refused(Refusal::NotStored, known.key),
        }
    }

    /// What the card and the settings refuse, before any counter or balance is looked at. Returns the amount in
    /// the account's currency.
    fn check_card(&self, request: &Request, card: &Card, currency: u16, now_us: i64) -> Result<i64, Refusal> {
        let program = self.portfolio.program(card);
        if request.pan_mismatch {
            return Err(Refusal::PanMismatch);
        }
        let refund = request.operation == Operation::Credit;
        match card.status {
            CardStatus::Active => {}
            CardStatus::Lost => return Err(Refusal::Lost),
            CardStatus::Stolen => return Err(Refusal::Stolen),
            CardStatus::Fraud => return Err(Refusal::Fraud),
            CardStatus::Inactive | CardStatus::Blocked | CardStatus::Closed => {
                return Err(Refusal::Restricted);
            }
            CardStatus::DoNotHonor => return Err(Refusal::DoNotHonor),
            CardStatus::PinBlocked => {}
        }
        // Money going back to the holder does not depend on the plastic's date.
        if !refund
            && (has_expired(card.expiry, now_us) || request.expiry != 0 && request.expiry != card.expiry)
        {
            return Err(Refusal::Expired);
        }
        // A refund needs no PIN.
        if !refund && card.status == CardStatus::PinBlocked {
            return Err(Refusal::PinTries);
        }
        if request.operation == Operation::Unsupported {
            return Err(Refusal::InvalidTransaction);
        }
        if !refund && !program.allows_category(request.merchant_category) {
            return Err(Refusal::MerchantCategory);
        }
        if !refund && !program.allows_country(request.country) {
            return Err(Refusal::Country);
        }
        match (request.operation, amount_in(request, currency)) {
            (Operation::Inquiry | Operation::Verification, amount) => Ok(amount.unwrap_or(0)),
            (_, None) => Err(Refusal::Currency),
            (_, Some(0)) => Err(Refusal::InvalidAmount),
            (_, Some(amount)) => Ok(amount),
        }
    }

    /// Counters, limits and funds under the card's and the account's locks; then the effects.
    fn decide_money(
        &self,
        request: &Request,
        (card, account): (&Card, &Account),
        mut new: Transaction,
        mut record: Record,
        shards: &mut Shards<'_>,
        sink: &impl Sink,
    ) -> Decision {
        let mut card_state = card.state.lock();
        let mut account_state = account.state.lock();
        let period = Period::of(record.time_us);
        let holds_money = request.operation.is_debit() && request.kind == Kind::Authorization;
        if let Err(refusal) =
            self.check_money(request, card, &card_state, &account_state, new.amount_minor, period)
        {
            return self.decline(refusal, new, record, shards, sink);
        }
        if holds_money && !shards.own.has_room(false) {
            return self.decline(Refusal::TableFull, new, record, shards, sink);
        }
        new.approval = approval_code(new.key.0);
        new.state = State::Approved;
        if request.operation.is_debit() {
            let cash = request.operation == Operation::Cash;
            new.flags |= COUNTED | if cash { CASH } else { 0 };
            record.velocity = VelocityChange { period, count: 1, amount_minor: new.amount_minor, cash };
        }
        match (request.kind, request.operation) {
            (Kind::Authorization, Operation::Purchase | Operation::Cash) => {
                new.state = State::Held;
                new.held_minor = new.amount_minor;
                new.flags |= if request.preauthorization { PREAUTHORIZATION } else { 0 };
                new.expires_s = self.hold_end(request.preauthorization, record.time_us);
            }
            (_, Operation::Purchase | Operation::Cash) => {
                new.state = State::Posted;
                new.posted_minor = new.amount_minor;
            }
            // A refund is posted when it comes as a financial request; its authorization moves no money.
            (Kind::Financial, Operation::Credit) => {
                new.state = State::Posted;
                new.posted_minor = -new.amount_minor;
            }
            (_, Operation::Inquiry) => {
                new.balances_minor = [account_state.ledger_minor(), account_state.available_minor()];
            }
            _ => {}
        }
        if !fits(&account_state, new.held_minor, new.posted_minor) {
            return self.decline(Refusal::InvalidAmount, new, record, shards, sink);
        }
        (record.held_change_minor, record.posted_change_minor) = (new.held_minor, new.posted_minor);
        record.transaction = Some(new);
        let states = States { card: &mut card_state, account: &mut account_state };
        match self.commit(&record, shards, Some(states), sink) {
            Some(sequence) => Decision { repeat: false, ..stored_answer(&new, self, sequence) },
            None => Decision::refused(Refusal::NotStored, new.key),
        }
    }

    fn check_money(
        &self,
        request: &Request,
        card: &Card,
        card_state: &CardState,
        account_state: &AccountState,
        amount_minor: i64,
        period: Period,
    ) -> Result<(), Refusal> {
        if !request.operation.is_debit() {
            return Ok(());
        }
        let cash = request.operation == Operation::Cash;
        let (of_card, of_account) = (card_state.velocity.at(period), account_state.velocity.at(period));
        let card_limit = self.portfolio.card_limits(card).exceeded_by(&of_card, amount_minor, cash);
        let account_limit = self.portfolio.account_limits(card).exceeded_by(&of_account, amount_minor, cash);
        match (card_limit, account_limit) {
            (Some(Exceeded::Count), _) => return Err(Refusal::CardCount),
            (_, Some(Exceeded::Count)) => return Err(Refusal::AccountCount),
            (Some(Exceeded::Amount), _) => return Err(Refusal::CardAmount),
            (_, Some(Exceeded::Amount)) => return Err(Refusal::AccountAmount),
            (None, None) => {}
        }
        if amount_minor > account_state.available_minor() {
            return Err(Refusal::Funds);
        }
        Ok(())
    }

    /// Records a refusal, so that a repeat gets it too.
    fn decline(
        &self,
        refusal: Refusal,
        new: Transaction,
        mut record: Record,
        shards: &mut Shards<'_>,
        sink: &impl Sink,
    ) -> Decision {
        (record.refusal, record.code) = (refusal, refusal.code());
        record.velocity = VelocityChange::default();
        record.transaction = Some(Transaction {
            state: State::Declined,
            flags: REQUEST_SEEN,
            refusal,
            code: refusal.code(),
            approval: [b' '; 6],
            held_minor: 0,
            posted_minor: 0,
            expires_s: 0,
            ..new
        });
        match self.commit(&record, shards, None, sink) {
            Some(sequence) => Decision { sequence, ..Decision::refused(refusal, new.key) },
            None => Decision::refused(Refusal::NotStored, new.key),
        }
    }

    /// When a hold placed now runs out, seconds since 1970.
    pub(super) fn hold_end(&self, preauthorization: bool, now_us: i64) -> u32 {
        let life = if preauthorization { self.holds.preauthorization_s } else { self.holds.authorization_s };
        ((now_us / 1_000_000).max(0) as u32).saturating_add(life)
    }
}

/// The answer as it was given.
fn stored_answer(known: &Transaction, desk: &Desk, sequence: u64) -> Decision {
    let approved = known.code.is_approval();
    let balances = (approved && carries_balances(known.operation))
        .then(|| desk.portfolio.account(known.account))
        .flatten()
        .map(|account| Balances {
            ledger_minor: known.balances_minor[0],
            available_minor: known.balances_minor[1],
            currency: account.currency,
        });
    Decision {
        code: known.code,
        refusal: known.refusal,
        approval: (approved && known.approval != [b' '; 6]).then_some(known.approval),
        balances,
        repeat: true,
        sequence,
        key: known.key,
    }
}

/// DE38: six letters or digits that depend on the transaction alone. No I, O, 0 or 1, which are misread.
fn approval_code(key: u128) -> [u8; 6] {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let mut rest = key as u64;
    std::array::from_fn(|_| {
        let letter = LETTERS[(rest % 32) as usize];
        rest /= 32;
        letter
    })
}

/// Whether the last day of the month YYMM has passed, in UTC. Years 70 to 99 are of the last century.
fn has_expired(expiry: u16, now_us: i64) -> bool {
    let (year, month) = (expiry / 100, expiry % 100);
    let year = if year >= 70 { 1900 + year } else { 2000 + year };
    Period::of(now_us).month > year * 12 + month.saturating_sub(1)
}
