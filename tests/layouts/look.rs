//! A message with one field to look into.

use authswitch::wire::{Bitmap, Class, Dialect, Message, Mti, Value, View};

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The message with this one field: text, or hexadecimal of a binary one.
pub fn frame(dialect: &Dialect, de: u8, value: &str) -> Vec<u8> {
    let binary = dialect.field(de).unwrap().format.class == Class::B;
    let bytes = if binary { unhex(value) } else { value.as_bytes().to_vec() };
    let value = if binary { Value::Bytes(&bytes) } else { Value::Text(&bytes) };
    let mut frame = Vec::new();
    let mti = Mti::new(0x0100).unwrap();
    dialect
        .build(&mut frame, mti, None, Bitmap::EMPTY, &[(de, value)])
        .unwrap_or_else(|error| panic!("{error}"));
    frame
}

pub fn with<T>(dialect: &Dialect, frame: &[u8], look: impl FnOnce(View<'_>) -> T) -> T {
    let mut message = Message::new();
    dialect.parse(frame, &mut message).unwrap_or_else(|error| panic!("{error}"));
    look(dialect.view(frame, &message))
}
