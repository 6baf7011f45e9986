//! Frames collected from elsewhere, with the length and the header that others find in them.

#![allow(clippy::unwrap_used)]

use authswitch::wire::frame::{Framing, Kind};
use serde_json::Value;

/// The longest frame that Visa's streams carry.
const MAX_FRAME: usize = 2048;

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn frames_of_others_are_cut_where_they_say() {
    for line in include_str!("vectors/frames.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        let framing: Framing = case["framing"].as_str().unwrap().parse().unwrap();
        let mut stream = unhex(case["frame"].as_str().unwrap());
        if let Some(error) = case["error"].as_str() {
            assert_eq!(framing.next(&stream, MAX_FRAME).unwrap_err().to_string(), error, "{id}");
            continue;
        }
        let part = framing.room(0);
        let whole = part + case["length"].as_u64().unwrap() as usize;
        if stream.len() < whole {
            assert_eq!(framing.next(&stream, MAX_FRAME).unwrap(), None, "{id} waits for more");
            stream.resize(whole, b'0');
        }
        let cut = framing.next(&stream, MAX_FRAME).unwrap().unwrap();
        assert_eq!((cut.end, cut.next), (whole, whole), "{id}");
        let header = unhex(case["header"].as_str().unwrap_or_default());
        let kind = if case["control"] == true { Kind::Control } else { Kind::Message };
        assert_eq!((&stream[cut.header..cut.start], cut.kind), (&header[..], kind), "{id}");
        assert_eq!(stream.len() - cut.next, case["left"].as_u64().unwrap_or(0) as usize, "{id}");
    }
}
