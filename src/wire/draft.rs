//! What dialect files say, put together, and its compilation: whole and consistent, or the reasons why not.
//! Knows no TOML.

mod layouts;
mod messages;

use super::charset::CodePage;
use super::conventions::Conventions;
use super::dialect::Dialect;
use super::field::{
    Accept, Class, Counts, Encoding, FieldInfo, Fill, Format, Length, Mask, Pad, Prefix, Side,
};
use super::plan::FieldPlan;
use layouts::Layouts;
pub(super) use layouts::{DraftKind, DraftLayout, DraftSub};
pub(super) use messages::DraftMessages;
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
    pub fixed_bitmaps: bool,
    pub third_bitmap: bool,
    pub encodings: BTreeMap<&'static str, Placed<Encoding>>,
    pub length: DraftLength,
    pub pads: BTreeMap<&'static str, Pad>,
    pub accept: Accept,
    pub layouts: BTreeMap<String, Placed<DraftLayout>>,
    pub fields: BTreeMap<u8, Placed<DraftField>>,
    pub messages: DraftMessages,
}

#[derive(Default)]
pub(super) struct DraftField {
    pub value: DraftValue,
    pub name: Option<String>,
    pub mask: Mask,
    pub layout: Option<Placed<String>>,
}

/// What is said of how one value stands on the wire.
#[derive(Clone, Copy, Default)]
pub(super) struct DraftValue {
    pub format: Option<DraftFormat>,
    pub encoding: Option<Encoding>,
    pub length: DraftLength,
    pub pad: Option<Pad>,
    pub fill: Option<Fill>,
}

/// A class, and the length or its maximum.
#[derive(Clone, Copy)]
pub(super) struct DraftFormat {
    pub class: Class,
    pub extent: Extent,
    pub length: u16,
}

/// What a format says of the length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Fixed,
    /// A length of so many digits stands before the value.
    Prefixed(u8),
    /// What holds the value says where it ends.
    Open,
}

/// What holds for values that say nothing themselves.
struct Defaults<'d> {
    encoding: &'d dyn Fn(&str) -> Option<Encoding>,
    length: DraftLength,
    pad: &'d dyn Fn(&str) -> Option<Pad>,
    accept: Accept,
}

/// What is said of the length before variable fields.
#[derive(Clone, Copy, Default)]
pub(super) struct DraftLength {
    pub encoding: Option<Encoding>,
    pub counts: Option<Counts>,
    pub inclusive: Option<bool>,
    pub digits: Option<u8>,
}

impl DraftLength {
    /// What this says, and for the rest what `other` says.
    pub fn over(self, other: DraftLength) -> DraftLength {
        DraftLength {
            encoding: self.encoding.or(other.encoding),
            counts: self.counts.or(other.counts),
            inclusive: self.inclusive.or(other.inclusive),
            digits: self.digits.or(other.digits),
        }
    }
}

/// The keys under `[pad]`.
pub(super) const PAD_KEYS: [&str; 2] = ["fixed", "variable"];
/// The classes that share an encoding, by their key under `[encoding]`.
const CLASS_KEYS: [&str; 5] = ["n", "z", "x+n", "text", "b"];

/// What may be said under `[encoding]` of each key.
pub(super) fn allowed_encodings(what: &str) -> &'static [(Encoding, &'static str)] {
    const ASCII: (Encoding, &str) = (Encoding::Ascii, "ascii");
    const EBCDIC: [(Encoding, &str); 3] = [
        (Encoding::Ebcdic(CodePage::Cp037), "ebcdic-037"),
        (Encoding::Ebcdic(CodePage::Cp500), "ebcdic-500"),
        (Encoding::Ebcdic(CodePage::Cp1047), "ebcdic-1047"),
    ];
    const BCD: (Encoding, &str) = (Encoding::Bcd, "bcd");
    const BINARY: (Encoding, &str) = (Encoding::Binary, "binary");
    const HEX: (Encoding, &str) = (Encoding::Hex, "hex");
    const EBCDIC_HEX: (Encoding, &str) = (Encoding::EbcdicHex, "ebcdic-hex");
    match what {
        "bitmap" | "b" => &[BINARY, HEX, EBCDIC_HEX],
        "length" => &[ASCII, EBCDIC[0], EBCDIC[1], EBCDIC[2], BCD, BINARY, HEX],
        "text" => &[ASCII, EBCDIC[0], EBCDIC[1], EBCDIC[2]],
        _ => &[ASCII, EBCDIC[0], EBCDIC[1], EBCDIC[2], BCD],
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
            let found = self.stated(what);
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
        let mut layouts = Layouts::new(&self);
        let mut fields = vec![None; 192];
        let mut plans = Box::new([FieldPlan::ABSENT; 192]);
        for (de, (field, at)) in &self.fields {
            match self.compile_field(*de, field, &mut layouts) {
                Ok(info) => {
                    let index = usize::from(*de) - 1;
                    plans[index] = FieldPlan::new(&info.format);
                    fields[index] = Some(info);
                }
                Err(reason) => blame(at.clone(), format!("DE {de}: {reason}")),
            }
        }
        layouts.into_mistakes().into_iter().for_each(|(at, reason)| blame(at, reason));
        let mut dialect = Dialect {
            name: self.name?.0,
            title: self.title,
            version: self.version?,
            mti_encoding: mti_encoding?,
            bitmap_encoding: bitmap_encoding?,
            fixed_bitmaps: self.fixed_bitmaps,
            third_bitmap: self.third_bitmap,
            accept: self.accept,
            conventions: Conventions::default(),
            fields,
            plans,
        };
        dialect.conventions = self.messages.compile(&dialect, blame);
        Some(dialect)
    }

    /// What `[encoding]` says.
    fn stated(&self, what: &str) -> Option<Encoding> {
        self.encodings.get(what).map(|(encoding, _)| *encoding)
    }

    fn compile_field(&self, de: u8, field: &DraftField, layouts: &mut Layouts) -> Result<FieldInfo, String> {
        if de == 65 && self.third_bitmap {
            return Err("bit 65 says that there is a third bit map (third_bitmap)".to_owned());
        }
        if de > 128 && !self.third_bitmap {
            return Err("only a third bit map has fields over 128: expected third_bitmap = true".to_owned());
        }
        let defaults = Defaults {
            encoding: &|what| self.stated(what),
            length: self.length,
            pad: &|what| self.pads.get(what).copied(),
            accept: self.accept,
        };
        let format = defaults.compile_format(&field.value)?;
        if matches!(format.length, Length::Rest { .. }) {
            return Err("nothing says where it ends: expected a length, as \"n 6\" or \"n..19\"".to_owned());
        }
        let name = field.name.clone().ok_or("expected a name")?;
        let layout = field.layout.as_ref().and_then(|named| layouts.compile(named, &format, 1));
        Ok(FieldInfo { de, name, format, mask: field.mask, layout })
    }
}

impl Defaults<'_> {
    fn compile_format(&self, field: &DraftValue) -> Result<Format, String> {
        let DraftFormat { class, extent, length } = field.format.ok_or("expected a format")?;
        if class == Class::Xn && extent != Extent::Fixed {
            return Err("x+n is of fixed length".to_owned());
        }
        let key = class_key(class);
        let encoding = field.encoding.or((self.encoding)(key));
        let encoding =
            encoding.ok_or(format!("nothing says how {key} is encoded: expected {key} under [encoding]"))?;
        if !allowed_encodings(key).iter().any(|(allowed, _)| *allowed == encoding) {
            return Err(format!("class {} is not encoded as {}", class.notation(), encoding.name()));
        }
        let (length, pad_key) = match extent {
            Extent::Fixed => (Length::Fixed(length), PAD_KEYS[0]),
            Extent::Prefixed(digits) => (self.compile_length(field, digits, length, encoding)?, PAD_KEYS[1]),
            Extent::Open => (Length::Rest { max: length }, PAD_KEYS[1]),
        };
        let pad = field.pad.or((self.pad)(pad_key));
        if encoding == Encoding::Bcd && pad.is_none() {
            return Err(format!(
                "nothing says how an odd number of packed digits is padded: expected {pad_key} under [pad]"
            ));
        }
        Ok(Format {
            class,
            length,
            encoding,
            pad: pad.unwrap_or(Pad { side: Side::Left, nibble: 0 }),
            fill: field.fill.unwrap_or(Fill::SPACES),
            accept: self.accept,
        })
    }

    fn compile_length(
        &self,
        field: &DraftValue,
        dots: u8,
        max: u16,
        value: Encoding,
    ) -> Result<Length, String> {
        let stated = (self.encoding)("length");
        let said = field.length.over(self.length);
        let prefix = Prefix {
            digits: said.digits.unwrap_or(dots),
            encoding: said
                .encoding
                .or(stated)
                .ok_or("nothing says how length is encoded: expected length under [encoding]")?,
            counts: said.counts.unwrap_or_default(),
            inclusive: said.inclusive.unwrap_or_default(),
        };
        let most = prefix.most_units(value);
        // Where a dialect has one width for all its lengths, what they can say bounds the fields it inherits.
        let max = if said.digits.is_some() && field.length.digits.is_none() { max.min(most) } else { max };
        if max > most {
            return Err(format!("a length of {max} does not fit its prefix, which counts to {most}"));
        }
        Ok(Length::Variable { prefix, max })
    }
}
