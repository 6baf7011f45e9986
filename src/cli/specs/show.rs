//! `specs show`: a dialect's fields, or its file.

use super::{find, to_json};
use crate::wire::{
    Conventions, Counts, Dialect, Encoding, FieldInfo, MESSAGE_KINDS, Mask, NetworkCode, Side, VERIFIED_DATA,
};
use serde::Serialize;
use std::collections::BTreeMap;
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
    messages: ShownMessages<'a>,
}

/// What the dialect says of its messages beyond how fields are written.
#[derive(Serialize)]
struct ShownMessages<'a> {
    /// By kind of message: the data elements without which the answer is 30.
    mandatory: BTreeMap<&'static str, Vec<u8>>,
    merchant_country: Vec<String>,
    card_verification: Vec<String>,
    network_codes: BTreeMap<&'a str, String>,
    cannot_verify: BTreeMap<&'static str, String>,
}

impl ShownMessages<'_> {
    fn of(conventions: &Conventions) -> ShownMessages<'_> {
        let sets = MESSAGE_KINDS.into_iter().zip(&conventions.mandatory);
        let codes = VERIFIED_DATA.into_iter().zip(&conventions.cannot_verify);
        let stands = |code: &'_ NetworkCode| format!("{:03}", code.code);
        ShownMessages {
            mandatory: sets.map(|(kind, set)| (kind, set.iter().collect())).collect(),
            merchant_country: conventions.merchant_country.iter().map(ToString::to_string).collect(),
            card_verification: conventions.card_verification.iter().map(ToString::to_string).collect(),
            network_codes: conventions
                .network_codes
                .iter()
                .map(|code| (code.digits.as_str(), stands(code)))
                .collect(),
            cannot_verify: codes
                .map(|(what, code)| (what, String::from_utf8_lossy(code).into_owned()))
                .collect(),
        }
    }

    fn print(&self) {
        outln!(
            "\nmandatory, else 30 (a decision needs besides: DE 11, a card number, DE 3, DE 4; network management DE 70)"
        );
        for (kind, set) in &self.mandatory {
            outln!("  {kind}  {}", listed(set.iter()));
        }
        outln!("merchant's country      {}", listed(self.merchant_country.iter()));
        outln!("verification value      {}", listed(self.card_verification.iter()));
        let codes =
            self.network_codes.iter().map(|(digits, code)| format!("DE 3 {digits}... is DE 70 {code}"));
        outln!("network management      {}", listed(codes));
        let codes = self.cannot_verify.iter().map(|(what, code)| format!("{what} {code}"));
        outln!("cannot verify, DE 39    {}", listed(codes));
    }
}

/// One behind the other, or a dash.
fn listed(all: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let all: Vec<String> = all.map(|one| one.to_string()).collect();
    if all.is_empty() { "-".to_owned() } else { all.join("  ") }
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
            messages: ShownMessages::of(dialect.conventions()),
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
    if dialect.version() == 0 {
        ShownMessages::of(dialect.conventions()).print();
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
