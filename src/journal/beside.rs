//! What stands at the end of a journal that somebody may be writing while it is read. Whoever writes does so in order:
//! a record is whole by the time at which something behind it is seen. Must not know what records mean.

use super::format::Found;
use super::lock::Lock;
use super::reader::Reader;
use super::scan::was_durable;
use super::segment;
use super::{Damage, JournalError, Seq, Torn};
use std::path::Path;

/// What stands where the next record did not, when it was looked at once more.
pub(super) enum Ending {
    /// A record: it was being written. All that was there at that time ends at this byte of the segment.
    GoesOn { until: u64 },
    /// No record. Behind the last one there are so many bytes of a write that is not whole yet, while somebody holds the
    /// journal; or the end of a write that nobody goes on with.
    Stops { unfinished: u64, torn: Option<Torn> },
}

/// Looks once more at the place of record `seq`, which did not verify.
///
/// # Errors
/// [`JournalError::Corrupt`] where the record had been whole before: damage.
pub(super) fn look_again(
    reader: &mut Reader,
    dir: &Path,
    first: Seq,
    seq: Seq,
    chain: u32,
) -> Result<Ending, JournalError> {
    // In this order, and all of it before the record is read again: what is seen here was written after the record, the
    // segment was whole when the next one began, and who has let go of the journal has written all it wrote.
    let behind = reader.rest()?;
    let succeeded = segment::list(dir)?.last().is_some_and(|&last| last > first);
    let held = Lock::is_held(dir);
    reader.refresh();
    let damage = match reader.peek(seq, chain)? {
        Found::Record(_) => return Ok(Ending::GoesOn { until: reader.offset + behind.len() as u64 }),
        Found::Damaged(damage) => damage,
        Found::Partial => Damage::Cut { seq },
        Found::End => Damage::Residue { last: seq - 1 },
    };
    let (offset, bytes) = (reader.offset, behind.len() as u64);
    let segment = reader.path.clone();
    if bytes > 0 && (succeeded || was_durable(&behind, offset, seq)) {
        return Err(JournalError::Corrupt { segment, offset, damage });
    }
    let torn = (bytes > 0 && !held).then_some(Torn { segment, offset, bytes });
    Ok(Ending::Stops { unfinished: if held { bytes } else { 0 }, torn })
}
