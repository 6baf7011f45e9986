//! The columns of a CSV file of cards, and an example. Must not know how they are read.

/// A column of the file.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in the header line.
    pub name: &'static str,
    /// What its cells hold, in lines of at most 69 characters.
    pub holds: &'static str,
}

const fn column(name: &'static str, holds: &'static str) -> Column {
    Column { name, holds }
}

/// The columns, in the order of [`EXAMPLE`]; a file may have them in any other.
pub const COLUMNS: [Column; 16] = [
    column("pan", "card number: 12 to 19 digits, the last one the check digit (Luhn)"),
    column("expiry", "last month it is good for, YYMM"),
    column(
        "status",
        "active (or empty), inactive, blocked, lost, stolen, fraud, closed,\npin-blocked, do-not-honor",
    ),
    column(
        "account",
        "any label of up to 34 characters: cards with the same one share an\naccount; empty: an account of its own",
    ),
    column("currency", "of the account: ISO 4217, three digits"),
    column("available", "what the account may still spend, in minor units:\n0 to 1000000000000000000"),
    column("program", "a program of the settings; empty: standard"),
    column(
        "customer",
        "any label of up to 34 characters: limits of a customer count all\naccounts with the same one; empty: nobody's. Left out, known\naccounts keep theirs",
    ),
    column("amount_per_transaction", "largest single debit, in minor units"),
    column("amount_per_day", "sum of a day, in minor units"),
    column("amount_per_month", "sum of a month, in minor units"),
    column("count_per_day", "debits a day"),
    column("count_per_month", "debits a month"),
    column("cash_amount_per_transaction", "largest single cash withdrawal, in minor units"),
    column("cash_amount_per_day", "cash of a day, in minor units"),
    column("cash_count_per_day", "cash withdrawals a day"),
];

pub(super) const PAN: usize = 0;
pub(super) const EXPIRY: usize = 1;
pub(super) const STATUS: usize = 2;
pub(super) const ACCOUNT: usize = 3;
pub(super) const CURRENCY: usize = 4;
pub(super) const AVAILABLE: usize = 5;
pub(super) const PROGRAM: usize = 6;
/// A file may leave this column out, and those behind it.
pub const CUSTOMER: usize = 7;
/// The columns from here on are the limits.
pub const LIMITS: usize = 8;

/// A header line and rows to follow: a plain card, a household of two on one account, a lost card, a card with limits of
/// its own, and one in euro under the program without limits, whose customer has the household's account too.
pub const EXAMPLE: &str = "\
pan,expiry,status,account,currency,available,program,customer,amount_per_transaction,amount_per_day,\
amount_per_month,count_per_day,count_per_month,cash_amount_per_transaction,cash_amount_per_day,cash_count_per_day
4111130000000003,3012,,,840,250000,,,,,,,,,,
4111130000000011,3012,active,household 7,840,100000,standard,customer 7,,,,,,,,
4111130000000029,2911,active,household 7,840,100000,standard,customer 7,,,,,,,,
4111130000000037,3012,lost,,840,250000,standard,,,,,,,,,
4111130000000045,3012,active,,840,250000,standard,,5000,,,3,,,,
4111130000000052,3012,active,,978,1000000000,demo,customer 7,,,,,,,,
";
