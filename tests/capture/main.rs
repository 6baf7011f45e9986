//! Captures, dumps, logs and raw bytes -> pieces: file formats, link layers, reassembly, texts, framings, the commands.

#![allow(clippy::unwrap_used)]

mod commands;
mod files;
mod framings;
mod hostile;
mod property;
mod streams;
mod texts;
mod wiretap;

use authswitch::traffic::capture::{Begins, Capture, Direction, Options, Origin, Piece};
use authswitch::wire::{Bitmap, Dialect, Mti, Value};

/// Everything that an input yields, and the remarks on it, in words.
fn read(input: &[u8]) -> (Vec<Piece>, Vec<String>) {
    read_with(input, Options::default())
}

fn read_with(input: &[u8], options: Options) -> (Vec<Piece>, Vec<String>) {
    let mut capture = Capture::open(input, options).unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = capture.next_piece().unwrap() {
        pieces.push(piece);
    }
    (pieces, capture.remarks().kept().iter().map(ToString::to_string).collect())
}

/// Direction, what is before it, and bytes of each piece of a capture.
fn shape(pieces: &[Piece]) -> Vec<(Direction, Begins, &[u8])> {
    let of_flow = |piece: &Piece| match piece.origin {
        Origin::Flow(_, direction) => direction,
        other => panic!("{other} is no connection"),
    };
    pieces.iter().map(|piece| (of_flow(piece), piece.begins, piece.bytes.as_slice())).collect()
}

/// A message of this dialect with these fields.
fn message(dialect: &str, mti: u16, fields: &[(u8, &str)]) -> Vec<u8> {
    let own: Vec<_> = fields.iter().map(|(de, text)| (*de, Value::Text(text.as_bytes()))).collect();
    let mut bytes = Vec::new();
    let dialect = Dialect::builtin(dialect).unwrap();
    dialect.build(&mut bytes, Mti::new(mti).unwrap(), None, Bitmap::default(), &own).unwrap();
    bytes
}

fn sale(dialect: &str, stan: &str) -> Vec<u8> {
    let fields = [(2, "4111110000000013"), (3, "000000"), (4, "000000001000"), (7, "0115123456"), (11, stan)];
    message(dialect, 0x0100, &fields)
}

fn answer(dialect: &str, stan: &str, code: &str) -> Vec<u8> {
    message(dialect, 0x0110, &[(7, "0115123456"), (11, stan), (39, code)])
}

/// Behind the two-byte length.
fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Leaves a file for the independent judge, which reads every one that is there.
fn keep(name: &str, file: &[u8]) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), file).unwrap();
}
