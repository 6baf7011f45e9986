//! How a link marks what ISO 8583:1987 has no field for: "partial approval is understood", "this adds to a hold".
//! Networks put such marks into fields of their own; a link's settings name the places. Checked once against the
//! link's dialect, then read without allocating.

use super::{Kind, Marks, Request};
use crate::wire::{
    Bitmap, CountryPlace, Dialect, LONGEST_PLACE as LONGEST, NetworkCode, Path, PathError, View,
};
use zeroize::Zeroizing;

/// Never read for a mark: card number, track and PIN data.
const SENSITIVE: &[u8] = &[2, 35, 36, 45, 52];

/// When a message is marked.
#[derive(Clone, Debug, Default)]
pub enum Marked {
    /// No message is.
    #[default]
    Never,
    /// Every message is.
    Always,
    /// Those that have one of some values at a place.
    At {
        /// The place.
        path: Path,
        /// From which character on it begins with the value; else it is the value.
        skip: Option<usize>,
        /// What may stand there.
        values: Vec<Box<[u8]>>,
    },
}

/// Why the words of a mark mean nothing on a link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongMark {
    /// Not of the notation.
    #[error(
        "{0:?} is not a mark: expected \"never\", \"always\", or PLACE=VALUE, e.g. \"25=06\", \"48.61.1=1\" or \"60@10=1|2\""
    )]
    Words(String),
    /// The place is not one of the dialect.
    #[error(transparent)]
    Place(#[from] PathError),
    /// What stands there is not looked at.
    #[error("{0}: DE{1} is sensitive and is not read for this")]
    Sensitive(String, u8),
    /// Longer than a mark may be.
    #[error("{0}: the place is longer than {LONGEST} bytes")]
    Long(String),
}

impl Marked {
    /// Reads `never`, `always`, `PLACE=VALUE` (several values with `|` between) or `PLACE@N=VALUE`: from the N-th
    /// character on.
    ///
    /// # Errors
    /// Which words or which place are wrong, and what is expected.
    pub fn new(text: &str, dialect: &Dialect) -> Result<Marked, WrongMark> {
        let wrong = || WrongMark::Words(text.to_owned());
        let (place, values) = match text {
            "never" => return Ok(Marked::Never),
            "always" => return Ok(Marked::Always),
            _ => text.split_once('=').ok_or_else(wrong)?,
        };
        let (place, first) = match place.split_once('@') {
            Some((place, first)) => (place, Some(first.parse::<usize>().ok().ok_or_else(wrong)?)),
            None => (place, None),
        };
        if first.is_some_and(|first| !(1..=999).contains(&first)) {
            return Err(wrong());
        }
        let values: Vec<Box<[u8]>> = values.split('|').map(|value| value.as_bytes().into()).collect();
        if values.iter().any(|value| value.is_empty()) {
            return Err(wrong());
        }
        Ok(Marked::At { path: place_of(place, dialect)?, skip: first.map(|first| first - 1), values })
    }

    fn is_set(&self, view: &View<'_>) -> bool {
        match self {
            Marked::Never => false,
            Marked::Always => true,
            Marked::At { path, skip, values } => {
                let (mut room, mut buffer) = ([0; LONGEST], [0; LONGEST]);
                let text = view.has(path.de()).then(|| view.sub(path, &mut room)).flatten();
                let Some(text) = text.and_then(|field| field.text(&mut buffer)) else { return false };
                // From a position on, what follows the value is another's; a whole value is all of it.
                values.iter().any(|value| match skip {
                    None => text.trim_ascii_end() == value.trim_ascii_end(),
                    Some(skip) => text.get(*skip..).is_some_and(|rest| rest.starts_with(value)),
                })
            }
        }
    }
}

fn place_of(text: &str, dialect: &Dialect) -> Result<Path, WrongMark> {
    let path = dialect.path(text)?;
    if SENSITIVE.contains(&path.de()) {
        return Err(WrongMark::Sensitive(text.to_owned(), path.de()));
    }
    if path.room() > LONGEST {
        return Err(WrongMark::Long(text.to_owned()));
    }
    Ok(path)
}

/// All that a link's settings say about reading its messages.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Partial approval is understood.
    pub partial: Marked,
    /// Approval of the purchase without its cash is understood.
    pub purchase_only: Marked,
    /// An estimated amount.
    pub preauthorization: Marked,
    /// Adds to an open authorization.
    pub incremental: Marked,
    /// One of several completions.
    pub several: Marked,
    /// The last of several.
    pub last: Marked,
    /// One of a series.
    pub recurring: Marked,
    /// Where the cash part of a purchase stands; `None` for DE54.
    pub cashback: Option<Path>,
    /// Where the network's reference of a purchase stands; `None` for DE37.
    pub reference: Option<Path>,
    /// By kind, in the order of their numbers: the fields without which a message is answered 30.
    pub mandatory: [Bitmap; 6],
    /// Where the merchant's country stands; the first place that has one counts.
    pub merchant_country: Vec<CountryPlace>,
    /// Where a typed card verification value stands.
    pub card_verification: Vec<Path>,
    /// What DE3 of network management without DE70 stands for.
    pub network_codes: Vec<NetworkCode>,
    /// The place of a chip's cryptogram; `None` where the dialect does not know what is in DE55: all of it then.
    pub cryptogram: Option<Path>,
}

/// The application cryptogram in a chip's data (EMV).
const CRYPTOGRAM: &str = "55.9F26";
/// A typed verification value has three or four digits; networks put a digit or two about its presence before it.
const LEAST_DIGITS: usize = 3;

impl Reading {
    /// What the dialect says itself, beside that an estimated amount is DE25 06.
    ///
    /// # Errors
    /// The dialect has no DE25.
    pub fn standard(dialect: &Dialect) -> Result<Reading, WrongMark> {
        Ok(Reading { preauthorization: Marked::new("25=06", dialect)?, ..Reading::of(dialect) })
    }

    /// What the dialect says; nothing is marked.
    pub fn of(dialect: &Dialect) -> Reading {
        let conventions = dialect.conventions();
        Reading {
            mandatory: conventions.mandatory,
            merchant_country: conventions.merchant_country.clone(),
            card_verification: conventions.card_verification.clone(),
            network_codes: conventions.network_codes.clone(),
            cryptogram: dialect.path(CRYPTOGRAM).ok().filter(|path| path.room() <= LONGEST),
            ..Reading::default()
        }
    }

    /// The first mandatory field that a message of this kind lacks.
    pub(super) fn missing(&self, view: &View<'_>, kind: Kind) -> Option<u8> {
        let mandatory = self.mandatory.get(kind as usize - 1)?;
        (*mandatory & !view.bitmap()).iter().next()
    }

    /// DE70, or what stands for it in DE3.
    pub(super) fn network_code(&self, view: &View<'_>) -> Option<u16> {
        if let Some(code) = view.number(70) {
            return u16::try_from(code).ok();
        }
        let mut room = [0; 6];
        let digits = view.digits(3, &mut room)?;
        let stands = |code: &&NetworkCode| digits.starts_with(code.digits.as_bytes());
        self.network_codes.iter().find(stands).map(|code| code.code)
    }

    /// A place of an amount or a reference: an address, or empty for the standard's own.
    ///
    /// # Errors
    /// The place is not one of the dialect, or is sensitive.
    pub fn place(text: &str, dialect: &Dialect) -> Result<Option<Path>, WrongMark> {
        if text.is_empty() { Ok(None) } else { place_of(text, dialect).map(Some) }
    }

    /// Reads the marks and the reference of a message.
    pub(super) fn read(&self, view: &View<'_>, request: &mut Request) {
        request.preauthorization = self.preauthorization.is_set(view);
        let table = [
            (&self.partial, Marks::PARTIAL),
            (&self.purchase_only, Marks::PURCHASE_ONLY),
            (&self.incremental, Marks::INCREMENTAL),
            (&self.several, Marks::SEVERAL),
            (&self.last, Marks::LAST),
            (&self.recurring, Marks::RECURRING),
        ];
        for (marked, mark) in table {
            if marked.is_set(view) {
                request.marks = request.marks.with(mark);
            }
        }
        let verified = [
            (view.has(52), Marks::PIN),
            (view.has(55) && self.has_cryptogram(view), Marks::CRYPTOGRAM),
            (self.has_card_verification(view, request.entry_mode), Marks::CVV),
            (view.has(64) || view.has(128), Marks::MAC),
        ];
        for (_, mark) in verified.into_iter().filter(|(present, _)| *present) {
            request.marks = request.marks.with(mark);
        }
        if let Some(path) = &self.reference {
            let (mut room, mut buffer) = ([0; LONGEST], [0; LONGEST]);
            let text = view.sub(path, &mut room).and_then(|field| field.text(&mut buffer));
            for (to, from) in request.trace.iter_mut().zip(text.unwrap_or_default()) {
                *to = *from;
            }
        }
    }

    fn has_cryptogram(&self, view: &View<'_>) -> bool {
        let mut room = [0; LONGEST];
        self.cryptogram.as_ref().is_none_or(|path| view.sub(path, &mut room).is_some())
    }

    /// Whether it carries a verification value: a typed one, or the one in a track that DE22 says was read from a stripe.
    fn has_card_verification(&self, view: &View<'_>, entry_mode: u16) -> bool {
        let stripe = matches!(entry_mode / 10, 2 | 80 | 90 | 91) && (view.has(35) || view.has(45));
        stripe || self.card_verification.iter().any(|path| view.has(path.de()) && is_typed(view, path))
    }

    /// The cash part at the link's own place.
    pub(super) fn cashback(&self, view: &View<'_>) -> Option<u64> {
        let mut room = [0; LONGEST];
        view.sub(self.cashback.as_ref()?, &mut room)?.number()
    }
}

/// Whether digits stand there. They are sensitive: looked at, counted, and wiped.
fn is_typed(view: &View<'_>, path: &Path) -> bool {
    let (mut room, mut buffer) = (Zeroizing::new([0; LONGEST]), Zeroizing::new([0; LONGEST]));
    let Some(field) = view.sub(path, &mut room[..]) else { return false };
    let text = field.text(&mut buffer[..]).unwrap_or_default();
    text.iter().filter(|byte| byte.is_ascii_digit()).count() >= LEAST_DIGITS
}
