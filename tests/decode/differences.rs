//! `decode --diff`: two messages compared by what they say.

use super::{bytes, decode, frame, hex, json};
use authswitch::wire::{Bitmap, Dialect, Mti, Value};

fn message(dialect: &str, fields: &[(u8, &str)]) -> String {
    let dialect = Dialect::builtin(dialect).unwrap();
    let fields: Vec<_> = fields.iter().map(|(de, text)| (*de, Value::Text(text.as_bytes()))).collect();
    let mut out = Vec::new();
    dialect.build(&mut out, Mti::new(0x0100).unwrap(), None, Bitmap::EMPTY, &fields).unwrap();
    hex(&out)
}

const SALE: [(u8, &str); 6] =
    [(2, "4111110000000013"), (3, "000000"), (4, "000000001000"), (11, "000001"), (43, "SHOP"), (49, "840")];

#[test]
fn the_same_in_other_encodings_is_equal() {
    let ascii = message("iso87-ascii", &SALE);
    let mut visa = SALE;
    visa[5] = (49, "0840");
    for (name, fields) in
        [("iso87-bcd", SALE), ("mastercard-cis", SALE), ("terminal", SALE), ("visa-base1", visa)]
    {
        let args =
            ["--diff", &ascii, &message(name, &fields), "--dialect", "iso87-ascii", "--dialect-b", name];
        let (code, out, _) = decode(&args);
        assert_eq!(code, 0, "{name}: {out}");
        assert!(out.ends_with("equal\n"), "{out}");
    }
}

#[test]
fn differences_are_told_by_address_with_meanings_and_without_card_numbers() {
    let a = message("iso87-ascii", &SALE);
    let mut fields = SALE.to_vec();
    fields[0].1 = "4111119000000014";
    fields[1].1 = "003000";
    fields[2].1 = "000000002500";
    fields.remove(3);
    fields.push((90, "010000012310051234560000012345600000000000"));
    let b = message("iso87-bcd", &fields);
    let (code, out, _) = decode(&["--diff", &a, &b]);
    let expected = "\
A: 0100 in iso87-ascii
B: 0100 in iso87-bcd
2  Primary account number
   A  411111******0013
   B  411111******0014
3.from  From account type
   A  00  default account
   B  30  credit account
4  Amount, transaction
   A  000000001000  10.00 USD
   B  000000002500  25.00 USD
11  System trace audit number
   A  000001
   B  absent
90  Original data elements
   A  absent
";
    assert_eq!(code, 1);
    assert!(out.starts_with(expected), "{out}");
    let (code, out, _) = decode(&["--diff", &a, &b, "--json"]);
    let found = &json(&out)[0];
    assert_eq!((code, &found["equal"], &found["a"]["dialect"]), (1, &false.into(), &"iso87-ascii".into()));
    let keys: Vec<_> = found["differences"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert_eq!(keys, ["2", "3.from", "4", "11", "90"]);
    assert_eq!(found["differences"][2]["b"]["meaning"], "25.00 USD");
    assert!(found["differences"][3].get("b").is_none());
}

#[test]
fn what_differs_where_nothing_is_shown_is_said_to_differ() {
    let mut fields = SALE;
    fields[0].1 = "4111119900000013";
    let (code, out, _) =
        decode(&["--diff", &message("iso87-ascii", &SALE), &message("iso87-ascii", &fields)]);
    assert_eq!(code, 1);
    assert!(out.contains("   B  411111******0013\n      they differ in what is not shown\n"), "{out}");
}

#[test]
fn files_and_framed_messages_are_compared_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("a.bin"), bytes(frame("M8"))).unwrap();
    std::fs::write(path("b.hex"), frame("M9a")).unwrap();
    let (code, out, _) = decode(&["--diff", &path("a.bin"), &path("b.hex"), "--json"]);
    let differences = &json(&out)[0]["differences"];
    assert_eq!((code, differences.as_array().unwrap().len()), (1, 1), "{out}");
    assert_eq!((&differences[0]["key"], &differences[0]["b"]["value"]), (&"MTI".into(), &"0421".into()));
    let (code, ..) = decode(&["--diff", &path("a.bin"), &path("a.bin")]);
    assert_eq!(code, 0);
}

#[test]
fn a_message_that_cannot_be_read_is_equal_to_none() {
    let (code, out, _) = decode(&["--diff", "0100", "0100", "--dialect", "iso87-bcd"]);
    assert_eq!(code, 1);
    assert!(out.contains("error: bit map, offset 2: expected 8 bytes, found 0"), "{out}");
}
