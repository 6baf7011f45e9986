//! Dates, times and conversion rates in words. Knows no message and no clock: a year that a field lacks stays out.

use super::table::Words;

/// What a field of digits holds, two digits a letter of the pattern: `C` and `Y` century and year, `M` month,
/// `D` day, `h`, `m`, `s`. A year without century is one of 2000 to 2099.
///
/// `None` where the digits are not all there or are no date: 0231 is said to be nothing, not 02-31.
pub(super) fn time(pattern: &str, value: &str, zone: &str) -> Words {
    if value.len() != pattern.len() * 2 || !value.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    // Where no year is told it may well be a leap year.
    let (mut text, mut month, mut leap) = (String::new(), 0, true);
    for (index, unit) in pattern.char_indices() {
        let digits = &value[index * 2..index * 2 + 2];
        let number: u8 = digits.parse().ok()?;
        let most = match unit {
            'M' => 12,
            'D' => days(month, leap),
            'h' => 23,
            'm' | 's' => 59,
            _ => 99,
        };
        if number > most || (matches!(unit, 'M' | 'D') && number == 0) {
            return None;
        }
        match unit {
            'Y' => leap = number.is_multiple_of(4),
            'M' => month = number,
            _ => {}
        }
        text.push_str(match unit {
            _ if index == 0 && unit == 'Y' => "20",
            _ if index == 0 => "",
            'M' | 'D' => "-",
            'h' => " ",
            'm' | 's' => ":",
            _ => "",
        });
        text.push_str(digits);
    }
    Some(format!("{text}{zone}").into())
}

fn days(month: u8, leap: bool) -> u8 {
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// DE9 and DE10: the first digit is the number of decimals, the other seven the number.
pub(super) fn rate(value: &str) -> Words {
    if value.len() != 8 || !value.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let (decimals, number) = (usize::from(value.as_bytes()[0] - b'0'), value[1..].parse::<u32>().ok()?);
    let digits = format!("{number:0width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    Some(
        if fraction.is_empty() { format!("rate {whole}") } else { format!("rate {whole}.{fraction}") }.into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_read_like_iso_8601() {
        for (pattern, value, words) in [
            ("MDhms", "1005123456", Some("10-05 12:34:56")),
            ("hms", "143456", Some("14:34:56")),
            ("MD", "0229", Some("02-29")),
            ("YM", "2912", Some("2029-12")),
            ("YMD", "261005", Some("2026-10-05")),
            ("YMDhms", "261005143456", Some("2026-10-05 14:34:56")),
            ("CYMD", "20261005", Some("2026-10-05")),
            ("CYMDhms", "20261005143456", Some("2026-10-05 14:34:56")),
            ("CYM", "202610", Some("2026-10")),
            ("YMD", "240229", Some("2024-02-29")),
            ("YMD", "250229", None),
            ("MD", "0230", None),
            ("MD", "0431", None),
            ("MD", "1301", None),
            ("MD", "0100", None),
            ("MD", "0010", None),
            ("hms", "240000", None),
            ("hms", "236000", None),
            ("hms", "235960", None),
            ("MD", "010", None),
            ("MD", "01011", None),
            ("MD", "01 1", None),
            ("MD", "+1+1", None),
        ] {
            assert_eq!(time(pattern, value, "").as_deref(), words, "{pattern} {value}");
        }
        assert_eq!(time("hms", "010203", " UTC").as_deref(), Some("01:02:03 UTC"));
    }

    #[test]
    fn rates_have_their_point() {
        for (value, words) in [
            ("61000000", Some("rate 1.000000")),
            ("69972522", Some("rate 9.972522")),
            ("40012345", Some("rate 1.2345")),
            ("00000150", Some("rate 150")),
            ("90000001", Some("rate 0.000000001")),
            ("6997252", None),
            ("6997252x", None),
        ] {
            assert_eq!(rate(value).as_deref(), words, "{value}");
        }
    }
}
