//! The codec on generated messages: what is written is read back, what is read is written back byte by byte,
//! the fast walk and the strict one agree, and no input makes either panic.

#![allow(clippy::unwrap_used)]

use authswitch::wire::frame::Framing;
use authswitch::wire::tlv::Tlvs;
use authswitch::wire::{Bitmap, Class, Dialect, FieldInfo, Length, Message, Mti, Value};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::sync::Arc;

/// A field's value in the form it reads back in.
#[derive(Clone, Debug)]
enum Content {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

fn characters(class: Class) -> Vec<u8> {
    // `=` is how a separator reads back, whether it was written as `=` or `D`.
    (0..=255).filter(|c| class.allows(*c) && !(class == Class::Z && *c == b'D')).collect()
}

fn content(field: &FieldInfo) -> BoxedStrategy<Content> {
    let (least, most) = match field.format.length {
        Length::Fixed(units) => (usize::from(units), usize::from(units)),
        Length::Variable { max, .. } | Length::Rest { max } => (0, usize::from(max)),
    };
    // Lengths near both ends, and short ones in between, where most stretches of a message are.
    let length = prop_oneof![least..=most, least..=most.min(least + 20), Just(most)];
    match field.format.class {
        Class::B => {
            length.prop_flat_map(|n| prop::collection::vec(any::<u8>(), n)).prop_map(Content::Bytes).boxed()
        }
        Class::Xn => (select(b"CD".as_slice()), prop::collection::vec(b'0'..=b'9', most - 1))
            .prop_map(|(sign, digits)| Content::Text([vec![sign], digits].concat()))
            .boxed(),
        class => length
            .prop_flat_map(move |n| prop::collection::vec(select(characters(class)), n))
            .prop_map(Content::Text)
            .boxed(),
    }
}

type Fields = Vec<(u8, Content)>;

fn messages() -> impl Strategy<Value = (Arc<Dialect>, Mti, Fields)> {
    let mtis =
        [0x0100, 0x0110, 0x0121, 0x0200, 0x0400, 0x0420, 0x0800, 0x0999].map(|bcd| Mti::new(bcd).unwrap());
    (select(Dialect::builtin_names()), select(mtis.to_vec())).prop_flat_map(|(name, mti)| {
        let dialect = Dialect::builtin(name).unwrap();
        let all: Vec<u8> = dialect.fields().map(|field| field.de).collect();
        let numbers = prop_oneof![
            // Everyday messages, and any fields at all.
            subsequence((2..=64).collect::<Vec<u8>>(), 0..=25),
            subsequence(all, 0..=40),
        ];
        numbers.prop_flat_map(move |numbers| {
            let dialect = dialect.clone();
            let fields: Vec<_> =
                numbers.into_iter().map(|de| (Just(de), content(dialect.field(de).unwrap()))).collect();
            fields.prop_map(move |fields| (dialect.clone(), mti, fields))
        })
    })
}

fn values(fields: &Fields) -> Vec<(u8, Value<'_>)> {
    fields
        .iter()
        .map(|(de, content)| match content {
            Content::Text(text) => (*de, Value::Text(text)),
            Content::Bytes(bytes) => (*de, Value::Bytes(bytes)),
        })
        .collect()
}

fn build(dialect: &Dialect, mti: Mti, fields: &Fields) -> Vec<u8> {
    let mut out = Vec::new();
    dialect.build(&mut out, mti, None, Bitmap::EMPTY, &values(fields)).unwrap();
    out
}

/// Parses with both walks, which must say the same; whether the message is right.
fn parse_both_ways(dialect: &Dialect, frame: &[u8], message: &mut Message) -> bool {
    let mut strict = Message::new();
    let mut errors = Vec::new();
    dialect.examine(frame, &mut strict, &mut |error| errors.push(error));
    let fast = dialect.parse(frame, message);
    assert_eq!(fast.err(), errors.first().copied());
    assert_eq!(message.bitmap(), strict.bitmap());
    for de in strict.bitmap() {
        assert_eq!(dialect.view(frame, message).raw(de), dialect.view(frame, &strict).raw(de), "DE {de}");
    }
    errors.is_empty()
}

/// Reads everything there is, which must not panic even where the frame is not the one that was parsed.
fn read_all(dialect: &Dialect, frame: &[u8], message: &Message) {
    let view = dialect.view(frame, message);
    let mut buffer = [0; 1000];
    for de in 0..=255 {
        let units = view.units(de);
        assert!(view.has(de) || view.raw(de).is_none());
        if let Some(text) = view.text(de, &mut buffer) {
            assert_eq!(text.len(), units);
        }
        if let Some(bytes) = view.bytes(de, &mut buffer) {
            assert_eq!(bytes.len(), units);
        }
        let _ = (view.number(de), view.data(de), view.offset(de));
    }
    if let Some(tags) = view.emv() {
        tags.for_each(drop);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back((dialect, mti, fields) in messages()) {
        let frame = build(&dialect, mti, &fields);
        let mut message = Message::new();
        prop_assert!(parse_both_ways(&dialect, &frame, &mut message));
        let view = dialect.view(&frame, &message);
        prop_assert_eq!(view.mti(), mti);
        prop_assert!(view.bitmap().iter().eq(fields.iter().map(|(de, _)| *de)));
        let mut buffer = [0; 1000];
        for (de, content) in &fields {
            match content {
                Content::Text(text) => {
                    prop_assert_eq!(view.text(*de, &mut buffer), Some(&text[..]), "DE {}", de);
                    let number = std::str::from_utf8(text).unwrap().parse::<u64>().ok();
                    let numeric = text.iter().all(u8::is_ascii_digit) && (1..=19).contains(&text.len());
                    let class = dialect.field(*de).unwrap().format.class;
                    let read = numeric && !matches!(class, Class::Z | Class::Xn);
                    prop_assert_eq!(view.number(*de), number.filter(|_| read), "DE {}", de);
                }
                Content::Bytes(bytes) => {
                    prop_assert_eq!(view.bytes(*de, &mut buffer), Some(&bytes[..]), "DE {}", de);
                }
            }
        }
    }

    #[test]
    fn echoing_everything_gives_the_same_bytes((dialect, mti, fields) in messages()) {
        let frame = build(&dialect, mti, &fields);
        let mut message = Message::new();
        dialect.parse(&frame, &mut message).unwrap();
        let mut copy = Vec::new();
        dialect.build(&mut copy, mti, Some(dialect.view(&frame, &message)), !Bitmap::EMPTY, &[]).unwrap();
        prop_assert_eq!(copy, frame);
    }

    #[test]
    fn an_answer_has_the_echoed_and_the_own_fields(
        (dialect, mti, fields) in messages(),
        [asked, echo, own] in any::<[u128; 3]>(),
    ) {
        let picked = |bits: u128, de: u8| bits >> (de - 1) & 1 == 1;
        let request: Fields = fields.iter().filter(|(de, _)| picked(asked, *de)).cloned().collect();
        // Own values differ from the request's: the same characters backwards (a sign stays in front).
        let own: Fields = fields
            .iter()
            .filter(|(de, _)| picked(own, *de) && dialect.field(*de).unwrap().format.class != Class::Xn)
            .map(|(de, content)| match content {
                Content::Text(text) => (*de, Content::Text(text.iter().rev().copied().collect())),
                Content::Bytes(bytes) => (*de, Content::Bytes(bytes.iter().rev().copied().collect())),
            })
            .collect();
        let frame = build(&dialect, mti, &request);
        let mut message = Message::new();
        dialect.parse(&frame, &mut message).unwrap();
        let echo: Bitmap = (2..=128).filter(|de| picked(echo, *de)).collect();
        let mut out = Vec::new();
        let view = dialect.view(&frame, &message);
        dialect.build(&mut out, mti, Some(view), echo, &values(&own)).unwrap();

        // The same message, built of all its fields as own ones.
        let mut whole: Fields = request.into_iter().filter(|(de, _)| echo.contains(*de)).collect();
        whole.retain(|(de, _)| own.iter().all(|(other, _)| other != de));
        whole.extend(own);
        whole.sort_by_key(|(de, _)| *de);
        prop_assert_eq!(out, build(&dialect, mti, &whole));
    }

    #[test]
    fn a_damaged_message_is_read_alike_by_both_walks(
        (dialect, mti, fields) in messages(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut frame = build(&dialect, mti, &fields);
        for (at, byte) in damage {
            *at.get_mut(&mut frame) = byte;
        }
        if let Some(cut) = cut {
            frame.truncate(cut.index(frame.len()));
        }
        let mut message = Message::new();
        let right = parse_both_ways(&dialect, &frame, &mut message);
        read_all(&dialect, &frame, &message);
        // What is right can be echoed, after any damage, and then is a message.
        let view = dialect.view(&frame, &message);
        let mut out = Vec::new();
        if dialect.build(&mut out, mti, Some(view), !Bitmap::EMPTY, &[]).is_ok() {
            let mut echoed = Message::new();
            prop_assert!(parse_both_ways(&dialect, &out, &mut echoed));
            prop_assert_eq!(echoed.bitmap(), message.bitmap());
            if right && view.mti() == mti && dialect.name() == "iso87-bcd" {
                // In ASCII a lower-case bit map is read too, and written in upper case.
                prop_assert_eq!(out, frame);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        mti in select(vec![&b"0100"[..], b"0800", b"\x01\x00", b"\x08\x20", b""]),
    ) {
        let frame = [mti, &bytes[..]].concat();
        let mut message = Message::new();
        for name in Dialect::builtin_names() {
            let dialect = Dialect::builtin(name).unwrap();
            parse_both_ways(&dialect, &frame, &mut message);
            read_all(&dialect, &frame, &message);
            read_all(&dialect, &bytes, &message);
        }
        Tlvs::new(&bytes).for_each(drop);
        let _ = Framing::LENGTH2_BE.next(&bytes, 300);
    }

    #[test]
    fn elements_of_ber_tlv_tile_the_data(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut at = 0;
        for element in Tlvs::new(&bytes) {
            let Ok(element) = element else { return Ok(()) };
            prop_assert!(bytes[at..element.offset].iter().all(|byte| matches!(byte, 0 | 0xFF)));
            at = element.offset + element.length;
            prop_assert!(bytes[..at].ends_with(element.value));
        }
        prop_assert!(bytes[at..].iter().all(|byte| matches!(byte, 0 | 0xFF)));
    }
}
