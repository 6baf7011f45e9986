//! EMV tags in words: values of DE55, each by itself. Never a tag with card data. Knows no other data element.

use super::table::{Rows, Scheme, Words, say, unhex};
use super::{bits, country, currency, entry, merchant, processing, response, time};

/// A tag's value (hexadecimal) in words; the tag in upper-case hexadecimal. `None` for card data above all:
/// PAN, tracks, names, expiry.
pub(super) fn tag(scheme: Option<Scheme>, tag: &str, value: &str) -> Words {
    match tag {
        "82" | "95" | "9B" | "9F33" | "9F66" => bits::line(tag, value),
        "4F" | "84" | "9F06" => application(value),
        "50" | "9F12" | "9F1E" => printed(value),
        "5F25" | "9A" => time::time("YMD", value, ""),
        "5F28" | "9F1A" => digits(value, 4).and_then(country::country),
        "5F2A" => digits(value, 4).and_then(currency::currency),
        "5F30" => super::pieces::service(digits(value, 4)?.strip_prefix('0')?),
        "5F34" => Some(format!("sequence number {}", digits(value, 2)?).into()),
        "5F36" => Some(format!("{} decimals", digits(value, 2)?.strip_prefix('0')?).into()),
        "8A" => authorisation_response(scheme, value),
        "9C" => processing::kind(scheme, value),
        "9F10" => issuer_data(scheme, value),
        "9F15" => merchant::category(value),
        "9F21" => time::time("hms", value, ""),
        "9F27" => cryptogram(value),
        "9F34" => verification(value),
        "9F35" => say(TERMINALS, value),
        "9F36" => counter(value),
        "9F39" => entry::pan_entry(scheme, value),
        _ => None,
    }
}

/// A value that is `length` decimal digits.
fn digits(value: &str, length: usize) -> Option<&str> {
    (value.len() == length && value.bytes().all(|c| c.is_ascii_digit())).then_some(value)
}

/// An application identifier: the product where it is known, else whose it is.
fn application(value: &str) -> Words {
    let within = (10..=32).contains(&value.len()) && value.len().is_multiple_of(2);
    let upper = value.to_ascii_uppercase();
    let known = APPLICATIONS.iter().filter(|(prefix, _)| within && upper.starts_with(prefix));
    known.max_by_key(|(prefix, _)| prefix.len()).map(|(_, name)| (*name).into())
}

/// Text that the value's bytes spell. Not where it has a row of digits that might be of a card.
fn printed(value: &str) -> Words {
    let bytes = unhex(value).filter(|bytes| (1..=16).contains(&bytes.len()))?;
    let plain = bytes.iter().all(|c| c.is_ascii_graphic() || *c == b' ');
    let digits = bytes.iter().filter(|c| c.is_ascii_digit()).count();
    let text = String::from_utf8(bytes).ok()?;
    (plain && digits <= 8 && !text.trim().is_empty()).then(|| format!("\"{}\"", text.trim()).into())
}

/// Two characters: one of the terminal's own, else DE39 of ISO 8583:1987.
fn authorisation_response(scheme: Option<Scheme>, value: &str) -> Words {
    let code = String::from_utf8(unhex(value)?).ok()?;
    match code.as_str() {
        "Y1" => Some("approved offline".into()),
        "Y3" => Some("approved offline, unable to go online".into()),
        "Z1" => Some("declined offline".into()),
        "Z3" => Some("declined offline, unable to go online".into()),
        code => response::response(scheme, code),
    }
}

/// Each network lays out its own: Visa's begins with its length, 06, for formats 0, 1 and 3; Mastercard's (M/Chip)
/// is told by its length.
fn issuer_data(scheme: Option<Scheme>, value: &str) -> Words {
    let data = unhex(value)?;
    match (scheme?, data.as_slice()) {
        (Scheme::Visa, [6, key, version, ..]) if (7..=32).contains(&data.len()) => {
            Some(format!("cryptogram version {version}, key index {key}").into())
        }
        (Scheme::Mastercard, [key, version, ..]) if matches!(data.len(), 18 | 20 | 26 | 28) => {
            Some(format!("cryptogram version {version:02X} (hex), key index {key}").into())
        }
        _ => None,
    }
}

fn cryptogram(value: &str) -> Words {
    let [byte] = *unhex(value)?.as_slice() else { return None };
    let kind = match byte >> 6 {
        0 => "AAC (declined)",
        1 => "TC (approved)",
        2 => "ARQC (asks to go online)",
        _ => return Some("reserved kind of cryptogram".into()),
    };
    let advice = if byte & 8 == 0 { "" } else { ", advice required" };
    let reason = match byte & 7 {
        1 => ", service not allowed",
        2 => ", PIN tries exceeded",
        3 => ", issuer authentication failed",
        _ => "",
    };
    Some(format!("{kind}{advice}{reason}").into())
}

/// Method, condition, result (EMV Book 4 annex A4; methods and conditions in Book 3 annex C3).
fn verification(value: &str) -> Words {
    let [method, condition, result] = *unhex(value)?.as_slice() else { return None };
    let said = match method & 0x3F {
        0x00 => "fail verification",
        0x01 => "plain PIN to the chip",
        0x02 => "enciphered PIN online",
        0x03 => "plain PIN to the chip and signature",
        0x04 => "enciphered PIN to the chip",
        0x05 => "enciphered PIN to the chip and signature",
        0x1E => "signature",
        0x1F => "no verification required",
        0x3F => "no verification performed",
        0x20..=0x3E => "a network's or issuer's own method",
        _ => "another method",
    };
    let condition = match condition {
        // Also what stands there when nothing was performed.
        0x00 => "",
        0x01 => ", if unattended cash",
        0x02 => ", if not cash nor cash back",
        0x03 => ", if the terminal supports it",
        0x04 => ", if manual cash",
        0x05 => ", if purchase with cash back",
        0x06 => ", if under amount X",
        0x07 => ", if over amount X",
        0x08 => ", if under amount Y",
        0x09 => ", if over amount Y",
        _ => ", other condition",
    };
    let result = match result {
        0 => "unknown",
        1 => "failed",
        2 => "successful",
        _ => "reserved",
    };
    Some(format!("{said}{condition}: {result}").into())
}

fn counter(value: &str) -> Words {
    let [high, low] = *unhex(value)?.as_slice() else { return None };
    Some(format!("transaction {} of the card", u16::from_be_bytes([high, low])).into())
}

/// Who runs the terminal, whether attended, what it can do alone (EMV Book 4 annex A1).
const TERMINALS: &Rows = &[
    ("11", "bank's, attended, online only"),
    ("12", "bank's, attended, offline with online capability"),
    ("13", "bank's, attended, offline only"),
    ("14", "bank's, unattended, online only"),
    ("15", "bank's, unattended, offline with online capability"),
    ("16", "bank's, unattended, offline only"),
    ("21", "merchant's, attended, online only"),
    ("22", "merchant's, attended, offline with online capability"),
    ("23", "merchant's, attended, offline only"),
    ("24", "merchant's, unattended, online only"),
    ("25", "merchant's, unattended, offline with online capability"),
    ("26", "merchant's, unattended, offline only"),
    ("34", "cardholder's, unattended, online only"),
    ("35", "cardholder's, unattended, offline with online capability"),
    ("36", "cardholder's, unattended, offline only"),
];

/// Ten digits are a registered provider, more one of its products; the longest that fits is said.
const APPLICATIONS: &Rows = &[
    ("A000000003", "Visa"),
    ("A0000000031010", "Visa credit or debit"),
    ("A0000000032010", "Visa Electron"),
    ("A0000000032020", "V PAY"),
    ("A0000000038010", "Plus"),
    ("A000000004", "Mastercard"),
    ("A0000000041010", "Mastercard credit or debit"),
    ("A0000000043060", "Maestro"),
    ("A0000000046000", "Cirrus"),
    ("A000000025", "American Express"),
    ("A000000042", "CB (Cartes Bancaires)"),
    ("A000000065", "JCB"),
    ("A000000098", "Visa US common debit"),
    ("A000000121", "Dankort"),
    ("A000000141", "PagoBANCOMAT"),
    ("A000000152", "Discover or Diners Club"),
    ("A000000277", "Interac"),
    ("A000000324", "Discover"),
    ("A000000333", "UnionPay"),
    ("A000000333010101", "UnionPay debit"),
    ("A000000333010102", "UnionPay credit"),
    ("A000000333010103", "UnionPay quasi-credit"),
    ("A000000359", "girocard"),
    ("A000000524", "RuPay"),
    ("A000000658", "Mir"),
    ("A000000672", "Troy"),
];

#[cfg(test)]
mod tests {
    use super::super::table::check;
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        [TERMINALS, APPLICATIONS].into_iter().for_each(check);
    }
}
