//! A socket and its clocks in virtual time: stalls, stepped clocks, full buffers, cut frames.

use super::*;

const MS: u64 = 1_000_000;
/// How far the wall clock is ahead.
const AHEAD_NS: i64 = 1_700_000_000_000_000_000;

/// A socket whose segments are told with the time at which they came; merged as the kernel does, by `merge` at a time.
struct Socket {
    segments: Vec<(usize, u64)>,
    ahead_ns: i64,
    stamps: bool,
}

impl Socket {
    fn new() -> Socket {
        Socket { segments: Vec::new(), ahead_ns: AHEAD_NS, stamps: true }
    }

    fn comes(&mut self, length: usize, at_ns: u64) {
        self.segments.push((length, at_ns));
    }

    /// Merges what waits into runs of at most so many segments, under the stamp of the last of each.
    fn merge(&mut self, segments: usize) {
        let runs = self.segments.chunks(segments);
        self.segments = runs
            .map(|run| (run.iter().map(|part| part.0).sum(), run.last().map_or(0, |part| part.1)))
            .collect();
    }

    /// Reads up to `asked` bytes at `now_ns`; returns how many.
    fn read(&mut self, arrivals: &mut Arrivals, asked: usize, now_ns: u64) -> usize {
        let (mut length, mut stamp_ns) = (0, None);
        while length < asked && !self.segments.is_empty() {
            let (there, at_ns) = self.segments[0];
            let taken = there.min(asked - length);
            length += taken;
            stamp_ns = self.stamps.then_some(at_ns as i64 + AHEAD_NS);
            if taken == there {
                self.segments.remove(0);
            } else {
                self.segments[0].0 -= taken;
            }
        }
        let left = self.segments.iter().map(|segment| segment.0).sum();
        let wall_ns = now_ns as i64 + self.ahead_ns;
        arrivals.read(&Read { now_ns, wall_ns, ahead_ns: self.ahead_ns, length, stamp_ns, left });
        length
    }
}

#[test]
fn the_first_message_of_an_idle_link_is_as_old_as_its_stamp() {
    let (mut socket, mut arrivals) = (Socket::new(), Arrivals::new(0));
    for turn in (0..3_600_000).step_by(5) {
        arrivals.found_empty(turn * MS);
    }
    let now_ns = 3_600_000 * MS;
    socket.comes(200, now_ns - MS / 10);
    socket.read(&mut arrivals, 4_096, now_ns);
    assert_eq!(arrivals.next_frame(), now_ns - MS / 10);
}

#[test]
fn what_came_in_a_stall_is_never_younger_than_it_is() {
    for (merge, asked, frame) in
        [(1, 4_096, 200), (3, 4_096, 500), (17, 4_096, 200), (2_000, 4_096, 200), (64, 700, 333)]
    {
        let (mut socket, mut arrivals) = (Socket::new(), Arrivals::new(0));
        arrivals.found_empty(10 * MS);
        // Stopped from 10 ms to 2,010 ms; a message a millisecond, of which some are cut by reads.
        let came: Vec<u64> = (0..2_000).map(|at| (10 + at) * MS + 1).collect();
        came.iter().for_each(|at_ns| socket.comes(frame, *at_ns));
        socket.merge(merge);
        let (mut bytes, mut at, mut now_ns) = (0, 0, 2_010 * MS);
        let mut youngest = u64::MAX;
        while at < came.len() {
            bytes += socket.read(&mut arrivals, asked, now_ns);
            while bytes >= frame && at < came.len() {
                let arrived_ns = arrivals.next_frame();
                assert!(
                    arrived_ns <= came[at],
                    "{merge} {asked}: {at} came at {} ns, not {arrived_ns}",
                    came[at]
                );
                youngest = now_ns - arrived_ns;
                (bytes, at) = (bytes - frame, at + 1);
            }
            arrivals.keep(bytes);
            now_ns += MS / 100;
        }
        // Stamps are worth it: the last ones are not taken for two seconds old, unless all were merged into one.
        assert!(merge == 2_000 || youngest < 150 * MS, "{merge} {asked}: {youngest}");
        // What comes after that is fresh.
        socket.comes(frame, now_ns + 3 * MS);
        socket.read(&mut arrivals, asked, now_ns + 3 * MS);
        arrivals.keep(0);
        assert_eq!((arrivals.next_frame(), arrivals.next_frame()).1, now_ns + 3 * MS);
    }
}

#[test]
fn a_message_alone_that_came_in_a_stall_is_as_old_as_the_stall() {
    let (mut socket, mut arrivals) = (Socket::new(), Arrivals::new(0));
    arrivals.found_empty(10 * MS);
    // Its first half may have come at any time.
    socket.comes(200, 1_999 * MS);
    socket.read(&mut arrivals, 4_096, 2_000 * MS);
    assert_eq!(arrivals.next_frame(), 10 * MS);
}

#[test]
fn a_clock_that_is_set_makes_nothing_younger() {
    for step_ns in [-3_600, -1, 1, 3_600].map(|seconds| seconds * 1_000_000_000) {
        let (mut socket, mut arrivals) = (Socket::new(), Arrivals::new(0));
        socket.comes(10, MS);
        socket.read(&mut arrivals, 4_096, MS);
        (0..200).for_each(|at| socket.comes(200, (10 + at) * MS));
        socket.ahead_ns += step_ns;
        let mut now_ns = 300 * MS;
        for read in 0..10 {
            assert_eq!(socket.read(&mut arrivals, 4_000, now_ns), 4_000);
            let (arrived_ns, came_ns) = (arrivals.next_frame(), (10 + read * 20) * MS);
            assert!(arrived_ns <= came_ns && arrived_ns >= MS, "{step_ns}: {arrived_ns} for {came_ns}");
            now_ns += MS / 10;
        }
        // In a calm turn a stamp is held between that turn and now, whatever the clocks say.
        for at in 0..3 {
            let now_ns = now_ns + (10 + at * 10) * MS;
            arrivals.found_empty(now_ns - 5 * MS);
            socket.comes(200, now_ns - MS);
            socket.ahead_ns += step_ns;
            socket.read(&mut arrivals, 4_096, now_ns);
            assert!((now_ns - 5 * MS..=now_ns).contains(&arrivals.next_frame()));
        }
    }
}

#[test]
fn a_missing_stamp_makes_nothing_younger() {
    let (mut socket, mut arrivals) = (Socket::new(), Arrivals::new(0));
    socket.stamps = false;
    arrivals.found_empty(10 * MS);
    socket.comes(200, 12 * MS);
    socket.read(&mut arrivals, 4_096, 14 * MS);
    assert_eq!(arrivals.next_frame(), 10 * MS);
    (0..100).for_each(|at| socket.comes(200, (20 + at) * MS));
    for read in 0..5 {
        socket.read(&mut arrivals, 4_000, 200 * MS + read * MS);
        assert_eq!(arrivals.next_frame(), 14 * MS);
    }
}

#[test]
fn what_waits_behind_a_full_buffer_has_no_age_of_its_own() {
    let (mut socket, mut arrivals) = (Socket::new(), Arrivals::new(0));
    arrivals.found_empty(10 * MS);
    let mut now_ns = 2_000 * MS;
    arrivals.hold_back(now_ns);
    // The buffer holds what came first; the rest was sent then too, but is stamped when it gets in: as we read.
    (0..40).for_each(|at| socket.comes(200, (10 + at) * MS));
    for _ in 0..4 {
        socket.read(&mut arrivals, 4_000, now_ns);
        assert_eq!(arrivals.next_frame(), 10 * MS);
        (0..20).for_each(|_| socket.comes(200, now_ns));
        now_ns += MS;
    }
    while socket.read(&mut arrivals, 4_000, now_ns) == 4_000 {}
    // Emptied; what the kernel had no room for is sent once more when the peer's timer says so.
    for later_ms in [2, 200, 1_900, 2_900] {
        arrivals.found_empty(now_ns + (later_ms - 1) * MS);
        socket.comes(200, now_ns + later_ms * MS);
        socket.read(&mut arrivals, 4_000, now_ns + later_ms * MS);
        assert_eq!(arrivals.next_frame(), 10 * MS, "{later_ms} ms later");
    }
    arrivals.found_empty(now_ns + 3_000 * MS);
    socket.comes(200, now_ns + 3_001 * MS);
    socket.read(&mut arrivals, 4_000, now_ns + 3_001 * MS);
    assert_eq!(arrivals.next_frame(), now_ns + 3_001 * MS);
}

#[test]
fn a_socket_that_is_never_found_empty_does_not_age_what_comes_now() {
    // Reads are always full, the backlog is two of them: without stamps, what was there proves what was not.
    for stamps in [true, false] {
        let (mut socket, mut arrivals) = (Socket::new(), Arrivals::new(0));
        socket.stamps = stamps;
        (0..60).for_each(|_| socket.comes(200, 1));
        for turn in 1..1_000 {
            let now_ns = turn * MS;
            assert_eq!(socket.read(&mut arrivals, 4_000, now_ns), 4_000);
            let arrived_ns = arrivals.next_frame();
            assert!(turn < 10 || now_ns - arrived_ns <= 8 * MS, "turn {turn}: {} ns", now_ns - arrived_ns);
            (0..20).for_each(|_| socket.comes(200, now_ns));
        }
    }
}

#[test]
fn a_frame_is_as_old_as_its_first_byte() {
    let (mut socket, mut arrivals) = (Socket::new(), Arrivals::new(0));
    let mut step = |length, now_ns, frames: usize, rest| {
        arrivals.found_empty(now_ns - MS);
        socket.comes(length, now_ns);
        socket.read(&mut arrivals, 4_096, now_ns);
        let came: Vec<u64> = (0..frames).map(|_| arrivals.next_frame() / MS).collect();
        arrivals.keep(rest);
        came
    };
    assert!(step(50, 10 * MS, 0, 50).is_empty());
    assert!(step(50, 20 * MS, 0, 100).is_empty());
    // Its rest, a whole one, and the beginning of a third.
    assert_eq!(step(350, 30 * MS, 2, 50), [10, 30]);
    assert_eq!(step(150, 40 * MS, 1, 0), [30]);
    assert_eq!(step(200, 50 * MS, 1, 0), [50]);
}
