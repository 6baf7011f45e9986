//! The fields that Visa and Mastercard lay out for themselves, and nothing of them for others.

use super::{MASTERCARD, VISA, say};

#[test]
fn private_fields_speak_for_their_own_network_alone() {
    for (scheme, de, path, value, words) in [
        (
            VISA,
            44,
            &[][..],
            "5Y  2    M00",
            "answered by the issuer; address and postal code match; CVV passed; card's printed code matches; 1 more",
        ),
        (VISA, 44, &["1"], "1", "stand-in, issuer timed out"),
        (VISA, 44, &["2"], "N", "neither address nor postal code matches"),
        (VISA, 44, &["5"], "1", "CVV failed"),
        (VISA, 44, &["10"], "N", "card's printed code does not match"),
        (VISA, 44, &["11"], "05", "original answer: declined, do not honor"),
        (VISA, 44, &["13"], "2", ""),
        (MASTERCARD, 44, &[], "035", "may name the faulty field: DE 35"),
        (MASTERCARD, 44, &[], "048061", "may name the faulty field: DE 48"),
        (MASTERCARD, 44, &[], "129", ""),
        (VISA, 53, &[], "2001010100000000", "DES; PIN block ISO format 0; zone key 01"),
        (VISA, 53, &[], "0000000000000000", ""),
        (VISA, 63, &["1"], "0002", "Visa network"),
        (VISA, 63, &["3"], "2501", "voided by the customer"),
        (VISA, 63, &["3"], "2502", "not completed"),
        (VISA, 63, &["3"], "2503", "no confirmation from the point of service"),
        (VISA, 63, &["3"], "2504", "partial dispense at an ATM, or partial reversal at a point of service"),
        (VISA, 63, &["3"], "2104", "acquirer's advice without a request"),
        (MASTERCARD, 48, &[], "R610510000", "retail"),
        (MASTERCARD, 48, &["TCC"], "T", "mail, telephone or electronic order"),
        (MASTERCARD, 48, &["61"], "10001", "partial approval supported; final authorization"),
        (MASTERCARD, 48, &["61"], "00000", "no condition set"),
        (MASTERCARD, 48, &["61", "2"], "1", "purchase-only approval supported"),
        (MASTERCARD, 48, &["61"], "1", ""),
        (MASTERCARD, 48, &["42"], "0103212", "3-D Secure, fully authenticated"),
        (MASTERCARD, 48, &["42", "1"], "210", "no 3-D Secure"),
        (MASTERCARD, 48, &["83"], "Z", "postal code matches, address does not"),
        (MASTERCARD, 48, &["84"], "03", "do not try again"),
        (MASTERCARD, 48, &["87"], "Y", "CVC of the magnetic stripe invalid"),
        (MASTERCARD, 48, &["87"], "N", "card's printed code does not match"),
        // The value printed on the card.
        (MASTERCARD, 48, &["92"], "123", ""),
    ] {
        assert_eq!(say(0, scheme, de, path, value), words, "{scheme:?} DE{de} {path:?} {value:?}");
        assert_eq!(say(0, None, de, path, value), "", "DE{de} {path:?} {value:?}");
    }
}

#[test]
fn transaction_types_of_each_network() {
    for (value, none, visa, mastercard) in [
        (
            "10",
            "non-cash financial instrument; Visa: account funding",
            "account funding",
            "non-cash financial instrument",
        ),
        (
            "26",
            "Visa: original credit",
            "original credit",
            "reserved or private type (credits the cardholder)",
        ),
        (
            "17",
            "Mastercard: cash disbursement (manual, or by credit card at an ATM)",
            "reserved or private type (debits the cardholder)",
            "cash disbursement (manual, or by credit card at an ATM)",
        ),
        ("92", "Mastercard: PIN change", "private type", "PIN change"),
    ] {
        let found = [None, VISA, MASTERCARD].map(|scheme| say(0, scheme, 3, &["1"], value));
        assert_eq!(found, [none, visa, mastercard], "{value}");
    }
}
