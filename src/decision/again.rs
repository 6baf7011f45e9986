//! Deciding again what a record tells: for the answer to "why", and for a backtest. Must not know where records are kept.

use super::amount::Worth;
use super::facts::facts;
use super::meter::counters;
use super::why::{Evaluation, Observer};
use super::{Case, Decision, Desk, LinkTerms, Missing, Sink, States};
use crate::message::{Pan, Refusal};
use crate::portfolio::{
    AccountState, CardState, CounterChange, Counts, Event, Record, Swept, Transaction, TransactionKey,
};

/// What a record leaves out.
#[derive(Clone, Copy)]
pub struct Recall<'a> {
    /// The links' terms, by their numbers.
    pub terms: &'a [LinkTerms],
    /// The cards' numbers, by their ids: [`crate::portfolio::Portfolio::numbers`]. Clear card numbers.
    pub numbers: &'a [u64],
}

impl Desk {
    /// Decides again, at the record's time, what the record tells: of a message, from what was asked, as if it came now; of
    /// what the switch did on its own (a hold that ran out, an approval undone, counters swept), the same where there is
    /// still something to do. On the state in which the record was made, and by the same rules, the result is the record.
    ///
    /// A card that is not known has left no number to decide by: what the record has of it stands for that.
    ///
    /// Returns the decision about a message, `None` for anything else, and for a link that is not there.
    pub fn again(&self, record: &Record, recall: &Recall<'_>, sink: &impl Sink) -> Option<Decision> {
        match record.event {
            Event::Request | Event::Advice | Event::Reversal => self.message_again(record, recall, sink),
            Event::HoldExpired => {
                self.expire_again(record.key, record.time_us, sink);
                None
            }
            Event::Undone => {
                self.undo(record.key, record.time_us, sink);
                None
            }
            Event::CountersSwept => {
                let Swept { shard, before_s } = record.swept?;
                let store = || sink.append(record.encode(&mut [0; Record::LONGEST]), record.time_us);
                self.portfolio.counters.sweep(usize::from(shard), before_s, store);
                None
            }
        }
    }

    fn message_again(&self, record: &Record, recall: &Recall<'_>, sink: &impl Sink) -> Option<Decision> {
        let terms = recall.terms.get(usize::from(record.asked.link))?;
        let pan = recall.numbers.get(record.card as usize).and_then(|number| Pan::from_packed(*number));
        let request = record.asked.request(pan)?;
        let standing = self.standing.load();
        let case = Case {
            missing: Missing::from_number(record.ruled.stand_in)
                .filter(|missing| *missing == Missing::Budget),
            late: record.event == Event::Request && record.refusal == Refusal::BudgetSpent,
            of: pan.is_none().then_some(record),
            ..Case::new(&request, terms, &standing, record.time_us)
        };
        Some(self.decide_case(&case, sink))
    }

    /// Applies a record as it is, and counts it in the limits in force too: where these are new, their counters are then what
    /// they would be had they been there. What was declined counts nothing, what was reversed is given back.
    pub fn follow(&self, record: &Record, sequence: u64, recall: &Recall<'_>) {
        let counts = self.counts_as_now(record, recall);
        self.portfolio.apply(&Record { counts, ..*record }, sequence);
    }

    fn counts_as_now(&self, record: &Record, recall: &Recall<'_>) -> Counts {
        let mut counts = Counts::NONE;
        // Beyond 16 what is left out stays as the record has it, or uncounted.
        let mut push = |change: &CounterChange| {
            let _ = counts.push(*change);
        };
        record.counts.iter().filter(|change| change.count > 0).for_each(&mut push);
        for after in record.transactions() {
            let shard = self.portfolio.table.lock(after.key);
            if let Some(before) = shard.get(after.key) {
                shard.uses(after.key).release(before, after).iter().for_each(&mut push);
            }
        }
        if record.velocity.count > 0
            && let Some(new) = record.transaction
        {
            let anew = self.limited_again(record, &new, recall).unwrap_or_default();
            let known = |change: &&CounterChange| {
                record.counts.iter().any(|known| known.counter == change.counter && known.count > 0)
            };
            anew.iter().filter(|change| !known(change)).for_each(&mut push);
        }
        counts
    }

    /// What a transaction counts in the limits in force.
    fn limited_again(&self, record: &Record, new: &Transaction, recall: &Recall<'_>) -> Option<Counts> {
        let standing = self.standing.load();
        let terms = recall.terms.get(usize::from(record.asked.link))?;
        let pan = recall.numbers.get(record.card as usize).and_then(|number| Pan::from_packed(*number));
        let request = record.asked.request(pan)?;
        let case = Case::new(&request, terms, &standing, record.time_us);
        let (card, account) =
            (self.portfolio.card_by_id(record.card)?, self.portfolio.account(record.account)?);
        let (mut card_state, mut account_state) = (card.state.lock(), account.state.lock());
        let states = States { card: &mut card_state, account: &mut account_state };
        Some(self.limited(&case, (card, account), &states, new))
    }

    /// The counters of limits that the record's message meets if every limit's filter lets it: where the filters look at
    /// counters and balances, more than it counts in.
    pub fn counters_met(&self, record: &Record, recall: &Recall<'_>) -> Vec<u64> {
        let standing = self.standing.load();
        let met = || {
            let terms = recall.terms.get(usize::from(record.asked.link))?;
            let number = recall.numbers.get(record.card as usize)?;
            let request = record.asked.request(Pan::from_packed(*number))?;
            let parties = (self.portfolio.card_by_id(record.card)?, self.portfolio.account(record.account)?);
            let case = Case::new(&request, terms, &standing, record.time_us);
            let (mut card, mut account) = (CardState::default(), AccountState::default());
            let states = States { card: &mut card, account: &mut account };
            let facts = facts(&case, parties, &states, Worth::default());
            Some(counters(&self.portfolio, &standing, &facts))
        };
        met().unwrap_or_default()
    }

    fn expire_again(&self, key: TransactionKey, now_us: i64, sink: &impl Sink) {
        let mut shard = self.portfolio.table.lock(key);
        if let Some(known) = shard.get(key).copied().filter(|known| known.runs_out_s() != 0) {
            self.expire(&mut shard, &known, now_us, sink);
        }
    }

    /// Decides again without any effect, watching every check: on the state before the record, why it is as it is.
    pub fn explain(&self, record: &Record, recall: &Recall<'_>) -> Option<Evaluation> {
        let observer = Observer::default();
        let decision = self.again(record, recall, &observer)?;
        Some(observer.evaluation(decision))
    }
}
