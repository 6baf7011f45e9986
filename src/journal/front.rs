//! The double buffer: workers fill one batch under a short lock while the committer writes the other. Must not know
//! files.

use super::format::{self, HEADER_BYTES, Stamp};
use super::preparer::MOST;
use super::scan::Mark;
use super::segment::{Newest, Preparation};
use super::{AppendError, JournalError, Seq, Status};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Instant;

/// Records appended since the last swap, encoded.
#[derive(Debug)]
pub(super) struct Batch {
    pub bytes: Vec<u8>,
    /// The sequence of the last record.
    pub last: Seq,
    /// Where new segments begin, in order: at most as many as are ready at a time.
    pub cuts: Vec<Cut>,
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
        Batch { bytes: Vec::with_capacity(bytes), last: 0, cuts: Vec::with_capacity(MOST), place: 0 }
    }

    /// Makes it empty again; its memory stays.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.cuts.clear();
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
    /// The next segments that are ready.
    pub spares: VecDeque<Preparation>,
    /// How many of them have been taken since the journal was opened.
    pub taken: u64,
    /// The last write lacked space, and it is tried again.
    pub stuck: bool,
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
            // Else the buffer would grow here, under the lock: the committer takes the batch first.
            if self.batch.cuts.len() == self.batch.cuts.capacity() {
                return Err(AppendError::Busy);
            }
            let segment = self.spares.pop_front().ok_or(AppendError::Busy)?;
            let at = self.batch.bytes.len();
            self.batch.cuts.push(Cut { at, first: self.last + 1, chain: self.chain, segment });
            self.taken += 1;
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
    /// The segment that is written to. Not on the path of records.
    pub newest: Mutex<Newest>,
    /// When the oldest record of the front batch came, in microseconds since `origin`; 0 when it is empty.
    front_since_us: AtomicU64,
    /// The same of the batch that is being written.
    writing_since_us: AtomicU64,
    status: AtomicU8,
    /// Whether the committer is in a call to the disk, which may take any time.
    pub at_disk: AtomicBool,
    origin: Instant,
    /// The committer's thread, to wake it.
    pub committer: OnceLock<Thread>,
    /// The preparer's.
    pub preparer: OnceLock<Thread>,
    /// What the preparer could not survive.
    failure: Mutex<Option<JournalError>>,
}

impl Shared {
    pub(super) fn new(front: Front, newest: Newest) -> Shared {
        let last = front.last;
        Shared {
            status: AtomicU8::new(front.status as u8),
            front: Mutex::new(front),
            at_disk: AtomicBool::new(false),
            appended: AtomicU64::new(last),
            durable: AtomicU64::new(last),
            newest: Mutex::new(newest),
            front_since_us: AtomicU64::new(0),
            writing_since_us: AtomicU64::new(0),
            origin: Instant::now(),
            committer: OnceLock::new(),
            preparer: OnceLock::new(),
            failure: Mutex::new(None),
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
        let taken = front.taken;
        front.admit(format::padded(format::HEAD_BYTES + body.len()))?;
        let begun = front.taken > taken;
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
        if begun {
            self.wake_preparer();
        }
        Ok(seq)
    }

    pub(super) fn mark(&self) -> Mark {
        let front = self.front.lock();
        Mark { seq: front.last, chain: front.chain }
    }

    pub(super) fn wake(&self) {
        if let Some(thread) = self.committer.get() {
            thread.unpark();
        }
    }

    fn wake_preparer(&self) {
        if let Some(thread) = self.preparer.get() {
            thread.unpark();
        }
    }

    /// Segments that are ready, and how many have been taken.
    pub(super) fn spares(&self) -> (usize, u64) {
        let front = self.front.lock();
        (front.spares.len(), front.taken)
    }

    /// Hands a segment that is ready to the workers; true when that ends a lack of space. One that comes too late is removed.
    pub(super) fn give_spare(&self, segment: Preparation) -> bool {
        let mut front = self.front.lock();
        if matches!(front.status, Status::Closed | Status::Failed) {
            return false;
        }
        front.spares.push_back(segment);
        self.accept(&mut front)
    }

    /// A write that lacked space was done: true when records are taken again.
    pub(super) fn written(&self) -> bool {
        let mut front = self.front.lock();
        front.stuck = false;
        self.accept(&mut front)
    }

    fn accept(&self, front: &mut Front) -> bool {
        let ends = front.status == Status::Full && !front.stuck && !front.spares.is_empty();
        if ends {
            self.set(front, Status::Accepting);
        }
        ends
    }

    /// Takes no records for now; true when it did until now.
    pub(super) fn refuse(&self) -> bool {
        let mut front = self.front.lock();
        let accepted = front.status == Status::Accepting;
        if accepted {
            self.set(&mut front, Status::Full);
        }
        accepted
    }

    fn set(&self, front: &mut Front, status: Status) {
        front.status = status;
        self.status.store(status as u8, Ordering::Release);
    }

    /// Whether the preparer is to end.
    pub(super) fn is_ending(&self) -> bool {
        let front = self.front.lock();
        front.closing || matches!(front.status, Status::Closed | Status::Failed)
    }

    /// Leaves to the committer what the preparer cannot survive; no more records are taken.
    pub(super) fn fail(&self, error: JournalError) {
        *self.failure.lock() = Some(error);
        self.set_status(Status::Failed);
        self.wake();
    }

    /// For the committer before it goes on.
    ///
    /// # Errors
    /// What the preparer left.
    pub(super) fn go_on(&self) -> Result<(), JournalError> {
        self.failure.lock().take().map_or(Ok(()), Err)
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
        self.set(&mut self.front.lock(), status);
    }

    /// Asks the committer to write what is there and to end.
    pub(super) fn close(&self) {
        self.front.lock().closing = true;
        if matches!(self.status(), Status::Accepting | Status::Full) {
            self.set_status(Status::Closed);
        }
        self.wake();
        self.wake_preparer();
    }

    /// The committer ends: nothing more is taken, and the segments that are ready are removed.
    pub(super) fn end(&self, status: Status) {
        self.set_status(status);
        let spares = std::mem::take(&mut self.front.lock().spares);
        drop(spares);
        self.wake_preparer();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn as_many_segments_are_filled_in_one_go_as_are_ready_and_no_record_is_refused_before() {
        const SEGMENT_BYTES: u64 = 8192;
        let dir = tempfile::tempdir().unwrap();
        for ready in 0..=MOST {
            let spares = (0..ready as u64).map(|number| {
                let Ok(spare) = Preparation::begin(dir.path(), number, SEGMENT_BYTES) else {
                    panic!("no room")
                };
                spare
            });
            let room = SEGMENT_BYTES - HEADER_BYTES as u64;
            let shared = Shared::new(
                Front {
                    batch: Batch::new(1 << 20),
                    last: 0,
                    chain: 0,
                    room,
                    spares: spares.collect(),
                    taken: 0,
                    stuck: false,
                    segment_bytes: SEGMENT_BYTES,
                    status: Status::Accepting,
                    closing: false,
                    parked: false,
                },
                Newest::default(),
            );
            let body = [7; 200];
            let each = room / format::padded(format::HEAD_BYTES + body.len()) as u64;
            // Nobody prepares another one meanwhile, and nobody takes the batch.
            let taken = (0..).take_while(|_| shared.append(1, &body, 0).is_ok()).count() as u64;
            assert_eq!(taken, each * (1 + ready as u64), "{ready} ready");
            assert_eq!(shared.append(1, &body, 0), Err(AppendError::Busy), "{ready} ready");
            let front = shared.front.lock();
            let firsts: Vec<Seq> = front.batch.cuts.iter().map(|cut| cut.first).collect();
            assert_eq!(firsts, (1..=ready as u64).map(|nth| nth * each + 1).collect::<Vec<_>>());
        }
    }
}
