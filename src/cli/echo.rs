//! `authswitch echo`.

use std::process::ExitCode;

/// A bare framed echo server: the floor every latency figure is compared with.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> ExitCode {
    eprintln!("authswitch echo: not built yet");
    ExitCode::from(super::USAGE)
}
