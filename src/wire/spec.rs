//! Dialect files: TOML text -> checked tables, every mistake with its place. Knows no message.
//!
//! A file states encodings once for each class and, under `[fields]`, what each data element is; `extends`
//! takes everything from a file that comes with the program, so that a dialect states only its differences.

mod layouts;
mod messages;

use super::dialect::Dialect;
use super::draft::{
    Draft, DraftField, DraftFormat, DraftLength, DraftValue, Extent, PAD_KEYS, allowed_encodings,
};
use super::field::{Class, Counts, Encoding, Fill, Mask, Pad, Side};
use miette::{Diagnostic, NamedSource, SourceSpan};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One mistake in a dialect file. As text `file:line:column: reason`; as a diagnostic with the line itself.
#[derive(Clone, Debug, Error, Diagnostic)]
#[error("{file}:{line}:{column}: {reason}")]
pub struct Mistake {
    /// The name the file was given.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub reason: String,
    #[source_code]
    text: Arc<NamedSource<String>>,
    #[label("here")]
    span: SourceSpan,
}

/// Everything wrong with a dialect file; at least one mistake.
#[derive(Clone, Debug)]
pub struct SpecError {
    mistakes: Vec<Mistake>,
}

impl SpecError {
    /// The mistakes, in the order of the file.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.mistakes.iter().enumerate() {
            write!(f, "{}{mistake}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecError {}

impl Diagnostic for SpecError {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.mistakes.iter().map(|mistake| mistake as &dyn Diagnostic)))
    }
}

/// Reads and compiles a dialect file.
pub(super) fn read(text: &str, origin: &str) -> Result<Dialect, SpecError> {
    let mut reader = Reader { inherited: None, mistakes: Vec::new() };
    let mut draft = Draft::default();
    reader.read_file(text, &mut draft, 0);
    reader.complete_messages(&mut draft);
    let dialect = if reader.mistakes.is_empty() {
        draft.compile(&mut |at, reason| reader.blame(at, reason))
    } else {
        None
    };
    match dialect {
        Some(dialect) if reader.mistakes.is_empty() => Ok(dialect),
        _ => Err(SpecError { mistakes: place(reader.mistakes, text, origin) }),
    }
}

/// Mistakes by their places in a text, in its order.
pub(super) fn place(mut raw: Vec<(Range<usize>, String)>, text: &str, origin: &str) -> Vec<Mistake> {
    raw.sort_by_key(|(at, _)| at.start);
    // A layout that several fields use has its mistakes once.
    raw.dedup();
    let source = Arc::new(NamedSource::new(origin, text.to_owned()));
    let locate = |(at, reason): (Range<usize>, String)| {
        let before = text.get(..at.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Mistake {
            file: origin.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            reason,
            text: source.clone(),
            span: at.into(),
        }
    };
    raw.into_iter().map(locate).collect()
}

const FILE_KEYS: [&str; 13] = [
    "name",
    "title",
    "extends",
    "version",
    "fixed_bitmaps",
    "third_bitmap",
    "encoding",
    "length",
    "pad",
    "accept",
    "layouts",
    "fields",
    "messages",
];
const ENCODING_KEYS: [&str; 8] = ["mti", "bitmap", "length", "n", "z", "x+n", "text", "b"];
const LENGTH_KEYS: [&str; 4] = ["encoding", "counts", "inclusive", "digits"];
const ACCEPT_KEYS: [&str; 5] = ["characters", "pad", "lower_case_hex", "trailing", "undefined"];
const FIELD_KEYS: [&str; 8] = ["format", "name", "encoding", "length", "pad", "fill", "mask", "layout"];

struct Reader {
    /// Inside an extended file: the place of `extends` in the file at hand.
    inherited: Option<Range<usize>>,
    mistakes: Vec<(Range<usize>, String)>,
}

type Key<'a, 'b> = &'a Spanned<std::borrow::Cow<'b, str>>;
type Node<'a, 'b> = &'a Spanned<DeValue<'b>>;

impl Reader {
    fn blame(&mut self, at: Range<usize>, reason: impl Into<String>) {
        let at = self.at(at);
        self.mistakes.push((at, reason.into()));
    }

    fn at(&self, at: Range<usize>) -> Range<usize> {
        self.inherited.clone().unwrap_or(at)
    }

    fn read_file(&mut self, text: &str, draft: &mut Draft, depth: usize) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            self.blame(error.span().unwrap_or(0..0), error.message());
        }
        if !errors.is_empty() {
            return;
        }
        let table = table.get_ref();
        if let Some(base) = table.get("extends") {
            self.read_bases(base, draft, depth);
        }
        for (key, value) in table {
            match self.known(key, &FILE_KEYS) {
                Some("name") => draft.name = self.text(value).map(|name| (name, self.at(value.span()))),
                Some("title") => draft.title = self.text(value).unwrap_or_default(),
                Some("version") => draft.version = self.version(value),
                Some("fixed_bitmaps") => draft.fixed_bitmaps = self.flag(value),
                Some("third_bitmap") => draft.third_bitmap = self.flag(value),
                Some("encoding") => self.read_encodings(value, draft),
                Some("length") => {
                    let length = self.length(value, &LENGTH_KEYS[1..]);
                    draft.length = length.over(draft.length);
                }
                Some("pad") => self.read_pads(value, draft),
                Some("accept") => self.read_accept(value, draft),
                Some("layouts") => self.read_layouts(value, draft),
                Some("fields") => self.read_fields(value, draft),
                Some("messages") => self.read_messages(value, draft),
                _ => {}
            }
        }
    }

    /// The files that a file starts from, one name or several, each over those before it.
    fn read_bases(&mut self, value: Node, draft: &mut Draft, depth: usize) {
        match value.get_ref().as_array() {
            Some(bases) => bases.iter().for_each(|base| self.read_base(base, draft, depth)),
            None => self.read_base(value, draft, depth),
        }
        // The bases' name and title are not the dialect's.
        draft.name = None;
    }

    fn read_base(&mut self, value: Node, draft: &mut Draft, depth: usize) {
        let Some(name) = self.text(value) else { return };
        match Dialect::builtin_source(&name) {
            Some(source) if depth < 8 => {
                let outer = self.inherited.clone();
                self.inherited = Some(self.at(value.span()));
                self.read_file(source, draft, depth + 1);
                self.inherited = outer;
            }
            _ => {
                let known = Dialect::source_names().collect::<Vec<_>>().join(", ");
                self.blame(value.span(), format!("no dialect {name:?} to extend: expected one of {known}"));
            }
        }
    }

    fn read_encodings(&mut self, value: Node, draft: &mut Draft) {
        for (key, value) in self.table(value) {
            let Some(what) = self.known(key, &ENCODING_KEYS) else { continue };
            if let Some(encoding) = self.encoding(value, allowed_encodings(what)) {
                draft.encodings.insert(what, (encoding, self.at(value.span())));
            }
        }
    }

    fn read_pads(&mut self, value: Node, draft: &mut Draft) {
        for (key, value) in self.table(value) {
            let Some(what) = self.known(key, &PAD_KEYS) else { continue };
            if let Some(pad) = self.pad(value) {
                draft.pads.insert(what, pad);
            }
        }
    }

    fn read_accept(&mut self, value: Node, draft: &mut Draft) {
        for (key, value) in self.table(value) {
            let accept = &mut draft.accept;
            let place = match self.known(key, &ACCEPT_KEYS) {
                Some("characters") => &mut accept.characters,
                Some("pad") => &mut accept.pad,
                Some("lower_case_hex") => &mut accept.lower_case_hex,
                Some("trailing") => &mut accept.trailing,
                Some("undefined") => &mut accept.undefined,
                _ => continue,
            };
            *place = self.flag(value);
        }
    }

    /// How lengths stand before variable fields: a table, or only their encoding.
    fn length(&mut self, value: Node, keys: &[&'static str]) -> DraftLength {
        let mut length = DraftLength::default();
        if value.get_ref().as_str().is_some() && keys.contains(&"encoding") {
            length.encoding = self.encoding(value, allowed_encodings("length"));
            return length;
        }
        for (key, value) in self.table(value) {
            match self.known(key, keys) {
                Some("encoding") => length.encoding = self.encoding(value, allowed_encodings("length")),
                Some("counts") => {
                    length.counts = self.one_of(value, &[("value", Counts::Value), ("wire", Counts::Wire)]);
                }
                Some("inclusive") => length.inclusive = Some(self.flag(value)),
                Some("digits") => {
                    let digits = integer(value.get_ref()).filter(|digits| (1..=4).contains(digits));
                    if digits.is_none() {
                        self.blame(value.span(), "expected the digits of a length, 1 to 4");
                    }
                    length.digits = digits.map(|digits| digits as u8);
                }
                _ => {}
            }
        }
        length
    }

    fn read_fields(&mut self, value: Node, draft: &mut Draft) {
        for (key, value) in self.table(value) {
            match key.get_ref().parse::<u8>() {
                Ok(1) => self.blame(key.span(), "DE 1 is the bit map, not a field"),
                Ok(de @ 2..=192) if key.get_ref() == &de.to_string() => {
                    let at = self.at(key.span());
                    let (field, place) =
                        draft.fields.entry(de).or_insert_with(|| (DraftField::default(), at.clone()));
                    *place = at;
                    self.read_field(value, field);
                }
                _ => self.blame(key.span(), "expected the number of a data element, 2 to 192"),
            }
        }
    }

    fn read_field(&mut self, value: Node, field: &mut DraftField) {
        for (key, value) in self.table(value) {
            match self.known(key, &FIELD_KEYS) {
                Some("name") => field.name = self.text(value),
                Some("mask") => field.mask = self.mask(value),
                Some("layout") => field.layout = self.layout_name(value),
                Some(key) => self.read_value(key, value, &mut field.value),
                None => {}
            }
        }
    }

    /// One of the keys that say how a value stands on the wire.
    fn read_value(&mut self, key: &str, value: Node, into: &mut DraftValue) {
        match key {
            "format" => into.format = self.format(value).or(into.format),
            "encoding" => into.encoding = self.encoding(value, &Encoding::ALL),
            "length" => into.length = self.length(value, &LENGTH_KEYS).over(into.length),
            "pad" => into.pad = self.pad(value),
            "fill" => into.fill = self.fill(value),
            _ => {}
        }
    }

    fn mask(&mut self, value: Node) -> Mask {
        let masks = [("none", Mask::Open), ("pan", Mask::Pan), ("secret", Mask::Secret)];
        self.one_of(value, &masks).unwrap_or_default()
    }

    /// A class and a length in the standard's notation: `n 6`, `n..19`, `x+n 8`; or `n to 19`.
    fn format(&mut self, value: Node) -> Option<DraftFormat> {
        let text = self.text(value)?;
        let split = text.find([' ', '.']).unwrap_or(text.len());
        let (class, rest) = text.split_at(split);
        let dots = rest.chars().take_while(|c| *c == '.').count();
        let open = rest.strip_prefix(" to ").filter(|_| dots == 0);
        let number = open.unwrap_or(rest[dots..].trim_start_matches(if dots == 0 { " " } else { "" }));
        let extent = match dots {
            _ if open.is_some() => Extent::Open,
            0 => Extent::Fixed,
            _ => Extent::Prefixed(dots.min(5) as u8),
        };
        let class = Class::ALL.iter().find(|(_, name)| *name == class).map(|(class, _)| *class);
        let number = number.parse::<u16>().ok().filter(|n| (1..=9999).contains(n));
        match (class, dots, number) {
            (Some(Class::Xn), 0, Some(digits)) => {
                Some(DraftFormat { class: Class::Xn, extent, length: digits + 1 })
            }
            (Some(class), 0..=4, Some(length)) => Some(DraftFormat { class, extent, length }),
            _ => {
                let classes = Class::ALL.map(|(_, name)| name).join(", ");
                self.blame(
                    value.span(),
                    format!(
                        "expected a class ({classes}) and a length: \"n 6\" fixed, \"n..19\" with a two-digit \
                         length before it, \"ans...999\" with three digits; inside a layout also \"ans to 99\", up to \
                         where what holds it ends"
                    ),
                );
                None
            }
        }
    }

    /// A side and a character: `left 0`, `right space`.
    fn fill(&mut self, value: Node) -> Option<Fill> {
        let text = self.text(value)?;
        let (side, character) = text.split_once(' ').unwrap_or_default();
        let side = [("left", Side::Left), ("right", Side::Right)].iter().find(|(name, _)| *name == side);
        let character = match character.as_bytes() {
            b"space" => Some(b' '),
            [character @ 0x21..=0x7E] => Some(*character),
            _ => None,
        };
        match (side, character) {
            (Some((_, side)), Some(character)) => Some(Fill { side: *side, character }),
            _ => {
                self.blame(
                    value.span(),
                    "expected \"left\" or \"right\" and a character: \"right space\", \"left 0\"",
                );
                None
            }
        }
    }

    fn flag(&mut self, value: Node) -> bool {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.blame(value.span(), format!("expected true or false, found {}", value.get_ref().type_str()));
        }
        flag.unwrap_or_default()
    }

    fn pad(&mut self, value: Node) -> Option<Pad> {
        let text = self.text(value)?;
        let (side, nibble) = text.split_once(' ').unwrap_or_default();
        let side = [("left", Side::Left), ("right", Side::Right)].iter().find(|(name, _)| *name == side);
        match (side, u8::from_str_radix(nibble, 16)) {
            (Some((_, side)), Ok(nibble @ 0..=15)) if text.is_ascii() => Some(Pad { side: *side, nibble }),
            _ => {
                self.blame(
                    value.span(),
                    "expected \"left\" or \"right\" and a hexadecimal digit: \"left 0\"",
                );
                None
            }
        }
    }

    fn version(&mut self, value: Node) -> Option<u8> {
        let digit = integer(value.get_ref()).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 9);
        if digit.is_none() {
            self.blame(value.span(), "expected the first digit of the message type, 0 to 9");
        }
        digit
    }

    fn encoding(&mut self, value: Node, allowed: &[(Encoding, &'static str)]) -> Option<Encoding> {
        let choices: Vec<_> = allowed.iter().map(|(encoding, name)| (*name, *encoding)).collect();
        self.one_of(value, &choices)
    }

    fn one_of<T: Copy>(&mut self, value: Node, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(value)?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let names = choices.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            self.blame(value.span(), format!("expected one of {names}, found {text:?}"));
        }
        found
    }

    fn text(&mut self, value: Node) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.blame(value.span(), format!("expected text, found {}", value.get_ref().type_str()));
        }
        text
    }

    fn table<'a, 'b>(
        &mut self,
        value: Node<'a, 'b>,
    ) -> impl Iterator<Item = (Key<'a, 'b>, Node<'a, 'b>)> + use<'a, 'b> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.blame(value.span(), format!("expected a table, found {}", value.get_ref().type_str()));
        }
        table.into_iter().flatten()
    }

    fn known(&mut self, key: Key, known: &[&'static str]) -> Option<&'static str> {
        let found = known.iter().find(|name| *name == key.get_ref()).copied();
        if found.is_none() {
            let known = known.join(", ");
            self.blame(key.span(), format!("unknown key {:?}: expected one of {known}", key.get_ref()));
        }
        found
    }
}

fn integer(value: &DeValue) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
