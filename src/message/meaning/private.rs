//! Fields that Visa and Mastercard lay out for themselves: DE44, DE48 and DE53, as far as values are public. Knows
//! no other field; card verification values (DE48 subelement 92) have no words.

use super::response;
use super::table::{Rows, Scheme, Words, join, say};

/// DE44: Visa's by position; Mastercard's names the field that a format error is about.
pub(super) fn response_data(scheme: Option<Scheme>, path: &[&str], value: &str) -> Words {
    match (scheme?, path) {
        (Scheme::Visa, []) => {
            let piece =
                |(number, first, last): (&str, usize, usize)| visa_response(number, value.get(first..last)?);
            let said: Vec<_> = [("1", 0, 1), ("2", 1, 2), ("5", 4, 5), ("10", 9, 10), ("11", 10, 12)]
                .into_iter()
                .filter_map(piece)
                .collect();
            join(&said)
        }
        (Scheme::Visa, [number]) => visa_response(number, value),
        (Scheme::Mastercard, []) => {
            let field = value.get(..3).filter(|digits| digits.bytes().all(|c| c.is_ascii_digit()))?;
            let field: u8 = field.parse().ok().filter(|field| (1..=128).contains(field))?;
            Some(format!("may name the faulty field: DE {field}").into())
        }
        _ => None,
    }
}

fn visa_response(number: &str, value: &str) -> Words {
    match number {
        "1" => say(VISA_SOURCES, value),
        "2" => say(ADDRESS_RESULTS, value),
        "5" => say(&[("1", "CVV failed"), ("2", "CVV passed")], value),
        "10" => say(CODE_RESULTS, value),
        "11" => Some(format!("original answer: {}", response::response(Some(Scheme::Visa), value)?).into()),
        _ => None,
    }
}

const VISA_SOURCES: &Rows = &[
    ("1", "stand-in, issuer timed out"),
    ("2", "stand-in, below the issuer's limit"),
    ("3", "stand-in, issuer in suppressed inquiry mode"),
    ("4", "stand-in"),
    ("5", "answered by the issuer"),
];

const ADDRESS_RESULTS: &Rows = &[
    ("A", "address matches, postal code does not"),
    ("N", "neither address nor postal code matches"),
    ("R", "address verification: try again"),
    ("S", "address verification not supported"),
    ("U", "address verification: no data"),
    ("Y", "address and postal code match"),
    ("Z", "postal code matches, address does not"),
];

/// CVV2 and CVC2 results.
const CODE_RESULTS: &Rows = &[
    ("M", "card's printed code matches"),
    ("N", "card's printed code does not match"),
    ("P", "card's printed code not processed"),
    ("S", "card's printed code should be on the card"),
    ("U", "card's printed code not verifiable by the issuer"),
];

/// Mastercard's DE48: `TCC` for the transaction category code, a subelement's number, or that and a subfield's.
pub(super) fn additional_data(path: &[&str], value: &str) -> Words {
    match path {
        // The category code is the first character.
        [] => say(CATEGORIES, value.get(..1)?),
        ["TCC"] => say(CATEGORIES, value),
        ["20"] => say(&[("P", "PIN, online"), ("S", "signature, PIN offline, or none")], value),
        // With or without the subfield's own number and length.
        ["42"] | ["42", "1" | "01"] => say(SECURITY_LEVELS, value.strip_prefix("0103").unwrap_or(value)),
        ["61"] => {
            let flag = |index: usize| condition(index + 1, value.get(index..=index)?);
            let said: Vec<_> = (0..5).filter_map(flag).filter(|_| value.len() == 5).collect();
            join(&said).or_else(|| (value == "00000").then(|| "no condition set".into()))
        }
        ["61", number] => condition(number.parse().ok()?, value).map(Into::into),
        ["83"] => say(ADDRESS_RESULTS, value),
        ["84"] => say(ADVICE_CODES, value),
        ["87"] if value == "Y" => Some("CVC of the magnetic stripe invalid".into()),
        ["87"] => say(CODE_RESULTS, value),
        _ => None,
    }
}

/// The point of service's extended conditions, where set.
fn condition(number: usize, value: &str) -> Option<&'static str> {
    match (number, value) {
        (1, "1") => Some("partial approval supported"),
        (2, "1") => Some("purchase-only approval supported"),
        (3, "1") => Some("amounts verified in real time"),
        (4, "1") => Some("fraud scoring requested"),
        (5, "1") => Some("final authorization"),
        _ => None,
    }
}

const CATEGORIES: &Rows = &[
    ("C", "cash"),
    ("P", "payment"),
    ("R", "retail"),
    ("T", "mail, telephone or electronic order"),
    ("U", "unique (quasi-cash)"),
    ("X", "travel"),
    ("Z", "hotel"),
];

const SECURITY_LEVELS: &Rows =
    &[("210", "no 3-D Secure"), ("211", "3-D Secure, attempted"), ("212", "3-D Secure, fully authenticated")];

const ADVICE_CODES: &Rows = &[
    ("01", "new account information available"),
    ("02", "cannot approve now, try again later"),
    ("03", "do not try again"),
    ("21", "payment cancelled"),
    ("24", "try again after 1 hour"),
    ("25", "try again after 24 hours"),
    ("26", "try again after 2 days"),
    ("27", "try again after 4 days"),
    ("28", "try again after 6 days"),
    ("29", "try again after 8 days"),
    ("30", "try again after 10 days"),
];

/// DE53 of ISO 8583:1987 as Visa lays it out; zeros are left out. Its values beyond these are not public.
pub(super) fn security(scheme: Option<Scheme>, value: &str) -> Words {
    if scheme != Some(Scheme::Visa) || value.len() != 16 || !value.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let algorithm = (&value[2..4] == "01").then(|| "DES".to_owned());
    let block = (&value[4..6] == "01").then(|| "PIN block ISO format 0".to_owned());
    let key = (&value[6..8] != "00").then(|| format!("zone key {}", &value[6..8]));
    let said: Vec<_> = [algorithm, block, key].into_iter().flatten().collect();
    join(&said)
}

#[cfg(test)]
mod tests {
    use super::super::table::check;
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        let tables = [VISA_SOURCES, ADDRESS_RESULTS, CODE_RESULTS, CATEGORIES, SECURITY_LEVELS, ADVICE_CODES];
        tables.into_iter().for_each(check);
    }
}
