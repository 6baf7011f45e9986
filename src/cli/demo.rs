//! `authswitch demo`.

use std::process::ExitCode;

/// Starts a switch, replays the shipped trace against it, prints the latency table.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch demo: not built yet");
    ExitCode::from(super::USAGE)
}
