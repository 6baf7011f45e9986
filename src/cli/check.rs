//! `serve --check`: reads settings, dialects, rules and the data folder as a start would, and says what would happen.
//! Changes nothing, and may run beside a switch.

use super::contents::{self, Contents};
use super::data::{self, Failure, Found, WhenNew};
use super::limits::{self, OpenFiles};
use super::rules::{self, Loaded};
use super::{past, policy, standing, switch, verification};
use crate::journal::Lock;
use crate::portfolio::{Portfolio, seed};
use crate::rules::RuleSet;
use crate::settings::{Link, Settings};
use jiff::Timestamp;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;

/// What was found, said as it is found.
#[derive(Default)]
struct Findings {
    problems: usize,
}

impl Findings {
    /// What would stop the start.
    fn problem(&mut self, text: impl std::fmt::Display) {
        self.problems += 1;
        errln!("problem: {text}");
    }
}

/// Says what `serve` would do with these settings and this folder; 2 when it would not start.
pub(super) fn run(settings: &Settings, path: &Path, when_new: WhenNew) -> ExitCode {
    let mut found = Findings::default();
    let held = Lock::is_held(&path.join("journal"));
    for link in &settings.links {
        check_link(link, &mut found);
    }
    // A key that cannot be one is told with its link above.
    for (link, [pin, cvv, cryptogram, mac]) in verification::of_links(settings).unwrap_or_default() {
        outln!(
            "warning: link {link} verifies nothing: PIN {pin}; CVV {cvv}; cryptogram {cryptogram}; MAC {mac}"
        );
    }
    outln!("admin listens on {}", settings.admin.listen);
    if !held {
        check_addresses(settings, &mut found);
    }
    check_limits(settings, &mut found);
    let set = check_rules(settings, &mut found);
    match check_folder(settings, path, when_new, held) {
        Ok(portfolio) => {
            // Settings, rules and cards must fit each other too.
            if let Some(Err(error)) = set.map(|set| standing::of(settings, set, &portfolio)) {
                found.problem(error);
            }
        }
        Err(error) => found.problem(error),
    }
    match found.problems {
        0 => {
            outln!("ready to start");
            ExitCode::SUCCESS
        }
        problems => {
            outln!("would not start: {problems} problem{}", if problems == 1 { "" } else { "s" });
            ExitCode::from(super::USAGE)
        }
    }
}

/// Whether the limits of this process, which are those of a switch that is started from here, would do.
fn check_limits(settings: &Settings, found: &mut Findings) {
    let open_files = OpenFiles::of(settings, switch::workers(settings));
    for problem in [open_files.connections().err(), limits::check_file_size(settings).err()] {
        problem.into_iter().for_each(|problem| found.problem(problem));
    }
    for doubt in [open_files.doubt(), limits::file_size_doubt()].into_iter().flatten() {
        outln!("warning: {doubt}");
    }
}

fn check_link((name, link): (&String, &Link), found: &mut Findings) {
    match switch::link_options((name, link)) {
        Ok(options) => {
            let (dialect, framing) = (options.dialect.name(), &link.framing);
            outln!("link {name} listens on {}, dialect {dialect}, framing {framing}", link.listen);
            if let Some(doubt) = policy::door_doubt(link) {
                outln!("warning: link {name}: {doubt}");
            }
            if let Some(doubt) = super::framing::doubt(&link.framing, &options.dialect) {
                outln!("warning: link {name}: {doubt}");
            }
            if let Some(doubt) = policy::key_doubt(link, &options.reading) {
                outln!("warning: link {name}: {doubt}");
            }
        }
        Err(error) => found.problem(error),
    }
}

/// Whether each address is free. Only asked while no switch runs on the folder, which would have them itself.
fn check_addresses(settings: &Settings, found: &mut Findings) {
    let links = settings.links.iter().map(|(name, link)| (format!("links.{name}.listen"), link.listen));
    let addresses = links.chain([("admin.listen".to_owned(), settings.admin.listen)]);
    for (key, address) in addresses.filter(|(_, address): &(_, SocketAddr)| address.port() != 0) {
        if let Err(error) = TcpListener::bind(address) {
            found.problem(format!("{key}: cannot listen on {address}: {error}"));
        }
    }
}

fn check_rules(settings: &Settings, found: &mut Findings) -> Option<RuleSet> {
    let file = settings.rules.file.display();
    match standing::read(settings) {
        Ok(Loaded { set, .. }) if set.version() == 0 => {
            outln!("rules: none");
            Some(set)
        }
        Ok(Loaded { set, .. }) => {
            let limits = set.limits().len() + set.stand_in().limits().len();
            outln!(
                "rules {file}: version {:08x}, {} rules, {limits} limits, at worst {} ns of {} ns",
                set.version(),
                set.rules().len() + set.stand_in().rules().list().len(),
                rules::worst_case_ns(&set),
                settings.rules.budget_ns
            );
            Some(set)
        }
        Err(error) => {
            found.problem(error);
            None
        }
    }
}

/// What the folder holds and what a start would do with it.
fn check_folder(
    settings: &Settings,
    path: &Path,
    when_new: WhenNew,
    held: bool,
) -> Result<Portfolio, Failure> {
    let shown = path.display();
    let Contents::Whole(high_water) = contents::look(settings, path)? else {
        if when_new == WhenNew::Refuse {
            return Err(data::no_folder(path).into());
        }
        let portfolio = data::imagined(settings, when_new)?;
        outln!("data {shown}: would be made, with {} cards", portfolio.count().0);
        return Ok(portfolio);
    };
    let key = past::key(settings, path)?;
    let Found { portfolio, tail, facts, replayed, warnings } = data::look(settings, path, &key, high_water)?;
    let (cards, accounts) = portfolio.count();
    let taken = Timestamp::from_microsecond(facts.time_us).map(|time| format!("{time:.0}"));
    outln!("data {shown}: {cards} cards, {accounts} accounts");
    outln!(
        "snapshot of record {} from {}, then {replayed} records to replay, up to {}",
        facts.floor,
        taken.unwrap_or_else(|_| "an unknown time".into()),
        tail.last
    );
    for warning in warnings {
        outln!("warning: {warning}");
    }
    let demo_cards = seed::count(&portfolio);
    if demo_cards > 0 {
        outln!("warning: a demo folder: {demo_cards} cards of the demo are approved on every link");
    } else if when_new == WhenNew::Demo {
        return Err(data::not_of_the_demo(path).into());
    }
    if cards == 0 {
        outln!("warning: no cards: every request is answered 14");
    }
    if held {
        outln!("warning: a switch runs on this folder: another start is refused until it has ended");
    }
    Ok(portfolio)
}
