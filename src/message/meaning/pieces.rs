//! Values that hold several things by position: additional amounts, original and replacement data, the service code.
//! Knows how the standards cut them, and no message.

use super::table::{Rows, Words, find, join, say};
use super::{country, currency, kind, processing, time};

/// DE54: up to six groups of 20 characters, of 21 in 2003; with a path one group alone.
pub(super) fn additional_amounts(version: u8, path: &[&str], value: &str) -> Words {
    let length = if version == 2 { 21 } else { 20 };
    let groups = value.len() / length;
    let fits = value.len().is_multiple_of(length) && if path.is_empty() { groups <= 6 } else { groups == 1 };
    if !fits || path.len() > 1 {
        return None;
    }
    let said: Vec<_> = (0..groups)
        .filter_map(|group| value.get(group * length..(group + 1) * length))
        .map(|group| additional_amount(version, group).unwrap_or_else(|| "not readable".to_owned()))
        .collect();
    if said.iter().all(|words| words == "not readable") { None } else { join(&said) }
}

/// Account type, kind of amount, currency (in 2003 its decimals), sign, amount.
fn additional_amount(version: u8, group: &str) -> Option<String> {
    let (account, rest) = group.split_at_checked(2)?;
    let (kind, rest) = rest.split_at_checked(2)?;
    let (code, rest) = rest.split_at_checked(3)?;
    let (currency, account) = (currency::find(code)?, processing::account(version, account)?);
    let (minor, rest) = match version {
        2 => (rest.get(..1)?.parse().ok()?, rest.get(1..)?),
        _ => (currency.minor?, rest),
    };
    let sign = match rest.get(..1)? {
        "C" => "",
        "D" => "-",
        _ => return None,
    };
    let amount = currency::decimal(rest.get(1..)?, minor, currency.code)?;
    let kind = match find(AMOUNTS, kind) {
        Some(words) => words.to_owned(),
        None => format!("amount of type {kind}"),
    };
    Some(format!("{kind} {sign}{amount}, {account}"))
}

const AMOUNTS: &Rows = &[
    ("01", "current balance"),
    ("02", "available balance"),
    ("03", "amount owing"),
    ("04", "amount due"),
    ("05", "available credit"),
    ("10", "healthcare amount"),
    ("20", "remaining this cycle"),
    ("40", "cash back"),
    ("41", "goods and services"),
    ("42", "may be surcharge"),
    ("44", "may be gratuity"),
    ("57", "original amount"),
    ("80", "may be gratuity"),
    ("81", "may be tax"),
    ("90", "available credit"),
    ("91", "credit limit"),
];

/// DE90 of 1987, DE56 of 1993 and 2003, whole or a piece: 1 message type, 2 trace number, 3 date and time,
/// 4 acquiring and 5 (1987) forwarding institution. What is all zeros is unknown to the sender.
pub(super) fn original(version: u8, path: &[&str], value: &str) -> Words {
    let (stan, moment) = match version {
        0 => (6, "MDhms"),
        1 => (6, "YMDhms"),
        _ => (12, "CYMDhms"),
    };
    let zone = if version == 0 { " UTC" } else { "" };
    match path {
        ["1"] => kind::of_digits(value).map(Into::into),
        ["3"] => time::time(moment, value, zone),
        [] => {
            let (type_, rest) = value.split_at_checked(4)?;
            let (trace, rest) = rest.split_at_checked(stan)?;
            let (date, rest) = rest.split_at_checked(moment.len() * 2)?;
            if !value.bytes().all(|c| c.is_ascii_digit()) || (version == 0) != (rest.len() == 22) {
                return None;
            }
            let zero = |digits: &str| digits.bytes().all(|c| c == b'0');
            let words = kind::of_digits(type_).filter(|_| !zero(type_));
            let words = words.as_deref().and_then(|words| words.split(" (").next()).map(str::to_owned);
            let trace =
                short(trace).filter(|trace| !zero(trace)).map(|trace| format!("trace number {trace}"));
            let said = [words, trace, time::time(moment, date, zone).map(Into::into)];
            let said: Vec<String> = said.into_iter().flatten().collect();
            join(&said).or_else(|| Some("original unknown".into()))
        }
        _ => None,
    }
}

/// A trace number in six digits; one of 2003 that needs more is left to the value itself.
fn short(trace: &str) -> Option<&str> {
    let (fill, six) = trace.split_at_checked(trace.len().checked_sub(6)?)?;
    fill.bytes().all(|c| c == b'0').then_some(six)
}

/// DE95 of ISO 8583:1987, whole: the amounts need their currencies, but none is a full reversal.
pub(super) fn replacement(path: &[&str], value: &str) -> Words {
    let blank = value.bytes().all(|c| matches!(c, b'0' | b' ' | b'C' | b'D'));
    (path.is_empty() && value.len() == 42 && blank).then(|| "no amount remains: full reversal".into())
}

/// DE30 of ISO 8583:2003: two amounts that hold their currencies; with a path one alone.
pub(super) fn original_amounts_2003(path: &[&str], value: &str) -> Words {
    match (path, value.len()) {
        (["1" | "2"], 16) => currency::amount_2003(value).map(Into::into),
        ([], 32) => {
            let (first, second) = value.split_at_checked(16)?;
            let said: Vec<_> = [first, second].into_iter().filter_map(currency::amount_2003).collect();
            join(&said)
        }
        _ => None,
    }
}

/// DE40 and tag 5F30: three digits.
pub(super) fn service(value: &str) -> Words {
    if value.len() != 3 {
        return None;
    }
    let first = find(SERVICE_AREAS, &value[..1])?;
    let second = find(SERVICE_AUTHORIZATIONS, &value[1..2])?;
    let third = find(SERVICE_LIMITS, &value[2..])?;
    Some(format!("{first}, {second}, {third}").into())
}

const SERVICE_AREAS: &Rows = &[
    ("1", "international"),
    ("2", "international with chip"),
    ("5", "national"),
    ("6", "national with chip"),
    ("7", "private"),
    ("9", "test"),
];

const SERVICE_AUTHORIZATIONS: &Rows = &[
    ("0", "normal authorization"),
    ("2", "authorization by the issuer"),
    ("4", "authorization by the issuer unless agreed otherwise"),
];

const SERVICE_LIMITS: &Rows = &[
    ("0", "no limits, PIN required"),
    ("1", "no limits"),
    ("2", "goods and services only"),
    ("3", "ATM only, PIN required"),
    ("4", "cash only"),
    ("5", "goods and services only, PIN required"),
    ("6", "no limits, PIN where there is a PIN pad"),
    ("7", "goods and services only, PIN where there is a PIN pad"),
];

/// DE66 of ISO 8583:1987.
pub(super) fn settlement(value: &str) -> Words {
    say(&[("1", "in balance"), ("2", "out of balance"), ("3", "error")], value)
}

/// DE91 of ISO 8583:1987.
pub(super) fn file_update(value: &str) -> Words {
    say(&[("1", "add"), ("2", "update"), ("3", "delete"), ("5", "inquiry")], value)
}

/// DE38: an approval code says nothing but that there is one.
pub(super) fn approval(value: &str) -> Words {
    let none = value.bytes().all(|c| c == b' ') || value.bytes().all(|c| c == b'0');
    (value.len() == 6 && none).then(|| "no approval code".into())
}

/// DE43 of ISO 8583:1993: its last three characters are the country.
pub(super) fn acceptor_1993(value: &str) -> Words {
    let (_, last) = value.len().checked_sub(3).and_then(|at| value.split_at_checked(at))?;
    let (place, _) = value.rsplit_once('\\')?;
    // Behind the third backslash: postal code of ten, region of three, country of three.
    let whole = place.matches('\\').count() == 2 && value.len() - place.len() - 1 == 16;
    if whole { country::country(last.trim_end()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::table::check;
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        [AMOUNTS, SERVICE_AREAS, SERVICE_AUTHORIZATIONS, SERVICE_LIMITS].into_iter().for_each(check);
    }
}
