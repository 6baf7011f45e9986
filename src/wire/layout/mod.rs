//! What is inside a value: parts with keys, names and formats of their own, in one of five arrangements. Knows
//! formats, no message; nothing here is asked when a message is parsed.
//!
//! `cut` divides one level into pieces; everything else stands on it: `path` reads one part by its address,
//! `walk` goes over all of them, and `compose` is the way back.

mod compose;
mod cut;
mod key;
mod path;
mod reason;
mod walk;

pub use compose::{ComposeError, ComposeReason, Given};
pub use key::{Key, Tag};
pub use path::{Path, PathError};
pub use reason::PartReason;
pub use walk::Node;

use super::field::{Class, Encoding, Format, Mask};
use super::value::Field;
use cut::Mark;
use std::borrow::Cow;
use std::sync::Arc;

/// How deep parts may lie in parts. What is deeper is reported and shown as one value: hostile input can nest
/// templates without end.
pub const DEEPEST: usize = 8;

/// The inside of a value, as written in a dialect file and compiled for what holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// In their order, or sorted by key where tags say which is which.
    pub(super) parts: Vec<Sub>,
    pub(super) strictest: Mask,
}

/// How the parts are arranged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One behind the other.
    Positional,
    /// The same parts again and again: rows, which hold them.
    List(Box<Sub>),
    /// A bit map, and the parts whose bit is set.
    Bitmap(BitMaps),
    /// Tag, length, value; after a few parts by position.
    Tagged(Box<Tagged>),
    /// EMV's tags and lengths; constructed tags hold more of them.
    BerTlv(Box<Sub>),
}

/// The bit maps before parts. Bits are counted over all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitMaps {
    /// The first, of fixed length.
    pub first: Format,
    /// Each further one, which the highest bit of the one before it says is there; `None` where that is a bit as others.
    pub more: Option<Format>,
}

impl BitMaps {
    /// Bytes of all bit maps together, at most.
    pub const MOST: usize = 16;

    /// The bytes at whose highest bit a bit map says that another one follows.
    fn starts(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, more) = (self.first.max_length(), self.more.map(|more| more.max_length()));
        let further = more
            .into_iter()
            .flat_map(move |more| (usize::from(first)..BitMaps::MOST).step_by(usize::from(more.max(1))));
        more.map(|_| 0).into_iter().chain(further)
    }

    /// The numbers of the bits that parts may have.
    pub(super) fn has(&self, bit: u32) -> bool {
        let bytes = if self.more.is_some() { BitMaps::MOST as u32 } else { self.first.max_length().into() };
        let says_more = self.starts().any(|start| start as u32 * 8 + 1 == bit);
        (1..=bytes * 8).contains(&bit) && !says_more
    }
}

/// How tags and lengths stand before values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// So many of the first parts stand before the first tag.
    pub head: usize,
    /// The tag, of fixed length.
    pub tag: Format,
    /// Length and value: characters or bytes, one byte each.
    pub value: Format,
    /// What is read of tags that are not among the parts.
    pub other: Sub,
}

impl Tagged {
    /// The tag that a text stands for: as many characters as tags have here, or their bytes in hexadecimal.
    pub(super) fn tag_of(&self, text: &str) -> Option<Tag> {
        let units = usize::from(self.tag.max_length());
        if self.tag.class == Class::B {
            let whole = text.len() == units * 2 && text.bytes().all(|c| c.is_ascii_hexdigit());
            return whole.then(|| Tag::from_text(text.to_ascii_uppercase().as_bytes())).flatten();
        }
        let whole = text.len() == units && text.bytes().all(|c| self.tag.class.allows(c));
        whole.then(|| Tag::from_text(text.as_bytes())).flatten()
    }
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sub {
    /// What an address calls it: a word, a tag, the number of its bit.
    pub key: String,
    /// Name in plain English.
    pub name: String,
    /// How it stands there.
    pub format: Format,
    /// What may be shown; never less strict than what holds it.
    pub mask: Mask,
    /// What is inside it in turn.
    pub layout: Option<Arc<Layout>>,
    /// The character that ends it, in the encoding of what holds it.
    pub until: Option<u8>,
    /// The character that stands in its place where it is absent, in the encoding of what holds it.
    pub absent: Option<u8>,
    /// Whether its parts are addressed as if they were parts of what holds it.
    pub inline: bool,
    /// Whether it is absent where a tag stands in its place; for parts before the first tag.
    pub optional: bool,
}

impl Layout {
    /// Its name in the dialect file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the parts are arranged.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The parts that are known by key: in their order, or by tag. Those of a list are its rows'.
    pub fn parts(&self) -> &[Sub] {
        match &self.kind {
            Kind::List(row) => row.layout.as_ref().map_or(&[], |layout| &layout.parts),
            _ => &self.parts,
        }
    }

    /// The strictest mask of everything inside.
    pub fn strictest_mask(&self) -> Mask {
        self.strictest
    }

    /// The part that a piece is, if it is one.
    fn sub(&self, mark: &Mark) -> Option<&Sub> {
        match (mark, &self.kind) {
            (Mark::Part(index), _) => self.parts.get(*index),
            (Mark::Row(_), Kind::List(row)) => Some(row),
            (Mark::Tag(tag), Kind::Tagged(tagged)) => {
                Some(self.tagged(tagged.head, tag).unwrap_or(&tagged.other))
            }
            (Mark::Tag(tag), Kind::BerTlv(other)) => Some(self.tagged(0, tag).unwrap_or(other)),
            _ => None,
        }
    }

    /// The part behind the head that has this tag.
    fn tagged(&self, head: usize, tag: &Tag) -> Option<&Sub> {
        let known = self.parts.get(head..)?;
        let found = known.binary_search_by(|sub| sub.key.as_str().cmp(tag.as_str())).ok()?;
        known.get(found)
    }

    /// What is inside a piece of this layout: the part's own layout, or in a constructed tag more tags.
    fn inside<'l>(&'l self, mark: &Mark, sub: &'l Sub) -> Option<&'l Layout> {
        let constructed =
            matches!(self.kind, Kind::BerTlv(_)) && matches!(mark, Mark::Tag(tag) if tag.is_constructed());
        sub.layout.as_deref().or(constructed.then_some(self))
    }
}

/// Whether parts are read out of the value's characters or bytes, not out of the wire's: two digits a byte have no
/// byte of their own, two characters make one, and the separator of a track has two forms.
pub(super) fn is_decoded(format: &Format) -> bool {
    format.class == Class::Z || format.encoding.bytes(2) != 2
}

/// The encoding that characters have where parts are read.
pub(super) fn encoding_inside(format: &Format) -> Encoding {
    if is_decoded(format) { Encoding::Ascii } else { format.encoding }
}

/// What parts are read from: the value as on the wire, or decoded in the front of `buffer`, whose rest is left there.
fn open<'b>(field: Field<'b>, buffer: &mut &'b mut [u8]) -> Option<&'b [u8]> {
    if !is_decoded(field.format) {
        return Some(field.data);
    }
    let (room, rest) = std::mem::take(buffer).split_at_mut_checked(field.units)?;
    *buffer = rest;
    if field.format.class == Class::B { field.bytes(room) } else { field.text(room) }
}

/// The same in memory of its own.
fn open_owned(field: Field<'_>) -> Option<Cow<'_, [u8]>> {
    if !is_decoded(field.format) {
        return Some(Cow::Borrowed(field.data));
    }
    let mut room = vec![0; field.units];
    let text = field.format.class != Class::B;
    let read = if text { field.text(&mut room) } else { field.bytes(&mut room) };
    read?;
    Some(Cow::Owned(room))
}
