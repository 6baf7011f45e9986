//! A worker: a thread with a runtime of its own, and the connections it was given.

use super::clock::{BEAT, Beat};
use super::connection::{Connection, Shared};
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
}

/// A connection on its way to a worker.
pub struct Incoming {
    pub stream: TcpStream,
    pub link: Arc<Link>,
    pub cell: Arc<ConnectionCell>,
}

/// A running worker.
pub struct Worker {
    pub hand_over: mpsc::Sender<Incoming>,
    /// Connections it serves.
    pub load: Arc<AtomicUsize>,
    pub thread: JoinHandle<()>,
}

/// Connections that wait for a worker to take them; more are refused.
const WAITING: usize = 1024;

/// Starts a worker thread.
pub fn start(number: usize, parts: &ServerParts, stop: watch::Receiver<bool>) -> std::io::Result<Worker> {
    let (hand_over, incoming) = mpsc::channel(WAITING);
    let load = Arc::new(AtomicUsize::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let worker = Run {
        recorder: parts.telemetry.recorder(number),
        parts: parts.clone(),
        load: Arc::clone(&load),
        stop,
    };
    let thread = std::thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || LocalSet::new().block_on(&runtime, worker.run(incoming)))?;
    Ok(Worker { hand_over, load, thread })
}

struct Run {
    recorder: Recorder,
    parts: ServerParts,
    load: Arc<AtomicUsize>,
    stop: watch::Receiver<bool>,
}

impl Run {
    async fn run(self, mut incoming: mpsc::Receiver<Incoming>) {
        let shared = Rc::new(Shared {
            recorder: self.recorder,
            beat: Beat::default(),
            ticks: Ticks::new(),
            counts: Arc::clone(&self.parts.counts),
            journal: self.parts.journal.clone(),
        });
        tokio::task::spawn_local(beat(Rc::clone(&shared)));
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

async fn beat(shared: Rc<Shared>) {
    let mut interval = tokio::time::interval(BEAT);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        shared.beat.beat(shared.ticks.now_ns());
    }
}

async fn serve(incoming: Incoming, shared: Rc<Shared>, parts: ServerParts, stop: watch::Receiver<bool>) {
    let Incoming { stream, link, cell } = incoming;
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
    let corridor = Corridor::new(parts.desk, Arc::clone(&link), parts.journal, shared.ticks.clone());
    Connection::new(stream, link, shared, corridor, observer).serve(stop).await;
}
