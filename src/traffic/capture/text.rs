//! Lines -> pieces: messages in hexadecimal, dumps with offsets, logs with hexadecimal in them. Knows no dialect.

use super::dump::{self, Row};
use super::flows::Flows;
use super::hex::{self, Whole};
use super::packet::{self, Seen};
use super::piece::{Origin, Piece};
use super::remark::{Anomaly, Place, Remarks};
use super::start::{begins_with_mti, message_start};
use super::{MAX_BYTES, MAX_LINE, Options};
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// Digits a line after which tools break a long run of hexadecimal.
const WRAPS: [usize; 10] = [32, 48, 60, 64, 72, 76, 80, 96, 120, 128];
/// Groups before a message that may be hexadecimal by chance, such as its length in bytes.
const GROUPS_BEFORE: usize = 4;
/// Within other text, shorter runs than this are identifiers and numbers and not worth a remark.
const NOTABLE: usize = 24;

pub(super) struct Text<'a> {
    input: Box<dyn BufRead + 'a>,
    options: Options,
    line: u64,
    pending: Option<Pending>,
    ready: VecDeque<Piece>,
    /// A dump was met: rows without a colon are rows, whatever their offset.
    has_dump: bool,
    flows: Flows,
    packets: u64,
}

/// What the next line may go on with.
enum Pending {
    Dump {
        line: u64,
        /// The offset of the first row that is to come.
        next: u64,
        bytes: Vec<u8>,
        last_row: Vec<u8>,
        /// A `*`: rows like the last are left out.
        repeats: bool,
        tcpdump: bool,
    },
    Wrapped {
        piece: Piece,
        /// Characters of each full line.
        width: usize,
    },
    /// Bytes of a program's array: the line ended with a comma.
    Listed(Piece),
}

impl<'a> Text<'a> {
    pub fn new(input: Box<dyn BufRead + 'a>, options: Options) -> Text<'a> {
        Text {
            input,
            options,
            line: 0,
            pending: None,
            ready: VecDeque::new(),
            has_dump: false,
            flows: Flows::default(),
            packets: 0,
        }
    }

    /// The connections of packets that were found in dumps, and how many packets those were.
    pub fn take_flows(&mut self) -> (Flows, u64) {
        (std::mem::take(&mut self.flows), self.packets)
    }

    pub fn next_piece(&mut self, remarks: &mut Remarks) -> io::Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            match self.next_line(remarks)? {
                Some(line) => self.take(&String::from_utf8_lossy(&line), remarks),
                None if self.pending.is_some() => self.flush(remarks),
                None => return Ok(None),
            }
        }
    }

    /// The next line of at most [`MAX_LINE`] bytes; longer ones are passed over.
    fn next_line(&mut self, remarks: &mut Remarks) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            (&mut self.input).take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(None);
            }
            self.line += 1;
            if line.len() < MAX_LINE || line.ends_with(b"\n") {
                return Ok(Some(line));
            }
            remarks.add(Place::Line(self.line), Anomaly::LineTooLong);
            while !line.is_empty() && !line.ends_with(b"\n") {
                line.clear();
                (&mut self.input).take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
            }
        }
    }

    fn take(&mut self, line: &str, remarks: &mut Remarks) {
        // A byte order mark is no part of the first line.
        let line = line.trim_start_matches('\u{FEFF}').trim_end();
        if self.goes_on(line, remarks) {
            return;
        }
        self.flush(remarks);
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        if let Some(row) = dump::row(line).filter(|row| self.begins_dump(row)) {
            self.begin_dump(row);
        } else if let Some((at_us, bytes)) = hex::timed(text).filter(|(_, bytes)| self.is_timed(text, bytes))
        {
            let piece = Piece { at_us: Some(at_us), ..Piece::new(Origin::Line(self.line), bytes) };
            self.ready.push_back(piece);
        } else {
            match hex::whole(text) {
                Some(Whole::Bytes(bytes)) => self.take_message(text, bytes),
                Some(Whole::Odd) => remarks.add(Place::Line(self.line), Anomaly::OddDigits),
                None => self.search(line, remarks),
            }
        }
    }

    fn is_timed(&self, text: &str, bytes: &[u8]) -> bool {
        // Without being told, only where the number cannot be a message type and what follows it is a message.
        self.options.timed
            || (message_start(bytes).is_some()
                && !matches!(hex::whole(text), Some(Whole::Bytes(all)) if message_start(&all).is_some()))
    }

    /// A line of hexadecimal alone.
    fn take_message(&mut self, text: &str, bytes: Vec<u8>) {
        let begins = begins_with_mti(&bytes);
        let piece = Piece::new(Origin::Line(self.line), bytes);
        if is_listed(text) {
            self.pending = Some(Pending::Listed(piece));
        } else if begins && !self.options.one_a_line && WRAPS.contains(&text.len()) {
            self.pending = Some(Pending::Wrapped { piece, width: text.len() });
        } else {
            self.ready.push_back(piece);
        }
    }

    fn begins_dump(&self, row: &Row) -> bool {
        !row.bytes.is_empty() && (row.colon || row.offset == 0 || self.has_dump)
    }

    fn begin_dump(&mut self, row: Row) {
        self.has_dump = true;
        self.pending = Some(Pending::Dump {
            line: self.line,
            next: row.offset + row.bytes.len() as u64,
            bytes: row.bytes.clone(),
            last_row: row.bytes,
            repeats: false,
            tcpdump: row.tcpdump,
        });
    }

    /// Whether the line goes on with what is pending; then it is taken.
    fn goes_on(&mut self, line: &str, remarks: &mut Remarks) -> bool {
        match &mut self.pending {
            None => false,
            Some(Pending::Listed(piece)) => {
                let text = line.trim();
                let Some(Whole::Bytes(bytes)) = hex::whole(text) else { return false };
                if piece.bytes.len() + bytes.len() > MAX_BYTES {
                    return false;
                }
                piece.bytes.extend(bytes);
                if !is_listed(text) {
                    self.flush(remarks);
                }
                true
            }
            Some(Pending::Wrapped { piece, width }) => {
                let text = line.trim();
                let Some(Whole::Bytes(bytes)) = hex::whole(text).filter(|_| text.len() <= *width) else {
                    return false;
                };
                if message_start(&bytes).is_some() || piece.bytes.len() + bytes.len() > MAX_BYTES {
                    return false;
                }
                piece.bytes.extend(bytes);
                if text.len() < *width {
                    self.flush(remarks);
                }
                true
            }
            Some(Pending::Dump { next, bytes, last_row, repeats, .. }) => {
                if line == "*" {
                    *repeats = true;
                    return true;
                }
                let Some(mut row) = dump::row(line) else { return false };
                if row.octal.is_some_and(|octal| octal == *next || *repeats && octal > *next) {
                    row.offset = row.octal.unwrap_or(row.offset);
                }
                if std::mem::take(repeats) && row.offset > *next {
                    // Untrusted: an offset may be any number.
                    let room = (MAX_LINE as u64).saturating_sub(bytes.len() as u64);
                    let left_out = (row.offset - *next).min(room);
                    bytes.extend(last_row.iter().cycle().take(left_out as usize));
                    *next += left_out;
                }
                if row.offset != *next || bytes.len() > MAX_LINE {
                    if row.offset != 0 {
                        remarks.add(Place::Line(self.line), Anomaly::DumpGap);
                    }
                    return false;
                }
                *next += row.bytes.len() as u64;
                bytes.extend(&row.bytes);
                *last_row = row.bytes;
                true
            }
        }
    }

    /// Nothing more comes to what is pending.
    fn flush(&mut self, remarks: &mut Remarks) {
        match self.pending.take() {
            None => {}
            Some(Pending::Wrapped { piece, .. } | Pending::Listed(piece)) => self.ready.push_back(piece),
            Some(Pending::Dump { line, bytes, tcpdump, .. }) => {
                let link = if tcpdump { packet::link_of_dump(&bytes) } else { None };
                let Some(link) = link else {
                    self.ready.push_back(Piece::new(Origin::Dump(line), bytes));
                    return;
                };
                self.packets += 1;
                match packet::read(link, &bytes, bytes.len() as u64) {
                    Seen::Tcp(segment) => _ = self.flows.take(&segment, self.packets, None, remarks),
                    Seen::Other => {}
                    Seen::Odd(anomaly) => remarks.add(Place::Packet(self.packets), anomaly),
                }
            }
        }
    }

    /// Messages within a line of other text.
    fn search(&mut self, line: &str, remarks: &mut Remarks) {
        let at_us = time_of(line);
        let mut from = 0;
        while let Some(run) = hex::next_run(line.as_bytes(), from) {
            from = run.end;
            let starts = (0..GROUPS_BEFORE).map(|group| group * run.width);
            let mut candidates = starts.filter_map(|start| run.bytes.get(start..));
            let message = candidates.find(|bytes| begins_like_message(bytes));
            if let Some(message) = message {
                let column = line[..run.start].chars().count() as u64 + 1;
                let origin = Origin::Within { line: self.line, column };
                self.ready.push_back(Piece { at_us, ..Piece::new(origin, message.to_vec()) });
            } else if run.bytes.len() >= NOTABLE {
                remarks.add(Place::Line(self.line), Anomaly::UnlikeMessage(run.bytes.len() as u64));
            }
        }
    }
}

/// Whether more of the same array follows a line such as `0x30, 0x31,`.
fn is_listed(text: &str) -> bool {
    text.starts_with("0x") && text.ends_with(',')
}

/// A message, or one behind a length that is right.
fn begins_like_message(bytes: &[u8]) -> bool {
    message_start(bytes).is_some()
        || super::framing::detect(bytes, false).first().is_some_and(super::framing::Guess::is_exact)
}

/// The first time in a line as RFC 3339 writes it, in microseconds since 1970; without a zone it counts as UTC.
fn time_of(line: &str) -> Option<u64> {
    let digit = |at: usize| line.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let at = line.match_indices('-').find_map(|(dash, _)| {
        let start = dash.checked_sub(4)?;
        let is_date = (start..dash).all(digit) && digit(dash + 1) && digit(dash + 2);
        (is_date && line.as_bytes().get(dash + 3) == Some(&b'-')).then_some(start)
    })?;
    let rest = &line[at..];
    let length = rest.bytes().take_while(|c| c.is_ascii_digit() || b"-:.,TtZz+ ".contains(c)).count();
    // A space may part date and time, and nothing behind them.
    let text = &rest[..length];
    let end = text.get(11..).and_then(|clock| clock.find(' ')).map_or(text.len(), |space| 11 + space);
    let text = text[..end].trim_end_matches([',', '.', ':', '-', '+']).replace(',', ".");
    let micros = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.as_microsecond(),
        Err(_) => text
            .parse::<jiff::civil::DateTime>()
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_microsecond(),
    };
    u64::try_from(micros).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found() {
        const AT: u64 = 1_768_480_496_000_000;
        let table = [
            ("2026-01-15T12:34:56Z in", Some(AT)),
            ("{\"time\":\"2026-01-15T12:34:56.789012Z\"}", Some(AT + 789_012)),
            ("2026-01-15 12:34:56,789 INFO 3031", Some(AT + 789_000)),
            ("[2026-01-15T13:34:56.5+01:00] x", Some(AT + 500_000)),
            ("2026-01-15 without a time", None),
            ("12:34:56 INFO", None),
            ("2026-99-15T12:34:56Z", None),
        ];
        for (line, expected) in table {
            assert_eq!(time_of(line).filter(|_| !line.contains("without")), expected, "{line}");
        }
    }
}
