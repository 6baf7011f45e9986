//! One level of parts, piece by piece: where each begins and ends, and where what it is becomes unknown. Every byte
//! is in exactly one piece. Knows no level but its own.

use super::super::error::Reason;
use super::super::field::Length;
use super::super::message::Span;
use super::super::strict::{check_content, measure};
use super::super::tlv::Tlvs;
use super::super::value::Field;
use super::key::Tag;
use super::reason::{PartReason, of_tlv};
use super::{BitMaps, Kind, Layout, Sub, Tagged};
use std::ops::Range;

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A part by its index.
    Part(usize),
    Tag(Tag),
    /// Counted from 1.
    Row(u16),
    Bitmap,
    Padding,
    Rest,
}

/// A reason and the offset it holds for.
pub(super) type Wrong = (usize, PartReason);

/// A piece of one level; offsets are those of what the level is read from.
pub(super) struct Cut {
    pub mark: Mark,
    /// With tag, length or separator.
    pub whole: Range<usize>,
    /// What the part's format, with a length of its own if it has one, must fill exactly.
    pub inner: Range<usize>,
    /// A character says that the part is absent.
    pub absent: bool,
    /// Why this is the last piece although more may have been meant.
    pub wrong: Option<Wrong>,
}

impl Cut {
    /// The part's value and where it begins.
    pub fn field<'a>(&self, sub: &'a Sub, data: &'a [u8]) -> Result<(usize, Field<'a>), Wrong> {
        let format = &sub.format;
        if self.absent {
            return Ok((self.inner.start, Field { format, data: &[], units: 0 }));
        }
        let within = data.get(..self.inner.end).unwrap_or(data);
        let span = measure(format, within, self.inner.start).map_err(reasoned)?;
        if span.end != self.inner.end {
            let (expected, found) = ((span.end - span.start) as u32, self.inner.len() as u32);
            return Err((span.end, PartReason::Length { expected, found }));
        }
        Ok((
            span.data,
            Field { format, data: within.get(span.data..).unwrap_or_default(), units: span.units },
        ))
    }

    /// The first wrong character of a value that [`Cut::field`] found at `start`.
    pub fn check(&self, field: Field<'_>, start: usize) -> Result<(), Wrong> {
        let span = Span { start: 0, data: 0, end: field.data.len(), units: field.units };
        let checked = if self.absent { Ok(()) } else { check_content(field.format, field.data, span) };
        checked.map_err(|(at, reason)| (start + at, reason.into()))
    }
}

fn reasoned((at, reason): (usize, Reason)) -> Wrong {
    (at, reason.into())
}

/// The walk over one level.
pub(super) struct Cutter<'a> {
    layout: &'a Layout,
    data: &'a [u8],
    at: usize,
    /// Parts or rows seen.
    count: usize,
    /// The bits still to come, the next one first; `None` before the bit map.
    bits: Option<u128>,
    done: bool,
}

impl<'a> Cutter<'a> {
    pub fn new(layout: &'a Layout, data: &'a [u8]) -> Cutter<'a> {
        Cutter { layout, data, at: 0, count: 0, bits: None, done: false }
    }

    fn found(&mut self, mark: Mark, inner: Range<usize>, end: usize) -> Cut {
        let whole = self.at..end;
        self.at = end;
        Cut { mark, whole, inner, absent: false, wrong: None }
    }

    /// The last piece: all that is left.
    fn failed(&mut self, mark: Mark, wrong: Wrong) -> Cut {
        self.done = true;
        let left = self.at..self.data.len();
        Cut { wrong: Some(wrong), ..self.found(mark, left.clone(), left.end) }
    }

    fn behind(&mut self) -> Cut {
        let reason = PartReason::Behind((self.data.len() - self.at) as u32);
        self.failed(Mark::Rest, (self.at, reason))
    }

    /// The part of this index, which is here by its position.
    fn part(&mut self, index: usize) -> Cut {
        let at = self.at;
        let Some(sub) = self.layout.parts.get(index) else { return self.behind() };
        let left = self.data.get(at..).unwrap_or_default();
        if sub.absent.is_some() && left.first() == sub.absent.as_ref() {
            return Cut { absent: true, ..self.found(Mark::Part(index), at..at, at + 1) };
        }
        if let Some(until) = sub.until {
            return match left.iter().position(|byte| *byte == until) {
                Some(length) => self.found(Mark::Part(index), at..at + length, at + length + 1),
                None => {
                    let separator = char::from(sub.format.encoding.character(until));
                    self.failed(Mark::Part(index), (self.data.len(), PartReason::Separator(separator)))
                }
            };
        }
        match measure(&sub.format, self.data, at) {
            Ok(span) => self.found(Mark::Part(index), at..span.end, span.end),
            // A last part that is too long has a place nevertheless.
            Err(_) if matches!(sub.format.length, Length::Rest { .. }) => {
                let end = self.data.len();
                self.found(Mark::Part(index), at..end, end)
            }
            Err(wrong) => self.failed(Mark::Part(index), reasoned(wrong)),
        }
    }

    /// A value that ends where a part would begin has that part and those behind it absent.
    fn positional(&mut self) -> Option<Cut> {
        if self.at == self.data.len() {
            return None;
        }
        self.count += 1;
        Some(self.part(self.count - 1))
    }

    fn row(&mut self, row: &'a Sub) -> Option<Cut> {
        if self.at == self.data.len() {
            return None;
        }
        self.count += 1;
        let mark = Mark::Row(self.count.min(usize::from(u16::MAX)) as u16);
        let Some(layout) = row.layout.as_deref() else { return Some(self.behind()) };
        let mut inner = Cutter { at: self.at, ..Cutter::new(layout, self.data) };
        for index in 0..layout.parts.len() {
            if inner.at == self.data.len() {
                return Some(self.failed(mark, (inner.at, PartReason::Row)));
            }
            // What is wrong with a part is said where the row is taken apart.
            if inner.part(index).wrong.is_some() {
                break;
            }
        }
        Some(self.found(mark, self.at..inner.at, inner.at))
    }

    /// The bit maps as one piece; what they announce is still to come.
    fn bit_maps(&mut self, maps: &'a BitMaps) -> Cut {
        let (mut room, mut read, mut end) = ([0; BitMaps::MOST], 0, self.at);
        let mut map = &maps.first;
        loop {
            let found = measure(map, self.data, end).and_then(|span| {
                check_content(map, self.data, span)?;
                Ok((
                    span.end,
                    Field { format: map, data: &self.data[span.data..span.end], units: span.units },
                ))
            });
            let (behind, field) = match found {
                Ok(found) => found,
                Err(wrong) => return self.failed(Mark::Bitmap, reasoned(wrong)),
            };
            let Some(bytes) = room.get_mut(read..read + field.units) else {
                return self.failed(Mark::Bitmap, (end, PartReason::BitMaps(BitMaps::MOST)));
            };
            let _ = field.bytes(bytes);
            (read, end) = (read + field.units, behind);
            map = match (&maps.more, bytes.first_mut()) {
                (Some(more), Some(first)) if *first & 0x80 != 0 => {
                    *first &= 0x7F;
                    more
                }
                _ => break,
            };
        }
        self.bits = Some(u128::from_be_bytes(room));
        self.found(Mark::Bitmap, self.at..end, end)
    }

    fn bit(&mut self, maps: &'a BitMaps) -> Option<Cut> {
        let Some(bits) = self.bits else { return Some(self.bit_maps(maps)) };
        if bits == 0 {
            return if self.at < self.data.len() { Some(self.behind()) } else { None };
        }
        let number = bits.leading_zeros() + 1;
        self.bits = Some(bits & !(1 << (128 - number)));
        let known = |sub: &Sub| sub.key.parse() == Ok(number);
        Some(match self.layout.parts.iter().position(known) {
            Some(index) => self.part(index),
            None => self.failed(Mark::Rest, (self.at, PartReason::Bit(number as u16))),
        })
    }

    fn tag(&mut self, tagged: &'a Tagged) -> Option<Cut> {
        if self.at == self.data.len() {
            return None;
        }
        while self.count < tagged.head {
            self.count += 1;
            let is_optional = self.layout.parts.get(self.count - 1).is_some_and(|sub| sub.optional);
            if !(is_optional && self.begins_with_tag(tagged)) {
                return Some(self.part(self.count - 1));
            }
        }
        let read = measure(&tagged.tag, self.data, self.at).and_then(|span| {
            check_content(&tagged.tag, self.data, span)?;
            Ok(span)
        });
        let span = match read {
            Ok(span) => span,
            Err(wrong) => return Some(self.failed(Mark::Rest, reasoned(wrong))),
        };
        let data = &self.data[span.data..span.end];
        let Some(tag) = read_tag(Field { format: &tagged.tag, data, units: span.units }) else {
            return Some(self.failed(Mark::Rest, (self.at, PartReason::Tag)));
        };
        Some(match measure(&tagged.value, self.data, span.end) {
            Ok(value) => self.found(Mark::Tag(tag), value.data..value.end, value.end),
            Err(wrong) => self.failed(Mark::Tag(tag), reasoned(wrong)),
        })
    }

    /// Whether a tag with its length and value stands here.
    fn begins_with_tag(&self, tagged: &Tagged) -> bool {
        let tag = measure(&tagged.tag, self.data, self.at).and_then(|span| {
            check_content(&tagged.tag, self.data, span)?;
            measure(&tagged.value, self.data, span.end)
        });
        tag.is_ok()
    }

    fn element(&mut self) -> Option<Cut> {
        let at = self.at;
        let left = self.data.get(at..).unwrap_or_default();
        let padding = left.iter().take_while(|byte| matches!(byte, 0x00 | 0xFF)).count();
        if padding > 0 {
            return Some(self.found(Mark::Padding, at..at + padding, at + padding));
        }
        Some(match Tlvs::new(left).next()? {
            Ok(tlv) => {
                let end = at + tlv.length;
                self.found(Mark::Tag(Tag::from_number(tlv.tag)), end - tlv.value.len()..end, end)
            }
            Err(error) => {
                let (offset, reason) = of_tlv(error);
                self.failed(Mark::Rest, (at + offset, reason))
            }
        })
    }
}

fn read_tag(field: Field<'_>) -> Option<Tag> {
    let mut room = [0; Tag::MOST];
    field
        .bytes(&mut room)
        .and_then(Tag::from_bytes)
        .or_else(|| field.text(&mut room).and_then(Tag::from_text))
}

impl Iterator for Cutter<'_> {
    type Item = Cut;

    fn next(&mut self) -> Option<Cut> {
        if self.done {
            return None;
        }
        match &self.layout.kind {
            Kind::Positional => self.positional(),
            Kind::List(row) => self.row(row),
            Kind::Bitmap(map) => self.bit(map),
            Kind::Tagged(tagged) => self.tag(tagged),
            Kind::BerTlv(_) => self.element(),
        }
    }
}
