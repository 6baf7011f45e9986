//! Opening a data folder: the key, the newest snapshot (or what a new folder begins with), the journal's tail.

use super::contents::{self, Contents};
use super::high_water::HighWater;
use super::private;
use crate::clock::{Recorded, wall_us};
use crate::journal::{self, Entry, JournalError, Lock, Mark, Seq, Tail};
use crate::portfolio::{
    Limits, Lists, NOBODY, Portfolio, Program, Record, TableOptions, UNLIMITED, folder, seed,
    snapshot::{SnapshotFacts, WriteOptions},
};
use crate::settings::{self, Settings};
use crate::vault::DataKey;
use std::path::Path;
use std::time::{Duration, Instant};

/// Why a data folder cannot be opened; the text names the place.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A data folder's state, recovered.
pub(super) struct Opened {
    /// All that the folder holds.
    pub portfolio: Portfolio,
    /// Where the journal continues.
    pub tail: Tail,
    /// The last record and its time.
    pub recorded: Recorded,
    /// The folder's key.
    pub key: DataKey,
    /// Keeps every other process out of the folder; goes on to the journal.
    pub lock: Lock,
    /// What was not as it should be, and was made up for.
    pub warnings: Vec<String>,
    /// The journal's last record that was in the snapshot.
    pub floor: u64,
    /// Records of the journal that were applied on top.
    pub replayed: u64,
    /// How long it took.
    pub took: Duration,
}

impl Opened {
    /// Says in the log what was recovered, and what was not as it should be.
    pub(super) fn tell(&self) {
        self.warnings.iter().for_each(|warning| tracing::warn!(%warning, "recovered with a warning"));
        tracing::info!(
            cards = self.portfolio.count().0,
            last = self.tail.last,
            floor = self.floor,
            replayed = self.replayed,
            milliseconds = self.took.as_millis() as u64,
            state_hash = format!("{:016x}", self.portfolio.state_hash()),
            "recovered"
        );
    }
}

/// What to do where there is no data folder yet, or an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenNew {
    /// Nothing is made: a path with a mistake in it must not look like a bank without cards.
    Refuse,
    /// Make one without cards.
    Make,
    /// Make one with the demo's cards; and refuse a folder that is there and has none of them.
    Demo,
    /// Make one and write no snapshot: the caller is about to fill it, and does.
    Leave,
}

/// Why a folder is not made, and what makes one.
pub(super) fn no_folder(data: &Path) -> String {
    let data = data.display();
    format!(
        "{data}: no data folder (is its volume mounted?). `serve --init` makes one without cards, `serve --demo` one with the demo's cards, \
         `cards import FILE --data {data}` one with yours"
    )
}

/// Opens a data folder, making it when it is not there and `when_new` says so.
///
/// # Errors
/// There is none; a part of it is missing, the folder is in use, its key does not fit, its snapshots are damaged, its
/// journal is, or the two do not belong together.
pub(super) fn open(settings: &Settings, data: &Path, when_new: WhenNew) -> Result<Opened, Failure> {
    // Before anything is made.
    if contents::look(settings, data)? == Contents::New && when_new == WhenNew::Refuse {
        return Err(no_folder(data).into());
    }
    let lock = lock(data)?;
    open_locked(settings, data, when_new, lock)
}

/// Keeps every other process out of a data folder: out of all of it that is written, whatever path leads there. Makes the
/// folders where they are not there.
pub(super) fn lock(data: &Path) -> Result<Lock, Failure> {
    let (journal, snapshot) = (data.join("journal"), data.join("snapshot"));
    for folder in [&journal, &snapshot] {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("data folder {}: {error}", folder.display()))?;
    }
    Ok(Lock::take_with(&journal, &[data, &snapshot])?)
}

/// As [`open`], by a caller that has taken the folder's [`lock`] already.
pub(super) fn open_locked(
    settings: &Settings,
    data: &Path,
    when_new: WhenNew,
    lock: Lock,
) -> Result<Opened, Failure> {
    let began = Instant::now();
    let journal = data.join("journal");
    let key_file = Some(settings.vault.key_file.as_path()).filter(|path| !path.as_os_str().is_empty());
    // A key is made for a new folder only: to any other it would open nothing.
    let (key, high_water) = match contents::look(settings, data)? {
        Contents::New => (DataKey::load(key_file, data)?, None),
        Contents::Whole(high_water) => (DataKey::open_existing(key_file, data)?, high_water),
    };
    let mut warnings = Vec::new();
    let (portfolio, floor, highest, taken_us) = match folder::load(data, &key, || empty(settings, &key))? {
        Some(loaded) => {
            warnings.extend(loaded.passed_over.iter().map(|error| format!("passed over: {error}")));
            let folder::Loaded { portfolio, facts, .. } = loaded;
            (portfolio, Mark { seq: facts.floor, chain: facts.journal }, facts.highest, facts.time_us)
        }
        None => {
            let chain = new_chain()?;
            (fill(settings, data, &key, when_new, chain)?, Mark { seq: 0, chain }, 0, 0)
        }
    };
    if when_new == WhenNew::Demo && seed::count(&portfolio) == 0 {
        return Err(not_of_the_demo(data).into());
    }
    let past = Past { data, portfolio: &portfolio, floor, highest, high_water };
    let (mut tail, replayed) =
        past.replay(&mut |from, visit| journal::scan(&journal, from, visit), &mut warnings)?;
    if tail.before.is_none() {
        tail.chain = floor.chain;
    }
    // Nothing is touched before it is known that all belongs together.
    remove_unfinished(data)?;
    warnings.extend(private::tighten(data));
    // Where the last segment is empty, the snapshot tells the time.
    let time_us = if tail.time_us == 0 { taken_us } else { tail.time_us };
    let recorded = Recorded { sequence: tail.last, time_us };
    let floor = floor.seq;
    Ok(Opened { portfolio, tail, recorded, key, lock, warnings, floor, replayed, took: began.elapsed() })
}

/// A data folder's state as a start would recover it.
pub(super) struct Found {
    pub portfolio: Portfolio,
    /// Where the journal ends.
    pub tail: Tail,
    /// Of the snapshot.
    pub facts: SnapshotFacts,
    /// Records that come on top of the snapshot.
    pub replayed: u64,
    /// What is not as it should be, and would be made up for.
    pub warnings: Vec<String>,
}

/// Reads a data folder as [`open`] does, after a look at its [`contents`]. Changes nothing; a switch may be running on it.
pub(super) fn look(
    settings: &Settings,
    data: &Path,
    key: &DataKey,
    high_water: Option<HighWater>,
) -> Result<Found, Failure> {
    let loaded = folder::load(data, key, || empty(settings, key))?.ok_or_else(|| no_snapshot(data))?;
    let folder::Loaded { portfolio, facts, passed_over } = loaded;
    let mut warnings: Vec<String> = passed_over.iter().map(|error| format!("passed over: {error}")).collect();
    let (floor, journal) = (Mark { seq: facts.floor, chain: facts.journal }, data.join("journal"));
    let past = Past { data, portfolio: &portfolio, floor, highest: facts.highest, high_water };
    let (tail, replayed) =
        past.replay(&mut |from, visit| journal::read(&journal, from, visit), &mut warnings)?;
    Ok(Found { portfolio, tail, facts, replayed, warnings })
}

/// What the portfolio of a folder would be that is made now: under a key of its own, which nobody keeps.
pub(super) fn imagined(settings: &Settings, when_new: WhenNew) -> Result<Portfolio, Failure> {
    let key = DataKey::from_hex(&"0".repeat(64)).ok_or("a key of zeros is a key")?;
    let mut portfolio = empty(settings, &key);
    if when_new == WhenNew::Demo {
        seed_demo(&mut portfolio)?;
    }
    Ok(portfolio)
}

fn seed_demo(portfolio: &mut Portfolio) -> Result<(), Failure> {
    let program = program(portfolio, seed::PROGRAM).ok_or_else(|| {
        format!("--demo: its cards have the program {0}: add [programs.{0}] to the settings", seed::PROGRAM)
    })?;
    Ok(seed::demo(portfolio, program)?)
}

/// Why `--demo` does not open a folder.
pub(super) fn not_of_the_demo(data: &Path) -> String {
    format!("{}: --demo makes a new folder, and this one has no demo cards", data.display())
}

fn no_snapshot(data: &Path) -> String {
    format!("{}: {}", data.display(), contents::NO_SNAPSHOT)
}

/// Removes what an earlier run left unfinished: nothing will ever read it, and it takes the journal's room.
fn remove_unfinished(data: &Path) -> Result<(), Failure> {
    folder::remove_unfinished(data)
        .map_err(|error| format!("{}: {error}", data.join("snapshot").display()))?;
    journal::remove_unfinished(&data.join("journal"))?;
    for folder in [data.to_owned(), data.join("versions")] {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tmp") && path.is_file() {
                std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
    }
    Ok(())
}

/// What a new journal's chain begins with: no two journals are alike, so that parts of one are not taken for another's.
fn new_chain() -> Result<u32, Failure> {
    let mut chain = [0; 4];
    getrandom::fill(&mut chain).map_err(|error| format!("no random numbers from the system: {error}"))?;
    Ok(u32::from_le_bytes(chain))
}

/// A snapshot whose journal is about to be applied to it, and what is known of that.
struct Past<'a> {
    data: &'a Path,
    portfolio: &'a Portfolio,
    /// The last record before the snapshot was begun.
    floor: Mark,
    /// The last record that is in it.
    highest: Seq,
    high_water: Option<HighWater>,
}

/// Reads a journal from a record on.
type ReadFrom<'a> =
    dyn FnMut(Seq, &mut dyn FnMut(Entry<'_>) -> Result<(), Failure>) -> Result<Tail, JournalError> + 'a;

impl Past<'_> {
    /// Applies the journal, and makes sure that it is this snapshot's. Returns where it ends, and how many records it had.
    fn replay(&self, read: &mut ReadFrom<'_>, warnings: &mut Vec<String>) -> Result<(Tail, u64), Failure> {
        let noted = self.high_water.map(HighWater::mark);
        let (mut replayed, mut seen) = (0, None);
        let tail = read(self.floor.seq + 1, &mut |entry: Entry<'_>| {
            replayed += 1;
            if noted.is_some_and(|noted| noted.seq == entry.seq) {
                seen = Some(entry.chain);
            }
            replay(self.portfolio, entry.seq, &super::journal::decode(&entry)?)
        })?;
        self.check_end(&tail, warnings)?;
        if let Some(found) = tail.before {
            self.check_same("the snapshot", self.floor, found)?;
            if noted.is_some_and(|noted| noted.seq == self.floor.seq) {
                seen = Some(found);
            }
        }
        if let (Some(noted), Some(found)) = (noted, seen) {
            self.check_same("high-water", noted, found)?;
        }
        Ok((tail, replayed))
    }

    /// Whether snapshot, high water and journal fit each other, and what of the journal's end is worth a word.
    fn check_end(&self, tail: &Tail, warnings: &mut Vec<String>) -> Result<(), Failure> {
        let (data, last, highest) = (self.data.display(), tail.last, self.highest);
        if highest > last {
            return Err(format!(
                "{data}: the snapshot knows of record {highest}, but the journal ends with {last}: records are missing"
            )
            .into());
        }
        match self.high_water.map(|high_water| high_water.missing_records(last)) {
            Some(Some(missing)) => return Err(format!("{data}: {missing}").into()),
            Some(None) => {}
            None if last == 0 => {}
            None => warnings.push(format!(
                "{data}: nothing beside the journal says how far it had come, so that a lost end is not noticed; noted anew"
            )),
        }
        if let Some(torn) = &tail.torn {
            let (segment, offset, bytes) = (torn.segment.display(), torn.offset, torn.bytes);
            warnings.push(format!("torn tail: {bytes} bytes cut off in {segment} at offset {offset}"));
        }
        Ok(())
    }

    fn check_same(&self, name: &str, mark: Mark, found: u32) -> Result<(), Failure> {
        let Mark { seq, chain } = mark;
        if found == chain {
            return Ok(());
        }
        Err(format!(
            "{}: {name} is of another journal than journal/: at record {seq} its chain is {chain:08x}, and the journal's \
             {found:08x}; restore what belongs together; nothing was changed",
            self.data.display()
        )
        .into())
    }
}

/// The portfolio of a folder without a snapshot.
fn fill(
    settings: &Settings,
    data: &Path,
    key: &DataKey,
    when_new: WhenNew,
    journal: u32,
) -> Result<Portfolio, Failure> {
    let mut portfolio = empty(settings, key);
    match when_new {
        WhenNew::Refuse => return Err(no_folder(data).into()),
        WhenNew::Leave => return Ok(portfolio),
        WhenNew::Make => {}
        WhenNew::Demo => seed_demo(&mut portfolio)?,
    }
    // From now on there is always a snapshot that says which cards the journal speaks of.
    let options = WriteOptions { journal, ..WriteOptions::default() };
    folder::write_first(&portfolio, key, data, wall_us(), options)?;
    Ok(portfolio)
}

/// A program's index by its name.
pub(super) fn program(portfolio: &Portfolio, name: &str) -> Option<u16> {
    let place = portfolio.programs().iter().position(|program| program.name == name)?;
    u16::try_from(place).ok()
}

/// Applies a record of the journal to the portfolio it belongs to.
///
/// # Errors
/// It speaks of a card that the portfolio does not have.
pub(super) fn replay(portfolio: &Portfolio, seq: Seq, record: &Record) -> Result<(), Failure> {
    let card_is_there = record.card == NOBODY || portfolio.card_by_id(record.card).is_some();
    let account_is_there = record.account == NOBODY || portfolio.account(record.account).is_some();
    if !card_is_there || !account_is_there {
        let card = record.card;
        return Err(format!(
            "record {seq} changes card {card}, which the snapshot does not have: the two do not belong together"
        )
        .into());
    }
    portfolio.apply(record, seq);
    Ok(())
}

/// The programs of the settings, in the order of their indexes.
pub(super) fn programs(settings: &Settings) -> Vec<Program> {
    let programs = settings.programs.iter().map(|(name, program)| {
        let mcc = |list: &[settings::Mcc]| list.iter().map(|mcc| mcc.number()).collect::<Vec<_>>();
        let countries =
            |list: &[settings::Country]| list.iter().map(|country| country.number()).collect::<Vec<_>>();
        let lists = Lists {
            mcc_allow: &mcc(&program.mcc_allow),
            mcc_deny: &mcc(&program.mcc_deny),
            country_allow: &countries(&program.country_allow),
            country_deny: &countries(&program.country_deny),
        };
        Program::new(name, limits(&program.card_limits), limits(&program.account_limits), &lists)
    });
    programs.collect()
}

/// A portfolio without cards, as the settings shape it.
pub(super) fn empty(settings: &Settings, key: &DataKey) -> Portfolio {
    let window = Duration::from(settings.transactions.window_hours);
    let table = TableOptions { max: settings.transactions.max, window_us: window.as_micros() as i64 };
    Portfolio::new(programs(settings), table, key.hashing()).with_counters(settings.counters.max)
}

fn limits(from: &settings::Limits) -> Limits {
    let amount =
        |limit: Option<u64>| limit.map_or(UNLIMITED, |limit| i64::try_from(limit).unwrap_or(UNLIMITED));
    let count = |limit: Option<u32>| limit.map_or(UNLIMITED, i64::from);
    Limits {
        amount_per_transaction: amount(from.amount_per_transaction),
        amount_per_day: amount(from.amount_per_day),
        amount_per_month: amount(from.amount_per_month),
        count_per_day: count(from.count_per_day),
        count_per_month: count(from.count_per_month),
        cash_amount_per_transaction: amount(from.cash_amount_per_transaction),
        cash_amount_per_day: amount(from.cash_amount_per_day),
        cash_count_per_day: count(from.cash_count_per_day),
    }
}
