//! The codec's paths one at a time, for counting their instructions: `instructions OP COUNT` does one of them so often.
//! `tests/instructions.py` runs it under callgrind and holds the counts to those in `benches/instructions.txt`.

#![allow(missing_docs, clippy::unwrap_used)]

use authswitch::wire::{Bitmap, Dialect, Message, Value};
use std::hint::black_box;

const ECHO: Bitmap = Bitmap::of(&[2, 3, 4, 7, 11, 12, 13, 32, 33, 37, 41, 42, 49]);

fn sample(dialect: &str) -> Vec<u8> {
    let text = include_str!("../tests/vectors/auth-0100.txt");
    let hex = text.lines().find_map(|line| line.strip_prefix(&format!("{dialect} "))).unwrap();
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn build(dialect: &Dialect, frame: &[u8], message: &Message, out: &mut Vec<u8>) {
    out.clear();
    let own = [(38, Value::Text(black_box(b"A12345"))), (39, Value::Text(black_box(b"00")))];
    let view = dialect.view(frame, message);
    dialect.build(out, view.mti().response(), Some(view), black_box(ECHO), &own).unwrap();
}

fn run(operation: &str, dialect: &str, count: usize) {
    let dialect = Dialect::builtin(dialect).unwrap();
    let frame = sample(dialect.name());
    let mut message = Message::new();
    let mut out = Vec::with_capacity(1024);
    dialect.parse(&frame, &mut message).unwrap();
    build(&dialect, &frame, &message, &mut out);
    let answer = out.clone();
    for _ in 0..count {
        match operation {
            "parse" => assert!(dialect.parse(black_box(&frame), black_box(&mut message)).is_ok()),
            "build" => build(&dialect, &frame, black_box(&message), &mut out),
            "find" => assert!(dialect.find(black_box(&answer), 39).is_ok_and(|field| field.is_some())),
            "read" => {
                let view = dialect.view(&frame, black_box(&message));
                let mut pan = [0; 19];
                let length = view.digits(2, &mut pan).map(<[u8]>::len);
                black_box((length, pan, view.number(4), view.number(7), view.number(11), view.number(49)));
            }
            other => panic!("no operation {other}: expected parse, build, find or read"),
        }
    }
}

fn main() {
    // `cargo bench` calls every bench with `--bench`: without an operation there is nothing to do.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [operation, dialect, count] = &arguments[..] {
        run(operation, dialect, count.parse().unwrap());
    }
}
