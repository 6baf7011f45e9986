//! Which framing a run of bytes has, and where its messages are.

use super::{framed, sale};
use authswitch::traffic::capture::framing::{Guess, cut, detect};
use authswitch::wire::frame::Framing;

fn messages() -> Vec<Vec<u8>> {
    (1..=9)
        .map(|stan| sale(if stan % 2 == 0 { "iso87-bcd" } else { "iso87-ascii" }, &format!("{stan:06}")))
        .collect()
}

fn run() -> Vec<u8> {
    messages().iter().flat_map(|message| framed(message)).collect()
}

fn first(run: &[u8], anywhere: bool) -> Option<Guess> {
    detect(run, anywhere).into_iter().next()
}

#[test]
fn a_whole_run() {
    let run = run();
    let guess = first(&run, false).unwrap();
    assert_eq!(guess.framing, Framing::LENGTH2_BE);
    assert_eq!((guess.messages, guess.frames, guess.skipped, guess.rest), (9, 9, 0, 0));
    assert!(guess.is_clean() && guess.is_exact());
    assert!(
        guess.to_string().ends_with("9 of 9 frames begin like a message (ASCII), to the last byte"),
        "{guess}"
    );
    let found: Vec<_> =
        cut(guess.framing, &run, false).into_iter().map(|range| run[range].to_vec()).collect();
    assert_eq!(found, messages());
}

#[test]
fn a_run_that_ends_within_a_frame_or_has_keep_alives() {
    let run = [&[0, 0][..], &run(), &[0, 0]].concat();
    let guess = first(&run, false).unwrap();
    assert_eq!((guess.messages, guess.frames, guess.empty), (9, 9, 2));
    assert!(guess.to_string().contains("2 keep-alives"), "{guess}");
    let short = &run[..run.len() - 5];
    let guess = first(short, false).unwrap();
    assert!(guess.is_clean() && !guess.is_exact());
    assert_eq!(guess.messages, 8);
    assert_eq!(cut(guess.framing, short, false).len(), 8);
}

#[test]
fn a_run_that_begins_anywhere() {
    let run = run();
    let lengths: Vec<_> = messages().iter().map(|message| message.len() + 2).collect();
    for start in 1..run.len() {
        let mut whole = 0;
        let mut at = 0;
        for length in &lengths {
            whole += usize::from(at >= start);
            at += length;
        }
        let guess = first(&run[start..], true);
        assert_eq!(guess.map_or(0, |guess| guess.messages), whole, "from {start}");
        assert_eq!(cut(Framing::LENGTH2_BE, &run[start..], true).len(), whole, "from {start}");
    }
}

#[test]
fn a_run_with_damage_in_its_midst() {
    let mut run = run();
    let third = run.len() / 3;
    run.splice(third..third, [0xFF; 300]);
    let guess = first(&run, false).unwrap();
    assert!(!guess.is_clean(), "{guess}");
    let found = cut(Framing::LENGTH2_BE, &run, false);
    // The message that was torn apart is cut as its length says, and what follows is found again.
    let whole = found.iter().filter(|range| messages().contains(&run[(*range).clone()].to_vec())).count();
    assert_eq!(whole, 8);
}

#[test]
fn what_has_no_messages_has_no_framing() {
    assert_eq!(detect(b"", false), []);
    assert_eq!(detect(b"GET / HTTP/1.1\r\n\r\n", false), []);
    assert_eq!(detect(&[0; 1000], false), []);
    assert_eq!(detect(&[0; 1000], true), []);
    assert_eq!(detect(&[0xFF; 100_000], true), []);
}
