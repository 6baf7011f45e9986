//! `authswitch serve`: runs the switch until SIGTERM or SIGINT, then drains and prints the receipt.

use super::check;
use super::data::{self, Opened, WhenNew};
use super::guard;
use super::limits;
use super::private;
use super::signals::{Signals, Wish};
use super::status::Holdings;
use super::switch::{Drained, Failure, Switch};
use crate::portfolio::seed;
use crate::settings::{self, Settings, SettingsError};
use crate::telemetry::log;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs the switch.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  authswitch serve --demo\n  authswitch serve --init --config links.toml --data /var/lib/authswitch\n  \
    authswitch serve --set links.acquirer-ascii.listen=127.0.0.1:0 --set log.format=text\n\n\
    Prints a line for each listener, then `ready`. SIGTERM and SIGINT drain: what was read is answered and made\n\
    durable, a receipt is printed, exit code 0. SIGHUP reads settings and rule file again: what can change while\n\
    the switch runs is taken, all of it or nothing, and the log names each setting that changed, its old and new value,\n\
    and whether it waits for a restart. SIGUSR1 says that the wall clock is right, where the log says that it is not believed."
)]
pub(super) struct Args {
    /// The settings file [default: config/authswitch.toml, or the built-in defaults where there is none].
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data folder.
    #[arg(long, default_value = "./data")]
    data: PathBuf,
    /// Makes the data folder, without cards, where there is none yet.
    #[arg(long)]
    init: bool,
    /// Makes the data folder, with the demo's cards, where there is none yet: for trying out, never for real links.
    #[arg(long)]
    demo: bool,
    /// Believes the wall clock at this start, whatever the journal and the time that has passed say.
    #[arg(long)]
    clock_is_right: bool,
    /// Overrides one setting, e.g. links.acquirer-ascii.listen=127.0.0.1:0. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Prints the settings in force with --config or --set, else the manual with all defaults, and ends.
    #[arg(long)]
    print_config: bool,
    /// Reads settings, rules, dialects and the data folder, says what would happen, and ends: 0, or 2 with what is wrong.
    /// Changes nothing; a switch may be running on the folder.
    #[arg(long, conflicts_with = "print_config")]
    check: bool,
}

impl Args {
    fn when_new(&self) -> WhenNew {
        match (self.demo, self.init) {
            (true, _) => WhenNew::Demo,
            (false, true) => WhenNew::Make,
            (false, false) => WhenNew::Refuse,
        }
    }
}

/// The settings file that is read when none is named.
const USUAL_CONFIG: &str = "config/authswitch.toml";

pub(super) fn run(args: Args) -> ExitCode {
    // What is wrong before there is a log is told to nobody for long, either.
    if let Err(error) = log::unhurried() {
        errln!("authswitch serve: {}", limits::explained(&error));
        return ExitCode::from(super::USAGE);
    }
    if args.print_config && args.config.is_none() && args.set.is_empty() {
        out!("{}", settings::MANUAL);
        return ExitCode::SUCCESS;
    }
    let settings = match settings_of(&args) {
        Ok(settings) => settings,
        Err(error) => {
            err!("{}", error.report());
            return ExitCode::from(super::USAGE);
        }
    };
    if args.print_config {
        out!("{}", settings.to_toml());
        return ExitCode::SUCCESS;
    }
    if args.check {
        return check::run(&settings, &args.data, args.when_new());
    }
    let guarded = guard::take_key_out().and_then(|()| match settings.server.dumpable {
        true => Ok(()),
        false => guard::refuse_dumps(),
    });
    if let Err(error) = guarded {
        errln!("authswitch serve: its memory cannot be kept from others: {error}");
        return ExitCode::from(super::USAGE);
    }
    let json = settings.log.format == settings::LogFormat::Json;
    let format = if json { log::Format::Json } else { log::Format::Text };
    let log = log::Options { level: settings.log.level.as_str().to_owned(), format };
    if let Err(error) = log::init(&log).and_then(|()| Ok(super::print::unhurried()?)) {
        errln!("authswitch serve: {}", limits::explained(&error));
        return ExitCode::from(super::USAGE);
    }
    match serve(&args, &settings) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(super::FAILED),
        Err(error) => {
            let error = limits::explained(&*error);
            tracing::error!(%error, "the switch ends");
            errln!("authswitch serve: {error}");
            ExitCode::from(super::USAGE)
        }
    }
}

/// The settings to run by: with `--demo` over the demo's.
fn settings_of(args: &Args) -> Result<Settings, SettingsError> {
    let config = config_file(args.config.as_deref());
    if args.demo { Settings::load_for_demo(config, &args.set) } else { Settings::load(config, &args.set) }
}

fn config_file(named: Option<&Path>) -> Option<&Path> {
    let usual = Path::new(USUAL_CONFIG);
    named.or(usual.is_file().then_some(usual))
}

/// The settings in force: of the file named, else of the usual one, else the defaults.
pub(super) fn load(config: Option<&Path>, set: &[String]) -> Result<Settings, SettingsError> {
    Settings::load(config_file(config), set)
}

/// Runs the switch to its end; false when not all of that worked.
fn serve(args: &Args, settings: &Settings) -> Result<bool, Failure> {
    private::make_private();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything is opened, so that a signal during recovery ends in order too.
    let _entered = runtime.enter();
    let mut signals = Signals::catch()?;
    let open = || runtime.block_on(recover(settings, args, &mut signals));
    let switch = match Switch::start(settings, &args.data, args.clock_is_right, open) {
        Err(error) if error.is::<Stopped>() => {
            tracing::info!("{error}");
            outln!("{error}");
            return Ok(true);
        }
        started => started?,
    };
    warn_of_holdings(switch.holdings(), &args.data);
    for listening in switch.listening() {
        outln!("listening link={} addr={} dialect={}", listening.link, listening.address, listening.dialect);
    }
    outln!("listening link=admin addr={} dialect=http", switch.admin_address());
    outln!("ready");
    tracing::info!(data = %args.data.display(), "ready");
    let mut running = settings.clone();
    runtime.block_on(async {
        loop {
            match signals.next().await {
                Wish::End => break,
                Wish::Reload => reload(args, &switch, &mut running),
                Wish::Nothing => {}
                Wish::BelieveClock => switch.believe_clock(),
            }
        }
    });
    tracing::info!("draining");
    let Drained { receipt, troubles } = switch.drain(settings.server.drain_timeout_ms.into())?;
    outln!("drained {receipt}");
    tracing::info!(
        received = receipt.received,
        answered = receipt.answered,
        budget_spent = receipt.budget_spent,
        undone = receipt.undone,
        withheld = receipt.withheld,
        dropped = receipt.dropped,
        undelivered = receipt.undelivered,
        "drained"
    );
    for trouble in &troubles {
        tracing::error!(trouble, "not all is as after a clean stop");
        errln!("authswitch serve: {trouble}");
    }
    Ok(troubles.is_empty())
}

/// A stop was asked for before there was a switch.
#[derive(Debug, thiserror::Error)]
#[error("stopped during recovery: nothing was served or recorded")]
struct Stopped;

/// Opens the data folder on a thread of its own. Where a stop is asked for meanwhile that thread is left to the end of the
/// process, however long a disk holds it: what it does may be cut off anywhere.
async fn recover(settings: &Settings, args: &Args, signals: &mut Signals) -> Result<Opened, Failure> {
    let (done, mut opened) = tokio::sync::oneshot::channel();
    let (settings, data, when_new) = (settings.clone(), args.data.clone(), args.when_new());
    tracing::info!(data = %data.display(), "recovering");
    std::thread::Builder::new().name("recovery".into()).spawn(move || {
        let opened = data::open(&settings, &data, when_new);
        let _ = done.send(opened.inspect(Opened::tell));
    })?;
    tokio::select! {
        opened = &mut opened => opened?,
        () = signals.end() => Err(Stopped.into()),
    }
}

/// What must not go unnoticed of a data folder.
fn warn_of_holdings(holdings: Holdings, data: &Path) {
    let data = data.display();
    if holdings.demo_cards > 0 {
        tracing::warn!(
            demo_cards = holdings.demo_cards,
            "a demo folder: its cards have a billion to spend and are approved on every link; \
             `authswitch cards remove --program {} --data {data}` takes them out",
            seed::PROGRAM
        );
    }
    if holdings.cards == 0 {
        tracing::warn!(
            "no cards: every request is answered 14 until `authswitch cards import FILE --data {data}`"
        );
    }
}

/// SIGHUP: reads settings and rules again. What does not hold changes nothing, and the log says why.
fn reload(args: &Args, switch: &Switch, running: &mut Settings) {
    let before = running.log.level;
    let reloaded = settings_of(args).map_err(|error| error.to_string().into()).and_then(|new| {
        // The lines that tell of it are written where the level of before or that of after lets them.
        set_log_level(before.max(new.log.level));
        switch.exchange(running, new)
    });
    switch.count_reload(reloaded.is_ok());
    match reloaded {
        Ok(settings) => *running = settings,
        Err(error) => tracing::error!(%error, "not reloaded; the switch goes on by what was in force"),
    }
    let level = running.log.level;
    if level != before {
        let (level, before) = (level.as_str(), before.as_str());
        if log::is_fixed() {
            let variable = log::LEVEL_VARIABLE;
            tracing::warn!(level, "log level not changed: the environment's {variable} goes on to win");
        } else {
            // A warning, so that the line is seen at most levels.
            tracing::warn!(level, before, "log level changed");
        }
    }
    set_log_level(level);
}

fn set_log_level(level: settings::LogLevel) {
    if let Err(error) = log::set_level(level.as_str()) {
        tracing::error!(%error, "log level not changed");
    }
}
