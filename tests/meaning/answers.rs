//! DE39 in words: every response code of 1987 and action code of 1993 whose meaning is certain.

use super::{MASTERCARD, VISA, each_tells, say};
use authswitch::message::ResponseCode;

#[test]
fn response_codes_of_1987() {
    each_tells(
        0,
        39,
        &[
            ("00", "approved"),
            ("01", "refer to card issuer"),
            ("02", "special condition"),
            ("03", "invalid merchant"),
            ("04", "pick up"),
            ("05", "do not honor"),
            ("06", "error"),
            ("07", "fraud"),
            ("08", "identification"),
            ("09", "in progress"),
            ("10", "partial"),
            ("11", "VIP"),
            ("12", "invalid transaction"),
            ("13", "invalid amount"),
            ("14", "invalid card number"),
            ("15", "no such issuer"),
            ("16", "track 3"),
            ("17", "cancellation"),
            ("18", "dispute"),
            ("19", "again"),
            ("20", "invalid response"),
            ("21", "no action"),
            ("22", "malfunction"),
            ("23", "fee"),
            ("24", "not supported"),
            ("25", "unable to locate"),
            ("26", "duplicate record"),
            ("27", "edit error"),
            ("28", "locked"),
            ("29", "not successful"),
            ("30", "format error"),
            ("31", "bank not supported"),
            ("32", "completed partially"),
            ("33", "expired"),
            ("34", "suspected fraud"),
            ("35", "contact acquirer"),
            ("36", "restricted"),
            ("37", "acquirer security"),
            ("38", "PIN tries"),
            ("39", "no credit account"),
            ("40", "not supported"),
            ("41", "lost"),
            ("42", "no universal account"),
            ("43", "stolen"),
            ("44", "no investment account"),
            ("46", "closed account"),
            ("51", "insufficient funds"),
            ("52", "no cheque account"),
            ("53", "no savings account"),
            ("54", "expired card"),
            ("55", "incorrect PIN"),
            ("56", "no card record"),
            ("57", "not permitted to cardholder"),
            ("58", "not permitted to terminal"),
            ("59", "suspected fraud"),
            ("60", "contact the acquirer"),
            ("61", "amount limit"),
            ("62", "restricted card"),
            ("63", "security violation"),
            ("64", "original amount incorrect"),
            ("65", "frequency limit"),
            ("66", "acquirer security"),
            ("67", "hard capture"),
            ("68", "too late"),
            ("75", "PIN tries exceeded"),
            ("81", "PIN cryptographic"),
            ("85", "no reason to decline"),
            ("86", "verify PIN"),
            ("87", "no cash back"),
            ("88", "cryptographic failure"),
            ("90", "cut-off"),
            ("91", "inoperative"),
            ("92", "no route"),
            ("93", "law"),
            ("94", "duplicate transmission"),
            ("95", "reconcile"),
            ("96", "system malfunction"),
            ("98", "MAC"),
            ("1A", "additional customer authentication"),
            ("6P", "verification data"),
            ("N0", "stand in"),
            ("N3", "cash service not available"),
            ("N4", "over the limit"),
            ("N7", "CVV2"),
            ("Q1", "card authentication"),
            ("R0", "stopped"),
            ("R1", "revoked"),
            ("R3", "all authorizations"),
            ("Z3", "unable to go online"),
        ],
    );
}

#[test]
fn pick_up_codes_say_so_and_no_others() {
    let capture = "04 07 33 34 35 36 37 38 41 43 67";
    for code in (0..100).map(|code| format!("{code:02}")) {
        let words = say(0, None, 39, &[], &code);
        assert_eq!(words.starts_with("pick up card"), capture.contains(&code), "{code}: {words}");
    }
}

#[test]
fn what_is_approved_is_what_the_switch_takes_for_approved() {
    for code in (0..100).map(|code| format!("{code:02}")) {
        let words = say(0, MASTERCARD, 39, &[], &code);
        let approves = ResponseCode(code.as_bytes().try_into().unwrap()).is_approval();
        assert_eq!(words.starts_with("approved"), approves, "{code}: {words}");
    }
}

#[test]
fn networks_differ_where_they_do() {
    for (code, visa, mastercard) in [
        ("76", "original of the reversal not found", "declined, invalid account to credit"),
        ("77", "reversal differs from its original", "declined, invalid account to debit"),
        ("78", "declined, card blocked until first use", "declined, invalid account"),
        (
            "82",
            "declined, CAM, dCVV, iCVV or CVV failed",
            "declined, policy; in a reversal, issuer timed out",
        ),
        ("83", "declined, unable to verify PIN", "declined, fraud or security"),
    ] {
        assert_eq!(say(0, VISA, 39, &[], code), visa);
        assert_eq!(say(0, MASTERCARD, 39, &[], code), mastercard);
        assert_eq!(say(0, None, 39, &[], code), format!("Visa: {visa}; Mastercard: {mastercard}"));
    }
    assert_eq!(say(0, VISA, 39, &[], "87"), "");
    assert_eq!(say(0, MASTERCARD, 39, &[], "N7"), "");
}

#[test]
fn action_codes_of_1993() {
    each_tells(
        1,
        39,
        &[
            ("000", "approved"),
            ("001", "identification"),
            ("002", "partial"),
            ("003", "VIP"),
            ("004", "track 3"),
            ("005", "account type set by the issuer"),
            ("006", "partial amount, account type"),
            ("007", "update chip"),
            ("100", "declined, do not honor"),
            ("101", "expired"),
            ("102", "suspected fraud"),
            ("103", "contact acquirer"),
            ("104", "restricted"),
            ("105", "acquirer security"),
            ("106", "PIN tries"),
            ("107", "refer to card issuer"),
            ("108", "special conditions"),
            ("109", "invalid merchant"),
            ("110", "invalid amount"),
            ("111", "invalid card number"),
            ("112", "PIN data required"),
            ("113", "fee"),
            ("114", "no account of the requested type"),
            ("115", "function not supported"),
            ("116", "insufficient funds"),
            ("117", "incorrect PIN"),
            ("118", "no card record"),
            ("119", "not permitted to cardholder"),
            ("120", "not permitted to terminal"),
            ("121", "amount limit"),
            ("122", "security violation"),
            ("123", "frequency"),
            ("124", "law"),
            ("125", "not effective"),
            ("126", "invalid PIN block"),
            ("127", "PIN length"),
            ("128", "PIN key sync"),
            ("129", "counterfeit"),
            ("180", "declined"),
            ("200", "pick up card, do not honor"),
            ("201", "expired"),
            ("202", "fraud"),
            ("203", "contact acquirer"),
            ("204", "restricted"),
            ("205", "acquirer security"),
            ("206", "PIN tries"),
            ("207", "special conditions"),
            ("208", "lost"),
            ("209", "stolen"),
            ("210", "counterfeit"),
            ("299", "pick up card"),
            ("300", "successful"),
            ("301", "not supported"),
            ("302", "unable to locate"),
            ("303", "old one replaced"),
            ("304", "edit error"),
            ("305", "locked"),
            ("306", "not successful"),
            ("307", "format error"),
            ("308", "new one rejected"),
            ("309", "unknown file"),
            ("400", "reversal accepted"),
            ("480", "reversal or chargeback"),
            ("500", "in balance"),
            ("501", "out of balance"),
            ("502", "totals given"),
            ("503", "totals not available"),
            ("600", "accepted"),
            ("601", "original"),
            ("602", "invalid reference"),
            ("603", "do not match"),
            ("604", "photo"),
            ("605", "supplied"),
            ("606", "not possible"),
            ("700", "fee collection accepted"),
            ("800", "network management accepted"),
            ("900", "no financial liability"),
            ("901", "acknowledged, financial liability"),
            ("902", "invalid transaction"),
            ("903", "again"),
            ("904", "format error"),
            ("905", "acquirer not supported"),
            ("906", "cut-over"),
            ("907", "inoperative"),
            ("908", "destination not found"),
            ("909", "system malfunction"),
            ("910", "signed off"),
            ("911", "timed out"),
            ("912", "unavailable"),
            ("913", "duplicate"),
            ("914", "original"),
            ("915", "cut-over or checkpoint"),
            ("916", "MAC incorrect"),
            ("917", "MAC key sync"),
            ("918", "no communication keys"),
            ("919", "encryption key sync"),
            ("920", "try again"),
            ("921", "no action"),
            ("922", "out of sequence"),
            ("923", "in progress"),
            ("950", "business arrangement"),
        ],
    );
}

#[test]
fn action_codes_of_2003() {
    each_tells(
        2,
        39,
        &[
            ("0000", "approved"),
            ("0002", "partial"),
            ("0999", "approved"),
            ("1001", "expired"),
            ("1016", "insufficient funds"),
            ("1017", "incorrect PIN"),
            ("1035", "closed account"),
            ("1099", "declined"),
            ("2008", "pick up card"),
            ("4000", "reversal"),
            ("8000", "network management"),
            ("9102", "invalid transaction"),
            ("9107", "inoperative"),
        ],
    );
}

#[test]
fn a_code_of_another_version_says_nothing() {
    for (version, code) in
        [(0, "000"), (0, "0"), (1, "00"), (1, "0000"), (2, "000"), (1, "1x0"), (3, "00"), (0, "zz")]
    {
        assert_eq!(say(version, None, 39, &[], code), "", "{version} {code}");
    }
}
