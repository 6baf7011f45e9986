//! Properties of the codec over messages made at random, in the dialects that come with the program and in ones composed
//! at random.

#![allow(clippy::unwrap_used)]

mod compositions;
use authswitch::wire::frame::Framing;
use authswitch::wire::tlv::Tlvs;
use authswitch::wire::{Accept, Bitmap, Class, Dialect, Message, Mti, Value};
use compositions::{Content, Fields, messages};
use proptest::prelude::*;
use proptest::sample::select;

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
    let mut buffer = [0; 10_000];
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
    if let Some(tags) = view.data(55).map(Tlvs::new) {
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
        let mut buffer = [0; 10_000];
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
    fn one_element_is_found_where_the_parse_has_it(
        (dialect, mti, fields) in messages(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
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
        let right = dialect.parse(&frame, &mut message).is_ok();
        let view = dialect.view(&frame, &message);
        for de in 0..=193 {
            match (right, dialect.find(&frame, de)) {
                // Behind a field that is not defined, where that is accepted, nothing is read.
                (true, Err(_)) if dialect.accept().undefined => prop_assert!(!view.has(de)),
                (true, found) => prop_assert_eq!(found.unwrap().map(|field| field.data()), view.data(de)),
                // What the strict walk found right before it met an error it cannot go on behind, the skip finds too.
                (false, Ok(Some(field))) if view.has(de) => prop_assert_eq!(Some(field.data()), view.data(de)),
                (false, Ok(None)) => prop_assert!(!view.has(de)),
                (false, Ok(Some(_))) => {}
                (false, Err(_)) => prop_assert!(!view.has(de)),
            }
        }
    }

    #[test]
    fn an_answer_has_the_echoed_and_the_own_fields(
        (dialect, mti, fields) in messages(),
        [asked, echo, own] in any::<[u128; 3]>(),
    ) {
        let picked = |bits: u128, de: u8| bits >> (de % 128) & 1 == 1;
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
        let echo: Bitmap = (2..=192).filter(|de| picked(echo, *de)).collect();
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
            // A lower-case bit map, where it is read, is written in upper case; trailing bytes are dropped.
            if right && view.mti() == mti && dialect.accept() == Accept::default() {
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
