//! A worker: a thread with a runtime of its own, and the connections it was given.

use super::clock::{BEAT, Turns};
use super::connection::{Connection, Shared};
use super::door::Seat;
use super::fair::FairQueue;
use super::receipt::Counts;
use super::{ConnectionCell, Corridor, Link, Monitor, Observer, Ticks};
use crate::decision::Desk;
use crate::journal::Journal;
use crate::telemetry::{Counter, Recorder, Telemetry};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, LocalSet};

/// What everyone in the server shares.
#[derive(Clone)]
pub struct ServerParts {
    pub desk: Arc<Desk>,
    pub journal: Journal,
    pub telemetry: Telemetry,
    pub counts: Arc<Counts>,
    pub monitor: Arc<Monitor>,
    /// The one clock of all threads, so that moments of one are understood by another.
    pub ticks: Ticks,
}

/// A connection on its way to a worker.
pub struct Incoming {
    pub stream: TcpStream,
    pub link: Arc<Link>,
    /// Its places, for as long as it is open.
    pub seat: Seat,
    pub cell: Arc<ConnectionCell>,
    /// Its first byte comes after this.
    pub since_ns: u64,
}

/// A running worker.
pub struct Worker {
    pub hand_over: mpsc::Sender<Incoming>,
    /// The turns of its loop.
    pub turns: Arc<Turns>,
    /// Connections it serves.
    pub load: Arc<AtomicUsize>,
    pub thread: JoinHandle<()>,
}

/// What opening a connection is charged to its link, in messages.
const OPENING: u64 = 8;

/// Connections that wait for a worker to take them; more are refused.
const WAITING: usize = 1024;

/// Sockets that one look can name: with more than these at once, one that is not named need not be empty.
const EVENTS: usize = 8192;

/// Starts a worker thread.
pub fn start(number: usize, parts: &ServerParts, stop: watch::Receiver<bool>) -> std::io::Result<Worker> {
    let (hand_over, incoming) = mpsc::channel(WAITING);
    let load = Arc::new(AtomicUsize::new(0));
    let (runtime, turns) = turning(parts)?;
    let worker = Run {
        number,
        turns: Arc::clone(&turns),
        recorder: parts.telemetry.recorder(number),
        parts: parts.clone(),
        load: Arc::clone(&load),
        stop,
    };
    let thread = std::thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || LocalSet::new().block_on(&runtime, worker.run(incoming)))?;
    Ok(Worker { hand_over, turns, load, thread })
}

/// A runtime for one thread, and the turns of its loop.
pub fn turning(parts: &ServerParts) -> std::io::Result<(tokio::runtime::Runtime, Arc<Turns>)> {
    let turns = Arc::new(Turns::new(parts.ticks.clone()));
    let looks = Arc::clone(&turns);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_io().enable_time().max_io_events_per_tick(EVENTS).on_thread_park(move || looks.look());
    Ok((builder.build()?, turns))
}

/// A thread says so often at most that it stood still for so long; what is shorter is counted alone.
const SAID_EVERY_NS: u64 = 1_000_000_000;
const SAID_FROM: Duration = Duration::from_millis(100);

struct Run {
    number: usize,
    turns: Arc<Turns>,
    recorder: Recorder,
    parts: ServerParts,
    load: Arc<AtomicUsize>,
    stop: watch::Receiver<bool>,
}

impl Run {
    async fn run(self, mut incoming: mpsc::Receiver<Incoming>) {
        tokio::task::spawn_local(beat(
            format!("worker-{}", self.number),
            Arc::clone(&self.turns),
            self.parts.ticks.clone(),
        ));
        let fair = FairQueue::new(Arc::clone(&self.turns), self.parts.ticks.clone());
        let shared = Rc::new(Shared {
            recorder: self.recorder,
            turns: self.turns,
            ticks: self.parts.ticks.clone(),
            counts: Arc::clone(&self.parts.counts),
            journal: self.parts.journal.clone(),
            fair,
        });
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                next = incoming.recv() => match next {
                    Some(next) => {
                        let task = serve(next, Rc::clone(&shared), self.parts.clone(), self.stop.clone());
                        let load = Arc::clone(&self.load);
                        connections.spawn_local(async move {
                            task.await;
                            load.fetch_sub(1, Ordering::Relaxed);
                        });
                    }
                    None => break,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        while connections.join_next().await.is_some() {}
    }
}

/// Keeps the loop turning, and says when it stood still.
pub async fn beat(thread: String, turns: Arc<Turns>, ticks: Ticks) {
    let mut interval = tokio::time::interval(BEAT);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut said_ns = None;
    loop {
        interval.tick().await;
        let now_ns = ticks.now_ns();
        if let Some(stood) = turns.beat(now_ns)
            && stood >= SAID_FROM
            && said_ns.is_none_or(|said_ns| now_ns.saturating_sub(said_ns) > SAID_EVERY_NS)
        {
            said_ns = Some(now_ns);
            let (stood_ms, stalls) = (stood.as_millis() as u64, turns.stalls());
            tracing::warn!(
                thread,
                stood_ms,
                stalls,
                "a thread stood still: stopped, or kept from the processor; what waited is as old as that"
            );
        }
    }
}

async fn serve(incoming: Incoming, shared: Rc<Shared>, parts: ServerParts, stop: watch::Receiver<bool>) {
    let Incoming { stream, link, seat: _seat, cell, since_ns } = incoming;
    let observer = Observer::new(parts.monitor, Arc::clone(&link), cell);
    let stream = match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(link = link.options.name, %error, "connection lost on its way to a worker");
            link.connections.fetch_sub(1, Ordering::Relaxed);
            shared.recorder.batch().count(link.index, Counter::ConnectionsClosed, 1);
            return;
        }
    };
    // What a new connection costs is its link's too.
    let slice = shared.fair.slice(link.index).await;
    let corridor = Corridor::new(parts.desk, Arc::clone(&link), parts.journal, shared.ticks.clone());
    let connection = Connection::new(stream, link, Rc::clone(&shared), corridor, observer, since_ns);
    slice.end(OPENING).await;
    connection.serve(stop).await;
}
