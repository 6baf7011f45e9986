//! `authswitch rules`: checks, lints, shows and backtests rule files, and lists what their conditions can ask.

mod attributes;
mod backtest;
mod check;
mod cost;
mod lint;
mod load;
mod report;
pub(super) use load::{Loaded, Refused, Texts, read};
mod show;

use crate::rules::{Effect, Rule, RuleSet, Rules};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Checks, lints, shows and backtests rule files
#[derive(clap::Args)]
#[command(after_help = "Examples:
  authswitch rules check rules.toml
  authswitch rules check rules.toml --budget-ns 20000 --json
  authswitch rules lint rules.toml
  authswitch rules backtest rules.toml --data ./data
  authswitch rules attributes
  authswitch rules show rules.toml")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(check::Args),
    Lint(lint::Args),
    Backtest(backtest::Args),
    Attributes(attributes::Args),
    Show(show::Args),
}

pub(super) fn run(args: Args) -> ExitCode {
    let result = match args.command {
        Command::Check(args) => check::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Attributes(args) => attributes::run(&args),
        Command::Show(args) => show::run(&args),
    };
    result.unwrap_or_else(|reason| {
        errln!("authswitch rules: {reason}");
        ExitCode::from(super::USAGE)
    })
}

/// The rules of a set, and those of its stand-in, each with what their place is called.
fn parts(set: &RuleSet) -> [(&'static str, &Rules); 2] {
    [("", set.asked()), ("stand-in ", set.stand_in().rules())]
}

/// What asking the rules costs a request at worst on this machine, nanoseconds: of the usual ones, or of the stand-in's
/// where those cost more.
pub(super) fn worst_case_ns(set: &RuleSet) -> u64 {
    parts(set).iter().map(|(_, rules)| cost::of_set(rules)).fold(0.0, f64::max).ceil() as u64
}

/// What a rule does, in words.
fn effect(set: &RuleSet, rule: &Rule) -> String {
    match rule.effect() {
        Effect::Decline(code) => format!("decline {code}"),
        Effect::Require(code) => format!("require, else {code}"),
        Effect::ApproveUpTo(_) => "approve up to".to_owned(),
        Effect::Tag(tag) => format!("tag {}", set.tags().get(usize::from(*tag)).map_or("", String::as_str)),
        Effect::StandIn => "stand in".to_owned(),
    }
}

/// A bar on stderr for what takes over a second.
struct Progress {
    began: Instant,
    bar: ProgressBar,
}

impl Progress {
    fn new(what: &'static str, steps: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what);
        Progress { began: Instant::now(), bar }
    }

    fn step(&self) {
        if self.bar.is_hidden() && self.began.elapsed() > Duration::from_secs(1) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn to_json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}
