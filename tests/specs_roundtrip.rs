//! Dialects that go to moov's JSON and back read and write messages as before: those that come with the
//! program, and dialects put together at random.

#![allow(clippy::unwrap_used)]

use authswitch::wire::{Bitmap, Class, Counts, Dialect, FieldInfo, Length, Message, Mti, Value};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// A dialect, the same after the journey, and the data elements that lost something on the way out.
#[derive(Clone, Debug)]
struct Pair {
    before: Arc<Dialect>,
    after: Arc<Dialect>,
    lost: BTreeSet<u8>,
}

fn run(args: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_authswitch")).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {said}"))
}

fn journey(before: Arc<Dialect>, name: &str) -> Pair {
    let folder = tempfile::tempdir().unwrap();
    let exported = run(&["specs", "export", "--json", name]);
    let file = folder.path().join("spec.json");
    std::fs::write(&file, exported["spec"].to_string()).unwrap();
    let edition = ["1987", "1993", "2003"][usize::from(before.version())];
    let imported = run(&["specs", "import", "--json", "--edition", edition, file.to_str().unwrap()]);
    let toml = imported["toml"].as_str().unwrap();
    let after = Dialect::from_toml(toml, "after").unwrap_or_else(|error| panic!("{error}\n{toml}"));
    let remarks =
        exported["remarks"].as_array().unwrap().iter().chain(imported["remarks"].as_array().unwrap());
    let lost = remarks.filter(|remark| remark["lost"] == true);
    let mut lost: BTreeSet<u8> =
        lost.filter_map(|remark| remark["field"].as_str()?.split('.').next()?.parse().ok()).collect();
    let differs = |de: &u8| match (before.field(*de), after.field(*de)) {
        (Some(one), Some(two)) => one.format.class != two.format.class,
        _ => true,
    };
    lost.extend(classes_of_the_standard(&imported).into_iter().filter(differs));
    Pair { before, after: Arc::new(after), lost }
}

/// The fields of which the import says that their class, of which the file says only that it is text, is
/// that of the standard: `the class of DE 2, 3 and 5 to 7 is that of ISO 8583:1987`.
fn classes_of_the_standard(imported: &serde_json::Value) -> Vec<u8> {
    let texts = imported["remarks"].as_array().unwrap().iter().filter_map(|remark| remark["what"].as_str());
    let list = texts.filter_map(|text| text.strip_prefix("the class of DE ")?.split(" is that").next());
    let runs = list.flat_map(|list| list.split(", ").flat_map(|part| part.split(" and ")));
    let ends = runs.map(|run| {
        let (first, last) = run.split_once(" to ").unwrap_or((run, run));
        first.parse().unwrap()..=last.parse().unwrap()
    });
    ends.flatten().collect()
}

fn characters(class: Class) -> Vec<u8> {
    (0..=255).filter(|c| class.allows(*c) && !(class == Class::Z && *c == b'D')).collect()
}

fn content(field: &FieldInfo) -> BoxedStrategy<Vec<u8>> {
    let format = field.format;
    let (least, most) = match format.length {
        Length::Fixed(units) => (usize::from(units), usize::from(units)),
        Length::Variable { max, .. } | Length::Rest { max } => (0, usize::from(max).min(60)),
    };
    // An odd number of digits cannot be told where the length counts bytes.
    let step = match format.prefix() {
        Some(prefix) if prefix.counts == Counts::Wire && format.wire_bytes(2) == 1 => 2,
        _ => 1,
    };
    let units = (least / step..=most / step).prop_map(move |n| n * step);
    let class = format.class;
    match class {
        Class::Xn => (select(b"CD".as_slice()), prop::collection::vec(b'0'..=b'9', most - 1))
            .prop_map(|(sign, digits)| [vec![sign], digits].concat())
            .boxed(),
        _ => units.prop_flat_map(move |n| prop::collection::vec(select(characters(class)), n)).boxed(),
    }
}

/// A message of some of the fields that both have, and their values.
fn message(pair: Pair) -> impl Strategy<Value = (Pair, Vec<(u8, Vec<u8>)>)> {
    let both: Vec<u8> =
        pair.before.fields().map(|field| field.de).filter(|de| pair.after.field(*de).is_some()).collect();
    let most = both.len().min(30);
    subsequence(both, 0..=most).prop_flat_map(move |numbers| {
        let pair = pair.clone();
        let values: Vec<_> =
            numbers.into_iter().map(|de| (Just(de), content(pair.before.field(de).unwrap()))).collect();
        values.prop_map(move |values| (pair.clone(), values))
    })
}

fn value<'v>(dialect: &Dialect, de: u8, content: &'v [u8]) -> Value<'v> {
    match dialect.field(de).unwrap().format.class {
        Class::B => Value::Bytes(content),
        _ => Value::Text(content),
    }
}

/// The same bytes are the same message to both, and the same values are the same bytes.
fn alike(pair: &Pair, values: &[(u8, Vec<u8>)]) -> Result<(), TestCaseError> {
    let Pair { before, after, lost } = pair;
    let mti = Mti::new(0x0100 | u16::from(before.version()) << 12).unwrap();
    let given: Vec<_> = values.iter().map(|(de, content)| (*de, value(before, *de, content))).collect();
    let mut frame = Vec::new();
    before.build(&mut frame, mti, None, Bitmap::EMPTY, &given).unwrap();
    let (mut first, mut second) = (Message::new(), Message::new());
    before.parse(&frame, &mut first).unwrap();
    if values.iter().any(|(de, _)| lost.contains(de)) {
        return Ok(());
    }
    prop_assert!(after.parse(&frame, &mut second).is_ok(), "{:?}", after.parse(&frame, &mut second));
    let (one, two) = (before.view(&frame, &first), after.view(&frame, &second));
    prop_assert_eq!(one.bitmap(), two.bitmap());
    let mut rebuilt = Vec::new();
    for (de, _) in values {
        prop_assert_eq!(one.raw(*de), two.raw(*de), "DE {}", de);
        let (mut a, mut b) = ([0; 9999], [0; 9999]);
        let read = |view: authswitch::wire::View<'_>, dialect: &Dialect, buffer: &mut [u8]| -> Vec<u8> {
            let bytes = dialect.field(*de).unwrap().format.class == Class::B;
            let read = if bytes { view.bytes(*de, buffer) } else { view.text(*de, buffer) };
            read.unwrap().to_vec()
        };
        let (a, b) = (read(one, before, &mut a), read(two, after, &mut b));
        prop_assert_eq!(&a, &b, "DE {}", de);
        rebuilt.push((*de, b));
    }
    let given: Vec<_> = rebuilt.iter().map(|(de, content)| (*de, value(after, *de, content))).collect();
    let mut again = Vec::new();
    after.build(&mut again, mti, None, Bitmap::EMPTY, &given).unwrap();
    prop_assert_eq!(&again, &frame);
    let mut echoed = Vec::new();
    after.build(&mut echoed, mti, Some(two), !Bitmap::EMPTY, &[]).unwrap();
    prop_assert_eq!(&echoed, &frame);
    Ok(())
}

fn builtin() -> impl Strategy<Value = Pair> {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    let journeys =
        || Dialect::builtin_names().iter().map(|name| journey(Dialect::builtin(name).unwrap(), name));
    select(PAIRS.get_or_init(|| journeys().collect()).clone())
}

/// One field's line, of any class, length, encoding and pad.
fn field(de: u8) -> impl Strategy<Value = String> {
    let classes = select(vec!["n", "a", "an", "ns", "as", "ans", "z", "x+n", "b"]);
    let text = vec!["ascii", "ebcdic-037", "ebcdic-500", "ebcdic-1047"];
    let digits = [&text[..], &["bcd"]].concat();
    let bytes = vec!["binary", "hex", "ebcdic-hex"];
    let lengths = [&digits[..], &["binary", "hex"]].concat();
    let rest = (0usize..=4, 1u16..=40, select(lengths), any::<[u8; 4]>());
    (classes, rest).prop_map(move |(class, (dots, max, length, [a, b, c, d]))| {
        let pick = |from: &[&'static str], by: u8| from[usize::from(by) % from.len()];
        let encoding = match class {
            "b" => pick(&bytes, a),
            "n" | "z" | "x+n" => pick(&digits, a),
            _ => pick(&text, a),
        };
        // What a length of so few digits can say, were it to count two characters for a byte.
        let dots = if class == "x+n" { 0 } else { dots };
        let max = if dots == 1 { 1 + max % if length == "hex" { 7 } else { 4 } } else { max };
        let counts = if b % 4 == 0 { "wire" } else { "value" };
        let pad = pick(&["left 0", "right 0", "right F", "left F"], c);
        let fill = pick(&["right space", "left 0", "left space", "right *"], d);
        let dots = ".".repeat(dots);
        let separator = if dots.is_empty() { " " } else { "" };
        format!(
            "{de} = {{ format = \"{class}{dots}{separator}{max}\", name = \"Field {de}\", encoding = \"{encoding}\", \
             length = {{ encoding = \"{length}\", counts = \"{counts}\" }}, pad = \"{pad}\", fill = \"{fill}\" }}\n"
        )
    })
}

fn random() -> impl Strategy<Value = Pair> {
    let heads =
        (select(vec!["ascii", "ebcdic-500", "bcd"]), select(vec!["binary", "hex"]), any::<[bool; 2]>());
    let fields = subsequence((2..=190u8).filter(|de| *de != 65).collect::<Vec<_>>(), 1..40)
        .prop_flat_map(|numbers| numbers.into_iter().map(field).collect::<Vec<_>>());
    (heads, fields).prop_map(|((mti, bitmap, [fixed, third]), fields)| {
        let number = |line: &String| line.split(' ').next().unwrap().parse::<u8>().unwrap();
        let high = |line: &&String| third || number(line) <= 128;
        let lines: Vec<&str> = fields.iter().filter(high).map(String::as_str).collect();
        let third = third && fields.iter().any(|line| number(line) > 128);
        let maps = if third { "third_bitmap = true\n" } else if fixed { "fixed_bitmaps = true\n" } else { "" };
        let toml = format!(
            "name = \"random\"\nversion = 0\n{maps}[encoding]\nmti = \"{mti}\"\nbitmap = \"{bitmap}\"\n[fields]\n{}",
            lines.concat()
        );
        let before = Dialect::from_toml(&toml, "before").unwrap_or_else(|error| panic!("{error}\n{toml}"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("random.toml");
        std::fs::write(&file, toml).unwrap();
        journey(Arc::new(before), file.to_str().unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dialects_of_the_program_come_back((pair, values) in builtin().prop_flat_map(message)) {
        alike(&pair, &values)?;
    }
}

proptest! {
    // Each case starts the program twice.
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_dialects_come_back((pair, values) in random().prop_flat_map(message)) {
        for de in pair.before.fields().map(|field| field.de) {
            prop_assert!(pair.after.field(de).is_some() || pair.lost.contains(&de), "DE {} went without a word", de);
        }
        alike(&pair, &values)?;
        for (de, content) in &values {
            alike(&pair, &[(*de, content.clone())])?;
        }
    }
}

#[test]
fn hardly_a_field_of_the_program_is_lost() {
    let lost = |name: &str| journey(Dialect::builtin(name).unwrap(), name).lost;
    assert_eq!(lost("iso87-ascii"), BTreeSet::new());
    // Signed amounts and tracks with a separator in packed digits.
    assert_eq!(lost("iso87-bcd"), BTreeSet::from([28, 29, 30, 31, 35, 36, 97]));
}
