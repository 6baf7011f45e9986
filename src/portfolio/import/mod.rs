//! Cards and accounts from a CSV file: each row checked by itself and against the others, then all of it applied.
//! Must not know files or folders. No message shows a card number in clear.

mod row;
use row::{Row, Rows};

use super::{
    AccountId, AccountState, CardState, Limits, NewAccount, NewCard, Portfolio, TooManyLimits, UNLIMITED,
};
use std::collections::HashMap;
use std::fmt;
use std::io::Read;

/// What a column holds, in words, for the help.
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// What stands in it.
    pub help: &'static str,
    /// Whether the file must have it.
    pub required: bool,
}

const fn required(name: &'static str, help: &'static str) -> Column {
    Column { name, help, required: true }
}

const fn limit(name: &'static str, help: &'static str) -> Column {
    Column { name, help, required: false }
}

/// The columns of a file, in any order.
pub const COLUMNS: &[Column] = &[
    required("pan", "card number, 12 to 19 digits with a valid check digit; a known card is updated"),
    required("expiry", "last month the card is good for, YYMM"),
    required("status", "active, inactive, blocked, lost, stolen, fraud, closed, pin-blocked or do-not-honor"),
    required(
        "account",
        "a label of your own, up to 64 characters: rows with the same label share one account; empty = an \
         account of the card's own",
    ),
    required("currency", "the account's, ISO 4217 numeric, e.g. 840; a known account keeps its currency"),
    required("available", "what may be spent after the import, in minor units, 0 to 999999999999999"),
    required("program", "a program of the settings"),
    limit("amount_per_transaction", "largest single debit"),
    limit("amount_per_day", "sum of debits a day"),
    limit("amount_per_month", "sum of debits a month"),
    limit("count_per_day", "debits a day"),
    limit("count_per_month", "debits a month"),
    limit("cash_amount_per_transaction", "largest single cash withdrawal"),
    limit("cash_amount_per_day", "sum of cash a day"),
    limit("cash_count_per_day", "cash withdrawals a day"),
];

/// A file to follow: the header and sample rows.
pub const EXAMPLE: &str = "\
pan,expiry,status,account,currency,available,program,amount_per_transaction,count_per_day
4111130000000007,3012,active,,840,250000,standard,,
4111130000000015,3012,active,household-17,840,1000000,standard,,
4111130000000023,3106,active,household-17,840,1000000,standard,20000,5
4111130000000031,2911,blocked,,978,0,standard,none,none
";

/// The largest amount in a file, minor units; what the settings allow too.
const LARGEST: i64 = 999_999_999_999_999;
/// Errors collected before the reading stops.
const MOST_ERRORS: usize = 20;

/// What is wrong at one place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file; the header is usually line 1.
    pub line: u64,
    /// Name of the column; empty when the row as a whole is at fault.
    pub column: &'static str,
    /// What is wrong, without any card number in clear.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why a file is not imported: nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Rows are at fault; the first 20 of them.
    #[error("{}", list(faults))]
    Faults {
        /// In the order of the file.
        faults: Vec<Fault>,
    },
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
}

fn list(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Rows of the file.
    pub rows: u64,
    /// Cards that were not there before.
    pub cards_new: u64,
    /// Cards that were.
    pub cards_updated: u64,
    /// Accounts that were not there before.
    pub accounts_new: u64,
    /// Accounts that were.
    pub accounts_updated: u64,
}

/// Reads a file and applies it. `progress` is told the rows read so far, now and then.
///
/// A known card keeps its id and counters. An account keeps what is held and posted; its funds are set so that what
/// is available is what the file says.
///
/// # Errors
/// After an error the portfolio may hold a part of the file: the caller throws it away.
pub fn import(
    file: impl Read,
    portfolio: &mut Portfolio,
    mut progress: impl FnMut(u64),
) -> Result<Imported, ImportError> {
    let mut rows = Rows::new(file, portfolio)?;
    let mut import = Import { done: Imported::default(), accounts: known_accounts(portfolio) };
    let mut faults = Faults::default();
    loop {
        let row = match rows.next() {
            Ok(None) => break,
            Ok(Some(row)) => row,
            Err(found) => {
                faults.add(found?)?;
                continue;
            }
        };
        import.done.rows += 1;
        if import.done.rows.is_multiple_of(10_000) {
            progress(import.done.rows);
        }
        // Once something is wrong the rest is only looked through.
        if let Err(fault) = import.apply(&row, portfolio) {
            faults.add(vec![fault])?;
        }
    }
    if !faults.0.is_empty() {
        return Err(ImportError::Faults { faults: faults.0 });
    }
    if import.done.rows == 0 {
        let fault = Fault { line: 1, column: "", reason: "a header but no rows".into() };
        return Err(ImportError::Faults { faults: vec![fault] });
    }
    Ok(import.done)
}

/// The faults found so far.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    /// Adds some; too many end the reading.
    fn add(&mut self, found: Vec<Fault>) -> Result<(), ImportError> {
        self.0.extend(found);
        if self.0.len() < MOST_ERRORS {
            return Ok(());
        }
        self.0.truncate(MOST_ERRORS);
        Err(ImportError::Faults { faults: std::mem::take(&mut self.0) })
    }
}

/// An account that has a label.
struct Named {
    id: AccountId,
    /// The line of this file that set it, and the label there; none yet for one of earlier imports.
    set: Option<(u64, Box<[u8]>, i64)>,
}

/// An import under way.
struct Import {
    done: Imported,
    /// By the keyed hash of the label.
    accounts: HashMap<u64, Named>,
}

fn known_accounts(portfolio: &Portfolio) -> HashMap<u64, Named> {
    let named = portfolio.accounts().iter().filter(|account| account.name != 0);
    named.map(|account| (account.name, Named { id: account.id, set: None })).collect()
}

impl Import {
    fn apply(&mut self, row: &Row, portfolio: &mut Portfolio) -> Result<(), Fault> {
        let known = portfolio.card(row.pan).map(|card| (*card.state.lock(), card.account));
        let account = if row.label.is_empty() {
            let own = known.map(|(_, id)| id);
            let own = own.filter(|id| portfolio.account(*id).is_some_and(|account| account.name == 0));
            self.set_account(row, 0, own, portfolio)?
        } else {
            self.set_named(row, portfolio)?
        };
        let limits = row.limits.as_ref().map(|changes| changes.over(portfolio, row.program));
        let card = NewCard {
            expiry: row.expiry,
            status: row.status,
            program: row.program,
            limits,
            account,
            state: known.map_or(CardState::default(), |(state, _)| state),
        };
        portfolio
            .add_card(row.pan, card)
            .map_err(|TooManyLimits| row.fault("", TooManyLimits.to_string()))?;
        match known {
            Some(_) => self.done.cards_updated += 1,
            None => self.done.cards_new += 1,
        }
        Ok(())
    }

    fn set_named(&mut self, row: &Row, portfolio: &mut Portfolio) -> Result<AccountId, Fault> {
        let name = portfolio.name_of(&row.label);
        if let Some(Named { id, set: Some((line, label, available)) }) = self.accounts.get(&name) {
            if **label != *row.label {
                let reason = format!("cannot be told from the label in line {line}: choose another");
                return Err(row.fault("account", reason));
            }
            if *available != row.available_minor {
                let reason =
                    format!("{} here, {available} for the same account in line {line}", row.available_minor);
                return Err(row.fault("available", reason));
            }
            self.check_currency(row, *id, portfolio)?;
            return Ok(*id);
        }
        let known = self.accounts.get(&name).map(|named| named.id);
        let id = self.set_account(row, name, known, portfolio)?;
        let set = Some((row.line, row.label.clone(), row.available_minor));
        self.accounts.insert(name, Named { id, set });
        Ok(id)
    }

    fn set_account(
        &mut self,
        row: &Row,
        name: u64,
        known: Option<AccountId>,
        portfolio: &mut Portfolio,
    ) -> Result<AccountId, Fault> {
        let Some(id) = known else {
            let state = AccountState { funds_minor: row.available_minor, ..AccountState::default() };
            self.done.accounts_new += 1;
            return Ok(portfolio.add_account(NewAccount { currency: row.currency, name, state }));
        };
        self.check_currency(row, id, portfolio)?;
        if let Some(account) = portfolio.account(id) {
            let mut state = account.state.lock();
            // Each of the three is far from the edge of 64 bits: see LARGEST_MINOR.
            state.funds_minor = row.available_minor + state.held_minor + state.posted_minor;
        }
        self.done.accounts_updated += 1;
        Ok(id)
    }

    fn check_currency(&self, row: &Row, id: AccountId, portfolio: &Portfolio) -> Result<(), Fault> {
        match portfolio.account(id).map(|account| account.currency) {
            Some(currency) if currency != row.currency => {
                let reason = format!("the account is in {currency:03}; an account's currency cannot change");
                Err(row.fault("currency", reason))
            }
            _ => Ok(()),
        }
    }
}

/// The limits that a row names; `None` for the program's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LimitChanges([Option<i64>; 8]);

impl LimitChanges {
    /// The program's limits with these instead.
    fn over(&self, portfolio: &Portfolio, program: u16) -> Limits {
        let [each, day, month, count_day, count_month, cash_each, cash_day, cash_count] = self.0;
        let of =
            portfolio.programs().get(usize::from(program)).map_or(Limits::NONE, |known| known.card_limits);
        Limits {
            amount_per_transaction: each.unwrap_or(of.amount_per_transaction),
            amount_per_day: day.unwrap_or(of.amount_per_day),
            amount_per_month: month.unwrap_or(of.amount_per_month),
            count_per_day: count_day.unwrap_or(of.count_per_day),
            count_per_month: count_month.unwrap_or(of.count_per_month),
            cash_amount_per_transaction: cash_each.unwrap_or(of.cash_amount_per_transaction),
            cash_amount_per_day: cash_day.unwrap_or(of.cash_amount_per_day),
            cash_count_per_day: cash_count.unwrap_or(of.cash_count_per_day),
        }
    }
}
