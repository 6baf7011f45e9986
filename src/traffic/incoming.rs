//! What a message that came in is: an answer, our own message sent back, or one of the host's own, which the load client
//! answers where it is network management. Must not know sockets and clocks.

use super::connection::Arrival;
use super::flights::{Answer, Flights};
use super::score::{Endpoint, Keys, Score};
use super::tally::Tally;
use super::unmatched;
use crate::message::{Kind, standard_echo};
use crate::wire::frame::Lead;
use crate::wire::{Message, ParseError, Value, View};

/// What a peer is that sends our own bytes back.
pub(super) const ECHO: &str = "the peer sends back what it gets: an echo, not a host";
/// Answers to nothing asked that are looked into; more would cost the play its pace.
pub(super) const EXPLAINED: u64 = 16;
/// Unanswered messages that such an answer is compared with.
const COMPARED: usize = 256;
/// Bytes of answers that a host which reads none of them may pile up.
const MAX_BACKLOG_BYTES: usize = 1 << 20;

/// What is to be done about a connection after a message on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    /// There is something to hand to the kernel.
    Reply,
    /// Its session is open.
    SignedOn,
    /// Its session was refused, and why.
    Refused(String),
}

/// Where messages come in: what they are compared with and counted in.
pub(super) struct Reception<'a> {
    pub(super) score: &'a Score,
    pub(super) endpoint: &'a Endpoint,
    pub(super) keys: &'a mut Keys,
    pub(super) tally: &'a mut Tally,
    /// The target sends each message back as it is.
    pub(super) echo: bool,
}

impl Reception<'_> {
    /// A message has come; `room` is for reading it.
    pub(super) fn take(&mut self, arrival: Arrival<'_>, room: &mut Message, now_ns: u64) -> Effect {
        let dialect = &self.endpoint.dialect;
        let parsed = dialect.parse(arrival.message, room);
        let view = dialect.view(arrival.message, room);
        let is_answer = view.mti().is_response();
        if let Some(sign_on) = arrival.sign_on {
            if arrival.message == sign_on.message {
                return Effect::Refused(ECHO.to_owned());
            }
            if is_answer && view.mti().class() == 8 {
                return session(view, parsed);
            }
        }
        if is_answer || self.echo {
            let key = self.score.matching.key(view.mti().response(), view);
            let answer = arrival.flights.arrive(key);
            if answer == Answer::Unmatched {
                self.explain(view, arrival.flights);
            }
            self.count(answer, parsed, view, now_ns);
            return Effect::Nothing;
        }
        if self.is_sent_back(view, arrival.flights) {
            return Effect::Nothing;
        }
        if parsed.is_ok() && Kind::of(view.mti()) == Some(Kind::NetworkManagement) {
            return self.reply(view, arrival.lead, arrival.outbox);
        }
        self.tally.unreadable += u64::from(parsed.is_err());
        self.tally.unmatched += 1;
        self.tally.explain(format!("{} is a request of the host's own", view.mti()), None);
        Effect::Nothing
    }

    fn count(&mut self, answer: Answer, parsed: Result<(), ParseError>, view: View<'_>, now_ns: u64) {
        let tally = &mut *self.tally;
        tally.unreadable += u64::from(parsed.is_err());
        match answer {
            Answer::Late => tally.late += 1,
            Answer::Duplicate => tally.duplicates += 1,
            Answer::Unmatched => tally.unmatched += 1,
            Answer::Expected { note: index, due_ns, counted } => {
                let note = &self.score.notes[index as usize];
                let mut code = [b'-'; 2];
                view.text(39, &mut code);
                if let Err(error) = parsed {
                    tally.differ(index, note, format!("unreadable: {error}"));
                }
                tally.arrive(index, note, (!self.echo && parsed.is_ok()).then_some(code), now_ns);
                if counted {
                    tally.measure(note.family, now_ns.saturating_sub(due_ns));
                }
            }
        }
    }

    /// Whether the message is one of ours, to the byte; it is then no longer waited for.
    fn is_sent_back(&mut self, view: View<'_>, flights: &mut Flights) -> bool {
        let key = self.score.matching.key(view.mti().response(), view);
        let mut frame = Vec::new();
        let ours = flights.with_key(key).any(|(index, pass)| {
            frame.clear();
            self.score.again(index, self.keys, pass, &mut frame)
                && message_of(self.endpoint, &frame) == Some(view.frame())
        });
        if ours {
            flights.arrive(key);
            self.tally.sent_back += 1;
        }
        ours
    }

    /// Answers a message of the host's network management: the fields that such answers echo, and DE39 00.
    fn reply(&mut self, view: View<'_>, lead: &[u8], outbox: &mut Vec<u8>) -> Effect {
        let start = outbox.len();
        if start > MAX_BACKLOG_BYTES {
            return Effect::Nothing;
        }
        let echo = standard_echo(Kind::NetworkManagement);
        let framing = self.endpoint.framing;
        let mark = framing.begin(outbox, Lead::Answer { request: lead, wrong_de: 0 });
        let code = [(39, Value::Text(b"00"))];
        let built = view.dialect().build(outbox, view.mti().response(), Some(view), echo, &code);
        if built.is_err() || framing.finish(outbox, mark).is_err() {
            // What came in this dialect can be said in it, but for a dialect without DE39.
            outbox.truncate(start);
            self.tally.unmatched += 1;
            self.tally.explain(format!("{} cannot be answered in this dialect", view.mti()), None);
            return Effect::Nothing;
        }
        self.tally.host_answered += 1;
        Effect::Reply
    }

    /// Finds out why an answer found no message, for the first few.
    fn explain(&mut self, answer: View<'_>, flights: &Flights) {
        if self.tally.explained() >= EXPLAINED {
            return;
        }
        let mut sent = Vec::new();
        for (index, pass) in flights.unanswered().take(COMPARED) {
            let mut frame = Vec::new();
            if self.score.again(index, self.keys, pass, &mut frame) {
                sent.extend(message_of(self.endpoint, &frame).map(<[u8]>::to_vec));
            }
        }
        let (reason, matching) =
            unmatched::explain(&self.score.matching, answer, &self.endpoint.dialect, &sent);
        self.tally.explain(reason, matching);
    }
}

/// What the answer to the message that opens a session says.
fn session(view: View<'_>, parsed: Result<(), ParseError>) -> Effect {
    if let Err(error) = parsed {
        return Effect::Refused(format!("the answer to the sign-on is unreadable: {error}"));
    }
    let mut room = [0; 8];
    match view.text(39, &mut room) {
        Some(b"00" | b"000") => Effect::SignedOn,
        Some(code) => Effect::Refused(format!(
            "the host answered the sign-on with DE39 = {}",
            String::from_utf8_lossy(code)
        )),
        None => Effect::Refused("the answer to the sign-on has no DE 39".to_owned()),
    }
}

/// The message inside a frame of ours.
fn message_of<'a>(endpoint: &Endpoint, frame: &'a [u8]) -> Option<&'a [u8]> {
    let cut = endpoint.framing.next(frame, frame.len()).ok()??;
    Some(&frame[cut.start..cut.end])
}
