//! Layouts in dialect files: what each mistake is called and where, and what an extending file may change.

#![allow(clippy::unwrap_used)]

use authswitch::wire::{Dialect, Encoding, Kind, Mask};

const FILE: &str = r#"
name = "mine"
extends = "iso87-bcd"
[layouts.pieces]
kind = "positional"
parts = [
    { key = "a", format = "n 2", name = "First" },
    { key = "b", format = "an 4", name = "Second" },
]
[layouts.tags]
kind = "tagged"
head = [{ key = "kind", format = "a 1" }]
tag = "n 2"
value = "ans..99"
parts = [{ key = "01", format = "ans 6", layout = "pieces" }]
[layouts.bits]
kind = "bitmap"
bitmap = "b 2"
parts = [{ key = "16", format = "n 2" }]
[layouts.chip]
kind = "ber-tlv"
parts = [{ key = "9F26", format = "b 8" }]
[layouts.rows]
kind = "list"
parts = [{ key = "a", format = "n 2" }, { key = "b", format = "an..4" }]
[fields]
46 = { layout = "rows" }
47 = { layout = "pieces" }
48 = { layout = "tags" }
62 = { format = "b...255", layout = "bits" }
63 = { format = "b...255", layout = "chip" }
"#;

fn mistake(line: &str, by: &str, place: (usize, usize), reason: &str) {
    let text = FILE.replacen(line, by, 1);
    assert_ne!(text, FILE, "{line} is not in the file");
    let error = Dialect::from_toml(&text, "mine.toml").unwrap_err();
    let [mistake] = error.mistakes() else { panic!("{by}: not one mistake:\n{error}") };
    assert!(mistake.reason.contains(reason), "{by}: {}", mistake.reason);
    assert_eq!((mistake.line, mistake.column), place, "{by}: {error}");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let first = "{ key = \"a\", format = \"n 2\", name = \"First\" }";
    mistake(
        "kind = \"positional\"",
        "kind = \"by-position\"",
        (5, 8),
        "expected one of \"positional\", \"list\"",
    );
    mistake(
        "kind = \"positional\"",
        "",
        (4, 1),
        "expected a kind: one of positional, list, bitmap, tagged, ber-tlv",
    );
    mistake(
        "kind = \"positional\"",
        "kind = \"positional\"\ntag = \"n 2\"",
        (6, 1),
        "tag is not for this kind",
    );
    mistake("kind = \"positional\"", "kind = \"positional\"\nfoo = 1", (6, 1), "unknown key \"foo\"");
    mistake("[layouts.pieces]", "[layouts.none]", (4, 10), "other than \"none\"");
    mistake(
        "layout = \"pieces\" }\n48",
        "layout = \"peices\" }\n48",
        (28, 17),
        "layout peices: there is none: expected one of additional-amounts",
    );
    mistake(first, "{ format = \"n 2\" }", (7, 5), "expected a key");
    mistake(
        first,
        "{ key = \"a.b\", format = \"n 2\" }",
        (7, 5),
        "part a.b: expected a key of letters, digits and hyphens",
    );
    mistake(first, "{ key = \"b\", format = \"n 2\" }", (8, 5), "part b: this key is there twice");
    mistake(first, "{ key = \"a\" }", (7, 5), "part a: expected a format");
    mistake(first, "{ key = \"a\", format = \"n\" }", (7, 27), "inside a layout also \"ans to 99\"");
    mistake(
        first,
        "{ key = \"a\", format = \"n 2\", until = \"==\" }",
        (7, 42),
        "one printable ASCII character",
    );
    mistake(
        first,
        "{ key = \"a\", format = \"n 2\", until = \"=\" }",
        (7, 5),
        "until is for a format as \"ans to 99\"",
    );
    mistake(first, "{ key = \"a\", format = \"n to 2\" }", (7, 5), "nothing says where it ends");
    mistake(
        first,
        "{ key = \"a\", format = \"n 2\", inline = true }",
        (7, 5),
        "inline is for a part with a layout",
    );
    mistake(
        first,
        "{ key = \"a\", format = \"n 2\", encoding = \"hex\" }",
        (7, 5),
        "class n is not encoded as hex",
    );
    mistake(first, "7", (7, 5), "expected a table, found integer");
    mistake(
        "format = \"ans 6\", layout = \"pieces\"",
        "format = \"ans 7\", layout = \"pieces\"",
        (15, 51),
        "6 long together, not 7",
    );
    mistake("format = \"ans 6\"", "format = \"ans..6\"", (15, 10), "its length stands behind its tag");
    mistake("{ key = \"01\"", "{ key = \"1\"", (15, 10), "part 1: expected a tag of 2 digits");
    mistake("tag = \"n 2\"", "tag = \"n..2\"", (10, 10), "expected a tag of fixed length");
    mistake("tag = \"n 2\"\n", "", (10, 10), "tag: expected a format");
    mistake(
        "value = \"ans..99\"",
        "value = \"ans 99\"",
        (10, 10),
        "expected value to be a length and characters",
    );
    mistake(
        "value = \"ans..99\"",
        "value = \"b..99\"",
        (10, 10),
        "expected value to be a length and characters",
    );
    mistake("bitmap = \"b 2\"", "bitmap = \"b 17\"", (16, 10), "a bitmap of 1 to 16 bytes");
    mistake("{ key = \"16\"", "{ key = \"17\"", (19, 10), "part 17: expected a bit, 1 to 16");
    let bits = "bitmap = \"b 2\"\nparts = [{ key = \"16\"";
    for (continues, key) in [("b 2", "17"), ("b 2", "1"), ("b 1", "17"), ("b 1", "25"), ("b 1", "129")] {
        let by = format!("bitmap = \"b 2\"\ncontinues = \"{continues}\"\nparts = [{{ key = \"{key}\"");
        mistake(bits, &by, (20, 10), "expected a bit, 1 to 128, other than those that say that another");
    }
    let by = "bitmap = \"b 2\"\ncontinues = \"n 2\"\nparts = [{ key = \"16\"";
    mistake(bits, by, (16, 10), "a bitmap of 1 to 16 bytes");
    mistake(
        "kind = \"positional\"",
        "kind = \"positional\"\ncontinues = \"b 2\"",
        (6, 1),
        "continues is not for this kind",
    );
    mistake(
        first,
        "{ key = \"a\", format = \"n 2\", optional = true }",
        (7, 5),
        "optional is for parts before the first tag",
    );
    mistake("{ key = \"9F26\"", "{ key = \"9F\"", (22, 10), "part 9F: expected a tag of BER-TLV");
    mistake("{ key = \"9F26\"", "{ key = \"9f26\"", (22, 10), "in upper-case hexadecimal");
    mistake("layout = \"tags\"", "layout = \"chip\"", (20, 10), "BER-TLV is inside bytes");
    mistake(
        "parts = [{ key = \"a\", format = \"n 2\" }, { key = \"b\", format = \"an..4\" }]\n",
        "",
        (23, 10),
        "expected parts",
    );
    mistake("46 = { layout", "28 = { layout", (27, 17), "a signed amount has no parts");
    mistake(
        "46 = { layout = \"rows\"",
        "46 = { format = \"ans to 9\", layout = \"rows\"",
        (27, 1),
        "DE 46: nothing says where it ends",
    );
    mistake("47 = {", "47 = { format = \"an 7\",", (28, 34), "6 long together, not 7");
}

#[test]
fn layouts_that_hold_themselves_are_refused() {
    let text = FILE.replace("name = \"First\"", "layout = \"pieces\"");
    let error = Dialect::from_toml(&text, "mine.toml").unwrap_err();
    assert!(error.to_string().contains("layouts hold each other without end"), "{error}");
    let rings = FILE.replace("name = \"First\"", "layout = \"tags\"");
    let error = Dialect::from_toml(&rings, "mine.toml").unwrap_err();
    assert!(error.to_string().contains("layouts hold each other without end"), "{error}");
}

#[test]
fn an_extending_file_replaces_parts_by_position_and_adds_tags() {
    let text = r#"
name = "mine"
extends = "iso87-ascii"
[layouts.processing-code]
parts = [{ key = "code", format = "n 6" }]
[layouts.emv]
parts = [{ key = "9F26", format = "b 4", mask = "secret" }, { key = "DF01", format = "an 2", name = "Own" }]
[layouts.track-2]
kind = "list"
parts = [{ key = "digit", format = "z 1" }]
[fields]
90 = { layout = "none" }
"#;
    let mine = Dialect::from_toml(text, "mine.toml").unwrap_or_else(|error| panic!("{error}"));
    let base = Dialect::builtin("iso87-ascii").unwrap();
    let parts = |dialect: &Dialect, de: u8| {
        let layout = dialect.field(de).unwrap().layout.clone().unwrap();
        layout.parts().iter().map(|sub| sub.key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(parts(&mine, 3), ["code"]);
    assert_eq!(parts(&mine, 55).len(), parts(&base, 55).len() + 1);
    let layout = mine.field(55).unwrap().layout.clone().unwrap();
    let cryptogram = layout.parts().iter().find(|sub| sub.key == "9F26").unwrap();
    assert_eq!((cryptogram.format.notation().as_str(), cryptogram.mask), ("b 4", Mask::Secret));
    assert!(matches!(mine.field(35).unwrap().layout.as_ref().unwrap().kind(), Kind::List(_)));
    assert!(mine.field(90).unwrap().layout.is_none() && base.field(90).unwrap().layout.is_some());
}

#[test]
fn parts_stand_in_the_encoding_of_what_holds_them() {
    let mine = Dialect::from_toml(FILE, "mine.toml").unwrap_or_else(|error| panic!("{error}"));
    let encodings = |de: u8| {
        let layout = mine.field(de).unwrap().layout.clone().unwrap();
        layout.parts().iter().map(|sub| sub.format.encoding).collect::<Vec<_>>()
    };
    // Packed in the dialect, characters in a text.
    assert_eq!(encodings(47), [Encoding::Ascii, Encoding::Ascii]);
    assert_eq!(encodings(62), [Encoding::Bcd]);
    assert_eq!(encodings(63), [Encoding::Binary]);
    assert_eq!(encodings(90), [Encoding::Ascii; 5]);
}

#[test]
fn every_shipped_layout_can_be_used() {
    // By fields that could hold them; emv and the rest are used by the shipped dialects themselves.
    let text = r#"
name = "all"
extends = "iso87-bcd"
[fields]
22 = { format = "an 12", layout = "pos-data" }
30 = { format = "n 24", layout = "original-amounts" }
43 = { format = "ans..99", layout = "card-acceptor-93" }
54 = { format = "an...126", layout = "additional-amounts-03" }
56 = { format = "n..35", layout = "original-data-93" }
57 = { format = "n 32", layout = "original-amounts-03" }
58 = { format = "n..41", layout = "original-data-03" }
"#;
    let all = Dialect::from_toml(text, "all.toml").unwrap_or_else(|error| panic!("{error}"));
    let mut named: Vec<String> = ["layouts", "emv"]
        .iter()
        .flat_map(|file| Dialect::builtin_source(file).unwrap().lines())
        .filter_map(|line| line.strip_prefix("[layouts.")?.split(']').next().map(str::to_owned))
        .collect();
    let base = Dialect::builtin("iso87-bcd").unwrap();
    let used = all.fields().chain(base.fields()).filter_map(|field| field.layout.as_ref());
    let used: Vec<String> = used.map(|layout| layout.name().to_owned()).collect();
    named.retain(|name| !used.contains(name));
    assert_eq!(named, [""; 0], "used by no field");
}
