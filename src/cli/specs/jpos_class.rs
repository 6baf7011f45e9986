//! The names of jPOS's field packagers, which say how a field stands on the wire: `IFB_LLLHECHAR` is family B,
//! a length of three digits, H: in binary, E: in EBCDIC, characters. Knows names, no file.

use super::foreign::Holds;
use crate::wire::{CodePage, Counts, Encoding, Length, Pad, Prefix, Side};

/// jPOS's only code page.
pub(super) const EBCDIC: Encoding = Encoding::Ebcdic(CodePage::Cp1047);

/// What a class name and its `length` and `pad` come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed {
    pub holds: Holds,
    pub length: Length,
    pub encoding: Encoding,
    pub pad: Pad,
    /// What of the class we cannot do, and what was done instead.
    pub lost: Option<String>,
}

/// What stands behind a tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Behind {
    /// Digits of the tag, which is the subfield's number; `None` where the file gives each its own (`token`).
    pub digits: Option<u8>,
    pub tag: Encoding,
    /// Length and value.
    pub value: Packed,
}

/// What a class name is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Field(Packed),
    /// A bit map in this encoding.
    Bitmap(Encoding),
    /// A tag before length and value; for subfields.
    Tagged(Behind),
    /// Takes no bytes at all.
    Nothing,
    /// Cannot be said in a dialect; why.
    Beyond(String),
}

/// How a family of classes writes: the length, digits, characters, bytes of fixed length, the bit map.
struct Family {
    name: &'static str,
    length: Encoding,
    digits: Encoding,
    text: Encoding,
    bytes: Encoding,
}

const FAMILIES: [Family; 7] = [
    family("IF", Encoding::Ascii, Encoding::Ascii, Encoding::Ascii, Encoding::Binary),
    family("IFA", Encoding::Ascii, Encoding::Ascii, Encoding::Ascii, Encoding::Hex),
    family("IFB", Encoding::Bcd, Encoding::Bcd, Encoding::Ascii, Encoding::Binary),
    family("IFE", EBCDIC, EBCDIC, EBCDIC, Encoding::EbcdicHex),
    family("IFEA", EBCDIC, Encoding::Ascii, Encoding::Ascii, Encoding::Binary),
    family("IFAE", Encoding::Ascii, EBCDIC, EBCDIC, Encoding::Binary),
    family("IFEB", EBCDIC, Encoding::Bcd, Encoding::Ascii, Encoding::Binary),
];

const fn family(
    name: &'static str,
    length: Encoding,
    digits: Encoding,
    text: Encoding,
    bytes: Encoding,
) -> Family {
    Family { name, length, digits, text, bytes }
}

/// Families whose values begin with a tag and a length of their own, or that a network's code reads.
const TAGGED: [&str; 7] = ["IFEP", "IFEPE", "IFMC", "IFEMC", "IFIPM", "IFELPE", "IFTB"];

/// The longest value of fixed length that a dialect file can say.
pub(super) const LONGEST: u16 = 9999;

const ZERO_LEFT: Pad = Pad { side: Side::Left, nibble: 0 };
const ZERO_RIGHT: Pad = Pad { side: Side::Right, nibble: 0 };
const F_RIGHT: Pad = Pad { side: Side::Right, nibble: 0xF };

/// What the class of a field means; `class` as in the file, with its Java package, `length` as there (with a
/// sign: the sign too), `pad` false where it is not stated.
pub(super) fn meaning(class: &str, length: u32, pad: bool) -> Meaning {
    let own =
        ["org.jpos.iso.", "org.jpos.tlv.packager."].iter().find_map(|package| class.strip_prefix(package));
    let name = own.unwrap_or(class);
    if name.contains('.') {
        return Meaning::Beyond(format!("{class} is code of its own"));
    }
    let (head, rest) = name.split_once('_').unwrap_or((name, ""));
    if matches!(name, "IF_NOP" | "IF_UNUSED") {
        return Meaning::Nothing;
    }
    match name {
        "IFMC_LLCHAR" => return behind(Some(2), "IFA", "LLCHAR", length, pad),
        "IFEPE_LLCHAR" => return behind(Some(2), "IFE", "LLCHAR", length, pad),
        _ => {}
    }
    let value = rest.trim_start_matches('T');
    match (head, rest.len() - value.len()) {
        ("IFA", digits @ 2..=4) => return behind(Some(digits as u8), "IFA", value, length, pad),
        ("IFTA", 0) => return behind(None, "IFA", rest, length, pad),
        (_, digits) if digits > 1 || TAGGED.contains(&head) || name == "IF_TBASE" => {
            return Meaning::Beyond(format!("{name} writes a tag before the value"));
        }
        _ => {}
    }
    let known = FAMILIES.iter().find(|family| family.name == head);
    match known.and_then(|family| in_family(family, rest, length, pad)) {
        Some(meaning) => meaning,
        None => Meaning::Beyond(format!("the class {name} is not known")),
    }
}

/// A class whose value, with its length, is that of a class without a tag.
fn behind(digits: Option<u8>, family: &str, rest: &str, length: u32, pad: bool) -> Meaning {
    let family = FAMILIES.iter().find(|known| known.name == family);
    match family.and_then(|family| Some((family.text, in_family(family, rest, length, pad)?))) {
        Some((tag, Meaning::Field(value))) if matches!(value.length, Length::Variable { .. }) => {
            Meaning::Tagged(Behind { digits, tag, value })
        }
        _ => Meaning::Beyond(format!("what stands behind its tag ({rest}) is not known")),
    }
}

fn in_family(family: &Family, rest: &str, length: u32, pad: bool) -> Option<Meaning> {
    let filled = rest.strip_prefix('F').filter(|rest| rest.starts_with('L'));
    let rest = filled.unwrap_or(rest);
    let digits = rest.bytes().take_while(|c| *c == b'L').count();
    if digits == 0 {
        return fixed(family, rest, bounded(length), pad);
    }
    let kind = &rest[digits..];
    if digits > 6 {
        return Some(Meaning::Beyond(format!("its length has {digits} digits, and 6 are the most")));
    }
    let packed = family.digits == Encoding::Bcd;
    // Among packed digits F says that the pad is F; elsewhere that the field always has its whole room.
    if filled.is_some() && !(packed && kind == "NUM") {
        return roomy(family, kind, digits as u16, bounded(length));
    }
    let (length_encoding, kind) = match kind.strip_prefix('H') {
        Some(kind) if family.name == "IFB" && kind != "EX" => (Encoding::Binary, kind),
        _ => (family.length, kind),
    };
    if kind == "HFBINARY" || kind == "FBINARY" {
        return roomy(family, "BINARY", 1, bounded(length));
    }
    let (holds, encoding) = match kind {
        "NUM" => (Holds::Digits, family.digits),
        "BNUM" => (Holds::Digits, Encoding::Bcd),
        "CHAR" => (Holds::Characters, family.text),
        // Bytes that are written as the EBCDIC characters of their ASCII: text.
        "ECHAR" | "EBINARY" => (Holds::Characters, EBCDIC),
        "ABINARY" => (Holds::Bytes, Encoding::Hex),
        "BINARY" => (Holds::Bytes, Encoding::Binary),
        "HEX" => return Some(Meaning::Beyond("its length counts half bytes".to_owned())),
        _ => return None,
    };
    let lost = (kind == "BNUM").then(|| {
        "its length is always even, so that an odd number is read with its pad; here it is written as it is".to_owned()
    });
    let in_bytes = family.name == "IFEB";
    let counts = if in_bytes { Counts::Wire } else { Counts::Value };
    let prefix = Prefix { digits: digits as u8, encoding: length_encoding, counts, inclusive: false };
    let most = prefix.most();
    let pad = match (in_bytes || filled.is_some(), pad) {
        (true, false) => F_RIGHT,
        (true, true) if in_bytes => F_RIGHT,
        (_, true) => ZERO_LEFT,
        (false, false) => ZERO_RIGHT,
    };
    let length = Length::Variable { prefix, max: bounded(length).min(most) };
    Some(Meaning::Field(Packed { holds, length, encoding, pad, lost }))
}

/// A length, as far as any message goes.
fn bounded(length: u32) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A field without a length before it.
fn fixed(family: &Family, kind: &str, length: u16, pad: bool) -> Option<Meaning> {
    let (holds, encoding) = match (family.name, kind) {
        (_, "BITMAP") => return Some(Meaning::Bitmap(family.bytes)),
        ("IF", "CHAR") => (Holds::Characters, Encoding::Ascii),
        ("IF", "ECHAR") => (Holds::Characters, EBCDIC),
        ("IFB", "HEX") if length.is_multiple_of(2) => (Holds::Bytes, Encoding::Binary),
        ("IFB", "HEX") => return Some(Meaning::Beyond("an odd number of half bytes".to_owned())),
        (_, "NUMERIC") | ("IFB", "FNUMERIC") => (Holds::Digits, family.digits),
        (_, "CHAR") => (Holds::Characters, family.text),
        (_, "BINARY") => (Holds::Bytes, family.bytes),
        (_, "AMOUNT") if length >= 2 => (Holds::Signed, family.digits),
        (_, "SIGNED_NUMERIC") => {
            return Some(Meaning::Beyond("its sign stands in the last digit".to_owned()));
        }
        _ => return None,
    };
    let pad = match (pad, kind) {
        (true, _) => ZERO_LEFT,
        (false, "FNUMERIC") => F_RIGHT,
        (false, _) => ZERO_RIGHT,
    };
    let length = if kind == "HEX" { length / 2 } else { length };
    Some(Meaning::Field(Packed { holds, length: Length::Fixed(length), encoding, pad, lost: None }))
}

/// A field that has a length and yet always its whole room: read whole, the length among the characters.
fn roomy(family: &Family, kind: &str, digits: u16, length: u16) -> Option<Meaning> {
    let (holds, encoding) = match kind {
        "CHAR" | "NUM" if family.text == family.length => (Holds::Characters, family.text),
        "BINARY" => (Holds::Bytes, Encoding::Binary),
        _ => return None,
    };
    let length = Length::Fixed(length.saturating_add(digits));
    let lost = "it has a length and always its whole room; here it is one value, the length at its front";
    Some(Meaning::Field(Packed { holds, length, encoding, pad: ZERO_LEFT, lost: Some(lost.to_owned()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, length: u32, pad: bool) -> Packed {
        match meaning(&format!("org.jpos.iso.{name}"), length, pad) {
            Meaning::Field(packed) => packed,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn names_say_how_a_field_stands() {
        let var = |digits, encoding, max| {
            let prefix = Prefix { digits, encoding, counts: Counts::Value, inclusive: false };
            Length::Variable { prefix, max }
        };
        use Encoding::{Ascii, Bcd, Binary, EbcdicHex, Hex};
        use Holds::{Bytes, Characters, Digits, Signed};
        let table = [
            ("IFA_NUMERIC", 6, Digits, Length::Fixed(6), Ascii),
            ("IFB_NUMERIC", 6, Digits, Length::Fixed(6), Bcd),
            ("IFE_NUMERIC", 6, Digits, Length::Fixed(6), EBCDIC),
            ("IF_CHAR", 12, Characters, Length::Fixed(12), Ascii),
            ("IF_ECHAR", 12, Characters, Length::Fixed(12), EBCDIC),
            ("IFE_CHAR", 12, Characters, Length::Fixed(12), EBCDIC),
            ("IFA_LLNUM", 19, Digits, var(2, Ascii, 19), Ascii),
            ("IFB_LLNUM", 19, Digits, var(2, Bcd, 19), Bcd),
            ("IFB_LLHNUM", 19, Digits, var(2, Binary, 19), Bcd),
            ("IFB_LLLHNUM", 19, Digits, var(3, Binary, 19), Bcd),
            ("IFE_LLNUM", 19, Digits, var(2, EBCDIC, 19), EBCDIC),
            ("IFA_LCHAR", 9, Characters, var(1, Ascii, 9), Ascii),
            ("IFA_LLLLCHAR", 9999, Characters, var(4, Ascii, 9999), Ascii),
            ("IFA_LLLLLCHAR", 20_000, Characters, var(5, Ascii, 20_000), Ascii),
            ("IFA_LLLLLLBINARY", 999_999, Bytes, var(6, Ascii, 65_535), Binary),
            ("IFE_LLLLLLCHAR", 999_999, Characters, var(6, EBCDIC, 65_535), EBCDIC),
            ("IFB_LLLCHAR", 999, Characters, var(3, Bcd, 999), Ascii),
            ("IFB_LLHCHAR", 255, Characters, var(2, Binary, 255), Ascii),
            ("IFB_LLHECHAR", 255, Characters, var(2, Binary, 255), EBCDIC),
            ("IFB_LLLHECHAR", 999, Characters, var(3, Binary, 999), EBCDIC),
            ("IFEA_LLCHAR", 20, Characters, var(2, EBCDIC, 20), Ascii),
            ("IFAE_LLCHAR", 20, Characters, var(2, Ascii, 20), EBCDIC),
            ("IFE_LLLEBINARY", 20, Characters, var(3, EBCDIC, 20), EBCDIC),
            ("IFA_BINARY", 8, Bytes, Length::Fixed(8), Hex),
            ("IFB_BINARY", 8, Bytes, Length::Fixed(8), Binary),
            ("IFE_BINARY", 8, Bytes, Length::Fixed(8), EbcdicHex),
            ("IFB_HEX", 16, Bytes, Length::Fixed(8), Binary),
            ("IFA_LLLBINARY", 255, Bytes, var(3, Ascii, 255), Binary),
            ("IFA_LLABINARY", 50, Bytes, var(2, Ascii, 50), Hex),
            ("IFB_LLLHBINARY", 999, Bytes, var(3, Binary, 999), Binary),
            ("IFE_LLBINARY", 50, Bytes, var(2, EBCDIC, 50), Binary),
            ("IFA_AMOUNT", 9, Signed, Length::Fixed(9), Ascii),
            ("IFB_AMOUNT", 9, Signed, Length::Fixed(9), Bcd),
            ("IFE_AMOUNT", 9, Signed, Length::Fixed(9), EBCDIC),
        ];
        for (name, length, holds, stands, encoding) in table {
            let packed = field(name, length, false);
            assert_eq!((packed.holds, packed.length, packed.encoding), (holds, stands, encoding), "{name}");
            assert_eq!(packed.lost, None, "{name}");
        }
        for (name, encoding) in [("IFA_BITMAP", Hex), ("IFB_BITMAP", Binary), ("IFE_BITMAP", EbcdicHex)] {
            assert_eq!(meaning(name, 16, false), Meaning::Bitmap(encoding));
        }
    }

    #[test]
    fn pads_are_told_by_name_and_attribute() {
        let table = [
            ("IFB_NUMERIC", ZERO_LEFT, ZERO_RIGHT),
            ("IFB_LLNUM", ZERO_LEFT, ZERO_RIGHT),
            ("IFB_FNUMERIC", ZERO_LEFT, F_RIGHT),
            ("IFB_FLLNUM", ZERO_LEFT, F_RIGHT),
            ("IFEB_LLNUM", F_RIGHT, F_RIGHT),
        ];
        for (name, padded, not) in table {
            assert_eq!((field(name, 19, true).pad, field(name, 19, false).pad), (padded, not), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_told() {
        let beyond = [
            "com.example.IFA_NUMERIC",
            "org.jpos.iso.IFA_WHATEVER",
            "IFE_SIGNED_NUMERIC",
            "IFEP_LLCHAR",
            "IFMC_LLLCHAR",
            "IFE_TTLLCHAR",
            "IFA_TTNUMERIC",
            "IFTA_CHAR",
            "IFA_LLLLLLLCHAR",
            "IFB_LLHEX",
            "IFA_AMOUNT2003",
            "nothing",
            "",
        ];
        for class in beyond {
            assert!(matches!(meaning(class, 9, false), Meaning::Beyond(_)), "{class}");
        }
        assert_eq!(meaning("org.jpos.iso.IF_NOP", 1, false), Meaning::Nothing);
        for (name, length) in [("IFA_FLLCHAR", 12), ("IFB_LLHFBINARY", 11), ("IFA_FLLNUM", 12)] {
            let packed = field(name, 10, false);
            assert_eq!(packed.length, Length::Fixed(length), "{name}");
            assert!(packed.lost.is_some(), "{name}");
        }
        assert!(matches!(field("IFA_LLCHAR", 120, false).length, Length::Variable { max: 99, .. }));
        assert!(field("IFA_LLBNUM", 19, false).lost.is_some());
    }
}
