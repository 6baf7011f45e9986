//! A data folder's state as it was before one of its records. Reads only: the switch may be running on it.

use super::data::{self, Failure};
use crate::journal::{self, Entry, JournalError, Seq};
use crate::portfolio::{Portfolio, Record, folder};
use crate::settings::Settings;
use crate::vault::DataKey;
use std::path::Path;

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
    Ok(DataKey::load(key_file, data)?)
}

/// The state before record `before`, and how many records it took to get there.
pub(super) fn before(
    settings: &Settings,
    key: &DataKey,
    data: &Path,
    before: Seq,
) -> Result<(Portfolio, u64), Failure> {
    let loaded = folder::load_before(data, key, before, || data::empty(settings, key))?;
    let loaded = loaded.ok_or_else(|| {
        format!(
            "{}: no snapshot from before record {before}: its cards, or the record, came from elsewhere",
            data.display()
        )
    })?;
    let (portfolio, floor) = (loaded.portfolio, loaded.facts.floor);
    each(data, floor + 1, before, &mut |seq, record| data::replay(&portfolio, seq, record))?;
    Ok((portfolio, before - 1 - floor))
}

/// Shows the records from `from` up to the one before `to` (or the last there is), in order.
pub(super) fn each(
    data: &Path,
    from: Seq,
    to: Seq,
    visit: &mut dyn FnMut(Seq, &Record) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut ended = false;
    let scanned = journal::scan(&data.join("journal"), from, &mut |entry: Entry<'_>| {
        if entry.seq >= to {
            ended = true;
            // The rest is of no interest: a visitor that fails ends the scan.
            return Err(Failure::from("ended"));
        }
        visit(entry.seq, &super::journal::decode(&entry)?)
    });
    match scanned {
        Err(_) if ended => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// The last record there is.
pub(super) fn last(data: &Path) -> Result<Seq, Failure> {
    // Only the last segment is read: the rest ends before what is asked for.
    match journal::scan(&data.join("journal"), Seq::MAX, &mut |_: Entry<'_>| Ok::<(), Failure>(())) {
        Err(JournalError::Absent { last, .. }) => Ok(last),
        Err(error) => Err(error.into()),
        Ok(tail) => Ok(tail.last),
    }
}
