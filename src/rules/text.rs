//! A short text that a message brings, small enough to copy. Must not know where it comes from.

use crate::message::hide_card_numbers;
use std::fmt;

/// At most 31 printable ASCII characters. What stands in fields padded with spaces is kept without the padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text {
    /// Zero behind the text, so that comparing the arrays orders as comparing the texts does.
    bytes: [u8; Text::LONGEST],
    length: u8,
}

impl Text {
    /// Characters that a text holds.
    pub const LONGEST: usize = 31;
    /// No characters: what an absent field is.
    pub const EMPTY: Text = Text { bytes: [0; Text::LONGEST], length: 0 };

    /// A field's value: spaces at the end go, what is not printable ASCII becomes `?`, what is longer is cut.
    #[must_use]
    pub fn of_field(value: &[u8]) -> Text {
        let end = value.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
        Text::exact(&value[..end])
    }

    fn exact(value: &[u8]) -> Text {
        let mut text = Text::EMPTY;
        for (slot, byte) in text.bytes.iter_mut().zip(value) {
            *slot = if (b' '..=b'~').contains(byte) { *byte } else { b'?' };
        }
        text.length = value.len().min(Text::LONGEST) as u8;
        text
    }

    /// A text of a rule file, or why no message can bring it, nor anything that begins or ends with it.
    pub(super) fn of_rule(value: &str) -> Result<Text, String> {
        if let Some(character) = value.chars().find(|c| !(' '..='~').contains(c)) {
            return Err(format!("texts are printable ASCII, not {character:?}"));
        }
        if value.len() > Text::LONGEST {
            return Err(format!("texts have at most {} characters, not {}", Text::LONGEST, value.len()));
        }
        // As messages bring it.
        let mut value = value.as_bytes().to_vec();
        hide_card_numbers(&mut value);
        Ok(Text::exact(&value))
    }

    /// Whether a message can bring it, or why not.
    pub(super) fn can_be_whole(&self) -> Result<(), String> {
        match self.as_bytes().last() {
            Some(b' ') => Err("no text of a message ends in a space: padding is taken off".to_owned()),
            _ => Ok(()),
        }
    }

    /// The characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// No characters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Default for Text {
    fn default() -> Text {
        Text::EMPTY
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_goes_and_order_is_that_of_the_characters() {
        assert_eq!(Text::of_field(b"SHOP 7         ").as_str(), "SHOP 7");
        assert_eq!(Text::of_field(b"    "), Text::EMPTY);
        assert_eq!(Text::of_field(b"caf\xE9\n").as_str(), "caf??");
        assert_eq!(Text::of_field(&[b'x'; 40]).as_bytes(), [b'x'; 31]);
        let sorted = ["", " a", "A", "A ?", "AB", "a", "aa", "b"];
        let texts = sorted.map(|text| Text::of_field(text.as_bytes()));
        assert!(texts.is_sorted());
    }

    #[test]
    fn a_rule_names_only_what_a_message_can_bring() {
        for wrong in ["é", "line\nfeed", &"x".repeat(32)] {
            assert!(Text::of_rule(wrong).is_err(), "{wrong:?}");
        }
        assert!(Text::of_rule("pad ").is_ok_and(|text| text.can_be_whole().is_err()));
        let masked = Text::of_field(b"371449*****8431");
        assert_eq!(Text::of_rule("371449635398431"), Ok(masked));
        assert_eq!(Text::of_rule(" in the middle").map(|text| text.as_str().len()), Ok(14));
    }
}
