//! A CSV file of cards as checked rows. Must not know the cards that are there already.
//! What it says names lines and columns, never what stands in a cell: that may be a card number in the wrong place.

use super::columns::{ACCOUNT, AVAILABLE, COLUMNS, CURRENCY, CUSTOMER, EXPIRY, LIMITS, PAN, PROGRAM, STATUS};
use super::{CardStatus, LARGEST_MINOR, Limits, Program};
use crate::message::Pan;
use csv::{ByteRecord, ReaderBuilder, Trim};
use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io::{self, Read};

/// Names a card's program when its row does not.
const USUAL_PROGRAM: &str = "standard";
/// Characters of an account's or a customer's label: as many as the longest IBAN has.
const LONGEST_LABEL: usize = 34;
/// The bounds of the settings' limits.
const LARGEST_LIMIT_MINOR: i64 = 999_999_999_999_999;
const LARGEST_LIMIT_COUNT: i64 = 1_000_000;
/// Problems told before giving up.
const MOST_PROBLEMS: usize = 20;

/// A place of the file, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: u64,
    /// The column's name; empty when it is about the whole line.
    pub column: String,
    /// Never holds what stands in the cell.
    pub reason: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.reason),
            column => write!(f, "line {}, column {column}: {}", self.line, self.reason),
        }
    }
}

/// What is wrong with a file; at most 20 problems.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// In the order of the lines.
    pub problems: Vec<Problem>,
    /// Rows behind the last problem that nobody looked at.
    pub unread: u64,
}

impl Rejected {
    pub(super) fn push(&mut self, line: u64, column: usize, reason: impl Into<String>) {
        self.problems.push(Problem { line, column: COLUMNS[column].name.to_owned(), reason: reason.into() });
    }

    fn push_line(&mut self, line: u64, reason: impl Into<String>) {
        self.problems.push(Problem { line, column: String::new(), reason: reason.into() });
    }

    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    pub(super) fn or<T>(mut self, good: T) -> Result<T, Rejected> {
        self.problems.truncate(MOST_PROBLEMS);
        if self.problems.is_empty() { Ok(good) } else { Err(self) }
    }
}

impl Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.unread {
            0 => Ok(()),
            1 => f.write_str("\n1 more line was not looked at"),
            unread => write!(f, "\n{unread} more lines were not looked at"),
        }
    }
}

impl std::error::Error for Rejected {}

/// Why a file gave no sheet.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Its content is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It cannot be read.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// The checked rows of a file.
#[derive(Debug, Default)]
pub struct Sheet {
    pub(super) rows: Vec<Row>,
    pub(super) labels: Vec<String>,
    /// Labels of customers; `None` when the file has no such column.
    pub(super) customers: Option<Vec<String>>,
    pub(super) limits: Vec<Limits>,
}

/// A card, as its row says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub line: u64,
    pub pan: Pan,
    pub expiry: u16,
    pub status: CardStatus,
    pub program: u16,
    /// Place of its own limits in the sheet.
    pub limits: Option<u32>,
    /// Place of its account's label in the sheet; `None` for an account of its own.
    pub label: Option<u32>,
    /// Place of its customer's label in the sheet.
    pub customer: Option<u32>,
    pub currency: u16,
    pub available_minor: i64,
}

/// Reads a file. `programs` are those of the settings.
///
/// # Errors
/// All that is wrong with its content, up to 20 problems; or what the system said.
pub fn read(input: impl Read, programs: &[Program]) -> Result<Sheet, SheetError> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::None)
        .buffer_capacity(1 << 16)
        .from_reader(LineFeeds { inner: input, open: false });
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).map_err(system)?;
    let places = places(&record)?;
    let mut sheet = SheetReader {
        programs,
        places,
        width: record.len(),
        sheet: Sheet { customers: places[CUSTOMER].map(|_| Vec::new()), ..Sheet::default() },
        seen: HashMap::new(),
        labels: HashMap::new(),
        customers: HashMap::new(),
        limits: HashMap::new(),
        rejected: Rejected::default(),
    };
    while reader.read_byte_record(&mut record).map_err(system)? {
        if sheet.rejected.is_full() {
            sheet.rejected.unread += 1;
            continue;
        }
        // Each record ends with a line feed, and the reader stands behind it. Its own idea of where a record begins
        // counts the empty lines before it.
        let within: usize = record.iter().flatten().filter(|byte| **byte == b'\n').count();
        let line = reader.position().line().saturating_sub(1 + within as u64);
        let line = line.max(record.position().map_or(1, csv::Position::line));
        if within > 0 {
            sheet.rejected.push_line(line, "a quoted cell goes on over the end of the line");
        } else {
            sheet.add(line, &record);
        }
    }
    Ok(sheet.rejected.or(sheet.sheet)?)
}

fn system(error: csv::Error) -> SheetError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => SheetError::System(error),
        // Ragged rows are allowed and nothing is decoded by it: only the file can fail.
        other => SheetError::System(io::Error::other(format!("{other:?}"))),
    }
}

/// Where each column stands in this file.
fn places(header: &ByteRecord) -> Result<[Option<usize>; COLUMNS.len()], Rejected> {
    let mut places = [None; COLUMNS.len()];
    let mut rejected = Rejected::default();
    let known = || COLUMNS.map(|column| column.name).join(", ");
    for (place, cell) in header.iter().enumerate() {
        let cell = cell.trim_ascii();
        let Some(column) = COLUMNS.iter().position(|column| column.name.as_bytes() == cell) else {
            // A file without a header line begins with a card number: no cell with digits is shown.
            let name = String::from_utf8_lossy(cell);
            let plain = cell.len() <= 40 && !name.chars().any(|c| c.is_numeric() || c.is_control());
            let (name, reason) = match plain && !cell.is_empty() {
                true => (name.into_owned(), format!("there is no such column; there are {}", known())),
                false => {
                    (String::new(), format!("cell {} is no column's name; there are {}", place + 1, known()))
                }
            };
            rejected.problems.push(Problem { line: 1, column: name, reason });
            continue;
        };
        if places[column].replace(place).is_some() {
            rejected.push(1, column, "stands there twice");
        }
    }
    for column in (0..CUSTOMER).filter(|column| places[*column].is_none()) {
        rejected.push(1, column, "is missing");
    }
    rejected.or(places)
}

struct SheetReader<'a> {
    programs: &'a [Program],
    places: [Option<usize>; COLUMNS.len()],
    width: usize,
    sheet: Sheet,
    /// Card number -> line.
    seen: HashMap<Pan, u64>,
    /// Label -> its place, and what the first row with it says of the account.
    labels: HashMap<String, (u32, Shared)>,
    /// A customer's label -> its place.
    customers: HashMap<String, u32>,
    limits: HashMap<Limits, u32>,
    rejected: Rejected,
}

#[derive(Clone, Copy)]
struct Shared {
    line: u64,
    currency: u16,
    available_minor: i64,
    customer: Option<u32>,
}

type Checked<T> = Result<T, String>;

impl SheetReader<'_> {
    fn add(&mut self, line: u64, record: &ByteRecord) {
        if record.len() != self.width {
            let reason = format!("{} cells instead of the header line's {}", record.len(), self.width);
            return self.rejected.push_line(line, reason);
        }
        let places = self.places;
        let cell = |column: usize| {
            places[column].and_then(|place| record.get(place)).unwrap_or_default().trim_ascii()
        };
        let pan = self.note(line, PAN, pan(cell(PAN)));
        let pan = pan.filter(|pan| match self.seen.insert(*pan, line) {
            Some(first) => {
                self.rejected.push(line, PAN, format!("the same number stands in line {first}"));
                false
            }
            None => true,
        });
        let expiry = self.note(line, EXPIRY, expiry(cell(EXPIRY)));
        let status = self.note(line, STATUS, status(cell(STATUS)));
        let label = self.note(line, ACCOUNT, label(cell(ACCOUNT)));
        let currency = self.note(line, CURRENCY, currency(cell(CURRENCY)));
        let reason = "not an amount in minor units, 0 to 1000000000000000000";
        let available = number(cell(AVAILABLE), LARGEST_MINOR).ok_or_else(|| reason.to_owned());
        let available = self.note(line, AVAILABLE, available);
        let program = self.program(cell(PROGRAM));
        let program = self.note(line, PROGRAM, program);
        let customer = self.note(line, CUSTOMER, self::label(cell(CUSTOMER)));
        let limits = self.limits(line, cell, program);
        let (Some(label), Some(currency), Some(available_minor), Some(customer)) =
            (label, currency, available, customer)
        else {
            return;
        };
        let customer = self.customer(customer);
        let label = self.share(label, Shared { line, currency, available_minor, customer });
        let (Some(pan), Some(expiry), Some(status), Some(program)) = (pan, expiry, status, program) else {
            return;
        };
        self.sheet.rows.push(Row {
            line,
            pan,
            expiry,
            status,
            program,
            limits,
            label,
            customer,
            currency,
            available_minor,
        });
    }

    fn note<T>(&mut self, line: u64, column: usize, checked: Checked<T>) -> Option<T> {
        checked.map_err(|reason| self.rejected.push(line, column, reason)).ok()
    }

    fn program(&self, cell: &[u8]) -> Checked<u16> {
        let name = if cell.is_empty() { USUAL_PROGRAM.as_bytes() } else { cell };
        let place = self.programs.iter().position(|program| program.name.as_bytes() == name);
        place.map(|place| place as u16).ok_or_else(|| {
            let names: Vec<_> = self.programs.iter().map(|program| program.name.as_str()).collect();
            let empty = if cell.is_empty() { " (empty stands for standard)" } else { "" };
            format!("not a program of the settings{empty}; there are {}", names.join(", "))
        })
    }

    /// The card's own limits; those that its row leaves out are its program's.
    fn limits<'b>(
        &mut self,
        line: u64,
        cell: impl Fn(usize) -> &'b [u8],
        program: Option<u16>,
    ) -> Option<u32> {
        let mut limits = self.programs.get(usize::from(program?))?.card_limits;
        let mut own = false;
        let fields: [(&mut i64, i64); COLUMNS.len() - LIMITS] = [
            (&mut limits.amount_per_transaction, LARGEST_LIMIT_MINOR),
            (&mut limits.amount_per_day, LARGEST_LIMIT_MINOR),
            (&mut limits.amount_per_month, LARGEST_LIMIT_MINOR),
            (&mut limits.count_per_day, LARGEST_LIMIT_COUNT),
            (&mut limits.count_per_month, LARGEST_LIMIT_COUNT),
            (&mut limits.cash_amount_per_transaction, LARGEST_LIMIT_MINOR),
            (&mut limits.cash_amount_per_day, LARGEST_LIMIT_MINOR),
            (&mut limits.cash_count_per_day, LARGEST_LIMIT_COUNT),
        ];
        for ((limit, most), column) in fields.into_iter().zip(LIMITS..) {
            let cell = cell(column);
            if cell.is_empty() {
                continue;
            }
            own = true;
            match number(cell, most) {
                Some(number) => *limit = number,
                None => self.rejected.push(line, column, format!("not a whole number, 0 to {most}")),
            }
        }
        let next = self.sheet.limits.len() as u32;
        own.then(|| {
            *self.limits.entry(limits).or_insert_with(|| {
                self.sheet.limits.push(limits);
                next
            })
        })
    }

    /// The place of a customer's label.
    fn customer(&mut self, label: &str) -> Option<u32> {
        let known = self.sheet.customers.as_mut().filter(|_| !label.is_empty())?;
        let place = self.customers.entry(label.to_owned()).or_insert_with(|| {
            known.push(label.to_owned());
            known.len() as u32 - 1
        });
        Some(*place)
    }

    /// The place of a label; rows with the same one must say the same of the account.
    fn share(&mut self, label: &str, row: Shared) -> Option<u32> {
        if label.is_empty() {
            return None;
        }
        if let Some((place, first)) = self.labels.get(label) {
            let reason = format!("not the same as in line {}, which has the same account", first.line);
            if first.currency != row.currency {
                self.rejected.push(row.line, CURRENCY, &*reason);
            }
            if first.available_minor != row.available_minor {
                self.rejected.push(row.line, AVAILABLE, &*reason);
            }
            if first.customer != row.customer {
                self.rejected.push(row.line, CUSTOMER, &*reason);
            }
            return Some(*place);
        }
        let place = self.sheet.labels.len() as u32;
        self.sheet.labels.push(label.to_owned());
        self.labels.insert(label.to_owned(), (place, row));
        Some(place)
    }
}

fn pan(cell: &[u8]) -> Checked<Pan> {
    let pan = if cell.len() < 12 { None } else { Pan::from_digits(cell) };
    let pan = pan.ok_or("not a card number of 12 to 19 digits")?;
    if pan.luhn_holds() { Ok(pan) } else { Err("the check digit (Luhn) is wrong".into()) }
}

fn expiry(cell: &[u8]) -> Checked<u16> {
    let number = number(cell, 9912).filter(|number| cell.len() == 4 && (1..=12).contains(&(number % 100)));
    number.map(|number| number as u16).ok_or_else(|| "not a month as YYMM, four digits".into())
}

fn status(cell: &[u8]) -> Checked<CardStatus> {
    if cell.is_empty() {
        return Ok(CardStatus::Active);
    }
    let status = std::str::from_utf8(cell).ok().and_then(CardStatus::from_name);
    status.ok_or_else(|| {
        let names: Vec<_> = CardStatus::ALL.iter().map(|status| status.name()).collect();
        format!("not a status; there are {}", names.join(", "))
    })
}

fn label(cell: &[u8]) -> Checked<&str> {
    let label = std::str::from_utf8(cell).map_err(|_| "not UTF-8")?;
    if label.chars().any(char::is_control) {
        return Err("holds a control character".into());
    }
    let length = label.chars().count();
    if length > LONGEST_LABEL {
        return Err(format!("{length} characters; at most {LONGEST_LABEL} are allowed"));
    }
    Ok(label)
}

fn currency(cell: &[u8]) -> Checked<u16> {
    let number = number(cell, 999).filter(|number| cell.len() == 3 && *number > 0);
    number.map(|number| number as u16).ok_or_else(|| "not an ISO 4217 code of three digits".into())
}

/// A whole number of at most 19 digits, 0 to `most`.
fn number(cell: &[u8], most: i64) -> Option<i64> {
    if cell.is_empty() || cell.len() > 19 || !cell.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(cell).ok()?.parse().ok()?;
    (number <= most).then_some(number)
}

/// Ends every line with a line feed alone, the last one too: so that lines can be counted.
struct LineFeeds<R> {
    inner: R,
    /// The last line has not ended.
    open: bool,
}

impl<R: Read> Read for LineFeeds<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let length = self.inner.read(into)?;
            if length == 0 && !self.open {
                return Ok(0);
            }
            if length == 0 {
                into[0] = b'\n';
                self.open = false;
                return Ok(1);
            }
            let mut kept = 0;
            for at in 0..length {
                if into[at] != b'\r' {
                    into[kept] = into[at];
                    kept += 1;
                }
            }
            if kept > 0 {
                self.open = into[kept - 1] != b'\n';
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::columns::EXAMPLE;
    use super::*;

    /// Gives one byte at a time, as a slow pipe may.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (into[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    #[test]
    fn every_line_ends_with_one_line_feed() {
        for (from, to) in
            [("", ""), ("a", "a\n"), ("a\r\n\r\nb\r\n", "a\n\nb\n"), ("\r", ""), ("a\nb\r", "a\nb\n")]
        {
            for slowly in [false, true] {
                let inner: Box<dyn Read> =
                    if slowly { Box::new(Drops(from.as_bytes())) } else { Box::new(from.as_bytes()) };
                let mut read = String::new();
                LineFeeds { inner, open: false }.read_to_string(&mut read).unwrap();
                assert_eq!(read, to, "{from:?}");
            }
        }
    }

    #[test]
    fn the_example_names_every_column_in_order() {
        let names = COLUMNS.map(|column| column.name).join(",");
        assert_eq!(EXAMPLE.lines().next(), Some(names.as_str()));
    }
}
