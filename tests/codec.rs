//! The codec on whole messages: what is read, what an answer looks like.

#![allow(clippy::unwrap_used)]

use authswitch::wire::tlv::Tlvs;
use authswitch::wire::{Bitmap, BuildReason, Dialect, Message, Mti, Value, View};
use std::sync::Arc;

/// The 25-field 0100 with DE 55, in each dialect.
fn sample(dialect: &str) -> (Arc<Dialect>, Vec<u8>) {
    let text = include_str!("vectors/auth-0100.txt");
    let hex = text.lines().find_map(|line| line.strip_prefix(&format!("{dialect} "))).unwrap();
    (Dialect::builtin(dialect).unwrap(), unhex(hex))
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap())
        .collect()
}

fn each_dialect(check: impl Fn(&str, &Dialect, &[u8])) {
    for name in ["iso87-ascii", "iso87-bcd", "iso87-ebcdic"] {
        let (dialect, frame) = sample(name);
        check(name, &dialect, &frame);
    }
}

fn with_view(dialect: &Dialect, frame: &[u8], check: impl FnOnce(View<'_>)) {
    let mut message = Message::new();
    dialect.parse(frame, &mut message).unwrap();
    check(dialect.view(frame, &message));
}

const ECHO: Bitmap = Bitmap::of(&[2, 3, 4, 7, 11, 12, 13, 32, 33, 37, 41, 42, 49]);

#[test]
fn all_dialects_read_the_same_content() {
    const TEXT: [(u8, &str); 24] = [
        (2, "4111110000000013"),
        (3, "000000"),
        (4, "000000001000"),
        (7, "1122093315"),
        (11, "000001"),
        (12, "093315"),
        (13, "1122"),
        (14, "3012"),
        (15, "1122"),
        (18, "5411"),
        (19, "840"),
        (22, "051"),
        (23, "001"),
        (24, "200"),
        (25, "00"),
        (32, "12345678901"),
        (33, "400999"),
        (35, "4111110000000013=30122011000000000000"),
        (37, "000000000001"),
        (41, "TERM0000"),
        (42, "MERCHANT0000001"),
        (43, "ACME SUPERMARKET 0001    SPRINGFIELD  US"),
        (48, "R0801M"),
        (49, "840"),
    ];
    each_dialect(|name, dialect, frame| {
        with_view(dialect, frame, |view| {
            assert_eq!(view.mti(), Mti::new(0x0100).unwrap());
            assert!(view.bitmap().iter().eq(TEXT.iter().map(|(de, _)| *de).chain([55])), "{name}");
            let mut buffer = [0; 999];
            for (de, text) in TEXT {
                assert_eq!(view.text(de, &mut buffer), Some(text.as_bytes()), "{name} DE {de}");
                assert_eq!(view.units(de), text.len(), "{name} DE {de}");
                let number = if de == 35 { None } else { text.parse().ok() };
                assert_eq!(view.number(de), number, "{name} DE {de}");
                let digits = view.digits(de, &mut buffer).map(<[u8]>::to_vec);
                let numeric = de <= 35;
                assert_eq!(digits.as_deref(), numeric.then_some(text.as_bytes()), "{name} DE {de}");
                assert_eq!(view.bytes(de, &mut buffer), None, "{name} DE {de}");
            }
            assert_eq!((view.units(55), view.text(55, &mut buffer)), (125, None));
            let tags: Vec<_> = Tlvs::new(view.data(55).unwrap()).map(|tlv| tlv.unwrap().tag).collect();
            assert_eq!(&tags[..3], [0x9F26, 0x9F27, 0x9F10]);
            assert_eq!((tags.len(), tags.last()), (19, Some(&0x84)));
            assert_eq!(Tlvs::new(view.data(55).unwrap()).find(0x9F37), Some(&[0x5A, 0x1B, 0x2C, 0x3D][..]));
        });
    });
}

#[test]
fn absent_fields_and_short_buffers_read_as_none() {
    each_dialect(|_, dialect, frame| {
        with_view(dialect, frame, |view| {
            for de in [0, 1, 5, 65, 128, 129, 255] {
                assert!(!view.has(de) && view.raw(de).is_none() && view.data(de).is_none(), "DE {de}");
                assert_eq!((view.number(de), view.units(de), view.offset(de)), (None, 0, None), "DE {de}");
            }
            assert_eq!(view.text(4, &mut [0; 11]), None);
            assert_eq!(view.digits(2, &mut []), None);
            assert_eq!(view.bytes(55, &mut [0; 124]), None);
        });
    });
}

#[test]
fn an_answer_echoes_and_adds() {
    each_dialect(|_, dialect, frame| {
        let mut request = Message::new();
        dialect.parse(frame, &mut request).unwrap();
        let mut out = vec![0xEE];
        let own = [(38, Value::Text(b"A12345")), (39, Value::Text(b"00"))];
        let view = dialect.view(frame, &request);
        let mti = view.mti().response();
        dialect.build(&mut out, mti, Some(view), ECHO, &own).unwrap();
        assert_eq!(out[0], 0xEE);
        with_view(dialect, &out[1..], |answer| {
            assert_eq!(answer.mti(), Mti::new(0x0110).unwrap());
            assert_eq!(answer.bitmap(), (ECHO & view.bitmap()) | Bitmap::of(&[38, 39]));
            for de in ECHO & view.bitmap() {
                assert_eq!(answer.raw(de), view.raw(de), "DE {de}");
            }
            let text = |de| answer.text(de, &mut [0; 6]).map(<[u8]>::to_vec);
            assert_eq!((text(38), text(39)), (Some(b"A12345".to_vec()), Some(b"00".to_vec())));
        });
    });
}

#[test]
fn a_failed_build_leaves_no_trace() {
    each_dialect(|_, dialect, _| {
        let mut out = vec![1, 2];
        let own = [(11, Value::Number(1)), (39, Value::Text(b"000"))];
        let error = dialect.build(&mut out, Mti::new(0x0110).unwrap(), None, ECHO, &own).unwrap_err();
        assert_eq!((error.de, error.reason), (39, BuildReason::TooLong { max: 2, found: 3 }));
        assert_eq!(out, [1, 2]);
    });
}
