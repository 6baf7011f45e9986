//! Limits of the process and of the machine that a call of the system ran into, in words: its own say which number was
//! reached by nobody. Knows errors alone.

use rustix::io::Errno;
use std::io;

/// What stands behind an error of the system that is a limit: which one, and what raises it.
#[must_use]
pub fn limit_in_words(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_io_error(error)? {
        Errno::MFILE => "the limit on open files of the process, RLIMIT_NOFILE (`ulimit -n`), is reached",
        Errno::NFILE => "the limit on open files of the machine, fs.file-max, is reached",
        Errno::FBIG => "the limit on the size of a file, RLIMIT_FSIZE (`ulimit -f`), is reached",
        Errno::NOMEM | Errno::NOBUFS => {
            "memory has run out: RLIMIT_AS (`ulimit -v`), the control group's memory.max, or the machine's"
        }
        Errno::AGAIN => {
            "the limit on threads is reached: RLIMIT_NPROC (`ulimit -u`), the control group's pids.max, or kernel.threads-max"
        }
        Errno::NOSPC => "the disk is full",
        Errno::DQUOT => "the user's part of the disk is full",
        _ => return None,
    })
}

/// Whether the same call may succeed later, because what it lacked is room: on the disk, among open files, in memory.
pub(super) fn lacks_room(error: &io::Error) -> bool {
    let lacking = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| lacking.contains(&error))
}

/// The words in brackets behind an error's own; nothing where it is no limit.
pub(super) fn bracketed(error: &io::Error) -> String {
    limit_in_words(error).map_or_else(String::new, |words| format!(" ({words})"))
}
