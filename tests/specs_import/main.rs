//! `authswitch specs import` as its users run it: files in the shapes of other products become dialects that read messages right, and what is lost on the way is told.

#![allow(clippy::unwrap_used)]

mod lengths;
mod refusals;

use authswitch::wire::{Bitmap, Class, Dialect, Message};
use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_authswitch")).args(args).output().unwrap()
}

fn sample(name: &str) -> String {
    format!("{}/tests/foreign/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The dialect that a sample becomes, and what is said of it.
fn import(name: &str, status: i32) -> (Dialect, Vec<String>) {
    let output = run(&["specs", "import", &sample(name)]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{name}: {said}");
    let toml = text(&output.stdout);
    let dialect = Dialect::from_toml(&toml, name).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    (dialect, said.lines().map(|line| line.rsplit(&format!("{name}: ")).next().unwrap().to_owned()).collect())
}

/// The bit maps of these data elements.
fn bits(fields: &[u8]) -> Vec<u8> {
    let last = fields.iter().max().unwrap();
    let mut bytes = vec![
        0u8;
        if *last > 128 {
            24
        } else if *last > 64 {
            16
        } else {
            8
        }
    ];
    let mut set = |bit: u8| bytes[usize::from(bit - 1) / 8] |= 0x80 >> ((bit - 1) % 8);
    fields.iter().for_each(|field| set(*field));
    if *last > 64 {
        set(1);
    }
    if *last > 128 {
        set(65);
    }
    bytes
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect()
}

/// Code page 1047 and 500 agree on these.
fn ebcdic(ascii: &str) -> Vec<u8> {
    let letter = |c: u8| match c {
        b'0'..=b'9' => 0xF0 + (c - b'0'),
        b'A'..=b'I' => 0xC1 + (c - b'A'),
        b'J'..=b'R' => 0xD1 + (c - b'J'),
        b'S'..=b'Z' => 0xE2 + (c - b'S'),
        b' ' => 0x40,
        _ => panic!("{c}"),
    };
    ascii.bytes().map(letter).collect()
}

/// One field: its number, its bytes on the wire, and its value.
type Row<'a> = (u8, Vec<u8>, Read<'a>);

enum Read<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A message made by hand of these rows reads as the rows say, and is written back byte by byte.
fn reads(dialect: &Dialect, head: &[u8], rows: &[Row<'_>]) {
    let mut frame = head.to_vec();
    rows.iter().for_each(|(_, wire, _)| frame.extend_from_slice(wire));
    let mut message = Message::new();
    dialect.parse(&frame, &mut message).unwrap_or_else(|error| panic!("{}: {error}", dialect.name()));
    let view = dialect.view(&frame, &message);
    assert!(view.bitmap().iter().eq(rows.iter().map(|(de, ..)| *de)));
    let mut buffer = [0; 9999];
    for (de, _, value) in rows {
        match value {
            Read::Text(text) => assert_eq!(view.text(*de, &mut buffer), Some(text.as_bytes()), "DE {de}"),
            Read::Bytes(bytes) => assert_eq!(view.bytes(*de, &mut buffer), Some(*bytes), "DE {de}"),
        }
    }
    let mut copy = Vec::new();
    dialect.build(&mut copy, view.mti(), Some(view), !Bitmap::EMPTY, &[]).unwrap();
    assert_eq!(copy, frame, "{}", dialect.name());
}

fn plain(de: u8, wire: &str, value: &'static str) -> Row<'static> {
    (de, wire.as_bytes().to_vec(), Read::Text(value))
}

fn numbers(rows: &[Row<'_>]) -> Vec<u8> {
    rows.iter().map(|(de, ..)| *de).collect()
}

#[test]
fn jpos_in_ascii() {
    let (dialect, said) = import("jpos-ascii.xml", 0);
    assert_eq!(said, ["note: the class of DE 35 is that of ISO 8583:1987"]);
    assert_eq!((dialect.name(), dialect.version()), ("jpos-ascii", 0));
    assert_eq!(dialect.field(11).unwrap().name, "Trace & audit");
    let rows = [
        plain(2, "164111110000000013", "4111110000000013"),
        plain(3, "000000", "000000"),
        plain(4, "000000012345", "000000012345"),
        plain(28, "D00000150", "D00000150"),
        plain(35, "234111110000000013=301220", "4111110000000013=301220"),
        plain(37, "R-0000000001", "R-0000000001"),
        plain(48, "005a [b]", "a [b]"),
        (52, b"0123456789ABCDEF".to_vec(), Read::Bytes(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF])),
        (55, b"004\x9F\x36\x01\x05".to_vec(), Read::Bytes(&[0x9F, 0x36, 0x01, 0x05])),
        (60, b"02BEEF".to_vec(), Read::Bytes(&[0xBE, 0xEF])),
        plain(63, "3abc", "abc"),
        plain(70, "301", "301"),
    ];
    reads(&dialect, &[b"0100".to_vec(), hex(&bits(&numbers(&rows)))].concat(), &rows);
}

#[test]
fn jpos_packed() {
    let (dialect, said) = import("jpos-bcd.xml", 0);
    assert_eq!(said, ["note: the class of DE 35 is that of ISO 8583:1987"]);
    let rows: [Row<'_>; 17] = [
        (2, b"\x05\x12\x34\x50".to_vec(), Read::Text("12345")),
        (4, b"\x00\x00\x00\x01\x23\x45".to_vec(), Read::Text("000000012345")),
        (22, b"\x00\x51".to_vec(), Read::Text("051")),
        (25, b"\x05\x10".to_vec(), Read::Text("051")),
        (28, b"C\x00\x00\x01\x50".to_vec(), Read::Text("C00000150")),
        (32, b"\x05\x01\x23\x45".to_vec(), Read::Text("12345")),
        (33, b"\x05\x12\x34\x5F".to_vec(), Read::Text("12345")),
        (35, b"\x09\x41\x11\xD3\x01\x20".to_vec(), Read::Text("4111=3012")),
        plain(37, "000000000042", "000000000042"),
        (44, [b"\x04".to_vec(), ebcdic("OK 1")].concat(), Read::Text("OK 1")),
        (48, b"\x01\x20".iter().copied().chain([b'x'; 120]).collect(), Read::Text(X120)),
        (52, vec![1, 2, 3, 4, 5, 6, 7, 8], Read::Bytes(&[1, 2, 3, 4, 5, 6, 7, 8])),
        (53, vec![0xAB; 8], Read::Bytes(&[0xAB; 8])),
        (55, vec![3, 0x95, 1, 0], Read::Bytes(&[0x95, 1, 0])),
        (62, vec![1, 2].into_iter().chain([7; 258]).collect(), Read::Bytes(&[7; 258])),
        (64, vec![9; 8], Read::Bytes(&[9; 8])),
        (70, vec![3, 1], Read::Text("301")),
    ];
    reads(&dialect, &[b"\x01\x00".to_vec(), bits(&numbers(&rows))].concat(), &rows);
}

const X120: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

#[test]
fn jpos_in_ebcdic() {
    let (dialect, said) = import("jpos-ebcdic.xml", 0);
    assert!(said.is_empty(), "{said:?}");
    let rows: [Row<'_>; 11] = [
        (2, ebcdic("164111110000000013"), Read::Text("4111110000000013")),
        (3, ebcdic("003000"), Read::Text("003000")),
        (28, ebcdic("D00000150"), Read::Text("D00000150")),
        // The length counts bytes; F says that the digits are five.
        (32, [ebcdic("03"), b"\x12\x34\x5F".to_vec()].concat(), Read::Text("12345")),
        (37, ebcdic("REF000000001"), Read::Text("REF000000001")),
        (41, ebcdic("TERM 001"), Read::Text("TERM 001")),
        (44, [ebcdic("02"), b"ok".to_vec()].concat(), Read::Text("ok")),
        // Code page 1047 has [ at AD and ] at BD.
        (48, [ebcdic("003"), vec![0xAD, 0xC1, 0xBD]].concat(), Read::Text("[A]")),
        (52, ebcdic("0123456789ABCDEF"), Read::Bytes(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF])),
        (55, [ebcdic("002"), vec![0x82, 0x00]].concat(), Read::Bytes(&[0x82, 0x00])),
        (60, [b"03".to_vec(), ebcdic("ABC")].concat(), Read::Text("ABC")),
    ];
    reads(&dialect, &[ebcdic("0100"), bits(&numbers(&rows))].concat(), &rows);
}

#[test]
fn moov_in_ascii() {
    let (dialect, said) = import("moov-ascii.json", 0);
    assert_eq!(said, ["note: the class of DE 2, 4, 12, 28 and 35 is that of ISO 8583:1987"]);
    assert_eq!((dialect.name(), dialect.title()), ("moov-ascii", "A processor in ASCII"));
    assert!(dialect.third_bitmap());
    let rows = [
        plain(2, "164111110000000013", "4111110000000013"),
        plain(3, "003000", "003000"),
        plain(28, "C00000007", "C00000007"),
        plain(37, "R-0000000001", "R-0000000001"),
        plain(48, "0003a=b", "a=b"),
        (52, b"0123456789ABCDEF".to_vec(), Read::Bytes(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF])),
        (55, b"002\x82\x00".to_vec(), Read::Bytes(&[0x82, 0x00])),
        plain(60, "03xyz", "xyz"),
        (64, b"\x00\xFF\x00\xFF\x00\xFF\x00\xFF".to_vec(), Read::Bytes(&[0, 255, 0, 255, 0, 255, 0, 255])),
        plain(130, "000042", "000042"),
    ];
    reads(&dialect, &[b"0100".to_vec(), hex(&bits(&numbers(&rows)))].concat(), &rows);
}

#[test]
fn moov_packed_with_two_bit_maps_always() {
    let (dialect, said) = import("moov-packed.json", 0);
    assert!(said.is_empty(), "{said:?}");
    let rows: [Row<'_>; 9] = [
        (2, b"\x05\x01\x23\x45".to_vec(), Read::Text("12345")),
        (3, b"\x00\x30\x00".to_vec(), Read::Text("003000")),
        (22, b"\x00\x51".to_vec(), Read::Text("051")),
        (32, b"\x05\x12\x34\x50".to_vec(), Read::Text("12345")),
        (37, ebcdic("REF000000001"), Read::Text("REF000000001")),
        // moov's table has [ at 4A and ] at 5A.
        (44, [ebcdic("03"), vec![0x4A, 0xC1, 0x5A]].concat(), Read::Text("[A]")),
        (52, vec![1, 2, 3, 4, 5, 6, 7, 8], Read::Bytes(&[1, 2, 3, 4, 5, 6, 7, 8])),
        (62, b"\x00\x02ok".to_vec(), Read::Text("ok")),
        (63, b"0003\x00\x01\x02".to_vec(), Read::Bytes(&[0, 1, 2])),
    ];
    let maps = [bits(&numbers(&rows)), vec![0; 8]].concat();
    reads(&dialect, &[b"\x01\x00".to_vec(), maps].concat(), &rows);
}

/// The parts at these addresses; text as it is, bytes in hexadecimal.
fn parts(dialect: &Dialect, frame: &[u8], expected: &[(&str, &str)]) {
    let mut message = Message::new();
    dialect.parse(frame, &mut message).unwrap_or_else(|error| panic!("{error}"));
    let view = dialect.view(frame, &message);
    for (address, value) in expected {
        let path = dialect.path(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let (mut room, mut buffer) = ([0; 999], [0; 999]);
        let field = view.sub(&path, &mut room).unwrap_or_else(|| panic!("{address} is not there"));
        let read = match field.format().class {
            Class::B => text(&hex(field.bytes(&mut buffer).unwrap())),
            _ => text(field.text(&mut buffer).unwrap()),
        };
        assert_eq!(read, *value, "{address}");
    }
}

#[test]
fn jpos_subfields() {
    let (dialect, said) = import("jpos-composite.xml", 1);
    let places: Vec<_> =
        said.iter().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(places, ["lost: DE 63", "lost: DE 121", "lost: DE 122", "lost: DE 122.1"]);
    let bits_of_62 = [
        bits(&[1, 25]),
        vec![0x42],
        vec![15],
        vec![0x20, 0x00, 0x01],
        vec![0, 0, 0, 0, 0x01, 0x50],
        vec![5],
        b"hello".to_vec(),
    ];
    let bits_of_62 = bits_of_62.concat();
    // Bit 1 of the map says that subfield 1 is there, not that another map follows.
    let rows = [
        format!("{:25}{:13}{:2}", "SHOP", "BERN", "CH").into_bytes(),
        [ebcdic("015"), ebcdic("T4203ABC9203987")].concat(),
        b"\x00\x09\x9F\x02\x06\x00\x00\x00\x00\x01\x50".to_vec(),
        [&[0x00, 0x10][..], b"\x01\x23\x05\x12\x34\x50abcd"].concat(),
        [&[bits_of_62.len() as u8][..], &bits_of_62].concat(),
    ];
    let frame = [b"\x01\x00".to_vec(), bits(&[43, 48, 55, 60, 62]), rows.concat()].concat();
    let expected = [
        ("43.1", "SHOP                     "),
        ("43.3", "CH"),
        ("48.0", "T"),
        ("48.42", "ABC"),
        ("48.92", "987"),
        ("55.9F02", "000000000150"),
        ("60.1", "123"),
        ("60.2", "12345"),
        ("60.3", "abcd"),
        ("62.1", "42"),
        ("62.25.3", "000000000150"),
        ("62.25.24", "hello"),
    ];
    parts(&dialect, &frame, &expected);
}

#[test]
fn moov_subfields() {
    let (dialect, said) = import("moov-composite.json", 1);
    let places: Vec<_> =
        said.iter().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(
        places,
        ["lost: DE 120", "lost: DE 121", "lost: DE 122", "note: the class of DE 3 is that of ISO 8583:1987"]
    );
    let nested = b"\x0A\x01\x02hi\x0A\x02\x03\x00\x01\x02";
    let bits_of_62 = [bits(&[1, 25]), vec![0x42, nested.len() as u8], nested.to_vec()].concat();
    let rows = [
        b"003000".to_vec(),
        b"0160105Alice9203987".to_vec(),
        b"009\x9F\x02\x06\x00\x00\x00\x00\x01\x50".to_vec(),
        // In the order of numbers: 1, 2, 10.
        b"\x0A\x01\x23abcd\x05\x12\x34\x50".to_vec(),
        [&[bits_of_62.len() as u8][..], &bits_of_62].concat(),
    ];
    let frame = [b"0100".to_vec(), bits(&[3, 48, 55, 60, 62]), rows.concat()].concat();
    let expected = [
        ("3.1", "00"),
        ("3.2", "30"),
        ("48.01", "Alice"),
        ("48.92", "987"),
        ("55.9F02", "000000000150"),
        ("60.1", "123"),
        ("60.2", "abcd"),
        ("60.10", "12345"),
        ("62.1", "42"),
        ("62.25.0A01", "hi"),
        ("62.25.0A02", "000102"),
    ];
    parts(&dialect, &frame, &expected);
}

/// A message of Postilion's: DE 127 has a length of six digits and a bit map, and in it 127.25 has one of its own.
fn postilion(de127: &[u8]) -> Vec<u8> {
    let fields = [&b"003000"[..], b"000007", b"\x01\x02\x03\x04\x05\x06\x07\x08"].concat();
    let long = format!("{:06}", de127.len()).into_bytes();
    [b"0200".to_vec(), bits(&[3, 11, 52, 127]), fields, long, de127.to_vec()].concat()
}

#[test]
fn lengths_of_five_and_six_digits_and_what_is_inside() {
    let chip = [bits(&[2, 3]), b"000000000150000000000042".to_vec()].concat();
    // Longer than four digits can say.
    let structured = "x".repeat(12_345);
    let de127 = [
        bits(&[2, 22, 25]),
        b"04key1".to_vec(),
        format!("{:05}{structured}", structured.len()).into_bytes(),
        format!("{:04}", chip.len()).into_bytes(),
        chip,
    ];
    let frame = postilion(&de127.concat());
    for (name, lost) in [
        ("jpos-postilion.xml", ["lost: DE 59", "lost: DE 127.33"]),
        ("moov-postilion.json", ["lost: DE 59", "lost: DE 127.33"]),
    ] {
        let (dialect, said) = import(name, 1);
        let told: Vec<_> = said.iter().filter(|line| line.starts_with("lost")).collect();
        assert!(told.iter().zip(lost).all(|(line, lost)| line.starts_with(lost)), "{told:?}");
        assert_eq!(told.len(), 2, "one length that cannot be said loses one field: {told:?}");
        parts(
            &dialect,
            &frame,
            &[("127.2", "key1"), ("127.25.2", "000000000150"), ("127.25.3", "000000000042")],
        );
        let mut message = Message::new();
        dialect.parse(&frame, &mut message).unwrap();
        let view = dialect.view(&frame, &message);
        let long = dialect.path("127.22").unwrap();
        let mut room = vec![0; long.room()];
        assert_eq!(view.sub(&long, &mut room).unwrap().units(), structured.len(), "{name}");
        let mut copy = Vec::new();
        dialect.build(&mut copy, view.mti(), Some(view), !Bitmap::EMPTY, &[]).unwrap();
        assert_eq!(copy, frame, "{name}");
        // A length that no message can have is told as one.
        let mut wrong = frame.clone();
        wrong[40..46].copy_from_slice(b"999999");
        let error = dialect.parse(&wrong, &mut message).unwrap_err();
        assert_eq!((error.de, error.offset), (127, 40), "{name}: {error}");
    }
}

#[test]
fn tags_by_token_and_by_number() {
    let (dialect, said) = import("jpos-tagged.xml", 1);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("lost: DE 63: its tags are made by OwnMapper"), "{said:?}");
    let rows = [
        b"0310023003POI0777004some0146006000150"[..].to_vec(),
        b"01902042222170333301011".to_vec(),
        b"017004022\x00\xFF12303abc".to_vec(),
        b"015TA102xyC304more".to_vec(),
    ];
    let rows = [
        format!("{:03}", rows[0].len() - 3).into_bytes(),
        rows[0][3..].to_vec(),
        format!("{:03}", rows[1].len() - 3).into_bytes(),
        rows[1][3..].to_vec(),
        b"015".to_vec(),
        b"00402\x00\xFF12303abc".to_vec(),
        b"015".to_vec(),
        b"TA102xyC304more".to_vec(),
    ];
    let frame = [b"0100".to_vec(), hex(&bits(&[48, 60, 61, 62])), rows.concat()].concat();
    let expected = [
        ("48.0023", "POI"),
        ("48.0146", "000150"),
        ("48.0777", "some"),
        ("60.02", "2222"),
        ("60.17", "333"),
        ("60.01", "1"),
        ("61.004", "00FF"),
        ("61.123", "abc"),
        ("62.0", "T"),
        ("62.A1", "xy"),
        ("62.C3", "more"),
    ];
    parts(&dialect, &frame, &expected);
}

#[test]
fn what_is_lost_is_told_field_by_field() {
    let table: [(&str, &[(&str, &str)]); 2] = [
        (
            "jpos-beyond.xml",
            &[
                ("", "headerLength=\"12\" of the packager"),
                ("", "<isovalidator> is not read"),
                ("3", "there twice"),
                ("5", "code of its own"),
                ("6", "IFA_NOSUCH is not known"),
                ("8", "its sign stands in the last digit"),
                ("31", "IFA_AMOUNT2003"),
                ("40", "always its whole room"),
                ("44", "always even"),
                ("45", "at most 99"),
                ("47", "trim=\"true\" is not read"),
                ("54", "7 digits"),
                ("57", "a tag before the value"),
                ("58", "half bytes"),
                ("59", "0 long"),
                ("130", "no bit for it"),
            ],
        ),
        (
            "moov-beyond.json",
            &[
                ("1", "16 bytes"),
                ("5", "type \"Strange\""),
                ("6", "\"Rot13\""),
                ("8", "ASCII.LLLLLLL"),
                ("9", "4 bytes"),
                ("32", "padded to its longest"),
                ("40", "padding \"Right\""),
                ("44", "at most 99"),
                ("45", "0 long"),
                ("46", "\"colour\""),
                ("47", "bit map of its own"),
                ("200", "no bit for it"),
            ],
        ),
    ];
    for (name, expected) in table {
        let (_, said) = import(name, 1);
        let lost: Vec<_> = said.iter().filter_map(|line| line.strip_prefix("lost: ")).collect();
        assert_eq!(lost.len(), expected.len(), "{name}: {lost:#?}");
        for (line, (de, what)) in lost.iter().zip(expected) {
            let place = if de.is_empty() { String::new() } else { format!("DE {de}: ") };
            assert!(line.starts_with(&place) && line.contains(what), "{name}: {line}: not {place}{what}");
        }
        let path = sample(name);
        assert_eq!(run(&["specs", "import", "--lenient", &path]).status.code(), Some(0));
        let output = run(&["specs", "import", "--json", &path]);
        assert_eq!(output.status.code(), Some(1));
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let remarks = object["remarks"].as_array().unwrap();
        assert_eq!(remarks.iter().filter(|remark| remark["lost"] == true).count(), expected.len());
        assert!(Dialect::from_toml(object["toml"].as_str().unwrap(), name).is_ok());
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn what_comes_out_is_checked_and_masked() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(sample("")).unwrap() {
        let path = entry.unwrap().path();
        let output = run(&["specs", "import", "--lenient", "--name", "mine", path.to_str().unwrap()]);
        let toml = text(&output.stdout);
        assert!(toml.starts_with("# Read from ") && toml.contains("\nname = \"mine\"\n"), "{toml}");
        assert!(!toml.contains(path.to_str().unwrap()), "names the path");
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, &output.stdout).unwrap();
        let checked = run(&["specs", "check", "--json", file.to_str().unwrap()]);
        let object: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
        assert_eq!(object["ok"], true, "{}: {object}", path.display());
        // Longer than the standard's is the file's own doing; nothing else is suspicious.
        for warning in object["warnings"].as_array().unwrap() {
            let reason = warning["reason"].as_str().unwrap();
            assert!(reason.contains("takes up to"), "{}: {reason}", path.display());
        }
    }
}
