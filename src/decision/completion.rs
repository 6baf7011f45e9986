//! What a completion leaves of the authorization it speaks of, and how what an advice says differs from what was decided
//! here. Moves nothing itself.

use super::Case;
use super::advice::{is_part, says_approved};
use super::names::has_other_content;
use crate::message::{Kind, Marks, Refusal};
use crate::portfolio::{
    COMPLETION_SEEN, Differs, Discrepancy, NOBODY, REQUEST_SEEN, State, Traits, Transaction,
};

/// The authorization after a completion of so much. One of several leaves the rest held, until the last one or until
/// nothing is left; any other releases it. What we had declined or what has run out is completed too, so that a stand-in
/// advice of it that comes later does not hold it again.
pub(super) fn completed(case: &Case<'_>, known: &Transaction, posted_minor: i64) -> Option<Transaction> {
    match known.state {
        State::Held if posted_minor < known.held_minor && !is_last(case) => {
            let mut extra = known.extra;
            extra[0] = known.settled_minor() + posted_minor;
            Some(Transaction { held_minor: known.held_minor - posted_minor, extra, ..*known })
        }
        State::Held | State::Declined | State::Expired => Some(known.ended(State::Completed)),
        _ => None,
    }
}

fn is_last(case: &Case<'_>) -> bool {
    !case.request.marks.has(Marks::SEVERAL) || case.request.marks.has(Marks::LAST)
}

/// How a completion of so much differs from the authorization it speaks of. It is posted all the same.
pub(super) fn over_tolerance(case: &Case<'_>, known: &Transaction, posted_minor: i64) -> Discrepancy {
    let (ours_minor, theirs_minor) = match known.state {
        State::Held => (known.authorized_minor(), known.settled_minor() + posted_minor),
        // It has run out, and clears late: what it held is what was authorized.
        State::Expired => (known.settled_minor(), posted_minor),
        // We declined it.
        State::Declined => return differs(Differs::ApprovedThere, 0, posted_minor),
        // Closed: nothing of it is authorized any more.
        _ => (0, posted_minor),
    };
    let most = case.policy.most_completed(ours_minor, case.request.merchant_category);
    if theirs_minor <= most {
        return Discrepancy::default();
    }
    differs(Differs::OverTolerance, ours_minor, theirs_minor)
}

/// How an advice of a debit differs from what is known by its own key. `advised_minor` is what it says was approved there,
/// `None` where it was declined.
pub(super) fn against_own(
    case: &Case<'_>,
    known: Option<&Transaction>,
    advised_minor: Option<i64>,
) -> Discrepancy {
    let posts = case.request.kind == Kind::FinancialAdvice;
    let advised = advised_minor.unwrap_or(0);
    let Some(known) = known.filter(|known| known.state != State::Tombstone) else {
        return match advised_minor {
            Some(_) => differs(Differs::NoOriginal, 0, advised),
            None => Discrepancy::default(),
        };
    };
    // A completion with the key of its authorization.
    if posts && advised_minor.is_some() && matches!(known.state, State::Held | State::Expired) {
        return over_tolerance(case, known, advised);
    }
    if !known.has(REQUEST_SEEN) {
        return Discrepancy::default();
    }
    match (known.code.is_approval(), advised_minor) {
        (true, None) => differs(Differs::DeclinedThere, known.amount_minor, 0),
        // 91: what we could not decide in time was theirs to decide.
        (false, Some(_)) if known.refusal != Refusal::BudgetSpent => {
            differs(Differs::ApprovedThere, 0, advised)
        }
        (true, Some(theirs)) if theirs != known.amount_minor => {
            differs(Differs::Amount, known.amount_minor, theirs)
        }
        _ => Discrepancy::default(),
    }
}

/// Whether an advice that was recorded before comes with other content now, as far as what is kept tells.
pub(super) fn is_otherwise(case: &Case<'_>, known: &Transaction, said: &Traits, kept: &Traits) -> bool {
    let request = case.request;
    let approved_then = match known.state {
        State::Declined => Some(false),
        State::Held | State::Posted | State::Approved => Some(true),
        _ => None,
    };
    if approved_then.is_some_and(|then| then != says_approved(request)) {
        return true;
    }
    if (said.class, said.function()) == (kept.class, kept.function()) && !kept.reverses() {
        return has_other_content(said, kept);
    }
    // Another message made it, and took over the amount of the advice where that moved the money last.
    let of_advice = match known.state {
        State::Added => known.last_reversal == 0,
        _ => approved_then.is_some() && !known.is_increment(),
    };
    let of_other = known.card == NOBODY
        || request.kind == Kind::AuthorizationAdvice && known.has(COMPLETION_SEEN)
        || known.has(REQUEST_SEEN) && is_part(known.code);
    of_advice && !of_other && said.amount_minor != known.requested_minor
}

fn differs(differs: Differs, ours_minor: i64, theirs_minor: i64) -> Discrepancy {
    Discrepancy { differs, ours_minor, theirs_minor }
}
