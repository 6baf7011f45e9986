//! `specs show`: a dialect's fields, or its file.

use super::{find, to_json};
use crate::wire::{Dialect, FieldInfo, Mask};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<&'static str>,
}

fn shown(field: &FieldInfo) -> ShownField<'_> {
    ShownField {
        de: field.de,
        format: field.format.notation(),
        name: &field.name,
        encoding: field.format.encoding.name(),
        length: field.format.prefix().map(|prefix| prefix.encoding.name()),
        unit: field.format.class.unit(),
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
        let (name, title, version) = (dialect.name(), dialect.title(), dialect.version());
        println!("{}", to_json(&ShownDialect { name, title, version, mti, bitmap, fields })?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}: {}\nMTI {mti}, bit maps {bitmap}\n", dialect.name(), dialect.title());
    println!("   DE  {:<10}  {:<8}  {:<8}  name", "format", "encoding", "length");
    for field in fields {
        let length = field.length.unwrap_or("");
        println!(
            "  {:>3}  {:<10}  {:<8}  {length:<8}  {}",
            field.de, field.format, field.encoding, field.name
        );
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show_source(name: &str) -> Result<ExitCode, String> {
    match Dialect::builtin_source(name) {
        Some(text) => print!("{text}"),
        None if Path::new(name).is_file() => {
            print!("{}", std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?);
        }
        None => {
            let known = Dialect::builtin_names().join(", ");
            return Err(format!("no dialect {name:?}: expected one of {known}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
