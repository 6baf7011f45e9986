//! A time zone as a table of offsets, read once from the tz database that is part of the program, so that every machine
//! decides alike. Must not read a clock or a file.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::fmt;
use std::sync::Arc;

/// Seconds in a day without a shift.
const DAY_S: i64 = 86_400;
/// Days from Monday, 1969-12-29, to 1970-01-01: weeks begin on Monday, and no zone's first day is negative.
pub(super) const FROM_MONDAY: i64 = 3;
/// 2100-01-01T00:00:00Z: what a zone does later nobody decides today.
const END_S: i64 = 4_102_444_800;

/// A time zone: its local days from 1970 to 2099, which begin where its clocks reach them for the first time. Where
/// clocks go back over midnight, the day that had begun goes on: a window never opens twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: Arc<str>,
    spans: Arc<[Span]>,
}

/// A time of one offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// When it begins, seconds since 1970.
    from_s: u32,
    offset_s: i32,
    /// The latest day reached before it.
    reached: u32,
}

impl Span {
    /// The day that clocks show.
    fn shown(&self, time_s: u32) -> u32 {
        let local = i64::from(time_s) + i64::from(self.offset_s);
        (local.div_euclid(DAY_S) + FROM_MONDAY).max(0) as u32
    }

    fn day(&self, time_s: u32) -> u32 {
        self.shown(time_s).max(self.reached)
    }
}

impl Zone {
    /// The zone of this IANA name, such as `Europe/Prague` or `UTC`.
    ///
    /// # Errors
    /// There is no such zone: the nearest name is told.
    pub fn load(name: &str) -> Result<Zone, String> {
        let database = TimeZoneDatabase::bundled();
        let zone = database.get(name).map_err(|_| unknown(name, &database))?;
        let mut spans = vec![Span { from_s: 0, offset_s: offset(&zone, Timestamp::UNIX_EPOCH), reached: 0 }];
        for transition in zone.following(Timestamp::UNIX_EPOCH) {
            let at = transition.timestamp().as_second();
            if at >= END_S {
                break;
            }
            let before = spans[spans.len() - 1];
            let (from_s, offset_s) = (at as u32, transition.offset().seconds());
            // A transition may change no more than the zone's abbreviation.
            if offset_s != before.offset_s {
                spans.push(Span { from_s, offset_s, reached: before.day(from_s - 1) });
            }
        }
        Ok(Zone { name: zone.iana_name().unwrap_or(name).into(), spans: spans.into() })
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn span(&self, time_s: u32) -> usize {
        // The first one begins at 0.
        self.spans.partition_point(|span| span.from_s <= time_s) - 1
    }

    /// The local day of a time, and the place from which [`Zone::first_second`] goes on. Days are counted from Monday,
    /// 1969-12-29, and never fall when time rises.
    pub(super) fn day(&self, time_s: u32) -> (u32, usize) {
        let span = self.span(time_s);
        (self.spans[span].day(time_s), span)
    }

    /// The first second of a local day that is later than the one at `span`; where the zone has skipped that day, of
    /// the one after it. `u32::MAX` when seconds since 1970 do not reach it.
    pub(super) fn first_second(&self, day: u32, mut span: usize) -> u32 {
        let midnight = (i64::from(day) - FROM_MONDAY) * DAY_S;
        loop {
            let Span { from_s, offset_s, .. } = self.spans[span];
            let at = (midnight - i64::from(offset_s)).max(i64::from(from_s));
            span += 1;
            if self.spans.get(span).is_none_or(|next| at < i64::from(next.from_s)) {
                return u32::try_from(at).unwrap_or(u32::MAX);
            }
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name).finish()
    }
}

fn offset(zone: &TimeZone, at: Timestamp) -> i32 {
    zone.to_offset(at).seconds()
}

fn unknown(name: &str, database: &TimeZoneDatabase) -> String {
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    let nearest = database.available().map(|known| known.to_string()).min_by_key(|known| distance(known));
    match nearest.filter(|nearest| distance(nearest) <= nearest.len() / 2) {
        Some(nearest) => format!("there is no time zone \"{name}\"; the nearest is \"{nearest}\""),
        None => format!("there is no time zone \"{name}\"; expected an IANA name such as \"Europe/Prague\""),
    }
}
