//! Whether the threads of a switch still make turns, as another thread sees them: moments go in, a name and a duration come
//! out. What stood still together with the onlooker, as when the whole machine did, says nothing of one thread. Reads no clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the onlooker may be without a beat of its own before it trusts nothing that it sees, nanoseconds.
const BLIND_NS: u64 = 1_000_000_000;

/// Tells for how many nanoseconds a thread has made no turn, at a moment; 0 where it rightly makes none.
type Stood = Box<dyn Fn(u64) -> u64 + Send + Sync>;

/// A thread that is looked at.
struct Thread {
    name: String,
    /// What a turn of it may take, nanoseconds.
    turn_ns: u64,
    stood: Stood,
}

/// The threads that are looked at, and the beat of the thread that looks.
pub struct Pulse {
    threads: Vec<Thread>,
    beat_ns: AtomicU64,
    /// Since when the onlooker has not stood still itself.
    seeing_ns: AtomicU64,
}

impl Pulse {
    /// Of no thread yet; the onlooker sees from now on.
    #[must_use]
    pub fn new(now_ns: u64) -> Pulse {
        let (beat_ns, seeing_ns) = (AtomicU64::new(now_ns), AtomicU64::new(now_ns));
        Pulse { threads: Vec::new(), beat_ns, seeing_ns }
    }

    /// Looks at one more thread, of which a turn may take so long.
    pub fn watch(
        &mut self,
        name: impl Into<String>,
        turn: Duration,
        stood: impl Fn(u64) -> u64 + Send + Sync + 'static,
    ) {
        let turn_ns = turn.as_nanos() as u64;
        self.threads.push(Thread { name: name.into(), turn_ns, stood: Box::new(stood) });
    }

    /// The onlooker's own sign of life, due several times a second.
    pub fn beat(&self, now_ns: u64) {
        let last_ns = self.beat_ns.swap(now_ns, Ordering::Relaxed);
        if now_ns.saturating_sub(last_ns) > BLIND_NS {
            self.seeing_ns.store(now_ns, Ordering::Relaxed);
        }
    }

    /// The thread that has stood still longest beyond what its turn may take, and for how long, if it is over by `least` and
    /// the onlooker has not stood still meanwhile.
    #[must_use]
    pub fn standing(&self, now_ns: u64, least: Duration) -> Option<(&str, Duration)> {
        if now_ns.saturating_sub(self.beat_ns.load(Ordering::Relaxed)) > BLIND_NS {
            return None;
        }
        let seen_ns = now_ns.saturating_sub(self.seeing_ns.load(Ordering::Relaxed));
        let over = |thread: &Thread| {
            let stood_ns = (thread.stood)(now_ns).min(seen_ns);
            (stood_ns.saturating_sub(thread.turn_ns), stood_ns)
        };
        let longest = self.threads.iter().map(|thread| (over(thread), thread.name.as_str()));
        let ((over_ns, stood_ns), name) = longest.max_by_key(|(over, _)| *over)?;
        (over_ns >= least.as_nanos() as u64).then_some((name, Duration::from_nanos(stood_ns)))
    }
}

/// The turns of a thread that has no loop of sockets.
#[derive(Debug)]
pub struct Beat(AtomicU64);

/// Stands for a moment in which no turn is due.
const NOT_DUE: u64 = u64::MAX;

impl Beat {
    /// Its first turn is now.
    #[must_use]
    pub fn new(now_ns: u64) -> Beat {
        Beat(AtomicU64::new(now_ns))
    }

    /// It makes a turn.
    pub fn turn(&self, now_ns: u64) {
        self.0.store(now_ns, Ordering::Relaxed);
    }

    /// It begins what may take any time: a disk.
    pub fn not_due(&self) {
        self.0.store(NOT_DUE, Ordering::Relaxed);
    }

    /// For how long it has made no turn, nanoseconds.
    #[must_use]
    pub fn stood_ns(&self, now_ns: u64) -> u64 {
        // What is not due is later than any moment.
        now_ns.saturating_sub(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const S: u64 = 1_000_000_000;
    const LEAST: Duration = Duration::from_secs(2);

    /// Two threads that make turns like the onlooker, each tenth of a second, as long as they do.
    struct Stage {
        pulse: Pulse,
        threads: [Arc<Beat>; 2],
        now_ns: u64,
    }

    impl Stage {
        fn new() -> Stage {
            let threads: [Arc<Beat>; 2] = [Arc::new(Beat::new(S)), Arc::new(Beat::new(S))];
            let mut pulse = Pulse::new(S);
            for (number, thread) in threads.iter().cloned().enumerate() {
                pulse
                    .watch(format!("worker-{number}"), Duration::ZERO, move |now_ns| thread.stood_ns(now_ns));
            }
            Stage { pulse, threads, now_ns: S }
        }

        /// So much time passes; `turns` tells which of both make turns, the onlooker always does.
        fn pass(&mut self, seconds: u64, turns: [bool; 2]) -> Option<(String, u64)> {
            for _ in 0..seconds * 10 {
                self.now_ns += S / 10;
                for (thread, _) in self.threads.iter().zip(turns).filter(|(_, turns)| *turns) {
                    thread.turn(self.now_ns);
                }
                self.pulse.beat(self.now_ns);
            }
            self.seen()
        }

        fn seen(&self) -> Option<(String, u64)> {
            let standing = self.pulse.standing(self.now_ns, LEAST);
            standing.map(|(name, stood)| (name.to_owned(), stood.as_secs()))
        }
    }

    #[test]
    fn a_thread_that_stands_alone_is_named() {
        let mut stage = Stage::new();
        assert_eq!(stage.pass(60, [true, true]), None);
        assert_eq!(stage.pass(1, [true, false]), None);
        assert_eq!(stage.pass(1, [true, false]), Some(("worker-1".into(), 2)));
        assert_eq!(stage.pass(3_600, [true, false]), Some(("worker-1".into(), 3_602)));
        assert_eq!(stage.pass(1, [false, true]), None, "it goes on, the other has just begun");
        assert_eq!(stage.pass(9, [false, true]), Some(("worker-0".into(), 10)));
    }

    #[test]
    fn what_stood_with_the_onlooker_is_nobodys_fault() {
        for stall_s in [2, 15, 86_400] {
            let mut stage = Stage::new();
            stage.pass(5, [true, true]);
            // The whole machine stands; the onlooker is asked before any thread, itself too, made a turn.
            stage.now_ns += stall_s * S;
            assert_eq!(stage.seen(), None, "{stall_s} s");
            stage.pulse.beat(stage.now_ns);
            assert_eq!(stage.seen(), None, "{stall_s} s");
            // One that does not come back is noticed as late as one that stands from then on.
            assert_eq!(stage.pass(1, [true, false]), None);
            assert_eq!(stage.pass(2, [true, false]), Some(("worker-1".into(), 3)));
        }
    }

    #[test]
    fn a_turn_may_take_its_time() {
        let beat = Arc::new(Beat::new(0));
        let mut pulse = Pulse::new(0);
        pulse.watch("upkeep", Duration::from_secs(60), move |now_ns| beat.stood_ns(now_ns));
        for (second, seen) in [(1, None), (61, None), (62, Some(62)), (100, Some(100))] {
            (1..=second * 10).for_each(|tenth| pulse.beat(tenth * S / 10));
            let standing = pulse.standing(second * S, LEAST).map(|(_, stood)| stood.as_secs());
            assert_eq!(standing, seen, "{second} s");
        }
    }

    #[test]
    fn at_a_disk_no_turn_is_due() {
        let mut stage = Stage::new();
        stage.threads[0].not_due();
        assert_eq!(stage.pass(3_600, [false, true]), None);
        assert_eq!(stage.pass(1, [true, true]), None);
        assert_eq!(stage.pass(3, [false, true]), Some(("worker-0".into(), 3)));
    }
}
