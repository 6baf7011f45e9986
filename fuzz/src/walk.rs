//! What holds for the parts inside every value.

use authswitch::wire::{Class, Field, Key, View};
use std::ops::Range;

/// A part that a walk found: its address behind the data element, and its value; `None` where something is wrong with it.
pub struct Part {
    pub key: String,
    pub value: Option<String>,
}

/// Text, or hexadecimal of bytes.
pub fn show(field: Field<'_>) -> String {
    let mut buffer = vec![0; field.units()];
    if field.format().class == Class::B {
        return field.bytes(&mut buffer).unwrap().iter().map(|byte| format!("{byte:02X}")).collect();
    }
    String::from_utf8_lossy(field.text(&mut buffer).unwrap()).into_owned()
}

/// Walks a field and checks that its nodes are every byte of it, inside each other and in order, at most eight deep.
pub fn walk(view: View<'_>, de: u8) -> Vec<Part> {
    let format = view.dialect().field(de).unwrap().format;
    let start = view.offset(de).unwrap() + format.prefix_bytes();
    let end = start + view.data(de).unwrap().len();
    // Packed digits share bytes.
    let slack = usize::from(format.encoding.bytes(2) == 1);
    let (mut at, mut keys, mut found) = (start, Vec::new(), Vec::new());
    let mut around: Vec<Range<usize>> = Vec::new();
    let mut nodes = 0;
    view.walk_parts(de, &mut |node| {
        nodes += 1;
        assert!(node.depth >= 1 && node.depth <= keys.len() + 1 && node.depth <= 8);
        keys.truncate(node.depth - 1);
        around.truncate(node.depth - 1);
        if node.depth == 1 {
            assert!(node.whole.start + slack >= at && node.whole.start <= at, "{start} at {at}: {node:?}");
            at = node.whole.end;
        }
        let outside = around.last().cloned().unwrap_or(start..end);
        assert!(node.whole.start >= outside.start && node.whole.end <= outside.end, "{outside:?} {node:?}");
        assert!(node.value.start >= node.whole.start && node.value.end <= node.whole.end, "{node:?}");
        if let Some((at, reason)) = &node.wrong {
            assert!((start..=end).contains(at) && !reason.to_string().is_empty(), "{node:?}");
        }
        let explained = node.field.is_some() || node.wrong.is_some();
        assert!(explained || matches!(node.key, Key::Bitmap | Key::Padding), "{node:?}");
        keys.push(node.key.to_string());
        around.push(node.value.clone());
        let value = node.field.filter(|_| node.wrong.is_none()).map(show);
        found.push(Part { key: keys.join("."), value });
    });
    assert!(nodes == 0 || at == end || start == end, "the nodes end at {at}, the value at {end}");
    found
}

/// Walks all there are.
pub fn walk_all(view: View<'_>) {
    for de in view.bitmap() {
        walk(view, de);
    }
}
