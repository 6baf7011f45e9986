//! A whole switch in this process, from settings and a data folder: what `serve` runs and `demo` shows.

use super::clock::SwitchClock;
use super::data::{self, Opened};
use super::gauges;
use super::high_water::{HighWater, Keeper};
use super::limits;
use super::policy::{self, reading};
use super::snapshots::{self, Snapshots};
use super::standing;
use super::status::{Fills, Holdings, Parts, Phase, SwitchStatus};
use super::verification;
use super::versions::Versions;
use crate::admin;
use crate::decision::{Desk, Standing};
use crate::journal::{self, Journal, Lock};
use crate::message::Refusal;
use crate::network::{Beat, Likely, LinkOptions, Receipt, Server, ServerOptions};
use crate::portfolio::snapshot::WriteOptions;
use crate::portfolio::{Portfolio, folder, seed};
use crate::settings::{self, Settings};
use crate::telemetry::{Telemetry, Ticker, log};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(super) use data::Failure;

/// How often the holds that have run out are ended.
const SWEEP: Duration = Duration::from_secs(10);
/// How long a start waits for the segment behind the one it goes on with: a disk that stands is no reason not to serve.
const SPARE_PATIENCE: Duration = Duration::from_secs(10);
/// What ending all holds and forgetting all counters at once may take.
const SWEEPS: Duration = Duration::from_secs(60);
/// How often counters of limits that no longer matter are forgotten.
const COUNTERS_SWEEP: Duration = Duration::from_secs(60);

/// A running switch.
pub(super) struct Switch {
    server: Arc<Server>,
    admin: admin::Server,
    parts: Arc<Parts>,
    ticker: Ticker,
    upkeep: JoinHandle<()>,
    snapshots: JoinHandle<()>,
    /// Until the last snapshot is written: an import of cards must not come between it and the journal's end.
    lock: Lock,
}

/// How a switch ended.
pub(super) struct Drained {
    pub receipt: Receipt,
    /// What did not work after everything was answered, in words.
    pub troubles: Vec<String>,
}

/// Where a link listens.
pub(super) struct Listening {
    pub link: String,
    pub address: SocketAddr,
    pub dialect: String,
}

impl Switch {
    /// Has the data folder opened, and listens. Ready when it returns. `clock_is_right`: the operator's word on the wall
    /// clock.
    pub(super) fn start(
        settings: &Settings,
        data: &Path,
        clock_is_right: bool,
        open: impl FnOnce() -> Result<Opened, Failure>,
    ) -> Result<Switch, Failure> {
        let links = settings.links.iter().map(link_options).collect::<Result<Vec<_>, Failure>>()?;
        warn_of_doubts(settings, &links);
        let rules = standing::read(settings)?;
        verification::warn(verification::of_links(settings)?);
        let workers = workers(settings);
        let most_connections = limits::at_start(settings, workers)?;
        let Opened { portfolio, tail, recorded, key, lock, floor, .. } = open()?;
        let ((cards, accounts), last) = (portfolio.count(), tail.last);
        let clock = SwitchClock::begin(&settings.clock, data, recorded, clock_is_right);
        let telemetry = telemetry(settings, &links, workers, data);
        let draining = Arc::default();
        let options = journal_options(settings, &telemetry, &draining);
        let journal = Journal::open_locked(&data.join("journal"), tail, options, lock.clone())?;
        let high_water = Keeper::begin(data, &journal, Instant::now());
        let portfolio = Arc::new(portfolio);
        let standing = standing::of(settings, rules.set, &portfolio)?;
        touch(&portfolio, &standing, workers);
        let versions = Versions::of(data, &key);
        versions.tell_changed_keys(settings, data, last)?;
        // Before the first record that names them.
        versions.keep(settings, &standing.rules, &rules.texts)?;
        let desk = Arc::new(Desk::new(Arc::clone(&portfolio), standing));
        let parts = Arc::new(Parts {
            holdings: Holdings { cards, accounts, demo_cards: seed::count(&portfolio) },
            portfolio,
            desk: Arc::clone(&desk),
            journal: journal.clone(),
            clock,
            telemetry: telemetry.clone(),
            key,
            data: data.to_owned(),
            snapshot_every: settings.snapshot.every_records,
            leave_free_bytes: snapshots::leave_free_bytes(settings),
            snapshots: Snapshots::default(),
            draining,
            reloads: Default::default(),
            fills: Fills::of(settings),
            journal_gone: Default::default(),
        });
        parts.fills.observe(Duration::ZERO, &parts.portfolio);
        journal.wait_for_spare(SPARE_PATIENCE);
        let lines_per_s = settings.log.lines_per_second;
        let (likely, clock) = (Some(super::decode::likely as Likely), Arc::clone(parts.clock.wall()));
        let options = ServerOptions { workers, links, most_connections, lines_per_s, likely, clock };
        let server = Server::start(options, desk, journal, telemetry.clone())?;
        gauges::register(&parts, &server);
        standing::register(&parts);
        Snapshots::register(&parts);
        let server = Arc::new(server);
        let beat = Arc::new(Beat::new(server.ticks().now_ns()));
        let status = status(settings, &parts, &server, &beat);
        let limits = admin::Limits { hosts: settings.admin.hosts.clone(), ..Default::default() };
        let admin =
            admin::Server::start_with(settings.admin.listen, telemetry.clone(), Arc::new(status), limits)
                .map_err(|error| limits::not_listening(settings.admin.listen, &error))?;
        let upkeep = start_upkeep(&parts, &server, beat, high_water)?;
        let snapshots = start_snapshots(&parts, floor)?;
        let ticker = telemetry.start_ticker()?;
        Ok(Switch { server, admin, parts, ticker, upkeep, snapshots, lock })
    }

    /// What the folder holds; fixed while the switch runs.
    pub(super) fn holdings(&self) -> Holdings {
        self.parts.holdings
    }

    /// The links, in the order of the settings.
    pub(super) fn listening(&self) -> Vec<Listening> {
        self.server
            .listening()
            .map(|(link, address)| Listening {
                link: link.options.name.clone(),
                address,
                dialect: link.options.dialect.name().to_owned(),
            })
            .collect()
    }

    /// Where the operators' HTTP listens.
    pub(super) fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Reads settings and rules again: see [`standing::exchange`].
    pub(super) fn exchange(&self, running: &Settings, new: Settings) -> Result<Settings, Failure> {
        standing::exchange(&self.parts, running, new)
    }

    /// Counts a reload.
    pub(super) fn count_reload(&self, taken: bool) {
        self.parts.reloads[usize::from(!taken)].fetch_add(1, Ordering::Relaxed);
    }

    /// The operator's word that the wall clock is right.
    pub(super) fn believe_clock(&self) {
        self.parts.clock.believe(self.parts.journal.appended());
    }

    /// Its numbers.
    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.parts.telemetry
    }

    /// Stops reading, answers what is in flight, makes all of it durable, writes a snapshot. What was answered is told
    /// whatever the disk does then.
    pub(super) fn drain(self, patience: Duration) -> Result<Drained, Failure> {
        self.parts.draining.store(true, Ordering::Relaxed);
        let _ended = tell_of_disk(self.parts.journal.clone(), patience);
        // Either thread may stand at the disk.
        self.server.stop();
        self.upkeep.thread().unpark();
        self.snapshots.thread().unpark();
        // A panic in one would have ended the process.
        let _ = (self.upkeep.join(), self.snapshots.join());
        let server = Arc::into_inner(self.server).ok_or("the server is still in use")?;
        let receipt = server.drain(patience);
        let parts = &self.parts;
        let closed = parts.journal.close();
        self.ticker.stop();
        parts.telemetry.finish(Instant::now());
        let mut troubles = Vec::new();
        let reached = HighWater::of(&parts.journal);
        if let Some(Err(error)) = reached.map(|reached| reached.write(&parts.data)) {
            troubles.push(format!("how far the journal has come is not noted beside it: {error}"));
        }
        match closed {
            Ok(last) => {
                let journal = parts.journal.mark().chain;
                let options = WriteOptions { journal, leave_free_bytes: parts.leave_free_bytes, pause: None };
                let at = (last, parts.clock.now_us());
                let written =
                    folder::write(&parts.portfolio, &parts.key, &parts.data, at, options, |_| Ok(()));
                if let Err(error) = written {
                    troubles.push(format!("no snapshot, the journal alone recovers all: {error}"));
                }
            }
            Err(error) => troubles.push(format!(
                "the journal ends with record {} of {}: {error}",
                parts.journal.durable(),
                parts.journal.appended()
            )),
        }
        parts.clock.keep(parts.journal.durable());
        drop(self.lock);
        self.admin.stop();
        Ok(Drained { receipt, troubles })
    }
}

/// How often a stop that takes longer than its time is looked at, and how old a record is for which a disk is waited.
const LOOK: Duration = Duration::from_millis(100);
const WAITED: Duration = Duration::from_secs(1);

/// Says once that a stop waits for the disk, where it does so after `patience`; until what is given back is dropped.
fn tell_of_disk(journal: Journal, patience: Duration) -> Option<mpsc::Sender<()>> {
    let (ended, end) = mpsc::channel();
    let look = move || {
        let mut pause = patience + LOOK;
        while end.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
            let journal::Exposure { records, age_us } = journal.exposure();
            if records > 0 && Duration::from_micros(age_us) >= WAITED {
                tracing::warn!(
                    records,
                    seconds = age_us / 1_000_000,
                    "the drain time-out has passed: the stop goes on to wait for the disk, which has not taken the last records"
                );
                return;
            }
            pause = LOOK;
        }
    };
    // Without the thread it stops without these words.
    std::thread::Builder::new().name("stop".into()).spawn(look).ok().map(|_| ended)
}

/// The switch as its operators see it.
fn status(settings: &Settings, parts: &Arc<Parts>, server: &Server, upkeep: &Arc<Beat>) -> SwitchStatus {
    let mut pulse = server.pulse();
    let (journal, upkeep) = (parts.journal.clone(), Arc::clone(upkeep));
    pulse.watch("journal", Duration::from(settings.journal.commit_interval_us), move |_| {
        journal.stood().as_nanos() as u64
    });
    pulse.watch("upkeep", SWEEPS, move |now_ns| upkeep.stood_ns(now_ns));
    SwitchStatus {
        parts: Arc::clone(parts),
        links: server.listening().map(|(link, address)| (Arc::clone(link), address)).collect(),
        monitor: Arc::clone(server.monitor()),
        pulse,
        ticks: server.ticks().clone(),
        max_records: settings.journal.exposure_max_records,
        max_age_us: Duration::from(settings.journal.exposure_max_ms).as_micros() as u64,
    }
}

fn start_upkeep(
    parts: &Arc<Parts>,
    server: &Arc<Server>,
    beat: Arc<Beat>,
    high_water: Keeper,
) -> std::io::Result<JoinHandle<()>> {
    let (parts, server) = (Arc::clone(parts), Arc::clone(server));
    let thread = std::thread::Builder::new().name("upkeep".into());
    thread.spawn(move || keep_up(&parts, &server, &beat, high_water))
}

fn start_snapshots(parts: &Arc<Parts>, floor: u64) -> std::io::Result<JoinHandle<()>> {
    let parts = Arc::clone(parts);
    std::thread::Builder::new().name("snapshots".into()).spawn(move || snapshots::run(&parts, floor))
}

/// Ends holds, notes how far the journal has come; off the path of messages.
fn keep_up(parts: &Parts, server: &Server, beat: &Beat, mut high_water: Keeper) {
    let started = Instant::now();
    let mut swept = started;
    let mut counters_swept = swept;
    while parts.phase() == Phase::Serving {
        beat.turn(server.ticks().now_ns());
        std::thread::park_timeout(Duration::from_millis(500));
        parts.clock.look(parts.journal.appended());
        if swept.elapsed() >= SWEEP {
            swept = Instant::now();
            let ended = server.expire_holds(parts.clock.now_us());
            if ended > 0 {
                tracing::info!(ended, "holds ran out");
            }
        }
        if counters_swept.elapsed() >= COUNTERS_SWEEP {
            counters_swept = Instant::now();
            let counters = server.sweep_counters(parts.clock.now_us());
            if counters > 0 {
                tracing::info!(counters, "counters of limits forgotten: their windows have passed");
            }
        }
        parts.fills.observe(started.elapsed(), &parts.portfolio);
        beat.not_due();
        high_water.keep(&parts.data, &parts.journal, Instant::now());
        parts.look_for_journal();
    }
}

/// How many workers there are: one a core, unless the settings say otherwise.
pub(super) fn workers(settings: &Settings) -> usize {
    match settings.server.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

/// Lets the kernel make the pages of the tables now, not under the locks of the first messages.
fn touch(portfolio: &Portfolio, standing: &Standing, threads: usize) {
    let begun = Instant::now();
    let rules = &standing.rules;
    portfolio.touch(!(rules.limits().is_empty() && rules.stand_in().limits().is_empty()), threads);
    tracing::debug!(milliseconds = begun.elapsed().as_millis() as u64, "memory of the tables touched");
}

fn warn_of_doubts(settings: &Settings, links: &[LinkOptions]) {
    if policy::networks(settings).len() > 1 {
        tracing::info!(
            "what is sent again, completed or reversed is found among what links of one network sent: links.NAME.network"
        );
    }
    for (link, own) in links.iter().zip(settings.links.values()) {
        if let Some(warning) = policy::key_doubt(own, &link.reading) {
            tracing::warn!(link = link.name, warning);
        }
        if let Some(warning) = policy::door_doubt(own) {
            tracing::warn!(link = link.name, warning);
        }
        if let Some(warning) = super::framing::doubt(&link.framing, &link.dialect) {
            tracing::warn!(link = link.name, warning);
        }
    }
}

/// What the settings say of a link, checked against its dialect.
pub(super) fn link_options((name, link): (&String, &settings::Link)) -> Result<LinkOptions, Failure> {
    let dialect =
        super::specs::find(&link.dialect).map_err(|reason| format!("links.{name}.dialect: {reason}"))?;
    if dialect.version() != 0 {
        return Err(format!(
            "links.{name}.dialect: {} is of message types {}xxx, whose fields mean other things: the switch decides those \
             of ISO 8583:1987 (0xxx)",
            dialect.name(),
            dialect.version()
        )
        .into());
    }
    super::framing::check(&link.framing, &dialect)
        .map_err(|reason| format!("links.{name}.framing: {reason}"))?;
    Ok(LinkOptions {
        name: name.clone(),
        listen: link.listen,
        reading: reading(name, link, &dialect)?,
        terms: policy::terms(name, link, policy::cannot_verify(&dialect))?,
        dialect,
        framing: link.framing,
        echo_keep_alives: link.keep_alive == settings::KeepAlive::Echo,
        max_frame_bytes: link.max_frame_bytes,
        receive_buffer_bytes: link.receive_buffer_kib * 1024,
        budget: link.budget_ms.into(),
        stand_in: link.stand_in_ms.into(),
        allow: link.allow.clone(),
        max_connections: link.max_connections,
        max_connections_per_address: link.max_connections_per_address,
        max_in_flight: link.max_in_flight,
        idle_timeout: link.idle_timeout_s.into(),
        frame_timeout: link.frame_timeout_ms.into(),
        write_timeout: link.write_timeout_ms.into(),
        max_refused_per_s: link.max_refused_per_s,
        echo: link.echo.lists().map(|(_, list)| list.to_vec()),
        close_on_unreadable: link.on_unreadable == settings::OnUnreadable::Close,
        require_sign_on: link.require_sign_on,
        reply_after_durable: link.reply_after == settings::ReplyAfter::Durable,
    })
}

fn telemetry(settings: &Settings, links: &[LinkOptions], workers: usize, data: &Path) -> Telemetry {
    Telemetry::new(crate::telemetry::Options {
        links: links.iter().map(|link| link.name.clone()).collect(),
        refusals: refusal_names(),
        workers,
        hlog_dir: Some(data.join("hlog")),
        hlog_interval: settings.telemetry.hlog_interval_s.into(),
        ..Default::default()
    })
}

fn journal_options(
    settings: &Settings,
    telemetry: &Telemetry,
    draining: &Arc<AtomicBool>,
) -> journal::Options {
    let from = &settings.journal;
    let (telemetry, draining) = (telemetry.clone(), Arc::clone(draining));
    journal::Options {
        segment_bytes: from.segment_mib.bytes(),
        commit_interval: from.commit_interval_us.into(),
        buffer_bytes: from.buffer_mib.bytes() as usize,
        exposure_max_records: from.exposure_max_records,
        exposure_max_age: from.exposure_max_ms.into(),
        on_full: match from.on_full {
            settings::OnFull::Decline => journal::OnFull::Decline,
            settings::OnFull::Stop => journal::OnFull::Stop,
        },
        on_durable: Some(Box::new(move |age_us| telemetry.observe_durable(age_us))),
        on_fatal: Some(Box::new(move |error| end(error, draining.load(Ordering::Relaxed)))),
    }
}

/// What was answered and is not durable is known to the restart alone: nothing more may be answered. A drain reads nothing new
/// and what waits for the disk gets no answer: it goes on to its end, since the receipt must come.
fn end(error: &journal::JournalError, is_draining: bool) {
    if is_draining {
        tracing::error!(%error, "the journal cannot go on; the stop does, without it");
        return;
    }
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(%error, "the journal cannot go on; the process ends, a restart recovers");
    } else {
        errln!("{error}; the process ends, a restart recovers");
    }
    log::flush();
    std::process::exit(1);
}

/// The names of refusals by their numbers: what a sample of the telemetry means.
fn refusal_names() -> Vec<&'static str> {
    let name = |number: u8| Refusal::from_number(number).map_or("other", Refusal::name);
    let last = Refusal::ALL.iter().map(|refusal| *refusal as u8).max().unwrap_or(0);
    (0..=last).map(name).collect()
}
