//! A byte of options, and a capture file, dump, log or bytes. Nothing panics, no more comes out than there is in it, and what
//! is said about the pieces can be said of any piece.
#![no_main]

use authswitch::cli::decode::{Form, Look, Show};
use authswitch::traffic::capture::{Capture, KEPT_OF_A_KIND, Kind, Options, framing};
use authswitch::wire::Dialect;
use authswitch_fuzz::Input;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

static ALL: LazyLock<Vec<Arc<Dialect>>> =
    LazyLock::new(|| Dialect::builtin_names().iter().filter_map(|name| Dialect::builtin(name)).collect());

/// Bytes of a piece whose framing is looked for.
const LOOKED_AT: usize = 600;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let one_a_line = input.byte() & 1 == 1;
    let file = input.rest();
    // What only looks packed cannot be read.
    let Ok(mut capture) = Capture::open(file, Options { one_a_line, ..Options::default() }) else { return };
    let (mut held, mut pieces) = (0, 0);
    while let Ok(Some(piece)) = capture.next_piece() {
        held += piece.bytes.len();
        pieces += 1;
        for at in [0, piece.bytes.len() / 2, piece.bytes.len()] {
            let _ = (piece.at_us(at), piece.place(at));
        }
        let _ = (piece.packets(), piece.origin.to_string(), piece.told_as_text());
        if let Some(logged) = &piece.logged {
            assert!(piece.bytes.is_empty());
            // What is told by fields is shown without a panic, whatever it is.
            let _ = Show::new(ALL.clone(), Form::Json, false, Look::default()).log(logged);
        }
        if pieces <= 2 {
            let bytes = &piece.bytes[..piece.bytes.len().min(LOOKED_AT)];
            for guess in framing::detect(bytes, piece.begins.must_synchronise()) {
                assert!(guess.skipped + guess.lost + guess.whole + guess.rest <= bytes.len(), "{guess}");
            }
        }
    }
    // Rows that a dump leaves out, and what was packed, are the only bytes that are not in the file.
    let grows = capture.kind() == Kind::Text || file.starts_with(&[0x1F, 0x8B, 8]);
    assert!(grows || held <= file.len(), "{held} of {}", file.len());
    assert!(capture.remarks().kept().len() as u64 <= 64 * KEPT_OF_A_KIND);
    for remark in capture.remarks().kept() {
        assert!(!remark.to_string().is_empty());
    }
});
