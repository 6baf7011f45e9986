//! One target of a replay: its connections, its way through the score, its counts. Told the time by its caller.

use super::connection::{Connection, Found};
use super::incoming::{Effect, Reception};
use super::pace::{Rate, Turns, due_ns};
use super::score::{Endpoint, Keys, Note, Score};
use super::tally::Tally;
use crate::wire::Message;
use std::io;

mod sign_on;
#[cfg(test)]
mod tests;

/// Messages sent before answers are read again, however many are due.
const SENT_AT_ONCE: usize = 256;

/// How a lane plays.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) rate: Rate,
    pub(super) turns: Turns,
    /// Length of the play in nanoseconds of the lane's own time; `None`: once through the trace.
    pub(super) duration_ns: Option<u64>,
    /// Latencies of messages due before this are left out, in nanoseconds of the lane's own time.
    pub(super) warmup_ns: u64,
    /// Unanswered for so long is lost, in nanoseconds.
    pub(super) timeout_ns: u64,
    /// Messages each connection keeps in flight under [`Rate::Max`].
    pub(super) in_flight: usize,
    /// The target sends each message back as it is.
    pub(super) echo: bool,
    /// Each connection opens a session (0800, DE70 001) before anything else.
    pub(super) sign_on: bool,
    /// Unix nanoseconds at the start of the replay.
    pub(super) wall_start_ns: u64,
}

/// A message on its way: where in the trace, in which pass, when due.
#[derive(Clone, Copy)]
struct Step {
    index: u32,
    pass: u32,
    own_ns: u64,
    due_ns: u64,
    slice: u64,
}

/// A connection's own way through the score, under [`Rate::Max`].
struct Part {
    notes: Vec<u32>,
    next: usize,
    pass: u32,
}

/// One target. Times are nanoseconds since the replay's start.
pub(super) struct Lane<'a> {
    score: &'a Score,
    endpoints: &'a [Endpoint],
    manner: Manner,
    pub(super) connections: Vec<Connection>,
    pub(super) tally: Tally,
    keys: Keys,
    /// By note: the connection it travels over.
    routes: Vec<u16>,
    parts: Vec<Part>,
    step: Option<Step>,
    span_us: u64,
    /// Connections with something to hand to the kernel.
    touched: Vec<usize>,
    /// Connections that wait for something else than before.
    changed: Vec<usize>,
    message: Message,
    finished: bool,
}

impl<'a> Lane<'a> {
    /// Connects: `connections` in all, shared among the endpoints that the score uses, at least one each.
    pub(super) fn open(
        score: &'a Score,
        endpoints: &'a [Endpoint],
        manner: Manner,
        connections: usize,
        first_stan: u32,
    ) -> Result<Lane<'a>, (String, io::Error)> {
        let used: Vec<usize> = (0..endpoints.len())
            .filter(|&index| score.notes.iter().any(|note| note.endpoint == index))
            .collect();
        let mut opened = Vec::new();
        for (place, &endpoint) in used.iter().enumerate() {
            let share = connections / used.len() + usize::from(place < connections % used.len());
            for _ in 0..share.max(1) {
                let Endpoint { address, framing, .. } = endpoints[endpoint];
                let connection = Connection::open(endpoint, address, framing)
                    .map_err(|error| (address.to_string(), error))?;
                opened.push(connection);
            }
        }
        let routes = routes(&score.notes, &opened);
        let mut parts: Vec<_> = opened.iter().map(|_| Part { notes: Vec::new(), next: 0, pass: 1 }).collect();
        if manner.rate == Rate::Max {
            (0..).zip(&routes).for_each(|(note, &route)| parts[usize::from(route)].notes.push(note));
        }
        let last_us = score.notes.last().map_or(0, |note| note.at_us);
        let mut lane = Lane {
            score,
            endpoints,
            manner,
            connections: opened,
            tally: Tally::new(),
            keys: Keys::new(score.notes.len(), first_stan),
            routes,
            parts,
            step: None,
            // The next pass starts a mean gap after the last message.
            span_us: last_us + last_us / score.notes.len().max(1) as u64 + 1,
            touched: Vec::new(),
            changed: Vec::new(),
            message: Message::new(),
            finished: score.notes.is_empty(),
        };
        lane.step = lane.step_at(0, 1);
        Ok(lane)
    }

    fn step_at(&self, index: u32, pass: u32) -> Option<Step> {
        let note = self.score.notes.get(index as usize)?;
        let count = self.score.notes.len() as u64;
        let passes = u64::from(pass - 1);
        let own_ns = due_ns(self.manner.rate, passes, index.into(), count, note.at_us, self.span_us)?;
        let over = match self.manner.duration_ns {
            Some(duration_ns) => own_ns >= duration_ns,
            None => pass > 1,
        };
        let (due_ns, slice) = self.manner.turns.common(own_ns);
        (!over).then_some(Step { index, pass, own_ns, due_ns, slice })
    }

    /// Puts what is due into the connections' outboxes and hands them to the kernel. `clock` is read anew after
    /// each connection, for the client's own lag.
    pub(super) fn play(&mut self, now_ns: u64, clock: impl Fn() -> u64) {
        if self.manner.rate == Rate::Max {
            self.play_to_answers(now_ns);
        } else {
            self.play_to_time(now_ns);
        }
        self.hand_over(now_ns, clock);
    }

    /// Hands to the kernel what the connections have for it.
    fn hand_over(&mut self, now_ns: u64, clock: impl Fn() -> u64) {
        let mut failed = Vec::new();
        for index in self.touched.drain(..) {
            let (connection, lags) = (&mut self.connections[index], &mut self.tally.lags);
            let sent = |dues: &[u64]| {
                let handed_ns = clock();
                dues.iter().for_each(|due_ns| lags.saturating_record(handed_ns.saturating_sub(*due_ns)));
            };
            let blocked = connection.is_blocked();
            if connection.flush(sent).is_err() {
                failed.push(index);
            } else if connection.is_blocked() != blocked {
                self.changed.push(index);
            }
        }
        failed.into_iter().for_each(|index| self.lose(index, now_ns));
    }

    fn play_to_time(&mut self, now_ns: u64) {
        for _ in 0..SENT_AT_ONCE {
            let Some(step) = self.step.filter(|step| step.due_ns <= now_ns) else { break };
            self.send(step, now_ns);
            let next = step.index + 1;
            let passed = next as usize == self.score.notes.len();
            self.step = if passed { self.step_at(0, step.pass + 1) } else { self.step_at(next, step.pass) };
        }
        self.finished |= self.step.is_none();
    }

    fn play_to_answers(&mut self, now_ns: u64) {
        let Some((own_ns, slice)) = self.manner.turns.own(now_ns) else { return };
        if self.manner.duration_ns.is_some_and(|duration_ns| own_ns >= duration_ns) {
            self.finished = true;
            return;
        }
        let mut ended = true;
        for index in 0..self.connections.len() {
            // A connection that stays down has no more to say; one that is coming back is waited for.
            let gone = self.connections[index].down_ns(now_ns) > self.manner.timeout_ns;
            while self.connections[index].flights.waiting() < self.manner.in_flight {
                let part = &mut self.parts[index];
                if part.next == part.notes.len() && self.manner.duration_ns.is_some() && part.next > 0 {
                    (part.next, part.pass) = (0, part.pass + 1);
                }
                let Some(&note) = part.notes.get(part.next).filter(|_| !gone) else { break };
                ended = false;
                if !self.connections[index].is_ready() {
                    break;
                }
                part.next += 1;
                let pass = part.pass;
                self.send(Step { index: note, pass, own_ns, due_ns: now_ns, slice }, now_ns);
            }
            ended &= gone || self.connections[index].flights.waiting() == 0;
        }
        self.finished |= ended;
    }

    fn send(&mut self, step: Step, now_ns: u64) {
        let route = usize::from(self.routes[step.index as usize]);
        let connection = &mut self.connections[route];
        self.tally.depart(step.slice, step.due_ns);
        if !connection.is_waiting() {
            self.touched.push(route);
        }
        let Some(outbox) = connection.outbox(step.due_ns) else {
            self.tally.lost += 1;
            return;
        };
        let second = (self.manner.wall_start_ns + now_ns) / 1_000_000_000;
        let key = self.score.write(step.index, &mut self.keys, step.pass, second, outbox);
        let warm = step.own_ns >= self.manner.warmup_ns;
        connection.flights.depart(key, step.index, step.pass, step.due_ns, warm);
    }

    /// A connection's socket has something to read, or has failed.
    pub(super) fn take(&mut self, index: usize, clock: impl Fn() -> u64) {
        let filled = self.connections[index].fill();
        let now_ns = clock();
        match filled {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => return self.lose(index, now_ns),
        }
        loop {
            let connection = &mut self.connections[index];
            let endpoint = &self.endpoints[connection.endpoint];
            let arrival = match connection.next() {
                Ok(Some(Found::Message(arrival))) => arrival,
                Ok(Some(Found::Unreadable)) => {
                    self.tally.unreadable += 1;
                    continue;
                }
                Ok(None) => return,
                // The stream cannot be cut any further.
                Err(_) => return self.lose(index, now_ns),
            };
            let mut reception = Reception {
                score: self.score,
                endpoint,
                keys: &mut self.keys,
                tally: &mut self.tally,
                echo: self.manner.echo,
            };
            match reception.take(arrival, &mut self.message, now_ns) {
                Effect::Nothing => {}
                Effect::Reply => self.touched.push(index),
                Effect::SignedOn => {
                    connection.signed_on();
                    self.tally.sign_ons += 1;
                    self.touched.push(index);
                }
                Effect::Refused(reason) => {
                    self.sign_on_failed(reason);
                    return self.give_up(index, now_ns);
                }
            }
        }
    }

    /// A connection's socket has room, or an attempt to open it has ended.
    pub(super) fn make_room(&mut self, index: usize, now_ns: u64) {
        self.changed.push(index);
        let opened = match self.connections[index].settle(now_ns) {
            // Room in a connection that was open before.
            Ok(false) => Ok(()),
            Ok(true) if self.manner.sign_on => self.open_session(index, now_ns),
            Ok(true) => Ok(()),
            Err(_) => return,
        };
        // What was written for one connection of an endpoint can be written for all.
        if opened.is_ok() {
            self.touched.push(index);
        }
    }

    /// The connection is gone, and with it every answer it owed.
    fn lose(&mut self, index: usize, now_ns: u64) {
        if self.connections[index].signing_on_ns(now_ns).is_some() {
            self.sign_on_failed("the connection ended before the sign-on was answered".to_owned());
        }
        self.give_up(index, now_ns);
    }

    fn give_up(&mut self, index: usize, now_ns: u64) {
        let connection = &mut self.connections[index];
        let owed = connection.flights.waiting();
        connection.lose(now_ns);
        self.changed.push(index);
        if self.finished && owed == 0 {
            return;
        }
        let lost = &mut self.tally.lost;
        connection.flights.expire(u64::MAX, |_| *lost += 1);
        self.tally.disconnects += 1;
    }

    /// Gives up what has waited too long, and opens lost connections again.
    pub(super) fn tidy(&mut self, now_ns: u64) {
        self.give_up_sign_ons(now_ns);
        let limit_ns = now_ns.saturating_sub(self.manner.timeout_ns);
        for (index, connection) in self.connections.iter_mut().enumerate() {
            let lost = &mut self.tally.lost;
            connection.flights.expire(limit_ns, |_| *lost += 1);
            if !self.finished && connection.retry(now_ns).unwrap_or(false) {
                self.changed.push(index);
            }
        }
    }

    /// The connections that wait for something else than when this was last asked.
    pub(super) fn take_changed(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.changed)
    }

    /// When the lane next has something to send by itself; `None`: not before an answer.
    pub(super) fn wake_ns(&self, now_ns: u64) -> Option<u64> {
        match self.manner.rate {
            _ if self.finished => None,
            Rate::Max if self.manner.turns.own(now_ns).is_some() => None,
            Rate::Max => Some(self.manner.turns.next(now_ns)),
            _ => self.step.map(|step| step.due_ns),
        }
    }

    /// Whether all is sent and nothing is waited for.
    pub(super) fn is_done(&self) -> bool {
        self.finished && self.connections.iter().all(|connection| connection.flights.waiting() == 0)
    }

    /// Sends no more; what is under way is still waited for.
    pub(super) fn stop(&mut self) {
        self.finished = true;
        self.step = None;
    }
}

/// Chains are dealt to the connections of their endpoint in turn; every message of a chain takes the same, so that
/// none overtakes another.
fn routes(notes: &[Note], connections: &[Connection]) -> Vec<u16> {
    let of_endpoint = |endpoint| -> Vec<u16> {
        (0..)
            .zip(connections)
            .filter(|(_, c): &(u16, _)| c.endpoint == endpoint)
            .map(|(index, _)| index)
            .collect()
    };
    let endpoints = notes.iter().map(|note| note.endpoint + 1).max().unwrap_or(0);
    let mut hands: Vec<_> =
        (0..endpoints).map(|endpoint| of_endpoint(endpoint).into_iter().cycle()).collect();
    let mut routes = Vec::with_capacity(notes.len());
    for (index, note) in notes.iter().enumerate() {
        let first = note.chain as usize;
        let route = if first < index && notes[first].endpoint == note.endpoint {
            routes[first]
        } else {
            // Every endpoint in use has a connection.
            hands[note.endpoint].next().unwrap_or(0)
        };
        routes.push(route);
    }
    routes
}
