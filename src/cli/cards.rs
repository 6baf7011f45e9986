//! `authswitch cards`.

use std::process::ExitCode;

/// Loads cards and accounts into a stopped switch's data folder.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch cards: not built yet");
    ExitCode::from(super::USAGE)
}
