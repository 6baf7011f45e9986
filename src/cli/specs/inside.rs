//! What is inside a field on its way from another product's file: subfields with keys and formats become a
//! layout, if they can. Knows neither XML nor JSON nor TOML.

use crate::wire::{Class, Counts, Dialect, Encoding, Format, Length};

/// Layouts inside layouts.
pub(super) const DEEPEST: usize = 6;
/// Parts of one layout.
const MOST: usize = 1000;

/// A layout.
pub(super) struct Inside {
    pub name: String,
    pub kind: Arrangement,
    /// The encoding of the characters that hold the parts; `None` where bytes do.
    pub characters: Option<Encoding>,
    pub parts: Vec<Piece>,
}

/// How the parts are arranged, with what stands between them.
pub(super) enum Arrangement {
    Positional,
    /// A bit map of so many bytes.
    Bitmap {
        bytes: u16,
        encoding: Encoding,
        /// Bit 1 says that another one of so many bytes follows.
        continues: bool,
    },
    /// The first `head` parts, and then tag, length and value.
    Tagged {
        head: usize,
        tag: Format,
        value: Format,
    },
}

/// A part.
pub(super) struct Piece {
    pub key: String,
    pub name: String,
    pub format: Format,
    pub layout: Option<String>,
}

/// The encoding of the characters that parts consist of, and whatever stands between them; `None` if it is not
/// one for all of them, so that only bytes can hold them.
pub(super) fn characters(kind: &Arrangement, parts: &[Piece]) -> Option<Encoding> {
    let between = match kind {
        Arrangement::Positional => [None, None],
        Arrangement::Bitmap { encoding, .. } => [Some(of_hexadecimal(*encoding)), None],
        Arrangement::Tagged { tag, value, .. } => [Some(of(tag)), Some(of(value))],
    };
    let mut all = parts.iter().map(|part| of(&part.format)).chain(between.into_iter().flatten());
    let first = all.next()??;
    all.all(|encoding| encoding == Some(first)).then_some(first)
}

/// The encoding of the characters that a value and its length consist of.
fn of(format: &Format) -> Option<Encoding> {
    let value = match (format.class, format.encoding) {
        (Class::B, encoding) => of_hexadecimal(encoding)?,
        (_, encoding) if encoding.is_text() => encoding,
        _ => return None,
    };
    let length = format.prefix().map_or(value, |prefix| prefix.encoding);
    (length == value).then_some(value)
}

fn of_hexadecimal(encoding: Encoding) -> Option<Encoding> {
    (encoding == Encoding::Hex).then_some(Encoding::Ascii)
}

/// Why a layout cannot be inside a value of this format, in words that end a sentence about it.
pub(super) fn misfit(kind: &Arrangement, parts: &[Piece], format: &Format) -> Option<String> {
    if parts.is_empty() {
        return Some("it has no subfields that can be said".to_owned());
    }
    if parts.len() > MOST {
        return Some(format!("it has more than {MOST} subfields"));
    }
    if format.class == Class::Xn {
        return Some("a signed amount has no subfields".to_owned());
    }
    if let Some(part) = parts.iter().find(|part| !is_key(kind, &part.key)) {
        return Some(format!("subfield {:?} cannot be called so", part.key));
    }
    let mut keys: Vec<&str> = parts.iter().map(|part| part.key.as_str()).collect();
    keys.sort_unstable();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(format!("subfield {:?} is there twice", twice[0]));
    }
    if let Arrangement::Tagged { head, tag, .. } = kind {
        let most = if tag.class == Class::B { 4 } else { 8 };
        if tag.max_length() > most {
            return Some(format!("its tags are longer than {most}"));
        }
        let is_tag = |key: &str| match tag.class {
            Class::B => {
                key.len() == 2 * usize::from(tag.max_length()) && key.bytes().all(|c| c.is_ascii_hexdigit())
            }
            class => key.len() == usize::from(tag.max_length()) && key.bytes().all(|c| class.allows(c)),
        };
        if let Some(part) = parts.iter().skip(*head).find(|part| !is_tag(&part.key)) {
            return Some(format!("subfield {:?} is called by no tag", part.key));
        }
        if parts.iter().skip(*head).any(|part| part.format.prefix().is_some()) {
            return Some("its subfields have lengths of more than one kind".to_owned());
        }
    }
    let (Length::Fixed(units), Arrangement::Positional) = (format.length, kind) else { return None };
    let bytes = |part: &Piece| part.format.wire_bytes(usize::from(part.format.max_length()));
    let fixed = |part: &&Piece| matches!(part.format.length, Length::Fixed(_));
    let sum: usize = parts.iter().filter(fixed).map(bytes).sum();
    let open = parts.iter().any(|part| part.format.prefix().is_some());
    let fits = sum == usize::from(units) || open && sum <= usize::from(units);
    (!fits).then(|| format!("its subfields are {sum} bytes long together, not {units}"))
}

/// Whether parts can have this bit of bit maps of so many bytes.
pub(super) fn has_bit(bytes: u16, continues: bool, bit: u16) -> bool {
    let most = if continues { 128 } else { bytes * 8 };
    (1..=most).contains(&bit) && !(continues && (bit - 1).is_multiple_of(bytes * 8))
}

/// Whether addresses can call a part so; behind a bit map it is the number of its bit.
fn is_key(kind: &Arrangement, key: &str) -> bool {
    let plain = key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    match kind {
        Arrangement::Bitmap { bytes, continues, .. } => {
            has_bit(*bytes, *continues, key.parse().unwrap_or(0)) && key.bytes().next() != Some(b'0') && plain
        }
        _ => plain && (1..=32).contains(&key.len()),
    }
}

/// A format of the same kind whose length the tag before it says.
pub(super) fn behind_a_tag(format: Format) -> Format {
    let max = format.max_length();
    Format { length: Length::Rest { max }, ..format }
}

/// Whether a length before a value counts bytes of the wire: digits that are packed it must not count.
pub(super) fn counts_bytes(format: &Format) -> bool {
    let one_each = format.encoding.bytes(2) == 2;
    one_each || format.prefix().is_some_and(|prefix| prefix.counts == Counts::Wire)
}

/// Whether the layout of EMV data that comes with the program has this tag.
pub(super) fn is_emv(tag: &str) -> bool {
    let dialect = Dialect::builtin("iso87-ascii");
    let layout = dialect.as_ref().and_then(|dialect| dialect.field(55)?.layout.as_deref());
    layout.is_some_and(|layout| layout.parts().iter().any(|part| part.key == tag))
}
