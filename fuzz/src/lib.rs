//! What the fuzz targets share: how an input's bytes become choices, dialects, messages; and the checks that hold for
//! every message in every dialect.

#![allow(clippy::unwrap_used)]

pub mod compose;
pub mod message;
pub mod walk;

#[path = "../../tests/compositions/toml.rs"]
mod composed;

use authswitch::wire::Dialect;
use composed::{BYTES, Choice, DIGITS, FLAGS, LENGTHS, PADS, TEXT};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// An input that is read from its front; behind its end come zeros.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// A number below `end`, which is over 0.
    pub fn below(&mut self, end: usize) -> usize {
        let number = if end > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (number + usize::from(self.byte())) % end
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// So many bytes, or what is left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All up to a byte, which is passed over.
    pub fn until(&mut self, end: u8) -> &'a [u8] {
        let length = self.0.iter().position(|byte| *byte == end).unwrap_or(self.0.len());
        let taken = self.take(length);
        self.take(1);
        taken
    }

    pub fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// The dialect that the first line names. A line that names none composes one.
    pub fn dialect(&mut self) -> Arc<Dialect> {
        let line = self.until(b'\n');
        let named = std::str::from_utf8(line).ok().and_then(Dialect::builtin);
        named.unwrap_or_else(|| composed(&line[..line.len().min(12)]))
    }
}

/// Dialects that are kept: compiling one takes longer than all that is done with it.
const KEPT: usize = 200;

fn composed(choices: &[u8]) -> Arc<Dialect> {
    thread_local!(static ALL: RefCell<HashMap<Vec<u8>, Arc<Dialect>>> = RefCell::default());
    ALL.with_borrow_mut(|all| {
        if let Some(known) = all.get(choices) {
            return known.clone();
        }
        if all.len() == KEPT {
            all.clear();
        }
        let toml = choice(&mut Input(choices)).toml();
        let dialect = Dialect::from_toml(&toml, "composed.toml");
        let dialect = Arc::new(dialect.unwrap_or_else(|error| panic!("{error}\n{toml}")));
        all.insert(choices.to_vec(), dialect.clone());
        dialect
    })
}

fn choice(input: &mut Input<'_>) -> Choice {
    let flags = input.byte();
    let accept = input.byte();
    // Three of four accept nothing wrong.
    let accept = if accept & 3 == 0 { accept >> 2 } else { 0 };
    Choice {
        digits: input.pick(&DIGITS),
        mti: input.pick(&DIGITS),
        bitmap: input.pick(&BYTES),
        length: input.pick(&LENGTHS),
        text: input.pick(&TEXT),
        bytes: input.pick(&BYTES),
        pads: (input.pick(&PADS), input.pick(&PADS)),
        counts_wire: flags & 1 != 0,
        inclusive: flags & 2 != 0,
        fixed_bitmaps: flags & 4 != 0,
        third_bitmap: flags & 8 != 0,
        accept: FLAGS
            .into_iter()
            .enumerate()
            .filter(|(i, _)| accept >> i & 1 == 1)
            .map(|(_, flag)| flag)
            .collect(),
    }
}
