//! What stands before a message: a length, a network's header. Knows no dialect but which header belongs to which.

use super::hide::{self, Reading};
use super::words::hex;
use crate::traffic::capture::framing::candidates;
use crate::traffic::capture::message_start;
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
}

impl Lead {
    pub const NONE: Lead = Lead { framing: None, length: 0, header: 0, behind: 0 };

    /// The same, with the header that the message seems to begin with where the framing says of none.
    fn with_header(mut self, bytes: &[u8]) -> Lead {
        if self.header == 0 {
            self.header = message_start(self.message(bytes)).map_or(0, |start| start.header);
        }
        self
    }

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

/// How `bytes`, one message with or without what stands around it on a link, may be divided. The likeliest first; never
/// empty. A length is believed where it fits; where the bytes begin like no message, those behind two or four others may.
pub(super) fn leads(bytes: &[u8], framing: Option<Framing>) -> Vec<Lead> {
    let header = |at: usize| bytes.get(at..).and_then(message_start).map(|start| start.header);
    if let Some(lead) = framing.and_then(|framing| framed(bytes, framing)) {
        return vec![lead];
    }
    let begins = |lead: &Lead| message_start(lead.message(bytes)).is_some();
    let mut leads = Vec::new();
    leads.extend(candidates().iter().find_map(|framing| framed(bytes, *framing).filter(begins)));
    match header(0) {
        Some(0) => {}
        Some(header) => leads.push(Lead { header, ..Lead::NONE }),
        None if leads.is_empty() => {
            let behind = |length| Some(Lead { length, header: header(length)?, ..Lead::NONE });
            leads.extend([2, 4].into_iter().filter_map(behind));
        }
        None => {}
    }
    leads.push(Lead::NONE);
    leads
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
    };
    is_one.then(|| lead.with_header(bytes))
}

/// The division of a message cut out of a stream, given with the header that the framing says it has.
pub(super) fn streamed(bytes: &[u8], framing: Framing) -> Lead {
    let lead = Lead { framing: Some(framing.to_string()), header: framing.header_size(), ..Lead::NONE };
    lead.with_header(bytes)
}
