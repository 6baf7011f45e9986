//! Reads a whole journal and counts. Must not know what records mean.

use super::scan::walk;
use super::segment;
use super::{JournalError, Seq, Torn};
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
}

/// Verifies every record of the journal in `dir`, from the first segment there. Changes nothing.
///
/// # Errors
/// [`JournalError::Corrupt`] with segment and offset; [`JournalError::Io`], also when there is no such folder.
pub fn verify(dir: &Path) -> Result<Report, JournalError> {
    dir.read_dir().map_err(JournalError::io("read", dir))?;
    let firsts = segment::list(dir)?;
    let mut report = Report { segments: firsts.len() as u64, ..Report::default() };
    let tail = walk(dir, &firsts, firsts.first().copied().unwrap_or(1), &mut |entry| {
        if report.records == 0 {
            report.first = entry.seq;
        }
        report.records += 1;
        report.last = entry.seq;
        report.bytes += entry.body.len() as u64;
        Ok(())
    })?;
    report.torn = tail.torn;
    Ok(report)
}
