//! Addresses of parts: what they lead to in messages, and what is said of those that lead nowhere.

#![allow(clippy::unwrap_used)]

#[path = "layouts/dialects.rs"]
mod dialects;
#[path = "layouts/look.rs"]
mod look;

use dialects::{dialect, show};
use look::{frame, with};

const TRACE: &str = "010000012310051234560000012345600000000000";

/// (dialect, field, value, address, what is there, room for what is decoded).
type Case = (&'static str, u8, &'static str, &'static str, Option<&'static str>, usize);
const PARTS: &[Case] = &[
    ("iso87-ascii", 90, TRACE, "90", Some(TRACE), 0),
    ("iso87-ascii", 90, TRACE, "90.stan", Some("000123"), 0),
    ("iso87-bcd", 90, TRACE, "90.stan", Some("000123"), 42),
    ("iso87-bcd", 90, TRACE, "90.acquirer", Some("00000123456"), 42),
    ("iso87-bcd", 22, "051", "22.pan", Some("05"), 3),
    ("iso87-bcd", 90, TRACE, "3.type", None, 6),
    ("mds", 48, "R610510000", "48.TCC", Some("R"), 0),
    ("mds", 48, "R610510000", "48.61", Some("10000"), 0),
    ("mds", 48, "R610510000", "48.61.1", Some("1"), 0),
    ("mds", 48, "R610510000", "48.61.3", Some("000"), 0),
    ("mds", 48, "R610510000", "48.42.01", None, 0),
    ("mds", 48, "R42070103212", "48.42.01", Some("212"), 0),
    ("mds", 48, "R8701M", "48.87", Some("M"), 0),
    // A character that the part may not have, and what is behind a wrong length.
    ("mds", 48, "R61051000X", "48.61", None, 0),
    ("mds", 48, "R61051000X8701M", "48.87", Some("M"), 0),
    ("mds", 48, "R61991000X8701M", "48.87", None, 0),
    ("mds", 62, "0023003CT10158002AB", "62.0158", Some("AB"), 0),
    ("mds", 105, "0010221234567890123456789012", "105.001", Some("1234567890123456789012"), 0),
    ("iso87-ascii", 54, "3001978D0000000123453002978C000000487655", "54.2.amount", Some("C000000487655"), 0),
    ("iso87-ascii", 54, "3001978D0000000123453002978C000000487655", "54.2", Some("3002978C000000487655"), 0),
    ("iso87-ascii", 54, "3001978D000000012345", "54.2.amount", None, 0),
    ("iso87-bcd", 35, "4111111111111111=30122011234", "35.pan", Some("4111111111111111"), 37),
    ("iso87-bcd", 35, "4111111111111111==2011234", "35.expiry", None, 37),
    ("iso87-bcd", 35, "4111111111111111==2011234", "35.service", Some("201"), 37),
    ("iso87-bcd", 55, "9F260811223344556677889F3602001C", "55.9F26", Some("1122334455667788"), 0),
    ("iso87-bcd", 55, "9F260811223344556677889F3602001C", "55.9f36", Some("001C"), 0),
    ("iso87-bcd", 55, "DF810102ABCD", "55.DF8101", Some("ABCD"), 0),
    ("iso87-bcd", 55, "7106860411223344", "55.71.86", Some("11223344"), 0),
    ("iso87-bcd", 55, "570741111D30122011", "55.57.service", Some("201"), 37),
    ("ascii-93", 55, "570741111D30122011", "55.57.service", Some("201"), 1036),
    ("ascii-93", 55, "9F0206000000012345", "55.9F02", Some("000000012345"), 999),
    // Through the dataset around it, or with it.
    ("vip", 55, "01000B9F26081122334455667788", "55.9F26", Some("1122334455667788"), 0),
    ("vip", 55, "01000B9F26081122334455667788", "55.01.9F26", Some("1122334455667788"), 0),
    ("vip", 55, "0100048202390002000482025C00", "55.82", Some("3900"), 0),
    ("vip", 55, "0100048202390002000482025C00", "55.02.82", Some("5C00"), 0),
    ("vip", 55, "010005DF010201FF", "55.DF01", Some("01FF"), 0),
    ("vip", 62, "C000000000000000E80486278123456789", "62.2", Some("486278123456789"), 0),
    ("vip", 62, "C000000000000000E80486278123456789", "62.3", None, 0),
    ("vip", 62, "4000000000000000 0486278123456789", "62.2", Some("486278123456789"), 0),
    ("vip", 63, "8000000002", "63.1", Some("0002"), 0),
    ("vip", 126, "0040000000000000F1F1F1F2F3F4", "126.10", Some("111234"), 0),
    ("vip", 104, "5700048002C1C1", "104.57.80", Some("AA"), 0),
    ("vip", 123, "5700048002C1C1", "123.57.80", Some("AA"), 0),
    ("vip", 60, "050000", "60.2", Some("5"), 12),
    ("vip", 60, "050000", "60.6", None, 12),
];

#[test]
fn parts_are_read_by_their_address() {
    for (name, de, value, path, expected, room) in PARTS {
        let dialect = dialect(name);
        let frame = frame(&dialect, *de, value);
        let path = dialect.path(path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(path.room(), *room, "{name}, {path}");
        let mut buffer = vec![0; *room];
        with(&dialect, &frame, |view| {
            let found = view.sub(&path, &mut buffer).map(show);
            assert_eq!(found.as_deref(), *expected, "{name}, {path} in {value}");
            if *room > 0 && expected.is_some() {
                assert!(view.sub(&path, &mut []).is_none(), "{path}: no room");
            }
        });
    }
}

#[test]
fn a_path_is_of_one_dialect() {
    let (ascii, bcd) = (dialect("iso87-ascii"), dialect("iso87-bcd"));
    let frame = frame(&ascii, 90, TRACE);
    let of_the_other = bcd.path("90.stan").unwrap();
    with(&ascii, &frame, |view| {
        assert!(view.sub(&of_the_other, &mut [0; 42]).is_none());
        assert_eq!(view.sub(&bcd.path("90").unwrap(), &mut []).map(show).as_deref(), Some(TRACE));
        assert_eq!(view.sub(&ascii.path("90.stan").unwrap(), &mut []).unwrap().number(), Some(123));
    });
    assert_eq!((of_the_other.to_string().as_str(), of_the_other.de()), ("90.stan", 90));
}

#[test]
fn addresses_that_lead_nowhere_say_where_and_what_there_is() {
    let table = [
        ("mds", "stan", "stan: expected the number of a data element, 2 to 192, before the first dot"),
        ("mds", "", ": expected the number of a data element, 2 to 192, before the first dot"),
        ("mds", "1", "1: expected the number of a data element, 2 to 192, before the first dot"),
        (
            "mds",
            "090.stan",
            "090.stan: expected the number of a data element, 2 to 192, before the first dot",
        ),
        ("mds", "130.1", "130.1: the dialect mds does not define DE 130"),
        ("mds", "4.amount", "4.amount: 4 is one value, nothing is known inside it"),
        ("mds", "90.stan.1", "90.stan.1: 90.stan is one value, nothing is known inside it"),
        (
            "mds",
            "90.Stam",
            "90.Stam: no \"Stam\" in 90, did you mean \"stan\"?: expected mti, stan, transmission, acquirer, forwarder",
        ),
        ("mds", "3.x", "3.x: no \"x\" in 3: expected type, from, to"),
        ("mds", "90.", "90.: no \"\" in 90: expected mti, stan, transmission, acquirer, forwarder"),
        ("mds", "48.TCX", "48.TCX: no \"TCX\" in 48, did you mean \"TCC\"?: expected TCC, a tag of 2 digits"),
        ("mds", "48.423", "48.423: no \"423\" in 48: expected TCC, a tag of 2 digits"),
        ("mds", "48.61.4", "48.61.4: no \"4\" in 48.61, did you mean \"1\"?: expected 1, 2, 3"),
        ("mds", "54.amount", "54.amount: no \"amount\" in 54: expected the number of a row, counted from 1"),
        ("mds", "54.0.amount", "54.0.amount: no \"0\" in 54: expected the number of a row, counted from 1"),
        (
            "mds",
            "54.2.amonut",
            "54.2.amonut: no \"amonut\" in 54.2, did you mean \"amount\"?: expected account, type, currency, amount",
        ),
        ("mds", "55.9F", "55.9F: no \"9F\" in 55: expected a tag of BER-TLV in hexadecimal"),
        ("mds", "55.00", "55.00: no \"00\" in 55: expected a tag of BER-TLV in hexadecimal"),
        ("mds", "55.9F26.1", "55.9F26.1: 55.9F26 is one value, nothing is known inside it"),
        ("vip", "62.4", "62.4: no \"4\" in 62, did you mean \"1\"?: expected 1, 2, 3, 23"),
        ("vip", "104.5.80", "104.5.80: no \"5\" in 104: expected a tag of 1 bytes"),
        (
            "mds",
            "55.70.70.70.70.70.70.70.70.70",
            "55.70.70.70.70.70.70.70.70.70: expected at most 8 keys behind the data element",
        ),
    ];
    for (name, path, expected) in table {
        assert_eq!(dialect(name).path(path).unwrap_err().to_string(), expected);
    }
}
