//! What is inside data elements: every kind of layout on values as the networks send them, what is wrong where, masks,
//! places, and how deep it goes.

#![allow(clippy::unwrap_used)]

#[path = "layouts/dialects.rs"]
mod dialects;
#[path = "layouts/look.rs"]
mod look;

use authswitch::wire::{Dialect, Key, Mask, Node, View};
use dialects::{dialect, show};
use look::{frame, with};

/// A node in a line: dots for depth, key, value, what is wrong where (from the field's first byte).
fn line(node: &Node<'_>, from: usize) -> String {
    let value = node.field.map_or_else(String::new, |field| format!(" {}", show(field)));
    let wrong = node.wrong.map_or_else(String::new, |(at, reason)| format!(" !{} {reason}", at - from));
    format!("{}{}{value}{wrong}", ".".repeat(node.depth), node.key)
}

fn tree(view: View<'_>, de: u8) -> Vec<String> {
    let from = view.offset(de).unwrap();
    let mut lines = Vec::new();
    view.walk_parts(de, &mut |node| lines.push(line(node, from)));
    lines
}

const TRACE: &str = "010000012310051234560000012345600000000000";

/// (dialect, field, value, its parts).
const TREES: &[(&str, u8, &str, &[&str])] = &[
    ("iso87-ascii", 3, "301020", &[".type 30", ".from 10", ".to 20"]),
    ("iso87-bcd", 3, "301020", &[".type 30", ".from 10", ".to 20"]),
    ("iso87-ascii", 22, "051", &[".pan 05", ".pin 1"]),
    ("iso87-bcd", 22, "051", &[".pan 05", ".pin 1"]),
    (
        "iso87-bcd",
        90,
        TRACE,
        &[
            ".mti 0100",
            ".stan 000123",
            ".transmission 1005123456",
            ".acquirer 00000123456",
            ".forwarder 00000000000",
        ],
    ),
    (
        "continued",
        48,
        "010011 E0004000 31323334 3035 48454C4C4F 5858",
        &[".01 E000400031323334303548454C4C4F5858", "..bitmap", "..2 1234", "..3 HELLO", "..18 XX"],
    ),
    (
        "continued",
        48,
        "71000A 8001 C0 01 3136 3138 3332",
        &[".71 8001C001313631383332", "..bitmap", "..16 16", "..18 18", "..32 32"],
    ),
    ("continued", 48, "010006 400031323334", &[".01 400031323334", "..bitmap", "..2 1234"]),
    ("continued", 48, "010003 800040", &[".01 800040", "..bitmap !8 expected 2 bytes, found 1"]),
    (
        "continued",
        48,
        "010012 800080008000800080008000800080008000",
        &[".01 800080008000800080008000800080008000", "..bitmap !22 expected bit maps of at most 16 bytes"],
    ),
    ("continued", 60, "T4203ABC", &[".TCC T", ".42 ABC"]),
    ("continued", 60, "4203ABC", &[".42 ABC"]),
    ("continued", 60, "TXY4203ABC", &[".TCC T", ".code XY", ".42 ABC"]),
    ("continued", 60, "T", &[".TCC T"]),
    (
        "mds",
        95,
        "000000004000000000000000000000000000000000",
        &[
            ".transaction 000000004000",
            ".settlement 000000000000",
            ".transaction-fee 000000000",
            ".settlement-fee 000000000",
        ],
    ),
    (
        "mds",
        43,
        "CORNER SHOP              BERLIN       DE",
        &[".name CORNER SHOP              ", ".city BERLIN       ", ".country DE"],
    ),
    (
        "ascii-93",
        43,
        "SHOP\\\\BERLIN\\10115     BE DEU",
        &[".name SHOP", ".street ", ".city BERLIN", ".postal-code 10115     ", ".region BE ", ".country DEU"],
    ),
    (
        "ascii-93",
        22,
        "51010151234C",
        &[
            ".input-capability 5",
            ".authentication-capability 1",
            ".capture-capability 0",
            ".environment 1",
            ".cardholder 0",
            ".card 1",
            ".input 5",
            ".authentication 1",
            ".authenticator 2",
            ".output 3",
            ".terminal-output 4",
            ".pin-capture C",
        ],
    ),
    (
        "ascii-93",
        56,
        "110000012326100514345606123456",
        &[".mti 1100", ".stan 000123", ".local 261005143456", ".acquirer 123456"],
    ),
    (
        "iso87-ascii",
        54,
        "3001978D0000000123453002978C000000487655",
        &[
            ".1 3001978D000000012345",
            "..account 30",
            "..type 01",
            "..currency 978",
            "..amount D000000012345",
            ".2 3002978C000000487655",
            "..account 30",
            "..type 02",
            "..currency 978",
            "..amount C000000487655",
        ],
    ),
    (
        "ascii-93",
        54,
        "30029782C000000487655",
        &[
            ".1 30029782C000000487655",
            "..account 30",
            "..type 02",
            "..currency 978",
            "..decimals 2",
            "..amount C000000487655",
        ],
    ),
    (
        "iso87-bcd",
        35,
        "4111111111111111=30122011234",
        &[".pan 4111111111111111", ".expiry 3012", ".service 201", ".discretionary 1234"],
    ),
    (
        "iso87-ascii",
        35,
        "4111111111111111D==1234",
        &[".pan 4111111111111111", ".expiry ", ".service ", ".discretionary 1234"],
    ),
    (
        "mds",
        45,
        "B4111111111111111^DOE/JOHN^30122011234",
        &[
            ".format B",
            ".pan 4111111111111111",
            ".name DOE/JOHN",
            ".expiry 3012",
            ".service 201",
            ".discretionary 1234",
        ],
    ),
    ("mds", 48, "R", &[".TCC R"]),
    (
        "mds",
        48,
        "R61051000042070103212",
        &[".TCC R", ".61 10000", "..1 1", "..2 0", "..3 000", ".42 0103212", "..01 212"],
    ),
    // 87 is not listed, and kept.
    ("mds", 48, "T3306AB CD 8701M9203123", &[".TCC T", ".33 AB CD ", ".87 M", ".92 123"]),
    ("mds", 62, "0023003CT10158002AB", &[".0023 CT1", ".0158 AB"]),
    ("mds", 105, "00102212345678901234567890120020011", &[".001 1234567890123456789012", ".002 1"]),
    ("mds", 63, "MCS123456789", &[".code MCS", ".reference 123456789"]),
    (
        "vip",
        55,
        "01000F9F2608112233445566778882023900 02000400950101",
        &[
            ".01 9F2608112233445566778882023900",
            "..9F26 1122334455667788",
            "..82 3900",
            ".02 00950101",
            "..padding",
            "..95 !25 expected 5 bytes, found 1",
        ],
    ),
    (
        "vip",
        60,
        "05000010",
        &[".1 0", ".2 5", ".3 0", ".4 0", ".5 00", ".6 1", ".rest !4 expected the end, found 1 more bytes"],
    ),
    ("vip", 60, "0500", &[".1 0", ".2 5", ".3 0", ".4 0"]),
    ("vip", 62, "C000000000000000 E8 0486278123456789", &[".bitmap", ".1 Y", ".2 486278123456789"]),
    ("vip", 63, "8000000002", &[".bitmap", ".1 0002"]),
    ("vip", 126, "0040000000000000 F1F1F1F2F3F4", &[".bitmap", ".10 111234"]),
    (
        "vip",
        104,
        "57 0004 8002C1C1 71 0009 0123 03C1C2C3 430123 C4 0003 800100",
        &[
            ".57 8002C1C1",
            "..80 AA",
            ".71 012303C1C2C3430123",
            "..count 123",
            "..text ABC",
            "..fee C123",
            ".C4 800100",
            "..80 !25 expected 2 bytes, found 1",
        ],
    ),
    // A tag says that it holds others, the file says what it holds.
    (
        "vip",
        104,
        "57 0007 E105012303C1C2",
        &[".57 E105012303C1C2", "..E1 012303C1C2", "...count 123", "...text !9 expected 3 bytes, found 2"],
    ),
    // Too long for their formats: no value, and on behind them.
    ("iso87-bcd", 55, "8203390000 9A03261005", &[".82 !6 expected 2 bytes, found 3", ".9A 261005"]),
    ("mds", 48, "R61061234568701M", &[".TCC R", ".61 !8 expected a length of at most 5, found 6", ".87 M"]),
    // A list that ends between two parts of a row, and inside one.
    (
        "iso87-ascii",
        54,
        "3001978",
        &[
            ".1 3001978 !10 expected the parts of a whole row, found the end",
            "..account 30",
            "..type 01",
            "..currency 978",
        ],
    ),
    (
        "iso87-ascii",
        54,
        "3001978D000",
        &[
            ".1 3001978D000",
            "..account 30",
            "..type 01",
            "..currency 978",
            "..amount !10 expected 13 bytes, found 4",
        ],
    ),
    // What is wrong inside one dataset does not keep the next one from being read, a wrong length does.
    (
        "vip",
        104,
        "71 0003 0123 09 C4 0009 8002",
        &[
            ".71 012309",
            "..count 123",
            "..text !7 expected 9 bytes, found 0",
            ".C4 !10 expected 9 bytes, found 2",
        ],
    ),
    (
        "ascii-93",
        55,
        "9F260811223344556677885F2A020978DF81010157",
        &[".9F26 1122334455667788", ".5F2A 978", ".DF8101 57"],
    ),
    (
        "ascii-93",
        55,
        "7111860411223344 9F1804AABBCCDD 8602FFEE 570741111D30122011 FF",
        &[
            ".71 8604112233449F1804AABBCCDD8602FFEE",
            "..86 11223344",
            "..9F18 AABBCCDD",
            "..86 FFEE",
            ".57 41111=30122011",
            "..pan 41111",
            "..expiry 3012",
            "..service 201",
            "..discretionary 1",
            ".padding",
        ],
    ),
    (
        "ascii-93",
        104,
        "57000480021234 0100035A024F",
        &[".57 80021234", "..80 1234", ".01 5A024F", "..rest !27 expected 2 bytes, found 1"],
    ),
];

#[test]
fn every_kind_is_taken_apart() {
    for (name, de, value, expected) in TREES {
        let dialect = dialect(name);
        let frame = frame(&dialect, *de, value);
        let found = with(&dialect, &frame, |view| tree(view, *de));
        assert_eq!(found, *expected, "{name}, DE {de}, {value}");
    }
}

/// The masks of every node, and of the field.
fn masks(dialect: &Dialect, de: u8, value: &str) -> Vec<(String, Mask)> {
    let frame = frame(dialect, de, value);
    let mut masks = Vec::new();
    with(dialect, &frame, |view| {
        view.walk_parts(de, &mut |node| masks.push((node.key.to_string(), node.mask)))
    });
    masks
}

#[test]
fn a_part_is_never_more_open_than_what_holds_it() {
    use Mask::{Open, Pan, Secret};
    let (mds, vip, bcd) = (dialect("mds"), dialect("vip"), dialect("iso87-bcd"));
    let of =
        |list: &[(&str, Mask)]| list.iter().map(|(key, mask)| ((*key).to_owned(), *mask)).collect::<Vec<_>>();
    assert_eq!(
        masks(&bcd, 35, "4111=30122011"),
        of(&[("pan", Secret), ("expiry", Secret), ("service", Secret), ("discretionary", Secret)])
    );
    assert_eq!(masks(&mds, 48, "T9203123"), of(&[("TCC", Open), ("92", Secret)]));
    assert_eq!(
        masks(&bcd, 55, "5A02411170045F240125DF0100"),
        of(&[("5A", Pan), ("70", Open), ("5F24", Secret), ("DF01", Open)])
    );
    // What fits nothing may be the most secret there is.
    assert_eq!(masks(&mds, 48, "T92"), of(&[("TCC", Open), ("92", Secret)]));
    assert_eq!(masks(&mds, 48, "T9"), of(&[("TCC", Open), ("rest", Secret)]));
    assert_eq!(masks(&vip, 63, "0000000000"), of(&[("bitmap", Open), ("rest", Open)]));
    assert_eq!(masks(&vip, 126, "4000000000000000F1"), of(&[("bitmap", Open), ("rest", Secret)]));
    assert_eq!((mds.field(48).unwrap().mask, mds.field(48).unwrap().strictest_mask()), (Open, Secret));
    assert_eq!(bcd.field(90).unwrap().strictest_mask(), Open);
    assert_eq!(bcd.field(2).unwrap().strictest_mask(), Pan);
}

#[test]
fn names_are_those_of_the_file() {
    let bcd = dialect("iso87-bcd");
    let frame = frame(&bcd, 55, "9F2600DF010082023900");
    let mut names = Vec::new();
    with(&bcd, &frame, |view| view.walk_parts(55, &mut |node| names.push(node.name.to_owned())));
    assert_eq!(names, ["Application cryptogram", "", "Application interchange profile"]);
}

/// Where parts stand in the message, when they do and do not begin with a byte of their own.
#[test]
fn places_are_bytes_of_the_message() {
    type Places = &'static [(usize, usize)];
    let table: [(&str, u8, &str, Places); 6] = [
        ("iso87-bcd", 90, TRACE, &[(0, 2), (2, 5), (5, 10), (10, 16), (15, 21)]),
        ("iso87-bcd", 22, "051", &[(0, 2), (1, 2)]),
        ("iso87-ascii", 22, "051", &[(0, 2), (2, 3)]),
        ("iso87-bcd", 35, "4111=3012201", &[(1, 4), (3, 6), (5, 7)]),
        ("ascii-93", 55, "820239009A03261005", &[(3, 11), (11, 21)]),
        ("ascii-93", 55, "570741111D30122011", &[(3, 21), (7, 13), (13, 17), (17, 20), (20, 21)]),
    ];
    for (name, de, value, expected) in table {
        let dialect = dialect(name);
        let frame = frame(&dialect, de, value);
        with(&dialect, &frame, |view| {
            let start = view.offset(de).unwrap();
            let mut places = Vec::new();
            view.walk_parts(de, &mut |node| places.push((node.whole.start - start, node.whole.end - start)));
            assert_eq!(places, expected, "{name}, DE {de}");
        });
    }
}

/// Templates in templates, as long as the field lets them be.
#[test]
fn nesting_is_followed_eight_deep_and_then_reported() {
    let bcd = dialect("iso87-bcd");
    let mut value = Vec::new();
    loop {
        let length = value.len();
        let mut outer = match length {
            0..=0x7F => vec![0x61, length as u8],
            0x80..=0xFF => vec![0x61, 0x81, length as u8],
            _ => vec![0x61, 0x82, (length >> 8) as u8, length as u8],
        };
        outer.extend_from_slice(&value);
        if outer.len() > 999 {
            break;
        }
        value = outer;
    }
    let hex: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
    let frame = frame(&bcd, 55, &hex);
    let mut nodes = Vec::new();
    with(&bcd, &frame, |view| {
        view.walk_parts(55, &mut |node| {
            nodes.push((node.depth, node.key.to_string(), node.mask, node.wrong))
        });
    });
    let depths: Vec<_> = nodes.iter().map(|(depth, ..)| *depth).collect();
    assert!(depths.iter().max() == Some(&8) && nodes.len() < 20, "{depths:?}");
    let deepest = nodes.iter().find(|(depth, ..)| *depth == 8).unwrap();
    assert_eq!(deepest.3.unwrap().1.to_string(), "expected parts at most 8 deep");
    assert_eq!(deepest.2, Mask::Secret, "nobody knows what is in there");
}

#[test]
fn a_field_without_a_layout_and_one_that_is_absent_have_no_parts() {
    let bcd = dialect("iso87-bcd");
    let frame = frame(&bcd, 4, "12");
    with(&bcd, &frame, |view| {
        for de in [4, 55, 255] {
            view.walk_parts(de, &mut |node| panic!("DE {de}: {node:?}"));
        }
    });
    assert_eq!(format!("{}", Key::Row(3)), "3");
}
