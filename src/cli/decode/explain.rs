//! A message in words: its fields with names, places and values, masked unless asked otherwise, and what is
//! wrong with it. Knows nothing of terminals and files.

use super::emv;
use crate::wire::tlv::{TlvError, Tlvs};
use crate::wire::{Class, Content, Dialect, FieldInfo, Mask, Message, ParseError, Reason, View};
use serde::Serialize;

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
    /// Bytes from the start of the message to the field's first byte, its length prefix included; absent for
    /// pieces by position, which may begin inside a byte.
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
        value: value(view, info),
        offset: view.offset(info.de),
        length: view.raw(info.de).map(<[u8]>::len),
        fields: Vec::new(),
        note: None,
    };
    let mut buffer = vec![0; view.units(info.de)];
    if info.content == Content::BerTlv
        && let Some(data) = view.bytes(info.de, &mut buffer)
    {
        let base = view.offset(info.de).unwrap_or(0) + info.format.prefix_bytes();
        let scale = info.format.encoding.bytes(1);
        let mut walk = TagWalk { hidden: vec![false; field.value.len()], unmask, base, scale };
        match walk.elements(data, 0, 0) {
            Ok(elements) => field.fields = elements,
            Err((elements, error)) => {
                field.fields = elements;
                field.note = Some(walk.describe(error));
            }
        }
        if !unmask {
            let hide = |(c, hidden): (char, &bool)| if *hidden { '*' } else { c };
            field.value = field.value.chars().zip(&walk.hidden).map(hide).collect();
        }
    }
    field.fields.extend(parts(info, &field.value));
    if !unmask {
        field.value = masked(info, &field.value);
    }
    field
}

/// Exactly what the field holds: digits, characters, or upper-case hexadecimal of bytes.
fn value(view: View<'_>, info: &FieldInfo) -> String {
    let mut buffer = vec![0; view.units(info.de)];
    match info.format.class {
        Class::B => hex(view.bytes(info.de, &mut buffer).unwrap_or_default()),
        _ => String::from_utf8_lossy(view.text(info.de, &mut buffer).unwrap_or_default()).into_owned(),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The pieces of a field by position. None of a field that is not to be shown.
fn parts(info: &FieldInfo, value: &str) -> Vec<Field> {
    if info.mask != Mask::Open {
        return Vec::new();
    }
    let mut rest = value;
    let mut cut = |units: u16| {
        let (piece, more) = rest.split_at_checked(usize::from(units)).unwrap_or((rest, ""));
        rest = more;
        piece.to_owned()
    };
    let piece = |(i, part): (usize, &crate::wire::Part)| Field {
        de: None,
        tag: None,
        sub: Some(i + 1),
        name: part.name.clone(),
        value: cut(part.units),
        offset: None,
        length: None,
        fields: Vec::new(),
        note: None,
    };
    info.parts.iter().enumerate().map(piece).collect()
}

/// Elements may hold elements; deeper than this is not EMV.
const DEEPEST: usize = 8;

/// The walk over EMV data, which also notes which hexadecimal characters of the field are not to be shown.
struct TagWalk {
    hidden: Vec<bool>,
    unmask: bool,
    /// Where the field's value begins in the message.
    base: usize,
    /// Bytes of the message that a byte of the value takes: two where the dialect carries hexadecimal.
    scale: usize,
}

type Walked = Result<Vec<Field>, (Vec<Field>, (usize, TlvError))>;

impl TagWalk {
    /// `at` is where `data` begins in the field's value.
    fn elements(&mut self, data: &[u8], at: usize, depth: usize) -> Walked {
        let mut fields = Vec::new();
        let mut end = at;
        for element in Tlvs::new(data) {
            let element = match element {
                Ok(element) => element,
                Err(error) => {
                    self.hide(end, data.len() + at - end);
                    return Err((fields, (at, error)));
                }
            };
            end = at + element.offset + element.length;
            let inside = end - element.value.len();
            let sensitive = emv::is_sensitive(element.tag);
            let mut inner = Ok(Vec::new());
            if element.is_constructed() && !sensitive && depth < DEEPEST {
                inner = self.elements(element.value, inside, depth + 1);
            }
            let shown = hex(element.value);
            if sensitive {
                self.hide(inside, element.value.len());
            }
            let value = match (self.unmask, element.tag) {
                (true, _) => shown,
                (false, emv::PAN) => mask_pan(shown.trim_end_matches('F')),
                (false, _) => {
                    let hidden = self.hidden.get(inside * 2..end * 2).unwrap_or_default();
                    shown.chars().zip(hidden).map(|(c, hidden)| if *hidden { '*' } else { c }).collect()
                }
            };
            let (inner, failed) = match inner {
                Ok(inner) => (inner, None),
                Err((inner, error)) => (inner, Some(error)),
            };
            fields.push(Field {
                de: None,
                tag: Some(format!("{:02X}", element.tag)),
                sub: None,
                name: emv::name(element.tag).to_owned(),
                value,
                offset: Some(self.base + (at + element.offset) * self.scale),
                length: Some(element.length * self.scale),
                fields: inner,
                note: None,
            });
            if let Some(error) = failed {
                self.hide(end, data.len() + at - end);
                return Err((fields, error));
            }
        }
        Ok(fields)
    }

    /// What is not BER-TLV, in words.
    fn describe(&self, (at, error): (usize, TlvError)) -> String {
        let (TlvError::Tag { offset }
        | TlvError::LongTag { offset }
        | TlvError::Length { offset }
        | TlvError::Value { offset, .. }) = error;
        let expected = match error {
            TlvError::Tag { .. } => "expected more bytes of a tag, found the end".to_owned(),
            TlvError::LongTag { .. } => "expected a tag of at most four bytes".to_owned(),
            TlvError::Length { .. } => "expected a length in short, 81 or 82 form".to_owned(),
            TlvError::Value { expected, found, .. } => {
                format!("expected {expected} bytes of value, found {found}")
            }
        };
        format!("not BER-TLV at offset {}: {expected}", self.base + (at + offset) * self.scale)
    }

    /// Bytes of the field that are sensitive, or of which nobody knows.
    fn hide(&mut self, from: usize, bytes: usize) {
        if let Some(characters) = self.hidden.get_mut(from * 2..(from + bytes) * 2) {
            characters.fill(true);
        }
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
        let data = b"\x5A\x08\x41\x11\x11\x11\x11\x11\x00\x01\x95\x01\xFF\x70\x06\x57\x02\x41\x1D\x82\x00";
        let field = emv_field(data, false);
        assert_eq!(field.note, None);
        assert_eq!(field.value, "5A08****************9501FF70065702****8200");
        let tags: Vec<_> = field.fields.iter().map(|f| (f.tag.clone().unwrap(), f.value.clone())).collect();
        let expected = [("5A", "411111******0001"), ("95", "FF"), ("70", "5702****8200")];
        assert_eq!(tags, expected.map(|(tag, value)| (tag.to_owned(), value.to_owned())));
        let inner = &field.fields[2].fields;
        assert_eq!((inner[0].value.as_str(), inner[0].offset, inner[0].length), ("****", Some(27), Some(4)));
        let open = emv_field(data, true);
        assert_eq!(open.value, hex(data));
        assert_eq!(open.fields[0].value, "4111111111110001");
    }

    #[test]
    fn what_cannot_be_walked_is_hidden_and_reported() {
        let field = emv_field(b"\x95\x01\x07\x57\x09\x41\x11", false);
        assert_eq!((field.value.as_str(), field.fields.len()), ("950107********", 1));
        let note = "not BER-TLV at offset 17: expected 9 bytes of value, found 2";
        assert_eq!(field.note.as_deref(), Some(note));
        let field = emv_field(b"\x70\x04\x57\x03\x41\x11\x82\x00", false);
        assert_eq!(field.value, "7004************");
        assert!(field.note.unwrap().starts_with("not BER-TLV at offset 16:"));
    }
}
