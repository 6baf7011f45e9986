//! What keeps a switch's memory to itself: no core file, no debugger of the same user, no key in the environment. Must
//! not know what is in the memory.

use crate::vault::{FROM_STDIN, KEY_VARIABLE};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use zeroize::Zeroizing;

/// Neither writes core files from here on, nor lets the same user's debuggers in.
pub(super) fn refuse_dumps() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// Starts this program anew in the same process, with the data key on standard input instead of in the environment, where
/// it stands in /proc and in memory to the end. Returns where there is no key to take out, or why it cannot be done.
pub(super) fn take_key_out() -> io::Result<()> {
    let key = match std::env::var(KEY_VARIABLE).map(Zeroizing::new) {
        // What is no key is refused where it is read.
        Ok(key) if *key != FROM_STDIN && key.len() <= LONGEST_KEY => key,
        _ => return Ok(()),
    };
    let (stdin, mut into) = io::pipe()?;
    into.write_all(key.as_bytes())?;
    drop(into);
    let mut arguments = std::env::args_os();
    // By its name, which the process then bears; where the file was replaced meanwhile, by what runs.
    let program = std::env::current_exe().ok().filter(|program| program.exists());
    let mut command = Command::new(program.as_deref().unwrap_or(Path::new("/proc/self/exe")));
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    Err(command.args(arguments).env(KEY_VARIABLE, FROM_STDIN).stdin(stdin).exec())
}

/// Fits into a pipe that nobody reads yet.
const LONGEST_KEY: usize = 1_024;
