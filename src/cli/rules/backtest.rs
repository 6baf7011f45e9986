//! `rules backtest`: the journal decided again by another rule file, on the state as it was, and what that would have
//! changed. Reads only: the switch may be running.

use super::load::{Refused, read};
use super::report::{Changed, Report};
use crate::cli::bound::Bound;
use crate::cli::data::Failure;
use crate::cli::versions::Versions;
use crate::cli::{past, policy, serve, standing};
use crate::decision::{Desk, LinkTerms, Recall, Sink};
use crate::journal::Seq;
use crate::portfolio::{Event, Record, folder};
use crate::rules::RuleSet;
use crate::settings::Settings;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Decides the journal again by another rule file and shows what that would have changed
#[derive(clap::Args)]
#[command(
    after_help = "Everything follows the other rules: what they decline holds no money and counts nowhere, so that later\n\
    requests meet the funds and limits that there would have been. Limits that the journal does not know are counted\n\
    from the records before --from too. By the rules that were in force, nothing changes.\n\n\
    Exit code 1: more has changed than --most-changed or --most-declined allow.\n\n\
    Examples:\n  authswitch rules backtest new.toml --data ./data\n  \
    authswitch rules backtest new.toml --from 2026-11-01T00:00:00Z --most-declined 0.5\n  \
    authswitch rules backtest new.toml --from 1000 --to 50000 --json"
)]
pub(super) struct Args {
    /// The other rule file.
    file: PathBuf,
    /// The data folder.
    #[arg(long, default_value = "./data")]
    data: PathBuf,
    /// The first record to decide again: its number, or a time such as 2026-11-01T00:00:00Z [default: the first since
    /// cards were imported or removed].
    #[arg(long, allow_hyphen_values = true)]
    from: Option<Bound>,
    /// The last: its number, or the time before which it was made.
    #[arg(long, allow_hyphen_values = true)]
    to: Option<Bound>,
    /// Percent of requests that may be answered otherwise.
    #[arg(long, value_name = "PERCENT")]
    most_changed: Option<f64>,
    /// Percent of approved requests that may be declined.
    #[arg(long, value_name = "PERCENT")]
    most_declined: Option<f64>,
    /// The settings file, for the place of the data key [default: as `serve`].
    #[arg(long)]
    config: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    let settings = match serve::load(args.config.as_deref(), &[]) {
        Ok(settings) => settings,
        Err(error) => return Err(error.report()),
    };
    let loaded = match read(&args.file) {
        Ok(loaded) => loaded,
        Err(Refused::Unreadable(reason)) => return Err(reason),
        Err(Refused::Wrong(problems)) => {
            err!("{}", problems.report());
            return Ok(ExitCode::from(crate::cli::FAILED));
        }
    };
    let report = backtest(args, &settings, loaded.set).map_err(|error| error.to_string())?;
    if args.json {
        outln!("{}", report.to_json());
    } else {
        report.print();
    }
    let over = |most: Option<f64>, percent: f64| most.is_some_and(|most| percent > most);
    let (changed, declined) = (report.changed_percent(), report.newly_declined_percent());
    if over(args.most_changed, changed) || over(args.most_declined, declined) {
        errln!(
            "authswitch rules backtest: {changed:.4} % changed, {declined:.4} % newly declined: over the bound"
        );
        return Ok(ExitCode::from(crate::cli::FAILED));
    }
    Ok(ExitCode::SUCCESS)
}

fn backtest(args: &Args, settings: &Settings, set: RuleSet) -> Result<Report, Failure> {
    let data = &args.data;
    let key = past::key(settings, data)?;
    let versions = Versions::of(data, &key);
    let ends = ends(data, args)?;
    let origins = folder::origins(data)?;
    // From the last change of the cards that is before what is asked, or in the middle of it.
    let origin = match ends.from {
        Some(from) => origins.iter().rev().find(|origin| **origin < from).copied(),
        None => origins.iter().rev().find(|origin| **origin < ends.to).copied(),
    };
    let origin = origin.ok_or("no snapshot says which cards the first of these records speak of")?;
    let from = ends.from.unwrap_or(origin + 1);
    if let Some(between) = origins.iter().find(|origin| **origin >= from && **origin < ends.to) {
        return Err(format!(
            "cards were imported or removed after record {between}: ask for what is before it (--to {between}) or behind it (--from {})",
            between + 1
        )
        .into());
    }
    let mut names = Names { versions: &versions, known: Vec::new() };
    let mut worlds = Worlds { versions: &versions, vault: settings, known: Vec::new() };
    let first = first_config(data, origin + 1)?;
    let (past, terms) = worlds.of(first)?;
    let portfolio = past::before(past, &key, data, origin + 1)?;
    let numbers = portfolio.numbers();
    let desk = Desk::new(Arc::clone(&portfolio), standing::of(past, set, &portfolio)?);
    let mut report = Report::new(&desk);
    let (mut terms, mut config) = (terms.to_vec(), first);
    let sink = Beside::default();
    let began = Instant::now();
    let bar = bar(ends.to.saturating_sub(from));
    past::each(data, origin + 1, ends.to, &mut |seq, record| {
        if record.config != config {
            // Another policy, the same rules.
            let (past, other) = worlds.of(record.config)?;
            config = record.config;
            terms = other.to_vec();
            let set = read(&args.file).map_err(|_| "the rule file has changed meanwhile")?.set;
            desk.exchange(standing::of(past, set, &portfolio)?);
        }
        let recall = Recall { terms: &terms, numbers: &numbers };
        if seq < from {
            desk.follow(record, seq, &recall);
            return Ok(());
        }
        if seq % 4_096 == 0 {
            bar.set_position(seq - from);
        }
        sink.begin(seq);
        let decided = desk.again(record, &recall, &sink);
        if let Some(decision) = decided.filter(|_| record.event == Event::Request) {
            let decision = crate::decision::Decision { sequence: 0, ..decision };
            let again = sink.record();
            report.add(seq, record, Changed { decision, again }, &mut |record| names.of(record));
        }
        report.records += 1;
        Ok(())
    })?;
    bar.finish_and_clear();
    report.finish(&desk, began.elapsed());
    Ok(report)
}

/// The records that are meant: from one (if said), up to the one before `to`.
struct Ends {
    from: Option<Seq>,
    to: Seq,
}

fn ends(data: &Path, args: &Args) -> Result<Ends, Failure> {
    let (from, since) = args.from.map_or((None, None), Bound::begin);
    let (to, until) = args.to.map_or((None, None), Bound::end);
    let (mut from, mut to) = (from.map(|seq| seq.max(1)), to.map(|seq| seq.saturating_add(1)));
    let last = past::last(data)?;
    // Only times have to be looked for.
    if since.is_some() || until.is_some() {
        past::each(data, 1, Seq::MAX, &mut |seq, record| {
            let reached = |time: Option<i64>| time.is_some_and(|time_us| record.time_us >= time_us);
            from = from.or_else(|| reached(since).then_some(seq));
            to = to.or_else(|| reached(until).then_some(seq));
            Ok(())
        })?;
    }
    let to = to.unwrap_or(Seq::MAX).min(last + 1);
    if since.is_some() && from.is_none() {
        return Err("no record is that late".into());
    }
    if from.is_some_and(|from| from >= to) || last == 0 {
        return Err(format!("no records there: the journal ends with {last}").into());
    }
    Ok(Ends { from, to })
}

/// The settings of the first record.
fn first_config(data: &Path, seq: Seq) -> Result<u32, Failure> {
    let mut config = None;
    past::each(data, seq, seq + 1, &mut |_, record| {
        config = Some(record.config);
        Ok(())
    })?;
    config.ok_or_else(|| "the journal has no records since cards were imported or removed".into())
}

/// The settings of then, by their versions.
struct Worlds<'a> {
    versions: &'a Versions<'a>,
    vault: &'a Settings,
    known: Vec<(u32, Settings, Vec<LinkTerms>)>,
}

impl Worlds<'_> {
    fn of(&mut self, version: u32) -> Result<(&Settings, &[LinkTerms]), Failure> {
        if !self.known.iter().any(|(known, ..)| *known == version) {
            let mut settings = self.versions.settings(version)?;
            settings.vault = self.vault.vault.clone();
            let terms = policy::all_terms(&settings)?;
            self.known.push((version, settings, terms));
        }
        let found = self.known.iter().find(|(known, ..)| *known == version);
        found.map(|(_, settings, terms)| (settings, &terms[..])).ok_or_else(|| "unreachable".into())
    }
}

/// The rule sets of then, for the names of rules that no longer decline.
struct Names<'a> {
    versions: &'a Versions<'a>,
    known: Vec<(u32, Option<RuleSet>)>,
}

impl Names<'_> {
    /// Which rule or limit declined what the record tells, by the rules of then.
    fn of(&mut self, record: &Record) -> String {
        if !self.known.iter().any(|(known, _)| *known == record.rules) {
            self.known.push((record.rules, self.versions.rules(record.rules).ok()));
        }
        let set =
            self.known.iter().find(|(known, _)| *known == record.rules).and_then(|(_, set)| set.as_ref());
        super::report::decider(record, set)
    }
}

/// Takes what is decided again in the place of the record that told it.
#[derive(Default)]
struct Beside {
    sequence: Cell<Seq>,
    body: RefCell<Vec<u8>>,
}

impl Beside {
    fn begin(&self, sequence: Seq) {
        self.sequence.set(sequence);
        self.body.borrow_mut().clear();
    }

    fn record(&self) -> Option<Record> {
        Record::decode(&self.body.borrow()).ok()
    }
}

impl Sink for Beside {
    fn append(&self, body: &[u8], _: i64) -> Option<u64> {
        let mut kept = self.body.borrow_mut();
        kept.clear();
        kept.extend_from_slice(body);
        Some(self.sequence.get())
    }
}

fn bar(records: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(records), ProgressDrawTarget::hidden());
    if std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(250));
    }
    let style = ProgressStyle::with_template("deciding again {wide_bar} {pos}/{len} {per_sec}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
