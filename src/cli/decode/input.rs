//! Where messages come from: an argument, a file of any kind, standard input. Yields each with its place and time, those
//! of a connection in the order in which they were sent. Knows dialects only to tell which framing gives what they read.

use super::lead::{self, Lead};
use super::rank::Ranker;
use crate::traffic::capture::framing::{Guess, cut, furthest, tiling};
use crate::traffic::capture::{
    Anomaly, Begins, Capture, Logged, Options, Origin, Piece, message_start, other_protocol,
};
use crate::wire::frame::Framing;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor};
use std::ops::Range;
use std::path::Path;

/// Bytes that are one message, with or without what stands before it.
pub(super) struct Found<'a> {
    pub bytes: &'a [u8],
    /// How the bytes may be divided; never empty.
    pub leads: Vec<Lead>,
    /// Nobody said how, and no stream they are part of: they may be divided otherwise, too.
    pub is_open: bool,
    /// What the bytes are if the line is no hexadecimal but the message.
    pub as_text: Option<&'a [u8]>,
    /// The message by its fields, where a log tells it so; then there are no bytes.
    pub logged: Option<&'a Logged>,
    /// Where they come from, in words.
    pub origin: Option<String>,
    pub at_us: Option<u64>,
    /// The connection; its messages are in one dialect.
    pub flow: Option<u32>,
}

/// An input that is open.
pub(super) enum Input {
    /// One message.
    Argument(Vec<u8>),
    Capture(Box<Capture<'static>>),
}

/// What is worth saying about an input, never its content.
#[derive(Default)]
pub(super) struct Remarks {
    pub lines: Vec<String>,
    /// Something that should be a message is none.
    pub is_incomplete: bool,
}

/// Why nothing more is read.
pub(super) enum Trouble {
    /// Nobody reads the output any more.
    Closed,
    /// In words, without a name.
    Unreadable(String),
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Trouble {
        Trouble::Closed
    }
}

impl<'a> Found<'a> {
    /// Bytes of which nothing else is known.
    pub fn of(bytes: &'a [u8]) -> Found<'a> {
        Found {
            bytes,
            leads: vec![Lead::NONE],
            is_open: false,
            as_text: None,
            logged: None,
            origin: None,
            at_us: None,
            flow: None,
        }
    }
}

impl Input {
    /// Hexadecimal, a file's name, or `-` for standard input.
    ///
    /// # Errors
    /// A file that cannot be opened; a text that is neither a file's name nor has hexadecimal in it.
    pub fn open(text: &str) -> Result<Input, String> {
        let capture = |input: Box<dyn BufRead>, one_a_line| {
            let options = Options { one_a_line, timed: false };
            Capture::open(input, options).map(|capture| Input::Capture(Box::new(capture)))
        };
        if text == "-" {
            let input = Box::new(BufReader::new(io::stdin()));
            return capture(input, true).map_err(|error| format!("standard input: {error}"));
        }
        if Path::new(text).is_file() {
            let file = File::open(text).map_err(|error| format!("{text}: {error}"))?;
            return capture(Box::new(BufReader::new(file)), false)
                .map_err(|error| format!("{text}: {error}"));
        }
        let reason = match unhex(text) {
            Ok(bytes) => return Ok(Input::Argument(bytes)),
            Err(reason) => reason,
        };
        // Perhaps a line of a log.
        let search = Capture::open(Cursor::new(text.to_owned()), Options::default());
        let found = search.and_then(|mut search| search.next_piece()).ok().flatten();
        match found {
            Some(piece) if piece.logged.is_some() => {
                capture(Box::new(Cursor::new(text.to_owned())), true).map_err(|error| error.to_string())
            }
            Some(piece) => Ok(Input::Argument(piece.bytes)),
            None => Err(format!("expected hexadecimal, or a file that exists: {reason}")),
        }
    }

    /// Goes over the messages; the ranker says which framing is likely where it is not known.
    ///
    /// # Errors
    /// The input cannot be read any further, or `each` fails.
    pub fn read(
        &mut self,
        framing: Option<Framing>,
        ranker: &Ranker,
        each: &mut dyn FnMut(Found<'_>) -> io::Result<()>,
    ) -> Result<Remarks, Trouble> {
        let how = How { framing, ranker };
        let capture = match self {
            Input::Argument(bytes) => {
                how.argument(bytes, each)?;
                return Ok(Remarks::default());
            }
            Input::Capture(capture) => capture,
        };
        let mut remarks = Remarks::default();
        let mut connection: Vec<Piece> = Vec::new();
        loop {
            let piece = capture.next_piece().map_err(|error| Trouble::Unreadable(error.to_string()))?;
            let number = piece.as_ref().and_then(flow);
            if connection.first().is_some_and(|first| flow(first) != number) {
                how.send(&std::mem::take(&mut connection), &mut remarks, each)?;
            }
            match piece {
                None => break,
                Some(piece) if number.is_some() => connection.push(piece),
                Some(piece) => how.send(&[piece], &mut remarks, each)?,
            }
        }
        let found = capture.remarks();
        remarks.is_incomplete |= found.count(Anomaly::OddDigits) + found.count(Anomaly::UnreadableLog) > 0;
        remarks.lines.extend(found.kept().iter().map(ToString::to_string));
        if found.left_out() > 0 {
            remarks.lines.push(format!("... and {} more such remarks", found.left_out()));
        }
        Ok(remarks)
    }
}

fn flow(piece: &Piece) -> Option<u32> {
    match piece.origin {
        Origin::Flow(flow, _) => Some(flow.number),
        _ => None,
    }
}

/// How pieces are divided into messages.
struct How<'h> {
    /// As somebody said.
    framing: Option<Framing>,
    /// Knows what messages may be in.
    ranker: &'h Ranker,
}

impl How<'_> {
    /// One message, or several that one framing divides wholly.
    fn argument(&self, bytes: &[u8], each: &mut dyn FnMut(Found<'_>) -> io::Result<()>) -> io::Result<()> {
        let Some((framing, cuts)) = self.divided(bytes, true) else {
            let leads = lead::leads(bytes, self.framing);
            return each(Found { leads, is_open: self.framing.is_none(), ..Found::of(bytes) });
        };
        for cut in cuts {
            let bytes = bytes.get(with_header(framing, &cut)).unwrap_or_default();
            each(Found { leads: lead::streamed(bytes, framing), ..Found::of(bytes) })?;
        }
        Ok(())
    }

    /// The messages of one piece, or of all pieces of a connection.
    fn send(
        &self,
        pieces: &[Piece],
        remarks: &mut Remarks,
        each: &mut dyn FnMut(Found<'_>) -> io::Result<()>,
    ) -> Result<(), Trouble> {
        let mut all = Vec::new();
        // The other direction, and what follows a gap, is framed the same way.
        let mut known = self.framing;
        for piece in pieces {
            let in_stream = flow(piece).is_some();
            if piece.logged.is_some() {
                all.push((piece, 0..piece.bytes.len(), None));
                continue;
            }
            let anywhere = piece.begins.must_synchronise();
            let (framing, cuts) = if in_stream {
                let best = || self.ranker.framings(&piece.bytes, anywhere).into_iter().next();
                let framing = known.or_else(|| best().map(|best| best.guess.framing));
                let cuts = framing.map(|framing| cut(framing, &piece.bytes, anywhere));
                (framing, cuts.unwrap_or_default())
            } else {
                let is_line = matches!(piece.origin, Origin::Line(_) | Origin::Within { .. });
                match self.divided(&piece.bytes, is_line) {
                    Some((framing, cuts)) => (Some(framing), cuts),
                    None => {
                        all.push((piece, 0..piece.bytes.len(), None));
                        continue;
                    }
                }
            };
            if cuts.is_empty() && !piece.bytes.is_empty() {
                remarks.lines.push(undivided(piece, framing));
                remarks.is_incomplete = true;
                continue;
            }
            let Some(framing) = framing else { continue };
            known = Some(framing);
            all.extend(cuts.iter().map(|cut| (piece, with_header(framing, cut), Some(framing))));
        }
        if pieces.len() > 1 {
            // Stable: where times are equal or missing, in the order of the stream.
            all.sort_by_key(|(piece, place, _)| piece.at_us(place.start));
        }
        for (piece, place, framing) in all {
            let bytes = piece.bytes.get(place.clone()).unwrap_or_default();
            let leads = match framing {
                Some(framing) => lead::streamed(bytes, framing),
                None => lead::leads(bytes, known),
            };
            let origin = Some(piece.place(place.start));
            let (as_text, logged) = (piece.as_text.as_deref(), piece.logged.as_deref());
            let (at_us, flow) = (piece.at_us(place.start), flow(piece));
            let is_open = framing.is_none() && known.is_none();
            each(Found { bytes, leads, is_open, as_text, logged, origin, at_us, flow })?;
        }
        Ok(())
    }

    /// How bytes that are no stream's are divided into messages; `None` where they are taken as one: they are one, or no
    /// framing divides them. With `to_the_end` there is none that begins and is not whole.
    fn divided(&self, bytes: &[u8], to_the_end: bool) -> Option<(Framing, Vec<Range<usize>>)> {
        if let Some(framing) = self.framing {
            return Some((framing, cut(framing, bytes, false))).filter(|(_, cuts)| cuts.len() > 1);
        }
        if self.ranker.reads(bytes, &lead::leads(bytes, None)) {
            return None;
        }
        let is_message = message_start(bytes).is_some()
            || lead::leads(bytes, None).first().is_some_and(|lead| lead.framing.is_some());
        let framing = match self.ranker.framings(bytes, false).into_iter().next() {
            Some(best) if best.is_whole() => Some(best.guess.framing),
            _ if is_message => None,
            Some(best) => {
                let Guess { framing, frames, messages, .. } = best.guess;
                // Frames to the last byte, of which one or the other is no message.
                let is_most = best.guess.tiles() && frames > 1 && messages * 2 >= frames;
                let fits = if to_the_end { best.guess.is_exact() } else { best.guess.is_clean() };
                let divides = is_most || fits && (best.is_read() || messages > 1);
                if !divides {
                    return self.tiled(bytes);
                }
                Some(framing).filter(|framing| self.is_plausible(bytes, *framing))
            }
            None => return self.tiled(bytes),
        };
        let framing = framing?;
        let cuts = cut(framing, bytes, false);
        // Of one, what stands around it is found where it is read.
        Some((framing, cuts)).filter(|(_, cuts)| cuts.len() > 1 || !to_the_end)
    }

    fn tiled(&self, bytes: &[u8]) -> Option<(Framing, Vec<Range<usize>>)> {
        tiling(bytes).filter(|(framing, _)| self.is_plausible(bytes, *framing))
    }

    /// Whether the frames are no chance, as which a few bytes divide: one of them is a message that is read to its end, or
    /// each has at least so many bytes as a message type, a bit map and a field or two take.
    fn is_plausible(&self, bytes: &[u8], framing: Framing) -> bool {
        const LEAST: usize = 20;
        let cuts = cut(framing, bytes, false);
        let is_read = |cut: &Range<usize>| {
            let frame = bytes.get(with_header(framing, cut)).unwrap_or_default();
            self.ranker.reads(frame, &lead::streamed(frame, framing))
        };
        cuts.iter().all(|cut| cut.len() >= LEAST) || cuts.iter().any(is_read)
    }
}

/// A message with the header that its framing says it has.
fn with_header(framing: Framing, message: &Range<usize>) -> Range<usize> {
    message.start.saturating_sub(framing.header_size())..message.end
}

/// What is said of a piece in which no message is found.
fn undivided(piece: &Piece, framing: Option<Framing>) -> String {
    let (origin, bytes) = (piece.origin, piece.bytes.len());
    let protocol = other_protocol(&piece.bytes).filter(|_| piece.begins == Begins::AtStart);
    match (framing, protocol) {
        (_, Some(protocol)) => format!("{origin}: {bytes} bytes that begin as {protocol} does"),
        (Some(framing), None) => {
            format!("{origin}: {bytes} bytes that {framing} does not divide into messages")
        }
        (None, None) => {
            let said = format!("{origin}: {bytes} bytes that no framing divides into messages");
            let furthest = (!piece.begins.must_synchronise()).then(|| furthest(&piece.bytes)).flatten();
            furthest.map_or(said.clone(), |furthest| format!("{said}: {furthest}"))
        }
    }
}

/// Hexadecimal with or without `0x`, spaces, colons, hyphens and commas.
///
/// # Errors
/// Where something else stands, which itself may be part of a card number, or that a digit is missing.
pub(super) fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let mut digits = Vec::with_capacity(text.len());
    let mut characters = text.chars().enumerate().peekable();
    while let Some((at, c)) = characters.next() {
        let begins = c == '0' && digits.len() % 2 == 0 && matches!(characters.peek(), Some((_, 'x' | 'X')));
        if begins || c == '\\' && matches!(characters.peek(), Some((_, 'x'))) {
            characters.next();
        } else if let Some(digit) = c.to_digit(16) {
            digits.push(digit as u8);
        } else if !c.is_whitespace() && !matches!(c, ':' | '-' | ',' | '"' | '\'') {
            return Err(format!("expected hexadecimal, found something else at character {}", at + 1));
        }
    }
    if digits.len() % 2 == 1 {
        return Err(format!("expected an even number of hexadecimal digits, found {}", digits.len()));
    }
    Ok(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_checked_and_never_repeated() {
        for text in [
            "01fF",
            "01 fF",
            "01:ff",
            "0x01 0xFF",
            "0x01ff",
            "\\x01\\xff",
            "01-FF",
            "\"01ff\"",
            "0x01, 0xff,",
        ] {
            assert_eq!(unhex(text), Ok(vec![1, 0xFF]), "{text}");
        }
        let wrong = |text| unhex(text).err();
        let something = "expected hexadecimal, found something else at character 4";
        assert_eq!(wrong("411y").as_deref(), Some(something));
        let odd = "expected an even number of hexadecimal digits, found 3";
        assert_eq!(wrong("411").as_deref(), Some(odd));
    }
}
