//! Composite fields: subfields by position, behind a bit map or behind tags. Knows no message.

use super::super::foreign::{Unreadable, layout_name, one_line};
use super::super::inside::{self, Arrangement, DEEPEST, Inside, Piece};
use super::{EBCDIC, Node, Raw, Reader, length};
use crate::wire::{Class, Encoding, Fill, Format, Length, Pad, Prefix, Side};

/// How tags stand before values, as the file says it.
struct Tag<'a> {
    encoding: &'a str,
    units: u16,
    padding: Option<(&'a str, &'a str)>,
}

/// What was read; inside, why it cannot be said; outside, why the file is none.
type Told<T> = Result<Result<T, String>, Unreadable>;

/// A composite's value: what holds the subfields, and the layout of these.
pub(super) type Composite = (Format, Option<String>);

impl Reader {
    /// A field with subfields. Where these cannot be said, it is one value, and a remark.
    pub(super) fn composite(
        &mut self,
        place: &str,
        path: &str,
        raw: &Raw<'_>,
        depth: usize,
    ) -> Told<Composite> {
        let bytes = match length(raw) {
            Ok(length) => {
                self.remarks.shortened(place, raw.length, length);
                plain(Class::B, length, Encoding::Binary)
            }
            Err(reason) => return Ok(Err(reason)),
        };
        let told = match self.arranged(place, path, raw, depth)? {
            Ok(Some((kind, parts))) => self.hold(kind, parts, bytes),
            // BER-TLV: the layout that comes with the program knows its tags, their formats and their masks.
            Ok(None) => return Ok(Ok((bytes, Some("emv".to_owned())))),
            Err(reason) => Err(reason),
        };
        Ok(Ok(match told {
            Ok((holder, inside)) => {
                let name = layout_name(place);
                self.layouts.push(Inside { name: name.clone(), ..inside });
                (holder, Some(name))
            }
            Err(reason) => {
                self.remarks.lose(place, format!("{reason}; it is one value of bytes"));
                (bytes, None)
            }
        }))
    }

    /// The arrangement and the parts; `None` for BER-TLV.
    fn arranged(
        &mut self,
        place: &str,
        path: &str,
        raw: &Raw<'_>,
        depth: usize,
    ) -> Told<Option<(Arrangement, Vec<Piece>)>> {
        if depth > DEEPEST {
            return Ok(Err(format!("subfields over {DEEPEST} deep")));
        }
        let tag = match raw.node.get("tag") {
            None | Some(Node::Null) => None,
            Some(node) => Some(tag_of(&format!("{path}.tag"), node)?),
        };
        let tag = tag.filter(|tag| !tag.encoding.is_empty() && tag.units > 0 || tag.encoding == "BerTLVTag");
        let subfields = raw.node.get("subfields").map_or(&[][..], Node::entries);
        if let Some(tag) = &tag
            && tag.encoding == "BerTLVTag"
        {
            let strange: Vec<&str> =
                subfields.iter().map(|(key, _)| key.as_str()).filter(|key| !inside::is_emv(key)).collect();
            if !strange.is_empty() {
                let tags = strange.join(", ");
                self.remarks
                    .lose(place, format!("tags {tags} are not in the layout emv; here they are bytes"));
            }
            return Ok(Ok(None));
        }
        let mut kind = match raw.node.get("bitmap") {
            None | Some(Node::Null) => Arrangement::Positional,
            Some(node) => match bitmap(&format!("{path}.bitmap"), node)? {
                Ok(kind) => kind,
                Err(reason) => return Ok(Err(reason)),
            },
        };
        let mut parts = Vec::new();
        for (key, node) in in_order(subfields) {
            let path = format!("{path}.subfields.{key}");
            let place = format!("{place}.{key}");
            match self.piece(&place, &path, key, &Raw::of(&path, node)?, depth)? {
                Ok(piece) => parts.push(piece),
                Err(reason) if matches!(kind, Arrangement::Positional) && tag.is_none() => {
                    return Ok(Err(format!("subfield {key} {reason}")));
                }
                Err(reason) => self.remarks.lose(&place, format!("{reason}; it is left out")),
            }
        }
        if let Some(tag) = tag {
            match tagged(&tag, &mut parts) {
                Ok(arrangement) => kind = arrangement,
                Err(reason) => return Ok(Err(reason)),
            }
        }
        Ok(Ok(Some((kind, parts))))
    }

    fn piece(&mut self, place: &str, path: &str, key: &str, raw: &Raw<'_>, depth: usize) -> Told<Piece> {
        self.strange_keys(place, raw.node);
        let name = one_line(raw.description);
        let name = if name.is_empty() { format!("Subfield {key}") } else { name };
        let made = if raw.is_composite() {
            self.composite(place, path, raw, depth + 1)?
        } else {
            self.format(place, raw).map(|format| (format, None))
        };
        Ok(made.map(|(format, layout)| Piece { key: key.to_owned(), name, format, layout }))
    }

    /// What holds the parts: characters where all of them are, bytes otherwise.
    fn hold(&self, kind: Arrangement, parts: Vec<Piece>, bytes: Format) -> Result<(Format, Inside), String> {
        let characters = inside::characters(&kind, &parts);
        let holder = match characters {
            Some(encoding) => Format { class: Class::Ans, encoding, ..bytes },
            None => bytes,
        };
        match inside::misfit(&kind, &parts, &holder) {
            Some(reason) => Err(reason),
            None => Ok((holder, Inside { name: String::new(), kind, characters, parts })),
        }
    }
}

fn bitmap(path: &str, node: &Node) -> Told<Arrangement> {
    let map = Raw::of(path, node)?;
    let encoding = match map.encoding {
        "Binary" => Encoding::Binary,
        "HexToASCII" | "Hex" => Encoding::Hex,
        other => return Ok(Err(format!("its bit map is in {other:?}"))),
    };
    let bytes = map.length.filter(|bytes| *bytes > 0).unwrap_or(8);
    if !(1..=16).contains(&bytes) {
        return Ok(Err(format!("its bit map has {bytes} bytes")));
    }
    // Bit 1 of each says that another one follows, unless the file says that none does.
    let (bytes, continues) = (bytes as u16, !map.fixed_bitmap);
    Ok(Ok(Arrangement::Bitmap { bytes, encoding, continues }))
}

fn plain(class: Class, length: Length, encoding: Encoding) -> Format {
    let pad = Pad { side: Side::Left, nibble: 0 };
    Format { class, length, encoding, pad, fill: Fill::SPACES, accept: Default::default() }
}

fn tag_of<'a>(path: &str, node: &'a Node) -> Result<Tag<'a>, Unreadable> {
    let raw = Raw::of(path, node)?;
    let units = raw.length.and_then(|units| u16::try_from(units).ok()).unwrap_or(u16::MAX);
    Ok(Tag { encoding: raw.encoding, units, padding: raw.padding })
}

/// Subfields as moov sorts them: by number where all keys are numbers, else by their text.
fn in_order(subfields: &[(String, Node)]) -> Vec<(&str, &Node)> {
    let mut all: Vec<(&str, &Node)> = subfields.iter().map(|(key, node)| (key.as_str(), node)).collect();
    let number = |key: &str| key.parse::<u64>().ok();
    if all.iter().all(|(key, _)| number(key).is_some()) {
        all.sort_by_key(|(key, _)| number(key));
    } else {
        all.sort_by_key(|(key, _)| *key);
    }
    all
}

/// The tag and the length of all parts, taken from before each of them.
fn tagged(tag: &Tag<'_>, parts: &mut [Piece]) -> Result<Arrangement, String> {
    let digits = |part: &Piece| part.key.bytes().all(|c| c.is_ascii_digit());
    let class = if parts.iter().all(digits) { Class::N } else { Class::An };
    let (class, encoding) = match tag.encoding {
        "ASCII" | "Binary" => (class, Encoding::Ascii),
        "EBCDIC" => (class, EBCDIC),
        "ASCIIToHex" => (Class::B, Encoding::Binary),
        "BCD" if tag.units.is_multiple_of(2) => (Class::N, Encoding::Bcd),
        other => return Err(format!("its tags are in {other:?}")),
    };
    if tag.units > 8 {
        return Err(format!("its tags are {} long", tag.units));
    }
    let form = plain(class, Length::Fixed(tag.units), encoding);
    let characters = usize::from(tag.units) * if class == Class::B { 2 } else { 1 };
    let mut value: Option<Prefix> = None;
    let mut longest = 0;
    for part in parts {
        let Length::Variable { prefix, max } = part.format.length else {
            return Err(format!("subfield {} has a tag and no length", part.key));
        };
        if value.is_some_and(|known| known != prefix) || !inside::counts_bytes(&part.format) {
            return Err("its subfields have lengths of more than one kind".to_owned());
        }
        value = Some(prefix);
        longest = longest.max(max);
        part.format = inside::behind_a_tag(part.format);
        let missing = characters.saturating_sub(part.key.chars().count());
        match tag.padding {
            Some(("Left", pad)) if pad.len() == 1 => part.key.insert_str(0, &pad.repeat(missing)),
            _ if missing == 0 => {}
            _ => return Err(format!("the tag {} is not {characters} characters long", part.key)),
        }
        if class == Class::B {
            part.key.make_ascii_uppercase();
        }
    }
    let prefix = value.ok_or("it has no subfields")?;
    // Tags that are not known may be longer than those that are.
    let most = prefix.most().min(9999).max(longest);
    let of_characters = matches!(prefix.encoding, Encoding::Ascii | Encoding::Ebcdic(_));
    let (class, encoding) =
        if of_characters { (Class::Ans, prefix.encoding) } else { (Class::B, Encoding::Binary) };
    let value = plain(class, Length::Variable { prefix, max: most }, encoding);
    Ok(Arrangement::Tagged { head: 0, tag: form, value })
}
