//! `authswitch replay`.

use std::process::ExitCode;

/// Plays a trace at a switch, open loop, and reports latencies and answers.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch replay: not built yet");
    ExitCode::from(super::USAGE)
}
