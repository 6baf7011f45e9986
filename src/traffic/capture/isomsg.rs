//! Messages that jPOS logs by their fields: `<isomsg>` with `<field id="..." value="..."/>`, nested, in whatever stands
//! around them. Knows no dialect: what a field is called and how it is written is its reader's affair.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::fmt;

/// Messages inside messages; jPOS's nest three deep at most.
const DEEPEST: usize = 8;
/// Fields of one message, those inside others among them.
const MOST_FIELDS: usize = 1024;

const OPEN: &str = "<isomsg";
const CLOSE: &str = "</isomsg>";

/// A message as a log tells it. Its `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Logged {
    /// Field 0, four digits.
    pub mti: String,
    /// All others, in the order of the log.
    pub fields: Vec<LoggedField>,
}

/// A field of such a message. Its `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct LoggedField {
    /// The number, or where there is one the tag.
    pub key: String,
    /// What is in it.
    pub value: LoggedValue,
}

/// What is in a field.
#[derive(Clone, PartialEq, Eq)]
pub enum LoggedValue {
    /// Characters.
    Text(String),
    /// Bytes, which a log has in hexadecimal.
    Bytes(Vec<u8>),
    /// Fields of its own.
    Parts(Vec<LoggedField>),
}

impl fmt::Debug for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logged {{ {} fields }}", self.fields.len())
    }
}

impl fmt::Debug for LoggedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoggedField {{ {} }}", self.key)
    }
}

impl LoggedValue {
    /// The value, if the log hides it as jPOS's ProtectedLogListener does.
    pub fn is_hidden(&self) -> bool {
        match self {
            LoggedValue::Text(text) => text == "[WIPED]" || text.contains("__") || text.contains("**"),
            LoggedValue::Bytes(_) | LoggedValue::Parts(_) => false,
        }
    }
}

/// The text of a message whose end has not come yet.
pub(super) struct Gathered {
    pub line: u64,
    /// Of the line; where it begins.
    pub column: u64,
    pub at_us: Option<u64>,
    text: String,
    depth: usize,
}

impl Gathered {
    /// The place in a line where a message begins.
    pub fn begins(line: &str) -> Option<usize> {
        line.match_indices(OPEN).map(|(at, _)| at).find(|at| is_word_end(line, at + OPEN.len()))
    }

    pub fn new(line: u64, column: u64, at_us: Option<u64>) -> Gathered {
        Gathered { line, column, at_us, text: String::new(), depth: 0 }
    }

    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Takes what a line has of the message. The place behind its end, where that is in the line.
    pub fn take(&mut self, line: &str) -> Option<usize> {
        let mut at = 0;
        while let Some(found) = line.get(at..).and_then(|rest| rest.find('<')).map(|found| at + found) {
            let tag = line.get(found..).unwrap_or_default();
            let end = tag.find('>').map_or(line.len(), |end| found + end + 1);
            if tag.starts_with(CLOSE) {
                self.depth = self.depth.saturating_sub(1);
            } else if tag.starts_with(OPEN) && is_word_end(tag, OPEN.len()) {
                // One without fields ends where it begins.
                self.depth += usize::from(!line.get(found..end).is_some_and(|tag| tag.ends_with("/>")));
            }
            at = end;
            if self.depth == 0 {
                self.text.push_str(line.get(..at).unwrap_or_default());
                return Some(at);
            }
        }
        self.text.push_str(line);
        self.text.push('\n');
        None
    }

    /// The message; `None` where it is none: not XML, too deep or too long, or without a message type.
    pub fn read(&self) -> Option<Logged> {
        let mut reader = Reader::from_str(&self.text);
        let mut open = Open::default();
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => open.start(&tag, false)?,
                Event::Empty(tag) => open.start(&tag, true)?,
                Event::Text(text) => open.characters(&text),
                Event::CData(text) => open.characters(&text),
                Event::End(tag) => match tag.name().as_ref() {
                    "field" => open.end_field()?,
                    "isomsg" => {
                        if let Some(fields) = open.end_message()? {
                            return message(fields);
                        }
                    }
                    _ => {}
                },
                Event::Eof => return None,
                _ => {}
            }
        }
    }
}

/// The elements that are open.
#[derive(Default)]
struct Open {
    messages: Vec<(String, Vec<LoggedField>)>,
    /// A field whose value is no attribute: key, whether it is bytes, and its characters so far.
    field: Option<(String, bool, String)>,
    count: usize,
}

impl Open {
    fn start(&mut self, tag: &BytesStart<'_>, is_empty: bool) -> Option<()> {
        self.count += 1;
        if self.count > MOST_FIELDS || self.messages.len() > DEEPEST {
            return None;
        }
        match tag.name().as_ref() {
            "isomsg" if !is_empty => self.messages.push((key(tag), Vec::new())),
            "field" => {
                let (key, is_bytes) = (key(tag), attribute(tag, "type").is_some_and(|kind| kind == "binary"));
                match attribute(tag, "value") {
                    Some(value) => self.messages.last_mut()?.1.push(field(key, is_bytes, value)),
                    None => self.field = Some((key, is_bytes, String::new())),
                }
                if is_empty {
                    self.end_field()?;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn characters(&mut self, text: &str) {
        if let Some((.., all)) = &mut self.field {
            all.push_str(text);
        }
    }

    fn end_field(&mut self) -> Option<()> {
        if let Some((key, is_bytes, text)) = self.field.take() {
            self.messages.last_mut()?.1.push(field(key, is_bytes, text));
        }
        Some(())
    }

    /// The fields of the outermost message, where it was that.
    fn end_message(&mut self) -> Option<Option<Vec<LoggedField>>> {
        let (key, fields) = self.messages.pop()?;
        let Some((_, outer)) = self.messages.last_mut() else { return Some(Some(fields)) };
        outer.push(LoggedField { key, value: LoggedValue::Parts(fields) });
        Some(None)
    }
}

fn is_word_end(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_none_or(|c| !c.is_ascii_alphanumeric() && !matches!(c, b'_' | b'-'))
}

fn message(mut fields: Vec<LoggedField>) -> Option<Logged> {
    let at = fields.iter().position(|field| field.key == "0")?;
    match fields.remove(at).value {
        LoggedValue::Text(mti) if mti.len() == 4 && mti.bytes().all(|c| c.is_ascii_digit()) => {
            Some(Logged { mti, fields })
        }
        _ => None,
    }
}

fn field(key: String, is_bytes: bool, text: String) -> LoggedField {
    let bytes = Some(&text).filter(|_| is_bytes).and_then(|text| super::hex::bytes(text.as_bytes()));
    LoggedField { key, value: bytes.map_or(LoggedValue::Text(text), LoggedValue::Bytes) }
}

/// The tag of an element, else its number: a few letters and digits, too few for a card number. What is called otherwise
/// is `?`, which no dialect knows.
fn key(tag: &BytesStart<'_>) -> String {
    let key = attribute(tag, "tag").or_else(|| attribute(tag, "id"));
    let is_key = |key: &String| {
        (1..=8).contains(&key.len()) && key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    key.filter(is_key).unwrap_or_else(|| "?".to_owned())
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == name)?;
    // What is written as no character can be is kept as it is written.
    let as_written = || found.value.to_string();
    Some(
        found
            .normalized_value(XmlVersion::Implicit1_0)
            .map_or_else(|_| as_written(), |value| value.into_owned()),
    )
}
