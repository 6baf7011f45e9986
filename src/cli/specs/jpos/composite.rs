//! `isofieldpackager`: subfields by position, behind a bit map or behind tags. Knows no message.

use super::super::foreign::{Holds, Unreadable, one_line};
use super::super::inside::{self, Arrangement, DEEPEST, Inside, Piece};
use super::super::jpos_class::{EBCDIC, Meaning};
use super::{COMPOSITE, Raw, Reader, format, raws};
use crate::wire::{Class, Counts, Encoding, Format, Length, Pad, Prefix, Side};
use std::collections::BTreeMap;

/// jPOS's packagers of BER-TLV, and whether it is in hexadecimal characters.
const BER_TLV: [(&str, bool); 3] =
    [("BERTLVBinaryPackager", false), ("BERTLVAsciiHexPackager", true), ("BERTLVEbcdicHexPackager", true)];
/// Those whose subfields are one behind the other, or behind a bit map.
const PLAIN: [&str; 3] = ["GenericPackager", "GenericSubFieldPackager", "Base1SubFieldPackager"];
/// Those whose subfields have tags that are their numbers.
const TAGGED: [&str; 2] = ["EuroSubFieldPackager", "MasterCardEBCDICSubFieldPackager"];

impl Reader<'_> {
    /// The layout of a field with subfields, and the format of what holds them; `None`, and a remark, where there is
    /// none that could say it.
    pub(super) fn composite(
        &mut self,
        place: &str,
        raw: &Raw<'_>,
        holder: &mut Format,
        depth: usize,
    ) -> Result<Option<String>, Unreadable> {
        let packager = raw.element.attribute("packager").unwrap_or_default();
        let known = packager.strip_prefix("org.jpos.iso.packager.").unwrap_or_default();
        if let Some((_, hexadecimal)) = BER_TLV.iter().find(|(name, _)| *name == known) {
            return Ok(self.ber_tlv(place, raw, holder, *hexadecimal));
        }
        let parts = raws(self.text, raw.element, &format!("{place}."), &mut self.remarks)?;
        let told = if depth > DEEPEST {
            Err(format!("subfields over {DEEPEST} deep"))
        } else if PLAIN.contains(&known) {
            self.plain(place, raw, parts, depth)?
        } else if TAGGED.contains(&known) {
            self.tagged(place, parts, depth)?
        } else {
            Err(format!("its subfields are read by {packager}, which is code of its own"))
        };
        let told = told.and_then(|(kind, parts)| self.hold(kind, parts, holder));
        match told {
            Ok(inside) => {
                let name = format!("de-{}", place.replace('.', "-"));
                self.layouts.push(Inside { name: name.clone(), ..inside });
                Ok(Some(name))
            }
            Err(reason) => {
                self.remarks.lose(place, format!("{reason}; it is one value"));
                Ok(None)
            }
        }
    }

    fn ber_tlv(
        &mut self,
        place: &str,
        raw: &Raw<'_>,
        holder: &mut Format,
        hexadecimal: bool,
    ) -> Option<String> {
        if !raw.element.children.is_empty() {
            self.remarks.note(place, "its tags are those of the layout emv");
        }
        if hexadecimal && holder.class != Class::B {
            let encoding = if holder.encoding == EBCDIC { Encoding::EbcdicHex } else { Encoding::Hex };
            let halved = |units: u16| units / 2;
            let length = match holder.length {
                Length::Fixed(units) => Length::Fixed(halved(units)),
                Length::Variable { prefix, max } => {
                    Length::Variable { prefix: Prefix { counts: Counts::Wire, ..prefix }, max: halved(max) }
                }
                rest => rest,
            };
            *holder = Format { class: Class::B, length, encoding, ..*holder };
        } else if holder.class != Class::B {
            *holder = Format { class: Class::B, encoding: Encoding::Binary, ..*holder };
        }
        Some("emv".to_owned())
    }

    /// Subfields one behind the other, or those whose bit is set.
    fn plain(
        &mut self,
        place: &str,
        raw: &Raw<'_>,
        mut parts: BTreeMap<u16, Raw<'_>>,
        depth: usize,
    ) -> Result<Told, Unreadable> {
        let number =
            |key: &str| raw.element.attribute(key).and_then(|value| value.trim().parse::<u16>().ok());
        let bitmap_at = number("bitmapField").unwrap_or(1);
        let map = parts.get(&bitmap_at).map(|part| (part.meaning(), part.length));
        let mut kind = Arrangement::Positional;
        if raw.element.attribute("emitBitmap").is_none_or(|emit| emit == "true") {
            match map {
                Some((Meaning::Bitmap(encoding), bytes @ 1..=16)) => {
                    kind = Arrangement::Bitmap { bytes, encoding }
                }
                _ => return Ok(Err("its subfields have a bit map that is not among them".to_owned())),
            }
            parts.remove(&bitmap_at);
        }
        let first = match (number("firstField"), &kind) {
            (Some(first), _) => first,
            (None, Arrangement::Positional) if !matches!(map, Some((Meaning::Bitmap(_), _))) => 1,
            (None, _) => 2.min(bitmap_at + 1),
        };
        for (id, _) in parts.range(..first) {
            self.remarks.lose(format!("{place}.{id}"), "is before the first subfield; it is left out");
        }
        if let Arrangement::Bitmap { bytes: 9.., .. } = kind {
            return Ok(Err("its bit map grows with the highest bit".to_owned()));
        }
        let mut pieces = Vec::new();
        for (id, part) in parts.range(first..) {
            let bits = if let Arrangement::Bitmap { bytes, .. } = kind { bytes * 8 } else { u16::MAX };
            if *id > bits {
                self.remarks.lose(format!("{place}.{id}"), "there is no bit for it; it is left out");
                continue;
            }
            match self.piece(&format!("{place}.{id}"), part, depth)? {
                Some(piece) => pieces.push(piece),
                // What is behind it could not be found.
                None if matches!(kind, Arrangement::Positional) => {
                    return Ok(Err(format!("subfield {id} cannot be said")));
                }
                None => {}
            }
        }
        Ok(Ok((kind, pieces)))
    }

    /// Two digits of tag, two of length, and the value; a subfield 0 stands before them.
    fn tagged(
        &mut self,
        place: &str,
        mut parts: BTreeMap<u16, Raw<'_>>,
        depth: usize,
    ) -> Result<Told, Unreadable> {
        let mut pieces = Vec::new();
        if let Some(first) = parts.remove(&0) {
            match self.piece(&format!("{place}.0"), &first, depth)? {
                Some(piece) => pieces.push(piece),
                None => return Ok(Err("subfield 0 cannot be said".to_owned())),
            }
        }
        let head = pieces.len();
        let mut encoding = None;
        for (id, part) in &parts {
            let Meaning::Tagged(own) = part.meaning() else {
                return Ok(Err(format!("subfield {id} has no tag of two digits")));
            };
            if encoding.is_some_and(|known| known != own) || *id > 99 {
                return Ok(Err("its subfields have tags of more than one kind".to_owned()));
            }
            encoding = Some(own);
            let max = part.length.clamp(1, 99);
            let text = Format { length: Length::Rest { max }, ..characters(own) };
            pieces.push(Piece { key: format!("{id:02}"), name: name(part), format: text, layout: None });
        }
        let Some(encoding) = encoding else { return Ok(Err("it has no subfields with tags".to_owned())) };
        let prefix = Prefix { digits: 2, encoding, counts: Counts::Value, inclusive: false };
        let tag = Format { class: Class::N, length: Length::Fixed(2), ..characters(encoding) };
        let value = Format { length: Length::Variable { prefix, max: 99 }, ..characters(encoding) };
        Ok(Ok((Arrangement::Tagged { head, tag, value }, pieces)))
    }

    fn piece(&mut self, place: &str, raw: &Raw<'_>, depth: usize) -> Result<Option<Piece>, Unreadable> {
        let Some(packed) = self.packed(place, raw) else { return Ok(None) };
        let class = match packed.holds {
            Holds::Digits => Class::N,
            Holds::Text | Holds::Characters => Class::Ans,
            Holds::Signed => Class::Xn,
            Holds::Bytes => Class::B,
        };
        let mut format = format(&packed, class);
        let mut layout = None;
        if raw.element.name == COMPOSITE {
            layout = self.composite(place, raw, &mut format, depth + 1)?;
        }
        Ok(Some(Piece { key: raw.id.to_string(), name: name(raw), format, layout }))
    }

    /// Fits what holds subfields to them: jPOS writes the subfields first, and then their bytes as the value of the
    /// field, in its encoding.
    fn hold(
        &self,
        mut kind: Arrangement,
        mut parts: Vec<Piece>,
        holder: &mut Format,
    ) -> Result<Inside, String> {
        let text = inside::characters(&kind, &parts);
        let characters = match (holder.class, holder.encoding) {
            (Class::B, _) => None,
            // Whatever the bytes are, ASCII leaves them alone.
            (_, Encoding::Ascii) if text.is_none() => {
                *holder = Format { class: Class::B, encoding: Encoding::Binary, ..*holder };
                None
            }
            (_, encoding @ Encoding::Ascii) => text.filter(|text| *text == encoding).or_else(|| {
                *holder = Format { class: Class::B, encoding: Encoding::Binary, ..*holder };
                None
            }),
            (_, Encoding::Bcd) if text == Some(Encoding::Ascii) => text,
            (_, encoding) if text == Some(Encoding::Ascii) => {
                translate(&mut kind, &mut parts, encoding)
                    .ok_or("its subfields are written as two characters a byte")?;
                Some(encoding)
            }
            _ => return Err("its subfields are written in another encoding than it".to_owned()),
        };
        match inside::misfit(&kind, &parts, holder) {
            Some(reason) => Err(reason),
            None => Ok(Inside { name: String::new(), kind, characters, parts }),
        }
    }
}

type Told = Result<(Arrangement, Vec<Piece>), String>;

fn name(raw: &Raw<'_>) -> String {
    let name = one_line(raw.name);
    if name.is_empty() { format!("Subfield {}", raw.id) } else { name }
}

/// Parts in ASCII, and what stands between them, as they are after their bytes went through another encoding of
/// characters.
fn translate(kind: &mut Arrangement, parts: &mut [Piece], encoding: Encoding) -> Option<()> {
    let mut between: Vec<&mut Format> = match kind {
        Arrangement::Positional => Vec::new(),
        Arrangement::Bitmap { .. } => return None,
        Arrangement::Tagged { tag, value, .. } => vec![tag, value],
    };
    if parts.iter().any(|part| part.layout.is_some()) {
        return None;
    }
    between.extend(parts.iter_mut().map(|part| &mut part.format));
    for format in between {
        if format.class == Class::B {
            return None;
        }
        format.encoding = encoding;
        if let Length::Variable { prefix, .. } = &mut format.length {
            prefix.encoding = encoding;
        }
    }
    Some(())
}

fn characters(encoding: Encoding) -> Format {
    Format {
        class: Class::Ans,
        length: Length::Fixed(1),
        encoding,
        pad: Pad { side: Side::Left, nibble: 0 },
        fill: crate::wire::Fill::SPACES,
        accept: Default::default(),
    }
}
