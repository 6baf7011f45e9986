//! What a message is for beyond its type: DE70 (1987), function code DE24 and reason code DE25 (1993, 2003),
//! Visa's reasons in DE63. Knows no other field.

use super::table::{ALL, MASTERCARD, Rows, Scheme, SchemeRows, VISA, Words, choose, find, say};
use std::borrow::Cow;

/// DE70 of ISO 8583:1987: the code's words, else those of its first digit.
pub(super) fn network_management(scheme: Option<Scheme>, value: &str) -> Words {
    choose(NETWORK, scheme, value).or_else(|| of_class(NETWORK_CLASSES, value, 3))
}

/// DE24 of ISO 8583:1993 and 2003.
pub(super) fn function(value: &str) -> Words {
    say(FUNCTIONS, value)
}

/// DE25 of ISO 8583:1993 and 2003.
pub(super) fn reason(value: &str) -> Words {
    say(REASONS, value)
}

/// Visa's DE63, subfield 1 (network) or 3 (message reason).
pub(super) fn visa_network_data(path: &[&str], value: &str) -> Words {
    match path {
        ["1"] => say(VISA_NETWORKS, value),
        ["3"] => say(VISA_REASONS, value),
        _ => None,
    }
}

fn of_class(classes: &'static Rows, value: &str, length: usize) -> Words {
    let digits = value.len() == length && value.bytes().all(|c| c.is_ascii_digit());
    find(classes, digits.then(|| &value[..1])?).map(Cow::Borrowed)
}

const NETWORK: &SchemeRows = &[
    ("001", ALL, "sign-on"),
    ("002", ALL, "sign-off"),
    ("003", ALL, "target system not available"),
    ("004", ALL, "originator's system in backup"),
    ("005", ALL, "special instructions"),
    ("006", ALL, "initiate alternate routing"),
    ("060", MASTERCARD, "ask for stored advices"),
    ("061", MASTERCARD, "group sign-on"),
    ("062", MASTERCARD, "group sign-off"),
    ("063", MASTERCARD, "may be group sign-on to the alternate route"),
    ("064", MASTERCARD, "may be group sign-off from the alternate route"),
    ("065", MASTERCARD, "sign-off, begin to stand in"),
    ("066", MASTERCARD, "sign-on, stop standing in"),
    ("071", VISA, "sign-on of a station"),
    ("072", VISA, "sign-off of a station"),
    ("078", VISA, "start receiving stored advices"),
    ("079", VISA, "stop receiving stored advices"),
    ("081", MASTERCARD, "may be host session activation"),
    ("082", MASTERCARD, "may be host session deactivation"),
    ("101", ALL, "key change"),
    ("102", ALL, "security alert"),
    ("103", ALL, "password change"),
    ("104", ALL, "device authentication"),
    ("160", MASTERCARD, "key exchange"),
    ("161", MASTERCARD, "key change"),
    ("162", MASTERCARD, "key request"),
    ("163", MASTERCARD, "may be a key exchange confirmation"),
    ("164", MASTERCARD, "may be a key exchange confirmation"),
    ("201", ALL, "cut-over"),
    ("202", ALL, "cut-over complete or checkpoint"),
    ("270", MASTERCARD, "echo test"),
    ("301", ALL, "echo test"),
    ("360", MASTERCARD, "marker of stored advices"),
    ("361", MASTERCARD, "marker of stored advices"),
    ("362", MASTERCARD, "marker of stored advices"),
    ("363", MASTERCARD, "end of stored advices"),
];

const NETWORK_CLASSES: &Rows = &[
    ("0", "another system condition"),
    ("1", "another security matter"),
    ("2", "another accounting matter"),
    ("3", "another system control or test"),
];

const FUNCTIONS: &Rows = &[
    ("100", "original authorization, amount accurate"),
    ("101", "original authorization, amount estimated (pre-authorization)"),
    ("102", "replacement authorization, amount accurate"),
    ("103", "replacement authorization, amount estimated"),
    ("104", "resubmission, amount accurate"),
    ("105", "resubmission, amount estimated"),
    ("106", "supplementary authorization, amount accurate"),
    ("107", "supplementary authorization, amount estimated (incremental)"),
    ("108", "inquiry"),
    ("113", "account verification, in specifications of 2003's kind"),
    ("200", "original financial request"),
    ("201", "previously approved authorization, same amount (completion)"),
    ("202", "previously approved authorization, different amount (completion)"),
    ("203", "resubmission of a financial request"),
    ("204", "resubmission of a financial request"),
    ("205", "first representment"),
    ("206", "second representment"),
    ("207", "third representment"),
    ("301", "add record"),
    ("302", "change record"),
    ("303", "delete record"),
    ("304", "replace record"),
    ("305", "file inquiry"),
    ("306", "replace file"),
    ("309", "card administration"),
    ("400", "full reversal"),
    ("401", "partial reversal"),
    ("450", "chargeback"),
    ("451", "chargeback"),
    ("452", "chargeback"),
    ("453", "chargeback"),
    ("454", "chargeback"),
    ("455", "chargeback"),
    ("500", "reconciliation"),
    ("501", "reconciliation"),
    ("502", "reconciliation"),
    ("503", "reconciliation"),
    ("504", "reconciliation"),
    ("650", "unable to parse message"),
    ("700", "fee collection"),
    ("701", "fee collection cancelled"),
    ("801", "sign-on"),
    ("802", "sign-off"),
    ("803", "target system not available"),
    ("804", "originator's system in backup"),
    ("805", "special instructions"),
    ("806", "initiate alternate routing"),
    ("811", "key change"),
    ("812", "security alert"),
    ("813", "password change"),
    ("814", "device authentication"),
    ("821", "cut-over"),
    ("822", "checkpoint"),
    ("831", "echo test"),
    ("832", "response received"),
];

const REASONS: &Rows = &[
    ("1000", "stand-in at the issuer's option"),
    ("1001", "stand-in, issuer signed off"),
    ("1002", "stand-in, issuer timed out"),
    ("1003", "stand-in, issuer unavailable"),
    ("1004", "processed by the terminal"),
    ("1005", "processed by the chip"),
    ("1006", "under the floor limit"),
    ("1007", "stand-in at the acquirer's option"),
    ("3000", "card lost"),
    ("3001", "card stolen"),
    ("3002", "card not delivered"),
    ("3003", "card counterfeit"),
    ("3004", "another reason for the file action"),
    ("4000", "customer cancellation"),
    ("4001", "unspecified"),
    ("4002", "suspected malfunction"),
    ("4003", "format error"),
    ("4004", "completed partially"),
    ("4005", "original amount incorrect"),
    ("4006", "response received too late"),
    ("4007", "device unable to complete"),
    ("4013", "unable to deliver to the point of service"),
    ("4017", "ATM malfunction, no cash given"),
    ("4018", "ATM time-out, money not taken"),
    ("4019", "ATM time-out, card not taken"),
    ("4020", "invalid response"),
    ("4021", "time-out waiting for the response"),
];

const VISA_NETWORKS: &Rows =
    &[("0002", "Visa network"), ("0003", "Interlink network"), ("0004", "Plus network")];

const VISA_REASONS: &Rows = &[
    ("2104", "acquirer's advice without a request"),
    ("2501", "voided by the customer"),
    ("2502", "not completed"),
    ("2503", "no confirmation from the point of service"),
    ("2504", "partial dispense at an ATM, or partial reversal at a point of service"),
];

#[cfg(test)]
mod tests {
    use super::super::table::{check, check_schemes};
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        check_schemes(NETWORK);
        [NETWORK_CLASSES, FUNCTIONS, REASONS, VISA_NETWORKS, VISA_REASONS].into_iter().for_each(check);
    }
}
