//! What the switch does on its own: holds that run out, approvals that could not be answered in time.

use super::{Desk, Shards, Sink, velocity_change};
use crate::message::Refusal;
use crate::portfolio::{
    ADVICE_SEEN, CASH, COMPLETION_SEEN, COUNTED, Event, Record, Shard, State, Swept, Transaction,
    TransactionKey,
};

/// Most holds ended under one lock of a shard, so that a message waits for microseconds only.
const EXPIRED_AT_ONCE: usize = 64;
/// How long a counter of limits stays after its window.
const SWEPT_AFTER_S: u32 = 3_600;

impl Desk {
    /// Ends the holds that have run out, and returns how many. The card's and the account's counters keep the purchase; those
    /// of limits give it back. An event in the journal like any other; what
    /// cannot be stored is tried again at the next call.
    pub fn expire_holds(&self, now_us: i64, sink: &impl Sink) -> usize {
        let now_s = (now_us / 1_000_000).max(0) as u32;
        let mut ended = 0;
        let mut due = Vec::with_capacity(EXPIRED_AT_ONCE);
        self.portfolio.table.visit(|shard| {
            let is_due = |found: &&Transaction| found.state == State::Held && found.expires_s <= now_s;
            due.clear();
            due.extend(shard.open().filter(is_due).take(EXPIRED_AT_ONCE).copied());
            for transaction in &due {
                ended += usize::from(self.expire(shard, transaction, now_us, sink));
            }
        });
        ended
    }

    fn expire(&self, shard: &mut Shard, known: &Transaction, now_us: i64, sink: &impl Sink) -> bool {
        let mut record = self.blank(Event::HoldExpired, known.key, now_us);
        (record.card, record.account) = (known.card, known.account);
        record.held_change_minor = -known.held_minor;
        record.transaction = Some(Transaction {
            state: State::Expired,
            amount_minor: known.held_minor,
            held_minor: 0,
            expires_s: 0,
            ..*known
        });
        self.commit_release(&record, &mut Shards::one(known.key, shard), known.key, sink).refusal
            == Refusal::None
    }

    /// Forgets the counters of limits whose windows have passed, and returns how many; to be called every minute or so. They
    /// stay an hour longer: a clock set back by less opens no limit. An event in the journal like any other.
    pub fn sweep_counters(&self, now_us: i64, sink: &impl Sink) -> usize {
        let before_s = (now_us / 1_000_000).clamp(0, i64::from(u32::MAX)) as u32;
        let before_s = before_s.saturating_sub(SWEPT_AFTER_S);
        let counters = &self.portfolio.counters;
        let sweep = |shard: usize| {
            counters.sweep(shard, before_s, || {
                let mut record = self.blank(Event::CountersSwept, TransactionKey::default(), now_us);
                // There are 256.
                record.swept = Some(Swept { shard: shard as u16, before_s });
                sink.append(record.encode(&mut [0; Record::LONGEST]), now_us)
            })
        };
        (0..counters.shards()).map(sweep).sum()
    }

    /// Undoes our own approval that was not answered in time: the network has stood in by now. A repeat of the
    /// request gets 91 from now on. What an advice, a completion or a reversal has made of it stays. Returns
    /// whether there was anything to undo and it was stored.
    pub fn undo(&self, key: TransactionKey, now_us: i64, sink: &impl Sink) -> bool {
        let mut shard = self.portfolio.table.lock(key);
        let ours =
            |known: &Transaction| known.code.is_approval() && !known.has(ADVICE_SEEN | COMPLETION_SEEN);
        let Some(known) = shard.get(key).copied().filter(ours) else {
            return false;
        };
        let mut record = self.blank(Event::Undone, key, now_us);
        (record.card, record.account) = (known.card, known.account);
        (record.refusal, record.code) = (Refusal::BudgetSpent, Refusal::BudgetSpent.code());
        let mut after =
            Transaction { refusal: record.refusal, code: record.code, approval: [b' '; 6], ..known };
        if matches!(known.state, State::Held | State::Posted | State::Approved) {
            // As if it had been declined: an advice of the network's stand-in still counts.
            after.state = State::Declined;
            after.flags &= !(COUNTED | CASH);
            (after.held_minor, after.posted_minor, after.expires_s) = (0, 0, 0);
        }
        record.held_change_minor = after.held_minor - known.held_minor;
        record.posted_change_minor = after.posted_minor - known.posted_minor;
        record.velocity = velocity_change(&known, &after);
        record.transaction = Some(after);
        self.commit_release(&record, &mut Shards::one(key, &mut shard), key, sink).refusal == Refusal::None
    }
}
