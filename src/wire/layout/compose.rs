//! The way back: values of parts become the value of what holds them, strictly. Knows no message.

use super::super::build::Value;
use super::super::encode::{encode, push_prefix};
use super::super::error::BuildReason;
use super::super::field::{Class, Encoding, FieldInfo, Format, Length};
use super::cut::{Cutter, Mark};
use super::key::Tag;
use super::{BitMaps, DEEPEST, Kind, Layout, Sub, Tagged, encoding_inside};
use std::fmt;
use thiserror::Error;

/// What is written into a part: its value, or the values of its own parts with their keys.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// As a data element takes it.
    Value(Value<'a>),
    /// Parts by position and bit may come in any order, tags and rows are written in the order given.
    Parts(&'a [(&'a str, Given<'a>)]),
}

/// Why parts do not make a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{at}: {reason}")]
pub struct ComposeError {
    /// The part, as in an address: `48.42.1`.
    pub at: String,
    /// Expected and found.
    pub reason: ComposeReason,
}

/// What is wrong with a part to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ComposeReason {
    /// The value does not fit the part's format.
    #[error(transparent)]
    Value(#[from] BuildReason),
    /// The layout has no such part.
    #[error("the layout has no such part")]
    Unknown,
    /// A part by position or bit, given twice.
    #[error("this part is given twice")]
    Twice,
    /// A part behind which others are given, and for whose absence nothing can stand.
    #[error("this part is missing, and parts behind it are given")]
    Missing,
    /// Rows are numbered from 1 without a gap.
    #[error("expected row {0}")]
    Row(usize),
    /// Parts for a value that has none.
    #[error("nothing is known inside this part")]
    Leaf,
    /// A value that contains the character that ends it, or begins with the one that says that it is absent.
    #[error("expected no separator in the value")]
    Separator,
    /// The parts leave a value of fixed length incomplete.
    #[error("expected {expected} in all, found {found}")]
    Length {
        /// Digits, characters or bytes.
        expected: usize,
        /// The same of the parts.
        found: usize,
    },
    /// A part before the first tag that begins as a tag does, where such parts may be absent.
    #[error("expected a value that cannot be taken for a tag")]
    Tag,
    /// Parts in parts, over the bound.
    #[error("expected parts at most {DEEPEST} deep")]
    Deep,
}

type Written = Result<(), ComposeError>;

fn fail<T>(key: impl fmt::Display, reason: impl Into<ComposeReason>) -> Result<T, ComposeError> {
    Err(ComposeError { at: key.to_string(), reason: reason.into() })
}

/// Names the part in whose parts an error is.
fn inside(key: &str) -> impl Fn(ComposeError) -> ComposeError {
    move |ComposeError { at, reason }| ComposeError {
        at: if at.is_empty() { key.to_owned() } else { format!("{key}.{at}") },
        reason,
    }
}

impl FieldInfo {
    /// Appends the field's value, composed of its parts, to `out`: ASCII characters or bytes, as
    /// [`Dialect::build`](super::super::Dialect::build) takes it. Returns it as that.
    ///
    /// # Errors
    /// The first part that does not fit; `out` is then as it was.
    pub fn compose<'v>(
        &self,
        parts: &[(&str, Given<'_>)],
        out: &'v mut Vec<u8>,
    ) -> Result<Value<'v>, ComposeError> {
        let mark = out.len();
        let de = self.de.to_string();
        let composed = match &self.layout {
            Some(layout) => compose(layout, &self.format, parts, out, 1).map_err(inside(&de)),
            None => fail(&de, ComposeReason::Leaf),
        };
        if let Err(error) = composed {
            out.truncate(mark);
            return Err(error);
        }
        Ok(as_value(&self.format, out.get(mark..).unwrap_or_default()))
    }
}

fn as_value<'v>(format: &Format, composed: &'v [u8]) -> Value<'v> {
    if format.class == Class::B { Value::Bytes(composed) } else { Value::Text(composed) }
}

/// Appends what parts make of a value in this format, in the form that it is then encoded from.
fn compose(
    layout: &Layout,
    format: &Format,
    given: &[(&str, Given<'_>)],
    out: &mut Vec<u8>,
    depth: usize,
) -> Written {
    if depth > DEEPEST {
        return fail("", ComposeReason::Deep);
    }
    let mark = out.len();
    let write = Writer { layout, given, depth };
    match &layout.kind {
        Kind::Positional => write.positional(out)?,
        Kind::List(row) => write.rows(row, out)?,
        Kind::Bitmap(map) => write.bits(map, out)?,
        Kind::Tagged(tagged) => write.tagged(tagged, out)?,
        Kind::BerTlv(other) => write.elements(other, out)?,
    }
    let composed = out.get_mut(mark..).unwrap_or_default();
    let found = composed.len();
    if let Length::Fixed(expected) = format.length
        && found != usize::from(expected)
    {
        return fail("", ComposeReason::Length { expected: usize::from(expected), found });
    }
    // Parts stand in the encoding of the value; it is given as characters.
    let encoding = encoding_inside(format);
    if format.class != Class::B && encoding != Encoding::Ascii {
        composed.iter_mut().for_each(|byte| *byte = encoding.character(*byte));
    }
    Ok(())
}

struct Writer<'g> {
    layout: &'g Layout,
    given: &'g [(&'g str, Given<'g>)],
    depth: usize,
}

impl Writer<'_> {
    /// Every key is one of these parts, and is there once.
    fn check_keys(&self, parts: &[Sub], given: &[(&str, Given<'_>)]) -> Written {
        for (index, (key, _)) in given.iter().enumerate() {
            if parts.iter().all(|sub| sub.key != *key) {
                return fail(key, ComposeReason::Unknown);
            }
            if given.iter().take(index).any(|(other, _)| other == key) {
                return fail(key, ComposeReason::Twice);
            }
        }
        Ok(())
    }

    fn positional(&self, out: &mut Vec<u8>) -> Written {
        self.check_keys(&self.layout.parts, self.given)?;
        self.in_order(&self.layout.parts, self.given, false, out)
    }

    /// Parts by position; with `more`, something follows them.
    fn in_order(&self, parts: &[Sub], given: &[(&str, Given<'_>)], more: bool, out: &mut Vec<u8>) -> Written {
        let mut left = given.len();
        for sub in parts {
            let found = given.iter().find(|(key, _)| *key == sub.key);
            match (found, sub.absent) {
                (Some((_, value)), _) => {
                    left -= 1;
                    self.part(sub, *value, out)?;
                }
                (None, _) if sub.optional => {}
                (None, Some(absent)) if left > 0 || more => out.push(absent),
                (None, _) if left > 0 || more => return fail(&sub.key, ComposeReason::Missing),
                (None, _) => break,
            }
        }
        Ok(())
    }

    /// A part by position, with the separator behind it.
    fn part(&self, sub: &Sub, given: Given<'_>, out: &mut Vec<u8>) -> Written {
        let mark = out.len();
        self.value(&sub.key, sub, given, out)?;
        let written = out.get(mark..).unwrap_or_default();
        let ends_early = sub.until.is_some_and(|until| written.contains(&until));
        let seems_absent = sub.absent.is_some() && written.first() == sub.absent.as_ref();
        if ends_early || seems_absent {
            return fail(&sub.key, ComposeReason::Separator);
        }
        out.extend(sub.until);
        Ok(())
    }

    fn value(&self, key: &str, sub: &Sub, given: Given<'_>, out: &mut Vec<u8>) -> Written {
        self.value_inside(key, sub, sub.layout.as_deref(), given, out)
    }

    fn value_inside(
        &self,
        key: &str,
        sub: &Sub,
        layout: Option<&Layout>,
        given: Given<'_>,
        out: &mut Vec<u8>,
    ) -> Written {
        let mut composed = Vec::new();
        let value = match (given, layout) {
            (Given::Value(value), _) => value,
            (Given::Parts(_), None) => return fail(key, ComposeReason::Leaf),
            (Given::Parts(parts), Some(layout)) => {
                compose(layout, &sub.format, parts, &mut composed, self.depth + 1).map_err(inside(key))?;
                as_value(&sub.format, &composed)
            }
        };
        encode(out, &sub.format, value).or_else(|reason| fail(key, reason))
    }

    fn rows(&self, row: &Sub, out: &mut Vec<u8>) -> Written {
        for (index, (key, given)) in self.given.iter().enumerate() {
            if *key != (index + 1).to_string() {
                return fail(key, ComposeReason::Row(index + 1));
            }
            let mark = out.len();
            self.value(key, row, *given, out)?;
            // A row that is not whole would be read together with the next one.
            let whole = row.layout.as_ref().map_or(0, |layout| layout.parts.len());
            let count = if let Given::Parts(parts) = given { parts.len() } else { whole };
            if count != whole || out.len() == mark {
                return fail(key, ComposeReason::Missing);
            }
        }
        Ok(())
    }

    fn bits(&self, maps: &BitMaps, out: &mut Vec<u8>) -> Written {
        self.check_keys(&self.layout.parts, self.given)?;
        let mut bits = 0u128;
        let number = |sub: &Sub| sub.key.parse::<u32>().ok().filter(|number| (1..=128).contains(number));
        let given = |sub: &Sub| self.given.iter().find(|(key, _)| *key == sub.key);
        let mut ordered: Vec<_> =
            self.layout.parts.iter().filter_map(|sub| Some((number(sub)?, sub, given(sub)?))).collect();
        ordered.sort_by_key(|(number, ..)| *number);
        ordered.iter().for_each(|(number, ..)| bits |= 1 << (128 - number));
        self.bit_maps(maps, bits.to_be_bytes(), out)?;
        ordered.into_iter().try_for_each(|(_, sub, (_, value))| self.part(sub, *value, out))
    }

    /// As many bit maps as the bits need, each but the last with the bit that announces the next.
    fn bit_maps(&self, maps: &BitMaps, bits: [u8; BitMaps::MOST], out: &mut Vec<u8>) -> Written {
        let mut rest = bits.as_slice();
        let mut map = &maps.first;
        loop {
            let (now, behind) = rest.split_at(usize::from(map.max_length()).min(rest.len()));
            let mut bytes = [0; BitMaps::MOST];
            let bytes = bytes.get_mut(..now.len()).unwrap_or_default();
            bytes.copy_from_slice(now);
            let more = maps.more.as_ref().filter(|_| behind.iter().any(|byte| *byte != 0));
            if let (Some(_), Some(first)) = (more, bytes.first_mut()) {
                *first |= 0x80;
            }
            encode(out, map, Value::Bytes(bytes)).or_else(|reason| fail("", reason))?;
            match more {
                Some(more) => (map, rest) = (more, behind),
                None => return Ok(()),
            }
        }
    }

    fn tagged(&self, tagged: &Tagged, out: &mut Vec<u8>) -> Written {
        let mark = out.len();
        self.tags(tagged, out)?;
        let head = self.layout.parts.get(..tagged.head).unwrap_or_default();
        if head.iter().any(|sub| sub.optional) {
            // What is absent must not be read out of what is there.
            let cuts = Cutter::new(self.layout, out.get(mark..).unwrap_or_default());
            let read =
                cuts.map_while(|cut| if let Mark::Part(index) = cut.mark { Some(index) } else { None });
            let given = |index: &usize| {
                head.get(*index).is_some_and(|sub| self.given.iter().any(|(key, _)| *key == sub.key))
            };
            if !read.eq((0..head.len()).filter(given)) {
                return fail("", ComposeReason::Tag);
            }
        }
        Ok(())
    }

    fn tags(&self, tagged: &Tagged, out: &mut Vec<u8>) -> Written {
        let head = self.layout.parts.get(..tagged.head).unwrap_or_default();
        let is_head = |key: &str| head.iter().any(|sub| sub.key == key);
        let (first, tags): (Vec<_>, Vec<_>) = self.given.iter().copied().partition(|(key, _)| is_head(key));
        self.check_keys(head, &first)?;
        self.in_order(head, &first, !tags.is_empty(), out)?;
        for (key, given) in tags {
            let Some(tag) = tagged.tag_of(key) else { return fail(key, ComposeReason::Unknown) };
            let sub = self.layout.tagged(tagged.head, &tag).unwrap_or(&tagged.other);
            let mut room = [0; 4];
            let text = if tagged.tag.class == Class::B {
                tag.bytes(&mut room).map(Value::Bytes)
            } else {
                Some(Value::Text(tag.as_str().as_bytes()))
            };
            let Some(text) = text else { return fail(key, ComposeReason::Unknown) };
            encode(out, &tagged.tag, text).or_else(|reason| fail(key, reason))?;
            let mut value = Vec::new();
            self.value(key, sub, given, &mut value)?;
            let max = tagged.value.max_length();
            if value.len() > usize::from(max) {
                return fail(key, BuildReason::TooLong { max, found: value.len() });
            }
            push_prefix(out, &tagged.value, value.len()).or_else(|reason| fail(key, reason))?;
            out.extend_from_slice(&value);
        }
        Ok(())
    }

    fn elements(&self, other: &Sub, out: &mut Vec<u8>) -> Written {
        for (key, given) in self.given {
            let tag = Tag::from_text(key.to_ascii_uppercase().as_bytes()).filter(Tag::is_ber);
            let mut room = [0; 4];
            let Some((tag, bytes)) = tag.as_ref().and_then(|tag| Some((tag, tag.bytes(&mut room)?))) else {
                return fail(key, ComposeReason::Unknown);
            };
            out.extend_from_slice(bytes);
            let sub = self.layout.tagged(0, tag).unwrap_or(other);
            let layout = self.layout.inside(&super::cut::Mark::Tag(*tag), sub);
            let mut value = Vec::new();
            self.value_inside(key, sub, layout, *given, &mut value)?;
            match (value.len(), u16::try_from(value.len()).map(u16::to_be_bytes)) {
                (0..=0x7F, Ok([_, low])) => out.push(low),
                (..=0xFF, Ok([_, low])) => out.extend_from_slice(&[0x81, low]),
                (_, Ok([high, low])) => out.extend_from_slice(&[0x82, high, low]),
                (found, Err(_)) => return fail(key, BuildReason::TooLong { max: u16::MAX, found }),
            }
            out.extend_from_slice(&value);
        }
        Ok(())
    }
}
