//! A trace for people to read: one line a message, card data masked; and for other tools: its messages as bytes.

use super::import::fields_from_bytes;
use super::numbers::{Numbers, of_element};
use super::relations::kind_name;
use super::score::{mask_pan, write_fields};
use super::trace::{Body, Entry, Field, Trace, TraceError, hex_from_bytes};
use crate::wire::{Class, Dialect, Mask, Mti};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The listing's head.
pub const HEAD: &str = "   line      time s  link             kind                     card                \
                               amount  cur   stan  mcc   mode  expect";

/// A message of a trace, by data element; `dialect` reads those that the trace has as bytes.
fn fields<'a>(
    entry: &'a Entry,
    trace: &Trace,
    dialect: &Dialect,
) -> Result<(Mti, Cow<'a, [Field]>), TraceError> {
    match &entry.body {
        Body::Fields { mti, fields } => Ok((*mti, Cow::Borrowed(fields))),
        Body::Frame(bytes) => {
            let read = fields_from_bytes(dialect, bytes).map(|(mti, fields)| (mti, Cow::Owned(fields)));
            read.map_err(|reason| TraceError::Line { origin: trace.origin.clone(), line: entry.line, reason })
        }
    }
}

/// A message as a line under [`HEAD`].
///
/// # Errors
/// A message in bytes that `dialect` cannot read.
pub fn line(entry: &Entry, trace: &Trace, dialect: &Dialect) -> Result<String, TraceError> {
    let (mti, fields) = fields(entry, trace, dialect)?;
    let text = |de: u8| fields.iter().find(|field| field.0 == de).map_or("", |field| field.1.as_str());
    let seconds = entry.at_us as f64 / 1e6;
    Ok(format!(
        "{:>7} {seconds:>11.6}  {:<16} {:<24} {:<19} {:>12}  {:<3} {:>6}  {:<4}  {:<4}  {}",
        entry.line,
        trace.links[usize::from(entry.link)],
        kind_name(mti, &fields),
        mask_pan(text(2).as_bytes()),
        amount_text(text(4), text(49)),
        text(49),
        text(11),
        text(18),
        text(22),
        entry.expect,
    )
    .trim_end()
    .to_owned())
}

/// A message as JSON, as the trace has it but for card data, which is masked.
///
/// # Errors
/// A message in bytes that `dialect` cannot read.
pub fn json(entry: &Entry, trace: &Trace, dialect: &Dialect) -> Result<Value, TraceError> {
    let (mti, fields) = fields(entry, trace, dialect)?;
    let mut own = Numbers::default();
    for (de, text) in fields.iter() {
        of_element(*de, text).into_iter().for_each(|number| own.add(number));
    }
    let shown = |(de, text): &Field| {
        let shown = match dialect.field(*de).map(|field| (field.mask, field.strictest_mask())) {
            Some((Mask::Open, Mask::Open)) => {
                let mut stars = vec![false; text.len()];
                own.in_text(text, &mut |run| stars[run].fill(true));
                if dialect.field(*de).is_some_and(|field| field.format.class == Class::B) {
                    own.in_hexadecimal(text, &mut |run| stars[run].fill(true));
                }
                let starred = text.char_indices().map(|(at, c)| if stars[at] { '*' } else { c });
                starred.collect()
            }
            Some((Mask::Pan, Mask::Pan)) => mask_pan(text.as_bytes()),
            // Chip data, for one, may hold the card number and track 2 in tags 5A and 57.
            Some(_) | None => "*".repeat(text.len()),
        };
        (de.to_string(), Value::String(shown))
    };
    let kind = kind_name(mti, &fields);
    let fields: serde_json::Map<_, _> = fields.iter().map(shown).collect();
    let codes: Vec<_> =
        entry.expect.codes().iter().map(|code| String::from_utf8_lossy(code).into_owned()).collect();
    Ok(json!({
        "line": entry.line,
        "at_us": entry.at_us,
        "link": trace.links[usize::from(entry.link)],
        "kind": kind,
        "mti": mti.to_string(),
        "fields": fields,
        "expect": codes,
    }))
}

/// A message as the hexadecimal characters of its bytes in `dialect`, without framing and nothing masked: what
/// `import` and `decode` read. One that the trace has as bytes is passed on as it is.
///
/// # Errors
/// A message that `dialect` cannot write; no content is quoted.
pub fn hex(entry: &Entry, trace: &Trace, dialect: &Dialect) -> Result<String, TraceError> {
    let mut bytes = Vec::new();
    match &entry.body {
        Body::Frame(frame) => bytes.extend_from_slice(frame),
        Body::Fields { mti, fields } => {
            write_fields(dialect, *mti, fields, &mut bytes).map_err(|reason| TraceError::Line {
                origin: trace.origin.clone(),
                line: entry.line,
                reason,
            })?;
        }
    }
    Ok(hex_from_bytes(&bytes))
}

/// Minor units as people write amounts; two decimals, but none or three for the currencies that have them.
fn amount_text(minor: &str, currency: &str) -> String {
    let Ok(amount) = minor.parse::<u64>() else { return String::new() };
    match currency {
        // Yen, won, the CFA francs; Kuwaiti, Bahraini, Jordanian, Tunisian dinar, rial Omani.
        "392" | "410" | "950" | "952" => amount.to_string(),
        "414" | "048" | "400" | "788" | "512" => format!("{}.{:03}", amount / 1000, amount % 1000),
        _ => format!("{}.{:02}", amount / 100, amount % 100),
    }
}
