//! `specs export`: a dialect as the JSON of moov's iso8583, with what that cannot say.

mod composite;

use super::foreign::{Remark, Remarks};
use crate::wire::{
    Class, CodePage, Counts, Dialect, Encoding, FieldInfo, Format, Kind, Length, Mask, Prefix, Side,
};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::process::ExitCode;

/// Writes a dialect as another product's file
#[derive(clap::Args)]
#[command(
    after_help = "The file goes to standard output; what it cannot say of the dialect goes to standard error, a
line each, and makes the exit code 1.

Examples:
  authswitch specs export iso87-bcd > iso87-bcd.json
  authswitch specs export mine.toml --lenient > mine.json"
)]
pub(super) struct Args {
    /// Dialect, by name or TOML file
    name: String,
    /// The product whose file it becomes
    #[arg(long, value_enum, default_value_t = Target::Moov)]
    format: Target,
    /// Exit code 0 although something is lost
    #[arg(long)]
    lenient: bool,
    /// One JSON object with the file and the remarks
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Target {
    /// JSON of moov's iso8583
    Moov,
}

#[derive(Serialize)]
struct Exported<'a> {
    name: &'a str,
    remarks: &'a [Remark],
    spec: &'a Spec,
}

/// moov's file, its keys in the order in which people read them.
#[derive(Serialize)]
struct Spec {
    name: String,
    fields: Fields,
}

struct Fields(Vec<(String, Field)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(key, field)| map.serialize_entry(key, field))?;
        map.end()
    }
}

#[derive(Serialize)]
struct Field {
    #[serde(rename = "type")]
    kind: &'static str,
    length: usize,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enc: Option<&'static str>,
    prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<Padding>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disableautoexpand: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bitmap: Option<Box<Field>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subfields: Option<Fields>,
}

#[derive(Serialize)]
struct Tag {
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enc: Option<&'static str>,
    sort: &'static str,
}

#[derive(Serialize)]
struct Padding {
    #[serde(rename = "type")]
    kind: &'static str,
    pad: char,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    let Target::Moov = args.format;
    let dialect = super::find(&args.name)?;
    let (spec, remarks) = moov(&dialect);
    if args.json {
        outln!("{}", super::to_json(&Exported { name: dialect.name(), remarks: &remarks, spec: &spec })?);
    } else {
        outln!("{}", serde_json::to_string_pretty(&spec).map_err(|error| error.to_string())?);
        remarks.iter().for_each(|remark| errln!("{}: {remark}", dialect.name()));
    }
    Ok(super::import::exit_code(&remarks, args.lenient))
}

fn moov(dialect: &Dialect) -> (Spec, Vec<Remark>) {
    let mut remarks = Remarks::default();
    let mti = match dialect.mti_encoding() {
        Encoding::Bcd => "BCD",
        encoding => text_encoding(encoding),
    };
    let mut fields = vec![
        ("0".to_owned(), Field::new("String", 4, mti, format!("{mti}.Fixed")).described("Message type")),
        ("1".to_owned(), bitmap(dialect, &mut remarks)),
    ];
    for field in dialect.fields() {
        match with_parts(field, &mut remarks) {
            Ok(said) => fields.push((field.de.to_string(), said.described(&field.name))),
            Err(reason) => remarks.lose(field.de, format!("{reason}; it is left out")),
        }
    }
    if dialect.version() != 0 {
        let version = dialect.version();
        remarks.note("", format!("the version of the standard ({version}) is not in the file"));
    }
    if dialect.fields().any(|field| field.mask != Mask::Open) {
        remarks.note("", "masks are not in the file");
    }
    let name = if dialect.title().is_empty() { dialect.name() } else { dialect.title() };
    (Spec { name: name.to_owned(), fields: Fields(fields) }, remarks.0)
}

impl Field {
    fn new(kind: &'static str, length: usize, enc: &'static str, prefix: String) -> Field {
        Field {
            kind,
            length,
            description: String::new(),
            enc: Some(enc),
            prefix,
            padding: None,
            disableautoexpand: false,
            tag: None,
            bitmap: None,
            subfields: None,
        }
    }

    fn described(self, description: &str) -> Field {
        Field { description: description.to_owned(), ..self }
    }
}

fn bitmap(dialect: &Dialect, remarks: &mut Remarks) -> Field {
    let (encoding, prefix) = match dialect.bitmap_encoding() {
        Encoding::Binary => ("Binary", "Binary.Fixed"),
        encoding => {
            if encoding != Encoding::Hex {
                remarks.lose(1, "bit maps in EBCDIC characters; moov reads them in ASCII");
            }
            ("HexToASCII", "Hex.Fixed")
        }
    };
    let always_two = dialect.fixed_bitmaps();
    let length = if always_two { 16 } else { 8 };
    let map = Field::new("Bitmap", length, encoding, prefix.to_owned()).described("Bit map");
    Field { disableautoexpand: always_two, ..map }
}

/// A field with its parts, if these can be said.
fn with_parts(field: &FieldInfo, remarks: &mut Remarks) -> Result<Field, String> {
    if let Some(layout) = &field.layout {
        match composite::composite(&field.format, layout) {
            Ok(said) => {
                if matches!(layout.kind(), Kind::Tagged(_)) {
                    remarks.note(field.de, "moov refuses tags that its file does not list");
                }
                return Ok(said);
            }
            Err(reason) => remarks.note(field.de, format!("its parts are not in the file: {reason}")),
        }
    }
    let (said, lost) = value(&field.format)?;
    lost.into_iter().for_each(|lost| remarks.lose(field.de, lost));
    Ok(said)
}

/// A field in moov's words, and what they leave out.
fn value(format: &Format) -> Result<(Field, Vec<String>), String> {
    let mut lost = Vec::new();
    let (kind, encoding, scale) = content(format, &mut lost)?;
    let (length, prefix) = match format.length {
        Length::Fixed(length) => (bytes_of(format, length, scale), format!("{}.Fixed", family(encoding))),
        Length::Variable { prefix, max } => (bytes_of(format, max, scale), name_of(prefix)?),
        Length::Rest { .. } => return Err("nothing says how long it is".to_owned()),
    };
    let field = Field::new(kind, length, encoding, prefix);
    Ok((Field { padding: padding(format, scale), ..field }, lost))
}

/// What a length counts in moov's file.
#[derive(Clone, Copy, PartialEq)]
enum Scale {
    /// What ours counts.
    Same,
    /// Bytes on the wire.
    Wire,
}

fn bytes_of(format: &Format, units: u16, scale: Scale) -> usize {
    match scale {
        Scale::Same => usize::from(units),
        Scale::Wire => format.wire_bytes(usize::from(units)),
    }
}

fn content(format: &Format, lost: &mut Vec<String>) -> Result<(&'static str, &'static str, Scale), String> {
    let fixed = format.prefix().is_none();
    let in_bytes = format.prefix().is_some_and(|prefix| prefix.counts == Counts::Wire);
    if format.encoding != Encoding::Bcd {
        page(format.encoding, lost);
    }
    let text = text_encoding(format.encoding);
    Ok(match (format.class, format.encoding) {
        (Class::N, Encoding::Bcd) if !in_bytes => ("String", packed(format, lost), Scale::Same),
        (Class::Z, Encoding::Bcd) if !in_bytes => {
            lost.push(
                "moov's packed digits have no separator D; a track with one is refused there".to_owned(),
            );
            ("String", packed(format, lost), Scale::Same)
        }
        (_, Encoding::Bcd) if fixed || in_bytes => {
            lost.push("its digits are packed as moov cannot; there it is bytes".to_owned());
            ("Binary", "Binary", Scale::Wire)
        }
        (_, Encoding::Bcd) => return Err("its digits are packed as moov cannot".to_owned()),
        (Class::B, Encoding::Binary) => ("Binary", "Binary", Scale::Same),
        (Class::B, Encoding::Hex) if fixed || !in_bytes => ("Binary", "HexToASCII", Scale::Same),
        (Class::B, _) if fixed || in_bytes => {
            lost.push("its bytes are characters there, two for each".to_owned());
            ("String", text, Scale::Wire)
        }
        (Class::B, _) => return Err("its length counts bytes that are two characters each".to_owned()),
        // Numbers there lose their zeros, and a variable one would be no shorter than it was: text keeps them.
        _ => ("String", text, Scale::Same),
    })
}

/// The name of packed digits by where an odd number of them is padded.
fn packed(format: &Format, lost: &mut Vec<String>) -> &'static str {
    let name = match format.pad.side {
        Side::Left => "BCD",
        Side::Right => "LBCD",
    };
    let matters = match format.length {
        Length::Fixed(length) => length % 2 == 1,
        Length::Variable { .. } | Length::Rest { .. } => true,
    };
    if format.pad.nibble != 0 && matters {
        lost.push(format!("an odd number of digits is padded with {:X}; there with 0", format.pad.nibble));
    }
    name
}

fn text_encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Ebcdic(_) | Encoding::EbcdicHex => "EBCDIC",
        _ => "ASCII",
    }
}

fn page(encoding: Encoding, lost: &mut Vec<String>) {
    let differs = match encoding {
        Encoding::Ebcdic(CodePage::Cp500) => "|",
        Encoding::Ebcdic(_) => "[ ] ^ ! |",
        _ => return,
    };
    lost.push(format!("moov's EBCDIC has other bytes for {differs}"));
}

fn family(encoding: &str) -> &'static str {
    match encoding {
        "BCD" | "LBCD" => "BCD",
        "EBCDIC" => "EBCDIC",
        "Binary" => "Binary",
        // Not Hex: with that moov writes no field of fixed length.
        _ => "ASCII",
    }
}

fn name_of(prefix: Prefix) -> Result<String, String> {
    if prefix.inclusive {
        return Err("its length counts itself".to_owned());
    }
    let (family, width) = match (prefix.encoding, prefix.digits) {
        (Encoding::Binary, _) => ("Binary", prefix.bytes()),
        (Encoding::Hex, 2 | 4) => ("Hex", usize::from(prefix.digits) / 2),
        (Encoding::Hex, digits) => return Err(format!("its length has {digits} hexadecimal digits")),
        (Encoding::Bcd, digits) => ("BCD", usize::from(digits)),
        (Encoding::Ebcdic(_), digits) => ("EBCDIC", usize::from(digits)),
        (_, digits) => ("ASCII", usize::from(digits)),
    };
    Ok(format!("{family}.{}", "L".repeat(width)))
}

/// How a short value is filled; moov refuses one where nothing is said.
fn padding(format: &Format, scale: Scale) -> Option<Padding> {
    let pad = |side, character: u8| {
        let kind = if side == Side::Left { "Left" } else { "Right" };
        Some(Padding { kind, pad: char::from(character) })
    };
    match (format.length, format.class) {
        (Length::Variable { .. } | Length::Rest { .. }, _) => None,
        _ if scale == Scale::Wire => None,
        (_, Class::N) => pad(Side::Left, b'0'),
        (_, class) if class.is_text() => pad(format.fill.side, format.fill.character),
        _ => None,
    }
}
