//! Snapshot file -> portfolio, or the place and reason why not: never a state that was not written.

use super::{
    Block, BlockHead, CountersHead, End, Header, LONGEST_BLOCK, MAGIC, ShardHead, SnapshotError,
    SnapshotFacts, StoredAccount, StoredCard, StoredUses, chained, context,
};
use crate::message::Pan;
use crate::portfolio::counters::Stored;
use crate::portfolio::directory::NO_NUMBER;
use crate::portfolio::layout::Fixed;
use crate::portfolio::ring::Ring;
use crate::portfolio::{AccountState, CardState, Limits, NewAccount, NewCard, Portfolio, Remembered};
use crate::vault::DataKey;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Reads a snapshot into an empty portfolio. After an error the portfolio holds a part of it and is of no use.
pub fn read(portfolio: &mut Portfolio, key: &DataKey, path: &Path) -> Result<SnapshotFacts, SnapshotError> {
    let system = |error| SnapshotError::System { path: path.to_owned(), error };
    let file = File::open(path).map_err(system)?;
    let length = file.metadata().map_err(system)?.len();
    let mut reader = Reader {
        file: BufReader::with_capacity(1 << 20, file),
        key,
        path,
        length,
        offset: 0,
        chain: 0,
        block: 0,
        programs: Vec::new(),
        limits: Vec::new(),
    };
    reader.read_all(portfolio)
}

struct Reader<'a> {
    file: BufReader<File>,
    key: &'a DataKey,
    path: &'a Path,
    length: u64,
    /// Where the current block begins.
    offset: u64,
    chain: u32,
    block: u64,
    /// Stored program number -> number in the settings, or the name that these do not have.
    programs: Vec<Result<u16, String>>,
    limits: Vec<Limits>,
}

impl Reader<'_> {
    fn damaged(&self, reason: &'static str) -> SnapshotError {
        SnapshotError::Damaged { path: self.path.to_owned(), offset: self.offset, reason }
    }

    fn take(&mut self, length: usize) -> Result<Zeroizing<Vec<u8>>, SnapshotError> {
        // Before the memory is asked for.
        if length as u64 > self.length - self.offset {
            return Err(self.damaged("ends in the middle"));
        }
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("ends in the middle"),
            _ => SnapshotError::System { path: self.path.to_owned(), error },
        })?;
        Ok(bytes)
    }

    fn read_all(&mut self, portfolio: &mut Portfolio) -> Result<SnapshotFacts, SnapshotError> {
        let header = self.read_header()?;
        let (mut transactions, mut counters) = (0, 0);
        loop {
            let (kind, bytes) = self.next_block(&header)?;
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
                Block::Counters => counters += self.read_counters(rest, portfolio)?,
                Block::End => {
                    let end: End = self.get(&mut rest)?;
                    let found = (portfolio.cards().len() as u64, portfolio.accounts().len() as u64);
                    let counted = (transactions, counters);
                    if (found, counted) != ((end.cards, end.accounts), (end.transactions, end.counters)) {
                        return Err(self.damaged("does not hold as many entries as it says"));
                    }
                    self.pass(bytes.len());
                    if self.offset != self.length {
                        return Err(self.damaged("does not end at its end"));
                    }
                    let Header { floor, time_us, journal, .. } = header;
                    let highest = end.highest;
                    let (cards, accounts) = found;
                    return Ok(SnapshotFacts {
                        floor,
                        highest,
                        time_us,
                        journal,
                        cards,
                        accounts,
                        transactions,
                        counters,
                    });
                }
            }
            self.pass(bytes.len() + if kind == Block::Cards { crate::vault::OVERHEAD } else { 0 });
        }
    }

    fn read_header(&mut self) -> Result<Header, SnapshotError> {
        let bytes = self.take(Header::WIDTH + u32::WIDTH)?;
        let mut rest = &bytes[..];
        let (header, crc): (Option<Header>, _) = (Header::get(&mut rest), u32::get(&mut rest));
        self.chain = crc32c::crc32c(&bytes[..Header::WIDTH]);
        let valid = |header: &Header| header.magic == MAGIC && crc == Some(self.chain);
        let Some(header) = header.filter(valid) else {
            return Err(self.damaged("not the header of a snapshot of this version"));
        };
        if header.key_check != self.key.check_value() {
            return Err(SnapshotError::OtherKey { path: self.path.to_owned() });
        }
        self.offset = bytes.len() as u64;
        Ok(header)
    }

    /// Steps behind a block of this many stored bytes.
    fn pass(&mut self, length: usize) {
        self.offset += (BlockHead::WIDTH + length) as u64;
        self.block += 1;
    }

    fn next_block(&mut self, header: &Header) -> Result<(Block, Zeroizing<Vec<u8>>), SnapshotError> {
        let head = self.take(BlockHead::WIDTH)?;
        let head: BlockHead = self.get(&mut &head[..])?;
        if head.length > LONGEST_BLOCK {
            return Err(self.damaged("not the head of a block"));
        }
        let mut bytes = self.take(head.length as usize)?;
        self.chain = chained(self.chain, head.kind, &bytes);
        if self.chain != head.crc {
            return Err(self.damaged("a block's checksum does not match"));
        }
        let Some(kind) = Block::from_number(head.kind) else {
            return Err(self.damaged("a block of an unknown kind"));
        };
        if kind == Block::Cards {
            let context = context(header, kind, self.block);
            let opened = self.key.open(&context, &mut bytes);
            opened.map_err(|_| self.damaged("sealed with another key, or changed"))?;
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
        while !rest.is_empty() {
            let stored: StoredAccount = self.get(&mut rest)?;
            let state = AccountState {
                funds_minor: stored.funds_minor,
                posted_minor: stored.posted_minor,
                held_minor: stored.held_minor,
                velocity: stored.velocity,
                sequence: stored.sequence,
            };
            let account =
                portfolio.add_account(NewAccount { currency: stored.currency, name: stored.name, state });
            portfolio.set_customer(account, stored.customer);
        }
        Ok(())
    }

    fn read_cards(&mut self, mut rest: &[u8], portfolio: &mut Portfolio) -> Result<(), SnapshotError> {
        while !rest.is_empty() {
            let stored: StoredCard = self.get(&mut rest)?;
            // A card that was taken out has no number any more.
            let number = match stored.number {
                NO_NUMBER => None,
                number => Some(
                    Pan::from_packed(number).ok_or_else(|| self.damaged("a card has no possible number"))?,
                ),
            };
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
            let card = NewCard { expiry, status, program, limits, account, state };
            match number {
                Some(number) => drop(portfolio.add_card(number, card)?),
                None => portfolio.add_removed(card),
            }
        }
        Ok(())
    }

    fn read_shard(&mut self, mut rest: &[u8], portfolio: &Portfolio) -> Result<u64, SnapshotError> {
        let ShardHead { index, sequence, transactions: count } = self.get(&mut rest)?;
        if index as usize >= portfolio.table.shards() {
            return Err(self.damaged("a part of the transactions has no place"));
        }
        let mut transactions = Vec::with_capacity(rest.len() / Remembered::WIDTH);
        for _ in 0..count {
            transactions.push(self.get::<Remembered>(&mut rest)?);
        }
        portfolio.table.restore(index as usize, &transactions, sequence);
        while !rest.is_empty() {
            let StoredUses { place, uses } = self.get(&mut rest)?;
            let Some(Remembered { transaction, .. }) = transactions.get(place as usize) else {
                return Err(self.damaged("counters of a transaction that is not there"));
            };
            portfolio.table.restore_uses(index as usize, transaction.key, uses);
        }
        Ok(transactions.len() as u64)
    }

    fn read_counters(&mut self, mut rest: &[u8], portfolio: &Portfolio) -> Result<u64, SnapshotError> {
        let CountersHead { index, sequence } = self.get(&mut rest)?;
        if index as usize >= portfolio.counters.shards() {
            return Err(self.damaged("a part of the counters has no place"));
        }
        let mut count = 0;
        while !rest.is_empty() {
            let stored: Stored = self.get(&mut rest)?;
            let ring = if stored.ring { Some(self.get::<Ring>(&mut rest)?) } else { None };
            portfolio.counters.restore(&stored, ring);
            count += 1;
        }
        portfolio.counters.restore_sequence(index as usize, sequence);
        Ok(count)
    }
}
