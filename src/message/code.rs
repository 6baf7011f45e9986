//! The one table of refusals: why a request is not approved, its ISO 8583:1987 response code and its words.

use std::fmt;

/// DE39 of ISO 8583:1987: two letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResponseCode(pub [u8; 2]);

impl ResponseCode {
    /// Approved, accepted.
    pub const APPROVED: ResponseCode = ResponseCode(*b"00");
    /// Approved for less than was asked.
    pub const PARTIAL: ResponseCode = ResponseCode(*b"10");
    /// No reason to decline: a good card that was only asked about.
    pub const VERIFIED: ResponseCode = ResponseCode(*b"85");
    /// The purchase without its cash.
    pub const PURCHASE_ONLY: ResponseCode = ResponseCode(*b"87");
    /// Format error.
    pub const FORMAT_ERROR: ResponseCode = ResponseCode(*b"30");
    /// Issuer or switch inoperative: the budget is spent, or an overload.
    pub const UNAVAILABLE: ResponseCode = ResponseCode(*b"91");
    /// System malfunction: not stored.
    pub const MALFUNCTION: ResponseCode = ResponseCode(*b"96");

    /// Whether the code approves (00, 08, 10, 11, 16, 85, 87).
    pub fn is_approval(self) -> bool {
        matches!(&self.0, b"00" | b"08" | b"10" | b"11" | b"16" | b"85" | b"87")
    }

    /// The two characters; a byte that is not printable shows as `?`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares [`Refusal`]: variant, stored number (never reused: the journal holds it), DE39, name.
macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $code:literal, $name:literal;)*) => {
        /// Why a request was not approved. `None` is an approval or an acknowledgement.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Refusal { $($(#[$doc])* $variant = $number,)* }

        impl Refusal {
            /// Every refusal, in the order of the table.
            pub const ALL: &[Refusal] = &[$(Refusal::$variant,)*];

            /// The DE39 it is answered with in ISO 8583:1987.
            pub fn code(self) -> ResponseCode {
                match self { $(Refusal::$variant => ResponseCode(*$code),)* }
            }

            /// The name used in journal dumps and logs.
            pub fn name(self) -> &'static str {
                match self { $(Refusal::$variant => $name,)* }
            }

            /// The refusal with this stored number.
            pub fn from_number(number: u8) -> Option<Refusal> {
                match number { $($number => Some(Refusal::$variant),)* _ => None }
            }
        }
    };
}

refusals! {
    /// Approved or acknowledged.
    None = 0, b"00", "none";
    /// The message is well formed on the wire but its content is not usable.
    Format = 1, b"30", "format-error";
    /// The same key came before with other content.
    DuplicateKey = 2, b"94", "duplicate-key";
    /// The reversal of this request came before it.
    AlreadyReversed = 3, b"94", "already-reversed";
    /// No such card.
    UnknownCard = 4, b"14", "unknown-card";
    /// The card is reported lost.
    Lost = 5, b"41", "lost";
    /// The card is reported stolen.
    Stolen = 6, b"43", "stolen";
    /// The card is under suspicion of fraud.
    Fraud = 7, b"59", "suspected-fraud";
    /// The card is blocked, closed or not yet active.
    Restricted = 8, b"62", "restricted-card";
    /// The card's status is a plain refusal.
    DoNotHonor = 9, b"05", "do-not-honor";
    /// Too many wrong PINs.
    PinTries = 10, b"75", "pin-tries-exceeded";
    /// The card has expired, or the expiry in the message is not the card's.
    Expired = 11, b"54", "expired";
    /// The transaction type is not one this issuer offers.
    InvalidTransaction = 12, b"12", "invalid-transaction";
    /// A zero amount where money is asked for, or one the ledger cannot hold.
    InvalidAmount = 13, b"13", "invalid-amount";
    /// The merchant category is not allowed for the card.
    MerchantCategory = 14, b"57", "merchant-category";
    /// The country is not allowed for the card.
    Country = 15, b"62", "country";
    /// The amount is in another currency than the account's and carries no billing amount.
    Currency = 16, b"57", "currency";
    /// Too many transactions of the card in the day or month.
    CardCount = 17, b"65", "card-count-limit";
    /// The card's amount per transaction, day or month.
    CardAmount = 18, b"61", "card-amount-limit";
    /// Too many transactions of the account in the day or month.
    AccountCount = 19, b"65", "account-count-limit";
    /// The account's amount per transaction, day or month.
    AccountAmount = 20, b"61", "account-amount-limit";
    /// Not enough available funds.
    Funds = 21, b"51", "insufficient-funds";
    /// The link's budget was spent before the request was decided.
    BudgetSpent = 22, b"91", "budget-spent";
    /// As many transactions must be remembered as may be: nothing new is approved, so that nothing booked is forgotten.
    TableFull = 23, b"91", "transactions-full";
    /// The journal takes no records: disk full, or its buffer.
    NotStored = 24, b"96", "not-stored";
    /// The link has not signed on and its settings ask for it.
    NotSignedOn = 25, b"91", "not-signed-on";
    /// The network management code is not one this switch knows.
    UnknownNetworkCode = 26, b"12", "unknown-network-code";
    /// The message type is not one this switch serves.
    UnsupportedType = 27, b"12", "unsupported-type";
    /// The PAN of DE2 and that of the track differ.
    PanMismatch = 28, b"14", "pan-mismatch";
    /// A rule of the rule set; it chooses the code.
    Rule = 29, b"05", "rule";
    /// Too many transactions for a limit of the rule set; it chooses the code.
    LimitCount = 30, b"65", "limit-count";
    /// Too much for a limit of the rule set; it chooses the code.
    LimitAmount = 31, b"61", "limit-amount";
    /// No room for one more counter of the rule set's limits.
    LimitsFull = 32, b"91", "limits-full";
    /// No room to remember an advice or a reversal: not acknowledged, so that its sender keeps it. Leaves no record.
    NoRoom = 33, b"96", "no-room";
    /// A PIN came, or had to come, and was not verified; the dialect chooses the code.
    PinNotVerified = 40, b"86", "pin-not-verified";
    /// A card verification value came, or had to come, and was not verified; the dialect chooses the code.
    CvvNotVerified = 41, b"86", "cvv-not-verified";
    /// A cryptogram came, or had to come, and was not verified; the dialect chooses the code.
    CryptogramNotVerified = 42, b"86", "cryptogram-not-verified";
    /// A MAC came, or had to come, and was not verified; the dialect chooses the code. Leaves no record.
    MacNotVerified = 43, b"96", "mac-not-verified";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_numbers_come_back() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_number(*refusal as u8), Some(*refusal));
            assert_eq!(refusal.code().is_approval(), *refusal == Refusal::None, "{}", refusal.name());
        }
        assert_eq!(Refusal::from_number(250), None);
    }
}
