//! `authswitch decode`.

use std::process::ExitCode;

/// Explains a message field by field.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch decode: not built yet");
    ExitCode::from(super::USAGE)
}
