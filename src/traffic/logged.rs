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

/// A field that a dialect cannot write as the log has it, or a part of one.
pub struct Unfit {
    /// Its place among the fields of the log; of a part that of the field.
    pub place: usize,
    /// Its number, where it is that of a data element.
    pub de: Option<u8>,
    /// What it is called in the log: `127`, of a part `127.25.99`.
    pub key: String,
    /// Expected and found, never content.
    pub reason: String,
}

/// Writes a message in a dialect: each field as the log has it, or not at all.
///
/// # Errors
/// Its message type is of another version than the dialect's.
pub fn write(logged: &Logged, dialect: &Dialect) -> Result<Written, String> {
    written(logged, dialect, false)
}

/// Writes what a dialect knows of a message: fields also without those of their parts that it cannot write.
///
/// # Errors
/// As [`write()`].
pub fn write_known(logged: &Logged, dialect: &Dialect) -> Result<Written, String> {
    written(logged, dialect, true)
}

fn written(logged: &Logged, dialect: &Dialect, without_parts: bool) -> Result<Written, String> {
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
        let mut left = without_parts.then(Vec::new);
        let mut unfit_as = |key: &str, reason: String| {
            unfit.push(Unfit { place, de, key: key.to_owned(), reason });
        };
        match element(dialect, de, field, mti, left.as_mut()) {
            Ok((de, value, is_bytes)) if values.iter().all(|(known, ..)| *known != de) => {
                values.push((de, value, is_bytes));
                for (key, reason) in left.into_iter().flatten() {
                    unfit_as(&format!("{}.{key}", field.key), reason);
                }
            }
            Ok(_) => unfit_as(&field.key, "this field is there twice".to_owned()),
            Err(reason) => unfit_as(&field.key, reason),
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

/// Parts that were left out, each with what it is called inside its field, and why.
type Left = Vec<(String, String)>;

/// A data element's value that fits its field, and whether it is bytes; with `left` without the parts that do not fit.
fn element(
    dialect: &Dialect,
    de: Option<u8>,
    field: &LoggedField,
    mti: Mti,
    left: Option<&mut Left>,
) -> Result<(u8, Vec<u8>, bool), String> {
    let info = de.and_then(|de| dialect.field(de));
    let info = info.ok_or_else(|| format!("{} has no such field", dialect.name()))?;
    let is_bytes = info.format.class == Class::B;
    let value = match &field.value {
        LoggedValue::Parts(parts) => composed(info, parts, left)?,
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

/// The value of a field out of its parts; with `left` of those that fit.
fn composed(info: &FieldInfo, parts: &[LoggedField], mut left: Option<&mut Left>) -> Result<Vec<u8>, String> {
    let layout = info.layout.as_deref().ok_or("nothing is known inside this field in the dialect")?;
    let mut tree = Tree::of(layout, parts, "", left.as_deref_mut())?;
    let mut out = Vec::new();
    loop {
        let mut failed = None;
        let done = with_given(&tree.0, &mut |given| {
            info.compose(given, &mut out).map(drop).map_err(|error| {
                let said = error.to_string();
                failed = Some(error);
                said
            })
        });
        let Err(said) = done else { return Ok(out) };
        // The part that is wrong, where it is one: each turn takes one out.
        let wrong = failed.as_ref().and_then(|error| Some((error.at.split_once('.')?.1, error.reason)));
        match (wrong, left.as_deref_mut()) {
            (Some((path, reason)), Some(left)) if tree.take_out(path) => {
                left.push((path.to_owned(), reason.to_string()));
            }
            _ => return Err(said),
        }
    }
}

/// Parts with the layout's keys and their values as its formats take them.
struct Tree<'v>(Vec<(String, Leaf<'v>)>);

enum Leaf<'v> {
    Value(Cow<'v, [u8]>, bool),
    Parts(Tree<'v>),
}

impl<'v> Tree<'v> {
    /// The parts at an address, which ends with a point where it is not empty; with `left` without those that the layout
    /// does not know.
    fn of(
        layout: &Layout,
        parts: &'v [LoggedField],
        at: &str,
        mut left: Option<&mut Left>,
    ) -> Result<Tree<'v>, String> {
        let mut tree = Vec::new();
        for part in parts.iter().filter(|part| part.key != "-1") {
            let key = key_in(layout, &part.key);
            match Leaf::of(layout, &key, part, &format!("{at}{key}."), left.as_deref_mut()) {
                Ok(leaf) => tree.push((key, leaf)),
                Err(reason) => match left.as_deref_mut() {
                    Some(left) => left.push((format!("{at}{}", part.key), reason)),
                    None => return Err(format!("{}: {reason}", part.key)),
                },
            }
        }
        Ok(Tree(tree))
    }

    /// Takes the last part with this address out; whether there was one.
    fn take_out(&mut self, path: &str) -> bool {
        let (key, inner) = path.split_once('.').map_or((path, None), |(key, inner)| (key, Some(inner)));
        let Some(at) = self.0.iter().rposition(|(known, _)| known == key) else { return false };
        match (inner, self.0.get_mut(at)) {
            (Some(inner), Some((_, Leaf::Parts(tree)))) => tree.take_out(inner),
            _ => {
                self.0.remove(at);
                true
            }
        }
    }
}

impl<'v> Leaf<'v> {
    fn of(
        layout: &Layout,
        key: &str,
        part: &'v LoggedField,
        at: &str,
        left: Option<&mut Left>,
    ) -> Result<Leaf<'v>, String> {
        let other = match layout.kind() {
            Kind::Tagged(tagged) => Some(&tagged.other),
            Kind::BerTlv(other) => Some(&**other),
            _ => None,
        };
        let sub = layout.parts().iter().find(|sub| sub.key == key).or(other);
        let sub = sub.ok_or("the layout has no such part")?;
        match (&part.value, sub.layout.as_deref()) {
            (LoggedValue::Parts(parts), Some(inner)) => Ok(Leaf::Parts(Tree::of(inner, parts, at, left)?)),
            (value, _) => {
                let value = plain(&sub.format, value).ok_or("expected one value")?;
                Ok(Leaf::Value(value, sub.format.class == Class::B))
            }
        }
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
