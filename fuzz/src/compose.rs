//! Parts for a layout, chosen by an input's bytes, in the form in which the codec composes a value of them.

use crate::Input;
use authswitch::wire::{Class, Format, Given, Kind, Layout, Length, Sub, Value};

/// What goes into a part.
pub enum Content {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Parts(Parts),
}

pub type Parts = Vec<(String, Content)>;

/// Parts as composing takes them.
type GivenParts<'a> = [(&'a str, Given<'a>)];

/// Levels of templates in templates.
const DEEP: usize = 3;

/// Parts that a value with this layout can have.
pub fn parts(layout: &Layout, input: &mut Input<'_>) -> Parts {
    level(layout, input, DEEP)
}

fn level(layout: &Layout, input: &mut Input<'_>, depth: usize) -> Parts {
    match layout.kind() {
        Kind::Positional => layout.parts().iter().map(|sub| part(sub, input, depth)).collect(),
        Kind::List(_) => {
            let row = |number: usize, input: &mut Input<'_>| {
                let row = layout.parts().iter().map(|sub| part(sub, input, depth)).collect();
                ((number + 1).to_string(), Content::Parts(row))
            };
            (0..input.below(4)).map(|number| row(number, input)).collect()
        }
        Kind::Bitmap(_) => {
            let mut some = Parts::new();
            for sub in layout.parts() {
                if input.byte() & 1 == 1 {
                    some.push(part(sub, input, depth));
                }
            }
            some
        }
        Kind::Tagged(kind) => {
            let (head, known) = layout.parts().split_at(kind.head);
            let unknown = match (kind.tag.class, kind.tag.max_length()) {
                (Class::B, _) => "C9",
                (_, 2) => "99",
                (_, 3) => "999",
                _ => "9999",
            };
            let mut all: Parts = head.iter().map(|sub| part(sub, input, depth)).collect();
            all.extend(tagged(known, unknown, &kind.other, input, depth));
            all
        }
        Kind::BerTlv(other) => {
            let is_primitive = |sub: &&Sub| u8::from_str_radix(&sub.key[..2], 16).unwrap() & 0x20 == 0;
            let known: Vec<Sub> = layout.parts().iter().filter(is_primitive).cloned().collect();
            let mut all = tagged(&known, "DF8101", other, input, depth);
            if depth > 0 && input.byte() & 1 == 1 {
                let inner = level(layout, input, depth - 1);
                all.push(("71".to_owned(), Content::Parts(inner)));
            }
            all
        }
    }
}

/// Some of the known by tag, and a tag nobody lists between them.
fn tagged(known: &[Sub], unknown: &str, other: &Sub, input: &mut Input<'_>, depth: usize) -> Parts {
    let count = input.below(5);
    let one = |_| match known.get(input.below(known.len() + 1)) {
        Some(sub) => part(sub, input, depth),
        None => (unknown.to_owned(), part(other, input, depth).1),
    };
    (0..count).map(one).collect()
}

fn part(sub: &Sub, input: &mut Input<'_>, depth: usize) -> (String, Content) {
    let content = match &sub.layout {
        Some(layout) => Content::Parts(level(layout, input, depth)),
        None => value(&sub.format, input),
    };
    (sub.key.clone(), content)
}

fn value(format: &Format, input: &mut Input<'_>) -> Content {
    let max = usize::from(format.max_length());
    let packed = format.encoding.bytes(2) == 1;
    let length = match format.length {
        Length::Fixed(units) => usize::from(units),
        // Where nothing says whether the last nibble is a pad, the digits are even.
        Length::Rest { .. } if packed && format.pad.nibble <= 9 => {
            2 * (1 + input.below((max.min(12) / 2).max(1)))
        }
        _ => 1 + input.below(max.clamp(1, 12)),
    };
    let mut given = input.take(length.min(max)).to_vec();
    given.resize(length.min(max), b'0');
    if format.class == Class::B {
        return Content::Bytes(given);
    }
    // None of the characters that end parts.
    let allowed: Vec<u8> =
        (b' '..=b'~').filter(|c| format.class.allows(*c) && !b"=^D\\".contains(c)).collect();
    let wrong = given.iter_mut().filter(|c| !allowed.contains(c));
    wrong.for_each(|c| *c = allowed[usize::from(*c) % allowed.len()]);
    if format.class == Class::Xn {
        given.iter_mut().for_each(|c| *c = b'0' + *c % 10);
        given[0] = b'C';
    }
    Content::Text(given)
}

/// What a walk finds: keys with dots before them, and the text or hexadecimal of the parts without parts.
pub fn leaves(parts: &Parts, at: &str, into: &mut Vec<(String, String)>) {
    for (key, content) in parts {
        let key = format!("{at}.{key}");
        match content {
            Content::Text(text) => into.push((key, String::from_utf8_lossy(text).into_owned())),
            Content::Bytes(bytes) => {
                into.push((key, bytes.iter().map(|byte| format!("{byte:02X}")).collect()))
            }
            Content::Parts(parts) => leaves(parts, &key, into),
        }
    }
}

/// Calls `then` with the parts in that form.
pub fn given(parts: &Parts, then: &mut dyn FnMut(&GivenParts<'_>)) {
    collect(parts, &[], then);
}

fn collect(rest: &[(String, Content)], done: &[(&str, Given<'_>)], then: &mut dyn FnMut(&GivenParts<'_>)) {
    let Some(((key, content), rest)) = rest.split_first() else { return then(done) };
    let mut with = |one: Given<'_>| {
        let mut more = done.to_vec();
        more.push((key, one));
        collect(rest, &more, then);
    };
    match content {
        Content::Text(text) => with(Given::Value(Value::Text(text))),
        Content::Bytes(bytes) => with(Given::Value(Value::Bytes(bytes))),
        Content::Parts(inner) => given(inner, &mut |inner| with(Given::Parts(inner))),
    }
}
