//! The server: listeners, the acceptor that hands connections to workers, upkeep, and the drain with its receipt.

use super::clock::{BEAT, Turns, Watched};
use super::door::Seat;
use super::receipt::Receipt;
use super::system;
use super::worker::{self, Incoming, ServerParts, Worker};
use super::{JournalSink, Likely, Link, LinkOptions, Monitor, Pulse, Ticks, TurnedAway};
use crate::clock::WallClock;
use crate::decision::Desk;
use crate::journal::Journal;
use crate::telemetry::{Counter, Recorder, Telemetry};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What the server is made from.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Worker threads, at least one.
    pub workers: usize,
    /// The links, at most 255.
    pub links: Vec<LinkOptions>,
    /// The most connections of all links together: what the limit on open files leaves for them.
    pub most_connections: usize,
    /// The most lines a second that the log gets about one link and kind: see [`super::Pace`].
    pub lines_per_s: u32,
    /// What a link that reads nothing right may be speaking; `None`: nobody says.
    pub likely: Option<Likely>,
    /// The time of day by which messages are decided and records written.
    pub clock: Arc<WallClock>,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("link {link}: cannot listen on {address}: {error}")]
    Listen {
        /// The link.
        link: String,
        /// Its address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// No thread or runtime.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A running server.
pub struct Server {
    links: Vec<Arc<Link>>,
    addresses: Vec<SocketAddr>,
    parts: ServerParts,
    stop: watch::Sender<bool>,
    acceptor: JoinHandle<()>,
    acceptor_turns: Arc<Turns>,
    workers: Vec<Worker>,
}

impl Server {
    /// Binds all listeners and starts the threads. `telemetry` must know the links by the same order.
    pub fn start(
        options: ServerOptions,
        desk: Arc<Desk>,
        journal: Journal,
        telemetry: Telemetry,
    ) -> Result<Server, StartError> {
        let names = options.links.iter().map(|link| link.name.clone()).collect();
        let clock = options.clock;
        let monitor = Monitor::new(names, options.lines_per_s, options.likely, Arc::clone(&clock));
        let (counts, ticks, monitor) = (Arc::default(), Ticks::with(clock), Arc::new(monitor));
        let parts = ServerParts { desk, journal, telemetry, counts, ticks, monitor };
        let (stop, stopped) = watch::channel(false);
        let mut links = Vec::new();
        let mut listeners = Vec::new();
        for (index, options) in options.links.into_iter().enumerate() {
            let listener = std::net::TcpListener::bind(options.listen).and_then(|listener| {
                listener.set_nonblocking(true)?;
                let granted = system::prepare_listener(&listener, options.receive_buffer_bytes)?;
                Ok((listener, granted))
            });
            let (listener, granted) = listener.map_err(|error| StartError::Listen {
                link: options.name.clone(),
                address: options.listen,
                error,
            })?;
            if granted < options.receive_buffer_bytes {
                tracing::warn!(
                    link = options.name,
                    granted_kib = granted >> 10,
                    "the kernel grants a smaller receive buffer than receive_buffer_kib asks for: raise net.core.rmem_max"
                );
            }
            listeners.push(listener);
            links.push(Arc::new(Link::new(index as u8, options)));
        }
        let addresses = listeners.iter().map(std::net::TcpListener::local_addr).collect::<Result<_, _>>()?;
        let workers = (0..options.workers.max(1))
            .map(|number| worker::start(number, &parts, stopped.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        watch_turns(&parts.telemetry, &workers);
        let (runtime, turns) = worker::turning(&parts)?;
        let acceptor_turns = Arc::clone(&turns);
        let hands: Vec<_> =
            workers.iter().map(|worker| (worker.hand_over.clone(), Arc::clone(&worker.load))).collect();
        let (recorder, monitor) = (parts.telemetry.recorder(0), Arc::clone(&parts.monitor));
        let acceptor = Acceptor {
            hands,
            recorder,
            monitor,
            turns,
            ticks: parts.ticks.clone(),
            open: Arc::default(),
            most: options.most_connections,
        };
        let served: Vec<_> = listeners.into_iter().zip(links.iter().cloned()).collect();
        let acceptor = std::thread::Builder::new()
            .name("acceptor".into())
            .spawn(move || runtime.block_on(acceptor.run(served, stopped)))?;
        Ok(Server { links, addresses, parts, stop, acceptor, acceptor_turns, workers })
    }

    /// The links and the addresses they listen on.
    pub fn listening(&self) -> impl Iterator<Item = (&Arc<Link>, SocketAddr)> {
        self.links.iter().zip(self.addresses.iter().copied())
    }

    /// Who is connected, and what was refused.
    pub fn monitor(&self) -> &Arc<Monitor> {
        &self.parts.monitor
    }

    /// The clock of its threads.
    pub fn ticks(&self) -> &Ticks {
        &self.parts.ticks
    }

    /// Its threads, to be looked at: each must make a turn every few milliseconds until the drain.
    pub fn pulse(&self) -> Pulse {
        let mut pulse = Pulse::new(self.parts.ticks.now_ns());
        let workers = self.workers.iter().enumerate();
        let workers = workers.map(|(number, worker)| (format!("worker-{number}"), &worker.turns));
        for (name, turns) in workers.chain([("acceptor".to_owned(), &self.acceptor_turns)]) {
            let turns = Arc::clone(turns);
            pulse.watch(name, BEAT, move |now_ns| turns.stood_ns(now_ns));
        }
        pulse
    }

    /// Ends the holds that have run out by `now_us`; to be called every few seconds. Returns how many ended.
    pub fn expire_holds(&self, now_us: i64) -> usize {
        let sink = JournalSink::new(self.parts.journal.clone(), self.parts.ticks.clone());
        self.parts.desk.expire_holds(now_us, &sink)
    }

    /// Forgets counters of limits whose windows have passed; to be called every minute. Returns how many.
    pub fn sweep_counters(&self, now_us: i64) -> usize {
        let sink = JournalSink::new(self.parts.journal.clone(), self.parts.ticks.clone());
        self.parts.desk.sweep_counters(now_us, &sink)
    }

    /// Stops reading, answers what is in flight and closes: for who has to wait for something else before [`Server::drain`].
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Stops reading, answers what is in flight, durable where that was promised, and closes. Connections that
    /// take longer than `patience` are cut off; their answers count as undelivered.
    pub fn drain(self, patience: Duration) -> Receipt {
        let deadline = Instant::now() + patience;
        self.stop();
        let mut threads = vec![self.acceptor];
        for worker in self.workers {
            drop(worker.hand_over);
            threads.push(worker.thread);
        }
        while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        for thread in threads.into_iter().filter(|thread| thread.is_finished()) {
            // A worker that had panicked would have ended the process.
            let _ = thread.join();
        }
        self.parts.monitor.finish();
        self.parts.counts.receipt()
    }
}

/// Shows how long each worker's loop stood still.
fn watch_turns(telemetry: &Telemetry, workers: &[Worker]) {
    for (number, worker) in workers.iter().enumerate() {
        let number = number.to_string();
        let labels = [("worker", number.as_str())];
        let turns = Arc::clone(&worker.turns);
        let help = "The longest time since the start in which a worker's loop made no turn, due every 5 ms.";
        telemetry
            .gauge("worker_longest_gap_seconds", help, &labels, move || turns.longest_gap().as_secs_f64());
        let turns = Arc::clone(&worker.turns);
        let help = "How often a worker's loop stood still for over 20 ms.";
        telemetry.total("worker_stalls", help, &labels, move || turns.stalls() as f64);
    }
}

struct Acceptor {
    hands: Vec<(tokio::sync::mpsc::Sender<Incoming>, Arc<AtomicUsize>)>,
    recorder: Recorder,
    monitor: Arc<Monitor>,
    turns: Arc<Turns>,
    ticks: Ticks,
    /// The connections of all links, and how many there may be.
    open: Arc<AtomicUsize>,
    most: usize,
}

/// How long after a refusal by the system the next connection is asked for.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// Whether `accept` failed for what is wrong with one connection alone: Linux passes its pending error on.
fn is_of_the_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::TimedOut
    )
}

/// How often the monitor keeps what came and notes the rates.
const TICK: Duration = Duration::from_secs(1);

impl Acceptor {
    async fn run(self, listeners: Vec<(std::net::TcpListener, Arc<Link>)>, stop: watch::Receiver<bool>) {
        let acceptor = Arc::new(self);
        let mut tasks = tokio::task::JoinSet::new();
        let beat = worker::beat("acceptor".into(), Arc::clone(&acceptor.turns), acceptor.ticks.clone());
        let beat = tokio::spawn(beat);
        for (listener, link) in listeners {
            let (acceptor, mut stop) = (Arc::clone(&acceptor), stop.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = acceptor.accept(listener, link) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            });
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ended = tasks.join_next() => if ended.is_none() { break },
                _ = tick.tick() => acceptor.monitor.tick(),
            }
        }
        beat.abort();
    }

    async fn accept(&self, listener: std::net::TcpListener, link: Arc<Link>) {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(link = link.options.name, %error, "listener lost");
                return;
            }
        };
        let watched = Watched::new(Arc::clone(&self.turns));
        // What is accepted came after this, its first byte too.
        let mut since_ns = self.turns.looked_ns();
        loop {
            let accepted = tokio::task::unconstrained(std::future::poll_fn(|cx| {
                let (polled, nothing_ns) = watched.poll(cx, |cx| listener.poll_accept(cx));
                since_ns = nothing_ns.unwrap_or(since_ns);
                polled
            }));
            match accepted.await {
                Ok((stream, peer)) => {
                    self.hand_over(stream, peer, &link, since_ns);
                    // A storm on one link keeps neither the others' connections nor this thread's beat waiting.
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    // A peer that is gone again costs the others no time; out of descriptors or memory, asking again at
                    // once would only keep a processor busy.
                    if is_of_the_peer(&error) {
                        continue;
                    }
                    link.door.not_accepted.fetch_add(1, Ordering::Relaxed);
                    self.monitor.not_accepted(&link, &error);
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    fn hand_over(&self, stream: tokio::net::TcpStream, peer: SocketAddr, link: &Arc<Link>, since_ns: u64) {
        if !link.door.allows(peer.ip()) {
            // Reset: nothing of it stays, neither here nor in the kernel.
            system::reset(stream);
            return self.turn_away(link, peer, TurnedAway::NotAllowed);
        }
        let open = link.connections.fetch_add(1, Ordering::Relaxed);
        let full = open >= link.options.max_connections;
        let taken = if full { Err(TurnedAway::LinkFull) } else { self.take(stream, peer, link, since_ns) };
        match taken {
            Ok(()) => self.count(link, Counter::ConnectionsOpened),
            Err(why) => {
                link.connections.fetch_sub(1, Ordering::Relaxed);
                self.turn_away(link, peer, why);
            }
        }
    }

    /// Gives a connection to the worker with the fewest.
    fn take(
        &self,
        stream: tokio::net::TcpStream,
        peer: SocketAddr,
        link: &Arc<Link>,
        since_ns: u64,
    ) -> Result<(), TurnedAway> {
        let seat = Seat::take(link, peer.ip(), &self.open, self.most)?;
        let prepared = stream.set_nodelay(true).and_then(|()| stream.into_std());
        let stream = prepared.map_err(|_| TurnedAway::NotSetUp)?;
        let fewest = self.hands.iter().min_by_key(|(_, load)| load.load(Ordering::Relaxed));
        let (hand, load) = fewest.ok_or(TurnedAway::WorkerFull)?;
        load.fetch_add(1, Ordering::Relaxed);
        let cell = self.monitor.enter(link, peer);
        hand.try_send(Incoming { stream, link: Arc::clone(link), seat, cell, since_ns }).map_err(|_| {
            load.fetch_sub(1, Ordering::Relaxed);
            TurnedAway::WorkerFull
        })
    }

    fn turn_away(&self, link: &Link, peer: SocketAddr, why: TurnedAway) {
        link.door.turn_away(why, peer, self.monitor.wall_us());
        self.monitor.turned_away(link, peer, why);
        self.count(link, Counter::ConnectionsRefused);
    }

    fn count(&self, link: &Link, counter: Counter) {
        self.recorder.batch().count(link.index, counter, 1);
    }
}
