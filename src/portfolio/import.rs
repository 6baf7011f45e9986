//! Checked rows -> the portfolio of a stopped switch: all of them, or nothing. Must not know files.

use super::columns::{ACCOUNT, AVAILABLE, CURRENCY};
use super::sheet::{Rejected, Row, Sheet};
use super::{
    AccountId, AccountState, CardState, LARGEST_MINOR, NewAccount, NewCard, Portfolio, TooManyLimits,
};
use std::collections::HashMap;

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Cards that were not there before.
    pub new: usize,
    /// Cards that were there.
    pub updated: usize,
    /// Accounts that the sheet's cards spend from.
    pub accounts: usize,
}

/// Why a sheet cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Rows contradict what is there.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// More limits than fit.
    #[error(transparent)]
    Limits(#[from] TooManyLimits),
}

/// Adds and updates the cards of a sheet. A known card keeps its id and its counters, its account what is held and
/// posted; the account's funds become what leaves the sheet's amount available.
///
/// # Errors
/// Rows that contradict the portfolio, by line and column; too many limits. The portfolio is half changed then: throw
/// it away.
pub fn apply(sheet: &Sheet, portfolio: &mut Portfolio) -> Result<Done, ImportError> {
    let named = portfolio.accounts().iter().filter(|account| account.name != 0);
    let by_name: HashMap<u64, AccountId> = named.map(|account| (account.name, account.id)).collect();
    let names: Vec<u64> = sheet.labels.iter().map(|label| name(portfolio, label)).collect();
    let customers = sheet
        .customers
        .as_ref()
        .map(|labels| labels.iter().map(|label| portfolio.customer_of(label.as_bytes())).collect::<Vec<_>>());
    let labelled = names.iter().map(|name| (*name, by_name.get(name).copied())).collect();
    let mut import = Import {
        sheet,
        portfolio,
        labelled,
        customers,
        done: Done::default(),
        rejected: Rejected::default(),
    };
    for (index, row) in sheet.rows.iter().enumerate() {
        if import.rejected.is_full() {
            import.rejected.unread = (sheet.rows.len() - index) as u64;
            break;
        }
        import.put(row)?;
    }
    let own = sheet.rows.iter().filter(|row| row.label.is_none()).count();
    import.done.accounts = own + sheet.labels.len();
    Ok(import.rejected.or(import.done)?)
}

/// An account's name: its label under the folder's secret, so that no file holds what may be an IBAN.
fn name(portfolio: &Portfolio, label: &str) -> u64 {
    let mut bytes = (label.len() as u64).to_le_bytes().to_vec();
    bytes.extend(label.as_bytes());
    // Filled up with zeros to whole numbers, as the names in the data folders were made.
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    portfolio.keyed_hash_of(&bytes)
}

struct Import<'a> {
    sheet: &'a Sheet,
    portfolio: &'a mut Portfolio,
    /// For each label of the sheet the name, and the account as soon as there is one.
    labelled: Vec<(u64, Option<AccountId>)>,
    /// For each customer of the sheet the keyed hash; `None` when the sheet says nothing of customers.
    customers: Option<Vec<u64>>,
    done: Done,
    rejected: Rejected,
}

impl Import<'_> {
    fn put(&mut self, row: &Row) -> Result<(), TooManyLimits> {
        // Its account's id and name, and its counters.
        let known = self
            .portfolio
            .card(row.pan)
            .map(|card| (card.account, self.portfolio.account_of(card).name, *card.state.lock()));
        let (name, labelled) = row.label.map_or((0, None), |label| self.labelled[label as usize]);
        let account = match known {
            Some((_, own, _)) if own != name => {
                let reason = "the card is there already, with another account: a card does not move";
                self.rejected.push(row.line, ACCOUNT, reason);
                return Ok(());
            }
            Some((account, ..)) => Some(account),
            None => labelled,
        };
        let account = match account {
            Some(account) => account,
            None => self.portfolio.add_account(NewAccount {
                currency: row.currency,
                name,
                state: AccountState { funds_minor: row.available_minor, ..AccountState::default() },
            }),
        };
        if let Some(label) = row.label {
            self.labelled[label as usize].1 = Some(account);
        }
        if !self.fund(row, account) {
            return Ok(());
        }
        if let Some(customers) = &self.customers {
            let customer = row.customer.map_or(0, |place| customers[place as usize]);
            self.portfolio.set_customer(account, customer);
        }
        let state = known.map_or_else(CardState::default, |(.., state)| state);
        let limits = row.limits.map(|place| self.sheet.limits[place as usize]);
        let Row { expiry, status, program, .. } = *row;
        self.portfolio.add_card(row.pan, NewCard { expiry, status, program, limits, account, state })?;
        *(if known.is_some() { &mut self.done.updated } else { &mut self.done.new }) += 1;
        Ok(())
    }

    /// Makes the row's amount available, whatever is held and posted.
    fn fund(&mut self, row: &Row, account: AccountId) -> bool {
        let Some(account) = self.portfolio.account(account) else { return false };
        if account.currency != row.currency {
            let reason =
                format!("the account is there already, in {:03}: it does not change", account.currency);
            self.rejected.push(row.line, CURRENCY, reason);
            return false;
        }
        let mut state = account.state.lock();
        let funds =
            i128::from(row.available_minor) + i128::from(state.posted_minor) + i128::from(state.held_minor);
        match i64::try_from(funds).ok().filter(|funds| funds.abs() <= LARGEST_MINOR) {
            Some(funds) => state.funds_minor = funds,
            None => {
                drop(state);
                let reason = "with what the account has posted and holds, its funds would be out of range";
                self.rejected.push(row.line, AVAILABLE, reason);
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Limits, Lists, Program, TableOptions, sheet};
    use super::*;

    fn sheet_of(available: i64) -> Sheet {
        let program = Program::new("demo", Limits::NONE, Limits::NONE, &Lists::default());
        let csv = format!(
            "pan,expiry,status,account,currency,available,program\n4111130000000003,3012,,a,840,{available},demo\n"
        );
        sheet::read(csv.as_bytes(), &[program]).unwrap()
    }

    #[test]
    fn funds_make_up_for_what_is_posted_and_held_as_far_as_they_may() {
        let program = Program::new("demo", Limits::NONE, Limits::NONE, &Lists::default());
        let table = TableOptions { max: 10, window_us: 1 };
        for (posted_minor, held_minor, available, funds) in [
            (500, 30, 7, Some(537)),
            (-500, 0, 7, Some(-493)),
            (LARGEST_MINOR - 10, 3, 7, Some(LARGEST_MINOR)),
            (LARGEST_MINOR - 10, 3, 8, None),
            (LARGEST_MINOR, LARGEST_MINOR, LARGEST_MINOR, None),
        ] {
            let mut portfolio = Portfolio::new(vec![program.clone()], table, [7; 16]);
            apply(&sheet_of(0), &mut portfolio).unwrap();
            {
                let mut state = portfolio.accounts()[0].state.lock();
                (state.posted_minor, state.held_minor) = (posted_minor, held_minor);
            }
            let done = apply(&sheet_of(available), &mut portfolio);
            let state = *portfolio.accounts()[0].state.lock();
            match (funds, done) {
                (Some(funds), Ok(done)) => {
                    assert_eq!(done, Done { new: 0, updated: 1, accounts: 1 });
                    assert_eq!((state.funds_minor, state.available_minor()), (funds, available));
                }
                (None, Err(ImportError::Rejected(rejected))) => {
                    let problem = &rejected.problems[0];
                    assert_eq!((problem.line, problem.column.as_str()), (2, "available"));
                }
                (funds, done) => panic!("{funds:?}: {done:?}"),
            }
        }
    }

    #[test]
    fn accounts_get_their_customer_and_keep_it_where_a_sheet_says_nothing() {
        let program = Program::new("standard", Limits::NONE, Limits::NONE, &Lists::default());
        let mut portfolio = Portfolio::new(vec![program], TableOptions { max: 10, window_us: 1 }, [7; 16]);
        let mut import = |header: &str, customers: [&str; 2]| {
            let csv = format!(
                "pan,expiry,status,account,currency,available,program{header}\n4111130000000003,3012,,a,840,1,{}\n\
                 4111130000000011,3012,,b,840,1,{}\n",
                customers[0], customers[1]
            );
            let sheet = sheet::read(csv.as_bytes(), portfolio.programs()).unwrap();
            apply(&sheet, &mut portfolio).unwrap();
            let of = |label: &[u8]| portfolio.customer_of(label);
            let names = [of(b"Ann"), of(b"Bob"), 0];
            [0, 1].map(|account: usize| {
                let customer = portfolio.accounts()[account].customer;
                names.iter().position(|name| *name == customer)
            })
        };
        assert_eq!(import("", ["", ""]), [Some(2), Some(2)]);
        assert_eq!(import(",customer", [",Ann", ", Ann "]), [Some(0), Some(0)]);
        assert_eq!(import(",customer", [",Ann", ",Bob"]), [Some(0), Some(1)]);
        assert_eq!(import("", ["", ""]), [Some(0), Some(1)]);
        assert_eq!(import(",customer", [",Bob", ","]), [Some(1), Some(2)]);
        // A customer is not the account of the same label.
        assert_ne!(portfolio.customer_of(b"a"), portfolio.accounts()[0].name);
    }

    #[test]
    fn customers_that_cannot_be_are_refused_by_line_and_column() {
        let program = Program::new("standard", Limits::NONE, Limits::NONE, &Lists::default());
        let long = "x".repeat(35);
        for (first, second, problem) in [
            (&*long, "b", "line 2, column customer: 35 characters; at most 34 are allowed"),
            ("b", "a", "line 3, column customer: not the same as in line 2, which has the same account"),
            ("b", "", "line 3, column customer: not the same as in line 2, which has the same account"),
        ] {
            let csv = format!(
                "pan,expiry,status,account,currency,available,program,customer\n\
                 4111130000000003,3012,,a,840,1,,{first}\n4111130000000011,3012,,a,840,1,,{second}\n"
            );
            let rejected = sheet::read(csv.as_bytes(), std::slice::from_ref(&program)).unwrap_err();
            assert_eq!(rejected.to_string(), problem);
        }
    }

    #[test]
    fn labels_of_any_length_have_names_of_their_own() {
        let portfolio = Portfolio::new(vec![], TableOptions { max: 1, window_us: 1 }, [7; 16]);
        let labels = ["a", "b", "a\0", "aaaaaaaa", "aaaaaaaaa", "aaaaaaaaaaaaaaaa", "ü"];
        let names: std::collections::HashSet<u64> =
            labels.iter().map(|label| name(&portfolio, label)).collect();
        assert_eq!(names.len(), labels.len());
        assert!(!names.contains(&0));
    }
}
