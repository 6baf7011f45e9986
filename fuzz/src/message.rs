//! What holds for every message, right or wrong, in every dialect.

use crate::Input;
use authswitch::wire::tlv::Tlvs;
use authswitch::wire::{
    Accept, Bitmap, Class, Dialect, Encoding, FieldInfo, Length, Message, Mti, Value, View,
};

/// A value that goes into a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

pub type Fields = Vec<(u8, Content)>;

/// Parses with both walks, which must say the same; whether the message is right.
pub fn parse_both_ways(dialect: &Dialect, frame: &[u8], message: &mut Message) -> bool {
    let mut strict = Message::new();
    let mut errors = Vec::new();
    dialect.examine(frame, &mut strict, &mut |error| errors.push(error));
    let fast = dialect.parse(frame, message);
    assert_eq!(fast.err(), errors.first().copied());
    assert_eq!(message.bitmap(), strict.bitmap());
    for de in strict.bitmap() {
        assert_eq!(dialect.view(frame, message).raw(de), dialect.view(frame, &strict).raw(de), "DE {de}");
    }
    for error in &errors {
        assert!(error.offset as usize <= frame.len(), "{error} is behind {} bytes", frame.len());
        assert!(!error.to_string().is_empty());
    }
    errors.is_empty()
}

/// Reads everything there is, which must not panic even where the frame is not the one that was parsed.
pub fn read_all(view: View<'_>) {
    let mut buffer = [0; 10_000];
    for de in view.bitmap() {
        let units = view.units(de);
        if let Some(text) = view.text(de, &mut buffer) {
            assert_eq!(text.len(), units);
        }
        if let Some(bytes) = view.bytes(de, &mut buffer) {
            assert_eq!(bytes.len(), units);
        }
        let digits = view.digits(de, &mut buffer).map(<[u8]>::len);
        assert!(digits.is_none_or(|digits| digits == units));
        // The quick way to a number, and the field's own.
        if let Some(field) = view.field(de) {
            assert_eq!(view.number(de), field.number(), "DE {de}");
        }
    }
    for de in [0, 1, 65, 193, 255] {
        assert!(view.has(de) || view.raw(de).is_none() && view.number(de).is_none());
    }
    if let Some(tags) = view.data(55).map(Tlvs::new) {
        tags.for_each(drop);
    }
}

/// Looking for one data element finds what the parse has.
pub fn find_each(view: View<'_>, right: bool) {
    let (dialect, frame) = (view.dialect(), view.frame());
    for de in 0..=193 {
        match (right, dialect.find(frame, de)) {
            // Behind a field that is not defined, where that is accepted, nothing is read.
            (true, Err(_)) if dialect.accept().undefined => assert!(!view.has(de)),
            (true, found) => assert_eq!(found.unwrap().map(|field| field.data()), view.data(de), "DE {de}"),
            // What the strict walk found right before it met an error it cannot go on behind, the skip finds too.
            (false, Ok(Some(field))) if view.has(de) => {
                assert_eq!(Some(field.data()), view.data(de), "DE {de}")
            }
            (false, Ok(Some(_))) => {}
            (false, Ok(None) | Err(_)) => assert!(!view.has(de), "DE {de}"),
        }
    }
}

/// What was read right can be echoed, and then is a message with the same fields; the same bytes where the dialect takes
/// nothing that is wrong.
pub fn echo(view: View<'_>, right: bool) {
    let dialect = view.dialect();
    let mut out = Vec::new();
    let built = dialect.build(&mut out, view.mti(), Some(view), !Bitmap::EMPTY, &[]);
    if view.mti().version() != dialect.version() {
        return;
    }
    if let Err(error) = built {
        assert!(!right, "{error}");
        return;
    }
    let mut echoed = Message::new();
    assert!(parse_both_ways(dialect, &out, &mut echoed));
    assert_eq!(echoed.bitmap(), view.bitmap());
    if right && dialect.accept() == Accept::default() {
        assert_eq!(out, view.frame());
    }
}

/// Every field of a right message as a value of its own.
pub fn values_of(view: View<'_>) -> Fields {
    let mut buffer = [0; 10_000];
    let mut fields = Fields::new();
    for de in view.bitmap() {
        let text = view.text(de, &mut buffer).map(|text| Content::Text(text.to_vec()));
        let content =
            text.or_else(|| view.bytes(de, &mut buffer).map(|bytes| Content::Bytes(bytes.to_vec())));
        fields.push((de, content.unwrap()));
    }
    fields
}

/// A message of these fields.
pub fn build(dialect: &Dialect, mti: Mti, fields: &Fields) -> Option<Vec<u8>> {
    let own: Vec<_> = fields
        .iter()
        .map(|(de, content)| match content {
            Content::Text(text) => (*de, Value::Text(text)),
            Content::Bytes(bytes) => (*de, Value::Bytes(bytes)),
        })
        .collect();
    let mut out = Vec::new();
    dialect.build(&mut out, mti, None, Bitmap::EMPTY, &own).ok().map(|()| out)
}

/// A message type of the dialect, and fields that go into a message of it.
pub fn made(dialect: &Dialect, input: &mut Input<'_>) -> (Mti, Fields) {
    let mti = input.pick(&[0x0100, 0x0110, 0x0121, 0x0200, 0x0400, 0x0420, 0x0800, 0x0999]);
    let mti = Mti::new(mti | u16::from(dialect.version()) << 12).unwrap();
    let all: Vec<&FieldInfo> = dialect.fields().collect();
    let mut fields = Fields::new();
    let mut at = 0;
    for _ in 0..input.below(40) {
        at += 1 + input.below(12);
        let Some(field) = all.get(at - 1) else { break };
        fields.push((field.de, content(field, input)));
    }
    (mti, fields)
}

/// Every character of a class that reads back as it was written: a track's separator does as `=`.
fn characters(class: Class) -> Vec<u8> {
    (0..=255).filter(|c| class.allows(*c) && !(class == Class::Z && *c == b'D')).collect()
}

fn content(field: &FieldInfo, input: &mut Input<'_>) -> Content {
    let format = field.format;
    let length = match format.length {
        Length::Fixed(units) => usize::from(units),
        Length::Variable { max, .. } | Length::Rest { max } => {
            let max = usize::from(max);
            let length = match input.byte() {
                255 => max.min(700),
                short => usize::from(short).min(max),
            };
            // A length in bytes cannot tell an odd number of digits from their pad.
            let counts_wire = format.prefix().is_some_and(|prefix| prefix.counts_wire());
            let even = format.encoding == Encoding::Bcd && counts_wire && format.pad.nibble <= 9;
            if even && length != max { length / 2 * 2 } else { length }
        }
    };
    let mut given = input.take(length).to_vec();
    given.resize(length, 0);
    if format.class == Class::B {
        return Content::Bytes(given);
    }
    let all = characters(format.class);
    // A character that is allowed stands for itself.
    let allowed = |c: u8| if all.contains(&c) { c } else { all[usize::from(c) % all.len()] };
    let mut text: Vec<u8> = given.into_iter().map(allowed).collect();
    if format.class == Class::Xn
        && let Some((sign, digits)) = text.split_first_mut()
    {
        *sign = if *sign & 1 == 0 { b'C' } else { b'D' };
        digits.iter_mut().for_each(|c| *c = b'0' + *c % 10);
    }
    Content::Text(text)
}
