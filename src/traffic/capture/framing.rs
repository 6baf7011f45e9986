//! How a run of bytes is cut into messages, where nobody said so: framings ranked with reasons.
//! Knows no dialect.

use super::notations::{before_tails, behind_unknown, rare_for, usual};
use super::start::{Start, message_start};
use crate::wire::frame::{Cut, Framing, Kind};
use std::fmt;
use std::ops::Range;

/// Longest message that is believed.
pub const MAX_FRAME: usize = 1 << 16;
/// Bytes of a run that are looked at.
pub const LOOKED_AT: usize = 1 << 18;
/// Frames that must follow each other, or reach the run's end, to believe a place in the midst of a run.
const BELIEVED: usize = 2;
/// Frames that do not end with the byte of a mark by chance, all of them.
const MARKED: usize = 4;

/// How one framing cuts a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// The framing.
    pub framing: Framing,
    /// Bytes before the first frame: the rest of one that began before the run.
    pub skipped: usize,
    /// Bytes passed over later, to where frames follow each other again.
    pub lost: usize,
    /// Frames with something in them.
    pub frames: usize,
    /// Frames without: keep-alives.
    pub empty: usize,
    /// Frames that begin like an ISO 8583 message.
    pub messages: usize,
    /// How the first of these begins.
    pub start: Option<Start>,
    /// Bytes of whole frames.
    pub whole: usize,
    /// Bytes behind the last whole frame.
    pub rest: usize,
    /// The framing refuses these.
    pub broken: bool,
    /// The run is longer than what was looked at.
    pub more: bool,
}

impl Guess {
    /// Whether the run is frames from its first byte to its last and all begin like messages.
    pub fn is_exact(&self) -> bool {
        self.is_clean() && self.skipped == 0 && self.rest == 0
    }

    /// Whether nothing contradicts it: all frames begin like messages, and behind the last whole one there is nothing
    /// but the beginning of another, which is not most of the run.
    pub fn is_clean(&self) -> bool {
        let cut = !self.broken && self.lost == 0 && (self.rest <= self.whole || self.more);
        self.messages > 0 && self.messages == self.frames && cut
    }

    /// Whether the run is frames from its first byte to its last, as far as was looked, whatever is in them.
    pub fn tiles(&self) -> bool {
        !self.broken && self.skipped + self.lost == 0 && (self.rest == 0 || self.more)
    }

    /// The greater, the likelier. Of framings that cut alike, the one that says of more bytes what they are: with marks
    /// that every frame has, no message has them at its end.
    fn rank(&self) -> (bool, bool, usize, usize, usize) {
        let share = (self.messages * 1000).checked_div(self.frames).unwrap_or(0);
        let marks = if self.frames >= MARKED { self.framing.marks() } else { 0 };
        (self.is_exact(), self.is_clean(), share, self.messages, marks)
    }
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Guess { framing, frames, messages, empty, .. } = *self;
        write!(f, "{framing}: {messages} of {frames} frames begin like a message")?;
        if let Some(Start { coding, header, .. }) = self.start {
            write!(f, " ({}", coding.name())?;
            if header > 0 {
                write!(f, ", behind a header of {header} bytes")?;
            }
            f.write_str(")")?;
        }
        if empty > 0 {
            write!(f, ", {empty} keep-alives")?;
        }
        if self.skipped > 0 {
            write!(f, ", {} bytes before the first", self.skipped)?;
        }
        if self.lost > 0 {
            write!(f, ", {} bytes passed over", self.lost)?;
        }
        match (self.rest, self.broken, self.more) {
            (0, ..) => f.write_str(", to the last byte"),
            (rest, true, _) => write!(f, ", then {rest} bytes that it cannot cut"),
            (_, _, true) => f.write_str(", as far as was looked"),
            (rest, ..) => write!(f, ", then {rest} bytes of another frame"),
        }
    }
}

/// The framings that give at least one message in `run`, the likeliest first. `anywhere`: the run may begin in the
/// midst of a frame (see [`super::Begins::must_synchronise`]); then only usual framings are tried.
pub fn detect(run: &[u8], anywhere: bool) -> Vec<Guess> {
    let rare = (!anywhere).then(|| rare_for(run).filter(|framing| begins(*framing, run)));
    let mut guesses = guesses(usual().iter().copied().chain(rare.into_iter().flatten()), run, anywhere);
    // Stable: of equals the one that stands first in the table of framings.
    guesses.sort_by_key(|guess| std::cmp::Reverse(guess.rank()));
    guesses
}

/// Framings that `run` itself suggests and nothing else speaks for: a length in or before a header that nobody knows,
/// and bytes behind every message. Each cuts the run into what begins like messages, from its first byte to its last or
/// into another frame; whether they are messages is for who knows a dialect to say.
pub fn suggested(run: &[u8]) -> Vec<Guess> {
    let all = before_tails(run).chain(behind_unknown(run)).filter(|framing| begins(*framing, run));
    let mut guesses = guesses(all, run, false);
    guesses.retain(Guess::is_clean);
    // That a longer beginning of all frames is the same says nothing of what it is: the shortest stands first.
    guesses.sort_by_key(|guess| std::cmp::Reverse((guess.is_exact(), guess.messages)));
    guesses
}

/// How far the framings come with a run that none of them divides into messages, in words: how many were tried, and of
/// the one that comes furthest where it stops and why.
pub fn furthest(run: &[u8]) -> Option<String> {
    let tried = usual().len() + rare_for(run).count();
    let stops = usual().iter().map(|framing| {
        let mut frames = Frames { framing: *framing, run, at: 0, broken: false };
        loop {
            let at = frames.at;
            match frames.next() {
                Some(frame) if frame.is_empty() || message_start(&run[frame.clone()]).is_some() => {}
                Some(_) => return (at, framing, "a frame that does not begin like a message".to_owned()),
                None => {
                    let rest = run.get(at..).unwrap_or_default();
                    let why = framing.next(rest, MAX_FRAME).err().map(|error| error.to_string());
                    return (at, framing, why.unwrap_or_else(|| "a frame that is not whole".to_owned()));
                }
            }
        }
    });
    let (at, framing, why) = stops.reduce(|best, one| if one.0 > best.0 { one } else { best })?;
    Some(format!("tried {tried}; {framing} comes furthest, to byte {at} of {}: {why}", run.len()))
}

/// How they cut the run, those that give a message.
fn guesses(framings: impl Iterator<Item = Framing>, run: &[u8], anywhere: bool) -> Vec<Guess> {
    framings.map(|framing| guess(framing, run, anywhere)).filter(|guess| guess.messages > 0).collect()
}

/// Framings that make one frame of `bytes`, which carries a message; the usual ones first. Where the bytes begin like a
/// message themselves, only the usual ones.
pub fn of_one_frame(bytes: &[u8]) -> Vec<Framing> {
    let one = |framing: &Framing| {
        // That a message ends with the byte of ETX alone says nothing.
        let is_marked = !framing.is_delimited() || bytes.first() == Some(&2);
        is_marked && one_frame(*framing, bytes).and_then(message_start).is_some()
    };
    let usual = usual().iter().copied();
    if message_start(bytes).is_some_and(|start| start.header == 0) {
        return usual.filter(one).collect();
    }
    usual.chain(rare_for(bytes)).filter(one).collect()
}

/// All others that make one frame of `bytes`, and for which little else speaks.
pub fn of_one_frame_perhaps(bytes: &[u8]) -> Vec<Framing> {
    let all = usual().iter().copied().chain(rare_for(bytes)).chain(before_tails(bytes));
    let carries = |framing: &Framing| one_frame(*framing, bytes).and_then(message_start).is_some();
    all.chain(behind_unknown(bytes)).filter(carries).collect()
}

/// Usual lengths that lead from the first of `bytes` exactly to their end, whatever stands between.
pub fn exactly_around(bytes: &[u8]) -> impl Iterator<Item = Framing> + '_ {
    let lengths = usual().iter().copied().filter(|framing| !framing.is_delimited());
    lengths.filter(|framing| one_frame(*framing, bytes).is_some())
}

/// The usual length with which `run` is several frames, from its first byte to its last, none of them empty, and what
/// they carry: that lengths lead to lengths says so, whatever is in the frames.
pub fn tiling(run: &[u8]) -> Option<(Framing, Vec<Range<usize>>)> {
    let lengths = usual().iter().copied().filter(|framing| !framing.is_delimited());
    lengths.into_iter().find_map(|framing| {
        let mut frames = Frames { framing, run, at: 0, broken: false };
        let all: Vec<_> = frames.by_ref().take_while(|frame| !frame.is_empty()).collect();
        (all.len() > 1 && !frames.broken && frames.at == run.len()).then_some((framing, all))
    })
}

/// What the one frame that all of `bytes` are carries.
fn one_frame(framing: Framing, bytes: &[u8]) -> Option<&[u8]> {
    match framing.next(bytes, bytes.len()) {
        Ok(Some(cut)) if cut.next == bytes.len() && cut.kind == Kind::Message => {
            bytes.get(cut.start..cut.end)
        }
        _ => None,
    }
}

/// Whether a usual framing cuts `run` into messages, from its first byte to its last.
pub(super) fn is_exactly_framed(run: &[u8]) -> bool {
    usual().iter().any(|framing| begins(*framing, run) && guess(*framing, run, false).is_exact())
}

/// Whether the first frame that is not empty begins like a message.
fn begins(framing: Framing, run: &[u8]) -> bool {
    /// Keep-alives before it.
    const PASSED: usize = 64;
    let frames = Frames { framing, run, at: 0, broken: false };
    let first = frames.take(PASSED).find(|frame| !frame.is_empty());
    first.is_some_and(|frame| message_start(&run[frame]).is_some())
}

/// How this framing cuts `run`.
pub fn guess(framing: Framing, run: &[u8], anywhere: bool) -> Guess {
    let looked_at = &run[..run.len().min(LOOKED_AT)];
    let mut guess = Guess {
        framing,
        skipped: 0,
        lost: 0,
        frames: 0,
        empty: 0,
        messages: 0,
        start: None,
        whole: 0,
        rest: 0,
        broken: false,
        more: run.len() > looked_at.len(),
    };
    let mut walk = Walk::new(framing, looked_at, anywhere);
    for frame in &mut walk {
        if frame.is_empty() {
            guess.empty += 1;
            continue;
        }
        guess.frames += 1;
        if let Some(start) = message_start(&looked_at[frame]) {
            guess.messages += 1;
            guess.start.get_or_insert(start);
        }
    }
    Guess {
        skipped: walk.skipped,
        lost: walk.lost,
        whole: walk.frames.at.saturating_sub(walk.skipped + walk.lost),
        rest: looked_at.len() - walk.frames.at,
        broken: walk.frames.broken,
        ..guess
    }
}

/// The messages of a run under a framing, as ranges of it, keep-alives left out. Where the bytes cannot be cut, where
/// what is cut is no message, and at the beginning where the run may begin `anywhere`, the next place is looked for
/// from which on frames follow each other that begin like messages.
pub fn cut(framing: Framing, run: &[u8], anywhere: bool) -> Vec<Range<usize>> {
    cut_first(framing, run, anywhere, usize::MAX)
}

/// The first so many of [`cut`].
pub fn cut_first(framing: Framing, run: &[u8], anywhere: bool, count: usize) -> Vec<Range<usize>> {
    Walk::new(framing, run, anywhere).filter(|frame| !frame.is_empty()).take(count).collect()
}

/// Frames of a run, with new beginnings where it is damaged.
struct Walk<'a> {
    frames: Frames<'a>,
    skipped: usize,
    lost: usize,
    /// Up to where no place to begin anew is.
    searched: usize,
}

impl<'a> Walk<'a> {
    fn new(framing: Framing, run: &'a [u8], anywhere: bool) -> Walk<'a> {
        let mut frames = Frames { framing, run, at: 0, broken: false };
        if anywhere {
            // Where nothing is certain, one message before an unfinished frame will do.
            let first =
                frames.synchronise(0..run.len(), true).or_else(|| frames.synchronise(0..run.len(), false));
            frames.at = first.unwrap_or(run.len());
        }
        Walk { skipped: frames.at, frames, lost: 0, searched: 0 }
    }
}

impl Walk<'_> {
    /// Whether messages follow behind the last frame, or the run ends there.
    fn leads_on(&self) -> bool {
        let at = self.frames.at;
        at == self.frames.run.len() || self.frames.synchronise(at..at + 1, true).is_some()
    }
}

impl Iterator for Walk<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let before = self.frames.at;
        let frame = self.frames.next();
        let end = match &frame {
            Some(frame) if frame.is_empty() => return Some(frame.clone()),
            Some(frame) if message_start(&self.frames.run[frame.clone()]).is_some() => {
                return Some(frame.clone());
            }
            // No message, but behind it others: its length is one.
            Some(_) if self.leads_on() => return frame,
            // No message: its length may be no length.
            Some(_) => self.frames.at,
            None => self.frames.run.len(),
        };
        let from = self.searched.max(before + 1);
        if let Some(anew) = self.frames.synchronise(from.min(end)..end, true) {
            self.lost += anew - before;
            (self.frames.at, self.frames.broken) = (anew, false);
            return self.frames.next();
        }
        // What was searched once need not be searched again: that would cost a square.
        self.searched = self.searched.max(end);
        frame
    }
}

/// Frames one after the other, to the first that is not whole or cannot be.
struct Frames<'a> {
    framing: Framing,
    run: &'a [u8],
    /// One past the last frame.
    at: usize,
    broken: bool,
}

impl Frames<'_> {
    /// The first place within `places` from which on frames follow each other that begin like messages, certain: at
    /// least [`BELIEVED`], or to the very end; else one at least, and nothing wrong behind it.
    fn synchronise(&self, mut places: Range<usize>, certain: bool) -> Option<usize> {
        places.find(|start| {
            let mut frames = Frames { framing: self.framing, run: self.run, at: *start, broken: false };
            let mut messages = 0;
            while messages < BELIEVED {
                let Some(frame) = frames.next() else { break };
                if message_start(&self.run[frame]).is_none() {
                    return false;
                }
                messages += 1;
            }
            let reaches_end = frames.at == self.run.len();
            messages == BELIEVED || messages > 0 && (reaches_end || !certain && !frames.broken)
        })
    }
}

impl Iterator for Frames<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.run.get(self.at..).unwrap_or_default();
        if self.broken || rest.is_empty() {
            return None;
        }
        match self.framing.next(rest, MAX_FRAME) {
            // What consumes nothing would never end.
            Ok(Some(Cut { start, end, next, kind, .. }))
                if next > 0 && start <= end && next <= rest.len() =>
            {
                let frame = if kind == Kind::Message { start..end } else { end..end };
                let frame = self.at + frame.start..self.at + frame.end;
                self.at += next;
                Some(frame)
            }
            Ok(None) => None,
            Ok(Some(_)) | Err(_) => {
                self.broken = true;
                None
            }
        }
    }
}
