//! A byte, a line that is a dialect and one of its data elements, a value. Elements of BER-TLV tile their data; the walk over a
//! layout covers every byte of any value; what is composed is found again, by the walk and by address.
#![no_main]

use authswitch::wire::{
    Bitmap, Class, ComposeError, ComposeReason, Dialect, Layout, Message, Mti, Value, View, tlv::Tlvs,
};
use authswitch_fuzz::{Input, compose, walk};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

/// Every field with a layout.
static LAID_OUT: LazyLock<Vec<(Arc<Dialect>, u8)>> = LazyLock::new(|| {
    let dialects = Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name));
    let fields = dialects.flat_map(|dialect| {
        let laid_out: Vec<u8> =
            dialect.fields().filter(|field| field.layout.is_some()).map(|field| field.de).collect();
        laid_out.into_iter().map(move |de| (dialect.clone(), de))
    });
    fields.collect()
});

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mode = input.byte() % 3;
    if mode == 0 {
        return tile(input.rest());
    }
    let (dialect, de) = field(input.until(b'\n'));
    if mode == 1 { any_value(dialect, de, input.rest()) } else { composed(dialect, de, &mut input) }
});

/// The data element that a line like `iso87-bcd 55` names; of other lines any.
fn field(line: &[u8]) -> (&'static Dialect, u8) {
    let named = std::str::from_utf8(line).ok().and_then(|line| line.split_once(' '));
    let is_named = |(dialect, de): &&(Arc<Dialect>, u8)| {
        named.is_some_and(|(name, number)| dialect.name() == name && number.parse() == Ok(*de))
    };
    let sum = line.iter().fold(0usize, |sum, byte| sum * 31 % 65_521 + usize::from(*byte));
    let (dialect, de) = LAID_OUT.iter().find(is_named).unwrap_or(&LAID_OUT[sum % LAID_OUT.len()]);
    (dialect, *de)
}

fn tile(data: &[u8]) {
    let is_padding = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, 0 | 0xFF));
    let mut at = 0;
    for element in Tlvs::new(data) {
        let element = match element {
            Ok(element) => element,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        };
        assert!(is_padding(&data[at..element.offset]));
        at = element.offset + element.length;
        assert!(data[..at].ends_with(element.value));
    }
    assert!(is_padding(&data[at..]));
}

/// A message with this field, read.
fn look(dialect: &Dialect, de: u8, value: Value<'_>, then: impl FnOnce(View<'_>)) {
    let mut frame = Vec::new();
    let mti = Mti::new(u16::from(dialect.version()) << 12 | 0x0100).unwrap();
    if dialect.build(&mut frame, mti, None, Bitmap::EMPTY, &[(de, value)]).is_err() {
        return;
    }
    let mut message = Message::new();
    dialect.parse(&frame, &mut message).unwrap();
    then(dialect.view(&frame, &message));
}

fn any_value(dialect: &Dialect, de: u8, bytes: &[u8]) {
    let format = dialect.field(de).unwrap().format;
    let mut value = bytes[..bytes.len().min(usize::from(format.max_length()))].to_vec();
    if format.class != Class::B {
        let allowed: Vec<u8> = (b' '..=b'~').filter(|c| format.class.allows(*c)).collect();
        let wrong = value.iter_mut().filter(|c| !format.class.allows(**c));
        wrong.for_each(|c| *c = allowed[usize::from(*c) % allowed.len()]);
    }
    let value = if format.class == Class::B { Value::Bytes(&value) } else { Value::Text(&value) };
    look(dialect, de, value, |view| {
        let parts = walk::walk(view, de);
        // What has an address is read by it, at least the first of its key; no address makes it panic.
        for part in parts {
            let Ok(path) = dialect.path(&format!("{de}.{}", part.key)) else { continue };
            let mut room = vec![0; path.room()];
            if let Some(field) = view.sub(&path, &mut room) {
                let _ = walk::show(field);
            }
        }
    });
}

/// Whether parts that fit each may be refused so: they are too much together, or one before the first tag, where that may be
/// absent, begins as a tag does.
fn is_right(error: &ComposeError, layout: &Layout) -> bool {
    match error.reason {
        ComposeReason::Tag => layout.parts().iter().any(|part| part.optional),
        _ => error.to_string().contains("expected at most"),
    }
}

fn composed(dialect: &Dialect, de: u8, input: &mut Input<'_>) {
    let info = dialect.field(de).unwrap();
    let parts = compose::parts(info.layout.as_deref().unwrap(), input);
    let mut expected = Vec::new();
    compose::leaves(&parts, "", &mut expected);
    compose::given(&parts, &mut |given| {
        let mut out = Vec::new();
        let value = match info.compose(given, &mut out) {
            Ok(value) => value,
            Err(error) => return assert!(is_right(&error, info.layout.as_deref().unwrap()), "{error}"),
        };
        look(dialect, de, value, |view| {
            let found = walk::walk(view, de);
            for (key, text) in &expected {
                let is_it = |part: &&walk::Part| part.key == key[1..] && part.value.as_ref() == Some(text);
                assert!(found.iter().find(is_it).is_some(), "{}: {de}{key} {text}", dialect.name());
                assert!(dialect.path(&format!("{de}{key}")).is_ok(), "{de}{key}");
            }
        });
    });
}
