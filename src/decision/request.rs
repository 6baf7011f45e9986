//! 0100 and 0200: a column of named refusals, then the approval and its effects.

use super::amount::{Worth, worth};
use super::judge::judged;
use super::meter::{Meters, Whose};
use super::names::{Meant, is_elsewhere, is_other};
use super::offer::Bounds;
use super::why::{saw_card, saw_known};
use super::{Case, Decision, Denial, Desk, Part, Shards, Sink, States, first_seen, fits, velocity_change};
use crate::message::{Balances, Kind, Operation, Refusal, ResponseCode, carries_balances};
use crate::portfolio::{
    Account, CASH, COUNTED, Card, CardStatus, Counts, Differs, Event, NOBODY, PREAUTHORIZATION, Period,
    REQUEST_SEEN, Record, Shard, State, Transaction, VelocityChange,
};

/// A card that may be used, and what is asked of its account.
pub(super) struct Checked<'a> {
    pub card: &'a Card,
    pub account: &'a Account,
    pub worth: Worth,
}

impl Desk {
    pub(super) fn decide_request(&self, case: &Case<'_>, sink: &impl Sink) -> Decision {
        let request = case.request;
        // The card comes first: it is the longest way into memory, and the hash below is made meanwhile. No lock
        // is needed for it, since nothing looked at here changes while the switch runs.
        let owner = request.pan.and_then(|pan| self.portfolio.owner(pan));
        let own_key = self.own_key(case);
        let mut meant = self.meant(case, own_key);
        let checked = match owner {
            None => Err(Refusal::UnknownCard),
            Some((card, account)) => {
                self.check_card(case, card, account.currency).map(|worth| Checked { card, account, worth })
            }
        };
        let mut new = first_seen(case, own_key, self);
        new.flags = REQUEST_SEEN;
        let mut record = self.record(Event::Request, case, own_key);
        let adds_to = if case.adds() { self.original_of(case, own_key) } else { None };
        let (mut own, mut other) =
            self.lock_meant(&mut meant, own_key, adds_to.map(|(original, _)| original));
        let key = meant.key;
        if let Some((card, account)) = owner {
            (new.card, new.account) = (card.id, account.id);
            (record.card, record.account) = (card.id, account.id);
        }
        if let Some(known) = own.get(key).copied() {
            return self.answer_again(&known, &new, meant, &mut own, &mut record, sink);
        }
        saw_known(None, None, sink);
        saw_card(case, owner, checked.as_ref().err().copied(), sink);
        let mut shards = Shards { own_key: key, own: &mut own, other: other.as_deref_mut() };
        let checked = match checked {
            Err(refusal) => return self.decline(case, refusal, new, &mut record, &mut shards, sink),
            Ok(checked) => checked,
        };
        let original = adds_to.and_then(|(original, _)| shards.of(original).get(original).copied());
        match original.filter(|original| is_open_for(original, &new)) {
            Some(original) => self.add_to(case, original, checked, (new, &mut record), &mut shards, sink),
            // What it adds to is gone: an authorization of its own, which is of nothing where it only prolongs.
            None if case.adds() && checked.worth.total_minor == 0 => {
                self.decline(case, Refusal::InvalidAmount, new, &mut record, &mut shards, sink)
            }
            None => self.decide_money(case, checked, new, &mut record, &mut shards, sink),
        }
    }

    /// Answers 91 to a request whose budget was spent before it was decided, and remembers that answer.
    pub(super) fn decline_late<S: Sink>(&self, case: &Case<'_>, sink: &S) -> Decision {
        let request = case.request;
        let own_key = self.own_key(case);
        let mut meant = self.meant(case, own_key);
        let (mut shard, _) = self.lock_meant(&mut meant, own_key, None);
        if !S::TAKES && shard.get(meant.key).is_none() {
            return Decision::refused(Refusal::BudgetSpent, own_key);
        }
        let mut new = first_seen(case, own_key, self);
        new.flags = REQUEST_SEEN;
        let mut record = self.record(Event::Request, case, own_key);
        if let Some(card) = request.pan.and_then(|pan| self.portfolio.card(pan)) {
            (new.card, new.account) = (card.id, card.account);
            (record.card, record.account) = (card.id, card.account);
        }
        let key = meant.key;
        match shard.get(key).copied() {
            Some(known) => self.answer_again(&known, &new, meant, &mut shard, &mut record, sink),
            None => self.decline(
                case,
                Refusal::BudgetSpent,
                new,
                &mut record,
                &mut Shards::one(key, &mut shard),
                sink,
            ),
        }
    }

    /// The transaction is known: the stored answer again, without a second effect, or 94.
    fn answer_again(
        &self,
        known: &Transaction,
        new: &Transaction,
        meant: Meant,
        shard: &mut Shard,
        record: &mut Record,
        sink: &impl Sink,
    ) -> Decision {
        let differs = meant.differs.unwrap_or_else(|| self.asks_otherwise(known, new, shard, record));
        let refusal = match known.state {
            State::Tombstone => Some(Refusal::AlreadyReversed),
            State::Reversed if !known.has(REQUEST_SEEN) => Some(Refusal::AlreadyReversed),
            _ if known.has(REQUEST_SEEN) && differs => Some(Refusal::DuplicateKey),
            // The advice came first. Its answer is none for a card we do not have, nor for another amount.
            _ if !known.has(REQUEST_SEEN) && known.card == NOBODY => Some(Refusal::UnknownCard),
            _ if !known.has(REQUEST_SEEN) && self.was_advised_otherwise(known, new, shard, record) => {
                Some(Refusal::DuplicateKey)
            }
            _ => None,
        };
        saw_known(Some(known), refusal, sink);
        if let Some(refusal) = refusal {
            (record.refusal, record.code) = (refusal, refusal.code());
            let sequence = self.commit(record, &mut Shards::one(known.key, shard), None, sink);
            return match sequence {
                Some(sequence) => Decision { sequence, ..Decision::refused(refusal, known.key) },
                None => Decision::refused(Refusal::NotStored, known.key),
            };
        }
        let stored = stored_answer(known, self, shard.sequence());
        if known.has(REQUEST_SEEN) {
            return stored;
        }
        // Another stood in for us before the request arrived: its answer is the answer, and the money has moved.
        (record.refusal, record.code) = (known.refusal, known.code);
        let seen = Transaction { flags: known.flags | REQUEST_SEEN, fingerprint: new.fingerprint, ..*known };
        record.transaction = Some(seen);
        match self.commit(record, &mut Shards::one(known.key, shard), None, sink) {
            Some(sequence) => Decision { sequence, ..stored },
            None => Decision::refused(Refusal::NotStored, known.key),
        }
    }

    /// Whether a request with the key of one that is known asks another thing than was asked first.
    fn asks_otherwise(&self, known: &Transaction, new: &Transaction, shard: &Shard, record: &Record) -> bool {
        let kept = shard.traits(known.key);
        let said = self.portfolio.traits_of(&record.asked, record.name);
        // What another message made does not tell all that was asked. The key has DE11, so that another name is another card's.
        let made_by_other = kept.reverses() || kept.function() != 0;
        made_by_other && known.fingerprint != new.fingerprint
            || !kept.reverses() && said.class == kept.class && is_elsewhere(&said, &kept)
            || !made_by_other && (kept.name != record.name || is_other(&said, &kept))
    }

    /// Whether a request asks another thing than the advice told that came before it. That of its completion tells its amount.
    fn was_advised_otherwise(
        &self,
        known: &Transaction,
        new: &Transaction,
        shard: &Shard,
        record: &Record,
    ) -> bool {
        let kept = shard.traits(known.key);
        let said = self.portfolio.traits_of(&record.asked, record.name);
        known.requested_minor != new.requested_minor
            || said.class == kept.class && (kept.name != record.name || is_other(&said, &kept))
    }

    /// What the card and the settings refuse, before any counter or balance is looked at. Returns the amount in
    /// the account's currency.
    fn check_card(&self, case: &Case<'_>, card: &Card, currency: u16) -> Result<Worth, Refusal> {
        let (request, now_us) = (case.request, case.now_us);
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
        if !refund && !program.allows_country(request.merchant_country) {
            return Err(Refusal::Country);
        }
        let worth = worth(request, case.terms, case.policy, currency);
        match request.operation {
            Operation::Inquiry | Operation::Verification => Ok(Worth::default()),
            _ if case.adds() => worth,
            _ => worth.and_then(|worth| match worth.total_minor {
                0 => Err(Refusal::InvalidAmount),
                _ => Ok(worth),
            }),
        }
    }

    /// Counters, limits and funds under the card's and the account's locks; then the effects.
    fn decide_money(
        &self,
        case: &Case<'_>,
        Checked { card, account, worth }: Checked<'_>,
        mut new: Transaction,
        record: &mut Record,
        shards: &mut Shards<'_>,
        sink: &impl Sink,
    ) -> Decision {
        let request = case.request;
        let mut card_state = card.state.lock();
        let mut account_state = account.state.lock();
        let books = request.operation.is_debit()
            || request.operation == Operation::Credit && request.kind == Kind::Financial;
        let states = States { card: &mut card_state, account: &mut account_state };
        let (facts, judged) = judged(case, (card, account), &states, worth, sink);
        record.ruled = judged.ruled;
        if let Some(denial) = judged.denial {
            return self.decline(case, denial, new, record, shards, sink);
        }
        let mut meters = match &facts {
            Some(facts) if request.operation.is_debit() => {
                let whose = Whose::of(case, facts, judged.missing.is_some(), account.currency);
                match Meters::lock(&self.portfolio, &whose, None) {
                    Ok(meters) => Some(meters),
                    Err(refusal) => return self.decline(case, refusal, new, record, shards, sink),
                }
            }
            _ => None,
        };
        let bounds = Bounds { up_to: judged.up_to, meters: meters.as_ref() };
        let offer = match self.offer(case, card, &states, worth, &bounds, sink) {
            Err(denial) => {
                drop(meters);
                return self.decline(case, denial, new, record, shards, sink);
            }
            Ok(offer) => offer,
        };
        if books && !self.portfolio.table.has_room(shards.own, false, 1) {
            drop(meters);
            return self.decline(case, Refusal::TableFull, new, record, shards, sink);
        }
        if let Some(meters) = &meters {
            record.ruled.shadow_limits = meters.shadows(1, offer.worth.total_minor, sink);
            record.counts = meters.counts(offer.worth.total_minor);
        }
        if offer.code == ResponseCode::PARTIAL
            && let Some((rule, most)) = judged.up_to
            && offer.worth.total_minor == most
        {
            record.ruled.rule = rule;
        }
        (new.code, record.code) = (offer.code, offer.code);
        (new.requested_minor, new.amount_minor) = (offer.requested_minor, offer.worth.total_minor);
        new.approval = approval_code(new.key.0);
        new.state = State::Approved;
        match (request.kind, request.operation) {
            (Kind::Authorization, Operation::Purchase | Operation::Cash) => {
                new.state = State::Held;
                new.held_minor = new.amount_minor;
                new.flags |= if request.preauthorization { PREAUTHORIZATION } else { 0 };
                new.expires_s = case.hold_end(request.preauthorization);
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
                new.extra = [states.account.ledger_minor(), states.account.available_minor()];
            }
            _ => {}
        }
        if request.operation.is_debit() {
            let before = new;
            new.flags |= counted_as(request.operation, offer.worth.cash_minor);
            new.extra[1] = offer.worth.cash_minor;
            record.velocity = velocity_change(&before, &new);
        }
        if !fits(states.account, new.held_minor, new.posted_minor) {
            drop(meters);
            record.counts = Counts::NONE;
            return self.decline(case, Refusal::InvalidAmount, new, record, shards, sink);
        }
        (record.held_change_minor, record.posted_change_minor) = (new.held_minor, new.posted_minor);
        record.transaction = Some(new);
        let counters = meters.as_mut().map(Meters::locked);
        match self.commit_counted(record, shards, Some(states), counters, sink) {
            Some(sequence) => Decision { repeat: false, ..stored_answer(&new, self, sequence) },
            None => Decision::refused(Refusal::NotStored, new.key),
        }
    }

    /// Records a refusal, so that a repeat gets it too.
    pub(super) fn decline(
        &self,
        case: &Case<'_>,
        denial: impl Into<Denial>,
        new: Transaction,
        record: &mut Record,
        shards: &mut Shards<'_>,
        sink: &impl Sink,
    ) -> Decision {
        let Denial { refusal, code, rule, limit } = denial.into();
        (record.refusal, record.code) = (refusal, code);
        (record.ruled.rule, record.ruled.limit) = (rule, limit);
        if limit != 0 {
            case.standing.count_limit(record.ruled.stand_in != 0, limit, sink);
        }
        record.velocity = VelocityChange::default();
        record.transaction = Some(Transaction {
            state: State::Declined,
            flags: REQUEST_SEEN,
            refusal,
            code,
            approval: [b' '; 6],
            held_minor: 0,
            posted_minor: 0,
            extra: [0; 2],
            expires_s: 0,
            ..new
        });
        match self.commit(record, shards, None, sink) {
            Some(sequence) => Decision { sequence, code, ..Decision::refused(refusal, new.key) },
            None => Decision::refused(Refusal::NotStored, new.key),
        }
    }
}

/// Counted, and among the cash where it gives out some.
pub(super) fn counted_as(operation: Operation, cash_minor: i64) -> u8 {
    COUNTED | if operation == Operation::Cash || cash_minor > 0 { CASH } else { 0 }
}

/// Whether something may be added to an authorization by a message of this transaction.
pub(super) fn is_open_for(original: &Transaction, new: &Transaction) -> bool {
    let is_same_purse = original.account == new.account && original.card == new.card;
    original.state == State::Held && original.operation == Operation::Purchase && is_same_purse
}

/// The answer as it was given.
pub(super) fn stored_answer(known: &Transaction, desk: &Desk, sequence: u64) -> Decision {
    let approved = known.code.is_approval();
    let shows_balances = approved && carries_balances(known.operation);
    let is_part = matches!(known.code, ResponseCode::PARTIAL | ResponseCode::PURCHASE_ONLY);
    let currency = (shows_balances || is_part)
        .then(|| desk.portfolio.account(known.account))
        .flatten()
        .map(|account| account.currency);
    let [ledger_minor, available_minor] = known.balances_minor();
    let balances = currency.filter(|_| shows_balances);
    let balances = balances.map(|currency| Balances { ledger_minor, available_minor, currency });
    let part = currency.filter(|_| is_part).map(|billing_currency| Part {
        amount_minor: known.requested_minor,
        billing_minor: known.amount_minor,
        billing_currency,
    });
    Decision {
        code: known.code,
        refusal: known.refusal,
        approval: (approved && known.approval != [b' '; 6]).then_some(known.approval),
        balances,
        part,
        differs: Differs::Nothing,
        rules: 0,
        repeat: true,
        sequence,
        key: known.key,
    }
}

/// DE38: six letters or digits that depend on the transaction alone. No I, O, 0 or 1, which are misread.
pub(super) fn approval_code(key: u128) -> [u8; 6] {
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
