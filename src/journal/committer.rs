//! The thread that makes records durable: swap, write, sync, publish, and prepare the next segment. Must not know
//! what records mean or who waits for them.

use super::front::{Batch, Cut, Shared};
use super::segment::{Preparation, Segment, Unprepared};
use super::{JournalError, OnFull, Seq, Status};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long no record must have come before the thread sleeps until it is woken.
const PARK_AFTER: Duration = Duration::from_millis(50);
/// How long after a refusal for lack of space the next attempt is made.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The segment behind the one that is written to.
#[derive(Debug)]
pub(super) enum Spare {
    /// Not begun, or refused by the system and tried again then.
    Absent {
        retry_at: Option<Instant>,
    },
    Filling(Preparation),
    /// With the workers, who put it into a batch when they need it.
    Given,
}

pub(super) struct Committer {
    pub shared: Arc<Shared>,
    pub dir: PathBuf,
    /// `dir`, open.
    pub folder: File,
    pub segment: Segment,
    pub segment_bytes: u64,
    pub batch: Batch,
    pub spare: Spare,
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
            if self.shared.take(&mut self.batch) {
                self.commit()?;
                busy_at = Instant::now();
            } else if self.shared.front.lock().closing {
                return Ok(self.shared.durable.load(Ordering::Acquire));
            }
            self.prepare()?;
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
        let mut rest = bytes;
        if let Some(mut cut) = self.batch.cut.take() {
            rest = &bytes[cut.at..];
            if cut.at > 0 {
                // The full segment is durable before the next one exists: only the last can have a torn tail.
                self.write(&bytes[..cut.at])?;
                self.publish(cut.first - 1);
            }
            self.segment = self.begin_segment(&mut cut)?;
            self.shared.segment.store(cut.first, Ordering::Release);
            self.spare = Spare::Absent { retry_at: None };
        }
        self.write(rest)?;
        self.publish(self.batch.last);
        Ok(())
    }

    fn publish(&self, durable: Seq) {
        self.shared.durable.store(durable, Ordering::Release);
        self.publisher.send_replace(durable);
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let mut rest = bytes;
        while let Err(error) = self.segment.write(&mut rest) {
            self.wait_for_space(error)?;
        }
        self.segment.sync()
    }

    fn begin_segment(&self, cut: &mut Cut) -> Result<Segment, JournalError> {
        loop {
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
        self.refuse(&error);
        thread::park_timeout(RETRY_AFTER);
        Ok(())
    }

    fn refuse(&self, reason: &dyn std::fmt::Display) {
        if self.shared.status() != Status::Full {
            tracing::error!(dir = %self.dir.display(), %reason, "journal full: no more records until there is room; tried again each second");
        }
        self.shared.set_status(Status::Full);
    }

    /// Does a step towards having the next segment ready.
    fn prepare(&mut self) -> Result<(), JournalError> {
        let step = match &mut self.spare {
            Spare::Given => {
                self.accept();
                return Ok(());
            }
            Spare::Absent { retry_at: Some(at) } if Instant::now() < *at => return Ok(()),
            Spare::Absent { .. } => Preparation::begin(&self.dir, self.segment_bytes).map(Some),
            Spare::Filling(preparation) => preparation.advance().map(|_| None),
        };
        match step {
            Ok(Some(preparation)) => self.spare = Spare::Filling(preparation),
            Ok(None) => self.give_spare(),
            Err(Unprepared::Fatal(error)) => return Err(error),
            Err(Unprepared::Refused(source)) => {
                self.spare = Spare::Absent { retry_at: Some(Instant::now() + RETRY_AFTER) };
                let error = JournalError::Full { dir: self.dir.clone(), source };
                if self.on_full == OnFull::Stop {
                    return Err(error);
                }
                self.refuse(&error);
            }
        }
        Ok(())
    }

    /// Hands a finished preparation to the workers.
    fn give_spare(&mut self) {
        self.spare = match std::mem::replace(&mut self.spare, Spare::Given) {
            Spare::Filling(preparation) if preparation.is_done() => {
                self.shared.front.lock().spare = Some(preparation);
                self.accept();
                Spare::Given
            }
            unfinished => unfinished,
        };
    }

    fn accept(&self) {
        if self.shared.status() == Status::Full {
            self.shared.set_status(Status::Accepting);
            tracing::info!(dir = %self.dir.display(), "journal accepts records again");
        }
    }

    /// Sleeps until the next batch is worth writing.
    fn rest(&self, busy_at: Instant) {
        let retry_at = match &self.spare {
            Spare::Filling(_) => return,
            Spare::Given => None,
            Spare::Absent { retry_at } => *retry_at,
        };
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
        match retry_at {
            None => thread::park(),
            Some(at) => thread::park_timeout(at.saturating_duration_since(Instant::now())),
        }
        self.shared.front.lock().parked = false;
    }
}
