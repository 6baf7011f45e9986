//! CEL's grammar, which is the library's, behind bounds on what a hostile text can cost it. Must not know what names mean.

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::Parser;
use std::ops::Range;

/// Bytes of a condition.
const MOST_BYTES: usize = 4_096;
/// How deep a condition may nest: a bound on the stack.
pub(super) const MOST_DEEP: usize = 64;

/// A mistake: bytes of the condition, reason, help.
pub(super) type Mistake = (Range<usize>, String, Option<String>);

/// The library's tree, of a text that was found harmless before: its cost grows with nesting more than with length.
pub(super) fn parse(text: &str) -> Result<(IdedExpr, SourceInfo), Mistake> {
    let whole = 0..text.len();
    if text.trim().is_empty() {
        return Err((whole, "a condition is missing".into(), None));
    }
    if text.len() > MOST_BYTES {
        let reason = format!("a condition has at most {MOST_BYTES} bytes, not {}", text.len());
        return Err((0..0, reason, None));
    }
    // The library counts characters, this room bytes: they are the same here.
    if let Some((at, other)) = text.char_indices().find(|(_, c)| !c.is_ascii()) {
        return Err((at..at + other.len_utf8(), format!("a condition is ASCII, not {other:?}"), None));
    }
    if let Some(at) = too_deep(text) {
        return Err((at..at + 1, format!("nested deeper than {MOST_DEEP}"), None));
    }
    let parser = Parser::new().max_recursion_depth(4 * MOST_DEEP as u16).error_recovery_limit(1);
    parser.parse_with_source_info(text).map_err(|errors| {
        let error = errors.errors.first();
        let (line, column) = error.map_or((1, 0), |error| error.pos);
        let start: usize = text.split_inclusive('\n').take((line - 1).max(0) as usize).map(str::len).sum();
        let at = (start + (column - 1).max(0) as usize).min(text.len());
        let message = error.map_or("not a condition", |error| error.msg.as_str());
        let message: String = message.chars().take(160).collect();
        (at..(at + 1).min(text.len()), format!("not a condition of CEL: {message}"), None)
    })
}

/// Where the text opens more than it may, or has more prefixes or branches in a row than it may. Counts what stands in
/// quotes too where these are odd: then the text is no condition anyhow.
fn too_deep(text: &str) -> Option<usize> {
    let (mut deep, mut run, mut branches) = (0_usize, 0, 0);
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(end) = quote {
            if !escaped && byte == end {
                quote = None;
            }
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        match byte {
            b'"' | b'\'' => quote = Some(byte),
            b'(' | b'[' | b'{' => deep += 1,
            b')' | b']' | b'}' => deep = deep.saturating_sub(1),
            b'?' => branches += 1,
            _ => {}
        }
        match byte {
            b'!' | b'-' => run += 1,
            b' ' | b'\n' | b'\t' | b'\r' => {}
            _ => run = 0,
        }
        if deep > MOST_DEEP || run > MOST_DEEP || branches > MOST_DEEP {
            return Some(at);
        }
    }
    None
}
