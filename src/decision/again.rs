//! Deciding again what a record tells: for the answer to "why", and for a backtest. Must not know where records are kept.

use super::why::{Evaluation, Observer};
use super::{Case, Decision, Desk, LinkTerms, Missing, Sink};
use crate::message::{Pan, Refusal};
use crate::portfolio::{Event, Record, Swept, TransactionKey};

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
            request: &request,
            terms,
            standing: &standing,
            policy: &standing.policy,
            now_us: record.time_us,
            missing: Missing::from_number(record.ruled.stand_in)
                .filter(|missing| *missing == Missing::Budget),
            of: pan.is_none().then_some(record),
        };
        Some(match record.refusal {
            Refusal::BudgetSpent if record.event == Event::Request => self.decline_late_of(&case, sink),
            _ => self.decide_case(&case, sink),
        })
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
