//! What stands before a message: a length, a network's header. Knows no dialect but which header belongs to which.

use super::hide::{self, Reading};
use super::words::hex;
use crate::traffic::capture::framing::detect;
use crate::traffic::capture::message_start;
use crate::wire::frame::Framing;

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
}

impl Lead {
    const NONE: Lead = Lead { framing: None, length: 0, header: 0, behind: 0 };

    /// The message itself.
    pub fn message<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.len().saturating_sub(self.behind);
        bytes.get(self.length + self.header..end).unwrap_or_default()
    }

    /// The header, if there is one, as far as it may be shown.
    pub fn header(&self, bytes: &[u8], unmask: bool) -> Option<String> {
        let header = bytes.get(self.length..self.length + self.header).filter(|header| !header.is_empty())?;
        let mut stars = vec![false; header.len() * 2];
        if !unmask {
            hide::in_bytes(header, Reading::Any, &mut |run| stars[run].fill(true));
        }
        Some(hide::starred(&hex(header), stars.into_iter()))
    }

    /// Whether the header is the one that links in this dialect put before their messages.
    pub fn belongs_to(&self, dialect: &str) -> bool {
        matches!((self.header, dialect), (5, "terminal") | (12, "base24") | (22, "visa-base1"))
    }
}

/// How `bytes`, one message with or without its length and header, may be divided. The likeliest first; never empty.
/// A length is believed where it fits; where the bytes begin like no message, those behind two or four others may.
pub(super) fn leads(bytes: &[u8], framing: Option<&Framing>) -> Vec<Lead> {
    let header = |at: usize| bytes.get(at..).and_then(message_start).map(|start| start.header);
    let mut leads = Vec::new();
    let fitting = match framing {
        Some(framing) => Some(*framing),
        None => detect(bytes, false).into_iter().find(|guess| guess.is_exact() && guess.frames == 1).map(|guess| guess.framing),
    };
    if let Some(framing) = fitting
        && let Ok(Some(cut)) = framing.next(bytes, bytes.len())
        && cut.end == bytes.len()
        && cut.start < cut.end
    {
        leads.push(Lead { framing: Some(framing.name().to_owned()), length: cut.start, header: header(cut.start).unwrap_or(0), behind: 0 });
    }
    if framing.is_some() && !leads.is_empty() {
        return leads;
    }
    match header(0) {
        Some(0) => {}
        Some(header) => leads.push(Lead { header, ..Lead::NONE }),
        None if leads.is_empty() => {
            let behind = [2, 4].into_iter().filter_map(|length| Some(Lead { length, header: header(length)?, ..Lead::NONE }));
            leads.extend(behind);
        }
        None => {}
    }
    leads.push(Lead::NONE);
    leads
}
