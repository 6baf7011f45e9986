//! What is inside a field as a Composite of moov's. Knows no message.

use super::{Field, Fields, Tag, family, name_of, text_encoding, value};
use crate::wire::{Class, Counts, Encoding, Format, Kind, Layout, Length, Prefix, Sub, Tagged};

/// A field and its parts; the reason why not where moov's file cannot say them, or moov would then refuse what we
/// read.
pub(super) fn composite(holder: &Format, layout: &Layout) -> Result<Field, String> {
    if holder.class == Class::Z || holder.encoding.bytes(2) != 2 {
        return Err("they are not bytes of their own on the wire".to_owned());
    }
    let mut field = envelope(holder)?;
    match layout.kind() {
        Kind::Positional => {
            let parts = layout.parts().iter().zip(1u16..);
            let said = parts.map(|(sub, number)| Ok((number.to_string(), part(sub)?)));
            field.subfields = Some(Fields(said.collect::<Result<_, String>>()?));
            field.tag = Some(Tag { length: None, enc: None, sort: "StringsByInt" });
        }
        Kind::Bitmap(maps) => {
            if maps.more.is_some() {
                return Err("moov has one bit map inside a field".to_owned());
            }
            let (mut bitmap, _) = value(&maps.first)?;
            bitmap.kind = "Bitmap";
            bitmap.disableautoexpand = true;
            field.bitmap = Some(Box::new(bitmap.described("Bit map")));
            let said = layout.parts().iter().map(|sub| Ok((sub.key.clone(), part(sub)?)));
            field.subfields = Some(Fields(said.collect::<Result<_, String>>()?));
        }
        Kind::Tagged(tagged) if tagged.head == 0 && !layout.parts().is_empty() => {
            field.tag = Some(tag(tagged)?);
            let said = layout.parts().iter().map(|sub| Ok((sub.key.clone(), behind_a_tag(sub, tagged)?)));
            field.subfields = Some(Fields(said.collect::<Result<_, String>>()?));
        }
        Kind::Tagged(_) => return Err("parts stand before the first tag".to_owned()),
        Kind::BerTlv(_) => return Err("moov refuses tags that its file does not list".to_owned()),
        Kind::List(_) => return Err("there are as many rows as fit".to_owned()),
    }
    Ok(field)
}

/// The length around the parts.
fn envelope(holder: &Format) -> Result<Field, String> {
    let bytes = usize::from(holder.max_length());
    let prefix = match holder.length {
        Length::Fixed(_) => format!("{}.Fixed", family(text_encoding(holder.encoding))),
        Length::Variable { prefix, .. } => name_of(prefix)?,
        Length::Rest { .. } => return Err("nothing says how long it is".to_owned()),
    };
    let mut field = Field::new("Composite", bytes, "", prefix);
    field.enc = None;
    Ok(field)
}

fn part(sub: &Sub) -> Result<Field, String> {
    if sub.until.is_some() || sub.absent.is_some() {
        return Err(format!("{} ends with a character", sub.key));
    }
    let in_part = |reason: String| format!("{}: {reason}", sub.key);
    let said = match &sub.layout {
        Some(layout) => composite(&sub.format, layout).map_err(in_part)?,
        None => match value(&sub.format) {
            Ok((said, lost)) if lost.is_empty() => said,
            Ok((_, lost)) => return Err(in_part(lost.join("; "))),
            Err(reason) => return Err(in_part(reason)),
        },
    };
    Ok(said.described(&sub.name))
}

fn tag(tagged: &Tagged) -> Result<Tag, String> {
    let enc = match (tagged.tag.class, tagged.tag.encoding) {
        (Class::B, Encoding::Binary) => "ASCIIToHex",
        (Class::B, _) => return Err("tags are hexadecimal characters".to_owned()),
        (_, Encoding::Bcd) => "BCD",
        (_, encoding) => text_encoding(encoding),
    };
    let sort = if tagged.tag.class == Class::B { "StringsByHex" } else { "StringsByInt" };
    Ok(Tag { length: Some(usize::from(tagged.tag.max_length())), enc: Some(enc), sort })
}

/// A part with the length that stands behind its tag.
fn behind_a_tag(sub: &Sub, tagged: &Tagged) -> Result<Field, String> {
    let Some(prefix) = tagged.value.prefix() else { return Err("there is no length behind tags".to_owned()) };
    if sub.format.encoding.bytes(2) != 2 {
        return Err(format!("{}: its length counts bytes", sub.key));
    }
    let prefix = Prefix { counts: Counts::Value, ..prefix };
    let length = Length::Variable { prefix, max: sub.format.max_length() };
    part(&Sub { format: Format { length, ..sub.format }, ..sub.clone() })
}
