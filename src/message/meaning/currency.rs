//! Currencies of ISO 4217 with their minor units, and amounts in words. Knows no message. A test judges the
//! table by an independent package. A network may count minor units otherwise than ISO does.

use super::table::Words;
use std::fmt::Write;

/// A currency of ISO 4217, or one withdrawn so lately that messages with it are still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency {
    /// Three digits, as DE49 to DE51 and tag 5F2A carry it.
    pub number: &'static str,
    /// Three letters.
    pub code: &'static str,
    /// Digits behind the decimal point; `None` where ISO 4217 gives none (metals, units of account).
    pub minor: Option<u8>,
    /// In English; ends in `(withdrawn)` where ISO 4217 lists it no more.
    pub name: &'static str,
}

/// Every currency known, by number.
pub fn currencies() -> &'static [Currency] {
    &ROWS
}

/// Digits behind the decimal point of a currency by its ISO 4217 number; `None` where it has none or is unknown.
pub fn minor_units(number: u16) -> Option<u8> {
    let place = ROWS.binary_search_by_key(&Some(number), |row| row.number.parse().ok()).ok()?;
    ROWS.get(place)?.minor
}

/// The ISO 4217 number of a currency by its letters or its three digits.
pub fn currency_number(text: &str) -> Option<u16> {
    find(text)?.number.parse().ok()
}

/// A currency by its number (three digits, or four with a leading zero as packed fields have it) or its letters.
pub(super) fn find(text: &str) -> Option<&'static Currency> {
    let number = match text.len() {
        4 => text.strip_prefix('0')?,
        _ => text,
    };
    match ROWS.binary_search_by(|row| row.number.cmp(number)) {
        Ok(index) => Some(&ROWS[index]),
        Err(_) => ROWS.iter().find(|row| row.code == text),
    }
}

/// `840` is `USD, US dollar (2 decimals)`.
pub(super) fn currency(value: &str) -> Words {
    let Currency { code, name, minor, .. } = find(value)?;
    let decimals = match minor {
        Some(0) => "no decimals".to_owned(),
        Some(minor) => format!("{minor} decimals"),
        None => return Some(format!("{code}, {name}").into()),
    };
    Some(format!("{code}, {name} ({decimals})").into())
}

/// An amount in minor units, as a field carries it, in its currency: `1000` in `840` is `10.00 USD`.
///
/// `value` is up to 16 digits, after a sign C or D where the field has one (`credit 10.00 USD`); `currency` is
/// the number or the letters. The decimals are those of ISO 4217, never presumed: `None` for an unknown currency,
/// for one without minor units, and for what is no amount. Some networks count a currency otherwise: there
/// the network's manual is right and these words are not.
pub fn amount(value: &str, currency: &str) -> Option<String> {
    let Currency { code, minor, .. } = find(currency)?;
    let minor = (*minor)?;
    match value.as_bytes().first()? {
        b'C' => Some(format!("credit {}", decimal(&value[1..], minor, code)?)),
        b'D' => Some(format!("debit {}", decimal(&value[1..], minor, code)?)),
        _ => decimal(value, minor, code),
    }
}

/// Digits with `minor` of them behind the point, thousands apart, and the currency's letters. At most 16 digits.
pub(super) fn decimal(digits: &str, minor: u8, code: &str) -> Option<String> {
    if digits.is_empty() || digits.len() > 16 || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let (number, minor) = (digits.parse::<u64>().ok()?, u32::from(minor));
    let unit = 10u64.checked_pow(minor)?;
    let whole = (number / unit).to_string();
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if minor > 0 {
        let _ = write!(text, ".{:0width$}", number % unit, width = minor as usize);
    }
    Some(format!("{text} {code}"))
}

/// An amount of ISO 8583:2003, which holds its own currency: number, minor units, digits.
pub(super) fn amount_2003(value: &str) -> Option<String> {
    let (currency, rest) = value.split_at_checked(3)?;
    let (minor, digits) = rest.split_at_checked(1)?;
    let minor = minor.parse().ok()?;
    decimal(digits, minor, find(currency)?.code)
}

const fn row(number: &'static str, code: &'static str, minor: Option<u8>, name: &'static str) -> Currency {
    Currency { number, code, minor, name }
}

const ROWS: [Currency; 183] = [
    row("008", "ALL", Some(2), "Albanian lek"),
    row("012", "DZD", Some(2), "Algerian dinar"),
    row("032", "ARS", Some(2), "Argentine peso"),
    row("036", "AUD", Some(2), "Australian dollar"),
    row("044", "BSD", Some(2), "Bahamian dollar"),
    row("048", "BHD", Some(3), "Bahraini dinar"),
    row("050", "BDT", Some(2), "Bangladeshi taka"),
    row("051", "AMD", Some(2), "Armenian dram"),
    row("052", "BBD", Some(2), "Barbados dollar"),
    row("060", "BMD", Some(2), "Bermudian dollar"),
    row("064", "BTN", Some(2), "Bhutanese ngultrum"),
    row("068", "BOB", Some(2), "Bolivian boliviano"),
    row("072", "BWP", Some(2), "Botswana pula"),
    row("084", "BZD", Some(2), "Belize dollar"),
    row("090", "SBD", Some(2), "Solomon Islands dollar"),
    row("096", "BND", Some(2), "Brunei dollar"),
    row("104", "MMK", Some(2), "Myanmar kyat"),
    row("108", "BIF", Some(0), "Burundian franc"),
    row("116", "KHR", Some(2), "Cambodian riel"),
    row("124", "CAD", Some(2), "Canadian dollar"),
    row("132", "CVE", Some(2), "Cape Verdean escudo"),
    row("136", "KYD", Some(2), "Cayman Islands dollar"),
    row("144", "LKR", Some(2), "Sri Lankan rupee"),
    row("152", "CLP", Some(0), "Chilean peso"),
    row("156", "CNY", Some(2), "Chinese yuan renminbi"),
    row("170", "COP", Some(2), "Colombian peso"),
    row("174", "KMF", Some(0), "Comorian franc"),
    row("188", "CRC", Some(2), "Costa Rican colon"),
    row("191", "HRK", Some(2), "Croatian kuna (withdrawn)"),
    row("192", "CUP", Some(2), "Cuban peso"),
    row("203", "CZK", Some(2), "Czech koruna"),
    row("208", "DKK", Some(2), "Danish krone"),
    row("214", "DOP", Some(2), "Dominican peso"),
    row("222", "SVC", Some(2), "Salvadoran colon"),
    row("230", "ETB", Some(2), "Ethiopian birr"),
    row("232", "ERN", Some(2), "Eritrean nakfa"),
    row("238", "FKP", Some(2), "Falkland Islands pound"),
    row("242", "FJD", Some(2), "Fiji dollar"),
    row("262", "DJF", Some(0), "Djibouti franc"),
    row("270", "GMD", Some(2), "Gambian dalasi"),
    row("292", "GIP", Some(2), "Gibraltar pound"),
    row("320", "GTQ", Some(2), "Guatemalan quetzal"),
    row("324", "GNF", Some(0), "Guinean franc"),
    row("328", "GYD", Some(2), "Guyana dollar"),
    row("332", "HTG", Some(2), "Haitian gourde"),
    row("340", "HNL", Some(2), "Honduran lempira"),
    row("344", "HKD", Some(2), "Hong Kong dollar"),
    row("348", "HUF", Some(2), "Hungarian forint"),
    row("352", "ISK", Some(0), "Icelandic krona"),
    row("356", "INR", Some(2), "Indian rupee"),
    row("360", "IDR", Some(2), "Indonesian rupiah"),
    row("364", "IRR", Some(2), "Iranian rial"),
    row("368", "IQD", Some(3), "Iraqi dinar"),
    row("376", "ILS", Some(2), "Israeli new shekel"),
    row("388", "JMD", Some(2), "Jamaican dollar"),
    row("392", "JPY", Some(0), "Japanese yen"),
    row("396", "XAD", Some(2), "Arab accounting dinar"),
    row("398", "KZT", Some(2), "Kazakhstani tenge"),
    row("400", "JOD", Some(3), "Jordanian dinar"),
    row("404", "KES", Some(2), "Kenyan shilling"),
    row("408", "KPW", Some(2), "North Korean won"),
    row("410", "KRW", Some(0), "South Korean won"),
    row("414", "KWD", Some(3), "Kuwaiti dinar"),
    row("417", "KGS", Some(2), "Kyrgyz som"),
    row("418", "LAK", Some(2), "Lao kip"),
    row("422", "LBP", Some(2), "Lebanese pound"),
    row("426", "LSL", Some(2), "Lesotho loti"),
    row("430", "LRD", Some(2), "Liberian dollar"),
    row("434", "LYD", Some(3), "Libyan dinar"),
    row("446", "MOP", Some(2), "Macao pataca"),
    row("454", "MWK", Some(2), "Malawian kwacha"),
    row("458", "MYR", Some(2), "Malaysian ringgit"),
    row("462", "MVR", Some(2), "Maldivian rufiyaa"),
    row("480", "MUR", Some(2), "Mauritian rupee"),
    row("484", "MXN", Some(2), "Mexican peso"),
    row("496", "MNT", Some(2), "Mongolian tugrik"),
    row("498", "MDL", Some(2), "Moldovan leu"),
    row("504", "MAD", Some(2), "Moroccan dirham"),
    row("512", "OMR", Some(3), "Omani rial"),
    row("516", "NAD", Some(2), "Namibian dollar"),
    row("524", "NPR", Some(2), "Nepalese rupee"),
    row("532", "XCG", Some(2), "Caribbean guilder"),
    row("533", "AWG", Some(2), "Aruban florin"),
    row("548", "VUV", Some(0), "Vanuatu vatu"),
    row("554", "NZD", Some(2), "New Zealand dollar"),
    row("558", "NIO", Some(2), "Nicaraguan cordoba"),
    row("566", "NGN", Some(2), "Nigerian naira"),
    row("578", "NOK", Some(2), "Norwegian krone"),
    row("586", "PKR", Some(2), "Pakistani rupee"),
    row("590", "PAB", Some(2), "Panamanian balboa"),
    row("598", "PGK", Some(2), "Papua New Guinean kina"),
    row("600", "PYG", Some(0), "Paraguayan guarani"),
    row("604", "PEN", Some(2), "Peruvian sol"),
    row("608", "PHP", Some(2), "Philippine peso"),
    row("634", "QAR", Some(2), "Qatari riyal"),
    row("643", "RUB", Some(2), "Russian ruble"),
    row("646", "RWF", Some(0), "Rwandan franc"),
    row("654", "SHP", Some(2), "Saint Helena pound"),
    row("682", "SAR", Some(2), "Saudi riyal"),
    row("690", "SCR", Some(2), "Seychellois rupee"),
    row("694", "SLL", Some(2), "Sierra Leonean leone, old (withdrawn)"),
    row("702", "SGD", Some(2), "Singapore dollar"),
    row("704", "VND", Some(0), "Vietnamese dong"),
    row("706", "SOS", Some(2), "Somali shilling"),
    row("710", "ZAR", Some(2), "South African rand"),
    row("728", "SSP", Some(2), "South Sudanese pound"),
    row("748", "SZL", Some(2), "Swazi lilangeni"),
    row("752", "SEK", Some(2), "Swedish krona"),
    row("756", "CHF", Some(2), "Swiss franc"),
    row("760", "SYP", Some(2), "Syrian pound"),
    row("764", "THB", Some(2), "Thai baht"),
    row("776", "TOP", Some(2), "Tongan pa'anga"),
    row("780", "TTD", Some(2), "Trinidad and Tobago dollar"),
    row("784", "AED", Some(2), "UAE dirham"),
    row("788", "TND", Some(3), "Tunisian dinar"),
    row("800", "UGX", Some(0), "Ugandan shilling"),
    row("807", "MKD", Some(2), "Macedonian denar"),
    row("818", "EGP", Some(2), "Egyptian pound"),
    row("826", "GBP", Some(2), "pound sterling"),
    row("834", "TZS", Some(2), "Tanzanian shilling"),
    row("840", "USD", Some(2), "US dollar"),
    row("858", "UYU", Some(2), "Uruguayan peso"),
    row("860", "UZS", Some(2), "Uzbekistani sum"),
    row("882", "WST", Some(2), "Samoan tala"),
    row("886", "YER", Some(2), "Yemeni rial"),
    row("901", "TWD", Some(2), "New Taiwan dollar"),
    row("924", "ZWG", Some(2), "Zimbabwe gold"),
    row("925", "SLE", Some(2), "Sierra Leonean leone"),
    row("926", "VED", Some(2), "Venezuelan bolivar (digital)"),
    row("927", "UYW", Some(4), "Uruguayan unidad previsional"),
    row("928", "VES", Some(2), "Venezuelan bolivar (soberano)"),
    row("929", "MRU", Some(2), "Mauritanian ouguiya"),
    row("930", "STN", Some(2), "Sao Tomean dobra"),
    row("931", "CUC", Some(2), "Cuban convertible peso (withdrawn)"),
    row("932", "ZWL", Some(2), "Zimbabwe dollar (withdrawn)"),
    row("933", "BYN", Some(2), "Belarusian ruble"),
    row("934", "TMT", Some(2), "Turkmenistani manat"),
    row("936", "GHS", Some(2), "Ghanaian cedi"),
    row("938", "SDG", Some(2), "Sudanese pound"),
    row("940", "UYI", Some(0), "Uruguayan peso in indexed units"),
    row("941", "RSD", Some(2), "Serbian dinar"),
    row("943", "MZN", Some(2), "Mozambican metical"),
    row("944", "AZN", Some(2), "Azerbaijani manat"),
    row("946", "RON", Some(2), "Romanian leu"),
    row("947", "CHE", Some(2), "WIR euro"),
    row("948", "CHW", Some(2), "WIR franc"),
    row("949", "TRY", Some(2), "Turkish lira"),
    row("950", "XAF", Some(0), "Central African CFA franc"),
    row("951", "XCD", Some(2), "East Caribbean dollar"),
    row("952", "XOF", Some(0), "West African CFA franc"),
    row("953", "XPF", Some(0), "CFP franc"),
    row("955", "XBA", None, "European composite unit"),
    row("956", "XBB", None, "European monetary unit"),
    row("957", "XBC", None, "European unit of account 9"),
    row("958", "XBD", None, "European unit of account 17"),
    row("959", "XAU", None, "gold"),
    row("960", "XDR", None, "special drawing rights"),
    row("961", "XAG", None, "silver"),
    row("962", "XPT", None, "platinum"),
    row("963", "XTS", None, "test currency"),
    row("964", "XPD", None, "palladium"),
    row("965", "XUA", None, "ADB unit of account"),
    row("967", "ZMW", Some(2), "Zambian kwacha"),
    row("968", "SRD", Some(2), "Surinamese dollar"),
    row("969", "MGA", Some(2), "Malagasy ariary"),
    row("970", "COU", Some(2), "Colombian unidad de valor real (fund)"),
    row("971", "AFN", Some(2), "Afghan afghani"),
    row("972", "TJS", Some(2), "Tajikistani somoni"),
    row("973", "AOA", Some(2), "Angolan kwanza"),
    row("975", "BGN", Some(2), "Bulgarian lev (withdrawn)"),
    row("976", "CDF", Some(2), "Congolese franc"),
    row("977", "BAM", Some(2), "Bosnian convertible mark"),
    row("978", "EUR", Some(2), "euro"),
    row("979", "MXV", Some(2), "Mexican unidad de inversion (fund)"),
    row("980", "UAH", Some(2), "Ukrainian hryvnia"),
    row("981", "GEL", Some(2), "Georgian lari"),
    row("984", "BOV", Some(2), "Bolivian mvdol (fund)"),
    row("985", "PLN", Some(2), "Polish zloty"),
    row("986", "BRL", Some(2), "Brazilian real"),
    row("990", "CLF", Some(4), "Chilean unidad de fomento (fund)"),
    row("994", "XSU", None, "Sucre"),
    row("997", "USN", Some(2), "US dollar (next day)"),
    row("999", concat!("XX", "X"), None, "no currency"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_each_code_stands_once() {
        assert!(ROWS.windows(2).all(|pair| pair[0].number < pair[1].number));
        for row in ROWS {
            assert_eq!(ROWS.iter().filter(|other| other.code == row.code).count(), 1, "{}", row.code);
            assert!(row.number.len() == 3 && row.code.len() == 3 && row.name.len() > 2, "{row:?}");
        }
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (value, currency, words) in [
            ("000000001000", "840", Some("10.00 USD")),
            ("000000001000", "0840", Some("10.00 USD")),
            ("000000001000", "USD", Some("10.00 USD")),
            ("000000001000", "392", Some("1,000 JPY")),
            ("000000001000", "414", Some("1.000 KWD")),
            ("000000000005", "990", Some("0.0005 CLF")),
            ("000000000000", "978", Some("0.00 EUR")),
            ("123456789012", "978", Some("1,234,567,890.12 EUR")),
            ("999999999999", "392", Some("999,999,999,999 JPY")),
            ("9999999999999999", "978", Some("99,999,999,999,999.99 EUR")),
            ("D00000100", "978", Some("debit 1.00 EUR")),
            ("C00000100", "978", Some("credit 1.00 EUR")),
            ("000000001000", "960", None),
            ("000000001000", "000", None),
            ("000000001000", "1840", None),
            ("10000000000000000", "978", None),
            ("00000000100a", "978", None),
            ("D", "978", None),
            ("", "978", None),
            ("12", "", None),
            ("\u{e9}", "978", None),
        ] {
            assert_eq!(amount(value, currency).as_deref(), words, "{value} {currency}");
        }
        assert_eq!(amount_2003("9782000000001000").as_deref(), Some("10.00 EUR"));
        assert_eq!(amount_2003("392000001000").as_deref(), Some("1,000 JPY"));
        assert_eq!(
            (amount_2003("97829"), amount_2003("97"), amount_2003("978x1")),
            (Some("0.09 EUR".into()), None, None)
        );
    }

    #[test]
    fn currencies_in_words() {
        assert_eq!(currency("840").as_deref(), Some("USD, US dollar (2 decimals)"));
        assert_eq!(currency("0392").as_deref(), Some("JPY, Japanese yen (no decimals)"));
        assert_eq!(currency("EUR").as_deref(), Some("EUR, euro (2 decimals)"));
        assert_eq!(currency("999").as_deref(), Some(concat!("XX", "X, no currency")));
        assert_eq!((currency("000"), currency("84"), currency("9840")), (None, None, None));
    }
}
