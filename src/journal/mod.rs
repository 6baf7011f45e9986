//! The append-only record of decisions: append behind the answer, sync, recover. Must not know what a record
//! means: a body is opaque bytes here; its encoding is `record`'s.
//!
//! A journal is a folder of preallocated segments. Workers append into a double buffer under one short lock; one
//! thread swaps it, writes, syncs and publishes the durable sequence. On restart [`scan()`] replays what is there;
//! [`read`] and [`follow()`] look on while it is written.

mod format;

mod error;
pub use error::{AppendError, Damage, JournalError};

mod limit;
pub use limit::limit_in_words;

mod segment;
pub use segment::{Newest, list as segments, remove_unfinished};

mod lock;
pub use lock::Lock;

mod front;

mod preparer;

mod committer;

mod handle;
pub use handle::{Exposure, Journal, OnFull, Options, Status};

mod reader;

mod scan;
pub use scan::{Entry, Mark, Tail, Torn, read, scan};

mod beside;

mod seek;
pub use seek::seek;

mod verify;
pub use verify::{Report, verify, verify_with};

mod follow;
pub use follow::follow;

pub use format::MAX_BODY_BYTES;

/// The place of a record in the journal: the first is 1, and there are no holes.
pub type Seq = u64;
