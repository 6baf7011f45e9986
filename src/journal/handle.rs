//! The journal as its users hold it: opening, appending, asking how far the disk is, closing. Must not know how
//! records are written.

use super::committer::Committer;
use super::format::{HEADER_BYTES, MAX_RECORD_BYTES};
use super::front::{Batch, Front, Shared};
use super::lock::Lock;
use super::preparer::{MOST, Preparer};
use super::scan::{Mark, Position, Tail};
use super::segment::{self, Newest, Segment};
use super::{AppendError, JournalError, Seq};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What to do when there is no space for the next segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// Refuse records with [`AppendError::Full`], try again each second.
    #[default]
    Decline,
    /// Report [`JournalError::Full`] to [`Options::on_fatal`], which ends the process.
    Stop,
}

/// Called with the age of a batch's oldest record in microseconds.
pub type OnDurable = Box<dyn Fn(u64) + Send + Sync>;

/// Called once, on the journal's thread, with the error that stopped it.
pub type OnFatal = Box<dyn Fn(&JournalError) + Send + Sync>;

/// How a journal works.
pub struct Options {
    /// The size of a segment, at least 128 KiB.
    pub segment_bytes: u64,
    /// How long to wait for more records after a batch is durable; and how often to look for new ones.
    pub commit_interval: Duration,
    /// The size of each of the two buffers, at least 128 KiB. Memory is touched only as far as it is used.
    pub buffer_bytes: usize,
    /// More records than this appended and not durable are an exposure over the bound.
    pub exposure_max_records: u64,
    /// A record older than this and not durable is an exposure over the bound.
    pub exposure_max_age: Duration,
    /// What to do when the disk is full.
    pub on_full: OnFull,
    /// Told when a batch has become durable.
    pub on_durable: Option<OnDurable>,
    /// Told why the journal stopped. None writes the reason to the log, or to standard error where nothing listens to
    /// the log, and ends the process with exit code 1: what was answered and is not durable is known to the restart
    /// alone, so nothing more may be answered.
    pub on_fatal: Option<OnFatal>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes: 128 << 20,
            commit_interval: Duration::from_micros(1_000),
            buffer_bytes: 32 << 20,
            exposure_max_records: 100_000,
            exposure_max_age: Duration::from_secs(1),
            on_full: OnFull::Decline,
            on_durable: None,
            on_fatal: None,
        }
    }
}

impl Options {
    fn check(&self) -> Result<(), JournalError> {
        const LEAST: u64 = 128 << 10;
        const { assert!(LEAST as usize >= HEADER_BYTES + MAX_RECORD_BYTES) };
        for (name, value) in
            [("segment_bytes", self.segment_bytes), ("buffer_bytes", self.buffer_bytes as u64)]
        {
            if value < LEAST {
                return Err(JournalError::Setting { name, value, least: LEAST });
            }
        }
        Ok(())
    }
}

/// Whether a journal takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// It does.
    Accepting = 0,
    /// The disk is full; it tries again each second.
    Full = 1,
    /// Closed by [`Journal::close`].
    Closed = 2,
    /// Stopped by an error of the disk.
    Failed = 3,
}

impl Status {
    pub(super) fn from_number(number: u8) -> Status {
        match number {
            0 => Status::Accepting,
            1 => Status::Full,
            2 => Status::Closed,
            _ => Status::Failed,
        }
    }
}

/// What has been appended and is not yet durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// How many records.
    pub records: u64,
    /// The age of the oldest, in microseconds.
    pub age_us: u64,
}

/// An open journal. Clones share it; when the last one is dropped it is closed.
#[derive(Clone, Debug)]
pub struct Journal {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    durable: watch::Receiver<Seq>,
    max_records: u64,
    max_age_us: u64,
    thread: Mutex<Running>,
}

#[derive(Debug)]
enum Running {
    Yes { committer: JoinHandle<Result<Seq, JournalError>>, preparer: JoinHandle<()>, lock: Lock },
    No(Result<Seq, String>),
}

impl Journal {
    /// Opens the journal in `dir`, which is created when it is missing, to continue behind `tail`. Cuts off a torn
    /// tail for good, makes everything before it durable, and starts the thread named `journal`.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process has the folder, [`JournalError::Changed`] when the folder is not as
    /// [`super::scan()`] found it, [`JournalError::Setting`], and errors of the disk.
    pub fn open(dir: &Path, tail: Tail, options: Options) -> Result<Journal, JournalError> {
        create_dir(dir)?;
        let lock = Lock::take(dir)?;
        Journal::open_locked(dir, tail, options, lock)
    }

    /// As [`Journal::open`], by a caller that has held the folder's lock since before its [`super::scan()`].
    ///
    /// # Errors
    /// As [`Journal::open`], without [`JournalError::Locked`].
    pub fn open_locked(
        dir: &Path,
        tail: Tail,
        options: Options,
        lock: Lock,
    ) -> Result<Journal, JournalError> {
        options.check()?;
        segment::remove_unfinished(dir)?;
        let segment = continue_at(dir, &tail, options.segment_bytes)?;
        let shared = Arc::new(Shared::new(
            Front {
                batch: Batch::new(options.buffer_bytes),
                last: tail.last,
                chain: tail.chain,
                room: segment.room(),
                spares: VecDeque::with_capacity(MOST),
                taken: 0,
                stuck: false,
                segment_bytes: options.segment_bytes,
                status: Status::Accepting,
                closing: false,
                parked: false,
            },
            segment.newest(),
        ));
        let (publisher, durable) = watch::channel(tail.last);
        let committer = Committer {
            shared: Arc::clone(&shared),
            dir: dir.to_path_buf(),
            folder: segment::open_dir(dir)?,
            segment,
            batch: Batch::new(options.buffer_bytes),
            interval: options.commit_interval,
            on_full: options.on_full,
            on_durable: options.on_durable,
            publisher,
        };
        let on_fatal = options.on_fatal.unwrap_or_else(|| Box::new(end_process));
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || work(committer, &on_fatal))
            .map_err(JournalError::io("start a thread for", dir))?;
        let preparer = Preparer {
            shared: Arc::clone(&shared),
            dir: dir.to_path_buf(),
            segment_bytes: options.segment_bytes,
            on_full: options.on_full,
        };
        let preparer = thread::Builder::new()
            .name("segments".into())
            .spawn(move || preparer.run())
            // Else the committer would wait for ever.
            .inspect_err(|_| shared.close())
            .map_err(JournalError::io("start a thread for", dir))?;
        // Set once, before anybody can append.
        let _ = shared.committer.set(thread.thread().clone());
        let _ = shared.preparer.set(preparer.thread().clone());
        Ok(Journal {
            handle: Arc::new(Handle {
                shared,
                durable,
                max_records: options.exposure_max_records,
                max_age_us: options.exposure_max_age.as_micros() as u64,
                thread: Mutex::new(Running::Yes { committer: thread, preparer, lock }),
            }),
        })
    }

    /// Appends a record of any `kind` with the caller's time in microseconds since 1970. Returns at once: the record
    /// is durable when [`Journal::durable`] has reached the sequence given back. Records are in the order of the calls.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was appended then.
    #[inline]
    pub fn append(&self, kind: u8, body: &[u8], now_us: i64) -> Result<Seq, AppendError> {
        self.handle.shared.append(kind, body, now_us)
    }

    /// The last record that survives a power cut.
    pub fn durable(&self) -> Seq {
        self.handle.shared.durable.load(Ordering::Acquire)
    }

    /// Waits until the next segment is ready or cannot be had, for so long at most: before that a record that finds the last one
    /// full has no place.
    pub fn wait_for_spare(&self, patience: Duration) {
        let (shared, until) = (&self.handle.shared, Instant::now() + patience);
        while shared.spares().0 == 0 && self.accepting() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The first record of the newest segment: its file is in the folder for good.
    pub fn segment(&self) -> Seq {
        self.newest().first
    }

    /// The newest segment's file.
    pub fn newest(&self) -> Newest {
        *self.handle.shared.newest.lock()
    }

    /// The last record appended, and the chain value behind it.
    pub fn mark(&self) -> Mark {
        self.handle.shared.mark()
    }

    /// The last record appended.
    pub fn appended(&self) -> Seq {
        self.handle.shared.appended.load(Ordering::Acquire)
    }

    /// Follows [`Journal::durable`]. Closed, so that waiting on it fails, when no further record can become durable.
    pub fn watch(&self) -> watch::Receiver<Seq> {
        self.handle.durable.clone()
    }

    /// What is appended and not durable now.
    pub fn exposure(&self) -> Exposure {
        // `durable` first: it never passes `appended`.
        let durable = self.durable();
        let records = self.appended() - durable;
        Exposure { records, age_us: if records == 0 { 0 } else { self.handle.shared.oldest_age_us() } }
    }

    /// Whether the exposure is over one of its bounds (I11). Costs a clock reading when anything is exposed.
    pub fn exposed(&self) -> bool {
        let Exposure { records, age_us } = self.exposure();
        records > self.handle.max_records || age_us > self.handle.max_age_us
    }

    /// For how long records have waited while the journal's thread was in no call to the disk: it stands. A slow disk is not
    /// that.
    pub fn stood(&self) -> Duration {
        let waits = !self.handle.shared.at_disk.load(Ordering::Relaxed);
        Duration::from_micros(if waits { self.exposure().age_us } else { 0 })
    }

    /// Whether records are taken.
    pub fn accepting(&self) -> bool {
        self.status() == Status::Accepting
    }

    /// Whether records are taken, and why not.
    pub fn status(&self) -> Status {
        self.handle.shared.status()
    }

    /// Takes no more records, makes all that were taken durable, and ends the thread: the last record's sequence.
    /// Calling it again gives the same result.
    ///
    /// # Errors
    /// What kept the last records from the disk; [`JournalError::Stopped`] when that was reported before.
    pub fn close(&self) -> Result<Seq, JournalError> {
        self.handle.close()
    }
}

impl Handle {
    fn close(&self) -> Result<Seq, JournalError> {
        self.shared.close();
        let mut running = self.thread.lock();
        let before =
            std::mem::replace(&mut *running, Running::No(Err("journal: its thread panicked".into())));
        let result = match before {
            Running::Yes { committer, preparer, lock } => {
                let result = committer.join();
                // It makes no file after this.
                let _ = preparer.join();
                drop(lock);
                match result {
                    Ok(result) => result,
                    Err(_) => {
                        return Err(JournalError::Stopped { reason: "journal: its thread panicked".into() });
                    }
                }
            }
            Running::No(Ok(last)) => Ok(last),
            Running::No(Err(reason)) => Err(JournalError::Stopped { reason }),
        };
        *running = Running::No(result.as_ref().map(|&last| last).map_err(ToString::to_string));
        result
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Whoever wants to know the result calls `close`; a failure was told to `on_fatal`.
        let _ = self.close();
    }
}

/// The committer's thread.
fn work(mut committer: Committer, on_fatal: &OnFatal) -> Result<Seq, JournalError> {
    /// Lets nobody append to a journal whose thread is gone, even by a panic.
    struct Ended(Arc<Shared>, Status);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.end(self.1);
        }
    }
    let mut ended = Ended(Arc::clone(&committer.shared), Status::Failed);
    let result = committer.run();
    match &result {
        Ok(_) => ended.1 = Status::Closed,
        Err(error) => {
            // Refuse records before the handler runs: it may take its time.
            committer.shared.end(Status::Failed);
            on_fatal(error);
        }
    }
    result
}

/// What a journal does about a fatal error unless told otherwise.
fn end_process(error: &JournalError) {
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(%error, "the journal cannot go on; the process ends, a restart recovers");
    } else {
        // Nobody may be listening there either; the process ends all the same.
        let _ = writeln!(std::io::stderr(), "{error}; the process ends, a restart recovers");
    }
    std::process::exit(1);
}

fn create_dir(dir: &Path) -> Result<(), JournalError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(JournalError::io("create", dir))?;
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => segment::sync_dir(Path::new(".")),
        Some(parent) => segment::sync_dir(parent),
        None => Ok(()),
    }
}

/// The segment that the next record goes to, once everything before it is durable.
fn continue_at(dir: &Path, tail: &Tail, segment_bytes: u64) -> Result<Segment, JournalError> {
    let last = segment::list(dir)?.last().copied();
    let Some(Position { first, offset, settled }) = tail.position else {
        if last.is_some() {
            return Err(JournalError::Changed { dir: dir.into() });
        }
        return Segment::create(dir, segment_bytes, tail.chain);
    };
    if last != Some(first) || super::scan::continues(dir, tail)? {
        return Err(JournalError::Changed { dir: dir.into() });
    }
    let mut segment = Segment::resume(dir, first, offset)?;
    segment.settle(settled)?;
    if tail.torn.is_some() {
        segment.cut(segment_bytes, first, tail.chain)?;
    }
    segment::sync_dir(dir)?;
    Ok(segment)
}
