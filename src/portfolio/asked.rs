//! What a message asked, as a record keeps it: all that a decision looks at, but the card number truncated and no
//! sensitive data, so that with the card's number it can be decided again. Knows no rule.

use super::layout::layout;
use crate::message::{Kind, Marks, Operation, Original, Pan, Request, ResponseCode};
use crate::wire::Mti;

/// What was asked, without sensitive data: the card number is truncated to BIN and last four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Number of the link, in the order of the settings.
    pub link: u16,
    /// The message type, four BCD digits.
    pub mti: u16,
    /// First six digits of the PAN.
    pub bin: u32,
    /// Last four digits of the PAN.
    pub last_four: u16,
    /// DE3.
    pub processing_code: u32,
    /// DE4.
    pub amount_minor: i64,
    /// DE49; 0 when absent.
    pub currency: u16,
    /// DE6.
    pub billing_minor: i64,
    /// DE51; 0 when absent.
    pub billing_currency: u16,
    /// What the money is asked for.
    pub operation: Operation,
    /// The cash part of DE4.
    pub cashback_minor: i64,
    /// DE28, debits positive.
    pub surcharge_minor: i64,
    /// DE8.
    pub billing_fee_minor: i64,
    /// DE7.
    pub transmission: u32,
    /// DE11.
    pub stan: u32,
    /// DE12.
    pub local_time: u32,
    /// DE13.
    pub local_date: u16,
    /// DE14, or the track's; 0 when absent.
    pub expiry: u16,
    /// DE18.
    pub merchant_category: u16,
    /// The merchant's country, ISO 3166 number; 0 when it could not be told.
    pub merchant_country: u16,
    /// DE19, the acquirer's country; 0 when absent.
    pub acquirer_country: u16,
    /// DE22.
    pub entry_mode: u16,
    /// DE25.
    pub condition: u8,
    /// [`Marks`] as a number.
    pub marks: u16,
    /// What it says that is no mark, one bit each: an estimated amount, two card numbers that differ, an original.
    pub flags: u8,
    /// DE32.
    pub acquirer: u64,
    /// DE37.
    pub retrieval_reference: [u8; 12],
    /// The network's own reference, where the link has one; else spaces.
    pub trace: [u8; 16],
    /// DE38 of an advice or reversal; spaces when absent.
    pub approval: [u8; 6],
    /// DE39 of an advice or reversal; zeros when absent.
    pub response: [u8; 2],
    /// DE41.
    pub terminal: [u8; 8],
    /// DE42.
    pub merchant: [u8; 15],
    /// DE90's message type, STAN and time; zeros when absent.
    pub original_mti: u16,
    /// DE90's STAN.
    pub original_stan: u32,
    /// DE90's DE7.
    pub original_transmission: u32,
    /// DE90's DE32; 0 when the sender does not know it.
    pub original_acquirer: u64,
    /// DE95's first amount; −1 when absent.
    pub replacement_minor: i64,
}

/// [`Asked::flags`]: an estimated amount.
const PREAUTHORIZATION: u8 = 1;
/// The card numbers of DE2 and DE35 differ.
const PAN_MISMATCH: u8 = 2;
/// There is an original.
const ORIGINAL: u8 = 4;

layout! { Asked {
    link: u16, mti: u16, bin: u32, last_four: u16, processing_code: u32, amount_minor: i64, currency: u16,
    billing_minor: i64, billing_currency: u16, operation: Operation, cashback_minor: i64, surcharge_minor: i64,
    billing_fee_minor: i64, transmission: u32, stan: u32, local_time: u32, local_date: u16,
    expiry: u16, merchant_category: u16, merchant_country: u16, acquirer_country: u16, entry_mode: u16, condition: u8, marks: u16, flags: u8, acquirer: u64,
    retrieval_reference: [u8; 12], trace: [u8; 16], approval: [u8; 6], response: [u8; 2], terminal: [u8; 8], merchant: [u8; 15],
    original_mti: u16, original_stan: u32, original_transmission: u32, original_acquirer: u64,
    replacement_minor: i64,
} }

impl Asked {
    /// Whether it says that it adds to an open authorization of a purchase.
    pub fn adds(&self) -> bool {
        let kind = Mti::new(self.mti).and_then(Kind::of);
        kind.is_some_and(|kind| Marks::from_bits(self.marks).adds(kind, self.operation))
    }

    /// What a message on this link asked.
    pub fn of(request: &Request, link: u16) -> Asked {
        let original = request.original;
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        Asked {
            link,
            mti: request.mti.bcd(),
            bin: request.pan.map_or(0, |pan| pan.prefix(6)),
            last_four: request.pan.map_or(0, |pan| pan.last_four()),
            processing_code: request.processing_code,
            amount_minor: request.amount_minor,
            currency: request.currency,
            billing_minor: request.billing_minor,
            billing_currency: request.billing_currency,
            operation: request.operation,
            cashback_minor: request.cashback_minor,
            surcharge_minor: request.surcharge_minor,
            billing_fee_minor: request.billing_fee_minor,
            transmission: request.transmission,
            stan: request.stan,
            local_time: request.local_time,
            local_date: request.local_date,
            expiry: request.expiry,
            merchant_category: request.merchant_category,
            merchant_country: request.merchant_country,
            acquirer_country: request.acquirer_country,
            entry_mode: request.entry_mode,
            condition: request.condition,
            marks: request.marks.bits(),
            flags: flag(request.preauthorization, PREAUTHORIZATION)
                | flag(request.pan_mismatch, PAN_MISMATCH)
                | flag(original.is_some(), ORIGINAL),
            acquirer: request.acquirer,
            retrieval_reference: request.retrieval_reference,
            trace: request.trace,
            approval: request.approval,
            response: request.response.map_or([0; 2], |code| code.0),
            terminal: request.terminal,
            merchant: request.merchant,
            original_mti: original.map_or(0, |original| original.mti),
            original_stan: original.map_or(0, |original| original.stan),
            original_transmission: original.map_or(0, |original| original.transmission),
            original_acquirer: original.map_or(0, |original| original.acquirer),
            replacement_minor: request.replacement_minor.unwrap_or(-1),
        }
    }

    /// The message again, as the decision saw it, for the card whose number was truncated here. `None` where nobody
    /// asked: the record is of something the switch did on its own.
    pub fn request(&self, pan: Option<Pan>) -> Option<Request> {
        let mti = Mti::new(self.mti)?;
        let original = Original {
            mti: self.original_mti,
            stan: self.original_stan,
            transmission: self.original_transmission,
            acquirer: self.original_acquirer,
        };
        Some(Request {
            mti,
            kind: Kind::of(mti)?,
            operation: self.operation,
            pan,
            pan_mismatch: self.flags & PAN_MISMATCH != 0,
            processing_code: self.processing_code,
            amount_minor: self.amount_minor,
            currency: self.currency,
            billing_minor: self.billing_minor,
            billing_currency: self.billing_currency,
            cashback_minor: self.cashback_minor,
            surcharge_minor: self.surcharge_minor,
            billing_fee_minor: self.billing_fee_minor,
            transmission: self.transmission,
            stan: self.stan,
            local_time: self.local_time,
            local_date: self.local_date,
            expiry: self.expiry,
            merchant_category: self.merchant_category,
            merchant_country: self.merchant_country,
            acquirer_country: self.acquirer_country,
            entry_mode: self.entry_mode,
            condition: self.condition,
            preauthorization: self.flags & PREAUTHORIZATION != 0,
            marks: Marks::from_bits(self.marks),
            acquirer: self.acquirer,
            retrieval_reference: self.retrieval_reference,
            trace: self.trace,
            approval: self.approval,
            response: (self.response != [0; 2]).then_some(ResponseCode(self.response)),
            terminal: self.terminal,
            merchant: self.merchant,
            network_code: 0,
            original: (self.flags & ORIGINAL != 0).then_some(original),
            replacement_minor: (self.replacement_minor >= 0).then_some(self.replacement_minor),
        })
    }
}
