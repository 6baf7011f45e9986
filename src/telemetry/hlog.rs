//! `.hlog` files: HdrHistogram log V2 (V2 histograms, deflated, base64), one interval of every tag at a time.
//!
//! Written by the telemetry's own thread. A disk error here is counted and logged, never fatal: the interval
//! stays pending and the next one that can be written covers both.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Encodes log lines into a buffer. Knows no files, so that a report can be written with it as well.
#[derive(Default)]
pub struct Encoder {
    serializer: V2DeflateSerializer,
}

impl Encoder {
    /// Appends the head of a log whose interval times count from `base`; `comment` says what wrote it.
    ///
    /// # Errors
    /// None in practice: only the memory is written to.
    pub fn head(&mut self, out: &mut Vec<u8>, base: SystemTime, comment: &str) -> io::Result<()> {
        IntervalLogWriterBuilder::new()
            .add_comment(&format!("[{comment}]"))
            .add_comment("[Histogram log format version 1.3]")
            .add_comment("[values are nanoseconds; tags are LINK/STAGE]")
            .with_start_time(base)
            .with_base_time(base)
            .begin_log_with(out, &mut self.serializer)?;
        out.extend_from_slice(
            b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        );
        Ok(())
    }

    /// Appends one interval of one tag: it began `from` after the log's base and took `length`.
    /// Characters that a tag cannot hold (comma, space, line ends) become `_`.
    ///
    /// # Errors
    /// A histogram with a count above `i64::MAX` cannot be encoded.
    pub fn interval(
        &mut self,
        out: &mut Vec<u8>,
        tag: &str,
        (from, length): (Duration, Duration),
        histogram: &Histogram<u64>,
    ) -> io::Result<()> {
        let tag = tag.replace([',', ' ', '\r', '\n'], "_");
        IntervalLogWriterBuilder::new()
            .begin_log_with(out, &mut self.serializer)?
            .write_histogram(histogram, from, length, Tag::new(&tag))
            .map_err(|error| io::Error::other(error.to_string()))
    }
}

/// Where the files go and how many are kept.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    /// A file that has reached this size is followed by a new one.
    pub(super) file_bytes: u64,
    /// The oldest files beyond this number are deleted, the one being written excepted.
    pub(super) keep_files: usize,
    /// The oldest files beyond this sum of bytes are deleted, the one being written excepted.
    pub(super) keep_bytes: u64,
}

/// The log as written by one process: the current file, and the intervals not yet written.
pub(super) struct Log {
    place: Place,
    tags: Vec<String>,
    encoder: Encoder,
    buffer: Vec<u8>,
    current: Option<Current>,
    /// By tag, what is to be written next. Filled by the totals.
    pub(super) pending: Vec<Option<Histogram<u64>>>,
    /// When the pending interval began.
    pub(super) pending_since: Instant,
    pub(super) errors: u64,
    pub(super) bytes: u64,
}

struct Current {
    file: File,
    path: PathBuf,
    /// The length up to which the file holds whole intervals.
    whole_bytes: u64,
    base: Instant,
}

impl Log {
    pub(super) fn new(place: Place, tags: Vec<String>, now: Instant) -> Log {
        Log {
            place,
            pending: tags.iter().map(|_| None).collect(),
            tags,
            encoder: Encoder::default(),
            buffer: Vec::new(),
            current: None,
            pending_since: now,
            errors: 0,
            bytes: 0,
        }
    }

    /// Writes the pending interval, which ends `now`; `wall` is the same moment on the wall clock.
    /// An error is counted and logged; what could not be written stays pending.
    pub(super) fn write(&mut self, now: Instant, wall: SystemTime) {
        if self.pending.iter().flatten().all(Histogram::is_empty) {
            self.pending_since = now;
            return;
        }
        match self.write_pending(now, wall) {
            Ok(()) => {
                self.pending.iter_mut().flatten().for_each(Histogram::reset);
                self.pending_since = now;
            }
            Err(error) => {
                self.errors += 1;
                tracing::warn!(folder = %self.place.dir.display(), %error, "latency log not written; the interval is kept for the next try");
            }
        }
    }

    fn write_pending(&mut self, now: Instant, wall: SystemTime) -> io::Result<()> {
        let full = |current: &Current| current.whole_bytes >= self.place.file_bytes;
        if self.current.as_ref().is_none_or(full) {
            self.current = Some(self.open(now, wall)?);
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        self.buffer.clear();
        // A file opened for this interval starts with it.
        let from = self.pending_since.saturating_duration_since(current.base);
        let length = now.saturating_duration_since(self.pending_since);
        for (tag, histogram) in self.tags.iter().zip(&self.pending) {
            if let Some(histogram) = histogram.as_ref().filter(|histogram| !histogram.is_empty()) {
                self.encoder.interval(&mut self.buffer, tag, (from, length), histogram)?;
            }
        }
        if let Err(error) = current.file.write_all(&self.buffer) {
            // Half a line must not stay in front of the next interval: cut it, or leave the file.
            if current.file.set_len(current.whole_bytes).is_err() {
                self.current = None;
            }
            return Err(error);
        }
        current.whole_bytes += self.buffer.len() as u64;
        self.bytes += self.buffer.len() as u64;
        Ok(())
    }

    /// Opens a new file whose times count from the pending interval's begin, and deletes the oldest ones.
    fn open(&mut self, now: Instant, wall: SystemTime) -> io::Result<Current> {
        std::fs::create_dir_all(&self.place.dir)?;
        let began = wall.checked_sub(now.saturating_duration_since(self.pending_since)).unwrap_or(wall);
        let stamp = jiff::Timestamp::try_from(began).map_err(io::Error::other)?.strftime("%Y%m%dT%H%M%S%.6f");
        let path = self.place.dir.join(format!("{PREFIX}{stamp}Z-{}{SUFFIX}", std::process::id()));
        // Appending, so that after a cut the next write goes to the new end.
        let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        self.buffer.clear();
        let comment = concat!("Logged by authswitch ", env!("CARGO_PKG_VERSION"));
        self.encoder.head(&mut self.buffer, began, comment)?;
        if let Err(error) = file.write_all(&self.buffer) {
            // A full disk must not collect a headless file with each try.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        if let Err(error) = delete_oldest(&self.place, &path) {
            self.errors += 1;
            tracing::warn!(folder = %self.place.dir.display(), %error, "old latency logs not deleted");
        }
        let whole_bytes = self.buffer.len() as u64;
        self.bytes += whole_bytes;
        Ok(Current { file, path, whole_bytes, base: self.pending_since })
    }

    /// The file being written, if any was opened.
    pub(super) fn path(&self) -> Option<&Path> {
        self.current.as_ref().map(|current| current.path.as_path())
    }
}

const PREFIX: &str = "authswitch-";
const SUFFIX: &str = ".hlog";

/// Deletes the oldest files of ours until the limits hold. Names sort by time; `current` is never deleted.
fn delete_oldest(place: &Place, current: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&place.dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if ours && entry.path() != current {
            files.push((entry.path(), entry.metadata()?.len()));
        }
    }
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let mut count = files.len() + 1;
    for (path, size) in files {
        if count <= place.keep_files.max(1) && bytes <= place.keep_bytes {
            break;
        }
        std::fs::remove_file(&path)?;
        count -= 1;
        bytes -= size;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_fails_is_left_and_the_interval_goes_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let place =
            Place { dir: dir.path().to_owned(), file_bytes: u64::MAX, keep_files: 9, keep_bytes: u64::MAX };
        let start = Instant::now();
        let mut log = Log::new(place, vec!["a/total".to_owned()], start);
        let write = |log: &mut Log, second: u64| {
            let histogram = log.pending[0].get_or_insert_with(super::super::cells::histogram);
            histogram.record(second).unwrap();
            log.write(
                start + Duration::from_secs(second),
                SystemTime::UNIX_EPOCH + Duration::from_secs(second),
            );
        };
        write(&mut log, 1);
        let first = log.path().unwrap().to_owned();
        let whole = std::fs::read(&first).unwrap();
        // Reading only: neither the write nor the cut succeeds.
        log.current.as_mut().unwrap().file = File::open(&first).unwrap();
        write(&mut log, 2);
        assert_eq!((log.errors, log.path()), (1, None));
        assert_eq!(std::fs::read(&first).unwrap(), whole);
        write(&mut log, 3);
        let second = std::fs::read_to_string(log.path().unwrap()).unwrap();
        assert!(
            second.contains("\nTag=a/total,0.000,2.000,3.000,"),
            "both seconds, from its own start: {second}"
        );
        assert!(log.pending[0].as_ref().unwrap().is_empty());
    }

    #[test]
    fn a_full_file_is_followed_by_a_new_one_within_the_kept_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { dir: dir.path().to_owned(), file_bytes: 600, keep_files: 99, keep_bytes: 2_000 };
        let start = Instant::now();
        let mut log = Log::new(place, vec!["a/total".to_owned()], start);
        for second in 1..=60 {
            let histogram = log.pending[0].get_or_insert_with(super::super::cells::histogram);
            histogram.record(second * 1_000).unwrap();
            log.write(
                start + Duration::from_secs(second),
                SystemTime::UNIX_EPOCH + Duration::from_secs(second),
            );
        }
        let sizes: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .collect();
        assert!((2..=5).contains(&sizes.len()), "{sizes:?}");
        assert!(sizes.iter().sum::<u64>() <= 2_000 + 700, "{sizes:?}");
        assert_eq!(log.errors, 0);
    }
}
