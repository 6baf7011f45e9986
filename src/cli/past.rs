//! A data folder's state as it was before one of its records. Reads only: the switch may be running on it.

use super::data::{self, Failure};
use crate::journal::{self, Entry, JournalError, Seq};
use crate::portfolio::{AccountId, CardId, Event, Glance, NOBODY, Portfolio, Record, TransactionKey, folder};
use crate::settings::Settings;
use crate::vault::DataKey;
use std::path::Path;
use std::sync::Arc;

/// The key of a data folder that is there already.
///
/// # Errors
/// There is no such folder: a key made now would open nothing.
pub(super) fn key(settings: &Settings, data: &Path) -> Result<DataKey, Failure> {
    let journal = data.join("journal");
    if !journal.is_dir() {
        return Err(format!("{}: not a data folder: no journal in it", data.display()).into());
    }
    let key_file = Some(settings.vault.key_file.as_path()).filter(|path| !path.as_os_str().is_empty());
    Ok(DataKey::open_existing(key_file, data)?)
}

/// What records must be of to matter to one of them.
pub(super) struct Touch {
    pub card: CardId,
    pub account: AccountId,
    pub keys: Vec<TransactionKey>,
    pub counters: Vec<u64>,
}

impl Touch {
    fn is_touched(&self, glance: &Glance) -> bool {
        let is = |mine: u32, theirs: u32| mine == theirs && mine != NOBODY;
        is(self.card, glance.card)
            || is(self.account, glance.account)
            || glance.event == Event::CountersSwept
            || glance.keys.iter().any(|key| self.keys.contains(key))
            || glance.counters.iter().any(|counter| *counter != 0 && self.counters.contains(counter))
    }
}

/// A snapshot from before a record, on its way to the state before it.
pub(super) struct Base<'a> {
    data: &'a Path,
    pub portfolio: Arc<Portfolio>,
    floor: Seq,
}

/// The nearest snapshot from before record `before`.
pub(super) fn base<'a>(
    settings: &Settings,
    key: &DataKey,
    data: &'a Path,
    before: Seq,
) -> Result<Base<'a>, Failure> {
    let loaded = folder::load_before(data, key, before, || data::empty(settings, key))?;
    let loaded = loaded.ok_or_else(|| {
        format!(
            "{}: no snapshot from before record {before}: its cards, or the record, came from elsewhere",
            data.display()
        )
    })?;
    Ok(Base { data, portfolio: Arc::new(loaded.portfolio), floor: loaded.facts.floor })
}

impl Base<'_> {
    /// Applies the records up to the one before `before`: all of them, or those alone that touch what is named, which is
    /// many times faster and leaves everything else as it was. Returns how many records that was the way of.
    pub(super) fn replay(&self, before: Seq, only: Option<&Touch>) -> Result<u64, Failure> {
        entries(self.data, self.floor + 1, before, &mut |entry| {
            let glance = only.map(|touch| (touch, Record::glance(entry.body)));
            // What cannot be read at a glance is read whole, and says why it cannot.
            if matches!(glance, Some((touch, Some(glance))) if !touch.is_touched(&glance)) {
                return Ok(());
            }
            data::replay(&self.portfolio, entry.seq, &super::journal::decode(&entry)?)
        })?;
        Ok(before - 1 - self.floor)
    }
}

/// The state before record `before`.
pub(super) fn before(
    settings: &Settings,
    key: &DataKey,
    data: &Path,
    before: Seq,
) -> Result<Arc<Portfolio>, Failure> {
    let base = base(settings, key, data, before)?;
    base.replay(before, None)?;
    Ok(base.portfolio)
}

/// Shows the records from `from` up to the one before `to` (or the last there is), in order.
pub(super) fn each(
    data: &Path,
    from: Seq,
    to: Seq,
    visit: &mut dyn FnMut(Seq, &Record) -> Result<(), Failure>,
) -> Result<(), Failure> {
    entries(data, from, to, &mut |entry| visit(entry.seq, &super::journal::decode(&entry)?))
}

/// The same without reading the records.
fn entries(
    data: &Path,
    from: Seq,
    to: Seq,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut ended = false;
    let scanned = journal::read(&data.join("journal"), from, &mut |entry: Entry<'_>| {
        if entry.seq >= to {
            ended = true;
            // The rest is of no interest: a visitor that fails ends the scan.
            return Err(Failure::from("ended"));
        }
        visit(entry)
    });
    match scanned {
        Err(error) if !ended => Err(error.into()),
        _ => Ok(()),
    }
}

/// The records of messages whose glance is wanted, in order.
pub(super) fn find(data: &Path, wanted: &dyn Fn(&Glance) -> bool) -> Result<Vec<(Seq, Record)>, Failure> {
    let mut found = Vec::new();
    journal::read(&data.join("journal"), 1, &mut |entry: Entry<'_>| {
        if Record::glance(entry.body).is_none_or(|glance| wanted(&glance)) {
            found.push((entry.seq, super::journal::decode(&entry)?));
        }
        Ok::<(), Failure>(())
    })?;
    Ok(found)
}

/// The last record there is.
pub(super) fn last(data: &Path) -> Result<Seq, Failure> {
    // Only the last segment is read: the rest ends before what is asked for.
    match journal::read(&data.join("journal"), Seq::MAX, &mut |_: Entry<'_>| Ok::<(), Failure>(())) {
        Err(JournalError::Absent { last, .. }) => Ok(last),
        Err(error) => Err(error.into()),
        Ok(tail) => Ok(tail.last),
    }
}
