//! What the switch does on its own: holds that run out, approvals that could not be answered in time.

use super::increment::closed;
use super::reversal::shrunk;
use super::{Desk, Shards, Sink, blank, seconds, velocity_change};
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
    /// of limits give it back. An event in the journal like any other; what cannot be stored is tried again at the next
    /// call. Looks at what is due and at nothing else: a clock that goes back ends none, and none is missed by one that
    /// jumps.
    pub fn expire_holds(&self, now_us: i64, sink: &impl Sink) -> usize {
        let mut ended = 0;
        self.portfolio.table.visit(|shard| {
            for _ in 0..EXPIRED_AT_ONCE {
                let Some(due) = shard.first_due(seconds(now_us)).copied() else { break };
                if !self.expire(shard, &due, now_us, sink) {
                    break;
                }
                ended += 1;
            }
        });
        ended
    }

    pub(super) fn expire(
        &self,
        shard: &mut Shard,
        known: &Transaction,
        now_us: i64,
        sink: &impl Sink,
    ) -> bool {
        let mut record = blank(&self.standing.load(), Event::HoldExpired, known.key, now_us);
        (record.card, record.account) = (known.card, known.account);
        record.held_change_minor = -known.held_minor;
        record.transaction = Some(known.ended(State::Expired));
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
                let mut record =
                    blank(&self.standing.load(), Event::CountersSwept, TransactionKey::default(), now_us);
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
        let table = &self.portfolio.table;
        let adds_to = table.lock(key).get(key).and_then(Transaction::adds_to);
        let (mut own, mut other) = table.lock_both(key, adds_to.unwrap_or(key));
        let ours =
            |known: &Transaction| known.code.is_approval() && !known.has(ADVICE_SEEN | COMPLETION_SEEN);
        let Some(known) = own.get(key).copied().filter(ours) else {
            return false;
        };
        let mut shards = Shards { own_key: key, own: &mut own, other: other.as_deref_mut() };
        let mut record = blank(&self.standing.load(), Event::Undone, key, now_us);
        (record.card, record.account) = (known.card, known.account);
        (record.refusal, record.code) = (Refusal::BudgetSpent, Refusal::BudgetSpent.code());
        let answered =
            Transaction { refusal: record.refusal, code: record.code, approval: [b' '; 6], ..known };
        let original = adds_to.and_then(|original| shards.of(original).get(original).copied());
        let after = match (known.state, original) {
            (State::Added, Some(original)) => {
                let given_back = shrunk(&known, &original, 0, &mut record);
                Transaction { state: State::Declined, amount_minor: given_back.amount_minor, ..answered }
            }
            (State::Held, _) if known.settled_minor() > 0 => closed(&answered),
            (State::Held | State::Posted | State::Approved | State::Added, _) => {
                // As if it had been declined: an advice of the network's stand-in still counts.
                let after = answered.released(State::Declined);
                // What moved no money was approved of nothing.
                let amount_minor = if known.state == State::Approved { 0 } else { after.amount_minor };
                let flags = after.flags & !(COUNTED | CASH);
                Transaction { posted_minor: 0, amount_minor, flags, ..after }
            }
            _ => answered,
        };
        if record.related.is_none() {
            record.held_change_minor = after.held_minor - known.held_minor;
            record.posted_change_minor = after.posted_minor - known.posted_minor;
            record.velocity = velocity_change(&known, &after);
        }
        record.transaction = Some(after);
        self.commit_release(&record, &mut shards, key, sink).refusal == Refusal::None
    }
}
