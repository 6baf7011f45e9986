//! Reads one segment record by record through a buffer, verifying the chain. Must not know what to do about damage.

use super::format::{self, Found, HEADER_BYTES, Head};
use super::segment;
use super::{Damage, JournalError, Seq};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 1 << 20;
static ZEROS: [u8; BUFFER_BYTES] = [0; BUFFER_BYTES];

/// A segment open for reading.
#[derive(Debug)]
pub(super) struct Reader {
    file: File,
    pub path: PathBuf,
    buffer: Vec<u8>,
    /// The part of the buffer that holds unread bytes.
    start: usize,
    end: usize,
    /// Where in the file the next record begins.
    pub offset: u64,
}

/// What stands at the place of the next record.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Record(Head, &'a [u8]),
    /// Zeros, or the end of the file.
    End,
    Damaged(Damage),
}

impl Reader {
    /// Opens the segment that begins with record `first` at its first record. Its header is not read.
    pub(super) fn open(dir: &Path, first: Seq) -> Result<Reader, JournalError> {
        let path = segment::path(dir, first);
        // Another kind of file would be opened, or read, without an end.
        let is_file = fs::metadata(&path).map_err(JournalError::io("open", &path))?.is_file();
        let file = if is_file { File::open(&path) } else { Err(io::Error::other("it is not a file")) };
        let file = file.map_err(JournalError::io("open", &path))?;
        let buffer = vec![0; BUFFER_BYTES];
        Ok(Reader { file, path, buffer, start: 0, end: 0, offset: HEADER_BYTES as u64 })
    }

    /// The file's size in bytes.
    pub(super) fn size(&self) -> Result<u64, JournalError> {
        let metadata = self.file.metadata().map_err(JournalError::io("read the size of", &self.path))?;
        Ok(metadata.len())
    }

    /// The header's bytes; fewer than [`HEADER_BYTES`] when the file is shorter.
    pub(super) fn header(&self) -> Result<Vec<u8>, JournalError> {
        let mut bytes = vec![0; HEADER_BYTES];
        let read = read_at(&self.file, &mut bytes, 0).map_err(JournalError::io("read", &self.path))?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// The next record, expected to be `seq` after the chain value `chain`. Steps over it; stays where it is before
    /// an end or damage.
    pub(super) fn next(&mut self, seq: Seq, chain: u32) -> Result<Step<'_>, JournalError> {
        let head = match self.peek(seq, chain)? {
            Found::Record(head) => head,
            Found::End => return Ok(Step::End),
            Found::Damaged(damage) => return Ok(Step::Damaged(damage)),
            Found::Partial => return Ok(Step::Damaged(Damage::Cut { seq })),
        };
        let size = format::padded(head.bytes);
        let body = self.start + format::HEAD_BYTES..self.start + head.bytes;
        self.start += size;
        self.offset += size as u64;
        Ok(Step::Record(head, &self.buffer[body]))
    }

    /// As [`Reader::next`], without stepping over the record.
    pub(super) fn peek(&mut self, seq: Seq, chain: u32) -> Result<Found, JournalError> {
        loop {
            let found = format::read_record(&self.buffer[self.start..self.end], seq, chain);
            if found != Found::Partial {
                return Ok(found);
            }
            if self.fill()? > 0 {
                continue;
            }
            let zero = self.buffer[self.start..self.end].iter().all(|&b| b == 0);
            return Ok(if zero { Found::End } else { Found::Partial });
        }
    }

    /// Reads on behind what is in the buffer, which has room for more than a record: how many bytes came.
    fn fill(&mut self) -> Result<usize, JournalError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let at = self.offset + self.end as u64;
        let read = read_at(&self.file, &mut self.buffer[self.end..], at);
        let read = read.map_err(JournalError::io("read", &self.path))?;
        self.end += read;
        Ok(read)
    }

    /// Forgets what was read ahead: a writer may have changed it since.
    pub(super) fn refresh(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// All bytes from the next record's place to the last one that is not zero.
    pub(super) fn rest(&self) -> Result<Vec<u8>, JournalError> {
        let mut out = Vec::new();
        let mut chunk = vec![0; BUFFER_BYTES];
        let mut zeros = 0;
        let mut at = self.offset;
        loop {
            let read = read_at(&self.file, &mut chunk, at).map_err(JournalError::io("read", &self.path))?;
            if read == 0 {
                return Ok(out);
            }
            at += read as u64;
            if chunk[..read] == ZEROS[..read] {
                zeros += read;
                continue;
            }
            // Zeros are only counted until something follows them: the rest of a segment is mostly zeros.
            match chunk[..read].iter().rposition(|&b| b != 0) {
                None => zeros += read,
                Some(last) => {
                    out.resize(out.len() + zeros, 0);
                    out.extend_from_slice(&chunk[..=last]);
                    zeros = read - last - 1;
                }
            }
        }
    }
}

/// Reads until the buffer or the file ends.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(read)
}
