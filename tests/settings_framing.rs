//! The framing of a link as a setting: what is refused and where, and that the manual speaks of the program's words.
#![allow(clippy::unwrap_used)]

use authswitch::settings::{MANUAL, Settings, SettingsError};
use authswitch::wire::frame::{Framing, Place, words};

fn read(framing: &str) -> Result<Settings, SettingsError> {
    let file =
        format!("[links.one]\nlisten = \"127.0.0.1:7001\"\ndialect = \"iso87-ascii\"\nframing = {framing}\n");
    Settings::from_text("site.toml", &file, &[])
}

#[test]
fn a_framing_that_is_none_is_refused_at_its_line_with_what_is_allowed() {
    let rows = [
        ("length2-be+tpdu:60", 17, "expected a header of 5 bytes, found 1"),
        (
            "length2-be+tpdu:7000000000",
            17,
            "expected the protocol id 60 or 68 at byte 0 of the header, found a letter",
        ),
        ("length2-be+base24:ISO02600005X", 19, "expected a digit at byte 11 of the header, found a letter"),
        ("length2-be+fixed", 17, "expected fixed:HEX of 1 to 32 bytes, found 0"),
        ("length2-be+fixed:6", 18, "expected pairs of hexadecimal digits"),
        ("length2-be+opaque33", 12, "expected opaqueN with N from 1 to 32"),
        ("length7-ascii", 1, "expected a width of 1 to 6 bytes, found \"7\""),
        (
            "length2-le-inclusive-zero1",
            1,
            "\"zero1\" cannot stand there: expected -zeroN or, last, -inclusive",
        ),
        (
            "length2",
            1,
            "expected one of length2-be, length2-le, length2-bcd, length2-ascii, length2-hex, length2-ebcdic",
        ),
        (
            "tpdu+base24+length2-be",
            6,
            "expected a header, a length, a header, an ETX and a trailer, each at most once and in this order; \"base24\" \
             comes too late",
        ),
        (
            "etx+length2-be",
            5,
            "expected a header, a length, a header, an ETX and a trailer, each at most once and in this order; \"length2-be\" \
             comes too late",
        ),
        ("visa-header+length2-be", 13, "visa-header counts the message and stands behind the length"),
        ("length2-be+trailer:0D0", 20, "expected trailer:HEX of 1 to 8 bytes"),
        ("length2-be+trailer", 19, "expected trailer:HEX of 1 to 8 bytes"),
        ("length2-be+trailer:010203040506070809", 20, "expected trailer:HEX of 1 to 8 bytes"),
        ("tpdu", 5, "expected a length, an ETX or a trailer, by which a frame ends"),
        ("tpdu+etx-uncounted", 19, "there is no length that could count, so no -uncounted"),
        (
            "length2-be-uncounted",
            1,
            "a length counts itself with -inclusive; -uncounted is for headers and trailers",
        ),
        ("length2-be:37", 11, "\"length2-be\" takes no value"),
    ];
    for (framing, character, reason) in rows {
        let line = format!(
            "site.toml:4:11: links.one.framing: {framing:?} is not a framing: at character {character}, {reason}"
        );
        assert_eq!(read(&format!("{framing:?}")).unwrap_err().to_string(), line);
    }
    for (framing, hint) in [
        ("tin-can", "\"tin-can\" is no word"),
        ("length2-be+tdpu", "\"tdpu\" is no word"),
        ("length2-be+", "a word is missing"),
        (" ", "\" \" is no word"),
        ("none", "frames without a length or an ETX cannot be told apart again after one misread"),
    ] {
        let error = read(&format!("{framing:?}")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("site.toml:4:11: links.one.framing: ") && text.contains(hint), "{text}");
        assert!(text.contains("known: lengthN-be, ") && text.contains("tpdu:HEX, "), "{text}");
        let report = error.report();
        assert!(
            report.contains("site.toml:4:11") && report.contains(&format!("framing = {framing:?}")),
            "{report}"
        );
    }
    let number = "site.toml:4:11: links.one.framing: must be text in quotes, not the number 2";
    assert_eq!(read("2").unwrap_err().to_string(), number);
}

#[test]
fn a_framing_in_other_words_is_the_same_setting() {
    let fingerprint = |framing: &str| read(&format!("{framing:?}")).unwrap().fingerprint();
    assert_eq!(fingerprint("length2-be+tpdu:6000030000"), fingerprint("length2-be+tpdu"));
    assert_eq!(fingerprint("length2-be+opaque2:0000"), fingerprint("length2-be+opaque2"));
    assert_ne!(fingerprint("length2-be+tpdu:6000030001"), fingerprint("length2-be+tpdu"));
    assert_ne!(fingerprint("length2-be+tpdu"), fingerprint("length2-be"));
    // A length that does not count itself counts nothing before it.
    assert_eq!(fingerprint("fixed-uncounted:AA+length2-be"), fingerprint("fixed:AA+length2-be"));
    assert_ne!(
        fingerprint("fixed-uncounted:AA+length2-be-inclusive"),
        fingerprint("fixed:AA+length2-be-inclusive")
    );
}

#[test]
fn the_words_of_a_framing_are_the_programs() {
    let comment =
        MANUAL.split("# How messages are told apart").nth(1).unwrap().split("\nframing = ").next().unwrap();
    let shown: Vec<(&str, &str)> = comment
        .lines()
        .filter_map(|line| line.strip_prefix("#   ")?.split_once(' '))
        .map(|(form, meaning)| (form, meaning.trim()))
        .collect();
    let known: Vec<(&str, &str)> = words().map(|word| (word.form, word.meaning)).collect();
    assert_eq!(shown, known);
    // What stands in brackets behind a header is what it is without a value.
    let mut headers = 0;
    for word in words().filter(|word| word.place == Place::Header) {
        let Some((_, default)) = word.meaning.trim_end_matches(')').rsplit_once(" (") else { continue };
        let name = word.form.split(':').next().unwrap().replace('N', "2");
        let value = match default.split_whitespace().last().unwrap() {
            "123456" => "16010200000000001234560000000000000000000000",
            "zeros" => "0000",
            value => value,
        };
        let framing = |header: &str| format!("length2-be+{header}").parse::<Framing>().unwrap();
        assert_eq!(framing(&name), framing(&format!("{name}:{value}")), "{}", word.form);
        headers += 1;
    }
    assert_eq!(headers, 5);
    // Every framing that the comment takes as an example is one.
    let examples =
        comment.split("e.g. ").nth(1).unwrap().split(". ").next().unwrap().replace(['#', '\n'], "");
    assert!(examples.split(", ").count() > 4, "{examples}");
    for example in examples.split(", ") {
        example.trim().parse::<Framing>().unwrap();
    }
}

#[test]
fn the_framings_of_the_readme_are_framings() {
    let readme = include_str!("../README.md");
    let table = readme
        .split("<!-- framings:begin -->")
        .nth(1)
        .unwrap()
        .split("<!-- framings:end -->")
        .next()
        .unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let column = rows.flat_map(|row| row.split('|').nth(2).unwrap().split(','));
    let names: Vec<&str> = column.map(|name| name.trim().trim_matches('`')).collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert_eq!(name.parse::<Framing>().unwrap().to_string(), name);
    }
}
