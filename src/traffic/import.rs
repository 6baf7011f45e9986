//! Messages as bytes -> messages by data element, and whole files of captured messages -> traces.

use super::trace::{
    Body, Entry, Expect, Field, Trace, TraceError, bytes_from_hex, hex_from_bytes, link_index,
};
use crate::wire::frame::{Framing, Kind};
use crate::wire::{Class, Dialect, Message, Mti};
use std::collections::HashMap;
use std::io::BufRead;

/// How a file of messages becomes a trace.
pub struct Options<'a> {
    /// Layout of the messages.
    pub dialect: &'a Dialect,
    /// How each message is framed; `None`: messages stand alone.
    pub framing: Option<Framing>,
    /// The link that the trace's messages are put on.
    pub link: String,
    /// Messages a second where the file tells no times; above 0.
    pub rate: f64,
}

/// Reads a file of one message (or one frame) a line in hexadecimal, optionally after its time in microseconds and a
/// space; empty lines, lines that start with `#` and frames that carry no message are passed over. Answers are not played: their DE39
/// becomes what their request expects.
///
/// # Errors
/// The first line that is not such a message, or not one in the dialect; no content is quoted.
pub fn import_hex(source: impl BufRead, origin: &str, options: &Options<'_>) -> Result<Trace, TraceError> {
    let mut trace = Trace { origin: origin.to_owned(), links: Vec::new(), entries: Vec::new() };
    let mut requests: HashMap<[String; 4], usize> = HashMap::new();
    for (index, bytes) in source.split(b'\n').enumerate() {
        let line = index as u32 + 1;
        let bytes = bytes.map_err(|source| TraceError::File { origin: origin.to_owned(), source })?;
        // What is not text is not hexadecimal either, and is refused as such.
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let failed = |reason: String| TraceError::Line { origin: origin.to_owned(), line, reason };
        let (at_us, hex) = match text.split_once(char::is_whitespace) {
            Some((at_us, hex)) => (Some(at_us.parse().map_err(|_| failed(NO_TIME.to_owned()))?), hex.trim()),
            None => (None, text),
        };
        let bytes = bytes_from_hex(hex).ok_or_else(|| failed(NO_HEX.to_owned()))?;
        let Some(message) = unframed(options.framing, &bytes).map_err(failed)? else { continue };
        let (mti, fields) = fields_from_bytes(options.dialect, message).map_err(failed)?;
        let text =
            |de: u8| fields.iter().find(|field| field.0 == de).map_or(String::new(), |field| field.1.clone());
        let key = [mti.response().to_string(), text(7), text(11), text(32)];
        if mti.is_response() {
            let code = <[u8; 2]>::try_from(text(39).as_bytes());
            if let (Some(request), Ok(code)) = (requests.get(&key), code) {
                trace.entries[*request].expect = Expect::any_of(&[&code]);
            }
            continue;
        }
        requests.insert(key, trace.entries.len());
        let at_us = at_us.unwrap_or((trace.entries.len() as f64 * 1e6 / options.rate) as u64);
        let link = link_index(&mut trace.links, &options.link).map_err(failed)?;
        let body = Body::Fields { mti, fields };
        trace.entries.push(Entry { at_us, link, body, expect: Expect::default(), line });
    }
    trace.entries.sort_by_key(|entry| entry.at_us);
    Ok(trace)
}

/// The message of a line; `None` where its frame carries none.
fn unframed(framing: Option<Framing>, bytes: &[u8]) -> Result<Option<&[u8]>, String> {
    let Some(framing) = framing else { return Ok(Some(bytes)) };
    let cut = framing.next(bytes, usize::MAX).map_err(|error| error.to_string())?;
    match cut {
        Some(cut) if cut.next == bytes.len() => match cut.kind {
            Kind::Message => Ok(bytes.get(cut.start..cut.end)),
            Kind::KeepAlive | Kind::Control | Kind::Reject { .. } => Ok(None),
            Kind::Wrong(wrong) => Err(wrong.to_string()),
        },
        Some(cut) => {
            Err(format!("expected one frame in {framing}, found {} more bytes", bytes.len() - cut.next))
        }
        None => Err(format!("expected a whole frame in {framing}, found the beginning of one")),
    }
}

const NO_TIME: &str = "expected a message in hexadecimal, or a time in microseconds, a space and a message";
const NO_HEX: &str = "expected an even number of hexadecimal characters";

/// A message's type, and its data elements as a trace writes them. The error says why the dialect cannot read it.
pub fn fields_from_bytes(dialect: &Dialect, bytes: &[u8]) -> Result<(Mti, Vec<Field>), String> {
    let mut message = Message::new();
    let wrong = |error| format!("in dialect {}: {error}", dialect.name());
    dialect.parse(bytes, &mut message).map_err(wrong)?;
    let view = dialect.view(bytes, &message);
    let mut buffer = vec![0; bytes.len() * 2];
    let mut fields = Vec::new();
    for de in view.bitmap().iter() {
        let class = dialect.field(de).map(|field| field.class);
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
