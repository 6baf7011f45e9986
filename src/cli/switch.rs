//! A whole switch in this process, from settings and a data folder: what `serve` runs and `demo` shows.

use super::clock::HoldClock;
use super::data::{self, Opened, WhenNew};
use super::policy::{self, reading};
use super::standing;
use super::status::{Holdings, Parts, Phase, SwitchStatus};
use super::verification;
use super::versions::Versions;
use crate::admin;
use crate::decision::Desk;
use crate::journal::{self, Journal};
use crate::message::Refusal;
use crate::network::{LinkOptions, Receipt, Server, ServerOptions, wall_us};
use crate::portfolio::{folder, seed};
use crate::settings::{self, Settings};
use crate::telemetry::{Telemetry, Ticker};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(super) use data::Failure;

/// How often the holds that have run out are ended.
const SWEEP: Duration = Duration::from_secs(10);
/// How often counters of limits that no longer matter are forgotten.
const COUNTERS_SWEEP: Duration = Duration::from_secs(60);

/// A running switch.
pub(super) struct Switch {
    server: Arc<Server>,
    admin: admin::Server,
    parts: Arc<Parts>,
    ticker: Ticker,
    upkeep: JoinHandle<()>,
}

/// Where a link listens.
pub(super) struct Listening {
    pub link: String,
    pub address: SocketAddr,
    pub dialect: String,
}

impl Switch {
    /// Opens the data folder (or makes it, as `when_new` says), recovers, and listens. Ready when it returns.
    pub(super) fn start(settings: &Settings, data: &Path, when_new: WhenNew) -> Result<Switch, Failure> {
        let links = settings.links.iter().map(link_options).collect::<Result<Vec<_>, Failure>>()?;
        warn_of_doubts(settings, &links);
        let rules = standing::read(settings)?;
        verification::warn(verification::of_links(settings)?);
        let workers = match settings.server.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let Opened { portfolio, tail, key, lock, warnings, floor, replayed, took } =
            data::open(settings, data, when_new)?;
        for warning in warnings {
            tracing::warn!(%warning, "recovered with a warning");
        }
        let (cards, accounts) = portfolio.count();
        tracing::info!(
            cards,
            last = tail.last,
            floor,
            replayed,
            milliseconds = took.as_millis() as u64,
            state_hash = format!("{:016x}", portfolio.state_hash()),
            "recovered"
        );
        let telemetry = telemetry(settings, &links, workers, data);
        let options = journal_options(settings, &telemetry);
        let journal = Journal::open_locked(&data.join("journal"), tail, options, lock)?;
        let portfolio = Arc::new(portfolio);
        let standing = standing::of(settings, rules.set, &portfolio)?;
        // Before the first record that names them.
        Versions::of(data, &key).keep(settings, &standing.rules, &rules.texts)?;
        let desk = Arc::new(Desk::new(Arc::clone(&portfolio), standing));
        let parts = Arc::new(Parts {
            holdings: Holdings { cards, accounts, demo_cards: seed::count(&portfolio) },
            portfolio,
            desk: Arc::clone(&desk),
            journal: journal.clone(),
            telemetry: telemetry.clone(),
            key,
            data: data.to_owned(),
            snapshot_every: settings.snapshot.every_records,
            draining: AtomicBool::new(false),
            reloads: Default::default(),
        });
        let lines_per_s = settings.log.lines_per_second;
        let options = ServerOptions { workers, links, lines_per_s, likely: Some(super::decode::likely) };
        let server = Server::start(options, desk, journal, telemetry.clone())?;
        register_gauges(&parts, &server);
        standing::register(&parts);
        let server = Arc::new(server);
        let status = SwitchStatus {
            parts: Arc::clone(&parts),
            links: server.listening().map(|(link, address)| (Arc::clone(link), address)).collect(),
            monitor: Arc::clone(server.monitor()),
            max_records: settings.journal.exposure_max_records,
            max_age_us: Duration::from(settings.journal.exposure_max_ms).as_micros() as u64,
        };
        let admin = admin::Server::start(settings.admin.listen, telemetry.clone(), Arc::new(status))
            .map_err(|error| format!("admin: cannot listen on {}: {error}", settings.admin.listen))?;
        let upkeep = {
            let (parts, server) = (Arc::clone(&parts), Arc::clone(&server));
            std::thread::Builder::new()
                .name("upkeep".into())
                .spawn(move || keep_up(&parts, &server, floor))?
        };
        let ticker = telemetry.start_ticker()?;
        Ok(Switch { server, admin, parts, ticker, upkeep })
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

    /// Its numbers.
    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.parts.telemetry
    }

    /// Stops reading, answers what is in flight, makes all of it durable, writes a snapshot.
    pub(super) fn drain(self, patience: Duration) -> Result<Receipt, Failure> {
        self.parts.draining.store(true, Ordering::Relaxed);
        self.upkeep.thread().unpark();
        // A panic in it would have ended the process.
        let _ = self.upkeep.join();
        let server = Arc::into_inner(self.server).ok_or("the server is still in use")?;
        let receipt = server.drain(patience);
        let last = self.parts.journal.close()?;
        self.ticker.stop();
        self.parts.telemetry.finish(Instant::now());
        let parts = &self.parts;
        // The journal has let go of the folder: an import of cards must not come between.
        let _lock = journal::Lock::take(&parts.data.join("journal"))?;
        folder::write(&parts.portfolio, &parts.key, &parts.data, last, wall_us(), |_| Ok(()))?;
        self.admin.stop();
        Ok(receipt)
    }
}

/// Ends holds, writes snapshots; off the path of messages.
fn keep_up(parts: &Parts, server: &Server, mut floor: u64) {
    let mut swept = Instant::now();
    let mut counters_swept = swept;
    let mut clock = HoldClock::new(wall_us(), swept);
    while parts.phase() == Phase::Serving {
        std::thread::park_timeout(Duration::from_millis(500));
        if swept.elapsed() >= SWEEP {
            swept = Instant::now();
            let ended = server.expire_holds(clock.now_us(wall_us(), swept));
            if ended > 0 {
                tracing::info!(ended, "holds ran out");
            }
        }
        if counters_swept.elapsed() >= COUNTERS_SWEEP {
            counters_swept = Instant::now();
            let counters = server.sweep_counters(clock.now_us(wall_us(), counters_swept));
            if counters > 0 {
                tracing::info!(counters, "counters of limits forgotten: their windows have passed");
            }
        }
        let appended = parts.journal.appended();
        if parts.snapshot_every > 0 && appended - floor >= parts.snapshot_every {
            floor = appended;
            match write_snapshot(parts, appended) {
                Ok(()) => tracing::info!(floor, "snapshot written"),
                Err(error) => {
                    tracing::error!(%error, "snapshot not written; the journal alone still recovers all")
                }
            }
        }
    }
}

/// Writes a snapshot while messages are decided: it counts only once the journal holds all that is in it.
fn write_snapshot(parts: &Parts, floor: u64) -> Result<(), Failure> {
    let journal = &parts.journal;
    folder::write(&parts.portfolio, &parts.key, &parts.data, floor, wall_us(), |last| {
        while journal.durable() < last {
            if matches!(journal.status(), journal::Status::Failed) {
                return Err("the journal has failed".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    })?;
    Ok(())
}

fn warn_of_doubts(settings: &Settings, links: &[LinkOptions]) {
    for (link, own) in links.iter().zip(settings.links.values()) {
        if let Some(warning) = policy::key_doubt(own, &link.reading) {
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
        terms: policy::terms(link, policy::cannot_verify(&dialect))?,
        dialect,
        framing: link.framing,
        echo_keep_alives: link.keep_alive == settings::KeepAlive::Echo,
        max_frame_bytes: link.max_frame_bytes,
        receive_buffer_bytes: link.receive_buffer_kib * 1024,
        budget: link.budget_ms.into(),
        stand_in: link.stand_in_ms.into(),
        max_connections: link.max_connections,
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

fn journal_options(settings: &Settings, telemetry: &Telemetry) -> journal::Options {
    let from = &settings.journal;
    let telemetry = telemetry.clone();
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
        on_fatal: None,
    }
}

/// The names of refusals by their numbers: what a sample of the telemetry means.
fn refusal_names() -> Vec<&'static str> {
    let name = |number: u8| Refusal::from_number(number).map_or("other", Refusal::name);
    let last = Refusal::ALL.iter().map(|refusal| *refusal as u8).max().unwrap_or(0);
    (0..=last).map(name).collect()
}

/// Reads a gauge's value.
type Read = fn(&Parts) -> f64;

fn register_gauges(parts: &Arc<Parts>, server: &Server) {
    let telemetry = &parts.telemetry;
    let of = |read: Read| {
        let parts = Arc::downgrade(parts);
        move || parts.upgrade().map_or(0.0, |parts| read(&parts))
    };
    let gauges: [(&str, &str, Read); 9] = [
        ("exposure_records", "Answers given whose record is not yet durable.", |parts| {
            parts.journal.exposure().records as f64
        }),
        ("exposure_seconds", "Age of the oldest record that is not yet durable.", |parts| {
            parts.journal.exposure().age_us as f64 / 1e6
        }),
        (
            "journal_accepting",
            "1 while the journal takes records; 0 when the disk is full or it has failed.",
            |parts| f64::from(u8::from(parts.journal.accepting())),
        ),
        ("journal_records", "Sequence of the last record.", |parts| parts.journal.appended() as f64),
        ("cards", "Cards in memory.", |parts| parts.holdings.cards as f64),
        ("accounts", "Accounts in memory.", |parts| parts.holdings.accounts as f64),
        ("counters", "Counters of the rule set's limits.", |parts| parts.portfolio.counters.len() as f64),
        ("transactions", "Transactions remembered.", |parts| parts.portfolio.table.len().0 as f64),
        ("transactions_open", "Transactions that hold money.", |parts| parts.portfolio.table.len().1 as f64),
    ];
    for (name, help, read) in gauges {
        telemetry.gauge(name, help, &[], of(read));
    }
    for (index, result) in ["taken", "refused"].into_iter().enumerate() {
        let parts = Arc::downgrade(parts);
        telemetry.total("reloads", "Reloads of settings and rules.", &[("result", result)], move || {
            parts.upgrade().map_or(0.0, |parts| parts.reloads[index].load(Ordering::Relaxed) as f64)
        });
    }
    for (link, _) in server.listening() {
        let labels = [("link", link.options.name.as_str())];
        let (open, signed_on) = (Arc::downgrade(link), Arc::downgrade(link));
        telemetry.gauge("connections", "Open connections.", &labels, move || {
            open.upgrade().map_or(0.0, |link| link.connections.load(Ordering::Relaxed) as f64)
        });
        telemetry.gauge(
            "connections_signed_on",
            "Open connections that have signed on.",
            &labels,
            move || signed_on.upgrade().map_or(0.0, |link| link.signed_on.load(Ordering::Relaxed) as f64),
        );
    }
}
