//! The snapshot file: the whole portfolio at (about) one journal record, so that a restart replays only what came
//! later. It may be taken while the switch decides: each object carries the record that last changed it.
//!
//! A header, then blocks of entries, in one chain of CRC32C from the first byte to the last; card numbers only in
//! blocks sealed with the data key.

mod read;
pub use read::read;

mod paced;
pub use paced::WriteOptions;

mod write;
pub use write::{write, write_as};

use super::layout::{Fixed, layout};
use super::{CardStatus, Limits, TooManyLimits, Uses, Velocity};
use crate::vault::KeyError;
use std::path::PathBuf;

const MAGIC: [u8; 8] = *b"ASWSNAP5";
/// Entries in a block: sealing and checking go block by block.
const ENTRIES: usize = 4096;
/// No block is longer: a damaged length cannot ask for more memory. The longest holds a whole shard of a table for
/// 100 million transactions that all count in limits.
const LONGEST_BLOCK: u32 = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Block {
    Programs = 1,
    Limits = 2,
    Accounts = 3,
    Cards = 4,
    Shard = 5,
    End = 6,
    Counters = 7,
}

impl Block {
    fn from_number(number: u8) -> Option<Block> {
        use Block::{Accounts, Cards, Counters, End, Limits, Programs, Shard};
        let blocks = [Programs, Limits, Accounts, Cards, Shard, End, Counters];
        blocks.into_iter().find(|block| *block as u8 == number)
    }
}

/// Followed by the CRC32C that begins the chain.
struct Header {
    magic: [u8; 8],
    floor: u64,
    time_us: i64,
    key_check: [u8; 8],
    journal: u32,
}
layout! { Header { magic: [u8; 8], floor: u64, time_us: i64, key_check: [u8; 8], journal: u32 } }

/// `crc` is over the kind, the length and the content, seeded with the one before: a block can be neither changed
/// nor left out nor moved.
struct BlockHead {
    kind: u8,
    length: u32,
    crc: u32,
}
layout! { BlockHead { kind: u8, length: u32, crc: u32 } }

/// The value of the chain after a block.
fn chained(before: u32, kind: u8, content: &[u8]) -> u32 {
    let mut head = [kind; 5];
    head[1..].copy_from_slice(&(content.len() as u32).to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(before, &head), content)
}

/// Ties a sealed block to its kind, its place and its snapshot, so that blocks cannot be exchanged.
fn context(header: &Header, kind: Block, block: u64) -> [u8; 25] {
    let mut context = [kind as u8; 25];
    context[1..9].copy_from_slice(&block.to_le_bytes());
    context[9..17].copy_from_slice(&header.floor.to_le_bytes());
    context[17..].copy_from_slice(&header.time_us.to_le_bytes());
    context
}

layout! { Limits {
    amount_per_transaction: i64, amount_per_day: i64, amount_per_month: i64, count_per_day: i64, count_per_month: i64,
    cash_amount_per_transaction: i64, cash_amount_per_day: i64, cash_count_per_day: i64,
} }

struct StoredAccount {
    currency: u16,
    name: u64,
    customer: u64,
    funds_minor: i64,
    posted_minor: i64,
    held_minor: i64,
    velocity: Velocity,
    sequence: u64,
}
layout! { StoredAccount {
    currency: u16, name: u64, customer: u64, funds_minor: i64, posted_minor: i64, held_minor: i64, velocity: Velocity,
    sequence: u64,
} }

struct StoredCard {
    number: u64,
    expiry: u16,
    status: CardStatus,
    program: u16,
    limits: u16,
    account: u32,
    velocity: Velocity,
    sequence: u64,
}
layout! { StoredCard {
    number: u64, expiry: u16, status: CardStatus, program: u16, limits: u16, account: u32, velocity: Velocity,
    sequence: u64,
} }

/// Begins a block of [`crate::portfolio::Remembered`] transactions; behind them follow the [`Uses`] of those that have any, each behind the place of its transaction.
struct ShardHead {
    index: u32,
    sequence: u64,
    transactions: u32,
}
layout! { ShardHead { index: u32, sequence: u64, transactions: u32 } }

/// Behind the place of its transaction in the block.
struct StoredUses {
    place: u32,
    uses: Uses,
}
layout! { StoredUses { place: u32, uses: Uses } }

/// Begins a block of counters; each that has a ring is followed by it.
struct CountersHead {
    index: u32,
    sequence: u64,
}
layout! { CountersHead { index: u32, sequence: u64 } }

struct End {
    cards: u64,
    accounts: u64,
    transactions: u64,
    counters: u64,
    highest: u64,
}
layout! { End { cards: u64, accounts: u64, transactions: u64, counters: u64, highest: u64 } }

/// Appends a fixed value to a growing buffer.
fn append<T: Fixed>(room: &mut Vec<u8>, value: &T) {
    let start = room.len();
    room.resize(start + T::WIDTH, 0);
    value.put(&mut room[start..]);
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotFacts {
    /// All records up to this one are in it: replay what follows.
    pub floor: u64,
    /// The last record that anything in it knows of; at least the floor. It is good only with a journal that
    /// holds this record.
    pub highest: u64,
    /// When it was taken, microseconds since 1970.
    pub time_us: i64,
    /// The journal's chain value behind the floor: of another journal it is another.
    pub journal: u32,
    /// Cards in it.
    pub cards: u64,
    /// Accounts in it.
    pub accounts: u64,
    /// Transactions in it.
    pub transactions: u64,
    /// Counters of limits in it.
    pub counters: u64,
}

/// Why a snapshot cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The system failed.
    #[error("snapshot {}: {error}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file system has no room for it beside what must stay free.
    #[error(
        "snapshot {}: not enough room: {free_mib} MiB are free, it takes about {needs_mib} MiB, and {leave_mib} MiB stay free \
         for the journal",
        path.display()
    )]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Mebibytes that are free.
        free_mib: u64,
        /// Mebibytes that are still to be written.
        needs_mib: u64,
        /// Mebibytes that must stay free.
        leave_mib: u64,
    },
    /// [`WriteOptions::pause`] gave it up.
    #[error("snapshot {}: given up", path.display())]
    GivenUp {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what was written.
    #[error("snapshot {}, byte {offset}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// It was written with another data key.
    #[error("snapshot {}: sealed with another data key", path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// Its cards need a program that the settings do not have.
    #[error("snapshot {}: its cards use the program \"{program}\", which the settings do not have", path.display())]
    UnknownProgram {
        /// The file.
        path: PathBuf,
        /// The program.
        program: String,
    },
    /// The data key fails.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// More limits than fit.
    #[error(transparent)]
    Limits(#[from] TooManyLimits),
}
