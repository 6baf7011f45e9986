//! The tree of parts inside a field, for those who show messages: every byte in a node, errors where they are, on
//! beyond them where the structure allows. Knows no meaning.

use super::super::field::{Format, Mask};
use super::super::message::View;
use super::super::value::Field;
use super::cut::{Cut, Cutter, Mark, Wrong};
use super::reason::PartReason;
use super::{DEEPEST, Key, Layout, is_decoded, open_owned};
use std::ops::Range;

/// One part of a field, or bytes that are none.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// 1 for what is directly inside the field; a node's own parts follow it, one deeper.
    pub depth: usize,
    /// What an address calls it.
    pub key: Key<'a>,
    /// In plain English; empty where the dialect has no name for it.
    pub name: &'a str,
    /// The bytes of the message that it takes, with its tag, length or separator. Where it begins or ends within a byte,
    /// that byte is among them.
    pub whole: Range<usize>,
    /// The bytes of the message that its value takes, in the same manner.
    pub value: Range<usize>,
    /// The value, where it is as its format says. Has no units where a character says that the part is absent.
    pub field: Option<Field<'a>>,
    /// What may be shown: the strictest of its own mask and of those it is inside of. Of what is wrong or fits nothing
    /// no more than of the most secret part that it may be.
    pub mask: Mask,
    /// What is wrong with it: bytes from the start of the message, and the reason. Not what is wrong with its parts.
    pub wrong: Option<(usize, PartReason)>,
}

impl View<'_> {
    /// Goes over the parts inside a data element, each before the parts inside it. Together the nodes of depth 1 are
    /// every byte of its value, in order. None of a field that is absent or has no layout.
    ///
    /// Stops at most eight deep, with [`PartReason::Deep`] for what is deeper. Allocates.
    pub fn walk_parts(self, de: u8, visit: &mut dyn FnMut(&Node<'_>)) {
        let (Some(info), Some(field)) = (self.dialect().field(de), self.field(de)) else { return };
        let (Some(layout), Some(start)) = (info.layout.as_deref(), self.offset(de)) else { return };
        let data_at = start + info.format.prefix_bytes();
        let place = Place::of(&info.format, field.units, data_at * 2, 2);
        let mut walk = Walk { visit };
        walk.level(layout, field, Level { place, depth: 1, mask: info.mask });
    }
}

/// How offsets of what parts are read from become offsets in the message: in half bytes, since packed digits take one.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    /// Half bytes of the message that each byte takes.
    each: usize,
}

impl Place {
    /// Inside a value of this format that begins at a half byte, in whose surroundings a byte takes `each`.
    fn of(format: &Format, units: usize, start: usize, each: usize) -> Place {
        if !is_decoded(format) {
            return Place { start, each };
        }
        let own = format.encoding.bytes(2);
        let padded = own == 1 && units % 2 == 1 && format.pad.side == super::super::field::Side::Left;
        let each = (each * own).div_ceil(2);
        Place { start: start + if padded { each } else { 0 }, each }
    }

    fn half(self, at: usize) -> usize {
        self.start + at * self.each
    }

    /// Whole bytes of the message.
    fn bytes(self, range: &Range<usize>) -> Range<usize> {
        let (start, end) = (self.half(range.start) / 2, self.half(range.end).div_ceil(2));
        start..end.max(start)
    }
}

#[derive(Clone, Copy)]
struct Level {
    place: Place,
    depth: usize,
    mask: Mask,
}

struct Walk<'v> {
    visit: &'v mut dyn FnMut(&Node<'_>),
}

impl Walk<'_> {
    /// The parts of a value, which hold each other at most [`DEEPEST`] deep.
    fn level(&mut self, layout: &Layout, field: Field<'_>, level: Level) {
        let Some(data) = open_owned(field) else { return };
        for cut in Cutter::new(layout, &data) {
            self.piece(layout, &data, &cut, level);
        }
    }

    fn piece(&mut self, layout: &Layout, data: &[u8], cut: &Cut, level: Level) {
        let sub = layout.sub(&cut.mark);
        let inside = sub.and_then(|sub| layout.inside(&cut.mark, sub));
        let read = match (sub, cut.wrong) {
            // Of a row that is not whole, the parts that are there are to be seen.
            (Some(sub), None | Some((_, PartReason::Row))) => cut.field(sub, data).map(Some),
            (_, Some(wrong)) => Err(wrong),
            (None, None) => Ok(None),
        };
        let (found, unread) = match read {
            Ok(Some((start, _))) if inside.is_some() && level.depth == DEEPEST => {
                (None, Some((start, PartReason::Deep(DEEPEST))))
            }
            Ok(found) => (found, None),
            Err(wrong) => (None, Some(wrong)),
        };
        let unclean = found.and_then(|(start, field)| cut.check(field, start).err());
        let own = sub.map_or(Mask::Open, |sub| sub.mask);
        let unsure =
            if cut.wrong.is_some() || cut.mark == Mark::Rest { layout.strictest_mask() } else { own };
        let within = inside.filter(|_| unread.is_some()).map_or(own, Layout::strictest_mask);
        let mask = level.mask.max(own).max(unsure).max(within);
        let start = found.map_or(cut.inner.start, |(start, _)| start);
        let value = start..cut.inner.end.max(start);
        let in_message = |(at, reason): Wrong| (level.place.half(at) / 2, reason);
        (self.visit)(&Node {
            depth: level.depth,
            key: key(layout, cut.mark),
            name: sub.map_or("", |sub| &sub.name),
            whole: level.place.bytes(&cut.whole),
            value: level.place.bytes(&value),
            field: found.map(|(_, field)| field).filter(|_| unclean.is_none()),
            mask,
            wrong: unread.or(unclean).or(cut.wrong).map(in_message),
        });
        if let (Some(inside), Some((start, field))) = (inside, found)
            && !cut.absent
        {
            let place = Place::of(field.format, field.units, level.place.half(start), level.place.each);
            self.level(inside, field, Level { place, depth: level.depth + 1, mask });
        }
    }
}

fn key(layout: &Layout, mark: Mark) -> Key<'_> {
    match mark {
        Mark::Part(index) => layout.parts.get(index).map_or(Key::Rest, |sub| Key::Part(&sub.key)),
        Mark::Tag(tag) => Key::Tag(tag),
        Mark::Row(number) => Key::Row(number),
        Mark::Bitmap => Key::Bitmap,
        Mark::Padding => Key::Padding,
        Mark::Rest => Key::Rest,
    }
}
