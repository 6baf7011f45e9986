//! What is inside a field, gathered from its walk: addresses, places, values, and where in the standard each part stands.
//! Hides nothing and shows nothing.

use super::words::{exact, hex};
use crate::message::meaning;
use crate::wire::{FieldInfo, Format, Key, Kind, Layout, Mask, Node, Sub, View};
use std::ops::Range;

/// A part of a field; those inside it follow it, one deeper.
pub(super) struct Part {
    pub depth: usize,
    /// The address that reads it; what has none is called by what it is: `62.bitmap`, `48.rest`.
    pub key: String,
    pub tag: Option<String>,
    pub sub: Option<usize>,
    pub name: String,
    /// Digits, characters, or upper-case hexadecimal.
    pub exact: String,
    /// Of a tag of DE 55, its bytes in hexadecimal.
    bytes: Option<String>,
    /// Its place in the standard, as `meaning` calls it.
    pub path: Vec<String>,
    /// `None` where it is not as its format says.
    pub format: Option<Format>,
    pub mask: Mask,
    /// The bytes of the message that it takes, and those of its value.
    pub whole: Range<usize>,
    pub value: Range<usize>,
    /// Offset and reason.
    pub wrong: Option<(usize, String)>,
}

impl Part {
    /// The value in the form in which its meaning is asked for.
    pub fn said(&self) -> &str {
        self.bytes.as_deref().unwrap_or(&self.exact)
    }

    /// The bits that are set in a tag's value.
    pub fn bits(&self) -> Vec<&'static str> {
        match (&self.tag, &self.bytes) {
            (Some(tag), Some(bytes)) => meaning::bits(tag, bytes),
            _ => Vec::new(),
        }
    }
}

/// What the parts inside something begin with.
struct Around<'a> {
    key: String,
    path: Vec<String>,
    layout: Option<&'a Layout>,
    /// Parts seen inside it.
    seen: usize,
}

/// The parts of a data element, each before those inside it.
pub(super) fn parts(view: View<'_>, info: &FieldInfo) -> Vec<Part> {
    let mut parts = Vec::new();
    let Some(layout) = info.layout.as_deref() else { return parts };
    let mut around =
        vec![Around { key: info.de.to_string(), path: Vec::new(), layout: Some(layout), seen: 0 }];
    view.walk_parts(info.de, &mut |node| {
        around.truncate(node.depth);
        let Some(outer) = around.last_mut() else { return };
        outer.seen += 1;
        if node.key == Key::Padding {
            return;
        }
        let own = node.key.to_string();
        let listed = outer.layout.and_then(|layout| layout.parts().iter().find(|sub| sub.key == own));
        let key = format!("{}.{own}", outer.key);
        let mut path = outer.path.clone();
        path.push(position(info.de, &node.key, outer.seen));
        let inner = Around {
            // The parts of an inline one are addressed as if they were its neighbours.
            key: if listed.is_some_and(|sub| sub.inline) { outer.key.clone() } else { key.clone() },
            path: path.clone(),
            layout: inside(outer.layout, &node.key, listed),
            seen: 0,
        };
        parts.push(part(view, info.de, node, key, path, outer.seen));
        around.push(inner);
    });
    parts
}

/// What the standard calls a part: its tag or number, else its position.
fn position(de: u8, key: &Key<'_>, seen: usize) -> String {
    match key {
        Key::Part(key) if de == 48 || key.parse::<u16>().is_ok() => (*key).to_owned(),
        Key::Part(_) => seen.to_string(),
        _ => key.to_string(),
    }
}

/// The layout of what is inside a part of `outer`.
fn inside<'a>(outer: Option<&'a Layout>, key: &Key<'_>, listed: Option<&'a Sub>) -> Option<&'a Layout> {
    let own = listed.and_then(|sub| sub.layout.as_deref());
    match (outer.map(Layout::kind), key) {
        // A list's parts are those of its rows, and a template's the tags of all.
        (Some(Kind::List(_)), Key::Row(_)) => outer,
        (Some(Kind::BerTlv(_)), _) => own.or(outer),
        (Some(Kind::Tagged(tagged)), _) if listed.is_none() => tagged.other.layout.as_deref(),
        _ => own,
    }
}

fn part(view: View<'_>, de: u8, node: &Node<'_>, key: String, path: Vec<String>, seen: usize) -> Part {
    let (tag, sub, name) = match node.key {
        Key::Tag(tag) if node.name.is_empty() => (Some(tag.to_string()), None, "Unknown tag".to_owned()),
        Key::Tag(tag) => (Some(tag.to_string()), None, node.name.to_owned()),
        Key::Part(key) => (None, Some(key.parse().unwrap_or(seen)), node.name.to_owned()),
        Key::Row(row) => (None, Some(usize::from(row)), format!("Row {row}")),
        Key::Bitmap => (None, None, "Bit map".to_owned()),
        Key::Rest | Key::Padding => (None, None, "What fits nothing".to_owned()),
    };
    let bytes = || view.frame().get(node.value.clone()).unwrap_or_default();
    Part {
        depth: node.depth,
        key,
        bytes: tag
            .as_ref()
            .filter(|_| de == 55)
            .map(|_| hex(node.field.map_or_else(bytes, |field| field.data()))),
        tag,
        sub,
        name,
        exact: node.field.map_or_else(|| hex(bytes()), exact),
        path,
        format: node.field.map(|field| *field.format()),
        mask: node.mask,
        whole: node.whole.clone(),
        value: node.value.clone(),
        wrong: node.wrong.map(|(at, reason)| (at, reason.to_string())),
    }
}
