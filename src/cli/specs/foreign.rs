//! A dialect on its way from another product's file into ours: what was read, and what could not be. Knows
//! neither XML nor JSON nor TOML.

use super::inside::Inside;
use crate::wire::{Class, Dialect, Encoding, FieldInfo, Format, Length, Mask};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Files are a few hundred lines; what is longer is not one.
pub(super) const MAX_BYTES: u64 = 4 << 20;

/// What a foreign file comes to.
pub(super) struct Spec {
    /// What the file calls itself, if it does.
    pub title: Option<String>,
    pub version: u8,
    pub mti: Encoding,
    pub bitmap: Encoding,
    pub fixed_bitmaps: bool,
    pub third_bitmap: bool,
    pub fields: BTreeMap<u8, Field>,
    /// What is inside fields, each before those inside it.
    pub layouts: Vec<Inside>,
    pub remarks: Vec<Remark>,
}

/// A data element as its line in a dialect file says it.
pub(super) struct Field {
    pub name: String,
    pub format: Format,
    pub mask: Mask,
    /// The name of one of the file's layouts, or of those that come with the program.
    pub layout: Option<String>,
}

/// Something of the file that its user must know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Remark {
    /// Data elements and, behind a point, subfields: `48`, `127.25`; empty where it is the file as a whole.
    pub field: String,
    /// Whether something is lost; otherwise it is only something that was added or assumed.
    pub lost: bool,
    /// What the file says that we cannot, and what was done instead.
    pub what: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.lost { "lost: " } else { "note: " })?;
        if !self.field.is_empty() {
            write!(f, "DE {}: ", self.field)?;
        }
        f.write_str(&self.what)
    }
}

/// The remarks on one conversion.
#[derive(Default)]
pub(super) struct Remarks(pub Vec<Remark>);

impl Remarks {
    pub fn lose(&mut self, field: impl fmt::Display, what: impl Into<String>) {
        self.0.push(Remark { field: field.to_string(), lost: true, what: what.into() });
    }

    pub fn note(&mut self, field: impl fmt::Display, what: impl Into<String>) {
        self.0.push(Remark { field: field.to_string(), lost: false, what: what.into() });
    }
}

impl Remarks {
    /// Says so where a field's longest value is shorter here than the file has it: what its prefix cannot say is lost,
    /// what no message has room for is not.
    pub fn shortened(&mut self, field: impl fmt::Display, said: Option<u32>, length: Length) {
        let (Some(said), Length::Variable { prefix, max }) = (said, length) else { return };
        let most = prefix.most();
        if said <= u32::from(max) {
            return;
        }
        if most < u16::MAX {
            let what = format!("a length of {said} does not fit its prefix; here it is at most {most}");
            self.lose(field, what);
        } else {
            self.note(
                field,
                format!("a length of {said} is longer than a message; here it is at most {max}"),
            );
        }
    }
}

/// Why a file cannot be read at all: `place: reason`.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// `line:column`, counted from 1, or the keys that lead there: `fields.35.enc`.
    pub place: String,
    pub reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl Unreadable {
    /// At a byte of the text.
    pub fn at(text: &str, byte: usize, reason: impl Into<String>) -> Unreadable {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
        Unreadable { place: format!("{line}:{column}"), reason: reason.into() }
    }

    /// At the end of a path of keys.
    pub fn under(path: &str, reason: impl Into<String>) -> Unreadable {
        Unreadable { place: path.to_owned(), reason: reason.into() }
    }
}

/// What a foreign file says of a field's characters, which is less than our classes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Digits, or track data.
    Digits,
    /// Anything that prints, and nothing narrower can be said in that format.
    Text,
    /// Anything that prints, said although digits could have been.
    Characters,
    /// A sign and digits.
    Signed,
    /// Bytes.
    Bytes,
}

/// An edition of ISO 8583.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Edition {
    #[value(name = "1987")]
    Of1987,
    #[value(name = "1993")]
    Of1993,
    #[value(name = "2003")]
    Of2003,
}

/// What ISO 8583 says of the data elements, for what a foreign file leaves open.
pub(super) struct Standard {
    table: Option<std::sync::Arc<Dialect>>,
    year: &'static str,
}

impl Standard {
    /// The edition that was given, else the one whose lengths of DE 4, 12 and 22 these are: foreign files do not state
    /// it. Says so where that is not 1987.
    pub fn of(
        edition: Option<Edition>,
        length: impl Fn(u8) -> Option<u32>,
        remarks: &mut Remarks,
    ) -> (u8, Standard) {
        let guessed = if length(4) == Some(16) && length(12) == Some(14) {
            Edition::Of2003
        } else if length(12) == Some(12) || length(22) == Some(12) {
            Edition::Of1993
        } else {
            Edition::Of1987
        };
        let (version, name, year) = match edition.unwrap_or(guessed) {
            Edition::Of1987 => (0, "iso87-ascii", "1987"),
            Edition::Of1993 => (1, "iso93-ascii", "1993"),
            Edition::Of2003 => (2, "iso2003-ascii", "2003"),
        };
        if edition.is_none() && version > 0 {
            let reason = format!(
                "message types begin with {version}, as in ISO 8583:{year}: --edition says otherwise"
            );
            remarks.note("", reason);
        }
        (version, Standard { table: Dialect::builtin(name), year })
    }

    pub fn year(&self) -> &'static str {
        self.year
    }

    pub fn field(&self, de: u8) -> Option<&FieldInfo> {
        self.table.as_deref()?.field(de)
    }

    /// The class of a field, and whether it is the standard's rather than the file's.
    ///
    /// The standard is asked for what the program must know to read the field, numbers and tracks, and only
    /// where its field is as long as the file's. Text stays as wide as the file has it.
    pub fn class(&self, de: u8, holds: Holds, length: Length) -> (Class, bool) {
        let same = |field: &&FieldInfo| match (field.format.length, length) {
            (Length::Fixed(a), Length::Fixed(b)) => a == b,
            (Length::Variable { max: a, .. }, Length::Variable { max: b, .. }) => a == b,
            _ => false,
        };
        let known = self.field(de);
        // Packed digits of a track have its separator among them, however long it may be.
        if holds == Holds::Digits && known.is_some_and(|field| field.format.class == Class::Z) {
            return (Class::Z, true);
        }
        let class = known.filter(same).map(|field| field.format.class);
        match (holds, class) {
            (Holds::Text | Holds::Characters, Some(Class::Z)) => (Class::Z, true),
            (Holds::Text, Some(class @ (Class::N | Class::Xn))) => (class, true),
            (Holds::Digits, _) => (Class::N, false),
            (Holds::Text | Holds::Characters, _) => (Class::Ans, false),
            (Holds::Signed, _) => (Class::Xn, false),
            (Holds::Bytes, _) => (Class::B, false),
        }
    }

    /// A field as it goes into a dialect file, with what the foreign file leaves open from the standard.
    pub fn complete(&self, de: u8, name: &str, format: Format, layout: Option<String>) -> Field {
        let known = self.field(de);
        let name = one_line(name);
        let name = match known {
            Some(field) if name.is_empty() => field.name.clone(),
            None if name.is_empty() => format!("DE {de}"),
            _ => name,
        };
        let own = |field: &&FieldInfo| {
            let (theirs, ours) = (field.format, format);
            let as_bytes = (theirs.class == Class::B) == (ours.class == Class::B);
            // EMV data is what it is, however long it may be.
            as_bytes
                && (de == 55
                    || theirs.max_length() == ours.max_length()
                        && theirs.prefix().is_none() == ours.prefix().is_none())
        };
        let standard = known.filter(own).and_then(|field| field.layout.as_ref());
        // Between tracks in characters and tracks that are bytes there is no likeness.
        let standard = standard.filter(|_| format.class != Class::Xn).map(|layout| layout.name().to_owned());
        Field { name, format, mask: Mask::usual(de), layout: layout.or(standard) }
    }
}

/// What the layout of a field or subfield is called: characters that no name of a layout has are their numbers.
pub(super) fn layout_name(place: &str) -> String {
    let said = |c: char| match c {
        '.' => "-".to_owned(),
        c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => c.to_string(),
        c => format!("_{:x}_", u32::from(c)),
    };
    format!("de-{}", place.chars().map(said).collect::<String>())
}

/// A name without line breaks and the spaces that pages are laid out with.
pub(super) fn one_line(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Data elements in a line: `2 to 4, 7 and 9`; ascending.
pub(super) fn listed(fields: &[u8]) -> String {
    let runs = fields.chunk_by(|a, b| a + 1 == *b);
    let all: Vec<String> = runs
        .flat_map(|run| match run {
            [first, _, .., last] => vec![format!("{first} to {last}")],
            few => few.iter().map(u8::to_string).collect(),
        })
        .collect();
    match all.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
