//! Reads a whole journal and counts. Must not know what records mean.

use super::scan::walk;
use super::{Entry, JournalError, Seq, Torn, segment};
use std::error::Error;
use std::path::Path;

/// What a sound journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many segments.
    pub segments: u64,
    /// How many records.
    pub records: u64,
    /// The first record there; 0 when there is none.
    pub first: Seq,
    /// The last record there; 0 when there is none.
    pub last: Seq,
    /// The bodies' bytes.
    pub bytes: u64,
    /// A torn tail, which the next start cuts off.
    pub torn: Option<Torn>,
    /// Bytes behind the last record that a running switch has begun to write.
    pub unfinished: u64,
}

/// Verifies every record of the journal in `dir`, from the first segment there. Changes nothing, and may run beside a
/// switch.
///
/// # Errors
/// [`JournalError::Corrupt`] with segment and offset; [`JournalError::Io`], also when there is no such folder.
pub fn verify(dir: &Path) -> Result<Report, JournalError> {
    verify_with(dir, &mut |_| Ok::<(), JournalError>(()))
}

/// [`verify`] that shows each record to `visit`.
///
/// # Errors
/// As [`verify`]'s, and [`JournalError::Visit`] with what the visitor said.
pub fn verify_with<E: Into<Box<dyn Error + Send + Sync>>>(
    dir: &Path,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<Report, JournalError> {
    dir.read_dir().map_err(JournalError::io("read", dir))?;
    let firsts = segment::list(dir)?;
    let mut report = Report { segments: firsts.len() as u64, ..Report::default() };
    let tail = walk(dir, &firsts, firsts.first().copied().unwrap_or(1), true, &mut |entry| {
        if report.records == 0 {
            report.first = entry.seq;
        }
        report.records += 1;
        report.last = entry.seq;
        report.bytes += entry.body.len() as u64;
        visit(entry).map_err(Into::into)
    })?;
    (report.torn, report.unfinished) = (tail.torn, tail.unfinished);
    Ok(report)
}
