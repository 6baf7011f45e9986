//! jPOS GenericPackager XML: `isopackager` with `isofield` and `isofieldpackager` elements. Knows no TOML.

mod composite;

use super::foreign::{Edition, Field, Holds, Remarks, Spec, Standard, Unreadable, listed};
use super::inside::Inside;
use super::jpos_class::{LONGEST, Meaning, Packed, meaning};
use super::xml::{self, Element};
use crate::wire::{Class, Encoding, Fill, Format, Length};
use std::collections::BTreeMap;

const LONG: u16 = LONGEST + 1;
const FIELD: &str = "isofield";
const COMPOSITE: &str = "isofieldpackager";
const FIELD_KEYS: [&str; 8] = ["id", "length", "name", "class", "pad", "packager", "token", "tagMapper"];
const ROOT_KEYS: [&str; 5] = ["name", "maxValidField", "bitmapField", "firstField", "emitBitmap"];

/// Reads a packager.
///
/// # Errors
/// Where the file is not XML, or not a packager: no bit map, a field without number, class or length.
pub(super) fn read(text: &str, edition: Option<Edition>) -> Result<Spec, Unreadable> {
    let root = xml::parse(text)?;
    if root.name != "isopackager" {
        return Err(Unreadable::at(text, root.at, format!("expected <isopackager>, found <{}>", root.name)));
    }
    let mut remarks = Remarks::default();
    for (key, value) in &root.attributes {
        if !ROOT_KEYS.contains(&key.as_str()) {
            remarks.lose("", format!("{key}=\"{value}\" of the packager is not read"));
        }
    }
    let own_bitmap = root.attribute("bitmapField").is_some_and(|field| field != "1");
    if own_bitmap || root.attribute("emitBitmap").is_some_and(|emit| emit != "true") {
        let reason = "a message without a bit map behind its type cannot be read";
        return Err(Unreadable::at(text, root.at, reason));
    }
    let fields = raws(text, &root, "", &mut remarks)?;
    assemble(text, &root, fields, edition, remarks)
}

/// The fields inside an element, by number; `place` is what it is called, with a point.
fn raws<'a>(
    text: &str,
    element: &'a Element,
    place: &str,
    remarks: &mut Remarks,
) -> Result<BTreeMap<u16, Raw<'a>>, Unreadable> {
    let mut fields = BTreeMap::new();
    for child in &element.children {
        if child.name != FIELD && child.name != COMPOSITE {
            remarks.lose(place.trim_end_matches('.'), format!("<{}> is not read", child.name));
            continue;
        }
        let raw = Raw::of(text, child)?;
        if let Some(before) = fields.insert(raw.id, raw) {
            let place = format!("{place}{}", before.id);
            remarks.lose(place, "is there twice; the later one is taken, as jPOS does");
        }
    }
    Ok(fields)
}

/// An element's attributes, read.
struct Raw<'a> {
    element: &'a Element,
    id: u16,
    name: &'a str,
    class: &'a str,
    /// `None` where it is not stated, or is no number.
    length: Option<u32>,
    pad: bool,
}

impl<'a> Raw<'a> {
    fn of(text: &str, element: &'a Element) -> Result<Raw<'a>, Unreadable> {
        let need = |key: &str| {
            let missing =
                || Unreadable::at(text, element.at, format!("expected {key} in <{}>", element.name));
            element.attribute(key).ok_or_else(missing)
        };
        let id = need("id")?;
        let wrong = || Unreadable::at(text, element.at, format!("expected id from 0 to 65535, found {id:?}"));
        Ok(Raw {
            element,
            id: id.trim().parse().map_err(|_| wrong())?,
            name: element.attribute("name").unwrap_or_default(),
            class: need("class")?,
            length: element.attribute("length").and_then(|length| length.trim().parse().ok()),
            pad: element.attribute("pad").is_some_and(|pad| pad.trim().eq_ignore_ascii_case("true")),
        })
    }

    fn meaning(&self) -> Meaning {
        meaning(self.class, self.length.unwrap_or(0), self.pad)
    }
}

fn assemble(
    text: &str,
    root: &Element,
    fields: BTreeMap<u16, Raw<'_>>,
    edition: Option<Edition>,
    mut remarks: Remarks,
) -> Result<Spec, Unreadable> {
    let mti = match fields.get(&0).map(Raw::meaning) {
        // Neither a sign nor bytes that are written as characters.
        Some(Meaning::Field(Packed { holds, length: Length::Fixed(4), encoding, .. }))
            if !matches!(holds, Holds::Signed | Holds::Bytes) =>
        {
            encoding
        }
        _ => {
            let at = fields.get(&0).map_or(root.at, |field| field.element.at);
            return Err(Unreadable::at(text, at, "expected field 0, the message type, of four digits"));
        }
    };
    let (bitmap, bytes) = match fields.get(&1).map(|field| (field.meaning(), field.length)) {
        Some((Meaning::Bitmap(encoding), bytes)) => (encoding, bytes.unwrap_or(8)),
        _ => {
            let at = fields.get(&1).map_or(root.at, |field| field.element.at);
            return Err(Unreadable::at(text, at, "expected field 1, the bit map"));
        }
    };
    let (version, standard) =
        Standard::of(edition, |de| fields.get(&u16::from(de)).and_then(|field| field.length), &mut remarks);
    let third_bitmap = bytes > 16;
    if bytes < 16 && fields.keys().any(|id| *id > 64) {
        remarks.lose(1, format!("jPOS reads {bytes} bytes and no second bit map; here bit 1 tells of one"));
    }
    let mut reader = Reader {
        text,
        standard,
        third_bitmap,
        remarks,
        fields: BTreeMap::new(),
        layouts: Vec::new(),
        narrowed: Vec::new(),
    };
    for field in fields.values().filter(|field| field.id > 1) {
        reader.field(field)?;
    }
    Ok(reader.finish(Head { version, mti, bitmap }))
}

struct Head {
    version: u8,
    mti: Encoding,
    bitmap: Encoding,
}

struct Reader<'t> {
    text: &'t str,
    standard: Standard,
    third_bitmap: bool,
    remarks: Remarks,
    fields: BTreeMap<u8, Field>,
    layouts: Vec<Inside>,
    /// Fields whose class is the standard's.
    narrowed: Vec<u8>,
}

impl Reader<'_> {
    fn field(&mut self, raw: &Raw<'_>) -> Result<(), Unreadable> {
        let de = match u8::try_from(raw.id) {
            Ok(65) if self.third_bitmap => return Ok(()),
            Ok(de @ 2..=128) => de,
            Ok(de @ 129..=192) if self.third_bitmap => de,
            _ => {
                self.remarks.lose(raw.id, "there is no bit for it in the bit maps; it is left out");
                return Ok(());
            }
        };
        let Some(packed) = self.packed(&de.to_string(), raw) else { return Ok(()) };
        let (class, narrowed) = self.standard.class(de, packed.holds, packed.length);
        if narrowed {
            self.narrowed.push(de);
        }
        let mut format = format(&packed, class);
        let mut layout = None;
        if raw.element.name == COMPOSITE {
            layout = self.composite(&de.to_string(), raw, &mut format, 1)?;
        }
        self.fields.insert(de, self.standard.complete(de, raw.name, format, layout));
        Ok(())
    }

    /// What a field's class comes to; `None`, and a remark, where it is left out.
    fn packed(&mut self, place: &str, raw: &Raw<'_>) -> Option<Packed> {
        for (key, value) in &raw.element.attributes {
            if !FIELD_KEYS.contains(&key.as_str()) && !ROOT_KEYS.contains(&key.as_str()) {
                self.remarks.lose(place, format!("{key}=\"{value}\" is not read"));
            }
        }
        let reason = match raw.meaning() {
            Meaning::Field(_) if raw.length.is_none() => {
                let said = raw.element.attribute("length").map_or("nothing".to_owned(), |l| format!("{l:?}"));
                format!("expected a length, found {said}")
            }
            Meaning::Field(_) if raw.length == Some(0) => "is 0 long".to_owned(),
            Meaning::Field(Packed { length: Length::Fixed(LONG..), .. }) => {
                format!("is over {LONGEST} long")
            }
            Meaning::Field(packed) => {
                self.remarks.shortened(place, raw.length, packed.length);
                packed.lost.iter().for_each(|lost| self.remarks.lose(place, lost.as_str()));
                return Some(packed);
            }
            Meaning::Nothing => {
                self.remarks.note(place, "takes no bytes; it is left out");
                return None;
            }
            Meaning::Bitmap(_) => "is a bit map of its own".to_owned(),
            Meaning::Tagged(_) => "writes a tag before the value".to_owned(),
            Meaning::Beyond(reason) => reason,
        };
        self.remarks.lose(place, format!("{reason}; it is left out"));
        None
    }

    fn finish(mut self, head: Head) -> Spec {
        if !self.narrowed.is_empty() {
            let (fields, year) = (listed(&self.narrowed), self.standard.year());
            self.remarks.note("", format!("the class of DE {fields} is that of ISO 8583:{year}"));
        }
        Spec {
            title: None,
            version: head.version,
            mti: head.mti,
            bitmap: head.bitmap,
            fixed_bitmaps: false,
            third_bitmap: self.third_bitmap,
            fields: self.fields,
            layouts: self.layouts,
            remarks: self.remarks.0,
        }
    }
}

fn format(packed: &Packed, class: Class) -> Format {
    Format {
        class,
        length: packed.length,
        encoding: packed.encoding,
        pad: packed.pad,
        fill: Fill::SPACES,
        accept: Default::default(),
    }
}
