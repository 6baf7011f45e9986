//! A line that is a dialect, a byte, and a message: as bytes, or as choices of fields and values. What was accepted is
//! echoed byte for byte and rebuilt of its values; what was built reads back.
#![no_main]

use authswitch::wire::{Accept, Dialect, Message, Mti};
use authswitch_fuzz::Input;
use authswitch_fuzz::message::{Fields, build, echo, made, parse_both_ways, values_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let dialect = input.dialect();
    if input.byte() & 1 == 0 {
        let frame = input.rest();
        let mut message = Message::new();
        let right = parse_both_ways(&dialect, frame, &mut message);
        let view = dialect.view(frame, &message);
        echo(view, right);
        // What is taken although it is wrong is not always a value that may be written.
        if right && dialect.accept() == Accept::default() {
            reads_back(&dialect, view.mti(), &values_of(view));
        }
    } else {
        let (mti, fields) = made(&dialect, &mut input);
        reads_back(&dialect, mti, &fields);
    }
});

fn reads_back(dialect: &Dialect, mti: Mti, fields: &Fields) {
    let frame = build(dialect, mti, fields).expect("values of their fields");
    let mut message = Message::new();
    assert!(parse_both_ways(dialect, &frame, &mut message));
    let view = dialect.view(&frame, &message);
    assert_eq!(view.mti(), mti);
    assert_eq!(&values_of(view), fields);
    echo(view, true);
}
