//! The snapshot file: the whole portfolio at (about) one journal record, so that a restart replays only what came
//! later. It may be taken while the switch decides: each object carries the record that last changed it.
//!
//! A header, then blocks of entries, each with a CRC32C; card numbers only in blocks sealed with the data key.

use super::layout::{Fixed, layout};
use super::{
    AccountState, CardState, CardStatus, Limits, NewAccount, NewCard, Portfolio, TooManyLimits, Transaction,
    Velocity,
};
use crate::message::Pan;
use crate::vault::{DataKey, KeyError};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"ASWSNAP1";
/// Entries in a block: sealing and checking go block by block.
const ENTRIES: usize = 4096;
/// No block is longer: a damaged length cannot ask for more memory.
const LONGEST_BLOCK: u32 = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Block {
    Programs = 1,
    Limits = 2,
    Accounts = 3,
    Cards = 4,
    Shard = 5,
    End = 6,
}

impl Block {
    fn from_number(number: u8) -> Option<Block> {
        [Block::Programs, Block::Limits, Block::Accounts, Block::Cards, Block::Shard, Block::End]
            .into_iter()
            .find(|block| *block as u8 == number)
    }
}

struct Header {
    magic: [u8; 8],
    floor: u64,
    time_us: i64,
    key_check: [u8; 8],
}
layout! { Header { magic: [u8; 8], floor: u64, time_us: i64, key_check: [u8; 8] } }

struct BlockHead {
    kind: u8,
    length: u32,
    crc: u32,
}
layout! { BlockHead { kind: u8, length: u32, crc: u32 } }

layout! { Limits {
    amount_per_transaction: i64, amount_per_day: i64, amount_per_month: i64, count_per_day: i64, count_per_month: i64,
    cash_amount_per_transaction: i64, cash_amount_per_day: i64, cash_count_per_day: i64,
} }

struct StoredAccount {
    currency: u16,
    name: u64,
    funds_minor: i64,
    posted_minor: i64,
    held_minor: i64,
    velocity: Velocity,
    sequence: u64,
}
layout! { StoredAccount {
    currency: u16, name: u64, funds_minor: i64, posted_minor: i64, held_minor: i64, velocity: Velocity, sequence: u64,
} }

struct StoredCard {
    digits: u64,
    length: u8,
    expiry: u16,
    status: CardStatus,
    program: u16,
    limits: u16,
    account: u32,
    velocity: Velocity,
    sequence: u64,
}
layout! { StoredCard {
    digits: u64, length: u8, expiry: u16, status: CardStatus, program: u16, limits: u16, account: u32,
    velocity: Velocity, sequence: u64,
} }

struct End {
    cards: u64,
    accounts: u64,
    transactions: u64,
}
layout! { End { cards: u64, accounts: u64, transactions: u64 } }

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotFacts {
    /// All records up to this one are in it: replay what follows.
    pub floor: u64,
    /// When it was taken, microseconds since 1970.
    pub time_us: i64,
    /// Cards in it.
    pub cards: u64,
    /// Accounts in it.
    pub accounts: u64,
    /// Transactions in it.
    pub transactions: u64,
}

/// Why a snapshot cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The system failed.
    #[error("snapshot {path}: {error}")]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is not what was written.
    #[error("snapshot {path}, byte {offset}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// Its cards need a program that the settings do not have.
    #[error("snapshot {path}: its cards use the program \"{program}\", which the settings do not have")]
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

/// Writes a snapshot to `path` (not yet durable under its final name: the caller renames it once the journal is
/// durable). `floor` is the journal's last record when the writing began.
pub fn write(
    portfolio: &Portfolio,
    key: &DataKey,
    path: &Path,
    floor: u64,
    time_us: i64,
) -> Result<(), SnapshotError> {
    let system = |error| SnapshotError::System { path: path.to_owned(), error };
    let file = File::create(path).map_err(system)?;
    let mut writer =
        Writer { file: BufWriter::with_capacity(1 << 20, file), key, block: 0, room: Vec::new() };
    writer.write_all(portfolio, floor, time_us).map_err(|error| match error {
        WriteError::System(error) => system(error),
        WriteError::Key(error) => error.into(),
    })?;
    let file = writer.file.into_inner().map_err(|error| system(error.into_error()))?;
    file.sync_all().map_err(system)
}

enum WriteError {
    System(std::io::Error),
    Key(KeyError),
}

impl From<std::io::Error> for WriteError {
    fn from(error: std::io::Error) -> WriteError {
        WriteError::System(error)
    }
}

struct Writer<'a> {
    file: BufWriter<File>,
    key: &'a DataKey,
    block: u64,
    room: Vec<u8>,
}

impl Writer<'_> {
    fn write_all(&mut self, portfolio: &Portfolio, floor: u64, time_us: i64) -> Result<(), WriteError> {
        let header = Header { magic: MAGIC, floor, time_us, key_check: self.key.check_value() };
        self.push(&header);
        let crc = crc32c::crc32c(&self.room);
        self.push(&crc);
        self.file.write_all(&self.room)?;
        self.room.clear();
        for program in portfolio.programs() {
            self.room.extend_from_slice(program.name.as_bytes());
            self.room.push(b'\n');
        }
        self.finish(Block::Programs)?;
        for index in 1.. {
            let Some(limits) = portfolio.own_limits(index) else { break };
            self.push(&limits);
        }
        self.finish(Block::Limits)?;
        self.write_accounts(portfolio)?;
        self.write_cards(portfolio)?;
        let transactions = self.write_transactions(portfolio)?;
        let (cards, accounts) = (portfolio.cards().len() as u64, portfolio.accounts().len() as u64);
        self.push(&End { cards, accounts, transactions });
        self.finish(Block::End)
    }

    fn write_accounts(&mut self, portfolio: &Portfolio) -> Result<(), WriteError> {
        for accounts in portfolio.accounts().chunks(ENTRIES) {
            for account in accounts {
                let state = *account.state.lock();
                self.push(&StoredAccount {
                    currency: account.currency,
                    name: account.name,
                    funds_minor: state.funds_minor,
                    posted_minor: state.posted_minor,
                    held_minor: state.held_minor,
                    velocity: state.velocity,
                    sequence: state.sequence,
                });
            }
            self.finish(Block::Accounts)?;
        }
        Ok(())
    }

    fn write_cards(&mut self, portfolio: &Portfolio) -> Result<(), WriteError> {
        let mut numbers = zeroize::Zeroizing::new(vec![(0u64, 0u8); portfolio.cards().len()]);
        portfolio.visit_cards(|pan, card| numbers[card.id as usize] = pan.parts());
        for (cards, numbers) in portfolio.cards().chunks(ENTRIES).zip(numbers.chunks(ENTRIES)) {
            for (card, (digits, length)) in cards.iter().zip(numbers) {
                let state = *card.state.lock();
                self.push(&StoredCard {
                    digits: *digits,
                    length: *length,
                    expiry: card.expiry,
                    status: card.status,
                    program: card.program,
                    limits: card.limits,
                    account: card.account.id,
                    velocity: state.velocity,
                    sequence: state.sequence,
                });
            }
            self.finish(Block::Cards)?;
        }
        Ok(())
    }

    fn write_transactions(&mut self, portfolio: &Portfolio) -> Result<u64, WriteError> {
        let mut count = 0;
        for index in 0..portfolio.table.shards() {
            // Copied under the shard's lock, written after it.
            portfolio.table.visit_one(index, |shard| {
                self.push(&(index as u32));
                self.push(&shard.sequence());
                for transaction in shard.iter() {
                    self.push(transaction);
                    count += 1;
                }
            });
            self.finish(Block::Shard)?;
        }
        Ok(count)
    }

    fn push(&mut self, value: &impl FixedValue) {
        value.append(&mut self.room);
    }

    fn finish(&mut self, kind: Block) -> Result<(), WriteError> {
        if kind == Block::Cards {
            self.key.seal(&context(kind, self.block), &mut self.room).map_err(WriteError::Key)?;
        }
        let head =
            BlockHead { kind: kind as u8, length: self.room.len() as u32, crc: crc32c::crc32c(&self.room) };
        let mut bytes = Vec::with_capacity(BlockHead::WIDTH);
        head.append(&mut bytes);
        self.file.write_all(&bytes)?;
        self.file.write_all(&self.room)?;
        self.room.clear();
        self.block += 1;
        Ok(())
    }
}

/// Appending a fixed value to a growing buffer.
trait FixedValue {
    fn append(&self, room: &mut Vec<u8>);
}

impl<T: Fixed> FixedValue for T {
    fn append(&self, room: &mut Vec<u8>) {
        let start = room.len();
        room.resize(start + T::WIDTH, 0);
        self.put(&mut room[start..]);
    }
}

/// Ties a sealed block to its kind and place, so that blocks cannot be exchanged.
fn context(kind: Block, block: u64) -> [u8; 9] {
    let mut context = [kind as u8; 9];
    context[1..].copy_from_slice(&block.to_le_bytes());
    context
}

/// Reads a snapshot into an empty portfolio.
pub fn read(portfolio: &mut Portfolio, key: &DataKey, path: &Path) -> Result<SnapshotFacts, SnapshotError> {
    let system = |error| SnapshotError::System { path: path.to_owned(), error };
    let file = BufReader::with_capacity(1 << 20, File::open(path).map_err(system)?);
    let mut reader = Reader {
        file,
        key,
        path,
        offset: 0,
        block: 0,
        programs: Vec::new(),
        limits: Vec::new(),
        references: Vec::new(),
    };
    reader.read_all(portfolio)
}

struct Reader<'a> {
    file: BufReader<File>,
    key: &'a DataKey,
    path: &'a Path,
    offset: u64,
    block: u64,
    /// Stored program number -> number in the settings.
    programs: Vec<Result<u16, String>>,
    limits: Vec<Limits>,
    references: Vec<(i64, Transaction)>,
}

impl Reader<'_> {
    fn damaged(&self, reason: &str) -> SnapshotError {
        SnapshotError::Damaged { path: self.path.to_owned(), offset: self.offset, reason: reason.to_owned() }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, SnapshotError> {
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("ends in the middle"),
            _ => SnapshotError::System { path: self.path.to_owned(), error },
        })?;
        Ok(bytes)
    }

    fn read_all(&mut self, portfolio: &mut Portfolio) -> Result<SnapshotFacts, SnapshotError> {
        let bytes = self.take(Header::WIDTH + 4)?;
        let mut rest = &bytes[..];
        let (header, crc) = (Header::get(&mut rest), u32::get(&mut rest));
        let header = match header {
            Some(header) if header.magic == MAGIC && crc == Some(crc32c::crc32c(&bytes[..Header::WIDTH])) => {
                header
            }
            _ => return Err(self.damaged("not the header of a snapshot of this version")),
        };
        if header.key_check != self.key.check_value() {
            return Err(self.damaged("sealed with another data key"));
        }
        self.offset += bytes.len() as u64;
        let mut transactions = 0;
        loop {
            let (kind, bytes) = self.next_block()?;
            let mut rest = &bytes[..];
            match kind {
                Block::Programs => self.read_programs(&bytes, portfolio),
                Block::Limits => {
                    while !rest.is_empty() {
                        let limits = self.get(&mut rest)?;
                        self.limits.push(limits);
                    }
                }
                Block::Accounts => self.read_accounts(rest, portfolio)?,
                Block::Cards => self.read_cards(rest, portfolio)?,
                Block::Shard => transactions += self.read_shard(rest, portfolio)?,
                Block::End => {
                    let end: End = self.get(&mut rest)?;
                    let found =
                        (portfolio.cards().len() as u64, portfolio.accounts().len() as u64, transactions);
                    if found != (end.cards, end.accounts, end.transactions) {
                        return Err(self.damaged("does not hold as many entries as it says"));
                    }
                    self.link_references(portfolio);
                    return Ok(SnapshotFacts {
                        floor: header.floor,
                        time_us: header.time_us,
                        cards: end.cards,
                        accounts: end.accounts,
                        transactions,
                    });
                }
            }
            self.offset += (BlockHead::WIDTH + bytes.len()) as u64;
            self.block += 1;
        }
    }

    fn next_block(&mut self) -> Result<(Block, Vec<u8>), SnapshotError> {
        let head: BlockHead = {
            let bytes = self.take(BlockHead::WIDTH)?;
            self.get(&mut &bytes[..])?
        };
        let Some(kind) = Block::from_number(head.kind).filter(|_| head.length <= LONGEST_BLOCK) else {
            return Err(self.damaged("not the head of a block"));
        };
        let mut bytes = self.take(head.length as usize)?;
        if crc32c::crc32c(&bytes) != head.crc {
            return Err(self.damaged("a block's checksum does not match"));
        }
        if kind == Block::Cards {
            let opened = self.key.open(&context(kind, self.block), &mut bytes);
            opened.map_err(|error| self.damaged(&error.to_string()))?;
        }
        Ok((kind, bytes))
    }

    fn get<T: Fixed>(&self, rest: &mut &[u8]) -> Result<T, SnapshotError> {
        T::get(rest).ok_or_else(|| self.damaged("an entry is cut or holds an unknown value"))
    }

    fn read_programs(&mut self, bytes: &[u8], portfolio: &Portfolio) {
        let known = |name: &str| portfolio.programs().iter().position(|program| program.name == name);
        self.programs = String::from_utf8_lossy(bytes)
            .lines()
            .map(|name| known(name).map(|index| index as u16).ok_or_else(|| name.to_owned()))
            .collect();
    }

    fn read_accounts(&mut self, mut rest: &[u8], portfolio: &mut Portfolio) -> Result<(), SnapshotError> {
        portfolio.reserve(0, rest.len() / StoredAccount::WIDTH);
        while !rest.is_empty() {
            let stored: StoredAccount = self.get(&mut rest)?;
            let state = AccountState {
                funds_minor: stored.funds_minor,
                posted_minor: stored.posted_minor,
                held_minor: stored.held_minor,
                velocity: stored.velocity,
                sequence: stored.sequence,
            };
            portfolio.add_account(NewAccount { currency: stored.currency, name: stored.name, state });
        }
        Ok(())
    }

    fn read_cards(&mut self, mut rest: &[u8], portfolio: &mut Portfolio) -> Result<(), SnapshotError> {
        portfolio.reserve(rest.len() / StoredCard::WIDTH, 0);
        while !rest.is_empty() {
            let stored: StoredCard = self.get(&mut rest)?;
            let pan = Pan::from_parts(stored.digits, stored.length);
            let pan = pan.ok_or_else(|| self.damaged("a card has no possible number"))?;
            let program = match self.programs.get(usize::from(stored.program)) {
                Some(Ok(index)) => *index,
                Some(Err(name)) => {
                    let (path, program) = (self.path.to_owned(), name.clone());
                    return Err(SnapshotError::UnknownProgram { path, program });
                }
                None => return Err(self.damaged("a card names a program that is not in the list")),
            };
            if portfolio.account(stored.account).is_none() {
                return Err(self.damaged("a card names an account that is not there"));
            }
            let limits = match stored.limits {
                0 => None,
                index => match self.limits.get(usize::from(index) - 1) {
                    Some(limits) => Some(*limits),
                    None => return Err(self.damaged("a card names limits that are not there")),
                },
            };
            let state = CardState { velocity: stored.velocity, sequence: stored.sequence };
            let (expiry, status, account) = (stored.expiry, stored.status, stored.account);
            portfolio.add_card(pan, NewCard { expiry, status, program, limits, account, state })?;
        }
        Ok(())
    }

    fn read_shard(&mut self, mut rest: &[u8], portfolio: &Portfolio) -> Result<u64, SnapshotError> {
        let (index, sequence): (u32, u64) = (self.get(&mut rest)?, self.get(&mut rest)?);
        if index as usize >= portfolio.table.shards() {
            return Err(self.damaged("a part of the transactions has no place"));
        }
        let mut transactions = Vec::with_capacity(rest.len() / Transaction::WIDTH);
        while !rest.is_empty() {
            transactions.push(self.get::<Transaction>(&mut rest)?);
        }
        portfolio.table.visit_one(index as usize, |shard| shard.restore(&transactions, sequence));
        self.references.extend(transactions.iter().filter(|t| t.reference != 0).map(|t| (t.time_us, *t)));
        Ok(transactions.len() as u64)
    }

    /// The latest transaction of a reference is the one it finds.
    fn link_references(&mut self, portfolio: &Portfolio) {
        self.references.sort_by_key(|(time_us, _)| *time_us);
        for (_, transaction) in self.references.drain(..) {
            portfolio.table.link_reference(&transaction);
        }
    }
}
