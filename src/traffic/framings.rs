//! Which framing a run of bytes has, by what it cuts out of it: one whose frames a dialect reads, all of them and each to
//! its end, before whatever only cuts well. Knows no network and shows nothing.

use super::capture::framing::{Guess, LOOKED_AT, cut, cut_first, detect, suggested};
use super::capture::message_start;
use crate::wire::{Dialect, Message};
use std::cmp::Reverse;
use std::ops::Deref;

/// A framing for a run, and how far dialects read what it cuts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The framing and how it cuts.
    pub guess: Guess,
    /// Which of the dialects, by its place among them, reads every message to its last byte.
    pub dialect: Option<usize>,
}

impl Reading {
    /// Whether the run is whole frames from its first byte to its last, and all of them are read to their ends.
    pub fn is_whole(&self) -> bool {
        self.dialect.is_some() && self.guess.is_exact()
    }

    /// The same, but for a frame that begins at the run's end, or one that had begun before it.
    pub fn is_read(&self) -> bool {
        self.dialect.is_some() && self.guess.is_clean()
    }
}

/// The framings that give at least one message in `run`, the likeliest first; see [`detect`] for `anywhere`. Framings that
/// the run only suggests, such as a length within a header that nobody knows, are among them where every message is read.
pub fn ranked<D: Deref<Target = Dialect>>(run: &[u8], anywhere: bool, dialects: &[D]) -> Vec<Reading> {
    let read = |guess: Guess| Reading { guess, dialect: who_reads(&guess, run, anywhere, dialects) };
    let mut readings: Vec<Reading> = detect(run, anywhere).into_iter().map(read).collect();
    if !anywhere && !readings.iter().any(Reading::is_whole) {
        readings.extend(suggested(run).into_iter().map(read).filter(Reading::is_read));
    }
    // Stable: of equals the one that cuts better.
    readings.sort_by_key(|reading| {
        // The zero in front of a length is no keep-alive.
        let (whole, read, full) = (reading.is_whole(), reading.is_read(), reading.guess.empty == 0);
        Reverse((whole && full, read && full, whole, read))
    });
    if !readings.first().is_some_and(Reading::is_read) {
        // Not all is right with any: the one that gives most of what is, and tells most bytes what they are.
        readings.sort_by_cached_key(|reading| {
            let count = read_of_the_first(&reading.guess, run, anywhere, dialects);
            Reverse((
                count,
                count > 0 && reading.guess.tiles(),
                Reverse(reading.guess.empty * usize::from(count > 0)),
            ))
        });
    }
    readings
}

/// How many of the first frames the dialect reads that reads most of them.
fn read_of_the_first<D: Deref<Target = Dialect>>(
    guess: &Guess,
    run: &[u8],
    anywhere: bool,
    dialects: &[D],
) -> usize {
    const LOOKED_AT: usize = 16;
    let frames = cut_first(guess.framing, run, anywhere, LOOKED_AT);
    let mut message = Message::new();
    let mut count = |dialect: &Dialect| {
        let first = frames.iter().filter_map(|frame| run.get(frame.clone()));
        first.filter(|frame| reads_behind_header(dialect, frame, &mut message)).count()
    };
    dialects.iter().map(|dialect| count(dialect)).max().unwrap_or(0)
}

fn who_reads<D: Deref<Target = Dialect>>(
    guess: &Guess,
    run: &[u8],
    anywhere: bool,
    dialects: &[D],
) -> Option<usize> {
    if !guess.is_clean() {
        return None;
    }
    let run = run.get(..LOOKED_AT).unwrap_or(run);
    let frames = cut(guess.framing, run, anywhere);
    let mut message = Message::new();
    dialects.iter().position(|dialect| {
        frames.iter().all(|frame| {
            run.get(frame.clone()).is_some_and(|frame| reads_behind_header(dialect, frame, &mut message))
        })
    })
}

/// Whether a dialect reads a message to its last byte, behind the header that it seems to have.
pub fn reads_behind_header(dialect: &Dialect, frame: &[u8], message: &mut Message) -> bool {
    let header = message_start(frame).map_or(0, |start| start.header);
    reads(dialect, frame.get(header..).unwrap_or_default(), message)
}

/// Whether a dialect reads a message to its last byte.
pub fn reads(dialect: &Dialect, frame: &[u8], message: &mut Message) -> bool {
    dialect.parse(frame, message).is_ok() && dialect.view(frame, message).unread().is_empty()
}
