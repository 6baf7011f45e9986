//! `specs show`: a dialect's fields, or its file.

use super::{find, to_json};
use crate::wire::{Counts, Dialect, Encoding, FieldInfo, Mask, Side};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

#[derive(Serialize)]
struct ShownDialect<'a> {
    name: &'a str,
    title: &'a str,
    version: u8,
    mti: &'static str,
    bitmap: &'static str,
    fixed_bitmaps: bool,
    third_bitmap: bool,
    fields: Vec<ShownField<'a>>,
}

#[derive(Serialize)]
struct ShownField<'a> {
    de: u8,
    format: String,
    name: &'a str,
    encoding: &'static str,
    /// Absent for a fixed field.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<&'static str>,
    unit: &'static str,
    /// The length before a variable field.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<ShownPrefix>,
    /// Of a packed field: the side and nibble that fill an odd number of digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pad: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<&'static str>,
}

#[derive(Serialize)]
struct ShownPrefix {
    bytes: usize,
    /// `value` or `wire`, as in dialect files.
    counts: &'static str,
    inclusive: bool,
}

fn shown(field: &FieldInfo) -> ShownField<'_> {
    ShownField {
        de: field.de,
        format: field.format.notation(),
        name: &field.name,
        encoding: field.format.encoding.name(),
        length: field.format.prefix().map(|prefix| prefix.encoding.name()),
        unit: field.format.class.unit(),
        prefix: field.format.prefix().map(|prefix| ShownPrefix {
            bytes: prefix.bytes(),
            counts: match prefix.counts {
                Counts::Value => "value",
                Counts::Wire => "wire",
            },
            inclusive: prefix.inclusive,
        }),
        pad: (field.format.encoding == Encoding::Bcd).then(|| {
            let side = match field.format.pad.side {
                Side::Left => "left",
                Side::Right => "right",
            };
            format!("{side} {:X}", field.format.pad.nibble)
        }),
        mask: match field.mask {
            Mask::Open => None,
            Mask::Pan => Some("pan"),
            Mask::Secret => Some("secret"),
        },
    }
}

pub(super) fn show(name: &str, json: bool) -> Result<ExitCode, String> {
    let dialect = find(name)?;
    let (mti, bitmap) = (dialect.mti_encoding().name(), dialect.bitmap_encoding().name());
    let fields: Vec<_> = dialect.fields().map(shown).collect();
    if json {
        let shown = ShownDialect {
            name: dialect.name(),
            title: dialect.title(),
            version: dialect.version(),
            mti,
            bitmap,
            fixed_bitmaps: dialect.fixed_bitmaps(),
            third_bitmap: dialect.third_bitmap(),
            fields,
        };
        outln!("{}", to_json(&shown)?);
        return Ok(ExitCode::SUCCESS);
    }
    outln!("{}: {}\nMTI {mti}, bit maps {bitmap}\n", dialect.name(), dialect.title());
    outln!("   DE  {:<10}  {:<11}  {:<11}  name", "format", "encoding", "length");
    for field in fields {
        let length = field.length.unwrap_or("");
        outln!(
            "  {:>3}  {:<10}  {:<11}  {length:<11}  {}",
            field.de,
            field.format,
            field.encoding,
            field.name
        );
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show_source(name: &str) -> Result<ExitCode, String> {
    match Dialect::builtin_source(name) {
        Some(text) => out!("{text}"),
        None if Path::new(name).is_file() => {
            out!("{}", std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?);
        }
        None => {
            let known = Dialect::builtin_names().join(", ");
            return Err(format!("no dialect {name:?}: expected one of {known}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
