//! What dialect files say, put together, and its compilation: whole and consistent, or the reasons why not.
//! Knows no TOML.

use super::dialect::Dialect;
use super::field::{Class, Content, Encoding, FieldInfo, FieldPlan, Length, Mask, Pad, Part, Side};
use std::collections::BTreeMap;
use std::ops::Range;

/// A value, and the place to blame for it in the file at hand.
pub(super) type Placed<T> = (T, Range<usize>);

/// What the files say, before it is known to be whole.
#[derive(Default)]
pub(super) struct Draft {
    pub name: Option<Placed<String>>,
    pub title: String,
    pub version: Option<u8>,
    pub encodings: BTreeMap<&'static str, Placed<Encoding>>,
    pub pads: BTreeMap<&'static str, Pad>,
    pub fields: BTreeMap<u8, Placed<DraftField>>,
}

#[derive(Default)]
pub(super) struct DraftField {
    pub format: Option<(Class, Length)>,
    pub name: Option<String>,
    pub encoding: Option<Encoding>,
    pub length: Option<Encoding>,
    pub pad: Option<Pad>,
    pub mask: Mask,
    pub content: Content,
    pub parts: Vec<Part>,
}

/// The keys under `[pad]`.
pub(super) const PAD_KEYS: [&str; 2] = ["fixed", "variable"];
/// The classes that share an encoding, by their key under `[encoding]`.
const CLASS_KEYS: [&str; 5] = ["n", "z", "x+n", "text", "b"];

/// What may be said under `[encoding]` of each key.
pub(super) fn allowed_encodings(what: &str) -> &'static [(Encoding, &'static str)] {
    const ASCII: (Encoding, &str) = (Encoding::Ascii, "ascii");
    const BCD: (Encoding, &str) = (Encoding::Bcd, "bcd");
    const BINARY: (Encoding, &str) = (Encoding::Binary, "binary");
    const HEX: (Encoding, &str) = (Encoding::Hex, "hex");
    match what {
        "bitmap" | "b" => &[BINARY, HEX],
        "length" => &[ASCII, BCD, BINARY],
        "text" => &[ASCII],
        _ => &[ASCII, BCD],
    }
}

fn class_key(class: Class) -> &'static str {
    match class {
        Class::N => CLASS_KEYS[0],
        Class::Z => CLASS_KEYS[1],
        Class::Xn => CLASS_KEYS[2],
        Class::B => CLASS_KEYS[4],
        _ => CLASS_KEYS[3],
    }
}

impl Draft {
    pub fn compile(self, blame: &mut dyn FnMut(Range<usize>, String)) -> Option<Dialect> {
        let whole = 0..0;
        let mut need = |what: &'static str| {
            let found = self.encodings.get(what).map(|(encoding, _)| *encoding);
            if found.is_none() {
                blame(
                    whole.clone(),
                    format!("nothing says how {what} is encoded: expected {what} under [encoding]"),
                );
            }
            found
        };
        let (mti_encoding, bitmap_encoding) = (need("mti"), need("bitmap"));
        if self.name.is_none() {
            blame(whole.clone(), "expected a name".to_owned());
        }
        if let Some((name, at)) = &self.name
            && (name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_'))
        {
            blame(at.clone(), "expected a name of letters, digits and hyphens".to_owned());
        }
        if self.version.is_none() {
            blame(whole, "expected version, the first digit of the message type".to_owned());
        }
        let mut fields = vec![None; 128];
        let mut plans = Box::new([FieldPlan::ABSENT; 128]);
        for (de, (field, at)) in &self.fields {
            match self.compile_field(*de, field) {
                Ok(info) => {
                    let index = usize::from(*de) - 1;
                    plans[index] = FieldPlan::new(&info);
                    fields[index] = Some(info);
                }
                Err(reason) => blame(at.clone(), format!("DE {de}: {reason}")),
            }
        }
        Some(Dialect {
            name: self.name?.0,
            title: self.title,
            version: self.version?,
            mti_encoding: mti_encoding?,
            bitmap_encoding: bitmap_encoding?,
            fields,
            plans,
        })
    }

    fn compile_field(&self, de: u8, field: &DraftField) -> Result<FieldInfo, String> {
        let (class, length) = field.format.ok_or("expected a format")?;
        if class == Class::Xn && matches!(length, Length::Variable { .. }) {
            return Err("x+n is of fixed length".to_owned());
        }
        let stated = |what: &str| self.encodings.get(what).map(|(encoding, _)| *encoding);
        let key = class_key(class);
        let encoding = field.encoding.or(stated(key));
        let encoding =
            encoding.ok_or(format!("nothing says how {key} is encoded: expected {key} under [encoding]"))?;
        if !allowed_encodings(key).iter().any(|(allowed, _)| *allowed == encoding) {
            return Err(format!("class {} is not encoded as {}", class.notation(), encoding.name()));
        }
        let (length_encoding, pad_key) = match length {
            Length::Fixed(_) => (Encoding::Binary, PAD_KEYS[0]),
            Length::Variable { digits, max } => {
                let encoding = field
                    .length
                    .or(stated("length"))
                    .ok_or("nothing says how length is encoded: expected length under [encoding]")?;
                let most = match (encoding, digits) {
                    (Encoding::Binary, 2) => 255,
                    (Encoding::Binary, _) => 9999,
                    (_, digits) => 10u16.pow(u32::from(digits)) - 1,
                };
                if max > most {
                    return Err(format!("a length of {max} does not fit its prefix, which counts to {most}"));
                }
                (encoding, PAD_KEYS[1])
            }
        };
        let packed = encoding == Encoding::Bcd;
        let pad = field.pad.or(self.pads.get(pad_key).copied());
        if packed && pad.is_none() {
            return Err(format!(
                "nothing says how an odd number of packed digits is padded: expected {pad_key} under [pad]"
            ));
        }
        let summed: u16 = field.parts.iter().map(|part| part.units).sum();
        if !field.parts.is_empty() && length != Length::Fixed(summed) {
            return Err(format!("the pieces are {summed} long together, not as long as the field"));
        }
        Ok(FieldInfo {
            de,
            name: field.name.clone().ok_or("expected a name")?,
            class,
            length,
            encoding,
            length_encoding,
            pad: pad.unwrap_or(Pad { side: Side::Left, nibble: 0 }),
            mask: field.mask,
            content: field.content,
            parts: field.parts.clone(),
        })
    }
}
