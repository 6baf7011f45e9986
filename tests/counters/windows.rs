//! Where days, weeks, months and years begin and end, by the clocks of a zone.

use authswitch::portfolio::{Place, Window};
use proptest::prelude::*;

const SECOND_US: i64 = 1_000_000;

fn seconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn calendar_windows_begin_and_end_where_the_zones_clocks_do() {
    for (zone, unit, time, first, end) in [
        // 23 and 25 hours.
        ("Europe/Prague", "day", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("Europe/Prague", "day", "2026-10-25T00:30:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("Europe/Prague", "month", "2026-10-31T22:59:59Z", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        // A shift of 30 minutes.
        (
            "Australia/Lord_Howe",
            "day",
            "2026-04-05T00:00:00Z",
            "2026-04-04T13:00:00Z",
            "2026-04-05T13:30:00Z",
        ),
        // The day that never was: Samoa went from the 29th to the 31st.
        ("Pacific/Apia", "day", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "day", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
        ("Pacific/Apia", "week", "2011-12-30T12:00:00Z", "2011-12-26T10:00:00Z", "2012-01-01T10:00:00Z"),
        ("Pacific/Apia", "month", "2011-12-30T09:00:00Z", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"),
        // Clocks went back from 00:01 to 23:01 of the day before: the new day goes on.
        ("America/St_Johns", "day", "2010-11-07T02:45:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"),
        ("America/St_Johns", "day", "2010-11-07T02:29:59Z", "2010-11-06T02:30:00Z", "2010-11-07T02:30:00Z"),
        // A midnight that never was.
        ("America/Sao_Paulo", "day", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
        ("Asia/Kathmandu", "month", "2026-02-10T00:00:00Z", "2026-01-31T18:15:00Z", "2026-02-28T18:15:00Z"),
        ("America/New_York", "year", "2026-07-01T00:00:00Z", "2026-01-01T05:00:00Z", "2027-01-01T05:00:00Z"),
        ("UTC", "week", "2026-01-01T00:00:00Z", "2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z"),
        ("UTC", "week", "1970-01-04T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-05T00:00:00Z"),
        ("UTC", "month", "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("UTC", "day", "2099-12-31T23:59:59Z", "2099-12-31T00:00:00Z", "2100-01-01T00:00:00Z"),
    ] {
        let window = Window::parse(unit, zone).unwrap();
        let place = window.at(seconds(time) * SECOND_US);
        assert_eq!(i64::from(place.until_s), seconds(end), "end of the {unit} of {time} in {zone}");
        let at = |second: i64| window.at(second * SECOND_US);
        assert_eq!(at(seconds(first)), place, "first second of the {unit} of {time} in {zone}");
        assert_eq!(at(seconds(end) - 1), place, "last second of the {unit} of {time} in {zone}");
        assert!(at(seconds(end)).ordinal > place.ordinal, "after the {unit} of {time} in {zone}");
        if seconds(first) > 0 {
            assert!(at(seconds(first) - 1).ordinal < place.ordinal, "before the {unit} of {time} in {zone}");
        }
    }
}

proptest! {
    /// Judged by the library that the table was made from, asked for one time alone.
    #[test]
    fn days_are_those_that_clocks_have_reached(
        zone in prop::sample::select(vec![
            "UTC", "Europe/Prague", "Europe/Dublin", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia",
            "Pacific/Kwajalein", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "America/Havana",
            "Asia/Gaza", "Africa/Monrovia", "Antarctica/Troll",
        ]),
        second in 0i64..4_102_444_800,
    ) {
        let window = Window::parse("day", zone).unwrap();
        let shown = |second: i64| {
            let time = jiff::Timestamp::from_second(second).unwrap().to_zoned(
                jiff::tz::TimeZoneDatabase::bundled().get(zone).unwrap(),
            );
            let monday = jiff::civil::date(1969, 12, 29);
            i64::from((time.date() - monday).get_days())
        };
        let ordinal = |second: i64| i64::from(window.at(second * SECOND_US).ordinal);
        // No clock goes back by more than a day.
        let reached = (0..=24).map(|hours| shown((second - hours * 3_600).max(0))).max().unwrap();
        prop_assert!(ordinal(second) >= reached);
        prop_assert!(ordinal(second) <= reached.max(shown(second)) + 1);
        let until = i64::from(window.at(second * SECOND_US).until_s);
        prop_assert!(second < until && until <= second + 50 * 3_600);
        prop_assert_eq!(ordinal(until - 1), ordinal(second));
        prop_assert!(ordinal(until) > ordinal(second));
        // A day begins when clocks show it, and lasts while they show it.
        prop_assert_eq!(ordinal(until), shown(until));
    }
}

#[test]
fn trailing_windows_count_what_lies_within_and_at_most_a_sixteenth_more() {
    for (text, seconds, parts, part_us) in [
        ("1s", 1, 2, SECOND_US),
        ("15s", 15, 16, SECOND_US),
        ("30s", 30, 17, 1_875_000),
        ("15m", 900, 17, 56_250_000),
        ("24h", 86_400, 17, 5_400 * SECOND_US),
        ("400d", 34_560_000, 17, 2_160_000 * SECOND_US),
    ] {
        let window = Window::parse(text, "").unwrap();
        assert_eq!(window, Window::Trailing { seconds });
        let time_us = 1_800_000_000 * SECOND_US;
        let ordinal = time_us / part_us;
        let until_s = ((ordinal + parts) * part_us + SECOND_US - 1) / SECOND_US;
        let place = Place { ordinal: ordinal as u32, until_s: until_s as u32, parts: parts as u8 };
        assert_eq!(window.at(time_us), place, "{text}");
        // The parts before the one that is filled cover the window.
        assert!((parts - 1) * part_us >= i64::from(seconds) * SECOND_US, "{text}");
    }
}

#[test]
fn texts_are_read_or_refused_with_what_is_allowed() {
    for text in ["transaction", "lifetime", "day", "week", "month", "year", "1s", "45m", "36h", "400d"] {
        assert_eq!(Window::parse(text, "Europe/Prague").unwrap().to_string(), text);
    }
    for (text, same) in [("60s", "1m"), ("48h", "2d"), ("0100s", "100s")] {
        assert_eq!(Window::parse(text, "").unwrap().to_string(), same);
    }
    for text in [
        "",
        "s",
        "0s",
        "401d",
        "1.5h",
        "+1h",
        "-1h",
        "1 h",
        "h1",
        "1w",
        "Day",
        "99999999999999d",
        "4294967297s",
    ] {
        let error = Window::parse(text, "UTC").unwrap_err();
        assert!(error.starts_with(&format!("\"{text}\" is no window; expected")), "{error}");
    }
    for (zone, nearest) in [("europe/prage", "Europe/Prague"), ("Amerika/New_York", "America/New_York")] {
        let error = Window::parse("day", zone).unwrap_err();
        assert_eq!(error, format!("there is no time zone \"{zone}\"; the nearest is \"{nearest}\""));
    }
    assert!(Window::parse("day", "").unwrap_err().contains("expected an IANA name"));
    // Only parts of the calendar have clocks.
    assert!(Window::parse("24h", "Nowhere").is_ok());
}

#[test]
fn times_that_cannot_be_told_are_the_nearest() {
    for window in ["day", "week", "month", "year", "1s", "400d", "lifetime", "transaction"] {
        let window = Window::parse(window, "America/New_York").unwrap();
        assert_eq!(window.at(i64::MIN), window.at(0));
        assert_eq!(window.at(i64::MAX), window.at(4_294_967_294 * SECOND_US));
    }
    assert_eq!(Window::Lifetime.at(5), Place { ordinal: 0, until_s: u32::MAX, parts: 0 });
}
