//! `authswitch journal`.

use std::process::ExitCode;

/// Verifies and prints the persisted record of decisions.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch journal: not built yet");
    ExitCode::from(super::USAGE)
}
