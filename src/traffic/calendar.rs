//! Unix seconds <-> the digits that ISO 8583 writes for time: DE7, DE12, DE13 and the usual start of DE37.
//! Knows no clock: the seconds are an argument.

/// One second in UTC, split for writing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    year: u32,
    month: u32,
    day: u32,
    day_of_year: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Moment {
    /// Seconds since 1970-01-01T00:00:00Z, up to the year 9999.
    pub(super) fn from_unix(seconds: u64) -> Moment {
        // Civil date from a day count (Hinnant): the year starts in March, so that February's end is the year's.
        let days = (seconds / 86_400) as u32;
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let of_era = shifted % 146_097;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u32::from(month <= 2);
        let leap =
            u32::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)));
        let day_of_year = if month <= 2 { of_year - 305 } else { of_year + 60 + leap };
        let of_day = (seconds % 86_400) as u32;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        Moment { year, month, day, day_of_year, hour, minute, second }
    }

    /// DE7: MMDDhhmmss.
    pub(super) fn transmission(self) -> [u8; 10] {
        let mut digits = [0; 10];
        digits[..4].copy_from_slice(&self.local_date());
        digits[4..].copy_from_slice(&self.local_time());
        digits
    }

    /// DE12: hhmmss.
    pub(super) fn local_time(self) -> [u8; 6] {
        let [h1, h2] = two(self.hour);
        let [m1, m2] = two(self.minute);
        let [s1, s2] = two(self.second);
        [h1, h2, m1, m2, s1, s2]
    }

    /// DE13: MMDD.
    pub(super) fn local_date(self) -> [u8; 4] {
        let [m1, m2] = two(self.month);
        let [d1, d2] = two(self.day);
        [m1, m2, d1, d2]
    }

    /// DE37 in its usual form YDDDhhnnnnnn: last digit of the year, day of the year, hour, then the STAN.
    pub(super) fn reference(self, stan: u32) -> [u8; 12] {
        let [h1, h2] = two(self.hour);
        let [d1, d2] = two(self.day_of_year / 10);
        let mut digits = [0; 12];
        digits[..6].copy_from_slice(&[digit(self.year), d1, d2, digit(self.day_of_year), h1, h2]);
        digits[6..].copy_from_slice(&six(stan));
        digits
    }

    /// YYMMDD, as tag 9A of chip data has it.
    pub(super) fn chip_date(self) -> [u8; 6] {
        let [y1, y2] = two(self.year % 100);
        let [m1, m2, d1, d2] = self.local_date();
        [y1, y2, m1, m2, d1, d2]
    }
}

/// Seconds since 1970 at the start of a day written YYYY-MM-DD, from 1970 to 9999; `None` for anything else.
pub fn day_from_text(text: &str) -> Option<u64> {
    let date: jiff::civil::Date = text.parse().ok()?;
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(zoned.timestamp().as_second()).ok()
}

/// Six ASCII digits of `number` modulo a million.
pub(super) fn six(number: u32) -> [u8; 6] {
    let [a, b] = two(number / 10_000 % 100);
    let [c, d] = two(number / 100 % 100);
    let [e, f] = two(number % 100);
    [a, b, c, d, e, f]
}

fn two(number: u32) -> [u8; 2] {
    [digit(number / 10), digit(number)]
}

fn digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_calendar_library() {
        // 1970 to 2100 in steps that meet every hour, month end and leap day.
        for seconds in (0..4_102_444_800u64).step_by(39_119) {
            let zoned =
                jiff::Timestamp::from_second(seconds as i64).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            let moment = Moment::from_unix(seconds);
            let transmission = String::from_utf8(moment.transmission().to_vec()).unwrap();
            assert_eq!(transmission, zoned.strftime("%m%d%H%M%S").to_string(), "{seconds}");
            let reference = String::from_utf8(moment.reference(123).to_vec()).unwrap();
            let expected = format!("{}{}000123", zoned.year() % 10, zoned.strftime("%j%H"));
            assert_eq!(reference, expected, "{seconds}");
            assert_eq!(moment.chip_date().to_vec(), zoned.strftime("%y%m%d").to_string().into_bytes());
        }
    }

    #[test]
    fn a_day_is_read_from_text() {
        assert_eq!(day_from_text("2026-01-15"), Some(1_768_435_200));
        for wrong in ["2026-02-30", "15.01.2026", "", "1969-12-31"] {
            assert_eq!(day_from_text(wrong), None, "{wrong}");
        }
    }
}
