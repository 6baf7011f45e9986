//! `[layouts]` of dialect files: what is inside a value, named once and used by fields and parts. Knows no message.

use super::super::draft::{Draft, DraftKind, DraftLayout, DraftSub, DraftValue, Placed, allowed_encodings};
use super::super::field::Mask;
use super::{ENCODING_KEYS, LENGTH_KEYS, Node, Reader};

const KINDS: [(&str, DraftKind); 5] = [
    ("positional", DraftKind::Positional),
    ("list", DraftKind::List),
    ("bitmap", DraftKind::Bitmap),
    ("tagged", DraftKind::Tagged),
    ("ber-tlv", DraftKind::BerTlv),
];
const KEYS: [&str; 11] =
    ["kind", "parts", "head", "tag", "value", "bitmap", "continues", "other", "encoding", "length", "pad"];
const PART_KEYS: [&str; 13] = [
    "key", "format", "name", "mask", "layout", "encoding", "length", "pad", "fill", "until", "absent",
    "inline", "optional",
];
/// What a field says that has no layout although the dialect it extends gives it one.
const NO_LAYOUT: &str = "none";
/// More parts than any network has; a bound for hostile files.
const MOST_PARTS: usize = 1000;

impl Reader {
    pub(super) fn read_layouts(&mut self, value: Node, draft: &mut Draft) {
        for (key, value) in self.table(value) {
            let name = key.get_ref().to_string();
            let plain = name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
            if name.is_empty() || !plain || name == NO_LAYOUT {
                self.blame(key.span(), "expected a name of letters, digits and hyphens, other than \"none\"");
                continue;
            }
            let at = self.at(key.span());
            let fresh = !draft.layouts.contains_key(&name);
            let (layout, place) =
                draft.layouts.entry(name).or_insert_with(|| (DraftLayout::default(), at.clone()));
            *place = at;
            self.read_layout(value, layout, fresh);
        }
    }

    /// Reads over what a file that is extended says: single keys replace its keys, and parts whose order says nothing
    /// are added to its parts.
    fn read_layout(&mut self, value: Node, layout: &mut DraftLayout, fresh: bool) {
        let kind = value.get_ref().as_table().and_then(|table| table.get("kind"));
        match kind.map(|kind| (kind, self.one_of(kind, &KINDS))) {
            Some((_, Some(kind))) if kind != layout.kind => {
                *layout = DraftLayout { kind, ..DraftLayout::default() }
            }
            None if fresh && value.get_ref().is_table() => {
                let kinds = KINDS.map(|(name, _)| name).join(", ");
                self.blame(value.span(), format!("expected a kind: one of {kinds}"));
            }
            _ => {}
        }
        let kind = layout.kind;
        for (key, value) in self.table(value) {
            let Some(what) = self.known(key, &KEYS) else { continue };
            let misplaced = match what {
                "tag" | "value" | "head" => kind != DraftKind::Tagged,
                "bitmap" | "continues" => kind != DraftKind::Bitmap,
                "other" => !matches!(kind, DraftKind::Tagged | DraftKind::BerTlv),
                _ => false,
            };
            if misplaced {
                self.blame(key.span(), format!("{what} is not for this kind of layout"));
                continue;
            }
            match what {
                "parts" => {
                    let parts = self.subs(value);
                    if !kind.is_keyed() {
                        layout.parts.clear();
                    }
                    layout.parts.retain(|part| parts.iter().all(|new| new.key != part.key));
                    layout.parts.extend(parts);
                }
                "head" => layout.head = self.subs(value),
                "tag" => layout.tag = self.format(value),
                "value" => layout.value = self.format(value),
                "bitmap" => layout.bitmap = self.format(value),
                "continues" => layout.continues = self.format(value),
                "other" => layout.other = Some(self.sub(value, Some("other"))),
                "encoding" => self.read_layout_encodings(value, layout),
                "length" => layout.length = self.length(value, &LENGTH_KEYS).over(layout.length),
                "pad" => layout.pad = self.pad(value),
                _ => {}
            }
        }
    }

    fn read_layout_encodings(&mut self, value: Node, layout: &mut DraftLayout) {
        // Without mti and bitmap, which are the message's.
        let keys = &ENCODING_KEYS[2..];
        for (key, value) in self.table(value) {
            let Some(what) = self.known(key, keys) else { continue };
            if let Some(encoding) = self.encoding(value, allowed_encodings(what)) {
                layout.encodings.insert(what, encoding);
            }
        }
    }

    fn subs(&mut self, value: Node) -> Vec<DraftSub> {
        let Some(items) = value.get_ref().as_array() else {
            self.blame(value.span(), "expected parts as [{ key = \"…\", format = \"…\", name = \"…\" }, …]");
            return Vec::new();
        };
        if items.len() > MOST_PARTS {
            self.blame(value.span(), format!("expected at most {MOST_PARTS} parts, found {}", items.len()));
            return Vec::new();
        }
        items.iter().map(|item| self.sub(item, None)).collect()
    }

    fn sub(&mut self, value: Node, named: Option<&str>) -> DraftSub {
        let mut sub = DraftSub {
            key: named.unwrap_or_default().to_owned(),
            at: self.at(value.span()),
            name: None,
            value: DraftValue::default(),
            mask: Mask::Open,
            layout: None,
            until: None,
            absent: None,
            inline: false,
            optional: false,
        };
        let known = self.mistakes.len();
        for (key, value) in self.table(value) {
            match self.known(key, &PART_KEYS) {
                Some("key") => sub.key = self.text(value).unwrap_or_default(),
                Some("name") => sub.name = self.text(value),
                Some("mask") => sub.mask = self.mask(value),
                Some("layout") => sub.layout = self.layout_name(value),
                Some("until") => sub.until = self.character(value),
                Some("absent") => sub.absent = self.character(value),
                Some("inline") => sub.inline = self.flag(value),
                Some("optional") => sub.optional = self.flag(value),
                Some(key) => self.read_value(key, value, &mut sub.value),
                None => {}
            }
        }
        if sub.key.is_empty() && self.mistakes.len() == known {
            self.blame(value.span(), "expected a key");
        }
        sub
    }

    /// The layout that a field or part names; none where it says so.
    pub(super) fn layout_name(&mut self, value: Node) -> Option<Placed<String>> {
        let name = self.text(value)?;
        (name != NO_LAYOUT).then(|| (name, self.at(value.span())))
    }

    fn character(&mut self, value: Node) -> Option<u8> {
        match self.text(value)?.as_bytes() {
            [character @ 0x20..=0x7E] => Some(*character),
            _ => {
                self.blame(value.span(), "expected one printable ASCII character");
                None
            }
        }
    }
}
