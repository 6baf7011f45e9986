//! `rules lint`: rules that are legal and look wrong, each with what is proved of it or a message that shows it.

use super::load::{Refused, read};
use super::{Progress, effect, parts};
use crate::rules::{Evidence, Finding, RuleSet, Rules, Suspicion, lint};
use std::path::Path;
use std::process::ExitCode;

/// Finds rules that never match, always match, are never reached, or contradict others; exit code 1 if there are any
#[derive(clap::Args)]
pub(super) struct Args {
    /// TOML file
    file: String,
    /// Messages tried of each rule where nothing can be proved
    #[arg(long, default_value_t = 4_096, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,
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
    let (mut count, mut looked) = (0, 0);
    for (place, rules) in parts(&set) {
        let progress = Progress::new("looking", rules.list().len());
        let findings = lint(rules, args.samples as usize, &mut |_| progress.step());
        drop(progress);
        count += findings.len();
        looked += rules.list().len();
        findings.iter().for_each(|finding| print(args, &set, place, rules, finding));
    }
    match count {
        0 => outln!("{}: nothing looks wrong in {looked} rules", args.file),
        1 => outln!("{}: 1 finding", args.file),
        _ => outln!("{}: {count} findings", args.file),
    }
    Ok(if count == 0 { ExitCode::SUCCESS } else { ExitCode::from(crate::cli::FAILED) })
}

fn print(args: &Args, set: &RuleSet, place: &str, rules: &Rules, finding: &Finding) {
    let Some(rule) = rules.list().get(finding.rule) else { return };
    let other = |index: usize| {
        rules.list().get(index).map_or(String::new(), |rule| {
            format!("{} ({}, line {})", rule.name(), effect(set, rule), rule.line())
        })
    };
    let what = match finding.suspicion {
        Suspicion::NeverMatches => "never matches".to_owned(),
        Suspicion::AlwaysMatches => "always matches".to_owned(),
        Suspicion::Unreachable(by) => format!("has no effect: declined before by {}", other(by)),
        Suspicion::Contradicts(by) => format!("contradicts {}: the same messages, another effect", other(by)),
    };
    let how = match &finding.evidence {
        Evidence::Proved(_) => "proved".to_owned(),
        Evidence::NoWitness(samples) => format!("not proved: no witness in {samples} samples"),
    };
    outln!("{}:{}: {place}rule {} {what} [{how}]", args.file, rule.line(), rule.name());
    match &finding.evidence {
        Evidence::Proved(Some(witness)) => {
            let values: Vec<String> =
                witness.iter().map(|(attribute, value)| format!("{} = {value}", attribute.name())).collect();
            outln!("    for example: {}", values.join(", "));
        }
        Evidence::Proved(None) => outln!("    no message is otherwise, whatever its values"),
        Evidence::NoWitness(_) => {}
    }
}
