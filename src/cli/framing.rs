//! Framings on the command line: their help, `[LINK=]FRAMING`, and whether one can carry a dialect.

use crate::wire::frame::{Framing, Place, words};
use crate::wire::{Dialect, Encoding};

/// The notation with every word, for `--help`.
pub(super) fn help() -> String {
    let mut text =
        "How messages are told apart, and what stands around each: a header, a length, a header and trailers \
                    joined by +, any of them left out, as in length2-be or length2-bcd+tpdu or stx-etx-lrc.\n"
            .to_owned();
    let mut last = None;
    for word in words() {
        if last.replace(word.place) != Some(word.place) {
            text.push_str(match word.place {
                Place::Length => "\nLengths:\n",
                Place::Header => {
                    "\nHeaders; :HEX or :TEXT, which may be left out, is what a sender writes:\n"
                }
                Place::Trailer => {
                    "\nTrailers; these and headers with -uncounted where the length leaves them out:\n"
                }
            });
        }
        text.push_str(&format!("  {:<18} {}\n", word.form, word.meaning));
    }
    text
}

/// The same for who looks into single messages.
pub(super) fn help_alone() -> String {
    format!(
        "{}\nA header without a length, as opaque8, is the framing of inputs that are one message each.\n",
        help()
    )
}

/// The framings that a command was given, one for all links or `LINK=FRAMING` for each.
pub(super) struct Given<'a>(Vec<(&'a str, Framing)>);

impl Given<'_> {
    /// Reads them; `links` are those that may have one of their own.
    ///
    /// # Errors
    /// A text that is no framing, or a link that is not there.
    pub(super) fn parse<'a>(given: &'a [String], links: &[&str]) -> Result<Given<'a>, String> {
        let one = |text: &'a String| {
            let (link, framing) = text.split_once('=').unwrap_or(("", text));
            if !link.is_empty() && !links.contains(&link) {
                return Err(format!("--framing {text}: no --to names the link {link}"));
            }
            Ok((link, framing.parse().map_err(|error| format!("--framing: {error}"))?))
        };
        Ok(Given(given.iter().map(one).collect::<Result<_, _>>()?))
    }

    /// The framing of a link: its own, the one for all, or the usual one.
    pub(super) fn of(&self, link: &str) -> Framing {
        let find = |name: &str| self.0.iter().find(|(known, _)| *known == name).map(|(_, framing)| *framing);
        find(link).or_else(|| find("")).unwrap_or(Framing::LENGTH2_BE)
    }
}

/// A frame that ends at ETX or a trailer cannot carry bytes of any value.
///
/// # Errors
/// The two do not go together: the reason.
pub(super) fn check(framing: &Framing, dialect: &Dialect) -> Result<(), String> {
    let packed = |encoding| matches!(encoding, Encoding::Binary | Encoding::Bcd);
    if framing.is_delimited() && (packed(dialect.mti_encoding()) || packed(dialect.bitmap_encoding())) {
        return Err(format!(
            "{framing} ends a frame at bytes that messages in {} may have inside: a length is needed",
            dialect.name()
        ));
    }
    Ok(())
}

/// What a framing that ends at ETX or a trailer puts at risk in a dialect of characters: fields of bytes.
pub(super) fn doubt(framing: &Framing, dialect: &Dialect) -> Option<String> {
    let bytes = |encoding| matches!(encoding, Encoding::Binary | Encoding::Bcd);
    let fields = dialect.fields().filter(|field| framing.is_delimited() && bytes(field.format.encoding));
    let list: Vec<String> = fields.map(|field| format!("DE{}", field.de)).collect();
    (!list.is_empty())
        .then(|| format!("what ends a frame may stand in {}: a length is safer", list.join(", ")))
}
