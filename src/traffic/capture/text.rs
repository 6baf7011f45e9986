//! Lines -> pieces: messages in hexadecimal or as they are, dumps with offsets, logs with hexadecimal in them or with
//! messages by their fields. Knows no dialect.

use super::clock::{self, time_of};
use super::dump::{self, Row};
use super::flows::Flows;
use super::hex::{self, Whole};
use super::isomsg::Gathered;
use super::packet::{self, Seen};
use super::piece::{Origin, Piece};
use super::remark::{Anomaly, Place, Remarks};
use super::start::{Coding, begins_with_mti, message_start};
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
    /// The time of the log's entry that the line belongs to.
    entry_at_us: Option<u64>,
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
        at_us: Option<u64>,
    },
    /// A message told by its fields.
    Logged(Gathered),
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
            entry_at_us: None,
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
                Some(line) => self.take(&String::from_utf8_lossy(&line), &line, remarks),
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

    fn take(&mut self, line: &str, raw: &[u8], remarks: &mut Remarks) {
        // A byte order mark is no part of the first line.
        let line = line.trim_start_matches('\u{FEFF}').trim_end();
        if self.goes_on(line, remarks) {
            return;
        }
        self.flush(remarks);
        if line.contains("<log") {
            self.entry_at_us = time_of(line).or_else(|| clock::time_of_entry(line));
        }
        if let Some(at) = Gathered::begins(line) {
            return self.begin_logged(line, at, remarks);
        }
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        if let Some(row) = dump::row(line).filter(|row| self.begins_dump(row)) {
            self.begin_dump(row, None);
        } else if let Some((at_us, bytes)) = hex::timed(text).filter(|(_, bytes)| self.is_timed(text, bytes))
        {
            let piece = Piece { at_us: Some(at_us), ..Piece::new(Origin::Line(self.line), bytes) };
            self.ready.push_back(piece);
        } else {
            match hex::whole(text) {
                Some(Whole::Bytes(bytes)) => self.take_message(text, bytes, as_message(raw)),
                whole => match (as_message(raw), whole) {
                    (Some(bytes), _) => self.ready.push_back(Piece::new(Origin::Line(self.line), bytes)),
                    (None, Some(_)) => remarks.add(Place::Line(self.line), Anomaly::OddDigits),
                    (None, None) => match dump::first_row_within(line) {
                        Some((prefix, row)) => self.begin_dump(row, time_of(prefix)),
                        None => self.search(line, remarks),
                    },
                },
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
    fn take_message(&mut self, text: &str, bytes: Vec<u8>, as_text: Option<Vec<u8>>) {
        let begins = begins_with_mti(&bytes);
        let piece = Piece { as_text, ..Piece::new(Origin::Line(self.line), bytes) };
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

    /// A message by its fields that begins within a line, and those behind it.
    fn begin_logged(&mut self, line: &str, mut at: usize, remarks: &mut Remarks) {
        loop {
            let (before, rest) = line.split_at(at);
            let column = before.chars().count() as u64 + 1;
            let mut logged = Gathered::new(self.line, column, time_of(before).or(self.entry_at_us));
            let Some(end) = logged.take(rest) else {
                self.pending = Some(Pending::Logged(logged));
                return;
            };
            self.take_logged(&logged, remarks);
            match rest.get(end..).and_then(Gathered::begins) {
                Some(next) => at += end + next,
                None => return,
            }
        }
    }

    /// Whether the line goes on with a message by its fields; then it is taken.
    fn goes_on_logged(&mut self, line: &str, remarks: &mut Remarks) -> bool {
        let Some(Pending::Logged(logged)) = &mut self.pending else { return false };
        // The next entry of the log: the end of this one was lost.
        if line.trim_start().starts_with("<log ") || logged.len() + line.len() > MAX_LINE {
            return false;
        }
        let Some(end) = logged.take(line) else { return true };
        if let Some(Pending::Logged(logged)) = self.pending.take() {
            self.take_logged(&logged, remarks);
        }
        if let Some(next) = line.get(end..).and_then(Gathered::begins) {
            self.begin_logged(line, end + next, remarks);
        }
        true
    }

    fn take_logged(&mut self, logged: &Gathered, remarks: &mut Remarks) {
        let origin = Origin::Within { line: logged.line, column: logged.column };
        match logged.read() {
            Some(message) => self.ready.push_back(Piece {
                at_us: logged.at_us,
                logged: Some(Box::new(message)),
                ..Piece::new(origin, Vec::new())
            }),
            None => remarks.add(Place::Line(logged.line), Anomaly::UnreadableLog),
        }
    }

    fn begin_dump(&mut self, row: Row, at_us: Option<u64>) {
        self.has_dump = true;
        self.pending = Some(Pending::Dump {
            line: self.line,
            next: row.offset + row.bytes.len() as u64,
            bytes: row.bytes.clone(),
            last_row: row.bytes,
            repeats: false,
            tcpdump: row.tcpdump,
            at_us,
        });
    }

    /// Whether the line goes on with what is pending; then it is taken.
    fn goes_on(&mut self, line: &str, remarks: &mut Remarks) -> bool {
        match &mut self.pending {
            None => false,
            Some(Pending::Logged(_)) => self.goes_on_logged(line, remarks),
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
            Some(Pending::Logged(logged)) => remarks.add(Place::Line(logged.line), Anomaly::UnreadableLog),
            Some(Pending::Dump { line, bytes, tcpdump, at_us, .. }) => {
                let link = if tcpdump { packet::link_of_dump(&bytes) } else { None };
                let Some(link) = link else {
                    self.ready.push_back(Piece { at_us, ..Piece::new(Origin::Dump(line), bytes) });
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
    message_start(bytes).is_some() || super::framing::is_exactly_framed(bytes)
}

/// Whether every whole line of the beginning of an input is a message in readable characters.
pub(super) fn is_one_a_line(sample: &[u8]) -> bool {
    let Some(end) = sample.iter().rposition(|byte| *byte == b'\n') else { return false };
    let mut lines = sample[..end].split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.all(|line| as_message(line).is_some())
}

/// A line that is a message in readable characters, not in hexadecimal. Spaces at its end are the message's.
fn as_message(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // Behind four digits by chance, words are a bit map of bytes, but none in hexadecimal.
    let has_map = |bytes: &[u8]| bytes.get(4..20).is_some_and(|map| map.iter().all(u8::is_ascii_hexdigit));
    let begins = |bytes: &[u8]| {
        has_map(bytes)
            && message_start(bytes).is_some_and(|start| (start.header, start.coding) == (0, Coding::Ascii))
    };
    let has_length = line.get(..4).is_some_and(|length| length.iter().all(u8::is_ascii_digit));
    let is_message = begins(line) || has_length && line.get(4..).is_some_and(begins);
    is_message.then(|| line.to_vec())
}
