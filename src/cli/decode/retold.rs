//! Messages that a log tells by their fields: shown as the dialect writes them that fits best, and what it cannot write
//! beside that, hidden in the same manner. Knows no log.

use super::explain::{Explanation, Fault, Field, explain};
use super::hide::{self, Reading};
use super::words::{card_number, hex};
use crate::traffic::capture::{Logged, LoggedField, LoggedValue};
use crate::traffic::logged::{Unfit, Written, write};
use crate::traffic::numbers::Numbers;
use crate::wire::{Dialect, FieldInfo, Mask};
use std::sync::Arc;

/// The dialect in which most of the message can be written, and what it then is; the first of equals.
pub(super) fn written<'d>(dialects: &'d [Arc<Dialect>], logged: &Logged) -> Option<(&'d Dialect, Written)> {
    let all = dialects.iter().filter_map(|dialect| Some((&**dialect, write(logged, dialect).ok()?)));
    all.min_by_key(|(_, written)| written.unfit.len())
}

/// The message, with what the dialect cannot write among its fields, and an error for each of these; a warning where it is
/// the log that hides the value, or the dialect that does not know the parts.
pub(super) fn retold(dialect: &Dialect, written: &Written, logged: &Logged, unmask: bool) -> Explanation {
    let mut explanation = explain(dialect, &written.bytes, unmask);
    let mut own = explanation.own.clone();
    for field in &logged.fields {
        if let (Ok(de), LoggedValue::Text(text)) = (field.key.parse(), &field.value) {
            card_number(de, None, text).into_iter().for_each(|number| own.add(number));
        }
    }
    let hider = if unmask { None } else { Some(&own) };
    for Unfit { place, de, reason, .. } in &written.unfit {
        let Some(field) = logged.fields.get(*place) else { continue };
        let info = de.and_then(|de| dialect.field(de));
        let mask = info.map_or(de.map_or(Mask::Open, Mask::usual), FieldInfo::strictest_mask);
        let name = info.map_or_else(|| format!("Field {}", field.key), |info| info.name.clone());
        let shown = shown(field, *de, name, mask, hider);
        let at = explanation.fields.iter().position(|other| other.de > *de);
        explanation.fields.insert(at.unwrap_or(explanation.fields.len()), shown);
        let key = de.is_none().then(|| field.key.clone());
        // Of parts that the dialect does not know nobody can say that they are wrong.
        let (faults, reason) = match field.value {
            _ if field.value.is_hidden() => (&mut explanation.warnings, "hidden in the log"),
            LoggedValue::Parts(_) => (&mut explanation.warnings, reason.as_str()),
            _ => (&mut explanation.errors, reason.as_str()),
        };
        let (reason, name) = (reason.to_owned(), info.map(|info| info.name.clone()));
        faults.push(Fault { de: de.unwrap_or(0), key, offset: 0, reason, name, raw: None, start: 0 });
    }
    explanation
}

/// A field as the log has it; `own` are the message's card numbers, `None` where all is to be shown.
fn shown(field: &LoggedField, de: Option<u8>, name: String, mask: Mask, own: Option<&Numbers>) -> Field {
    let open = own.is_none() || mask == Mask::Open;
    let (exact, fields) = match &field.value {
        LoggedValue::Text(text) => (text.chars().map(printable).collect(), Vec::new()),
        LoggedValue::Bytes(bytes) => (hex(bytes), Vec::new()),
        LoggedValue::Parts(parts) if open => (
            String::new(),
            parts
                .iter()
                .map(|part| {
                    let inner =
                        LoggedField { key: format!("{}.{}", field.key, part.key), value: part.value.clone() };
                    shown(&inner, None, format!("Subfield {}", part.key), mask, own)
                })
                .collect(),
        ),
        LoggedValue::Parts(_) => (String::new(), Vec::new()),
    };
    let mut stars = vec![false; exact.len()];
    if let Some(own) = own {
        stars = hide::characters(&exact, mask, true);
        if mask == Mask::Open {
            let is_bytes = matches!(field.value, LoggedValue::Bytes(_));
            let find = if is_bytes { Numbers::in_hexadecimal } else { Numbers::in_text };
            find(own, &exact, &mut |run| stars[run].fill(true));
        }
        if let (LoggedValue::Bytes(bytes), Mask::Open) = (&field.value, mask) {
            hide::in_bytes(bytes, Reading::Any, &mut |run| stars[run].fill(true));
        }
    }
    Field {
        de,
        key: field.key.clone(),
        tag: None,
        sub: field.key.rsplit('.').next().filter(|_| de.is_none()).and_then(|key| key.parse().ok()),
        name,
        value: hide::starred(&exact, stars.into_iter()),
        meaning: None,
        bits: Vec::new(),
        offset: 0,
        length: 0,
        raw: String::new(),
        fields,
        exact,
        is_number: false,
    }
}

/// One byte for each character, so that stars stand where they should.
fn printable(c: char) -> char {
    if matches!(c, ' '..='~') { c } else { '?' }
}
