//! Frames that end at a fixed trailer, and bytes that are one message to the last.

use super::*;

#[test]
fn a_message_may_not_have_the_trailer_that_ends_frames() {
    let framing = framing("trailer:0D0D");
    for (message, offset) in [(&b"08\r\r10"[..], 2), (b"0810\r", 4), (b"\r\r", 0)] {
        let mark = "the link's trailer";
        assert_eq!(framed(&framing, Lead::Own, message), Err(FrameError::Ambiguous { mark, offset }));
    }
    let frame = framed(&framing, Lead::Own, b"08\r10").unwrap();
    let mut cutter = Cutter::new(framing, 100);
    for end in 0..frame.len() {
        assert_eq!(cutter.next(&frame[..end]), Ok(None), "{end} bytes");
    }
    assert_eq!(cutter.next(&frame).unwrap().unwrap().end, 5);
}

#[test]
fn a_header_alone_is_for_one_message() {
    let alone = Framing::alone("opaque8").unwrap();
    assert!(alone.is_alone() && !alone.is_delimited());
    assert!("opaque8".parse::<Framing>().is_err());
    let bytes = [b"A4M05000", ECHO].concat();
    let cut = alone.next(&bytes, 4096).unwrap().unwrap();
    assert_eq!((cut.kind, cut.start, cut.end, cut.next), (Kind::Message, 8, bytes.len(), bytes.len()));
    assert_eq!(alone.to_string(), "opaque8");
    assert_eq!(Framing::alone("length2-be"), "length2-be".parse());
    assert_eq!(
        kind_alone("tpdu", b"12345x"),
        Kind::Wrong(WrongFrame::Header {
            offset: 0,
            expected: "the protocol id 60 or 68",
            found: crate::wire::Found::ascii(b'1'),
        })
    );
}

fn kind_alone(framing: &str, bytes: &[u8]) -> Kind {
    Framing::alone(framing).unwrap().next(bytes, 4096).unwrap().unwrap().kind
}
