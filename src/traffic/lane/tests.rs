//! The lane in virtual time against a peer in the same thread: what is lost, late, sent again after a pause or left out
//! rests on the time that the test gives, and on nothing the machine does.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::traffic::matching::Matching;
use crate::traffic::pace::Rate;
use crate::traffic::trace::Trace;
use crate::wire::frame::Framing;
use crate::wire::{Bitmap, Dialect, Value};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A millisecond of the lane's time.
const MS: u64 = 1_000_000;
/// A hang ends here instead of nowhere.
const PATIENCE: Duration = Duration::from_secs(120);

/// A listener and what it takes to open a lane to it.
struct Stage {
    listener: TcpListener,
    score: Score,
    endpoints: Vec<Endpoint>,
}

/// One connection's other end.
struct Peer {
    stream: TcpStream,
    dialect: Arc<Dialect>,
    buffer: Vec<u8>,
}

const PLAIN: Manner = Manner {
    rate: Rate::Recorded(1.0),
    turns: Turns::ALONE,
    duration_ns: None,
    warmup_ns: 0,
    timeout_ns: 300 * MS,
    in_flight: 1,
    echo: false,
    sign_on: false,
    wall_start_ns: 1_795_348_800_000_000_000,
};

impl Stage {
    /// Sales, one a millisecond from 0 on.
    fn new(count: usize) -> Stage {
        let line = |number: usize| {
            format!(
                "{{\"at_us\":{},\"link\":\"a\",\"mti\":\"0100\",\"fields\":{{\"4\":\"000000000100\",\
                 \"7\":\"0115000000\",\"11\":\"{:06}\"}},\"expect\":\"00\"}}\n",
                number * 1000,
                number + 1
            )
        };
        let text: String = (0..count).map(line).collect();
        let trace = Trace::read(text.as_bytes(), "sales").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoints = vec![Endpoint {
            link: String::new(),
            address: listener.local_addr().unwrap(),
            dialect: Dialect::builtin("iso87-ascii").unwrap(),
            framing: Framing::LENGTH2_BE,
        }];
        let score = Score::new(&trace, &endpoints, Matching::default()).unwrap();
        Stage { listener, score, endpoints }
    }

    fn lane(&self, manner: Manner) -> Lane<'_> {
        Lane::open(&self.score, &self.endpoints, manner, 1, 0).map_err(|(_, error)| error).unwrap()
    }

    fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Peer { stream, dialect: self.endpoints[0].dialect.clone(), buffer: Vec::new() }
    }
}

impl Peer {
    /// The next message.
    fn receive(&mut self) -> Vec<u8> {
        loop {
            if let Some(cut) = Framing::LENGTH2_BE.next(&self.buffer, 65_535).unwrap() {
                return self.buffer.drain(..cut.next).skip(cut.start).collect();
            }
            let mut room = [0; 4096];
            let length = self.stream.read(&mut room).unwrap();
            assert!(length > 0, "the lane closed the connection");
            self.buffer.extend_from_slice(&room[..length]);
        }
    }

    fn receive_all(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.receive()).collect()
    }

    /// Answers a message with 00 and what it had in DE7, 11 and 70.
    fn answer(&mut self, request: &[u8]) {
        let mut message = Message::new();
        self.dialect.parse(request, &mut message).unwrap();
        let view = self.dialect.view(request, &message);
        let mut echo = Bitmap::default();
        [7, 11, 70].into_iter().for_each(|de| echo.insert(de));
        let mut out = Vec::new();
        let mark = Framing::LENGTH2_BE.begin(&mut out, crate::wire::frame::Lead::Own);
        let own = [(39, Value::Text(b"00"))];
        self.dialect.build(&mut out, view.mti().response(), Some(view), echo, &own).unwrap();
        Framing::LENGTH2_BE.finish(&mut out, mark).unwrap();
        self.stream.write_all(&out).unwrap();
    }
}

/// What is due at a moment is sent; lost connections and answers are looked for.
fn at(lane: &mut Lane<'_>, now_ns: u64) {
    lane.play(now_ns, || now_ns);
    lane.tidy(now_ns);
}

/// Reads at a moment until so much is counted.
fn read_until(lane: &mut Lane<'_>, now_ns: u64, enough: impl Fn(&Tally) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !enough(&lane.tally) {
        assert!(Instant::now() < end, "nothing came");
        lane.take(0, || now_ns);
        std::thread::yield_now();
    }
}

#[test]
fn what_is_due_is_sent_answers_or_not() {
    for (rate, last_ns) in [
        (Rate::Recorded(1.0), 99 * MS),
        (Rate::Recorded(3.0), 33 * MS),
        (Rate::PerSecond(2_000.0), 99 * MS / 2),
    ] {
        let stage = Stage::new(100);
        let mut lane = stage.lane(Manner { rate, ..PLAIN });
        for (now_ns, sent) in [(0, 1), (last_ns / 2, 50), (last_ns - 1_000, 99), (last_ns, 100)] {
            assert!(lane.wake_ns(now_ns).is_some_and(|wake_ns| wake_ns <= last_ns), "{rate}");
            lane.play(now_ns, || now_ns);
            assert_eq!(lane.tally.sent, sent, "{rate} at {now_ns}");
        }
        assert_eq!((lane.wake_ns(last_ns), lane.is_done()), (None, false));
    }
}

#[test]
fn an_answer_that_does_not_come_in_time_is_lost_and_late_when_it_comes() {
    let stage = Stage::new(100);
    let mut lane = stage.lane(PLAIN);
    let mut peer = stage.accept();
    at(&mut lane, 99 * MS);
    let sent = peer.receive_all(100);
    // Every tenth is kept back.
    (0..100).filter(|number| number % 10 != 3).for_each(|number| peer.answer(&sent[number]));
    read_until(&mut lane, 200 * MS, |tally| tally.answered == 90);
    // The first ones kept back were due at 3, 13, 23 ms: lost when more than the timeout has passed.
    for (now_ns, lost) in [(303 * MS, 0), (303 * MS + 1, 1), (323 * MS, 2), (393 * MS, 9), (400 * MS, 10)] {
        lane.tidy(now_ns);
        assert_eq!(lane.tally.lost, lost, "at {now_ns}");
    }
    assert!(lane.is_done());
    for number in [3, 93] {
        peer.answer(&sent[number]);
    }
    read_until(&mut lane, 500 * MS, |tally| tally.late == 2);
    let tally = &lane.tally;
    assert_eq!((tally.answered, tally.lost, tally.duplicates, tally.unmatched), (90, 10, 0, 0));
}

#[test]
fn a_latency_begins_when_its_message_was_due() {
    let stage = Stage::new(1_000);
    let mut lane = stage.lane(PLAIN);
    let mut peer = stage.accept();
    // The lane itself was kept from sending: that is in the latency too.
    (0..4).for_each(|_| lane.play(999 * MS, || 999 * MS));
    for message in peer.receive_all(1_000) {
        peer.answer(&message);
    }
    read_until(&mut lane, 1_000 * MS, |tally| tally.answered == 1_000);
    let latencies = &lane.tally.latencies[crate::traffic::Family::Authorization as usize];
    assert_eq!(latencies.len(), 1_000);
    let close = |ns: u64, ms: u64| ns.abs_diff(ms * MS) <= ms * MS / 500;
    assert!(close(latencies.min(), 1) && close(latencies.max(), 1_000));
    assert!(close(latencies.value_at_quantile(0.5), 500));
    assert!(close(lane.tally.lags.max(), 999));
}

#[test]
fn warm_up_is_left_out_of_the_latencies_only() {
    let stage = Stage::new(100);
    let mut lane = stage.lane(Manner { warmup_ns: 40 * MS, ..PLAIN });
    let mut peer = stage.accept();
    at(&mut lane, 99 * MS);
    for message in peer.receive_all(100) {
        peer.answer(&message);
    }
    read_until(&mut lane, 100 * MS, |tally| tally.answered == 100);
    assert_eq!((lane.tally.checked, lane.tally.interval.len()), (100, 60));
}

/// Goes on in steps of 10 ms until the lane has connected again; gives the time then.
fn come_back(lane: &mut Lane<'_>, from_ns: u64) -> u64 {
    let end = Instant::now() + PATIENCE;
    let mut now_ns = from_ns;
    while lane.connections[0].socket().is_none() {
        now_ns += 10 * MS;
        at(lane, now_ns);
    }
    while lane.connections[0].down_ns(now_ns) > 0 && lane.connections[0].signing_on_ns(now_ns).is_none() {
        assert!(Instant::now() < end, "no connection");
        lane.make_room(0, now_ns);
    }
    now_ns
}

#[test]
fn a_lost_connection_comes_back_after_a_pause_and_nothing_due_in_it_is_skipped() {
    let stage = Stage::new(1_000);
    let mut lane = stage.lane(PLAIN);
    let mut peer = stage.accept();
    at(&mut lane, 99 * MS);
    for message in peer.receive_all(100).into_iter().take(90) {
        peer.answer(&message);
    }
    read_until(&mut lane, 100 * MS, |tally| tally.answered == 90);
    drop(peer);
    read_until(&mut lane, 100 * MS, |tally| tally.disconnects == 1);
    assert_eq!(lane.tally.lost, 10, "what it owed");
    at(&mut lane, 199 * MS);
    assert!(lane.connections[0].socket().is_none(), "not before the pause is over");
    let now_ns = come_back(&mut lane, 199 * MS);
    let mut peer = stage.accept();
    at(&mut lane, now_ns);
    let due = now_ns / MS + 1 - 100;
    for message in peer.receive_all(due as usize) {
        peer.answer(&message);
    }
    read_until(&mut lane, now_ns, |tally| tally.answered == 90 + due);
    assert_eq!((lane.tally.lost, lane.tally.disconnects), (10, 1));
}

#[test]
fn a_connection_that_came_back_signs_on_before_what_waited() {
    let stage = Stage::new(1_000);
    let mut lane = stage.lane(Manner { sign_on: true, ..PLAIN });
    let peer = stage.accept();
    at(&mut lane, 9 * MS);
    drop(peer);
    read_until(&mut lane, 10 * MS, |tally| tally.disconnects == 1);
    let lost = lane.tally.lost;
    let now_ns = come_back(&mut lane, 10 * MS);
    at(&mut lane, now_ns);
    let mut peer = stage.accept();
    assert_eq!(&peer.receive()[..4], b"0800");
    // Not answered in time: given up, and tried again behind another pause.
    at(&mut lane, now_ns + PLAIN.timeout_ns - 1);
    assert!(lane.tally.sign_on_failures.is_empty());
    lane.tidy(now_ns + PLAIN.timeout_ns);
    let failed: Vec<_> = lane.tally.sign_on_failures.iter().collect();
    assert_eq!(failed, [(&"no answer to the sign-on within 300ms".to_owned(), &1)]);
    let now_ns = come_back(&mut lane, now_ns + PLAIN.timeout_ns);
    at(&mut lane, now_ns);
    let mut peer = stage.accept();
    let sign_on = peer.receive();
    peer.answer(&sign_on);
    read_until(&mut lane, now_ns, |tally| tally.sign_ons == 1);
    at(&mut lane, now_ns);
    assert_eq!(&peer.receive()[..4], b"0100");
    assert!(lane.tally.lost > lost, "what waited for the sign-on that failed");
}

#[test]
fn saturation_keeps_the_given_number_in_flight() {
    let stage = Stage::new(100);
    let mut lane = stage.lane(Manner { rate: Rate::Max, in_flight: 5, duration_ns: Some(50 * MS), ..PLAIN });
    let mut peer = stage.accept();
    at(&mut lane, 0);
    at(&mut lane, 10 * MS);
    assert_eq!(lane.tally.sent, 5);
    let sent = peer.receive_all(5);
    sent[..2].iter().for_each(|message| peer.answer(message));
    read_until(&mut lane, 20 * MS, |tally| tally.answered == 2);
    at(&mut lane, 20 * MS);
    assert_eq!(lane.tally.sent, 7);
    at(&mut lane, 50 * MS);
    assert_eq!((lane.tally.sent, lane.is_done()), (7, false), "the play's time is over");
    lane.tidy(400 * MS);
    assert_eq!((lane.tally.lost, lane.is_done()), (5, true));
}
