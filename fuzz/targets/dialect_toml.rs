//! The text of a dialect file and, behind a zero byte, a message. No text makes the compiler panic; its mistakes and
//! warnings have places in the text; what compiles reads and writes like any dialect.
#![no_main]

use authswitch::wire::{Dialect, Message};
use authswitch_fuzz::{Input, message, walk};
use libfuzzer_sys::fuzz_target;

const NAME: &str = "fuzzed.toml";

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let Ok(text) = std::str::from_utf8(input.until(0)) else { return };
    let dialect = match Dialect::from_toml(text, NAME) {
        Ok(dialect) => dialect,
        Err(error) => {
            assert!(!error.mistakes().is_empty());
            for mistake in error.mistakes() {
                is_placed(text, mistake.line, mistake.column, &mistake.reason);
            }
            return;
        }
    };
    for warning in dialect.warnings(text, NAME) {
        is_placed(text, warning.0.line, warning.0.column, &warning.0.reason);
    }
    let frame = input.0;
    let mut parsed = Message::new();
    let right = message::parse_both_ways(&dialect, frame, &mut parsed);
    let view = dialect.view(frame, &parsed);
    message::read_all(view);
    message::find_each(view, right);
    message::echo(view, right);
    walk::walk_all(view);
    let (mti, fields) = message::made(&dialect, &mut input);
    if let Some(frame) = message::build(&dialect, mti, &fields) {
        let mut parsed = Message::new();
        assert!(message::parse_both_ways(&dialect, &frame, &mut parsed));
        walk::walk_all(dialect.view(&frame, &parsed));
    }
});

/// Lines and characters count from 1; a place may be the end of the text.
fn is_placed(text: &str, line: usize, column: usize, reason: &str) {
    assert!(!reason.is_empty());
    let there = text.split('\n').nth(line.wrapping_sub(1));
    let characters = there.map(|line| line.chars().count());
    assert!(
        characters.is_some_and(|characters| (1..=characters + 1).contains(&column)),
        "{line}:{column} is not in the text: {reason}"
    );
}
