//! The JSON of moov's iso8583: `name` and `fields`, each with type, length, enc, prefix and padding. Knows no
//! TOML.

mod composite;

use super::foreign::{Edition, Field, Holds, Remarks, Spec, Standard, Unreadable, listed};
use super::inside::Inside;
use super::jpos_class::LONGEST;
use super::json::{self, Node};
use crate::wire::{Class, CodePage, Counts, Encoding, Fill, Format, Length, Pad, Prefix, Side};
use std::collections::BTreeMap;

/// moov's page: that of code page 500 but for `|`.
pub(super) const EBCDIC: Encoding = Encoding::Ebcdic(CodePage::Cp500);

const FIELD_KEYS: [&str; 10] = [
    "type",
    "length",
    "description",
    "enc",
    "prefix",
    "padding",
    "tag",
    "subfields",
    "bitmap",
    "disableautoexpand",
];

/// Reads a message specification.
///
/// # Errors
/// Where the file is not JSON, or not a specification: no fields, no bit map, a value of another kind.
pub(super) fn read(text: &str, edition: Option<Edition>) -> Result<Spec, Unreadable> {
    let root = json::parse(text)?;
    let mut remarks = Remarks::default();
    for (key, _) in root.entries() {
        if key != "name" && key != "fields" {
            remarks.lose("", format!("{key:?} is not read"));
        }
    }
    let fields = match root.get("fields") {
        Some(fields @ Node::Object(entries)) if !entries.is_empty() => fields,
        found => {
            let found = found.map_or("nothing", Node::kind);
            return Err(Unreadable::under("fields", format!("expected an object of fields, found {found}")));
        }
    };
    let mut raws = BTreeMap::new();
    for (key, node) in fields.entries() {
        let path = format!("fields.{key}");
        let number = key.parse::<u16>().ok().filter(|number| *number <= 9999 && key == &number.to_string());
        let number = number.ok_or_else(|| Unreadable::under(&path, "expected the number of a field"))?;
        raws.insert(number, Raw::of(&path, node)?);
    }
    let title = match root.get("name") {
        Some(Node::Text(name)) => Some(name.split_whitespace().collect::<Vec<_>>().join(" ")),
        Some(other) => {
            return Err(Unreadable::under("name", format!("expected text, found {}", other.kind())));
        }
        None => None,
    };
    assemble(raws, title.filter(|title| !title.is_empty()), edition, remarks)
}

/// A field's values, of the right kind.
struct Raw<'a> {
    node: &'a Node,
    kind: &'a str,
    /// `None` where it is no number.
    length: Option<u32>,
    description: &'a str,
    encoding: &'a str,
    prefix: &'a str,
    padding: Option<(&'a str, &'a str)>,
    fixed_bitmap: bool,
}

impl<'a> Raw<'a> {
    fn of(path: &str, node: &'a Node) -> Result<Raw<'a>, Unreadable> {
        if !matches!(node, Node::Object(_)) {
            return Err(Unreadable::under(path, format!("expected an object, found {}", node.kind())));
        }
        let text = |node: &'a Node, key: &str| match node.get(key) {
            Some(Node::Text(text)) => Ok(text.as_str()),
            None | Some(Node::Null) => Ok(""),
            Some(other) => Err(Unreadable::under(
                &format!("{path}.{key}"),
                format!("expected text, found {}", other.kind()),
            )),
        };
        let length = match node.get("length") {
            Some(Node::Number(length)) => u32::try_from(*length).ok(),
            None | Some(Node::Null) => Some(0),
            Some(_) => None,
        };
        let padding = match node.get("padding") {
            None | Some(Node::Null) => None,
            Some(padding) => Some((text(padding, "type")?, text(padding, "pad")?)),
        };
        Ok(Raw {
            node,
            kind: text(node, "type")?,
            length,
            description: text(node, "description")?,
            encoding: text(node, "enc")?,
            prefix: text(node, "prefix")?,
            padding: padding.filter(|(kind, _)| *kind != "None"),
            fixed_bitmap: node.get("disableautoexpand") == Some(&Node::Flag(true)),
        })
    }

    fn is_composite(&self) -> bool {
        self.kind == "Composite"
            || self.node.get("subfields").is_some_and(|inside| !inside.entries().is_empty())
    }
}

fn assemble(
    raws: BTreeMap<u16, Raw<'_>>,
    title: Option<String>,
    edition: Option<Edition>,
    mut remarks: Remarks,
) -> Result<Spec, Unreadable> {
    let mti = raws.get(&0).filter(|raw| raw.length == Some(4)).and_then(|raw| match raw.encoding {
        "ASCII" => Some(Encoding::Ascii),
        "BCD" | "LBCD" => Some(Encoding::Bcd),
        "EBCDIC" => Some(EBCDIC),
        _ => None,
    });
    let mti = mti.ok_or_else(|| {
        Unreadable::under("fields.0", "expected the message type, 4 long in ASCII, BCD or EBCDIC")
    })?;
    let map = raws.get(&1).filter(|raw| raw.kind == "Bitmap");
    let bitmap = map.and_then(|raw| match raw.encoding {
        "Binary" => Some(Encoding::Binary),
        "HexToASCII" | "Hex" => Some(Encoding::Hex),
        _ => None,
    });
    let (Some(map), Some(bitmap)) = (map, bitmap) else {
        return Err(Unreadable::under("fields.1", "expected a Bitmap in Binary or HexToASCII"));
    };
    let (version, standard) =
        Standard::of(edition, |de| raws.get(&u16::from(de)).and_then(|raw| raw.length), &mut remarks);
    let fixed_bitmaps = bitmap_length(map, &mut remarks);
    let mut reader = Reader {
        standard,
        third_bitmap: !fixed_bitmaps && raws.keys().any(|number| (129..=192).contains(number)),
        remarks,
        fields: BTreeMap::new(),
        layouts: Vec::new(),
        narrowed: Vec::new(),
    };
    for (number, raw) in raws.iter().filter(|(number, _)| **number > 1) {
        reader.field(*number, raw)?;
    }
    if !reader.narrowed.is_empty() {
        let (fields, year) = (listed(&reader.narrowed), reader.standard.year());
        reader.remarks.note("", format!("the class of DE {fields} is that of ISO 8583:{year}"));
    }
    Ok(Spec {
        title,
        version,
        mti,
        bitmap,
        fixed_bitmaps,
        third_bitmap: reader.third_bitmap,
        fields: reader.fields,
        layouts: reader.layouts,
        remarks: reader.remarks.0,
    })
}

/// Whether there are always two bit maps.
fn bitmap_length(map: &Raw<'_>, remarks: &mut Remarks) -> bool {
    match (map.length.unwrap_or(0), map.fixed_bitmap) {
        (16, true) => return true,
        (16, false) => {
            remarks.lose(
                1,
                "a bit map of 16 bytes: two bit maps always, as moov reads it today; where the file meant 16 \
                 hexadecimal characters, as it once did, take fixed_bitmaps out",
            );
            return true;
        }
        (0 | 8, false) => {}
        (0 | 8, true) => remarks.lose(1, "one bit map always; here bit 1 tells of a second one"),
        (length, _) => remarks
            .lose(1, format!("a bit map of {length} bytes; here of 8, and bit 1 tells of a second one")),
    }
    false
}

struct Reader {
    standard: Standard,
    third_bitmap: bool,
    remarks: Remarks,
    fields: BTreeMap<u8, Field>,
    layouts: Vec<Inside>,
    /// Fields whose class is the standard's.
    narrowed: Vec<u8>,
}

impl Reader {
    fn field(&mut self, number: u16, raw: &Raw<'_>) -> Result<(), Unreadable> {
        let de = match u8::try_from(number) {
            Ok(de @ 2..=128) if !(de == 65 && self.third_bitmap) => de,
            Ok(de @ 129..=192) if self.third_bitmap => de,
            told => {
                let third = told == Ok(65);
                let reason = if third {
                    "bit 65 tells of the third bit map"
                } else {
                    "there is no bit for it in the bit maps"
                };
                self.remarks.lose(number, format!("{reason}; it is left out"));
                return Ok(());
            }
        };
        let place = de.to_string();
        self.strange_keys(&place, raw.node);
        let told = if raw.is_composite() {
            self.composite(&place, &format!("fields.{de}"), raw, 1)?
        } else {
            self.format(&place, raw).map(|format| (format, None))
        };
        match told {
            Ok((mut format, layout)) => {
                self.narrow(de, raw, &mut format, layout.is_some());
                self.fields.insert(de, self.standard.complete(de, raw.description, format, layout));
            }
            Err(reason) => self.remarks.lose(de, format!("{reason}; it is left out")),
        }
        Ok(())
    }

    fn strange_keys(&mut self, place: &str, node: &Node) {
        for (key, _) in node.entries() {
            if !FIELD_KEYS.contains(&key.as_str()) {
                self.remarks.lose(place, format!("{key:?} is not read"));
            }
        }
    }

    /// Takes the class from the standard where the file can only say that it is text, or digits.
    fn narrow(&mut self, de: u8, raw: &Raw<'_>, format: &mut Format, has_layout: bool) {
        let holds = match format.class {
            Class::N => Holds::Digits,
            class if class.is_text() => Holds::Text,
            _ => return,
        };
        let (class, narrowed) = self.standard.class(de, holds, format.length);
        // A signed amount has no parts.
        if !narrowed || (class == Class::Xn && has_layout) {
            return;
        }
        format.class = class;
        format.fill = Fill::SPACES;
        self.narrowed.push(de);
        if format.prefix().is_none()
            && class == Class::N
            && raw.padding.is_some_and(|pad| pad != ("Left", "0"))
        {
            self.remarks
                .lose(de, "is padded in another way than with zeros on the left, as numbers are here");
        }
    }

    fn format(&mut self, place: &str, raw: &Raw<'_>) -> Result<Format, String> {
        let (holds, encoding, pad) = value(raw)?;
        let length = length(raw)?;
        self.remarks.shortened(place, raw.length, length);
        let class = match holds {
            Holds::Digits => Class::N,
            Holds::Bytes => Class::B,
            _ => Class::Ans,
        };
        let mut format =
            Format { class, length, encoding, pad, fill: Fill::SPACES, accept: Default::default() };
        self.padding(place, raw, &mut format);
        Ok(format)
    }

    fn padding(&mut self, de: &str, raw: &Raw<'_>, format: &mut Format) {
        let Some((kind, pad)) = raw.padding else { return };
        if format.prefix().is_some() {
            return self.remarks.lose(de, "is padded to its longest; here it is as long as its value");
        }
        let side = match kind {
            "Left" => Side::Left,
            "Right" => Side::Right,
            _ => return self.remarks.lose(de, format!("padding {kind:?} is not known; there is none")),
        };
        let fill = match pad.as_bytes() {
            [character @ 0x20..=0x7E] => Fill { side, character: *character },
            _ => return self.remarks.lose(de, format!("padding with {pad:?}; it is padded with spaces")),
        };
        let zeros = Fill { side: Side::Left, character: b'0' };
        match format.class {
            Class::N | Class::Xn if fill == zeros => {}
            class if class.is_text() => format.fill = fill,
            class => {
                let what = if class == Class::N { "zeros on the left" } else { "nothing" };
                self.remarks.lose(de, format!("padding {kind:?} with {pad:?}; here with {what}"));
            }
        }
    }
}

/// What a field holds and how it stands on the wire.
fn value(raw: &Raw<'_>) -> Result<(Holds, Encoding, Pad), String> {
    let left = Pad { side: Side::Left, nibble: 0 };
    let right = Pad { side: Side::Right, nibble: 0 };
    Ok(match (raw.kind, raw.encoding) {
        ("String", "ASCII") => (Holds::Text, Encoding::Ascii, left),
        ("String", "EBCDIC") => (Holds::Text, EBCDIC, left),
        ("Numeric", "ASCII") => (Holds::Digits, Encoding::Ascii, left),
        ("Numeric", "EBCDIC") => (Holds::Digits, EBCDIC, left),
        ("String" | "Numeric", "BCD") => (Holds::Digits, Encoding::Bcd, left),
        ("String" | "Numeric", "LBCD") => (Holds::Digits, Encoding::Bcd, right),
        ("String" | "Binary", "Binary" | "ASCIIToHex") => (Holds::Bytes, Encoding::Binary, left),
        ("String" | "Binary", "HexToASCII" | "Hex") => (Holds::Bytes, Encoding::Hex, left),
        ("Bitmap", _) => return Err("is a bit map of its own".to_owned()),
        ("String" | "Numeric" | "Binary", encoding) => {
            return Err(format!("{} in {encoding:?} is not known", raw.kind));
        }
        (kind, _) => return Err(format!("the type {kind:?} is not known")),
    })
}

fn length(raw: &Raw<'_>) -> Result<Length, String> {
    let (family, width) = raw.prefix.split_once('.').unwrap_or((raw.prefix, ""));
    let said = raw.length.ok_or("has a length that is no number")?;
    let length = u16::try_from(said).unwrap_or(u16::MAX);
    let fixed = width == "Fixed" && matches!(family, "ASCII" | "BCD" | "EBCDIC" | "Hex" | "Binary" | "None");
    if length == 0 || fixed && length > LONGEST {
        return Err(format!("is {said} long"));
    }
    if fixed {
        return Ok(Length::Fixed(length));
    }
    let width = match width {
        "L" | "LL" | "LLL" | "LLLL" | "LLLLL" | "LLLLLL" => width.len() as u8,
        _ => return Err(format!("the prefix {:?} is not known", raw.prefix)),
    };
    let (encoding, digits) = match (family, width) {
        ("ASCII", _) => (Encoding::Ascii, width),
        ("BCD", _) => (Encoding::Bcd, width),
        ("EBCDIC", _) => (EBCDIC, width),
        // Widths count bytes here; two of them say more than three digits do.
        ("Binary", 1) => (Encoding::Binary, 2),
        ("Binary", 2) => (Encoding::Binary, if length > 999 { 4 } else { 3 }),
        ("Binary", 3) => (Encoding::Binary, 6),
        ("Hex", 1..=3) => (Encoding::Hex, 2 * width),
        ("Binary" | "Hex", _) => return Err(format!("a length of {width} bytes")),
        _ => return Err(format!("the prefix {:?} is not known", raw.prefix)),
    };
    let prefix = Prefix { digits, encoding, counts: Counts::Value, inclusive: false };
    Ok(Length::Variable { prefix, max: length.min(prefix.most()) })
}
