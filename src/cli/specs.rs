//! `authswitch specs`.

use std::process::ExitCode;

/// Lists, shows and checks dialects.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch specs: not built yet");
    ExitCode::from(super::USAGE)
}
