//! Countries of ISO 3166-1, by number and by letters. Knows no message. A test judges the table by an
//! independent package; the names are short everyday English and take no side.

use super::table::Words;
use std::sync::LazyLock;

/// A country of ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// Three digits, as DE19 to DE21 and tag 9F1A carry it.
    pub number: &'static str,
    /// Two letters.
    pub alpha2: &'static str,
    /// Three letters.
    pub alpha3: &'static str,
    /// In English.
    pub name: &'static str,
}

/// Every country, by number.
pub fn countries() -> &'static [Country] {
    &ROWS
}

/// Codes as numbers in base 37, so that all three ways to write a country share one table, and their rows; sorted.
static BY_CODE: LazyLock<Vec<(u16, u8)>> = LazyLock::new(|| {
    let codes = |row: &Country| [row.number, row.alpha2, row.alpha3];
    let mut table = Vec::new();
    for (index, row) in ROWS.iter().enumerate() {
        // There are 249 rows.
        table.extend(codes(row).map(|code| (packed(code.as_bytes()).unwrap_or_default(), index as u8)));
    }
    table.sort_unstable();
    table
});

/// Two or three digits or capital letters as one number; `None` for anything else.
fn packed(code: &[u8]) -> Option<u16> {
    let place = |byte: &u8| match byte {
        b'0'..=b'9' => Some(u16::from(byte - b'0') + 1),
        b'A'..=b'Z' => Some(u16::from(byte - b'A') + 11),
        _ => None,
    };
    let fits = (2..=3).contains(&code.len());
    fits.then(|| code.iter().try_fold(0, |sum, byte| Some(sum * 37 + place(byte)?))).flatten()
}

/// The row of a country by its two letters, three letters or three digits; no other text names one.
pub fn country_of(code: &[u8]) -> Option<&'static Country> {
    let packed = packed(code)?;
    let at = BY_CODE.binary_search_by_key(&packed, |(code, _)| *code).ok()?;
    ROWS.get(usize::from(BY_CODE.get(at)?.1))
}

/// The ISO 3166 number of a country by its two letters, three letters or three digits.
pub fn country_number(code: &[u8]) -> Option<u16> {
    country_of(code).map(Country::numeric)
}

/// The country of an ISO 3166 number.
pub fn country_numbered(number: u16) -> Option<&'static Country> {
    let digits = [100, 10, 1].map(|unit| b'0' + (number / unit % 10) as u8);
    if number > 999 { None } else { country_of(&digits) }
}

impl Country {
    /// The number as a number, 4 to 894.
    pub fn numeric(&self) -> u16 {
        self.number.bytes().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
    }
}

/// `276`, `0276`, `DE` and `DEU` are `Germany (DE)`.
pub(super) fn country(value: &str) -> Words {
    let number = match value.len() {
        4 => value.strip_prefix('0')?,
        _ => value,
    };
    let row = match ROWS.binary_search_by(|row| row.number.cmp(number)) {
        Ok(index) => ROWS.get(index)?,
        Err(_) => ROWS.iter().find(|row| row.alpha2 == value || row.alpha3 == value)?,
    };
    Some(format!("{} ({})", row.name, row.alpha2).into())
}

/// The country at the end of DE43 of ISO 8583:1987: two letters behind a space or, in Mastercard's layout,
/// three, where a state of two letters may stand instead. Where the city runs into it, nothing is sure.
pub(super) fn of_acceptor(value: &str) -> Words {
    let (rest, three) = (value.len() == 40).then(|| value.split_at_checked(37)).flatten()?;
    match three.strip_prefix(' ') {
        Some(two) => country(two),
        None if rest.ends_with(' ') && three.bytes().all(|c| c.is_ascii_uppercase()) => country(three),
        None => None,
    }
}

const fn row(
    number: &'static str,
    alpha2: &'static str,
    alpha3: &'static str,
    name: &'static str,
) -> Country {
    Country { number, alpha2, alpha3, name }
}

const ROWS: [Country; 249] = [
    row("004", "AF", "AFG", "Afghanistan"),
    row("008", "AL", "ALB", "Albania"),
    row("010", "AQ", "ATA", "Antarctica"),
    row("012", "DZ", "DZA", "Algeria"),
    row("016", "AS", "ASM", "American Samoa"),
    row("020", "AD", "AND", "Andorra"),
    row("024", "AO", "AGO", "Angola"),
    row("028", "AG", "ATG", "Antigua and Barbuda"),
    row("031", "AZ", "AZE", "Azerbaijan"),
    row("032", "AR", "ARG", "Argentina"),
    row("036", "AU", "AUS", "Australia"),
    row("040", "AT", "AUT", "Austria"),
    row("044", "BS", "BHS", "Bahamas"),
    row("048", "BH", "BHR", "Bahrain"),
    row("050", "BD", "BGD", "Bangladesh"),
    row("051", "AM", "ARM", "Armenia"),
    row("052", "BB", "BRB", "Barbados"),
    row("056", "BE", "BEL", "Belgium"),
    row("060", "BM", "BMU", "Bermuda"),
    row("064", "BT", "BTN", "Bhutan"),
    row("068", "BO", "BOL", "Bolivia"),
    row("070", "BA", "BIH", "Bosnia and Herzegovina"),
    row("072", "BW", "BWA", "Botswana"),
    row("074", "BV", "BVT", "Bouvet Island"),
    row("076", "BR", "BRA", "Brazil"),
    row("084", "BZ", "BLZ", "Belize"),
    row("086", "IO", "IOT", "British Indian Ocean Territory"),
    row("090", "SB", "SLB", "Solomon Islands"),
    row("092", "VG", "VGB", "British Virgin Islands"),
    row("096", "BN", "BRN", "Brunei"),
    row("100", "BG", "BGR", "Bulgaria"),
    row("104", "MM", "MMR", "Myanmar"),
    row("108", "BI", "BDI", "Burundi"),
    row("112", "BY", "BLR", "Belarus"),
    row("116", "KH", "KHM", "Cambodia"),
    row("120", "CM", "CMR", "Cameroon"),
    row("124", "CA", "CAN", "Canada"),
    row("132", "CV", "CPV", "Cape Verde"),
    row("136", "KY", "CYM", "Cayman Islands"),
    row("140", "CF", "CAF", "Central African Republic"),
    row("144", "LK", "LKA", "Sri Lanka"),
    row("148", "TD", "TCD", "Chad"),
    row("152", "CL", "CHL", "Chile"),
    row("156", "CN", "CHN", "China"),
    row("158", "TW", "TWN", "Taiwan"),
    row("162", "CX", "CXR", "Christmas Island"),
    row("166", "CC", "CCK", "Cocos Islands"),
    row("170", "CO", "COL", "Colombia"),
    row("174", "KM", "COM", "Comoros"),
    row("175", "YT", "MYT", "Mayotte"),
    row("178", "CG", "COG", "Congo"),
    row("180", "CD", "COD", "Congo, Democratic Republic"),
    row("184", "CK", "COK", "Cook Islands"),
    row("188", "CR", "CRI", "Costa Rica"),
    row("191", "HR", "HRV", "Croatia"),
    row("192", "CU", "CUB", "Cuba"),
    row("196", "CY", "CYP", "Cyprus"),
    row("203", "CZ", "CZE", "Czechia"),
    row("204", "BJ", "BEN", "Benin"),
    row("208", "DK", "DNK", "Denmark"),
    row("212", "DM", "DMA", "Dominica"),
    row("214", "DO", "DOM", "Dominican Republic"),
    row("218", "EC", "ECU", "Ecuador"),
    row("222", "SV", "SLV", "El Salvador"),
    row("226", "GQ", "GNQ", "Equatorial Guinea"),
    row("231", "ET", "ETH", "Ethiopia"),
    row("232", "ER", "ERI", "Eritrea"),
    row("233", "EE", "EST", "Estonia"),
    row("234", "FO", "FRO", "Faroe Islands"),
    row("238", "FK", "FLK", "Falkland Islands"),
    row("239", "GS", "SGS", "South Georgia and the South Sandwich Islands"),
    row("242", "FJ", "FJI", "Fiji"),
    row("246", "FI", "FIN", "Finland"),
    row("248", "AX", "ALA", "Aland Islands"),
    row("250", "FR", "FRA", "France"),
    row("254", "GF", "GUF", "French Guiana"),
    row("258", "PF", "PYF", "French Polynesia"),
    row("260", "TF", "ATF", "French Southern Territories"),
    row("262", "DJ", "DJI", "Djibouti"),
    row("266", "GA", "GAB", "Gabon"),
    row("268", "GE", "GEO", "Georgia"),
    row("270", "GM", "GMB", "Gambia"),
    row("275", "PS", "PSE", "Palestine"),
    row("276", "DE", "DEU", "Germany"),
    row("288", "GH", "GHA", "Ghana"),
    row("292", "GI", "GIB", "Gibraltar"),
    row("296", "KI", "KIR", "Kiribati"),
    row("300", "GR", "GRC", "Greece"),
    row("304", "GL", "GRL", "Greenland"),
    row("308", "GD", "GRD", "Grenada"),
    row("312", "GP", "GLP", "Guadeloupe"),
    row("316", "GU", "GUM", "Guam"),
    row("320", "GT", "GTM", "Guatemala"),
    row("324", "GN", "GIN", "Guinea"),
    row("328", "GY", "GUY", "Guyana"),
    row("332", "HT", "HTI", "Haiti"),
    row("334", "HM", "HMD", "Heard Island and McDonald Islands"),
    row("336", "VA", "VAT", "Vatican City"),
    row("340", "HN", "HND", "Honduras"),
    row("344", "HK", "HKG", "Hong Kong"),
    row("348", "HU", "HUN", "Hungary"),
    row("352", "IS", "ISL", "Iceland"),
    row("356", "IN", "IND", "India"),
    row("360", "ID", "IDN", "Indonesia"),
    row("364", "IR", "IRN", "Iran"),
    row("368", "IQ", "IRQ", "Iraq"),
    row("372", "IE", "IRL", "Ireland"),
    row("376", "IL", "ISR", "Israel"),
    row("380", "IT", "ITA", "Italy"),
    row("384", "CI", "CIV", "Cote d'Ivoire"),
    row("388", "JM", "JAM", "Jamaica"),
    row("392", "JP", "JPN", "Japan"),
    row("398", "KZ", "KAZ", "Kazakhstan"),
    row("400", "JO", "JOR", "Jordan"),
    row("404", "KE", "KEN", "Kenya"),
    row("408", "KP", "PRK", "North Korea"),
    row("410", "KR", "KOR", "South Korea"),
    row("414", "KW", "KWT", "Kuwait"),
    row("417", "KG", "KGZ", "Kyrgyzstan"),
    row("418", "LA", "LAO", "Laos"),
    row("422", "LB", "LBN", "Lebanon"),
    row("426", "LS", "LSO", "Lesotho"),
    row("428", "LV", "LVA", "Latvia"),
    row("430", "LR", "LBR", "Liberia"),
    row("434", "LY", "LBY", "Libya"),
    row("438", "LI", "LIE", "Liechtenstein"),
    row("440", "LT", "LTU", "Lithuania"),
    row("442", "LU", "LUX", "Luxembourg"),
    row("446", "MO", "MAC", "Macao"),
    row("450", "MG", "MDG", "Madagascar"),
    row("454", "MW", "MWI", "Malawi"),
    row("458", "MY", "MYS", "Malaysia"),
    row("462", "MV", "MDV", "Maldives"),
    row("466", "ML", "MLI", "Mali"),
    row("470", "MT", "MLT", "Malta"),
    row("474", "MQ", "MTQ", "Martinique"),
    row("478", "MR", "MRT", "Mauritania"),
    row("480", "MU", "MUS", "Mauritius"),
    row("484", "MX", "MEX", "Mexico"),
    row("492", "MC", "MCO", "Monaco"),
    row("496", "MN", "MNG", "Mongolia"),
    row("498", "MD", "MDA", "Moldova"),
    row("499", "ME", "MNE", "Montenegro"),
    row("500", "MS", "MSR", "Montserrat"),
    row("504", "MA", "MAR", "Morocco"),
    row("508", "MZ", "MOZ", "Mozambique"),
    row("512", "OM", "OMN", "Oman"),
    row("516", "NA", "NAM", "Namibia"),
    row("520", "NR", "NRU", "Nauru"),
    row("524", "NP", "NPL", "Nepal"),
    row("528", "NL", "NLD", "Netherlands"),
    row("531", "CW", "CUW", "Curacao"),
    row("533", "AW", "ABW", "Aruba"),
    row("534", "SX", "SXM", "Sint Maarten"),
    row("535", "BQ", "BES", "Bonaire, Sint Eustatius and Saba"),
    row("540", "NC", "NCL", "New Caledonia"),
    row("548", "VU", "VUT", "Vanuatu"),
    row("554", "NZ", "NZL", "New Zealand"),
    row("558", "NI", "NIC", "Nicaragua"),
    row("562", "NE", "NER", "Niger"),
    row("566", "NG", "NGA", "Nigeria"),
    row("570", "NU", "NIU", "Niue"),
    row("574", "NF", "NFK", "Norfolk Island"),
    row("578", "NO", "NOR", "Norway"),
    row("580", "MP", "MNP", "Northern Mariana Islands"),
    row("581", "UM", "UMI", "US Minor Outlying Islands"),
    row("583", "FM", "FSM", "Micronesia"),
    row("584", "MH", "MHL", "Marshall Islands"),
    row("585", "PW", "PLW", "Palau"),
    row("586", "PK", "PAK", "Pakistan"),
    row("591", "PA", "PAN", "Panama"),
    row("598", "PG", "PNG", "Papua New Guinea"),
    row("600", "PY", "PRY", "Paraguay"),
    row("604", "PE", "PER", "Peru"),
    row("608", "PH", "PHL", "Philippines"),
    row("612", "PN", "PCN", "Pitcairn"),
    row("616", "PL", "POL", "Poland"),
    row("620", "PT", "PRT", "Portugal"),
    row("624", "GW", "GNB", "Guinea-Bissau"),
    row("626", "TL", "TLS", "Timor-Leste"),
    row("630", "PR", "PRI", "Puerto Rico"),
    row("634", "QA", "QAT", "Qatar"),
    row("638", "RE", "REU", "Reunion"),
    row("642", "RO", "ROU", "Romania"),
    row("643", "RU", "RUS", "Russia"),
    row("646", "RW", "RWA", "Rwanda"),
    row("652", "BL", "BLM", "Saint Barthelemy"),
    row("654", "SH", "SHN", "Saint Helena, Ascension and Tristan da Cunha"),
    row("659", "KN", "KNA", "Saint Kitts and Nevis"),
    row("660", "AI", "AIA", "Anguilla"),
    row("662", "LC", "LCA", "Saint Lucia"),
    row("663", "MF", "MAF", "Saint Martin"),
    row("666", "PM", "SPM", "Saint Pierre and Miquelon"),
    row("670", "VC", "VCT", "Saint Vincent and the Grenadines"),
    row("674", "SM", "SMR", "San Marino"),
    row("678", "ST", "STP", "Sao Tome and Principe"),
    row("682", "SA", "SAU", "Saudi Arabia"),
    row("686", "SN", "SEN", "Senegal"),
    row("688", "RS", "SRB", "Serbia"),
    row("690", "SC", "SYC", "Seychelles"),
    row("694", "SL", "SLE", "Sierra Leone"),
    row("702", "SG", "SGP", "Singapore"),
    row("703", "SK", "SVK", "Slovakia"),
    row("704", "VN", "VNM", "Vietnam"),
    row("705", "SI", "SVN", "Slovenia"),
    row("706", "SO", "SOM", "Somalia"),
    row("710", "ZA", "ZAF", "South Africa"),
    row("716", "ZW", "ZWE", "Zimbabwe"),
    row("724", "ES", "ESP", "Spain"),
    row("728", "SS", "SSD", "South Sudan"),
    row("729", "SD", "SDN", "Sudan"),
    row("732", "EH", "ESH", "Western Sahara"),
    row("740", "SR", "SUR", "Suriname"),
    row("744", "SJ", "SJM", "Svalbard and Jan Mayen"),
    row("748", "SZ", "SWZ", "Eswatini"),
    row("752", "SE", "SWE", "Sweden"),
    row("756", "CH", "CHE", "Switzerland"),
    row("760", "SY", "SYR", "Syria"),
    row("762", "TJ", "TJK", "Tajikistan"),
    row("764", "TH", "THA", "Thailand"),
    row("768", "TG", "TGO", "Togo"),
    row("772", "TK", "TKL", "Tokelau"),
    row("776", "TO", "TON", "Tonga"),
    row("780", "TT", "TTO", "Trinidad and Tobago"),
    row("784", "AE", "ARE", "United Arab Emirates"),
    row("788", "TN", "TUN", "Tunisia"),
    row("792", "TR", "TUR", "Turkey"),
    row("795", "TM", "TKM", "Turkmenistan"),
    row("796", "TC", "TCA", "Turks and Caicos Islands"),
    row("798", "TV", "TUV", "Tuvalu"),
    row("800", "UG", "UGA", "Uganda"),
    row("804", "UA", "UKR", "Ukraine"),
    row("807", "MK", "MKD", "North Macedonia"),
    row("818", "EG", "EGY", "Egypt"),
    row("826", "GB", "GBR", "United Kingdom"),
    row("831", "GG", "GGY", "Guernsey"),
    row("832", "JE", "JEY", "Jersey"),
    row("833", "IM", "IMN", "Isle of Man"),
    row("834", "TZ", "TZA", "Tanzania"),
    row("840", "US", "USA", "United States"),
    row("850", "VI", "VIR", "US Virgin Islands"),
    row("854", "BF", "BFA", "Burkina Faso"),
    row("858", "UY", "URY", "Uruguay"),
    row("860", "UZ", "UZB", "Uzbekistan"),
    row("862", "VE", "VEN", "Venezuela"),
    row("876", "WF", "WLF", "Wallis and Futuna"),
    row("882", "WS", "WSM", "Samoa"),
    row("887", "YE", "YEM", "Yemen"),
    row("894", "ZM", "ZMB", "Zambia"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_each_code_stands_once() {
        assert!(ROWS.windows(2).all(|pair| pair[0].number < pair[1].number));
        for row in ROWS {
            let twins = |other: &&Country| other.alpha2 == row.alpha2 || other.alpha3 == row.alpha3;
            assert_eq!(ROWS.iter().filter(twins).count(), 1, "{row:?}");
            assert!(
                (row.number.len(), row.alpha2.len(), row.alpha3.len()) == (3, 2, 3) && row.name.len() > 3
            );
        }
    }

    #[test]
    fn a_country_is_named_by_each_of_its_codes_and_by_nothing_else() {
        for row in ROWS {
            for code in [row.number, row.alpha2, row.alpha3] {
                assert_eq!(country_of(code.as_bytes()), Some(&row), "{code}");
                assert_eq!(country_number(code.as_bytes()), Some(row.numeric()));
            }
            assert_eq!(country_numbered(row.numeric()), Some(&row));
        }
        for code in ["", "U", "us", "XX", "UK", "000", "999", "84", "0840", "USAA", "U A", "   "] {
            assert_eq!(country_number(code.as_bytes()), None, "{code}");
        }
        assert!([0, 999, 1840, u16::MAX].iter().all(|number| country_numbered(*number).is_none()));
    }

    #[test]
    fn countries_in_words() {
        for code in ["276", "0276", "DE", "DEU"] {
            assert_eq!(country(code).as_deref(), Some("Germany (DE)"));
        }
        for code in ["", "000", "27", "2760", "00276", "de", "EU"] {
            assert_eq!(country(code), None, "{code}");
        }
    }

    #[test]
    fn a_merchants_country_is_said_only_where_it_is_sure() {
        for (value, words) in [
            ("CORNER SHOP              BERLIN       DE", Some("Germany (DE)")),
            ("CORNER SHOP            BERLIN        DEU", Some("Germany (DE)")),
            ("CORNER SHOP            NEW YORK      USA", Some("United States (US)")),
            ("CORNER SHOP            NEW YORK      NY ", None),
            ("CORNER SHOP              BERLINBERLIN-DE", None),
            ("CORNER SHOP            SACRAMENTO   CAUS", None),
            ("CORNER SHOP DE", None),
            ("", None),
        ] {
            assert_eq!(of_acceptor(value).as_deref(), words, "{value}");
        }
    }
}
