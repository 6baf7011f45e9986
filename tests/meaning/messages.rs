//! Whole messages of each dialect read into requests: what they must have, where the merchant is, what they bring to prove
//! that they are genuine.

use authswitch::message::{Fault, Kind, Marked, Marks, Proof, Reading, Request, read};
use authswitch::wire::{Bitmap, CountryPlace, Dialect, Message, Mti, Value};

/// A field by number, and its value in characters, or in hexadecimal behind a `#`.
type Field<'a> = (u8, &'a str);

const PAN: &str = "4111110000000013";

/// A message of a dialect, written and read.
pub fn read_with(
    dialect: &Dialect,
    reading: &Reading,
    mti: u16,
    fields: &[Field<'_>],
) -> Result<Request, Fault> {
    let mut sorted = fields.to_vec();
    sorted.sort();
    let bytes: Vec<Vec<u8>> = sorted.iter().map(|(_, value)| unhex(value.trim_start_matches('#'))).collect();
    let own: Vec<(u8, Value<'_>)> = sorted
        .iter()
        .zip(&bytes)
        .map(|((de, value), bytes)| match value.starts_with('#') {
            true => (*de, Value::Bytes(bytes)),
            false => (*de, Value::Text(value.as_bytes())),
        })
        .collect();
    let (mut out, mut message) = (Vec::new(), Message::new());
    let mti = Mti::new(mti).unwrap();
    dialect.build(&mut out, mti, None, Bitmap::default(), &own).unwrap();
    dialect.parse(&out, &mut message).unwrap();
    read(&dialect.view(&out, &message), Kind::of(mti).unwrap(), reading)
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |index| text.get(index..index + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len()).step_by(2).map_while(digit).collect()
}

/// A purchase of 10.00 with these fields more.
fn purchase(dialect: &str, more: &[Field<'_>]) -> Request {
    let dialect = Dialect::builtin(dialect).unwrap();
    purchase_by(&dialect, &Reading::standard(&dialect).unwrap(), more)
}

fn purchase_by(dialect: &Dialect, reading: &Reading, more: &[Field<'_>]) -> Request {
    let usual = [(2, PAN), (3, "000000"), (4, "000000001000"), (7, "1122093315"), (11, "000001")];
    read_with(dialect, reading, 0x0100, &[&usual[..], more].concat()).unwrap()
}

/// DE 43 as ISO and Visa divide it: name 25, city 13, country 2.
fn acceptor(city: &str, country: &str) -> String {
    format!("{:<25}{city:<13}{country:<2}", "CORNER SHOP")
}

/// As Mastercard does: name 22, a blank, city 13, a blank, state or country 3.
fn acceptor_with_state(city: &str, country: &str) -> String {
    format!("{:<22} {city:<13} {country:<3}", "CORNER SHOP")
}

#[test]
fn the_merchants_country_stands_where_the_dialect_says() {
    for (name, city, country, number) in [
        ("iso87-ascii", "BERLIN", "DE", 276),
        ("iso87-bcd", "NEW YORK", "US", 840),
        ("iso87-ebcdic", "PARIS", "FR", 250),
        ("visa-base1", "LONDON", "GB", 826),
        ("base24", "ROMA", "IT", 380),
        ("terminal", "WIEN", "AT", 40),
        // No country of ISO 3166, small letters, nothing.
        ("iso87-ascii", "SOMEWHERE", "XX", 0),
        ("iso87-ascii", "SOMEWHERE", "us", 0),
        ("iso87-ascii", "SOMEWHERE", "", 0),
    ] {
        let request = purchase(
            name,
            &[(43, &acceptor(city, country)), (19, if name == "visa-base1" { "0124" } else { "124" })],
        );
        // DE 19 is the acquirer's country and never the merchant's.
        assert_eq!((request.merchant_country, request.acquirer_country), (number, 124), "{name} {country}");
    }
    assert_eq!(purchase("iso87-ascii", &[(19, "840")]).merchant_country, 0);
    assert_eq!(purchase("iso87-ascii", &[(19, "999")]).acquirer_country, 0);
}

#[test]
fn mastercards_point_of_service_comes_first_and_a_state_is_not_a_country() {
    let pos = |country: &str| format!("0000000000500{country}");
    for (point_of_service, city, country, number) in [
        (None, "BERLIN", "DEU", 276),
        (None, "NEW YORK", "NY", 840),
        // Delaware, California, Indiana and Georgia, not Germany, Canada, India or Georgia.
        (None, "DOVER", "DE", 840),
        (None, "LOS ANGELES", "CA", 840),
        (None, "GARY", "IN", 840),
        (None, "ATLANTA", "GA", 840),
        (None, "TORONTO", "ON", 124),
        (Some("276"), "DOVER", "DE", 276),
        (Some("840"), "BERLIN", "DEU", 840),
        // Not told there: the name of the merchant says it.
        (Some("000"), "BERLIN", "DEU", 276),
        (Some("000"), "NOWHERE", "", 0),
    ] {
        let (point_of_service, acceptor) = (point_of_service.map(pos), acceptor_with_state(city, country));
        let mut more = vec![(43, acceptor.as_str()), (19, "036")];
        more.extend(point_of_service.as_deref().map(|text| (61, text)));
        let request = purchase("mastercard-cis", &more);
        assert_eq!((request.merchant_country, request.acquirer_country), (number, 36), "{more:?}");
    }
}

#[test]
fn a_link_may_name_other_places() {
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    let by = |places: &[&str]| {
        let places = places.iter().map(|place| CountryPlace::new(place, &dialect).unwrap());
        Reading { merchant_country: places.collect(), ..Reading::of(&dialect) }
    };
    let german = acceptor("BERLIN", "DE");
    let three = acceptor_with_state("BERLIN", "DEU");
    for (places, more, number) in [
        (&["19=numeric"][..], vec![(19, "840"), (43, german.as_str())], 840),
        (&["43.country=alpha-2", "19=numeric"], vec![(19, "840"), (43, &german)], 276),
        (&["43.country=alpha-2", "19=numeric"], vec![(19, "840")], 840),
        (&["43@38=alpha-3"], vec![(43, &three)], 276),
        (&["43@38=state-or-alpha-3"], vec![(43, &three)], 276),
        (&["60@3=numeric"], vec![(60, "AB036X")], 36),
        (&["60=numeric"], vec![(60, "036")], 36),
        // Too short, and in another form.
        (&["60@3=numeric"], vec![(60, "AB03")], 0),
        (&["60=alpha-3"], vec![(60, "036")], 0),
        (&[], vec![(43, &german)], 0),
    ] {
        assert_eq!(purchase_by(&dialect, &by(places), &more).merchant_country, number, "{places:?}");
    }
    for (text, reason) in [
        ("43.country", "is not a place of a country"),
        ("43.country=alpha", "forms are alpha-2, alpha-3, numeric and state-or-alpha-3"),
        ("43@0=alpha-2", "is not a place of a country"),
        ("43.land=alpha-2", "no \"land\" in 43"),
        ("2=numeric", "DE 2 is card data"),
        ("35@1=numeric", "DE 35 is card data"),
    ] {
        let error = CountryPlace::new(text, &dialect).map(drop).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn a_mark_is_a_whole_value_or_what_begins_at_a_character() {
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    for (mark, value, is_set) in [
        ("60=I", "I", true),
        ("60=I", "I  ", true),
        ("60=I", "IX", false),
        ("60@1=I", "I", true),
        ("60@1=I", "IX", true),
        ("60@1=I", "XI", false),
        ("60@2=A|I", "XIX", true),
        ("60@2=I", "I", false),
        ("60@9=I", "I", false),
    ] {
        let reading = Reading { last: Marked::new(mark, &dialect).unwrap(), ..Reading::of(&dialect) };
        let request = purchase_by(&dialect, &reading, &[(60, value)]);
        assert_eq!(request.marks.has(Marks::LAST), is_set, "{mark} {value:?}");
    }
    for mark in ["60@0=I", "60@1000=I", "60@=I", "60@x=I"] {
        assert!(Marked::new(mark, &dialect).is_err(), "{mark}");
    }
}

#[test]
fn which_fields_are_mandatory_is_the_dialects_table_or_the_links() {
    let (money, reversal) =
        ([(3, "000000"), (4, "000000001000")], [(90, "010000000111220933150000000000000000000000")]);
    let all = [(2, PAN), (7, "1122093315"), (11, "000001"), (70, "301")];
    let of = |dialect: &Dialect, reading: &Reading, mti: u16, without: u8| {
        let usual: &[Field<'_>] = if mti == 0x0420 { &reversal } else { &money };
        let fields: Vec<Field<'_>> = all.iter().chain(usual).copied().collect();
        let is_kept = |de: u8| {
            de != without && (de != 70 || mti == 0x0800) && (mti != 0x0800 || matches!(de, 7 | 11 | 70))
        };
        let fields: Vec<_> = fields.into_iter().filter(|(de, _)| is_kept(*de)).collect();
        read_with(dialect, reading, mti, &fields).err().map_or(0, |fault| fault.de)
    };
    // Message, what is left out, what is missed in the standard's dialects and in the terminals'.
    for (mti, without, standard, terminal) in [
        (0x0100, 0, 0, 0),
        (0x0100, 7, 7, 0),
        (0x0120, 7, 7, 0),
        (0x0200, 7, 7, 0),
        (0x0220, 7, 7, 0),
        (0x0420, 7, 7, 0),
        (0x0800, 7, 7, 0),
        // What a decision cannot do without is missed everywhere.
        (0x0100, 2, 2, 2),
        (0x0200, 3, 3, 3),
        (0x0200, 4, 4, 4),
        (0x0420, 11, 11, 11),
        (0x0800, 70, 70, 70),
        (0x0800, 11, 11, 11),
    ] {
        for (name, missed) in
            [("iso87-ascii", standard), ("iso87-bcd", standard), ("base24", standard), ("terminal", terminal)]
        {
            let dialect = Dialect::builtin(name).unwrap();
            assert_eq!(
                of(&dialect, &Reading::of(&dialect), mti, without),
                missed,
                "{name} {mti:04X} without {without}"
            );
        }
    }
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    let standard = Reading::of(&dialect);
    let own = |kind: Kind, list: &[u8]| {
        let mut reading = standard.clone();
        reading.mandatory[kind as usize - 1] = Bitmap::of(list);
        reading
    };
    let asks_more = own(Kind::Authorization, &[7, 11, 41]);
    assert_eq!(of(&dialect, &asks_more, 0x0100, 0), 41);
    assert_eq!(of(&dialect, &asks_more, 0x0200, 0), 0);
    assert_eq!(of(&dialect, &own(Kind::Financial, &[11]), 0x0200, 7), 0);
    // A time that is there is a time, whether it has to be or not.
    let wrong = [(2, PAN), (3, "000000"), (4, "000000001000"), (7, "1322093315"), (11, "000001")];
    let fault = read_with(&dialect, &own(Kind::Financial, &[11]), 0x0200, &wrong).unwrap_err();
    assert_eq!(fault.de, 7);
}

#[test]
fn terminals_log_on_by_their_processing_code() {
    for (name, fields, code) in [
        ("terminal", &[(3, "920000"), (11, "000001"), (41, "TERM0001")][..], Ok(1)),
        ("terminal", &[(3, "990000"), (11, "000001")], Ok(1)),
        // DE 70 says it where it is there.
        ("terminal", &[(3, "920000"), (11, "000001"), (70, "301")], Ok(301)),
        ("terminal", &[(3, "910000"), (11, "000001")], Err(70)),
        ("terminal", &[(11, "000001")], Err(70)),
        ("iso87-bcd", &[(3, "920000"), (7, "1122093315"), (11, "000001")], Err(70)),
    ] {
        let dialect = Dialect::builtin(name).unwrap();
        let read = read_with(&dialect, &Reading::of(&dialect), 0x0800, fields);
        assert_eq!(
            read.map(|request| request.network_code).map_err(|fault| fault.de),
            code,
            "{name} {fields:?}"
        );
    }
}

#[test]
fn what_a_message_brings_to_prove_itself_is_seen_and_nothing_else() {
    let chip = "#9F260811223344556677889F2701809F3602001C";
    let no_cryptogram = "#9F2701809F3602001C";
    let track = "4111110000000013=30122011000000000000";
    let visa_chip = "#01000B9F26081122334455667788";
    for (name, more, proofs) in [
        ("iso87-ascii", vec![], &[][..]),
        ("iso87-ascii", vec![(52, "#0123456789ABCDEF")], &[Proof::Pin]),
        ("iso87-bcd", vec![(52, "#0123456789ABCDEF"), (55, chip)], &[Proof::Pin, Proof::Cryptogram]),
        ("iso87-ascii", vec![(55, chip)], &[Proof::Cryptogram]),
        ("base24", vec![(55, chip)], &[Proof::Cryptogram]),
        ("visa-base1", vec![(55, visa_chip)], &[Proof::Cryptogram]),
        ("iso87-ascii", vec![(55, no_cryptogram)], &[]),
        ("iso87-ascii", vec![(22, "901"), (35, track)], &[Proof::Cvv]),
        ("iso87-ascii", vec![(22, "021"), (35, track)], &[Proof::Cvv]),
        ("iso87-ascii", vec![(22, "801"), (35, track)], &[Proof::Cvv]),
        // A chip's own track has no value of the stripe, and without a track there is none.
        ("iso87-ascii", vec![(22, "051"), (35, track)], &[]),
        ("iso87-ascii", vec![(22, "901")], &[]),
        ("mastercard-cis", vec![(48, "T9203123")], &[Proof::Cvv]),
        ("mastercard-cis", vec![(48, "T9203   ")], &[]),
        ("mastercard-cis", vec![(48, "T420701 3212")], &[]),
        ("iso87-ascii", vec![(64, "#1122334455667788")], &[Proof::Mac]),
        ("iso87-ascii", vec![(128, "#1122334455667788")], &[Proof::Mac]),
    ] {
        let marks = purchase(name, &more).marks;
        let expected = proofs.iter().fold(Marks::default(), |marks, proof| marks.with(proof.mark()));
        assert_eq!(marks, expected, "{name} {more:?}");
    }
}

#[test]
fn de90_is_read_as_far_as_its_sender_knows_it() {
    let dialect = Dialect::builtin("iso87-ascii").unwrap();
    let reading = Reading::standard(&dialect).unwrap();
    let usual = [(2, PAN), (7, "1122093315"), (11, "000009")];
    for (de90, expected) in [
        ("010000000111220933150000000000900000000000", Some((0x0100, 1, 1_122_093_315, 9))),
        ("022100000000000000000000000000000000000000", Some((0x0221, 0, 0, 0))),
        ("000000000100000000000000000000000000000000", Some((0, 1, 0, 0))),
        ("000000000000000000000000000000000000000000", None),
    ] {
        let request = read_with(&dialect, &reading, 0x0420, &[&usual[..], &[(90, de90)]].concat()).unwrap();
        let read = request.original.map(|known| (known.mti, known.stan, known.transmission, known.acquirer));
        assert_eq!(read, expected, "{de90}");
    }
}
