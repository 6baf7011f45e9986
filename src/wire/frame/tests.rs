//! The rows of the field's framings with their worked bytes, and what a wrong stream is told.

#![allow(clippy::unwrap_used)]

use super::*;
use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

/// The 55 bytes of an echo test.
const ECHO: &[u8] = b"0800822000000000000004000000000000001005123456000001301";

fn framing(text: &str) -> Framing {
    text.parse().unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn framed(framing: &Framing, lead: Lead<'_>, message: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut out = vec![0xAA];
    let mark = framing.begin(&mut out, lead);
    out.extend_from_slice(message);
    let finished = framing.finish(&mut out, mark);
    assert_eq!(out.remove(0), 0xAA);
    assert!(finished.is_ok() || out.is_empty(), "a frame that cannot be sent leaves no trace");
    finished.map(|()| out)
}

fn cut(framing: &str, bytes: &[u8]) -> Result<Option<Cut>, FrameError> {
    self::framing(framing).next(bytes, 4096)
}

fn kind(framing: &str, bytes: &[u8]) -> Kind {
    cut(framing, bytes).unwrap().unwrap().kind
}

/// Each framing by its notation, and the bytes before and behind the echo test.
const ROWS: [(&str, &str, &str); 25] = [
    ("length2-be", "0037", ""),
    ("length2-be-inclusive", "0039", ""),
    ("length2-le", "3700", ""),
    ("length1-be", "37", ""),
    ("length4-be", "00000037", ""),
    ("length2-bcd", "0055", ""),
    ("length4-ascii", "30303535", ""),
    ("length5-ascii", "3030303535", ""),
    ("length6-ascii", "303030303535", ""),
    ("length4-hex", "30303337", ""),
    ("length4-ebcdic", "F0F0F5F5", ""),
    ("length3-be", "000037", ""),
    ("length2-be-zero2", "00370000", ""),
    ("zero2-length2-be", "00000037", ""),
    ("rbp", "D04A00370000", ""),
    ("stx-etx", "02", "03"),
    ("etx", "", "03"),
    ("length2-be+etx", "0038", "03"),
    ("length2-be+etx-uncounted", "0037", "03"),
    ("length2-be+tpdu", "003C6000030000", ""),
    ("length2-be+tpdu-uncounted", "00376000030000", ""),
    ("length2-bcd+tpdu", "00606000030000", ""),
    ("length2-bcd+tpdu-unionpay", "00666000030000603100000000", ""),
    ("length2-be+base24", "004349534F303236303030303530", ""),
    ("visa-stream+visa-header", "004D0000160102004D00000012345600000000000000000000 00", ""),
];

#[test]
fn the_worked_examples_are_written_and_cut() {
    for (text, before, behind) in ROWS {
        let framing = framing(text);
        let frame = [&unhex(before)[..], ECHO, &unhex(behind)].concat();
        assert_eq!(framed(&framing, Lead::Own, ECHO).unwrap(), frame, "{text}");
        let cut = framing.next(&frame, 4096).unwrap().unwrap();
        assert_eq!((cut.kind, &frame[cut.start..cut.end]), (Kind::Message, ECHO), "{text}");
        assert_eq!((cut.start, cut.next), (before.replace(' ', "").len() / 2, frame.len()), "{text}");
        for end in 0..frame.len() {
            assert_eq!(framing.next(&frame[..end], 4096), Ok(None), "{text}, {end} bytes");
        }
        assert_eq!(framing.to_string(), text);
        // At the limit, and a byte over it.
        let behind_length = frame.len() - framing.length.size();
        assert!(framing.next(&frame, behind_length).is_ok(), "{text}");
        assert!(framing.next(&frame, behind_length - 1).is_err(), "{text}");
    }
}

#[test]
fn an_unfinished_frame_says_how_long_it_is() {
    for (text, before, behind) in ROWS {
        let frame = [&unhex(before)[..], ECHO, &unhex(behind)].concat();
        let announced = framing(text).announced(&frame);
        // As soon as the length is there, and never from the marks alone.
        let expected = (!framing(text).is_delimited()).then_some(frame.len());
        assert_eq!(announced, expected, "{text}");
        for there in 0..frame.len() {
            let early = framing(text).announced(&frame[..there]);
            assert!(early.is_none() || early == expected, "{text}: {early:?} by {there} bytes");
        }
    }
}

#[test]
fn a_check_byte_is_all_bytes_behind_stx_with_etx_added_without_carry() {
    let framing = framing("stx-etx-lrc");
    let frame = framed(&framing, Lead::Own, b"0800").unwrap();
    // 30 ^ 38 ^ 30 ^ 30 ^ 03 = 0B
    assert_eq!(frame, unhex("02 30383030 03 0B"));
    assert_eq!(kind("stx-etx-lrc", &frame), Kind::Message);
    let mut other = frame.clone();
    other[1] = b'1';
    assert_eq!(kind("stx-etx-lrc", &other), Kind::Wrong(WrongFrame::Lrc));
    framing.reseal(&mut other);
    assert_eq!(kind("stx-etx-lrc", &other), Kind::Message);
    assert_eq!(framed(&self::framing("etx-lrc"), Lead::Own, b"0800").unwrap(), unhex("30383030 03 0B"));
    let with_length = framed(&self::framing("length2-be+stx-etx-lrc"), Lead::Own, b"0800").unwrap();
    assert_eq!(with_length, unhex("0007 02 30383030 03 0B"));
}

#[test]
fn an_answers_header_is_made_from_its_requests() {
    let visa_request = "004D0005 160102004D 111111 222222 A7 1234 010203 09 AABBCC 5E";
    let rows = [
        ("length2-be+tpdu", "003C 60 0003 0142", "003C 60 0142 0003"),
        ("length2-be+tpdu", "003C 68 0001 0002", "003C 68 0002 0001"),
        ("length2-bcd+tpdu-unionpay", "0066 60 0003 0000 603100311204", "0066 60 0000 0003 603100311204"),
        ("length2-be+base24", "0043 49534F 3031 3630 303030 31 30", "0043 49534F 3031 3630 303030 31 35"),
        ("length2-be+fixed:C0FFEE", "003A C0FFEE", "003A C0FFEE"),
        ("length2-be+opaque3", "003A 010203", "003A 010203"),
        (
            "visa-stream+visa-header",
            visa_request,
            "004D0005 160102004D 222222 111111 A7 0000 000000 00 000000 5E",
        ),
    ];
    for (text, request, answer) in rows {
        let (framing, request) = (framing(text), unhex(request));
        let frame = [&request[..], ECHO].concat();
        let cut = framing.next(&frame, 4096).unwrap().unwrap();
        assert_eq!((cut.kind, cut.start), (Kind::Message, request.len()), "{text}");
        let lead = Lead::Answer { request: &frame[..cut.start], wrong_de: 0 };
        let answered = framed(&framing, lead, ECHO).unwrap();
        assert_eq!(answered, [&unhex(answer)[..], ECHO].concat(), "{text}");
        // An answer that is built anew keeps what it has, at its own length.
        let again = framed(&framing, Lead::Same(&answered[..cut.start]), &ECHO[..50]).unwrap();
        let cut = framing.next(&again, 4096).unwrap().unwrap();
        assert_eq!((cut.kind, &again[cut.start..]), (Kind::Message, &ECHO[..50]), "{text}");
        let keep = |frame: &[u8]| match framing.header.style {
            Style::Visa => [&frame[2..7], &frame[9..cut.start]].concat(),
            _ => frame[cut.header..cut.start].to_vec(),
        };
        assert_eq!(keep(&again), keep(&answered), "{text}");
    }
}

#[test]
fn base24_names_the_field_in_error_and_its_own_code() {
    let framing = framing("length2-be+base24:ISO026000020");
    let request = [&unhex("0043")[..], b"ISO026000050", ECHO].concat();
    for (wrong_de, header) in [(0, b"ISO026000052"), (4, b"ISO026000452"), (128, b"ISO026012852")] {
        let lead = Lead::Answer { request: &request[..14], wrong_de };
        assert_eq!(&framed(&framing, lead, ECHO).unwrap()[2..14], header);
    }
}

#[test]
fn a_lead_that_is_no_lead_gives_the_senders_own_header() {
    for (text, ..) in ROWS {
        let framing = framing(text);
        let own = framed(&framing, Lead::Own, ECHO).unwrap();
        for lead in [&b""[..], b"\x00", &[0x60; 64]] {
            let answer = Lead::Answer { request: lead, wrong_de: 0 };
            let platform_aside = |mut frame: Vec<u8>| {
                if text.starts_with("visa-stream") {
                    frame[3] = 0;
                }
                frame
            };
            assert_eq!(platform_aside(framed(&framing, answer, ECHO).unwrap()), own, "{text}");
            assert_eq!(platform_aside(framed(&framing, Lead::Same(lead), ECHO).unwrap()), own, "{text}");
        }
    }
}

#[test]
fn nothing_is_a_keep_alive() {
    let rows = [
        ("length2-be", "0000"),
        ("length2-be-inclusive", "0000"),
        ("length4-ascii", "30303030"),
        ("length3-be", "000000"),
        ("length4-be", "00000000"),
        ("length4-ebcdic", "F0F0F0F0"),
        ("length2-be+etx", "0000"),
        ("length2-be+etx-uncounted", "0000"),
        ("length2-bcd+tpdu", "0000"),
        ("length2-be+tpdu-uncounted", "0000"),
        ("rbp", "D04A00000000"),
        ("visa-stream+visa-header", "00000000"),
        ("stx-etx", "0203"),
        ("etx", "03"),
        ("stx-etx-lrc", "020303"),
    ];
    for (text, bytes) in rows {
        let (framing, mut bytes) = (framing(text), unhex(bytes));
        assert_eq!(framed(&framing, Lead::Own, b"").unwrap(), bytes, "{text}");
        let length = bytes.len();
        bytes.extend_from_slice(b"0800");
        let cut = framing.next(&bytes, 4096).unwrap().unwrap();
        assert_eq!((cut.kind, cut.start, cut.next), (Kind::KeepAlive, cut.end, length), "{text}");
    }
    assert_eq!(kind("length2-be-inclusive", &[0, 2]), Kind::KeepAlive, "counts itself alone");
    assert_eq!(framed(&framing("tpdu+stx-etx"), Lead::Own, b""), Err(FrameError::Empty));
}

#[test]
fn visas_session_control_is_cut_and_told_apart() {
    let control = unhex("00040021 01020304 0000");
    let cut = cut("visa-stream+visa-header", &control).unwrap().unwrap();
    assert_eq!((cut.kind, cut.next), (Kind::Control, 8));
    assert_eq!(kind("visa-stream", &unhex("00000020")), Kind::Control, "a heartbeat is not sent back");
    assert_eq!(kind("visa-stream", &unhex("00010010 30")), Kind::Wrong(WrongFrame::StreamKind));
}

#[test]
fn a_visa_reject_is_told_apart_with_its_code() {
    let original = "160102001A 000000 123456 00 0000 000000 00 000000 00 0100 7224";
    let rows = [("8000 0123", Some(123)), ("0000 0123", None), ("8000 01A3", None)];
    for (tail, code) in rows {
        let reject = unhex(&format!(
            "0034 0000 1A81020034 000000 123456 00 0000 000000 00 000000 00 {tail} {original}"
        ));
        let cut = cut("visa-stream+visa-header", &reject).unwrap().unwrap();
        assert_eq!((cut.kind, cut.start, cut.next), (Kind::Reject { code }, 30, reject.len()));
    }
    let short = unhex("0018 0000 1A01020018 000000 123456 00 0000 000000 00 000000 00 8000");
    assert_eq!(
        kind("visa-stream+visa-header", &short),
        Kind::Wrong(WrongFrame::Short { min: 26, found: 24 })
    );
}

#[test]
fn a_wrong_header_is_told_and_the_stream_goes_on() {
    let tpdu = "expected the protocol id 60 or 68 at byte 0 of the header, found a digit";
    let rows = [
        ("length2-be+tpdu", "0006 3000030000 30", tpdu),
        ("length2-be+tpdu", "0005 6000030000", "expected at least 6 bytes behind the length, found 5"),
        ("length2-be+etx", "0001 03", "expected at least 2 bytes behind the length, found 1"),
        (
            "length2-be+base24",
            "000D 49534E303236303030303530 30",
            "expected the letters ISO at byte 2 of the header, found a letter",
        ),
        (
            "length2-be+base24",
            "000D 49534F303236303030304130 30",
            "expected a digit at byte 10 of the header, found a letter",
        ),
        (
            "length2-be+fixed:AABB",
            "0003 AABC 30",
            "expected the link's fixed header at byte 1 of the header, found a byte over 7F",
        ),
        (
            "visa-stream+visa-header",
            "00170000 1501020017 000000 123456 00 0000 000000 00 000000 00 30",
            "expected the header length 16 (22) or 1A (26) at byte 0 of the header, found a control character",
        ),
        (
            "visa-stream+visa-header",
            "00170000 1681020017 000000 123456 00 0000 000000 00 000000 00 30",
            "expected a header that no other follows at byte 1 of the header, found a byte over 7F",
        ),
        (
            "visa-stream+visa-header",
            "00170000 1601020018 000000 123456 00 0000 000000 00 000000 00 30",
            "expected a total length of 23 in the header, found 24",
        ),
    ];
    for (text, bytes, reason) in rows {
        let mut bytes = unhex(bytes);
        let length = bytes.len();
        bytes.push(0x55);
        let cut = cut(text, &bytes).unwrap().unwrap();
        let Kind::Wrong(wrong) = cut.kind else { panic!("{text}: {:?}", cut.kind) };
        assert_eq!((wrong.to_string().as_str(), cut.next), (reason, length), "{text}");
    }
}

#[test]
fn a_stream_that_cannot_be_cut_is_told_why() {
    let over = "expected a frame of at most 4096 bytes, found a length of";
    let rows = [
        ("length2-be", "1001", format!("{over} 4097")),
        ("length4-be", "FFFFFFFF", format!("{over} 4294967295")),
        ("length4-le", "FFFFFFFF", format!("{over} 4294967295")),
        ("length6-ascii", "393939393939", format!("{over} 999999")),
        ("length2-be+tpdu-uncounted", "0FFC", format!("{over} 4097")),
        ("length2-be-inclusive", "0001", "expected a length of at least 2, found 1".to_owned()),
        (
            "length2-bcd",
            "00A1",
            "expected two packed decimal digits at byte 1 of the length, found a nibble A to F".to_owned(),
        ),
        (
            "length4-ascii",
            "30304130",
            "expected a decimal digit at byte 2 of the length, found a letter".to_owned(),
        ),
        (
            "length4-ascii",
            "16030100",
            "expected a decimal digit at byte 0 of the length, found a control character".to_owned(),
        ),
        (
            "length4-ebcdic",
            "F0F0FAF0",
            "expected an EBCDIC decimal digit at byte 2 of the length, found a byte over 7F".to_owned(),
        ),
        (
            "length4-hex",
            "30304730",
            "expected a hexadecimal digit at byte 2 of the length, found a letter".to_owned(),
        ),
        (
            "length2-be-zero2",
            "00370001",
            "expected a zero byte at byte 3 of the length, found another".to_owned(),
        ),
        (
            "zero2-length2-be",
            "00010037",
            "expected a zero byte at byte 1 of the length, found another".to_owned(),
        ),
        ("visa-stream", "00370100", "expected a zero byte at byte 2 of the length, found another".to_owned()),
        (
            "rbp",
            "D04B00370000",
            "expected the protocol id D0 4A at byte 1 of the length, found another".to_owned(),
        ),
        (
            "rbp",
            "D04A00370200",
            "expected the last-part flag 00 00 at byte 4 of the length, found another".to_owned(),
        ),
        (
            "rbp",
            "D04A00370100",
            "expected a message in one part (flag 00 00), found one that goes on in the next frame (01 00)"
                .to_owned(),
        ),
        ("stx-etx", "30", "expected STX (02) at byte 0 of the frame, found a digit".to_owned()),
        (
            "length2-be+stx-etx",
            "000330303003",
            "expected STX (02) at byte 2 of the frame, found a digit".to_owned(),
        ),
        ("length2-be+etx", "00023031", "expected ETX (03) at byte 3 of the frame, found a digit".to_owned()),
    ];
    for (text, bytes, reason) in rows {
        assert_eq!(cut(text, &unhex(bytes)).unwrap_err().to_string(), reason, "{text}");
    }
}

#[test]
fn a_frame_without_end_is_refused_at_the_limit() {
    for (text, first) in [("stx-etx", 2), ("etx", b'0'), ("stx-etx-lrc", 2)] {
        let mut cutter = Cutter::new(framing(text), 100);
        let mut stream = vec![first];
        for _ in 1..100 {
            assert_eq!(cutter.next(&stream), Ok(None), "{text}");
            stream.push(b'0');
        }
        let error = cutter.next(&stream).unwrap_err();
        assert_eq!(error.to_string(), "expected ETX (03) within 100 bytes, found none", "{text}");
    }
    // The check byte counts too.
    let frame = [&[2][..], &[b'0'; 98], &[3, 3]].concat();
    assert_eq!(framing("stx-etx-lrc").next(&frame, 100), Err(FrameError::Endless { max: 100 }));
}

#[test]
fn what_was_searched_is_not_searched_again() {
    let mut cutter = Cutter::new(framing("stx-etx"), 70_000);
    let mut stream = vec![STX];
    for _ in 0..65_536 {
        assert_eq!(cutter.next(&stream), Ok(None));
        assert_eq!(cutter.searched, stream.len(), "all of it, and from here on only what comes");
        stream.push(b'0');
    }
    // Proof that it is not looked at: an end that appears in what was searched is not found.
    stream[100] = ETX;
    assert_eq!(cutter.next(&stream), Ok(None));
    stream.push(ETX);
    let cut = cutter.next(&stream).unwrap().unwrap();
    assert_eq!((cut.start, cut.next), (1, stream.len()));
    assert_eq!(cutter.searched, 0, "the next frame is searched from its start");
}

#[test]
fn a_header_may_have_the_byte_that_ends_a_frame() {
    let framing = framing("tpdu:6000030003+stx-etx");
    let frame = framed(&framing, Lead::Own, b"0800").unwrap();
    assert_eq!(frame, unhex("02 6000030003 30383030 03"));
    for end in 0..frame.len() {
        assert_eq!(framing.next(&frame[..end], 100), Ok(None), "{end} bytes");
    }
    let cut = framing.next(&frame, 100).unwrap().unwrap();
    assert_eq!((cut.kind, cut.header, cut.start, cut.end), (Kind::Message, 1, 6, 10));
}

#[test]
fn a_message_that_cannot_be_sent_leaves_no_trace() {
    let long = |text: &str, length: usize| framed(&framing(text), Lead::Own, &vec![b'0'; length]);
    let rows = [
        ("length2-be", 65_535),
        ("length2-be-inclusive", 65_533),
        ("length1-be", 255),
        ("length2-bcd", 9_999),
        ("length2-bcd+tpdu", 9_994),
        ("length2-bcd+tpdu-uncounted", 9_999),
        ("length4-ascii+etx", 9_998),
        ("length4-hex+stx-etx-lrc", 65_532),
        ("length4-be+visa-header", 65_513),
    ];
    for (text, max) in rows {
        assert!(long(text, max).is_ok(), "{text}");
        assert_eq!(long(text, max + 1), Err(FrameError::Unsendable { max, found: max + 1 }), "{text}");
    }
    assert_eq!(framed(&framing("etx"), Lead::Own, b"08\x03"), Err(FrameError::Ambiguous { offset: 2 }));
}

#[test]
fn the_codec_gives_back_what_it_took() {
    for (text, ..) in ROWS {
        let mut codec = FrameCodec::new(framing(text), 1000);
        let mut stream = BytesMut::new();
        let long = vec![b'1'; if text.starts_with("length1") { 200 } else { 900 }];
        for message in [ECHO, &long] {
            codec.encode(message, &mut stream).unwrap();
        }
        assert!(codec.encode(&[b'1'; 1001][..], &mut stream).is_err(), "{text}");
        for message in [ECHO, &long] {
            let frame = codec.decode(&mut stream).unwrap().unwrap();
            assert_eq!((frame.kind, &frame.message[..]), (Kind::Message, message), "{text}");
            let mut answer = BytesMut::new();
            codec.encode((Lead::Answer { request: &frame.lead, wrong_de: 0 }, message), &mut answer).unwrap();
            assert_eq!(&codec.decode(&mut answer).unwrap().unwrap().message[..], message, "{text}");
        }
        assert!(codec.decode(&mut stream).unwrap().is_none() && stream.is_empty(), "{text}");
    }
}
