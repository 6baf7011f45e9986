//! `authswitch decode`: trees, ranking, inputs, comparison, errors, and that nothing sensitive is shown; through the
//! program, but for what needs thousands of messages.

#![allow(clippy::unwrap_used)]

mod differences;
mod errors;
mod framings;
mod inputs;
mod masked;
mod ranking;
mod trees;
mod unknown;

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// Exit code, standard output and standard error of `authswitch decode`.
fn decode_with(args: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_authswitch"))
        .arg("decode")
        .args(args)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn decode(args: &[&str]) -> (i32, String, String) {
    decode_with(args, b"")
}

fn json(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Name, dialects, framing and hexadecimal of the whole frames.
fn frames() -> impl Iterator<Item = [&'static str; 4]> {
    let lines = include_str!("../vectors/frames.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(' ').collect::<Vec<_>>().try_into().unwrap())
}

fn frame(name: &str) -> &'static str {
    frames().find(|frame| frame[0] == name).unwrap()[3]
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The field or part with this address.
fn field<'a>(fields: &'a Value, key: &str) -> Option<&'a Value> {
    let fields = fields["fields"].as_array()?;
    let own = fields.iter().find(|field| field["key"] == key);
    own.or_else(|| fields.iter().find_map(|inner| field(inner, key)))
}
