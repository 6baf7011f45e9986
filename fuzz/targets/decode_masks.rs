//! A line that is a dialect, a card number, a message: fields and values with card number and tracks planted among them, or bytes
//! with the number anywhere. Nothing that `decode` shows of it, in that dialect or in the one that it finds, has the number in it.
#![no_main]

use authswitch::cli::decode::{Form, Look, Show};
use authswitch::wire::{Class, Dialect, Length};
use authswitch_fuzz::Input;
use authswitch_fuzz::message::{Content, Fields, build, made};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

static ALL: LazyLock<Vec<Arc<Dialect>>> =
    LazyLock::new(|| Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect());

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let dialect = input.dialect();
    let pan = card_number(&mut input);
    let bytes = if input.byte() & 1 == 0 {
        let (mti, mut fields) = made(&dialect, &mut input);
        plant(&dialect, &pan, &mut fields);
        let Some(frame) = build(&dialect, mti, &fields) else { return };
        frame
    } else {
        anywhere(&pan, &mut input)
    };
    let own = std::slice::from_ref(&dialect);
    for dialects in [own, ALL.as_slice()] {
        for form in [Form::Tree, Form::Json] {
            let text = Show::new(dialects.to_vec(), form, false, Look::default()).message(&bytes);
            // Lines are not broken, groups of bytes are.
            let joined = text.replace(' ', "");
            for form in forms(&pan) {
                assert!(!text.contains(&form) && !joined.contains(&form), "{form} is shown\n{text}");
            }
        }
    }
});

/// Any bytes with the number among them, in characters or packed.
fn anywhere(pan: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let form = input.byte();
    let before = usize::from(input.byte());
    let mut bytes = input.take(before).to_vec();
    match form % 3 {
        0 => bytes.extend(pan),
        1 => bytes.extend(pan.iter().map(|digit| digit | 0xF0)),
        _ => {
            let halves: Vec<u8> = pan.iter().map(|digit| digit & 15).chain([15]).collect();
            bytes.extend(halves.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low));
        }
    }
    bytes.extend(input.rest());
    bytes
}

/// Prefixes of networks' card numbers, each with the digits of a whole number.
const PREFIXES: [(&[u8], usize); 9] = [
    (b"411111", 16),
    (b"4242", 13),
    (b"55555", 16),
    (b"2223", 16),
    (b"3782", 15),
    (b"3622", 14),
    (b"6011", 16),
    (b"3530", 16),
    (b"621234", 19),
];

/// With the check digit.
fn card_number(input: &mut Input<'_>) -> Vec<u8> {
    let (prefix, length) = input.pick(&PREFIXES);
    let mut digits = prefix.to_vec();
    while digits.len() + 1 < length {
        digits.push(b'0' + input.byte() % 10);
    }
    let weigh = |(index, digit): (usize, &u8)| match u32::from(digit & 15) << ((index + 1) % 2) {
        ten @ 10.. => ten - 9,
        other => other,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(weigh).sum();
    digits.push(b'0' + ((10 - sum % 10) % 10) as u8);
    digits
}

/// What stands for the number in a text: its digits (which are also those of packed ones), and characters in hexadecimal.
fn forms(pan: &[u8]) -> [String; 3] {
    let hex = |zone: u8| pan.iter().map(|digit| format!("{:02X}", zone | digit & 15)).collect();
    [pan.iter().map(|digit| char::from(*digit)).collect(), hex(0x30), hex(0xF0)]
}

/// Puts the number where card numbers and tracks stand, and between the words of free text.
fn plant(dialect: &Dialect, pan: &[u8], fields: &mut Fields) {
    let chip = || {
        let packed = |digits: &[u8], tag: u8| {
            let nibbles: Vec<u8> =
                digits.iter().map(|c| if *c == b'D' { 13 } else { c & 15 }).chain([15]).collect();
            let bytes: Vec<u8> =
                nibbles.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
            [vec![tag, bytes.len() as u8], bytes].concat()
        };
        [packed(pan, 0x5A), packed(&[pan, b"D30122011"].concat(), 0x57)].concat()
    };
    let text = |parts: &[&[u8]]| Content::Text(parts.concat());
    for field in dialect.fields() {
        let content = match (field.de, field.format.class) {
            (2 | 34, _) => text(&[pan]),
            (35 | 36, _) => text(&[pan, b"=30122011"]),
            (45, _) => text(&[b"B", pan, b"^DOE/JOHN^3012201"]),
            (55, Class::B) => Content::Bytes(chip()),
            (_, Class::Ans) if fields.iter().any(|(de, _)| *de == field.de) => text(&[b"card ", pan, b" of"]),
            _ => continue,
        };
        let Length::Variable { max, .. } = field.format.length else { continue };
        let length = match &content {
            Content::Text(value) | Content::Bytes(value) => value.len(),
        };
        if length > usize::from(max) {
            continue;
        }
        fields.retain(|(de, _)| *de != field.de);
        fields.push((field.de, content));
    }
    fields.sort_by_key(|(de, _)| *de);
}
