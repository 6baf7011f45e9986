//! The text of a framing: `HEADER+LENGTH+HEADER+TRAILER+TRAILER`, each part a word of the one table here, any absent.
//! Settings, command line, manual and error messages all speak from that table.

use super::Framing;
use super::header::{HeaderPart, MAX_HEADER, Style};
use super::length::{Beside, Encoding, LengthPart};
use super::trailer::{MAX_TAIL, TailPart, TrailerPart};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Where in a framing's notation a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// How long the frame is.
    Length,
    /// What stands before the message, behind the length or before it.
    Header,
    /// Last: marks around the message.
    Trailer,
}

/// A word of the notation.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Where it stands.
    pub place: Place,
    /// As it is written; `N`, `HEX` and `TEXT` stand for what the user puts there.
    pub form: &'static str,
    /// What it means, in a line.
    pub meaning: &'static str,
}

const fn word(place: Place, form: &'static str, meaning: &'static str) -> Word {
    Word { place, form, meaning }
}

const WORDS: [Word; 22] = [
    word(Place::Length, "lengthN-be", "length of N binary bytes, 1 to 4, the high one first"),
    word(Place::Length, "lengthN-le", "the same, the low one first"),
    word(Place::Length, "lengthN-bcd", "length of N bytes, 1 to 4, of two packed decimal digits each"),
    word(Place::Length, "lengthN-ascii", "length of N ASCII decimal digits, 1 to 6"),
    word(Place::Length, "lengthN-hex", "length of N ASCII hexadecimal digits, 1 to 6"),
    word(Place::Length, "lengthN-ebcdic", "length of N EBCDIC decimal digits, 1 to 6"),
    word(Place::Length, "zeroN-LENGTH", "N zero bytes, 1 to 4, before the length"),
    word(Place::Length, "LENGTH-zeroN", "N zero bytes, 1 to 4, behind the length"),
    word(Place::Length, "LENGTH-inclusive", "the length counts its own bytes too, and a header before it"),
    word(
        Place::Length,
        "visa-stream",
        "Visa: two-byte length, zero byte, kind (0 message, 2 session control) and platform",
    ),
    word(Place::Length, "rbp", "RBP: protocol id D0 4A, two-byte length, 00 00 for a message in one part"),
    word(
        Place::Header,
        "tpdu:HEX",
        "5 bytes: 60 or 68, destination, source; answers swap the two (6000030000)",
    ),
    word(
        Place::Header,
        "tpdu-unionpay:HEX",
        "a TPDU and 6 bytes that answers give back (6000030000603100000000)",
    ),
    word(Place::Header, "base24:TEXT", "ISO and 9 digits; answers set status and responder (ISO026000050)"),
    word(
        Place::Header,
        "visa-header:HEX",
        "22 bytes; answers swap the stations; rejects are told apart (station 123456)",
    ),
    word(Place::Header, "fixed:HEX", "the same 1 to 32 bytes before each message"),
    word(Place::Header, "opaqueN:HEX", "N bytes of any content, 1 to 32, that answers give back (zeros)"),
    word(Place::Trailer, "etx", "ETX (03) behind the message; without a length it ends the frame"),
    word(Place::Trailer, "etx-lrc", "the same, and a check byte behind it"),
    word(Place::Trailer, "stx-etx", "STX (02) before header and message, ETX behind"),
    word(Place::Trailer, "stx-etx-lrc", "the same, and a check byte behind it"),
    word(
        Place::Trailer,
        "trailer:HEX",
        "the same 1 to 8 bytes, last; without length and ETX they end the frame",
    ),
];

/// What a header or a trailer is marked with where the length does not count it.
const UNCOUNTED: &str = "-uncounted";

/// The notation's words in the order in which they stand, but that one header may stand before the length, too. A
/// header's `:VALUE` is what a sender writes and may be left out, save that of `fixed`; a header or trailer that the
/// length does not count ends with `-uncounted`.
pub fn words() -> impl Iterator<Item = Word> {
    WORDS.into_iter()
}

/// A header's word, and what a sender writes where nothing else is said.
const HEADERS: [(&str, HeaderPart); 4] = [
    ("tpdu", HeaderPart::new(Style::Tpdu, &[0x60, 0, 3, 0, 0])),
    ("tpdu-unionpay", HeaderPart::new(Style::UnionPay, &[0x60, 0, 3, 0, 0, 0x60, 0x31, 0, 0, 0, 0])),
    ("base24", HeaderPart::new(Style::Base24, b"ISO026000050")),
    ("visa-header", HeaderPart::new(Style::Visa, &VISA)),
];
const VISA: [u8; 22] = [0x16, 1, 2, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const TRAILERS: [(&str, TrailerPart); 4] = [
    ("etx", TrailerPart { etx: true, ..TrailerPart::NONE }),
    ("etx-lrc", TrailerPart { etx: true, lrc: true, ..TrailerPart::NONE }),
    ("stx-etx", TrailerPart { stx: true, etx: true, ..TrailerPart::NONE }),
    ("stx-etx-lrc", TrailerPart { stx: true, etx: true, lrc: true, counted: true }),
];

/// The last word of a length, its encoding, and how many bytes it may have.
const ENCODINGS: [(&str, Encoding, RangeInclusive<u8>); 6] = [
    ("be", Encoding::BigEndian, 1..=4),
    ("le", Encoding::LittleEndian, 1..=4),
    ("bcd", Encoding::Bcd, 1..=4),
    ("ascii", Encoding::Ascii, 1..=6),
    ("hex", Encoding::Hex, 1..=6),
    ("ebcdic", Encoding::Ebcdic, 1..=6),
];

/// A text that is no framing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a framing: at character {character}, {reason}")]
pub struct NotationError {
    text: String,
    /// From 1.
    character: usize,
    reason: String,
}

/// A reason and the byte of the text, from 0, that it is about.
type Fault = (usize, String);

impl FromStr for Framing {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Framing, NotationError> {
        let framing = parse(text).and_then(|framing| {
            let reason = "expected a length, an ETX or a trailer, by which a frame ends";
            if framing.is_alone() { Err((text.len(), reason.to_owned())) } else { Ok(framing) }
        });
        framing.map_err(|fault| NotationError::of(text, fault))
    }
}

impl Framing {
    /// As by [`str::parse`], or a header alone (`opaque8`): the framing of bytes that are one message to the last, for who
    /// looks into such. A stream cannot be cut by it.
    ///
    /// # Errors
    /// A text that is no framing: where, and what is allowed there.
    pub fn alone(text: &str) -> Result<Framing, NotationError> {
        parse(text).map_err(|fault| NotationError::of(text, fault))
    }
}

impl NotationError {
    fn of(text: &str, (at, reason): Fault) -> NotationError {
        let character = text.get(..at).unwrap_or(text).chars().count() + 1;
        NotationError { text: text.to_owned(), character, reason }
    }
}

enum Part {
    Length(LengthPart),
    Header(HeaderPart),
    Trailer(TrailerPart),
    Tail(TailPart),
}

fn parse(text: &str) -> Result<Framing, Fault> {
    let mut framing = Framing::NONE;
    let mut at = 0;
    for word in text.split('+') {
        let part = part(word, at)?;
        let is_done = framing.trailer.etx || framing.tail.size() > 0;
        let (no_length, no_header) = (framing.length.width == 0, framing.header.style == Style::None);
        match part {
            Part::Length(length) if no_length && !is_done => {
                if framing.header.style == Style::Visa {
                    return Err((
                        at,
                        "visa-header counts the message and stands behind the length".to_owned(),
                    ));
                }
                framing.length = length;
                let header = std::mem::replace(&mut framing.header, HeaderPart::NONE);
                if header.style != Style::None {
                    framing.front = header.with_counted(header.counted && length.counts_itself);
                }
            }
            Part::Header(header) if no_header && !is_done => framing.header = header,
            Part::Trailer(trailer) if !is_done => framing.trailer = trailer,
            Part::Tail(tail) if framing.tail.size() == 0 => framing.tail = tail,
            _ => {
                let order = "expected a header, a length, a header, an ETX and a trailer, each at most once and in this order";
                return Err((at, format!("{order}; {word:?} comes too late")));
            }
        }
        at += word.len() + 1;
    }
    if framing.length.width == 0
        && !(framing.header.counted && framing.trailer.counted && framing.tail.counted)
    {
        return Err((text.len(), format!("there is no length that could count, so no {UNCOUNTED}")));
    }
    Ok(framing)
}

fn part(word: &str, at: usize) -> Result<Part, Fault> {
    let (name, value) = match word.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let (name, counted) = match name.strip_suffix(UNCOUNTED) {
        Some(name) => (name, false),
        None => (name, true),
    };
    let no_value = |part| match value {
        Some(_) => Err((at + name.len(), format!("{name:?} takes no value"))),
        None => Ok(part),
    };
    if let Some((_, trailer)) = TRAILERS.iter().find(|(known, _)| *known == name) {
        return no_value(Part::Trailer(TrailerPart { counted, ..*trailer }));
    }
    if name == "trailer" {
        let bytes = bytes_from_hex(value.unwrap_or_default()).as_deref().and_then(TailPart::new);
        let reason = || format!("expected trailer:HEX of 1 to {MAX_TAIL} bytes");
        let tail = bytes.ok_or_else(|| (at + word.len() - value.map_or(0, str::len), reason()))?;
        return Ok(Part::Tail(tail.with_counted(counted)));
    }
    if let Some(header) = header(name, value, at)? {
        return Ok(Part::Header(header.with_counted(counted)));
    }
    let length = match name {
        "visa-stream" => LengthPart::VISA,
        "rbp" => LengthPart::RBP,
        _ => length(name, at)?,
    };
    if !counted {
        return Err((
            at,
            "a length counts itself with -inclusive; -uncounted is for headers and trailers".to_owned(),
        ));
    }
    no_value(Part::Length(length))
}

/// A header by its name and value; `None` where the name is no header's.
fn header(name: &str, value: Option<&str>, at: usize) -> Result<Option<HeaderPart>, Fault> {
    let value_at = at + name.len() + 1;
    let hex = |text: &str| {
        bytes_from_hex(text).ok_or_else(|| (value_at, "expected pairs of hexadecimal digits".to_owned()))
    };
    if let Some((_, default)) = HEADERS.iter().find(|(known, _)| *known == name) {
        let own = match value {
            None => return Ok(Some(*default)),
            Some(text) if default.style == Style::Base24 => text.as_bytes().to_vec(),
            Some(text) => hex(text)?,
        };
        return sized(default.style, &own, default.size(), value_at).map(Some);
    }
    if name == "fixed" {
        let own = hex(value.unwrap_or_default())?;
        if own.is_empty() || own.len() > MAX_HEADER {
            return Err((
                value_at,
                format!("expected fixed:HEX of 1 to {MAX_HEADER} bytes, found {}", own.len()),
            ));
        }
        return Ok(Some(HeaderPart::new(Style::Fixed, &own)));
    }
    let Some(digits) = name.strip_prefix("opaque") else { return Ok(None) };
    let size = digits.parse().ok().filter(|size| (1..=MAX_HEADER).contains(size));
    let size = size.ok_or_else(|| (at, format!("expected opaqueN with N from 1 to {MAX_HEADER}")))?;
    let own = value.map_or_else(|| Ok(vec![0; size]), hex)?;
    sized(Style::Opaque, &own, size, value_at).map(Some)
}

/// A header whose value is of the right size and would pass its own check.
fn sized(style: Style, own: &[u8], size: usize, at: usize) -> Result<HeaderPart, Fault> {
    if own.len() != size {
        return Err((at, format!("expected a header of {size} bytes, found {}", own.len())));
    }
    let header = HeaderPart::new(style, own);
    // A sender's own header has no message behind it yet, nor its length.
    let mut whole = own.to_vec();
    whole.push(0);
    let checked = header.finish(&mut whole).ok().map(|()| header.check(&whole));
    match checked {
        Some(Err(wrong)) => Err((at, wrong.to_string())),
        _ => Ok(header),
    }
}

fn length(name: &str, at: usize) -> Result<LengthPart, Fault> {
    let unknown = || {
        let forms: Vec<&str> = WORDS.iter().map(|word| word.form).collect();
        let hint = match name {
            "" => "a word is missing".to_owned(),
            "none" => {
                "frames without a length or an ETX cannot be told apart again after one misread".to_owned()
            }
            _ => format!("{name:?} is no word"),
        };
        (at, format!("{hint}; known: {}, each header and trailer also with {UNCOUNTED}", forms.join(", ")))
    };
    let mut part = LengthPart::NONE;
    let mut words = name.split('-').peekable();
    if let Some(zeros) = words.next_if(|word| word.starts_with("zero")) {
        part.before = counted_zeros(zeros).ok_or_else(unknown)?;
    }
    let width = words.next().and_then(|word| word.strip_prefix("length")).ok_or_else(unknown)?;
    let encoding = words.next().unwrap_or_default();
    let known = ENCODINGS.iter().find(|(known, ..)| *known == encoding);
    let Some((_, encoding, widths)) = known else {
        let known = ENCODINGS.map(|(known, ..)| format!("length{width}-{known}")).join(", ");
        return Err((at, format!("expected one of {known}")));
    };
    part.encoding = *encoding;
    part.width = width.parse().ok().filter(|width| widths.contains(width)).ok_or_else(|| {
        (at, format!("expected a width of {} to {} bytes, found {width:?}", widths.start(), widths.end()))
    })?;
    if let Some(zeros) = words.next_if(|word| word.starts_with("zero")) {
        part.after = counted_zeros(zeros).ok_or_else(unknown)?;
    }
    part.counts_itself = words.next_if_eq(&"inclusive").is_some();
    match words.next() {
        None => Ok(part),
        Some(word) => Err((at, format!("{word:?} cannot stand there: expected -zeroN or, last, -inclusive"))),
    }
}

/// N of `zeroN`.
fn counted_zeros(word: &str) -> Option<u8> {
    word.strip_prefix("zero")?.parse().ok().filter(|count| (1..=4).contains(count))
}

fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

fn hex_from_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

impl fmt::Display for Framing {
    /// The shortest text that parses to this framing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.front.style != Style::None {
            // Only a length that counts itself could count it.
            parts.push(header_text(
                &self.front.with_counted(self.front.counted || !self.length.counts_itself),
            ));
        }
        if self.length.width > 0 {
            parts.push(length_text(&self.length));
        }
        if self.header.style != Style::None {
            parts.push(header_text(&self.header));
        }
        let mark = |counted: bool| if counted { "" } else { UNCOUNTED };
        let same =
            |trailer: &TrailerPart| TrailerPart { counted: self.trailer.counted, ..*trailer } == self.trailer;
        if let Some((name, _)) = TRAILERS.iter().find(|(_, trailer)| same(trailer)) {
            parts.push(format!("{name}{}", mark(self.trailer.counted)));
        }
        if self.tail.size() > 0 {
            parts.push(format!("trailer{}:{}", mark(self.tail.counted), hex_from_bytes(self.tail.bytes())));
        }
        f.write_str(&parts.join("+"))
    }
}

fn length_text(part: &LengthPart) -> String {
    match part.beside {
        Beside::Visa => "visa-stream".to_owned(),
        Beside::Rbp => "rbp".to_owned(),
        Beside::Zeros => {
            let zeros = |count: u8, word: String| if count == 0 { String::new() } else { word };
            let encoding = ENCODINGS.iter().find(|(_, encoding, _)| *encoding == part.encoding);
            format!(
                "{}length{}-{}{}{}",
                zeros(part.before, format!("zero{}-", part.before)),
                part.width,
                encoding.map_or("", |(name, ..)| name),
                zeros(part.after, format!("-zero{}", part.after)),
                if part.counts_itself { "-inclusive" } else { "" },
            )
        }
    }
}

fn header_text(part: &HeaderPart) -> String {
    let known = HEADERS.iter().find(|(_, header)| header.style == part.style);
    let name = match part.style {
        Style::Fixed => "fixed".to_owned(),
        Style::Opaque => format!("opaque{}", part.size()),
        _ => known.map_or_else(String::new, |(name, _)| (*name).to_owned()),
    };
    let is_default = match part.style {
        Style::Opaque => part.own().iter().all(|byte| *byte == 0),
        _ => known.is_some_and(|(_, header)| header.own() == part.own()),
    };
    let value = match part.style {
        _ if is_default => String::new(),
        Style::Base24 => format!(":{}", String::from_utf8_lossy(part.own())),
        _ => format!(":{}", hex_from_bytes(part.own())),
    };
    format!("{name}{}{value}", if part.counted { "" } else { UNCOUNTED })
}

impl Serialize for Framing {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Framing {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Framing, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
