//! Messages of which no record tells why they were answered so, or not at all: which field, where, what was expected and
//! what was found there, never content. The last of them are kept for those who ask. Must not know who asks.

use crate::message::{Fault, Refusal, card_number};
use crate::telemetry::NO_CODE;
use crate::wire::frame::{FrameError, WrongFrame};
use crate::wire::{BuildError, ParseError, View};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How many are kept.
pub const KEPT: usize = 1_024;
/// How many may wait to be kept: more than that between two looks are only counted.
const WAITING: usize = 512;

/// Why a message was not decided, or not answered as it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not written as the dialect says.
    Parse(ParseError),
    /// It is, and its content cannot be used.
    Fault(Fault),
    /// No message type that is served here.
    UnsupportedType,
    /// No network management code that is known here.
    UnknownNetworkCode,
    /// The link asks for a sign-on first.
    NotSignedOn,
    /// The MAC that the settings ask for came and was not verified, or did not come.
    MacNotVerified {
        /// Where it stands, or would: 64 or 128.
        de: u8,
        /// Whether it came.
        came: bool,
    },
    /// An advice whose amount cannot be booked.
    NotBookable,
    /// There is no room for its record.
    NotStored,
    /// There is no room to remember it.
    NoRoom,
    /// It came too late, and more of these came than are remembered.
    Shed,
    /// A repeat whose stored approval could not leave in time: its first answer stands.
    Withheld,
    /// Its approval came too late to be sent and stands all the same: no record says that it was answered 91.
    NotUndone,
    /// Its answer does not fit the dialect.
    NotBuilt(BuildError),
    /// Its answer does not fit the framing.
    NotFramed(FrameError),
    /// An answer, and nothing was asked.
    Unsolicited,
    /// Neither a request nor an advice: nobody waits for an answer.
    NoAnswerDue,
    /// The bytes cannot be cut into frames.
    Frame(FrameError),
    /// One frame's header or check byte is wrong.
    WrongFrame(WrongFrame),
    /// The network says that it could not read a message of ours.
    Reject(Option<u16>),
}

impl Why {
    /// The names of all.
    pub const NAMES: [&str; 17] = [
        "unreadable",
        "format-error",
        "unsupported-type",
        "unknown-network-code",
        "not-signed-on",
        "mac-not-verified",
        "not-stored",
        "no-room",
        "shed",
        "withheld-repeat",
        "not-undone",
        "answer-not-built",
        "unsolicited",
        "no-answer-due",
        "frame-error",
        "wrong-frame",
        "rejected-by-network",
    ];

    /// Of a decision about this message that no record tells of.
    pub fn unrecorded(refusal: Refusal, view: View<'_>) -> Option<Why> {
        match refusal {
            Refusal::NotSignedOn => Some(Why::NotSignedOn),
            Refusal::UnknownNetworkCode => Some(Why::UnknownNetworkCode),
            Refusal::MacNotVerified => {
                let found = [64, 128].into_iter().find(|de| view.has(*de));
                Some(Why::MacNotVerified { de: found.unwrap_or(64), came: found.is_some() })
            }
            // What cannot be read is refused before it comes to a decision.
            Refusal::Format => Some(Why::NotBookable),
            Refusal::NotStored => Some(Why::NotStored),
            Refusal::NoRoom => Some(Why::NoRoom),
            _ => None,
        }
    }

    /// Whether its sender made it so that it cannot be used.
    pub fn is_unusable(&self) -> bool {
        matches!(
            self,
            Why::Parse(_)
                | Why::Fault(_)
                | Why::UnsupportedType
                | Why::UnknownNetworkCode
                | Why::Unsolicited
                | Why::NoAnswerDue
                | Why::WrongFrame(_)
        )
    }

    /// Its name in logs and pages.
    pub fn name(&self) -> &'static str {
        match self {
            Why::Parse(error) if !error.readable => "unreadable",
            Why::Parse(_) | Why::Fault(_) | Why::NotBookable => "format-error",
            Why::UnsupportedType => "unsupported-type",
            Why::UnknownNetworkCode => "unknown-network-code",
            Why::NotSignedOn => "not-signed-on",
            Why::MacNotVerified { .. } => "mac-not-verified",
            Why::NotStored => "not-stored",
            Why::NoRoom => "no-room",
            Why::Shed => "shed",
            Why::Withheld => "withheld-repeat",
            Why::NotUndone => "not-undone",
            Why::NotBuilt(_) | Why::NotFramed(_) => "answer-not-built",
            Why::Unsolicited => "unsolicited",
            Why::NoAnswerDue => "no-answer-due",
            Why::Frame(_) => "frame-error",
            Why::WrongFrame(_) => "wrong-frame",
            Why::Reject(_) => "rejected-by-network",
        }
    }

    /// The log's message; `answered`: it got an answer.
    pub fn line(&self, answered: bool) -> &'static str {
        match self {
            Why::Reject(_) => "the network rejects a message of ours: it could not read it",
            Why::Frame(_) => "the connection cannot be cut into frames",
            Why::WrongFrame(_) => "frame dropped",
            Why::Withheld => "stored answer withheld",
            Why::NotUndone => "a late approval was not undone",
            Why::NotBuilt(_) | Why::NotFramed(_) => "no answer could be built",
            _ if answered => "message refused",
            _ => "message dropped",
        }
    }

    /// The data element at fault: 0 the message type, 1 the bit maps.
    pub fn de(&self) -> Option<u8> {
        match self {
            Why::Parse(error) => Some(error.de),
            Why::Fault(fault) => Some(fault.de),
            Why::UnsupportedType | Why::Unsolicited | Why::NoAnswerDue => Some(0),
            Why::UnknownNetworkCode => Some(70),
            Why::MacNotVerified { de, .. } => Some(*de),
            Why::NotBookable => Some(4),
            Why::NotBuilt(error) if error.de != 0 => Some(error.de),
            _ => None,
        }
    }

    /// What was expected and what was found, in words; the first is empty where that says nothing more.
    pub fn sides(&self) -> (String, String) {
        let text = match self {
            Why::Parse(error) => error.reason.to_string(),
            Why::Fault(fault) => fault.reason.to_owned(),
            Why::UnsupportedType => return ("a message type that is served".into(), "another".into()),
            Why::UnknownNetworkCode => return ("a sign-on, sign-off or echo code".into(), "another".into()),
            Why::NotSignedOn => return ("a sign-on first".into(), "none".into()),
            Why::MacNotVerified { came, .. } => {
                let found = if *came { "one that nothing here verifies" } else { "none" };
                return ("a MAC that is verified".into(), found.into());
            }
            Why::NotBookable => {
                let found = "one in a currency without a rate, or beyond what an account holds";
                return ("an amount that can be booked".into(), found.into());
            }
            Why::NotStored => {
                "no room for its record: the disk or the journal's buffer is full, or the journal has failed"
                    .into()
            }
            Why::NoRoom => {
                "no room to remember it: `transactions.max` and the quarter more that advices and reversals have are in use"
                    .into()
            }
            Why::Shed => "its budget was spent, as that of more requests than are remembered: a repeat is decided anew".into(),
            Why::Withheld => {
                "a repeat whose stored approval could not leave in time: its first answer stands".into()
            }
            Why::NotUndone => "an approval that came too late and stands: an advice or completion came meanwhile, or nothing can be stored".into(),
            Why::NotBuilt(error) => error.reason.to_string(),
            Why::Unsolicited => return ("a request or an advice".into(), "a response".into()),
            Why::NoAnswerDue => {
                return ("a request or an advice".into(), "a notification or an acknowledgement".into());
            }
            Why::Frame(error) | Why::NotFramed(error) => error.to_string(),
            Why::WrongFrame(wrong) => wrong.to_string(),
            Why::Reject(Some(code)) => format!("reject code {code:04} for a message of ours"),
            Why::Reject(None) => "a reject without a code for a message of ours".to_owned(),
        };
        match text.strip_prefix("expected ").map(|rest| rest.rsplit_once(", found ").unwrap_or((rest, ""))) {
            Some((expected, found)) => (expected.to_owned(), found.to_owned()),
            None => (String::new(), text),
        }
    }
}

/// What such a message says of itself, as far as it could be read.
#[derive(Clone, Copy, Debug)]
pub struct Unserved {
    /// Why.
    pub why: Why,
    /// Message type as four BCD digits; 0 where it could not be read.
    pub mti: u16,
    /// DE11.
    pub stan: Option<u32>,
    /// DE37.
    pub reference: Option<[u8; 12]>,
    /// Bytes from the message's first to what is wrong.
    pub offset: Option<u32>,
    /// DE39 of its answer, or [`NO_CODE`].
    pub code: [u8; 2],
}

impl Unserved {
    /// Of bytes that are no message.
    pub fn unread(why: Why) -> Unserved {
        Unserved { why, mti: 0, stan: None, reference: None, offset: None, code: NO_CODE }
    }

    /// Of a message as far as it was read.
    pub fn of(view: View<'_>, why: Why) -> Unserved {
        let offset = match why {
            Why::Parse(error) => Some(error.offset),
            _ => why.de().and_then(|de| view.offset(de)).map(|offset| offset as u32),
        };
        if matches!(why, Why::Parse(error) if !error.readable) {
            return Unserved { offset, ..Unserved::unread(why) };
        }
        let mut room = [0; 12];
        let reference = view.text(37, &mut room).map(|text| {
            let mut reference = [b' '; 12];
            let length = text.len().min(12);
            reference[..length].copy_from_slice(&text[..length]);
            if let Some(pan) = card_number(&view) {
                pan.hide_in(&mut reference);
            }
            reference
        });
        let stan = view.number(11).map(|stan| stan as u32);
        Unserved { why, mti: view.mti().bcd(), stan, reference, offset, code: NO_CODE }
    }
}

/// Such a message in words for log and pages: never content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Why, in a word: `format-error`, `unreadable`, `frame-error`.
    pub kind: &'static str,
    /// Message type, if it could be read.
    pub mti: Option<String>,
    /// DE11, six digits, if it was read.
    pub stan: Option<String>,
    /// DE37, if it was read.
    pub rrn: Option<String>,
    /// The field at fault: `DE4`, `MTI`, `bit map`.
    pub field: Option<String>,
    /// Bytes from the message's first to what is wrong.
    pub offset: Option<u32>,
    /// What should have stood there, where that says more than `found`.
    pub expected: Option<String>,
    /// The kind of thing that stood there, never the thing itself.
    pub found: String,
    /// DE39 of its answer, if it got one.
    pub code: Option<String>,
}

impl Unserved {
    /// In words.
    pub fn told(&self) -> Told {
        let (expected, found) = self.why.sides();
        Told {
            kind: self.why.name(),
            mti: mti_text(self.mti),
            stan: self.stan.map(|stan| format!("{stan:06}")),
            rrn: self.reference.as_ref().map(|reference| printable(reference)),
            field: self.why.de().map(field),
            offset: self.offset,
            expected: Some(expected).filter(|expected| !expected.is_empty()),
            found,
            code: Some(&self.code).filter(|code| **code != NO_CODE).map(|code| printable(code)),
        }
    }
}

/// Where, what was expected, what was found: `DE4, byte 47: expected digits, found a letter`.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.field, self.offset) {
            (Some(field), Some(offset)) => write!(f, "{field}, byte {offset}: ")?,
            (Some(field), None) => write!(f, "{field}: ")?,
            (None, _) => {}
        }
        match (&self.expected, self.found.as_str()) {
            (None, found) => f.write_str(found),
            (Some(expected), "") => write!(f, "expected {expected}"),
            (Some(expected), found) => write!(f, "expected {expected}, found {found}"),
        }
    }
}

fn field(de: u8) -> String {
    match de {
        0 => "MTI".to_owned(),
        1 => "bit map".to_owned(),
        de => format!("DE{de}"),
    }
}

/// A message type of four BCD digits, `0100`; `None` for 0, which is one that could not be read.
pub fn mti_text(mti: u16) -> Option<String> {
    (mti != 0).then(|| format!("{mti:04x}"))
}

/// What is not printable shows as `?`.
fn printable(bytes: &[u8]) -> String {
    let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
    bytes.trim_ascii_end().iter().map(shown).collect()
}

/// Such a message, and whose it was.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// When it was read, microseconds since 1970 UTC.
    pub time_us: i64,
    /// The link's number.
    pub link: u8,
    /// The connection's number.
    pub connection: u64,
    /// Who sent it.
    pub peer: SocketAddr,
    /// What it was.
    pub unserved: Unserved,
}

/// The last of these messages, newest last. Whoever adds never waits and touches no heap.
#[derive(Debug)]
pub struct Refusals {
    add: SyncSender<Refused>,
    kept: Mutex<Kept>,
    /// Those that were only counted.
    missed: AtomicU64,
}

#[derive(Debug)]
struct Kept {
    incoming: Receiver<Refused>,
    last: VecDeque<Refused>,
}

impl Default for Refusals {
    fn default() -> Refusals {
        let (add, incoming) = sync_channel(WAITING);
        let last = VecDeque::with_capacity(KEPT);
        Refusals { add, kept: Mutex::new(Kept { incoming, last }), missed: AtomicU64::new(0) }
    }
}

impl Refusals {
    /// Adds one; where too many wait to be kept, it is only counted.
    pub fn add(&self, refused: Refused) {
        if self.add.try_send(refused).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps what has come since the last time, telling each to `see`; to be called each second.
    pub fn collect(&self, see: impl Fn(&Refused)) {
        let Kept { incoming, last } = &mut *self.kept.lock();
        for refused in incoming.try_iter() {
            see(&refused);
            if last.len() == KEPT {
                last.pop_front();
            }
            last.push_back(refused);
        }
    }

    /// Those that are kept, newest first.
    pub fn last(&self) -> Vec<Refused> {
        self.kept.lock().last.iter().rev().copied().collect()
    }

    /// How many were only counted since the start, because too many came at a time.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(stan: u32) -> Refused {
        let unserved = Unserved { stan: Some(stan), ..Unserved::unread(Why::Unsolicited) };
        Refused { time_us: 0, link: 0, connection: 1, peer: ([127, 0, 0, 1], 1).into(), unserved }
    }

    #[test]
    fn the_last_are_kept_newest_first_and_the_rest_is_counted() {
        let refusals = Refusals::default();
        let stans = |refusals: &Refusals| -> Vec<u32> {
            refusals.collect(|_| {});
            refusals.last().iter().filter_map(|refused| refused.unserved.stan).collect()
        };
        for stan in 0..WAITING as u32 + 7 {
            refusals.add(refused(stan));
        }
        assert_eq!(stans(&refusals), (0..WAITING as u32).rev().collect::<Vec<_>>());
        assert_eq!(refusals.missed(), 7);
        for stan in 1_000..3_000 {
            refusals.add(refused(stan));
            refusals.collect(|_| {});
        }
        assert_eq!(stans(&refusals), (3_000 - KEPT as u32..3_000).rev().collect::<Vec<_>>());
    }

    #[test]
    fn both_sides_are_told() {
        let short = FrameError::TooLong { max: 8_192, found: 12_337 };
        let fault = Fault { de: 7, reason: "expected a value, found none" };
        for (why, expected, found) in [
            (Why::Frame(short), "a frame of at most 8192 bytes", "a length of 12337"),
            (Why::Fault(fault), "a value", "none"),
            (Why::Reject(Some(12)), "", "reject code 0012 for a message of ours"),
            (Why::Unsolicited, "a request or an advice", "a response"),
        ] {
            assert_eq!(why.sides(), (expected.to_owned(), found.to_owned()), "{why:?}");
        }
    }
}
