//! One file per command: arguments in, exit code out. The only room that may know every other.
//!
//! Exit codes: 0 done; 1 what was checked does not hold; 2 wrong usage or configuration.

#[macro_use]
mod print;

mod bound;
mod cards;
mod check;
mod clock;
mod contents;
mod data;
pub mod decode;
mod demo;
mod echo;
mod explain;
mod fill;
mod framing;
mod gauges;
mod guard;
mod high_water;
mod journal;
mod limits;
mod past;
mod policy;
mod private;
mod replay;
mod rules;
mod running;
mod serve;
mod signals;
mod snapshots;
mod specs;
mod standing;
mod status;
mod switch;
mod trace;
mod verification;
mod versions;
mod whole;

#[cfg(fuzzing)]
pub use specs::imported;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A low-latency, issuer-side ISO 8583 authorization switch.
#[derive(Parser)]
#[command(name = "authswitch", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Replay(replay::Args),
    Trace(trace::Args),
    Decode(decode::Args),
    Specs(specs::Args),
    Rules(rules::Args),
    Cards(cards::Args),
    Journal(journal::Args),
    Explain(explain::Args),
    Echo(echo::Args),
}

/// Exit code 1: what was checked does not hold.
pub(crate) const FAILED: u8 = 1;
/// Exit code 2: wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;

/// Parses the process's arguments and runs the command; wrong usage is told, and ends with 2.
pub fn main() -> ExitCode {
    limits::raise_open_files();
    signals::outlive_file_size_limit();
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return print::end(print::usage(&error)),
    };
    let code = match command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Trace(args) => trace::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Specs(args) => specs::run(args),
        Command::Rules(args) => rules::run(args),
        Command::Cards(args) => cards::run(args),
        Command::Journal(args) => journal::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Echo(args) => echo::run(args),
    };
    print::end(code)
}
