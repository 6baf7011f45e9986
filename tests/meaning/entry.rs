//! How a card met the terminal, in words: DE22 of each version, DE25, DE26, DE61 and DE60.

use super::{MASTERCARD, VISA, each_tells, say};

#[test]
fn entry_modes_of_1987() {
    for (value, words) in [
        ("051", "chip; terminal can take a PIN"),
        ("071", "contactless chip; terminal can take a PIN"),
        ("012", "keyed in by hand; terminal cannot take a PIN"),
        ("000", "entry mode unknown; PIN entry unknown"),
        ("022", "magnetic stripe (CVV check may be unreliable); terminal cannot take a PIN"),
        ("030", "bar code or QR code; PIN entry unknown"),
        ("040", "read optically (OCR); PIN entry unknown"),
        ("100", "credential on file; PIN entry unknown"),
        ("801", "magnetic stripe, as fallback at a chip terminal; terminal can take a PIN"),
        ("901", "magnetic stripe, whole track (CVV check possible); terminal can take a PIN"),
        ("902", "magnetic stripe, whole track (CVV check possible); terminal cannot take a PIN"),
        ("913", "contactless, magnetic stripe rules; PIN entry in software"),
        ("058", "chip; PIN pad out of order"),
        ("810", "Mastercard: electronic commerce; PIN entry unknown"),
        ("951", "Visa: chip (CVV check may be unreliable); terminal can take a PIN"),
        ("990", "PIN entry unknown"),
        ("997", ""),
        // Four digits: Visa's, or three behind a zero? Not without knowing.
        ("0510", ""),
        ("0051", ""),
        ("05", ""),
        ("05A", "chip"),
    ] {
        assert_eq!(say(0, None, 22, &[], value), words, "{value}");
    }
    for (scheme, value, words) in [
        (VISA, "0510", "chip; terminal can take a PIN"),
        (VISA, "0512", ""),
        (VISA, "951", "chip (CVV check may be unreliable); terminal can take a PIN"),
        (VISA, "060", "reserved; PIN entry unknown"),
        (VISA, "810", "PIN entry unknown"),
        (MASTERCARD, "0510", ""),
        (MASTERCARD, "810", "electronic commerce; PIN entry unknown"),
        (MASTERCARD, "060", "chip, contactless mapping applied; PIN entry unknown"),
        (MASTERCARD, "090", "remote chip data (e-commerce with cryptogram); PIN entry unknown"),
        (MASTERCARD, "792", "keyed in after a failed read at a chip terminal; terminal cannot take a PIN"),
        (MASTERCARD, "820", "entered by a server; PIN entry unknown"),
    ] {
        assert_eq!(say(0, scheme, 22, &[], value), words, "{scheme:?} {value}");
    }
    assert_eq!(say(0, None, 22, &["1"], "05"), "chip");
    assert_eq!(say(0, None, 22, &["2"], "1"), "terminal can take a PIN");
}

#[test]
fn point_of_service_data_of_1993() {
    for (value, words) in [
        (
            "510101511344",
            "card data input: chip; cardholder present; card present; cardholder authentication: PIN",
        ),
        (
            "000140000000",
            "card data input: unspecified; standing order or recurring; card not present; cardholder authentication: none",
        ),
        ("???????????", ""),
        ("????????????", ""),
        ("5101015113441", ""),
    ] {
        assert_eq!(say(1, None, 22, &[], value), words, "{value}");
    }
    for (position, code, words) in [
        ("1", "5", "card data input capability: chip"),
        ("1", "8", "card data input capability: magnetic stripe, key entry and chip"),
        ("2", "1", "cardholder authentication capability: PIN"),
        ("3", "1", "card capture capability: can keep the card"),
        ("4", "2", "operating environment: unattended, at the merchant"),
        ("5", "4", "cardholder presence: standing order or recurring"),
        ("5", "5", "cardholder presence: electronic order"),
        ("6", "1", "card presence: card present"),
        ("7", "2", "card data input: magnetic stripe"),
        ("8", "5", "cardholder authentication: signature by hand"),
        ("9", "3", "authenticated by: the authorizing agent"),
        ("10", "3", "card data output capability: writes a chip"),
        ("11", "4", "terminal output capability: prints and displays"),
        ("12", "C", "PIN capture capability: up to 12 digits"),
        ("12", "1", "PIN capture capability: unknown"),
        ("0", "1", ""),
        ("13", "1", ""),
        ("x", "1", ""),
        ("3", "2", ""),
    ] {
        assert_eq!(say(1, None, 22, &[position], code), words, "{position} {code}");
        assert_eq!(say(2, None, 22, &[position], code), words, "{position} {code}");
    }
    // Sixteen bytes, in hexadecimal: derived specifications disagree.
    assert_eq!(say(2, None, 22, &[], "00000000000000000000000000000000"), "");
}

#[test]
fn condition_codes_of_1987() {
    each_tells(
        0,
        25,
        &[
            ("00", "normal"),
            ("01", "customer not present"),
            ("02", "can keep"),
            ("03", "suspicious"),
            ("04", "cash register"),
            ("05", "card not present"),
            ("06", "pre-authorization"),
            ("07", "telephone device"),
            ("08", "mail"),
            ("09", "alert"),
            ("10", "identity"),
            ("11", "fraud"),
            ("12", "security"),
            ("13", "representment"),
            ("14", "utility"),
            ("15", "own terminal"),
            ("16", "administrative"),
            ("17", "returned item"),
            ("18", "cheque"),
            ("19", "deposit out of balance, returned"),
            ("20", "payment out of balance, returned"),
            ("21", "manual reversal"),
            ("22", "error, counted"),
            ("23", "not counted"),
            ("24", "deposit out of balance, contents"),
            ("25", "payment out of balance, contents"),
            ("26", "reversed"),
            ("27", "cannot keep"),
            ("30", "reserved for ISO"),
            ("40", "Visa: standing order"),
            ("45", "national"),
            ("51", "Visa: verification"),
            ("71", "Visa: card present"),
        ],
    );
    assert_eq!(say(0, None, 25, &[], "60"), "");
    // Of 1993 it is another thing.
    assert_eq!(say(1, None, 25, &[], "00"), "");
}

#[test]
fn pin_capture() {
    for (value, words) in [("04", "takes PINs of up to 4 digits"), ("12", "takes PINs of up to 12 digits")] {
        assert_eq!(say(0, None, 26, &[], value), words);
    }
    for value in ["03", "13", "4", "012", "+4"] {
        assert_eq!(say(0, None, 26, &[], value), "", "{value}");
    }
}

#[test]
fn the_networks_own_terminal_data() {
    let whole = "000000000050027610115     ";
    let words = "normal request; attended; cardholder present; card present; reads chip and magnetic stripe";
    assert_eq!(say(0, MASTERCARD, 61, &[], whole), words);
    assert_eq!((say(0, VISA, 61, &[], whole), say(0, None, 61, &[], whole)), (String::new(), String::new()));
    for (subfield, value, words) in [
        ("1", "1", "unattended"),
        ("3", "1", "away from the merchant"),
        ("4", "5", "electronic order"),
        ("5", "0", "card present"),
        ("5", "1", "card not present"),
        ("6", "1", "can keep the card"),
        ("7", "4", "pre-authorization"),
        ("7", "8", "account status inquiry"),
        ("8", "1", "suspected fraud"),
        ("10", "6", "electronic commerce"),
        ("11", "5", "reads chip and magnetic stripe"),
        ("12", "07", "authorization life cycle 7 days"),
        ("12", "00", "authorization life cycle not stated"),
        ("13", "276", "Germany (DE)"),
        ("2", "0", ""),
        ("14", "10115", ""),
    ] {
        assert_eq!(say(0, MASTERCARD, 61, &[subfield], value), words, "{subfield} {value}");
    }
    for (subfield, value, words) in [
        ("2", "5", "terminal reads chip"),
        ("3", "2", "last chip read failed"),
        ("8", "05", "electronic commerce, fully authenticated"),
        ("8", "09", ""),
    ] {
        assert_eq!(say(0, VISA, 60, &[subfield], value), words);
        assert_eq!(say(0, MASTERCARD, 60, &[subfield], value), "");
    }
}
