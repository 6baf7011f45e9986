//! What can go wrong with a journal, by whose fault: the disk's, the files', the caller's.

use super::Seq;
use super::limit::{bracketed, lacks_room};
use std::io;
use std::path::PathBuf;

/// Why a record was refused. Nothing was appended; the caller may try again later unless it is `Closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk is full: no further segment could be prepared. Lifts by itself when there is space again.
    #[error("the journal's disk is full")]
    Full,
    /// The buffer is full or the next segment is not prepared yet: records come faster than the disk takes them.
    #[error("the journal cannot keep up")]
    Busy,
    /// The journal is closed, or stopped after an error of the disk.
    #[error("the journal is closed")]
    Closed,
    /// The body is longer than [`super::MAX_BODY_BYTES`].
    #[error("the body has {bytes} bytes, more than a record can hold")]
    TooLong {
        /// The body's length.
        bytes: usize,
    },
}

/// What is wrong at a place of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file does not begin as a segment does.
    #[error("not a journal segment")]
    Magic,
    /// A version this program does not know.
    #[error("format version {found}, this program knows {known}")]
    FormatVersion {
        /// As stored.
        found: u32,
        /// The version this program writes.
        known: u32,
    },
    /// The header's checksum does not match its content.
    #[error("the header's checksum does not match")]
    HeaderChecksum,
    /// The header names another first record than the file's name.
    #[error("the header says its first record is {found}, the file name says {named}")]
    HeaderSequence {
        /// In the header.
        found: Seq,
        /// In the file's name.
        named: Seq,
    },
    /// The header's chain value is not that of the record before: the segment belongs to another journal.
    #[error("the segment does not continue the one before it (chain {found:08x}, expected {expected:08x})")]
    HeaderChain {
        /// In the header.
        found: u32,
        /// Of the record before.
        expected: u32,
    },
    /// The file ends within its header.
    #[error("the file ends within its header")]
    HeaderCut,
    /// A record's length is none a record can have.
    #[error("a record's length is {found}")]
    Length {
        /// As stored.
        found: u64,
    },
    /// A record's content is not what was written.
    #[error("the checksum of record {seq} does not match")]
    Checksum {
        /// The record expected here.
        seq: Seq,
    },
    /// A valid record with another sequence.
    #[error("record {found} where {expected} belongs")]
    Sequence {
        /// As stored.
        found: Seq,
        /// After the record before.
        expected: Seq,
    },
    /// The file ends within a record.
    #[error("the file ends within record {seq}")]
    Cut {
        /// The record that is not whole.
        seq: Seq,
    },
    /// Something stands behind the end of the records.
    #[error("the records end at {last}, but the rest of the segment is not empty")]
    Residue {
        /// The last record before.
        last: Seq,
    },
    /// Records are missing between two segments.
    #[error(
        "the segment begins with record {found}, but the record before it is {last}: records are missing"
    )]
    Gap {
        /// The segment's first record.
        found: Seq,
        /// The last record before it.
        last: Seq,
    },
}

/// Why a journal cannot be opened, read or continued.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder or a file in it cannot be used.
    #[error("journal: cannot {doing} {}: {source}{}", path.display(), bracketed(source))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process has the folder.
    #[error("journal: {} is locked: in use by another process{holder}", path.display())]
    Locked {
        /// The folder, or the segment.
        path: PathBuf,
        /// " (process N)", or nothing.
        holder: String,
    },
    /// The file system has no locks: nothing would keep a second process out.
    #[error(
        "journal: cannot lock {}: {source}; a data folder needs a file system with flock on folders, which network file \
         systems may not have",
        path.display()
    )]
    Unlockable {
        /// The folder, or the segment.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A segment is damaged: starting would lose or falsify records.
    #[error("journal: segment {} is damaged at byte {offset}: {damage}", segment.display())]
    Corrupt {
        /// The file.
        segment: PathBuf,
        /// From the file's begin.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// The journal has no such record: segments it was in are gone, or it ends before.
    #[error("journal: {} begins with record {first} and ends with {last}: record {wanted} is not there", dir.display())]
    Absent {
        /// The folder.
        dir: PathBuf,
        /// The record asked for.
        wanted: Seq,
        /// The first record there; 0 in an empty journal.
        first: Seq,
        /// The last record there.
        last: Seq,
    },
    /// The folder changed between [`super::scan()`] and [`super::Journal::open`].
    #[error("journal: {} changed since it was scanned", dir.display())]
    Changed {
        /// The folder.
        dir: PathBuf,
    },
    /// A setting is out of its range.
    #[error("journal: {name} is {value}, it must be at least {least}")]
    Setting {
        /// The option's name.
        name: &'static str,
        /// As given.
        value: u64,
        /// The smallest value.
        least: u64,
    },
    /// The visitor refused a record.
    #[error("journal: record {seq} (segment {}, byte {offset}): {source}", segment.display())]
    Visit {
        /// The record.
        seq: Seq,
        /// Its file.
        segment: PathBuf,
        /// From the file's begin.
        offset: u64,
        /// What the visitor said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The disk is full, or a limit of the process is reached, and the settings ask to stop then.
    #[error("journal: no space for the next segment in {}: {source}{}", dir.display(), bracketed(source))]
    Full {
        /// The folder.
        dir: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A write failed. What is durable is known from [`super::Journal::durable`].
    #[error("journal: writing segment {} at byte {offset} failed: {source}{}", segment.display(), bracketed(source))]
    Write {
        /// The file.
        segment: PathBuf,
        /// From the file's begin.
        offset: u64,
        /// The system's error.
        source: io::Error,
    },
    /// A sync failed. It is never tried again: the kernel may have dropped the pages, and a second sync would report
    /// success for data that is not on the disk.
    #[error("journal: syncing segment {} failed: {source}; not retried", segment.display())]
    Sync {
        /// The file.
        segment: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The journal stopped earlier; the reason as it was reported then.
    #[error("{reason}")]
    Stopped {
        /// The first error's text.
        reason: String,
    },
}

impl JournalError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> JournalError {
        let path = path.into();
        move |source| JournalError::Io { doing, path, source }
    }

    /// Whether a write only lacked room, on the disk or in a limit: the one failure that is tried again.
    pub(super) fn lacks_space(&self) -> bool {
        matches!(self, JournalError::Write { source, .. } if lacks_room(source))
    }
}
