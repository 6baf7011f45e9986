//! EMV data in words: names of tags, and which of them never to show. Knows no message.

/// Name of a tag, for the tags that meet an authorization host.
pub(super) fn name(tag: u32) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == tag).map_or("Unknown tag", |(_, name)| name)
}

/// Tags with card data or what could stand in for a card: PAN, tracks, name, expiry, discretionary data, PIN.
pub(super) fn is_sensitive(tag: u32) -> bool {
    matches!(tag, 0x56 | 0x57 | 0x5A | 0x5F20 | 0x5F24 | 0x99 | 0x9F0B | 0x9F1F | 0x9F20 | 0x9F6B)
}

/// The PAN's own tag, of which the ends may be shown.
pub(super) const PAN: u32 = 0x5A;

const NAMES: [(u32, &str); 83] = [
    (0x42, "Issuer identification number"),
    (0x4F, "Application identifier, card"),
    (0x50, "Application label"),
    (0x56, "Track 1 equivalent data"),
    (0x57, "Track 2 equivalent data"),
    (0x5A, "Primary account number"),
    (0x6F, "File control information template"),
    (0x70, "Record template"),
    (0x71, "Issuer script template 1"),
    (0x72, "Issuer script template 2"),
    (0x77, "Response message template, format 2"),
    (0x80, "Response message template, format 1"),
    (0x81, "Amount, authorised (binary)"),
    (0x82, "Application interchange profile"),
    (0x84, "Dedicated file name"),
    (0x86, "Issuer script command"),
    (0x87, "Application priority indicator"),
    (0x89, "Authorisation code"),
    (0x8A, "Authorisation response code"),
    (0x8C, "Card risk management data object list 1"),
    (0x8D, "Card risk management data object list 2"),
    (0x8E, "Cardholder verification method list"),
    (0x8F, "Certification authority public key index, card"),
    (0x90, "Issuer public key certificate"),
    (0x91, "Issuer authentication data"),
    (0x94, "Application file locator"),
    (0x95, "Terminal verification results"),
    (0x98, "Transaction certificate hash value"),
    (0x99, "Transaction PIN data"),
    (0x9A, "Transaction date"),
    (0x9B, "Transaction status information"),
    (0x9C, "Transaction type"),
    (0x5F20, "Cardholder name"),
    (0x5F24, "Application expiration date"),
    (0x5F25, "Application effective date"),
    (0x5F28, "Issuer country code"),
    (0x5F2A, "Transaction currency code"),
    (0x5F2D, "Language preference"),
    (0x5F30, "Service code"),
    (0x5F34, "PAN sequence number"),
    (0x5F36, "Transaction currency exponent"),
    (0x9F01, "Acquirer identifier"),
    (0x9F02, "Amount, authorised"),
    (0x9F03, "Amount, other"),
    (0x9F06, "Application identifier, terminal"),
    (0x9F07, "Application usage control"),
    (0x9F08, "Application version number, card"),
    (0x9F09, "Application version number, terminal"),
    (0x9F0B, "Cardholder name, extended"),
    (0x9F0D, "Issuer action code, default"),
    (0x9F0E, "Issuer action code, denial"),
    (0x9F0F, "Issuer action code, online"),
    (0x9F10, "Issuer application data"),
    (0x9F12, "Application preferred name"),
    (0x9F15, "Merchant category code"),
    (0x9F16, "Merchant identifier"),
    (0x9F18, "Issuer script identifier"),
    (0x9F1A, "Terminal country code"),
    (0x9F1C, "Terminal identification"),
    (0x9F1E, "Interface device serial number"),
    (0x9F1F, "Track 1 discretionary data"),
    (0x9F20, "Track 2 discretionary data"),
    (0x9F21, "Transaction time"),
    (0x9F22, "Certification authority public key index, terminal"),
    (0x9F24, "Payment account reference"),
    (0x9F26, "Application cryptogram"),
    (0x9F27, "Cryptogram information data"),
    (0x9F33, "Terminal capabilities"),
    (0x9F34, "Cardholder verification method results"),
    (0x9F35, "Terminal type"),
    (0x9F36, "Application transaction counter"),
    (0x9F37, "Unpredictable number"),
    (0x9F39, "Point of service entry mode"),
    (0x9F40, "Additional terminal capabilities"),
    (0x9F41, "Transaction sequence counter"),
    (0x9F4E, "Merchant name and location"),
    (0x9F53, "Transaction category code"),
    (0x9F5B, "Issuer script results"),
    (0x9F66, "Terminal transaction qualifiers"),
    (0x9F6B, "Track 2 data, contactless"),
    (0x9F6C, "Card transaction qualifiers"),
    (0x9F6E, "Form factor indicator"),
    (0x9F7C, "Customer exclusive data"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_named_once() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!((name(0x9F26), name(0xC1)), ("Application cryptogram", "Unknown tag"));
    }
}
