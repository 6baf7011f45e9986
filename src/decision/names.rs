//! Which remembered transaction a message belongs to whose own key is not known: what is sent later has a DE7 of its own, and
//! what its sender never had an answer to cannot name all of its original. ARCHITECTURE has the table. Locks shards one at
//! a time, and changes nothing.

use super::{Case, Desk};
use crate::message::{Kind, Marks, Request};
use crate::portfolio::{
    ADVICE_SEEN, Asked, COMPLETION_SEEN, Candidates, REQUEST_SEEN, Shard, State, Traits, Transaction,
    TransactionKey,
};
use parking_lot::MutexGuard;

/// Within so much time a trace number names one transaction of a card, where nothing else tells.
const TRACE_NUMBERS_US: i64 = 24 * 3_600 * 1_000_000;

/// The transaction that a message belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meant {
    pub key: TransactionKey,
    /// Found by its second name: whether its content is other than what made it. By its key what both say tells.
    pub differs: Option<bool>,
}

impl Meant {
    fn own(key: TransactionKey) -> Meant {
        Meant { key, differs: None }
    }
}

/// What a known key says of a message that has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// It is what the message belongs to.
    Own,
    /// The authorization has it, and completions with names of their own have come: it may be one of them.
    ByOriginal,
    /// The completion has it: the authorization may be known by another name.
    ByOther,
}

fn shared_key(request: &Request, known: &Transaction, kept: &Traits) -> Shared {
    let completed =
        known.state == State::Completed || known.state == State::Held && known.settled_minor() > 0;
    if request.kind == Kind::FinancialAdvice && completed && !known.has(COMPLETION_SEEN) {
        return Shared::ByOriginal;
    }
    let asks = matches!(request.kind, Kind::Authorization | Kind::Financial);
    let of_completion = !known.has(REQUEST_SEEN) && !kept.reverses() && kept.class != request.mti.class();
    if asks && of_completion { Shared::ByOther } else { Shared::Own }
}

type Locked<'a> = (MutexGuard<'a, Shard>, Option<MutexGuard<'a, Shard>>);

impl Desk {
    /// What a request or an advice belongs to: what is known by its own key; else by its second name what is sent again, or
    /// what stood in for it or it for that; else a reversal that came before it. `own` where nothing is.
    pub(super) fn meant(&self, case: &Case<'_>, own: TransactionKey) -> Meant {
        let (request, table) = (case.request, &self.portfolio.table);
        let asks = matches!(request.kind, Kind::Authorization | Kind::Financial);
        let is_original = asks && request.mti.bcd() & 1 == 0;
        let known = || self.known(own).map(|(known, kept)| shared_key(request, &known, &kept));
        // An original is seldom known: its other names are looked up first, anything else's key is.
        let mut shared = if is_original { None } else { known() };
        if shared == Some(Shared::Own) {
            return Meant::own(own);
        }
        let named = if is_original { table.named_first(case.name) } else { table.named(case.name) };
        // What adds to an authorization shares its reference, and is not what a reversal of that speaks of.
        let reference = if case.adds() || shared.is_some() { 0 } else { case.reference };
        let reversed = table.reversed_first(reference);
        if named.is_none() && reversed.is_none() {
            return Meant::own(own);
        }
        if is_original {
            shared = known();
            if shared == Some(Shared::Own) {
                return Meant::own(own);
            }
        }
        let said = self.said(case);
        let found = self.meant_by_name(case, &said, &named, own, shared);
        // A completion that comes after the reversal of its authorization is money all the same.
        let posts = request.kind == Kind::FinancialAdvice;
        let reversed = || {
            let mut fits = table.look(&reversed).filter(|(known, kept)| {
                belongs(&said, kept, known)
                    && (!posts || kept.class == said.class)
                    && said.amount_minor != 0
                    && is_reversed_by(&said, kept)
            });
            fits.next().filter(|_| shared.is_none()).map(|(known, _)| (known.key, false))
        };
        match found.or_else(reversed) {
            Some((key, differs)) => Meant { key, differs: Some(differs) },
            None => Meant::own(own),
        }
    }

    /// Of the transactions of its second name that which it belongs to, and whether its content is other than what made that.
    /// Of several the one whose content is the same; DE90 of its own DE11 says which, but for an increment, which it tells
    /// what is added to.
    fn meant_by_name(
        &self,
        case: &Case<'_>,
        said: &Traits,
        named: &Option<Candidates>,
        own: TransactionKey,
        shared: Option<Shared>,
    ) -> Option<(TransactionKey, bool)> {
        let request = case.request;
        let by_original = request.original.filter(|original| original.stan == request.stan && !case.adds());
        let by_original = by_original.map(|original| self.original_key(case, original));
        let several = request.marks.has(Marks::SEVERAL);
        let mut found = None;
        for (known, kept) in self.portfolio.table.look(named) {
            let fits = match shared {
                // The same completion, sent again before it came first.
                Some(Shared::ByOriginal) => kept.is_repeat() && known.has(COMPLETION_SEEN),
                Some(Shared::ByOther) => kept.class == said.class,
                _ => true,
            };
            if !fits || shared.is_some() && known.key == own || !belongs(said, &kept, &known) {
                continue;
            }
            let is_named = by_original == Some(known.key);
            if !is_named && !is_same_sent_again(said, &kept, &known, several, case.now_us) {
                continue;
            }
            let differs = has_other_content(said, &kept);
            if is_named || found.is_none_or(|(_, other)| other && !differs) {
                found = Some((known.key, differs));
            }
            if is_named {
                break;
            }
        }
        found
    }

    /// What is known by a key, and what made it.
    pub(super) fn known(&self, key: TransactionKey) -> Option<(Transaction, Traits)> {
        let shard = self.portfolio.table.lock(key);
        Some((*shard.get(key)?, shard.traits(key)))
    }

    /// Locks the shard of what is meant, and of another transaction. What was forgotten since it was found is not meant.
    pub(super) fn lock_meant(
        &self,
        meant: &mut Meant,
        own: TransactionKey,
        other: Option<TransactionKey>,
    ) -> Locked<'_> {
        let lock = |key| self.portfolio.table.lock_both(key, other.unwrap_or(key));
        let locked = lock(meant.key);
        if meant.key == own || locked.0.get(meant.key).is_some() {
            return locked;
        }
        drop(locked);
        *meant = Meant::own(own);
        lock(own)
    }

    /// The authorization with the second name that a completion or an increment speaks of: DE90's trace number where its key
    /// leads nowhere, or a completion's own.
    pub(super) fn named_original(&self, case: &Case<'_>) -> Option<TransactionKey> {
        let (request, table) = (case.request, &self.portfolio.table);
        let original = request.original.unwrap_or_default();
        let (name, said) = match original.stan {
            0 if request.kind != Kind::FinancialAdvice => return None,
            0 => (case.name, self.said(case)),
            // Its own times need not be the original's.
            stan => (
                self.name(request, case.terms, stan),
                Traits { local_time: 0, local_date: 0, ..self.said(case) },
            ),
        };
        // Of a transaction that was sent again DE90 may give the time of either message.
        let may_differ =
            |kept: &Traits| kept.is_repeat() || original.mti & 1 == 1 || is_borne_out(&said, kept);
        let is_it = |known: &Transaction, kept: &Traits| {
            kept.class == 1
                && !kept.reverses()
                && is_same(&said, kept, known.time_us, case.now_us)
                && (!disagree(original.transmission, kept.transmission) || may_differ(kept))
        };
        let named = table.named(name);
        table.look(&named).find(|(known, kept)| is_it(known, kept)).map(|(known, _)| known.key)
    }

    /// What the message says of itself, to be compared with what is kept.
    pub(super) fn said(&self, case: &Case<'_>) -> Traits {
        let asked = case.of.map_or_else(|| Asked::of(case.request, case.terms.link), |record| record.asked);
        self.portfolio.traits_of(&asked, case.name)
    }
}

/// Whether both say it, and say another thing. 0 is not said.
pub(super) fn disagree<T: PartialEq + Default>(said: T, kept: T) -> bool {
    said != T::default() && kept != T::default() && said != kept
}

/// Whether both say when it was made there, or both its DE37, and say the same.
pub(super) fn is_borne_out(said: &Traits, kept: &Traits) -> bool {
    let times = |traits: &Traits| (traits.local_date, traits.local_time);
    said.local_date != 0 && times(said) == times(kept)
        || said.retrieval_reference != 0 && said.retrieval_reference == kept.retrieval_reference
}

/// Whether they disagree on when or where it was made, or by whom it came.
pub(super) fn is_elsewhere(said: &Traits, kept: &Traits) -> bool {
    disagree(said.local_date, kept.local_date)
        || disagree(said.local_time, kept.local_time)
        || disagree(said.acquirer, kept.acquirer)
        || disagree(said.terminal, kept.terminal)
}

/// Whether two messages of one second name are of one transaction: nothing that both say differs, and the time or DE37 is
/// among what both say, or the trace number cannot have come round.
pub(super) fn is_same(said: &Traits, kept: &Traits, kept_us: i64, now_us: i64) -> bool {
    let reverses = said.reverses() || kept.reverses();
    !is_elsewhere(said, kept)
        && !disagree(said.retrieval_reference, kept.retrieval_reference)
        && (is_borne_out(said, kept)
            || (reverses || said.class != kept.class || said.processing_code == kept.processing_code)
                && now_us.saturating_sub(kept_us).abs() <= TRACE_NUMBERS_US)
}

/// The same for what belongs to it. A completion that came with the key of its authorization left no times of its own. One of
/// several is told from the others by its amount too.
fn is_same_sent_again(said: &Traits, kept: &Traits, known: &Transaction, several: bool, now_us: i64) -> bool {
    if kept.reverses() {
        return is_same(said, kept, known.time_us, now_us);
    }
    let by_key = said.class != kept.class;
    let amount_minor = if by_key { known.requested_minor } else { kept.amount_minor };
    if several && said.class == 2 && said.amount_minor != amount_minor {
        return false;
    }
    let times = |traits: &Traits| if by_key { (0, 0) } else { (traits.local_time, traits.local_date) };
    let (local_time, local_date) = times(said);
    is_same(&Traits { local_time, local_date, ..*said }, kept, known.time_us, now_us)
}

/// Whether a request or an advice may be of the transaction that `kept` made. Of two originals of one function each is one of
/// its own, whatever else they share. An advice that is sent again may have come with the key of what it is about.
fn belongs(said: &Traits, kept: &Traits, known: &Transaction) -> bool {
    if known.state == State::Tombstone {
        return !disagree(said.class, kept.class);
    }
    if said.class == kept.class && said.adds != kept.adds {
        return false;
    }
    let again = said.is_repeat() || kept.is_repeat() || said.function() != kept.function();
    let seen = if said.class == 2 { COMPLETION_SEEN } else { ADVICE_SEEN };
    let advised_again = said.is_repeat() && said.function() == 2 && known.has(seen);
    said.class == kept.class && again || advised_again
}

/// Whether a message with the key of one that was decided says something else of the transaction.
pub(super) fn is_other(said: &Traits, kept: &Traits) -> bool {
    said.class != kept.class
        || is_elsewhere(said, kept)
        || disagree(said.retrieval_reference, kept.retrieval_reference)
        || has_other_content(said, kept)
}

/// What a repeat must have in common with the first beside what names it.
pub(super) fn has_other_content(said: &Traits, kept: &Traits) -> bool {
    said.amount_minor != kept.amount_minor
        || said.class == kept.class && !kept.reverses() && said.processing_code != kept.processing_code
        || disagree(said.currency, kept.currency)
        || disagree(said.merchant, kept.merchant)
}

/// Whether an original with this reference is what a reversal spoke of that came before it and did not know its trace number.
fn is_reversed_by(said: &Traits, kept: &Traits) -> bool {
    said.amount_minor == kept.amount_minor
        && !is_elsewhere(said, kept)
        && !disagree(said.currency, kept.currency)
        && !disagree(said.merchant, kept.merchant)
        && (said.is_repeat() || !disagree(said.transmission, kept.transmission))
}
