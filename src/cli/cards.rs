//! `authswitch cards`: loads a CSV file of cards into the data folder of a stopped switch, all of it or nothing, or
//! takes the cards of a program out of it.

use super::contents::{self, Contents};
use super::data::{self, Failure, Opened, WhenNew};
use super::{private, serve, snapshots};
use crate::clock::wall_us;
use crate::journal::{JournalError, Lock, Tail};
use crate::portfolio::import::{self, Done, ImportError};
use crate::portfolio::sheet::{self, Rejected, Sheet, SheetError};
use crate::portfolio::snapshot::WriteOptions;
use crate::portfolio::{Program, Removed, columns, folder};
use crate::settings::Settings;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Loads cards and accounts into a stopped switch's data folder, or takes cards out.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Loads a CSV file, one row a card: all of it, or nothing when a row is wrong.
    ///
    /// A card that is there already gets the row's expiry, status, program and limits, and its account has what the row
    /// says available; its counters and what is held stay. A card's account and an account's currency do not change.
    #[command(after_help = columns_help())]
    Import(Import),
    /// Takes all cards of a program out: their numbers are unknown from then on (14).
    ///
    /// With a card goes its account, where no other card spends from it. What is open of them stays as it is: a completion
    /// or reversal of an authorization that was made before finds it and is booked, and holds end when they would have.
    /// What was decided can still be explained.
    #[command(after_help = "Example:\n  authswitch cards remove --program demo --data ./data")]
    Remove(Remove),
}

#[derive(clap::Args)]
struct Remove {
    /// The program, as the settings name it
    #[arg(long, value_name = "NAME")]
    program: String,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct Import {
    /// The CSV file
    #[arg(required_unless_present = "example")]
    file: Option<PathBuf>,
    /// Prints a header line and rows to follow, and ends
    #[arg(long, conflicts_with = "file")]
    example: bool,
    #[command(flatten)]
    place: Place,
}

/// Where the cards are, and how the result is told.
#[derive(clap::Args)]
struct Place {
    /// The data folder; an import makes it where it is not there
    #[arg(long, default_value = "./data", value_name = "DIR")]
    data: PathBuf,
    /// The settings file [default: config/authswitch.toml, or the built-in defaults where there is none]
    #[arg(long)]
    config: Option<PathBuf>,
    /// Overrides one setting; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Prints the result as one JSON object
    #[arg(long)]
    json: bool,
}

impl Place {
    /// The settings in force; where they do not hold, what is wrong is said.
    fn settings(&self) -> Result<Settings, ExitCode> {
        serve::load(self.config.as_deref(), &self.set).map_err(|error| {
            err!("{}", error.report());
            ExitCode::from(super::USAGE)
        })
    }
}

/// The columns for `--help`.
fn columns_help() -> String {
    let next = format!("\n{:31}", "");
    let mut text = "Columns, named in the first line, in any order:\n".to_owned();
    for (index, column) in columns::COLUMNS.iter().enumerate() {
        if index == columns::CUSTOMER {
            text += "\nMay be left out:\n";
        }
        if index == columns::LIMITS {
            text += "\nLimits of the card's own; each may be left out, and where empty is the program's:\n";
        }
        text += &format!("  {:<28} {}\n", column.name, column.holds.replace('\n', &next));
    }
    text + "\nExamples:\n  authswitch cards import --example > cards.csv\n  \
        authswitch cards import cards.csv --data ./data"
}

/// What stops an import.
enum Stop {
    /// The file's content.
    Rejected(Rejected),
    /// Anything else.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Failed(error.into())
    }
}

pub(super) fn run(args: Args) -> ExitCode {
    match args.action {
        Action::Import(args) => run_import(&args),
        Action::Remove(args) => run_remove(&args),
    }
}

fn run_remove(args: &Remove) -> ExitCode {
    let settings = match args.place.settings() {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let Removed { cards, accounts, holds } = match remove(args, &settings) {
        Ok(removed) => removed,
        Err(error) => {
            errln!("authswitch cards remove: {error}");
            return ExitCode::from(super::USAGE);
        }
    };
    let (program, data) = (&args.program, args.place.data.display());
    if args.place.json {
        let data = data.to_string();
        outln!(
            "{}",
            json!({ "program": program, "cards": cards, "accounts": accounts, "open_holds": holds, "data": data })
        );
    } else {
        outln!(
            "removed {cards} card{} of {program} and {accounts} account{} from {data}; {holds} open hold{} of theirs \
             end as they would have",
            plural(cards),
            plural(accounts),
            plural(holds)
        );
    }
    ExitCode::SUCCESS
}

fn remove(args: &Remove, settings: &Settings) -> Result<Removed, Failure> {
    let data = &args.place.data;
    private::make_private();
    if contents::look(settings, data)? == Contents::New {
        return Err(format!("{}: no data folder", data.display()).into());
    }
    let journal = data.join("journal");
    let lock = lock(data)?;
    let doing = step("reading the data folder");
    let Opened { mut portfolio, tail, key, lock: _lock, warnings, .. } =
        data::open_locked(settings, data, WhenNew::Refuse, lock)?;
    for warning in warnings {
        errln!("authswitch cards remove: {warning}");
    }
    let program = data::program(&portfolio, &args.program)
        .ok_or_else(|| format!("the settings have no program {}", args.program))?;
    let removed = portfolio.remove_program(program);
    if removed.cards > 0 {
        doing.set_message("writing the snapshot");
        settle(&journal)?;
        folder::write_changed(&portfolio, &key, data, (tail.last, wall_us()), options(settings, &tail))?;
    }
    doing.finish_and_clear();
    Ok(removed)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn run_import(args: &Import) -> ExitCode {
    let Some(file) = args.file.as_deref().filter(|_| !args.example) else {
        out!("{}", columns::EXAMPLE);
        return ExitCode::SUCCESS;
    };
    let settings = match args.place.settings() {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    match load(file, &args.place.data, &settings) {
        Ok(done) => {
            report(&done, args);
            ExitCode::SUCCESS
        }
        Err(Stop::Rejected(rejected)) => {
            refuse(&rejected, file, args.place.json);
            ExitCode::from(super::FAILED)
        }
        Err(Stop::Failed(error)) => {
            errln!("authswitch cards import: {error}");
            ExitCode::from(super::USAGE)
        }
    }
}

fn report(done: &Done, args: &Import) {
    let Done { new, updated, accounts } = *done;
    let (cards, data) = (new + updated, args.place.data.display());
    if args.place.json {
        let data = data.to_string();
        outln!(
            "{}",
            json!({ "cards": cards, "new": new, "updated": updated, "accounts": accounts, "data": data })
        );
        return;
    }
    outln!(
        "imported {cards} card{} ({new} new, {updated} updated), {accounts} account{} into {data}",
        plural(cards),
        plural(accounts)
    );
}

fn refuse(rejected: &Rejected, file: &Path, as_json: bool) {
    if as_json {
        let problems = rejected.problems.iter().map(
            |problem| json!({ "line": problem.line, "column": problem.column, "reason": problem.reason }),
        );
        outln!("{}", json!({ "problems": problems.collect::<Vec<_>>(), "unread_lines": rejected.unread }));
        return;
    }
    errln!("{rejected}");
    errln!("authswitch cards import: nothing of {} is loaded", file.display());
}

fn load(file: &Path, data: &Path, settings: &Settings) -> Result<Done, Stop> {
    let journal = data.join("journal");
    private::make_private();
    let is_new = contents::look(settings, data)? == Contents::New;
    // Before anything else: whoever forgot to stop the switch hears of that first.
    let lock = if is_new { None } else { Some(lock(data)?) };
    let sheet = read(file, &data::programs(settings))?;
    // A wrong file leaves no new folder behind.
    let lock = match lock {
        Some(held) => held,
        None => self::lock(data)?,
    };
    let doing = step("reading the data folder");
    let Opened { mut portfolio, tail, key, lock: _lock, warnings, .. } =
        data::open_locked(settings, data, WhenNew::Leave, lock)?;
    for warning in warnings {
        errln!("authswitch cards import: {warning}");
    }
    doing.set_message("changing cards");
    let done = import::apply(&sheet, &mut portfolio).map_err(|error| match error {
        ImportError::Rejected(rejected) => Stop::Rejected(rejected),
        ImportError::Limits(error) => Stop::Failed(error.into()),
    })?;
    drop(sheet);
    doing.set_message("writing the snapshot");
    settle(&journal)?;
    folder::write_changed(&portfolio, &key, data, (tail.last, wall_us()), options(settings, &tail))?;
    if is_new {
        errln!("authswitch cards import: made the data folder {}: there was none", data.display());
    }
    doing.finish_and_clear();
    Ok(done)
}

fn lock(data: &Path) -> Result<Lock, Failure> {
    data::lock(data).map_err(|error| match error.downcast_ref() {
        Some(JournalError::Locked { holder, .. }) => {
            format!("a switch runs on this data folder{holder}; stop it first: nothing is changed").into()
        }
        _ => error,
    })
}

/// What a snapshot leaves to the switch that starts on it.
fn options(settings: &Settings, tail: &Tail) -> WriteOptions<'static> {
    let leave_free_bytes = snapshots::leave_free_bytes(settings);
    WriteOptions { journal: tail.chain, leave_free_bytes, pause: None }
}

fn read(file: &Path, programs: &[Program]) -> Result<Sheet, Stop> {
    let fail = |error: io::Error| Stop::Failed(format!("{}: {error}", file.display()).into());
    let input = File::open(file).map_err(fail)?;
    let bar = match io::stderr().is_terminal() {
        true => ProgressBar::new(input.metadata().map_err(fail)?.len()),
        false => ProgressBar::hidden(),
    };
    let style = ProgressStyle::with_template("{bar:30} {percent}% reading {bytes} of {total_bytes}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let sheet = sheet::read(bar.wrap_read(input), programs).map_err(|error| match error {
        SheetError::Rejected(rejected) => Stop::Rejected(rejected),
        SheetError::System(error) => fail(error),
    });
    bar.finish_and_clear();
    sheet
}

/// Shows that something goes on, on a terminal.
fn step(what: &'static str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.set_message(what);
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}

/// Makes durable what a killed switch left to the system: the snapshot says that the journal goes as far as it was
/// read, which must hold after a power cut too.
fn settle(journal: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(journal)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "seg") {
            File::open(&path)?.sync_all()?;
        }
    }
    Ok(File::open(journal)?.sync_all()?)
}
