//! `rules show`: a rule set as the program took it: the rules in the order in which they are asked, limits, lists.

use super::load::{Refused, read};
use super::{effect, parts};
use crate::rules::{Limit, On, RuleSet};
use std::path::Path;
use std::process::ExitCode;

/// Shows a rule file as the program took it
#[derive(clap::Args)]
pub(super) struct Args {
    /// TOML file
    file: String,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    let set = match read(Path::new(&args.file)) {
        Ok(loaded) => loaded.set,
        Err(Refused::Unreadable(reason)) => return Err(reason),
        Err(Refused::Wrong(problems)) => {
            err!("{}", problems.report());
            return Ok(ExitCode::from(crate::cli::FAILED));
        }
    };
    outln!("version {:08x}", set.version());
    for (place, rules) in parts(&set) {
        if rules.list().is_empty() {
            continue;
        }
        outln!("\n{place}rules, in the order in which they are asked");
        for rule in rules.list() {
            let (name, mode, priority) = (rule.name(), rule.mode().name(), rule.priority());
            outln!("  {name} ({mode}, priority {priority}): {}", effect(&set, rule));
            outln!("      when {}", rule.when());
        }
    }
    for (place, limits) in [("", set.limits()), ("stand-in ", set.stand_in().limits())] {
        if !limits.is_empty() {
            outln!("\n{place}limits");
            limits.iter().for_each(print_limit);
        }
    }
    print_rest(&set);
    Ok(ExitCode::SUCCESS)
}

fn print_limit(limit: &Limit) {
    let (name, mode, scope) = (limit.name(), limit.mode().name(), limit.scope().name());
    let count = limit.count().map(|count| format!("{count} transactions (else {})", limit.code_of_count()));
    let amount =
        limit.amount().map(|amount| format!("{amount} minor units (else {})", limit.code_of_amount()));
    let most: Vec<String> = count.into_iter().chain(amount).collect();
    outln!("  {name} ({mode}): at most {}", most.join(" and "));
    let zone =
        if limit.window().is_calendar() { format!(" in {}", limit.time_zone()) } else { String::new() };
    outln!("      of each {scope}, window {}{zone}", limit.window());
    if !limit.when().is_empty() {
        outln!("      when {}", limit.when());
    }
}

fn print_rest(set: &RuleSet) {
    if set.lists().next().is_some() {
        outln!("\nlists");
    }
    for list in set.lists() {
        outln!("  {}: {} entries, {}", list.name(), list.len(), list.of().name());
    }
    if !set.groups().is_empty() {
        let names: Vec<&str> = set.groups().iter().map(|group| group.name()).collect();
        outln!("\ngroups of merchant categories: {}", names.join(", "));
    }
    let covered = [On::Budget, On::Error, On::Timeout, On::Rule].into_iter();
    let covered: Vec<&str> = covered.filter(|on| set.stand_in().covers(*on)).map(|on| on.name()).collect();
    outln!("\nstand-in: {}; covers {}", set.stand_in().mode().name(), covered.join(", "));
}
