//! Writes a dialect file: what most fields share once, what they differ in with them. Knows no foreign format.

use super::foreign::Spec;
use crate::wire::{Class, Content, Counts, Encoding, FieldInfo, Fill, Length, Mask, Pad, Prefix, Side};
use std::fmt::Write;

/// What most fields have, and so what a field need not say.
struct Shared {
    /// By [`key`].
    encodings: Vec<(&'static str, Encoding)>,
    length: Option<Prefix>,
    fixed_pad: Option<Pad>,
    variable_pad: Option<Pad>,
}

/// The key under `[encoding]` of a class.
fn key(class: Class) -> &'static str {
    match class {
        Class::N => "n",
        Class::Z => "z",
        Class::Xn => "x+n",
        Class::B => "b",
        _ => "text",
    }
}

/// The most frequent; of equally frequent ones the first.
fn most<T: PartialEq + Copy>(all: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: Vec<(T, usize)> = Vec::new();
    for one in all {
        match counts.iter_mut().find(|(known, _)| *known == one) {
            Some((_, count)) => *count += 1,
            None => counts.push((one, 1)),
        }
    }
    let best = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == best).map(|(one, _)| one)
}

fn is_packed(field: &&FieldInfo) -> bool {
    field.format.encoding == Encoding::Bcd
}

impl Shared {
    fn of(spec: &Spec) -> Shared {
        let fields = || spec.fields.values();
        let encodings = ["n", "z", "x+n", "text", "b"].into_iter().filter_map(|what| {
            let of_class = fields().filter(|field| key(field.format.class) == what);
            Some((what, most(of_class.map(|field| field.format.encoding))?))
        });
        let prefixes = fields().filter_map(|field| field.format.prefix());
        // A width is said by each field's dots.
        let length = most(prefixes.map(|prefix| Prefix { digits: 0, ..prefix }));
        let pad = |fixed: bool| {
            let packed = fields().filter(is_packed);
            most(packed.filter(|f| f.format.prefix().is_none() == fixed).map(|f| f.format.pad))
        };
        let encodings = encodings.collect();
        Shared { encodings, length, fixed_pad: pad(true), variable_pad: pad(false) }
    }

    fn encoding(&self, class: Class) -> Option<Encoding> {
        self.encodings.iter().find(|(what, _)| *what == key(class)).map(|(_, encoding)| *encoding)
    }
}

/// The text of a dialect file; `origin` is the line that it opens with.
pub(super) fn write(spec: &Spec, name: &str, origin: &str) -> String {
    let shared = Shared::of(spec);
    let mut out = format!("# {origin}\n\nname = {}\n", quoted(name));
    if let Some(title) = &spec.title {
        line(&mut out, format_args!("title = {}", quoted(title)));
    }
    line(&mut out, format_args!("version = {} # the first digit of the message type", spec.version));
    if spec.fixed_bitmaps {
        line(&mut out, format_args!("fixed_bitmaps = true # two of them always"));
    }
    if spec.third_bitmap {
        line(&mut out, format_args!("third_bitmap = true"));
    }
    write_shared(&mut out, spec, &shared);
    let parts = [
        ("# Of the first bit map.\n", 2..=64),
        ("\n# Of the second bit map.\n", 65..=128),
        ("\n# Of the third bit map.\n", 129..=192),
    ];
    out.push_str("\n[fields]\n");
    for (heading, range) in parts {
        let mut fields = spec.fields.range(range).peekable();
        if fields.peek().is_some() {
            out.push_str(heading);
        }
        for (de, field) in fields {
            line(&mut out, format_args!("{de} = {{ {} }}", statements(field, &shared).join(", ")));
        }
    }
    out
}

fn line(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{arguments}");
}

fn write_shared(out: &mut String, spec: &Spec, shared: &Shared) {
    out.push_str("\n[encoding]\n");
    line(out, format_args!("mti = {}", quoted(spec.mti.name())));
    line(out, format_args!("bitmap = {}", quoted(spec.bitmap.name())));
    if let Some(prefix) = shared.length {
        line(out, format_args!("length = {} # of variable fields", quoted(prefix.encoding.name())));
    }
    for (what, encoding) in &shared.encodings {
        let what = if *what == "x+n" { "\"x+n\"" } else { what };
        let meaning = if what == "text" { " # a, an, ns, as, ans" } else { "" };
        line(out, format_args!("{what} = {}{meaning}", quoted(encoding.name())));
    }
    if let Some(prefix) = shared.length.filter(|p| p.counts == Counts::Wire || p.inclusive) {
        out.push_str("\n[length]\n");
        length_statements(prefix, None).iter().for_each(|s| line(out, format_args!("{s}")));
    }
    if shared.fixed_pad.is_some() || shared.variable_pad.is_some() {
        out.push_str("\n[pad] # of an odd number of packed digits\n");
        for (what, pad) in [("fixed", shared.fixed_pad), ("variable", shared.variable_pad)] {
            if let Some(pad) = pad {
                line(out, format_args!("{what} = {}", quoted(&pad_text(pad))));
            }
        }
    }
    let hexadecimal = |encoding| matches!(encoding, Encoding::Hex | Encoding::EbcdicHex);
    if hexadecimal(spec.bitmap)
        || spec.fields.values().any(|f| f.format.class == Class::B && hexadecimal(f.format.encoding))
    {
        out.push_str(
            "\n[accept]\nlower_case_hex = true # of bit maps and binary fields; written in upper case\n",
        );
    }
}

/// What a field says that is not shared, as `key = value`.
fn statements(field: &FieldInfo, shared: &Shared) -> Vec<String> {
    let format = &field.format;
    let mut out =
        vec![format!("format = {}", quoted(&format.notation())), format!("name = {}", quoted(&field.name))];
    if shared.encoding(format.class) != Some(format.encoding) {
        out.push(format!("encoding = {}", quoted(format.encoding.name())));
    }
    if let Some(prefix) = format.prefix() {
        match &length_statements(prefix, shared.length)[..] {
            [] => {}
            [one] if prefix.encoding != shared.length.map_or(prefix.encoding, |s| s.encoding) => {
                out.push(one.replacen("encoding", "length", 1));
            }
            several => out.push(format!("length = {{ {} }}", several.join(", "))),
        }
    }
    let pad = if format.prefix().is_none() { shared.fixed_pad } else { shared.variable_pad };
    if format.encoding == Encoding::Bcd && pad != Some(format.pad) {
        out.push(format!("pad = {}", quoted(&pad_text(format.pad))));
    }
    let filled = format.class.is_text() && matches!(format.length, Length::Fixed(_));
    if filled && format.fill != Fill::SPACES {
        let character = match format.fill.character {
            b' ' => "space".to_owned(),
            character => char::from(character).to_string(),
        };
        out.push(format!("fill = {}", quoted(&format!("{} {character}", side(format.fill.side)))));
    }
    match field.mask {
        Mask::Open => {}
        Mask::Pan => out.push("mask = \"pan\"".to_owned()),
        Mask::Secret => out.push("mask = \"secret\"".to_owned()),
    }
    if field.content == Content::BerTlv {
        out.push("content = \"ber-tlv\"".to_owned());
    }
    if !field.parts.is_empty() {
        let parts: Vec<String> =
            field.parts.iter().map(|part| format!("[{}, {}]", part.units, quoted(&part.name))).collect();
        out.push(format!("parts = [{}]", parts.join(", ")));
    }
    out
}

/// What a length says that is not shared; without `shared`, all but its encoding that is not usual.
fn length_statements(prefix: Prefix, shared: Option<Prefix>) -> Vec<String> {
    let usual = Prefix { counts: Counts::Value, inclusive: false, ..prefix };
    let shared = shared.unwrap_or(usual);
    let mut out = Vec::new();
    if prefix.encoding != shared.encoding {
        out.push(format!("encoding = {}", quoted(prefix.encoding.name())));
    }
    if prefix.counts != shared.counts {
        let counts = if prefix.counts == Counts::Wire { "wire" } else { "value" };
        out.push(format!("counts = {}", quoted(counts)));
    }
    if prefix.inclusive != shared.inclusive {
        out.push(format!("inclusive = {}", prefix.inclusive));
    }
    out
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Left => "left",
        Side::Right => "right",
    }
}

fn pad_text(pad: Pad) -> String {
    format!("{} {:X}", side(pad.side), pad.nibble)
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
