//! A line that is a dialect, and bytes. The fast walk and the strict one say the same of them, looking for one data element
//! finds what the parse has, and nothing that reads the result panics, of this frame or of another one.
#![no_main]

use authswitch::wire::Message;
use authswitch_fuzz::{Input, message, walk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let dialect = input.dialect();
    let frame = input.rest();
    let mut parsed = Message::new();
    let right = message::parse_both_ways(&dialect, frame, &mut parsed);
    let view = dialect.view(frame, &parsed);
    message::read_all(view);
    message::find_each(view, right);
    walk::walk_all(view);
    message::read_all(dialect.view(&frame[..frame.len() / 2], &parsed));
    // What was parsed before leaves no trace.
    let mut again = parsed.clone();
    let _ = dialect.parse(&frame[..frame.len() / 2], &mut again);
    assert_eq!(dialect.parse(frame, &mut again).is_ok(), right);
    assert_eq!(format!("{again:?}"), format!("{parsed:?}"));
});
