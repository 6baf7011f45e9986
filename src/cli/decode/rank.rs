//! Which dialect a message is in. Every dialect is tried, and what is found is put in order by these, the first that
//! differs deciding: 1 MTI and bit maps can be read; 2 all of it is right; 3 its bit map is not characters taken for bytes;
//! 4 more of it is in fields that are right; 5 fewer errors; 6 fewer values that make no sense; 7 more that do; 8 the header
//! before it is the dialect's own. What is equal in all is said to be equal.

use super::explain::{Explanation, explain};
use super::lead::Lead;
use super::parts::parts;
use super::words::{exact, is_card_number, words};
use crate::traffic::capture::framing::cut_first;
use crate::traffic::capture::other_protocol;
use crate::traffic::framings::{Reading, ranked};
use crate::wire::{Bitmap, Dialect, Encoding, Message, ParseError, View};
use serde::Serialize;
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

/// Data elements whose values make sense or not: a check digit, a known code, currency or country, a date that there is,
/// parts as they are laid out. Amounts, numbers and names can be anything.
const CHECKED: Bitmap = Bitmap::of(&[
    2, 3, 7, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 25, 26, 35, 39, 45, 48, 49, 50, 51, 54, 55, 56, 60,
    62, 63, 70, 90,
]);

/// How well a dialect reads a message.
#[derive(Clone, Serialize)]
pub(super) struct Candidate {
    pub dialect: String,
    /// In words.
    pub reason: String,
    /// Nothing tells it from the first.
    pub equal: bool,
    #[serde(skip)]
    index: usize,
    #[serde(skip)]
    lead: usize,
    #[serde(skip)]
    fit: Fit,
}

/// See the module's head.
#[derive(Clone, Default, PartialEq, Eq)]
struct Fit {
    is_readable: bool,
    is_complete: bool,
    has_own_map: bool,
    /// Of a thousand parts of the message, those in fields that are right.
    right: usize,
    first: Option<ParseError>,
    errors: usize,
    fields: usize,
    sense: Vec<u8>,
    nonsense: Vec<u8>,
    is_headed: bool,
}

impl Fit {
    fn of(view: View<'_>, errors: &[ParseError], is_headed: bool) -> Fit {
        let first = errors.first().copied();
        let length = view.frame().len();
        let is_readable = first.is_none_or(|error| error.readable);
        let unread = if is_readable { view.unread().len() } else { length };
        let wrong = errors.iter().filter_map(|error| view.wrong(error.de)).map(|place| place.len());
        let right = length - unread - wrong.sum::<usize>().min(length - unread);
        Fit {
            is_readable,
            is_complete: errors.is_empty() && unread == 0,
            has_own_map: has_own_map(view),
            right: (right * 1000).checked_div(length).unwrap_or(0),
            first,
            errors: errors.len(),
            fields: view.bitmap().len(),
            is_headed,
            ..Fit::default()
        }
    }

    fn judge(&mut self, view: View<'_>) {
        self.sense.clear();
        self.nonsense.clear();
        for de in view.bitmap() & CHECKED {
            match makes_sense(view, de) {
                Some(true) => self.sense.push(de),
                Some(false) => self.nonsense.push(de),
                None => {}
            }
        }
    }

    /// 1 to 5 of the module's head.
    fn structure(&self) -> impl Ord + use<> {
        (self.is_readable, self.is_complete, self.has_own_map, self.right, Reverse(self.errors))
    }

    fn rank(&self) -> impl Ord + use<> {
        (self.structure(), Reverse(self.nonsense.len()), self.sense.len(), self.is_headed)
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fit { fields, errors, sense, nonsense, .. } = self;
        match &self.first {
            None if self.is_complete => write!(f, "reads to the end, {fields} fields")?,
            None => write!(f, "{fields} fields, then bytes that it does not read")?,
            Some(error) => write!(f, "{error}")?,
        }
        if *errors > 1 {
            write!(f, "; {errors} errors in all")?;
        }
        if self.first.is_some() && self.is_readable {
            write!(f, "; {fields} fields are right")?;
        }
        if !sense.is_empty() || !nonsense.is_empty() {
            write!(f, "; {} of {} values checked make sense", sense.len(), sense.len() + nonsense.len())?;
        }
        for (index, de) in nonsense.iter().enumerate() {
            write!(f, "{}{de}", if index == 0 { ", not DE " } else { ", " })?;
        }
        if self.is_headed {
            f.write_str("; its own header is before it")?;
        }
        Ok(())
    }
}

/// Whether a bit map of bytes behind a message type in characters is not itself characters, in hexadecimal.
fn has_own_map(view: View<'_>) -> bool {
    let dialect = view.dialect();
    let map = view.frame().get(4..20).unwrap_or_default();
    let of_bytes = (dialect.mti_encoding(), dialect.bitmap_encoding()) == (Encoding::Ascii, Encoding::Binary);
    !of_bytes || map.is_empty() || !map.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a value can be what its field is for; `None` where it is left empty or nobody can say.
fn makes_sense(view: View<'_>, de: u8) -> Option<bool> {
    let info = view.dialect().field(de)?;
    let value = exact(view.field(de)?);
    if value.bytes().all(|c| matches!(c, b'0' | b' ')) {
        return None;
    }
    if info.layout.is_some() && parts(view, info).iter().any(|part| part.wrong.is_some()) {
        return Some(false);
    }
    match de {
        2 | 35 | 45 => is_card_number(de, &value),
        // What is inside was looked at; a code may be one that nobody knows.
        48 | 55 | 56 | 60 | 62 | 63 | 90 => info.layout.is_some().then_some(true),
        _ => Some(words(view, de, &[], &value, &|_| None).is_some()),
    }
}

impl Candidate {
    /// Whether nothing is wrong with the message in this dialect.
    pub fn is_right(&self) -> bool {
        self.fit.is_readable && self.fit.errors == 0
    }
}

/// How far anything comes with bytes that nothing reads to their end.
#[derive(Serialize)]
pub(super) struct Tried {
    /// Ways to tell a message from what stands around it.
    pub divisions: usize,
    pub dialects: usize,
    /// Where the reading that comes furthest stops: bytes from the first of all.
    pub offset: usize,
    pub dialect: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framing: Option<String>,
    /// Why it stops there, never content.
    pub reason: String,
    /// What the bytes begin like, where that is another protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tried { divisions, dialects, offset, dialect, framing, reason, protocol } = self;
        if let Some(protocol) = protocol {
            writeln!(f, "this begins as {protocol} does, not as a message")?;
        }
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "nothing reads this to its end: tried {divisions} way{} to divide it", plural(*divisions))?;
        write!(f, " in {dialects} dialect{}; the furthest stops at byte {offset}", plural(*dialects))?;
        write!(f, ", {dialect}")?;
        if let Some(framing) = framing {
            write!(f, " framed {framing}")?;
        }
        write!(f, ": {reason}")
    }
}

/// The dialects that are tried, and a message's place among them.
pub(super) struct Ranker {
    dialects: Vec<Arc<Dialect>>,
}

/// The best first; equals stay in the order of `specs list`, and are marked.
fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|candidate| Reverse(candidate.fit.rank()));
    let best = candidates.first().map(|best| best.fit.rank());
    for candidate in candidates {
        candidate.equal = candidate.fit.is_readable && Some(candidate.fit.rank()) == best;
    }
}

/// What was decided of a message: the dialect, and how what stands before it is divided.
#[derive(Clone)]
pub(super) struct Choice {
    index: usize,
    pub lead: Lead,
    also: Vec<String>,
}

impl Ranker {
    pub fn new(dialects: Vec<Arc<Dialect>>) -> Ranker {
        Ranker { dialects }
    }

    /// The dialects that are tried.
    pub fn dialects(&self) -> &[Arc<Dialect>] {
        &self.dialects
    }

    /// Whether a dialect reads the bytes to their end, without an error.
    pub fn reads(&self, bytes: &[u8], leads: &[Lead]) -> bool {
        self.read(bytes, leads).iter().any(|candidate| candidate.fit.is_complete)
    }

    /// The framings of a run as [`ranked`] has them; of those that give messages that are read, all of them, first the one
    /// whose first message says what makes most sense.
    pub fn framings(&self, run: &[u8], anywhere: bool) -> Vec<Reading> {
        let mut readings = ranked(run, anywhere, &self.dialects);
        let Some(best) = readings.first().filter(|best| best.is_read()) else { return readings };
        let is_whole = best.is_whole();
        let alike = readings.iter().take_while(|one| one.is_read() && one.is_whole() == is_whole).count();
        if alike > 1 {
            readings[..alike].sort_by_cached_key(|reading| {
                let first = cut_first(reading.guess.framing, run, anywhere, 1).into_iter().next();
                let first = first.and_then(|first| run.get(first)).unwrap_or_default();
                let header = reading.guess.start.map_or(0, |start| start.header);
                let best = self.all(first, &[Lead { header, ..Lead::NONE }]).into_iter().next();
                best.map(|best| (best.fit.nonsense.len(), Reverse(best.fit.sense.len())))
            });
        }
        readings
    }

    /// Whether there is more than one dialect to choose from.
    pub fn is_open(&self) -> bool {
        self.dialects.len() > 1
    }

    /// All dialects in order, each with the division of the bytes that suits it best.
    pub fn all(&self, bytes: &[u8], leads: &[Lead]) -> Vec<Candidate> {
        let mut candidates = self.read(bytes, leads);
        for candidate in &mut candidates {
            self.judge(candidate, bytes, leads);
        }
        sort(&mut candidates);
        for candidate in &mut candidates {
            candidate.reason = candidate.fit.to_string();
        }
        candidates
    }

    /// The best of [`Ranker::all`].
    pub fn choose(&self, bytes: &[u8], leads: &[Lead]) -> Choice {
        let first = Choice { index: 0, lead: leads.first().cloned().unwrap_or(Lead::NONE), also: Vec::new() };
        if self.dialects.len() < 2 && leads.len() < 2 {
            return first;
        }
        let mut candidates = self.read(bytes, leads);
        sort(&mut candidates);
        // Values are looked at only where the structure leaves a choice.
        let best = candidates.first().map(|best| best.fit.structure());
        candidates.retain(|candidate| Some(candidate.fit.structure()) == best);
        if candidates.len() > 1 {
            for candidate in &mut candidates {
                self.judge(candidate, bytes, leads);
            }
            sort(&mut candidates);
        }
        let Some((best, others)) = candidates.split_first() else { return first };
        let also = others.iter().filter(|other| other.equal).map(|other| other.dialect.clone()).collect();
        Choice { index: best.index, lead: leads.get(best.lead).cloned().unwrap_or(Lead::NONE), also }
    }

    /// How far the readings of bytes come of which none comes to the end; of doubtful ones only how many there are.
    pub fn tried(&self, bytes: &[u8], leads: &[Lead]) -> Option<Tried> {
        let mut message = Message::new();
        let mut furthest: Option<(usize, &Dialect, &Lead, ParseError)> = None;
        for dialect in &self.dialects {
            for lead in leads.iter().filter(|lead| !lead.doubtful) {
                let Err(error) = dialect.parse(lead.message(bytes), &mut message) else { continue };
                let offset = lead.length + lead.header + error.offset as usize;
                if furthest.as_ref().is_none_or(|(known, ..)| offset > *known) {
                    furthest = Some((offset, dialect, lead, error));
                }
            }
        }
        let (offset, dialect, lead, error) = furthest?;
        Some(Tried {
            divisions: leads.len(),
            dialects: self.dialects.len(),
            offset,
            dialect: dialect.name().to_owned(),
            framing: lead.framing.clone(),
            reason: error.to_string(),
            protocol: other_protocol(bytes),
        })
    }

    /// What the walk says of each dialect.
    fn read(&self, bytes: &[u8], leads: &[Lead]) -> Vec<Candidate> {
        let mut message = Message::new();
        let mut errors = Vec::new();
        let mut candidates = Vec::with_capacity(self.dialects.len());
        for (index, dialect) in self.dialects.iter().enumerate() {
            let mut fits: Vec<(usize, Fit)> = Vec::with_capacity(leads.len());
            for (at, lead) in leads.iter().enumerate() {
                errors.clear();
                let frame = lead.message(bytes);
                dialect.examine(frame, &mut message, &mut |error| errors.push(error));
                let view = dialect.view(frame, &message);
                let mut fit = Fit::of(view, &errors, lead.belongs_to(dialect.name()));
                // Digits before a message can be a part of another one: then what its values say decides.
                if fit.is_complete && leads.len() > 1 {
                    fit.judge(view);
                }
                if fit.is_complete || !lead.doubtful {
                    fits.push((at, fit));
                }
            }
            let best = fits.into_iter().reduce(|a, b| if b.1.rank() > a.1.rank() { b } else { a });
            let Some((lead, fit)) = best else { continue };
            let dialect = dialect.name().to_owned();
            candidates.push(Candidate { dialect, reason: String::new(), equal: false, index, lead, fit });
        }
        candidates
    }

    fn judge(&self, candidate: &mut Candidate, bytes: &[u8], leads: &[Lead]) {
        let (Some(dialect), Some(lead)) = (self.dialects.get(candidate.index), leads.get(candidate.lead))
        else {
            return;
        };
        if candidate.fit.is_readable {
            let (frame, mut message) = (lead.message(bytes), Message::new());
            dialect.examine(frame, &mut message, &mut |_| {});
            candidate.fit.judge(dialect.view(frame, &message));
        }
    }

    /// Whether a message of the same connection is right as the one was that the choice was made for.
    pub fn holds(&self, choice: &Choice, bytes: &[u8]) -> bool {
        let Some(dialect) = self.dialects.get(choice.index) else { return false };
        dialect.parse(choice.lead.message(bytes), &mut Message::new()).is_ok()
    }

    /// The message in the chosen dialect.
    pub fn explain(&self, choice: &Choice, bytes: &[u8], unmask: bool) -> Option<Explanation> {
        let dialect = self.dialects.get(choice.index)?;
        let mut explanation = explain(dialect, choice.lead.message(bytes), unmask);
        explanation.also = choice.also.clone();
        explanation.framing = choice.lead.framing.clone();
        explanation.header = choice.lead.header(bytes, &explanation.own, unmask);
        explanation.missing = Some(choice.lead.missing).filter(|missing| *missing > 0);
        Some(explanation)
    }
}
