//! A message in words: its fields with names, places and values, masked unless asked otherwise, and what is
//! wrong with it. Knows nothing of terminals and files.

use crate::wire::{Class, Dialect, FieldInfo, Key, Mask, Message, Node, ParseError, Reason, View};
use serde::Serialize;
use std::ops::Range;

/// One message, explained. The names are those of the JSON that scripts read.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    /// Absent where it cannot be read.
    pub mti: Option<String>,
    pub dialect: String,
    /// The framing's name where a length stood before the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framing: Option<&'static str>,
    pub fields: Vec<Field>,
    pub errors: Vec<Fault>,
}

/// A data element, or a piece of one.
#[derive(Debug, Serialize)]
pub(super) struct Field {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub de: Option<u8>,
    /// Upper-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<usize>,
    pub name: String,
    pub value: String,
    /// Bytes from the start of the message to the field's first byte, its length prefix included; a piece of packed
    /// digits may begin inside that byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// What is odd about the content of a field that is right as far as the dialect goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something wrong.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    pub de: u8,
    pub offset: usize,
    pub reason: String,
}

/// Explains a message (without framing) in a dialect.
pub(super) fn explain(dialect: &Dialect, frame: &[u8], unmask: bool) -> Explanation {
    let mut message = Message::new();
    let mut errors: Vec<ParseError> = Vec::new();
    dialect.examine(frame, &mut message, &mut |error| errors.push(error));
    let unreadable =
        errors.first().is_some_and(|error| error.de == 0 && !matches!(error.reason, Reason::Version { .. }));
    let mut explanation = Explanation {
        mti: (!unreadable).then(|| message.mti().to_string()),
        dialect: dialect.name().to_owned(),
        framing: None,
        fields: Vec::new(),
        errors: errors.iter().map(fault).collect(),
    };
    let view = dialect.view(frame, &message);
    for de in message.bitmap() {
        let Some(info) = dialect.field(de) else { continue };
        explanation.fields.push(field(view, info, unmask));
    }
    explanation
}

fn fault(error: &ParseError) -> Fault {
    Fault { de: error.de, offset: error.offset as usize, reason: error.reason.to_string() }
}

fn field(view: View<'_>, info: &FieldInfo, unmask: bool) -> Field {
    let mut field = Field {
        de: Some(info.de),
        tag: None,
        sub: None,
        name: info.name.clone(),
        value: view.field(info.de).map_or_else(String::new, exact),
        offset: view.offset(info.de),
        length: view.raw(info.de).map(<[u8]>::len),
        fields: Vec::new(),
        note: None,
    };
    // Of a field that is not to be shown, neither are its parts.
    if unmask || info.mask == Mask::Open {
        let pieces = Pieces::of(view, info.de);
        field.note = pieces.note();
        if !unmask && let Some(data) = view.data(info.de) {
            let start = view.offset(info.de).unwrap_or(0) + info.format.prefix_bytes();
            field.value = pieces.starred(&field.value, start..start + data.len());
        }
        field.fields = pieces.nested(1, &mut 0, unmask);
    }
    if !unmask {
        field.value = masked(info, &field.value);
    }
    field
}

/// Exactly what the field holds: digits, characters, or upper-case hexadecimal of bytes.
fn exact(field: crate::wire::Field<'_>) -> String {
    let mut buffer = vec![0; field.units()];
    match field.format().class {
        Class::B => hex(field.bytes(&mut buffer).unwrap_or_default()),
        _ => String::from_utf8_lossy(field.text(&mut buffer).unwrap_or_default()).into_owned(),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A part of a field, and what may be shown of it.
struct Piece {
    depth: usize,
    field: Field,
    mask: Mask,
    /// Where its value stands in the message.
    place: Range<usize>,
    is_text: bool,
}

/// The parts of a field, each before those inside it.
struct Pieces {
    pieces: Vec<Piece>,
    wrong: Option<(usize, String)>,
}

impl Pieces {
    fn of(view: View<'_>, de: u8) -> Pieces {
        let mut pieces = Pieces { pieces: Vec::new(), wrong: None };
        view.walk_parts(de, &mut |node| pieces.push(view, node));
        pieces
    }

    fn push(&mut self, view: View<'_>, node: &Node<'_>) {
        if let (None, Some((at, reason))) = (&self.wrong, &node.wrong) {
            self.wrong = Some((*at, reason.to_string()));
        }
        let before = self.pieces.iter().rev().take_while(|piece| piece.depth >= node.depth);
        let number = 1 + before.filter(|piece| piece.depth == node.depth).count();
        let (tag, sub, name) = match node.key {
            Key::Tag(tag) if node.name.is_empty() => (Some(tag.to_string()), None, "Unknown tag".to_owned()),
            Key::Tag(tag) => (Some(tag.to_string()), None, node.name.to_owned()),
            Key::Part(_) => (None, Some(number), node.name.to_owned()),
            Key::Row(row) => (None, Some(usize::from(row)), format!("Row {row}")),
            Key::Bitmap => (None, None, "Bit map".to_owned()),
            Key::Rest => (None, None, "What fits nothing".to_owned()),
            Key::Padding => return,
        };
        let value = match node.field {
            Some(field) => exact(field),
            None => hex(view.frame().get(node.value.clone()).unwrap_or_default()),
        };
        self.pieces.push(Piece {
            depth: node.depth,
            field: Field {
                de: None,
                tag,
                sub,
                name,
                value,
                offset: Some(node.whole.start),
                length: Some(node.whole.len()),
                fields: Vec::new(),
                note: None,
            },
            mask: node.mask,
            place: node.value.clone(),
            is_text: node.field.is_some_and(|field| field.format().class.is_text()),
        });
    }

    /// The first thing that is wrong, in words.
    fn note(&self) -> Option<String> {
        self.wrong.as_ref().map(|(at, reason)| format!("not as laid out at offset {at}: {reason}"))
    }

    /// A value with stars for those of its bytes that are in pieces not to be shown.
    fn starred(&self, value: &str, place: Range<usize>) -> String {
        let hidden =
            |byte: usize| self.pieces.iter().any(|p| p.mask != Mask::Open && p.place.contains(&byte));
        // One character a byte, or two digits; of what has a pad besides, all or nothing is shown.
        let each = value.len().checked_div(place.len()).unwrap_or(0);
        let whole = each > 0 && each * place.len() == value.len();
        let any = place.clone().any(hidden);
        let star = |(index, c): (usize, char)| {
            let secret = if whole { hidden(place.start + index / each) } else { any };
            if secret { '*' } else { c }
        };
        value.chars().enumerate().map(star).collect()
    }

    /// The pieces of one depth, from `at` on, with those inside them; of a secret one none.
    fn nested(&self, depth: usize, at: &mut usize, unmask: bool) -> Vec<Field> {
        let mut fields = Vec::new();
        while let Some(piece) = self.pieces.get(*at).filter(|piece| piece.depth >= depth) {
            *at += 1;
            let inner = self.nested(depth + 1, at, unmask);
            let field = &piece.field;
            let value = match piece.mask {
                _ if unmask => field.value.clone(),
                Mask::Secret => "*".repeat(field.value.chars().count()),
                Mask::Pan => mask_pan(&field.value),
                Mask::Open if piece.is_text => mask_text(&self.starred(&field.value, piece.place.clone())),
                Mask::Open => self.starred(&field.value, piece.place.clone()),
            };
            let show = unmask || piece.mask == Mask::Open;
            fields.push(Field {
                tag: field.tag.clone(),
                name: field.name.clone(),
                value,
                fields: if show { inner } else { Vec::new() },
                note: None,
                ..*field
            });
        }
        fields
    }
}

fn masked(info: &FieldInfo, value: &str) -> String {
    match info.mask {
        Mask::Pan => mask_pan(value),
        Mask::Secret => "*".repeat(value.chars().count()),
        Mask::Open if info.format.class == Class::Ans && info.format.prefix().is_some() => mask_text(value),
        Mask::Open => value.to_owned(),
    }
}

/// The first six and last four of 15 and more characters, else the last four.
pub(super) fn mask_pan(pan: &str) -> String {
    let length = pan.chars().count();
    let head = if length >= 15 { 6 } else { 0 };
    let tail = if length > 4 { length - 4 } else { length };
    pan.chars().enumerate().map(|(i, c)| if i < head || i >= tail { c } else { '*' }).collect()
}

/// Free text may carry card numbers and verification codes in layouts nobody here knows: of 13 and more
/// digits in a row nothing is shown, and nothing of the digits behind `9203`, which is how a card verification code
/// travels among the subelements of DE 48.
fn mask_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for run in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        let code = digits.find("9203").map_or(digits.len(), |at| at + 4);
        let shown = if digits.len() >= 13 { 0 } else { code };
        out.push_str(&digits[..shown]);
        out.push_str(&"*".repeat(digits.len() - shown));
        out.push_str(&run[digits.len()..]);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_pan_shows_its_ends() {
        let table = [
            ("4111111111110001", "411111******0001"),
            ("4111111111110001999", "411111*********1999"),
            ("371449635398431", "371449*****8431"),
            ("36227206271667", "**********1667"),
            ("12345", "*2345"),
            ("1234", "****"),
            ("", ""),
        ];
        for (pan, shown) in table {
            assert_eq!(mask_pan(pan), shown);
        }
    }

    #[test]
    fn free_text_hides_long_numbers_and_verification_codes() {
        let table = [
            ("R0801M", "R0801M"),
            ("123456789012", "123456789012"),
            ("PAN 4111111111110001 END", "PAN **************** END"),
            ("T9203123", "T9203***"),
            ("T4201079203123X", "T*************X"),
            ("T92039203123X", "T9203*******X"),
            ("", ""),
        ];
        for (text, shown) in table {
            assert_eq!(mask_text(text), shown);
        }
    }

    fn emv_field(data: &[u8], unmask: bool) -> Field {
        let dialect = Dialect::builtin("iso87-bcd").unwrap();
        let mut frame = Vec::new();
        let own = [(55, crate::wire::Value::Bytes(data))];
        let mti = crate::wire::Mti::new(0x0100).unwrap();
        dialect.build(&mut frame, mti, None, crate::wire::Bitmap::EMPTY, &own).unwrap();
        let mut explanation = explain(&dialect, &frame, unmask);
        assert!(explanation.errors.is_empty());
        explanation.fields.remove(0)
    }

    #[test]
    fn sensitive_tags_are_hidden_in_every_place() {
        let data = b"\x5A\x08\x41\x11\x11\x11\x11\x11\x00\x01\xC1\x01\xFF\x70\x06\x57\x02\x41\x1D\xC2\x00";
        let field = emv_field(data, false);
        assert_eq!(field.note, None);
        assert_eq!(field.value, "5A08****************C101FF70065702****C200");
        let tags: Vec<_> = field.fields.iter().map(|f| (f.tag.clone().unwrap(), f.value.clone())).collect();
        let expected = [("5A", "411111******0001"), ("C1", "FF"), ("70", "5702****C200")];
        assert_eq!(tags, expected.map(|(tag, value)| (tag.to_owned(), value.to_owned())));
        let inner = &field.fields[2].fields;
        assert_eq!((inner[0].value.as_str(), inner[0].offset, inner[0].length), ("****", Some(27), Some(4)));
        let open = emv_field(data, true);
        assert_eq!(open.value, hex(data));
        assert_eq!(open.fields[0].value, "4111111111110001");
    }

    #[test]
    fn what_cannot_be_walked_is_hidden_and_reported() {
        let field = emv_field(b"\xC1\x01\x07\x57\x09\x41\x11", false);
        assert_eq!((field.value.as_str(), field.fields.len()), ("C10107********", 2));
        let note = "not as laid out at offset 17: expected 9 bytes, found 2";
        assert_eq!(field.note.as_deref(), Some(note));
        let field = emv_field(b"\x70\x04\x57\x03\x41\x11\xC2\x00", false);
        assert_eq!(field.value, "7004********C200");
        assert!(field.note.unwrap().starts_with("not as laid out at offset 16:"));
    }
}
