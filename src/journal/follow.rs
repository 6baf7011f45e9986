//! Reads a journal while a switch writes it. Must not know what records mean.

use super::format::{self, Found, HEADER_BYTES};
use super::reader::{Reader, Step};
use super::scan::{Entry, is_overtaken};
use super::segment;
use super::{Damage, JournalError, Seq};
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long to wait when there is nothing new.
const POLL: Duration = Duration::from_millis(50);

/// Shows every record of the journal in `dir` from `from` on to `visit`, waits for more, and returns the last one
/// shown (or the one before `from`) once `stop` is set. A record that is not whole yet is waited for. What it shows is
/// written, but not always durable yet.
///
/// # Errors
/// As [`super::scan()`]'s; a record in advance of the journal's end is waited for.
pub fn follow<E: Into<Box<dyn Error + Send + Sync>>>(
    dir: &Path,
    from: Seq,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<(), E>,
    stop: &AtomicBool,
) -> Result<Seq, JournalError> {
    let from = from.max(1);
    let mut shown = from - 1;
    let Some(mut at) = begin(dir, from, stop)? else { return Ok(shown) };
    while !stop.load(Ordering::Relaxed) {
        let seq = at.last + 1;
        let offset = at.reader.offset;
        let path = at.reader.path.clone();
        match at.reader.next(seq, at.chain)? {
            Step::Record(head, body) => {
                (at.last, at.chain) = (seq, head.crc);
                if seq >= from {
                    let (kind, time_us) = (head.kind, head.time_us);
                    visit(Entry { seq, kind, time_us, body, chain: head.crc, segment: &path, offset })
                        .map_err(|source| JournalError::Visit {
                            seq,
                            segment: path.clone(),
                            offset,
                            source: source.into(),
                        })?;
                    shown = seq;
                }
            }
            Step::End => at.wait(dir, false)?,
            Step::Damaged(_) => at.wait(dir, true)?,
        }
    }
    Ok(shown)
}

/// Where the reading is.
struct At {
    reader: Reader,
    first: Seq,
    last: Seq,
    chain: u32,
}

/// The segment that holds `from`, as soon as there is one.
fn begin(dir: &Path, from: Seq, stop: &AtomicBool) -> Result<Option<At>, JournalError> {
    while !stop.load(Ordering::Relaxed) {
        let firsts = segment::list(dir)?;
        if let Some(&first) = firsts.iter().rfind(|&&first| first <= from) {
            return open(dir, first, None).map(Some);
        }
        if let Some(&first) = firsts.first() {
            return Err(JournalError::Absent { dir: dir.into(), wanted: from, first, last: first });
        }
        thread::sleep(POLL);
    }
    Ok(None)
}

fn open(dir: &Path, first: Seq, expected: Option<u32>) -> Result<At, JournalError> {
    let reader = Reader::open(dir, first)?;
    let corrupt = |damage| JournalError::Corrupt { segment: reader.path.clone(), offset: 0, damage };
    let header = reader.header()?;
    if header.len() < HEADER_BYTES {
        return Err(corrupt(Damage::HeaderCut));
    }
    let chain = format::read_header(&header, first).map_err(corrupt)?;
    match expected {
        Some(expected) if expected != chain => Err(corrupt(Damage::HeaderChain { found: chain, expected })),
        _ => Ok(At { reader, first, last: first - 1, chain }),
    }
}

impl At {
    /// Looks for what comes after a place where no whole record stands, and sleeps when there is nothing.
    fn wait(&mut self, dir: &Path, damaged: bool) -> Result<(), JournalError> {
        let seq = self.last + 1;
        // Looked up before the second reading, which then sees all that was written before the next segment began.
        let next = segment::list(dir)?.into_iter().find(|&first| first >= seq && first != self.first);
        let synced = damaged && is_overtaken(&self.reader.rest()?, seq);
        self.reader.refresh();
        let damage = match self.reader.peek(seq, self.chain)? {
            Found::Record(_) => return Ok(()),
            Found::Damaged(damage) => damage,
            Found::End | Found::Partial => Damage::Residue { last: self.last },
        };
        match next {
            Some(first) if first == seq => {
                *self = open(dir, first, Some(self.chain))?;
                Ok(())
            }
            // The record had to be whole before what lies behind it was begun.
            _ if next.is_some() || synced => {
                let (segment, offset) = (self.reader.path.clone(), self.reader.offset);
                Err(JournalError::Corrupt { segment, offset, damage })
            }
            _ => {
                thread::sleep(POLL);
                Ok(())
            }
        }
    }
}
