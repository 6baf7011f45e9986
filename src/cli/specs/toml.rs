//! Writes a dialect file: what most fields share once, what they differ in with them. Knows no foreign format.

use super::foreign::{Field, Spec};
use super::inside::{Arrangement, Inside};
use crate::wire::{Class, Counts, Encoding, Fill, Format, Length, Mask, Pad, Prefix, Side};
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

impl Shared {
    fn of(spec: &Spec) -> Shared {
        let fields = || spec.fields.values().map(|field| &field.format);
        // Inside characters there is no choice.
        let in_bytes = spec.layouts.iter().filter(|inside| inside.characters.is_none());
        let parts: Vec<&Format> =
            in_bytes.flat_map(|inside| inside.parts.iter().map(|part| &part.format)).collect();
        let all = || fields().chain(parts.iter().copied());
        let encodings = ["n", "z", "x+n", "text", "b"].into_iter().filter_map(|what| {
            // Bytes in bytes are bytes, whatever fields are.
            let of_class: Vec<&Format> = if what == "b" { fields().collect() } else { all().collect() };
            let of_class = of_class.into_iter().filter(|format| key(format.class) == what);
            Some((what, most(of_class.map(|format| format.encoding))?))
        });
        let prefixes = fields().filter_map(Format::prefix);
        // A width is said by each field's dots.
        let length = most(prefixes.map(|prefix| Prefix { digits: 0, ..prefix }));
        let pad = |fixed: bool| {
            let packed = all().filter(|format| format.encoding == Encoding::Bcd);
            most(packed.filter(|format| matches!(format.length, Length::Fixed(_)) == fixed).map(|f| f.pad))
        };
        let encodings = encodings.collect();
        Shared { encodings, length, fixed_pad: pad(true), variable_pad: pad(false) }
    }

    /// What holds inside a layout for parts that say nothing, and what the layout must say that it does.
    ///
    /// Inside characters everything is characters of the same encoding. Inside bytes the dialect's encodings hold,
    /// bytes are bytes, and what stands between the parts cannot say its own.
    fn inside(
        inside: &Inside,
        between: [Option<&Format>; 2],
        bitmap: Option<Encoding>,
        shared: &Shared,
    ) -> (Shared, Vec<String>) {
        let length = |encoding| Prefix { digits: 0, encoding, counts: Counts::Value, inclusive: false };
        let (mut encodings, mut prefix) = match inside.characters {
            Some(encoding) => {
                let hexadecimal =
                    if encoding == Encoding::Ascii { Encoding::Hex } else { Encoding::EbcdicHex };
                let all = ["n", "z", "x+n", "text"].map(|what| (what, encoding));
                ([&all[..], &[("b", hexadecimal)]].concat(), Some(length(encoding)))
            }
            None => {
                let others = shared.encodings.iter().filter(|(what, _)| *what != "b").copied();
                (others.chain([("b", Encoding::Binary)]).collect(), shared.length.map(|p| length(p.encoding)))
            }
        };
        let mut own = Vec::new();
        let mut say = |what: &'static str, encoding: Encoding| {
            if encodings.contains(&(what, encoding)) {
                return;
            }
            encodings.retain(|(known, _)| *known != what);
            encodings.push((what, encoding));
            let what = if what == "x+n" { "\"x+n\"" } else { what };
            own.push(format!("{what} = {}", quoted(encoding.name())));
        };
        bitmap.into_iter().for_each(|encoding| say("b", encoding));
        for format in between.into_iter().flatten() {
            say(key(format.class), format.encoding);
        }
        let said = between.into_iter().flatten().find_map(Format::prefix);
        if let Some(said) = said.filter(|said| prefix.map(|p| p.encoding) != Some(said.encoding)) {
            prefix = Some(length(said.encoding));
            own.push(format!("length = {}", quoted(said.encoding.name())));
        }
        // Where nothing is said at all, the parts say it once together.
        if inside.characters.is_none() && prefix.is_none() {
            let first = inside.parts.iter().find_map(|part| part.format.prefix());
            prefix = first.map(|first| length(first.encoding));
            own.extend(first.map(|first| format!("length = {}", quoted(first.encoding.name()))));
        }
        let pads = (shared.fixed_pad, shared.variable_pad);
        (Shared { encodings, length: prefix, fixed_pad: pads.0, variable_pad: pads.1 }, own)
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
    if spec.fields.values().any(|field| field.layout.is_some()) {
        line(&mut out, format_args!("extends = \"layouts\" # what is inside the standard's data elements"));
    }
    line(&mut out, format_args!("version = {} # the first digit of the message type", spec.version));
    if spec.fixed_bitmaps {
        line(&mut out, format_args!("fixed_bitmaps = true # two of them always"));
    }
    if spec.third_bitmap {
        line(&mut out, format_args!("third_bitmap = true"));
    }
    write_shared(&mut out, spec, &shared);
    spec.layouts.iter().for_each(|inside| write_layout(&mut out, inside, &shared));
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
fn statements(field: &Field, shared: &Shared) -> Vec<String> {
    let mut out = value_statements(&field.format, &field.name, shared);
    match field.mask {
        Mask::Open => {}
        Mask::Pan => out.push("mask = \"pan\"".to_owned()),
        Mask::Secret => out.push("mask = \"secret\"".to_owned()),
    }
    out.extend(layout_statement(field.layout.as_deref()));
    out
}

fn layout_statement(layout: Option<&str>) -> Option<String> {
    layout.map(|layout| format!("layout = {}", quoted(layout)))
}

/// The same of a value, in a field or a part.
fn value_statements(format: &Format, name: &str, shared: &Shared) -> Vec<String> {
    let mut out =
        vec![format!("format = {}", quoted(&format.notation())), format!("name = {}", quoted(name))];
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
    let fixed = matches!(format.length, Length::Fixed(_));
    let pad = if fixed { shared.fixed_pad } else { shared.variable_pad };
    if format.encoding == Encoding::Bcd && pad != Some(format.pad) {
        out.push(format!("pad = {}", quoted(&pad_text(format.pad))));
    }
    if format.class.is_text() && fixed && format.fill != Fill::SPACES {
        let character = match format.fill.character {
            b' ' => "space".to_owned(),
            character => char::from(character).to_string(),
        };
        out.push(format!("fill = {}", quoted(&format!("{} {character}", side(format.fill.side)))));
    }
    out
}

fn write_layout(out: &mut String, inside: &Inside, shared: &Shared) {
    let (tag, value, bitmap) = match &inside.kind {
        Arrangement::Positional => (None, None, None),
        Arrangement::Bitmap { bytes, encoding, continues } => {
            (None, None, Some((*bytes, *encoding, *continues)))
        }
        Arrangement::Tagged { tag, value, .. } => (Some(tag), Some(value), None),
    };
    let (kind, head) = match &inside.kind {
        Arrangement::Positional => ("positional", 0),
        Arrangement::Bitmap { .. } => ("bitmap", 0),
        Arrangement::Tagged { head, .. } => ("tagged", *head),
    };
    line(out, format_args!("\n[layouts.{}]\nkind = {}", inside.name, quoted(kind)));
    let (defaults, own) =
        Shared::inside(inside, [tag, value], bitmap.map(|(_, encoding, _)| encoding), shared);
    if !own.is_empty() {
        line(out, format_args!("encoding = {{ {} }}", own.join(", ")));
    }
    if let Some((bytes, _, continues)) = bitmap {
        line(out, format_args!("bitmap = \"b {bytes}\""));
        if continues {
            line(out, format_args!("continues = \"b {bytes}\" # bit 1 says that another one follows"));
        }
    }
    for (key, format) in [("tag", tag), ("value", value)] {
        if let Some(format) = format {
            line(out, format_args!("{key} = {}", quoted(&format.notation())));
        }
    }
    let (first, rest) = inside.parts.split_at(head.min(inside.parts.len()));
    for (key, parts) in [("head", first), ("parts", rest)] {
        if parts.is_empty() {
            continue;
        }
        line(out, format_args!("{key} = ["));
        for part in parts {
            let mut said = vec![format!("key = {}", quoted(&part.key))];
            said.extend(value_statements(&part.format, &part.name, &defaults));
            said.extend(layout_statement(part.layout.as_deref()));
            line(out, format_args!("    {{ {} }},", said.join(", ")));
        }
        out.push_str("]\n");
    }
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
