//! `[messages]` of dialect files: mandatory fields, places and codes that the standard leaves to networks. Knows no message.

use super::super::conventions::{MESSAGE_KINDS, NETWORK_WORDS, NetworkCode, VERIFIED_DATA};
use super::super::dialect::Dialect;
use super::super::draft::{Draft, DraftMessages};
use super::{Node, Reader, integer};
use crate::wire::Bitmap;

const KEYS: [&str; 5] =
    ["mandatory", "merchant_country", "card_verification", "network_codes", "cannot_verify"];
/// The file that a dialect of version 0 has these from that says nothing itself.
const STANDARD: &str = "messages87";

impl Reader {
    /// What ISO 8583:1987 says, where the files of a dialect of 1987 do not.
    pub(super) fn complete_messages(&mut self, draft: &mut Draft) {
        if draft.version == Some(0)
            && draft.messages.is_empty()
            && let Some(standard) = Dialect::builtin_source(STANDARD)
        {
            let mut base = Draft::default();
            self.inherited = Some(0..0);
            self.read_file(standard, &mut base, 1);
            self.inherited = None;
            draft.messages = base.messages;
        }
    }

    pub(super) fn read_messages(&mut self, value: Node, draft: &mut Draft) {
        for (key, value) in self.table(value) {
            let messages = &mut draft.messages;
            match self.known(key, &KEYS) {
                Some("mandatory") => self.read_mandatory(value, messages),
                Some("merchant_country") => messages.merchant_country = Some(self.places(value)),
                Some("card_verification") => messages.card_verification = Some(self.places(value)),
                Some("network_codes") => messages.network_codes = self.network_codes(value),
                Some("cannot_verify") => self.read_cannot_verify(value, messages),
                _ => {}
            }
        }
    }

    fn read_mandatory(&mut self, value: Node, messages: &mut DraftMessages) {
        for (key, value) in self.table(value) {
            let Some(kind) = self.known(key, &MESSAGE_KINDS) else { continue };
            let index = MESSAGE_KINDS.iter().position(|known| *known == kind).unwrap_or_default();
            let mut set = Bitmap::EMPTY;
            for item in self.items(value) {
                match integer(item.get_ref()).and_then(|de| u8::try_from(de).ok()) {
                    Some(de @ 2..=192) => set.insert(de),
                    _ => self.blame(item.span(), "expected the number of a data element, 2 to 192"),
                }
            }
            messages.mandatory[index] = Some(set);
        }
    }

    /// Texts with the place to blame for each, and whether it is the file's own.
    fn places(&mut self, value: Node) -> Vec<(String, std::ops::Range<usize>, bool)> {
        let own = self.inherited.is_none();
        let items = self.items(value);
        items.iter().filter_map(|item| Some((self.text(item)?, self.at(item.span()), own))).collect()
    }

    fn network_codes(&mut self, value: Node) -> Vec<NetworkCode> {
        let mut codes = Vec::new();
        for (key, value) in self.table(value) {
            let digits = key.get_ref();
            if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|c| c.is_ascii_digit()) {
                self.blame(key.span(), "expected the first digits of DE 3, 1 to 6");
            } else if let Some(code) = self.one_of(value, &NETWORK_WORDS) {
                codes.push(NetworkCode { digits: digits.to_string(), code });
            }
        }
        // The longest that fits counts.
        codes.sort_by_key(|code| std::cmp::Reverse(code.digits.len()));
        codes
    }

    fn read_cannot_verify(&mut self, value: Node, messages: &mut DraftMessages) {
        for (key, value) in self.table(value) {
            let Some(what) = self.known(key, &VERIFIED_DATA) else { continue };
            let Some(text) = self.text(value) else { continue };
            let index = VERIFIED_DATA.iter().position(|known| *known == what).unwrap_or_default();
            let legal = |code: &[u8; 2]| code.iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
            // What approves, and what says that the PIN was wrong, would be a lie.
            let lie = matches!(text.as_str(), "00" | "08" | "10" | "11" | "16" | "55" | "85" | "87");
            match <[u8; 2]>::try_from(text.as_bytes()).ok().filter(legal) {
                Some(code) if !lie => messages.cannot_verify[index] = Some(code),
                _ => self.blame(
                    value.span(),
                    "expected a DE 39 of two digits or capital letters that declines and does not say that the PIN was \
                     wrong (55), e.g. \"86\"",
                ),
            }
        }
    }

    fn items<'a, 'b>(&mut self, value: Node<'a, 'b>) -> &'a [toml::Spanned<toml::de::DeValue<'b>>] {
        match value.get_ref().as_array() {
            Some(items) => items,
            None => {
                self.blame(value.span(), format!("expected a list, found {}", value.get_ref().type_str()));
                &[]
            }
        }
    }
}
