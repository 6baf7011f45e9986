//! Whose turn it is on a worker: the link that has done least of its work goes first, and within a link one connection after
//! the other. Knows links by their numbers and work as it is told; must not know sockets or messages.

use super::Ticks;
use super::clock::Turns;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// After so long without a look at the sockets and timers, the next slice begins behind one.
const LOOK_NS: u64 = 50_000;
/// What a slice itself is charged: a read and a write cost about as much as so many messages.
const SLICE: u64 = 2;

/// What one link has had, and who of it waits.
#[derive(Debug)]
struct LinkShare<W> {
    /// Work it was charged, in messages; while it waits for nothing it does not fall behind the others. Not time: in that of a
    /// busy machine others' work is too.
    charged: u64,
    waiting: VecDeque<(u64, W)>,
}

impl<W> Default for LinkShare<W> {
    fn default() -> LinkShare<W> {
        LinkShare { charged: 0, waiting: VecDeque::new() }
    }
}

/// Who has the slice, and who waits for one. One at a time has it: a worker is one thread.
#[derive(Debug)]
struct Waiting<W> {
    links: Vec<LinkShare<W>>,
    /// What the link that had the last slice had been charged when it began.
    reached: u64,
    holder: Option<u64>,
    last: u64,
}

impl<W> Default for Waiting<W> {
    fn default() -> Waiting<W> {
        Waiting { links: Vec::new(), reached: 0, holder: None, last: 0 }
    }
}

impl<W> Waiting<W> {
    /// A link wants a slice. Returns the number of the wish; it is granted at once where nobody has one.
    fn enter(&mut self, link: usize, waker: impl FnOnce() -> W) -> u64 {
        if self.links.len() <= link {
            self.links.resize_with(link + 1, LinkShare::default);
        }
        self.last += 1;
        let share = &mut self.links[link];
        if share.waiting.is_empty() {
            // What it did not use is not saved up.
            share.charged = share.charged.max(self.reached);
        }
        if self.holder.is_none() {
            self.holder = Some(self.last);
            self.reached = share.charged;
        } else {
            share.waiting.push_back((self.last, waker()));
        }
        self.last
    }

    /// The holder has had its slice. Returns whom to wake for the next one.
    fn pass_on(&mut self) -> Option<W> {
        self.holder = None;
        let waits = self.links.iter_mut().filter(|share| !share.waiting.is_empty());
        let next = waits.min_by_key(|share| share.charged)?;
        self.reached = self.reached.max(next.charged);
        let (wish, waker) = next.waiting.pop_front()?;
        self.holder = Some(wish);
        Some(waker)
    }

    /// A wish is withdrawn, granted or not.
    fn leave(&mut self, link: usize, wish: u64) -> Option<W> {
        if self.holder == Some(wish) {
            return self.pass_on();
        }
        self.links[link].waiting.retain(|(waits, _)| *waits != wish);
        None
    }

    fn charge(&mut self, link: usize, work: u64) {
        self.links[link].charged += work;
    }
}

/// The worker's time, to be had in slices.
#[derive(Debug)]
pub struct FairQueue {
    waiting: RefCell<Waiting<Waker>>,
    turns: Arc<Turns>,
    ticks: Ticks,
}

impl FairQueue {
    /// Of a worker whose loop makes these turns.
    pub fn new(turns: Arc<Turns>, ticks: Ticks) -> FairQueue {
        FairQueue { waiting: RefCell::default(), turns, ticks }
    }

    /// Waits for a slice of the worker's time for a link. Whoever has it must not wait for anything.
    pub async fn slice(&self, link: u8) -> Slice<'_> {
        let link = usize::from(link);
        let mut wished = None;
        poll_fn(|cx| {
            let slice = wished.get_or_insert_with(|| {
                let wish = self.waiting.borrow_mut().enter(link, || cx.waker().clone());
                Slice { queue: self, link, wish }
            });
            if self.waiting.borrow().holder != Some(slice.wish) {
                return Poll::Pending;
            }
            wished.take().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// A slice of a worker's time, or the wish for one; withdrawn or passed on when dropped.
#[derive(Debug)]
pub struct Slice<'a> {
    queue: &'a FairQueue,
    link: usize,
    wish: u64,
}

impl Slice<'_> {
    /// Ends the slice: charges its work to the link, in messages, beside what a slice itself costs. Where the loop has not looked at its sockets and timers for a while, it
    /// does so first, so that the next slice goes to whoever came meanwhile.
    pub async fn end(self, work: u64) {
        let FairQueue { waiting, turns, ticks } = self.queue;
        waiting.borrow_mut().charge(self.link, SLICE + work);
        if ticks.now_ns().saturating_sub(turns.looked_ns()) > LOOK_NS {
            // Nobody else notes a look meanwhile: only the holder does, and the loop itself before it sleeps.
            turns.look();
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Slice<'_> {
    fn drop(&mut self) {
        let next = self.queue.waiting.borrow_mut().leave(self.link, self.wish);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Who wishes what: the link and the connection.
    type Who = (usize, usize);

    /// A worker of many connections, whose slices are counted: each wants a slice at once again, each slice takes what `cost` says.
    /// Returns who had the slices, in their order.
    fn play(who: &[Who], cost: impl Fn(usize) -> u64, slices: usize) -> Vec<Who> {
        let mut waiting = Waiting::<Who>::default();
        let mut wishes = HashMap::new();
        for (link, connection) in who {
            let wish = waiting.enter(*link, || (*link, *connection));
            wishes.insert((*link, *connection), wish);
        }
        let mut had = Vec::new();
        let mut holder = who[0];
        for _ in 0..slices {
            had.push(holder);
            waiting.charge(holder.0, cost(holder.0));
            let next = waiting.leave(holder.0, wishes[&holder]);
            let wish = waiting.enter(holder.0, || holder);
            wishes.insert(holder, wish);
            holder = next.unwrap_or(holder);
        }
        had
    }

    #[test]
    fn a_link_of_many_connections_has_no_more_than_a_link_of_one() {
        let mut who: Vec<Who> = (0..256).map(|connection| (0, connection)).collect();
        who.push((1, 0));
        let had = play(&who, |_| 10, 1_000);
        let of = |link: usize| had.iter().filter(|who| who.0 == link).count();
        assert_eq!((of(0), of(1)), (500, 500));
        // And within the link all have theirs.
        let mut most = [0; 256];
        had.iter().filter(|who| who.0 == 0).for_each(|who| most[who.1] += 1);
        assert!(most.iter().all(|slices| [1, 2].contains(slices)), "{most:?}");
    }

    #[test]
    fn work_is_shared_and_not_slices() {
        let who: Vec<Who> = (0..4).flat_map(|connection| [(0, connection), (1, connection)]).collect();
        let had = play(&who, |link| [900, 100][link], 1_000);
        let long = had.iter().filter(|who| who.0 == 0).count();
        assert!((99..=102).contains(&long), "{long}");
    }

    #[test]
    fn who_comes_is_next_however_long_the_others_had_the_worker_and_saves_nothing_up() {
        let mut waiting = Waiting::<&str>::default();
        let mut holder = waiting.enter(0, || "flood");
        for round in 0..10_000 {
            waiting.charge(0, 100_000);
            let again = waiting.enter(0, || "flood");
            if round == 5_000 {
                // Two of another link come while it works: both are served before the flood again.
                let [first, second] = [waiting.enter(1, || "first"), waiting.enter(1, || "second")];
                assert_eq!(waiting.leave(0, holder), Some("first"));
                waiting.charge(1, 10_000);
                assert_eq!(waiting.leave(1, first), Some("second"));
                waiting.charge(1, 10_000);
                assert_eq!(waiting.leave(1, second), Some("flood"));
            } else {
                assert_eq!(waiting.leave(0, holder), Some("flood"), "{round}");
            }
            holder = again;
        }
        // The other had next to nothing until now: it is not given the rest.
        let first = waiting.enter(1, || "first");
        let waits = waiting.enter(0, || "flood");
        waiting.charge(0, 100_000);
        assert_eq!(waiting.leave(0, holder), Some("first"));
        waiting.enter(1, || "second");
        waiting.charge(1, 200_001);
        assert_eq!(waiting.leave(1, first), Some("flood"));
        assert_eq!(waiting.holder, Some(waits));
    }

    #[test]
    fn a_wish_may_be_withdrawn() {
        let mut waiting = Waiting::<&str>::default();
        let holder = waiting.enter(0, || "a");
        let (waits, other) = (waiting.enter(1, || "b"), waiting.enter(2, || "c"));
        assert_eq!(waiting.leave(1, waits), None);
        assert_eq!(waiting.leave(0, holder), Some("c"));
        assert_eq!(waiting.leave(2, other), None);
        assert_eq!(waiting.holder, None);
    }
}
