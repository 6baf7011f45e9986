//! Messages that a log tells by their fields, as a dialect writes them. Knows no log and no output.

use super::capture::{Logged, LoggedField, LoggedValue};
use crate::wire::{Bitmap, Class, Dialect, FieldInfo, Format, Given, Kind, Layout, Mti, Value};
use std::borrow::Cow;

/// A message as a dialect writes it, as far as it can.
pub struct Written {
    /// The message, with the fields that fit.
    pub bytes: Vec<u8>,
    /// The others: each by its place in [`Logged::fields`], its number where it has one, and why it does not fit.
    pub unfit: Vec<Unfit>,
}

/// A field that a dialect cannot write as the log has it.
pub struct Unfit {
    /// Its place among the fields of the log.
    pub place: usize,
    /// Its number, where it is that of a data element.
    pub de: Option<u8>,
    /// Expected and found, never content.
    pub reason: String,
}

/// Writes a message in a dialect.
///
/// # Errors
/// Its message type is of another version than the dialect's.
pub fn write(logged: &Logged, dialect: &Dialect) -> Result<Written, String> {
    let mti = logged.mti.bytes().try_fold(0u16, |bcd, c| Some(bcd << 4 | u16::from(c.checked_sub(b'0')?)));
    let mti = mti.and_then(Mti::new).ok_or("expected a message type of four digits")?;
    let mut values: Vec<(u8, Vec<u8>, bool)> = Vec::new();
    let mut unfit = Vec::new();
    for (place, field) in logged.fields.iter().enumerate() {
        let de = field.key.parse().ok().filter(|de: &u8| (2..=192).contains(de));
        // The bit map, which follows from the fields.
        if field.key == "1" || field.key == "-1" {
            continue;
        }
        match element(dialect, de, field, mti) {
            Ok((de, value, is_bytes)) if values.iter().all(|(known, ..)| *known != de) => {
                values.push((de, value, is_bytes));
            }
            Ok(_) => unfit.push(Unfit { place, de, reason: "this field is there twice".to_owned() }),
            Err(reason) => unfit.push(Unfit { place, de, reason }),
        }
    }
    values.sort_by_key(|(de, ..)| *de);
    let own: Vec<(u8, Value<'_>)> =
        values.iter().map(|(de, value, is_bytes)| (*de, as_value(value, *is_bytes))).collect();
    let mut bytes = Vec::new();
    dialect.build(&mut bytes, mti, None, Bitmap::EMPTY, &own).map_err(|error| error.to_string())?;
    Ok(Written { bytes, unfit })
}

fn as_value(value: &[u8], is_bytes: bool) -> Value<'_> {
    if is_bytes { Value::Bytes(value) } else { Value::Text(value) }
}

/// A data element's value that fits its field, and whether it is bytes.
fn element(
    dialect: &Dialect,
    de: Option<u8>,
    field: &LoggedField,
    mti: Mti,
) -> Result<(u8, Vec<u8>, bool), String> {
    let info = de.and_then(|de| dialect.field(de));
    let info = info.ok_or_else(|| format!("{} has no such field", dialect.name()))?;
    let is_bytes = info.format.class == Class::B;
    let value = match &field.value {
        LoggedValue::Parts(parts) => composed(info, parts)?,
        value => plain(&info.format, value).ok_or("expected hexadecimal, found something else")?.into_owned(),
    };
    let mut room = Vec::new();
    let own = [(info.de, as_value(&value, is_bytes))];
    dialect.build(&mut room, mti, None, Bitmap::EMPTY, &own).map_err(|error| error.reason.to_string())?;
    Ok((info.de, value, is_bytes))
}

/// A value as a field or part of this format takes it.
fn plain<'v>(format: &Format, value: &'v LoggedValue) -> Option<Cow<'v, [u8]>> {
    match (format.class, value) {
        (Class::B, LoggedValue::Text(text)) => {
            let pairs = text.as_bytes().chunks(2).map(|pair| {
                let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
                u8::from_str_radix(text, 16).ok()
            });
            pairs.collect::<Option<Vec<u8>>>().map(Cow::Owned)
        }
        (_, LoggedValue::Text(text)) => Some(Cow::Borrowed(text.as_bytes())),
        (_, LoggedValue::Bytes(bytes)) => Some(Cow::Borrowed(bytes)),
        (_, LoggedValue::Parts(_)) => None,
    }
}

/// The value of a field out of its parts.
fn composed(info: &FieldInfo, parts: &[LoggedField]) -> Result<Vec<u8>, String> {
    let layout = info.layout.as_deref().ok_or("nothing is known inside this field in the dialect")?;
    let tree = Tree::of(layout, parts)?;
    let mut out = Vec::new();
    with_given(&tree.0, &mut |given| {
        info.compose(given, &mut out).map(|_| ()).map_err(|error| error.to_string())
    })?;
    Ok(out)
}

/// Parts with the layout's keys and their values as its formats take them.
struct Tree<'v>(Vec<(String, Leaf<'v>)>);

enum Leaf<'v> {
    Value(Cow<'v, [u8]>, bool),
    Parts(Tree<'v>),
}

impl<'v> Tree<'v> {
    fn of(layout: &Layout, parts: &'v [LoggedField]) -> Result<Tree<'v>, String> {
        let mut tree = Vec::new();
        for part in parts.iter().filter(|part| part.key != "-1") {
            let key = key_in(layout, &part.key);
            let sub = layout.parts().iter().find(|sub| sub.key == key);
            let other = match layout.kind() {
                Kind::Tagged(tagged) => Some(&tagged.other),
                Kind::BerTlv(other) => Some(&**other),
                _ => None,
            };
            let sub = sub.or(other).ok_or_else(|| format!("{}: the layout has no such part", part.key))?;
            let leaf = match (&part.value, sub.layout.as_deref()) {
                (LoggedValue::Parts(parts), Some(inner)) => Leaf::Parts(Tree::of(inner, parts)?),
                (value, _) => {
                    let value = plain(&sub.format, value);
                    let value = value.ok_or_else(|| format!("{}: expected one value", part.key))?;
                    Leaf::Value(value, sub.format.class == Class::B)
                }
            };
            tree.push((key, leaf));
        }
        Ok(Tree(tree))
    }
}

/// What a layout calls the part with this number: the same, or with zeros in front, or by its position.
fn key_in(layout: &Layout, key: &str) -> String {
    let same = |sub: &&crate::wire::Sub| {
        let bare = sub.key.trim_start_matches('0');
        bare == key.trim_start_matches('0') && !bare.is_empty()
    };
    let listed = layout.parts().iter().find(|sub| sub.key == key);
    match (listed.or_else(|| layout.parts().iter().find(same)), layout.kind()) {
        (Some(sub), _) => sub.key.clone(),
        (None, Kind::Tagged(tagged)) if tagged.tag.class != Class::B => {
            format!("{key:0>width$}", width = usize::from(tagged.tag.max_length()))
        }
        (None, Kind::Positional) => {
            let place = key.parse().ok().and_then(|number: usize| number.checked_sub(1));
            let sub = place.and_then(|place| layout.parts().get(place));
            sub.map_or_else(|| key.to_owned(), |sub| sub.key.clone())
        }
        (None, _) => key.to_owned(),
    }
}

/// Takes parts as they are composed.
type Then<'t> = dyn FnMut(&[(&str, Given<'_>)]) -> Result<(), String> + 't;

/// Calls with the parts in the form in which they are composed, which borrows from this one.
fn with_given(tree: &[(String, Leaf<'_>)], then: &mut Then<'_>) -> Result<(), String> {
    fn add<'t>(
        left: &'t [(String, Leaf<'_>)],
        given: &mut Vec<(&'t str, Given<'t>)>,
        then: &mut Then<'_>,
    ) -> Result<(), String> {
        let mut left = left.iter();
        while let Some((key, leaf)) = left.next() {
            match leaf {
                Leaf::Value(value, is_bytes) => given.push((key, Given::Value(as_value(value, *is_bytes)))),
                Leaf::Parts(inner) => {
                    return with_given(&inner.0, &mut |parts| {
                        let mut with: Vec<(&str, Given<'_>)> = given.clone();
                        with.push((key, Given::Parts(parts)));
                        add(left.as_slice(), &mut with, then)
                    });
                }
            }
        }
        then(given)
    }
    add(tree, &mut Vec::new(), then)
}
