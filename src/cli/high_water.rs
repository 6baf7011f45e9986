//! How far a data folder's journal has come, in a second place beside it: a journal that lost its end, or an old copy of it,
//! reads like a whole one. Must not know what records mean.

use super::whole;
use crate::journal::{Journal, Mark, Seq};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const NAME: &str = "high-water";
/// Bytes beyond which it is none.
const LONGEST: u64 = 4096;
/// How often the last durable record is noted; a new segment is noted at once.
const EVERY: Duration = Duration::from_secs(10);

/// A segment and a record that are in the journal for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HighWater {
    /// The first record of the newest segment; 0 where no segment was begun.
    segment: Seq,
    /// The last record that was on the disk, and the chain value behind it.
    mark: Mark,
}

impl HighWater {
    /// That of a data folder. None where there is none that can be read: it is written anew.
    pub(super) fn read(data: &Path) -> Option<HighWater> {
        let path = data.join(NAME);
        fs::metadata(&path).ok().filter(|found| found.is_file() && found.len() <= LONGEST)?;
        let text = fs::read_to_string(path).ok()?;
        let (content, crc) = text.trim_end().rsplit_once(' ')?;
        let mut words = content.split(' ');
        let mut next = |name| words.next().filter(|word| *word == name).and(words.next())?.parse().ok();
        let (segment, seq) = (next("segment")?, next("record")?);
        let mark = Mark { seq, chain: u32::try_from(next("chain")?).ok()? };
        (crc == checksum(content)).then_some(HighWater { segment, mark })
    }

    /// Where a journal stands to which nothing is added; none where not all of it is on the disk.
    pub(super) fn of(journal: &Journal) -> Option<HighWater> {
        HighWater::reached(journal, journal.mark())
    }

    fn reached(journal: &Journal, mark: Mark) -> Option<HighWater> {
        (journal.durable() >= mark.seq).then(|| HighWater { segment: journal.segment(), mark })
    }

    /// Puts it in place for good.
    pub(super) fn write(self, data: &Path) -> std::io::Result<()> {
        let Mark { seq, chain } = self.mark;
        let content = format!("segment {} record {seq} chain {chain}", self.segment);
        whole::write(&data.join(NAME), format!("{content} {}\n", checksum(&content)).as_bytes())
    }

    /// The last record that the journal must have.
    pub(super) fn record(self) -> Seq {
        self.mark.seq
    }

    /// That record's chain value, which the same record of another journal has not.
    pub(super) fn mark(self) -> Mark {
        self.mark
    }

    /// What of it is not among the `segments` of a journal, in words.
    pub(super) fn missing_segment(self, segments: &[Seq]) -> Option<String> {
        let missing = self.segment > 0 && !segments.contains(&self.segment);
        missing.then(|| format!("journal/{:020}.seg, the newest segment, is missing", self.segment))
    }

    /// What a journal that ends with record `last` lacks of it, in words.
    pub(super) fn missing_records(self, last: Seq) -> Option<String> {
        let record = self.record();
        (record > last).then(|| {
            format!("record {record} was on the disk, but the journal ends with {last}: records are missing")
        })
    }
}

fn checksum(content: &str) -> String {
    format!("{:08x}", crc32c::crc32c(content.as_bytes()))
}

/// Notes how far a running switch's journal has come.
pub(super) struct Keeper {
    noted: Option<HighWater>,
    /// What is to be noted next, once it is on the disk.
    next: Mark,
    noted_at: Instant,
    failing: bool,
}

impl Keeper {
    /// Notes where the journal begins, before anything in it is acknowledged: that it was there.
    pub(super) fn begin(data: &Path, journal: &Journal, now: Instant) -> Keeper {
        let mut keeper = Keeper { noted: None, next: journal.mark(), noted_at: now, failing: false };
        keeper.keep(data, journal, now);
        keeper
    }

    /// Notes it where a segment was begun, or some time has passed and records have come.
    pub(super) fn keep(&mut self, data: &Path, journal: &Journal, now: Instant) {
        let Some(reached) = HighWater::reached(journal, self.next) else { return };
        self.next = journal.mark();
        let is_new = self.noted.is_none_or(|noted| noted.segment != reached.segment);
        let is_later = self.noted != Some(reached) && now.saturating_duration_since(self.noted_at) >= EVERY;
        if !is_new && !is_later {
            return;
        }
        match reached.write(data) {
            Ok(()) => (self.noted, self.noted_at, self.failing) = (Some(reached), now, false),
            // Tried again at the next look, and said once.
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(%error, "how far the journal has come is not noted beside it; tried again");
            }
            Err(_) => {}
        }
    }
}
