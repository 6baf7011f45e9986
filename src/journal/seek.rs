//! Where in a journal a time is, without reading all of it. Must not know what records mean.

use super::format::{HEAD_BYTES, HEADER_BYTES, Head};
use super::{JournalError, Seq, segment};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The first record of the last segment that begins before `time_us` (microseconds since 1970); that of the first
/// segment when all begin later, 1 in an empty journal. Clocks may have been set back: whoever looks for a time begins
/// earlier by as much as they may have been.
///
/// # Errors
/// [`JournalError::Io`]: the folder or a segment cannot be read.
pub fn seek(dir: &Path, time_us: i64) -> Result<Seq, JournalError> {
    let firsts = segment::list(dir)?;
    for &first in firsts.iter().skip(1).rev() {
        if begins_at(dir, first)?.is_some_and(|begin_us| begin_us < time_us) {
            return Ok(first);
        }
    }
    Ok(firsts.first().copied().unwrap_or(1))
}

/// The time of a segment's first record; `None` while it has none. Only as good as its bytes: whether they are what
/// was written is seen when the segment is read.
fn begins_at(dir: &Path, first: Seq) -> Result<Option<i64>, JournalError> {
    let path = segment::path(dir, first);
    let file = File::open(&path).map_err(JournalError::io("open", &path))?;
    let mut bytes = [0; HEAD_BYTES];
    match file.read_exact_at(&mut bytes, HEADER_BYTES as u64) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(source) => return Err(JournalError::Io { doing: "read", path, source }),
    }
    let head = Head::read(&bytes);
    Ok((head.seq == first && head.has_length()).then_some(head.time_us))
}
