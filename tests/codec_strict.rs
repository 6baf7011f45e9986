//! What a message must look like: each rule with the error it gives, its place, and what can still be read.

#![allow(clippy::unwrap_used)]

use authswitch::wire::{Class, Dialect, Found, Message, ParseError, Reason};

/// A message of raw fields, already as on the wire, with the bit maps they need.
fn message(dialect: &str, mti: &str, fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bits = fields.iter().fold(0u128, |bits, (de, _)| bits | 1 << (128 - u32::from(*de)));
    if bits as u64 != 0 {
        bits |= 1 << 127;
    }
    let ascii = dialect == "iso87-ascii";
    let mut out = if ascii { mti.as_bytes().to_vec() } else { unhex(mti) };
    let bytes = if bits >> 127 == 1 { 16 } else { 8 };
    let hex: String = bits.to_be_bytes()[..bytes].iter().map(|byte| format!("{byte:02X}")).collect();
    out.extend(if ascii { hex.into_bytes() } else { unhex(&hex) });
    out.extend(fields.iter().flat_map(|(_, raw)| raw.iter().copied()));
    out
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn errors(dialect: &str, frame: &[u8]) -> (Vec<ParseError>, Vec<u8>) {
    let dialect = Dialect::builtin(dialect).unwrap();
    let mut message = Message::new();
    let mut found = Vec::new();
    dialect.examine(frame, &mut message, &mut |error| found.push(error));
    let right = message.bitmap().iter().collect();
    let parsed = dialect.parse(frame, &mut message);
    assert_eq!(parsed.err(), found.first().copied(), "parse and examine differ");
    assert_eq!(message.bitmap().iter().collect::<Vec<_>>(), right, "parse and examine leave other fields");
    (found, right)
}

/// The message has exactly this error; the fields in `right` can be read.
fn refuses(dialect: &str, frame: &[u8], (de, offset): (u8, u32), reason: Reason, right: &[u8]) {
    let (found, readable) = errors(dialect, frame);
    let readable_header = de > 1;
    assert_eq!(
        found,
        [ParseError { de, offset, reason, readable: readable_header }],
        "{dialect} {frame:02x?}"
    );
    assert_eq!(readable, right, "{dialect} {frame:02x?}");
}

fn accepts(dialect: &str, frame: &[u8]) {
    assert_eq!(errors(dialect, frame).0, [], "{dialect} {frame:02x?}");
}

const ASCII: &str = "iso87-ascii";
const BCD: &str = "iso87-bcd";

fn character(expected: Class, found: Found) -> Reason {
    Reason::Character { expected, found }
}

#[test]
fn the_mti_is_four_decimal_digits_of_1987() {
    let rest = b"2000000000000000000000";
    for (mti, offset, found) in [
        (b"08O0", 2, Found::Letter),
        (b" 800", 0, Found::Space),
        (b"080\xB0", 3, Found::NonAscii),
        (b"08\x100", 2, Found::Control),
        (b"0-00", 1, Found::Special),
    ] {
        refuses(ASCII, &[&mti[..], rest].concat(), (0, offset), Reason::Mti(found), &[]);
    }
    for (mti, offset) in [("A800", 0), ("0A00", 0), ("08F0", 1), ("080B", 1)] {
        let frame = unhex(&format!("{mti}2000000000000000000001"));
        refuses(BCD, &frame, (0, offset), Reason::Mti(Found::Nibble), &[]);
    }
    let version = |found| Reason::Version { expected: 0, found };
    refuses(ASCII, &message(ASCII, "1804", &[(11, b"000001")]), (0, 0), version(1), &[]);
    refuses(BCD, &message(BCD, "2804", &[(11, &[0, 0, 1])]), (0, 0), version(2), &[]);
    accepts(ASCII, &message(ASCII, "0800", &[(11, b"000001")]));
    accepts(BCD, &message(BCD, "0800", &[(11, &[0, 0, 1])]));
}

#[test]
fn a_header_cut_short_cannot_be_read() {
    let ascii = message(ASCII, "0800", &[(70, b"301")]);
    let bcd = message(BCD, "0800", &[(70, &[3, 1])]);
    for (dialect, frame, mti, map) in [(ASCII, ascii, 4, 16), (BCD, bcd, 2, 8)] {
        for end in 0..mti + 2 * map {
            let (de, at, expected) = match end {
                end if end < mti => (0, 0, mti),
                end if end < mti + map => (1, mti, map),
                _ => (1, mti + map, map),
            };
            let reason = Reason::Truncated { expected: expected as u32, found: (end - at) as u32 };
            refuses(dialect, &frame[..end], (de, at as u32), reason, &[]);
        }
    }
}

#[test]
fn a_bit_map_is_hexadecimal_in_either_case() {
    let fields: &[(u8, &[u8])] = &[(2, b"03411"), (3, b"000000"), (5, b"000000000001"), (7, b"0102030405")];
    let upper = message(ASCII, "0100", fields);
    assert_eq!(&upper[4..8], b"6A00");
    accepts(ASCII, &upper);
    let lower: Vec<u8> = upper.iter().map(u8::to_ascii_lowercase).collect();
    assert_ne!(lower, upper);
    accepts(ASCII, &lower);
    for (at, byte, found) in [(4, b'G', Found::Letter), (19, b' ', Found::Space), (11, b'@', Found::Special)]
    {
        let mut wrong = upper.clone();
        wrong[at] = byte;
        refuses(ASCII, &wrong, (1, at as u32), Reason::Hex(found), &[]);
    }
}

#[test]
fn bit_65_stops_the_walk_after_64_fields() {
    let frame = message(ASCII, "0100", &[(3, b"000000"), (65, b"00"), (70, b"301")]);
    refuses(ASCII, &frame, (65, 42), Reason::ThirdBitmap, &[3]);
}

#[test]
fn an_empty_secondary_bit_map_is_accepted() {
    let frame = [&b"08008020000000000000"[..], b"0000000000000000", b"000001"].concat();
    accepts(ASCII, &frame);
}

#[test]
fn both_mac_fields_are_tolerated() {
    accepts(BCD, &message(BCD, "0800", &[(64, &[1; 8]), (70, &[3, 1]), (128, &[2; 8])]));
}

#[test]
fn trailing_bytes_are_an_error_and_the_fields_can_be_read() {
    for more in 1..20 {
        let frame = [message(ASCII, "0800", &[(11, b"000001"), (39, b"00")]), vec![b'0'; more]].concat();
        refuses(ASCII, &frame, (39, 28), Reason::Trailing(more as u32), &[11, 39]);
    }
    let error = errors(BCD, &[message(BCD, "0800", &[]), vec![0]].concat()).0[0];
    assert_eq!(error, ParseError { de: 1, offset: 10, reason: Reason::Trailing(1), readable: true });
}

#[test]
fn a_field_cut_short_names_what_is_missing() {
    let ascii: &[(&[u8], u32, u32, u32)] = &[(b"", 20, 2, 0), (b"1", 20, 2, 1), (b"164111", 22, 16, 4)];
    for (raw, offset, expected, found) in ascii {
        let reason = Reason::Truncated { expected: *expected, found: *found };
        refuses(ASCII, &message(ASCII, "0100", &[(2, raw)]), (2, *offset), reason, &[]);
    }
    let frame = message(BCD, "0100", &[(3, &[0, 0, 0]), (4, &[0; 5])]);
    refuses(BCD, &frame, (4, 13), Reason::Truncated { expected: 6, found: 5 }, &[3]);
    let frame = message(BCD, "0100", &[(55, &[0x01])]);
    refuses(BCD, &frame, (55, 10), Reason::Truncated { expected: 2, found: 1 }, &[]);
}

#[test]
fn a_length_is_decimal_and_not_over_the_maximum() {
    let digit = |found| Reason::LengthDigit(found);
    let long = |max, found| Reason::TooLong { max, found };
    let ascii: &[(u8, &[u8], u32, Reason)] = &[
        (2, b"1A4111111111111111", 21, digit(Found::Letter)),
        (2, b" 64111111111111111", 20, digit(Found::Space)),
        (2, b"2041111111111111111111", 20, long(19, 20)),
        (32, b"12123456789012", 20, long(11, 12)),
        (54, b"121", 20, long(120, 121)),
        (36, b"105", 20, long(104, 105)),
        (48, b"0-1A", 21, digit(Found::Special)),
    ];
    for (de, raw, offset, reason) in ascii {
        refuses(ASCII, &message(ASCII, "0100", &[(*de, raw)]), (*de, *offset), *reason, &[]);
    }
    let bcd: &[(u8, &[u8], u32, Reason)] = &[
        (2, &[0x1A, 0x41, 0x11], 10, digit(Found::Nibble)),
        (2, &[0x20, 0x41, 0x11], 10, long(19, 20)),
        (35, &[0x38, 0x41], 10, long(37, 38)),
        (55, &[0x10, 0x00], 10, long(999, 1000)),
        (55, &[0x00, 0xA1, 0x00], 11, digit(Found::Nibble)),
        (44, &[0x26, b'A'], 10, long(25, 26)),
    ];
    for (de, raw, offset, reason) in bcd {
        refuses(BCD, &message(BCD, "0100", &[(*de, raw)]), (*de, *offset), *reason, &[]);
    }
    accepts(ASCII, &message(ASCII, "0100", &[(2, b"194111111111111111111"), (32, b"00"), (48, b"000")]));
    accepts(BCD, &message(BCD, "0100", &[(2, &[0]), (55, &[0, 0])]));
}

#[test]
fn characters_are_held_against_the_class() {
    use Class::*;
    use Found::*;
    let table: &[(u8, &[u8], u32, Class, Found)] = &[
        (3, b"00000A", 5, N, Letter),
        (4, b" 00000001000", 0, N, Space),
        (11, b"0000-1", 4, N, Special),
        (11, b"00000\xB1", 5, N, NonAscii),
        (2, b"16411111111111111=", 17, N, Special),
        (35, b"05123A4", 5, Z, Letter),
        (35, b"05123d4", 5, Z, Letter),
        (37, b"00000000000-", 11, An, Special),
        (37, b"0000\x000000000", 4, An, Control),
        (39, b"0\xC1", 1, An, NonAscii),
        (41, b"TERM\x7F001", 4, Ans, Control),
        (42, b"MERCHANT\x1F000001", 8, Ans, Control),
        (43, b"CAF\xC9                                     ".split_at(40).0, 3, Ans, NonAscii),
        (48, b"003A\nB", 4, Ans, Control),
        (34, b"0359A", 4, Ns, Letter),
    ];
    for (de, raw, at, class, found) in table {
        // Alone, and between fields of other and of the same class, so that every stretch length is met.
        for (before, after) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let mut fields: Vec<(u8, &[u8])> = vec![(*de, raw)];
            if before == 1 {
                fields.insert(0, (de - 1, filler(de - 1)));
            }
            if after == 1 {
                fields.push((de + 1, filler(de + 1)));
            }
            fields.retain(|(de, _)| *de > 1);
            let offset = 20 + if fields[0].0 == *de { 0 } else { fields[0].1.len() as u32 } + at;
            let right: Vec<u8> = fields.iter().map(|(other, _)| *other).filter(|other| other != de).collect();
            let frame = message(ASCII, "0100", &fields);
            refuses(ASCII, &frame, (*de, offset), character(*class, *found), &right);
        }
    }
}

/// A value that is right, as on the wire in ASCII.
fn filler(de: u8) -> &'static [u8] {
    match de {
        1 => b"",
        2 => b"03411",
        3 => b"000000",
        4 | 5 => b"000000000001",
        10 => b"00000001",
        12 => b"000001",
        33 => b"0212",
        34 => b"0359-",
        35 => b"03123",
        36 => b"003123",
        38 => b"ABC   ",
        40 => b"1 2",
        41 => b"TERM 001",
        42 => b"MERCHANT 000001",
        43 => b"                                        ",
        44 => b"02~!",
        47 => b"001 ",
        49 => b"840",
        _ => unreachable!("no filler for DE {de}"),
    }
}

#[test]
fn every_printable_character_belongs_to_ans_and_space_to_an() {
    let all: Vec<u8> = (0x20..=0x7E).collect();
    let raw = [&b"095"[..], &all].concat();
    accepts(ASCII, &message(ASCII, "0100", &[(48, &raw)]));
    accepts(ASCII, &message(ASCII, "0100", &[(37, b"AZaz09      "), (38, b"      "), (39, b"  ")]));
    accepts(ASCII, &message(ASCII, "0100", &[(35, b"374111111111111111=30122010000000000000")]));
    accepts(ASCII, &message(ASCII, "0100", &[(35, b"374111111111111111D30122010000000000000")]));
}

#[test]
fn packed_digits_are_decimal() {
    let nibble = character(Class::N, Found::Nibble);
    refuses(BCD, &message(BCD, "0100", &[(3, &[0, 0x0A, 0])]), (3, 11), nibble, &[]);
    refuses(BCD, &message(BCD, "0100", &[(3, &[0, 0, 0xF0])]), (3, 12), nibble, &[]);
    refuses(BCD, &message(BCD, "0100", &[(2, &[4, 0x41, 0xD1])]), (2, 12), nibble, &[]);
    let track = character(Class::Z, Found::Nibble);
    accepts(BCD, &message(BCD, "0100", &[(35, &[4, 0x41, 0xD1])]));
    for wrong in [0xA1, 0x1B, 0xC1, 0x1E, 0xF1] {
        refuses(BCD, &message(BCD, "0100", &[(35, &[4, 0x41, wrong])]), (35, 12), track, &[]);
    }
}

#[test]
fn pads_are_zero() {
    accepts(BCD, &message(BCD, "0100", &[(2, &[3, 0x41, 0x10]), (22, &[0x00, 0x51])]));
    refuses(BCD, &message(BCD, "0100", &[(22, &[0x10, 0x51])]), (22, 10), Reason::Pad(0), &[]);
    refuses(BCD, &message(BCD, "0100", &[(22, &[0xF0, 0x51])]), (22, 10), Reason::Pad(0), &[]);
    refuses(BCD, &message(BCD, "0100", &[(2, &[3, 0x41, 0x11])]), (2, 12), Reason::Pad(0), &[]);
    refuses(BCD, &message(BCD, "0100", &[(35, &[3, 0x41, 0x1F])]), (35, 12), Reason::Pad(0), &[]);
}

#[test]
fn signed_amounts_begin_with_c_or_d() {
    accepts(ASCII, &message(ASCII, "0100", &[(28, b"C00000100"), (97, b"D0000000000000001")]));
    accepts(BCD, &message(BCD, "0100", &[(28, b"D\0\0\x01\0"), (97, b"C\0\0\0\0\0\0\0\x01")]));
    refuses(
        ASCII,
        &message(ASCII, "0100", &[(28, b"X00000100")]),
        (28, 20),
        Reason::Sign(Found::Letter),
        &[],
    );
    refuses(ASCII, &message(ASCII, "0100", &[(28, b"000000100")]), (28, 20), Reason::Sign(Found::Digit), &[]);
    let digits = character(Class::Xn, Found::Letter);
    refuses(ASCII, &message(ASCII, "0100", &[(28, b"C0000010C")]), (28, 28), digits, &[]);
    refuses(
        BCD,
        &message(BCD, "0100", &[(28, b"C\0\0\x0A\0")]),
        (28, 13),
        character(Class::Xn, Found::Nibble),
        &[],
    );
}

#[test]
fn binary_fields_are_hexadecimal_in_ascii_and_any_bytes_packed() {
    accepts(ASCII, &message(ASCII, "0100", &[(52, b"0123456789abCDEF")]));
    let frame = message(ASCII, "0100", &[(52, b"0123456789abCDEG")]);
    refuses(ASCII, &frame, (52, 35), Reason::Hex(Found::Letter), &[]);
    accepts(BCD, &message(BCD, "0100", &[(52, &[0xFF; 8]), (55, &[0, 2, 0xFE, 0])]));
    accepts(ASCII, &message(ASCII, "0100", &[(55, b"003\xFF\x00\n")]));
}

#[test]
fn all_wrong_fields_are_found_and_the_rest_stays_readable() {
    let fields: &[(u8, &[u8])] =
        &[(3, b"00X000"), (4, b"000000001000"), (11, b"00000Y"), (37, b"000000000001"), (41, b"TERM\t001")];
    let (found, right) = errors(ASCII, &message(ASCII, "0100", fields));
    assert_eq!(found.iter().map(|error| error.de).collect::<Vec<_>>(), [3, 11, 41]);
    assert!(found.iter().all(|error| error.readable));
    assert_eq!(right, [4, 37]);
}

#[test]
fn a_message_over_65535_bytes_is_refused() {
    let frame = vec![b'0'; 65_536];
    refuses(ASCII, &frame, (0, 0), Reason::Oversized(65_536), &[]);
}

#[test]
fn errors_say_place_expectation_and_finding_in_words() {
    let say =
        |dialect, fields: &[(u8, &[u8])]| errors(dialect, &message(dialect, "0100", fields)).0[0].to_string();
    assert_eq!(say(ASCII, &[(4, b"0000000010A0")]), "DE 4, offset 30: expected digits, found a letter");
    assert_eq!(say(ASCII, &[(2, b"20")]), "DE 2, offset 20: expected a length of at most 19, found 20");
    assert_eq!(
        say(BCD, &[(22, &[0xF0, 0x51])]),
        "DE 22, offset 10: expected the pad nibble 0, found another one"
    );
    assert_eq!(errors(ASCII, b"0100G").0[0].to_string(), "bit map, offset 4: expected 16 bytes, found 1");
    assert_eq!(errors(ASCII, b"01").0[0].to_string(), "MTI, offset 0: expected 4 bytes, found 2");
}
