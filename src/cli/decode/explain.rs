//! A message as a tree: its fields and what is inside them, with places, bytes, names, values and what these say, hidden
//! where they are sensitive; and what is wrong with it. Knows nothing of terminals and files.

use super::hide::{self, Reading};
use super::own::{masked, numbers};
use super::parts::{Part, parts};
use super::rank::Tried;
use super::words::{exact, hex, is_padded, words};
use crate::message::meaning;
use crate::traffic::numbers::Numbers;
use crate::wire::{
    Class, Dialect, Encoding, FieldInfo, Format, Mask, Message, ParseError, Reason, Side, View,
};
use serde::Serialize;
use std::ops::Range;

/// One message, explained. The names are those of the JSON that scripts read.
#[derive(Serialize)]
pub(super) struct Explanation {
    /// Absent where it cannot be read.
    pub mti: Option<String>,
    /// The message type in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    pub dialect: String,
    /// Other dialects that read it as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// How its length stood before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framing: Option<String>,
    /// The network's header before it, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Bytes that the length says there are, and there are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<usize>,
    /// Where it comes from: a line, a packet and its connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// When it was seen, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Bytes of the message.
    pub length: usize,
    pub fields: Vec<Field>,
    /// What it would be refused for.
    pub errors: Vec<Fault>,
    /// What inside its fields is not as the dialect lays it out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Fault>,
    /// What is behind the last field whose place is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
    /// What was tried, where nobody said how the bytes are framed and nothing reads them to their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried: Option<Tried>,
    /// The card numbers that it tells, to hide them in what stands around it; never printed.
    #[serde(skip)]
    pub own: Numbers,
}

/// Bytes that no field is known to have.
#[derive(Serialize)]
pub(super) struct Unread {
    pub offset: usize,
    pub length: usize,
    /// Nobody knows what is in them: shown only on demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

/// A data element, or a part of one.
#[derive(Serialize)]
pub(super) struct Field {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub de: Option<u8>,
    /// The address: `55.9F26`.
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The part's number, where its key is one; else its place, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<usize>,
    pub name: String,
    pub value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// The bits that are set, where the value is made of such.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bits: Vec<&'static str>,
    /// From the message's first byte.
    pub offset: usize,
    /// Bytes, with the field's own length or tag.
    pub length: usize,
    /// The bytes in hexadecimal.
    pub raw: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The value, whatever is shown of it; to compare, never to print.
    #[serde(skip)]
    pub exact: String,
    /// It is a number, to which zeros in front add nothing.
    #[serde(skip)]
    pub is_number: bool,
}

/// What is wrong.
#[derive(Serialize)]
pub(super) struct Fault {
    /// 0 is the MTI, 1 the bit map.
    pub de: u8,
    /// The address of the part that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// From the message's first byte.
    pub offset: usize,
    /// What was expected and what was found, never content.
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The bytes of the data element, where it is known which they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    #[serde(skip)]
    pub start: usize,
}

impl Fault {
    /// `MTI`, `bit map`, `DE 35`, `55.9F26`.
    pub fn place(&self) -> String {
        match (&self.key, self.de) {
            (Some(key), _) => key.clone(),
            (None, 0) => "MTI".to_owned(),
            (None, 1) => "bit map".to_owned(),
            (None, de) => format!("DE {de}"),
        }
    }
}

/// Explains a message, without framing and header, in a dialect.
pub(super) fn explain(dialect: &Dialect, frame: &[u8], unmask: bool) -> Explanation {
    let mut message = Message::new();
    let mut errors: Vec<ParseError> = Vec::new();
    dialect.examine(frame, &mut message, &mut |error| errors.push(error));
    let unreadable =
        errors.first().is_some_and(|error| error.de == 0 && !matches!(error.reason, Reason::Version { .. }));
    let view = dialect.view(frame, &message);
    let mut reader = Reader::new(view, unmask, !errors.is_empty());
    let fields: Vec<Field> = message
        .bitmap()
        .into_iter()
        .filter_map(|de| dialect.field(de))
        .map(|info| reader.field(info))
        .collect();
    let mti = (!unreadable).then_some(message.mti());
    Explanation {
        mti: mti.map(|mti| mti.to_string()),
        meaning: mti.map(meaning::mti),
        dialect: dialect.name().to_owned(),
        also: Vec::new(),
        framing: None,
        header: None,
        missing: None,
        origin: None,
        time: None,
        length: frame.len(),
        fields,
        errors: errors.iter().map(|error| reader.fault(error)).collect(),
        warnings: reader.warnings,
        unread: Some(view.unread()).filter(|unread| !unread.is_empty()).map(|unread| Unread {
            offset: unread.start,
            length: unread.len(),
            raw: unmask.then(|| hex(&frame[unread])),
        }),
        tried: None,
        own: reader.numbers,
    }
}

struct Reader<'a> {
    view: View<'a>,
    unmask: bool,
    /// The message's own card numbers, which are hidden wherever they stand again; none with `unmask`.
    numbers: Numbers,
    /// Half bytes that are hidden by what was shown so far.
    hidden: Vec<bool>,
    /// Half bytes that may be a card number which is not where it should be; empty where there are none.
    suspicious: Vec<bool>,
    warnings: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(view: View<'a>, unmask: bool, wrong: bool) -> Reader<'a> {
        let halves = view.frame().len() * 2;
        let mut suspicious = Vec::new();
        if wrong && !unmask {
            suspicious.resize(halves, false);
            hide::misplaced(view.frame(), &mut |run| suspicious[run.start..run.end.min(halves)].fill(true));
        }
        let numbers = if unmask { Numbers::default() } else { numbers(view) };
        let mut hidden = vec![false; halves];
        numbers.in_bytes(view.frame(), &mut |run| hidden[run].fill(true));
        if hidden.contains(&true) {
            // What has a mask of its own shows what that leaves.
            masked(view, &mut |place| hidden[place.start * 2..place.end * 2].fill(false));
        }
        Reader { view, unmask, numbers, hidden, suspicious, warnings: Vec::new() }
    }

    fn field(&mut self, info: &FieldInfo) -> Field {
        let (view, de) = (self.view, info.de);
        let start = view.offset(de).unwrap_or(0);
        let whole = start..start + view.raw(de).map_or(0, <[u8]>::len);
        let mut parts = parts(view, info);
        // Of a field that is not to be shown, neither are its parts.
        let show_parts = self.unmask || info.mask == Mask::Open;
        for part in &parts {
            if let Some((offset, reason)) = &part.wrong {
                let (key, reason) = (Some(part.key.clone()), reason.clone());
                let start = part.whole.start;
                self.warnings.push(Fault { de, key, offset: *offset, reason, name: None, raw: None, start });
            }
        }
        let value = view.field(de).map_or_else(String::new, exact);
        if is_padded(de, None, &value) {
            self.padded(de, None, whole.start);
        }
        for part in parts.iter().filter(|part| is_padded(0, part.tag.as_deref(), &part.exact)) {
            self.padded(de, Some(&part.key), part.value.start);
        }
        let fields = if show_parts { self.level(de, &mut parts, 1, &mut 0) } else { Vec::new() };
        let words = words(view, de, &[], &value, &|_| None);
        // What is understood is no free text.
        let free = info.format.class == Class::Ans && info.format.prefix().is_some() && words.is_none();
        let data = whole.start + info.format.prefix_bytes()..whole.end;
        let shown = self.shown(&Value {
            exact: &value,
            format: Some(&info.format),
            mask: info.mask,
            free,
            place: &data,
        });
        let say = !shown.suspicious && (!shown.hidden || !fields.is_empty() || info.mask != Mask::Open);
        Field {
            de: Some(de),
            key: de.to_string(),
            tag: None,
            sub: None,
            name: info.name.clone(),
            value: shown.text,
            meaning: words.filter(|_| say),
            bits: Vec::new(),
            offset: whole.start,
            length: whole.len(),
            raw: self.raw(&whole, Some(&info.format), info.mask),
            fields,
            exact: value,
            is_number: info.format.class == Class::N,
        }
    }

    /// A card number that begins with a pad.
    fn padded(&mut self, de: u8, key: Option<&str>, start: usize) {
        const REASON: &str = "expected a card number, found one that begins with 0: it may be a pad on the left, where \
                              the dialect has none";
        let (key, reason) = (key.map(str::to_owned), REASON.to_owned());
        self.warnings.push(Fault { de, key, offset: start, reason, name: None, raw: None, start });
    }

    /// The parts of one depth, from `at` on, with those inside them; of one that is not to be shown none.
    fn level(&mut self, de: u8, parts: &mut [Part], depth: usize, at: &mut usize) -> Vec<Field> {
        let from = *at;
        let mut fields = Vec::new();
        while let Some(part) = parts.get(*at).filter(|part| part.depth >= depth) {
            let (index, mask) = (*at, part.mask);
            *at += 1;
            let inner = self.level(de, parts, depth + 1, at);
            let siblings = &parts[from..];
            let sibling = |tag: &str| {
                let same = |part: &&Part| part.depth == depth && part.tag.as_deref() == Some(tag);
                siblings
                    .iter()
                    .take_while(|part| part.depth >= depth)
                    .find(same)
                    .map(|part| part.exact.clone())
            };
            let part = &parts[index];
            let path: Vec<&str> = part.path.iter().map(String::as_str).collect();
            let said = words(self.view, de, &path, part.said(), &sibling);
            let shown = self.shown(&Value {
                exact: &part.exact,
                format: part.format.as_ref(),
                mask,
                free: part.format.is_some_and(|format| format.class.is_text()),
                place: &part.value,
            });
            let say = !shown.suspicious && (!shown.hidden || !inner.is_empty());
            let bits = if say { part.bits() } else { Vec::new() };
            fields.push(Field {
                de: None,
                key: part.key.clone(),
                tag: part.tag.clone(),
                sub: part.sub,
                name: part.name.clone(),
                value: shown.text,
                meaning: said.filter(|_| say),
                bits,
                offset: part.whole.start,
                length: part.whole.len(),
                raw: self.raw(&part.whole, part.format.as_ref(), mask),
                fields: if self.unmask || mask == Mask::Open { inner } else { Vec::new() },
                exact: part.exact.clone(),
                is_number: part.format.is_some_and(|format| format.class == Class::N),
            });
        }
        fields
    }

    /// A value with stars; what they stand for is hidden in whatever it is part of, too.
    fn shown(&mut self, value: &Value<'_>) -> Shown {
        if self.unmask {
            return Shown { text: value.exact.to_owned(), hidden: false, suspicious: false };
        }
        let place = value.place.start * 2..value.place.end * 2;
        self.suspect(value);
        let mut stars = hide::characters(value.exact, value.mask, value.free);
        if value.mask == Mask::Open {
            let is_bytes = value.format.is_none_or(|format| format.class == Class::B);
            let find = if is_bytes { Numbers::in_hexadecimal } else { Numbers::in_text };
            find(&self.numbers, value.exact, &mut |run| stars[run].fill(true));
        }
        // Characters of a message that is wrong may be another field's bytes in hexadecimal.
        let is_bytes = value.format.is_none_or(|format| format.class == Class::B);
        if value.mask == Mask::Open && (is_bytes || !self.suspicious.is_empty()) {
            hide::in_hexadecimal(value.exact, &mut |run| stars[run].fill(true));
        }
        let under = |halves: &[bool], range: Range<usize>| {
            halves.get(range).is_some_and(|halves| halves.contains(&true))
        };
        let suspicious = value.mask == Mask::Open && under(&self.suspicious, place.clone());
        match value.halves() {
            Some(halves) => {
                for (at, star) in stars.iter_mut().enumerate() {
                    *star |= under(&self.hidden, halves(at)) && value.mask == Mask::Open;
                    *star |= suspicious && under(&self.suspicious, halves(at));
                    if *star && let Some(hidden) = self.hidden.get_mut(halves(at)) {
                        hidden.fill(true);
                    }
                }
            }
            // Where a character has no place of its own, all or nothing is shown.
            None if suspicious || under(&self.hidden, place.clone()) => stars.fill(true),
            None => {}
        }
        let hidden = stars.contains(&true);
        if hidden
            && value.halves().is_none()
            && let Some(all) = self.hidden.get_mut(place)
        {
            all.fill(true);
        }
        let text =
            if hidden { hide::starred(value.exact, stars.into_iter()) } else { value.exact.to_owned() };
        Shown { text, hidden, suspicious }
    }

    /// Of a message that is wrong: what in this value is a card number but for a few digits before or behind it.
    fn suspect(&mut self, value: &Value<'_>) {
        const SHORTEST: usize = 13;
        const BEYOND: usize = 6;
        if self.suspicious.is_empty() || value.mask != Mask::Open || value.exact.len() < SHORTEST {
            return;
        }
        let around =
            value.place.start.saturating_sub(BEYOND)..(value.place.end + BEYOND).min(self.view.frame().len());
        let Some(bytes) = self.view.frame().get(around.clone()) else { return };
        let reading = reading(value.format);
        let least = if reading == Reading::Characters { SHORTEST * 2 } else { SHORTEST };
        let suspicious = &mut self.suspicious;
        hide::in_bytes(bytes, reading, &mut |run| {
            let run = around.start * 2 + run.start..around.start * 2 + run.end;
            let inside = run.start.max(value.place.start * 2)..run.end.min(value.place.end * 2);
            if inside.len() >= least {
                suspicious[inside].fill(true);
            }
        });
    }

    /// Bytes in hexadecimal, with stars for what is hidden in the values among them.
    fn raw(&self, place: &Range<usize>, format: Option<&Format>, mask: Mask) -> String {
        let bytes = self.view.frame().get(place.clone()).unwrap_or_default();
        let text = hex(bytes);
        if self.unmask {
            return text;
        }
        let from = place.start * 2;
        let mut stars = self.hidden.get(from..place.end * 2).unwrap_or_default().to_vec();
        // What has a mask shows of itself what the mask leaves.
        if mask == Mask::Open {
            // In a message that is wrong, bytes may be another field's, in its encoding.
            let reading = if self.suspicious.is_empty() { reading(format) } else { Reading::Any };
            hide::in_bytes(bytes, reading, &mut |run| stars[run].fill(true));
        }
        if stars.contains(&true) { hide::starred(&text, stars.into_iter()) } else { text }
    }

    fn fault(&self, error: &ParseError) -> Fault {
        let info = self.view.dialect().field(error.de);
        let wrong = self.view.wrong(error.de);
        let start = wrong.as_ref().map_or(error.offset as usize, |place| place.start);
        let raw = wrong.map(|place| match info.map_or(Mask::Secret, |info| info.strictest_mask()) {
            _ if self.unmask => self.raw(&place, None, Mask::Open),
            Mask::Open => {
                let raw = self.raw(&place, None, Mask::Open);
                let suspicious = self.suspicious.get(place.start * 2..place.end * 2).unwrap_or_default();
                let stars = raw.chars().zip(suspicious).map(|(c, suspicious)| c == '*' || *suspicious);
                hide::starred(&raw, stars)
            }
            Mask::Pan | Mask::Secret => "**".repeat(place.len()),
        });
        Fault {
            de: error.de,
            key: None,
            offset: error.offset as usize,
            reason: error.reason.to_string(),
            name: info.map(|info| info.name.clone()),
            raw,
            start,
        }
    }
}

struct Value<'a> {
    exact: &'a str,
    /// `None` where it is bytes of which nothing is known.
    format: Option<&'a Format>,
    mask: Mask,
    free: bool,
    place: &'a Range<usize>,
}

struct Shown {
    text: String,
    /// There are stars in it.
    hidden: bool,
    /// It may be a card number that is not where it should be.
    suspicious: bool,
}

impl Value<'_> {
    /// Which half bytes of the message each character is; `None` where that cannot be told.
    fn halves(&self) -> Option<impl Fn(usize) -> Range<usize> + use<>> {
        let (length, bytes) = (self.exact.len(), self.place.len());
        let padded = |format: &&Format| format.encoding == Encoding::Bcd && format.class != Class::Xn;
        let (skip, each) = match self.format.filter(padded) {
            _ if length == bytes => (0, 2),
            _ if length == bytes * 2 => (0, 1),
            Some(format) if length + 1 == bytes * 2 => (usize::from(format.pad.side == Side::Left), 1),
            _ => return None,
        };
        let start = self.place.start * 2 + skip;
        Some(move |at: usize| start + at * each..start + (at + 1) * each)
    }
}

fn reading(format: Option<&Format>) -> Reading {
    match format {
        Some(format) if format.class == Class::B => Reading::Any,
        Some(format) if format.encoding == Encoding::Bcd => Reading::Packed,
        Some(_) => Reading::Characters,
        None => Reading::Any,
    }
}
