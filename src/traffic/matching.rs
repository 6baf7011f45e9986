//! By which fields an answer is recognized as the answer of a message: chosen by the user, compared by value. Must not
//! know sockets, nor what the fields mean.

use crate::wire::{Mti, View};
use std::fmt;
use std::str::FromStr;

/// Room for a value that is compared as text; longer ones are compared as they stand on the wire.
const TEXT_BYTES: usize = 256;

/// The fields that an answer has in common with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// The answer's message type is the one that answers the message's (0100 -> 0110).
    pub mti: bool,
    /// Data elements, 2 to 128, each once. An absent one equals an absent one alone.
    pub fields: Vec<u8>,
}

impl Default for Matching {
    /// MTI, DE7, DE11.
    fn default() -> Matching {
        Matching { mti: true, fields: vec![7, 11] }
    }
}

impl FromStr for Matching {
    type Err = String;

    fn from_str(text: &str) -> Result<Matching, String> {
        let wrong = |what: &str| {
            format!(
                "expected `mti` and data elements from 2 to 128 but 39 and 90, with commas between them, as mti,11,41; \
                 found {what}"
            )
        };
        let mut matching = Matching { mti: false, fields: Vec::new() };
        for word in text.split(',').map(str::trim) {
            if word.eq_ignore_ascii_case("mti") && !matching.mti {
                matching.mti = true;
                continue;
            }
            // A message has no DE39, and the DE90 of a replay is rewritten in part.
            let number = word.parse().ok().filter(|de| matches!(de, 2..=38 | 40..=89 | 91..=128));
            match number.filter(|de| !matching.fields.contains(de)) {
                Some(de) => matching.fields.push(de),
                None => return Err(wrong(&format!("`{word}`"))),
            }
        }
        if matching.fields.is_empty() { Err(wrong("no data element")) } else { Ok(matching) }
    }
}

impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mti = self.mti.then(|| "mti".to_owned());
        let words: Vec<_> = mti.into_iter().chain(self.fields.iter().map(u8::to_string)).collect();
        f.write_str(&words.join(","))
    }
}

impl Matching {
    /// The key by which a message with these fields is found; for an answer, `answer` is its own MTI.
    pub(super) fn key(&self, answer: Mti, view: View<'_>) -> FlightKey {
        let start = self.start(answer);
        self.fields.iter().fold(start, |key, de| key.with(hash_of(view, *de)))
    }

    /// The key before the first field.
    pub(super) fn start(&self, answer: Mti) -> FlightKey {
        // The repeat bit is cleared: a repeat's answer is its original's.
        FlightKey(if self.mti { u64::from(answer.bcd() >> 4) } else { 0 })
    }
}

/// What an answer carries of its message, in one number: a hash, so that two messages under way may share one by a
/// chance of one in 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct FlightKey(u64);

impl FlightKey {
    /// The key with one more field, given as the hash of its value.
    pub(super) fn with(self, value: u64) -> FlightKey {
        FlightKey(mix(self.0.rotate_left(5) ^ value))
    }
}

fn mix(number: u64) -> u64 {
    // The finish of SplitMix64: every bit of the input reaches every bit of the result.
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// The hash of a value in ASCII characters or in bytes.
pub(super) fn hash(value: &[u8]) -> u64 {
    value.chunks(8).fold(0x9E37_79B9_7F4A_7C15 ^ value.len() as u64, |hash, chunk| {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        mix(hash ^ u64::from_le_bytes(bytes)).wrapping_add(0x9E37_79B9_7F4A_7C15)
    })
}

/// The hash of a field; 0 where it is absent. Encoding and trailing fill make no difference.
pub(super) fn hash_of(view: View<'_>, de: u8) -> u64 {
    with_value(view, de, |value| value.map_or(0, hash))
}

/// Gives a field's value as it is compared; `None` where it is absent.
pub(super) fn with_value<T>(view: View<'_>, de: u8, then: impl FnOnce(Option<&[u8]>) -> T) -> T {
    let mut room = [0; TEXT_BYTES];
    match view.text(de, &mut room) {
        Some(text) => then(Some(text.trim_ascii_end())),
        None => then(view.data(de)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::wire::{Bitmap, Dialect, Message, Value};

    #[test]
    fn fields_are_read_and_written() {
        for text in ["mti,7,11", "11,41", "37", "mti,2,128"] {
            assert_eq!(text.parse::<Matching>().unwrap().to_string(), text);
        }
        assert_eq!("mti,7,11".parse(), Ok(Matching::default()));
        for text in ["", "mti", "1", "129", "11,11", "mti,mti,11", "DE11", "39", "90", "11,,41"] {
            assert!(text.parse::<Matching>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_depends_on_the_values_of_the_chosen_fields_alone() {
        let key = |dialect: &str, matching: &str, mti: u16, fields: &[(u8, &str)]| {
            let dialect = Dialect::builtin(dialect).unwrap();
            let own: Vec<_> = fields.iter().map(|(de, text)| (*de, Value::Text(text.as_bytes()))).collect();
            let (mut out, mut message) = (Vec::new(), Message::new());
            dialect.build(&mut out, Mti::new(mti).unwrap(), None, Bitmap::default(), &own).unwrap();
            dialect.parse(&out, &mut message).unwrap();
            let matching: Matching = matching.parse().unwrap();
            matching.key(dialect.view(&out, &message).mti().response(), dialect.view(&out, &message))
        };
        let sale = [(7, "0115123456"), (11, "000007"), (41, "TERM0001")];
        for dialect in ["iso87-ascii", "iso87-bcd"] {
            let answer = |matching, mti, fields: &[(u8, &str)]| {
                key(dialect, matching, 0x0100, &sale) == key("iso87-ascii", matching, mti, fields)
            };
            assert!(answer("mti,7,11", 0x0110, &sale) && answer("mti,7,11", 0x0101, &sale));
            assert!(!answer("mti,7,11", 0x0210, &sale) && answer("7,11", 0x0210, &sale));
            assert!(!answer("mti,7,11", 0x0110, &sale[1..]) && answer("mti,11", 0x0110, &sale[1..]));
            assert!(!answer("11,41", 0x0110, &[(11, "000007"), (41, "TERM0002")]));
            assert!(answer("11,41", 0x0110, &sale[1..]));
        }
    }
}
