//! The typed request: what a message asks for, small enough to copy, without any sensitive data but the PAN.

use super::Pan;
use super::ResponseCode;
use crate::wire::Mti;

/// What the message type asks of the issuer (ISO 8583 MTI class and function).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// 0100, 0101: may this be spent? Approved: a hold.
    Authorization = 1,
    /// 0120, 0121: another has decided; record it.
    AuthorizationAdvice = 2,
    /// 0200, 0201: authorise and post in one.
    Financial = 3,
    /// 0220, 0221: completion, forced post, or stand-in of a 0200.
    FinancialAdvice = 4,
    /// 0400, 0401, 0420, 0421: undo, fully or down to DE95. Both forms are treated alike.
    Reversal = 5,
    /// 0800, 0801, 0820: sign-on, sign-off, echo.
    NetworkManagement = 6,
}

impl Kind {
    /// The kind of a request or advice, `None` for a message type this switch does not serve.
    pub fn of(mti: Mti) -> Option<Kind> {
        match (mti.class(), mti.function()) {
            (1, 0) => Some(Kind::Authorization),
            (1, 2) => Some(Kind::AuthorizationAdvice),
            (2, 0) => Some(Kind::Financial),
            (2, 2) => Some(Kind::FinancialAdvice),
            (4, 0 | 2) => Some(Kind::Reversal),
            (8, 0 | 2) => Some(Kind::NetworkManagement),
            _ => None,
        }
    }

    /// The kind with this stored number.
    pub fn from_number(number: u8) -> Option<Kind> {
        [
            Kind::Authorization,
            Kind::AuthorizationAdvice,
            Kind::Financial,
            Kind::FinancialAdvice,
            Kind::Reversal,
            Kind::NetworkManagement,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == number)
    }

    /// Whether the issuer may decline it. Advices and reversals are only ever recorded.
    pub fn may_be_declined(self) -> bool {
        matches!(self, Kind::Authorization | Kind::Financial | Kind::NetworkManagement)
    }
}

/// What happens to the cardholder's money (DE3 positions 1-2, with the amount).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// Goods, services, quasi-cash, funding: reduces what is available.
    Purchase = 1,
    /// Cash at a machine or a counter: a purchase with cash limits.
    Cash = 2,
    /// Refund, deposit, credit push: never declined for funds.
    Credit = 3,
    /// Balance inquiry: no money moves.
    Inquiry = 4,
    /// Is the card good? A zero amount; no money moves.
    Verification = 5,
    /// A transaction type this issuer does not offer.
    #[default]
    Unsupported = 6,
}

impl Operation {
    /// The operation with this stored number.
    pub fn from_number(number: u8) -> Option<Operation> {
        [
            Operation::Purchase,
            Operation::Cash,
            Operation::Credit,
            Operation::Inquiry,
            Operation::Verification,
            Operation::Unsupported,
        ]
        .into_iter()
        .find(|operation| *operation as u8 == number)
    }

    /// Whether it takes money: checked against limits and funds.
    pub fn is_debit(self) -> bool {
        matches!(self, Operation::Purchase | Operation::Cash)
    }
}

/// DE90: which message a reversal or completion speaks of. What its sender does not know is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// The original's message type, four BCD digits.
    pub mti: u16,
    /// The original's DE11.
    pub stan: u32,
    /// The original's DE7, MMDDhhmmss.
    pub transmission: u32,
    /// The original's DE32; 0 when the sender does not know it.
    pub acquirer: u64,
}

/// What a sender says beside fields and amounts, as a set; most of it by marks that the link's settings name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u16);

impl Marks {
    /// Less than the amount may be approved (code 10).
    pub const PARTIAL: Marks = Marks(1);
    /// A purchase with cash may be approved without the cash (code 87).
    pub const PURCHASE_ONLY: Marks = Marks(1 << 1);
    /// It adds to an authorization that is still open; a zero amount prolongs it.
    pub const INCREMENTAL: Marks = Marks(1 << 2);
    /// One of several completions: the rest stays held.
    pub const SEVERAL: Marks = Marks(1 << 3);
    /// The last of several completions.
    pub const LAST: Marks = Marks(1 << 4);
    /// One of a series that the holder agreed to once.
    pub const RECURRING: Marks = Marks(1 << 5);
    /// It carries a PIN (DE52).
    pub const PIN: Marks = Marks(1 << 6);
    /// It carries a chip's cryptogram (DE55).
    pub const CRYPTOGRAM: Marks = Marks(1 << 7);
    /// It carries a card verification value: typed (CVV2, CVC2), or in the data of a stripe that was read.
    pub const CVV: Marks = Marks(1 << 8);
    /// It carries a MAC (DE64 or DE128).
    pub const MAC: Marks = Marks(1 << 9);

    /// Whether a message of this kind and operation says that it adds to an open authorization of a purchase.
    pub fn adds(self, kind: Kind, operation: Operation) -> bool {
        let authorizes = matches!(kind, Kind::Authorization | Kind::AuthorizationAdvice);
        authorizes && operation == Operation::Purchase && self.has(Marks::INCREMENTAL)
    }

    /// Whether it says so.
    pub fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    /// With this mark too.
    pub fn with(self, mark: Marks) -> Marks {
        Marks(self.0 | mark.0)
    }

    /// As a number, for records.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The set with this number.
    pub fn from_bits(bits: u16) -> Marks {
        Marks(bits)
    }
}

/// A request, advice or reversal as the decision sees it. Text fields are space-filled; numbers are 0 when absent.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The message type as received.
    pub mti: Mti,
    /// What the message type asks.
    pub kind: Kind,
    /// What DE3 and the amount ask.
    pub operation: Operation,
    /// DE2, or the PAN of the track when DE2 is absent. `None` only for network management.
    pub pan: Option<Pan>,
    /// DE2 and DE35 carry different PANs.
    pub pan_mismatch: bool,
    /// DE3, six digits.
    pub processing_code: u32,
    /// DE4 in minor units of DE49.
    pub amount_minor: i64,
    /// DE49, ISO 4217 numeric; 0 when absent: the account's currency is meant.
    pub currency: u16,
    /// DE6 in minor units of DE51; only with `billing_currency`.
    pub billing_minor: i64,
    /// DE51; 0 when absent.
    pub billing_currency: u16,
    /// The cash part of DE4, in its currency; 0 for none.
    pub cashback_minor: i64,
    /// DE28 in minor units of DE49: what the acquirer charges the holder; negative where it is a credit.
    pub surcharge_minor: i64,
    /// DE8 in minor units of the billing currency: what the network charges the holder.
    pub billing_fee_minor: i64,
    /// DE7, MMDDhhmmss in UTC; 0 when absent.
    pub transmission: u32,
    /// DE11.
    pub stan: u32,
    /// DE12, hhmmss.
    pub local_time: u32,
    /// DE13, MMDD.
    pub local_date: u16,
    /// DE14 (or the track's), YYMM; 0 when absent.
    pub expiry: u16,
    /// DE18.
    pub merchant_category: u16,
    /// The merchant's country, ISO 3166 number, from the places of the dialect or the link; 0 when it cannot be told.
    pub merchant_country: u16,
    /// DE19, the acquirer's country, ISO 3166 number; 0 when absent or none.
    pub acquirer_country: u16,
    /// DE22.
    pub entry_mode: u16,
    /// DE25.
    pub condition: u8,
    /// An estimated amount, a longer hold: DE25 is 06, or the link's own mark.
    pub preauthorization: bool,
    /// What else it says of itself.
    pub marks: Marks,
    /// DE32.
    pub acquirer: u64,
    /// DE37.
    pub retrieval_reference: [u8; 12],
    /// The network's own reference that all messages of a purchase share, where the link has one; else spaces.
    pub trace: [u8; 16],
    /// DE38 of an advice or reversal; spaces when absent.
    pub approval: [u8; 6],
    /// DE39 of an advice or reversal.
    pub response: Option<ResponseCode>,
    /// DE41.
    pub terminal: [u8; 8],
    /// DE42.
    pub merchant: [u8; 15],
    /// DE70, or what stands for it.
    pub network_code: u16,
    /// DE90.
    pub original: Option<Original>,
    /// DE95 positions 1-12: what the transaction becomes, in minor units of DE49; `None` or zero is a full reversal.
    pub replacement_minor: Option<i64>,
}
