//! The load client's thread: waits on sockets and on a nanosecond timer, and tells each lane the time. Open loop:
//! what is due is sent, answers or not, and latency counts from when it was due.

use super::lane::Lane;
use super::tally::latency_histogram;
use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};

/// How often lost answers and lost connections are looked for, and the counts are shown.
const TIDY_NS: u64 = 50_000_000;
/// Length of an interval of the latency-over-time record.
pub(super) const INTERVAL_NS: u64 = 1_000_000_000;
/// The epoll token of the timer.
const TIMER: u64 = u64::MAX;

/// What the client's thread shows of itself while it runs; by lane.
#[derive(Default)]
pub(super) struct Live {
    pub(super) sent: AtomicU64,
    pub(super) answered: AtomicU64,
    pub(super) lost: AtomicU64,
}

/// Latencies of one lane in one interval.
pub(super) struct IntervalRecord {
    pub(super) lane: usize,
    /// Nanoseconds since the replay's start.
    pub(super) from_ns: u64,
    pub(super) length_ns: u64,
    pub(super) latencies: Histogram<u64>,
}

/// Where the client's thread reports to.
pub(super) struct Wires<'a> {
    pub(super) live: &'a [Live],
    pub(super) stop: &'a AtomicBool,
    pub(super) intervals: Sender<IntervalRecord>,
    /// Histograms that were emptied, to be filled again.
    pub(super) emptied: Receiver<Histogram<u64>>,
}

/// Nanoseconds of a clock since its epoch.
fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Sockets, timer, and the zero of the replay's time.
struct Client {
    epoll: OwnedFd,
    timer: OwnedFd,
    start_ns: u64,
    /// What the timer is set to, in the replay's time.
    armed_ns: u64,
    /// What each connection is watched for: lane, then connection.
    watched: Vec<Vec<Option<bool>>>,
}

/// Plays the lanes to their end. Returns elapsed and the thread's CPU time, both in nanoseconds.
pub(super) fn play(lanes: &mut [Lane<'_>], wires: &Wires<'_>) -> io::Result<(u64, u64)> {
    let cpu_ns = nanoseconds(ClockId::ThreadCPUTime);
    let mut client = Client::new(lanes)?;
    let mut events = Vec::with_capacity(256);
    let (mut next_tidy, mut interval_from) = (TIDY_NS, 0);
    loop {
        let now_ns = client.now();
        for (index, lane) in lanes.iter_mut().enumerate() {
            lane.play(now_ns, || client.now());
            for connection in lane.take_changed() {
                client.watch(index, lane, connection)?;
            }
        }
        if now_ns >= next_tidy {
            next_tidy = now_ns + TIDY_NS;
            tidy(lanes, wires, now_ns);
        }
        if now_ns - interval_from >= INTERVAL_NS {
            hand_over(lanes, wires, interval_from, now_ns);
            interval_from = now_ns;
        }
        if lanes.iter().all(Lane::is_done) {
            break;
        }
        let wake_ns = lanes.iter().filter_map(|lane| lane.wake_ns(now_ns)).fold(next_tidy, u64::min);
        client.wait(wake_ns, &mut events)?;
        let now_ns = client.now();
        for event in events.drain(..) {
            // The event's struct is packed: its fields are copied out, not borrowed.
            let (token, flags) = ({ event.data }.u64(), { event.flags });
            if token == TIMER {
                continue;
            }
            let (lane, index) = (&mut lanes[(token >> 32) as usize], token as u32 as usize);
            if flags.contains(EventFlags::OUT) {
                lane.make_room(index, now_ns);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                lane.take(index, || client.now());
            }
        }
    }
    let now_ns = client.now();
    tidy(lanes, wires, now_ns);
    hand_over(lanes, wires, interval_from, now_ns);
    Ok((now_ns, nanoseconds(ClockId::ThreadCPUTime) - cpu_ns))
}

fn tidy(lanes: &mut [Lane<'_>], wires: &Wires<'_>, now_ns: u64) {
    for (lane, live) in lanes.iter_mut().zip(wires.live) {
        if wires.stop.load(Ordering::Relaxed) {
            lane.stop();
        }
        lane.tidy(now_ns);
        live.sent.store(lane.tally.sent, Ordering::Relaxed);
        live.answered.store(lane.tally.answered, Ordering::Relaxed);
        live.lost.store(lane.tally.lost, Ordering::Relaxed);
    }
}

fn hand_over(lanes: &mut [Lane<'_>], wires: &Wires<'_>, from_ns: u64, now_ns: u64) {
    for (index, lane) in lanes.iter_mut().enumerate() {
        if lane.tally.interval.is_empty() {
            continue;
        }
        let empty = wires.emptied.try_recv().unwrap_or_else(|_| latency_histogram());
        let latencies = std::mem::replace(&mut lane.tally.interval, empty);
        let record = IntervalRecord { lane: index, from_ns, length_ns: now_ns - from_ns, latencies };
        // The receiver outlives the thread; were it gone, the record would only be missing from the report.
        let _ = wires.intervals.send(record);
    }
}

impl Client {
    fn new(lanes: &[Lane<'_>]) -> io::Result<Client> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // Edge-triggered: setting the timer anew ends an expiry, which then needs no read.
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN | EventFlags::ET)?;
        let watched = lanes.iter().map(|lane| vec![None; lane.connections.len()]).collect();
        let mut client = Client { epoll, timer, start_ns: 0, armed_ns: u64::MAX, watched };
        for (index, lane) in lanes.iter().enumerate() {
            (0..lane.connections.len()).try_for_each(|connection| client.watch(index, lane, connection))?;
        }
        client.start_ns = nanoseconds(ClockId::Monotonic);
        Ok(client)
    }

    /// Nanoseconds since the replay's start.
    fn now(&self) -> u64 {
        nanoseconds(ClockId::Monotonic) - self.start_ns
    }

    /// Watches a connection for what it waits for now.
    fn watch(&mut self, lane_index: usize, lane: &Lane<'_>, index: usize) -> io::Result<()> {
        let connection = &lane.connections[index];
        let watched = &mut self.watched[lane_index][index];
        let Some(socket) = connection.socket() else {
            // A closed socket has left the epoll set by itself.
            *watched = None;
            return Ok(());
        };
        let wanted = connection.is_blocked();
        if *watched == Some(wanted) {
            return Ok(());
        }
        let flags = if wanted { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        let token = EventData::new_u64((lane_index as u64) << 32 | index as u64);
        match watched.replace(wanted) {
            None => epoll::add(&self.epoll, socket, token, flags)?,
            Some(_) => epoll::modify(&self.epoll, socket, token, flags)?,
        }
        Ok(())
    }

    /// Sleeps until a point of the replay's time, or until a socket has something.
    fn wait(&mut self, wake_ns: u64, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let ahead = wake_ns > self.now();
        // Setting a timer is the dearest call of all on a virtual machine: an answer that comes before the next
        // message is due leaves it as it is.
        if ahead && self.armed_ns != wake_ns {
            let at = self.start_ns + wake_ns;
            let at = Timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 };
            timerfd_settime(
                &self.timer,
                TimerfdTimerFlags::ABSTIME,
                &Itimerspec { it_interval: never, it_value: at },
            )?;
            self.armed_ns = wake_ns;
        }
        let timeout = (!ahead).then_some(never);
        match epoll::wait(&self.epoll, spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
