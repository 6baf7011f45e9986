//! Layouts as dialect files state them, and their compilation for each kind of value that holds them: whole and
//! consistent, or the reasons why not. Knows no TOML.

use super::super::field::{Class, Encoding, Format, Length, Mask, Pad};
use super::super::layout::{BitMaps, DEEPEST, Kind, Layout, Sub, Tag, Tagged, encoding_inside, is_decoded};
use super::{Defaults, Draft, DraftFormat, DraftLength, DraftValue, Extent, Placed};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What the files say of a layout.
#[derive(Default)]
pub(in super::super) struct DraftLayout {
    pub kind: DraftKind,
    pub encodings: BTreeMap<&'static str, Encoding>,
    pub length: DraftLength,
    pub pad: Option<Pad>,
    pub tag: Option<DraftFormat>,
    pub value: Option<DraftFormat>,
    pub bitmap: Option<DraftFormat>,
    pub continues: Option<DraftFormat>,
    pub head: Vec<DraftSub>,
    pub parts: Vec<DraftSub>,
    pub other: Option<DraftSub>,
}

/// How the parts are arranged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum DraftKind {
    #[default]
    Positional,
    List,
    Bitmap,
    Tagged,
    BerTlv,
}

impl DraftKind {
    /// Whether the parts' order says nothing, so that a file may add some to those it inherits.
    pub fn is_keyed(self) -> bool {
        matches!(self, DraftKind::Bitmap | DraftKind::Tagged | DraftKind::BerTlv)
    }

    /// Whether values are behind tags and lengths of the layout.
    fn has_tags(self) -> bool {
        matches!(self, DraftKind::Tagged | DraftKind::BerTlv)
    }
}

/// What the files say of a part.
#[derive(Clone)]
pub(in super::super) struct DraftSub {
    pub key: String,
    pub at: Range<usize>,
    pub name: Option<String>,
    pub value: DraftValue,
    pub mask: Mask,
    pub layout: Option<Placed<String>>,
    pub until: Option<u8>,
    pub absent: Option<u8>,
    pub inline: bool,
    pub optional: bool,
}

/// What parts are read from.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Holder {
    class: Class,
    /// Of its characters.
    encoding: Encoding,
    decoded: bool,
}

impl Holder {
    fn new(format: &Format) -> Holder {
        Holder { class: format.class, encoding: encoding_inside(format), decoded: is_decoded(format) }
    }

    fn is_bytes(self) -> bool {
        self.class == Class::B
    }
}

/// The compiled layouts, each once for every kind of value that holds it.
pub(super) struct Layouts<'d> {
    draft: &'d Draft,
    done: Vec<(&'d str, Holder, Arc<Layout>)>,
    /// Those in the middle of being compiled.
    open: Vec<&'d str>,
    mistakes: Vec<Placed<String>>,
}

type Wrong = Placed<String>;

impl<'d> Layouts<'d> {
    pub fn new(draft: &'d Draft) -> Layouts<'d> {
        Layouts { draft, done: Vec::new(), open: Vec::new(), mistakes: Vec::new() }
    }

    pub fn into_mistakes(self) -> Vec<(Range<usize>, String)> {
        self.mistakes.into_iter().map(|(reason, at)| (at, reason)).collect()
    }

    /// The layout for what is inside a value of this format; `None` after a mistake.
    pub fn compile(
        &mut self,
        (name, at): &Placed<String>,
        format: &Format,
        depth: usize,
    ) -> Option<Arc<Layout>> {
        match self.find(name, at, format, depth) {
            Ok(layout) => Some(layout),
            Err((reason, at)) => {
                let names =
                    if reason.is_empty() { String::new() } else { format!("layout {name}: {reason}") };
                // Nothing to say of a part whose own layout has said it.
                if !reason.is_empty() {
                    self.mistakes.push((names, at));
                }
                None
            }
        }
    }

    fn find(
        &mut self,
        name: &str,
        at: &Range<usize>,
        format: &Format,
        depth: usize,
    ) -> Result<Arc<Layout>, Wrong> {
        let holder = Holder::new(format);
        let wrong = |reason: String| (reason, at.clone());
        let Some((name, (layout, layout_at))) = self.draft.layouts.get_key_value(name) else {
            let known = self.draft.layouts.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(wrong(format!("there is none: expected one of {known}")));
        };
        if self.open.contains(&name.as_str()) || depth > DEEPEST {
            return Err(wrong(format!("layouts hold each other without end, or over {DEEPEST} deep")));
        }
        if holder.class == Class::Xn {
            return Err(wrong("a signed amount has no parts".to_owned()));
        }
        let same = |(other, kind, _): &&(&str, Holder, _)| *other == name && *kind == holder;
        let compiled = match self.done.iter().find(same) {
            Some((_, _, layout)) => layout.clone(),
            None => {
                self.open.push(name);
                let built = self.build(name, layout, layout_at, holder, depth);
                self.open.pop();
                let built = Arc::new(built?);
                self.done.push((name, holder, built.clone()));
                built
            }
        };
        check_length(&compiled, format).map_err(wrong)?;
        Ok(compiled)
    }

    fn build(
        &mut self,
        name: &str,
        draft: &'d DraftLayout,
        at: &Range<usize>,
        holder: Holder,
        depth: usize,
    ) -> Result<Layout, Wrong> {
        let wrong = |reason: &str| (reason.to_owned(), at.clone());
        let format = |format: Option<DraftFormat>, what: &str| {
            let value = DraftValue { format, ..DraftValue::default() };
            self.format(draft, holder, &value).map_err(|reason| wrong(&format!("{what}: {reason}")))
        };
        let mut other = None;
        let mut heads = 0;
        let kind = match draft.kind {
            DraftKind::Positional | DraftKind::List => Kind::Positional,
            DraftKind::Bitmap => {
                let first = format(draft.bitmap, "bitmap")?;
                let more = draft.continues.map(|more| format(Some(more), "continues")).transpose()?;
                for map in [Some(first), more].into_iter().flatten() {
                    if map.class != Class::B || !matches!(map.length, Length::Fixed(1..=16)) {
                        return Err(wrong("expected a bitmap of 1 to 16 bytes, as \"b 8\""));
                    }
                }
                Kind::Bitmap(BitMaps { first, more })
            }
            DraftKind::BerTlv if !holder.is_bytes() => {
                return Err(wrong("BER-TLV is inside bytes: expected a field of class b"));
            }
            DraftKind::BerTlv => {
                let class =
                    DraftFormat { class: Class::B, extent: Extent::Open, length: u32::from(u16::MAX) };
                let sub = self.other(draft, class, at, holder, depth)?;
                other = Some(sub.clone());
                Kind::BerTlv(Box::new(sub))
            }
            DraftKind::Tagged => {
                let (tag, value) = (format(draft.tag, "tag")?, format(draft.value, "value")?);
                check_tag(&tag, &value).map_err(wrong)?;
                let open = DraftFormat {
                    class: value.class,
                    extent: Extent::Open,
                    length: value.max_length().into(),
                };
                let sub = self.other(draft, open, at, holder, depth)?;
                other = Some(sub.clone());
                heads = draft.head.len();
                Kind::Tagged(Box::new(Tagged { head: heads, tag, value, other: sub }))
            }
        };
        let parts = self.parts(draft, &kind, heads, other.as_ref(), holder, depth)?;
        if parts.is_empty() && !draft.kind.has_tags() {
            return Err(wrong("expected parts"));
        }
        let strictest = parts.iter().chain(&other).map(strictest).max().unwrap_or_default();
        let layout = Layout { name: name.to_owned(), kind, parts, strictest };
        Ok(if draft.kind == DraftKind::List { listed(layout, holder) } else { layout })
    }

    /// The parts: those before the first tag, then the others, behind tags sorted by key.
    fn parts(
        &mut self,
        draft: &'d DraftLayout,
        kind: &Kind,
        heads: usize,
        other: Option<&Sub>,
        holder: Holder,
        depth: usize,
    ) -> Result<Vec<Sub>, Wrong> {
        let drafts: Vec<_> = draft.head.iter().chain(&draft.parts).collect();
        let mut parts: Vec<Sub> = Vec::with_capacity(drafts.len());
        for (index, sub) in drafts.iter().enumerate() {
            let wrong = |reason: String| (format!("part {}: {reason}", sub.key), sub.at.clone());
            if parts.iter().any(|known| known.key == sub.key) {
                return Err(wrong("this key is there twice".to_owned()));
            }
            let tagged = index >= heads && draft.kind.has_tags();
            check_key(kind, &sub.key, tagged).map_err(wrong)?;
            if sub.optional && index >= heads {
                return Err(wrong("optional is for parts before the first tag".to_owned()));
            }
            let last = !tagged && index + 1 == drafts.len();
            let part = self.part(draft, sub, other.filter(|_| tagged), holder, depth)?;
            check_extent(&part, tagged, last, holder).map_err(wrong)?;
            parts.push(part);
        }
        if draft.kind.has_tags()
            && let Some(tagged) = parts.get_mut(heads..)
        {
            tagged.sort_by(|a, b| a.key.cmp(&b.key));
        }
        Ok(parts)
    }

    /// What is read of unknown tags.
    fn other(
        &mut self,
        draft: &'d DraftLayout,
        open: DraftFormat,
        at: &Range<usize>,
        holder: Holder,
        depth: usize,
    ) -> Result<Sub, Wrong> {
        let plain = DraftSub {
            key: "other".to_owned(),
            at: at.clone(),
            name: Some(String::new()),
            value: DraftValue::default(),
            mask: Mask::Open,
            layout: None,
            until: None,
            absent: None,
            inline: false,
            optional: false,
        };
        let mut sub = draft.other.clone().unwrap_or(plain);
        sub.value.format = sub.value.format.or(Some(open));
        sub.name.get_or_insert_default();
        let part = self.part(draft, &sub, None, holder, depth)?;
        check_extent(&part, true, false, holder).map_err(|reason| (format!("other: {reason}"), sub.at))?;
        Ok(part)
    }

    fn part(
        &mut self,
        draft: &'d DraftLayout,
        sub: &DraftSub,
        other: Option<&Sub>,
        holder: Holder,
        depth: usize,
    ) -> Result<Sub, Wrong> {
        let wrong = |reason: String| (format!("part {}: {reason}", sub.key), sub.at.clone());
        let format = match other {
            Some(other) if sub.value.format.is_none() => other.format,
            _ => self.format(draft, holder, &sub.value).map_err(wrong)?,
        };
        let character = |character: u8| format.encoding.byte(character);
        let layout = match &sub.layout {
            // Said already what is wrong with it.
            Some(named) => Some(self.compile(named, &format, depth + 1).ok_or((String::new(), 0..0))?),
            None if sub.inline => return Err(wrong("inline is for a part with a layout".to_owned())),
            None => None,
        };
        Ok(Sub {
            key: sub.key.clone(),
            name: sub.name.clone().unwrap_or_else(|| sub.key.clone()),
            format,
            mask: sub.mask,
            layout: layout.or_else(|| other.and_then(|other| other.layout.clone())),
            until: sub.until.map(character),
            absent: sub.absent.map(character),
            inline: sub.inline,
            optional: sub.optional,
        })
    }

    /// Inside characters everything is characters of the same encoding, inside bytes what the dialect says of each
    /// class; where the layout says nothing else.
    fn format(&self, draft: &DraftLayout, holder: Holder, value: &DraftValue) -> Result<Format, String> {
        let encoding = |what: &str| {
            let own = match (what, holder.encoding) {
                ("b", Encoding::Ascii) if !holder.is_bytes() => Some(Encoding::Hex),
                ("b", _) if !holder.is_bytes() => Some(Encoding::EbcdicHex),
                _ if !holder.is_bytes() => Some(holder.encoding),
                ("b", _) => Some(Encoding::Binary),
                _ => self.draft.stated(what),
            };
            draft.encodings.get(what).copied().or(own)
        };
        let pad = |what: &str| draft.pad.or(self.draft.pads.get(what).copied());
        let (length, accept) = (draft.length, self.draft.accept);
        let format = Defaults { encoding: &encoding, length, pad: &pad, accept }.compile_format(value)?;
        let characters = matches!(format.encoding, Encoding::Ascii | Encoding::Hex);
        if holder.decoded && !holder.is_bytes() && !characters {
            return Err("what is inside packed digits is read as ASCII characters".to_owned());
        }
        Ok(format)
    }
}

fn strictest(sub: &Sub) -> Mask {
    sub.layout.as_ref().map_or(sub.mask, |layout| sub.mask.max(layout.strictest))
}

/// The list of which a layout is one row.
fn listed(row: Layout, holder: Holder) -> Layout {
    let encoding = if holder.is_bytes() { Encoding::Binary } else { holder.encoding };
    // Proven: a holder's own class and encoding, or bytes.
    let row_format = Format {
        class: holder.class,
        length: Length::Rest { max: u16::MAX },
        encoding,
        pad: Pad { side: super::Side::Left, nibble: 0 },
        fill: super::Fill::SPACES,
        accept: super::Accept::default(),
    };
    let (name, strictest) = (row.name.clone(), row.strictest);
    let sub = Sub {
        key: String::new(),
        name: String::new(),
        format: row_format,
        mask: Mask::Open,
        layout: Some(Arc::new(row)),
        until: None,
        absent: None,
        inline: false,
        optional: false,
    };
    Layout { name, kind: Kind::List(Box::new(sub)), parts: Vec::new(), strictest }
}

fn check_tag(tag: &Format, value: &Format) -> Result<(), &'static str> {
    let most = if tag.class == Class::B { Tag::MOST / 2 } else { Tag::MOST };
    if tag.class == Class::Xn || !matches!(tag.length, Length::Fixed(units) if usize::from(units) <= most) {
        return Err("expected a tag of fixed length, at most eight characters or four bytes");
    }
    let plain = value.encoding.bytes(2) == 2 && value.class != Class::Z;
    if value.prefix().is_none() || !plain {
        return Err("expected value to be a length and characters or bytes, as \"ans..99\" or \"b...999\"");
    }
    Ok(())
}

fn check_key(kind: &Kind, key: &str, tagged: bool) -> Result<(), String> {
    let plain = key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    if key.is_empty() || key.len() > 32 || !plain {
        return Err("expected a key of letters, digits and hyphens".to_owned());
    }
    match kind {
        Kind::Bitmap(maps) => {
            let number = key.parse().ok().filter(|number: &u32| number.to_string() == key);
            number.filter(|number| maps.has(*number)).map(|_| ()).ok_or_else(|| match &maps.more {
                None => format!("expected a bit, 1 to {}", maps.first.max_length() * 8),
                Some(_) => format!(
                    "expected a bit, 1 to {}, other than those that say that another bit map follows",
                    BitMaps::MOST * 8
                ),
            })
        }
        Kind::Tagged(layout) if tagged => match layout.tag_of(key) {
            Some(tag) if tag.as_str() == key => Ok(()),
            _ => Err(format!("expected a tag of {} {}", layout.tag.max_length(), layout.tag.class.unit())),
        },
        Kind::BerTlv(_) => match Tag::from_text(key.as_bytes()).filter(Tag::is_ber) {
            Some(_) if key == key.to_ascii_uppercase() => Ok(()),
            _ => Err("expected a tag of BER-TLV in upper-case hexadecimal, as 95 or 9F26".to_owned()),
        },
        _ => Ok(()),
    }
}

/// Whether it is known where a part ends.
fn check_extent(part: &Sub, tagged: bool, last: bool, holder: Holder) -> Result<(), String> {
    let open = matches!(part.format.length, Length::Rest { .. });
    let (marked, byte_each) = (part.until.or(part.absent).is_some(), part.format.encoding.bytes(2) == 2);
    if tagged && part.format.prefix().is_some() {
        return Err(
            "its length stands behind its tag: expected a format as \"n 6\" or \"ans to 99\"".to_owned()
        );
    }
    if marked && (tagged || !byte_each) {
        return Err("until and absent are for characters by position".to_owned());
    }
    if part.until.is_some() && !open {
        return Err("until is for a format as \"ans to 99\"".to_owned());
    }
    if open && !tagged && !last && part.until.is_none() {
        return Err("nothing says where it ends: expected until, or that it is the last part".to_owned());
    }
    if part.format.class == Class::Z
        && !holder.decoded
        && !tagged
        && part.format.encoding == Encoding::Bcd
        && open
    {
        return Err("packed track data needs a length".to_owned());
    }
    Ok(())
}

/// Parts by position must be as long together as a value of fixed length.
fn check_length(layout: &Layout, format: &Format) -> Result<(), String> {
    let (Length::Fixed(units), Kind::Positional) = (format.length, &layout.kind) else { return Ok(()) };
    let mut sum = 0;
    let mut open = false;
    for part in &layout.parts {
        match part.format.length {
            Length::Fixed(units) => sum += part.format.wire_bytes(usize::from(units)),
            Length::Variable { .. } => open = true,
            Length::Rest { .. } => open = true,
        }
    }
    let units = usize::from(units);
    if sum == units || open && sum <= units {
        return Ok(());
    }
    Err(format!("the parts are {sum} long together, not {units} as what holds them"))
}
