//! Dialects for property tests: those that come with the program, and ones put together at random from the parts that a
//! dialect file may name, so that each part meets each other.

#![allow(dead_code, clippy::unwrap_used)]

mod toml;

use authswitch::wire::{Class, Dialect, Encoding, FieldInfo, Length, Mti};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::sync::Arc;
use toml::{BYTES, Choice, DIGITS, FLAGS, LENGTHS, PADS, TEXT};

#[derive(Clone, Debug)]
pub enum Content {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

pub type Fields = Vec<(u8, Content)>;

/// The TOML of a dialect with a field of each class, fixed and variable, odd and even, in each bit map.
pub fn composed_toml() -> impl Strategy<Value = String> {
    let encodings = (
        select(&DIGITS[..]),
        select(&BYTES[..]),
        select(&LENGTHS[..]),
        select(&DIGITS[..]),
        select(&TEXT[..]),
    );
    let pads = (select(&PADS[..]), select(&PADS[..]));
    let length = (any::<bool>(), prop::bool::weighted(0.3));
    let maps = (any::<bool>(), any::<bool>());
    let accept = prop_oneof![3 => Just(Vec::new()), 1 => subsequence(FLAGS.to_vec(), 0..=5)];
    (encodings, select(&BYTES[..]), pads, length, maps, accept).prop_map(
        |((digits, bitmap, length, mti, text), bytes, pads, (counts_wire, inclusive), maps, accept)| {
            let (fixed_bitmaps, third_bitmap) = maps;
            let choice = Choice {
                mti,
                bitmap,
                length,
                digits,
                text,
                bytes,
                pads,
                counts_wire,
                inclusive,
                fixed_bitmaps,
                third_bitmap,
                accept,
            };
            choice.toml()
        },
    )
}

fn composed() -> impl Strategy<Value = Arc<Dialect>> {
    composed_toml().prop_map(|toml| {
        let dialect = Dialect::from_toml(&toml, "composed.toml");
        Arc::new(dialect.unwrap_or_else(|error| panic!("{error}\n{toml}")))
    })
}

pub fn dialects() -> impl Strategy<Value = Arc<Dialect>> {
    let builtin = select(Dialect::builtin_names()).prop_map(|name| Dialect::builtin(name).unwrap());
    prop_oneof![builtin, composed()]
}

/// Every character of a class that reads back as it was written.
fn characters(class: Class) -> Vec<u8> {
    // `=` is how a separator reads back, whether it was written as `=` or `D`.
    (0..=255).filter(|c| class.allows(*c) && !(class == Class::Z && *c == b'D')).collect()
}

pub fn content(field: &FieldInfo) -> BoxedStrategy<Content> {
    let format = field.format;
    let (least, most) = match format.length {
        Length::Fixed(units) => (usize::from(units), usize::from(units)),
        Length::Variable { max, .. } | Length::Rest { max } => (0, usize::from(max)),
    };
    // Lengths near both ends, and short ones in between, where most stretches of a message are. A length in bytes
    // cannot tell an odd number of digits from their pad.
    let counts_wire = format.prefix().is_some_and(|prefix| prefix.counts_wire());
    let even = format.encoding == Encoding::Bcd && counts_wire && format.pad.nibble <= 9;
    // A message of forty fields of this length fits into 65,535 bytes.
    let cap = most.min(700);
    let length = prop_oneof![least..=cap, least..=cap.min(least + 20), Just(cap)]
        .prop_map(move |n| if even && n != most { n / 2 * 2 } else { n });
    match format.class {
        Class::B => {
            length.prop_flat_map(|n| prop::collection::vec(any::<u8>(), n)).prop_map(Content::Bytes).boxed()
        }
        Class::Xn => (select(b"CD".as_slice()), prop::collection::vec(b'0'..=b'9', most - 1))
            .prop_map(|(sign, digits)| Content::Text([vec![sign], digits].concat()))
            .boxed(),
        class => length
            .prop_flat_map(move |n| prop::collection::vec(select(characters(class)), n))
            .prop_map(Content::Text)
            .boxed(),
    }
}

/// A dialect, a message type of its version, and fields.
pub fn messages() -> impl Strategy<Value = (Arc<Dialect>, Mti, Fields)> {
    let types = [0x0100, 0x0110, 0x0121, 0x0200, 0x0400, 0x0420, 0x0800, 0x0999];
    (dialects(), select(types.to_vec())).prop_flat_map(|(dialect, bcd)| {
        let mti = Mti::new(bcd | u16::from(dialect.version()) << 12).unwrap();
        let all: Vec<u8> = dialect.fields().map(|field| field.de).collect();
        let primary: Vec<u8> = all.iter().copied().filter(|de| *de <= 64).collect();
        // Everyday messages, and any fields at all.
        let numbers = prop_oneof![subsequence(primary, 0..=20), subsequence(all, 0..=38)];
        numbers.prop_flat_map(move |numbers| {
            let dialect = dialect.clone();
            let fields: Vec<_> =
                numbers.into_iter().map(|de| (Just(de), content(dialect.field(de).unwrap()))).collect();
            fields.prop_map(move |fields| (dialect.clone(), mti, fields))
        })
    })
}
