//! The double buffer: workers fill one batch under a short lock while the committer writes the other. Must not know
//! files.

use super::format::{self, HEADER_BYTES, Stamp};
use super::segment::Preparation;
use super::{AppendError, Seq, Status};
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Instant;

/// Records appended since the last swap, encoded.
#[derive(Debug)]
pub(super) struct Batch {
    pub bytes: Vec<u8>,
    /// The sequence of the last record.
    pub last: Seq,
    /// Where a new segment begins, if one does. There is one spare segment, so there is at most one such place.
    pub cut: Option<Cut>,
    /// Records since the batch or its cut began.
    place: u64,
}

/// The place in a batch where a segment begins, and that segment.
#[derive(Debug)]
pub(super) struct Cut {
    pub at: usize,
    pub first: Seq,
    pub chain: u32,
    pub segment: Preparation,
}

impl Batch {
    pub(super) fn new(bytes: usize) -> Batch {
        Batch { bytes: Vec::with_capacity(bytes), last: 0, cut: None, place: 0 }
    }

    /// Makes it empty again; its memory stays.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.cut = None;
        self.place = 0;
    }
}

/// What the lock guards.
#[derive(Debug)]
pub(super) struct Front {
    pub batch: Batch,
    /// The last record appended.
    pub last: Seq,
    pub chain: u32,
    /// Bytes left in the segment that the next record goes to.
    pub room: u64,
    /// The next segment, once it is prepared.
    pub spare: Option<Preparation>,
    pub segment_bytes: u64,
    pub status: Status,
    pub closing: bool,
    /// The committer sleeps until it is woken.
    pub parked: bool,
}

impl Front {
    fn admit(&mut self, size: usize) -> Result<(), AppendError> {
        match self.status {
            Status::Accepting if !self.closing => {}
            Status::Full if !self.closing => return Err(AppendError::Full),
            _ => return Err(AppendError::Closed),
        }
        if self.batch.bytes.capacity() - self.batch.bytes.len() < size {
            return Err(AppendError::Busy);
        }
        if size as u64 > self.room {
            let segment = self.spare.take().ok_or(AppendError::Busy)?;
            let at = self.batch.bytes.len();
            self.batch.cut = Some(Cut { at, first: self.last + 1, chain: self.chain, segment });
            self.batch.place = 0;
            self.room = self.segment_bytes - HEADER_BYTES as u64;
        }
        self.room -= size as u64;
        Ok(())
    }
}

/// What workers, the committer and onlookers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub front: Mutex<Front>,
    pub appended: AtomicU64,
    pub durable: AtomicU64,
    /// The first record of the segment that is written to.
    pub segment: AtomicU64,
    /// When the oldest record of the front batch came, in microseconds since `origin`; 0 when it is empty.
    front_since_us: AtomicU64,
    /// The same of the batch that is being written.
    writing_since_us: AtomicU64,
    status: AtomicU8,
    origin: Instant,
    /// The committer's thread, to wake it.
    pub committer: OnceLock<Thread>,
}

impl Shared {
    pub(super) fn new(front: Front, segment: Seq) -> Shared {
        let last = front.last;
        Shared {
            status: AtomicU8::new(front.status as u8),
            front: Mutex::new(front),
            appended: AtomicU64::new(last),
            durable: AtomicU64::new(last),
            segment: AtomicU64::new(segment),
            front_since_us: AtomicU64::new(0),
            writing_since_us: AtomicU64::new(0),
            origin: Instant::now(),
            committer: OnceLock::new(),
        }
    }

    /// Microseconds since the journal was opened, never 0.
    pub(super) fn now_us(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64 + 1
    }

    pub(super) fn append(&self, kind: u8, body: &[u8], time_us: i64) -> Result<Seq, AppendError> {
        if body.len() > format::MAX_BODY_BYTES {
            return Err(AppendError::TooLong { bytes: body.len() });
        }
        let mut front = self.front.lock();
        front.admit(format::padded(format::HEAD_BYTES + body.len()))?;
        if front.batch.bytes.is_empty() {
            self.front_since_us.store(self.now_us(), Ordering::Release);
        }
        let seq = front.last + 1;
        let place = u16::try_from(front.batch.place).unwrap_or(u16::MAX);
        let stamp = Stamp { chain: front.chain, seq, time_us, kind, place };
        front.chain = format::push_record(&mut front.batch.bytes, &stamp, body);
        front.last = seq;
        front.batch.last = seq;
        front.batch.place += 1;
        // Stored under the lock, so that the sequence never steps back.
        self.appended.store(seq, Ordering::Release);
        let wake = std::mem::take(&mut front.parked);
        drop(front);
        if wake {
            self.wake();
        }
        Ok(seq)
    }

    pub(super) fn wake(&self) {
        if let Some(thread) = self.committer.get() {
            thread.unpark();
        }
    }

    /// Swaps the filled batch for the empty `batch`; false when there is nothing to write.
    pub(super) fn take(&self, batch: &mut Batch) -> bool {
        let mut front = self.front.lock();
        if front.batch.bytes.is_empty() {
            return false;
        }
        std::mem::swap(&mut front.batch, batch);
        let since = self.front_since_us.load(Ordering::Acquire);
        self.writing_since_us.store(since, Ordering::Release);
        self.front_since_us.store(0, Ordering::Release);
        true
    }

    /// All of the written batch is durable: gives the age of its oldest record in microseconds.
    pub(super) fn settle(&self) -> u64 {
        let since = self.writing_since_us.swap(0, Ordering::AcqRel);
        self.now_us().saturating_sub(since)
    }

    /// The age of the oldest record that is not durable, in microseconds; 0 when there is none.
    pub(super) fn oldest_age_us(&self) -> u64 {
        // The front first: a swap in between moves its time to where it is looked for next.
        let front = self.front_since_us.load(Ordering::Acquire);
        let writing = self.writing_since_us.load(Ordering::Acquire);
        let since = if writing == 0 { front } else { writing };
        if since == 0 { 0 } else { self.now_us().saturating_sub(since) }
    }

    pub(super) fn status(&self) -> Status {
        Status::from_number(self.status.load(Ordering::Acquire))
    }

    pub(super) fn set_status(&self, status: Status) {
        let mut front = self.front.lock();
        front.status = status;
        self.status.store(status as u8, Ordering::Release);
    }

    /// Asks the committer to write what is there and to end.
    pub(super) fn close(&self) {
        self.front.lock().closing = true;
        if matches!(self.status(), Status::Accepting | Status::Full) {
            self.set_status(Status::Closed);
        }
        self.wake();
    }

    /// The committer ends: nothing more is taken, and the spare segment is removed.
    pub(super) fn end(&self, status: Status) {
        self.set_status(status);
        let spare = self.front.lock().spare.take();
        drop(spare);
    }
}
