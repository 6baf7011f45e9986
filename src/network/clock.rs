//! The turns of a worker's loop: when it looked for what is there, and whether it stood still in between. Knows no socket.

use super::Ticks;
use super::arrival::STILL_NS;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// How often a loop makes a turn at least.
pub const BEAT: Duration = Duration::from_millis(5);

/// The turns of one loop that waits for sockets. In each it looks which of them have something; what it does not name has
/// nothing since before that look.
#[derive(Debug)]
pub struct Turns {
    ticks: Ticks,
    looked_ns: AtomicU64,
    before_ns: AtomicU64,
    beat_ns: AtomicU64,
    longest_gap_ns: AtomicU64,
    stalls: AtomicU64,
    begun_ns: u64,
}

impl Turns {
    /// Those of a loop that begins now.
    pub fn new(ticks: Ticks) -> Turns {
        let begun_ns = ticks.now_ns();
        Turns {
            ticks,
            begun_ns,
            looked_ns: AtomicU64::new(begun_ns),
            before_ns: AtomicU64::new(begun_ns),
            beat_ns: AtomicU64::new(0),
            longest_gap_ns: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
        }
    }

    /// To be called just before each look.
    pub fn look(&self) {
        let last_ns = self.looked_ns.swap(self.ticks.now_ns(), Ordering::Relaxed);
        self.before_ns.store(last_ns, Ordering::Relaxed);
    }

    /// When the last look was begun.
    pub fn looked_ns(&self) -> u64 {
        self.looked_ns.load(Ordering::Relaxed)
    }

    /// The regular sign of life, due every [`BEAT`]. Returns how long the loop stood still, if it did.
    pub fn beat(&self, now_ns: u64) -> Option<Duration> {
        let last_ns = self.beat_ns.swap(now_ns, Ordering::Relaxed);
        let gap_ns = now_ns.saturating_sub(last_ns);
        if last_ns == 0 {
            return None;
        }
        self.longest_gap_ns.fetch_max(gap_ns, Ordering::Relaxed);
        (gap_ns > STILL_NS).then(|| {
            self.stalls.fetch_add(1, Ordering::Relaxed);
            Duration::from_nanos(gap_ns)
        })
    }

    /// For how long it has given no sign of life, nanoseconds; since its begin if it never has.
    pub fn stood_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.beat_ns.load(Ordering::Relaxed).max(self.begun_ns))
    }

    /// The longest time between two signs of life since the start.
    pub fn longest_gap(&self) -> Duration {
        Duration::from_nanos(self.longest_gap_ns.load(Ordering::Relaxed))
    }

    /// How often the loop stood still.
    pub fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }
}

/// Watches one source of events (a socket, a listener) for the last look that found nothing there.
#[derive(Debug)]
pub struct Watched {
    note: Arc<Note>,
    waker: Waker,
    /// A look that was begun before the source was there says nothing of it.
    since_ns: u64,
}

/// What the waker of a source notes. Only the first event counts: what it announces may be fetched much later.
#[derive(Debug)]
struct Note {
    turns: Arc<Turns>,
    /// The look before the one that brought the event; 0 = no event.
    nothing_ns: AtomicU64,
    task: Mutex<Option<Waker>>,
}

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let before_ns = self.turns.before_ns.load(Ordering::Relaxed).max(1);
        let _ = self.nothing_ns.compare_exchange(0, before_ns, Ordering::Relaxed, Ordering::Relaxed);
        if let Some(task) = &*self.task.lock() {
            task.wake_by_ref();
        }
    }
}

impl Watched {
    /// Of a source that this loop looks at from now on.
    pub fn new(turns: Arc<Turns>) -> Watched {
        let since_ns = turns.ticks.now_ns().max(1);
        let note = Arc::new(Note { turns, nothing_ns: AtomicU64::new(0), task: Mutex::new(None) });
        Watched { waker: Waker::from(Arc::clone(&note)), note, since_ns }
    }

    /// Polls the source, and tells the last moment that is known to have found nothing there; none where nothing new is
    /// known. `source` must be pending for want of an event alone, never of a task's budget.
    pub fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        source: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> (Poll<T>, Option<u64>) {
        {
            let mut task = self.note.task.lock();
            if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
                *task = Some(cx.waker().clone());
            }
        }
        let polled = source(&mut Context::from_waker(&self.waker));
        let noted_ns = self.note.nothing_ns.swap(0, Ordering::Relaxed);
        let nothing_ns = if polled.is_pending() { self.note.turns.looked_ns() } else { noted_ns };
        (polled, (nothing_ns >= self.since_ns).then_some(nothing_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_loop_that_stands_still_is_noticed() {
        let turns = Turns::new(Ticks::new());
        assert_eq!([5, 10, 16].map(|at| turns.beat(at * MS)), [None; 3]);
        assert_eq!(turns.beat(2_016 * MS), Some(Duration::from_secs(2)));
        assert_eq!(turns.beat(2_021 * MS), None);
        assert_eq!((turns.stalls(), turns.longest_gap()), (1, Duration::from_secs(2)));
    }

    #[test]
    fn a_source_was_empty_at_the_look_before_the_one_that_named_it() {
        let turns = Arc::new(Turns::new(Ticks::new()));
        let watched = Watched::new(Arc::clone(&turns));
        let look = || {
            turns.look();
            turns.looked_ns()
        };
        let poll = |ready: bool| {
            watched.poll(&mut Context::from_waker(Waker::noop()), |_| {
                if ready { Poll::Ready(()) } else { Poll::Pending }
            })
        };
        // No look has seen this source yet: that nothing is known of it does not mean that nothing is there.
        assert_eq!(poll(false), (Poll::Pending, None));
        watched.waker.wake_by_ref();
        assert_eq!(poll(true), (Poll::Ready(()), None));
        let first = look();
        assert_eq!(poll(false), (Poll::Pending, Some(first)));
        let (second, _third) = (look(), look());
        // Named by the third look; fetched after another one.
        watched.waker.wake_by_ref();
        look();
        watched.waker.wake_by_ref();
        assert_eq!(poll(true), (Poll::Ready(()), Some(second)));
        assert_eq!(poll(true), (Poll::Ready(()), None), "there still");
        let last = look();
        assert_eq!(poll(false), (Poll::Pending, Some(last)));
    }
}
