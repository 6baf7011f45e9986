//! The codec on the 25-field 0100 with DE 55, in each encoding: parse, answer, one field alone, and what a decision reads;
//! beside the two other Rust parsers of ISO 8583 (ASCII only); and the cutting of a full read into its frames. Run with `cargo bench --bench codec`.

#![allow(missing_docs, clippy::unwrap_used)]

use authswitch::wire::frame::{Cutter, Framing, Kind, Lead};
use authswitch::wire::{Bitmap, Class, Dialect, Length, Message, Value};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use iso_8583_rs::specfile::{FieldDescription, Spec};
use std::hint::black_box;

const ECHO: Bitmap = Bitmap::of(&[2, 3, 4, 7, 11, 12, 13, 32, 33, 37, 41, 42, 49]);

fn sample(dialect: &str) -> Vec<u8> {
    let text = include_str!("../tests/vectors/auth-0100.txt");
    let hex = text.lines().find_map(|line| line.strip_prefix(&format!("{dialect} "))).unwrap();
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn answer(dialect: &Dialect, frame: &[u8]) -> Vec<u8> {
    let mut message = Message::new();
    dialect.parse(frame, &mut message).unwrap();
    let own = [(38, Value::Text(b"A12345")), (39, Value::Text(b"00"))];
    let view = dialect.view(frame, &message);
    let mut out = Vec::new();
    dialect.build(&mut out, view.mti().response(), Some(view), ECHO, &own).unwrap();
    out
}

fn codec(c: &mut Criterion) {
    for name in ["iso87-ascii", "iso87-bcd", "iso87-ebcdic"] {
        let dialect = Dialect::builtin(name).unwrap();
        let frame = sample(name);
        let mut message = Message::new();
        c.bench_function(&format!("parse 0100, 25 fields, {name}"), |b| {
            b.iter(|| dialect.parse(black_box(&frame), black_box(&mut message)).is_ok())
        });

        dialect.parse(&frame, &mut message).unwrap();
        let mut out = Vec::with_capacity(1024);
        c.bench_function(&format!("build 0110 from its 0100, {name}"), |b| {
            b.iter(|| {
                out.clear();
                let own = [(38, Value::Text(black_box(b"A12345"))), (39, Value::Text(black_box(b"00")))];
                let view = dialect.view(&frame, black_box(&message));
                dialect.build(&mut out, view.mti().response(), Some(view), black_box(ECHO), &own).is_ok()
            })
        });

        c.bench_function(&format!("read PAN, amount, time, STAN, currency, {name}"), |b| {
            b.iter(|| {
                let view = dialect.view(&frame, black_box(&message));
                let mut pan = [0; 19];
                let length = view.digits(2, &mut pan).map(<[u8]>::len);
                (length, pan, view.number(4), view.number(7), view.number(11), view.number(49))
            })
        });

        let answered = answer(&dialect, &frame);
        c.bench_function(&format!("find DE 39 of the 0110, {name}"), |b| {
            b.iter(|| dialect.find(black_box(&answered), 39).is_ok_and(|field| field.is_some()))
        });

        let mut wrong = frame.clone();
        wrong.push(b'0');
        c.bench_function(&format!("refuse 0100 with a trailing byte, {name}"), |b| {
            b.iter(|| dialect.parse(black_box(&wrong), black_box(&mut message)).is_err())
        });
    }
}

/// The table of our dialect as `iso_8583_rs` takes it.
fn peer_spec(dialect: &Dialect) -> iso_8583_rs::CompiledSpec {
    let field = |format: &authswitch::wire::Format| FieldDescription {
        content_type: format.class.notation().to_owned(),
        max_len: usize::from(format.max_length())
            * if format.class == Class::B { format.encoding.bytes(1) } else { 1 },
        min_len: 0,
        len_type: match format.length {
            Length::Fixed(_) | Length::Rest { .. } => "fixed".to_owned(),
            Length::Variable { prefix, .. } => format!("{}var", "l".repeat(usize::from(prefix.digits))),
        },
        label: String::new(),
    };
    let fields = dialect.fields().map(|info| (i64::from(info.de), field(&info.format))).collect();
    iso_8583_rs::CompiledSpec::compile(&Spec { fields }).unwrap()
}

fn peers(c: &mut Criterion) {
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    let frame = sample("iso87-ascii");
    let spec = peer_spec(&dialect);
    let parsed = iso_8583_rs::Message::parse(&spec, &frame).unwrap();
    assert_eq!(parsed.fields().count(), 25);
    c.bench_function("peer iso_8583_rs: parse 0100, 25 fields, strict", |b| {
        b.iter(|| iso_8583_rs::Message::parse(&spec, black_box(&frame)).is_ok())
    });
    c.bench_function("peer iso_8583_rs: parse 0100, 25 fields, lengths only", |b| {
        b.iter(|| iso_8583_rs::Message::parse_lazy(&spec, black_box(&frame)).is_ok())
    });
    assert!(i8583::Unpacker::new(&frame).unpack(&i8583::v1987::SPEC).is_ok());
    c.bench_function("peer i8583: parse 0100, 25 fields, lengths only", |b| {
        b.iter(|| i8583::Unpacker::new(black_box(&frame)).unpack(&i8583::v1987::SPEC).is_ok())
    });
}

/// 64 KiB of the smallest useful messages, 55 bytes each: the time divided by the elements is that of one frame.
fn frame(c: &mut Criterion) {
    const MESSAGE: &[u8] = b"0800822000000000000004000000000000001005123456000001301";
    let mut group = c.benchmark_group("frame");
    for text in [
        "length2-be",
        "length2-be-inclusive",
        "length2-bcd+tpdu",
        "length4-ascii",
        "length4-ebcdic",
        "length4-hex",
        "length2-be+base24",
        "length2-be+etx",
        "visa-stream+visa-header",
        "rbp",
        "stx-etx",
        "stx-etx-lrc",
    ] {
        let framing: Framing = text.parse().unwrap();
        let mut read = Vec::new();
        let mut frames = 0;
        while read.len() < 65_000 {
            let mark = framing.begin(&mut read, Lead::Own);
            read.extend_from_slice(MESSAGE);
            framing.finish(&mut read, mark).unwrap();
            frames += 1;
        }
        group.throughput(Throughput::Elements(frames));
        group.bench_function(format!("cut a read of {frames}, {text}"), |b| {
            b.iter(|| {
                let (mut cutter, mut at, mut messages) = (Cutter::new(framing, 8192), 0, 0);
                while let Ok(Some(cut)) = cutter.next(black_box(&read[at..])) {
                    at += cut.next;
                    messages += u64::from(cut.kind == Kind::Message);
                }
                assert_eq!(messages, frames);
            })
        });
        let (mut out, mut request) = (Vec::with_capacity(256), Vec::new());
        let _ = framing.begin(&mut request, Lead::Own);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("frame an answer, {text}"), |b| {
            b.iter(|| {
                out.clear();
                let lead = Lead::Answer { request: black_box(&request), wrong_de: 0 };
                let mark = framing.begin(&mut out, lead);
                out.extend_from_slice(MESSAGE);
                framing.finish(&mut out, mark).is_ok()
            })
        });
    }
    group.finish();
}

criterion_group!(benches, codec, peers, frame);
criterion_main!(benches);
