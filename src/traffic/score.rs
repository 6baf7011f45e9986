//! A trace made ready to play: each message a finished frame in its link's dialect, the places in it that a
//! replay rewrites, and which message depends on which. Knows no clock and no socket.

use super::calendar::{Moment, six};
use super::import::fields_from_bytes;
use super::matching::{FlightKey, Matching, hash, hash_of};
use super::relations::{Relations, kind_name};
use super::trace::{Body, Entry, Expect, Field, Trace, TraceError, bytes_from_hex};
use crate::wire::frame::{Framing, Lead};
use crate::wire::{Bitmap, Class, Dialect, Encoding, Message, Mti, Value, View};
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

/// Where the messages of a link go, and how they are written.
#[derive(Clone)]
pub struct Endpoint {
    /// The link's name in the trace; empty: every link.
    pub link: String,
    /// The switch's listener.
    pub address: SocketAddr,
    /// Layout of the messages.
    pub dialect: Arc<Dialect>,
    /// How they are told apart, and the header before each.
    pub framing: Framing,
}

/// What kind of message it is, as far as its latency is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// 0100, 0101.
    Authorization,
    /// 0200, 0201.
    Financial,
    /// 0120, 0220 and their repeats.
    Advice,
    /// 0400, 0420 and their repeats.
    Reversal,
    /// 0800.
    Network,
    /// Anything else.
    Other,
}

impl Family {
    /// Every family, in the order of their numbers.
    pub const ALL: [Family; 6] = [
        Family::Authorization,
        Family::Financial,
        Family::Advice,
        Family::Reversal,
        Family::Network,
        Family::Other,
    ];

    fn of(mti: Mti) -> Family {
        match (mti.class(), mti.function()) {
            (1, 0) => Family::Authorization,
            (2, 0) => Family::Financial,
            (1 | 2, 2) => Family::Advice,
            (4, _) => Family::Reversal,
            (8, _) => Family::Network,
            _ => Family::Other,
        }
    }

    /// A word for tables.
    pub fn name(self) -> &'static str {
        match self {
            Family::Authorization => "authorization",
            Family::Financial => "financial",
            Family::Advice => "advice",
            Family::Reversal => "reversal",
            Family::Network => "network",
            Family::Other => "other",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One message of the score.
pub(super) struct Note {
    /// Microseconds since the trace's start.
    pub(super) at_us: u64,
    /// Index of its endpoint.
    pub(super) endpoint: usize,
    pub(super) family: Family,
    /// MTI of the answer.
    pub(super) answer: Mti,
    pub(super) expect: Expect,
    /// Line in the trace.
    pub(super) line: u32,
    /// Index into the score's kinds: what mismatches are grouped by.
    pub(super) kind: u16,
    /// The first message of its chain: all of a chain travel over one connection, so that none overtakes another.
    pub(super) chain: u32,
    /// The message whose STAN and DE7 it carries: itself, or for a repeat its original.
    pub(super) key: u32,
    /// The message whose DE12, DE13 and DE37 it carries: itself, its original, or the one that DE90 names.
    pub(super) life: u32,
    /// The message whose key its DE90 names.
    pub(super) original: Option<u32>,
    frame: Range<u32>,
    places: Places,
    /// The hash of each field by which its answer is recognized, as the trace has it.
    matched: Vec<u64>,
}

/// Digits to be rewritten: offset in the frame and whether two share a byte.
#[derive(Clone, Copy)]
struct Place {
    at: u32,
    encoding: Encoding,
}

/// What a replay rewrites, where the message has it.
#[derive(Clone, Copy, Default)]
struct Places {
    transmission: Option<Place>,
    stan: Option<Place>,
    local_time: Option<Place>,
    local_date: Option<Place>,
    reference: Option<Place>,
    /// STAN and DE7 inside DE90.
    original: Option<Place>,
}

/// A trace in frames.
pub(super) struct Score {
    bytes: Vec<u8>,
    pub(super) notes: Vec<Note>,
    /// Names of the kinds of message: `0200 purchase`.
    pub(super) kinds: Vec<String>,
    /// By endpoint.
    framings: Vec<Framing>,
    /// By which fields answers are recognized.
    pub(super) matching: Matching,
}

/// STAN and second of creation of every message in the current pass through the trace.
pub(super) struct Keys {
    given: Vec<Key>,
    next_stan: u32,
}

/// What identifies a message on a link, DE32 and DE2 aside.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Key {
    /// The pass in which it was given; 0: never.
    pass: u32,
    /// 1 … 999,999.
    pub(super) stan: u32,
    /// Unix seconds.
    pub(super) second: u64,
}

impl Keys {
    /// `first_stan`: any number; the STANs start after it and wrap at 999,999.
    pub(super) fn new(notes: usize, first_stan: u32) -> Keys {
        Keys { given: vec![Key::default(); notes], next_stan: first_stan % 999_999 + 1 }
    }

    /// The key of a message in a pass (from 1), given on first use: a reversal may come before what it reverses.
    fn get(&mut self, index: u32, pass: u32, second: u64) -> Key {
        if self.given[index as usize].pass != pass {
            let stan = self.fresh_stan();
            self.given[index as usize] = Key { pass, stan, second };
        }
        self.given[index as usize]
    }

    /// A STAN of its own, for a message that is not of the trace.
    pub(super) fn fresh_stan(&mut self) -> u32 {
        let stan = self.next_stan;
        self.next_stan = self.next_stan % 999_999 + 1;
        stan
    }
}

impl Score {
    /// Writes every message of a trace in its endpoint's dialect.
    ///
    /// # Errors
    /// A link without an endpoint; a message that its dialect cannot carry, that has none of the fields by which
    /// its answer would be recognized, or is an answer.
    pub(super) fn new(
        trace: &Trace,
        endpoints: &[Endpoint],
        matching: Matching,
    ) -> Result<Score, TraceError> {
        let framings = endpoints.iter().map(|endpoint| endpoint.framing).collect();
        let mut score = Score { bytes: Vec::new(), notes: Vec::new(), kinds: Vec::new(), framings, matching };
        let mut relations = Relations::default();
        let mut message = Message::new();
        for entry in &trace.entries {
            let failed =
                |reason: String| TraceError::Line { origin: trace.origin.clone(), line: entry.line, reason };
            let name = &trace.links[usize::from(entry.link)];
            let endpoint = endpoints.iter().position(|endpoint| endpoint.link == *name);
            let endpoint =
                endpoint.or_else(|| endpoints.iter().position(|endpoint| endpoint.link.is_empty()));
            let endpoint = endpoint.ok_or_else(|| failed(format!("no address is given for link {name}")))?;
            score.add(entry, endpoint, &endpoints[endpoint], &mut message, &mut relations).map_err(failed)?;
        }
        relations.tie(&mut score.notes);
        Ok(score)
    }

    fn add(
        &mut self,
        entry: &Entry,
        endpoint: usize,
        to: &Endpoint,
        message: &mut Message,
        relations: &mut Relations,
    ) -> Result<(), String> {
        let start = self.bytes.len();
        let mark = to.framing.begin(&mut self.bytes, Lead::Own);
        let first = self.bytes.len();
        match &entry.body {
            Body::Fields { mti, fields } => write_fields(&to.dialect, *mti, fields, &mut self.bytes)?,
            Body::Frame(frame) => self.bytes.extend_from_slice(frame),
        }
        let end = self.bytes.len();
        let too_long = |error: crate::wire::frame::FrameError| error.to_string();
        to.framing.finish(&mut self.bytes, mark).map_err(too_long)?;
        let wrong = |error: crate::wire::ParseError| format!("in dialect {}: {error}", to.dialect.name());
        to.dialect.parse(&self.bytes[first..end], message).map_err(wrong)?;
        let view = to.dialect.view(&self.bytes[first..end], message);
        if view.mti().is_response() {
            return Err(format!("{} is an answer, not a request", view.mti()));
        }
        // DE7 alone names a second.
        let fields = &self.matching.fields;
        let telling: Vec<u8> = fields.iter().copied().filter(|de| *de != 7 || fields.len() == 1).collect();
        if !telling.iter().any(|de| view.has(*de)) {
            let names: Vec<_> = telling.iter().map(u8::to_string).collect();
            return Err(format!(
                "DE {} is missing, so its answer could not be recognized",
                names.join(" and DE ")
            ));
        }
        let index = self.notes.len() as u32;
        let key = relations.note(index, entry.link.into(), view);
        let name = match &entry.body {
            Body::Fields { mti, fields } => kind_name(*mti, fields),
            Body::Frame(frame) => {
                let (mti, fields) = fields_from_bytes(&to.dialect, frame)?;
                kind_name(mti, &fields)
            }
        };
        let kind = self.kinds.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.kinds.push(name);
            self.kinds.len() - 1
        });
        self.notes.push(Note {
            at_us: entry.at_us,
            endpoint,
            family: Family::of(view.mti()),
            answer: view.mti().response(),
            expect: entry.expect.clone(),
            line: entry.line,
            kind: kind as u16,
            chain: index,
            key,
            life: key,
            original: None,
            frame: start as u32..self.bytes.len() as u32,
            places: Places::find(view, (first - start) as u32),
            matched: fields.iter().map(|de| hash_of(view, *de)).collect(),
        });
        Ok(())
    }

    /// Appends a message's frame to `out` with the keys of `pass` (from 1), new ones made in `second`
    /// (Unix). Returns by what its answer will be found.
    pub(super) fn write(
        &self,
        index: u32,
        keys: &mut Keys,
        pass: u32,
        second: u64,
        out: &mut Vec<u8>,
    ) -> FlightKey {
        let note = &self.notes[index as usize];
        let key = keys.get(note.key, pass, second);
        let moment = Moment::from_unix(key.second);
        let start = out.len();
        out.extend_from_slice(&self.bytes[note.frame.start as usize..note.frame.end as usize]);
        let frame = &mut out[start..];
        put(frame, note.places.transmission, &moment.transmission());
        put(frame, note.places.stan, &six(key.stan));
        let (life, life_moment) = if note.life == note.key {
            (key, moment)
        } else {
            let life = keys.get(note.life, pass, second);
            (life, Moment::from_unix(life.second))
        };
        put(frame, note.places.local_time, &life_moment.local_time());
        put(frame, note.places.local_date, &life_moment.local_date());
        let reference = life_moment.reference(life.stan);
        put(frame, note.places.reference, &reference);
        if let Some(original) = note.original {
            let named = keys.get(original, pass, second);
            let mut digits = [0; 16];
            digits[..6].copy_from_slice(&six(named.stan));
            digits[6..].copy_from_slice(&Moment::from_unix(named.second).transmission());
            put(frame, note.places.original, &digits);
        }
        self.framings[note.endpoint].reseal(frame);
        let fields = self.matching.fields.iter().zip(&note.matched);
        fields.fold(self.matching.start(note.answer), |found_by, (de, of_trace)| {
            let places = &note.places;
            found_by.with(match de {
                7 if places.transmission.is_some() => hash(&moment.transmission()),
                11 if places.stan.is_some() => hash(&six(key.stan)),
                12 if places.local_time.is_some() => hash(&life_moment.local_time()),
                13 if places.local_date.is_some() => hash(&life_moment.local_date()),
                37 if places.reference.is_some() => hash(&reference),
                _ => *of_trace,
            })
        })
    }

    /// Appends a message's frame as it was sent in a pass; whether its keys are still known.
    pub(super) fn again(&self, index: u32, keys: &mut Keys, pass: u32, out: &mut Vec<u8>) -> bool {
        let note = &self.notes[index as usize];
        let parts = [Some(note.key), Some(note.life), note.original];
        if parts.into_iter().flatten().any(|part| keys.given[part as usize].pass != pass) {
            return false;
        }
        // All keys are given: nothing is given anew, whatever second it is.
        self.write(index, keys, pass, 0, out);
        true
    }

    /// The frame as prepared, length included.
    fn frame(&self, index: u32) -> &[u8] {
        let range = &self.notes[index as usize].frame;
        &self.bytes[range.start as usize..range.end as usize]
    }

    /// The card number of a message, first six and last four digits; empty where it has none.
    pub(super) fn masked_pan(&self, index: u32, to: &Endpoint) -> String {
        let frame = self.frame(index);
        let Ok(Some(cut)) = to.framing.next(frame, frame.len()) else { return String::new() };
        let frame = &frame[cut.start..cut.end];
        let mut message = Message::new();
        if to.dialect.parse(frame, &mut message).is_err() {
            return String::new();
        }
        let mut digits = [0; 19];
        to.dialect.view(frame, &message).digits(2, &mut digits).map_or_else(String::new, mask_pan)
    }
}

/// First six and last four digits; shorter numbers are hidden whole.
pub(super) fn mask_pan(digits: &[u8]) -> String {
    let shown = |index: usize| digits.len() > 12 && (index < 6 || index + 4 >= digits.len());
    digits
        .iter()
        .enumerate()
        .map(|(index, digit)| if shown(index) { char::from(*digit) } else { '*' })
        .collect()
}

/// Appends a message of fields as a trace has them. The error says why the dialect cannot write it.
pub(super) fn write_fields(
    dialect: &Dialect,
    mti: Mti,
    fields: &[Field],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    // Binary elements are written as hex in a trace: their bytes have to outlive the values that borrow them.
    let is_binary = |de: u8| dialect.field(de).is_some_and(|field| field.format.class == Class::B);
    let mut binary = Vec::new();
    for (de, text) in fields.iter().filter(|field| is_binary(field.0)) {
        binary.push(bytes_from_hex(text).ok_or_else(|| format!("DE {de} must be hexadecimal characters"))?);
    }
    let mut next = binary.iter();
    let values: Vec<_> = fields
        .iter()
        .map(|(de, text)| match is_binary(*de).then(|| next.next()).flatten() {
            Some(bytes) => (*de, Value::Bytes(bytes)),
            None => (*de, Value::Text(text.as_bytes())),
        })
        .collect();
    let wrong = |error: crate::wire::BuildError| format!("in dialect {}: {error}", dialect.name());
    dialect.build(out, mti, None, Bitmap::default(), &values).map_err(wrong)
}

impl Places {
    /// `header`: bytes of the frame before the message.
    fn find(view: View<'_>, header: u32) -> Places {
        let place = |de: u8, units: usize, skip: usize| {
            let data = view.data(de).filter(|_| view.units(de) == units)?;
            let encoding = view.dialect().field(de)?.format.encoding;
            let offset = view.offset(de)? + view.raw(de)?.len() - data.len();
            let skip = match encoding {
                Encoding::Bcd => skip / 2,
                _ => skip,
            };
            Some(Place { at: header + (offset + skip) as u32, encoding })
        };
        Places {
            transmission: place(7, 10, 0),
            stan: place(11, 6, 0),
            local_time: place(12, 6, 0),
            local_date: place(13, 4, 0),
            reference: place(37, 12, 0),
            original: place(90, 42, 4),
        }
    }
}

/// Writes an even number of digits at a place, if the message has it.
fn put(frame: &mut [u8], place: Option<Place>, digits: &[u8]) {
    let Some(Place { at, encoding }) = place else { return };
    let at = at as usize;
    if encoding == Encoding::Bcd {
        let bytes = &mut frame[at..at + digits.len() / 2];
        bytes
            .iter_mut()
            .zip(digits.chunks_exact(2))
            .for_each(|(byte, pair)| *byte = pair[0] << 4 | pair[1] & 15);
    } else {
        let bytes = &mut frame[at..at + digits.len()];
        bytes.iter_mut().zip(digits).for_each(|(byte, digit)| *byte = encoding.byte(*digit));
    }
}
