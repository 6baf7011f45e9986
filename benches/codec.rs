//! The codec on the 25-field 0100 with DE 55, in each encoding: parse, answer, and what a decision reads.
//! Run with `cargo bench --bench codec`.

#![allow(missing_docs, clippy::unwrap_used)]

use authswitch::wire::{Bitmap, Dialect, Message, Value};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const ECHO: Bitmap = Bitmap::of(&[2, 3, 4, 7, 11, 12, 13, 32, 33, 37, 41, 42, 49]);

fn sample(dialect: &str) -> Vec<u8> {
    let text = include_str!("../tests/vectors/auth-0100.txt");
    let hex = text.lines().find_map(|line| line.strip_prefix(&format!("{dialect} "))).unwrap();
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
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

        let mut wrong = frame.clone();
        wrong.push(b'0');
        c.bench_function(&format!("refuse 0100 with a trailing byte, {name}"), |b| {
            b.iter(|| dialect.parse(black_box(&wrong), black_box(&mut message)).is_err())
        });
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
