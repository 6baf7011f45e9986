//! The one way in which commands print. A reader that closes the pipe (`| head`) has seen enough: what comes after
//! goes nowhere, and the command ends with the exit code that it would have had. Must not know what is printed.

use crate::telemetry::{Outlet, Told, log};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::error::Error;
use std::fmt::Arguments;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::OnceLock;

/// Why standard output took no more, where that was not its reader's wish.
static FAILED: OnceLock<String> = OnceLock::new();
/// Where standard output goes once nobody may wait for its reader.
static OUTLET: OnceLock<Outlet> = OnceLock::new();

/// Prints a line to standard output.
macro_rules! outln {
    () => { $crate::cli::print::out(format_args!("\n")) };
    ($($arg:tt)*) => { $crate::cli::print::out(format_args!("{}\n", format_args!($($arg)*))) };
}

/// Prints to standard output.
macro_rules! out {
    ($($arg:tt)*) => { $crate::cli::print::out(format_args!($($arg)*)) };
}

/// Prints a line to standard error.
macro_rules! errln {
    ($($arg:tt)*) => { $crate::cli::print::err(format_args!("{}\n", format_args!($($arg)*))) };
}

/// Prints to standard error.
macro_rules! err {
    ($($arg:tt)*) => { $crate::cli::print::err(format_args!($($arg)*)) };
}

/// From here on nobody who prints waits for whoever reads standard output: a switch must run, and stop, though nobody does.
pub(super) fn unhurried() -> io::Result<()> {
    let told = Told { dropped: |_| {}, failed: note };
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    OUTLET.set(Outlet::start("stdout", stdout, told)?).map_err(|_| ErrorKind::AlreadyExists.into())
}

/// What `out!` and `outln!` do.
pub(super) fn out(text: Arguments<'_>) {
    if let Some(outlet) = OUTLET.get() {
        outlet.push(text.to_string().as_bytes());
    } else if let Err(error) = io::stdout().write_fmt(text) {
        note(&error);
    }
}

/// What `err!` and `errln!` do. Where nobody hears it, nothing is left to do about it.
pub(super) fn err(text: Arguments<'_>) {
    // Behind the lines of the log, where there is one.
    if !log::write(text.to_string().as_bytes()) {
        let _ = io::stderr().write_fmt(text);
    }
}

/// Tells what is wrong with the arguments, in colours to a terminal, and to a pipe that nobody reads not for long; help that was
/// asked for is printed as it is.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let waits = !error.use_stderr() || io::stderr().is_terminal() || log::unhurried().is_err();
    if waits {
        error.exit();
    }
    err!("{error}");
    ExitCode::from(super::USAGE)
}

/// Standard output for what may be long or endless: such a command stops at the first error, [`is_closed`] or not.
pub(super) fn stream() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Whether the error, or one that it came from, is that nobody reads any more.
pub(super) fn is_closed(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether standard output is a pipe that nobody reads any more: known without writing to it.
pub(super) fn is_unread() -> bool {
    let stdout = io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let gone = PollFlags::ERR | PollFlags::HUP;
    poll(&mut asked, Some(&Timespec::default())).is_ok() && asked[0].revents().intersects(gone)
}

/// Keeps an error of standard output for [`end`]; a closed pipe is none.
pub(super) fn note(error: &io::Error) {
    if error.kind() != ErrorKind::BrokenPipe {
        // The first one says most.
        let _ = FAILED.set(error.to_string());
    }
}

/// The process's exit code: the command's own, unless what it printed went nowhere and nobody wanted that; a switch's own.
pub(super) fn end(code: ExitCode) -> ExitCode {
    match OUTLET.get() {
        Some(outlet) => outlet.flush(log::LAST_WORDS),
        None => io::stdout().flush().unwrap_or_else(|error| note(&error)),
    }
    let code = match FAILED.get() {
        None => code,
        Some(reason) => {
            errln!("authswitch: standard output: {reason}");
            // What a switch did does not hang on who hears it; the log has it too.
            if OUTLET.get().is_some() { code } else { ExitCode::from(super::USAGE) }
        }
    };
    log::flush();
    code
}
