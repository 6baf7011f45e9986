//! Whole messages in words, field by field, and what needs the message's currency.

use super::{MASTERCARD, VISA, each_tells, say};
use authswitch::message::meaning::{CurrencyAt, Edition, amount, currency_of, mti};
use authswitch::wire::Mti;

fn check(version: u8, fields: &[(u8, &[&str], &str, &str)]) {
    for (de, path, value, words) in fields {
        assert_eq!(say(version, None, *de, path, value), *words, "DE{de} {path:?} {value:?}");
    }
}

#[test]
fn a_purchase_of_1987() {
    assert_eq!(mti(Mti::new(0x0100).unwrap()), "authorization request, from the acquirer (ISO 8583:1987)");
    check(
        0,
        &[
            (2, &[], "4111111111111111", ""),
            (3, &[], "000000", "purchase, default account"),
            (3, &["1"], "01", "cash withdrawal or cash advance"),
            (4, &[], "000000010000", ""),
            (7, &[], "1005123456", "10-05 12:34:56 UTC"),
            (9, &[], "61000000", "rate 1.000000"),
            (10, &[], "69972522", "rate 9.972522"),
            (11, &[], "000123", ""),
            (12, &[], "143456", "14:34:56"),
            (13, &[], "1005", "10-05"),
            (14, &[], "2912", "2029-12"),
            (15, &[], "1005", "10-05"),
            (16, &[], "1005", "10-05"),
            (17, &[], "1005", "10-05"),
            (18, &[], "5411", "grocery, supermarket"),
            (18, &[], "3005", "airline"),
            (19, &[], "276", "Germany (DE)"),
            (19, &[], "0276", "Germany (DE)"),
            (20, &[], "840", "United States (US)"),
            (21, &[], "826", "United Kingdom (GB)"),
            (24, &[], "100", ""),
            (32, &[], "123456", ""),
            (35, &[], "4111111111111111=29122010000012300000", ""),
            (37, &[], "627812000123", ""),
            (38, &[], "A12345", ""),
            (38, &[], "      ", "no approval code"),
            (38, &[], "000000", "no approval code"),
            (40, &[], "201", "international with chip, normal authorization, no limits"),
            (40, &[], "620", "national with chip, authorization by the issuer, no limits, PIN required"),
            (40, &[], "301", ""),
            (43, &[], "CORNER SHOP              BERLIN       DE", "Germany (DE)"),
            (49, &[], "978", "EUR, euro (2 decimals)"),
            (50, &[], "0392", "JPY, Japanese yen (no decimals)"),
            (51, &[], "KWD", "KWD, Kuwaiti dinar (3 decimals)"),
            (52, &[], "2A3D408A1977DDE9", ""),
            (66, &[], "2", "out of balance"),
            (73, &[], "261005", "2026-10-05"),
            (91, &[], "3", "delete"),
        ],
    );
}

#[test]
fn balances() {
    let balance = "3002840C000000010000";
    let owed = "3001840D000000012345";
    check(
        0,
        &[
            (54, &[], balance, "available balance 100.00 USD, credit account"),
            (54, &["2"], owed, "current balance -123.45 USD, credit account"),
            (
                54,
                &[],
                &format!("{owed}{balance}"),
                "current balance -123.45 USD, credit account; available balance 100.00 USD, credit account",
            ),
            (
                54,
                &[],
                &balance.repeat(6),
                "available balance 100.00 USD, credit account; available balance 100.00 USD, credit account; 4 more",
            ),
            (54, &[], "0040978D000000002000", "cash back -20.00 EUR, default account"),
            (54, &[], "0057392C000000002000", "original amount 2,000 JPY, default account"),
            (54, &[], "0099392C000000002000", "amount of type 99 2,000 JPY, default account"),
            (
                54,
                &[],
                &format!("{balance}3002000C000000010000"),
                "available balance 100.00 USD, credit account; not readable",
            ),
            (54, &[], &balance.repeat(7), ""),
            (54, &[], "3002840X000000010000", ""),
            (54, &[], "3002840C00000001000", ""),
            (54, &[], "", ""),
            (54, &["1"], &balance.repeat(2), ""),
        ],
    );
    check(2, &[(54, &[], "30028402C000000010000", "available balance 100.00 USD, credit account")]);
    check(2, &[(54, &[], balance, "")]);
}

#[test]
fn the_original_of_a_reversal() {
    let unknown = "0".repeat(42);
    check(
        0,
        &[
            (
                90,
                &[],
                "010000012310051234560000012345600000000000",
                "authorization request, from the acquirer; trace number 000123; 10-05 12:34:56 UTC",
            ),
            (90, &[], &unknown, "original unknown"),
            (90, &[], &unknown[1..], ""),
            (90, &["1"], "0200", "financial request, from the acquirer (ISO 8583:1987)"),
            (90, &["2"], "000123", ""),
            (90, &["3"], "1005123456", "10-05 12:34:56 UTC"),
            (90, &["4"], "00000123456", ""),
            (95, &[], &unknown, "no amount remains: full reversal"),
            (95, &[], "000000004000000000000000000000000000000000", ""),
        ],
    );
    let original = "110000012326100514345606123456";
    let words = "authorization request, from the acquirer; trace number 000123; 2026-10-05 14:34:56";
    check(1, &[(56, &[], original, words), (90, &[], &unknown, "")]);
    let original = "210000000000012320261005143456".to_owned() + "06123456";
    check(2, &[(56, &[], &original, words)]);
    check(0, &[(56, &[], &original, "")]);
}

#[test]
fn the_fields_of_1993_and_2003() {
    check(
        1,
        &[
            (12, &[], "261005143456", "2026-10-05 14:34:56"),
            (13, &[], "2610", "2026-10"),
            (15, &[], "261005", "2026-10-05"),
            (24, &[], "401", "partial reversal"),
            (25, &[], "4006", "response received too late"),
            (26, &[], "5411", "grocery, supermarket"),
            (28, &[], "261005", "2026-10-05"),
            (43, &[], r"CORNER SHOP\MAIN STREET 1\BERLIN\10115        DE", ""),
            (43, &[], r"CORNER SHOP\MAIN STREET 1\BERLIN\10115        276", "Germany (DE)"),
            (43, &[], r"CORNER SHOP\MAIN STREET 1\BERLIN\10115     BE DEU", "Germany (DE)"),
            (49, &[], "978", "EUR, euro (2 decimals)"),
            (70, &[], "276", "Germany (DE)"),
            (95, &[], &"0".repeat(42), ""),
        ],
    );
    check(
        2,
        &[
            (4, &[], "9782000000001000", "10.00 EUR"),
            (5, &[], "392000000001000", "1,000 JPY"),
            (8, &[], "840200000100", "1.00 USD"),
            (12, &[], "20261005143456", "2026-10-05 14:34:56"),
            (13, &[], "202610", "2026-10"),
            (14, &[], "2912", "2029-12"),
            (15, &[], "20261005", "2026-10-05"),
            (18, &[], "5411", ""),
            (21, &[], "276", ""),
            (26, &[], "5411", "grocery, supermarket"),
            (30, &[], "97820000000010008402000000002000", "10.00 EUR; 20.00 USD"),
            (30, &["2"], "8402000000002000", "20.00 USD"),
            (49, &[], "978", ""),
        ],
    );
    // Versions of a country's or a company's own.
    for version in [3, 8, 9] {
        check(version, &[(3, &[], "000000", ""), (49, &[], "978", ""), (55, &["9F27"], "80", "")]);
    }
}

#[test]
fn an_amount_is_told_where_its_currency_stands() {
    use CurrencyAt::{Element, Tag};
    for (version, scheme, de, path, at) in [
        (0, None, 4, &[][..], Some(Element(49))),
        (0, None, 5, &[], Some(Element(50))),
        (0, None, 6, &[], Some(Element(51))),
        (0, None, 8, &[], Some(Element(51))),
        (0, None, 28, &[], Some(Element(49))),
        (0, None, 29, &[], Some(Element(50))),
        (0, None, 82, &[], Some(Element(50))),
        (0, None, 86, &[], Some(Element(50))),
        (0, None, 97, &[], Some(Element(50))),
        (0, None, 95, &["1"], Some(Element(49))),
        (0, None, 95, &["3"], Some(Element(49))),
        (0, None, 95, &["4"], Some(Element(50))),
        (0, MASTERCARD, 95, &["3"], Some(Element(51))),
        (0, VISA, 95, &["3"], None),
        (0, VISA, 61, &["1"], Some(Element(49))),
        (0, VISA, 61, &["2"], Some(Element(51))),
        (0, None, 55, &["9F02"], Some(Tag("5F2A"))),
        (2, None, 55, &["9F03"], Some(Tag("5F2A"))),
        (1, None, 4, &[], Some(Element(49))),
        (1, None, 30, &["2"], Some(Element(50))),
        // Counts, dates, amounts that hold their currency.
        (1, None, 82, &[], None),
        (1, None, 28, &[], None),
        (2, None, 4, &[], None),
        (0, None, 54, &[], None),
        (0, None, 3, &[], None),
        (9, None, 4, &[], None),
    ] {
        assert_eq!(
            currency_of(Edition { version, scheme }, de, path),
            at,
            "{version} {scheme:?} {de} {path:?}"
        );
    }
    assert_eq!(amount("000000001000", "840").as_deref(), Some("10.00 USD"));
    assert_eq!(amount("000000001000", "0392").as_deref(), Some("1,000 JPY"));
    assert_eq!(amount("D00000100", "978").as_deref(), Some("debit 1.00 EUR"));
}

#[test]
fn network_management_of_1987() {
    each_tells(
        0,
        70,
        &[
            ("001", "sign-on"),
            ("002", "sign-off"),
            ("003", "target system"),
            ("004", "backup"),
            ("005", "special instructions"),
            ("006", "alternate routing"),
            ("060", "Mastercard: ask for stored advices"),
            ("061", "Mastercard: group sign-on"),
            ("062", "Mastercard: group sign-off"),
            ("065", "begin to stand in"),
            ("066", "stop standing in"),
            ("071", "Visa: sign-on"),
            ("072", "Visa: sign-off"),
            ("078", "Visa: start"),
            ("079", "Visa: stop"),
            ("101", "key change"),
            ("102", "security alert"),
            ("103", "password"),
            ("104", "device authentication"),
            ("161", "key change"),
            ("162", "key request"),
            ("201", "cut-over"),
            ("202", "cut-over complete"),
            ("270", "Mastercard: echo"),
            ("301", "echo test"),
            ("363", "end of stored advices"),
            ("099", "another system condition"),
            ("399", "control or test"),
        ],
    );
    for value in ["999", "01", "0301", "30x"] {
        assert_eq!(say(0, None, 70, &[], value), "", "{value}");
    }
}

#[test]
fn function_codes_of_1993() {
    each_tells(
        1,
        24,
        &[
            ("100", "original authorization, amount accurate"),
            ("101", "estimated"),
            ("102", "replacement"),
            ("104", "resubmission"),
            ("107", "incremental"),
            ("108", "inquiry"),
            ("200", "financial"),
            ("201", "same amount"),
            ("202", "different amount"),
            ("205", "first representment"),
            ("207", "third representment"),
            ("301", "add"),
            ("302", "change"),
            ("303", "delete"),
            ("304", "replace record"),
            ("305", "inquiry"),
            ("306", "replace file"),
            ("309", "card administration"),
            ("400", "full reversal"),
            ("401", "partial reversal"),
            ("450", "chargeback"),
            ("500", "reconciliation"),
            ("650", "unable to parse"),
            ("700", "fee collection"),
            ("801", "sign-on"),
            ("802", "sign-off"),
            ("811", "key change"),
            ("821", "cut-over"),
            ("822", "checkpoint"),
            ("831", "echo test"),
        ],
    );
    each_tells(
        1,
        25,
        &[
            ("1000", "issuer's option"),
            ("1001", "signed off"),
            ("1002", "timed out"),
            ("1003", "unavailable"),
            ("1004", "terminal"),
            ("1005", "chip"),
            ("1006", "floor limit"),
            ("1007", "acquirer's option"),
            ("3000", "lost"),
            ("3001", "stolen"),
            ("3003", "counterfeit"),
            ("4000", "cancellation"),
            ("4002", "malfunction"),
            ("4003", "format error"),
            ("4004", "partially"),
            ("4005", "amount incorrect"),
            ("4006", "too late"),
            ("4007", "unable to complete"),
            ("4013", "unable to deliver"),
            ("4017", "no cash"),
            ("4018", "money not taken"),
            ("4019", "card not taken"),
            ("4020", "invalid response"),
            ("4021", "time-out"),
        ],
    );
}
