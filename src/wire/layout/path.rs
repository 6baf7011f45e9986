//! Addresses of parts: `48.TCC`, `55.9F26`, `54.2.amount`. Checked once against a dialect, then read from any message
//! of it without allocating. Knows no meaning.

use super::super::dialect::Dialect;
use super::super::field::{Class, Format};
use super::super::message::View;
use super::super::value::Field;
use super::cut::{Cutter, Mark};
use super::key::Tag;
use super::{DEEPEST, Kind, Layout, Sub, is_decoded, open};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// Where a part stands: a data element, and the keys from there inwards.
#[derive(Clone)]
pub struct Path {
    text: String,
    de: u8,
    /// The data element's layout, which says what the marks mean; `None` for the data element as a whole.
    layout: Option<Arc<Layout>>,
    marks: Vec<Mark>,
    room: usize,
}

impl Path {
    /// The data element.
    pub fn de(&self) -> u8 {
        self.de
    }

    /// Bytes that [`View::sub`] needs to decode what holds the part; 0 where it reads the message itself.
    pub fn room(&self) -> usize {
        self.room
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({})", self.text)
    }
}

/// Why an address leads nowhere in a dialect.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// It does not begin with the number of a data element.
    #[error("{path}: expected the number of a data element, 2 to 192, before the first dot")]
    Number {
        /// The address.
        path: String,
    },
    /// The dialect has no such data element.
    #[error("{path}: the dialect {dialect} does not define DE {de}")]
    Undefined {
        /// The address.
        path: String,
        /// The data element.
        de: u8,
        /// The dialect's name.
        dialect: String,
    },
    /// Nothing is known of what is inside.
    #[error("{path}: {whole} is one value, nothing is known inside it")]
    Leaf {
        /// The address.
        path: String,
        /// The part of it that is one value.
        whole: String,
    },
    /// No part has this key.
    #[error("{path}: no {key:?} in {whole}{}: expected {expected}", Meant(meant))]
    Unknown {
        /// The address.
        path: String,
        /// The key that is not known.
        key: String,
        /// What it was looked for in.
        whole: String,
        /// The known key that is most like it.
        meant: Option<String>,
        /// What there is.
        expected: String,
    },
    /// More keys than parts may lie in each other.
    #[error("{path}: expected at most {DEEPEST} keys behind the data element")]
    Deep {
        /// The address.
        path: String,
    },
}

struct Meant<'a>(&'a Option<String>);

impl fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |key| write!(f, ", did you mean {key:?}?"))
    }
}

impl Dialect {
    /// The address of a data element or of a part inside one: its number and the keys from there inwards, with dots
    /// between: `4`, `90.stan`, `48.42.1`. A row of a list is its number, counted from 1: `54.2.amount`. Tags that the
    /// dialect does not list are addressed as they stand on the wire, bytes in hexadecimal: `55.DF8101`.
    ///
    /// # Errors
    /// Which key is not known, where, and what there is instead.
    pub fn path(&self, text: &str) -> Result<Path, PathError> {
        let mut keys = text.split('.');
        let path = || text.to_owned();
        let number = keys.next().unwrap_or_default();
        let de = number.parse().ok().filter(|de: &u8| (2..=192).contains(de) && number == de.to_string());
        let de = de.ok_or_else(|| PathError::Number { path: path() })?;
        let undefined = || PathError::Undefined { path: path(), de, dialect: self.name().to_owned() };
        let info = self.field(de).ok_or_else(undefined)?;
        let (mut layout, mut format, mut marks, mut room) =
            (info.layout.as_deref(), &info.format, Vec::new(), 0);
        let mut at = number.len();
        for key in keys {
            let whole = || text.get(..at).unwrap_or_default().to_owned();
            let known = layout.ok_or_else(|| PathError::Leaf { path: path(), whole: whole() })?;
            room += room_of(format);
            let Some(found) = known.find(key, &mut marks, &mut room) else {
                let (expected, meant) = known.describe(key);
                return Err(PathError::Unknown {
                    path: path(),
                    key: key.to_owned(),
                    whole: whole(),
                    meant,
                    expected,
                });
            };
            (format, layout) = (&found.0.format, found.1);
            at += 1 + key.len();
        }
        if marks.len() > DEEPEST {
            return Err(PathError::Deep { path: path() });
        }
        Ok(Path { text: path(), de, layout: info.layout.clone().filter(|_| !marks.is_empty()), marks, room })
    }
}

/// Bytes that parts of a value in this format are decoded into.
fn room_of(format: &Format) -> usize {
    if is_decoded(format) { usize::from(format.max_length()) } else { 0 }
}

impl Layout {
    /// The part with this key and what is inside it. What a dialect file lists, here or in an inline part, wins over a
    /// tag that nobody lists. Its mark is added, and those of the inline parts on the way with the room they take.
    fn find(&self, key: &str, marks: &mut Vec<Mark>, room: &mut usize) -> Option<(&Sub, Option<&Layout>)> {
        let listed = self.seek(key, Layout::listed, marks, room);
        listed.or_else(|| self.seek(key, Layout::unlisted, marks, room))
    }

    fn seek(
        &self,
        key: &str,
        mark: fn(&Layout, &str) -> Option<Mark>,
        marks: &mut Vec<Mark>,
        room: &mut usize,
    ) -> Option<(&Sub, Option<&Layout>)> {
        if let Some(mark) = mark(self, key) {
            let sub = self.sub(&mark)?;
            marks.push(mark);
            return Some((sub, self.inside(&mark, sub)));
        }
        let (before, free) = (marks.len(), *room);
        for (index, sub) in self.parts.iter().enumerate().filter(|(_, sub)| sub.inline) {
            marks.push(self.mark_of(index));
            *room += room_of(&sub.format);
            let inside = sub.layout.as_deref();
            if let Some(found) = inside.and_then(|inside| inside.seek(key, mark, marks, room)) {
                return Some(found);
            }
            marks.truncate(before);
            *room = free;
        }
        None
    }

    fn mark_of(&self, index: usize) -> Mark {
        let tag = self.parts.get(index).and_then(|sub| Tag::from_text(sub.key.as_bytes()));
        match (&self.kind, tag) {
            (Kind::BerTlv(_), Some(tag)) => Mark::Tag(tag),
            (Kind::Tagged(tagged), Some(tag)) if index >= tagged.head => Mark::Tag(tag),
            _ => Mark::Part(index),
        }
    }

    /// Whether keys are bytes in hexadecimal, which may be in either case.
    fn is_hexadecimal(&self) -> bool {
        match &self.kind {
            Kind::BerTlv(_) => true,
            Kind::Tagged(tagged) => tagged.tag.class == Class::B,
            _ => false,
        }
    }

    /// The part that the dialect file lists under this key.
    fn listed(&self, key: &str) -> Option<Mark> {
        let either_case = self.is_hexadecimal();
        let is = |sub: &Sub| sub.key == key || either_case && sub.key.eq_ignore_ascii_case(key);
        self.parts.iter().position(is).map(|index| self.mark_of(index))
    }

    /// A row, or a tag that the dialect file does not list.
    fn unlisted(&self, key: &str) -> Option<Mark> {
        let tag = match &self.kind {
            Kind::List(_) => {
                let number = key.parse().ok().filter(|number: &u16| *number > 0 && key == number.to_string());
                return number.map(Mark::Row);
            }
            Kind::BerTlv(_) => Tag::from_text(key.to_ascii_uppercase().as_bytes()).filter(Tag::is_ber),
            Kind::Tagged(tagged) => tagged.tag_of(key),
            _ => None,
        };
        tag.map(Mark::Tag)
    }

    /// What there is, and what was perhaps meant.
    fn describe(&self, key: &str) -> (String, Option<String>) {
        let mut known: Vec<&str> = Vec::new();
        self.gather(&mut known);
        let like = |known: &&str| strsim::osa_distance(&known.to_lowercase(), &key.to_lowercase());
        let nearest = known.iter().copied().min_by_key(like);
        let meant = nearest.filter(|known| like(known) <= known.len().max(key.len()).div_ceil(3));
        let more = match &self.kind {
            Kind::List(_) => Some("the number of a row, counted from 1".to_owned()),
            Kind::BerTlv(_) => Some("a tag of BER-TLV in hexadecimal".to_owned()),
            Kind::Tagged(tagged) => {
                let unit = tagged.tag.class.unit();
                Some(format!("a tag of {} {unit}", tagged.tag.max_length()))
            }
            _ => None,
        };
        let words = known.into_iter().take(40).map(str::to_owned).chain(more).collect::<Vec<_>>();
        (words.join(", "), meant.filter(|_| !matches!(self.kind, Kind::List(_))).map(str::to_owned))
    }

    /// Keys that are words; tags are not listed, since there are too many of them.
    fn gather<'l>(&'l self, into: &mut Vec<&'l str>) {
        let words = match &self.kind {
            Kind::List(_) | Kind::BerTlv(_) => 0,
            Kind::Tagged(tagged) => tagged.head,
            _ => self.parts.len(),
        };
        into.extend(self.parts.iter().take(words).map(|sub| sub.key.as_str()));
        for inline in self.parts.iter().filter(|sub| sub.inline) {
            inline.layout.iter().for_each(|layout| layout.gather(into));
        }
    }
}

impl<'a> View<'a> {
    /// The part at an address. `None` where it is absent, where it or what is before it is not as its layout says, and
    /// where `buffer` is shorter than [`Path::room`] and the path is one of another dialect.
    ///
    /// Nothing is remembered: each call walks from the field's start to the part, at some nanoseconds a piece. The
    /// field's `data` lies in the message, or in `buffer` where what holds the part is packed or hexadecimal.
    pub fn sub<'b>(self, path: &Path, buffer: &'b mut [u8]) -> Option<Field<'b>>
    where
        'a: 'b,
    {
        let info = self.dialect().field(path.de)?;
        let whole: Field<'b> = self.field(path.de)?;
        let Some(expected) = &path.layout else { return Some(whole) };
        let mut layout = info.layout.as_ref().filter(|layout| Arc::ptr_eq(layout, expected)).map(Arc::as_ref);
        let (mut field, mut rest) = (whole, buffer);
        let mut last = None;
        for mark in &path.marks {
            let here: &'b Layout = layout?;
            let data = open(field, &mut rest)?;
            let cut = Cutter::new(here, data).find(|cut| cut.mark == *mark)?;
            if cut.absent || cut.wrong.is_some() {
                return None;
            }
            let sub = here.sub(mark)?;
            let (start, inner) = cut.field(sub, data).ok()?;
            field = inner;
            layout = here.inside(mark, sub);
            last = Some((cut, start));
        }
        let (cut, start) = last?;
        cut.check(field, start).ok()?;
        Some(field)
    }
}
