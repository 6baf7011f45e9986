//! Requests as a sender would mean them. `Request { field: other, ..purchase(1) }` makes the exceptions.

use super::pan;
use authswitch::message::{Kind, Marks, Operation, Original, Request, ResponseCode};
use authswitch::wire::Mti;

/// DE3 of a purchase.
pub const GOODS: u32 = 0;
/// DE3 of a refund.
pub const REFUND: u32 = 200_000;

/// A message type from its four digits.
pub fn mti(digits: u16) -> Mti {
    Mti::new(digits).unwrap()
}

/// A message of 10.00 dollars in a shop, with card 0. The retrieval reference is as unique as the STAN.
pub fn message(digits: u16, stan: u32) -> Request {
    Request {
        mti: mti(digits),
        kind: Kind::of(mti(digits)).unwrap(),
        operation: Operation::Purchase,
        pan: Some(pan(0)),
        pan_mismatch: false,
        processing_code: GOODS,
        amount_minor: 1_000,
        currency: 840,
        billing_minor: 0,
        billing_currency: 0,
        cashback_minor: 0,
        surcharge_minor: 0,
        billing_fee_minor: 0,
        transmission: 1_122_120_000,
        stan,
        local_time: 120_000,
        local_date: 1_122,
        expiry: 3012,
        merchant_category: 5411,
        merchant_country: 840,
        acquirer_country: 840,
        entry_mode: 51,
        condition: 0,
        preauthorization: false,
        marks: Marks::default(),
        acquirer: 12_345_678_901,
        retrieval_reference: reference(stan),
        trace: [b' '; 16],
        approval: [b' '; 6],
        response: None,
        terminal: *b"TERM0001",
        merchant: *b"MERCHANT0000001",
        network_code: 0,
        original: None,
        replacement_minor: None,
    }
}

fn reference(number: u32) -> [u8; 12] {
    let mut text = *b"RRN000000000";
    text[6..].copy_from_slice(format!("{number:06}").as_bytes());
    text
}

/// 0100.
pub fn purchase(stan: u32) -> Request {
    message(0x0100, stan)
}

/// 0200.
pub fn sale(stan: u32) -> Request {
    message(0x0200, stan)
}

/// The same again with the repeat digit set: 0100 -> 0101.
pub fn repeat_of(request: &Request) -> Request {
    Request { mti: mti(request.mti.bcd() | 1), ..*request }
}

/// The same sent a minute later, with a DE7 of its own.
pub fn later(message: &Request) -> Request {
    Request { transmission: message.transmission + 60, ..*message }
}

/// The same sent again later, with the repeat digit set.
pub fn sent_later(message: &Request) -> Request {
    later(&repeat_of(message))
}

/// The same content under another message type: 0100 -> 0120, 0220.
fn as_type(request: &Request, digits: u16) -> Request {
    Request { mti: mti(digits), kind: Kind::of(mti(digits)).unwrap(), ..*request }
}

/// What stood in for us says of the request: 0120 (0220 of a 0200) with its answer in DE39.
pub fn advice_of(request: &Request, code: &[u8; 2]) -> Request {
    let advice = as_type(request, if request.mti.class() == 1 { 0x0120 } else { 0x0220 });
    let approval = if ResponseCode(*code).is_approval() { *b"STND01" } else { [b' '; 6] };
    Request { response: Some(ResponseCode(*code)), approval, ..advice }
}

/// The same with another DE39.
pub fn with_code(request: &Request, code: &[u8; 2]) -> Request {
    Request { response: Some(ResponseCode(*code)), ..*request }
}

/// 0220 with a STAN of its own that names the request in DE90.
pub fn completion_of(request: &Request, stan: u32, amount_minor: i64) -> Request {
    Request {
        stan,
        amount_minor,
        original: Some(original(request)),
        response: Some(ResponseCode::APPROVED),
        ..as_type(request, 0x0220)
    }
}

/// 0400 with a STAN of its own that names the message in DE90.
pub fn reversal_of(request: &Request, stan: u32) -> Request {
    Request { stan, original: Some(original(request)), ..as_type(request, 0x0400) }
}

/// The same with DE95: what remains.
pub fn partial_reversal_of(request: &Request, stan: u32, remains_minor: i64) -> Request {
    Request { replacement_minor: Some(remains_minor), ..reversal_of(request, stan) }
}

fn original(request: &Request) -> Original {
    Original {
        mti: request.mti.bcd(),
        stan: request.stan,
        transmission: request.transmission,
        acquirer: request.acquirer,
    }
}
