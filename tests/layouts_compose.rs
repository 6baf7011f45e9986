//! Values composed of parts: what they look like on the wire, and what is refused.

#![allow(clippy::unwrap_used)]

#[path = "layouts/dialects.rs"]
mod dialects;

use authswitch::wire::{Bitmap, Given, Message, Mti, Value};
use dialects::{dialect, show};

type Parts<'a> = &'a [(&'a str, Given<'a>)];

const fn text(text: &str) -> Given<'_> {
    Given::Value(Value::Text(text.as_bytes()))
}

/// Text, or hexadecimal of bytes, as the message then has it.
fn composed(name: &str, de: u8, parts: Parts<'_>) -> Result<String, String> {
    let dialect = dialect(name);
    let mut out = b"before".to_vec();
    let info = dialect.field(de).unwrap();
    let value = match info.compose(parts, &mut out) {
        Ok(value) => value,
        Err(error) => {
            assert_eq!(out, b"before", "nothing is left behind");
            return Err(error.to_string());
        }
    };
    let mut frame = Vec::new();
    let mti = Mti::new(0x0110).unwrap();
    dialect.build(&mut frame, mti, None, Bitmap::EMPTY, &[(de, value)]).unwrap();
    let mut message = Message::new();
    dialect.parse(&frame, &mut message).unwrap();
    Ok(show(dialect.view(&frame, &message).field(de).unwrap()))
}

#[test]
fn parts_become_the_value() {
    let original: Parts<'_> = &[
        ("forwarder", Given::Value(Value::Number(0))),
        ("mti", text("0100")),
        ("stan", Given::Value(Value::Number(123))),
        ("transmission", text("1005123456")),
        ("acquirer", text("123456")),
    ];
    let balances: Parts<'_> = &[
        ("account", text("30")),
        ("type", text("02")),
        ("currency", text("840")),
        ("amount", text("C10000")),
    ];
    let table: &[(&str, u8, Parts<'_>, &str)] = &[
        ("iso87-ascii", 90, original, "010000012310051234560000012345600000000000"),
        ("iso87-bcd", 90, original, "010000012310051234560000012345600000000000"),
        ("mds", 90, original, "010000012310051234560000012345600000000000"),
        ("mds", 54, &[("1", Given::Parts(balances))], "3002840C000000010000"),
        ("iso87-bcd", 54, &[], ""),
        ("mds", 48, &[("61", text("10000")), ("TCC", text("R"))], "R610510000"),
        ("mds", 48, &[("TCC", text("R"))], "R"),
        (
            "mds",
            48,
            &[("TCC", text("T")), ("99", text("X Y")), ("42", Given::Parts(&[("01", text("212"))]))],
            "T9903X Y42070103212",
        ),
        ("mds", 62, &[("0023", text("CT"))], "0023003CT "),
        (
            "continued",
            48,
            &[("01", Given::Parts(&[("18", text("XX")), ("2", text("1234"))]))],
            "01000AC0004000313233345858",
        ),
        ("continued", 60, &[("42", text("ABC"))], "4203ABC"),
        ("continued", 60, &[("TCC", text("T")), ("42", text("ABC"))], "T4203ABC"),
        ("continued", 60, &[("TCC", text("T"))], "T"),
        (
            "iso87-bcd",
            35,
            &[("pan", text("4111111111111111")), ("expiry", text("3012"))],
            "4111111111111111=3012",
        ),
        ("iso87-bcd", 35, &[("pan", text("41")), ("discretionary", text("7"))], "41===7"),
        (
            "vip",
            62,
            &[("2", text("486278123456789")), ("1", text("Y"))],
            "C000000000000000E80486278123456789",
        ),
        ("vip", 63, &[], "000000"),
        ("vip", 104, &[("57", Given::Parts(&[("80", text("AA"))]))], "5700048002C1C1"),
        (
            "iso87-bcd",
            55,
            &[("9f02", text("12345")), ("71", Given::Parts(&[("86", Given::Value(Value::Bytes(&[1])))]))],
            "9F02060000000123457103860101",
        ),
        ("iso87-bcd", 55, &[("C1", Given::Value(Value::Bytes(&[7; 128])))], ""),
    ];
    for (name, de, parts, expected) in table {
        let found = composed(name, *de, parts).unwrap_or_else(|error| panic!("{error}"));
        let expected = if expected.is_empty() && *de == 55 {
            format!("C18180{}", "07".repeat(128))
        } else {
            (*expected).to_owned()
        };
        assert_eq!(found, expected, "{name}, DE {de}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let short: Parts<'_> = &[("account", text("30"))];
    let deep9 = &[("71", Given::Value(Value::Bytes(&[])))][..];
    let deep: [Parts<'_>; 1] = [&[("71", Given::Parts(deep9))]];
    let table: &[(&str, u8, Parts<'_>, &str)] = &[
        ("mds", 4, &[("a", text("1"))], "4: nothing is known inside this part"),
        ("mds", 90, &[("nti", text("0100"))], "90.nti: the layout has no such part"),
        ("mds", 90, &[("mti", text("0100")), ("mti", text("0100"))], "90.mti: this part is given twice"),
        (
            "mds",
            90,
            &[("mti", text("0100")), ("acquirer", text("1"))],
            "90.stan: this part is missing, and parts behind it are given",
        ),
        ("mds", 90, &[("mti", text("0100"))], "90: expected 42 in all, found 4"),
        ("mds", 90, &[("mti", text("01000"))], "90.mti: expected at most 4, found 5"),
        ("mds", 90, &[("mti", text("01A0"))], "90.mti: expected digits, found a letter"),
        ("mds", 54, &[("2", Given::Parts(short))], "54.2: expected row 1"),
        (
            "mds",
            54,
            &[("1", Given::Parts(short))],
            "54.1: this part is missing, and parts behind it are given",
        ),
        ("mds", 48, &[("61", text("10000"))], "48.TCC: this part is missing, and parts behind it are given"),
        (
            "continued",
            60,
            &[("code", text("XY")), ("42", text("ABC"))],
            "60: expected a value that cannot be taken for a tag",
        ),
        (
            "continued",
            60,
            &[("TCC", text("4")), ("code", text("20")), ("42", text("A"))],
            "60: expected a value that cannot be taken for a tag",
        ),
        (
            "continued",
            48,
            &[("01", Given::Parts(&[("17", text("X"))]))],
            "48.01.17: the layout has no such part",
        ),
        ("mds", 48, &[("TCC", text("R")), ("6", text("1"))], "48.6: the layout has no such part"),
        (
            "mds",
            48,
            &[("TCC", text("R")), ("42", Given::Parts(&[("01", text("2A2"))]))],
            "48.42.01: expected digits, found a letter",
        ),
        (
            "mds",
            48,
            &[("TCC", text("R")), ("92", Given::Parts(&[]))],
            "48.92: nothing is known inside this part",
        ),
        ("iso87-ascii", 35, &[("pan", text("41=1"))], "35.pan: expected digits, found a special character"),
        (
            "iso87-ascii",
            35,
            &[
                ("pan", text("41")),
                ("expiry", text("3012")),
                ("service", text("201")),
                ("discretionary", Given::Value(Value::Bytes(&[1]))),
            ],
            "35.discretionary: this kind of value does not go into a field of digits or a track separator",
        ),
        (
            "iso87-ascii",
            45,
            &[("format", text("B")), ("pan", text("41")), ("name", text("A^B"))],
            "45.name: expected no separator in the value",
        ),
        ("vip", 62, &[("4", text("A"))], "62.4: the layout has no such part"),
        ("vip", 62, &[("1", text("A")), ("1", text("A"))], "62.1: this part is given twice"),
        ("vip", 104, &[("5", Given::Value(Value::Bytes(&[1])))], "104.5: the layout has no such part"),
        ("iso87-bcd", 55, &[("9F", text("1"))], "55.9F: the layout has no such part"),
        (
            "iso87-bcd",
            55,
            &[("9F26", Given::Value(Value::Bytes(&[1])))],
            "55.9F26: expected exactly 8 bytes, found 1",
        ),
        ("iso87-bcd", 55, &[("5A", text("4111111111111111111"))], ""),
        (
            "iso87-bcd",
            55,
            &[("9F41", text("123"))],
            "55.9F41: expected an even number of digits, since the length counts bytes and the pad is a digit",
        ),
    ];
    for (name, de, parts, expected) in table {
        let found = composed(name, *de, parts).err().unwrap_or_default();
        assert_eq!(found, *expected, "{name}, DE {de}");
    }
    assert!(composed("iso87-bcd", 55, deep[0]).is_ok());
}

#[test]
fn parts_in_parts_are_bounded() {
    fn nest(levels: usize, inner: Given<'_>) -> Result<String, String> {
        if levels == 0 {
            let Given::Parts(parts) = inner else { return Err(String::new()) };
            return composed("iso87-bcd", 55, parts);
        }
        nest(levels - 1, Given::Parts(&[("71", inner)]))
    }
    let leaf = Given::Value(Value::Bytes(&[]));
    assert!(nest(8, leaf).is_ok());
    let error = nest(9, leaf).unwrap_err();
    assert!(error.ends_with("71.71: expected parts at most 8 deep"), "{error}");
}
