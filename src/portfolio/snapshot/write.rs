//! Portfolio -> snapshot file. Must not know when snapshots are taken or what they are called.

use super::paced::{Paced, Stop};
use super::{
    Block, BlockHead, CountersHead, ENTRIES, End, Header, MAGIC, ShardHead, SnapshotError, StoredAccount,
    StoredCard, StoredUses, WriteOptions, append, chained, context,
};
use crate::portfolio::counters::Stored;
use crate::portfolio::layout::Fixed;
use crate::portfolio::{Portfolio, Remembered, ShardCopy};
use crate::vault::{DataKey, KeyError};
use std::fs::File;
use std::path::Path;

/// Blocks are gathered to so many bytes before they are written.
const GATHERED_BYTES: usize = 256 << 10;

/// Writes a snapshot to `path` and returns the last record that is (in part) in it. It is good from the moment when
/// the journal holds that record for good, not before: the caller gives it its final name then. `floor` is the
/// journal's last record when the writing began.
pub fn write(
    portfolio: &Portfolio,
    key: &DataKey,
    path: &Path,
    floor: u64,
    time_us: i64,
) -> Result<u64, SnapshotError> {
    write_as(portfolio, key, path, floor, time_us, WriteOptions::default())
}

/// As [`write()`], leaving to others what `options` say.
pub fn write_as(
    portfolio: &Portfolio,
    key: &DataKey,
    path: &Path,
    floor: u64,
    time_us: i64,
    options: WriteOptions<'_>,
) -> Result<u64, SnapshotError> {
    let stopped = |stop| match stop {
        Stop::System(error) => SnapshotError::System { path: path.to_owned(), error },
        Stop::NoRoom { free_mib, needs_mib, leave_mib } => {
            SnapshotError::NoRoom { path: path.to_owned(), free_mib, needs_mib, leave_mib }
        }
        Stop::GivenUp => SnapshotError::GivenUp { path: path.to_owned() },
    };
    let file = File::create(path).map_err(|error| stopped(error.into()))?;
    let mut writer = Writer {
        file: Paced::begin(file, expected_bytes(portfolio), options).map_err(stopped)?,
        gathered: Vec::with_capacity(2 * GATHERED_BYTES),
        key,
        header: Header {
            magic: MAGIC,
            floor,
            time_us,
            key_check: key.check_value(),
            journal: options.journal,
        },
        chain: 0,
        block: 0,
        highest: floor,
        room: Vec::new(),
    };
    writer.write_all(portfolio).map_err(|error| match error {
        WriteError::Stopped(stop) => stopped(stop),
        WriteError::Key(error) => error.into(),
    })?;
    let highest = writer.highest;
    writer.file.finish().map_err(|error| stopped(error.into()))?;
    Ok(highest)
}

/// About how long a snapshot becomes, for the look at the room before it begins.
fn expected_bytes(portfolio: &Portfolio) -> u64 {
    let of = |count: usize, width: usize| (count * width) as u64;
    of(portfolio.accounts().len(), StoredAccount::WIDTH)
        + of(portfolio.cards().len(), StoredCard::WIDTH)
        + of(portfolio.table.len().0, Remembered::WIDTH)
        + of(portfolio.counters.len(), Stored::WIDTH)
}

enum WriteError {
    Stopped(Stop),
    Key(KeyError),
}

impl From<Stop> for WriteError {
    fn from(stop: Stop) -> WriteError {
        WriteError::Stopped(stop)
    }
}

struct Writer<'a> {
    file: Paced<'a>,
    /// Blocks that are not yet given to the file.
    gathered: Vec<u8>,
    key: &'a DataKey,
    header: Header,
    chain: u32,
    block: u64,
    highest: u64,
    room: Vec<u8>,
}

impl Writer<'_> {
    fn write_all(&mut self, portfolio: &Portfolio) -> Result<(), WriteError> {
        append(&mut self.room, &self.header);
        self.chain = crc32c::crc32c(&self.room);
        append(&mut self.room, &self.chain);
        self.gathered.append(&mut self.room);
        for program in portfolio.programs() {
            self.room.extend_from_slice(program.name.as_bytes());
            self.room.push(b'\n');
        }
        self.finish(Block::Programs)?;
        for index in 1.. {
            let Some(limits) = portfolio.own_limits(index) else { break };
            append(&mut self.room, &limits);
        }
        self.finish(Block::Limits)?;
        self.write_accounts(portfolio)?;
        self.write_cards(portfolio)?;
        let transactions = self.write_transactions(portfolio)?;
        let counters = self.write_counters(portfolio)?;
        let (cards, accounts) = (portfolio.cards().len() as u64, portfolio.accounts().len() as u64);
        let highest = self.highest;
        append(&mut self.room, &End { cards, accounts, transactions, counters, highest });
        self.finish(Block::End)?;
        Ok(self.file.write(&self.gathered)?)
    }

    fn write_accounts(&mut self, portfolio: &Portfolio) -> Result<(), WriteError> {
        for accounts in portfolio.accounts().chunks(ENTRIES) {
            for account in accounts {
                let state = *account.state.lock();
                self.highest = self.highest.max(state.sequence);
                let stored = StoredAccount {
                    currency: account.currency,
                    name: account.name,
                    customer: account.customer,
                    funds_minor: state.funds_minor,
                    posted_minor: state.posted_minor,
                    held_minor: state.held_minor,
                    velocity: state.velocity,
                    sequence: state.sequence,
                };
                append(&mut self.room, &stored);
            }
            self.finish(Block::Accounts)?;
        }
        Ok(())
    }

    fn write_cards(&mut self, portfolio: &Portfolio) -> Result<(), WriteError> {
        let numbers = portfolio.numbers();
        for (cards, numbers) in portfolio.cards().chunks(ENTRIES).zip(numbers.chunks(ENTRIES)) {
            for (card, number) in cards.iter().zip(numbers) {
                let state = *card.state.lock();
                self.highest = self.highest.max(state.sequence);
                let stored = StoredCard {
                    number: *number,
                    expiry: card.expiry,
                    status: card.status,
                    program: card.program,
                    limits: card.limits,
                    account: card.account,
                    velocity: state.velocity,
                    sequence: state.sequence,
                };
                append(&mut self.room, &stored);
            }
            self.finish(Block::Cards)?;
        }
        Ok(())
    }

    fn write_transactions(&mut self, portfolio: &Portfolio) -> Result<u64, WriteError> {
        let (mut count, mut copy) = (0, ShardCopy::default());
        for index in 0..portfolio.table.shards() {
            // Under the shard's lock it is only copied.
            portfolio.table.copy_one(index, &mut copy);
            if copy.sequence() == 0 {
                continue;
            }
            self.highest = self.highest.max(copy.sequence());
            let transactions = copy.iter().count();
            let (index, sequence) = (index as u32, copy.sequence());
            append(&mut self.room, &ShardHead { index, sequence, transactions: transactions as u32 });
            for remembered in portfolio.table.remembered(&copy) {
                append(&mut self.room, &remembered);
            }
            for ((_, _, uses), place) in copy.iter().zip(0..).filter(|((_, _, uses), _)| !uses.is_empty()) {
                append(&mut self.room, &StoredUses { place, uses: *uses });
            }
            count += transactions as u64;
            self.finish(Block::Shard)?;
        }
        Ok(count)
    }

    fn write_counters(&mut self, portfolio: &Portfolio) -> Result<u64, WriteError> {
        let mut count = 0;
        for index in 0..portfolio.counters.shards() {
            // The sequence is known once the lock is held, and stands before the counters.
            append(&mut self.room, &CountersHead { index: index as u32, sequence: 0 });
            let sequence = portfolio.counters.visit(index, |stored, ring| {
                append(&mut self.room, stored);
                if let Some(ring) = ring {
                    append(&mut self.room, ring);
                }
                count += 1;
            });
            if sequence == 0 {
                self.room.clear();
                continue;
            }
            self.highest = self.highest.max(sequence);
            CountersHead { index: index as u32, sequence }.put(&mut self.room);
            self.finish(Block::Counters)?;
        }
        Ok(count)
    }

    fn finish(&mut self, kind: Block) -> Result<(), WriteError> {
        if kind == Block::Cards {
            let context = context(&self.header, kind, self.block);
            self.key.seal(&context, &mut self.room).map_err(WriteError::Key)?;
        }
        self.chain = chained(self.chain, kind as u8, &self.room);
        let head = BlockHead { kind: kind as u8, length: self.room.len() as u32, crc: self.chain };
        append(&mut self.gathered, &head);
        self.gathered.append(&mut self.room);
        self.block += 1;
        if self.gathered.len() >= GATHERED_BYTES {
            self.file.write(&self.gathered)?;
            self.gathered.clear();
        }
        Ok(())
    }
}
