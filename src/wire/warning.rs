//! What is legal in a dialect file and yet suspicious, each with its place. Knows the text and what it was
//! compiled to, no message.
//!
//! That a statement changes nothing is found by leaving it out: the dialect is the same without it.

use super::dialect::Dialect;
use super::field::{Class, Counts, Encoding, FieldInfo, Fill, Format, Length, Mask, Pad, Side};
use super::spec::{self, Mistake};
use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};
use std::collections::BTreeMap;
use std::ops::Range;
use thiserror::Error;
use toml::de::{DeTable, DeValue};

/// Something legal and suspicious in a dialect file: place and reason as of a [`Mistake`].
#[derive(Clone, Debug, Error)]
#[error(transparent)]
pub struct Warning(pub Mistake);

impl Diagnostic for Warning {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Warning)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

/// Data elements that card data or secrets stand in, whatever the network.
const SENSITIVE: [(u8, Mask, &str); 8] = [
    (2, Mask::Pan, "the card number"),
    (34, Mask::Pan, "the card number"),
    (35, Mask::Secret, "track data"),
    (36, Mask::Secret, "track data"),
    (45, Mask::Secret, "track data"),
    (52, Mask::Secret, "the PIN block"),
    (53, Mask::Secret, "key material"),
    (126, Mask::Secret, "the card verification value of some networks"),
];

/// A link's `max_frame_bytes` unless its settings say otherwise.
const USUAL_FRAME: usize = 8192;
/// Statements that are left out one by one; a whole dialect has some hundreds.
const MOST_STATEMENTS: usize = 2000;

impl Mask {
    /// What of a data element is not for everybody, by what stands in it in most networks.
    pub fn usual(de: u8) -> Mask {
        SENSITIVE.iter().find(|(known, ..)| *known == de).map_or(Mask::Open, |(_, mask, _)| *mask)
    }
}

impl Dialect {
    /// What is legal in the text that this dialect was compiled from, and suspicious, in the order of the file.
    /// Only what the file itself states is looked at, not what it extends.
    pub fn warnings(&self, text: &str, origin: &str) -> Vec<Warning> {
        let Ok(table) = DeTable::parse(text) else { return Vec::new() };
        let mut said = BTreeMap::new();
        collect(table.get_ref(), "", &mut said);
        let mut check = Check { dialect: self, said, found: BTreeMap::new() };
        check.accepted();
        self.fields().for_each(|field| check.field(field));
        check.without_effect(text);
        let found = check.found.into_iter().map(|((start, reason), (end, fields))| {
            (start..end, if fields.is_empty() { reason } else { format!("DE {}: {reason}", listed(&fields)) })
        });
        spec::place(found.collect(), text, origin).into_iter().map(Warning).collect()
    }
}

/// The places of all keys by their path: `fields.35.pad`.
fn collect(table: &DeTable<'_>, above: &str, said: &mut BTreeMap<String, Range<usize>>) {
    for (key, value) in table {
        let path =
            if above.is_empty() { key.get_ref().to_string() } else { format!("{above}.{}", key.get_ref()) };
        if let DeValue::Table(inside) = value.get_ref() {
            collect(inside, &path, said);
        }
        said.insert(path, key.span());
    }
}

fn listed(fields: &[u8]) -> String {
    fields.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

struct Check<'d> {
    dialect: &'d Dialect,
    said: BTreeMap<String, Range<usize>>,
    /// By start and reason: the end, and the data elements that share both.
    found: BTreeMap<(usize, String), (usize, Vec<u8>)>,
}

impl Check<'_> {
    /// Blames the first of the paths that the file has; nothing where it has none.
    fn warn(&mut self, paths: &[String], de: Option<u8>, reason: impl Into<String>) {
        let Some(at) = paths.iter().find_map(|path| self.said.get(path)) else { return };
        self.found.entry((at.start, reason.into())).or_insert((at.end, Vec::new())).1.extend(de);
    }

    fn says(&self, de: u8, key: &str) -> bool {
        self.said.contains_key(&format!("fields.{de}.{key}"))
    }

    fn accepted(&mut self) {
        let accept = self.dialect.accept();
        let table = [
            (
                accept.characters,
                "characters",
                "characters that a field's class does not have, and wrong digits",
            ),
            (accept.pad, "pad", "wrong pads, and with them lengths that are off by one digit"),
            (accept.trailing, "trailing", "bytes behind the last field, and with them wrong bit maps"),
            (accept.undefined, "undefined", "all fields from the first one on that is not defined"),
        ];
        for (is_accepted, key, what) in table {
            if is_accepted {
                self.warn(&[format!("accept.{key}")], None, format!("hides errors: {what} pass unseen"));
            }
        }
    }

    fn field(&mut self, field: &FieldInfo) {
        let de = field.de;
        let own = |keys: &[&str]| -> Vec<String> {
            let keys = keys.iter().map(|key| format!("fields.{de}.{key}"));
            keys.chain([format!("fields.{de}")]).collect()
        };
        let secret = SENSITIVE.iter().find(|(known, ..)| *known == de);
        if let Some((_, mask, what)) = secret
            && field.mask == Mask::Open
            && !self.says(de, "mask")
        {
            let mask = if *mask == Mask::Pan { "pan" } else { "secret" };
            let reason = format!(
                "{what} is shown: expected mask = \"{mask}\", or \"none\" where it is something else"
            );
            self.warn(&own(&[]), Some(de), reason);
        }
        if de == 55 && field.mask == Mask::Open && field.layout.is_none() && !self.says(de, "layout") {
            self.warn(
                &own(&[]),
                Some(de),
                "the card number and track of EMV data are shown: expected layout = \"emv\"",
            );
        }
        if de == 65 {
            self.warn(
                &own(&[]),
                Some(de),
                "bit 65 tells of a third bit map in most networks, and is a field here",
            );
        }
        if matches!(de, 64 | 128) && (field.format.class, field.format.length) != (Class::B, Length::Fixed(8))
        {
            self.warn(
                &own(&["format"]),
                Some(de),
                "is a message authentication code of eight bytes in the standard: \"b 8\"",
            );
        }
        self.length(field, &own(&["format"]), &own(&["length", "format"]));
    }

    fn length(&mut self, field: &FieldInfo, format_at: &[String], length_at: &[String]) {
        let (de, format) = (field.de, &field.format);
        let max = format.max_length();
        if let Some((limit, year)) = standard(self.dialect, field)
            && max > limit
            && self.says(de, "format")
        {
            self.warn(
                format_at,
                Some(de),
                format!("takes up to {max}, and up to {limit} in ISO 8583:{year}"),
            );
        }
        let bytes = format.prefix_bytes() + format.wire_bytes(usize::from(max));
        if bytes > USUAL_FRAME {
            let reason = format!(
                "takes up to {bytes} bytes, and a link takes messages of {USUAL_FRAME} unless max_frame_bytes says more"
            );
            self.warn(format_at, Some(de), reason);
        }
        let Some(prefix) = format.prefix() else { return };
        let decimal = !matches!(prefix.encoding, Encoding::Binary | Encoding::Hex);
        let one_width = self.said.contains_key("length.digits");
        if decimal && !one_width && u32::from(max) < 10u32.pow(u32::from(prefix.digits) - 1) {
            let digits = prefix.digits;
            self.warn(length_at, Some(de), format!("has a length of {digits} digits, more than {max} needs"));
        }
        let in_bytes = prefix.counts == Counts::Wire || prefix.inclusive;
        if in_bytes && format.encoding == Encoding::Bcd && format.pad.nibble <= 9 {
            let mut places = length_at.to_vec();
            let global = ["length.counts", "length.inclusive", "length", "extends"];
            places.extend(global.map(str::to_owned));
            // Where the field does not say it, the file as a whole does.
            if !self.says(de, "length") {
                places.rotate_right(global.len());
            }
            let reason = "the length counts bytes and the pad is a digit: an odd number of digits cannot be told from an even one";
            self.warn(&places, Some(de), reason);
        }
    }

    /// Statements without which the dialect is the same.
    fn without_effect(&mut self, text: &str) {
        let Ok(whole) = text.parse::<toml::Table>() else { return };
        let same_without = |path: &str| {
            let mut table = whole.clone();
            remove(&mut table, path).is_some()
                && toml::to_string(&table)
                    .ok()
                    .and_then(|text| Dialect::from_toml(&text, "").ok())
                    .is_some_and(|without| same(self.dialect, &without))
        };
        let extends = whole.contains_key("extends");
        let paths: Vec<String> = self.said.keys().take(MOST_STATEMENTS).cloned().collect();
        let mut idle: Vec<String> = Vec::new();
        for path in paths {
            let mut keys = path.split('.');
            let (section, key, inside) = (keys.next(), keys.next(), keys.next());
            let shown = match (section, key, inside) {
                (Some("encoding" | "pad" | "length" | "accept" | "layouts"), Some(_), None) => true,
                (Some("messages"), Some(_), None) => true,
                (Some("version" | "fixed_bitmaps" | "third_bitmap"), None, None) => true,
                (Some("fields"), Some(_), None) => extends,
                (Some("fields"), Some(_), Some("format" | "name")) => extends,
                // Says that nothing is forgotten.
                (Some("fields"), Some(_), Some("mask")) => extends && !says_none(&whole, &path),
                // So does a layout that is taken away.
                (Some("fields"), Some(_), Some("layout")) => !says_none(&whole, &path),
                (Some("fields"), Some(_), Some(_)) => keys.next().is_none(),
                _ => false,
            };
            let covered = idle.iter().any(|above| path.starts_with(&format!("{above}.")));
            if shown && !covered && same_without(&path) {
                let reason = match (section, inside) {
                    (Some("encoding" | "pad" | "length"), _) => "nothing in the dialect uses this",
                    (Some("layouts"), _) => "no field uses this layout",
                    (Some("fields"), None) => "is the same in the dialect that this one extends",
                    _ => "changes nothing: it is so without it",
                };
                self.warn(std::slice::from_ref(&path), None, reason);
                idle.push(path);
            }
        }
    }
}

/// The longest that the standard of the dialect's version has for a data element, in the same unit, and its year.
fn standard(dialect: &Dialect, field: &FieldInfo) -> Option<(u16, &'static str)> {
    let (name, year) = match dialect.version() {
        0 => ("iso87-ascii", "1987"),
        1 => ("iso93-ascii", "1993"),
        _ => return None,
    };
    let standard = Dialect::builtin(name)?;
    let format = &standard.field(field.de)?.format;
    ((format.class == Class::B) == (field.format.class == Class::B)).then_some((format.max_length(), year))
}

fn remove(table: &mut toml::Table, path: &str) -> Option<toml::Value> {
    match path.split_once('.') {
        None => table.remove(path),
        Some((first, rest)) => remove(table.get_mut(first)?.as_table_mut()?, rest),
    }
}

fn says_none(table: &toml::Table, path: &str) -> bool {
    let mut keys = path.split('.');
    let first = keys.next().and_then(|key| table.get(key));
    keys.fold(first, |value, key| value?.get(key)).and_then(toml::Value::as_str) == Some("none")
}

/// Whether two dialects read and write alike, and show alike.
fn same(a: &Dialect, b: &Dialect) -> bool {
    let alike = |(a, b): (&FieldInfo, &FieldInfo)| {
        let (a, b) = (in_effect(a), in_effect(b));
        a == b
    };
    a.version() == b.version()
        && a.mti_encoding() == b.mti_encoding()
        && a.bitmap_encoding() == b.bitmap_encoding()
        && a.fixed_bitmaps() == b.fixed_bitmaps()
        && a.third_bitmap() == b.third_bitmap()
        && a.accept() == b.accept()
        && format!("{:?}", a.conventions()) == format!("{:?}", b.conventions())
        && a.fields().count() == b.fields().count()
        && a.fields().zip(b.fields()).all(alike)
}

/// A field without the settings of its format that its class and length have no use for.
fn in_effect(field: &FieldInfo) -> FieldInfo {
    let format = field.format;
    let packed = format.encoding == Encoding::Bcd;
    let filled = format.class.is_text() && matches!(format.length, Length::Fixed(_));
    let format = Format {
        pad: if packed { format.pad } else { Pad { side: Side::Left, nibble: 0 } },
        fill: if filled { format.fill } else { Fill::SPACES },
        ..format
    };
    FieldInfo { format, ..field.clone() }
}
