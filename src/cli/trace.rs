//! `authswitch trace`.

use std::process::ExitCode;

/// Makes, converts and prints traces.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch trace: not built yet");
    ExitCode::from(super::USAGE)
}
