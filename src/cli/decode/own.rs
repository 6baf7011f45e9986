//! The card numbers that a message tells where they belong, to be hidden wherever else they stand, and the places that have
//! a mask of their own. Hides nothing itself.

use super::parts::parts;
use super::words::{card_number, exact};
use crate::traffic::numbers::Numbers;
use crate::wire::{Mask, View};
use std::ops::Range;

/// The card numbers that the message's elements for them tell, tracks and tags among them.
pub(super) fn numbers(view: View<'_>) -> Numbers {
    let mut numbers = Numbers::default();
    for info in view.bitmap().into_iter().filter_map(|de| view.dialect().field(de)) {
        let value = view.field(info.de).map_or_else(String::new, exact);
        let parts = if info.layout.is_some() { parts(view, info) } else { Vec::new() };
        let tags = parts.iter().filter(|part| part.tag.is_some());
        let in_tags = tags.filter_map(|part| card_number(info.de, part.tag.as_deref(), &part.exact));
        card_number(info.de, None, &value).into_iter().chain(in_tags).for_each(|number| numbers.add(number));
    }
    numbers
}

/// The places of data elements and parts that have a mask of their own.
pub(super) fn masked(view: View<'_>, found: &mut dyn FnMut(Range<usize>)) {
    for info in view.bitmap().into_iter().filter_map(|de| view.dialect().field(de)) {
        let start = view.offset(info.de).unwrap_or(0);
        if info.mask != Mask::Open {
            found(start..start + view.raw(info.de).map_or(0, <[u8]>::len));
        } else if info.layout.is_some() {
            let parts = parts(view, info).into_iter().filter(|part| part.mask != Mask::Open);
            parts.for_each(|part| found(part.value));
        }
    }
}
