//! A line that is a framing, a byte, a stream. Wherever the stream is split, the same frames are cut out of it, each inside
//! it; what is cut can be framed again.
#![no_main]

use authswitch::wire::frame::{Cut, Cutter, FrameError, Framing, Kind, Lead};
use authswitch_fuzz::Input;
use libfuzzer_sys::fuzz_target;

const MAX_FRAME: usize = 600;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let notation = String::from_utf8_lossy(input.until(b'\n'));
    let framing: Framing = match notation.parse() {
        Ok(framing) => framing,
        Err(error) => {
            assert!(!format!("{error}").is_empty());
            return;
        }
    };
    assert_eq!(framing.to_string().parse(), Ok(framing), "{notation}");
    let steps = 1 + usize::from(input.byte());
    let stream = input.rest();
    let (cuts, end) = cut(framing, stream, stream.len().max(1));
    assert_eq!(cut(framing, stream, steps), (cuts.clone(), end), "{notation}, {steps} at a time");
    for (at, cut) in cuts {
        let frame = &stream[at..at + cut.next];
        let (lead, message) = (&frame[..cut.start], &frame[cut.start..cut.end]);
        assert!(cut.header <= cut.start);
        let mut resealed = frame.to_vec();
        framing.reseal(&mut resealed);
        for lead in [Lead::Own, Lead::Same(lead), Lead::Answer { request: lead, wrong_de: 255 }] {
            let mut out = b"before".to_vec();
            let mark = framing.begin(&mut out, lead);
            out.extend_from_slice(message);
            if framing.finish(&mut out, mark).is_err() {
                assert_eq!(out, b"before");
                continue;
            }
            // A frame with a message of ours is read back; of a wrong frame the lead may be wrong too.
            if cut.kind == Kind::Message {
                let again = framing.next(&out[6..], usize::MAX).unwrap().unwrap();
                assert_eq!(again.next, out.len() - 6);
                assert_eq!(&out[6..][again.start..again.end], message, "{notation}");
            }
        }
    }
});

type Cuts = (Vec<(usize, Cut)>, Result<usize, (usize, FrameError)>);

/// The frames of a stream of which so many bytes come at a time; and where it stops, or how.
fn cut(framing: Framing, stream: &[u8], more: usize) -> Cuts {
    let (mut cutter, mut at, mut cuts) = (Cutter::new(framing, MAX_FRAME), 0, Vec::new());
    for end in (more..stream.len()).step_by(more).chain([stream.len()]) {
        loop {
            match cutter.next(&stream[at..end]) {
                Ok(None) => break,
                Ok(Some(cut)) => {
                    assert!(cut.start <= cut.end && cut.end <= cut.next && cut.next <= end - at, "{cut:?}");
                    assert!(cut.next > 0 && cut.next <= framing.room(MAX_FRAME), "{cut:?}");
                    cuts.push((at, cut));
                    at += cut.next;
                }
                Err(error) => return (cuts, Err((at, error))),
            }
        }
    }
    (cuts, Ok(at))
}
