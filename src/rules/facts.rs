//! What a condition can ask: one table of attributes, and the flat record of their values that a decision fills.
//! Must not know conditions, nor where a value comes from.

use super::Text;
use crate::message::meaning::country_numbered;
use crate::message::{Operation, Pan};
use std::ops::RangeInclusive;

/// The largest amount of a message in minor units: fifteen digits, so that sums stay far from 2^63.
pub(super) const MOST_AMOUNT: i64 = 999_999_999_999_999;
/// The largest balance, either way, and the largest sum of a month.
const MOST_MONEY: i64 = 9_999_999_999_999_999;
const MOST_COUNT: i64 = 1_000_000_000;
/// The end of the calendar's library, in the last days of the year 9999.
const LAST_SECOND: i64 = 253_402_207_200;

/// What kind of value an attribute has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A whole number of this range.
    Number(RangeInclusive<i64>),
    /// True or false.
    Flag,
    /// A text; one of the words or empty where there are words.
    Text(&'static [&'static str]),
    /// A card number, which can only be looked up in a list.
    Card,
}

/// Declares [`Attribute`] and [`Facts`]: variant, field or function, name in conditions, values, meaning.
macro_rules! attributes {
    (
        numbers { $($number:ident $number_field:ident $number_name:literal $range:expr, $number_doc:literal;)* }
        flags { $($flag:ident $flag_field:ident $flag_name:literal $flag_doc:literal;)* }
        texts { $($text:ident $text_field:ident $text_name:literal $words:expr, $text_doc:literal;)* }
        derived { $($derived:ident $function:ident $derived_name:literal $sort:expr, $derived_doc:literal;)* }
    ) => {
        /// Something of a message, its card, account, merchant or time that a condition can ask.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Attribute {
            $(#[doc = $number_doc] $number,)*
            $(#[doc = $flag_doc] $flag,)*
            $(#[doc = $text_doc] $text,)*
            $(#[doc = $derived_doc] $derived,)*
            /// The card number, for lists alone.
            CardNumber,
        }

        impl Attribute {
            /// Every attribute.
            pub const ALL: &[Attribute] = &[
                $(Attribute::$number,)* $(Attribute::$flag,)* $(Attribute::$text,)* $(Attribute::$derived,)*
                Attribute::CardNumber,
            ];

            /// The name in conditions.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Attribute::$number => $number_name,)*
                    $(Attribute::$flag => $flag_name,)*
                    $(Attribute::$text => $text_name,)*
                    $(Attribute::$derived => $derived_name,)*
                    Attribute::CardNumber => "card.number",
                }
            }

            /// What it can be.
            #[must_use]
            pub fn sort(self) -> Sort {
                match self {
                    $(Attribute::$number => Sort::Number($range),)*
                    $(Attribute::$flag => Sort::Flag,)*
                    $(Attribute::$text => Sort::Text($words),)*
                    $(Attribute::$derived => $sort,)*
                    Attribute::CardNumber => Sort::Card,
                }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Attribute::$number => $number_doc,)*
                    $(Attribute::$flag => $flag_doc,)*
                    $(Attribute::$text => $text_doc,)*
                    $(Attribute::$derived => $derived_doc,)*
                    Attribute::CardNumber => "DE2, or the number in the track: only `card.number in lists.NAME`",
                }
            }
        }

        /// What a decision knows when the rules are asked. What is absent is 0, false or empty.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct Facts {
            $(#[doc = $number_doc] pub $number_field: i64,)*
            $(#[doc = $flag_doc] pub $flag_field: bool,)*
            $(#[doc = $text_doc] pub $text_field: Text,)*
            /// DE22 of ISO 8583:1987, three digits: `pos.entry_mode` and all that follows from it.
            pub pos_entry: u16,
            /// The card number: only looked up in lists, never shown.
            pub card_number: Option<Pan>,
            /// The card, for limits of a card.
            pub card_id: Option<u64>,
            /// The account, for limits of an account.
            pub account_id: Option<u64>,
            /// A keyed hash of the customer's name, for limits of a customer.
            pub customer: Option<u64>,
        }

        impl Facts {
            /// A number, or a flag as 0 or 1; 0 for a text.
            #[inline]
            pub(super) fn number(&self, attribute: Attribute) -> i64 {
                match attribute {
                    $(Attribute::$number => self.$number_field,)*
                    $(Attribute::$flag => i64::from(self.$flag_field),)*
                    $(Attribute::$derived => self.$function(),)*
                    _ => 0,
                }
            }

            /// A text; empty for what is none.
            #[inline]
            pub(super) fn text(&self, attribute: Attribute) -> &Text {
                match attribute {
                    $(Attribute::$text => &self.$text_field,)*
                    _ => &Text::EMPTY,
                }
            }

            /// Sets a number or a flag that is filled and not derived; whether it is one.
            pub fn set_number(&mut self, attribute: Attribute, value: i64) -> bool {
                match attribute {
                    $(Attribute::$number => self.$number_field = value,)*
                    $(Attribute::$flag => self.$flag_field = value != 0,)*
                    _ => return false,
                }
                true
            }

            /// Sets a text; whether the attribute is one.
            pub fn set_text(&mut self, attribute: Attribute, value: Text) -> bool {
                match attribute {
                    $(Attribute::$text => self.$text_field = value,)*
                    _ => return false,
                }
                true
            }

            /// The same with every number within its range, which is what conditions were checked for. Numbers outside
            /// do no harm (sums wrap, a division by zero is zero), but say nothing sensible either.
            #[must_use]
            pub fn bounded(mut self) -> Facts {
                $({
                    let range: RangeInclusive<i64> = $range;
                    self.$number_field = self.$number_field.clamp(*range.start(), *range.end());
                })*
                self.pos_entry = self.pos_entry.min(999);
                self
            }
        }
    };
}

/// The words of `request.type`.
const TYPES: &[&str] = &["purchase", "cash", "credit", "inquiry", "verification"];
/// The words of `request.kind`.
const KINDS: &[&str] = &["authorization", "financial"];

attributes! {
    numbers {
        RequestAmount request_amount "request.amount" 0..=MOST_AMOUNT, "the amount in minor units of the account's currency";
        RequestTransactionAmount request_transaction_amount "request.transaction_amount" 0..=999_999_999_999, "DE4, minor units of DE49";
        RequestCurrency request_currency "request.currency" 0..=999, "DE49, ISO 4217 number";
        RequestProcessingCode request_processing_code "request.processing_code" 0..=999_999, "DE3, six digits";
        RequestCashback request_cashback "request.cashback" 0..=MOST_AMOUNT, "the cash part of a purchase, minor units of the account's currency";
        RequestFee request_fee "request.fee" -MOST_AMOUNT..=MOST_AMOUNT, "DE28, what the acquirer charges the holder, minor units of DE49; below 0 a credit";
        RequestAcquirer request_acquirer "request.acquirer" 0..=99_999_999_999, "DE32";
        RequestStan request_stan "request.stan" 0..=999_999, "DE11";
        PosCondition pos_condition "pos.condition" 0..=99, "DE25";
        CardBin card_bin "card.bin" 0..=999_999, "the first six digits of the card number";
        CardBin8 card_bin8 "card.bin8" 0..=99_999_999, "the first eight digits of the card number";
        CardLastFour card_last_four "card.last_four" 0..=9_999, "the last four digits of the card number";
        CardExpiry card_expiry "card.expiry" 0..=9_912, "the card's expiry, YYMM";
        CardDayCount card_day_count "card.day_count" 0..=MOST_COUNT, "the card's debits of the day before this one";
        CardDayAmount card_day_amount "card.day_amount" -MOST_MONEY..=MOST_MONEY, "the sum of the card's debits of the day before this one, minor units";
        CardMonthCount card_month_count "card.month_count" 0..=MOST_COUNT, "the card's debits of the month before this one";
        CardMonthAmount card_month_amount "card.month_amount" -MOST_MONEY..=MOST_MONEY, "the sum of the card's debits of the month before this one, minor units";
        CardDayCashCount card_day_cash_count "card.day_cash_count" 0..=MOST_COUNT, "the card's cash withdrawals of the day before this one";
        CardDayCashAmount card_day_cash_amount "card.day_cash_amount" -MOST_MONEY..=MOST_MONEY, "the sum of the card's cash withdrawals of the day before this one, minor units";
        AccountDayCount account_day_count "account.day_count" 0..=MOST_COUNT, "the account's debits of the day before this one";
        AccountDayAmount account_day_amount "account.day_amount" -MOST_MONEY..=MOST_MONEY, "the sum of the account's debits of the day before this one, minor units";
        AccountMonthCount account_month_count "account.month_count" 0..=MOST_COUNT, "the account's debits of the month before this one";
        AccountMonthAmount account_month_amount "account.month_amount" -MOST_MONEY..=MOST_MONEY, "the sum of the account's debits of the month before this one, minor units";
        AccountDayCashCount account_day_cash_count "account.day_cash_count" 0..=MOST_COUNT, "the account's cash withdrawals of the day before this one";
        AccountDayCashAmount account_day_cash_amount "account.day_cash_amount" -MOST_MONEY..=MOST_MONEY, "the sum of the account's cash withdrawals of the day before this one, minor units";
        AccountAvailable account_available "account.available" -MOST_MONEY..=MOST_MONEY, "what can be spent: the ledger balance less open holds, minor units";
        AccountLedger account_ledger "account.ledger" -MOST_MONEY..=MOST_MONEY, "the ledger balance, minor units";
        AccountHeld account_held "account.held" -MOST_MONEY..=MOST_MONEY, "open holds, minor units";
        AccountCurrency account_currency "account.currency" 0..=999, "the account's currency, ISO 4217 number";
        MerchantCategory merchant_category "merchant.category" 0..=9_999, "DE18, merchant category code";
        MerchantCountryCode merchant_country_code "merchant.country_code" 0..=999, "where the merchant is, ISO 3166 number; 0 when it cannot be told";
        AcquirerCountryCode acquirer_country_code "acquirer.country_code" 0..=999, "DE19, where the acquirer is, ISO 3166 number; 0 when absent";
        ClockUnix clock_unix "clock.unix" 0..=LAST_SECOND, "now, in seconds since 1970 in UTC";
        ClockLocalHour clock_local_hour "clock.local_hour" 0..=23, "the hour of DE12, the terminal's time";
    }
    flags {
        RequestPreauthorization request_preauthorization "request.preauthorization" "an estimated amount: DE25 is 06";
        RequestIncremental request_incremental "request.incremental" "adds to an authorization before it";
        RequestRecurring request_recurring "request.recurring" "a standing order or subscription";
        RequestPartialOk request_partial_ok "request.partial_ok" "the terminal takes an approval of less than it asked for";
        PosPin pos_pin "pos.pin" "DE52 is present";
        PosCvv pos_cvv "pos.cvv" "a card verification value is present: typed, or in the track of a stripe that was read";
        PosCryptogram pos_cryptogram "pos.cryptogram" "DE55 has a cryptogram";
    }
    texts {
        RequestType request_type "request.type" TYPES, "what is asked for";
        RequestKind request_kind "request.kind" KINDS, "0100 or 0200";
        LinkName link_name "link.name" &[], "the link it came by";
        CardProgram card_program "card.program" &[], "the card's program";
        MerchantId merchant_id "merchant.id" &[], "DE42 without padding";
        MerchantCountry merchant_country "merchant.country" &[], "where the merchant is, two letters: from the place that the dialect or the link names; empty when it cannot be told";
        AcquirerCountry acquirer_country "acquirer.country" &[], "DE19, where the acquirer is, two letters; empty when absent";
        MerchantTerminal merchant_terminal "merchant.terminal" &[], "DE41 without padding";
    }
    derived {
        PosEntryMode entry_mode "pos.entry_mode" Sort::Number(0..=99), "DE22, first two digits";
        PosPinCapability pin_capability "pos.pin_capability" Sort::Number(0..=9), "DE22, third digit";
        PosChip chip "pos.chip" Sort::Flag, "entry mode 05, 07 or 95: the chip was read";
        PosContactless contactless "pos.contactless" Sort::Flag, "entry mode 07 or 91";
        PosMagstripe magstripe "pos.magstripe" Sort::Flag, "entry mode 02, 80, 90 or 91: the stripe or its data";
        PosManual manual "pos.manual" Sort::Flag, "entry mode 01 or 79: keyed";
        PosEcommerce ecommerce "pos.ecommerce" Sort::Flag, "entry mode 09, 81 or 82, or DE25 59";
        PosCardPresent card_present "pos.card_present" Sort::Flag, "chip, contactless, stripe or fallback; not where DE25 says that the card is not there (01, 05, 08, 15, 40, 59)";
        ClockHour hour "clock.hour" Sort::Number(0..=23), "UTC";
        ClockMinute minute "clock.minute" Sort::Number(0..=59), "UTC";
        ClockWeekday weekday "clock.weekday" Sort::Number(0..=6), "UTC; Sunday is 0";
        ClockDay day "clock.day" Sort::Number(1..=31), "day of the month in UTC";
        ClockMonth month "clock.month" Sort::Number(1..=12), "month in UTC; January is 1";
    }
}

/// What follows from other fields. Values of DE22 digits 1-2 are those of ISO 8583:1987 and what the networks add.
impl Facts {
    fn entry_mode(&self) -> i64 {
        i64::from(self.pos_entry / 10)
    }

    fn pin_capability(&self) -> i64 {
        i64::from(self.pos_entry % 10)
    }

    fn chip(&self) -> i64 {
        i64::from(matches!(self.pos_entry / 10, 5 | 7 | 95))
    }

    fn contactless(&self) -> i64 {
        i64::from(matches!(self.pos_entry / 10, 7 | 91))
    }

    fn magstripe(&self) -> i64 {
        i64::from(matches!(self.pos_entry / 10, 2 | 80 | 90 | 91))
    }

    fn manual(&self) -> i64 {
        i64::from(matches!(self.pos_entry / 10, 1 | 79))
    }

    fn ecommerce(&self) -> i64 {
        i64::from(matches!(self.pos_entry / 10, 9 | 81 | 82) || self.pos_condition == 59)
    }

    fn card_present(&self) -> i64 {
        let read = matches!(self.pos_entry / 10, 2 | 5 | 7 | 80 | 90 | 91 | 95);
        i64::from(read && !matches!(self.pos_condition, 1 | 5 | 8 | 15 | 40 | 59))
    }

    fn hour(&self) -> i64 {
        self.clock_unix.div_euclid(3_600).rem_euclid(24)
    }

    fn minute(&self) -> i64 {
        self.clock_unix.div_euclid(60).rem_euclid(60)
    }

    fn weekday(&self) -> i64 {
        // 1970 began on a Thursday.
        (self.clock_unix.div_euclid(86_400).rem_euclid(7) + 4) % 7
    }

    fn day(&self) -> i64 {
        self.date().0
    }

    fn month(&self) -> i64 {
        self.date().1
    }

    fn date(&self) -> (i64, i64) {
        let second = self.clock_unix.clamp(0, LAST_SECOND);
        jiff::Timestamp::from_second(second).map_or((1, 1), |moment| {
            let there = jiff::tz::Offset::UTC.to_datetime(moment);
            (i64::from(there.day()), i64::from(there.month()))
        })
    }

    /// Fills what the card number says.
    pub fn set_card(&mut self, pan: Pan) {
        self.card_number = Some(pan);
        self.card_bin = i64::from(pan.prefix(6));
        self.card_bin8 = i64::from(pan.prefix(8));
        self.card_last_four = i64::from(pan.last_four());
    }

    /// Fills the merchant's and the acquirer's country in both spellings; ISO 3166 numbers, 0 where it cannot be told.
    pub fn set_countries(&mut self, merchant: u16, acquirer: u16) {
        (self.merchant_country, self.merchant_country_code) = spelt(merchant);
        (self.acquirer_country, self.acquirer_country_code) = spelt(acquirer);
    }

    /// Fills `request.type`.
    pub fn set_operation(&mut self, operation: Operation) {
        let word = match operation {
            Operation::Purchase => "purchase",
            Operation::Cash => "cash",
            Operation::Credit => "credit",
            Operation::Inquiry => "inquiry",
            Operation::Verification => "verification",
            Operation::Unsupported => "",
        };
        self.request_type = Text::of_field(word.as_bytes());
    }

    /// An attribute's value as people read it; the card number is never shown.
    #[must_use]
    pub fn shown(&self, attribute: Attribute) -> String {
        match attribute.sort() {
            Sort::Number(_) => self.number(attribute).to_string(),
            Sort::Flag => (self.number(attribute) != 0).to_string(),
            Sort::Text(_) => format!("{:?}", self.text(attribute)),
            Sort::Card => "(not shown)".to_owned(),
        }
    }
}

/// A country's letters and number.
fn spelt(number: u16) -> (Text, i64) {
    let letters =
        country_numbered(number).map_or(Text::EMPTY, |country| Text::of_field(country.alpha2.as_bytes()));
    (letters, number.into())
}

impl Attribute {
    /// Whether it is a country in letters: what it is compared with is one too.
    pub(super) fn is_country(self) -> bool {
        matches!(self, Attribute::MerchantCountry | Attribute::AcquirerCountry)
    }

    /// The attribute of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Attribute> {
        Attribute::ALL.iter().copied().find(|attribute| attribute.name() == name)
    }

    /// What its numbers can be; a flag is 0 or 1.
    pub(super) fn range(self) -> (i64, i64) {
        match self.sort() {
            Sort::Number(range) => (*range.start(), *range.end()),
            _ => (0, 1),
        }
    }
}

impl Sort {
    /// As tables and errors call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Sort::Number(_) => "int",
            Sort::Flag => "bool",
            Sort::Text(_) => "string",
            Sort::Card => "card",
        }
    }
}
