//! DE39 in words: the response codes of 1987, the action codes of 1993 and 2003. Which refusal of ours carries which
//! code is told in `message::code`; here is what a code means whoever sends it.

use super::table::{ALL, MASTERCARD, Rows, Scheme, SchemeRows, VISA, Words, choose, find, say};
use std::borrow::Cow;

/// DE39 of ISO 8583:1987, two characters. In a reversal it is the original's answer or the reason.
pub(super) fn response(scheme: Option<Scheme>, value: &str) -> Words {
    choose(RESPONSES, scheme, value)
}

/// DE39 of ISO 8583:1993 (three digits) or 2003 (four): the code's words, else those of its first digit.
pub(super) fn action(value: &str) -> Words {
    let rows: &Rows = match value.len() {
        3 => ACTIONS_1993,
        4 => ACTIONS_2003,
        _ => return None,
    };
    if !value.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    say(rows, value).or_else(|| find(CLASSES, &value[..1]).map(Cow::Borrowed))
}

/// Codes that approve begin with `approved`; `declined` stands before a refusal, `pick up card` before a capture.
const RESPONSES: &SchemeRows = &[
    ("00", ALL, "approved or completed"),
    ("01", ALL, "declined, refer to card issuer"),
    ("02", ALL, "declined, refer to card issuer, special condition"),
    ("03", ALL, "declined, invalid merchant"),
    ("04", ALL, "pick up card"),
    ("05", ALL, "declined, do not honor"),
    ("06", ALL, "error"),
    ("07", ALL, "pick up card, special condition (fraud)"),
    ("08", ALL, "approved, honor with identification"),
    ("09", ALL, "request in progress"),
    ("10", ALL, "approved for a partial amount"),
    ("11", ALL, "approved, VIP"),
    ("12", ALL, "declined, invalid transaction"),
    ("13", ALL, "declined, invalid amount"),
    ("14", ALL, "declined, invalid card number"),
    ("15", ALL, "declined, no such issuer"),
    ("16", ALL, "approved, update track 3"),
    ("17", ALL, "customer cancellation"),
    ("18", ALL, "declined, customer dispute"),
    ("19", ALL, "declined, enter the transaction again"),
    ("1A", VISA, "declined, additional customer authentication required"),
    ("20", ALL, "declined, invalid response"),
    ("21", ALL, "no action taken"),
    ("22", ALL, "declined or reversed, suspected malfunction"),
    ("23", ALL, "declined, unacceptable transaction fee"),
    ("24", ALL, "file update not supported by the receiver"),
    ("25", ALL, "unable to locate the record"),
    ("26", ALL, "duplicate record, the old one replaced"),
    ("27", ALL, "file update field edit error"),
    ("28", ALL, "file locked or not available for now"),
    ("29", ALL, "file update not successful"),
    ("30", ALL, "declined, format error"),
    ("31", ALL, "declined, bank not supported by the switch"),
    ("32", ALL, "completed partially"),
    ("33", ALL, "pick up card, expired"),
    ("34", ALL, "pick up card, suspected fraud"),
    ("35", ALL, "pick up card, contact acquirer"),
    ("36", ALL, "pick up card, restricted"),
    ("37", ALL, "pick up card, call acquirer security"),
    ("38", ALL, "pick up card, PIN tries exceeded"),
    ("39", ALL, "declined, no credit account"),
    ("40", ALL, "declined, function not supported"),
    ("41", ALL, "pick up card, lost"),
    ("42", ALL, "declined, no universal account"),
    ("43", ALL, "pick up card, stolen"),
    ("44", ALL, "declined, no investment account"),
    ("46", ALL, "reserved; declined, closed account on many networks"),
    ("51", ALL, "declined, insufficient funds"),
    ("52", ALL, "declined, no cheque account"),
    ("53", ALL, "declined, no savings account"),
    ("54", ALL, "declined, expired card"),
    ("55", ALL, "declined, incorrect PIN"),
    ("56", ALL, "declined, no card record"),
    ("57", ALL, "declined, not permitted to cardholder"),
    ("58", ALL, "declined, not permitted to terminal"),
    ("59", ALL, "declined, suspected fraud"),
    ("60", ALL, "declined, card acceptor is to contact the acquirer"),
    ("61", ALL, "declined, exceeds the withdrawal amount limit"),
    ("62", ALL, "declined, restricted card"),
    ("63", ALL, "declined, security violation"),
    ("64", ALL, "original amount incorrect"),
    ("65", ALL, "declined, exceeds the withdrawal frequency limit"),
    ("66", ALL, "declined, call acquirer security"),
    ("67", ALL, "pick up card at the ATM (hard capture)"),
    ("68", ALL, "response received too late"),
    ("6P", VISA, "declined, verification data failed"),
    ("70", MASTERCARD, "declined, contact card issuer"),
    ("71", MASTERCARD, "declined, PIN not changed"),
    ("75", ALL, "declined, PIN tries exceeded"),
    ("76", VISA, "original of the reversal not found"),
    ("76", MASTERCARD, "declined, invalid account to credit"),
    ("77", VISA, "reversal differs from its original"),
    ("77", MASTERCARD, "declined, invalid account to debit"),
    ("78", VISA, "declined, card blocked until first use"),
    ("78", MASTERCARD, "declined, invalid account"),
    ("79", VISA, "may be already reversed"),
    ("79", MASTERCARD, "declined, life cycle"),
    ("80", VISA, "no financial impact"),
    ("80", MASTERCARD, "system not available"),
    ("81", ALL, "declined, PIN cryptographic error"),
    ("82", VISA, "declined, CAM, dCVV, iCVV or CVV failed"),
    ("82", MASTERCARD, "declined, policy; in a reversal, issuer timed out"),
    ("83", VISA, "declined, unable to verify PIN"),
    ("83", MASTERCARD, "declined, fraud or security"),
    ("85", ALL, "approved, no reason to decline"),
    ("86", ALL, "declined, unable to verify PIN"),
    ("87", MASTERCARD, "approved for the purchase amount, no cash back"),
    ("88", ALL, "declined, cryptographic failure"),
    ("89", ALL, "declined, may be an unacceptable PIN"),
    ("90", ALL, "declined, cut-off in process"),
    ("91", ALL, "declined, issuer or switch inoperative"),
    ("92", ALL, "declined, no route to the destination"),
    ("93", ALL, "declined, violation of law"),
    ("94", ALL, "declined, duplicate transmission"),
    ("95", ALL, "reconcile error"),
    ("96", ALL, "declined, system malfunction"),
    ("97", ALL, "may be reconciliation totals reset"),
    ("98", ALL, "declined, MAC error"),
    ("99", ALL, "reserved for national use; may be a PIN block error"),
    ("B1", VISA, "declined, may be a surcharge that is not permitted"),
    ("B2", VISA, "declined, may be a surcharge that is not supported"),
    ("N0", VISA, "asks the network to stand in"),
    ("N3", VISA, "declined, cash service not available"),
    ("N4", VISA, "declined, cash request over the limit"),
    ("N7", VISA, "declined, CVV2 failure"),
    ("P5", VISA, "declined, may be a PIN change that is denied"),
    ("P6", VISA, "declined, may be a PIN that is not acceptable"),
    ("Q1", ALL, "declined, card authentication failed"),
    ("R0", VISA, "declined, payment order stopped"),
    ("R1", VISA, "declined, authorization revoked"),
    ("R3", VISA, "declined, all authorizations revoked"),
    ("Z3", ALL, "declined offline, unable to go online"),
];

/// What the first digit says of a code that has no words of its own.
const CLASSES: &Rows = &[
    ("0", "approved"),
    ("1", "declined"),
    ("2", "pick up card"),
    ("3", "file action result"),
    ("4", "reversal or chargeback result"),
    ("5", "reconciliation result"),
    ("6", "administrative result"),
    ("7", "fee collection result"),
    ("8", "network management result"),
    ("9", "system or advice result"),
];

const ACTIONS_1993: &Rows = &[
    ("000", "approved"),
    ("001", "approved, honor with identification"),
    ("002", "approved for a partial amount"),
    ("003", "approved, VIP"),
    ("004", "approved, update track 3"),
    ("005", "approved, account type set by the issuer"),
    ("006", "approved for a partial amount, account type set by the issuer"),
    ("007", "approved, update chip"),
    ("100", "declined, do not honor"),
    ("101", "declined, expired card"),
    ("102", "declined, suspected fraud"),
    ("103", "declined, contact acquirer"),
    ("104", "declined, restricted card"),
    ("105", "declined, call acquirer security"),
    ("106", "declined, PIN tries exceeded"),
    ("107", "declined, refer to card issuer"),
    ("108", "declined, refer to card issuer, special conditions"),
    ("109", "declined, invalid merchant"),
    ("110", "declined, invalid amount"),
    ("111", "declined, invalid card number"),
    ("112", "declined, PIN data required"),
    ("113", "declined, unacceptable fee"),
    ("114", "declined, no account of the requested type"),
    ("115", "declined, function not supported"),
    ("116", "declined, insufficient funds"),
    ("117", "declined, incorrect PIN"),
    ("118", "declined, no card record"),
    ("119", "declined, not permitted to cardholder"),
    ("120", "declined, not permitted to terminal"),
    ("121", "declined, exceeds the withdrawal amount limit"),
    ("122", "declined, security violation"),
    ("123", "declined, exceeds the withdrawal frequency limit"),
    ("124", "declined, violation of law"),
    ("125", "declined, card not effective"),
    ("126", "declined, invalid PIN block"),
    ("127", "declined, PIN length error"),
    ("128", "declined, PIN key synchronization error"),
    ("129", "declined, suspected counterfeit card"),
    ("200", "pick up card, do not honor"),
    ("201", "pick up card, expired"),
    ("202", "pick up card, suspected fraud"),
    ("203", "pick up card, contact acquirer"),
    ("204", "pick up card, restricted"),
    ("205", "pick up card, call acquirer security"),
    ("206", "pick up card, PIN tries exceeded"),
    ("207", "pick up card, special conditions"),
    ("208", "pick up card, lost"),
    ("209", "pick up card, stolen"),
    ("210", "pick up card, suspected counterfeit"),
    ("300", "file action successful"),
    ("301", "file action not supported by the receiver"),
    ("302", "unable to locate the record"),
    ("303", "duplicate record, the old one replaced"),
    ("304", "file action field edit error"),
    ("305", "file locked"),
    ("306", "file action not successful"),
    ("307", "file action format error"),
    ("308", "duplicate record, the new one rejected"),
    ("309", "unknown file"),
    ("400", "reversal accepted"),
    ("500", "reconciled, in balance"),
    ("501", "reconciled, out of balance"),
    ("502", "amount not reconciled, totals given"),
    ("503", "totals not available"),
    ("504", "may be not reconciled, totals given"),
    ("600", "administrative message accepted"),
    ("601", "unable to trace back the original"),
    ("602", "invalid reference"),
    ("603", "reference and card number do not match"),
    ("604", "photo of the point of service not available"),
    ("605", "item supplied"),
    ("606", "request not possible"),
    ("700", "fee collection accepted"),
    ("800", "network management accepted"),
    ("900", "advice acknowledged, no financial liability accepted"),
    ("901", "advice acknowledged, financial liability accepted"),
    ("902", "declined, invalid transaction"),
    ("903", "declined, enter the transaction again"),
    ("904", "declined, format error"),
    ("905", "declined, acquirer not supported by the switch"),
    ("906", "declined, cut-over in process"),
    ("907", "declined, issuer or switch inoperative"),
    ("908", "declined, destination not found"),
    ("909", "declined, system malfunction"),
    ("910", "declined, issuer signed off"),
    ("911", "declined, issuer timed out"),
    ("912", "declined, issuer unavailable"),
    ("913", "declined, duplicate transmission"),
    ("914", "unable to trace back the original"),
    ("915", "reconciliation cut-over or checkpoint error"),
    ("916", "declined, MAC incorrect"),
    ("917", "MAC key synchronization error"),
    ("918", "no communication keys"),
    ("919", "encryption key synchronization error"),
    ("920", "security software or hardware error, try again"),
    ("921", "security software or hardware error, no action"),
    ("922", "message number out of sequence"),
    ("923", "request in progress"),
    ("950", "violation of business arrangement"),
];

const ACTIONS_2003: &Rows = &[
    ("0000", "approved"),
    ("0001", "approved, honor with identification"),
    ("0002", "approved for a partial amount"),
    ("0003", "approved, VIP"),
    ("0004", "approved, may be the purchase without cash back"),
    ("1001", "declined, expired card"),
    ("1002", "declined, suspected fraud"),
    ("1004", "declined, restricted card"),
    ("1006", "declined, PIN tries exceeded"),
    ("1007", "declined, refer to card issuer"),
    ("1009", "declined, invalid card acceptor"),
    ("1011", "declined, invalid card number"),
    ("1012", "declined, PIN data required"),
    ("1014", "declined, no account of the requested type"),
    ("1015", "declined, function not supported"),
    ("1016", "declined, insufficient funds"),
    ("1017", "declined, incorrect PIN"),
    ("1018", "declined, no card record"),
    ("1019", "declined, not permitted to cardholder"),
    ("1020", "declined, not permitted to terminal"),
    ("1021", "declined, exceeds the withdrawal amount limit"),
    ("1022", "declined, security violation"),
    ("1023", "declined, exceeds the withdrawal frequency limit"),
    ("1024", "declined, violation of law"),
    ("1025", "declined, card not effective"),
    ("1026", "declined, invalid PIN block"),
    ("1028", "declined, PIN key synchronization error"),
    ("1030", "declined, currency"),
    ("1034", "declined, authorization life cycle expired"),
    ("1035", "declined, closed account"),
    ("1045", "declined, card verification failed"),
    ("1062", "declined, cash back not allowed"),
    ("1063", "declined, cash back amount too high"),
    ("9102", "declined, invalid transaction"),
    ("9107", "declined, issuer or switch inoperative"),
];

#[cfg(test)]
mod tests {
    use super::super::table::{check, check_schemes};
    use super::*;
    use crate::message::{Refusal, ResponseCode};

    #[test]
    fn the_tables_are_in_order() {
        check_schemes(RESPONSES);
        [CLASSES, ACTIONS_1993, ACTIONS_2003].into_iter().for_each(check);
    }

    #[test]
    fn words_approve_where_the_code_approves() {
        for (code, scheme, words) in RESPONSES {
            let approves = code.as_bytes().try_into().is_ok_and(|code| ResponseCode(code).is_approval());
            assert_eq!(approves, words.starts_with("approved"), "{code}");
            assert!(choose(RESPONSES, *scheme, code).is_some());
        }
        for (code, words) in ACTIONS_1993.iter().chain(ACTIONS_2003) {
            let class = find(CLASSES, &code[..1]).unwrap_or_default();
            let told = !matches!(class, "approved" | "declined" | "pick up card") || words.starts_with(class);
            assert!(told, "{code}: {words} is not {class}");
        }
    }

    #[test]
    fn every_code_we_answer_with_has_words() {
        for refusal in Refusal::ALL {
            let words = response(None, refusal.code().as_str()).unwrap_or_default();
            assert_eq!(
                words.starts_with("approved"),
                *refusal == Refusal::None,
                "{}: {words}",
                refusal.name()
            );
        }
    }
}
