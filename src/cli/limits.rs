//! The limits of the process: open files are raised and shared out, so that connections never take those of the journal;
//! what cannot work is refused at the start, in words. Must not know what is done with what it leaves.

use super::data::Failure;
use crate::admin;
use crate::journal::limit_in_words;
use crate::settings::Settings;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::error::Error;
use std::io;
use std::net::SocketAddr;

/// Descriptors that are never given to connections: the journal's segment, those that are ready, one being made and the folder (11),
/// locks (3), a snapshot being written and its folders (4), versions, settings and rules at a reload (4), histogram files (3), what
/// is kept of journal and clock (2), what the system's libraries open for a moment (5), and as much again.
const RESERVE: u64 = 64;
/// What one runtime keeps open: its poll, and what wakes it.
const RUNTIME: u64 = 4;
/// Open before anything of the switch is, where the system does not tell.
const USUALLY_OPEN: u64 = 16;

/// Raises the limit on open files to the most that the process may give itself.
pub(super) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused the old limit stands, and is said at the start.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Says at the start of a switch how its limits are; returns the connections that there may be at a time.
///
/// # Errors
/// A limit with which it cannot work.
pub(super) fn at_start(settings: &Settings, workers: usize) -> Result<usize, Failure> {
    let open_files = OpenFiles::of(settings, workers);
    open_files.tell();
    check_file_size(settings)?;
    if let Some(doubt) = file_size_doubt() {
        tracing::warn!("{doubt}");
    }
    open_files.connections()
}

/// Why the admin server has not started, in words.
pub(super) fn not_listening(address: SocketAddr, error: &io::Error) -> Failure {
    format!("admin: cannot listen on {address}: {}", explained(error)).into()
}

/// How the limit on open files is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenFiles {
    /// The limit; `None` = there is none.
    limit: Option<u64>,
    /// What the switch needs beside its links' connections.
    own: u64,
    /// The connections that the settings allow.
    wanted: u64,
}

impl OpenFiles {
    /// Of this process, before it opens anything.
    pub(super) fn of(settings: &Settings, workers: usize) -> OpenFiles {
        let open = std::fs::read_dir("/proc/self/fd").map_or(USUALLY_OPEN, |files| files.count() as u64);
        // Each listener holds one, and one connection that is about to be turned away.
        let links = 2 * settings.links.len() as u64;
        let admin = 2 + admin::Limits::default().connections as u64;
        // Beside the workers: the acceptor, the admin server.
        let runtimes = (workers as u64 + 2) * RUNTIME;
        OpenFiles {
            limit: getrlimit(Resource::Nofile).current,
            own: open + links + admin + runtimes + RESERVE,
            wanted: settings.links.values().map(|link| link.max_connections as u64).sum(),
        }
    }

    /// The connections that there may be at a time.
    ///
    /// # Errors
    /// The limit leaves none.
    pub(super) fn connections(&self) -> Result<usize, Failure> {
        let Some(limit) = self.limit else { return Ok(usize::MAX) };
        match limit.saturating_sub(self.own) {
            0 => Err(format!(
                "the limit on open files, RLIMIT_NOFILE (`ulimit -n`), is {limit}; the switch itself needs {}, and {} for the \
                 connections of its links: raise it",
                self.own, self.wanted
            )
            .into()),
            left => Ok(usize::try_from(left).unwrap_or(usize::MAX)),
        }
    }

    /// What does not fit, in words.
    pub(super) fn doubt(&self) -> Option<String> {
        let left = self.limit?.checked_sub(self.own).filter(|left| *left < self.wanted)?;
        Some(format!(
            "the limit on open files, RLIMIT_NOFILE (`ulimit -n`), leaves room for {left} connections, and the links may have \
             {}: more are refused. {} would do",
            self.wanted,
            self.own + self.wanted
        ))
    }

    /// Says it in the log.
    pub(super) fn tell(&self) {
        let OpenFiles { limit, own, wanted } = *self;
        tracing::info!(
            limit,
            own,
            connections = wanted,
            "open files: the limit, what the switch keeps for itself, what connections may take"
        );
        if let Some(doubt) = self.doubt() {
            tracing::warn!("{doubt}");
        }
    }
}

/// Whether a file of the journal may be as large as the settings want it.
///
/// # Errors
/// It may not.
pub(super) fn check_file_size(settings: &Settings) -> Result<(), Failure> {
    let (limit, segment) = (getrlimit(Resource::Fsize).current, settings.journal.segment_mib.bytes());
    match limit {
        Some(limit) if limit < segment => Err(format!(
            "the limit on the size of a file, RLIMIT_FSIZE (`ulimit -f`), is {limit} bytes, and a file of the journal has \
             {segment} (journal.segment_mib = {}): raise the one or lower the other",
            settings.journal.segment_mib.0
        )
        .into()),
        _ => Ok(()),
    }
}

/// What is doubtful about the size that files may have, in words.
pub(super) fn file_size_doubt() -> Option<String> {
    let limit = getrlimit(Resource::Fsize).current?;
    Some(format!(
        "no file may grow over {limit} bytes, RLIMIT_FSIZE (`ulimit -f`): a snapshot that would is not written, and the \
         journal alone recovers"
    ))
}

/// An error with the limit behind it in words, where it is one.
pub(super) fn explained(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    // What an error of the system wraps is no source of it.
    let wrapped = |error: &io::Error| limit_in_words(error.get_ref()?.downcast_ref::<io::Error>()?);
    let words = |error| limit_in_words(error).or_else(|| wrapped(error));
    let words = causes.filter_map(|cause| words(cause.downcast_ref::<io::Error>()?)).next();
    match words {
        Some(words) if !text.contains(words) => format!("{text} ({words})"),
        _ => text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_the_limit_leaves_is_for_connections() {
        let of = |limit| OpenFiles { limit, own: 100, wanted: 512 };
        let rows = [
            (None, Some(usize::MAX), false),
            (Some(612), Some(512), false),
            (Some(611), Some(511), true),
            (Some(101), Some(1), true),
            (Some(100), None, true),
            (Some(3), None, false),
        ];
        for (limit, connections, doubtful) in rows {
            assert_eq!(of(limit).connections().ok(), connections, "{limit:?}");
            assert_eq!(of(limit).doubt().is_some(), doubtful, "{limit:?}");
        }
        assert!(of(Some(200)).doubt().unwrap().ends_with("612 would do"));
        let error = of(Some(64)).connections().unwrap_err().to_string();
        assert!(error.contains("is 64; the switch itself needs 100, and 512"), "{error}");
    }

    #[test]
    fn an_error_names_the_limit_behind_it_once() {
        let code = |errno: rustix::io::Errno| io::Error::from(errno);
        let text = explained(&code(rustix::io::Errno::AGAIN));
        assert!(text.contains("RLIMIT_NPROC"), "{text}");
        let wrapped = io::Error::other(code(rustix::io::Errno::MFILE));
        let text = explained(&wrapped);
        assert_eq!(text.matches("RLIMIT_NOFILE").count(), 1, "{text}");
        assert_eq!(explained(&io::Error::other("elsewhere")), "elsewhere");
    }
}
