//! The tables of currencies, countries and merchant categories, written out for an independent judge.

use authswitch::message::meaning::{countries, currencies, merchant_categories};
use std::fmt::Write;
use std::path::Path;

#[test]
fn the_tables_are_written_for_the_judge() {
    let mut text = String::new();
    for row in currencies() {
        let minor = row.minor.map_or_else(String::new, |minor| minor.to_string());
        writeln!(text, "currency\t{}\t{}\t{minor}\t{}", row.number, row.code, row.name).unwrap();
    }
    for row in countries() {
        writeln!(text, "country\t{}\t{}\t{}\t{}", row.number, row.alpha2, row.alpha3, row.name).unwrap();
    }
    for (code, words) in merchant_categories() {
        writeln!(text, "merchant\t{code}\t\t\t{words}").unwrap();
    }
    assert!(text.lines().count() > 500);
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("meanings.tsv"), text).unwrap();
}
