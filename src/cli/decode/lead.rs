//! What stands before a message: a length, a network's header. Knows no dialect but which header belongs to which.

use super::hide::{self, Reading};
use super::words::hex;
use crate::traffic::capture::framing::{exactly_around, of_one_frame, of_one_frame_perhaps};
use crate::traffic::capture::{Coding, Start, further_on, message_start};
use crate::traffic::numbers::Numbers;
use crate::wire::frame::{Framing, Kind};

/// One way to tell a message from what stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    /// The framing, where a length stands there.
    pub framing: Option<String>,
    /// Bytes before the header.
    pub length: usize,
    /// Bytes of the header.
    pub header: usize,
    /// Bytes behind the message that are the framing's.
    pub behind: usize,
    /// Bytes that the length says there are, and there are not.
    pub missing: usize,
    /// Few bytes speak for it: it is one only where the message is read to its end.
    pub doubtful: bool,
}

impl Lead {
    pub const NONE: Lead =
        Lead { framing: None, length: 0, header: 0, behind: 0, missing: 0, doubtful: false };

    /// The same, with the header that the message seems to begin with where the framing says of none.
    fn with_header(mut self, bytes: &[u8]) -> Lead {
        if self.header == 0 {
            self.header = message_start(self.message(bytes)).map_or(0, |start| start.header);
        }
        self
    }

    /// The same, taken only where what it leaves is read to its end.
    fn in_doubt(self) -> Lead {
        Lead { doubtful: true, ..self }
    }

    /// The message itself.
    pub fn message<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.len().saturating_sub(self.behind);
        bytes.get(self.length + self.header..end).unwrap_or_default()
    }

    /// The header, if there is one, as far as it may be shown; `own` are the message's card numbers.
    pub fn header(&self, bytes: &[u8], own: &Numbers, unmask: bool) -> Option<String> {
        let header = bytes.get(self.length..self.length + self.header).filter(|header| !header.is_empty())?;
        let mut stars = vec![false; header.len() * 2];
        if !unmask {
            hide::in_bytes(header, Reading::Any, &mut |run| stars[run].fill(true));
            own.in_bytes(header, &mut |run| stars[run].fill(true));
        }
        Some(hide::starred(&hex(header), stars.into_iter()))
    }

    /// Whether the header is the one that links in this dialect put before their messages.
    pub fn belongs_to(&self, dialect: &str) -> bool {
        matches!((self.header, dialect), (5, "terminal") | (12, "base24") | (22, "visa-base1"))
    }
}

/// How `bytes`, one message with or without what stands around it on a link, may be divided. The likeliest first; never
/// empty. A length is believed where it fits; where the bytes begin like no message, also where it says a little more than
/// there is, as of a frame that was cut short.
pub(super) fn leads(bytes: &[u8], framing: Option<Framing>) -> Vec<Lead> {
    if let Some(lead) = framing.and_then(|framing| framed(bytes, framing)) {
        return marked(lead, bytes);
    }
    let begins = |lead: &Lead| message_start(lead.message(bytes)).is_some();
    let mut leads: Vec<Lead> = Vec::new();
    add(&mut leads, of_one_frame(bytes), bytes);
    match message_start(bytes) {
        // Two packed digits are a message type by chance; what is text behind them is not.
        Some(Start { header: 0, coding, .. }) => {
            leads.push(Lead::NONE);
            if coding == Coding::Bcd && leads.len() == 1 {
                let text = further_on(bytes).into_iter().filter(|(_, is_text)| *is_text);
                leads.extend(text.map(|(header, _)| Lead { header, ..Lead::NONE }.in_doubt()));
            }
            return leads;
        }
        Some(start) => leads.push(Lead { header: start.header, ..Lead::NONE }),
        None if leads.is_empty() => {
            // A length that fits says more of the bytes than that none of them is a message type.
            add(&mut leads, exactly_around(bytes), bytes);
            leads.extend(cut_short(bytes).find(begins));
        }
        None => {}
    }
    leads.push(if leads.is_empty() { Lead::NONE } else { Lead::NONE.in_doubt() });
    leads
}

/// How else they may be divided, where none of [`leads`] is read to the end: by what few bytes speak for.
pub(super) fn further(bytes: &[u8]) -> Vec<Lead> {
    let mut leads = Vec::new();
    add(&mut leads, of_one_frame_perhaps(bytes), bytes);
    leads.extend(further_on(bytes).into_iter().map(|(header, _)| Lead { header, ..Lead::NONE }));
    leads.into_iter().map(Lead::in_doubt).collect()
}

/// Adds the divisions by framings, each message once.
fn add(leads: &mut Vec<Lead>, framings: impl IntoIterator<Item = Framing>, bytes: &[u8]) {
    for lead in framings.into_iter().filter_map(|framing| framed(bytes, framing)) {
        for lead in marked(lead, bytes) {
            let same =
                |known: &Lead| known.message(bytes).as_ptr_range() == lead.message(bytes).as_ptr_range();
            if !leads.iter().any(same) {
                leads.push(lead);
            }
        }
    }
}

/// The same, and where the message ends with the byte of ETX, or with that and its check byte, also without them: a reading
/// that leaves no rest tells which it is.
fn marked(lead: Lead, bytes: &[u8]) -> Vec<Lead> {
    const ETX: u8 = 3;
    let mut all = vec![lead.clone()];
    let Some(text) = lead.framing.as_ref().filter(|_| lead.behind == 0) else { return all };
    let (word, behind) = match lead.message(bytes) {
        [.., ETX] => ("etx", 1),
        [.., ETX, _] => ("etx-lrc", 2),
        _ => return all,
    };
    let framing = format!("{text}+{word}");
    let is_framing = framing.parse::<Framing>().is_ok();
    all.extend(is_framing.then_some(Lead { framing: Some(framing), behind, ..lead }));
    all
}

/// The longest frame that is believed to have been cut short: what is no length says more.
const LONGEST: usize = 4096;

/// The divisions of a frame that is not all there, by the two most usual lengths.
fn cut_short(bytes: &[u8]) -> impl Iterator<Item = Lead> + '_ {
    let binary = bytes.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)));
    let digits = bytes.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let ascii = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    [("length2-be", 2, binary), ("length4-ascii", 4, ascii)].into_iter().filter_map(
        |(framing, length, said)| {
            let missing = said.filter(|said| *said <= LONGEST)?.checked_sub(bytes.len() - length)?;
            let lead = Lead { framing: Some(framing.to_owned()), length, missing, ..Lead::NONE };
            (missing > 0).then(|| lead.with_header(bytes))
        },
    )
}

/// The division of exactly one frame.
fn framed(bytes: &[u8], framing: Framing) -> Option<Lead> {
    let cut = framing.next(bytes, bytes.len()).ok()??;
    let is_one = cut.next == bytes.len() && cut.kind == Kind::Message;
    let lead = Lead {
        framing: Some(framing.to_string()),
        length: cut.header,
        header: cut.start - cut.header,
        behind: cut.next - cut.end,
        ..Lead::NONE
    };
    is_one.then(|| lead.with_header(bytes))
}

/// The divisions of a message cut out of a stream, given with the header that the framing says it has.
pub(super) fn streamed(bytes: &[u8], framing: Framing) -> Vec<Lead> {
    let lead = Lead { framing: Some(framing.to_string()), header: framing.header_size(), ..Lead::NONE };
    marked(lead.with_header(bytes), bytes)
}
