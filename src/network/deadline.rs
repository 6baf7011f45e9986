//! What a connection may not take its time for: a frame, silence, its answers; and how much of what it sends may be
//! refused. Told the time, so that all of it is tested in virtual time. Must not know sockets or messages.

use std::time::Duration;
use tokio::time::Instant;

/// Which deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// No whole frame came for the idle time.
    Idle,
    /// A frame was begun and is not all there.
    Frame,
}

/// The deadlines of what a peer sends.
#[derive(Debug)]
pub struct Deadlines {
    idle: Duration,
    frame: Duration,
    last_frame: Instant,
    /// When the first byte of the unfinished frame was read.
    begun: Option<Instant>,
    /// What was found overdue once.
    suspected: Option<(Overdue, Instant)>,
}

/// A loop that stood still may not have looked at the socket yet: it has by the second time, so much later.
const AGAIN: Duration = Duration::from_millis(10);

impl Deadlines {
    /// Of a connection that was opened at `now`: so long between two whole frames, and so long for one.
    pub fn new(idle: Duration, frame: Duration, now: Instant) -> Deadlines {
        Deadlines { idle, frame, last_frame: now, begun: None, suspected: None }
    }

    /// What was read last, at `at`, is cut: whether that brought whole frames, and whether one is left unfinished.
    pub fn cut(&mut self, at: Instant, frames: bool, unfinished: bool) {
        if frames {
            self.last_frame = at;
        }
        let goes_on = self.begun.filter(|_| !frames).unwrap_or(at);
        self.begun = unfinished.then_some(goes_on);
    }

    /// Since when there is an unfinished frame.
    pub fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// The switch did not read until now: what is missing of a frame may have waited for that.
    pub fn not_read(&mut self, now: Instant) {
        self.begun = self.begun.map(|_| now);
    }

    /// When to ask next.
    pub fn next(&self, now: Instant) -> Instant {
        let frame = self.begun.unwrap_or(now) + self.frame;
        frame.min(self.last_frame + self.idle).max(now + AGAIN)
    }

    /// What is overdue, at the second time it is asked. A connection that is owed an answer is not idle.
    pub fn overdue(&mut self, now: Instant, is_owed: bool) -> Option<Overdue> {
        let found = match self.begun {
            Some(begun) if now >= begun + self.frame => Some((Overdue::Frame, begun)),
            _ if now >= self.last_frame + self.idle && !is_owed => Some((Overdue::Idle, self.last_frame)),
            _ => None,
        };
        let before = std::mem::replace(&mut self.suspected, found);
        found.filter(|_| before == found).map(|(overdue, _)| overdue)
    }
}

/// How much of what a connection sends is refused: more than `most` in a second, and more than half of all.
#[derive(Debug)]
pub struct RefusedRate {
    most: u32,
    since: Instant,
    frames: u64,
    refused: u64,
}

impl RefusedRate {
    /// From `now` on; `most` = 0: any number.
    pub fn new(most: u32, now: Instant) -> RefusedRate {
        RefusedRate { most, since: now, frames: 0, refused: 0 }
    }

    /// So many frames came, and so many of them were refused. Returns whether that is too much.
    pub fn add(&mut self, now: Instant, frames: u64, refused: u64) -> bool {
        if now >= self.since + Duration::from_secs(1) {
            (self.since, self.frames, self.refused) = (now, 0, 0);
        }
        self.frames += frames;
        self.refused += refused;
        self.most > 0 && self.refused > u64::from(self.most) && self.refused * 2 > self.frames
    }
}

/// Whether a peer that is owed bytes takes any: what it has acknowledged counts, not what our kernel has room for.
#[derive(Debug)]
pub struct Progress {
    patience: Duration,
    since: Instant,
    acknowledged: u64,
}

impl Progress {
    /// From `now` on, when so many bytes had been acknowledged.
    pub fn new(patience: Duration, now: Instant, acknowledged: u64) -> Progress {
        Progress { patience, since: now, acknowledged }
    }

    /// When to look next.
    pub fn next(&self, now: Instant) -> Instant {
        now + (self.patience / 8).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }

    /// So many bytes are acknowledged by now. Returns whether the peer has taken nothing for too long.
    pub fn stalled(&mut self, now: Instant, acknowledged: u64) -> bool {
        if acknowledged != self.acknowledged {
            (self.since, self.acknowledged) = (now, acknowledged);
        }
        now >= self.since + self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments in milliseconds since one that does not matter.
    fn at(origin: Instant) -> impl Fn(u64) -> Instant {
        move |ms| origin + Duration::from_millis(ms)
    }

    #[test]
    fn a_frame_has_its_time_from_its_first_byte_and_silence_is_told_by_whole_frames() {
        let origin = Instant::now();
        let at = at(origin);
        let (idle, frame) = (Duration::from_secs(300), Duration::from_secs(10));
        let mut deadlines = Deadlines::new(idle, frame, origin);
        assert_eq!((deadlines.begun(), deadlines.next(at(0))), (None, at(10_000)));
        // A byte each second: the frame is as old as its first, and no whole one came.
        for second in 1..=10 {
            deadlines.cut(at(second * 1_000), false, true);
            assert_eq!(deadlines.overdue(at(second * 1_000), false), None);
        }
        assert_eq!((deadlines.begun(), deadlines.next(at(10_500))), (Some(at(1_000)), at(11_000)));
        // Only at the second look: what had come by the first has been read by then.
        assert_eq!(deadlines.overdue(at(11_000), false), None);
        assert_eq!(deadlines.next(at(11_000)), at(11_010));
        assert_eq!(deadlines.overdue(at(11_010), true), Some(Overdue::Frame));
        // What had come ends it, and begins another with its last bytes.
        deadlines.cut(at(11_005), true, true);
        assert_eq!((deadlines.overdue(at(11_010), false), deadlines.begun()), (None, Some(at(11_005))));
        // The switch itself did not read: the rest may wait in the socket.
        deadlines.not_read(at(30_000));
        assert_eq!((deadlines.overdue(at(39_999), false), deadlines.next(at(39_000))), (None, at(40_000)));
        deadlines.cut(at(39_999), true, false);
        assert_eq!(deadlines.overdue(at(300_000), false), None);
        // Idle since the last whole frame; not while an answer is owed.
        assert_eq!(deadlines.overdue(at(339_999), false), None);
        assert_eq!([at(339_999), at(340_100)].map(|now| deadlines.overdue(now, true)), [None; 2]);
        assert_eq!(deadlines.overdue(at(340_200), false), None);
        assert_eq!(deadlines.overdue(at(340_210), false), Some(Overdue::Idle));
    }

    #[test]
    fn what_closes_is_a_flood_of_refused_messages_and_not_a_network_with_a_wrong_field() {
        let origin = Instant::now();
        let at = at(origin);
        // (most, second by second: frames and refused in so many steps, whether it ends by that)
        let cases: [(u32, &[[u64; 3]], bool); 7] = [
            (100, &[[1, 100, 100], [1, 100, 100], [1, 100, 100]], false),
            (100, &[[1, 101, 101]], true),
            (100, &[[101, 1, 1]], true),
            // Two thousand a second, a third of them with a bad field.
            (100, &[[100, 20, 7], [100, 20, 7]], false),
            (100, &[[100, 20, 7], [100, 20, 11]], true),
            (0, &[[100, 1_000, 1_000]], false),
            (1, &[[1, 2, 2]], true),
        ];
        for (number, (most, seconds, ends)) in cases.into_iter().enumerate() {
            let mut rate = RefusedRate::new(most, origin);
            let mut ended = false;
            for (second, [steps, frames, refused]) in seconds.iter().enumerate() {
                for step in 0..*steps {
                    let now = at(second as u64 * 1_000 + step * 1_000 / steps);
                    ended |= rate.add(now, *frames, *refused);
                }
            }
            assert_eq!(ended, ends, "case {number}");
        }
    }

    #[test]
    fn a_peer_that_reads_slowly_makes_progress_and_one_that_reads_nothing_does_not() {
        let origin = Instant::now();
        let at = at(origin);
        let mut progress = Progress::new(Duration::from_secs(5), origin, 1_000);
        assert_eq!(progress.next(at(0)), at(625));
        for second in 1..100 {
            assert!(!progress.stalled(at(second * 4_000), 1_000 + second), "{second}");
        }
        assert!(!progress.stalled(at(400_999), 1_099));
        assert!(progress.stalled(at(401_000), 1_099));
    }
}
