//! `rules check`: everything wrong with a rule file; of a right one, what each rule costs and its share of the budget.

use super::load::{Refused, read};
use super::{cost, effect, parts, to_json};
use crate::rules::{Problem, Rule, RuleSet};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// Reads a rule file, reports everything wrong with it, and measures what its rules cost on this machine
#[derive(clap::Args)]
pub(super) struct Args {
    /// TOML file
    file: String,
    /// Nanoseconds that asking all rules may cost at worst; the default is that of `rules.budget_ns`
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    budget_ns: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Checked<'a> {
    file: &'a str,
    ok: bool,
    errors: Vec<Found<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<Measured<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    line: usize,
    column: usize,
    reason: &'a str,
}

#[derive(Serialize)]
struct Measured<'a> {
    version: u32,
    rules: Vec<Costing<'a>>,
    limits: usize,
    cost_ns: f64,
    budget_ns: u64,
}

#[derive(Serialize)]
struct Costing<'a> {
    name: &'a str,
    line: usize,
    stand_in: bool,
    mode: &'static str,
    effect: String,
    cost_ns: f64,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    let set = match read(Path::new(&args.file)) {
        Ok(loaded) => loaded.set,
        Err(Refused::Unreadable(reason)) => return Err(reason),
        Err(Refused::Wrong(problems)) => {
            if args.json {
                let errors = problems.list().iter().map(found).collect();
                outln!("{}", to_json(&Checked { file: &args.file, ok: false, errors, set: None })?);
            } else {
                err!("{}", problems.report());
            }
            return Ok(ExitCode::from(crate::cli::FAILED));
        }
    };
    let measured = measured(&set, args.budget_ns);
    let within = measured.cost_ns <= args.budget_ns as f64;
    if args.json {
        let checked = Checked { file: &args.file, ok: within, errors: vec![], set: Some(measured) };
        outln!("{}", to_json(&checked)?);
    } else {
        print(args, &measured);
    }
    if !within {
        errln!("authswitch rules: {}: over the budget", args.file);
    }
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::from(crate::cli::FAILED) })
}

fn found(problem: &Problem) -> Found<'_> {
    Found { line: problem.line, column: problem.column, reason: &problem.reason }
}

/// The two sets are never asked together: the dearer one counts.
fn measured(set: &RuleSet, budget_ns: u64) -> Measured<'_> {
    let mut rules = Vec::new();
    let mut cost_ns = 0.0_f64;
    for (place, part) in parts(set) {
        let costs = cost::measure(part);
        cost_ns = cost_ns.max(costs.set);
        let costing =
            |(rule, cost): (&'_ Rule, f64)| (rule.line(), rule.mode().name(), effect(set, rule), cost);
        for (rule, cost) in part.list().iter().zip(costs.rules) {
            let (line, mode, effect, cost_ns) = costing((rule, cost));
            rules.push(Costing {
                name: rule.name(),
                line,
                stand_in: !place.is_empty(),
                mode,
                effect,
                cost_ns,
            });
        }
    }
    let limits = set.limits().len() + set.stand_in().limits().len();
    Measured { version: set.version(), rules, limits, cost_ns, budget_ns }
}

fn print(args: &Args, measured: &Measured<'_>) {
    let share = |cost: f64| 100.0 * cost / measured.budget_ns as f64;
    let width = measured.rules.iter().map(|rule| rule.name.len()).max().unwrap_or(0).max(4);
    outln!("{:<width$}  {:<6}  {:<18}  {:>10}  {:>7}", "rule", "mode", "effect", "worst ns", "budget");
    for rule in &measured.rules {
        let (mode, effect, cost) = (rule.mode, &rule.effect, rule.cost_ns);
        let place = if rule.stand_in { "  stand-in" } else { "" };
        outln!("{:<width$}  {mode:<6}  {effect:<18}  {cost:>10.1}  {:>6.2}%{place}", rule.name, share(cost));
    }
    let (all, budget) = (measured.cost_ns, measured.budget_ns);
    outln!("\nall together, at worst {all:.1} ns of {budget} ns ({:.2}%)", share(all));
    let (rules, limits) = (measured.rules.len(), measured.limits);
    let name = &args.file;
    outln!("{name}: right: version {:08x}, {rules} rules, {limits} limits", measured.version);
}
