//! One end of a stretch of the journal, as it stands on a command line: the number of a record, or a time. Must not know
//! who reads the stretch.

use crate::journal::Seq;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use std::str::FromStr;

/// What `--from` and `--to` may be, for `--help`.
pub(super) const FORMS: &str = "Times are of UTC where they name no zone: 2026-11-25, 2026-11-25T09:30, \
    2026-11-25T10:30+01:00, or counted back from now: -15m, -2h30m, -1d. A date given to --to means all of that day, \
    any other time the moment before which a record was made.";

/// The number of a record, or a time in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Record(Seq),
    Time(i64),
    /// The first moment of a day and of the one after it.
    Day(i64, i64),
}

impl Bound {
    /// As a begin: a record's number, or the time from which records count.
    pub(super) fn begin(self) -> (Option<Seq>, Option<i64>) {
        match self {
            Bound::Record(seq) => (Some(seq), None),
            Bound::Time(us) | Bound::Day(us, _) => (None, Some(us)),
        }
    }

    /// As an end: a record's number, which is the last, or the time from which records count no more.
    pub(super) fn end(self) -> (Option<Seq>, Option<i64>) {
        match self {
            Bound::Record(seq) => (Some(seq), None),
            Bound::Time(us) | Bound::Day(_, us) => (None, Some(us)),
        }
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Bound, String> {
        parse(text, Timestamp::now()).ok_or_else(|| {
            "neither the number of a record nor a time such as 2026-11-01T00:00:00Z, 2026-11-01 or -15m"
                .into()
        })
    }
}

fn parse(text: &str, now: Timestamp) -> Option<Bound> {
    if let Ok(seq) = text.parse() {
        return Some(Bound::Record(seq));
    }
    if let Some(back) = text.strip_prefix('-') {
        let span: Span = back.parse().ok().filter(|span: &Span| span.signum() >= 0)?;
        // Days and weeks need a calendar.
        let then = now.to_zoned(TimeZone::UTC).checked_sub(span).ok()?;
        return Some(Bound::Time(then.timestamp().as_microsecond()));
    }
    let utc = |time: DateTime| Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond());
    if text.len() == "2026-11-25".len() {
        let day: Date = text.parse().ok()?;
        let next = day.checked_add(1.day()).ok()?;
        return Some(Bound::Day(utc(day.into())?, utc(next.into())?));
    }
    match text.parse::<Timestamp>() {
        Ok(time) => Some(Bound::Time(time.as_microsecond())),
        Err(_) => Some(Bound::Time(utc(text.parse().ok()?)?)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_in_every_form() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        let now = "2026-11-25T12:00:00Z".parse().unwrap();
        let rows = [
            ("0", Some(Bound::Record(0))),
            ("48213", Some(Bound::Record(48_213))),
            ("2026-11-25T09:30:00Z", Some(Bound::Time(at("2026-11-25T09:30:00Z")))),
            ("2026-11-25T09:30", Some(Bound::Time(at("2026-11-25T09:30:00Z")))),
            ("2026-11-25T10:30:00.5+01:00", Some(Bound::Time(at("2026-11-25T09:30:00.5Z")))),
            ("2024-02-29", Some(Bound::Day(at("2024-02-29T00:00:00Z"), at("2024-03-01T00:00:00Z")))),
            ("-15m", Some(Bound::Time(at("2026-11-25T11:45:00Z")))),
            ("-2h30m", Some(Bound::Time(at("2026-11-25T09:30:00Z")))),
            ("-1d", Some(Bound::Time(at("2026-11-24T12:00:00Z")))),
            ("2026-02-30", None),
            ("-", None),
            ("--15m", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text, now), expected, "{text}");
        }
    }
}
