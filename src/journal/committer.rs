//! The thread that makes records durable: swap, write, sync, publish. Must not know what records mean or who waits for them.

use super::front::{Batch, Cut, Shared};
use super::preparer::RETRY_AFTER;
use super::segment::Segment;
use super::{JournalError, OnFull, Seq};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long no record must have come before the thread sleeps until it is woken.
const PARK_AFTER: Duration = Duration::from_millis(50);
pub(super) struct Committer {
    pub shared: Arc<Shared>,
    pub dir: PathBuf,
    /// `dir`, open.
    pub folder: File,
    pub segment: Segment,
    pub batch: Batch,
    pub interval: Duration,
    pub on_full: OnFull,
    pub on_durable: Option<Box<dyn Fn(u64) + Send + Sync>>,
    pub publisher: watch::Sender<Seq>,
}

impl Committer {
    /// Runs until the journal is closed and all of it is durable, or until an error that cannot be survived.
    pub(super) fn run(&mut self) -> Result<Seq, JournalError> {
        let mut busy_at = Instant::now();
        loop {
            self.shared.go_on()?;
            if self.shared.take(&mut self.batch) {
                self.shared.at_disk.store(true, Ordering::Relaxed);
                self.commit()?;
                busy_at = Instant::now();
            } else if self.shared.front.lock().closing {
                return Ok(self.shared.durable.load(Ordering::Acquire));
            }
            self.shared.at_disk.store(false, Ordering::Relaxed);
            self.rest(busy_at);
        }
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        // Moved out while it is written, because writing needs all of `self`; an empty Vec allocates nothing.
        let bytes = std::mem::take(&mut self.batch.bytes);
        let result = self.commit_bytes(&bytes);
        self.batch.bytes = bytes;
        result?;
        self.batch.clear();
        let age_us = self.shared.settle();
        if let Some(on_durable) = &self.on_durable {
            on_durable(age_us);
        }
        Ok(())
    }

    fn commit_bytes(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let mut from = 0;
        // Moved out as in `commit`, and back: workers must not have to make room for them.
        let mut cuts = std::mem::take(&mut self.batch.cuts);
        for mut cut in cuts.drain(..) {
            if cut.at > from {
                // The full segment is durable before the next one exists: only the last can have a torn tail.
                self.write(&bytes[from..cut.at])?;
                self.publish(cut.first - 1);
                from = cut.at;
            }
            self.segment = self.begin_segment(&mut cut)?;
            *self.shared.newest.lock() = self.segment.newest();
        }
        self.batch.cuts = cuts;
        self.write(&bytes[from..])?;
        self.publish(self.batch.last);
        Ok(())
    }

    fn publish(&self, durable: Seq) {
        self.shared.durable.store(durable, Ordering::Release);
        self.publisher.send_replace(durable);
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.shared.go_on()?;
        let mut rest = bytes;
        while let Err(error) = self.segment.write(&mut rest) {
            self.wait_for_space(error)?;
        }
        self.segment.sync()?;
        self.end_wait();
        Ok(())
    }

    fn begin_segment(&self, cut: &mut Cut) -> Result<Segment, JournalError> {
        loop {
            self.shared.go_on()?;
            match cut.segment.finish(&self.dir, &self.folder, cut.first, cut.chain) {
                Ok(segment) => return Ok(segment),
                Err(error) => self.wait_for_space(error)?,
            }
        }
    }

    /// Waits a second when `error` is a lack of space or a limit reached; any other error is final. So is this one once the journal is
    /// closing: nobody has been told that the records in hand are durable.
    fn wait_for_space(&self, error: JournalError) -> Result<(), JournalError> {
        if !error.lacks_space() || self.on_full == OnFull::Stop || self.shared.front.lock().closing {
            return Err(error);
        }
        self.shared.front.lock().stuck = true;
        if self.shared.refuse() {
            tracing::error!(dir = %self.dir.display(), reason = %error, "journal full: no more records until there is room; tried again each second");
        }
        thread::park_timeout(RETRY_AFTER);
        Ok(())
    }

    /// What waited for space is written.
    fn end_wait(&self) {
        if self.shared.written() {
            tracing::info!(dir = %self.dir.display(), "journal accepts records again");
        }
    }

    /// Sleeps until the next batch is worth writing.
    fn rest(&self, busy_at: Instant) {
        let idle = busy_at.elapsed() >= PARK_AFTER;
        let mut front = self.shared.front.lock();
        if front.closing || front.batch.bytes.len() > front.batch.bytes.capacity() / 8 {
            return;
        }
        if !idle || !front.batch.bytes.is_empty() {
            drop(front);
            thread::park_timeout(self.interval);
            return;
        }
        front.parked = true;
        drop(front);
        thread::park();
        self.shared.front.lock().parked = false;
    }
}
