//! What a change of a transaction does to the counters of card and account, and whether an account can bear it. Changes
//! nothing itself.

use crate::portfolio::{AccountState, CASH, COUNTED, LARGEST_MINOR, Period, Transaction, VelocityChange};

/// Whether the account's figures stay within bounds after these changes.
pub(super) fn fits(state: &AccountState, held_change: i64, posted_change: i64) -> bool {
    let bound = i128::from(LARGEST_MINOR);
    let held = i128::from(state.held_minor) + i128::from(held_change);
    let posted = i128::from(state.posted_minor) + i128::from(posted_change);
    let ledger = i128::from(state.funds_minor) - posted;
    held.abs() <= bound && posted.abs() <= bound && (ledger - held).abs() <= 2 * bound
}

/// How the counters change when a transaction becomes another: always by exactly what they count of it, in the
/// period in which they counted it.
pub(super) fn velocity_change(before: &Transaction, after: &Transaction) -> VelocityChange {
    let (was, is) = (before.has(COUNTED), after.has(COUNTED));
    let (cash_was, cash_is) = (was && before.has(CASH), is && after.has(CASH));
    let change = VelocityChange {
        period: Period::of(if was { before.time_us } else { after.time_us }),
        count: i8::from(is) - i8::from(was),
        amount_minor: after.counted_minor() - before.counted_minor(),
        cash_count: i8::from(cash_is) - i8::from(cash_was),
        cash_minor: after.cash_minor() - before.cash_minor(),
    };
    let moves =
        [change.amount_minor, change.cash_minor, i64::from(change.count), i64::from(change.cash_count)];
    let changes = moves.iter().any(|moved| *moved != 0);
    if changes { change } else { VelocityChange::default() }
}
