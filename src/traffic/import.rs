//! Messages as bytes -> messages by data element, and whole captures, dumps, logs and files of messages -> traces.

use super::capture::framing::cut;
use super::capture::{Begins, Capture, Direction, Kind, Logged, Origin, Piece, Remark, message_start};
use super::framings::{Reading, ranked, reads_behind_header};
use super::logged::{self, Unfit};
use super::trace::{Body, Entry, Expect, Field, Trace, TraceError, hex_from_bytes, link_index};
use crate::wire::frame::{self, Framing};
use crate::wire::{Class, Dialect, Message, Mti};
use std::collections::HashMap;
use std::io::BufRead;
use std::ops::Range;

/// Fields that were left out of messages, of which it is kept where and why.
const KEPT: usize = 20;

/// How captured messages become a trace.
pub struct Options<'a> {
    /// Layout of the messages.
    pub dialect: &'a Dialect,
    /// The link that the trace's messages are put on.
    pub link: String,
    /// Messages a second where the input tells no times; above 0.
    pub rate: f64,
    /// How streams are cut; without it the likeliest framing of each is taken.
    pub framing: Option<Framing>,
    /// Of a connection, the way that the requests to be played went; without it both. Answers count from any.
    pub direction: Option<Direction>,
}

/// A trace out of captured messages, and what did not get into it.
pub struct Imported {
    /// The requests and advices, by time.
    pub trace: Trace,
    /// What the input was.
    pub kind: Kind,
    /// Messages of the trace that carry a card number or a track in clear.
    pub with_cards: usize,
    /// Answers; the DE39 of each is what its request expects.
    pub answers: usize,
    /// Requests that went the other way.
    pub other_way: usize,
    /// Messages that are neither requests nor advices nor answers, such as notifications.
    pub other_functions: usize,
    /// Messages that the dialect cannot read, and where and why of the first.
    pub unreadable: (usize, Option<String>),
    /// Fields of messages that a log tells by their fields, or parts of them, which the dialect cannot write: how many, and
    /// where and why of the first.
    pub left_out: (usize, Vec<String>),
    /// Messages without some of their fields for that.
    pub without_fields: usize,
    /// Runs of connections, or the input, in which no framing finds a message, and the place of the first.
    pub unframed: (usize, Option<String>),
    /// What was unusual about the input; those that were kept, and how many more there were.
    pub remarks: (Vec<Remark>, u64),
}

/// A message on its way into the trace.
struct Found {
    mti: Mti,
    fields: Vec<Field>,
    at_us: Option<u64>,
    /// The time counts from 1970, not from the trace's beginning.
    absolute: bool,
    /// Of a text, its line; of a capture file, its packet.
    order: u64,
    other_way: bool,
}

impl Found {
    /// A message that begins so many bytes into a piece.
    fn at(piece: &Piece, start: usize, mti: Mti, fields: Vec<Field>, options: &Options<'_>) -> Found {
        let (order, absolute) = match piece.origin {
            Origin::Line(line) => (line, false),
            Origin::Within { line, .. } | Origin::Dump(line) => (line, true),
            Origin::Flow(..) | Origin::Input => (piece.packet(start).unwrap_or(0), true),
        };
        let other_way = match (piece.origin, options.direction) {
            (Origin::Flow(_, direction), Some(wanted)) => direction != wanted,
            _ => false,
        };
        Found { mti, fields, at_us: piece.at_us(start), absolute, order, other_way }
    }
}

/// Reads what [`Capture`] reads: a pcap or pcapng file, a log, a dump, raw bytes, and above all a text of one message a
/// line in hexadecimal, optionally after its time in microseconds and a space; empty lines and lines that start with
/// `#` are passed over. Answers are not played: their DE39 becomes what their request expects.
///
/// # Errors
/// A line of hexadecimal that is no message in the dialect (elsewhere such messages are counted and left out); an
/// input that cannot be read. No content is quoted.
pub fn import<'s>(
    source: impl BufRead + 's,
    origin: &str,
    options: &Options<'_>,
) -> Result<Imported, TraceError> {
    let failed = |source| TraceError::File { origin: origin.to_owned(), source };
    let reading = super::capture::Options { one_a_line: true, timed: true };
    let mut capture = Capture::open(source, reading).map_err(failed)?;
    let mut imported = Imported {
        trace: Trace { origin: origin.to_owned(), links: Vec::new(), entries: Vec::new() },
        kind: capture.kind(),
        with_cards: 0,
        answers: 0,
        other_way: 0,
        other_functions: 0,
        unreadable: (0, None),
        left_out: (0, Vec::new()),
        without_fields: 0,
        unframed: (0, None),
        remarks: (Vec::new(), 0),
    };
    let mut found = Vec::new();
    while let Some(piece) = capture.next_piece().map_err(failed)? {
        imported.read(&piece, options, &mut found)?;
    }
    imported.remarks = (capture.remarks().kept().to_vec(), capture.remarks().left_out());
    if matches!(capture.kind(), Kind::Pcap | Kind::PcapNg) {
        // Connection after connection -> as they were sent, so that an answer is met behind its request.
        found.sort_by_key(|message| (message.at_us, message.order));
    }
    imported.fill(found, options)?;
    Ok(imported)
}

impl Imported {
    /// The messages of a piece.
    fn read(
        &mut self,
        piece: &Piece,
        options: &Options<'_>,
        found: &mut Vec<Found>,
    ) -> Result<(), TraceError> {
        if let Some(logged) = &piece.logged {
            match self.fields_from_log(options.dialect, logged, piece) {
                Ok((mti, fields)) => found.push(Found::at(piece, 0, mti, fields, options)),
                Err(reason) => self.unreadable(piece.place(0), &reason),
            }
            return Ok(());
        }
        let line = match piece.origin {
            Origin::Line(line) => Some(line as u32),
            _ => None,
        };
        // A line of digits can be a message in hexadecimal and one in characters.
        if let Some(text) = piece.told_as_text()
            && options.framing.is_none()
            && !is_read(piece, options)
            && is_read(&text, options)
        {
            return self.read(&text, options, found);
        }
        let wrong_line = |line, reason| TraceError::Line { origin: self.trace.origin.clone(), line, reason };
        let ranges = match (options.framing, line) {
            // A file of frames is to be right.
            (Some(framing), Some(line)) => {
                Some(one_frame(framing, &piece.bytes).map_err(|reason| wrong_line(line, reason))?)
            }
            _ => ranges(piece, options),
        };
        let ranges = match ranges {
            Some(ranges) => ranges,
            None => {
                self.unframed.0 += 1;
                self.unframed.1.get_or_insert_with(|| piece.place(0));
                return Ok(());
            }
        };
        for range in ranges {
            let start = range.start;
            let bytes = &piece.bytes[range];
            let header = message_start(bytes).map_or(0, |start| start.header);
            let (mti, fields) = match fields_from_bytes(options.dialect, &bytes[header..]) {
                Ok(read) => read,
                Err(reason) => match line {
                    // A file of messages is to be right.
                    Some(line) => {
                        let origin = self.trace.origin.clone();
                        return Err(TraceError::Line { origin, line, reason });
                    }
                    None => {
                        self.unreadable(piece.place(start), &reason);
                        continue;
                    }
                },
            };
            found.push(Found::at(piece, start, mti, fields, options));
        }
        Ok(())
    }

    /// A message that a log tells by its fields, with those that the dialect can write; the others are noted.
    fn fields_from_log(
        &mut self,
        dialect: &Dialect,
        logged: &Logged,
        piece: &Piece,
    ) -> Result<(Mti, Vec<Field>), String> {
        let written = logged::write_known(logged, dialect)?;
        let read = fields_from_bytes(dialect, &written.bytes)?;
        for Unfit { place, key, reason, .. } in &written.unfit {
            let is_hidden = logged.fields.get(*place).is_some_and(|field| field.value.is_hidden());
            let reason = if is_hidden { "hidden in the log" } else { reason };
            if self.left_out.1.len() < KEPT {
                self.left_out.1.push(format!("{}: field {key}: {reason}", piece.place(0)));
            }
        }
        self.left_out.0 += written.unfit.len();
        self.without_fields += usize::from(!written.unfit.is_empty());
        Ok(read)
    }

    fn unreadable(&mut self, place: String, reason: &str) {
        self.unreadable.0 += 1;
        self.unreadable.1.get_or_insert_with(|| format!("{place}: {reason}"));
    }

    /// Makes entries of requests and expectations of answers.
    fn fill(&mut self, found: Vec<Found>, options: &Options<'_>) -> Result<(), TraceError> {
        let mut requests: HashMap<[String; 4], usize> = HashMap::new();
        let base = found.iter().filter(|message| message.absolute).filter_map(|message| message.at_us).min();
        let is_file = self.kind != Kind::Text;
        for Found { mti, fields, at_us, absolute, order, other_way } in found {
            let text = |de: u8| {
                fields.iter().find(|field| field.0 == de).map_or(String::new(), |field| field.1.clone())
            };
            let key = [mti.response().to_string(), text(7), text(11), text(32)];
            if mti.is_response() {
                self.answers += 1;
                let code = <[u8; 2]>::try_from(text(39).as_bytes());
                if let (Some(request), Ok(code)) = (requests.get(&key), code) {
                    self.trace.entries[*request].expect = Expect::any_of(&[&code]);
                }
                continue;
            }
            if other_way {
                self.other_way += 1;
                continue;
            }
            if !matches!(mti.function(), 0 | 2) {
                self.other_functions += 1;
                continue;
            }
            requests.insert(key, self.trace.entries.len());
            let place = self.trace.entries.len();
            let at_us = match at_us {
                Some(at_us) if absolute => at_us - base.unwrap_or(at_us),
                Some(at_us) => at_us,
                None => (place as f64 * 1e6 / options.rate) as u64,
            };
            let line = if is_file { place as u64 + 1 } else { order } as u32;
            let origin = &self.trace.origin;
            let link = link_index(&mut self.trace.links, &options.link)
                .map_err(|reason| TraceError::Line { origin: origin.clone(), line, reason })?;
            self.with_cards += usize::from(fields.iter().any(|field| matches!(field.0, 2 | 34..=36 | 45)));
            let body = Body::Fields { mti, fields };
            self.trace.entries.push(Entry { at_us, link, body, expect: Expect::default(), line });
        }
        self.trace.entries.sort_by_key(|entry| entry.at_us);
        Ok(())
    }
}

/// Where the message of a line that is one frame stands; nowhere, if it carries none.
fn one_frame(framing: Framing, bytes: &[u8]) -> Result<Vec<Range<usize>>, String> {
    let cut = framing.next(bytes, usize::MAX).map_err(|error| error.to_string())?;
    match cut {
        Some(cut) if cut.next == bytes.len() => match cut.kind {
            frame::Kind::Message => Ok(std::iter::once(cut.start..cut.end).collect()),
            frame::Kind::KeepAlive | frame::Kind::Control | frame::Kind::Reject { .. } => Ok(Vec::new()),
            frame::Kind::Wrong(wrong) => Err(wrong.to_string()),
        },
        Some(cut) => {
            Err(format!("expected one frame in {framing}, found {} more bytes", bytes.len() - cut.next))
        }
        None => Err(format!("expected a whole frame in {framing}, found the beginning of one")),
    }
}

/// Where the messages of a piece are; `None` where they cannot be found. A framing with which the dialect reads all of it
/// comes before those that only cut well.
fn ranges(piece: &Piece, options: &Options<'_>) -> Option<Vec<Range<usize>>> {
    let anywhere = piece.begins.must_synchronise();
    if let Some(framing) = options.framing {
        return Some(cut(framing, &piece.bytes, anywhere)).filter(|ranges| !ranges.is_empty());
    }
    let whole = || -> Vec<_> { std::iter::once(0..piece.bytes.len()).collect() };
    let is_stream = matches!(piece.origin, Origin::Flow(..));
    let is_one = !is_stream && piece.begins == Begins::AtStart;
    if is_one && reads_all(options.dialect, &piece.bytes, &whole()) {
        return Some(whole());
    }
    let readings = ranked(&piece.bytes, anywhere, &[options.dialect]);
    let best = readings.first();
    if is_one && message_start(&piece.bytes).is_some() && !best.is_some_and(Reading::is_whole) {
        return Some(whole());
    }
    match best.map(|best| best.guess) {
        Some(guess) if is_stream || piece.origin == Origin::Input || guess.is_exact() => {
            Some(cut(guess.framing, &piece.bytes, anywhere))
        }
        _ if is_stream => None,
        _ => Some(whole()),
    }
}

/// Whether the dialect reads all that is in a piece.
fn is_read(piece: &Piece, options: &Options<'_>) -> bool {
    ranges(piece, options).is_some_and(|ranges| reads_all(options.dialect, &piece.bytes, &ranges))
}

/// Whether the dialect reads what is at each of these places, to its last byte.
fn reads_all(dialect: &Dialect, bytes: &[u8], ranges: &[Range<usize>]) -> bool {
    let mut room = Message::new();
    let mut reads = |range: &Range<usize>| {
        reads_behind_header(dialect, bytes.get(range.clone()).unwrap_or_default(), &mut room)
    };
    !ranges.is_empty() && ranges.iter().all(&mut reads)
}

/// A message's type, and its data elements as a trace writes them. The error says why the dialect cannot read it.
pub fn fields_from_bytes(dialect: &Dialect, bytes: &[u8]) -> Result<(Mti, Vec<Field>), String> {
    let mut message = Message::new();
    let wrong = |error| format!("in dialect {}: {error}", dialect.name());
    dialect.parse(bytes, &mut message).map_err(wrong)?;
    let view = dialect.view(bytes, &message);
    let mut buffer = vec![0; bytes.len() * 2];
    let mut fields = Vec::new();
    for de in view.bitmap().iter() {
        let class = dialect.field(de).map(|field| field.format.class);
        let text = match class {
            Some(Class::B) => view.bytes(de, &mut buffer).map(hex_from_bytes),
            Some(Class::N | Class::Z) => view.digits(de, &mut buffer).map(text_from_ascii),
            _ => view.text(de, &mut buffer).map(text_from_ascii),
        };
        fields.push((de, text.ok_or_else(|| format!("DE {de} cannot be written as text"))?));
    }
    Ok((view.mti(), fields))
}

fn text_from_ascii(characters: &[u8]) -> String {
    String::from_utf8_lossy(characters).into_owned()
}
