//! `authswitch serve`.

use std::process::ExitCode;

/// Runs the switch.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch serve: not built yet");
    ExitCode::from(super::USAGE)
}
