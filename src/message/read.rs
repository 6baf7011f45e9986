//! View of a parsed message -> [`Request`]: parse once, don't validate later.
//! Must not know settings, cards or money; what it refuses is answered with 30.

use super::meaning::country_numbered;
use super::merchant_country::merchant_country;
use super::{Kind, Marks, Operation, Original, Pan, Reading, Request, ResponseCode, hide_card_numbers};
use crate::wire::View;
use std::fmt;

/// A message that is well formed on the wire but whose content cannot be used: answered with 30.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The data element at fault.
    pub de: u8,
    /// What was expected and found, without its content: `expected X, found Y`.
    pub reason: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DE{}: {}", self.de, self.reason)
    }
}

impl std::error::Error for Fault {}

const MISSING: &str = "expected a value, found none";

/// Reads a request, advice, reversal or network management message of a kind this switch serves.
///
/// Mandatory is what the table of the dialect or the link names (`reading`), and what a decision cannot do without: DE11, a
/// PAN (DE2, or DE35's) and DE3, and DE4 unless it is an inquiry or a reversal; of network management its code (DE70, or DE3
/// where the dialect says so). DE49 may be absent: the account's currency is meant. `reading` is also how the link marks what
/// ISO 8583:1987 has no field for.
pub fn read(view: &View<'_>, kind: Kind, reading: &Reading) -> Result<Request, Fault> {
    if let Some(de) = reading.missing(view, kind) {
        return Err(Fault { de, reason: MISSING });
    }
    let transmission = number(view, 7);
    if view.has(7) {
        check_transmission(transmission)?;
    }
    let stan = if kind == Kind::NetworkManagement { number(view, 11) } else { required(view, 11)? };
    let condition = number(view, 25);
    let mut request = Request {
        mti: view.mti(),
        kind,
        operation: Operation::Unsupported,
        pan: None,
        pan_mismatch: false,
        processing_code: 0,
        amount_minor: 0,
        currency: 0,
        billing_minor: 0,
        billing_currency: 0,
        cashback_minor: 0,
        surcharge_minor: 0,
        billing_fee_minor: 0,
        transmission: transmission as u32,
        stan: stan as u32,
        local_time: number(view, 12) as u32,
        local_date: number(view, 13) as u16,
        expiry: number(view, 14) as u16,
        merchant_category: number(view, 18) as u16,
        merchant_country: 0,
        acquirer_country: 0,
        entry_mode: number(view, 22) as u16,
        condition: condition as u8,
        preauthorization: false,
        marks: Marks::default(),
        acquirer: number(view, 32),
        retrieval_reference: text(view, 37),
        trace: [b' '; 16],
        approval: text(view, 38),
        response: view.has(39).then(|| ResponseCode(text(view, 39))),
        terminal: text(view, 41),
        merchant: text(view, 42),
        network_code: 0,
        original: None,
        replacement_minor: None,
    };
    if kind == Kind::NetworkManagement {
        request.network_code = reading.network_code(view).ok_or(Fault { de: 70, reason: MISSING })?;
        return Ok(request);
    }
    reading.read(view, &mut request);
    read_card(view, &mut request)?;
    read_money(view, &mut request)?;
    read_fees(view, &mut request)?;
    read_cashback(view, &mut request, reading)?;
    let acquirer_country = u16::try_from(number(view, 19)).ok().and_then(country_numbered);
    request.acquirer_country = acquirer_country.map_or(0, |country| country.numeric());
    request.merchant_country = merchant_country(view, &reading.merchant_country);
    read_original(view, &mut request)?;
    Ok(request)
}

fn required(view: &View<'_>, de: u8) -> Result<u64, Fault> {
    view.number(de).ok_or(Fault { de, reason: MISSING })
}

fn number(view: &View<'_>, de: u8) -> u64 {
    view.number(de).unwrap_or(0)
}

/// A fixed text field, space-filled where the message has less.
fn text<const N: usize>(view: &View<'_>, de: u8) -> [u8; N] {
    let mut value = [b' '; N];
    let mut room = [0; N];
    if let Some(found) = view.text(de, &mut room) {
        value[..found.len()].copy_from_slice(found);
    }
    value
}

fn check_transmission(transmission: u64) -> Result<(), Fault> {
    let (month, day) = (transmission / 100_000_000, transmission / 1_000_000 % 100);
    let (hour, minute, second) = (transmission / 10_000 % 100, transmission / 100 % 100, transmission % 100);
    let possible =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if possible {
        Ok(())
    } else {
        Err(Fault { de: 7, reason: "expected a date and time MMDDhhmmss, found another value" })
    }
}

/// PAN and expiry from DE2 and DE14, else from track 2. The track itself is not kept (PCI DSS 3.3.1).
fn read_card(view: &View<'_>, request: &mut Request) -> Result<(), Fault> {
    let pan = if view.has(2) {
        Some(
            pan_of_de2(view)
                .ok_or(Fault { de: 2, reason: "expected a PAN of 8 to 19 digits, found another value" })?,
        )
    } else {
        None
    };
    let track = track2(view);
    let other = track.map(|(pan, _)| pan).filter(|other| pan != Some(*other));
    [pan, other].into_iter().flatten().for_each(|pan| hide(pan, request));
    // Another card's too, where there is room for one. A rule's text is masked alike, so that it goes on to match.
    hide_card_numbers(&mut request.trace);
    hide_card_numbers(&mut request.merchant);
    request.pan = pan.or(track.map(|(pan, _)| pan));
    request.pan_mismatch = pan.is_some() && other.is_some();
    if let (0, Some((_, expiry))) = (request.expiry, track) {
        request.expiry = expiry;
    }
    if request.pan.is_none() {
        // A reversal may name its original by DE90 alone only where the key does not hold the PAN.
        return Err(Fault { de: 2, reason: "expected a PAN here or in DE35, found none" });
    }
    Ok(())
}

/// A sender may write the card number into a text that is kept: from here on nobody has it in clear, whoever decides, now
/// or again. The answer echoes the field as it came.
fn hide(pan: Pan, request: &mut Request) {
    pan.hide_in(&mut request.retrieval_reference);
    pan.hide_in(&mut request.trace);
    pan.hide_in(&mut request.terminal);
    pan.hide_in(&mut request.merchant);
}

/// The card number of DE2, else of track 2, where it can be read.
pub fn card_number(view: &View<'_>) -> Option<Pan> {
    match view.has(2) {
        true => pan_of_de2(view),
        false => track2(view).map(|(pan, _)| pan),
    }
}

fn pan_of_de2(view: &View<'_>) -> Option<Pan> {
    Pan::from_parts(view.number(2)?, view.units(2) as u8)
}

/// PAN and expiry of DE35.
fn track2(view: &View<'_>) -> Option<(Pan, u16)> {
    let mut room = zeroize::Zeroizing::new([0u8; 40]);
    if view.has(35) { view.digits(35, &mut room[..]).and_then(read_track) } else { None }
}

/// PAN and expiry (0 when the track has none) of track 2 data `PAN=YYMM...`.
fn read_track(track: &[u8]) -> Option<(Pan, u16)> {
    let separator = track.iter().position(|byte| matches!(byte, b'=' | b'D'))?;
    let pan = Pan::from_digits(&track[..separator])?;
    let expiry = track.get(separator + 1..separator + 5).and_then(decimal).unwrap_or(0);
    Some((pan, expiry as u16))
}

fn read_money(view: &View<'_>, request: &mut Request) -> Result<(), Fault> {
    request.currency = currency(view, 49)?;
    if view.has(6) && view.has(51) {
        request.billing_minor = number(view, 6) as i64;
        request.billing_currency = currency(view, 51)?;
    }
    let optional = request.kind == Kind::Reversal;
    let Some(code) = view.number(3) else {
        return if optional {
            read_amount(view, request, true)
        } else {
            Err(Fault { de: 3, reason: MISSING })
        };
    };
    request.processing_code = code as u32;
    request.operation = operation(code as u32);
    let inquiry = request.operation == Operation::Inquiry;
    read_amount(view, request, optional || inquiry)?;
    // A zero-amount authorization asks whether the card is good; DE25 51 says so for any request.
    let zero = request.amount_minor == 0 && request.billing_minor == 0;
    let adds = request.marks.has(Marks::INCREMENTAL);
    let asks_only =
        request.condition == 51 || matches!(request.kind, Kind::Authorization | Kind::AuthorizationAdvice);
    if zero && asks_only && !adds && request.operation == Operation::Purchase {
        request.operation = Operation::Verification;
    }
    Ok(())
}

fn read_amount(view: &View<'_>, request: &mut Request, optional: bool) -> Result<(), Fault> {
    match view.number(4) {
        Some(amount) => request.amount_minor = amount as i64,
        None if optional => {}
        None => return Err(Fault { de: 4, reason: MISSING }),
    }
    Ok(())
}

/// DE28 (C or D and 8 digits: D is what the holder pays) and DE8.
fn read_fees(view: &View<'_>, request: &mut Request) -> Result<(), Fault> {
    let mut room = [0; 9];
    if let Some(text) = view.text(28, &mut room) {
        let fee = text.split_first().and_then(|(sign, digits)| match sign {
            b'D' => decimal(digits).map(|fee| fee as i64),
            b'C' => decimal(digits).map(|fee| -(fee as i64)),
            _ => None,
        });
        request.surcharge_minor =
            fee.ok_or(Fault { de: 28, reason: "expected C or D and an amount, found another value" })?;
    }
    request.billing_fee_minor = number(view, 8) as i64;
    Ok(())
}

/// The cash part of a purchase: the link's own place, else DE54 amount type 40 (account 2, type 2, currency 3, sign 1,
/// amount 12).
fn read_cashback(view: &View<'_>, request: &mut Request, reading: &Reading) -> Result<(), Fault> {
    if request.operation != Operation::Purchase {
        return Ok(());
    }
    if let Some(cash) = reading.cashback(view) {
        request.cashback_minor = cash as i64;
        return Ok(());
    }
    let mut room = [0; 120];
    let Some(text) = view.text(54, &mut room) else { return Ok(()) };
    for group in text.chunks_exact(20).filter(|group| &group[2..4] == b"40") {
        let fault = |reason| Fault { de: 54, reason };
        let currency = decimal(&group[4..7]).ok_or(fault("an amount without a currency"))?;
        if request.currency != 0 && currency != u64::from(request.currency) {
            return Err(fault("a cash part in another currency than DE49"));
        }
        let cash = decimal(&group[8..20]).ok_or(fault("an amount that is not 12 digits"))?;
        request.cashback_minor = cash as i64;
    }
    Ok(())
}

/// ISO 4217 numeric; 0 when absent. Dialects write its three digits as characters or packed, some behind a 0.
fn currency(view: &View<'_>, de: u8) -> Result<u16, Fault> {
    match view.number(de) {
        Some(code @ 1..=999) => Ok(code as u16),
        None if !view.has(de) => Ok(0),
        // Never as if it were absent: then the account's own would be meant.
        _ => Err(Fault { de, reason: "expected an ISO 4217 numeric currency code, found another value" }),
    }
}

/// The transaction type of DE3 positions 1-2, as ISO 8583 and the networks use it.
fn operation(processing_code: u32) -> Operation {
    match processing_code / 10_000 {
        0 | 9 | 10 | 11 | 18 | 50 => Operation::Purchase,
        1 | 12 | 17 => Operation::Cash,
        20..=29 => Operation::Credit,
        30 | 31 => Operation::Inquiry,
        33 | 38 => Operation::Verification,
        _ => Operation::Unsupported,
    }
}

/// DE90 (MTI 4, STAN 6, DE7 10, DE32 11, DE33 11) and DE95 (first 12: the new amount).
fn read_original(view: &View<'_>, request: &mut Request) -> Result<(), Fault> {
    let mut room = [0; 42];
    if let Some(text) = view.digits(90, &mut room) {
        let reason = "not MTI, STAN, DE7, DE32 and DE33 of an original";
        let part =
            |range: std::ops::Range<usize>| text.get(range).and_then(decimal).ok_or(Fault { de: 90, reason });
        let original = Original {
            // Four BCD digits, as a message's own type is kept.
            mti: (part(0..1)? << 12 | part(1..2)? << 8 | part(2..3)? << 4 | part(3..4)?) as u16,
            stan: part(4..10)? as u32,
            transmission: part(10..20)? as u32,
            acquirer: part(20..31)?,
        };
        // Unknown parts are zeros: all of them say nothing.
        request.original = (original != Original::default()).then_some(original);
    }
    let mut room = [0; 42];
    if let Some(text) = view.text(95, &mut room) {
        let amount = text.get(..12).and_then(decimal);
        let amount = amount.ok_or(Fault {
            de: 95,
            reason: "expected an amount of 12 digits at the beginning, found another value",
        })?;
        request.replacement_minor = Some(amount as i64);
    }
    Ok(())
}

fn decimal(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}
