//! `isofieldpackager`: subfields by position, behind a bit map or behind tags. Knows no message.

use super::super::foreign::{Holds, Unreadable, layout_name, one_line};
use super::super::inside::{self, Arrangement, DEEPEST, Inside, Piece};
use super::super::jpos_class::{Behind, EBCDIC, Meaning};
use super::{COMPOSITE, Raw, Reader, format, raws};
use crate::wire::{Class, Counts, Encoding, Format, Length, Pad, Prefix, Side};
use std::collections::BTreeMap;

/// jPOS's packagers of BER-TLV, and whether it is in hexadecimal characters.
const BER_TLV: [(&str, bool); 3] =
    [("BERTLVBinaryPackager", false), ("BERTLVAsciiHexPackager", true), ("BERTLVEbcdicHexPackager", true)];
/// Those whose subfields are one behind the other, or behind a bit map.
const PLAIN: [&str; 3] = ["GenericPackager", "GenericSubFieldPackager", "Base1SubFieldPackager"];
/// Those whose subfields have tags that are their numbers, or their tokens.
const TAGGED: [&str; 4] = [
    "EuroSubFieldPackager",
    "MasterCardEBCDICSubFieldPackager",
    "GenericTaggedFieldsPackager",
    "TaggedSequencePackager",
];
/// Where they are.
const PACKAGES: [&str; 3] =
    ["org.jpos.iso.packager.", "org.jpos.tlv.packager.bertlv.", "org.jpos.tlv.packager."];
/// What makes tags of numbers without code of its own: the digits, with zeros in front.
const MAPPERS: [&str; 2] = ["TTDecimalTagMapper", "TTTDecimalTagMapper"];

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
        let known = PACKAGES.iter().find_map(|package| packager.strip_prefix(package)).unwrap_or_default();
        if let Some((_, hexadecimal)) = BER_TLV.iter().find(|(name, _)| *name == known) {
            return Ok(self.ber_tlv(place, raw, holder, *hexadecimal));
        }
        let parts = raws(self.text, raw.element, &format!("{place}."), &mut self.remarks)?;
        let told = if depth > DEEPEST {
            Err(format!("subfields over {DEEPEST} deep"))
        } else if PLAIN.contains(&known) {
            self.plain(place, raw, parts, depth)?
        } else if TAGGED.contains(&known) {
            self.tagged(place, raw, parts, depth)?
        } else {
            Err(format!("its subfields are read by {packager}, which is code of its own"))
        };
        let told = told.and_then(|(kind, parts)| self.hold(kind, parts, holder));
        match told {
            Ok(inside) => {
                let name = layout_name(place);
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
        parts.retain(|_, part| !matches!(part.meaning(), Meaning::Nothing));
        let map = parts.get(&bitmap_at).map(|part| (part.meaning(), part.length.unwrap_or(0)));
        let mut kind = Arrangement::Positional;
        if raw.element.attribute("emitBitmap").is_none_or(|emit| emit == "true") {
            kind = match map {
                // As jPOS reads them: sixteen bytes are eight, and eight more where bit 1 says so.
                Some((Meaning::Bitmap(encoding), 16)) => {
                    Arrangement::Bitmap { bytes: 8, encoding, continues: true }
                }
                Some((Meaning::Bitmap(encoding), bytes @ 1..=8)) => {
                    Arrangement::Bitmap { bytes: bytes as u16, encoding, continues: false }
                }
                Some((Meaning::Bitmap(_), bytes)) => {
                    return Ok(Err(format!("its bit map of {bytes} bytes grows with the highest bit")));
                }
                _ => return Ok(Err("its subfields have a bit map that is not among them".to_owned())),
            };
            parts.remove(&bitmap_at);
        }
        if bitmap_at > 0 && parts.contains_key(&0) && matches!(kind, Arrangement::Bitmap { .. }) {
            return Ok(Err("subfield 0 stands before its bit map".to_owned()));
        }
        let first = match (number("firstField"), &kind) {
            (Some(first), _) => first,
            (None, Arrangement::Positional) if !matches!(map, Some((Meaning::Bitmap(_), _))) => 1,
            (None, _) => 2.min(bitmap_at + 1),
        };
        for (id, _) in parts.range(..first) {
            self.remarks.lose(format!("{place}.{id}"), "is before the first subfield; it is left out");
        }
        let mut pieces = Vec::new();
        for (id, part) in parts.range(first..) {
            if let Arrangement::Bitmap { bytes, continues, .. } = kind
                && !inside::has_bit(bytes, continues, *id)
            {
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

    /// Tag, length and value; what has no tag stands before them.
    fn tagged(
        &mut self,
        place: &str,
        raw: &Raw<'_>,
        parts: BTreeMap<u16, Raw<'_>>,
        depth: usize,
    ) -> Result<Told, Unreadable> {
        let mapper =
            raw.element.attribute("tagMapper").map(|mapper| mapper.rsplit('.').next().unwrap_or(mapper));
        if let Some(mapper) = mapper.filter(|mapper| !MAPPERS.contains(mapper)) {
            return Ok(Err(format!("its tags are made by {mapper}, which is code of its own")));
        }
        let mut read = Tags::default();
        let mut pieces = Vec::new();
        for (id, part) in &parts {
            match part.meaning() {
                Meaning::Tagged(_) if matches!(part.length, None | Some(0)) => {
                    let reason = "expected a length; it is read as tags are that are not listed";
                    self.remarks.lose(format!("{place}.{id}"), reason);
                }
                Meaning::Tagged(behind) => {
                    self.remarks.shortened(format!("{place}.{id}"), part.length, behind.value.length);
                    if let Some(lost) = &behind.value.lost {
                        self.remarks.lose(format!("{place}.{id}"), lost.as_str());
                    }
                    if let Err(reason) = read.part(part, behind) {
                        return Ok(Err(format!("subfield {id} {reason}")));
                    }
                }
                Meaning::Nothing => {}
                _ if read.value.is_some() => {
                    return Ok(Err(format!("subfield {id} has no tag, and stands behind those that have")));
                }
                _ => match self.piece(&format!("{place}.{id}"), part, depth)? {
                    Some(piece) => pieces.push(piece),
                    None => return Ok(Err(format!("subfield {id} cannot be said"))),
                },
            }
        }
        let token = raw.element.attribute("token").map(str::len);
        Ok(read.arranged(pieces, token))
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

/// The subfields behind tags, so far.
#[derive(Default)]
struct Tags {
    pieces: Vec<Piece>,
    /// Encoding and characters of the tags, and what stands behind each.
    value: Option<(Encoding, usize, Format)>,
    /// The longest value.
    longest: u16,
}

impl Tags {
    /// # Errors
    /// Why it cannot be beside those before it, in words that end a sentence about it.
    fn part(&mut self, raw: &Raw<'_>, behind: Behind) -> Result<(), String> {
        let Behind { digits, tag, value } = behind;
        let key = match (digits, raw.element.attribute("token")) {
            (Some(digits), _) => format!("{:0width$}", raw.id, width = usize::from(digits)),
            (None, Some(token)) => token.to_owned(),
            (None, None) => return Err("has no token".to_owned()),
        };
        let class = match value.holds {
            Holds::Digits => Class::N,
            Holds::Bytes => Class::B,
            _ => Class::Ans,
        };
        let own = format(&value, class);
        let same = |(encoding, length, before): (Encoding, usize, Format)| {
            (encoding, length, before.prefix()) == (tag, key.len(), own.prefix())
        };
        if !self.value.is_none_or(same) {
            return Err("has a tag or a length of another kind than those before it".to_owned());
        }
        self.value = Some((tag, key.len(), own));
        self.longest = self.longest.max(own.max_length());
        // What stands for all tags that are not listed.
        if !key.bytes().all(|c| c == b'#') {
            let format = inside::behind_a_tag(own);
            self.pieces.push(Piece { key, name: name(raw), format, layout: None });
        }
        Ok(())
    }

    /// The whole, behind the subfields before the first tag.
    fn arranged(self, mut head: Vec<Piece>, token: Option<usize>) -> Told {
        let Some((encoding, units, value)) = self.value else {
            return Err("it has no subfields with tags".to_owned());
        };
        if token.is_some_and(|token| token != units) {
            return Err("its subfields have tags of another length than its token".to_owned());
        }
        let digits = self.pieces.iter().all(|piece| piece.key.bytes().all(|c| c.is_ascii_digit()));
        let class = if digits { Class::N } else { Class::An };
        let tag = Format { class, length: Length::Fixed(units.min(99) as u16), ..characters(encoding) };
        // Tags that are not known may be longer than those that are.
        let length = match value.length {
            Length::Variable { prefix, .. } => {
                Length::Variable { prefix, max: prefix.most().min(999).max(self.longest) }
            }
            other => other,
        };
        let value = match encoding {
            encoding if value.encoding == encoding => Format { length, ..characters(encoding) },
            _ => Format { class: Class::B, length, encoding: Encoding::Binary, ..value },
        };
        let heads = head.len();
        head.extend(self.pieces);
        Ok((Arrangement::Tagged { head: heads, tag, value }, head))
    }
}

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
