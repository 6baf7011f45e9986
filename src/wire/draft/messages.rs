//! What files say of messages, put together and held against the dialect's fields. Knows no TOML.

use super::super::bitmap::Bitmap;
use super::super::conventions::{Conventions, CountryPlace, LONGEST, NetworkCode};
use super::super::dialect::Dialect;
use super::super::layout::Path;
use std::ops::Range;

/// A text, the place to blame for it, and whether the file at hand says it itself.
type Said = (String, Range<usize>, bool);

/// What is said of messages; `None` is not said.
#[derive(Default)]
pub(in crate::wire) struct DraftMessages {
    pub mandatory: [Option<Bitmap>; 6],
    pub merchant_country: Option<Vec<Said>>,
    pub card_verification: Option<Vec<Said>>,
    pub network_codes: Vec<NetworkCode>,
    pub cannot_verify: [Option<[u8; 2]>; 4],
}

/// The acquirer's country, which is the merchant's only where a link's setting says so.
const ACQUIRER_COUNTRY: u8 = 19;

impl DraftMessages {
    /// Whether no file says anything.
    pub fn is_empty(&self) -> bool {
        self.mandatory.iter().all(Option::is_none)
            && self.merchant_country.is_none()
            && self.card_verification.is_none()
            && self.network_codes.is_empty()
            && self.cannot_verify.iter().all(Option::is_none)
    }

    /// Held against the dialect's fields. A place of a file that the dialect extends is left out where the dialect has
    /// another layout there: what nobody can point at is not known.
    pub fn compile(self, dialect: &Dialect, blame: &mut dyn FnMut(Range<usize>, String)) -> Conventions {
        let mut conventions = Conventions::default();
        for (to, from) in conventions.mandatory.iter_mut().zip(self.mandatory) {
            *to = from.unwrap_or_default();
        }
        for (to, from) in conventions.cannot_verify.iter_mut().zip(self.cannot_verify) {
            *to = from.unwrap_or(*to);
        }
        conventions.network_codes = self.network_codes;
        let mut kept = |found: Result<(), String>, at: Range<usize>, own: bool| match found {
            Err(reason) if own => blame(at, reason),
            _ => {}
        };
        for (text, at, own) in self.merchant_country.unwrap_or_default() {
            let found = CountryPlace::new(&text, dialect).map_err(|wrong| wrong.to_string());
            let found = found.and_then(|place| match place.path.de() {
                ACQUIRER_COUNTRY => {
                    Err("DE 19 is the acquirer's country: only a link's setting makes it the merchant's"
                        .into())
                }
                _ => Ok(place),
            });
            kept(found.map(|place| conventions.merchant_country.push(place)), at, own);
        }
        for (text, at, own) in self.card_verification.unwrap_or_default() {
            let found: Result<Path, String> = dialect.path(&text).map_err(|wrong| wrong.to_string());
            let found = found.and_then(|path| match path.room() {
                0..=LONGEST => Ok(path),
                _ => Err(format!("{text}: the place is longer than {LONGEST} bytes")),
            });
            kept(found.map(|path| conventions.card_verification.push(path)), at, own);
        }
        conventions
    }
}
