//! No output of `decode` shows a card number or what follows it on a track: random messages in every dialect, right and
//! damaged, with numbers planted wherever they fit.

use authswitch::cli::decode::{Form, Look, Show};
use authswitch::traffic::capture::{Capture, Logged, LoggedField, LoggedValue, Options};
use authswitch::wire::{Bitmap, Class, Dialect, FieldInfo, Mti, Value};
use proptest::prelude::*;
use std::sync::Arc;

/// Prefix and length of numbers that networks issue.
const NETWORKS: [(&str, usize); 10] = [
    ("4", 16),
    ("4", 13),
    ("4", 19),
    ("51", 16),
    ("55", 16),
    ("2223", 16),
    ("37", 15),
    ("36", 14),
    ("6011", 16),
    ("62", 19),
];

fn with_check_digit(digits: &str) -> String {
    let weigh = |(place, c): (usize, u8)| match (c & 15) << ((place + 1) % 2) {
        two @ 10.. => u32::from(two - 9),
        one => u32::from(one),
    };
    let sum: u32 = digits.bytes().rev().enumerate().map(weigh).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn card_number() -> impl Strategy<Value = String> {
    (0..NETWORKS.len(), any::<[u8; 20]>()).prop_map(|(network, random)| {
        let (prefix, length) = NETWORKS[network];
        let rest = random.iter().map(|byte| char::from(b'0' + byte % 10));
        let digits: String = prefix.chars().chain(rest).take(length - 1).collect();
        with_check_digit(&digits)
    })
}

/// How a number may stand in bytes of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Packed,
    Ascii,
    Ebcdic,
    Tag,
    Track,
}

/// A value of a field with the number in it; `None` where it has no room.
fn value(info: &FieldInfo, number: &str, form: Stands, before: usize) -> Option<Vec<u8>> {
    let (max, fixed) = (usize::from(info.format.max_length()), info.format.prefix().is_none());
    let track = format!("{number}=30122011234567");
    let text = match (info.format.class, form) {
        (Class::N, _) => number.to_owned(),
        (Class::Z | Class::Ns, Stands::Track) => track,
        (Class::Ans, Stands::Track) => format!("B{number}^DOE/JANE^30122011234567"),
        (Class::Ans, Stands::Ebcdic) => number
            .as_bytes()
            .chunks(4)
            .map(|four| format!("{} ", String::from_utf8_lossy(four)))
            .collect::<String>()
            .trim_end()
            .to_owned(),
        (Class::A | Class::As, _) => return None,
        (Class::Xn, _) => format!("C{number}"),
        (Class::B, form) => return bytes(number, form, before, max, fixed),
        _ => number.to_owned(),
    };
    let before = before.min(max.checked_sub(text.len())?);
    let fill = if info.format.class == Class::N { "0" } else { " " };
    let fill = if matches!(info.format.class, Class::Z | Class::Ns | Class::Xn) { "" } else { fill };
    let mut text = format!("{}{text}", fill.repeat(before));
    while fixed && text.len() < max {
        text.push('0');
    }
    (text.len() <= max).then(|| text.into_bytes())
}

fn bytes(number: &str, form: Stands, before: usize, max: usize, fixed: bool) -> Option<Vec<u8>> {
    let packed = |text: &str| -> Vec<u8> {
        let text = if text.len() % 2 == 1 { format!("{text}F") } else { text.to_owned() };
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let mut out = vec![0xC7; before % 5];
    match form {
        Stands::Packed => out.extend(packed(number)),
        Stands::Ascii => out.extend(number.bytes()),
        Stands::Ebcdic => out.extend(number.bytes().map(|c| c + 0xC0)),
        Stands::Track => out.extend(packed(&format!("{number}D30122011234567"))),
        Stands::Tag => {
            let value = packed(number);
            out = vec![0xDF, 0x21, value.len() as u8];
            out.extend(value);
        }
    }
    while fixed && out.len() < max {
        out.push(0xC7);
    }
    (out.len() <= max).then_some(out)
}

/// Everything that is shown of a message, in every form.
fn outputs(dialect: &Arc<Dialect>, message: &[u8]) -> Vec<String> {
    let all =
        || -> Vec<_> { Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect() };
    let narrow = Look { width: Some(60), colour: true };
    let show = |dialects, form, look| Show::new(dialects, form, false, look);
    let own = |form| show(vec![dialect.clone()], form, Look::default());
    let other = show(all(), Form::Json, Look::default());
    vec![
        own(Form::Tree).message(message),
        own(Form::Json).message(message),
        show(all(), Form::Tree, narrow).message(message),
        show(all(), Form::Json, Look::default()).message(message),
        show(all(), Form::Ranking, Look::default()).message(message),
        show(all(), Form::RankingJson, Look::default()).message(message),
        own(Form::Tree).difference(
            message,
            &other,
            b"0800822000000000000004000000000000001122093315000001301",
        ),
        own(Form::Json).difference(message, &other, message),
    ]
}

/// The number in every notation in which it could be read off.
fn notations(number: &str) -> Vec<String> {
    let hex = |add: u8| -> String { number.bytes().map(|c| format!("{:02X}", c + add)).collect() };
    vec![number.to_owned(), hex(0), hex(0xC0)]
}

fn is_shown(output: &str, number: &str) -> Option<String> {
    let escapes = output.split("\u{1B}[").enumerate();
    let plain: String = escapes
        .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) })
        .collect();
    // A number is no better hidden by a space here and there; columns are two spaces apart.
    let cells = plain.split("  ").map(|cell| cell.replace(' ', ""));
    let cells: Vec<String> = cells.chain([plain.clone()]).collect();
    notations(number).into_iter().find(|text| cells.iter().any(|cell| cell.contains(text)))
}

fn damaged(mut message: Vec<u8>, damage: Option<(usize, u8, u8)>) -> Vec<u8> {
    if let Some((at, byte, how)) = damage {
        let at = at % message.len();
        match how % 4 {
            0 => message[at] = byte,
            1 => message.truncate(at.max(1)),
            2 => drop(message.remove(at)),
            _ => message.insert(at, byte),
        }
    }
    message
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_planted_number_is_shown(
        dialect in 0..Dialect::builtin_names().len(),
        number in card_number(),
        de in 2u8..=128,
        form in prop_oneof![Just(Stands::Packed), Just(Stands::Ascii), Just(Stands::Ebcdic), Just(Stands::Tag), Just(Stands::Track)],
        before in 0usize..12,
        damage in proptest::option::of(any::<(usize, u8, u8)>()),
        behind in any::<bool>(),
    ) {
        let dialect = Dialect::builtin(Dialect::builtin_names()[dialect]).unwrap();
        let planted = (de..=128).chain(2..de).find_map(|de| {
            let info = dialect.field(de)?;
            Some((de, value(info, &number, form, before)?, info.format.class))
        });
        let (de, planted, class) = planted.unwrap();
        let mut fields = vec![(3u8, Value::Text(b"000000")), (11, Value::Text(b"000123")), (37, Value::Text(b"627812000123"))];
        fields.retain(|field| field.0 != de);
        fields.push((de, if class == Class::B { Value::Bytes(&planted) } else { Value::Text(&planted) }));
        fields.sort_by_key(|field| field.0);
        let mti = Mti::new(u16::from(dialect.version()) << 12 | 0x100).unwrap();
        let mut message = Vec::new();
        if dialect.build(&mut message, mti, None, Bitmap::EMPTY, &fields).is_err() {
            return Ok(());
        }
        if behind {
            message.extend(number.bytes());
        }
        let message = damaged(message, damage);
        for output in outputs(&dialect, &message) {
            let shown = is_shown(&output, &number);
            prop_assert!(shown.is_none(), "DE {} of {} shows {:?}:\n{}", de, dialect.name(), shown, output);
        }
    }
}

/// A log that tells a message by its fields, with the number in one of them: as text, bytes, or inside another.
fn log(number: &str, de: u8, form: Stands, before: usize, nested: usize) -> Logged {
    let text = |text: String| LoggedValue::Text(text);
    let value = match form {
        Stands::Ascii => text(format!("{}{number}", " ".repeat(before))),
        Stands::Ebcdic => text(format!("{}-{}-{}", &number[..4], &number[4..8], &number[8..])),
        Stands::Track => text(format!("{number}=30122011234567")),
        Stands::Packed | Stands::Tag => match bytes(number, form, before, 99, false) {
            Some(bytes) => LoggedValue::Bytes(bytes),
            None => text(number.to_owned()),
        },
    };
    let mut field = LoggedField { key: "2".to_owned(), value };
    for _ in 0..nested {
        field = LoggedField { key: "25".to_owned(), value: LoggedValue::Parts(vec![field]) };
    }
    let other = LoggedField { key: "11".to_owned(), value: LoggedValue::Text("000123".to_owned()) };
    Logged { mti: "0100".to_owned(), fields: vec![other, LoggedField { key: de.to_string(), ..field }] }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_number_planted_in_a_log_is_shown(
        number in card_number(),
        de in 2u8..=200,
        form in prop_oneof![Just(Stands::Packed), Just(Stands::Ascii), Just(Stands::Ebcdic), Just(Stands::Tag), Just(Stands::Track)],
        before in 0usize..12,
        nested in 0usize..3,
    ) {
        let logged = log(&number, de, form, before, nested);
        let debug = format!("{logged:?}");
        prop_assert!(!debug.contains(&number));
        // Bytes that a field of characters takes for characters are none of a card number there.
        let is_text = Dialect::builtin("iso87-ascii").unwrap().field(de).is_none_or(|field| field.format.class.is_text());
        let packed = bytes(&number, form, before, 99, false).unwrap_or_default();
        prop_assume!(!(is_text && form == Stands::Packed && packed.iter().all(|c| (b' '..=b'~').contains(c))));
        let all: Vec<_> =
            Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect();
        for form in [Form::Tree, Form::Json, Form::Ranking, Form::RankingJson] {
            let text = Show::new(all.clone(), form, false, Look::default()).log(&logged);
            prop_assert!(is_shown(&text, &number).is_none(), "field {}:\n{}", de, text);
        }
    }

    #[test]
    fn no_number_behind_an_unknown_header_or_in_a_line_is_shown(
        number in card_number(),
        header in "[A-Za-z0-9:=-]{0,12}",
        behind in any::<bool>(),
    ) {
        let message = format!("01004000000000000000{:02}{number}", number.len());
        let header = if behind { format!("{header}{number}") } else { header };
        let line = format!("{header}{message}\n");
        let mut capture = Capture::open(line.as_bytes(), Options { one_a_line: true, timed: false }).unwrap();
        let piece = capture.next_piece().unwrap();
        let pieces = piece.iter().map(|piece| piece.bytes.clone());
        let all: Vec<_> =
            Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect();
        for bytes in pieces.chain([line.trim_end().as_bytes().to_vec()]) {
            for form in [Form::Tree, Form::Json, Form::RankingJson] {
                let text = Show::new(all.clone(), form, false, Look::default()).message(&bytes);
                prop_assert!(is_shown(&text, &number).is_none(), "{}:\n{}", line, text);
            }
        }
    }
}

#[test]
fn a_planted_number_is_there_to_be_found() {
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    let mut message = Vec::new();
    let fields = [(48, Value::Text(b"4111111111111111".as_slice()))];
    dialect.build(&mut message, Mti::new(0x0100).unwrap(), None, Bitmap::EMPTY, &fields).unwrap();
    for (form, unmask) in [(Form::Tree, true), (Form::Json, true), (Form::Tree, false), (Form::Json, false)] {
        let text = Show::new(vec![dialect.clone()], form, unmask, Look::default()).message(&message);
        assert_eq!(is_shown(&text, "4111111111111111").is_some(), unmask, "{text}");
    }
}

/// Where a number stands, in words and as fields.
type Placed = (&'static str, Vec<(u8, Vec<u8>)>);

/// A message in ASCII with DE 2 or a track, and these.
fn beside(number: &str, in_track: bool, others: &[(u8, &[u8])]) -> Vec<u8> {
    let track = format!("{number}=3012");
    let own = if in_track { (35, track.as_bytes()) } else { (2, number.as_bytes()) };
    let mut fields: Vec<(u8, Value<'_>)> = vec![(own.0, Value::Text(own.1)), (11, Value::Text(b"000123"))];
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    fields.extend(others.iter().map(|(de, value)| {
        let is_bytes = dialect.field(*de).unwrap().format.class == Class::B;
        (*de, if is_bytes { Value::Bytes(value) } else { Value::Text(value) })
    }));
    fields.sort_by_key(|field| field.0);
    let mut message = Vec::new();
    dialect.build(&mut message, Mti::new(0x0100).unwrap(), None, Bitmap::EMPTY, &fields).unwrap();
    message
}

#[test]
fn the_messages_own_number_is_hidden_wherever_it_stands() {
    let packed = |number: &str| bytes(number, Stands::Packed, 0, 99, false).unwrap();
    // Right and wrong check digits, prefixes of networks and of none, long and short.
    for number in [
        "4111111111111111",
        "4111111111111112",
        "9998887776665552",
        "123456789012",
        "378282246310006",
        "99988877",
    ] {
        let split = |gap: &str| format!("{}{gap}{}{gap}{}", &number[..4], &number[4..6], &number[6..]);
        let at = |text: String, length: usize| {
            format!("{:<length$}", &text[..text.len().min(length)]).into_bytes()
        };
        let places: Vec<Placed> = vec![
            ("in free text", vec![(48, format!("CARD {number} ")[..].as_bytes().to_vec())]),
            ("among digits", vec![(48, format!("77{number}88").into_bytes())]),
            ("with blanks", vec![(63, split(" ").into_bytes())]),
            ("with hyphens", vec![(43, at(format!("SHOP {}", split("-")), 40))]),
            ("in a name", vec![(43, at(format!("SHOP {number}"), 40))]),
            ("across fields", vec![(41, at(number.to_owned(), 8)), (42, at(number[8..].to_owned(), 15))]),
            (
                "across three",
                vec![
                    (37, at(format!("REF12345{number}"), 12)),
                    (41, at(number[4..].to_owned(), 8)),
                    (42, at(number.get(12..).unwrap_or("").to_owned(), 15)),
                ],
            ),
            (
                "packed in a tag",
                vec![(55, [&[0xDF, 0x21, packed(number).len() as u8][..], &packed(number)].concat())],
            ),
            (
                "characters in a tag",
                vec![(55, [&[0xDF, 0x21, number.len() as u8][..], number.as_bytes()].concat())],
            ),
            (
                "EBCDIC in a tag",
                vec![(
                    55,
                    [vec![0xDF, 0x21, number.len() as u8], number.bytes().map(|c| c + 0xC0).collect()]
                        .concat(),
                )],
            ),
        ];
        let whole = [(11, 37usize), (15, 42)].into_iter().filter(|(length, _)| number.len() <= *length + 1);
        let whole = whole.map(|(length, de)| {
            ("whole", vec![(de as u8, at(number.to_owned(), length + usize::from(de == 37)))])
        });
        for (place, fields) in places.into_iter().chain(whole) {
            for in_track in [false, true] {
                let fields: Vec<(u8, &[u8])> =
                    fields.iter().map(|(de, value)| (*de, value.as_slice())).collect();
                let message = beside(number, in_track, &fields);
                let dialect = Dialect::builtin("iso87-ascii").unwrap();
                for output in outputs(&dialect, &message) {
                    let shown = is_shown(&output, number);
                    assert!(shown.is_none(), "{number} {place} shows {shown:?}:\n{output}");
                }
                let text =
                    Show::new(vec![dialect.clone()], Form::Json, false, Look::default()).message(&message);
                let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(json["errors"], serde_json::json!([]), "{number} {place}");
                // Its own field shows what its mask leaves, and what is beside it all the rest.
                let own = json["fields"][0]["value"].as_str().unwrap();
                assert_eq!(own.ends_with(&number[number.len() - 4..]), !in_track, "{own}");
                let other =
                    json["fields"].as_array().unwrap().iter().find(|field| field["de"] == 11).unwrap();
                assert_eq!(other["value"], "000123");
            }
        }
    }
    // What is not the number stays as it is, and so does what is too short to be looked for.
    for (number, text) in [("4111111111111112", "411111111111"), ("1234567", "1234567")] {
        let message = beside(number, false, &[(48, text.as_bytes())]);
        let dialect = Dialect::builtin("iso87-ascii").unwrap();
        let shown = Show::new(vec![dialect], Form::Json, false, Look::default()).message(&message);
        assert!(shown.contains(&format!("\"value\":\"{text}\"")), "{shown}");
    }
}

#[test]
fn a_logged_messages_own_number_is_hidden_too() {
    let all: Vec<_> = Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect();
    for number in ["9998887776665552", "123456789012"] {
        for (key, value) in [
            ("48", LoggedValue::Text(format!("77{number}88"))),
            ("42", LoggedValue::Text(format!("{number:<15}"))),
            (
                "127",
                LoggedValue::Parts(vec![LoggedField {
                    key: "9".to_owned(),
                    value: LoggedValue::Text(number.to_owned()),
                }]),
            ),
            ("193", LoggedValue::Text(format!("x{number}"))),
            ("194", LoggedValue::Bytes(number.bytes().collect())),
        ] {
            let field = |key: &str, value| LoggedField { key: key.to_owned(), value };
            let fields = vec![field("2", LoggedValue::Text(number.to_owned())), field(key, value)];
            let logged = Logged { mti: "0100".to_owned(), fields };
            for form in [Form::Tree, Form::Json] {
                let text = Show::new(all.clone(), form, false, Look::default()).log(&logged);
                assert!(is_shown(&text, number).is_none(), "{key}: {text}");
            }
        }
    }
}

#[test]
fn a_number_in_the_wrong_fields_is_hidden_across_them() {
    // Without the bit of DE 2, its digits become the codes and amounts of the fields behind it.
    let message = b"0100323C448108E0800016411111111111111100000000000001000010051234560001231434561005";
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    let text = Show::new(vec![dialect], Form::Tree, false, Look::default()).message(message);
    assert!(text.contains("error: "), "{text}");
    assert!(!text.contains("111111") && !text.contains("313131"), "{text}");
}
