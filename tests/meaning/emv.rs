//! Tags of DE55 in words, worked out by hand from EMV Books 3 and 4, and none for card data.

use super::{MASTERCARD, VISA, say};
use authswitch::message::meaning::bits;

fn tag(tag: &str, value: &str) -> String {
    say(0, None, 55, &[tag], value)
}

#[test]
fn tags_in_words() {
    for (name, value, words) in [
        ("9F27", "80", "ARQC (asks to go online)"),
        ("9F27", "40", "TC (approved)"),
        ("9F27", "00", "AAC (declined)"),
        ("9F27", "0A", "AAC (declined), advice required, PIN tries exceeded"),
        ("9F27", "C0", "reserved kind of cryptogram"),
        ("9F27", "8000", ""),
        ("95", "0000000000", "no bit set"),
        ("95", "0080008000", "chip and terminal have different application versions; over the floor limit"),
        (
            "95",
            "8000048000",
            "offline data authentication not performed; online PIN entered; over the floor limit",
        ),
        ("95", "0000000001", "other bits"),
        ("95", "00000000", ""),
        ("82", "3900", "DDA; cardholder verification; terminal risk management required; CDA"),
        ("82", "0080", "other bits"),
        (
            "9B",
            "E800",
            "performed: offline data authentication; cardholder verification; card risk management; terminal risk management",
        ),
        ("9B", "0000", "no bit set"),
        (
            "9F33",
            "E0F8C8",
            "keyed; stripe; chip; plain PIN to chip; online PIN; signature; enciphered PIN to chip; no CVM; SDA; DDA; CDA",
        ),
        ("9F33", "204000", "chip; online PIN"),
        ("9F34", "420300", "enciphered PIN online, if the terminal supports it: unknown"),
        ("9F34", "410302", "plain PIN to the chip, if the terminal supports it: successful"),
        ("9F34", "1E0300", "signature, if the terminal supports it: unknown"),
        ("9F34", "1F0002", "no verification required: successful"),
        ("9F34", "3F0000", "no verification performed: unknown"),
        ("9F34", "040301", "enciphered PIN to the chip, if the terminal supports it: failed"),
        ("9F34", "4203", ""),
        ("9F35", "22", "merchant's, attended, offline with online capability"),
        ("9F35", "14", "bank's, unattended, online only"),
        ("9F35", "34", "cardholder's, unattended, online only"),
        ("9F35", "31", ""),
        ("9C", "00", "purchase"),
        ("9C", "01", "cash withdrawal or cash advance"),
        ("9C", "20", "refund"),
        ("9A", "261005", "2026-10-05"),
        ("9A", "261305", ""),
        ("9F21", "143456", "14:34:56"),
        ("8A", "3030", "approved or completed"),
        ("8A", "3531", "declined, insufficient funds"),
        ("8A", "5931", "approved offline"),
        ("8A", "5A33", "declined offline, unable to go online"),
        ("8A", "0000", ""),
        ("9F1A", "0276", "Germany (DE)"),
        ("5F28", "0840", "United States (US)"),
        ("5F2A", "0978", "EUR, euro (2 decimals)"),
        ("5F2A", "0392", "JPY, Japanese yen (no decimals)"),
        ("5F34", "01", "sequence number 01"),
        ("5F36", "02", "2 decimals"),
        ("5F30", "0201", "international with chip, normal authorization, no limits"),
        ("9F36", "001C", "transaction 28 of the card"),
        ("9F36", "1C", ""),
        ("9F15", "5411", "grocery, supermarket"),
        ("9F39", "07", "contactless chip"),
        ("9F1E", "3132333435363738", "\"12345678\""),
        ("9F1E", "0000000000000000", ""),
        ("50", "56495341204352454449542020", "\"VISA CREDIT\""),
        ("84", "A0000000031010", "Visa credit or debit"),
        ("84", "A0000000041010", "Mastercard credit or debit"),
        ("84", "A0000000043060", "Maestro"),
        ("9F06", "A0000000049999", "Mastercard"),
        ("9F06", "A00000002501", "American Express"),
        ("9F06", "A0000000651010", "JCB"),
        ("9F06", "A000000333010101", "UnionPay debit"),
        ("9F06", "A0000001523010", "Discover or Diners Club"),
        ("9F06", "A0000003241010", "Discover"),
        ("9F06", "a0000000031010", "Visa credit or debit"),
        ("9F06", "A00000", ""),
        ("9F06", "F0000000031010", ""),
        (
            "9F66",
            "36804000",
            "EMV mode; contact chip; online PIN; signature; cryptogram required; device CVM",
        ),
        ("9F10", "06010A03A0B800", ""),
        ("9F26", "1122334455667788", ""),
        ("9F37", "A1B2C3D4", ""),
    ] {
        assert_eq!(tag(name, value), words, "{name} {value}");
    }
}

#[test]
fn issuer_data_is_read_only_where_the_network_is_known() {
    assert_eq!(say(0, VISA, 55, &["9F10"], "06010A03A0B800"), "cryptogram version 10, key index 1");
    assert_eq!(say(0, VISA, 55, &["9F10"], "06011203A0B800"), "cryptogram version 18, key index 1");
    assert_eq!(say(0, VISA, 55, &["9F10"], "07010A03A0B800"), "");
    let chip = "0110A00003220000000000000000000000FF";
    assert_eq!(say(0, MASTERCARD, 55, &["9F10"], chip), "cryptogram version 10 (hex), key index 1");
    assert_eq!(say(0, MASTERCARD, 55, &["9F10"], "06010A03A0B800"), "");
}

#[test]
fn every_bit_can_be_had_by_itself() {
    assert_eq!(
        bits("82", "3900"),
        ["DDA", "cardholder verification", "terminal risk management required", "CDA"]
    );
    assert_eq!(bits("95", "FFFFFFFFFF").len(), 27);
    assert_eq!(bits("9B", "FC00").len(), 6);
    assert_eq!(bits("9F33", "E0F8E8").len(), 12);
    for (tag, value) in [("95", "00"), ("95", "0000000000"), ("95", "x"), ("9F26", "1122334455667788")] {
        assert!(bits(tag, value).is_empty(), "{tag} {value}");
    }
}

#[test]
fn the_last_of_a_path_is_the_tag() {
    assert_eq!(say(0, None, 55, &["71", "9F1A"], "0276"), "Germany (DE)");
    assert_eq!(say(2, None, 55, &["9F1A"], "0276"), "Germany (DE)");
    assert_eq!(say(0, None, 55, &[], "9F1A020276"), "");
}

#[test]
fn card_data_has_no_words() {
    for (name, value) in [
        ("5A", "4111110000000013"),
        ("57", "4111110000000013D30122011"),
        ("56", "42343131313131"),
        ("5F20", "444F452F4A4F484E"),
        ("5F24", "301231"),
        ("99", "1234"),
        ("9F0B", "444F45"),
        ("9F1F", "3030"),
        ("9F20", "1234"),
        ("9F6B", "4111110000000013D3012"),
        // Sixteen digits where a name or a serial number should be.
        ("50", "34313131313130303030303030303133"),
        ("9F12", "34313131313130303030303030303133"),
        ("9F1E", "313233343536373839"),
    ] {
        assert_eq!(tag(name, value), "", "{name}");
    }
}
