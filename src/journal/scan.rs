//! Recovery: reads what is in a folder, tells a torn tail from damage, and says where to continue. Changes nothing.

use super::beside::{self, Ending};
use super::format::{self, HEADER_BYTES, Head};
use super::reader::{Reader, Step};
use super::segment;
use super::{Damage, JournalError, Seq};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The unit in which a disk loses data at a power cut, in bytes.
const SECTOR_BYTES: u64 = 512;

/// A record as it is read.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its place in the journal.
    pub seq: Seq,
    /// As given to [`super::Journal::append`].
    pub kind: u8,
    /// As given to [`super::Journal::append`], in microseconds since 1970.
    pub time_us: i64,
    /// As given to [`super::Journal::append`].
    pub body: &'a [u8],
    /// The chain value behind it.
    pub chain: u32,
    /// The file it is in.
    pub segment: &'a Path,
    /// Where in the file it begins.
    pub offset: u64,
}

/// A record, and the chain value behind it: of two journals that differ before it, or began in two places, each has another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The record; 0 before the first.
    pub seq: Seq,
    /// The record's CRC; before the first what the journal began with.
    pub chain: u32,
}

/// Where a journal ends: what [`super::Journal::open`] continues. The default is an empty journal's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The last record; 0 when there is none.
    pub last: Seq,
    /// The last record's CRC, which seeds the next one's. A new journal begins with what stands here.
    pub chain: u32,
    /// The chain value before the first record that was asked for; none where no record or header says it.
    pub before: Option<u32>,
    /// When the last record was written, as given to [`super::Journal::append`]; 0 when none was read.
    pub time_us: i64,
    /// What was cut off behind the last record, if anything was.
    pub torn: Option<Torn>,
    /// Bytes behind the last record that a running switch has begun to write: no record yet. Only [`read`] finds any.
    pub unfinished: u64,
    pub(super) position: Option<Position>,
}

impl Tail {
    /// Takes note of the chain value where the records before `from` end.
    fn note(&mut self, from: Seq) {
        if self.last + 1 == from {
            self.before = Some(self.chain);
        }
    }
}

/// The end of a write that did not reach the disk as a whole. None of it was ever called durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file, always the journal's last.
    pub segment: PathBuf,
    /// Where in the file the torn record begins.
    pub offset: u64,
    /// From there to the last byte that is not zero.
    pub bytes: u64,
}

/// A place in the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The segment's first record.
    pub first: Seq,
    /// Where the next record goes.
    pub offset: u64,
    /// Everything before this place was synced before the last batch was written.
    pub settled: u64,
}

/// What a visitor may fail with.
type Fault = Box<dyn Error + Send + Sync>;

/// Reads the journal in `dir` and shows every record from `from` on (0 and 1 are the first) to `visit`, in order.
/// Segments that end before `from` are skipped by name. A missing or empty folder is an empty journal. For whoever holds
/// the [`super::Lock`]: nobody may write meanwhile.
///
/// A record that does not verify is a torn tail, which is cut off and told in [`Tail::torn`], only if it was never
/// durable: it is in the last segment, and either nothing like a record follows it, or what follows was part of the
/// same write and the record lacks a whole sector (a power cut, sectors written out of order). Anything else is damage.
///
/// # Errors
/// [`JournalError::Corrupt`] for damage, a missing segment, a wrong header; [`JournalError::Absent`] when `from` is
/// before the first segment or beyond the record after the last; [`JournalError::Visit`] with what the visitor said.
pub fn scan<E: Into<Fault>>(
    dir: &Path,
    from: Seq,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<Tail, JournalError> {
    let firsts = segment::list(dir)?;
    walk(dir, &firsts, from.max(1), false, &mut |entry| visit(entry).map_err(Into::into))
}

/// As [`scan`], for whoever looks on: a switch may be writing. Shows what is there when the end is reached, which a
/// switch may not have made durable yet. A write that is not whole is waited for by nobody: [`Tail::unfinished`].
/// Damage is found all the same, save in the last write that was begun.
///
/// # Errors
/// As [`scan`]'s.
pub fn read<E: Into<Fault>>(
    dir: &Path,
    from: Seq,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<Tail, JournalError> {
    let firsts = segment::list(dir)?;
    walk(dir, &firsts, from.max(1), true, &mut |entry| visit(entry).map_err(Into::into))
}

/// [`scan`] or, where somebody may be writing (`beside`), [`read`] over the segments that begin with `firsts`.
pub(super) fn walk(
    dir: &Path,
    firsts: &[Seq],
    from: Seq,
    beside: bool,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<(), Fault>,
) -> Result<Tail, JournalError> {
    let absent = |last| {
        let first = firsts.first().copied().unwrap_or(0);
        JournalError::Absent { dir: dir.into(), wanted: from, first, last }
    };
    let Some(start) = start_segment(dir, firsts, from)? else {
        return if firsts.is_empty() && from == 1 { Ok(Tail::default()) } else { Err(absent(0)) };
    };
    let mut tail = Tail { last: firsts[start] - 1, ..Tail::default() };
    for (index, &first) in firsts.iter().enumerate().skip(start) {
        let (is_start, is_last) = (index == start, index + 1 == firsts.len());
        let place = Place { dir, first, is_start, is_last, beside };
        read_segment(place, &mut tail, from, visit)?;
    }
    if from > tail.last + 1 { Err(absent(tail.last)) } else { Ok(tail) }
}

/// The segment that holds `from`. If that is the last one and cut within its header, the one before knows the chain.
fn start_segment(dir: &Path, firsts: &[Seq], from: Seq) -> Result<Option<usize>, JournalError> {
    let Some(start) = firsts.iter().rposition(|&first| first <= from) else { return Ok(None) };
    let cut = start > 0 && Reader::open(dir, firsts[start])?.size()? < HEADER_BYTES as u64;
    Ok(Some(if cut { start - 1 } else { start }))
}

struct Place<'a> {
    dir: &'a Path,
    first: Seq,
    is_start: bool,
    is_last: bool,
    /// Somebody may be writing.
    beside: bool,
}

/// Reads one segment and moves `tail` to its end.
fn read_segment(
    place: Place<'_>,
    tail: &mut Tail,
    from: Seq,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<(), Fault>,
) -> Result<(), JournalError> {
    let mut reader = Reader::open(place.dir, place.first)?;
    if place.first != tail.last + 1 {
        return Err(corrupt(&reader, 0, Damage::Gap { found: place.first, last: tail.last }));
    }
    let expected = (!place.is_start).then_some(tail.chain);
    let header = reader.header()?;
    if header.len() < HEADER_BYTES {
        return read_cut_header(&place, &reader, &header, expected, tail);
    }
    let chain = format::read_header(&header, place.first).map_err(|damage| corrupt(&reader, 0, damage))?;
    if let Some(expected) = expected.filter(|&expected| expected != chain) {
        return Err(corrupt(&reader, 0, Damage::HeaderChain { found: chain, expected }));
    }
    tail.chain = chain;
    tail.note(from);
    let path = reader.path.clone();
    let mut settled = reader.offset;
    // Where that ends which was there when the end was looked at.
    let mut until = None;
    let damage = loop {
        let offset = reader.offset;
        let seq = tail.last + 1;
        match reader.next(seq, tail.chain)? {
            Step::Record(head, body) => {
                (tail.last, tail.chain, tail.time_us) = (seq, head.crc, head.time_us);
                tail.note(from);
                if head.place == 0 {
                    settled = offset;
                }
                if seq >= from {
                    let (kind, time_us) = (head.kind, head.time_us);
                    visit(Entry { seq, kind, time_us, body, chain: head.crc, segment: &path, offset })
                        .map_err(|source| JournalError::Visit {
                            seq,
                            segment: path.clone(),
                            offset,
                            source,
                        })?;
                }
            }
            // What is behind was written since: another reading will tell.
            Step::End | Step::Damaged(_) if until.is_some_and(|until| offset >= until) => break None,
            Step::End | Step::Damaged(_) if place.beside => {
                match beside::look_again(&mut reader, place.dir, place.first, seq, tail.chain)? {
                    Ending::GoesOn { until: now } => until = Some(now),
                    Ending::Stops { unfinished, torn } => {
                        (tail.unfinished, tail.torn) = (unfinished, torn);
                        break None;
                    }
                }
            }
            Step::End => break Some(Damage::Residue { last: tail.last }),
            Step::Damaged(damage) => break Some(damage),
        }
    };
    if let Some(damage) = damage {
        tail.torn = judge_end(&reader, damage, tail.last + 1, place.is_last)?;
    }
    tail.position = Some(Position { first: place.first, offset: reader.offset, settled });
    Ok(())
}

/// A last segment shorter than its header, as an unfinished copy leaves it: torn if it is the begin of the right one.
fn read_cut_header(
    place: &Place<'_>,
    reader: &Reader,
    header: &[u8],
    chain: Option<u32>,
    tail: &mut Tail,
) -> Result<(), JournalError> {
    // Nothing is before the first: what there is of its header says it, or whoever knows what the journal begins with.
    let said = || format::chain_in_begin(header).unwrap_or_default();
    let chain = chain.or_else(|| (place.first == 1).then(said)).filter(|_| place.is_last);
    let Some(chain) = chain.filter(|&chain| format::header(place.first, chain).starts_with(header)) else {
        return Err(corrupt(reader, 0, Damage::HeaderCut));
    };
    tail.chain = chain;
    tail.torn = Some(Torn { segment: reader.path.clone(), offset: 0, bytes: header.len() as u64 });
    tail.position = Some(Position { first: place.first, offset: 0, settled: 0 });
    Ok(())
}

fn corrupt(reader: &Reader, offset: u64, damage: Damage) -> JournalError {
    JournalError::Corrupt { segment: reader.path.clone(), offset, damage }
}

/// Judges what stands where record `seq` does not: nothing, a torn tail, or `damage`.
fn judge_end(reader: &Reader, damage: Damage, seq: Seq, is_last: bool) -> Result<Option<Torn>, JournalError> {
    let rest = reader.rest()?;
    if rest.is_empty() {
        return Ok(None);
    }
    if is_last && !was_durable(&rest, reader.offset, seq) {
        return Ok(Some(Torn {
            segment: reader.path.clone(),
            offset: reader.offset,
            bytes: rest.len() as u64,
        }));
    }
    Err(corrupt(reader, reader.offset, damage))
}

/// Whether the record `seq` that does not verify at the begin of `rest` (at `offset` in its file) had been durable.
pub(super) fn was_durable(rest: &[u8], offset: u64, seq: Seq) -> bool {
    match later_heads(rest, seq).next() {
        None => false,
        Some((at, _)) => !lacks_sector(&rest[..at], offset) || is_overtaken(rest, seq),
    }
}

/// What looks like records later than `seq`. Only the heads are looked at: a sequence that fits its distance is no
/// accident, and the body may have been torn in the same write.
fn later_heads(rest: &[u8], seq: Seq) -> impl Iterator<Item = (usize, Head)> {
    (8..rest.len()).step_by(8).filter_map(move |at| {
        let head = head_at(rest, at);
        head.follows(seq, at).then_some((at, head))
    })
}

/// The head at a place of `rest`, behind which there are only zeros.
fn head_at(rest: &[u8], at: usize) -> Head {
    let mut bytes = [0; format::HEAD_BYTES];
    let there = rest.len().min(at + bytes.len()) - at;
    bytes[..there].copy_from_slice(&rest[at..at + there]);
    Head::read(&bytes)
}

/// Whether `later` was written in a batch that was begun when `seq` was durable already.
fn synced_before(later: &Head, seq: Seq) -> bool {
    // A place that ran full says too little: the batch may have begun long before.
    later.place != u16::MAX && later.seq.saturating_sub(later.place.into()) > seq
}

/// Whether a record in `rest`, which begins where `seq` does, was written when `seq` was durable already.
pub(super) fn is_overtaken(rest: &[u8], seq: Seq) -> bool {
    later_heads(rest, seq).any(|(_, head)| synced_before(&head, seq))
}

/// Whether the record at the begin of `rest` lacks a sector: it is all zeros, from the record's begin on at least.
/// What follows the record in `rest` is not yet what was recognized again.
fn lacks_sector(rest: &[u8], offset: u64) -> bool {
    let head = head_at(rest, 0);
    let bytes = if head.has_length() { format::padded(head.bytes) } else { format::HEAD_BYTES };
    let end = offset + bytes.min(rest.len()) as u64;
    let mut at = offset;
    while at < end {
        let next = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        let sector = rest.get((at - offset) as usize..(next - offset) as usize);
        if sector.is_some_and(|sector| sector.iter().all(|&b| b == 0)) {
            return true;
        }
        at = next;
    }
    false
}

/// Whether a valid record stands where `tail` ends, that is, whether somebody appended since.
pub(super) fn continues(dir: &Path, tail: &Tail) -> Result<bool, JournalError> {
    let Some(position) = tail.position.filter(|position| position.offset >= HEADER_BYTES as u64) else {
        return Ok(false);
    };
    let mut reader = Reader::open(dir, position.first)?;
    reader.offset = position.offset;
    Ok(matches!(reader.next(tail.last + 1, tail.chain)?, Step::Record(..)))
}
