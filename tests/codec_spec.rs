//! Dialect files: what they may say, what each mistake is called and where, and combinations that the
//! shipped dialects do not use.

#![allow(clippy::unwrap_used)]

use authswitch::wire::{
    Bitmap, Class, Dialect, Encoding, Length, Mask, Message, Mti, Reason, SpecError, Value,
};

const WHOLE: &str = r#"
name = "mine"
version = 0
[encoding]
mti = "ascii"
bitmap = "binary"
length = "binary"
n = "bcd"
z = "bcd"
"x+n" = "ascii"
text = "ascii"
b = "hex"
[pad]
fixed = "right F"
variable = "left 0"
[fields]
2 = { format = "n..19", name = "PAN", length = "ascii" }
3 = { format = "n 5", name = "Odd" }
11 = { format = "n 6", name = "Even" }
35 = { format = "z..37", name = "Track", pad = "right F" }
36 = { format = "z 3", name = "Fixed track", pad = "left 0" }
40 = { format = "a 4", name = "Letters" }
44 = { format = "as..9", name = "Letters and signs", length = "bcd" }
48 = { format = "ans....2000", name = "Long text", length = "ascii" }
55 = { format = "b..255", name = "Bytes", encoding = "binary" }
60 = { format = "b...500", name = "Hex" }
70 = { format = "x+n 2", name = "Signed" }
71 = { format = "x+n 7", name = "Signed and packed", encoding = "bcd" }
"#;

#[test]
fn shipped_dialects_compile_and_differ_only_in_writing() {
    let [ascii, bcd] = ["iso87-ascii", "iso87-bcd"].map(|name| {
        Dialect::from_toml(Dialect::builtin_source(name).unwrap(), name)
            .unwrap_or_else(|error| panic!("{error}"))
    });
    assert_eq!(Dialect::builtin_names()[..2], [ascii.name(), bcd.name()]);
    assert!(ascii.fields().map(|f| f.de).eq((2..=128).filter(|de| *de != 65)));
    for (a, b) in ascii.fields().zip(bcd.fields()) {
        assert_eq!(
            (a.de, &a.name, a.format.notation(), a.mask),
            (b.de, &b.name, b.format.notation(), b.mask)
        );
    }
    assert_eq!(ascii.field(55).unwrap().format.encoding, Encoding::Binary);
    assert_eq!(bcd.field(52).unwrap().format.encoding, Encoding::Binary);
    assert!(Dialect::builtin("iso87").is_none(), "the base says nothing of encodings");
    assert!(Dialect::builtin("iso93").is_none());
}

#[test]
fn shipped_fields_are_those_of_the_standard() {
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    let table = [
        (2, "n..19", Mask::Pan),
        (4, "n 12", Mask::Open),
        (28, "x+n 8", Mask::Open),
        (35, "z..37", Mask::Secret),
        (36, "z...104", Mask::Secret),
        (37, "an 12", Mask::Open),
        (45, "ans..76", Mask::Secret),
        (52, "b 8", Mask::Secret),
        (90, "n 42", Mask::Open),
        (97, "x+n 16", Mask::Open),
        (128, "b 8", Mask::Open),
    ];
    for (de, format, mask) in table {
        let field = dialect.field(de).unwrap();
        assert_eq!((field.format.notation().as_str(), field.mask), (format, mask), "DE {de}");
    }
    assert_eq!(dialect.field(97).unwrap().format.length, Length::Fixed(17));
    assert_eq!(dialect.field(90).unwrap().layout.as_ref().unwrap().parts().len(), 5);
    assert_eq!(
        (dialect.field(34).unwrap().format.class, dialect.field(34).unwrap().format.max_length()),
        (Class::Ns, 28)
    );
}

#[test]
fn every_combination_writes_and_reads() {
    let dialect = Dialect::from_toml(WHOLE, "mine.toml").unwrap_or_else(|error| panic!("{error}"));
    let table: &[(u8, Value<'_>, &[u8])] = &[
        (2, Value::Text(b"12345"), b"05\x01\x23\x45"),
        (3, Value::Text(b"123"), b"\x00\x12\x3F"),
        (11, Value::Number(42), b"\x00\x00\x42"),
        (35, Value::Text(b"12=34"), b"\x05\x12\xD3\x4F"),
        (36, Value::Text(b"1=2"), b"\x01\xD2"),
        (40, Value::Text(b"ab"), b"ab  "),
        (44, Value::Text(b"a-b"), b"\x03a-b"),
        (48, Value::Text(b"x"), b"0001x"),
        (55, Value::Bytes(b"\x00\xFF"), b"\x02\x00\xFF"),
        (60, Value::Bytes(b"\x00\xFE"), b"\x00\x0200FE"),
        (70, Value::Text(b"C12"), b"C12"),
        (71, Value::Text(b"D12"), b"D\x00\x00\x01\x2F"),
    ];
    let own: Vec<_> = table.iter().map(|(de, value, _)| (*de, *value)).collect();
    let mut frame = Vec::new();
    dialect.build(&mut frame, Mti::new(0x0100).unwrap(), None, Bitmap::EMPTY, &own).unwrap();
    let mut message = Message::new();
    dialect.parse(&frame, &mut message).unwrap();
    let view = dialect.view(&frame, &message);
    let mut buffer = [0; 2000];
    for (de, value, raw) in table {
        assert_eq!(view.raw(*de), Some(*raw), "DE {de}");
        match value {
            Value::Text(text) if *de != 3 && *de != 40 && *de != 71 => {
                assert_eq!(view.text(*de, &mut buffer), Some(*text), "DE {de}");
            }
            Value::Bytes(bytes) => assert_eq!(view.bytes(*de, &mut buffer), Some(*bytes), "DE {de}"),
            _ => {}
        }
    }
    assert_eq!(view.text(3, &mut buffer), Some(&b"00123"[..]));
    assert_eq!(view.text(71, &mut buffer), Some(&b"D0000012"[..]));
    assert_eq!([view.number(2), view.number(3), view.number(11)], [Some(12345), Some(123), Some(42)]);

    // Each pad nibble is held against its own rule.
    for (de, at, pad) in [(2, 2, 0), (3, 2, 0xF), (35, 3, 0xF), (36, 0, 0), (71, 4, 0xF)] {
        let mut wrong = frame.clone();
        let offset = view.offset(de).unwrap() + at;
        wrong[offset] =
            if at == 0 || (de == 2 && at == 2) { wrong[offset] ^ 0x50 } else { wrong[offset] ^ 0x05 };
        let error = dialect.parse(&wrong, &mut Message::new()).unwrap_err();
        assert_eq!((error.de, error.offset, error.reason), (de, offset as u32, Reason::Pad(pad)));
    }
}

/// The file with one line replaced has one mistake, at the place and of the kind given.
fn mistake(line: &str, by: &str, place: (usize, usize), reason: &str) {
    let text = WHOLE.replacen(line, by, 1);
    assert_ne!(text, WHOLE, "{line} is not in the file");
    let error = Dialect::from_toml(&text, "mine.toml").unwrap_err();
    let [mistake] = error.mistakes() else { panic!("{by}: not one mistake:\n{error}") };
    assert!(mistake.reason.contains(reason), "{by}: {}", mistake.reason);
    assert_eq!((mistake.line, mistake.column), place, "{by}: {error}");
    assert_eq!(error.to_string(), format!("mine.toml:{}:{}: {}", place.0, place.1, mistake.reason));
}

#[test]
fn mistakes_are_named_with_their_place() {
    mistake("version = 0", "version = 10", (3, 11), "first digit of the message type");
    mistake("version = 0", "versoin = 0", (3, 1), "unknown key");
    mistake("name = \"mine\"", "name = 5", (2, 8), "expected text, found integer");
    mistake("name = \"mine\"", "name = \"my own\"", (2, 8), "letters, digits and hyphens");
    mistake("mti = \"ascii\"", "mti = \"hex\"", (5, 7), "expected one of \"ascii\", \"ebcdic-037\"");
    mistake("bitmap = \"binary\"", "bitmap = \"bcd\"", (6, 10), "expected one of \"binary\", \"hex\"");
    mistake("length = \"binary\"", "length = \"ebcdic-hex\"", (7, 10), "\"bcd\", \"binary\", \"hex\"");
    mistake("fixed = \"right F\"", "fixed = \"middle F\"", (14, 9), "\"left 0\"");
    mistake("fixed = \"right F\"", "fixed = \"right 10\"", (14, 9), "\"left 0\"");
    mistake("[fields]\n", "[fields]\n1 = {}\n", (17, 1), "the bit map");
    mistake("[fields]\n", "[fields]\n193 = {}\n", (17, 1), "2 to 192");
    mistake("[fields]\n", "[fields]\n02 = {}\n", (17, 1), "2 to 192");
    mistake("[fields]\n", "[fields]\n4 = { name = \"x\" }\n", (17, 1), "DE 4: expected a format");
    mistake("[fields]\n", "[fields]\n4 = { format = \"n 6\" }\n", (17, 1), "DE 4: expected a name");
    mistake("\"n 5\"", "\"q 5\"", (18, 16), "expected a class (n, a, an");
    mistake("\"n 5\"", "\"n.....5\"", (18, 16), "expected a class");
    mistake("\"n 5\"", "\"n 0\"", (18, 16), "expected a class");
    mistake("\"n 5\"", "\"n 10000\"", (18, 16), "expected a class");
    mistake("\"n..19\"", "\"n..100\"", (17, 1), "does not fit its prefix, which counts to 99");
    mistake("\"b..255\"", "\"b..256\"", (25, 1), "counts to 255");
    mistake(
        "name = \"Letters\"",
        "name = \"Letters\", encoding = \"bcd\"",
        (22, 1),
        "class a is not encoded as bcd",
    );
    mistake("name = \"Odd\"", "name = \"Odd\", mask = \"all\"", (18, 44), "\"none\", \"pan\", \"secret\"");
    mistake(
        "name = \"Odd\"",
        "name = \"Odd\", layout = \"x\"",
        (18, 46),
        "layout x: there is none: expected one of",
    );
    mistake("name = \"mine\"", "name = \"mine\"\nextends = \"iso99\"", (3, 11), "no dialect \"iso99\"");
    mistake("z = \"bcd\"\n", "z = \"bcd\n", (9, 9), "invalid basic string");
    let field_129 = "[fields]\n129 = { format = \"n 6\", name = \"x\" }\n";
    mistake("[fields]\n", field_129, (17, 1), "only a third bit map has fields over 128");
    mistake("name = \"Odd\"", "name = \"Odd\", fill = \"left\"", (18, 44), "\"right space\"");
    mistake("name = \"Odd\"", "name = \"Odd\", length = { digits = 5 }", (18, 57), "1 to 4");
    mistake("\"x+n 7\"", "\"x+n..7\"", (28, 1), "x+n is of fixed length");
}

#[test]
fn bit_65_is_a_field_or_says_that_a_third_bit_map_follows() {
    let field = "[fields]\n65 = { format = \"b 8\", name = \"Inline\" }\n";
    let inline = WHOLE.replace("[fields]\n", field);
    assert!(Dialect::from_toml(&inline, "mine.toml").unwrap().field(65).is_some());
    let both = inline.replace("version = 0", "version = 0\nthird_bitmap = true");
    let error = Dialect::from_toml(&both, "mine.toml").unwrap_err();
    assert_eq!(
        error.to_string(),
        "mine.toml:18:1: DE 65: bit 65 says that there is a third bit map (third_bitmap)"
    );
}

#[test]
fn all_mistakes_are_reported_in_order() {
    let text = WHOLE.replace("version = 0", "version = 77").replace("\"n 5\"", "\"n five\"");
    let error = Dialect::from_toml(&text, "mine.toml").unwrap_err();
    let lines = |error: &SpecError| error.mistakes().iter().map(|mistake| mistake.line).collect::<Vec<_>>();
    assert_eq!(lines(&error), [3, 18]);
    let error = Dialect::from_toml(&WHOLE.replace("text = \"ascii\"\n", ""), "mine.toml").unwrap_err();
    assert_eq!(lines(&error), [21, 22, 23]);
    assert!(error.to_string().contains("DE 40: nothing says how text is encoded"), "{error}");
}

#[test]
fn a_dialect_may_state_its_differences_only() {
    let text = r#"
name = "mine"
extends = "iso87-bcd"
[fields]
35 = { pad = "right F" }
48 = { format = "b...255", encoding = "binary" }
"#;
    let mine = Dialect::from_toml(text, "mine.toml").unwrap_or_else(|error| panic!("{error}"));
    let base = Dialect::builtin("iso87-bcd").unwrap();
    assert_eq!(mine.name(), "mine");
    for (a, b) in mine.fields().zip(base.fields()) {
        assert_eq!(a == b, !matches!(a.de, 35 | 48), "DE {}", a.de);
    }
    let error = Dialect::from_toml("extends = \"iso87\"\nname = \"mine\"\n", "mine.toml").unwrap_err();
    assert!(error.mistakes().iter().all(|mistake| mistake.reason.contains("nothing says how")), "{error}");
}

#[test]
fn a_dialect_must_have_its_own_name() {
    let error = Dialect::from_toml("extends = \"iso87-bcd\"\n", "mine.toml").unwrap_err();
    assert_eq!(error.to_string(), "mine.toml:1:1: expected a name");
}

#[test]
fn what_a_dialect_says_of_messages_is_inherited_key_by_key() {
    let read = |more: &str| {
        let text = format!("name = \"mine\"\nextends = \"iso87-bcd\"\n{more}");
        Dialect::from_toml(&text, "mine.toml")
    };
    let de = |set: Bitmap| set.iter().collect::<Vec<u8>>();
    let mine = read(
        "[messages]\nmerchant_country = [\"60@1=numeric\"]\n[messages.mandatory]\n0200 = [11]\n\
         [messages.network_codes]\n92 = \"sign-on\"\n9201 = \"echo\"\n[messages.cannot_verify]\npin = \"83\"\n",
    )
    .unwrap();
    let said = mine.conventions();
    assert_eq!(
        (de(said.mandatory[2]), de(said.mandatory[0]), de(said.mandatory[5])),
        (vec![11], vec![3, 7, 11], vec![7, 11, 70])
    );
    assert_eq!(said.merchant_country.iter().map(ToString::to_string).collect::<Vec<_>>(), ["60@1=numeric"]);
    assert_eq!(said.cannot_verify, [*b"83", *b"86", *b"86", *b"96"]);
    // The longest that fits counts.
    assert_eq!(said.network_codes.iter().map(|code| code.code).collect::<Vec<_>>(), [301, 1]);
    // Another layout of DE 43: nobody knows where the country is in it, and nothing is guessed.
    let other = "[layouts.place]\nkind = \"positional\"\nparts = [{ key = \"all\", format = \"ans 40\", name = \"All\" }]\n\
                 [fields]\n43 = { layout = \"place\" }\n";
    assert!(read(other).unwrap().conventions().merchant_country.is_empty());
    // A dialect that extends nothing has the standard's too.
    let whole = Dialect::from_toml(WHOLE, "mine.toml").unwrap();
    assert_eq!(de(whole.conventions().mandatory[5]), [7, 11, 70]);
    for (more, place, reason) in [
        ("[messages]\nmandatry = {}", (4, 1), "unknown key"),
        ("[messages.mandatory]\n0110 = [7]", (4, 1), "expected one of 0100, 0120"),
        ("[messages.mandatory]\n0100 = [7, 1]", (4, 12), "2 to 192"),
        ("[messages.mandatory]\n0100 = 7", (4, 8), "expected a list"),
        ("[messages]\nmerchant_country = [\"43.land=alpha-2\"]", (4, 21), "no \"land\" in 43"),
        ("[messages]\nmerchant_country = [\"43.country\"]", (4, 21), "is not a place of a country"),
        ("[messages]\nmerchant_country = [\"19=numeric\"]", (4, 21), "the acquirer's country"),
        ("[messages]\ncard_verification = [\"48.92\"]", (4, 22), "48 is one value"),
        ("[messages.network_codes]\n92x = \"sign-on\"", (4, 1), "first digits of DE 3"),
        ("[messages.network_codes]\n92 = \"log-on\"", (4, 6), "expected one of \"sign-on\""),
        ("[messages.cannot_verify]\npin = \"55\"", (4, 7), "does not say that the PIN was wrong"),
        ("[messages.cannot_verify]\nmac = \"00\"", (4, 7), "that declines"),
    ] {
        let error = read(more).map(drop).unwrap_err();
        let [mistake] = error.mistakes() else { panic!("{more}: not one mistake:\n{error}") };
        assert!(
            mistake.reason.contains(reason) && (mistake.line, mistake.column) == place,
            "{more}: {error}"
        );
    }
}
