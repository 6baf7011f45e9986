//! One row of the file: text -> checked values. Must not know what is in the portfolio but the names of programs.

use super::{COLUMNS, Fault, ImportError, LARGEST, LimitChanges, UNLIMITED};
use crate::message::Pan;
use crate::portfolio::{CardStatus, Portfolio};
use csv::{ByteRecord, Reader, ReaderBuilder, Trim};
use std::collections::HashMap;
use std::io::Read;

/// A row whose values are good by themselves.
#[derive(Debug)]
pub(super) struct Row {
    pub line: u64,
    pub pan: Pan,
    pub expiry: u16,
    pub status: CardStatus,
    /// Empty for an account of the card's own.
    pub label: Box<[u8]>,
    pub currency: u16,
    pub available_minor: i64,
    pub program: u16,
    /// `None` for the program's.
    pub limits: Option<LimitChanges>,
}

impl Row {
    pub(super) fn fault(&self, column: &'static str, reason: String) -> Fault {
        Fault { line: self.line, column, reason }
    }
}

/// The rows of a file, one after the other.
pub(super) struct Rows<F> {
    reader: Reader<F>,
    record: ByteRecord,
    /// Place of each of [`COLUMNS`] in the file.
    places: [Option<usize>; COLUMNS.len()],
    width: usize,
    programs: HashMap<String, u16>,
    /// Card numbers and their lines.
    seen: HashMap<Pan, u64>,
}

/// Places in [`COLUMNS`].
const PAN: usize = 0;
const EXPIRY: usize = 1;
const STATUS: usize = 2;
const ACCOUNT: usize = 3;
const CURRENCY: usize = 4;
const AVAILABLE: usize = 5;
const PROGRAM: usize = 6;
/// The first of the limits.
const LIMITS: usize = 7;

/// The longest label of an account, bytes.
const LONGEST_LABEL: usize = 64;

type Found<T> = Result<T, Fault>;

impl<F: Read> Rows<F> {
    /// Reads the header.
    pub(super) fn new(file: F, portfolio: &Portfolio) -> Result<Rows<F>, ImportError> {
        let mut reader =
            ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(file);
        let mut record = ByteRecord::new();
        if !reader.read_byte_record(&mut record).map_err(unreadable)? {
            let fault = Fault { line: 1, column: "", reason: "empty: a header is missing".into() };
            return Err(ImportError::Faults { faults: vec![fault] });
        }
        let names = portfolio.programs().iter().map(|program| program.name.clone());
        Ok(Rows {
            places: places(&record)?,
            width: record.len(),
            programs: names.zip(0..).collect(),
            seen: HashMap::new(),
            reader,
            record,
        })
    }

    /// The next row, or what is wrong with it.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Result<Vec<Fault>, ImportError>> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => self.check().map(Some).map_err(Ok),
            Ok(false) => Ok(None),
            Err(error) => Err(Err(unreadable(error))),
        }
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn check(&mut self) -> Result<Row, Vec<Fault>> {
        let line = self.line();
        if self.record.len() != self.width {
            let reason = format!("{} fields, but the header has {}", self.record.len(), self.width);
            return Err(vec![Fault { line, column: "", reason }]);
        }
        let mut faults = Vec::new();
        let pan = keep(self.pan(), &mut faults);
        let expiry = keep(self.expiry(), &mut faults);
        let status = keep(self.status(), &mut faults);
        let label = keep(self.label(), &mut faults);
        let currency = keep(self.currency(), &mut faults);
        let available = keep(self.number(AVAILABLE), &mut faults);
        let program = keep(self.program(), &mut faults);
        let limits = keep(self.limits(), &mut faults);
        match (pan, expiry, status, label, currency, available, program, limits) {
            (
                Some(pan),
                Some(expiry),
                Some(status),
                Some(label),
                Some(currency),
                Some(available_minor),
                Some(program),
                Some(limits),
            ) => Ok(Row { line, pan, expiry, status, label, currency, available_minor, program, limits }),
            _ => Err(faults),
        }
    }

    /// The text of a column; empty when the file does not have it.
    fn text(&self, column: usize) -> &[u8] {
        self.places[column].and_then(|place| self.record.get(place)).unwrap_or_default()
    }

    fn fault<T>(&self, column: usize, reason: String) -> Found<T> {
        Err(Fault { line: self.line(), column: COLUMNS[column].name, reason })
    }

    fn pan(&mut self) -> Found<Pan> {
        let text = self.text(PAN);
        let pan = Pan::from_digits(text).filter(|_| text.len() >= 12);
        let Some(pan) = pan else {
            // Never the text: what is nearly a card number is as good as one.
            return self.fault(PAN, format!("{} is not 12 to 19 digits", count(text)));
        };
        if !pan.luhn_holds() {
            return self.fault(PAN, format!("the check digit of {pan} is wrong"));
        }
        match self.seen.insert(pan, self.line()) {
            Some(line) => self.fault(PAN, format!("{pan} stands in line {line} already")),
            None => Ok(pan),
        }
    }

    fn expiry(&self) -> Found<u16> {
        let text = self.text(EXPIRY);
        match digits(text).filter(|expiry| text.len() == 4 && (1..=12).contains(&(expiry % 100))) {
            Some(expiry) => Ok(expiry as u16),
            None => self.fault(EXPIRY, format!("{} is not a month YYMM", shown(text))),
        }
    }

    fn status(&self) -> Found<CardStatus> {
        let text = self.text(STATUS);
        match std::str::from_utf8(text).ok().and_then(CardStatus::from_name) {
            Some(status) => Ok(status),
            None => {
                let names: Vec<&str> = CardStatus::ALL.iter().map(|status| status.name()).collect();
                self.fault(STATUS, format!("{} is none of {}", shown(text), names.join(", ")))
            }
        }
    }

    fn label(&self) -> Found<Box<[u8]>> {
        let text = self.text(ACCOUNT);
        if text.len() > LONGEST_LABEL {
            return self.fault(ACCOUNT, format!("{} is longer than {LONGEST_LABEL}", count(text)));
        }
        Ok(text.into())
    }

    fn currency(&self) -> Found<u16> {
        let text = self.text(CURRENCY);
        match digits(text).filter(|code| text.len() == 3 && *code > 0) {
            Some(code) => Ok(code as u16),
            None => {
                self.fault(CURRENCY, format!("{} is not three digits of ISO 4217, e.g. 840", shown(text)))
            }
        }
    }

    /// A whole number that is not negative: an amount in minor units, or a count.
    fn number(&self, column: usize) -> Found<i64> {
        let text = self.text(column);
        match digits(text).and_then(|number| i64::try_from(number).ok()).filter(|number| *number <= LARGEST) {
            Some(number) => Ok(number),
            None => self.fault(column, format!("{} is not a whole number from 0 to {LARGEST}", shown(text))),
        }
    }

    fn program(&self) -> Found<u16> {
        let text = self.text(PROGRAM);
        match std::str::from_utf8(text).ok().and_then(|name| self.programs.get(name)) {
            Some(program) => Ok(*program),
            None => {
                let mut names: Vec<&str> = self.programs.keys().map(String::as_str).collect();
                names.sort_unstable();
                let names = names.join(", ");
                self.fault(PROGRAM, format!("{} is no program of the settings: {names}", shown(text)))
            }
        }
    }

    fn limits(&self) -> Found<Option<LimitChanges>> {
        let mut changes = LimitChanges::default();
        for (index, slot) in changes.0.iter_mut().enumerate() {
            *slot = match self.text(LIMITS + index) {
                [] => None,
                b"none" => Some(UNLIMITED),
                _ => Some(self.number(LIMITS + index)?),
            };
        }
        Ok((changes != LimitChanges::default()).then_some(changes))
    }
}

fn keep<T>(found: Found<T>, faults: &mut Vec<Fault>) -> Option<T> {
    found.map_err(|fault| faults.push(fault)).ok()
}

fn unreadable(error: csv::Error) -> ImportError {
    ImportError::Unreadable(error.into())
}

/// Finds the columns in the header.
fn places(header: &ByteRecord) -> Result<[Option<usize>; COLUMNS.len()], ImportError> {
    let mut places = [None; COLUMNS.len()];
    let mut faults = Vec::new();
    let line = header.position().map_or(1, csv::Position::line);
    let mut fault = |column, reason| faults.push(Fault { line, column, reason });
    for (place, name) in header.iter().enumerate() {
        match COLUMNS.iter().position(|column| column.name.as_bytes() == name) {
            None => fault("", format!("column {} of the header: {} is unknown", place + 1, shown(name))),
            Some(column) if places[column].is_some() => fault(COLUMNS[column].name, "stands twice".into()),
            Some(column) => places[column] = Some(place),
        }
    }
    for (column, _) in COLUMNS.iter().zip(places).filter(|(column, place)| column.required && place.is_none())
    {
        fault(column.name, "missing in the header".into());
    }
    if faults.is_empty() { Ok(places) } else { Err(ImportError::Faults { faults }) }
}

/// A number of ASCII digits only.
fn digits(text: &[u8]) -> Option<u64> {
    let all = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// A value as a message may show it: short ones as they are; long ones, or ones of many digits, could be a card number
/// in the wrong column, and a file without a header begins with one.
fn shown(text: &[u8]) -> String {
    let many_digits = text.iter().filter(|byte| byte.is_ascii_digit()).count() > 6;
    if text.is_empty() {
        "an empty field".into()
    } else if many_digits || text.len() > 40 {
        count(text)
    } else {
        format!("{:?}", String::from_utf8_lossy(text))
    }
}

fn count(text: &[u8]) -> String {
    match text.len() {
        0 => "an empty field".into(),
        length => format!("a value of {length} characters"),
    }
}
