//! DE3, the processing code: what is done, and with which accounts. Tag 9C holds its first two digits.

use super::table::{ALL, LONGEST, MASTERCARD, Scheme, SchemeRows, VISA, Words, choose};
use std::borrow::Cow;

/// DE3, whole (`path` empty) or a piece of it: 1 transaction type, 2 account from, 3 account to.
pub(super) fn code(version: u8, scheme: Option<Scheme>, path: &[&str], value: &str) -> Words {
    match path {
        ["1"] => kind(scheme, value),
        ["2" | "3"] => account(version, value),
        [] if value.len() == 6 => {
            let (type_, from, to) = (&value[..2], &value[2..4], &value[4..]);
            let (kind, said) = (kind(scheme, type_)?, |code| account(version, code));
            let debits = matches!(type_.as_bytes()[0], b'0' | b'1' | b'4' | b'5');
            let words: Cow<'static, str> = match (from, to) {
                ("00", "00") => format!("{kind}, default account").into(),
                // Credits have their account second by the standard, first by some switches; inquiries have one.
                (_, "00") if debits => format!("{kind}, from {}", said(from)?).into(),
                (_, "00") => format!("{kind}, {}", said(from)?).into(),
                ("00", _) => format!("{kind}, to {}", said(to)?).into(),
                _ => format!("{kind}, from {}, to {}", said(from)?, said(to)?).into(),
            };
            // Two accounts of no assigned type behind long words: their numbers say as much.
            Some(if words.len() > LONGEST {
                format!("{kind}, accounts {from} and {to}").into()
            } else {
                words
            })
        }
        _ => None,
    }
}

/// The first two digits.
pub(super) fn kind(scheme: Option<Scheme>, value: &str) -> Words {
    if value.len() != 2 || !value.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    choose(KINDS, scheme, value).or_else(|| {
        Some(Cow::Borrowed(match value.as_bytes()[0] {
            b'0' | b'1' => "reserved or private type (debits the cardholder)",
            b'2' => "reserved or private type (credits the cardholder)",
            b'3' => "reserved or private type (inquiry)",
            b'4' => "reserved or private type (transfer)",
            b'5' => "reserved or private type (payment)",
            b'6' => "reserved or private type (electronic purse)",
            b'7' => "reserved or private type (administrative)",
            b'8' => "type reserved for ISO",
            _ => "private type",
        }))
    })
}

/// An account type, of DE3 or DE54.
pub(super) fn account(version: u8, value: &str) -> Words {
    Some(Cow::Borrowed(match value {
        "00" => "default account",
        "10" => "savings account",
        "20" => "cheque account",
        "30" => "credit account",
        "40" => "universal account",
        "50" => "investment account",
        // New in 1993.
        "60" if version > 0 => "electronic purse account",
        _ if value.len() != 2 || !value.bytes().all(|c| c.is_ascii_digit()) => return None,
        _ if value.starts_with('9') => "account of a private type",
        _ => "account of a reserved or private type",
    }))
}

const KINDS: &SchemeRows = &[
    ("00", ALL, "purchase"),
    ("01", ALL, "cash withdrawal or cash advance"),
    ("02", ALL, "debit adjustment"),
    ("03", ALL, "cheque guarantee"),
    ("04", ALL, "cheque verification"),
    ("05", ALL, "eurocheque"),
    ("06", ALL, "traveller's cheque"),
    ("07", ALL, "letter of credit"),
    ("08", ALL, "giro"),
    ("09", ALL, "purchase with cash back"),
    ("10", ALL, "non-cash financial instrument"),
    ("10", VISA, "account funding"),
    ("11", ALL, "quasi-cash"),
    ("12", ALL, "may be manual cash"),
    ("17", MASTERCARD, "cash disbursement (manual, or by credit card at an ATM)"),
    ("18", MASTERCARD, "may be quasi-cash (unique)"),
    ("19", ALL, "may be a fee collection"),
    ("20", ALL, "refund"),
    ("21", ALL, "deposit"),
    ("22", ALL, "credit adjustment"),
    ("23", ALL, "cheque deposit guarantee, or a credit adjustment on some debit switches"),
    ("24", ALL, "cheque deposit"),
    ("25", ALL, "may be an envelope deposit"),
    ("26", VISA, "original credit"),
    ("28", VISA, "may be a prepaid load"),
    ("28", MASTERCARD, "payment transaction (credits the cardholder)"),
    ("29", ALL, "may be an original credit"),
    ("30", ALL, "balance inquiry (available funds)"),
    ("31", ALL, "balance inquiry"),
    ("33", ALL, "may be an account verification"),
    ("38", ALL, "may be a card verification"),
    ("39", ALL, "may be a mini statement"),
    ("39", VISA, "eligibility inquiry"),
    ("40", ALL, "transfer between the cardholder's accounts"),
    ("50", ALL, "payment"),
    ("53", VISA, "may be a payment"),
    ("70", ALL, "may be an activation"),
    ("70", VISA, "PIN change or unblock"),
    ("72", ALL, "may be a PIN unblock or an activation"),
    ("91", MASTERCARD, "PIN unblock"),
    ("92", MASTERCARD, "PIN change"),
];

#[cfg(test)]
mod tests {
    use super::super::table::check_schemes;
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        check_schemes(KINDS);
    }

    #[test]
    fn every_code_fits_in_a_line() {
        let accounts = ["00", "10", "20", "30", "40", "50", "60", "01", "99"];
        for (type_, scheme, version) in
            (0..100).flat_map(|n| [None, VISA, MASTERCARD].map(|scheme| (n, scheme, n % 2)))
        {
            for value in accounts.iter().flat_map(|from| accounts.map(|to| format!("{type_:02}{from}{to}"))) {
                let words = code(version, scheme, &[], &value).unwrap_or_default();
                assert!(words.len() <= LONGEST, "{value}: {words}");
            }
        }
    }

    #[test]
    fn processing_codes_in_words() {
        for (value, words) in [
            ("000000", Some("purchase, default account")),
            ("002000", Some("purchase, from cheque account")),
            ("011000", Some("cash withdrawal or cash advance, from savings account")),
            ("200000", Some("refund, default account")),
            ("200030", Some("refund, to credit account")),
            ("203000", Some("refund, credit account")),
            ("301000", Some("balance inquiry (available funds), savings account")),
            (
                "401020",
                Some("transfer between the cardholder's accounts, from savings account, to cheque account"),
            ),
            ("400101", Some("transfer between the cardholder's accounts, accounts 01 and 01")),
            ("093000", Some("purchase with cash back, from credit account")),
            (
                "280000",
                Some(
                    "Visa: may be a prepaid load; Mastercard: payment transaction (credits the cardholder), default account",
                ),
            ),
            (
                "139900",
                Some("reserved or private type (debits the cardholder), from account of a private type"),
            ),
            ("800000", Some("type reserved for ISO, default account")),
            ("0000000", None),
            ("00000", None),
            ("0A0000", Some("")),
        ] {
            let words = words.filter(|words| !words.is_empty());
            assert_eq!(code(0, None, &[], value).as_deref(), words, "{value}");
        }
        assert_eq!(code(0, MASTERCARD, &[], "920000").as_deref(), Some("PIN change, default account"));
        assert_eq!(code(0, VISA, &["1"], "10").as_deref(), Some("account funding"));
        assert_eq!(code(0, VISA, &["2"], "30").as_deref(), Some("credit account"));
        assert_eq!(code(0, None, &["3"], "60").as_deref(), Some("account of a reserved or private type"));
        assert_eq!(code(1, None, &["3"], "60").as_deref(), Some("electronic purse account"));
        assert_eq!((code(0, None, &["4"], "00"), code(0, None, &["1"], "0")), (None, None));
    }
}
