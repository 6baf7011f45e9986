//! Times that stand in the lines of logs. Knows no line but its own.

/// The first time in a line as RFC 3339 writes it, in microseconds since 1970; without a zone it counts as UTC.
pub(super) fn time_of(line: &str) -> Option<u64> {
    let digit = |at: usize| line.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let at = line.match_indices('-').find_map(|(dash, _)| {
        let start = dash.checked_sub(4)?;
        let is_date = (start..dash).all(digit) && digit(dash + 1) && digit(dash + 2);
        (is_date && line.as_bytes().get(dash + 3) == Some(&b'-')).then_some(start)
    })?;
    let rest = &line[at..];
    let length = rest.bytes().take_while(|c| c.is_ascii_digit() || b"-:.,TtZz+ ".contains(c)).count();
    // A space may part date and time, and nothing behind them.
    let text = &rest[..length];
    let end = text.get(11..).and_then(|clock| clock.find(' ')).map_or(text.len(), |space| 11 + space);
    let text = text[..end].trim_end_matches([',', '.', ':', '-', '+']).replace(',', ".");
    let micros = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.as_microsecond(),
        Err(_) => text
            .parse::<jiff::civil::DateTime>()
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_microsecond(),
    };
    u64::try_from(micros).ok()
}

/// The time of an entry of jPOS's log as it was written before RFC 3339: `at="Fri Nov 29 22:09:49 UTC 2013.123"`. The
/// zone's name says nothing certain: it counts as UTC.
pub(super) fn time_of_entry(line: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let text = line.split("at=\"").nth(1)?.split('"').next()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, clock, _, year] = words[..] else { return None };
    let month = MONTHS.find(month).filter(|at| month.len() == 3 && at % 3 == 0)? / 3 + 1;
    let (year, fraction) = year.split_once('.').unwrap_or((year, "0"));
    time_of(&format!("{year}-{month:02}-{day:0>2}T{clock}.{fraction}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_older_entries_are_found() {
        let at = |text: &str| time_of_entry(&format!("<log realm=\"channel\" at=\"{text}\">"));
        assert_eq!(at("Thu Jan 15 12:34:56 UYT 2026.789"), Some(1_768_480_496_789_000));
        assert_eq!(at("Thu Foo 15 12:34:56 UYT 2026.789"), None);
        assert_eq!(at("Thu Jan 45 12:34:56 UYT 2026.789"), None);
        assert_eq!(at(""), None);
    }

    #[test]
    fn times_are_found() {
        const AT: u64 = 1_768_480_496_000_000;
        let table = [
            ("2026-01-15T12:34:56Z in", Some(AT)),
            ("{\"time\":\"2026-01-15T12:34:56.789012Z\"}", Some(AT + 789_012)),
            ("2026-01-15 12:34:56,789 INFO 3031", Some(AT + 789_000)),
            ("[2026-01-15T13:34:56.5+01:00] x", Some(AT + 500_000)),
            ("2026-01-15 without a time", None),
            ("12:34:56 INFO", None),
            ("2026-99-15T12:34:56Z", None),
        ];
        for (line, expected) in table {
            assert_eq!(time_of(line).filter(|_| !line.contains("without")), expected, "{line}");
        }
    }
}
