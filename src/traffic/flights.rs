//! The messages of one connection that wait for their answer, and how an answer finds its message. Knows no bytes.

use super::matching::FlightKey;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// Answered messages that are remembered, so that a second answer is told from one nobody asked for.
const REMEMBERED: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Lost,
    Answered,
}

struct Flight {
    key: FlightKey,
    note: u32,
    pass: u32,
    due_ns: u64,
    counted: bool,
    state: State,
    /// Number of the flight before it with the same key (a repeat's original); its own number for none.
    older: u64,
}

/// What an answer turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The first answer of a message that waited: its number in the score, when it was due, and whether its
    /// latency counts (it was no warm-up).
    Expected { note: u32, due_ns: u64, counted: bool },
    /// The message had been given up.
    Late,
    /// The message had been answered already.
    Duplicate,
    /// No message has such a key.
    Unmatched,
}

/// Messages in the order in which they were sent.
#[derive(Default)]
pub(super) struct Flights {
    ring: VecDeque<Flight>,
    /// Number of the ring's first flight; numbers go on rising.
    first: u64,
    /// The first flight that may still wait.
    oldest: u64,
    newest: HashMap<FlightKey, u64, BuildHasherDefault<Mixer>>,
    waiting: usize,
}

impl Flights {
    /// How many wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// A message was handed to the connection.
    pub(super) fn depart(&mut self, key: FlightKey, note: u32, pass: u32, due_ns: u64, counted: bool) {
        let number = self.first + self.ring.len() as u64;
        let older = self.newest.insert(key, number).unwrap_or(number);
        self.ring.push_back(Flight { key, note, pass, due_ns, counted, state: State::Waiting, older });
        self.waiting += 1;
    }

    /// An answer came in. Of several messages with its key (a repeat and its original) the oldest is answered.
    pub(super) fn arrive(&mut self, key: FlightKey) -> Answer {
        let mut next = self.newest.get(&key).copied();
        let (mut waiting, mut lost, mut known) = (None, None, false);
        while let Some(number) = next.filter(|&number| number >= self.first) {
            let index = (number - self.first) as usize;
            let flight = &self.ring[index];
            known = true;
            match flight.state {
                State::Waiting => waiting = Some(index),
                State::Lost => lost = Some(index),
                State::Answered => {}
            }
            next = Some(flight.older).filter(|&older| older != number);
        }
        let (index, late) = match (waiting, lost, known) {
            (Some(index), ..) => (index, false),
            (None, Some(index), _) => (index, true),
            (None, None, true) => return Answer::Duplicate,
            (None, None, false) => return Answer::Unmatched,
        };
        let flight = &mut self.ring[index];
        flight.state = State::Answered;
        if late {
            return Answer::Late;
        }
        let answer = Answer::Expected { note: flight.note, due_ns: flight.due_ns, counted: flight.counted };
        self.waiting -= 1;
        self.forget();
        answer
    }

    /// Number in the score and pass of the messages with this key, the latest first.
    pub(super) fn with_key(&self, key: FlightKey) -> impl Iterator<Item = (u32, u32)> {
        let flight = |number: u64| self.ring.get(number.checked_sub(self.first)? as usize);
        let mut next = self.newest.get(&key).copied();
        std::iter::from_fn(move || {
            let number = next?;
            let found = flight(number)?;
            next = Some(found.older).filter(|&older| older != number);
            Some((found.note, found.pass))
        })
    }

    /// Number in the score and pass of the messages without an answer, the oldest first.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = (u32, u32)> {
        let open = self.ring.iter().filter(|flight| flight.state != State::Answered);
        open.map(|flight| (flight.note, flight.pass))
    }

    /// Gives up the messages that were due before `limit_ns`; `lost` gets the number of each in the score.
    pub(super) fn expire(&mut self, limit_ns: u64, mut lost: impl FnMut(u32)) {
        self.oldest = self.oldest.max(self.first);
        while let Some(flight) = self.ring.get_mut((self.oldest - self.first) as usize) {
            if flight.state == State::Waiting {
                if flight.due_ns >= limit_ns {
                    break;
                }
                flight.state = State::Lost;
                self.waiting -= 1;
                lost(flight.note);
            }
            self.oldest += 1;
        }
        self.forget();
    }

    fn forget(&mut self) {
        while self.ring.len() > REMEMBERED && self.ring[0].state != State::Waiting {
            let Some(flight) = self.ring.pop_front() else { break };
            if self.newest.get(&flight.key) == Some(&self.first) {
                self.newest.remove(&flight.key);
            }
            self.first += 1;
        }
    }
}

/// The keys are numbers of our own making: one multiplication spreads them well enough.
#[derive(Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::traffic::matching::Matching;
    use crate::wire::Mti;

    fn key(stan: u32) -> FlightKey {
        Matching::default().start(Mti::new(0x0110).unwrap()).with(u64::from(stan))
    }

    #[test]
    fn an_answer_is_first_then_duplicate() {
        let mut flights = Flights::default();
        flights.depart(key(1), 10, 1, 100, true);
        assert_eq!(flights.arrive(key(2)), Answer::Unmatched);
        assert_eq!(flights.arrive(key(1)), Answer::Expected { note: 10, due_ns: 100, counted: true });
        assert_eq!(flights.arrive(key(1)), Answer::Duplicate);
        assert_eq!(flights.waiting(), 0);
    }

    #[test]
    fn a_repeat_and_its_original_each_get_one_answer() {
        let mut flights = Flights::default();
        flights.depart(key(1), 10, 1, 100, true);
        flights.depart(key(1), 11, 1, 200, true);
        assert_eq!(flights.arrive(key(1)), Answer::Expected { note: 10, due_ns: 100, counted: true });
        assert_eq!(flights.arrive(key(1)), Answer::Expected { note: 11, due_ns: 200, counted: true });
        assert_eq!(flights.arrive(key(1)), Answer::Duplicate);
    }

    #[test]
    fn what_expires_is_lost_and_its_answer_late() {
        let mut flights = Flights::default();
        (0..3).for_each(|stan| flights.depart(key(stan), stan, 1, u64::from(stan) * 100, true));
        flights.arrive(key(0));
        let mut lost = Vec::new();
        flights.expire(150, |note| lost.push(note));
        flights.expire(150, |note| lost.push(note));
        assert_eq!((lost, flights.waiting()), (vec![1], 1));
        assert_eq!(flights.arrive(key(1)), Answer::Late);
        assert_eq!(flights.arrive(key(1)), Answer::Duplicate);
        assert_eq!(flights.arrive(key(2)), Answer::Expected { note: 2, due_ns: 200, counted: true });
    }

    #[test]
    fn memory_is_bounded_by_what_waits() {
        let mut flights = Flights::default();
        for stan in 0..100_000 {
            flights.depart(key(stan), stan, 1, 0, false);
            assert!(matches!(flights.arrive(key(stan)), Answer::Expected { .. }));
        }
        assert!(flights.ring.len() <= REMEMBERED && flights.newest.len() <= REMEMBERED);
        // The oldest are forgotten, the latest are not.
        assert_eq!(flights.arrive(key(0)), Answer::Unmatched);
        assert_eq!(flights.arrive(key(99_999)), Answer::Duplicate);
    }
}
