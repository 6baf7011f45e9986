//! Dialects with a layout of every kind, in the style of the networks.

use authswitch::wire::{Dialect, Field};

/// EBCDIC, in Mastercard's style.
const EBCDIC: &str = r#"
name = "mds"
extends = "iso87"
[encoding]
mti = "ebcdic-500"
bitmap = "binary"
length = "ebcdic-500"
n = "ebcdic-500"
z = "ebcdic-500"
"x+n" = "ebcdic-500"
text = "ebcdic-500"
b = "binary"
[layouts.private]
kind = "tagged"
head = [{ key = "TCC", format = "a 1", name = "Transaction category" }]
tag = "n 2"
value = "ans..99"
parts = [
    { key = "42", format = "n to 7", name = "Electronic commerce", layout = "commerce" },
    { key = "61", format = "n to 5", name = "POS conditions", layout = "conditions" },
    { key = "92", format = "n 3", name = "Verification code", mask = "secret" },
]
[layouts.commerce]
kind = "tagged"
tag = "n 2"
value = "n..5"
parts = [{ key = "01", format = "n 3", name = "Indicators" }]
[layouts.conditions]
kind = "positional"
parts = [
    { key = "1", format = "n 1", name = "Partial approval" },
    { key = "2", format = "n 1", name = "Purchase only" },
    { key = "3", format = "n to 3", name = "Rest" },
]
[layouts.pds]
kind = "tagged"
tag = "n 4"
value = "ans...992"
parts = [{ key = "0023", format = "an 3", name = "Terminal type" }]
[layouts.long-ids]
kind = "tagged"
tag = "n 3"
value = "ans...999"
parts = [{ key = "001", format = "ans 22", name = "Transaction link" }]
[layouts.network]
kind = "positional"
parts = [
    { key = "code", format = "an 3", name = "Financial network" },
    { key = "reference", format = "an 9", name = "Reference" },
]
[fields]
48 = { layout = "private" }
62 = { layout = "pds" }
63 = { layout = "network" }
105 = { layout = "long-ids" }
"#;

/// Packed and EBCDIC with one-byte lengths, in Visa's style.
const BINARY: &str = r#"
name = "vip"
extends = "iso87-bcd"
[encoding]
length = "binary"
text = "ebcdic-037"
[length]
digits = 2
[layouts.chip]
kind = "tagged"
tag = "b 1"
value = "b....9999"
other = { layout = "emv" }
parts = [{ key = "01", format = "b to 252", name = "Chip data", layout = "emv", inline = true }]
[layouts.datasets]
kind = "tagged"
tag = "b 1"
value = "b....9999"
other = { layout = "plain-tlv" }
parts = [
    { key = "57", format = "b to 100", name = "Business application" , layout = "plain-tlv" },
    { key = "71", format = "b to 100", name = "By position", layout = "counts" },
]
[layouts.plain-tlv]
kind = "ber-tlv"
encoding = { text = "ebcdic-037" }
parts = [
    { key = "80", format = "an 2", name = "Purpose" },
    { key = "E1", format = "b to 20", name = "A template by position", layout = "counts" },
]
[layouts.counts]
kind = "positional"
parts = [
    { key = "count", format = "n 3", name = "Count" },
    { key = "text", format = "an..9", name = "Text" },
    { key = "fee", format = "x+n 3", name = "Fee" },
]
[layouts.payment-service]
kind = "bitmap"
bitmap = "b 8"
parts = [
    { key = "1", format = "an 1", name = "Characteristics" },
    { key = "2", format = "n 15", name = "Transaction identifier" },
    { key = "3", format = "an 4", name = "Validation code" },
    { key = "23", format = "an 2", name = "Product" },
]
[layouts.network]
kind = "bitmap"
bitmap = "b 3"
parts = [
    { key = "1", format = "n 4", name = "Network" },
    { key = "3", format = "n 4", name = "Reason" },
]
[layouts.verification]
kind = "bitmap"
bitmap = "b 8"
parts = [
    { key = "9", format = "b 20", name = "CAVV", mask = "secret" },
    { key = "10", format = "an 6", name = "CVV2", mask = "secret" },
]
[layouts.pos-info]
kind = "positional"
parts = [
    { key = "1", format = "n 1", name = "Terminal type" },
    { key = "2", format = "n 1", name = "Entry capability" },
    { key = "3", format = "n 1", name = "Chip condition" },
    { key = "4", format = "n 1", name = "Existing debt" },
    { key = "5", format = "n 2", name = "Reserved" },
    { key = "6", format = "n 1", name = "Chip transaction" },
]
[fields]
55 = { format = "b..255", layout = "chip" }
60 = { format = "n..12", length = { counts = "wire" }, layout = "pos-info" }
62 = { format = "b..255", layout = "payment-service" }
63 = { format = "b..255", layout = "network" }
104 = { format = "b..255", layout = "datasets" }
123 = { format = "b..255", layout = "datasets" }
126 = { format = "b..255", layout = "verification", mask = "none" }
"#;

/// 1993's fields, and chip data and datasets in hexadecimal characters.
const ASCII: &str = r#"
name = "ascii-93"
extends = "iso87-ascii"
[layouts.datasets]
kind = "tagged"
tag = "b 1"
value = "b....9999"
length = "binary"
other = { layout = "emv" }
[fields]
22 = { format = "an 12", layout = "pos-data" }
43 = { format = "ans..99", layout = "card-acceptor-93" }
55 = { encoding = "hex" }
56 = { format = "n..35", layout = "original-data-93" }
104 = { format = "b...100", layout = "datasets" }
54 = { format = "an...126", layout = "additional-amounts-03" }
"#;

/// Bit maps that go on, by as much again and by a byte; and parts before the first tag that may be absent.
const CONTINUED: &str = r#"
name = "continued"
extends = "iso87-ascii"
[layouts.sets]
kind = "tagged"
tag = "b 1"
value = "b....9999"
length = "binary"
parts = [
    { key = "01", format = "b to 200", layout = "twos" },
    { key = "71", format = "b to 200", layout = "ones" },
]
[layouts.twos]
kind = "bitmap"
bitmap = "b 2"
continues = "b 2"
parts = [
    { key = "2", format = "n 4", name = "Number" },
    { key = "3", format = "ans..9", name = "Text" },
    { key = "18", format = "an 2", name = "Of the second map" },
    { key = "128", format = "an 1", name = "The last one" },
]
[layouts.ones]
kind = "bitmap"
bitmap = "b 2"
continues = "b 1"
parts = [
    { key = "16", format = "n 2", name = "Of the first map" },
    { key = "18", format = "n 2", name = "Of the second map" },
    { key = "32", format = "n 2", name = "Of the third map" },
]
[layouts.perhaps]
kind = "tagged"
head = [
    { key = "TCC", format = "ans 1", optional = true, name = "Transaction category" },
    { key = "code", format = "an 2", optional = true },
]
tag = "n 2"
value = "ans..99"
parts = [{ key = "42", format = "ans to 7" }]
[fields]
48 = { format = "b...255", encoding = "binary", layout = "sets" }
60 = { format = "ans...99", layout = "perhaps" }
"#;

pub fn dialect(name: &str) -> Dialect {
    let text = match name {
        "mds" => EBCDIC,
        "vip" => BINARY,
        "ascii-93" => ASCII,
        "continued" => CONTINUED,
        builtin => Dialect::builtin_source(builtin).unwrap(),
    };
    Dialect::from_toml(text, name).unwrap_or_else(|error| panic!("{error}"))
}

/// Text, or hexadecimal of bytes.
pub fn show(field: Field<'_>) -> String {
    let mut room = vec![0; field.units()];
    match field.bytes(&mut room) {
        Some(bytes) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        None => String::from_utf8(field.text(&mut room).unwrap().to_vec()).unwrap(),
    }
}
