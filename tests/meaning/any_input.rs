//! No input panics; whatever is said is one short line of printable ASCII, and never a card number.

use super::{MASTERCARD, VISA};
use authswitch::message::meaning::{Edition, LONGEST, amount, bits, currency_of, of};
use proptest::prelude::*;
use proptest::sample::select;

fn pieces() -> impl Strategy<Value = Vec<String>> {
    let names =
        ["1", "2", "3", "4", "5", "10", "11", "12", "13", "TCC", "42", "61", "83", "84", "87", "0", "\u{e9}"];
    let tags =
        ["82", "84", "95", "9A", "9B", "9C", "50", "8A", "5A", "57", "5F20", "5F24", "5F28", "5F2A", "5F30"];
    let more = [
        "5F34", "5F36", "9F02", "9F06", "9F10", "9F12", "9F15", "9F1A", "9F1E", "9F21", "9F27", "9F33",
        "9F34",
    ];
    let last = ["9F35", "9F36", "9F39", "9F66", "9F6B"];
    let all: Vec<&str> = [&names[..], &tags, &more, &last].concat();
    prop::collection::vec(select(all).prop_map(str::to_owned), 0..=2)
}

/// Values of every kind, near those that mean something: digits, hexadecimal, text, anything.
fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{0,48}",
        "[0-9A-F]{0,40}",
        "[ -~]{0,44}",
        "([0-9]{7}[CD][0-9]{12}){1,7}",
        any::<String>()
    ]
}

fn editions() -> impl Strategy<Value = Edition> {
    (0..=9u8, select(vec![None, VISA, MASTERCARD])).prop_map(|(version, scheme)| Edition { version, scheme })
}

fn one_line(words: &str) -> bool {
    (1..=LONGEST).contains(&words.len()) && words.bytes().all(|c| c.is_ascii_graphic() || c == b' ')
}

/// Elements whose content is no text of fixed meaning come more often than by chance.
fn elements() -> impl Strategy<Value = u8> {
    prop_oneof![0..=255u8, select(vec![3, 22, 43, 44, 48, 54, 55, 56, 60, 61, 63, 90, 95])]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_value_makes_one_line_or_none(
        edition in editions(), de in elements(), path in pieces(), value in values(), currency in "[0-9A-Z]{0,4}"
    ) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Some(words) = of(edition, de, &path, &value) {
            prop_assert!(one_line(&words), "{words:?}");
        }
        if let Some(words) = amount(&value, &currency) {
            prop_assert!(one_line(&words), "{words:?}");
        }
        currency_of(edition, de, &path);
        bits(path.last().unwrap_or(&""), &value);
    }

    #[test]
    fn a_card_number_is_never_said(
        edition in editions(), de in elements(), path in pieces(), pan in "[3-6][0-9]{11,18}",
        before in "[0-9 =D^;]{0,12}", after in "[0-9 =D^]{0,30}", spelled in any::<bool>()
    ) {
        let mut value = format!("{before}{pan}{after}");
        if spelled {
            value = value.bytes().map(|c| format!("{c:02X}")).collect();
        }
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        // Amounts of twelve digits and more are the one thing that is said whole; thousands stand apart in them.
        let words = of(edition, de, &path, &value).unwrap_or_default();
        let longest = words.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        prop_assert!(longest < Some(12), "{words:?}");
        let money = matches!((edition.version, de), (2, 4..=6 | 8 | 30) | (_, 54));
        let digits: String = words.chars().filter(char::is_ascii_digit).collect();
        prop_assert!(money || !digits.contains(&pan), "{words:?}");
    }
}
