//! Which message of a trace repeats, reverses or completes which, and what each is called in tables. Must not know
//! frames, clocks and sockets.

use super::score::Note;
use super::trace::Field;
use crate::wire::{Mti, View};
use std::collections::HashMap;
use std::ops::Range;

/// Finds which message of a trace repeats, reverses or completes which, from their own fields: the trace names
/// nothing twice.
#[derive(Default)]
pub(super) struct Relations {
    /// (link, answer's MTI, STAN, DE7, DE32, PAN) of each message to the first that had it.
    keys: HashMap<[u64; 6], u32>,
    /// (link, answer's MTI, STAN, DE7, DE32) of each message: what DE90 can name.
    named: HashMap<[u64; 5], u32>,
    /// Messages with a DE90, and what it names; resolved at the end, since the original may come later.
    references: Vec<(u32, [u64; 5])>,
}

impl Relations {
    /// Remembers a message; answers whose key it carries, its own number if it has none before it.
    pub(super) fn note(&mut self, index: u32, link: u64, view: View<'_>) -> u32 {
        let number = |de| view.number(de).unwrap_or(0);
        let answer = u64::from(view.mti().response().bcd());
        let mut digits = [0; 42];
        if let Some(original) = view.digits(90, &mut digits).filter(|digits| digits.len() == 42) {
            let part = |range: Range<usize>| {
                original[range].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit & 15))
            };
            let mti = original[..4].iter().fold(0, |bcd, digit| bcd << 4 | u16::from(digit & 15));
            let named = Mti::new(mti).map_or(0, |mti| u64::from(mti.response().bcd()));
            // Parts that the sender does not know are zeros; the acquirer is then its own.
            let acquirer = Some(part(20..31)).filter(|&known| known > 0).unwrap_or_else(|| number(32));
            self.references.push((index, [link, named, part(4..10), part(10..20), acquirer]));
        }
        self.named.entry([link, answer, number(11), number(7), number(32)]).or_insert(index);
        let key = [link, answer, number(11), number(7), number(32), number(2)];
        // Without DE7 a STAN that came round again would look like a repeat.
        if !view.has(7) && !view.mti().is_repeat() {
            return index;
        }
        *self.keys.entry(key).or_insert(index)
    }

    /// Writes the relations into the notes.
    pub(super) fn tie(self, notes: &mut [Note]) {
        for (index, named) in self.references {
            let Some(&original) = self.named.get(&named).filter(|&&original| original != index) else {
                continue;
            };
            notes[index as usize].original = Some(original);
            notes[index as usize].life = notes[original as usize].life;
        }
        for index in 0..notes.len() {
            let note = &notes[index];
            let chain = note.chain.min(notes[note.key as usize].chain);
            let chain = note.original.map_or(chain, |original| chain.min(notes[original as usize].chain));
            let (key, original) = (note.key as usize, note.original);
            notes[index].chain = chain;
            // A reversal ahead of its original takes that one into its own chain.
            notes[key].chain = notes[key].chain.min(chain);
            if let Some(original) = original {
                notes[original as usize].chain = notes[original as usize].chain.min(chain);
            }
        }
    }
}

/// `0200 cash`: the message type and what it is about.
pub(super) fn kind_name(mti: Mti, fields: &[Field]) -> String {
    let text = |de: u8| fields.iter().find(|field| field.0 == de).map(|field| field.1.as_str());
    let number = |de: u8| text(de).and_then(|text| text.parse::<u64>().ok());
    let asked = match text(3).and_then(|code| code.get(..2)) {
        Some("30" | "31") => "balance inquiry",
        Some("01" | "12" | "17") => "cash",
        Some(code) if code.starts_with('2') => "refund",
        Some("00" | "09") => match (number(4), number(25)) {
            (Some(0) | None, _) => "verification",
            (_, Some(6)) => "pre-authorization",
            _ => "purchase",
        },
        Some(_) => "other",
        None => "",
    };
    let about = match (mti.class(), mti.function()) {
        (4, _) if text(95).is_some() => "partial reversal",
        (4, _) => "reversal",
        (2, 2) => "completion",
        (8, _) => match number(70) {
            Some(1) => "sign-on",
            Some(2) => "sign-off",
            Some(301) => "echo test",
            _ => "network management",
        },
        _ => asked,
    };
    format!("{mti} {about}").trim_end().to_owned()
}
