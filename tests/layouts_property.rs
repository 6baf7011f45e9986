//! Layouts on generated values: what is composed is found again by walk and by address, every byte of a value is in a
//! node, and hostile bytes are walked to an end.

#![allow(clippy::unwrap_used)]

#[path = "layouts/dialects.rs"]
mod dialects;

use authswitch::wire::{
    Bitmap, Class, ComposeReason, Dialect, FieldInfo, Format, Given, Key, Kind, Layout, Length, Message, Mti,
    Sub, Tagged, Value,
};
use dialects::{dialect, show};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::sync::{Arc, LazyLock};

static DIALECTS: LazyLock<Vec<Arc<Dialect>>> = LazyLock::new(|| {
    let names = Dialect::builtin_names().iter().chain(&["mds", "vip", "ascii-93", "continued"]);
    names.map(|name| Arc::new(dialect(name))).collect()
});

/// Every field with a layout.
fn laid_out() -> Vec<(Arc<Dialect>, u8)> {
    let of = |dialect: &Arc<Dialect>| {
        let fields = dialect.fields().filter(|field| field.layout.is_some());
        fields.map(|field| (dialect.clone(), field.de)).collect::<Vec<_>>()
    };
    DIALECTS.iter().flat_map(of).collect()
}

/// What goes into a part, owned.
#[derive(Clone, Debug)]
enum Content {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Parts(Vec<(String, Content)>),
}

impl Content {
    /// What a walk finds: keys with dots, and the text or hexadecimal of the parts without parts.
    fn leaves(&self, at: &str, into: &mut Vec<(String, String)>) {
        match self {
            Content::Text(text) => into.push((at.to_owned(), String::from_utf8(text.clone()).unwrap())),
            Content::Bytes(bytes) => {
                into.push((at.to_owned(), bytes.iter().map(|byte| format!("{byte:02X}")).collect()));
            }
            Content::Parts(parts) => {
                parts.iter().for_each(|(key, content)| content.leaves(&format!("{at}.{key}"), into));
            }
        }
    }
}

/// As composing takes it. What it needs for that is never given back: tests are short.
fn given(parts: &Parts) -> &[(&str, Given<'_>)] {
    fn one(content: &Content) -> Given<'_> {
        match content {
            Content::Text(text) => Given::Value(Value::Text(text)),
            Content::Bytes(bytes) => Given::Value(Value::Bytes(bytes)),
            Content::Parts(parts) => Given::Parts(given(parts)),
        }
    }
    Box::leak(parts.iter().map(|(key, content)| (key.as_str(), one(content))).collect())
}

/// Characters of a class that end no part.
fn characters(class: Class) -> Vec<u8> {
    (b' '..=b'~').filter(|c| class.allows(*c) && !b"=^D\\".contains(c)).collect()
}

fn value(format: &Format) -> BoxedStrategy<Content> {
    let max = usize::from(format.max_length());
    let packed = format.encoding.bytes(2) == 1;
    let (least, most, step) = match format.length {
        Length::Fixed(units) => (usize::from(units), usize::from(units), 1),
        // Where nothing says whether the last nibble is a pad, the digits are even.
        Length::Rest { .. } if packed && format.pad.nibble <= 9 => (1, max.min(12) / 2, 2),
        _ => (1, max.min(12), 1),
    };
    let count = (least..=most.max(least)).prop_map(move |count| (count * step).min(max));
    match format.class {
        Class::B => {
            count.prop_flat_map(|n| prop::collection::vec(any::<u8>(), n)).prop_map(Content::Bytes).boxed()
        }
        Class::Xn => prop::collection::vec(b'0'..=b'9', max - 1)
            .prop_map(|digits| Content::Text([b"C".to_vec(), digits].concat()))
            .boxed(),
        class => {
            // Often digits alone, which tags and lengths are too.
            let digits: Vec<u8> = (b'0'..=b'9').filter(|c| class.allows(*c)).collect();
            let any = characters(class);
            let alphabets = if digits.is_empty() { vec![any] } else { vec![any.clone(), any, digits] };
            (count, select(alphabets))
                .prop_flat_map(|(n, alphabet)| prop::collection::vec(select(alphabet), n))
                .prop_map(Content::Text)
                .boxed()
        }
    }
}

fn part(sub: &Sub) -> BoxedStrategy<Content> {
    match &sub.layout {
        Some(layout) => parts(layout).prop_map(Content::Parts).boxed(),
        None => value(&sub.format),
    }
}

type Parts = Vec<(String, Content)>;

/// All of them, in their order.
fn whole(subs: &[Sub]) -> BoxedStrategy<Parts> {
    let parts: Vec<_> = subs.iter().map(|sub| (Just(sub.key.clone()), part(sub))).collect();
    parts.boxed()
}

/// Those before the first tag, without some of those that may be absent.
fn heads(subs: &[Sub]) -> BoxedStrategy<Parts> {
    let optional: Vec<bool> = subs.iter().map(|sub| sub.optional).collect();
    (whole(subs), prop::collection::vec(prop::bool::weighted(0.75), subs.len()))
        .prop_map(move |(all, picks)| {
            let keeps = optional.iter().zip(picks).map(|(optional, pick)| !optional || pick);
            all.into_iter().zip(keeps).filter(|(_, keep)| *keep).map(|(part, _)| part).collect()
        })
        .boxed()
}

/// Some of them by tag, with a tag nobody lists between them.
fn tagged(known: &[Sub], unknown: &'static [&'static str], other: &Sub) -> BoxedStrategy<Parts> {
    let known: Vec<_> = known.iter().map(|sub| (Just(sub.key.clone()), part(sub)).boxed()).collect();
    let stranger = (select(unknown).prop_map(str::to_owned), part(other)).boxed();
    let any = if known.is_empty() {
        stranger
    } else {
        prop_oneof![4 => proptest::strategy::Union::new(known), 1 => stranger].boxed()
    };
    prop::collection::vec(any, 0..5).boxed()
}

fn parts(layout: &Layout) -> BoxedStrategy<Parts> {
    match layout.kind() {
        Kind::Positional => whole(layout.parts()),
        Kind::List(_) => prop::collection::vec(whole(layout.parts()), 0..4)
            .prop_map(|rows| {
                let numbered = rows.into_iter().enumerate();
                numbered.map(|(index, row)| ((index + 1).to_string(), Content::Parts(row))).collect()
            })
            .boxed(),
        Kind::Bitmap(_) => {
            let picks = prop::collection::vec(any::<bool>(), layout.parts().len());
            (whole(layout.parts()), picks)
                .prop_map(|(all, picks)| {
                    all.into_iter().zip(picks).filter(|(_, pick)| *pick).map(|(part, _)| part).collect()
                })
                .boxed()
        }
        Kind::Tagged(kind) => {
            let (head, known) = layout.parts().split_at(kind.head);
            let unknown: &[&str] = match (kind.tag.class, kind.tag.max_length()) {
                (Class::B, _) => &["C9"],
                (_, 2) => &["99"],
                (_, 3) => &["999"],
                _ => &["9999"],
            };
            (heads(head), tagged(known, unknown, &kind.other))
                .prop_map(|(head, tags)| [head, tags].concat())
                .boxed()
        }
        Kind::BerTlv(other) => {
            let constructed = |sub: &&Sub| u8::from_str_radix(&sub.key[..2], 16).unwrap() & 0x20 == 0;
            let primitive: Vec<Sub> = layout.parts().iter().filter(constructed).cloned().collect();
            let level = tagged(&primitive, &["DF8101", "C1"], other);
            let template = tagged(&primitive, &["DF02"], other)
                .prop_map(|inner| ("71".to_owned(), Content::Parts(inner)));
            (level, prop::option::of(template))
                .prop_map(|(mut level, template)| {
                    level.extend(template);
                    level
                })
                .boxed()
        }
    }
}

/// A message with this field, read.
fn look<T>(
    dialect: &Dialect,
    de: u8,
    value: Value<'_>,
    then: impl FnOnce(authswitch::wire::View<'_>) -> T,
) -> Option<T> {
    let mut frame = Vec::new();
    let mti = Mti::new(u16::from(dialect.version()) << 12 | 0x0100).unwrap();
    dialect.build(&mut frame, mti, None, Bitmap::EMPTY, &[(de, value)]).ok()?;
    let mut message = Message::new();
    dialect.parse(&frame, &mut message).unwrap();
    Some(then(dialect.view(&frame, &message)))
}

/// Walks a field and checks that its nodes are every byte of it, inside each other and in order.
fn walk(view: authswitch::wire::View<'_>, de: u8) -> Vec<(String, String, bool)> {
    let format = view.dialect().field(de).unwrap().format;
    let start = view.offset(de).unwrap() + format.prefix_bytes();
    let end = start + view.data(de).unwrap().len();
    // Packed digits share bytes.
    let slack = usize::from(format.encoding.bytes(2) == 1);
    let (mut at, mut keys, mut found) = (start, Vec::new(), Vec::new());
    let mut around: Vec<std::ops::Range<usize>> = Vec::new();
    view.walk_parts(de, &mut |node| {
        assert!(node.depth >= 1 && node.depth <= keys.len() + 1 && node.depth <= 8);
        keys.truncate(node.depth - 1);
        around.truncate(node.depth - 1);
        if node.depth == 1 {
            assert!(node.whole.start + slack >= at && node.whole.start <= at, "{} at {at}: {node:?}", start);
            at = node.whole.end;
        }
        let outside = around.last().cloned().unwrap_or(start..end);
        assert!(node.whole.start >= outside.start && node.whole.end <= outside.end, "{outside:?} {node:?}");
        assert!(node.value.start >= node.whole.start && node.value.end <= node.whole.end, "{node:?}");
        assert!(node.wrong.is_none_or(|(at, _)| (start..=end).contains(&at)), "{node:?}");
        assert!(
            node.field.is_some() || node.wrong.is_some() || matches!(node.key, Key::Bitmap | Key::Padding)
        );
        keys.push(node.key.to_string());
        around.push(node.value.clone());
        let shown = node.field.map(|field| if node.wrong.is_none() { show(field) } else { String::new() });
        found.push((keys.join("."), shown.unwrap_or_default(), node.wrong.is_some()));
    });
    assert!(at == end || start == end, "the nodes end at {at}, the value at {end}");
    found
}

fn composed() -> impl Strategy<Value = (Arc<Dialect>, u8, Parts)> {
    select(laid_out()).prop_flat_map(|(dialect, de)| {
        let layout = dialect.field(de).unwrap().layout.clone().unwrap();
        (Just(dialect), Just(de), parts(&layout))
    })
}

/// Whether characters begin as a tag, a length and so many characters as it says.
fn seems_tagged(kind: &Tagged, text: &[u8]) -> bool {
    let (tag, prefix) = (usize::from(kind.tag.max_length()), kind.value.prefix_bytes());
    let Some((head, rest)) = text.split_at_checked(tag + prefix) else { return false };
    let (tag, length) = head.split_at(tag);
    let length = std::str::from_utf8(length).ok().and_then(|digits| digits.parse::<usize>().ok());
    let whole = |length: usize| length <= rest.len() && length <= kind.value.max_length().into();
    tag.iter().all(|c| kind.tag.class.allows(*c)) && length.is_some_and(whole)
}

/// Whether parts before the first tag cannot be told from tags, or from each other where one of them is absent:
/// they are written, and a reader who takes for a tag what seems one finds other parts than were written.
/// `None` where the tags alone do not fit.
fn head_is_ambiguous(info: &FieldInfo, parts: &Parts) -> Option<bool> {
    let Some(Kind::Tagged(kind)) = info.layout.as_deref().map(Layout::kind) else { return Some(false) };
    let subs = &info.layout.as_ref().unwrap().parts()[..kind.head];
    if subs.iter().all(|sub| !sub.optional) {
        return Some(false);
    }
    assert!(kind.tag.class != Class::B, "written for tags of characters");
    let (head, tags): (Parts, Parts) =
        parts.iter().cloned().partition(|(key, _)| subs.iter().any(|sub| sub.key == *key));
    let mut text = Vec::new();
    for (key, content) in &head {
        let Content::Text(content) = content else { panic!("written for {key} of characters") };
        text.extend_from_slice(content);
    }
    // Without a head there is none to be taken for a tag.
    info.compose(given(&tags), &mut text).ok()?;
    let (mut at, mut read) = (0, Vec::new());
    for sub in subs {
        let Length::Fixed(units) = sub.format.length else { panic!("written for heads of fixed length") };
        if at < text.len() && !(sub.optional && seems_tagged(kind, &text[at..])) {
            read.push(&sub.key);
            at += usize::from(units);
        }
    }
    Some(!read.into_iter().eq(head.iter().map(|(key, _)| key)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_composed_is_found_again((dialect, de, parts) in composed()) {
        let info = dialect.field(de).unwrap();
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        Content::Parts(parts.clone()).leaves("", &mut expected);
        let ambiguous = head_is_ambiguous(info, &parts);
        let value = match info.compose(given(&parts), &mut out) {
            Ok(value) => value,
            Err(error) => {
                match error.reason {
                    ComposeReason::Tag => prop_assert_eq!(ambiguous, Some(true), "{}", error),
                    // Parts that fit may be too much together.
                    _ => prop_assert!(error.to_string().contains("expected at most"), "{}", error),
                }
                return Ok(());
            }
        };
        prop_assert_eq!(ambiguous, Some(false));
        let units = match value {
            Value::Text(value) | Value::Bytes(value) => value.len(),
            Value::Number(_) => 0,
        };
        let found = look(&dialect, de, value, |view| {
            let found = walk(view, de);
            assert!(found.iter().all(|(_, _, wrong)| !wrong), "{found:?}");
            let mut seen: Vec<&str> = Vec::new();
            for (key, text) in &expected {
                assert!(found.iter().any(|(path, shown, _)| key[1..] == **path && shown == text), "{key} {text}: {found:?}");
                // By its address, where it is the first of its key.
                let path = dialect.path(&format!("{de}{key}")).unwrap();
                let mut room = vec![0; path.room()];
                let outer = &key[..key.rfind('.').unwrap()];
                let again = seen.iter().any(|other| other == key || outer.starts_with(*other))
                    || found.iter().filter(|(path, _, _)| key[1..].starts_with(&**path)).count() > key.matches('.').count();
                if !again {
                    let field = view.sub(&path, &mut room).unwrap_or_else(|| panic!("{path}: {found:?}"));
                    assert_eq!(&show(field), text, "{path}");
                }
                seen.push(key);
            }
        });
        // Only what is too long for the field does not fit, or an odd number of digits whose length counts bytes.
        let packed = info.format.encoding.bytes(2) == 1;
        prop_assert!(found.is_some() || units > usize::from(info.format.max_length()) || packed && units % 2 == 1);
    }

    #[test]
    fn hostile_values_are_walked_to_an_end_and_wholly(
        (dialect, de) in select(laid_out()),
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            // What looks like tags and lengths.
            prop::collection::vec(select(vec![0u8, 1, 2, 4, 0x10, 0x57, 0x5A, 0x70, 0x71, 0x81, 0x82, 0x9F, 0x26, 0xFF]), 0..200),
            // What looks like text.
            prop::collection::vec(select(b"0011223456789=^DCRTA\\ ".to_vec()), 0..200),
        ],
    ) {
        let format = dialect.field(de).unwrap().format;
        let max = usize::from(format.max_length());
        let mut value: Vec<u8> = bytes.into_iter().take(max).collect();
        if format.class != Class::B {
            let allowed: Vec<u8> = (b' '..=b'~').filter(|c| format.class.allows(*c)).collect();
            value.iter_mut().filter(|c| !format.class.allows(**c)).for_each(|c| *c = allowed[usize::from(*c) % allowed.len()]);
        }
        let value = if format.class == Class::B { Value::Bytes(&value) } else { Value::Text(&value) };
        look(&dialect, de, value, |view| walk(view, de));
    }

    #[test]
    fn a_composed_value_with_damage_is_walked_wholly(
        (dialect, de, parts) in composed(),
        damage in prop::collection::vec((any::<Index>(), any::<u8>()), 1..3),
        cut in any::<Index>(),
    ) {
        let info = dialect.field(de).unwrap();
        let mut out = Vec::new();
        let _ = info.compose(given(&parts), &mut out);
        for (at, byte) in damage {
            if !out.is_empty() {
                let at = at.index(out.len());
                out[at] = byte;
            }
        }
        if matches!(info.format.length, Length::Variable { .. }) {
            out.truncate(cut.index(out.len() + 1));
        }
        let value = if info.format.class == Class::B { Value::Bytes(&out) } else { Value::Text(&out) };
        look(&dialect, de, value, |view| walk(view, de));
    }

    /// Addresses are checked, never panicked over.
    #[test]
    fn any_text_is_an_address_or_an_error(
        dialect in select(DIALECTS.clone()),
        text in "(48|55|62|104|54|90|35|[0-9]{1,3})?(\\.([A-Za-z0-9-]{0,6}|9F26|\\PC)){0,10}",
    ) {
        if let Ok(path) = dialect.path(&text) {
            prop_assert_eq!(path.to_string(), text);
        }
    }
}
